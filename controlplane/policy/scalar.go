package policy

import "time"

// Pos is a place in a file. Line and Col count from 1, Col in characters.
type Pos struct {
	File string
	Line int
	Col  int
}

// Loc is where a value was written: its place and its field path, such as
// spec.calls[1].upstream. The zero Loc is a value that was not given.
type Loc struct {
	Pos  Pos
	Path string
}

// Given says that the value was written, rather than left to its default.
func (l Loc) Given() bool { return l.Pos.Line != 0 }

// Text is a string.
type Text struct {
	Loc
	Value string
	raw   rawScalar
}

// Template is a string with ${} in it. Numbers and booleans are accepted as
// they were written.
type Template struct{ Text }

// Duration is such as 800ms or 1m30s: whole numbers with h, m, s or ms, as in
// Gateway API (GEP-2257).
type Duration struct {
	Loc
	D time.Duration
}

// Size is a number of bytes.
type Size struct {
	Loc
	Bytes int
}

// Int is a whole number.
type Int struct {
	Loc
	N int64
}

// Bool is true or false.
type Bool struct {
	Loc
	B bool
}

// Params are named templates in the order written.
type Params []Param

// Param is one of Params.
type Param struct {
	Name  Text
	Value Template
}

// PathTemplate is the path of a match.
type PathTemplate struct {
	Text
	// Segments are the parts between slashes: "/" has one, which is empty.
	Segments []Segment
}

// Segment is a literal if Param is empty, else a parameter: one segment, or all
// the rest with Tail.
type Segment struct {
	Literal string
	Param   string
	Tail    bool
}

// ValueKind is the kind of a Value.
type ValueKind uint8

// The kinds of a Value.
const (
	// LiteralValue is null, a boolean or a number; Raw is its JSON.
	LiteralValue ValueKind = iota
	// StringValue is a string that may have ${} in it.
	StringValue
	ObjectValue
	ArrayValue
)

// Value is a JSON document as the user wrote it in YAML.
type Value struct {
	Loc
	Kind ValueKind
	// Raw is the JSON of a LiteralValue; numbers keep their text.
	Raw string
	// Text is a StringValue.
	Text Template
	// Members of an ObjectValue in the order written.
	Members []ValueMember
	// Elems of an ArrayValue.
	Elems []Value
}

// ValueMember is one name of an object. Names have no ${}.
type ValueMember struct {
	Name  Text
	Value Value
}
