package keyring_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/keyring"
	"loot/store"
	"loot/store/storetest"
)

const customer, applicant = loot.Collection("customer"), loot.Collection("applicant")

var quiet = slog.New(slog.DiscardHandler)

// A clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// place is where the keys of a test lie.
type place struct {
	db     *store.DB
	dir    string
	file   string // of the root, unless another is named
	root   string // as rootAt reads it
	former string
	*clock
}

func newPlace(t testing.TB, db *store.DB) place {
	t.Helper()
	dir := t.TempDir()
	return place{db: db, dir: filepath.Join(dir, "keys"), file: filepath.Join(dir, "root.key"), clock: newClock()}
}

func (p place) config(t testing.TB) keyring.Config {
	t.Helper()
	c, err := rooted(keyring.Config{DB: p.db, Dir: p.dir, Now: p.now, Log: quiet}, p.rootName(), p.former)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (p place) rootName() string { return cmp.Or(p.root, "file:"+p.file) }

// rooted gives a keyring its root and, if one is named, the former one.
func rooted(c keyring.Config, root, former string) (_ keyring.Config, err error) {
	if c.Root, err = rootAt(root); err != nil || former == "" {
		return c, err
	}
	one, err := rootAt(former)
	c.Former = []keyring.Root{one}
	return c, err
}

// rootAt returns the root that is written file:PATH, passphrase:TEXT or
// transit:TOKENFILE@URL.
func rootAt(name string) (keyring.Root, error) {
	kind, rest, _ := strings.Cut(name, ":")
	switch kind {
	case "passphrase":
		return keyring.PassphraseRoot(rest)
	case "transit":
		token, address, _ := strings.Cut(rest, "@")
		return keyring.TransitRoot(keyring.Transit{Address: address, Key: "loot", TokenFile: token, Client: &http.Client{Timeout: 10 * time.Second}})
	}
	return keyring.FileRoot(rest)
}

func (p place) open(t testing.TB) *keyring.Keyring {
	t.Helper()
	k, err := keyring.Open(t.Context(), p.config(t))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := k.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return k
}

func each(t *testing.T, f func(t *testing.T, p place)) {
	t.Helper()
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) { f(t, newPlace(t, db)) })
}

func create(t testing.TB, k *keyring.Keyring, s loot.Subject, c loot.Collection) *keyring.PersonKey {
	t.Helper()
	if err := k.Create(t.Context(), s, c); err != nil {
		t.Fatalf("create: %v", err)
	}
	return person(t, k, s, c)
}

func person(t testing.TB, k *keyring.Keyring, s loot.Subject, c loot.Collection) *keyring.PersonKey {
	t.Helper()
	p, err := k.Person(t.Context(), s, c)
	if err != nil {
		t.Fatalf("person: %v", err)
	}
	return p
}

func opens(t testing.TB, p *keyring.PersonKey, sealed, ad []byte, want string) {
	t.Helper()
	got, err := p.Open(sealed, ad)
	if err != nil || string(got) != want {
		t.Errorf("open: %q, %v; want %q", got, err, want)
	}
}

func TestSealedValueOpensOnlyWhereItBelongs(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k := p.open(t)
		s, other := loot.NewSubject(), loot.NewSubject()
		key := create(t, k, s, customer)
		sealed := key.Seal([]byte("Ada"), []byte("name"))
		opens(t, person(t, p.open(t), s, customer), sealed, []byte("name"), "Ada")
		if len(sealed) != len("Ada")+keyring.Overhead {
			t.Errorf("sealed has %d bytes", len(sealed))
		}

		for name, open := range map[string]func() ([]byte, error){
			"another field":      func() ([]byte, error) { return key.Open(sealed, []byte("town")) },
			"another person":     func() ([]byte, error) { return create(t, k, other, customer).Open(sealed, []byte("name")) },
			"another collection": func() ([]byte, error) { return create(t, k, s, applicant).Open(sealed, []byte("name")) },
			"a changed byte": func() ([]byte, error) {
				sealed := bytes.Clone(sealed)
				sealed[14] ^= 1
				return key.Open(sealed, []byte("name"))
			},
			"cut short": func() ([]byte, error) { return key.Open(sealed[:8], []byte("name")) },
		} {
			if got, err := open(); !errors.Is(err, keyring.ErrTampered) || got != nil {
				t.Errorf("%s: %q, %v; want ErrTampered", name, got, err)
			}
		}
	})
}

func TestMACIsOfWhereItBelongs(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k := p.open(t)
		s := loot.NewSubject()
		key, data := create(t, k, s, customer), []byte("what stands about it")
		mac := key.MAC(data)
		if err := person(t, p.open(t), s, customer).Verify(mac, data); err != nil || len(mac) != keyring.MACSize {
			t.Errorf("%d bytes: %v", len(mac), err)
		}
		changed := bytes.Clone(mac)
		changed[keyring.MACSize-1] ^= 1
		for name, err := range map[string]error{
			"other data":         key.Verify(mac, data[1:]),
			"another person":     create(t, k, loot.NewSubject(), customer).Verify(mac, data),
			"another collection": create(t, k, s, applicant).Verify(mac, data),
			"a changed byte":     key.Verify(changed, data),
			"cut short":          key.Verify(mac[:8], data),
			"nothing":            key.Verify(nil, data),
		} {
			if !errors.Is(err, keyring.ErrTampered) {
				t.Errorf("%s: %v; want ErrTampered", name, err)
			}
		}
	})
}

func TestCreateTwiceKeepsTheKey(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k, s := p.open(t), loot.NewSubject()
		sealed := create(t, k, s, customer).Seal([]byte("x"), nil)
		opens(t, create(t, p.open(t), s, customer), sealed, nil, "x")
	})
}

func TestNobodyHasNoKey(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		if _, err := p.open(t).Person(t.Context(), loot.NewSubject(), customer); !errors.Is(err, keyring.ErrShredded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDestroyedKeyIsGone(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k, s := p.open(t), loot.NewSubject()
		create(t, k, s, customer)
		for range 2 {
			if err := k.Destroy(t.Context(), s, customer); err != nil {
				t.Fatal(err)
			}
			if _, err := k.Person(t.Context(), s, customer); !errors.Is(err, keyring.ErrShredded) {
				t.Errorf("after destroying: %v", err)
			}
			if err := k.Create(t.Context(), s, customer); !errors.Is(err, keyring.ErrShredded) {
				t.Errorf("made anew: %v", err)
			}
		}
		if err := k.Destroy(t.Context(), loot.NewSubject(), customer); err != nil {
			t.Errorf("destroying nobody: %v", err)
		}
		if loot.KindOf(keyring.ErrShredded) != loot.NotFound {
			t.Error("a person would see an internal error")
		}
	})
}

func TestDroppedKeyLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k, s := p.open(t), loot.NewSubject()
		create(t, k, s, customer)
		if err := k.Drop(t.Context(), s, customer); err != nil {
			t.Fatal(err)
		}
		if r := check(t, k); r.Keys+r.Destroyed != 0 {
			t.Errorf("left: %+v", r)
		}
		create(t, k, s, customer)
	})
}

// TestDestructionElsewhereCountsAfterTheExpiry: another process that holds the
// key uses it for ten seconds at most.
func TestDestructionElsewhereCountsAfterTheExpiry(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		here, there, s := p.open(t), p.open(t), loot.NewSubject()
		create(t, here, s, customer)
		person(t, there, s, customer)
		if err := here.Destroy(t.Context(), s, customer); err != nil {
			t.Fatal(err)
		}
		p.pass(10 * time.Second)
		if _, err := there.Person(t.Context(), s, customer); !errors.Is(err, keyring.ErrShredded) {
			t.Errorf("after the expiry: %v", err)
		}
	})
}

// TestNoKeyOutlivesItsDestructionInMemory races readers with destruction.
func TestNoKeyOutlivesItsDestructionInMemory(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k := p.open(t)
		for range 50 {
			s := loot.NewSubject()
			if err := k.Create(t.Context(), s, customer); err != nil {
				t.Fatal(err)
			}
			p.pass(time.Minute) // so that readers go to the key store
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for range 3 {
						if _, err := k.Person(context.Background(), s, customer); err != nil && !errors.Is(err, keyring.ErrShredded) {
							t.Error(err)
						}
					}
				})
				wg.Go(func() {
					for range 3 {
						if err := k.ReadAhead(context.Background(), customer, s); err != nil {
							t.Error(err)
						}
					}
				})
			}
			if err := k.Destroy(t.Context(), s, customer); err != nil {
				t.Fatal(err)
			}
			wg.Wait()
			if _, err := k.Person(t.Context(), s, customer); !errors.Is(err, keyring.ErrShredded) {
				t.Fatalf("held after its destruction: %v", err)
			}
		}
	})
}

// TestKeysReadAheadAreHeld: those of several people are in memory from then on, and of
// who is gone nothing is said before they are asked for.
func TestKeysReadAheadAreHeld(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		here, there := p.open(t), p.open(t)
		one, other, gone, nobody := loot.NewSubject(), loot.NewSubject(), loot.NewSubject(), loot.NewSubject()
		for _, s := range []loot.Subject{one, other, gone} {
			create(t, here, s, customer)
		}
		if err := here.Destroy(t.Context(), gone, customer); err != nil {
			t.Fatal(err)
		}
		if err := there.ReadAhead(t.Context(), customer, one, other, gone, nobody); err != nil {
			t.Fatal(err)
		}
		for _, s := range []loot.Subject{one, other} {
			if err := here.Destroy(t.Context(), s, customer); err != nil {
				t.Fatal(err)
			}
			person(t, there, s, customer) // which was read before
		}
		for _, s := range []loot.Subject{gone, nobody} {
			if _, err := there.Person(t.Context(), s, customer); !errors.Is(err, keyring.ErrShredded) {
				t.Errorf("who is gone: %v", err)
			}
		}
	})
}

// TestDestroyedKeyIsInNoFile reads what SQLite has on disk.
func TestDestroyedKeyIsInNoFile(t *testing.T) {
	url := storetest.SQLite(t)
	p := newPlace(t, storetest.Open(t, url, nil))
	k := p.open(t)
	var sealed [][]byte
	var subjects []loot.Subject
	for range 40 {
		s := loot.NewSubject()
		create(t, k, s, customer)
		var b []byte
		if err := p.db.ReadTx(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), `SELECT sealed FROM keyring_person WHERE subject = $1`, s.Compact()).Scan(&b)
		}); err != nil {
			t.Fatal(err)
		}
		sealed, subjects = append(sealed, b), append(subjects, s)
	}
	path := strings.TrimPrefix(url, "sqlite:")
	if !onDisk(t, path, sealed[7]) {
		t.Fatal("the sealed key is not on disk to begin with: this test proves nothing")
	}
	for i, s := range subjects[:20] {
		if err := k.Destroy(t.Context(), s, customer); err != nil {
			t.Fatal(err)
		}
		if onDisk(t, path, sealed[i]) {
			t.Errorf("key %d is still on disk", i)
		}
	}
}

// onDisk reports whether a database file or its write-ahead log holds b. It
// reads copies: closing the file of an open SQLite database drops its locks.
func onDisk(t *testing.T, path string, b []byte) bool {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, "-shm") || strings.HasSuffix(f, ".lock") {
			continue
		}
		if bytes.Contains(readElsewhere(t, f), b) {
			return true
		}
	}
	return false
}

func TestTagIsThePersonsAlone(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k, s := p.open(t), loot.NewSubject()
		tag := create(t, k, s, customer).Tag()
		if len(tag) != 16 {
			t.Errorf("%d bytes", len(tag))
		}
		if bytes.Equal(tag, create(t, k, s, applicant).Tag()) {
			t.Error("the same in another collection: the two can be linked")
		}
		if _, err := k.Rotate(t.Context(), customer); err != nil {
			t.Fatal(err)
		}
		finish(t, k, customer)
		if !bytes.Equal(tag, person(t, p.open(t), s, customer).Tag()) {
			t.Error("another after a rotation: entries are lost")
		}
	})
}

func TestIndexLinksNothing(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k := p.open(t)
		hash := func(c loot.Collection, f loot.Field, v string) string {
			_, h, _, err := k.Index(t.Context(), c, f, v)
			if err != nil || len(h) != keyring.HashSize {
				t.Fatalf("%x, %v", h, err)
			}
			return string(h)
		}
		mail := hash(customer, "email", "ada@example.com")
		if mail != hash(customer, "email", "ada@example.com") {
			t.Error("not the same twice")
		}
		for name, other := range map[string]string{
			"collection": hash(applicant, "email", "ada@example.com"),
			"field":      hash(customer, "billing-email", "ada@example.com"),
			"value":      hash(customer, "email", "ada@example.org"),
		} {
			if mail == other {
				t.Errorf("the same for another %s", name)
			}
		}
	})
}

func TestOpeningsAreCounted(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k, s := p.open(t), loot.NewSubject()
		key := create(t, k, s, customer)
		sealed := key.Seal([]byte("x"), nil)
		decided := p.now()
		permit := func() (*keyring.PersonKey, *keyring.Tally) {
			tally := k.Tally(decided)
			return key.In(tally), tally
		}
		done, committed := permit()
		undone, rolledBack := permit()
		_, unused := permit()
		for range 3 {
			opens(t, done, sealed, nil, "x")
		}
		for range 2 {
			opens(t, undone, sealed, nil, "x")
		}
		opens(t, key.For(keyring.System), sealed, nil, "x")
		if _, err := done.Open([]byte("no"), nil); err == nil {
			t.Error("opened nonsense")
		}
		sys, err := k.System("session")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sys.Open(sealOwn(t, sys, "y", ""), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Hours(t.Context(), decided); err != nil { // what is counted so far is of the first hour
			t.Fatal(err)
		}
		p.pass(time.Hour)
		committed.Committed() // counts in the hour of its decision
		rolledBack.RolledBack()
		unused.Committed()
		if err := k.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		again := p.open(t)
		opens(t, person(t, again, s, customer).For(keyring.Ledger), sealed, nil, "x")
		got, err := again.Hours(t.Context(), decided)
		want := []map[keyring.Kind]int64{
			{keyring.Record: 4, keyring.Permits: 1, keyring.System: 1, keyring.KeyKind("session"): 1, keyring.Started: 1},
			{keyring.Discarded: 2, keyring.Ledger: 1, keyring.Started: 1, keyring.Stopped: 1},
		}
		if err != nil || len(got) != 2 || !got[1].At.Equal(decided.Add(time.Hour)) || fmt.Sprint(got[0].Count, got[1].Count) != fmt.Sprint(want[0], want[1]) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	})
}

// TestUnansweredOpeningIsWrittenDownFirst: the key that anybody gets opens
// nothing that is not counted in the key store already.
func TestUnansweredOpeningIsWrittenDownFirst(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k, s := p.open(t), loot.NewSubject()
		key := create(t, k, s, customer)
		sealed := key.Seal([]byte("x"), nil)
		written := func() (n int) {
			if err := p.db.ReadTx(t.Context(), func(tx *store.Tx) error {
				return tx.QueryRow(t.Context(), `SELECT COALESCE(SUM(count), 0) FROM keyring_operation WHERE kind = 'unanswered'`).Scan(&n)
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		opens(t, key, sealed, nil, "x")
		if n := written(); n != 1 {
			t.Errorf("%d are written down, want 1", n)
		}
		p.pass(48 * time.Hour)
		r, err := key.OpenStream(bytes.NewReader(nil), nil)
		if n := written(); n != 2 {
			t.Errorf("%d are written down after a stream (%v, %v), want 2", n, r, err)
		}
		// However long ago: what nothing answers for is always told.
		if hours, err := k.Hours(t.Context(), p.now().Add(-time.Hour)); err != nil || len(hours) != 2 {
			t.Errorf("%v, %v; want both hours", hours, err)
		}
		if err := p.db.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `DROP TABLE keyring_operation`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if got, err := key.Open(sealed, nil); err == nil {
			t.Errorf("opened %q although it could not be written down", got)
		}
		if err := p.db.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `CREATE TABLE keyring_operation (hour BIGINT NOT NULL, kind TEXT NOT NULL, count BIGINT NOT NULL, PRIMARY KEY (hour, kind))`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestStreamOpensOnlyWhole(t *testing.T) {
	p := newPlace(t, storetest.Open(t, storetest.SQLite(t), nil))
	k := p.open(t)
	key := create(t, k, loot.NewSubject(), customer)
	for _, size := range []int{0, 1, 1000, keyring.Segment, 3*keyring.Segment + 17} {
		plain := bytes.Repeat([]byte{7}, size)
		var b pieces
		w, err := key.SealStream(&b, []byte("file"))
		if err != nil {
			t.Fatal(err)
		}
		for rest := plain; len(rest) > 0; {
			n := min(len(rest), 999)
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		read := func(b []byte, ad string) ([]byte, error) {
			r, err := key.OpenStream(bytes.NewReader(b), []byte(ad))
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		}
		whole := bytes.Join(b, nil)
		if got, err := read(whole, "file"); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
		if _, err := read(whole, "other"); !errors.Is(err, keyring.ErrTampered) {
			t.Errorf("%d bytes as another file: %v", size, err)
		}
		if _, err := read(whole[:len(whole)-1], "file"); !errors.Is(err, keyring.ErrTampered) {
			t.Errorf("%d bytes, cut: %v", size, err)
		}
		if len(b) > 3 {
			if got, err := read(bytes.Join(b[:len(b)-1], nil), "file"); !errors.Is(err, keyring.ErrTampered) {
				t.Errorf("without the last segment: %d bytes, %v", len(got), err)
			}
			b[2], b[3] = b[3], b[2]
			if got, err := read(bytes.Join(b, nil), "file"); !errors.Is(err, keyring.ErrTampered) || len(got) > keyring.Segment {
				t.Errorf("reordered: %d bytes, %v", len(got), err)
			}
		}
	}
	broken := errors.New("line down")
	if r, err := key.OpenStream(io.MultiReader(strings.NewReader("\x28"), errReader{broken}), nil); !errors.Is(err, broken) {
		t.Errorf("a lost source: %v, %v", r, err)
	}
}

type pieces [][]byte

func (p *pieces) Write(b []byte) (int, error) {
	*p = append(*p, bytes.Clone(b))
	return len(b), nil
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

func TestMain(m *testing.M) {
	keyring.CheapPassphrases()
	if step := os.Getenv("KEYRING_KILL_AT"); step != "" {
		os.Exit(victim(step))
	}
	os.Exit(m.Run())
}
