package gate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// secretly is a court's request about a person, which orders secrecy for ten days.
func (b *bench) secretly(s loot.Subject, valid bool) gate.Request {
	now := b.clock.Now()
	return gate.Request{
		Action: loot.Answer, Actor: loot.Actor{Kind: loot.Court, ID: "court"}, By: counsel, Desk: "disclosures", Purpose: "request",
		Subject: s, Collection: customer, Fields: []loot.Field{"contact.email"}, Entered: true,
		Asked: &statement.Asked{Basis: "law", Valid: valid, Until: now.AddDate(0, 1, 0), Scope: []loot.Category{"contact"}, Gag: now.AddDate(0, 0, 10)},
	}
}

func erase(s loot.Subject) gate.Request {
	return gate.Request{Action: loot.Erase, Actor: own(s), Desk: "shop", Purpose: "service", Subject: s, Collection: customer, Fields: []loot.Field{"contact.email"}}
}

// timeline returns what a person sees, newest first.
func (b *bench) timeline(s loot.Subject) (items []ledger.Item) {
	b.Helper()
	b.ok(b.db.ReadTx(b.ctx, func(tx *store.Tx) (err error) {
		items, err = b.ledger.Timeline(b.ctx, tx, s, customer, "", 50)
		return err
	}))
	return items
}

func (b *bench) sees(s loot.Subject, entry string) bool {
	b.Helper()
	return slices.ContainsFunc(b.timeline(s), func(i ledger.Item) bool { return i.ID == entry })
}

// TestGagDelaysTheNotice to its end and hides the entry for as long, from the
// moment on at which it is recorded.
func TestGagDelaysTheNotice(t *testing.T) {
	each(t, func(b *bench) {
		b.run()
		s := b.person()
		g := b.permitted(b.secretly(s, true))
		if b.sees(s, g.Entry) {
			b.Error("the timeline shows an entry under a gag")
		}
		b.permitted(use(s, "warning"))
		if got := b.next(b.told, "the warning"); strings.HasSuffix(got, g.Entry) {
			b.Error("told during the gag")
		}
		b.clock.Advance(11 * 24 * time.Hour)
		if got := b.next(b.told, "the court's request"); got != string(s)+" "+g.Entry {
			b.Errorf("told %q, want %q", got, string(s)+" "+g.Entry)
		}
		if !b.sees(s, g.Entry) {
			b.Error("the timeline hides the entry after the gag")
		}
		for _, i := range b.timeline(s) {
			if i.ID == g.Entry && (i.Facts.Recipient != "court" || i.Facts.Country != "IE" || i.Subject.Recipient != "court") {
				b.Errorf("entry %+v", i)
			}
		}
	})
}

// TestGagHidesWithoutANotice: a rule that delays hides, whether or not it tells
// anybody.
func TestGagHidesWithoutANotice(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		silent := b.with("@notify(\"subject\")\n@delay(\"gag\")", "@delay(\"gag\")")
		b.propose(silent)
		b.ok(b.announce(silent.Hash(), b.clock.Now().AddDate(0, 0, 30)))
		b.clock.Advance(31 * 24 * time.Hour)
		g := b.permitted(b.secretly(s, true))
		if b.sees(s, g.Entry) {
			b.Error("the timeline shows an entry under a gag")
		}
		b.clock.Advance(11 * 24 * time.Hour)
		if !b.sees(s, g.Entry) {
			b.Error("the timeline hides the entry after the gag")
		}
	})
}

// TestGagHidesARefusal: what is asked is refused until it is approved, and the
// person would see by whom. A refusal that they see counts none that they do not.
func TestGagHidesARefusal(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		open := b.secretly(s, false)
		open.Asked.Gag = time.Time{}
		shown := b.refused(open, "partners")
		before := b.timeline(s)
		if !b.sees(s, shown.Entry) {
			b.Error("the timeline hides a refusal that no gag hides")
		}
		hidden := b.refused(b.secretly(s, false), "partners")
		if again := b.refused(b.secretly(s, false), "partners"); again.Entry != hidden.Entry {
			b.Error("the same refusal has two entries")
		}
		if after := b.timeline(s); len(after) != len(before) || after[0].ID != before[0].ID || after[0].Count != before[0].Count {
			b.Errorf("the timeline shows refusals under a gag: %+v, before %+v", after, before)
		}
		if rows := b.facts(verdict(ledger.Refused)); len(rows) != 1 || rows[0].Count != 1 {
			b.Errorf("refusals under a gag are counted: %+v", rows)
		}
		b.clock.Advance(11 * 24 * time.Hour)
		if !b.sees(s, hidden.Entry) {
			b.Error("the timeline hides the refusal after the gag")
		}
	})
}

// TestErasureWaitsForAGag until whoever is to be told at its end is told, which
// takes a day at most. That it waits is not seen: neither in an entry nor in
// what other entries were decided by.
func TestErasureWaitsForAGag(t *testing.T) {
	for name, valid := range map[string]bool{"permitted": true, "refused": false} {
		t.Run(name, func(t *testing.T) {
			each(t, func(b *bench) {
				s, other := b.person(), b.person()
				b.permitted(erase(s))
				_, err := b.decide(b.secretly(s, valid))
				if (err == nil) != valid {
					b.Fatal(err)
				}
				before := len(b.timeline(s))
				no := b.refused(erase(s), "orders")
				b.permitted(erase(other))
				if b.sees(s, no.Entry) || len(b.timeline(s)) != before {
					b.Error("the timeline shows that erasure waits")
				}
				g := b.permitted(use(s, "service"))
				for _, i := range b.timeline(s) {
					if i.ID == g.Entry && strings.Contains(string(i.Facts.Input), "hold") {
						b.Errorf("an entry says that the record is held: %s", i.Facts.Input)
					}
				}
				// The end of a preservation order is not the end of a gag.
				b.tx(func(tx *store.Tx) error { return b.gate.Hold(b.ctx, tx, s, time.Time{}) })
				b.clock.Advance(10 * 24 * time.Hour)
				b.refused(erase(s), "orders")
				b.clock.Advance(24 * time.Hour)
				b.permitted(erase(s))
				if !b.sees(s, no.Entry) {
					b.Error("the timeline hides that erasure waited after the gag")
				}
			})
		})
	}
}

// TestGagKeepsNothingOfWhoIsGone: a request about somebody who is erased makes
// no row of them again.
func TestGagKeepsNothingOfWhoIsGone(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		b.tx(func(tx *store.Tx) error { return b.gate.Forget(b.ctx, tx, s) })
		b.refused(b.secretly(s, false), "partners")
		n := 0
		b.ok(b.db.ReadTx(b.ctx, func(tx *store.Tx) error {
			return tx.QueryRow(b.ctx, `SELECT count(*) FROM gate_person`).Scan(&n)
		}))
		if n != 0 {
			b.Errorf("%d rows", n)
		}
	})
}

// TestGagIsExtended: what is hidden, and the notice, wait for the later date; an
// erasure that waited stays hidden, too. Secrecy that has ended is not extended.
func TestGagIsExtended(t *testing.T) {
	each(t, func(b *bench) {
		b.run()
		s := b.person()
		r := b.secretly(s, true)
		from, to := r.Asked.Gag, r.Asked.Gag.AddDate(0, 0, 10)
		g := b.permitted(r)
		wait := b.refused(erase(s), "orders")
		b.tx(func(tx *store.Tx) error { return b.gate.ExtendGag(b.ctx, tx, s, from, to) })
		b.clock.Advance(12 * 24 * time.Hour)
		b.permitted(use(s, "warning"))
		if got := b.next(b.told, "the warning"); strings.HasSuffix(got, g.Entry) {
			b.Error("told at the end of the first date")
		}
		if b.sees(s, g.Entry) || b.sees(s, wait.Entry) {
			b.Error("the timeline shows what is still hidden")
		}
		b.refused(erase(s), "orders")
		b.clock.Advance(10 * 24 * time.Hour)
		if got := b.next(b.told, "the court's request"); got != string(s)+" "+g.Entry {
			b.Errorf("told %q, want %q", got, string(s)+" "+g.Entry)
		}
		if !b.sees(s, g.Entry) || !b.sees(s, wait.Entry) {
			b.Error("the timeline hides what the extended gag hid")
		}
		err := b.db.InTx(b.ctx, func(tx *store.Tx) error { return b.gate.ExtendGag(b.ctx, tx, s, to, to.AddDate(0, 0, 5)) })
		b.kind(err, loot.Conflict)
	})
}

// TestWhatIsHiddenIsSeenOnItsDay, be it permitted or refused, also where what holds the
// person's records ends before.
func TestWhatIsHiddenIsSeenOnItsDay(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		day := b.clock.Now().AddDate(0, 0, 10)
		hidden := func(r gate.Request) gate.Request {
			r.Hidden = day
			return r
		}
		before := len(b.timeline(s))
		b.permitted(hidden(use(s, "service")))
		b.refused(hidden(use(s, "offers")), "permission")
		b.tx(func(tx *store.Tx) error {
			return b.gate.EndOrder(b.ctx, tx, gate.Ordered{Subject: s, Collection: customer, By: shop, Reference: "o1", Service: "server"})
		})
		b.tx(func(tx *store.Tx) error {
			stay, err := b.gate.Stays(b.ctx, tx, "shop", customer, []loot.Subject{s})
			if stay.Of(s) {
				b.Error("what is hidden keeps the person's records, as if it were secret")
			}
			return err
		})
		b.tx(func(tx *store.Tx) error { return b.gate.Hold(b.ctx, tx, s, b.clock.Now().AddDate(0, 0, 5)) })
		b.refused(hidden(erase(s)), "orders")
		ended := 1 // the note that the service has
		if n := len(b.timeline(s)); n != before+ended {
			b.Errorf("%d entries are seen, want %d", n, before+ended)
		}
		b.clock.Advance(7 * 24 * time.Hour)
		if n := len(b.timeline(s)); n != before+ended {
			b.Errorf("%d entries are seen once the order has ended, want %d", n, before+ended)
		}
		b.clock.Advance(4 * 24 * time.Hour)
		if n := len(b.timeline(s)); n != before+ended+3 {
			b.Errorf("%d entries are seen on the day, want %d", n, before+ended+3)
		}
	})
}

// TestWhatAnOrderHoldsIsSetAside: with an order, an erasure is decided, recorded and shown as
// without one, and the permit is to set aside; that it was held shows once the order ends. What
// is refused anyway is refused as of anybody.
func TestWhatAnOrderHoldsIsSetAside(t *testing.T) {
	each(t, func(b *bench) {
		free, ordered := b.person(), b.person()
		end := b.clock.Now().AddDate(0, 0, 5)
		b.tx(func(tx *store.Tx) error { return b.gate.Hold(b.ctx, tx, ordered, end) })
		ask := func(r gate.Request) (p gate.Permit, g gate.Grant, err error) {
			err = b.gate.InTx(b.ctx, func(tx *store.Tx) (err error) {
				if p, err = b.gate.SetAside(b.ctx, tx, r); err == nil {
					g, err = p.Spend(tx, loot.Erase)
				}
				return err
			})
			return p, g, err
		}
		_, g, err := ask(erase(free))
		b.ok(err)
		if g.Held() || g.Aside {
			b.Error("what nothing holds is set aside")
		}
		var p gate.Permit
		for range 2 {
			p, g, err = ask(erase(ordered))
			b.ok(err)
			if no := p.Held(); !g.Held() || no == nil || no.Clause != "orders" || len(no.Needed) == 0 {
				b.Errorf("held by %+v", no)
			}
		}
		held, other := b.timeline(ordered), b.timeline(free)
		if len(held) != len(other)+1 {
			b.Fatalf("%d entries, want %d: an erasure more", len(held), len(other)+1)
		}
		for i, it := range held[1:] {
			x, y := it.Facts, other[i].Facts
			if x.Action != y.Action || x.Verdict != y.Verdict || string(x.Input) != string(y.Input) || !slices.Equal(x.Clauses, y.Clauses) {
				b.Errorf("the entry is %+v, that of somebody of whom nothing is held %+v", x, y)
			}
		}

		// What lies aside waits on, and serves nothing that is ordered anew.
		aside := erase(ordered)
		aside.Aside = true
		_, _, err = ask(aside)
		b.kind(err, loot.Denied)
		if n := len(b.timeline(ordered)); n != len(held) {
			b.Errorf("%d entries tell that it waits", n-len(held))
		}
		needed := func(r gate.Request) gate.Request {
			r.Actor = loot.Actor{Kind: loot.Person, ID: "someone else"}
			return r
		}
		for _, s := range []loot.Subject{free, ordered} {
			seen := len(b.timeline(s))
			_, _, err := ask(needed(erase(s)))
			b.kind(err, loot.Denied)
			if n := len(b.timeline(s)); n != seen+1 {
				b.Errorf("of a refusal that no order makes, %d entries are seen", n-seen)
			}
		}
		b.clock.Advance(5 * 24 * time.Hour)
		_, g, err = ask(aside)
		b.ok(err)
		if g.Held() || !g.Aside {
			b.Error("what lay aside is not erased")
		}
		refused := 0
		for _, it := range b.timeline(ordered) {
			if it.ID == p.Held().Entry {
				refused += it.Count
			}
		}
		if refused != 3 {
			b.Errorf("after the order %d refusals are seen, want those of two erasures and of what lay aside", refused)
		}
	})
}
