package incidents

import (
	"context"
	"errors"
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
	alone, err = d.deals(ctx, tx, by)
	if err != nil || alone {
		return alone, err
	}
	return false, d.unconcerned(ctx, tx, i, by)
}

// deals refuses whoever deals with no incident, and reports whether nobody else does.
func (d *incidents) deals(ctx context.Context, tx *store.Tx, by loot.Actor) (alone bool, err error) {
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
	return !slices.ContainsFunc(others, deals), nil
}

// unconcerned refuses whoever an incident is about.
func (d *incidents) unconcerned(ctx context.Context, tx *store.Tx, i incident, by loot.Actor) error {
	concerned, err := d.concerned(ctx, tx, i)
	if err != nil {
		return err
	}
	if concerned == by.ID {
		return loot.Errorf(loot.Denied, "This incident concerns what you did, so somebody else deals with it.")
	}
	return nil
}

// readable returns what was reported, by incident, where somebody may read it: they
// reported it, or may deal with it. A report can be about a colleague, so that the
// others see no more than that there is one.
func (d *incidents) readable(ctx context.Context, tx *store.Tx, all []incident, by loot.Actor) (map[string]string, error) {
	alone, refused := d.deals(ctx, tx, by)
	switch kind := loot.KindOf(refused); {
	case errors.Is(refused, errUnsigned):
		return nil, nil
	case refused != nil && kind != loot.Denied && kind != loot.Unavailable:
		return nil, refused
	}
	reports, err := d.reports(ctx, tx)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, i := range all {
		report, ok := reports[i.ID]
		if !ok {
			continue
		}
		if report.Author != by.ID && !alone {
			if refused != nil {
				continue
			}
			switch err := d.unconcerned(ctx, tx, i, by); {
			case loot.KindOf(err) == loot.Denied:
				continue
			case err != nil:
				return nil, err
			}
		}
		out[i.ID] = report.Text
	}
	return out, nil
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
