package policy

import "time"

// Aggregation answers a request with the answers of several calls.
type Aggregation struct {
	Head
	Spec AggregationSpec
}

// AggregationSpec is the spec of kind Aggregation.
type AggregationSpec struct {
	Loc
	// TargetRefs name the services whose sidecars answer.
	TargetRefs []TargetRef `yaml:"targetRefs,required" min:"1"`
	// Match says which requests are answered. Others go on to the service.
	Match Match `yaml:"match,required"`
	// Timeout is the budget of the whole request, at most 30s. Default: 2s.
	Timeout Duration `yaml:"timeout" max:"30s"`
	// Enabled false takes the policy out everywhere. Default: true.
	Enabled Bool `yaml:"enabled"`
	// Limits bound what one request may use.
	Limits Limits `yaml:"limits"`
	// Forward is the default for every call that has no forward of its own.
	Forward Forward `yaml:"forward"`
	// Calls are made at once, except that a call waits for those that its
	// templates mention. At most 32.
	Calls []Call `yaml:"calls,required" min:"1" max:"32"`
	// Response is the composed answer.
	Response Response `yaml:"response,required"`
}

// TargetRef names what a policy is attached to (GEP-713).
type TargetRef struct {
	// Group is the API group of kind; only "" (core) is known.
	Group Text `yaml:"group" enum:","`
	// Kind is Service.
	Kind Text `yaml:"kind,required" enum:"Service"`
	// Name is the service's name, as its sidecar says it.
	Name Text `yaml:"name,required"`
}

// Match selects requests. Where several policies match one request, the more
// specific path wins (exact over template, more and longer literals over
// fewer), then the one that names methods, then the one with more headers, then
// the first name in the alphabet.
type Match struct {
	// Methods in upper case. Default: any.
	Methods []Text `yaml:"methods" enum:"GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"`
	// Path begins with "/" and has no query. A segment `{id}` matches one
	// segment and names it, `{rest=**}` as the last one matches all the rest.
	// Parameters are percent-decoded once. Literals are written unescaped.
	Path PathTemplate `yaml:"path,required"`
	// Headers must all match.
	Headers []HeaderMatch `yaml:"headers"`
}

// HeaderMatch has exactly one of value and present.
type HeaderMatch struct {
	// Name in any case.
	Name Text `yaml:"name,required"`
	// Value is what the header equals.
	Value Text `yaml:"value"`
	// Present is true: the header is there, whatever its value.
	Present Bool `yaml:"present"`
}

// Limits bound what one request may use. Sizes are bytes or, in quotes or not,
// a number with KiB or MiB.
type Limits struct {
	// AnswerBytes bounds the body of one call's answer, at most 32MiB. Default:
	// 4MiB.
	AnswerBytes Size `yaml:"answerBytes" max:"33554432"`
	// TotalBytes bounds the bodies of all answers, at most 64MiB. Default: 16MiB.
	TotalBytes Size `yaml:"totalBytes" max:"67108864"`
	// RequestBytes bounds the body of the request, at most 1MiB. Default: 1MiB.
	RequestBytes Size `yaml:"requestBytes" max:"1048576"`
	// Hops is how many policies a request may go through, one calling the other,
	// 1 to 16. Default: 4.
	Hops Int `yaml:"hops" min:"1" max:"16"`
}

// The defaults of the language.
const (
	DefaultTimeout        = 2 * time.Second
	MaxTimeout            = 30 * time.Second
	DefaultConnectTimeout = time.Second
	DefaultAnswerBytes    = 4 << 20
	DefaultTotalBytes     = 16 << 20
	DefaultRequestBytes   = 1 << 20
	DefaultHops           = 4
	DefaultStatus         = 200
)

// Forward names what is copied from the request to a call. Trace context,
// x-request-id and the hop count always are. What a call sets itself in headers
// or query is not copied.
type Forward struct {
	Loc
	// Headers by name, in any case.
	Headers []Text `yaml:"headers"`
	// Query parameters by name.
	Query []Text `yaml:"query"`
}

// Response is what the client gets.
type Response struct {
	// Status is 200 to 599. Default: 200.
	Status Int `yaml:"status" min:"200" max:"599"`
	// Headers by name; each value is a template. A header whose value is absent
	// is left out. content-type is application/json unless given here.
	Headers Params `yaml:"headers"`
	// Body is any YAML value with ${} in its strings; it goes out as JSON, keys
	// in the order written. A lone ${} keeps its type, inside other text only
	// scalars are allowed. A member whose value is absent is left out.
	Body *Value `yaml:"body"`
}
