package app

import (
	"context"
	"net/http"
	"time"

	"loot"
	"loot/desk/billing"
	"loot/desk/verification"
	"loot/store"
)

// A ScratchBill is what a load test needs of invoices.
type ScratchBill struct {
	Month    string // that is to be invoiced, as 2026-02
	Clerk    *http.Cookie
	Customer *http.Cookie // of the first customer
}

// ScratchBilling gives customers of [App.Scratch] a service since the beginning of
// the month that has passed, and signs in who invoices it and the first of them.
func (a *App) ScratchBilling(ctx context.Context, ids []loot.Subject) (out ScratchBill, err error) {
	err = a.DB.InTx(ctx, func(tx *store.Tx) error {
		m, err := a.billing.Scratch(ctx, tx, ids)
		if err != nil {
			return err
		}
		clerk, _, err := a.staff.Find(ctx, tx, scratchAddress)
		if err != nil {
			return err
		}
		out.Month = string(m)
		if out.Clerk, err = a.signin.ScratchSession(ctx, tx, clerk.Actor()); err != nil {
			return err
		}
		out.Customer, err = a.signin.ScratchSession(ctx, tx, loot.Actor{Kind: loot.Person, ID: string(ids[0])})
		return err
	})
	return out, err
}

// ScratchDocuments draws the documents of a customer's invoice n times and returns
// how long it took each time.
func (a *App) ScratchDocuments(ctx context.Context, s loot.Subject, month string, n int) ([]time.Duration, error) {
	return a.billing.ScratchDocuments(ctx, s, billing.Month(month), n)
}

// ScratchPages returns how long the customers of a month who were drawn together took.
func (a *App) ScratchPages(ctx context.Context, month string) ([]time.Duration, error) {
	return a.billing.ScratchPages(ctx, billing.Month(month))
}

// ScratchTogether is how many records are checked at once.
const ScratchTogether = verification.ScratchTogether

// ScratchCheck checks customers' records, as they are after a registration.
func (a *App) ScratchCheck(ctx context.Context, all ...loot.Subject) error {
	return a.checks.ScratchCheck(ctx, all...)
}

// ScratchInspect runs the checks that ask nobody over made-up records for a while,
// on one core, and returns how many it checked.
func (a *App) ScratchInspect(span time.Duration) (int, error) {
	v, ok := a.Gate.InForce()
	if !ok {
		return 0, loot.Errorf(loot.Unavailable, "No statement is in force.")
	}
	return verification.ScratchInspect(v.Statement, ScratchFields, a.Now, span), nil
}
