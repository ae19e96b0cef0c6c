package gate

import (
	"context"
	"time"

	"loot"
	"loot/statement"
	"loot/store"
)

// A Keeper holds records and is told, in the transaction in which a purpose of
// a person began or ended, so that it sets anew how long each field stays.
type Keeper func(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection) error

// Keeper has f told. It is called before anything is decided.
func (g *Gate) Keeper(f Keeper) { g.keepers = append(g.keepers, f) }

// changePurposes is change for what a person permits or ordered. The keepers
// are told if any of their details had a date before, or has one after.
func (g *Gate) changePurposes(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, f func(*personState)) error {
	dated := false
	if err := g.change(ctx, tx, s, func(p *personState) {
		dated = p.anyEnded()
		f(p)
		dated = dated || p.anyEnded()
	}); err != nil || !dated {
		return err
	}
	for _, f := range g.keepers {
		if err := f(ctx, tx, s, c); err != nil {
			return err
		}
	}
	return nil
}

// KeptUntil returns until when each of a person's fields is kept by the
// statement in force; zero: no end is known. A field stays as long as one of the
// purposes that it was given for stands, and then for the longest of their
// retentions. What no purpose has needed so far, such as a detail that only an
// open case asks for, stays as long as anything does. A field that is no longer
// declared is left out. What holds records from erasure is not told here: it
// would show in the date.
func (g *Gate) KeptUntil(ctx context.Context, tx *store.Tx, s loot.Subject, fields []loot.Field) (map[loot.Field]time.Time, error) {
	v, ok := g.at(g.Now())
	if !ok {
		return nil, loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	state, err := g.held(ctx, tx, s, false)
	if err != nil {
		return nil, err
	}
	given := v.Statement
	if former, ok := g.version(state.Given); ok {
		given = former.Statement
	}
	stands, ended := state.purposes(v.Statement)
	var last time.Time
	if len(stands) == 0 {
		for _, t := range ended {
			last = later(last, t)
		}
	}
	out := make(map[loot.Field]time.Time, len(fields))
	for _, f := range fields {
		d, ok := v.Statement.Field(f)
		if !ok {
			continue
		}
		until, needed := time.Time{}, false
		for _, p := range givenFor(d, v.Statement, given, state) {
			if stands[p] {
				until, needed = time.Time{}, true
				break
			}
			if t, ok := ended[p]; ok {
				until, needed = later(until, t), true
			}
		}
		if !needed {
			until = last
		}
		out[f] = until
	}
	return out, nil
}

// purposes returns the purposes that stand, and those that do not, with the
// time until which details are kept for them.
func (p personState) purposes(s *statement.Statement) (stands map[loot.Purpose]bool, ended map[loot.Purpose]time.Time) {
	stands, ended = map[loot.Purpose]bool{}, map[loot.Purpose]time.Time{}
	end := func(id loot.Purpose, at int64) {
		d, _ := s.Purpose(id)
		ended[id] = later(ended[id], d.Keep.After(store.Instant(at)))
	}
	for _, o := range p.Orders {
		for _, id := range o.Purposes {
			if o.Ended == 0 {
				stands[id] = true
			} else {
				end(id, o.Ended)
			}
		}
		for _, d := range o.Duties {
			if o.Ended == 0 {
				stands[d.Purpose] = true
			} else {
				ended[d.Purpose] = later(ended[d.Purpose], store.Instant(d.Until))
			}
		}
	}
	for id, at := range p.Withdrawn {
		end(id, at)
	}
	for _, list := range p.given() {
		for _, id := range list {
			stands[id] = true
		}
	}
	return stands, ended
}

// anyEnded reports whether a purpose of the person has ended: only then has any
// of their details a date.
func (p personState) anyEnded() bool {
	for _, o := range p.Orders {
		if o.Ended != 0 {
			return true
		}
	}
	return len(p.Withdrawn) > 0
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
