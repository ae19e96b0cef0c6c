package gate

import (
	"context"

	"loot"
	"loot/store"
)

// Qualifies reports whether [Gate.Decide] would permit r now. It gives no permit and
// records nothing: whoever draws up whom a use may reach asks about nobody, and uses only
// what Decide permits after it. The locks that Decide takes are held until tx ends, so
// that its answer is the same within tx.
func (g *Gate) Qualifies(ctx context.Context, tx *store.Tx, r Request) (bool, error) {
	now := g.Now()
	ver, ok := g.at(now)
	if !ok {
		return false, loot.Errorf(loot.Unavailable, "No statement is in force yet, so nothing may be used. An administrator must publish one.")
	}
	in, records, err := g.input(ctx, tx, ver.Statement, r, now)
	if err != nil {
		return false, err
	}
	for _, rec := range records {
		in.Record = rec
		if !ver.Statement.Decide(&in).Allowed {
			return false, nil
		}
	}
	return true, nil
}
