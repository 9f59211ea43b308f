package expr

import (
	"errors"
	"strconv"

	"github.com/tutti-mesh/tutti/filter/jsontext"
)

// MaxWire bounds the JSON of one expression, in bytes.
const MaxWire = 64 << 10

// AppendJSON appends the wire form: an array of the source text and the tree in
// postfix order, operands before their operation, so that it does not nest
// (jsontext.MaxDepth holds for the whole plan):
//
//	["steps.stock.body.count > 0",["step.body",1],[".","count"],0,[">"]]
//
// A literal stands for itself; a double has a fraction or an exponent. An
// operation is an array of its word, its number (Op's comment has it), its name
// and, for those that take any number of operands, how many.
// The same expression always gives the same bytes.
func (e *Expr) AppendJSON(dst []byte) []byte {
	dst = append(dst, '[')
	dst = jsontext.AppendString(dst, e.src)
	dst = e.root.appendJSON(dst)
	return append(dst, ']')
}

func (n *Node) appendJSON(dst []byte) []byte {
	for i := range n.Args {
		dst = n.Args[i].appendJSON(dst)
	}
	dst = append(dst, ',')
	if n.Op == Lit {
		return n.Val.appendLiteral(dst)
	}
	info := &ops[n.Op]
	dst = append(dst, '[')
	dst = jsontext.AppendString(dst, info.word)
	if info.num {
		dst = append(dst, ',')
		dst = strconv.AppendInt(dst, int64(n.Num), 10)
	}
	if info.str {
		dst = append(dst, ',')
		dst = jsontext.AppendString(dst, n.Str)
	}
	if info.variadic() {
		dst = append(dst, ',')
		dst = strconv.AppendInt(dst, int64(len(n.Args)), 10)
	}
	return append(dst, ']')
}

// appendLiteral keeps the type of a number.
func (v *Value) appendLiteral(dst []byte) []byte {
	switch v.kind {
	case unsigned:
		dst = append(dst, `["uint","`...)
		dst = strconv.AppendUint(dst, v.num, 10)
		return append(dst, `"]`...)
	case double:
		from := len(dst)
		dst = appendDouble(dst, v.double())
		for _, c := range dst[from:] {
			if c == '.' || c == 'e' {
				return dst
			}
		}
		return append(dst, ".0"...)
	}
	return v.AppendJSON(dst)
}

// Decode reads the wire form. raw may be any bytes and is not kept. Anything
// that AppendJSON does not write is an error, but for white space and the way
// that numbers and strings are written.
func Decode(raw []byte) (*Expr, error) {
	if len(raw) > MaxWire {
		return nil, errors.New("expression: over 64 KiB")
	}
	if !jsontext.Valid(raw) {
		return nil, errors.New("expression: not JSON")
	}
	it := jsontext.Elements(raw)
	if !it.Next() || jsontext.KindOf(it.Value()) != jsontext.String {
		return nil, errors.New("expression: not an array that begins with the source text")
	}
	src := owned(it.Value())
	var d decoder
	for nodes := 0; it.Next(); nodes++ {
		if nodes >= MaxNodes {
			return nil, errTooMany
		}
		if err := d.item(it.Value()); err != nil {
			return nil, err
		}
	}
	if len(d.stack) != 1 {
		return nil, errors.New("expression: not one tree")
	}
	return New(src, d.stack[0])
}

// owned is the text of a JSON string in memory of its own.
func owned(raw []byte) string { return string(jsontext.AppendUnquoted(nil, raw)) }

// decoder builds the tree bottom-up.
type decoder struct{ stack []Node }

func (d *decoder) item(raw []byte) error {
	n := Node{Op: Lit}
	switch jsontext.KindOf(raw) {
	case jsontext.Array:
		return d.operation(jsontext.Elements(raw))
	case jsontext.String:
		n.Val = String(owned(raw))
	case jsontext.Number, jsontext.Bool, jsontext.Null:
		n.Val = JSON(raw)
		n.Val.settle()
		n.Val.str = ""
		if n.Val.kind == unsigned {
			return errors.New("expression: integer out of range")
		}
	default:
		return errors.New("expression: an object in the tree")
	}
	d.stack = append(d.stack, n)
	return nil
}

func (d *decoder) operation(it jsontext.Iter) error {
	word, ok := nextString(&it)
	if !ok {
		return errors.New("expression: no operation")
	}
	if word == "uint" {
		return d.unsigned(it)
	}
	n := Node{Op: opOf(word)}
	if n.Op == invalidOp {
		return errors.New("expression: unknown operation " + strconv.Quote(word))
	}
	info := &ops[n.Op]
	if info.num {
		if n.Num, ok = nextInt(&it); !ok {
			return errors.New("expression: bad index of " + word)
		}
	}
	if info.str {
		if n.Str, ok = nextString(&it); !ok {
			return errors.New("expression: no name of " + word)
		}
	}
	arity := int(info.min)
	if info.variadic() {
		if arity, ok = nextInt(&it); !ok {
			return errors.New("expression: bad number of operands of " + word)
		}
	}
	if it.Next() {
		return errors.New("expression: too much in " + word)
	}
	return d.push(n, arity)
}

// push takes the operands off the stack; New checks that they suit.
func (d *decoder) push(n Node, arity int) error {
	rest := len(d.stack) - arity
	if rest < 0 {
		return errors.New("expression: too few operands of " + n.Op.String())
	}
	if arity > 0 {
		n.Args = append([]Node(nil), d.stack[rest:]...)
	}
	d.stack = append(d.stack[:rest], n)
	return nil
}

func (d *decoder) unsigned(it jsontext.Iter) error {
	digits, _ := nextString(&it)
	u, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || it.Next() {
		return errors.New("expression: malformed uint")
	}
	return d.push(Node{Op: Lit, Val: Uint(u)}, 0)
}

func nextString(it *jsontext.Iter) (string, bool) {
	if !it.Next() || jsontext.KindOf(it.Value()) != jsontext.String {
		return "", false
	}
	return owned(it.Value()), true
}

func nextInt(it *jsontext.Iter) (int, bool) {
	if !it.Next() {
		return 0, false
	}
	n, ok := jsontext.ParseNumber(it.Value())
	if !ok || n.Kind != jsontext.Int || n.Int < 0 || n.Int > MaxIndex {
		return 0, false
	}
	return int(n.Int), true
}
