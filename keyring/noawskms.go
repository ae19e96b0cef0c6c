//go:build !awskms

package keyring

import (
	"context"

	"loot"
)

// AWSRoot says that this build has no AWS KMS.
func AWSRoot(context.Context, string) (Root, error) {
	return nil, loot.Errorf(loot.Invalid, "This Loot is built without AWS KMS. Build it with -tags awskms to use that as a root.")
}
