//go:build awskms || gcpkms

package keyring

import (
	"context"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/tink"

	"loot"
)

// A cloudRoot is a key in a cloud's key service.
type cloudRoot struct {
	id   string
	aead tink.AEADWithContext
}

func (r *cloudRoot) ID() string { return r.id }

func (r *cloudRoot) Wrap(ctx context.Context, plaintext, ad []byte) ([]byte, error) {
	sealed, err := r.aead.EncryptWithContext(ctx, plaintext, ad)
	return sealed, r.explain(err)
}

// Unwrap cannot tell a service that refuses from one that cannot be reached,
// so it never calls a file tampered with.
func (r *cloudRoot) Unwrap(ctx context.Context, sealed, ad []byte) ([]byte, error) {
	plain, err := r.aead.DecryptWithContext(ctx, sealed, ad)
	return plain, r.explain(err)
}

func (r *cloudRoot) explain(err error) error {
	if err == nil {
		return nil
	}
	return loot.Wrap(loot.Unavailable, fmt.Errorf("keyring: %s: %w", r.id, err), "The service that holds the root key refused or did not answer.")
}
