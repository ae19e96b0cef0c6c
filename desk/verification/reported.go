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

// FaultIn reports whether a check or a colleague found a fault in a detail of a customer,
// as it is held. What a register has not answered yet is none, nor is what has grown old,
// and what a colleague found right is none any more.
func (v *Verification) FaultIn(ctx context.Context, tx *store.Tx, s loot.Subject, f loot.Field) (bool, error) {
	held, err := v.Vault.Held(ctx, tx, s, collection)
	if err != nil {
		return false, unlessGone(err)
	}
	lasts, err := lastOf(ctx, tx, s)
	if err != nil {
		return false, err
	}
	about, is := held[f]
	l := lasts[f]
	return is && l.Outcome == failed && !l.At.Before(about.At), nil
}
