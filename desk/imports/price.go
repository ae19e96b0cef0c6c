package imports

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// What a column about the price of a service can be.
const (
	rowCycle    = "row.cycle"    // from one charge to the next
	rowPrice    = "row.price"    // for each cycle, of one piece
	rowQuantity = "row.quantity" // pieces
)

// A Plan is one that a product can be mapped to.
type Plan struct {
	ID       string
	Service  string // id in the statement
	Title    string
	Amount   int64  // in the smallest unit of the currency
	Currency string // ISO 4217
	Months   int    // for which that is
}

// choice is how the plan is chosen; see [chosen].
func (p Plan) choice() string { return p.Service + "|" + p.ID }

// What becomes of a row whose price in the file is not the one of its plan, besides leftOut.
const (
	byPlan = ""     // it is charged by the plan
	bare   = "bare" // it is taken over without a price
)

// A product is one of a file as it is mapped: by its cycle, where the file says that.
type product struct {
	name   string
	cycle  string // in words; empty: it is not said
	months int    // of the cycle; zero: it is no number of months
}

// productOf returns the product of a row.
func productOf(v map[string]string) product {
	p := product{name: v[rowService], cycle: clipAt(v[rowCycle], 40)}
	if p.months = monthsOf(p.cycle); p.months > 0 {
		p.cycle = cycleWords(p.months)
	}
	return p
}

// String is what the product is called to whoever maps it, and under which that is kept.
func (p product) String() string {
	if p.cycle == "" {
		return p.name
	}
	return p.name + ", " + p.cycle
}

// choiceOf returns what a product is mapped to, and whether it was asked about: by its
// cycle or, as in mappings of before, without.
func (m Mapping) choiceOf(p product) (choice string, asked bool) {
	if choice, asked = m.Products[p.String()]; !asked {
		choice, asked = m.Products[p.name]
	}
	return choice, asked
}

// asks reports whether it is to be asked yet what a product is.
func (j *judge) asks(p product) bool {
	_, asked := j.r.Mapping.Products[p.String()]
	return !asked && p.cycle != "" || j.choice(p) == ""
}

// suggested returns what a product is likely to be: what it is mapped to or, if only its
// name is, the plan of that service which has its cycle. A product that is called as a
// plan is that plan. Of several none is likelier than the service without a price.
func (j *judge) suggested(p product) string {
	choice := j.choice(p)
	service, _ := chosen(choice)
	if _, asked := j.r.Mapping.Products[p.String()]; asked || j.plans[choice].Months == p.months {
		return choice
	}
	found := ""
	for _, one := range j.plans {
		if one.Months != p.months || one.Service != service && (service != "" || !strings.EqualFold(one.Title, p.name)) {
			continue
		}
		if found != "" {
			return service
		}
		found = one.choice()
	}
	return cmp.Or(found, service)
}

// cycles are what systems call cycles of so many months, as [plainName] writes it.
var cycles = map[string]int{
	"monthly": 1, "month": 1, "monatlich": 1, "mensuel": 1, "maandelijks": 1,
	"quarterly": 3, "quarter": 3, "vierteljährlich": 3, "quartalsweise": 3, "trimestriel": 3,
	"semiannually": 6, "semiannual": 6, "halfyearly": 6, "halfyear": 6, "halbjährlich": 6, "semestriel": 6,
	"annually": 12, "annual": 12, "yearly": 12, "year": 12, "jährlich": 12, "annuel": 12, "jaarlijks": 12,
	"biennially": 24, "biennial": 24, "zweijährlich": 24, "triennially": 36, "triennial": 36, "dreijährlich": 36,
}

// units are what systems call the units of cycles, in months.
var units = map[string]int{
	"": 1, "m": 1, "month": 1, "months": 1, "monat": 1, "monate": 1, "mois": 1,
	"y": 12, "year": 12, "years": 12, "jahr": 12, "jahre": 12, "an": 12, "ans": 12,
}

// monthsOf reads a cycle, such as “Semi-Annually”, “6M” or “every 6 months”; zero: it is no number
// of months, as what is paid once is not, or longer than any system has it.
func monthsOf(cycle string) int {
	cycle = strings.TrimPrefix(strings.ToLower(cycle), "every ")
	if n := cycles[plainName(cycle)]; n > 0 {
		return n
	}
	unit := strings.TrimLeft(cycle, "0123456789")
	n, err := strconv.Atoi(strings.TrimSuffix(cycle, unit))
	if err != nil || n > 12*mostAhead {
		return 0
	}
	if n *= units[plainName(unit)]; n > 12*mostAhead {
		return 0
	}
	return n
}

// cycleWords says how often that is.
func cycleWords(months int) string {
	switch {
	case months == 1:
		return "monthly"
	case months == 3:
		return "quarterly"
	case months == 6:
		return "half-yearly"
	case months == 12:
		return "yearly"
	case months%12 == 0:
		return fmt.Sprintf("every %d years", months/12)
	}
	return fmt.Sprintf("every %d months", months)
}

// mostPieces are how many of a service one row can be.
const mostPieces = 100_000

// priced says of a service that is charged by a plan what it costs in the file, if that is
// something else; empty: it is not, or the file does not say what it costs.
func (j *judge) priced(v map[string]string, plan Plan) string {
	p := productOf(v)
	same, times := p.cycle == "" || p.months == plan.Months, ""
	if p.cycle != "" && p.months == 0 { // what the file says of it is not shown
		times = "at other times than those of plans"
	}
	about, said := rowCycle, cmp.Or(times, p.cycle)
	if text := v[rowPrice]; text != "" {
		about = rowPrice
		currency := j.currency(v)
		amount, ok := j.amount(text, currency)
		pieces, err := strconv.ParseInt(cmp.Or(v[rowQuantity], "1"), 10, 64)
		if ok = ok && err == nil && pieces >= 0 && pieces <= mostPieces; ok {
			amount *= pieces
			said = joined(", ", j.i.needs.Price(amount, currency, p.months), times)
		} else {
			said = "it cannot be read, or its currency is not known"
		}
		same = same && ok && amount == plan.Amount && currency == plan.Currency
	}
	if same {
		return ""
	}
	return j.about(about, rowWords[about]) + ": " + said + ". Its plan: " + j.i.needs.Price(plan.Amount, plan.Currency, plan.Months) + "."
}
