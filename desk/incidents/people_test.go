package incidents

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/ledger"
	"loot/mail"
	"loot/store"
)

// customer makes somebody who ordered a service and gave what is named.
func (h *house) customer(given map[loot.Field]string) (loot.Subject, gate.Ordered) {
	return h.Customer(customer, "service", given)
}

// damage changes a record in the database.
func (h *house) damage(s loot.Subject) error {
	return h.Kit.DB.InTx(h.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(h.Context(), `UPDATE vault_record SET version = version + 7 WHERE subject = $1`, s.Compact())
		return err
	})
}

// about sends one of the forms about people.
func (h *house) about(by loot.Actor, path, which string, s loot.Subject, pairs ...string) (status int, page string) {
	h.t.Helper()
	version := "1"
	if m := versionField.FindStringSubmatch(h.as(by).Get(path).Body); m != nil {
		version = m[1]
	}
	a := h.Post(path+"/people/"+which, append(pairs, "version", version, "subject", string(s))...)
	return a.Status, read(a.Body)
}

var told = []string{"happened", "A list went to a stranger.", "means", "They know your address.", "doing", "The list is back; beware of letters."}

// TestThoseConcernedAreToldBeforeClosing: at high risk, by a letter with what
// staff wrote, which stands in their timeline.
func TestThoseConcernedAreToldBeforeClosing(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		dpo, support := h.hire("t-dpo", "dpo"), h.hire("t-support", "support")
		s, _ := h.customer(map[loot.Field]string{"company.name": "Example Meadow Ltd", "contact.email": "jo@example.com"})
		path := h.report(support, "")
		h.take(dpo, path)
		if status, _ := h.about(support, path, naming, s); status != http.StatusForbidden {
			t.Errorf("named by whoever may not: %d", status)
		}
		if status, page := h.about(dpo, path, naming, loot.NewSubject()); status != http.StatusUnprocessableEntity || !strings.Contains(page, "There is no customer with this id.") {
			t.Errorf("%d: %s", status, page)
		}
		if status, page := h.about(dpo, path, naming, "https://privacy.example.com/console/customers/"+s); status != http.StatusSeeOther {
			t.Fatalf("%d: %s", status, page)
		}
		says(t, h.Get(path), http.StatusOK, string(s), "not told yet", "Send the letter", "The customer is named. They hear of it by the letter")
		h.assess(dpo, path, "high")
		h.step(dpo, path, "told")
		const wait = "It was decided that the people concerned are told before closing: 1 customer has not been told."
		says(t, h.step(dpo, path, "closing"), http.StatusConflict, wait)
		if status, page := h.about(dpo, path, excuse, s, "why", "No time."); status != http.StatusConflict || !strings.Contains(page, "This customer can be told") {
			t.Errorf("excused: %d: %s", status, page)
		}
		if status, _ := h.about(dpo, path, letter, s, "happened", "Something."); status != http.StatusUnprocessableEntity {
			t.Errorf("a letter that says too little: %d", status)
		}
		if status, page := h.about(dpo, path, letter, s, told...); status != http.StatusSeeOther {
			t.Fatalf("%d: %s", status, page)
		}
		h.Confirm()
		m, sent := h.Mail.Last("jo@example.com")
		for _, want := range []string{"A list went to a stranger.", "They know your address.", "beware of letters"} {
			if !sent || !strings.Contains(strings.Join(strings.Fields(m.Text), " "), want) {
				t.Errorf("the letter does not say %q: %s", want, m.Text)
			}
		}
		if m.About != s || m.Collection != customer || h.Mail.Count() != 1 {
			t.Errorf("%d letters, about %q", h.Mail.Count(), m.About)
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			items, err := h.Kit.Ledger.Timeline(ctx, tx, s, customer, "", 50)
			if !slices.ContainsFunc(items, func(it ledger.Item) bool {
				return it.Facts.Note == "person.told" && slices.Equal(it.Facts.Clauses, Keeps)
			}) {
				t.Errorf("their timeline does not say so: %+v", items)
			}
			copied, err2 := h.desk.Export(ctx, tx, s)
			if all, _ := copied.([]exportedIncident); len(all) != 1 || !strings.Contains(all[0].Letter, "They know your address.") {
				t.Errorf("their copy does not say what the letter said: %+v", copied)
			}
			return errors.Join(err, err2)
		})
		says(t, h.Get(path), http.StatusOK, "told 23 Nov 2026", "Letter to a customer", "They know your address.")
		if status, _ := h.about(dpo, path, letter, s, told...); status != http.StatusConflict {
			t.Errorf("told twice: %d", status)
		}
		if a := h.step(dpo, path, "closing"); a.Status != http.StatusSeeOther {
			t.Errorf("%d: %s", a.Status, read(a.Body))
		}
	})
}

// TestWhoCannotBeToldIsNoted: whoever is erased, gave no address or may not be
// written to any longer, with a reason.
func TestWhoCannotBeToldIsNoted(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		dpo := h.hire("t-dpo", "dpo")
		given := map[loot.Field]string{"company.name": "Example Meadow Ltd", "contact.email": "jo@example.com"}
		erased, ended := h.customer(given)
		past, pastOrder := h.customer(given)
		bounces, _ := h.customer(given)
		waits, _ := h.customer(given)
		damaged, _ := h.customer(given)
		silent, _ := h.customer(map[loot.Field]string{"company.name": "Example Field Ltd"})
		path := h.report(dpo, "")
		h.take(dpo, path)
		for _, s := range []loot.Subject{erased, past, silent, bounces, waits, damaged} {
			if status, page := h.about(dpo, path, naming, s); status != http.StatusSeeOther {
				t.Fatalf("%d: %s", status, page)
			}
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			for _, o := range []gate.Ordered{ended, pastOrder} {
				if err := h.Kit.Gate.EndOrder(ctx, tx, o); err != nil {
					return err
				}
			}
			return nil
		})
		h.Clock.Advance(100 * 24 * time.Hour)
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			p, err := h.Kit.Gate.Decide(ctx, tx, gate.Request{
				Action: loot.Erase, Actor: loot.Actor{Kind: loot.Person, ID: string(erased)}, Purpose: "access", Subject: erased, Collection: customer,
				Fields: []loot.Field{"company.name", "contact.email"},
			})
			if err != nil {
				return err
			}
			if err := h.Kit.Vault.Erase(ctx, tx, p); err != nil {
				return err
			}
			return h.desk.Erase(ctx, tx, erased)
		})
		if status, _ := h.about(dpo, path, letter, erased, told...); status != http.StatusConflict {
			t.Errorf("written to who is erased: %d", status)
		}
		hides(t, h.Get(path), string(erased))
		if status, page := h.about(dpo, path, naming, erased); status != http.StatusUnprocessableEntity || !strings.Contains(page, "There is no customer with this id.") {
			t.Errorf("named, and erased before: %d: %s", status, page)
		}
		m := regexp.MustCompile(`<code>(s[0-9a-z]{26})</code></dt><dd>[^<]*<[^>]*>[^<]*(<svg.*?</svg>)?[^<]*erased`).FindStringSubmatch(h.Get(path).Body)
		if m == nil {
			t.Fatalf("nobody is said to be erased: %s", h.Get(path).Body)
		}
		erased = loot.Subject(m[1])
		if status, page := h.about(dpo, path, letter, past, told...); status != http.StatusSeeOther {
			t.Fatalf("%d: %s", status, page)
		}
		if status, page := h.about(dpo, path, letter, erased, told...); status != http.StatusConflict || !strings.Contains(page, "erased") {
			t.Errorf("%d: %s", status, page)
		}
		h.Mail.Fail(fmt.Errorf("550: %w", mail.ErrRejected))
		if status, page := h.about(dpo, path, letter, bounces, told...); status != http.StatusSeeOther {
			t.Fatalf("%d: %s", status, page)
		}
		h.Drain()
		h.Tx(func(ctx context.Context, tx *store.Tx) error { // a letter that waits for a mail server that is down
			_, err := tx.Exec(ctx, `UPDATE incidents_person SET note = 'n1' WHERE subject = $1`, waits)
			return err
		})
		desktest.OK(t, h.damage(damaged))
		if h.Mail.Count() != 0 {
			t.Error("somebody was written to whom no clause lets us write to")
		}
		says(t, h.Get(path), http.StatusOK, "erased: nothing is held of them", "has no address", "the letter could not be sent", "their record is damaged", "the letter is on its way", "Why they cannot be told")
		h.assess(dpo, path, "high")
		h.step(dpo, path, "told")
		for i, s := range []loot.Subject{erased, past, silent, bounces, waits, damaged} {
			says(t, h.step(dpo, path, "closing"), http.StatusConflict, loot.Plural(6-i, "customer has not been told", "customers have not been told"))
			if status, page := h.about(dpo, path, excuse, s, "why", "Nobody is there to write to."); status != http.StatusSeeOther {
				t.Fatalf("%d: %s", status, page)
			}
		}
		if a := h.step(dpo, path, "closing"); a.Status != http.StatusSeeOther {
			t.Errorf("%d: %s", a.Status, read(a.Body))
		}
		says(t, h.Get(path), http.StatusOK, "not told, for a reason that is noted", "Nobody is there to write to.")
	})
}
