package policy

import (
	"cmp"
	"slices"
)

// Severity says what a problem means for its resource.
type Severity uint8

const (
	// Error: the resource is left out.
	Error Severity = iota
	// Warning: the resource is served.
	Warning
)

// String is the word that problems show.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// MarshalText is String, for JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Problem is something wrong with a resource, as a value. The JSON form is what
// `-o json` prints.
type Problem struct {
	// File, Line and Col say where; Line is 0 if the file as a whole is meant.
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"col,omitempty"`
	// Path is the field, such as spec.calls[1].upstream; empty for the whole.
	Path string `json:"path,omitempty"`
	// Code is one of Codes.
	Code    string `json:"code"`
	Message string `json:"message"`
	// Hint says how to fix it; may be empty.
	Hint     string   `json:"hint,omitempty"`
	Severity Severity `json:"severity"`
	// Kind and Name are the resource; empty if it could not be told.
	Kind string `json:"kind,omitempty"`
	Name string `json:"name,omitempty"`
}

// At is a problem of a value; the caller fills in the rest.
func At(l Loc, code, message, hint string) Problem {
	return Problem{
		File: l.Pos.File, Line: l.Pos.Line, Col: l.Pos.Col,
		Path: l.Path, Code: code, Message: message, Hint: hint,
	}
}

// Sort puts problems in the order of their places and drops exact repetitions.
func Sort(ps []Problem) []Problem {
	slices.SortStableFunc(ps, compareProblems)
	return slices.Compact(ps)
}

func compareProblems(a, b Problem) int {
	return cmp.Or(
		cmp.Compare(a.File, b.File),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Col, b.Col),
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.Hint, b.Hint),
		cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Name, b.Name),
	)
}
