package gate_test

import (
	"testing"

	"loot"
)

// TestOneOfThoseWhoApproveHoldsTheRole that was asked for: the last yes is not
// taken before, and somebody else can still give it.
func TestOneOfThoseWhoApproveHoldsTheRole(t *testing.T) {
	each(t, func(b *bench) {
		r := by(b.sign(accounts), b.person(), "invoice", "payment.iban")
		r.Among = "accounts"
		r.Approval = b.ask(r, 1)
		b.kind(errOf(b.vote(r.Approval, old(counsel), true)), loot.Denied)
		both := loot.Actor{Kind: loot.Staff, ID: "u-both", Roles: []loot.Role{"accounts", "counsel"}}
		if a, err := b.vote(r.Approval, old(both), true); err != nil || a.State != "approved" {
			b.Errorf("by somebody with the role: %+v, %v", a, err)
		}
		b.permitted(r)
	})
}
