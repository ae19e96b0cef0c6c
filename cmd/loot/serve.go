package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"

	"loot"
	"loot/app"
)

type serveCmd struct {
	app.Config
}

func (s *serveCmd) Run(c *command) error { return c.serve(s.Config, app.Options{}) }

// A benchServerCmd serves a load. That it is a command of its own keeps an
// operator from switching off the limits by a setting.
type benchServerCmd struct {
	app.Config
}

func (s *benchServerCmd) Run(c *command) error {
	return c.serve(s.Config, app.Options{NoLimits: true})
}

func (c *command) serve(s app.Config, o app.Options) error {
	on, err := c.listenFor(&s)
	if err != nil {
		return err
	}
	defer on.Close()
	o.Now, o.Log = c.now, c.log(s)
	a, err := app.New(c.ctx, s, o)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.ListenForMail(on.mail); err != nil {
		return err
	}
	link, err := a.FirstAdministrator(c.ctx)
	if err != nil {
		return err
	}
	return a.Serve(c.ctx, on.public, on.metrics, func() {
		base := a.BaseURL
		fmt.Fprintf(c.stdout, "Loot is running.\n\n  public site  %s/\n  statement    %s/statement\n  order        %s/services\n  portal       %s/portal\n  console      %s/console\n  API          %s/api\n", base, base, base, base, base, base)
		if on.mail != nil {
			fmt.Fprintf(c.stdout, "  mail         %s, for %s\n", on.mail.Addr(), a.Config.MailAt())
		}
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

// listeners are for people and programs, and for who measures.
type listeners struct {
	public  net.Listener
	metrics net.Listener // nil: metrics are off
	mail    net.Listener // nil: no mail comes in
}

func (l listeners) Close() {
	l.public.Close()
	for _, ln := range []net.Listener{l.metrics, l.mail} {
		if ln != nil {
			ln.Close()
		}
	}
}

// listenFor listens before anything is made: links say the port, which the
// system chooses where 0 was asked for. The settings come first: what is wrong
// with them stays wrong on another port.
func (c *command) listenFor(s *app.Config) (l listeners, err error) {
	if err := s.Check(c.ctx); err != nil {
		return l, err
	}
	if l.public, err = listen(c.ctx, "--listen", s.Listen); err != nil {
		return l, err
	}
	if s.Metrics != "" {
		if l.metrics, err = listen(c.ctx, "--metrics", s.Metrics); err != nil {
			l.Close()
			return l, err
		}
	}
	if s.SMTPListen != "" {
		if l.mail, err = listen(c.ctx, "--smtp-listen", s.SMTPListen); err != nil {
			l.Close()
			return l, err
		}
	}
	host, _, err1 := net.SplitHostPort(s.Listen)
	_, port, err2 := net.SplitHostPort(l.public.Addr().String())
	if err := errors.Join(err1, err2); err != nil {
		l.Close()
		return l, err
	}
	s.Listen = net.JoinHostPort(host, port)
	return l, nil
}

func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.DefaultResolver.LookupPort(ctx, "tcp", port)
	}
	if err != nil {
		return nil, loot.Wrap(loot.Invalid, err, fmt.Sprintf("%s: %q is no address to listen on. It is written HOST:PORT, such as 127.0.0.1:8080, or :8080 for every address of this machine.", flag, address))
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, loot.Wrap(loot.Unavailable, err, fmt.Sprintf("Another program listens on %s already. Stop it, or choose another address with %s.", address, flag))
	case errors.Is(err, syscall.EACCES):
		return nil, loot.Wrap(loot.Unavailable, err, fmt.Sprintf("This user may not listen on %s. Choose a port from 1024 on with %s.", address, flag))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, loot.Wrap(loot.Unavailable, err, fmt.Sprintf("Nothing can listen on %s: it is no address of this machine. Choose another with %s.", address, flag))
	case err != nil:
		return nil, loot.Wrap(loot.Unavailable, err, fmt.Sprintf("Nothing can listen on %s. Choose another with %s.", address, flag))
	}
	return ln, nil
}
