package engine

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-mesh/tutti/filter/expr"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// parseHops reads a hop count; none is 0. What is no small number is refused:
// nobody but a sidecar sends the header.
func parseHops(s string) (int, bool) {
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(s, 10, 8)
	return int(n), err == nil
}

func parseStatus(s string) int {
	n, _ := strconv.ParseUint(s, 10, 16)
	return int(n)
}

// traceHeaders go with every call: Envoy adds none to a callout. Of each the
// last value counts; none of them is a list.
var traceHeaders = [...]string{"traceparent", "tracestate", "x-request-id"}

// build makes the request of a step. The error is a short cause for reason
// eval.
func (r *Run) build(s *plan.Step) (c Call, err string) {
	c.Cluster = s.Cluster
	target, err := r.target(s)
	if err != "" {
		return c, err
	}
	// Behind those of calls that go out with the same event.
	c.Headers = append(r.arena[len(r.arena):], [2]string{":method", s.Method}, [2]string{":path", target},
		[2]string{":authority", s.Authority}, [2]string{"accept", "application/json"},
		[2]string{"accept-encoding", "identity"}, [2]string{plan.HopsHeader, strconv.Itoa(r.hops + 1)})
	for i, v := range r.trace {
		if v != "" {
			c.Headers = append(c.Headers, [2]string{traceHeaders[i], v})
		}
	}
	for _, name := range s.ForwardHeaders {
		if _, ok := joined(r.headers, name); ok {
			c.Headers = r.forward(remove(c.Headers, name), name)
		}
	}
	if c.Headers, err = r.fields(c.Headers, s.Headers, "headers"); err != "" {
		return c, err
	}
	if s.Body != nil {
		if c.Body, err = r.render(s.Body); err != "" {
			return c, "body" + err
		}
		c.Headers = setDefault(c.Headers, "content-type", "application/json")
	}
	// The next call's headers come behind these, unless these outgrew the arena
	// and lie elsewhere already. Clipped, so that no append reaches beyond them.
	if n := len(r.arena) + len(c.Headers); n <= cap(r.arena) {
		r.arena = r.arena[:n]
	}
	c.Headers = c.Headers[:len(c.Headers):len(c.Headers)]
	return c, ""
}

// forward copies every value of a request header.
func (r *Run) forward(dst [][2]string, name string) [][2]string {
	for i, n := 0, r.headers.Len(); i < n; i++ {
		if k, v := r.headers.At(i); k == name {
			dst = append(dst, [2]string{name, v})
		}
	}
	return dst
}

// fields evaluates header fields; one that the policy sets replaces what is
// there under its name.
func (r *Run) fields(dst [][2]string, params []plan.Param, where string) ([][2]string, string) {
	for i := range params {
		p := &params[i]
		value, outcome, cause := r.text(nil, p.Value, plainText)
		if outcome == expr.OK && !headerSafe(value) {
			outcome, cause = expr.Failed, "a control character in a header"
		}
		switch outcome {
		case expr.Failed:
			return dst, where + "." + p.Name + ": " + cause
		case expr.OK:
			dst = append(remove(dst, p.Name), [2]string{p.Name, string(value)})
		}
	}
	return dst, ""
}

func remove(headers [][2]string, name string) [][2]string {
	kept := headers[:0]
	for _, h := range headers {
		if h[0] != name {
			kept = append(kept, h)
		}
	}
	return kept
}

func setDefault(headers [][2]string, name, value string) [][2]string {
	for _, h := range headers {
		if h[0] == name {
			return headers
		}
	}
	return append(headers, [2]string{name, value})
}

// target is the origin-form request target of a call.
func (r *Run) target(s *plan.Step) (target, err string) {
	if len(s.Path) == 1 && s.Path[0].Expr == nil && len(s.Query) == 0 && len(s.ForwardQuery) == 0 {
		return s.Path[0].Lit, ""
	}
	b, outcome, cause := r.text(make([]byte, 0, 96), s.Path, pathText)
	if outcome == expr.OK && dotSegments(strings.TrimSuffix(strings.TrimPrefix(string(b), "/"), "/")) && len(b) > 1 {
		outcome, cause = expr.Failed, "an empty or dot segment"
	}
	switch outcome {
	case expr.Absent:
		return "", "path: " + cause
	case expr.Failed:
		return "", "path: " + cause
	}
	separator := byte('?')
	for i := range s.Query {
		q := &s.Query[i]
		value, outcome, cause := r.text(nil, q.Value, queryText)
		switch outcome {
		case expr.Failed:
			return "", "query." + q.Name + ": " + cause
		case expr.OK:
			b = append(appendEscaped(append(b, separator), q.Name), '=')
			b = append(b, value...)
			separator = '&'
		}
	}
	return string(r.forwardQuery(b, separator, s.ForwardQuery)), ""
}

// forwardQuery copies the named parameters as the client wrote them.
func (r *Run) forwardQuery(dst []byte, separator byte, names []string) []byte {
	if len(names) == 0 {
		return dst
	}
	for rest := r.query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		k, _, _ := strings.Cut(pair, "=")
		k, ok := unescape(k, true)
		if !ok || !slices.Contains(names, k) {
			continue
		}
		dst = append(append(dst, separator), pair...)
		separator = '&'
	}
	return dst
}
