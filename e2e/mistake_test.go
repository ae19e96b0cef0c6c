package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"loot/app"
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

// paidIn is a made-up bank statement (camt.053 of ISO 20022) of one payment: its
// amount, the day and the invoice that the payer names.
const paidIn = `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>WALK</MsgId></GrpHdr><Stmt><Id>1</Id>
<Acct><Id><IBAN>IE25MADE00000000000000</IBAN></Id></Acct><Ntry><Amt Ccy="EUR">%s</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>%s</Dt></BookgDt><AcctSvcrRef>WALK-1</AcctSvcrRef>
<NtryDtls><TxDtls><RltdPties><Dbtr><Pty><Nm>Made-up payer</Nm></Pty></Dbtr></RltdPties><RmtInf><Ustrd>Invoice %s, thank you</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>`

// TestMistake orders and uses a service, is invoiced when the month is over, says on
// the invoice that something is wrong, gets a credit note and a corrected invoice,
// and pays that.
func TestMistake(t *testing.T) {
	h := serveAhead(t, app.Config{
		Selling: app.Selling{SellerVAT: "IE1234567T", SellerSeries: "R", SellerLanguage: "en", SellerZone: "UTC", SellerDays: 14},
	}, time.Until(lateInTheMonth()))

	customer := h.customer(t)
	admin := h.administrator(t)
	clerk := h.hire(t, admin, "Bea Billing", "bea@example.org", "billing")

	// What the service used comes as a file; the customer sees it at once.
	clerk.visit("/console/billing")
	service := eval[string](clerk.browser, `return document.querySelector("main a[href^='/console/billing/services/']").getAttribute("href").split("/").pop()`)
	clerk.visit("/console/billing/usage")
	clerk.attach("use.csv", "service,meter,key,at,amount\n"+service+",traffic,walk/1,"+h.now().UTC().Format(time.RFC3339)+",1250\n")
	clerk.shoot("console-usage")
	clerk.press("Record")
	clerk.reads("1 row recorded")
	customer.visit("/portal/services")
	customer.reads("1,250\u00a0GB of 1,000\u00a0GB")
	customer.shoot("portal-used")

	// The month passes, and is issued.
	h.pass(t, 25*time.Minute)
	clerk.visit("/console/billing/run")
	clerk.do(poll(`document.querySelector('form[action="/console/billing/run"][method=post] .primary') !== null`)) // it is worked out first
	clerk.reads("To be issued", "What it comes to, without tax")
	clerk.shoot("console-run")
	clerk.press(`form[action="/console/billing/run"][method=post] .primary`)
	eval[string](clerk.browser, `
		for (;;) {
			const page = await (await fetch("/console/billing/invoices")).text();
			if (page.includes("/console/billing/invoices/R-")) return "";
			await new Promise(f => setTimeout(f, 100));
		}`)

	// Beside each detail on the invoice is the way to say that it is wrong.
	customer.visit("/portal/invoices")
	customer.press("table a")
	customer.reads("Virtual server: Traffic", "1,250\u00a0GB − 1,000\u00a0GB")
	customer.shoot("portal-invoice")
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
	customer.reads("1,250\u00a0GB − 1,000\u00a0GB")
	customer.press("Credit note R-")
	customer.reads("Credited to you", "takes an invoice back")

	// They pay what is open, and the bank tells of it.
	customer.visit("/portal/invoices")
	first := func(cell string) string {
		return eval[string](customer, `return document.querySelector("main tbody tr " + a[0]).innerText.trim()`, cell)
	}
	number, open := first("th a"), first("td[data-label=Open]")
	clerk.visit("/console/billing/payments")
	clerk.attach("statement.xml", fmt.Sprintf(paidIn, strings.TrimLeft(open, "€\u00a0"), h.now().UTC().Format(time.DateOnly), number))
	clerk.press("Read it")
	clerk.reads("1 new payment, 1 of them matched")
	clerk.shoot("console-payments")
	customer.visit("/portal/invoices")
	if got := first("td[data-label=State]"); got != "paid" {
		t.Fatalf("invoice %s is %s", number, got)
	}
	customer.press("table a")
	customer.reads("Corrected invoice "+number, "came on")
	customer.shoot("portal-paid")
	customer.visit("/portal/timeline")
	customer.reads("Took a wrong invoice back and wrote it again")
}
