package gate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/gate"
	"loot/ledger"
	"loot/store"
)

// TestRefusalIsRecordedAndRepeatsShareOneRecord: what is refused is undone and
// on the ledger before anybody hears of it, and asking again and again only
// raises a count.
func TestRefusalIsRecordedAndRepeatsShareOneRecord(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		var first string
		for range 3 {
			done := false
			err := b.gate.InTx(b.ctx, func(tx *store.Tx) error {
				if err := b.gate.Confirm(b.ctx, tx, s); err != nil { // work that the refusal undoes
					return err
				}
				_, err := b.gate.Decide(b.ctx, tx, use(s, "advice"))
				done = err == nil
				return err
			})
			refusal, ok := errors.AsType[*gate.Refusal](err)
			if !ok || done {
				b.Fatalf("got %v", err)
			}
			if first == "" {
				first = refusal.Entry
			}
			if refusal.Entry == "" || refusal.Entry != first {
				b.Errorf("entry %q, want that of the first, %q", refusal.Entry, first)
			}
		}
		b.refused(use(s, "warnings-of-nobody"), "") // a purpose that nobody declared is another matter
		rows := b.facts(verdict(ledger.Refused))
		if len(rows) != 2 {
			b.Fatalf("%d entries, want 2", len(rows))
		}
		i := slices.IndexFunc(rows, func(r ledger.FactsRow) bool { return r.ID == first })
		if i < 0 || rows[i].Count != 3 || !slices.Equal(rows[i].Facts.Clauses, []loot.Clause{"permission"}) {
			b.Errorf("rows %+v, want one with count 3 that cites permission", rows)
		}
		var view gate.PersonView
		b.ok(b.db.ReadTx(b.ctx, func(tx *store.Tx) (err error) {
			view, err = b.gate.Person(b.ctx, tx, s)
			return err
		}))
		if view.Confirmed {
			b.Error("what was done before the refusal stayed")
		}
		// the next day it is a new entry
		b.clock.Advance(24 * time.Hour)
		if r := b.refused(use(s, "advice"), "permission"); r.Entry == first {
			b.Error("the next day's refusal shares the entry")
		}
	})
}

func TestRefusalSaysWhatWouldBeNeeded(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		r := b.refused(by(support, s, "service"), "staff")
		if !slices.Contains(r.Needed, "the undertaking is signed") {
			b.Errorf("needed %q", r.Needed)
		}
		clause, title, needed := r.Refused()
		if clause != "staff" || title != "Staff" || len(needed) == 0 || r.Kind() != loot.Denied {
			b.Errorf("%s %q %q", clause, title, needed)
		}
		if !strings.Contains(r.Error(), "staff") || strings.Contains(r.Error(), string(s)) {
			b.Errorf("message %q", r.Error())
		}
		// two forbids: the first of the statement is named, the other beside it
		both := b.refused(by(support, s, "advice"), "staff")
		if !slices.Contains(both.Others, "permission") {
			b.Errorf("others %v, want permission", both.Others)
		}
		// nothing forbids and nothing permits: the nearest permit is named
		stranger := gate.Request{Action: loot.Export, Actor: own(loot.NewSubject()), Desk: "shop", Purpose: "service", Subject: s, Collection: customer, Fields: []loot.Field{"contact.email"}}
		if r := b.refused(stranger, "orders"); !slices.Contains(r.Needed, "the record is the person's own") {
			b.Errorf("needed %q", r.Needed)
		}
	})
}

// TestRefusalThatCannotBeRecordedIsNoAnswer: without a record there is not even
// a no.
func TestRefusalThatCannotBeRecordedIsNoAnswer(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		ctx, stop := context.WithCancel(b.ctx)
		stop()
		// A ledger that has ended takes no entries. It ends before the transaction,
		// not within: its own last write may be waiting for the same commit.
		b.ok(b.ledger.Run(ctx))
		for name, f := range map[string]func(tx *store.Tx) error{
			"a refusal": func(tx *store.Tx) error {
				_, err := b.gate.Decide(b.ctx, tx, use(s, "advice"))
				if _, ok := errors.AsType[*gate.Refusal](err); !ok {
					b.Errorf("decided %v, want a refusal", err)
				}
				return err
			},
			"a misuse": func(tx *store.Tx) error {
				_, err := gate.Permit{}.Spend(tx, loot.Use)
				if _, ok := errors.AsType[*gate.Misuse](err); !ok {
					b.Errorf("spent %v, want a misuse", err)
				}
				return err
			},
		} {
			if err := b.gate.InTx(b.ctx, f); loot.KindOf(err) != loot.Unavailable {
				b.Errorf("%s: %v, want unavailable", name, err)
			}
		}
		if rows := b.facts(verdict(ledger.Refused)); len(rows) != 0 {
			b.Errorf("%d refusals are recorded", len(rows))
		}

		// The ledger takes entries again once it runs.
		ctx, stop = context.WithCancel(b.ctx)
		ended := make(chan error, 1)
		go func() { ended <- b.ledger.Run(ctx) }()
		b.ok(b.ledger.Sync(b.ctx)) // with the order, which it had not seen yet
		b.refused(use(s, "advice"), "permission")
		stop()
		b.ok(<-ended)
	})
}

func TestFieldsThatTheStatementDoesNotHaveAreRefused(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		for _, f := range []loot.Field{"contact.shoe-size", ""} {
			r := use(s, "service")
			r.Fields = []loot.Field{f}
			_, err := b.decide(r)
			b.kind(err, loot.Invalid)
		}
		r := use(s, "service")
		r.Collection = "applicant"
		_, err := b.decide(r)
		b.kind(err, loot.Invalid)
	})
}
