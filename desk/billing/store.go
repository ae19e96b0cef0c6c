package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"loot"
	"loot/desk/billing/invoice"
	"loot/store"
)

// insertService writes a service down, and reports false if it was before.
func insertService(ctx context.Context, tx *store.Tx, reference string, o Order, state State) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO billing_service (reference, subject, service, plan, since, ended, state) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (reference) DO NOTHING`, reference, o.Subject, o.Service, o.Plan, store.Micro(o.Made), store.Micro(o.Ended), string(state))
	if err != nil {
		return false, fmt.Errorf("billing: service: %w", err)
	}
	return n == 1, nil
}

// selectService reads services with the plan of a month, the first parameter.
var selectService = `SELECT s.reference, s.subject, s.service, p.id, s.state, s.since, s.ended, s.charged, p.title, p.cents, p.currency, p.period
	FROM billing_service s LEFT JOIN billing_plan p ON p.id = ` + planIn(1)

func scanServices(rows store.Rows, titles map[string]string) ([]Service, error) {
	defer rows.Close()
	var out []Service
	for rows.Next() {
		var s Service
		var since, ended, charged int64
		var plan, title, currency, period sql.NullString
		var cents sql.NullInt64
		if err := rows.Scan(&s.Reference, &s.Subject, &s.Service, &plan, &s.State, &since, &ended, &charged, &title, &cents, &currency, &period); err != nil {
			return nil, fmt.Errorf("billing: services: %w", err)
		}
		s.PlanID, s.Since, s.Ended, s.Title = plan.String, store.Instant(since), store.Instant(ended), titles[s.Service]
		s.Charged = store.Instant(charged)
		if s.Title == "" {
			s.Title = s.Service // no longer in the statement
		}
		if title.Valid {
			s.Plan = title.String + ", " + Plan{Cents: cents.Int64, Currency: currency.String, Period: period.String}.Price()
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// A pick narrows a list of services; its zero value is all of them.
type pick struct {
	of    string // the beginning of a reference, or a customer's id
	state State
}

// listServices returns the next n services, latest first, after the one given.
func (b *Billing) listServices(ctx context.Context, tx *store.Tx, p pick, after string, n int) ([]Service, error) {
	since := int64(1<<63 - 1)
	if after != "" {
		if err := tx.QueryRow(ctx, `SELECT since FROM billing_service WHERE reference = $1`, after).Scan(&since); err != nil {
			return nil, loot.Wrap(loot.NotFound, err, "The list cannot go on from there. Begin again.")
		}
	}
	rows, err := tx.Query(ctx, selectService+` WHERE (s.since, s.reference) < ($2, $3) AND (CAST($5 AS TEXT) = '' OR s.subject = $5 OR s.reference LIKE $6) AND (CAST($7 AS TEXT) = '' OR s.state = $7)
		ORDER BY s.since DESC, s.reference DESC LIMIT $4`, string(b.thisMonth()), since, after, n, p.of, strings.NewReplacer("%", "", "_", "").Replace(p.of)+"%", string(p.state))
	if err != nil {
		return nil, fmt.Errorf("billing: services: %w", err)
	}
	return scanServices(rows, b.titles())
}

// running counts the services that run, by their id in the statement.
func running(ctx context.Context, tx *store.Tx) (map[string]int, error) {
	rows, err := tx.Query(ctx, `SELECT service, count(*) FROM billing_service WHERE state <> 'ended' GROUP BY service`)
	if err != nil {
		return nil, fmt.Errorf("billing: count: %w", err)
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var id string
		var n int
		if err := rows.Scan(&id, &n); err != nil {
			return nil, fmt.Errorf("billing: count: %w", err)
		}
		out[id] = n
	}
	return out, rows.Err()
}

// listPlans returns the plans of a service, or of all of them, the cheapest of
// each service first.
func (b *Billing) listPlans(ctx context.Context, service string, retired bool) (out []Plan, err error) {
	err = b.DB.Read(ctx, func(tx *store.Tx) error {
		out, err = readPlans(ctx, tx, service, retired)
		return err
	})
	return out, err
}

func readPlans(ctx context.Context, tx *store.Tx, service string, retired bool) ([]Plan, error) {
	where, args := "", []any{}
	if service != "" {
		where, args = `WHERE service = $1`, append(args, service)
	}
	rows, err := tx.Query(ctx, `SELECT id, service, title, text, cents, currency, period, setup, exempt, exempt_code, retired FROM billing_plan `+where+` ORDER BY service, retired, cents, id`, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: plans: %w", err)
	}
	defer rows.Close()
	var out []Plan
	for rows.Next() {
		var p Plan
		var gone int64
		if err := rows.Scan(&p.ID, &p.Service, &p.Title, &p.Text, &p.Cents, &p.Currency, &p.Period, &p.Setup, &p.Exempt, &p.Code, &gone); err != nil {
			return nil, fmt.Errorf("billing: plans: %w", err)
		}
		p.Retired = gone != 0
		if retired || !p.Retired {
			out = append(out, p)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("billing: plans: %w", err)
	}
	meters, err := readMeters(ctx, tx, "")
	for i := range out {
		out[i].Meters = meters[out[i].ID]
	}
	return out, err
}

func insertPlan(ctx context.Context, tx *store.Tx, p Plan) error {
	if _, err := tx.Exec(ctx, `INSERT INTO billing_plan (id, service, title, text, cents, currency, period, setup, exempt, exempt_code, retired) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)`,
		p.ID, p.Service, p.Title, p.Text, p.Cents, p.Currency, p.Period, p.Setup, p.Exempt, p.Code); err != nil {
		return fmt.Errorf("billing: plan: %w", err)
	}
	return nil
}

// exemptPlans returns why plans are exempt that are, by their ids, also of those that are
// retired: what was invoiced by them may be written again.
func exemptPlans(ctx context.Context, tx *store.Tx) (map[string]invoice.Exemption, error) {
	rows, err := tx.Query(ctx, `SELECT id, exempt, exempt_code FROM billing_plan WHERE exempt <> ''`)
	if err != nil {
		return nil, fmt.Errorf("billing: exempt: %w", err)
	}
	defer rows.Close()
	out := map[string]invoice.Exemption{}
	for rows.Next() {
		var id string
		var e invoice.Exemption
		if err := rows.Scan(&id, &e.Text, &e.Code); err != nil {
			return nil, fmt.Errorf("billing: exempt: %w", err)
		}
		out[id] = e
	}
	return out, rows.Err()
}

func retirePlan(ctx context.Context, tx *store.Tx, id string, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE billing_plan SET retired = $1 WHERE id = $2 AND retired = 0`, now.UnixMicro(), id)
	if err != nil {
		return false, fmt.Errorf("billing: retire: %w", err)
	}
	return n == 1, nil
}

// forget removes what is kept about a person but the invoices, which the law
// wants kept: those hold nothing of the person but sealed, under a key of their own.
func (b *Billing) forget(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	for _, q := range []string{
		`DELETE FROM billing_delivery WHERE event IN (SELECT id FROM billing_event WHERE subject = $1)`,
		`DELETE FROM billing_event WHERE subject = $1`,
		`DELETE FROM billing_hint WHERE subject = $1`,
		`DELETE FROM billing_address WHERE subject = $1`,
		`DELETE FROM billing_usage WHERE service IN (SELECT reference FROM billing_service WHERE subject = $1)`,
		`DELETE FROM billing_state WHERE service IN (SELECT reference FROM billing_service WHERE subject = $1)`,
		`DELETE FROM billing_service WHERE subject = $1`, `DELETE FROM billing_pending WHERE subject = $1`, `DELETE FROM billing_language WHERE subject = $1`,
		`DELETE FROM billing_previewed WHERE subject = $1`, `DELETE FROM billing_previewed_sum WHERE subject = $1`,
	} {
		if _, err := tx.Exec(ctx, q, s); err != nil {
			return fmt.Errorf("billing: forget: %w", err)
		}
	}
	if err := b.forgetAside(ctx, tx, s); err != nil {
		return err
	}
	return b.eraseCopies(ctx, tx, s)
}
