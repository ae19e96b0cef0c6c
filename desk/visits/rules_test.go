package visits

import (
	"strings"
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

// TestAWholeAddressIsTried: a proof asks what the settings cannot, and leaves them
// as they were.
func TestAWholeAddressIsTried(t *testing.T) {
	const rule = "@needs1(\"the address is cut short first\")\nforbid (principal, action == Action::\"collect\", resource in Collection::\"visit\")\nwhen { context.fullAddress };\n"
	h := newHouse(t, desktest.Standard(t))
	h.site("Europe/Dublin")
	w := h.World()
	w.HTTP = h.Site.Server.Config.Handler
	said, err := h.d.proveWhole(h.Context(), w)
	if err != nil || said != "the visit was recorded without it" {
		t.Errorf("%q, %v", said, err)
	}
	h.view("198.51.100.7", "/a")
	if got := h.ask("SELECT network FROM visits_hit WHERE path = '/a'"); got != "198.51.100.0/24" {
		t.Errorf("after the proof %q is kept", got)
	}
	h.InForce(edited(t, rule, "", "version: \"2026-1\"", "version: \"2026-2\""))
	said, err = h.d.proveWhole(h.Context(), w)
	if err != nil || !strings.HasSuffix(said, "/24") {
		t.Errorf("%q, %v", said, err)
	}
}
