package billing

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"loot"
	"loot/desk/billing/invoice"
	"loot/number"
	"loot/statement"
)

// A Seller is the company that issues the invoices, as far as the statement does
// not say it.
type Seller struct {
	Name     string // as registered; empty: the controller of the statement
	Address  string // street, town with postcode, country, as "1 Example Quay, Dublin, Ireland"; empty: the controller's
	VAT      string // without it nothing is issued but what is exempt
	Register string // number in the register of companies
	IBAN     string // to which is paid
	Account  string // to which is paid, where it has no IBAN: as the bank writes it
	BIC      string
	Email    string // for questions; empty: the controller's
	Series   string // begins every number
	Language string // of invoices, where a customer did not choose another: one of [invoice.Languages]
	Zone     string // IANA time zone in which days and months end
	Days     int    // in which is to be paid
	Terms    string // of payment, as they stand on invoices; empty: the day alone
	OSS      bool   // consumers in other member states pay the tax of their own
	Auto     bool   // the month that has passed is drawn by itself

	TaxNumber string      // of the tax office; who is exempt may have no other
	Exempt    []Exemption // when its supplies are exempt at home, and why; no two on the same day

	at *time.Location // of Zone, as each look-up reads a file; nil: it is looked up
}

// MadeUpSeller is the company of demonstrations and proofs.
var MadeUpSeller = Seller{
	Name: "Loot Example Network Ltd", Address: "1 Example Quay, Dublin, Ireland",
	VAT: "IE1234567T", Register: "000000", IBAN: "IE25MADE00000000000000", Series: "EX", Language: "en", Zone: "Europe/Dublin", Days: 14,
}

// mostTerms is how long the terms of payment may be, in bytes.
const mostTerms = 500

// Check says what is wrong with what is set, in words for the operator.
func (s Seller) Check() error {
	if s.VAT != "" {
		if _, err := number.VAT(s.VAT); err != nil {
			return loot.Wrap(loot.Invalid, err, "--seller-vat: "+err.Error())
		}
	}
	if s.IBAN != "" {
		if _, err := number.IBAN(s.IBAN); err != nil {
			return loot.Wrap(loot.Invalid, err, "--seller-iban: "+err.Error())
		}
	}
	if s.BIC != "" {
		if _, err := number.BIC(s.BIC); err != nil {
			return loot.Wrap(loot.Invalid, err, "--seller-bic: "+err.Error())
		}
	}
	if _, err := time.LoadLocation(s.Zone); err != nil {
		return loot.Errorf(loot.Invalid, "--seller-timezone: there is no such time zone. One looks like Europe/Dublin.")
	}
	if s.IBAN != "" && s.Account != "" {
		return loot.Errorf(loot.Invalid, "--seller-account is for an account that has no IBAN; set one of the two.")
	}
	if !invoice.HasLanguage(s.withDefaults().Language) {
		return loot.Errorf(loot.Invalid, "--seller-language is one of de, en, es, fr and nl.")
	}
	if s.Days < 0 || s.Days > 365 {
		return loot.Errorf(loot.Invalid, "--seller-days is between 0 and 365.")
	}
	if len(s.Terms) > mostTerms || strings.ContainsFunc(s.Terms, unicode.IsControl) {
		return loot.Errorf(loot.Invalid, "--seller-terms is one line of %d characters at most, without control characters.", mostTerms)
	}
	return checkExemptions(s.Exempt)
}

func (s Seller) withDefaults() Seller {
	for _, one := range []struct {
		set *string
		to  string
	}{{&s.Series, "R"}, {&s.Language, "en"}, {&s.Zone, "UTC"}} {
		if *one.set == "" {
			*one.set = one.to
		}
	}
	if n, err := number.VAT(s.VAT); err == nil {
		s.VAT = n.Value
	}
	s.IBAN, s.BIC = number.Compact(s.IBAN), number.Compact(s.BIC)
	s.at = nil // it may be that of another zone
	s.at = s.place()
	return s
}

// place is where the seller's days begin and end.
func (s Seller) place() *time.Location {
	if s.at != nil {
		return s.at
	}
	at, err := time.LoadLocation(s.Zone)
	if err != nil {
		return time.UTC
	}
	return at
}

// of fills in what the statement says of the company.
func (s Seller) of(front statement.Front) Seller {
	for _, one := range []struct {
		set *string
		to  string
	}{{&s.Name, front.Controller.Name}, {&s.Address, front.Controller.Address}, {&s.Email, front.Controller.Email}} {
		if *one.set == "" {
			*one.set = one.to
		}
	}
	return s
}

// registered reports whether it has a VAT number.
func (s Seller) registered() bool {
	_, err := number.VAT(s.VAT)
	return err == nil
}

// Why an invoice cannot be issued by a seller who has no VAT number.
const (
	onlyVAT     = "The seller has no VAT number, and an exemption here does not count for this customer in another member state, so that only the VAT number helps: set --seller-vat."
	vatOrExempt = "The seller is not exempt here, and has no VAT number: set --seller-vat, or the days of the exemption."
)

// unregistered returns why an invoice cannot be issued as the seller has no VAT number;
// empty: that does not stand against it. What is exempt needs none, and an exemption
// counts for neither reverse charge nor the one-stop shop.
func (s Seller) unregistered(inv *invoice.Invoice) string {
	switch {
	case inv.Seller.VAT != "":
		return ""
	case has(inv, invoice.ReverseCharge), has(inv, invoice.Standard) && s.exemptOn(inv.Period.To) != nil:
		return onlyVAT
	case has(inv, invoice.Standard):
		return vatOrExempt
	}
	return ""
}

// missing returns what the law wants to stand on an invoice for a month and is not set
// (Directive 2006/112/EC, Article 226, 3 and 5), each with how to set it; with no
// month, what is wanted for any, be it one that was exempt.
func (s Seller) missing(m Month) (out []string) {
	if s.Name == "" {
		out = append(out, "The name of the company: set --seller-name, or the controller in the statement.")
	}
	if _, ok := addressOf(s.Address); !ok {
		out = append(out, "Its address with street, town and country, such as 1 Example Quay, Dublin, Ireland: set --seller-address, or the controller's in the statement.")
	}
	switch {
	case s.registered():
	case len(s.Exempt) == 0 || m != "" && s.exemptOn(m.days().To) == nil:
		out = append(out, "Its VAT number: set --seller-vat; or, if it is exempt and has none, --seller-exempt and --seller-tax-number.")
	case s.TaxNumber == "":
		out = append(out, "Its tax number: set --seller-tax-number, or --seller-vat.")
	}
	a, _ := addressOf(s.Address)
	if _, member := taxCountry(a); len(out) == 0 && !member {
		out = append(out, "An address in a member state of the European Union: tax is worked out for sellers there.")
	}
	return out
}

// party is the seller as on an invoice.
func (s Seller) party() invoice.Party {
	a, _ := addressOf(s.Address)
	return invoice.Party{
		Name: s.Name, VAT: s.VAT, TaxNumber: s.TaxNumber, Register: invoice.Identifier{Value: s.Register}, Address: a, Contact: invoice.Contact{Email: s.Email},
	}
}

// payment says how to pay the seller in a currency; the terms alone if no account is set.
func (s Seller) payment(currency string) invoice.Payment {
	p := invoice.Payment{Terms: s.Terms}
	if s.IBAN == "" && s.Account == "" {
		return p
	}
	p.Means, p.Accounts = invoice.TransferCredit, []invoice.Account{{IBAN: s.IBAN, Other: s.Account, Name: s.Name, BIC: s.BIC}}
	if s.IBAN != "" && currency == euro {
		p.Means = invoice.TransferSEPA
	}
	return p
}

var stateCode = regexp.MustCompile(`^[A-Z]{2,3}$`)

// addressOf reads an address that is written in one line. Of the town, what
// holds digits is the postcode. In the countries that sort letters by them, two or three
// capitals behind the town are its state or province, with a comma before them or without.
func addressOf(line string) (a invoice.Address, ok bool) {
	var parts []string
	for part := range strings.SplitSeq(line, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) < 3 || len(parts) > 5 {
		return a, false
	}
	n := len(parts)
	i := slices.IndexFunc(statement.Countries(), func(c statement.Country) bool {
		return strings.EqualFold(c.Name, parts[n-1]) || c.Code == parts[n-1]
	})
	if i < 0 {
		return a, false
	}
	a.Lines, a.Country = parts[:n-2], statement.Countries()[i].Code
	var town, code []string
	for word := range strings.FieldsSeq(parts[n-2]) {
		if strings.ContainsAny(word, "0123456789") {
			code = append(code, word)
		} else {
			town = append(town, word)
		}
	}
	last := len(town) - 1
	if slices.Contains([]string{"AU", "CA", "US"}, a.Country) && last >= 0 && (last > 0 || n > 3) && stateCode.MatchString(town[last]) {
		if a.Region, town = town[last], town[:last]; last == 0 {
			a.Lines, town = parts[:n-3], parts[n-3:n-2]
		}
	}
	a.City, a.Postcode = strings.Join(town, " "), strings.Join(code, " ")
	return a, a.City != ""
}
