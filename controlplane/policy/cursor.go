package policy

import (
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// cursor walks the written form of a scalar, one character of its value after
// the other.
type cursor struct {
	data      []byte
	style     yaml.Style
	at        int
	line, col int
}

// newCursor stands on the first character of the value: behind a tag, an anchor,
// the opening quote or the header of a block.
func newCursor(raw rawScalar, line, col int) *cursor {
	c := &cursor{data: raw.src.data, style: raw.style, at: raw.src.offset(line, col), line: line, col: col}
	for c.more() && (c.data[c.at] == '!' || c.data[c.at] == '&') {
		for c.more() && !isBlank(c.peek()) {
			c.advance()
		}
		for c.more() && isBlank(c.peek()) {
			c.advance()
		}
	}
	switch {
	case c.style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		if c.more() {
			c.advance()
		}
	case c.style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		for header := c.line; c.more() && c.line == header; {
			c.advance()
		}
	}
	return c
}

func (c *cursor) more() bool { return c.at < len(c.data) }

func (c *cursor) peek() rune {
	r, _ := utf8.DecodeRune(c.data[c.at:])
	return r
}

// advance passes one written character or line break.
func (c *cursor) advance() {
	if n := breakAt(c.data[c.at:]); n > 0 {
		c.at += n
		c.line++
		c.col = 1
		return
	}
	_, n := utf8.DecodeRune(c.data[c.at:])
	c.at += n
	c.col++
}

// step passes one character of the value, which may be written with several,
// and says whether it is white space.
func (c *cursor) step() bool {
	r := c.peek()
	switch {
	case r == '\\' && c.style&yaml.DoubleQuotedStyle != 0:
		return c.escape()
	case r == '\'' && c.style&yaml.SingleQuotedStyle != 0:
		c.advance()
		if c.more() {
			c.advance()
		}
		return false
	}
	c.advance()
	return isBlank(r)
}

// escape passes one escape of a double-quoted scalar (YAML 1.2 section 5.7).
func (c *cursor) escape() bool {
	c.advance()
	if !c.more() {
		return false
	}
	r := c.peek()
	c.advance()
	digits := 0
	switch r {
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	case 'n', 'r', 't', ' ', '\t', 'N', 'L', 'P', '\n', '\r':
		return true
	}
	code := rune(0)
	for ; digits > 0 && c.more(); digits-- {
		code = code<<4 | hexDigit(c.peek())
		c.advance()
	}
	return code != 0 && isBlank(code)
}

func hexDigit(r rune) rune {
	switch {
	case r >= '0' && r <= '9':
		return r - '0'
	case r >= 'a' && r <= 'f':
		return r - 'a' + 10
	case r >= 'A' && r <= 'F':
		return r - 'A' + 10
	}
	return 0
}
