package cel

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"

	"github.com/tutti-mesh/tutti/filter/expr"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// result is what an evaluator made of an expression.
type result struct {
	outcome expr.Outcome
	kind    string // CEL's name of the type
	value   any    // nil, bool, int64, uint64, float64, string, []any, map[string]any
	detail  string // of an error
}

func (r result) String() string {
	switch r.outcome {
	case expr.Absent:
		return "absent: " + r.detail
	case expr.Failed:
		return "failed: " + r.detail
	}
	return fmt.Sprintf("%s %v", r.kind, r.value)
}

// oracle evaluates with cel-go.
func oracle(t testing.TB, src string, d *data) result {
	t.Helper()
	env, err := environment()
	if err != nil {
		t.Fatal(err)
	}
	checked, problems := env.Compile(src)
	if problems.Err() != nil {
		t.Fatalf("%s: the oracle does not compile it: %v", src, problems.Err())
	}
	program, err := env.Program(checked, cel.CustomDecoratorV2(mixing))
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	val, _, err := program.Eval(d.activation(t))
	if err != nil {
		return failed(err.Error())
	}
	return fromCEL(val)
}

func failed(message string) result {
	for _, missing := range []string{"no such key", "index out of bounds", "no such attribute", "optional.none() dereference"} {
		if strings.HasPrefix(message, missing) {
			return result{outcome: expr.Absent, detail: message}
		}
	}
	return result{outcome: expr.Failed, detail: message}
}

// fromCEL applies what Eval says of results: an optional is what is in it, and
// what JSON cannot hold is an error.
func fromCEL(val ref.Val) result {
	if opt, ok := val.(*types.Optional); ok {
		if !opt.HasValue() {
			return result{outcome: expr.Absent, detail: "optional.none()"}
		}
		val = opt.GetValue()
	}
	kind := val.Type().TypeName()
	v, err := native(val)
	if err != nil {
		return result{outcome: expr.Failed, detail: err.Error()}
	}
	return result{kind: kind, value: v}
}

func native(val ref.Val) (any, error) {
	switch v := val.(type) {
	case types.Null:
		return nil, nil
	case types.Double:
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("not a finite number")
		}
	case *types.Optional:
		return nil, fmt.Errorf("optional inside")
	case traits.Lister:
		var items []any
		for it := v.Iterator(); it.HasNext() == types.True; {
			item, err := native(it.Next())
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		return items, nil
	case traits.Mapper:
		members := map[string]any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			name, ok := key.(types.String)
			if !ok {
				return nil, fmt.Errorf("key is no string")
			}
			member, err := native(v.Get(key))
			if err != nil {
				return nil, err
			}
			members[string(name)] = member
		}
		return members, nil
	}
	return val.Value(), nil
}

// ours evaluates with filter/expr, over its wire form.
func ours(t testing.TB, e *expr.Expr, d *data) result {
	t.Helper()
	wire := e.AppendJSON(nil)
	decoded, err := expr.Decode(wire)
	if err != nil {
		t.Fatalf("%s: decode %s: %v", e.Source(), wire, err)
	}
	if again := decoded.AppendJSON(nil); string(again) != string(wire) {
		t.Fatalf("%s: wire form changes: %s, then %s", e.Source(), wire, again)
	}
	v, outcome, cause := decoded.Eval(d.request())
	if outcome != expr.OK {
		return result{outcome: outcome, detail: cause}
	}
	return result{kind: v.Type(), value: decodeJSON(t, v.AppendJSON(nil))}
}

// same compares results. The text of an error is ours to choose; a number
// inside a list may be written as an int where it was a double.
func (r result) same(other result) bool {
	if r.outcome != other.outcome || r.kind != other.kind {
		return false
	}
	return r.outcome != expr.OK || sameValue(r.value, other.value)
}

func sameValue(a, b any) bool {
	if x, ok := toBig(a); ok {
		y, ok := toBig(b)
		return ok && x.Cmp(y) == 0
	}
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, sameValue)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, sameValue)
	}
	return a == b
}

func toBig(v any) (*big.Float, bool) {
	f := new(big.Float).SetPrec(200)
	switch v := v.(type) {
	case int64:
		return f.SetInt64(v), true
	case uint64:
		return f.SetUint64(v), true
	case float64:
		return f.SetFloat64(v), true
	}
	return nil, false
}

// mixing gives cel-go the overloads that mixedArithmetic declares. cel-go binds
// one implementation to all overloads of a standard operator and refuses
// another beside it, so the planned call is replaced instead. It is written
// with math/big, unlike what it checks.
func mixing(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok || len(call.Args()) != 2 {
		return i, nil
	}
	standard := map[string]func(a, b ref.Val) ref.Val{
		operators.Add:      func(a, b ref.Val) ref.Val { return dispatch(a, b, traits.Adder.Add) },
		operators.Subtract: func(a, b ref.Val) ref.Val { return dispatch(a, b, traits.Subtractor.Subtract) },
		operators.Multiply: func(a, b ref.Val) ref.Val { return dispatch(a, b, traits.Multiplier.Multiply) },
		operators.Divide:   func(a, b ref.Val) ref.Val { return dispatch(a, b, traits.Divider.Divide) },
		operators.Modulo:   func(a, b ref.Val) ref.Val { return dispatch(a, b, traits.Modder.Modulo) },
	}[call.Function()]
	if standard == nil {
		return i, nil
	}
	return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(),
		func(args ...ref.Val) ref.Val {
			if mixed := mixedResult(call.Function(), args[0], args[1]); mixed != nil {
				return mixed
			}
			return standard(args[0], args[1])
		}), nil
}

func dispatch[T any](a, b ref.Val, op func(T, ref.Val) ref.Val) ref.Val {
	if left, ok := a.(T); ok {
		return op(left, b)
	}
	return types.NewErr("no such overload")
}

// mixedResult is nil where CEL itself has a word.
func mixedResult(op string, a, b ref.Val) ref.Val {
	number := func(v ref.Val) bool {
		return v.Type() == types.IntType || v.Type() == types.UintType || v.Type() == types.DoubleType
	}
	if !number(a) || !number(b) || a.Type() == b.Type() {
		return nil
	}
	if a.Type() == types.DoubleType || b.Type() == types.DoubleType {
		left, right := a.ConvertToType(types.DoubleType), b.ConvertToType(types.DoubleType)
		switch op {
		case operators.Add:
			return left.(types.Double).Add(right)
		case operators.Subtract:
			return left.(types.Double).Subtract(right)
		case operators.Multiply:
			return left.(types.Double).Multiply(right)
		case operators.Divide:
			return left.(types.Double).Divide(right)
		}
		return types.NewErr("no such overload")
	}
	x, _ := toBig(a.Value())
	y, _ := toBig(b.Value())
	left, _ := x.Int(nil)
	right, _ := y.Int(nil)
	return exactResult(op, left, right)
}

func exactResult(op string, x, y *big.Int) ref.Val {
	r := new(big.Int)
	switch op {
	case operators.Add:
		r.Add(x, y)
	case operators.Subtract:
		r.Sub(x, y)
	case operators.Multiply:
		r.Mul(x, y)
	default:
		if y.Sign() == 0 {
			return types.NewErr("division by zero")
		}
		if op == operators.Divide {
			r.Quo(x, y)
		} else {
			r.Rem(x, y)
		}
	}
	switch {
	case r.IsInt64():
		return types.Int(r.Int64())
	case r.IsUint64():
		return types.Uint(r.Uint64())
	}
	return types.NewErr("integer overflow")
}
