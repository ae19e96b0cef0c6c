package statement

import (
	"maps"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// A literal is a name that a rule uses.
type literal struct {
	table, name string
}

// tableOf says where the ids of an enumerated type are declared.
var tableOf = map[types.EntityType]string{
	"Purpose": "purposes", "Category": "categories", "Collection": "collections", "Role": "roles", "Desk": "desks",
	"Region": "regions", "Topic": "topics", "Signal": "signals", "Kind": "kinds",
}

// lint reports what Cedar's validator lets pass: names that nobody declared,
// rules about one single person or record, and an approval said twice.
func (s *Statement) lint(rep *reporter, r *rule, at place) {
	uid := func(e types.EntityUID) { s.lintEntity(rep, r, at, e) }
	switch t := r.ast.Principal.(type) {
	case ast.ScopeTypeEq:
		uid(t.Entity)
	case ast.ScopeTypeIn:
		uid(t.Entity)
	case ast.ScopeTypeIsIn:
		uid(t.Entity)
	}
	switch t := r.ast.Resource.(type) {
	case ast.ScopeTypeEq:
		uid(t.Entity)
	case ast.ScopeTypeIn:
		uid(t.Entity)
	case ast.ScopeTypeIsIn:
		uid(t.Entity)
	}
	for _, c := range r.ast.Conditions {
		if r.about.approvals > 0 && mentions(c.Body, "context", "approvals") {
			rep.add(at, "@approvals already asks for approvals; the condition on context.approvals says it twice.")
		}
		ast.Inspect(ast.NewNode(c.Body), func(n ast.IsNode) bool {
			switch n := n.(type) {
			case ast.NodeValue:
				s.lintValue(rep, r, at, n.Value)
			case ast.NodeTypeEquals:
				s.lintPair(rep, r, at, n.Left, n.Right)
			case ast.NodeTypeNotEquals:
				s.lintPair(rep, r, at, n.Left, n.Right)
			case ast.NodeTypeContains:
				s.lintPair(rep, r, at, n.Left, n.Right)
			case ast.NodeTypeContainsAny:
				s.lintPair(rep, r, at, n.Left, n.Right)
			case ast.NodeTypeContainsAll:
				s.lintPair(rep, r, at, n.Left, n.Right)
			case ast.NodeTypeHasTag:
				s.lintKey(rep, r, at, n.Right)
			case ast.NodeTypeGetTag:
				s.lintKey(rep, r, at, n.Right)
			}
			return true
		})
	}
}

func (s *Statement) lintValue(rep *reporter, r *rule, at place, v types.Value) {
	switch v := v.(type) {
	case types.EntityUID:
		s.lintEntity(rep, r, at, v)
	case types.Set:
		for e := range v.All() {
			s.lintValue(rep, r, at, e)
		}
	}
}

func (s *Statement) lintEntity(rep *reporter, r *rule, at place, e types.EntityUID) {
	table := tableOf[e.Type]
	switch {
	case e.Type == "Action":
	case table == "":
		if _, known := s.vocab.schema.Entities[e.Type]; known {
			rep.add(s.seek(r, at, e), "A rule speaks of kinds, never of one single %s.", strings.ToLower(string(e.Type)))
		}
	case e.Type == "Region" && len(s.parsed.front.Regions) == 0:
		// the front matter is wrong, which is said already
	case e.Type == "Purpose" && e.ID == undeclared:
		rep.add(s.seek(r, at, e), "The purpose %q is no purpose; ask resource.declared.", undeclared)
	default:
		l := closed(slices.Index(listNames[:], e.Type)) //nolint:gosec // tableOf has the same types
		if _, ok := s.vocab.member(l, string(e.ID)); !ok {
			known := slices.Sorted(maps.Keys(s.vocab.members[l]))
			rep.add(s.seek(r, at, e), "There is no %s %q%s.", strings.ToLower(string(e.Type)), clip(string(e.ID)), suggest(string(e.ID), known))
			return
		}
		r.literal = append(r.literal, literal{table: table, name: string(e.ID)})
	}
}

// seek finds where a literal stands in the text of a rule.
func (s *Statement) seek(r *rule, at place, e types.EntityUID) place {
	return seekText(r, at, string(e.MarshalCedar()))
}

func seekText(r *rule, at place, text string) place {
	if r.Generated {
		return at
	}
	i := strings.Index(r.Text, text)
	if i < 0 {
		return at
	}
	before := r.Text[:i]
	if n := strings.Count(before, "\n"); n > 0 {
		at.line = r.textLine + n
		at.col = len([]rune(before[strings.LastIndex(before, "\n")+1:])) + 1
		return at
	}
	at.line, at.col = r.textLine, r.textCol+len([]rune(before))
	return at
}

// The strings that a rule may compare an attribute with are declared too.
func (s *Statement) known(path string) (table string, names []string) {
	switch path {
	case "principal.key", "resource.sponsors", "tag":
		return "recipients", append(append(ids(s.d.recipients, func(r Recipient) string { return r.Key }), "self"), s.d.broken["recipients"]...)
	case "context.sender", "resource.cancelled", "resource.subject.cancelled":
		return "senders", append(ids(s.d.senders, func(d SenderDecl) string { return d.Key }), s.d.broken["senders"]...)
	default:
		return "", nil
	}
}

func (s *Statement) lintPair(rep *reporter, r *rule, at place, a, b ast.IsNode) {
	for _, pair := range [2][2]ast.IsNode{{a, b}, {b, a}} {
		if pathOf(pair[0]) == "context.case" {
			for _, text := range stringsIn(pair[1]) {
				if !slices.Contains(s.cases, text) {
					s.cases = append(s.cases, text)
				}
			}
		}
		table, names := s.known(pathOf(pair[0]))
		if table == "" {
			continue
		}
		for _, text := range stringsIn(pair[1]) {
			s.lintString(rep, r, at, table, names, text)
		}
	}
}

func (s *Statement) lintKey(rep *reporter, r *rule, at place, key ast.IsNode) {
	table, names := s.known("tag")
	for _, text := range stringsIn(key) {
		s.lintString(rep, r, at, table, names, text)
	}
}

func (s *Statement) lintString(rep *reporter, r *rule, at place, table string, names []string, text string) {
	if !slices.Contains(names, text) {
		rep.add(seekText(r, at, `"`+text+`"`), "There is no %s %q%s.", singular[table], clip(text), suggest(text, names))
		return
	}
	r.literal = append(r.literal, literal{table: table, name: text})
}

func stringsIn(n ast.IsNode) []string {
	switch n := n.(type) {
	case ast.NodeValue:
		switch v := n.Value.(type) {
		case types.String:
			return []string{string(v)}
		case types.Set:
			var out []string
			for e := range v.All() {
				if t, ok := e.(types.String); ok {
					out = append(out, string(t))
				}
			}
			slices.Sort(out)
			return out
		}
	case ast.NodeTypeSet:
		var out []string
		for _, e := range n.Elements {
			out = append(out, stringsIn(e)...)
		}
		return out
	}
	return nil
}

// pathOf writes a chain of attributes as "resource.subject.objected"; empty if
// n is no such chain.
func pathOf(n ast.IsNode) string {
	switch n := n.(type) {
	case ast.NodeTypeVariable:
		return string(n.Name)
	case ast.NodeTypeAccess:
		if base := pathOf(n.Arg); base != "" {
			return base + "." + string(n.Value)
		}
	}
	return ""
}
