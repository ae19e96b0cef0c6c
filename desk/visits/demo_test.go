package visits

import (
	"testing"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
)

// TestTheDemonstrationHasAReport plays the visits of the demonstration and looks
// whether the report says why a day was unlike the others.
func TestTheDemonstrationHasAReport(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	w := h.World()
	end := h.Clock.Now().AddDate(0, 0, demoDays)
	w.History = &desk.History{Begin: h.Clock.Now(), End: end}
	desktest.OK(t, h.d.demo(t.Context(), w))
	desktest.OK(t, w.History.Play(t.Context(), h.Clock))
	h.Site.Actor = loot.Actor{Kind: loot.Staff, ID: "t-support", Roles: []loot.Role{"support"}}
	desktest.Shows(t, h.Get(reportHref), 200, "Example Network", "Help Centre", "What changed, and why", "Campaign "+demoCampaign)
}
