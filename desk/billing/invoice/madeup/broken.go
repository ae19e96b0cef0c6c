package madeup

import "loot/desk/billing/invoice"

// A Broken invoice breaks one rule of the standard that it names. Other rules
// may be broken by the same.
type Broken struct {
	Rule    string
	Invoice *invoice.Invoice
}

// breaks are a kind, a rule and what breaks it.
var breaks = []struct {
	rule, kind string
	do         func(inv *invoice.Invoice)
}{
	{"BR-02", "plain", func(inv *invoice.Invoice) { inv.Number = "" }},
	{"BR-03", "plain", func(inv *invoice.Invoice) { inv.Issued = invoice.Date{} }},
	{"BR-05", "plain", func(inv *invoice.Invoice) { inv.Currency = "" }},
	{"BR-06", "plain", func(inv *invoice.Invoice) { inv.Seller.Name = "" }},
	{"BR-07", "plain", func(inv *invoice.Invoice) { inv.Buyer.Name = "" }},
	{"BR-08", "plain", func(inv *invoice.Invoice) { inv.Seller.Address = invoice.Address{} }},
	{"BR-09", "plain", func(inv *invoice.Invoice) { inv.Seller.Address.Country = "" }},
	{"BR-10", "plain", func(inv *invoice.Invoice) { inv.Buyer.Address = invoice.Address{} }},
	{"BR-11", "plain", func(inv *invoice.Invoice) { inv.Buyer.Address.Country = "" }},
	{"BR-16", "plain", func(inv *invoice.Invoice) { inv.Lines = nil }},
	{"BR-18", "represented", func(inv *invoice.Invoice) { inv.Representative.Name = "" }},
	{"BR-20", "represented", func(inv *invoice.Invoice) { inv.Representative.Address.Country = "" }},
	{"BR-56", "represented", func(inv *invoice.Invoice) { inv.Representative.VAT = "" }},
	{"BR-21", "plain", func(inv *invoice.Invoice) { inv.Lines[0].ID = "" }},
	{"BR-23", "plain", func(inv *invoice.Invoice) { inv.Lines[0].Unit = "" }},
	{"BR-25", "plain", func(inv *invoice.Invoice) { inv.Lines[0].Name = "" }},
	{"BR-27", "plain", func(inv *invoice.Invoice) { inv.Lines[0].Price = invoice.Dec("-1") }},
	{"BR-29", "plain", func(inv *invoice.Invoice) { inv.Period.To = inv.Period.From.AddDays(-1) }},
	{"BR-30", "plain", func(inv *invoice.Invoice) { inv.Lines[0].Period.To = inv.Lines[0].Period.From.AddDays(-1) }},
	{"BR-33", "adjusted", func(inv *invoice.Invoice) { inv.Allowances[1].Reason = "" }},
	{"BR-38", "adjusted", func(inv *invoice.Invoice) { inv.Charges[0].Reason, inv.Charges[0].Code = "", "" }},
	{"BR-42", "adjusted", func(inv *invoice.Invoice) {
		inv.Lines[0].Allowances[0].Reason, inv.Lines[0].Allowances[0].Code = "", ""
	}},
	{"BR-55", "credit", func(inv *invoice.Invoice) { inv.Preceding[0].Number = "" }},
	{"BR-50", "plain", func(inv *invoice.Invoice) { inv.Payment.Accounts = []invoice.Account{{Name: "Example"}} }},
	{"BR-62", "plain", func(inv *invoice.Invoice) { inv.Seller.Endpoint.Scheme = "" }},
	{"BR-63", "plain", func(inv *invoice.Invoice) { inv.Buyer.Endpoint.Scheme = "" }},
	{"BR-CL-04", "plain", func(inv *invoice.Invoice) { inv.Currency = "EUO" }},
	{"BR-CL-14", "plain", func(inv *invoice.Invoice) { inv.Buyer.Address.Country = "XX" }},
	{"BR-CL-16", "plain", func(inv *invoice.Invoice) { inv.Payment.Means = "999" }},
	{"BR-CL-18", "plain", func(inv *invoice.Invoice) { inv.Lines[0].Tax.Category = "Q" }},
	{"BR-CL-22", "reverse", func(inv *invoice.Invoice) { inv.Breakdown[0].Code = "VATEX-XX" }},
	{"BR-CL-25", "plain", func(inv *invoice.Invoice) { inv.Buyer.Endpoint.Scheme = "9999" }},
	{"BR-CO-09", "plain", func(inv *invoice.Invoice) { inv.Buyer.VAT = "123456789" }},
	{"BR-CO-10", "plain", func(inv *invoice.Invoice) { inv.Totals.Lines = invoice.Dec("1.23") }},
	{"BR-CO-11", "adjusted", func(inv *invoice.Invoice) { inv.Totals.Allowances = invoice.Dec("1234567.89") }},
	{"BR-CO-12", "adjusted", func(inv *invoice.Invoice) { inv.Totals.Charges = invoice.Dec("1234567.89") }},
	{"BR-CO-13", "plain", func(inv *invoice.Invoice) { inv.Totals.WithoutTax = invoice.Dec("1.23") }},
	{"BR-CO-14", "plain", func(inv *invoice.Invoice) { inv.Totals.Tax = invoice.Dec("0.01") }},
	{"BR-CO-15", "plain", func(inv *invoice.Invoice) { inv.Totals.WithTax = invoice.Dec("0.01") }},
	{"BR-CO-16", "plain", func(inv *invoice.Invoice) { inv.Totals.Due = invoice.Dec("0.01") }},
	{"BR-CO-17", "plain", func(inv *invoice.Invoice) { inv.Breakdown[0].Amount = invoice.Dec("9999999.99") }},
	{"BR-CO-18", "plain", func(inv *invoice.Invoice) { inv.Breakdown = nil }},
	{"BR-CO-26", "bare", func(inv *invoice.Invoice) { inv.Seller.VAT, inv.Seller.TaxNumber = "", "1" }},
	{"BR-DEC-14", "plain", func(inv *invoice.Invoice) { inv.Totals.WithTax = invoice.Dec("1.234") }},
	{"BR-DEC-23", "plain", func(inv *invoice.Invoice) { inv.Lines[0].Net = invoice.Dec("1.234") }},
	{"BR-S-02", "plain", func(inv *invoice.Invoice) { inv.Seller.VAT = "" }},
	{"BR-S-05", "plain", func(inv *invoice.Invoice) { inv.Lines[0].Tax.Rate = invoice.Decimal{} }},
	{"BR-S-08", "plain", func(inv *invoice.Invoice) { inv.Breakdown[0].Taxable = invoice.Dec("9999999.99") }},
	{"BR-S-10", "plain", func(inv *invoice.Invoice) { inv.Breakdown[0].Text = "Reason" }},
	{"BR-Z-05", "zero", func(inv *invoice.Invoice) { inv.Lines[0].Tax.Rate = invoice.Dec("7") }},
	{"BR-Z-08", "zero", func(inv *invoice.Invoice) { inv.Breakdown[0].Taxable = invoice.Dec("1.23") }},
	{"BR-E-01", "lessons", func(inv *invoice.Invoice) { inv.Breakdown = append(inv.Breakdown, inv.Breakdown[1]) }},
	{"BR-Z-01", "zero", func(inv *invoice.Invoice) { inv.Breakdown = append(inv.Breakdown, inv.Breakdown[0]) }},
	{"BR-AE-01", "reverse", func(inv *invoice.Invoice) { inv.Breakdown = append(inv.Breakdown, inv.Breakdown[0]) }},
	{"BR-IC-01", "goods", func(inv *invoice.Invoice) { inv.Breakdown = append(inv.Breakdown, inv.Breakdown[0]) }},
	{"BR-G-01", "export", func(inv *invoice.Invoice) { inv.Breakdown = append(inv.Breakdown, inv.Breakdown[0]) }},
	{"BR-O-01", "outside", func(inv *invoice.Invoice) { inv.Breakdown = append(inv.Breakdown, inv.Breakdown[0]) }},
	{"BR-E-05", "lessons", func(inv *invoice.Invoice) { inv.Lines[1].Tax.Rate = invoice.Dec("19") }},
	{"BR-E-08", "lessons", func(inv *invoice.Invoice) { inv.Breakdown[1].Taxable = invoice.Dec("9999999.99") }},
	{"BR-E-09", "lessons", func(inv *invoice.Invoice) { inv.Breakdown[1].Amount = invoice.Dec("0.01") }},
	{"BR-E-10", "exempt", func(inv *invoice.Invoice) { inv.Breakdown[0].Text, inv.Breakdown[0].Code = "", "" }},
	{"BR-AE-02", "reverse", func(inv *invoice.Invoice) { inv.Buyer.VAT, inv.Buyer.Register = "", invoice.Identifier{} }},
	{"BR-AE-10", "reverse", func(inv *invoice.Invoice) { inv.Breakdown[0].Text, inv.Breakdown[0].Code = "", "" }},
	{"BR-IC-02", "goods", func(inv *invoice.Invoice) { inv.Buyer.VAT = "" }},
	{"BR-IC-11", "goods", func(inv *invoice.Invoice) { inv.Delivered, inv.Period = invoice.Date{}, invoice.Period{} }},
	{"BR-IC-12", "goods", func(inv *invoice.Invoice) { inv.DeliverTo = "" }},
	{"BR-G-02", "export", func(inv *invoice.Invoice) { inv.Seller.VAT, inv.Seller.TaxNumber = "", "1" }},
	{"BR-G-10", "export", func(inv *invoice.Invoice) { inv.Breakdown[0].Text, inv.Breakdown[0].Code = "", "" }},
	{"BR-O-02", "outside", func(inv *invoice.Invoice) { inv.Buyer.VAT = "DE123456789" }},
	{"BR-O-10", "outside", func(inv *invoice.Invoice) { inv.Breakdown[0].Text, inv.Breakdown[0].Code = "", "" }},
	{"BR-O-11", "outside", func(inv *invoice.Invoice) {
		inv.Breakdown = append(inv.Breakdown, invoice.Subtotal{Tax: invoice.Tax{Category: invoice.ZeroRated}})
	}},
	{"BR-AF-02", "canaries", func(inv *invoice.Invoice) { inv.Seller.VAT = "" }},
	{"BR-AG-10", "ceuta", func(inv *invoice.Invoice) { inv.Breakdown[0].Text = "Reason" }},
}

// Breaks returns an invoice for each of the rules that are broken on purpose.
func Breaks() []Broken {
	out := make([]Broken, len(breaks))
	for i, b := range breaks {
		out[i] = Broken{b.rule, Invoice(b.kind, 7)}
		b.do(out[i].Invoice)
	}
	return out
}
