// Package compile turns policies into plans. Compile is pure: no I/O, no clock,
// its input is never changed, and the same input gives the same result. The
// server, the CLI and the tests all call it.
//
//	policy.Set + workloads (+ the last result) -> a plan per workload,
//	                                              problems, conditions
//
// It does, in this order:
//
//	upstreams   policy.Upstream -> mesh.Upstream, one for Tutti's own sidecars
//	            and one for attached Envoys                     upstream.go
//	draft       one Aggregation -> plan.Policy without clusters draft.go, call.go,
//	            expressions by controlplane/cel                 template.go
//	            the order of steps from what they mention       order.go
//	bind        the clusters of both sorts of sidecars          bind.go
//	last good   what has an error keeps its last version        lastgood.go
//	overlaps    warnings where two policies match one request   precedence.go
//	workloads   each gets its policies by precedence            workload.go
//	conditions  what became of each policy                      condition.go
//
// A policy with an error is left out, or its last good version stays; it never
// takes down a neighbour.
package compile

import (
	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// Input is all that Compile looks at.
type Input struct {
	Policies policy.Set
	// Workloads are those that a plan is wanted for; see Targets.
	Workloads []mesh.Workload
	// Last is the result before, for the last good version of policies that
	// have an error now; may be nil.
	Last *Result
}

// Result is what Compile returns. It is never changed afterwards.
type Result struct {
	// Workloads has an entry for each of Input.Workloads.
	Workloads map[mesh.Workload]Compiled
	// Problems are those of Input.Policies and those found here, sorted.
	Problems []policy.Problem
	// Conditions has one per Aggregation, by name. It includes those that are no
	// longer readable and still serve.
	Conditions []Condition
	// artifacts are the good versions that the next Compile falls back to. They
	// do not depend on which workloads there are: one that leaves and comes back
	// finds its last good policies.
	artifacts map[variant]artifact
	// finished are the drafts without any problem, by name: the next Compile
	// takes those that did not change as they are. It saves nearly all of the
	// time when one policy of many changes.
	finished map[string]finished
}

// Compiled is what one workload gets.
type Compiled struct {
	// Plan is never nil; it has no policies if none targets the workload.
	Plan *plan.Plan
	// Upstreams are those that the plan calls, by cluster name. They include
	// those of last good versions.
	Upstreams []mesh.Upstream
}

// compiler is the state of one Compile.
type compiler struct {
	in        Input
	upstreams map[string]*upstream
	// names are those of all upstreams, for hints.
	names     []string
	drafts    []*draft
	disabled  map[string]bool
	artifacts map[variant]artifact
	// kept are the variants whose last good version serves.
	kept     map[variant]bool
	finished map[string]finished
	problems []policy.Problem
}

// Compile makes the plans.
func Compile(in Input) Result {
	c := compiler{
		in: in, upstreams: map[string]*upstream{}, disabled: map[string]bool{},
		artifacts: map[variant]artifact{}, kept: map[variant]bool{}, finished: map[string]finished{},
	}
	c.problems = append(c.problems, in.Policies.Problems...)
	c.resolveUpstreams()
	c.draftAll()
	c.markDisabled()
	for _, d := range c.drafts {
		c.settle(d)
	}
	c.keepUnreadable()
	c.refreshUpstreams()
	c.warnOverlaps()
	r := Result{Workloads: map[mesh.Workload]Compiled{}, artifacts: c.artifacts, finished: c.finished}
	for _, w := range in.Workloads {
		r.Workloads[w] = c.workload(w)
	}
	r.Problems = policy.Sort(c.problems)
	r.Conditions = c.conditions(r.Problems)
	return r
}
