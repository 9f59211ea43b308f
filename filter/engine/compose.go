package engine

import (
	"strconv"
	"strings"

	"github.com/tutti-mesh/tutti/filter/expr"
	"github.com/tutti-mesh/tutti/filter/jsontext"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// landing is where a text goes: it decides how holes are escaped. Literal parts
// were written by the policy's author for that place and stay as they are.
type landing uint8

const (
	plainText landing = iota
	pathText
	queryText
)

// text evaluates a Text and appends it to dst. An absent hole makes the whole
// text absent. Only scalars can stand in a text.
func (r *Run) text(dst []byte, t plan.Text, where landing) ([]byte, expr.Outcome, string) {
	for i := range t {
		if t[i].Expr == nil {
			dst = append(dst, t[i].Lit...)
			continue
		}
		v, outcome, cause := t[i].Expr.Eval((*env)(r))
		if outcome != expr.OK {
			return dst, outcome, cause
		}
		at := len(dst)
		var ok bool
		if dst, ok = v.AppendText(dst); !ok {
			return dst, expr.Failed, "not a string, number or bool"
		}
		if where == plainText {
			continue
		}
		value := string(dst[at:])
		if where == pathText && value == "" {
			return dst, expr.Failed, "an empty value in a path"
		}
		dst = appendEscaped(dst[:at], value)
	}
	return dst, expr.OK, ""
}

// render writes a Doc as one JSON text, for request bodies and fallbacks.
func (r *Run) render(d *plan.Doc) ([]byte, string) {
	if d.Kind == plan.Literal {
		return d.Raw, ""
	}
	var p pieces
	if _, err := r.doc(&p, d, before{}); err != "" {
		return nil, err
	}
	p.cut()
	if len(p.list) == 1 {
		return p.list[0], ""
	}
	var whole []byte
	for _, b := range p.list {
		whole = append(whole, b...)
	}
	return whole, ""
}

// spliceMin is the length from which a value is referred to and not copied: a
// piece costs a slice header and a call of copy.
const spliceMin = 128

// pieces is a text under construction: short parts gathered in buf, long ones
// referred to where they lie, so that an answer's body is copied once.
type pieces struct {
	list  [][]byte
	buf   []byte
	taken int // buf[:taken] is in list already
}

// reset keeps the memory, unless it has become large.
func (p *pieces) reset() pieces {
	if cap(p.buf) > 16<<10 || cap(p.list) > 64 {
		return pieces{}
	}
	clear(p.list[:cap(p.list)])
	return pieces{list: p.list[:0], buf: p.buf[:0]}
}

func (p *pieces) add(span []byte) {
	if len(span) < spliceMin {
		p.buf = append(p.buf, span...)
		return
	}
	p.cut()
	p.list = append(p.list, span)
}

// cut ends the short part. What list refers to stays as it is when buf grows
// into new memory.
func (p *pieces) cut() {
	if len(p.buf) > p.taken {
		p.list = append(p.list, p.buf[p.taken:len(p.buf):len(p.buf)])
		p.taken = len(p.buf)
	}
}

// before is what stands between a container's start and a value that may turn
// out to be absent: it is written only when the value is there.
type before struct {
	comma bool
	name  string
	named bool
}

func (p *pieces) lead(b before) {
	if b.comma {
		p.buf = append(p.buf, ',')
	}
	if b.named {
		p.buf = append(jsontext.AppendString(p.buf, b.name), ':')
	}
}

// doc writes d after lead. It returns false if d is absent: then nothing was
// written. The error starts with the path inside the document.
func (r *Run) doc(p *pieces, d *plan.Doc, lead before) (bool, string) {
	switch d.Kind {
	case plan.Literal:
		p.lead(lead)
		p.add(d.Raw)
	case plan.Hole:
		v, outcome, cause := d.Expr.Eval((*env)(r))
		switch outcome {
		case expr.Absent:
			return false, ""
		case expr.Failed:
			return false, ": " + cause
		}
		p.lead(lead)
		if raw, ok := v.Raw(); ok {
			p.add(raw)
		} else {
			p.buf = v.AppendJSON(p.buf)
		}
	case plan.TextHole:
		b, outcome, cause := r.text(nil, d.Text, plainText)
		switch outcome {
		case expr.Absent:
			return false, ""
		case expr.Failed:
			return false, ": " + cause
		}
		p.lead(lead)
		p.buf = jsontext.AppendString(p.buf, string(b))
	case plan.ObjectDoc:
		p.lead(lead)
		p.buf = append(p.buf, '{')
		comma := false
		for i := range d.Members {
			m := &d.Members[i]
			wrote, err := r.doc(p, &m.Value, before{comma: comma, name: m.Name, named: true})
			if err != "" {
				return false, "." + m.Name + err
			}
			comma = comma || wrote
		}
		p.buf = append(p.buf, '}')
	case plan.ArrayDoc:
		p.lead(lead)
		p.buf = append(p.buf, '[')
		comma := false
		for i := range d.Elems {
			wrote, err := r.doc(p, &d.Elems[i], before{comma: comma})
			if err != "" {
				return false, "[" + strconv.Itoa(i) + "]" + err
			}
			comma = comma || wrote
		}
		p.buf = append(p.buf, ']')
	}
	return true, ""
}

// compose replies with the policy's response.
func (r *Run) compose(now Time) {
	resp := &r.policy.Response
	headers, err := r.fields(nil, resp.Headers, "response.headers")
	if err != "" {
		r.failCompose(err, now)
		return
	}
	reply := Reply{Status: resp.Status, Headers: headers}
	if resp.Body != nil {
		p := &r.out
		if p.buf == nil {
			p.buf = make([]byte, 0, 512)
		}
		wrote, err := r.doc(p, resp.Body, before{})
		if err != "" {
			r.failCompose("response.body"+err, now)
			return
		}
		if !wrote {
			p.buf = append(p.buf, "null"...)
		}
		p.cut()
		reply.Body = p.list
		reply.Headers = setDefault(reply.Headers, "content-type", "application/json")
	}
	outcome := Complete
	if missing := r.partial(); missing != "" {
		reply.Headers = append(reply.Headers, [2]string{PartialHeader, missing})
		outcome = Partial
	}
	r.reply(reply, outcome, now)
}

// PartialHeader names the steps whose part is missing or a fallback, as a list
// of RFC 9651: "reviews;reason=timeout, stock;reason=status".
const PartialHeader = "tutti-partial"

func (r *Run) partial() string {
	if r.first < 0 {
		return ""
	}
	var b strings.Builder
	for i := range r.steps {
		if reason := r.steps[i].reason; reason != OK {
			if b.Len() > 0 {
				b.WriteString(", ")
			}
			b.WriteString(r.policy.Steps[i].Name)
			b.WriteString(";reason=")
			b.WriteString(reason.String())
		}
	}
	return b.String()
}

func (r *Run) reply(reply Reply, o Outcome, now Time) {
	r.effects = append(r.effects, Effect{Kind: DoReply, Reply: reply})
	r.finish(o, now)
}
