package policy

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden parses testdata/*.golden: above a line "-----" a policy file,
// below it its problems. A file whose first line is "# excerpts" shows them as a
// terminal does, one with "# json" as -o json does; "# unreadable" stands for a
// file that cannot be read, "# padded" for one that is too large.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".golden"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in, want, _ := strings.Cut(string(data), "\n-----\n")
			got := problemsOf(t, in)
			if *update {
				if err := os.WriteFile(file, []byte(in+"\n-----\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got (go test -update writes it):\n%s", got)
			}
		})
	}
}

func problemsOf(t *testing.T, in string) string {
	file := File{Name: "policy.yaml", Data: []byte(in)}
	switch {
	case strings.HasPrefix(in, "# unreadable\n"):
		file.Err = errors.New("permission denied")
	case strings.HasPrefix(in, "# padded\n"):
		file.Data = append(file.Data, make([]byte, MaxFileBytes)...)
	}
	set, problems := Parse([]File{file})
	for _, p := range problems {
		if !slices.ContainsFunc(Codes, func(c Code) bool { return c.Name == p.Code }) {
			t.Errorf("problem with an unknown code: %s", p)
		}
	}
	r := Renderer{}
	switch {
	case strings.HasPrefix(in, "# json\n"):
		return string(EncodeProblems(problems))
	case strings.HasPrefix(in, "# excerpts\n"):
		r.Source = set.Source
	}
	var b strings.Builder
	if err := r.Render(&b, problems); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestOrphans: a file in testdata that no test reads says that something was
// renamed and is not tested any more.
func TestOrphans(t *testing.T) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".golden" && e.Name() != "fuzz" {
			t.Errorf("testdata/%s is read by no test", e.Name())
		}
	}
}

func TestCodesAreSorted(t *testing.T) {
	if !slices.IsSortedFunc(Codes, func(a, b Code) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("Codes are not sorted by name")
	}
}
