package gate

import (
	"context"
	"errors"

	"loot/statement"
	"loot/store"
)

// Qualifies is [Gate.Decide] for whoever draws up whom a use reaches: a yes is recorded
// and comes back as a permit, and of somebody whom it does not reach nothing is recorded,
// as nobody asked about them in particular.
func (g *Gate) Qualifies(ctx context.Context, tx *store.Tx, r Request) (p Permit, ok bool, err error) {
	p, err = g.decide(ctx, tx, r, func(context.Context, *store.Tx, *statement.Statement, Request, statement.Input, []statement.Record, statement.Verdict) error {
		return errUnreached
	})
	if errors.Is(err, errUnreached) {
		return Permit{}, false, nil
	}
	return p, err == nil, err
}

var errUnreached = errors.New("gate: not reached")
