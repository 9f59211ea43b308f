package policy

// Call is one request to an upstream.
type Call struct {
	Loc
	// Name is the call's name in expressions (steps.NAME), reasons and metrics:
	// a lower-case letter, then letters, digits and underscores, at most 63.
	Name Text `yaml:"name,required"`
	// Upstream is the metadata.name of an Upstream.
	Upstream Text `yaml:"upstream,required"`
	// Method of the call. Default: GET.
	Method Text `yaml:"method" enum:"GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"`
	// Path begins with "/" and has no query. What a ${} puts in is escaped as one
	// path segment; an absent value fails the call with reason eval.
	Path Template `yaml:"path,required"`
	// Query parameters by name, in the order written; each value is a template,
	// escaped where it lands. An absent value drops the parameter.
	Query Params `yaml:"query"`
	// Headers by name; each value is a template. An absent value drops the
	// header.
	Headers Params `yaml:"headers"`
	// Body is sent as JSON; any YAML value with ${} in its strings. Only with
	// POST, PUT, PATCH and DELETE. Default: no body.
	Body *Value `yaml:"body"`
	// Timeout bounds the call within the policy's timeout. Default: the policy's.
	Timeout Duration `yaml:"timeout" max:"30s"`
	// OnError says what a failed call means: `fail` fails the request, `omit`
	// leaves the call's body absent, `{fallback: VALUE}` puts a value, with ${}
	// in its strings, in the body's place. Default: fail.
	OnError OnError `yaml:"onError"`
	// Success lists the statuses that count as success: 200, "2xx", "200-204".
	// Default: 2xx.
	Success []StatusRange `yaml:"success" min:"1"`
	// Forward takes the place of the policy's forward for this call.
	Forward Forward `yaml:"forward"`
}

// OnError is what a failed call means.
type OnError struct {
	Loc
	// Choice is "fail", "omit" or "fallback"; empty if not given.
	Choice string
	// Fallback is there with choice "fallback".
	Fallback *Value
}

// StatusRange is inclusive at both ends.
type StatusRange struct {
	Loc
	From, To int
}
