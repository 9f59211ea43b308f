package plan

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-mesh/tutti/filter/expr"
	"github.com/tutti-mesh/tutti/filter/jsontext"
)

// Decode reads what Encode wrote and validates it. The error names the place
// in the plan: "policies[0].steps[2].timeout_ms: ...". Nothing of a plan that
// has an error is returned: the caller keeps the plan it has.
func Decode(raw []byte) (*Plan, error) {
	raw = jsontext.Padded(raw)
	if !jsontext.Valid(raw) {
		return nil, errors.New("plan: not a JSON text")
	}
	if v, ok := jsontext.Field(raw, "version"); !ok || string(v) != strconv.Itoa(Version) {
		return nil, errors.New("plan: version " + string(v) + ", this filter runs version " + strconv.Itoa(Version) +
			"; update the sidecar's module or let the control plane serve the older version")
	}
	p := &Plan{}
	d := &reader{}
	d.object(raw, func(name string, v []byte) bool {
		switch name {
		case "version":
		case "service":
			p.Service = d.str(v)
		case "matcher":
			p.Matcher = d.bool(v)
		case "policies":
			p.Policies = readList(d, v, (*reader).policy)
		default:
			return false
		}
		return true
	})
	if d.err == nil {
		d.err = validate(p)
	}
	if d.err != nil {
		return nil, errors.New("plan: " + d.err.Error())
	}
	return p, nil
}

func (d *reader) policy(v []byte) (p Policy) {
	d.object(v, func(name string, v []byte) bool {
		switch name {
		case "name":
			p.Name = d.str(v)
		case "match":
			p.Match = d.match(v)
		case "timeout_ms":
			p.TimeoutMS = uint32(d.int(v))
		case "limits":
			p.Limits = d.limits(v)
		case "reads_body":
			p.ReadsBody = d.bool(v)
		case "steps":
			p.Steps = readList(d, v, (*reader).step)
		case "response":
			p.Response = d.response(v)
		default:
			return false
		}
		return true
	})
	return p
}

func (d *reader) match(v []byte) (m Match) {
	d.object(v, func(name string, v []byte) bool {
		switch name {
		case "methods":
			m.Methods = readList(d, v, (*reader).str)
		case "path":
			m.Path = readList(d, v, (*reader).segment)
		case "headers":
			m.Headers = readList(d, v, (*reader).headerMatch)
		default:
			return false
		}
		return true
	})
	return m
}

func (d *reader) segment(v []byte) (s Segment) {
	if jsontext.KindOf(v) == jsontext.String {
		s.Literal = d.str(v)
		return s
	}
	d.object(v, func(name string, v []byte) bool {
		switch name {
		case "param":
			s.Param = d.str(v)
		case "tail":
			s.Tail = d.bool(v)
		default:
			return false
		}
		return true
	})
	return s
}

func (d *reader) headerMatch(v []byte) (h HeaderMatch) {
	d.object(v, func(name string, v []byte) bool {
		switch name {
		case "name":
			h.Name = d.str(v)
		case "value":
			h.Value = d.str(v)
		case "present":
			h.Present = d.bool(v)
		default:
			return false
		}
		return true
	})
	return h
}

func (d *reader) limits(v []byte) (l Limits) {
	d.object(v, func(name string, v []byte) bool {
		switch name {
		case "answer_bytes":
			l.AnswerBytes = d.int(v)
		case "total_bytes":
			l.TotalBytes = d.int(v)
		case "request_bytes":
			l.RequestBytes = d.int(v)
		case "hops":
			l.Hops = d.int(v)
		default:
			return false
		}
		return true
	})
	return l
}

func (d *reader) response(v []byte) (r Response) {
	d.object(v, func(name string, v []byte) bool {
		switch name {
		case "status":
			r.Status = d.int(v)
		case "headers":
			r.Headers = readList(d, v, (*reader).param)
		case "body":
			r.Body = d.docPtr(v)
		default:
			return false
		}
		return true
	})
	return r
}

func (d *reader) step(v []byte) (s Step) {
	d.object(v, func(name string, v []byte) bool {
		switch name {
		case "name":
			s.Name = d.str(v)
		case "cluster":
			s.Cluster = d.str(v)
		case "marked":
			s.Marked = d.bool(v)
		case "authority":
			s.Authority = d.str(v)
		case "method":
			s.Method = d.str(v)
		case "path":
			s.Path = d.text(v)
		case "query":
			s.Query = readList(d, v, (*reader).param)
		case "headers":
			s.Headers = readList(d, v, (*reader).param)
		case "body":
			s.Body = d.docPtr(v)
		case "forward_headers":
			s.ForwardHeaders = readList(d, v, (*reader).str)
		case "forward_query":
			s.ForwardQuery = readList(d, v, (*reader).str)
		case "timeout_ms":
			s.TimeoutMS = uint32(d.int(v))
		case "success":
			s.Success = readList(d, v, (*reader).statusRange)
		case "on_error":
			s.OnError = d.onError(v)
		case "fallback":
			s.Fallback = d.docPtr(v)
		case "reads_body":
			s.ReadsBody = d.bool(v)
		case "reads_headers":
			s.ReadsHeaders = readList(d, v, (*reader).str)
		case "after":
			s.After = readList(d, v, (*reader).int)
		default:
			return false
		}
		return true
	})
	return s
}

func (d *reader) onError(v []byte) OnError {
	i := slices.Index(onErrorNames[:], d.str(v))
	if i < 0 {
		d.fail("unknown value " + string(v))
		return Fail
	}
	return OnError(i)
}

func (d *reader) statusRange(v []byte) StatusRange {
	pair := readList(d, v, (*reader).int)
	if len(pair) != 2 {
		d.fail("a status range has two numbers")
		return StatusRange{}
	}
	return StatusRange{pair[0], pair[1]}
}

func (d *reader) param(v []byte) (p Param) {
	d.object(v, func(name string, v []byte) bool {
		switch name {
		case "name":
			p.Name = d.str(v)
		case "value":
			p.Value = d.text(v)
		default:
			return false
		}
		return true
	})
	return p
}

func (d *reader) text(v []byte) Text {
	if jsontext.KindOf(v) == jsontext.String {
		if s := d.str(v); s != "" {
			return Text{{Lit: s}}
		}
		return nil
	}
	return readList(d, v, func(d *reader, v []byte) (p Part) {
		if jsontext.KindOf(v) == jsontext.String {
			p.Lit = d.str(v)
			return p
		}
		d.object(v, func(name string, v []byte) bool {
			if name == "expr" {
				p.Expr = d.expr(v)
			}
			return name == "expr"
		})
		return p
	})
}

func (d *reader) expr(v []byte) *expr.Expr {
	e, err := expr.Decode(v)
	if err != nil {
		d.fail(err.Error())
	}
	return e
}

func (d *reader) docPtr(v []byte) *Doc {
	doc := d.doc(v)
	return &doc
}

func (d *reader) doc(v []byte) (doc Doc) {
	members := 0
	d.object(v, func(name string, v []byte) bool {
		members++
		switch name {
		case "json":
			doc.Kind, doc.Raw = Literal, slices.Clone(v)
		case "expr":
			doc.Kind, doc.Expr = Hole, d.expr(v)
		case "text":
			doc.Kind, doc.Text = TextHole, d.text(v)
		case "object":
			doc.Kind, doc.Members = ObjectDoc, readList(d, v, (*reader).member)
		case "array":
			doc.Kind, doc.Elems = ArrayDoc, readList(d, v, (*reader).doc)
		default:
			return false
		}
		return true
	})
	if members != 1 {
		d.fail("a document node has exactly one member")
	}
	return doc
}

func (d *reader) member(v []byte) (m Member) {
	if jsontext.KindOf(v) != jsontext.Array || jsontext.Len(v) != 2 {
		d.fail("a member is an array of its name and its value")
		return m
	}
	name, _ := jsontext.Index(v, 0)
	value, _ := jsontext.Index(v, 1)
	m.Name = d.str(name)
	m.Value = d.doc(value)
	return m
}

// reader keeps the first error and the path to where it reads.
type reader struct {
	path []byte
	err  error
}

func (d *reader) fail(what string) {
	if d.err == nil {
		d.err = errors.New(string(d.path) + ": " + what)
	}
}

// object calls member for each member of v; false means that the name is
// unknown.
func (d *reader) object(v []byte, member func(name string, v []byte) bool) {
	if jsontext.KindOf(v) != jsontext.Object {
		d.fail("want an object")
		return
	}
	depth := len(d.path)
	for it := jsontext.Members(v); it.Next() && d.err == nil; {
		name := it.Name()
		if depth > 0 {
			d.path = append(d.path, '.')
		}
		d.path = append(d.path, name...)
		if !member(name, it.Value()) {
			d.fail("unknown member; the control plane is newer than this filter")
		}
		d.path = d.path[:depth]
	}
}

func readList[T any](d *reader, v []byte, read func(*reader, []byte) T) []T {
	if jsontext.KindOf(v) != jsontext.Array {
		d.fail("want an array")
		return nil
	}
	list := make([]T, 0, jsontext.Len(v))
	depth := len(d.path)
	for it := jsontext.Elements(v); it.Next() && d.err == nil; {
		d.path = append(d.path, '[')
		d.path = strconv.AppendInt(d.path, int64(len(list)), 10)
		d.path = append(d.path, ']')
		list = append(list, read(d, it.Value()))
		d.path = d.path[:depth]
	}
	return list
}

func (d *reader) str(v []byte) string {
	if jsontext.KindOf(v) != jsontext.String {
		d.fail("want a string")
		return ""
	}
	// Cloned: the plan outlives the buffer that it was read from.
	return strings.Clone(jsontext.Unquote(v))
}

func (d *reader) bool(v []byte) bool {
	if jsontext.KindOf(v) != jsontext.Bool {
		d.fail("want true or false")
	}
	return string(v) == "true"
}

// int reads what fits in 31 bits without sign: no number of a plan is larger.
func (d *reader) int(v []byte) int {
	n, err := strconv.ParseUint(string(v), 10, 31)
	if err != nil {
		d.fail("want a whole number from 0 to 2147483647")
	}
	return int(n)
}
