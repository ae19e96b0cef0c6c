package billing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"loot"
	"loot/desk/billing/invoice"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// An Again says which invoices of a customer are taken back and written again,
// since a detail or what a line charges is wrong on them. Where nothing is left to charge,
// no other is written.
type Again struct {
	Subject   loot.Subject
	Numbers   []string
	Field     loot.Field // that is wrong
	Line      int        // that is wrong, of [Services], by its number there
	Value     string     // that is right; of a line, how much
	Source    string     // of the value, in words for the customer
	Reference string     // of the case in which it was decided
	By        loot.Actor
}

// creditWords are what stands on a credit note and on what is written for an
// invoice, by language.
var creditWords = map[string]struct{ wrong, reason, terms, stands string }{
	"en": {
		wrong: "It takes invoice %s back, on which “%s” was wrong. That invoice is written again.", reason: "It takes invoice %s back. Reason: %s",
		terms: "The sum is set off against what is open, or paid back.", stands: "It stands for invoice %s, which was taken back. Put right: %s.",
	},
	"de": {
		wrong: "Diese Rechnungskorrektur storniert die Rechnung %s, auf der „%s“ nicht stimmte. Die Rechnung wird neu ausgestellt.", reason: "Diese Rechnungskorrektur storniert die Rechnung %s. Grund: %s",
		terms: "Der Betrag wird mit offenen Rechnungen verrechnet oder erstattet.", stands: "Diese Rechnung tritt an die Stelle der Rechnung %s, die storniert wurde. Berichtigt: %s.",
	},
	"es": {
		wrong: "Anula la factura %s, en la que «%s» era incorrecto. Esa factura se emite de nuevo.", reason: "Anula la factura %s. Motivo: %s",
		terms: "El importe se compensa con lo pendiente o se devuelve.", stands: "Sustituye a la factura %s, que fue anulada. Corregido: %s.",
	},
	"fr": {
		wrong: "Il annule la facture %s, sur laquelle «\u00a0%s\u00a0» était inexact. Cette facture est établie à nouveau.", reason: "Il annule la facture %s. Motif\u00a0: %s",
		terms: "Le montant est déduit de ce qui reste à payer ou remboursé.", stands: "Elle remplace la facture %s, qui a été annulée. Rectifié\u00a0: %s.",
	},
	"nl": {
		wrong: "Zij neemt factuur %s terug, waarop “%s” onjuist was. Die factuur wordt opnieuw opgesteld.", reason: "Zij neemt factuur %s terug. Reden: %s",
		terms: "Het bedrag wordt verrekend met wat openstaat of terugbetaald.", stands: "Zij vervangt factuur %s, die is teruggenomen. Hersteld: %s.",
	},
}

// WriteAgain decides something and, in the same transaction, takes the invoices
// back by a credit note each (381) and issues a corrected one (384) for each. The
// documents are drawn before from those that are sealed: a corrected invoice says
// what the wrong one said but for the one value, and the tax that follows from it.
// Decide may run more than once. What cannot be issued is an error of kind
// [loot.Invalid] in words for who decides; one that was taken back meanwhile, of
// kind [loot.Conflict].
func (b *Billing) WriteAgain(ctx context.Context, a Again, decide func(*store.Tx) error) error {
	if len(a.Numbers) == 0 {
		return b.Gate.InTx(ctx, decide)
	}
	s, err := b.inForce()
	if err != nil {
		return err
	}
	for {
		err := b.writeAgain(ctx, s, a, decide)
		if !errors.Is(err, errPaidSince) {
			return err
		}
	}
}

// errPaidSince says that more or less was paid of an invoice than what stands for it
// says that was.
var errPaidSince = errors.New("billing: it was paid meanwhile")

// writeAgain does it once. The corrected documents say what was paid, and are sealed
// before the transaction that carries it over: errPaidSince if it is another sum then.
func (b *Billing) writeAgain(ctx context.Context, s *statement.Statement, a Again, decide func(*store.Tx) error) error {
	seller := b.seller.of(s.Front())
	var drafts []draft
	paid := map[string]int64{}
	for _, number := range a.Numbers {
		i, r, err := b.standingRecord(ctx, number, a.Subject)
		if err != nil {
			return err
		}
		lines, err := a.lines(r.Invoice.Lines)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			drafts = append(drafts, b.takenBack(s, r, i, fmt.Sprintf(creditWords[r.Language].reason, i.Number, a.title(s))))
			continue
		}
		if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
			paid[number], err = paidFor(ctx, tx, number)
			return err
		}); err != nil {
			return err
		}
		words := creditWords[r.Language]
		again, err := b.writtenAgain(ctx, s, seller, r, i, a, lines)
		if err != nil {
			return err
		}
		if _, err := prepay(&again.record.Invoice, paid[number]); err != nil {
			return err
		}
		credit := b.takenBack(s, r, i, fmt.Sprintf(words.wrong, i.Number, a.title(s)))
		credit.quiet = true
		drafts = append(drafts, credit, again)
	}
	return b.issueWithin(ctx, drafts, func(tx *store.Tx) error {
		if err := decide(tx); err != nil {
			return err
		}
		if err := settling(ctx, tx); err != nil {
			return err
		}
		for number, was := range paid {
			if now, err := paidFor(ctx, tx, number); err != nil || now != was {
				return cmp.Or(err, errPaidSince)
			}
		}
		return nil
	}, func(tx *store.Tx, made []Issued) error {
		for n, one := range made {
			if one.Kind != invoice.CreditNote {
				continue
			}
			c := Credit{Original: one.Preceding, Credit: one.Number, Reference: a.Reference, Author: a.By.ID, At: one.At}
			if n+1 < len(made) && made[n+1].Kind == invoice.Corrected {
				c.Corrected = made[n+1].Number
			}
			if err := insertCredit(ctx, tx, c); err != nil {
				return err
			}
			if err := b.carry(ctx, tx, c); err != nil {
				return err
			}
		}
		return b.Gate.NoteAbout(ctx, tx, a.Subject, collection, a.By, "invoice.corrected", "adequacy.mistakes")
	})
}

// title names what is put right.
func (a Again) title(s *statement.Statement) string {
	title := s.Titles(a.Field)[0]
	if a.Field == Services {
		title += fmt.Sprintf(" (%d)", a.Line)
	}
	return title
}

// lines returns the lines of a corrected invoice: those of the wrong one but for how much
// the one that was wrong charges; none: nothing is left to charge.
func (a Again) lines(was []invoice.Line) ([]invoice.Line, error) {
	out := slices.Clone(was)
	if a.Field != Services {
		return out, nil
	}
	at := slices.IndexFunc(out, func(l invoice.Line) bool { return l.ID == strconv.Itoa(a.Line) })
	if at < 0 {
		return nil, loot.Errorf(loot.Invalid, "The invoice has no line %d.", a.Line)
	}
	quantity, err := invoice.ParseDecimal(a.Value)
	switch {
	case err != nil || quantity.Sign() < 0:
		return nil, loot.Errorf(loot.Invalid, "How much line %d should charge is a number such as 0.5; 0 takes it off.", a.Line)
	case quantity.IsZero():
		return slices.Delete(out, at, at+1), nil // the others keep their numbers
	case quantity.Equal(out[at].Quantity):
		return nil, loot.Errorf(loot.Invalid, "So much is what line %d charges already.", a.Line)
	}
	out[at].Quantity = quantity
	return out, nil
}

// prepay says on an invoice what of it is paid already: by what was paid of the one that it
// stands for, or from credit. It returns how much that is, in the smallest unit. Of one that
// is paid in whole nothing is said of how to pay.
func prepay(inv *invoice.Invoice, paid int64) (int64, error) {
	try := *inv
	if err := try.Compute(); err != nil {
		return 0, fmt.Errorf("billing: prepay: %w", err)
	}
	all, err := smallest(try.Totals.WithTax, inv.Currency)
	if err != nil || paid <= 0 {
		return 0, err
	}
	inv.Prepaid = priced(min(paid, all), inv.Currency)
	if paid >= all {
		inv.Payment = invoice.Payment{}
	}
	return min(paid, all), nil
}

// takeBack issues a credit note for a whole invoice that nothing stands for.
func (b *Billing) takeBack(ctx context.Context, number, reason string, by loot.Actor) (credit Issued, err error) {
	s, err := b.inForce()
	if err != nil {
		return credit, err
	}
	i, r, err := b.standingRecord(ctx, number, "")
	if err != nil {
		return credit, err
	}
	d := b.takenBack(s, r, i, fmt.Sprintf(creditWords[r.Language].reason, i.Number, reason))
	err = b.issueWithin(ctx, []draft{d}, nil, func(tx *store.Tx, made []Issued) error {
		credit = made[0]
		c := Credit{Original: i.Number, Credit: credit.Number, Author: by.ID, At: credit.At}
		if err := insertCredit(ctx, tx, c); err != nil {
			return err
		}
		if err := b.carry(ctx, tx, c); err != nil {
			return err
		}
		if _, err := b.Gate.Note(ctx, tx, by, "invoice.credited", i.Number+": "+reason); err != nil {
			return err
		}
		return b.Gate.NoteAbout(ctx, tx, i.Subject, collection, by, "invoice.credited", "")
	})
	return credit, err
}

// standingRecord returns an invoice that can be taken back and what it was drawn
// from; of the customer named, unless that is nobody.
func (b *Billing) standingRecord(ctx context.Context, number string, of loot.Subject) (i Issued, r invoice.Record, err error) {
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) error {
		if i, err = findInvoice(ctx, tx, number); err != nil {
			return err
		}
		if of != "" && i.Subject != of {
			return loot.Errorf(loot.NotFound, "There is no invoice with this number.")
		}
		if i.Kind == invoice.CreditNote {
			return loot.Errorf(loot.Conflict, "%s is a credit note, and only an invoice is taken back.", number)
		}
		_, done, err := creditOf(ctx, tx, "original", number)
		if err == nil && done {
			err = errCredited(number)
		}
		return err
	}); err != nil {
		return i, r, err
	}
	r, err = b.recordOf(ctx, i, gate.Request{Action: loot.Use, Actor: b.actor()})
	return i, r, err
}

// takenBack is the credit note for an invoice: the same sums, credited, at the same
// rates of exchange, and drawn from what the invoice was drawn from.
func (b *Billing) takenBack(s *statement.Statement, r invoice.Record, i Issued, why string) draft {
	inv := &r.Invoice
	inv.Kind, inv.Preceding = invoice.CreditNote, []invoice.Document{{Number: i.Number, Issued: i.Day}}
	inv.Prepaid = invoice.Decimal{} // all of it is credited, whoever paid it
	terms := creditWords[r.Language].terms
	rates := slices.DeleteFunc(slices.Clone(inv.Notes), func(n string) bool { return !strings.HasPrefix(n, rateWords[r.Language]) })
	inv.Notes, inv.Payment = append([]string{why, terms}, rates...), invoice.Payment{Terms: terms}
	return draft{record: r, subject: i.Subject, version: s.Hash()}
}

// writtenAgain is what stands for an invoice on which one value was wrong. What
// else it says was right when it was issued, and stays.
func (b *Billing) writtenAgain(ctx context.Context, s *statement.Statement, seller Seller, r invoice.Record, i Issued, a Again, lines []invoice.Line) (draft, error) {
	was, at := r.Invoice, seller.place()
	known, services := map[loot.Field]invoice.Known{}, []invoice.Known(nil)
	for _, k := range r.Known {
		if k.Line != "" {
			if slices.ContainsFunc(lines, func(l invoice.Line) bool { return l.ID == k.Line }) {
				services = append(services, k)
			}
			continue
		}
		known[fieldOf(k)] = k
	}
	if a.Field != Services {
		d, _ := s.Field(a.Field)
		known[a.Field] = b.knownAs(d, a.Value, a.Source, b.Now().In(at), r.Language)
	}
	buyer := buyerOf(func(f loot.Field) string {
		switch f {
		case a.Field:
			return a.Value
		case companyName:
			return was.Buyer.Name
		case companyVAT:
			return known[f].Value // also the one that has no place beside this tax
		case companyRegister:
			return was.Buyer.Register.Value
		case street:
			return strings.Join(was.Buyer.Address.Lines, "\n")
		case town:
			return was.Buyer.Address.City
		case postcode:
			return was.Buyer.Address.Postcode
		case region:
			return was.Buyer.Address.Region
		case country:
			return was.Buyer.Address.Country
		}
		return ""
	})
	out := invoice.Record{Language: r.Language, Foot: r.Foot, Invoice: invoice.Invoice{
		Kind: invoice.Corrected, Preceding: []invoice.Document{{Number: i.Number, Issued: i.Day}}, Period: was.Period, Currency: was.Currency,
		Notes:  []string{fmt.Sprintf(creditWords[r.Language].stands, i.Number, a.title(s))},
		Seller: seller.party(), Buyer: buyer, Lines: lines, Payment: seller.payment(was.Currency),
	}}
	seller.Language = r.Language
	var finding string
	unsettled := out.Invoice
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) error {
		out.Invoice = unsettled
		exempt, err := exemptPlans(ctx, tx)
		if err != nil {
			return err
		}
		settle(&out.Invoice, seller, exempt)
		if finding, err = account(ctx, tx, &out.Invoice, r.Language); err != nil || a.Field == companyVAT || has(&was, invoice.ReverseCharge) {
			return err
		}
		wrong, err := b.faultOf(ctx, tx, s, i.Subject, &out.Invoice)
		finding = cmp.Or(finding, wrong.Text)
		return err
	}); err != nil {
		return draft{}, err
	}
	for _, d := range s.Fields(collection) {
		if k, ok := known[d.ID]; ok {
			out.Known = append(out.Known, k)
		}
	}
	out.Known = append(out.Known, services...)
	if finding = cmp.Or(finding, findings(&out.Invoice, seller)); finding != "" {
		return draft{}, loot.Errorf(loot.Invalid, "Invoice %s cannot be written again with that: %s", i.Number, finding)
	}
	return draft{record: out, subject: i.Subject, version: s.Hash(), newer: true}, nil
}
