package gate_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"loot"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

func (b *bench) view(s loot.Subject) (v gate.PersonView) {
	b.Helper()
	b.ok(b.db.ReadTx(b.ctx, func(tx *store.Tx) (err error) {
		v, err = b.gate.Person(b.ctx, tx, s)
		return err
	}))
	return v
}

func TestChoiceCountsForTheVeryNextUse(t *testing.T) {
	each(t, func(b *bench) {
		s, other := b.person(), b.person()
		offer, _ := b.statement().Offer("advice")
		b.refused(use(s, "advice"), "permission")
		b.choose(s, "advice", true)
		b.choose(s, "advice", true) // twice is once
		b.permitted(use(s, "advice"))
		b.refused(use(other, "advice"), "permission")
		if !b.view(s).Permits(offer) || b.view(other).Permits(offer) {
			b.Error("the portal shows another state than the gate decides by")
		}
		b.choose(s, "advice", false)
		b.refused(use(s, "advice"), "permission")
		if b.view(s).Permits(offer) {
			b.Error("the withdrawn permission is shown as given")
		}
		if len(b.facts(noted("permission.given"))) != 2 || len(b.facts(noted("permission.withdrawn"))) != 1 {
			b.Error("the choices are not on the ledger")
		}
		b.kind(b.gate.InTx(b.ctx, func(tx *store.Tx) error { return b.choice(tx, s, "no-such-offer", true) }), loot.Invalid)
	})
}

func (b *bench) statement() *statement.Statement {
	v, _ := b.gate.InForce()
	return v.Statement
}

// TestOrderIsThePermission: a contract's purposes end with the service, those
// of a legal duty when the law's time has passed.
func TestOrderIsThePermission(t *testing.T) {
	each(t, func(b *bench) {
		s := loot.NewSubject()
		b.ok(b.keys.Create(b.ctx, s, customer))
		order := gate.Ordered{Subject: s, Collection: customer, By: own(s), Reference: "o1", Service: "server"}
		b.refused(use(s, "service"), "permission")
		b.tx(func(tx *store.Tx) error { return b.gate.Order(b.ctx, tx, order) })
		if v := b.view(s); !slices.Equal(v.Ordered, []loot.Purpose{"service"}) || !slices.Equal(v.Duties, []loot.Purpose{"invoice"}) || v.Given != b.statement().Hash() {
			b.Errorf("view %+v", v)
		}
		b.permitted(use(s, "service"))
		b.tx(func(tx *store.Tx) error { return b.gate.EndOrder(b.ctx, tx, order) })
		b.kind(b.gate.InTx(b.ctx, func(tx *store.Tx) error { return b.gate.EndOrder(b.ctx, tx, order) }), loot.Conflict)
		b.refused(use(s, "service"), "permission")
		b.permitted(use(s, "invoice"))
		b.clock.Advance(59 * 24 * time.Hour)
		b.permitted(use(s, "invoice"))
		b.clock.Advance(2 * 24 * time.Hour)
		b.refused(use(s, "invoice"), "permission")
		order.Reference = "o2"
		b.tx(func(tx *store.Tx) error { return b.gate.Order(b.ctx, tx, order) })
		fulfil := func(duty loot.Purpose) {
			b.tx(func(tx *store.Tx) error { return b.gate.Fulfil(b.ctx, tx, s, customer, duty) })
		}
		fulfil("invoice") // which is not done with while the service runs
		b.permitted(use(s, "invoice"))
		b.tx(func(tx *store.Tx) error { return b.gate.EndOrder(b.ctx, tx, order) })
		fulfil("other")
		b.permitted(use(s, "invoice"))
		fulfil("invoice")
		b.refused(use(s, "invoice"), "permission")
		kept := func() (out map[loot.Field]time.Time) {
			var all []loot.Field
			for _, d := range b.statement().Fields(customer) {
				all = append(all, d.ID)
			}
			b.tx(func(tx *store.Tx) (err error) {
				out, err = b.gate.KeptUntil(b.ctx, tx, s, all)
				return err
			})
			return out
		}
		before := kept()
		b.clock.Advance(24 * time.Hour)
		fulfil("invoice")
		if after := kept(); before["contact.email"].IsZero() || !maps.Equal(before, after) {
			b.Errorf("said again that a duty is done with, details are kept until %v, and before until %v", after, before)
		}
		order.Service = "no-such-service"
		b.kind(b.gate.InTx(b.ctx, func(tx *store.Tx) error { return b.gate.Order(b.ctx, tx, order) }), loot.Invalid)
	})
}

func TestObjectionAndHold(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		object := func(yes bool) {
			b.tx(func(tx *store.Tx) error { return b.gate.Object(b.ctx, tx, s, customer, own(s), "warning", yes) })
		}
		b.permitted(use(s, "warning"))
		object(true)
		b.refused(use(s, "warning"), "permission")
		object(false)
		b.permitted(use(s, "warning"))
		b.kind(b.gate.InTx(b.ctx, func(tx *store.Tx) error { return b.gate.Object(b.ctx, tx, s, customer, own(s), "no-such", true) }), loot.Invalid)

		erase := gate.Request{Action: loot.Erase, Actor: own(s), Desk: "shop", Purpose: "service", Subject: s, Collection: customer, Fields: []loot.Field{"contact.email"}}
		hold := func(until time.Time) {
			b.tx(func(tx *store.Tx) error { return b.gate.Hold(b.ctx, tx, s, until) })
		}
		hold(b.clock.Now().Add(time.Hour))
		b.refused(erase, "orders")
		b.clock.Advance(time.Hour)
		b.permitted(erase)
		hold(b.clock.Now().Add(time.Hour))
		hold(time.Time{})
		b.permitted(erase)
		b.tx(func(tx *store.Tx) error { return b.gate.Confirm(b.ctx, tx, s) })
		if !b.view(s).Confirmed {
			b.Error("not confirmed")
		}
		b.tx(func(tx *store.Tx) error { return b.gate.Forget(b.ctx, tx, s) })
		if v := b.view(s); v.Confirmed || v.Ordered != nil {
			b.Errorf("still known: %+v", v)
		}
	})
}

// TestStaysIsOfWhomAnOrderKeeps: of those asked for alone, as long as it stands, by the
// clause that refuses an erasure.
func TestStaysIsOfWhomAnOrderKeeps(t *testing.T) {
	each(t, func(b *bench) {
		ordered, secret, free := b.person(), b.person(), b.person()
		asked := []loot.Subject{free, ordered, secret, ordered}
		for range 1 << 16 { // more than a database takes as values of one query
			asked = append(asked, loot.NewSubject())
		}
		stays := func() (out gate.Stay) {
			b.tx(func(tx *store.Tx) (err error) {
				out, err = b.gate.Stays(b.ctx, tx, "shop", customer, asked)
				return err
			})
			return out
		}
		until := b.clock.Now().Add(time.Hour)
		b.tx(func(tx *store.Tx) error { return b.gate.Hold(b.ctx, tx, ordered, until) })
		_, err := b.decide(b.secretly(secret, false))
		if loot.KindOf(err) != loot.Denied {
			b.Fatal(err)
		}
		if s := stays(); !s.Of(ordered) || !s.Of(secret) || s.Of(free) || s.Of("") || s.Clause != "orders" || len(s.Needed) == 0 {
			b.Errorf("%+v", s)
		}
		b.clock.Advance(time.Hour)
		if s := stays(); s.Of(ordered) || !s.Of(secret) {
			b.Errorf("after the order: %+v", s)
		}
		anyway := b.with("@needs1(\"no order to preserve it stands\")\nforbid (principal, action == Action::\"erase\", resource)\nwhen { context.hold };", "permit (principal is Desk, action == Action::\"erase\", resource);")
		b.propose(anyway)
		b.ok(b.announce(anyway.Hash(), b.clock.Now().AddDate(0, 0, 30)))
		b.clock.Advance(30 * 24 * time.Hour)
		b.tx(func(tx *store.Tx) error { return b.gate.Hold(b.ctx, tx, ordered, b.clock.Now().Add(time.Hour)) })
		if s := stays(); s.Of(ordered) {
			b.Errorf("by a statement that no order stops: %+v", s)
		}
	})
}

// TestObligationsAreCarriedOut: whoever must be told is told.
func TestObligationsAreCarriedOut(t *testing.T) {
	each(t, func(b *bench) {
		b.run()
		s := b.person()
		g := b.permitted(use(s, "warning"))
		if got := b.next(b.told, "the warning"); got != string(s)+" "+g.Entry {
			b.Errorf("told %q, want %q", got, string(s)+" "+g.Entry)
		}
	})
}

// TestReadingALetterIsOnTheLedger: refused before the undertaking is signed,
// then once a day for each reader and letter, with
// the customer it was written to, and about nobody when it was to the staff.
func TestReadingALetterIsOnTheLedger(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		ada := loot.Actor{Kind: loot.Staff, ID: "ada", Name: "Ada Admin", Roles: []loot.Role{"administrator"}}
		read := func(letter string, to loot.Subject) error {
			return b.gate.InTx(b.ctx, func(tx *store.Tx) error { return b.gate.LetterRead(b.ctx, tx, ada, letter, to, customer) })
		}
		for range 2 { // before she signed
			err := read("m1", s)
			if refusal, ok := errors.AsType[*gate.Refusal](err); !ok || refusal.Clause != "security.staff" || !refusal.NeedsUndertaking() {
				b.Errorf("read before the undertaking: %v", err)
			}
		}
		b.ok(read("m3", ""))
		if rows := b.facts(noted("letter.read")); len(rows) != 2 || rows[0].Facts.Verdict != ledger.Refused || rows[1].Facts.Verdict != ledger.Recorded {
			b.Fatalf("%+v", rows)
		}
		b.signed[ada.ID] = noon
		for _, letter := range []string{"m1", "m1", "m2"} {
			b.tx(func(tx *store.Tx) error { return b.gate.LetterRead(b.ctx, tx, ada, letter, s, customer) })
		}
		rows := b.facts(noted("letter.read"))
		if len(rows) != 4 {
			b.Fatalf("%d entries", len(rows))
		}
		if f := rows[2].Facts; f.ActorKind != loot.Staff || f.Role != "administrator" || f.Statement == "" || len(f.Clauses) != 1 || f.Clauses[0] != "security.staff" {
			b.Errorf("recorded: %+v", f)
		}
		b.ok(b.db.ReadTx(b.ctx, func(tx *store.Tx) error {
			items, err := b.gate.Ledger.Timeline(b.ctx, tx, s, customer, "", 10)
			read := slices.DeleteFunc(items, func(it ledger.Item) bool { return it.Facts.Note != "letter.read" || it.Facts.Verdict == ledger.Refused })
			if len(read) != 2 || read[0].Count+read[1].Count != 3 {
				b.Errorf("the customer sees %+v", read)
			}
			return err
		}))
	})
}
