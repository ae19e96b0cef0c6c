package billing

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"loot"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
	"loot/gate"
	"loot/store"
	"loot/store/storetest"
)

// What tells a process of TestAProcess… where it works and where it ends.
const (
	childStore = "LOOT_TEST_CHILD"
	childKeys  = "LOOT_TEST_CHILD_KEYS"
	childDir   = "LOOT_TEST_CHILD_DIR"
	childPoint = "LOOT_TEST_CHILD_POINT" // 0: make the customers; -1: do all
)

// TestAProcessThatIsKilledInARunWritesNothingTwiceAndLosesNothing ends processes
// with SIGKILL at every step of a run of two pages and of an invoice that is taken back and
// written again, one after another on the same databases: no invoice is written twice, none
// is lost, numbers have no gap, and each has its documents.
func TestAProcessThatIsKilledInARunWritesNothingTwiceAndLosesNothing(t *testing.T) {
	if os.Getenv(childStore) != "" {
		runUntilKilled(t)
		return
	}
	t.Parallel()
	const customers = 3
	every := []int{
		1, 2, 3, 4, 5, 6, 7, // two are drawn, sealed and kept each, and issued at once
		3, 2, 3, 4, // they are drawn once more before the third is, and then it alone
		2, 2, 3, 4, 5, // the third is drawn once more; two are sealed and kept, and issued at once
	}
	for name, one := range map[string]struct {
		url    func(testing.TB) string
		points []int
	}{
		"sqlite": {desktest.Kernel.SQLite, every}, "postgres": {desktest.Kernel.Postgres, []int{1, 4, 6, 7, 3, 4, 3, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp("", "killed")
			ok(t, err)
			t.Cleanup(func() { os.RemoveAll(dir) })
			c := child{t, one.url(t), desktest.Keys(t), dir}
			subjects := map[string]bool{}
			for _, s := range c.run(0, "made") {
				subjects[s] = true
			}
			if len(subjects) != customers {
				t.Fatalf("%d customers", len(subjects))
			}
			db := storetest.Open(t, c.store, nil)
			for _, point := range one.points {
				c.run(point, "step")
				for n, i := range issuedIn(t, db) {
					if i.Sequence != int64(n+1) {
						t.Fatalf("killed at step %d, the %d. invoice has the number %s", point, n+1, i.Number)
					}
				}
			}
			if opened := c.run(-1, "opened"); len(opened) != customers+2 {
				t.Errorf("the documents of %d invoices are whole, want %d", len(opened), customers+2)
			}
			all := issuedIn(t, db)
			again := map[invoice.Kind]int{}
			for _, i := range all {
				if i.Kind != invoice.Commercial {
					again[i.Kind]++
					continue
				}
				if !subjects[string(i.Subject)] {
					t.Errorf("%s is nobody's, or the second of somebody", i.Number)
				}
				delete(subjects, string(i.Subject))
			}
			if len(all) != customers+2 || len(subjects) > 0 || again[invoice.CreditNote] != 1 || again[invoice.Corrected] != 1 {
				t.Errorf("%d invoices of %d customers, and of those written again %v", len(all), customers, again)
			}
		})
	}
}

func issuedIn(t *testing.T, db *store.DB) (out []Issued) {
	t.Helper()
	ok(t, db.ReadTx(t.Context(), func(tx *store.Tx) (err error) {
		out, err = readInvoices(t.Context(), tx, `ORDER BY i.series, i.sequence`)
		return err
	}))
	return out
}

// A child is where processes work that follow each other.
type child struct {
	*testing.T
	store, keys, dir string
}

// run has a process do its part, and returns what it said behind a word. One that
// is to be killed says which step it had come to, and must have been.
func (c child) run(point int, word string) (said []string) {
	c.Helper()
	self, err := os.Executable()
	ok(c, err)
	cmd := exec.CommandContext(c.Context(), self, "-test.run=^TestAProcessThatIsKilledInARun")
	cmd.Env = append(os.Environ(), childStore+"="+c.store, childKeys+"="+c.keys, childDir+"="+c.dir, childPoint+"="+strconv.Itoa(point))
	out, err := cmd.StdoutPipe()
	ok(c, err)
	ok(c, cmd.Start())
	var lines []string
	for in := bufio.NewScanner(out); in.Scan(); {
		lines = append(lines, in.Text())
		if rest, is := strings.CutPrefix(in.Text(), word+" "); is {
			said = append(said, rest)
		}
	}
	err = cmd.Wait()
	killed := cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled()
	if killed != (point > 0) || err != nil && !killed || len(said) == 0 {
		c.Fatalf("the process for step %d ended with %v: %s", point, err, strings.Join(lines, "\n"))
	}
	return said
}

func runUntilKilled(t *testing.T) {
	point, err := strconv.Atoi(os.Getenv(childPoint))
	ok(t, err)
	ctx := t.Context()
	db := storetest.Open(t, os.Getenv(childStore), nil)
	o := newOfficeIn(desktest.At(t, db, desktest.Base, os.Getenv(childDir), os.Getenv(childKeys)))
	s := desktest.Standard(t)
	if point == 0 {
		o.Open(s, o.b.Desk())
		for range 3 {
			fmt.Println("made", o.customer(meadow))
		}
		o.Drain()
		return
	}
	o.Kit.Gate.Know(s)
	ok(t, o.Kit.Gate.Refresh(ctx))
	o.S = s
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- o.Kit.Ledger.Run(running) }()
	o.after(december)
	var steps atomic.Int64
	o.b.at = func(step string) {
		if steps.Add(1) == int64(point) {
			fmt.Println("step", step)
			ok(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
			select {} // it ends here
		}
	}
	o.b.pageOf = 2
	_, err = o.b.startRun(ctx, november, clerk, false)
	ok(t, err)
	ok(t, o.b.runPages(ctx, pageArgs{Month: november}))
	if first := issuedIn(t, db)[0]; first.Credited == "" {
		ok(t, o.b.WriteAgain(ctx, again(first.Subject, town, "Othertown", first.Number), fine))
	}
	for _, i := range issuedIn(t, db) {
		for _, d := range documents {
			content, err := o.b.opened(ctx, i, d.name, gate.Request{Action: loot.Export, Actor: loot.Actor{Kind: loot.Person, ID: string(i.Subject)}})
			ok(t, err)
			if len(content) == 0 {
				t.Errorf("%s of %s is empty", d.name, i.Number)
			}
		}
		fmt.Println("opened", i.Number)
	}
	end()
	<-ended
}
