package disclosure

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot/desk/desktest"
)

var (
	monthOf = regexp.MustCompile(`(?s)<h2 id="[^"]*">([^<]*)</h2>(.*?)</table>`)
	rowOf   = regexp.MustCompile(`(?s)<tr><th scope="row">(.*?)</tr>`)
)

// days returns what the calendar says to whoever looks, a line for each day.
func (h *house) days() (out []string) {
	h.Helper()
	page := h.Get(home + "/calendar")
	shows(h, page, http.StatusOK)
	for _, m := range monthOf.FindAllStringSubmatch(page.Body, -1) {
		for _, row := range rowOf.FindAllStringSubmatch(m[2], -1) {
			out = append(out, m[1]+": "+text(row[1]))
		}
	}
	return out
}

// TestTheCalendarHasTheDaysAhead of what opens for whoever looks, in their order, and what is
// overdue before. To others a request is one of so many, and its days are nobody's else: what
// is closed is not among them, or the queue, which says fewer, would give secrecy away.
func TestTheCalendarHasTheDaysAhead(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.person("jo@example.com")
		h.as("t-counsel")
		shows(t, h.Get(home+"/calendar"), http.StatusOK, "No day is ahead")
		start := h.Clock.Now()
		late := h.enter("police", "subscriber", "due", h.inDays(1))
		secret := h.enter("court", "order", "due", h.inDays(10), "until", h.inDays(40), "hold", h.inDays(20), "gag", h.inDays(30), "@order", scan)
		over := h.enter("court", "order", "gag", h.inDays(50), "@order", scan)
		h.leads(h.do(over, "refuse", "outcome", refused, "reason", "No judge signed it."))
		agreed := h.enter("court", "order", "due", h.inDays(4), "until", h.inDays(5))
		h.agreed(agreed, s, "t-dpo")
		h.as("t-billing")
		theirs := h.enter("revenue", "tax", "due", h.inDays(2), "until", h.inDays(3))
		h.Clock.Advance(2 * 24 * time.Hour)

		line := func(days int, what, id, who, owner string) string {
			day := start.AddDate(0, 0, days)
			month := day.Format("January 2006")
			if strings.HasSuffix(what, "overdue") {
				month = "Overdue"
			}
			return month + ": " + day.Format("2 Jan 2006 Monday") + " " + what + " " + reference(id) + " Example " + who + " Name of " + owner
		}
		lines := []string{
			line(1, "Answer by overdue", late, "police", "t-counsel"),
			line(2, "Answer by", theirs, "revenue", "t-billing"),
			line(3, "Request runs out", theirs, "revenue", "t-billing"),
			line(3, "Agreement of the others ends", agreed, "court", "t-counsel"),
			line(4, "Answer by", agreed, "court", "t-counsel"),
			line(5, "Request runs out", agreed, "court", "t-counsel"),
			line(10, "Answer by", secret, "court", "t-counsel"),
			line(20, "Preservation ends", secret, "court", "t-counsel"),
			line(30, "Secrecy ends", secret, "court", "t-counsel"),
			line(31, "Request runs out", late, "police", "t-counsel"),
			line(40, "Request runs out", secret, "court", "t-counsel"),
			line(50, "Secrecy ends", over, "court", "t-counsel"),
		}
		h.as("t-counsel")
		if got := h.days(); !slices.Equal(got, lines) {
			t.Errorf("the calendar says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
		}
		desktest.Lacks(t, h.Get(home+"/calendar"), "dealt with by others", "No day is ahead")
		for who, want := range map[string]struct {
			lines  []string
			others string
		}{
			"t-billing":  {lines[1:3], "3 requests are dealt with by others."},
			"t-support":  {nil, "4 requests are dealt with by others."},
			"t-unsigned": {nil, "4 requests are dealt with by others."},
		} {
			h.as(who)
			if got := h.days(); !slices.Equal(got, want.lines) {
				t.Errorf("the calendar says to %s\n%s", who, strings.Join(got, "\n"))
			}
			page := h.Get(home + "/calendar")
			shows(t, page, http.StatusOK, want.others)
			desktest.Lacks(t, page, "Example court", reference(secret), reference(over), "Secrecy ends")
		}
	})
}
