package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/keyring"
	"loot/ledger"
	"loot/store"
	"loot/store/storetest"
)

const origin = "example.org/ledger"

// A bench is a ledger on a database of its own, and what it stands on.
type bench struct {
	t       testing.TB
	db      *store.DB
	keys    *keyring.Keyring
	dir     string
	now     func() time.Time
	log     *slog.Logger
	witness []ledger.WitnessAt
	quorum  int
}

// each runs a test on both databases.
func each(t *testing.T, f func(t *testing.T, b *bench)) {
	storetest.Each(t, map[string]fs.FS{"ledger": ledger.Migrations()}, func(t *testing.T, db *store.DB) {
		f(t, newBench(t, db))
	})
}

func newBench(t testing.TB, db *store.DB) *bench {
	t.Helper()
	b := &bench{t: t, db: db, dir: filepath.Join(t.TempDir(), "log"), now: time.Now, log: slog.New(slog.DiscardHandler)}
	b.keys = openKeys(t, t.TempDir(), b.now)
	return b
}

func openKeys(t testing.TB, dir string, now func() time.Time) *keyring.Keyring {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "keys.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	root, err := keyring.FileRoot(filepath.Join(dir, "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.Open(t.Context(), keyring.Config{
		DB: db, Dir: filepath.Join(dir, "keys"), Root: root, Now: now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close(context.Background()) })
	return keys
}

// open opens a ledger of the bench; several are several nodes.
func (b *bench) open() *ledger.Ledger {
	b.t.Helper()
	l, err := ledger.Open(b.t.Context(), ledger.Config{
		DB: b.db, Keyring: b.keys, Dir: b.dir, Origin: origin, Now: b.now, Log: b.log, Witnesses: b.witness, Quorum: b.quorum,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

// run runs the ledger until the returned function is called or the test ends.
func (b *bench) run(l *ledger.Ledger) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	within(b.t, 5*time.Second, "runs", func() bool { return !l.Ended() })
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("Run: %v", err)
		}
	}
	b.t.Cleanup(stop)
	return stop
}

// within fails unless the condition becomes true in time.
func within(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	end := time.After(limit)
	for tick := time.Tick(time.Millisecond); !ok(); {
		select {
		case <-tick:
		case <-end:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// person makes the key of somebody new.
func (b *bench) person() loot.Subject {
	b.t.Helper()
	s := loot.NewSubject()
	if err := b.keys.Create(b.t.Context(), s, "customer"); err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) append(l *ledger.Ledger, es ...ledger.Entry) []string {
	b.t.Helper()
	var ids []string
	err := b.db.InTx(b.t.Context(), func(tx *store.Tx) error {
		ids = nil
		for _, e := range es {
			id, err := l.Append(b.t.Context(), tx, e)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return ids
}

func (b *bench) read(f func(tx *store.Tx) error) {
	b.t.Helper()
	if err := b.db.ReadTx(b.t.Context(), f); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) sync(l *ledger.Ledger) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	if err := l.Sync(ctx); err != nil {
		b.t.Fatalf("Sync: %v", err)
	}
}

func (b *bench) timeline(l *ledger.Ledger, s loot.Subject) []ledger.Item {
	b.t.Helper()
	var items []ledger.Item
	b.read(func(tx *store.Tx) (err error) {
		items, err = l.Timeline(b.t.Context(), tx, s, "customer", "", 100)
		return err
	})
	return items
}

func (b *bench) receipt(l *ledger.Ledger, s loot.Subject, id string) []byte {
	b.t.Helper()
	var out []byte
	b.read(func(tx *store.Tx) (err error) {
		out, err = l.Receipt(b.t.Context(), tx, s, "customer", id)
		return err
	})
	return out
}

func opening(s loot.Subject, at time.Time) ledger.Entry {
	return ledger.Entry{
		Facts: ledger.Facts{
			At: at, Action: loot.Use, Purpose: "invoice", Verdict: ledger.Permitted, Clauses: []loot.Clause{"network.purpose"},
			Statement: "4f1c", ActorKind: loot.Staff, Role: "support", Collection: "customer", Fields: 3, Input: []byte(`{"action":"use","n":"<&>"}`),
		},
		Subject: &ledger.SubjectFacet{Subject: s, Collection: "customer", Fields: []loot.Field{"name", "contact.email"}},
		Actor:   ledger.ActorFacet{ID: "staff-7", Name: "Made-up Name", Reason: "a question about an invoice", Case: "i1"},
	}
}

func TestAppendedEntryIsOnTheTimelineAndProved(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		b.run(l)
		s := b.person()
		at := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
		id := b.append(l, opening(s, at))[0]

		items := b.timeline(l, s)
		if len(items) != 1 || items[0].ID != id || items[0].Subject.Fields[1] != "contact.email" || items[0].Facts.Role != "support" || items[0].Count != 1 {
			t.Fatalf("timeline is %+v", items)
		}
		if !items[0].At.Equal(at.Truncate(time.Microsecond)) {
			t.Errorf("it happened at %v, want %v", items[0].At, at)
		}
		b.sync(l)
		receipt := b.receipt(l, s, id)
		res, err := ledger.VerifyReceipt(receipt, l.VerifierKey(), nil)
		if err != nil || res.Verdict != ledger.Holds {
			t.Fatalf("receipt: %v, %+v\n%s", err, res.Fault, receipt)
		}
		if res.Subject.Subject != s || res.Facts.Purpose != "invoice" || res.Origin != origin {
			t.Errorf("receipt opens %+v and %+v", res.Subject, res.Facts)
		}
		if res, _ := ledger.VerifyReceipt(receipt, "", nil); res.Verdict != ledger.Consistent {
			t.Errorf("without a key the receipt %v", res.Verdict)
		}
		b.read(func(tx *store.Tx) error {
			a, err := l.Actor(t.Context(), tx, id)
			if a.Name != "Made-up Name" {
				t.Errorf("actor is %+v", a)
			}
			return err
		})
	})
}

func TestReceiptIsReadyWithinTwoSeconds(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		b.run(l)
		s := b.person()
		b.sync(l)
		for range 3 {
			start := time.Now()
			id := b.append(l, opening(s, b.now()))[0]
			within(t, 2*time.Second, "a receipt", func() bool {
				err := b.db.ReadTx(t.Context(), func(tx *store.Tx) error {
					_, err := l.Receipt(t.Context(), tx, s, "customer", id)
					return err
				})
				if err != nil && !errors.Is(err, ledger.ErrNotYet) {
					t.Fatal(err)
				}
				return err == nil
			})
			t.Logf("ready after %v", time.Since(start).Round(time.Millisecond))
		}
	})
}

func TestEntryAboutNobody(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		b.run(l)
		id := b.append(l, ledger.Entry{Facts: ledger.Facts{Verdict: ledger.Recorded, Note: "statement.announced"}})[0]
		b.sync(l)
		b.read(func(tx *store.Tx) error {
			p, err := l.Proof(t.Context(), tx, id)
			if err != nil {
				return err
			}
			res, _ := ledger.VerifyReceipt(p, l.VerifierKey(), nil)
			if res.Verdict != ledger.Holds || res.Subject != nil || res.Facts.Note != "statement.announced" || res.Facts.At.IsZero() {
				t.Errorf("proof: %v %v, opens %v and %v", res.Verdict, res.Fault, res.Subject, res.Facts)
			}
			return nil
		})
	})
}

func TestErasureLeavesTheEntryButNobodyInIt(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		b.run(l)
		s := b.person()
		id := b.append(l, opening(s, b.now()))[0]
		if err := b.keys.Destroy(t.Context(), s, "customer"); err != nil {
			t.Fatal(err)
		}
		after := b.append(l, opening(s, b.now()))[0] // what is recorded about the erasure itself
		b.sync(l)
		if items := b.timeline(l, s); len(items) != 0 {
			t.Errorf("the timeline still has %d entries", len(items))
		}
		b.read(func(tx *store.Tx) error {
			if _, err := l.Receipt(t.Context(), tx, s, "customer", id); loot.KindOf(err) != loot.NotFound {
				t.Errorf("receipt: %v", err)
			}
			for _, id := range []string{id, after} {
				if a, err := l.Actor(t.Context(), tx, id); err != nil || a.ID != "staff-7" {
					t.Errorf("who acted is lost: %v %v", a, err)
				}
			}
			n := 0
			for r, err := range l.Facts(t.Context(), tx, time.Time{}, b.now().Add(time.Hour)) {
				if err != nil {
					return err
				}
				if r.Facts.Fields == 3 {
					n++
				}
			}
			if n != 2 {
				t.Errorf("reports see %d entries, want 2", n)
			}
			var sealed int
			if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM ledger_entry WHERE id = $1 AND (subject IS NOT NULL OR person IS NOT NULL)`, after).Scan(&sealed); err != nil || sealed != 0 {
				t.Errorf("an entry after the erasure names the person: %d %v", sealed, err)
			}
			return nil
		})
	})
}

func TestTheTransactionThatAppendsFindsTheEntry(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		s := b.person()
		at := b.now()
		finds := map[string]func(tx *store.Tx, id string) (bool, error){
			"timeline": func(tx *store.Tx, _ string) (bool, error) {
				items, err := l.Timeline(t.Context(), tx, s, "customer", "", 10)
				return len(items) > 0, err
			},
			"actor": func(tx *store.Tx, id string) (bool, error) {
				a, err := l.Actor(t.Context(), tx, id)
				return a.ID != "", err
			},
			"facts": func(tx *store.Tx, _ string) (bool, error) {
				for _, err := range l.Facts(t.Context(), tx, at.Add(-time.Hour), at.Add(time.Hour)) {
					return true, err
				}
				return false, nil
			},
			"permits": func(tx *store.Tx, _ string) (bool, error) {
				n, err := l.Permits(t.Context(), tx, at.Add(-time.Hour), at.Add(time.Hour))
				return n > 0, err
			},
			"receipt": func(tx *store.Tx, id string) (bool, error) {
				_, err := l.Receipt(t.Context(), tx, s, "customer", id)
				return errors.Is(err, ledger.ErrNotYet), nil
			},
		}
		undone := errors.New("undone")
		for name, find := range finds {
			if err := b.db.InTx(t.Context(), func(tx *store.Tx) error {
				id, err := l.Append(t.Context(), tx, opening(s, at))
				if err != nil {
					return err
				}
				if found, err := find(tx, id); err != nil || !found {
					t.Errorf("%s: found %v: %v", name, found, err)
				}
				return undone
			}); !errors.Is(err, undone) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestAnEntryIsAsItWasAppended, whatever its caller does with its lists before the end of
// the transaction.
func TestAnEntryIsAsItWasAppended(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		defer b.run(l)()
		e := opening(b.person(), b.now())
		e.Facts.Clauses, e.Subject.Fields, e.Subject.Covered = []loot.Clause{"network.visit"}, []loot.Field{"company.name", "contact.email"}, []loot.Field{"contact.email"}
		err := b.db.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := l.Append(t.Context(), tx, e)
			e.Facts.Clauses[0], e.Subject.Fields[0], e.Subject.Covered[0], e.Subject.Recipient = "other", "other", "other", "other"
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b.sync(l)
		if got := fmt.Sprintf("%+v", b.timeline(l, e.Subject.Subject)); strings.Contains(got, "other") || !strings.Contains(got, "company.name") {
			t.Error(got)
		}
	})
}

func TestRollbackLeavesNoEntry(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		s := b.person()
		undone := errors.New("undone")
		err := b.db.InTx(t.Context(), func(tx *store.Tx) error {
			if _, err := l.Append(t.Context(), tx, opening(s, b.now())); err != nil {
				return err
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		if items := b.timeline(l, s); len(items) != 0 {
			t.Errorf("%d entries remain", len(items))
		}
	})
}

func TestTimelinePages(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		s, other := b.person(), b.person()
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var want []string
		for i := range 7 {
			b.append(l, opening(other, start))
			want = append(want, b.append(l, opening(s, start.Add(time.Duration(i/2)*time.Second)))...) // some at the same instant
		}
		var got []string
		var last time.Time
		for before := ""; ; before = got[len(got)-1] {
			var page []ledger.Item
			b.read(func(tx *store.Tx) (err error) {
				page, err = l.Timeline(t.Context(), tx, s, "customer", before, 3)
				return err
			})
			if len(page) == 0 {
				break
			}
			for _, it := range page {
				if !last.IsZero() && it.At.After(last) {
					t.Error("not newest first")
				}
				last = it.At
				got = append(got, it.ID)
			}
		}
		if len(got) != len(want) {
			t.Errorf("pages have %d entries, want %d", len(got), len(want))
		}
		b.read(func(tx *store.Tx) error {
			if _, err := l.Timeline(t.Context(), tx, other, "customer", got[0], 3); loot.KindOf(err) != loot.NotFound {
				t.Errorf("another person's entry as a cursor: %v", err)
			}
			return nil
		})
	})
}

func TestGagHidesUntilItsDate(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		now := time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
		b.now = func() time.Time { return now }
		l := b.open()
		b.run(l)
		s := b.person()
		open := b.append(l, opening(s, now))[0]
		secret := opening(s, now)
		secret.Gag = now.AddDate(0, 6, 0)
		hidden := b.append(l, secret)[0]
		b.sync(l)
		see := func() (seen []string, facts int, receipt error) {
			for _, it := range b.timeline(l, s) {
				seen = append(seen, it.ID)
			}
			b.read(func(tx *store.Tx) error {
				_, receipt = l.Receipt(t.Context(), tx, s, "customer", hidden)
				if _, err := l.Proof(t.Context(), tx, hidden); (err == nil) != (receipt == nil) {
					t.Errorf("proof and receipt differ: %v %v", err, receipt)
				}
				for range l.Facts(t.Context(), tx, time.Time{}, now.AddDate(1, 0, 0)) {
					facts++
				}
				return nil
			})
			return
		}
		seen, facts, err := see()
		if len(seen) != 1 || seen[0] != open || facts != 1 {
			t.Errorf("under the gag: %v seen, %d facts", seen, facts)
		}
		unknown := func() (err error) {
			b.read(func(tx *store.Tx) error {
				_, err = l.Receipt(t.Context(), tx, s, "customer", loot.NewID("e"))
				return nil
			})
			return err
		}()
		if err == nil || err.Error() != unknown.Error() {
			t.Errorf("a gagged entry is told apart from none: %v, %v", err, unknown)
		}
		b.read(func(tx *store.Tx) error { // reconciliation counts it all the same
			n, err := l.Permits(t.Context(), tx, time.Time{}, now.AddDate(1, 0, 0))
			if n != 2 || err != nil {
				t.Errorf("%d permits, %v", n, err)
			}
			return err
		})
		now = now.AddDate(0, 7, 0)
		if seen, facts, err := see(); len(seen) != 2 || err != nil || facts != 2 {
			t.Errorf("after the gag: %v seen, receipt %v, %d facts", seen, err, facts)
		}
	})
}

func TestRepeatsShareOneRecord(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		now := time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
		b.now = func() time.Time { return now }
		l := b.open()
		s, other := b.person(), b.person()
		refused := func(s loot.Subject) string {
			e := opening(s, now)
			e.Facts.Verdict, e.Facts.Fields, e.Repeat = ledger.Refused, 0, "staff-7/use/invoice"
			return b.append(l, e)[0]
		}
		first := refused(s)
		for range 4 {
			if again := refused(s); again != first {
				t.Errorf("a repeat has the record %s, want %s", again, first)
			}
		}
		if refused(other) == first {
			t.Error("two people share a record")
		}
		now = now.AddDate(0, 0, 1)
		refused(s)
		items := b.timeline(l, s)
		if len(items) != 2 || items[1].Count != 5 || items[0].Count != 1 {
			t.Errorf("timeline is %+v", items)
		}
	})
}

// TestNoCheckpointYet: before its first entry a ledger has nothing to sign,
// which passes.
func TestNoCheckpointYet(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		if _, err := b.open().Checkpoint(); loot.KindOf(err) != loot.Unavailable || !strings.Contains(loot.Message(err), "no signed checkpoint yet") {
			t.Errorf("got %v", err)
		}
	})
}
