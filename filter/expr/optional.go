package expr

// evalOptional does what makes or takes apart an optional.
func evalOptional(n *Node, env Env) Value {
	if n.Op == OptNone {
		return Value{opt: true}
	}
	if n.Op == Opt {
		v := lookup(&n.Args[0], env, ifThere)
		v.opt = !v.failed()
		return v
	}
	v := eval(&n.Args[0], env)
	if v.failed() {
		return v
	}
	if n.Op == OptOf {
		if v.opt {
			return fail(noOverload, "optional.of")
		}
		v.opt = true
		return v
	}
	if !v.opt {
		return fail(noOverload, n.Op.String())
	}
	there := v.kind != noValue
	switch n.Op {
	case HasValue:
		return Bool(there)
	case Or:
		if !there {
			return eval(&n.Args[1], env)
		}
		return v
	case OrValue:
		if !there {
			return eval(&n.Args[1], env)
		}
	}
	if !there {
		return fail(noOptional, "")
	}
	v.opt = false
	return v
}
