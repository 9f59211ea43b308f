package compile

import (
	"slices"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// workload puts together what one workload gets.
func (c *compiler) workload(w mesh.Workload) Compiled {
	out := Compiled{Plan: &plan.Plan{Service: w.Service, Matcher: w.Attached}}
	for _, v := range c.variants() {
		a := c.artifacts[v]
		if !a.servesAs(v)(w) {
			continue
		}
		out.Plan.Policies = append(out.Plan.Policies, a.policy)
		out.Upstreams = append(out.Upstreams, a.upstreams...)
	}
	slices.SortStableFunc(out.Plan.Policies, func(a, b plan.Policy) int {
		order, _ := precedence(&a, &b)
		return order
	})
	out.Upstreams = byCluster(out.Upstreams)
	return out
}
