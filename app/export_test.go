package app

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"loot/desk"
	"loot/statement"
)

// WorldFor builds a whole Loot for a test, until it ends.
func WorldFor(t testing.TB, s *statement.Statement, clock *desk.Clock, log *slog.Logger) *desk.World {
	t.Helper()
	w, end, err := NewWorld(t.Context(), t.TempDir(), s, clock, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return w
}

// MutateOne removes one thing of a statement, as [Mutate] does with each.
func MutateOne(ctx context.Context, s *statement.Statement, what string, now time.Time) (Mutation, error) {
	for _, c := range cuts(s, nil) {
		if c.what == what {
			return try(ctx, c, genericProofs(s), false, now)
		}
	}
	return Mutation{}, errors.New("there is no such thing to remove")
}
