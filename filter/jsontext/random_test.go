package jsontext

import (
	"encoding/json"
	"math/rand"
	"strconv"
	"strings"
	"unicode/utf8"
)

// oracle is what Valid must answer, by encoding/json.
func oracle(b []byte) bool { return utf8.Valid(b) && json.Valid(b) && depth(b) <= MaxDepth }

// depth is how deeply a valid text nests.
func depth(b []byte) int {
	deepest, now, inString := 0, 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// writer makes random JSON texts: all kinds, odd white space, escapes,
// characters of every length, duplicate and empty names.
type writer struct {
	r *rand.Rand
	b []byte
}

func randomText(r *rand.Rand) []byte {
	w := &writer{r: r}
	w.space()
	w.value(1 + r.Intn(5))
	w.space()
	return w.b
}

func (w *writer) space() {
	if w.r.Intn(4) > 0 {
		return
	}
	for range w.r.Intn(12) {
		w.b = append(w.b, "  \n\t\r"[w.r.Intn(5)])
	}
}

func (w *writer) value(levels int) {
	kind := w.r.Intn(9)
	if levels == 0 {
		kind = w.r.Intn(6)
	}
	switch kind {
	case 0:
		w.b = append(w.b, []string{"true", "false", "null"}[w.r.Intn(3)]...)
	case 1, 2:
		w.number()
	case 3, 4, 5:
		w.str()
	case 6:
		w.list('[', ']', func() { w.value(levels - 1) })
	default:
		w.list('{', '}', func() {
			if w.r.Intn(3) == 0 {
				w.b = append(w.b, []string{`"a"`, `"\u0061"`, `"b"`, `""`}[w.r.Intn(4)]...)
			} else {
				w.str()
			}
			w.space()
			w.b = append(w.b, ':')
			w.space()
			w.value(levels - 1)
		})
	}
}

func (w *writer) list(open, shut byte, item func()) {
	w.b = append(w.b, open)
	w.space()
	for i := range w.r.Intn(6) {
		if i > 0 {
			w.b = append(w.b, ',')
			w.space()
		}
		item()
		w.space()
	}
	w.b = append(w.b, shut)
}

func (w *writer) number() {
	w.b = append(w.b, []string{"", "-"}[w.r.Intn(2)]...)
	w.b = strconv.AppendUint(w.b, w.r.Uint64()>>w.r.Intn(64), 10)
	if w.r.Intn(3) == 0 {
		w.b = append(w.b, '.')
		for range 1 + w.r.Intn(20) {
			w.b = append(w.b, '0'+byte(w.r.Intn(10)))
		}
	}
	if w.r.Intn(4) == 0 {
		w.b = append(w.b, []string{"e", "E", "e+", "E-"}[w.r.Intn(4)]...)
		w.b = strconv.AppendInt(w.b, int64(w.r.Intn(300)), 10)
	}
}

var pieces = strings.Fields(`a b c 0 1 , : { } [ ] / ' . é ß ж ¢ ह € 한 ￿ 𐍈 😀 𝄞 abcdefgh \" \\ \/ \b \f \n \r \t
\u0041 \u00e9 \u0000 \u2028 \ud83d\ude00 \ud800 \udc00 \uD834\uDD1E \uABcd`)

func (w *writer) str() {
	n := w.r.Intn(12)
	if w.r.Intn(20) == 0 {
		n = w.r.Intn(120)
	}
	plain := w.r.Intn(2) == 0
	w.b = append(w.b, '"')
	for range n {
		if plain {
			w.b = append(w.b, "abcxyz 09{}[]:,.-"[w.r.Intn(17)])
		} else {
			w.b = append(w.b, pieces[w.r.Intn(len(pieces))]...)
		}
	}
	w.b = append(w.b, '"')
}

const wrongBytes = "\x00\x00\x1f\x7f\x80\xbf\xc0\xc1\xc2\xe0\xed\xf0\xf4\xf5\xff\"\"\\\\{}[],:.-+eE0123456789 \n\t\r\vtrufalsn/u"

// mutate damages b in a few places: a byte replaced, dropped, doubled or put
// in, a stretch removed or moved.
func mutate(r *rand.Rand, b []byte) []byte {
	b = append([]byte(nil), b...)
	for range 1 + r.Intn(3) {
		if len(b) == 0 {
			return b
		}
		i := r.Intn(len(b))
		c := wrongBytes[r.Intn(len(wrongBytes))]
		switch r.Intn(6) {
		case 0:
			b[i] = c
		case 1:
			b = append(b[:i], b[i+1:]...)
		case 2:
			b = append(b[:i+1], b[i:]...)
		case 3:
			b = append(b[:i+1], b[i:]...)
			b[i] = c
		case 4:
			j := min(len(b), i+r.Intn(9))
			b = append(b[:i], b[j:]...)
		case 5:
			b[i] ^= 1 << r.Intn(8)
		}
	}
	return b
}
