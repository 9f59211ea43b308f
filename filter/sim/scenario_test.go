package sim_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-mesh/tutti/filter/sim"
)

var update = flag.Bool("update", false, "rewrite what the filter does in testdata/*.txt")

// TestScenarios plays every scenario on the native engine and holds the
// transcript against the file.
func TestScenarios(t *testing.T) {
	for _, file := range scenarios(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			plan, script := load(t, file)
			got := play(t, plan, script, sim.NewNative())
			if *update {
				write(t, file, got)
				return
			}
			if !bytes.Equal(got, script) {
				t.Errorf("transcript differs (rerun with -update and look at the diff); got:\n%s", got)
			}
		})
	}
}

func scenarios(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in testdata: %v", err)
	}
	return files
}

const divider = "\n-----\n"

// load splits a file in plan and script. The first line of a plan may name
// another scenario whose plan is used: "plan of happy.txt".
func load(t *testing.T, file string) (plan, script []byte) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, body, ok := bytes.Cut(raw, []byte(divider))
	if !ok {
		t.Fatalf("%s: no line -----", file)
	}
	if other, ok := bytes.CutPrefix(bytes.TrimSpace(head), []byte("plan of ")); ok {
		head, _ = load(t, filepath.Join(filepath.Dir(file), string(other)))
	}
	return head, body
}

func write(t *testing.T, file string, script []byte) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := bytes.Cut(raw, []byte(divider))
	if err := os.WriteFile(file, append(append(head, divider...), script...), 0o644); err != nil {
		t.Fatal(err)
	}
}

func play(t *testing.T, plan, script []byte, d sim.Driver) []byte {
	t.Helper()
	if err := d.Configure(plan); err != nil {
		t.Fatal(err)
	}
	got, err := sim.Run(script, d)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
