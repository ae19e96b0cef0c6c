package billing

import (
	"loot/desk/billing/invoice"
)

// A rate is a standard rate of value added tax from a day on.
type rate struct {
	from    string // as 2026-02-28; empty: for as long as an invoice may be of interest
	percent string
}

// rates are the standard rates of the member states of the European Union, and of
// their [regions], earliest first: European Commission, "Taxes in Europe" database (TEDB), and the
// laws that changed them since 2020.
var rates = map[string][]rate{
	"AT": {{"", "20"}}, "BE": {{"", "21"}}, "BG": {{"", "20"}}, "CY": {{"", "19"}}, "CZ": {{"", "21"}},
	"DE": {{"", "19"}, {"2020-07-01", "16"}, {"2021-01-01", "19"}},
	"DK": {{"", "25"}},
	"EE": {{"", "20"}, {"2024-01-01", "22"}, {"2025-07-01", "24"}},
	"ES": {{"", "21"}},
	"FI": {{"", "24"}, {"2024-09-01", "25.5"}},
	"FR": {{"", "20"}}, "GR": {{"", "24"}}, "HR": {{"", "25"}}, "HU": {{"", "27"}},
	"IE": {{"", "23"}, {"2020-09-01", "21"}, {"2021-03-01", "23"}},
	"IT": {{"", "22"}}, "LT": {{"", "21"}},
	"LU": {{"", "17"}, {"2023-01-01", "16"}, {"2024-01-01", "17"}},
	"LV": {{"", "21"}}, "MT": {{"", "18"}}, "NL": {{"", "21"}}, "PL": {{"", "23"}}, "PT": {{"", "23"}},
	"PT-20": {{"", "18"}, {"2021-07-01", "16"}}, "PT-30": {{"", "22"}},
	"RO": {{"", "19"}, {"2025-08-01", "21"}},
	"SE": {{"", "25"}}, "SI": {{"", "22"}},
	"SK": {{"", "20"}, {"2025-01-01", "23"}},
}

// rateOn returns the standard rate of a member state or a region on a day; false for any
// other country.
func rateOn(place string, day invoice.Date) (out invoice.Decimal, ok bool) {
	for _, r := range rates[place] {
		if day.String() >= r.from {
			out, ok = invoice.Dec(r.percent), true
		}
	}
	return out, ok
}
