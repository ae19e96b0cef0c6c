package invoice

import (
	"slices"
	"strings"
)

// A view is what a person sees of a record, in its language: the same on the
// page and in the portal.
type view struct {
	Language   string
	Words      *words
	Title      string
	About      string
	From       string   // the sender's name as people know it
	FromLines  []string // its address
	Return     string   // the sender in one line, for the window of an envelope
	To         []string
	Facts      []pair
	Lines      []viewLine
	Breakdown  []viewTax
	Totals     []pair
	Due        pair
	Payment    []pair
	Scan       string // what a bank's app reads
	Notes      []string
	Known      []viewKnown
	Foot       []string
	Imprint    string // the sender's registered name, register and numbers
	HeadAmount string
}

type pair struct{ Label, Value string }

type viewLine struct {
	Name, Quantity, Unit, Price, Per, Tax, Amount string
	More                                          []string // description, period, note
	Adjustments                                   []pair
}

type viewTax struct{ Tax, Taxable, Amount, Reason string }

type viewKnown struct {
	Field, Value, Source, Wrong string

	Service bool // else a field
}

func (r *Record) view() *view {
	w, inv := wordsOf(r.Language), &r.Invoice
	places, ok := Decimals(inv.Currency)
	if !ok {
		places = 2
	}
	money := func(d Decimal) string { return w.figure(d, places) }
	v := &view{Language: w.code, Words: w, Title: w.title(inv.Kind) + " " + inv.Number, Notes: inv.Notes, Foot: r.Foot}
	v.HeadAmount = w.Amount + " (" + inv.Currency + ")"
	var about []string
	for _, p := range inv.Preceding {
		s := w.About + " " + p.Number
		if !p.Issued.IsZero() {
			s += " " + w.Of + " " + w.date(p.Issued)
		}
		about = append(about, s)
	}
	v.About = strings.Join(about, ", ")
	v.parties(inv)
	v.facts(inv)
	for i := range inv.Lines {
		v.Lines = append(v.Lines, w.line(&inv.Lines[i], places))
	}
	for _, s := range inv.Breakdown {
		reason := s.Text
		if reason == w.rate(s.Tax) {
			reason = ""
		} else if reason == "" {
			reason = s.Code
		}
		v.Breakdown = append(v.Breakdown, viewTax{w.rate(s.Tax), money(s.Taxable), money(s.Amount), reason})
	}
	v.totals(inv, money)
	v.payment(inv, money)
	for _, k := range r.Known {
		source := k.Source
		if !k.Since.IsZero() {
			source += ", " + w.date(k.Since)
		}
		v.Known = append(v.Known, viewKnown{k.Field, k.Value, source, k.Wrong, k.Line != ""})
	}
	return v
}

// joined joins what is not empty.
func joined(by string, all ...string) string {
	var out []string
	for _, s := range all {
		if s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, by)
}

func (w *words) address(a Address) []string {
	return slices.Concat(a.Lines, a.Town(w.country(a.Country)))
}

// Town returns the lines of an address below the street, as its country writes them, with the
// name that is given for it.
func (a Address) Town(country string) []string {
	town, last := joined(" ", a.Postcode, a.City), joined(", ", a.Region, country)
	switch a.Country {
	case "US":
		town, last = joined(" ", joined(", ", a.City, a.Region), a.Postcode), country
	case "AU", "CA":
		town, last = joined(" ", a.City, a.Region, a.Postcode), country
	}
	return slices.DeleteFunc([]string{town, last}, func(line string) bool { return line == "" })
}

func (v *view) parties(inv *Invoice) {
	s, b, w := &inv.Seller, &inv.Buyer, v.Words
	v.From = s.Trading
	if v.From == "" {
		v.From = s.Name
	}
	for _, l := range append(w.address(s.Address), s.Contact.Phone, s.Contact.Email) {
		if l != "" {
			v.FromLines = append(v.FromLines, l)
		}
	}
	v.Return = joined(" · ", s.Name, line(s.Address.Lines, 0), line(s.Address.Town(""), 0))
	v.To = append([]string{b.Name}, w.address(b.Address)...)
	if b.Trading != "" {
		v.To = slices.Insert(v.To, 1, b.Trading)
	}
	number := func(label, n string) string {
		if n == "" {
			return ""
		}
		return label + " " + n
	}
	v.Imprint = joined(" · ", s.Name, s.Legal, number(w.Register, s.Register.Value), number(w.OurVAT, s.VAT), number(w.OurTax, s.TaxNumber))
	if r := inv.Representative; r != nil {
		v.Imprint += " · " + w.Representative + ": " + joined(", ", append([]string{r.Name}, append(w.address(r.Address), r.VAT)...)...)
	}
}

func (v *view) facts(inv *Invoice) {
	w := v.Words
	number := w.Number
	if inv.Kind == CreditNote {
		number = w.CreditNumber
	}
	for _, f := range []pair{
		{number, inv.Number},
		{w.Issued, w.date(inv.Issued)},
		{w.Due, w.date(inv.Due)},
		{w.Period, w.span(inv.Period)},
		{w.Customer, inv.Buyer.ID},
		{w.Order, inv.Order},
		{w.Reference, inv.BuyerReference},
		{w.Contract, inv.Contract},
		{w.YourVAT, inv.Buyer.VAT},
		{w.Delivered, w.date(inv.Delivered)},
		{w.DeliverTo, w.country(inv.DeliverTo)},
	} {
		if f.Value != "" {
			v.Facts = append(v.Facts, f)
		}
	}
}

func (w *words) line(l *Line, places int) viewLine {
	out := viewLine{
		Name: l.Name, Quantity: w.figure(l.Quantity, 0), Unit: w.unit(l.Unit, l.Quantity), Price: w.figure(l.Price, places),
		Tax: w.rate(l.Tax), Amount: w.figure(l.Net, places),
	}
	if !l.Base.IsZero() && !l.Base.Equal(Int(1)) {
		out.Per = w.Per + " " + w.figure(l.Base, 0) + unbroken + w.unit(l.Unit, l.Base)
	}
	for _, s := range []string{l.Description, w.span(l.Period), l.Note} {
		if s != "" {
			out.More = append(out.More, s)
		}
	}
	for _, a := range l.Allowances {
		out.Adjustments = append(out.Adjustments, pair{w.adjustment(a), w.figure(a.Amount.Neg(), places)})
	}
	for _, a := range l.Charges {
		out.Adjustments = append(out.Adjustments, pair{w.adjustment(a), w.figure(a.Amount, places)})
	}
	return out
}

func (w *words) adjustment(a Adjustment) string {
	label := a.Reason
	if label == "" {
		label = a.Code
	}
	if !a.Percent.IsZero() {
		label += ", " + w.figure(a.Percent, 0) + unbroken + "%"
	}
	return label
}

func (v *view) totals(inv *Invoice, money func(Decimal) string) {
	w, t := v.Words, inv.Totals
	add := func(label string, d Decimal) { v.Totals = append(v.Totals, pair{label, money(d)}) }
	if len(inv.Allowances)+len(inv.Charges) > 0 {
		add(w.Sum, t.Lines)
	}
	for _, a := range inv.Allowances {
		add(w.adjustment(a), a.Amount.Neg())
	}
	for _, a := range inv.Charges {
		add(w.adjustment(a), a.Amount)
	}
	add(w.Net, t.WithoutTax)
	add(w.Tax, t.Tax)
	add(w.Total, t.WithTax)
	if !inv.Prepaid.IsZero() {
		add(w.Paid, inv.Prepaid.Neg())
	}
	if !inv.Rounding.IsZero() {
		add(w.Rounding, inv.Rounding)
	}
	if inv.AccountingCurrency != "" {
		places, _ := Decimals(inv.AccountingCurrency)
		v.Totals = append(v.Totals, pair{w.TaxIn + " " + inv.AccountingCurrency, w.figure(inv.AccountingTax, places)})
	}
	label := w.Payable
	if inv.Kind == CreditNote {
		label = w.Credited
	}
	v.Due = pair{label, money(t.Due) + " " + inv.Currency}
}

func (v *view) payment(inv *Invoice, money func(Decimal) string) {
	w, p := v.Words, inv.Payment
	if inv.Kind == CreditNote || inv.Totals.Due.Sign() <= 0 {
		return
	}
	if len(p.Accounts) > 0 {
		v.Payment = append(v.Payment, pair{w.Amount, money(inv.Totals.Due) + " " + inv.Currency})
	}
	for _, a := range p.Accounts {
		v.Payment = append(v.Payment, pair{w.IBAN, grouped(a.IBAN)}, pair{w.Account, a.Other}, pair{w.BIC, a.BIC}, pair{w.Holder, a.Name})
	}
	v.Payment = append(v.Payment, pair{w.Purpose, p.Reference}, pair{w.Due, w.date(inv.Due)}, pair{w.Terms, p.Terms})
	kept := v.Payment[:0]
	for _, f := range v.Payment {
		if f.Value != "" {
			kept = append(kept, f)
		}
	}
	v.Payment = kept
	v.Scan = inv.transferCode()
}

// grouped writes an IBAN in groups of four, as people read it (ISO 13616).
func grouped(iban string) string {
	var b strings.Builder
	for i := range len(iban) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(iban[i])
	}
	return b.String()
}

// transferCode returns what a bank's app reads from a QR code to fill in a SEPA
// credit transfer (EPC069-12, version 2), or nothing if this is none.
func (inv *Invoice) transferCode() string {
	p, due := inv.Payment, inv.Totals.Due
	if p.Means != TransferSEPA || inv.Currency != "EUR" || len(p.Accounts) == 0 || due.Cmp(Int(1_000_000_000)) >= 0 {
		return ""
	}
	a := p.Accounts[0]
	name, reference := a.Name, p.Reference
	if name == "" {
		name = inv.Seller.Name
	}
	if len(name) > 70 || len(reference) > 140 { // in bytes: the bound is of characters, so this is on the safe side
		return ""
	}
	return strings.Join([]string{"BCD", "002", "1", "SCT", a.BIC, name, a.IBAN, "EUR" + due.Fixed(2), "", "", reference}, "\n")
}
