package expr

import (
	"math"
	"strconv"
	"unsafe"

	"github.com/tutti-mesh/tutti/filter/jsontext"
)

// kind tells the CEL type of a value and how it is held.
type kind uint8

const (
	noValue kind = iota
	null
	boolean
	integer
	unsigned
	double
	text
	list
	object
	// The spans: JSON as it came, of which nothing has been read but the first
	// byte. settle turns a number or string into one of the kinds above.
	numberSpan
	stringSpan
	listSpan
	objectSpan
	// failure is an error on its way up: num is a cause, str its detail.
	failure
)

// Value is the result of an evaluation. It is small and passed by value. What
// came as JSON stays the span that it came in until an operation needs it.
//
// It may alias the request's memory and the expression.
type Value struct {
	kind kind
	// opt marks an optional: of the value or, with noValue, of none.
	opt bool
	// num holds a bool, int, uint or the bits of a double, or how many items
	// there are.
	num uint64
	// str holds a text, or a span.
	str string
	// first is the first of the items.
	first *Value
}

// items are the elements of a list that the expression wrote, or the keys and
// values, by turns, of a map.
func (v *Value) items() []Value { return unsafe.Slice(v.first, v.num) }

func made(k kind, items []Value) Value {
	return Value{kind: k, num: uint64(len(items)), first: unsafe.SliceData(items)}
}

// Null is the literal null.
func Null() Value { return Value{kind: null} }

// Bool is a literal.
func Bool(b bool) Value {
	if b {
		return Value{kind: boolean, num: 1}
	}
	return Value{kind: boolean}
}

// Int is a literal.
func Int(i int64) Value { return Value{kind: integer, num: uint64(i)} }

// Uint is a literal.
func Uint(u uint64) Value { return Value{kind: unsigned, num: u} }

// Double is a literal.
func Double(f float64) Value { return Value{kind: double, num: math.Float64bits(f)} }

// String is a literal.
func String(s string) Value { return Value{kind: text, str: s} }

// JSON is the value of a valid JSON text, unread.
func JSON(raw []byte) Value {
	raw = jsontext.Trim(raw)
	if len(raw) == 0 {
		return fail(internal, "empty JSON")
	}
	s := unsafe.String(unsafe.SliceData(raw), len(raw))
	switch raw[0] {
	case '{':
		return Value{kind: objectSpan, str: s}
	case '[':
		return Value{kind: listSpan, str: s}
	case '"':
		return Value{kind: stringSpan, str: s}
	case 't':
		return Value{kind: boolean, num: 1, str: s}
	case 'f':
		return Value{kind: boolean, str: s}
	case 'n':
		return Value{kind: null, str: s}
	}
	return Value{kind: numberSpan, str: s}
}

// span gives the bytes of a value that came as JSON.
func (v *Value) span() []byte { return unsafe.Slice(unsafe.StringData(v.str), len(v.str)) }

// Raw is the JSON of a value that passes through unread, as it came.
func (v Value) Raw() ([]byte, bool) {
	switch v.kind {
	case numberSpan, stringSpan, listSpan, objectSpan:
		return v.span(), true
	case null, boolean:
		return v.span(), v.str != ""
	}
	return nil, false
}

// Bool is the value of a boolean; the second result is false for all others.
func (v Value) Bool() (bool, bool) { return v.num != 0, v.kind == boolean }

// literal says whether the value can stand in a Lit.
func (v *Value) literal() bool {
	switch v.kind {
	case null, boolean, integer, unsigned, text:
		return !v.opt
	case double:
		f := v.double()
		return !v.opt && !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	return false
}

func (v *Value) double() float64 { return math.Float64frombits(v.num) }

// settle reads a number or a string that came as JSON; lists and objects stay
// spans. Every operation that looks at a scalar settles it first.
func (v *Value) settle() {
	opt := v.opt
	switch v.kind {
	case numberSpan:
		*v = number(v.span())
	case stringSpan:
		*v = String(jsontext.Unquote(v.span()))
	}
	v.opt = opt
}

// number reads a JSON number by the rule that jsontext.ParseNumber documents;
// one that is too large even for a double is infinite, as in IEEE 754.
func number(span []byte) Value {
	n, ok := jsontext.ParseNumber(span)
	switch {
	case !ok && span[0] == '-':
		return Double(math.Inf(-1))
	case !ok:
		return Double(math.Inf(1))
	case n.Kind == jsontext.Int:
		return Int(n.Int)
	case n.Kind == jsontext.Uint:
		return Uint(n.Uint)
	}
	return Double(n.Float)
}

// AppendJSON appends the value as JSON: a span as it came, a double in the
// shortest form that reads back the same.
func (v Value) AppendJSON(dst []byte) []byte {
	if raw, ok := v.Raw(); ok {
		return append(dst, raw...)
	}
	switch v.kind {
	case boolean:
		return strconv.AppendBool(dst, v.num != 0)
	case integer:
		return strconv.AppendInt(dst, int64(v.num), 10)
	case unsigned:
		return strconv.AppendUint(dst, v.num, 10)
	case double:
		return appendDouble(dst, v.double())
	case text:
		return jsontext.AppendString(dst, v.str)
	case list:
		return v.appendList(dst)
	case object:
		return v.appendObject(dst)
	}
	return append(dst, "null"...)
}

func (v *Value) appendList(dst []byte) []byte {
	dst = append(dst, '[')
	for i, item := range v.items() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = item.AppendJSON(dst)
	}
	return append(dst, ']')
}

func (v *Value) appendObject(dst []byte) []byte {
	dst = append(dst, '{')
	for i, item := range v.items() {
		switch {
		case i%2 == 1:
			dst = append(dst, ':')
		case i > 0:
			dst = append(dst, ',')
		}
		dst = item.AppendJSON(dst)
	}
	return append(dst, '}')
}

// appendDouble writes as ECMAScript does (and encoding/json): an exponent only
// for the very large and small.
func appendDouble(dst []byte, f float64) []byte {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	if n := len(dst); format == 'e' && dst[n-2] == '0' && dst[n-3] == '-' {
		dst = append(dst[:n-2], dst[n-1]) // e-07 is e-7
	}
	return dst
}

// AppendText appends a scalar as text, a string without its quotes; false for
// null, lists and maps.
func (v Value) AppendText(dst []byte) ([]byte, bool) {
	switch v.kind {
	case boolean, integer, unsigned, double, numberSpan:
		return v.AppendJSON(dst), true
	case text:
		return append(dst, v.str...), true
	case stringSpan:
		return append(dst, jsontext.Unquote(v.span())...), true
	}
	return dst, false
}

// unwritable says why the value has no form as JSON, noCause if it has one.
func (v *Value) unwritable() cause {
	if v.opt {
		return hasOptional
	}
	switch v.kind {
	case double:
		if f := v.double(); math.IsNaN(f) || math.IsInf(f, 0) {
			return notFinite
		}
	case list, object:
		for i, item := range v.items() {
			if v.kind == object && i%2 == 0 && item.kind != text {
				return keyNoString
			}
			if why := item.unwritable(); why != noCause {
				return why
			}
		}
	}
	return noCause
}

// Type is the CEL name of the value's type.
func (v Value) Type() string {
	if v.opt {
		return "optional_type"
	}
	v.settle()
	switch v.kind {
	case null:
		return "null_type"
	case boolean:
		return "bool"
	case integer:
		return "int"
	case unsigned:
		return "uint"
	case double:
		return "double"
	case text:
		return "string"
	case list, listSpan:
		return "list"
	case object, objectSpan:
		return "map"
	}
	return ""
}
