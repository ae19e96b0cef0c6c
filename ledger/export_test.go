package ledger

import (
	"log/slog"
	"syscall"
	"time"
)

// LibraryLog returns what the log's library is given to log with.
func LibraryLog(h slog.Handler) *slog.Logger { return slog.New(library{h}) }

// OnStep has f called between the steps of the sequencer: "read", "checked" and
// "appended". What f returns ends the batch there, as a crash would.
func (l *Ledger) OnStep(f func(step string, lose func()) error) {
	l.step = func(s *sequencer, step string) error {
		return f(step, func() {
			// What a failover of the database and of a network's file system do
			// to a leader that is paused.
			s.lead.Release()
			syscall.Flock(int(s.folder.lock.Fd()), syscall.LOCK_UN)
		})
	}
}

// LoseLead has the sequencer lose the database's lock but not the folder's.
func (l *Ledger) LoseLead(f func(step string, lose func()) error) {
	l.step = func(s *sequencer, step string) error {
		return f(step, func() { s.lead.Release() })
	}
}

// Ended reports whether the ledger runs no more.
func (l *Ledger) Ended() bool { return l.ended.Load() }

// LookFor tells what a watch says that saw the log lag by n entries for the
// given number of looks.
func LookFor(looks int, size, backlog func(look int) int64) (refused bool) {
	var w watch
	for i := range looks {
		refused = w.look(state{size: size(i), backlog: backlog(i)}) != nil
	}
	return refused
}

// AgesFor tells how long a watch says that the oldest entry has waited, a
// second from one look to the next.
func AgesFor(size, backlog []int64) (ages []time.Duration) {
	var w watch
	for i := range size {
		ages = append(ages, w.age(state{size: size[i], backlog: backlog[i]}, time.Unix(int64(i), 0)))
	}
	return ages
}
