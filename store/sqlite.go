package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"loot"
)

// sqliteDB is one file of SQLite: a pool of one connection that writes, shared
// with the job queue, and a pool of connections that read. SQLite's own lock is
// not fair, so no two connections of one process ever compete for it.
type sqliteDB struct {
	path       string
	write      *sql.DB
	read       *sql.DB
	queue      chan *turn
	closing    chan struct{}
	closeOnce  sync.Once
	writerDone chan struct{}
	rolledBack atomic.Bool // SQLite gave up the transaction by itself
}

// openSQLite opens the file at address, which may end in "?readers=N".
func openSQLite(ctx context.Context, address string) (*sqliteDB, error) {
	path, query, _ := strings.Cut(address, "?")
	options, err := url.ParseQuery(query)
	if err != nil || path == "" {
		return nil, loot.Errorf(loot.Invalid, "The address of a SQLite database is sqlite: and the path of its file.")
	}
	readers := 4
	for name := range options {
		n, err := strconv.Atoi(options.Get(name))
		if name != "readers" || err != nil || n < 1 || n > 256 {
			return nil, loot.Errorf(loot.Invalid, "The only option in the address of a SQLite database is readers, from 1 to 256.")
		}
		readers = n
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("store: path: %w", err)
	}
	if err := ownFile(path); err != nil {
		return nil, err
	}

	s := &sqliteDB{
		path: path, queue: make(chan *turn), closing: make(chan struct{}), writerDone: make(chan struct{}),
	}
	drv := new(sqlite.Driver)
	drv.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, _ string) error {
		if h, ok := c.(sqlite.HookRegisterer); ok {
			h.RegisterRollbackHook(func() { s.rolledBack.Store(true) })
		}
		return nil
	})
	file := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=temp_store(2)"
	// With recursive_triggers a row that REPLACE would take the place of is one that is deleted.
	s.write = sql.OpenDB(connector{drv, file + "&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=recursive_triggers(1)" +
		"&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_pragma=journal_size_limit(67108864)&_pragma=wal_autocheckpoint(4000)&_pragma=cache_size(-16384)&_txlock=immediate"})
	s.write.SetMaxOpenConns(1)
	s.read = sql.OpenDB(connector{new(sqlite.Driver), file + "&_pragma=query_only(1)"})
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	if err := s.write.PingContext(ctx); err != nil {
		return nil, errors.Join(explain(fmt.Errorf("store: open: %w", err)), s.write.Close(), s.read.Close())
	}
	go s.writer()
	return s, nil
}

// ownFile makes the database's file if need be, readable by its owner alone;
// SQLite gives its companions the same mode.
func ownFile(path string) error {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return loot.Wrap(loot.Unavailable, err, fmt.Sprintf("The folder %s does not exist or cannot be read. Make it first; only its owner needs access to it.", dir))
	}
	// Opened and closed before SQLite opens it: a descriptor that is closed later
	// would drop SQLite's locks on the file.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return loot.Wrap(loot.Unavailable, err, fmt.Sprintf("The database %s cannot be opened for writing. Check its owner and its mode, and those of its folder.", path))
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = f.Chmod(0o600)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return loot.Wrap(loot.Unavailable, err, fmt.Sprintf("The database %s cannot be kept from others' eyes. Check its owner.", path))
	}
	return nil
}

// A connector opens connections of a driver of its own, so that its hooks are
// nobody else's.
type connector struct {
	driver *sqlite.Driver
	dsn    string
}

func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	all, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(errors.New("store: the driver's connection has changed"), conn.Close())
	}
	return &keeping{all, map[string]driver.Stmt{}}, nil
}

func (c connector) Driver() driver.Driver { return c.driver }

func (s *sqliteDB) readTx(ctx context.Context, f func(*Tx) error) error {
	for {
		err := s.readOnce(ctx, f)
		// Readers meet a lock only while a process that was killed is cleaned up after.
		if !isBusy(err) || ctx.Err() != nil {
			return err
		}
	}
}

func (s *sqliteDB) readLoose(ctx context.Context, f func(*Tx) error) error { return s.readTx(ctx, f) }

func (s *sqliteDB) readOnce(ctx context.Context, f func(*Tx) error) error {
	select {
	case <-s.closing:
		return loot.Errorf(loot.Unavailable, msgClosed)
	default:
	}
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	t := &Tx{dialect: SQLite, on: sqliteTx{tx}, tx: tx}
	defer func() {
		t.finish()
		tx.Rollback()
	}()
	if err = f(t); err == nil {
		err = t.Flush(ctx)
	}
	t.over(err == nil)
	return err
}

// A sqliteTx runs statements on SQLite.
type sqliteTx struct{ tx *sql.Tx }

func (t sqliteTx) exec(ctx context.Context, query string, args []any) (int64, error) {
	res, err := t.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t sqliteTx) queue(ctx context.Context, count *int64, query string, args []any) error {
	n, err := t.exec(ctx, query, args)
	if count != nil {
		*count = n
	}
	return err
}

func (t sqliteTx) query(ctx context.Context, query string, args []any) (Rows, error) {
	return t.tx.QueryContext(ctx, query, args...) //nolint:rowserrcheck // whoever reads them checks
}

func (t sqliteTx) row(ctx context.Context, query string, args []any) (Row, func() error) {
	return t.tx.QueryRowContext(ctx, query, args...), nil
}

func (s *sqliteDB) ping(ctx context.Context) error {
	return s.readTx(ctx, func(tx *Tx) error {
		var n int
		return tx.QueryRow(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n)
	})
}

func (s *sqliteDB) close() error {
	s.closeOnce.Do(func() { close(s.closing) })
	<-s.writerDone
	return errors.Join(s.read.Close(), s.write.Close())
}

func (s *sqliteDB) writePool() *sql.DB     { return s.write }
func (s *sqliteDB) pgxPool() *pgxpool.Pool { return nil }

func isBusy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}
