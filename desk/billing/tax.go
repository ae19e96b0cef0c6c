package billing

import (
	"cmp"
	"slices"
	"strings"

	"loot/desk/billing/invoice"
	"loot/number"
)

// outside are the parts of member states that are not in their territory for
// value added tax (Directive 2006/112/EC, Article 6), by the beginnings of their
// postcodes, and what people write as such a part though it is none, as Greenland.
// Those with a country code of their own, as Åland, are in no list of member states.
var outside = map[string][]string{
	"DE": {"27498", "78266"},       // Heligoland, Büsingen
	"DK": {"39"},                   // Greenland
	"ES": {"35", "38", "51", "52"}, // Canary Islands, Ceuta, Melilla
	"FI": {"22"},                   // Åland
	"FR": {
		"971", "972", "973", "974", "976", // Guadeloupe, Martinique, French Guiana, Réunion, Mayotte
		"975", "984", "986", "987", "988", // Saint Pierre and Miquelon, Southern Territories, Wallis and Futuna, Polynesia, New Caledonia
	},
	"GR": {"63086", "630 86"}, // Mount Athos
	"IT": {"22061", "23041"},  // Campione d'Italia, Livigno
}

// regions are the parts of member states that have a standard rate of their own, by
// their names in [rates] (ISO 3166-2) and the beginnings of their postcodes.
var regions = map[string]map[string][]string{
	"PT": {"PT-20": {"95", "96", "97", "98", "99"}, "PT-30": {"90", "91", "92", "93", "94"}}, // the Azores, Madeira
}

// ratedAs returns under which name [rates] has the rate of where an address is.
func ratedAs(a invoice.Address) string {
	country, _ := taxCountry(a)
	for region, begins := range regions[country] {
		if slices.ContainsFunc(begins, func(begin string) bool { return strings.HasPrefix(a.Postcode, begin) }) {
			return region
		}
	}
	return country
}

// taxCountry returns the member state whose tax may be owed where a buyer is, and
// false where that is none. Monaco counts as France (Article 7).
func taxCountry(a invoice.Address) (string, bool) {
	if a.Country == "MC" {
		return "FR", true
	}
	_, member := rates[a.Country]
	for _, begins := range outside[a.Country] {
		member = member && !strings.HasPrefix(a.Postcode, begins)
	}
	return a.Country, member
}

// business returns the number under which a buyer is registered for value added
// tax in its country; empty if what it gave can be none, as its check digits do
// not fit or it is of another country. Who has none is treated as a consumer.
func business(given, country string) string {
	n, err := number.VAT(given)
	if err != nil || n.Scheme.Country != country {
		return ""
	}
	return n.Value
}

// settle sets the tax of an invoice for services that are supplied by
// electronic means, as hosting is (Implementing Regulation 282/2011, Article 7 and
// Annex I), by the law of the day on which its period ends: a statement of account
// for a continuous supply is complete then (Directive 2006/112/EC, Article 64).
//
// Plans are those that are exempt by themselves, by their ids.
func settle(inv *invoice.Invoice, s Seller, plans map[string]invoice.Exemption) {
	for i := range inv.Lines {
		inv.Lines[i].Note = "" // which says why there is no tax, on what is written again for another reason
	}
	home, _ := taxCountry(inv.Seller.Address)
	there, member := taxCountry(inv.Buyer.Address)
	vat := business(inv.Buyer.VAT, there)
	inv.Buyer.VAT = vat
	words := reasons[s.Language]
	switch {
	case there == home && member:
		domestic(inv, s, plans)
	case member && vat != "":
		// The place of supply is the buyer's (Article 44), who owes the tax
		// (Article 196); the invoice says so (Article 226, 11a).
		untaxed(inv, invoice.ReverseCharge, "VATEX-EU-AE", words.reverse)
	case member && s.OSS:
		// To a consumer it is the consumer's place (Article 58), declared in the
		// one-stop shop (Article 369a and following).
		standard(inv, inv.Buyer.Address)
	case member:
		// Below the threshold of all such supplies it stays the seller's (Article 59c).
		domestic(inv, s, plans)
	default:
		// The place of supply is outside of the Union: for a business by Article
		// 44, for a consumer by Article 58. That is not an export, which is of goods
		// (Article 146), but outside of the scope of the tax: O and not G. EN 16931
		// lets neither party's VAT identifier stand beside O (BR-O-02), while the law
		// wants the seller's number (Article 226, 3): it stands as tax number.
		untaxed(inv, invoice.OutOfScope, "VATEX-EU-O", words.outside)
		inv.Seller.TaxNumber, inv.Seller.VAT, inv.Buyer.VAT = cmp.Or(inv.Seller.VAT, s.TaxNumber), "", ""
	}
	if inv.Seller.VAT == "" && inv.Seller.Register.Value == "" {
		inv.Seller.ID = inv.Seller.TaxNumber // one identifier has to stand (BR-CO-26)
	}
}

// domestic sets the tax of what is supplied where the seller is. An exemption is
// granted by the seller's state and counts there alone: a business elsewhere owes
// the tax by reverse charge all the same, and the one-stop shop is not exempt
// (Directive 2006/112/EC, Article 284). That of a plan is of what is supplied, and goes
// before that of who supplies it.
func domestic(inv *invoice.Invoice, s Seller, plans map[string]invoice.Exemption) {
	standard(inv, inv.Seller.Address)
	seller := s.exemptOn(inv.Period.To)
	var why, codes []string // each once
	of := map[int]invoice.Exemption{}
	for i := range inv.Lines {
		plan, _, _ := strings.Cut(inv.Lines[i].Item, "/")
		e, exempt := plans[plan]
		if !exempt && seller == nil {
			continue
		}
		if !exempt {
			e = invoice.Exemption{Text: seller.Text, Code: seller.Code}
		}
		inv.Lines[i].Tax, of[i] = invoice.Tax{Category: invoice.Exempt}, e
		if !slices.Contains(why, e.Text) {
			why = append(why, e.Text)
		}
		if !slices.Contains(codes, e.Code) {
			codes = append(codes, e.Code)
		}
	}
	if len(why) == 0 {
		return
	}
	words, code := reasons[s.Language].exempt, ""
	if len(codes) == 1 {
		code = codes[0]
	}
	if len(why) > 1 { // the breakdown has one place for them (BR-E-01), so that each line says its own
		for i, e := range of {
			inv.Lines[i].Note = words + e.Text
		}
	}
	inv.Exemptions = []invoice.Exemption{{Category: invoice.Exempt, Code: code, Text: words + strings.Join(why, "; ")}}
}

// reasons for which there is no tax, by language.
var reasons = map[string]struct{ reverse, outside, exempt string }{
	"en": {"Reverse charge: the customer accounts for the VAT.", "Not subject to VAT: the place of supply is outside of the European Union.", "Exempt from VAT: "},
	"es": {"Inversión del sujeto pasivo.", "No sujeto al IVA: el lugar de la prestación está fuera de la Unión Europea.", "Exento de IVA: "},
	"fr": {"Autoliquidation.", "Hors champ de la TVA\u00a0: le lieu de la prestation est hors de l’Union européenne.", "Exonéré de TVA\u00a0: "},
	"nl": {"Btw verlegd.", "Geen btw: de plaats van de dienst ligt buiten de Europese Unie.", "Vrijgesteld van btw: "},
	"de": {"Steuerschuldnerschaft des Leistungsempfängers.", "Nicht steuerbar: Der Leistungsort liegt außerhalb der Europäischen Union.", "Umsatzsteuerfrei: "},
}

// standard sets the standard rate of where an address is.
func standard(inv *invoice.Invoice, at invoice.Address) {
	percent, _ := rateOn(ratedAs(at), inv.Period.To)
	for i := range inv.Lines {
		inv.Lines[i].Tax = invoice.Tax{Category: invoice.Standard, Rate: percent}
	}
}

func untaxed(inv *invoice.Invoice, c invoice.Category, code, text string) {
	for i := range inv.Lines {
		inv.Lines[i].Tax = invoice.Tax{Category: c}
	}
	inv.Exemptions = []invoice.Exemption{{Category: c, Code: code, Text: text}}
}

// has reports whether a line of an invoice is of a category of tax.
func has(inv *invoice.Invoice, c invoice.Category) bool {
	return slices.ContainsFunc(inv.Lines, func(l invoice.Line) bool { return l.Tax.Category == c })
}
