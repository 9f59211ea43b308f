// Package jsontext checks, reads and writes JSON as bytes (RFC 8259). It never
// decodes what nobody asked for: a value is the span of bytes it was written
// in, and what is passed through goes out as it came.
//
// Everything but Valid expects bytes that Valid has accepted and trusts them:
// on others its answers mean nothing, though it never reads outside of them.
// It is part of the Wasm module: no fmt, no encoding/json, no reflection.
package jsontext

// MaxDepth is how deeply arrays and objects may nest. A text nested deeper is
// not valid here; RFC 8259 section 9 lets an implementation set such a limit.
const MaxDepth = 64

// Padding is how many readable bytes must follow a text handed to Valid, the
// first of them zero: the check loads eight bytes at a time and looks for no
// end. Padded makes such a buffer out of any.
const Padding = 16

// Kind is the kind of a JSON value, told by its first byte.
type Kind uint8

// The kinds of RFC 8259 section 3. Invalid is the kind of no bytes.
const (
	Invalid Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)
