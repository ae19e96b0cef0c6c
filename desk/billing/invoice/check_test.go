package invoice_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"loot/desk/billing/invoice"
	"loot/desk/billing/invoice/madeup"
)

func rules(found []invoice.Finding) (out []string) {
	for _, f := range found {
		out = append(out, f.Rule)
	}
	return out
}

func TestEveryKindMayBeIssued(t *testing.T) {
	for _, kind := range madeup.Kinds() {
		for seed := range uint64(50) {
			if found := madeup.Invoice(kind, seed).Check(); len(found) > 0 {
				t.Errorf("%s, seed %d: %v", kind, seed, found)
			}
		}
	}
}

func TestWhatBreaksARuleOfTheStandardIsFound(t *testing.T) {
	for _, b := range madeup.Breaks() {
		found := b.Invoice.Check()
		if !slices.Contains(rules(found), b.Rule) {
			t.Errorf("%s is not found, but %v", b.Rule, found)
		}
		for _, f := range found {
			if f.Where == "" || !strings.HasSuffix(f.Do, ".") {
				t.Errorf("%s: a finding says nothing to do: %+v", b.Rule, f)
			}
		}
	}
}

func TestWhatBreaksAnotherRuleIsFound(t *testing.T) {
	for _, c := range []struct {
		rule, kind string
		do         func(inv *invoice.Invoice)
	}{
		{"LOOT-01", "credit", func(inv *invoice.Invoice) { inv.Preceding = nil }},
		{"LOOT-01", "corrected", func(inv *invoice.Invoice) { inv.Preceding = nil }},
		{"LOOT-02", "plain", func(inv *invoice.Invoice) { inv.Due = inv.Issued.AddDays(-1) }},
		{"LOOT-02", "plain", func(inv *invoice.Invoice) { inv.Issued.Day = 31; inv.Issued.Month = 2 }},
		{"LOOT-02", "plain", func(inv *invoice.Invoice) { inv.Period.To = invoice.Date{Year: 2023, Month: 2, Day: 29} }},
		{"LOOT-02", "credit", func(inv *invoice.Invoice) { inv.Preceding[0].Issued = inv.Issued.AddDays(1) }},
		{"LOOT-03", "plain", func(inv *invoice.Invoice) { inv.Buyer.Name += "\x00" }},
		{"LOOT-03", "plain", func(inv *invoice.Invoice) { inv.Lines[0].Description = "\xff" }},
		{"LOOT-03", "plain", func(inv *invoice.Invoice) { inv.Notes = []string{"\uFFFE"} }},
		{"LOOT-04", "plain", func(inv *invoice.Invoice) { inv.Payment.Accounts[0].IBAN = "DE75512108001245126198" }},
		{"LOOT-04", "plain", func(inv *invoice.Invoice) { inv.Payment.Accounts[0].IBAN = "DE75 5121 0800 1245 1261 99" }},
		{"LOOT-05", "yen", func(inv *invoice.Invoice) { inv.Prepaid = invoice.Dec("0.5") }},
		{"LOOT-06", "plain", func(inv *invoice.Invoice) { inv.Lines[0].Unit = "ZZ" }},
		{"LOOT-07", "plain", func(inv *invoice.Invoice) { inv.Buyer.Address.City = " " }},
		{"LOOT-07", "plain", func(inv *invoice.Invoice) { inv.Buyer.Address.Lines = []string{"1", "2", "3", "4"} }},
		{"LOOT-08", "mixed", func(inv *invoice.Invoice) { inv.Lines[1].ID = inv.Lines[0].ID }},
		{"PEPPOL-EN16931-R120", "plain", func(inv *invoice.Invoice) { inv.Lines[0].Net = invoice.Dec("1.23") }},
		{"PEPPOL-EN16931-R121", "plain", func(inv *invoice.Invoice) { inv.Lines[0].Base = invoice.Dec("-1") }},
		{"PEPPOL-EN16931-R040", "adjusted", func(inv *invoice.Invoice) { inv.Allowances[0].Amount = invoice.Dec("0.01") }},
		{"BR-04", "plain", func(inv *invoice.Invoice) { inv.Kind = "" }},
		{"BR-CL-01", "plain", func(inv *invoice.Invoice) { inv.Kind = "326" }},
		{"BR-CL-05", "dollars", func(inv *invoice.Invoice) { inv.AccountingCurrency = "EUO" }},
		{"BR-CL-11", "reverse", func(inv *invoice.Invoice) { inv.Buyer.Register.Scheme = "9999" }},
		{"BR-CL-14", "goods", func(inv *invoice.Invoice) { inv.DeliverTo = "XX" }},
		{"BR-53", "dollars", func(inv *invoice.Invoice) { inv.AccountingCurrency = "USD" }},
		{"BR-CO-09", "plain", func(inv *invoice.Invoice) { inv.Buyer.VAT = "DE 123456789" }},
		{"BR-E-01", "lessons", func(inv *invoice.Invoice) { inv.Breakdown = inv.Breakdown[:1] }},
		{"BR-AF-05", "canaries", func(inv *invoice.Invoice) { inv.Lines[0].Tax.Rate = invoice.Decimal{} }},
		{"BR-AG-05", "ceuta", func(inv *invoice.Invoice) { inv.Lines[0].Tax.Rate = invoice.Dec("-1") }},
		{"BR-S-09", "plain", func(inv *invoice.Invoice) { inv.Breakdown[0].Amount = invoice.Dec("0.01") }},
		{"BR-CL-17", "plain", func(inv *invoice.Invoice) { inv.Breakdown[0].Tax.Category = "Q" }},
		{"BR-CL-19", "adjusted", func(inv *invoice.Invoice) { inv.Allowances[0].Code = "ADR" }},
		{"BR-CL-20", "adjusted", func(inv *invoice.Invoice) { inv.Charges[0].Code = "95" }},
		{"BR-22", "plain", func(inv *invoice.Invoice) { inv.Lines[0].Quantity = invoice.Decimal{} }},
		{"BR-31", "adjusted", func(inv *invoice.Invoice) { inv.Allowances[1].Amount = invoice.Decimal{} }},
		{"BR-32", "adjusted", func(inv *invoice.Invoice) { inv.Allowances[1].Tax.Category = "" }},
		{"BR-36", "adjusted", func(inv *invoice.Invoice) { inv.Charges[0].Amount = invoice.Dec("-1") }},
		{"BR-37", "adjusted", func(inv *invoice.Invoice) { inv.Charges[0].Tax.Category = "" }},
		{"BR-41", "adjusted", func(inv *invoice.Invoice) { inv.Lines[0].Allowances[0].Amount = invoice.Decimal{} }},
		{"BR-43", "adjusted", func(inv *invoice.Invoice) { inv.Lines[1].Charges[0].Amount = invoice.Decimal{} }},
		{"BR-44", "adjusted", func(inv *invoice.Invoice) { inv.Lines[1].Charges[0].Reason = "" }},
		{"BR-47", "plain", func(inv *invoice.Invoice) { inv.Breakdown[0].Tax.Category = "" }},
		{"BR-49", "plain", func(inv *invoice.Invoice) { inv.Payment.Means = "" }},
		{"BR-53", "dollars", func(inv *invoice.Invoice) { inv.AccountingTax = invoice.Decimal{} }},
		{"BR-53", "plain", func(inv *invoice.Invoice) { inv.AccountingTax = invoice.Int(1) }},
		{"BR-61", "plain", func(inv *invoice.Invoice) { inv.Payment.Accounts = nil }},
		{"BR-19", "represented", func(inv *invoice.Invoice) { inv.Representative.Address = invoice.Address{} }},
		{"BR-CO-04", "plain", func(inv *invoice.Invoice) { inv.Lines[0].Tax.Category = "" }},
		{"BR-CO-25", "plain", func(inv *invoice.Invoice) { inv.Due, inv.Payment.Terms = invoice.Date{}, "" }},
		{"BR-CO-17", "plain", func(inv *invoice.Invoice) { inv.Breakdown[0].Amount = invoice.Dec("0.01") }},
		{"BR-DEC-01", "adjusted", func(inv *invoice.Invoice) { inv.Allowances[1].Amount = invoice.Dec("0.001") }},
		{"BR-DEC-02", "adjusted", func(inv *invoice.Invoice) { inv.Allowances[0].Base = invoice.Dec("0.001") }},
		{"BR-DEC-05", "adjusted", func(inv *invoice.Invoice) { inv.Charges[0].Amount = invoice.Dec("0.001") }},
		{"BR-DEC-15", "dollars", func(inv *invoice.Invoice) { inv.AccountingTax = invoice.Dec("0.001") }},
		{"BR-DEC-16", "dinars", func(inv *invoice.Invoice) { inv.Prepaid = invoice.Dec("0.001") }},
		{"BR-DEC-19", "plain", func(inv *invoice.Invoice) { inv.Breakdown[0].Taxable = invoice.Dec("0.001") }},
		{"BR-DEC-24", "adjusted", func(inv *invoice.Invoice) { inv.Lines[0].Allowances[0].Amount = invoice.Dec("0.001") }},
		{"BR-S-01", "plain", func(inv *invoice.Invoice) { inv.Breakdown = nil }},
		{"BR-S-06", "adjusted", func(inv *invoice.Invoice) { inv.Allowances[0].Tax = invoice.Tax{Category: invoice.Standard} }},
		{"BR-S-07", "adjusted", func(inv *invoice.Invoice) { inv.Charges[0].Tax = invoice.Tax{Category: invoice.Standard} }},
		{"BR-S-03", "adjusted", func(inv *invoice.Invoice) { inv.Seller.VAT = "" }},
		{"BR-S-04", "adjusted", func(inv *invoice.Invoice) { inv.Seller.VAT = "" }},
		{"BR-Z-09", "zero", func(inv *invoice.Invoice) { inv.Breakdown[0].Amount = invoice.Int(1) }},
		{"BR-Z-10", "zero", func(inv *invoice.Invoice) { inv.Breakdown[0].Text = "Reason" }},
		{"BR-O-05", "outside", func(inv *invoice.Invoice) { inv.Lines[0].Tax.Rate = invoice.Int(1) }},
		{"BR-O-12", "outside", func(inv *invoice.Invoice) {
			l := inv.Lines[0]
			l.Tax, l.ID = invoice.Tax{Category: invoice.ZeroRated}, "99"
			inv.Lines = append(inv.Lines, l)
		}},
		{"BR-O-13", "outside", func(inv *invoice.Invoice) {
			inv.Allowances = []invoice.Adjustment{{Tax: invoice.Tax{Category: invoice.ZeroRated}}}
		}},
		{"BR-O-14", "outside", func(inv *invoice.Invoice) {
			inv.Charges = []invoice.Adjustment{{Tax: invoice.Tax{Category: invoice.ZeroRated}}}
		}},
		{"BR-AE-02", "reverse", func(inv *invoice.Invoice) { inv.Seller.VAT = "" }},
	} {
		inv := madeup.Invoice(c.kind, 7)
		c.do(inv)
		if found := inv.Check(); !slices.Contains(rules(found), c.rule) {
			t.Errorf("%s of %s is not found, but %v", c.rule, c.kind, found)
		}
	}
}

// TestSumsThatCannotBeDoneAreFound: nothing is compared with a sum that was
// given up.
func TestSumsThatCannotBeDoneAreFound(t *testing.T) {
	large := invoice.Line{Net: invoice.Dec("999999999999999")}
	inv := &invoice.Invoice{Currency: "EUR", Lines: []invoice.Line{large, large}}
	for _, f := range inv.Check() {
		if f.Rule == "BR-CO-10" && strings.HasPrefix(f.Do, "Divide") {
			return
		}
	}
	t.Error("the sum of the lines is too large, and nobody says so")
}

// TestFindingsSayNothingOfPeople: a finding goes into a log.
func TestFindingsSayNothingOfPeople(t *testing.T) {
	for _, b := range madeup.Breaks() {
		inv := b.Invoice
		for _, f := range inv.Check() {
			for _, secret := range []string{inv.Buyer.Name, inv.Buyer.Address.City, inv.Buyer.VAT, inv.Buyer.ID} {
				if secret != "" && strings.Contains(f.String(), secret) {
					t.Errorf("%s tells of the buyer: %s", b.Rule, f)
				}
			}
		}
	}
}

// TestRulesAreNamedAsTheStandardNamesThem reads the rules' names from the code,
// so that none is misspelt.
func TestRulesAreNamedAsTheStandardNamesThem(t *testing.T) {
	named := regexp.MustCompile(`"((?:BR|LOOT|PEPPOL)-[^"]*)"`)
	form := regexp.MustCompile(`^(BR-[0-9]{2}|BR-(CO|CL|DEC|O|IC)-[0-9]{2}|BR-(S|Z|E|AE|IC|G|O|AF|AG)-|LOOT-0[1-8]|PEPPOL-EN16931-R[0-9]{3})$`)
	for _, file := range []string{"check.go", "check_party.go", "check_tax.go"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(b), -1) {
			if !form.MatchString(m[1]) {
				t.Errorf("%s: %s is no name of a rule", file, m[1])
			}
		}
	}
}
