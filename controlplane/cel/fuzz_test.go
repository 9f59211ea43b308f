package cel

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/tutti-mesh/tutti/filter/expr"
)

var rounds = flag.Int("rounds", 1000, "expressions of TestRandomDifferential; another number, other expressions")

// FuzzDifferential writes an expression and data out of the fuzzer's bytes and
// compares filter/expr with cel-go.
func FuzzDifferential(f *testing.F) {
	for i := range 64 {
		seed := make([]byte, 96)
		for j := range seed {
			seed[j] = byte((i*131 + j*j*17 + j*i*7) >> (j % 3))
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, choices []byte) { compareWritten(t, choices) })
}

// TestRandomDifferential does the same for as many expressions as make test has
// time for.
func TestRandomDifferential(t *testing.T) {
	random := rand.New(rand.NewPCG(1, uint64(*rounds)))
	compiled := 0
	for range *rounds {
		choices := make([]byte, 400)
		for i := range choices {
			choices[i] = byte(random.Uint32())
		}
		if compareWritten(t, choices) {
			compiled++
		}
	}
	t.Logf("%d of %d expressions compile", compiled, *rounds)
	if compiled < *rounds/5 {
		t.Errorf("only %d of %d expressions compile: the writer is no good", compiled, *rounds)
	}
}

// compareWritten reports whether the expression compiles.
func compareWritten(t *testing.T, choices []byte) bool {
	w := &writer{choices: choices}
	d := w.data(t)
	src := w.expr(4)
	e, _, issues := Compile(src, d.scope)
	if len(issues) > 0 {
		for _, i := range issues {
			if i.Offset < 0 || i.Offset > len(src) || strings.Contains(i.Message, "\n") {
				t.Fatalf("%s: issue %+v", src, i)
			}
		}
		return false
	}
	got, want := ours(t, e, d), oracle(t, src, d)
	if !got.same(want) {
		raw, _ := json.Marshal(d)
		t.Errorf("%s\n\tfilter/expr: %v\n\tcel-go:      %v\n\tdata: %s", src, got, want, raw)
	}
	return true
}

// FuzzCompile takes any text: no panic, and what compiles decodes again.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{"steps.a.body.x[0] + 1", "has(request.body.x)", "request.?query.x.orValue('')", "[1, {'a': 2u}]",
		"\xff", "a.b(c)", "optional.of(1)", "request.headers[?'x']", "1 ? 2 : 3", "'a' in request.query", "é.é", "-(-(1))"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		e, _, issues := Compile(src, Scope{PathParams: []string{"id"}, Steps: []string{"a", "b"}})
		if (e == nil) == (len(issues) == 0) {
			t.Fatalf("expression %v with issues %+v", e, issues)
		}
		for _, i := range issues {
			if i.Offset < 0 || i.Offset > len(src) || i.Message == "" || strings.Contains(i.Message, "\n") {
				t.Fatalf("issue %+v", i)
			}
		}
		if e == nil {
			return
		}
		if _, err := expr.Decode(e.AppendJSON(nil)); err != nil {
			t.Fatalf("what was compiled does not decode: %v", err)
		}
	})
}

// writer turns bytes into choices; without bytes left it takes the first one,
// which ends every recursion.
type writer struct{ choices []byte }

func (w *writer) choose(n int) int {
	if len(w.choices) == 0 {
		return 0
	}
	c := int(w.choices[0])
	w.choices = w.choices[1:]
	return c % n
}

func (w *writer) pick(from ...string) string { return from[w.choose(len(from))] }

var numbers = []string{"0", "1", "-1", "2", "7", "1.0", "2.5", "-0.0", "1e2", "9007199254740993", "9223372036854775807",
	"-9223372036854775808", "9223372036854775808", "18446744073709551615", "18446744073709551616", "1e300", "5e-324"}

func (w *writer) json(depth int) string {
	kinds := 4
	if depth > 0 {
		kinds = 8
	}
	switch w.choose(kinds) {
	case 0:
		return w.pick("null", "true", "false")
	case 1, 2:
		return w.pick(numbers...)
	case 3:
		return w.pick(`""`, `"a"`, `"b"`, `"\u0061"`, `"é😀"`, `"\ud83d\ude00"`, `"0"`, `"\ud800"`)
	case 4, 5:
		var items []string
		for range w.choose(4) {
			items = append(items, w.json(depth-1))
		}
		return "[" + strings.Join(items, w.pick(",", " , ")) + "]"
	}
	var members []string
	for range w.choose(5) {
		members = append(members, w.pick(`"a"`, `"b"`, `"c"`, `"\u0061"`, `"a-b"`, `"é"`)+w.pick(":", " : ")+w.json(depth-1))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (w *writer) data(t testing.TB) *data {
	step := func() string {
		s := `{"status": ` + w.pick("200", "0", "503") + `, "reason": ` + w.pick(`"ok"`, `"timeout"`)
		if w.choose(3) > 0 {
			s += `, "headers": {"a": "1"}`
		}
		if w.choose(4) > 0 {
			s += `, "body": ` + w.json(3)
		}
		return s + "}"
	}
	raw := `{"method": "GET", "path": "/x", "path_params": {"id": "a"}, "query": {"a": "b"}, "headers": {"b": "a"},
		"steps": {"s": ` + step() + `, "t": ` + step() + `}`
	if w.choose(4) > 0 {
		raw += `, "body": ` + w.json(4)
	}
	return readData(t, []byte(raw+"}"))
}

// ref is a path into the data.
func (w *writer) ref(depth int) string {
	root := w.pick("request.body", "steps.s.body", "steps.t.body", "request.?body", "steps.s.?body", "steps.?t.body",
		"dyn({'a': 1, 'b': [2u, 3.5]})", "dyn([1, 'a', null])", "request.method", "steps.s.status", "request.query.a",
		"request.headers.a", "steps.s.headers.a", "request.headers.?b", "steps.t.?reason", "request.query["+w.literal()+"]")
	for range w.choose(4) {
		root += w.qualifier(depth)
	}
	return root
}

func (w *writer) qualifier(depth int) string {
	switch w.choose(8) {
	case 0, 1, 2:
		return w.pick(".a", ".b", ".c", ".id")
	case 3:
		return "[" + strconv.Itoa(w.choose(4)-1) + "]"
	case 4:
		return w.pick(".?a", ".?b", "[?0]", "[?'a']", "[?1]")
	case 5:
		return w.pick(`["a-b"]`, `["a"]`, "[0u]", "[1.0]", "[0.5]", "[true]", "[null]")
	case 6:
		if depth > 0 {
			// cel-go takes has() for an optional here, so it stands in a dyn().
			return w.pick("["+w.ref(depth-1)+"]", "[dyn("+w.expr(depth-1)+")]")
		}
	}
	return ".a"
}

func (w *writer) literal() string {
	return w.pick("1", "0", "-1", "2u", "0u", "1.5", "2.0", "null", "true", "false", "''", "'a'", "'é😀'", `"b"`, "[]", "{}",
		"9223372036854775807", "18446744073709551615u", "1e300", "-9223372036854775808", "9007199254740993", "(0.0/0.0)")
}

func (w *writer) expr(depth int) string {
	if depth <= 0 {
		return w.pick(w.ref(0), w.literal())
	}
	// Most of it dynamic, as JSON is: cel-go checks the types of what is not.
	sub := func() string { return w.pick("dyn(", "dyn(", "dyn(", "dyn(", "(") + w.expr(depth-1) + ")" }
	switch w.choose(14) {
	case 0:
		return w.ref(depth)
	case 1:
		return w.literal()
	case 2, 3:
		return sub() + w.pick(" + ", " - ", " * ", " / ", " % ") + sub()
	case 4, 5:
		return sub() + w.pick(" == ", " != ", " < ", " <= ", " > ", " >= ") + sub()
	case 6:
		return sub() + w.pick(" && ", " || ") + sub() + w.pick("", " && "+sub(), " || "+sub())
	case 7:
		return sub() + " ? " + sub() + " : " + sub()
	case 8:
		return w.pick("!", "-") + sub()
	case 9:
		return "has(" + w.ref(depth-1) + w.pick(".a", ".b", ".body", ".c") + ")"
	case 10:
		return "size(" + sub() + ")"
	case 11:
		return sub() + " in " + sub()
	case 12:
		return w.pick("["+sub()+", "+sub()+"]", "{"+w.key()+": "+sub()+", "+w.key()+": "+sub()+"}", "dyn("+w.expr(depth-1)+")")
	}
	return w.optional(depth) + w.pick(".orValue("+w.expr(depth-1)+")", ".hasValue()", ".value()",
		".or("+w.optional(depth-1)+")", ".or("+w.optional(depth-1)+").orValue(1)", ".a", "[0]", "")
}

// key is one that CEL's specification allows; cel-go does not check that.
func (w *writer) key() string {
	return w.pick("'a'", "'b'", "dyn('a')", "dyn(1)", "dyn(1u)", "dyn(true)", "dyn(steps.s.reason)", "dyn(steps.s.status)")
}

func (w *writer) optional(depth int) string {
	return w.ref(depth-1) + w.pick(".?a", ".?b", ".?a.b", "[?0]", "[?'a']", ".?c[0]")
}
