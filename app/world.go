package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"

	"loot/desk"
	"loot/statement"
)

// NewWorld builds a whole Loot in a folder of its own, with the statement
// given and a time that passes only when it is told to. Close ends it and
// removes the folder.
func NewWorld(ctx context.Context, s *statement.Statement, clock *desk.Clock, log *slog.Logger) (_ *desk.World, end func(), err error) {
	dir, err := os.MkdirTemp("", "loot-world-")
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	a, err := New(ctx, Config{
		Data: filepath.Join(dir, "data"), Listen: "127.0.0.1:0", BaseURL: "https://loot.example", From: "Loot <no-reply@loot.example>",
	}, Options{Now: clock.Now, Simulated: true, Log: log, Statement: s})
	if err != nil {
		cancel()
		os.RemoveAll(dir)
		return nil, nil, err
	}
	w, wait, err := a.world(ctx, clock)
	end = func() {
		cancel()
		if wait != nil {
			wait()
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
	return &desk.World{Kit: a.Kit, HTTP: h, Clock: clock, Desks: a.Desks, Drain: a.drain}, wait, nil
}

// drain works off every job that is due and waits for the ledger to confirm
// what was recorded.
func (a *App) drain(ctx context.Context) error {
	if err := a.Jobs.Idle(ctx); err != nil {
		return err
	}
	return a.Ledger.Sync(ctx)
}
