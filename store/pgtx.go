package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A pgTx is a transaction of PostgreSQL. What needs no answer yet, the
// beginning included, waits and travels with the next statement that does: each
// journey to the server costs more than most statements.
type pgTx struct {
	conn    *pgx.Conn
	waiting *pgx.Batch
	counts  []*int64 // for each that waits, where the number of rows goes; nil: nowhere
	loose   bool     // each statement is a transaction of its own
}

func newPgTx(conn *pgx.Conn, begin string) *pgTx {
	t := &pgTx{conn: conn, loose: begin == ""}
	if !t.loose {
		t.wait(nil, begin)
	}
	return t
}

func (t *pgTx) wait(count *int64, query string, args ...any) {
	if t.waiting == nil {
		t.waiting = &pgx.Batch{}
	}
	t.waiting.Queue(query, args...)
	t.counts = append(t.counts, count)
}

// idle reports whether nothing was sent that would have to be ended.
func (t *pgTx) idle() bool { return t.conn.PgConn().TxStatus() == 'I' }

// send sends what waits together with one more statement, whose result comes
// next in what is returned.
func (t *pgTx) send(ctx context.Context, query string, args []any) (pgx.BatchResults, error) {
	b, counts := t.waiting, t.counts
	t.waiting, t.counts = nil, nil
	b.Queue(query, args...)
	results := t.conn.SendBatch(ctx, b)
	for _, count := range counts {
		tag, err := results.Exec()
		if err != nil {
			_ = results.Close() // repeats the error
			return nil, err
		}
		if count != nil {
			*count = tag.RowsAffected()
		}
	}
	return results, nil
}

func (t *pgTx) exec(ctx context.Context, query string, args []any) (int64, error) {
	tag, err := t.run(ctx, query, args)
	return tag.RowsAffected(), err
}

func (t *pgTx) run(ctx context.Context, query string, args []any) (pgconn.CommandTag, error) {
	if t.loose {
		return pgconn.CommandTag{}, errReadOnly
	}
	if t.waiting == nil {
		return t.conn.Exec(ctx, query, args...)
	}
	results, err := t.send(ctx, query, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	return tag, errors.Join(err, results.Close())
}

func (t *pgTx) queue(_ context.Context, count *int64, query string, args []any) error {
	if t.loose {
		return errReadOnly
	}
	t.wait(count, query, args...)
	return nil
}

func (t *pgTx) query(ctx context.Context, query string, args []any) (Rows, error) {
	rows, err := t.rows(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (t *pgTx) rows(ctx context.Context, query string, args []any) (*pgRows, error) {
	if t.waiting == nil {
		rows, err := t.conn.Query(ctx, query, args...)
		return &pgRows{Rows: rows}, err
	}
	results, err := t.send(ctx, query, args)
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		_ = results.Close() // repeats the error
		return nil, err
	}
	return &pgRows{rows, results}, nil
}

func (t *pgTx) row(ctx context.Context, query string, args []any) (Row, func() error) {
	rows, err := t.rows(ctx, query, args)
	if err != nil {
		return failedRow{err}, nil
	}
	return pgRow{rows}, rows.Close
}

// commit sends what waits with the commit. Nothing was begun if nothing but the
// beginning waits.
func (t *pgTx) commit(ctx context.Context) error {
	if t.loose || t.idle() && t.waiting != nil && t.waiting.Len() == 1 {
		return nil
	}
	tag, err := t.run(ctx, "commit", nil)
	if err == nil && tag.String() == "ROLLBACK" {
		err = pgx.ErrTxCommitRollback
	}
	return err
}

func (t *pgTx) rollback(ctx context.Context) {
	t.waiting, t.counts = nil, nil
	if t.idle() || t.conn.IsClosed() {
		return
	}
	if _, err := t.conn.Exec(ctx, "rollback"); err != nil {
		_ = t.conn.Close(ctx) // which rolls back as well
	}
}

// pgRows are the rows of a statement, and what it was sent with.
type pgRows struct {
	pgx.Rows
	results pgx.BatchResults // nil: it was sent alone
}

// Next goes to the next row; at the end, the rows are closed.
func (r *pgRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	_ = r.Close() // Err says it
	return false
}

// Close closes the rows.
func (r *pgRows) Close() error {
	r.Rows.Close()
	if r.results != nil {
		err := r.results.Close()
		r.results = nil
		return errors.Join(r.Err(), err)
	}
	return r.Err()
}

// Columns returns the names of the columns.
func (r *pgRows) Columns() ([]string, error) {
	var out []string
	for _, f := range r.FieldDescriptions() {
		out = append(out, f.Name)
	}
	return out, nil
}

// A pgRow is the first of the rows.
type pgRow struct{ rows *pgRows }

// Scan reads the row; without one it returns [pgx.ErrNoRows], which is an
// [sql.ErrNoRows] too.
func (r pgRow) Scan(dest ...any) error {
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	return errors.Join(r.rows.Scan(dest...), r.rows.Close())
}

// A queueTx is the transaction as the job queue uses it. It ends with the
// [Tx], so it can neither commit nor roll back.
type queueTx struct{ t *pgTx }

// Conn returns the connection.
func (q queueTx) Conn() *pgx.Conn { return q.t.conn }

// Exec runs a statement.
func (q queueTx) Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	return q.t.run(ctx, query, args)
}

// Query runs a query.
func (q queueTx) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	rows, err := q.t.rows(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return queueRows{rows}, nil
}

// QueryRow runs a query for one row.
func (q queueTx) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	row, _ := q.t.row(ctx, query, args)
	return row
}

// SendBatch sends several statements.
func (q queueTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if err := q.flush(ctx); err != nil {
		return failedBatch{err}
	}
	return q.t.conn.SendBatch(ctx, b)
}

// CopyFrom copies rows into a table.
func (q queueTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	if err := q.flush(ctx); err != nil {
		return 0, err
	}
	return q.t.conn.CopyFrom(ctx, table, columns, rows)
}

// flush sends what waits, with a question whose answer is nothing.
func (q queueTx) flush(ctx context.Context) error {
	if q.t.waiting == nil {
		return nil
	}
	_, err := q.t.run(ctx, "SELECT 1", nil)
	return err
}

// Prepare prepares a statement.
func (q queueTx) Prepare(ctx context.Context, name, query string) (*pgconn.StatementDescription, error) {
	return q.t.conn.Prepare(ctx, name, query)
}

var errNotYours = errors.New("store: the transaction belongs to who began it")

// Begin, Commit, Rollback and LargeObjects are not for the queue.
func (q queueTx) Begin(context.Context) (pgx.Tx, error) { return nil, errNotYours }

// Commit is not for the queue.
func (q queueTx) Commit(context.Context) error { return errNotYours }

// Rollback is not for the queue.
func (q queueTx) Rollback(context.Context) error { return errNotYours }

// LargeObjects is not for the queue.
func (q queueTx) LargeObjects() pgx.LargeObjects { panic(errNotYours) }

// queueRows close without an error, as pgx has it.
type queueRows struct{ *pgRows }

// Close closes the rows.
func (r queueRows) Close() { _ = r.pgRows.Close() } // Err says it

// A failedBatch is one that could not be sent.
type failedBatch struct{ err error }

// Exec returns why.
func (b failedBatch) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, b.err }

// Query returns why.
func (b failedBatch) Query() (pgx.Rows, error) { return nil, b.err }

// QueryRow returns why.
func (b failedBatch) QueryRow() pgx.Row { return failedRow(b) }

// Close returns why.
func (b failedBatch) Close() error { return b.err }
