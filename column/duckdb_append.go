package column

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
)

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
	if d.crowded(day) {
		if err := d.fold(context.Background(), everyDay); err != nil {
			return err
		}
	}
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
	j := d.journals[day]
	if j == nil {
		d.mu.Lock()
		name := fileName(day.String(), d.m.Days[day])
		d.mu.Unlock()
		var err error
		if j, err = d.newJournal(day, name); err != nil {
			return explain(err)
		}
		d.journals[day] = j
	}
	b := d.record(waiters)
	if err := j.write(b); err != nil {
		return explain(fmt.Errorf("column: journal: %w", err))
	}
	d.unfolded.Add(int64(len(b)))
	if j.size >= fullJournal {
		select {
		case d.full <- day:
		default: // it is being folded
		}
	}
	return nil
}

// record makes a record of the rows of those who wait.
func (d *duck) record(waiters []*waiter) []byte {
	b := d.buffer[:recordHead]
	for i, t := range d.schema.Open {
		for _, w := range waiters {
			if rows := w.batch[t.Name]; len(rows) > 0 {
				b = appendRows(b, i, rows)
			}
		}
	}
	d.buffer = b
	return sealed(b)
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

// shorten folds a long log into its file.
func (d *duck) shorten(ctx context.Context, v *view) {
	f := v.files[0]
	if s, err := os.Stat(d.path(f.name) + ".wal"); err != nil || s.Size() < mostLog {
		return
	}
	if _, err := v.inst.db.ExecContext(ctx, "CHECKPOINT "+quoted(f.alias())); err != nil {
		slog.WarnContext(ctx, "column: a log could not be folded into its file; it will be tried again", "file", f.name, "err", d.failed(v.inst, err))
	}
}
