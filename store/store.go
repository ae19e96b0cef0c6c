// Package store opens the database, SQLite or PostgreSQL, migrates it and runs
// transactions on it. What a transaction acknowledged survives a kill; a busy
// database makes callers wait and never fails them; a full disk or a lost
// connection is said in words and is over as soon as its cause is.
package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
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

// A Tx is a transaction, good until the function it was given to returns, and
// for one goroutine at a time. Rows are to be closed before the next query.
type Tx struct {
	dialect  Dialect
	on       querier
	tx       *sql.Tx
	pgx      *pgTx
	failed   func() error // why the transaction can do no more, or nil
	steady   bool         // statements are not cancelled one by one
	finished bool
	rows     []func() error // closed at the end, whoever forgot to
	open     int            // rows that are still read, on SQLite
	added    []*addition
	beside   chan error // tells when the rows are in that go in beside the function; nil: none do
	unadded  error      // what kept added rows from being inserted
	again    bool       // it may be committed twice
	kept     map[any]any
	commit   []func()
	rollback []func()
}

// A querier runs statements: database/sql on SQLite, pgx on PostgreSQL.
type querier interface {
	exec(ctx context.Context, query string, args []any) (int64, error)
	queue(ctx context.Context, count *int64, query string, args []any) error
	query(ctx context.Context, query string, args []any) (Rows, error)
	row(ctx context.Context, query string, args []any) (row Row, end func() error)
}

// Rows are what a query found, read as those of database/sql are.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
	Columns() ([]string, error)
}

// A Row is the first row that a query found. Scan returns an error that is
// [sql.ErrNoRows] if there was none.
type Row interface{ Scan(dest ...any) error }

// Exec runs a statement and returns the number of rows it changed.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, err := t.ready(ctx, args)
	if err != nil {
		return 0, err
	}
	return t.on.exec(ctx, query, args)
}

// Queue runs a statement whose outcome only matters to the transaction. On
// PostgreSQL it goes with the next statement that is waited for, or with the
// commit, and its error comes from there.
func (t *Tx) Queue(ctx context.Context, query string, args ...any) error {
	ctx, err := t.ready(ctx, args)
	if err != nil {
		return err
	}
	return t.on.queue(ctx, nil, query, args)
}

// An addition is the rows that one insert is to add.
type addition struct {
	insert string
	width  int // columns
	args   []any
	later  []laterRow
}

// A laterRow is a row that is still to be made, and its place among the arguments.
type laterRow struct {
	at  int
	row func() ([]any, error)
}

// complete makes the rows that are still to be made. A panic is an error: beside the
// function nobody would catch it, and the program would end.
func (a *addition) complete() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: a row could not be made: %v\n%s", p, debug.Stack())
		}
	}()
	for _, l := range a.later {
		row, err := l.row()
		if err != nil {
			return err
		}
		if len(row) != a.width {
			return fmt.Errorf("store: a row has %d columns, not %d: %s", len(row), a.width, a.insert)
		}
		copy(a.args[l.at:], row)
	}
	return nil
}

// maxAdded is how many rows go in one statement, and so how many statements of
// one insert are prepared: one for each number of rows. Where there are many,
// manyAdded go at once, and beside the function while it goes on.
const (
	maxAdded  = 8
	manyAdded = 64
)

// Add adds a row to the table of insert, such as "INSERT INTO t (a, b) VALUES",
// by the end of the transaction: the rows of one insert go together, as most of
// what a small statement costs is the statement. What follows VALUES follows the
// rows, such as " ON CONFLICT (a) DO NOTHING". A query of the transaction is sure
// to find them after [Tx.Flush] only. In which order the rows of different inserts
// go is not said, so that none may refer to one of another.
func (t *Tx) Add(insert string, row ...any) { t.add(insert, row, nil) }

// AddLater is [Tx.Add] for a row of so many columns that takes work to make: it is made
// when it goes in. Where rows go in beside the function it is made there, so that row must
// use neither the transaction nor what the function goes on to change. Its error is that
// of the transaction.
func (t *Tx) AddLater(insert string, columns int, row func() ([]any, error)) {
	t.add(insert, make([]any, columns), row)
}

func (t *Tx) add(insert string, row []any, later func() ([]any, error)) {
	i := slices.IndexFunc(t.added, func(a *addition) bool { return a.insert == insert })
	if i < 0 {
		i = len(t.added)
		t.added = append(t.added, &addition{insert: insert, width: len(row)})
	}
	a := t.added[i]
	if t.finished || a.width != len(row) {
		panic("store: a row was added after the end of the transaction, or has more or fewer columns than the one before")
	}
	if later != nil {
		a.later = append(a.later, laterRow{len(a.args), later})
	}
	if a.args = append(a.args, row...); len(a.args) == manyAdded*a.width && !t.reading() {
		t.insertBeside(*a)
		a.args, a.later = nil, nil
	}
}

// reading reports whether rows are open. Before they are closed PostgreSQL takes
// nothing, and on SQLite they might or might not hold what goes in meanwhile.
func (t *Tx) reading() bool {
	if t.pgx == nil {
		return t.open > 0
	}
	return t.beside == nil && t.pgx.conn.PgConn().IsBusy()
}

// openRows are rows on SQLite of which the transaction knows that they are open.
type openRows struct {
	Rows
	tx   *Tx
	done bool
}

// Next ends with the last row, which closes them.
func (r *openRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.end()
	return false
}

// Close closes them.
func (r *openRows) Close() error {
	r.end()
	return r.Rows.Close()
}

func (r *openRows) end() {
	if !r.done {
		r.done = true
		r.tx.open--
	}
}

// insertBeside inserts rows while the function goes on, after those that are on
// their way. Whatever else is asked of the database waits for them.
func (t *Tx) insertBeside(a addition) {
	before, done := t.beside, make(chan error, 1)
	t.beside = done
	go func() {
		completed := a.complete()
		if before != nil {
			if err := <-before; err != nil {
				done <- err
				return
			}
		}
		err := completed
		if err == nil {
			err = readable(a.args)
		}
		if err == nil && t.failed != nil {
			err = t.failed()
		}
		if err == nil {
			_, err = t.on.exec(context.Background(), a.statement(manyAdded, t.dialect), a.args)
		}
		done <- err
	}()
}

// settle waits for what is inserted beside the function.
func (t *Tx) settle() {
	if t.beside == nil {
		return
	}
	err := <-t.beside
	t.beside = nil
	if t.unadded == nil {
		t.unadded = err
	}
}

// Flush inserts at once what was added. Once it failed, the transaction cannot
// be committed.
func (t *Tx) Flush(ctx context.Context) error {
	t.settle()
	added := t.added
	t.added = nil
	for _, a := range added {
		if t.unadded == nil {
			t.unadded = a.complete()
		}
		for left := len(a.args) / a.width; left > 0 && t.unadded == nil; {
			n := min(left, maxAdded)
			if left >= manyAdded {
				n = manyAdded
			}
			rows := a.args[len(a.args)-left*a.width:]
			t.unadded = t.Queue(ctx, a.statement(n, t.dialect), rows[:n*a.width]...)
			left -= n
		}
	}
	return t.unadded
}

// statement returns the insert of n rows. SQLite gets parameters without numbers:
// one with a number has a name, and for each the names of all are gone through.
func (a *addition) statement(n int, d Dialect) string {
	head, tail, _ := strings.Cut(a.insert, " VALUES")
	var b strings.Builder
	b.WriteString(head)
	b.WriteString(" VALUES")
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(" (")
		if d == SQLite {
			b.WriteString(strings.Repeat(",?", a.width)[1:])
		} else {
			b.WriteString(Placeholders(1+i*a.width, a.width))
		}
		b.WriteByte(')')
	}
	b.WriteString(tail)
	return b.String()
}

// Query runs a query.
func (t *Tx) Query(ctx context.Context, query string, args ...any) (Rows, error) {
	ctx, err := t.ready(ctx, args)
	if err != nil {
		return nil, err
	}
	rows, err := t.on.query(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if t.pgx == nil {
		t.open++
		rows = &openRows{Rows: rows, tx: t}
	}
	t.rows = append(t.rows, rows.Close)
	return rows, nil
}

// QueryRow runs a query for one row.
func (t *Tx) QueryRow(ctx context.Context, query string, args ...any) Row {
	ctx, err := t.ready(ctx, args)
	if err != nil {
		return failedRow{err}
	}
	row, end := t.on.row(ctx, query, args)
	if end != nil {
		t.rows = append(t.rows, end)
	}
	return row
}

// A failedRow is the row of a query that could not be asked.
type failedRow struct{ err error }

// Scan returns why.
func (r failedRow) Scan(...any) error { return r.err }

// Dialect returns the kind of database.
func (t *Tx) Dialect() Dialect { return t.dialect }

// ForUpdate returns the clause that locks the rows read by a SELECT, and
// nothing on SQLite, where there is one writer.
func (t *Tx) ForUpdate() string {
	if t.dialect == Postgres {
		return " FOR UPDATE"
	}
	return ""
}

// ForShare is [Dialect.ForShare].
func (t *Tx) ForShare() string { return t.dialect.ForShare() }

// Keep keeps what was read under a lock of this transaction, so that it is not
// read again; the key is of a type of the caller's own.
func (t *Tx) Keep(key, value any) {
	if t.kept == nil {
		t.kept = map[any]any{}
	}
	t.kept[key] = value
}

// Kept returns what was kept under key, or nil.
func (t *Tx) Kept(key any) any { return t.kept[key] }

// AfterCommit has f called once the transaction is committed.
func (t *Tx) AfterCommit(f func()) { t.commit = append(t.commit, f) }

// AfterRollback has f called once the transaction is rolled back, also when
// the function is going to run again, and also when it cannot be known whether
// a commit arrived.
func (t *Tx) AfterRollback(f func()) { t.rollback = append(t.rollback, f) }

// SQL returns the transaction for the job queue on SQLite, and nil on PostgreSQL.
func (t *Tx) SQL() *sql.Tx { return t.tx }

// PGX returns the transaction for the job queue on PostgreSQL, and nil on SQLite.
func (t *Tx) PGX() pgx.Tx {
	if t.pgx == nil {
		return nil
	}
	return queueTx{t.pgx}
}

// Context returns the context to hand to others who run a statement on [Tx.SQL]
// or [Tx.PGX], or why the transaction can run none any more. It is to be asked for
// before each: rows that go in meanwhile are waited for, and after SQLite gave up
// the transaction a statement would be committed by itself. The context is never
// cancelled where a statement that is cancelled on its own would hurt more than
// itself: on SQLite it would roll back the whole group of transactions, on
// PostgreSQL it would cost the connection. The end of the transaction's own
// context stops what runs on PostgreSQL.
func (t *Tx) Context(ctx context.Context) (context.Context, error) { return t.ready(ctx, nil) }

// ready returns the context for the next statement, or why there can be none.
func (t *Tx) ready(ctx context.Context, args []any) (context.Context, error) {
	if t.finished {
		return nil, errFinished
	}
	if t.settle(); t.unadded != nil {
		return nil, t.unadded
	}
	if t.failed != nil {
		if err := t.failed(); err != nil {
			return nil, err
		}
	}
	if t.pgx != nil && t.pgx.conn.PgConn().IsBusy() {
		return nil, errRowsOpen
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if t.steady {
		ctx = context.WithoutCancel(ctx)
	}
	return ctx, readable(args)
}

// readable refuses text that PostgreSQL does not take; SQLite would keep it, and
// a move to PostgreSQL would fail on it years later.
func readable(args []any) error {
	for _, a := range args {
		if s, ok := a.(string); ok && (!utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0) {
			return loot.Errorf(loot.Invalid, "The text holds characters that cannot be stored.")
		}
	}
	return nil
}

// finish ends the use of the transaction. Rows that were left open would make
// the release of a connection wait for ever.
func (t *Tx) finish() {
	t.settle()
	t.finished = true
	for _, end := range t.rows {
		_ = end()
	}
}

// over runs the hooks that apply.
func (t *Tx) over(committed bool) {
	hooks := t.rollback
	if committed {
		hooks = t.commit
	}
	for _, f := range hooks {
		f()
	}
}

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
