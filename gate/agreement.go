package gate

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/statement"
	"loot/store"
)

// An Agreement is the confidentiality agreement of a partner.
type Agreement struct {
	Partner    string // key among the recipients of the statement
	Signed     time.Time
	Ends       time.Time
	Purposes   []loot.Purpose
	Categories []loot.Category // kinds of details
	Successor  bool            // the announced successor of the company
	Announced  time.Time       // prior notice naming the partner was given; zero: none
	Due        time.Time       // end of the notice period
}

// SetAgreement records the agreement of a partner. A decision about the
// partner that is under way commits first.
func (g *Gate) SetAgreement(ctx context.Context, tx *store.Tx, by loot.Actor, a Agreement) error {
	purposes, err := json.Marshal(a.Purposes)
	if err != nil {
		return fmt.Errorf("gate: agreement: %w", err)
	}
	categories, err := json.Marshal(a.Categories)
	if err != nil {
		return fmt.Errorf("gate: agreement: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO gate_agreement (partner, signed, ends, purposes, categories, successor, announced, due, revoked)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)
		ON CONFLICT (partner) DO UPDATE SET signed = excluded.signed, ends = excluded.ends, purposes = excluded.purposes, categories = excluded.categories,
			successor = excluded.successor, announced = excluded.announced, due = excluded.due, revoked = 0`,
		a.Partner, store.Micro(a.Signed), store.Micro(a.Ends), string(purposes), string(categories), store.Flag(a.Successor), store.Micro(a.Announced), store.Micro(a.Due)); err != nil {
		return fmt.Errorf("gate: agreement: %w", err)
	}
	_, err = g.Note(ctx, tx, by, "agreement.signed", a.Partner)
	return err
}

// RevokeAgreement ends a partner's agreement: no transfer commits after tx.
func (g *Gate) RevokeAgreement(ctx context.Context, tx *store.Tx, by loot.Actor, partner string) error {
	n, err := tx.Exec(ctx, `UPDATE gate_agreement SET revoked = $1 WHERE partner = $2 AND revoked = 0`, store.Micro(g.Now()), partner)
	if err != nil {
		return fmt.Errorf("gate: revoke: %w", err)
	}
	if n == 0 {
		return loot.Errorf(loot.Conflict, "There is no agreement with this partner that could be revoked.")
	}
	_, err = g.Note(ctx, tx, by, "agreement.revoked", partner)
	return err
}

// partner fills in what stands about the recipient of a transfer, under a
// shared lock on its agreement.
func (g *Gate) partner(ctx context.Context, tx *store.Tx, r Request, in *statement.Input) error {
	var signed, ends, successor, announced, due, revoked int64
	var purposes, categories string
	err := tx.QueryRow(ctx, `SELECT signed, ends, purposes, categories, successor, announced, due, revoked FROM gate_agreement WHERE partner = $1`+tx.ForShare(), r.Actor.ID).
		Scan(&signed, &ends, &purposes, &categories, &successor, &announced, &due, &revoked)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("gate: agreement: %w", err)
	}
	if revoked != 0 {
		return nil
	}
	a := statement.Agreement{Signed: store.Instant(signed), Ends: store.Instant(ends)}
	if err := errors.Join(json.Unmarshal([]byte(purposes), &a.Purposes), json.Unmarshal([]byte(categories), &a.Categories)); err != nil {
		return fmt.Errorf("gate: scope of an agreement: %w", err)
	}
	in.Actor.Agreement = &a
	in.Actor.Successor = successor != 0
	in.Context.Announced, in.Context.Due = store.Instant(announced), store.Instant(due)
	return nil
}
