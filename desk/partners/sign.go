package partners

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// keyID names the key that signs what goes to partners.
const keyID = "loot-partners"

// A component is one line of what is signed of an HTTP message.
type component struct{ name, value string }

// signatureBase is the text that a signature over an HTTP message covers, with the
// parameters of that signature (RFC 9421, section 2.5).
func signatureBase(list []component, created time.Time, rest string) (base, params string) {
	var b strings.Builder
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = `"` + c.name + `"`
		fmt.Fprintf(&b, "%q: %s\n", c.name, c.value)
	}
	params = fmt.Sprintf("(%s);created=%d%s", strings.Join(names, " "), created.Unix(), rest)
	b.WriteString(`"@signature-params": ` + params)
	return b.String(), params
}

// signAnswer signs an answer to a partner: its status, its type and the digest of its body
// (RFC 9421 with Ed25519, RFC 9530). It returns the SHA-256 of the body.
func signAnswer(h http.Header, key ed25519.PrivateKey, status int, body []byte, now time.Time) [sha256.Size]byte {
	sum := sha256.Sum256(body)
	h.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	text, params := signatureBase([]component{
		{"@status", fmt.Sprint(status)}, {"content-type", h.Get("Content-Type")}, {"content-digest", h.Get("Content-Digest")},
	}, now, `;keyid="`+keyID+`";alg="ed25519"`)
	h.Set("Signature-Input", "loot="+params)
	h.Set("Signature", "loot=:"+base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))+":")
	return sum
}

// publicKey is the key by which a partner checks what is signed here: 32 bytes in base64
// (RFC 8032).
func (d *Partners) publicKey() string {
	return base64.StdEncoding.EncodeToString(d.sign.Public().(ed25519.PublicKey))
}

// A noteSigner signs notes with the desk's key (C2SP signed-note, Ed25519).
type noteSigner struct {
	name string
	key  ed25519.PrivateKey
}

func (d *Partners) noteSigner() noteSigner {
	host := "loot.local"
	if u, err := url.Parse(d.BaseURL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	return noteSigner{host + "/partners", d.sign}
}

// verifier returns the key by which such a note is checked, as C2SP writes it.
func (s noteSigner) verifier() string {
	text, err := note.NewEd25519VerifierKey(s.name, s.key.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err) // the key has its size
	}
	return text
}

// Name returns the name of the key.
func (s noteSigner) Name() string { return s.name }

// KeyHash returns the number that tells keys of one name apart.
func (s noteSigner) KeyHash() uint32 {
	parts := strings.SplitN(s.verifier(), "+", 3)
	b, err := hex.DecodeString(parts[1])
	if err != nil {
		panic(err) // it was written a line above
	}
	return binary.BigEndian.Uint32(b)
}

// Sign signs the text of a note.
func (s noteSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// signedNote signs a text of lines.
func (d *Partners) signedNote(text string) (string, error) {
	b, err := note.Sign(&note.Note{Text: text}, d.noteSigner())
	if err != nil {
		return "", fmt.Errorf("partners: sign: %w", err)
	}
	return string(b), nil
}
