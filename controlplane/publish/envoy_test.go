package publish

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	httpwasm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/stream/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/controlplane/xds"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// fakeEnvoy plays an Envoy on one stream, in steps that the test chooses: it
// keeps what it was sent (inbox) until process, and its acknowledgements until
// deliver. After every step the test looks at what it has applied.
type fakeEnvoy struct {
	// spoiled clusters are refused, as those whose files are not there.
	spoiled map[string]bool
	t       *testing.T
	clock   *fakeClock
	p       *Publisher
	node    *core.Node

	session *session
	subs    map[string]*stream.Subscription
	out     chan cache.DeltaResponse
	nonce   int
	inbox   []*discovery.DeltaDiscoveryResponse
	// acks wait by type, in order. CDS waits until new clusters are warm.
	acks map[string][]*discovery.DeltaDiscoveryRequest

	applied map[string]map[string]*resource
	// lastCalled is until when calls of a cluster may run, by the plans seen.
	lastCalled map[string]time.Time
	log        []string
}

func newEnvoy(t *testing.T, p *Publisher, clock *fakeClock, sc mesh.Sidecar) *fakeEnvoy {
	meta, err := structpb.NewStruct(map[string]any{mesh.MetadataKey: map[string]any{
		"service": sc.Service, "attached": sc.Attached, "listen": sc.Listen, "app": sc.App,
		"plan_versions": []any{1}, "module_path": "/tutti.wasm",
	}})
	if err != nil {
		t.Fatal(err)
	}
	return &fakeEnvoy{
		t: t, clock: clock, p: p, node: &core.Node{Id: sc.ID, Metadata: meta},
		applied:    map[string]map[string]*resource{},
		lastCalled: map[string]time.Time{},
	}
}

// connect opens a stream and asks, in the order given, for what it has asked for
// before, or for clusters if it is new.
func (e *fakeEnvoy) connect(order []string) {
	e.t.Helper()
	if e.session != nil {
		e.p.leave(e.session)
	}
	s, err := e.p.join(e.node, false)
	if err != nil {
		e.t.Fatal(err)
	}
	e.session, e.out, e.inbox = s, make(chan cache.DeltaResponse, 64), nil
	e.subs, e.acks = map[string]*stream.Subscription{}, map[string][]*discovery.DeltaDiscoveryRequest{}
	e.logf("connect")
	e.request(xds.ClusterType)
	for _, typeURL := range order {
		if typeURL != xds.ClusterType && len(e.names(typeURL)) > 0 {
			e.request(typeURL)
		}
	}
}

func (e *fakeEnvoy) logf(format string, args ...any) {
	e.log = append(e.log, fmt.Sprintf(format, args...))
}

// names are what is asked for of a type, "*" for all.
func (e *fakeEnvoy) names(typeURL string) []string {
	switch typeURL {
	case xds.ClusterType:
		return []string{"*"}
	case xds.ListenerType:
		if len(e.applied[xds.ClusterType]) > 0 {
			return []string{"*"}
		}
	case xds.EndpointType:
		var out []string
		for _, name := range slices.Sorted(maps.Keys(e.applied[xds.ClusterType])) {
			if isEDS(e.applied[xds.ClusterType][name]) {
				out = append(out, name)
			}
		}
		return out
	case xds.RouteType:
		if len(e.applied[xds.ListenerType]) > 0 {
			return []string{xds.InboundName}
		}
	case xds.ExtensionType:
		if len(e.applied[xds.ListenerType]) > 0 {
			return []string{xds.FilterName}
		}
	}
	return nil
}

func isEDS(r *resource) bool {
	var c cluster.Cluster
	if err := r.GetResource().UnmarshalTo(&c); err != nil {
		panic(err)
	}
	return c.GetType() == cluster.Cluster_EDS
}

// request asks for what has changed in what is asked for.
func (e *fakeEnvoy) request(typeURL string) {
	want := e.names(typeURL)
	req := &discovery.DeltaDiscoveryRequest{TypeUrl: typeURL, Node: e.node}
	sub := e.subs[typeURL]
	if sub == nil {
		req.ResourceNamesSubscribe = want
		req.InitialResourceVersions = map[string]string{}
		for name, r := range e.applied[typeURL] {
			req.InitialResourceVersions[name] = r.GetVersion()
		}
	} else if want != nil && want[0] != "*" || want == nil {
		for _, name := range want {
			if _, ok := sub.SubscribedResources()[name]; !ok {
				req.ResourceNamesSubscribe = append(req.ResourceNamesSubscribe, name)
			}
		}
		for name := range sub.SubscribedResources() {
			if !slices.Contains(want, name) {
				req.ResourceNamesUnsubscribe = append(req.ResourceNamesUnsubscribe, name)
			}
		}
		if req.ResourceNamesSubscribe == nil && req.ResourceNamesUnsubscribe == nil {
			return
		}
	}
	e.send(req)
}

func (e *fakeEnvoy) send(req *discovery.DeltaDiscoveryRequest) {
	sub := e.subs[req.GetTypeUrl()]
	if sub == nil {
		s := stream.NewDeltaSubscription(req.GetResourceNamesSubscribe(), req.GetResourceNamesUnsubscribe(), req.GetInitialResourceVersions(), true)
		sub = &s
		e.subs[req.GetTypeUrl()] = sub
	} else {
		sub.UpdateResourceSubscriptions(req.GetResourceNamesSubscribe(), req.GetResourceNamesUnsubscribe())
	}
	e.session.watch(req, *sub, e.out)
	e.receive()
}

// receive takes what the server has put out, as go-control-plane would send it.
func (e *fakeEnvoy) receive() {
	for {
		select {
		case r := <-e.out:
			resp, err := r.GetDeltaDiscoveryResponse()
			if err != nil {
				e.t.Fatal(err)
			}
			e.nonce++
			resp.Nonce = strconv.Itoa(e.nonce)
			e.inbox = append(e.inbox, resp)
			e.logf("sent %s", describe(resp))
		default:
			return
		}
	}
}

func describe(resp *discovery.DeltaDiscoveryResponse) string {
	text := shortType(resp.GetTypeUrl())
	for _, r := range resp.GetResources() {
		text += " +" + r.GetName()
		for _, n := range notes(r.GetVersion()) {
			text += "," + n
		}
	}
	for _, n := range resp.GetRemovedResources() {
		text += " -" + n
	}
	return text
}

// process applies the oldest response, or refuses it.
func (e *fakeEnvoy) process(refuse bool) {
	if len(e.inbox) == 0 {
		return
	}
	resp := e.inbox[0]
	e.inbox = e.inbox[1:]
	typeURL := resp.GetTypeUrl()
	ack := &discovery.DeltaDiscoveryRequest{TypeUrl: typeURL, Node: e.node, ResponseNonce: resp.GetNonce()}
	cause := "no"
	for _, r := range resp.GetResources() {
		if e.spoiled[r.GetName()] {
			refuse, cause = true, "Error adding/updating cluster(s) "+r.GetName()+": Invalid path: /nope"
		}
	}
	if refuse {
		ack.ErrorDetail = &rpcstatus.Status{Message: cause}
		e.logf("refuse %s", shortType(typeURL))
	} else {
		e.logf("apply %s", describe(resp))
		e.apply(resp)
	}
	e.acks[typeURL] = append(e.acks[typeURL], ack)
	e.check()
	if refuse {
		return
	}
	switch typeURL {
	case xds.ClusterType:
		for name := range e.applied[xds.EndpointType] {
			if e.applied[xds.ClusterType][name] == nil {
				delete(e.applied[xds.EndpointType], name)
			}
		}
		if e.subs[xds.EndpointType] != nil || len(e.names(xds.EndpointType)) > 0 {
			e.request(xds.EndpointType)
		}
		if e.subs[xds.ListenerType] == nil {
			e.request(xds.ListenerType)
		}
	case xds.ListenerType:
		for _, typeURL := range []string{xds.RouteType, xds.ExtensionType} {
			if e.subs[typeURL] == nil {
				e.request(typeURL)
			}
		}
	}
}

func (e *fakeEnvoy) apply(resp *discovery.DeltaDiscoveryResponse) {
	have := e.applied[resp.GetTypeUrl()]
	if have == nil {
		have = map[string]*resource{}
		e.applied[resp.GetTypeUrl()] = have
	}
	for _, name := range resp.GetRemovedResources() {
		if until := e.lastCalled[name]; resp.GetTypeUrl() == xds.ClusterType && until.After(e.clock.now) {
			e.fail("cluster %s goes %v before its last call may end", name, until.Sub(e.clock.now))
		}
		delete(have, name)
	}
	for _, r := range resp.GetResources() {
		have[r.GetName()] = r
	}
}

func (e *fakeEnvoy) fail(format string, args ...any) {
	e.t.Helper()
	for _, line := range e.log[max(0, len(e.log)-60):] {
		e.t.Log(line)
	}
	e.t.Fatalf(format, args...)
}

// check is what must hold at every moment: a route that enables the filter has
// its policy, with the same path; a policy has its clusters, and they have
// endpoints.
func (e *fakeEnvoy) check() {
	e.t.Helper()
	p := e.plan()
	if p == nil {
		return
	}
	for i := range p.Policies {
		q := &p.Policies[i]
		for _, s := range q.Steps {
			c := e.applied[xds.ClusterType][s.Cluster]
			if c == nil {
				e.fail("policy %s calls %s, which is not there", q.Name, s.Cluster)
			}
			if isEDS(c) && e.applied[xds.EndpointType][s.Cluster] == nil {
				e.fail("policy %s calls %s, which has no endpoints", q.Name, s.Cluster)
			}
			until := e.clock.now.Add(time.Duration(q.TimeoutMS) * time.Millisecond)
			if until.After(e.lastCalled[s.Cluster]) {
				e.lastCalled[s.Cluster] = until
			}
		}
	}
	for _, r := range e.routes() {
		if r.GetTypedPerFilterConfig()[xds.FilterName] == nil {
			continue
		}
		i := slices.IndexFunc(p.Policies, func(q plan.Policy) bool { return q.Name == r.GetName() })
		if i < 0 {
			e.fail("route %s has no policy", r.GetName())
		}
		config, err := xds.Routes(p.Policies[i : i+1])
		if err != nil {
			e.t.Fatal(err)
		}
		want := config.GetVirtualHosts()[0].GetRoutes()[0].GetMatch()
		want.Headers, r.Match.Headers = nil, nil
		if !proto.Equal(want, r.GetMatch()) {
			e.fail("route %s has path %v and its policy %v", r.GetName(), r.GetMatch(), want)
		}
	}
}

// plan is the one in force, nil before there is any, empty for the filter that
// does nothing.
func (e *fakeEnvoy) plan() *plan.Plan {
	r := e.applied[xds.ExtensionType][xds.FilterName]
	if r == nil {
		return nil
	}
	var ext core.TypedExtensionConfig
	var w httpwasm.Wasm
	var text wrapperspb.StringValue
	if err := r.GetResource().UnmarshalTo(&ext); err != nil {
		e.t.Fatal(err)
	}
	if ext.GetTypedConfig().UnmarshalTo(&w) != nil {
		return &plan.Plan{}
	}
	if err := w.GetConfig().GetConfiguration().UnmarshalTo(&text); err != nil {
		e.t.Fatal(err)
	}
	p, err := plan.Decode([]byte(text.GetValue()))
	if err != nil {
		e.t.Fatal(err)
	}
	return p
}

func (e *fakeEnvoy) routes() []*route.Route {
	r := e.applied[xds.RouteType][xds.InboundName]
	if r == nil {
		return nil
	}
	var config route.RouteConfiguration
	if err := r.GetResource().UnmarshalTo(&config); err != nil {
		e.t.Fatal(err)
	}
	return config.GetVirtualHosts()[0].GetRoutes()
}

// deliver sends the oldest acknowledgement of a type; CDS only when warm.
func (e *fakeEnvoy) deliver(typeURL string) bool {
	if len(e.acks[typeURL]) == 0 {
		return false
	}
	if typeURL == xds.ClusterType && e.acks[typeURL][0].GetErrorDetail() == nil && len(e.applied[xds.ExtensionType]) > 0 {
		for _, name := range e.names(xds.EndpointType) {
			if e.applied[xds.EndpointType][name] == nil {
				return false
			}
		}
	}
	ack := e.acks[typeURL][0]
	e.acks[typeURL] = e.acks[typeURL][1:]
	e.logf("ack %s", shortType(typeURL))
	e.send(ack)
	return true
}

// settle does all there is to do, without moving the clock.
func (e *fakeEnvoy) settle() {
	for range 1000 {
		e.receive()
		busy := len(e.inbox) > 0
		e.process(false)
		for _, typeURL := range types {
			busy = e.deliver(typeURL) || busy
		}
		if !busy {
			return
		}
	}
	e.fail("does not settle")
}
