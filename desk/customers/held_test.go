package customers

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

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
		h.Post("/portal/objections/support", "object", "yes")
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
	})
}

func TestTitlesWithinASentence(t *testing.T) {
	got := inSentence([]string{"Street and number", "Town or city", "E-mail address", "VAT number", "Country"})
	if want := "street and number, town or city, e-mail address, VAT number and country"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
