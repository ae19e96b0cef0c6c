package store_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"testing"
	"testing/fstest"

	"loot"
	"loot/store"
	"loot/store/storetest"
)

var notes = map[string]fs.FS{"note": fstest.MapFS{"1_note.sql": {Data: []byte(`-- +goose Up
CREATE TABLE note_note (
	id   TEXT PRIMARY KEY,
	n    BIGINT NOT NULL,
	body @BYTES@
);
-- +goose Down
DROP TABLE note_note;
`)}}}

func put(ctx context.Context, tx *store.Tx, id string, n int) error {
	_, err := tx.Exec(ctx, "INSERT INTO note_note (n, id, body) VALUES ($2, $1, $3)", id, n, []byte(id))
	return err
}

func ids(t *testing.T, db *store.DB) []string {
	t.Helper()
	var all []string
	err := db.ReadTx(t.Context(), func(tx *store.Tx) error {
		all = nil
		rows, err := tx.Query(t.Context(), "SELECT id FROM note_note ORDER BY id")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			all = append(all, id)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatIsCommittedIsThere(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		var after []string
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			tx.AfterCommit(func() { after = append(after, "committed") })
			tx.AfterRollback(func() { after = append(after, "rolled back") })
			return put(ctx, tx, "a", 1)
		}); err != nil {
			t.Fatal(err)
		}
		if got := ids(t, db); !slices.Equal(got, []string{"a"}) {
			t.Errorf("got %v", got)
		}
		if !slices.Equal(after, []string{"committed"}) {
			t.Errorf("hooks: %v", after)
		}
	})
}

func TestAnErrorLeavesNothing(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		var after []string
		no := errors.New("no")
		err := db.InTx(ctx, func(tx *store.Tx) error {
			tx.AfterCommit(func() { after = append(after, "committed") })
			tx.AfterRollback(func() { after = append(after, "rolled back") })
			if err := put(ctx, tx, "a", 1); err != nil {
				return err
			}
			return no
		})
		if !errors.Is(err, no) {
			t.Errorf("got %v, want the function's error", err)
		}
		if got := ids(t, db); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
		if !slices.Equal(after, []string{"rolled back"}) {
			t.Errorf("hooks: %v", after)
		}
	})
}

func TestConcurrentTransactionsAreApart(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		var want []string
		var wg sync.WaitGroup
		for i := range 64 {
			id := string(rune('0'+i/10)) + string(rune('0'+i%10))
			if i%3 != 0 {
				want = append(want, id)
			}
			wg.Go(func() {
				defer func() { recover() }()
				err := db.InTx(ctx, func(tx *store.Tx) error {
					if err := put(ctx, tx, id, i); err != nil {
						return err
					}
					switch {
					case i%6 == 0:
						panic("a fault")
					case i%3 == 0:
						return loot.Errorf(loot.Denied, "No.")
					}
					return nil
				})
				if (err != nil) != (i%3 == 0) {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if got := ids(t, db); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestReadTxCannotWrite(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		err := db.ReadTx(t.Context(), func(tx *store.Tx) error { return put(t.Context(), tx, "a", 1) })
		if err == nil {
			t.Error("a read transaction wrote")
		}
		if got := ids(t, db); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	})
}
