package statement

import (
	"strings"

	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// phrase puts an expression into words; negated if it is not wanted.
func (s *Statement) phrase(n ast.IsNode, wanted bool) string {
	text := string(policyOf(ast.Permit().When(ast.NewNode(n))).MarshalCedar())
	_, text, _ = strings.Cut(text, "when {")
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "};"))
	if !wanted {
		return "not: " + text
	}
	return text
}

func (s *Statement) headNeeds(*rule) string { return "somebody else asks, or it is another record" }

func (s *Statement) wordsOf(r *rule) string {
	if r.Forbid {
		return "Forbids."
	}
	return "Permits."
}
