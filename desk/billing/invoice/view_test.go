package invoice

import (
	"bytes"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jba/templatecheck"

	"loot/desk/billing/invoice/pdfa"
)

// TestWordsAreThereInEachLanguage: an empty word would be seen only by those
// who read that language.
func TestWordsAreThereInEachLanguage(t *testing.T) {
	for i := range languages {
		v := reflect.ValueOf(languages[i])
		for j := range v.NumField() {
			if v.Field(j).IsZero() && v.Type().Field(j).Name != "units" {
				t.Errorf("%s has no %s", languages[i].code, v.Type().Field(j).Name)
			}
		}
	}
	if wordsOf("xx") != &languages[0] {
		t.Error("a language that is not there has no words")
	}
	for _, u := range units {
		if u.one == "" || u.many == "" || strings.ToUpper(u.code) != u.code {
			t.Errorf("unit %s lacks a word", u.code)
		}
		if strings.ToLower(u.one) != u.one || u.code == "AD" {
			continue // no word, or a byte, which is one in every language
		}
		for _, w := range languages[1:] {
			if own := w.units[u.code]; own[0] == "" || own[1] == "" {
				t.Errorf("unit %s lacks a word in %s", u.code, w.code)
			}
		}
	}
}

func TestFiguresAndPeriodsAreWrittenAsPeopleWriteThem(t *testing.T) {
	en, de := wordsOf("en"), wordsOf("de")
	for _, c := range []struct {
		number string
		places int
		en, de string
	}{
		{"0", 2, "0.00", "0,00"},
		{"999", 0, "999", "999"},
		{"1000", 2, "1,000.00", "1.000,00"},
		{"-1234567.5", 2, "−1,234,567.50", "−1.234.567,50"},
		{"0.000123", 2, "0.000123", "0,000123"},
	} {
		if e, d := en.figure(Dec(c.number), c.places), de.figure(Dec(c.number), c.places); e != c.en || d != c.de {
			t.Errorf("%s: %s, %s, want %s, %s", c.number, e, d, c.en, c.de)
		}
	}
	for _, c := range []struct {
		from, to string
		en, de   string
	}{
		{"2024-02-01", "2024-02-29", "1–29 February 2024", "1.–29. Februar 2024"},
		{"2024-03-01", "2024-04-30", "1 March – 30 April 2024", "1. März – 30. April 2024"},
		{"2024-12-01", "2025-01-31", "1 December 2024 – 31 January 2025", "1. Dezember 2024 – 31. Januar 2025"},
		{"2024-02-29", "2024-02-29", "29 February 2024", "29. Februar 2024"},
		{"2024-02-29", "", "29 February 2024", "29. Februar 2024"},
		{"", "2024-02-29", "29 February 2024", "29. Februar 2024"},
		{"", "", "", ""},
	} {
		from, _ := ParseDate(c.from)
		to, _ := ParseDate(c.to)
		p := Period{from, to}
		e, d := strings.ReplaceAll(en.span(p), unbroken, " "), strings.ReplaceAll(de.span(p), unbroken, " ")
		if e != c.en || d != c.de {
			t.Errorf("%v: %q, %q", p, e, d)
		}
	}
}

func TestTransferCode(t *testing.T) {
	inv := &Invoice{
		Currency: "EUR", Seller: Party{Name: "Example GmbH"}, Totals: Totals{Due: Dec("12.5")},
		Payment: Payment{Means: TransferSEPA, Reference: "R-1", Accounts: []Account{{IBAN: "DE75512108001245126199", BIC: "SOGEDEFF"}}},
	}
	if got, want := inv.transferCode(), "BCD\n002\n1\nSCT\nSOGEDEFF\nExample GmbH\nDE75512108001245126199\nEUR12.50\n\n\nR-1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for name, change := range map[string]func(){
		"not SEPA":     func() { inv.Payment.Means = TransferCredit },
		"not in euros": func() { inv.Currency = "CHF" },
		"too much":     func() { inv.Totals.Due = Dec("1000000000") },
		"a long name":  func() { inv.Seller.Name = strings.Repeat("x", 71) },
		"no account":   func() { inv.Payment.Accounts = nil },
	} {
		before := *inv
		change()
		if got := inv.transferCode(); got != "" {
			t.Errorf("%s: %q", name, got)
		}
		*inv = before
	}
}

// TestWhatHasNoShapeIsLeftOut, but for what says how letters join.
func TestWhatHasNoShapeIsLeftOut(t *testing.T) {
	if got, want := composed("e\u0301\u200f\u0000\ufe0f می\u200Cشود\n"), "é می\u200Cشود\n"; got != want {
		t.Errorf("%+q, want %+q", got, want)
	}
}

func TestFragmentFitsItsView(t *testing.T) {
	if err := templatecheck.CheckHTML(fragment.Lookup("invoice"), &view{}); err != nil {
		t.Error(err)
	}
}

// TestFragmentIsSafe: what people entered is text, and an address that is none
// leads nowhere.
func TestFragmentIsSafe(t *testing.T) {
	r := &Record{
		Language: "en",
		Invoice:  Invoice{Number: `"><script>alert(1)</script>`, Lines: []Line{{Name: `<img src=x onerror=alert(1)>`}}},
		Known:    []Known{{Field: "<b>", Value: "</td>", Wrong: "javascript:alert(1)"}},
	}
	var page bytes.Buffer
	if err := r.HTML(&page, true); err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"<script", "<img", "<b>", "javascript:", " style=", "onerror=alert(1)>"} {
		if strings.Contains(page.String(), never) {
			t.Errorf("the page has %s", never)
		}
	}
}

// TestNothingIsDrawnOutsideOfThePage draws long and short invoices and looks at
// where each text begins; sums that do not fit are on one page together.
func TestNothingIsDrawnOutsideOfThePage(t *testing.T) {
	p, err := NewPrinter()
	if err != nil {
		t.Fatal(err)
	}
	for lines := range 40 {
		r := &Record{Invoice: Invoice{Kind: Commercial, Number: "1", Currency: "EUR", Due: Day(2026, 2, 1), Issued: Day(2026, 1, 1)}, Language: "en"}
		for i := range lines {
			r.Invoice.Lines = append(r.Invoice.Lines, Line{
				Name: strings.Repeat("Name ", i), Description: "Text", Quantity: Int(1), Price: Int(int64(i)), Unit: "MON",
				Tax: Tax{Standard, Int(int64(i%12 + 1))},
			})
		}
		r.Invoice.Payment = Payment{Means: TransferSEPA, Accounts: []Account{{IBAN: "DE75512108001245126199", Name: "Example"}}}
		r.Known = []Known{{Field: "Name", Value: strings.Repeat("Value ", 5*lines), Wrong: "https://hosting.example/1"}}
		if err := r.Invoice.Compute(); err != nil {
			t.Fatal(err)
		}
		pdf, err := p.PDF(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`1 0 0 1 (\S+) (\S+) Tm`).FindAllStringSubmatch(string(pdf), -1) {
			x, _ := strconv.ParseFloat(m[1], 64)
			y, _ := strconv.ParseFloat(m[2], 64)
			down := (pdfa.Height - y) / mm
			if body, foot := down > 15 && down < 273, down > 282 && down < 290; x < left-1 || x > right || !body && !foot {
				t.Fatalf("%d lines: a text begins at %v points, %v mm", lines, x, down)
			}
		}

		s := &sheet{view: r.view(), printer: p, doc: pdfa.New(pdfa.Info{})}
		s.newPage()
		s.head()
		s.lines()
		before, at := len(s.pages), s.y
		s.sums()
		if least := float64(len(s.Breakdown)) * taxLeading; s.y < least+top || len(s.pages) == before && s.y < least+at {
			t.Errorf("%d lines: the tax by rate is divided: from page %d, %v to page %d, %v", lines, before, at, len(s.pages), s.y)
		}
	}
}
