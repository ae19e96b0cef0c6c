package signin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/store"
)

// proofs are of this desk's part in a clause that another desk keeps: people
// reach what is held about them.
func (d *Desk) proofs() []desk.Proof {
	return []desk.Proof{{
		Clause: "adequacy.visible", Name: "a link leads to one's own record, long after the last service ended as well, and to none that is erased", Run: d.leadsIn,
	}}
}

func (d *Desk) leadsIn(ctx context.Context, w *desk.World) (string, error) {
	to, err := d.reach()
	if err != nil {
		return "", err
	}
	address := strings.ToLower(loot.NewID("p")) + "@example.com"
	order, err := d.someone(ctx, address)
	if err != nil {
		return "", fmt.Errorf("nobody could be registered: %w", err)
	}
	expect := func(when, email string, want int) error {
		if err := w.Drain(ctx); err != nil {
			return err
		}
		before := w.Sent()
		a, err := desk.Browser{World: w}.Post(ctx, "/signin", url.Values{"email": {email}})
		if err != nil {
			return err
		}
		if to := a.Header().Get("Location"); a.Status != http.StatusSeeOther || to != "/signin/sent" {
			return fmt.Errorf("%s, asking for a link was answered with %d to %q, and not as it is for everybody", when, a.Status, to)
		}
		if err := w.Drain(ctx); err != nil {
			return err
		}
		if got := w.Sent() - before; got != want {
			return fmt.Errorf("%s, %d letters with a link were sent instead of %d", when, got, want)
		}
		return nil
	}
	if err := expect("while a service runs", address, 1); err != nil {
		return "", err
	}
	last := w.Now().AddDate(0, 4, 0) // where nothing says how long it is held
	if err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
		if err := w.Gate.EndOrder(ctx, tx, order); err != nil {
			return err
		}
		if err := w.Vault.Keep(ctx, tx, order.Subject, customers); err != nil {
			return err
		}
		held, err := w.Vault.Held(ctx, tx, order.Subject, customers)
		if until := held[to.field].Until; !until.IsZero() {
			last = until.Add(-24 * time.Hour)
		}
		return err
	}); err != nil {
		return "", err
	}
	days := 0
	if after := last.Sub(w.Now()); after > 0 {
		w.Clock.Advance(after)
		days = int(after / (24 * time.Hour))
	}
	if err := expect("long after the last service ended", address, 1); err != nil {
		return "", err
	}
	if err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
		p, err := w.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Erase, Actor: loot.Actor{Kind: loot.Person, ID: string(order.Subject)}, Desk: "signin", Purpose: to.purpose,
			Subject: order.Subject, Collection: customers, Fields: []loot.Field{to.field},
		})
		if err != nil {
			return err
		}
		return w.Vault.Erase(ctx, tx, p)
	}); err != nil {
		return "", err
	}
	if err := expect("after the record was erased", address, 0); err != nil {
		return "", err
	}
	if err := expect("where nobody is known", "not-"+address, 0); err != nil {
		return "", err
	}
	return "a link came while a service ran and " + loot.Plural(days, "day", "days") + " after it ended; once erased, asking is answered as for a stranger and nothing comes", nil
}

// someone makes a customer of whom nothing but an address is known, and who
// ordered the first service.
func (d *Desk) someone(ctx context.Context, email string) (gate.Ordered, error) {
	to, err := d.reach()
	if err != nil {
		return gate.Ordered{}, err
	}
	v, _ := d.kit.Gate.InForce()
	service, field := v.Statement.Services()[0], to.field
	decl, _ := v.Statement.Field(field)
	at := slices.IndexFunc(service.Purposes, func(p loot.Purpose) bool { _, ok := decl.Needed[p]; return ok })
	if at < 0 {
		return gate.Ordered{}, loot.Errorf(loot.Invalid, "The first service of the statement has no use for an address.")
	}
	by := loot.Actor{Kind: loot.Desk, ID: "customers"}
	order := gate.Ordered{Subject: loot.NewSubject(), Collection: customers, By: by, Reference: loot.NewID("o"), Service: service.ID}
	if err := d.kit.Keyring.Create(ctx, order.Subject, customers); err != nil {
		return order, err
	}
	return order, d.kit.Gate.InTx(ctx, func(tx *store.Tx) error {
		p, err := d.kit.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Collect, Actor: by, Desk: "customers", Purpose: service.Purposes[at],
			Subject: order.Subject, Collection: customers, Fields: []loot.Field{field}, Demanded: true,
		})
		if err != nil {
			return err
		}
		if err := d.kit.Vault.Create(ctx, tx, p, map[loot.Field]string{field: email}, "made up"); err != nil {
			return err
		}
		return d.kit.Gate.Order(ctx, tx, order)
	})
}
