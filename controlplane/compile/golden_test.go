package compile

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/filter/plan"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden compiles testdata/*.golden. A file has, above a line "-----", the
// policies and, below it, what comes out:
//
//	# workloads: storefront, storefront/attached   first line, default: Targets
//	##### file other.yaml                          a further file
//	##### then                                     the files of the next Compile,
//	                                               which gets the result before
//
// Below are the problems; the conditions that are not just "served as written";
// and the whole plans if one policy compiled without an error, else the names of
// the policies that each workload serves, in order of precedence.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.*") // not testdata/fuzz
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".golden"), func(t *testing.T) {
			if filepath.Ext(file) != ".golden" {
				t.Fatal("not a golden file; nothing reads it")
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in, want, _ := strings.Cut(string(data), "\n-----\n")
			got := play(t, in)
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

// play compiles the versions of a golden file one after the other and shows
// what came of the last.
func play(t *testing.T, in string) string {
	var last *Result
	var set policy.Set
	var workloads []mesh.Workload
	if first, _, _ := strings.Cut(in, "\n"); strings.HasPrefix(first, "# workloads: ") {
		for w := range strings.SplitSeq(strings.TrimPrefix(first, "# workloads: "), ", ") {
			name, attached := strings.CutSuffix(w, "/attached")
			workloads = append(workloads, mesh.Workload{Service: name, Attached: attached})
		}
	}
	for version := range strings.SplitSeq(in, "\n##### then\n") {
		set, _ = policy.Parse(split(version))
		input := Input{Policies: set, Workloads: workloads, Last: last}
		if workloads == nil {
			input.Workloads = Targets(set)
		}
		r := Compile(input)
		again := Compile(input)
		if a, b := show(t, &r), show(t, &again); a != b {
			t.Fatalf("compiled twice, two results:\n%s\n%s", a, b)
		}
		last = &r
	}
	return show(t, last)
}

func split(version string) []policy.File {
	var files []policy.File
	for i, part := range strings.Split("\n"+version, "\n##### file ") {
		name, data := "policy.yaml", strings.TrimPrefix(part, "\n")
		if i > 0 {
			name, data, _ = strings.Cut(part, "\n")
		}
		if strings.TrimSpace(data) != "" || i > 0 {
			files = append(files, policy.File{Name: name, Data: []byte(data)})
		}
	}
	return files
}

func show(t testing.TB, r *Result) string {
	var b strings.Builder
	if err := (policy.Renderer{}).Render(&b, r.Problems); err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Conditions {
		if c.Reason != ReasonAccepted || !c.Status || c.LastGood {
			fmt.Fprintf(&b, "condition %s: %s=%t %s: %s\n", c.Name, c.Type, c.Status, c.Reason, c.Message)
		}
	}
	for _, p := range r.Problems {
		if !slices.ContainsFunc(policy.Codes, func(c policy.Code) bool { return c.Name == p.Code }) {
			t.Errorf("problem with an unknown code: %s", p)
		}
	}
	failed := slices.ContainsFunc(r.Problems, func(p policy.Problem) bool { return p.Severity == policy.Error })
	whole := !failed && len(r.Conditions) == 1
	for _, w := range ordered(r) {
		c := r.Workloads[w]
		name := w.Service
		if w.Attached {
			name += "/attached"
		}
		encoded := plan.Encode(c.Plan)
		if _, err := plan.Decode(encoded); err != nil {
			t.Errorf("the filter refuses the plan: %v\n%s", err, encoded)
		}
		if whole {
			fmt.Fprintf(&b, "%s: %s\n", name, pretty(t, encoded))
			for _, u := range c.Upstreams {
				b.WriteString(showUpstream(u))
			}
			continue
		}
		names := []string{}
		for _, p := range c.Plan.Policies {
			names = append(names, p.Name)
		}
		fmt.Fprintf(&b, "%s serves %s\n", name, strings.Join(names, ", "))
	}
	return b.String()
}

func showUpstream(u mesh.Upstream) string {
	s := u.Cluster + ":"
	for _, e := range u.Endpoints {
		s += fmt.Sprintf(" %s|%d", e.Host, e.Port)
	}
	if u.Foreign {
		return s + " foreign\n"
	}
	s += fmt.Sprintf(" http2=%t authority=%s connect=%s", u.HTTP2, u.Authority, u.ConnectTimeout)
	if u.TLS != nil {
		s += fmt.Sprintf(" tls=%+v", *u.TLS)
	}
	if u.Limits != (mesh.CircuitBreakers{}) {
		s += fmt.Sprintf(" limits=%+v", u.Limits)
	}
	return s + "\n"
}

func ordered(r *Result) []mesh.Workload {
	var out []mesh.Workload
	for w := range r.Workloads {
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b mesh.Workload) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	return out
}

func marshal(t testing.TB, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pretty breaks a JSON text into lines only where it has to.
func pretty(t testing.TB, raw []byte) string {
	const width = 130
	var out strings.Builder
	var write func(raw json.RawMessage, indent, used int)
	write = func(raw json.RawMessage, indent, used int) {
		if used+len(raw) <= width || raw[0] != '{' && raw[0] != '[' {
			out.Write(raw)
			return
		}
		out.WriteByte(raw[0])
		pad := strings.Repeat("  ", indent+1)
		dec := json.NewDecoder(bytes.NewReader(raw))
		if _, err := dec.Token(); err != nil {
			t.Fatal(err)
		}
		for i := 0; dec.More(); i++ {
			if i > 0 {
				out.WriteByte(',')
			}
			out.WriteString("\n" + pad)
			head := ""
			if raw[0] == '{' {
				key, err := dec.Token()
				if err != nil {
					t.Fatal(err)
				}
				head = string(marshal(t, key)) + ": "
				out.WriteString(head)
			}
			var value json.RawMessage
			if err := dec.Decode(&value); err != nil {
				t.Fatal(err)
			}
			write(value, indent+1, len(pad)+len(head)+1)
		}
		out.WriteString("\n" + strings.Repeat("  ", indent))
		out.WriteByte(raw[len(raw)-1])
	}
	write(raw, 0, 0)
	return out.String()
}
