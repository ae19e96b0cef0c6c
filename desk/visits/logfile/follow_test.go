package logfile_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"loot/desk/visits/logfile"
)

// A live is a log that a server writes into.
type live struct {
	t    *testing.T
	path string
}

func newLive(t *testing.T) live { return live{t, filepath.Join(t.TempDir(), "access.log")} }

func (l live) check(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l live) write(path, text string) {
	l.t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	l.check(err)
	_, err = f.WriteString(text)
	l.check(errors.Join(err, f.Close()))
}

func request(path string) string {
	return "192.0.2.1 - - [28/Nov/2026:10:00:00 +0000] \"GET " + path + " HTTP/1.1\" 200 1 \"-\" \"x\"\n"
}

func requests(paths ...string) string {
	var b strings.Builder
	for _, path := range paths {
		b.WriteString(request(path))
	}
	return b.String()
}

// read is what a follower finds now.
func (l live) read(f *logfile.Follower) string {
	l.t.Helper()
	var paths []string
	for {
		line, err := f.Next()
		if errors.Is(err, io.EOF) {
			return strings.Join(paths, " ")
		}
		l.check(err)
		paths = append(paths, line.Path)
	}
}

func (l live) want(f *logfile.Follower, want string) {
	l.t.Helper()
	if got := l.read(f); got != want {
		l.t.Fatalf("got %q, want %q", got, want)
	}
}

func (l live) follow(marks ...logfile.Mark) *logfile.Follower {
	l.t.Helper()
	f, err := logfile.Follow(l.path, logfile.Options{}, marks...)
	l.check(err)
	l.t.Cleanup(func() { f.Close() })
	return f
}

func TestFollowWaitsForMore(t *testing.T) {
	l := newLive(t)
	f := l.follow()
	l.want(f, "")
	l.write(l.path, requests("/1", "/2"))
	l.want(f, "/1 /2")
	half := request("/3")
	l.write(l.path, half[:40])
	l.want(f, "")
	if f.Counts().Unfinished != 40 {
		t.Errorf("got %+v", f.Counts())
	}
	l.write(l.path, half[40:]+request("/4"))
	l.want(f, "/3 /4")
	if c := f.Counts(); c.Read != 4 || len(c.Refused) != 0 || c.Unfinished != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestFollowSurvivesRenaming(t *testing.T) {
	l := newLive(t)
	l.write(l.path, requests("/1"))
	f := l.follow()
	l.want(f, "/1")
	l.write(l.path, requests("/2"))
	l.check(os.Rename(l.path, l.path+".1"))
	l.want(f, "/2")
	l.write(l.path+".1", requests("/3")) // the server was not told yet
	l.want(f, "/3")
	l.write(l.path, requests("/4"))
	l.want(f, "") // a last look at the old one
	l.write(l.path+".1", requests("/5"))
	l.want(f, "/5")
	l.want(f, "/4")
	l.write(l.path, requests("/6"))
	l.want(f, "/6")
}

func TestFollowSurvivesCopyingAndEmptying(t *testing.T) {
	l := newLive(t)
	l.write(l.path, requests("/1", "/2", "/3"))
	f := l.follow()
	l.want(f, "/1 /2 /3")
	l.check(os.Truncate(l.path, 0))
	l.want(f, "")
	l.write(l.path, requests("/4"))
	l.want(f, "/4")
	// Emptied, and longer again before anybody looked.
	l.check(os.Truncate(l.path, 0))
	l.write(l.path, requests("/5", "/6", "/7", "/8"))
	l.want(f, "/5 /6 /7 /8")
	// The same where the writer goes on at its old place, which leaves zeros.
	l.check(os.Truncate(l.path, 0))
	l.check(os.Truncate(l.path, 1000))
	l.write(l.path, requests("/9"))
	l.want(f, "/9")
	if c := f.Counts(); c.Read != 9 || len(c.Refused) != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestFollowGoesOnAfterRestart(t *testing.T) {
	l := newLive(t)
	l.write(l.path, requests("/1"))
	f := l.follow()
	l.want(f, "/1")
	mark := f.Mark()
	l.write(l.path, requests("/2"))
	f = l.follow(mark)
	l.want(f, "/2")
	mark = f.Mark()
	// Renamed while nobody followed.
	l.write(l.path, requests("/3"))
	l.check(os.Rename(l.path, l.path+".1"))
	l.write(l.path+".2", requests("/old"))
	l.write(l.path, requests("/4"))
	f = l.follow(mark)
	l.want(f, "/3")
	l.want(f, "/4")
	// Compressed since, too.
	b, err := os.ReadFile(l.path + ".1")
	l.check(err)
	l.check(os.Remove(l.path + ".1"))
	l.check(os.WriteFile(l.path+".1.gz", packed(t, string(b)), 0o600))
	f = l.follow(mark)
	if got := l.read(f) + " " + l.read(f); strings.TrimSpace(got) != "/3 /4" {
		t.Errorf("got %q", got)
	}
	// And where the log that the mark is of is gone, the one that is there.
	l.check(os.Remove(l.path + ".1.gz"))
	l.want(l.follow(mark), "/4")
}

// TestEachWaitsForTicks gives each tick by hand.
func TestEachWaitsForTicks(t *testing.T) {
	l := newLive(t)
	l.write(l.path, requests("/1", "/2"))
	f := l.follow()
	tick, got := make(chan time.Time), make(chan string, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- f.Each(ctx, tick, func(line logfile.Line) error {
			got <- line.Path
			return nil
		}, func(m logfile.Mark) error {
			got <- "rest"
			if m != f.Mark() {
				t.Error("the mark is not where it is")
			}
			return nil
		})
	}()
	want := func(list ...string) {
		t.Helper()
		for _, w := range list {
			if g := <-got; g != w {
				t.Fatalf("got %q, want %q", g, w)
			}
		}
	}
	want("/1", "/2", "rest")
	tick <- time.Time{} // nothing new, so no rest
	l.write(l.path, requests("/3"))
	tick <- time.Time{}
	want("/3", "rest")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	failed := errors.New("full")
	if err := l.follow().Each(t.Context(), nil, func(logfile.Line) error { return failed }, nil); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
}
