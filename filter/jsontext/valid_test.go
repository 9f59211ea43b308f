package jsontext

import (
	"math/rand"
	"strings"
	"testing"
)

// The classes of the public parsing corpora (y_ and n_), in cases of our own.
var accepted = []string{
	// structure and white space
	`{}`, `[]`, `[[]]`, `[{}]`, `{"":{}}`, " \t\r\n[ \t\r\n] \t\r\n", `[]          `, `          []`, `{ "a" : 1 , "b" : 2 }`,
	"[\n1\n,\n2\n]", `[[],[],{}]`, `{"a":[],"b":{}}`, `{"a":1,"a":2}`, `{"a":1,"a":1}`, `{"":""}`, `[[1,2],[3,4]]`, `{"a":{"b":{"c":{}}}}`,
	"[                                                  ]",
	// any value at the top
	`1`, `-0`, `"x"`, `""`, `true`, `false`, `null`, ` null `, "\n3\n",
	// literals
	`[true,false,null]`, `{"t":true,"f":false,"n":null}`, `[true ,false ]`,
	// numbers
	`0`, `[0]`, `[-0]`, `[-1]`, `[10]`, `[120]`, `[0.0]`, `[-0.0]`, `[0e1]`, `[0e+1]`, `[0E-1]`, `[1e2]`, `[1E22]`, `[1E+2]`, `[1e-2]`, `[1.5e3]`, `[1.25]`,
	`[123456789012345678901234567890]`, `[0.000000000000000000000000000000000001]`, `[1e400]`, `[-1e400]`, `[1e-400]`, `[12345678]`, `[1234567.12345678]`,
	`[0.12345678901234567e12345678901234567]`, `[-12345678901234567890.5 ]`, `[1.0,2.5e0 ,3]`, `{"n":-12.5e-3}`, `0e00`, `[1e007]`,
	// strings
	`["a"]`, `["abcdefg"]`, `["abcdefgh"]`, `["abcdefghi"]`, `["` + strings.Repeat("x", 300) + `"]`, `["\""]`, `["\\"]`, `["\/"]`, `["\b\f\n\r\t"]`, `["\\\\\""]`,
	`["\u0041\u00e9\u20AC"]`, `["\uABCD\uabcd"]`, `["\u0000"]`, `["\u0022\u005C"]`, `["\uD83D\uDE00"]`, `["\\u12"]`, `["\\n"]`, `["a\u0062c"]`, `["'"]`, `["// /* */"]`,
	"[\"\x7f\"]", `["abcdefg\n"]`, `["abcdefgh\""]`, `{"a\"b":"c\"d"}`, `{"ключ":"значение"}`, `"{[]},:"`,
	// surrogates as escapes: the grammar takes any
	`["\uD800"]`, `["\uDC00"]`, `["\uDE00\uD83D"]`, `["\uD83D\u0041"]`, `["\uD83Dx"]`, `["\uDFFF\uDFFF"]`,
	// UTF-8, at the edges of each length
	"[\"\u0080\"]", "[\"\u07ff\"]", "[\"\u0800\"]", "[\"\ud7ff\"]", "[\"\ue000\"]", "[\"\ufdd0\"]", "[\"\uffff\"]", "[\"\U00010000\"]", "[\"\U0010ffff\"]", "[\"\ufeff\"]", "[\"\u2028\u2029\"]",
	`["é"]`, `["aé"]`, `["abcdefgé"]`, `["ééééééééé"]`, `["漢字かな交じり文"]`, `["😀😀😀"]`, `["a😀é漢z"]`, `"é"`,
}

var rejected = []string{
	// nothing, or not only one text
	``, ` `, "\n", `1 2`, `[] []`, `{} {}`, `[]]`, `{}}`, `""""`, `[],`, `{},`, `nulltrue`, `1,`, `"a","b"`, `[]#`, `{}/**/`, `[1]x`, "[]\x00", "\x00", "1\x00", "\"a\"\x00\x00", "\x00[]", "[]\x00[]", "[\x00]", "[1,\x00]", "1\x001",
	// byte order marks, other encodings, other white space
	"\ufeff[]", "\ufeff", "\xef\xbb[]", "\xff\xfe[\x00]\x00", "[\u00a0]", "[\u2060]", "[\f]", "[\v]", "\v1", "1\v", "[\x1f]", "\x08[]", "[1\x0c]", "[]\u00a0", "[\x85]",
	// arrays
	`[`, `]`, `[1`, `[1,`, `[,`, `[,]`, `[1,]`, `[,1]`, `[1,,2]`, `[1 2]`, `[1:2]`, `["a":1]`, `[1}`, `[}`, `[[`, `[[]`, `[]],`, `[1,2`, `["a"`, `["a",`, `["a" "b"]`, `[""`, `[1;2]`, `[a`, `[x,1]`, `[1]]`, `[,""]`, `["",]`, `["x",,]`, `[1,{]`,
	// objects
	`{`, `}`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a",1}`, `{"a"=1}`, `{"a"::1}`, `{a:1}`, `{'a':1}`, `{1:1}`, `{null:1}`, `{true:1}`, `{[]:1}`, `{{}:1}`, `{"a":1 "b":2}`, `{"a":1;"b":2}`,
	`{"a":1,,"b":2}`, `{"a" 1}`, `{"a":}`, `{:1}`, `{"a":1]`, `{"a":1}}`, `{{`, `{"a":{}`, `{"a":/**/1}`, `{"a":1,"b"}`, `{"a":1,"b":}`, `{"a":1,3}`, `{"a":1:2}`, `{"a":"b":"c"}`, `{ ,"a":1}`, `{-1:1}`, `{"a" "b"}`, `{""`, `{"":`, `{"a":1,"`,
	// literals
	`t`, `tru`, `truE`, `True`, `TRUE`, `truee`, `fals`, `falsey`, `False`, `nul`, `nulll`, `Null`, `[tru]`, `[nul]`, `[fals]`, `[truetrue]`, `[true1]`, `nan`, `NaN`, `Infinity`, `-Infinity`, `[inf]`, `undefined`, `[fals`, `[tru`, `n`, `f`, `fa`, `[true`, `falsE`,
	// numbers
	`-`, `[-]`, `+1`, `[+1]`, `01`, `[01]`, `[-01]`, `[00]`, `[-00]`, `[012345678]`, `[0123456789]`, `[1.]`, `[-1.]`, `[.5]`, `[-.5]`, `[1.e3]`, `[0.e1]`, `[1e]`, `[1e+]`, `[1e-]`, `[1E]`, `[1e1.5]`, `[1e1e1]`, `[1.2.3]`, `[1..2]`, `[--1]`, `[-+1]`, `[1-]`, `[1+2]`, `[1-2]`,
	`[0x1]`, `[0xF]`, `[1f]`, `[1_000]`, `[1 000]`, `[- 1]`, `[1 .5]`, `[1e 5]`, `[1a]`, `[-a]`, `[-x1]`, "[\uff11]", `[1e+-2]`, `[12345678.]`, `[12345678e]`, `[1.12345678e]`, `[1eE2]`, `[0e]`, `[0e+]`, `[9.3e]`, `[2.e+3]`, `[1,2.]`, `1.`, `1e`, `-0.`, `[.]`, `[e1]`, `[0.1.]`, `[1/2]`, `[1:]`,
	// strings
	`"`, `"a`, `"abcdefgh`, `"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz`, `["]`, `["a]`, `'a'`, `['a']`, `"\"`, `"\`, `"abcdefg\`, `["\a"]`, `["\v"]`, `["\0"]`, `["\x41"]`, `["\'"]`, `["\U0041"]`, `["\ "]`, "[\"\\\n\"]", "[\"\\\x00\"]", "[\"\\\u00e9\"]", "[\"\\\t\"]",
	`["\u"]`, `["\u1"]`, `["\u12"]`, `["\u123"]`, `["\u123g"]`, `["\ug123"]`, `["\u 123"]`, `["\u+123"]`, `["\uD83D\u"]`, `["\uD83D\uD"]`, `["\uD83D\`, `"\u`, `"\u1`, `"\u12`, `"\u123`, `"\u1234`, `["\u{41}"]`, `["\u00A"]`, `["\u-001"]`, `["\uD800\"]`,
	"[\"a\nb\"]", "[\"a\tb\"]", "[\"a\rb\"]", "[\"\x00\"]", "[\"\x1f\"]", "[\"abcdefgh\x01\"]", "[\"\n\"]", "\"a\x00\"", `"a" "b"`, `a"b"`, `["a"b]`, `[\u0061]`, `\"a\"`, `{"a":"b}`, "{\"a\x01\":1}", "\"\\u00\x0041\"",
	// UTF-8: strays, truncation, overlong forms, surrogates, over U+10FFFF
	"[\"\x80\"]", "[\"\xbf\"]", "[\"\xfe\"]", "[\"\xff\"]", "[\"\xc3\"]", "[\"\xc3\xc3\"]", "[\"\xc3a\"]", "\"\xc3", "\"\xc3\"", "[\"\xe2\x82\"]", "[\"\xe2\"]", "\"\xe2\x82", "[\"\xe2a\xac\"]", "[\"\xf0\x9f\x98\"]", "[\"\xf0\x9f\"]", "\"\xf0\x9f\x98", "\"\xf0", "\"\xe2",
	"[\"\xc0\x80\"]", "[\"\xc0\xaf\"]", "[\"\xc1\xbf\"]", "[\"\xe0\x80\x80\"]", "[\"\xe0\x9f\xbf\"]", "[\"\xf0\x80\x80\x80\"]", "[\"\xf0\x8f\xbf\xbf\"]", "[\"\xed\xa0\x80\"]", "[\"\xed\xbf\xbf\"]", "[\"\xed\xa0\xbd\xed\xb8\x80\"]", "[\"\xf4\x90\x80\x80\"]", "[\"\xf5\x80\x80\x80\"]",
	"[\"\xf7\xbf\xbf\xbf\"]", "[\"\xf8\x88\x80\x80\x80\"]", "[\"\xfc\x84\x80\x80\x80\x80\"]", "[\"é\xff\"]", "[\"éé\x80\"]", "[\"abcdefgh\xe9\"]", "{\"\xe9\":1}", "[\xc3\xa9]", "\xe2\x82\xac", "[\"\\u0041\xff\"]", "[1\xff]", "\x80", "[\xff",
}

func TestValid(t *testing.T) {
	g := newGuard(t, 1<<16)
	for _, group := range []struct {
		texts []string
		want  bool
	}{{accepted, true}, {rejected, false}} {
		for _, s := range group.texts {
			if got := oracle([]byte(s)); got != group.want {
				t.Errorf("the oracle disagrees with the table: %q: %v", s, got)
			}
			if got := Valid(g.padded([]byte(s))); got != group.want {
				t.Errorf("Valid(%q) = %v", s, got)
			}
			if got := Valid(g.exact([]byte(s))); got != group.want {
				t.Errorf("Valid(%q) without padding = %v", s, got)
			}
			// Elsewhere in a text, and at every alignment.
			for n := range 17 {
				if !group.want && (strings.TrimSpace(s) == "" || n > 0 && strings.ContainsAny(s[:1], "],}:")) {
					continue
				}
				in := `{"k":[` + strings.Repeat(" ", n) + `1,` + s + `,"é"]}`
				if got, want := Valid(g.padded([]byte(in))), oracle([]byte(in)); got != want {
					t.Errorf("Valid(%q) = %v", in, got)
				}
			}
		}
	}
}

func TestValidDepth(t *testing.T) {
	g := newGuard(t, 1<<20)
	for _, levels := range []int{1, 2, 31, 32, 33, 62, 63, 64, 65, 66, 127, 128, 129, 10000} {
		for _, s := range []string{
			strings.Repeat("[", levels) + strings.Repeat("]", levels),
			strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels),
			strings.Repeat(`[{"a":`, levels/2) + strings.Repeat("[", levels%2) + "2" + strings.Repeat("]", levels%2) + strings.Repeat("}]", levels/2),
			strings.Repeat(`{"a":[`, levels/2) + strings.Repeat("[", levels%2) + "2" + strings.Repeat("]", levels%2) + strings.Repeat("]}", levels/2),
			strings.Repeat("[ ", levels) + `"x"` + strings.Repeat(" ]", levels),
		} {
			if got, want := Valid(g.padded([]byte(s))), levels <= MaxDepth; got != want {
				t.Errorf("%d levels: %v: %.20s", levels, got, s)
			}
		}
	}
	// Coming back up costs no depth.
	s := strings.Repeat("[", 63) + strings.Repeat("[],{},", 300) + "1" + strings.Repeat("]", 63)
	if !Valid(g.padded([]byte(s))) {
		t.Error("many containers at the deepest level")
	}
	// What each open container is, is remembered all the way.
	for i := range MaxDepth {
		shut := []byte(strings.Repeat("]", MaxDepth))
		shut[i] = '}'
		if Valid(g.padded(append([]byte(strings.Repeat("[", MaxDepth)), shut...))) {
			t.Errorf("closed the wrong way at %d", i)
		}
	}
}

// Every sequence of two or three bytes that starts a multi-byte character, and
// the four-byte ones around their limits.
func TestValidUTF8(t *testing.T) {
	g := newGuard(t, 64)
	check := func(seq ...byte) {
		b := append(append([]byte{'"'}, seq...), '"')
		if got, want := Valid(g.padded(b)), oracle(b); got != want {
			t.Fatalf("Valid(%q) = %v", b, got)
		}
	}
	edges := []byte{0, 0x22, 0x41, 0x5c, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xff}
	for a := 0x80; a < 0x100; a++ {
		check(byte(a))
		for b := range 0x100 {
			check(byte(a), byte(b))
			for _, c := range edges {
				check(byte(a), byte(b), c)
				for _, d := range edges {
					check(byte(a), byte(b), c, d)
				}
			}
		}
	}
}

// Every byte in every place of short texts of each kind.
func TestValidEveryByte(t *testing.T) {
	g := newGuard(t, 4096)
	for _, s := range []string{`{"a":[1,"b"]}`, `"\u00e9\n"`, `-12.5e+10`, `[true,false,null]`, `"é漢😀"`, `{"abcdefghij":0.5}`, " [ 1 , { } ] "} {
		for i := range len(s) + 1 {
			for c := range 0x100 {
				in := []byte(s[:i] + string([]byte{byte(c)}) + s[i:])
				if got, want := Valid(g.padded(in)), oracle(in); got != want {
					t.Errorf("Valid(%q) = %v", in, got)
				}
				if i == len(s) {
					continue
				}
				in = []byte(s)
				in[i] = byte(c)
				if got, want := Valid(g.padded(in)), oracle(in); got != want {
					t.Errorf("Valid(%q) = %v", in, got)
				}
			}
			if in := []byte(s[:i]); Valid(g.padded(in)) != oracle(in) {
				t.Errorf("cut off: Valid(%q)", in)
			}
		}
	}
}

func TestValidAgrees(t *testing.T) {
	g := newGuard(t, 1<<20)
	r := rand.New(rand.NewSource(1))
	for range 20000 {
		b := randomText(r)
		if !Valid(g.padded(b)) {
			t.Fatalf("refused: %q", b)
		}
		for range 5 {
			m := mutate(r, b)
			if got, want := Valid(g.padded(m)), oracle(m); got != want {
				t.Fatalf("Valid(%q) = %v", m, got)
			}
		}
	}
}

func TestPadded(t *testing.T) {
	b := []byte("[1]")
	p := Padded(b)
	if string(p) != "[1]" || cap(p) < len(p)+Padding || &p[0] == &b[0] {
		t.Errorf("%q, capacity %d", p, cap(p))
	}
	for i, c := range p[len(p) : len(p)+Padding] {
		if c != 0 {
			t.Errorf("padding %d is %#x", i, c)
		}
	}
	// A span of a longer text is followed by no zero: still only the span counts.
	text := Padded([]byte(`[1,2,3]`))
	if !Valid(text[1:2]) || Valid(text[1:3]) || Valid(text[:6]) {
		t.Error("spans of a text")
	}
	if n := testing.AllocsPerRun(10, func() { Valid(text) }); n != 0 {
		t.Errorf("Valid allocates %v times for a padded text", n)
	}
}

func FuzzValid(f *testing.F) {
	for _, s := range append(accepted, rejected...) {
		f.Add([]byte(s))
	}
	g := newGuard(f, 1<<22)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<20 {
			return
		}
		if got, want := Valid(g.padded(b)), oracle(b); got != want {
			t.Fatalf("Valid(%q) = %v", b, got)
		}
	})
}
