package rights

import (
	"context"
	"slices"
	"strings"
	"testing"

	"loot"
	"loot/desk"
	"loot/desk/customers"
	"loot/desk/desktest"
	"loot/statement"
)

// world shows the house as a world to try proofs in.
func (h *house) world() *desk.World {
	w := h.World()
	w.HTTP, w.Desks = h.Server.Config.Handler, h.desks
	w.NewPerson = func(ctx context.Context) (loot.Subject, error) { return customers.NewPerson(ctx, w) }
	return w
}

func TestTheProofsHold(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), freezing(t))
	for _, p := range h.desk.proofs() {
		if outcome, err := p.Run(t.Context(), h.world()); err != nil || outcome == "" {
			t.Errorf("%s: %s: %q, %v", p.Clause, p.Name, outcome, err)
		}
	}
}

// TestTheRulesAreMissed: without the rule by which an agent's request finds somebody, or
// that by which a frozen record is left alone, a proof fails.
func TestTheRulesAreMissed(t *testing.T) {
	t.Parallel()
	all := freezing(t)
	for _, one := range []struct {
		clause loot.Clause
		word   string
	}{{"adequacy.mistakes", "restricted"}, {"network.purpose", `Desk::"rights"`}} {
		rules := all.Rules()
		i := slices.IndexFunc(rules, func(r statement.Rule) bool { return r.Clause == one.clause && strings.Contains(r.Text, one.word) })
		if i < 0 {
			t.Fatalf("%s has no such rule", one.clause)
		}
		less, err := all.Without(rules[i].ID)
		ok(t, err)
		h := newHouse(t, desktest.One(t), less)
		failed := false
		for _, p := range h.desk.proofs() {
			_, err := p.Run(t.Context(), h.world())
			failed = failed || p.Clause == one.clause && err != nil
		}
		if !failed {
			t.Errorf("no proof of %s fails without:\n%s", one.clause, rules[i].Text)
		}
	}
}
