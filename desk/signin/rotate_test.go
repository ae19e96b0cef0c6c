package signin

import (
	"net/http"
	"testing"
	"time"
)

// TestRotationLetsEverybodyIn: while the program's own keys get new versions, and
// when the former ones are destroyed, whoever is signed in stays it, whoever is
// half-way goes on, and every way of signing in leads in.
func TestRotationLetsEverybodyIn(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		a := h.colleague("Anna Example", anna, "support")
		secret, recovery := h.withPassword(a)
		h.signIn(h.Site, anna, secret)
		phone := newDevice(t)
		nextOf(t, add(t, h.Site, "/console/account", "Phone", phone))
		page := h.Post("/console/tokens", "title", "Nightly sync", "days", "30", "scopes", "customers:read")
		token := shownToken.FindString(page.Body)
		halfway := h.browser()
		leads(t, halfway.Post("/console/signin", "email", anna, "password", goodPassword), "/console/signin/code")

		resealed := map[string]int{}
		for _, key := range h.Kit.Keyring.SystemKeys() {
			if key.Name() == "approval" { // the house keeps none
				continue
			}
			ok(t, key.Rotate(ctx))
			r, err := key.Finish(ctx)
			ok(t, err)
			resealed[key.Name()] = r.Resealed
		}
		if resealed["session"] < 1 || resealed["signin"] < 5 || resealed["staff"] < 2 {
			t.Errorf("sealed anew: %v; want the session, the two halves of a password, passkey, token and step, and the account with what it did", resealed)
		}
		if got := h.Get("/console").Body; got != "you are staff "+a.ID {
			t.Errorf("signed in before: %s", got)
		}
		leads(t, halfway.Post("/console/signin/code", "code", h.code(secret)), "/console")

		for range 4 {
			h.Clock.Advance(20 * time.Minute)
			shows(t, h.Get("/console"), http.StatusOK)
		}
		_, err := h.Kit.Keyring.FinishSystem(ctx)
		ok(t, err)
		r, err := h.Kit.Keyring.Check(ctx)
		ok(t, err)
		if r.Former != 0 || r.Waiting != 0 || len(r.Problems) > 0 {
			t.Errorf("an hour later: %+v", r)
		}
		if got := h.Get("/console").Body; got != "you are staff "+a.ID {
			t.Errorf("signed in since before: %s", got)
		}
		h.signIn(h.browser(), anna, secret)
		if got := nextOf(t, enterWith(t, h.browser(), "/console/signin", phone)); got != "/console" {
			t.Errorf("the passkey leads to %q", got)
		}
		lost := h.browser()
		leads(t, lost.Post("/console/signin", "email", anna, "password", goodPassword), "/console/signin/code")
		leads(t, lost.Post("/console/signin/code", "code", recovery[0]), "/console")
		who, err := h.desk.Authenticate(ctx, token)
		ok(t, err)
		if who.Actor.ID != a.ID || who.Actor.Name != "Anna Example" {
			t.Errorf("the token is of %v", who)
		}
		shows(t, h.Get("/console/tokens"), http.StatusOK, "Nightly sync")
		shows(t, h.Get("/console/account"), http.StatusOK, "Phone", "password and code")
	})
}
