package invoice

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Finding is one thing for which an invoice may not be issued.
type Finding struct {
	Rule  string // of EN 16931-1, as BR-CO-10; of Peppol BIS Billing 3; or of Loot: LOOT-01
	Where string // the part of the invoice: "line 3", "buyer"
	Do    string // a sentence that says what to do, without personal data
}

// String returns the finding as one line.
func (f Finding) String() string { return f.Rule + ", " + f.Where + ": " + f.Do }

// Loot's own rules, for what EN 16931-1 leaves open and the law or a reader
// does not.
const (
	rulePreceding = "LOOT-01" // what a credit note or a corrected invoice is about
	ruleDates     = "LOOT-02" // days that the calendar has, in order
	ruleText      = "LOOT-03" // text that XML can carry
	ruleAccount   = "LOOT-04" // an account that exists as far as its check digits tell
	rulePlaces    = "LOOT-05" // amounts that can be paid in the currency
	ruleUnit      = "LOOT-06" // units that Loot has words for
	ruleAddress   = "LOOT-07" // the registered address of both, which tax law asks for
	ruleUnique    = "LOOT-08" // each line has an id of its own
	ruleNet       = "PEPPOL-EN16931-R120"
)

// Check returns what stands against issuing the invoice, in a fixed order: the
// rules of EN 16931-1 for the terms that Loot uses, and its own. Nothing means
// that it may be issued. It does not change the invoice; call
// [Invoice.Compute] first.
func (inv *Invoice) Check() []Finding {
	c := &checker{inv: inv}
	c.places, c.money = Places(inv.Currency)
	c.document()
	c.parties()
	c.payment()
	for i := range inv.Lines {
		c.line(&inv.Lines[i], "line "+strconv.Itoa(i+1))
	}
	for i := range inv.Allowances {
		c.adjustment(&inv.Allowances[i], "allowance "+strconv.Itoa(i+1), allowanceRules)
	}
	for i := range inv.Charges {
		c.adjustment(&inv.Charges[i], "charge "+strconv.Itoa(i+1), chargeRules)
	}
	c.breakdown()
	c.categories()
	c.totals()
	return c.found
}

type checker struct {
	inv    *Invoice
	places int
	money  bool // the currency is known
	found  []Finding
}

func (c *checker) must(ok bool, rule, where, do string) {
	if !ok {
		c.found = append(c.found, Finding{rule, where, do})
	}
}

func (c *checker) text(where string, all ...string) {
	for _, s := range all {
		c.must(printable(s), ruleText, where, "Remove the control characters from the text: XML cannot carry them.")
	}
}

// printable says whether XML 1.0 can carry a text.
func printable(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF || r == utf8.RuneError {
			return false
		}
	}
	return true
}

func filled(s string) bool { return strings.TrimSpace(s) != "" }

func (c *checker) document() {
	inv, doc := c.inv, "document"
	c.must(filled(inv.Number), "BR-02", doc, "Give the invoice a number.")
	c.must(!inv.Issued.IsZero(), "BR-03", doc, "Set the date of issue.")
	c.must(inv.Kind != "", "BR-04", doc, "Say what kind of document it is.")
	known := inv.Kind == Commercial || inv.Kind == CreditNote || inv.Kind == Corrected
	c.must(inv.Kind == "" || known, "BR-CL-01", doc, "Use the type 380 (invoice), 381 (credit note) or 384 (corrected invoice).")
	c.must(inv.Currency != "", "BR-05", doc, "Set the currency.")
	c.must(inv.Currency == "" || c.money, "BR-CL-04", doc, "Use a currency of ISO 4217, as EUR.")
	c.text(doc, inv.Number, inv.BuyerReference, inv.Order, inv.Contract)
	c.text("note", inv.Notes...)
	for _, d := range []Date{inv.Issued, inv.Due, inv.Delivered} {
		c.must(d.IsZero() || d.Valid(), ruleDates, doc, "Use a date that the calendar has.")
	}
	c.must(inv.Due.IsZero() || !inv.Due.Before(inv.Issued), ruleDates, doc, "Set a due date that is not before the date of issue.")
	c.period(inv.Period, "BR-29", doc)

	c.must(inv.Kind == Commercial || len(inv.Preceding) > 0, rulePreceding, doc, "Name the invoice that is taken back or corrected.")
	for i, p := range inv.Preceding {
		where := "preceding invoice " + strconv.Itoa(i+1)
		c.must(filled(p.Number), "BR-55", where, "Give the number of the preceding invoice.")
		c.must(p.Issued.IsZero() || p.Issued.Valid() && !inv.Issued.Before(p.Issued), ruleDates, where,
			"Set the day on which the preceding invoice was issued; it cannot be later than this one.")
		c.text(where, p.Number)
	}
	c.must(inv.DeliverTo == "" || isCode("country", inv.DeliverTo), "BR-CL-14", "delivery", "Use a country code of ISO 3166-1.")
	c.must(len(inv.Lines) > 0, "BR-16", doc, "Add at least one line.")

	if inv.AccountingCurrency == "" {
		c.must(inv.AccountingTax.IsZero(), "BR-53", doc, "Say in which currency the tax is accounted for.")
		return
	}
	_, ok := Places(inv.AccountingCurrency)
	c.must(ok, "BR-CL-05", doc, "Use a currency of ISO 4217 for accounting.")
	c.must(inv.AccountingCurrency != inv.Currency, "BR-53", doc, "Leave the accounting currency empty if it is the invoice's own.")
	c.must(inv.AccountingTax.Sign() == inv.Totals.Tax.Sign(), "BR-53", doc, "Give the tax in the accounting currency.")
	c.must(inv.AccountingTax.Places() <= 2, "BR-DEC-15", doc, "Round the tax in the accounting currency to two decimals.")
}

func (c *checker) period(p Period, rule, where string) {
	c.must((p.From.IsZero() || p.From.Valid()) && (p.To.IsZero() || p.To.Valid()), ruleDates, where, "Use dates that the calendar has for the period.")
	c.must(p.From.IsZero() || p.To.IsZero() || !p.To.Before(p.From), rule, where, "End the period on or after the day on which it begins.")
}

func (c *checker) payment() {
	p, where := c.inv.Payment, "payment"
	if p.Means == "" {
		c.must(len(p.Accounts) == 0 && p.Reference == "", "BR-49", where, "Say how to pay: 30 (credit transfer) or 58 (SEPA).")
	} else {
		c.must(p.Means == TransferCredit || p.Means == TransferSEPA, "BR-CL-16", where, "Use the means of payment 30 (credit transfer) or 58 (SEPA).")
		c.must(len(p.Accounts) > 0, "BR-61", where, "Name the account to which is paid.")
	}
	for i, a := range p.Accounts {
		where := "account " + strconv.Itoa(i+1)
		c.must(filled(a.number()), "BR-50", where, "Give the account's IBAN, or its number if it has none.")
		c.must(a.IBAN == "" || a.Other == "", ruleAccount, where, "Give either the IBAN or another number.")
		c.must(a.Other == "" || p.Means == TransferCredit, ruleAccount, where, "Use the means of payment 30: an account without IBAN is outside of SEPA.")
		c.must(a.IBAN == "" || ibanHolds(a.IBAN), ruleAccount, where, "Correct the IBAN: its check digits do not fit. Write it without spaces.")
		c.text(where, a.Name, a.BIC, a.Other)
	}
	c.must(c.inv.Totals.Due.Sign() <= 0 || !c.inv.Due.IsZero() || filled(p.Terms), "BR-CO-25", where,
		"Set a due date or terms of payment, since something is to be paid.")
	c.text(where, p.Reference, p.Terms)
}

// ibanHolds checks the digits of ISO 13616 by ISO 7064, MOD 97-10.
func ibanHolds(iban string) bool {
	if len(iban) < 15 || len(iban) > 34 {
		return false
	}
	rest := 0
	for _, r := range iban[4:] + iban[:4] {
		switch {
		case r >= '0' && r <= '9':
			rest = (rest*10 + int(r-'0')) % 97
		case r >= 'A' && r <= 'Z':
			rest = (rest*100 + int(r-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}

func (c *checker) line(l *Line, where string) {
	c.must(filled(l.ID), "BR-21", where, "Give the line an id.")
	for i := range c.inv.Lines {
		other := &c.inv.Lines[i]
		if other == l {
			break
		}
		if other.ID == l.ID {
			c.must(false, ruleUnique, where, "Give the line an id that no other line has.")
			break
		}
	}
	c.must(!l.Quantity.IsZero(), "BR-22", where, "Give the quantity.")
	_, known := unitOf(l.Unit)
	c.must(l.Unit != "", "BR-23", where, "Give the unit of the quantity.")
	c.must(l.Unit == "" || known, ruleUnit, where, "Use a unit that Loot has words for, as MON, HUR, C62 or E34.")
	c.must(filled(l.Name), "BR-25", where, "Name what is charged.")
	c.must(l.Price.Sign() >= 0, "BR-27", where, "Make the price positive; to take something back, make the quantity negative.")
	c.must(l.Base.Sign() >= 0, "PEPPOL-EN16931-R121", where, "Give the price for a quantity greater than 0.")
	c.text(where, l.ID, l.Note, l.Name, l.Description, l.Item)
	c.period(l.Period, "BR-30", where)
	c.amount(l.Net, "BR-DEC-23", where)
	for i := range l.Allowances {
		c.adjusted(&l.Allowances[i], where+", allowance "+strconv.Itoa(i+1), lineAllowanceRules)
	}
	for i := range l.Charges {
		c.adjusted(&l.Charges[i], where+", charge "+strconv.Itoa(i+1), lineChargeRules)
	}
	if c.money {
		sum := &calc{}
		net := sum.net(*l, c.places)
		c.must(sum.err == nil && net.Equal(l.Net), ruleNet, where, "Compute the invoice: the net amount is not the price by the quantity, with charges and allowances.")
	}
	c.tax(l.Tax, where, "BR-CO-04", lineTax)
}

// adjustmentRules are the rules' names for one place of an allowance or a
// charge.
type adjustmentRules struct{ list, code, amount, reason, amountPlaces, basePlaces string }

var (
	allowanceRules     = adjustmentRules{"allowance", "BR-CL-19", "BR-31", "BR-33", "BR-DEC-01", "BR-DEC-02"}
	chargeRules        = adjustmentRules{"charge", "BR-CL-20", "BR-36", "BR-38", "BR-DEC-05", "BR-DEC-06"}
	lineAllowanceRules = adjustmentRules{"allowance", "BR-CL-19", "BR-41", "BR-42", "BR-DEC-24", "BR-DEC-25"}
	lineChargeRules    = adjustmentRules{"charge", "BR-CL-20", "BR-43", "BR-44", "BR-DEC-27", "BR-DEC-28"}
)

func (c *checker) adjusted(a *Adjustment, where string, rules adjustmentRules) {
	c.must(a.Amount.Sign() > 0, rules.amount, where, "Give an amount greater than 0; an allowance is subtracted and a charge is added as it is.")
	c.must(filled(a.Reason) || filled(a.Code), rules.reason, where, "Say why, with a text or a code.")
	c.must(a.Code == "" || isCode(rules.list, a.Code), rules.code, where, "Use a code of the list, or leave it empty and give the reason as text.")
	c.amount(a.Amount, rules.amountPlaces, where)
	c.must(a.Base.Places() <= 2, rules.basePlaces, where, "Round the base to two decimals.")
	c.text(where, a.Reason)
	if c.money && !a.Percent.IsZero() {
		sum := &calc{}
		want := sum.share(a.Base, a.Percent, Int(100), c.places)
		c.must(sum.err == nil && want.Equal(a.Amount), "PEPPOL-EN16931-R040", where, "Compute the invoice: the amount is not the percentage of the base.")
	}
}

func (c *checker) adjustment(a *Adjustment, where string, rules adjustmentRules) {
	c.adjusted(a, where, rules)
	if rules.list == "charge" {
		c.tax(a.Tax, where, "BR-37", chargeTax)
	} else {
		c.tax(a.Tax, where, "BR-32", allowanceTax)
	}
}

// amount checks that an amount has the places that the standard allows and that
// the currency can pay.
func (c *checker) amount(a Decimal, rule, where string) {
	c.must(a.Places() <= 2, rule, where, "Round the amount to two decimals.")
	c.must(!c.money || a.Places() <= c.places || a.Places() > 2, rulePlaces, where, fmt.Sprintf("Round the amount: %s has no smaller unit.", c.inv.Currency))
}
