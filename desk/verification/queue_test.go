package verification

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/store"
)

var tabOf = regexp.MustCompile(`<li><a href="([^"]+)"[^>]*>(?:<svg.*?</svg>)?([^<]+) <span class="count">([^<]+)</span></a></li>`)

// counts returns what the tabs of the queue say, by their names.
func (h *house) counts(query string) map[string]string {
	h.Helper()
	out := map[string]string{}
	for _, m := range tabOf.FindAllStringSubmatch(h.Get("/console/checks"+query).Body, -1) {
		out[strings.TrimSpace(m[2])] = m[3]
	}
	return out
}

// TestACaseIsSomebodys: a colleague takes it on, another takes it over, of which the first is
// told, and whoever has it gives it back; the list, its tabs and the case say whose it is.
func TestACaseIsSomebodys(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		one, two := h.hire("m-one", "support"), h.hire("m-two", "billing")
		s := h.customer(meadow("contact.phone", "1", "company.vat", "IE1234567X"))
		m := h.open(s, "contact.phone")
		path := "/console/checks/" + m.ID
		shows(t, h.as(one).Get(path), http.StatusOK, "nobody yet", "Take it on")
		stale := m.Version
		h.taken(h.post(one, m, "/take"))
		shows(t, h.Get(path), http.StatusOK, "Name of m-one", "Give it back", "took it on")
		shows(t, h.post(one, m, "/take"), http.StatusConflict, "already")
		if a := h.as(two).Post(path+"/take", "version", "0"); stale != 0 || a.Status != http.StatusConflict || !strings.Contains(a.Body, "Somebody else changed this case meanwhile") {
			t.Errorf("taken as nobody saw it: %d", a.Status)
		}
		if got := h.as(one).counts(""); got["Open"] != "2" || got["Mine"] != "1" || got["Nobody&#39;s yet"] != "1" || got["Closed"] != "0" || got["Overdue"] != "0" {
			t.Errorf("%v", got)
		}
		a := h.Get("/console/checks?state=mine")
		shows(t, a, http.StatusOK, "Name of m-one")
		if !strings.Contains(a.Body, path) || strings.Contains(a.Body, h.open(s, "company.vat").ID) {
			t.Error("the list of one's own has another case, or lacks theirs")
		}
		if a := h.Get("/console/checks?state=free"); strings.Contains(a.Body, path) || !strings.Contains(a.Body, h.open(s, "company.vat").ID) {
			t.Error("the list of what is nobody's has a case that is somebody's, or lacks the other")
		}

		shows(t, h.post(two, m, "/back"), http.StatusConflict, "cannot give it back")
		shows(t, h.Get(path), http.StatusOK, "Take it over", "gets a letter")
		if _, told := h.Mail.Last("m-one@staff.example"); told {
			t.Error("told before it was taken over")
		}
		h.taken(h.post(two, m, "/take"))
		shows(t, h.Get(path), http.StatusOK, "Name of m-two", "Name of m-two took it over")
		if letter, told := h.Mail.Last("m-one@staff.example"); !told || letter.Subject != "A check that you dealt with was taken over" || !strings.Contains(letter.Text, "Name of m-two deals from now on") || strings.Contains(letter.Text, "Meadow") {
			t.Errorf("whose case it was is told %q", letter.Text)
		}
		if a, b := h.as(one).counts(""), h.as(two).counts(""); a["Mine"] != "0" || b["Mine"] != "1" {
			t.Errorf("%v, %v", a, b)
		}
		h.taken(h.post(two, m, "/back"))
		shows(t, h.Get(path), http.StatusOK, "nobody yet", "gave it back")
		h.as(two).lacksOwner(m)

		h.newbies = append(h.newbies, "m-new")
		for _, who := range []loot.Actor{h.hire("m-new", "support"), h.hire("m-abuse", "abuse")} {
			shows(t, h.post(who, m, "/take", "version", "3"), http.StatusForbidden)
			lacks(t, h.Get(path), "Take it on")
		}
		h.taken(h.post(one, m, "", "decision", "right", "reason", "Asked them."))
		shows(t, h.Get("/console/checks?state=closed"), http.StatusOK, "Name of m-one")
		shows(t, h.post(two, m, "/take", "version", "4"), http.StatusConflict, "closed")
		lacks(t, h.Get(path), "Take it o")
	})
}

func (h *house) lacksOwner(m matter) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		now, err := findMatter(ctx, tx, m.ID, "")
		if now.Owner != "" {
			h.Errorf("it is %s's", now.Owner)
		}
		return err
	})
}

// TestWhatNobodyAgreesToIsNobodys: whoever does not agree puts a case back into the queue.
func TestWhatNobodyAgreesToIsNobodys(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		one, two := h.hire("m-one", "billing"), h.hire("m-two", "billing")
		s := h.customer(meadow("payment.iban", "IE29 AIBK 9311 5212 3456 78"))
		h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "payment.iban", "text", "It closed."))
		m := h.open(s, "payment.iban")
		h.taken(h.post(one, m, "", "decision", "refused", "reason", "It is open."))
		shows(t, h.Get("/console/checks?state=mine"), http.StatusOK, "Name of m-one", "needs a second person")
		h.taken(h.post(two, m, "/second", "agree", "no", "reason", "Ask the bank."))
		h.lacksOwner(m)
	})
}

// TestTheQueueIsNarrowed by kind and by detail, in a form that needs no script, and the tabs
// count what they lead to.
func TestTheQueueIsNarrowed(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		support := h.hire("m-support", "support")
		s := h.customer(meadow("contact.phone", "1", "company.vat", "IE1234567X"))
		h.taken(h.as(person(s)).Post("/portal/checks/wrong", "field", "contact.phone", "text", "We moved."))
		all := map[string]string{}
		for _, m := range h.standing(s).cases {
			all[m.Kind+" "+string(m.Field)] = m.ID
		}
		if len(all) != 3 {
			t.Fatalf("%v", all)
		}
		h.as(support)
		a := h.Get("/console/checks")
		shows(t, a, http.StatusOK, "All kinds", "All details")
		if !strings.Contains(a.Body, `<form class="filter" action="/console/checks">`) {
			t.Error("there is no form to narrow it")
		}
		for query, want := range map[string][]string{
			"?kind=check":                       {"check contact.phone", "check company.vat"},
			"?field=contact.phone":              {"check contact.phone", "mistake contact.phone"},
			"?kind=mistake&field=contact.phone": {"mistake contact.phone"},
			"?kind=mistake&field=company.vat":   {},
			"?kind=none&field=none":             {"check contact.phone", "check company.vat", "mistake contact.phone"},
			"?state=free&field=company.vat":     {"check company.vat"},
			"?state=mine&field=company.vat":     {},
		} {
			a := h.Get("/console/checks" + query)
			for name, id := range all {
				want := strings.Contains(strings.Join(want, ","), name)
				if strings.Contains(a.Body, id) != want {
					t.Errorf("%s: %s is there: %v", query, name, !want)
				}
			}
		}
		if got := h.counts("?kind=mistake&field=contact.phone"); got["Open"] != "1" || got["Closed"] != "0" {
			t.Errorf("%v", got)
		}
		shows(t, h.Get("/console/checks?kind=mistake&field=company.vat"), http.StatusOK, "None of these", "Show all")
		h.Clock.Advance(15 * 24 * time.Hour)
		if got := h.counts(""); got["Overdue"] != "3" {
			t.Errorf("%v", got)
		}
		a = h.Get("/console/checks?state=late&kind=mistake")
		if !strings.Contains(a.Body, all["mistake contact.phone"]) || strings.Contains(a.Body, all["check company.vat"]) {
			t.Error("what is overdue is not narrowed")
		}
		desktest.Hides(t, a, "We moved")
	})
}

// TestWhoDealsWithItIsReminded, and everybody where nobody does.
func TestWhoDealsWithItIsReminded(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		one := h.hire("m-one", "support")
		h.hire("m-two", "support")
		s := h.customer(meadow("contact.phone", "1", "company.vat", "IE1234567X"))
		h.taken(h.post(one, h.open(s, "contact.phone"), "/take"))
		h.Clock.Advance(11 * 24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		for who, want := range map[string]string{"m-one": "2 checks are due soon", "m-two": "1 check is due soon"} {
			if m, _ := h.Mail.Last(who + "@staff.example"); m.Subject != want {
				t.Errorf("%s: %q", who, m.Subject)
			}
		}
	})
}
