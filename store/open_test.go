package store_test

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"loot"
	"loot/store"
	"loot/store/storetest"
)

func TestAnAddressThatCannotBeReadIsSaidSoWithoutRepeatingIt(t *testing.T) {
	for _, url := range []string{
		"", "mysql://x", "sqlite:", "sqlite:x?readers=0", "sqlite:x?colour=red", "sqlite:x?%zz",
		"postgres://u:hushhush@h:port/x", "postgres://u:hushhush@h/x?sslmode=perhaps", "postgres://u:hushhush@h/x?pool_max_conns=many",
	} {
		_, err := store.Open(t.Context(), url)
		if loot.KindOf(err) != loot.Invalid {
			t.Errorf("%q: %v", url, err)
		}
		if strings.Contains(err.Error(), "hushhush") {
			t.Errorf("%q: the error repeats the password", url)
		}
	}
}

// Whoever starts a program is told which database cannot be used, and why.
func TestADatabaseThatCannotBeUsedIsNamed(t *testing.T) {
	there, err := url.Parse(storetest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		is   func(*url.URL)
		want string
	}{
		{"no such database", func(u *url.URL) { u.Path = "/nowhere" }, `"nowhere" at ` + there.Host + ` cannot be used: database "nowhere" does not exist.`},
		{"nothing answers", func(u *url.URL) { u.Host = "127.0.0.1:1" }, `at 127.0.0.1:1 cannot be used: no server that can be written to answers there.`},
	} {
		u := *there
		u.User = url.UserPassword(there.User.Username(), "hushhush")
		c.is(&u)
		_, err := store.Open(t.Context(), u.String())
		if loot.KindOf(err) != loot.Unavailable || !strings.Contains(loot.Message(err), c.want) || strings.Contains(err.Error(), "hushhush") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAFolderThatIsMissingIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	_, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "loot.db"))
	if loot.KindOf(err) != loot.Unavailable || !strings.Contains(loot.Message(err), dir) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder was made")
	}
}

func TestAFileThatIsNoDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "loot.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), "sqlite:"+path); loot.KindOf(err) != loot.Unavailable {
		t.Errorf("got %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(b), "this is no database. this") {
		t.Error("the file was changed")
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "loot.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	db := storetest.Open(t, "sqlite:"+path, notes)
	if err := db.InTx(t.Context(), func(tx *store.Tx) error { return put(t.Context(), tx, "a", 1) }); err != nil {
		t.Fatal(err)
	}
	lead, err := db.Lead(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer lead.Release()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 4 {
		t.Fatalf("%v: %v", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
	}
}

// url returns the address of a fresh database of each kind.
func eachURL(t *testing.T, f func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, storetest.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, storetest.Postgres(t)) })
}

func TestProcessesThatStartTogetherMigrateOnce(t *testing.T) {
	eachURL(t, func(t *testing.T, url string) {
		var wg sync.WaitGroup
		for range 4 {
			db := storetest.Open(t, url, nil)
			wg.Go(func() {
				for range 3 {
					if err := db.Migrate(context.Background(), "note", notes["note"]); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestAnOlderProgramRunsOnANewerSchema(t *testing.T) {
	eachURL(t, func(t *testing.T, url string) {
		newer := fstest.MapFS{
			"1_note.sql": notes["note"].(fstest.MapFS)["1_note.sql"],
			"2_more.sql": {Data: []byte("-- +goose Up\nALTER TABLE note_note ADD COLUMN more @BYTES@;\n")},
		}
		storetest.Open(t, url, map[string]fs.FS{"note": newer})
		db := storetest.Open(t, url, notes)
		if err := db.InTx(t.Context(), func(tx *store.Tx) error { return put(t.Context(), tx, "a", 1) }); err != nil {
			t.Error(err)
		}
	})
}

func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	storetest.Each(t, notes, func(t *testing.T, db *store.DB) {
		broken := fstest.MapFS{"1_broken.sql": {Data: []byte("-- +goose Up\nCREATE TABLE broken_a (id TEXT);\nCREATE TABLE nonsense;\n")}}
		if err := db.Migrate(t.Context(), "broken", broken); err == nil {
			t.Fatal("no error")
		}
		whole := fstest.MapFS{"1_broken.sql": {Data: []byte("-- +goose Up\nCREATE TABLE broken_a (id TEXT);\n")}}
		if err := db.Migrate(t.Context(), "broken", whole); err != nil {
			t.Errorf("the table of the failed try is in the way: %v", err)
		}
	})
}

func TestOneLeads(t *testing.T) {
	eachURL(t, func(t *testing.T, url string) {
		ctx := t.Context()
		a, b := storetest.Open(t, url, nil), storetest.Open(t, url, nil)
		first, err := a.Lead(ctx, "sequencer")
		if err != nil {
			t.Fatal(err)
		}
		for _, db := range []*store.DB{a, b} {
			if _, err := db.Lead(ctx, "sequencer"); !errors.Is(err, store.ErrLed) {
				t.Errorf("a second leads: %v", err)
			}
		}
		other, err := b.Lead(ctx, "another name")
		if err != nil {
			t.Errorf("names are not apart: %v", err)
		}
		if err := first.Check(ctx); err != nil {
			t.Error(err)
		}
		if err := errors.Join(first.Release(), first.Release(), other.Release()); err != nil {
			t.Error(err)
		}
		if err := first.Check(ctx); err == nil {
			t.Error("it still leads")
		}
		second, err := b.Lead(ctx, "sequencer")
		if err != nil {
			t.Fatal(err)
		}
		if err := second.Release(); err != nil {
			t.Error(err)
		}
	})
}

// TestWhoWaitsCanBeStopped: one that waits for its turn ends with its context,
// and has its turn as soon as the other is done.
func TestWhoWaitsCanBeStopped(t *testing.T) {
	eachURL(t, func(t *testing.T, url string) {
		a, b := storetest.Open(t, url, nil), storetest.Open(t, url, nil)
		turn := make(chan error, 1)
		if err := a.Alone(t.Context(), "work", func() error {
			ctx, stop := context.WithCancel(t.Context())
			stopped := make(chan error, 1)
			go func() {
				stopped <- b.Alone(ctx, "work", func() error { return errors.New("two at once") })
			}()
			stop()
			if err := <-stopped; !errors.Is(err, context.Canceled) {
				t.Errorf("stopped: %v", err)
			}
			go func() { turn <- b.Alone(t.Context(), "work", func() error { return nil }) }()
			return nil
		}); err != nil {
			t.Error(err)
		}
		if err := <-turn; err != nil {
			t.Error(err)
		}
	})
}

func TestALeaderWhoseConnectionBrokeLeadsNoMore(t *testing.T) {
	url := storetest.Postgres(t)
	db := storetest.Open(t, url, nil)
	lead, err := db.Lead(t.Context(), "sequencer")
	if err != nil {
		t.Fatal(err)
	}
	defer lead.Release()
	if err := db.InTx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `SELECT pg_terminate_backend(pid, 5000) FROM pg_locks
			WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := lead.Check(t.Context()); loot.KindOf(err) != loot.Unavailable {
		t.Errorf("it thinks that it leads: %v", err)
	}
	again, err := db.Lead(t.Context(), "sequencer")
	if err != nil {
		t.Fatal(err)
	}
	again.Release()
}

func TestALeaderWhoseLockFileIsGoneLeadsNoMore(t *testing.T) {
	url := storetest.SQLite(t)
	db := storetest.Open(t, url, nil)
	lead, err := db.Lead(t.Context(), "sequencer")
	if err != nil {
		t.Fatal(err)
	}
	defer lead.Release()
	file := strings.TrimPrefix(url, "sqlite:") + ".sequencer.lock"
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := lead.Check(t.Context()); err == nil {
		t.Error("it thinks that it leads")
	}
}

func TestClosedDatabasesSaySo(t *testing.T) {
	eachURL(t, func(t *testing.T, url string) {
		db, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		for _, err := range []error{
			db.InTx(t.Context(), func(*store.Tx) error { return nil }),
			db.ReadTx(t.Context(), func(*store.Tx) error { return nil }),
			db.Ping(t.Context()),
		} {
			if loot.KindOf(err) != loot.Unavailable {
				t.Errorf("got %v", err)
			}
		}
	})
}
