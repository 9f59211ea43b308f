package policy

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decoder turns one resource's nodes into structs. It goes by the yaml tags:
// `yaml:"name,required"`, and `enum`, `min` and `max` for what a value may be.
// It never stops at a problem.
type decoder struct {
	file string
	src  *source
	// base is how many lines of the file come before the nodes' first line.
	base       int
	kind, name string
	problems   []Problem
}

// leaf is a type that decodes itself.
type leaf interface {
	decode(d *decoder, n *yaml.Node, path string, tag reflect.StructTag)
}

var leafType = reflect.TypeFor[leaf]()

func (d *decoder) pos(n *yaml.Node) Pos {
	return Pos{File: d.file, Line: n.Line + d.base, Col: n.Column}
}

func (d *decoder) loc(n *yaml.Node, path string) Loc { return Loc{Pos: d.pos(n), Path: path} }

func (d *decoder) report(l Loc, code, message, hint string) {
	d.add(At(l, code, message, hint))
}

func (d *decoder) add(p Problem) {
	p.Kind, p.Name = d.kind, d.name
	d.problems = append(d.problems, p)
}

// failed says whether there is an error so far.
func (d *decoder) failed() bool {
	for _, p := range d.problems {
		if p.Severity == Error {
			return true
		}
	}
	return false
}

// into decodes n into v, whatever v is.
func (d *decoder) into(v reflect.Value, n *yaml.Node, path string, tag reflect.StructTag) {
	if n.Kind == yaml.AliasNode {
		d.alias(n, path)
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if v.Type() == reflect.TypeFor[yaml.Node]() {
		v.Set(reflect.ValueOf(*n))
		return
	}
	if v.Addr().Type().Implements(leafType) {
		v.Addr().Interface().(leaf).decode(d, n, path, tag)
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		d.list(v, n, path, tag)
	case reflect.Struct:
		d.object(v, n, path)
	default:
		panic("policy: no way to decode " + v.Type().String())
	}
}

func (d *decoder) alias(n *yaml.Node, path string) {
	d.report(d.loc(n, path), "yaml-alias", "YAML aliases are not supported", "write the value out")
}

func (d *decoder) list(v reflect.Value, n *yaml.Node, path string, tag reflect.StructTag) {
	if n.Kind != yaml.SequenceNode {
		d.wrongType(n, path, "a list")
		return
	}
	count := len(n.Content)
	if least, _ := strconv.Atoi(tag.Get("min")); count < least {
		d.report(d.loc(n, path), "out-of-range", fmt.Sprintf("has no entries, want at least %d", least), "")
	}
	if most, err := strconv.Atoi(tag.Get("max")); err == nil && count > most {
		d.report(d.loc(n.Content[most], path), "out-of-range",
			fmt.Sprintf("has %d entries, want at most %d", count, most), "")
		count = most
	}
	v.Set(reflect.MakeSlice(v.Type(), count, count))
	for i := range count {
		d.into(v.Index(i), n.Content[i], fmt.Sprintf("%s[%d]", path, i), tag)
	}
}

// object decodes a mapping into a struct.
func (d *decoder) object(v reflect.Value, n *yaml.Node, path string) {
	if n.Kind == yaml.AliasNode {
		d.alias(n, path)
		return
	}
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, path, "an object")
		return
	}
	fields, names := d.fields(v)
	if l := v.FieldByName("Loc"); l.IsValid() {
		l.Set(reflect.ValueOf(d.loc(n, path)))
	}
	seen := map[string]bool{}
	for key, value := range d.entries(n, path) {
		f, ok := fields[key.Value]
		at := join(path, key.Value)
		if !ok {
			d.report(d.loc(key, at), "unknown-field", "unknown field "+quote(key.Value), fieldHint(key.Value, names))
			seen[Closest(key.Value, names)] = true // one problem for a misspelt field, not two
			continue
		}
		seen[key.Value] = true
		d.into(v.FieldByIndex(f.Index), value, at, f.Tag)
	}
	for _, name := range names {
		if strings.HasSuffix(fields[name].Tag.Get("yaml"), ",required") && !seen[name] {
			d.report(d.loc(n, join(path, name)), "missing-field", "is required", "")
		}
	}
}

func fieldHint(key string, names []string) string {
	if hint := DidYouMean(key, names); hint != "" || len(names) > 12 {
		return hint
	}
	return "want " + strings.Join(names, ", ")
}

// entries are a mapping's keys and values, without those whose key is no
// string or comes again; these are reported.
func (d *decoder) entries(n *yaml.Node, path string) func(yield func(k, v *yaml.Node) bool) {
	return func(yield func(k, v *yaml.Node) bool) {
		seen := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind == yaml.AliasNode {
				d.alias(key, path)
				continue
			}
			if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null" {
				d.report(d.loc(key, path), "wrong-type", "a key is "+describe(key)+", want a string", "")
				continue
			}
			if line, ok := seen[key.Value]; ok {
				d.report(d.loc(key, join(path, key.Value)), "duplicate-key",
					fmt.Sprintf("key %s is already in line %d", quote(key.Value), line), "remove one")
				continue
			}
			seen[key.Value] = key.Line + d.base
			if !yield(key, n.Content[i+1]) {
				return
			}
		}
	}
}

// fields are the tagged fields of a struct by name, and the names in order.
func (d *decoder) fields(v reflect.Value) (map[string]reflect.StructField, []string) {
	fields := map[string]reflect.StructField{}
	var names []string
	for _, f := range reflect.VisibleFields(v.Type()) {
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" {
			fields[name] = f
			names = append(names, name)
		}
	}
	return fields, names
}

func (d *decoder) wrongType(n *yaml.Node, path, want string) {
	d.report(d.loc(n, path), "wrong-type", "is "+describe(n)+", want "+want, "")
}

// describe says what a node is, for a message.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "an object"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "empty"
	case "!!bool":
		return "the boolean " + n.Value
	case "!!int", "!!float":
		return "the number " + clip(n.Value)
	case "!!str", "!!timestamp", "!!merge":
		return "the string " + quote(n.Value)
	}
	return "a value with the tag " + clip(n.Tag)
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)

// join is the path of a member.
func join(path, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return path + "[" + quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// quote is a user's text in a message: short and without control characters.
func quote(s string) string { return strconv.Quote(clip(s)) }

func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
