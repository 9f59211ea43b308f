package expr

// Op is what a node does. The set is closed: eval has a case for each, and
// controlplane/cel's TestEveryOp fails for one that is in no differential table.
type Op uint8

// The operations, by family. In the comments a, b and c are the operands,
// which precede the operation on the wire (see AppendJSON).
const (
	invalidOp Op = iota

	// Lit is a literal: 12, 1.5, "text", true, null, or ["uint","12"] for 12u.
	Lit

	// Method and Path read the request line: ["method"], ["path"].
	Method
	Path
	// PathParam is ["param",INDEX], an index into the match's parameters.
	PathParam
	// Query is ["query"], the query parameter named a.
	Query
	// Header is ["header",NAME]; NAME is in lower case.
	Header
	// Body is the body of the request: ["body"].
	Body
	// StepStatus, StepReason and StepBody are ["step.status",STEP] and so on;
	// StepHeader is ["step.header",STEP,NAME].
	StepStatus
	StepReason
	StepHeader
	StepBody

	// Field is a.NAME: [".",NAME].
	Field
	// Index is a[b]: ["[]"].
	Index
	// Has is has(a), where a is a reference: one of Query, Header, Body,
	// StepHeader, StepBody, Field, Index.
	Has
	// Opt is a reference as an optional, a.?b or a[?b]: ["?"].
	Opt
	// OrValue is a.orValue(b), Or is a.or(b).
	OrValue
	Or
	// HasValue is a.hasValue(), OptValue is a.value().
	HasValue
	OptValue
	// OptOf is optional.of(a), OptNone is optional.none().
	OptOf
	OptNone

	// AndAlso and OrElse are && and ||, of two or more; Not is !a.
	AndAlso
	OrElse
	Not
	// Cond is a ? b : c.
	Cond

	// Eq to Ge compare.
	Eq
	Ne
	Lt
	Le
	Gt
	Ge

	// Add to Neg compute; Add also joins strings and lists.
	Add
	Sub
	Mul
	Div
	Mod
	Neg

	// List is [a, b, ...] and Map is {a: b, ...}: ["list",2] with the number
	// of operands.
	List
	Map
	// Size is size(a), In is a in b.
	Size
	In

	numOps
)

// maxArgs stands for "any number".
const maxArgs = MaxNodes

// opInfo is the shape of one operation: its word on the wire, how many trees
// it takes, and whether it has a number (a step or a parameter) and a name.
type opInfo struct {
	word     string
	min, max uint16
	num      bool
	str      bool
	// ref marks what has() and optional access can ask about.
	ref bool
}

var ops = [numOps]opInfo{
	Method:     {word: "method"},
	Path:       {word: "path"},
	PathParam:  {word: "param", num: true},
	Query:      {word: "query", min: 1, max: 1, ref: true},
	Header:     {word: "header", str: true, ref: true},
	Body:       {word: "body", ref: true},
	StepStatus: {word: "step.status", num: true},
	StepReason: {word: "step.reason", num: true},
	StepHeader: {word: "step.header", num: true, str: true, ref: true},
	StepBody:   {word: "step.body", num: true, ref: true},

	Field:    {word: ".", min: 1, max: 1, str: true, ref: true},
	Index:    {word: "[]", min: 2, max: 2, ref: true},
	Has:      {word: "has", min: 1, max: 1},
	Opt:      {word: "?", min: 1, max: 1},
	OrValue:  {word: "orValue", min: 2, max: 2},
	Or:       {word: "or", min: 2, max: 2},
	HasValue: {word: "hasValue", min: 1, max: 1},
	OptValue: {word: "value", min: 1, max: 1},
	OptOf:    {word: "of", min: 1, max: 1},
	OptNone:  {word: "none"},

	AndAlso: {word: "&&", min: 2, max: maxArgs},
	OrElse:  {word: "||", min: 2, max: maxArgs},
	Not:     {word: "!", min: 1, max: 1},
	Cond:    {word: "?:", min: 3, max: 3},

	Eq: {word: "==", min: 2, max: 2},
	Ne: {word: "!=", min: 2, max: 2},
	Lt: {word: "<", min: 2, max: 2},
	Le: {word: "<=", min: 2, max: 2},
	Gt: {word: ">", min: 2, max: 2},
	Ge: {word: ">=", min: 2, max: 2},

	Add: {word: "+", min: 2, max: 2},
	Sub: {word: "-", min: 2, max: 2},
	Mul: {word: "*", min: 2, max: 2},
	Div: {word: "/", min: 2, max: 2},
	Mod: {word: "%", min: 2, max: 2},
	Neg: {word: "neg", min: 1, max: 1},

	List: {word: "list", max: maxArgs},
	Map:  {word: "map", max: maxArgs},
	Size: {word: "size", min: 1, max: 1},
	In:   {word: "in", min: 2, max: 2},
}

// variadic says that the wire form has the number of operands.
func (i *opInfo) variadic() bool { return i.min != i.max }

// Refers says that has() and optional access can ask about the node.
func (op Op) Refers() bool { return op < numOps && ops[op].ref }

// String is the word on the wire.
func (op Op) String() string {
	if op == Lit {
		return "literal"
	}
	if op >= numOps {
		return "invalid"
	}
	return ops[op].word
}

func opOf(word string) Op {
	for op := Lit + 1; op < numOps; op++ {
		if ops[op].word == word {
			return op
		}
	}
	return invalidOp
}
