package billing

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/api"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
	"loot/store"
)

// What is told once its month was drawn is charged with the next one, as use of its own
// month, by that one's plan, beyond what that includes and what of it was charged before.
func TestWhatIsToldLateIsChargedWithTheNextMonth(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s, id := o.server() // virtual-2: 1,000 GB included, 0.004 for more
		c := o.api([]api.Scope{"usage:write"}, "billing")
		tell := func(key, at string, units int, want string) {
			t.Helper()
			got := c.call(http.StatusOK, http.MethodPost, "/api/usage", fmt.Sprintf(`{"records":[{"service":%q,"meter":"traffic","key":%q,"at":%q,"amount":"%d"}]}`, id, key, at, units))
			if said := fmt.Sprint(got); !strings.Contains(said, want) {
				t.Errorf("%s: %s, want %q", key, said, want)
			}
		}
		traffic := func(number string) (out []string) {
			t.Helper()
			for _, l := range o.record(number).Invoice.Lines {
				if strings.HasSuffix(l.Item, "/traffic") {
					out = append(out, fmt.Sprintf("%s %s at %s from %s to %s: %s", l.Quantity, l.Item, l.Price, l.Period.From, l.Period.To, strings.ReplaceAll(l.Description, "\u00a0", " ")))
				}
			}
			return out
		}
		last := func(m Month) string {
			t.Helper()
			return o.issued(`WHERE i.subject = $1 AND i.began = $2`, s, m.days().From.String())[0].Number
		}
		expect := func(m Month, want ...string) {
			t.Helper()
			if got := traffic(last(m)); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", m, got, want)
			}
		}
		o.asStaff("billing")
		desktest.Leads(t, o.Post(servicePath(id)+"/plan", "plan", "virtual-4", "from", "2026-12"), servicePath(id))
		o.after(december)
		tell("a", "2026-11-24T10:00:00Z", 900, "recorded:1")
		o.run(november)
		expect(november) // all of it is included
		for _, repeated := range []int{0, 1} {
			tell("b", "2026-11-25T10:00:00Z", 150, fmt.Sprintf("recorded:%d refused:[] repeated:%d", 1-repeated, repeated))
		}
		tell("b", "2026-11-25T10:00:00Z", 151, "another amount")
		tell("c", "2026-12-01T10:00:00Z", 2005, "recorded:1")
		o.asStaff("billing")
		shows(t, o.preview("2026-12"), http.StatusOK, "It charges use of November 2026, too, which was told late.")
		o.after(january)
		tell("d", "2026-11-26T10:00:00Z", 3, "recorded:1")
		o.run("2026-12")
		expect("2026-12", "5 virtual-4/traffic at 0.004 from 2026-12-01 to 2026-12-31: 2,005 GB − 2,000 GB", "53 virtual-2/traffic at 0.004 from 2026-11-23 to 2026-11-30: 1,053 GB − 1,000 GB")
		if found := o.record(last("2026-12")).Invoice; len(found.Check()) > 0 {
			t.Errorf("%v", found.Check())
		}
		o.as(s)
		shows(t, o.Get("/portal/invoices/"+last("2026-12")), http.StatusOK, "23–30 November 2026", "1,053 GB − 1,000 GB")

		// It is charged when the service is over, too, and then the last invoice is written.
		o.after(january.AddDate(0, 0, 26))
		desktest.Leads(t, o.Post("/portal/services/"+id+"/end"), "/portal/services")
		o.Tx(func(ctx context.Context, tx *store.Tx) error { return o.b.EndAll(ctx, tx, o.Actor, s) })
		o.after(january.AddDate(0, 1, 0))
		o.run("2027-01")
		fulfilled := func(want bool) {
			t.Helper()
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				got, err := o.b.Fulfilled(ctx, tx, s)
				if err == nil && slices.Contains(got, forInvoice) != want {
					t.Errorf("fulfilled: %v, want %v", got, want)
				}
				return err
			})
		}
		fulfilled(true)
		tell("e", "2026-11-27T10:00:00Z", 7, "recorded:1")
		tell("g", "2026-12-10T10:00:00Z", 2, "recorded:1")
		fulfilled(false)
		o.Tx(func(ctx context.Context, tx *store.Tx) error { // a month that waits is charged as if nothing had been told late
			from, to := Month("2026-12").span(time.UTC)
			used, err := countedOf(ctx, tx, []loot.Subject{s}, from, to, "")
			if err == nil && (len(used[id]) != 1 || used[id][0].used != 2005*oneUnit) {
				t.Errorf("%+v", used)
			}
			return err
		})
		o.asStaff("billing")
		shows(t, o.preview("2027-02"), http.StatusOK, string(s), "€ 0.04", "November 2026, December 2026")
		o.after(january.AddDate(0, 2, 0))
		o.run("2027-02")
		expect("2027-02", "7 virtual-2/traffic at 0.004 from 2026-11-23 to 2026-11-30: 1,060 GB − 1,053 GB", "2 virtual-4/traffic at 0.004 from 2026-12-01 to 2026-12-31: 2,007 GB − 2,005 GB")
		fulfilled(true)

		// What is too old is refused, and what was issued stays as it is.
		o.after(desktest.Start.Add(lateFor + 72*time.Hour))
		tell("f", "2026-11-24T09:00:00Z", 1, "nothing is charged later than 300 days")
		if i := o.issued(`WHERE i.subject = $1 AND i.began = '2027-02-01'`, s); i[0].Kind != invoice.Commercial || i[0].Net != 4 {
			t.Errorf("%+v", i)
		}
	})
}
