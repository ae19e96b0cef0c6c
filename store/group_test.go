package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"modernc.org/sqlite"

	"loot"
)

// newFile returns a database of SQLite with a table t of one column.
func newFile(t *testing.T) (*DB, *sqliteDB) {
	t.Helper()
	db, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "a b#c%20.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.InTx(t.Context(), func(tx *Tx) error {
		_, err := tx.Exec(t.Context(), "CREATE TABLE t (id TEXT PRIMARY KEY)")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return db, db.e.(*sqliteDB)
}

func insert(tx *Tx, id string) error {
	_, err := tx.Exec(context.Background(), "INSERT INTO t (id) VALUES ($1)", id)
	return err
}

func count(t *testing.T, db *DB) (n int) {
	t.Helper()
	if err := db.ReadTx(context.Background(), func(tx *Tx) error {
		return tx.QueryRow(context.Background(), "SELECT count(*) FROM t").Scan(&n)
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// held begins a transaction that lasts until the function that is returned is
// called; callers who come meanwhile queue up behind it.
func held(t *testing.T, db *DB) (release func() error) {
	t.Helper()
	in, out, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- db.InTx(context.Background(), func(tx *Tx) error {
			close(in)
			<-out
			return insert(tx, "held")
		})
	}()
	<-in
	return func() error { close(out); return <-done }
}

// queued starts n callers of InTx and returns when all of them wait.
func queued(t *testing.T, n int, call func(i int)) *sync.WaitGroup {
	t.Helper()
	var wg sync.WaitGroup
	var waiting atomic.Int32
	for i := range n {
		wg.Go(func() {
			waiting.Add(1)
			call(i)
		})
	}
	for waiting.Load() < int32(n) {
		runtime.Gosched()
	}
	return &wg
}

func TestThoseWhoWaitShareACommit(t *testing.T) {
	db, s := newFile(t)
	var commits atomic.Int32
	conn, err := s.write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Raw(func(c any) error {
		c.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 { commits.Add(1); return 0 })
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	conn.Close()

	release := held(t, db)
	const callers = 100
	var failed atomic.Int32
	wg := queued(t, callers, func(i int) {
		err := db.InTx(context.Background(), func(tx *Tx) error {
			if err := insert(tx, fmt.Sprint(i)); err != nil || i%10 != 0 {
				return err
			}
			return errors.New("no")
		})
		if err != nil {
			failed.Add(1)
		}
	})
	if err := release(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if n := commits.Load(); n > callers/2 {
		t.Errorf("%d commits for %d callers", n, callers)
	}
	if n := failed.Load(); n != callers/10 {
		t.Errorf("%d failed, want %d", n, callers/10)
	}
	if n := count(t, db); n != callers*9/10+1 {
		t.Errorf("%d rows", n)
	}
}

// The first of a group has no savepoint; what it did is gone all the same, and so
// is that of the second who is then the first.
func TestWhenTheFirstFailTheOthersAreCommitted(t *testing.T) {
	db, _ := newFile(t)
	in, out, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	undone := errors.New("undone")
	go func() {
		done <- db.InTx(context.Background(), func(tx *Tx) error {
			close(in)
			<-out
			return errors.Join(insert(tx, "first"), undone)
		})
	}()
	<-in
	var turn, failed atomic.Int32
	wg := queued(t, 20, func(i int) {
		err := db.InTx(context.Background(), func(tx *Tx) error {
			if n := turn.Add(1); n == 1 || n == 5 {
				return errors.Join(insert(tx, fmt.Sprint("failed", i)), undone)
			}
			return insert(tx, fmt.Sprint(i))
		})
		if errors.Is(err, undone) {
			failed.Add(1)
		} else if err != nil {
			t.Error(err)
		}
	})
	close(out)
	if err := <-done; !errors.Is(err, undone) {
		t.Error(err)
	}
	wg.Wait()
	if failed.Load() != 2 {
		t.Errorf("%d failed", failed.Load())
	}
	if n := count(t, db); n != 18 {
		t.Errorf("%d rows", n)
	}
}

// Rows that go in beside one who fails, or panics, go with it, although others share
// the transaction.
func TestRowsBesideOneWhoFailsGoWithIt(t *testing.T) {
	db, _ := newFile(t)
	undone := errors.New("undone")
	release := held(t, db)
	wg := queued(t, 40, func(i int) {
		defer func() {
			if r := recover(); (r != nil) != (i%4 == 0) {
				t.Errorf("caller %d: %v", i, r)
			}
		}()
		err := db.InTx(context.Background(), func(tx *Tx) error {
			for n := range 3 * manyAdded {
				tx.Add("INSERT INTO t (id) VALUES", fmt.Sprintf("%d-%d", i, n))
			}
			switch i % 4 {
			case 0:
				panic("no")
			case 1:
				return undone
			}
			return nil
		})
		if errors.Is(err, undone) != (i%4 == 1) {
			t.Errorf("caller %d: %v", i, err)
		}
	})
	if err := release(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if n := count(t, db); n != 20*3*manyAdded+1 {
		t.Errorf("%d rows", n)
	}
}

func TestACommitThatFailsFailsAllWhoShareIt(t *testing.T) {
	db, s := newFile(t)
	conn, err := s.write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Raw(func(c any) error {
		c.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 { return 1 })
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	conn.Close()

	release := held(t, db)
	var rolledBack, committed atomic.Int32
	wg := queued(t, 10, func(i int) {
		err := db.InTx(context.Background(), func(tx *Tx) error {
			tx.AfterCommit(func() { committed.Add(1) })
			tx.AfterRollback(func() { rolledBack.Add(1) })
			return insert(tx, fmt.Sprint(i))
		})
		if loot.KindOf(err) != loot.Unavailable {
			t.Errorf("got %v, want that the database is not available", err)
		}
	})
	if err := release(); loot.KindOf(err) != loot.Unavailable {
		t.Errorf("got %v, want that the database is not available", err)
	}
	wg.Wait()
	if rolledBack.Load() != 10 || committed.Load() != 0 {
		t.Errorf("hooks: %d rolled back, %d committed", rolledBack.Load(), committed.Load())
	}
	if n := count(t, db); n != 0 {
		t.Errorf("%d rows", n)
	}
	if err := s.write.Close(); err != nil { // its only connection refuses commits
		t.Error(err)
	}
}

func TestWhoGivesUpLeavesTheQueue(t *testing.T) {
	db, _ := newFile(t)
	release := held(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	ran := false
	wg := queued(t, 1, func(int) {
		if err := db.InTx(ctx, func(*Tx) error { ran = true; return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	cancel()
	wg.Wait() // while the first still holds the database
	if ran {
		t.Error("the function of one who gave up ran")
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func TestACancelledCallerDoesNotHurtTheOthers(t *testing.T) {
	db, _ := newFile(t)
	release := held(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	wg := queued(t, 20, func(i int) {
		err := db.InTx(ctx, func(tx *Tx) error {
			if i == 10 {
				cancel()
			}
			_, err := tx.Exec(ctx, "INSERT INTO t (id) VALUES ($1)", fmt.Sprint(i))
			return err
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("%d: %v", i, err)
		}
	})
	if err := release(); err != nil {
		t.Errorf("the first: %v", err)
	}
	wg.Wait()
	if n := count(t, db); n < 1 {
		t.Errorf("%d rows", n)
	}
}

func TestATransactionInsideAnotherIsAnErrorAndNoDeadlock(t *testing.T) {
	db, _ := newFile(t)
	err := errors.New("the hook did not run")
	first := db.InTx(t.Context(), func(tx *Tx) error {
		if err := insert(tx, "outer"); err != nil {
			return err
		}
		if err := db.InTx(t.Context(), func(*Tx) error { return nil }); !errors.Is(err, errNested) {
			t.Errorf("got %v", err)
		}
		if err := db.ReadTx(t.Context(), func(*Tx) error { return nil }); !errors.Is(err, errNested) {
			t.Errorf("got %v", err)
		}
		tx.AfterCommit(func() { err = db.ReadTx(t.Context(), func(*Tx) error { return nil }) })
		return nil
	})
	if err = errors.Join(first, err); err != nil {
		t.Error(err)
	}
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows", n)
	}
}

// SQLite gives up a whole transaction when it cannot write. What others in the
// group do after that must not be committed one statement at a time.
func TestAGroupThatSQLiteGaveUpIsGoneForAll(t *testing.T) {
	db, s := newFile(t)
	release := held(t, db)
	wg := queued(t, 4, func(i int) {
		err := db.InTx(context.Background(), func(tx *Tx) error {
			if i == 0 {
				// What a full disk or a failed read does in the middle of a statement.
				if _, err := tx.tx.Exec("ROLLBACK"); err != nil {
					t.Error(err)
				}
				if _, err := tx.Context(t.Context()); loot.KindOf(err) != loot.Unavailable {
					t.Errorf("the job queue would go on: %v", err)
				}
				return insert(tx, "ignored") // the function does not notice
			}
			return insert(tx, fmt.Sprint(i))
		})
		if i == 0 && loot.KindOf(err) != loot.Unavailable {
			t.Errorf("%d: %v", i, err)
		}
	})
	_ = release() // acknowledged or not, as the group fell
	wg.Wait()
	var n int
	if err := s.read.QueryRow("SELECT count(*) FROM t WHERE id = 'ignored'").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows were committed on their own: %v", n, err)
	}
	if err := db.InTx(t.Context(), func(tx *Tx) error { return insert(tx, "after") }); err != nil {
		t.Errorf("it does not recover: %v", err)
	}
}

func TestAFunctionThatEndsItsGoroutineFreesTheQueue(t *testing.T) {
	db, _ := newFile(t)
	rolledBack := make(chan struct{})
	go db.InTx(context.Background(), func(tx *Tx) error {
		tx.AfterRollback(func() { close(rolledBack) })
		if err := insert(tx, "gone"); err != nil {
			t.Error(err)
		}
		runtime.Goexit()
		return nil
	})
	<-rolledBack
	if n := count(t, db); n != 0 {
		t.Errorf("%d rows", n)
	}
	if err := db.InTx(t.Context(), func(tx *Tx) error { return insert(tx, "next") }); err != nil {
		t.Error(err)
	}
}

func TestStatementsAreKeptAndAreNobodysTwice(t *testing.T) {
	db, _ := newFile(t)
	ctx := t.Context()
	const pairs = "SELECT id FROM t WHERE id >= $1 ORDER BY id"
	err := db.InTx(ctx, func(tx *Tx) error {
		for i := range 3 {
			if err := insert(tx, fmt.Sprint(i)); err != nil {
				return err
			}
		}
		// The same query inside itself, and more queries than are kept.
		outer, err := tx.Query(ctx, pairs, "0")
		if err != nil {
			return err
		}
		defer outer.Close()
		n := 0
		for outer.Next() {
			var id, first string
			if err := outer.Scan(&id); err != nil {
				return err
			}
			if err := tx.QueryRow(ctx, pairs, id).Scan(&first); err != nil || first != id {
				t.Errorf("got %q for %q: %v", first, id, err)
			}
			for i := range 2 * maxStatements {
				var got int
				if err := tx.QueryRow(ctx, fmt.Sprintf("SELECT %d + $1", i), 1).Scan(&got); err != nil || got != i+1 {
					t.Errorf("got %d for %d: %v", got, i, err)
				}
			}
			n++
		}
		if n != 3 {
			t.Errorf("%d rows", n)
		}
		return outer.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	// A statement that was kept follows a change of the table.
	var got, more string
	row := func(tx *Tx) error { return tx.QueryRow(ctx, "SELECT * FROM t ORDER BY id").Scan(&got) }
	if err := db.InTx(ctx, row); err != nil {
		t.Error(err)
	}
	if err := db.InTx(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, "ALTER TABLE t ADD COLUMN more TEXT NOT NULL DEFAULT 'more'")
		return err
	}); err != nil {
		t.Error(err)
	}
	if err := db.InTx(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, "SELECT * FROM t ORDER BY id").Scan(&got, &more)
	}); err != nil || more != "more" {
		t.Errorf("got %q: %v", more, err)
	}
	// One that failed is not kept.
	for range 2 {
		if err := db.InTx(ctx, func(tx *Tx) error { return insert(tx, "0") }); !IsUnique(err) {
			t.Errorf("got %v", err)
		}
	}
	if err := db.InTx(ctx, func(tx *Tx) error { return insert(tx, "new") }); err != nil {
		t.Error(err)
	}
}
