package disclosure

import (
	"net/http"
	"strings"
	"testing"

	"loot"
	"loot/desk/desktest"
	"loot/web"
)

// counts is how many the navigation says to somebody.
func (h *house) counts(want int) {
	h.Helper()
	n, err := h.desk.waiting(web.WithIdentity(h.Context(), web.Identity{Actor: h.Actor}))
	ok(h, err)
	if n != want {
		h.Errorf("the navigation tells %s of %d, want %d", h.Actor.ID, n, want)
	}
}

// TestNobodyReadsInAListWhatDoesNotOpenForThem: neither who asks nor that it is secret, and no
// contact; to others a request is one of so many.
func TestNobodyReadsInAListWhatDoesNotOpenForThem(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.as("t-counsel")
		secret := h.enter("court", "order", "gag", h.inDays(30), "@order", scan)
		h.enter("police", "subscriber")
		h.as("t-billing")
		theirs := h.enter("revenue", "tax")
		h.as("t-counsel")
		h.leads(h.do(h.enter("regulator", "supervision"), "refuse", "outcome", refused, "reason", "No law is named."))

		shows(t, h.Get(home), http.StatusOK, "Example court", "Example police", "Example revenue", "Secrecy until", "Who has how much")
		desktest.Lacks(t, h.Get(home), "dealt with by others")
		shows(t, h.Get(home+"?state=closed"), http.StatusOK, "Example regulator")
		shows(t, h.Get(home+"/register"), http.StatusOK, "2 Sample Square")
		h.counts(3)

		for id, unsigned := range map[string]bool{"t-support": false, "t-unsigned": true, "t-unsigned-counsel": true} {
			h.as(id)
			if id == "t-unsigned-counsel" {
				h.Actor = loot.Actor{Kind: loot.Staff, ID: "t-unsigned", Roles: []loot.Role{counsel}}
			}
			for _, state := range []string{"", "?state=closed"} {
				page := h.Get(home + state)
				desktest.Lacks(t, page, "Example", "Order of a judge", "Secrecy until", "Who has how much")
				if strings.Contains(page.Body, secret) {
					t.Errorf("%s is led to what does not open for them", id)
				}
				want := map[string]string{"": "3 requests are dealt with by others.", "?state=closed": "1 request is dealt with by others."}[state]
				shows(t, page, http.StatusOK, want)
				if signs := strings.Contains(page.Body, `href="/console/undertaking"`); signs != unsigned {
					t.Errorf("%s is led to the undertaking: %t", id, signs)
				}
			}
			desktest.Lacks(t, h.Get(home+"/register"), "2 Sample Square", "555 0199")
			h.counts(0)
		}

		h.as("t-billing")
		page := h.Get(home)
		shows(t, page, http.StatusOK, "Example revenue", "2 requests are dealt with by others.")
		desktest.Lacks(t, page, "Example court", "Example police", "Who has how much")
		if !strings.Contains(page.Body, home+"/"+theirs) {
			t.Error("what they deal with is not there")
		}
		shows(t, h.Get(home+"/register"), http.StatusOK, "2 Sample Square") // they call back
		h.counts(1)
	})
}

// TestAContactIsVerifiedBySomebodyElse who sees it: it is offered to no other.
func TestAContactIsVerifiedBySomebodyElse(t *testing.T) {
	h := onOne(t)
	h.as("t-support")
	h.leads(h.Post(home+"/register", "title", "Another", "recipient", "police", "country", "IE", "contact", "3 Sample Square"))
	page := h.Get(home + "/register")
	shows(t, page, http.StatusOK, "3 Sample Square", "Somebody else verifies it.")
	desktest.Lacks(t, page, "It is verified")
	h.as("t-billing")
	page = h.Get(home + "/register")
	desktest.Lacks(t, page, "3 Sample Square", "It is verified")
	at := home + "/register/" + h.registered("Another") + "/verified"
	shows(t, h.Post(at), http.StatusForbidden, "Whoever verifies a contact has seen it.")
	h.as("t-dpo")
	shows(t, h.Get(home+"/register"), http.StatusOK, "It is verified")
	h.leads(h.Post(at))
}
