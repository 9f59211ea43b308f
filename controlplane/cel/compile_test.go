package cel

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-mesh/tutti/filter/expr"
)

// TestCompile compares testdata/compile/*.txt: an expression to a line, and
// below it the wire form and what it uses, or the issues.
func TestCompile(t *testing.T) {
	files, err := filepath.Glob("testdata/compile/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no tables", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			golden(t, file, compileTable)
		})
	}
}

func compileTable(_ *testing.T, text string) string {
	scope := Scope{PathParams: []string{"id", "section"}, Steps: []string{"product", "reviews", "stock"}}
	var out strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "    ") {
			continue
		}
		out.WriteString(line + "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		// ⏎ stands for a new line in the expression.
		src := strings.ReplaceAll(line, "⏎", "\n")
		e, uses, issues := Compile(src, scope)
		for _, i := range issues {
			fmt.Fprintf(&out, "    %d: %s [%s]", i.Offset, i.Message, i.Code)
			if i.Hint != "" {
				out.WriteString("; " + i.Hint)
			}
			out.WriteString("\n")
		}
		if e != nil {
			fmt.Fprintf(&out, "    %s\n", e.AppendJSON(nil))
			out.WriteString(describeUses(uses))
		}
	}
	return out.String()
}

func describeUses(u Uses) string {
	var s string
	if u.RequestBody {
		s += " request body"
	}
	if len(u.Steps) > 0 {
		s += fmt.Sprintf(" steps %v", u.Steps)
	}
	if len(u.StepBodies) > 0 {
		s += fmt.Sprintf(" bodies %v", u.StepBodies)
	}
	if len(u.StepHeaders) > 0 {
		s += fmt.Sprintf(" headers %v", u.StepHeaders)
	}
	if s == "" {
		return ""
	}
	return "    uses" + s + "\n"
}

// TestLimits: an expression that the filter would refuse is an issue here.
func TestLimits(t *testing.T) {
	for name, src := range map[string]string{
		"nodes":  "1" + strings.Repeat("+1", expr.MaxNodes),
		"depth":  strings.Repeat("[", expr.MaxDepth+1) + strings.Repeat("]", expr.MaxDepth+1),
		"deeper": strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000),
		"source": `"` + strings.Repeat("x", expr.MaxSource) + `"`,
		"wire":   `"` + strings.Repeat("\x01", expr.MaxSource-2) + `"`,
	} {
		e, _, issues := Compile(src, Scope{})
		if len(issues) != 1 || issues[0].Code != CodeTooComplex || e != nil {
			t.Errorf("%s: %.200v", name, fmt.Sprintf("%+v", issues))
		}
	}
}

// TestMostOperands: a flattened && has no more operands than the wire allows.
func TestMostOperands(t *testing.T) {
	src := "true" + strings.Repeat(" && true", 400)
	e, _, issues := Compile(src, Scope{})
	if len(issues) > 0 {
		t.Fatalf("%+v", issues)
	}
	if _, err := expr.Decode(e.AppendJSON(nil)); err != nil {
		t.Fatal(err)
	}
}
