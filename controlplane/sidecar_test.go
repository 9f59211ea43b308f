package controlplane

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/controlplane/xds"
)

// running is a control plane of a test's own.
type running struct {
	Addrs
	dir  string
	stop context.CancelFunc
	done chan error
}

// runs starts one over policies and waits until it is ready.
func runs(t *testing.T, policies string, change func(*Config)) *running {
	t.Helper()
	r := &running{dir: t.TempDir(), done: make(chan error, 1)}
	r.write(t, policies)
	ready := make(chan Addrs, 1)
	cfg := Config{
		PoliciesDir: r.dir, XDSAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0",
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Version: "test",
		Ready: func(a Addrs) { ready <- a }, Debounce: time.Millisecond,
	}
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() { r.done <- Run(ctx, cfg) }()
	t.Cleanup(cancel)
	select {
	case r.Addrs = <-ready:
	case err := <-r.done:
		t.Fatalf("ended before it was ready: %v", err)
	}
	return r
}

// write puts policies in place as a careful editor does.
func (r *running) write(t *testing.T, policies string) {
	t.Helper()
	path := filepath.Join(r.dir, "shop.yaml")
	if err := os.WriteFile(path+".tmp", []byte(policies), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Fatal(err)
	}
}

func (r *running) get(t *testing.T, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + r.HTTP + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// until asks for the status until ok is true of it.
func (r *running) until(t *testing.T, what string, ok func(Status) bool) Status {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, body := r.get(t, "/v1/status")
		var st Status
		if err := json.Unmarshal([]byte(body), &st); err != nil {
			t.Fatal(err)
		}
		if ok(st) {
			return st
		}
		if time.Now().After(deadline) {
			t.Fatalf("not %s: %s", what, body)
		}
	}
}

// sidecar acknowledges everything at once, over real gRPC.
type sidecar struct {
	mu  sync.Mutex
	has map[string]map[string]*discovery.Resource
	err error
}

func node(id string, sc mesh.Sidecar) *core.Node {
	text, err := json.Marshal(sc)
	if err != nil {
		panic(err)
	}
	meta := &structpb.Struct{}
	if err := meta.UnmarshalJSON([]byte(fmt.Sprintf(`{%q:%s}`, mesh.MetadataKey, text))); err != nil {
		panic(err)
	}
	return &core.Node{Id: id, Metadata: meta}
}

var storefront = mesh.Sidecar{
	Service: "storefront", Listen: "127.0.0.1:8000", App: "127.0.0.1:9000",
	PlanVersions: []int{1}, ModulePath: "/tutti.wasm",
}

func (r *running) dial(t *testing.T, creds credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	if creds == nil {
		creds = insecure.NewCredentials()
	}
	conn, err := grpc.NewClient(r.XDS, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// connects asks for everything over ADS and follows what comes.
func connects(t *testing.T, conn *grpc.ClientConn, n *core.Node) *sidecar {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	str, err := discovery.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s := &sidecar{has: map[string]map[string]*discovery.Resource{}}
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		s.follow(str, n)
	}()
	return s
}

func (s *sidecar) follow(str discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesClient, n *core.Node) {
	asked := map[string]bool{}
	ask := func(typeURL string, names ...string) {
		for _, name := range names {
			if !asked[typeURL+name] {
				asked[typeURL+name] = true
				_ = str.Send(&discovery.DeltaDiscoveryRequest{Node: n, TypeUrl: typeURL, ResourceNamesSubscribe: []string{name}})
			}
		}
	}
	ask(xds.ClusterType, "*")
	for {
		resp, err := str.Recv()
		if err != nil {
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
			return
		}
		s.apply(resp)
		switch resp.GetTypeUrl() {
		case xds.ClusterType:
			for _, r := range resp.GetResources() {
				if strings.HasPrefix(r.GetName(), xds.UpstreamPrefix) {
					ask(xds.EndpointType, r.GetName())
				}
			}
			ask(xds.ListenerType, "*")
		case xds.ListenerType:
			ask(xds.RouteType, xds.InboundName)
			ask(xds.ExtensionType, xds.FilterName)
		}
		_ = str.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: resp.GetTypeUrl(), ResponseNonce: resp.GetNonce()})
	}
}

func (s *sidecar) apply(resp *discovery.DeltaDiscoveryResponse) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.has[resp.GetTypeUrl()]
	if have == nil {
		have = map[string]*discovery.Resource{}
		s.has[resp.GetTypeUrl()] = have
	}
	for _, r := range resp.GetResources() {
		have[r.GetName()] = r
	}
	for _, name := range resp.GetRemovedResources() {
		delete(have, name)
	}
}

// holds says whether a resource is there and has text in it.
func (s *sidecar) holds(typeURL, name, text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.has[typeURL][name]
	return r != nil && strings.Contains(string(r.GetResource().GetValue()), text)
}
