package billing

import (
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
)

var nextPage = regexp.MustCompile(`href="([^"]+)" rel="next"`)

// TestAllThatWaitsIsReached: payments to decide and invoices that wait go on past their
// page, and none is shown twice.
func TestAllThatWaitsIsReached(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		o.b.listed = 2
		for range 5 {
			o.customer(with(meadow, map[loot.Field]string{town: ""}))
		}
		o.after(december)
		o.run(november)
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		var entries []madeUpEntry
		for n := range 5 {
			entries = append(entries, madeUpEntry{Amount: "3.00", Text: "nothing", Name: "Made-up Payer", Nth: n})
		}
		o.uploads(entries...)
		o.asStaff("billing")
		for path, find := range map[string]string{paymentsPath: paymentsPath + `/[a-z][0-9a-z]{26}"`, "/console/billing/run": `(?s)<tr><th scope="row"><a href="[^"]+"><code>[0-9a-z]+</code></a></th><td class="nowrap" data-label="Month">`} {
			var got []string
			pages := 0
			for at := path; at != "" && pages < 9; pages++ {
				a := o.Get(at)
				shows(t, a, http.StatusOK)
				if back := strings.Contains(a.Body, "Back to the start"); back != (pages > 0) {
					t.Errorf("%s: a way back is there: %v", at, back)
				}
				got = append(got, regexp.MustCompile(find).FindAllString(a.Body, -1)...)
				m := nextPage.FindStringSubmatch(a.Body)
				if at = ""; m != nil {
					at, _, _ = strings.Cut(html.UnescapeString(m[1]), "#")
				}
			}
			slices.Sort(got)
			if all := len(got); all != 5 || len(slices.Compact(got)) != 5 || pages != 3 {
				t.Errorf("%s: %d of which %d differ on %d pages, want 5 on 3", path, all, len(slices.Compact(got)), pages)
			}
		}
	})
}
