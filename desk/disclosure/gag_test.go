package disclosure

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"loot"
)

// random is what differs between two people of whom the same is known.
var random = regexp.MustCompile(`\b[a-z][0-9a-z]{26}\b|"receipt": "[^"]*"|name="(csrf|sent|version)" value="[^"]*"|\b(jo|an)@example\.com`)

// portal returns all that a person sees of themself, without what is random.
func (h *house) portal(s loot.Subject) string {
	h.Helper()
	h.Actor = loot.Actor{Kind: loot.Person, ID: string(s)}
	h.Confirm()
	h.Get("/portal") // with what was said to whoever did something before
	var b strings.Builder
	for _, path := range []string{"/portal", "/portal/permissions", "/portal/timeline", "/portal/account"} {
		h.Confirm()
		a := h.Get(path)
		b.WriteString(path + " " + strconv.Itoa(a.Status) + "\n" + a.Body)
	}
	return random.ReplaceAllString(strings.ReplaceAll(b.String(), string(s), "s"), "x")
}

// TestACourtsRequestUnderAGag: from intake to the notice, the person and whoever looks
// at their portal sees nothing of it until the secrecy has ended, extended once; the
// search, the erasure that waits and what they take along are as unseen. Then the letter
// goes by itself and the entries are there.
func TestACourtsRequestUnderAGag(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		secret, other := h.person("jo@example.com"), h.person("an@example.com")
		h.as("t-counsel")
		id := h.enter("court", "order", "gag", h.inDays(20), "@document", scan, "@order", scan)
		shows(t, h.do(id, "secrecy", "gag", h.inDays(30)), http.StatusUnprocessableEntity, "Secrecy is ordered or extended only by its document.")
		h.leads(h.do(id, "person", "by", "contact.email", "value", "jo@example.com"))
		if got := h.request(id).Subject; got != secret {
			t.Fatalf("the search found %q", got)
		}
		h.leads(h.do(id, "assess", lawful("contact")...))
		h.leads(h.do(id, "ask", "field", "contact.email", "extent", whole))
		ok(t, h.vote(id, "t-dpo", true))
		if a := h.do(id, "answer"); a.Status != http.StatusOK {
			t.Fatal(a.Status, text(a.Body))
		}
		h.leads(h.do(id, "secrecy", "gag", h.inDays(40), "@file", scan))
		h.leads(h.do(id, "close", "receipt", "By courier; the registry confirmed it."))

		if a, b := h.portal(secret), h.portal(other); a != b {
			t.Errorf("the one under a gag sees something else: %s", difference(a, b))
		}
		for _, s := range []loot.Subject{secret, other} {
			h.Actor = loot.Actor{Kind: loot.Person, ID: string(s)}
			h.leads(h.Post("/portal/account/erase", "sure", "yes"))
		}
		if a, b := h.portal(secret), h.portal(other); a != b {
			t.Errorf("while an erasure waits, the one under a gag sees something else: %s", difference(a, b))
		}
		h.exports(secret, 0)
		letters := h.Mail.Count()
		h.after(30 * 24 * time.Hour) // after the end of the first order
		if n := h.Mail.Count(); n != letters {
			t.Errorf("%d letters went before the secrecy had ended", n-letters)
		}
		if a, b := h.portal(secret), h.portal(other); a != b {
			t.Errorf("after the first order's end, the one under a gag sees something else: %s", difference(a, b))
		}
		h.after(11 * 24 * time.Hour)
		<-h.told // what is scheduled waits for the scheduler's round
		h.Drain()
		if m, found := h.Mail.Last("jo@example.com"); !found || h.Mail.Count() != letters+1 || !strings.Contains(m.Subject, "Your details were used") {
			t.Errorf("after the end %d letters went, the last with the subject %q", h.Mail.Count()-letters, m.Subject)
		}
		h.exports(secret, 1)
		h.Actor = loot.Actor{Kind: loot.Person, ID: string(secret)}
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "disclosure.court", "Asked by Example court: Order of a judge. Our reference is D-", "Not by one person alone: handing over")
		h.as("t-counsel")
		shows(t, h.do(id, "secrecy", "gag", h.inDays(9), "@file", scan), http.StatusConflict, "This step is not open")
	})
}

// difference shows where two texts differ.
func difference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return "line " + strconv.Itoa(i) + ":\n" + x[i] + "\nand the other\n" + y[i]
		}
	}
	return "one has more lines"
}
