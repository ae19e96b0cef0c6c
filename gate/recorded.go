package gate

import (
	"bytes"
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

// How the input of a decision spells the case that it was made for. It is looked for as text:
// whoever counts the openings of a day would else decode each of them.
var (
	forCase     = []byte(`"case":"`)
	inEmergency = []byte(`"case":"` + statement.Emergency + `"`)
)

// ForCase reports whether a decision on the ledger was made for an open case, as the rules
// read it.
func ForCase(f ledger.Facts) bool { return bytes.Contains(f.Input, forCase) }

// InEmergency reports whether that case was an emergency.
func InEmergency(f ledger.Facts) bool { return bytes.Contains(f.Input, inEmergency) }
