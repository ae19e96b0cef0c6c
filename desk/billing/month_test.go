package billing

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"loot/desk/billing/invoice"
)

func moment(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

// The days of a seller end in the zone that is set, also where another one was before, and
// in that of UTC where there is no such zone.
func TestTheDaysOfASellerEndInItsZone(t *testing.T) {
	s := MadeUpSeller.withDefaults()
	for _, c := range []struct{ zone, want string }{{s.Zone, "Europe/Dublin"}, {"Europe/Athens", "Europe/Athens"}, {"Europe/Nowhere", "UTC"}, {"", "UTC"}} {
		s.Zone = c.zone
		if s = s.withDefaults(); s.place().String() != c.want {
			t.Errorf("%q: the days end in that of %v, want %s", c.zone, s.place(), c.want)
		}
	}
}

func TestWhatAServiceCostsInAMonth(t *testing.T) {
	dublin := MadeUpSeller.place()
	for _, tt := range []struct {
		each, since, ended string
		month              Month
		want               string // quantity unit price/base
	}{
		{"month", "2026-01-01 09:00", "", "2026-03", "1 MON 4.9/0"},
		{"month", "2026-03-01 00:00", "2026-03-31 23:00", "2026-03", "1 MON 4.9/0"}, // in summer time it ended on the 1st of April
		{"month", "2026-02-15 09:00", "", "2026-02", "14 DAY 4.9/28"},
		{"month", "2028-02-29 09:00", "", "2028-02", "1 DAY 4.9/29"},
		{"month", "2028-02-01 09:00", "2028-02-29 09:00", "2028-02", "28 DAY 4.9/29"},
		{"month", "2026-03-10 09:00", "2026-03-10 18:00", "2026-03", ""},
		{"month", "2026-04-01 09:00", "", "2026-03", ""},
		{"month", "2026-01-01 09:00", "2026-03-01 09:00", "2026-03", ""},
		{"month", "2026-06-30 23:30", "", "2026-06", ""}, // in Dublin it is July
		{"month", "2026-06-30 23:30", "", "2026-07", "1 MON 4.9/0"},
		{"year", "2025-03-10 09:00", "", "2026-02", ""},
		{"year", "2025-03-10 09:00", "", "2026-03", "1 ANN 4.9/0"},
		{"year", "2025-03-10 09:00", "", "2027-03", "1 ANN 4.9/0"},
		{"year", "2025-04-01 09:00", "", "2026-03", "1 ANN 4.9/0"}, // its last day is in March
		{"year", "2025-04-01 09:00", "", "2026-04", ""},
		{"year", "2024-02-29 09:00", "", "2025-02", "1 ANN 4.9/0"},
		{"year", "2024-02-29 09:00", "", "2028-02", "1 ANN 4.9/0"},
		{"year", "2025-03-10 09:00", "2025-05-10 09:00", "2025-05", "61 DAY 4.9/365"},
		{"year", "2027-03-10 09:00", "2027-05-10 09:00", "2027-05", "61 DAY 4.9/366"},
		{"year", "2025-03-10 09:00", "2025-05-10 09:00", "2026-03", ""},
		{"year", "2025-03-10 09:00", "2026-03-10 09:00", "2026-03", "1 ANN 4.9/0"},
		{"half-year", "2025-08-31 09:00", "", "2026-01", ""},
		{"half-year", "2025-08-31 09:00", "", "2026-02", "6 MON 4.9/6"}, // the next begins on the 28th
		{"half-year", "2025-08-31 09:00", "", "2026-08", "6 MON 4.9/6"},
		{"half-year", "2025-08-31 09:00", "2026-03-10 09:00", "2026-03", "10 DAY 4.9/184"},
		{"two-years", "2024-02-29 09:00", "", "2025-02", ""},
		{"two-years", "2024-02-29 09:00", "", "2026-02", "2 ANN 4.9/2"},
		{"two-years", "2024-02-29 09:00", "", "2028-02", "2 ANN 4.9/2"}, // which has a 29th again
		{"two-years", "2024-03-01 09:00", "", "2026-02", "2 ANN 4.9/2"}, // its last day is in February
		{"two-years", "2024-03-01 09:00", "", "2026-03", ""},
		{"two-years", "2025-03-10 09:00", "2026-05-10 09:00", "2026-05", "426 DAY 4.9/730"},
		{"three-years", "2025-03-10 09:00", "", "2027-03", ""},
		{"three-years", "2025-03-10 09:00", "", "2028-03", "3 ANN 4.9/3"},
		{"three-years", "2025-03-10 09:00", "2028-03-10 09:00", "2028-03", "3 ANN 4.9/3"},
		{"three-years", "2025-03-10 09:00", "2028-03-09 09:00", "2028-03", "1095 DAY 4.9/1096"},
	} {
		u := use{Service: Service{Title: "x", Since: moment(tt.since), Ended: moment(tt.ended)}, cents: 490, each: tt.each}
		got := ""
		for _, l := range u.lines(tt.month, dublin, "en") {
			got += fmt.Sprintf("%s %s %s/%s", l.Quantity, l.Unit, l.Price, l.Base)
		}
		if got != tt.want {
			t.Errorf("%s from %s to %q in %s: %q, want %q", tt.each, tt.since, tt.ended, tt.month, got, tt.want)
		}
	}
}

// Over all months, every day that a service was held is charged once.
func TestEveryDayIsChargedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		each := rapid.SampledFrom(periods).Draw(t, "each").id
		since := time.Date(2023, 1, 1, 12, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 800).Draw(t, "since"))
		ended := since.AddDate(0, 0, rapid.IntRange(0, 1200).Draw(t, "held"))
		u := use{Service: Service{Since: since, Ended: ended}, cents: 490, each: each}
		seen := map[invoice.Date]int{}
		month := monthOf(since, time.UTC)
		for range 48 {
			for _, l := range u.lines(month, time.UTC, "en") {
				for d := l.Period.From; !l.Period.To.Before(d); d = d.AddDays(1) {
					seen[d]++
				}
			}
			month = Month(month.days().To.AddDays(1).String()[:7])
		}
		for d := invoice.DateOf(since); d.Before(invoice.DateOf(ended)); d = d.AddDays(1) {
			if seen[d] != 1 {
				t.Fatalf("%s is charged %d times", d, seen[d])
			}
			delete(seen, d)
		}
		if len(seen) > 0 {
			t.Fatalf("charged and not held: %v", seen)
		}
	})
}

// A whole period costs the price that is asked for it, in an invoice that says how much of
// what it counted.
func TestAWholePeriodCostsItsPrice(t *testing.T) {
	began := invoice.Day(2025, time.March, 1)
	for _, each := range periods {
		over := monthsAfter(began, each.months)
		u := use{Service: Service{Title: "x"}, cents: 9801, currency: "EUR", each: each.id}
		inv := invoice.Invoice{
			Kind: invoice.Commercial, Number: "1", Currency: "EUR", Period: invoice.Period{From: began, To: over.AddDays(-1)}, Seller: MadeUpSeller.party(),
			Buyer: invoice.Party{Name: "Buyer", Address: invoice.Address{Lines: []string{"1 Sample Street"}, City: "Exampleton", Country: "IE"}},
			Lines: []invoice.Line{u.line(began, over, began, over, each)},
		}
		inv.Lines[0].ID, inv.Issued = "1", over
		settle(&inv, MadeUpSeller, nil)
		if err := inv.Compute(); err != nil || !inv.Totals.WithoutTax.Equal(invoice.Dec("98.01")) {
			t.Errorf("%s: %s, %v", each.id, inv.Totals.WithoutTax, err)
		}
		if found := findings(&inv, MadeUpSeller); found != "" {
			t.Errorf("%s: %s", each.id, found)
		}
	}
}

func TestTaxByRuleAndDate(t *testing.T) {
	day := func(s string) invoice.Date {
		d, err := invoice.ParseDate(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, tt := range []struct {
		name, country, postcode, vat string
		oss                          bool
		on                           string
		category                     invoice.Category
		percent                      string
		printed                      string // VAT number of the buyer
		exempt                       bool   // the seller, from October to November of 2026, and from 2027 on
	}{
		{"at home, a business", "IE", "", "IE1234567T", false, "2026-11-30", invoice.Standard, "23", "IE1234567T", false},
		{"at home, a consumer", "IE", "", "", false, "2026-11-30", invoice.Standard, "23", "", false},
		{"at home, while the rate was lower", "IE", "", "", false, "2020-10-31", invoice.Standard, "21", "", false},
		{"a business elsewhere", "DE", "10115", "DE136695976", true, "2026-11-30", invoice.ReverseCharge, "0", "DE136695976", false},
		{"a business in Greece", "GR", "10431", "EL094259216", false, "2026-11-30", invoice.ReverseCharge, "0", "EL094259216", false},
		{"a number whose check digit is wrong", "DE", "10115", "DE136695977", false, "2026-11-30", invoice.Standard, "23", "", false},
		{"a number of another country", "FR", "75001", "DE136695976", false, "2026-11-30", invoice.Standard, "23", "", false},
		{"a consumer elsewhere", "DE", "10115", "", false, "2026-11-30", invoice.Standard, "23", "", false},
		{"a consumer elsewhere, one-stop shop", "DE", "10115", "", true, "2026-11-30", invoice.Standard, "19", "", false},
		{"a consumer in Germany in 2020", "DE", "10115", "", true, "2020-12-31", invoice.Standard, "16", "", false},
		{"a consumer in Finland", "FI", "00100", "", true, "2026-11-30", invoice.Standard, "25.5", "", false},
		{"a consumer in Estonia, the day before", "EE", "10111", "", true, "2025-06-30", invoice.Standard, "22", "", false},
		{"a consumer in Estonia, that day", "EE", "10111", "", true, "2025-07-01", invoice.Standard, "24", "", false},
		{"Monaco is France", "MC", "98000", "", true, "2026-11-30", invoice.Standard, "20", "", false},
		{"Switzerland", "CH", "8001", "CHE-107.787.577 MWST", false, "2026-11-30", invoice.OutOfScope, "0", "", false},
		{"a consumer in Japan", "JP", "100-0001", "", true, "2026-11-30", invoice.OutOfScope, "0", "", false},
		{"the Canary Islands", "ES", "35001", "", true, "2026-11-30", invoice.OutOfScope, "0", "", false},
		{"Campione d'Italia", "IT", "22061", "", true, "2026-11-30", invoice.OutOfScope, "0", "", false},
		{"New Caledonia, written as France", "FR", "98800", "", true, "2026-11-30", invoice.OutOfScope, "0", "", false},
		{"Greenland, written as Denmark", "DK", "3900", "", true, "2026-11-30", invoice.OutOfScope, "0", "", false},
		{"a consumer in Portugal", "PT", "1100-148", "", true, "2026-11-30", invoice.Standard, "23", "", false},
		{"a consumer on the Azores", "PT", "9500-321", "", true, "2026-11-30", invoice.Standard, "16", "", false},
		{"a consumer on the Azores, before", "PT", "9500-321", "", true, "2021-06-30", invoice.Standard, "18", "", false},
		{"a consumer on Madeira", "PT", "9000-018", "", true, "2026-11-30", invoice.Standard, "22", "", false},
		{"a consumer on Madeira, no one-stop shop", "PT", "9000-018", "", false, "2026-11-30", invoice.Standard, "23", "", false},
		{"an exempt seller, at home", "IE", "", "IE1234567T", false, "2026-11-30", invoice.Exempt, "0", "IE1234567T", true},
		{"an exempt seller, a consumer elsewhere", "DE", "10115", "", false, "2026-10-31", invoice.Exempt, "0", "", true},
		{"an exempt seller, a consumer elsewhere, one-stop shop", "DE", "10115", "", true, "2026-11-30", invoice.Standard, "19", "", true},
		{"an exempt seller, a business elsewhere", "DE", "10115", "DE136695976", false, "2026-11-30", invoice.ReverseCharge, "0", "DE136695976", true},
		{"an exempt seller, Switzerland", "CH", "8001", "", false, "2026-11-30", invoice.OutOfScope, "0", "", true},
		{"a seller before it is exempt", "IE", "", "", false, "2026-09-30", invoice.Standard, "23", "", true},
		{"a seller that is exempt no longer", "IE", "", "", false, "2026-12-31", invoice.Standard, "23", "", true},
		{"a seller that is exempt again", "IE", "", "", false, "2027-01-31", invoice.Exempt, "0", "", true},
	} {
		seller := MadeUpSeller
		seller.Name, seller.Address, seller.OSS = "Example Ltd", "1 Example Quay, Dublin, Ireland", tt.oss
		if tt.exempt {
			seller.Exempt = []Exemption{{Text: "Small business", From: "2026-10-31", Until: "2026-11-30"}, {Text: "Small again", From: "2027-01-01"}}
		}
		inv := invoice.Invoice{
			Kind: invoice.Commercial, Currency: "EUR", Period: invoice.Period{From: day(tt.on[:8] + "01"), To: day(tt.on)}, Seller: seller.party(),
			Buyer: invoice.Party{Name: "Buyer", VAT: tt.vat, Address: invoice.Address{Lines: []string{"1 Sample Street"}, City: "Exampleton", Postcode: tt.postcode, Country: tt.country}},
			Lines: []invoice.Line{{ID: "1", Name: "Hosting", Quantity: invoice.Int(1), Unit: "MON", Price: invoice.Dec("4.90")}},
		}
		settle(&inv, seller, nil)
		if got := inv.Lines[0].Tax; got.Category != tt.category || !got.Rate.Equal(invoice.Dec(tt.percent)) || inv.Buyer.VAT != tt.printed {
			t.Errorf("%s: %s %s, VAT number %q", tt.name, got.Category, got.Rate, inv.Buyer.VAT)
		}
		if found := findings(&inv, seller); found != "" {
			t.Errorf("%s: %s", tt.name, found)
		}
	}
}

func TestAddressesAreReadFromOneLine(t *testing.T) {
	for line, want := range map[string]string{
		"1 Example Quay, Dublin, Ireland":                        "[1 Example Quay]|Dublin||IE",
		"Musterweg 1, 10115 Berlin, Germany":                     "[Musterweg 1]|Berlin|10115|DE",
		"Unit 4, 1 Example Quay, Dublin D02 X285, IE":            "[Unit 4 1 Example Quay]|Dublin|D02 X285|IE",
		"1 Example Street, Exampleton, VT 00042, US":             "[1 Example Street]|Exampleton VT|00042|US",
		"1 Sample Road, Sample Hill NSW 0200, Australia":         "[1 Sample Road]|Sample Hill NSW|0200|AU",
		"Unit 4, 1 Sample Street, Exampleton ON K0A 0A0, Canada": "[Unit 4 1 Sample Street]|Exampleton ON|K0A 0A0|CA",
		"Suite 2, 1 Sample Street, NEW YORK NY 10001, US":        "[Suite 2 1 Sample Street]|NEW YORK NY|10001|US",
		"1 Sample Street, VT, United States":                     "[1 Sample Street]|VT||US",
		"1 Example Quay, Ireland":                                "",
		"1 Example Quay, Dublin, Atlantis":                       "",
		"1 Example Quay, 10115, Ireland":                         "",
		"":                                                       "",
	} {
		got := ""
		if a, ok := addressOf(line); ok {
			got = fmt.Sprintf("%v|%s|%s|%s", a.Lines, strings.TrimSpace(a.City+" "+a.Region), a.Postcode, a.Country)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestAPeriodEndsOnADayThatThereIs(t *testing.T) {
	for n, want := range map[int]string{0: "2024-02-29", 6: "2024-08-29", 12: "2025-02-28", 24: "2026-02-28", 36: "2027-02-28", 48: "2028-02-29"} {
		if got := monthsAfter(invoice.Day(2024, time.February, 29), n).String(); got != want {
			t.Errorf("%d months later: %s, want %s", n, got, want)
		}
	}
}
