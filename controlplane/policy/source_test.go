package policy

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestTextAt finds the @ of each scalar in the file and by way of its value.
func TestTextAt(t *testing.T) {
	cases := map[string]string{
		"plain":                 "k: abc @ def",
		"plain at the begin":    "k: '@'",
		"plain lines":           "k: abc\n  def\n\n   ghi @",
		"single":                "k: 'it''s''''@'",
		"single lines":          "k: 'a\n\n  b @'",
		"double":                `k: "\" \\ \t \x41 \u00e9 \U0001F600 @"`,
		"double line":           "k: \"a \\\n   b\\\n  \\  c @\"",
		"double blank":          `k: "\u0020\x09\_@"`,
		"literal":               "k: |\n  a\n   b @\n",
		"literal indented":      "k: |2-\n    a\n  b @\n",
		"folded":                "k: >+ # comment\n  a\n  b\n\n  c @\n\n",
		"tagged":                "k: !!str a @",
		"anchored":              "k: &a !!str 'a @'",
		"tag and block":         "k: !!str |\n  a @",
		"flow":                  "{a: [b, c @]}",
		"unicode":               "k: größe 😀 @",
		"windows":               "k: a\r\n  b @\r\n",
		"next line":             "a: b\nk: |\n\n  x\n\n  y@z",
		"byte order mark":       "\uFEFFk: a @",
		"every break":           "k: 'a\u0085b\u2028c @'",
		"carriage return alone": "a: b\rk: c @",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			src := newSource([]byte(text))
			var doc yaml.Node
			if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
				t.Fatal(err)
			}
			n := find(&doc)
			if n == nil {
				t.Fatal("no scalar with @")
			}
			d := &decoder{file: "f", src: src}
			got := d.text(n, "").At(strings.IndexByte(n.Value, '@'))
			at := strings.IndexByte(text, '@')
			if src.offset(got.Line, got.Col) != at {
				t.Errorf("got %+v, offset %d, want %d", got, src.offset(got.Line, got.Col), at)
			}
		})
	}
}

func find(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "@") {
		return n
	}
	for _, c := range n.Content {
		if f := find(c); f != nil {
			return f
		}
	}
	return nil
}

func TestClosest(t *testing.T) {
	cases := []struct{ name, want string }{
		{"review", "reviews"},
		{"REVIEWS", "reviews"},
		{"reveiws", "reviews"},
		{"cat", ""},
		{"catlog", "catalog"},
		{"x", ""},
		{"", ""},
		{strings.Repeat("a", 100), ""},
	}
	for _, c := range cases {
		if got := Closest(c.name, []string{"catalog", "reviews", "inventory"}); got != c.want {
			t.Errorf("Closest(%q) = %q, want %q", c.name, got, c.want)
		}
	}
}
