package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"loot"
	"loot/app"
)

type serveCmd struct {
	app.Config
}

func (s *serveCmd) Run(c *command) error {
	a, err := app.New(c.ctx, s.Config, app.Options{Now: c.now, Log: c.log(s.Config)})
	if err != nil {
		return err
	}
	defer a.Close()
	link, err := a.FirstAdministrator(c.ctx)
	if err != nil {
		return err
	}
	return c.serve(a, func(base string) {
		fmt.Fprintf(c.stdout, "Loot is running.\n\n  public site  %s/\n  statement    %s/statement\n  order        %s/services\n  portal       %s/portal\n  console      %s/console\n  API          %s/api\n", base, base, base, base, base, base)
		if a.Config.SMTP == "" {
			fmt.Fprintf(c.stdout, "\nNo mail server is set, so mail is kept in the outbox: %s/console/outbox\n", base)
		}
		if link != "" {
			fmt.Fprintf(c.stdout, "\nThere is no administrator yet. This link makes the first one; it works once:\n\n  %s\n\n", link)
		}
	})
}

// log returns a logger that writes to standard error.
func (c *command) log(s app.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if s.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(c.stderr, o))
	}
	return slog.New(slog.NewTextHandler(c.stderr, o))
}

// serve listens, says where to go once it serves, and serves until the context
// ends.
func (c *command) serve(a *app.App, say func(base string)) error {
	ln, err := listen(c.ctx, "--listen", a.Config.Listen)
	if err != nil {
		return err
	}
	var metrics net.Listener
	if a.Config.Metrics != "" {
		if metrics, err = listen(c.ctx, "--metrics", a.Config.Metrics); err != nil {
			ln.Close()
			return err
		}
	}
	return a.Serve(c.ctx, ln, metrics, func() { say(a.BaseURL) })
}

func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, loot.Wrap(loot.Unavailable, err, fmt.Sprintf("Nothing can listen on %s. Another program may hold it; choose another address with %s.", address, flag))
	}
	return ln, nil
}
