// Package xds turns a plan and what it calls into Envoy resources. It is pure:
// the same input gives the same messages, and nothing is read or dialled.
//
// A sidecar of Tutti's gets:
//
//	LDS  inbound       the connection manager, with the filter tutti, disabled
//	RDS  inbound       a route per policy that enables the filter, named like the
//	                   policy; then everything else to local_app
//	CDS  local_app     the service that the sidecar stands before
//	     upstream_*    what plans call, marked (plan.MarkHeader)
//	EDS  upstream_*    the endpoints of those that are addresses
//	ECDS tutti         the filter with its plan, or one that does nothing
//
// An attached Envoy gets the ECDS resource alone.
package xds

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// The type URLs of what is served, in the order of the phases.
const (
	ClusterType   = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	EndpointType  = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	ExtensionType = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
	ListenerType  = "type.googleapis.com/envoy.config.listener.v3.Listener"
	RouteType     = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
)

// The names that are the same in every sidecar.
const (
	// FilterName names the HTTP filter and its ECDS resource.
	FilterName = "tutti"
	// InboundName names the listener and its route configuration.
	InboundName = "inbound"
	// LocalCluster is the service that the sidecar stands before.
	LocalCluster = "local_app"
	// UpstreamPrefix begins the names of the clusters that plans call.
	UpstreamPrefix = "upstream_"
)

// Resources are Envoy resources by type URL and name.
type Resources map[string]map[string]proto.Message

func (r Resources) add(typeURL, name string, m proto.Message) {
	if r[typeURL] == nil {
		r[typeURL] = map[string]proto.Message{}
	}
	r[typeURL][name] = m
}

// Build makes all that a sidecar should have once every change has arrived.
// The result has passed Check and Envoy's own validation rules.
func Build(p *plan.Plan, ups []mesh.Upstream, sc mesh.Sidecar) (Resources, error) {
	r := Resources{}
	ext, err := Extension(p, sc)
	if err != nil {
		return nil, err
	}
	r.add(ExtensionType, FilterName, ext)
	if !sc.Attached {
		if err := addOwned(r, p, ups, sc); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(validate(r), Check(r)); err != nil {
		return nil, fmt.Errorf("sidecar %s of %s: %w", sc.ID, sc.Service, err)
	}
	return r, nil
}

func addOwned(r Resources, p *plan.Plan, ups []mesh.Upstream, sc mesh.Sidecar) error {
	lis, err := inboundListener(sc)
	if err != nil {
		return err
	}
	local, err := localCluster(sc)
	if err != nil {
		return err
	}
	routes, err := Routes(p.Policies)
	if err != nil {
		return err
	}
	r.add(ListenerType, InboundName, lis)
	r.add(RouteType, InboundName, routes)
	r.add(ClusterType, LocalCluster, local)
	for i := range ups {
		u := &ups[i]
		if u.Foreign {
			continue
		}
		c, err := upstreamCluster(u, sc)
		if err != nil {
			return fmt.Errorf("upstream %s: %w", u.Name, err)
		}
		r.add(ClusterType, u.Cluster, c)
		if byEDS(u) {
			r.add(EndpointType, u.Cluster, assignment(u.Cluster, u.Endpoints))
		}
	}
	return nil
}

// validator is what protoc-gen-validate makes for every message of Envoy's.
type validator interface{ ValidateAll() error }

func validate(r Resources) error {
	var errs []error
	for _, typeURL := range slices.Sorted(maps.Keys(r)) {
		for _, name := range slices.Sorted(maps.Keys(r[typeURL])) {
			if v, ok := r[typeURL][name].(validator); ok {
				if err := v.ValidateAll(); err != nil {
					errs = append(errs, fmt.Errorf("%s %s: %w", short(typeURL), name, err))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// short is the last part of a type URL.
func short(typeURL string) string {
	return typeURL[strings.LastIndexByte(typeURL, '.')+1:]
}

// packed wraps a message. Deterministic, because the bytes decide whether
// something is pushed.
func packed(m proto.Message) *anypb.Any {
	a := &anypb.Any{}
	// The only error is invalid UTF-8 in a string, which validate reports.
	_ = anypb.MarshalFrom(a, m, proto.MarshalOptions{Deterministic: true})
	return a
}

// overADS says that something comes by the stream that is there, and is waited
// for without end: Envoy's 15 seconds would let a listener in without routes.
func overADS() *core.ConfigSource {
	return &core.ConfigSource{
		ResourceApiVersion:    core.ApiVersion_V3,
		ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}},
		InitialFetchTimeout:   seconds(0),
	}
}

// splitAddr takes host:port apart; an empty host is every IPv4 address.
func splitAddr(field, addr string) (*core.Address, error) {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 {
		return nil, fmt.Errorf("%s: %q has no port; want host:port", field, addr)
	}
	port, err := strconv.ParseUint(addr[i+1:], 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%s: %q has no usable port; want host:port", field, addr)
	}
	host := strings.TrimSuffix(strings.TrimPrefix(addr[:i], "["), "]")
	if host == "" {
		host = "0.0.0.0"
	}
	return socketAddress(host, uint32(port)), nil
}

func socketAddress(host string, port uint32) *core.Address {
	return &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
		Address: host, PortSpecifier: &core.SocketAddress_PortValue{PortValue: port},
	}}}
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// The kinds of resource, so that a reader of this file sees what Resources has.
var (
	_ validator = (*cluster.Cluster)(nil)
	_ validator = (*endpoint.ClusterLoadAssignment)(nil)
	_ validator = (*core.TypedExtensionConfig)(nil)
	_ validator = (*listener.Listener)(nil)
	_ validator = (*route.RouteConfiguration)(nil)
)
