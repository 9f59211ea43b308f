package expr_test

import (
	"strings"
	"testing"

	"github.com/tutti-mesh/tutti/filter/expr"
	"github.com/tutti-mesh/tutti/filter/jsontext"
)

func decode(t testing.TB, raw string) *expr.Expr {
	t.Helper()
	e, err := expr.Decode([]byte(raw))
	if err != nil {
		t.Fatalf("Decode(%s): %v", raw, err)
	}
	return e
}

func TestWireRoundTrip(t *testing.T) {
	for _, raw := range []string{
		`["1",1]`, `["x",1.0]`, `["",null]`, `["",true]`, `["","text\n\""]`, `["",["uint","18446744073709551615"]]`,
		`["steps.a.body.b[0] > 0",["step.body",1],[".","b"],0,["[]"],0,[">"]]`,
		`["",["header","x"],["?"],"",["orValue"]]`,
		`["",true,false,null,["&&",3]]`,
		`["",["list",0]]`, `["","k",1,["map",2]]`,
		`["",1e+21]`, `["",-0.0]`, `["",1e-7]`, `["",-9223372036854775808]`,
		`["",["param",3]]`, `["",["step.header",2,"etag"],["has"]]`, `["",["none"]]`,
	} {
		if got := string(decode(t, raw).AppendJSON(nil)); got != raw {
			t.Errorf("got %s, want %s", got, raw)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		``:                          "not JSON",
		`["",1`:                     "not JSON",
		`{}`:                        "not an array",
		`[]`:                        "not an array",
		`[1,1]`:                     "not an array",
		`[""]`:                      "not one tree",
		`["",1,2]`:                  "not one tree",
		`["",{}]`:                   "an object in the tree",
		`["",[]]`:                   "no operation",
		`["",[1]]`:                  "no operation",
		`["",["eval"]]`:             `unknown operation "eval"`,
		`["",["literal"]]`:          `unknown operation "literal"`,
		`["",[""]]`:                 `unknown operation ""`,
		`["",1,["+"]]`:              "too few operands of +",
		`["",1,1,["+",2]]`:          "too much in +",
		`["",["step.body"]]`:        "bad index of step.body",
		`["",["step.body",-1]]`:     "bad index of step.body",
		`["",["step.body",1.0]]`:    "bad index of step.body",
		`["",["step.body","1"]]`:    "bad index of step.body",
		`["",["step.body",5000]]`:   "bad index of step.body",
		`["",["step.body",1,2]]`:    "too much in step.body",
		`["",["header"]]`:           "no name of header",
		`["",["header",1]]`:         "no name of header",
		`["",["body"],["."]]`:       "no name of .",
		`["",1,["has"]]`:            "has takes a reference",
		`["",["method"],["?"]]`:     "? takes a reference",
		`["",true,["&&",1]]`:        "wrong number of operands of &&",
		`["",true,["&&"]]`:          "bad number of operands of &&",
		`["",1,["map",1]]`:          "map without a value",
		`["",["list",-1]]`:          "bad number of operands of list",
		`["",18446744073709551615]`: "integer out of range",
		`["",1e999]`:                "malformed literal",
		`["",["uint",1]]`:           "malformed uint",
		`["",["uint","-1"]]`:        "malformed uint",
		`["",["uint","1","2"]]`:     "malformed uint",
		`["",["uint"]]`:             "malformed uint",
		`["",1` + strings.Repeat(`,["neg"]`, expr.MaxDepth) + `]`:   "nested deeper",
		`["",1` + strings.Repeat(`,1,["+"]`, expr.MaxNodes/2) + `]`: "more than 1024 nodes",
		`["` + strings.Repeat("x", expr.MaxSource+1) + `",1]`:       "source text over",
		`["` + strings.Repeat("x", expr.MaxWire) + `",1]`:           "over 64 KiB",
	} {
		e, err := expr.Decode([]byte(raw))
		if err == nil {
			t.Errorf("%.80s: accepted as %s", raw, e.AppendJSON(nil))
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: got %q, want %q", raw, err, want)
		}
	}
}

// TestDecodeKeepsNothing: the bytes of a plan may be used again.
func TestDecodeKeepsNothing(t *testing.T) {
	raw := []byte(`["source","lit",["header","name"],["+"]]`)
	e, err := expr.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := string(raw)
	clear(raw)
	if got := string(e.AppendJSON(nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReach(t *testing.T) {
	for raw, want := range map[string][2]int{
		`["",1]`:           {0, 0},
		`["",["param",0]]`: {0, 1},
		`["",["step.body",2],["step.status",4],["step.header",1,"x"],["list",3]]`: {5, 0},
	} {
		steps, params := decode(t, raw).Reach()
		if [2]int{steps, params} != want {
			t.Errorf("%s: got %d, %d", raw, steps, params)
		}
	}
}

// FuzzDecode: whatever is accepted evaluates without a panic, to valid JSON,
// and its wire form is stable.
func FuzzDecode(f *testing.F) {
	for _, raw := range []string{
		`["",["step.body",0],[".","a"],["body"],["+"],["?"],1,["orValue"]]`,
		`["",["body"],[".","list"],0,["[]"],["has"]]`, `["",["query"]]`, `["",1,["query"],["?"],[".","x"]]`,
		`["",["none"],["none"],["=="],["!"]]`, `["",["none"],["none"],["list",2],["size"]]`,
		`["",null,1,["map",2],null,["[]"]]`, `["",1,2,["in"]]`, `["",["none"],["value"],["of"],["of"]]`,
		`["",true,1,["&&",2],2,3,["?:"]]`, `["",1e300,1e300,["*"],["list",1]]`, `["",["body"],["body"],["=="]]`,
		`["",["body"],["body"],["in"]]`, `["",["body"],["size"],["neg"]]`, "[\"\xff\",1]", `["",["uint","1"],-1,["%"]]`,
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := expr.Decode(raw)
		if err != nil {
			return
		}
		wire := e.AppendJSON(nil)
		again, err := expr.Decode(wire)
		if err != nil {
			// Escapes may make the text longer than what is accepted.
			if len(wire) <= expr.MaxWire {
				t.Fatalf("wire form %s: %v", wire, err)
			}
			return
		}
		if string(again.AppendJSON(nil)) != string(wire) {
			t.Fatalf("%s becomes %s", wire, again.AppendJSON(nil))
		}
		v, outcome, cause := e.Eval(testEnv{})
		if (outcome == expr.OK) != (cause == "") {
			t.Fatalf("outcome %d with cause %q", outcome, cause)
		}
		if outcome != expr.OK {
			return
		}
		if out := v.AppendJSON(nil); !jsontext.Valid(out) {
			t.Fatalf("%s gives %s", wire, out)
		}
		v.AppendText(nil)
	})
}

// testEnv has a little of everything, for any index.
type testEnv struct{}

func (testEnv) Method() string                        { return "GET" }
func (testEnv) Path() string                          { return "/products/p1" }
func (testEnv) PathParam(int) string                  { return "p1" }
func (testEnv) Query(name string) (string, bool)      { return "2", name == "page" }
func (testEnv) Header(name string) (string, bool)     { return "acme", name == "x-tenant" }
func (testEnv) Body() ([]byte, bool)                  { return body, true }
func (testEnv) StepStatus(int) int                    { return 200 }
func (testEnv) StepReason(int) string                 { return "ok" }
func (testEnv) StepHeader(int, string) (string, bool) { return "", false }
func (testEnv) StepBody(step int) ([]byte, bool)      { return body, step == 0 }

var body = []byte(` {"a": [1, 2.5, "x", null, true, {"b": {"c": 10}}], "n": 9007199254740993, "s": "a\u00e9\n",
	"list": [], "obj": {}, "k": {"k": 1, "k": 2}, "u": 18446744073709551615, "big": 1e400} `)
