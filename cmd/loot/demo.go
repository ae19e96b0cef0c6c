package main

import (
	"fmt"
	"log/slog"

	"loot/app"
)

type demoCmd struct {
	app.Config
}

func (d *demoCmd) Run(c *command) error {
	on, err := c.listenFor(&d.Config)
	if err != nil {
		return err
	}
	defer on.Close()
	log := c.log(d.Config)
	if err := app.FillDemo(c.ctx, d.Config, app.Options{Now: c.now, Log: slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}, func() {
		fmt.Fprintln(c.stderr, "Making up a network with its history; this takes a moment.")
	}); err != nil {
		return err
	}
	a, err := app.New(c.ctx, d.Config, app.Options{Now: c.now, Log: log, Demo: true})
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.ListenForMail(on.mail); err != nil {
		return err
	}
	guests, err := a.Guests(c.ctx)
	if err != nil {
		return err
	}
	return a.Serve(c.ctx, on.public, on.metrics, func() {
		base := a.BaseURL
		fmt.Fprintf(c.stdout, "A demonstration is running: every person and company in it is made up.\n\n  public site  %s/\n  statement    %s/statement\n\nLook round as (the links last for 30 days):\n\n", base, base)
		for _, g := range guests {
			fmt.Fprintf(c.stdout, "  %-20s %-48s %s\n", g.Name, g.As, g.Link)
		}
		fmt.Fprintln(c.stdout)
	})
}
