package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"loot"
	"loot/desk"
	"loot/desk/customers"
	"loot/desk/staff"
	"loot/store"
)

// A Guest is somebody of the demonstration whom one can look round as, with
// the one-time link that signs them in.
type Guest struct {
	Name string
	As   string // roles, or "customer"
	Link string
}

// demoMark is a file in the data folder of a demonstration that is filled.
const demoMark = "demonstration"

// historyOf is how many days of history a demonstration gets.
const historyOf = 140

// FillDemo fills an empty data folder with a made-up network, as every desk
// knows how to, and months of history that pass on a clock of their own. A
// folder that is filled stays as it is; one that holds anything else is
// refused, so that made-up people never stand among real ones. It calls begins
// before it fills one.
func FillDemo(ctx context.Context, c Config, o Options, begins func()) error {
	c = c.withDefaults()
	mark := filepath.Join(c.Data, demoMark)
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	if entries, err := os.ReadDir(c.Data); err == nil && len(entries) > 0 {
		return loot.Errorf(loot.Conflict, "The folder %s holds something else already. A demonstration gets a folder of its own: choose another with --data, or, if this is one that was stopped while it was being made up, delete it, %s and the root key.", c.Data, c.KeyFolder)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return loot.Wrap(loot.Unavailable, err, "The folder "+c.Data+" cannot be read.")
	}
	begins()
	history := &desk.History{Begin: o.Now().AddDate(0, 0, -historyOf), End: o.Now()}
	clock := desk.NewClock(history.Begin)
	o.Now, o.Simulated, o.Demo = clock.Now, true, true
	a, err := New(ctx, c, o)
	if err != nil {
		return err
	}
	defer a.Close()
	ctx, cancel := context.WithCancel(ctx)
	w, wait, err := a.world(ctx, clock)
	if err != nil {
		cancel()
		return err
	}
	w.History = history
	err = tell(ctx, w)
	cancel()
	if err := errors.Join(err, wait()); err != nil {
		return err
	}
	return os.WriteFile(mark, []byte("Everything in this folder is made up.\n"), 0o600)
}

// tell has every desk tell its part of the history, and lets it happen.
func tell(ctx context.Context, w *desk.World) error {
	for _, d := range w.Desks {
		if d.Demo == nil {
			continue
		}
		if err := d.Demo(ctx, w); err != nil {
			return fmt.Errorf("app: demonstration of %s: %w", d.Name, err)
		}
	}
	if err := w.History.Play(ctx, w.Clock); err != nil {
		return fmt.Errorf("app: demonstration: %w", err)
	}
	return w.Drain(ctx)
}

// Guests returns fresh one-time links to look round by: for each member of
// staff and for two customers.
func (a *App) Guests(ctx context.Context) ([]Guest, error) {
	var out []Guest
	err := a.DB.InTx(ctx, func(tx *store.Tx) error {
		out = nil
		colleagues, err := a.staff.Colleagues(ctx, tx)
		if err != nil {
			return err
		}
		slices.SortFunc(colleagues, func(a, b staff.Colleague) int {
			return cmp.Or(cmp.Compare(a.Roles, b.Roles), cmp.Compare(a.Name, b.Name))
		})
		for _, c := range colleagues {
			link, err := a.signin.DemoLink(ctx, tx, c.ID)
			if err != nil {
				return err
			}
			as := c.Roles
			if !c.Signed {
				as += ", has not signed the undertaking"
			}
			out = append(out, Guest{c.Name, as, link})
		}
		for _, one := range []struct{ email, as string }{{customers.DemoEmail, "the portal"}, {customers.DemoGermanEmail, "the portal, with invoices in German"}} {
			customer, err := customers.DemoCustomer(ctx, tx, a.Kit, one.email)
			if err != nil {
				return err
			}
			if customer == "" {
				continue
			}
			link, err := a.signin.DemoCustomerLink(ctx, tx, customer)
			if err != nil {
				return err
			}
			out = append(out, Guest{"a customer", one.as, link})
		}
		return nil
	})
	return out, err
}
