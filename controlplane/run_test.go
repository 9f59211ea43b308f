package controlplane

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	extension "github.com/envoyproxy/go-control-plane/envoy/service/extension/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/controlplane/publish"
	"github.com/tutti-mesh/tutti/controlplane/xds"
)

const shopPolicies = `apiVersion: tutti.dev/v1alpha1
kind: Upstream
metadata: {name: catalog}
spec: {endpoints: ["10.0.0.7:8080"], cluster: catalog}
---
apiVersion: tutti.dev/v1alpha1
kind: Aggregation
metadata: {name: product-page}
spec:
  targetRefs: [{kind: Service, name: storefront}]
  match: {methods: [GET], path: "/products/{id}"}
  calls:
  - {name: product, upstream: catalog, path: "/v1/products/${request.path_params.id}"}
  response:
    body: {first: "${steps.product.body}"}
`

func synced(n int) func(Status) bool {
	return func(st Status) bool {
		for _, s := range st.Sidecars {
			if s.State != publish.Synced || s.AckedPlan != s.WantedPlan {
				return false
			}
		}
		return len(st.Sidecars) == n
	}
}

func TestRunServesAndFollowsChanges(t *testing.T) {
	r := runs(t, shopPolicies, nil)
	s := connects(t, r.dial(t, nil), node("storefront-1", storefront))
	st := r.until(t, "synced", synced(1))
	if st.Version != "test" || len(st.Policies) != 1 || !st.Policies[0].Status || len(st.Problems) != 0 {
		t.Errorf("status %+v", st)
	}
	if !s.holds(xds.ExtensionType, xds.FilterName, `"name":"product-page"`) || !s.holds(xds.RouteType, xds.InboundName, "product-page") {
		t.Error("no plan or no route")
	}
	before := st.Sidecars[0].AckedPlan

	r.write(t, strings.Replace(shopPolicies, "first:", "second:", 1))
	r.until(t, "changed", func(st Status) bool { return synced(1)(st) && st.Sidecars[0].AckedPlan != before })
	if !s.holds(xds.ExtensionType, xds.FilterName, "second") {
		t.Error("the change has not arrived")
	}

	// An error keeps what serves, and is shown.
	r.write(t, strings.Replace(shopPolicies, "upstream: catalog", "upstream: catalogue", 1))
	st = r.until(t, "shown", func(st Status) bool { return len(st.Problems) > 0 })
	if st.Policies[0].Status || st.Problems[0].Line == 0 || !strings.Contains(st.Problems[0].Hint+st.Problems[0].Message, "catalog") {
		t.Errorf("status %+v", st)
	}
	if !s.holds(xds.ExtensionType, xds.FilterName, "second") {
		t.Error("the last good version is gone")
	}

	// Mended and removed.
	r.write(t, strings.SplitAfter(shopPolicies, "---\n")[0])
	r.until(t, "without a plan", func(st Status) bool { return synced(1)(st) && st.Sidecars[0].AckedPlan == "" && len(st.Policies) == 0 })
	if s.holds(xds.RouteType, xds.InboundName, "product-page") {
		t.Error("the route is still there")
	}
}

func TestRunServesAttached(t *testing.T) {
	r := runs(t, shopPolicies, nil)
	str, err := extension.NewExtensionConfigDiscoveryServiceClient(r.dial(t, nil)).DeltaExtensionConfigs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	attached := mesh.Sidecar{Service: "storefront", Attached: true, PlanVersions: []int{1}, ModulePath: "/tutti.wasm"}
	if err := str.Send(&discovery.DeltaDiscoveryRequest{Node: node("edge-1", attached), ResourceNamesSubscribe: []string{xds.FilterName}}); err != nil {
		t.Fatal(err)
	}
	resp, err := str.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if text := string(resp.GetResources()[0].GetResource().GetValue()); !strings.Contains(text, `"matcher":true`) || !strings.Contains(text, `"cluster":"catalog"`) {
		t.Errorf("plan in %q", text)
	}
	if err := str.Send(&discovery.DeltaDiscoveryRequest{ResponseNonce: resp.GetNonce()}); err != nil {
		t.Fatal(err)
	}
	if st := r.until(t, "synced", synced(1)); !st.Sidecars[0].Attached {
		t.Errorf("status %+v", st.Sidecars)
	}
}

func TestRunTurnsAway(t *testing.T) {
	r := runs(t, shopPolicies, nil)
	ads := discovery.NewAggregatedDiscoveryServiceClient(r.dial(t, nil))
	sotw, err := ads.StreamAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sotw.Recv(); status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "DELTA_GRPC") {
		t.Errorf("state of the world: %v", err)
	}
	delta, err := ads.DeltaAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	nobody := node("x", storefront)
	nobody.Metadata = nil
	if err := delta.Send(&discovery.DeltaDiscoveryRequest{Node: nobody, TypeUrl: xds.ClusterType}); err != nil {
		t.Fatal(err)
	}
	if _, err := delta.Recv(); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "tutti attach") {
		t.Errorf("no metadata: %v", err)
	}
}

func TestRunEndpoints(t *testing.T) {
	r := runs(t, shopPolicies, nil)
	connects(t, r.dial(t, nil), node("storefront-1", storefront))
	r.until(t, "synced", synced(1))
	for path, want := range map[string][]string{
		"/healthz": {"ok\n"},
		"/readyz":  {"ok\n"},
		"/metrics": {
			`tutti_sidecars{state="SYNCED"} 1`, `tutti_sidecars{state="STALE"} 0`, `tutti_xds_pushes_total{type="ECDS"} 1`,
			`tutti_xds_nacks_total{type="ECDS"} 0`, `tutti_policies{reason="Accepted"} 1`, `tutti_policy_problems{severity="error"} 0`,
			"tutti_compile_seconds_count", "tutti_policies_readable 1", `tutti_build_info{version="test"} 1`, "go_goroutines",
		},
	} {
		code, body := r.get(t, path)
		for _, text := range want {
			if code != 200 || !strings.Contains(body, text) {
				t.Errorf("%s: %d without %q:\n%s", path, code, text, body)
			}
		}
	}
	if code, _ := r.get(t, "/v2"); code != 404 {
		t.Errorf("/v2: %d", code)
	}
}

func TestRunStopsAndComesBack(t *testing.T) {
	r := runs(t, shopPolicies, nil)
	s := connects(t, r.dial(t, nil), node("storefront-1", storefront))
	r.until(t, "synced", synced(1))
	r.stop()
	if err := <-r.done; err != nil {
		t.Errorf("stopped with %v", err)
	}
	if !s.holds(xds.ExtensionType, xds.FilterName, "product-page") {
		t.Error("the sidecar has lost its plan")
	}
}

// TestRunKeepsLastGoodOverARestart: with a state directory, a restart beside a
// broken file, or a broken policy, takes nothing away.
func TestRunKeepsLastGoodOverARestart(t *testing.T) {
	state := t.TempDir()
	keeping := func(c *Config) { c.StateDir = state }
	first := runs(t, shopPolicies, keeping)
	connects(t, first.dial(t, nil), node("storefront-1", storefront))
	served := first.until(t, "synced", synced(1)).Sidecars[0].AckedPlan
	first.stop()
	<-first.done
	again := func(c *Config) { keeping(c); c.PoliciesDir = first.dir }
	for name, broken := range map[string]string{
		"syntax":    "bad: [",
		"reference": strings.Replace(shopPolicies, "upstream: catalog", "upstream: catalogue", 1),
	} {
		first.write(t, broken)
		r := runs(t, shopPolicies, again)
		connects(t, r.dial(t, nil), node("storefront-1", storefront))
		st := r.until(t, name, synced(1))
		if st.Sidecars[0].AckedPlan != served || len(st.Problems) == 0 {
			t.Errorf("%s: status %+v", name, st)
		}
		r.stop()
		<-r.done
	}
	// What is removed while the control plane is away is removed.
	first.write(t, strings.SplitAfter(shopPolicies, "---\n")[0])
	r := runs(t, shopPolicies, again)
	connects(t, r.dial(t, nil), node("storefront-1", storefront))
	if st := r.until(t, "removed", synced(1)); st.Sidecars[0].AckedPlan != "" {
		t.Errorf("status %+v", st)
	}
}

func TestRunKeepsWhatServesWhileTheDirectoryIsGone(t *testing.T) {
	r := runs(t, shopPolicies, nil)
	connects(t, r.dial(t, nil), node("storefront-1", storefront))
	before := r.until(t, "synced", synced(1)).Sidecars[0].AckedPlan
	if err := os.Rename(r.dir, r.dir+".away"); err != nil {
		t.Fatal(err)
	}
	st := r.until(t, "shown", func(st Status) bool { return len(st.Problems) == 1 })
	if st.Problems[0].Code != "unreadable-directory" || len(st.Policies) != 1 || !synced(1)(st) || st.Sidecars[0].AckedPlan != before {
		t.Errorf("status %+v", st)
	}
	if err := os.Rename(r.dir+".away", r.dir); err != nil {
		t.Fatal(err)
	}
	r.until(t, "well again", func(st Status) bool { return len(st.Problems) == 0 })
}

func TestRunRefusesToStart(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		cfg  Config
		want string
	}{
		{"directory", Config{PoliciesDir: filepath.Join(dir, "none")}, "policies:"},
		{"file", Config{PoliciesDir: "run_test.go"}, "not a directory"},
		{"xds", Config{PoliciesDir: dir, XDSAddr: "0.0.0.0:0"}, "--tls-cert"},
		{"xds name", Config{PoliciesDir: dir, XDSAddr: "example.com:0"}, "--insecure"},
		{"xds no port", Config{PoliciesDir: dir, XDSAddr: "nonsense"}, `xDS address "nonsense": want HOST:PORT`},
		{"xds empty", Config{PoliciesDir: dir, XDSAddr: ":0"}, "--insecure"},
		{"http", Config{PoliciesDir: dir, HTTPAddr: ":0"}, "HTTP address"},
		{"half", Config{PoliciesDir: dir, TLS: TLSFiles{CertFile: "c"}}, "go together"},
		{"ca alone", Config{PoliciesDir: dir, TLS: TLSFiles{ClientCAFile: "c"}}, "go together"},
		{"no file", Config{PoliciesDir: dir, TLS: TLSFiles{CertFile: "c", KeyFile: "k"}}, "TLS:"},
		{"port", Config{PoliciesDir: dir, XDSAddr: "127.0.0.1:99999"}, "xDS address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.cfg.HTTPAddr == "" {
				tt.cfg.HTTPAddr = "127.0.0.1:0"
			}
			if tt.cfg.XDSAddr == "" {
				tt.cfg.XDSAddr = "127.0.0.1:0"
			}
			// Done from the start, so that a test that is wrong ends.
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(errors.New("started"))
			if err := Run(ctx, tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
