package visits

import (
	"testing"

	"loot/desk/desktest"
)

// TestAWholeAddressIsNotKept: where nothing is cut off addresses the statement is
// asked whether they may be kept so, and refuses that detail and no other.
func TestAWholeAddressIsNotKept(t *testing.T) {
	const rule = "@needs1(\"the address is cut short first\")\nforbid (principal, action == Action::\"collect\", resource in Collection::\"visit\")\nwhen { context.fullAddress };\n"
	h := newHouse(t, desktest.Standard(t))
	h.site("Europe/Dublin")
	var err error
	h.d, err = New(h.Kit, h.rows, h.staff(), Options{Path: "/v", Bits4: 32, Bits6: 128})
	desktest.OK(t, err)
	h.serve()
	h.view("198.51.100.7", "/a")
	h.InForce(edited(t, rule, "", "version: \"2026-1\"", "version: \"2026-2\""))
	h.view("198.51.100.7", "/b")
	if got := h.ask("SELECT path, network, browser FROM visits_hit ORDER BY path"); got != "/a Firefox\n/b 198.51.100.7/32 Firefox" {
		t.Errorf("%q", got)
	}
}
