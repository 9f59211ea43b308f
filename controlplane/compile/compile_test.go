package compile

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/filter/jsontext"
	"github.com/tutti-mesh/tutti/filter/plan"
)

var (
	storefront = mesh.Workload{Service: "storefront"}
	attached   = mesh.Workload{Service: "storefront", Attached: true}
)

const catalogFile = `
apiVersion: tutti.dev/v1alpha1
kind: Upstream
metadata: {name: catalog}
spec: {SPEC}
---
`

const pageFile = `
apiVersion: tutti.dev/v1alpha1
kind: Aggregation
metadata: {name: page}
spec:
  targetRefs: [{kind: Service, name: storefront}]
  match: {path: /p}
  calls:
  - {name: product, upstream: catalog, path: /v1}
  response: {body: BODY}
---
`

func catalog(spec string) string { return strings.Replace(catalogFile, "SPEC", spec, 1) }

func page(body string) string { return strings.Replace(pageFile, "BODY", body, 1) }

func parse(t testing.TB, texts ...string) policy.Set {
	t.Helper()
	set, _ := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(strings.Join(texts, ""))}})
	return set
}

// versions compiles one version after the other.
func versions(t testing.TB, workloads []mesh.Workload, texts ...string) Result {
	t.Helper()
	var last *Result
	for _, text := range texts {
		r := Compile(Input{Policies: parse(t, text), Workloads: workloads, Last: last})
		last = &r
	}
	return *last
}

func body(t testing.TB, r Result, w mesh.Workload) string {
	t.Helper()
	p := r.Workloads[w].Plan
	if len(p.Policies) == 0 {
		return ""
	}
	return string(p.Policies[0].Response.Body.Raw)
}

// TestLastGood says for each change which version serves then.
func TestLastGood(t *testing.T) {
	good, up := page("1"), catalog(`endpoints: ["a:1"]`)
	cases := []struct {
		name  string
		texts []string
		want  string
	}{
		{"changed", []string{up + good, up + page("2")}, "2"},
		{"new field is wrong", []string{up + good, up + page("2, x: 1")}, "1"},
		{"expression is wrong", []string{up + good, up + page("${nope}")}, "1"},
		{"wrong twice", []string{up + good, up + page("${nope}"), up + page("${nope2}")}, "1"},
		{"mended", []string{up + good, up + page("${nope}"), up + page("2")}, "2"},
		{"upstream removed", []string{up + good, good}, "1"},
		{"upstream wrong", []string{up + good, catalog(`endpoints: [x]`) + page("2")}, "1"},
		{"not YAML", []string{up + good, "["}, "1"},
		{"deleted", []string{up + good, up}, ""},
		{"deleted and back, wrong", []string{up + good, up, up + page("${nope}")}, ""},
		{"disabled", []string{up + good, up + strings.Replace(good, "spec:", "spec:\n  enabled: false", 1)}, ""},
		{"new and wrong", []string{up + page("${nope}")}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := versions(t, []mesh.Workload{storefront}, c.texts...)
			if got := body(t, r, storefront); got != c.want {
				t.Errorf("serves %q, want %q; conditions %+v", got, c.want, r.Conditions)
			}
			if c.want != "" && len(r.Workloads[storefront].Upstreams) != 1 {
				t.Errorf("upstreams: %+v", r.Workloads[storefront].Upstreams)
			}
		})
	}
}

// A workload that is gone for a while finds its last good version again.
func TestLastGoodOutlivesItsWorkload(t *testing.T) {
	up := catalog(`endpoints: ["a:1"]`)
	first := Compile(Input{Policies: parse(t, up+page("1")), Workloads: []mesh.Workload{storefront}})
	away := Compile(Input{Policies: parse(t, up+page("${nope}")), Last: &first})
	back := Compile(Input{Policies: parse(t, up+page("${nope}")), Workloads: []mesh.Workload{storefront}, Last: &away})
	if got := body(t, back, storefront); got != "1" {
		t.Errorf("serves %q", got)
	}
}

// What serves last good follows the endpoints of today, as its neighbours do.
func TestLastGoodFollowsEndpoints(t *testing.T) {
	other := strings.ReplaceAll(page("3"), "page", "other")
	r := versions(t, []mesh.Workload{storefront},
		catalog(`endpoints: ["10.0.0.1:1"]`)+page("1")+other,
		catalog(`endpoints: ["10.0.0.2:1"]`)+page("${nope}")+other)
	want := []mesh.Endpoint{{Host: "10.0.0.2", Port: 1}}
	c := r.Workloads[storefront]
	if len(c.Plan.Policies) != 2 || len(c.Upstreams) != 1 || !slices.Equal(c.Upstreams[0].Endpoints, want) {
		t.Errorf("got %+v", c)
	}
}

// A changed upstream is a new cluster beside the one that last good calls.
func TestLastGoodKeepsItsCluster(t *testing.T) {
	other := strings.ReplaceAll(page("3"), "page", "other")
	r := versions(t, []mesh.Workload{storefront},
		catalog(`endpoints: ["a:1"]`)+page("1")+other,
		catalog(`endpoints: ["a:2"]`)+page("${nope}")+other)
	ups := r.Workloads[storefront].Upstreams
	if len(ups) != 2 || ups[0].Cluster == ups[1].Cluster {
		t.Errorf("got %+v", ups)
	}
}

func TestLastGoodOfOneSort(t *testing.T) {
	both := []mesh.Workload{storefront, attached}
	r := versions(t, both,
		catalog(`endpoints: ["a:1"], cluster: c`)+page("1"),
		catalog(`endpoints: ["a:1"]`)+page("2"))
	if own, foreign := body(t, r, storefront), body(t, r, attached); own != "2" || foreign != "1" {
		t.Errorf("own serves %q, attached %q", own, foreign)
	}
	c := r.Conditions[0]
	if c.Status || !c.LastGood || strings.Count(c.ServingHash, ",") != 1 {
		t.Errorf("condition %+v", c)
	}
}

func TestClusterNames(t *testing.T) {
	name := func(spec string) string {
		r := versions(t, []mesh.Workload{storefront}, catalog(spec)+page("1"))
		if len(r.Workloads[storefront].Upstreams) != 1 {
			t.Fatal(r.Problems)
		}
		return r.Workloads[storefront].Upstreams[0].Cluster
	}
	same := [][2]string{
		{`endpoints: ["10.0.0.1:1"]`, `endpoints: ["10.0.0.2:2", "10.0.0.3:1"]`},
		{`endpoints: ["a:1", "b:1"]`, `endpoints: ["b:1", "a:1"]`},
		{`endpoints: ["a:1"]`, `endpoints: ["a:1"], protocol: http1, connectTimeout: 1s, authority: catalog`},
		{`endpoints: ["a:1"]`, `endpoints: ["a:1"], cluster: x`},
	}
	for _, c := range same {
		if name(c[0]) != name(c[1]) {
			t.Errorf("%s and %s are two clusters", c[0], c[1])
		}
	}
	seen := map[string]string{}
	for _, spec := range []string{
		`endpoints: ["10.0.0.1:1"]`, `endpoints: ["a:1"]`, `endpoints: ["a:2"]`, `endpoints: ["a:1"], protocol: http2`,
		`endpoints: ["a:1"], tls: {}`, `endpoints: ["a:1"], tls: {sni: b}`, `endpoints: ["a:1"], authority: b`,
		`endpoints: ["a:1"], connectTimeout: 2s`, `endpoints: ["a:1"], limits: {maxRequests: 1}`,
	} {
		n := name(spec)
		if seen[n] != "" {
			t.Errorf("%s and %s are one cluster", spec, seen[n])
		}
		seen[n] = spec
		if !regexp.MustCompile(`^upstream_catalog_[0-9a-f]{8}$`).MatchString(n) {
			t.Errorf("cluster name %q", n)
		}
	}
}

// TestInputIsNotChanged compiles every golden file and looks at the input again.
func TestInputIsNotChanged(t *testing.T) {
	for _, in := range goldens(t) {
		files := split(in)
		set, _ := policy.Parse(files)
		fresh, _ := policy.Parse(files)
		input := Input{Policies: set, Workloads: []mesh.Workload{attached, storefront}}
		first := Compile(input)
		before := show(t, &first)
		input.Last = &first
		second := Compile(input)
		if !reflect.DeepEqual(set, fresh) {
			t.Error("Compile changed the policies")
		}
		if show(t, &first) != before {
			t.Error("Compile changed the last result")
		}
		for _, w := range input.Workloads {
			if a, b := plan.Encode(first.Workloads[w].Plan), plan.Encode(second.Workloads[w].Plan); string(a) != string(b) {
				t.Errorf("the same policies again, another plan:\n%s\n%s", a, b)
			}
		}
	}
}

// TestPrecedenceIsAnOrder: it is total and does not contradict itself.
func TestPrecedenceIsAnOrder(t *testing.T) {
	var ps []plan.Policy
	paths := []string{"/", "/a", "/a/", "/a/b", "/{x}", "/{x}/b", "/a/{y}", "/{x}/{y}", "/{rest=**}", "/a/{rest=**}", "/{x}/{rest=**}"}
	for i, path := range paths {
		set := parse(t, strings.Replace(page("1"), "path: /p", fmt.Sprintf("path: %q", path), 1))
		for j, methods := range [][]string{nil, {"GET"}} {
			m := match(&set.Aggregations[0].Spec.Match)
			m.Methods = methods
			ps = append(ps, plan.Policy{Name: fmt.Sprint(i, j), Match: m})
		}
	}
	for i := range ps {
		for j := range ps {
			ab, _ := precedence(&ps[i], &ps[j])
			ba, _ := precedence(&ps[j], &ps[i])
			if ab != -ba || (ab == 0) != (i == j) {
				t.Errorf("%v and %v: %d, %d", ps[i].Match, ps[j].Match, ab, ba)
			}
		}
	}
}

// TestCodesAreShown: every code occurs in a golden file, and every code in a
// golden file is known.
func TestCodesAreShown(t *testing.T) {
	shown := map[string]bool{}
	for _, pattern := range []string{"testdata/*.golden", "../policy/testdata/*.golden"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, out, _ := strings.Cut(string(data), "\n-----\n")
			for _, m := range regexp.MustCompile(`(?m) \[([a-z0-9-]+)\]$`).FindAllStringSubmatch(out, -1) {
				shown[m[1]] = true
			}
		}
	}
	for _, c := range policy.Codes {
		if !shown[c.Name] {
			t.Errorf("code %s is in no golden file", c.Name)
		}
	}
}

func TestNestingIsTheFilters(t *testing.T) {
	if maxNesting != jsontext.MaxDepth {
		t.Errorf("maxNesting is %d, jsontext.MaxDepth %d", maxNesting, jsontext.MaxDepth)
	}
}

func goldens(t testing.TB) []string {
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	var out []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		in, _, _ := strings.Cut(string(data), "\n-----\n")
		out = append(out, strings.Split(in, "\n##### then\n")...)
	}
	return out
}

// FuzzCompile compiles two versions one after the other: nothing panics, twice
// is the same, and the filter takes every plan.
func FuzzCompile(f *testing.F) {
	seeds := goldens(f)
	for i, s := range seeds {
		f.Add(s, seeds[(i+1)%len(seeds)])
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		workloads := []mesh.Workload{storefront, attached}
		first := Compile(Input{Policies: parse(t, before), Workloads: append(workloads, Targets(parse(t, before))...)})
		in := Input{Policies: parse(t, after), Workloads: append(workloads, Targets(parse(t, after))...), Last: &first}
		a, b := Compile(in), Compile(in)
		if x, y := show(t, &a), show(t, &b); x != y {
			t.Errorf("compiled twice, two results:\n%s\n%s", x, y)
		}
		for w, c := range a.Workloads {
			clusters := map[string]bool{}
			for _, u := range c.Upstreams {
				clusters[u.Cluster] = true
			}
			for _, p := range c.Plan.Policies {
				for _, s := range p.Steps {
					if !clusters[s.Cluster] {
						t.Errorf("%v: %s calls %s, which is not there", w, p.Name, s.Cluster)
					}
				}
			}
		}
	})
}
