package column

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"loot"
)

const (
	manifestName = "manifest.json"
	lockName     = "lock"
	spillName    = "spill" // where DuckDB puts what does not fit in memory
	fileEnding   = ".duckdb"

	// How much log is replayed at a start, and so how long that takes. DuckDB
	// would fold it into the file inside of a commit, and report the commit as
	// failed, though it is not, when that runs out of disk.
	mostLog = 16 << 20
)

// duck is the store in a folder: a file for each month, one for each open day,
// and the manifest that names them. A file is never opened by anything but
// DuckDB while that has it open: closing it would take DuckDB's lock away.
type duck struct {
	dir    string
	schema Schema
	o      Options
	lock   *os.File
	group  *group

	// In the order in which they are locked.
	maintenance sync.Mutex // one of Seal, Drop, Rewrite at a time
	folding     sync.Mutex // held while journals are folded
	writing     sync.Mutex // held during a commit
	turning     sync.Mutex // held while the manifest is replaced

	finished []*journal       // that are not written to any more; guarded by folding
	journals map[Day]*journal // that are written to; guarded by writing
	buffer   []byte           // for a record; guarded by writing
	unfolded atomic.Int64     // bytes of all journals
	full     chan Day         // whose journal is to be folded
	ended    chan struct{}    // closes when no more are
	number   atomic.Uint64    // of the newest file

	mu      sync.Mutex // guards what follows
	idle    *sync.Cond // something is used no more
	m       manifest
	closing map[Day]bool
	inst    *instance
	closed  bool
}

// An instance is a running DuckDB. One that met a fatal error refuses all work:
// when nobody uses it any more another one takes its place.
type instance struct {
	db     *sql.DB
	uses   int
	broken bool
	files  map[string]*file
}

// A file is one that an instance may attach.
type file struct {
	name   string
	open   bool // an open day's: written to
	uses   int
	doomed bool // to be removed when nobody uses it

	attaching sync.Mutex
	tables    map[string]map[string]bool // their columns, once it is attached
}

func openDuck(dir string, schema Schema, o Options) (Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("column: folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("column: folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("column: folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, loot.Wrap(loot.Unavailable, err, "The folder "+dir+" is in use by another process. Stop it, or choose another folder.")
	}
	d := &duck{dir: dir, schema: schema, o: o, lock: lock, closing: map[Day]bool{}, journals: map[Day]*journal{}, buffer: make([]byte, recordHead), full: make(chan Day, 1), ended: make(chan struct{})}
	d.idle = sync.NewCond(&d.mu)
	if err := d.load(); err != nil {
		lock.Close()
		return nil, err
	}
	linger := o.Linger
	if linger == 0 {
		linger = 5 * time.Millisecond
	}
	d.group = &group{write: d.commit, linger: linger, few: 64, bound: o.Queue}
	d.group.start()
	go d.foldFull()
	return d, nil
}

// load reads the manifest and removes what it does not name.
func (d *duck) load() error {
	b, err := os.ReadFile(filepath.Join(d.dir, manifestName))
	switch {
	case errors.Is(err, os.ErrNotExist):
		d.m = manifest{}.next()
	case err != nil:
		return fmt.Errorf("column: manifest: %w", err)
	default:
		if d.m, err = readManifest(b); err != nil {
			return err
		}
	}
	for _, n := range slices.Concat(slices.Collect(maps.Values(d.m.Months)), slices.Collect(maps.Values(d.m.Days))) {
		d.number.Store(max(n, d.number.Load()))
	}
	named := map[string]bool{manifestName: true, lockName: true}
	for _, name := range d.m.files() {
		named[name] = true
		if _, err := os.Stat(d.path(name)); err != nil {
			return fmt.Errorf("column: the manifest names a file that is not there: %w", err)
		}
	}
	for day, n := range d.m.Days {
		left, err := d.leftJournals(day, fileName(day.String(), n))
		if err != nil {
			return err
		}
		for _, j := range left {
			d.finished = append(d.finished, j)
			d.unfolded.Add(j.size)
		}
	}
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("column: folder: %w", err)
	}
	for _, e := range entries {
		base, _, ok := strings.Cut(e.Name(), fileEnding) // with the log beside it
		if ok {
			base += fileEnding
		} else {
			base = e.Name()
		}
		if !named[base] && (ok || base == spillName || strings.HasPrefix(base, manifestName)) {
			if err := os.RemoveAll(d.path(e.Name())); err != nil {
				return fmt.Errorf("column: leftovers: %w", err)
			}
		}
	}
	if err := os.Mkdir(d.path(spillName), 0o700); err != nil {
		return fmt.Errorf("column: folder: %w", err)
	}
	return d.sync()
}

// files returns the names of all files.
func (m *manifest) files() (out []string) {
	for month, n := range m.Months {
		out = append(out, fileName(month, n))
	}
	for day, n := range m.Days {
		out = append(out, fileName(day.String(), n))
	}
	slices.Sort(out)
	return out
}

func fileName(of string, n uint64) string { return of + "." + strconv.FormatUint(n, 10) + fileEnding }

func (d *duck) path(name string) string { return filepath.Join(d.dir, name) }

// sync has the folder's names survive a loss of power.
func (d *duck) sync() error {
	f, err := os.Open(d.dir)
	if err != nil {
		return fmt.Errorf("column: sync the folder: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("column: sync the folder: %w", err)
	}
	return nil
}

// turn replaces the manifest by one that is changed, and dooms the files that it
// names no more. It returns their names.
func (d *duck) turn(change func(*manifest)) (old []string, err error) {
	d.turning.Lock()
	defer d.turning.Unlock()
	m := d.m.next() // written by nobody else
	change(&m)
	b, err := m.bytes()
	if err != nil {
		return nil, err
	}
	temporary := d.path(manifestName + ".new")
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, explain(fmt.Errorf("column: manifest: %w", err))
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temporary, d.path(manifestName))
	}
	if err != nil {
		return nil, explain(fmt.Errorf("column: manifest: %w", errors.Join(err, os.Remove(temporary))))
	}
	d.mu.Lock()
	before := d.m
	d.m = m
	d.mu.Unlock()
	if err := d.sync(); err != nil {
		return nil, err // the old files stay: after a loss of power they may be what is named
	}
	step("switched")

	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range before.files() {
		if slices.Contains(m.files(), name) {
			continue
		}
		old = append(old, name)
		if d.inst != nil && d.inst.files[name] != nil {
			d.inst.files[name].doomed = true
			d.remove(d.inst, d.inst.files[name])
		} else if err := d.unlink(name); err != nil {
			slog.Error("column: an old file stays until the next start", "file", name, "err", err)
		}
	}
	return old, nil
}

// gone waits until nobody reads the files any more and they are removed.
func (d *duck) gone(ctx context.Context, names []string) error {
	defer context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.idle.Broadcast()
	})()
	d.mu.Lock()
	for ctx.Err() == nil && d.inst != nil && slices.ContainsFunc(names, func(n string) bool { return d.inst.files[n] != nil }) {
		d.idle.Wait()
	}
	d.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("column: the old rows are read by a query that has not ended, and go with it: %w", err)
	}
	step("removed")
	for _, n := range names {
		if _, err := os.Stat(d.path(n)); err == nil {
			return fmt.Errorf("column: the old file %s could not be removed; the next start tries again", n)
		}
	}
	return nil
}

// use returns the running instance, starting one if need be; give it back with
// unuse. The caller holds d.mu.
func (d *duck) use() (*instance, error) {
	for d.inst != nil && d.inst.broken {
		if d.inst.uses > 0 {
			d.idle.Wait()
			continue
		}
		d.inst.db.Close()
		d.inst = nil
	}
	if d.closed {
		return nil, loot.Errorf(loot.Unavailable, msgClosed)
	}
	if d.inst == nil {
		db, err := d.run()
		if err != nil {
			return nil, explain(err)
		}
		d.inst = &instance{db: db, files: map[string]*file{}}
	}
	d.inst.uses++
	return d.inst, nil
}

// run starts a DuckDB that can reach nothing but the folder.
func (d *duck) run() (*sql.DB, error) {
	c, err := duckdb.NewConnector("?"+url.Values{
		"threads":                      {strconv.Itoa(d.o.Threads)},
		"memory_limit":                 {strconv.FormatInt(d.o.Memory>>10, 10) + "KiB"},
		"temp_directory":               {d.path(spillName)},
		"checkpoint_threshold":         {"1TB"}, // see mostLog
		"autoinstall_known_extensions": {"false"},
		"autoload_known_extensions":    {"false"},
	}.Encode(), nil)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxIdleConns(4)
	for _, q := range []string{
		"PRAGMA disable_checkpoint_on_shutdown",                // most of what is detached is removed
		"SET disabled_optimizers = 'top_n_window_elimination'", // in 1.5 it fails where the numbered rows are those of a CTE
		"SET allowed_directories = [" + literal(d.dir+"/") + "]",
		"SET enable_external_access = false",
		"SET lock_configuration = true",
		"CREATE MACRO rand() AS random()", // what follows is named as ClickHouse has it
		"CREATE MACRO bitCount(x) AS bit_count(x)",
		"CREATE MACRO bitShiftLeft(x, n) AS x << n",
	} {
		if _, err := db.Exec(q); err != nil {
			db.Close()
			return nil, err
		}
	}
	return db, nil
}

// A view is files that stay where they are until it is released.
type view struct {
	d     *duck
	inst  *instance
	files []*file
}

// see returns a view of the files that pick names.
func (d *duck) see(ctx context.Context, pick func(*manifest) []string) (*view, error) {
	d.mu.Lock()
	inst, err := d.use()
	if err != nil {
		d.mu.Unlock()
		return nil, err
	}
	v := &view{d: d, inst: inst}
	for _, name := range pick(&d.m) {
		v.files = append(v.files, inst.file(name))
	}
	d.mu.Unlock()
	for _, f := range v.files {
		if err := d.attach(ctx, inst, f); err != nil {
			v.release()
			return nil, d.failed(inst, err)
		}
	}
	return v, nil
}

// file returns a file, with one more use. The caller holds d.mu.
func (i *instance) file(name string) *file {
	f := i.files[name]
	if f == nil {
		f = &file{name: name, open: strings.Count(name, "-") == 2}
		i.files[name] = f
	}
	f.uses++
	return f
}

func (v *view) release() {
	v.d.mu.Lock()
	defer v.d.mu.Unlock()
	for _, f := range v.files {
		f.uses--
		v.d.remove(v.inst, f)
	}
	v.inst.uses--
	v.d.idle.Broadcast()
}

// remove detaches and erases a doomed file that nobody uses. The caller holds
// d.mu.
func (d *duck) remove(inst *instance, f *file) {
	if !f.doomed || f.uses > 0 {
		return
	}
	if f.tables != nil && !inst.broken {
		if _, err := inst.db.Exec("DETACH " + quoted(f.alias())); err != nil {
			_ = d.failedLocked(inst, err) // it goes all the same; its place is given back when the instance ends
		}
	}
	delete(inst.files, f.name)
	if err := d.unlink(f.name); err != nil {
		slog.Error("column: an old file stays until the next start", "file", f.name, "err", err)
	}
	d.idle.Broadcast()
}

// unlink removes a file and the log beside it.
func (d *duck) unlink(name string) error {
	paths, err := filepath.Glob(d.path(name) + "*")
	for _, p := range paths {
		err = errors.Join(err, os.Remove(p))
	}
	return err
}

func (f *file) alias() string { return strings.TrimSuffix(f.name, fileEnding) }

// attach has the instance open a file, once, and make the tables that it lacks:
// all of one that is new, and those of an open day that a later version of the
// program has more.
func (d *duck) attach(ctx context.Context, inst *instance, f *file) error {
	f.attaching.Lock()
	defer f.attaching.Unlock()
	if f.tables != nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx) // what is half attached cannot be attached again at once
	_, err := os.Stat(d.path(f.name))
	made := errors.Is(err, os.ErrNotExist)
	mode := ""
	if !f.open && !made {
		mode = " (READ_ONLY)"
	}
	if _, err := inst.db.ExecContext(ctx, "ATTACH "+literal(d.path(f.name))+" AS "+quoted(f.alias())+mode); err != nil {
		return err
	}
	err = nil
	if f.open || made {
		err = d.createTables(ctx, inst, f)
	}
	var tables map[string]map[string]bool
	if err == nil {
		tables, err = describe(ctx, inst, f)
	}
	if err != nil {
		_, gone := inst.db.Exec("DETACH " + quoted(f.alias()))
		return errors.Join(err, gone)
	}
	d.mu.Lock()
	f.tables = tables
	d.mu.Unlock()
	return nil
}

func (d *duck) createTables(ctx context.Context, inst *instance, f *file) error {
	first := "" // an open day's table has no day: the file is of one
	if !f.open {
		first = `"day" INTEGER, `
	}
	if f.open {
		if _, err := inst.db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+f.table(foldedTable)+" (id BIGINT)"); err != nil {
			return err
		}
	}
	for _, t := range d.tablesOf(f) {
		if _, err := inst.db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+f.table(t.Name)+" ("+first+list(t.Columns, duckColumn)+")"); err != nil {
			return err
		}
		for _, c := range t.Columns {
			if _, err := inst.db.ExecContext(ctx, "ALTER TABLE "+f.table(t.Name)+" ADD COLUMN IF NOT EXISTS "+duckColumn(c)); err != nil {
				return err
			}
		}
	}
	return nil
}

// describe returns the columns of a file's tables.
func describe(ctx context.Context, inst *instance, f *file) (map[string]map[string]bool, error) {
	rows, err := inst.db.QueryContext(ctx, "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = $1", f.alias())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	tables := map[string]map[string]bool{}
	for rows.Next() {
		var t, c string
		if err := rows.Scan(&t, &c); err != nil {
			return nil, err
		}
		if tables[t] == nil {
			tables[t] = map[string]bool{}
		}
		tables[t][c] = true
	}
	return tables, rows.Err()
}

func (f *file) table(name string) string { return quoted(f.alias()) + `."main".` + quoted(name) }

func duckColumn(c Column) string {
	t := types[c.Type]
	return quoted(c.Name) + " " + t.duck + " DEFAULT " + t.zero
}

func (d *duck) Close() error {
	d.group.close()
	d.maintenance.Lock()
	defer d.maintenance.Unlock()
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if closed {
		return nil
	}
	close(d.full)
	<-d.ended
	if err := d.fold(context.Background(), everyDay); err != nil {
		slog.Warn("column: rows stay in their journal until the next start", "err", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for d.inst != nil && d.inst.uses > 0 {
		d.idle.Wait()
	}
	var err error
	if d.inst != nil {
		for _, f := range d.inst.files {
			if f.open && f.tables != nil && !d.inst.broken {
				// Only the next start takes longer where this fails.
				_, _ = d.inst.db.Exec("CHECKPOINT " + quoted(f.alias()))
			}
		}
		err = d.inst.db.Close()
		d.inst = nil
	}
	return errors.Join(err, d.lock.Close())
}

// failed gives an error its kind, and notes when the instance has come to its end.
func (d *duck) failed(inst *instance, err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failedLocked(inst, err)
}

func (d *duck) failedLocked(inst *instance, err error) error {
	if e, ok := errors.AsType[*duckdb.Error](err); ok && (e.Type == duckdb.ErrorTypeFatal || strings.Contains(e.Msg, "has been invalidated")) {
		inst.broken = true
	}
	return explain(err)
}

// explain gives an error the kind that it deserves, and leaves alone what has
// one.
func explain(err error) error {
	if err == nil || loot.KindOf(err) != loot.Internal {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), syscall.ENOSPC.Error()) || strings.Contains(err.Error(), "No space left on device") {
		return loot.Wrap(loot.Unavailable, err, msgFull)
	}
	if e, ok := errors.AsType[*duckdb.Error](err); ok {
		switch e.Type {
		case duckdb.ErrorTypeOutOfMemory:
			return loot.Wrap(loot.Unavailable, err, msgMemory)
		case duckdb.ErrorTypeIO, duckdb.ErrorTypeFatal:
			return loot.Wrap(loot.Unavailable, err, msgBroken)
		}
	}
	return err
}
