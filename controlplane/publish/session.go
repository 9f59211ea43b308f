package publish

import (
	"fmt"
	"maps"
	"sync"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
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
	node *node
	// sidecar is what this stream's node said of itself. Another stream with the
	// same id may say something else, and each gets what it asked for.
	sidecar mesh.Sidecar
	clock   Clock
	count   *counters

	mu     sync.Mutex
	closed bool
	wanted *wanted
	// target is wanted, or what is left of it without the clusters in spoiled.
	target *wanted
	// spoiled are versions by name of clusters that were refused; seen are the
	// upstreams of clusters that the sidecar may have.
	spoiled map[string]string
	seen    map[string]mesh.Upstream
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

func newSession(n *node, sc mesh.Sidecar, clock Clock, count *counters) *session {
	s := &session{node: n, sidecar: sc, clock: clock, count: count, opened: clock.Now()}
	s.since = s.opened
	s.view.release, s.seen = map[string]time.Time{}, map[string]mesh.Upstream{}
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
		s.wanted, s.target = w, w
		maps.DeleteFunc(s.seen, func(cluster string, _ mesh.Upstream) bool { return s.view.clusters.versions[cluster] == "" })
		for _, u := range w.source.Upstreams {
			s.seen[u.Cluster] = u
		}
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
	s.spoiled, s.target = nil, s.wanted
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
	s.node.log.Debug("acknowledged", "sidecar", s.sidecar.ID, "type", shortType(p.response.GetTypeUrl()))
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
		case old[name] || s.view.plan == nil: // It may have called anything.
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
	if typeURL == xds.ClusterType {
		s.spoil(l, message)
	}
	s.refused = refused{text: fmt.Sprintf("%s refused: %s", shortType(typeURL), message), at: s.clock.Now()}
	s.retry = s.at.Add(retryAfter)
	s.count.nack(typeURL)
	s.node.log.Warn("sidecar refused its configuration", "sidecar", s.sidecar.ID, "type", shortType(typeURL), "error", message)
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
