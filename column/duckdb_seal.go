package column

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// step is called at each point at which a test wants to end the process, or to
// have something happen.
var step = func(string) {}

const notMaterialized = " AS NOT MATERIALIZED "

func (d *duck) Seal(ctx context.Context, days ...Day) error {
	d.maintenance.Lock()
	defer d.maintenance.Unlock()
	months := map[string][]Day{}
	for _, day := range slices.Compact(slices.Sorted(slices.Values(days))) {
		months[day.Month()] = append(months[day.Month()], day)
	}
	for _, month := range slices.Sorted(maps.Keys(months)) {
		if err := d.sealMonth(ctx, month, months[month]); err != nil {
			return err
		}
	}
	return nil
}

// sealMonth seals days of a month.
func (d *duck) sealMonth(ctx context.Context, month string, days []Day) error {
	if !d.shut(func(m *manifest) []Day {
		days = slices.DeleteFunc(slices.Clone(days), m.closed)
		return days
	}) {
		return nil
	}
	defer d.unshut()
	step("closed")
	if err := d.fold(ctx, func(day Day) bool { return slices.Contains(days, day) }); err != nil {
		return err
	}

	now := d.manifest()
	some := uint64(0)
	if filled := slices.DeleteFunc(slices.Clone(days), func(day Day) bool { return now.Days[day] == 0 }); len(filled) > 0 {
		var err error
		if some, err = d.copyMonth(ctx, month, "", nil, filled); err != nil {
			return err
		}
	}
	old, err := d.turn(func(m *manifest) {
		if some != 0 {
			m.Months[month] = some
		}
		for _, day := range days {
			delete(m.Days, day)
			m.seal(day)
		}
	})
	if err != nil {
		return err
	}
	return d.gone(ctx, old)
}

func (d *duck) Reopen(_ context.Context, day Day) error {
	d.maintenance.Lock()
	defer d.maintenance.Unlock()
	if now := d.manifest(); day < now.Before {
		return sealedError(day)
	}
	_, err := d.turn(func(m *manifest) { m.Sealed = open(m.Sealed, day) })
	return err
}

func (d *duck) Drop(ctx context.Context, before Day) error {
	d.maintenance.Lock()
	defer d.maintenance.Unlock()
	if now := d.manifest(); before <= now.Before {
		return nil
	}
	d.shut(func(m *manifest) (days []Day) {
		for day := range m.Days {
			if day < before {
				days = append(days, day)
			}
		}
		return days
	})
	defer d.unshut()
	if err := d.discard(func(day Day) bool { return day < before }); err != nil {
		return explain(fmt.Errorf("column: drop: %w", err))
	}

	now := d.manifest()
	month, some := before.Month(), uint64(0)
	where := fmt.Sprintf(`"day" >= %d`, before)
	if now.Months[month] != 0 {
		less, err := d.fewer(ctx, fileName(month, now.Months[month]), where, nil)
		if err == nil && less {
			some, err = d.copyMonth(ctx, month, where, nil, nil)
		}
		if err != nil {
			return err
		}
	}
	old, err := d.turn(func(m *manifest) {
		m.Before = before
		maps.DeleteFunc(m.Months, func(name string, _ uint64) bool { return name < month })
		maps.DeleteFunc(m.Days, func(day Day, _ uint64) bool { return day < before })
		m.Sealed = slices.DeleteFunc(m.Sealed, func(day Day) bool { return day < before })
		if some != 0 {
			m.Months[month] = some
		}
	})
	if err != nil {
		return err
	}
	return d.gone(ctx, old)
}

func (d *duck) Rewrite(ctx context.Context, keep string, args ...any) error {
	d.maintenance.Lock()
	defer d.maintenance.Unlock()
	months, days := map[string]uint64{}, map[Day]uint64{}
	for month, n := range d.manifest().Months {
		less, err := d.fewer(ctx, fileName(month, n), keep, args)
		if err == nil && less {
			months[month], err = d.copyMonth(ctx, month, keep, args, nil)
		}
		if err != nil {
			return err
		}
	}
	old, err := d.rewriteOpen(ctx, keep, args, days, func(m *manifest) {
		maps.Copy(m.Months, months)
		maps.Copy(m.Days, days)
	})
	if err != nil {
		return err
	}
	return d.gone(ctx, old)
}

// rewriteOpen is Rewrite for the days that are open, to which nobody appends
// meanwhile.
func (d *duck) rewriteOpen(ctx context.Context, keep string, args []any, days map[Day]uint64, change func(*manifest)) ([]string, error) {
	d.folding.Lock()
	defer d.folding.Unlock()
	d.writing.Lock()
	defer d.writing.Unlock()
	d.finish(everyDay)
	if err := d.foldFinished(ctx, everyDay); err != nil {
		return nil, err
	}
	for day, n := range d.manifest().Days {
		name := fileName(day.String(), n)
		less, err := d.fewer(ctx, name, keep, args)
		if err == nil && less {
			days[day], err = d.copyDay(ctx, day, name, keep, args)
		}
		if err != nil {
			return nil, err
		}
	}
	return d.turn(change)
}

func (d *duck) manifest() manifest {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.m.next()
}

// shut refuses appends to days and waits for those that are being written. It
// reports whether there are any.
func (d *duck) shut(pick func(*manifest) []Day) bool {
	d.mu.Lock()
	days := pick(&d.m)
	for _, day := range days {
		d.closing[day] = true
	}
	d.mu.Unlock()
	d.writing.Lock()
	d.writing.Unlock() //nolint:staticcheck // whoever was writing has ended
	return len(days) > 0
}

func (d *duck) unshut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.closing)
}

// fewer reports whether a condition leaves out rows of a file.
func (d *duck) fewer(ctx context.Context, name, keep string, args []any) (bool, error) {
	v, err := d.see(ctx, func(*manifest) []string { return []string{name} })
	if err != nil {
		return false, err
	}
	defer v.release()
	for _, t := range d.tablesOf(v.files[0]) {
		var n int64
		err := v.inst.db.QueryRowContext(ctx, "SELECT count(*) FROM ("+v.files[0].rows(t)+") WHERE NOT ("+keep+")", args...).Scan(&n)
		if err != nil {
			return false, d.failed(v.inst, err)
		}
		if n > 0 {
			return true, nil
		}
	}
	return false, nil
}

func (d *duck) tablesOf(f *file) (out []Table) {
	if f.open {
		return d.schema.Open
	}
	for _, t := range d.schema.Sealed {
		out = append(out, t.Table)
	}
	return out
}

// rows is a table's rows in one file.
func (f *file) rows(t Table) string {
	return union(t, []*file{f}, func(f *file) (string, string) {
		if f.open {
			return f.dayLiteral(), ""
		}
		return `"day"`, ""
	}).query
}

// copyDay makes another file of an open day, of the rows that are kept.
func (d *duck) copyDay(ctx context.Context, day Day, name, keep string, args []any) (uint64, error) {
	v, err := d.see(ctx, func(*manifest) []string { return []string{name} })
	if err != nil {
		return 0, err
	}
	defer v.release()
	n := d.number.Add(1)
	return n, d.make(ctx, fileName(day.String(), n), func(ctx context.Context, conn *sql.Conn, into *file) error {
		for _, t := range d.schema.Open {
			columns := list(t.Columns, func(c Column) string { return quoted(c.Name) })
			_, err := conn.ExecContext(ctx, "INSERT INTO "+into.table(t.Name)+" ("+columns+") SELECT "+columns+
				" FROM ("+v.files[0].rows(t)+") WHERE ("+keep+")", args...)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// copyMonth makes another file of a month: of the rows of the old one, if there
// is one, that are kept, and of what the files of days come to.
func (d *duck) copyMonth(ctx context.Context, month, keep string, args []any, days []Day) (uint64, error) {
	v, err := d.see(ctx, func(m *manifest) (names []string) {
		for _, day := range days {
			names = append(names, fileName(day.String(), m.Days[day]))
		}
		if n := m.Months[month]; n != 0 {
			names = append(names, fileName(month, n))
		}
		return names
	})
	if err != nil {
		return 0, err
	}
	defer v.release()
	if keep == "" {
		keep = "true"
	}
	before := v.files[len(days):]
	fill := func(from []*file, days []Day) (uint64, error) {
		n := d.number.Add(1)
		return n, d.make(ctx, fileName(month, n), func(ctx context.Context, conn *sql.Conn, into *file) error {
			for _, t := range d.schema.Sealed {
				columns := `"day", ` + list(t.Columns, func(c Column) string { return quoted(c.Name) })
				for _, f := range from {
					_, err := conn.ExecContext(ctx, "INSERT INTO "+into.table(t.Name)+" ("+columns+") SELECT "+columns+
						" FROM ("+f.rows(t.Table)+") WHERE ("+keep+")", args...)
					if err != nil {
						return err
					}
				}
			}
			for i, day := range days {
				if err := d.derive(ctx, conn, into, d.relations(append([]*file{v.files[i]}, before...), day, day), day); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if len(days) < 2 {
		return fill(before, days)
	}
	// Each day that is added to a file leaves room in it that is never filled: of
	// many it is as much as the rows take.
	loose, err := fill(nil, days)
	if err != nil {
		return 0, err
	}
	w, err := d.see(ctx, func(*manifest) []string { return []string{fileName(month, loose)} })
	if err != nil {
		return 0, err
	}
	defer w.release()
	d.mu.Lock()
	w.files[0].doomed = true
	d.mu.Unlock()
	return fill(append(before, w.files...), nil)
}

// derive adds the rows that a day comes to.
func (d *duck) derive(ctx context.Context, conn *sql.Conn, into *file, relations []relation, day Day) (err error) {
	for _, i := range d.schema.Interim {
		if _, err := conn.ExecContext(ctx, "CREATE OR REPLACE TEMP TABLE "+quoted(i.Name)+" AS "+within(relations, notMaterialized, i.Select)); err != nil {
			return fmt.Errorf("column: seal: %s: %w", i.Name, err)
		}
		// Not later than this: it holds what the sealed rows must not.
		defer func() {
			_, gone := conn.ExecContext(context.WithoutCancel(ctx), "DROP TABLE temp.main."+quoted(i.Name))
			err = errors.Join(err, gone)
		}()
	}
	for _, t := range d.schema.Sealed {
		_, err := conn.ExecContext(ctx, fmt.Sprintf(`INSERT INTO %s ("day", %s) SELECT CAST(%d AS INTEGER) AS "day", %s FROM (%s) ORDER BY %s`,
			into.table(t.Name), list(t.Columns, func(c Column) string { return quoted(c.Name) }), day,
			list(t.Columns, func(c Column) string {
				return "CAST(" + quoted(c.Name) + " AS " + types[c.Type].duck + ") AS " + quoted(c.Name)
			}),
			within(relations, notMaterialized, t.Select), orderBy(t.Order)))
		if err != nil {
			return fmt.Errorf("column: seal: %s: %w", t.Name, err)
		}
	}
	return nil
}
