package expr_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/tutti-mesh/tutti/filter/expr"
)

// benchEnv has one step whose body is a list of objects before the fields that
// are asked for, as a page of results has.
type benchEnv struct {
	testEnv
	body []byte
}

func (e benchEnv) StepBody(int) ([]byte, bool) { return e.body, true }

func benchBody(items int) []byte {
	var b strings.Builder
	b.WriteString(`{"id":"p1","items":[`)
	for i := range items {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(`{"sku":"sku-` + strconv.Itoa(i) + `","price":19.99,"count":3,"tags":["a","b"]}`)
	}
	b.WriteString(`],"count":42,"price":10,"name":"Caf\u00e9","stock":{"available":true}}`)
	return []byte(b.String())
}

// BenchmarkEval: the second number of a case is the size of the data in bytes.
func BenchmarkEval(b *testing.B) {
	for _, c := range []struct {
		name, wire string
		items      int
	}{
		{"literal", `["",1]`, 1},
		{"param", `["",["param",0]]`, 1},
		{"body", `["",["step.body",0]]`, 800},
		{"first field", `["",["step.body",0],[".","id"]]`, 800},
		{"last field", `["",["step.body",0],[".","stock"],[".","available"]]`, 12},
		{"last field", `["",["step.body",0],[".","stock"],[".","available"]]`, 800},
		{"compare", `["",["step.body",0],[".","count"],0,[">"]]`, 12},
		{"logic", `["",["step.body",0],["has"],["step.status",0],200,["=="],["header","x-tenant"],"acme",["=="],["&&",3]]`, 12},
		{"or value", `["",["step.body",0],["?"],[".","none"],0,["orValue"]]`, 12},
		{"arithmetic", `["",["step.body",0],[".","price"],1.2,["*"]]`, 12},
		{"concatenate", `["","/v1/",["param",0],["+"]]`, 1},
		{"escaped", `["",["step.body",0],[".","name"],"Café",["=="]]`, 12},
		{"equal", `["",["step.body",0],["step.body",0],["=="]]`, 12},
		{"equal", `["",["step.body",0],["step.body",0],["=="]]`, 800},
		{"size", `["",["step.body",0],[".","items"],["size"]]`, 800},
	} {
		env := benchEnv{body: benchBody(c.items)}
		e := decode(b, c.wire)
		if v, outcome, cause := e.Eval(env); outcome != expr.OK {
			b.Fatal(c.name, v, cause)
		}
		b.Run(c.name+"/"+strconv.Itoa(len(env.body)), func(b *testing.B) {
			var asInterface expr.Env = env
			b.ReportAllocs()
			for b.Loop() {
				e.Eval(asInterface)
			}
		})
	}
}
