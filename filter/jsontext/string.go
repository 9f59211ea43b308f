package jsontext

import (
	"unicode/utf8"
	"unsafe"
)

// inner is what stands between the quotes of JSON string v.
func inner(v []byte) []byte {
	if len(v) < 2 {
		return nil
	}
	return v[1 : len(v)-1]
}

// Unquote is the text that JSON string v stands for. Without an escape it
// aliases v, which then must not change while the result lives. A lone
// surrogate becomes U+FFFD. v has no white space around.
func Unquote(v []byte) string {
	s := inner(v)
	if i := backslash(s, 0); i < len(s) {
		s = unescape(make([]byte, 0, len(s)), s)
	}
	return unsafe.String(unsafe.SliceData(s), len(s))
}

// AppendUnquoted appends the text that JSON string v stands for. See Unquote.
func AppendUnquoted(dst, v []byte) []byte { return unescape(dst, inner(v)) }

func unescape(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		j := backslash(s, i)
		dst = append(dst, s[i:j]...)
		if j == len(s) {
			break
		}
		r, n := decodeEscape(s[j:])
		dst = utf8.AppendRune(dst, r)
		i = j + n
	}
	return dst
}

// stringIs reports whether JSON string v stands for text.
func stringIs(v []byte, text string) bool {
	s := inner(v)
	if string(s) == text {
		// A backslash in text is none in v: there it would be an escape.
		return backslash(s, 0) == len(s)
	}
	if len(s) <= len(text) {
		return false // an escape is longer than what it stands for
	}
	for len(s) > 0 {
		if s[0] != '\\' {
			if text == "" || s[0] != text[0] {
				return false
			}
			s, text = s[1:], text[1:]
			continue
		}
		r, n := decodeEscape(s)
		var buf [utf8.UTFMax]byte
		size := utf8.EncodeRune(buf[:], r)
		if len(text) < size || string(buf[:size]) != text[:size] {
			return false
		}
		s, text = s[n:], text[size:]
	}
	return text == ""
}

// backslash is the index of the first backslash in s from i on, or len(s).
func backslash(s []byte, i int) int {
	for ; i < len(s); i += 8 {
		x := wordAt(s, i) ^ backslashes
		if m := (x - ones) &^ x & highs; m != 0 {
			return i + int(first(m)>>3)
		}
	}
	return len(s)
}

// decodeEscape decodes the escape that s starts with, two of them for a
// surrogate pair, and says how many bytes it takes: at most len(s).
func decodeEscape(s []byte) (rune, int) {
	if len(s) < 2 {
		return utf8.RuneError, len(s)
	}
	switch s[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
	default:
		return rune(s[1]), 2
	}
	r := hexValue(s)
	if r < 0 {
		return utf8.RuneError, len(s)
	}
	if r < 0xd800 || r > 0xdfff {
		return r, 6
	}
	if low := hexValue(s[6:]); r < 0xdc00 && low >= 0xdc00 && low <= 0xdfff {
		return (r-0xd800)<<10 + (low - 0xdc00) + 0x10000, 12
	}
	return utf8.RuneError, 6
}

// hexValue is the value of the \uXXXX that s starts with, or -1.
func hexValue(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range s[2:6] {
		switch {
		case c <= '9':
			c -= '0'
		default:
			c = c | 0x20 - 'a' + 10
		}
		r = r<<4 | rune(c&15)
	}
	return r
}

// AppendString appends s as a JSON string with its quotes. It escapes only
// what RFC 8259 section 7 requires: quote, backslash and control characters
// under U+0020. Each byte that is not part of valid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = AppendText(dst, s)
	return append(dst, '"')
}

// AppendText appends s escaped like AppendString but without quotes, for a
// string made of pieces. A character must not be split between two pieces.
func AppendText(dst []byte, s string) []byte {
	b := unsafe.Slice(unsafe.StringData(s), len(s)) // read only
	start, i := 0, 0
	for i < len(b) {
		m := special(wordAt(b, i))
		if m == 0 {
			i += 8
			continue
		}
		i += int(first(m) >> 3)
		if i >= len(b) {
			break // the zero bytes behind the end
		}
		c := b[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(dst, s[start:i]...)
				dst = append(dst, "\ufffd"...)
				start = i + 1
			}
			i += n
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		i++
		start = i
	}
	return append(dst, s[start:]...)
}

// appendEscape appends the escape of a quote, backslash or control character.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
