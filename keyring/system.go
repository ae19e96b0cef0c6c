package keyring

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"loot"
	"loot/store"
)

// rootTime is how long a service that holds the root may take to answer.
const rootTime = 30 * time.Second

// A process seals by a version that it found to be the newest a minute ago at
// most, or, while the key folder cannot be read, half an hour. A value that was
// sealed is committed within minutes or never. So nothing comes to a former
// version once it was replaced longer than formerFor ago, on any node, and it
// can then be destroyed without anything being lost.
const (
	confirmEvery  = time.Minute
	confirmWithin = 30 * time.Minute
	formerFor     = time.Hour
)

// A SystemKey seals what belongs to no person's record: who on the staff did
// what, sessions, rendered mail. [SystemKey.Rotate] gives it a new version, and
// it opens what former ones sealed until [SystemKey.Finish] has destroyed them.
type SystemKey struct {
	k    *Keyring
	name string
	mu   sync.Mutex // one goroutine at a time reads the file
	set  atomic.Pointer[systemSet]

	warned atomic.Pointer[systemSet] // that could not be confirmed

	holding sync.Mutex
	holds   []holds
	told    bool // that Hold was called
}

// holds is a column and where it is.
type holds struct {
	db *store.DB
	store.Sealed
}

// A systemSet is the versions of a key, as its file had them.
type systemSet struct {
	handle *keyset.Handle
	aead   tink.AEAD
	marks  map[string]bool // of all versions
	mark   []byte          // of the one in use
	since  time.Time       // when that began
	file   os.FileInfo
	seen   time.Time // when the file was last found to be this one
}

// System returns the system key of that name and makes it at the first call.
func (k *Keyring) System(name string) (*SystemKey, error) {
	if s, ok := k.systems.Load(name); ok {
		return s.(*SystemKey), nil
	}
	if !loot.ValidName(name) {
		return nil, fmt.Errorf("keyring: %q is no name for a key", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), rootTime)
	defer cancel()
	s := &SystemKey{k: k, name: name}
	err := s.read(ctx)
	if errors.Is(err, ErrMissing) {
		err = k.DB.Alone(ctx, "keyring", func() error {
			if err := s.read(ctx); !errors.Is(err, ErrMissing) {
				return err
			}
			m := keyset.NewManager()
			if err := addPrimary(m); err != nil {
				return err
			}
			text, err := binaryKeyset(m)
			if err != nil {
				return err
			}
			if err := k.folder.put(ctx, s.file(), text); err != nil {
				return err
			}
			return s.read(ctx)
		})
	}
	if err != nil {
		return nil, err
	}
	kept, _ := k.systems.LoadOrStore(name, s)
	return kept.(*SystemKey), nil
}

func (s *SystemKey) file() file { return file{kind: systemFile, name: s.name} }

// Name returns the name of the key.
func (s *SystemKey) Name() string { return s.name }

// read reads the file.
func (s *SystemKey) read(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reread(ctx)
}

func (s *SystemKey) reread(ctx context.Context) error {
	now := s.k.Now()
	info, err := os.Stat(s.k.folder.path(s.file())) // before it is read, so that a later change is seen
	if errors.Is(err, fs.ErrNotExist) {
		return fault(s.file(), ErrMissing)
	}
	if err != nil {
		return loot.Wrap(loot.Unavailable, err, fmt.Sprintf("The key file %s cannot be read.", s.file()))
	}
	c, text, err := s.k.folder.get(ctx, s.file())
	if err != nil {
		return err
	}
	set, err := parseSystem(text)
	if err != nil {
		return fault(s.file(), ErrTampered)
	}
	set.since, set.file, set.seen = c.Made, info, now
	s.set.Store(set)
	return nil
}

func parseSystem(text []byte) (*systemSet, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(text)))
	if err != nil {
		return nil, err
	}
	set := &systemSet{handle: h, marks: map[string]bool{}}
	if set.aead, err = aead.New(h); err != nil {
		return nil, err
	}
	for i := range h.Len() {
		e, err := h.Entry(i)
		if err != nil {
			return nil, err
		}
		mark := binary.BigEndian.AppendUint32([]byte{tinkStart}, e.KeyID())
		set.marks[string(mark)] = true
		if e.IsPrimary() {
			set.mark = mark
		}
	}
	return set, nil
}

// What is sealed begins with this byte and the number of the version: Tink's
// output prefix.
const (
	tinkStart = 1
	markSize  = 5
)

// current returns the versions as they are in the file, as of a minute ago.
func (s *SystemKey) current() (*systemSet, error) {
	set := s.set.Load()
	age := s.k.Now().Sub(set.seen)
	if age >= 0 && age < confirmEvery {
		return set, nil
	}
	err := s.confirm(set)
	if err == nil {
		return s.set.Load(), nil
	}
	if age >= 0 && age < confirmWithin {
		if s.warned.Swap(set) != set {
			s.k.Log.Warn("a key that was read cannot be read again; it is used for a while", "key", s.name, "until", set.seen.Add(confirmWithin), "err", err)
		}
		return set, nil // the folder may be back before it matters
	}
	return nil, err
}

// confirm looks whether the file is still the one that was read.
func (s *SystemKey) confirm(known *systemSet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set.Load() != known {
		return nil // somebody else did meanwhile
	}
	now := s.k.Now()
	info, err := os.Stat(s.k.folder.path(s.file()))
	if err != nil {
		return loot.Wrap(loot.Unavailable, err, fmt.Sprintf("The key file %s cannot be read. Restore it from the backup of the keys.", s.file()))
	}
	if os.SameFile(info, known.file) && info.ModTime().Equal(known.file.ModTime()) && info.Size() == known.file.Size() {
		same := *known
		same.seen = now
		s.set.Store(&same)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), rootTime)
	defer cancel()
	return s.reread(ctx)
}

// Seal seals a value by the version in use. It fails when the key folder cannot
// be read for so long that another version may be in use by now.
func (s *SystemKey) Seal(plain, ad []byte) ([]byte, error) {
	set, err := s.current()
	if err != nil {
		return nil, err
	}
	return seal(set.aead, plain, s.ad(ad)), nil
}

// Open opens a sealed value and counts it.
func (s *SystemKey) Open(sealed, ad []byte) ([]byte, error) {
	s.k.ops.add(KeyKind(s.name), 1)
	set, err := s.current()
	if err != nil {
		return nil, err
	}
	plain, err := set.aead.Decrypt(sealed, s.ad(ad))
	if err == nil {
		return plain, nil
	}
	// Another process may have put a new key into use.
	ctx, cancel := context.WithTimeout(context.Background(), rootTime)
	defer cancel()
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	if plain, err = s.set.Load().aead.Decrypt(sealed, s.ad(ad)); err == nil {
		return plain, nil
	}
	return nil, fmt.Errorf("keyring: sealed by the %s key: %w", s.name, ErrTampered)
}

func (s *SystemKey) ad(ad []byte) []byte { return append(bind("loot system", s.name), ad...) }

func binaryKeyset(m *keyset.Manager) ([]byte, error) {
	h, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("keyring: keyset: %w", err)
	}
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewBinaryWriter(&b)); err != nil {
		return nil, fmt.Errorf("keyring: keyset: %w", err)
	}
	return b.Bytes(), nil
}

// Secret returns a secret of the program that is no key for sealing, such as
// the key that signs the ledger, and keeps what fresh returns at the first call.
func (k *Keyring) Secret(name string, fresh func() []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), rootTime)
	defer cancel()
	return k.secret(ctx, file{kind: secretFile, name: name}, func() ([]byte, error) { return fresh(), nil })
}

// Fleeting is Secret for one that [Keyring.Forget] destroys soon, such as the
// key of a day. It is sealed by an epoch key of its own, and that by the root. No
// backup holds either, so that it is gone when the epoch key is destroyed; the
// error is [ErrMissing] from then on, until [Keyring.Discard].
func (k *Keyring) Fleeting(ctx context.Context, name string, fresh func() []byte) ([]byte, error) {
	id, by, ad := file{kind: fleetingFile, name: name}, file{kind: fleetingEpochFile, name: name}, bind("loot fleeting", name)
	sealed, err := k.secret(ctx, id, func() ([]byte, error) {
		_, epoch, err := k.folder.get(ctx, by) // of a process that was killed here
		if errors.Is(err, ErrMissing) {
			epoch = make([]byte, keySize)
			rand.Read(epoch) // never fails
			err = k.folder.put(ctx, by, epoch)
		}
		if err != nil {
			return nil, err
		}
		return seal(newAEAD(epoch), fresh(), ad), nil
	})
	if err != nil {
		return nil, err
	}
	_, epoch, err := k.folder.get(ctx, by)
	if err != nil {
		return nil, err
	}
	secret, err := newAEAD(epoch).Decrypt(sealed, ad)
	if err != nil {
		return nil, fault(id, ErrTampered)
	}
	return secret, nil
}

// Forget destroys the epoch key of a fleeting secret; it is fine if it is gone.
// What it sealed, which nobody can open any more, stays until [Keyring.Discard],
// so that whoever has to tell of it does not miss it.
func (k *Keyring) Forget(ctx context.Context, name string) error {
	return k.DB.Alone(ctx, "keyring", func() error {
		return k.folder.remove(file{kind: fleetingEpochFile, name: name})
	})
}

// Discard removes what is left of a fleeting secret that was destroyed.
func (k *Keyring) Discard(ctx context.Context, name string) error {
	return k.DB.Alone(ctx, "keyring", func() error {
		return k.folder.remove(file{kind: fleetingFile, name: name})
	})
}

// Fleetings returns the names of the fleeting secrets that there are or of which
// something is left, by name.
func (k *Keyring) Fleetings() ([]string, error) {
	names, err := k.names(fleetingFile)
	if err != nil {
		return nil, err
	}
	epochs, err := k.names(fleetingEpochFile)
	names = append(names, epochs...)
	slices.Sort(names)
	return slices.Compact(names), err
}

// BackedUp reports whether a file of the key folder belongs into a backup.
func BackedUp(name string) bool {
	id, ok := parseFile(name)
	return !ok || id.kind != fleetingFile && id.kind != fleetingEpochFile
}

func (k *Keyring) secret(ctx context.Context, id file, fresh func() ([]byte, error)) ([]byte, error) {
	if !loot.ValidName(id.name) {
		return nil, fmt.Errorf("keyring: %q is no name for a secret", id.name)
	}
	_, secret, err := k.folder.get(ctx, id)
	if !errors.Is(err, ErrMissing) {
		return secret, err
	}
	err = k.DB.Alone(ctx, "keyring", func() error {
		if _, secret, err = k.folder.get(ctx, id); !errors.Is(err, ErrMissing) {
			return err
		}
		if secret, err = fresh(); err != nil {
			return err
		}
		return k.folder.put(ctx, id, secret)
	})
	if err != nil {
		return nil, err
	}
	return secret, nil
}

// Secrets returns the names of the secrets, by name.
func (k *Keyring) Secrets() ([]string, error) { return k.names(secretFile) }

func (k *Keyring) names(kind string) ([]string, error) {
	files, _, err := k.folder.list()
	var out []string
	for _, id := range files {
		if id.kind == kind {
			out = append(out, id.name)
		}
	}
	slices.Sort(out)
	return out, err
}

// A Guard returns how many rows elsewhere still need an epoch, such as blind
// indexes made by it.
type Guard func(ctx context.Context, c loot.Collection, epoch int) (int, error)

// Guard has g asked before an epoch is destroyed.
func (k *Keyring) Guard(g Guard) {
	k.guarding.Lock()
	defer k.guarding.Unlock()
	k.guards = append(k.guards, g)
}

// count returns a number from the key store.
func (k *Keyring) count(ctx context.Context, query string, args ...any) (int, error) {
	var n int
	err := k.DB.ReadTx(ctx, func(tx *store.Tx) error { return tx.QueryRow(ctx, query, args...).Scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("keyring: count: %w", err)
	}
	return n, nil
}
