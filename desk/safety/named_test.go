package safety

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/billing"
	"loot/desk/desktest"
)

// A service that is suspended for a case leads to it: its customer to their own page of
// it, and colleagues if it is one with which they deal. Nobody reads its id.
func TestASuspendedServiceLeadsToItsCase(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		jo := h.customer("jo@example.com", "192.0.2.7")
		kim := h.customer("kim@example.com", "192.0.2.8")
		h.visitor()
		h.Post("/abuse", "kind", "phishing", "addresses", "192.0.2.7", "text", "A page of a bank.", "email", "ann@example.net")
		h.asAbuse()
		c := h.only()
		h.step(c, "judge", "outcome", violation, "measure", suspended, "ground", "terms", "rule", "Terms, section 4", "facts", "A page imitated a bank.", "reasons", "It harmed others.")
		theirs, ours := "/portal/cases/"+c.ID, "/console/abuse/"+c.ID
		service := func(s loot.Subject) string { return "/console/billing/services/" + h.services[s] }
		const said = "It is suspended by a decision of our abuse desk: case "
		// says reads a page that names the case, without its id, and how often it leads there.
		says := func(path, to string, links int, want ...string) {
			t.Helper()
			page := h.Get(path)
			shows(t, page, http.StatusOK, append(want, c.Reference())...)
			if strings.Contains(desktest.Text(page.Body), c.ID) {
				t.Errorf("%s shows the id of the case", path)
			}
			if n := strings.Count(page.Body, `href="`+to+`"`); n != links || strings.Count(page.Body, c.ID) != n {
				t.Errorf("%s leads to the case %d times, want %d, and names it %d times", path, n, links, strings.Count(page.Body, c.ID))
			}
		}
		colleagues := func(appeal bool) {
			t.Helper()
			for id, may := range map[string]bool{"t-abuse": true, "t-abuse-unsigned": false, "t-billing": false, "t-administrator": false, "t-support-counsel": appeal} {
				var roles []loot.Role
				for role := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(id, "t-"), "-unsigned"), "-") {
					roles = append(roles, loot.Role(role))
				}
				h.asStaff(id, roles...)
				if sees := strings.Contains(h.Get(ours).Body, "A page imitated a bank."); sees != may {
					t.Fatalf("%s sees the case: %v", id, sees)
				}
				says(service(jo), ours, map[bool]int{true: 2}[may], "Suspended for Case "+c.Reference())
			}
		}
		colleagues(false)
		h.as(jo)
		says("/portal/services", theirs, 2, said+c.Reference(), "Misuse of the network ( case "+c.Reference()+" )")
		shows(t, h.Get(theirs), http.StatusOK, "It harmed others.")
		leads(t, h.Post(theirs, "text", "The page was gone within the hour."), theirs)
		colleagues(true)

		// Whoever types a case of somebody else's as the ticket leads nobody to it; what is
		// no case stays as it was typed.
		h.asAbuse()
		for _, one := range [][2]string{{"misuse", c.ID}, {"misuse", "T-77"}, {"unpaid", c.ID}} {
			leads(t, h.Post(service(kim), "to", "suspended", "why", one[0], "ticket", one[1]), service(kim))
			if one[0] == "unpaid" || one[1] != c.ID {
				desktest.Lacks(t, h.Get(service(kim)), "Suspended for")
			}
			leads(t, h.Post(service(kim), "to", "active", "why", "settled"), service(kim))
		}
		says(service(kim), ours, 0, "Misuse of the network (case "+c.Reference()+")", "Misuse of the network ( T-77 )")
		leads(t, h.Post(service(kim), "to", "ended", "why", "misuse", "ticket", c.ID, "sure", "on"), service(kim))
		desktest.Lacks(t, h.Get(service(kim)), "Suspended for")
		h.as(kim)
		says("/portal/services", theirs, 0, "Misuse of the network ( T-77 )")
		desktest.Lacks(t, h.Get("/portal/services"), said)

		h.asStaff("t-abuse-2", "abuse")
		leads(t, h.Post(ours+"/review", "outcome", reversed, "facts", "Logs.", "reasons", "The customer was the victim."), "/console/abuse")
		h.Drain()
		if got := h.state(c.Service); got != billing.Active {
			t.Fatalf("the service is %s", got)
		}
		h.as(jo)
		says("/portal/services", theirs, 2, "What stood against it is settled ( case "+c.Reference()+" )")
		desktest.Lacks(t, h.Get("/portal/services"), said)

		// What is left of a case that is erased is what it was called.
		h.swept(367 * 24 * time.Hour)
		shows(t, h.Get(theirs), http.StatusNotFound)
		says("/portal/services", theirs, 0)
		h.asAbuse()
		says(service(jo), ours, 0)
	})
}
