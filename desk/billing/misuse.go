package billing

import (
	"context"
	"slices"

	"loot"
	"loot/store"
)

// Suspend suspends a service that runs, as it is misused; the ticket is the case that
// says more. It reports false for one that does not run, which stays as it is.
func (b *Billing) Suspend(ctx context.Context, tx *store.Tx, by loot.Actor, reference, ticket string) (bool, error) {
	one, err := b.findService(ctx, tx, reference)
	if err != nil || one.State != Active {
		return false, err
	}
	return true, b.move(ctx, tx, one, Move{To: Suspended, By: by, Why: Misuse, Ticket: ticket})
}

// Resume lets a service run again that was suspended for a case, by its ticket. It
// reports false for one that is suspended for anything else, or is not.
func (b *Billing) Resume(ctx context.Context, tx *store.Tx, by loot.Actor, reference, ticket string) (bool, error) {
	one, err := b.findService(ctx, tx, reference)
	if err != nil || one.State != Suspended {
		return false, err
	}
	steps, err := stepsOf(ctx, tx, `WHERE h.service = $1`, reference)
	if err != nil {
		return false, err
	}
	last := slices.DeleteFunc(steps[reference], func(s Step) bool { return s.From != "" }) // another plan changes no state
	if len(last) == 0 || last[0].Why != Misuse || last[0].Ticket != ticket {
		return false, nil
	}
	return true, b.move(ctx, tx, one, Move{To: Active, By: by, Why: Settled, Ticket: ticket})
}
