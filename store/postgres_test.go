package store_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loot"
	"loot/store"
	"loot/store/storetest"
)

func TestTheJobQueuesTransactionIsTheSameOne(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			if err := put(ctx, tx, "by database/sql", 1); err != nil {
				return err
			}
			var n int
			theirs, err := tx.Context(ctx)
			if err != nil {
				return err
			}
			switch tx.Dialect() {
			case store.SQLite:
				if err := tx.SQL().QueryRowContext(theirs, "SELECT count(*) FROM note_note").Scan(&n); err != nil {
					return err
				}
			case store.Postgres:
				if err := tx.PGX().QueryRow(theirs, "SELECT count(*) FROM note_note").Scan(&n); err != nil {
					return err
				}
				if _, err := tx.PGX().Exec(theirs, "INSERT INTO note_note (id, n) VALUES ('by pgx', 1)"); err != nil {
					return err
				}
				var m int
				if err := tx.QueryRow(ctx, "SELECT count(*) FROM note_note").Scan(&m); err != nil || m != 2 {
					t.Errorf("database/sql sees %d rows: %v", m, err)
				}
			}
			if n != 1 {
				t.Errorf("the other sees %d rows", n)
			}
			return errors.New("no")
		}); err == nil {
			t.Error("no error")
		}
		if got := ids(t, db); len(got) != 0 {
			t.Errorf("left behind %v", got)
		}
	})
}

func TestADeadlockIsRunAgain(t *testing.T) {
	db := storetest.Open(t, storetest.Postgres(t), notes)
	ctx := t.Context()
	if err := db.InTx(ctx, func(tx *store.Tx) error {
		return errors.Join(put(ctx, tx, "a", 0), put(ctx, tx, "b", 0))
	}); err != nil {
		t.Fatal(err)
	}
	var runs atomic.Int32
	var both, wg sync.WaitGroup
	both.Add(2)
	for _, order := range [][]string{{"a", "b"}, {"b", "a"}} {
		met := false
		wg.Go(func() {
			err := db.InTx(ctx, func(tx *store.Tx) error {
				runs.Add(1)
				if _, err := tx.Exec(ctx, "UPDATE note_note SET n = n + 1 WHERE id = $1", order[0]); err != nil {
					return err
				}
				if !met { // both hold their first row before either wants its second
					met = true
					both.Done()
					both.Wait()
				}
				_, err := tx.Exec(ctx, "UPDATE note_note SET n = n + 1 WHERE id = $1", order[1])
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs.Load() < 3 { // who begins again may be in the way once more
		t.Errorf("%d runs, want 3 or more: one was the victim", runs.Load())
	}
}

func TestASerializationFailureIsRunAgainAfterItsHooks(t *testing.T) {
	db := storetest.Open(t, storetest.Postgres(t), notes)
	ctx := t.Context()
	var hooks []string
	run := 0
	err := db.InTx(ctx, func(tx *store.Tx) error {
		run++
		tx.AfterRollback(func() { hooks = append(hooks, "rollback") })
		tx.AfterCommit(func() { hooks = append(hooks, "commit") })
		if err := put(ctx, tx, "a", run); err != nil || run == 3 {
			return err
		}
		_, err := tx.Exec(ctx, "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")
		return err
	})
	if err != nil || !slices.Equal(hooks, []string{"rollback", "rollback", "commit"}) {
		t.Errorf("hooks %v: %v", hooks, err)
	}
	err = db.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")
		return err
	})
	if loot.KindOf(err) != loot.Unavailable {
		t.Errorf("without end: %v", err)
	}
}

func TestAnErrorThatWasIgnoredIsNotCommitted(t *testing.T) {
	db := storetest.Open(t, storetest.Postgres(t), notes)
	ctx := t.Context()
	runs := 0
	err := db.InTx(ctx, func(tx *store.Tx) error {
		runs++
		_ = put(ctx, tx, "a", 1)
		_ = put(ctx, tx, "a", 2)
		return nil
	})
	if err == nil || runs != 1 {
		t.Errorf("%d runs: %v", runs, err)
	}
}

func TestRowsLeftOpenHangNobody(t *testing.T) {
	db := storetest.Open(t, storetest.Postgres(t)+"&pool_max_conns=4", notes)
	ctx := t.Context()
	if err := db.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Query(ctx, "SELECT generate_series(1, 10000)")
		return err
	}); err != nil {
		t.Errorf("at the end: %v", err)
	}
	if err := db.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Query(ctx, "SELECT generate_series(1, 10000)")
		return errors.Join(err, put(ctx, tx, "b", 1))
	}); err == nil || loot.KindOf(err) != loot.Internal {
		t.Errorf("at the next query: %v", err)
	}
	if err := db.InTx(ctx, func(tx *store.Tx) error { return put(ctx, tx, "b", 1) }); err != nil {
		t.Error(err)
	}
}

func TestAConnectionLostBeforeTheCommitIsRunAgain(t *testing.T) {
	db := storetest.Open(t, storetest.Postgres(t), notes)
	ctx := t.Context()
	runs := 0
	err := db.InTx(ctx, func(tx *store.Tx) error {
		runs++
		if err := put(ctx, tx, "a", runs); err != nil || runs > 1 {
			return err
		}
		_, err := tx.Exec(ctx, "SELECT pg_terminate_backend(pg_backend_pid())")
		if err == nil {
			t.Error("it was not lost")
		}
		return errors.New("what the function makes of it")
	})
	if err != nil || runs != 2 {
		t.Errorf("%d runs: %v", runs, err)
	}
}

// A wire passes on what client and server say, and can be cut.
type wire struct {
	net.Listener
	server string
	cut    atomic.Bool // cut once the server has the client's next COMMIT
	mute   atomic.Bool // pass on nothing more
	once   sync.Once
	heard  chan struct{}
}

func newWire(t *testing.T, address string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, server: u.Host, heard: make(chan struct{})}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.pass(c)
		}
	}()
	u.Host = l.Addr().String()
	return w, u.String()
}

func (w *wire) pass(client net.Conn) {
	server, err := net.Dial("tcp", w.server)
	if err != nil {
		client.Close()
		return
	}
	var cut atomic.Bool
	go func() {
		defer client.Close()
		b := make([]byte, 64<<10)
		for {
			n, err := server.Read(b)
			if err != nil {
				return
			}
			if cut.Load() {
				w.once.Do(func() { close(w.heard) })
				return
			}
			if w.mute.Load() {
				continue
			}
			if _, err := client.Write(b[:n]); err != nil {
				return
			}
		}
	}()
	defer server.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := client.Read(b)
		if err != nil {
			return
		}
		if bytes.Contains(b[:n], []byte("commit\x00")) && w.cut.CompareAndSwap(true, false) {
			cut.Store(true)
		}
		if _, err := server.Write(b[:n]); err != nil {
			return
		}
		if cut.Load() {
			<-w.heard
			return
		}
	}
}

func TestACommitWhoseAnswerIsLostIsNotRunAgain(t *testing.T) {
	direct := storetest.Postgres(t)
	w, address := newWire(t, direct)
	db := storetest.Open(t, address, notes)
	w.cut.Store(true)
	runs := 0
	err := db.InTx(t.Context(), func(tx *store.Tx) error {
		runs++
		return put(t.Context(), tx, "a", runs)
	})
	if loot.KindOf(err) != loot.Unavailable || !strings.Contains(loot.Message(err), "look whether") || runs != 1 {
		t.Errorf("%d runs: %v", runs, err)
	}
	if got := ids(t, db); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the server has %v", got)
	}
}

func TestAStatementAloneRunsAgainWhateverIsLost(t *testing.T) {
	w, address := newWire(t, storetest.Postgres(t))
	db := storetest.Open(t, address, notes)
	w.cut.Store(true)
	for _, id := range []string{"a", "b"} {
		if _, err := db.Exec(t.Context(), "INSERT INTO note_note (id, n) VALUES ($1, 1) ON CONFLICT (id) DO NOTHING", id); err != nil {
			t.Error(err)
		}
	}
	if w.cut.Load() {
		t.Error("nothing was cut")
	}
	if got := ids(t, db); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the server has %v", got)
	}
}

func TestTheCallersContextStopsAQuery(t *testing.T) {
	db := storetest.Open(t, storetest.Postgres(t), notes)
	for name, f := range map[string]func(context.Context, func(*store.Tx) error) error{"InTx": db.InTx, "ReadTx": db.ReadTx} {
		ctx, cancel := context.WithCancel(t.Context())
		err := f(ctx, func(tx *store.Tx) error {
			time.AfterFunc(50*time.Millisecond, cancel)
			_, err := tx.Exec(ctx, "SELECT pg_sleep(60)")
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := db.InTx(t.Context(), func(tx *store.Tx) error { return put(t.Context(), tx, "a", 1) }); err != nil {
		t.Error(err)
	}
}

func TestAServerThatFallsSilentIsLeft(t *testing.T) {
	w, address := newWire(t, storetest.Postgres(t))
	db := storetest.Open(t, address, notes)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := db.InTx(ctx, func(tx *store.Tx) error {
		w.mute.Store(true)
		return put(ctx, tx, "a", 1)
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	w.mute.Store(false)
	if err := db.InTx(t.Context(), func(tx *store.Tx) error { return put(t.Context(), tx, "b", 1) }); err != nil {
		t.Errorf("it does not recover: %v", err)
	}
}

func TestAServerThatIsNotThereIsSaidSo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, err = store.Open(t.Context(), "postgres://u:hushhush@"+address+"/x?sslmode=disable")
	if loot.KindOf(err) != loot.Unavailable || strings.Contains(err.Error(), "hushhush") {
		t.Errorf("got %v", err)
	}
}

func TestManyMoreCallersThanConnectionsWait(t *testing.T) {
	db := storetest.Open(t, storetest.Postgres(t)+"&pool_max_conns=2", notes)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if err := db.InTx(t.Context(), func(tx *store.Tx) error { return put(t.Context(), tx, loot.NewID("n"), i) }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(ids(t, db)); n != 200 {
		t.Errorf("%d rows", n)
	}
}
