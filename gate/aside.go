package gate

import (
	"context"
	"errors"

	"loot/store"
)

// SetAside is [Gate.Decide] for an erasure that nobody is to see held: it is decided,
// recorded and refused as that of somebody of whom nothing is to be preserved and nothing is
// secret. If such an order holds it all the same, that refusal is recorded beside, hidden until
// the order ends, and the permit is to set aside, which its Held says. What lies aside already
// stays there as long as it is held: of that it is Decide.
func (g *Gate) SetAside(ctx context.Context, tx *store.Tx, r Request) (Permit, error) {
	if r.Aside {
		return g.Decide(ctx, tx, r)
	}
	q, err := g.question(ctx, tx, r)
	if err != nil {
		return Permit{}, err
	}
	ordered := q
	q.in.Context.Hold = false
	yes, no := q.rule()
	if no != nil {
		return Permit{}, g.refuse(ctx, tx, q.statement, r, q.in, q.records, *no)
	}
	held, err := g.holds(ctx, tx, ordered)
	if err != nil {
		return Permit{}, err
	}
	return g.permit(ctx, tx, q, yes, held)
}

// holds records within tx that an order holds an erasure, if one does, and returns why.
func (g *Gate) holds(ctx context.Context, tx *store.Tx, q question) (*Refusal, error) {
	_, no := q.rule()
	if no == nil {
		return nil, nil
	}
	err := g.refuse(ctx, tx, q.statement, q.Request, q.in, q.records, *no)
	held, refused := errors.AsType[*Refusal](err)
	if !refused {
		return nil, err
	}
	held.Entry, err = g.Ledger.Append(ctx, tx, *held.record)
	return held, err
}
