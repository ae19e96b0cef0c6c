// Package keyring makes and keeps every key of Loot and seals with them. A
// person's key is sealed by the epoch key of their collection, and that by the
// root; destroying a key is how data is erased, in backups and logs too.
//
// It is the only package that imports Tink. The key folder holds the epoch
// keys, system keys and secrets as files sealed by the root; the key store, a
// database of its own, holds the persons' keys. No backup of data holds either.
package keyring

import (
	"context"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"loot"
	"loot/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the tables of the key store. [Open] applies them.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// What can be wrong with a key. Errors of this package wrap one of these and
// say which file or row is meant.
var (
	ErrShredded = &loot.Error{Kind: loot.NotFound, Msg: "This record was erased; nothing of it can be opened."}
	ErrTampered = errors.New("changed, or sealed for something else")
	ErrMissing  = errors.New("missing from the key folder")
	ErrRoot     = errors.New("sealed by another root")
	ErrStranger = errors.New("key folder and key store do not belong together")
	ErrOrphan   = errors.New("belongs to nothing")
)

// A Config is what a keyring stands on. DB, Dir, Root, Now and Log are needed.
type Config struct {
	DB     *store.DB // the key store
	Dir    string    // the key folder; made if it does not exist
	Root   Root
	Former []Root // roots that files may still be sealed by until [Keyring.RotateRoot] is done
	Now    func() time.Time
	Log    *slog.Logger
	Held   int           // how many persons' keys are held in memory at most; 0: 2,048
	Expiry time.Duration // how long one is held; what another process destroyed is gone here after it. 0: 10 s
}

// A Keyring is the open keys. It is safe for concurrent use.
type Keyring struct {
	Config
	folder folder
	reload sync.Mutex // one goroutine at a time reads the folder
	known  atomic.Pointer[known]
	held   *held
	ops    operations

	guarding sync.Mutex
	guards   []Guard

	systems sync.Map // name to *SystemKey

	// stop is called between the steps of what must survive a kill; tests set it.
	stop func(step string)
}

// Open migrates the key store, reads the key folder and unseals the epoch
// keys. A key that is damaged does not keep it from opening: it is logged,
// [Keyring.Check] names it, and using it is an error. A root that opens
// nothing does.
func Open(ctx context.Context, c Config) (*Keyring, error) {
	if c.Held == 0 {
		c.Held = 2048
	}
	if c.Expiry == 0 {
		c.Expiry = 10 * time.Second
	}
	if err := c.DB.Migrate(ctx, "keyring", Migrations()); err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	f, err := openFolder(c)
	if err != nil {
		return nil, err
	}
	held, err := newHeld(c.Held, c.Expiry, c.Now)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	k := &Keyring{Config: c, folder: f, held: held}
	k.ops.k = k
	if err := k.folder.opens(ctx); err != nil {
		return nil, err
	}
	known, err := k.load(ctx)
	if err != nil {
		return nil, err
	}
	for name, ring := range known.rings {
		for n, err := range ring.faults {
			c.Log.ErrorContext(ctx, "an epoch key cannot be used", "collection", string(name), "epoch", n, "err", err)
		}
	}
	if err := k.sweepFolder(known); err != nil {
		return nil, err
	}
	k.ops.add(Started, 1)
	return k, nil
}

// Close writes the operation counts that are not written yet. It leaves the
// key store open: whoever opened it closes it.
func (k *Keyring) Close(ctx context.Context) error {
	k.ops.add(Stopped, 1)
	return k.ops.flush(ctx)
}

func (k *Keyring) step(name string) {
	if k.stop != nil {
		k.stop(name)
	}
}

// bind joins the parts of an associated data so that no two lists of parts
// give the same bytes.
func bind(parts ...string) []byte {
	n := 0
	for _, p := range parts {
		n += len(p) + 2
	}
	b := make([]byte, 0, n)
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}
