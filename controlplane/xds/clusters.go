package xds

import (
	"errors"
	"math"
	"strings"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	mutation "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	dns "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/common/dns/v3"
	dnscluster "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dns/v3"
	headermutation "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	codec "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/upstream_codec/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	previous "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	upstreams "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// httpOptionsKey is where a cluster keeps its HttpProtocolOptions.
const httpOptionsKey = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// localCluster is the service behind the sidecar. It has no thresholds: the
// sidecar must not refuse what the service would have taken.
func localCluster(sc mesh.Sidecar) (*cluster.Cluster, error) {
	addr, err := splitAddr("app", sc.App)
	if err != nil {
		return nil, err
	}
	c := &cluster.Cluster{
		Name:                 LocalCluster,
		ClusterDiscoveryType: static(),
		ConnectTimeout:       seconds(5),
		LoadAssignment:       &endpoint.ClusterLoadAssignment{ClusterName: LocalCluster, Endpoints: localities(addr)},
		CircuitBreakers: &cluster.CircuitBreakers{Thresholds: []*cluster.CircuitBreakers_Thresholds{{
			MaxConnections:     wrapperspb.UInt32(math.MaxUint32),
			MaxPendingRequests: wrapperspb.UInt32(math.MaxUint32),
			MaxRequests:        wrapperspb.UInt32(math.MaxUint32),
			MaxRetries:         wrapperspb.UInt32(math.MaxUint32),
		}}},
		TypedExtensionProtocolOptions: map[string]*anypb.Any{
			httpOptionsKey: packed(protocol(sc.AppProtocol == "http2")),
		},
	}
	if !isIP(addr.GetSocketAddress().GetAddress()) {
		c.ClusterDiscoveryType = byDNS()
	}
	return c, nil
}

func upstreamCluster(u *mesh.Upstream, sc mesh.Sidecar) (*cluster.Cluster, error) {
	if len(u.Endpoints) == 0 {
		return nil, errors.New("has no endpoints")
	}
	options := protocol(u.HTTP2)
	options.HttpFilters = upstreamFilters()
	options.RetryPolicy = &route.RetryPolicy{
		RetryOn:    retryOn,
		NumRetries: wrapperspb.UInt32(1),
		RetryHostPredicate: []*route.RetryPolicy_RetryHostPredicate{{
			Name: "envoy.retry_host_predicates.previous_hosts",
			ConfigType: &route.RetryPolicy_RetryHostPredicate_TypedConfig{
				TypedConfig: packed(&previous.PreviousHostsPredicate{}),
			},
		}},
		HostSelectionRetryMaxAttempts: 3,
	}
	c := &cluster.Cluster{
		Name:            u.Cluster,
		AltStatName:     UpstreamPrefix + u.Name,
		ConnectTimeout:  durationpb.New(u.ConnectTimeout),
		CircuitBreakers: thresholds(u.Limits),
		TypedExtensionProtocolOptions: map[string]*anypb.Any{
			httpOptionsKey: packed(options),
		},
	}
	if u.ConnectTimeout <= 0 {
		c.ConnectTimeout = seconds(1)
	}
	if byEDS(u) {
		c.ClusterDiscoveryType = &cluster.Cluster_Type{Type: cluster.Cluster_EDS}
		// Not waited for without end: while a cluster waits, Envoy acknowledges no
		// other.
		eds := overADS()
		eds.InitialFetchTimeout = seconds(15)
		c.EdsClusterConfig = &cluster.Cluster_EdsClusterConfig{EdsConfig: eds}
	} else {
		c.ClusterDiscoveryType = byDNS()
		c.LoadAssignment = assignment(u.Cluster, u.Endpoints)
	}
	if u.TLS != nil {
		c.TransportSocket = tlsSocket(u, sc.SystemRoots)
	}
	return c, nil
}

// byEDS says that all endpoints are addresses, which Envoy can change without
// a new cluster.
func byEDS(u *mesh.Upstream) bool {
	for _, e := range u.Endpoints {
		if !isIP(e.Host) {
			return false
		}
	}
	return true
}

// static is for addresses that do not change.
func static() *cluster.Cluster_Type {
	return &cluster.Cluster_Type{Type: cluster.Cluster_STATIC}
}

// byDNS resolves names for as long as the cluster is there. It is the newer form
// of STRICT_DNS, whose options are deprecated. IPv4 is preferred because every
// address becomes a host: with both families, half of the calls would go to
// addresses that most networks do not route. A name that is not there yet is
// asked for every second: its service is just starting.
func byDNS() *cluster.Cluster_ClusterType {
	return &cluster.Cluster_ClusterType{ClusterType: &cluster.Cluster_CustomClusterType{
		Name: "envoy.clusters.dns",
		TypedConfig: packed(&dnscluster.DnsCluster{
			DnsRefreshRate:        seconds(5),
			DnsFailureRefreshRate: &dnscluster.DnsCluster_RefreshRate{BaseInterval: seconds(1), MaxInterval: seconds(5)},
			RespectDnsTtl:         true,
			DnsLookupFamily:       dns.DnsLookupFamily_V4_PREFERRED,
		}),
	}}
}

func protocol(http2 bool) *upstreams.HttpProtocolOptions {
	explicit := &upstreams.HttpProtocolOptions_ExplicitHttpConfig{}
	if http2 {
		explicit.ProtocolConfig = &upstreams.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
			Http2ProtocolOptions: &core.Http2ProtocolOptions{},
		}
	} else {
		explicit.ProtocolConfig = &upstreams.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{
			HttpProtocolOptions: &core.Http1ProtocolOptions{EnableTrailers: true},
		}
	}
	return &upstreams.HttpProtocolOptions{
		UpstreamProtocolOptions: &upstreams.HttpProtocolOptions_ExplicitHttpConfig_{ExplicitHttpConfig: explicit},
	}
}

// upstreamFilters mark what really came from the upstream: Envoy's own 503 and
// 504 do not pass them.
func upstreamFilters() []*hcm.HttpFilter {
	mark := &headermutation.HeaderMutation{Mutations: &headermutation.Mutations{
		ResponseMutations: []*mutation.HeaderMutation{{
			Action: &mutation.HeaderMutation_Append{Append: &core.HeaderValueOption{
				Header:       &core.HeaderValue{Key: plan.MarkHeader, Value: "%RESP(:STATUS)%"},
				AppendAction: core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
			}},
		}},
	}}
	return []*hcm.HttpFilter{{
		Name:       "envoy.filters.http.header_mutation",
		ConfigType: &hcm.HttpFilter_TypedConfig{TypedConfig: packed(mark)},
	}, {
		Name:       "envoy.filters.http.upstream_codec",
		ConfigType: &hcm.HttpFilter_TypedConfig{TypedConfig: packed(&codec.UpstreamCodec{})},
	}}
}

func thresholds(l mesh.CircuitBreakers) *cluster.CircuitBreakers {
	if l == (mesh.CircuitBreakers{}) {
		return nil
	}
	t := &cluster.CircuitBreakers_Thresholds{}
	if l.MaxConnections > 0 {
		t.MaxConnections = wrapperspb.UInt32(l.MaxConnections)
	}
	if l.MaxPendingRequests > 0 {
		t.MaxPendingRequests = wrapperspb.UInt32(l.MaxPendingRequests)
	}
	if l.MaxRequests > 0 {
		t.MaxRequests = wrapperspb.UInt32(l.MaxRequests)
	}
	return &cluster.CircuitBreakers{Thresholds: []*cluster.CircuitBreakers_Thresholds{t}}
}

func assignment(name string, endpoints []mesh.Endpoint) *endpoint.ClusterLoadAssignment {
	addrs := make([]*core.Address, len(endpoints))
	for i, e := range endpoints {
		addrs[i] = socketAddress(strings.Trim(e.Host, "[]"), e.Port)
	}
	return &endpoint.ClusterLoadAssignment{ClusterName: name, Endpoints: localities(addrs...)}
}

// NoEndpoints is an assignment for a cluster that nothing calls any more.
func NoEndpoints(name string) *endpoint.ClusterLoadAssignment {
	return &endpoint.ClusterLoadAssignment{ClusterName: name}
}

func localities(addrs ...*core.Address) []*endpoint.LocalityLbEndpoints {
	hosts := make([]*endpoint.LbEndpoint, len(addrs))
	for i, a := range addrs {
		hosts[i] = &endpoint.LbEndpoint{HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{Address: a}}}
	}
	return []*endpoint.LocalityLbEndpoints{{LbEndpoints: hosts}}
}
