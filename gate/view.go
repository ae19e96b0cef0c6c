package gate

import (
	"context"
	"maps"
	"slices"
	"time"

	"loot"
	"loot/statement"
	"loot/store"
)

// A PersonView is what stands about a person, for the portal and the desks.
type PersonView struct {
	Permissions map[string][]loot.Purpose // recipient key to purposes
	Assumed     []loot.Purpose            // of the company's own permissions: those that the statement has stand
	Objected    []loot.Purpose
	Ordered     []loot.Purpose // by running services
	Duties      []loot.Purpose // by legal duties
	Confirmed   bool
	ConfirmedAt time.Time               // zero: not confirmed, or before this was noted
	Given       string                  // hash of the version under which they last gave data or ordered
	Frozen      map[string][]loot.Field // see [Gate.Freeze]: by reference, which fields; none: all there is
}

// Disputed reports whether a field is frozen by itself.
func (v PersonView) Disputed(f loot.Field) bool { return personState{Frozen: v.Frozen}.disputed(f) }

// Permits reports whether the permission of an offer stands.
func (v PersonView) Permits(o statement.Offer) bool {
	return slices.Contains(v.Permissions[o.Recipient], o.Purpose)
}

// Receives returns for which purposes a recipient may be handed something of the person, as
// far as that is theirs to say: by cooperation, unless they object, and by their permission,
// which stands until it is withdrawn, offered or not. The agreement with it decides besides.
func (v PersonView) Receives(to statement.Recipient) (cooperates, permitted []loot.Purpose) {
	if to.Key == self {
		return nil, nil
	}
	cooperates = slices.DeleteFunc(slices.Clone(to.Cooperation), func(p loot.Purpose) bool { return slices.Contains(v.Objected, p) })
	return cooperates, v.Permissions[to.Key]
}

// Person returns what stands about a person; the zero view if nothing does.
func (g *Gate) Person(ctx context.Context, tx *store.Tx, s loot.Subject) (PersonView, error) {
	kept, ok := tx.Kept(locked(s)).(lockedState)
	p := kept.personState
	if !ok {
		var err error
		if p, _, err = g.person(ctx, tx, s, ""); err != nil {
			return PersonView{}, err
		}
	}
	in := p.input(g.Now())
	permissions := maps.Clone(p.Permissions)
	for recipient, given := range permissions { // a change that follows in tx is none of what was seen
		permissions[recipient] = slices.Clone(given)
	}
	return PersonView{
		Permissions: permissions, Assumed: slices.Clone(p.Assumed), Objected: slices.Clone(p.Objected), Ordered: in.Ordered, Duties: in.Duties,
		Confirmed: p.Confirmed, ConfirmedAt: store.Instant(p.ConfirmedAt), Given: p.Given, Frozen: maps.Clone(p.Frozen),
	}, nil
}
