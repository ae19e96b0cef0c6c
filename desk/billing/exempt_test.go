package billing

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/api"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
	"loot/statement"
)

// smallSeller is a small business that is exempt until the end of November and has no
// VAT number.
var smallSeller = Seller{
	Name: "Loot Small Network", Address: "Musterweg 1, 10115 Berlin, Germany", TaxNumber: "00/000/00000", Series: "EX", Language: "en", Zone: "Europe/Berlin", Days: 14,
	Exempt: []Exemption{{Text: "small business, § 19 UStG", From: "2026-01-01", Until: "2026-11-30"}},
}

// small is that business with another exemption.
func small(change func(*Exemption)) Seller {
	s, e := smallSeller, smallSeller.Exempt[0]
	change(&e)
	s.Exempt = []Exemption{e}
	return s
}

// Whoever is exempt issues invoices without tax and without a VAT number, that say why;
// what is taken back and written again goes by the day of the first one. What is not
// exempt waits for the VAT number that the law wants on it.
func TestWhoIsExemptIssuesInvoicesThatSayWhy(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		ok(t, smallSeller.Check())
		o.b.Sell(smallSeller)
		home := with(meadow, map[loot.Field]string{country: "DE", postcode: "10115"})
		s := o.customer(home)
		abroad := o.customer(with(home, map[loot.Field]string{country: "IE", postcode: "", companyVAT: "IE1234567T"}))
		o.after(december)
		o.run(november)
		all := o.issued("")
		if len(all) != 1 || all[0].Subject != s || all[0].Net != 131 || all[0].Tax != 0 || all[0].Total != 131 {
			t.Fatalf("%+v", all)
		}
		o.asStaff("billing")
		shows(t, o.preview("2026-11"), http.StatusOK, string(abroad), "only the VAT number")

		o.Clock.Advance(31 * 24 * time.Hour) // December is over, and with it nothing is exempt
		ok(t, o.b.WriteAgain(t.Context(), again(s, town, "Right Town", all[0].Number), fine))
		all = o.issued(`WHERE i.subject = $1`, s)
		if len(all) != 3 {
			t.Fatalf("%d documents", len(all))
		}
		o.as(s)
		for _, i := range all {
			inv := o.record(i.Number).Invoice
			if found := inv.Check(); len(found) > 0 || i.Tax != 0 || inv.Lines[0].Tax.Category != invoice.Exempt {
				t.Errorf("%s of %s: %v, tax %d, %+v", i.Kind, i.Number, found, i.Tax, inv.Lines[0].Tax)
			}
			for doc, want := range map[string][]string{
				"ubl": {"<cbc:ID>E</cbc:ID>", "<cbc:Percent>0</cbc:Percent>", ">Exempt from VAT: small business, § 19 UStG</cbc:TaxExemptionReason>", ">00/000/00000</cbc:CompanyID>"},
				"cii": {">E</ram:CategoryCode>", ">0</ram:RateApplicablePercent>", ">Exempt from VAT: small business, § 19 UStG</ram:ExemptionReason>", `schemeID="FC">00/000/00000<`},
			} {
				body := o.Get("/portal/invoices/" + i.Number + "/" + doc).Body
				for _, w := range want {
					if !strings.Contains(body, w) {
						t.Errorf("%s of %s lacks %s", doc, i.Number, w)
					}
				}
			}
			shows(t, o.Get("/portal/invoices/"+i.Number), http.StatusOK, "Exempt from VAT: small business, § 19 UStG", "Tax no. 00/000/00000")
		}

		_, err := o.b.startRun(t.Context(), "2026-12", o.b.actor(), false)
		if later := o.issued(`WHERE i.ended > '2026-12-01'`); loot.KindOf(err) != loot.Conflict || len(later) != 0 {
			t.Fatalf("without a VAT number: %v, %+v", err, later)
		}
		registered := smallSeller
		registered.VAT = "DE136695976"
		o.b.Sell(registered)
		o.run("2026-12")
		o.hour()
		for _, one := range []struct {
			who  loot.Subject
			want invoice.Category
		}{{s, invoice.Standard}, {abroad, invoice.ReverseCharge}} {
			last := o.issued(`WHERE i.subject = $1`, one.who)
			if got := o.record(last[len(last)-1].Number).Invoice; got.Lines[0].Tax.Category != one.want || got.Seller.VAT != registered.VAT {
				t.Errorf("after that: %+v, want %s", got.Lines[0].Tax, one.want)
			}
		}
		shows(t, o.Get("/portal/invoices"), http.StatusOK, "1–31 December 2026")
	})
}

// Once nothing is exempt any more and there is no VAT number, no month is begun, by a
// person or by itself, and nobody's details are opened for it. What waits for the number
// alone is opened once, and again when its owner gave other details or the seller is
// another.
func TestNothingIsOpenedInVainWithoutAVATNumber(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		set := smallSeller
		set.Auto = true
		o.b.Sell(set)
		home := with(meadow, map[loot.Field]string{country: "DE", postcode: "10115"})
		o.customer(home)
		late := o.customer(with(home, map[loot.Field]string{town: ""}))
		abroad := o.customer(with(home, map[loot.Field]string{country: "IE", postcode: "", companyVAT: "IE1234567T"}))
		drawn := 0
		o.b.at = func(step string) {
			if step == "drawn" {
				drawn++
			}
		}
		draws := func(when string, want int, do func()) {
			t.Helper()
			drawn = 0
			if do(); drawn != want {
				t.Errorf("%s: %d are drawn, want %d", when, drawn, want)
			}
		}
		o.after(december)
		draws("November is over", 3, o.hour)
		draws("an hour later", 0, o.hour)
		o.Clock.Advance(time.Hour)
		o.give(abroad, town, "Othertown")
		o.Clock.Advance(time.Hour)
		draws("the town changed", 1, o.hour)
		draws("an hour after that", 0, o.hour)
		ends := small(func(e *Exemption) { e.Until = "2026-10-31" }) // by a mistake
		ends.Auto = true
		o.b.Sell(ends)
		o.give(late, town, "Lateton")
		o.Clock.Advance(time.Hour)
		draws("what was missing is given, by another seller", 2, o.hour)
		o.asStaff("billing")
		shows(t, o.preview("2026-11"), http.StatusOK, "or the days of the exemption", "only the VAT number helps")
		draws("nothing was exempt", 0, o.hour)
		o.b.Sell(set)
		o.Clock.Advance(time.Hour)
		draws("November is exempt", 2, o.hour)
		draws("an hour after the settings", 0, o.hour)

		o.Clock.Advance(31 * 24 * time.Hour) // December is over, and with it nothing is exempt
		draws("December is over", 0, o.hour)
		draws("a person asks", 0, func() {
			if a := o.Post("/console/billing/run", "month", "2026-12"); a.Status != http.StatusConflict || !strings.Contains(a.Body, "Its VAT number: set --seller-vat") {
				t.Errorf("%d %s", a.Status, desktest.Text(a.Body))
			}
			o.Drain()
		})
		page := o.preview("2026-12")
		shows(t, page, http.StatusOK, "No invoice can be issued yet.", "Its VAT number: set --seller-vat")
		if strings.Contains(page.Body, "Issue the invoices") {
			t.Error("the month can be begun")
		}
		if page := o.preview("2026-11"); strings.Contains(page.Body, "No invoice can be issued yet.") {
			t.Error("a month that is exempt is held up")
		}

		if n := len(o.issued("")); n != 2 {
			t.Errorf("%d invoices, want those of November at home", n)
		}
		registered := set
		registered.VAT = "DE136695976"
		o.b.Sell(registered)
		draws("there is a number", 1+3, o.hour) // November of one, and December of all
		if n := len(o.issued("")); n != 6 {
			t.Errorf("%d invoices, want all", n)
		}
	})
}

// What waits for the seller's VAT number goes out without it, once the seller is another
// that needs none, or the customer is.
func TestWhatWaitsForAVATNumberGoesOutOnceNoneIsNeeded(t *testing.T) {
	abroad := with(meadow, map[loot.Field]string{country: "IE", companyVAT: "IE1234567T"})
	german := with(meadow, map[loot.Field]string{country: "DE", postcode: "10115", companyVAT: "DE136695976"})
	shop, moved, unsaid := smallSeller, smallSeller, smallSeller
	shop.OSS, moved.Address, unsaid.Address = true, MadeUpSeller.Address, ""
	home := desktest.Parse(t, []byte(strings.NewReplacer(`"2026-1"`, `"2026-2"`, MadeUpSeller.Address, smallSeller.Address).Replace(string(statement.Default()))))
	for name, c := range map[string]struct {
		seller Seller
		given  map[loot.Field]string
		mend   func(*office, loot.Subject)
	}{
		"one-stop shop":     {shop, meadow, func(o *office, _ loot.Subject) { o.b.Sell(smallSeller) }},
		"address":           {moved, german, func(o *office, _ loot.Subject) { o.b.Sell(smallSeller) }},
		"controller":        {unsaid, german, func(o *office, _ loot.Subject) { o.InForce(home) }},
		"number taken away": {smallSeller, abroad, func(o *office, s loot.Subject) { o.give(s, companyVAT, "") }},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, o *office) {
				o.b.Sell(c.seller)
				s := o.customer(c.given)
				o.after(december)
				o.run(november)
				o.asStaff("billing")
				shows(t, o.preview("2026-11"), http.StatusOK, string(s), "only the VAT number helps")
				o.Clock.Advance(time.Hour)
				c.mend(o, s)
				o.Clock.Advance(time.Hour)
				o.hour()
				all := o.issued("")
				if len(all) != 1 {
					t.Fatalf("%d invoices, want that which waited", len(all))
				}
				if got := o.record(all[0].Number).Invoice; got.Lines[0].Tax.Category != invoice.Exempt || got.Seller.VAT != "" {
					t.Errorf("%+v", got.Lines[0].Tax)
				}
			})
		})
	}
}

func TestTheReasonOfAnExemptionIsInTheLanguageOfTheInvoice(t *testing.T) {
	want := map[string]string{
		"en": "Exempt from VAT: X", "de": "Umsatzsteuerfrei: X", "es": "Exento de IVA: X", "fr": "Exonéré de TVA : X", "nl": "Vrijgesteld van btw: X",
	}
	for _, l := range invoice.Languages() {
		seller := small(func(e *Exemption) { e.Text, e.Code = "X", "VATEX-FR-FRANCHISE" })
		seller.Language = l.Code
		r := invoice.Record{Language: l.Code, Invoice: invoice.Invoice{
			Kind: invoice.Commercial, Currency: "EUR", Period: november.days(), Seller: seller.party(), Buyer: seller.party(),
			Lines: []invoice.Line{{ID: "1", Name: "Hosting", Quantity: invoice.Int(1), Unit: "MON", Price: invoice.Dec("4.90")}},
		}}
		settle(&r.Invoice, seller, nil)
		if found := findings(&r.Invoice, seller); found != "" {
			t.Errorf("%s: %s", l.Code, found)
		}
		ok(t, r.Invoice.Compute())
		var page bytes.Buffer
		ok(t, r.HTML(&page, true))
		if !strings.Contains(desktest.Text(page.String()), want[l.Code]) {
			t.Errorf("%s: the page does not say %q", l.Code, want[l.Code])
		}
		if !bytes.Contains(r.Invoice.UBL(), []byte(">VATEX-FR-FRANCHISE<")) {
			t.Errorf("%s: the code is not in the XML", l.Code)
		}
	}
}

// Settings of an exemption that do not fit are told by their names, and what is missing
// before anything is issued.
func TestAnExemptionIsSetWhole(t *testing.T) {
	for _, code := range []string{"VATEX-EU-AE", "VATEX-EU-O", "VATEX-EU-G", "VATEX-EU-IC"} {
		if err := small(func(e *Exemption) { e.Code = code }).Check(); err == nil || !strings.Contains(err.Error(), "--seller-exempt-code ") {
			t.Errorf("%s: %v", code, err)
		}
	}
	for want, change := range map[string]func(*Exemption){
		"--seller-exempt: ":                 func(e *Exemption) { e.Text = "" },
		"--seller-exempt-code ":             func(e *Exemption) { e.Code = "VATEX-NONE" },
		"--seller-exempt-from ":             func(e *Exemption) { e.From = "" },
		"--seller-exempt-until is a day":    func(e *Exemption) { e.Until = "30.11.2026" },
		"--seller-exempt-until lies before": func(e *Exemption) { e.Until = "2025-12-31" },
	} {
		if err := small(change).Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	s := smallSeller
	if missing := s.missing(""); len(missing) > 0 {
		t.Errorf("missing: %v", missing)
	}
	s.TaxNumber = ""
	if missing := s.missing(""); len(missing) != 1 || !strings.Contains(missing[0], "--seller-tax-number") {
		t.Errorf("without any number: %v", missing)
	}
	s.VAT = "DE136695976"
	if missing := s.missing(""); len(missing) > 0 {
		t.Errorf("with a VAT number: %v", missing)
	}
}

// Each further span says in one line when it is and why; what is wrong with one, and two
// that share a day, are told before anything is issued.
func TestFurtherSpansOfAnExemptionAreWrittenInALine(t *testing.T) {
	for line, want := range map[string]string{
		"2027-01-01/ a small business":                                 "",
		" 2027-01-01/2027-12-31 VATEX-FR-FRANCHISE art. 293 B du CGI ": "",
		"2025-01-01/2025-12-31 VATEX-FR-FRANCHISE art. 293 B":          "",
		"2027-01-01 a small business":                                  "the first day is a day",
		"2027-01-01/2027-02-30 a small business":                       "the last day is a day",
		"2027-01-01/2026-12-31 a small business":                       "the last day lies before the first day",
		"2027-01-01/2027-12-31":                                        "the reason for the exemption is missing",
		"2027-01-01/2027-12-31 VATEX-FR-FRANCHISE":                     "the reason for the exemption is missing",
		"2027-01-01/2027-12-31 vatex-fr-franchise art. 293 B":          "the code is one of the list VATEX",
		"2027-01-01/2027-12-31 VATEX-EU-AE art. 196":                   "the code is of an exemption",
		"2026-11-30/2027-12-31 a small business":                       "overlap: 2026-01-01/2026-11-30 and 2026-11-30/2027-12-31",
		"2025-01-01/ a small business":                                 "overlap: 2025-01-01/ and 2026-01-01/2026-11-30",
		"2026-03-01/2026-03-31 a small business":                       "overlap: 2026-01-01/2026-11-30 and 2026-03-01/2026-03-31",
	} {
		s := smallSeller
		s.Exempt = append(slices.Clip(s.Exempt), ExemptionOf(line))
		if err := s.Check(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	if e := ExemptionOf("2027-01-01/2027-12-31 VATEX-FR-FRANCHISE art. 293 B du CGI"); e.Text != "art. 293 B du CGI" || e.Code != "VATEX-FR-FRANCHISE" || e.From != "2027-01-01" || e.Until != "2027-12-31" {
		t.Errorf("%+v", e)
	}
}

// What takes an invoice back, and what is written for it, goes by the span of the period
// that was invoiced, whichever span it is by then.
func TestWhatIsWrittenAgainGoesByTheSpanOfItsPeriod(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		twice := smallSeller
		twice.VAT = "DE136695976"
		twice.Exempt = append(slices.Clip(twice.Exempt), ExemptionOf("2027-01-01/ VATEX-EU-132-1I the other reason"))
		ok(t, twice.Check())
		o.b.Sell(twice)
		s := o.customer(with(meadow, map[loot.Field]string{country: "DE", postcode: "10115"}))
		o.after(december)
		o.run(november)
		o.Clock.Advance(31 * 24 * time.Hour)
		o.run("2026-12")
		o.Clock.Advance(31 * 24 * time.Hour) // it is exempt again, for another reason
		o.run("2027-01")
		all := o.issued(`WHERE i.subject = $1`, s)
		if len(all) != 3 {
			t.Fatalf("%d invoices", len(all))
		}
		ok(t, o.b.WriteAgain(t.Context(), again(s, town, "Right Town", all[0].Number, all[1].Number), fine))
		for number, i := range o.issued(`WHERE i.subject = $1`, s) {
			inv := o.record(i.Number).Invoice
			want := map[string]invoice.Subtotal{
				"2026-11": {Tax: invoice.Tax{Category: invoice.Exempt}, Text: "Exempt from VAT: small business, § 19 UStG"},
				"2026-12": {Tax: invoice.Tax{Category: invoice.Standard}},
				"2027-01": {Tax: invoice.Tax{Category: invoice.Exempt}, Text: "Exempt from VAT: the other reason", Code: "VATEX-EU-132-1I"},
			}[i.Period.From.String()[:7]]
			got := inv.Breakdown[0]
			if len(inv.Breakdown) != 1 || got.Tax.Category != want.Tax.Category || got.Text != want.Text || got.Code != want.Code {
				t.Errorf("%d, %s for %s: %+v, want %+v", number, i.Kind, i.Period.From, inv.Breakdown, want)
			}
		}
		if n := len(o.issued("")); n != 7 {
			t.Errorf("%d documents, want three invoices, and two taken back and written again", n)
		}
	})
}

// course adds a plan that is exempt by itself, as staff does, and returns its id.
func (o *office) course(title, why, code string) string {
	o.Helper()
	o.asStaff("billing")
	a := o.Post("/console/billing/plans", "service", "backup", "title", title, "price", "10.00", "currency", "EUR", "period", "month", "setup", "5.00", "exempt", why, "code", code)
	id, ok := strings.CutPrefix(a.Header.Get("Location"), "/console/billing/plans/")
	if a.Status != http.StatusSeeOther || !ok {
		o.Fatalf("%d %s", a.Status, desktest.Text(a.Body))
	}
	return id
}

// taxesOf writes the breakdown of an invoice, and what each line is.
func taxesOf(inv *invoice.Invoice) string {
	var out []string
	for _, s := range inv.Breakdown {
		out = append(out, fmt.Sprintf("%s %s of %s: %s %s %q", s.Tax.Category, s.Tax.Rate, s.Taxable.Fixed(2), s.Amount.Fixed(2), s.Code, s.Text))
	}
	for _, l := range inv.Lines {
		out = append(out, string(l.Tax.Category))
	}
	return strings.Join(out, ", ")
}

// A plan that is exempt by itself is so at home alone, beside what is taxed on the same
// invoice; every document says both, and why.
func TestAPlanIsExemptByItself(t *testing.T) {
	const why, code = "vocational training, Article 132 (1)(i)", "VATEX-EU-132-1I"
	onEach(t, func(t *testing.T, o *office) {
		seller := MadeUpSeller
		seller.OSS = true
		o.b.Sell(seller)
		plan := o.course("Course", why, code)
		shows(t, o.Get("/console/billing/plans/"+plan), http.StatusOK, why, code)
		shows(t, o.Get("/console/billing/plans"), http.StatusOK, "Exempt from VAT: "+why)
		shows(t, o.Get("/services"), http.StatusOK, "Exempt from VAT: "+why)
		listed := fmt.Sprint(o.api([]api.Scope{"plans:read"}).call(http.StatusOK, http.MethodGet, "/api/plans?service=backup", ""))
		if !strings.Contains(listed, "exempt:"+why+" exemptCode:"+code+" id:"+plan) || strings.Count(listed, "exempt:") != 1 {
			t.Error(listed)
		}

		const taxed = "S 23 of 1.31: 0.30  \"\""
		home := o.customer(meadow)
		o.order("p", home, "backup", plan)
		want := map[loot.Subject]string{home: taxed + `, E 0 of 7.67: 0.00 VATEX-EU-132-1I "Exempt from VAT: vocational training, Article 132 (1)(i)", S, E, E`}
		for i, one := range []struct {
			given map[loot.Field]string
			taxes string
		}{
			{map[loot.Field]string{country: "DE", postcode: "10115"}, `S 19 of 8.98: 1.71  "", S, S, S`},
			{map[loot.Field]string{country: "DE", postcode: "10115", companyVAT: "DE136695976"}, `AE 0 of 8.98: 0.00 VATEX-EU-AE "Reverse charge: the customer accounts for the VAT.", AE, AE, AE`},
			{map[loot.Field]string{country: "CH", postcode: "8001"}, `O 0 of 8.98: 0.00 VATEX-EU-O "Not subject to VAT: the place of supply is outside of the European Union.", O, O, O`},
		} {
			s := o.customer(with(meadow, one.given))
			o.order(fmt.Sprint("p", i), s, "backup", plan)
			want[s] = one.taxes
		}
		abroad := loot.Subject("")
		o.after(december)
		o.run(november)
		for _, i := range o.issued("") {
			inv := o.record(i.Number).Invoice
			if found := inv.Check(); len(found) > 0 {
				t.Errorf("%s: %v", i.Number, found)
			}
			if got := taxesOf(&inv); got != want[i.Subject] {
				t.Errorf("got  %s\nwant %s", got, want[i.Subject])
			}
			if strings.HasPrefix(want[i.Subject], "S 19") {
				abroad = i.Subject
			}
		}

		o.as(home)
		first := o.issued(`WHERE i.subject = $1`, home)[0]
		shows(t, o.Get("/portal/invoices/"+first.Number), http.StatusOK, "23 %", "Exempt", "Exempt from VAT: "+why)
		for doc, all := range map[string][]string{
			"ubl": {"<cbc:ID>S</cbc:ID>", "<cbc:ID>E</cbc:ID>", "<cbc:TaxExemptionReasonCode>" + code + "<", ">Exempt from VAT: " + why + "</cbc:TaxExemptionReason>"},
			"cii": {">S</ram:CategoryCode>", ">E</ram:CategoryCode>", ">Exempt from VAT: " + why + "</ram:ExemptionReason>", ">" + code + "</ram:ExemptionReasonCode>"},
		} {
			body := o.Get("/portal/invoices/" + first.Number + "/" + doc).Body
			for _, w := range all {
				if !strings.Contains(body, w) {
					t.Errorf("%s lacks %s", doc, w)
				}
			}
		}

		// What is written again for somebody who is at home after all is exempt, also of a
		// plan that was retired meanwhile.
		o.asStaff("billing")
		desktest.Leads(t, o.Post("/console/billing/plans/"+plan+"/retire"), "/console/billing/plans")
		was := o.issued(`WHERE i.subject = $1`, abroad)[0]
		ok(t, o.b.WriteAgain(t.Context(), again(abroad, country, "IE", was.Number), fine))
		for kind, taxes := range map[string]string{"381": want[abroad], "384": want[home]} {
			inv := o.record(o.issued(`WHERE i.subject = $1 AND i.kind = $2`, abroad, kind)[0].Number).Invoice
			if got := taxesOf(&inv); got != taxes {
				t.Errorf("%s: got  %s\nwant %s", kind, got, taxes)
			}
		}
	})
}

// An invoice has one place for the reasons of all that is exempt: with several, each line
// says its own, and none that is the invoice's only one any more.
func TestSeveralReasonsStandOnTheirLines(t *testing.T) {
	plans := map[string]invoice.Exemption{"course": {Text: "training", Code: "VATEX-EU-132-1I"}, "advice": {Text: "advice", Code: "VATEX-EU-132-1G"}, "lecture": {Text: "training", Code: "VATEX-EU-132-1I"}, "talk": {Text: "training"}}
	for _, tt := range []struct {
		seller     Seller
		items      []string
		text, code string // of the exemption
		notes      string
	}{
		{MadeUpSeller, []string{"shared", "course", "course/hours", "lecture"}, "Exempt from VAT: training", "VATEX-EU-132-1I", "||| S E E E"},
		{MadeUpSeller, []string{"course", "talk"}, "Exempt from VAT: training", "", "| E E"},
		{MadeUpSeller, []string{"advice", "shared", "course/hours"}, "Exempt from VAT: advice; training", "", "Exempt from VAT: advice||Exempt from VAT: training E S E"},
		{smallSeller, []string{"shared", "course"}, "Exempt from VAT: small business, § 19 UStG; training", "", "Exempt from VAT: small business, § 19 UStG|Exempt from VAT: training E E"},
		{smallSeller, []string{"shared"}, "Exempt from VAT: small business, § 19 UStG", "", " E"},
		{MadeUpSeller, []string{"shared", "courses"}, "", "", "| S S"},
	} {
		inv := invoice.Invoice{Kind: invoice.Commercial, Currency: "EUR", Period: november.days(), Seller: tt.seller.party(), Buyer: tt.seller.party()}
		for i, item := range tt.items {
			inv.Lines = append(inv.Lines, invoice.Line{ID: fmt.Sprint(i + 1), Name: "Hosting", Item: item, Note: "of before", Quantity: invoice.Int(1), Unit: "MON", Price: invoice.Dec("4.90")})
		}
		settle(&inv, tt.seller, plans)
		if found := findings(&inv, tt.seller); found != "" {
			t.Errorf("%v: %s", tt.items, found)
		}
		var notes, categories []string
		for _, l := range inv.Lines {
			notes, categories = append(notes, l.Note), append(categories, string(l.Tax.Category))
		}
		if got := strings.Join(notes, "|") + " " + strings.Join(categories, " "); got != tt.notes {
			t.Errorf("%v: lines are %s, want %s", tt.items, got, tt.notes)
		}
		got := append(inv.Exemptions, invoice.Exemption{})[0]
		if got.Text != tt.text || got.Code != tt.code || len(inv.Exemptions) > 1 {
			t.Errorf("%v: %+v, want %s (%s)", tt.items, inv.Exemptions, tt.text, tt.code)
		}
	}
}

// A code that says no exemption, and one without words, are refused where a plan is made.
func TestAPlanIsExemptWithWordsAndACodeThatFits(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		o.asStaff("billing")
		for _, bad := range []struct{ why, code, says string }{
			{"training", "VATEX-NONE", "The code is one of the list VATEX"},
			{"training", "VATEX-FR-AE", "The code is of an exemption: VATEX-FR-AE says that the customer owes the tax"},
			{"training", "VATEX-EU-AE", "The code is of an exemption: VATEX-EU-AE says that the customer owes the tax"},
			{"", "VATEX-EU-132-1I", "Say in words why the plan is exempt"},
		} {
			a := o.Post("/console/billing/plans", "service", "backup", "title", "Course", "price", "10.00", "currency", "EUR", "period", "month", "exempt", bad.why, "code", bad.code)
			shows(t, a, http.StatusUnprocessableEntity, bad.says)
			if !strings.Contains(a.Body, `value="`+bad.code+`"`) {
				t.Errorf("%s: what was typed is lost", bad.code)
			}
		}
		plans, err := o.b.Plans(t.Context(), "backup")
		ok(t, err)
		for _, p := range plans {
			if strings.Contains(p.Label, "Course") {
				t.Errorf("%+v is there", p)
			}
		}
		o.course("Course", "training", "")
		if plans, err = o.b.Plans(t.Context(), "backup"); err != nil || !strings.Contains(fmt.Sprint(plans), "€\u00a05.00 once, to set it up; Exempt from VAT: training") {
			t.Errorf("the form to order says %+v, %v", plans, err)
		}
	})
}
