// Package ledger records what was done with personal data, in a log to which
// can only be added and that proves it (C2SP tlog-tiles). The log holds
// nothing of a person: who an entry is about is sealed under that person's key
// beside it, so that erasing them leaves the log whole and everyone who acted
// accountable.
package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"

	"loot"
	"loot/keyring"
	"loot/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the tables of the ledger. [Open] applies them.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// A Config is what a ledger stands on. DB, Keyring, Dir, Origin, Now and Log
// are needed.
type Config struct {
	DB      *store.DB
	Keyring *keyring.Keyring
	Dir     string // the log's folder; made if it does not exist. Nodes share it
	Origin  string // the log's name for ever, such as "example.org/ledger"
	Now     func() time.Time
	Log     *slog.Logger

	Witnesses []WitnessAt // asked to cosign every checkpoint
	// Quorum is how many witnesses must have cosigned a checkpoint before it is
	// shown or a receipt stands on it. With 0, the log goes on without those
	// that cannot be reached.
	Quorum int
}

// A WitnessAt is a witness and where it is asked.
type WitnessAt struct {
	Key string // as the witness tells it: name+id+key
	URL string // the prefix of its service
}

// A Ledger is safe for concurrent use.
type Ledger struct {
	db        *store.DB
	keyring   *keyring.Keyring
	files     files
	signer    *signer
	staff     *keyring.SystemKey // seals who acted
	repeatKey []byte
	now       func() time.Time
	log       *slog.Logger
	witnesses []*cosigner
	quorum    int

	health
	ids       idSource
	followers followers
	wakeup    chan struct{} // something was recorded
	recorded  atomic.Int64  // entries of this process since the last batch began
	plenty    chan struct{} // and that they are worth a batch now
	waiting   waiters
	cosigned  atomic.Pointer[checkpoint]     // the newest with cosignatures; nil: none
	step      func(*sequencer, string) error // tests stop or break the sequencer here
}

var quietLibrary sync.Once

// Open opens the ledger. Every process that appends runs [Ledger.Run] beside
// it: that is what watches whether the log still takes entries, and one of
// them is the sequencer.
func Open(ctx context.Context, c Config) (*Ledger, error) {
	if err := c.DB.Migrate(ctx, "ledger", Migrations()); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	seed, err := c.Keyring.Secret("ledger", random(ed25519.SeedSize))
	if err != nil {
		return nil, fmt.Errorf("ledger: signing key: %w", err)
	}
	s, err := newSigner(c.Origin, algNote, seed, c.Now)
	if err != nil {
		return nil, err
	}
	repeatKey, err := c.Keyring.Secret("ledger-repeat", random(32))
	if err != nil {
		return nil, fmt.Errorf("ledger: repeat key: %w", err)
	}
	staff, err := c.Keyring.System("staff")
	if err != nil {
		return nil, fmt.Errorf("ledger: key of staff accountability: %w", err)
	}
	// An actor is sealed anew without the leaf noticing: it holds the commitment.
	staff.Hold(c.DB, store.Sealed{Table: "ledger_entry", Key: []string{"id"}, Column: "actor", Bound: func(row []any) []byte { return associated("actor", row[0].(string)) }})
	l := &Ledger{
		db: c.DB, keyring: c.Keyring, files: files(c.Dir), signer: s, staff: staff, repeatKey: repeatKey,
		now: c.Now, log: c.Log, quorum: c.Quorum, wakeup: make(chan struct{}, 1), plenty: make(chan struct{}, 1), step: func(*sequencer, string) error { return nil },
	}
	for _, w := range c.Witnesses {
		ask, err := newCosigner(w)
		if err != nil {
			return nil, err
		}
		l.witnesses = append(l.witnesses, ask)
	}
	// The log's library writes to the process's error output unless told
	// otherwise, and can be told once only.
	quietLibrary.Do(func() { klog.SetSlogLogger(slog.New(library{c.Log.Handler()})) })
	st, err := l.state(ctx)
	if err != nil {
		return nil, err
	}
	l.learn(st)
	return l, nil
}

func random(n int) func() []byte {
	return func() []byte {
		b := make([]byte, n)
		rand.Read(b) // never fails
		return b
	}
}

// VerifierKey returns the public key that signs the checkpoints, in the form
// that the statement publishes and verifiers take: name+id+key.
func (l *Ledger) VerifierKey() string { return l.signer.String() }

// A WitnessKey is a witness as those know it who check a receipt.
type WitnessKey struct{ Name, Key string }

// Witnesses returns the witnesses that the ledger was opened with.
func (l *Ledger) Witnesses() []WitnessKey {
	out := make([]WitnessKey, len(l.witnesses))
	for i, w := range l.witnesses {
		out[i] = WitnessKey{w.key.name, w.key.String()}
	}
	return out
}

// Checkpoint returns the newest checkpoint that may be shown: signed, and
// cosigned by the witnesses that could be reached.
func (l *Ledger) Checkpoint() ([]byte, error) {
	cp, err := l.newest()
	if err != nil {
		return nil, err
	}
	return []byte(cp.raw), nil
}

var errNoCheckpoint = loot.Errorf(loot.Unavailable, "The ledger has no signed checkpoint yet. It has one a moment after its first entry; please try again.")

// newest returns the newest checkpoint that may be shown.
func (l *Ledger) newest() (checkpoint, error) {
	signed := l.cosigned.Load()
	if l.quorum > 0 {
		if signed == nil {
			return checkpoint{}, ErrNotYet
		}
		return *signed, nil
	}
	cp, err := l.files.checkpoint()
	if errors.Is(err, fs.ErrNotExist) && l.size.Load() == 0 {
		return checkpoint{}, errNoCheckpoint
	}
	if err != nil {
		return checkpoint{}, err
	}
	if signed != nil && signed.text == cp.text {
		return *signed, nil
	}
	return cp, nil
}

// covering returns a checkpoint of a log that holds the entry at index, if
// possible one that witnesses cosigned.
func (l *Ledger) covering(index uint64) (checkpoint, error) {
	if signed := l.cosigned.Load(); signed != nil && index < signed.size {
		return *signed, nil
	}
	cp, err := l.newest()
	if err != nil {
		return checkpoint{}, err
	}
	if index >= cp.size {
		return checkpoint{}, ErrNotYet
	}
	return cp, nil
}
