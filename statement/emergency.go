package statement

import (
	"slices"

	"loot"
)

// Emergency is what the rules call the case in which more may be opened than the roles of
// somebody let them.
const Emergency = "emergency"

// InEmergency returns the purposes for which whoever has these roles may open records of a
// collection while an emergency stands and others agreed, beyond those of the roles. It
// asks the rules about a person for whom nothing stands in the way.
func (s *Statement) InEmergency(roles []loot.Role, c loot.Collection) (out []Purpose) {
	decl, _ := s.Collection(c)
	fields := s.Fields(c)
	for _, id := range decl.Purposes {
		p, ok := s.Purpose(id)
		if !ok || slices.ContainsFunc(roles, func(role loot.Role) bool {
			d, ok := s.Role(role)
			return ok && slices.Contains(d.Purposes, id)
		}) {
			continue
		}
		if slices.ContainsFunc(fields, func(f FieldDecl) bool {
			_, needed := f.Needed[id]
			return needed && s.opensInEmergency(roles, c, id, f)
		}) {
			out = append(out, p)
		}
	}
	return out
}

func (s *Statement) opensInEmergency(roles []loot.Role, c loot.Collection, p loot.Purpose, f FieldDecl) bool {
	category, _ := s.Category(f.Category)
	now := s.Front().Effective
	in := Input{
		Action:  loot.Use,
		Actor:   Actor{Kind: loot.Staff, Roles: roles, Undertaking: now},
		Record:  Record{Collection: c, Category: f.Category, Level: category.Level, Purposes: []loot.Purpose{p}, Identifying: f.Identifying, Since: f.Since},
		Person:  Person{Ordered: []loot.Purpose{p}, Confirmed: true},
		Context: Context{Purpose: p, Now: now, Case: Emergency, Approvals: mostApprovals},
	}
	if !s.Decide(&in).Allowed {
		return false
	}
	in.Context.Case = ""
	return !s.Decide(&in).Allowed
}
