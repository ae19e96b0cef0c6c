package staff

import (
	"context"
	"errors"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/store"
)

func refusalOf(err error) (*gate.Refusal, bool) { return errors.AsType[*gate.Refusal](err) }

// madeUp are the names of the demonstration's colleagues, as many as there
// may be roles.
var madeUp = []string{
	"Marta Lindqvist", "Tomasz Brandt", "Aylin Ferreira", "Jonas Okonkwo", "Greta Marchetti", "Samir Halvorsen",
	"Ines Kowalczyk", "Pavel Adeyemi", "Leonie Castellani", "Viktor Nakamura", "Hanna Delacroix", "Emre Sandoval",
}

// demo makes colleagues in every role of the statement, two in each that
// approves, all but the last of whom have signed the undertaking.
func (d *Desk) demo(ctx context.Context, w *desk.World) error {
	s, ok := d.inForce()
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet, so there are no roles.")
	}
	var roles []loot.Role
	for _, r := range s.Roles() {
		roles = append(roles, r.ID)
		if r.Approves {
			roles = append(roles, r.ID)
		}
	}
	if len(s.Roles()) > 0 {
		roles = append(roles, s.Roles()[0].ID) // somebody new, who has not signed
	}
	return w.DB.InTx(ctx, func(tx *store.Tx) error {
		for i, role := range roles {
			name := madeUp[i%len(madeUp)]
			if i >= len(madeUp) {
				name += " jun."
			}
			if _, err := d.Add(ctx, tx, Newcomer{
				Name: name, Email: "colleague" + string(rune('a'+i%26)) + "@network.example", Roles: []loot.Role{role},
				Signed: i < len(roles)-1, Since: w.Now().Add(-200 * 24 * time.Hour),
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// A Colleague is somebody of the demonstration whom one can look round as.
type Colleague struct {
	ID, Name, Roles string
	Signed          bool
}

// Colleagues returns who may sign in, so that the demonstration can print a
// link for each.
func (d *Desk) Colleagues(ctx context.Context, tx *store.Tx) ([]Colleague, error) {
	list, err := d.members(ctx, tx)
	if err != nil {
		return nil, err
	}
	hash := ""
	if s, ok := d.inForce(); ok {
		hash = d.text(s).Hash
	}
	var out []Colleague
	for _, m := range list {
		if m.State != Active {
			continue
		}
		at, err := d.signedAt(ctx, tx, m.ID, hash)
		if err != nil {
			return nil, err
		}
		out = append(out, Colleague{m.ID, m.Name, d.roleTitles(m.Roles), !at.IsZero()})
	}
	return out, nil
}
