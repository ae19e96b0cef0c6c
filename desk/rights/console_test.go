package rights

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"loot/store"
)

var nextPage = regexp.MustCompile(`href="([^"]+)" rel="next"`)

// pages follows a list from page to page, and returns what of each page a pattern finds.
func (h *house) pages(path string, find *regexp.Regexp) (out []string, pages int) {
	h.Helper()
	for path != "" {
		a := h.Get(path)
		shows(h, a, http.StatusOK)
		out = append(out, find.FindAllString(a.Body, -1)...)
		m := nextPage.FindStringSubmatch(a.Body)
		if pages++; m == nil || pages > 9 {
			break
		}
		path = html.UnescapeString(m[1])
	}
	return out, pages
}

// TestEveryRequestIsReached: each list of the queue goes on past its page, and shows none
// twice.
func TestEveryRequestIsReached(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.desk.page = 2
		const n = 5
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			for _, one := range []struct {
				of            string
				closed, ended int
			}{{"open", 0, 0}, {"counts", 1, 0}, {"over", 1, 1}} {
				for i := range n { // of which some are of the same moment
					if _, err := tx.Exec(ctx, `INSERT INTO rights_request (id, subject, kind, purpose, ground, opened, due, extended, reminded, decision, decider, closed, ended, version)
						VALUES ($1, $1, 'restriction', '', 'claims', $2, $3, 0, 0, '', '', $4, $5, 1)`, fmt.Sprint("q", one.of, i), 100+i/3, 50+i/3, one.closed*(1+i/3), one.ended*(1+i/3)); err != nil {
						return err
					}
				}
			}
			for i := range n {
				if _, err := tx.Exec(ctx, `INSERT INTO rights_exercise (id, agent, subject, action, regime, named, received, due, ends, state, reason, detail, closed, changed, link)
					VALUES ($1, $1, '', 'access', '', '', $2, 1, 1, 'denied', '', '', 1, 1, $3)`, fmt.Sprint("agent-", i), 1+i/3, []byte{byte(i)}); err != nil {
					return err
				}
			}
			return nil
		})
		h.asStaff("t-dpo", "dpo")
		for path, find := range map[string]string{
			"/console/requests": "/console/requests/qopen[0-9]", "/console/requests?state=counts": "/console/requests/qcounts[0-9]",
			"/console/requests?state=over": "/console/requests/qover[0-9]", "/console/requests/agents": `>agent-[0-9]<`,
		} {
			got, pages := h.pages(path, regexp.MustCompile(find))
			slices.Sort(got)
			if all := len(got); all != n || len(slices.Compact(got)) != n || pages != 3 {
				t.Errorf("%s: %v on %d pages, want %d on 3", path, got, pages, n)
			}
			second := h.Get(html.UnescapeString(nextPage.FindStringSubmatch(h.Get(path).Body)[1])).Body
			if !strings.Contains(second, `href="`+html.EscapeString(path)+`">`) || !strings.Contains(second, "Back to the start") {
				t.Errorf("%s: no way back from the second page", path)
			}
		}
	})
}
