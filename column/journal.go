package column

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/duckdb/duckdb-go/v2"
)

const (
	journalEnding = ".journal." // of a day's file, before the journal's id

	// fullJournal is the size from which on a journal is folded into its day's
	// file, and mostUnfolded what may wait for that: beyond it appends wait, too.
	fullJournal  = 2 << 20
	mostUnfolded = 4 * fullJournal
	mostJournals = 4 // that are written to

	// spareRoom is what has to be free on the disk for another journal to begin:
	// folding takes room, and what was acknowledged is to be asked for.
	spareRoom = 4 * fullJournal

	// foldedTable is the table of a day's file that names the journals whose rows
	// are in it. No schema has a table of that name.
	foldedTable = "_journal"
)

// A journal is rows of an open day that are durable and not in the day's file
// yet. A commit of DuckDB takes as long for one row as for thousands, so that
// commits go here, one record each, and DuckDB is given many at once: when there
// are enough of them, and before anything is asked about their day. Their id is
// written to the day's file with them: a journal that is there after it was
// folded, as its process was killed, is not folded again.
type journal struct {
	id   uint64
	day  Day
	name string   // of the day's file
	file *os.File // nil: of a process before, and maybe with an end that was not acknowledged
	size int64
}

func (d *duck) journalPath(j *journal) string {
	return d.path(j.name) + journalEnding + strconv.FormatUint(j.id, 10)
}

// newJournal begins a journal of a day's file, with the tables that its rows are
// of: a later version of the program may have more columns.
func (d *duck) newJournal(day Day, name string) (*journal, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &disk); err == nil && disk.Bavail*uint64(disk.Bsize) < spareRoom {
		return nil, fmt.Errorf("column: journal: %w", syscall.ENOSPC)
	}
	var id [8]byte
	rand.Read(id[:]) // never fails
	j := &journal{id: binary.LittleEndian.Uint64(id[:]) >> 1, day: day, name: name}
	head, err := json.Marshal(d.schema.Open)
	if err != nil {
		return nil, fmt.Errorf("column: journal: %w", err)
	}
	if j.file, err = os.OpenFile(d.journalPath(j), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("column: journal: %w", err)
	}
	err = j.write(sealed(append(make([]byte, recordHead), head...)))
	if err == nil {
		err = d.sync()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("column: journal: %w", err), j.file.Close(), os.Remove(d.journalPath(j)))
	}
	d.unfolded.Add(j.size)
	return j, nil
}

// sealed writes at the beginning of a record, where there is room for it, how
// long it is and a sum over it.
func sealed(b []byte) []byte {
	payload := b[recordHead:]
	binary.LittleEndian.PutUint32(b, uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(payload, castagnoli))
	return b
}

const recordHead = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// records calls f for each record that is whole, and returns what follows them.
func records(b []byte, f func(payload []byte) error) (rest []byte, err error) {
	for len(b) >= recordHead {
		n := int(binary.LittleEndian.Uint32(b))
		if n == 0 || n > len(b)-recordHead {
			break
		}
		payload := b[recordHead : recordHead+n]
		if binary.LittleEndian.Uint32(b[4:]) != crc32.Checksum(payload, castagnoli) {
			break
		}
		if err := f(payload); err != nil {
			return nil, err
		}
		b = b[recordHead+n:]
	}
	return b, nil
}

// write appends and syncs, or leaves the journal as it was.
func (j *journal) write(b []byte) error {
	_, err := j.file.WriteAt(b, j.size)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return errors.Join(err, j.file.Truncate(j.size))
	}
	j.size += int64(len(b))
	return nil
}

// appendRows writes rows of a table behind b: which table, how many, and their
// values, integers in as many bytes as their type has.
func appendRows(b []byte, table int, rows []Row) []byte {
	b = append(b, byte(table))
	b = binary.AppendUvarint(b, uint64(len(rows)))
	for _, row := range rows {
		for _, v := range row {
			switch v := v.(type) {
			case bool:
				b = append(b, 0)
				if v {
					b[len(b)-1] = 1
				}
			case uint8:
				b = append(b, v)
			case uint16:
				b = binary.LittleEndian.AppendUint16(b, v)
			case uint32:
				b = binary.LittleEndian.AppendUint32(b, v)
			case uint64:
				b = binary.LittleEndian.AppendUint64(b, v)
			case int32:
				b = binary.LittleEndian.AppendUint32(b, uint32(v))
			case int64:
				b = binary.LittleEndian.AppendUint64(b, uint64(v))
			case float64:
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
			case string:
				b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
			}
		}
	}
	return b
}

// A rowReader reads what appendRows wrote.
type rowReader struct {
	b      []byte
	tables []Table
	values []driver.Value
	texts  map[string]driver.Value // most come again and again
}

var errJournal = errors.New("column: journal: a record is not what was written")

// each calls f for each row of a record.
func (r *rowReader) each(payload []byte, f func(t Table, values []driver.Value) error) error {
	for r.b = payload; len(r.b) > 0; {
		table := int(r.b[0])
		rows, n := binary.Uvarint(r.b[1:])
		if table >= len(r.tables) || n <= 0 {
			return errJournal
		}
		r.b = r.b[1+n:]
		for range rows {
			r.values = r.values[:0]
			for _, c := range r.tables[table].Columns {
				v, ok := r.value(c.Type)
				if !ok {
					return errJournal
				}
				r.values = append(r.values, v)
			}
			if err := f(r.tables[table], r.values); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *rowReader) value(t Type) (driver.Value, bool) {
	if t == Text {
		n, used := binary.Uvarint(r.b)
		if used <= 0 || n > uint64(len(r.b)-used) {
			return nil, false
		}
		text := r.b[used : used+int(n)]
		r.b = r.b[used+int(n):]
		v, ok := r.texts[string(text)]
		if !ok {
			s := string(text)
			v = s
			r.texts[s] = v
		}
		return v, true
	}
	n := widths[t]
	if n == 0 || len(r.b) < n {
		return nil, false
	}
	var full [8]byte
	copy(full[:], r.b[:n])
	r.b = r.b[n:]
	switch u := binary.LittleEndian.Uint64(full[:]); t {
	case Bool:
		return u != 0, true
	case Uint8:
		return uint8(u), true
	case Uint16:
		return uint16(u), true
	case Uint32:
		return uint32(u), true
	case Int32:
		return int32(u), true
	case Int64:
		return int64(u), true
	case Float64:
		return math.Float64frombits(u), true
	default:
		return u, true
	}
}

// widths are the bytes of the types that have as many always.
var widths = map[Type]int{Bool: 1, Uint8: 1, Uint16: 2, Uint32: 4, Uint64: 8, Int32: 4, Int64: 8, Float64: 8}

// leftJournals lists the journals that a process before left of a day's file.
func (d *duck) leftJournals(day Day, name string) (out []*journal, err error) {
	paths, err := filepath.Glob(d.path(name) + journalEnding + "*")
	for _, p := range paths {
		_, id, _ := strings.Cut(filepath.Base(p), journalEnding)
		n, err := strconv.ParseUint(id, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("column: %s is no journal of this program: move it elsewhere", p)
		}
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("column: journal: %w", err)
		}
		out = append(out, &journal{id: n, day: day, name: name, size: info.Size()})
	}
	return out, err
}

// fold gives DuckDB the rows of the days that are picked.
func (d *duck) fold(ctx context.Context, pick func(Day) bool) error {
	if d.unfolded.Load() == 0 {
		return nil
	}
	d.folding.Lock()
	defer d.folding.Unlock()
	d.writing.Lock()
	d.finish(pick)
	d.writing.Unlock()
	return d.foldFinished(ctx, pick)
}

func everyDay(Day) bool { return true }

// foldFull folds the journals that are full, until no more are named.
func (d *duck) foldFull() {
	defer close(d.ended)
	for day := range d.full {
		if err := d.fold(context.Background(), day.is); err != nil {
			slog.Warn("column: rows stay in their journal; it will be tried again", "day", day, "err", err)
		}
	}
}

// crowded reports whether what was not folded has to be before another commit.
func (d *duck) crowded(day Day) bool {
	d.writing.Lock()
	defer d.writing.Unlock()
	return d.unfolded.Load() >= mostUnfolded || d.journals[day] == nil && len(d.journals) >= mostJournals
}

// finish ends the journals that are written to. The caller holds d.folding and
// d.writing.
func (d *duck) finish(pick func(Day) bool) {
	for day, j := range d.journals {
		if pick(day) {
			delete(d.journals, day)
			d.finished = append(d.finished, j)
		}
	}
}

// foldFinished is fold for those that are finished. The caller holds d.folding.
func (d *duck) foldFinished(ctx context.Context, pick func(Day) bool) error {
	for _, j := range slices.Clone(d.finished) {
		if !pick(j.day) {
			continue
		}
		if err := d.foldOne(context.WithoutCancel(ctx), j); err != nil { // others wait for it, too
			return err
		}
		d.finished = slices.DeleteFunc(d.finished, func(o *journal) bool { return o == j })
	}
	return nil
}

func (d *duck) foldOne(ctx context.Context, j *journal) error {
	b, err := os.ReadFile(d.journalPath(j))
	if err != nil {
		return explain(fmt.Errorf("column: journal: %w", err))
	}
	v, err := d.see(ctx, func(*manifest) []string { return []string{j.name} })
	if err != nil {
		return err
	}
	defer v.release()
	if err := j.writeTo(ctx, v, b); err != nil {
		return d.failed(v.inst, err)
	}
	step("folded")
	err = os.Remove(d.journalPath(j))
	if j.file != nil {
		err = errors.Join(err, j.file.Close())
		j.file = nil
	}
	if err != nil {
		return explain(fmt.Errorf("column: journal: %w", err))
	}
	d.unfolded.Add(-j.size)
	d.shorten(ctx, v)
	return nil
}

// writeTo writes a journal in one transaction, unless that was done before.
func (j *journal) writeTo(ctx context.Context, v *view, b []byte) error {
	conn, err := v.inst.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	folded := v.files[0].table(foldedTable)
	var known bool
	if err := conn.QueryRowContext(ctx, "SELECT count(*) > 0 FROM "+folded+" WHERE id = $1", int64(j.id)).Scan(&known); err != nil || known {
		return err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	err = conn.Raw(func(c any) error { return j.appendTo(c.(driver.Conn), v.files[0].alias(), b) })
	if err == nil {
		_, err = conn.ExecContext(ctx, "INSERT INTO "+folded+" (id) VALUES ($1)", int64(j.id))
	}
	if err != nil {
		_, back := conn.ExecContext(ctx, "ROLLBACK")
		return errors.Join(err, back)
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

// appendTo appends the rows of a journal to the tables of a file.
func (j *journal) appendTo(c driver.Conn, alias string, b []byte) (err error) {
	appenders := map[string]*duckdb.Appender{}
	defer func() {
		for _, a := range appenders {
			err = errors.Join(err, a.Close())
		}
	}()
	r := rowReader{texts: map[string]driver.Value{}}
	rest, err := records(b, func(payload []byte) error {
		if r.tables == nil {
			return json.Unmarshal(payload, &r.tables)
		}
		return r.each(payload, func(t Table, values []driver.Value) (err error) {
			a := appenders[t.Name]
			if a == nil {
				names := make([]string, len(t.Columns))
				for i, column := range t.Columns {
					names[i] = column.Name
				}
				if a, err = duckdb.NewAppenderWithColumns(c, alias, "main", t.Name, names); err != nil {
					return err
				}
				appenders[t.Name] = a
			}
			return a.AppendRow(values...)
		})
	})
	switch {
	case err != nil:
		for _, a := range appenders {
			err = errors.Join(err, a.Clear())
		}
	case len(rest) > 0 && j.file != nil:
		err = fmt.Errorf("%w: %s: its last %d bytes", errJournal, j.name, len(rest))
	case len(rest) > 0:
		slog.Warn("column: the end of a journal was not written whole, and so was acknowledged to nobody", "file", j.name, "bytes", len(rest))
	}
	return err
}

// discard removes the journals of days. The caller sees to it that nobody
// appends to them.
func (d *duck) discard(pick func(Day) bool) error {
	d.folding.Lock()
	defer d.folding.Unlock()
	d.writing.Lock()
	d.finish(pick)
	d.writing.Unlock()
	var err error
	d.finished = slices.DeleteFunc(d.finished, func(j *journal) bool {
		if !pick(j.day) {
			return false
		}
		d.unfolded.Add(-j.size)
		err = errors.Join(err, os.Remove(d.journalPath(j)))
		if j.file != nil {
			err = errors.Join(err, j.file.Close())
		}
		return true
	})
	return err
}
