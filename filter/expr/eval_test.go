package expr_test

import (
	"strings"
	"testing"

	"github.com/tutti-mesh/tutti/filter/expr"
)

// The semantics are held by controlplane/cel's differential tables; here is
// what Eval adds to them.

func TestValues(t *testing.T) {
	for _, c := range []struct{ wire, json, raw, text string }{
		{`["",["body"],[".","n"]]`, `9007199254740993`, `9007199254740993`, `9007199254740993`},
		{`["",["body"],[".","s"]]`, `"a\u00e9\n"`, `"a\u00e9\n"`, "aé\n"},
		{`["",["body"],[".","a"],2,["[]"]]`, `"x"`, `"x"`, "x"},
		{`["",["body"],[".","a"],3,["[]"]]`, `null`, `null`, "-"},
		{`["",["body"],[".","a"],4,["[]"]]`, `true`, `true`, "true"},
		{`["",["body"],[".","list"]]`, `[]`, `[]`, "-"},
		{`["",["body"],[".","big"]]`, `1e400`, `1e400`, "1e400"},
		{`["",["method"]]`, `"GET"`, "-", "GET"},
		{`["",["step.status",0]]`, `200`, "-", "200"},
		{`["",["body"],[".","n"],1,["+"]]`, `9007199254740994`, "-", "9007199254740994"},
		{`["",["body"],[".","u"],0,["+"]]`, `18446744073709551615`, "-", "18446744073709551615"},
		{`["",1.5]`, `1.5`, "-", "1.5"},
		{`["",true,["!"]]`, `false`, "-", "false"},
		{`["",null]`, `null`, "-", "-"},
		{`["",["body"],[".","n"],1,["list",2]]`, `[9007199254740993,1]`, "-", "-"},
		{`["","k",["body"],[".","s"],["map",2]]`, `{"k":"a\u00e9\n"}`, "-", "-"},
		{`["",["body"],["?"],[".","s"]]`, `"a\u00e9\n"`, `"a\u00e9\n"`, "aé\n"},
	} {
		v, outcome, cause := decode(t, c.wire).Eval(testEnv{})
		if outcome != expr.OK {
			t.Errorf("%s: %s", c.wire, cause)
			continue
		}
		if got := string(v.AppendJSON(nil)); got != c.json {
			t.Errorf("%s: JSON %s, want %s", c.wire, got, c.json)
		}
		raw, ok := v.Raw()
		if got := orDash(string(raw), ok); got != c.raw {
			t.Errorf("%s: raw %s, want %s", c.wire, got, c.raw)
		}
		text, ok := v.AppendText(nil)
		if got := orDash(string(text), ok); got != c.text {
			t.Errorf("%s: text %s, want %s", c.wire, got, c.text)
		}
	}
}

func orDash(s string, ok bool) string {
	if !ok {
		return "-"
	}
	return s
}

func TestBool(t *testing.T) {
	for wire, want := range map[string][2]bool{
		`["",true]`:                        {true, true},
		`["",false]`:                       {false, true},
		`["",["body"],[".","a"],4,["[]"]]`: {true, true},
		`["",1]`:                           {true, false},
		`["","true"]`:                      {false, false},
		`["",["body"],[".","list"]]`:       {false, false},
	} {
		v, _, _ := decode(t, wire).Eval(testEnv{})
		b, ok := v.Bool()
		if ok != want[1] || ok && b != want[0] {
			t.Errorf("%s: %v, %v", wire, b, ok)
		}
	}
}

// TestCauses: a cause is short, whatever the key.
func TestCauses(t *testing.T) {
	for wire, want := range map[string]string{
		`["",["body"],[".","` + strings.Repeat("é", 60) + `"]]`: "no such key: " + strings.Repeat("é", 32) + "...",
		`["",["body"],[".","missing"]]`:                         "no such key: missing",
		`["",["body"],[".","a"],9,["[]"]]`:                      "index out of range: 9",
		`["",["none"]]`:                                         "optional has no value",
		`["",1,0,["/"]]`:                                        "division by zero: /",
		`["",1,"a",["+"]]`:                                      "no such overload: +",
		`["",["body"],["!"]]`:                                   "no such overload: !",
		`["",["body"],[".","a"],"x",["[]"]]`:                    "unsupported index of a list: x",
		`["",1e308,10,["*"]]`:                                   "not a finite number",
		`["",1,2,["map",2]]`:                                    "key of a map is no string",
	} {
		_, outcome, cause := decode(t, wire).Eval(testEnv{})
		if outcome == expr.OK || cause != want {
			t.Errorf("%.60s: outcome %d, got %q, want %q", wire, outcome, cause, want)
		}
	}
}

// TestTooLarge: a chain of + ends before the memory does.
func TestTooLarge(t *testing.T) {
	text, list := `["",["step.body",7]`, `["",["step.body",8]`
	for range 5 {
		text += `,["step.body",7],["+"]`
		list += `,["step.body",8],["+"]`
	}
	env := largeEnv{text: []byte(`"` + strings.Repeat("x", 1<<20) + `"`), list: []byte("[" + strings.Repeat("1,", 1<<14) + "1]")}
	for name, wire := range map[string]string{"text": text + "]", "list": list + "]"} {
		e := decode(t, wire)
		if _, outcome, cause := e.Eval(env); outcome != expr.Failed || cause != "result too large: +" {
			t.Errorf("%s: outcome %d, %s", name, outcome, cause)
		}
	}
}

type largeEnv struct {
	testEnv
	text, list []byte
}

func (e largeEnv) StepBody(step int) ([]byte, bool) {
	if step == 7 {
		return e.text, true
	}
	return e.list, true
}

// TestEvalAllocatesNothing: an expression that makes no new text or list costs
// no memory.
func TestEvalAllocatesNothing(t *testing.T) {
	var env expr.Env = testEnv{}
	for _, wire := range []string{
		`["",["step.body",0],[".","n"],1,["+"],0,[">"]]`,
		`["",["step.body",1],["has"],["header","x-tenant"],"acme",["=="],["&&",2]]`,
		`["",["body"],["?"],[".","none"],0,["orValue"]]`,
		`["",["body"],[".","none"],true,["||",2]]`,
		`["",["body"],["body"],[".","a"],["=="]]`,
		`["",2.5,["body"],[".","a"],["in"],["body"],[".","k"],["size"],1,["?:"]]`,
		`["",["body"],[".","k"],["body"],[".","obj"],["=="]]`,
		`["",["body"],[".","n"],1.5,["*"]]`,
	} {
		e := decode(t, wire)
		if n := testing.AllocsPerRun(100, func() { e.Eval(env) }); n != 0 {
			t.Errorf("%s: %v allocations", wire, n)
		}
	}
}
