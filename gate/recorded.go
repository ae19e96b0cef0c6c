package gate

import (
	"context"
	"time"

	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// Recorded returns the inputs of the decisions on the ledger since from, so
// that they can be decided again under another version: the first most of
// them, or all if most is zero.
func (g *Gate) Recorded(ctx context.Context, tx *store.Tx, from time.Time, most int) ([]statement.Input, error) {
	var ins []statement.Input
	for row, err := range g.Ledger.Facts(ctx, tx, from, g.Now()) {
		if err != nil {
			return nil, err
		}
		if row.Facts.Verdict == ledger.Recorded || len(row.Facts.Input) == 0 {
			continue
		}
		decided, err := Inputs(row.Facts)
		if err != nil {
			return nil, err
		}
		if ins = append(ins, decided...); most > 0 && len(ins) >= most {
			return ins[:most], nil
		}
	}
	return ins, nil
}
