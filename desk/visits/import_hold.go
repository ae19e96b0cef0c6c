package visits

import (
	"context"
	"fmt"
	"slices"
	"time"

	"loot/column"
	"loot/store"
)

// hold keeps the past days that a batch is of from being sealed. An import that
// ended goes on with other secrets: its own are gone.
//
// A day that still has visits which came as they happened is not held: it is
// sealed with them when it is over at every site, and whoever is in the import
// after that is a visitor anew.
func (d *Visits) hold(ctx context.Context, im *theImport, days []column.Day, now time.Time) error {
	if !im.ended.IsZero() || laneOver(im.lane, now) {
		im.lane, im.held = importLane(now), time.Time{}
	}
	mine, imports, err := d.holders(ctx, im)
	if err != nil {
		return err
	}
	if days = slices.DeleteFunc(days, func(day column.Day) bool { return mine[day] }); len(days) > 0 {
		open, err := d.column.Open(ctx)
		if err != nil {
			return fmt.Errorf("visits: import: %w", err)
		}
		days = slices.DeleteFunc(days, func(day column.Day) bool { return slices.Contains(open, day) && !imports[day] })
	}
	if len(days) == 0 && now.Sub(im.held) < time.Minute {
		return nil
	}
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		for _, day := range days {
			if _, err := tx.Exec(ctx, `INSERT INTO visits_import_day (import, day) VALUES ($1, $2)`, im.id, int64(day)); err != nil {
				return fmt.Errorf("visits: import: %w", err)
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE visits_import SET lane = $2, held = $3, touched = $3, ended = 0 WHERE id = $1`, im.id, im.lane, now.UnixMicro()); err != nil {
			return fmt.Errorf("visits: import: %w", err)
		}
		return nil
	})
}

// holders returns the days that an import wrote to, and those that any did since
// they were sealed.
func (d *Visits) holders(ctx context.Context, im *theImport) (mine, all map[column.Day]bool, err error) {
	mine, all = map[column.Day]bool{}, map[column.Day]bool{}
	err = d.DB.Read(ctx, func(tx *store.Tx) error {
		return eachHeld(ctx, tx, `SELECT import, day FROM visits_import_day`, func(id string, day column.Day) {
			all[day] = true
			if id == im.id {
				mine[day] = true
			}
		})
	})
	return mine, all, err
}

// held returns the days that an import needs.
func (d *Visits) held(ctx context.Context, now time.Time) (days map[column.Day]bool, err error) {
	days = map[column.Day]bool{}
	err = d.DB.Read(ctx, func(tx *store.Tx) error {
		return eachHeld(ctx, tx, `SELECT import, day FROM visits_import_day WHERE import IN (SELECT id FROM visits_import WHERE held > $1)`,
			func(_ string, day column.Day) { days[day] = true }, heldSince(now))
	})
	return days, err
}

func heldSince(now time.Time) int64 { return now.Add(-mostImport).UnixMicro() }

func eachHeld(ctx context.Context, tx *store.Tx, query string, f func(id string, day column.Day), args ...any) error {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("visits: days of imports: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var day int64
		if err := rows.Scan(&id, &day); err != nil {
			return fmt.Errorf("visits: days of imports: %w", err)
		}
		f(id, column.Day(day))
	}
	return rows.Err()
}

// sealBefore seals the open days before a day, but for those that an import
// needs.
func (d *Visits) sealBefore(ctx context.Context, today column.Day, now time.Time) error {
	d.imports.mu.Lock()
	defer d.imports.mu.Unlock()
	days, err := d.column.Open(ctx)
	if err != nil {
		return fmt.Errorf("visits: seal: %w", err)
	}
	held, err := d.held(ctx, now)
	if err != nil {
		return err
	}
	if days = slices.DeleteFunc(days, func(day column.Day) bool { return day >= today || held[day] }); len(days) == 0 {
		return nil
	}
	if err := d.column.Seal(ctx, days...); err != nil {
		return fmt.Errorf("visits: seal: %w", err)
	}
	if _, err := d.DB.Exec(ctx, `DELETE FROM visits_import_day WHERE import NOT IN (SELECT id FROM visits_import WHERE held > $1)`, heldSince(now)); err != nil {
		return fmt.Errorf("visits: days of imports: %w", err)
	}
	return nil
}
