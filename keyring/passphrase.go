package keyring

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"runtime/debug"
	"sync"

	"golang.org/x/crypto/argon2"

	"github.com/tink-crypto/tink-go/v2/tink"

	"loot"
)

// Argon2id as RFC 9106 recommends it where memory is short: 64 MiB, three
// passes, four lanes. They stand before each sealed file, so that they can be
// raised later.
var (
	argonPasses uint32 = 3
	argonMemory uint32 = 64 << 10 // KiB
)

const (
	argonLanes  = 4
	argonSalt   = 16
	argonHeader = argonSalt + 4 + 4 + 1
)

// A Passphrase is a root that somebody types in or hands over at the start.
type Passphrase struct {
	phrase []byte

	mu   sync.Mutex
	last string // header that new files are sealed under
	keys map[string]tink.AEAD
}

// PassphraseRoot returns the root that is derived from a passphrase of twelve
// characters or more.
func PassphraseRoot(phrase string) (*Passphrase, error) {
	if len([]rune(phrase)) < 12 {
		return nil, loot.Errorf(loot.Invalid, "The passphrase of the keys needs twelve characters or more.")
	}
	return &Passphrase{phrase: []byte(phrase), keys: map[string]tink.AEAD{}}, nil
}

// ID returns "passphrase".
func (*Passphrase) ID() string { return "passphrase" }

// Wrap implements [Root].
func (p *Passphrase) Wrap(_ context.Context, plaintext, ad []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == "" {
		header := make([]byte, argonSalt, argonHeader)
		rand.Read(header)
		header = binary.BigEndian.AppendUint32(header, argonPasses)
		header = binary.BigEndian.AppendUint32(header, argonMemory)
		p.last = string(append(header, argonLanes))
	}
	sealed, err := p.key(p.last).Encrypt(plaintext, ad)
	return append([]byte(p.last), sealed...), err
}

// Unwrap implements [Root].
func (p *Passphrase) Unwrap(_ context.Context, sealed, ad []byte) ([]byte, error) {
	if len(sealed) < argonHeader {
		return nil, ErrTampered
	}
	header := string(sealed[:argonHeader])
	passes, memory, lanes := costs(header)
	// What a damaged file asks for is bounded, or it could take all memory.
	if passes < 1 || passes > 16 || memory < 8<<10 || memory > 1<<20 || lanes < 1 {
		return nil, ErrTampered
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	plain, err := p.key(header).Decrypt(sealed[argonHeader:], ad)
	if err != nil && p.last != "" && p.last != header {
		return nil, ErrRoot // one passphrase has one salt
	}
	if err != nil {
		return nil, ErrTampered
	}
	p.last = header
	return plain, nil
}

// key derives the key for a header once; all files of a folder share a salt.
func (p *Passphrase) key(header string) tink.AEAD {
	a, ok := p.keys[header]
	if !ok {
		passes, memory, lanes := costs(header)
		a = newAEAD(argon2.IDKey(p.phrase, []byte(header[:argonSalt]), passes, memory, lanes, keySize))
		p.keys[header] = a
		debug.FreeOSMemory() // Argon2's memory is not needed again
	}
	return a
}

func costs(header string) (passes, memory uint32, lanes uint8) {
	b := []byte(header[argonSalt:])
	return binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), b[8]
}
