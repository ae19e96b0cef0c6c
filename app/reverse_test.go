package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing"
	"loot/store/storetest"
)

// TestVIESDecidesWhoOwesTheTax: by a number that VIES knows, the customer in another state
// owes it; by one that it does not know, the invoice waits; and while VIES is down, none
// does.
func TestVIESDecidesWhoOwesTheTax(t *testing.T) {
	for _, tt := range []struct{ answer, want string }{{"true", "EX-2027-000001"}, {"false", "was found not to be"}, {"", "EX-2027-000001"}} {
		t.Run("valid "+tt.answer, func(t *testing.T) {
			t.Parallel()
			vies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if tt.answer == "" {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				_, _ = io.WriteString(w, `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><checkVatResponse xmlns="urn:ec.europa.eu:taxud:vies:services:checkVat:types">`+
					`<countryCode>IE</countryCode><vatNumber>1234567T</vatNumber><requestDate>2027-03-01</requestDate><valid>`+tt.answer+`</valid></checkVatResponse></Body></Envelope>`)
			}))
			t.Cleanup(vies.Close)
			ctx, a, w := simulated(t, storetest.SQLite, nil, func(c *Config) { c.Verifying = Verifying{Ask: []string{"vies"}, VIES: vies.URL} })
			seller := billing.MadeUpSeller
			seller.Address, seller.VAT = "1 Musterstraße, 10115 Berlin, Germany", "DE136695976"
			a.billing.Sell(seller)
			s, err := w.NewPerson(ctx)
			if err != nil {
				t.Fatal(err)
			}
			who, err := w.NewStaff(ctx, true, "billing")
			if err != nil {
				t.Fatal(err)
			}
			drain := func() {
				t.Helper()
				if err := w.Drain(ctx); err != nil {
					t.Fatal(err)
				}
			}
			drain()
			w.Clock.Advance(31 * 24 * time.Hour)
			if answer, err := (desk.Browser{World: w, Who: who}).Post(ctx, "/console/billing/run", url.Values{"month": {"2027-03"}}); err != nil || answer.Status != http.StatusSeeOther {
				t.Fatalf("%v: %s", err, answer.Body.String())
			}
			drain()
			answer, err := (desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(s)}}).Get(ctx, "/portal/invoices")
			if err != nil {
				t.Fatal(err)
			}
			if page := answer.Body.String(); !strings.Contains(page, tt.want) || strings.Contains(page, "waits") != (tt.answer == "false") {
				t.Errorf("the portal does not show %q:\n%s", tt.want, page)
			}
		})
	}
}
