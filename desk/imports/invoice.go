package imports

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk/imports/source"
)

// invoices are rows of invoices.
const invoices = "invoices"

// What a column of an invoice can be.
const (
	rowNumber   = "row.number"
	rowIssued   = "row.issued"
	rowDue      = "row.due"
	rowCurrency = "row.currency"
	rowNet      = "row.net"
	rowTax      = "row.tax"
	rowTotal    = "row.total"
	rowRate     = "row.rate" // of the tax, in percent
	rowParty    = "row.party"
	rowText     = "row.text"
)

// An Invoice is one of the system before, to be kept as it was.
type Invoice struct {
	Subject  loot.Subject
	Source   string
	System   string
	Number   string
	Issued   time.Time
	Due      time.Time // zero: not told
	Currency string    // ISO 4217
	Net      int64     // in the smallest unit of the currency, as all amounts
	Tax      int64
	Total    int64
	State    string
	Party    string // in lines
	Lines    []Line
}

// A Line is one of an invoice's.
type Line struct {
	Text   string
	Amount int64
}

// Bounds of what of a dump is held in memory, so that invoices come with their lines.
const (
	mostLines   = 3_000_000
	mostAmount  = 10_000_000_000_000 // of the smallest unit
	mostInvoice = 128 << 10          // bytes of its texts: encoded, it fits in what [vault.Attach] takes
	longestText = 300
)

// A rawLine is a line of a dump, whose currency is not known yet.
type rawLine struct {
	text, amount string
	quantity     int64
	taxed        bool
}

// side is what the rows of a dump refer to.
type side struct {
	products   map[string]string // names by id, of WHMCS and FOSSBilling
	addons     map[string]string // names by id, of WHMCS
	names      map[string]string // domain names by the kind and id of their service, of FOSSBilling
	currencies map[string]string // codes by id, of WHMCS
	written    bool              // parties are asked to whom invoices are written
	parties    map[string]party  // by id of the client, of WHMCS
	lines      map[string][]rawLine
	n          int
}

// A party is to whom the invoices of a client of WHMCS are written, and in which currency.
type party struct{ lines, currency string }

// see remembers a row of a table that others refer to.
func (s *side) see(row *source.Row) error {
	switch row.Table {
	case "tblproducts":
		s.products[row.Cell("id")] = row.Cell("name")
	case "tbladdons":
		s.addons[row.Cell("id")] = row.Cell("name")
	case "product":
		s.products[row.Cell("id")] = row.Cell("title")
	case "service_domain", "service_hosting":
		if sld := row.Cell("sld"); sld != "" { // hosting may have none
			s.names[strings.TrimPrefix(row.Table, "service_")+" "+row.Cell("id")] = sld + "." + strings.TrimPrefix(row.Cell("tld"), ".")
		}
	case "tblcurrencies":
		s.currencies[row.Cell("id")] = row.Cell("code")
	case "tblclients":
		p := party{currency: row.Cell("currency")}
		if s.written {
			p.lines = joined("\n", row.Cell("companyname"), joined(" ", row.Cell("firstname"), row.Cell("lastname")), row.Cell("address1"), row.Cell("address2"),
				joined(" ", row.Cell("postcode"), row.Cell("city")), row.Cell("state"), row.Cell("country"), row.Cell("tax_id"))
		}
		s.parties[row.Cell("id")] = p
	case "tblinvoiceitems":
		id := row.Cell("invoiceid")
		s.lines[id] = append(s.lines[id], rawLine{text: clip(row.Cell("description")), amount: row.Cell("amount"), quantity: 1})
	case "invoice_item":
		id := row.Cell("invoice_id")
		quantity, err := strconv.ParseInt(cmp.Or(row.Cell("quantity"), "1"), 10, 32)
		if err != nil {
			quantity = 0
		}
		s.lines[id] = append(s.lines[id], rawLine{text: clip(row.Cell("title")), amount: row.Cell("price"), quantity: quantity, taxed: row.Cell("taxed") == "1"})
	}
	if s.n++; s.n > mostLines {
		return &source.Error{What: "There are more than " + strconv.Itoa(mostLines) + " lines of invoices, customers and products in one file. Divide it."}
	}
	return nil
}

// product names the product of a row, so that all rows of one have one name: a domain name
// is known by its ending, and not by what somebody called it.
func (s *side) product(row *source.Row, said string) string {
	switch row.Table {
	case "tblhosting":
		return cmp.Or(s.products[said], said)
	case tableAddons:
		own := ""
		if said == "0" { // it was made for this customer
			own = strings.TrimSpace(row.Cell("name"))
		}
		return "Add-on: " + cmp.Or(s.addons[said], own, said)
	case tableDomains:
		if _, ending, is := strings.Cut(said, "."); is {
			return domainName(ending)
		}
	case "client_order": // its title may have a domain name in it
		if row.Cell("service_type") == "domain" {
			_, ending, _ := strings.Cut(s.name(row), ".")
			return domainName(ending)
		}
		return cmp.Or(s.products[row.Cell("product_id")], said)
	}
	return said
}

// name returns the domain name of the service of a row, where it stands elsewhere than in
// a column of its own.
func (s *side) name(row *source.Row) string {
	switch row.Table {
	case tableDomains:
		return row.Cell("domain")
	case "client_order":
		return s.names[row.Cell("service_type")+" "+row.Cell("service_id")]
	}
	return ""
}

// domainName names the product of domain names with an ending, with its dot or without.
func domainName(ending string) string {
	if ending = strings.ToLower(strings.Trim(strings.TrimSpace(ending), ".")); ending == "" {
		return "Domain name"
	}
	return "Domain name ." + ending
}

func joined(with string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return strings.TrimSpace(p) == "" }), with)
}

func clip(text string) string { return clipAt(text, longestText) }

// clipAt cuts a text and shows that something is missing.
func clipAt(text string, n int) string {
	if cut := loot.Cut(text, n); cut != text {
		return cut + "…"
	}
	return text
}

// invoice judges a row of invoices.
func (j *judge) invoice(c candidate, v map[string]string) candidate {
	id := cmp.Or(v[rowID], v[rowNumber])
	if id == "" || v[rowClient] == "" {
		return c.refuse("The number of the invoice or the id of its customer is missing.")
	}
	c.name = j.i.nameOf(j.r.Mapping.System, invoices, id)
	c.client = j.i.nameOf(j.r.Mapping.System, clients, v[rowClient])
	in := &Invoice{
		Source: j.source, System: j.r.Mapping.System, Number: clip(strings.ReplaceAll(cmp.Or(v[rowNumber], id), " ", "")), State: clip(v[rowStatus]),
		Currency: j.currency(v), Party: cmp.Or(v[rowParty], j.side.parties[v[rowClient]].lines),
	}
	if plainName(in.State) == "draft" {
		return c.refuse("It is a draft.")
	}
	var issued, due bool
	var faults []string
	if in.Issued, issued = j.day(v[rowIssued]); !issued {
		faults = append(faults, j.unread(rowIssued))
	} else if in.Issued.IsZero() {
		faults = append(faults, j.about(rowIssued, rowWords[rowIssued])+": this is missing.")
	}
	if in.Due, due = j.day(v[rowDue]); !due {
		faults = append(faults, j.unread(rowDue))
	}
	if len(faults) > 0 {
		if why := j.amounts(in, v, j.side.lines[v[rowID]]); why != "" {
			faults = append(faults, why)
		}
		return c.refuse(strings.Join(faults, " "))
	}
	switch until := j.i.needs.ArchivedUntil(j.s, in.Issued); {
	case in.Issued.After(j.now):
		return c.refuse("It is issued in the future.")
	case until.IsZero():
		return c.refuse("The statement in force keeps no invoices.")
	case !until.After(j.now):
		return c.refuse("It is so old that the law wants it kept no longer.")
	}
	if why := j.amounts(in, v, j.side.lines[v[rowID]]); why != "" {
		return c.refuse(why)
	}
	if in.size() > mostInvoice {
		return c.refuse("It is longer than an invoice that can be kept.")
	}
	c.invoice = in
	return c
}

// size returns about how many bytes of text an invoice has.
func (in *Invoice) size() int {
	n := len(in.Party)
	for _, l := range in.Lines {
		n += len(l.Text) + 8
	}
	return n
}

const notAnAmount = "An amount cannot be read, is larger than can be kept, or its currency is not known."

// amounts reads the amounts of an invoice, and works out those that its system does
// not write down.
func (j *judge) amounts(in *Invoice, v map[string]string, raw []rawLine) (why string) {
	if text := v[rowText]; text != "" {
		raw = []rawLine{{text: clip(text), amount: cmp.Or(v[rowNet], v[rowTotal]), quantity: 1}}
	}
	var net, taxed int64
	for _, l := range raw {
		amount, ok := j.amount(l.amount, in.Currency)
		if !ok || l.quantity < 0 || l.quantity > 0 && (amount > mostAmount/l.quantity || amount < -mostAmount/l.quantity) {
			return notAnAmount
		}
		amount *= l.quantity
		in.Lines = append(in.Lines, Line{l.text, amount})
		if net += amount; l.taxed {
			taxed += amount
		}
		if net > mostAmount || net < -mostAmount {
			return notAnAmount
		}
	}
	told := v[rowTotal] != ""
	for _, one := range []struct {
		text string
		to   *int64
	}{{v[rowNet], &in.Net}, {v[rowTax], &in.Tax}, {v[rowTotal], &in.Total}} {
		var ok bool
		if *one.to, ok = j.amount(one.text, in.Currency); !ok {
			return notAnAmount
		}
	}
	if told || len(raw) == 0 {
		if !told && v[rowNet] == "" {
			return "It has neither a total nor lines."
		}
		if !told {
			in.Total = in.Net + in.Tax
		}
		return ""
	}
	rate, ok := j.i.needs.Amount(cmp.Or(v[rowRate], "0"), "EUR") // hundredths, as cents are
	if !ok || rate < 0 || rate > 100_00 {
		return "The rate of its tax cannot be read."
	}
	in.Net, in.Tax = net, share(taxed, rate)
	in.Total = in.Net + in.Tax
	return ""
}

// share returns so many hundredths of a percent of an amount, half up.
func share(amount, rate int64) int64 {
	if amount < 0 {
		return -share(-amount, rate)
	}
	return (amount*rate + 5_000) / 10_000
}

// thousands is a number of which nobody can tell whether what stands before its last three
// digits divides thousands or begins a fraction.
var thousands = regexp.MustCompile(`^-?[1-9]\d{0,2}[.,]\d{3}$`)

// currency returns the one of the amounts of a row: its own, its client's or that of the file.
func (j *judge) currency(v map[string]string) string {
	return strings.ToUpper(cmp.Or(v[rowCurrency], j.side.currencies[j.side.parties[v[rowClient]].currency], j.r.Mapping.Currency))
}

// amount reads an amount; several, each in a line, as two taxes are, are added up. None is zero.
func (j *judge) amount(text, currency string) (sum int64, ok bool) {
	if _, known := j.i.needs.Amount("0", currency); !known {
		return 0, false
	}
	_, mils := j.i.needs.Amount("0.001", currency) // which so many digits are a fraction of
	for one := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' }) {
		n, ok := j.i.needs.Amount(one, currency)
		if !ok || n > mostAmount || n < -mostAmount || !mils && thousands.MatchString(one) {
			return 0, false
		}
		sum += n
	}
	return sum, sum <= mostAmount && sum >= -mostAmount
}
