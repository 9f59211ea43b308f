package jsontext

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"
)

func TestUnquote(t *testing.T) {
	for in, want := range map[string]string{
		`""`: "", `"a"`: "a", `"\""`: `"`, `"\\\/\b\f\n\r\t"`: "\\/\b\f\n\r\t", `"a\u0041b"`: "aAb", `"\u00e9\u20AC"`: "é€", `"\ud83d\ude00"`: "😀", `"\uD834\uDD1Ex"`: "𝄞x",
		`"\ud83d"`: "\ufffd", `"\ude00"`: "\ufffd", `"\ud83dx"`: "\ufffdx", `"\ud83d\u0041"`: "\ufffdA", `"\ude00\ud83d"`: "\ufffd\ufffd", `"\ud83d\ud83d\ude00"`: "\ufffd😀",
		`"\ud83d\n"`: "\ufffd\n", `"\u0000"`: "\x00", `"\\u0041"`: `\u0041`, `"é漢😀"`: "é漢😀", `"plain text of some length\n"`: "plain text of some length\n",
		`"\uffff\uFFFE"`: "\uffff\ufffe",
	} {
		if got := Unquote([]byte(in)); got != want {
			t.Errorf("Unquote(%s) = %q, want %q", in, got, want)
		}
		if got := string(AppendUnquoted([]byte("x"), []byte(in))); got != "x"+want {
			t.Errorf("AppendUnquoted(%s) = %q", in, got)
		}
		if !stringIs([]byte(in), want) || stringIs([]byte(in), want+"x") || stringIs([]byte(in), "x"+want) {
			t.Errorf("stringIs(%s)", in)
		}
		if want != "" && stringIs([]byte(in), want[1:]) || stringIs([]byte(in), strings.Trim(in, `"`)) != (strings.Trim(in, `"`) == want) {
			t.Errorf("stringIs(%s), other texts", in)
		}
	}
	v := []byte(`"no escape"`)
	if unsafe.StringData(Unquote(v)) != &v[1] {
		t.Error("a copy without need")
	}
}

func TestAppendString(t *testing.T) {
	for in, want := range map[string]string{
		"": `""`, "a": `"a"`, `say "hi"`: `"say \"hi\""`, `a\b`: `"a\\b"`, "\b\f\n\r\t": `"\b\f\n\r\t"`, "\x00\x01\x1f\x7f": `"\u0000\u0001\u001f` + "\x7f\"",
		"<a href='x'>&/</a>": `"<a href='x'>&/</a>"`, "é漢😀\u2028\ufeff": "\"é漢😀\u2028\ufeff\"", "a\xffb": "\"a\ufffdb\"", "\xe2\x82": "\"\ufffd\ufffd\"", "\xed\xa0\x80": "\"\ufffd\ufffd\ufffd\"",
		"\xc0\xaf\"": "\"\ufffd\ufffd\\\"\"", "\ufffd": "\"\ufffd\"", "more than eight bytes\nand more": `"more than eight bytes\nand more"`, "12345678\x00": `"12345678\u0000"`, "1234567é": `"1234567é"`,
	} {
		if got := string(AppendString([]byte("x"), in)); got != "x"+want {
			t.Errorf("AppendString(%q) = %s, want %s", in, got, want)
		}
	}
	b := AppendText(AppendText([]byte(`"`), "a\"\n"), "é\xff")
	if got := string(append(b, '"')); got != "\"a\\\"\\né\ufffd\"" {
		t.Errorf("of pieces: %s", got)
	}
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a", `"\`, "é漢😀", "\x00\x1f\x7f", "a\xffb\xe2\x82", "<&>\u2028", "\xed\xa0\x80", "a long piece of plain text, then \" and more"} {
		f.Add(s, s)
	}
	g := newGuard(f, 1<<20)
	f.Fuzz(func(t *testing.T, s, other string) {
		if len(s) > 1<<16 {
			return
		}
		exact := g.exact([]byte(s))
		quoted := AppendString(nil, unsafe.String(unsafe.SliceData(exact), len(exact)))
		if !Valid(Padded(quoted)) || !json.Valid(quoted) {
			t.Fatalf("AppendString(%q) = %q", s, quoted)
		}
		want := string([]rune(s)) // each invalid byte becomes U+FFFD
		if got := Unquote(g.exact(quoted)); got != want {
			t.Fatalf("%q came back as %q", s, got)
		}
		if !stringIs(quoted, want) || stringIs(quoted, other) != (other == want) {
			t.Fatalf("stringIs(%q)", quoted)
		}
		// What others write, escaped more than needed.
		theirs, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := Unquote(g.exact(theirs)); got != want || !utf8.ValidString(got) {
			t.Fatalf("Unquote(%q) = %q", theirs, got)
		}
		// The text itself as what a string was written like.
		raw := g.exact([]byte(`"` + s + `"`))
		if oracle(raw) {
			var want string
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			if got := Unquote(raw); got != want || !stringIs(raw, want) || stringIs(raw, other) != (other == want) {
				t.Fatalf("Unquote(%q) = %q, want %q", raw, got, want)
			}
		}
	})
}
