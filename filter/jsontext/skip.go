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
	return lastWord(v, i)
}

//go:noinline
func lastWord(v []byte, i int) uint64 {
	if len(v) >= 8 {
		return load8(unsafe.Pointer(unsafe.SliceData(v)), len(v)-8) >> (uint(i+8-len(v)) * 8)
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
		// Most of it is a line break and then spaces.
		i += 1 + int(first(wordAt(v, i+1)^spaces)>>3)
	}
	return min(i, len(v))
}

// skipShort is skipValue with short strings and scalars first.
func skipShort(v []byte, i int) int {
	if i < len(v) {
		w := wordAt(v, i+1)
		if c := v[i]; c == '"' {
			if k := first(quoteOrBackslash(w)); w>>(k&56)&0xff == '"' {
				return i + int(k>>3) + 2
			}
		} else if c-'-' <= '9'-'-' {
			if k := first(scalarEnd(w)); k < 64 {
				return min(i+1+int(k>>3), len(v))
			}
		}
	}
	return skipValue(v, i)
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
	for i++; i < len(v); i += 8 {
		if m := scalarEnd(wordAt(v, i)); m != 0 {
			return min(i+int(first(m)>>3), len(v))
		}
	}
	return len(v)
}

// scalarEnd flags commas, closing brackets, white space and zero bytes; the
// lowest flag is exact for words of a scalar and what may follow it.
func scalarEnd(w uint64) uint64 {
	return ((w - 0x21*ones) | ((w ^ commas) - ones) | (((w | spaces) ^ braces) - ones)) & highs
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
		i += int(first(m) >> 3)
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
// are counted.
func skipContainer(v []byte, i int) int {
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
		in := insideStrings(q, inside)
		inside = uint64(int64(in) >> 63)
		brackets := bracketsOf(w) &^ (in >> 1)
		opens := brackets & (w << 5)
		n := ones64(brackets &^ opens)
		if depth <= n {
			for b := brackets; b != 0; b &= b - 1 {
				if opens&(b&-b) != 0 {
					depth++
				} else if depth--; depth <= 0 {
					return i + int(first(b)>>3) + 1
				}
			}
			continue
		}
		depth += ones64(opens) - n
	}
	return len(v)
}

// insideStrings flags (bit 7) the bytes of a word that are inside of a string,
// its opening quote included, from the flags of its quotes. before is all ones
// if the previous word ended in a string.
func insideStrings(q, before uint64) uint64 {
	q ^= q << 8
	q ^= q << 16
	q ^= q << 32
	return q ^ before&highs
}

// bracketsOf flags (bit 6) the brackets of a word. Outside of strings a byte of
// valid JSON is one if and only if its bits 6, 4 and 3 are set; then bit 1
// says opening, and bit 2 closing. Inside it means nothing.
func bracketsOf(w uint64) uint64 { return w & (w << 2) & (w << 3) & (0x40 * ones) }

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
