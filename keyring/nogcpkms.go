//go:build !gcpkms

package keyring

import (
	"context"

	"loot"
)

// GCPRoot says that this build has no Google Cloud KMS.
func GCPRoot(context.Context, string) (Root, error) {
	return nil, loot.Errorf(loot.Invalid, "This Loot is built without Google Cloud KMS. Build it with -tags gcpkms to use that as a root.")
}
