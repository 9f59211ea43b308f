package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// checkOrder reports calls that wait for each other, one problem per group.
func (d *draft) checkOrder() {
	for _, cycle := range cycles(d.policy.Steps) {
		names := make([]string, 0, len(cycle)+1)
		for _, i := range append(cycle, cycle[0]) {
			names = append(names, d.policy.Steps[i].Name)
		}
		call := &d.agg.Spec.Calls[cycle[0]]
		l := call.Loc
		if call.Name.Given() {
			l = policy.Loc{Pos: call.Name.Pos, Path: l.Path}
		}
		message := "waits for itself: "
		if len(cycle) > 1 {
			message = "calls wait for each other: "
		}
		d.add(policy.At(l, "step-cycle", message+strings.Join(names, " -> "),
			fmt.Sprintf("a call waits for every call that its templates mention; take a mention of %s out of %s",
				names[1], names[0])))
	}
}

// cycles finds one cycle for each start that leads to a new one, as indices: a
// step, a step it waits for, and so on. Steps of a cycle that was found are in
// no other.
func cycles(steps []plan.Step) [][]int {
	var found [][]int
	done := make([]bool, len(steps))
	var path []int
	var visit func(i int) bool
	visit = func(i int) bool {
		if at := slices.Index(path, i); at >= 0 {
			found = append(found, rotate(path[at:]))
			return true
		}
		if done[i] {
			return false
		}
		path = append(path, i)
		for _, j := range steps[i].After {
			if visit(j) {
				break
			}
		}
		path = path[:len(path)-1]
		done[i] = true
		return false
	}
	for i := range steps {
		visit(i)
	}
	return found
}

// rotate copies a cycle so that it begins with its first step.
func rotate(cycle []int) []int {
	at := slices.Index(cycle, slices.Min(cycle))
	return append(slices.Clone(cycle[at:]), cycle[:at]...)
}
