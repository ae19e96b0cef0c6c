package app

import (
	"context"
	"net/http"

	"loot"
	"loot/desk/partners"
	"loot/desk/staff"
	"loot/store"
)

// A ScratchFeed is what a load test needs to pull as a partner.
type ScratchFeed struct {
	partners.Scratch
	Counsel *http.Cookie // of who may revoke the agreement
}

// ScratchPartner makes a partner ready that may have something of customers of
// [App.Scratch], and signs in who looks after it.
func (a *App) ScratchPartner(ctx context.Context, ids []loot.Subject) (out ScratchFeed, err error) {
	var who loot.Actor
	if err := a.Gate.InTx(ctx, func(tx *store.Tx) error {
		if who, err = a.staff.Add(ctx, tx, staff.Newcomer{Name: "Load Counsel", Email: "counsel@staff.example", Roles: []loot.Role{"counsel"}, Signed: true, Since: a.Now().AddDate(0, 0, -30)}); err != nil {
			return err
		}
		out.Counsel, err = a.signin.ScratchSession(ctx, tx, who)
		return err
	}); err != nil {
		return out, err
	}
	out.Scratch, err = a.partner.Scratch(ctx, who, ids)
	return out, err
}
