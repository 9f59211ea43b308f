package expr

import "github.com/tutti-mesh/tutti/filter/jsontext"

// evalRoot reads what is always there.
func evalRoot(n *Node, env Env) Value {
	switch n.Op {
	case Method:
		return String(env.Method())
	case Path:
		return String(env.Path())
	case PathParam:
		return String(env.PathParam(n.Num))
	case StepStatus:
		return Int(int64(env.StepStatus(n.Num)))
	}
	return String(env.StepReason(n.Num))
}

// access is how a reference is read. CEL words the difference as "presence
// test": where a value is not required, something missing is no error.
type access bool

const (
	required access = false
	ifThere  access = true
)

// evalRef is a reference whose absence is an error, unless it goes through an
// optional (a.?b.c): then the result is an optional too.
func evalRef(n *Node, env Env) Value {
	return lookup(n, env, required)
}

// evalHas is has(a), or has(a.?b.c).
func evalHas(n *Node, env Env) Value {
	v := lookup(&n.Args[0], env, ifThere)
	if v.failed() {
		return v
	}
	return Bool(v.kind != noValue)
}

// lookup finds what a reference names. With ifThere, the zero Value says that
// it is missing, and the operand must still be there: has(a.b.c) fails without
// a.b.
func lookup(n *Node, env Env, want access) Value {
	switch n.Op {
	case Field:
		return step(eval(&n.Args[0], env), want, n.Str)
	case Index:
		return index(n, env, want)
	}
	v, name := rootRef(n, env)
	if v.kind == noValue && want == required {
		return fail(noSuchKey, name)
	}
	return v
}

// rootRef reads a part of the request or of an answer, and gives its name.
func rootRef(n *Node, env Env) (Value, string) {
	switch n.Op {
	case Body:
		if raw, ok := env.Body(); ok {
			return JSON(raw), ""
		}
		return Value{}, "body"
	case StepBody:
		if raw, ok := env.StepBody(n.Num); ok {
			return JSON(raw), ""
		}
		return Value{}, "body"
	case Query:
		key := eval(&n.Args[0], env)
		key.settle()
		if key.failed() {
			return key, ""
		}
		if key.kind != text || key.opt {
			return fail(noOverload, "[]"), ""
		}
		return found(env.Query(key.str)), key.str
	case Header:
		return found(env.Header(n.Str)), n.Str
	case StepHeader:
		return found(env.StepHeader(n.Num, n.Str)), n.Str
	}
	return fail(internal, n.Op.String()), ""
}

func found(s string, ok bool) Value {
	if !ok {
		return Value{}
	}
	return String(s)
}

// step is v.name. An optional stays one: of what is found, or none.
func step(v Value, want access, name string) Value {
	if v.opt {
		if v.kind == noValue {
			return v
		}
		v.opt = false
		v = step(v, ifThere, name)
		v.opt = !v.failed()
		return v
	}
	switch v.kind {
	case failure:
		return v
	case objectSpan:
		if raw, ok := jsontext.Field(v.span(), name); ok {
			return JSON(raw)
		}
	case object:
		if i := v.find(String(name)); i >= 0 {
			return v.items()[i+1]
		}
	case list, listSpan:
		return fail(badIndex, name)
	}
	if want == ifThere {
		return Value{}
	}
	return fail(noSuchKey, name)
}

// index is a[b]. A key of null, or a list or map, is an error whatever a is.
func index(n *Node, env Env, want access) Value {
	v := eval(&n.Args[0], env)
	if v.failed() || v.opt && v.kind == noValue {
		return v
	}
	key := eval(&n.Args[1], env)
	if key.failed() {
		return key
	}
	key.settle()
	opt := v.opt
	if opt {
		v.opt = false
		want = ifThere
	}
	v = at(v, key, want)
	if opt {
		v.opt = !v.failed()
	}
	return v
}

// at is v[key] for a v that is no optional.
func at(v, key Value, want access) Value {
	if key.opt || key.kind < boolean || key.kind > text {
		return fail(badKey, keyText(key))
	}
	switch v.kind {
	case list, listSpan:
		return v.element(key, want)
	case object:
		if i := v.find(key); i >= 0 {
			return v.items()[i+1]
		}
	default:
		if key.kind == text {
			return step(v, want, key.str)
		}
	}
	if want == ifThere {
		return Value{}
	}
	return fail(noSuchKey, keyText(key))
}

// element is v[key] of a list. A double or uint that is a whole number counts
// as that index.
func (v *Value) element(key Value, want access) Value {
	i, ok := key.whole()
	if !ok {
		return fail(badIndex, keyText(key))
	}
	if v.kind == list {
		if items := v.items(); i >= 0 && i < int64(len(items)) {
			return items[i]
		}
	} else if i == int64(int(i)) {
		if raw, ok := jsontext.Index(v.span(), int(i)); ok {
			return JSON(raw)
		}
	}
	if want == ifThere {
		return Value{}
	}
	return fail(outOfRange, keyText(key))
}

// whole is a number as an int, false if that would change it.
func (v *Value) whole() (int64, bool) {
	switch v.kind {
	case integer:
		return int64(v.num), true
	case unsigned:
		return int64(v.num), int64(v.num) >= 0
	case double:
		f := v.double()
		if f < -1<<63 || f >= 1<<63 {
			return 0, false
		}
		return int64(f), float64(int64(f)) == f
	}
	return 0, false
}

func keyText(key Value) string {
	s, _ := key.AppendText(nil)
	return string(s)
}

// find is where a map that the expression wrote has the key, or -1. A number
// also finds the same number of another type.
func (v *Value) find(key Value) int {
	items := v.items()
	if i := findExact(items, key); i >= 0 {
		return i
	}
	for i := 0; key.numeric() && i < len(items); i += 2 {
		if equal(items[i], key) {
			return i
		}
	}
	return -1
}

func findExact(items []Value, key Value) int {
	for i := 0; i < len(items); i += 2 {
		if items[i].kind == key.kind && equal(items[i], key) {
			return i
		}
	}
	return -1
}
