package policy

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth is how deeply a body may nest; the filter reads no deeper
// (jsontext.MaxDepth).
const maxDepth = 64

// jsonNumber is RFC 8259 section 6.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func (v *Value) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) {
	d.value(v, n, path, 0)
}

// value decodes a node as JSON. depth is how many lists and objects are around
// it.
func (d *decoder) value(v *Value, n *yaml.Node, path string, depth int) {
	v.Loc = d.loc(n, path)
	if depth >= maxDepth && (n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode) {
		d.report(v.Loc, "too-deep", fmt.Sprintf("nests deeper than %d", maxDepth), "")
		v.Raw = "null"
		return
	}
	switch n.Kind {
	case yaml.AliasNode:
		d.alias(n, path)
		v.Raw = "null"
	case yaml.ScalarNode:
		d.valueScalar(v, n, path)
	case yaml.SequenceNode:
		v.Kind = ArrayValue
		v.Elems = make([]Value, len(n.Content))
		for i, c := range n.Content {
			d.value(&v.Elems[i], c, fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
	case yaml.MappingNode:
		v.Kind = ObjectValue
		for key, value := range d.entries(n, path) {
			m := ValueMember{Name: d.text(key, join(path, key.Value))}
			d.noTemplate(m.Name)
			d.value(&m.Value, value, m.Name.Path, depth+1)
			v.Members = append(v.Members, m)
		}
	}
}

// valueScalar keeps the text of what is a JSON number as it stands. A number
// that only YAML knows (0x1f, 1_000, .inf, 007) is refused rather than guessed.
func (d *decoder) valueScalar(v *Value, n *yaml.Node, path string) {
	v.Raw = "null"
	plain := n.Style&^yaml.FlowStyle == 0
	if plain && jsonNumber.MatchString(n.Value) {
		v.Raw = n.Value
		return
	}
	switch n.ShortTag() {
	case "!!null":
	case "!!bool":
		v.Raw = strings.ToLower(n.Value)
	case "!!str", "!!timestamp", "!!merge":
		v.Kind, v.Raw = StringValue, ""
		v.Text = Template{d.text(n, path)}
	case "!!int", "!!float":
		if jsonNumber.MatchString(n.Value) {
			v.Raw = n.Value
			return
		}
		d.report(v.Loc, "bad-number", clip(n.Value)+" is a number in YAML and has no such form in JSON",
			"write it in decimal, or in quotes for a string")
	default:
		d.wrongType(n, path, "a JSON value")
	}
}

func (o *OnError) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) {
	l := d.loc(n, path)
	const want = "want fail, omit or {fallback: VALUE}"
	switch {
	case isString(n) && (n.Value == "fail" || n.Value == "omit"):
		*o = OnError{Loc: l, Choice: n.Value}
	case isString(n):
		d.report(l, "bad-value", "unknown value "+quote(n.Value), want)
	case n.Kind == yaml.MappingNode:
		var f struct {
			Fallback *Value `yaml:"fallback,required"`
		}
		d.object(reflect.ValueOf(&f).Elem(), n, path)
		if f.Fallback != nil {
			*o = OnError{Loc: l, Choice: "fallback", Fallback: f.Fallback}
		}
	default:
		d.report(l, "wrong-type", "is "+describe(n), want)
	}
}

var (
	statusForm = regexp.MustCompile(`^[1-5][0-9][0-9]$`)
	classForm  = regexp.MustCompile(`^[1-5]xx$`)
	rangeForm  = regexp.MustCompile(`^[1-5][0-9][0-9]-[1-5][0-9][0-9]$`)
)

func (s *StatusRange) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) {
	l := d.loc(n, path)
	if n.Kind != yaml.ScalarNode {
		d.wrongType(n, path, "a status")
		return
	}
	v := n.Value
	number := func(s string) int { return int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0') }
	switch {
	case statusForm.MatchString(v):
		*s = StatusRange{Loc: l, From: number(v), To: number(v)}
	case classForm.MatchString(v):
		*s = StatusRange{Loc: l, From: number(v[:1] + "00"), To: number(v[:1] + "99")}
	case rangeForm.MatchString(v) && number(v[:3]) <= number(v[4:]):
		*s = StatusRange{Loc: l, From: number(v[:3]), To: number(v[4:])}
	default:
		d.report(l, "bad-status", "is "+describe(n)+", not a status or a range", `want such as 200, "2xx" or "200-204"`)
	}
}
