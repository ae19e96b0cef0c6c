package publication

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/job"
	"loot/store"
	"loot/web"
	"loot/web/webtest"
)

// customer registers somebody who has a service running.
func (h *house) customer(field loot.Field) {
	h.Helper()
	subject := h.person(field)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		return h.Kit.Gate.Order(ctx, tx, gate.Ordered{
			Subject: subject, Collection: "customer", By: loot.Actor{Kind: loot.Person, ID: string(subject)}, Reference: loot.NewID("o"), Service: "shared-hosting",
		})
	})
}

// A letter says when a version takes effect, also when another process
// announced it and this one knew the draft.
func TestALetterSaysTheDateThatAnotherProcessAnnounced(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.customer("contact.email")
		hash := h.propose(edited(t, `version: "2026-1"`, `version: "2026-2"`))
		jobs, err := job.New(h.Kit.DB, job.Options{Log: h.Kit.Log, Now: h.Clock.Now, Simulated: true})
		ok(t, err)
		other := gate.New(gate.Config{DB: h.Kit.DB, Ledger: h.Kit.Ledger, Jobs: jobs, Sealer: h.Kit.Gate.Sealer, Now: h.Clock.Now, Log: slog.New(slog.DiscardHandler)})
		ok(t, other.Refresh(t.Context()))
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			if err := other.Announce(ctx, tx, loot.Actor{Kind: loot.Staff, ID: "t1"}, hash, desktest.Start.AddDate(0, 0, 50), "a test"); err != nil {
				return err
			}
			return h.Kit.Jobs.Publish(ctx, tx, job.Notice{Name: "statement.announced", ID: hash})
		})
		h.Drain()
		sent := h.Mail.Sent()
		if len(sent) != 1 || sent[0].Subject != "Our privacy statement changes on 12 January 2027" {
			t.Errorf("%d letters", len(sent))
			for _, m := range sent {
				t.Error(m.Subject)
			}
		}
	})
}

// The letter goes where the statement says that people are written to, whatever
// it calls that field.
func TestTheLetterGoesToTheAddressThatTheStatementNames(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.InForce(desktest.Parse(t, []byte(strings.ReplaceAll(string(edited(t, `version: "2026-1"`, `version: "2026-2"`)), "contact.email", "contact.post"))))
		h.Drain() // nobody is there yet to be written to
		h.customer("contact.post")
		h.announce(edited(t, `version: "2026-1"`, `version: "2026-3"`), h.Clock.Now().AddDate(0, 0, 50))
		h.Drain()
		if sent := h.Mail.Sent(); len(sent) != 1 || !strings.HasSuffix(sent[0].To, "@example.com") {
			t.Errorf("%d letters, want one to the address", len(sent))
		}
	})
}

// Whoever proposes or publishes a version proved lately who they are, as
// whoever votes on it did.
func TestAVersionNeedsAFreshSignIn(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		hash := h.propose(edited(t, `version: "2026-1"`, `version: "2026-2"`, "\neffective: 2026-11-23", "\neffective: 2027-01-12"))
		at := h.Clock.Now().Add(-web.Fresh)
		h.Site = webtest.New(t, web.Options{Now: h.Clock.Now, NoLimits: true, Identify: func(*http.Request) (web.Identity, error) {
			return web.Identity{Actor: loot.Actor{Kind: loot.Staff, ID: "t1", Roles: []loot.Role{"dpo"}}, At: at}, nil
		}}, h.routes)
		deeds := map[string][]string{
			"/console/statement":                      {"source", string(edited(t, `version: "2026-1"`, `version: "2026-3"`))},
			"/console/statement/" + hash + "/publish": {"reason", "longer invoices"},
		}
		again := "needs a sign-in from the last quarter of an hour"
		for path := range deeds {
			lacks(t, h.Get(strings.TrimSuffix(path, "/publish")), again)
		}
		at = at.Add(-time.Second)
		for path, form := range deeds {
			shows(t, h.Get(strings.TrimSuffix(path, "/publish")), http.StatusOK, again)
			if a := h.Post(path, form...); a.Status != http.StatusUnauthorized {
				t.Errorf("%s: status %d a quarter of an hour after signing in", path, a.Status)
			}
		}
		at = at.Add(time.Second)
		for path, form := range deeds {
			if a := h.Post(path, form...); a.Status != http.StatusSeeOther {
				t.Errorf("%s: status %d: %s", path, a.Status, words(a.Body))
			}
		}
	})
}
