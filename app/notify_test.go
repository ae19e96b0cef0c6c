package app

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"loot/desk"
	"loot/statement"
)

// TestWhoeverARuleCanHaveToldIsTold: what a statement may name with @notify has a
// desk that listens; nobody is obliged to what the program does not do.
func TestWhoeverARuleCanHaveToldIsTold(t *testing.T) {
	s, err := statement.Parse("statement.md", statement.Default())
	if err != nil {
		t.Fatal(err)
	}
	w := WorldFor(t, s, desk.NewClock(time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)), slog.New(slog.DiscardHandler))
	kinds, err := w.Jobs.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(statement.Audiences()) == 0 {
		t.Fatal("a rule can have nobody told")
	}
	for _, who := range statement.Audiences() {
		heard := false
		for kind := range kinds {
			heard = heard || strings.HasPrefix(kind, "notify."+who+":")
		}
		if !heard {
			t.Errorf("no desk listens to the notice for %q, which the checker takes", who)
		}
	}
}
