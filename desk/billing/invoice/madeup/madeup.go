// Package madeup makes invoices of nobody, of every kind that package invoice
// can write, for tests and for the official rules. The same kind and seed give
// the same invoice.
package madeup

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot/desk/billing/invoice"
	"loot/statement"
)

// Kinds are the kinds that there are, in a fixed order.
func Kinds() []string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = k.name
	}
	return out
}

// kinds are what an invoice of services becomes.
var kinds = []struct {
	name string
	make func(m *maker)
}{
	{"plain", func(*maker) {}},
	{"credit", func(m *maker) { m.inv.Kind = invoice.CreditNote; m.precede() }},
	{"corrected", func(m *maker) { m.inv.Kind = invoice.Corrected; m.precede() }},
	{"returned", func(m *maker) {
		for i := range m.inv.Lines {
			if i%2 == 1 {
				m.inv.Lines[i].Quantity = m.inv.Lines[i].Quantity.Neg()
			}
		}
	}},
	{"zero", func(m *maker) { m.all(invoice.ZeroRated) }},
	{"exempt", (*maker).exempt},
	{"reverse", (*maker).reverse},
	{"goods", func(m *maker) {
		m.all(invoice.IntraCommunity)
		m.because(invoice.IntraCommunity, "VATEX-EU-IC", "Intra-community supply")
		m.inv.Buyer = m.party("NL")
		m.inv.DeliverTo, m.inv.Delivered = "NL", m.inv.Issued.AddDays(-2)
	}},
	{"export", func(m *maker) {
		m.all(invoice.Export)
		m.because(invoice.Export, "VATEX-EU-G", "Export outside the EU")
		m.inv.Buyer = m.party("CH")
	}},
	{"outside", func(m *maker) {
		m.all(invoice.OutOfScope)
		m.because(invoice.OutOfScope, "VATEX-EU-O", "Not subject to VAT")
		m.inv.Buyer = m.party("US")
		m.inv.Seller.VAT, m.inv.Buyer.VAT = "", ""
	}},
	{"canaries", func(m *maker) { m.rated(invoice.Canaries, "7", "3", "9.5") }},
	{"ceuta", func(m *maker) { m.rated(invoice.CeutaMelilla, "10", "0.5", "0") }},
	{"mixed", (*maker).mix},
	{"adjusted", (*maker).adjust},
	{"prepaid", func(m *maker) {
		m.compute()
		m.inv.Prepaid, m.inv.Rounding = invoice.Dec("1.00"), invoice.Dec("0.02")
	}},
	{"small", (*maker).small},
	{"represented", func(m *maker) {
		r := m.party("FR")
		m.inv.Representative = &invoice.Party{Name: r.Name, VAT: r.VAT, Address: r.Address}
	}},
	{"dollars", func(m *maker) {
		m.inv.Currency, m.inv.AccountingCurrency = "USD", "EUR"
		m.compute()
		m.inv.AccountingTax = m.inv.Totals.Tax // at par, on that day
	}},
	{"yen", func(m *maker) {
		m.inv.Currency = "JPY"
		for i := range m.inv.Lines {
			m.inv.Lines[i].Price = invoice.Int(m.between(1, 99_999))
		}
	}},
	{"dinars", func(m *maker) {
		m.inv.Currency = "KWD"
		for i := range m.inv.Lines {
			m.inv.Lines[i].Price = m.decimal(1, 99_999, 3)
		}
	}},
	{"scripts", (*maker).scripts},
	{"long", func(m *maker) {
		for range 60 {
			m.line()
		}
		m.inv.Buyer.Name = "Gesellschaft für Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamte und Rechenzentrumsbetrieb mbH & Co. KGaA"
		m.inv.Lines[0].Name = "Dedicated server with a name that says everything about its processors, its memory, its disks and where it stands"
	}},
	{"bare", func(m *maker) { // nothing but what must be there
		inv := m.inv
		inv.Period, inv.Notes, inv.BuyerReference, inv.Order, inv.Contract = invoice.Period{}, nil, "", "", ""
		inv.Payment = invoice.Payment{}
		for _, p := range []*invoice.Party{&inv.Seller, &inv.Buyer} {
			*p = invoice.Party{Name: p.Name, VAT: p.VAT, Address: p.Address}
		}
		inv.Lines = inv.Lines[:1]
		l := inv.Lines[0]
		inv.Lines[0] = invoice.Line{ID: l.ID, Name: l.Name, Quantity: l.Quantity, Unit: l.Unit, Price: l.Price, Tax: l.Tax}
	}},
	{"takenback", (*maker).takeBack},
	{"rewritten", func(m *maker) { // what stands for an invoice outside of the tax
		m.abroad()
		m.inv.Kind = invoice.Corrected
		m.precede()
	}},
	{"account", func(m *maker) { // outside of SEPA, and the tax in the seller's currency at a rate
		m.inv.Currency, m.inv.AccountingCurrency = "USD", "EUR"
		m.inv.Payment.Means = invoice.TransferCredit
		m.inv.Payment.Accounts = []invoice.Account{{Other: "021000021/000123456", Name: m.inv.Seller.Name}}
		m.compute()
		m.inv.AccountingTax, _ = invoice.Convert(m.inv.Totals.Tax, invoice.Int(1), invoice.Dec("1.0823"), "EUR")
	}},
	{"lessons", func(m *maker) { // exempt beside what is taxed, for two reasons
		const courses, advice = "Exempt: vocational training, Article 132 (1)(i)", "Exempt: services of a public body, Article 132 (1)(g)"
		for range 3 {
			m.line()
		}
		for i := range m.inv.Lines {
			if i%2 == 1 {
				m.inv.Lines[i].Tax, m.inv.Lines[i].Note = invoice.Tax{Category: invoice.Exempt}, pick(m, []string{courses, advice})
			}
		}
		m.because(invoice.Exempt, "", courses+"; "+advice)
	}},
	{"takenback-exempt", func(m *maker) { m.exempt(); m.takeBack() }},
	{"takenback-reverse", func(m *maker) { m.reverse(); m.takeBack() }},
	{"takenback-outside", func(m *maker) { m.abroad(); m.takeBack() }},
	{"corrected-partly-paid", func(m *maker) {
		m.inv.Kind = invoice.Corrected
		m.precede()
		m.compute()
		m.inv.Prepaid = m.inv.Totals.WithoutTax
	}},
	{"corrected-paid", func(m *maker) { // of which nothing is left to pay, nor said how
		m.inv.Kind = invoice.Corrected
		m.precede()
		m.compute()
		m.inv.Prepaid, m.inv.Due, m.inv.Payment = m.inv.Totals.WithTax, invoice.Date{}, invoice.Payment{}
	}},
	{"unregistered", (*maker).unregister},
	{"unregistered-small", func(m *maker) { m.small(); m.unregister() }},
	{"unregistered-outside", func(m *maker) { m.abroad(); m.unregister() }},
}

// Invoice returns a computed invoice of a kind. It panics if there is no such
// kind.
func Invoice(kind string, seed uint64) *invoice.Invoice {
	at := slices.Index(Kinds(), kind)
	if at < 0 {
		panic("madeup: no kind " + kind)
	}
	m := &maker{Rand: rand.New(rand.NewPCG(seed, uint64(at))), inv: &invoice.Invoice{}}
	m.base(seed)
	kinds[at].make(m)
	m.compute()
	return m.inv
}

type maker struct {
	*rand.Rand
	inv *invoice.Invoice
}

func (m *maker) compute() {
	if err := m.inv.Compute(); err != nil {
		panic(err)
	}
}

func (m *maker) between(from, to int64) int64 { return from + m.Int64N(to-from+1) }

// decimal returns a number of so many places behind the point.
func (m *maker) decimal(from, to int64, places int) invoice.Decimal {
	return invoice.Scaled(m.between(from, to), places)
}

func pick[T any](m *maker, from []T) T { return from[m.IntN(len(from))] }

func (m *maker) base(seed uint64) {
	from := invoice.Day(2024+m.IntN(3), time.Month(1+m.IntN(12)), 1)
	to := invoice.Date{Year: from.Year, Month: from.Month + 1, Day: 1}
	if to.Month > time.December {
		to = invoice.Day(from.Year+1, time.January, 1)
	}
	inv := m.inv
	inv.Kind = invoice.Commercial
	inv.Number = fmt.Sprintf("R-%d-%06d", to.Year, seed%1_000_000+1)
	inv.Issued = to
	inv.Due = to.AddDays(14)
	inv.Period = invoice.Period{From: from, To: to.AddDays(-1)}
	inv.Currency = "EUR"
	inv.Seller = m.party("DE")
	inv.Seller.Trading, inv.Seller.Legal = "Example Hosting", "Registered at the court of Musterstadt, HRB 00000"
	inv.Seller.Contact = invoice.Contact{Name: "Accounts", Phone: "+49 30 000000", Email: "accounts@seller.example"}
	inv.Buyer = m.party(pick(m, []string{"DE", "AT"}))
	inv.BuyerReference = "04011000-12345-34"
	inv.Order = "PO-" + strconv.Itoa(int(m.between(1000, 9999)))
	inv.Contract = "C-" + strconv.Itoa(int(m.between(100, 999)))
	if m.IntN(2) == 0 {
		inv.Notes = []string{"Thank you for hosting with us.", "Prices < last year's & fair, as agreed."}
	}
	inv.Payment = invoice.Payment{
		Means: pick(m, []string{invoice.TransferCredit, invoice.TransferSEPA}), Reference: inv.Number, Terms: "14 days, without deduction",
		Accounts: []invoice.Account{{IBAN: "DE75512108001245126199", Name: inv.Seller.Name, BIC: "SOGEDEFF"}},
	}
	if m.IntN(4) == 0 {
		inv.Payment.Accounts = append(inv.Payment.Accounts, invoice.Account{IBAN: "FR1420041010050500013M02606", Name: inv.Seller.Name})
	}
	for range 1 + m.IntN(6) {
		m.line()
	}
}

// services are what a hosting company charges: a unit, and whether the price is
// for a thousand of it.
var services = []struct {
	name, text, item, unit, base string
	prices                       [2]int64 // in hundredths
}{
	{"Virtual server M", "4 cores, 8 GiB memory, 160 GB disk", "vps-m", "MON", "", [2]int64{499, 4999}},
	{"Managed hosting", "Updates, backups and monitoring", "managed", "MON", "", [2]int64{1900, 99_900}},
	{"Domain", "Registration or renewal of a domain", "domain", "ANN", "", [2]int64{499, 9900}},
	{"Traffic", "Beyond what the plan includes", "traffic", "E34", "1000", [2]int64{50, 990}},
	{"Backup space", "Encrypted, in another building", "backup", "E62", "100", [2]int64{10, 500}},
	{"Remote hands", "Work in the data centre", "hands", "HUR", "", [2]int64{4900, 18_900}},
	{"Electricity", "As measured", "power", "KWH", "", [2]int64{12, 49}},
	{"IPv4 address", "", "ipv4", "C62", "", [2]int64{100, 400}},
	{"Compute time", "By the minute", "minutes", "MIN", "", [2]int64{1, 9}},
}

func (m *maker) line() {
	s := pick(m, services)
	l := invoice.Line{
		ID: strconv.Itoa(len(m.inv.Lines) + 1), Name: s.name, Description: s.text, Item: s.item, Unit: s.unit, Period: m.inv.Period,
		Quantity: m.quantity(s.unit), Price: m.decimal(s.prices[0], s.prices[1], 2+m.IntN(3)),
		Tax: invoice.Tax{Category: invoice.Standard, Rate: invoice.Dec("19")},
	}
	if s.base != "" {
		l.Base = invoice.Dec(s.base)
	}
	if m.IntN(5) == 0 {
		l.Note = "Host " + strconv.Itoa(m.IntN(90)+10) + ".example.net"
	}
	m.inv.Lines = append(m.inv.Lines, l)
}

// quantity returns how much of a unit a customer uses in a month.
func (m *maker) quantity(unit string) invoice.Decimal {
	switch unit {
	case "MON", "ANN", "C62":
		return invoice.Int(m.between(1, 24))
	case "HUR":
		return m.decimal(25, 4000, 2)
	}
	return m.decimal(1, 5_000_000, 3)
}

func (m *maker) precede() {
	m.inv.Preceding = []invoice.Document{{Number: "R-2023-000001", Issued: m.inv.Issued.AddDays(-30)}}
}

func (m *maker) all(k invoice.Category) {
	for i := range m.inv.Lines {
		m.inv.Lines[i].Tax = invoice.Tax{Category: k}
	}
}

func (m *maker) rated(k invoice.Category, rates ...string) {
	for i := range m.inv.Lines {
		m.inv.Lines[i].Tax = invoice.Tax{Category: k, Rate: invoice.Dec(rates[i%len(rates)])}
	}
}

func (m *maker) because(k invoice.Category, code, text string) {
	m.inv.Exemptions = append(m.inv.Exemptions, invoice.Exemption{Category: k, Code: code, Text: text})
}

func (m *maker) exempt() {
	m.all(invoice.Exempt)
	m.because(invoice.Exempt, "VATEX-EU-132-1I", "Exempt: vocational training")
}

func (m *maker) reverse() {
	m.all(invoice.ReverseCharge)
	m.because(invoice.ReverseCharge, "VATEX-EU-AE", "Reverse charge")
	m.inv.Buyer = m.party("FR")
}

// abroad is outside of the tax, where the seller's VAT number stands as one for taxes.
func (m *maker) abroad() {
	m.all(invoice.OutOfScope)
	m.because(invoice.OutOfScope, "VATEX-EU-O", "Not subject to VAT")
	m.inv.Seller.TaxNumber, m.inv.Seller.VAT, m.inv.Buyer.VAT = m.inv.Seller.VAT, "", ""
}

// small is of a seller who has no VAT number, only one for taxes.
func (m *maker) small() {
	m.inv.Seller.VAT, m.inv.Seller.TaxNumber = "", "12/345/67890"
	m.all(invoice.Exempt)
	m.because(invoice.Exempt, "", "Small business, no VAT is charged")
}

// unregister is of a seller in no register of companies: the number for taxes, if there is
// one, says who it is.
func (m *maker) unregister() {
	s := &m.inv.Seller
	s.ID, s.Register, s.Legal = s.TaxNumber, invoice.Identifier{}, ""
}

// takeBack makes it the credit note for a whole invoice, by which nothing is to be paid.
func (m *maker) takeBack() {
	m.inv.Kind = invoice.CreditNote
	m.precede()
	terms := "The sum is set off against what is open, or paid back."
	m.inv.Notes, m.inv.Due, m.inv.Payment = []string{"It takes invoice R-2023-000001 back.", terms}, invoice.Date{}, invoice.Payment{Terms: terms}
}

func (m *maker) mix() {
	for range 7 {
		m.line()
	}
	taxes := []invoice.Tax{
		{Category: invoice.Standard, Rate: invoice.Dec("19")},
		{Category: invoice.Standard, Rate: invoice.Dec("7")},
		{Category: invoice.Standard, Rate: invoice.Dec("5.5")},
		{Category: invoice.ZeroRated},
		{Category: invoice.Exempt},
		{Category: invoice.ReverseCharge},
	}
	for i := range m.inv.Lines {
		m.inv.Lines[i].Tax = taxes[i%len(taxes)]
	}
	m.because(invoice.Exempt, "VATEX-EU-132", "Exempt in the public interest")
	m.because(invoice.ReverseCharge, "VATEX-EU-AE", "Reverse charge")
}

func (m *maker) adjust() {
	m.mix()
	inv := m.inv
	for i := range inv.Lines {
		l := &inv.Lines[i]
		l.Quantity, l.Price, l.Base = invoice.Int(m.between(10, 999)), m.decimal(100, 9900, 2), invoice.Decimal{}
	}
	m.compute()
	for i := range inv.Lines {
		l := &inv.Lines[i]
		switch i % 3 {
		case 0:
			l.Allowances = []invoice.Adjustment{{Base: l.Net, Percent: invoice.Dec("12.5"), Reason: "Long contract", Code: "95"}}
		case 1:
			l.Charges = []invoice.Adjustment{{Amount: m.decimal(1, 9999, 2), Reason: "Set-up"}}
		}
	}
	first, second := inv.Lines[0], inv.Lines[1]
	inv.Allowances = []invoice.Adjustment{
		{Base: first.Net, Percent: invoice.Dec("3"), Reason: "Discount", Code: "95", Tax: first.Tax},
		{Amount: m.decimal(1, 99, 2), Reason: "Outage of last month", Tax: second.Tax},
	}
	inv.Charges = []invoice.Adjustment{{Amount: m.decimal(1, 9999, 2), Reason: "Express set-up", Code: "ADR", Tax: first.Tax}}
}

// Record returns the record of an invoice of a kind, with what is known about its buyer and
// of the services that it charges, as the desk of invoices writes it: a credit note names
// what the invoice was drawn from, and leads to no form for its lines.
func Record(kind string, seed uint64, language string) *invoice.Record {
	inv := Invoice(kind, seed)
	b := inv.Buyer
	about := url.QueryEscape(inv.Number)
	wrong := func(field, more string) string {
		return "https://hosting.example/portal/checks/wrong?field=" + field + more
	}
	r := &invoice.Record{
		Invoice: *inv, Language: language,
		Foot: []string{"Key of the ledger: hosting.example+1a2b3c4d+AZ0123456789abcdefghijklmnopqrstuvwxyzABCDEF01"},
	}
	since := inv.Issued.AddDays(-200)
	for _, f := range []struct{ id, title, value, source string }{
		{"company.name", "Company name", b.Name, "your order: virtual server"},
		{"company.vat", "VAT number", b.VAT, "your order: virtual server"},
		{"company.register", "Register number", b.Register.Value, "you, in your portal"},
		{"address.street", "Street and number", strings.Join(b.Address.Lines, ", "), "your order: virtual server"},
		{"address.postcode", "Postcode", b.Address.Postcode, "your order: virtual server"},
		{"address.city", "Town or city", b.Address.City, "our staff, after a check"},
		{"address.region", "State or province", b.Address.Region, "your order: virtual server"},
		{"address.country", "Country", statement.CountryName(b.Address.Country), "your order: virtual server"},
	} {
		if f.value == "" {
			continue
		}
		k := invoice.Known{Field: f.title, Value: f.value, Source: f.source, Since: since, Wrong: wrong(f.id, "")}
		if inv.Kind != invoice.CreditNote {
			k.Wrong = wrong(f.id, "&invoice="+about)
		}
		r.Known = append(r.Known, k)
	}
	for i, l := range inv.Lines {
		from, at, link := invoice.Origin(i%4), since, wrong("usage.service", "&line="+url.QueryEscape(l.ID)+"&invoice="+about)
		if from == invoice.Counted {
			at = inv.Period.To
		}
		if inv.Kind == invoice.CreditNote {
			link = ""
		}
		r.Known = append(r.Known, invoice.Charged(l, "Services used", from, at, language, link))
	}
	return r
}
