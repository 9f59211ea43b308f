package main

import (
	"strings"

	"github.com/tutti-mesh/tutti/filter/engine"
	"github.com/tutti-mesh/tutti/filter/internal/hostabi"
)

// report tells Envoy's access log and stats once what became of the request.
func (s *stream) report() {
	if s.reported || !s.run.Over() {
		return
	}
	s.reported = true
	sum := s.run.Summary()
	policy := sum.Policy
	if policy == "" {
		policy = noPolicy
	}
	hostabi.SetProperty("tutti.policy", policy)
	hostabi.SetProperty("tutti.outcome", sum.Outcome.String())
	if sum.FirstReason != engine.Pending {
		hostabi.SetProperty("tutti.step", sum.FirstStep+":"+sum.FirstReason.String())
	}
	if sum.Detail != "" {
		hostabi.Log(hostabi.Debug, "tutti: "+policy+": "+sum.Detail)
	}

	all := &s.plugin.stats
	p := all.of(policy, s.run.Steps())
	p.ms.record(sum.TookMS, "tutti.request_ms", policy)
	all.add(&p.requests[sum.Outcome], 1, "tutti.requests", policy, sum.Outcome.String())
	all.add(&p.bytes, sum.AnswerBytes, "tutti.answer_bytes", policy)
	for i := range s.run.Steps() {
		if name, reason := s.run.StepResult(i); reason != engine.Pending {
			all.add(&p.steps[i][reason], 1, "tutti.steps", policy, name, reason.String())
		}
	}
}

// noPolicy stands for the policy of a route that has none; no policy has this
// name, as those are DNS labels.
const noPolicy = "-"

// stats are Envoy's stats that the filter writes, each defined when it is first
// needed. Their names are bounded: policies and steps are those of the plan.
// Counters are gathered here and handed to Envoy by flush, because every call
// to Envoy costs as much as the rest of the report.
type stats struct {
	streams, panics counter
	policies        map[string]*policyStats
	// behind are the counters that have something to hand over.
	behind []*counter
}

type policyStats struct {
	requests [engine.Outcomes]counter
	ms       histogram
	bytes    counter
	// steps are in the order of the plan.
	steps [][engine.Reasons]counter
}

func (s *stats) of(policy string, steps int) *policyStats {
	p := s.policies[policy]
	if p == nil {
		if s.policies == nil {
			s.policies = map[string]*policyStats{}
		}
		p = &policyStats{}
		s.policies[policy] = p
	}
	// A run that was refused at once has no steps yet.
	if p.steps == nil && steps > 0 {
		p.steps = make([][engine.Reasons]counter, steps)
	}
	return p
}

// counter is a counter of Envoy, which may not know it yet.
type counter struct {
	id      hostabi.Metric
	defined bool
	// due is what Envoy has not been told.
	due int
}

// add adds to a counter. The parts of its name are joined once.
func (s *stats) add(c *counter, n int, name ...string) {
	if !c.defined {
		if c.id, c.defined = hostabi.DefineMetric(hostabi.Counter, strings.Join(name, ".")); !c.defined {
			return
		}
	}
	if c.due == 0 && n > 0 {
		s.behind = append(s.behind, c)
	}
	c.due += n
}

func (s *stats) flush() {
	for _, c := range s.behind {
		c.id.Add(c.due)
		c.due = 0
	}
	s.behind = s.behind[:0]
}

// histogram is one of Envoy's, which takes values one by one only.
type histogram struct {
	id      hostabi.Metric
	defined bool
}

func (h *histogram) record(value int, name ...string) {
	if !h.defined {
		if h.id, h.defined = hostabi.DefineMetric(hostabi.Histogram, strings.Join(name, ".")); !h.defined {
			return
		}
	}
	h.id.Record(uint64(value))
}
