package column

import (
	"context"
	"slices"
	"sync"
	"time"

	"loot"
)

// A waiter is an append that waits for its commit.
type waiter struct {
	day   Day
	batch Batch
	rows  int
	done  chan error
}

// A group has appends share commits: a commit costs about the same whatever it
// holds. One goroutine takes whoever waits for the same day, after a short
// pause when they are few, has them written at once and tells each.
type group struct {
	write  func(Day, []*waiter) error // all or none, durable when it returns
	linger time.Duration
	few    int // rows from which on nobody lingers
	bound  int // rows that may wait

	mu      sync.Mutex
	waiting []*waiter
	rows    int
	closed  bool
	wake    chan struct{} // somebody waits, or it was closed
	ended   chan struct{}
}

func (g *group) start() {
	g.wake, g.ended = make(chan struct{}, 1), make(chan struct{})
	go g.run()
}

func (g *group) append(ctx context.Context, day Day, batch Batch, rows int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &waiter{day, batch, rows, make(chan error, 1)}
	g.mu.Lock()
	switch {
	case g.closed:
		g.mu.Unlock()
		return loot.Errorf(loot.Unavailable, msgClosed)
	case g.rows+rows > g.bound:
		g.mu.Unlock()
		return loot.Errorf(loot.Unavailable, msgQueue)
	}
	g.waiting = append(g.waiting, w)
	g.rows += rows
	enough := len(g.waiting) == 1 || g.rows >= g.few
	g.mu.Unlock()
	if enough { // it sleeps, or lingers for more
		g.rouse()
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		if g.withdraw(w) {
			return ctx.Err()
		}
		return <-w.done // it is being written, which does not take long
	}
}

func (g *group) rouse() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

func (g *group) withdraw(w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, w)
	if i < 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	g.rows -= w.rows
	return true
}

func (g *group) run() {
	defer close(g.ended)
	for {
		g.pause()
		taken, closed := g.take()
		if len(taken) == 0 {
			if closed {
				return
			}
			<-g.wake
			continue
		}
		err := g.write(taken[0].day, taken)
		for _, w := range taken {
			w.done <- err
		}
	}
}

// pause lets others come while few wait.
func (g *group) pause() {
	var over <-chan time.Time
	for {
		g.mu.Lock()
		ready := len(g.waiting) == 0 || g.rows >= g.few || g.closed
		g.mu.Unlock()
		if ready {
			return
		}
		if over == nil {
			t := time.NewTimer(g.linger)
			defer t.Stop()
			over = t.C
		}
		select {
		case <-g.wake:
		case <-over:
			return
		}
	}
}

// take returns those who share the next commit: of one day, no more than
// MaxBatch rows.
func (g *group) take() (taken []*waiter, closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	rows := 0
	rest := g.waiting[:0]
	for _, w := range g.waiting {
		if len(taken) == 0 || w.day == taken[0].day && rows+w.rows <= MaxBatch {
			taken = append(taken, w)
			rows += w.rows
		} else {
			rest = append(rest, w)
		}
	}
	clear(g.waiting[len(rest):])
	g.waiting = rest
	g.rows -= rows
	return taken, g.closed
}

// close refuses who comes from now on and returns when the others are told.
func (g *group) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.rouse()
	<-g.ended
}
