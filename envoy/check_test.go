package envoy

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// attached is an Envoy where all is well.
func attached() Facts {
	sc := mesh.Sidecar{Service: "checkout", Attached: true, PlanVersions: []int{1}, ModulePath: "/etc/envoy/tutti.wasm"}
	return Facts{
		Build: "9e55/1.40.0/Clean/RELEASE/BoringSSL", NodeID: "checkout-1", Self: &sc,
		Clusters: map[string]bool{XDSCluster: true, "catalog": false},
		Chains: []Chain{
			{Listener: "ingress", Filters: []string{"envoy.filters.http.jwt_authn", FilterName, "envoy.filters.http.router"}, Discovered: true, Source: XDSCluster},
			{Listener: "other", Filters: []string{"envoy.filters.http.router"}},
		},
		Connected: true,
		Plugin:    &Plugin{Type: "Wasm", Plan: somePlan("catalog"), ModulePath: sc.ModulePath},
	}
}

func somePlan(cluster string) string {
	lit := func(s string) plan.Text { return plan.Text{{Lit: s}} }
	return string(plan.Encode(&plan.Plan{Service: "checkout", Matcher: true, Policies: []plan.Policy{{
		Name: "product-page", Match: plan.Match{Methods: []string{"GET"}, Path: []plan.Segment{{Literal: "p"}}}, TimeoutMS: 800,
		Limits: plan.Limits{AnswerBytes: 1 << 20, TotalBytes: 1 << 22, RequestBytes: 1 << 20, Hops: 4},
		Steps: []plan.Step{{
			Name: "product", Cluster: cluster, Authority: "catalog", Method: "GET", Path: lit("/v1"), TimeoutMS: 800,
			Success: []plan.StatusRange{{From: 200, To: 299}},
		}},
		Response: plan.Response{Status: 200, Body: &plan.Doc{Kind: plan.Literal, Raw: []byte(`{}`)}},
	}}}))
}

// One file shows what each state of an Envoy is told, the first one whole, the
// others without the lines that are the same.
func TestExamine(t *testing.T) {
	cases := []struct {
		name   string
		change func(*Facts)
	}{
		{"all is well", func(*Facts) {}},
		{"nothing was pasted", func(f *Facts) {
			*f = Facts{Build: f.Build, NodeID: "x", Clusters: map[string]bool{"app": false}, Chains: f.Chains[1:]}
		}},
		{"an old Envoy", func(f *Facts) { f.Build = "abc/1.35.1/Clean/RELEASE/BoringSSL" }},
		{"no version", func(f *Facts) { f.Build = "mine" }},
		{"not attached", func(f *Facts) { f.Self.Attached = false }},
		{"incomplete metadata", func(f *Facts) { f.Self.ModulePath = "" }},
		{"no node id", func(f *Facts) { f.NodeID = "" }},
		{"one of Tutti's own", func(f *Facts) {
			f.Self.Attached = false
			f.Chains[0].Source, f.Chains[0].Disabled = "ads", true
		}},
		{"control plane without HTTP/2", func(f *Facts) { f.Clusters[XDSCluster] = false }},
		{"filter without discovery", func(f *Facts) { f.Chains[0].Discovered = false }},
		{"filter asks another cluster", func(f *Facts) { f.Chains[0].Source = "xds" }},
		{"filter disabled", func(f *Facts) { f.Chains[0].Disabled = true }},
		{"filter behind the router", func(f *Facts) { f.Chains[0].Filters = []string{"envoy.filters.http.router", FilterName} }},
		{"filter before authorization", func(f *Facts) { slices.Reverse(f.Chains[0].Filters[:2]) }},
		{"filter first", func(f *Facts) { f.Chains[0].Filters = f.Chains[0].Filters[1:] }},
		{"control plane away", func(f *Facts) { f.Connected = false }},
		{"no plan yet", func(f *Facts) { f.Plugin = nil }},
		{"no policy", func(f *Facts) { f.Plugin = &Plugin{Type: "HeaderMutation"} }},
		{"refused", func(f *Facts) { f.Refused = true }},
		{"a plan of a later version", func(f *Facts) { f.Plugin.Plan = `{"version":99}` }},
		{"a cluster is missing", func(f *Facts) { f.Plugin.Plan = somePlan("catalogue") }},
	}
	var out, well strings.Builder
	for i, c := range cases {
		f := attached()
		c.change(&f)
		r := Examine(f)
		out.WriteString("=== " + c.name + "\n")
		for line := range strings.Lines(r.Render()) {
			if i == 0 {
				well.WriteString(line)
			} else if strings.Contains(well.String(), line) {
				continue
			}
			out.WriteString(line)
		}
		if !r.OK() {
			out.WriteString("(exit 1)\n")
		}
	}
	golden(t, "check.golden", []byte(out.String()))
}

// Two recorded Envoys: one took the plan, the other had no module to run it.
func TestCheckRecorded(t *testing.T) {
	for _, name := range []string{"taken", "refused"} {
		mux := http.NewServeMux()
		for _, what := range []string{"server_info", "stats", "config_dump"} {
			mux.HandleFunc("/"+what, func(w http.ResponseWriter, r *http.Request) {
				http.ServeFile(w, r, filepath.Join("testdata", "admin", name, what+".json"))
			})
		}
		srv := httptest.NewServer(mux)
		defer srv.Close()
		r, err := Check(t.Context(), Admin{URL: srv.URL})
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "check-recorded-"+name+".golden", []byte(r.Render()))
	}
}

func TestReadFactsNoEnvoy(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	if _, err := Check(t.Context(), Admin{URL: srv.URL}); err == nil || !strings.Contains(err.Error(), "/server_info: status 404") {
		t.Errorf("got %v", err)
	}
	if _, err := NewAdmin("ftp://x"); err == nil {
		t.Error("took ftp:// for an admin interface")
	}
}

// A real Envoy with the stanza, before there is a control plane: it serves,
// and the report says what is missing.
func TestCheckRealEnvoy(t *testing.T) {
	for _, version := range supported {
		t.Run(version, func(t *testing.T) {
			app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
			defer app.Close()
			a := attachment()
			a.XDS = XDS{Address: "127.0.0.1:1"}
			p := start(t, version, paste(t, a, app.URL[strings.LastIndex(app.URL, ":")+1:]))
			ctx := within(t, time.Minute)
			if err := p.WaitReady(ctx); err != nil {
				t.Fatal(err)
			}
			if got := fetch(ctx, listenerOf(t, p)); !strings.HasPrefix(got, "418") {
				t.Errorf("without a control plane, a request got %q", got)
			}
			admin, err := p.Admin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Check(ctx, admin)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "check-real-"+version+".golden", []byte(r.Render()))
		})
	}
}
