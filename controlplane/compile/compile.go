// Package compile turns policies into plans. Compile is pure: no I/O, no clock,
// its input is never changed, and the same input gives the same result. The
// server, the CLI and the tests all call it.
//
//	policy.Set + workloads (+ the last result) -> a plan per workload,
//	                                              problems, conditions
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
}

// Compiled is what one workload gets.
type Compiled struct {
	// Plan is never nil; it has no policies if none targets the workload.
	Plan *plan.Plan
	// Upstreams are those that the plan calls, by cluster name. They include
	// those of last good versions.
	Upstreams []mesh.Upstream
}

// ConditionAccepted is the only condition type so far (Gateway API,
// PolicyConditionType).
const ConditionAccepted = "Accepted"

// The reasons of a condition.
const (
	// ReasonAccepted: the policy is served as written.
	ReasonAccepted = "Accepted"
	// ReasonDisabled: the policy is fine and taken out by enabled: false.
	ReasonDisabled = "Disabled"
	// ReasonInvalid: there is an error among the policy's problems.
	ReasonInvalid = "Invalid"
	// ReasonPartlyServed: fine, but some workload cannot reach an upstream.
	ReasonPartlyServed = "PartlyServed"
	// ReasonUnreadable: the file it was in cannot be read any more.
	ReasonUnreadable = "Unreadable"
)

// Condition tells what became of one policy, in the manner of Gateway API.
type Condition struct {
	// Kind and Name are the resource.
	Kind string
	Name string
	// File is where it is, or was last.
	File string
	// Type is ConditionAccepted, Status whether it holds, Reason one of the
	// reasons, Message a sentence.
	Type    string
	Status  bool
	Reason  string
	Message string
	// ObservedHash is the version the condition was made from; empty if it
	// cannot be read.
	ObservedHash string
	// ServingHash is the version that is in the plans of workloads that it
	// targets; empty if none is. It differs from ObservedHash where the last
	// good version serves.
	ServingHash string
}

// Compile makes the plans.
func Compile(in Input) Result {
	return Result{}
}

// Targets are the workloads that the policies name, as sidecars of Tutti's: for
// tools that have no mesh to ask. Sorted and without duplicates.
func Targets(set policy.Set) []mesh.Workload {
	return nil
}

type variant struct{}

type artifact struct{}
