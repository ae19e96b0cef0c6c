package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/customers"
	"loot/desk/staff"
	"loot/statement"
	"loot/store"
)

// NewWorld builds a whole Loot in a folder that is there, which it takes over,
// with the statement given and a time that passes only when it is told to. End
// stops it and removes the folder. A statement that is still to take effect has
// the time begin on its day.
func NewWorld(ctx context.Context, dir string, s *statement.Statement, clock *desk.Clock, log *slog.Logger) (_ *desk.World, end func(), err error) {
	for _, day := range []time.Time{s.Front().Effective, s.Front().Changed} {
		clock.Advance(max(day.Sub(clock.Now()), 0))
	}
	ctx, cancel := context.WithCancel(ctx)
	a, err := New(ctx, Config{
		Place: Place{Data: filepath.Join(dir, "data")}, Listen: "127.0.0.1:0", BaseURL: "https://loot.example", From: "Loot <no-reply@loot.example>",
	}, Options{Now: clock.Now, Simulated: true, Scratch: true, Log: log, Statement: s})
	if err != nil {
		cancel()
		os.RemoveAll(dir)
		return nil, nil, err
	}
	w, wait, err := a.world(ctx, clock)
	end = func() {
		cancel()
		if wait != nil {
			if err := wait(); err != nil {
				log.WarnContext(ctx, "the world did not end cleanly", "err", err)
			}
		}
		a.Close()
		os.RemoveAll(dir)
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	return w, end, nil
}

// world starts the app and shows it as a world.
func (a *App) world(ctx context.Context, clock *desk.Clock) (*desk.World, func() error, error) {
	h, err := a.handler(true)
	if err != nil {
		return nil, nil, err
	}
	wait, err := a.Start(ctx)
	if err != nil {
		return nil, nil, err
	}
	w := &desk.World{Kit: a.Kit, HTTP: h, Clock: clock, Desks: a.Desks, Drain: a.drain, Sent: a.sent, SentTo: a.sentTo, NewStaff: a.newStaff}
	w.Staff = a.signedStaff
	w.NewPerson = func(ctx context.Context) (loot.Subject, error) { return customers.NewPerson(ctx, w) }
	return w, wait, nil
}

// signedStaff returns the members of staff who may open something, by name.
func (a *App) signedStaff(ctx context.Context) (out []loot.Actor, err error) {
	err = a.DB.ReadTx(ctx, func(tx *store.Tx) error {
		out = nil
		colleagues, err := a.staff.Colleagues(ctx, tx)
		if err != nil {
			return err
		}
		for _, c := range colleagues {
			who, err := a.staff.Actor(ctx, tx, c.ID)
			if err != nil {
				return err
			}
			if c.Signed && who.ID != "" {
				out = append(out, who)
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b loot.Actor) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// sent counts the letters that went into the outbox. Where mail leaves for
// good, none is seen to go.
func (a *App) sent() int {
	if a.outbox == nil {
		return 0
	}
	return a.outbox.Sent()
}

func (a *App) sentTo(ctx context.Context, s loot.Subject) (int, error) {
	if a.outbox == nil {
		return 0, nil
	}
	return a.outbox.SentTo(ctx, s)
}

// drain works off every job that is due and waits for the ledger to confirm
// what was recorded.
func (a *App) drain(ctx context.Context) error {
	if err := a.Jobs.Idle(ctx); err != nil {
		return err
	}
	return a.Ledger.Sync(ctx)
}

// newStaff makes a member of staff who came so long ago that they may approve.
func (a *App) newStaff(ctx context.Context, signed bool, roles ...loot.Role) (who loot.Actor, err error) {
	id := loot.NewID("t")
	err = a.Gate.InTx(ctx, func(tx *store.Tx) error {
		who, err = a.staff.Add(ctx, tx, staff.Newcomer{
			Name: "Tried " + id[:8], Email: id + "@staff.example", Roles: roles, Signed: signed, Since: a.Now().AddDate(0, 0, -30),
		})
		return err
	})
	return who, err
}
