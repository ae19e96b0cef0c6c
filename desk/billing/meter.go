package billing

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk/billing/invoice"
	"loot/store"
)

// millionths is how many digits behind the point an amount of use has.
const millionths = 6

const (
	wholeAmount = 1_000_000_000               // amounts of use are less
	oneUnit     = 1_000_000                   // in millionths
	mostUsed    = 9_000_000_000_000 * oneUnit // in a month, so that no sum leaves the arithmetic
)

// A MeterKind says what is counted.
type MeterKind string

// The kinds of meter.
const (
	Sum   MeterKind = "sum"   // what is used, charged by the month beyond what is included
	Level MeterKind = "level" // how full something is in percent, never charged
)

// percent is the unit of levels (UN/ECE recommendation 20).
const percent = "P1"

// A Meter is a part of a plan that is counted.
type Meter struct {
	Plan     string
	ID       string // such as "traffic"
	Title    string
	Kind     MeterKind
	Unit     string          // of UN/ECE recommendation 20
	Included int64           // in millionths of the unit
	Price    invoice.Decimal // of a unit, without tax
}

// amount writes an amount with its unit.
func (m Meter) amount(n int64) string {
	word := invoice.UnitWord(m.Unit)
	if m.Unit == percent {
		word = "%"
	}
	return grouped(invoice.Scaled(n, millionths)) + "\u00a0" + word
}

// grouped parts the thousands of a number.
func grouped(d invoice.Decimal) string {
	whole, part, _ := strings.Cut(d.String(), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if part != "" {
		return whole + "." + part
	}
	return whole
}

// Words says what of the part is included and what more costs.
func (m Meter) Words(currency string) string {
	if m.Kind == Level {
		return "shown, never charged"
	}
	more := price2(m.Price, currency) + " a " + invoice.UnitWord(m.Unit)
	if m.Included == 0 {
		return more
	}
	return m.amount(m.Included) + " a month included, then " + more
}

// price2 writes an exact price with two digits behind the point or more.
func price2(d invoice.Decimal, currency string) string {
	return invoice.Sign(currency) + "\u00a0" + d.Fixed(2)
}

// parseAmount reads an amount of use: digits with a point, less than a thousand
// million, six digits behind the point at most. It returns millionths.
func parseAmount(text string) (int64, error) {
	d, err := invoice.ParseDecimal(text)
	switch {
	case err != nil:
		return 0, loot.Errorf(loot.Invalid, "This is not an amount. Write digits with a point, such as 12.5.")
	case d.Sign() < 0:
		return 0, loot.Errorf(loot.Invalid, "An amount is not less than nothing.")
	case d.Places() > millionths:
		return 0, loot.Errorf(loot.Invalid, "An amount has six digits behind the point at most.")
	case d.Cmp(invoice.Int(wholeAmount)) >= 0:
		return 0, loot.Errorf(loot.Invalid, "An amount is less than a thousand million. Count in a larger unit.")
	}
	return strconv.ParseInt(strings.Replace(d.Fixed(millionths), ".", "", 1), 10, 64)
}

// A counted amount is what was used of a part in a month.
type counted struct {
	Meter
	used int64     // in millionths
	past int64     // what of it is charged with earlier months
	last time.Time // when the last of it was told
}

func readMeters(ctx context.Context, tx *store.Tx, where string, args ...any) (out map[string][]Meter, err error) {
	rows, err := tx.Query(ctx, `SELECT m.plan, m.id, m.title, m.kind, m.unit, m.included, m.price FROM billing_meter m `+where+` ORDER BY m.plan, m.kind DESC, m.id`, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: meters: %w", err)
	}
	defer rows.Close()
	out = map[string][]Meter{}
	for rows.Next() {
		var m Meter
		var each string
		if err := rows.Scan(&m.Plan, &m.ID, &m.Title, &m.Kind, &m.Unit, &m.Included, &each); err != nil {
			return nil, fmt.Errorf("billing: meters: %w", err)
		}
		if m.Price, err = invoice.ParseDecimal(each); err != nil {
			return nil, fmt.Errorf("billing: meters: %w", err)
		}
		out[m.Plan] = append(out[m.Plan], m)
	}
	return out, rows.Err()
}

// countedOf returns what the services of customers used from one moment until
// another, by their references, as far as it is charged: with its own month, or late with
// another, which is named then.
func countedOf(ctx context.Context, tx *store.Tx, who []loot.Subject, from, to time.Time, late Month) (map[string][]counted, error) {
	rows, err := tx.Query(ctx, `SELECT s.reference, m.plan, m.id, m.title, m.kind, m.unit, m.included, m.price, CAST(SUM(u.amount / 1000000) AS BIGINT), CAST(SUM(u.amount % 1000000) AS BIGINT),
			CAST(SUM(CASE WHEN u.late < $4 THEN u.amount / 1000000 ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN u.late < $4 THEN u.amount % 1000000 ELSE 0 END) AS BIGINT), MAX(u.at)
		FROM billing_service s JOIN billing_meter m ON m.plan = `+planIn(3)+` AND m.kind = 'sum' JOIN billing_usage u ON u.service = s.reference AND u.meter = m.id
		WHERE u.at >= $1 AND u.at < $2 AND u.at >= s.charged AND u.late <= $4 AND `+among("s.subject", 5, who)+`
		GROUP BY s.reference, m.plan, m.id, m.title, m.kind, m.unit, m.included, m.price HAVING MAX(u.late) = $4 ORDER BY s.reference, m.id`,
		asked(who, from.UnixMicro(), to.UnixMicro(), string(monthOf(from, from.Location())), string(late))...)
	if err != nil {
		return nil, fmt.Errorf("billing: counted: %w", err)
	}
	defer rows.Close()
	out := map[string][]counted{}
	for rows.Next() {
		var c counted
		var reference, each string
		var whole, part, wholePast, partPast, last int64
		if err := rows.Scan(&reference, &c.Plan, &c.ID, &c.Title, &c.Kind, &c.Unit, &c.Included, &each, &whole, &part, &wholePast, &partPast, &last); err != nil {
			return nil, fmt.Errorf("billing: counted: %w", err)
		}
		if c.Price, err = invoice.ParseDecimal(each); err != nil {
			return nil, fmt.Errorf("billing: counted: %w", err)
		}
		c.used, c.past, c.last = total(whole, part), total(wholePast, partPast), store.Instant(last)
		out[reference] = append(out[reference], c)
	}
	return out, rows.Err()
}

// total joins sums of whole units and of millionths. More than can be charged
// stays more than can be charged: the sums of the invoice refuse it.
func total(whole, part int64) int64 {
	whole, part = whole+part/oneUnit, part%oneUnit
	if whole >= mostUsed/oneUnit {
		return mostUsed
	}
	return whole*oneUnit + part
}

// insertMeter adds a counted part to a plan that nobody has yet: what somebody
// ordered does not change under them.
func insertMeter(ctx context.Context, tx *store.Tx, m Meter) error {
	taken, err := everOrdered(ctx, tx, m.Plan)
	if err != nil {
		return err
	}
	if taken {
		return loot.Errorf(loot.Conflict, "Somebody ordered this plan already, so nothing can be added to it. Retire it and make another.")
	}
	_, err = tx.Exec(ctx, `INSERT INTO billing_meter (plan, id, title, kind, unit, included, price) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		m.Plan, m.ID, m.Title, string(m.Kind), m.Unit, m.Included, m.Price.String())
	if store.IsUnique(err) {
		return loot.Errorf(loot.Conflict, "The plan has a part of this name already.")
	}
	if err != nil {
		return fmt.Errorf("billing: meter: %w", err)
	}
	return nil
}

// everOrdered reports whether somebody has or had a plan.
func everOrdered(ctx context.Context, tx *store.Tx, plan string) (bool, error) {
	var n int
	if err := tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM billing_service WHERE plan = $1) + (SELECT count(*) FROM billing_state WHERE plan = $1)`, plan).Scan(&n); err != nil {
		return false, fmt.Errorf("billing: meter: %w", err)
	}
	return n > 0, nil
}

// meterOf returns one of some meters.
func meterOf(all []Meter, id string) (Meter, bool) {
	i := slices.IndexFunc(all, func(m Meter) bool { return m.ID == id })
	if i < 0 {
		return Meter{}, false
	}
	return all[i], true
}
