package jsontext

// Iter goes through the members of an object or the elements of an array, in
// the order written. It holds places in the text and allocates nothing:
//
//	it := jsontext.Members(v)
//	for it.Next() {
//		use(it.Name(), it.Value())
//	}
//
// Declared in the for clause it works too, but Go then copies it every round.
type Iter struct {
	text   []byte
	pos    int // what follows the last item; -1 at the end
	object bool
	// odd: the name is long or has an escape, so its bytes alone do not decide.
	odd             bool
	name, nameEnd   int // the name with its quotes
	value, valueEnd int
}

// Members goes through object v, duplicate names included; through nothing if
// v is no object.
func Members(v []byte) (it Iter) { it.start(v, '{'); return it }

// Elements goes through array v; through nothing if v is no array.
func Elements(v []byte) (it Iter) { it.start(v, '['); return it }

func (it *Iter) start(v []byte, open byte) {
	it.text, it.pos, it.object = v, enter(v, open), open == '{'
}

// enter is the index behind the opening bracket of v, or -1 if v starts with
// something else.
func enter(v []byte, open byte) int {
	i := 0
	if len(v) > 0 && v[0] <= ' ' {
		i = skipSpace(v, 0)
	}
	if i >= len(v) || v[i] != open {
		return -1
	}
	return i + 1
}

// Next moves to the next item and reports whether there is one.
//
// A short name is read right here, by one word: a call would cost more.
func (it *Iter) Next() bool {
	v, i := it.text, it.pos
	if i < 0 {
		return false
	}
	if i < len(v) && v[i] == ',' {
		i++
	}
	if i < len(v) && v[i] <= ' ' {
		i = skipSeparator(v, i, ',')
	}
	if i >= len(v) || v[i]|0x20 == '}' {
		it.pos = -1
		return false
	}
	if it.object {
		it.name = i
		w := wordAt(v, i+1)
		k := first(quoteOrBackslash(w))
		if it.odd = w>>(k&56)&0xff != '"'; it.odd {
			i = skipString(v, i)
		} else {
			i += int(k>>3) + 2
		}
		it.nameEnd = i
		if i < len(v) && v[i] == ':' {
			i++
		}
		if i < len(v) && v[i] <= ' ' {
			i = skipSeparator(v, i, ':')
		}
	}
	it.value = i
	i = skipShort(v, i)
	it.valueEnd, it.pos = i, i
	return true
}

// skipSeparator moves from i over white space, and once over c with what is
// around it.
func skipSeparator(v []byte, i int, c byte) int {
	i = skipSpace(v, i)
	if i < len(v) && v[i] == c {
		i = skipSpace(v, i+1)
	}
	return i
}

// Value is the current item's value, a span of the text without white space
// around.
func (it *Iter) Value() []byte { return it.text[it.value:it.valueEnd:it.valueEnd] }

// Name is the current member's name, decoded. It aliases the text unless the
// name has an escape.
func (it *Iter) Name() string { return Unquote(it.RawName()) }

// RawName is the current member's name as written, a JSON string.
func (it *Iter) RawName() []byte { return it.text[it.name:it.nameEnd:it.nameEnd] }

// Named is Name() == name without a copy.
func (it *Iter) Named(name string) bool {
	if it.odd {
		return stringIs(it.RawName(), name)
	}
	return it.nameEnd-it.name == len(name)+2 && string(it.text[it.name+1:it.nameEnd-1]) == name
}
