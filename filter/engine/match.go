package engine

import (
	"strings"

	"github.com/tutti-mesh/tutti/filter/plan"
)

// get returns the first value of a header, "" if there is none.
func get(h Headers, name string) string {
	for i, n := 0, h.Len(); i < n; i++ {
		if k, v := h.At(i); k == name {
			return v
		}
	}
	return ""
}

// splitTarget splits an origin-form request target (RFC 9112 section 3.2.1).
func splitTarget(target string) (path, query string) {
	if i := strings.IndexByte(target, '?'); i >= 0 {
		return target[:i], target[i+1:]
	}
	return target, ""
}

func matches(m *plan.Match, method, path string, h Headers) bool {
	return matchesMethod(m, method) && matchPath(m.Path, path, nil) && matchesHeaders(m, h)
}

func matchesMethod(m *plan.Match, method string) bool {
	for _, want := range m.Methods {
		if want == method {
			return true
		}
	}
	return len(m.Methods) == 0
}

func matchesHeaders(m *plan.Match, h Headers) bool {
	for _, want := range m.Headers {
		found := false
		for i, n := 0, h.Len(); i < n && !found; i++ {
			k, v := h.At(i)
			found = k == want.Name && (want.Present || v == want.Value)
		}
		if !found {
			return false
		}
	}
	return true
}

// matchPath compares path with a template and, unless params is nil, appends
// the parameters' raw text to it. It agrees with the regular expressions that
// the control plane gives to Envoy's routes: a parameter is one segment of at
// least one character, a tail is everything that is left.
func matchPath(template []plan.Segment, path string, params *[]string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	rest := path[1:]
	for i := range template {
		s := &template[i]
		if s.Tail {
			if params != nil {
				*params = append(*params, rest)
			}
			return true
		}
		segment, last := rest, true
		if j := strings.IndexByte(rest, '/'); j >= 0 {
			segment, rest, last = rest[:j], rest[j+1:], false
		}
		if s.Param == "" && segment != s.Literal || s.Param != "" && segment == "" {
			return false
		}
		if s.Param != "" && params != nil {
			*params = append(*params, segment)
		}
		if last {
			return i == len(template)-1
		}
	}
	return len(template) == 0 && rest == ""
}

// decodeParam decodes percent-escapes once (RFC 3986 section 2.1). It refuses
// what could climb out of where the parameter lands: "", "." and "..", and in
// a tail any such segment.
func decodeParam(raw string, tail bool) (string, bool) {
	s, ok := unescape(raw, false)
	if !ok {
		return "", false
	}
	if !tail {
		return s, s != "" && s != "." && s != ".."
	}
	return s, !dotSegments(s)
}

// dotSegments reports whether a path has an empty, "." or ".." segment.
func dotSegments(path string) bool {
	for {
		segment, rest, more := strings.Cut(path, "/")
		if segment == "" || segment == "." || segment == ".." {
			return true
		}
		if !more {
			return false
		}
		path = rest
	}
}
