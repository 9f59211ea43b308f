package compile

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// variant is one policy for one sort of sidecar: clusters have other names in
// attached Envoys.
type variant struct {
	name     string
	attached bool
}

// artifact is a variant that compiled. It stands for itself: the upstreams that
// it calls are in it.
type artifact struct {
	file, hash string
	// targets are the services, sorted.
	targets   []string
	policy    plan.Policy
	upstreams []mesh.Upstream
}

// servesAs says which workloads get the artifact of a variant.
func (a *artifact) servesAs(v variant) func(mesh.Workload) bool {
	return func(w mesh.Workload) bool {
		_, ok := slices.BinarySearch(a.targets, w.Service)
		return ok && w.Attached == v.attached
	}
}

// bind fills in the clusters. Upstreams that the variant has no way to are
// reported, if there is a workload that needs them.
func (c *compiler) bind(d *draft, attached bool) (artifact, bool) {
	a := artifact{file: d.agg.Pos.File, hash: d.agg.Hash, policy: d.policy}
	for _, t := range d.agg.Spec.TargetRefs {
		a.targets = append(a.targets, t.Name.Value)
	}
	slices.Sort(a.targets)
	a.policy.Steps = slices.Clone(d.policy.Steps)
	needed := slices.IndexFunc(c.in.Workloads, a.servesAs(variant{d.name(), attached}))
	ok := true
	for i, u := range d.calls {
		m := u.own
		if attached {
			m = u.foreign
		}
		if m == nil {
			ok = false
			if needed >= 0 {
				d.unreachable(i, c.in.Workloads[needed])
			}
			continue
		}
		s := &a.policy.Steps[i]
		s.Cluster, s.Marked, s.Authority = m.Cluster, !m.Foreign, m.Authority
		a.upstreams = append(a.upstreams, *m)
	}
	a.upstreams = byCluster(a.upstreams)
	return a, ok
}

func (d *draft) unreachable(call int, w mesh.Workload) {
	name := d.agg.Spec.Calls[call].Upstream
	message := fmt.Sprintf("upstream %q has no endpoints, which the sidecars of %q need", name.Value, w.Service)
	hint := "give it endpoints"
	if w.Attached {
		message = fmt.Sprintf("upstream %q has no cluster, which the attached Envoys of %q need", name.Value, w.Service)
		hint = "give it the name of a cluster that they have"
	}
	// Not through add: the other sort of sidecar is served.
	p := policy.At(name.Loc, "unreachable-upstream", message, hint)
	p.Kind, p.Name = policy.KindAggregation, d.name()
	d.report(p)
}

// byCluster sorts upstreams by cluster and leaves one of each. Of two Upstreams
// with one foreign cluster it is the first by name.
func byCluster(ups []mesh.Upstream) []mesh.Upstream {
	slices.SortStableFunc(ups, func(a, b mesh.Upstream) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Name, b.Name))
	})
	return slices.CompactFunc(ups, func(a, b mesh.Upstream) bool { return a.Cluster == b.Cluster })
}
