package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"loot"
	"loot/ledger"
	"loot/store"
)

// ScratchEntries puts n made-up entries on the ledger for a load test. One of a hundred is
// the last step of a request from outside, as a transparency report counts it.
func (a *App) ScratchEntries(ctx context.Context, n int) error {
	countries, outcomes := []string{"IE", "FR", "DE", "NL"}, []string{"whole", "part", "refused", "nothing"}
	const batch = 1000
	for done := 0; done < n; done += batch {
		if err := a.Gate.InTx(ctx, func(tx *store.Tx) error {
			for i := done; i < min(done+batch, n); i++ {
				e := ledger.Entry{Facts: ledger.Facts{At: a.Now(), Verdict: ledger.Recorded, Note: "scratch", Collection: "customer"}}
				if i%100 == 0 {
					k := i / 100
					input, err := json.Marshal(struct {
						Request   string    `json:"request"`
						Kind      string    `json:"kind"`
						Authority string    `json:"authority"`
						Country   string    `json:"country"`
						Outcome   string    `json:"outcome"`
						Accounts  int       `json:"accounts"`
						Entered   time.Time `json:"entered"`
						Answered  time.Time `json:"answered"`
					}{fmt.Sprint("scratch", k), "answer", "police", countries[k%len(countries)], outcomes[k/4%len(outcomes)], k % 2, a.Now(), a.Now().Add(time.Duration(k%10) * 24 * time.Hour)})
					if err != nil {
						return err
					}
					e.Facts.Note, e.Facts.Input, e.Facts.Clauses = ledger.Outside+"closed", input, []loot.Clause{"collection.rare"}
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
