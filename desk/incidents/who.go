package incidents

import (
	"context"
	"slices"
	"strings"

	"loot"
	"loot/statement"
	"loot/store"
)

func approves(r statement.RoleDecl) bool    { return r.Approves }
func administers(r statement.RoleDecl) bool { return r.Administers }

// dealing says who deals with incidents, of all who ever signed in, and by
// which roles: whoever approves or, as long as nobody does, whoever administers.
// Those who are suspended count too: nobody comes to deal with an incident by
// suspending those who should.
func (d *incidents) dealing(s *statement.Statement, all []loot.Actor) (may func(loot.Actor) bool, by func(statement.RoleDecl) bool) {
	if slices.ContainsFunc(all, d.Gate.Approves) {
		return d.Gate.Approves, approves
	}
	return func(a loot.Actor) bool {
		return slices.ContainsFunc(a.Roles, func(id loot.Role) bool { r, ok := s.Role(id); return ok && administers(r) })
	}, administers
}

var errUnsigned = loot.Errorf(loot.Denied, "Whoever reads or deals with incidents signs the confidentiality undertaking first. You find it under Undertaking.")

// may refuses whoever may not deal with an incident, and reports whether nobody
// else could.
func (d *incidents) may(ctx context.Context, tx *store.Tx, i incident, by loot.Actor) (alone bool, err error) {
	signed, err := d.staff.Signed(ctx, tx, by.ID)
	if err != nil {
		return false, err
	}
	if signed.IsZero() {
		return false, errUnsigned
	}
	v, ok := d.Gate.InForce()
	if !ok {
		return false, loot.Errorf(loot.Unavailable, "No statement is in force yet, so there are no roles.")
	}
	others, err := d.staff.Everybody(ctx, tx)
	if err != nil {
		return false, err
	}
	others = slices.DeleteFunc(others, func(a loot.Actor) bool { return a.ID == by.ID })
	deals, roles := d.dealing(v.Statement, append(slices.Clip(others), by))
	if !deals(by) {
		return false, loot.Errorf(loot.Denied, "None of your roles may deal with an incident. These may: %s.", titles(v.Statement, roles))
	}
	if !slices.ContainsFunc(others, deals) {
		return true, nil
	}
	concerned, err := d.concerned(ctx, tx, i)
	if err != nil {
		return false, err
	}
	if concerned == by.ID {
		return false, loot.Errorf(loot.Denied, "This incident concerns what you did, so somebody else deals with it.")
	}
	return false, nil
}

// concerned returns the staff id of whom an incident is about: whom its report
// names, or whoever acted in the entry that it is about. Empty: nobody.
func (d *incidents) concerned(ctx context.Context, tx *store.Tx, i incident) (string, error) {
	if i.Colleague != "" || i.Concerned == "" {
		return i.Colleague, nil
	}
	who, err := d.Ledger.Actor(ctx, tx, i.Concerned)
	if loot.KindOf(err) == loot.NotFound { // the work of a misused permit was rolled back, and its entry with it
		return "", nil
	}
	return who.ID, err
}

// titles lists the roles that are as asked, in the statement's words.
func titles(s *statement.Statement, is func(statement.RoleDecl) bool) string {
	var words []string
	for _, r := range s.Roles() {
		if is(r) {
			words = append(words, r.Title)
		}
	}
	return strings.Join(words, ", ")
}
