package publish

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// Config is what a Publisher needs. Zero values are the defaults that are named.
type Config struct {
	Logger *slog.Logger
	// Clock is the system's by default.
	Clock Clock
	// Joined is called when a sidecar of a workload comes that the last Update
	// did not have. It must not block.
	Joined func(mesh.Workload)
	// StaleAfter is how long something may be under way before it is shown as
	// STALE. Default: 30s, because an Envoy that loads its first Wasm module on a
	// busy machine needs half of that.
	StaleAfter time.Duration
	// ForgetAfter is how long a sidecar that is gone is still shown. Default: 15m.
	ForgetAfter time.Duration
}

// Publisher serves sidecars. It is safe for concurrent use.
type Publisher struct {
	cfg   Config
	count counters

	mu    sync.Mutex
	world map[mesh.Workload]entry
	// rendered are the wanted states of this world, by all that xds looks at.
	rendered map[string]*wanted
	nodes    map[string]*node
	// turn orders what is handed to sessions outside of mu.
	turn sync.Mutex
}

// entry is what a workload should have; key is equal where that is equal.
type entry struct {
	Wanted
	key string
}

// node is a sidecar, connected or not.
type node struct {
	sidecar mesh.Sidecar
	log     *slog.Logger
	envoy   string
	// sessions are its streams, the latest last. An Envoy has two processes
	// during a hot restart.
	sessions []*session
	// last is the status when the last stream ended.
	last SidecarStatus

	mu sync.Mutex
	// plans are the last ones that were sent, by version of the resource.
	plans    map[string]*plan.Plan
	versions []string
}

// rememberedPlans is enough for what a sidecar may hold: the plan in force, the
// one under way, and one before.
const rememberedPlans = 4

func (n *node) plan(version string) *plan.Plan {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.plans[version]
}

func (n *node) rememberPlan(version string, p *plan.Plan) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.plans[version] != nil {
		n.versions = slices.DeleteFunc(n.versions, func(v string) bool { return v == version })
	}
	n.plans[version] = p
	n.versions = append(n.versions, version)
	if len(n.versions) > rememberedPlans {
		delete(n.plans, n.versions[0])
		n.versions = n.versions[1:]
	}
}

// New makes a Publisher. Until the first Update sidecars wait and keep what
// they have.
func New(cfg Config) *Publisher {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Clock == nil {
		cfg.Clock = systemClock{}
	}
	if cfg.Joined == nil {
		cfg.Joined = func(mesh.Workload) {}
	}
	if cfg.StaleAfter == 0 {
		cfg.StaleAfter = 30 * time.Second
	}
	if cfg.ForgetAfter == 0 {
		cfg.ForgetAfter = 15 * time.Minute
	}
	return &Publisher{
		cfg: cfg, rendered: map[string]*wanted{}, nodes: map[string]*node{},
		count: newCounters(),
	}
}

// Update says what every workload should have from now on. Workloads that are
// not in world keep what they have.
func (p *Publisher) Update(world map[mesh.Workload]Wanted) {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.mu.Lock()
	p.world = make(map[mesh.Workload]entry, len(world))
	for workload, w := range world {
		upstreams, _ := json.Marshal(w.Upstreams) // Plain values always encode.
		p.world[workload] = entry{Wanted: w, key: hash(plan.Encode(w.Plan)) + " " + hash(upstreams)}
	}
	before := p.rendered
	p.rendered = map[string]*wanted{}
	type change struct {
		s        *session
		w        *wanted
		withheld string
	}
	var changes []change
	for _, n := range p.nodes {
		for _, s := range n.sessions {
			w, withheld := p.wantedFor(s.sidecar, before)
			changes = append(changes, change{s, w, withheld})
		}
	}
	p.mu.Unlock()
	for _, c := range changes {
		c.s.setWanted(c.w, c.withheld)
	}
}

// wantedFor renders what a sidecar should have, or takes it from what was
// rendered before. It returns nil for "what it has", and a reason if that is not
// what the policies say.
func (p *Publisher) wantedFor(sc mesh.Sidecar, before map[string]*wanted) (*wanted, string) {
	e, ok := p.world[sc.Workload()]
	if !ok {
		return nil, ""
	}
	if len(e.Plan.Policies) > 0 && !slices.Contains(sc.PlanVersions, plan.Version) {
		return nil, fmt.Sprintf("withheld: its module runs plan versions %v and this control plane writes %d; start the sidecar with the same version of tutti", sc.PlanVersions, plan.Version)
	}
	// All but what xds does not look at, so that a new member is not forgotten.
	alike := sc
	alike.ID, alike.Version, alike.ModuleSHA256, alike.PlanVersions = "", "", "", nil
	key := fmt.Sprintf("%s %+v", e.key, alike)
	if w := p.rendered[key]; w != nil {
		return w, ""
	}
	if w := before[key]; w != nil {
		p.rendered[key] = w
		return w, ""
	}
	w, err := newWanted(e.Wanted, sc)
	if err != nil {
		p.cfg.Logger.Error("cannot make a sidecar's configuration", "sidecar", sc.ID, "error", err)
		return nil, "withheld: " + err.Error()
	}
	p.rendered[key] = w
	return w, ""
}

// join begins a session for a stream whose first request named node.
func (p *Publisher) join(n *core.Node, attachedOnly bool) (*session, error) {
	sc, err := readNode(n)
	if err == nil && attachedOnly && !sc.Attached {
		err = refuseOwned(sc)
	}
	if err != nil {
		p.cfg.Logger.Warn("sidecar turned away", "error", err)
		return nil, err
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	p.mu.Lock()
	p.forget()
	nd := p.nodes[sc.ID]
	if nd == nil {
		nd = &node{log: p.cfg.Logger, plans: map[string]*plan.Plan{}}
		p.nodes[sc.ID] = nd
	}
	envoy := envoyVersion(n)
	if len(nd.sessions) > 0 && nd.sidecar.Workload() != sc.Workload() || len(nd.sessions) > 0 && nd.sidecar.Listen != sc.Listen {
		p.cfg.Logger.Warn("two sidecars with one id: give each its own (--id)", "id", sc.ID,
			"one", nd.sidecar.Service+" at "+nd.sidecar.Listen, "other", sc.Service+" at "+sc.Listen)
	}
	nd.sidecar, nd.envoy = sc, envoy
	s := newSession(nd, sc, p.cfg.Clock, &p.count)
	nd.sessions = append(nd.sessions, s)
	w, withheld := p.wantedFor(sc, nil)
	_, known := p.world[sc.Workload()]
	p.mu.Unlock()
	p.cfg.Logger.Info("sidecar connected", "sidecar", sc.ID, "service", sc.Service, "envoy", envoy)
	s.setWanted(w, withheld)
	if !known {
		p.cfg.Joined(sc.Workload())
	}
	return s, nil
}

// leave ends a session.
func (p *Publisher) leave(s *session) {
	s.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	n := s.node
	n.sessions = slices.DeleteFunc(n.sessions, func(o *session) bool { return o == s })
	if len(n.sessions) > 0 {
		return
	}
	now := p.cfg.Clock.Now()
	n.last = p.describe(n)
	s.status(&n.last, p.cfg.StaleAfter)
	n.last.State, n.last.Phase, n.last.ConnectedSince = NotConnected, "", nil
	n.last.Since, n.last.DisconnectedAt = now, &now
	p.cfg.Logger.Info("sidecar disconnected", "sidecar", n.sidecar.ID, "service", n.sidecar.Service)
}

// forget drops sidecars that have been gone for long.
func (p *Publisher) forget() {
	now := p.cfg.Clock.Now()
	maps.DeleteFunc(p.nodes, func(_ string, n *node) bool {
		return len(n.sessions) == 0 && now.Sub(n.last.Since) > p.cfg.ForgetAfter
	})
}

func (p *Publisher) describe(n *node) SidecarStatus {
	sc := n.sidecar
	return SidecarStatus{
		ID: sc.ID, Service: sc.Service, Attached: sc.Attached, Edge: sc.Edge,
		EnvoyVersion: n.envoy, TuttiVersion: sc.Version, PlanVersions: sc.PlanVersions,
	}
}

// Status is that of all sidecars, sorted by service and id.
func (p *Publisher) Status() []SidecarStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget()
	out := make([]SidecarStatus, 0, len(p.nodes))
	for _, n := range p.nodes {
		st := n.last
		if len(n.sessions) > 0 {
			st = p.describe(n)
			n.sessions[len(n.sessions)-1].status(&st, p.cfg.StaleAfter)
		}
		out = append(out, st)
	}
	slices.SortFunc(out, func(a, b SidecarStatus) int {
		if c := strings.Compare(a.Service, b.Service); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// Workloads are those of the sidecars that are connected or remembered, sorted.
func (p *Publisher) Workloads() []mesh.Workload {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget()
	seen := map[mesh.Workload]bool{}
	for _, n := range p.nodes {
		seen[n.sidecar.Workload()] = true
		for _, s := range n.sessions {
			seen[s.sidecar.Workload()] = true
		}
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b mesh.Workload) int {
		if c := strings.Compare(a.Service, b.Service); c != 0 || a.Attached == b.Attached {
			return c
		}
		if a.Attached {
			return 1
		}
		return -1
	})
}
