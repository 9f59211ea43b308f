package jsontext

import (
	"strconv"
	"unsafe"
)

// NumKind is which of a Num's fields holds the number.
type NumKind uint8

const (
	Int   NumKind = iota // a whole number that fits int64
	Uint                 // a whole number over int64 that fits uint64
	Float                // any other
)

// Num is a number as CEL sees it.
type Num struct {
	Kind  NumKind
	Int   int64
	Uint  uint64
	Float float64
}

// ParseNumber reads JSON number v, which has no white space around. Written
// without fraction and exponent it is an int, over int64 a uint, outside of
// both a double; with one of them a double, rounded to nearest, even (-0.0
// keeps its sign, -0 is the int 0). It is false if v is no number, or one
// beyond every finite double (1e400).
func ParseNumber(v []byte) (Num, bool) {
	if KindOf(v) != Number {
		return Num{}, false
	}
	if n, ok := parseShort(v); ok {
		return Num{Int: n}, true
	}
	s := unsafe.String(unsafe.SliceData(v), len(v))
	if isWhole(v) {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return Num{Int: n}, true
		}
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			return Num{Kind: Uint, Uint: n}, true
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return Num{}, false
	}
	return Num{Kind: Float, Float: f}, true
}

// parseShort reads a whole number of at most 18 digits, which any int64 holds.
func parseShort(v []byte) (int64, bool) {
	digits := v
	if v[0] == '-' {
		digits = v[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	if v[0] == '-' {
		n = -n
	}
	return n, true
}

// isWhole tells whether v is written without fraction and exponent.
func isWhole(v []byte) bool {
	for _, c := range v {
		if c == '.' || c|0x20 == 'e' {
			return false
		}
	}
	return true
}
