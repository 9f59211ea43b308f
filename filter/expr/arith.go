package expr

import (
	"math"
	"math/bits"
)

// The bounds of what + makes, so that an expression of many + cannot exhaust
// the memory of the worker. What comes as JSON is bounded by the plan's limits.
const (
	// MaxText bounds a text, in bytes.
	MaxText = 4 << 20
	// MaxItems bounds a list, in elements.
	MaxItems = 1 << 16
)

// evalArith does + - * / % and the minus sign. A result that does not fit is
// an error and never wraps around.
//
// Numbers of the same type follow CEL. The declared extra overloads:
//
//   - A double with an int or a uint: both as doubles. % takes no doubles.
//   - An int with a uint: the exact result, an int if it fits, else a uint;
//     which is the type that this number would have as JSON.
func evalArith(n *Node, env Env) Value {
	a := eval(&n.Args[0], env)
	if a.failed() {
		return a
	}
	a.settle()
	if n.Op == Neg {
		return negate(a)
	}
	b := eval(&n.Args[1], env)
	if b.failed() {
		return b
	}
	b.settle()
	switch {
	case a.opt || b.opt:
	case a.numeric() && b.numeric():
		return compute(n.Op, &a, &b)
	case n.Op != Add:
	case a.kind == text && b.kind == text:
		if len(a.str)+len(b.str) > MaxText {
			return fail(tooLarge, "+")
		}
		return String(a.str + b.str)
	case a.listing() && b.listing():
		return joinLists(&a, &b)
	}
	return fail(noOverload, n.Op.String())
}

func negate(v Value) Value {
	switch {
	case v.opt:
	case v.kind == integer:
		if int64(v.num) == math.MinInt64 {
			return fail(overflow, "-")
		}
		return Int(-int64(v.num))
	case v.kind == double:
		return Double(-v.double())
	}
	return fail(noOverload, "-")
}

func compute(op Op, a, b *Value) Value {
	if a.kind == double || b.kind == double {
		return computeDouble(op, a.float(), b.float())
	}
	if op == Mod && a.kind == integer && b.kind == integer &&
		int64(a.num) == math.MinInt64 && int64(b.num) == -1 {
		return fail(overflow, "%") // as CEL has it, though the result is 0
	}
	x, y := magnitude(a), magnitude(b)
	r, why := computeExact(op, x, y)
	if why != noCause {
		return fail(why, op.String())
	}
	switch {
	case a.kind == integer && b.kind == integer:
		return r.as(integer, op)
	case a.kind == unsigned && b.kind == unsigned:
		return r.as(unsigned, op)
	}
	if r.fits(integer) {
		return r.as(integer, op)
	}
	return r.as(unsigned, op)
}

func computeDouble(op Op, x, y float64) Value {
	switch op {
	case Add:
		return Double(x + y)
	case Sub:
		return Double(x - y)
	case Mul:
		return Double(x * y)
	case Div:
		return Double(x / y)
	}
	return fail(noOverload, op.String())
}

// exact is a whole number of 64 bits and a sign, the common ground of ints and
// uints: one path computes them all and one check finds what does not fit.
type exact struct {
	neg bool
	abs uint64
}

func magnitude(v *Value) exact {
	if v.kind == integer && int64(v.num) < 0 {
		return exact{true, -v.num}
	}
	return exact{false, v.num}
}

func (r exact) fits(k kind) bool {
	if k == unsigned {
		return !r.neg || r.abs == 0
	}
	return r.abs <= math.MaxInt64 || r.neg && r.abs == 1<<63
}

func (r exact) as(k kind, op Op) Value {
	if !r.fits(k) {
		return fail(overflow, op.String())
	}
	if r.neg {
		return Value{kind: k, num: -r.abs}
	}
	return Value{kind: k, num: r.abs}
}

// computeExact truncates a quotient toward zero; a remainder has the sign of
// the dividend.
func computeExact(op Op, x, y exact) (exact, cause) {
	switch op {
	case Add:
		return addExact(x, y)
	case Sub:
		y.neg = !y.neg
		return addExact(x, y)
	case Mul:
		hi, lo := bits.Mul64(x.abs, y.abs)
		if hi != 0 {
			return exact{}, overflow
		}
		return exact{x.neg != y.neg, lo}, noCause
	case Div:
		if y.abs == 0 {
			return exact{}, divideByZero
		}
		return exact{x.neg != y.neg, x.abs / y.abs}, noCause
	}
	if y.abs == 0 {
		return exact{}, moduloByZero
	}
	return exact{x.neg, x.abs % y.abs}, noCause
}

func addExact(x, y exact) (exact, cause) {
	if x.neg == y.neg {
		sum, carry := bits.Add64(x.abs, y.abs, 0)
		if carry != 0 {
			return exact{}, overflow
		}
		return exact{x.neg, sum}, noCause
	}
	if x.abs < y.abs {
		x, y = y, x
	}
	return exact{x.neg, x.abs - y.abs}, noCause
}

func joinLists(a, b *Value) Value {
	var items []Value
	for _, v := range []*Value{a, b} {
		for it := v.elements(); ; {
			item, more := it.next()
			if !more {
				break
			}
			if len(items) == MaxItems {
				return fail(tooLarge, "+")
			}
			items = append(items, item)
		}
	}
	return made(list, items)
}
