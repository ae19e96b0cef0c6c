package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"loot/store"
)

// HiddenUntil returns until when an entry is hidden by a gag; zero: it is not, or
// there is no such entry.
func (l *Ledger) HiddenUntil(ctx context.Context, tx *store.Tx, id string) (time.Time, error) {
	if err := tx.Flush(ctx); err != nil {
		return time.Time{}, err
	}
	var gag int64
	err := tx.QueryRow(ctx, `SELECT gag FROM ledger_entry WHERE id = $1`, id).Scan(&gag)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, fmt.Errorf("ledger: gag: %w", err)
	}
	return store.Instant(gag), nil
}

// Delay hides what is hidden until exactly one moment until another.
func (l *Ledger) Delay(ctx context.Context, tx *store.Tx, from, to time.Time) error {
	if err := tx.Flush(ctx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE ledger_entry SET gag = $1 WHERE gag = $2 AND gag > 0`, micros(to), micros(from)); err != nil {
		return fmt.Errorf("ledger: gag: %w", err)
	}
	return nil
}
