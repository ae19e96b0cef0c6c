package billing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// sweepSize is how much is removed by one transaction.
const sweepSize = 500

// A lapsing is a kind of thing about people that goes when its time is over. It leaves
// where people look on its day, whoever it is about: whether it is gone then or an order
// to preserve holds it apart shows nowhere.
type lapsing struct {
	desk.Lapse // what goes and why, of no day
	in         loot.Collection
	// take removes some of what is over, and returns it. If that is less than sweepSize,
	// there is no more.
	take func(context.Context, *store.Tx) ([]lapsed, error)
	// ahead foretells what goes up to a time.
	ahead func(ctx context.Context, tx *store.Tx, l desk.Lapse, until time.Time) ([]desk.Lapse, error)
}

// A lapsed thing is one whose time is over.
type lapsed struct {
	ID      string              // in the table that it is read from, if it is removed by that
	Subject loot.Subject        // empty: nobody knows whose it is
	At      time.Time           // when that was
	File    string              // that the vault has of it; empty: none
	said    func() (any, error) // what is kept of it while it is held
}

// asWas keeps it whole.
func asWas(was any) func() (any, error) { return func() (any, error) { return was, nil } }

type sweepArgs struct{}

// Kind names the job.
func (sweepArgs) Kind() string { return "billing.sweep" }

// sweep removes, once a day, what is kept no longer. What fails keeps nothing else from
// being removed.
func (b *Billing) sweep(ctx context.Context, _ sweepArgs) error {
	v, ok := b.Gate.InForce()
	if !ok {
		return nil // nothing was ordered before there was a statement
	}
	var failed []error
	for _, l := range b.lapsings(v.Statement) {
		failed = append(failed, b.sweepHeld(ctx, l), b.sweepOver(ctx, l))
	}
	return errors.Join(append(failed, b.sweepHooks(ctx), b.sweepPreviews(ctx))...)
}

// sweepOver removes what is over of a kind.
func (b *Billing) sweepOver(ctx context.Context, l lapsing) error {
	for {
		var n int
		if err := b.Gate.InTx(ctx, func(tx *store.Tx) error {
			all, err := l.take(ctx, tx)
			if n = len(all); err != nil || n == 0 {
				return err
			}
			free, held, err := b.apart(ctx, tx, l, all)
			if err != nil {
				return err
			}
			if err := b.putAside(tx, l.What, held); err != nil {
				return err
			}
			return b.gone(ctx, tx, l, free)
		}); err != nil {
			return err
		}
		if n < sweepSize {
			return nil
		}
	}
}

// sweepHeld removes what was held of a kind and is not any longer.
func (b *Billing) sweepHeld(ctx context.Context, l lapsing) error {
	for after := ""; ; {
		var all []lapsed
		if err := b.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
			if all, err = readAside(ctx, tx, `what = $1 AND id > $2 ORDER BY id LIMIT $3`, l.What, after, sweepSize); err != nil || len(all) == 0 {
				return err
			}
			free, _, err := b.apart(ctx, tx, l, all)
			if err != nil {
				return err
			}
			if err := removeIn(ctx, tx, `DELETE FROM billing_aside WHERE id IN `, free); err != nil {
				return err
			}
			return b.gone(ctx, tx, l, free)
		}); err != nil {
			return err
		}
		if len(all) < sweepSize {
			return nil
		}
		after = all[len(all)-1].ID
	}
}

// apart tells what goes from what an order to preserve holds, and counts that.
func (b *Billing) apart(ctx context.Context, tx *store.Tx, l lapsing, all []lapsed) (free, held []lapsed, err error) {
	stay, err := b.Gate.Stays(ctx, tx, name, l.in, whose(all))
	if err != nil {
		return nil, nil, err
	}
	for _, one := range all {
		if stay.Of(one.Subject) {
			held = append(held, one)
		} else {
			free = append(free, one)
		}
	}
	return free, held, b.Held(ctx, tx, name, l.What, stay.Clause, stay.Needed, len(held))
}

func whose(all []lapsed) []loot.Subject {
	var out []loot.Subject
	for _, one := range all {
		if one.Subject != "" {
			out = append(out, one.Subject)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// gone counts what went, and removes what the vault has of it.
func (b *Billing) gone(ctx context.Context, tx *store.Tx, l lapsing, all []lapsed) error {
	if err := b.removeCopies(ctx, tx, all); err != nil {
		return err
	}
	l.Count = len(all)
	return b.Erased(ctx, tx, name, l.Lapse)
}

// removeCopies removes the documents of invoices, and with the last of somebody's the
// key to them.
func (b *Billing) removeCopies(ctx context.Context, tx *store.Tx, all []lapsed) error {
	copies := slices.DeleteFunc(slices.Clone(all), func(one lapsed) bool { return one.File == "" })
	for _, one := range copies {
		p, err := b.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Collect, Actor: b.actor(), Desk: name, Purpose: forBookkeeping, Subject: one.Subject, Collection: invoices, Fields: []loot.Field{partyField},
		})
		if err != nil {
			return err
		}
		if err := b.Vault.RemoveFile(ctx, tx, p, one.File); err != nil {
			return err
		}
	}
	for _, s := range whose(copies) {
		if err := b.eraseCopies(ctx, tx, s); err != nil {
			return err
		}
	}
	return nil
}

// putAside keeps what is held.
func (b *Billing) putAside(tx *store.Tx, what string, held []lapsed) error {
	for _, one := range held {
		id := loot.NewID("k")
		said, err := one.said()
		if err != nil {
			return err
		}
		text, err := json.Marshal(said)
		if err != nil {
			return fmt.Errorf("billing: aside: %w", err)
		}
		sealed, err := b.key.Seal(text, []byte(id))
		if err != nil {
			return fmt.Errorf("billing: aside: %w", err)
		}
		tx.Add(`INSERT INTO billing_aside (id, subject, what, at, file, sealed) VALUES`, id, one.Subject, what, one.At.UnixMicro(), one.File, sealed)
	}
	return nil
}

func readAside(ctx context.Context, tx *store.Tx, where string, args ...any) (out []lapsed, err error) {
	rows, err := tx.Query(ctx, `SELECT id, subject, at, file FROM billing_aside WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: aside: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var one lapsed
		var at int64
		if err := rows.Scan(&one.ID, &one.Subject, &at, &one.File); err != nil {
			return nil, fmt.Errorf("billing: aside: %w", err)
		}
		one.At = store.Instant(at)
		out = append(out, one)
	}
	return out, rows.Err()
}

// removeIn runs a statement for the ids of some things.
func removeIn(ctx context.Context, tx *store.Tx, statement string, all []lapsed) error {
	if len(all) == 0 {
		return nil
	}
	ids := make([]any, len(all))
	for i, one := range all {
		ids[i] = one.ID
	}
	if _, err := tx.Exec(ctx, statement+`(`+store.Placeholders(1, len(ids))+`)`, ids...); err != nil {
		return fmt.Errorf("billing: sweep: %w", err)
	}
	return nil
}

// forgetAside leaves nothing of what was held of somebody who is erased.
func (b *Billing) forgetAside(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	all, err := readAside(ctx, tx, `subject = $1`, s)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM billing_aside WHERE subject = $1`, s); err != nil {
		return fmt.Errorf("billing: aside: %w", err)
	}
	return b.removeCopies(ctx, tx, all)
}

// lapsings are the kinds of things that go by their time.
func (b *Billing) lapsings(s *statement.Statement) []lapsing {
	out := []lapsing{b.oldAddresses(s), b.oldUse(), b.oldHints(), b.oldMessages(s)}
	out = append(out, b.oldTold(s)...)
	if p, ok := s.Purpose(forBookkeeping); ok {
		out = append(out, b.oldCopies(p), b.oldArchive(p))
	}
	return out
}

// lapses foretells what goes up to a time. What is held apart is counted on its day, too:
// until when that is so is told nobody.
func (b *Billing) lapses(ctx context.Context, tx *store.Tx, until time.Time) (out []desk.Lapse, err error) {
	s, err := b.inForce()
	if err != nil {
		return nil, err
	}
	for _, l := range b.lapsings(s) {
		list, err := l.ahead(ctx, tx, l.Lapse, until)
		if err != nil {
			return nil, err
		}
		held, err := desk.Foretell(ctx, tx, l.Lapse, 0, until, `SELECT (at + $1) / $2, count(*) FROM billing_aside WHERE at <= $3 AND what = $4 GROUP BY 1`, l.What)
		if err != nil {
			return nil, err
		}
		out = append(append(out, list...), held...)
	}
	return out, nil
}

// counts foretells by a query what goes; see [desk.Foretell].
func counts(kept time.Duration, query string) func(context.Context, *store.Tx, desk.Lapse, time.Time) ([]desk.Lapse, error) {
	return func(ctx context.Context, tx *store.Tx, l desk.Lapse, until time.Time) ([]desk.Lapse, error) {
		return desk.Foretell(ctx, tx, l, kept, until, query)
	}
}

// takes removes what a statement returns, each row of which read reads with the moment from
// which it was kept: of what is kept for so long, what lies before the moment $1, and $2 of
// it at most.
func (b *Billing) takes(kept time.Duration, read func(store.Row) (lapsed, error), query string) func(context.Context, *store.Tx) ([]lapsed, error) {
	return func(ctx context.Context, tx *store.Tx) ([]lapsed, error) {
		return takeRows(ctx, tx, func(row store.Row) (lapsed, error) {
			one, err := read(row)
			one.At = one.At.Add(kept)
			return one, err
		}, query, b.Now().Add(-kept).UnixMicro(), sweepSize)
	}
}

// inDays writes how long the program keeps something.
func inDays(kept time.Duration) string { return loot.Plural(int(kept/(24*time.Hour)), "day", "days") }

// over returns those whose time is over at some moment.
func over(all []lapsed, at time.Time) []lapsed {
	return slices.DeleteFunc(all, func(one lapsed) bool { return one.At.After(at) })
}

// perDay counts by its days what goes.
func perDay(l desk.Lapse, all []lapsed) (out []desk.Lapse) {
	days := map[time.Time]int{}
	for _, one := range all {
		days[desk.DayOf(one.At)]++
	}
	for _, day := range slices.SortedFunc(maps.Keys(days), time.Time.Compare) {
		l.Day, l.Count = day, days[day]
		out = append(out, l)
	}
	return out
}

// takeRows runs a statement that returns what is over, each row of which read reads.
func takeRows(ctx context.Context, tx *store.Tx, read func(store.Row) (lapsed, error), query string, args ...any) (out []lapsed, err error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: sweep: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		one, err := read(rows)
		if err != nil {
			return nil, fmt.Errorf("billing: sweep: %w", err)
		}
		out = append(out, one)
	}
	return out, errors.Join(rows.Err(), rows.Close())
}
