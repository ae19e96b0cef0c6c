package incidents

import (
	"context"
	"errors"
	"fmt"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/store"
)

func proofs() []desk.Proof {
	const clause = "disclosure.responsibility"
	return []desk.Proof{
		{Clause: clause, Name: "what no clause permits is refused", Run: func(ctx context.Context, w *desk.World) (string, error) {
			subject, err := w.NewPerson(ctx)
			if err != nil {
				return "", err
			}
			err = w.Gate.InTx(ctx, func(tx *store.Tx) error {
				_, err := w.Gate.Decide(ctx, tx, gate.Request{
					Action: loot.Use, Actor: loot.Actor{Kind: loot.Desk, ID: "nobody"}, Desk: "proof", Purpose: "service",
					Subject: subject, Collection: "customer", Fields: []loot.Field{"contact.email"},
				})
				return err
			})
			refusal, ok := errors.AsType[*gate.Refusal](err)
			if !ok {
				return "", fmt.Errorf("a desk that the statement does not know was not refused: %w", err)
			}
			if refusal.Entry == "" {
				return "", errors.New("the refusal is not on the ledger")
			}
			return "refused, and on the ledger", nil
		}},
		{Clause: clause, Name: "using a permit twice gives nothing and opens an incident", Run: func(ctx context.Context, w *desk.World) (string, error) {
			subject, err := w.NewPerson(ctx)
			if err != nil {
				return "", err
			}
			before, err := openCases(ctx, w)
			if err != nil {
				return "", err
			}
			err = w.Gate.InTx(ctx, func(tx *store.Tx) error {
				permit, err := w.Gate.Decide(ctx, tx, gate.Request{
					Action: loot.Export, Actor: loot.Actor{Kind: loot.Person, ID: string(subject)}, Desk: "proof", Purpose: "service",
					Subject: subject, Collection: "customer", Fields: []loot.Field{"contact.email"},
				})
				if err != nil {
					return err
				}
				if _, err := permit.Spend(tx, loot.Export); err != nil {
					return err
				}
				_, err = permit.Spend(tx, loot.Export)
				return err
			})
			if _, ok := errors.AsType[*gate.Misuse](err); !ok {
				return "", fmt.Errorf("the second use was not refused as a misuse: %w", err)
			}
			if err := w.Drain(ctx); err != nil {
				return "", err
			}
			after, err := openCases(ctx, w)
			if err != nil {
				return "", err
			}
			if after != before+1 {
				return "", fmt.Errorf("%d incidents were opened, want 1", after-before)
			}
			return "refused; an incident was opened by itself", nil
		}},
	}
}

func openCases(ctx context.Context, w *desk.World) (n int, err error) {
	err = w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		n, err = countOpen(ctx, tx)
		return err
	})
	return n, err
}
