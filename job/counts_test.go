package job_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"loot/job"
	"loot/store"
)

// TestCounts: what waits, what finished and what failed is told by kind, and
// what this program does not know under one name.
func TestCounts(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		r := newRecord()
		c := started(t, db, func(c *job.Client) {
			job.Register(c, func(_ context.Context, a greet) error {
				defer r.add(a.ID)
				if a.ID == "bad" {
					return errors.New("it fails")
				}
				return nil
			}, job.MaxAttempts(1))
		})
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			for _, id := range []string{"good", "bad"} {
				if err := c.Enqueue(ctx, tx, greet{ID: id}); err != nil {
					return err
				}
			}
			return c.Enqueue(ctx, tx, greet{ID: "later"}, job.At(time.Now().Add(time.Hour)))
		}); err != nil {
			t.Fatal(err)
		}
		r.wait(t, 2)
		if err := c.Idle(ctx); err != nil {
			t.Fatal(err)
		}
		got, err := c.Counts(ctx)
		if want := (job.Count{Finished: 1, Failed: 1, Waiting: 1, GaveUp: 1}); err != nil || len(got) != 1 || got["greet"] != want {
			t.Errorf("counts %+v, %v; want %+v", got, err, want)
		}
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE river_job SET kind = 'jo@example.com' WHERE state = 'scheduled'`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		got, err = c.Counts(ctx)
		if err != nil || len(got) != 2 || got["other"] != (job.Count{Waiting: 1}) || got["greet"].Waiting != 0 {
			t.Errorf("counts %+v, %v", got, err)
		}
	})
}
