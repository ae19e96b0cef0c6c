package gate_test

import (
	"fmt"
	"testing"
	"time"

	"loot"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

func (b *bench) agree(a gate.Agreement) {
	b.Helper()
	a.Partner = "acme"
	b.tx(func(tx *store.Tx) error { return b.gate.SetAgreement(b.ctx, tx, counsel, a) })
}

func year(p ...loot.Purpose) gate.Agreement {
	return gate.Agreement{Signed: noon, Ends: noon.AddDate(1, 0, 0), Purposes: p, Categories: []loot.Category{"contact", "payment"}}
}

func (b *bench) revoke() error {
	return b.gate.InTx(b.ctx, func(tx *store.Tx) error { return b.gate.RevokeAgreement(b.ctx, tx, counsel, "acme") })
}

func TestNoAgreementNoTransfer(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		b.choose(s, "offers", true)
		b.refused(transfer(s, "offers"), "partners")
		b.agree(year("offers"))
		b.permitted(transfer(s, "offers"))
		b.refused(transfer(b.person(), "offers"), "partners") // who did not permit it
		b.choose(s, "offers", false)
		b.refused(transfer(s, "offers"), "partners")
		b.choose(s, "offers", true)

		b.ok(b.revoke())
		b.refused(transfer(s, "offers"), "partners")
		b.kind(b.revoke(), loot.Conflict)
		b.agree(year("offers")) // signed anew
		b.permitted(transfer(s, "offers"))

		b.agree(year("service")) // for something else
		b.refused(transfer(s, "offers"), "partners")
		narrow := year("offers") // about other kinds of details
		narrow.Categories = []loot.Category{"payment"}
		b.agree(narrow)
		b.refused(transfer(s, "offers"), "partners")
		b.agree(year("offers"))
		b.clock.Advance(noon.AddDate(1, 0, 0).Sub(noon)) // the day it ends
		b.refused(transfer(s, "offers"), "partners")

		if rows := b.facts(noted("agreement.signed")); len(rows) != 5 {
			b.Errorf("%d agreements on the ledger, want 5", len(rows))
		}
		if rows := b.facts(noted("agreement.revoked")); len(rows) != 1 {
			b.Errorf("%d revocations on the ledger, want 1", len(rows))
		}
	})
}

func TestCooperationNeedsNoticeAndNoObjection(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		a := year("service")
		b.agree(a)
		b.refused(transfer(s, "service"), "partners") // nobody was told
		a.Announced, a.Due = noon, noon.AddDate(0, 0, 30)
		b.agree(a)
		b.refused(transfer(s, "service"), "partners") // the time to object runs
		b.clock.Advance(30*24*time.Hour - time.Second)
		b.refused(transfer(s, "service"), "partners")
		b.clock.Advance(time.Second)
		b.permitted(transfer(s, "service"))
		b.tx(func(tx *store.Tx) error { return b.gate.Object(b.ctx, tx, s, customer, own(s), "service", true) })
		b.refused(transfer(s, "service"), "partners")
	})
}

// TestWhoReceivesIsShownAsItIsDecided: to somebody without a service too, and of what they
// permitted also when a version does not offer it any longer.
func TestWhoReceivesIsShownAsItIsDecided(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		shown := func(coop, permitted string) {
			b.Helper()
			to, _ := b.statement().Recipient("acme")
			byCooperation, byPermission := b.view(s).Receives(to)
			if got := fmt.Sprint(byCooperation, byPermission); got != "["+coop+"] ["+permitted+"]" {
				b.Errorf("shown %s, want [%s] [%s]", got, coop, permitted)
			}
			for p, may := range map[loot.Purpose]bool{"service": coop != "", "offers": permitted != ""} {
				if _, err := b.decide(transfer(s, p)); may != (err == nil) {
					b.Errorf("%s: shown %v, decided %v", p, may, err)
				}
			}
		}
		a := year("service", "offers")
		a.Announced, a.Due = noon, noon
		b.agree(a)
		shown("service", "")
		b.tx(func(tx *store.Tx) error {
			return b.gate.EndOrder(b.ctx, tx, gate.Ordered{Subject: s, Collection: customer, By: shop, Reference: "o1", Service: "server"})
		})
		b.choose(s, "offers", true)
		shown("service", "offers")
		next := b.with("  offers: {title: Offers of Acme, purpose: offers, recipient: acme}\n", "")
		due := noon.AddDate(0, 0, 30)
		b.propose(next)
		b.ok(b.announce(next.Hash(), due))
		b.clock.Advance(due.Sub(noon))
		if _, offered := b.statement().Offer("offers"); offered {
			b.Fatal("it is offered still")
		}
		shown("service", "offers")
		b.tx(func(tx *store.Tx) error { return b.gate.Object(b.ctx, tx, s, customer, own(s), "service", true) })
		shown("", "offers")
		if coop, permitted := b.view(s).Receives(statement.Recipient{Key: "self", Cooperation: []loot.Purpose{"offers"}}); len(coop)+len(permitted) > 0 {
			b.Errorf("the company receives from itself: %v %v", coop, permitted)
		}
	})
}

func TestUnknownPartnerReceivesNothing(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		r := transfer(s, "offers")
		r.Actor.ID = "nobody"
		b.refused(r, "")
		r.Actor.ID = "court" // a recipient, and no partner
		b.refused(r, "")
	})
}

func TestWhoQualifiesIsWhoIsPermitted(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		for _, step := range []func(){
			func() {},
			func() { b.choose(s, "offers", true) },
			func() { b.agree(year("offers")) },
			func() { b.choose(s, "offers", false) },
		} {
			step()
			before := len(b.facts(func(ledger.Facts) bool { return true }))
			var qualifies bool
			b.tx(func(tx *store.Tx) (err error) {
				_, qualifies, err = b.gate.Qualifies(b.ctx, tx, transfer(s, "offers"))
				return err
			})
			if after := len(b.facts(func(ledger.Facts) bool { return true })); after != before && !qualifies || after != before+1 && qualifies {
				b.Errorf("qualifies: %v, with %d entries", qualifies, after-before)
			}
			_, err := b.decide(transfer(s, "offers"))
			if qualifies != (err == nil) {
				b.Errorf("qualifies: %v, decided: %v", qualifies, err)
			}
		}
	})
}
