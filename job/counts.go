package job

import (
	"context"
	"fmt"
	"sync/atomic"

	"loot/store"
)

// runs counts what became of the runs of one kind in this process.
type runs struct{ finished, failed atomic.Int64 }

// A Count says what became of the jobs of one kind.
type Count struct {
	Finished int64 // runs in this process
	Failed   int64 // runs in this process; a job that failed runs again
	Waiting  int64 // jobs in the queue, whoever will run them
	Running  int64 // jobs, on every process
	GaveUp   int64 // jobs that failed for the last time within the last days
}

// Counts returns the counts of every kind that is registered. Jobs of other
// kinds, which another version of the program left, are counted under "other".
func (c *Client) Counts(ctx context.Context) (map[string]Count, error) {
	out := map[string]Count{}
	c.mu.Lock()
	for kind, r := range c.ran {
		out[kind] = Count{Finished: r.finished.Load(), Failed: r.failed.Load()}
	}
	c.mu.Unlock()
	var found map[string]Count
	err := c.db.ReadTx(ctx, func(tx *store.Tx) error {
		found = map[string]Count{}
		rows, err := tx.Query(ctx, `SELECT kind, CAST(state AS TEXT), count(*) FROM river_job
			WHERE state IN ('available', 'pending', 'scheduled', 'retryable', 'running', 'discarded') GROUP BY kind, state`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var kind, state string
			var n int64
			if err := rows.Scan(&kind, &state, &n); err != nil {
				return err
			}
			if _, ok := out[kind]; !ok {
				kind = "other"
			}
			f := found[kind]
			switch state {
			case "running":
				f.Running += n
			case "discarded":
				f.GaveUp += n
			default:
				f.Waiting += n
			}
			found[kind] = f
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("job: counts: %w", err)
	}
	for kind, f := range found {
		f.Finished, f.Failed = out[kind].Finished, out[kind].Failed
		out[kind] = f
	}
	return out, nil
}
