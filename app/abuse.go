package app

import (
	"context"
	"net/netip"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/safety"
	"loot/store"
)

// abuse shows the abuse desk what it asks of other desks.
func (a *App) abuse(staff desk.Staff) safety.Needs {
	return safety.Needs{
		WhoHad: func(ctx context.Context, tx *store.Tx, by loot.Actor, purpose loot.Purpose, reason string, address netip.Addr, at time.Time) (safety.Holder, bool, error) {
			found, ok, err := a.billing.WhoHad(ctx, tx, by, purpose, reason, address, at)
			return safety.Holder{Subject: found.Subject, Service: found.Service}, ok, err
		},
		Services: func(ctx context.Context, tx *store.Tx, s loot.Subject) (map[string]string, error) {
			list, err := a.billing.Services(ctx, tx, s)
			out := make(map[string]string, len(list))
			for _, one := range list {
				out[one.Reference] = one.Title
			}
			return out, err
		},
		Suspend: a.billing.Suspend,
		Resume:  a.billing.Resume,
		Staff:   staff,
		Bundle:  a.rights.Bundle,
	}
}
