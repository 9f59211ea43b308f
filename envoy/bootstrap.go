package envoy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/config/metrics/v3"
	overloadv3 "github.com/envoyproxy/go-control-plane/envoy/config/overload/v3"
	commondnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/common/dns/v3"
	dnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dns/v3"
	downstreamv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/downstream_connections/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	upstreamhttpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
)

// XDS says where the control plane is and how it is verified.
type XDS struct {
	// Address is host:port; the host may be a name.
	Address string
	// CAFile verifies the control plane; empty means plaintext. CertFile and
	// KeyFile are what the sidecar shows, both or neither. PEM, absolute paths.
	CAFile, CertFile, KeyFile string
}

// BootstrapConfig is what differs between one sidecar's bootstrap and another's.
type BootstrapConfig struct {
	Sidecar mesh.Sidecar
	XDS     XDS
	// Admin is host:port of Envoy's admin interface; port 0 lets the kernel
	// choose. The admin interface can end Envoy: keep it on loopback.
	Admin string
}

const (
	// maxConnections bounds what clients may open, over all listeners, so that
	// a flood is refused before file descriptors run out.
	maxConnections = 50_000
	// xdsConnectTimeout, xdsKeepAlive and the back-off rule how soon a control
	// plane that went away is noticed and found again.
	xdsConnectTimeout = 5 * time.Second
	xdsKeepAlive      = 30 * time.Second
	xdsBackOffBase    = 500 * time.Millisecond
	xdsBackOffMax     = 10 * time.Second
	// xdsNameRetry rules how soon a control plane that has no address yet is
	// found when its name appears.
	xdsNameRetry    = 500 * time.Millisecond
	xdsNameRetryMax = 5 * time.Second
	// memoryRelease gives freed memory back to the kernel: some 10 MB less
	// resident after the module has been compiled, for no CPU to speak of.
	memoryRelease      = 100 << 20
	memoryReleaseEvery = time.Second
)

// Bootstrap renders Envoy's bootstrap as JSON. Equal input gives equal bytes.
func Bootstrap(c BootstrapConfig) ([]byte, error) {
	if c.Sidecar.ID == "" || c.Sidecar.Service == "" {
		return nil, errors.New("bootstrap: a sidecar needs an id and a service")
	}
	node, err := nodeOf(c.Sidecar)
	if err != nil {
		return nil, err
	}
	xds, err := xdsCluster(c.XDS)
	if err != nil {
		return nil, err
	}
	admin, err := address(c.Admin)
	if err != nil {
		return nil, fmt.Errorf("bootstrap: admin: %w", err)
	}
	overload, err := overloadManager()
	if err != nil {
		return nil, err
	}
	b := &bootstrapv3.Bootstrap{
		Node:            node,
		StaticResources: &bootstrapv3.Bootstrap_StaticResources{Clusters: []*clusterv3.Cluster{xds}},
		DynamicResources: &bootstrapv3.Bootstrap_DynamicResources{
			LdsConfig: adsSource(),
			CdsConfig: adsSource(),
			AdsConfig: adsConfig(),
		},
		StatsConfig:     &metricsv3.StatsConfig{StatsTags: statsTags()},
		Admin:           &bootstrapv3.Admin{Address: admin, IgnoreGlobalConnLimit: true},
		OverloadManager: overload,
		MemoryAllocatorManager: &bootstrapv3.MemoryAllocatorManager{
			BytesToRelease:        memoryRelease,
			MemoryReleaseInterval: durationpb.New(memoryReleaseEvery),
		},
	}
	return render(b)
}

// nodeOf is the xDS node: the metadata's key holds the sidecar's own words.
func nodeOf(sc mesh.Sidecar) (*corev3.Node, error) {
	raw, err := json.Marshal(sc)
	if err != nil {
		return nil, fmt.Errorf("bootstrap: node metadata: %w", err)
	}
	self := &structpb.Struct{}
	if err := protojson.Unmarshal(raw, self); err != nil {
		return nil, fmt.Errorf("bootstrap: node metadata: %w", err)
	}
	return &corev3.Node{
		Id:      sc.ID,
		Cluster: sc.Service,
		Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{
			mesh.MetadataKey: structpb.NewStructValue(self),
		}},
	}, nil
}

// adsSource waits for the control plane however long it takes: a sidecar that
// gave up waiting would call itself ready without a listener.
func adsSource() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		InitialFetchTimeout:   durationpb.New(0),
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

func adsConfig() *corev3.ApiConfigSource {
	return &corev3.ApiConfigSource{
		ApiType:                   corev3.ApiConfigSource_DELTA_GRPC,
		TransportApiVersion:       corev3.ApiVersion_V3,
		SetNodeOnFirstMessageOnly: true,
		GrpcServices: []*corev3.GrpcService{{
			TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{
				ClusterName: XDSCluster,
				RetryPolicy: &corev3.RetryPolicy{RetryBackOff: &corev3.BackoffStrategy{
					BaseInterval: durationpb.New(xdsBackOffBase),
					MaxInterval:  durationpb.New(xdsBackOffMax),
				}},
			}},
		}},
	}
}

// xdsCluster is the way to the control plane: HTTP/2, by name or by address,
// noticing within a minute that the other side is gone.
func xdsCluster(x XDS) (*clusterv3.Cluster, error) {
	addr, err := address(x.Address)
	if err != nil {
		return nil, fmt.Errorf("bootstrap: control plane: %w", err)
	}
	protocol, err := anypb.New(&upstreamhttpv3.HttpProtocolOptions{
		UpstreamProtocolOptions: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
					Http2ProtocolOptions: &corev3.Http2ProtocolOptions{ConnectionKeepalive: &corev3.KeepaliveSettings{
						Interval: durationpb.New(xdsKeepAlive),
						Timeout:  durationpb.New(xdsConnectTimeout),
					}},
				},
			},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("bootstrap: control plane: %w", err)
	}
	c := &clusterv3.Cluster{
		Name:           XDSCluster,
		ConnectTimeout: durationpb.New(xdsConnectTimeout),
		LoadAssignment: &endpointv3.ClusterLoadAssignment{
			ClusterName: XDSCluster,
			Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: addr}},
			}}}},
		},
		TypedExtensionProtocolOptions: map[string]*anypb.Any{
			"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocol,
		},
		UpstreamConnectionOptions: &clusterv3.UpstreamConnectionOptions{TcpKeepalive: &corev3.TcpKeepalive{}},
	}
	if net.ParseIP(addr.GetSocketAddress().GetAddress()) != nil {
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}
	} else {
		byName, err := anypb.New(&dnsv3.DnsCluster{
			DnsFailureRefreshRate: &dnsv3.DnsCluster_RefreshRate{
				BaseInterval: durationpb.New(xdsNameRetry), MaxInterval: durationpb.New(xdsNameRetryMax),
			},
			// "localhost" may be both ::1 and 127.0.0.1 with a server on one.
			DnsLookupFamily: commondnsv3.DnsLookupFamily_ALL,
		})
		if err != nil {
			return nil, fmt.Errorf("bootstrap: control plane: %w", err)
		}
		c.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{
			Name: "envoy.clusters.dns", TypedConfig: byName,
		}}
	}
	c.TransportSocket, err = xdsTLS(x, addr.GetSocketAddress().GetAddress())
	return c, err
}

// xdsTLS is nil for plaintext.
func xdsTLS(x XDS, host string) (*corev3.TransportSocket, error) {
	if (x.CertFile == "") != (x.KeyFile == "") {
		return nil, errors.New("bootstrap: control plane: a certificate needs its key, and a key its certificate")
	}
	if x.CAFile == "" {
		if x.CertFile != "" {
			return nil, errors.New("bootstrap: control plane: a client certificate needs the CA that verifies the server")
		}
		return nil, nil
	}
	san := &tlsv3.SubjectAltNameMatcher{
		SanType: tlsv3.SubjectAltNameMatcher_DNS,
		Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: host}},
	}
	sni := host
	if net.ParseIP(host) != nil {
		san.SanType, sni = tlsv3.SubjectAltNameMatcher_IP_ADDRESS, "" // RFC 6066: no addresses in SNI
	}
	common := &tlsv3.CommonTlsContext{
		AlpnProtocols: []string{"h2"},
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
			TrustedCa:                 file(x.CAFile),
			MatchTypedSubjectAltNames: []*tlsv3.SubjectAltNameMatcher{san},
		}},
	}
	if x.CertFile != "" {
		common.TlsCertificates = []*tlsv3.TlsCertificate{{CertificateChain: file(x.CertFile), PrivateKey: file(x.KeyFile)}}
	}
	typed, err := anypb.New(&tlsv3.UpstreamTlsContext{CommonTlsContext: common, Sni: sni})
	if err != nil {
		return nil, fmt.Errorf("bootstrap: control plane: %w", err)
	}
	return &corev3.TransportSocket{
		Name:       "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: typed},
	}, nil
}

func overloadManager() (*overloadv3.OverloadManager, error) {
	typed, err := anypb.New(&downstreamv3.DownstreamConnectionsConfig{MaxActiveDownstreamConnections: maxConnections})
	if err != nil {
		return nil, fmt.Errorf("bootstrap: overload manager: %w", err)
	}
	return &overloadv3.OverloadManager{ResourceMonitors: []*overloadv3.ResourceMonitor{{
		Name:       "envoy.resource_monitors.global_downstream_max_connections",
		ConfigType: &overloadv3.ResourceMonitor_TypedConfig{TypedConfig: typed},
	}}}, nil
}

// statTag turns one part of a stat's name into a tag. The first group of the
// pattern leaves the name, the second is the tag's value.
type statTag struct{ tag, pattern string }

// statTags make Prometheus labels of what the filter writes into its names:
// policies are DNS labels, steps and the rest are words without a dot.
var statTags = []statTag{
	{"policy", `^wasmcustom\.tutti\.(?:requests|steps|request_ms|answer_bytes)(\.([a-z0-9-]+))`},
	{"outcome", `^wasmcustom\.tutti\.requests\.[a-z0-9-]+(\.([a-z_]+))$`},
	{"step", `^wasmcustom\.tutti\.steps\.[a-z0-9-]+(\.([a-z0-9_]+))\.`},
	{"reason", `^wasmcustom\.tutti\.steps\.[a-z0-9-]+\.[a-z0-9_]+(\.([a-z_]+))$`},
}

func statsTags() []*metricsv3.TagSpecifier {
	var tags []*metricsv3.TagSpecifier
	for _, t := range statTags {
		tags = append(tags, &metricsv3.TagSpecifier{
			TagName:  t.tag,
			TagValue: &metricsv3.TagSpecifier_Regex{Regex: t.pattern},
		})
	}
	return tags
}

// address parses host:port.
func address(hostport string) (*corev3.Address, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, fmt.Errorf("%q is not host:port: %w", hostport, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || host == "" {
		return nil, fmt.Errorf("%q is not host:port: give both, the port as a number", hostport)
	}
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       host,
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(n)},
	}}}, nil
}

func file(path string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: path}}
}

// render is protojson with the spaces it varies on purpose taken out again.
func render(m proto.Message) ([]byte, error) {
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	var tight, out bytes.Buffer
	if err := json.Compact(&tight, raw); err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	if err := json.Indent(&out, tight.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
