package visits

import (
	"context"
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
	w.Staff = func(context.Context) ([]loot.Actor, error) { return members, nil }
	desktest.OK(t, h.d.demo(t.Context(), w))
	desktest.OK(t, w.History.Play(t.Context(), h.Clock))
	h.as("t-admin")
	desktest.Shows(t, h.Get(reportHref), 200, "Example Network", "Help Centre", "What changed, and why", "Campaign "+demoCampaign,
		"Letter of the autumn offer, to everybody Ada Admin", "Segments Asked an assistant")
	desktest.Shows(t, h.Get(alertsHref), 200, "Visitors more than 60 % above the usual", "% more.")
	desktest.Shows(t, h.Get(digestsHref), 200, "Every day All visits")
	desktest.Shows(t, h.Get(linksHref), 200, "The agency Autumn offer", "https://intranet.network.example")
}
