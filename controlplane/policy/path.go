package policy

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (p *PathTemplate) decode(d *decoder, n *yaml.Node, path string, tag reflect.StructTag) {
	p.Text.decode(d, n, path, tag)
	if !p.Given() {
		return
	}
	bad := func(offset int, message, hint string) {
		d.report(Loc{Pos: p.At(offset), Path: path}, "bad-path", message, hint)
	}
	if !strings.HasPrefix(p.Value, "/") {
		bad(0, "does not begin with /", "")
		return
	}
	if i := strings.IndexAny(p.Value, "?#"); i >= 0 {
		bad(i, "has a query or a fragment", "match looks at the path only")
		return
	}
	names := map[string]bool{}
	offset := 1
	parts := strings.Split(p.Value[1:], "/")
	for i, part := range parts {
		last := i == len(parts)-1
		s, message, hint, at := segment(part, last)
		if message != "" {
			bad(offset+at, message, hint)
		}
		if s.Param != "" {
			l := Loc{Pos: p.At(offset + 1), Path: path}
			if d.callName(l, s.Param) && names[s.Param] {
				d.report(l, "duplicate-name", "parameter "+quote(s.Param)+" is there already", "")
			}
			names[s.Param] = true
		}
		p.Segments = append(p.Segments, s)
		offset += len(part) + 1
	}
}

// segment reads one part between slashes; a message says what is wrong at a
// byte of it.
func segment(part string, last bool) (s Segment, message, hint string, at int) {
	if inner, ok := strings.CutPrefix(part, "{"); ok {
		inner, closed := strings.CutSuffix(inner, "}")
		name, pattern, has := strings.Cut(inner, "=")
		s = Segment{Param: name, Tail: has}
		switch {
		case !closed:
			return s, "a parameter has to be the whole segment", "write {name}", 0
		case name == "":
			return s, "has a parameter without a name", "write {name}", 0
		case has && pattern != "**":
			return s, "unknown pattern " + quote(pattern), "write {name} or {name=**}", len(name) + 2
		case has && !last:
			return s, "only the last segment can be {" + clip(name) + "=**}", "", 0
		}
		return s, "", "", 0
	}
	s = Segment{Literal: part}
	switch {
	case part == "" && !last:
		return s, "has an empty segment", "Envoy merges // before matching", 0
	case part == "." || part == "..":
		return s, "has a . or .. segment", "Envoy resolves them before matching", 0
	}
	for i := range len(part) {
		c := part[i]
		switch {
		case c == '%':
			return s, "has a percent-escape", "write the character, or a parameter where it has to be escaped", i
		case c == '*':
			return s, "has a *", "write {name} for one segment, {name=**} for the rest", i
		case c == '{' || c == '}':
			return s, "a parameter has to be the whole segment", "write /{name}/", i
		case !PathChar(c):
			return s, "has " + quote(string([]rune(part[i:])[:1])) + ", which no path has unescaped", "write a parameter for it", i
		}
	}
	return s, "", "", 0
}

// PathChar says whether a character may stand in a path segment unescaped: pchar
// of RFC 3986 section 3.3.
func PathChar(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0
}
