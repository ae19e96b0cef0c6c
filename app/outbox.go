package app

import (
	"context"
	"time"
)

// outboxKept is how long a letter stays in the outbox.
const outboxKept = 30 * 24 * time.Hour

// sweepOutbox forgets letters that lay in the outbox for long.
type sweepOutbox struct{}

// Kind names the job.
func (sweepOutbox) Kind() string { return "mail.sweep" }

func (a *App) sweepOutbox(ctx context.Context, _ sweepOutbox) error {
	_, err := a.outbox.Sweep(ctx, a.Now().Add(-outboxKept))
	return err
}
