package verification

import (
	"context"
	"fmt"

	"loot/store"
)

// ReportedOn reports whether a customer reported a mistake on an invoice, by its
// number, that is not answered yet.
func (v *Verification) ReportedOn(ctx context.Context, tx *store.Tx, invoice string) (yes bool, err error) {
	var n int
	err = tx.QueryRow(ctx, `SELECT count(*) FROM verification_case WHERE invoice = $1 AND kind = $2 AND closed = 0`, invoice, kindMistake).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("verification: reported: %w", err)
	}
	return n > 0, nil
}
