package cel

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-mesh/tutti/filter/expr"
)

var update = flag.Bool("update", false, "write the results into testdata")

// TestDifferential evaluates testdata/diff/*.txt with filter/expr and cel-go,
// and compares the results with each other and with what the file says. A file
// is lines of:
//
//	data NAME           from here on, testdata/data/NAME.json
//	# ...               a comment
//	EXPRESSION
//	    = JSON  |  absent: CAUSE  |  failed: CAUSE
func TestDifferential(t *testing.T) {
	files, err := filepath.Glob("testdata/diff/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no tables", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			golden(t, file, evaluateTable)
		})
	}
}

// golden rewrites a file by make, and compares it with what it was.
func golden(t *testing.T, file string, make func(t *testing.T, text string) string) {
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	is := make(t, string(was))
	if is == string(was) {
		return
	}
	if *update {
		if err := os.WriteFile(file, []byte(is), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old, now := strings.Split(string(was), "\n"), strings.Split(is, "\n")
	for i := range now {
		if i >= len(old) || old[i] != now[i] {
			t.Fatalf("%s:%d: got\n%s\n(run with -update if it is right)", file, i+1, now[i])
		}
	}
	t.Fatalf("%s: has more lines than it should", file)
}

func evaluateTable(t *testing.T, text string) string {
	var out strings.Builder
	var d *data
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "    ") {
			continue
		}
		out.WriteString(line + "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, ok := strings.CutPrefix(line, "data "); ok {
			d = readData(t, readFile(t, "testdata/data/"+name+".json"))
			continue
		}
		out.WriteString("    " + evaluateBoth(t, line, d) + "\n")
	}
	return out.String()
}

func evaluateBoth(t *testing.T, src string, d *data) string {
	e, _, issues := Compile(src, d.scope)
	if len(issues) > 0 {
		t.Errorf("%s: %+v", src, issues)
		return ""
	}
	got, want := ours(t, e, d), oracle(t, src, d)
	if !got.same(want) {
		t.Errorf("%s\n\tfilter/expr: %v\n\tcel-go:      %v", src, got, want)
	}
	if got.outcome != expr.OK {
		return got.String()
	}
	v, _, _ := e.Eval(d.request())
	return "= " + string(v.AppendJSON(nil)) + "  (" + v.Type() + ")"
}

// TestEveryOp: each operation of filter/expr is in a differential table.
func TestEveryOp(t *testing.T) {
	seen := map[expr.Op]bool{}
	var walk func(n expr.Node)
	walk = func(n expr.Node) {
		seen[n.Op] = true
		for _, arg := range n.Args {
			walk(arg)
		}
	}
	scope := readData(t, readFile(t, "testdata/data/shop.json")).scope
	for line := range strings.Lines(allTables(t)) {
		if e, _, issues := Compile(strings.TrimSpace(line), scope); len(issues) == 0 {
			walk(e.Root())
		}
	}
	for op := expr.Lit; op.String() != "invalid"; op++ {
		if !seen[op] {
			t.Errorf("no case for %s in testdata/diff", op)
		}
	}
}

func allTables(t *testing.T) string {
	files, _ := filepath.Glob("testdata/diff/*.txt")
	var all strings.Builder
	for _, file := range files {
		all.Write(readFile(t, file))
	}
	return all.String()
}

func readFile(t *testing.T, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
