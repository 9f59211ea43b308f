package sim

import (
	"fmt"
	"time"

	"github.com/tutti-mesh/tutti/filter/engine"
	"github.com/tutti-mesh/tutti/filter/jsontext"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// Native drives the engine itself. It plays the part of filter/main.go and of
// Envoy: it buffers request bodies, answers dispatches to unknown clusters and
// drops answers of requests that have ended.
type Native struct {
	table    *engine.Table
	matcher  bool
	now      engine.Time
	requests map[string]*native
	calls    []int // the step of each call, by the call's ID
	unknown  map[string]bool
}

type native struct {
	run  *engine.Run
	body []byte
	told bool
}

// NewNative returns a driver for the engine.
func NewNative() *Native {
	return &Native{requests: map[string]*native{}, unknown: map[string]bool{}}
}

// Configure decodes the plan.
func (n *Native) Configure(raw []byte) error {
	p, err := plan.Decode(raw)
	if err != nil {
		return err
	}
	n.table, n.matcher = engine.NewTable(p), p.Matcher
	return nil
}

// Start finds the policy: by matcher, or by a route named as the first policy
// whose template fits, as Envoy would.
func (n *Native) Start(request string, headers [][2]string, ended bool) []Did {
	h := pairs(headers)
	run := n.table.Match(h)
	if run == nil {
		return []Did{{Pass: true}}
	}
	r := &native{run: run}
	n.requests[request] = r
	return n.apply(r, run.Start(h, ended, n.now))
}

// Body buffers until the end, as Envoy does.
func (n *Native) Body(request string, chunk []byte, ended bool) []Did {
	r := n.requests[request]
	r.body = append(r.body, chunk...)
	if !ended {
		return n.apply(r, r.run.BodyProgress(len(r.body), n.now))
	}
	return n.Trailers(request)
}

// Trailers ends the request.
func (n *Native) Trailers(request string) []Did {
	r := n.requests[request]
	if !r.run.AwaitsBody() {
		return nil
	}
	return n.apply(r, r.run.Body(jsontext.Padded(r.body), n.now))
}

// Answer delivers an answer.
func (n *Native) Answer(request string, call int, headers [][2]string, body []byte) []Did {
	r := n.requests[request]
	return n.apply(r, r.run.Answer(n.calls[call], answer{pairs(headers), body}, n.now))
}

// Leave ends the request without a reply.
func (n *Native) Leave(request string) []Did {
	r := n.requests[request]
	r.run.Gone(n.now)
	return n.apply(r, nil)
}

// Wait moves the clock.
func (n *Native) Wait(d time.Duration) { n.now += engine.Time(d) }

// Unknown makes a cluster unknown.
func (n *Native) Unknown(cluster string) { n.unknown[cluster] = true }

// Close has nothing to end.
func (n *Native) Close() error { return nil }

func (n *Native) apply(r *native, effects []engine.Effect) []Did {
	var dids []Did
	var failed []int
	for _, e := range effects {
		switch e.Kind {
		case engine.DoCall:
			if n.unknown[e.Call.Cluster] {
				failed = append(failed, e.Call.ID)
				continue
			}
			n.calls = append(n.calls, e.Call.ID)
			dids = append(dids, Did{Call: &Call{len(n.calls) - 1, e.Call.Cluster, e.Call.Headers, e.Call.Body, e.Call.TimeoutMS}})
		case engine.DoReply:
			var body []byte
			for _, b := range e.Reply.Body {
				body = append(body, b...)
			}
			dids = append(dids, Did{Reply: &Reply{e.Reply.Status, e.Reply.Headers, body}})
		}
	}
	for _, id := range failed {
		dids = append(dids, n.apply(r, r.run.DispatchFailed(id, true, n.now))...)
	}
	if r.run.Over() && !r.told {
		r.told = true
		dids = append(dids, Did{End: End(r.run.Summary())})
	}
	return dids
}

// End is how a transcript tells a summary.
func End(s engine.Summary) string {
	if s.FirstReason == engine.Pending {
		return s.Outcome.String()
	}
	return fmt.Sprintf("%s %s:%s", s.Outcome, s.FirstStep, s.FirstReason)
}

type pairs [][2]string

func (p pairs) Len() int                      { return len(p) }
func (p pairs) At(i int) (name, value string) { return p[i][0], p[i][1] }

type answer struct {
	pairs
	body []byte
}

func (a answer) Reset() bool { return len(a.pairs) == 0 }

func (a answer) Header(name string) (string, bool) {
	for _, h := range a.pairs {
		if h[0] == name {
			return h[1], true
		}
	}
	return "", false
}

func (a answer) BodySize() int { return len(a.body) }
func (a answer) Body() []byte  { return jsontext.Padded(a.body) }
