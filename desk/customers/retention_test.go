package customers

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/statement"
	"loot/store"
)

const day = 24 * time.Hour

// endService ends the one service of whoever asks, as they do it.
func (h *house) endService() {
	h.Helper()
	path := regexp.MustCompile(`/portal/services/[^"/]+/end`).FindString(h.Get("/portal/services").Body)
	if a := h.Post(path); a.Status != http.StatusSeeOther {
		h.Fatalf("the service does not end: %d: %s", a.Status, text(a.Body))
	}
}

var stamped = regexp.MustCompile(`name="version" value="([^"]+)"`)

// correct changes a detail of whoever asks, as they do it.
func (h *house) correct(f loot.Field, value string) {
	h.Helper()
	path := "/portal/correct/" + string(f)
	m := stamped.FindStringSubmatch(h.Get(path).Body)
	if m == nil {
		h.Fatalf("%s has no form", f)
	}
	if a := h.Post(path, string(f), value, "version", m[1]); a.Status != http.StatusSeeOther {
		h.Fatalf("%s is not corrected: %d: %s", f, a.Status, text(a.Body))
	}
}

// nightAfter moves the clock and has done what is done every day.
func (h *house) nightAfter(d time.Duration) {
	h.Helper()
	h.Clock.Advance(d)
	ok(h, h.desk.sweep(h.Context(), sweepArgs{}))
	h.Drain()
}

// heldOf returns which fields are held of a person, and until when.
func (h *house) heldOf(s loot.Subject) map[loot.Field]time.Time {
	h.Helper()
	out := map[loot.Field]time.Time{}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		held, err := h.Kit.Vault.Held(ctx, tx, s, collection)
		if loot.KindOf(err) == loot.NotFound {
			return nil
		}
		for f, about := range held {
			out[f] = about.Until
		}
		return err
	})
	return out
}

// erasures returns the fields of each erasure that a person's timeline has.
func (h *house) erasures(s loot.Subject) (out [][]loot.Field) {
	h.Helper()
	for _, it := range h.items(s) {
		if it.Facts.Action == loot.Erase {
			out = append(out, it.Subject.Fields)
			if !slices.Contains(it.Facts.Clauses, "network.purpose") {
				h.Errorf("erased by %v", it.Facts.Clauses)
			}
		}
	}
	return out
}

// TestWhatNothingNeedsIsErased: each detail stays for as long as the longest of
// its purposes says after the last service ended, and with the last of them the
// record goes.
func TestWhatNothingNeedsIsErased(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		hides(t, h.Get("/portal"), "Kept until")
		h.nightAfter(200 * day)
		if n := len(h.heldOf(s)); n != 7 {
			t.Fatalf("%d details are held while the service runs", n)
		}
		h.endService()
		ended := h.Clock.Now()
		shows(t, h.Get("/portal"), http.StatusOK,
			"Kept until "+ended.Add(45*day).Format("2 January 2006"), "Kept until "+ended.Add(90*day).Format("2 January 2006"))

		// A correction does not make it stay.
		h.correct("company.vat", "IE7654321G")
		h.nightAfter(44 * day)
		if n := len(h.heldOf(s)); n != 7 || len(h.erasures(s)) != 0 {
			t.Errorf("after 44 days %d details are held", n)
		}
		h.nightAfter(2 * day) // the law on invoices lets go
		held := h.heldOf(s)
		for _, f := range []loot.Field{"company.vat", "address.street", "address.city", "address.country"} {
			if _, there := held[f]; there {
				t.Errorf("after 46 days %s is held", f)
			}
		}
		if len(held) != 3 {
			t.Errorf("after 46 days is held: %v", held)
		}
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Erased 3 details", "Erased 1 detail", "needs this any longer")
		page := h.Get("/portal")
		shows(t, page, http.StatusOK, "Example Meadow Ltd", "+353 1 555 0100")
		hides(t, page, "1 Sample Quay", "IE7654321G", "IE1234567T")

		h.nightAfter(43 * day)
		if !h.holds(s) || len(h.heldOf(s)) != 3 {
			t.Error("after 89 days it is not there")
		}
		h.nightAfter(2 * day)
		h.Confirm()
		if h.holds(s) {
			t.Error("after 91 days it is there")
		}
		shows(t, h.Get("/portal"), http.StatusNotFound)
		if n := len(h.items(s)); n != 0 {
			t.Errorf("%d entries can still be found", n)
		}
		ok(t, h.Kit.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			services, err := h.desk.needs.Services(t.Context(), tx, s)
			if len(services) != 0 {
				t.Errorf("%d services are left", len(services))
			}
			return err
		}))
	})
}

func TestWhatIsOrderedAgainStays(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		h.endService()
		h.nightAfter(50 * day)
		if a := h.Post("/portal/order/backup", "plan", "backup-500", "address.street", "2 Sample Quay", "address.city", "Exampleton", "address.country", "IE"); a.Status != http.StatusSeeOther {
			t.Fatalf("status %d: %s", a.Status, text(a.Body))
		}
		h.Drain()
		for f, until := range h.heldOf(s) {
			if !until.IsZero() {
				t.Errorf("%s is kept until %v while a service runs", f, until)
			}
		}
		hides(t, h.Get("/portal"), "Kept until")
		h.nightAfter(200 * day)
		shows(t, h.Get("/portal"), http.StatusOK, "Example Meadow Ltd", "2 Sample Quay", "jo@example.com")
	})
}

// onlyFor returns the standard statement with one detail more that a permission alone needs.
func onlyFor(t *testing.T) *statement.Statement {
	t.Helper()
	return desktest.Parse(t, bytes.Replace(statement.Default(), []byte("  payment.iban:\n"), []byte(`  contact.hint:
    title: What you are curious about
    category: contact
    collections: [customer]
    type: text
    max: 200
    needed:
      recommendation: Without it we cannot tell what you would like to hear of.
  payment.iban:
`), 1))
}

// TestAPermissionThatIsTakenBackTakesItsDetailsAlong: and leaves what a service needs.
func TestAPermissionThatIsTakenBackTakesItsDetailsAlong(t *testing.T) {
	t.Parallel()
	s := onlyFor(t)
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, s)
		who := h.register(jo...)
		h.as(who)
		choose := func(give string) {
			if a := h.Post("/portal/permissions/suggestions", "give", give); a.Status != http.StatusSeeOther {
				t.Fatalf("status %d: %s", a.Status, text(a.Body))
			}
		}
		choose("yes")
		h.correct("contact.hint", "Backups, mostly")
		h.correct("contact.hint", "Backups, and mail")
		h.nightAfter(day)
		shows(t, h.Get("/portal"), http.StatusOK, "Backups, mostly", "Backups, and mail")

		choose("no")
		choose("yes") // given again before the night
		h.nightAfter(day)
		shows(t, h.Get("/portal"), http.StatusOK, "Backups, mostly", "Backups, and mail")

		choose("no")
		shows(t, h.Get("/portal"), http.StatusOK, "Kept until "+h.Clock.Now().Format("2 January 2006"))
		h.nightAfter(day)
		page := h.Get("/portal")
		hides(t, page, "Backups, mostly", "Backups, and mail")
		shows(t, page, http.StatusOK, "jo@example.com")
		if got := h.erasures(who); len(got) != 1 || !slices.Equal(got[0], []loot.Field{"contact.hint"}) {
			t.Errorf("erased %v", got)
		}
		if n := len(h.heldOf(who)); n != 7 {
			t.Errorf("%d details are left, want 7", n)
		}

		// After the services, what is still permitted stays.
		choose("yes")
		h.endService()
		h.nightAfter(91 * day)
		if held := h.heldOf(who); len(held) != 3 {
			t.Errorf("for suggestions is held: %v", held)
		}
		choose("no")
		h.nightAfter(day)
		if h.holds(who) {
			t.Error("held after the last permission was taken back")
		}
	})
}

// TestWhatIsHeldIsNotErased: an order to preserve a record holds it, and one of
// secrecy without showing anything.
func TestWhatIsHeldIsNotErased(t *testing.T) {
	t.Parallel()
	before, clause, _ := bytes.Cut(statement.Default(), []byte("{#disclosure.authorities}"))
	serves := desktest.Parse(t, slices.Concat(before, []byte("{#disclosure.authorities}"), bytes.Replace(clause, []byte("status: planned\n"), nil, 1)))
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, serves)
		secret, preserved := h.register(jo...), h.register(with(jo, "contact.email", "an@example.com")...)
		gag := h.Clock.Now().Add(200 * day)
		h.answer(secret, gag)
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			return h.Kit.Gate.Hold(ctx, tx, preserved, gag.Add(day))
		})
		seen := map[loot.Subject]int{}
		for _, s := range []loot.Subject{secret, preserved} {
			h.as(s)
			h.endService()
			seen[s] = len(h.items(s))
		}
		h.nightAfter(91 * day)
		for _, s := range []loot.Subject{secret, preserved} {
			if n := len(h.heldOf(s)); n != 7 {
				t.Errorf("%d details are held", n)
			}
			if n := len(h.items(s)); n != seen[s] {
				t.Errorf("%d entries tell that something is held", n-seen[s])
			}
			h.as(s)
			if page := text(h.Get("/portal").Body); strings.Contains(page, "preserv") || !strings.Contains(page, "as soon as nothing holds it") {
				t.Errorf("the portal shows: %s", page)
			}
		}
		h.nightAfter(112 * day)
		if h.holds(secret) || h.holds(preserved) {
			t.Error("held after the orders ended")
		}
	})
}
