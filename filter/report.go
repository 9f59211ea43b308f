package main

import (
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

	p := s.plugin.stats.of(policy, s.run.Steps())
	p.requests[sum.Outcome].add("tutti.requests."+policy+".", sum.Outcome.String(), 1)
	p.ms.record("tutti.request_ms."+policy, sum.TookMS)
	p.bytes.add("tutti.answer_bytes."+policy, "", sum.AnswerBytes)
	for i := range s.run.Steps() {
		if name, reason := s.run.StepResult(i); reason != engine.Pending {
			p.steps[i][reason].add("tutti.steps."+policy+"."+name+".", reason.String(), 1)
		}
	}
}

// noPolicy stands for the policy of a route that has none; no policy has this
// name, as those are DNS labels.
const noPolicy = "-"

// stats are Envoy's stats that the filter writes, each defined when it is first
// needed. Their names are bounded: policies and steps are those of the plan.
type stats struct {
	streams, panics metric
	policies        map[string]*policyStats
}

type policyStats struct {
	requests  [engine.Outcomes]metric
	ms, bytes metric
	// steps are in the order of the plan.
	steps [][engine.Reasons]metric
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
	if steps > len(p.steps) {
		p.steps = make([][engine.Reasons]metric, steps)
	}
	return p
}

// metric is a stat that Envoy may not know yet.
type metric struct {
	id      hostabi.Metric
	defined bool
}

// add adds to a counter. Its name comes in two parts, to be joined once.
func (m *metric) add(name, suffix string, n int) {
	if m.define(hostabi.Counter, name, suffix) {
		m.id.Add(n)
	}
}

// record records a value in a histogram.
func (m *metric) record(name string, value int) {
	if m.define(hostabi.Histogram, name, "") {
		m.id.Record(uint64(value))
	}
}

func (m *metric) define(kind hostabi.MetricKind, name, suffix string) bool {
	if !m.defined {
		m.id, m.defined = hostabi.DefineMetric(kind, name+suffix)
	}
	return m.defined
}
