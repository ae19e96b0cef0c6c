package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"
)

// A Lead is a name held by this process alone. Work that only one process may
// do asks Check before each step that changes something.
type Lead struct {
	check   func(context.Context) error
	release func() error
	once    sync.Once
}

// Check returns nil if the name is still held. The holder of a name whose
// check fails stops at once; it may try to lead again.
func (l *Lead) Check(ctx context.Context) error { return explain(l.check(ctx)) }

// Release gives the name up.
func (l *Lead) Release() error {
	var err error
	l.once.Do(func() { err = l.release() })
	return err
}

// lockFile is the file that is locked for a name. It stays when the lock ends:
// removing it would let two processes lock two files of one name.
func (s *sqliteDB) lockFile(name string) string { return s.path + "." + name + ".lock" }

func (s *sqliteDB) lead(_ context.Context, name string) (*Lead, error) {
	f, err := os.OpenFile(s.lockFile(name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: lead: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrLed
		}
		return nil, errors.Join(err, f.Close())
	}
	check := func(context.Context) error {
		held, err := f.Stat()
		if err != nil {
			return fmt.Errorf("store: lead: %w", err)
		}
		there, err := os.Stat(f.Name())
		if err != nil {
			return fmt.Errorf("store: lead: %w", err)
		}
		if !os.SameFile(held, there) {
			return ErrLed
		}
		return nil
	}
	return &Lead{check: check, release: f.Close}, nil
}

// lockEvery is how often whoever waits for a lock tries again.
const lockEvery = 10 * time.Millisecond

func (s *sqliteDB) alone(ctx context.Context, name string, f func() error) error {
	file, err := os.OpenFile(s.lockFile(filepath.Base(name)), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("store: alone: %w", err)
	}
	defer file.Close()
	for {
		// One that waits in the system could not be interrupted.
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f()
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("store: alone: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("store: alone: %w", ctx.Err())
		case <-time.After(lockEvery):
		}
	}
}

// lockKey turns a name into the number that PostgreSQL locks.
func lockKey(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte("loot." + name))
	return int64(h.Sum64())
}

// ownConn opens a connection outside the pool, for locks that live as long as
// their connection.
func (p *postgresDB) ownConn(ctx context.Context) (*pgx.Conn, error) {
	return pgx.ConnectConfig(ctx, p.conf.Copy())
}

func (p *postgresDB) lead(ctx context.Context, name string) (*Lead, error) {
	conn, err := p.ownConn(ctx)
	if err != nil {
		return nil, err
	}
	var got bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", lockKey(name)).Scan(&got); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	if !got {
		return nil, errors.Join(ErrLed, conn.Close(ctx))
	}
	var mu sync.Mutex // a connection serves one goroutine at a time
	check := func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		// The lock lives and dies with the session, so an answer is enough; a
		// primary that was demoted meanwhile leads nobody.
		var standby bool
		if err := conn.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby); err != nil {
			return err
		}
		if standby {
			return ErrLed
		}
		return nil
	}
	release := func() error {
		mu.Lock()
		defer mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), cancelTimeout)
		defer cancel()
		// The server ends a session a moment after it is closed, for which the next
		// holder need not wait. What fails here is over with the session.
		_, _ = conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", lockKey(name))
		return conn.Close(ctx)
	}
	return &Lead{check: check, release: release}, nil
}

func (p *postgresDB) alone(ctx context.Context, name string, f func() error) (err error) {
	conn, err := p.ownConn(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
		defer cancel()
		err = errors.Join(err, conn.Close(ctx))
	}()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lockKey("alone."+name)); err != nil {
		return err
	}
	return f()
}
