package app

import (
	"strings"
	"testing"
	"time"

	"loot"
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

// TestALetterToACustomerNeedsTheUndertaking: whoever has not signed it is led
// to it, page and frame alike, and the customer sees the refusal and later the
// reading, each with its clause.
func TestALetterToACustomerNeedsTheUndertaking(t *testing.T) {
	ctx, a, w := simulated(t, storetest.SQLite, nil)
	s, err := w.NewPerson(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	letters, err := a.outbox.List(ctx, "", 10)
	if err != nil || len(letters) == 0 {
		t.Fatalf("%d letters, %v", len(letters), err)
	}
	path := "/console/outbox/" + letters[0].ID
	see := func(who loot.Actor, path string, status int, words ...string) {
		t.Helper()
		got, err := desk.Browser{World: w, Who: who}.Get(ctx, path)
		if err != nil || got.Status != status {
			t.Fatalf("%s: %d, %v", path, got.Status, err)
		}
		for _, word := range words {
			if !strings.Contains(got.Body.String(), word) {
				t.Errorf("%s does not show %q", path, word)
			}
		}
	}
	for _, signed := range []bool{false, true} {
		admin, err := w.NewStaff(ctx, signed, "administrator")
		if err != nil {
			t.Fatal(err)
		}
		if !signed {
			see(admin, path, 403, "security.staff", `href="/console/undertaking"`)
			see(admin, path+"/html", 403)
			continue
		}
		see(admin, path, 200, "As text")
		see(admin, path+"/html", 200)
	}
	see(loot.Actor{Kind: loot.Person, ID: string(s)}, "/portal/timeline", 200, "Refused: reading a letter to you", "Read a letter to you", `href="/statement#security.staff"`)
}
