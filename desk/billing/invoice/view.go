package invoice

import (
	"strings"
)

// A view is what a person sees of a record, in its language: the same on the
// page and in the portal.
type view struct {
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
	ShowKnown  bool
	ShowPay    bool
	Currency   string
	HeadAmount string
}

type pair struct{ Label, Value string }

type viewLine struct {
	Name, Quantity, Unit, Price, Per, Tax, Amount string
	More                                          []string // description, period, note
	Adjustments                                   []pair
}

type viewTax struct{ Tax, Taxable, Amount, Reason string }

type viewKnown struct{ Field, Value, Source, Wrong string }

func (r *Record) view() *view {
	w, inv := wordsOf(r.Language), &r.Invoice
	places, ok := Decimals(inv.Currency)
	if !ok {
		places = 2
	}
	money := func(d Decimal) string { return w.figure(d, places) }
	v := &view{Words: w, Title: w.title(inv.Kind) + " " + inv.Number, Notes: inv.Notes, Foot: r.Foot, Currency: inv.Currency}
	v.HeadAmount = w.amount + " (" + inv.Currency + ")"
	var about []string
	for _, p := range inv.Preceding {
		s := w.about + " " + p.Number
		if !p.Issued.IsZero() {
			s += " " + w.of + " " + w.date(p.Issued)
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
		v.Known = append(v.Known, viewKnown{k.Field, k.Value, source, k.Wrong})
	}
	v.ShowKnown, v.ShowPay = len(v.Known) > 0, len(v.Payment) > 0
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
	out := append([]string{}, a.Lines...)
	if town := joined(" ", a.Postcode, a.City); town != "" {
		out = append(out, town)
	}
	if last := joined(", ", a.Region, w.country(a.Country)); last != "" {
		out = append(out, last)
	}
	return out
}

func (v *view) parties(inv *Invoice) {
	s, b, w := &inv.Seller, &inv.Buyer, v.Words
	v.From = s.Trading
	if v.From == "" {
		v.From = s.Name
	}
	v.FromLines = append(w.address(s.Address), s.Contact.Phone, s.Contact.Email)
	v.Return = joined(" · ", append([]string{s.Name}, w.address(s.Address)...)...)
	v.To = append([]string{b.Name, b.Trading}, w.address(b.Address)...)
	number := func(label, n string) string {
		if n == "" {
			return ""
		}
		return label + " " + n
	}
	v.Imprint = joined(" · ", s.Name, s.Legal, s.Register.Value, number(w.ourVAT, s.VAT), number(w.ourTax, s.TaxNumber))
	if r := inv.Representative; r != nil {
		v.Imprint += " · " + w.representative + ": " + joined(", ", append([]string{r.Name}, append(w.address(r.Address), r.VAT)...)...)
	}
}

func (v *view) facts(inv *Invoice) {
	w := v.Words
	for _, f := range []pair{
		{w.number, inv.Number},
		{w.issued, w.date(inv.Issued)},
		{w.due, w.date(inv.Due)},
		{w.period, w.span(inv.Period)},
		{w.customer, inv.Buyer.ID},
		{w.order, inv.Order},
		{w.reference, inv.BuyerReference},
		{w.contract, inv.Contract},
		{w.yourVAT, inv.Buyer.VAT},
		{w.delivered, w.date(inv.Delivered)},
		{w.deliverTo, w.country(inv.DeliverTo)},
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
		out.Per = w.per + " " + w.figure(l.Base, 0)
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
		add(w.sum, t.Lines)
	}
	for _, a := range inv.Allowances {
		add(w.adjustment(a), a.Amount.Neg())
	}
	for _, a := range inv.Charges {
		add(w.adjustment(a), a.Amount)
	}
	add(w.net, t.WithoutTax)
	add(w.tax, t.Tax)
	add(w.total, t.WithTax)
	if !inv.Prepaid.IsZero() {
		add(w.paid, inv.Prepaid.Neg())
	}
	if !inv.Rounding.IsZero() {
		add(w.rounding, inv.Rounding)
	}
	if inv.AccountingCurrency != "" {
		places, _ := Decimals(inv.AccountingCurrency)
		v.Totals = append(v.Totals, pair{w.taxIn + " " + inv.AccountingCurrency, w.figure(inv.AccountingTax, places)})
	}
	label := w.payable
	if inv.Kind == CreditNote {
		label = w.credited
	}
	v.Due = pair{label, money(t.Due) + " " + inv.Currency}
}

func (v *view) payment(inv *Invoice, money func(Decimal) string) {
	w, p := v.Words, inv.Payment
	if inv.Kind == CreditNote || inv.Totals.Due.Sign() <= 0 {
		return
	}
	if len(p.Accounts) > 0 {
		v.Payment = append(v.Payment, pair{w.amount, money(inv.Totals.Due) + " " + inv.Currency})
	}
	for _, a := range p.Accounts {
		v.Payment = append(v.Payment, pair{w.iban, grouped(a.IBAN)}, pair{w.bic, a.BIC}, pair{w.holder, a.Name})
	}
	v.Payment = append(v.Payment, pair{w.purpose, p.Reference}, pair{w.due, w.date(inv.Due)}, pair{w.terms, p.Terms})
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
