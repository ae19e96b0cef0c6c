package invoice

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// No word is left in English, but for those that are the same in both, and what goes
// into a sentence has its place in each.
func TestEveryLanguageHasItsOwnWords(t *testing.T) {
	same := strings.Fields("IBAN BIC Contract Page Date Client Number Datum Nummer Export Service Service per Period Periode Client")
	for i := range languages {
		code := languages[i].code
		own, english := wordsIn(reflect.ValueOf(languages[i])), wordsIn(reflect.ValueOf(languages[0]))
		for name, text := range own {
			if i > 0 && name != "code" && name != "sum" && len(text) > 4 && text == english[name] && !strings.Contains(strings.Join(same, " "), text) {
				t.Errorf("%s: %s is English: %s", code, name, text)
			}
			if (text == "") != (english[name] == "") || strings.Count(text, "%") != strings.Count(english[name], "%") {
				t.Errorf("%s: %s lacks something: %q", code, name, text)
			}
		}
		// What comes of saying that something is wrong is named as those documents are.
		for _, name := range []string{"CreditNote", "Corrected"} {
			if !strings.Contains(strings.ToLower(own["KnownWhy"]), strings.ToLower(own[name])) {
				t.Errorf("%s: a wrong detail does not lead to %q: %s", code, own[name], own["KnownWhy"])
			}
		}
		// By German law that is an invoice which the buyer writes (§ 14 (2) UStG).
		for name, text := range own {
			if code == "de" && strings.Contains(strings.ToLower(text), "gutschrift") {
				t.Errorf("de: %s is not what a credit note is called: %q", name, text)
			}
		}
		if languages[i].units == nil && i > 0 {
			t.Errorf("%s has no words for units", code)
		}
		for unit := range languages[i].units {
			if _, ok := unitOf(unit); !ok {
				t.Errorf("%s has a word for %s, which is no unit", code, unit)
			}
		}
	}
}

// wordsIn returns the texts of a struct and of those in it, by name.
func wordsIn(w reflect.Value) map[string]string {
	out := map[string]string{}
	for f := range w.NumField() {
		name, field := w.Type().Field(f).Name, w.Field(f)
		switch field.Kind() {
		case reflect.String:
			out[name] = field.String()
		case reflect.Struct:
			for inner, text := range wordsIn(field) {
				out[name+"."+inner] = text
			}
		}
	}
	return out
}

func TestSumsInEveryLanguage(t *testing.T) {
	for code, want := range map[string]string{
		"en": "€ 1,234.50|−£ 0.05|JPY 1,234|PLN 1,000.00",
		"de": "1.234,50 €|−0,05 £|1.234 JPY|1.000,00 PLN",
		"es": "1.234,50 €|−0,05 £|1.234 JPY|1.000,00 PLN",
		"fr": "1 234,50 €|−0,05 £|1 234 JPY|1 000,00 PLN",
		"nl": "€ 1.234,50|−£ 0,05|JPY 1.234|PLN 1.000,00",
	} {
		got := strings.Join([]string{Money(123450, "EUR", code), Money(-5, "GBP", code), Money(1234, "JPY", code), Money(100000, "PLN", code)}, "|")
		if got = strings.ReplaceAll(got, unbroken, " "); got != want {
			t.Errorf("%s:\n%s\n%s", code, got, want)
		}
	}
}

// A price is per so much of the unit that stands beside the quantity.
func TestAPriceSaysPerHowManyOfWhat(t *testing.T) {
	l := Line{Quantity: Int(19), Unit: "DAY", Price: Dec("99"), Base: Int(31)}
	for code, want := range map[string]string{"en": "per 31 days", "de": "je 31 Tage", "fr": "par 31 jours"} {
		if got := strings.ReplaceAll(wordsOf(code).line(&l, 2).Per, unbroken, " "); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
	if l.Base = Int(1); wordsOf("de").line(&l, 2).Per != "" {
		t.Error("a price is per 1")
	}
}

func TestDaysPeriodsAndFiguresInEveryLanguage(t *testing.T) {
	day := Day
	one := Period{day(2026, time.March, 1), day(2026, time.March, 31)}
	two := Period{day(2026, time.March, 15), day(2026, time.May, 1)}
	years := Period{day(2026, time.December, 1), day(2027, time.January, 31)}
	for code, want := range map[string]string{
		"en": "1 March 2026|1–31 March 2026|15 March – 1 May 2026|1 December 2026 – 31 January 2027|1,234.50|2 months|1 month|2 GB|Germany",
		"de": "1. März 2026|1.–31. März 2026|15. März – 1. Mai 2026|1. Dezember 2026 – 31. Januar 2027|1.234,50|2 Monate|1 Monat|2 GB|Deutschland",
		"es": "1 de marzo de 2026|1–31 de marzo de 2026|15 de marzo – 1 de mayo de 2026|1 de diciembre de 2026 – 31 de enero de 2027|1.234,50|2 meses|1 mes|2 GB|Alemania",
		"fr": "1er mars 2026|1er–31 mars 2026|15 mars – 1er mai 2026|1er décembre 2026 – 31 janvier 2027|1 234,50|2 mois|1 mois|2 Go|Allemagne",
		"nl": "1 maart 2026|1–31 maart 2026|15 maart – 1 mei 2026|1 december 2026 – 31 januari 2027|1.234,50|2 maanden|1 maand|2 GB|Duitsland",
	} {
		w := wordsOf(code)
		got := strings.Join([]string{
			w.date(one.From), w.span(one), w.span(two), w.span(years), w.figure(Dec("1234.5"), 2),
			"2 " + w.unit("MON", Int(2)), "1 " + w.unit("MON", Int(1)), "2 " + w.unit("E34", Int(2)), w.country("DE"),
		}, "|")
		if got = strings.ReplaceAll(got, unbroken, " "); got != want {
			t.Errorf("%s:\n%s\n%s", code, got, want)
		}
		if !HasLanguage(code) {
			t.Errorf("%s is no language", code)
		}
	}
	if got := fmt.Sprint(Languages()); got != "[{de Deutsch} {en English} {es Español} {fr Français} {nl Nederlands}]" {
		t.Error(got)
	}
	if HasLanguage("tlh") {
		t.Error("tlh is a language of documents")
	}
}

func TestAmountsAreConverted(t *testing.T) {
	for _, tt := range []struct{ amount, of, own, currency, want string }{
		{"100", "1", "1.0823", "EUR", "92.4"}, // 92.3957…
		{"0.01", "1", "1.0823", "EUR", "0.01"},
		{"100", "4.2815", "1", "PLN", "428.15"},
		{"30.5", "390.18", "1.0823", "HUF", "10995.56"}, // 10995.5557…
		{"1", "1", "8", "EUR", "0.13"},                  // 0.125 is rounded up
		{"100", "160.25", "1", "JPY", "16025"},
		{"0", "1", "2", "EUR", "0"},
	} {
		got, err := Convert(Dec(tt.amount), Dec(tt.of), Dec(tt.own), tt.currency)
		if err != nil || got.String() != tt.want {
			t.Errorf("%s × %s ÷ %s in %s: %s, %v, want %s", tt.amount, tt.of, tt.own, tt.currency, got, err, tt.want)
		}
	}
	for _, bad := range [][2]string{{"0", "EUR"}, {"1", "XXY"}} {
		if _, err := Convert(Int(1), Int(1), Dec(bad[0]), bad[1]); err == nil {
			t.Errorf("by %s in %s", bad[0], bad[1])
		}
	}
}
