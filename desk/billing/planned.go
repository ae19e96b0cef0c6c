package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"loot"
	"loot/store"
)

// NewPlan is the reason of a step by which a service gets another plan.
const NewPlan Reason = "plan"

// servicePlanned is what webhooks are told when it does, before the month comes.
const servicePlanned = "service.planned"

// planIn is, in a query, the plan that the service s has in a month, which is the
// parameter of a number. What was said last counts.
func planIn(parameter int) string {
	return fmt.Sprintf(`COALESCE((SELECT h.plan FROM billing_state h WHERE h.service = s.reference AND h.month <> '' AND h.month <= $%d ORDER BY h.sequence DESC LIMIT 1), s.plan)`, parameter)
}

// replanAs gives a service the plan that a form or a program asks for.
func (b *Billing) replanAs(ctx context.Context, tx *store.Tx, one Service, asked url.Values, by loot.Actor) error {
	if one.State != Ended { // which gets none, and for which there is no form
		form, err := b.plannedFields(ctx, tx, one)
		if err != nil {
			return err
		}
		if err := form.Check(asked); err != nil {
			return err
		}
	}
	return b.replan(ctx, tx, one, asked.Get("plan"), Month(asked.Get("from")), asked.Get("ticket"), by)
}

// replan gives a service another plan from the first day of a month on. No month is
// divided and none that is invoiced changes, so that nothing is charged twice.
func (b *Billing) replan(ctx context.Context, tx *store.Tx, one Service, plan string, from Month, ticket string, by loot.Actor) error {
	if one.State == Ended {
		return loot.Errorf(loot.Conflict, "A service that has ended keeps its plan.")
	}
	plans, err := readPlans(ctx, tx, one.Service, false)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(plans, func(p Plan) bool { return p.ID == plan }) {
		return loot.Errorf(loot.Conflict, "This plan cannot be chosen for the service any more.")
	}
	// The drawing of the month waits until this is written down, or is waited for.
	if _, err := openMonth(ctx, tx, from); err != nil {
		return err
	}
	months, err := b.monthsAhead(ctx, tx, one)
	if err != nil {
		return err
	}
	if !slices.Contains(months, from) {
		return loot.Errorf(loot.Conflict, "The plan cannot change from %s on: the month is invoiced, or just being drawn.", from)
	}
	had, err := planFor(ctx, tx, one.Reference, from)
	if err != nil {
		return err
	}
	if had == plan {
		return loot.Errorf(loot.Conflict, "The service has this plan in %s anyway. Choose another plan, or the month in which it has another.", from)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO billing_state (service, sequence, at, state, reason, ticket, kind, author, plan, month)
		SELECT $1, COALESCE(MAX(sequence), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9 FROM billing_state WHERE service = $1`,
		one.Reference, b.Now().UnixMicro(), string(one.State), string(NewPlan), ticket, string(by.Kind), by.ID, plan, string(from)); err != nil {
		return fmt.Errorf("billing: plan: %w", err)
	}
	if err := b.Gate.NoteAbout(ctx, tx, one.Subject, collection, by, "service.plan", Keeps[0]); err != nil {
		return err
	}
	return b.tellHooks(ctx, tx, servicePlanned, eventData{
		Service: one.Reference, Customer: one.Subject, Kind: one.Service, Plan: plan, Former: had, From: from, State: one.State, Reason: NewPlan,
	})
}

// planFor returns the plan that a service has in a month; empty: none.
func planFor(ctx context.Context, tx *store.Tx, reference string, m Month) (had string, err error) {
	if err := tx.QueryRow(ctx, `SELECT `+planIn(1)+` FROM billing_service s WHERE s.reference = $2`, string(m), reference).Scan(&had); err != nil {
		return "", fmt.Errorf("billing: plan: %w", err)
	}
	return had, nil
}

// How many months ahead a plan can be set, and how many are offered at most.
const (
	monthsPlanned = 12
	mostMonths    = 60
)

// monthsAhead returns the months from which on a service can get another plan: those
// after the last one that its customer has an invoice for, but none that is just
// being drawn.
func (b *Billing) monthsAhead(ctx context.Context, tx *store.Tx, one Service) (out []Month, err error) {
	at := b.seller.place()
	first := monthOf(one.chargedSince(), at)
	var last sql.NullString
	if err := tx.QueryRow(ctx, `SELECT MAX(began) FROM billing_invoice WHERE subject = $1 AND kind = '380'`, one.Subject).Scan(&last); err != nil {
		return nil, fmt.Errorf("billing: months: %w", err)
	}
	if last.Valid {
		first = max(first, Month(last.String[:7]).after())
	}
	var running string
	err = tx.QueryRow(ctx, `SELECT month FROM billing_run WHERE done = 0 ORDER BY month DESC LIMIT 1`).Scan(&running)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("billing: months: %w", err)
	}
	if running != "" {
		first = max(first, Month(running).after())
	}
	m := b.thisMonth()
	for range monthsPlanned {
		m = m.after()
	}
	m = max(m, monthOf(one.chargedSince(), at)) // of what is invoiced further ahead
	for ; m >= first && len(out) < mostMonths; m = m.before() {
		out = append(out, m)
	}
	slices.Reverse(out)
	return out, nil
}

// openMonth keeps a month from being drawn until the transaction ends, and reports
// whether it was not before.
func openMonth(ctx context.Context, tx *store.Tx, m Month) (bool, error) {
	if _, err := tx.Exec(ctx, `INSERT INTO billing_month (month, closed) VALUES ($1, 0) ON CONFLICT (month) DO NOTHING`, string(m)); err != nil {
		return false, fmt.Errorf("billing: month: %w", err)
	}
	var closed int64
	if err := tx.QueryRow(ctx, `SELECT closed FROM billing_month WHERE month = $1`+tx.ForShare(), string(m)).Scan(&closed); err != nil {
		return false, fmt.Errorf("billing: month: %w", err)
	}
	return closed == 0, nil
}

// plannedFor returns the plans that customers' services got later, each with when,
// by their references and in the order in which they were said.
func plannedFor(ctx context.Context, tx *store.Tx, who []loot.Subject, at *time.Location) (map[string][]use, error) {
	rows, err := tx.Query(ctx, `SELECT h.service, h.month, p.id, p.title, p.cents, p.currency, p.period, p.setup
		FROM billing_state h JOIN billing_service s ON s.reference = h.service JOIN billing_plan p ON p.id = h.plan
		WHERE h.month <> '' AND `+among("s.subject", 1, who)+` ORDER BY h.service, h.sequence`, asked(who)...)
	if err != nil {
		return nil, fmt.Errorf("billing: planned: %w", err)
	}
	defer rows.Close()
	out := map[string][]use{}
	for rows.Next() {
		var u use
		var m Month
		if err := rows.Scan(&u.Reference, &m, &u.plan, &u.text, &u.cents, &u.currency, &u.each, &u.setup); err != nil {
			return nil, fmt.Errorf("billing: planned: %w", err)
		}
		u.Since, _ = m.span(at)
		out[u.Reference] = append(out[u.Reference], u)
	}
	return out, rows.Err()
}

// parted divides a service by the plans that it had: each is charged as if the service
// ended with one and began with the next, but for what it costs to set it up.
func (u use) parted(later []use) []use {
	out := []use{u}
	for _, next := range later {
		from := next.Since
		if !u.Ended.IsZero() && !from.Before(u.Ended) {
			continue // it had ended before
		}
		next.Service, next.came = u.Service, u.came
		if from.After(u.Since) {
			next.Since, next.setup = from, 0
		}
		for len(out) > 0 && !out[len(out)-1].Since.Before(next.Since) {
			out = out[:len(out)-1] // what was said later counts
		}
		if n := len(out); n > 0 {
			out[n-1].Ended = next.Since
		}
		out = append(out, next)
	}
	return out
}

// sinceTaken leaves out of the parts of a service what lies before it was taken over,
// as setting it up does.
func sinceTaken(parts []use, at time.Time) []use {
	parts = slices.DeleteFunc(parts, func(u use) bool { return !u.Ended.IsZero() && !u.Ended.After(at) })
	for i := range parts {
		if parts[i].Since.Before(at) {
			parts[i].Since, parts[i].setup = at, 0
		}
	}
	return parts
}

// within leaves of the parts of a service those that something of a month is charged
// of: that of a plan which ended as the month began is, as the rest of its year is.
// What was counted is charged by the plan of the month.
func within(parts []use, from, to time.Time, all []counted) []use {
	parts = slices.DeleteFunc(parts, func(u use) bool {
		over := !u.Ended.IsZero() && !u.Ended.After(from)
		return !u.Since.Before(to) || over && (u.Ended.Before(from) || u.each == "")
	})
	if len(parts) > 0 {
		parts[len(parts)-1].counted = all
	}
	return parts
}

// coming returns the next plan other than its present one that a service gets in a month
// to come, by its history, latest first; nil: none. What was said after a step of the same
// month or an earlier one counts in its place.
func coming(steps []Step, now Month, present string) (next *Step) {
	least := Month("")
	for i, s := range steps {
		if s.From == "" || least != "" && s.From >= least {
			continue
		}
		if least = s.From; s.From <= now {
			break
		}
		if s.PlanID != present {
			next = &steps[i]
		}
	}
	return next
}
