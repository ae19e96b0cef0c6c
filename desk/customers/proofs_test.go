package customers

import (
	"context"
	"slices"
	"strings"
	"testing"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
)

// world shows the house as a world to try proofs in.
func (h *house) world() *desk.World {
	w := h.World()
	w.HTTP = h.Server.Config.Handler
	w.NewPerson = func(ctx context.Context) (loot.Subject, error) { return NewPerson(ctx, w) }
	w.NewStaff = func(_ context.Context, _ bool, roles ...loot.Role) (loot.Actor, error) {
		return loot.Actor{Kind: loot.Staff, ID: loot.NewID("m"), Name: "Made up", Roles: roles}, nil
	}
	return w
}

func TestTheProofsHold(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		w := h.world()
		tried := map[loot.Clause]int{}
		for _, p := range h.desk.proofs() {
			outcome, err := p.Run(t.Context(), w)
			if err != nil {
				t.Errorf("%s: %s: %v", p.Clause, p.Name, err)
			}
			if outcome == "" && err == nil {
				t.Errorf("%s: %s: says nothing", p.Clause, p.Name)
			}
			tried[p.Clause]++
		}
		for _, clause := range Keeps {
			if tried[clause] == 0 {
				t.Errorf("%s is kept and not proved", clause)
			}
		}
	})
}

// TestEveryRuleOfTheClausesIsMissed: without any one rule of a clause that is
// kept here, one of its proofs fails.
func TestEveryRuleOfTheClausesIsMissed(t *testing.T) {
	all := desktest.Standard(t)
	for _, rule := range all.Rules() {
		if !slices.Contains(Keeps, rule.Clause) || strings.Contains(rule.Text, `resource in Collection::"connection"`) { // which another desk keeps
			continue
		}
		t.Run(rule.ID, func(t *testing.T) {
			less, err := all.Without(rule.ID)
			ok(t, err)
			db := desktest.One(t)
			h := newHouse(t, db, less)
			w := h.world()
			for _, p := range h.desk.proofs() {
				if p.Clause != rule.Clause {
					continue
				}
				if _, err := p.Run(t.Context(), w); err != nil {
					t.Logf("noticed by %q: %v", p.Name, err)
					return
				}
			}
			t.Errorf("no proof of %s fails without:\n%s", rule.Clause, rule.Text)
		})
	}
}
