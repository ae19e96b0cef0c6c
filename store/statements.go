package store

import (
	"context"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
)

// maxStatements bounds how many statements a connection to SQLite keeps, and so
// the memory they take, some ten kilobytes each.
const maxStatements = 96

// A sqliteConn is all that the driver's connection can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	sqlite.HookRegisterer
}

// A keeping connection keeps the statements that it prepared, as pgx does by
// itself: to SQLite, preparing is most of the work of a small query. A statement
// in use is not in the map, so that the same query inside itself gets another.
type keeping struct {
	sqliteConn
	idle map[string]driver.Stmt
}

// ExecContext runs a statement that was kept, or prepares and keeps it.
func (k *keeping) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := k.take(ctx, query)
	if err != nil {
		return nil, err
	}
	res, err := s.(driver.StmtExecContext).ExecContext(ctx, args)
	k.give(query, s, err)
	return res, err
}

// QueryContext runs a query that was kept, or prepares and keeps it.
func (k *keeping) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := k.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		k.give(query, s, err)
		return nil, err
	}
	all, ok := rows.(sqliteRows)
	if !ok {
		return nil, errors.Join(errors.New("store: the driver's rows have changed"), rows.Close(), s.Close())
	}
	return &keptRows{all, k, query, s}, nil
}

// take returns a statement that nobody uses.
func (k *keeping) take(ctx context.Context, query string) (driver.Stmt, error) {
	if s, ok := k.idle[query]; ok {
		delete(k.idle, query)
		return s, nil
	}
	return k.PrepareContext(ctx, query)
}

// give keeps a statement for the next who needs it. One that failed goes: it
// may have failed for what it found when it was prepared.
func (k *keeping) give(query string, s driver.Stmt, failed error) {
	if _, there := k.idle[query]; there || failed != nil {
		_ = s.Close()
		return
	}
	if len(k.idle) >= maxStatements {
		for q, other := range k.idle { // any of them: a map begins anywhere
			delete(k.idle, q)
			_ = other.Close()
			break
		}
	}
	k.idle[query] = s
}

// Close closes the statements and the connection.
func (k *keeping) Close() error {
	for _, s := range k.idle {
		_ = s.Close()
	}
	clear(k.idle)
	return k.sqliteConn.Close()
}

// sqliteRows is all that the driver's rows can do.
type sqliteRows interface {
	driver.Rows
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypeNullable
	driver.RowsColumnTypePrecisionScale
	driver.RowsColumnTypeScanType
}

// keptRows give their statement back when they are closed.
type keptRows struct {
	sqliteRows
	k     *keeping
	query string
	stmt  driver.Stmt
}

// Close closes the rows.
func (r *keptRows) Close() error {
	err := r.sqliteRows.Close()
	if r.stmt != nil {
		r.k.give(r.query, r.stmt, err)
		r.stmt = nil
	}
	return err
}
