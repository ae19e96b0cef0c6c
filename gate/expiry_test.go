package gate_test

import (
	"testing"
	"time"

	"loot"
	"loot/gate"
	"loot/job"
	"loot/store"
)

// keptApprovals returns the approvals that there are, and how many votes.
func (b *bench) keptApprovals() (ids map[string]bool, votes int) {
	b.Helper()
	b.ok(b.db.ReadTx(b.ctx, func(tx *store.Tx) error {
		ids = map[string]bool{}
		list, err := b.gate.Approvals(b.ctx, tx, 100)
		for _, a := range list {
			ids[a.ID] = true
		}
		if err != nil {
			return err
		}
		return tx.QueryRow(b.ctx, `SELECT count(*) FROM gate_vote`).Scan(&votes)
	}))
	return ids, votes
}

// TestApprovalsGoWithThePerson: whether it waits, was given or was used, and
// whether a desk asked or the reason alone names the person.
func TestApprovalsGoWithThePerson(t *testing.T) {
	each(t, func(b *bench) {
		b.run()
		s, other := b.person(), b.person()
		request := func(s loot.Subject, fields ...loot.Field) (id string) {
			r := by(b.sign(accounts), s, "invoice", fields...)
			r.Reason = "the bank asks"
			return b.ask(r, 1)
		}
		matter := func(about any, reason string) (id string) {
			b.tx(func(tx *store.Tx) (err error) {
				id, err = b.gate.Ask(b.ctx, tx, "test.matter", accounts, about, 1, reason)
				return err
			})
			return id
		}
		used := by(b.sign(accounts), s, "invoice", "payment.iban")
		used.Approval = b.approve(used)
		b.permitted(used)
		begun := matter("under way for "+string(s), "")
		b.ok(errOf(b.vote(begun, old(counsel), true)))
		b.tx(func(tx *store.Tx) error { return b.gate.Begin(b.ctx, tx, "test.matter", begun) })
		gone := map[string]string{
			"waits": request(s, "contact.email"), "used": used.Approval,
			"a desk's": matter(map[string]loot.Subject{"who": s}, ""), "by reason": matter("another", "it is about "+string(s)),
		}
		stays := map[string]string{"another person's": request(other, "payment.iban"), "nobody's": matter("nobody", "it is due"), "under way": begun}
		b.tx(func(tx *store.Tx) error {
			return b.jobs.Publish(b.ctx, tx, job.Notice{Name: "person.erased", ID: string(s)})
		})
		b.ok(b.jobs.Idle(b.ctx))
		ids, votes := b.keptApprovals()
		for name, id := range gone {
			if ids[id] {
				b.Errorf("%s: still there", name)
			}
		}
		for name, id := range stays {
			if !ids[id] {
				b.Errorf("%s: gone", name)
			}
		}
		if votes != 1 {
			b.Errorf("%d votes are kept, want that on what is under way", votes)
		}
	})
}

// TestOldApprovalsGo: 90 days after an approval could last be used, whatever became of it; what was begun may still have to end.
func TestOldApprovalsGo(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		first := b.approve(by(b.sign(accounts), s, "invoice", "payment.iban"))
		refused := b.ask(by(accounts, s, "invoice", "contact.email"), 1)
		b.ok(errOf(b.vote(refused, old(counsel), false)))
		var begun string
		b.tx(func(tx *store.Tx) (err error) {
			begun, err = b.gate.Ask(b.ctx, tx, "test.matter", accounts, "a long one", 1, "")
			return err
		})
		b.ok(errOf(b.vote(begun, old(counsel), true)))
		b.tx(func(tx *store.Tx) error { return b.gate.Begin(b.ctx, tx, "test.matter", begun) })
		b.clock.Advance(24 * time.Hour)

		second := b.ask(by(accounts, s, "service", "payment.iban"), 1)
		b.clock.Advance((72 + 90*24 - 12) * time.Hour)
		b.run()
		b.tx(func(tx *store.Tx) error { return b.jobs.Enqueue(b.ctx, tx, gate.ForgetJob{}) })
		b.ok(b.jobs.Idle(b.ctx))
		ids, votes := b.keptApprovals()
		if ids[first] || ids[refused] || !ids[begun] || !ids[second] || votes != 1 {
			b.Errorf("kept %v with %d votes; %s and %s are past, %s is under way, %s is not old enough", ids, votes, first, refused, begun, second)
		}
	})
}
