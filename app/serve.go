package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"loot"
	"loot/api"
	"loot/gate"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// Handler returns everything that Loot serves: pages, API, tiles and health.
func (a *App) Handler() (http.Handler, error) { return a.handler(a.noLimits) }

func (a *App) handler(noLimits bool) (http.Handler, error) {
	shell, mux, err := a.mount(noLimits)
	if err != nil {
		return nil, err
	}
	return shell.Handler(mux), nil
}

// mount puts every route and operation on a mux, in a shell that knows them.
func (a *App) mount(noLimits bool) (*web.Shell, *http.ServeMux, error) {
	proxies, err := a.Config.proxies()
	if err != nil {
		return nil, nil, err
	}
	var nav []web.Nav
	for _, d := range a.Desks {
		nav = append(nav, d.Nav...)
	}
	secret, err := a.Keyring.Secret("web", func() []byte { return []byte(rand.Text()) })
	if err != nil {
		return nil, nil, err
	}
	shell := web.New(web.Options{
		Log: a.Log, Now: a.Now, BaseURL: a.BaseURL, Secret: secret, Site: a.site, Identify: a.signin.Identify, Nav: append(nav, a.nav()...), Proxies: proxies, NoLimits: noLimits,
		Served: a.served.observe,
	})
	mux := http.NewServeMux()
	for _, d := range a.Desks {
		shell.Mount(mux, d.Routes)
	}
	programs := api.New(mux, api.Options{
		Title: "Loot", Version: "1", BaseURL: a.BaseURL, Log: a.Log, Authenticate: a.signin.Authenticate, Scopes: a.scopes(),
		Allow:       shell.Allow("api", web.PerMinute(apiLimit)),
		Request:     web.RequestID,
		Description: "What the portal and the console do, for programs. Every operation is decided by the statement in force and recorded in the ledger. What is not done is answered with a problem (RFC 9457), of a type that is explained under /problems.",
	})
	for _, d := range a.Desks {
		if d.API != nil {
			d.API(programs)
		}
	}
	reference, err := programs.Reference()
	if err != nil {
		return nil, nil, err
	}
	shell.Mount(mux, a.routes(reference))
	return shell, mux, nil
}

func (a *App) site() web.Site {
	s := web.Site{
		Name: "Loot", Statement: "/statement", SignIn: "/signin", StaffSignIn: "/console/signin", SignOut: "/signout", Home: "/", Demo: a.demo,
	}
	if v, ok := a.Gate.InForce(); ok {
		front := v.Statement.Front()
		s.Notice = front.Links == "notice"
		s.Company, s.Version, s.Coming = front.Controller.Name, front.Version, a.coming()
	}
	return s
}

// apiLimit is how many requests a minute one address may make to the API.
const apiLimit = 1200

// routes are those that belong to no desk.
func (a *App) routes(reference template.HTML) []web.Route {
	return []web.Route{
		{Pattern: "GET /healthz", Audience: web.Public, Serve: func(w http.ResponseWriter, _ *http.Request) error {
			_, err := fmt.Fprintln(w, "ok")
			return err
		}},
		{Pattern: "GET /readyz", Audience: web.Public, Serve: a.ready},
		{Pattern: "GET /api", Audience: web.Public, Serve: func(w http.ResponseWriter, r *http.Request) error {
			return web.Document(w, r, web.ViewOf(r, "Interface for programs"), reference)
		}},
		{Pattern: "GET /problems", Audience: web.Public, Serve: a.problems},
		{Pattern: "GET /problems/{name}", Audience: web.Public, Serve: a.problems},
		{Pattern: "GET /console", Audience: web.Console, Serve: a.overview},
		{Pattern: "GET /console/outbox", Audience: web.Console, Serve: a.listOutbox, Roles: outboxRoles},
		{Pattern: "GET /console/outbox/{id}", Audience: web.Console, Serve: a.showMail, Roles: outboxRoles},
		{Pattern: "GET /console/outbox/{id}/html", Audience: web.Console, Serve: a.showMailHTML, Roles: outboxRoles},
	}
}

// nav are the entries of no desk.
func (a *App) nav() []web.Nav {
	nav := []web.Nav{
		{Audience: web.Console, Order: 1, Label: "Overview", Icon: "layout-dashboard", Href: "/console", Exact: true},
		{Audience: web.Public, Group: web.Footer, Order: 80, Label: "For programs", Href: "/api"},
	}
	if a.outbox != nil {
		nav = append(nav, web.Nav{Audience: web.Console, Group: "System", Order: 90, Label: "Outbox", Icon: "mail", Href: "/console/outbox", Roles: outboxRoles})
	}
	return nav
}

// outboxRoles may read what was written to customers: whoever may, may follow
// the links in it.
var outboxRoles = []loot.Role{"administrator", "dpo"}

// ready answers whether requests can be served: databases, keys and ledger.
func (a *App) ready(w http.ResponseWriter, r *http.Request) error {
	ctx, stop := context.WithTimeout(r.Context(), time.Second)
	defer stop()
	for name, check := range map[string]func(context.Context) error{
		"the database": a.DB.Ping, "the key store": a.keys.Ping, "the key folder": a.Keyring.Ready,
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
// returns when all of them have stopped. The ledger is the last: what jobs do
// at the end, and a difference that is found then, is recorded. Before anything
// else it destroys the keys of days that ended while no process ran.
func (a *App) Start(ctx context.Context) (wait func() error, err error) {
	if err := a.visits.Begin(ctx); err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	recording, end := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return stopped(a.Ledger.Run(recording)) })
	group.Go(func() error { return a.Gate.Run(recording) })
	group.Go(func() error { return a.visits.Run(recording) })
	if err := a.Jobs.Start(ctx); err != nil {
		end()
		return nil, errors.Join(err, group.Wait())
	}
	group.Go(func() error {
		defer end()
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.Config.Shutdown)
		defer cancel()
		err := a.Jobs.Stop(bounded)
		if failed := a.Vault.Reconcile(bounded); failed != nil {
			// The next process compares the same counts.
			a.Log.WarnContext(ctx, "openings and permits were not compared at the end", "err", failed)
		}
		return err
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
// until ctx ends. It calls serving once everything runs. Requests that run when
// ctx ends may finish.
func (a *App) Serve(ctx context.Context, ln, metrics net.Listener, serving func()) error {
	h, err := a.Handler()
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx)) // a request that runs at the end still needs the ledger
	defer stop()
	wait, err := a.Start(running)
	if err != nil {
		return err
	}
	servers := []*http.Server{{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}}
	listeners := []net.Listener{ln}
	if metrics != nil {
		servers = append(servers, &http.Server{Handler: a.metrics(), ReadHeaderTimeout: 5 * time.Second})
		listeners = append(listeners, metrics)
	}
	// What is alive is small beside what requests leave behind, so collecting
	// somewhat less often costs little memory; half as often takes some 20 MiB more
	// in a run of invoices, and spares requests little time. An operator's own GOGC
	// and GOMEMLIMIT stand.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(125)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		_, rest := a.Config.memory()
		debug.SetMemoryLimit(rest)
	}
	// Compiling the statement and opening the keys took memory that is not
	// needed again.
	debug.FreeOSMemory()
	failed := make(chan error, len(servers)+1)
	for i, s := range servers {
		go func() {
			if err := s.Serve(listeners[i]); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		}()
	}
	receiving, noMore := context.WithCancel(context.WithoutCancel(ctx))
	defer noMore()
	received := a.receive(receiving, failed)
	serving()
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	a.Log.InfoContext(ctx, "stopping; what runs may finish", "within", a.Config.Shutdown)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.Config.Shutdown)
	defer cancel()
	noMore()
	for _, s := range servers {
		err = errors.Join(err, s.Shutdown(end))
	}
	received()
	stop()
	err = errors.Join(err, wait())
	a.Log.InfoContext(ctx, "stopped")
	return err
}

// metrics serves the figures that Prometheus scrapes. No label holds anything
// about a person.
func (a *App) metrics() http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), lag{a.Ledger}, jobs{a}, a.served.seconds)
	reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "loot_ledger_entries_total", Help: "Entries in the ledger, as this process last saw it."},
		func() float64 { return float64(a.Ledger.Entries()) }))
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "loot_ledger_ready", Help: "1 while the ledger takes entries."},
		func() float64 {
			if a.Ledger.Ready() != nil {
				return 0
			}
			return 1
		}))
	reg.MustRegister(decisions{a.Gate}, reconciled{a}, recorded{a}, receivedMail{a})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
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

// decisions shows how many requests the gate permitted and refused.
type decisions struct{ gate *gate.Gate }

var decisionsDesc = prometheus.NewDesc("loot_gate_decisions_total", "Decisions by this process.", []string{"verdict"}, nil)

func (d decisions) Describe(c chan<- *prometheus.Desc) { c <- decisionsDesc }

func (d decisions) Collect(c chan<- prometheus.Metric) {
	permitted, refused := d.gate.Decided()
	c <- prometheus.MustNewConstMetric(decisionsDesc, prometheus.CounterValue, float64(permitted), "permitted")
	c <- prometheus.MustNewConstMetric(decisionsDesc, prometheus.CounterValue, float64(refused), "refused")
}

// reconciled shows how openings and permits stood when they were compared last,
// by whichever process.
type reconciled struct{ a *App }

var (
	reconciledAt     = prometheus.NewDesc("loot_reconciliation_timestamp_seconds", "When openings were last compared with permits; 0: never.", nil, nil)
	reconciledOpened = prometheus.NewDesc("loot_reconciliation_openings", "Values opened for permits in the last day that was compared.", nil, nil)
	reconciledFor    = prometheus.NewDesc("loot_reconciliation_permits", "Permits to open, on the ledger, in the last day that was compared.", nil, nil)
	reconciledEver   = prometheus.NewDesc("loot_reconciliation_differences_total", "Openings without a permit, and permits missing on the ledger, that were ever found.", nil, nil)
)

func (r reconciled) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{reconciledAt, reconciledOpened, reconciledFor, reconciledEver} {
		c <- d
	}
}

func (r reconciled) Collect(c chan<- prometheus.Metric) {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	var last vault.Reconciliation
	if err := r.a.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		last, err = r.a.Vault.Reconciled(ctx, tx)
		return err
	}); err != nil {
		c <- prometheus.NewInvalidMetric(reconciledAt, errors.New("the database does not answer"))
		return
	}
	at := 0.0
	if !last.At.IsZero() {
		at = float64(last.At.Unix())
	}
	c <- prometheus.MustNewConstMetric(reconciledAt, prometheus.GaugeValue, at)
	c <- prometheus.MustNewConstMetric(reconciledOpened, prometheus.GaugeValue, float64(last.Opened))
	c <- prometheus.MustNewConstMetric(reconciledFor, prometheus.GaugeValue, float64(last.Permits))
	c <- prometheus.MustNewConstMetric(reconciledEver, prometheus.CounterValue, float64(last.Ever))
}
