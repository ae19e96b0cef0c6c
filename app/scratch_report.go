package app

import (
	"context"

	"loot/desk/publication"
	"loot/store"
)

// ScratchEntries puts n made-up entries on the ledger for a load test of the report that
// counts them.
func (a *App) ScratchEntries(ctx context.Context, n int) error {
	const batch = 1000
	for done := 0; done < n; done += batch {
		if err := a.Gate.InTx(ctx, func(tx *store.Tx) error {
			for i := done; i < min(done+batch, n); i++ {
				e, err := publication.ScratchEntry(i, a.Now())
				if err != nil {
					return err
				}
				if _, err := a.Ledger.Append(ctx, tx, e); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
