package e2e

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	"loot/app"
	"loot/desk/desktest"
)

// lateInTheMonth returns the last minutes of a month. It is one to come, so that
// what a browser keeps has not ended by its own clock.
func lateInTheMonth() time.Time {
	now := time.Now().UTC()
	at := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC).Add(-20 * time.Minute)
	if at.Before(now) {
		at = time.Date(now.Year(), now.Month()+2, 1, 0, 0, 0, 0, time.UTC).Add(-20 * time.Minute)
	}
	return at
}

// TestMistake orders, is invoiced when the month is over, says on the invoice that
// something is wrong, and gets a credit note and a corrected invoice.
func TestMistake(t *testing.T) {
	box, ahead := desktest.NewPostbox(t), atomic.Int64{}
	ahead.Store(int64(time.Until(lateInTheMonth())))
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	h := serveAt(t, app.Config{
		SMTP: "smtp+plain://" + box.Address, From: "Loot <no-reply@localhost>",
		Selling: app.Selling{SellerVAT: "IE1234567T", SellerSeries: "R", SellerLanguage: "en", SellerZone: "UTC", SellerDays: 14},
	}, now)
	h.post = box
	artefacts := os.Getenv("LOOT_ARTEFACTS")

	customer := open(t, h.base, artefacts)
	customer.visit("/order/virtual-server")
	customer.fill(map[string]string{
		"company.name": "Waldkauz Hosting GmbH", "address.street": "Forstweg 7", "address.postcode": "79100", "address.city": "Freiburg", "address.country": "DE", "contact.email": "kauz@example.net",
	})
	customer.press("form[method=post] .primary")
	customer.visit(h.post.Link(t, "kauz@example.net", "/signin/link/", within))
	customer.press(".primary")

	admin := h.administrator(t)
	admin.visit("/console/staff/new")
	admin.fill(map[string]string{"name": "Bea Billing", "email": "bea@example.org", "roles": "billing"})
	admin.fillIfThere(map[string]string{"reason": "Joins."})
	admin.press(".primary")
	clerk := open(t, h.base, artefacts)
	clerk.now = now
	clerk.visit(h.post.Link(t, "bea@example.org", "/console/welcome/", within))
	clerk.press(".primary")
	clerk.setUp("velvet-harbour-kite-9", false)
	clerk.visit("/console/undertaking")
	clerk.fill(map[string]string{"name": "Bea Billing", "word": "on"})
	clerk.press(".primary")

	// The month passes, and is issued.
	if err := h.app.Ledger.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	ahead.Add(int64(25 * time.Minute))
	clerk.visit("/console/billing/run")
	clerk.press(`form[action="/console/billing/run"][method=post] .primary`)
	eval[string](clerk, `
		for (;;) {
			const page = await (await fetch("/console/billing/invoices")).text();
			if (page.includes("/console/billing/invoices/R-")) return "";
			await new Promise(f => setTimeout(f, 100));
		}`)

	// Beside each detail on the invoice is the way to say that it is wrong.
	customer.visit("/portal/invoices")
	customer.press("table a")
	customer.reads("Invoice R-", "-000001", "Freiburg", "issue a credit note and a corrected invoice")
	customer.press(`a[href*="field=address.city"]`)
	customer.reads("Something is wrong")
	customer.fill(map[string]string{"text": "We are in Freiburg im Breisgau."})
	customer.shoot("portal-wrong")
	customer.press("Report it")
	customer.reads("Town or city on invoice R-", "waits for an answer", "disputed")

	clerk.visit("/console/checks?kind=mistake")
	clerk.press("table a")
	clerk.press("Show the value")
	clerk.reads("We are in Freiburg im Breisgau.")
	clerk.fill(map[string]string{"decision": "corrected", "value": "Freiburg im Breisgau", "reason": "The register says so."})
	clerk.shoot("console-mistake")
	clerk.press("Decide")
	clerk.reads("taken back by credit note", "-000002", "written again as", "-000003")

	// The customer follows it from there.
	customer.visit("/portal/checks")
	customer.reads("accepted, put right", "The register says so.", "-000002", "-000003 stands for it")
	customer.shoot("portal-mistake")
	customer.visit("/portal/invoices")
	customer.reads("taken back", "credit note", "corrected")
	customer.shoot("portal-invoices")
	customer.press("table a")
	customer.reads("Corrected invoice R-", "Freiburg im Breisgau", "stands for another")
	customer.shoot("portal-corrected")
	customer.press("Credit note R-")
	customer.reads("Credited to you", "takes an invoice back")
	customer.visit("/portal/timeline")
	customer.reads("Took a wrong invoice back and wrote it again")
}
