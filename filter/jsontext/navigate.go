package jsontext

// Trim removes the white space of JSON around b.
func Trim(b []byte) []byte {
	i := skipSpace(b, 0)
	j := len(b)
	for j > i && b[j-1] <= ' ' {
		j--
	}
	return b[i:j:j]
}

// KindOf tells the kind of a value; white space before it does not matter.
func KindOf(v []byte) Kind {
	i := skipSpace(v, 0)
	if i == len(v) {
		return Invalid
	}
	switch v[i] {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return Number
	}
	return Invalid
}

// Field is the value of the member of object v with that name, false if there
// is none or v is no object. Of several with the same name the last counts, as
// in ECMAScript and encoding/json. Names compare by what they mean: "\u0061"
// is a. The result is a span of v without white space around.
func Field(v []byte, name string) ([]byte, bool) {
	var found []byte
	for it := Members(v); it.Next(); {
		if it.Named(name) {
			found = it.value
		}
	}
	return found, found != nil
}

// Index is the element of array v at position i, counted from 0; false if
// there is none or v is no array.
func Index(v []byte, i int) ([]byte, bool) {
	if i < 0 {
		return nil, false
	}
	for it := Elements(v); it.Next(); i-- {
		if i == 0 {
			return it.value, true
		}
	}
	return nil, false
}

// Len counts the members of an object as written, duplicates too, or the
// elements of an array. It is 0 for any other value.
func Len(v []byte) int {
	it := Elements(v)
	if KindOf(v) == Object {
		it = Members(v)
	}
	n := 0
	for it.Next() {
		n++
	}
	return n
}

// Iter goes through the members of an object or the elements of an array, in
// the order written. It holds spans of the text and allocates nothing.
type Iter struct {
	text   []byte
	pos    int // what follows the last item; -1 at the end
	object bool
	name   []byte // with its quotes
	value  []byte
}

// Members goes through object v, duplicate names included; through nothing if
// v is no object.
func Members(v []byte) Iter { return iterate(v, '{') }

// Elements goes through array v; through nothing if v is no array.
func Elements(v []byte) Iter { return iterate(v, '[') }

func iterate(v []byte, open byte) Iter {
	i := skipSpace(v, 0)
	if i == len(v) || v[i] != open {
		return Iter{pos: -1}
	}
	return Iter{text: v, pos: i + 1, object: open == '{'}
}

// Next moves to the next item and reports whether there is one.
func (it *Iter) Next() bool {
	v, i := it.text, it.pos
	if i < 0 {
		return false
	}
	for i < len(v) && (v[i] <= ' ' || v[i] == ',') {
		i++
	}
	if i >= len(v) || v[i]|0x20 == '}' {
		it.pos = -1
		return false
	}
	if it.object {
		j := skipString(v, i)
		it.name = v[i:j:j]
		for i = j; i < len(v) && (v[i] <= ' ' || v[i] == ':'); {
			i++
		}
	}
	j := skipValue(v, i)
	it.value, it.pos = v[i:j:j], j
	return true
}

// Value is the current item's value, a span of the text.
func (it *Iter) Value() []byte { return it.value }

// Name is the current member's name, decoded. It aliases the text unless the
// name has an escape.
func (it *Iter) Name() string { return Unquote(it.name) }

// RawName is the current member's name as written, a JSON string.
func (it *Iter) RawName() []byte { return it.name }

// Named is Name() == name without a copy.
func (it *Iter) Named(name string) bool { return stringIs(it.name, name) }
