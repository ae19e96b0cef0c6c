package customers

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/desk/signin"
	"loot/desk/verification"
	"loot/mail"
	"loot/store"
)

// withSignIn runs f in a house that has the desk for signing in, on each database.
func withSignIn(t *testing.T, f func(*testing.T, *house), beside ...func(desk.Kit) (desk.Desk, error)) {
	t.Helper()
	t.Parallel()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		f(t, newHouse(t, db, desktest.Standard(t), append(beside, func(kit desk.Kit) (desk.Desk, error) {
			d, err := signin.New(kit, signin.Options{}, signin.Accounts{})
			if err != nil {
				return desk.Desk{}, err
			}
			return d.Desk(), nil
		})...))
	})
}

// TestALinkProvesTheAddress: an address that a program found possible is verified by the link
// in a letter to it, and so is one that takes its place, which is checked anew.
func TestALinkProvesTheAddress(t *testing.T) {
	withSignIn(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.Drain()
		h.as(s)
		row := func(state string, methods ...string) {
			t.Helper()
			h.Drain()
			_, row, _ := strings.Cut(h.Get("/portal/checks").Body, `<th scope="row">E-mail address</th>`)
			row, _, _ = strings.Cut(row, "</tr>")
			for _, want := range append(methods, state) {
				if !strings.Contains(text(row), want) {
					t.Errorf("not %q: %s", want, text(row))
				}
			}
		}
		row("checked", "Form of the address")
		h.Clock.Advance(time.Minute)
		h.enter("jo@example.com")
		row("verified", "Single-use link in a letter to it")

		h.Post("/portal/correct/contact.email", "contact.email", "jo@meadow.example", "version", version(t, h.Get("/portal/correct/contact.email")))
		_, link := h.letters("jo@meadow.example")
		stop := make(chan bool)
		go func() { // as clocks do, it goes on while the link is used
			for {
				select {
				case <-stop:
					return
				default:
					h.Clock.Advance(time.Microsecond)
				}
			}
		}()
		a := h.Post(link)
		stop <- true
		if a.Status != http.StatusSeeOther {
			t.Fatalf("status %d: %s", a.Status, text(a.Body))
		}
		row("verified", "Single-use link in a letter to it")

		h.Post("/portal/checks/wrong", "field", "contact.email", "text", "It is not mine.")
		h.Post("/signin", "email", "jo@meadow.example")
		h.enter("jo@meadow.example")
		row("disputed")
	}, func(kit desk.Kit) (desk.Desk, error) {
		d, err := verification.New(kit, desk.Staff{}, verification.Invoices{}, verification.Options{})
		if err != nil {
			return desk.Desk{}, err
		}
		return d.Desk(), nil
	})
}

var letterLink = regexp.MustCompile(`https://loot\.example(/(?:confirm|signin/link)/[a-z2-7]+)`)

// letters returns what was sent to an address, and the path of the latest link.
func (h *house) letters(to string) (all []mail.Message, link string) {
	h.Helper()
	h.Drain()
	for _, m := range h.Mail.Sent() {
		if m.To != to {
			continue
		}
		all = append(all, m)
		if l := letterLink.FindStringSubmatch(m.Text); l != nil {
			link = l[1]
		}
	}
	return all, link
}

// enter opens the latest link that was sent to an address.
func (h *house) enter(address string) {
	h.Helper()
	_, link := h.letters(address)
	if a := h.Post(link); a.Status != http.StatusSeeOther {
		h.Fatalf("%s: %d", link, a.Status)
	}
}

// signInFinds reports whether a link to sign in is sent to an address.
func (h *house) signInFinds(address string) bool {
	h.Helper()
	before, _ := h.letters(address)
	h.Post("/signin", "email", address)
	after, _ := h.letters(address)
	return len(after) > len(before)
}

// TestAQuotedAddressIsAnAddress: whoever has one orders with it, confirms it and signs in.
func TestAQuotedAddressIsAnAddress(t *testing.T) {
	const quoted = `"jo @ meadow"@example.com`
	withSignIn(t, func(t *testing.T, h *house) {
		s := h.register(with(jo, "contact.email", `"jo @ meadow"@Example.COM`)...)
		h.as(s)
		h.enter(quoted)
		shows(t, h.Get("/portal"), http.StatusOK, quoted, "Verified by the link in a letter to it, 23 Nov 2026")
		if !h.signInFinds(quoted) {
			t.Error("nobody signs in with it")
		}
	})
}

func TestAnotherAddressCountsOnceItsOwnerConfirmedIt(t *testing.T) {
	const former, next = "jo@example.com", "jo@meadow.example"
	withSignIn(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		shows(t, h.Get("/portal"), http.StatusOK, "not checked", "Not confirmed")
		h.enter(former)
		shows(t, h.Get("/portal"), http.StatusOK, "verified", "Verified by the link in a letter to it, 23 Nov 2026")

		// A session that began long ago changes no address, and other details it does.
		v := version(t, h.Get("/portal/correct/contact.email"))
		h.idle = time.Hour
		shows(t, h.Post("/portal/correct/contact.email", "contact.email", next, "version", v), http.StatusUnauthorized, "sign in again")
		if a := h.Get("/portal/correct/contact.email"); a.Status == http.StatusOK {
			t.Error("the form is shown in an old session")
		}
		shows(t, h.Get("/portal/correct/contact.phone"), http.StatusOK, "Telephone")
		h.idle = 0
		if all, _ := h.letters(next); len(all) > 0 {
			t.Fatal("the change was begun")
		}

		shows(t, h.Post("/portal/correct/contact.email", "contact.email", "nobody", "version", v), http.StatusUnprocessableEntity, "not an e-mail address")
		if a := h.Post("/portal/correct/contact.email", "contact.email", next, "version", v); a.Status != http.StatusSeeOther {
			t.Fatalf("status %d: %s", a.Status, text(a.Body))
		}
		told, _ := h.letters(former)
		if len(told) != 2 || !strings.Contains(told[1].Subject, "about to be changed") || strings.Contains(told[1].Text, next) {
			t.Errorf("the former address got %d letters", len(told))
		}
		_, first := h.letters(next)
		page := h.Get("/portal")
		shows(t, page, http.StatusOK, former, next+" waits for confirmation", "by 26 November, 09:00 UTC", "Send the link again", "Give it up")
		if h.signInFinds(next) || !h.signInFinds(former) {
			t.Error("an address counts that nobody confirmed")
		}
		_, enter := h.letters(former)
		if !h.use("signin", "access", s, "contact.email") {
			t.Error("the address that counts is not used")
		}
		copied, _ := h.copied(s)
		for _, f := range copied.Fields {
			if f.Field == "contact.email" && (f.Value != former || f.Waiting != next) {
				t.Errorf("the copy: %+v", f)
			}
		}

		// Sent again: the former link is worth nothing, and no GET confirms.
		h.Post("/portal/address/again")
		_, second := h.letters(next)
		if again, _ := h.letters(former); again[len(again)-1].ID != told[1].ID {
			t.Error("the former address is told of one change twice")
		}
		shows(t, h.Post(first), http.StatusNotFound, "does not work")
		shows(t, h.Get(second), http.StatusOK, "Is this address yours?", "Yes, it is mine")
		shows(t, h.Get("/portal"), http.StatusOK, "waits for confirmation")
		h.Actor = loot.Actor{} // whoever opens it need not be signed in
		if a := h.Post(second); a.Status != http.StatusSeeOther {
			t.Fatalf("status %d: %s", a.Status, text(a.Body))
		}
		h.as(s)
		page = h.Get("/portal")
		shows(t, page, http.StatusOK, next, "verified", "you, in your portal")
		hides(t, withoutFolds(page), former, "waits for confirmation")
		if h.signInFinds(former) || !h.signInFinds(next) {
			t.Error("signing in goes by the former address")
		}
		shows(t, h.Post(enter), http.StatusNotFound, "does not work")
		shows(t, h.Post(second), http.StatusNotFound, "does not work")
	})
}

func TestAnAddressThatWaitsIsGivenUpOrReplaced(t *testing.T) {
	withSignIn(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		h.enter("jo@example.com")
		propose := func(address string) string {
			t.Helper()
			h.Post("/portal/correct/contact.email", "contact.email", address, "version", version(t, h.Get("/portal/correct/contact.email")))
			_, link := h.letters(address)
			return link
		}
		given := propose("typo@example.com")
		replaced := propose("other@example.com")
		shows(t, h.Post(given), http.StatusNotFound, "does not work")
		h.Post("/portal/address/keep")
		page := h.Get("/portal")
		shows(t, page, http.StatusOK, "jo@example.com", "verified")
		hides(t, page, "waits for confirmation", "other@example.com")
		shows(t, h.Post(replaced), http.StatusNotFound, "does not work")

		late := propose("late@example.com")
		h.Clock.Advance(73 * time.Hour)
		shows(t, h.Post(late), http.StatusNotFound, "does not work")
		hides(t, h.Get("/portal"), "late@example.com")
		ok(t, h.Kit.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			p, err := h.Kit.Gate.Person(t.Context(), tx, s)
			if !p.Confirmed {
				t.Error("the address that stayed is no longer confirmed")
			}
			return err
		}))
	})
}

// Nothing is said to be sent where no mail server is set, and nothing of an
// outbox where one is.
func TestAnAddressThatWaitsSaysWhereItsLinkIs(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.as(h.register(jo...))
		change := func() {
			t.Helper()
			v := version(t, h.Get("/portal/correct/contact.email"))
			h.Post("/portal/correct/contact.email", "contact.email", "jo@meadow.example", "version", v)
		}
		shows(t, h.Get("/portal/correct/contact.phone"), http.StatusOK, "counts from now on")
		form := h.Get("/portal/correct/contact.email")
		shows(t, form, http.StatusOK, "the link that we send to it")
		hides(t, form, "outbox", "counts from now on")
		change()
		page := h.Get("/portal")
		shows(t, page, http.StatusOK, "We have sent a link to the new address", "A link to it was sent", "Send the link again")
		hides(t, page, "outbox")
		h.Post("/portal/address/again")
		shows(t, h.Get("/portal"), http.StatusOK, "another link is on its way")

		h.desk.Mail = &mail.Outbox{}
		shows(t, h.Get("/portal/correct/contact.email"), http.StatusOK, "the link waits in the outbox of the console")
		change()
		page = h.Get("/portal")
		shows(t, page, http.StatusOK, "its link is in the outbox of the console", "The link to it is in the outbox of the console", "Make another link")
		hides(t, page, "We have sent", "was sent", "Send the link")
		h.Post("/portal/address/again")
		shows(t, h.Get("/portal"), http.StatusOK, "another link is in the outbox of the console")
	})
}

func TestStaffAndProgramsChangeNoAddressByThemselves(t *testing.T) {
	withSignIn(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		base := "/console/customers/" + string(s)
		h.asStaff("member-one", "support")
		v := version(t, h.open(s, "support"))
		asked := []string{"purpose", "support", "reason", "Ticket 7", "field", "contact.email", "version", v, "contact.email", "jo@desk.example"}
		if a := h.Post(base+"/save", asked...); a.Status != http.StatusSeeOther {
			t.Fatalf("status %d: %s", a.Status, text(a.Body))
		}
		a := h.open(s, "support")
		shows(t, a, http.StatusOK, "We have sent a link to the new address", "Another one waits for confirmation")
		hides(t, a, "desk.example")
		if all, _ := h.letters("jo@example.com"); len(all) != 1 {
			t.Errorf("an address that was never confirmed got %d letters, want the first link alone", len(all))
		}

		c := h.api(loot.Actor{Kind: loot.Staff, ID: "member-one", Roles: []loot.Role{"support"}}, "customers:open", "customers:correct")
		status, _, body := c.call(http.MethodPost, "/api/customers/"+string(s)+"/open", `{"purpose":"support","reason":"Ticket 8"}`)
		var opened struct {
			Version string
			Fields  map[string]struct{ Waits bool }
		}
		if ok(t, json.Unmarshal([]byte(body), &opened)); status != http.StatusOK || !opened.Fields["contact.email"].Waits || opened.Fields["contact.phone"].Waits {
			t.Fatalf("open: %d %s", status, body)
		}
		if status, _, body = c.call(http.MethodPatch, "/api/customers/"+string(s), `{"purpose":"support","reason":"Ticket 8","version":"`+opened.Version+
			`","fields":{"contact.email":"jo@api.example","contact.phone":"+353 1 555 0199"}}`); status != http.StatusOK {
			t.Fatalf("correct: %d %s", status, body)
		}
		_, link := h.letters("jo@api.example")
		h.as(s)
		shows(t, h.Get("/portal"), http.StatusOK, "jo@example.com", "jo@api.example waits for confirmation", "+353 1 555 0199", "our staff, for “helping you”")
		h.Post(link)
		page := h.Get("/portal")
		shows(t, page, http.StatusOK, "jo@api.example", "verified")
		hides(t, withoutFolds(page), "jo@example.com", "desk.example")
		hides(t, page, "desk.example")
	})
}
