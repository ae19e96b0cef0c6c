//go:build gcpkms

package keyring

import (
	"context"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go-gcpkms/v2/integration/gcpkms"

	"loot"
)

// GCPRoot returns the root that is a key of Google Cloud KMS, named as
// "projects/…/locations/…/keyRings/…/cryptoKeys/…". The credentials are those
// of the environment. It is built with the tag gcpkms; it compiles, and nobody
// has run it against the service.
func GCPRoot(ctx context.Context, key string) (Root, error) {
	key = strings.TrimPrefix(key, "gcp-kms://")
	a, err := gcpkms.GetAEADWithContext(ctx, "gcp-kms://"+key)
	if err != nil {
		return nil, loot.Wrap(loot.Unavailable, fmt.Errorf("keyring: gcp kms: %w", err), "The key of Google Cloud KMS cannot be used. Check its name and the credentials.")
	}
	return &cloudRoot{"gcp-kms:" + key, a}, nil
}
