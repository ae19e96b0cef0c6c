package app

import (
	"log/slog"
	"testing"

	"loot/desk"
	"loot/statement"
)

// NewWorld builds a whole Loot for a test, until it ends.
func NewWorld(t testing.TB, s *statement.Statement, clock *desk.Clock, log *slog.Logger) *desk.World {
	t.Helper()
	w, end, err := newWorld(t.Context(), t.TempDir(), s, clock, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return w
}
