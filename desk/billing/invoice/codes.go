package invoice

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"
)

// codesText has the code lists to which EN 16931 restricts its terms: a name
// with a colon, then the codes.
//
//go:embed codes.txt
var codesText string

var codes = func() map[string]map[string]bool {
	lists := map[string]map[string]bool{}
	var list map[string]bool
	for word := range strings.FieldsSeq(codesText) {
		if name, isName := strings.CutSuffix(word, ":"); isName {
			list = map[string]bool{}
			lists[name] = list
			continue
		}
		list[word] = true
	}
	return lists
}()

func isCode(list, code string) bool { return codes[list][code] }

// IsExemption reports whether a code is of the list VATEX, which says why there is
// no tax.
func IsExemption(code string) bool { return isCode("vatex", code) }

// ISO 4217 gives these currencies other than two decimals.
var (
	withoutDecimals = strings.Fields("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF")
	threeDecimals   = strings.Fields("BHD IQD JOD KWD LYD OMR TND")
)

// signs are those of currencies that everybody knows.
var signs = map[string]string{"EUR": "€", "GBP": "£", "USD": "$"}

// Sign returns the sign of a currency, or the code of one whose sign is not known
// everywhere.
func Sign(currency string) string { return cmp.Or(signs[currency], currency) }

// Decimals returns how many digits ISO 4217 gives a currency behind the point,
// and whether it has the currency.
func Decimals(currency string) (int, bool) {
	switch {
	case !isCode("currency", currency):
		return 0, false
	case slices.Contains(withoutDecimals, currency):
		return 0, true
	case slices.Contains(threeDecimals, currency):
		return 3, true
	}
	return 2, true
}

// Places returns to how many digits behind the point the amounts of an invoice
// are rounded: those of the currency, but at most two, which is what EN 16931
// allows (BR-DEC-01 to BR-DEC-28). Prices may have more.
func Places(currency string) (int, bool) {
	n, ok := Decimals(currency)
	return min(n, 2), ok
}

// A unit of UN/ECE recommendation 20, with its English words for one and for
// many; see [words] for those of other languages.
type unit struct{ code, one, many string }

// units are those in which a hosting company counts.
var units = []unit{
	{"C62", "pc", "pcs"},
	{"H87", "pc", "pcs"},
	{"MIN", "minute", "minutes"},
	{"HUR", "hour", "hours"},
	{"DAY", "day", "days"},
	{"WEE", "week", "weeks"},
	{"MON", "month", "months"},
	{"QAN", "quarter", "quarters"},
	{"ANN", "year", "years"},
	{"AD", "byte", "bytes"},
	{"4L", "MB", "MB"},
	{"E34", "GB", "GB"},
	{"E35", "TB", "TB"},
	{"E36", "PB", "PB"},
	{"E63", "MiB", "MiB"},
	{"E62", "GiB", "GiB"},
	{"E61", "TiB", "TiB"},
	{"E20", "Mbit/s", "Mbit/s"},
	{"B80", "Gbit/s", "Gbit/s"},
	{"KWT", "kW", "kW"},
	{"KWH", "kWh", "kWh"},
	{"LS", "flat", "flat"},
}

// Units returns the codes of the units in which lines may be counted.
func Units() (codes []string) {
	for _, u := range units {
		codes = append(codes, u.code)
	}
	return codes
}

// UnitWord returns the English word for several of a unit, such as "GB" of "E34",
// and the code of one that is not known.
func UnitWord(code string) string {
	if u, ok := unitOf(code); ok {
		return u.many
	}
	return code
}

func unitOf(code string) (unit, bool) {
	i := slices.IndexFunc(units, func(u unit) bool { return u.code == code })
	if i < 0 {
		return unit{}, false
	}
	return units[i], true
}
