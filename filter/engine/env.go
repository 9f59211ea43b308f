package engine

import "strings"

// env gives a Run's data to expressions (expr.Env). It is the Run under another
// name, so that the Run's own methods stay the host's.
type env Run

func (e *env) Method() string             { return e.method }
func (e *env) Path() string               { return e.path }
func (e *env) PathParam(index int) string { return e.params[index] }

func (e *env) Query(name string) (string, bool) {
	for rest := e.query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		k, v, _ := strings.Cut(pair, "=")
		if k, ok := unescape(k, true); !ok || k != name {
			continue
		}
		v, ok := unescape(v, true)
		return v, ok
	}
	return "", false
}

func (e *env) Header(name string) (string, bool) { return joined(e.headers, name) }

// joined combines the values of a header as RFC 9110 section 5.3 allows.
func joined(h Headers, name string) (value string, ok bool) {
	for i, n := 0, h.Len(); i < n; i++ {
		k, v := h.At(i)
		switch {
		case k != name:
		case ok:
			value += ", " + v
		default:
			value, ok = v, true
		}
	}
	return value, ok
}

func (e *env) Body() ([]byte, bool) { return e.body, e.body != nil }

func (e *env) StepStatus(step int) int    { return e.steps[step].status }
func (e *env) StepReason(step int) string { return e.steps[step].reason.String() }

func (e *env) StepHeader(step int, name string) (string, bool) {
	for _, h := range e.steps[step].headers {
		if h[0] == name {
			return h[1], true
		}
	}
	return "", false
}

func (e *env) StepBody(step int) ([]byte, bool) {
	b := e.steps[step].body
	return b, b != nil
}
