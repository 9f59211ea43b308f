package publish

import (
	"fmt"
	"math/rand/v2"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/filter/plan"
)

var shop = mesh.Sidecar{ID: "shop-1", Service: "shop", Listen: "127.0.0.1:8000", App: "127.0.0.1:9000"}

// policy makes one like `name /path cluster...`.
func policy(name, path string, timeoutMS uint32, clusters ...string) plan.Policy {
	p := plan.Policy{
		Name: name, TimeoutMS: timeoutMS,
		Limits:   plan.Limits{AnswerBytes: 1, TotalBytes: 1, RequestBytes: 1, Hops: 1},
		Response: plan.Response{Status: 200},
	}
	switch path {
	case "param":
		p.Match.Path = []plan.Segment{{Literal: "shop"}, {Param: "id"}}
	case "tail":
		p.Match.Path = []plan.Segment{{Literal: "shop"}, {Param: "rest", Tail: true}}
	default:
		p.Match.Path = []plan.Segment{{Literal: path}}
	}
	for i, c := range clusters {
		p.Steps = append(p.Steps, plan.Step{
			Name: fmt.Sprintf("s%d", i), Cluster: c, Marked: true, Authority: "a", Method: "GET",
			Path: plan.Text{{Lit: "/"}}, TimeoutMS: timeoutMS,
			Success: []plan.StatusRange{{From: 200, To: 299}},
		})
	}
	return p
}

// world puts policies into force for the shop, with the clusters they call.
// Clusters whose name has "dns" in it are by name.
func world(policies ...plan.Policy) map[mesh.Workload]Wanted {
	w := Wanted{Plan: &plan.Plan{Service: "shop", Policies: policies}}
	seen := map[string]bool{}
	for i := range policies {
		for _, s := range policies[i].Steps {
			if seen[s.Cluster] {
				continue
			}
			seen[s.Cluster] = true
			host := "10.0.0.1"
			if s.Cluster[0] == 'd' {
				host = "dns.example"
			}
			w.Upstreams = append(w.Upstreams, mesh.Upstream{
				Name: s.Cluster, Cluster: s.Cluster, Authority: "a",
				Endpoints: []mesh.Endpoint{{Host: host, Port: 80}},
			})
		}
	}
	return map[mesh.Workload]Wanted{shop.Workload(): w}
}

// randomWorld draws a few policies with paths and clusters from small pots, so
// that every sort of change comes often.
func randomWorld(r *rand.Rand) map[mesh.Workload]Wanted {
	var policies []plan.Policy
	for i := range 4 {
		if r.IntN(3) == 0 {
			continue
		}
		var clusters []string
		for _, c := range []string{"e1", "e2", "e3", "d1", "d2"} {
			if r.IntN(3) == 0 {
				clusters = append(clusters, c)
			}
		}
		path := []string{"param", "tail", "a", "b"}[r.IntN(4)]
		policies = append(policies, policy(fmt.Sprintf("p%d", i), path, uint32(1+r.IntN(3))*1000, clusters...))
	}
	w := world(policies...)
	wanted := w[shop.Workload()]
	for i := range wanted.Upstreams {
		if wanted.Upstreams[i].Cluster[0] == 'e' && r.IntN(3) == 0 {
			wanted.Upstreams[i].Endpoints[0].Port = uint32(81 + r.IntN(2))
		}
	}
	return w
}
