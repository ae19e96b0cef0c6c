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

// A Stay tells whose things are kept although their time is over, and by which clause. It is
// for counting alone: of whom something is kept from is shown to nobody.
type Stay struct {
	Clause loot.Clause
	Needed []string // in words
	whose  map[loot.Subject]bool
}

// Of reports whether somebody is among them.
func (s Stay) Of(person loot.Subject) bool { return s.whose[person] }

// Stays returns for whom of these people an order to preserve or a secrecy, as the rules
// say, keeps what a part of the program holds of them in a collection, beside the vault or
// without a decision for each field. Nobody is ordered to keep anything of them, and none
// of these orders ends, before tx does.
func (g *Gate) Stays(ctx context.Context, tx *store.Tx, by string, c loot.Collection, people []loot.Subject) (out Stay, err error) {
	now := g.Now()
	v, ok := g.at(now)
	if !ok {
		return out, loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	if out.whose, err = g.ordered(ctx, tx, people); err != nil {
		return out, err
	}
	in := statement.Input{
		Action: loot.Erase, Actor: statement.Actor{Kind: loot.Desk, Desk: by},
		Context: statement.Context{Statement: v.Statement.Hash(), Now: now, Hold: true}, Record: statement.Record{Collection: c},
	}
	if d, declared := v.Statement.Collection(c); declared && len(d.Purposes) > 0 {
		in.Context.Purpose = d.Purposes[0]
	}
	if fields := v.Statement.Fields(c); len(fields) > 0 {
		kind, _ := v.Statement.Category(fields[0].Category)
		in.Record.Category, in.Record.Level = kind.ID, kind.Level
	}
	if v.Statement.Decide(&in).Allowed {
		out.whose = nil
		return out, nil
	}
	why := v.Statement.Explain(&in)
	out.Clause, out.Needed = why.Clause, why.Needed
	return out, nil
}

// ordered returns for whom of these people something stands that holds an erasure.
func (g *Gate) ordered(ctx context.Context, tx *store.Tx, people []loot.Subject) (map[loot.Subject]bool, error) {
	if err := g.ReadAhead(ctx, tx, people...); err != nil {
		return nil, err
	}
	out := map[loot.Subject]bool{}
	for _, s := range people {
		if kept, ok := tx.Kept(locked(s)).(lockedState); ok && kept.heldUntil().After(g.Now()) {
			out[s] = true
		}
	}
	return out, nil
}
