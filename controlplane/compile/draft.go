package compile

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tutti-mesh/tutti/controlplane/cel"
	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// draft is one Aggregation, compiled but for what depends on the sort of
// sidecar: the steps have no clusters yet.
type draft struct {
	agg    *policy.Aggregation
	policy plan.Policy
	// calls names the upstream of each step; nil where there is none.
	calls []*upstream
	// failed says that there is an error, noted that there is any problem.
	failed bool
	noted  bool
	scope  cel.Scope
	report func(policy.Problem)
}

func (d *draft) name() string { return d.agg.Meta.Name.Value }

// add reports a problem of the policy.
func (d *draft) add(p policy.Problem) {
	d.noted = true
	p.Kind, p.Name = policy.KindAggregation, d.name()
	if p.Severity == policy.Error {
		d.failed = true
	}
	d.report(p)
}

// draftAll compiles every Aggregation, those with errors too, so that all that
// is wrong with them is told in one run.
func (c *compiler) draftAll() {
	for i := range c.in.Policies.Aggregations {
		d := &draft{agg: &c.in.Policies.Aggregations[i]}
		d.report = func(p policy.Problem) { c.problems = append(c.problems, p) }
		d.failed = d.agg.Invalid
		c.drafts = append(c.drafts, d)
	}
	slices.SortStableFunc(c.drafts, func(a, b *draft) int { return cmp.Compare(a.name(), b.name()) })
	for _, d := range c.drafts {
		c.compile(d)
	}
}

// draft is the first one of that name; nil if there is none.
func (c *compiler) draft(name string) *draft {
	i, ok := slices.BinarySearchFunc(c.drafts, name, func(d *draft, n string) int { return cmp.Compare(d.name(), n) })
	if !ok {
		return nil
	}
	return c.drafts[i]
}

// finished is a draft that had no problem, and the version it was made from.
type finished struct {
	hash   string
	policy plan.Policy
}

// compile makes the draft, or takes it from the last result.
func (c *compiler) compile(d *draft) {
	if c.in.Last != nil && !d.failed {
		if f, ok := c.in.Last.finished[d.name()]; ok && f.hash == d.agg.Hash {
			d.policy = f.policy
		}
	}
	if d.policy.Name == "" {
		d.make()
	}
	if !d.failed && !d.noted {
		c.finished[d.name()] = finished{d.agg.Hash, d.policy}
	}
	for i := range d.agg.Spec.Calls {
		d.calls = append(d.calls, c.lookUp(d, &d.agg.Spec.Calls[i]))
	}
}

func (d *draft) make() {
	spec := &d.agg.Spec
	d.policy = plan.Policy{
		Name:      d.name(),
		Match:     match(&spec.Match),
		TimeoutMS: millis(spec.Timeout, policy.DefaultTimeout),
		Limits:    limits(&spec.Limits),
		Steps:     make([]plan.Step, len(spec.Calls)),
	}
	for _, s := range d.policy.Match.Path {
		if s.Param != "" {
			d.scope.PathParams = append(d.scope.PathParams, s.Param)
		}
	}
	for i := range spec.Calls {
		d.scope.Steps = append(d.scope.Steps, spec.Calls[i].Name.Value)
	}
	for i := range spec.Calls {
		d.call(i)
	}
	d.response(&spec.Response)
	d.checkOrder()
}

// use notes what the template of a step needs; step is -1 for the response.
func (d *draft) use(step int, u cel.Uses) {
	d.policy.ReadsBody = d.policy.ReadsBody || u.RequestBody
	for _, i := range u.StepBodies {
		d.policy.Steps[i].ReadsBody = true
	}
	for i, names := range u.StepHeaders {
		s := &d.policy.Steps[i]
		s.ReadsHeaders = append(s.ReadsHeaders, names...)
		slices.Sort(s.ReadsHeaders)
		s.ReadsHeaders = slices.Compact(s.ReadsHeaders)
	}
	if step < 0 {
		return
	}
	s := &d.policy.Steps[step]
	s.After = append(s.After, u.Steps...)
	slices.Sort(s.After)
	s.After = slices.Compact(s.After)
}

func (d *draft) response(r *policy.Response) {
	out := &d.policy.Response
	out.Status = policy.DefaultStatus
	if r.Status.Given() {
		out.Status = int(r.Status.N)
	}
	t := templates{d: d, step: -1}
	out.Headers = t.headers(r.Headers)
	if r.Body != nil {
		out.Body = t.document(r.Body)
	}
}

func match(m *policy.Match) plan.Match {
	var out plan.Match
	for _, method := range m.Methods {
		out.Methods = append(out.Methods, method.Value)
	}
	slices.Sort(out.Methods)
	for _, s := range m.Path.Segments {
		out.Path = append(out.Path, plan.Segment{Literal: s.Literal, Param: s.Param, Tail: s.Tail})
	}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, plan.HeaderMatch{
			Name: strings.ToLower(h.Name.Value), Value: h.Value.Value, Present: h.Present.B,
		})
	}
	return out
}

func limits(l *policy.Limits) plan.Limits {
	size := func(s policy.Size, otherwise int) int {
		if s.Given() {
			return s.Bytes
		}
		return otherwise
	}
	out := plan.Limits{
		AnswerBytes:  size(l.AnswerBytes, policy.DefaultAnswerBytes),
		TotalBytes:   size(l.TotalBytes, policy.DefaultTotalBytes),
		RequestBytes: size(l.RequestBytes, policy.DefaultRequestBytes),
		Hops:         policy.DefaultHops,
	}
	if l.Hops.Given() {
		out.Hops = int(l.Hops.N)
	}
	return out
}

// millis is a duration in whole milliseconds; the language has no finer ones.
func millis(d policy.Duration, otherwise time.Duration) uint32 {
	if d.Given() {
		otherwise = d.D
	}
	return uint32(otherwise / time.Millisecond)
}
