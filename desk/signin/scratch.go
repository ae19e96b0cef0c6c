package signin

import (
	"context"
	"net/http"
	"time"

	"loot"
	"loot/api"
	"loot/store"
)

// ScratchToken makes a token of the API that is good for a day, for a load
// test on scratch data, where nobody signs in to make one.
func (d *Desk) ScratchToken(ctx context.Context, tx *store.Tx, by loot.Actor, scopes ...api.Scope) (string, error) {
	t := apiToken{Title: "load test", Made: d.kit.Now(), Ends: d.kit.Now().Add(24 * time.Hour)}
	for _, s := range scopes {
		t.Scopes = append(t.Scopes, string(s))
	}
	return d.makeToken(ctx, tx, by, t)
}

// ScratchSession signs somebody in without asking who they are, for a load test
// on scratch data, and returns the cookie of their session.
func (d *Desk) ScratchSession(ctx context.Context, tx *store.Tx, who loot.Actor) (*http.Cookie, error) {
	b, err := d.begin(ctx, tx, who.Kind, who.ID, "load test", d.kit.Now())
	if err != nil {
		return nil, err
	}
	return &http.Cookie{Name: b.m.Cookie.Name, Value: b.token}, nil
}
