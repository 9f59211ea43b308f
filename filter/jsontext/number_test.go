package jsontext

import (
	"math"
	"math/big"
	"math/rand"
	"strconv"
	"strings"
	"testing"
)

func TestParseNumber(t *testing.T) {
	for in, want := range map[string]Num{
		"0": {Int: 0}, "-0": {Int: 0}, "7": {Int: 7}, "-12": {Int: -12}, "123456789012345678": {Int: 123456789012345678}, "-999999999999999999": {Int: -999999999999999999},
		"1000000000000000000": {Int: 1e18}, "9223372036854775807": {Int: math.MaxInt64}, "-9223372036854775808": {Int: math.MinInt64},
		"9223372036854775808": {Kind: Uint, Uint: 1 << 63}, "18446744073709551615": {Kind: Uint, Uint: math.MaxUint64},
		"18446744073709551616": {Kind: Float, Float: 1 << 64}, "-9223372036854775809": {Kind: Float, Float: math.MinInt64}, "100000000000000000000000": {Kind: Float, Float: 1e23},
		"1.0": {Kind: Float, Float: 1}, "1e2": {Kind: Float, Float: 100}, "1E-2": {Kind: Float, Float: .01}, "-2.5e+3": {Kind: Float, Float: -2500}, "0.1": {Kind: Float, Float: .1},
		"0e5": {Kind: Float}, "5e-324": {Kind: Float, Float: 5e-324}, "1e-400": {Kind: Float}, "1.7976931348623157e308": {Kind: Float, Float: math.MaxFloat64},
		"0.30000000000000004": {Kind: Float, Float: 0.30000000000000004}, "9007199254740993.0": {Kind: Float, Float: 9007199254740992},
	} {
		if got, ok := ParseNumber([]byte(in)); !ok || got != want {
			t.Errorf("ParseNumber(%s) = %+v, %v, want %+v", in, got, ok, want)
		}
	}
	if n, ok := ParseNumber([]byte("-0.0")); !ok || n.Kind != Float || !math.Signbit(n.Float) {
		t.Errorf("-0.0 is %+v", n)
	}
	for _, in := range []string{"", "-", "x", "null", `"1"`, "[1]", "1e400", "-1e400", "1" + strings.Repeat("0", 400), "1e", "1.5x"} {
		if got, ok := ParseNumber([]byte(in)); ok || got != (Num{}) {
			t.Errorf("ParseNumber(%s) = %+v, %v", in, got, ok)
		}
	}
}

func TestParseNumberAgrees(t *testing.T) {
	r := rand.New(rand.NewSource(4))
	for range 20000 {
		w := &writer{r: r}
		w.number()
		s := string(w.b)
		got, ok := ParseNumber(w.b)
		f, err := strconv.ParseFloat(s, 64)
		if strings.ContainsAny(s, ".eE") {
			if ok != (err == nil) || ok && (got.Kind != Float || got.Float != f) {
				t.Fatalf("ParseNumber(%s) = %+v, %v", s, got, ok)
			}
			continue
		}
		n, _ := new(big.Int).SetString(s, 10)
		switch {
		case n.IsInt64():
			ok = ok && got == Num{Int: n.Int64()}
		case n.IsUint64():
			ok = ok && got == Num{Kind: Uint, Uint: n.Uint64()}
		default:
			ok = ok && got == Num{Kind: Float, Float: f}
		}
		if !ok {
			t.Fatalf("ParseNumber(%s) = %+v", s, got)
		}
	}
}
