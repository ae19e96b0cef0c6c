package safety

import (
	"context"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
)

const whyOver = "the case is over for as long as its purpose keeps it"

// keptFor is how long a case is kept once it is closed.
func keptFor(s *statement.Statement, what string) time.Duration {
	p, _ := s.Purpose(purposeOf(what))
	return p.Retain
}

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
	for _, what := range []string{anAbuse, aDispute} {
		for {
			var over []matter
			if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
				over, err = cases(ctx, tx, `what = $1 AND closed > 0 AND closed <= $2 ORDER BY closed, id LIMIT 100`, what, now.Add(-keptFor(s, what)).UnixMicro())
				return err
			}); err != nil {
				return err
			}
			for _, c := range over {
				if err := d.erase(ctx, c); err != nil {
					return err
				}
			}
			if len(over) < 100 {
				break
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

// erase erases a case, and each report that is in no other.
func (d *Safety) erase(ctx context.Context, c matter) error {
	return d.Gate.InTx(ctx, func(tx *store.Tx) error {
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
		return d.Erased(ctx, tx, name, desk.Lapse{What: "Cases of misuse and disputes", Why: whyOver, Clause: Keeps[0], Count: 1})
	})
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
		rows, err := tx.Query(ctx, `SELECT closed FROM safety_case WHERE what = $1 AND closed > 0 AND closed <= $2`, what, until.Add(-kept).UnixMicro())
		if err != nil {
			return nil, fmt.Errorf("safety: lapses: %w", err)
		}
		for rows.Next() {
			var at int64
			if err := rows.Scan(&at); err != nil {
				return nil, errors.Join(err, rows.Close())
			}
			days[desk.DayOf(store.Instant(at).Add(kept))]++
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, fmt.Errorf("safety: lapses: %w", err)
		}
	}
	var out []desk.Lapse
	for day, n := range days {
		out = append(out, desk.Lapse{Day: day, What: "Cases of misuse and disputes", Why: whyOver, Clause: Keeps[0], Count: n})
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
