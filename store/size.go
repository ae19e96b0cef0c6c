package store

import (
	"context"
	"fmt"
)

// Backend returns the process that serves this database on the machine of its
// PostgreSQL server; 0 for SQLite.
func (db *DB) Backend(ctx context.Context) (pid int, err error) {
	if db.dialect != Postgres {
		return 0, nil
	}
	err = db.Read(ctx, func(tx *Tx) error { return tx.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid) })
	if err != nil {
		return 0, fmt.Errorf("store: process: %w", err)
	}
	return pid, nil
}

// TableBytes returns how much disk the tables whose names match a LIKE
// pattern take, their indexes included.
func (db *DB) TableBytes(ctx context.Context, pattern string) (n int64, err error) {
	q := `SELECT coalesce(sum(s.pgsize), 0) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name WHERE m.tbl_name LIKE $1`
	if db.dialect == Postgres {
		q = `SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::BIGINT FROM pg_class WHERE relkind = 'r' AND relname LIKE $1`
	}
	err = db.ReadTx(ctx, func(tx *Tx) error { return tx.QueryRow(ctx, q, pattern).Scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("store: size: %w", err)
	}
	return n, nil
}
