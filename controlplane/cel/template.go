package cel

import "strings"

// TemplatePart is a piece of a template.
type TemplatePart struct {
	// Text is literal text, with $${ already made ${, or the CEL source between
	// ${ and }, without white space around.
	Text string
	// Expr says that Text is CEL.
	Expr bool
	// Offset is where Text begins in the template, in bytes.
	Offset int
}

// SplitTemplate finds the ${...} in s. Braces, strings and comments of CEL are
// known, so that ${ {"a": "}"} } is one expression. $${ stands for a literal
// ${; a $ before anything else is itself. An empty s has no parts, and two
// literal parts never follow one another.
func SplitTemplate(s string) ([]TemplatePart, *Issue) {
	var parts []TemplatePart
	var lit strings.Builder
	litAt := 0
	flush := func() {
		if lit.Len() > 0 {
			parts = append(parts, TemplatePart{Text: lit.String(), Offset: litAt})
			lit.Reset()
		}
	}
	for i := 0; i < len(s); {
		if lit.Len() == 0 {
			litAt = i
		}
		switch {
		case strings.HasPrefix(s[i:], "$${"):
			lit.WriteString("${")
			i += 3
		case strings.HasPrefix(s[i:], "${"):
			flush()
			end, issue := scanExpr(s, i)
			if issue != nil {
				return nil, issue
			}
			part := trimExpr(s, i+2, end)
			if part.Text == "" {
				return nil, &Issue{i, CodeEmpty, "empty expression",
					"for a literal ${ write $${"}
			}
			parts = append(parts, part)
			i = end + 1
		default:
			lit.WriteByte(s[i])
			i++
		}
	}
	flush()
	return parts, nil
}

func trimExpr(s string, from, to int) TemplatePart {
	const space = " \t\r\n\f"
	text := strings.TrimLeft(s[from:to], space)
	return TemplatePart{strings.TrimRight(text, space), true, to - len(text)}
}

// yamlHint names the usual reason: YAML itself has cut the text off.
const yamlHint = `close it with }; in YAML, a value with ": ", " #" or { needs quotes around all of it; ` +
	"for a literal ${ write $${"

// scanExpr finds the } that closes the ${ at start. It knows the tokens of
// CEL's grammar in which a brace is no brace.
func scanExpr(s string, start int) (int, *Issue) {
	depth, hint := 0, yamlHint
	for i := start + 2; i < len(s); {
		c := s[i]
		switch {
		case c == '{':
			depth++
		case c == '}' && depth == 0:
			return i, nil
		case c == '}':
			depth--
		case c == '/' && strings.HasPrefix(s[i:], "//"):
			hint = "a // comment goes on to the end of the line, } included"
			i = lineEnd(s, i)
			continue
		case c == '"' || c == '\'':
			end := scanString(s, i, false)
			if end < 0 {
				return 0, &Issue{i, CodeTemplate, "string without an end", yamlHint}
			}
			i = end
			continue
		case c == '`':
			// An escaped name, `x-y`: no quotes or braces can be in one.
			if n := strings.IndexByte(s[i+1:], '`'); n >= 0 {
				i += n + 1
			}
		case isNameByte(c):
			end := nameEnd(s, i)
			if end < len(s) && (s[end] == '"' || s[end] == '\'') && isRawPrefix(s[i:end]) {
				quote := end
				if end = scanString(s, quote, true); end < 0 {
					return 0, &Issue{quote, CodeTemplate, "string without an end", yamlHint}
				}
			}
			i = end
			continue
		}
		i++
	}
	return 0, &Issue{start, CodeTemplate, "${ without an end", hint}
}

func lineEnd(s string, i int) int {
	if n := strings.IndexByte(s[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(s)
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func nameEnd(s string, i int) int {
	for i < len(s) && isNameByte(s[i]) {
		i++
	}
	return i
}

// isRawPrefix tells the prefixes after which a backslash is only a backslash:
// r, and br for bytes.
func isRawPrefix(name string) bool {
	switch strings.ToLower(name) {
	case "r", "br":
		return true
	}
	return false
}

// scanString returns what follows the string whose quote is at i, or -1. Only a
// triple-quoted string may go over the end of a line.
func scanString(s string, i int, raw bool) int {
	quote := s[i : i+1]
	triple := strings.HasPrefix(s[i:], strings.Repeat(quote, 3))
	if triple {
		quote = s[i : i+3]
	}
	for i += len(quote); i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], quote):
			return i + len(quote)
		case s[i] == '\\' && !raw:
			i += 2
		case s[i] == '\n' && !triple:
			return -1
		default:
			i++
		}
	}
	return -1
}
