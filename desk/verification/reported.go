package verification

import (
	"context"
	"fmt"

	"loot"
	"loot/store"
)

// ReportedOn reports whether a customer reported a mistake on an invoice, by its
// number, that is not answered yet. What others say of it does not count: a number
// is easily guessed.
func (v *Verification) ReportedOn(ctx context.Context, tx *store.Tx, s loot.Subject, invoice string) (yes bool, err error) {
	var n int
	err = tx.QueryRow(ctx, `SELECT count(*) FROM verification_case WHERE subject = $1 AND invoice = $2 AND kind = $3 AND closed = 0`, s, invoice, kindMistake).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("verification: reported: %w", err)
	}
	return n > 0, nil
}
