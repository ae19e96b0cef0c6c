package keyring_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"loot"
	"loot/keyring"
	"loot/store"
	"loot/store/storetest"
)

// finish carries a rotation to its end.
func finish(t testing.TB, k *keyring.Keyring, c loot.Collection) {
	t.Helper()
	for {
		left, err := k.RewrapBatch(t.Context(), c, 30)
		if err != nil {
			t.Fatalf("re-wrap: %v", err)
		}
		if left == 0 {
			break
		}
	}
	if left, err := k.DestroyOld(t.Context(), c); err != nil || left != 0 {
		t.Fatalf("destroy old: %d left, %v", left, err)
	}
}

func check(t testing.TB, k *keyring.Keyring) keyring.Report {
	t.Helper()
	r, err := k.Check(t.Context())
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	return r
}

func sound(t testing.TB, k *keyring.Keyring) {
	t.Helper()
	for _, p := range check(t, k).Problems {
		t.Errorf("problem: %v", p)
	}
}

func epochFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "epoch.*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	return files
}

func TestRotationReplacesTheEpoch(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k := p.open(t)
		sealed := map[loot.Subject][]byte{}
		for range 10 {
			s := loot.NewSubject()
			sealed[s] = create(t, k, s, customer).Seal([]byte(s), nil)
		}
		create(t, k, loot.NewSubject(), applicant)
		elsewhere := p.open(t)
		_, first, _, _ := k.Index(t.Context(), customer, "email", "ada@example.com")

		if n, err := k.Rotate(t.Context(), customer); n != 2 || err != nil {
			t.Fatalf("rotate: %d, %v", n, err)
		}
		for _, k := range []*keyring.Keyring{k, elsewhere} {
			n, now, other, err := k.Index(t.Context(), customer, "email", "ada@example.com")
			if err != nil || n != 2 || bytes.Equal(now, first) || len(other) != 1 || !bytes.Equal(other[0], first) {
				t.Errorf("index in the second epoch: %d, %x, %x, %v", n, now, other, err)
			}
		}
		if left, err := k.DestroyOld(t.Context(), customer); left != 10 || err != nil {
			t.Errorf("destroyed too early: %d left, %v", left, err)
		}
		if left, err := k.RewrapBatch(t.Context(), customer, 4); left != 6 || err != nil {
			t.Errorf("after a batch of 4: %d left, %v", left, err)
		}
		finish(t, k, customer)
		if got := epochFiles(t, p.dir); !slices.Equal(got, []string{"epoch.applicant.1.key", "epoch.customer.2.key"}) {
			t.Errorf("files: %v", got)
		}
		if _, _, other, _ := elsewhere.Index(t.Context(), customer, "email", "x"); len(other) != 0 {
			t.Error("the destroyed epoch still indexes elsewhere")
		}
		again := p.open(t)
		for s, b := range sealed {
			opens(t, person(t, again, s, customer), b, nil, string(s))
		}
		sound(t, again)
	})
}

// TestRotationWhileServing: nothing fails and nothing is lost while epochs
// come and go under those who write and read, in two processes.
func TestRotationWhileServing(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		ks := []*keyring.Keyring{p.open(t), p.open(t)}
		var mu sync.Mutex
		sealed := map[loot.Subject][]byte{}
		var stop atomic.Bool
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				k := ks[w%2]
				for i := 0; i < 10 || i < 200 && !stop.Load(); i++ {
					s := loot.NewSubject()
					if err := k.Create(context.Background(), s, customer); err != nil {
						t.Errorf("create: %v", err)
						return
					}
					key, err := ks[(w+1)%2].Person(context.Background(), s, customer)
					if err != nil {
						t.Errorf("person: %v", err)
						return
					}
					mu.Lock()
					sealed[s] = key.Seal([]byte(s), nil)
					mu.Unlock()
				}
			})
		}
		for i := range 4 {
			k := ks[i%2]
			if _, err := k.Rotate(t.Context(), customer); err != nil {
				t.Errorf("rotate: %v", err)
			}
			finish(t, k, customer)
			p.pass(time.Minute) // what is held expires, so that keys are read again
		}
		stop.Store(true)
		wg.Wait()
		k := p.open(t)
		for s, b := range sealed {
			opens(t, person(t, k, s, customer), b, nil, string(s))
		}
		sound(t, k)
		if got := epochFiles(t, p.dir); !slices.Equal(got, []string{"epoch.customer.5.key"}) {
			t.Errorf("files: %v", got)
		}
	})
}

func TestGuardKeepsAnEpoch(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k := p.open(t)
		create(t, k, loot.NewSubject(), customer)
		needed := 2
		k.Guard(func(_ context.Context, c loot.Collection, epoch int) (int, error) {
			if c != customer || epoch != 1 {
				t.Errorf("asked about epoch %d of %s", epoch, c)
			}
			return needed, nil
		})
		if _, err := k.Rotate(t.Context(), customer); err != nil {
			t.Fatal(err)
		}
		if _, err := k.RewrapBatch(t.Context(), customer, 10); err != nil {
			t.Fatal(err)
		}
		if left, err := k.DestroyOld(t.Context(), customer); left != 2 || err != nil {
			t.Errorf("%d left, %v", left, err)
		}
		needed = 0
		finish(t, k, customer)
	})
}

func TestDestroyedKeyDoesNotKeepAnEpoch(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k, s := p.open(t), loot.NewSubject()
		create(t, k, s, customer)
		if err := k.Destroy(t.Context(), s, customer); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Rotate(t.Context(), customer); err != nil {
			t.Fatal(err)
		}
		finish(t, k, customer)
		if r := check(t, k); r.Destroyed != 1 || len(r.Problems) > 0 {
			t.Errorf("%+v", r)
		}
	})
}

func TestSecretIsKept(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		n := 0
		fresh := func() []byte { n++; return []byte(fmt.Sprintf("secret %d", n)) }
		for range 2 {
			if got, err := p.open(t).Secret("ledger", fresh); err != nil || string(got) != "secret 1" {
				t.Errorf("%q, %v", got, err)
			}
		}
		text, err := os.ReadFile(filepath.Join(p.dir, "secret.ledger.key"))
		if err != nil || bytes.Contains(text, []byte("secret 1")) || bytes.Contains(text, []byte("c2VjcmV0IDE")) {
			t.Errorf("in the clear on disk, or %v", err)
		}
		if _, err := p.open(t).Secret("../escape", fresh); err == nil {
			t.Error("a name that leaves the folder")
		}
	})
}

// TestFleetingSecretIsDestroyed: it outlives a restart, no backup takes it or
// its epoch key, and once that is destroyed no file of the folder holds it,
// though the root opens all of them; what is left says that it was.
func TestFleetingSecretIsDestroyed(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		n := 0
		const secret = "day.2026-11-23"
		try := func() (string, error) {
			got, err := p.open(t).Fleeting(t.Context(), secret, func() []byte { n++; return []byte(fmt.Sprintf("secret %d", n)) })
			return string(got), err
		}
		get := func() string {
			t.Helper()
			got, err := try()
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		if a, b := get(), get(); a != "secret 1" || b != a {
			t.Errorf("%q, then %q", a, b)
		}
		var deleted []*os.File // the very files, once they are deleted
		for _, name := range []string{"fleetingepoch." + secret + ".key", "fleeting." + secret + ".key"} {
			if keyring.BackedUp(name) {
				t.Errorf("a backup takes %s", name)
			}
			f, err := os.Open(filepath.Join(p.dir, name))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			deleted = append(deleted, f)
		}
		if !keyring.BackedUp("secret.ledger.key") {
			t.Error("a backup misses another")
		}
		k := p.open(t)
		names := func(want ...string) {
			t.Helper()
			if names, err := k.Fleetings(); err != nil || !slices.Equal(names, want) {
				t.Errorf("%q, %v", names, err)
			}
		}
		names(secret)
		if r, err := k.Check(t.Context()); err != nil || len(r.Problems) > 0 {
			t.Errorf("a check finds %v, %v", r.Problems, err)
		}
		for range 2 {
			if err := k.Forget(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
		}
		names(secret)
		if got, err := try(); !errors.Is(err, keyring.ErrMissing) {
			t.Errorf("destroyed: %q, %v", got, err)
		}
		if r, err := k.Check(t.Context()); err != nil || len(r.Problems) > 0 {
			t.Errorf("destroyed, a check finds %v, %v", r.Problems, err)
		}
		for range 2 {
			if err := k.Discard(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
		}
		names()
		for _, f := range deleted {
			if left, err := io.ReadAll(f); err != nil || bytes.Contains(left, []byte("fleeting")) {
				t.Errorf("the deleted file still holds %q, %v", left, err)
			}
		}
		if got := get(); got != "secret 2" {
			t.Errorf("%q after it was destroyed", got)
		}
		// A process that was killed between the two left the epoch key.
		if err := os.Remove(filepath.Join(p.dir, "fleeting."+secret+".key")); err != nil {
			t.Fatal(err)
		}
		names(secret)
		if got := get(); got != "secret 3" {
			t.Errorf("%q under an epoch key that was left", got)
		}
	})
}

// The work that is killed, by name.
var victims = map[string]func(ctx context.Context, k *keyring.Keyring) error{
	"epoch": func(ctx context.Context, k *keyring.Keyring) error {
		if _, err := k.Rotate(ctx, customer); err != nil {
			return err
		}
		for left := 1; left > 0; {
			var err error
			if left, err = k.RewrapBatch(ctx, customer, 4); err != nil {
				return err
			}
		}
		_, err := k.DestroyOld(ctx, customer)
		return err
	},
	"root": func(ctx context.Context, k *keyring.Keyring) error {
		_, err := k.RotateRoot(ctx)
		return err
	},
	"system": func(ctx context.Context, k *keyring.Keyring) error {
		s, err := k.System("staff")
		if err != nil {
			return err
		}
		defer keyring.SmallBatches(3)()
		s.Hold(k.DB, desk)
		if err := s.Rotate(ctx); err != nil {
			return err
		}
		if _, err := s.Finish(ctx); err != nil {
			return err
		}
		victimClock.pass(time.Hour)
		r, err := s.Finish(ctx)
		if err == nil && r.Former > 0 {
			err = errors.New("the former version is still there")
		}
		return err
	},
	"first": func(ctx context.Context, k *keyring.Keyring) error {
		_, err := k.Epoch(ctx, "visitor")
		return err
	},
	"destroy": func(ctx context.Context, k *keyring.Keyring) error {
		var s loot.Subject
		if err := k.Persons(ctx, false, func(page []keyring.Person) error {
			for _, p := range page {
				if s == "" && !p.Destroyed {
					s = p.Subject
				}
			}
			return nil
		}); err != nil {
			return err
		}
		return k.Destroy(ctx, s, customer)
	},
}

// victimClock is the time of those who do the work, in whichever process.
var victimClock = newClock()

// victim does the work in a child process, and kills the process at its n-th
// step. It returns 0 if there were fewer.
func victim(at string) int {
	ctx := context.Background()
	fail := func(err error) int { fmt.Fprintln(os.Stderr, err); return 1 }
	n, err := strconv.Atoi(at)
	if err != nil {
		return fail(err)
	}
	db, err := store.Open(ctx, os.Getenv("KEYRING_URL"))
	if err != nil {
		return fail(err)
	}
	defer db.Close()
	c, err := rooted(keyring.Config{DB: db, Dir: os.Getenv("KEYRING_DIR"), Now: victimClock.now, Log: quiet}, os.Getenv("KEYRING_ROOT"), os.Getenv("KEYRING_FORMER"))
	if err != nil {
		return fail(err)
	}
	k, err := keyring.Open(ctx, c)
	if err != nil {
		return fail(err)
	}
	k.StopAt(func(step string) {
		if n--; n == 0 {
			fmt.Println(step)
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	if err := victims[os.Getenv("KEYRING_WORK")](ctx, k); err != nil {
		return fail(err)
	}
	return 0
}

// TestKilledAtEveryStep kills each kind of work at each of its steps. After
// every kill all that was sealed still opens, doing the work again finishes
// it, and nothing is left over.
func TestKilledAtEveryStep(t *testing.T) {
	steps := map[string]int{"epoch": 7, "root": 5, "system": 6, "first": 2, "destroy": 1}
	for _, engine := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", storetest.SQLite}, {"postgres", storetest.Postgres}} {
		for work := range victims {
			t.Run(engine.name+"/"+work, func(t *testing.T) {
				kills := 0
				for n := 1; killed(t, engine.url(t), work, n, "", ""); n++ {
					kills++
				}
				if kills < steps[work] {
					t.Errorf("killed at %d steps; want %d or more", kills, steps[work])
				}
			})
		}
	}
}

// TestReplacementOfTheRootKilledAtEveryStep replaces each kind of root by each,
// and by another of its own kind.
func TestReplacementOfTheRootKilledAtEveryStep(t *testing.T) {
	kinds := map[string]func(t *testing.T) string{
		"file":       func(t *testing.T) string { return "file:" + filepath.Join(t.TempDir(), "root.key") },
		"passphrase": func(*testing.T) string { return "passphrase:" + rand.Text() },
		"transit":    func(t *testing.T) string { name, _ := newTransit(t); return name },
	}
	for from, former := range kinds {
		for to, root := range kinds {
			t.Run(from+" to "+to, func(t *testing.T) {
				kills := 0
				for n := 1; killed(t, storetest.SQLite(t), "root", n, former(t), root(t)); n++ {
					kills++
				}
				if kills != 3 { // tried, two files
					t.Errorf("killed at %d steps", kills)
				}
			})
		}
	}
}

// killed does the work, kills it at its n-th step and looks what is left. If a
// former root is named, the work begins under that and goes on with both.
func killed(t *testing.T, url, work string, n int, former, root string) bool {
	t.Helper()
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, db)
	p.clock, p.root = victimClock, former
	k, err := keyring.Open(t.Context(), p.config(t))
	if err != nil {
		t.Fatal(err)
	}
	sealed := map[loot.Subject][]byte{}
	for range 9 {
		s := loot.NewSubject()
		sealed[s] = create(t, k, s, customer).Seal([]byte(s), nil)
	}
	sys, err := k.System("staff")
	if err != nil {
		t.Fatal(err)
	}
	before := sealOwn(t, sys, "who", "")
	makeDesk(t, db)
	for i := range 7 {
		putOnDesk(t, db, sys, fmt.Sprint("row", i), "who")
	}
	if err := errors.Join(k.Close(t.Context()), db.Close()); err != nil {
		t.Fatal(err)
	}

	p.root, p.former = root, former
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "KEYRING_KILL_AT="+strconv.Itoa(n), "KEYRING_WORK="+work,
		"KEYRING_URL="+url, "KEYRING_ROOT="+p.rootName(), "KEYRING_FORMER="+former, "KEYRING_DIR="+p.dir)
	var errs strings.Builder
	cmd.Stderr = &errs
	step, err := cmd.Output()
	var exit *exec.ExitError
	dead := errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled()
	if err != nil && !dead {
		t.Fatalf("child: %v: %s", err, errs.String())
	}

	if p.db, err = store.Open(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.db.Close() })
	whole := func(k *keyring.Keyring, when string) {
		t.Helper()
		gone := 0
		for s, b := range sealed {
			key, err := k.Person(t.Context(), s, customer)
			if errors.Is(err, keyring.ErrShredded) && work == "destroy" {
				gone++
				continue
			}
			if err != nil {
				t.Fatalf("%s, killed at %s: %v", when, step, err)
			}
			opens(t, key, b, nil, string(s))
		}
		if gone > 2 {
			t.Errorf("%s, killed at %s: %d keys are gone", when, step, gone)
		}
		sys, err := k.System("staff")
		if err != nil {
			t.Fatal(err)
		}
		for id, got := range onDesk(t, p.db, sys) {
			if got != "who" {
				t.Errorf("%s, killed at %s: system key: %s is %q", when, step, id, got)
			}
		}
	}
	k = p.open(t)
	whole(k, "after the kill")
	if err := victims[work](t.Context(), k); err != nil {
		t.Fatalf("again, killed at %s: %v", step, err)
	}
	if p.former != "" {
		p.root, p.former = former, ""
		if _, err := keyring.Open(t.Context(), p.config(t)); loot.KindOf(err) != loot.Unavailable {
			t.Errorf("killed at %s: the former root still opens: %v", step, err)
		}
		p.root = root
	}
	whole(p.open(t), "after doing it again")
	if _, err := system(t, p.open(t), "staff").Open(before, nil); (err == nil) == (work == "system") {
		t.Errorf("killed at %s: what was sealed before the work: %v", step, err)
	}
	sound(t, k)
	if entries, _ := os.ReadDir(p.dir); work != "first" && len(entries) != 2 {
		t.Errorf("killed at %s: left over: %v", step, entries)
	}
	return dead
}

func readElsewhere(t *testing.T, path string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "cat", path).Output()
	if err != nil {
		t.Fatalf("cat %s: %v", path, err)
	}
	return out
}
