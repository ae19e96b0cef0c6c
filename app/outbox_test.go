package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"loot/desk"
	"loot/store"
	"loot/store/storetest"
)

// TestTheOutboxForgets: nothing of a letter to a customer is left once their
// key is destroyed, whatever still holds the row, and no letter lies there for
// ever.
func TestTheOutboxForgets(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			clock := desk.NewClock(time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC))
			a, err := New(ctx, Config{
				Data: filepath.Join(t.TempDir(), "data"), Store: url(t), Keys: url(t), BaseURL: "https://loot.example", From: "Loot <no-reply@loot.example>",
			}, Options{Now: clock.Now, Simulated: true, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			w, wait, err := a.world(ctx, clock)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				stop()
				if err := wait(); err != nil {
					t.Error(err)
				}
			}()

			s, err := w.NewPerson(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Drain(ctx); err != nil {
				t.Fatal(err)
			}
			letters, err := a.outbox.List(ctx, "", 10)
			if err != nil || len(letters) == 0 || letters[0].About != s || letters[0].To == "" || letters[0].Erased {
				t.Fatalf("%+v %v", letters, err)
			}
			if err := a.Keyring.Destroy(ctx, s, "customer"); err != nil {
				t.Fatal(err)
			}
			letters, err = a.outbox.List(ctx, "", 10)
			if err != nil || len(letters) == 0 || !letters[0].Erased || letters[0].To != "" || letters[0].Text != "" {
				t.Errorf("after the erasure: %+v %v", letters, err)
			}

			for _, want := range []int{len(letters), 0} { // after 16 days and after 32
				clock.Advance(16 * 24 * time.Hour)
				if err := w.DB.InTx(ctx, func(tx *store.Tx) error { return a.Jobs.Enqueue(ctx, tx, sweepOutbox{}) }); err != nil {
					t.Fatal(err)
				}
				if err := w.Drain(ctx); err != nil {
					t.Fatal(err)
				}
				if letters, err := a.outbox.List(ctx, "", 10); len(letters) != want || err != nil {
					t.Errorf("%d letters instead of %d, %v", len(letters), want, err)
				}
			}
		})
	}
}
