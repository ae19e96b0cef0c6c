//go:build awskms

package keyring

import (
	"context"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go-awskms/v3/integration/awskms"

	"loot"
)

// AWSRoot returns the root that is a key of AWS KMS, named by its ARN. The
// credentials are those of the environment. It is built with the tag awskms;
// it compiles, and nobody has run it against the service.
func AWSRoot(ctx context.Context, arn string) (Root, error) {
	a, err := awskms.NewAEADWithContext(ctx, strings.TrimPrefix(arn, "aws-kms://"))
	if err != nil {
		return nil, loot.Wrap(loot.Unavailable, fmt.Errorf("keyring: aws kms: %w", err), "The key of AWS KMS cannot be used. Check its ARN and the credentials.")
	}
	return &cloudRoot{"aws-kms:" + strings.TrimPrefix(arn, "aws-kms://"), a}, nil
}
