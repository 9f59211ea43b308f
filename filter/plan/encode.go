package plan

import (
	"strconv"

	"github.com/tutti-mesh/tutti/filter/expr"
	"github.com/tutti-mesh/tutti/filter/jsontext"
)

// Encode writes p as JSON text. Members stand in a fixed order and those with
// their zero value are left out, so that equal plans are equal bytes.
func Encode(p *Plan) []byte {
	var w writer
	w.open('{')
	w.int("version", Version)
	w.str("service", p.Service)
	w.bool("matcher", p.Matcher)
	list(&w, "policies", p.Policies, (*writer).policy)
	w.close('}')
	return w.b
}

func (w *writer) policy(p *Policy) {
	w.open('{')
	w.str("name", p.Name)
	w.key("match")
	w.match(&p.Match)
	w.int("timeout_ms", int(p.TimeoutMS))
	w.key("limits")
	w.open('{')
	w.int("answer_bytes", p.Limits.AnswerBytes)
	w.int("total_bytes", p.Limits.TotalBytes)
	w.int("request_bytes", p.Limits.RequestBytes)
	w.int("hops", p.Limits.Hops)
	w.close('}')
	w.bool("reads_body", p.ReadsBody)
	list(w, "steps", p.Steps, (*writer).step)
	w.key("response")
	w.open('{')
	w.int("status", p.Response.Status)
	list(w, "headers", p.Response.Headers, (*writer).param)
	w.doc("body", p.Response.Body)
	w.close('}')
	w.close('}')
}

func (w *writer) match(m *Match) {
	w.open('{')
	w.strs("methods", m.Methods)
	list(w, "path", m.Path, func(w *writer, s *Segment) {
		if s.Param == "" {
			w.quote(s.Literal)
			return
		}
		w.open('{')
		w.str("param", s.Param)
		w.bool("tail", s.Tail)
		w.close('}')
	})
	list(w, "headers", m.Headers, func(w *writer, h *HeaderMatch) {
		w.open('{')
		w.str("name", h.Name)
		w.str("value", h.Value)
		w.bool("present", h.Present)
		w.close('}')
	})
	w.close('}')
}

func (w *writer) step(s *Step) {
	w.open('{')
	w.str("name", s.Name)
	w.str("cluster", s.Cluster)
	w.bool("marked", s.Marked)
	w.str("authority", s.Authority)
	w.str("method", s.Method)
	w.key("path")
	w.text(s.Path)
	list(w, "query", s.Query, (*writer).param)
	list(w, "headers", s.Headers, (*writer).param)
	w.doc("body", s.Body)
	w.strs("forward_headers", s.ForwardHeaders)
	w.strs("forward_query", s.ForwardQuery)
	w.int("timeout_ms", int(s.TimeoutMS))
	list(w, "success", s.Success, func(w *writer, r *StatusRange) {
		w.open('[')
		w.item()
		w.number(r.From)
		w.item()
		w.number(r.To)
		w.close(']')
	})
	w.str("on_error", onErrorNames[s.OnError])
	w.doc("fallback", s.Fallback)
	w.bool("reads_body", s.ReadsBody)
	w.strs("reads_headers", s.ReadsHeaders)
	list(w, "after", s.After, func(w *writer, i *int) { w.number(*i) })
	w.close('}')
}

// onErrorNames are the words of the plan; Fail is the default and not written.
var onErrorNames = [...]string{Fail: "", Omit: "omit", Fallback: "fallback"}

func (w *writer) param(p *Param) {
	w.open('{')
	w.str("name", p.Name)
	w.key("value")
	w.text(p.Value)
	w.close('}')
}

// text writes a plain string where there is no hole, else an array of strings
// and holes.
func (w *writer) text(t Text) {
	if len(t) == 0 {
		w.quote("")
		return
	}
	if len(t) == 1 && t[0].Expr == nil {
		w.quote(t[0].Lit)
		return
	}
	w.open('[')
	for i := range t {
		w.item()
		if t[i].Expr == nil {
			w.quote(t[i].Lit)
			continue
		}
		w.open('{')
		w.expr(t[i].Expr)
		w.close('}')
	}
	w.close(']')
}

func (w *writer) expr(e *expr.Expr) {
	w.key("expr")
	w.b = e.AppendJSON(w.b)
}

func (w *writer) doc(name string, d *Doc) {
	if d == nil {
		return
	}
	w.key(name)
	w.docValue(d)
}

// docValue writes a Doc as an object with one member that names its kind.
func (w *writer) docValue(d *Doc) {
	w.open('{')
	switch d.Kind {
	case Literal:
		w.key("json")
		w.b = append(w.b, d.Raw...)
	case Hole:
		w.expr(d.Expr)
	case TextHole:
		w.key("text")
		w.text(d.Text)
	case ObjectDoc:
		w.key("object")
		w.open('[')
		for i := range d.Members {
			w.item()
			w.open('[')
			w.item()
			w.quote(d.Members[i].Name)
			w.item()
			w.docValue(&d.Members[i].Value)
			w.close(']')
		}
		w.close(']')
	case ArrayDoc:
		w.key("array")
		w.open('[')
		for i := range d.Elems {
			w.item()
			w.docValue(&d.Elems[i])
		}
		w.close(']')
	}
	w.close('}')
}

// writer appends JSON; first says that no comma is due.
type writer struct {
	b     []byte
	first bool
}

func (w *writer) open(c byte) {
	w.b = append(w.b, c)
	w.first = true
}

func (w *writer) close(c byte) {
	w.b = append(w.b, c)
	w.first = false
}

func (w *writer) item() {
	if !w.first {
		w.b = append(w.b, ',')
	}
	w.first = false
}

func (w *writer) key(name string) {
	w.item()
	w.quote(name)
	w.b = append(w.b, ':')
}

func (w *writer) quote(s string) { w.b = jsontext.AppendString(w.b, s) }

func (w *writer) number(n int) { w.b = strconv.AppendInt(w.b, int64(n), 10) }

func (w *writer) str(name, s string) {
	if s != "" {
		w.key(name)
		w.quote(s)
	}
}

func (w *writer) int(name string, n int) {
	if n != 0 {
		w.key(name)
		w.number(n)
	}
}

func (w *writer) bool(name string, b bool) {
	if b {
		w.key(name)
		w.b = append(w.b, "true"...)
	}
}

func (w *writer) strs(name string, ss []string) {
	list(w, name, ss, func(w *writer, s *string) { w.quote(*s) })
}

func list[T any](w *writer, name string, items []T, write func(*writer, *T)) {
	if len(items) == 0 {
		return
	}
	w.key(name)
	w.open('[')
	for i := range items {
		w.item()
		write(w, &items[i])
	}
	w.close(']')
}
