package expr

// evalLogic does && || ! and ?:. An operand that decides the result makes up
// for errors of the others, whichever side they stand on; otherwise the first
// error counts.
func evalLogic(n *Node, env Env) Value {
	switch n.Op {
	case AndAlso:
		return absorb(n, env, false)
	case OrElse:
		return absorb(n, env, true)
	}
	v := eval(&n.Args[0], env)
	if v.failed() {
		return v
	}
	if v.kind != boolean || v.opt {
		return fail(noOverload, n.Op.String())
	}
	if n.Op == Not {
		return Bool(v.num == 0)
	}
	if v.num != 0 {
		return eval(&n.Args[1], env)
	}
	return eval(&n.Args[2], env)
}

// absorb is && if false decides and || if true does.
func absorb(n *Node, env Env, decides bool) Value {
	first := Bool(!decides)
	for i := range n.Args {
		v := eval(&n.Args[i], env)
		if v.kind == boolean && !v.opt {
			if (v.num != 0) == decides {
				return Bool(decides)
			}
			continue
		}
		if !v.failed() {
			v = fail(noOverload, n.Op.String())
		}
		if !first.failed() {
			first = v
		}
	}
	return first
}
