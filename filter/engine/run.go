package engine

import (
	"strings"

	"github.com/tutti-mesh/tutti/filter/jsontext"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// Run is one request under one policy.
type Run struct {
	policy *policy // nil: the route has no policy in the plan

	// The request.
	headers      Headers
	method       string
	path, query  string
	trace        [len(traceHeaders)]string
	raw, params  []string
	body         []byte
	awaitingBody bool
	hops         int

	started, deadline, ended Time

	steps []step
	left  int // steps not ended
	total int // bytes of all answers

	outcome Outcome
	// first is the first step that did not end in OK, -1 if none; cause is the
	// reason of a request that ended before its steps could.
	first  int
	cause  Reason
	detail string

	effects []Effect
	// arena is the memory of the calls' headers, out that of the answer.
	arena [][2]string
	out   pieces
}

// step is the state of one step of the plan.
type step struct {
	reason  Reason
	running bool
	timeout uint32
	status  int
	bytes   int
	since   Time
	took    Time
	body    []byte
	headers [][2]string
}

// Start is the first event: the request's headers have come, and with ended
// the whole request. If AwaitsBody holds afterwards, Body has to follow.
func (r *Run) Start(h Headers, ended bool, now Time) []Effect {
	r.headers, r.started = h, now
	if r.policy == nil {
		return r.reject(503, Skew, "the route has no policy in the plan", now)
	}
	r.deadline = now + Time(r.policy.TimeoutMS)*millisecond
	r.left = len(r.policy.Steps)
	hops, ok := parseHops(r.readHeaders())
	if !ok || hops >= r.policy.Limits.Hops {
		return r.reject(508, Limit, "too many hops: the call came back to where it began", now)
	}
	r.hops = hops
	if !r.readParams() {
		return r.reject(400, Eval, "the path has an empty, a dot or a wrongly escaped segment", now)
	}
	if r.policy.ReadsBody && !ended {
		r.awaitingBody = true
		return nil
	}
	return r.begin(now)
}

// AwaitsBody reports whether the run waits for the request's body.
func (r *Run) AwaitsBody() bool { return r.awaitingBody }

// BodyProgress tells how many bytes of the body have come so far, so that one
// that is too large or too slow is refused before it is whole. The host calls it
// for what comes and, as nothing may come, now and then without.
func (r *Run) BodyProgress(size int, now Time) []Effect {
	switch {
	case !r.awaitingBody || r.over():
		return nil
	case size > r.policy.Limits.RequestBytes:
		return r.reject(413, TooLarge, "the request's body is over the limit", now)
	case now >= r.deadline:
		return r.reject(408, Timeout, "the request's body did not come in time", now)
	}
	return nil
}

// Body is the whole body of the request, padded as jsontext.Valid wants it. The
// bytes must stay until the run is over.
func (r *Run) Body(b []byte, now Time) []Effect {
	if effects := r.BodyProgress(len(b), now); effects != nil || !r.awaitingBody || r.over() {
		return effects
	}
	r.awaitingBody = false
	if len(b) > 0 {
		if !jsontext.Valid(b) {
			return r.reject(400, Decode, "the request's body is not valid JSON", now)
		}
		r.body = jsontext.Trim(b)
	}
	return r.begin(now)
}

// readHeaders finds in one pass what every request needs of its headers, and
// returns the hop count as it is written.
func (r *Run) readHeaders() (hops string) {
	for i, n := 0, r.headers.Len(); i < n; i++ {
		switch k, v := r.headers.At(i); k {
		case ":method":
			r.method = v
		case ":path":
			r.path, r.query = splitTarget(v)
		case plan.HopsHeader:
			hops = v
		case traceHeaders[0]:
			r.trace[0] = v
		case traceHeaders[1]:
			r.trace[1] = v
		case traceHeaders[2]:
			r.trace[2] = v
		}
	}
	return hops
}

func (r *Run) readParams() bool {
	if !matchPath(r.policy.Match.Path, r.path, &r.raw) {
		return false
	}
	n := 0
	for i := range r.policy.Match.Path {
		s := &r.policy.Match.Path[i]
		if s.Param == "" {
			continue
		}
		v, ok := decodeParam(r.raw[n], s.Tail)
		if !ok {
			return false
		}
		r.params = append(r.params, v)
		n++
	}
	return true
}

func (r *Run) begin(now Time) []Effect {
	n := len(r.policy.Steps)
	if cap(r.steps) < n {
		r.steps = make([]step, n)
		r.effects = make([]Effect, 0, n+1)
		r.arena = make([][2]string, 0, 10*n)
	}
	r.steps = r.steps[:n]
	return r.advance(now)
}

// advance starts every step whose predecessors have ended, until nothing
// changes, and replies when all have ended.
func (r *Run) advance(now Time) []Effect {
	for changed := true; changed && !r.over(); {
		changed = false
		for i := range r.steps {
			if r.ready(i) {
				changed = r.start(i, now) || changed
			}
			if r.over() {
				break
			}
		}
	}
	if !r.over() && r.left == 0 {
		r.compose(now)
	}
	return r.effects
}

func (r *Run) ready(i int) bool {
	if r.steps[i].reason != Pending || r.steps[i].running {
		return false
	}
	for _, a := range r.policy.Steps[i].After {
		if r.steps[a].reason == Pending {
			return false
		}
	}
	return true
}

// start dispatches step i. It returns true if the step has ended at once, so
// that others may have become ready.
func (r *Run) start(i int, now Time) bool {
	s, st := &r.policy.Steps[i], &r.steps[i]
	st.since = now
	left := (r.deadline - now) / millisecond
	if left < 1 {
		r.end(i, Timeout, now)
		return true
	}
	call, err := r.build(s)
	if err != "" {
		r.detail = err
		r.end(i, Eval, now)
		return true
	}
	call.ID = i
	call.TimeoutMS = min(s.TimeoutMS, uint32(left))
	st.timeout = call.TimeoutMS
	st.running = true
	r.effects = append(r.effects, Effect{Kind: DoCall, Call: call})
	return false
}

// Answer is the event that call id has come back.
func (r *Run) Answer(id int, a Answer, now Time) []Effect {
	if !r.take(id) {
		return nil
	}
	r.end(id, r.judge(id, a, now), now)
	return r.advance(now)
}

// DispatchFailed is the event that call id could not be made: unknown says that
// there is no such cluster, so that plan and clusters do not fit together;
// otherwise the cluster has no endpoint to call.
func (r *Run) DispatchFailed(id int, unknown bool, now Time) []Effect {
	if !r.take(id) {
		return nil
	}
	reason := Connect
	if unknown {
		reason = Skew
	}
	r.end(id, reason, now)
	return r.advance(now)
}

// take forgets the effects of the last event and reports whether id is a call
// that is waited for.
func (r *Run) take(id int) bool {
	if r.over() || id < 0 || id >= len(r.steps) || !r.steps[id].running {
		return false
	}
	r.effects, r.arena = r.effects[:0], r.arena[:0]
	r.steps[id].running = false
	return true
}

// end records how step i ended; a required step that failed ends the request.
func (r *Run) end(i int, reason Reason, now Time) {
	s, st := &r.policy.Steps[i], &r.steps[i]
	st.reason = reason
	st.took = now - st.since
	r.left--
	if reason == OK {
		return
	}
	if r.first < 0 {
		r.first = i
	}
	st.body = nil
	switch s.OnError {
	case plan.Fail:
		r.first = i
		r.fail(i, now)
	case plan.Omit:
	case plan.Fallback:
		if b, err := r.render(s.Fallback); err == "" {
			st.body = b
		} else {
			r.detail = err
		}
	}
}

// judge decides on an answer and keeps what later steps and the response read.
func (r *Run) judge(i int, a Answer, now Time) Reason {
	s, st := &r.policy.Steps[i], &r.steps[i]
	if a.Reset() {
		// So Envoy also ends an answer that began and did not end in time.
		if now-st.since+slack >= Time(st.timeout)*millisecond {
			return Timeout
		}
		return Reset
	}
	if reason := readStatus(s, st, a, now); reason != OK {
		return reason
	}
	for _, name := range s.ReadsHeaders {
		if v, ok := joined(a, name); ok {
			st.headers = append(st.headers, [2]string{name, strings.Clone(v)})
		}
	}
	if !success(s.Success, st.status) {
		return Status
	}
	st.bytes = a.BodySize()
	if !s.ReadsBody || st.bytes == 0 {
		return OK
	}
	if st.bytes > r.policy.Limits.AnswerBytes {
		return TooLarge
	}
	if r.total += st.bytes; r.total > r.policy.Limits.TotalBytes {
		return Limit
	}
	// One that is compressed all the same is not valid JSON.
	body := a.Body()
	if !jsontext.Valid(body) {
		return Decode
	}
	st.body = jsontext.Trim(body)
	return OK
}

func success(ranges []plan.StatusRange, status int) bool {
	for _, r := range ranges {
		if status >= r.From && status <= r.To {
			return true
		}
	}
	return false
}

// slack is how much earlier than asked for Envoy's timers may fire.
const slack = 5 * millisecond

// readStatus reads the status and tells answers that Envoy made itself from
// those of an upstream. Envoy reports its own timeout as 504 and a failed
// connection as 503, with the cause in the body. Only clusters whose real
// answers are marked allow to tell them apart; the mark is the status, so that
// one look is enough. Elsewhere a 504 that took the whole timeout is Envoy's.
func readStatus(s *plan.Step, st *step, a Answer, now Time) Reason {
	if s.Marked {
		if mark, ok := a.Header(plan.MarkHeader); ok {
			st.status = parseStatus(mark)
			return OK
		}
	}
	own, _ := a.Header(":status")
	status := parseStatus(own)
	if !s.Marked {
		st.status = status
		if status == 504 && now-st.since+slack >= Time(st.timeout)*millisecond {
			return Timeout
		}
		return OK
	}
	if status == 504 {
		return Timeout
	}
	if _, ok := a.Header("x-envoy-overloaded"); ok {
		return Overflow
	}
	text := string(a.Body()[:min(a.BodySize(), 512)])
	switch {
	case strings.Contains(text, "overflow"):
		return Overflow
	case strings.Contains(text, "connection termination"), strings.Contains(text, "remote reset"),
		strings.Contains(text, "protocol error"):
		return Reset
	}
	return Connect
}

// Gone is the event that the client has left. There is nothing to reply to.
func (r *Run) Gone(now Time) {
	if !r.over() {
		r.finish(Gone, now)
	}
}

func (r *Run) over() bool { return r.outcome != Unfinished }

// Over reports whether the run has ended.
func (r *Run) Over() bool { return r.over() }

func (r *Run) finish(o Outcome, now Time) {
	r.outcome = o
	r.ended = now
}
