package customers

import (
	"context"
	"maps"
	"slices"
	"time"

	"loot"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// A leaving foretells when a person may have their details erased, by the statement, if
// every service that runs ended now. What else may hold a record, such as an order to
// preserve it, is not told by it: it would show in the dates.
type leaving struct {
	s      *statement.Statement
	person gate.PersonView
	now    time.Time
	duties map[loot.Purpose]time.Time // that stand, and until when
}

func newLeaving(s *statement.Statement, p gate.PersonView, services []Service, now time.Time) leaving {
	l, ended := leaving{s, p, now, map[loot.Purpose]time.Time{}}, lastEnd(services, now)
	for _, id := range p.Duties {
		d, _ := s.Purpose(id)
		if until := d.Keep.After(ended.UTC()); until.After(now) {
			l.duties[id] = until
		}
	}
	return l
}

// lets reports whether the statement lets a person have a field erased while some duties
// stand and nothing else does.
func (l leaving) lets(d statement.FieldDecl, duties []loot.Purpose) bool {
	return l.s.Decide(&statement.Input{
		Action: loot.Erase, Actor: statement.Actor{Kind: loot.Person, Own: true},
		Context: statement.Context{Purpose: purposeOf(l.s), Now: l.now, Statement: l.s.Hash()}, Person: statement.Person{Duties: duties},
		Record: statement.Record{Collection: collection, Category: d.Category, Level: levelOf(l.s, d).Level, Purposes: slices.Sorted(maps.Keys(d.Needed)), Identifying: d.Identifying},
	}).Allowed
}

// until returns when a field may go: at once, or when the last duty ends that keeps it.
func (l leaving) until(d statement.FieldDecl) time.Time {
	at := l.now
	for _, end := range slices.SortedFunc(maps.Values(l.duties), time.Time.Compare) {
		if l.lets(d, l.standing(at)) {
			break
		}
		at = end
	}
	return at
}

// standing returns the duties that stand at a time.
func (l leaving) standing(at time.Time) (out []loot.Purpose) {
	for id, end := range l.duties {
		if end.After(at) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// due returns when the last field may go, and with it the record.
func (l leaving) due() time.Time {
	due := l.now
	for _, d := range l.s.Fields(collection) {
		if at := l.until(d); at.After(due) {
			due = at
		}
	}
	return due
}

// atOnce returns the fields that may go now, but for the address: it goes with the whole
// record, as it leads to what is left of it.
func (l leaving) atOnce() (out []loot.Field) {
	for _, d := range l.s.Fields(collection) {
		if d.ID != addressField(l.s) && !l.until(d).After(l.now) {
			out = append(out, d.ID)
		}
	}
	return out
}

// keeps returns the fields that a duty keeps.
func (l leaving) keeps(duty loot.Purpose) (out []loot.Field) {
	for _, d := range l.s.Fields(collection) {
		if !l.lets(d, []loot.Purpose{duty}) {
			out = append(out, d.ID)
		}
	}
	return out
}

// leavingOf returns how somebody leaves, as things stand.
func (c *customers) leavingOf(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject) (leaving, error) {
	services, err := c.services(ctx, tx, subject)
	if err != nil {
		return leaving{}, err
	}
	p, err := c.Gate.Person(ctx, tx, subject)
	return newLeaving(s, p, services, c.Now()), err
}

// gone returns the fields that somebody who waits to be erased has no longer: what no law
// keeps leaves their record at once. It is shown no more before the job for it has run, and
// neither asked for nor taken again as long as they wait.
func (c *customers) gone(ctx context.Context, tx *store.Tx, subject loot.Subject) ([]loot.Field, error) {
	s, err := c.inForce()
	if err != nil {
		return nil, err
	}
	if _, waits, err := findErasure(ctx, tx, subject, ""); err != nil || !waits {
		return nil, err
	}
	l, err := c.leavingOf(ctx, tx, s, subject)
	return l.atOnce(), err
}

// part erases what no law keeps of somebody whose record waits for its day, one decision for
// each kind of detail. What an order holds of it is set aside, which is not told.
func (c *customers) part(ctx context.Context, s *statement.Statement, subject loot.Subject) error {
	me := loot.Actor{Kind: loot.Person, ID: string(subject)}
	for _, kind := range s.Categories() {
		err := c.Gate.InTx(ctx, func(tx *store.Tx) error {
			e, _, err := c.lockErasure(ctx, tx, subject)
			if err != nil {
				return err
			}
			gone, err := c.gone(ctx, tx, subject) // nothing if they took it back meanwhile
			if err != nil {
				return err
			}
			held, err := c.Vault.Held(ctx, tx, subject, collection)
			if err != nil {
				return err
			}
			r := erasureOf(s, me, subject, among(gone, held))
			r.Hidden = e.Due
			return c.eraseFields(ctx, tx, s, kind, r, whyAsked)
		})
		if err := c.stayed(ctx, kind.Title, err); err != nil {
			return err
		}
	}
	return nil
}

// settle ends the duties that are done with before their time, of somebody whose services
// have ended, and returns how they leave then.
func (c *customers) settle(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject) (leaving, error) {
	if c.needs.Fulfilled != nil {
		duties, err := c.needs.Fulfilled(ctx, tx, subject)
		if err == nil && len(duties) > 0 {
			err = c.Gate.Fulfil(ctx, tx, subject, collection, duties...)
		}
		if err != nil {
			return leaving{}, err
		}
	}
	return c.leavingOf(ctx, tx, s, subject)
}
