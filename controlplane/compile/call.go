package compile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// alwaysForwarded are headers that the filter copies by itself.
var alwaysForwarded = []string{"traceparent", "tracestate", "x-request-id"}

// call compiles one call into its step.
func (d *draft) call(i int) {
	call, s := &d.agg.Spec.Calls[i], &d.policy.Steps[i]
	t := templates{d: d, step: i}
	s.Name = call.Name.Value
	s.Method = "GET"
	if call.Method.Given() {
		s.Method = call.Method.Value
	}
	s.Path = t.path(call.Path)
	s.Query = t.params(call.Query)
	s.Headers = t.headers(call.Headers)
	if call.Body != nil {
		s.Body = t.document(call.Body)
	}
	s.TimeoutMS = d.callTimeout(call)
	s.Success = success(call.Success)
	switch call.OnError.Choice {
	case "omit":
		s.OnError = plan.Omit
	case "fallback":
		s.OnError = plan.Fallback
		s.Fallback = t.document(call.OnError.Fallback)
	}
	d.forward(call, s)
}

// lookUp finds the upstream of a call; nil if there is none.
func (c *compiler) lookUp(d *draft, call *policy.Call) *upstream {
	name := call.Upstream
	if !name.Given() {
		return nil
	}
	u := c.upstreams[name.Value]
	switch {
	case u == nil:
		hint := policy.DidYouMean(name.Value, c.names)
		if hint == "" && len(c.in.Policies.Broken) > 0 {
			hint = "it may be in " + c.in.Policies.Broken[0] + ", which cannot be read"
		}
		d.add(policy.At(name.Loc, "unknown-upstream", fmt.Sprintf("unknown upstream %q", name.Value), hint))
		return nil
	case u.invalid:
		d.add(policy.At(name.Loc, "invalid-upstream", fmt.Sprintf("upstream %q has errors itself", name.Value), "mend it first"))
		return nil
	}
	return u
}

// callTimeout is at most the policy's: the budget ends the call anyway.
func (d *draft) callTimeout(call *policy.Call) uint32 {
	budget := d.policy.TimeoutMS
	own := millis(call.Timeout, time.Duration(budget)*time.Millisecond)
	if own > budget {
		p := policy.At(call.Timeout.Loc, "timeout-over-budget",
			fmt.Sprintf("is %s, longer than the policy's timeout of %s", call.Timeout.D, time.Duration(budget)*time.Millisecond),
			"the call ends with the policy's timeout")
		p.Severity = policy.Warning
		d.add(p)
		return budget
	}
	return own
}

func success(ranges []policy.StatusRange) []plan.StatusRange {
	if len(ranges) == 0 {
		return []plan.StatusRange{{From: 200, To: 299}}
	}
	out := make([]plan.StatusRange, len(ranges))
	for i, r := range ranges {
		out[i] = plan.StatusRange{From: r.From, To: r.To}
	}
	return out
}

// forward leaves out what the call sets itself, which then is the only one of
// its name, and what always goes.
func (d *draft) forward(call *policy.Call, s *plan.Step) {
	f := d.agg.Spec.Forward
	if call.Forward.Given() {
		f = call.Forward
	}
	for _, h := range f.Headers {
		name := strings.ToLower(h.Value)
		if !slices.Contains(alwaysForwarded, name) && !has(s.Headers, name) {
			s.ForwardHeaders = append(s.ForwardHeaders, name)
		}
	}
	for _, q := range f.Query {
		if !has(s.Query, q.Value) {
			s.ForwardQuery = append(s.ForwardQuery, q.Value)
		}
	}
}

func has(params []plan.Param, name string) bool {
	return slices.ContainsFunc(params, func(p plan.Param) bool { return p.Name == name })
}
