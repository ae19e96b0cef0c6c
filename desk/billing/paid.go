package billing

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"loot"
	"loot/desk/billing/invoice"
	"loot/store"
	"loot/web"
)

// OpenSum writes what is still to be paid as people read it.
func (i Issued) OpenSum() string { return money(max(0, i.Open()), i.Currency) }

// paidRow is what was paid of an invoice on a day.
type paidRow struct {
	On   string
	Sum  string
	Href string // of the payment, for the staff
	Back bool   // it went back
}

// paidOf returns what was paid of an invoice, latest first; what was taken to
// another invoice again is left out.
func paidOf(ctx context.Context, tx *store.Tx, i Issued) (out []paidRow, err error) {
	rows, err := tx.Query(ctx, `SELECT p.id, p.day, CAST(SUM(s.amount) AS BIGINT) FROM billing_paid s JOIN billing_payment p ON p.id = s.payment
		WHERE s.invoice = $1 GROUP BY p.id, p.day HAVING SUM(s.amount) <> 0 ORDER BY p.day DESC, p.id`, i.Number)
	if err != nil {
		return nil, fmt.Errorf("billing: paid: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, day string
		var amount int64
		if err := rows.Scan(&id, &day, &amount); err != nil {
			return nil, fmt.Errorf("billing: paid: %w", err)
		}
		on, err := invoice.ParseDate(day)
		if err != nil {
			return nil, err
		}
		out = append(out, paidRow{on.Words(inPages), money(amount, i.Currency), paymentsPath + "/" + url.PathEscape(id), amount < 0})
	}
	return out, rows.Err()
}

func (b *Billing) paidFields(i Issued) web.Fields {
	open := ""
	if i.Open() > 0 {
		open = plainAmount(i.Open(), i.Currency)
	}
	return web.Fields{
		{Name: "sent", Type: "hidden", Value: rand.Text(), Form: "paid"},
		{Name: "amount", Label: "Amount", InputMode: "decimal", MaxLen: 20, Required: true, Plain: true, Value: open, Suffix: i.Currency, Form: "paid"},
		{Name: "day", Type: "date", Label: "Paid on", Required: true, Plain: true, Value: b.today().String(), Form: "paid"},
	}
}

// showPaid adds to the page of an invoice what was paid of it.
func (b *Billing) showPaid(r *http.Request, v *invoiceView, i Issued) error {
	state := b.rowOf(i, "").State
	v.Facts = slices.Insert(v.Facts, 0, web.Fact{Term: "State", Badge: &state})
	if i.Kind != invoice.CreditNote && i.Credited == "" {
		v.Facts = append(v.Facts, web.Fact{Term: "Open", Value: i.OpenSum()})
		if v.Pay == nil {
			v.Pay = b.paidFields(i)
		}
		v.PayTo = "/console/billing/invoices/" + url.PathEscape(i.Number) + "/payments"
	}
	var letters []written
	var balances []balance
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		if letters, err = lettersOf(r.Context(), tx, i.Number); err != nil {
			return err
		}
		if v.Payments, err = paidOf(r.Context(), tx, i); err != nil {
			return err
		}
		balances, err = balancesOf(r.Context(), tx, i.Subject)
		return err
	}); err != nil {
		return err
	}
	for _, l := range letters {
		v.Facts = append(v.Facts, l.fact())
	}
	for _, one := range balances {
		v.Facts = append(v.Facts, web.Fact{Term: "Balance of the customer", Value: one.Words()})
	}
	return nil
}

// showInvoicePaid shows the page of an invoice with what was typed of a payment.
func (b *Billing) showInvoicePaid(w http.ResponseWriter, r *http.Request, status int, form web.Fields, wrong error) error {
	return b.showInvoice(w, r, status, invoiceView{Pay: form, PayWrong: web.ProblemsOf(wrong, form)})
}

// exportedPayment is one in the copy of what is held.
type exportedPayment struct {
	Booked   string     `json:"booked"`
	Amount   string     `json:"amount"`
	Currency string     `json:"currency"`
	For      []paidPart `json:"for,omitempty"`
	*told               // what the bank said, as long as it is kept
}

// A paidPart is what of a payment is for an invoice.
type paidPart struct {
	Invoice string `json:"invoice"`
	Amount  string `json:"amount"`
}

// exportPayments returns somebody's payments with what the bank said of them.
func (b *Billing) exportPayments(ctx context.Context, tx *store.Tx, s loot.Subject) (out []exportedPayment, err error) {
	list, err := readPayments(ctx, tx, `WHERE p.subject = $1 ORDER BY p.day, p.id`, s)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		one := exportedPayment{Booked: p.Day.String(), Amount: plainAmount(p.Amount, p.Currency), Currency: p.Currency}
		shares, err := sharesOf(ctx, tx, p.ID)
		if err != nil {
			return nil, err
		}
		for _, part := range shares {
			one.For = append(one.For, paidPart{part.Invoice, plainAmount(part.Amount, p.Currency)})
		}
		t, there, err := b.tellOf(ctx, tx, p.ID)
		if err != nil {
			return nil, err
		}
		if there {
			one.told = &t
		}
		out = append(out, one)
	}
	return out, nil
}
