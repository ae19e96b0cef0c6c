package keyring

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	prfsubtle "github.com/tink-crypto/tink-go/v2/prf/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"loot"
	"loot/store"
)

// The states of an epoch.
const (
	current   = "current"
	old       = "old"
	destroyed = "destroyed"
)

// An epoch is one key of a collection, for a time: it seals persons' keys and
// makes blind indexes.
type epoch struct {
	n      int
	secret []byte
	wrap   tink.AEAD
	mark   []byte // says which key it is without saying anything about it
	prfs   sync.Map
}

func newEpoch(n int, secret []byte) *epoch {
	return &epoch{
		n: n, secret: secret,
		wrap: newAEAD(derive(secret, keySize, "loot epoch", "wrap")),
		mark: derive(secret, 8, "loot epoch", "mark"),
	}
}

// HashSize is the length of a blind index in bytes.
const HashSize = 16

// hash is the blind index of a value. Each field has a PRF of its own, so that
// the same value in two fields gives two hashes.
func (e *epoch) hash(f loot.Field, value string) []byte {
	prf, ok := e.prfs.Load(f)
	if !ok {
		made, err := prfsubtle.NewHMACPRF("SHA256", derive(e.secret, keySize, "loot epoch", "index", string(f)))
		if err != nil {
			panic(err) // the key has 32 bytes
		}
		prf, _ = e.prfs.LoadOrStore(f, made)
	}
	h, err := prf.(*prfsubtle.HMACPRF).ComputePRF([]byte(value), HashSize)
	if err != nil {
		panic(err) // shorter than SHA-256
	}
	return h
}

// known is what a process knows of the epochs. It is never changed, only
// replaced.
type known struct {
	stamp string // of the folder
	rings map[loot.Collection]ring
}

// A ring is the epochs of one collection.
type ring struct {
	epochs  map[int]*epoch // those whose file opens
	faults  map[int]error  // those that are needed and cannot be used
	states  map[int]string // by the key store; a file without a row is of a rotation that goes on
	current int            // 0: none yet
}

func (r ring) get(n int) (*epoch, error) {
	if e, ok := r.epochs[n]; ok {
		return e, nil
	}
	if err, ok := r.faults[n]; ok {
		return nil, err
	}
	return nil, fmt.Errorf("keyring: epoch %d: %w", n, ErrMissing)
}

// fresh returns what is known, read again if a file came or went since. So a
// lookup never misses an epoch that another process has begun to use: its file
// is there before the first row that names it.
func (k *Keyring) fresh(ctx context.Context) (*known, error) {
	stamp, err := k.folder.stamp()
	if err != nil {
		return nil, err
	}
	if now := k.known.Load(); now.stamp == stamp {
		return now, nil
	}
	return k.load(ctx)
}

// Ready reports why the key folder cannot be used at the moment.
func (k *Keyring) Ready(ctx context.Context) error {
	_, err := k.fresh(ctx)
	return err
}

// load reads the folder and the key store's list of epochs.
func (k *Keyring) load(ctx context.Context) (*known, error) {
	k.reload.Lock()
	defer k.reload.Unlock()
	stamp, err := k.folder.stamp() // before the list, so that a later change is seen
	if err != nil {
		return nil, err
	}
	files, _, err := k.folder.list()
	if err != nil {
		return nil, err
	}
	next := &known{stamp: stamp, rings: map[loot.Collection]ring{}}
	at := func(c loot.Collection) ring {
		if _, ok := next.rings[c]; !ok {
			next.rings[c] = ring{epochs: map[int]*epoch{}, faults: map[int]error{}, states: map[int]string{}}
		}
		return next.rings[c]
	}
	marks := map[file][]byte{}
	err = k.DB.ReadTx(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT collection, epoch, state, mark FROM keyring_epoch`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c loot.Collection
			var n int
			var state string
			var mark []byte
			if err := rows.Scan(&c, &n, &state, &mark); err != nil {
				return err
			}
			r := at(c)
			r.states[n], marks[file{epochFile, string(c), n}] = state, mark
			if state == current {
				r.current = n
				next.rings[c] = r
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("keyring: read epochs: %w", err)
	}
	before := k.known.Load()
	for _, id := range files {
		if id.kind != epochFile {
			continue
		}
		c := loot.Collection(id.name)
		r := at(c)
		if r.states[id.epoch] == destroyed {
			continue
		}
		if before != nil {
			if e, ok := before.rings[c].epochs[id.epoch]; ok {
				r.epochs[id.epoch] = e
				continue
			}
		}
		_, secret, err := k.folder.get(ctx, id)
		if err != nil {
			r.faults[id.epoch] = err
			continue
		}
		e := newEpoch(id.epoch, secret)
		if mark, ok := marks[id]; ok && subtle.ConstantTimeCompare(mark, e.mark) != 1 {
			r.faults[id.epoch] = fault(id, ErrStranger)
			continue
		}
		r.epochs[id.epoch] = e
	}
	for id := range marks {
		r := next.rings[loot.Collection(id.name)]
		if r.states[id.epoch] != destroyed && r.epochs[id.epoch] == nil && r.faults[id.epoch] == nil {
			r.faults[id.epoch] = fault(id, ErrMissing)
		}
	}
	k.known.Store(next)
	return next, nil
}

// using returns the epoch of a collection for new keys, and makes the first.
func (k *Keyring) using(ctx context.Context, c loot.Collection) (*epoch, ring, error) {
	now, err := k.fresh(ctx)
	if err != nil {
		return nil, ring{}, err
	}
	r := now.rings[c]
	if r.current == 0 {
		if r, err = k.begin(ctx, c); err != nil {
			return nil, ring{}, err
		}
	}
	e, err := r.get(r.current)
	return e, r, err
}

// begin makes the first epoch of a collection.
func (k *Keyring) begin(ctx context.Context, c loot.Collection) (ring, error) {
	if !loot.ValidName(string(c)) {
		return ring{}, fmt.Errorf("keyring: %q is no collection", c)
	}
	err := k.DB.Alone(ctx, "keyring", func() error {
		now, err := k.load(ctx)
		if err != nil || now.rings[c].current != 0 {
			return err
		}
		if len(now.rings[c].states) > 0 {
			return fmt.Errorf("keyring: no epoch of %s is current", c)
		}
		return k.advance(ctx, c, 1)
	})
	if err != nil {
		return ring{}, err
	}
	now, err := k.load(ctx)
	if err != nil {
		return ring{}, err
	}
	return now.rings[c], nil
}

// advance makes epoch n current: first its file, then its row. A file that a
// killed process left is taken up. The caller holds the lock.
func (k *Keyring) advance(ctx context.Context, c loot.Collection, n int) error {
	id := file{epochFile, string(c), n}
	_, secret, err := k.folder.get(ctx, id)
	if errors.Is(err, ErrMissing) {
		secret = make([]byte, keySize)
		rand.Read(secret)
		err = k.folder.put(ctx, id, secret)
	}
	if err != nil {
		return err
	}
	k.step("advance: file")
	err = k.DB.InTx(ctx, func(tx *store.Tx) error {
		// The update waits for everybody who is sealing a key by the former
		// epoch; after the commit nobody can.
		if _, err := tx.Exec(ctx, `UPDATE keyring_epoch SET state = 'old' WHERE collection = $1 AND epoch < $2 AND state = 'current'`, string(c), n); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO keyring_epoch (collection, epoch, state, made, mark) VALUES ($1, $2, 'current', $3, $4)`,
			string(c), n, k.Now().UnixMicro(), newEpoch(n, secret).mark)
		return err
	})
	if err != nil {
		return fmt.Errorf("keyring: begin epoch: %w", err)
	}
	k.step("advance: row")
	return nil
}

// sweepFolder removes the files of destroyed epochs and what a killed process
// left half written.
func (k *Keyring) sweepFolder(now *known) error {
	files, _, err := k.folder.list()
	if err != nil {
		return err
	}
	for _, id := range files {
		sweepTemp(k.folder.path(id))
		if id.kind == epochFile && now.rings[loot.Collection(id.name)].states[id.epoch] == destroyed {
			if err := k.folder.remove(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// Epoch returns the epoch of a collection that new keys are sealed by.
func (k *Keyring) Epoch(ctx context.Context, c loot.Collection) (int, error) {
	e, _, err := k.using(ctx, c)
	if err != nil {
		return 0, err
	}
	return e.n, nil
}

// Epochs returns every epoch of a collection that has not been destroyed, and
// when it began.
func (k *Keyring) Epochs(ctx context.Context, c loot.Collection) (map[int]time.Time, error) {
	out := map[int]time.Time{}
	err := k.DB.ReadTx(ctx, func(tx *store.Tx) error {
		clear(out)
		rows, err := tx.Query(ctx, `SELECT epoch, made FROM keyring_epoch WHERE collection = $1 AND state <> 'destroyed'`, string(c))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var n int
			var made int64
			if err := rows.Scan(&n, &made); err != nil {
				return err
			}
			out[n] = time.UnixMicro(made).UTC()
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("keyring: epochs: %w", err)
	}
	return out, nil
}

// Collections returns the collections that have epochs.
func (k *Keyring) Collections() []loot.Collection {
	return slices.Sorted(maps.Keys(k.known.Load().rings))
}

// Index returns the blind index of a normalised value: that of the epoch in
// use, whose number it returns, and those of every other epoch that rows may
// still be found by.
func (k *Keyring) Index(ctx context.Context, c loot.Collection, f loot.Field, normalised string) (epoch int, now []byte, other [][]byte, err error) {
	i, err := k.Indexer(ctx, c)
	if err != nil {
		return 0, nil, nil, err
	}
	epoch, now, other = i.Index(f, normalised)
	return epoch, now, other, nil
}

// An Indexer makes the blind indexes of several values of a collection by the
// epochs that there were when it was asked for. Use it at once.
type Indexer struct {
	now   *epoch
	other []*epoch
}

// Indexer returns what makes the blind indexes of a collection.
func (k *Keyring) Indexer(ctx context.Context, c loot.Collection) (*Indexer, error) {
	e, r, err := k.using(ctx, c)
	if err != nil {
		return nil, err
	}
	i := &Indexer{now: e}
	for _, n := range slices.Sorted(maps.Keys(r.epochs)) {
		if n != e.n {
			i.other = append(i.other, r.epochs[n])
		}
	}
	return i, nil
}

// Index is [Keyring.Index].
func (i *Indexer) Index(f loot.Field, normalised string) (epoch int, now []byte, other [][]byte) {
	for _, e := range i.other {
		other = append(other, e.hash(f, normalised))
	}
	return i.now.n, i.now.hash(f, normalised), other
}
