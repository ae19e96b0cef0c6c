package invoice

import (
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// words are what a document says in one language.
type words struct {
	code string

	Invoice, CreditNote, Corrected, About, Of string // the titles, and "For invoice X of D"

	Number, Issued, Due, Period, Customer, Order, Reference, Contract, Delivered, DeliverTo, YourVAT, OurVAT, OurTax string // the facts
	CreditNumber, Register, Representative                                                                           string

	Service, Quantity, Price, VAT, Amount, Per                     string // the lines
	Sum, Net, Tax, TaxIn, Total, Paid, Rounding, Payable, Credited string // the totals
	Exempt, Reverse, Goods, Export, Outside                        string // the breakdown

	Payment, Holder, IBAN, Account, BIC, Purpose, Terms, Scan string // how to pay

	Known, KnownWhy, Field, Value, Source, Wrong, Notes, Page string
	Ordered, Brought, TakenOver, Counted                      string // how what is charged came

	letters LetterWords
	sources SourceWords

	regions          display.Namer
	date             func(Date) string
	thousands, point string
	minus            string
	sum              string               // of money: # is the figure, and ¤ the sign of the currency
	units            map[string][2]string // one and many of those that are not written as in English
}

// unbroken is a space at which no line ends.
const unbroken = "\u00A0"

func wordsOf(language string) *words {
	for i := range languages {
		if languages[i].code == language {
			return &languages[i]
		}
	}
	return &languages[0]
}

// figure returns a number with at least so many digits behind the point.
func (w *words) figure(d Decimal, places int) string {
	whole, part, _ := strings.Cut(d.Fixed(places), ".")
	whole, negative := strings.CutPrefix(whole, "-")
	var b strings.Builder
	if negative {
		b.WriteString(w.minus)
	}
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(w.thousands)
		}
		b.WriteByte(whole[i])
	}
	if part != "" {
		b.WriteString(w.point + part)
	}
	return b.String()
}

// Words returns the day as it is written in a language.
func (d Date) Words(language string) string { return wordsOf(language).date(d) }

// Words returns the period as briefly as it can be said in a language.
func (p Period) Words(language string) string { return wordsOf(language).span(p) }

// span returns a period as briefly as it can be said.
func (w *words) span(p Period) string {
	from, to := p.From, p.To
	switch {
	case from.IsZero():
		return w.date(to)
	case to.IsZero() || from == to:
		return w.date(from)
	case from.Year != to.Year:
		return w.date(from) + " – " + w.date(to)
	}
	end := w.date(to)
	year := end[strings.LastIndex(end, unbroken):]
	start := strings.TrimSuffix(w.date(from), year)
	if from.Month == to.Month {
		day, _, _ := strings.Cut(start, unbroken)
		return day + "–" + end
	}
	return start + " – " + end
}

func (w *words) unit(code string, quantity Decimal) string {
	u, ok := unitOf(code)
	if !ok {
		return code
	}
	one, many := u.one, u.many
	if own, is := w.units[code]; is {
		one, many = own[0], own[1]
	}
	if quantity.Equal(Int(1)) || quantity.Equal(Int(-1)) {
		return one
	}
	return many
}

// rate names a tax briefly: its rate, or the reason for which it has none.
func (w *words) rate(t Tax) string {
	percent := w.figure(t.Rate, 0) + unbroken + "%"
	switch t.Category {
	case Exempt:
		return w.Exempt
	case ReverseCharge:
		return w.Reverse
	case IntraCommunity:
		return w.Goods
	case Export:
		return w.Export
	case OutOfScope:
		return w.Outside
	case Canaries:
		return "IGIC " + percent
	case CeutaMelilla:
		return "IPSI " + percent
	case Standard, ZeroRated:
	}
	return percent
}

// Country returns the name of a country (ISO 3166-1) in a language, or its code if it has
// none.
func Country(code, language string) string { return wordsOf(language).country(code) }

// country returns a country's name, or the code of one that has no name.
func (w *words) country(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	if name := w.regions.Name(region); name != "" {
		return name
	}
	return code
}

func (w *words) title(k Kind) string {
	switch k {
	case CreditNote:
		return w.CreditNote
	case Corrected:
		return w.Corrected
	case Commercial:
	}
	return w.Invoice
}
