package publish

import (
	"slices"
	"strings"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// spoil finds out which of the clusters just refused are at fault, so that the
// others, and the policies that call only them, go on without those. Envoy names
// each at the start of its cause. If it names none, or all there were, there is
// nothing to go on with but what the sidecar has.
func (s *session) spoil(l *lane, message string) {
	named := map[string]string{}
	for name, version := range l.nacked {
		if strings.Contains(message, name+":") {
			named[name] = version
		}
	}
	if len(named) == 0 {
		return
	}
	if s.spoiled == nil {
		s.spoiled = map[string]string{}
	}
	for name, version := range named {
		s.spoiled[name] = version
	}
	target, err := newWanted(s.without(), s.wanted.sidecar)
	if err != nil {
		s.node.log.Error("cannot leave refused clusters out", "sidecar", s.sidecar.ID, "error", err)
		return
	}
	s.target = target
	for name := range l.nacked {
		if named[name] == "" {
			delete(l.nacked, name)
		}
	}
}

// without is what is wanted less the policies that call spoiled clusters. Where
// the sidecar has an older version of such a policy, that one stays.
func (s *session) without() Wanted {
	out := Wanted{Plan: &plan.Plan{Service: s.wanted.plan.Service, Matcher: s.wanted.plan.Matcher}}
	for _, p := range s.wanted.plan.Policies {
		if !s.callsSpoiled(&p) {
			out.Plan.Policies = append(out.Plan.Policies, p)
			continue
		}
		if s.view.plan == nil {
			continue
		}
		i := slices.IndexFunc(s.view.plan.Policies, func(q plan.Policy) bool { return q.Name == p.Name })
		if i >= 0 && s.canStay(&s.view.plan.Policies[i]) {
			out.Plan.Policies = append(out.Plan.Policies, s.view.plan.Policies[i])
		}
	}
	needed := calls(out.Plan)
	var have []mesh.Upstream
	for _, u := range s.wanted.source.Upstreams {
		if needed[u.Cluster] {
			have = append(have, u)
			delete(needed, u.Cluster)
		}
	}
	for name := range needed {
		have = append(have, s.seen[name])
	}
	slices.SortFunc(have, func(a, b mesh.Upstream) int { return strings.Compare(a.Cluster, b.Cluster) })
	out.Upstreams = have
	return out
}

func (s *session) callsSpoiled(p *plan.Policy) bool {
	return slices.ContainsFunc(p.Steps, func(st plan.Step) bool {
		_, bad := s.spoiled[st.Cluster]
		return bad
	})
}

// canStay says that all clusters of a policy that the sidecar has are there and
// known.
func (s *session) canStay(p *plan.Policy) bool {
	return !s.callsSpoiled(p) && !slices.ContainsFunc(p.Steps, func(st plan.Step) bool {
		_, known := s.seen[st.Cluster]
		return !known || s.view.clusters.versions[st.Cluster] == ""
	})
}
