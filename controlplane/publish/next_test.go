package publish

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tutti-mesh/tutti/filter/plan"
)

var update = flag.Bool("update", false, "write the golden files")

// TestSequences shows what goes to a sidecar, in order, for each sort of change:
// a golden file each, made by a fakeEnvoy that acknowledges everything at once.
func TestSequences(t *testing.T) {
	a := policy("a", "a", 1000, "e1", "d1")
	b := policy("b", "b", 2000, "e2")
	aSlower := policy("a", "a", 3000, "e1", "d1")
	aElsewhere := policy("a", "param", 1000, "e1", "d1")
	aOther := policy("a", "a", 1000, "e3")
	tests := []struct {
		file     string
		from, to []plan.Policy
		// restart loses all memory in between.
		restart bool
	}{
		{"first", nil, nil, false},
		{"same", []plan.Policy{a}, []plan.Policy{a}, false},
		{"add", []plan.Policy{a}, []plan.Policy{a, b}, false},
		{"remove", []plan.Policy{a, b}, []plan.Policy{a}, false},
		{"remove_last", []plan.Policy{a}, nil, false},
		{"change", []plan.Policy{a}, []plan.Policy{aSlower}, false},
		{"change_upstream", []plan.Policy{a}, []plan.Policy{aOther}, false},
		{"change_path", []plan.Policy{a, b}, []plan.Policy{aElsewhere, b}, false},
		{"swap", []plan.Policy{a}, []plan.Policy{b}, false},
		{"restart_same", []plan.Policy{a}, []plan.Policy{a}, true},
		{"restart_remove", []plan.Policy{a, b}, []plan.Policy{b}, true},
		{"restart_change_path", []plan.Policy{a, b}, []plan.Policy{aElsewhere, b}, true},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			compare(t, tt.file+".txt", sequence(t, tt.from, tt.to, tt.restart))
		})
		seen[tt.file+".txt"] = true
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

// sequence is what a sidecar sees when policies change; without a from it
// begins when the sidecar does.
func sequence(t *testing.T, from, to []plan.Policy, restart bool) []string {
	clock := newClock()
	e := newEnvoy(t, New(Config{Clock: clock, Logger: quietLog}), clock, shop)
	e.p.Update(world(from...))
	e.connect(nil)
	e.settle()
	if from != nil {
		e.log = nil
	}
	if restart {
		e.p.leave(e.session)
		e.p, e.session = New(Config{Clock: clock, Logger: quietLog}), nil
		e.p.Update(world(to...))
		e.connect(types)
	} else {
		e.p.Update(world(to...))
	}
	e.settle()
	for waited := time.Second; waited < 2*longestBudget; waited += time.Second {
		before := e.log
		e.log = nil
		clock.advance(time.Second)
		e.settle()
		if len(e.log) > 0 {
			before = append(before, fmt.Sprintf("after %v", waited))
		}
		e.log = append(before, e.log...)
	}
	e.mustHave(world(to...)[shop.Workload()])
	return e.log
}

// compare holds what was applied and acknowledged against a golden file; what
// was put out is left away, because the same was applied right after.
func compare(t *testing.T, file string, log []string) {
	t.Helper()
	var got bytes.Buffer
	for _, line := range log {
		if !strings.HasPrefix(line, "sent ") {
			got.WriteString(line + "\n")
		}
	}
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("differs from %s (write it with -update, then look at the difference):\n%s", path, got.Bytes())
	}
}
