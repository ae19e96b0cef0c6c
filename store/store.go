// Package store opens the database, SQLite or PostgreSQL, migrates it and runs
// transactions on it. What a transaction acknowledged survives a kill; a busy
// database makes callers wait and never fails them; a full disk or a lost
// connection is said in words and is over as soon as its cause is.
package store

import (
	"bytes"
	"context"
	"database/sql"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"loot"
)

// A Dialect names a kind of database.
type Dialect string

// The dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// ForShare returns the clause that locks the rows read by a SELECT against
// change, together with others who only read, and nothing on SQLite.
func (d Dialect) ForShare() string {
	if d == Postgres {
		return " FOR SHARE"
	}
	return ""
}

// A DB is an open database. It is safe for concurrent use.
type DB struct {
	e       engine
	dialect Dialect
	inside  sync.Map // in tests, the goroutines that run a transaction
}

// An engine is what SQLite and PostgreSQL do each in their own way; the methods
// of [DB] say what.
type engine interface {
	inTx(ctx context.Context, f func(*Tx) error) error
	readTx(ctx context.Context, f func(*Tx) error) error
	readLoose(ctx context.Context, f func(*Tx) error) error
	ping(ctx context.Context) error
	alone(ctx context.Context, name string, f func() error) error
	lead(ctx context.Context, name string) (*Lead, error)
	writePool() *sql.DB
	pgxPool() *pgxpool.Pool
	close() error
}

// Open opens the database at url: "sqlite:PATH", whose folder must exist, or
// "postgres://USER:PASSWORD@HOST[,HOST]/NAME". Several hosts are a cluster of
// which the one that takes writes is used. For PostgreSQL the pool is set by
// parameters of the URL, such as pool_max_conns=32; for SQLite, readers=4.
func Open(ctx context.Context, url string) (*DB, error) {
	switch {
	case strings.HasPrefix(url, "sqlite:"):
		e, err := openSQLite(ctx, strings.TrimPrefix(url, "sqlite:"))
		if err != nil {
			return nil, err
		}
		return &DB{e: e, dialect: SQLite}, nil
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		e, err := openPostgres(ctx, url)
		if err != nil {
			return nil, err
		}
		return &DB{e: e, dialect: Postgres}, nil
	}
	return nil, loot.Errorf(loot.Invalid, "The address of a database starts with sqlite: or postgres://.")
}

// InTx runs f in a read-write transaction and commits it if f returns nil;
// otherwise, and if f panics, nothing of it remains. The function may run more
// than once: on PostgreSQL after a deadlock, a serialization failure, or when
// the connection was lost before the commit was sent. So it sets its results
// anew in each run, and leaves the world outside the transaction alone until
// [Tx.AfterCommit].
//
// On SQLite the transactions of concurrent callers share one commit, each
// behind a savepoint of its own unless it is the first. A transaction of the
// same database inside f would wait for itself, or for connections that those
// who do the same already hold: pass the Tx on. In tests it is an error.
func (db *DB) InTx(ctx context.Context, f func(*Tx) error) error {
	return explain(db.notNested(f, func(f func(*Tx) error) error { return db.e.inTx(ctx, f) }))
}

// Exec runs one statement in a transaction of its own and returns the number of
// rows it changed. On PostgreSQL it is one journey, and runs again when the
// connection was lost, whether or not it was committed: so it is for what does
// no harm twice.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = db.InTx(ctx, func(tx *Tx) error {
		tx.again = true
		ctx, err := tx.ready(ctx, args)
		if err != nil {
			return err
		}
		return tx.on.queue(ctx, &n, query, args)
	})
	return n, err
}

// ReadTx runs f on a snapshot of the database in which nothing can be written.
// It neither waits for writers nor makes them wait, and is no more to be had
// inside another transaction than InTx is.
func (db *DB) ReadTx(ctx context.Context, f func(*Tx) error) error {
	return explain(db.notNested(f, func(f func(*Tx) error) error { return db.e.readTx(ctx, f) }))
}

// Read is ReadTx without the one moment: each statement sees what is committed
// when it runs. On PostgreSQL that saves the journeys that begin and end a
// transaction, so it is for what asks once, or for things apart.
func (db *DB) Read(ctx context.Context, f func(*Tx) error) error {
	return explain(db.notNested(f, func(f func(*Tx) error) error { return db.e.readLoose(ctx, f) }))
}

// notNested runs a transaction. In tests it refuses one that is inside another:
// at work that is a deadlock, but only under load.
func (db *DB) notNested(f func(*Tx) error, run func(func(*Tx) error) error) error {
	if !testing.Testing() {
		return run(f)
	}
	self := goroutine()
	if _, nested := db.inside.Load(self); nested {
		return errNested
	}
	return run(func(tx *Tx) error {
		db.inside.Store(self, true)
		defer db.inside.Delete(self)
		return f(tx)
	})
}

// goroutine returns the number of the calling goroutine.
func goroutine() string {
	var b [64]byte
	head, _, _ := bytes.Cut(b[:runtime.Stack(b[:], false)], []byte("["))
	return string(head)
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return explain(db.e.ping(ctx)) }

// Alone runs f while no other process runs a function under the same name on
// this database, waiting for its turn as long as ctx lets it.
func (db *DB) Alone(ctx context.Context, name string, f func() error) error {
	return explain(db.e.alone(ctx, name, f))
}

// Lead tries to become the one holder of a name and returns [ErrLed] if another
// holder lives, in this process or elsewhere. It is held until Release, or until
// this process or its connection to the database ends.
func (db *DB) Lead(ctx context.Context, name string) (*Lead, error) {
	l, err := db.e.lead(ctx, name)
	return l, explain(err)
}

// Close waits for the transactions that run and closes the database.
func (db *DB) Close() error { return db.e.close() }

// Dialect returns the kind of database.
func (db *DB) Dialect() Dialect { return db.dialect }

// SQLitePool returns the pool of one connection through which every write to
// SQLite goes, for the job queue to share: two pools would fight over SQLite's
// lock, which is not fair. It is nil on PostgreSQL.
func (db *DB) SQLitePool() *sql.DB {
	if db.dialect != SQLite {
		return nil
	}
	return db.e.writePool()
}

// PGXPool returns the pool of connections to PostgreSQL that is the job queue's
// own. It is nil on SQLite.
func (db *DB) PGXPool() *pgxpool.Pool { return db.e.pgxPool() }

// Placeholders returns n placeholders beginning with number from, for an IN
// list: Placeholders(3, 2) is "$3,$4".
func Placeholders(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	return b.String()
}
