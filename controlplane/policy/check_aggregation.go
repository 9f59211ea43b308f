package policy

import (
	"slices"
	"strings"
)

func (d *decoder) checkAggregation(a *Aggregation) {
	s := &a.Spec
	seen := map[string]bool{}
	for _, t := range s.TargetRefs {
		if !t.Name.Given() || !d.resourceName(t.Name) {
			continue
		}
		if seen[t.Name.Value] {
			d.report(t.Name.Loc, "duplicate-name", "service "+quote(t.Name.Value)+" is targeted twice", "")
		}
		seen[t.Name.Value] = true
	}
	d.checkMatch(&s.Match)
	d.checkForward(s.Forward)
	d.checkCalls(s.Calls)
	d.checkHeaders(s.Response.Headers)
	if status := s.Response.Status; s.Response.Body != nil && (status.N == 204 || status.N == 205 || status.N == 304) {
		d.report(s.Response.Body.Loc, "body-not-allowed", "a body with a status that has none", "remove one of them")
	}
}

func (d *decoder) checkCalls(calls []Call) {
	names := map[string]bool{}
	for i := range calls {
		c := &calls[i]
		if c.Name.Given() && d.callName(c.Name.Loc, c.Name.Value) {
			if names[c.Name.Value] {
				d.report(c.Name.Loc, "duplicate-name", "there is a call "+quote(c.Name.Value)+" already", "")
			}
			names[c.Name.Value] = true
		}
		if c.Path.Given() && !strings.HasPrefix(c.Path.Value, "/") {
			d.report(c.Path.Loc, "bad-path", "does not begin with /", "")
		}
		if c.Body != nil {
			method := "GET"
			if c.Method.Given() {
				method = c.Method.Value
			}
			switch method {
			case "GET", "HEAD", "OPTIONS":
				d.report(c.Body.Loc, "body-not-allowed", method+" takes no body", "set method: POST, PUT, PATCH or DELETE")
			}
		}
		d.checkHeaders(c.Headers)
		for _, q := range c.Query {
			d.noTemplate(q.Name)
			if q.Name.Value == "" {
				d.report(q.Name.Loc, "bad-name", "a query parameter without a name", "")
			}
		}
		d.checkForward(c.Forward)
	}
}

func (d *decoder) checkForward(f Forward) {
	seen := map[string]bool{}
	for _, h := range f.Headers {
		if h.Given() && d.headerName(h) {
			d.once(seen, h, strings.ToLower(h.Value))
		}
	}
	clear(seen)
	for _, q := range f.Query {
		if !q.Given() {
			continue
		}
		if q.Value == "" {
			d.report(q.Loc, "bad-name", "a query parameter without a name", "")
			continue
		}
		d.once(seen, q, q.Value)
	}
}

func (d *decoder) once(seen map[string]bool, t Text, key string) {
	if seen[key] {
		d.report(t.Loc, "duplicate-name", quote(t.Value)+" is named twice", "")
	}
	seen[key] = true
}

func (d *decoder) checkHeaders(ps Params) {
	seen := map[string]bool{}
	for _, p := range ps {
		if d.headerName(p.Name) {
			d.once(seen, p.Name, strings.ToLower(p.Name.Value))
		}
	}
}

// hopByHop are headers of one connection (RFC 9110 section 7.6.1) and those
// that the proxy computes; answers are read and composed without compression.
var hopByHop = []string{
	"accept-encoding", "connection", "content-encoding", "content-length", "host", "keep-alive", "proxy-authenticate", "proxy-authorization",
	"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}

// headerName says whether a header can be set or forwarded.
func (d *decoder) headerName(name Text) bool {
	if d.reserved(name) {
		return false
	}
	if slices.Contains(hopByHop, strings.ToLower(name.Value)) {
		hint := ""
		if strings.EqualFold(name.Value, "host") {
			hint = "an Upstream has an authority"
		}
		d.report(name.Loc, "restricted-header", "header "+quote(name.Value)+" is set by the proxy only", hint)
		return false
	}
	return true
}

// reserved reports names that no field takes.
func (d *decoder) reserved(name Text) bool {
	lower := strings.ToLower(name.Value)
	switch {
	case strings.HasPrefix(lower, ":"):
		d.report(name.Loc, "restricted-header", "pseudo-header "+quote(name.Value)+" is set by the proxy only", "")
	case strings.HasPrefix(lower, "tutti-"):
		d.report(name.Loc, "restricted-header", "headers that begin with tutti- are Tutti's own", "")
	case !tokenForm.MatchString(name.Value):
		d.report(name.Loc, "bad-header", quote(name.Value)+" is not a header name", "")
	default:
		return false
	}
	return true
}

func (d *decoder) checkMatch(m *Match) {
	seen := map[string]bool{}
	for _, t := range m.Methods {
		if t.Value != "" {
			d.once(seen, t, t.Value)
		}
	}
	clear(seen)
	for _, h := range m.Headers {
		if !h.Name.Given() || d.reserved(h.Name) {
			continue
		}
		if strings.EqualFold(h.Name.Value, "host") {
			d.report(h.Name.Loc, "restricted-header", "the host cannot be matched as a header", "")
			continue
		}
		d.once(seen, h.Name, strings.ToLower(h.Name.Value))
		switch {
		case h.Value.Given() == h.Present.Given():
			d.report(h.Name.Loc, "bad-value", "needs exactly one of value and present", "value: TEXT or present: true")
		case h.Present.Given() && !h.Present.B:
			d.report(h.Present.Loc, "bad-value", "only present: true can be matched", "")
		case h.Value.Given() && !headerText(h.Value.Value):
			d.report(h.Value.Loc, "bad-header", quote(h.Value.Value)+" is not a header value", "")
		}
	}
}

// headerText says whether a text can stand in a header field (RFC 9110 section
// 5.5) with no white space at its ends.
func headerText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7F {
			return false
		}
	}
	return strings.Trim(s, " \t") == s
}
