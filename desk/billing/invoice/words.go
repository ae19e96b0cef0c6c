package invoice

import (
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// words are what a document says in one language.
type words struct {
	code string

	Invoice, CreditNote, Corrected, About, Of string // the titles, and "For invoice X of D"

	Number, Issued, Due, Period, Customer, Order, Reference, Contract, Delivered, DeliverTo, YourVAT, OurVAT, OurTax string // the facts
	Representative                                                                                                   string

	Service, Quantity, Price, VAT, Amount, Per                     string // the lines
	Sum, Net, Tax, TaxIn, Total, Paid, Rounding, Payable, Credited string // the totals
	Exempt, Reverse, Goods, Export, Outside                        string // the breakdown

	Payment, Holder, IBAN, Account, BIC, Purpose, Terms, Scan string // how to pay

	Known, KnownWhy, Field, Value, Source, Wrong, Notes, Page string

	regions          display.Namer
	date             func(Date) string
	thousands, point string
	minus            string
	units            map[string][2]string // one and many of those that are not written as in English; nil: see units
}

// unbroken is a space at which no line ends.
const unbroken = "\u00A0"

var months = strings.Fields("Januar Februar März April Mai Juni Juli August September Oktober November Dezember")

// languages are the languages of documents, the first for those that are not
// here.
var languages = append([]words{
	{
		code: "en", regions: display.Regions(language.English),
		Invoice: "Invoice", CreditNote: "Credit note", Corrected: "Corrected invoice", About: "For invoice", Of: "of",
		Number: "Number", Issued: "Date", Due: "Due", Period: "Period", Customer: "Customer", Order: "Your order", Reference: "Your reference",
		Contract: "Contract", Delivered: "Delivered", DeliverTo: "Delivered to", YourVAT: "Your VAT no.", OurVAT: "VAT no.", OurTax: "Tax no.",
		Representative: "Tax representative",
		Service:        "Service", Quantity: "Quantity", Price: "Unit price", VAT: "VAT", Amount: "Amount", Per: "per",
		Sum: "Sum of services", Net: "Total without VAT", Tax: "VAT", TaxIn: "VAT in",
		Total: "Total with VAT", Paid: "Already paid", Rounding: "Rounding", Payable: "To pay", Credited: "Credited to you",
		Exempt: "Exempt", Reverse: "Reverse charge", Goods: "Intra-community", Export: "Export", Outside: "Not subject to VAT",
		Payment: "How to pay", Holder: "Account holder", IBAN: "IBAN", Account: "Account no.", BIC: "BIC", Purpose: "Reference", Terms: "Terms",
		Scan:  "Scan with your bank’s app",
		Known: "What we know about you for this invoice",
		KnownWhy: "This is all that the invoice was drawn from. If something is wrong, say so beside it: " +
			"we check it, put it right, and issue a credit note and a corrected invoice.",
		Field: "Field", Value: "Value", Source: "Source", Wrong: "Something is wrong", Notes: "Notes", Page: "Page",
		date:      func(d Date) string { return d.format("2" + unbroken + "January" + unbroken + "2006") },
		thousands: ",", point: ".", minus: "−",
	},
	{
		code: "de", regions: display.Regions(language.German),
		Invoice: "Rechnung", CreditNote: "Rechnungskorrektur", Corrected: "Berichtigte Rechnung", About: "Zur Rechnung", Of: "vom",
		Number: "Nummer", Issued: "Datum", Due: "Fällig", Period: "Zeitraum", Customer: "Kunde", Order: "Ihre Bestellung", Reference: "Ihr Zeichen",
		Contract: "Vertrag", Delivered: "Geliefert", DeliverTo: "Geliefert nach", YourVAT: "Ihre USt-IdNr.", OurVAT: "USt-IdNr.", OurTax: "Steuernr.",
		Representative: "Steuervertreter",
		Service:        "Leistung", Quantity: "Menge", Price: "Einzelpreis", VAT: "USt.", Amount: "Betrag", Per: "je",
		Sum: "Summe der Leistungen", Net: "Gesamt ohne USt.", Tax: "Umsatzsteuer", TaxIn: "USt. in",
		Total: "Gesamt mit USt.", Paid: "Bereits gezahlt", Rounding: "Rundung", Payable: "Zu zahlen", Credited: "Gutgeschrieben",
		Exempt: "Steuerfrei", Reverse: "Reverse Charge", Goods: "Innergemeinschaftlich", Export: "Ausfuhr",
		Outside: "Nicht steuerbar",
		Payment: "So bezahlen Sie", Holder: "Kontoinhaber", IBAN: "IBAN", Account: "Kontonr.", BIC: "BIC", Purpose: "Verwendungszweck", Terms: "Bedingungen",
		Scan:  "Mit der App Ihrer Bank scannen",
		Known: "Was wir für diese Rechnung über Sie wissen",
		KnownWhy: "Das ist alles, woraus die Rechnung entstanden ist. Wenn etwas nicht stimmt, sagen Sie es daneben: " +
			"Wir prüfen es, berichtigen es und stellen eine Rechnungskorrektur und eine berichtigte Rechnung aus.",
		Field: "Angabe", Value: "Wert", Source: "Quelle", Wrong: "Etwas stimmt nicht", Notes: "Hinweise", Page: "Seite",
		date: func(d Date) string {
			if d.IsZero() {
				return ""
			}
			return d.format("2."+unbroken) + months[d.Month-time.January] + d.format(unbroken+"2006")
		},
		thousands: ".", point: ",", minus: "−",
	},
}, more...)

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
	one := quantity.Equal(Int(1)) || quantity.Equal(Int(-1))
	switch {
	case !ok:
		return code
	case w.units != nil:
		if word, own := w.units[code]; own && one {
			return word[0]
		} else if own {
			return word[1]
		}
		return u.many
	case w.code == "de" && one:
		return u.eins
	case w.code == "de":
		return u.viele
	case one:
		return u.one
	}
	return u.many
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
