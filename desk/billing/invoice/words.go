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

	invoice, creditNote, corrected, about, of string // the titles, and "for invoice X of D"

	number, issued, due, period, customer, order, reference, contract, delivered, deliverTo, yourVAT, ourVAT, ourTax string // the facts
	representative                                                                                                   string

	service, quantity, price, vat, amount, per                                          string // the lines
	sum, allowances, charges, net, tax, taxIn, total, paid, rounding, payable, credited string // the totals
	exempt, reverse, goods, export, outside                                             string // the breakdown

	payment, holder, iban, bic, purpose, terms, scan string // how to pay

	known, knownWhy, source, wrong, notes, page string

	regions          display.Namer
	date             func(Date) string
	thousands, point string
	minus            string
}

// unbroken is a space at which no line ends.
const unbroken = "\u00A0"

var months = strings.Fields("Januar Februar März April Mai Juni Juli August September Oktober November Dezember")

// languages are the languages of documents, the first for those that are not
// here.
var languages = []words{
	{
		code: "en", regions: display.Regions(language.English),
		invoice: "Invoice", creditNote: "Credit note", corrected: "Corrected invoice", about: "for invoice", of: "of",
		number: "Number", issued: "Date", due: "Due", period: "Period", customer: "Customer", order: "Your order", reference: "Your reference",
		contract: "Contract", delivered: "Delivered", deliverTo: "Delivered to", yourVAT: "Your VAT no.", ourVAT: "VAT no.", ourTax: "Tax no.",
		representative: "Tax representative",
		service:        "Service", quantity: "Quantity", price: "Unit price", vat: "VAT", amount: "Amount", per: "per",
		sum: "Sum of services", allowances: "Allowances", charges: "Charges", net: "Total without VAT", tax: "VAT", taxIn: "VAT in",
		total: "Total with VAT", paid: "Already paid", rounding: "Rounding", payable: "To pay", credited: "Credited to you",
		exempt: "Exempt", reverse: "Reverse charge", goods: "Intra-community", export: "Export", outside: "Not subject to VAT",
		payment: "How to pay", holder: "Account holder", iban: "IBAN", bic: "BIC", purpose: "Reference", terms: "Terms",
		scan:  "Scan to pay with your bank’s app",
		known: "What we know about you for this invoice",
		knownWhy: "This is all that the invoice was drawn from. If something is wrong, follow the link or scan the code beside it: " +
			"we check it, correct it, and issue a credit note and a corrected invoice.",
		source: "Source", wrong: "Something is wrong", notes: "Notes", page: "Page",
		date:      func(d Date) string { return d.format("2" + unbroken + "January" + unbroken + "2006") },
		thousands: ",", point: ".", minus: "−",
	},
	{
		code: "de", regions: display.Regions(language.German),
		invoice: "Rechnung", creditNote: "Rechnungskorrektur", corrected: "Berichtigte Rechnung", about: "zur Rechnung", of: "vom",
		number: "Nummer", issued: "Datum", due: "Fällig", period: "Zeitraum", customer: "Kunde", order: "Ihre Bestellung", reference: "Ihr Zeichen",
		contract: "Vertrag", delivered: "Geliefert", deliverTo: "Geliefert nach", yourVAT: "Ihre USt-IdNr.", ourVAT: "USt-IdNr.", ourTax: "Steuernr.",
		representative: "Steuervertreter",
		service:        "Leistung", quantity: "Menge", price: "Einzelpreis", vat: "USt.", amount: "Betrag", per: "je",
		sum: "Summe der Leistungen", allowances: "Nachlässe", charges: "Zuschläge", net: "Gesamt ohne USt.", tax: "Umsatzsteuer", taxIn: "USt. in",
		total: "Gesamt mit USt.", paid: "Bereits gezahlt", rounding: "Rundung", payable: "Zu zahlen", credited: "Gutgeschrieben",
		exempt: "Steuerfrei", reverse: "Reverse Charge", goods: "Innergemeinschaftlich", export: "Ausfuhr",
		outside: "Nicht steuerbar",
		payment: "So bezahlen Sie", holder: "Kontoinhaber", iban: "IBAN", bic: "BIC", purpose: "Verwendungszweck", terms: "Bedingungen",
		scan:  "Mit der App Ihrer Bank scannen",
		known: "Was wir für diese Rechnung über Sie wissen",
		knownWhy: "Das ist alles, woraus die Rechnung entstanden ist. Wenn etwas nicht stimmt, folgen Sie dem Link oder scannen Sie den Code daneben: " +
			"Wir prüfen es, berichtigen es und stellen eine Rechnungskorrektur und eine berichtigte Rechnung aus.",
		source: "Quelle", wrong: "Etwas stimmt nicht", notes: "Hinweise", page: "Seite",
		date: func(d Date) string {
			if d.IsZero() {
				return ""
			}
			return d.format("2."+unbroken) + months[d.Month-time.January] + d.format(unbroken+"2006")
		},
		thousands: ".", point: ",", minus: "−",
	},
}

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
		start = start[:strings.Index(start, unbroken)]
		return start + "–" + end
	}
	return start + " – " + end
}

func (w *words) unit(code string, quantity Decimal) string {
	u, ok := unitOf(code)
	one := quantity.Equal(Int(1)) || quantity.Equal(Int(-1))
	switch {
	case !ok:
		return code
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
		return w.exempt
	case ReverseCharge:
		return w.reverse
	case IntraCommunity:
		return w.goods
	case Export:
		return w.export
	case OutOfScope:
		return w.outside
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
		return w.creditNote
	case Corrected:
		return w.corrected
	case Commercial:
	}
	return w.invoice
}
