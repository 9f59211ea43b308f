package policy

// Code is a stable word for one sort of problem; tools may match on it.
type Code struct {
	Name    string
	Meaning string
}

// Codes are all there are, by name. A test holds that each occurs in a golden
// file and that no problem has another.
var Codes = []Code{
	{"bad-authority", "an authority is not host or host:port"},
	{"bad-duration", "a duration is not like 800ms, 2s or 1m30s"},
	{"bad-endpoint", "an endpoint is not host:port"},
	{"bad-header", "a header name or value cannot be sent"},
	{"bad-name", "a name has characters or a length that names may not have"},
	{"bad-number", "a YAML number has no JSON form as written"},
	{"bad-path", "a path or path template is not well formed"},
	{"bad-size", "a size is not like 65536, 64KiB or 4MiB"},
	{"bad-status", "a status or range of statuses is not like 200, 2xx or 200-204"},
	{"bad-value", "a value is none of those that the field takes"},
	{"body-not-allowed", "a body where the method or the status takes none"},
	{"duplicate-key", "a YAML mapping has the same key twice"},
	{"duplicate-name", "two entries of a list have the same name"},
	{"duplicate-resource", "two resources of a kind have the same name"},
	{"empty-expression", "${} with nothing in it"},
	{"expression-too-complex", "an expression is larger than the filter takes"},
	{"file-too-large", "a file is larger than 1 MiB"},
	{"invalid-upstream", "a call's upstream has errors itself"},
	{"missing-field", "a required field is not there"},
	{"no-effect", "a field has no effect beside the others (warning)"},
	{"not-utf8", "a file is not UTF-8"},
	{"out-of-range", "a number, duration, size or list is too small or too large"},
	{"overlapping-match", "two policies match the same request; says who wins (warning)"},
	{"restricted-header", "a header that only the proxy sets"},
	{"step-cycle", "calls wait for each other"},
	{"syntax", "an expression is not CEL"},
	{"template-in-key", "${} in a key; it is only looked for in values"},
	{"timeout-over-budget", "a call's timeout is longer than the policy's (warning)"},
	{"too-deep", "a body nests deeper than 64"},
	{"type-mismatch", "an expression has an operation on values that it is not made for"},
	{"unknown-api-version", "an apiVersion other than tutti.dev/v1alpha1"},
	{"unknown-field", "a field that the resource does not have"},
	{"unknown-kind", "a kind other than Upstream and Aggregation"},
	{"unknown-name", "an expression names something that is not there"},
	{"unknown-step", "an expression names a step that is not there"},
	{"unknown-upstream", "a call names an upstream that is not there"},
	{"unreachable-upstream", "a workload has no way to an upstream"},
	{"unreadable-file", "a file could not be read"},
	{"unsupported-expression", "an expression has a part of CEL that the filter does not have"},
	{"unterminated-template", "${ without its }"},
	{"wrong-type", "a value is of another type than the field"},
	{"yaml-alias", "a YAML alias; aliases are not supported"},
	{"yaml-syntax", "a file is not YAML"},
}
