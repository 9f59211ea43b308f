package compile

import (
	"fmt"

	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// maxNesting is how deeply the JSON of a plan may nest; the filter reads no
// deeper (jsontext.MaxDepth). A test compares the two.
const maxNesting = 64

// checkDepth reports a document that would make the plan nest deeper than the
// filter reads. It is measured on the encoded plan: every level of a document
// with holes takes several there.
func (d *draft) checkDepth(v *policy.Value, doc *plan.Doc, step bool) {
	p := plan.Policy{Response: plan.Response{Body: doc}}
	if step {
		p = plan.Policy{Steps: []plan.Step{{Body: doc}}}
	}
	depth := nesting(plan.Encode(&plan.Plan{Policies: []plan.Policy{p}}))
	if depth > maxNesting {
		d.add(policy.At(v.Loc, "too-deep",
			fmt.Sprintf("nests too deep: its plan would nest %d deep, the filter reads %d", depth, maxNesting),
			"a list with ${} somewhere in it takes two levels, an object three"))
	}
}

// nesting is how deeply a JSON text nests.
func nesting(text []byte) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}
