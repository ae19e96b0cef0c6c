package billing

import (
	"slices"
	"time"

	"loot"
	"loot/desk/billing/invoice"
)

// A Month is one of the calendar, as 2026-02.
type Month string

// monthOf returns the month that a moment falls in where the seller is.
func monthOf(t time.Time, at *time.Location) Month { return Month(t.In(at).Format("2006-01")) }

// parseMonth reads a month from an address or a form.
func parseMonth(text string) (Month, error) {
	if t, err := time.Parse("2006-01", text); err != nil || t.Year() < 1900 {
		return "", loot.Errorf(loot.Invalid, "This is not a month. One looks like 2026-02.")
	}
	return Month(text), nil
}

// days returns the first and the last day.
func (m Month) days() invoice.Period {
	t, _ := time.Parse("2006-01", string(m))
	return invoice.Period{From: invoice.DateOf(t), To: invoice.DateOf(t.AddDate(0, 1, -1))}
}

// span returns the moments at which it begins and ends at a place.
func (m Month) span(at *time.Location) (from, to time.Time) {
	from, _ = time.ParseInLocation("2006-01", string(m), at)
	return from, from.AddDate(0, 1, 0)
}

// before returns the month before.
func (m Month) before() Month {
	t, _ := time.Parse("2006-01", string(m))
	return Month(t.AddDate(0, -1, 0).Format("2006-01"))
}

// after returns the month after.
func (m Month) after() Month {
	t, _ := time.Parse("2006-01", string(m))
	return Month(t.AddDate(0, 1, 0).Format("2006-01"))
}

// String writes it as people read it.
func (m Month) String() string {
	t, err := time.Parse("2006-01", string(m))
	if err != nil {
		return string(m)
	}
	return t.Format("January 2006")
}

// dayNumber counts days, so that they can be subtracted.
func dayNumber(d invoice.Date) int64 {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
}

// between returns how many days lie from one to the other, the other not counted.
func between(from, to invoice.Date) int64 { return dayNumber(to) - dayNumber(from) }

// monthsAfter returns the day so many months after another: the last of its month
// where there is no such day, as of the 29th of February a year later.
func monthsAfter(d invoice.Date, months int) invoice.Date {
	at := int(d.Month) - 1 + months
	d.Year += at / 12
	d.Month = time.Month(at%12 + 1)
	for !d.Valid() {
		d.Day--
	}
	return d
}

// A period is one that a plan can be priced by.
type period struct {
	id     string
	label  string // for a form
	every  string // behind a price
	months int
	unit   string // of UN/ECE recommendation 20, in which invoices count it
	units  int    // how many of them it is
}

// periods are all of them, the shortest first.
var periods = []period{
	{"month", "Month", "a month", 1, "MON", 1},
	{"quarter", "Quarter", "a quarter", 3, "QAN", 1},
	{"half-year", "Half-year", "a half-year", 6, "MON", 6},
	{"year", "Year", "a year", 12, "ANN", 1},
	{"two-years", "Two years", "every two years", 24, "ANN", 2},
	{"three-years", "Three years", "every three years", 36, "ANN", 3},
}

// periodOf returns the period with an id; the zero period is that of what has no price.
func periodOf(id string) period {
	if n := slices.IndexFunc(periods, func(p period) bool { return p.id == id }); n >= 0 {
		return periods[n]
	}
	return period{}
}

// A use is a service that was held, at what price.
type use struct {
	Service  // as lists show it
	plan     string
	cents    int64
	currency string
	each     string // of periods; empty: it has no price
	text     string // of the plan
	setup    int64  // cents, once
	counted  []counted
	late     Month // in which that was used, and nothing else is charged; empty: in its own
	came     origin
}

// An origin is how somebody came to have a service, and when.
type origin struct {
	from invoice.Origin
	at   time.Time
}

// lines returns what a service costs in a month, in arrears. The day on which a
// service begins counts, the one on which it ends does not. A month is charged by
// the days of it that the service was held; a longer period when it is over, or by
// its days when the service ends before. What it costs to set up is charged with
// the month in which it begins, and what was counted with the month of its use.
func (u use) lines(m Month, at *time.Location, lang string) (out []invoice.Line) {
	if u.late != "" {
		m = u.late
	}
	in := m.days()
	next := in.To.AddDays(1)
	began, over := invoice.DateOf(u.Since.In(at)), invoice.Date{}
	if !u.Ended.IsZero() {
		over = invoice.DateOf(u.Ended.In(at))
	}
	if u.late != "" {
		return u.metered(in, began, over)
	}
	if u.setup > 0 && !began.Before(in.From) && began.Before(next) && (u.Ended.IsZero() || u.Since.Before(u.Ended)) {
		out = append(out, invoice.Line{
			Name: u.Title, Description: u.text + " (" + setupWords[lang] + ")", Item: u.plan, Period: invoice.Period{From: began, To: began},
			Quantity: invoice.Int(1), Unit: "C62", Price: priced(u.setup, u.currency),
		})
	}
	if each := periodOf(u.each); each.months > 1 {
		out = append(out, u.spans(each, in, began, over)...)
	} else {
		out = append(out, u.month(in, next, began, over)...)
	}
	return append(out, u.metered(in, began, over)...)
}

// cameBy returns how what one of its lines charges came.
func (u use) cameBy(l invoice.Line) origin {
	if i := slices.IndexFunc(u.counted, func(c counted) bool { return l.Item == u.plan+"/"+c.ID }); i >= 0 {
		return origin{invoice.Counted, u.counted[i].last}
	}
	return u.came
}

// setupWords stand on the line of what it costs to set a service up, by language.
var setupWords = map[string]string{"en": "setup", "de": "Einrichtung", "es": "puesta en marcha", "fr": "mise en service", "nl": "inrichting"}

func (u use) month(in invoice.Period, next, began, over invoice.Date) []invoice.Line {
	from, to := in.From, next
	if from.Before(began) {
		from = began
	}
	if !over.IsZero() && over.Before(to) {
		to = over
	}
	if !from.Before(to) {
		return nil
	}
	return []invoice.Line{u.line(from, to, in.From, next, periods[0])}
}

// spans charges periods of several months.
func (u use) spans(each period, in invoice.Period, began, over invoice.Date) (out []invoice.Line) {
	next := in.To.AddDays(1)
	for n := 0; n == 0 || !next.Before(monthsAfter(began, n)); n += each.months {
		from, to := monthsAfter(began, n), monthsAfter(began, n+each.months)
		switch {
		case !over.IsZero() && over.Before(to):
			if from.Before(over) && !over.Before(in.From) && over.Before(next) {
				out = append(out, u.line(from, over, from, to, each))
			}
			return out
		case in.From.Before(to) && !next.Before(to):
			out = append(out, u.line(from, to, from, to, each))
		}
	}
	return out
}

// priced returns an amount in the smallest unit of its currency as a price.
func priced(units int64, currency string) invoice.Decimal {
	places, ok := invoice.Decimals(currency)
	if !ok {
		places = 2
	}
	return invoice.Scaled(units, places)
}

// metered charges what was used in a month beyond what is included, and beyond what was
// charged of it before. What is included is so for each month in which the service was
// held, a day of it too.
func (u use) metered(in invoice.Period, began, over invoice.Date) (out []invoice.Line) {
	for _, c := range u.counted {
		free := max(c.Included, c.past)
		if c.used <= free {
			continue
		}
		l := invoice.Line{
			Name: u.Title + ": " + c.Title, Description: c.amount(c.used) + " − " + c.amount(free), Item: u.plan + "/" + c.ID, Period: in,
			Quantity: invoice.Scaled(c.used-free, millionths), Unit: c.Unit, Price: c.Price,
		}
		if l.Period.From.Before(began) {
			l.Period.From = began
		}
		if !over.IsZero() && over.Before(l.Period.To) {
			l.Period.To = over
		}
		out = append(out, l)
	}
	return out
}

// line charges the days from one to another, which does not count, of a span
// that has the price of a period. Part of it is a price of so many days, and two
// years are a price of two, so that the amount is exact before it is rounded once.
func (u use) line(from, to, first, end invoice.Date, each period) invoice.Line {
	l := invoice.Line{
		Name: u.Title, Description: u.text, Item: u.plan, Period: invoice.Period{From: from, To: to.AddDays(-1)},
		Quantity: invoice.Int(int64(each.units)), Unit: each.unit, Price: priced(u.cents, u.currency),
	}
	if each.units > 1 {
		l.Base = l.Quantity
	}
	if held, all := between(from, to), between(first, end); held < all {
		l.Quantity, l.Unit, l.Base = invoice.Int(held), "DAY", invoice.Int(all)
	}
	return l
}
