package expr

// Eval evaluates for one request. The string is a short cause if the outcome
// is not OK. It needs no memory beyond what the result itself needs.
func (e *Expr) Eval(env Env) (Value, Outcome, string) {
	v := eval(&e.root, env)
	if v.opt {
		if v.kind == noValue {
			return Value{}, Absent, causes[noOptional]
		}
		v.opt = false
	}
	if why := v.unwritable(); why != noCause {
		v = fail(why, "")
	}
	if v.kind == failure {
		return Value{}, cause(v.num).outcome(), v.cause()
	}
	return v, OK, ""
}

// eval is the one switch over the operations; each family has its own file.
func eval(n *Node, env Env) Value {
	switch n.Op {
	case Lit:
		return n.Val
	case Method, Path, PathParam, StepStatus, StepReason:
		return evalRoot(n, env)
	case Query, Header, Body, StepHeader, StepBody, Field, Index:
		return evalRef(n, env)
	case Has:
		return evalHas(n, env)
	case Opt, OrValue, Or, HasValue, OptValue, OptOf, OptNone:
		return evalOptional(n, env)
	case AndAlso, OrElse, Not, Cond:
		return evalLogic(n, env)
	case Eq, Ne, Lt, Le, Gt, Ge:
		return evalCompare(n, env)
	case Add, Sub, Mul, Div, Mod, Neg:
		return evalArith(n, env)
	case List, Map, Size, In:
		return evalCollection(n, env)
	}
	return fail(internal, n.Op.String())
}
