package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

// A SystemKey seals what belongs to no person's record: who on the staff did
// what, sessions, rendered mail. It can be given a new key while it still
// opens what the former ones sealed.
type SystemKey struct {
	k    *Keyring
	name string
	mu   sync.Mutex // one goroutine at a time reads the file
	set  atomic.Pointer[systemSet]
}

type systemSet struct {
	handle *keyset.Handle
	aead   tink.AEAD
	made   time.Time
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

func (s *SystemKey) read(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, text, err := s.k.folder.get(ctx, s.file())
	if err != nil {
		return err
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(text)))
	if err != nil {
		return fault(s.file(), ErrTampered)
	}
	a, err := aead.New(h)
	if err != nil {
		return fault(s.file(), ErrTampered)
	}
	s.set.Store(&systemSet{h, a, c.Made})
	return nil
}

// Seal seals a value.
func (s *SystemKey) Seal(plain, ad []byte) []byte {
	return seal(s.set.Load().aead, plain, s.ad(ad))
}

// Open opens a sealed value and counts it.
func (s *SystemKey) Open(sealed, ad []byte) ([]byte, error) {
	s.k.ops.add(KeyKind(s.name), 1)
	plain, err := s.set.Load().aead.Decrypt(sealed, s.ad(ad))
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

// Rotate puts a new key into use for what is sealed from now on.
func (s *SystemKey) Rotate(ctx context.Context) error {
	return s.change(ctx, func(h *keyset.Handle) (*keyset.Manager, error) {
		m := keyset.NewManagerFromHandle(h)
		return m, addPrimary(m)
	})
}

// Forget destroys every key but the one in use. What was sealed before the
// last [SystemKey.Rotate] and not sealed anew since can be opened no more.
func (s *SystemKey) Forget(ctx context.Context) error { return s.change(ctx, onlyPrimary) }

func (s *SystemKey) change(ctx context.Context, f func(*keyset.Handle) (*keyset.Manager, error)) error {
	return s.k.DB.Alone(ctx, "keyring", func() error {
		if err := s.read(ctx); err != nil {
			return err
		}
		now := s.set.Load()
		m, err := f(now.handle)
		if err != nil {
			return err
		}
		text, err := binaryKeyset(m)
		if err != nil {
			return err
		}
		if err := s.k.folder.change(ctx, s.file(), now.made, text); err != nil {
			return err
		}
		s.k.step("system: file")
		return s.read(ctx)
	})
}

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
	if !loot.ValidName(name) {
		return nil, fmt.Errorf("keyring: %q is no name for a secret", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), rootTime)
	defer cancel()
	id := file{kind: secretFile, name: name}
	_, secret, err := k.folder.get(ctx, id)
	if !errors.Is(err, ErrMissing) {
		return secret, err
	}
	err = k.DB.Alone(ctx, "keyring", func() error {
		if _, secret, err = k.folder.get(ctx, id); !errors.Is(err, ErrMissing) {
			return err
		}
		secret = fresh()
		return k.folder.put(ctx, id, secret)
	})
	if err != nil {
		return nil, err
	}
	return secret, nil
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
