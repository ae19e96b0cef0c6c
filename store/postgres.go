package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"loot"
)

// postgresDB is a database of PostgreSQL: a pool of connections for
// transactions, and a small one for the job queue's own errands.
type postgresDB struct {
	pool *pgxpool.Pool
	jobs *pgxpool.Pool
	db   *sql.DB // the first pool, for migrations
	conf *pgx.ConnConfig

	closed atomic.Bool
}

// defaultConns is how many connections there are unless the address says so. Few
// busy servers beat many: beyond a few per core they only take turns.
var defaultConns = int32(min(max(8, 4*runtime.GOMAXPROCS(0)), 16))

const (
	// One listens, one leads, the others fetch jobs and finish them.
	queueConns = 6
	// A host that does not answer is given up for the next one.
	defaultConnectTimeout = 3 * time.Second
	// A standby that does not confirm makes a commit wait; after this long the
	// caller hears that the outcome is unknown.
	commitTimeout = 15 * time.Second
	// A server that is asked to stop a query and does not react is left alone
	// after this long.
	cancelTimeout = 2 * time.Second
	// A transaction that does not end by then does not keep the process.
	closeTimeout = 30 * time.Second
)

// How transactions begin.
const (
	readWrite = "begin"
	snapshot  = "begin isolation level repeatable read read only"
	loose     = ""
)

func openPostgres(ctx context.Context, address string) (*postgresDB, error) {
	u, err := url.Parse(address)
	if err != nil {
		// The error would repeat the address, and so the password.
		return nil, loot.Errorf(loot.Invalid, "The address of the PostgreSQL database cannot be read. It looks like postgres://USER:PASSWORD@HOST/NAME.")
	}
	conf, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, loot.Wrap(loot.Invalid, err, "The address of the PostgreSQL database cannot be read. It looks like postgres://USER:PASSWORD@HOST/NAME.")
	}
	query := u.Query()
	if !query.Has("pool_max_conns") {
		conf.MaxConns = defaultConns
	}
	c := conf.ConnConfig
	if !query.Has("connect_timeout") {
		c.ConnectTimeout = defaultConnectTimeout
	}
	if !query.Has("target_session_attrs") {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	for name, value := range map[string]string{
		"application_name": "loot",
		// A process that froze inside a transaction would keep its locks.
		"idle_in_transaction_session_timeout": "60000",
		// A machine that vanished would keep its locks for hours otherwise.
		"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
	} {
		if _, ok := c.RuntimeParams[name]; !ok {
			c.RuntimeParams[name] = value
		}
	}
	c.DialFunc = dialer().DialContext
	c.OnNotice = func(p *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			p.CustomData()[warned] = true
		}
	}

	queue := conf.Copy()
	queue.MaxConns = queueConns
	jobs, err := pgxpool.NewWithConfig(ctx, queue)
	if err != nil {
		return nil, explain(fmt.Errorf("store: open: %w", err))
	}
	pool, err := pgxpool.NewWithConfig(ctx, conf)
	if err != nil {
		jobs.Close()
		return nil, explain(fmt.Errorf("store: open: %w", err))
	}
	p := &postgresDB{pool: pool, jobs: jobs, db: stdlib.OpenDBFromPool(pool), conf: c}
	if err := p.ping(ctx); err != nil {
		return nil, errors.Join(unusable(u, fmt.Errorf("store: open: %w", err)), p.close())
	}
	return p, nil
}

// unusable says to whoever starts a program which database it was and why it
// cannot be used, without the password in its address.
func unusable(u *url.URL, err error) error {
	why := "no server that can be written to answers there"
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		why = e.Message
	}
	return loot.Wrap(loot.Unavailable, err, fmt.Sprintf("The PostgreSQL database %q at %s cannot be used: %s.", strings.TrimPrefix(u.Path, "/"), u.Host, why))
}

// warned is the mark on a connection whose server sent a warning.
const warned = "loot.warned"

func dialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control:         bounded,
	}
}

func (p *postgresDB) inTx(ctx context.Context, f func(*Tx) error) error {
	return p.again(ctx, readWrite, f)
}

func (p *postgresDB) readTx(ctx context.Context, f func(*Tx) error) error {
	return p.again(ctx, snapshot, f)
}

func (p *postgresDB) readLoose(ctx context.Context, f func(*Tx) error) error {
	return p.again(ctx, loose, f)
}

// An outcome says what to do about a transaction that failed.
type outcome uint8

const (
	final     outcome = iota
	contended         // others were in the way: soon again
	lost              // the connection is gone and nothing was committed: again
)

// again runs f, and runs it again when it could do no harm and may do good. A
// pair of servers needs a second or so to agree on a new primary; longer than
// about three seconds nobody is left waiting.
func (p *postgresDB) again(ctx context.Context, begin string, f func(*Tx) error) error {
	var contentions, losses int
	for {
		then, err := p.once(ctx, begin, f)
		var wait time.Duration
		switch {
		case then == contended && contentions < 20:
			contentions++
			wait = min(time.Millisecond<<contentions, 100*time.Millisecond)
		case then == lost && losses < 8:
			losses++
			wait = min(10*time.Millisecond<<losses, 800*time.Millisecond)
		default:
			return err
		}
		t := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

// once runs f in one transaction, and its hooks when the connection is given
// back: a hook may need one.
func (p *postgresDB) once(ctx context.Context, begin string, f func(*Tx) error) (then outcome, err error) {
	var begun *Tx
	committed := false
	defer func() { // f may panic
		if begun != nil {
			begun.over(committed)
		}
	}()
	then, err = p.onConn(ctx, begin, func(tx *Tx) error {
		begun = tx
		return f(tx)
	})
	committed = err == nil
	return then, err
}

// onConn runs f in a transaction of its own.
//
// Its statements are given no context that ends: to interrupt one costs the
// connection. A watch on the transaction's context interrupts the server instead.
func (p *postgresDB) onConn(ctx context.Context, begin string, f func(*Tx) error) (outcome, error) {
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		if p.closed.Load() {
			return final, loot.Errorf(loot.Unavailable, msgClosed)
		}
		return p.judge(ctx, nil, err)
	}
	defer conn.Release()
	raw := conn.Conn()
	guard := watch(ctx, raw)
	defer guard.end()
	steady := context.WithoutCancel(ctx)
	tx := newPgTx(raw, begin)
	t := &Tx{dialect: Postgres, on: tx, pgx: tx, steady: true}
	ended := false
	undo := func() {
		if !ended {
			ended = true
			t.finish()
			tx.rollback(steady)
		}
	}
	defer undo() // f may panic
	if err = f(t); err == nil {
		err = t.Flush(ctx)
	}
	t.finish()
	if err == nil {
		err = ctx.Err()
	}
	if err == nil && !guard.commits() {
		err = ctx.Err()
	}
	if err != nil {
		undo()
		return p.judge(ctx, raw, err)
	}
	ended = true
	return p.commit(steady, raw, tx, t.again)
}

// commit commits, and tells a commit that failed from one whose outcome nobody
// knows, unless it may be made again.
func (p *postgresDB) commit(ctx context.Context, raw *pgx.Conn, tx *pgTx, again bool) (outcome, error) {
	if raw.IsClosed() {
		return lost, pgconn.ErrConnClosed
	}
	delete(raw.PgConn().CustomData(), warned)
	err := tx.commit(ctx)
	if err == nil {
		// A server told to stop waiting for its standby reports success with a
		// warning: committed here, but lost if this server is.
		if raw.PgConn().CustomData()[warned] == nil {
			return final, nil
		}
		return final, loot.Errorf(loot.Unavailable, msgUnknown)
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.SeverityUnlocalized == "ERROR" {
		tx.rollback(ctx)
		return p.judge(ctx, raw, err)
	}
	if errors.Is(err, pgx.ErrTxCommitRollback) {
		return final, fmt.Errorf("store: the error of an earlier statement was ignored: %w", err)
	}
	// pgx calls some of these safe to retry. They are not: the commit was sent.
	_ = raw.Close(ctx)
	if again {
		return lost, err
	}
	return final, loot.Wrap(loot.Unavailable, err, msgUnknown)
}

// judge decides about an error that came before the commit was sent.
func (p *postgresDB) judge(ctx context.Context, raw *pgx.Conn, err error) (outcome, error) {
	if ctx.Err() != nil {
		return final, ctx.Err()
	}
	state := sqlState(err)
	switch {
	case state == "40001" || state == "40P01":
		return contended, err
	case state == "25006" && demoted(ctx, raw):
		// The server became a standby under this connection, which goes.
		_ = raw.Close(ctx)
		return lost, err
	case raw != nil && raw.IsClosed():
		return lost, closedUnder(err)
	case raw == nil && (lostConnection(err) || reason(err) == msgLost):
		return lost, err
	}
	return final, err
}

// demoted reports whether the server takes no writes from anybody, as opposed to
// a transaction that was begun as one that reads.
func demoted(ctx context.Context, raw *pgx.Conn) bool {
	if raw == nil || raw.IsClosed() {
		return false
	}
	var standby bool
	err := raw.QueryRow(context.WithoutCancel(ctx), "SELECT pg_is_in_recovery()").Scan(&standby)
	return err != nil || standby
}

// closedUnder makes sure that an error from a connection that broke says so,
// even if the function that met it made something else of it.
func closedUnder(err error) error {
	if loot.KindOf(err) == loot.Internal && reason(err) == "" {
		return loot.Wrap(loot.Unavailable, err, msgLost)
	}
	return err
}

func (p *postgresDB) ping(ctx context.Context) error {
	return p.readLoose(ctx, func(tx *Tx) error {
		var n int
		return tx.QueryRow(ctx, "SELECT 1").Scan(&n)
	})
}

func (p *postgresDB) close() error {
	p.closed.Store(true)
	done := make(chan error, 1)
	go func() {
		err := p.db.Close()
		p.pool.Close()
		p.jobs.Close()
		done <- err
	}()
	t := time.NewTimer(closeTimeout)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return errors.New("store: close: a transaction does not end")
	}
}

func (p *postgresDB) writePool() *sql.DB     { return p.db }
func (p *postgresDB) pgxPool() *pgxpool.Pool { return p.jobs }
