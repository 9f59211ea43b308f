package expr

import "errors"

// The bounds of one expression. They keep what a plan can make the filter
// spend linear in its data: an expression has no loop but the comparison of
// two values, which is bounded by their size.
const (
	// MaxDepth bounds the nesting of nodes, and thereby the stack.
	MaxDepth = 128
	// MaxNodes bounds the nodes of one expression.
	MaxNodes = 1024
	// MaxSource bounds the source text, in bytes.
	MaxSource = 16 << 10
	// MaxIndex bounds the number of a step or a path parameter.
	MaxIndex = 1 << 10
)

var errTooMany = errors.New("expression: more than 1024 nodes")

// Node is one node of a tree: an operation on the values of Args.
type Node struct {
	Op   Op
	Args []Node
	// Num is the number of a step or of a path parameter.
	Num int
	// Str is a field's or header's name.
	Str string
	// Val is the value of a Lit.
	Val Value
}

// Expr is one compiled expression. It is immutable: requests share it.
type Expr struct {
	src  string
	root Node
}

// New makes an expression of a tree, which must have the shape that Decode
// demands; src is the text as the user wrote it.
func New(src string, root Node) (*Expr, error) {
	if len(src) > MaxSource {
		return nil, errors.New("expression: source text over 16 KiB")
	}
	nodes := 0
	if err := root.check(0, &nodes); err != nil {
		return nil, err
	}
	return &Expr{src: src, root: root}, nil
}

// Source is the CEL text as the user wrote it.
func (e *Expr) Source() string { return e.src }

// Root is the tree, for tests and tools that print it.
func (e *Expr) Root() Node { return e.root }

// Reach tells how many steps and path parameters there must be: one more than
// the highest index, 0 if there is none. Who decodes a plan compares it with
// what the plan has; Eval hands the indices to Env as they are.
func (e *Expr) Reach() (steps, pathParams int) {
	e.root.reach(&steps, &pathParams)
	return steps, pathParams
}

func (n *Node) reach(steps, pathParams *int) {
	switch n.Op {
	case PathParam:
		*pathParams = max(*pathParams, n.Num+1)
	case StepStatus, StepReason, StepHeader, StepBody:
		*steps = max(*steps, n.Num+1)
	}
	for i := range n.Args {
		n.Args[i].reach(steps, pathParams)
	}
}

// check is the shape test that New and Decode share.
func (n *Node) check(depth int, nodes *int) error {
	if *nodes++; *nodes > MaxNodes {
		return errTooMany
	}
	if depth >= MaxDepth {
		return errors.New("expression: nested deeper than 128")
	}
	if n.Op == Lit {
		if len(n.Args) != 0 || !n.Val.literal() {
			return errors.New("expression: malformed literal")
		}
		return nil
	}
	if n.Op == invalidOp || n.Op >= numOps {
		return errors.New("expression: unknown operation")
	}
	info := &ops[n.Op]
	if len(n.Args) < int(info.min) || len(n.Args) > int(info.max) {
		return errors.New("expression: wrong number of operands of " + info.word)
	}
	if n.Num < 0 || n.Num > MaxIndex || (!info.num && n.Num != 0) {
		return errors.New("expression: bad index of " + info.word)
	}
	if !info.str && n.Str != "" {
		return errors.New("expression: unexpected name of " + info.word)
	}
	if (n.Op == Has || n.Op == Opt) && !n.Args[0].Op.Refers() {
		return errors.New("expression: " + info.word + " takes a reference")
	}
	if n.Op == Map && len(n.Args)%2 != 0 {
		return errors.New("expression: map without a value for a key")
	}
	for i := range n.Args {
		if err := n.Args[i].check(depth+1, nodes); err != nil {
			return err
		}
	}
	return nil
}
