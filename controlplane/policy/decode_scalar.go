package policy

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// isString says whether a scalar is a string. Dates are strings here.
func isString(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode {
		return false
	}
	t := n.ShortTag()
	return t == "!!str" || t == "!!timestamp" || t == "!!merge"
}

func (d *decoder) text(n *yaml.Node, path string) Text {
	return Text{Loc: d.loc(n, path), Value: n.Value, raw: rawScalar{src: d.src, style: n.Style}}
}

func (t *Text) decode(d *decoder, n *yaml.Node, path string, tag reflect.StructTag) {
	if !isString(n) {
		hint := ""
		if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
			hint = "write it in quotes: " + quote(n.Value)
		}
		d.report(d.loc(n, path), "wrong-type", "is "+describe(n)+", want a string", hint)
		return
	}
	*t = d.text(n, path)
	if enum, ok := tag.Lookup("enum"); ok {
		want := strings.Split(enum, ",")
		if slices.Contains(want, n.Value) {
			return
		}
		t.Value = ""
		if enum == "," { // only the empty string
			want = []string{`""`}
		}
		hint := DidYouMean(n.Value, want)
		if hint == "" {
			hint = "want " + strings.Join(want, ", ")
		}
		d.report(t.Loc, "bad-value", "unknown value "+quote(n.Value), hint)
	}
}

func (t *Template) decode(d *decoder, n *yaml.Node, path string, tag reflect.StructTag) {
	if n.Kind == yaml.ScalarNode {
		switch n.ShortTag() {
		case "!!int", "!!float", "!!bool":
			t.Text = d.text(n, path)
			return
		}
	}
	t.Text.decode(d, n, path, tag)
}

func (b *Bool) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		d.wrongType(n, path, "true or false")
		return
	}
	*b = Bool{Loc: d.loc(n, path), B: strings.EqualFold(n.Value, "true")}
}

func (i *Int) decode(d *decoder, n *yaml.Node, path string, tag reflect.StructTag) {
	// yaml.v3 calls an integer over 64 bits a float.
	t := n.ShortTag()
	if n.Kind != yaml.ScalarNode || t != "!!int" && t != "!!float" || !jsonInteger.MatchString(n.Value) {
		d.wrongType(n, path, "a whole number")
		return
	}
	v, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		v = math.MaxInt64
	}
	least, most := bounds(tag, math.MinInt64, math.MaxInt64)
	if err != nil || v < least || v > most {
		d.report(d.loc(n, path), "out-of-range",
			fmt.Sprintf("is %s, want %d to %d", clip(n.Value), least, most), "")
		return
	}
	*i = Int{Loc: d.loc(n, path), N: v}
}

func bounds(tag reflect.StructTag, least, most int64) (int64, int64) {
	if v, err := strconv.ParseInt(tag.Get("min"), 10, 64); err == nil {
		least = v
	}
	if v, err := strconv.ParseInt(tag.Get("max"), 10, 64); err == nil {
		most = v
	}
	return least, most
}

var (
	durationForm = regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)
	fractionForm = regexp.MustCompile(`^[0-9]*\.[0-9]+(h|m|s|ms)$`)
	sizeForm     = regexp.MustCompile(`^([0-9]+)(KiB|MiB)?$`)
	jsonInteger  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
)

func (t *Duration) decode(d *decoder, n *yaml.Node, path string, tag reflect.StructTag) {
	l := d.loc(n, path)
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		d.wrongType(n, path, "a duration such as 800ms or 2s")
		return
	}
	if !durationForm.MatchString(n.Value) {
		hint := "want such as 800ms, 2s or 1m30s"
		v, err := time.ParseDuration(n.Value)
		switch {
		case n.ShortTag() == "!!int":
			hint = "add a unit: ms, s, m or h"
		case fractionForm.MatchString(n.Value) && err == nil && v >= time.Millisecond:
			hint = fmt.Sprintf("write %dms", v.Milliseconds())
		}
		d.report(l, "bad-duration", "is "+describe(n)+", not a duration", hint)
		return
	}
	v, err := time.ParseDuration(n.Value)
	most, _ := time.ParseDuration(tag.Get("max"))
	switch {
	case err != nil || v <= 0:
		d.report(l, "out-of-range", "is "+n.Value+", want more than 0", "")
	case v > most:
		d.report(l, "out-of-range", "is "+n.Value+", want at most "+tag.Get("max"), "")
	default:
		*t = Duration{Loc: l, D: v}
	}
}

func (s *Size) decode(d *decoder, n *yaml.Node, path string, tag reflect.StructTag) {
	l := d.loc(n, path)
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		d.wrongType(n, path, "a size such as 65536 or 4MiB")
		return
	}
	m := sizeForm.FindStringSubmatch(n.Value)
	if m == nil {
		d.report(l, "bad-size", "is "+describe(n)+", not a size", "want such as 65536, 64KiB or 4MiB")
		return
	}
	v, err := strconv.ParseInt(m[1], 10, 64)
	unit := map[string]int64{"": 1, "KiB": 1 << 10, "MiB": 1 << 20}[m[2]]
	_, most := bounds(tag, 1, math.MaxInt32)
	if err != nil || v < 1 || v > most/unit {
		d.report(l, "out-of-range", fmt.Sprintf("is %s, want 1 to %s", clip(n.Value), sizeText(most)), "")
		return
	}
	*s = Size{Loc: l, Bytes: int(v * unit)}
}

func sizeText(n int64) string {
	if n%(1<<20) == 0 {
		return strconv.FormatInt(n>>20, 10) + "MiB"
	}
	return strconv.FormatInt(n, 10)
}

func (p *Params) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, path, "an object of names and values")
		return
	}
	for key, value := range d.entries(n, path) {
		at := join(path, key.Value)
		name := d.text(key, at)
		var t Template
		d.into(reflect.ValueOf(&t).Elem(), value, at, "")
		if t.Given() {
			*p = append(*p, Param{Name: name, Value: t})
		}
	}
}

func (l *Label) decodeEntry(d *decoder, key, value *yaml.Node, path string) {
	at := join(path, key.Value)
	l.Name = d.text(key, at)
	d.into(reflect.ValueOf(&l.Value).Elem(), value, at, "")
}

func (l *Labels) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, path, "an object of names and strings")
		return
	}
	for key, value := range d.entries(n, path) {
		var one Label
		one.decodeEntry(d, key, value, path)
		*l = append(*l, one)
	}
}

// noTemplate reports ${} in a key.
func (d *decoder) noTemplate(key Text) {
	if strings.Contains(key.Value, "${") {
		d.report(key.Loc, "template-in-key", "${} in the key "+quote(key.Value)+" is not looked for", "put it in the value")
	}
}
