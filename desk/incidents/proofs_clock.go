package incidents

import (
	"context"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/desk"
	"loot/ledger"
	"loot/store"
)

// provenClauseless writes a permit to the ledger that no clause decided, as a
// faulty program would, and one that a clause decided.
func provenClauseless(ctx context.Context, w *desk.World) (string, error) {
	before, err := openCases(ctx, w)
	if err != nil {
		return "", err
	}
	if err := w.DB.InTx(ctx, func(tx *store.Tx) error {
		for _, clauses := range [][]loot.Clause{nil, {"disclosure.responsibility"}} {
			if _, err := w.Ledger.Append(ctx, tx, ledger.Entry{Facts: ledger.Facts{
				At: w.Now(), Action: loot.Transfer, Verdict: ledger.Permitted, Clauses: clauses, ActorKind: loot.Desk, Desk: "proof",
			}}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return "", err
	}
	w.Clock.Advance(lookEvery + 2*settled)
	after, err := lookedAt(ctx, w)
	if err != nil {
		return "", err
	}
	if after != before+1 {
		return "", fmt.Errorf("%d incidents were opened, want 1", after-before)
	}
	return "of two permits, the one without a clause opened an incident by itself", nil
}

// lookedAt has the desk look, and returns how many cases are open then.
func lookedAt(ctx context.Context, w *desk.World) (int, error) {
	if err := w.DB.InTx(ctx, func(tx *store.Tx) error { return w.Jobs.Enqueue(ctx, tx, lookJob{}) }); err != nil {
		return 0, err
	}
	if err := w.Drain(ctx); err != nil {
		return 0, err
	}
	return openCases(ctx, w)
}

// proveClock lets the time of an incident pass and counts who is written to.
func (d *incidents) proveClock(ctx context.Context, w *desk.World) (string, error) {
	owner, _, err := d.twoDealing(ctx, w)
	if err != nil {
		return "", err
	}
	var id string
	if err := w.DB.InTx(ctx, func(tx *store.Tx) error {
		entry, err := d.Gate.Note(ctx, tx, owner, "incident.reported", "")
		if err == nil {
			id, err = d.open(ctx, tx, incident{What: "reported", Entry: entry, Owner: owner.ID})
		}
		return err
	}); err != nil {
		return "", err
	}
	claimed := func() (n int, err error) {
		if _, err := lookedAt(ctx, w); err != nil {
			return 0, err
		}
		err = w.DB.ReadTx(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FROM incidents_reminder WHERE incident = $1`, id).Scan(&n)
		})
		return n, err
	}
	for want, passes := range []time.Duration{0, 49 * time.Hour, 18 * time.Hour, 6 * time.Hour} {
		w.Clock.Advance(passes)
		sent := w.Sent()
		if n, err := claimed(); err != nil || n != want+1 {
			return "", errors.Join(fmt.Errorf("%d reminders after %s more, want %d", n, passes, want+1), err)
		}
		if w.Sent() == sent {
			return "", fmt.Errorf("nobody was written to after %s more", passes)
		}
	}
	return "at the opening, with 24 and 6 hours left and when they were over, its owner was written to", nil
}
