package statement

import (
	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// A tree is a condition taken apart down to what cannot be taken apart, so that
// a search can tell how far it is from holding.
type tree struct {
	all    bool          // every kid must hold; else any
	not    bool          // the leaf is negated
	leaf   *cedar.Policy // nil: kids
	kids   []tree
	unless bool // of a rule's condition: it must not hold
}

func newTree(n ast.IsNode, not bool) tree {
	switch n := n.(type) {
	case ast.NodeTypeNot:
		return newTree(n.Arg, !not)
	case ast.NodeTypeAnd:
		return tree{all: !not, kids: []tree{newTree(n.Left, not), newTree(n.Right, not)}}
	case ast.NodeTypeOr:
		return tree{all: not, kids: []tree{newTree(n.Left, not), newTree(n.Right, not)}}
	}
	return tree{not: not, leaf: conditionPolicy(n)}
}

// far is how many leaves are in the way of the tree being as wanted.
func (t *tree) far(w *world, want bool) int {
	if t.leaf != nil {
		if holds(t.leaf, w) != t.not == want {
			return 0
		}
		return 1
	}
	sum, least := 0, 1<<20
	for i := range t.kids {
		d := t.kids[i].far(w, want)
		sum += d
		least = min(least, d)
	}
	if t.all == want {
		return sum
	}
	return least
}

// trees keeps the conditions of rules taken apart, for one search.
type trees map[*rule][]tree

func (ts trees) of(r *rule) []tree {
	if t, ok := ts[r]; ok {
		return t
	}
	t := make([]tree, len(r.conds))
	for i := range r.conds {
		t[i] = newTree(r.conds[i].body, false)
		t[i].unless = r.conds[i].unless
	}
	ts[r] = t
	return t
}

// toMatch is how far the rule is from matching.
func (ts trees) toMatch(r *rule, w *world) int {
	d := 0
	if !holds(r.scope, w) {
		d = 3
	}
	for _, t := range ts.of(r) {
		d += t.far(w, !t.unless)
	}
	return d
}

// toMiss is how far a rule that matches is from not matching.
func (ts trees) toMiss(r *rule, w *world) int {
	d := 3 // another head
	for _, t := range ts.of(r) {
		d = min(d, t.far(w, t.unless))
	}
	return d
}
