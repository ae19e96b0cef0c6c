package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"loot"
	"loot/api"
	"loot/web"
)

// Handler returns everything that Loot serves: pages, API, tiles and health.
func (a *App) Handler() (http.Handler, error) { return a.handler(false) }

func (a *App) handler(noLimits bool) (http.Handler, error) {
	proxies, err := a.Config.proxies()
	if err != nil {
		return nil, err
	}
	var nav []web.Nav
	for _, d := range a.Desks {
		nav = append(nav, d.Nav...)
	}
	shell := web.New(web.Options{
		Log: a.Log, Now: a.Now, BaseURL: a.BaseURL, Site: a.site, Identify: a.signin.Identify, Nav: nav, Proxies: proxies,
		Around: []func(http.Handler) http.Handler{a.signin.Sessions}, NoLimits: noLimits,
	})
	mux := http.NewServeMux()
	for _, d := range a.Desks {
		shell.Mount(mux, d.Routes)
	}
	shell.Mount(mux, a.routes())
	programs := api.New(api.Options{Title: "Loot", Version: Version(), BaseURL: a.BaseURL, Authenticate: a.signin.Authenticate, Log: a.Log})
	for _, d := range a.Desks {
		if d.API != nil {
			d.API(programs)
		}
	}
	programs.Mount(shell, mux)
	return shell.Handler(mux), nil
}

func (a *App) site() web.Site {
	s := web.Site{
		Name: "Loot", Statement: "/statement", SignIn: "/signin", StaffSignIn: "/console/signin", SignOut: "/signout", Home: "/", Demo: a.demo,
	}
	if v, ok := a.Gate.InForce(); ok {
		front := v.Statement.Front()
		s.Company, s.Version = front.Controller.Name, front.Version
	}
	return s
}

// routes are those that belong to no desk.
func (a *App) routes() []web.Route {
	return []web.Route{
		{Pattern: "GET /healthz", Audience: web.Public, Serve: func(w http.ResponseWriter, _ *http.Request) error {
			_, err := fmt.Fprintln(w, "ok")
			return err
		}},
		{Pattern: "GET /readyz", Audience: web.Public, Serve: a.ready},
		{Pattern: "GET /console", Audience: web.Console, Serve: a.overview},
		{Pattern: "GET /console/outbox", Audience: web.Console, Serve: a.listOutbox, Roles: []loot.Role{"administrator", "dpo"}},
		{Pattern: "GET /console/outbox/{id}", Audience: web.Console, Serve: a.showMail, Roles: []loot.Role{"administrator", "dpo"}},
		{Pattern: "GET /console/outbox/{id}/html", Audience: web.Console, Serve: a.showMailHTML, Roles: []loot.Role{"administrator", "dpo"}},
	}
}

// ready answers whether requests can be served: databases, keys and ledger.
func (a *App) ready(w http.ResponseWriter, r *http.Request) error {
	ctx, stop := context.WithTimeout(r.Context(), time.Second)
	defer stop()
	for name, check := range map[string]func(context.Context) error{
		"the database": a.DB.Ping, "the key store": a.keys.Ping,
		"the ledger": func(context.Context) error { return a.Ledger.Ready() },
	} {
		if err := check(ctx); err != nil {
			return loot.Wrap(loot.Unavailable, err, "Not ready: "+name+" cannot be used at the moment.")
		}
	}
	_, err := fmt.Fprintln(w, "ready")
	return err
}

// Start runs the sequencer, the jobs and the timetable until ctx ends, and
// returns when all of them have stopped.
func (a *App) Start(ctx context.Context) (wait func() error, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return stopped(a.Ledger.Run(ctx)) })
	if err := a.Jobs.Start(ctx); err != nil {
		return nil, err
	}
	group.Go(func() error {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.Config.Shutdown)
		defer cancel()
		return a.Jobs.Stop(end)
	})
	return group.Wait, nil
}

func stopped(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Serve answers on ln, and metrics on their own listener if there is one,
// until ctx ends. Requests that run then may finish.
func (a *App) Serve(ctx context.Context, ln, metrics net.Listener) error {
	h, err := a.Handler()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	wait, err := a.Start(ctx)
	if err != nil {
		return err
	}
	servers := []*http.Server{{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}}
	listeners := []net.Listener{ln}
	if metrics != nil {
		servers = append(servers, &http.Server{Handler: a.metrics(), ReadHeaderTimeout: 5 * time.Second})
		listeners = append(listeners, metrics)
	}
	failed := make(chan error, len(servers))
	for i, s := range servers {
		go func() {
			if err := s.Serve(listeners[i]); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		}()
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.Config.Shutdown)
	defer cancel()
	for _, s := range servers {
		err = errors.Join(err, s.Shutdown(end))
	}
	stop()
	return errors.Join(err, wait())
}

// metrics serves the figures that Prometheus scrapes. No label holds anything
// about a person.
func (a *App) metrics() http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "loot_ledger_backlog", Help: "Entries that are committed and not in the ledger yet."},
		func() float64 { return float64(a.Ledger.Backlog()) }))
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "loot_ledger_ready", Help: "1 while the ledger takes entries."},
		func() float64 {
			if a.Ledger.Ready() != nil {
				return 0
			}
			return 1
		}))
	reg.MustRegister(a.Gate.Metrics()...)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	return mux
}

func (c Config) proxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range c.Proxies {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return nil, loot.Errorf(loot.Invalid, "--trusted-proxies: %q is no network, such as 10.0.0.0/8.", text)
		}
		out = append(out, p)
	}
	return out, nil
}
