package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"loot"
)

// The algorithms of C2SP signed-note that the ledger speaks.
const (
	algNote        = 1 // Ed25519 over the note's text: the log itself
	algCosignature = 4 // Ed25519 over time and text: a witness
)

var b64 = base64.StdEncoding.Strict()

// A signerKey is the public half of a key that signs checkpoints: the log's or
// a witness's. It is written as C2SP signed-note does: name+id+key.
type signerKey struct {
	name string
	id   uint32
	alg  byte
	pub  ed25519.PublicKey
}

func newSignerKey(name string, alg byte, pub ed25519.PublicKey) signerKey {
	sum := sha256.Sum256(append([]byte(name+"\n"), append([]byte{alg}, pub...)...))
	return signerKey{name: name, id: binary.BigEndian.Uint32(sum[:4]), alg: alg, pub: pub}
}

func (k signerKey) String() string {
	return fmt.Sprintf("%s+%08x+%s", k.name, k.id, b64.EncodeToString(append([]byte{k.alg}, k.pub...)))
}

func (k signerKey) equal(o signerKey) bool {
	return k.name == o.name && k.alg == o.alg && bytes.Equal(k.pub, o.pub)
}

// cosigning returns the key as that of a witness: some tell their plain key.
func (k signerKey) cosigning() signerKey { return newSignerKey(k.name, algCosignature, k.pub) }

// parseKey reads a key as [signerKey.String] writes it.
func parseKey(s string) (signerKey, error) {
	name, rest, ok := strings.Cut(s, "+")
	id, key64, ok2 := strings.Cut(rest, "+")
	if !ok || !ok2 || !validName(name) {
		return signerKey{}, loot.Errorf(loot.Invalid, "A key is written as name+id+key; this is not one.")
	}
	raw, err := b64.DecodeString(key64)
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || (raw[0] != algNote && raw[0] != algCosignature) {
		return signerKey{}, loot.Errorf(loot.Invalid, "The last part of the key is not an Ed25519 key of a log or a witness.")
	}
	k := newSignerKey(name, raw[0], raw[1:])
	if fmt.Sprintf("%08x", k.id) != id {
		return signerKey{}, loot.Errorf(loot.Invalid, "The key's id does not belong to its name and key: a character was changed.")
	}
	return k, nil
}

// CheckKey says what is wrong with a key that somebody typed.
func CheckKey(text string) error {
	_, err := parseKey(text)
	return err
}

// validName reports whether name may name a key: not empty, no space, no plus.
func validName(name string) bool {
	return name != "" && len(name) <= 255 && utf8.ValidString(name) && !strings.Contains(name, "+") &&
		strings.IndexFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) < 0
}

// holds reports whether sig is the key's signature of the note's text, and for
// a witness the time it signed.
func (k signerKey) holds(text string, sig []byte) (time.Time, bool) {
	if k.alg == algNote {
		return time.Time{}, len(sig) == ed25519.SignatureSize && ed25519.Verify(k.pub, []byte(text), sig)
	}
	if len(sig) != 8+ed25519.SignatureSize {
		return time.Time{}, false
	}
	at := binary.BigEndian.Uint64(sig)
	if at > 1<<63-1 {
		return time.Time{}, false
	}
	return time.Unix(int64(at), 0).UTC(), ed25519.Verify(k.pub, cosigned(at, text), sig[8:])
}

// cosigned is what a witness signs (C2SP tlog-cosignature).
func cosigned(at uint64, text string) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text)
}

// A signer signs checkpoints. It is a note.Signer, which is what the log's
// library wants.
type signer struct {
	signerKey
	private ed25519.PrivateKey
	now     func() time.Time // of a witness
}

func newSigner(name string, alg byte, seed []byte, now func() time.Time) (*signer, error) {
	if !validName(name) {
		return nil, loot.Errorf(loot.Invalid, "The ledger's origin must be a name without spaces and plus signs, such as example.org/ledger.")
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("ledger: signing key has %d bytes, want %d", len(seed), ed25519.SeedSize)
	}
	private := ed25519.NewKeyFromSeed(seed)
	return &signer{newSignerKey(name, alg, private.Public().(ed25519.PublicKey)), private, now}, nil
}

// Name returns the name of the key.
func (s *signer) Name() string { return s.name }

// KeyHash returns the id of the key.
func (s *signer) KeyHash() uint32 { return s.id }

// Sign signs the text of a note.
func (s *signer) Sign(text []byte) ([]byte, error) {
	if s.alg == algNote {
		return ed25519.Sign(s.private, text), nil
	}
	at := uint64(s.now().Unix())
	return append(binary.BigEndian.AppendUint64(nil, at), ed25519.Sign(s.private, cosigned(at, string(text)))...), nil
}

// line returns the signature line that goes under the text.
func (s *signer) line(text string) (string, error) {
	sig, err := s.Sign([]byte(text))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("— %s %s\n", s.name, b64.EncodeToString(append(binary.BigEndian.AppendUint32(nil, s.id), sig...))), nil
}
