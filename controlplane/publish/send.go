package publish

import (
	"maps"
	"slices"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"

	"github.com/tutti-mesh/tutti/controlplane/xds"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// advance asks for the next goal and sends what it needs and what may go now.
func (s *session) advance() {
	if s.wanted == nil || s.closed {
		return
	}
	now := s.clock.Now()
	if !s.retry.IsZero() && !s.retry.After(now) {
		s.forgive()
	}
	if ext := s.target.extensions[xds.FilterName]; s.view.plan == nil && s.view.extensions.versions[xds.FilterName] == ext.GetVersion() {
		s.view.plan = s.target.plan
	}
	s.holdUnknown(now)
	g, err := next(&s.view, s.target, now)
	if err != nil {
		s.refused = refused{text: err.Error(), at: now}
		return
	}
	s.enter(g, now)
	switch g.phase {
	case phaseClusters:
		s.offer(xds.ClusterType, s.target.clusters, nil, nil)
	case phasePlan:
		if s.quiet() {
			s.offer(xds.ExtensionType, set{xds.FilterName: g.extension}, nil, g.plan)
		}
	case phaseRoutes:
		if s.quiet(xds.ListenerType, xds.RouteType) {
			s.offer(xds.ListenerType, s.target.listeners, missing(s.view.listeners, s.target.listeners), nil)
			if g.routes != nil {
				s.offer(xds.RouteType, set{xds.InboundName: g.routes}, nil, nil)
			}
		}
	case phaseDone:
		if len(g.remove) > 0 && s.quiet() {
			s.offer(xds.ClusterType, nil, g.remove, nil)
		}
	}
	// Endpoints are safe at any time, and have to go while CDS is waited for:
	// Envoy acknowledges clusters when they have theirs.
	s.offer(xds.EndpointType, s.endpoints(), nil, nil)
	if wake := g.wake; s.retry.IsZero() || !wake.IsZero() && wake.Before(s.retry) {
		s.wakeAt(wake, now)
	} else {
		s.wakeAt(s.retry, now)
	}
}

// endpoints are those wanted, and those of clusters that are no longer wanted
// and still wait for theirs: they got lost when minds changed, and until they
// come Envoy does not acknowledge CDS. What was last sent of them, or none.
func (s *session) endpoints() set {
	out := s.target.endpoints
	l := s.lanes[xds.EndpointType]
	for name := range l.held.names {
		if l.held.versions[name] != "" || s.target.endpoints[name] != nil {
			continue
		}
		r := l.sent[name]
		if r == nil {
			var err error
			if r, err = newResource(name, xds.NoEndpoints(name)); err != nil {
				continue
			}
		}
		if len(out) == len(s.target.endpoints) {
			out = maps.Clone(out)
		}
		out[name] = r
	}
	return out
}

// holdUnknown gives clusters that are held, and that neither what is wanted nor
// a plan seen here explains, the longest time that a call may still run.
func (s *session) holdUnknown(now time.Time) {
	needed := calls(s.view.plan)
	for name := range s.view.clusters.versions {
		_, noted := s.view.release[name]
		if s.target.clusters[name] == nil && !needed[name] && !noted {
			s.view.release[name] = now.Add(longestBudget + margin)
		}
	}
}

// enter notes the phase, for the status.
func (s *session) enter(g goal, now time.Time) {
	if s.phase != g.phase {
		s.phase, s.since = g.phase, now
	}
	was := s.synced
	s.synced = g.phase == phaseDone && s.target == s.wanted && s.complete()
	if s.synced && !was {
		s.refused = refused{}
		s.since = now
	}
}

// complete says that everything is there, not only what was asked for so far.
func (s *session) complete() bool {
	v, w := &s.view, s.wanted
	return v.clusters.complete(w.clusters) && v.endpoints.complete(w.endpoints) && v.listeners.complete(w.listeners) &&
		v.extensions.complete(w.extensions) && v.routes.complete(w.routes)
}

// quiet says that nothing is under way but what is named.
func (s *session) quiet(but ...string) bool {
	for typeURL, l := range s.lanes {
		if l.pending != nil && !slices.Contains(but, typeURL) {
			return false
		}
	}
	return true
}

// offer sends what of want is asked for and not held, and takes away remove.
func (s *session) offer(typeURL string, want set, remove []string, p *plan.Plan) {
	l := s.lanes[typeURL]
	if l.out == nil || l.pending != nil {
		return
	}
	resp := &discovery.DeltaDiscoveryResponse{TypeUrl: typeURL, RemovedResources: remove}
	news := false
	for _, name := range slices.Sorted(maps.Keys(want)) {
		r := want[name]
		if l.held.wants(name) && l.held.versions[name] != r.GetVersion() {
			resp.Resources = append(resp.Resources, r)
			news = news || l.nacked[name] != r.GetVersion()
		}
	}
	for _, name := range remove {
		_, tried := l.nacked[name]
		news = news || !tried
	}
	if !news {
		return
	}
	switch typeURL {
	case xds.ClusterType:
		s.resendEndpoints(resp.Resources)
	case xds.EndpointType:
		l.remember(resp.Resources)
	case xds.ExtensionType:
		s.node.rememberPlan(resp.Resources[0].GetVersion(), p)
	}
	l.pending = &pending{response: resp, plan: p}
	l.out <- &cache.DeltaPassthroughResponse{
		DeltaRequest: l.req, NextVersionMap: map[string]string{}, DeltaDiscoveryResponse: resp,
	}
	s.count.push(typeURL)
	s.node.log.Debug("sent", "sidecar", s.sidecar.ID, "type", shortType(typeURL), "resources", len(resp.Resources), "removed", len(remove))
}

// remember keeps what is sent, and drops names that are not asked for any more.
func (l *lane) remember(resources []*resource) {
	if l.sent == nil {
		l.sent = set{}
	}
	maps.DeleteFunc(l.sent, func(name string, _ *resource) bool { return !l.held.wants(name) })
	for _, r := range resources {
		l.sent[r.GetName()] = r
	}
}

// resendEndpoints forgets the endpoints of clusters that change: Envoy makes a
// new cluster of the name, which waits for endpoints to come after it.
func (s *session) resendEndpoints(changed []*resource) {
	for _, r := range changed {
		delete(s.view.endpoints.versions, r.GetName())
	}
}

// missing are the names that are held and not in s.
func missing(h held, s set) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(h.versions)) {
		if s[name] == nil {
			out = append(out, name)
		}
	}
	return out
}

func (s *session) wakeAt(at, now time.Time) {
	if s.stopWake != nil {
		s.stopWake()
		s.stopWake = nil
	}
	if at.IsZero() {
		return
	}
	s.stopWake = s.clock.AfterFunc(at.Sub(now), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.advance()
	})
}
