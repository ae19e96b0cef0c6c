package rights

import (
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/keyring"
	"loot/store"
)

// endService ends the one service of whoever asks.
func (h *house) endService() {
	h.Helper()
	path := regexp.MustCompile(`/portal/services/[^"/]+/end`).FindString(h.Get("/portal/services").Body)
	if a := h.Post(path); a.Status != http.StatusSeeOther {
		h.Fatalf("the service does not end: %d: %s", a.Status, desktest.Text(a.Body))
	}
}

// TestTheReportSaysWhatGoesAndWhatWent: the page foretells it, and after the night it
// stands by day with its clause, and what was held back too; nobody can be told from it.
func TestTheReportSaysWhatGoesAndWhatWent(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		held := h.register("an@example.com")
		h.endService()
		gone := h.register("jo@example.com")
		h.endService()
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			return h.Kit.Gate.Hold(ctx, tx, held, h.Clock.Now().AddDate(1, 0, 0))
		})
		h.after(20 * day)
		h.asStaff("t-one", "support")
		page := h.Get("/console/retention")
		shows(t, page, http.StatusOK, "Town or city", "no service, no law and no switch needs it any longer", "network.purpose", "Nothing went yet", "Go within 30 days 6")
		h.after(26 * day)
		page = h.Get("/console/retention")
		shows(t, page, http.StatusOK, "erased", "kept", "order to preserve", "adequacy.visible", "Went in 30 days 3", "Held back in 30 days 1")
		file := h.Get("/console/retention/report.csv")
		rows, err := csv.NewReader(strings.NewReader(file.Body)).ReadAll()
		ok(t, err)
		if len(rows) != 5 || strings.Join(rows[0], ",") != "day,desk,what,why,clause,outcome,number" || rows[1][0] != h.Clock.Now().Format(time.DateOnly) {
			t.Errorf("the file: %v", rows)
		}
		for _, a := range []string{page.Body, file.Body} {
			for _, s := range []loot.Subject{held, gone} {
				if strings.Contains(a, string(s)) {
					t.Error("the report names somebody")
				}
			}
		}
		h.as(gone)
		shows(t, h.Get("/console/retention"), http.StatusNotFound)
	})
}

// shredded reports whether somebody's key is destroyed.
func (h *house) shredded(s loot.Subject, c loot.Collection) bool {
	h.Helper()
	_, err := h.Kit.Keyring.Person(h.Context(), s, c)
	return errors.Is(err, keyring.ErrShredded)
}

// TestWhatTheLawKeepsGoesOnItsDay: whoever is erased sees what stays, by which law and
// until when; it stays until then, and then its key is destroyed.
func TestWhatTheLawKeepsGoesOnItsDay(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	s := h.register("jo@example.com")
	h.invoice() // on 2 December 2026
	shows(t, h.Get("/portal/account"), http.StatusOK, "Copies of invoices 1, until 2 Dec 2032", "Value-Added Tax Consolidation Act 2010 (Ireland), section 84", "collection.invoice")
	leads(t, h.Post("/portal/account/erase", "sure", "on"), "/portal/account")
	h.Drain()
	letter, found := h.Mail.Last("jo@example.com")
	words := strings.Join(strings.Fields(letter.Text), " ")
	for _, want := range []string{"Copies of invoices (1) until 2 December 2032", "(clause collection.invoice)", "Writing invoices, until 16 January 2027 at the latest, keeps: Company name,", "(clause network.purpose)"} {
		if !found || !strings.Contains(words, want) {
			t.Errorf("the letter lacks %q: %s", want, words)
		}
	}
	shows(t, h.Get("/portal/account"), http.StatusOK, "Your account will be erased by", "Copies of invoices 1, until 2 Dec 2032")
	h.after(91 * day)
	if !h.shredded(s, collection) || h.shredded(s, "invoice") {
		t.Fatalf("after the last invoice the key to the record is destroyed: %v; that to the copies: %v", h.shredded(s, collection), h.shredded(s, "invoice"))
	}
	h.asStaff("t-one", "support")
	shows(t, h.Get("/console/retention"), http.StatusOK, "Copies of invoices", "section 84", "2 Dec 2032")
	h.after(time.Date(2032, 12, 1, 9, 0, 0, 0, time.UTC).Sub(h.Clock.Now()))
	if h.shredded(s, "invoice") {
		t.Error("the copies are gone a day early")
	}
	shows(t, h.Get("/console/retention"), http.StatusOK, "6 years after it was written")
	h.after(3 * day)
	h.Drain()
	if !h.shredded(s, "invoice") {
		t.Error("the key to the copies is there after the day")
	}
}

// TestCopiesThatWentBeforeTheirOwnerLeaveNoKey: somebody who stays longer than the law
// has the invoices kept is erased with the key to the copies that there were.
func TestCopiesThatWentBeforeTheirOwnerLeaveNoKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	s := h.register("jo@example.com")
	h.invoice()
	h.endService()
	h.Post("/portal/permissions/newsletter", "give", "yes") // keeps some of the record
	h.after(time.Date(2033, 1, 1, 9, 0, 0, 0, time.UTC).Sub(h.Clock.Now()))
	h.Drain()
	if h.shredded(s, "invoice") || h.shredded(s, collection) {
		t.Fatal("a key is destroyed of somebody who is here")
	}
	leads(t, h.Post("/portal/account/erase", "sure", "on"), "/goodbye")
	h.Drain()
	if !h.shredded(s, "invoice") || !h.shredded(s, collection) {
		t.Error("a key is left of somebody who is erased")
	}
}
