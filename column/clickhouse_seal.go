package column

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A partition is what is stored of a day in a table.
type partition struct {
	table string
	open  bool
	day   Day
	made  uint64
	files int
	rows  int64
	bytes int64
}

func (p partition) String() string {
	if p.open {
		return fmt.Sprint(int32(p.day))
	}
	return fmt.Sprintf("(%d,%d)", p.day, p.made)
}

// partitions are all that are stored, those included that do not count.
func (c *click) partitions(ctx context.Context) (out []partition, err error) {
	rows, err := c.conn.Query(ctx, `SELECT table, partition, toInt64(count()), toInt64(sum(rows)), toInt64(sum(bytes_on_disk)) FROM system.parts
		WHERE database = currentDatabase() AND active GROUP BY table, partition ORDER BY table, partition`)
	if err != nil {
		return nil, explainClick(err)
	}
	defer rows.Close()
	for rows.Next() {
		var p partition
		var name string
		var files int64
		if err := rows.Scan(&p.table, &name, &files, &p.rows, &p.bytes); err != nil {
			return nil, explainClick(err)
		}
		p.files = int(files)
		switch {
		case quoted(p.table) == c.openTable():
			p.open = true
			_, err = fmt.Sscanf(name, "%d", &p.day)
		case slices.ContainsFunc(c.schema.Sealed, func(t Sealed) bool { return t.Name == p.table }):
			_, err = fmt.Sscanf(name, "(%d,%d)", &p.day, &p.made)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("column: partition %s of %s: %w", name, p.table, err)
		}
		out = append(out, p)
	}
	return out, explainClick(rows.Err())
}

// turn replaces the manifest by one that is changed. One process at a time does.
func (c *click) turn(ctx context.Context, change func(*manifest)) (manifest, error) {
	m, err := c.manifest(ctx)
	if err != nil {
		return manifest{}, err
	}
	old := m.Version
	m = m.next()
	change(&m)
	b, err := m.bytes()
	if err != nil {
		return manifest{}, err
	}
	if err := c.conn.Exec(ctx, "INSERT INTO "+c.manifestTable()+` ("version", "body") SELECT toUInt64($1), $2`, m.Version, string(b)); err != nil {
		return manifest{}, explainClick(err)
	}
	if old > 0 {
		err = c.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s DROP PARTITION %d", c.manifestTable(), old))
	}
	return m, explainClick(err)
}

// tidy drops what does not count: rows of an attempt that did not come to its
// end, or of one that another took the place of, open rows of days that are
// sealed, and days that were dropped. Only who may seal calls it.
func (c *click) tidy(ctx context.Context) error {
	return c.drop(ctx, func(m *manifest, p partition) bool {
		return m.stale(p) || !p.open && m.Days[p.day] != p.made
	})
}

// emptied drops open rows of days that are sealed, which hold what sealed ones
// must not.
func (c *click) emptied(ctx context.Context) error { return c.drop(ctx, (*manifest).stale) }

func (m *manifest) stale(p partition) bool {
	return p.day < m.Before || p.open && m.sealed(p.day)
}

func (c *click) drop(ctx context.Context, which func(*manifest, partition) bool) error {
	m, err := c.manifest(ctx)
	if err != nil {
		return err
	}
	parts, err := c.partitions(ctx)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if which(&m, p) {
			if err := c.conn.Exec(ctx, "ALTER TABLE "+quoted(p.table)+" DROP PARTITION "+p.String()); err != nil {
				return explainClick(err)
			}
		}
	}
	return nil
}

func (c *click) Seal(ctx context.Context, days ...Day) error {
	c.maintenance.Lock()
	defer c.maintenance.Unlock()
	for _, day := range days {
		if err := c.seal(ctx, day); err != nil {
			return err
		}
	}
	return nil
}

func (c *click) seal(ctx context.Context, day Day) error {
	if err := c.tidy(ctx); err != nil {
		return err
	}
	m, err := c.manifest(ctx)
	if err != nil || m.sealed(day) || day < m.Before {
		return err
	}
	if m, err = c.turn(ctx, func(m *manifest) { m.Closing = append(open(m.Closing, day), day) }); err != nil {
		return err
	}
	step("closed")
	made := m.Version
	if err := c.derive(ctx, &m, day, made); err != nil {
		_, back := c.turn(context.WithoutCancel(ctx), func(m *manifest) { m.Closing = open(m.Closing, day) })
		return errors.Join(err, back)
	}
	step("written")
	_, err = c.turn(ctx, func(m *manifest) {
		m.Closing = open(m.Closing, day)
		m.seal(day)
		m.Days[day] = made
	})
	if err != nil {
		return err
	}
	step("switched")
	err = c.tidy(ctx)
	step("removed")
	return err
}

// derive makes the sealed rows that a day comes to, and copies those that are
// there.
func (c *click) derive(ctx context.Context, m *manifest, day Day, made uint64) (err error) {
	conn, err := c.db.Conn(ctx) // temporary tables live in one connection
	if err != nil {
		return explainClick(err)
	}
	defer conn.Close()
	relations := c.relations(m, day, day)
	for _, i := range c.schema.Interim {
		if _, err := conn.ExecContext(ctx, "CREATE TEMPORARY TABLE "+quoted(i.Name)+" ENGINE = Memory AS "+within(relations, " AS ", i.Select)); err != nil {
			return fmt.Errorf("column: seal: %s: %w", i.Name, explainClick(err))
		}
		defer func() {
			if _, gone := conn.ExecContext(context.WithoutCancel(ctx), "DROP TEMPORARY TABLE "+quoted(i.Name)); gone != nil {
				err = errors.Join(err, explainClick(gone))
			}
		}()
	}
	for _, t := range c.schema.Sealed {
		columns := list(t.Columns, func(c Column) string { return quoted(c.Name) })
		queries := []string{fmt.Sprintf("SELECT toInt32(%d), toUInt64(%d), %s FROM (%s)",
			day, made, list(t.Columns, func(c Column) string { return cast(c, types[c.Type].click) }), within(relations, " AS ", t.Select))}
		if n := m.Days[day]; n != 0 {
			queries = append(queries, fmt.Sprintf(`SELECT "day", toUInt64(%d), %s FROM %s WHERE "day" = %d AND "_made" = %d`, made, columns, quoted(t.Name), day, n))
		}
		for _, q := range queries {
			if _, err := conn.ExecContext(ctx, "INSERT INTO "+quoted(t.Name)+` ("day", "_made", `+columns+") "+q); err != nil {
				return fmt.Errorf("column: seal: %s: %w", t.Name, explainClick(err))
			}
		}
	}
	return nil
}

func (c *click) Reopen(ctx context.Context, day Day) error {
	c.maintenance.Lock()
	defer c.maintenance.Unlock()
	m, err := c.manifest(ctx)
	if err != nil {
		return err
	}
	if day < m.Before {
		return sealedError(day)
	}
	if err := c.tidy(ctx); err != nil { // what is left of its open rows is sealed already
		return err
	}
	_, err = c.turn(ctx, func(m *manifest) { m.Sealed = open(m.Sealed, day) })
	return err
}

func (c *click) Drop(ctx context.Context, before Day) error {
	c.maintenance.Lock()
	defer c.maintenance.Unlock()
	m, err := c.manifest(ctx)
	if err != nil {
		return err
	}
	if before > m.Before {
		_, err = c.turn(ctx, func(m *manifest) {
			m.Before = before
			maps.DeleteFunc(m.Days, func(day Day, _ uint64) bool { return day < before })
			m.Sealed = slices.DeleteFunc(m.Sealed, func(day Day) bool { return day < before })
			m.Closing = slices.DeleteFunc(m.Closing, func(day Day) bool { return day < before })
		})
		if err != nil {
			return err
		}
	}
	return c.tidy(ctx)
}

func (c *click) Rewrite(ctx context.Context, keep string, args ...any) error {
	c.maintenance.Lock()
	defer c.maintenance.Unlock()
	if err := c.tidy(ctx); err != nil {
		return err
	}
	texts := make([]string, len(args))
	for i, a := range args {
		var err error
		if texts[i], err = literalOf(a); err != nil {
			return err
		}
	}
	bound, query, err := bind(ctx, keep, args)
	if err != nil {
		return err
	}
	m, err := c.manifest(ctx)
	if err != nil {
		return err
	}
	days := map[Day]uint64{}
	for day, n := range m.Days {
		less := false
		for _, t := range c.schema.Sealed {
			var n0 uint64
			err := c.conn.QueryRow(bound, fmt.Sprintf(`SELECT count() FROM %s WHERE "day" = %d AND "_made" = %d AND NOT (%s)`, quoted(t.Name), day, n, query)).Scan(&n0)
			if err != nil {
				return explainClick(err)
			}
			less = less || n0 > 0
		}
		if !less {
			continue
		}
		days[day] = m.Version + 1
		for _, t := range c.schema.Sealed {
			columns := list(t.Columns, func(c Column) string { return quoted(c.Name) })
			if err := c.conn.Exec(bound, fmt.Sprintf(`INSERT INTO %s ("day", "_made", %s) SELECT "day", toUInt64(%d), %s FROM %s WHERE "day" = %d AND "_made" = %d AND (%s)`,
				quoted(t.Name), columns, days[day], columns, quoted(t.Name), day, n, query)); err != nil {
				return explainClick(err)
			}
		}
	}
	if len(days) > 0 {
		if _, err := c.turn(ctx, func(m *manifest) { maps.Copy(m.Days, days) }); err != nil {
			return err
		}
		if err := c.tidy(ctx); err != nil {
			return err
		}
	}
	// The rows of open days are appended to meanwhile, by other processes too:
	// ClickHouse itself makes their parts anew. It takes no parameters there.
	keep = placeholder.ReplaceAllStringFunc(keep, func(s string) string {
		var n int
		if _, err := fmt.Sscanf(s, "$%d", &n); err != nil {
			return s
		}
		return texts[n-1]
	})
	if err := c.conn.Exec(ctx, "ALTER TABLE "+c.openTable()+" DELETE WHERE NOT ("+keep+")"); err != nil {
		return explainClick(err)
	}
	// It remembers what it did, with the values.
	return explainClick(c.conn.Exec(ctx, "KILL MUTATION WHERE database = currentDatabase() AND table = $1 AND is_done SYNC", c.schema.Name+"_open"))
}
