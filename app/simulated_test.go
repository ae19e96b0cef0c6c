package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"loot/desk"
)

// simulated is an installation on a clock that the test moves, and its world.
// The url makes a database, watch the witnesses of a ledger's key; nil: none. Set
// changes what is set.
func simulated(t *testing.T, url func(testing.TB) string, watch func(key string) []string, set ...func(*Config)) (context.Context, *App, *desk.World) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	clock := desk.NewClock(time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC))
	c := Config{Place: Place{Data: filepath.Join(t.TempDir(), "data"), Store: url(t), Keys: url(t)}, BaseURL: "https://loot.example", From: "Loot <no-reply@loot.example>"}
	for _, change := range set {
		change(&c)
	}
	o := Options{Now: clock.Now, Simulated: true, Log: slog.New(slog.DiscardHandler)}
	a, err := New(ctx, c, o)
	if err == nil && watch != nil {
		c.Witnesses = watch(a.Ledger.VerifierKey())
		a.Close()
		a, err = New(ctx, c, o)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	w, wait, err := a.world(ctx, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
	return ctx, a, w
}
