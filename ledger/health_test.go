package ledger_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"loot/ledger"
)

// TestAgeOfWhatWaits: the age grows until the oldest has its place, whatever
// comes after it, and is none when nothing waits.
func TestAgeOfWhatWaits(t *testing.T) {
	size := []int64{0, 0, 0, 0, 3, 5, 9, 9, 9}
	backlog := []int64{0, 3, 5, 6, 3, 1, 0, 2, 2}
	want := []time.Duration{0, 0, 1, 2, 2, 2, 0, 0, 1}
	for i := range want {
		want[i] *= time.Second
	}
	if got := ledger.AgesFor(size, backlog); !slices.Equal(got, want) {
		t.Errorf("ages %v, want %v", got, want)
	}
}

// TestWaitingIsSeen: what cannot get its place counts as waiting, and no more
// once it has it.
func TestWaitingIsSeen(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		l := b.open()
		held := make(chan struct{})
		l.OnStep(func(step string, _ func()) error {
			select {
			case <-held:
				return nil
			default:
				return errors.New("held back by the test")
			}
		})
		b.run(l)
		b.append(l, opening(b.person(), b.now()), opening(b.person(), b.now()))
		within(t, 10*time.Second, "two entries wait and grow old", func() bool {
			n, age := l.Lag()
			return n == 2 && age > 0
		})
		close(held)
		within(t, 10*time.Second, "none waits", func() bool {
			n, age := l.Lag()
			return n == 0 && age == 0 && l.Entries() == 2
		})
	})
}

// TestLibraryLog: the everyday news of the log's library is a detail.
func TestLibraryLog(t *testing.T) {
	for level, want := range map[slog.Level]string{
		slog.LevelInfo:  "level=WARN msg=trouble\n",
		slog.LevelDebug: "level=DEBUG msg=\"a folder is made\" a.b=1\nlevel=WARN msg=trouble\n",
	} {
		var out bytes.Buffer
		log := ledger.LibraryLog(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		log.WithGroup("a").With("b", 1).Info("a folder is made")
		log.Warn("trouble")
		if got := strings.TrimLeft(out.String(), " "); got != want {
			t.Errorf("at %v it logs %q, want %q", level, got, want)
		}
	}
}
