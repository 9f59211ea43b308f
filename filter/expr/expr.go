// Package expr evaluates compiled CEL expressions over JSON bytes. The control
// plane compiles them (controlplane/cel, with cel-go's parser and checker) into
// a tree; this package decodes the tree once and evaluates it for every
// request, touching no more of the data than the expression names.
//
// It follows the Common Expression Language (github.com/google/cel-spec), with
// the extra overloads for mixed arithmetic on dynamic numbers that
// policy-language declares. cel-go is the oracle: see controlplane/cel.
package expr

// Outcome is how an evaluation ended.
type Outcome uint8

const (
	// OK: the value holds.
	OK Outcome = iota
	// Absent: something that was named is not there (no such key, an index
	// out of range, the body of a step that has none, optional.none()).
	Absent
	// Failed: an error (no such overload, division by zero, overflow, ...).
	Failed
)

// Env gives an expression the data of one request. The engine implements it.
// Every []byte is a valid JSON text (jsontext.Valid has accepted it); strings
// may alias request memory and must not outlive the request.
type Env interface {
	// Method, and Path without the query, as received.
	Method() string
	Path() string
	// PathParam is the parameter with that index in the policy's match.
	PathParam(index int) string
	// Query is the first value of a query parameter, percent-decoded.
	Query(name string) (string, bool)
	// Header is a request header by lower-case name; several values are joined
	// by ", " (RFC 9110 section 5.3).
	Header(name string) (string, bool)
	// Body is the request's JSON body, false if there is none.
	Body() ([]byte, bool)
	// StepStatus is the HTTP status of a step's answer, 0 if none came.
	StepStatus(step int) int
	// StepReason is the reason the step ended in.
	StepReason(step int) string
	StepHeader(step int, name string) (string, bool)
	// StepBody is the answer's JSON body or the fallback, false if absent.
	StepBody(step int) ([]byte, bool)
}
