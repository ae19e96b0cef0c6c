package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
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

func TestAPanicLeavesNothingAndReachesTheCaller(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		rolledBack := false
		func() {
			defer func() {
				if v := recover(); v != "a fault" {
					t.Errorf("recovered %v", v)
				}
			}()
			db.InTx(t.Context(), func(tx *store.Tx) error {
				tx.AfterRollback(func() { rolledBack = true })
				if err := put(t.Context(), tx, "a", 1); err != nil {
					t.Error(err)
				}
				panic("a fault")
			})
		}()
		if got := ids(t, db); len(got) != 0 || !rolledBack {
			t.Errorf("left behind %v, hook ran: %v", got, rolledBack)
		}
	})
}

func TestATransactionIsNotUsedAfterItsEnd(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		var kept *store.Tx
		if err := db.InTx(ctx, func(tx *store.Tx) error { kept = tx; return nil }); err != nil {
			t.Fatal(err)
		}
		if err := put(ctx, kept, "late", 1); err == nil {
			t.Error("Exec worked after the end")
		}
		if _, err := kept.Query(ctx, "SELECT id FROM note_note"); err == nil {
			t.Error("Query worked after the end")
		}
		var n int
		if err := kept.QueryRow(ctx, "SELECT count(*) FROM note_note").Scan(&n); err == nil {
			t.Error("QueryRow worked after the end")
		}
		if got := ids(t, db); len(got) != 0 {
			t.Errorf("left behind %v", got)
		}
	})
}

func TestTextThatNotBothDatabasesKeepIsRefused(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		for _, text := range []string{"a\x00b", "a\xffb"} {
			err := db.InTx(t.Context(), func(tx *store.Tx) error { return put(t.Context(), tx, text, 1) })
			if loot.KindOf(err) != loot.Invalid {
				t.Errorf("%q: %v", text, err)
			}
			err = db.ReadTx(t.Context(), func(tx *store.Tx) error {
				var n int
				return tx.QueryRow(t.Context(), "SELECT count(*) FROM note_note WHERE id = $1", text).Scan(&n)
			})
			if loot.KindOf(err) != loot.Invalid {
				t.Errorf("%q in a query: %v", text, err)
			}
		}
	})
}

func TestArgumentsGoWhereTheirNumberSays(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		err := db.ReadTx(t.Context(), func(tx *store.Tx) error {
			var s string
			err := tx.QueryRow(t.Context(), "SELECT CAST($2 AS TEXT) || '-' || CAST($1 AS TEXT)", "a", "b").Scan(&s)
			if s != "b-a" {
				t.Errorf("got %q", s)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestASecondRowOfTheSameKeyIsKnown(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		err := db.InTx(t.Context(), func(tx *store.Tx) error {
			if err := put(t.Context(), tx, "a", 1); err != nil {
				return err
			}
			return put(t.Context(), tx, "a", 2)
		})
		if !store.IsUnique(err) {
			t.Errorf("got %v", err)
		}
		if store.IsUnique(nil) || store.IsUnique(errors.New("UNIQUE")) {
			t.Error("everything is taken for it")
		}
	})
}

func TestLockedRowsAreCountedOneAfterTheOther(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := db.InTx(ctx, func(tx *store.Tx) error { return put(ctx, tx, "counter", 0) }); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := db.InTx(ctx, func(tx *store.Tx) error {
					var n int64
					if err := tx.QueryRow(ctx, "SELECT n FROM note_note WHERE id = $1"+tx.ForUpdate(), "counter").Scan(&n); err != nil {
						return err
					}
					changed, err := tx.Exec(ctx, "UPDATE note_note SET n = $1 WHERE id = $2", n+1, "counter")
					if changed != 1 {
						t.Errorf("%d rows changed", changed)
					}
					return err
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if err := db.ReadTx(ctx, func(tx *store.Tx) error {
			var n int64
			err := tx.QueryRow(ctx, "SELECT n FROM note_note WHERE id = $1", "counter").Scan(&n)
			if n != 20 {
				t.Errorf("counted to %d", n)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}

func TestAReaderSeesOneMoment(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		count := func(tx *store.Tx) (n int) {
			if err := tx.QueryRow(ctx, "SELECT count(*) FROM note_note").Scan(&n); err != nil {
				t.Error(err)
			}
			return n
		}
		if err := db.ReadTx(ctx, func(tx *store.Tx) error {
			before := count(tx)
			written := make(chan error, 1)
			go func() {
				written <- db.InTx(ctx, func(w *store.Tx) error { return put(ctx, w, "meanwhile", 1) })
			}()
			if err := <-written; err != nil {
				return err
			}
			if after := count(tx); after != before {
				t.Errorf("%d rows, then %d", before, after)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
}

func panics(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("it does not panic")
		}
	}()
	f()
}

// Many rows go in statements of several sizes, and each is there with its values.
func TestManyAddedRows(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		const many = 2*128 + 3*8 + 5
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			for i := range many {
				tx.Add("INSERT INTO note_note (id, n) VALUES", fmt.Sprintf("%04d", i), i)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		var n, right int
		if err := db.ReadTx(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(ctx, "SELECT count(*), sum(CASE WHEN CAST(id AS BIGINT) = n THEN 1 ELSE 0 END) FROM note_note").Scan(&n, &right)
		}); err != nil || n != many || right != many {
			t.Errorf("%d rows, %d of them right, want %d: %v", n, right, many, err)
		}
	})
}

// Rows that are made when they go in are in as those that were made before, few and many;
// what one of them lacks is an error of the transaction, and nothing is in.
func TestRowsThatAreMadeLater(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		const insert = "INSERT INTO note_note (id, n) VALUES"
		undone := errors.New("undone")
		add := func(n int, odd func() ([]any, error)) error {
			return db.InTx(t.Context(), func(tx *store.Tx) error {
				for i := range n {
					switch {
					case i%3 == 0:
						tx.Add(insert, fmt.Sprintf("%04d", i), i)
					case i == 7 && odd != nil:
						tx.AddLater(insert, 2, odd)
					default:
						tx.AddLater(insert, 2, func() ([]any, error) { return []any{fmt.Sprintf("%04d", i), i}, nil })
					}
				}
				return nil
			})
		}
		for _, n := range []int{8, 2*64 + 9} {
			for name, odd := range map[string]func() ([]any, error){
				"fails":          func() ([]any, error) { return nil, undone },
				"fails with one": func() ([]any, error) { return []any{"0007", 7}, undone },
				"is too short":   func() ([]any, error) { return []any{"0007"}, nil },
				"is too long":    func() ([]any, error) { return []any{"0007", 7, 7}, nil },
				"panics":         func() ([]any, error) { panic("no") },
				"is there twice": func() ([]any, error) { return []any{"0001", 1}, nil },
				"holds no text":  func() ([]any, error) { return []any{"\xff", 1}, nil },
			} {
				err := add(n, odd)
				if err == nil || strings.HasPrefix(name, "fails") && !errors.Is(err, undone) {
					t.Errorf("of %d one %s: %v", n, name, err)
				}
				if got := ids(t, db); len(got) != 0 {
					t.Errorf("of %d one %s: %d are in", n, name, len(got))
				}
			}
		}
		if err := add(2*64+9, nil); err != nil {
			t.Fatal(err)
		}
		for i, id := range ids(t, db) {
			if id != fmt.Sprintf("%04d", i) {
				t.Fatalf("row %d is %s", i, id)
			}
		}
		if n := len(ids(t, db)); n != 2*64+9 {
			t.Errorf("%d rows", n)
		}
	})
}

// Rows that go in beside the function stand or fall with its transaction, and the
// next statement waits for them.
func TestRowsThatGoInBesideTheFunction(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		const insert = "INSERT INTO note_note (id, n) VALUES"
		undone := errors.New("undone")
		many := func(tx *store.Tx, from int) {
			for i := range 3 * 64 {
				tx.Add(insert, fmt.Sprintf("%04d", from+i), 1)
			}
		}
		for name, c := range map[string]struct {
			f    func(tx *store.Tx) error
			want func(error) bool
		}{
			"given up":   {func(tx *store.Tx) error { many(tx, 0); return undone }, func(err error) bool { return errors.Is(err, undone) }},
			"at its end": {func(tx *store.Tx) error { many(tx, 0); many(tx, 0); return nil }, store.IsUnique},
			"at a query": {func(tx *store.Tx) error {
				many(tx, 0)
				many(tx, 0)
				if err := tx.QueryRow(ctx, "SELECT 1").Scan(new(int)); !store.IsUnique(err) {
					t.Errorf("the next statement says %v", err)
				}
				return nil // as if it had not failed
			}, store.IsUnique},
			"no text": {func(tx *store.Tx) error {
				for i := range 64 {
					tx.Add(insert, fmt.Sprint("\xff", i), 1)
				}
				return nil
			}, func(err error) bool { return loot.KindOf(err) == loot.Invalid }},
		} {
			if err := db.InTx(ctx, c.f); !c.want(err) {
				t.Errorf("%s: %v", name, err)
			}
			if got := ids(t, db); len(got) != 0 {
				t.Errorf("%s: %d rows are left", name, len(got))
			}
		}
		panics(t, func() { _ = db.InTx(ctx, func(tx *store.Tx) error { many(tx, 0); panic("no") }) })
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			many(tx, 0)
			rows, err := tx.Query(ctx, "SELECT id FROM note_note ORDER BY id")
			if err != nil {
				return err
			}
			defer rows.Close()
			n := 0
			for rows.Next() {
				if n < 3*64 {
					tx.Add(insert, fmt.Sprintf("%04d", 3*64+n), 1) // they wait until what is read is closed
				}
				n++
				_, _ = tx.Context(ctx) // would wait for what goes in
			}
			if n != 3*64 {
				t.Errorf("a query after them and before others found %d", n)
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return err
			}
			many(tx, 6*64)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		const again = insert + " ON CONFLICT (id) DO UPDATE SET n = note_note.n + excluded.n"
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			for i := range 64 + 9 {
				tx.Add(again, fmt.Sprintf("%04d", i), 10)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		var all, changed int
		if err := db.ReadTx(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(ctx, "SELECT count(*), sum(CASE WHEN n = 11 THEN 1 ELSE 0 END) FROM note_note").Scan(&all, &changed)
		}); err != nil || all != 9*64 || changed != 64+9 {
			t.Errorf("%d rows, %d of them changed: %v", all, changed, err)
		}
	})
}

func TestWhatIsAddedIsThereAfterTheTransactionOrTheFlush(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		const insert = "INSERT INTO note_note (id, n) VALUES"
		var want []string
		for i := range 20 { // more than one statement's worth
			want = append(want, string(rune('a'+i)))
		}
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			for _, id := range want[:19] {
				tx.Add(insert, id, 1)
			}
			tx.Add("INSERT INTO note_note (n, id) VALUES", 1, want[19])
			var n int
			if err := tx.QueryRow(ctx, "SELECT count(*) FROM note_note").Scan(&n); err != nil || n != 0 {
				t.Errorf("before the end there are %d: %v", n, err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if got := ids(t, db); !slices.Equal(got, want) {
			t.Errorf("committed: %v", got)
		}
		undone := errors.New("undone")
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			tx.Add(insert, "x", 1)
			if err := tx.Flush(ctx); err != nil {
				return err
			}
			var n int
			if err := tx.QueryRow(ctx, "SELECT count(*) FROM note_note WHERE id = 'x'").Scan(&n); err != nil || n != 1 {
				t.Errorf("flushed, there are %d: %v", n, err)
			}
			tx.Add(insert, "y", 1)
			return undone
		}); !errors.Is(err, undone) {
			t.Error(err)
		}
		add := func(id string) func(*store.Tx) error {
			return func(tx *store.Tx) error { tx.Add(insert, id, 1); return nil }
		}
		for name, run := range map[string]func(context.Context, func(*store.Tx) error) error{"reading": db.ReadTx, "reading loosely": db.Read} {
			if err := run(ctx, add("z")); err == nil {
				t.Errorf("%s, a row was added and nobody said that it is lost", name)
			}
		}
		if err := db.InTx(ctx, add("a")); err == nil {
			t.Error("a row that is there already was added")
		}
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			tx.Add(insert, "q", 1)
			tx.Add(insert, "\xff", 1)
			if err := tx.Flush(ctx); err == nil {
				t.Error("what is no text was added")
			}
			return nil // as if it had not failed
		}); err == nil {
			t.Error("it was committed without what was to be added")
		}
		var past *store.Tx
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			past = tx
			tx.Add(insert, "q", 1)
			panics(t, func() { tx.Add(insert, "r") })
			return undone
		}); !errors.Is(err, undone) {
			t.Error(err)
		}
		panics(t, func() { past.Add(insert, "r", 1) })
		panics(t, func() { past.AddLater(insert, 2, func() ([]any, error) { return []any{"r", 1}, nil }) })
		n, err := db.Exec(ctx, "UPDATE note_note SET n = 2 WHERE id < $1", "d")
		if err != nil || n != 3 {
			t.Errorf("one statement changed %d rows: %v", n, err)
		}
		if got := ids(t, db); !slices.Equal(got, want) {
			t.Errorf("in the end: %v", got)
		}
	})
}

func TestWhatWaitsIsThereForTheNextStatementAndTheCommit(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		queue := func(tx *store.Tx, id string) error {
			return tx.Queue(ctx, "INSERT INTO note_note (id, n) VALUES ($1, $2)", id, 1)
		}
		count := func(tx *store.Tx) (n int, err error) {
			err = tx.QueryRow(ctx, "SELECT count(*) FROM note_note").Scan(&n)
			return n, err
		}
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			if err := errors.Join(queue(tx, "a"), queue(tx, "b")); err != nil {
				return err
			}
			if n, err := count(tx); err != nil || n != 2 {
				t.Errorf("the next statement sees %d rows: %v", n, err)
			}
			return queue(tx, "c")
		}); err != nil {
			t.Error(err)
		}
		if got := ids(t, db); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("committed: %v", got)
		}
		for name, f := range map[string]func(*store.Tx) error{
			"at the commit": func(tx *store.Tx) error { return errors.Join(queue(tx, "d"), queue(tx, "a")) },
			"at the next statement": func(tx *store.Tx) error {
				if err := errors.Join(queue(tx, "d"), queue(tx, "a")); err != nil {
					return err
				}
				_, err := count(tx)
				return err
			},
		} {
			committed, undone := false, false
			err := db.InTx(ctx, func(tx *store.Tx) error {
				tx.AfterCommit(func() { committed = true })
				tx.AfterRollback(func() { undone = true })
				return f(tx)
			})
			if !store.IsUnique(err) || committed || !undone {
				t.Errorf("%s: %v, committed %v, undone %v", name, err, committed, undone)
			}
		}
		if got := ids(t, db); len(got) != 3 {
			t.Errorf("left behind: %v", got)
		}
	})
}

func TestNothingIsWrittenWhereOneReads(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for name, read := range map[string]func(context.Context, func(*store.Tx) error) error{"Read": db.Read, "ReadTx": db.ReadTx} {
			if err := read(ctx, func(tx *store.Tx) error { return put(ctx, tx, "a", 1) }); err == nil {
				t.Errorf("%s: no error", name)
			}
			if err := read(ctx, func(tx *store.Tx) error {
				return tx.Queue(ctx, "INSERT INTO note_note (id, n) VALUES ('a', 1)")
			}); err == nil {
				t.Errorf("%s: no error for what waits", name)
			}
		}
		if got := ids(t, db); len(got) != 0 {
			t.Errorf("written: %v", got)
		}
	})
}

func TestPlaceholders(t *testing.T) {
	for want, got := range map[string]string{"": store.Placeholders(1, 0), "$1": store.Placeholders(1, 1), "$9,$10,$11": store.Placeholders(9, 3)} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
