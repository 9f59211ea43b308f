package expr

import (
	"cmp"
	"math"
)

// evalCompare does == to >=.
func evalCompare(n *Node, env Env) Value {
	a := eval(&n.Args[0], env)
	if a.failed() {
		return a
	}
	b := eval(&n.Args[1], env)
	if b.failed() {
		return b
	}
	switch n.Op {
	case Eq:
		return Bool(equal(a, b))
	case Ne:
		return Bool(!equal(a, b))
	}
	a.settle()
	b.settle()
	if a.opt || b.opt {
		return fail(noOverload, n.Op.String())
	}
	if a.nan() || b.nan() && a.kind >= boolean && a.kind <= text {
		return Bool(false) // as cel-go: no order, whatever stands on the other side
	}
	order, ok := compare(&a, &b)
	if !ok {
		return fail(noOverload, n.Op.String())
	}
	switch n.Op {
	case Lt:
		return Bool(order < 0)
	case Le:
		return Bool(order <= 0)
	case Gt:
		return Bool(order > 0)
	}
	return Bool(order >= 0)
}

// compare orders two settled values that are no NaN; false if there is no
// order. Numbers compare across their types, strings by code points, which in
// UTF-8 is by bytes.
func compare(a, b *Value) (int, bool) {
	switch {
	case a.numeric() && b.numeric():
		return compareNumbers(a, b), true
	case a.kind == text && b.kind == text:
		return cmp.Compare(a.str, b.str), true
	case a.kind == boolean && b.kind == boolean:
		return int(a.num) - int(b.num), true
	}
	return 0, false
}

func (v *Value) numeric() bool { return v.kind >= integer && v.kind <= double }

func (v *Value) nan() bool { return v.kind == double && math.IsNaN(v.double()) }

// compareNumbers orders two numbers, neither of them NaN. Ints and uints are
// exact; one of them beside a double is rounded to a double first, as cel-go
// does.
func compareNumbers(a, b *Value) int {
	if a.kind == double || b.kind == double {
		return compareDoubles(a, b)
	}
	negA := a.kind == integer && int64(a.num) < 0
	negB := b.kind == integer && int64(b.num) < 0
	switch {
	case negA != negB:
		if negA {
			return -1
		}
		return 1
	// Two's complement keeps the order among numbers of one sign.
	case a.num < b.num:
		return -1
	case a.num > b.num:
		return 1
	}
	return 0
}

func compareDoubles(a, b *Value) int {
	x, y := a.float(), b.float()
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// float is any number as a double, rounded if it must be.
func (v *Value) float() float64 {
	switch v.kind {
	case integer:
		return float64(int64(v.num))
	case unsigned:
		return float64(v.num)
	}
	return v.double()
}
