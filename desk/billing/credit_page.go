package billing

import (
	"context"
	"net/http"
	"net/url"

	"loot/desk/billing/invoice"
	"loot/store"
	"loot/web"
)

// creditAlert says what a document has to do with an invoice that was taken back,
// and leads to the others; nil: nothing. Pages of documents begin with base.
func (b *Billing) creditAlert(ctx context.Context, i Issued, base string) (*web.Alert, error) {
	as := map[invoice.Kind]string{invoice.CreditNote: "credit", invoice.Corrected: "corrected"}[i.Kind]
	if i.Credited != "" {
		as = "original" // which counts for more than that it stood for another
	}
	if as == "" {
		return nil, nil
	}
	var c Credit
	var found bool
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		c, found, err = creditOf(ctx, tx, as, i.Number)
		return err
	}); err != nil || !found {
		return nil, err
	}
	a := &web.Alert{Tone: web.Info}
	link := func(label, number string) {
		if number != "" {
			a.Actions = append(a.Actions, web.Action{Label: label + " " + number, Icon: "receipt-text", Small: true, Href: base + url.PathEscape(number)})
		}
	}
	switch as {
	case "original":
		a.Tone, a.Title, a.Text = web.Warn, "This invoice was taken back.", "It counts no longer: a credit note takes it back as a whole."
		if c.Corrected != "" {
			a.Text = "It counts no longer: a credit note takes it back, and a corrected invoice stands for it."
		}
		link("Credit note", c.Credit)
		link("Corrected invoice", c.Corrected)
	case "credit":
		a.Title, a.Text = "This credit note takes an invoice back.", "It credits the whole sum."
		link("Invoice", c.Original)
		link("Corrected invoice", c.Corrected)
	case "corrected":
		a.Title, a.Text = "This invoice stands for another.", "The other one was taken back by a credit note, since something on it was wrong."
		link("Taken back:", c.Original)
		link("Credit note", c.Credit)
	}
	return a, nil
}

func takingFields() web.Fields {
	return web.Fields{
		{Name: "why", Label: "Reason", MaxLen: 200, Required: true, Plain: true, Hint: "The customer reads it on the credit note."},
	}
}

// credit issues a credit note for a whole invoice.
func (b *Billing) credit(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := takingFields()
	if err := form.Check(typed); web.Wrong(err) != nil {
		form = form.With(typed, err)
		return b.showInvoice(w, r, http.StatusUnprocessableEntity, invoiceView{Taking: form, Untaken: web.ProblemsOf(err, form)})
	} else if err != nil {
		return err
	}
	credit, err := b.takeBack(r.Context(), r.PathValue("number"), typed.Get("why"), web.ActorOf(r.Context()))
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Taken back by credit note "+credit.Number+". The customer is told.")
	return web.Redirect(w, r, "/console/billing/invoices/"+url.PathEscape(r.PathValue("number")))
}
