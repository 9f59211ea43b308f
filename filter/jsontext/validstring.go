package jsontext

import "unsafe"

// checkString walks a string with escapes or non-ASCII from q, anywhere inside
// it but not in the middle of an escape or a character, and returns the place
// after the closing quote, or nil. check says why the loads are safe.
//
// It stays out of line: inlined, its locals would slow check down.
//
//go:noinline
func checkString(q unsafe.Pointer) unsafe.Pointer {
	for {
		w := load8(q, 0)
		if w&0x80 == 0 {
			m := special(w)
			if m == 0 {
				q = unsafe.Add(q, 8)
				continue
			}
			q = unsafe.Add(q, first(m)>>3)
			if load1(q, 0) < 0x80 {
				if load1(q, 0) == '"' {
					return unsafe.Add(q, 1)
				}
				if q = checkEscape(q); q == nil {
					return nil
				}
				continue
			}
			w = load8(q, 0)
		}
		// A run of multi-byte characters. Each must be well-formed (Unicode
		// table 3-7: no overlong form, no surrogate, nothing over U+10FFFF).
		if w&0xe0 == 0xc0 {
			if w&0x1e == 0 || w&0xc000 != 0x8000 {
				return nil
			}
			q = unsafe.Add(q, 2)
			if w&0xc0e00000 == 0x80c00000 && w&0x1e0000 != 0 { // and a second
				q = unsafe.Add(q, 2)
			}
			continue
		}
		if w&0xf0 == 0xe0 {
			// The low bits of the first byte and bit 5 of the second: all
			// zero is E0 80..9F, overlong; D and set is ED A0..BF, surrogates.
			if t := w & 0x200f; w&0xc0c000 != 0x808000 || t == 0 || t == 0x200d {
				return nil
			}
			q = unsafe.Add(q, 3)
			w >>= 24
			if t := w & 0x200f; w&0xc0c0f0 == 0x8080e0 && t != 0 && t != 0x200d { // and a second
				q = unsafe.Add(q, 3)
			}
			continue
		}
		if w&0xf8 != 0xf0 || w&0xc0c0c000 != 0x80808000 {
			return nil
		}
		// The three low bits of the first byte, then two of the second: from
		// F0 90 to F4 8F.
		if t := w&7<<2 | w>>12&3; t == 0 || t > 16 {
			return nil
		}
		q = unsafe.Add(q, 4)
	}
}

// checkEscape returns the place behind the escape at q, or nil if there is
// another kind of byte, or a wrong escape.
func checkEscape(q unsafe.Pointer) unsafe.Pointer {
	if load1(q, 0) != '\\' {
		return nil // a control character
	}
	switch load1(q, 1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return unsafe.Add(q, 2)
	case 'u':
		if hex4(load4(q, 2)) {
			return unsafe.Add(q, 6)
		}
	}
	return nil
}

// hex4 tells whether the four bytes of w are hexadecimal digits.
func hex4(w uint32) bool {
	return isHex[byte(w)]&isHex[byte(w>>8)]&isHex[byte(w>>16)]&isHex[byte(w>>24)] != 0
}

var isHex = [256]byte{
	'0': 1, '1': 1, '2': 1, '3': 1, '4': 1, '5': 1, '6': 1, '7': 1, '8': 1, '9': 1,
	'a': 1, 'b': 1, 'c': 1, 'd': 1, 'e': 1, 'f': 1,
	'A': 1, 'B': 1, 'C': 1, 'D': 1, 'E': 1, 'F': 1,
}
