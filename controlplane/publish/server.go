package publish

import (
	"context"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	extension "github.com/envoyproxy/go-control-plane/envoy/service/extension/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	xdstype "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/delta/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/stream/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
)

// Register adds the discovery services to a gRPC server: delta ADS for
// sidecars that Tutti runs, and delta ECDS for attached ones. Streams end when
// ctx is done.
func (p *Publisher) Register(ctx context.Context, g grpc.ServiceRegistrar) {
	discovery.RegisterAggregatedDiscoveryServiceServer(g, &adsServer{p: p, ctx: ctx})
	extension.RegisterExtensionConfigDiscoveryServiceServer(g, &ecdsServer{p: p, ctx: ctx})
}

// errNotDelta answers the older protocol. It has no way to take one resource
// away, and so none of the phases.
var errNotDelta = status.Error(codes.Unimplemented, "Tutti serves incremental xDS only: set api_type: DELTA_GRPC")

func refuseOwned(sc mesh.Sidecar) error {
	return status.Errorf(codes.InvalidArgument,
		"node %q: ECDS alone is for attached Envoys (attached: true in the node metadata); others use ADS", sc.ID)
}

type adsServer struct {
	discovery.UnimplementedAggregatedDiscoveryServiceServer
	p   *Publisher
	ctx context.Context
}

func (s *adsServer) StreamAggregatedResources(discovery.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	return errNotDelta
}

func (s *adsServer) DeltaAggregatedResources(str discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	return s.p.serve(s.ctx, str, xdstype.AnyType)
}

type ecdsServer struct {
	extension.UnimplementedExtensionConfigDiscoveryServiceServer
	p   *Publisher
	ctx context.Context
}

func (s *ecdsServer) StreamExtensionConfigs(extension.ExtensionConfigDiscoveryService_StreamExtensionConfigsServer) error {
	return errNotDelta
}

func (s *ecdsServer) DeltaExtensionConfigs(str extension.ExtensionConfigDiscoveryService_DeltaExtensionConfigsServer) error {
	return s.p.serve(s.ctx, str, xdstype.ExtensionConfigType)
}

// serve runs one stream: go-control-plane speaks the protocol, and asks a cache
// of this stream's own what to send.
func (p *Publisher) serve(ctx context.Context, str stream.DeltaStream, typeURL string) error {
	c := &streamCache{p: p, attachedOnly: typeURL == xdstype.ExtensionConfigType}
	return delta.NewServer(ctx, c, c).DeltaStreamHandler(str, typeURL)
}

// streamCache is the view that go-control-plane has of one stream. All of its
// methods but cancel functions are called from the stream's goroutine.
type streamCache struct {
	p            *Publisher
	attachedOnly bool
	session      *session
}

var (
	_ cache.ConfigWatcher = (*streamCache)(nil)
	_ delta.Callbacks     = (*streamCache)(nil)
)

// CreateDeltaWatch is called for every request, with what is subscribed to.
func (c *streamCache) CreateDeltaWatch(req *cache.DeltaRequest, sub cache.Subscription, out chan cache.DeltaResponse) (func(), error) {
	if c.session == nil {
		s, err := c.p.join(req.GetNode(), c.attachedOnly)
		if err != nil {
			return nil, err
		}
		c.session = s
	}
	return c.session.watch(req, sub, out), nil
}

// CreateWatch is never reached: errNotDelta comes before.
func (c *streamCache) CreateWatch(*cache.Request, cache.Subscription, chan cache.Response) (func(), error) {
	return nil, errNotDelta
}

// OnDeltaStreamOpen does nothing: only the first request names the node.
func (c *streamCache) OnDeltaStreamOpen(context.Context, int64, string) error { return nil }

// OnDeltaStreamClosed ends the session.
func (c *streamCache) OnDeltaStreamClosed(int64, *core.Node) {
	if c.session != nil {
		c.p.leave(c.session)
	}
}

// OnStreamDeltaRequest does nothing: CreateDeltaWatch gets the same request.
func (c *streamCache) OnStreamDeltaRequest(int64, *discovery.DeltaDiscoveryRequest) error { return nil }

// OnStreamDeltaResponse comes right before a response goes out, with its nonce
// set. The response is the one that is pending, so there is nothing to note.
func (c *streamCache) OnStreamDeltaResponse(int64, *discovery.DeltaDiscoveryRequest, *discovery.DeltaDiscoveryResponse) {
}
