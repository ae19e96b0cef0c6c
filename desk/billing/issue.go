package billing

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"loot"
	"loot/desk/billing/invoice"
	"loot/gate"
	"loot/store"
	"loot/vault"
)

// The documents of an invoice, by their names in the sealed file.
const (
	docPDF    = "invoice.pdf" // PDF/A-3B with the CII inside
	docUBL    = "ubl.xml"
	docCII    = "cii.xml"
	docRecord = "record.json" // an [invoice.Record], from which the page is drawn
)

// drawAll draws the month of customers and issues what can be issued. What
// waits is noted, and its owner told. Doing it again issues nothing twice.
func (b *Billing) drawAll(ctx context.Context, m Month, subjects []loot.Subject) error {
	var drafts []draft
	for _, s := range subjects {
		d, err := b.draw(ctx, s, m)
		if err != nil {
			return err
		}
		b.step("drawn")
		if d.waits == nil {
			drafts = append(drafts, d.drafts...)
		}
		if err := b.DB.InTx(ctx, func(tx *store.Tx) error {
			if d.waits == nil && len(d.drafts) > 0 {
				return nil // what it waited for is forgotten once it is issued
			}
			if d.waits == nil {
				return dropPending(ctx, tx, s, m)
			}
			if err := putPending(ctx, tx, *d.waits); err != nil || !d.waits.theirs() {
				return err
			}
			return b.Jobs.Enqueue(ctx, tx, tellArgs{s, m})
		}); err != nil {
			return err
		}
	}
	if len(drafts) == 0 {
		return nil
	}
	err := b.issue(ctx, drafts)
	if err == nil || retried(err) {
		return err
	}
	for _, d := range drafts { // one that cannot be issued holds up nobody else
		if err := b.issueAlone(ctx, d, m); err != nil {
			return err
		}
	}
	return nil
}

// retried reports whether an error is over by itself.
func retried(err error) bool {
	return loot.KindOf(err) == loot.Unavailable || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errUnset)
}

func (b *Billing) issueAlone(ctx context.Context, d draft, m Month) error {
	err := b.issue(ctx, []draft{d})
	if err == nil || retried(err) {
		return err
	}
	if store.IsUnique(err) {
		return nil // another process issued it meanwhile
	}
	b.Log.ErrorContext(ctx, "an invoice could not be issued", "subject", d.subject, "err", err)
	wrong := finding{Text: "It could not be sealed or written down; the log says why."}
	switch {
	case loot.KindOf(err) == loot.Invalid: // with its number it breaks a rule
		wrong.Text = loot.Message(err)
	case vault.Damaged(err):
		wrong.Text = unreadable
	}
	return b.DB.InTx(ctx, func(tx *store.Tx) error {
		return putPending(ctx, tx, pending{Subject: d.subject, Month: m, Finding: wrong, Since: b.Now()})
	})
}

// errUnset says that the seller is not known well enough.
var errUnset = errors.New("billing: the seller's details are missing")

// issue gives drafts their numbers, draws and seals the documents, and writes it
// all down in one transaction. The documents say the number, and are sealed
// before the transaction that takes it: so they are made again whenever others
// took it meanwhile. Within this process nobody does.
func (b *Billing) issue(ctx context.Context, drafts []draft) error {
	return b.issueWithin(ctx, drafts, nil, nil)
}

// issueWithin is issue with what others do in the same transaction before the
// documents are written down, and after. Each may be nil and may run more than
// once.
func (b *Billing) issueWithin(ctx context.Context, drafts []draft, before func(*store.Tx) error, after func(*store.Tx, []Issued) error) error {
	v, err := b.inForce()
	if err != nil {
		return err
	}
	seller := b.seller.of(v.Front())
	if missing := seller.missing(""); len(missing) > 0 {
		return loot.Wrap(loot.Conflict, errUnset, "No invoice can be issued: "+strings.Join(missing, " "))
	}
	b.issuing.Lock()
	defer b.issuing.Unlock()
	for {
		err := b.issueAs(ctx, seller, drafts, before, after)
		if !errors.Is(err, errMoved) {
			return err
		}
	}
}

func (b *Billing) issueAs(ctx context.Context, seller Seller, drafts []draft, before func(*store.Tx) error, after func(*store.Tx, []Issued) error) error {
	now := b.Now() // of all of them, whichever is drawn first
	series := seller.Series + "-" + strconv.Itoa(now.In(seller.place()).Year())
	var next int64
	var credit map[purse]int64
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if next, err = nextNumber(ctx, tx, series); err != nil {
			return err
		}
		_, credit, err = b.settings(ctx, tx, subjectsOf(drafts), nil)
		return err
	}); err != nil {
		return fmt.Errorf("billing: series: %w", err)
	}
	prepaid, err := prepaidOf(drafts, credit)
	if err != nil {
		return err
	}
	made := make([]Issued, len(drafts))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range drafts {
		group.Go(func() (err error) {
			made[i], err = b.seal(groupCtx, seller, &drafts[i], series, next+int64(i), now, prepaid[i])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	err = b.Gate.InTx(ctx, func(tx *store.Tx) error {
		if before != nil {
			if err := before(tx); err != nil {
				return err
			}
		}
		if err := takeNumbers(ctx, tx, series, next, len(drafts)); err != nil {
			return err
		}
		for i, d := range drafts {
			if err := b.keep(ctx, tx, d, made[i]); err != nil {
				return err
			}
			if made[i].Kind != invoice.Commercial {
				continue // a month that waits waits on
			}
			if err := dropPending(ctx, tx, d.subject, Month(made[i].Period.From.String()[:7])); err != nil {
				return err
			}
		}
		if after != nil {
			if err := after(tx, made); err != nil {
				return err
			}
		}
		got, err := b.setOff(ctx, tx, subjectsOf(drafts), correctedOf(made)...)
		if err != nil {
			return err
		}
		for i, one := range made {
			if one.Kind == invoice.Commercial && got[one.Number] != prepaid[i] {
				return errMoved // the documents say something else
			}
		}
		return nil
	})
	b.step("issued")
	return err
}

// prepaidOf returns what of each draft of a month is paid from its customer's credit.
func prepaidOf(drafts []draft, credit map[purse]int64) ([]int64, error) {
	out := make([]int64, len(drafts))
	for i, d := range drafts {
		inv, of := d.record.Invoice, purse{d.subject, d.record.Invoice.Currency}
		if inv.Kind != invoice.Commercial || credit[of] == 0 {
			continue
		}
		var err error
		if out[i], err = prepay(&inv, credit[of]); err != nil {
			return nil, err
		}
		credit[of] -= out[i]
	}
	return out, nil
}

// correctedOf returns the numbers of the invoices that stand for others: they say what was
// paid of those, and are paid from credit only with what is issued next.
func correctedOf(made []Issued) (out []string) {
	for _, one := range made {
		if one.Kind == invoice.Corrected {
			out = append(out, one.Number)
		}
	}
	return out
}

// step is where a test ends the process.
func (b *Billing) step(what string) {
	if b.at != nil {
		b.at(what)
	}
}

// seal draws the documents of a draft under a number and seals them. Of what they ask for
// some is prepaid, besides what the draft says.
func (b *Billing) seal(ctx context.Context, seller Seller, d *draft, series string, sequence int64, now time.Time, prepaid int64) (out Issued, err error) {
	r := d.record
	inv := &r.Invoice
	numbered(inv, seller, series, sequence, now)
	if prepaid > 0 {
		if _, err := prepay(inv, prepaid); err != nil {
			return out, err
		}
	}
	r.Known = slices.Clone(r.Known) // the draft may get another number yet
	for i := range r.Known {
		wrong, _, _ := strings.Cut(r.Known[i].Wrong, "&invoice=") // of the invoice that this one is about
		switch {
		case inv.Kind != invoice.CreditNote:
			wrong += "&invoice=" + url.QueryEscape(inv.Number)
		case r.Known[i].Line != "":
			wrong = "" // it charges nothing
		}
		r.Known[i].Wrong = wrong
	}
	if err := inv.Compute(); err != nil {
		return out, fmt.Errorf("billing: compute: %w", err)
	}
	due := inv.Due // counts if what was paid goes back
	if inv.Totals.Due.Sign() <= 0 {
		inv.Due = invoice.Date{} // the document names no day by which to pay nothing
	}
	if found := inv.Check(); len(found) > 0 {
		return out, loot.Errorf(loot.Invalid, "%s", inLine(found))
	}
	docs, err := b.documents(&r)
	if err != nil {
		return out, err
	}
	if err := b.Keyring.Create(ctx, d.subject, invoices); err != nil {
		return out, err
	}
	out = Issued{
		Number: inv.Number, Series: series, Sequence: sequence, Subject: d.subject, Kind: inv.Kind, Language: r.Language, Statement: d.version, At: now,
		Day: inv.Issued, Due: due, Period: inv.Period, Currency: inv.Currency,
	}
	if out.Due.IsZero() {
		out.Due = out.Day
	}
	for _, p := range inv.Preceding {
		out.Preceding = p.Number
	}
	for _, one := range []struct {
		to     *int64
		amount invoice.Decimal
	}{{&out.Net, inv.Totals.WithoutTax}, {&out.Tax, inv.Totals.Tax}, {&out.Total, inv.Totals.WithTax}} {
		if *one.to, err = smallest(one.amount, inv.Currency); err != nil {
			return out, err
		}
	}
	defer b.step("sealed")
	out.File, err = b.Vault.Stage(ctx, d.subject, invoices, partyField, inv.Number+".tar", "application/x-tar", bytes.NewReader(docs))
	return out, err
}

// smallest counts an amount in the smallest unit of a currency.
func smallest(amount invoice.Decimal, currency string) (int64, error) {
	places, _ := invoice.Decimals(currency)
	n, err := strconv.ParseInt(strings.Replace(amount.Fixed(places), ".", "", 1), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("billing: amount: %w", err)
	}
	return n, nil
}

// documents draws all that there is of an invoice, as one archive.
func (b *Billing) documents(r *invoice.Record) ([]byte, error) {
	printer, err := b.printer()
	if err != nil {
		return nil, fmt.Errorf("billing: printer: %w", err)
	}
	if !printer.Draws(party(r.Invoice.Buyer)) {
		b.Log.Warn("the PDF shows boxes in whom it is to: no font draws some characters; name one by --invoice-font", "invoice", r.Invoice.Number)
	}
	pdf, err := printer.PDF(r)
	if err != nil {
		return nil, fmt.Errorf("billing: pdf: %w", err)
	}
	record, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("billing: record: %w", err)
	}
	type document struct {
		name    string
		content []byte
	}
	all, size := []document{{docRecord, record}, {docPDF, pdf}, {docUBL, r.Invoice.UBL()}, {docCII, r.Invoice.CII()}}, 1024
	for _, one := range all {
		size += len(one.content) + 1024 // at most, with its head and its rest
	}
	out := bytes.NewBuffer(make([]byte, 0, size)) // else it would grow through twice as much
	w := tar.NewWriter(out)
	for _, one := range all {
		if err := w.WriteHeader(&tar.Header{Name: one.name, Mode: 0o600, Size: int64(len(one.content)), Format: tar.FormatUSTAR}); err != nil {
			return nil, fmt.Errorf("billing: archive: %w", err)
		}
		if _, err := w.Write(one.content); err != nil {
			return nil, fmt.Errorf("billing: archive: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("billing: archive: %w", err)
	}
	return out.Bytes(), nil
}

// keep writes an invoice down with its documents and the copy of whom it is to.
func (b *Billing) keep(ctx context.Context, tx *store.Tx, d draft, i Issued) error {
	collect := func() (gate.Permit, error) {
		return b.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Collect, Actor: b.actor(), Desk: name, Purpose: forBookkeeping, Subject: d.subject, Collection: invoices, Fields: []loot.Field{partyField},
		})
	}
	row, err := b.Vault.Row(ctx, tx, d.subject, invoices)
	if err != nil && loot.KindOf(err) != loot.NotFound {
		return err
	}
	if there := err == nil && !row.Erased(); !there || d.newer && row.Changed.Before(i.At) {
		p, err := collect()
		if err != nil {
			return err
		}
		given := map[loot.Field]string{partyField: party(d.record.Invoice.Buyer)}
		if there {
			err = b.Vault.Add(ctx, tx, p, given, "your invoice")
		} else {
			err = b.Vault.Create(ctx, tx, p, given, "your invoice")
		}
		if err != nil {
			return err
		}
	}
	p, err := collect()
	if err != nil {
		return err
	}
	if err := b.Vault.KeepFile(ctx, tx, p, i.File, "your invoice"); err != nil {
		return err
	}
	b.step("kept")
	if err := insertInvoice(ctx, tx, i); err != nil {
		return err
	}
	if d.quiet {
		return nil
	}
	return b.Jobs.Enqueue(ctx, tx, letterArgs{Number: i.Number})
}

// opened reads one document of an invoice for whoever may see it. The request
// says who, for what and why.
func (b *Billing) opened(ctx context.Context, i Issued, doc string, r gate.Request) ([]byte, error) {
	archive, err := b.openedWhole(ctx, i, r)
	if err != nil {
		return nil, err
	}
	found, err := documentsOf(archive, doc)
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// openedWhole opens the archive of an invoice's documents.
func (b *Billing) openedWhole(ctx context.Context, i Issued, r gate.Request) (io.Reader, error) {
	if !i.Removed.IsZero() {
		return nil, loot.Errorf(loot.NotFound, "The documents of this invoice were removed on %s: the law wants them kept until then and no longer.", i.Removed.UTC().Format("2 January 2006"))
	}
	return b.openCopy(ctx, i.Subject, i.File, r)
}

// openCopy opens what is sealed of an invoice of somebody's, ours or that of the
// system before.
func (b *Billing) openCopy(ctx context.Context, s loot.Subject, file string, r gate.Request) (content io.Reader, err error) {
	r.Desk, r.Purpose, r.Subject, r.Collection, r.Fields = name, forBookkeeping, s, invoices, []loot.Field{partyField}
	err = b.Gate.InTx(ctx, func(tx *store.Tx) error {
		p, err := b.Gate.Decide(ctx, tx, r)
		if err != nil {
			return err
		}
		note := "invoice.opened"
		if r.Actor.Kind == loot.Person {
			note = "invoice.fetched"
		}
		content, err = b.Vault.OpenFile(ctx, tx, p, file)
		if by := r.Actor; err != nil || by.Kind != loot.Staff && !by.Program || !b.isCustomer(ctx, tx, s) {
			return err
		}
		// The copy has a ledger key of its own; this stands in the timeline of the
		// customer's record, beside all else.
		return b.Gate.NoteAbout(ctx, tx, s, collection, r.Actor, note, Keeps[0])
	})
	return content, err
}
