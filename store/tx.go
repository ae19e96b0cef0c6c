package store

import (
	"context"
	"database/sql"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"loot"
)

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
