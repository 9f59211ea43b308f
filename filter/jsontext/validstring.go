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
		m := special(load8(q, 0))
		if m == 0 {
			q = unsafe.Add(q, 8)
			continue
		}
		q = unsafe.Add(q, first(m)>>3)
		c := load1(q, 0)
		if c >= 0x80 {
			if q = checkNonASCII(q); q == nil {
				return nil
			}
			continue
		}
		if c == '"' {
			return unsafe.Add(q, 1)
		}
		if c != '\\' {
			return nil // a control character
		}
		switch load1(q, 1) {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			q = unsafe.Add(q, 2)
		case 'u':
			if !hex4(load4(q, 2)) {
				return nil
			}
			q = unsafe.Add(q, 6)
		default:
			return nil
		}
	}
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

// checkNonASCII walks the run of multi-byte characters at q and returns the
// first byte that is ASCII, or nil if one is not well-formed (Unicode table
// 3-7: no overlong form, no surrogate, nothing over U+10FFFF).
func checkNonASCII(q unsafe.Pointer) unsafe.Pointer {
	for {
		w := load4(q, 0)
		c := w & 0xff
		if c < 0x80 {
			return q
		}
		if c < 0xe0 {
			if c < 0xc2 || w&0xc000 != 0x8000 {
				return nil
			}
			q = unsafe.Add(q, 2)
			continue
		}
		if c < 0xf0 {
			if w&0xc0c000 != 0x808000 {
				return nil
			}
			// The low bits of the first byte and bit 5 of the second: all
			// zero is E0 80..9F, overlong; D and set is ED A0..BF, surrogates.
			if t := w & 0x200f; t == 0 || t == 0x200d {
				return nil
			}
			q = unsafe.Add(q, 3)
			continue
		}
		if c > 0xf4 || w&0xc0c0c000 != 0x80808000 {
			return nil
		}
		if b := w >> 8 & 0xff; (c == 0xf0 && b < 0x90) || (c == 0xf4 && b > 0x8f) {
			return nil
		}
		q = unsafe.Add(q, 4)
	}
}
