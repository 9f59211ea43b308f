package cel

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/tutti-mesh/tutti/filter/expr"
)

// translator turns cel-go's tree into one of filter/expr. It goes on after an
// issue, with null in the place of what is wrong, so that all come at once.
type translator struct {
	src    string
	scope  Scope
	info   *ast.SourceInfo
	env    *cel.Env
	uses   Uses
	issues []Issue
}

func (t *translator) report(e ast.Expr, code, message, hint string) expr.Node {
	t.issues = append(t.issues, Issue{t.offset(e), code, message, hint})
	return literal(expr.Null())
}

func literal(v expr.Value) expr.Node { return expr.Node{Op: expr.Lit, Val: v} }

func node(op expr.Op, args ...expr.Node) expr.Node { return expr.Node{Op: op, Args: args} }

// value translates an expression that must have a value: a container such as
// request.headers has none.
func (t *translator) value(e ast.Expr) expr.Node {
	p := t.resolve(e)
	switch p.kind {
	case aValue:
		return p.node
	case nowhere: // reported already
		return literal(expr.Null())
	}
	name, hint := t.describe(p)
	return t.report(e, CodeUnsupported, name+" cannot be used as a whole", hint)
}

// plain translates what resolve leaves: no reference.
func (t *translator) plain(e ast.Expr) expr.Node {
	switch e.Kind() {
	case ast.LiteralKind:
		return t.literal(e)
	case ast.IdentKind:
		return t.unknownRoot(e)
	case ast.CallKind:
		return t.call(e)
	case ast.ListKind:
		return t.list(e)
	case ast.MapKind:
		return t.mapping(e)
	case ast.StructKind:
		return t.report(e, CodeUnsupported, "messages are not supported", `a map is written {"key": value}`)
	case ast.ComprehensionKind:
		return t.report(e, CodeUnsupported, t.macroName(e)+" is not supported", "")
	}
	return t.report(e, CodeUnsupported, "not supported", "")
}

func (t *translator) unknownRoot(e ast.Expr) expr.Node {
	name := e.AsIdent()
	hint := hintOr(didYouMean(name, []string{"request", "steps"}), "names begin with request or steps")
	if at := t.offset(e); at > 1 && t.src[at-1] == '-' && isNameByte(t.src[at-2]) {
		hint = `a name with a - in it is written ["x-y"]; else put spaces around the -`
	}
	return t.report(e, CodeUnknownName, `unknown name "`+name+`"`, hint)
}

func hintOr(hint, otherwise string) string {
	if strings.HasPrefix(hint, "did you mean") {
		return hint
	}
	return otherwise
}

// macroName is how the user wrote a comprehension: all, exists, map, ...
func (t *translator) macroName(e ast.Expr) string {
	if call, ok := t.info.GetMacroCall(e.ID()); ok && call.Kind() == ast.CallKind {
		return call.AsCall().FunctionName() + "()"
	}
	return "a comprehension"
}

func (t *translator) literal(e ast.Expr) expr.Node {
	switch v := e.AsLiteral().(type) {
	case types.Null:
		return literal(expr.Null())
	case types.Bool:
		return literal(expr.Bool(bool(v)))
	case types.Int:
		return literal(expr.Int(int64(v)))
	case types.Uint:
		return literal(expr.Uint(uint64(v)))
	case types.Double:
		return literal(expr.Double(float64(v)))
	case types.String:
		return literal(expr.String(string(v)))
	}
	return t.report(e, CodeUnsupported, "bytes are not supported", `write a string: "..."`)
}

func (t *translator) list(e ast.Expr) expr.Node {
	n := node(expr.List)
	for i, el := range e.AsList().Elements() {
		if e.AsList().IsOptional(int32(i)) {
			return t.report(el, CodeUnsupported, "an optional element is not supported", "")
		}
		n.Args = append(n.Args, t.value(el))
	}
	return n
}

func (t *translator) mapping(e ast.Expr) expr.Node {
	n := node(expr.Map)
	for _, entry := range e.AsMap().Entries() {
		m := entry.AsMapEntry()
		if m.IsOptional() {
			return t.report(m.Value(), CodeUnsupported, "an optional entry is not supported", "")
		}
		n.Args = append(n.Args, t.value(m.Key()), t.value(m.Value()))
	}
	return n
}

// operations are the calls that are one operation on values.
var operations = map[string]expr.Op{
	operators.LogicalAnd: expr.AndAlso, operators.LogicalOr: expr.OrElse, operators.LogicalNot: expr.Not,
	operators.Conditional: expr.Cond,
	operators.Equals:      expr.Eq, operators.NotEquals: expr.Ne,
	operators.Less: expr.Lt, operators.LessEquals: expr.Le,
	operators.Greater: expr.Gt, operators.GreaterEquals: expr.Ge,
	operators.Add: expr.Add, operators.Subtract: expr.Sub, operators.Multiply: expr.Mul,
	operators.Divide: expr.Div, operators.Modulo: expr.Mod, operators.Negate: expr.Neg,
	"size": expr.Size, "orValue": expr.OrValue, "or": expr.Or,
	"hasValue": expr.HasValue, "value": expr.OptValue,
}

func (t *translator) call(e ast.Expr) expr.Node {
	call := e.AsCall()
	if call.IsMemberFunction() && call.Target().Kind() == ast.IdentKind && call.Target().AsIdent() == "optional" {
		return t.makeOptional(e)
	}
	if call.FunctionName() == "dyn" && len(call.Args()) == 1 {
		return t.value(call.Args()[0])
	}
	op, ok := operations[call.FunctionName()]
	if !ok {
		return t.unknownCall(e)
	}
	n := node(op)
	if call.IsMemberFunction() {
		n.Args = append(n.Args, t.value(call.Target()))
	}
	for _, arg := range call.Args() {
		n.Args = append(n.Args, t.value(arg))
	}
	return flat(n)
}

// flat makes a && (b && c) one operation; the order of the operands and thereby
// the first error stay the same.
func flat(n expr.Node) expr.Node {
	if n.Op != expr.AndAlso && n.Op != expr.OrElse {
		return n
	}
	var args []expr.Node
	for _, a := range n.Args {
		if a.Op == n.Op {
			args = append(args, a.Args...)
		} else {
			args = append(args, a)
		}
	}
	n.Args = args
	return n
}

func (t *translator) makeOptional(e ast.Expr) expr.Node {
	call := e.AsCall()
	switch {
	case call.FunctionName() == "of" && len(call.Args()) == 1:
		return node(expr.OptOf, t.value(call.Args()[0]))
	case call.FunctionName() == "none" && len(call.Args()) == 0:
		return node(expr.OptNone)
	}
	return t.unknownCall(e)
}

func (t *translator) unknownCall(e ast.Expr) expr.Node {
	call := e.AsCall()
	name := call.FunctionName()
	for _, arg := range call.Args() {
		t.value(arg)
	}
	if call.IsMemberFunction() && !(call.Target().Kind() == ast.IdentKind && call.Target().AsIdent() == "optional") {
		t.value(call.Target())
	}
	if t.env.HasFunction(name) || t.env.HasFunction("optional."+name) {
		return t.report(e, CodeUnsupported, name+"() is not supported", "")
	}
	return t.report(e, CodeUnknownName, `unknown function "`+name+`"`, "")
}
