package gate_test

import (
	"slices"
	"testing"

	"loot"
	"loot/desk/desktest"
	"loot/store"
)

// frozen are rules about what is kept and left alone.
const frozen = `@needs1("the undertaking is signed")
forbid (principal is Staff, action in [Action::"use", Action::"find"], resource)`

const frozenRules = `@needs1("it is not in dispute, or it is for the service")
forbid (principal, action in [Action::"use", Action::"transfer"], resource)
when { resource.disputed }
unless { context.purpose == Purpose::"service" };

@needs1("the record is not frozen")
forbid (principal, action in [Action::"use", Action::"transfer"], resource)
when { resource.subject.restricted };

` + frozen

// eachFrozen is each with these rules in force.
func eachFrozen(t *testing.T, f func(b *bench)) {
	t.Helper()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db)
		b.inForce(b.with(frozen, frozenRules))
		f(b)
	})
}

// TestAFrozenFieldIsLeftAlone: for what the rules say and until the last reason
// has ended, while what is beside it is used as before.
func TestAFrozenFieldIsLeftAlone(t *testing.T) {
	eachFrozen(t, func(b *bench) {
		s, other := b.person(), b.person()
		b.choose(s, "advice", true)
		b.choose(other, "advice", true)
		freeze := func(reference string, fields ...loot.Field) {
			b.tx(func(tx *store.Tx) error { return b.gate.Freeze(b.ctx, tx, s, reference, fields...) })
		}
		thaw := func(reference string) {
			b.tx(func(tx *store.Tx) error { return b.gate.Thaw(b.ctx, tx, s, reference) })
		}
		b.permitted(use(s, "advice"))
		freeze("c1", "contact.email")
		freeze("c2", "contact.email")
		b.refused(use(s, "advice"), "staff")
		b.permitted(by(shop, s, "service", "contact.email", "contact.name"))
		b.permitted(by(shop, s, "service", "contact.name"))
		b.permitted(use(other, "advice"))
		if got := b.view(s).Frozen; len(got) != 2 || !slices.Equal(got["c1"], []loot.Field{"contact.email"}) {
			b.Errorf("it is shown as %v", got)
		}
		thaw("c1")
		b.refused(use(s, "advice"), "staff")
		thaw("c2")
		thaw("c3")
		b.permitted(use(s, "advice"))

		freeze("r1")
		b.refused(use(s, "advice"), "staff")
		b.refused(by(shop, s, "service", "contact.name"), "staff")
		b.permitted(use(other, "advice"))
		thaw("r1")
		b.permitted(by(shop, s, "service", "contact.name"))
	})
}

// TestAFreezeCountsAtOnce: also for what the same transaction decides next.
func TestAFreezeCountsAtOnce(t *testing.T) {
	eachFrozen(t, func(b *bench) {
		s := b.person()
		b.choose(s, "advice", true)
		r := use(s, "advice")
		b.kind(b.gate.InTx(b.ctx, func(tx *store.Tx) error {
			if err := b.gate.Freeze(b.ctx, tx, s, "c1", "contact.email"); err != nil {
				return err
			}
			_, err := b.gate.Decide(b.ctx, tx, r)
			return err
		}), loot.Denied)
		b.permitted(r) // what was refused was not kept
	})
}
