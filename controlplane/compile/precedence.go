package compile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// precedence orders two policies as Gateway API does (HTTPRouteRule.matches):
// negative if a comes first. why says what decided. A policy that matches less
// than another comes before it.
func precedence(a, b *plan.Policy) (order int, why string) {
	x, y := weigh(&a.Match), weigh(&b.Match)
	for i, why := range weights {
		if order := cmp.Compare(y[i], x[i]); order != 0 {
			return order, why
		}
	}
	return cmp.Compare(a.Name, b.Name), "its name comes first"
}

// weights are what counts, in order: the larger number wins.
var weights = [...]string{
	"its path is exact",
	"its path has more literal segments",
	"its path has no tail",
	"its literals are longer",
	"its path has more segments",
	"it names methods",
	"it matches more headers",
}

func weigh(m *plan.Match) [len(weights)]int {
	exact, literals, length, noTail := 1, 0, 0, 1
	for _, s := range m.Path {
		if s.Param == "" {
			literals++
			length += len(s.Literal)
			continue
		}
		exact = 0
		if s.Tail {
			noTail = 0
		}
	}
	methods := 0
	if len(m.Methods) > 0 {
		methods = 1
	}
	return [...]int{exact, literals, noTail, length, len(m.Path), methods, len(m.Headers)}
}

// maxWinners bounds how many winners a warning names.
const maxWinners = 5

// warnOverlaps warns about every policy some of whose requests go to another
// policy of the same service, and says to which and why.
func (c *compiler) warnOverlaps() {
	var candidates []*draft
	for _, d := range c.drafts {
		if !d.failed && !c.disabled[d.name()] {
			candidates = append(candidates, d)
		}
	}
	slices.SortStableFunc(candidates, func(a, b *draft) int {
		order, _ := precedence(&a.policy, &b.policy)
		return order
	})
	for i, loser := range candidates {
		var winners []string
		for _, winner := range candidates[:i] {
			service := shared(winner, loser)
			if service == "" || !overlap(&winner.policy.Match, &loser.policy.Match) {
				continue
			}
			_, why := precedence(&winner.policy, &loser.policy)
			winners = append(winners, fmt.Sprintf("%q of %s (%s)", winner.name(), service, why))
		}
		if len(winners) > 0 {
			loser.warnOverlap(winners)
		}
	}
}

func (d *draft) warnOverlap(winners []string) {
	more := ""
	if n := len(winners) - maxWinners; n > 0 {
		winners, more = winners[:maxWinners], fmt.Sprintf(" and %d more", n)
	}
	p := policy.At(d.agg.Spec.Match.Path.Loc, "overlapping-match",
		"requests that both match go to "+strings.Join(winners, ", ")+more, "")
	p.Severity = policy.Warning
	d.add(p)
}

func shared(a, b *draft) string {
	for _, t := range a.agg.Spec.TargetRefs {
		same := func(o policy.TargetRef) bool { return o.Name.Value == t.Name.Value }
		if slices.ContainsFunc(b.agg.Spec.TargetRefs, same) {
			return t.Name.Value
		}
	}
	return ""
}

// overlap says whether some request matches both.
func overlap(a, b *plan.Match) bool {
	return overlapMethods(a.Methods, b.Methods) && overlapHeaders(a.Headers, b.Headers) && overlapPaths(a.Path, b.Path)
}

func overlapMethods(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	return slices.ContainsFunc(a, func(m string) bool { return slices.Contains(b, m) })
}

func overlapHeaders(a, b []plan.HeaderMatch) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Name == y.Name && !x.Present && !y.Present && x.Value != y.Value {
				return false
			}
		}
	}
	return true
}

func overlapPaths(a, b []plan.Segment) bool {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a) || i >= len(b):
			return false
		case a[i].Tail || b[i].Tail:
			return true
		case a[i].Param == "" && b[i].Param == "" && a[i].Literal != b[i].Literal:
			return false
		case a[i].Param == "" && b[i].Param != "" && a[i].Literal == "",
			b[i].Param == "" && a[i].Param != "" && b[i].Literal == "":
			return false // a parameter is never empty
		}
	}
	return true
}
