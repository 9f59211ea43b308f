package cel

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/tutti-mesh/tutti/filter/expr"
)

// placeKind is what an expression denotes: a value, or one of the containers
// of the roots, which are no values.
type placeKind uint8

const (
	// nowhere stands for what does not exist and was reported.
	nowhere placeKind = iota
	aValue
	theRequest
	pathParams
	query
	headers
	allSteps
	oneStep
	stepHeaders
)

// place is a container, or a value and then node computes it. opt says that
// optional access led to the container, so that what is in it is optional too.
type place struct {
	kind placeKind
	step int
	opt  bool
	node expr.Node
}

func valueOf(n expr.Node) place { return place{kind: aValue, node: n} }

// name is how the user writes a container, and what can be done with it.
func (t *translator) describe(p place) (name, hint string) {
	const oneOf = "name the one that you need"
	switch p.kind {
	case theRequest:
		return "request", "name a part of it: method, path, path_params, query, headers or body"
	case pathParams:
		return "request.path_params", oneOf
	case query:
		return "request.query", oneOf
	case headers:
		return "request.headers", oneOf
	case oneStep:
		return "steps." + t.scope.Steps[p.step], "name a part of it: status, reason, headers or body"
	case stepHeaders:
		return "steps." + t.scope.Steps[p.step] + ".headers", oneOf
	}
	return "steps", "name a step and a part of it: steps.NAME.body"
}

// resolve translates any expression.
func (t *translator) resolve(e ast.Expr) place {
	switch e.Kind() {
	case ast.IdentKind:
		switch strings.TrimPrefix(e.AsIdent(), ".") {
		case "request":
			return place{kind: theRequest}
		case "steps":
			return place{kind: allSteps}
		}
	case ast.SelectKind:
		sel := e.AsSelect()
		p := t.member(e, t.resolve(sel.Operand()), sel.FieldName(), false)
		if sel.IsTestOnly() && p.kind != nowhere {
			return valueOf(presence(p))
		}
		return p
	case ast.CallKind:
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.Index:
			return t.index(e, false)
		case operators.OptIndex:
			return t.index(e, true)
		case operators.OptSelect:
			name, _ := call.Args()[1].AsLiteral().(types.String)
			return t.member(e, t.resolve(call.Args()[0]), string(name), true)
		case operators.In, operators.OldIn:
			return valueOf(t.in(call))
		}
	}
	return valueOf(t.plain(e))
}

// presence is has(): a container is always there, and so is a part of one that
// is no reference.
func presence(p place) expr.Node {
	switch {
	case p.kind == aValue && (p.node.Op == expr.Opt || p.node.Op == expr.OptOf):
		return node(expr.HasValue, p.node)
	case p.kind == aValue && p.node.Op.Refers():
		return node(expr.Has, p.node)
	}
	return literal(expr.Bool(true))
}

// part is a value within a container or another value.
func part(n expr.Node, opt bool) place {
	switch {
	case opt && n.Op.Refers():
		n = node(expr.Opt, n)
	case opt:
		n = node(expr.OptOf, n)
	}
	return valueOf(n)
}

// member is p.name, or p.?name if opt.
func (t *translator) member(e ast.Expr, p place, name string, opt bool) place {
	opt = opt || p.opt
	switch p.kind {
	case aValue:
		return part(expr.Node{Op: expr.Field, Args: []expr.Node{p.node}, Str: name}, opt)
	case theRequest:
		return t.requestPart(e, name, opt)
	case pathParams:
		if i := slices.Index(t.scope.PathParams, name); i >= 0 {
			return part(expr.Node{Op: expr.PathParam, Num: i}, opt)
		}
		return t.unknown(e, CodeUnknownName, `unknown path parameter "`+name+`"`,
			hintOr(didYouMean(name, t.scope.PathParams), "match.path declares them: /products/{"+name+"}"))
	case query:
		return part(node(expr.Query, literal(expr.String(name))), opt)
	case headers:
		return part(expr.Node{Op: expr.Header, Str: strings.ToLower(name)}, opt)
	case allSteps:
		i := slices.Index(t.scope.Steps, name)
		if i < 0 {
			return t.unknown(e, CodeUnknownStep, `unknown step "`+name+`"`, didYouMean(name, t.scope.Steps))
		}
		t.uses.Steps = append(t.uses.Steps, i)
		return place{kind: oneStep, step: i, opt: opt}
	case oneStep:
		return t.stepPart(e, p.step, name, opt)
	case stepHeaders:
		name = strings.ToLower(name)
		if t.uses.StepHeaders == nil {
			t.uses.StepHeaders = map[int][]string{}
		}
		t.uses.StepHeaders[p.step] = append(t.uses.StepHeaders[p.step], name)
		return part(expr.Node{Op: expr.StepHeader, Num: p.step, Str: name}, opt)
	}
	return place{}
}

func (t *translator) requestPart(e ast.Expr, name string, opt bool) place {
	switch name {
	case "method":
		return part(node(expr.Method), opt)
	case "path":
		return part(node(expr.Path), opt)
	case "path_params":
		return place{kind: pathParams, opt: opt}
	case "query":
		return place{kind: query, opt: opt}
	case "headers":
		return place{kind: headers, opt: opt}
	case "body":
		t.uses.RequestBody = true
		return part(node(expr.Body), opt)
	}
	return t.unknown(e, CodeUnknownName, `request has no "`+name+`"`,
		didYouMean(name, []string{"method", "path", "path_params", "query", "headers", "body"}))
}

func (t *translator) stepPart(e ast.Expr, step int, name string, opt bool) place {
	switch name {
	case "status":
		return part(expr.Node{Op: expr.StepStatus, Num: step}, opt)
	case "reason":
		return part(expr.Node{Op: expr.StepReason, Num: step}, opt)
	case "headers":
		return place{kind: stepHeaders, step: step, opt: opt}
	case "body":
		t.uses.StepBodies = append(t.uses.StepBodies, step)
		return part(expr.Node{Op: expr.StepBody, Num: step}, opt)
	}
	return t.unknown(e, CodeUnknownName, `a step has no "`+name+`"`,
		didYouMean(name, []string{"status", "reason", "headers", "body"}))
}

func (t *translator) unknown(e ast.Expr, code, message, hint string) place {
	t.report(e, code, message, hint)
	return place{}
}

// index is a[b], or a[?b] if opt. With a literal string it is a member.
func (t *translator) index(e ast.Expr, opt bool) place {
	args := e.AsCall().Args()
	p := t.resolve(args[0])
	name, constant := stringLiteral(args[1])
	switch p.kind {
	case nowhere:
		return p
	case theRequest, allSteps, oneStep:
		what, _ := t.describe(p)
		t.report(e, CodeUnsupported, what+" has no [ ]", "write "+what+".NAME")
		return place{}
	case pathParams, headers, stepHeaders:
		if !constant {
			t.notLiteral(args[1], p)
			return place{}
		}
	}
	if constant {
		return t.member(args[1], p, name, opt)
	}
	key := t.value(args[1])
	if key.Op == expr.Lit && key.Val.Type() == "null_type" && args[1].Kind() == ast.LiteralKind {
		t.report(args[1], CodeType, "null is no index", "")
	}
	if p.kind == query {
		return part(node(expr.Query, key), opt || p.opt)
	}
	return part(node(expr.Index, p.node, key), opt || p.opt)
}

func (t *translator) notLiteral(e ast.Expr, p place) expr.Node {
	what, _ := t.describe(p)
	return t.report(e, CodeUnsupported, "a name in "+what+" must be a literal string", "")
}

func stringLiteral(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// in is a in b. For a container it is has().
func (t *translator) in(call ast.CallExpr) expr.Node {
	p := t.resolve(call.Args()[1])
	switch name, constant := stringLiteral(call.Args()[0]); {
	case p.kind == aValue:
		return node(expr.In, t.value(call.Args()[0]), p.node)
	case p.kind == nowhere:
	case p.kind == query && !constant:
		return node(expr.Has, node(expr.Query, t.value(call.Args()[0])))
	case p.kind == theRequest || p.kind == allSteps || p.kind == oneStep:
		return t.value(call.Args()[1]) // which says that it is no value
	case !constant:
		return t.notLiteral(call.Args()[0], p)
	case p.kind == pathParams:
		return literal(expr.Bool(slices.Contains(t.scope.PathParams, name)))
	default:
		return presence(t.member(call.Args()[0], p, name, false))
	}
	return literal(expr.Null())
}
