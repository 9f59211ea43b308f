package policy

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// The kinds of resources.
const (
	KindUpstream    = "Upstream"
	KindAggregation = "Aggregation"
)

// Parse decodes all files. Problems are sorted by file, line and column; the
// same files in any order give the same result.
func Parse(files []File) (Set, []Problem) {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	p := parser{set: Set{sources: map[string]*source{}}}
	for _, f := range files {
		p.file(f)
	}
	p.duplicates()
	p.set.Broken = slices.Compact(p.set.Broken)
	p.set.Problems = Sort(p.set.Problems)
	return p.set, slices.Clone(p.set.Problems)
}

type parser struct{ set Set }

// broken reports a problem that leaves open what the file holds.
func (p *parser) broken(pr Problem) {
	p.set.Problems = append(p.set.Problems, pr)
	p.set.Broken = append(p.set.Broken, pr.File)
}

func (p *parser) file(f File) {
	switch {
	case f.Err != nil:
		p.broken(Problem{File: f.Name, Code: "unreadable-file", Message: "cannot be read: " + f.Err.Error()})
		return
	case len(f.Data) > MaxFileBytes:
		p.broken(Problem{
			File: f.Name, Code: "file-too-large",
			Message: fmt.Sprintf("has %d bytes, more than %d", len(f.Data), MaxFileBytes),
			Hint:    "split it into several files",
		})
		return
	case !utf8.Valid(f.Data):
		at := invalidUTF8(f.Data)
		src := newSource(f.Data[:at])
		p.broken(Problem{
			File: f.Name, Line: len(src.starts), Col: 1 + utf8.RuneCount(f.Data[src.starts[len(src.starts)-1]:at]),
			Code: "not-utf8", Message: "is not UTF-8", Hint: "save it as UTF-8",
		})
		return
	}
	src := newSource(f.Data)
	p.set.sources[f.Name] = src
	for _, c := range src.chunks() {
		p.chunk(f.Name, src, c)
	}
}

func invalidUTF8(b []byte) int {
	at := 0
	for at < len(b) {
		r, n := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return at
}

// chunk is a part of a file that begins at a document marker; base is how many
// lines come before it.
type chunk struct {
	data []byte
	base int
}

// chunks splits a file before every line that begins with "---". Such a line is
// a document marker wherever it stands (YAML 1.2 section 9.1.2), so that a
// document that is not YAML does not take its neighbours with it.
func (s *source) chunks() []chunk {
	var out []chunk
	from := 0
	for i, at := range s.starts {
		if i == 0 || !isMarker(s.data[at:]) {
			continue
		}
		out = append(out, chunk{data: s.data[s.starts[from]:at], base: from})
		from = i
	}
	return append(out, chunk{data: s.data[s.starts[from]:], base: from})
}

func isMarker(b []byte) bool {
	return bytes.HasPrefix(b, []byte("---")) && (len(b) == 3 || isBlank(rune(b[3])))
}

func (p *parser) chunk(file string, src *source, c chunk) {
	dec := yaml.NewDecoder(bytes.NewReader(c.data))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			p.broken(syntaxProblem(file, c, err))
			return
		}
		if len(doc.Content) != 1 {
			return
		}
		d := &decoder{file: file, src: src, base: c.base}
		p.resource(d, doc.Content[0])
		p.set.Problems = append(p.set.Problems, d.problems...)
	}
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// parserErrors are those whose line yaml.v3 counts from 0, unlike the others
// (decode.go, parser.fail).
var parserErrors = []string{
	"did not find expected <document start>", "did not find expected node content",
	"did not find expected '-' indicator", "did not find expected key",
	"did not find expected ',' or ']'", "did not find expected ',' or '}'",
	"found undefined tag handle", "found duplicate %", "found incompatible YAML", "unknown anchor",
}

var anchorError = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)

func syntaxProblem(file string, c chunk, err error) Problem {
	line, message := 1, err.Error()
	if m := yamlError.FindStringSubmatch(strings.TrimSpace(message)); m != nil {
		message = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
			if slices.ContainsFunc(parserErrors, func(s string) bool { return strings.HasPrefix(message, s) }) {
				line++
			}
		}
	}
	lines := newSource(bytes.TrimRight(c.data, "\r\n\t ")).lines()
	line = min(line, len(lines)) // an unexpected end is behind the document
	// Two errors say where their context begins, or nothing.
	find := func(match func(string) bool) {
		if i := slices.IndexFunc(lines[line-1:], match); i >= 0 {
			line += i
		}
	}
	hint := ""
	if m := anchorError.FindStringSubmatch(message); m != nil {
		find(func(s string) bool { return strings.Contains(s, "*"+m[1]) })
		hint = "text that begins with * needs quotes around it"
	} else if strings.Contains(message, "tab character") {
		find(func(s string) bool { return strings.HasPrefix(s, "\t") })
		hint = "YAML is not indented with tabs"
	} else if strings.Contains(lines[line-1], "${") {
		hint = "text with ${} may need quotes around it"
	}
	text := lines[line-1]
	return Problem{
		File: file, Line: c.base + line, Col: 1 + len(text) - len(strings.TrimLeft(text, " \t")),
		Code: "yaml-syntax", Message: "not YAML: " + message, Hint: hint,
	}
}

// duplicates marks resources of one kind and name: none of them is taken, since
// which one was meant cannot be told.
func (p *parser) duplicates() {
	heads := func(kind string, n int, at func(int) *Head) {
		first := map[string]*Head{}
		for i := range n {
			h := at(i)
			f := first[h.Meta.Name.Value]
			if f == nil {
				first[h.Meta.Name.Value] = h
				continue
			}
			f.Invalid, h.Invalid = true, true
			where := f.Meta.Name.Pos
			pr := At(h.Meta.Name.Loc, "duplicate-resource",
				fmt.Sprintf("%s %s is already defined at %s:%d:%d", kind, quote(h.Meta.Name.Value), where.File, where.Line, where.Col),
				"rename or remove one")
			pr.Kind, pr.Name = kind, h.Meta.Name.Value
			p.set.Problems = append(p.set.Problems, pr)
		}
	}
	heads(KindUpstream, len(p.set.Upstreams), func(i int) *Head { return &p.set.Upstreams[i].Head })
	heads(KindAggregation, len(p.set.Aggregations), func(i int) *Head { return &p.set.Aggregations[i].Head })
}
