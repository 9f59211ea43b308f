package compile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tutti-mesh/tutti/controlplane/cel"
	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// templates compiles the templates of one step, or of the response with -1.
type templates struct {
	d    *draft
	step int
}

// issue reports an issue of a template at its place in the file.
func (t templates) issue(in policy.Template, offset int, i cel.Issue) {
	l := in.Loc
	l.Pos = in.At(offset + i.Offset)
	t.d.add(policy.At(l, i.Code, i.Message, i.Hint))
}

// text compiles a template. literal is called with each literal part, to look
// for what cannot be sent; it may be nil.
func (t templates) text(in policy.Template, literal func(offset int, text string)) plan.Text {
	parts, issue := cel.SplitTemplate(in.Value)
	if issue != nil {
		t.issue(in, 0, *issue)
		return nil
	}
	var out plan.Text
	for _, p := range parts {
		if !p.Expr {
			if literal != nil {
				literal(p.Offset, p.Text)
			}
			out = append(out, plan.Part{Lit: p.Text})
			continue
		}
		if hole, ok := t.expression(in, p); ok {
			out = append(out, hole)
		}
	}
	return out
}

func (t templates) expression(in policy.Template, p cel.TemplatePart) (plan.Part, bool) {
	e, uses, issues := cel.Compile(p.Text, t.d.scope)
	for _, i := range issues {
		t.issue(in, p.Offset, i)
	}
	if len(issues) > 0 {
		return plan.Part{}, false
	}
	t.d.use(t.step, uses)
	return plan.Part{Expr: e}, true
}

func (t templates) params(in policy.Params) []plan.Param {
	var out []plan.Param
	for _, p := range in {
		out = append(out, plan.Param{Name: p.Name.Value, Value: t.text(p.Value, nil)})
	}
	return out
}

func (t templates) headers(in policy.Params) []plan.Param {
	var out []plan.Param
	for _, p := range in {
		value := t.text(p.Value, func(offset int, text string) {
			i := strings.IndexFunc(text, control)
			if i < 0 {
				return
			}
			hint := ""
			if text[i] == '\n' {
				hint = "a block ends in a line break unless it begins with |- or >-"
			}
			t.bad(p.Value, offset+i, "bad-header", "has a control character, which no header can have", hint)
		})
		out = append(out, plan.Param{Name: strings.ToLower(p.Name.Value), Value: value})
	}
	return out
}

func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }

func (t templates) bad(in policy.Template, offset int, code, message, hint string) {
	l := in.Loc
	l.Pos = in.At(offset)
	t.d.add(policy.At(l, code, message, hint))
}

// path also sees to it that the literals can stand in a path as they are.
func (t templates) path(in policy.Template) plan.Text {
	out := t.text(in, func(offset int, text string) {
		if at, message, hint := badPath(text); message != "" {
			t.bad(in, offset+at, "bad-path", message, hint)
		}
	})
	// A hole is never empty, "." or ".." at run time: the filter refuses those.
	var shape strings.Builder
	for _, p := range out {
		if p.Expr != nil {
			shape.WriteByte('x')
		}
		shape.WriteString(p.Lit)
	}
	segments := strings.Split(strings.TrimSuffix(strings.TrimPrefix(shape.String(), "/"), "/"), "/")
	for i, s := range segments {
		if s == "" && len(segments) > 1 || s == "." || s == ".." {
			t.bad(in, 0, "bad-path", fmt.Sprintf("segment %d is %q", i+1, s), "servers read such segments in different ways")
			break
		}
	}
	return out
}

// badPath says what in a literal cannot stand in a path, and where.
func badPath(s string) (at int, message, hint string) {
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '/' || policy.PathChar(c):
		case c == '?':
			return i, "has a query", "use query: for it"
		case c == '#':
			return i, "has a fragment", "write %23 for a #"
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
		case c == '%':
			return i, "has a % that begins no escape", "write %25 for a %"
		default:
			_, n := utf8.DecodeRuneInString(s[i:])
			return i, fmt.Sprintf("has %q unescaped", s[i:i+n]), "write " + percent(s[i:i+n])
		}
	}
	return 0, "", ""
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

// document compiles a JSON document; what has no hole in it becomes one
// literal.
func (t templates) document(v *policy.Value) *plan.Doc {
	d := t.doc(v)
	t.d.checkDepth(v, &d, t.step >= 0)
	return &d
}

func (t templates) doc(v *policy.Value) plan.Doc {
	switch v.Kind {
	case policy.StringValue:
		return t.leaf(v)
	case policy.ArrayValue:
		return t.array(v)
	case policy.ObjectValue:
		return t.object(v)
	}
	return plan.Doc{Kind: plan.Literal, Raw: []byte(v.Raw)}
}

// leaf is a string: a lone hole keeps the type of its value.
func (t templates) leaf(v *policy.Value) plan.Doc {
	text := t.text(v.Text, nil)
	switch {
	case len(text) == 0:
		return plan.Doc{Kind: plan.Literal, Raw: []byte(`""`)}
	case len(text) > 1:
		return plan.Doc{Kind: plan.TextHole, Text: text}
	case text[0].Expr != nil:
		return plan.Doc{Kind: plan.Hole, Expr: text[0].Expr}
	}
	return plan.Doc{Kind: plan.Literal, Raw: jsonString(text[0].Lit)}
}

func (t templates) array(v *policy.Value) plan.Doc {
	elems := make([]plan.Doc, len(v.Elems))
	fold := true
	for i := range v.Elems {
		elems[i] = t.doc(&v.Elems[i])
		fold = fold && elems[i].Kind == plan.Literal
	}
	if !fold {
		return plan.Doc{Kind: plan.ArrayDoc, Elems: elems}
	}
	raw := []byte{'['}
	for i, e := range elems {
		if i > 0 {
			raw = append(raw, ',')
		}
		raw = append(raw, e.Raw...)
	}
	return plan.Doc{Kind: plan.Literal, Raw: append(raw, ']')}
}

func (t templates) object(v *policy.Value) plan.Doc {
	members := make([]plan.Member, len(v.Members))
	fold := true
	for i := range v.Members {
		m := &v.Members[i]
		members[i] = plan.Member{Name: m.Name.Value, Value: t.doc(&m.Value)}
		fold = fold && members[i].Value.Kind == plan.Literal
	}
	if !fold {
		return plan.Doc{Kind: plan.ObjectDoc, Members: members}
	}
	raw := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			raw = append(raw, ',')
		}
		raw = append(append(raw, jsonString(m.Name)...), ':')
		raw = append(raw, m.Value.Raw...)
	}
	return plan.Doc{Kind: plan.Literal, Raw: append(raw, '}')}
}

// jsonString writes a string as JSON, without the escapes for HTML.
func jsonString(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
