package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/desk/billing/camt"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
	"loot/statement"
	"loot/store"
	"loot/web/webtest"
)

// uploads a bank statement as a colleague in billing.
func (o *office) uploads(entries ...madeUpEntry) webtest.Answer {
	o.Helper()
	for i := range entries {
		e := &entries[i]
		if e.Day == "" {
			e.Day = "2026-12-10"
		}
		if e.Currency == "" {
			e.Currency = "EUR"
		}
	}
	o.asStaff("billing")
	body, contentType, err := statementForm(madeUpStatement(entries...))
	ok(o, err)
	return o.Do(http.MethodPost, paymentsPath+"/statement", body, http.Header{"Content-Type": {contentType}})
}

// paid returns the payments by how they stand.
func (o *office) paid(where string, args ...any) (out []payment) {
	o.Helper()
	ok(o, o.b.DB.ReadTx(o.Context(), func(tx *store.Tx) (err error) {
		out, err = readPayments(o.Context(), tx, where+` ORDER BY p.day, p.amount DESC, p.id`, args...)
		return err
	}))
	return out
}

// billedFor makes customers with an invoice of 1.61 each for November.
func (o *office) billedFor(n int) (out []Issued) {
	o.Helper()
	for range n {
		o.customer(meadow)
	}
	o.after(december)
	o.run(november)
	if out = o.issued(""); len(out) != n || out[0].Total != 161 {
		o.Fatalf("%+v", out)
	}
	return out
}

func (o *office) stands(number, want string) {
	o.Helper()
	i := o.issued(`WHERE i.number = $1`, number)[0]
	if got := i.standing(o.b.today()).Text; got != want {
		o.Errorf("%s: %s (total %d, paid %d), want %s", number, got, i.Total, i.Paid, want)
	}
}

func TestABankStatementIsMatchedByNumberAndAmount(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		all := o.billedFor(8)
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		entries := []madeUpEntry{
			{Amount: "1.61", Text: "Rechnung ex 2026/000001 vielen Dank", Name: "Made-up Payer"},
			{Amount: "1.61", Text: "EX-2026-000002", Nth: 1},
			{Amount: "1.61", Text: "EX-2026-000002", Nth: 2},                       // twice
			{Amount: "1.00", Text: "EX-2026-000003", Nth: 3},                       // in part
			{Amount: "1.00", Text: camt.CreditorReference("EX2026000004"), Nth: 4}, // in part, for sure
			{Amount: "9.99", Text: camt.CreditorReference("EX2026000005"), Nth: 5}, // too much, for sure
			{Amount: "3.22", Text: "EX-2026-000006 and EX-2026-000007", Nth: 6},    // of two customers
			{Amount: "1.61", Text: "EX-2025-000001 EX-2026-000099 thanks", Nth: 7}, // none of ours
			{Amount: "1.61", Currency: "USD", Text: "EX-2026-000006", Nth: 8},      // another currency
			{Amount: "1.62", Text: "EX-2026-000008", Nth: 10},                      // too much, and the number may be a slip
			{Amount: "1.00", Text: "EX-2026-000006 and EX-2026-000008", Nth: 11},   // in part, and of which nobody knows
		}
		desktest.Leads(t, o.uploads(entries...), paymentsPath)
		shows(t, o.Get(paymentsPath), http.StatusOK, "11 new payments, 5 of them matched.", "It names no invoice of ours.", "paid already", "less is open", "several customers", "another currency")
		for n, want := range []string{"paid", "paid", "partly paid", "partly paid", "paid", "open", "open", "open"} {
			o.stands(all[n].Number, want)
		}
		// The same once more, and in a longer statement, adds nothing but what is new.
		before := len(o.paid(""))
		desktest.Leads(t, o.uploads(append(entries, madeUpEntry{Amount: "1.61", Text: "EX-2026-000006", Nth: 9})...), paymentsPath)
		shows(t, o.Get(paymentsPath), http.StatusOK, "1 new payment, 1 of them matched. 11 were known already.")
		if got := len(o.paid("")); got != before+1 {
			t.Errorf("%d payments after %d", got, before)
		}
		o.stands(all[5].Number, "paid")
		// What is too much is the customer's.
		o.as(all[4].Subject)
		shows(t, o.Get("/portal/invoices"), http.StatusOK, "€ 8.38 in credit", "paid")
		o.as(all[3].Subject)
		shows(t, o.Get("/portal/invoices"), http.StatusOK, "€ 0.61 to pay", "partly paid")
		shows(t, o.Get("/portal/invoices/"+all[3].Number), http.StatusOK, "€ 1.00 came on 10 December 2026", "€ 0.61")
		o.after(time.Date(2026, 12, 17, 9, 0, 0, 0, time.UTC))
		o.stands(all[3].Number, "overdue")
		o.stands(all[2].Number, "overdue")
	})
}

func TestABankTakesAPaymentBack(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		all := o.billedFor(2)
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		o.uploads(madeUpEntry{Amount: "1.61", Text: "EX-2026-000001"}, madeUpEntry{Amount: "1.61", Text: "EX-2026-000002", EndToEnd: "E-77", Nth: 1})
		back := []madeUpEntry{
			{Amount: "-1.61", Text: "EX-2026-000001", Nth: 2},
			{Amount: "-1.61", Text: "Return", EndToEnd: "E-77", Nth: 3},
			{Amount: "-1.61", Text: "Return of something", Nth: 4},
		}
		for range 2 {
			o.uploads(back...)
		}
		for _, i := range all {
			o.stands(i.Number, "open")
		}
		if got := o.paid(`WHERE p.amount < 0 AND p.decided <> 0`); len(got) != 2 {
			t.Errorf("%+v", got)
		}
		shows(t, o.Get(paymentsPath), http.StatusOK, "nothing tells surely which", "returned")
		o.as(all[0].Subject)
		shows(t, o.Get("/portal/invoices/"+all[0].Number), http.StatusOK, "−€ 1.61 went back on 10 December 2026")
		// A colleague who did not know yet that it went back says so, too.
		o.asStaff("billing")
		first := paymentsPath + "/" + o.paid(`WHERE p.amount > 0`)[0].ID
		desktest.Leads(t, o.Post(first+"/back"), first)
		if got := o.paid(`WHERE p.amount < 0 AND p.decided <> 0`); len(got) != 2 {
			t.Errorf("what went back did so again: %+v", got)
		}
	})
}

func TestAPersonDecidesWhatIsUncertain(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		all := o.billedFor(2)
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		o.uploads(madeUpEntry{Amount: "1.61", Text: "for the server", Name: "Made-up Payer"}, madeUpEntry{Amount: "5.00", Text: "a refund", Name: "Made-up Office", Nth: 1})
		waits := o.paid(`WHERE p.decided = 0`)
		first, other := paymentsPath+"/"+waits[1].ID, paymentsPath+"/"+waits[0].ID
		page := o.Get(first)
		shows(t, page, http.StatusOK, "It names no invoice of ours.", all[0].Number, all[1].Number)
		desktest.Hides(t, page, "Made-up Payer", "for the server")
		o.b.signed = func(ctx context.Context, _ *store.Tx, _ string) (time.Time, error) { return time.Time{}, nil }
		shows(t, o.Post(first+"/read"), http.StatusForbidden, "undertaking")
		o.b.signed = func(ctx context.Context, _ *store.Tx, _ string) (time.Time, error) { return desktest.Start, nil }
		shows(t, o.Post(first+"/read"), http.StatusOK, "Made-up Payer", "for the server")
		for _, bad := range [][]string{{"invoice", "EX-2026-000099", "amount", "1.61"}, {"invoice", all[0].Number, "amount", "1.62"}, {"invoice", all[0].Number, "amount", "-1"}, {"invoice", all[0].Number, "amount", "1.615"}} {
			shows(t, o.Post(first+"/give", bad...), http.StatusUnprocessableEntity)
		}
		desktest.Leads(t, o.Post(first+"/give", "invoice", all[0].Number, "amount", "1,61"), first)
		o.stands(all[0].Number, "paid")
		shows(t, o.Post(first+"/give", "invoice", all[1].Number, "amount", "1.61"), http.StatusConflict)

		// It was for another, and then it went back.
		desktest.Leads(t, o.Post(first+"/undo"), first)
		o.stands(all[0].Number, "open")
		desktest.Leads(t, o.Post(first+"/give", "invoice", all[1].Number, "amount", "1.61"), first)
		o.stands(all[1].Number, "paid")
		for range 2 {
			desktest.Leads(t, o.Post(first+"/back"), first)
		}
		if got := o.paid(`WHERE p.amount < 0`); len(got) != 1 {
			t.Errorf("it went back %d times", len(got))
		}
		o.stands(all[1].Number, "open")
		shows(t, o.Post(first+"/undo"), http.StatusConflict)

		// What is no customer's goes at once.
		desktest.Leads(t, o.Post(other+"/dismiss"), other)
		desktest.Lacks(t, o.Get(other), "Show what the bank says")
		shows(t, o.Post(other+"/dismiss"), http.StatusConflict)
		o.asStaff("support")
		shows(t, o.Get(paymentsPath), http.StatusForbidden)
	})
}

func TestAPaymentIsWrittenDownByHandOnce(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		i := o.billedFor(1)[0]
		o.asStaff("billing")
		at := "/console/billing/invoices/" + i.Number
		shows(t, o.Get(at), http.StatusOK, "Write a payment down", "€ 1.61 to pay", "open")
		shows(t, o.Post(at+"/payments", "sent", "a", "amount", "1.61", "day", "2026-12-03"), http.StatusUnprocessableEntity, "no day on which")
		shows(t, o.Post(at+"/payments", "sent", "a", "amount", "x", "day", "2026-12-02"), http.StatusUnprocessableEntity, "no amount")
		for range 2 {
			desktest.Leads(t, o.Post(at+"/payments", "sent", "a", "amount", "1.00", "day", "2026-12-02"), at)
		}
		o.stands(i.Number, "partly paid")
		desktest.Leads(t, o.Post(at+"/payments", "sent", "b", "amount", "1.00", "day", "2026-12-02"), at)
		o.stands(i.Number, "paid")
		shows(t, o.Get(at), http.StatusOK, "€ 0.39 in credit")
		ok(t, o.b.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			out, err := o.b.export(t.Context(), tx, i.Subject)
			if err == nil && !strings.Contains(asJSON(t, out), `"amount":"1.00"`) {
				t.Errorf("the copy does not tell of payments: %s", asJSON(t, out))
			}
			return err
		}))
	})
}

// TestWhatABankSaysIsKeptAsLongAsTheStatementSays, by the calendar, also where it says so in
// months.
func TestWhatABankSaysIsKeptAsLongAsTheStatementSays(t *testing.T) {
	t.Parallel()
	src := string(statement.Default())
	for _, law := range []string{"6y", "72m"} {
		by := desktest.Parse(t, []byte(strings.Replace(src, "    retain: 6y\n", "    retain: "+law+"\n", 1)))
		desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
			o := newOfficeBy(t, db, by)
			i := o.billedFor(1)[0]
			o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
			o.uploads(madeUpEntry{Amount: "1.61", Text: i.Number, Name: "Made-up Payer"}, madeUpEntry{Amount: "3.00", Text: "nothing", Nth: 1})
			kept := func() (told, copies int) {
				ok(t, o.b.sweep(t.Context(), sweepArgs{}))
				return len(o.paid(`WHERE p.sealed IS NOT NULL`)), len(o.issued(`WHERE r.number IS NULL`))
			}
			begin := o.Clock.Now()
			for _, one := range []struct {
				after        time.Time
				told, copies int
			}{
				{begin.Add(45*24*time.Hour - time.Hour), 2, 1},
				{begin.Add(45*24*time.Hour + time.Hour), 1, 1},
				{i.At.AddDate(6, 0, 0).Add(-time.Hour), 1, 1},
				{i.At.AddDate(6, 0, 0).Add(time.Hour), 1, 0},
				{begin.AddDate(6, 0, 0).Add(-time.Hour), 1, 0},
				{begin.AddDate(6, 0, 0).Add(time.Hour), 0, 0},
			} {
				o.after(one.after)
				if told, copies := kept(); told != one.told || copies != one.copies {
					t.Errorf("%s: at %v what the bank says is kept of %d payments, and %d invoices have documents; want %d and %d", law, one.after, told, copies, one.told, one.copies)
				}
			}
			if got := o.paid(""); len(got) != 2 {
				t.Errorf("the payments themselves stay: %+v", got)
			}
		})
	}
}

// One thing that cannot be done keeps nothing else from being done.
func TestWhatFailsInASweepHoldsUpNothing(t *testing.T) {
	o := newOffice(t, desktest.One(t))
	o.billedFor(1)
	o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
	o.uploads(madeUpEntry{Amount: "3.00", Text: "nothing", Name: "Made-up Payer"})
	o.Tx(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `ALTER TABLE billing_address RENAME TO billing_gone`)
		return err
	})
	o.after(o.Clock.Now().AddDate(1, 0, 0))
	if err := o.b.sweep(t.Context(), sweepArgs{}); err == nil {
		t.Error("that no address can be removed is not said")
	}
	if got := o.paid(`WHERE p.sealed IS NOT NULL`); len(got) != 0 {
		t.Errorf("what the bank says is kept longer than the statement says, as something else failed: %+v", got)
	}
}

// A file that is broken adds nothing.
func TestABrokenStatementAddsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		o.billedFor(1)
		o.asStaff("billing")
		whole := madeUpStatement(madeUpEntry{Day: "2026-12-10", Amount: "1.61", Currency: "EUR", Text: "EX-2026-000001"})
		for _, file := range [][]byte{whole[:len(whole)-10], []byte("PDF"), nil} {
			body, contentType, err := statementForm(file)
			ok(t, err)
			shows(t, o.Do(http.MethodPost, paymentsPath+"/statement", body, http.Header{"Content-Type": {contentType}}), http.StatusUnprocessableEntity)
		}
		if got := o.paid(""); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	ok(t, err)
	return string(b)
}

// What was paid of an invoice that is taken back is paid of the one that stands for
// it, or in credit where none does.
func TestPaymentsFollowAnInvoiceThatIsTakenBack(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		all := o.billedFor(2)
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		o.uploads(madeUpEntry{Amount: "1.61", Text: all[0].Number}, madeUpEntry{Amount: "1.61", Text: all[1].Number, Nth: 1})
		ok(t, o.b.WriteAgain(t.Context(), again(all[0].Subject, town, "Right Town", all[0].Number), fine))
		_, err := o.b.takeBack(t.Context(), all[1].Number, "It was a mistake.", clerk)
		ok(t, err)
		for n, want := range map[string]string{"EX-2026-000001": "taken back", "EX-2026-000003": "credit note", "EX-2026-000004": "paid", "EX-2026-000002": "taken back"} {
			o.stands(n, want)
		}
		o.as(all[0].Subject)
		desktest.Lacks(t, o.Get("/portal/invoices"), "Your balance")
		o.as(all[1].Subject)
		shows(t, o.Get("/portal/invoices"), http.StatusOK, "€ 1.61 in credit")
		o.uploads(madeUpEntry{Amount: "1.61", Text: all[1].Number, Nth: 2})
		if got := o.paid(`WHERE p.decided = 0`); len(got) != 1 || got[0].Finding != "Invoice EX-2026-000002 was taken back." {
			t.Errorf("%+v", got)
		}
	})
}

// What came first pays what stands for an invoice first: what of that is too much is left
// of the payment that came last.
func TestWhatCameFirstIsCarriedOverFirst(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		wrong := o.billedFor(1)[0]
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		sure := camt.CreditorReference("EX2026000001")
		o.uploads(madeUpEntry{Amount: "0.50", Day: "2026-12-09", Text: sure}, madeUpEntry{Amount: "0.11", Day: "2026-12-10", Text: sure, Nth: 1})
		o.uploads(madeUpEntry{Amount: "1.00", Day: "2026-12-08", Text: sure, Nth: 2})
		ok(t, o.b.WriteAgain(t.Context(), again(wrong.Subject, country, "US", wrong.Number), fine))
		o.stands("EX-2026-000003", "paid") // 1.31, as there is no tax
		got := ""
		for _, p := range o.paid("") {
			got += fmt.Sprintf("%s: %d of %d; ", p.Day, p.Given, p.Amount)
		}
		if want := "2026-12-08: 100 of 100; 2026-12-09: 31 of 50; 2026-12-10: 0 of 11; "; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// What went back to its payer is paid no more: what stands for the invoice asks for all of it.
func TestWhatStandsForAnInvoiceAsksForWhatWentBack(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		wrong := o.billedFor(1)[0]
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		o.uploads(madeUpEntry{Amount: "1.61", Text: wrong.Number}, madeUpEntry{Amount: "-1.61", Text: wrong.Number, Nth: 1})
		ok(t, o.b.WriteAgain(t.Context(), again(wrong.Subject, town, "Right Town", wrong.Number), fine))
		o.stands("EX-2026-000003", "open")
		if inv := o.record("EX-2026-000003").Invoice; !inv.Prepaid.IsZero() || !inv.Totals.Due.Equal(invoice.Dec("1.61")) {
			t.Errorf("prepaid %s, due %s", inv.Prepaid, inv.Totals.Due)
		}
		if i := o.issued(`WHERE i.number = $1`, wrong.Number)[0]; i.Paid != 0 {
			t.Errorf("%d are paid of the wrong one, and nothing was left to carry over", i.Paid)
		}
	})
}

// Who paid the wrong invoice is not asked to pay the right one: its documents say what
// was paid, and how to pay only the rest.
func TestWhatStandsForAPaidInvoiceAsksForNoMoney(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		all := o.billedFor(2)
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		o.uploads(madeUpEntry{Amount: "1.61", Text: all[0].Number}, madeUpEntry{Amount: "1.00", Text: camt.CreditorReference("EX2026000002"), Nth: 1})
		whole, part := again(all[0].Subject, town, "Right Town", all[0].Number), again(all[1].Subject, town, "Right Town", all[1].Number)
		ok(t, o.b.WriteAgain(t.Context(), whole, fine))
		o.Drain()
		m, _ := o.Mail.Last("jo@example.com")
		desktest.Lacks(t, webtest.Answer{Body: m.Text}, "To be paid by")
		if !strings.Contains(m.Text, "Paid already") {
			t.Errorf("the letter: %s", m.Text)
		}
		// What changes while the documents are sealed stands on them, too.
		var once sync.Once
		given := o.paid(`WHERE p.amount = 100`)[0].ID
		o.b.at = func(step string) {
			if step == "sealed" {
				once.Do(func() {
					o.Tx(func(ctx context.Context, tx *store.Tx) error {
						return o.b.give(ctx, tx, given, "", []share{{all[1].Number, -40}})
					})
				})
			}
		}
		ok(t, o.b.WriteAgain(t.Context(), part, fine))
		o.b.at = nil
		for number, want := range map[string]struct {
			kind, prepaid, due string
			day, means         bool
		}{
			"EX-2026-000003": {"381", "0", "1.61", false, false},
			"EX-2026-000004": {"384", "1.61", "0", false, false},
			"EX-2026-000005": {"381", "0", "1.61", false, false},
			"EX-2026-000006": {"384", "0.6", "1.01", true, true},
		} {
			r := o.record(number)
			inv := r.Invoice
			if string(inv.Kind) != want.kind || !inv.Prepaid.Equal(invoice.Dec(want.prepaid)) || !inv.Totals.Due.Equal(invoice.Dec(want.due)) || inv.Due.IsZero() == want.day || (inv.Payment.Means != "") != want.means {
				t.Errorf("%s: prepaid %s, due %s on %q, means %q", number, inv.Prepaid, inv.Totals.Due, inv.Due, inv.Payment.Means)
			}
			if found := inv.Check(); len(found) > 0 {
				t.Errorf("%s: %v", number, found)
			}
			if i := o.issued(`WHERE i.number = $1`, number)[0]; want.kind == "384" && plainAmount(i.Open(), "EUR") != inv.Totals.Due.Fixed(2) {
				t.Errorf("%s: %d are open and the document says %s", number, i.Open(), inv.Totals.Due)
			}
		}
		o.as(all[0].Subject)
		page := o.Get("/portal/invoices/EX-2026-000004")
		shows(t, page, http.StatusOK, "−1.61", "0.00 EUR", "paid")
		for _, number := range []string{"EX-2026-000001", "EX-2026-000004"} {
			desktest.Lacks(t, o.Get("/portal/invoices/"+number), "How to pay", "IE29")
		}
		o.as(all[1].Subject)
		shows(t, o.Get("/portal/invoices/EX-2026-000006"), http.StatusOK, "1.01 EUR", "How to pay")
		// What stands for it in its turn says so, too; its credit note credits the whole sum.
		whole.Numbers, whole.Value = []string{"EX-2026-000004"}, "Third Town"
		ok(t, o.b.WriteAgain(t.Context(), whole, fine))
		if credit, third := o.record("EX-2026-000007").Invoice, o.record("EX-2026-000008").Invoice; !credit.Totals.Due.Equal(invoice.Dec("1.61")) || !third.Totals.Due.IsZero() {
			t.Errorf("the credit note credits %s, %s are due", credit.Totals.Due, third.Totals.Due)
		}
	})
}

// Of an invoice that costs less than the one that it stands for no more is paid than it
// costs, and what went back to the payer is paid of none.
func TestNoMoreIsPaidThanItCosts(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s := o.customer(with(meadow, map[loot.Field]string{country: "DE", postcode: "12345"}))
		o.customer(meadow)
		o.after(december)
		o.run(november)
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		first, other := o.issued(`WHERE i.subject = $1`, s)[0], o.issued(`WHERE i.subject <> $1`, s)[0]
		o.uploads(madeUpEntry{Amount: plainAmount(first.Total, "EUR"), Text: first.Number}, madeUpEntry{Amount: "1.61", Text: other.Number, Nth: 1})
		o.uploads(madeUpEntry{Amount: "-1.61", Text: other.Number, Nth: 2})
		ok(t, o.b.WriteAgain(t.Context(), again(s, companyVAT, "DE136695976", first.Number), fine))
		ok(t, o.b.WriteAgain(t.Context(), again(other.Subject, town, "Right Town", other.Number), fine))
		for subject, paid := range map[loot.Subject]bool{s: true, other.Subject: false} {
			i := o.issued(`WHERE i.subject = $1 AND i.kind = '384'`, subject)[0]
			inv := o.record(i.Number).Invoice
			if got := inv.Totals.Due.IsZero(); got != paid || paid && !inv.Prepaid.Equal(inv.Totals.WithTax) || !paid && !inv.Prepaid.IsZero() || i.Due == i.Day {
				t.Errorf("%s of %s: %s are paid and %s due by %s", i.Number, inv.Totals.WithTax, inv.Prepaid, inv.Totals.Due, i.Due)
			}
		}
	})
}
