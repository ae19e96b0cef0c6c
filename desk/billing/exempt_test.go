package billing

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
)

// smallSeller is a small business that is exempt until the end of November and has no
// VAT number.
var smallSeller = Seller{
	Name: "Loot Small Network", Address: "Musterweg 1, 10115 Berlin, Germany", TaxNumber: "00/000/00000", Series: "EX", Language: "en", Zone: "Europe/Berlin", Days: 14,
	Exempt: "small business, § 19 UStG", ExemptFrom: "2026-01-01", ExemptUntil: "2026-11-30",
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
		shows(t, o.Get("/console/billing/run?month=2026-11"), http.StatusOK, string(abroad), "only the VAT number")

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
// alone is opened once, and again when its owner gave other details or the settings help.
func TestNothingIsOpenedInVainWithoutAVATNumber(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		small := smallSeller
		small.Auto = true
		o.b.Sell(small)
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
		ends := small
		ends.ExemptUntil = "2026-10-31" // by a mistake
		o.b.Sell(ends)
		o.give(late, town, "Lateton")
		o.Clock.Advance(time.Hour)
		draws("what was missing is given", 1, o.hour)
		o.asStaff("billing")
		shows(t, o.Get("/console/billing/run?month=2026-11"), http.StatusOK, "or the days of the exemption", "only the VAT number helps")
		draws("nothing was exempt", 0, o.hour)
		o.b.Sell(small)
		draws("November is exempt", 1, o.hour)

		o.Clock.Advance(31 * 24 * time.Hour) // December is over, and with it nothing is exempt
		draws("December is over", 0, o.hour)
		draws("a person asks", 0, func() {
			if a := o.Post("/console/billing/run", "month", "2026-12"); a.Status != http.StatusConflict || !strings.Contains(a.Body, "Its VAT number: set --seller-vat") {
				t.Errorf("%d %s", a.Status, desktest.Text(a.Body))
			}
			o.Drain()
		})
		page := o.Get("/console/billing/run?month=2026-12")
		shows(t, page, http.StatusOK, "No invoice can be issued yet.", "Its VAT number: set --seller-vat")
		if strings.Contains(page.Body, "Issue the invoices") {
			t.Error("the month can be begun")
		}
		if page := o.Get("/console/billing/run?month=2026-11"); strings.Contains(page.Body, "No invoice can be issued yet.") {
			t.Error("a month that is exempt is held up")
		}

		if n := len(o.issued("")); n != 2 {
			t.Errorf("%d invoices, want those of November at home", n)
		}
		registered := small
		registered.VAT = "DE136695976"
		o.b.Sell(registered)
		draws("there is a number", 1+3, o.hour) // November of one, and December of all
		if n := len(o.issued("")); n != 6 {
			t.Errorf("%d invoices, want all", n)
		}
	})
}

func TestTheReasonOfAnExemptionIsInTheLanguageOfTheInvoice(t *testing.T) {
	want := map[string]string{
		"en": "Exempt from VAT: X", "de": "Umsatzsteuerfrei: X", "es": "Exento de IVA: X", "fr": "Exonéré de TVA : X", "nl": "Vrijgesteld van btw: X",
	}
	for _, l := range invoice.Languages() {
		seller := smallSeller
		seller.Language, seller.Exempt, seller.ExemptCode = l.Code, "X", "VATEX-FR-FRANCHISE"
		r := invoice.Record{Language: l.Code, Invoice: invoice.Invoice{
			Kind: invoice.Commercial, Currency: "EUR", Period: november.days(), Seller: seller.party(), Buyer: seller.party(),
			Lines: []invoice.Line{{ID: "1", Name: "Hosting", Quantity: invoice.Int(1), Unit: "MON", Price: invoice.Dec("4.90")}},
		}}
		settle(&r.Invoice, seller)
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
		s := smallSeller
		s.ExemptCode = code
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), "--seller-exempt-code ") {
			t.Errorf("%s: %v", code, err)
		}
	}
	for want, change := range map[string]func(*Seller){
		"--seller-exempt:":                func(s *Seller) { s.Exempt = "" },
		"--seller-exempt-code ":           func(s *Seller) { s.ExemptCode = "VATEX-NONE" },
		"--seller-exempt-from ":           func(s *Seller) { s.ExemptFrom = "" },
		"--seller-exempt-until ":          func(s *Seller) { s.ExemptUntil = "30.11.2026" },
		"not before --seller-exempt-from": func(s *Seller) { s.ExemptUntil = "2025-12-31" },
	} {
		s := smallSeller
		change(&s)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
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
