// Package expr evaluates compiled CEL expressions over JSON bytes. The control
// plane compiles them (controlplane/cel, with cel-go's parser and checker) into
// a tree; this package decodes the tree once and evaluates it for every
// request, touching no more of the data than the expression names.
//
//	op.go          the closed set of operations, and what each means
//	node.go        the tree, its bounds, New
//	wire.go        Decode and AppendJSON
//	value.go       Value: a scalar, a span of JSON, or a list or map made here
//	eval.go        the one switch; a file for each family of operations:
//	               refs, optional, logic, compare (and equal), arith, collection
//	cause.go       why there is no value, and whether that is Absent or Failed
//
// It follows the Common Expression Language (github.com/google/cel-spec);
// cel-go is the oracle: see controlplane/cel. What is beyond CEL, or decided
// here:
//
//   - Arithmetic may mix the types of numbers (arith.go): with a double the
//     result is a double; an int with a uint gives the exact result, an int if
//     it fits, else a uint.
//   - A number of JSON without fraction and exponent is an int, or by range a
//     uint or double; with one a double. What is passed through keeps its bytes.
//   - A result that JSON cannot hold is Failed: NaN and infinities, a map with
//     a key that is no string, an optional inside a list or map.
//   - The result optional.none() is Absent, optional.of(x) is x.
//   - A map's keys are strings, bools, ints and uints, as CEL's specification
//     says and cel-go does not check.
//   - Of several members of a JSON object with one name the last counts.
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
