package statement

import (
	"maps"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"loot"
)

// Facts returns what the rules about an action read, sorted: "staff.undertaking",
// "person.ordered", "record.verified", "context.case". The gate asks the desks
// for these and for no others. A rule about several kinds of actor reads the
// attribute of each.
func (s *Statement) Facts(a loot.Action) []string {
	found := map[string]bool{}
	for _, r := range s.rules {
		if !slices.Contains(r.actions, a) || r.planned && !r.Forbid {
			continue
		}
		for _, f := range s.factsOf(r, a) {
			found[f] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// factsOf returns what one rule reads when it is asked about an action.
func (s *Statement) factsOf(r *rule, a loot.Action) []string {
	var out []string
	kinds := slices.DeleteFunc(slices.Clone(r.kinds), func(k loot.ActorKind) bool { return !slices.Contains(s.vocab.kindsFor(a), k) })
	add := func(path string) {
		root, rest, _ := strings.Cut(path, ".")
		switch {
		case rest == "" || path == "resource.subject":
		case root == "principal":
			for _, k := range kinds {
				if _, ok := s.vocab.schema.Entities[entityTypes[k]].Shape[first(rest)]; ok {
					out = append(out, string(k)+"."+rest)
				}
			}
		case root == "context":
			out = append(out, path)
		case strings.HasPrefix(path, "resource.subject."):
			out = append(out, "person."+strings.TrimPrefix(path, "resource.subject."))
		case a == loot.Contact:
			out = append(out, "person."+rest)
		case a == loot.Store || a == loot.Load:
			out = append(out, "item."+rest)
		default:
			out = append(out, "record."+rest)
		}
	}
	for i := range r.conds {
		ast.Inspect(ast.NewNode(r.conds[i].body), func(n ast.IsNode) bool {
			switch n := n.(type) {
			case ast.NodeTypeAccess:
				add(pathOf(n))
			case ast.NodeTypeHas:
				add(pathOf(n.Arg) + "." + string(n.Value))
			case ast.NodeTypeHasTag, ast.NodeTypeGetTag:
				out = append(out, "person.permissions")
			case ast.NodeTypeEquals:
				if l, r := pathOf(n.Left), pathOf(n.Right); l == "principal" && r == "resource.subject" || r == "principal" && l == "resource.subject" {
					out = append(out, "person.own")
				}
			}
			return true
		})
		if mentionsCollection(r.conds[i].body) {
			out = append(out, "record.collection")
		}
	}
	if _, all := r.ast.Resource.(ast.ScopeTypeAll); !all && a != loot.Contact && a != loot.Store && a != loot.Load {
		out = append(out, "record.collection")
	}
	return out
}

// first is the first name of a path, as the schema writes it.
func first(path string) types.String {
	name, _, _ := strings.Cut(path, ".")
	return types.String(name)
}

func mentionsCollection(n ast.IsNode) bool {
	found := false
	ast.Inspect(ast.NewNode(n), func(n ast.IsNode) bool {
		if in, ok := n.(ast.NodeTypeIn); ok && pathOf(in.Left) == "resource" {
			found = true
		}
		return !found
	})
	return found
}
