package billing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// proofs are those of the clauses that this desk keeps.
func (b *Billing) proofs() []desk.Proof {
	return append(b.hintProofs(), []desk.Proof{
		desk.ProofUnder(Keeps[0], "an invoice is drawn from the company, its address and the services, and nothing else is opened for it", b.drawnFromThese),
		desk.ProofUnder(Keeps[0], "without one of them the invoice waits, the customer is told which, and it goes out once it is given", b.waitsAndGoes),
		desk.ProofUnder(Keeps[0], "the copy stays the same under lock after the customer is gone, until the law wants it no longer", b.keptAsLong),
		desk.ProofUnder("adequacy.mistakes", "what is accepted is put right, what was wrong stays sealed in its history, and the invoice that said it is taken back and written again", b.writtenAgainWhole),
		desk.ProofUnder("adequacy.mistakes", "a line of an invoice is reported as any detail is: no invoice is drawn from the services until it is answered, and once it is accepted that one is taken back", b.lineTakenBack),
	}...)
}

// billed registers somebody, has the month pass and its invoices issued. Before
// that, between may change something.
func (b *Billing) billed(ctx context.Context, w *desk.World, between func(loot.Subject) error) (loot.Subject, error) {
	s, err := w.NewPerson(ctx)
	if err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	m := monthOf(w.Now(), b.seller.place())
	_, over := m.span(b.seller.place())
	w.Clock.Advance(over.Add(26 * time.Hour).Sub(w.Now()))
	if between != nil {
		if err := between(s); err != nil {
			return "", err
		}
	}
	if _, err := b.startRun(ctx, m, b.actor(), false); err != nil {
		return "", err
	}
	return s, w.Drain(ctx)
}

// invoiceOf returns the invoice of somebody; none is an error.
func (b *Billing) invoiceOf(ctx context.Context, w *desk.World, s loot.Subject) (i Issued, err error) {
	err = w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		all, err := readInvoices(ctx, tx, `WHERE i.subject = $1 ORDER BY i.at`, s)
		if err == nil && len(all) != 1 {
			err = fmt.Errorf("there are %d invoices for one month of one customer", len(all))
		}
		if err == nil {
			i = all[0]
		}
		return err
	})
	return i, err
}

// bill returns the invoice of somebody new for the month that passes.
func (b *Billing) bill(ctx context.Context, w *desk.World) (Issued, error) {
	s, err := b.billed(ctx, w, nil)
	if err != nil {
		return Issued{}, err
	}
	return b.invoiceOf(ctx, w, s)
}

func (b *Billing) drawnFromThese(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	i, err := b.bill(ctx, w)
	if err != nil {
		return "", err
	}
	may, must := drawnFrom(s, []use{{Service: Service{Service: s.Services()[0].ID}}})
	var items []ledger.Item
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		items, err = w.Ledger.Timeline(ctx, tx, i.Subject, collection, "", 200)
		return err
	}); err != nil {
		return "", err
	}
	opened := 0
	for _, item := range items {
		if item.Facts.Desk != name || item.Facts.Action != loot.Use {
			continue
		}
		if item.Facts.Purpose == forService && slices.Equal(item.Subject.Fields, []loot.Field{s.AddressField(collection)}) {
			continue // the letter that tells of the invoice
		}
		if item.Facts.Purpose != forInvoice {
			return "", fmt.Errorf("the customer's details were opened for %q", item.Facts.Purpose)
		}
		for _, f := range item.Subject.Fields {
			if !slices.Contains(may, f) {
				return "", fmt.Errorf("%q was opened for an invoice", f)
			}
			opened++
		}
	}
	var looked []ledger.Item
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		looked, err = w.Ledger.Timeline(ctx, tx, i.Subject, used, "", 10)
		return err
	}); err != nil {
		return "", err
	}
	if len(looked) != 1 || looked[0].Facts.Purpose != forInvoice || !slices.Equal(looked[0].Subject.Fields, []loot.Field{Services}) {
		return "", fmt.Errorf("the ledger has %d entries about what the customer used, and there was one look for one invoice", len(looked))
	}
	if opened < len(must) {
		return "", fmt.Errorf("%d details were opened on the ledger, and an invoice needs %d", opened, len(must))
	}
	for _, d := range s.Fields(collection) {
		if c, _ := s.Category(d.Category); slices.Contains(may, d.ID) || c.Level > 2 {
			continue
		}
		err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
			_, err := w.Gate.Decide(ctx, tx, gate.Request{Action: loot.Use, Actor: b.actor(), Desk: name, Purpose: forInvoice, Subject: i.Subject, Collection: collection, Fields: []loot.Field{d.ID}})
			return err
		})
		if _, refused := errors.AsType[*gate.Refusal](err); !refused {
			return "", fmt.Errorf("%q was not refused for an invoice: %w", d.Title, err)
		}
	}
	a, err := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(i.Subject)}}.Get(ctx, "/portal/invoices/"+i.Number)
	if err != nil {
		return "", err
	}
	page := html.UnescapeString(a.Body.String())
	for _, what := range []string{i.Number, s.Services()[0].Title, b.seller.of(s.Front()).Name} {
		if a.Status != http.StatusOK || !strings.Contains(page, what) {
			return "", fmt.Errorf("the portal was answered with %d and does not show %q on the invoice", a.Status, what)
		}
	}
	return fmt.Sprintf("%s issued, %s opened for it, every other one refused", i.Number, loot.Plural(opened, "detail", "details")), nil
}

func (b *Billing) waitsAndGoes(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	_, must := drawnFrom(s, []use{{Service: Service{Service: s.Services()[0].ID}}})
	if len(must) == 0 {
		return "", errors.New("an invoice needs nothing of the customer by this statement")
	}
	f := must[len(must)-1]
	d, _ := s.Field(f)
	var subject loot.Subject
	give := func(value string) error {
		me := loot.Actor{Kind: loot.Person, ID: string(subject)}
		return w.Gate.InTx(ctx, func(tx *store.Tx) error {
			p, err := w.Gate.Decide(ctx, tx, gate.Request{Action: loot.Collect, Actor: me, Desk: name, Purpose: forInvoice, Subject: subject, Collection: collection, Fields: []loot.Field{f}})
			if err != nil {
				return err
			}
			return w.Vault.Add(ctx, tx, p, map[loot.Field]string{f: value}, "you, in the portal")
		})
	}
	sent := 0
	subject, err := b.billed(ctx, w, func(made loot.Subject) error {
		subject, sent = made, w.Sent()
		return give("")
	})
	if err != nil {
		return "", err
	}
	if _, err := b.invoiceOf(ctx, w, subject); err == nil {
		return "", fmt.Errorf("an invoice was issued without %q", d.Title)
	}
	// Others are written to by others meanwhile, so that it is the desk's own note
	// that says whose letter went out.
	var waits []pending
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		waits, err = readPending(ctx, tx, `WHERE subject = $1`, subject)
		return err
	}); err != nil {
		return "", err
	}
	if len(waits) != 1 || waits[0].Told.IsZero() || w.Sent() == sent {
		return "", errors.New("no letter told the customer that the invoice waits")
	}
	a, err := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(subject)}}.Get(ctx, "/portal/invoices")
	if err != nil {
		return "", err
	}
	if !strings.Contains(html.UnescapeString(a.Body.String()), d.Title) {
		return "", fmt.Errorf("the portal does not say that %q is missing", d.Title)
	}
	value := "Exampleton"
	if d.Type == "country" {
		value = "IE"
	}
	if err := give(value); err != nil {
		return "", err
	}
	if err := b.hourly(ctx, hourlyArgs{}); err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	i, err := b.invoiceOf(ctx, w, subject)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("without “%s” it waited, and a letter and the portal said so; given, it went out as %s", d.Title, i.Number), nil
}

func (b *Billing) keptAsLong(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	i, err := b.bill(ctx, w)
	if err != nil {
		return "", err
	}
	clerk, err := w.NewStaff(ctx, true, "billing")
	if err != nil {
		return "", err
	}
	read := func() ([]byte, error) {
		return b.opened(ctx, i, docPDF, gate.Request{Action: loot.Use, Actor: clerk, Unmask: true, Reason: "an audit"})
	}
	first, err := read()
	if err != nil {
		return "", err
	}
	var last time.Duration // for which anything that a service needs holds the record
	for _, id := range s.Services()[0].Purposes {
		p, _ := s.Purpose(id)
		last = max(last, p.Retain)
	}
	me := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(i.Subject)}}
	for range 2 { // asked for, and asked again when nothing holds the record any longer
		if _, err := me.Post(ctx, "/portal/account/erase", url.Values{"sure": {"on"}}); err != nil {
			return "", err
		}
		w.Clock.Advance(last + 48*time.Hour)
		if err := w.Drain(ctx); err != nil {
			return "", err
		}
	}
	gone := false
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		row, err := w.Vault.Row(ctx, tx, i.Subject, collection)
		gone = loot.KindOf(err) == loot.NotFound || err == nil && row.Erased()
		return nil
	}); err != nil || !gone {
		return "", errors.Join(err, errors.New("the customer's record is still there"))
	}
	again, err := read()
	if err != nil {
		return "", err
	}
	if !bytes.Equal(first, again) {
		return "", errors.New("the copy is not what it was")
	}
	kept, ok := s.Purpose(forBookkeeping)
	if !ok {
		return "", errors.New("the statement does not say how long invoices are kept")
	}
	end := kept.Keep.After(i.At.UTC())
	for _, at := range []time.Time{end.Add(-time.Hour), end.Add(time.Hour)} {
		// The desk alone is told that years have passed: other proofs stand on what
		// the world did lately.
		later := &Billing{Kit: b.Kit}
		later.Now = func() time.Time { return at }
		if err := later.sweepOver(ctx, later.oldCopies(kept)); err != nil {
			return "", err
		}
		if err := w.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
			i, err = findInvoice(ctx, tx, i.Number)
			return err
		}); err != nil {
			return "", err
		}
		if _, err := read(); (err == nil) != at.Before(end) {
			return "", fmt.Errorf("on %s, with the law's end on %s, reading the copy said: %w", at.Format(time.DateOnly), end.Format(time.DateOnly), err)
		}
	}
	return "the same to the byte when the customer was gone; held for " + kept.Keep.Words() + " but an hour, removed an hour later", nil
}
