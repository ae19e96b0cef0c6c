package column_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"loot/column"
	"loot/column/columntest"
)

// The environment by which a test starts itself as the process to be killed.
const (
	childAddress = "LOOT_TEST_COLUMN"
	childRun     = "LOOT_TEST_COLUMN_RUN"
)

// kills is how often the long runs and the ordinary ones kill.
func kills() int {
	if os.Getenv("LOOT_SOAK") != "" {
		return 20
	}
	return 3
}

// child starts this test again as a process to be killed, and returns what it
// says line by line; kill ends it and its lines.
func child(t *testing.T, address string, run int) (lines <-chan string, kill func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.Command(self, "-test.run=^"+name+"$")
	cmd.Env = append(os.Environ(), childAddress+"="+address, fmt.Sprintf("%s=%d", childRun, run))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 100_000)
	go func() {
		for sc := bufio.NewScanner(out); sc.Scan(); {
			if strings.TrimSpace(sc.Text()) != "" {
				said <- sc.Text()
			}
		}
		close(said)
	}()
	return said, func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// TestKilledUnderLoadKeepsWhatItAcknowledged kills a process that appends with
// many clients while other days are sealed, again and again on the same store and
// as a rule in the middle of a seal: every row is there once, in both tables.
func TestKilledUnderLoadKeepsWhatItAcknowledged(t *testing.T) {
	if address := os.Getenv(childAddress); address != "" {
		appendUntilKilled(t, address)
		return
	}
	columntest.Each(t, func(t *testing.T, address string) {
		acknowledged := map[uint64]bool{}
		inSeal := 0
		for run := range kills() {
			lines, kill := child(t, address, run)
			n, sealing, killed := 0, false, false
			for line := range lines {
				if at, ok := strings.CutPrefix(line, sealAt); ok {
					sealing = at != sealDone
					if !killed && n >= 4000+1500*run && at == sealSteps[run%len(sealSteps)] {
						killed = true
						kill()
					}
					continue
				}
				var id uint64
				if c, _ := fmt.Sscanf(line, "ack %d.", &id); c == 1 && strings.HasSuffix(line, ".") {
					acknowledged[id] = true
					n++
				} else if !strings.HasSuffix(line, ".") || c == 0 {
					t.Errorf("kill %d: %s", run+1, line)
				}
			}
			if sealing {
				inSeal++
			}
			if n == 0 {
				t.Fatal("the child acknowledged nothing")
			}
			s, err := column.Open(t.Context(), address, views, column.Options{})
			if err != nil {
				t.Fatal(err)
			}
			times := map[uint64]int{}
			for _, query := range []string{
				"SELECT CAST(id AS BIGINT) AS id FROM test_view UNION ALL SELECT CAST(path AS BIGINT) AS id FROM test_page",
				"SELECT CAST(id AS BIGINT) AS id FROM test_stay UNION ALL SELECT CAST(path AS BIGINT) AS id FROM test_page",
			} {
				rows, err := s.Query(t.Context(), first, aside(run+1), query)
				if err != nil {
					t.Fatal(err)
				}
				for rows.Next() {
					var id uint64
					if err := rows.Scan(&id); err != nil {
						t.Fatal(err)
					}
					times[id]++
				}
				if err := rows.Err(); err != nil {
					t.Fatal(err)
				}
				rows.Close()
			}
			lost, doubled := 0, 0
			for id := range acknowledged {
				if times[id] == 0 {
					lost++
				}
			}
			for _, n := range times {
				if n != 2 {
					doubled++
				}
			}
			if lost > 0 || doubled > 0 {
				t.Errorf("kill %d: %d of %d acknowledged are lost, %d are not there once in each table", run+1, lost, len(acknowledged), doubled)
			}
			t.Logf("kill %d: %d acknowledged, %d there, a seal under way: %t", run+1, len(acknowledged), len(times), sealing)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if inSeal == 0 {
			t.Error("no kill came while a day was sealed")
		}
	})
}

// What the process to be killed says of its seals. It is killed at each of the
// steps in turn.
const (
	sealAt   = "a seal is "
	sealDone = "done."
)

var sealSteps = []string{"begun.", "closed.", "switched."}

// aside is the first of the days that a run seals beside those that it fills.
func aside(run int) column.Day { return first + 1000*column.Day(run+1) }

func appendUntilKilled(t *testing.T, address string) {
	var run int
	fmt.Sscan(os.Getenv(childRun), &run)
	var sealing atomic.Bool
	column.Step(func(name string) {
		if slices.Contains(sealSteps, name+".") && sealing.Load() {
			fmt.Println(sealAt + name + ".")
		}
	})
	s, err := column.Open(context.Background(), address, views, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	day := first + column.Day(run)
	var out sync.Mutex
	var next uint64
	number := func() uint64 {
		out.Lock()
		defer out.Unlock()
		next++
		return uint64(run)<<32 | next
	}
	said := map[string]bool{}
	for range 256 {
		go func() {
			for {
				id := number()
				err := s.Append(context.Background(), day, column.Batch{
					"test_view": {view(id, "a", id%100, fmt.Sprint(id))},
					"test_stay": {stay(id, "a", 1)},
				})
				out.Lock()
				if err == nil {
					fmt.Printf("ack %d.\n", id)
				} else if !said[err.Error()] {
					said[err.Error()] = true
					fmt.Println(err)
				}
				out.Unlock()
			}
		}()
	}
	seal := func(day column.Day) {
		fmt.Println(sealAt + sealSteps[0])
		sealing.Store(true)
		if err := s.Seal(context.Background(), day); err != nil {
			fmt.Println("seal:", err)
		}
		sealing.Store(false)
		fmt.Println(sealAt + sealDone)
	}
	for range 3 {
		seal(day - 1)
		if err := s.Rewrite(context.Background(), "site <> $1", "nobody"); err != nil {
			fmt.Println("rewrite:", err)
		}
	}
	for day := aside(run); ; day++ {
		b := column.Batch{}
		for range 100 {
			id := number()
			b["test_view"], b["test_stay"] = append(b["test_view"], view(id, "a", id%100, fmt.Sprint(id))), append(b["test_stay"], stay(id, "a", 1))
		}
		if err := s.Append(context.Background(), day, b); err != nil {
			fmt.Println(err)
		}
		for _, row := range b["test_view"] {
			fmt.Printf("ack %d.\n", row[0])
		}
		seal(day)
	}
}

// TestKilledAtEachStepOfASeal kills a process at each step in turn: the day is
// there once before and after it is sealed again, and nothing else is left.
func TestKilledAtEachStepOfASeal(t *testing.T) {
	if address := os.Getenv(childAddress); address != "" {
		var at int
		fmt.Sscan(os.Getenv(childRun), &at)
		n := 0
		column.Step(func(name string) {
			if n++; n == at {
				fmt.Println("at", name)
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		})
		s, err := column.Open(context.Background(), address, views, column.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Seal(context.Background(), first+1); err != nil {
			t.Fatal(err)
		}
		fmt.Println("done")
		return
	}
	columntest.Each(t, func(t *testing.T, address string) {
		fill := func(s column.Store, day column.Day) {
			var rows []column.Row
			for i := range uint64(300) {
				rows = append(rows, view(i, "a", i%50, "/"))
			}
			add(t, s, day, column.Batch{"test_view": rows, "test_stay": {stay(1, "a", 1)}})
		}
		count := func(s column.Store) string {
			return ask(t, s, first, first+2, "SELECT day, count(*) FROM (SELECT day FROM test_view UNION ALL SELECT day FROM test_page) AS v GROUP BY day ORDER BY day")
		}
		s, err := column.Open(t.Context(), address, views, column.Options{})
		if err != nil {
			t.Fatal(err)
		}
		fill(s, first)
		if err := s.Seal(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		fill(s, first+2)
		var steps []string
		for at, done := 1, false; !done; at++ {
			fill(s, first+1)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			lines, kill := child(t, address, at)
			for line := range lines {
				if name, ok := strings.CutPrefix(line, "at "); ok {
					steps = append(steps, name)
				}
				done = done || line == "done"
			}
			kill()
			if s, err = column.Open(t.Context(), address, views, column.Options{}); err != nil {
				t.Fatalf("killed at %v: %v", steps, err)
			}
			want := "20757 300\n20758 300\n20759 300"
			if got := count(s); got != want {
				t.Fatalf("killed at %v:\n%s", steps, got)
			}
			if err := s.Append(t.Context(), first+1, column.Batch{"test_view": {view(1, "x", 1, "/")}}); err != nil && !errors.Is(err, column.ErrSealed) {
				t.Fatalf("killed at %v: %v", steps, err)
			} else if err == nil {
				want = "20757 300\n20758 301\n20759 300"
			}
			if err := s.Seal(t.Context(), first+1); err != nil {
				t.Fatalf("killed at %v: %v", steps, err)
			}
			if got := count(s); got != want {
				t.Fatalf("killed at %v, and sealed then:\n%s", steps, got)
			}
			if got := ask(t, s, first+1, first+1, "SELECT (SELECT count(*) FROM test_view), (SELECT count(*) FROM test_stay), (SELECT sum(views) FROM test_path)"); got != "0 0 "+strings.Fields(want)[3] {
				t.Fatalf("killed at %v, and sealed then: %s", steps, got)
			}
			columntest.NoLeftovers(t, address)
			// For the next round the day is emptied and opened again.
			if err := s.Rewrite(t.Context(), "day <> $1", int(first+1)); err != nil {
				t.Fatal(err)
			}
			if err := s.Reopen(t.Context(), first+1); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
		if len(steps) < 4 {
			t.Errorf("the steps are %v", steps)
		}
		t.Log("killed at", steps)
	})
}
