package column

import (
	"context"
	"io"
	"runtime"
)

// Step has f called at each step of a seal, and of a query of ClickHouse.
func Step(f func(string)) { step = f }

func groupOf(s Store) *group {
	if c, ok := s.(*click); ok {
		return c.group
	}
	return s.(*duck).group
}

// HoldCommits holds back commits until release is called; entered closes when
// the first is held.
func HoldCommits(s Store) (entered <-chan struct{}, release func()) {
	g := groupOf(s)
	held, in := make(chan struct{}), make(chan struct{}, 100)
	g.mu.Lock()
	defer g.mu.Unlock()
	write := g.write
	g.write = func(d Day, w []*waiter) error {
		in <- struct{}{}
		<-held
		return write(d, w)
	}
	return in, func() { close(held) }
}

// AwaitQueue waits until so many rows are in the queue.
func AwaitQueue(s Store, rows int) {
	for g := groupOf(s); ; runtime.Gosched() {
		g.mu.Lock()
		n := g.rows
		g.mu.Unlock()
		if n == rows {
			return
		}
	}
}

// LoseAnswers has ClickHouse's answers to so many inserts get lost.
func LoseAnswers(s Store, n int) {
	c := s.(*click)
	send := c.insert
	c.insert = func(ctx context.Context, token string, day Day, waiters []*waiter) error {
		err := send(ctx, token, day, waiters)
		if n--; err == nil && n >= 0 {
			return io.ErrUnexpectedEOF
		}
		return err
	}
}

// HoldInsert holds ClickHouse's next insert back until release is called;
// entered closes when it is held.
func HoldInsert(s Store) (entered <-chan struct{}, release func()) {
	c := s.(*click)
	send := c.insert
	in, held := make(chan struct{}), make(chan struct{})
	c.insert = func(ctx context.Context, token string, day Day, waiters []*waiter) error {
		close(in)
		<-held
		return send(ctx, token, day, waiters)
	}
	return in, func() { close(held) }
}
