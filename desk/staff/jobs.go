package staff

import (
	"context"
	"fmt"
	"time"

	"loot/job"
	"loot/store"
)

// countJob brings the tallies of openings up to date.
type countJob struct{}

// Kind names the job.
func (countJob) Kind() string { return "staff.count" }

// sweepJob removes proposals that nobody approved.
type sweepJob struct{}

// Kind names the job.
func (sweepJob) Kind() string { return "staff.sweep" }

const (
	countEvery = 10 * time.Minute
	// proposalLife is longer than an approval can wait.
	proposalLife = 7 * 24 * time.Hour
	// tallyKept is how long it is kept who opened how much.
	tallyKept = 400
)

func (d *Desk) register() {
	job.Register(d.kit.Jobs, d.countDays, job.Timeout(10*time.Minute))
	d.kit.Jobs.Periodic(countEvery, countJob{})
	job.Register(d.kit.Jobs, d.writeReview, job.MaxAttempts(10))
	job.Register(d.kit.Jobs, d.sweep)
	d.kit.Jobs.Periodic(dayLength, sweepJob{})
	d.kit.Jobs.Listen("approval.given", "staff", d.approved)
	d.kit.Jobs.Listen("approval.given", "staff.tell", d.tellAsker, job.MaxAttempts(10))
}

func (d *Desk) sweep(ctx context.Context, _ sweepJob) error {
	now := d.kit.Now()
	return d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM staff_account WHERE state = 'proposed' AND made < $1`, now.Add(-proposalLife).UnixMicro()); err != nil {
			return fmt.Errorf("staff: sweep: %w", err)
		}
		for _, q := range []string{
			`DELETE FROM staff_tally WHERE day < $1`, `DELETE FROM staff_alarm WHERE day < $1`, `DELETE FROM staff_hours WHERE day < $1`,
			`DELETE FROM staff_review_note WHERE review IN (SELECT id FROM staff_review WHERE day < $1 AND closed > 0)`, `DELETE FROM staff_review WHERE day < $1 AND closed > 0`,
		} {
			if _, err := tx.Exec(ctx, q, int64(dayOf(now).before(tallyKept))); err != nil {
				return fmt.Errorf("staff: sweep: %w", err)
			}
		}
		return nil
	})
}
