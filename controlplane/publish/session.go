package publish

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"

	"github.com/tutti-mesh/tutti/controlplane/xds"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// retryAfter is when something that was refused is tried again although it is
// the same: the cause may have been the sidecar's, such as a file that was not
// there yet or a port that another process had.
const retryAfter = time.Minute

// session is one stream of one sidecar. Requests come from the stream's
// goroutine, wanted states from the publisher's, wakes from the clock's; mu
// orders them. Nothing is sent but by advance.
type session struct {
	node  *node
	clock Clock
	count *counters

	mu     sync.Mutex
	closed bool
	wanted *wanted
	// withheld says why wanted is not what the policies say.
	withheld string
	view     view
	lanes    map[string]*lane
	// phase is what is being waited for, since when.
	phase phase
	since time.Time
	// synced says that all that is wanted is held.
	synced bool
	refused
	// retry is when to try again what was refused, zero if nothing was.
	retry    time.Time
	stopWake func() bool
	opened   time.Time
}

// refused is the last error of the sidecar.
type refused struct {
	text string
	at   time.Time
}

// lane is what is under way for one type.
type lane struct {
	held *held
	// out is where an answer can be put, nil while the sidecar has not asked.
	out chan cache.DeltaResponse
	req *cache.DeltaRequest
	// generation tells an old cancel from a new watch.
	generation int
	// sent are the last of each name, for EDS only.
	sent set
	// pending is sent and not yet acknowledged.
	pending *pending
	// nacked are versions by name that were refused, until others are sent.
	nacked map[string]string
}

// pending is one response.
type pending struct {
	response *discovery.DeltaDiscoveryResponse
	// plan is the one inside, for ECDS.
	plan *plan.Plan
}

func newSession(n *node, clock Clock, count *counters) *session {
	s := &session{node: n, clock: clock, count: count, opened: clock.Now()}
	s.since = s.opened
	s.view.release = map[string]time.Time{}
	s.lanes = map[string]*lane{
		xds.ClusterType:   {held: &s.view.clusters},
		xds.EndpointType:  {held: &s.view.endpoints},
		xds.ListenerType:  {held: &s.view.listeners},
		xds.ExtensionType: {held: &s.view.extensions},
		xds.RouteType:     {held: &s.view.routes},
	}
	return s
}

// setWanted gives the sidecar something new to reach.
func (s *session) setWanted(w *wanted, withheld string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.withheld = withheld
	if w != nil && w != s.wanted {
		s.wanted = w
		s.since = s.clock.Now()
		s.synced = false
		// What was refused may have been a step on the way to something else.
		s.forgive()
	}
	s.advance()
}

// forgive lets what was refused be sent again.
func (s *session) forgive() {
	s.retry = time.Time{}
	for _, l := range s.lanes {
		l.nacked = nil
	}
}

// close ends the session; nothing is sent afterwards.
func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.stopWake != nil {
		s.stopWake()
	}
}

// watch takes a request: what is asked for, and what is acknowledged with it.
func (s *session) watch(req *cache.DeltaRequest, sub cache.Subscription, out chan cache.DeltaResponse) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[req.GetTypeUrl()]
	if l == nil {
		return nil
	}
	s.subscribe(l, req, sub)
	if p := l.pending; p != nil && req.GetResponseNonce() != "" && req.GetResponseNonce() == p.response.GetNonce() {
		l.pending = nil
		if req.GetErrorDetail() != nil {
			s.nack(l, p, req.GetErrorDetail().GetMessage())
		} else {
			s.ack(l, p)
		}
	}
	l.out, l.req = out, req
	l.generation++
	generation := l.generation
	s.advance()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if l.generation == generation {
			l.out = nil
		}
	}
}

// subscribe notes what is asked for. On a stream's first request of a type the
// sidecar also says what it has. A name that is asked for anew has to be
// answered even if it was sent before (xDS, "Client Behavior").
func (s *session) subscribe(l *lane, req *cache.DeltaRequest, sub cache.Subscription) {
	h := l.held
	h.all = sub.IsWildcard()
	h.names = map[string]bool{}
	for name := range sub.SubscribedResources() {
		h.names[name] = true
	}
	if !h.asked {
		h.asked = true
		h.versions = maps.Clone(req.GetInitialResourceVersions())
		if h.versions == nil {
			h.versions = map[string]string{}
		}
		if l == s.lanes[xds.ExtensionType] {
			s.view.plan = s.node.plan(h.versions[xds.FilterName])
		}
		return
	}
	for _, names := range [][]string{req.GetResourceNamesUnsubscribe(), req.GetResourceNamesSubscribe()} {
		for _, name := range names {
			delete(h.versions, name)
		}
	}
}

func (s *session) ack(l *lane, p *pending) {
	for _, r := range p.response.GetResources() {
		l.held.versions[r.GetName()] = r.GetVersion()
	}
	for _, name := range p.response.GetRemovedResources() {
		delete(l.held.versions, name)
		delete(s.view.release, name)
	}
	if l == s.lanes[xds.ExtensionType] {
		s.replacePlan(p.plan)
	}
	l.nacked = nil
	s.since = s.clock.Now()
	s.node.log.Debug("acknowledged", "sidecar", s.node.sidecar.ID, "type", shortType(p.response.GetTypeUrl()))
}

// replacePlan notes that p is in force, and until when what it does not call any
// more must stay.
func (s *session) replacePlan(p *plan.Plan) {
	now, needed := s.clock.Now(), calls(p)
	old, wait := calls(s.view.plan), budget(s.view.plan)+margin
	for name := range s.view.clusters.versions {
		switch {
		case needed[name]:
			delete(s.view.release, name)
		case old[name]:
			s.view.release[name] = now.Add(wait)
		}
	}
	s.view.plan = p
}

func (s *session) nack(l *lane, p *pending, message string) {
	typeURL := p.response.GetTypeUrl()
	l.nacked = map[string]string{}
	for _, r := range p.response.GetResources() {
		l.nacked[r.GetName()] = r.GetVersion()
	}
	for _, name := range p.response.GetRemovedResources() {
		l.nacked[name] = ""
	}
	s.refused = refused{text: fmt.Sprintf("%s refused: %s", shortType(typeURL), message), at: s.clock.Now()}
	s.retry = s.at.Add(retryAfter)
	s.count.nack(typeURL)
	s.node.log.Warn("sidecar refused its configuration", "sidecar", s.node.sidecar.ID, "type", shortType(typeURL), "error", message)
}

// advance asks for the next goal and sends what it needs and what may go now.
func (s *session) advance() {
	if s.wanted == nil || s.closed {
		return
	}
	now := s.clock.Now()
	if !s.retry.IsZero() && !s.retry.After(now) {
		s.forgive()
	}
	if ext := s.wanted.extensions[xds.FilterName]; s.view.plan == nil && s.view.extensions.versions[xds.FilterName] == ext.GetVersion() {
		s.view.plan = s.wanted.plan
	}
	s.holdUnknown(now)
	g, err := next(&s.view, s.wanted, now)
	if err != nil {
		s.refused = refused{text: err.Error(), at: now}
		return
	}
	s.enter(g, now)
	switch g.phase {
	case phaseClusters:
		s.offer(xds.ClusterType, s.wanted.clusters, nil, nil)
	case phasePlan:
		if s.quiet() {
			s.offer(xds.ExtensionType, set{xds.FilterName: g.extension}, nil, g.plan)
		}
	case phaseRoutes:
		if s.quiet(xds.ListenerType, xds.RouteType) {
			s.offer(xds.ListenerType, s.wanted.listeners, missing(s.view.listeners, s.wanted.listeners), nil)
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
	out := s.wanted.endpoints
	l := s.lanes[xds.EndpointType]
	for name := range l.held.names {
		if l.held.versions[name] != "" || s.wanted.endpoints[name] != nil {
			continue
		}
		r := l.sent[name]
		if r == nil {
			var err error
			if r, err = newResource(name, xds.NoEndpoints(name)); err != nil {
				continue
			}
		}
		if len(out) == len(s.wanted.endpoints) {
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
		if s.wanted.clusters[name] == nil && !needed[name] && !noted {
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
	s.synced = g.phase == phaseDone && s.complete()
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
	s.node.log.Debug("sent", "sidecar", s.node.sidecar.ID, "type", shortType(typeURL), "resources", len(resp.Resources), "removed", len(remove))
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

// status is the part that the session knows.
func (s *session) status(st *SidecarStatus, bound time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	opened := s.opened
	st.ConnectedSince, st.Since, st.Phase = &opened, s.since, string(s.phase)
	if w := s.wanted; w != nil {
		st.WantedPlan = w.planHash
	}
	if kept := notes(s.view.extensions.versions[xds.FilterName]); len(kept) > 0 {
		st.AckedPlan = kept[0]
	}
	switch {
	case s.withheld != "":
		st.State, st.Error = Errored, s.withheld
	case s.text != "":
		at := s.at
		st.State, st.Error, st.ErrorAt, st.Since = Errored, s.text, &at, at
	case s.synced:
		st.State, st.Phase = Synced, ""
	case now.Sub(s.since) > bound:
		st.State = Stale
	default:
		st.State = Syncing
	}
}
