package compile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tutti-mesh/tutti/controlplane/policy"
)

// ConditionAccepted is the only condition type so far (Gateway API,
// PolicyConditionType).
const ConditionAccepted = "Accepted"

// The reasons of a condition.
const (
	// ReasonAccepted: the policy is served as written.
	ReasonAccepted = "Accepted"
	// ReasonDisabled: the policy is taken out by enabled: false.
	ReasonDisabled = "Disabled"
	// ReasonInvalid: there is an error among the policy's problems.
	ReasonInvalid = "Invalid"
	// ReasonUnreadable: the file it was in cannot be read any more.
	ReasonUnreadable = "Unreadable"
)

// Condition tells what became of one policy, in the manner of Gateway API. The
// JSON form is what `tutti status -o json` prints.
type Condition struct {
	// Kind and Name are the resource.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// File is where it is, or was last.
	File string `json:"file"`
	// Type is ConditionAccepted, Status whether it holds, Reason one of the
	// reasons, Message a sentence.
	Type    string `json:"type"`
	Status  bool   `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// ObservedHash is the version the condition was made from; empty if it
	// cannot be read.
	ObservedHash string `json:"observedHash,omitempty"`
	// ServingHash is the version that is served to the workloads that it
	// targets; empty if none is. Where sidecars and attached Envoys have
	// different versions, both are there, with a comma.
	ServingHash string `json:"servingHash,omitempty"`
	// LastGood says that what serves is the last good version. Its hash may be
	// the one observed: what went wrong may be an upstream.
	LastGood bool `json:"lastGood,omitempty"`
}

// conditions makes one condition per name; problems are all, sorted.
func (c *compiler) conditions(problems []policy.Problem) []Condition {
	errors := map[string][]policy.Problem{}
	for _, p := range problems {
		if p.Kind == policy.KindAggregation && p.Severity == policy.Error {
			errors[p.Name] = append(errors[p.Name], p)
		}
	}
	var out []Condition
	for i, d := range c.drafts {
		if i > 0 && c.drafts[i-1].name() == d.name() {
			continue
		}
		out = append(out, c.condition(d, errors[d.name()]))
	}
	for _, v := range c.variants() {
		a := c.artifacts[v]
		if c.draft(v.name) != nil || len(out) > 0 && out[len(out)-1].Name == v.name {
			continue
		}
		cond := Condition{
			Kind: policy.KindAggregation, Name: v.name, File: a.file, Type: ConditionAccepted,
			Reason: ReasonUnreadable, Message: a.file + " cannot be read as policies",
		}
		c.serving(&cond)
		out = append(out, cond)
	}
	slices.SortStableFunc(out, func(a, b Condition) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (c *compiler) condition(d *draft, errors []policy.Problem) Condition {
	cond := Condition{
		Kind: policy.KindAggregation, Name: d.name(), File: d.agg.Pos.File, Type: ConditionAccepted,
		Status: true, Reason: ReasonAccepted, Message: "served as written", ObservedHash: d.agg.Hash,
	}
	switch {
	case c.disabled[d.name()]:
		cond.Reason, cond.Message = ReasonDisabled, "taken out by enabled: false"
		cond.Status = len(errors) == 0
	case len(errors) > 0:
		cond.Status, cond.Reason = false, ReasonInvalid
		first := errors[0]
		cond.Message = fmt.Sprintf("%s:%d:%d: ", first.File, first.Line, first.Col)
		if first.Path != "" {
			cond.Message += first.Path + ": "
		}
		cond.Message += first.Message
		if more := len(errors) - 1; more > 0 {
			cond.Message += fmt.Sprintf(" (and %d more)", more)
		}
	}
	c.serving(&cond)
	return cond
}

// serving fills in which version serves, and says so in the message if it is
// not the one observed.
func (c *compiler) serving(cond *Condition) {
	if cond.Reason == ReasonDisabled {
		return
	}
	var all, used []variant
	for _, attached := range []bool{false, true} {
		v := variant{cond.Name, attached}
		a, ok := c.artifacts[v]
		if !ok {
			continue
		}
		all = append(all, v)
		if slices.ContainsFunc(c.in.Workloads, a.servesAs(v)) {
			used = append(used, v)
		}
	}
	if len(used) == 0 {
		used = all
	}
	var hashes []string
	for _, v := range used {
		hashes = append(hashes, c.artifacts[v].hash)
		cond.LastGood = cond.LastGood || c.kept[v]
	}
	cond.ServingHash = strings.Join(slices.Compact(hashes), ",")
	switch {
	case cond.Status:
		cond.LastGood = false // a variant that no workload asks for
	case len(used) == 0:
		cond.Message += "; not served"
	case cond.LastGood:
		cond.Message += "; the last good version serves"
	default:
		cond.Message += "; served to the workloads that can"
	}
}
