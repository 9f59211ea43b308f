package expr_test

import (
	"testing"

	"github.com/tutti-mesh/tutti/filter/expr"
	"github.com/tutti-mesh/tutti/filter/jsontext"
)

func decode(t *testing.T, raw string) *expr.Expr {
	t.Helper()
	if !jsontext.Valid([]byte(raw)) {
		t.Fatalf("not JSON: %s", raw)
	}
	e, err := expr.Decode([]byte(raw))
	if err != nil {
		t.Fatalf("Decode(%s): %v", raw, err)
	}
	return e
}

func TestWireRoundTrip(t *testing.T) {
	for _, raw := range []string{
		`["1",1]`, `["x",1.0]`, `["",null]`, `["",true]`, `["","text"]`, `["",["uint","18446744073709551615"]]`,
		`["steps.a.body.b[0] > 0",["step.body",1],[".","b"],0,["[]"],0,[">"]]`,
		`["",["header","x"],["?"],"",["orValue"]]`,
		`["",true,false,null,["&&",3]]`,
		`["",["list",0]]`,
		`["",1e+21]`, `["",-0.0]`,
	} {
		if got := string(decode(t, raw).AppendJSON(nil)); got != raw {
			t.Errorf("got %s, want %s", got, raw)
		}
	}
}
