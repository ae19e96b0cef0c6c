package customers

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/store"
	"loot/web"
	"loot/web/webtest"
)

// heldRow returns what the portal shows of one field.
func heldRow(t *testing.T, page webtest.Answer, title string) string {
	t.Helper()
	_, row, found := strings.Cut(page.Body, `<p class="row-text">`+title)
	if !found {
		t.Fatalf("no field %q: %s", title, text(page.Body))
	}
	row, _, _ = strings.Cut(row, `<p class="row-text">`)
	return row
}

var folded = regexp.MustCompile(`(?s)<details class="fold">.*?</details>`)

// withoutFolds returns a page without what is folded, such as earlier values.
func withoutFolds(a webtest.Answer) webtest.Answer {
	a.Body = folded.ReplaceAllString(a.Body, "")
	return a
}

// TestTheRecordSaysWhatReallyHolds: the clauses are those that the gate cites,
// whoever the statement lets help stands among those who may open a detail,
// and how long it stays is the same on every page.
func TestTheRecordSaysWhatReallyHolds(t *testing.T) {
	cited := regexp.MustCompile(`<strong>([^<]*)</strong> <span class="badge[^>]*>[^<]*</span><br><span class="muted">[^<]*</span> <a class="clause" href="/statement#([^"]+)"`)
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(with(jo, "contact.phone", "+353  1 555 0100")...)
		h.as(s)
		page := h.Get("/portal")
		clauses := map[string]string{}
		for _, m := range cited.FindAllStringSubmatch(heldRow(t, page, "E-mail address"), -1) {
			clauses[m[1]] = m[2]
		}
		for title, want := range map[string]string{
			"Running your service": "network.purpose", "Newsletters": "disclosure.permission", "Suggestions that fit your servers": "disclosure.permission",
			"Offers from a partner": "disclosure.permission", "Keeping the network safe": "collection.safety", "Helping you": "security.staff",
		} {
			if clauses[title] != want {
				t.Errorf("%s cites %q, want %q", title, clauses[title], want)
			}
		}

		const helper = "Kelpwharf Data Centres"
		if row := text(heldRow(t, page, "Company name")); !strings.Contains(row, helper+" For helping you; under its agreement, and once you were told") {
			t.Errorf("who helps does not stand among those who may open it: %s", row)
		}
		if strings.Contains(heldRow(t, page, "Town or city"), helper) {
			t.Error("a partner opens what it has no purpose for")
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			return h.Kit.Gate.Object(ctx, tx, s, collection, h.Actor, "support", true)
		})
		if strings.Contains(h.Get("/portal").Body, helper) {
			t.Error("a partner opens what the customer objects to")
		}

		shows(t, page, http.StatusOK, "+353 1 555 0100", "While your services run, and 90 days after the last one ended")
		a := h.Get("/portal/permissions")
		shows(t, a, http.StatusOK, "Until the service ends; the details stay 90 days after it", "Until 45 days after the service ended", "company name, country and e-mail address")
		hides(t, a, "Ends with the service")
		a = h.Get("/portal/services")
		shows(t, a, http.StatusOK, "Shared hosting")
		if code := regexp.MustCompile(`<code>[^<]*</code>`).FindString(a.Body); code != "" {
			t.Errorf("an id of ours is shown: %s", code)
		}

		h.asStaff("member-one", "support")
		for _, phone := range []string{"+353 1 555 0100", "00353-1-555-0100"} {
			shows(t, h.Post("/console/customers/"+string(s)+"/reveal", "purpose", "support", "reason", "x", "field", "contact.phone"), http.StatusOK, "+353 1 555 0100")
			v := version(t, h.open(s, "support"))
			h.Post("/console/customers/"+string(s)+"/save", "purpose", "support", "reason", "x", "field", "contact.phone", "version", v, "contact.phone", phone)
		}
		h.as(s)
		shows(t, h.Get("/portal"), http.StatusOK, "+353-1-555-0100")

		freeze := func(id string, fields ...loot.Field) {
			h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.Kit.Gate.Freeze(ctx, tx, s, id, fields...) })
		}
		freeze("one", "contact.phone") // of which a mistake was reported
		hides(t, h.Get("/portal"), "Your record is frozen.")
		freeze("whole")
		shows(t, h.Get("/portal"), http.StatusOK, "Your record is frozen.")
	})
}

func TestTitlesWithinASentence(t *testing.T) {
	got := inSentence([]string{"Street and number", "Town or city", "E-mail address", "VAT number", "Country"})
	if want := "street and number, town or city, e-mail address, VAT number and country"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestChecksStandBesideTheDetails: how it was checked, for colleagues who open it too,
// and what its customer can ask; and whoever checks hears that something was changed.
func TestChecksStandBesideTheDetails(t *testing.T) {
	db := desktest.One(t)
	heard := make(chan string, 8)
	h := newHouse(t, db, desktest.Standard(t), func(k desk.Kit) (desk.Desk, error) {
		k.Jobs.Listen("record.changed", "test.changed", func(_ context.Context, id string) error {
			heard <- id
			return nil
		})
		return desk.Desk{Name: "listener"}, nil
	})
	h.desk.needs.Checks = func(context.Context, *store.Tx, loot.Subject) (map[loot.Field]Check, error) {
		return map[loot.Field]Check{"company.vat": {
			Facts:   []web.Fact{{Term: "Checked", Value: "5 May 2026"}, {Term: "By", Value: "Billing"}},
			Actions: []web.Action{{Label: "Have it looked at", Href: "/portal/checks", Post: true}},
		}}, nil
	}
	s := h.register(jo...)
	h.as(s)
	shows(t, h.Get("/portal"), http.StatusOK, "Checks and answers", "Checked 5 May 2026", "Have it looked at")
	h.Actor = loot.Actor{Kind: loot.Staff, ID: "member-one", Roles: []loot.Role{"support"}}
	card := h.Get("/console/customers/" + string(s))
	for _, leads := range []string{"/console/checks?customer=", "/console/billing?of="} {
		if card.Status != http.StatusOK || !strings.Contains(card.Body, leads+string(s)) {
			t.Errorf("their page does not lead to %s", leads)
		}
	}
	h.as(s)
	version := valueIn.FindStringSubmatch(h.Get("/portal/correct/address.city").Body)
	if version == nil {
		t.Fatal("the form has no version")
	}
	if a := h.Post("/portal/correct/address.city", "version", version[1], "address.city", "Corkville"); a.Status != http.StatusSeeOther {
		t.Fatal(a.Status, text(a.Body))
	}
	h.Drain()
	select {
	case id := <-heard:
		if id != string(s) {
			t.Error(id)
		}
	default:
		t.Error("nobody heard that the record was changed")
	}
	h.asStaff("member-one", "billing")
	a := h.open(s, "invoice")
	shows(t, a, http.StatusOK, "Checked: 5 May 2026", "By: Billing")
	hides(t, a, "Have it looked at")
	shows(t, h.Post("/console/customers/"+string(s)+"/reveal", "purpose", "invoice", "reason", "Ticket 7", "field", "company.vat"), http.StatusOK, "IE1234567T", "Checked: 5 May 2026")
}

var valueIn = regexp.MustCompile(`name="version" value="([^"]+)"`)
