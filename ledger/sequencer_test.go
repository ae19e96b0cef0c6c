package ledger_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loot"
	"loot/ledger"
	"loot/store"
)

// sound fails unless the log and the records agree and nothing is in twice.
func (b *bench) sound(l *ledger.Ledger, entries uint64) {
	b.t.Helper()
	if r := b.verify(l, ledger.Against{}); !r.OK() || r.Size != entries || r.Records != entries || r.Waiting != 0 {
		b.t.Errorf("want %d entries: %s", entries, r)
	}
}

// TestCrashBetweenLogAndDatabase: what reached the log but was not confirmed is
// found there again and not added twice.
func TestCrashBetweenLogAndDatabase(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		var crashes atomic.Int32
		l.OnStep(func(step string, _ func()) error {
			if step == "appended" && crashes.Add(1) <= 2 {
				return errors.New("crash")
			}
			return nil
		})
		b.run(l)
		b.fill(l, 500)
		b.fill(l, 500)
		b.sound(l, 1000)
		if crashes.Load() < 2 {
			t.Errorf("it crashed %d times only", crashes.Load())
		}
	})
}

// TestPausedLeaderAddsNothingTwice: a leader is paused right before it writes,
// the others take over as soon as they can, and it wakes up.
func TestPausedLeaderAddsNothingTwice(t *testing.T) {
	for _, c := range []struct {
		name, step string
		both       bool // it loses the folder's lock too, so another takes over meanwhile
	}{
		{"after reading, both locks lost", "read", true},
		{"after reading, the database's lock lost", "read", false},
		{"after checking, the database's lock lost", "checked", false},
		{"after appending, the database's lock lost", "appended", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				first, second := b.open(), b.open()
				paused, wake := make(chan struct{}), make(chan struct{})
				var once sync.Once
				stop := func(step string, lose func()) error {
					if step == c.step {
						once.Do(func() {
							lose()
							close(paused)
							select {
							case <-wake:
							case <-t.Context().Done():
							}
						})
					}
					return nil
				}
				if c.both {
					first.OnStep(stop)
				} else {
					first.LoseLead(stop)
				}
				b.run(first)
				s := b.person()
				ids := b.append(first, opening(s, b.now()), opening(s, b.now()), opening(s, b.now()))
				<-paused
				b.run(second)
				more := b.append(second, opening(s, b.now()))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := second.Await(ctx, more[0])
				if took := err == nil; took != c.both {
					t.Errorf("the second took over: %v (%v), want %v", took, err, c.both)
				}
				close(wake)
				b.append(first, opening(s, b.now()))
				b.sync(second)
				b.sound(second, uint64(len(ids)+2))
			})
		})
	}
}

// TestTwoNodesShareTheWork: whichever leads, entries of both get their places.
func TestTwoNodesShareTheWork(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		one, two := b.open(), b.open()
		stop := b.run(one)
		b.run(two)
		b.fill(one, 100)
		b.fill(two, 100)
		stop()
		b.fill(two, 100)
		b.sound(two, 300)
		if err := one.Ready(); loot.KindOf(err) != loot.Unavailable {
			t.Errorf("a closed ledger takes entries: %v", err)
		}
	})
}

// TestNoLogNoData: with the log unwritable none of 100 uses is recorded, each
// is refused within a second, on every node, and all is well again by itself
// when the log is.
func TestNoLogNoData(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		one, two := b.open(), b.open()
		b.run(one)
		b.run(two)
		b.fill(one, 10)
		s := b.person()

		away := b.dir + ".away"
		if err := os.Rename(b.dir, away); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(b.dir, nil, 0o600); err != nil { // no folder can be made there
			t.Fatal(err)
		}
		within(t, time.Second, "refuses", func() bool { return one.Ready() != nil && two.Ready() != nil })
		for i := range 100 {
			l := []*ledger.Ledger{one, two}[i%2]
			start := time.Now()
			err := b.db.InTx(t.Context(), func(tx *store.Tx) error {
				_, err := l.Append(t.Context(), tx, opening(s, b.now()))
				return err
			})
			if loot.KindOf(err) != loot.Unavailable || time.Since(start) > time.Second {
				t.Fatalf("use %d: %v after %v", i, err, time.Since(start))
			}
		}
		if items := b.timeline(one, s); len(items) != 0 {
			t.Errorf("%d uses were recorded", len(items))
		}
		if err := errors.Join(os.Remove(b.dir), os.Rename(away, b.dir)); err != nil {
			t.Fatal(err)
		}
		within(t, 5*time.Second, "recovers", func() bool { return one.Ready() == nil && two.Ready() == nil })
		b.append(one, opening(s, b.now()))
		b.append(two, opening(s, b.now()))
		b.sync(two)
		b.sound(two, 12)
	})
}

// TestOtherNodesHearOfAFailure: they refuse as soon as the database says that
// the sequencer failed, and until it says otherwise.
func TestOtherNodesHearOfAFailure(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		leader, other := b.open(), b.open()
		paused, wake := make(chan struct{}), make(chan struct{})
		var once sync.Once
		leader.OnStep(func(string, func()) error {
			once.Do(func() {
				close(paused)
				select {
				case <-wake:
				case <-t.Context().Done():
				}
			})
			return nil
		})
		b.run(leader)
		s := b.person()
		b.append(leader, opening(s, b.now()))
		<-paused
		b.run(other)
		if err := other.Ready(); err != nil {
			t.Fatal(err)
		}
		b.exec(`UPDATE ledger_state SET failed = 'the disk is full'`)
		within(t, time.Second, "refuses", func() bool { return other.Ready() != nil })
		close(wake)
		within(t, 2*time.Second, "recovers", func() bool { return other.Ready() == nil && leader.Ready() == nil })

		// The late word of a sequencer that leads no more is not believed for long.
		b.exec(`UPDATE ledger_state SET failed = 'I had a problem'`)
		within(t, 2*time.Second, "the word is gone", func() (gone bool) {
			b.read(func(tx *store.Tx) error {
				return tx.QueryRow(t.Context(), `SELECT COUNT(*) = 1 FROM ledger_state WHERE failed = ''`).Scan(&gone)
			})
			return gone
		})
		within(t, 2*time.Second, "recovers", func() bool { return other.Ready() == nil && leader.Ready() == nil })
	})
}

// TestLogSetBackIsNotContinued: adding to a log that lost entries would make a
// second history, so the ledger takes nothing until the folder is restored.
func TestLogSetBackIsNotContinued(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		stop := b.run(l)
		b.fill(l, 10)
		stop()
		older := b.dir + ".older"
		if err := os.CopyFS(older, os.DirFS(b.dir)); err != nil {
			t.Fatal(err)
		}
		stop = b.run(l)
		b.fill(l, 10)
		stop()
		newer := b.dir + ".newer"
		if err := errors.Join(os.Rename(b.dir, newer), os.Rename(older, b.dir)); err != nil {
			t.Fatal(err)
		}
		stop = b.run(l)
		within(t, 5*time.Second, "refuses", func() bool { return l.Ready() != nil })
		wants(t, b.verify(l, ledger.Against{}), ledger.CutTail, "entries 10–19")
		stop()
		if err := errors.Join(os.RemoveAll(b.dir), os.Rename(newer, b.dir)); err != nil {
			t.Fatal(err)
		}
		b.run(l)
		within(t, 5*time.Second, "recovers", func() bool { return l.Ready() == nil })
		b.fill(l, 10)
		b.sound(l, 30)
	})
}

// TestDatabaseSetBackIsReported: the log goes on, and the entries that lost
// their records are named for ever.
func TestDatabaseSetBackIsReported(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		stop := b.run(l)
		b.fill(l, 20)
		stop()
		b.exec(`DELETE FROM ledger_entry WHERE id IN (SELECT id FROM ledger_place WHERE idx >= 15)`)
		b.exec(`DELETE FROM ledger_place WHERE idx >= 15`)
		b.exec(`UPDATE ledger_state SET size = 15`)
		b.run(l)
		b.fill(l, 10)
		r := b.verify(l, ledger.Against{})
		if r.Size != 30 || r.Records != 25 || len(r.Problems) != 5 {
			t.Errorf("%s", r)
		}
		wants(t, r, ledger.Deletion, "entry 17")
	})
}

func TestWatchRefusesLagAndBacklog(t *testing.T) {
	flat := func(n int64) func(int) int64 { return func(int) int64 { return n } }
	for _, c := range []struct {
		name          string
		looks         int
		size, backlog func(int) int64
		want          bool
	}{
		{"idle", 100, flat(7), flat(0), false},
		{"one entry waits for less than five seconds", 20, flat(7), flat(1), false},
		{"one entry waits for more than five seconds", 22, flat(7), flat(1), true},
		{"much waits but keeps moving", 100, func(i int) int64 { return int64(i) * 1000 }, flat(19_000), false},
		{"it moves, yet every entry waits too long", 100, func(i int) int64 { return int64(i) * 1000 }, flat(22_000), true},
		{"too much waits", 1, flat(7), flat(100_001), true},
	} {
		if got := ledger.LookFor(c.looks, c.size, c.backlog); got != c.want {
			t.Errorf("%s: refused is %v, want %v", c.name, got, c.want)
		}
	}
}

// TestLogThatIsGoneIsNotBegunAnew: a second log under the same name would
// contradict every receipt of the first.
func TestLogThatIsGoneIsNotBegunAnew(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		stop := b.run(l)
		b.fill(l, 5)
		saved := b.dir + ".saved"
		if err := os.CopyFS(saved, os.DirFS(b.dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(b.dir); err != nil {
			t.Fatal(err)
		}
		within(t, time.Second, "refuses", func() bool { return l.Ready() != nil })
		stop()
		l = b.open() // as after a restart
		b.run(l)
		within(t, time.Second, "refuses", func() bool { return l.Ready() != nil })
		if _, err := os.Stat(b.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a folder was made where the log was: %v", err)
		}
		if err := os.Rename(saved, b.dir); err != nil {
			t.Fatal(err)
		}
		within(t, 5*time.Second, "recovers", func() bool { return l.Ready() == nil })
		b.fill(l, 5)
		b.sound(l, 10)
	})
}
