package expr

import (
	"unicode/utf8"

	"github.com/tutti-mesh/tutti/filter/jsontext"
)

// evalCollection makes lists and maps and asks about them.
func evalCollection(n *Node, env Env) Value {
	switch n.Op {
	case List:
		return makeList(n, env)
	case Map:
		return makeMap(n, env)
	case In:
		return contains(n, env)
	}
	v := eval(&n.Args[0], env)
	if v.failed() {
		return v
	}
	v.settle()
	return size(&v)
}

// size counts code points, elements or members.
func size(v *Value) Value {
	n := 0
	switch {
	case v.opt:
		return fail(noOverload, "size")
	case v.kind == text:
		n = utf8.RuneCountInString(v.str)
	case v.kind == list:
		n = int(v.num)
	case v.kind == object:
		n = int(v.num) / 2
	case v.kind == listSpan:
		n = jsontext.Len(v.span())
	case v.kind == objectSpan:
		// Not jsontext.Len: a name that comes twice is one member.
		var buf [fewEntries]entry
		n = len(v.entries(buf[:0]))
	default:
		return fail(noOverload, "size")
	}
	return Int(int64(n))
}

func makeList(n *Node, env Env) Value {
	items := make([]Value, 0, len(n.Args))
	for i := range n.Args {
		v := eval(&n.Args[i], env)
		if v.failed() {
			return v
		}
		items = append(items, v)
	}
	return made(list, items)
}

func makeMap(n *Node, env Env) Value {
	items := make([]Value, 0, len(n.Args))
	for i := 0; i+1 < len(n.Args); i += 2 {
		key := eval(&n.Args[i], env)
		if key.failed() {
			return key
		}
		val := eval(&n.Args[i+1], env)
		if val.failed() {
			return val
		}
		key.settle()
		if key.opt || key.kind != text && key.kind != boolean && key.kind != integer && key.kind != unsigned {
			return fail(badKey, keyText(key))
		}
		// 1 and 1u are two keys, though either finds the other where it stands
		// alone; of the same key the last value counts.
		if at := findExact(items, key); at >= 0 {
			items[at+1] = val
		} else {
			items = append(items, key, val)
		}
	}
	return made(object, items)
}

// contains is a in b: an element of a list, or a key of a map.
func contains(n *Node, env Env) Value {
	a := eval(&n.Args[0], env)
	if a.failed() {
		return a
	}
	b := eval(&n.Args[1], env)
	switch {
	case b.failed():
		return b
	case b.opt:
	case b.listing():
		for it := b.elements(); ; {
			item, more := it.next()
			if !more {
				return Bool(false)
			}
			if equal(a, item) {
				return Bool(true)
			}
		}
	case b.mapping():
		a.settle()
		v := at(b, a, ifThere) // fails for what can be no key
		return Bool(!v.failed() && v.kind != noValue)
	}
	return fail(noOverload, "in")
}
