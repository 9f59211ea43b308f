package plan

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-mesh/tutti/filter/expr"
)

// full has every field set, so that a field which Encode or Decode forgets
// does not come back.
func full(t testing.TB) *Plan {
	id, err := expr.New("request.path_params.id", expr.Node{Op: expr.PathParam})
	if err != nil {
		t.Fatal(err)
	}
	text := Text{{Lit: "a/"}, {Expr: id}}
	params := []Param{{Name: "p", Value: text}, {Name: "empty"}}
	return &Plan{
		Service: "storefront", Matcher: true,
		Policies: []Policy{{
			Name: "page",
			Match: Match{Methods: []string{"GET"}, Path: []Segment{{Literal: "x"}, {Param: "id"}, {Param: "rest", Tail: true}},
				Headers: []HeaderMatch{{Name: "a", Value: "b"}, {Name: "c", Present: true}}},
			TimeoutMS: 1, Limits: Limits{2, 3, 4, 5}, ReadsBody: true,
			Steps: []Step{
				{Name: "one", Cluster: "c", Marked: true, Authority: "a", Method: "POST", Path: text, Query: params, Headers: params,
					Body: &Doc{Kind: ArrayDoc, Elems: []Doc{{Kind: Hole, Expr: id}}}, ForwardHeaders: []string{"h"}, ForwardQuery: []string{"q"},
					TimeoutMS: 6, Success: []StatusRange{{200, 204}}, OnError: Fallback, Fallback: &Doc{Kind: Literal, Raw: []byte(`{"a": 1}`)},
					ReadsBody: true, ReadsHeaders: []string{"etag"}},
				{Name: "two", Cluster: "c", Authority: "a", Method: "GET", Path: Text{{Lit: "/"}}, TimeoutMS: 1,
					Success: []StatusRange{{200, 299}}, OnError: Omit, After: []int{0}},
			},
			Response: Response{Status: 200, Headers: params, Body: &Doc{Kind: ObjectDoc, Members: []Member{
				{Name: "é\"", Value: Doc{Kind: TextHole, Text: text}}}}},
		}},
	}
}

// TestRoundTrip: what Encode writes, Decode reads, and nothing is lost.
func TestRoundTrip(t *testing.T) {
	first := Encode(full(t))
	p, err := Decode(first)
	if err != nil {
		t.Fatal(err)
	}
	if second := Encode(p); !bytes.Equal(first, second) {
		t.Errorf("changed on the way:\n%s\n%s", first, second)
	}
	if !json.Valid(first) {
		t.Errorf("not JSON: %s", first)
	}
}

// TestGolden shows the wire form to a reader of a change: any difference here
// is one that older filters meet.
func TestGolden(t *testing.T) {
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, Encode(full(t)), "", " "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	file := filepath.Join("testdata", "full.json")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, pretty.Bytes()) {
		t.Errorf("the wire form changed: raise Version if an older filter would misread it, then UPDATE=1 go test ./filter/plan\n%s", pretty.Bytes())
	}
}

// TestDecodeRefuses: every line is a change to the full plan and what Decode
// says about it.
func TestDecodeRefuses(t *testing.T) {
	good := string(Encode(full(t)))
	for _, c := range []struct{ name, old, new, want string }{
		{"newer version", `"version":1`, `"version":2`, "plan: version 2, this filter runs version 1"},
		{"no version", `"version":1,`, ``, "plan: version , this filter"},
		{"unknown member", `"timeout_ms":1,`, `"timeout_ms":1,"retries":3,`, "policies[0].retries: unknown member"},
		{"wrong type", `"timeout_ms":1,`, `"timeout_ms":"1",`, "policies[0].timeout_ms: want a whole number"},
		{"no timeout", `"timeout_ms":1,"limits"`, `"limits"`, "policies[0].timeout_ms: missing"},
		{"no limit", `"hops":5`, `"hops":0`, "policies[0].limits"},
		{"duplicate step", `"name":"two"`, `"name":"one"`, "policies[0].steps[1].name"},
		{"cycle", `"after":[0]`, `"after":[1]`, "policies[0].steps: some wait for each other"},
		{"no such step", `"after":[0]`, `"after":[7]`, "policies[0].steps[1].after: no step 7"},
		{"parameter out of range", `["param",0]`, `["param",9]`, "policies[0]: expression"},
		{"unknown operation", `["param",0]`, `["parm",0]`, "unknown operation"},
		{"bad status", `"status":200`, `"status":20`, "policies[0].response.status"},
		{"unknown on_error", `"on_error":"omit"`, `"on_error":"ignore"`, "policies[0].steps[1].on_error: unknown value"},
		{"fallback missing", `"on_error":"omit"`, `"on_error":"fallback"`, "policies[0].steps[1].fallback"},
		{"two kinds in a node", `{"json":{"a": 1}}`, `{"json":1,"array":[]}`, "exactly one member"},
		{"broken", `}`, ``, "plan: not a JSON text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(good, c.old) {
				t.Fatalf("%s is not in %s", c.old, good)
			}
			p, err := Decode([]byte(strings.Replace(good, c.old, c.new, 1)))
			if err == nil || p != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want an error with %q", p, err, c.want)
			}
		})
	}
}

// FuzzDecode: no bytes make Decode panic, and what it accepts is stable.
func FuzzDecode(f *testing.F) {
	f.Add(Encode(full(f)))
	f.Add([]byte(`{"version":1,"policies":[{"name":"a","steps":[{"after":[0]}]}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Decode(raw)
		if err != nil {
			return
		}
		once := Encode(p)
		again, err := Decode(once)
		if err != nil {
			t.Fatalf("Encode wrote what Decode refuses: %v\n%s", err, once)
		}
		if twice := Encode(again); !bytes.Equal(once, twice) {
			t.Fatalf("not stable:\n%s\n%s", once, twice)
		}
	})
}
