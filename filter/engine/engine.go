// Package engine runs one plan for one request: events in, effects out, time
// passed in as a value. It does no I/O, starts no goroutine and reads no clock,
// so the same code runs inside Envoy, in tests and in the CLI.
//
//	Table   what a plan becomes once, at configuration: immutable, shared
//	Run     the state of one request: Start, Body, Answer, DispatchFailed, Gone
//	Effect  what the host is to do next: make a Call, send a Reply
//
// The rules that the host may rely on: a Run replies at most once and after
// that returns no effect, whatever arrives; every call has a timeout inside the
// request's budget, so that a Run that waits always gets another event.
package engine

import (
	"github.com/tutti-mesh/tutti/filter/plan"
)

// Time is a monotonic clock's reading in nanoseconds, from any origin.
type Time int64

const millisecond = 1_000_000

// Headers is an ordered header map with lower-case names, pseudo-headers
// included. Those of the request must stay readable until the Run is over;
// those of an Answer only during the event.
type Headers interface {
	Len() int
	At(i int) (name, value string)
}

// Answer is what came back of a call. It is read only during Run.Answer, but
// the bytes that Body returned must stay until the Run is over.
type Answer interface {
	// Reset says that the stream ended before an answer came.
	Reset() bool
	// Header is the first value of a header. It is asked for one or two names
	// of every answer; only where a plan reads headers are all Headers looked at.
	Header(name string) (value string, ok bool)
	Headers
	// BodySize is the length of the body in bytes, before it is fetched.
	BodySize() int
	// Body fetches the body, padded as jsontext.Valid wants it.
	Body() []byte
}

// EffectKind says which field of an Effect holds.
type EffectKind uint8

// The effects. A new step kind that acts in a new way adds one here and a case
// in every switch over them.
const (
	// DoCall: dispatch Effect.Call; report Answer or DispatchFailed.
	DoCall EffectKind = iota
	// DoReply: send Effect.Reply to the client. It is the last effect.
	DoReply
)

// Effect is something for the host to do.
type Effect struct {
	Kind  EffectKind
	Call  Call
	Reply Reply
}

// Call is one request to an upstream. Its slices are valid until the next event.
type Call struct {
	// ID comes back in Answer and DispatchFailed.
	ID      int
	Cluster string
	// Headers start with :method, :path and :authority.
	Headers   [][2]string
	Body      []byte
	TimeoutMS uint32
}

// Reply is the answer to the client.
type Reply struct {
	Status  int
	Headers [][2]string
	// Body is the concatenation of its pieces. They alias answers' bodies, so
	// it has to be sent before the next event.
	Body [][]byte
}

// Table finds the policy for a request. Only its spare runs ever change.
type Table struct {
	policies []policy
	byName   map[string]*policy
	spare    []*Run
}

// maxSpare bounds the runs that are kept for reuse; more requests at once are
// left to the collector when they have ended.
const maxSpare = 256

// policy is a plan's policy with what is computed once.
type policy struct {
	*plan.Policy
	params []string
}

// NewTable prepares a decoded plan.
func NewTable(p *plan.Plan) *Table {
	t := &Table{policies: make([]policy, len(p.Policies)), byName: map[string]*policy{}}
	for i := range p.Policies {
		pol := &t.policies[i]
		pol.Policy = &p.Policies[i]
		for _, s := range pol.Match.Path {
			if s.Param != "" {
				pol.params = append(pol.params, s.Param)
			}
		}
		t.byName[pol.Name] = pol
	}
	return t
}

// Route begins a run for the policy that an Envoy route names. A route without
// its policy is skew between RDS and ECDS; the run answers it with that reason.
func (t *Table) Route(name string) *Run { return t.begin(t.byName[name]) }

// Match begins a run for the first policy that matches, or returns nil: the
// request goes on to its service.
func (t *Table) Match(h Headers) *Run {
	method, target := get(h, ":method"), get(h, ":path")
	path, _ := splitTarget(target)
	for i := range t.policies {
		if matches(&t.policies[i].Match, method, path, h) {
			return t.begin(&t.policies[i])
		}
	}
	return nil
}

func (t *Table) begin(p *policy) *Run {
	n := len(t.spare)
	if n == 0 {
		return &Run{policy: p, first: -1}
	}
	r := t.spare[n-1]
	t.spare = t.spare[:n-1]
	r.policy, r.first = p, -1
	return r
}

// Recycle takes a run back whose request has ended and of which the host keeps
// nothing: no event may come any more. It spares the collector most of what a
// request allocates. Not recycling a run is no error.
func (t *Table) Recycle(r *Run) {
	if len(t.spare) >= maxSpare || !r.over() {
		return
	}
	clear(r.steps)
	clear(r.effects[:cap(r.effects)])
	clear(r.arena[:cap(r.arena)])
	*r = Run{steps: r.steps[:0], effects: r.effects[:0], arena: r.arena[:0], params: r.params[:0], raw: r.raw[:0], out: r.out.reset()}
	t.spare = append(t.spare, r)
}
