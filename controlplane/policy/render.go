package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// excerptWidth is how many characters of a line an excerpt shows.
const excerptWidth = 120

// Renderer writes problems for people. It is the only one there is.
type Renderer struct {
	// Source gives a file's bytes for an excerpt with a caret below the place;
	// nil for one line per problem. See Set.Source.
	Source func(file string) []byte
}

// Render writes the problems, one after the other.
func (r Renderer) Render(w io.Writer, ps []Problem) error {
	lines := map[string][]string{}
	for _, p := range ps {
		if _, err := fmt.Fprintln(w, p.String()); err != nil {
			return err
		}
		if r.Source == nil || p.Line == 0 {
			continue
		}
		if _, ok := lines[p.File]; !ok {
			lines[p.File] = newSource(r.Source(p.File)).lines()
		}
		if _, err := io.WriteString(w, excerpt(lines[p.File], p)); err != nil {
			return err
		}
	}
	return nil
}

// String is the problem as one line: where, what, how to fix it, code.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Col)
	}
	b.WriteString(": ")
	if p.Severity == Warning {
		b.WriteString("warning: ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	b.WriteString(" [" + p.Code + "]")
	return b.String()
}

// EncodeProblems is the JSON form: an array, one element per problem.
func EncodeProblems(ps []Problem) []byte {
	if ps == nil {
		ps = []Problem{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(ps); err != nil {
		panic(err) // strings and numbers always encode
	}
	return b.Bytes()
}

// excerpt is the line of a problem with a caret below the column. Long lines
// are cut around it, and control characters are shown as dots, so that a file
// cannot steer the terminal.
func excerpt(lines []string, p Problem) string {
	if p.Line > len(lines) {
		return ""
	}
	runes := []rune(strings.Map(printable, lines[p.Line-1]))
	at := min(p.Col-1, len(runes))
	from := 0
	if at > excerptWidth*3/4 {
		from = at - excerptWidth/2
	}
	to := min(len(runes), from+excerptWidth)
	number := fmt.Sprintf("%5d", p.Line)
	text := strings.TrimRight(string(runes[from:to]), " ")
	return number + " | " + text + "\n" +
		strings.Repeat(" ", len(number)) + " | " + strings.Repeat(" ", at-from) + "^\n"
}

func printable(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case r == utf8.RuneError || !unicode.IsPrint(r):
		return '·'
	}
	return r
}
