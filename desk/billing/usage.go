package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/invoice"
	"loot/gate"
	"loot/keyring"
	"loot/store"
)

// A Record is one amount of use, as whoever counts it sends it.
type Record struct {
	Service string // reference
	Meter   string // id in its plan
	Key     string // the sender's name for the record: the same one counts once
	At      time.Time
	Amount  int64 // in millionths of the meter's unit; of a level percent
	row     int   // in its file
}

// A Refused record was not written down.
type Refused struct {
	Index int // from 0
	Why   string
}

// A Taken batch says what became of its records.
type Taken struct {
	Added    int // written down
	Repeated int // were there before, just so
	Refused  []Refused
}

// How far back and ahead a record may be. What is ahead may come from a clock that
// goes wrong a little.
const (
	oldestUse = 400 * 24 * time.Hour
	mostAhead = 5 * time.Minute
)

var validKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$`)

// wrongKey says what is wrong with a record's key; empty: nothing.
func wrongKey(key string) string {
	switch {
	case validKey.MatchString(key):
		return ""
	case key != "" && strings.ContainsAny(key[:1], "=+-@\t"):
		return "The key begins like a formula. One is made of letters, digits, and . _ : / -, beginning with a letter or a digit."
	}
	return "The key is not one: it is made of letters, digits, and . _ : / -, a hundred at most, beginning with a letter or a digit."
}

// A counter is a service as far as its use is counted.
type counter struct {
	state        State
	since, ended time.Time
	meters       []Meter
}

// readCounter returns a service with what its plan of a month counts.
func readCounter(ctx context.Context, tx *store.Tx, reference string, m Month) (c counter, err error) {
	var since, ended int64
	var plan string
	err = tx.QueryRow(ctx, `SELECT s.state, s.since, s.ended, `+planIn(2)+` FROM billing_service s WHERE s.reference = $1`, reference, string(m)).Scan(&c.state, &since, &ended, &plan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("billing: use: %w", err)
	}
	c.since, c.ended = store.Instant(since), store.Instant(ended)
	all, err := readMeters(ctx, tx, `WHERE m.plan = $1`, plan)
	c.meters = all[plan]
	return c, err
}

// counterOf names a counter: the plan, and with it what is counted, is that of the month.
type counterOf struct {
	service string
	month   Month
}

// A usageBook takes a batch of records down within a transaction.
type usageBook struct {
	b        *Billing
	tx       *store.Tx
	place    *time.Location // where months begin
	counters map[counterOf]counter
	open     map[Month]bool
}

// record writes down what was used. By key each record counts once; what cannot be
// is refused, each with the reason, and with whole set nothing is written down
// then. Who sent it is on the ledger.
func (b *Billing) record(ctx context.Context, by loot.Actor, all []Record, whole bool) (out Taken, err error) {
	place := b.seller.place()
	err = b.Gate.InTx(ctx, func(tx *store.Tx) error {
		out = Taken{}
		// What is counted says nothing about anybody, so it is decided about nobody.
		if _, err := b.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Collect, Actor: b.actor(), By: by, Desk: name, Purpose: forInvoice, Collection: used, Fields: []loot.Field{Services},
		}); err != nil {
			return err
		}
		book := &usageBook{b: b, tx: tx, place: place, counters: map[counterOf]counter{}, open: map[Month]bool{}}
		for i, r := range all {
			why, added, err := book.take(ctx, r)
			switch {
			case err != nil:
				return err
			case why != "":
				out.Refused = append(out.Refused, Refused{i, why})
			case added:
				out.Added++
			default:
				out.Repeated++
			}
		}
		if whole && len(out.Refused) > 0 {
			return errNotWhole
		}
		return nil
	})
	if errors.Is(err, errNotWhole) {
		out.Added, out.Repeated, err = 0, 0, nil
	}
	return out, err
}

// errNotWhole undoes a batch of which something was refused.
var errNotWhole = errors.New("billing: a record was refused")

// take writes one record down, or says why not.
func (k *usageBook) take(ctx context.Context, r Record) (why string, added bool, err error) {
	of := counterOf{r.Service, monthOf(r.At, k.place)}
	c, known := k.counters[of]
	if !known {
		if c, err = readCounter(ctx, k.tx, of.service, of.month); err != nil {
			return "", false, err
		}
		k.counters[of] = c
	}
	m, counts := meterOf(c.meters, r.Meter)
	switch now := k.b.Now(); {
	case c.state == "":
		return "There is no such service.", false, nil
	case !counts:
		return "The plan of the service counts no such part.", false, nil
	case m.Kind == Level && r.Amount > 100*oneUnit:
		return "A level is between 0 and 100 per cent.", false, nil
	case wrongKey(r.Key) != "":
		return wrongKey(r.Key), false, nil
	case r.At.After(now.Add(mostAhead)):
		return "The time is of the future.", false, nil
	case r.At.Before(now.Add(-oldestUse)):
		return "The time is longer ago than is taken down.", false, nil
	case c.state == Ordered || r.At.Before(c.since):
		return "The service did not run yet at that time.", false, nil
	case !c.ended.IsZero() && r.At.After(c.ended):
		return "The service had ended at that time.", false, nil
	}
	if why, found, err := k.before(ctx, r); err != nil || found {
		return why, false, err
	}
	late := Month("")
	if m.Kind == Sum {
		with, err := k.chargedWith(ctx, of.month)
		switch {
		case err != nil:
			return "", false, err
		case with == of.month:
		case r.At.Before(k.b.Now().Add(-lateFor)):
			return "The month of that time was drawn already, and nothing is charged later than " + inDays(lateFor) + " after it was used.", false, nil
		default:
			late = with
		}
	}
	n, err := k.tx.Exec(ctx, `INSERT INTO billing_usage (service, mark, meter, kind, at, amount, late) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (service, mark) DO NOTHING`,
		r.Service, r.Key, r.Meter, string(m.Kind), r.At.UnixMicro(), r.Amount, string(late))
	if err != nil {
		return "", false, fmt.Errorf("billing: use: %w", err)
	}
	if n == 0 { // others sent it at the same time
		why, _, err = k.before(ctx, r)
	}
	return why, n == 1, err
}

// before looks whether a record of the key was written down, and says what is
// different about it.
func (k *usageBook) before(ctx context.Context, r Record) (why string, found bool, err error) {
	var meter string
	var at, amount int64
	err = k.tx.QueryRow(ctx, `SELECT meter, at, amount FROM billing_usage WHERE service = $1 AND mark = $2`, r.Service, r.Key).Scan(&meter, &at, &amount)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", false, nil
	case err != nil:
		return "", false, fmt.Errorf("billing: use: %w", err)
	case amount != r.Amount:
		return "A record of this key was written down with another amount.", true, nil
	case meter != r.Meter || at != r.At.UnixMicro():
		return "A record of this key was written down for another part or time.", true, nil
	}
	return "", true, nil
}

// isOpen reports whether what was used can still be charged with a month, and keeps
// it so until the transaction ends.
func (k *usageBook) isOpen(ctx context.Context, m Month) (bool, error) {
	if open, known := k.open[m]; known {
		return open, nil
	}
	open, err := openMonth(ctx, k.tx, m)
	if err == nil {
		k.open[m] = open
	}
	return open, err
}

// closeMonth has no more use charged to a month. Who records some waits, or is
// waited for, so that none is lost between.
func closeMonth(ctx context.Context, tx *store.Tx, m Month, now time.Time) error {
	if _, err := tx.Exec(ctx, `INSERT INTO billing_month (month, closed) VALUES ($1, $2) ON CONFLICT (month) DO UPDATE SET closed = excluded.closed`, string(m), now.UnixMicro()); err != nil {
		return fmt.Errorf("billing: month: %w", err)
	}
	return nil
}

// keyOfUse makes the key by which the ledger tells somebody who looked at their use.
func (b *Billing) keyOfUse(ctx context.Context, s loot.Subject) error {
	if err := b.Keyring.Create(ctx, s, used); err != nil && !errors.Is(err, keyring.ErrShredded) {
		return err
	}
	return nil
}

// A Gauge is how a counted part of a service stands.
type Gauge struct {
	Meter
	Currency string
	Used     int64     // of a sum: in the month; of a level: the latest
	At       time.Time // of a level: when that was; zero: never told
}

// Shown writes how it stands.
func (g Gauge) Shown() string {
	switch {
	case g.Kind == Level && g.At.IsZero():
		return "not known yet"
	case g.Kind == Level:
		return g.amount(g.Used) + " full"
	case g.Included > 0:
		return g.amount(g.Used) + " of " + g.amount(g.Included)
	}
	return g.amount(g.Used)
}

// Share is how much of what there is was used, in whole percent, 100 at most.
func (g Gauge) Share() int64 {
	of := g.Included
	if g.Kind == Level {
		of = 100 * oneUnit
	}
	if of == 0 {
		return 0
	}
	return min(g.Used/(of/100), 100)
}

// gaugesOf returns how the counted parts of some services stand in a month.
func (b *Billing) gaugesOf(ctx context.Context, tx *store.Tx, services []Service, m Month) (map[string][]Gauge, error) {
	from, to := m.span(b.seller.place())
	out, meters := map[string][]Gauge{}, map[string][]Meter{}
	for _, one := range services {
		if _, known := meters[one.PlanID]; !known {
			all, err := readMeters(ctx, tx, `WHERE m.plan = $1`, one.PlanID)
			if err != nil {
				return nil, err
			}
			meters[one.PlanID] = all[one.PlanID]
		}
		for _, meter := range meters[one.PlanID] {
			g := Gauge{Meter: meter}
			var err error
			if meter.Kind == Level {
				g.Used, g.At, err = latest(ctx, tx, one.Reference, meter.ID)
			} else {
				g.Used, err = usedIn(ctx, tx, one.Reference, meter.ID, from, to)
			}
			if err != nil {
				return nil, err
			}
			out[one.Reference] = append(out[one.Reference], g)
		}
	}
	return out, nil
}

// latest returns the last level that was told.
func latest(ctx context.Context, tx *store.Tx, reference, meter string) (amount int64, at time.Time, err error) {
	var when int64
	err = tx.QueryRow(ctx, `SELECT amount, at FROM billing_usage WHERE service = $1 AND meter = $2 ORDER BY at DESC LIMIT 1`, reference, meter).Scan(&amount, &when)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("billing: level: %w", err)
	}
	return amount, store.Instant(when), nil
}

// usedIn returns what was used of a part from one moment until another.
func usedIn(ctx context.Context, tx *store.Tx, reference, meter string, from, to time.Time) (int64, error) {
	var whole, part int64
	if err := tx.QueryRow(ctx, `SELECT COALESCE(CAST(SUM(amount / 1000000) AS BIGINT), 0), COALESCE(CAST(SUM(amount % 1000000) AS BIGINT), 0)
		FROM billing_usage WHERE service = $1 AND meter = $2 AND at >= $3 AND at < $4`, reference, meter, from.UnixMicro(), to.UnixMicro()).Scan(&whole, &part); err != nil {
		return 0, fmt.Errorf("billing: used: %w", err)
	}
	return total(whole, part), nil
}

// A monthUsed is what somebody used of a part of a service in a month.
type monthUsed struct {
	Month Month  `json:"month"`
	Part  string `json:"part"`
	Sum   string `json:"sum,omitempty"`
	Peak  string `json:"peak,omitempty"` // of a level, in percent
}

// monthsUsed returns what the services of a customer used by month, as invoices
// have the months, by their references.
func monthsUsed(ctx context.Context, tx *store.Tx, s loot.Subject, place *time.Location) (map[string][]monthUsed, error) {
	rows, err := tx.Query(ctx, `SELECT u.service, u.meter, u.kind, u.at, u.amount FROM billing_usage u JOIN billing_service s ON s.reference = u.service
		WHERE s.subject = $1 ORDER BY u.service, u.meter, u.at`, s)
	if err != nil {
		return nil, fmt.Errorf("billing: months: %w", err)
	}
	defer rows.Close()
	type row struct {
		service string
		monthUsed
		kind      MeterKind
		sum, most int64
	}
	var list []row
	for rows.Next() {
		var r row
		var at, amount int64
		if err := rows.Scan(&r.service, &r.Part, &r.kind, &at, &amount); err != nil {
			return nil, fmt.Errorf("billing: months: %w", err)
		}
		r.Month = monthOf(store.Instant(at), place)
		if n := len(list); n == 0 || list[n-1].service != r.service || list[n-1].monthUsed != r.monthUsed {
			list = append(list, r)
		}
		last := &list[len(list)-1]
		last.sum, last.most = min(last.sum+amount, mostUsed), max(last.most, amount)
	}
	out := map[string][]monthUsed{}
	for _, r := range list {
		if r.kind == Level {
			r.Peak = invoice.Scaled(r.most, millionths).String()
		} else {
			r.Sum = invoice.Scaled(r.sum, millionths).String()
		}
		out[r.service] = append(out[r.service], r.monthUsed)
	}
	return out, rows.Err()
}

// oldUse is what was used longer ago than anything is charged or shown.
func (b *Billing) oldUse() lapsing {
	return lapsing{
		Lapse: desk.Lapse{What: "Records of use", Why: "charged and shown for " + inDays(oldestUse), Clause: Keeps[0]}, in: used,
		take: b.takes(oldestUse, func(row store.Row) (one lapsed, err error) {
			var was Record
			var at int64
			err = row.Scan(&was.Service, &was.Key, &was.Meter, &at, &was.Amount, &one.Subject)
			was.At = store.Instant(at)
			one.At, one.said = was.At, asWas(was)
			return one, err
		}, `DELETE FROM billing_usage WHERE (service, mark) IN (SELECT service, mark FROM billing_usage WHERE at <= $1 ORDER BY at LIMIT $2)
			RETURNING service, mark, meter, at, amount, COALESCE((SELECT s.subject FROM billing_service s WHERE s.reference = billing_usage.service), '')`),
		ahead: counts(oldestUse, `SELECT (at + $1) / $2, count(*) FROM billing_usage WHERE at <= $3 GROUP BY 1`),
	}
}
