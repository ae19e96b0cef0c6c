package gate_test

import (
	"errors"
	"strings"
	"testing"

	"loot"
	"loot/gate"
	"loot/ledger"
	"loot/store"
)

// TestPermitIsGoodForOneUse: the zero permit, a copy, a second use, another
// transaction and a wider use are each refused, and each raises an incident.
func TestPermitIsGoodForOneUse(t *testing.T) {
	for _, c := range []struct {
		name, how string
		misuse    func(b *bench, tx *store.Tx, r gate.Request) error
	}{
		{"the zero permit", "missing", func(_ *bench, tx *store.Tx, _ gate.Request) error {
			_, err := gate.Permit{}.Spend(tx, loot.Use)
			return err
		}},
		{"a copy", "twice", func(b *bench, tx *store.Tx, r gate.Request) error {
			p, err := b.gate.Decide(b.ctx, tx, r)
			b.ok(err)
			second := p
			_, err = p.Spend(tx, loot.Use)
			b.ok(err)
			_, err = second.Spend(tx, loot.Use)
			return err
		}},
		{"a second use", "twice", func(b *bench, tx *store.Tx, r gate.Request) error {
			p, err := b.gate.Decide(b.ctx, tx, r)
			b.ok(err)
			_, err = p.Spend(tx, loot.Use)
			b.ok(err)
			_, err = p.Spend(tx, loot.Use)
			return err
		}},
		{"another transaction", "elsewhere", func(b *bench, tx *store.Tx, _ gate.Request) error {
			_, err := b.kept.Spend(tx, loot.Use)
			return err
		}},
		{"another action", "widened", func(b *bench, tx *store.Tx, r gate.Request) error {
			p, err := b.gate.Decide(b.ctx, tx, r)
			b.ok(err)
			_, err = p.Spend(tx, loot.Collect)
			return err
		}},
		{"another action of several", "widened", func(b *bench, tx *store.Tx, r gate.Request) error {
			p, err := b.gate.Decide(b.ctx, tx, r)
			b.ok(err)
			_, err = p.SpendAny(tx, loot.Erase, loot.Export)
			return err
		}},
		{"more than it names", "widened", func(b *bench, tx *store.Tx, r gate.Request) error {
			p, err := b.gate.Decide(b.ctx, tx, r)
			b.ok(err)
			g, err := p.Spend(tx, loot.Use)
			b.ok(err)
			return g.Widened()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(b *bench) {
				b.run()
				r := use(b.person(), "service")
				before := 0
				if c.how == "elsewhere" { // a permit that was taken out of its transaction
					before = 1
					b.tx(func(tx *store.Tx) (err error) {
						b.kept, err = b.gate.Decide(b.ctx, tx, r)
						return err
					})
				}
				err := b.gate.InTx(b.ctx, func(tx *store.Tx) error { return c.misuse(b, tx, r) })
				m, ok := errors.AsType[*gate.Misuse](err)
				if !ok || m.How != c.how {
					b.Fatalf("got %v, want a misuse %q", err, c.how)
				}
				b.kind(err, loot.Internal)
				raised := strings.Fields(b.next(b.raised, c.name))
				if len(raised) < 2 || raised[1] != "permit."+c.how {
					b.Errorf("raised %q", raised)
				}
				if rows := b.facts(noted("incident.permit." + c.how)); len(rows) != 1 || rows[0].ID != raised[0] {
					b.Errorf("entries about it %v, want one", rows)
				}
				// the misused transaction left nothing
				if n := len(b.facts(verdict(ledger.Permitted))); n != before {
					b.Errorf("%d uses on the ledger, want %d", n, before)
				}
			})
		})
	}
}

func TestPermitSaysWhatItIsFor(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		b.tx(func(tx *store.Tx) error {
			p, err := b.gate.Decide(b.ctx, tx, use(s, "service"))
			if err != nil {
				return err
			}
			g, err := p.Spend(tx, loot.Use)
			if err != nil {
				return err
			}
			if g.Subject != s || g.Collection != customer || len(g.Fields) != 1 || g.Purpose != "service" || g.Entry != p.Entry() || len(p.Clauses()) == 0 {
				b.Errorf("grant %+v", g)
			}
			return nil
		})
		var zero gate.Permit
		if zero.Entry() != "" || zero.Clauses() != nil {
			b.Error("the zero permit says something")
		}
	})
}

// TestMasking: staff see each value masked as its own level says until they
// reveal it, which is decided and recorded apart. A desk works with values.
func TestMasking(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		accounts := b.sign(loot.Actor{Kind: loot.Staff, ID: "u-accounts", Roles: []loot.Role{"accounts"}})
		r := by(accounts, s, "invoice", "contact.email", "payment.iban")
		r.Approval = b.approve(r)
		if m := b.permitted(r).Mask; m["contact.email"] != "partly" || m["payment.iban"] != "fully" {
			b.Errorf("masks %v, want partly and fully", m)
		}
		r = by(accounts, s, "invoice")
		r.Unmask = true
		if m := b.permitted(r).Mask; m["contact.email"] != "" {
			b.Errorf("revealed, and still masked %v", m)
		}
		if n := len(b.facts(verdict(ledger.Permitted))); n != 2 {
			b.Errorf("%d entries, want one for each look", n)
		}
		if m := b.permitted(use(s, "service")).Mask; m != nil {
			b.Errorf("a desk's masks %v, want none", m)
		}
	})
}
