package billing

import (
	"context"
	"slices"

	"loot"
	"loot/store"
	"loot/web"
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
	if last := lastState(steps[reference]); last.Why != Misuse || last.Ticket != ticket {
		return false, nil
	}
	return true, b.move(ctx, tx, one, Move{To: Active, By: by, Why: Settled, Ticket: ticket})
}

// lastState returns the step by which a service came to stand as it does, of its history,
// latest first: another plan changes no state.
func lastState(steps []Step) Step {
	if i := slices.IndexFunc(steps, func(s Step) bool { return s.From == "" }); i >= 0 {
		return steps[i]
	}
	return Step{}
}

// Cases has the desk ask what a case about a customer is called whose id is the ticket of
// a step, and where who looks can see it; no name: it is no case.
func (b *Billing) Cases(ask func(ctx context.Context, tx *store.Tx, who loot.Actor, about loot.Subject, ticket string) (called, place string, err error)) {
	b.caseOf = ask
}

// nameCases writes beside steps of a customer's services what the cases are called for
// which they were made, for who looks.
func (b *Billing) nameCases(ctx context.Context, tx *store.Tx, about loot.Subject, steps []Step) (err error) {
	for i := range steps {
		if s := &steps[i]; s.Ticket != "" && b.caseOf != nil {
			if s.Case, s.CaseHref, err = b.caseOf(ctx, tx, web.ActorOf(ctx), about, s.Ticket); err != nil {
				return err
			}
		}
	}
	return nil
}

// suspendedFor returns the step by which a service is suspended for a case; nil: it is not.
func (s Service) suspendedFor(steps []Step) *Step {
	if last := lastState(steps); s.State == Suspended && last.Why == Misuse && last.Case != "" {
		return &last
	}
	return nil
}
