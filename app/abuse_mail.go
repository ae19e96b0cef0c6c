package app

import (
	"context"

	"loot/mail"
	"loot/store"
)

// reportedByMail takes a report of misuse that came by mail. The desk tells one
// that comes again by its id or its hash, so nothing is left to be written.
func (a *App) reportedByMail(ctx context.Context, m *mail.Received) (func(context.Context, *store.Tx) error, error) {
	return nil, a.safety.TakeMail(ctx, m.Open)
}
