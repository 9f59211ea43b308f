package publish

import (
	"maps"
	"slices"
	"time"

	"github.com/tutti-mesh/tutti/controlplane/xds"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// phase is what a sidecar is brought to acknowledge now.
type phase string

const (
	phaseDone     phase = ""
	phaseClusters phase = "clusters"
	phasePlan     phase = "plan"
	phaseRoutes   phase = "routes"
	// phaseAsk waits for the sidecar to ask for what it certainly has.
	phaseAsk phase = "subscription"
)

// margin is added to the longest budget before a cluster is removed: for the
// clocks of two machines and a request that began just before.
const margin = 5 * time.Second

// longestBudget is what policies may ask for at most; the wait for a plan whose
// content is not known.
const longestBudget = 30 * time.Second

// held is what a sidecar has of one type, and what it asks for.
type held struct {
	// asked says that a request of this type came on this stream: before, what
	// is held is not known.
	asked bool
	// all says that every resource is asked for; otherwise those of names.
	all   bool
	names map[string]bool
	// versions by name of what it has.
	versions map[string]string
}

func (h *held) wants(name string) bool { return h.asked && (h.all || h.names[name]) }

// has says that everything of s that is asked for is held.
func (h *held) has(s set) bool {
	for name, r := range s {
		if h.wants(name) && h.versions[name] != r.GetVersion() {
			return false
		}
	}
	return true
}

// complete says that everything of s is held, asked for or not.
func (h *held) complete(s set) bool {
	for name, r := range s {
		if h.versions[name] != r.GetVersion() {
			return false
		}
	}
	return true
}

// only says that nothing is held but what s has.
func (h *held) only(s set) bool {
	for name := range h.versions {
		if s[name] == nil {
			return false
		}
	}
	return true
}

// view is all that is known of one sidecar's configuration.
type view struct {
	clusters, endpoints, listeners, extensions, routes held
	// plan is that of the ECDS resource held; nil if its content is not known.
	plan *plan.Plan
	// release says when a cluster that no plan calls any more may go.
	release map[string]time.Time
}

// goal is the one thing to do now.
type goal struct {
	phase phase
	// extension or routes are to be held after phasePlan or phaseRoutes; plan is
	// extension's.
	extension *resource
	plan      *plan.Plan
	routes    *resource
	// remove are clusters to take away now, if phaseDone; wake is when the next
	// one may go, zero if none waits.
	remove []string
	wake   time.Time
}

// next decides from what is held and what is wanted. It is pure, and asking
// again after the goal was reached gives the next goal, until phaseDone.
func next(v *view, w *wanted, now time.Time) (goal, error) {
	switch {
	case !v.clusters.complete(w.clusters) || !v.endpoints.complete(w.endpoints):
		// Even what is not asked for yet: a plan must not overtake its endpoints
		// on a stream where that question comes late.
		return goal{phase: phaseClusters}, nil
	case !w.sidecar.Attached && v.halfKnown():
		return goal{phase: phaseAsk}, nil
	}
	g, err := nextPlanOrRoutes(v, w)
	if err != nil || g.phase != phaseDone {
		return g, err
	}
	return nextRemoval(v, w, now), nil
}

// halfKnown says that one of routes and plan has been asked for on this stream
// and the other one has not. The listener uses both, so that comes too, and says
// what is held; neither is touched before.
func (v *view) halfKnown() bool { return v.routes.asked != v.extensions.asked }

func nextPlanOrRoutes(v *view, w *wanted) (goal, error) {
	// Routes that are held and not wanted like that.
	var old []string
	for _, key := range notes(v.routes.versions[xds.InboundName]) {
		if !slices.Contains(w.keys, key) {
			old = append(old, key)
		}
	}
	if len(old) > 0 && v.extensions.versions[xds.FilterName] == "" {
		// No plan yet, so the listener that waits for it is not in use and its
		// routes can change freely.
		return goal{phase: phaseRoutes, routes: w.routes[xds.InboundName]}, nil
	}
	extra, known := policiesOf(v.plan, old)
	if !known {
		return narrow(v, w)
	}
	if g, ok, err := rename(v, w, extra); ok || err != nil {
		return g, err
	}
	union := w.plan
	if len(extra) > 0 {
		union = withPolicies(w.plan, extra)
	}
	ext, err := w.extension(union)
	if err != nil {
		return goal{}, err
	}
	if !v.extensions.has(set{xds.FilterName: ext}) {
		return goal{phase: phasePlan, extension: ext, plan: union}, nil
	}
	if !v.listeners.has(w.listeners) || !v.routes.has(w.routes) || v.listeners.asked && !v.listeners.only(w.listeners) {
		return goal{phase: phaseRoutes, routes: w.routes[xds.InboundName]}, nil
	}
	return goal{}, nil
}

// policiesOf finds the policies of route keys in a plan; false if one is not
// there or the plan is not known.
func policiesOf(p *plan.Plan, keys []string) ([]plan.Policy, bool) {
	if len(keys) == 0 {
		return nil, true
	}
	if p == nil {
		return nil, false
	}
	var found []plan.Policy
	for i := range p.Policies {
		if slices.Contains(keys, routeKey(&p.Policies[i])) {
			found = append(found, p.Policies[i])
		}
	}
	return found, len(found) == len(keys)
}

// narrow leaves of the routes only those that are both held and wanted: the plan
// that is held has them, whatever else it has.
func narrow(v *view, w *wanted) (goal, error) {
	keys := notes(v.routes.versions[xds.InboundName])
	var both []plan.Policy
	for _, p := range w.plan.Policies {
		if slices.Contains(keys, routeKey(&p)) {
			both = append(both, p)
		}
	}
	routes, err := routesOf(both)
	return goal{phase: phaseRoutes, routes: routes}, err
}

// rename gives other names to old policies whose names are wanted for another
// path: first in the plan, then in the routes. Afterwards they are policies that
// are not wanted, like others. False if there is none.
func rename(v *view, w *wanted, extra []plan.Policy) (goal, bool, error) {
	alias := map[string]string{}
	for i := range extra {
		name := extra[i].Name
		if slices.ContainsFunc(w.plan.Policies, func(q plan.Policy) bool { return q.Name == name }) {
			alias[name] = aliasOf(routeKey(&extra[i]), name)
		}
	}
	if len(alias) == 0 {
		return goal{}, false, nil
	}
	var add, routed []plan.Policy
	for _, key := range notes(v.routes.versions[xds.InboundName]) {
		i := slices.IndexFunc(v.plan.Policies, func(q plan.Policy) bool { return routeKey(&q) == key })
		if i < 0 {
			continue
		}
		p := v.plan.Policies[i]
		if other := alias[p.Name]; other != "" {
			p.Name = other
			add = append(add, p)
		}
		routed = append(routed, p)
	}
	both := withPolicies(v.plan, add)
	ext, err := w.extension(both)
	if err != nil {
		return goal{}, false, err
	}
	if !v.extensions.has(set{xds.FilterName: ext}) {
		return goal{phase: phasePlan, extension: ext, plan: both}, true, nil
	}
	routes, err := routesOf(routed)
	return goal{phase: phaseRoutes, routes: routes}, true, err
}

// aliasOf is a name like a policy's (a DNS label) that no user would choose.
func aliasOf(key, name string) string {
	const most = 63
	suffix := "-was-" + hash([]byte(key))[:8]
	return name[:min(len(name), most-len(suffix))] + suffix
}

// withPolicies is p and more policies after its own; those that it has already
// are not added again.
func withPolicies(p *plan.Plan, more []plan.Policy) *plan.Plan {
	out := *p
	out.Policies = slices.Clone(p.Policies)
	for _, m := range more {
		if !slices.ContainsFunc(p.Policies, func(q plan.Policy) bool { return q.Name == m.Name }) {
			out.Policies = append(out.Policies, m)
		}
	}
	return &out
}

func nextRemoval(v *view, w *wanted, now time.Time) goal {
	var g goal
	for _, name := range slices.Sorted(maps.Keys(v.clusters.versions)) {
		if w.clusters[name] != nil {
			continue
		}
		due := v.release[name]
		if !due.After(now) {
			g.remove = append(g.remove, name)
		} else if g.wake.IsZero() || due.Before(g.wake) {
			g.wake = due
		}
	}
	return g
}

// calls are the clusters that a plan calls.
func calls(p *plan.Plan) map[string]bool {
	out := map[string]bool{}
	if p == nil {
		return out
	}
	for i := range p.Policies {
		for j := range p.Policies[i].Steps {
			out[p.Policies[i].Steps[j].Cluster] = true
		}
	}
	return out
}

// budget is the longest that a request may take under a plan.
func budget(p *plan.Plan) time.Duration {
	if p == nil {
		return longestBudget
	}
	var most time.Duration
	for i := range p.Policies {
		most = max(most, time.Duration(p.Policies[i].TimeoutMS)*time.Millisecond)
	}
	return most
}
