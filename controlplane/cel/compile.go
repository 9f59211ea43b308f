package cel

import (
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"

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
		return nil, Uses{}, []Issue{{0, CodeTooComplex, "an expression has at most 16 KiB", "compute it in a service"}}
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
	}
	if len(t.issues) > 0 {
		return nil, Uses{}, inOrder(t.issues)
	}
	e, err := expr.New(src, root)
	if err != nil {
		return nil, Uses{}, []Issue{{0, CodeTooComplex, err.Error(), "split it over several members or compute it in a service"}}
	}
	return e, t.used(), nil
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

// celIssues turns cel-go's errors into issues of one line. What it says about
// unknown names is left to translate, unless nothing was translated.
func celIssues(src string, problems *cel.Issues) []Issue {
	var issues []Issue
	for _, e := range problems.Errors() {
		issue := Issue{Offset: byteOffset(src, e.Location.Line(), e.Location.Column()), Code: CodeType}
		issue.Message, _, _ = strings.Cut(e.Message, "\n")
		if rest, ok := strings.CutPrefix(issue.Message, "Syntax error: "); ok {
			issue.Code, issue.Message = CodeSyntax, rest
		}
		issue.Message, _, _ = strings.Cut(issue.Message, " expecting {")
		issues = append(issues, issue)
	}
	return inOrder(issues)
}

// byteOffset converts a line, counted from 1, and a column of code points,
// counted from 0.
func byteOffset(src string, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		n := strings.IndexByte(src[at:], '\n')
		if n < 0 {
			break
		}
		at += n + 1
	}
	for ; column > 0 && at < len(src); column-- {
		_, n := utf8.DecodeRuneInString(src[at:])
		at += n
	}
	return at
}

// offset is where a node stands: for a call its name or operator.
func (t *translator) offset(e ast.Expr) int {
	loc := t.info.GetStartLocation(e.ID())
	return byteOffset(t.src, loc.Line(), loc.Column())
}

// nameOffset is where the name of a selection stands; its node stands at the
// dot or before it.
func (t *translator) nameOffset(e ast.Expr) int {
	at := t.offset(e)
	if e.Kind() == ast.LiteralKind {
		return at
	}
	for at < len(t.src) && strings.IndexByte(".? \t\r\n", t.src[at]) >= 0 {
		at++
	}
	return at
}
