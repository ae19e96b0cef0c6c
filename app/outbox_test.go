package app

import (
	"testing"
	"time"

	"loot/store"
	"loot/store/storetest"
)

// TestTheOutboxForgets: nothing of a letter to a customer is left once their
// key is destroyed, whatever still holds the row, and no letter lies there for
// ever.
func TestTheOutboxForgets(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			ctx, a, w := simulated(t, url, nil)

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
				w.Clock.Advance(16 * 24 * time.Hour)
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
