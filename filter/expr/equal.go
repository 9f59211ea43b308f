package expr

import (
	"slices"

	"github.com/tutti-mesh/tutti/filter/jsontext"
)

// equal is CEL's ==: numbers across their types, lists by element, maps
// without order, false for what has not the same type, never an error.
func equal(a, b Value) bool {
	if a.opt || b.opt {
		if a.opt != b.opt || a.kind == noValue || b.kind == noValue {
			return a.opt == b.opt && a.kind == b.kind
		}
		a.opt, b.opt = false, false
	}
	a.settle()
	b.settle()
	switch {
	case a.numeric() && b.numeric():
		return !a.nan() && !b.nan() && compareNumbers(&a, &b) == 0
	case a.kind == b.kind && (a.kind == listSpan || a.kind == objectSpan) && a.str == b.str:
		return true // the same bytes: JSON has no NaN
	case a.listing() && b.listing():
		return equalLists(&a, &b)
	case a.mapping() && b.mapping():
		return equalMaps(&a, &b)
	case a.kind != b.kind:
		return false
	}
	switch a.kind {
	case null:
		return true
	case boolean:
		return a.num == b.num
	case text:
		return a.str == b.str
	}
	return false
}

func (v *Value) listing() bool { return v.kind == list || v.kind == listSpan }

func (v *Value) mapping() bool { return v.kind == object || v.kind == objectSpan }

// elements goes through either form of a list.
type elements struct {
	items []Value
	it    jsontext.Iter
}

func (v *Value) elements() elements {
	if v.kind == list {
		return elements{items: v.items()}
	}
	return elements{it: jsontext.Elements(v.span())}
}

func (e *elements) next() (Value, bool) {
	if len(e.items) > 0 {
		v := e.items[0]
		e.items = e.items[1:]
		return v, true
	}
	if e.it.Next() {
		return JSON(e.it.Value()), true
	}
	return Value{}, false
}

func equalLists(a, b *Value) bool {
	left, right := a.elements(), b.elements()
	for {
		x, moreX := left.next()
		y, moreY := right.next()
		if moreX != moreY {
			return false
		}
		if !moreX {
			return true
		}
		if !equal(x, y) {
			return false
		}
	}
}

// entry is one member of a map.
type entry struct{ key, val Value }

// fewEntries is how many members of a map are compared without memory from the
// heap.
const fewEntries = 16

// equalMaps sorts both by key, which bounds the time for large maps. Names in
// JSON are strings; a map that the expression wrote may have other keys.
func equalMaps(a, b *Value) bool {
	var bufA, bufB [fewEntries]entry
	left, right := a.entries(bufA[:0]), b.entries(bufB[:0])
	if len(left) != len(right) {
		return false
	}
	for i := range left {
		if !equal(left[i].key, right[i].key) || !equal(left[i].val, right[i].val) {
			return false
		}
	}
	return true
}

// entries are the members sorted by key, of equal names in JSON the last.
func (v *Value) entries(to []entry) []entry {
	if v.kind == object {
		for items := v.items(); len(items) > 0; items = items[2:] {
			to = append(to, entry{items[0], items[1]})
		}
	} else {
		if n := jsontext.Len(v.span()); n > cap(to) {
			to = make([]entry, 0, n)
		}
		for it := jsontext.Members(v.span()); it.Next(); {
			to = append(to, entry{String(it.Name()), JSON(it.Value())})
		}
	}
	slices.SortStableFunc(to, compareKeys)
	if v.kind == object {
		return to
	}
	kept := to[:0]
	for i := range to {
		if i+1 < len(to) && compareKeys(to[i], to[i+1]) == 0 {
			continue
		}
		kept = append(kept, to[i])
	}
	return kept
}

// compareKeys puts bools before numbers before strings.
func compareKeys(a, b entry) int {
	if order, ok := compare(&a.key, &b.key); ok {
		return order
	}
	return keyRank(a.key) - keyRank(b.key)
}

func keyRank(v Value) int {
	switch v.kind {
	case boolean:
		return 0
	case text:
		return 2
	}
	return 1
}
