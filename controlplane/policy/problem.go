package policy

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

// Problem is something wrong with a resource, as a value.
type Problem struct {
	// File, Line and Col say where; Line is 0 if the file as a whole is meant.
	File string
	Line int
	Col  int
	// Path is the field, such as spec.calls[1].upstream; empty for the whole.
	Path string
	// Code is one of Codes.
	Code    string
	Message string
	// Hint says how to fix it; may be empty.
	Hint     string
	Severity Severity
	// Kind and Name are the resource; empty if it could not be told.
	Kind string
	Name string
}
