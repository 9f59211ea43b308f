package compile

import (
	"cmp"
	"slices"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/controlplane/policy"
)

// settle decides what serves for a policy: nothing if it is disabled, the new
// version if it has no error, else the last good one if there is one.
func (c *compiler) settle(d *draft) {
	if c.disabled[d.name()] {
		return
	}
	for _, attached := range []bool{false, true} {
		v := variant{d.name(), attached}
		if !d.failed {
			if a, ok := c.bind(d, attached); ok {
				c.artifacts[v] = a
				continue
			}
		}
		c.keep(v)
	}
}

// markDisabled notes the policies that enabled: false takes out. It does so in
// spite of errors elsewhere in them: it is the way to get rid of one at once.
func (c *compiler) markDisabled() {
	for _, d := range c.drafts {
		e := d.agg.Spec.Enabled
		off := e.Given() && !e.B
		if before, ok := c.disabled[d.name()]; ok {
			off = off && before
		}
		c.disabled[d.name()] = off
	}
}

// keep carries the last good version over, if there is one.
func (c *compiler) keep(v variant) {
	if c.in.Last == nil {
		return
	}
	if a, ok := c.in.Last.artifacts[v]; ok {
		c.artifacts[v], c.kept[v] = a, true
	}
}

// keepUnreadable carries over what was in files that cannot be read any more.
// What is in no file is deleted.
func (c *compiler) keepUnreadable() {
	if c.in.Last == nil {
		return
	}
	for v, a := range c.in.Last.artifacts {
		if c.draft(v.name) == nil && slices.Contains(c.in.Policies.Broken, a.file) {
			c.artifacts[v], c.kept[v] = a, true
		}
	}
}

// refreshUpstreams gives last good versions the endpoints of today, where the
// cluster is still the same, so that no two policies disagree about a cluster.
func (c *compiler) refreshUpstreams() {
	today := map[string]*mesh.Upstream{}
	for _, u := range c.upstreams {
		if u.own != nil {
			today[u.own.Cluster] = u.own
		}
	}
	for v, a := range c.artifacts {
		if v.attached {
			continue
		}
		a.upstreams = slices.Clone(a.upstreams)
		for i := range a.upstreams {
			if u := today[a.upstreams[i].Cluster]; u != nil {
				a.upstreams[i] = *u
			}
		}
		c.artifacts[v] = a
	}
}

// variants are those of the artifacts, in order.
func (c *compiler) variants() []variant {
	out := make([]variant, 0, len(c.artifacts))
	for v := range c.artifacts {
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b variant) int {
		if a.name != b.name {
			return cmp.Compare(a.name, b.name)
		}
		if a.attached == b.attached {
			return 0
		}
		if b.attached {
			return -1
		}
		return 1
	})
	return out
}

// Targets are the workloads that the policies name, as sidecars of Tutti's: for
// tools that have no mesh to ask. Sorted and without duplicates.
func Targets(set policy.Set) []mesh.Workload {
	var out []mesh.Workload
	for i := range set.Aggregations {
		for _, t := range set.Aggregations[i].Spec.TargetRefs {
			if t.Name.Value != "" {
				out = append(out, mesh.Workload{Service: t.Name.Value})
			}
		}
	}
	slices.SortFunc(out, func(a, b mesh.Workload) int { return cmp.Compare(a.Service, b.Service) })
	return slices.Compact(out)
}
