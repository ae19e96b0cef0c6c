package app_test

import (
	"context"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/app"
	"loot/desk"
	"loot/gate"
	"loot/store"
	"loot/vault"
	"loot/web"
	"loot/web/webtest"
)

var (
	quiet = slog.New(slog.DiscardHandler)
	tags  = regexp.MustCompile(`(?s)<script.*?</script>|<[^>]*>`)
)

func words(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(page, " "))), " ")
}

// roundTheGate opens something of a person with nothing but the keyring.
func roundTheGate(ctx context.Context, k desk.Kit, s loot.Subject) error {
	key, err := k.Keyring.Person(ctx, s, "customer")
	if err != nil {
		return err
	}
	_, err = key.Open(key.Seal([]byte("made up"), nil), nil)
	return err
}

// TestReconciliationOnTheConsole: staff see how openings and permits stand, and
// a difference as an incident with its numbers and without a name.
func TestReconciliationOnTheConsole(t *testing.T) {
	ctx := t.Context()
	w := app.WorldFor(t, standard(t), desk.NewClock(provedAt), quiet)
	subject, err := w.NewPerson(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Drain(ctx); err != nil { // the letters that registering causes
		t.Fatal(err)
	}
	w.Clock.Advance(20 * time.Minute)
	who, err := w.NewStaff(ctx, true, "support")
	if err != nil {
		t.Fatal(err)
	}
	var routes []web.Route
	for _, d := range w.Desks {
		if d.Name == "incidents" {
			routes = d.Routes
		}
	}
	site := webtest.New(t, web.Options{Now: w.Clock.Now}, routes)
	site.Actor = who
	compare := func() {
		t.Helper()
		if err := w.Vault.Reconcile(ctx); err != nil {
			t.Fatal(err)
		}
		if err := w.Drain(ctx); err != nil {
			t.Fatal(err)
		}
	}
	show := func(path string, want ...string) string {
		t.Helper()
		a := site.Get(path)
		page := words(a.Body)
		for _, s := range want {
			if a.Status != http.StatusOK || !strings.Contains(page, s) {
				t.Errorf("%s: %d, does not show %q: %s", path, a.Status, s, page)
			}
		}
		if strings.Contains(a.Body, string(subject)) {
			t.Errorf("%s names the person", path)
		}
		return a.Body
	}
	if err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
		permit, err := w.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Export, Actor: loot.Actor{Kind: loot.Person, ID: string(subject)}, Desk: "customers", Purpose: "service",
			Subject: subject, Collection: "customer", Fields: []loot.Field{"contact.email", "contact.name"},
		})
		if err != nil {
			return err
		}
		_, err = w.Vault.Open(ctx, tx, permit)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	compare()
	var r vault.Reconciliation
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		r, err = w.Vault.Reconciled(ctx, tx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	show("/console/incidents", "last compared with the permits on the ledger on 1 Mar 2027, 09:20 UTC",
		loot.Plural(r.Opened, "value was", "values were")+" opened, none without a permit.", loot.Plural(r.Permits, "permit was", "permits were")+" given", "Nothing has happened")
	if r.Opened < 2 || r.Permits < 1 {
		t.Errorf("%+v: too few", r)
	}
	for range 2 {
		if err := roundTheGate(ctx, w.Kit, subject); err != nil {
			t.Fatal(err)
		}
	}
	compare()
	page := show("/console/incidents", "and 2 of the values and permits do not answer for each other", "More was opened than permits account for")
	href := regexp.MustCompile(`href="(/console/incidents/i[^"]+)"`).FindStringSubmatch(page)
	if href == nil {
		t.Fatalf("no case: %s", words(page))
	}
	show(href[1], "2 values were opened that no permit answers for.", "Between 1 Mar 2027, 09:00 UTC and 1 Mar 2027, 09:20 UTC",
		loot.Plural(r.Opened, "value was", "values were")+" opened for "+loot.Plural(r.Permits, "permit", "permits"))
}

// TestReconciliationAtTheEnd: what went round the gate after the timetable
// looked last is found before the process ends, and metrics tell it.
func TestReconciliationAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	start := func() (*app.App, func()) {
		t.Helper()
		a, err := app.New(t.Context(), app.Config{
			Place: app.Place{Data: filepath.Join(dir, "data")}, BaseURL: "https://loot.example", From: "Loot <no-reply@loot.example>", Shutdown: time.Minute,
		}, app.Options{Now: time.Now, Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ln, metrics := listen(t), listen(t)
		served := make(chan error, 1)
		go func() { served <- a.Serve(ctx, ln, metrics, func() {}) }()
		a.Config.Metrics = metrics.Addr().String()
		return a, func() {
			stop()
			if err := <-served; err != nil {
				t.Errorf("serve: %v", err)
			}
			a.Close()
		}
	}
	stood := func(a *app.App) (r vault.Reconciliation) {
		t.Helper()
		if err := a.DB.ReadTx(t.Context(), func(tx *store.Tx) (err error) {
			r, err = a.Vault.Reconciled(t.Context(), tx)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return r
	}
	a, end := start()
	for stood(a).At.IsZero() { // the timetable's first look
		if err := a.Jobs.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s := loot.NewSubject()
	if err := a.Keyring.Create(t.Context(), s, "customer"); err != nil {
		t.Fatal(err)
	}
	if err := roundTheGate(t.Context(), a.Kit, s); err != nil {
		t.Fatal(err)
	}
	end()
	a, end = start()
	defer end()
	if r := stood(a); r.Ever != 1 {
		t.Errorf("%+v; want the one found at the end", r)
	}
	resp, err := http.Get("http://" + a.Config.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), "\nloot_reconciliation_differences_total 1\n") || !strings.Contains(string(body), "\nloot_reconciliation_timestamp_seconds 1.") {
		t.Errorf("%v: %s", err, body)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}
