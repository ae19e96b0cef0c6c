package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/job"
	"loot/store"
)

const (
	// approvalKept is how long an approval is kept after it could last be given
	// or used. The ledger's record of it stays.
	approvalKept = 90 * 24 * time.Hour
	forgetEvery  = 24 * time.Hour
)

// forgetJob removes approvals that are past.
type forgetJob struct{}

// Kind names the job.
func (forgetJob) Kind() string { return "gate.forget" }

// forgetApprovals has approvals go: those that name a person when the person is
// erased, and every other 90 days after it could last be given or used. What was
// begun stays until it has ended.
func (g *Gate) forgetApprovals() {
	g.Jobs.Listen("person.erased", "gate", func(ctx context.Context, id string) error { return g.forgetPerson(ctx, loot.Subject(id)) })
	job.Register(g.Jobs, g.forgetPast)
	g.Jobs.Periodic(forgetEvery, forgetJob{})
}

// forgetPerson looks into every approval, as what one is about is sealed and
// found by no column.
func (g *Gate) forgetPerson(ctx context.Context, s loot.Subject) error {
	var about []string
	var unread error
	if err := g.DB.ReadTx(ctx, func(tx *store.Tx) error {
		about, unread = nil, nil
		rows, err := tx.Query(ctx, `SELECT id, request FROM gate_approval WHERE state <> 'begun'`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			var request []byte
			if err := rows.Scan(&id, &request); err != nil {
				return err
			}
			plain, err := g.Sealer.Open(request, []byte(id))
			if err != nil { // the others go; it is tried again
				unread = fmt.Errorf("gate: approval %s: %w", id, err)
			}
			if bytes.Contains(plain, []byte(s)) {
				about = append(about, id)
			}
		}
		return rows.Err()
	}); err != nil {
		return fmt.Errorf("gate: approvals of a person: %w", err)
	}
	for _, id := range about {
		if err := g.DB.InTx(ctx, func(tx *store.Tx) error {
			// Whoever votes or begins just now has done so before, or finds nothing.
			n, err := tx.Exec(ctx, `UPDATE gate_approval SET state = 'used' WHERE id = $1 AND state <> 'begun'`, id)
			if err != nil || n == 0 {
				return err
			}
			return forget(ctx, tx, `id = $1`, id)
		}); err != nil {
			return errors.Join(err, unread)
		}
	}
	return unread
}

func (g *Gate) forgetPast(ctx context.Context, _ forgetJob) error {
	return g.DB.InTx(ctx, func(tx *store.Tx) error {
		return forget(ctx, tx, `state <> 'begun' AND expires < $1`, store.Micro(g.Now().Add(-approvalKept)))
	})
}

// forget removes the approvals that a condition takes, and the votes on them.
func forget(ctx context.Context, tx *store.Tx, which string, by any) error {
	for _, q := range []string{
		`DELETE FROM gate_vote WHERE approval IN (SELECT id FROM gate_approval WHERE ` + which + `)`,
		`DELETE FROM gate_approval WHERE ` + which,
	} {
		if _, err := tx.Exec(ctx, q, by); err != nil {
			return fmt.Errorf("gate: forget approvals: %w", err)
		}
	}
	return nil
}
