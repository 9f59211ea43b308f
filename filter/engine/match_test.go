package engine

import (
	"regexp"
	"strings"
	"testing"

	"github.com/tutti-mesh/tutti/filter/plan"
)

// template reads a path template as policy-language writes it.
func template(s string) []plan.Segment {
	var out []plan.Segment
	if s == "/" {
		return nil
	}
	for _, part := range strings.Split(s[1:], "/") {
		name, ok := strings.CutPrefix(part, "{")
		if !ok {
			out = append(out, plan.Segment{Literal: part})
			continue
		}
		name = strings.TrimSuffix(name, "}")
		name, tail := strings.CutSuffix(name, "=**")
		out = append(out, plan.Segment{Param: name, Tail: tail})
	}
	return out
}

// TestMatchPath holds the matcher against the regular expression that a route
// of Envoy gets for the same template.
func TestMatchPath(t *testing.T) {
	templates := []string{"/", "/a", "/a/{x}", "/a/{x}/b", "/{x}/{y}", "/a/{rest=**}", "/{rest=**}"}
	paths := []string{"", "/", "//", "/a", "/a/", "/a/b", "/a//b", "/a/1/b", "/a/1/b/", "/b", "a", "/a/b/c/d", "/ab", "/A"}
	for _, tpl := range templates {
		expression := regexp.MustCompile(`^` + regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(
			strings.ReplaceAll(tpl, "{rest=**}", ".*"), "[^/]+") + `$`)
		for _, p := range paths {
			if got, want := matchPath(template(tpl), p, nil), expression.MatchString(p); got != want {
				t.Errorf("%s on %q: %v, the regular expression says %v", tpl, p, got, want)
			}
		}
	}
}

func TestParams(t *testing.T) {
	for _, c := range []struct{ template, path, want string }{
		{"/a/{x}", "/a/1", "1"},
		{"/a/{x}/{y}", "/a/1%20/2%2f", "1 |2/"},
		{"/a/{x}", "/a/%252e", "%2e"},
		{"/a/{x}", "/a/%2e", "refused"},
		{"/a/{x}", "/a/%", "refused"},
		{"/a/{x}", "/a/%0", "refused"},
		{"/a/{x}", "/a/%gg", "refused"},
		{"/f/{rest=**}", "/f/a/b%20c", "a/b c"},
		{"/f/{rest=**}", "/f/", "refused"},
		{"/f/{rest=**}", "/f/a/%2e%2e/b", "refused"},
		{"/f/{rest=**}", "/f/a//b", "refused"},
	} {
		r := &Run{policy: &policy{Policy: &plan.Policy{Match: plan.Match{Path: template(c.template)}}}, path: c.path}
		got := "refused"
		if r.readParams() {
			got = strings.Join(r.params, "|")
		}
		if got != c.want {
			t.Errorf("%s on %s: %q, want %q", c.template, c.path, got, c.want)
		}
	}
}

func TestQuery(t *testing.T) {
	e := &env{query: "a=1&b=x%20y+z&a=2&c&d=%zz&%65=enc"}
	for name, want := range map[string]string{"a": "1", "b": "x y z", "c": "", "e": "enc"} {
		if got, ok := e.Query(name); !ok || got != want {
			t.Errorf("%s: %q %v, want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"d", "f", ""} {
		if got, ok := e.Query(name); ok {
			t.Errorf("%s: %q, want none", name, got)
		}
	}
}

// FuzzUnescape: what is escaped comes back, and nothing panics.
func FuzzUnescape(f *testing.F) {
	f.Add("a b/c?%2f")
	f.Fuzz(func(t *testing.T, s string) {
		if got, ok := unescape(string(appendEscaped(nil, s)), false); !ok || got != s {
			t.Fatalf("%q came back as %q", s, got)
		}
		unescape(s, true)
		decodeParam(s, true)
	})
}
