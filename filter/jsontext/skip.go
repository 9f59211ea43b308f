package jsontext

import "unsafe"

// What moves over a valid text. Everything here reads no byte behind len(v),
// whatever v holds: on a text that is not valid the answer is wrong, never the
// access. Indices are into v; an index equal to len(v) is the end.

// wordAt is the eight bytes of v from i on, 0 <= i, with zero bytes for those
// behind the end.
func wordAt(v []byte, i int) uint64 {
	if i+8 <= len(v) {
		return load8(unsafe.Pointer(unsafe.SliceData(v)), i)
	}
	var w uint64
	for k := len(v) - 1; k >= i; k-- {
		w = w<<8 | uint64(v[k])
	}
	return w
}

// skipSpace returns the first index from i on that holds no white space.
func skipSpace(v []byte, i int) int {
	for i < len(v) && v[i] <= ' ' {
		i++
	}
	return i
}

// skipValue returns the index behind the value that starts at i.
func skipValue(v []byte, i int) int {
	if i >= len(v) {
		return len(v)
	}
	switch v[i] {
	case '"':
		return skipString(v, i)
	case '{', '[':
		return skipContainer(v, i)
	}
	return skipScalar(v, i)
}

// skipScalar returns the index behind the number or literal at i: scalars end
// at punctuation, white space or the end of the text.
func skipScalar(v []byte, i int) int {
	for i++; i < len(v); i++ {
		if c := v[i]; c == ',' || c|0x20 == '}' || c <= ' ' {
			break
		}
	}
	return min(i, len(v))
}

// skipString returns the index behind the closing quote of the string whose
// opening quote is at i.
func skipString(v []byte, i int) int {
	for i++; i < len(v); {
		m := quoteOrBackslash(wordAt(v, i))
		if m == 0 {
			i += 8
			continue
		}
		i += first(m) >> 3
		if v[i] == '"' {
			return i + 1
		}
		i += 2 // a backslash and what it escapes
	}
	return len(v)
}

// skipContainer returns the index behind the object or array that starts at i.
//
// It looks at eight bytes a round with no jump that depends on them, but for
// words with a backslash and the one with the end: quotes split the bytes into
// inside and outside (a prefix XOR over their flags), and outside the brackets
// are counted. There, a byte of valid JSON is a bracket if and only if bits 6,
// 4 and 3 are set; bit 1 then says opening, bit 2 closing.
func skipContainer(v []byte, i int) int {
	const bit6 = 0x40 * ones
	var (
		depth   int
		inside  uint64 // all ones while the previous word ended in a string
		escaped uint64 // the flag of the first byte if it is escaped
	)
	for ; i < len(v); i += 8 {
		w := wordAt(v, i)
		q := equals(w, quotes)
		if x := w ^ backslashes; ((x-ones)&^x&highs)|escaped != 0 {
			q, escaped = unescaped(w, q, escaped)
		}
		in := q
		in ^= in << 8
		in ^= in << 16
		in ^= in << 32
		in ^= inside & highs
		inside = uint64(int64(in) >> 63)
		brackets := w & (w << 2) & (w << 3) & bit6 &^ (in >> 1)
		opens := brackets & (w << 5)
		closes := brackets & (w << 4)
		n := ones64(closes)
		if depth <= n {
			for b := brackets; b != 0; b &= b - 1 {
				if opens&(b&-b) != 0 {
					depth++
				} else if depth--; depth <= 0 {
					return i + first(b)>>3 + 1
				}
			}
			continue
		}
		depth += ones64(opens) - n
	}
	return len(v)
}

// unescaped clears those of the quote flags q of word w that a backslash
// escapes. carry is the flag of the first byte if the backslash is in the word
// before; the second result is the same for the word after.
func unescaped(w, q, carry uint64) (uint64, uint64) {
	b := equals(w, backslashes) &^ carry
	q &^= carry
	carry = 0
	for b != 0 {
		low := b & -b
		next := low << 8
		if next == 0 {
			carry = 0x80
		}
		b &^= low | next
		q &^= next
	}
	return q, carry
}
