package billing

import (
	"context"
	"fmt"

	"loot"
	"loot/store"
)

// holds reports whether something of a person is kept in a collection outside the vault:
// their services, and the addresses that those have.
func (b *Billing) holds(ctx context.Context, tx *store.Tx, s loot.Subject, in loot.Collection) (bool, error) {
	count := ""
	switch in {
	case used:
		count = `SELECT count(*) FROM billing_service WHERE subject = $1`
	case connections:
		count = `SELECT count(*) FROM billing_address WHERE subject = $1`
	default:
		return false, nil
	}
	var n int
	if err := tx.QueryRow(ctx, count, s).Scan(&n); err != nil {
		return false, fmt.Errorf("billing: held: %w", err)
	}
	return n > 0, nil
}
