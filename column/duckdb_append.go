package column

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"log/slog"
	"os"

	"github.com/duckdb/duckdb-go/v2"
)

// A writer holds what appends to the file of one day.
type writer struct {
	inst      *instance
	conn      *sql.Conn
	file      *file
	appenders map[string]*duckdb.Appender
}

func (d *duck) Append(ctx context.Context, day Day, batch Batch) error {
	rows, err := d.schema.checkBatch(batch)
	if err != nil {
		return err
	}
	d.mu.Lock()
	closed := d.m.closed(day) || d.closing[day]
	d.mu.Unlock()
	if closed {
		return sealedError(day)
	}
	if rows == 0 {
		return nil
	}
	return d.group.append(ctx, day, batch, rows)
}

// commit writes the rows of those who wait for a day.
func (d *duck) commit(day Day, waiters []*waiter) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	d.mu.Lock()
	closed := d.m.closed(day) || d.closing[day]
	_, there := d.m.Days[day]
	d.mu.Unlock()
	if closed {
		return sealedError(day)
	}
	if !there {
		if err := d.begin(day); err != nil {
			return explain(err)
		}
	}
	// A commit is not given up half-way: it is short, and others share it.
	ctx := context.Background()
	v, err := d.see(ctx, func(m *manifest) []string { return []string{fileName(day.String(), m.Days[day])} })
	if err != nil {
		return err
	}
	defer v.release()
	if err := d.writeTo(ctx, v, waiters); err != nil {
		d.writer.close()
		return d.failed(v.inst, err)
	}
	return nil
}

// begin makes the file of a day.
func (d *duck) begin(day Day) error {
	n := d.number.Add(1)
	err := d.make(context.Background(), fileName(day.String(), n), func(context.Context, *sql.Conn, *file) error { return nil })
	if err == nil {
		_, err = d.turn(func(m *manifest) { m.Days[day] = n })
	}
	return err
}

// make makes a file, fills it and has it survive a loss of power. Where that
// fails there is none. The file stays attached: DuckDB refuses to attach one
// again as long as anything in it remembers that it was detached.
func (d *duck) make(ctx context.Context, name string, fill func(context.Context, *sql.Conn, *file) error) error {
	d.mu.Lock()
	inst, err := d.use()
	if err != nil {
		d.mu.Unlock()
		return err
	}
	v := &view{d: d, inst: inst, files: []*file{inst.file(name)}}
	d.mu.Unlock()
	defer v.release()
	f := v.files[0]
	err = d.unlink(name) // of an attempt that failed
	if err == nil {
		err = d.attach(ctx, inst, f)
	}
	if err == nil {
		err = inst.fill(ctx, f, fill)
	}
	if err == nil {
		step("written")
		err = d.sync()
	}
	if err != nil {
		d.mu.Lock()
		f.doomed = true
		d.mu.Unlock()
		return d.failed(inst, err)
	}
	step("synced")
	return nil
}

func (i *instance) fill(ctx context.Context, f *file, fill func(context.Context, *sql.Conn, *file) error) error {
	conn, err := i.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := fill(ctx, conn, f); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "FORCE CHECKPOINT "+quoted(f.alias())) // it syncs the file
	return err
}

// writeTo writes in one transaction.
func (d *duck) writeTo(ctx context.Context, v *view, waiters []*waiter) error {
	w := &d.writer
	if w.inst != v.inst || w.file != v.files[0] {
		w.close()
		conn, err := v.inst.db.Conn(ctx)
		if err != nil {
			return err
		}
		*w = writer{inst: v.inst, conn: conn, file: v.files[0], appenders: map[string]*duckdb.Appender{}}
	}
	if _, err := w.conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	err := w.conn.Raw(func(c any) error {
		for _, t := range d.schema.Open {
			if err := w.write(c.(driver.Conn), t, waiters); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		_, back := w.conn.ExecContext(ctx, "ROLLBACK")
		return errors.Join(err, back)
	}
	_, err = w.conn.ExecContext(ctx, "COMMIT")
	return err
}

func (w *writer) write(c driver.Conn, t Table, waiters []*waiter) error {
	a := w.appenders[t.Name]
	some := false
	var values []driver.Value
	for _, wait := range waiters {
		for _, row := range wait.batch[t.Name] {
			if a == nil {
				names := make([]string, len(t.Columns))
				for i, column := range t.Columns {
					names[i] = column.Name
				}
				var err error
				if a, err = duckdb.NewAppenderWithColumns(c, w.file.alias(), "main", t.Name, names); err != nil {
					return err
				}
				w.appenders[t.Name] = a
			}
			some = true
			values = values[:0]
			for _, v := range row {
				values = append(values, v)
			}
			if err := a.AppendRow(values...); err != nil {
				return err
			}
		}
	}
	if !some {
		return nil
	}
	return a.Flush()
}

// close gives up what the writer holds, with all that was not committed.
func (w *writer) close() {
	for _, a := range w.appenders {
		// What is still in them belongs to a commit that failed.
		_ = a.Clear()
		_ = a.Close()
	}
	if w.conn != nil {
		w.conn.Close()
	}
	*w = writer{}
}

// shorten folds a long log into its file, after those whose rows are in it were
// told.
func (d *duck) shorten() {
	d.writing.Lock()
	defer d.writing.Unlock()
	f := d.writer.file
	if f == nil {
		return
	}
	if s, err := os.Stat(d.path(f.name) + ".wal"); err != nil || s.Size() < mostLog {
		return
	}
	if _, err := d.writer.conn.ExecContext(context.Background(), "CHECKPOINT "+quoted(f.alias())); err != nil {
		inst := d.writer.inst
		d.writer.close()
		slog.Warn("column: a log could not be folded into its file; it will be tried again", "file", f.name, "err", d.failed(inst, err))
	}
}
