package jsontext

import (
	"bytes"
	"encoding/json"
	"math/rand"
	"reflect"
	"strings"
	"testing"
)

func TestKindOfAndTrim(t *testing.T) {
	for in, want := range map[string]Kind{
		"": Invalid, " ": Invalid, "x": Invalid, "]": Invalid, "null": Null, "true": Bool, " false ": Bool, "-1": Number, "0": Number, "9.5": Number,
		`""`: String, "\n[]": Array, " {} ": Object,
	} {
		if got := KindOf([]byte(in)); got != want {
			t.Errorf("KindOf(%q) = %d, want %d", in, got, want)
		}
	}
	for in, want := range map[string]string{"": "", " \n": "", "1": "1", " \t\r\n[1, 2] \n": "[1, 2]", `" a "`: `" a "`} {
		if got := Trim([]byte(in)); string(got) != want || cap(got) != len(got) {
			t.Errorf("Trim(%q) = %q", in, got)
		}
	}
}

func TestField(t *testing.T) {
	const text = ` { "a" : 1 , "b":[1,{"a":2}],"":"empty","a\"b":3,"\u0063":4,"é":5,"\u00e9\ud83d\ude00":6,"\ud800":7,"a/b":8,"t\/x\n":9,
		"long name with more than eight bytes":{"x":"}"},"dup":1,"\u0064up":2,"dup":{"last":true} , "z":null } `
	for name, want := range map[string]string{
		"a": "1", "b": `[1,{"a":2}]`, "": `"empty"`, `a"b`: "3", "c": "4", "é": "5", "é😀": "6", "\ufffd": "7", "a/b": "8", "t/x\n": "9",
		"long name with more than eight bytes": `{"x":"}"}`, "dup": `{"last":true}`, "z": "null",
	} {
		got, ok := Field([]byte(text), name)
		if !ok || string(got) != want || cap(got) != len(got) {
			t.Errorf("Field(%q) = %q, %v", name, got, ok)
		}
	}
	for _, name := range []string{"x", "A", `\u0063`, `a\"b`, "du", "dupp", "\xed\xa0\x80", "last"} {
		if got, ok := Field([]byte(text), name); ok {
			t.Errorf("Field(%q) = %q", name, got)
		}
	}
	for _, v := range []string{"", "[]", `["a",1]`, `"a"`, "1", "null", "{}", " { } "} {
		if got, ok := Field([]byte(v), "a"); ok {
			t.Errorf("Field(%q, a) = %q", v, got)
		}
	}
}

func TestIndexAndLen(t *testing.T) {
	const text = ` [ 1 , "two, ]" ,[3,[]], {"four":[4]},null,-5.5e1, true ] `
	want := []string{"1", `"two, ]"`, "[3,[]]", `{"four":[4]}`, "null", "-5.5e1", "true"}
	for i, w := range want {
		if got, ok := Index([]byte(text), i); !ok || string(got) != w {
			t.Errorf("Index(%d) = %q, %v", i, got, ok)
		}
	}
	for _, i := range []int{-1, len(want), 1 << 40} {
		if got, ok := Index([]byte(text), i); ok {
			t.Errorf("Index(%d) = %q", i, got)
		}
	}
	if got, ok := Index([]byte(`{"a":1}`), 0); ok {
		t.Errorf("Index of an object = %q", got)
	}
	for in, want := range map[string]int{text: 7, "[]": 0, "[ ]": 0, "{}": 0, `{"a":1,"a":2}`: 2, `"abc"`: 0, "12": 0, "": 0, "[[1,2]]": 1} {
		if got := Len([]byte(in)); got != want {
			t.Errorf("Len(%q) = %d, want %d", in, got, want)
		}
	}
}

func TestIter(t *testing.T) {
	var got []string
	for it := Members([]byte(` {"b" : 1,"\u0061":[ ],"b":{"x":"\\"}} `)); it.Next(); {
		got = append(got, it.Name(), string(it.RawName()), string(it.Value()))
	}
	want := []string{"b", `"b"`, "1", "a", `"\u0061"`, "[ ]", "b", `"b"`, `{"x":"\\"}`}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
	it := Elements([]byte("[1]"))
	if !it.Next() || it.Next() || it.Next() {
		t.Error("after the end comes nothing")
	}
	if it := (Iter{}); it.Next() {
		t.Error("the zero Iter has nothing")
	}
	if it := Elements([]byte(`{"a":1}`)); it.Next() {
		t.Error("an object has no elements")
	}
}

func TestNavigateAllocatesNothing(t *testing.T) {
	v := []byte(`{"a":[1,2,{"b":"c"}],"d\n":"e","f":"g"}`)
	if n := testing.AllocsPerRun(10, func() {
		a, _ := Field(v, "a")
		e, _ := Index(a, 2)
		b, _ := Field(e, "b")
		Field(v, "d\n")
		if Unquote(b) != "c" || Len(v) != 3 {
			t.Fatal("wrong")
		}
		for it := Members(v); it.Next(); {
			KindOf(it.Value())
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A container's end, with what could be taken for it at every offset in the
// words it is read by.
func TestSkipContainer(t *testing.T) {
	g := newGuard(t, 4096)
	for _, inside := range []string{
		``, `1`, `"]"`, `"}"`, `"\"]"`, `"\\"`, `"\\\\\""`, `"\\\\"],[`[:6], `[],[[]]`, `"[[[["`, `{"a":"{"}`, `"é]"`, `"\u005d]"`, `"]]]]]]]]]]]]]]]]]]]"`,
		`"\\\\\\\\\\\\\\\\\\\\"`, `"\"\"\"\"\"\"\"\"\"\"]"`, `[[[[[[[[]]]]]]]]`, `true,false,null,-1.5E+3`, `"; <>^_{|~\\",[1]`,
	} {
		for n := range 17 {
			for _, behind := range []string{"", "]", `,"]`, "   ", strings.Repeat("]", 20)} {
				v := "[" + strings.Repeat(" ", n) + inside + "]"
				if got := skipValue(g.exact([]byte(v+behind)), 0); got != len(v) {
					t.Errorf("skipValue(%q) = %d, want %d", v+behind, got, len(v))
				}
			}
		}
	}
}

// decoded is v as encoding/json with UseNumber gives it, by this package.
func decoded(t *testing.T, v []byte) any {
	switch KindOf(v) {
	case Null:
		return nil
	case Bool:
		return string(v) == "true"
	case Number:
		return json.Number(v)
	case String:
		return Unquote(v)
	case Array:
		list := []any{}
		for it := Elements(v); it.Next(); {
			if e, ok := Index(v, len(list)); !ok || &e[0] != &it.Value()[0] || len(e) != len(it.Value()) {
				t.Fatalf("Index(%q, %d) = %q, want %q", v, len(list), e, it.Value())
			}
			list = append(list, decoded(t, it.Value()))
		}
		if Len(v) != len(list) {
			t.Fatalf("Len(%q) = %d, want %d", v, Len(v), len(list))
		}
		return list
	case Object:
		last := map[string][]byte{}
		n := 0
		for it := Members(v); it.Next(); n++ {
			if !it.Named(it.Name()) {
				t.Fatalf("the name of %q in %q", it.RawName(), v)
			}
			last[it.Name()] = it.Value()
		}
		if Len(v) != n {
			t.Fatalf("Len(%q) = %d, want %d", v, Len(v), n)
		}
		object := map[string]any{}
		for name, want := range last {
			got, ok := Field(v, name)
			if !ok || &got[0] != &want[0] || len(got) != len(want) {
				t.Fatalf("Field(%q, %q) = %q, want %q", v, name, got, want)
			}
			object[name] = decoded(t, got)
		}
		return object
	}
	t.Fatalf("KindOf(%q)", v)
	return nil
}

func checkNavigation(t *testing.T, v []byte) {
	dec := json.NewDecoder(bytes.NewReader(v))
	dec.UseNumber()
	var want any
	if err := dec.Decode(&want); err != nil {
		t.Fatal(err)
	}
	if got := decoded(t, Trim(v)); !reflect.DeepEqual(got, want) {
		t.Fatalf("%q\n%#v\n%#v", v, got, want)
	}
}

// roam calls everything on bytes that may be no JSON at all.
func roam(v []byte, levels int) {
	Trim(v)
	KindOf(v)
	Len(v)
	Field(v, "a")
	Index(v, 3)
	Unquote(v)
	AppendUnquoted(nil, v)
	ParseNumber(v)
	if levels == 0 {
		return
	}
	for it := Members(v); it.Next(); {
		it.Name()
		roam(it.RawName(), levels-1)
		roam(it.Value(), levels-1)
	}
	for it := Elements(v); it.Next(); {
		roam(it.Value(), levels-1)
	}
}

func TestNavigateAgrees(t *testing.T) {
	g := newGuard(t, 1<<20)
	r := rand.New(rand.NewSource(2))
	for range 20000 {
		b := randomText(r)
		checkNavigation(t, g.exact(b))
		for range 2 {
			roam(g.exact(mutate(r, b)), 3)
		}
	}
}

func FuzzNavigate(f *testing.F) {
	for _, s := range append(accepted, rejected...) {
		f.Add([]byte(s))
	}
	r := rand.New(rand.NewSource(3))
	for range 30 {
		f.Add(randomText(r))
	}
	g := newGuard(f, 1<<20)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		v := g.exact(b)
		roam(v, 3)
		if oracle(b) {
			checkNavigation(t, v)
		}
	})
}
