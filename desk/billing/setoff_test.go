package billing

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/desk/billing/camt"
	"loot/desk/desktest"
	"loot/store"
)

// credited has a customer pay more than the first invoice asks for, so that 2.39 are in
// credit.
func (o *office) credited(first Issued) {
	o.Helper()
	o.uploads(madeUpEntry{Amount: "4.00", Text: camt.CreditorReference("EX2026000001")})
	o.stands(first.Number, "paid")
	o.as(first.Subject)
	shows(o, o.Get("/portal/invoices"), http.StatusOK, "€ 2.39 in credit")
}

// billedThrice makes a customer with the invoices of three months.
func (o *office) billedThrice() []Issued {
	o.Helper()
	o.billedFor(1)
	o.after(january)
	o.run("2026-12")
	o.after(january.AddDate(0, 1, 0))
	o.run("2027-01")
	return o.issued("")
}

var january = time.Date(2027, 1, 2, 9, 0, 0, 0, time.UTC)

// What is in credit pays the next invoice as it is issued, as far as it goes, and only its
// customer's; its letter says so.
func TestWhatIsInCreditIsSetOffAgainstTheNextInvoice(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		all := o.billedFor(2)
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		o.credited(all[0])
		// A payment that waits for a decision is no credit yet, nor is one that went back.
		o.uploads(
			madeUpEntry{Amount: "9.00", Text: all[1].Number, Nth: 1},
			madeUpEntry{Amount: "7.00", Text: camt.CreditorReference("EX2026000002"), Nth: 2}, madeUpEntry{Amount: "-7.00", Text: all[1].Number, Nth: 3},
		)
		o.after(january)
		o.run("2026-12")
		next := map[loot.Subject]Issued{}
		for _, i := range o.issued(`WHERE i.began = '2026-12-01'`) {
			next[i.Subject] = i
		}
		mine, other := next[all[0].Subject], next[all[1].Subject]
		if mine.Total != 603 || mine.Paid != 239 || other.Paid != 0 {
			t.Errorf("of %d are %d paid, of the other's %d", mine.Total, mine.Paid, other.Paid)
		}
		o.stands(mine.Number, "partly paid")
		if inv := o.record(mine.Number).Invoice; inv.Totals.Due.Fixed(2) != "3.64" || inv.Prepaid.Fixed(2) != "2.39" || len(inv.Check()) > 0 {
			t.Errorf("the document asks for %s, and says that %s are paid: %v", inv.Totals.Due, inv.Prepaid, inv.Check())
		}
		o.stands(all[1].Number, "overdue")
		o.as(mine.Subject)
		shows(t, o.Get("/portal/invoices/"+mine.Number), http.StatusOK, "€ 2.39 came on 10 December 2026", "€ 3.64")
		shows(t, o.Get("/portal/invoices"), http.StatusOK, "€ 3.64 to pay")
		said := false
		for _, m := range o.Mail.Sent() {
			text := strings.ReplaceAll(m.Text, "\u00a0", " ")
			said = said || m.About == mine.Subject && strings.Contains(m.Subject, mine.Number) && strings.Contains(text, "€ 2.39") && strings.Contains(text, "€ 3.64")
		}
		if !said {
			t.Error("the letter does not say what is paid")
		}
	})
}

// What was paid of an invoice that is taken back is set off against what is open, as the
// credit note says: the oldest invoice first, the oldest payment first, but for what its customer says is
// wrong.
func TestWhatIsTakenBackIsSetOffAgainstWhatIsOpen(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		all := o.billedThrice()
		s := all[0].Subject
		december, last := all[1], all[2]
		o.uploads(madeUpEntry{Day: "2027-02-01", Amount: plainAmount(last.Total, "EUR"), Text: last.Number}, madeUpEntry{Day: "2027-01-30", Amount: "1.00", Text: december.Number, Nth: 1})
		o.stands(all[0].Number, "overdue")
		o.b.Disputed(func(_ context.Context, _ *store.Tx, _ loot.Subject, number string) (bool, error) {
			return number == all[0].Number, nil
		})
		_, err := o.b.takeBack(t.Context(), last.Number, "It was a mistake.", clerk)
		ok(t, err)
		o.stands(all[0].Number, "overdue")
		o.stands(december.Number, "paid")
		o.b.Disputed(nil)
		_, err = o.b.takeBack(t.Context(), december.Number, "It was a mistake.", clerk)
		ok(t, err)
		o.stands(all[0].Number, "paid")
		if got := o.paid(""); got[0].Given != 100 || got[1].Given != 61 {
			t.Errorf("what came first is given first: %+v", got)
		}
		o.as(s)
		shows(t, o.Get("/portal/invoices"), http.StatusOK, "€ "+plainAmount(last.Total+100-161, "EUR")+" in credit")
		// Where the bank takes the payment back, what it was set off against is open again.
		o.uploads(madeUpEntry{Day: "2027-02-02", Amount: "-1.00", Text: all[0].Number, Nth: 2})
		o.stands(all[0].Number, "overdue")
	})
}

// The oldest invoice is paid first, and the next with what is left.
func TestWhatIsInCreditPaysTheOldestInvoiceFirst(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		all := o.billedThrice()
		o.uploads(madeUpEntry{Day: "2027-02-01", Amount: "2.00", Text: all[2].Number})
		_, err := o.b.takeBack(t.Context(), all[2].Number, "It was a mistake.", clerk)
		ok(t, err)
		if got := o.issued(`WHERE i.kind = '380'`); got[0].Paid != 161 || got[1].Paid != 39 || got[2].Paid != 0 {
			t.Errorf("%d, %d and %d are paid", got[0].Paid, got[1].Paid, got[2].Paid)
		}
	})
}

// What is in credit in one currency pays nothing in another.
func TestWhatIsInCreditPaysNothingInAnotherCurrency(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		first := o.billedFor(1)[0]
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		o.credited(first)
		o.asStaff("billing")
		o.priced(490, "USD")
		o.after(january)
		desktest.Leads(t, o.Post("/console/billing/rates", "day", "2026-12-31", "currency", "USD", "rate", "1.10"), "/console/billing/rates")
		o.run("2026-12")
		if got := o.issued(`WHERE i.currency = 'USD'`); len(got) != 1 || got[0].Paid != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// What comes while the documents are drawn is on them, too: what they ask for is what is
// open. Where all of it is in credit they ask for nothing and say nothing of how to pay.
func TestTheDocumentSaysWhatIsSetOff(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		first := o.billedFor(1)[0]
		o.after(time.Date(2026, 12, 11, 9, 0, 0, 0, time.UTC))
		o.credited(first)
		o.after(january)
		more := func(id string, amount int64) {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				_, err := insertPayment(ctx, tx, payment{ID: id, Mark: id, Author: "t-bill", Subject: first.Subject, Day: o.b.today(), Amount: amount, Currency: "EUR", At: o.b.Now(), Decided: o.b.Now()}, nil)
				return err
			})
		}
		var once sync.Once
		o.b.at = func(step string) {
			if step == "sealed" {
				once.Do(func() { more("y-meanwhile", 100) })
			}
		}
		o.run("2026-12")
		o.b.at = nil
		says := func(began, prepaid, due string, means bool) {
			t.Helper()
			all := o.issued(`WHERE i.began = $1`, began)
			if len(all) != 1 {
				t.Fatalf("%d invoices", len(all))
			}
			inv := o.record(all[0].Number).Invoice
			if inv.Prepaid.Fixed(2) != prepaid || inv.Totals.Due.Fixed(2) != due || plainAmount(all[0].Open(), "EUR") != due || (inv.Payment.Means != "") != means || inv.Due.IsZero() == means {
				t.Errorf("paid %s, due %s by the document and %d open, to be paid by %v in %v", inv.Prepaid, inv.Totals.Due, all[0].Open(), inv.Payment, inv.Due)
			}
			if found := inv.Check(); len(found) > 0 {
				t.Error(found)
			}
		}
		says("2026-12-01", "3.39", "2.64", true)
		more("y-later", 100000) // which nobody divided yet
		o.after(january.AddDate(0, 1, 0))
		o.run("2027-01")
		all := o.issued(`WHERE i.began = '2027-01-01'`)
		says("2027-01-01", plainAmount(all[0].Total, "EUR"), "0.00", false)
	})
}
