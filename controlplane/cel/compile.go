package cel

import (
	"slices"

	"github.com/tutti-mesh/tutti/filter/expr"
)

// Scope says what an expression can refer to. An index in a Uses or an Expr is
// one into these lists.
type Scope struct {
	PathParams []string
	Steps      []string
}

// Uses is what an expression needs to have ready. The lists are sorted and
// without duplicates.
type Uses struct {
	RequestBody bool
	// Steps are all that are mentioned, StepBodies those whose body is.
	Steps      []int
	StepBodies []int
	// StepHeaders are the lower-case names of headers read, by step.
	StepHeaders map[int][]string
}

// Compile checks a CEL expression and makes it executable. With issues there is
// no expression, and Uses is empty.
func Compile(src string, scope Scope) (*expr.Expr, Uses, []Issue) {
	env, err := environment()
	if err != nil {
		return nil, Uses{}, []Issue{{0, CodeUnsupported, "cel-go: " + err.Error(), ""}}
	}
	if len(src) > expr.MaxSource {
		return nil, Uses{}, []Issue{tooComplex("expression: source text over 16 KiB")}
	}
	parsed, problems := env.Parse(src)
	if problems.Err() != nil {
		return nil, Uses{}, celIssues(src, problems)
	}
	t := translator{src: src, scope: scope, info: parsed.NativeRep().SourceInfo(), env: env}
	root := t.value(parsed.NativeRep().Expr())
	// The checker rewrites the tree, so it comes second; both look at all of it
	// and their findings are shown together.
	if _, problems = env.Check(parsed); problems.Err() != nil {
		t.issues = append(t.issues, celIssues(src, problems)...)
		if len(t.issues) == 0 {
			t.issues = []Issue{{0, CodeType, problems.Errors()[0].Message, ""}}
		}
	}
	if len(t.issues) > 0 {
		return nil, Uses{}, inOrder(t.issues)
	}
	e, err := expr.New(src, root)
	if err != nil {
		return nil, Uses{}, []Issue{tooComplex(err.Error())}
	}
	if len(e.AppendJSON(nil)) > expr.MaxWire {
		return nil, Uses{}, []Issue{tooComplex("expression: over 64 KiB in the plan")}
	}
	return e, t.used(), nil
}

func tooComplex(message string) Issue {
	return Issue{0, CodeTooComplex, message, "split it over several members, or compute it in a service"}
}

// used puts what the translator has seen in order.
func (t *translator) used() Uses {
	u := t.uses
	slices.Sort(u.Steps)
	u.Steps = slices.Compact(u.Steps)
	slices.Sort(u.StepBodies)
	u.StepBodies = slices.Compact(u.StepBodies)
	for step, names := range u.StepHeaders {
		slices.Sort(names)
		u.StepHeaders[step] = slices.Compact(names)
	}
	return u
}
