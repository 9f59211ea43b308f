package jsontext

import (
	"math/bits"
	"unsafe"
)

// Eight bytes at a time, as one little-endian word: byte k of the text is byte
// k of the word counted from its low end, so the lowest flag set belongs to
// the first byte that has the property. order_big.go keeps the package from
// building where that is not so.
const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	sevens = 0x7f7f7f7f7f7f7f7f

	quotes      = '"' * ones
	backslashes = '\\' * ones
	spaces      = ' ' * ones
	zeros       = '0' * ones
	commas      = ',' * ones
	braces      = '}' * ones
)

// The loads take a pointer and an offset, not a slice and an index: a bounds
// check costs the validator half of its speed. Each caller says what keeps it
// inside its buffer.
func load8(p unsafe.Pointer, i int) uint64 { return *(*uint64)(unsafe.Add(p, i)) }
func load4(p unsafe.Pointer, i int) uint32 { return *(*uint32)(unsafe.Add(p, i)) }
func load1(p unsafe.Pointer, i int) uint64 { return uint64(*(*byte)(unsafe.Add(p, i))) }

// first is the index of the byte with the lowest flag, times eight and plus a
// remainder under eight; 64 if there is no flag. It is unsigned for the sake of
// the shifts and comparisons that follow.
func first(flags uint64) uintptr { return uintptr(bits.TrailingZeros64(flags)) }

// special flags (bit 7 of a byte) what ends the quick way through a string:
// quote, backslash, control characters and non-ASCII. A borrow can set flags
// above a true one, so only the lowest flag, and whether there is one, count.
func special(w uint64) uint64 {
	return ((((w ^ quotes) - ones) | ((w ^ backslashes) - ones)) | ((w - spaces) | w)) & highs
}

// nondigit flags bytes other than 0 to 9; the lowest flag is exact.
func nondigit(w uint64) uint64 {
	x := w ^ zeros
	return ((x + 0x76*ones) | x) & highs
}

// quoteOrBackslash flags both; the lowest flag is exact.
func quoteOrBackslash(w uint64) uint64 {
	x, y := w^quotes, w^backslashes
	return ((x-ones)&^x | (y-ones)&^y) & highs
}

// equals flags the bytes of w that are the byte repeated in pattern; every
// flag is exact.
func equals(w, pattern uint64) uint64 {
	x := w ^ pattern
	return ^((x&sevens + sevens) | x) & highs
}

func ones64(flags uint64) int { return bits.OnesCount64(flags) }
