package jsontext

import "unsafe"

// What the validator expects next, and, from opClose on, what else the byte
// after a token can mean. The order is part of the algorithm: st>>1&1 of an
// enclosing state is the bit that is kept for it.
const (
	stElement = 0 // an array's element
	stName    = 1 // a member's name
	stMember  = 2 // a member's value
	stText    = 3 // the value that is the whole text
	opClose   = 4
	opSpace   = 5
	opEnd     = 6 // a zero byte after the whole text's value
	opError   = 7
)

// after says what comes by the state and the byte that follows a token.
var after [4 << 8]byte

func init() {
	for i := range after {
		after[i] = opError
	}
	for st := 0; st < 4; st++ {
		for _, c := range " \n\r\t" {
			after[st<<8|int(c)] = opSpace
		}
	}
	after[stElement<<8|','] = stElement
	after[stElement<<8|']'] = opClose
	after[stName<<8|':'] = stMember
	after[stMember<<8|','] = stName
	after[stMember<<8|'}'] = opClose
	after[stText<<8] = opEnd
}

func follow(st uintptr, c uint64) uintptr {
	return uintptr(*(*byte)(unsafe.Add(unsafe.Pointer(&after), st<<8|uintptr(c))))
}

// check keeps a bit for each level in one word.
const _ = uint(64 - MaxDepth)

const spaceSet = 1<<' ' | 1<<'\n' | 1<<'\r' | 1<<'\t'

// Padded returns a copy of b in a buffer that Valid takes as it is: Padding
// zero bytes follow.
func Padded(b []byte) []byte {
	p := make([]byte, len(b)+Padding)
	copy(p, b)
	return p[:len(b)]
}

// padded tells whether the bytes behind b are there and the first is zero.
func padded(b []byte) bool {
	return cap(b)-len(b) >= Padding && b[: len(b)+1 : cap(b)][len(b)] == 0
}

// Valid reports whether b is one JSON text (RFC 8259) in valid UTF-8, without
// a byte order mark, nested no deeper than MaxDepth. A lone surrogate written
// as an escape (\ud800) is within the grammar and accepted; Unquote makes it
// U+FFFD.
//
// b should be padded (see Padding): a buffer that is not is copied first. The
// padding is read, never written, and only its first byte matters.
func Valid(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	if !padded(b) {
		b = Padded(b)
	}
	end := check(unsafe.Pointer(unsafe.SliceData(b)))
	// A zero byte inside the text looks like the end, so the place decides.
	return end != nil && end == unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), len(b))
}

// check walks one JSON text from q and returns where the zero byte after it
// is, or nil if the bytes up to the first zero byte are no JSON text.
//
// Memory safety: q stays within the text or on the first zero byte after it.
// It moves only over bytes that a test has just shown to be something else
// than zero (a quote, a digit, a space, a flagless word, a continuation byte),
// so it cannot pass that byte. Every load starts at q or behind bytes already
// shown to be nonzero and is at most eight bytes long: it ends within eight
// bytes from the zero byte, and the padding has Padding. The text must not
// change meanwhile.
//
// Why one long function with jumps: Go's WebAssembly back end sends every
// taken jump of a function through one br_table loop that carries all live
// locals. So the usual token falls through, only q, st and stack live across
// blocks (each block loads its bytes again), and what is rare is a call. The
// byte after a token is looked up with the state in one table. Split up, or
// written with slices, this is 1.5 to 4 times slower in Envoy.
func check(q unsafe.Pointer) unsafe.Pointer {
	st := uintptr(stText)
	// One bit per open container: whether the one around it is an object. The
	// outermost pushes a 1 too, since stText>>1 is 1: that bit is the bottom,
	// and 64 levels fit.
	stack := uint64(0)
	for {
		// A string of at most seven plain bytes, twice: a name and its value.
		if load1(q, 0) != '"' {
			goto other
		}
		{
			w := load8(q, 1)
			k := first(special(w))
			if (w>>(k&56))&0xff != '"' {
				goto long
			}
			q = unsafe.Add(q, k>>3+2)
			t := follow(st, load1(q, 0))
			if t >= opClose {
				goto punctuation
			}
			st = t
			q = unsafe.Add(q, 1)
		}
		if load1(q, 0) != '"' {
			goto other
		}
		{
			w := load8(q, 1)
			k := first(special(w))
			if (w>>(k&56))&0xff != '"' {
				goto long
			}
			q = unsafe.Add(q, k>>3+2)
			t := follow(st, load1(q, 0))
			if t >= opClose {
				goto punctuation
			}
			st = t
			q = unsafe.Add(q, 1)
		}
		continue

	other: // no string starts here
		if c := load1(q, 0); c <= ' ' {
			if spaceSet>>(c&63)&1 == 0 {
				return nil
			}
			q = unsafe.Add(q, 1+first(load8(q, 1)^spaces)>>3)
			continue
		}
		if st == stName {
			return nil
		}
		if load1(q, 0)-'0' < 10 {
			goto number
		}
		if c := load1(q, 0); c == '{' || c == '[' {
			if stack>>(MaxDepth-1) != 0 {
				return nil
			}
			stack = stack<<1 | uint64(st>>1)&1
			q = unsafe.Add(q, 1)
			if c == '{' {
				st = stName
				if load1(q, 0) == '"' {
					continue
				}
				q = skipSpaces(q)
				if load1(q, 0) == '}' {
					st = stMember
					goto punctuation
				}
				continue
			}
			st = stElement
			if load1(q, 0) == '"' {
				continue
			}
			q = skipSpaces(q)
			if load1(q, 0) == ']' {
				goto punctuation
			}
			continue
		}
		if load1(q, 0) == '-' {
			q = unsafe.Add(q, 1)
			if load1(q, 0)-'0' < 10 {
				goto number
			}
			return nil
		}
		if v := load4(q, 0); v == 'e'<<24|'u'<<16|'r'<<8|'t' || v == 'l'<<24|'l'<<16|'u'<<8|'n' {
			q = unsafe.Add(q, 4)
		} else {
			if v != 's'<<24|'l'<<16|'a'<<8|'f' || load1(q, 4) != 'e' {
				return nil
			}
			q = unsafe.Add(q, 5)
		}
		goto punctuation

	number: // q is at the first digit
		{
			k := first(nondigit(load8(q, 0)))
			if k > 15 && load1(q, 0) == '0' {
				return nil // a leading zero
			}
			q = unsafe.Add(q, k>>3)
			if k == 64 {
				q = skipDigits(q)
			}
			if t := follow(st, load1(q, 0)); t < opClose {
				st = t
				q = unsafe.Add(q, 1)
				continue
			}
		}
		if load1(q, 0) == '.' {
			k := first(nondigit(load8(q, 1)))
			q = unsafe.Add(q, 1+k>>3)
			if k < 8 {
				return nil
			}
			if k == 64 {
				q = skipDigits(q)
			}
			if t := follow(st, load1(q, 0)); t < opClose {
				st = t
				q = unsafe.Add(q, 1)
				continue
			}
		}
		if load1(q, 0)|0x20 == 'e' {
			q = unsafe.Add(q, 1)
			if c := load1(q, 0); c == '+' || c == '-' {
				q = unsafe.Add(q, 1)
			}
			k := first(nondigit(load8(q, 0)))
			q = unsafe.Add(q, k>>3)
			if k < 8 {
				return nil
			}
			if k == 64 {
				q = skipDigits(q)
			}
		}

	punctuation: // a token has ended before q
		for {
			t := follow(st, load1(q, 0))
			if t < opClose {
				st = t
				q = unsafe.Add(q, 1)
				break
			}
			if t == opClose {
				st = uintptr(stack&1) << 1
				stack >>= 1
				q = unsafe.Add(q, 1)
				if stack == 0 {
					st = stText
				}
				continue
			}
			if t != opSpace {
				if t == opEnd {
					return q
				}
				return nil
			}
			q = skipSpaces(q)
		}
		continue

	long: // a string of eight bytes or more, or with an escape or non-ASCII
		q = unsafe.Add(q, 1)
		if special(load8(q, 0)) == 0 {
			q = unsafe.Add(q, 8)
			for {
				if m := special(load8(q, 0)); m != 0 {
					q = unsafe.Add(q, first(m)>>3)
					break
				}
				if m := special(load8(q, 8)); m != 0 {
					q = unsafe.Add(q, 8+first(m)>>3)
					break
				}
				if m := special(load8(q, 16)); m != 0 {
					q = unsafe.Add(q, 16+first(m)>>3)
					break
				}
				if m := special(load8(q, 24)); m != 0 {
					q = unsafe.Add(q, 24+first(m)>>3)
					break
				}
				q = unsafe.Add(q, 32)
			}
			if load1(q, 0) == '"' {
				t := follow(st, load1(q, 1))
				q = unsafe.Add(q, 1)
				if t >= opClose {
					goto punctuation
				}
				st = t
				q = unsafe.Add(q, 1)
				continue
			}
		}
		if q = checkString(q); q == nil {
			return nil
		}
		goto punctuation
	}
}

// skipSpaces returns the first place from q on that is no white space.
func skipSpaces(q unsafe.Pointer) unsafe.Pointer {
	for {
		x := load8(q, 0) ^ spaces
		if x == 0 {
			q = unsafe.Add(q, 8)
			continue
		}
		q = unsafe.Add(q, first(x)>>3)
		c := load1(q, 0)
		if c != '\n' && c != '\r' && c != '\t' {
			return q
		}
		q = unsafe.Add(q, 1)
	}
}

// skipDigits returns the first place from q on that is no digit.
func skipDigits(q unsafe.Pointer) unsafe.Pointer {
	for {
		m := nondigit(load8(q, 0))
		if m != 0 {
			return unsafe.Add(q, first(m)>>3)
		}
		q = unsafe.Add(q, 8)
	}
}
