package app

import (
	"context"

	"loot/desk/publication"
	"loot/store"
)

// ScratchEntries puts n made-up entries on the ledger for a load test of the report that
// counts them.
func (a *App) ScratchEntries(ctx context.Context, n int) error {
	const batch, atOnce = 1000, 50_000 // so many may wait for their place before the ledger takes no more
	for done := 0; done < n; done += batch {
		if done%atOnce == 0 {
			if err := a.Ledger.Sync(ctx); err != nil {
				return err
			}
		}
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
