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
//
// It does what Members, Next and Named do, in one loop: this is what most of
// an expression's time goes into.
func Field(v []byte, name string) ([]byte, bool) {
	i := enter(v, '{')
	if i < 0 {
		return nil, false
	}
	want, mask := shortName(name)
	from, to := 0, 0
	for {
		if i < len(v) && v[i] == ',' {
			i++
		}
		if i < len(v) && v[i] <= ' ' {
			i = skipSeparator(v, i, ',')
		}
		if i >= len(v) || v[i]|0x20 == '}' {
			return v[from:to:to], to > 0
		}
		var match bool
		w := wordAt(v, i+1)
		if k := first(quoteOrBackslash(w)); w>>(k&56)&0xff == '"' {
			match = (w^want)&mask == 0
			i += int(k>>3) + 2
		} else {
			j := skipString(v, i)
			match = stringIs(v[i:j], name)
			i = j
		}
		if i < len(v) && v[i] == ':' {
			i++
		}
		if i < len(v) && v[i] <= ' ' {
			i = skipSeparator(v, i, ':')
		}
		if match {
			from = i
		}
		i = skipShort(v, i)
		if match {
			to = i
		}
	}
}

// shortName is name and a closing quote as a word, with the mask of its bytes.
// A name that no member of at most seven plain bytes can have gets a word that
// equals none of theirs: it starts with a backslash.
func shortName(name string) (want, mask uint64) {
	if len(name) > 7 {
		return '\\', 0xff
	}
	want = '"'
	for k := len(name) - 1; k >= 0; k-- {
		if name[k] == '"' || name[k] == '\\' {
			return '\\', 0xff
		}
		want = want<<8 | uint64(name[k])
	}
	return want, 1<<(8*len(name)+8) - 1
}

// Index is the element of array v at position i, counted from 0; false if
// there is none or v is no array.
func Index(v []byte, i int) ([]byte, bool) {
	if i < 0 {
		return nil, false
	}
	var it Iter
	it.start(v, '[')
	for ; it.Next(); i-- {
		if i == 0 {
			return it.Value(), true
		}
	}
	return nil, false
}

// Len counts the members of an object as written, duplicates too, or the
// elements of an array. It is 0 for any other value.
func Len(v []byte) int {
	var it Iter
	it.start(v, '[')
	if it.pos < 0 {
		it.start(v, '{')
	}
	n := 0
	for it.Next() {
		n++
	}
	return n
}
