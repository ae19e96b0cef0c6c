package imports

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"loot"
	"loot/desk/imports/source"
	"loot/statement"
)

// The kinds of rows.
const (
	clients  = "clients"
	services = "services"
)

// What a column can be besides a field of the statement.
const (
	rowID       = "row.id"       // what the other system calls it
	rowClient   = "row.client"   // what the other system calls the customer whose it is
	rowService  = "row.service"  // product or service
	rowSince    = "row.since"    // day of the order
	rowEnded    = "row.ended"    // day on which it ended
	rowInvoiced = "row.invoiced" // last day that the other system has invoiced
	rowNext     = "row.next"     // first day that it has not
	rowStatus   = "row.status"   // whether it runs
	rowDomain   = "row.domain"   // domain name of the service
	rowDialling = "row.dialling" // calling code of the country, in a column of its own
)

// A Mapping says what the columns of a file are. It is kept as JSON, also under a
// name for the next file of its kind.
type Mapping struct {
	Kind      string                       `json:"kind,omitempty"` // of the rows of CSV
	System    string                       `json:"system"`         // under which ids are known again
	Encoding  string                       `json:"encoding,omitempty"`
	Delimiter string                       `json:"delimiter,omitempty"`
	Dates     string                       `json:"dates"`               // order of the parts of a day: "ymd", "dmy" or "mdy"
	Columns   map[string]map[string]string `json:"columns"`             // table, then column, to what it is
	Service   string                       `json:"service,omitempty"`   // of customers beside whom none stands; see chosen
	Products  map[string]string            `json:"products,omitempty"`  // product of the file, by its cycle, to service; see chosen
	Otherwise string                       `json:"otherwise,omitempty"` // what becomes of rows with another price than their plan's: byPlan, bare or leftOut
	Person    bool                         `json:"person,omitempty"`    // who has no company trades in their own name
	Currency  string                       `json:"currency,omitempty"`  // of amounts beside which none stands, ISO 4217
	Invite    bool                         `json:"invite,omitempty"`    // who is taken over is told of it by a letter
	Lenient   bool                         `json:"lenient,omitempty"`   // details that are wrong and not compulsory are left out
}

// leftOut is chosen for products that are not taken over.
const leftOut = "-"

// chosen takes the choice of a service apart: its id and, behind a bar, its plan.
func chosen(choice string) (service, plan string) {
	service, plan, _ = strings.Cut(choice, "|")
	return service, plan
}

// format is how the file is read, which the mapping may say better.
func (m Mapping) format(f source.Format) source.Format {
	f.Encoding, f.Delimiter = cmp.Or(m.Encoding, f.Encoding), cmp.Or(m.Delimiter, f.Delimiter)
	return f
}

// after says what is to be done about somebody after they were taken over.
func (m Mapping) after() int {
	if m.Invite {
		return toInvite
	}
	return toCheck
}

// A part is a table of a file with what its rows are.
type part struct{ kind, table string }

// Tables of WHMCS whose services it counts apart from its others.
const (
	tableDomains = "tbldomains"
	tableAddons  = "tblhostingaddons"
)

// countedApart says what stands before the ids of tables that are counted apart, so that
// the domain name 7 is another service than the hosting 7. Refused rows come back with it.
var countedApart = map[string]string{tableDomains: "domain-", tableAddons: "addon-"}

// tables are those of the databases of WHMCS and FOSSBilling, in the order in which
// they are taken over. What stands in others is looked up from them.
var tables = []part{
	{clients, "tblclients"},
	{services, "tblhosting"},
	{services, tableDomains},
	{services, tableAddons},
	{invoices, "tblinvoices"},
	{clients, "client"},
	{services, "client_order"},
	{invoices, "invoice"},
}

// beside are tables that are looked into and not taken over themselves.
var beside = []string{"tblproducts", "tbladdons", "tblcurrencies", "tblinvoiceitems", "product", "service_domain", "service_hosting", "invoice_item"}

// wanted reports whether a table of a dump is read.
func wanted(table string) bool {
	return slices.Contains(beside, table) || slices.ContainsFunc(tables, func(t part) bool { return t.table == table })
}

// steps returns what is taken over of a file, one table after another.
func (m Mapping) steps(f found) (out []part) {
	if f.Form == source.CSV {
		return []part{{m.Kind, ""}}
	}
	for _, t := range tables {
		if f.table(t.table) != nil {
			out = append(out, t)
		}
	}
	return out
}

// ofDump says what the columns of known tables are.
var ofDump = map[string]map[string]string{
	"tblclients": {
		"id": rowID, "companyname": "company.name", "tax_id": "company.vat", "address1": "address.street", "address2": "address.street", "postcode": "address.postcode",
		"city": "address.city", "state": "address.region", "country": "address.country", "firstname": "contact.name", "lastname": "contact.name", "email": "contact.email",
		"phonenumber": "contact.phone", "language": "contact.language",
	},
	"tblhosting": {
		"id": rowID, "userid": rowClient, "packageid": rowService, //nolint:misspell // as WHMCS spells it
		"regdate": rowSince, "termination_date": rowEnded, "domainstatus": rowStatus, "domain": rowDomain,
		// What was paid is until the one, and what an invoice was written of until the other.
		"nextduedate": rowNext, "nextinvoicedate": rowNext, "billingcycle": rowCycle, "amount": rowPrice,
	},
	tableDomains: {
		"id": rowID, "userid": rowClient, "domain": rowService, "registrationdate": rowSince, "expirydate": rowEnded, "status": rowStatus,
		"nextduedate": rowNext, "nextinvoicedate": rowNext, "registrationperiod": rowCycle, "recurringamount": rowPrice,
	},
	tableAddons: {
		"id": rowID, "userid": rowClient, "addonid": rowService, "regdate": rowSince, "termination_date": rowEnded, "status": rowStatus,
		"nextduedate": rowNext, "nextinvoicedate": rowNext, "billingcycle": rowCycle, "recurring": rowPrice,
	},
	"tblinvoices": {
		"id": rowID, "invoicenum": rowNumber, "userid": rowClient, "date": rowIssued, "duedate": rowDue, "subtotal": rowNet, "tax": rowTax, "tax2": rowTax, "total": rowTotal,
		"status": rowStatus,
	},
	"client": {
		"id": rowID, "company": "company.name", "company_vat": "company.vat", "company_number": "company.register", "address_1": "address.street", "address_2": "address.street",
		"postcode": "address.postcode", "city": "address.city", "state": "address.region", "country": "address.country", "first_name": "contact.name", "last_name": "contact.name",
		"email": "contact.email", "phone_cc": rowDialling, "phone": "contact.phone", "lang": "contact.language",
	},
	"client_order": {
		"id": rowID, "client_id": rowClient, "title": rowService, "activated_at": rowSince, "canceled_at": rowEnded, "status": rowStatus,
		"expires_at": rowNext, // the moment at which its next period begins
		"period":     rowCycle, "price": rowPrice, "quantity": rowQuantity, "currency": rowCurrency,
	},
	"invoice": {
		"id": rowID, "serie": rowNumber, "nr": rowNumber, "client_id": rowClient, "created_at": rowIssued, "due_at": rowDue, "currency": rowCurrency, "taxrate": rowRate, "status": rowStatus,
		"buyer_company": rowParty, "buyer_first_name": rowParty, "buyer_last_name": rowParty, "buyer_address": rowParty, "buyer_zip": rowParty, "buyer_city": rowParty, "buyer_state": rowParty,
		"buyer_country": rowParty, "buyer_company_vat": rowParty,
	},
}

// called are the names that columns of CSV have, in small letters and without
// anything but letters and digits.
var called = map[string][]string{
	"company.name":     {"company", "companyname", "firma", "firmenname", "organisation", "organization", "businessname", "entreprise", "societe", "bedrijf"},
	"company.vat":      {"vat", "vatnumber", "vatid", "taxid", "companyvat", "ustid", "ustidnr", "tvaintra", "btwnummer", "taxnumber"},
	"company.tax":      {"taxreference", "taxreferencenumber", "taxidentificationnumber", "steuernummer", "steuernr", "codicefiscale", "numerofiscal", "nif", "utr"},
	"company.register": {"companynumber", "registernumber", "registrationnumber", "siren", "siret", "kvk", "handelsregister", "hrb"},
	"address.street":   {"street", "address", "address1", "address2", "addressline1", "addressline2", "strasse", "straße", "adresse", "adresse1", "rue"},
	"address.postcode": {"postcode", "zip", "zipcode", "postalcode", "plz", "codepostal", "postleitzahl"},
	"address.city":     {"city", "town", "ort", "stadt", "ville", "plaats"},
	"address.region":   {"region", "state", "province", "stateprovince", "provincestate", "stateregion", "prefecture", "bundesland", "bundesstaat", "provinz", "provincia", "estado", "provincie"}, //nolint:misspell // Dutch
	"address.country":  {"country", "countrycode", "land", "pays"},
	"contact.name":     {"name", "contact", "contactname", "clientname", "firstname", "lastname", "vorname", "nachname", "prenom", "nom", "fullname"},
	"contact.email":    {"email", "emailaddress", "mail", "courriel", "contactemail"},
	"contact.phone":    {"phone", "phonenumber", "telephone", "tel", "telefon", "mobile"},
	"contact.language": {"language", "lang", "sprache", "langue"},
	"payment.iban":     {"iban", "bankaccount"},
	rowID:              {"id", "clientid", "customerid", "customernumber", "kundennummer", "number", "serviceid", "orderid", "hostingid"},
	rowClient:          {"userid", "clientid", "customerid", "client", "customernumber", "kundennummer"},
	rowService:         {"service", "product", "productname", "productservice", "package", "plan", "produkt", "title"},
	rowSince:           {"since", "ordered", "regdate", "registrationdate", "createdat", "datecreated", "signupdate", "creationdate", "activatedat", "seit"},
	rowEnded:           {"ended", "enddate", "terminationdate", "canceledat", "cancelledat", "ende"},
	rowInvoiced:        {"invoiceduntil", "invoicedto", "invoicedthrough", "billeduntil", "billedto", "paiduntil", "paidto", "paidthrough", "abgerechnetbis", "berechnetbis", "bezahltbis"},
	rowNext:            {"nextduedate", "nextdue", "nextinvoicedate", "nextinvoice", "renewaldate", "renewsat", "expiresat"},
	rowCycle:           {"billingcycle", "billingperiod", "billinginterval", "cycle", "period", "abrechnungszeitraum", "abrechnungsintervall", "turnus", "périodicité"},
	rowPrice:           {"price", "recurringprice", "recurringamount", "recurring", "preis", "prix", "prijs"},
	rowQuantity:        {"quantity", "qty", "menge", "anzahl", "quantité"},
	rowStatus:          {"status", "domainstatus"},
	rowDomain:          {"domain", "domainname", "hostname", "domaine", "domein"},
	rowDialling:        {"phonecc"},
	rowNumber:          {"invoicenumber", "invoicenum", "invoiceno", "invoice", "rechnungsnummer", "numerofacture"},
	rowIssued:          {"date", "invoicedate", "issued", "rechnungsdatum", "datefacture"},
	rowDue:             {"due", "duedate", "fällig", "echeance"},
	rowCurrency:        {"currency", "currencycode", "währung", "devise"},
	rowNet:             {"net", "subtotal", "netto", "ht"},
	rowTax:             {"tax", "tax2", "vatamount", "mwst", "tva"},
	rowTotal:           {"total", "gross", "brutto", "amount", "ttc"},
	rowText:            {"description", "text", "beschreibung"},
}

func plainName(column string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 0x80 {
			return r
		}
		return -1
	}, strings.ToLower(column))
}

// suggest names columns by what they are called.
func (i *Imports) suggest(s *statement.Statement, f found) Mapping {
	m := Mapping{Kind: clients, System: "the system before", Dates: "ymd", Currency: "EUR", Columns: map[string]map[string]string{}, Person: true}
	declared := map[string]bool{}
	for _, d := range i.needs.Fields(s) {
		declared[string(d.ID)] = true
	}
	for _, t := range f.Tables {
		names := map[string]string{}
		for _, column := range t.Columns {
			to := ofDump[t.Name][column]
			if f.Form == source.CSV {
				to = suggested(column, t.Columns)
			}
			if to != "" && (strings.HasPrefix(to, "row.") || declared[to]) {
				names[column] = to
			}
		}
		m.Columns[t.Name] = names
	}
	switch {
	case slices.ContainsFunc(f.Tables, func(t foundTable) bool { return strings.HasPrefix(t.Name, "tbl") }):
		m.System = "WHMCS"
	case f.table("client") != nil || f.table("client_order") != nil:
		m.System = "FOSSBilling"
	}
	if f.Form == source.CSV && len(f.Tables) > 0 {
		t := f.Tables[0]
		m.Kind = kindOf(m.Columns[""])
		m.Columns[""] = keepFor(m.Kind, m.Columns[""])
		m.Dates = datesOf(t, m.Columns[""])
	}
	return m
}

// knowing returns a mapping of a file with tables that it does not know as they are
// suggested: it was remembered when they were not read yet. The text is read as that of
// this file is, or letters of another encoding would be taken for others unseen.
func (m Mapping) knowing(suggested Mapping) Mapping {
	m.Columns, m.Encoding, m.Delimiter = maps.Clone(m.Columns), suggested.Encoding, suggested.Delimiter
	for table, columns := range suggested.Columns {
		if _, is := m.Columns[table]; !is {
			m.Columns[table] = columns
		}
	}
	return m
}

// suggested returns what a column of CSV is by its name.
func suggested(column string, all []string) string {
	plain := plainName(column)
	has := func(other string) bool {
		return slices.ContainsFunc(all, func(c string) bool { return plainName(c) == other })
	}
	switch { // the same name means another thing beside others
	case (plain == "clientid" || plain == "customerid" || plain == "userid") && slices.ContainsFunc(append([]string{"id", "serviceid", "orderid", "invoiceid"}, called[rowNumber]...), has):
		return rowClient
	case plain == "orderid" && has("id"):
		return ""
	case plain == "state" && !slices.ContainsFunc(slices.Concat(called["address.street"], called["address.city"], called["address.country"]), has):
		return rowStatus
	case plain == "amount" && slices.ContainsFunc(called[rowCycle], has):
		return rowPrice
	}
	for _, to := range slices.Sorted(maps.Keys(called)) {
		if to != rowClient && slices.Contains(called[to], plain) {
			return to
		}
	}
	if slices.Contains(called[rowClient], plain) {
		return rowClient
	}
	return ""
}

// kindOf tells what rows are by what their columns are.
func kindOf(columns map[string]string) string {
	has := map[string]bool{}
	for _, to := range columns {
		has[to] = true
	}
	switch {
	case has[rowClient] && has[rowTotal] && (has[rowNumber] || has[rowIssued]):
		return invoices
	case has[rowClient] && !has["contact.email"]:
		return services
	}
	return clients
}

// keepFor drops what the rows of a kind do not have.
func keepFor(kind string, columns map[string]string) map[string]string {
	out, may := map[string]string{}, targetsOf(kind, nil)
	for column, to := range columns {
		if slices.Contains(may, to) || kind == clients && !strings.HasPrefix(to, "row.") {
			out[column] = to
		}
	}
	return out
}

// datesOf tells the order of the parts of a day by what the first ones look like.
func datesOf(t foundTable, columns map[string]string) string {
	for n, column := range t.Columns {
		switch columns[column] {
		case rowSince, rowEnded, rowInvoiced, rowNext, rowIssued, rowDue:
			if s := t.Shapes[n]; strings.HasPrefix(s, "9999") || s == "" {
				continue
			} else if strings.Contains(s, ".") || strings.Contains(s, "/") || strings.Contains(s, "-") {
				return "dmy"
			}
		}
	}
	return "ymd"
}

// targetsOf returns what the columns of a kind of rows can be.
func targetsOf(kind string, fields []statement.FieldDecl) (out []string) {
	switch kind {
	case clients:
		out = []string{rowID, rowService, rowSince, rowEnded, rowInvoiced, rowNext, rowCycle, rowPrice, rowQuantity, rowCurrency, rowStatus, rowDomain, rowDialling}
		for _, d := range fields {
			out = append(out, string(d.ID))
		}
	case services:
		out = []string{rowID, rowClient, rowService, rowSince, rowEnded, rowInvoiced, rowNext, rowCycle, rowPrice, rowQuantity, rowCurrency, rowStatus, rowDomain}
	case invoices:
		out = []string{rowID, rowNumber, rowClient, rowIssued, rowDue, rowCurrency, rowNet, rowTax, rowTotal, rowRate, rowStatus, rowParty, rowText}
	}
	return out
}

// missing says what of a mapping is not enough to begin with.
func (m Mapping) missing(f found, address loot.Field) string {
	for _, p := range m.steps(f) {
		has := map[string]bool{}
		for _, to := range m.Columns[p.table] {
			has[to] = true
		}
		switch {
		case p.kind == clients && !has[string(address)]:
			return "One column has to be the address that letters go to."
		case p.kind == clients && f.Form == source.CSV && !has[rowService] && m.Service == "":
			return "Name the column with the service, or the service that all of these customers have: without an order nobody may be kept."
		case p.kind == services && (!has[rowID] || !has[rowClient]):
			return "One column has to be the id of the service, and one the id of the customer whose it is."
		case p.kind == invoices && (!has[rowClient] || !has[rowIssued] || !has[rowID] && !has[rowNumber]):
			return "Columns have to be the number of the invoice, the id of its customer and the day of issue."
		case p.kind == services && !has[rowService]:
			return "One column has to be the product or service."
		}
	}
	return ""
}
