package job

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/riverqueue/river/rivermigrate"

	"loot/store/storetest"
)

// TestAQueueOfAnEarlierVersionIsBroughtUp goes back by as many versions of
// River's tables as go back, and up again: its migrations must find all that
// they change, also what we drop.
func TestAQueueOfAnEarlierVersionIsBroughtUp(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			c, err := New(storetest.Open(t, url(t), nil), Options{Log: slog.New(slog.DiscardHandler), Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Migrate(ctx); err != nil {
				t.Fatal(err)
			}
			for steps := 1; steps <= 3; steps++ {
				if err := c.queue.(interface {
					back(ctx context.Context, steps int) error
				}).back(ctx, steps); err != nil {
					t.Fatalf("%d back: %v", steps, err)
				}
				if err := c.Migrate(ctx); err != nil {
					t.Fatalf("%d up: %v", steps, err)
				}
			}
		})
	}
}

func (q *on[T]) back(ctx context.Context, steps int) error {
	m, err := rivermigrate.New(q.driver, nil)
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionDown, &rivermigrate.MigrateOpts{MaxSteps: steps})
	return err
}
