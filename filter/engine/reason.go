package engine

// Reason is how a step, or the whole request, ended. The same word goes to the
// metric, the access log, the error answer and tutti-partial.
type Reason uint8

// The reasons of policy-language. Pending is none of them: the step has not
// ended.
const (
	Pending Reason = iota
	OK
	// Status: the upstream answered, and its status is no success.
	Status
	// Timeout: no whole answer within the step's time or the budget.
	Timeout
	// Connect: no connection, or no healthy endpoint.
	Connect
	// Reset: the connection ended before the answer was whole.
	Reset
	// Decode: the body is not valid JSON (or not plain: content-encoding).
	Decode
	// TooLarge: one answer over its limit.
	TooLarge
	// Eval: an expression could not be evaluated, or made nothing usable.
	Eval
	// Limit: a limit over the whole request: all answers, hops.
	Limit
	// Skipped: a step that was not meant to run.
	Skipped
	// Skew: route, plan and clusters do not fit together.
	Skew
	// Overflow: Envoy's circuit breaker let the call not through.
	Overflow
)

var reasonNames = [...]string{
	Pending: "pending", OK: "ok", Status: "status", Timeout: "timeout", Connect: "connect", Reset: "reset",
	Decode: "decode", TooLarge: "too_large", Eval: "eval", Limit: "limit", Skipped: "skipped", Skew: "skew",
	Overflow: "overflow",
}

// Reasons is how many there are: metrics are arrays over them.
const Reasons = len(reasonNames)

func (r Reason) String() string { return reasonNames[r] }

// Outcome is what became of the request as a whole.
type Outcome uint8

const (
	// Unfinished: no reply yet.
	Unfinished Outcome = iota
	// Complete: every step ended in ok.
	Complete
	// Partial: answered, with parts left out or replaced by fallbacks.
	Partial
	// Failed: a required step failed, or the answer could not be composed.
	Failed
	// Rejected: refused before any call: bad parameter, body, hops, skew.
	Rejected
	// Gone: the client left first.
	Gone
	// Panicked: a defect of the filter; the log has the incident.
	Panicked
)

var outcomeNames = [...]string{
	Unfinished: "unfinished", Complete: "ok", Partial: "partial", Failed: "failed", Rejected: "rejected",
	Gone: "gone", Panicked: "panic",
}

// Outcomes is how many there are.
const Outcomes = len(outcomeNames)

func (o Outcome) String() string { return outcomeNames[o] }
