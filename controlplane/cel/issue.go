package cel

import (
	"cmp"
	"slices"
)

// Codes of issues. They are stable: users look them up and silence them.
const (
	CodeSyntax      = "syntax"
	CodeType        = "type-mismatch"
	CodeUnknownName = "unknown-name"
	CodeUnknownStep = "unknown-step"
	CodeUnsupported = "unsupported-expression"
	CodeTooComplex  = "expression-too-complex"
	CodeTemplate    = "unterminated-template"
	CodeEmpty       = "empty-expression"
)

// Issue is one thing wrong with an expression or a template.
type Issue struct {
	// Offset is where, in bytes from the begin of the text that was given.
	Offset int
	// Code is one of the Codes above.
	Code string
	// Message says what is wrong, in one line; Hint how to mend it, if known.
	Message, Hint string
}

// inOrder sorts by place, and keeps one issue for each place: what comes later
// about the same place follows from the first.
func inOrder(issues []Issue) []Issue {
	slices.SortStableFunc(issues, func(a, b Issue) int { return cmp.Compare(a.Offset, b.Offset) })
	return slices.CompactFunc(issues, func(a, b Issue) bool { return a.Offset == b.Offset })
}

// didYouMean is a hint that names the nearest of the names, or lists them if
// none is near.
func didYouMean(name string, names []string) string {
	best, nearest := "", len(name)/2+1
	for _, n := range names {
		if d := distance(name, n); d < nearest {
			best, nearest = n, d
		}
	}
	if best != "" {
		return `did you mean "` + best + `"?`
	}
	if len(names) == 0 || len(names) > 12 {
		return ""
	}
	hint := "there is "
	for i, n := range names {
		if i > 0 {
			hint += ", "
		}
		hint += n
	}
	return hint
}

// distance is how many bytes must be changed, added or taken away (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
