package xds

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/filter/plan"
)

var update = flag.Bool("update", false, "write the golden files")

var sidecar = mesh.Sidecar{
	ID: "shop-1", Service: "shop", Listen: "0.0.0.0:8080", App: "127.0.0.1:9080",
	PlanVersions: []int{1}, ModulePath: "/run/tutti.wasm",
}

func aPolicy(name string, m plan.Match, clusters ...string) plan.Policy {
	p := plan.Policy{
		Name: name, Match: m, TimeoutMS: 800,
		Limits:   plan.Limits{AnswerBytes: 1 << 22, TotalBytes: 1 << 24, RequestBytes: 1 << 20, Hops: 4},
		Response: plan.Response{Status: 200},
	}
	for _, c := range clusters {
		p.Steps = append(p.Steps, plan.Step{
			Name: strings.ReplaceAll(c, "_", ""), Cluster: c, Marked: true, Authority: "a", Method: "GET",
			Path: plan.Text{{Lit: "/"}}, TimeoutMS: 200, Success: []plan.StatusRange{{From: 200, To: 299}},
		})
	}
	return p
}

func upstreamAt(name, host string) mesh.Upstream {
	return mesh.Upstream{
		Name: name, Cluster: UpstreamPrefix + name + "_0a1b2c3d", Authority: name,
		Endpoints: []mesh.Endpoint{{Host: host, Port: 8080}}, ConnectTimeout: time.Second,
	}
}

// golden are few: one per part that a reader wants to see whole.
func TestGolden(t *testing.T) {
	products := plan.Match{Methods: []string{"GET"}, Path: []plan.Segment{{Literal: "products"}, {Param: "id"}}}
	secure := upstreamAt("secure", "secure.example")
	secure.HTTP2 = true
	secure.TLS = &mesh.TLS{SNI: "secure.example", CAFile: "/ca.pem", CertFile: "/cert.pem", KeyFile: "/key.pem"}
	secure.Limits = mesh.CircuitBreakers{MaxRequests: 9}
	edge, attached := sidecar, sidecar
	edge.Edge, edge.AccessLog, edge.App, edge.AppProtocol = true, true, "app.local:9080", "http2"
	attached.Attached, attached.Listen, attached.App = true, "", ""
	tests := []struct {
		file    string
		sidecar mesh.Sidecar
		plan    plan.Plan
		ups     []mesh.Upstream
		show    []string
	}{
		{"no_policy", sidecar, plan.Plan{Service: "shop"}, nil, nil},
		{"edge", edge, plan.Plan{Service: "shop"}, nil, []string{ListenerType, ClusterType}},
		{"addresses", sidecar, plan.Plan{Service: "shop", Policies: []plan.Policy{aPolicy("product-page", products, "upstream_catalog_0a1b2c3d")}},
			[]mesh.Upstream{upstreamAt("catalog", "10.0.0.7")}, []string{ClusterType, EndpointType, ExtensionType, RouteType}},
		{"names_tls", sidecar, plan.Plan{Service: "shop"}, []mesh.Upstream{secure}, []string{ClusterType}},
		{"attached", attached, plan.Plan{Service: "shop", Matcher: true, Policies: []plan.Policy{aPolicy("product-page", products)}}, nil, nil},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			r, err := Build(&tt.plan, tt.ups, tt.sidecar)
			if err != nil {
				t.Fatal(err)
			}
			again, _ := Build(&tt.plan, tt.ups, tt.sidecar)
			if got, want := render(t, again, tt.show), render(t, r, tt.show); !bytes.Equal(got, want) {
				t.Fatal("the same input gives something else")
			}
			compare(t, tt.file+".json", render(t, r, tt.show))
		})
		seen[tt.file+".json"] = true
	}
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen[f.Name()] {
			t.Errorf("testdata/%s belongs to no test", f.Name())
		}
	}
}

// render writes the resources of some types, or of all, as indented JSON.
func render(t *testing.T, r Resources, types []string) []byte {
	t.Helper()
	all := map[string]json.RawMessage{}
	for typeURL, byName := range r {
		if types != nil && !slices.Contains(types, typeURL) {
			continue
		}
		for name, m := range byName {
			text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			all[short(typeURL)+" "+name] = text
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	// protojson varies its white space on purpose.
	if err := json.Indent(&out, text, "", " "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s (write it with -update, then look at the difference):\n%s", path, got)
	}
}

func TestPathPattern(t *testing.T) {
	lit := func(s string) plan.Segment { return plan.Segment{Literal: s} }
	id, rest := plan.Segment{Param: "id"}, plan.Segment{Param: "rest", Tail: true}
	tests := []struct {
		path    []plan.Segment
		pattern string
		regex   bool
		yes, no []string
	}{
		{nil, "/", false, nil, nil},
		{[]plan.Segment{lit("a"), lit("b.c")}, "/a/b.c", false, nil, nil},
		{[]plan.Segment{lit("a"), lit("")}, "/a/", false, nil, nil},
		{[]plan.Segment{lit("a.b"), id}, `/a\.b/[^/]+`, true, []string{"/a.b/1"}, []string{"/axb/1", "/a.b/", "/a.b/1/2"}},
		{[]plan.Segment{id, lit("x")}, `/[^/]+/x`, true, []string{"/1/x"}, []string{"//x"}},
		{[]plan.Segment{lit("f"), rest}, `/f/.*`, true, []string{"/f/", "/f/a/b"}, []string{"/f"}},
	}
	for _, tt := range tests {
		got, isRegex := pathPattern(tt.path)
		if got != tt.pattern || isRegex != tt.regex {
			t.Errorf("pathPattern(%v) = %q, %t; want %q, %t", tt.path, got, isRegex, tt.pattern, tt.regex)
		}
		re := regexp.MustCompile("^(?:" + tt.pattern + ")$")
		for _, path := range tt.yes {
			if !re.MatchString(path) {
				t.Errorf("%s does not match %s", tt.pattern, path)
			}
		}
		for _, path := range tt.no {
			if re.MatchString(path) {
				t.Errorf("%s matches %s", tt.pattern, path)
			}
		}
	}
}

func TestRouteMatchOfMethodsAndHeaders(t *testing.T) {
	m, err := routeMatch(&plan.Match{
		Methods: []string{"GET", "HEAD"},
		Headers: []plan.HeaderMatch{{Name: "x-a", Value: "1"}, {Name: "x-b", Present: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := m.GetHeaders()
	if len(h) != 3 || h[0].GetName() != ":method" || h[0].GetStringMatch().GetSafeRegex().GetRegex() != "GET|HEAD" ||
		h[1].GetStringMatch().GetExact() != "1" || !h[2].GetPresentMatch() {
		t.Errorf("headers %v", h)
	}
}

func TestBuildRefuses(t *testing.T) {
	one := plan.Plan{Policies: []plan.Policy{aPolicy("p", plan.Match{})}}
	with := func(change func(*mesh.Sidecar)) mesh.Sidecar { sc := sidecar; change(&sc); return sc }
	tests := []struct {
		name    string
		sidecar mesh.Sidecar
		ups     []mesh.Upstream
		want    string
	}{
		{"listen", with(func(s *mesh.Sidecar) { s.Listen = "8080" }), nil, "listen"},
		{"app", with(func(s *mesh.Sidecar) { s.App = "host:http" }), nil, "app"},
		{"module", with(func(s *mesh.Sidecar) { s.ModulePath = "" }), nil, "module_path"},
		{"endpoints", sidecar, []mesh.Upstream{{Name: "u", Cluster: "c"}}, "upstream u: has no endpoints"},
		{"port", sidecar, []mesh.Upstream{{Name: "u", Cluster: "c", Endpoints: []mesh.Endpoint{{Host: "h", Port: 70000}}}}, "PortValue"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Build(&one, tt.ups, tt.sidecar)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	p := &plan.Plan{Policies: []plan.Policy{aPolicy("p", plan.Match{}, "upstream_u_0a1b2c3d")}}
	ups := []mesh.Upstream{upstreamAt("u", "10.0.0.1")}
	tests := []struct {
		name string
		harm func(Resources)
		want string
	}{
		{"nothing", func(Resources) {}, ""},
		{"cluster", func(r Resources) { delete(r[ClusterType], "upstream_u_0a1b2c3d") }, "policy p: step upstreamu0a1b2c3d: no cluster upstream_u_0a1b2c3d"},
		{"local", func(r Resources) { delete(r[ClusterType], LocalCluster) }, "route p: no cluster local_app"},
		{"endpoints", func(r Resources) { delete(r[EndpointType], "upstream_u_0a1b2c3d") }, "cluster upstream_u_0a1b2c3d: no endpoints"},
		{"plan", func(r Resources) { delete(r[ExtensionType], FilterName) }, `no TypedExtensionConfig "tutti"`},
		{"policy", func(r Resources) {
			ext, err := Extension(&plan.Plan{}, sidecar)
			if err != nil {
				t.Fatal(err)
			}
			r[ExtensionType][FilterName] = ext
		}, "route p: no such policy in the plan"},
		{"text", func(r Resources) {
			ext := proto.Clone(r[ExtensionType][FilterName]).(*core.TypedExtensionConfig)
			ext.TypedConfig.Value = ext.TypedConfig.Value[:9]
			r[ExtensionType][FilterName] = ext
		}, "the plan cannot be read back"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Build(p, ups, sidecar)
			if err != nil {
				t.Fatal(err)
			}
			tt.harm(r)
			switch err := Check(r); {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// A policy's route must be reached before the catch-all, and the mark of real
// answers must not leave the mesh's own Envoys.
func TestRoutesOrder(t *testing.T) {
	config, err := Routes([]plan.Policy{aPolicy("b", plan.Match{}), aPolicy("a", plan.Match{})})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range config.GetVirtualHosts()[0].GetRoutes() {
		names = append(names, r.GetName())
		if on := r.GetTypedPerFilterConfig()[FilterName] != nil; on != (r.GetName() != LocalCluster) {
			t.Errorf("route %s: filter enabled: %t", r.GetName(), on)
		}
	}
	if !slices.Equal(names, []string{"b", "a", LocalCluster}) {
		t.Errorf("routes %v", names)
	}
	if !slices.Contains(config.GetResponseHeadersToRemove(), plan.MarkHeader) {
		t.Error("the mark goes out to clients")
	}
}

func TestTypesAreAll(t *testing.T) {
	r, err := Build(&plan.Plan{}, []mesh.Upstream{upstreamAt("u", "10.0.0.1")}, sidecar)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{ClusterType, EndpointType, ExtensionType, ListenerType, RouteType}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(r)); !slices.Equal(got, want) {
		t.Errorf("types %v, want %v", got, want)
	}
	for typeURL, byName := range r {
		for _, m := range byName {
			if full := "type.googleapis.com/" + string(m.ProtoReflect().Descriptor().FullName()); full != typeURL {
				t.Errorf("%s holds %s", typeURL, full)
			}
		}
	}
}
