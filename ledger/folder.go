package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// errHeld says that another sequencer holds the log's folder.
var errHeld = errors.New("ledger: the folder of the log is held by another sequencer")

// A folder is the log's folder, held by this sequencer alone. The database's
// lock is not enough: a leader that was cut off from the database but lives
// would go on writing to a shared folder.
type folder struct {
	dir  string
	lock *os.File
}

const lockName = ".lock"

func holdFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("ledger: folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("ledger: folder: %w", err)
	}
	d := &folder{dir, f}
	if err := d.check(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return d, nil
}

// check returns nil while the folder is held. Taking a lock that is held is
// taking nothing; where it was lost, as on a network's file system it can be,
// this takes it again, and the size of the log then tells whether anybody wrote
// meanwhile.
func (d *folder) check() error {
	for {
		err := syscall.Flock(int(d.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return errHeld
		}
		if err != nil {
			return fmt.Errorf("ledger: folder lock: %w", err)
		}
		break
	}
	held, err := d.lock.Stat()
	if err != nil {
		return fmt.Errorf("ledger: folder lock: %w", err)
	}
	there, err := os.Stat(filepath.Join(d.dir, lockName))
	if err != nil {
		return fmt.Errorf("ledger: folder lock: %w", err)
	}
	if !os.SameFile(held, there) {
		return errors.New("ledger: the folder of the log was replaced")
	}
	return nil
}

// ready opens the file whose absence the log's library answers with a panic on
// a goroutine of its own. Nothing of the library may be under way meanwhile.
func (d *folder) ready() error {
	lock, err := os.OpenFile(filepath.Join(d.dir, ".state", "treeState.lock"), os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return fmt.Errorf("ledger: folder: %w", err)
	}
	return lock.Close()
}

// probe finds out whether the log could be written to now, without waiting for
// an entry to fail.
func (d *folder) probe() error {
	for _, dir := range []string{".", ".state", filepath.Join("tile", "entries"), filepath.Join("tile", "0")} {
		err := tryWrite(filepath.Join(d.dir, dir))
		if errors.Is(err, os.ErrNotExist) && strings.HasPrefix(dir, "tile") {
			continue // a log without entries
		}
		if err != nil {
			return fmt.Errorf("ledger: folder: %w", err)
		}
	}
	return nil
}

// probeBytes is more than a file system keeps within a file's own record, so
// that a full disk is noticed.
var probeBytes = make([]byte, 8192)

func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".probe")
	if err != nil {
		return err
	}
	_, werr := f.Write(probeBytes)
	return errors.Join(werr, f.Close(), os.Remove(f.Name()))
}

func (d *folder) release() error { return d.lock.Close() }
