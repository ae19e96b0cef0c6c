package store

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// A guard interrupts a connection to PostgreSQL when the context of its
// transaction ends: it asks the server to stop, and cuts the connection if the
// server does not react. A connection that was interrupted is not used again,
// because the request to stop may reach the server after the query it meant.
type guard struct {
	conn  *pgx.Conn
	ended chan struct{} // closed when the transaction has
	stop  func() bool   // disarms the guard, unless it has struck already
	once  sync.Once
	idle  chan struct{} // closed when an interruption is through
}

func watch(ctx context.Context, conn *pgx.Conn) *guard {
	g := &guard{conn: conn, stop: func() bool { return true }}
	if ctx.Done() != nil {
		g.arm(func(strike func()) func() bool { return context.AfterFunc(ctx, strike) })
	}
	return g
}

// commits bounds the commit, which goes on whatever becomes of the caller. It
// reports whether there may be one.
func (g *guard) commits() bool {
	free := g.stop()
	if free {
		g.arm(func(strike func()) func() bool { return time.AfterFunc(commitTimeout, strike).Stop })
	}
	return free
}

func (g *guard) arm(after func(func()) func() bool) {
	g.ended, g.idle = make(chan struct{}), make(chan struct{})
	g.stop = after(g.strike)
}

func (g *guard) strike() {
	defer close(g.idle)
	ctx, cancel := context.WithTimeout(context.Background(), cancelTimeout)
	defer cancel()
	_ = g.conn.PgConn().CancelRequest(ctx) // a server that is gone needs no asking
	t := time.NewTimer(cancelTimeout)
	defer t.Stop()
	select {
	case <-g.ended:
	case <-t.C:
		_ = g.conn.PgConn().Conn().SetDeadline(time.Unix(1, 0))
	}
}

// end disarms the guard, and closes the connection if it struck.
func (g *guard) end() {
	g.once.Do(func() {
		if g.stop() {
			return
		}
		close(g.ended)
		<-g.idle
		ctx, cancel := context.WithTimeout(context.Background(), cancelTimeout)
		defer cancel()
		_ = g.conn.Close(ctx)
	})
}
