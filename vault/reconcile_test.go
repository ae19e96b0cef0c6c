package vault_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/gate"
	"loot/keyring"
	"loot/store"
	"loot/vault"
)

// reconcile compares, and returns what incidents were raised for so far.
func (b *bench) reconcile(t testing.TB) []vault.Difference {
	t.Helper()
	if err := b.vault.Reconcile(t.Context()); err != nil {
		t.Fatalf("reconcile: %v", err)
	}
	return b.differences(t)
}

func (b *bench) differences(t testing.TB) (out []vault.Difference) {
	t.Helper()
	b.do(t, func(tx *store.Tx) error {
		out = nil
		var entries []string
		for r, err := range b.vault.Ledger.Facts(t.Context(), tx, time.Time{}, b.now().AddDate(1, 0, 0)) {
			if err != nil {
				return err
			}
			if r.Facts.Note == "incident.reconciliation" {
				entries = append(entries, r.ID)
			}
		}
		for _, id := range entries {
			d, ok, err := b.vault.Difference(t.Context(), tx, id)
			if err != nil || !ok {
				return fmt.Errorf("incident %s: %t, %w", id, ok, err)
			}
			out = append(out, d)
		}
		return nil
	})
	return out
}

// roundTheGate opens a value with nothing but the keyring and the database.
func (b *bench) roundTheGate(t testing.TB, s loot.Subject, f loot.Field) string {
	t.Helper()
	c := b.cell(t, s, f)
	key, err := b.keys.Person(t.Context(), s, customer)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := key.Of(f).Open(c.Sealed, c.Bound())
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestOpeningRoundTheGateIsAnIncident(t *testing.T) {
	eachAlike(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		b.clear(t, s, "contact.name", "contact.email")
		if got := b.reconcile(t); len(got) != 0 {
			t.Fatalf("honest openings: %+v", got)
		}
		if got := b.roundTheGate(t, s, "contact.name"); got != "Ada Lovelace" {
			t.Fatalf("the wrong caller got %q", got)
		}
		// Every node looks at the same time, and one of them raises it.
		nodes := []*bench{b, b.another(t), b.another(t)}
		var wg sync.WaitGroup
		for _, n := range nodes {
			wg.Go(func() {
				if err := n.vault.Reconcile(t.Context()); err != nil {
					t.Errorf("reconcile: %v", err)
				}
			})
		}
		wg.Wait()
		start := b.now().Truncate(time.Hour)
		got := b.reconcile(t)
		if len(got) != 1 || got[0].Unanswered != 1 || got[0].Unrecorded != 0 || got[0].Opened != 2 || got[0].Permits != 1 ||
			!got[0].Since.Equal(start) || got[0].Until.After(b.now()) {
			t.Fatalf("%+v; want one incident for one value", got)
		}
		// A stream counts too, a day later, on another node; the first is not told again.
		b.pass(24 * time.Hour)
		id := b.file(t, s, scan, "register.pdf", []byte("content"))
		key, err := nodes[1].keys.Person(t.Context(), s, customer)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := key.OpenStream(strings.NewReader(id), nil); err == nil {
			_, _ = io.ReadAll(r) // whatever comes of it: it was tried
		}
		if got := b.reconcile(t); len(got) != 2 || got[1].Unanswered != 1 {
			t.Errorf("%+v; want a second incident for one value", got)
		}
		// What a wrong caller does is told however late one looks.
		b.roundTheGate(t, s, "contact.email")
		b.roundTheGate(t, s, "contact.phone")
		b.pass(90 * 24 * time.Hour)
		if got := b.reconcile(t); len(got) != 3 || got[2].Unanswered != 2 {
			t.Errorf("%+v; want a third incident for two values", got)
		}
		if got := b.reconcile(t); len(got) != 3 {
			t.Errorf("told again: %+v", got)
		}
		b.do(t, func(tx *store.Tx) error {
			r, err := b.vault.Reconciled(t.Context(), tx)
			if err != nil || r.Ever != 4 || r.Difference != 0 || r.At.IsZero() {
				t.Errorf("%+v, %v; want none in the last day and four ever", r, err)
			}
			return nil
		})
	})
}

// TestPermitWithoutARecordIsAnIncident: what was opened for a permit that the
// ledger does not have any more.
func TestPermitWithoutARecordIsAnIncident(t *testing.T) {
	eachAlike(t, func(t *testing.T, b *bench) {
		t.Cleanup(vault.BusyHour(3))
		s := b.create(t, ada())
		open := func(n int) {
			for range n {
				b.clear(t, s, "contact.name")
			}
		}
		lose := func(n int) {
			b.exec(t, `DELETE FROM ledger_entry WHERE id IN (SELECT id FROM ledger_entry WHERE facts LIKE '%"action":"use"%' ORDER BY at DESC LIMIT `+fmt.Sprint(n)+`)`)
		}
		open(3)
		lose(1)
		if got := b.reconcile(t); len(got) != 1 || got[0].Unrecorded != 1 || got[0].Unanswered != 0 || got[0].Permits != 2 || got[0].Opened != 3 {
			t.Fatalf("%+v; want one incident for one permit", got)
		}
		// An hour in which much happens is compared once it is over.
		open(3)
		lose(2)
		if got := b.reconcile(t); len(got) != 1 {
			t.Errorf("a busy hour was compared before its end: %+v", got)
		}
		b.do(t, func(tx *store.Tx) error {
			if r, err := b.vault.Reconciled(t.Context(), tx); err != nil || !r.Until.IsZero() || r.Opened != 0 {
				t.Errorf("%+v, %v; want no sums of an hour that waits", r, err)
			}
			return nil
		})
		b.pass(time.Hour)
		if got := b.reconcile(t); len(got) != 2 || got[1].Unrecorded != 2 || got[1].Opened != 6 || got[1].Permits != 3 {
			t.Errorf("%+v; want a second incident for two more", got)
		}
		// The counts of another node come late, when the hour was compared.
		b.keysExec(t, `UPDATE keyring_operation SET count = count + 1 WHERE kind = 'permits'`)
		if got := b.reconcile(t); len(got) != 3 || got[2].Unrecorded != 1 {
			t.Errorf("%+v; want a third incident for one more", got)
		}
		if got := b.reconcile(t); len(got) != 3 {
			t.Errorf("told again: %+v", got)
		}
	})
}

func (b *bench) keysExec(t testing.TB, query string) {
	t.Helper()
	(&bench{clock: b.clock, db: b.keyDB, gate: b.gate}).exec(t, query)
}

// TestHonestWorkRaisesNoIncident: ten thousand openings and all that goes with
// them, on two nodes, while they are compared again and again.
func TestHonestWorkRaisesNoIncident(t *testing.T) {
	vault.SmallBatches(7)
	t.Cleanup(vault.BusyHour(100))
	eachAlike(t, func(t *testing.T, b *bench) {
		const rounds = 240
		nodes := []*bench{b, b.another(t)}
		fields := fieldsOf(ada())
		var people []loot.Subject
		for range 12 {
			people = append(people, b.create(t, ada()))
		}
		scanned := b.file(t, people[0], scan, "register.pdf", bytes.Repeat([]byte{7}, 1000))
		var mu sync.Mutex
		values, permits := 0, 0
		opened := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			values, permits = values+n, permits+1
		}
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := range rounds {
					n, s := nodes[i%2], people[(i*5+w)%len(people)]
					got, err := n.values(t, s, fields...)
					if err != nil || len(got) != len(fields) {
						t.Errorf("open: %d values, %v", len(got), err)
						return
					}
					opened(len(fields))
					switch i % 6 {
					case 0: // masked
						r := request(loot.Use, s, fields...)
						r.Actor = staff
						if err := n.with(t, r, func(tx *store.Tx, p gate.Permit) error { _, err := n.vault.Open(t.Context(), tx, p); return err }); err != nil {
							t.Errorf("masked: %v", err)
						}
						opened(len(fields))
					case 1: // rolled back
						if err := n.with(t, request(loot.Use, s, fields...), func(tx *store.Tx, p gate.Permit) error {
							_, err := n.vault.Open(t.Context(), tx, p)
							return errors.Join(err, errNever)
						}); !errors.Is(err, errNever) {
							t.Errorf("rolled back: %v", err)
						}
					case 2: // refused
						r := request(loot.Use, s, fields...)
						r.Purpose = "mail"
						if err := n.with(t, r, func(*store.Tx, gate.Permit) error { return errNever }); err == nil || errors.Is(err, errNever) {
							t.Errorf("not refused: %v", err)
						}
					case 3: // decided, and nothing opened
						if err := n.with(t, request(loot.Use, s, fields...), func(*store.Tx, gate.Permit) error { return nil }); err != nil {
							t.Errorf("decided: %v", err)
						}
					case 4: // a file, and a search
						c, err := n.openFile(t, people[0], scan, scanned)
						if err == nil {
							_, err = io.ReadAll(c)
						}
						if err != nil {
							t.Errorf("file: %v", err)
						}
						opened(2)
						n.find(t, "contact.email", "Ada@Engines.example")
					case 5:
						b.pass(90 * time.Second)
						if err := n.vault.Reconcile(t.Context()); err != nil {
							t.Errorf("reconcile: %v", err)
						}
					}
				}
			})
		}
		for i := range 2 {
			for err := nodes[i].vault.Rotate(t.Context(), customer); err != nil; err = nodes[i].vault.Rotate(t.Context(), customer) {
				t.Logf("once more: %v", err)
			}
		}
		wg.Wait()
		b.sound(t)
		nodes[1].counted(t) // writes what the other node counted
		b.pass(2 * time.Hour)
		if got := b.reconcile(t); len(got) != 0 {
			t.Errorf("honest work raised %d incidents, the first: %+v", len(got), got[0])
		}
		sum := b.counted(t)
		if sum[keyring.Record] != int64(values) || sum[keyring.Permits] != int64(permits) || sum[keyring.Unanswered] != 0 || sum[keyring.Discarded] == 0 || sum[keyring.System] == 0 || values < 10_000 {
			t.Errorf("%v; want %d values for %d permits", sum, values, permits)
		}
		b.do(t, func(tx *store.Tx) error {
			r, err := b.vault.Reconciled(t.Context(), tx)
			if err != nil || r.Opened != values || r.Permits <= permits || r.Difference != 0 || r.Until.After(r.At) {
				t.Errorf("%+v, %v; want %d values for more than %d permits", r, err, values, permits)
			}
			return nil
		})
	})
}

// TestReconciliationByJob: the timetable does it.
func TestReconciliationByJob(t *testing.T) {
	eachAlike(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		b.roundTheGate(t, s, "contact.name")
		told := make(chan string, 2)
		b.jobs.Listen("incident.raised", "test.listen", func(_ context.Context, notice string) error {
			told <- notice
			return nil
		})
		if err := b.jobs.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var notice string
		select {
		case notice = <-told:
		case <-ctx.Done():
			t.Error("nobody was told")
		}
		if err := b.jobs.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if got := b.differences(t); len(got) != 1 || got[0].Unanswered != 1 {
			t.Errorf("%+v; want one incident", got)
		}
		if !strings.Contains(notice, " reconciliation ") || strings.Contains(notice, string(s)) {
			t.Errorf("the notice is %q", notice)
		}
	})
}

const (
	childWork  = "LOOT_VAULT_CHILD"
	childData  = "LOOT_VAULT_DATA"
	childKeys  = "LOOT_VAULT_KEYS"
	childDir   = "LOOT_VAULT_DIR"
	childWhose = "LOOT_VAULT_WHOSE"
)

func TestMain(m *testing.M) {
	if work := os.Getenv(childWork); work != "" {
		if err := child(work); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child opens records as a server does, or round the gate, and says so, until
// it is killed.
func child(work string) error {
	ctx := context.Background()
	b := &bench{clock: &clock{t: time.Date(2026, 3, 1, 12, 1, 0, 0, time.UTC)}, dir: os.Getenv(childDir)}
	var err error
	if b.db, err = store.Open(ctx, os.Getenv(childData)); err != nil {
		return err
	}
	if b.keyDB, err = store.Open(ctx, os.Getenv(childKeys)); err != nil {
		return err
	}
	if err := b.assemble(ctx); err != nil {
		return err
	}
	s := loot.Subject(os.Getenv(childWhose))
	if work == "wrong" {
		key, err := b.keys.Person(ctx, s, customer)
		if err != nil {
			return err
		}
		if _, err := key.Open(key.Seal([]byte("x"), nil), nil); err != nil {
			return err
		}
		fmt.Println("opened")
		select {}
	}
	fails := make(chan error)
	for range 4 {
		go func() {
			for i := 0; ; i++ {
				err := b.gate.InTx(ctx, func(tx *store.Tx) error {
					p, err := b.gate.Decide(ctx, tx, request(loot.Use, s, fieldsOf(ada())...))
					if err != nil {
						return err
					}
					if _, err := b.vault.Open(ctx, tx, p); err != nil {
						return err
					}
					if i%5 == 4 {
						return errNever
					}
					return nil
				})
				if err != nil && !errors.Is(err, errNever) {
					fails <- err
				}
				fmt.Println("opened")
			}
		}()
	}
	return <-fails
}

// killedAfter runs a child and kills it once it said n times that it opened
// something.
func (b *bench) killedAfter(t *testing.T, work, data, keys string, s loot.Subject, n int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childWork+"="+work, childData+"="+data, childKeys+"="+keys, childDir+"="+b.dir, childWhose+"="+string(s))
	var said bytes.Buffer
	cmd.Stderr = &said
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for sc := bufio.NewScanner(pipe); sc.Scan(); {
		if lines++; lines == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || lines < n {
		t.Fatalf("the child was not killed: %d lines, %v, %s", lines, err, &said)
	}
}

// TestKilledProcessLeavesNoDifference: wherever a process that opens records is
// killed, no incident is raised; and a wrong caller hides nothing by it.
func TestKilledProcessLeavesNoDifference(t *testing.T) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			data, keys := url(t), url(t)
			here := func(u string) func(testing.TB) string { return func(testing.TB) string { return u } }
			b := newBench(t, here(data), here(keys))
			s := b.create(t, ada())
			for _, n := range []int{1, 40, 2500} {
				b.killedAfter(t, "honest", data, keys, s, n)
				if got := b.reconcile(t); len(got) != 0 {
					t.Fatalf("killed after %d openings: %+v", n, got)
				}
			}
			b.pass(2 * time.Hour)
			if got := b.reconcile(t); len(got) != 0 {
				t.Fatalf("once the hour is over: %+v", got)
			}
			b.killedAfter(t, "wrong", data, keys, s, 1)
			if got := b.reconcile(t); len(got) != 1 || got[0].Unanswered != 1 {
				t.Errorf("%+v; want the wrong caller found", got)
			}
			hours, err := b.keys.Hours(t.Context(), time.Time{})
			if err != nil || !slices.ContainsFunc(hours, func(h keyring.Hour) bool { return h.Count[keyring.Permits] > 100 }) {
				t.Errorf("the children counted next to nothing: %v, %v", hours, err)
			}
		})
	}
}
