package safety

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
)

// What reports call cases, and why they go.
const (
	lapsing = "Cases of misuse and disputes"
	whyOver = "the case is over for as long as its purpose keeps it"
)

// sweepSize is how many cases are erased by one transaction.
const sweepSize = 100

// keptFor is how long a case is kept once it is closed.
func keptFor(s *statement.Statement, what string) statement.Span {
	p, _ := s.Purpose(purposeOf(what))
	return p.Keep
}

// goes returns when a case that is closed goes.
func (c matter) goes(kept statement.Span) time.Time { return kept.After(c.Closed.UTC()) }

type sweepArgs struct{}

// Kind names the job.
func (sweepArgs) Kind() string { return "safety.sweep" }

// sweep erases the cases whose time is over, with what reporters gave.
func (d *Safety) sweep(ctx context.Context, _ sweepArgs) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	now := d.Now()
	if err := d.sweepHeld(ctx); err != nil {
		return err
	}
	for _, what := range []string{anAbuse, aDispute} {
		kept, at, after := keptFor(s, what), int64(0), ""
		for n := sweepSize; n == sweepSize; {
			if err := d.Gate.InTx(ctx, func(tx *store.Tx) error {
				closed, err := cases(ctx, tx, `what = $1 AND closed > 0 AND closed <= $2 AND (closed, id) > ($3, $4) ORDER BY closed, id LIMIT $5`+tx.ForUpdate(), what, kept.AboutBefore(now).UnixMicro(), at, after, sweepSize)
				if n = len(closed); err != nil || n == 0 {
					return err
				}
				at, after = closed[n-1].Closed.UnixMicro(), closed[n-1].ID
				held, err := d.end(ctx, tx, slices.DeleteFunc(closed, func(c matter) bool { return c.goes(kept).After(now) }))
				if err != nil {
					return err
				}
				for _, c := range held {
					if err := setAside(ctx, tx, c); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				return err
			}
		}
	}
	for _, q := range []string{`DELETE FROM safety_link WHERE expires < $1`, `DELETE FROM safety_turn WHERE at < $1`} {
		if _, err := d.DB.Exec(ctx, q, now.AddDate(0, 0, -30).UnixMicro()); err != nil {
			return fmt.Errorf("safety: sweep: %w", err)
		}
	}
	return nil
}

// sweepHeld erases the cases that were held, and are not any longer.
func (d *Safety) sweepHeld(ctx context.Context) error {
	after := ""
	for n := sweepSize; n == sweepSize; {
		if err := d.Gate.InTx(ctx, func(tx *store.Tx) error {
			aside, err := readCases(ctx, tx, `aside = 1 AND id > $1 ORDER BY id LIMIT $2`+tx.ForUpdate(), after, sweepSize)
			if n = len(aside); err != nil || n == 0 {
				return err
			}
			after = aside[n-1].ID
			_, err = d.end(ctx, tx, aside)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// end erases cases whose time is over, and returns those that an order to preserve holds
// of their customer or of somebody who reported them.
func (d *Safety) end(ctx context.Context, tx *store.Tx, over []matter) (held []matter, err error) {
	about := map[string][]loot.Subject{}
	var people []loot.Subject
	for _, c := range over {
		if about[c.ID], err = reportersOf(ctx, tx, c.ID); err != nil {
			return nil, err
		}
		about[c.ID] = append(about[c.ID], c.Subject)
		people = append(people, about[c.ID]...)
	}
	stay, err := d.Gate.Stays(ctx, tx, name, reporters, people)
	if err != nil {
		return nil, err
	}
	for _, c := range over {
		if slices.ContainsFunc(about[c.ID], stay.Of) {
			held = append(held, c)
		} else if err := d.erase(ctx, tx, c); err != nil {
			return nil, err
		}
	}
	return held, d.Held(ctx, tx, name, lapsing, stay.Clause, stay.Needed, len(held))
}

func reportersOf(ctx context.Context, tx *store.Tx, id string) (out []loot.Subject, err error) {
	rows, err := tx.Query(ctx, `SELECT DISTINCT r.subject FROM safety_about a JOIN safety_report r ON r.id = a.report WHERE a.matter = $1 AND r.subject <> ''`, id)
	if err != nil {
		return nil, fmt.Errorf("safety: reporters: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s loot.Subject
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("safety: reporters: %w", err)
		}
		out = append(out, s)
	}
	return out, errors.Join(rows.Err(), rows.Close())
}

// setAside keeps a case where nobody sees it, whoever may: no link leads there, and what
// was reported in it and in no other counts as new when it comes again.
func setAside(ctx context.Context, tx *store.Tx, c matter) error {
	if _, err := tx.Exec(ctx, `UPDATE safety_case SET aside = 1 WHERE id = $1`, c.ID); err != nil {
		return fmt.Errorf("safety: aside: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM safety_link WHERE matter = $1`, c.ID); err != nil {
		return fmt.Errorf("safety: aside: %w", err)
	}
	rows, err := tx.Query(ctx, `SELECT a.report FROM safety_about a WHERE a.matter = $1
		AND NOT EXISTS (SELECT 1 FROM safety_about b JOIN safety_case c ON c.id = b.matter WHERE b.report = a.report AND c.aside = 0)`, c.ID)
	if err != nil {
		return fmt.Errorf("safety: aside: %w", err)
	}
	defer rows.Close()
	var alone []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("safety: aside: %w", err)
		}
		alone = append(alone, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("safety: aside: %w", err)
	}
	for _, id := range alone {
		if _, err := tx.Exec(ctx, `UPDATE safety_report SET digest = $1 WHERE id = $2`, []byte(id), id); err != nil {
			return fmt.Errorf("safety: aside: %w", err)
		}
	}
	return nil
}

// erase erases a case, and each report that is in no other.
func (d *Safety) erase(ctx context.Context, tx *store.Tx, c matter) error {
	for {
		list, err := reportsOf(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		for _, f := range list {
			if err := d.leave(ctx, tx, f); err != nil {
				return err
			}
		}
		if len(list) < mostShown {
			break
		}
	}
	for _, q := range []string{
		`DELETE FROM safety_note WHERE matter = $1`, `DELETE FROM safety_judgment WHERE matter = $1`, `DELETE FROM safety_link WHERE matter = $1`, `DELETE FROM safety_case WHERE id = $1`,
	} {
		if _, err := tx.Exec(ctx, q, c.ID); err != nil {
			return fmt.Errorf("safety: erase: %w", err)
		}
	}
	return d.Erased(ctx, tx, name, desk.Lapse{What: lapsing, Why: whyOver, Clause: Keeps[0], Count: 1})
}

// leave takes a report out of its case, and erases it if that was its last.
func (d *Safety) leave(ctx context.Context, tx *store.Tx, f filed) error {
	if _, err := tx.Exec(ctx, `DELETE FROM safety_about WHERE id = $1`, f.about); err != nil {
		return fmt.Errorf("safety: erase: %w", err)
	}
	var left int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM safety_about WHERE report = $1`, f.ID).Scan(&left); err != nil {
		return fmt.Errorf("safety: erase: %w", err)
	}
	if left > 0 {
		return nil
	}
	if f.Subject != "" {
		if err := d.eraseReport(ctx, tx, d.actor(), f.ID, f.Subject); err != nil {
			return err
		}
	}
	for _, q := range []string{`DELETE FROM safety_link WHERE report = $1`, `DELETE FROM safety_evidence WHERE report = $1`, `DELETE FROM safety_report WHERE id = $1`} {
		if _, err := tx.Exec(ctx, q, f.ID); err != nil {
			return fmt.Errorf("safety: erase: %w", err)
		}
	}
	return nil
}

// lapses foretells which cases go up to a time.
func (d *Safety) lapses(ctx context.Context, tx *store.Tx, until time.Time) ([]desk.Lapse, error) {
	s, err := d.inForce()
	if err != nil {
		return nil, err
	}
	days := map[time.Time]int{}
	for _, what := range []string{anAbuse, aDispute} {
		kept := keptFor(s, what)
		closed, err := readCases(ctx, tx, `what = $1 AND closed > 0 AND closed <= $2`, what, kept.AboutBefore(until).UnixMicro())
		if err != nil {
			return nil, err
		}
		for _, c := range closed {
			if at := c.goes(kept); !at.After(until) {
				days[desk.DayOf(at)]++
			}
		}
	}
	var out []desk.Lapse
	for day, n := range days {
		out = append(out, desk.Lapse{Day: day, What: lapsing, Why: whyOver, Clause: Keeps[0], Count: n})
	}
	return out, nil
}

// forget leaves nothing about a person who is erased: a customer's cases keep what is
// counted, and a report loses its sender.
func (d *Safety) forget(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	const theirs = `(SELECT id FROM safety_case WHERE subject = $1)`
	for _, q := range []string{
		`DELETE FROM safety_note WHERE matter IN ` + theirs, `DELETE FROM safety_judgment WHERE matter IN ` + theirs, `DELETE FROM safety_link WHERE matter IN ` + theirs,
	} {
		if _, err := tx.Exec(ctx, q, s); err != nil {
			return fmt.Errorf("safety: forget: %w", err)
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE safety_case SET subject = '', service = '', mark = $1, outcome = CASE WHEN closed = 0 THEN $2 ELSE outcome END,
		appealed = CASE WHEN decided = 0 THEN 0 ELSE appealed END, closed = CASE WHEN closed = 0 THEN $3 ELSE closed END, version = version + 1 WHERE subject = $4`,
		[]byte{}, gone, d.Now().UnixMicro(), s); err != nil {
		return fmt.Errorf("safety: forget: %w", err)
	}
	rows, err := tx.Query(ctx, `SELECT id FROM safety_report WHERE subject = $1`, s)
	if err != nil {
		return fmt.Errorf("safety: forget: %w", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("safety: forget: %w", err)
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("safety: forget: %w", err)
	}
	for _, id := range ids {
		if err := forgetSender(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}

// An exportedCase is a case in a customer's copy. Who reported it is not theirs to know.
type exportedCase struct {
	Number    string             `json:"number"`
	Reference string             `json:"reference"` // as letters have it
	What      string             `json:"what"`
	Kind      string             `json:"kind"`
	Service   string             `json:"service,omitempty"`
	Opened    time.Time          `json:"opened"`
	Closed    time.Time          `json:"closed,omitzero"`
	Outcome   string             `json:"outcome,omitempty"`
	Measure   string             `json:"measure,omitempty"`
	Said      []exportedNote     `json:"said,omitempty"`
	Judgments []exportedJudgment `json:"judgments,omitempty"`
}

type exportedNote struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
}

type exportedJudgment struct {
	At        time.Time `json:"at"`
	Appeal    bool      `json:"appeal,omitempty"`
	Outcome   string    `json:"outcome"`
	Measure   string    `json:"measure,omitempty"`
	Rule      string    `json:"rule,omitempty"`
	Facts     string    `json:"facts"`
	Reasons   string    `json:"reasons"`
	Automated bool      `json:"found_by_a_program"`
}

// export returns a customer's cases.
func (d *Safety) export(ctx context.Context, tx *store.Tx, s loot.Subject) (any, error) {
	list, err := cases(ctx, tx, `subject = $1 ORDER BY opened, id`, s)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	var out []exportedCase
	for _, c := range list {
		e := exportedCase{Number: c.ID, Reference: c.Reference(), What: c.What, Kind: c.Kind, Service: c.Service, Opened: c.Opened, Closed: c.Closed, Outcome: c.Outcome, Measure: c.Measure}
		notes, err := d.notes.Of(ctx, tx, c.ID)
		if err != nil {
			return nil, err
		}
		for _, n := range notes {
			e.Said = append(e.Said, exportedNote{n.At, n.Kind, n.Text})
		}
		js, err := d.judgments(ctx, tx, `matter = $1 ORDER BY at, id`, c.ID)
		if err != nil {
			return nil, err
		}
		for _, j := range js {
			e.Judgments = append(e.Judgments, exportedJudgment{j.At, j.Appeal, j.Outcome, j.Measure, j.Because.Rule, j.Because.Facts, j.Because.Reasons, j.Automated})
		}
		out = append(out, e)
	}
	return out, nil
}
