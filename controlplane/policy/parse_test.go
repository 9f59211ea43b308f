package policy

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const upstreamFile = `apiVersion: tutti.dev/v1alpha1
kind: Upstream
metadata: {name: NAME}
spec: {endpoints: ["a:1"]}
`

func named(name string) string { return strings.ReplaceAll(upstreamFile, "NAME", name) }

func TestParseTakesFilesInAnyOrder(t *testing.T) {
	files := []File{
		{Name: "b.yaml", Data: []byte(named("one") + "---\n" + named("two"))},
		{Name: "a.yaml", Data: []byte(named("one"))},
		{Name: "c.yaml", Data: []byte("[")},
	}
	set, problems := Parse(files)
	slices.Reverse(files)
	set2, problems2 := Parse(files)
	if !reflect.DeepEqual(set, set2) || !reflect.DeepEqual(problems, problems2) {
		t.Errorf("the order of files matters:\n%v\n%v", problems, problems2)
	}
	if len(set.Upstreams) != 3 || !set.Upstreams[0].Invalid || !set.Upstreams[1].Invalid || set.Upstreams[2].Invalid {
		t.Errorf("upstreams: %+v", set.Upstreams)
	}
	if !slices.Equal(set.Broken, []string{"c.yaml"}) {
		t.Errorf("broken: %q", set.Broken)
	}
}

// A document that is not YAML does not take those before and after it along.
func TestParseKeepsNeighboursOfBrokenDocuments(t *testing.T) {
	set, problems := Parse([]File{{Name: "a.yaml", Data: []byte(named("one") + "---\nx: [\n---\n" + named("two"))}})
	if len(set.Upstreams) != 2 || len(problems) != 1 || problems[0].Line != 6 {
		t.Errorf("%d upstreams, problems %v", len(set.Upstreams), problems)
	}
	if pos := set.Upstreams[1].Meta.Name.Pos; pos.Line != 10 {
		t.Errorf("two is at %+v", pos)
	}
}

func TestHashIsOfWhatIsSaid(t *testing.T) {
	hash := func(text string) string {
		set, problems := Parse([]File{{Name: "a.yaml", Data: []byte(text)}})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return set.Upstreams[0].Hash
	}
	one := hash(named("one"))
	if two := hash("# comment\n---\n" + strings.Replace(named("one"), `{endpoints: ["a:1"]}`, "\n  endpoints:\n  - 'a:1' # x", 1)); two != one {
		t.Error("layout changes the hash")
	}
	if two := hash(strings.Replace(named("one"), "a:1", "a:2", 1)); two == one {
		t.Error("another endpoint does not change the hash")
	}
}

// TestEveryFieldIsDocumented: the comments are the user manual.
func TestEveryFieldIsDocumented(t *testing.T) {
	var text strings.Builder
	for _, name := range []string{"policy.go", "upstream.go", "aggregation.go", "call.go"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(data)
	}
	lines := strings.Split(text.String(), "\n")
	tagged := 0
	for i, line := range lines {
		if strings.Contains(line, "`yaml:\"") {
			tagged++
			if !strings.HasPrefix(strings.TrimSpace(lines[i-1]), "//") {
				t.Errorf("no comment above: %s", line)
			}
		}
	}
	if tagged < 40 {
		t.Errorf("only %d fields found", tagged)
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*.golden", "../compile/testdata/*.golden"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal("no seeds", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			in, _, _ := strings.Cut(string(data), "\n-----\n")
			f.Add([]byte(in))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		files := []File{{Name: "a.yaml", Data: data}}
		set, problems := Parse(files)
		set2, problems2 := Parse(files)
		if !reflect.DeepEqual(set, set2) || !reflect.DeepEqual(problems, problems2) {
			t.Fatal("parsed twice, two results")
		}
		lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + strings.Count(string(data), "\u0085") +
			strings.Count(string(data), "\u2028") + strings.Count(string(data), "\u2029") + 1
		for _, p := range problems {
			if !slices.ContainsFunc(Codes, func(c Code) bool { return c.Name == p.Code }) {
				t.Errorf("unknown code: %s", p)
			}
			if p.Line < 1 || p.Line > lines || p.Col < 1 {
				t.Errorf("no such place: %s", p)
			}
			if strings.ContainsAny(p.String(), "\n\r\x1b") {
				t.Errorf("control characters: %q", p.String())
			}
		}
		var b strings.Builder
		if err := (Renderer{Source: set.Source}).Render(&b, problems); err != nil {
			t.Error(err)
		}
	})
}
