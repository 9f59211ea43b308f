// Package plan is the contract between the control plane and the filter: what
// the filter can execute, flat, resolved and complete. The filter owns it; the
// control plane imports it and never the reverse.
//
// A plan travels as JSON text (Encode, Decode) in the Wasm plugin's
// configuration, so that an Envoy's config_dump shows what it runs. The same
// plan always encodes to the same bytes. Decode refuses what it does not know:
// an unknown member, step kind or version is an error and never a guess.
package plan

import "github.com/tutti-mesh/tutti/filter/expr"

// Version is the newest plan this package can decode and the one Encode
// writes. Any change that an older filter would misread raises it.
//
//	1  2026-11-21  aggregation: calls, onError, composed response
const Version = 1

// Plan is all that one workload's sidecars execute.
type Plan struct {
	// Service is the workload the plan was compiled for.
	Service string
	// Matcher says that the policies are found by Match. Otherwise Envoy's
	// routes decide, and the route's name is the policy's name.
	Matcher bool
	// Policies in order of precedence: with Matcher, the first match wins.
	Policies []Policy
}

// Policy is one aggregation.
type Policy struct {
	// Name is the policy's metadata.name, and the name of its Envoy routes.
	Name string
	// Match says which requests the policy answers and names path parameters.
	Match Match
	// TimeoutMS is the budget of the whole request, in milliseconds.
	TimeoutMS uint32
	Limits    Limits
	// ReadsBody says that some expression reads request.body, so that the
	// engine waits for it; it must then be JSON.
	ReadsBody bool
	// Steps in the order declared. A step's After names earlier or later
	// steps by index; Decode refuses cycles.
	Steps    []Step
	Response Response
}

// Match selects requests. The parameters of Path are extracted even where
// Envoy's route has already decided.
type Match struct {
	// Methods in upper case; none means any.
	Methods []string
	Path    []Segment
	Headers []HeaderMatch
}

// Segment is one part of a path template between slashes.
type Segment struct {
	// Literal is matched as it stands, if Param is empty.
	Literal string
	// Param names a parameter: one segment, or all the rest if Tail is set.
	Param string
	Tail  bool
}

// HeaderMatch holds if the header is there and, unless Present, equals Value.
type HeaderMatch struct {
	Name    string
	Value   string
	Present bool
}

// Limits bound what one request may use. Zero is not "none": the control plane
// writes every number out.
type Limits struct {
	// AnswerBytes bounds one answer, TotalBytes all answers of a request.
	AnswerBytes int
	TotalBytes  int
	// RequestBytes bounds the body of the request.
	RequestBytes int
	// Hops is the highest tutti-hops that is still answered.
	Hops int
}

// OnError says what a failed step means for the answer.
type OnError uint8

// The three choices of policy-language: fail the request, leave the step's
// body absent, or put a fallback in its place.
const (
	Fail OnError = iota
	Omit
	Fallback
)

// Step is one call to an upstream.
type Step struct {
	// Name is the step's name in expressions, reasons and metrics.
	Name string
	// Cluster is the Envoy cluster that is called.
	Cluster string
	// Marked says that real answers of the cluster carry MarkHeader, so that a
	// 503 or 504 without it is Envoy's own.
	Marked    bool
	Authority string
	Method    string
	// Path is the path without query; its holes are escaped as path segments.
	Path    Text
	Query   []Param
	Headers []Param
	// Body is the JSON document to send, nil for none.
	Body *Doc
	// ForwardHeaders and ForwardQuery name what is copied from the request.
	ForwardHeaders []string
	ForwardQuery   []string
	// TimeoutMS bounds the call within what is left of the budget.
	TimeoutMS uint32
	// Success lists inclusive status ranges.
	Success []StatusRange
	OnError OnError
	// Fallback is the JSON that stands for the body if OnError is Fallback.
	Fallback *Doc
	// ReadsBody says that something refers to the body of the answer, which
	// then must be JSON. An answer that nothing reads is not looked at.
	ReadsBody bool
	// ReadsHeaders are the lower-case names of the answer's headers that some
	// expression reads.
	ReadsHeaders []string
	// After are the indices of the steps that must have ended before.
	After []int
}

// MarkHeader is added to every answer that comes from a real upstream, by a
// header_mutation filter on the clusters that Tutti owns. Its value is the
// answer's status.
const MarkHeader = "tutti-upstream"

// HopsHeader counts how many sidecars a request has come through by way of
// policies. It is sent with every call and, at the edge, removed from what
// clients send.
const HopsHeader = "tutti-hops"

// StatusRange is inclusive at both ends.
type StatusRange struct{ From, To int }

// Param is a named text: a query parameter or a header. An absent value drops
// it.
type Param struct {
	Name  string
	Value Text
}

// Text is literal text with holes. Adjacent literals are merged.
type Text []Part

// Part is a literal if Expr is nil.
type Part struct {
	Lit  string
	Expr *expr.Expr
}

// Response is the composed answer.
type Response struct {
	Status  int
	Headers []Param
	Body    *Doc
}

// DocKind is the kind of a node in a Doc.
type DocKind uint8

// A Doc is a literal, a hole, a text with holes, an object or an array.
const (
	Literal DocKind = iota
	Hole
	TextHole
	ObjectDoc
	ArrayDoc
)

// Doc is a JSON document with holes.
type Doc struct {
	Kind DocKind
	// Raw is the JSON of a Literal.
	Raw []byte
	// Expr is a Hole: the value keeps its type; absent drops the member or
	// element.
	Expr *expr.Expr
	// Text is a string with scalar holes.
	Text Text
	// Members of an object, in the order written.
	Members []Member
	// Elems of an array.
	Elems []Doc
}

// Member is one name of an object.
type Member struct {
	Name  string
	Value Doc
}
