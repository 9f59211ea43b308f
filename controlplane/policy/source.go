package policy

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// source is one file, for excerpts and for places inside scalars.
type source struct {
	data []byte
	// starts are the offsets at which lines begin.
	starts []int
}

func newSource(data []byte) *source {
	s := &source{data: data, starts: []int{0}}
	for i := 0; i < len(data); {
		n := breakAt(data[i:])
		if n == 0 {
			i++
			continue
		}
		i += n
		s.starts = append(s.starts, i)
	}
	return s
}

// breakAt is the length of the line break at the start of b, 0 if there is
// none. The breaks are YAML's (1.1), since its line numbers count them.
func breakAt(b []byte) int {
	switch {
	case b[0] == '\n':
		return 1
	case b[0] == '\r':
		if len(b) > 1 && b[1] == '\n' {
			return 2
		}
		return 1
	case len(b) > 1 && b[0] == 0xC2 && b[1] == 0x85:
		return 2
	case len(b) > 2 && b[0] == 0xE2 && b[1] == 0x80 && (b[2] == 0xA8 || b[2] == 0xA9):
		return 3
	}
	return 0
}

// lines are the file's lines without their breaks.
func (s *source) lines() []string {
	out := make([]string, len(s.starts))
	for i, from := range s.starts {
		to := len(s.data)
		if i+1 < len(s.starts) {
			to = s.starts[i+1]
		}
		end := from
		for end < to && breakAt(s.data[end:to]) == 0 {
			end++
		}
		out[i] = string(s.data[from:end])
	}
	out[0] = strings.TrimPrefix(out[0], "\uFEFF") // no column counts it
	return out
}

// offset is the byte at a line and column; the file's end if there is none.
func (s *source) offset(line, col int) int {
	if line < 1 || line > len(s.starts) {
		return len(s.data)
	}
	at := s.starts[line-1]
	if line == 1 && len(s.data) >= 3 && string(s.data[:3]) == "\xEF\xBB\xBF" {
		at += 3
	}
	for ; col > 1 && at < len(s.data); col-- {
		_, n := utf8.DecodeRune(s.data[at:])
		at += n
	}
	return at
}

// rawScalar is how a scalar was written.
type rawScalar struct {
	src   *source
	style yaml.Style
}

// At is the place of a byte of the value in the file. Folding changes only
// white space, so the characters that are not white space are counted in both.
func (t Text) At(offset int) Pos {
	if t.raw.src == nil || offset <= 0 && t.raw.style == 0 {
		return t.Loc.Pos
	}
	want := 0
	for _, r := range t.Value[:min(offset, len(t.Value))] {
		if !isBlank(r) {
			want++
		}
	}
	atEnd := offset >= len(t.Value)
	if !atEnd {
		r, _ := utf8.DecodeRuneInString(t.Value[offset:])
		atEnd = isBlank(r)
	}
	line, col := t.Loc.Pos.Line, t.Loc.Pos.Col
	s := newCursor(t.raw, line, col)
	for s.more() {
		if atEnd && want == 0 {
			break
		}
		line, col = s.line, s.col
		blank := s.step()
		if blank {
			continue
		}
		if want == 0 {
			return Pos{File: t.Loc.Pos.File, Line: line, Col: col}
		}
		want--
	}
	return Pos{File: t.Loc.Pos.File, Line: s.line, Col: s.col}
}

func isBlank(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}
