package billing

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"loot"
	"loot/desk/billing/invoice"
	"loot/store"
	"loot/web"
)

// decided changes a payment as a colleague decides, in one transaction in which
// nobody else divides payments, and goes back to its page.
func (b *Billing) decided(w http.ResponseWriter, r *http.Request, note, said string, change func(ctx context.Context, tx *store.Tx, by loot.Actor, p payment) error) error {
	ctx, by := r.Context(), web.ActorOf(r.Context())
	if err := b.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := settling(ctx, tx); err != nil {
			return err
		}
		p, err := findPayment(ctx, tx, r.PathValue("id"))
		if err != nil {
			return err
		}
		if err := change(ctx, tx, by, p); err != nil {
			return err
		}
		_, err = b.Gate.Note(ctx, tx, by, note, p.ID)
		return err
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, said)
	return web.Redirect(w, r, paymentsPath+"/"+r.PathValue("id"))
}

// setPayment notes whose a payment is and whether it is decided.
func setPayment(ctx context.Context, tx *store.Tx, p payment) error {
	if _, err := tx.Exec(ctx, `UPDATE billing_payment SET subject = $1, finding = $2, decided = $3 WHERE id = $4`, p.Subject, p.Finding, store.Micro(p.Decided), p.ID); err != nil {
		return fmt.Errorf("billing: payment: %w", err)
	}
	return nil
}

// givePayment gives a part of a payment, or all of it, to an invoice.
func (b *Billing) givePayment(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	err = b.decided(w, r, "payment.matched", "The payment is for that invoice now.", func(ctx context.Context, tx *store.Tx, by loot.Actor, p payment) error {
		back, err := takenBack(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if back || p.Left() <= 0 || !p.Decided.IsZero() && p.Subject == "" {
			return loot.Errorf(loot.Conflict, "Nothing of this payment is left for an invoice.")
		}
		amount, err := amountOf(typed.Get("amount"), p.Currency)
		if err != nil {
			return err
		}
		i, err := findInvoice(ctx, tx, typed.Get("invoice"))
		wrong := ""
		switch {
		case loot.KindOf(err) == loot.NotFound || i.Kind == invoice.CreditNote:
			wrong = "There is no invoice with this number."
		case err != nil:
			return err
		case i.Currency != p.Currency:
			wrong = "This invoice is in " + i.Currency + ", and the payment in " + p.Currency + "."
		case len(p.Subject) > 0 && p.Given != 0 && i.Subject != p.Subject:
			wrong = "Another part of this payment is for an invoice of somebody else."
		case i.Open() <= 0:
			wrong = "Nothing is open on this invoice."
		}
		if wrong != "" {
			return web.Invalid("", map[string]string{"invoice": wrong})
		}
		if amount > p.Left() || amount > i.Open() {
			return web.Invalid("", map[string]string{"amount": "At most " + money(min(p.Left(), i.Open()), p.Currency) + ": so much is left of the payment and open on the invoice."})
		}
		if p.Subject, p.Finding = i.Subject, ""; p.Decided.IsZero() {
			p.Decided = b.Now()
		}
		if err := setPayment(ctx, tx, p); err != nil {
			return err
		}
		return b.give(ctx, tx, p.ID, by.ID, []share{{i.Number, amount}})
	})
	if web.Wrong(err) != nil {
		return b.showPayment(w, r, http.StatusUnprocessableEntity, nil, typed, err)
	}
	return err
}

// undoPayment takes a payment from the invoices that it was for.
func (b *Billing) undoPayment(w http.ResponseWriter, r *http.Request) error {
	return b.decided(w, r, "payment.undone", "The payment waits for a decision again.", func(ctx context.Context, tx *store.Tx, by loot.Actor, p payment) error {
		back, err := takenBack(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		shares, err := sharesOf(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if back || p.Takes != "" || len(shares) == 0 {
			return loot.Errorf(loot.Conflict, "There is nothing to take back: this payment is for no invoice, or went back itself.")
		}
		p.Decided, p.Finding = time.Time{}, "A colleague took it from the invoice that it was for."
		if err := setPayment(ctx, tx, p); err != nil {
			return err
		}
		return b.give(ctx, tx, p.ID, by.ID, negated(shares))
	})
}

func negated(shares []share) []share {
	out := make([]share, len(shares))
	for i, s := range shares {
		out[i] = share{s.Invoice, -s.Amount}
	}
	return out
}

// payBack notes that a payment went back, by the bank or by a transfer.
func (b *Billing) payBack(w http.ResponseWriter, r *http.Request) error {
	return b.decided(w, r, "payment.returned", "It is noted that the payment went back.", func(ctx context.Context, tx *store.Tx, by loot.Actor, p payment) error {
		if gone, err := takenBack(ctx, tx, p.ID); err != nil || gone {
			return err // the bank told of it meanwhile, or the same form was sent twice
		}
		shares, err := sharesOf(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		back := payment{
			ID: loot.NewID("y"), Mark: "back " + p.ID, Author: by.ID, Subject: p.Subject, Day: b.today(), Amount: -p.Amount, Currency: p.Currency, Takes: p.ID, At: b.Now(), Decided: b.Now(),
		}
		if p.Amount <= 0 || p.Subject == "" {
			return loot.Errorf(loot.Conflict, "Only a customer's payment can go back.")
		}
		if p.Finding != "" {
			p.Decided, p.Finding = b.Now(), ""
			if err := setPayment(ctx, tx, p); err != nil {
				return err
			}
		}
		if _, err := insertPayment(ctx, tx, back, nil); err != nil {
			return err
		}
		return b.give(ctx, tx, back.ID, by.ID, negated(shares))
	})
}

// dismissPayment notes that a payment is no customer's: what the bank says of who
// paid goes at once.
func (b *Billing) dismissPayment(w http.ResponseWriter, r *http.Request) error {
	return b.decided(w, r, "payment.dismissed", "It is noted that the payment is no customer's. What the bank said of it is removed.", func(ctx context.Context, tx *store.Tx, _ loot.Actor, p payment) error {
		if !p.Decided.IsZero() || p.Given != 0 {
			return loot.Errorf(loot.Conflict, "This payment is decided already.")
		}
		p.Subject, p.Finding, p.Decided = "", "", b.Now()
		if err := setPayment(ctx, tx, p); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE billing_payment SET sealed = NULL, thread = '' WHERE id = $1`, p.ID); err != nil {
			return fmt.Errorf("billing: payment: %w", err)
		}
		return nil
	})
}
