package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"loot"
)

// A Root seals the files of the key folder: a key file, a passphrase, or a key
// in a service that never gives it out.
type Root interface {
	Wrap(ctx context.Context, plaintext, ad []byte) ([]byte, error)
	Unwrap(ctx context.Context, sealed, ad []byte) ([]byte, error)
	// ID names the root in the files it sealed, for people to read.
	ID() string
}

// A Rotator is a root that can be given a new key while it still opens what
// the former ones sealed, until it is told to forget them.
type Rotator interface {
	Root
	Rotate(ctx context.Context) error
	Forget(ctx context.Context) error
}

// A KeyFile is a root kept in a file, as a Tink keyset in JSON.
type KeyFile struct {
	path    string
	outside []string

	mu     sync.Mutex
	handle *keyset.Handle // nil: the file does not exist yet
	aead   tink.AEAD
}

// FileRoot returns the root in the key file at path. The file must be readable
// by its owner only. If there is none, it is made when the first key is sealed
// and not before, so that a lost key file is never replaced silently; and it
// is not made inside any of the folders named as outside, because a copy of
// the data would then be a copy of the key.
func FileRoot(path string, outside ...string) (*KeyFile, error) {
	f := &KeyFile{path: path, outside: outside}
	sweepTemp(path)
	if err := f.read(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return f, nil
}

// ID returns "file:" and the number of the key in use.
func (f *KeyFile) ID() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.handle == nil {
		return "file:none"
	}
	p, err := f.handle.Primary()
	if err != nil {
		return "file:none"
	}
	return fmt.Sprintf("file:%08x", p.KeyID())
}

// Wrap implements [Root].
func (f *KeyFile) Wrap(_ context.Context, plaintext, ad []byte) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.handle == nil {
		if err := f.create(); err != nil {
			return nil, err
		}
	}
	return f.aead.Encrypt(plaintext, ad)
}

// Unwrap implements [Root].
func (f *KeyFile) Unwrap(_ context.Context, sealed, ad []byte) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.handle == nil {
		if err := f.read(); err != nil {
			return nil, loot.Wrap(loot.Unavailable, err, fmt.Sprintf("The key file %s is not there. Nothing can be opened without it: restore it from where you keep it.", f.path))
		}
	}
	plain, err := f.aead.Decrypt(sealed, ad)
	if err != nil && f.read() == nil { // another process may have put a new key into use
		plain, err = f.aead.Decrypt(sealed, ad)
	}
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}

// Rotate puts a new key into use and keeps the former ones until
// [KeyFile.Forget]. With a former key left over it does nothing, so that a
// rotation which was interrupted is finished and not begun again.
func (f *KeyFile) Rotate(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.handle == nil {
		return f.create()
	}
	if f.handle.Len() > 1 {
		return nil
	}
	m := keyset.NewManagerFromHandle(f.handle)
	if err := addPrimary(m); err != nil {
		return err
	}
	return f.write(m)
}

// Forget removes every key but the one in use.
func (f *KeyFile) Forget(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.handle == nil || f.handle.Len() < 2 {
		return nil
	}
	m, err := onlyPrimary(f.handle)
	if err != nil {
		return err
	}
	return f.write(m)
}

func (f *KeyFile) create() error {
	if err := f.read(); !errors.Is(err, fs.ErrNotExist) {
		return err // another process made it meanwhile, or it cannot be read
	}
	for _, folder := range f.outside {
		if within(f.path, folder) {
			return loot.Errorf(loot.Invalid, "The key file %s would lie inside %s: a copy of the data would hold the key. Choose a place outside.", f.path, folder)
		}
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return fmt.Errorf("keyring: key file: %w", err)
	}
	m := keyset.NewManager()
	if err := addPrimary(m); err != nil {
		return err
	}
	text, err := cleartext(m)
	if err != nil {
		return err
	}
	if err := createFile(f.path, text); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keyring: key file: %w", err)
	}
	return f.read()
}

func (f *KeyFile) write(m *keyset.Manager) error {
	text, err := cleartext(m)
	if err != nil {
		return err
	}
	if err := replaceFile(f.path, text); err != nil {
		return fmt.Errorf("keyring: key file: %w", err)
	}
	return f.read()
}

func (f *KeyFile) read() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return loot.Errorf(loot.Unavailable, "The key file %s may be read by others (mode %04o). Make it yours alone: chmod 600 %[1]s", f.path, mode)
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		// The cause could quote the file, so it is not passed on.
		return loot.Errorf(loot.Unavailable, "The key file %s is damaged. Restore it from where you keep it.", f.path)
	}
	a, err := aead.New(h)
	if err != nil {
		return loot.Errorf(loot.Unavailable, "The key file %s holds keys of a kind that is not for this.", f.path)
	}
	f.handle, f.aead = h, a
	return nil
}

func addPrimary(m *keyset.Manager) error {
	id, err := m.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return fmt.Errorf("keyring: new key: %w", err)
	}
	if err := m.SetPrimary(id); err != nil {
		return fmt.Errorf("keyring: new key: %w", err)
	}
	return nil
}

func onlyPrimary(h *keyset.Handle) (*keyset.Manager, error) {
	p, err := h.Primary()
	if err != nil {
		return nil, fmt.Errorf("keyring: keyset: %w", err)
	}
	m := keyset.NewManagerFromHandle(h)
	for i := range h.Len() {
		e, err := h.Entry(i)
		if err != nil {
			return nil, fmt.Errorf("keyring: keyset: %w", err)
		}
		if e.KeyID() == p.KeyID() {
			continue
		}
		if err := m.Delete(e.KeyID()); err != nil {
			return nil, fmt.Errorf("keyring: keyset: %w", err)
		}
	}
	return m, nil
}

func cleartext(m *keyset.Manager) ([]byte, error) {
	h, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("keyring: keyset: %w", err)
	}
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&b)); err != nil {
		return nil, fmt.Errorf("keyring: keyset: %w", err)
	}
	return b.Bytes(), nil
}

// within reports whether path lies in folder once links are followed.
func within(path, folder string) bool {
	real := func(p string) string {
		p, err := filepath.Abs(p)
		if err != nil {
			return p
		}
		// Follow the links of the part that exists already.
		for rest := ""; ; {
			if r, err := filepath.EvalSymlinks(p); err == nil {
				return filepath.Join(r, rest)
			}
			rest = filepath.Join(filepath.Base(p), rest)
			if parent := filepath.Dir(p); parent != p {
				p = parent
				continue
			}
			return rest
		}
	}
	rel, err := filepath.Rel(real(folder), real(path))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
