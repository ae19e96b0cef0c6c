package app

import (
	"log/slog"
	"testing"

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
