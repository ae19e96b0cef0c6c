package keyring

import (
	"fmt"

	aeadsubtle "github.com/tink-crypto/tink-go/v2/aead/subtle"
	prfsubtle "github.com/tink-crypto/tink-go/v2/prf/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// keySize is the length of every key and secret in bytes.
const keySize = 32

// derive returns a key of n bytes for one use of a secret, by HKDF-SHA-256.
// Keys for different uses say nothing about each other or about the secret.
func derive(secret []byte, n uint32, use ...string) []byte {
	prf, err := prfsubtle.NewHKDFPRF("SHA256", secret, nil)
	if err != nil {
		panic(err) // SHA-256 is known
	}
	out, err := prf.ComputePRF(bind(use...), n)
	if err != nil {
		panic(err) // n is far below the limit of HKDF
	}
	return out
}

// newAEAD returns AES-256-GCM with a random nonce before each ciphertext.
func newAEAD(key []byte) tink.AEAD {
	a, err := aeadsubtle.NewAESGCM(key)
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	return a
}

// seal seals; it fails only for a plaintext of tens of gigabytes.
func seal(a tink.AEAD, plain, ad []byte) []byte {
	sealed, err := a.Encrypt(plain, ad)
	if err != nil {
		panic(fmt.Errorf("keyring: seal %d bytes: %w", len(plain), err)) // see above
	}
	return sealed
}
