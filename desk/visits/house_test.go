package visits

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/api"
	"loot/column"
	"loot/column/columntest"
	"loot/desk"
	"loot/desk/desktest"
	"loot/statement"
	"loot/store"
	"loot/web"
	"loot/web/webtest"
)

// Firefox is how a browser introduces itself.
const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"

// A house is a desk of visits on a kernel of its own, reached through a proxy
// that names the client, and by programs.
type house struct {
	*desktest.House
	*webtest.Site
	t        testing.TB
	at       string // address of the column store
	rows     column.Store
	d        *Visits
	page     int
	programs *httptest.Server
	caller   loot.Actor // of the API
	networks []string   // files of networks
	gone     sync.Map   // members of staff who may not sign in any more
}

// members are the staff of a house.
var members = []loot.Actor{
	{Kind: loot.Staff, ID: "t-admin", Name: "Ada Admin", Roles: []loot.Role{"administrator"}},
	{Kind: loot.Staff, ID: "t-support", Name: "Sam Support", Roles: []loot.Role{"support"}},
	{Kind: loot.Staff, ID: "t-billing", Name: "Bo Billing", Roles: []loot.Role{"billing"}},
}

// staff is what the desk knows of them.
func (h *house) staff() desk.Staff {
	find := func(id string) (a loot.Actor) {
		if i := slices.IndexFunc(members, func(a loot.Actor) bool { return a.ID == id }); i >= 0 {
			a = members[i]
		}
		return a
	}
	return desk.Staff{
		Signed: func(context.Context, *store.Tx, string) (time.Time, error) { return desktest.Start, nil },
		Name:   func(_ context.Context, _ *store.Tx, id string) (string, error) { return find(id).Name, nil },
		Member: func(_ context.Context, _ *store.Tx, id string) (loot.Actor, string, error) {
			if _, gone := h.gone.Load(id); gone {
				return loot.Actor{}, "", nil
			}
			return find(id), id + "@network.example", nil
		},
		Everybody: func(context.Context, *store.Tx) ([]loot.Actor, error) { return members, nil },
	}
}

// as says who asks.
func (h *house) as(id string) {
	h.t.Helper()
	h.Site.Actor = members[slices.IndexFunc(members, func(a loot.Actor) bool { return a.ID == id })]
}

// newHouse returns one of SQLite and DuckDB.
func newHouse(t testing.TB, s *statement.Statement) *house {
	return newHouseOn(t, desktest.One(t), columntest.DuckDB(t), s)
}

// onEach runs a test on SQLite and DuckDB, and on PostgreSQL and ClickHouse.
func onEach(t *testing.T, f func(t *testing.T, h *house)) {
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		address := columntest.DuckDB
		if db.Dialect() == store.Postgres {
			address = columntest.ClickHouse
		}
		f(t, newHouseOn(t, db, address(t), desktest.Standard(t)))
	})
}

func newHouseOn(t testing.TB, db *store.DB, address string, s *statement.Statement) *house {
	t.Helper()
	h := &house{
		House: desktest.New(t, db, desktest.Base), t: t, at: address, page: 100,
		caller: loot.Actor{Kind: loot.Staff, ID: "m1", Name: "Made up", Roles: []loot.Role{"administrator"}},
	}
	h.build(h.open())
	h.Open(s, h.d.Desk())
	h.serve()
	return h
}

// open opens the column store.
func (h *house) open() column.Store {
	var err error
	h.rows, err = column.Open(h.Context(), h.at, Schema(), column.Options{})
	desktest.OK(h.t, err)
	h.t.Cleanup(func() { _ = h.rows.Close() }) // a test may have closed it
	return h.rows
}

// build makes the desk as a process that starts does.
func (h *house) build(rows column.Store) {
	h.t.Helper()
	var err error
	h.d, err = New(h.Kit, rows, h.staff(), Options{Path: "/v", Networks: h.networks, Bits4: 24, Bits6: 48})
	desktest.OK(h.t, err)
}

func (h *house) serve() {
	h.Site = webtest.New(h.t, web.Options{
		Now: h.Clock.Now, BaseURL: desktest.Base, NoLimits: true, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}, h.d.Desk().Routes)
	mux := http.NewServeMux()
	h.d.Desk().API(api.New(mux, api.Options{Title: "Loot", Log: h.Kit.Log, Scopes: Scopes, Authenticate: func(context.Context, string) (api.Caller, error) {
		return api.Caller{Actor: h.caller, Scopes: []api.Scope{"visits:read", "visits:write"}}, nil
	}}))
	h.programs = httptest.NewServer(mux)
	h.t.Cleanup(h.programs.Close)
}

// rebuild has another process take over, as after a restart.
func (h *house) rebuild(rows column.Store) {
	h.t.Helper()
	h.build(rows)
	h.serve()
}

// call has a program call the API and returns the status, the kind of the
// answer, and the answer.
func (h *house) call(method, path, kind, body string) (status int, answered, answer string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.programs.URL+"/api/visits"+path, strings.NewReader(body))
	desktest.OK(h.t, err)
	r.Header.Set("Authorization", "Bearer right")
	r.Header.Set("Content-Type", kind)
	w, err := h.programs.Client().Do(r)
	desktest.OK(h.t, err)
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	desktest.OK(h.t, err)
	return w.StatusCode, w.Header.Get("Content-Type"), string(b)
}

// site adds a site by the console.
func (h *house) site(zone string) *Site {
	h.t.Helper()
	return h.added(1, "name", "Main", "hosts", "example.com\n*.example.com", "zone", zone, "script", "m", "full", "yes")
}

// added fills in the form for a site, which gets a number.
func (h *house) added(number uint16, form ...string) *Site {
	h.t.Helper()
	h.Site.Actor = loot.Actor{Kind: loot.Staff, ID: "t-admin", Roles: []loot.Role{"administrator"}}
	desktest.Leads(h.t, h.Post(sitesHref, form...), fmt.Sprintf("%s/%d", sitesHref, number))
	h.Site.Actor = loot.Actor{}
	s, err := h.d.sites.numbered(h.Context(), number)
	desktest.OK(h.t, err)
	return s
}

// send sends a beacon from an address and returns the status.
func (h *house) send(addr, agent, body string, more ...string) int {
	h.t.Helper()
	head := http.Header{"X-Forwarded-For": {addr}, "User-Agent": {agent}, "Content-Type": {"text/plain"}, "Origin": {"https://example.com"}, "Accept": {"*/*"}, "Accept-Language": {"en"}}
	for i := 0; i+1 < len(more); i += 2 {
		head.Set(more[i], more[i+1])
	}
	return h.Do("POST", "/v/m", body, head).Status
}

// view sends a view of a path and returns the id of the page.
func (h *house) view(addr, path string, more ...string) string {
	h.t.Helper()
	h.page += 2
	id := strconv.Itoa(h.page)
	if got := h.send(addr, firefox, fmt.Sprintf(`{"kind":"view","page":%q,"url":"https://example.com%s"}`, id, path), more...); got != http.StatusAccepted {
		h.t.Fatalf("%s from %s: %d", path, addr, got)
	}
	return id
}

// counted returns how often something is counted.
func (h *house) counted(what string) (n int64) {
	for _, c := range h.d.Counts() {
		if c.What == what {
			n += c.N
		}
	}
	return n
}

// noted returns what the ledger says that begins so, in its order.
func (h *house) noted(begin string) string {
	h.t.Helper()
	var notes []string
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		notes = nil
		for row, err := range h.Kit.Ledger.Facts(ctx, tx, desktest.Start.AddDate(-1, 0, 0), desktest.Start.AddDate(1, 0, 0)) {
			if err != nil {
				return err
			}
			if rest, ok := strings.CutPrefix(row.Facts.Note, begin); ok {
				notes = append(notes, rest)
			}
		}
		return nil
	})
	return strings.Join(notes, ", ")
}

// ask returns the answer to a query over some days, a line a row.
func (h *house) ask(query string, args ...any) string {
	h.t.Helper()
	today := column.DayOf(h.Clock.Now())
	rows, err := h.rows.Query(h.Context(), today-800, today+2, query, args...)
	desktest.OK(h.t, err)
	defer rows.Close()
	names, err := rows.Columns()
	desktest.OK(h.t, err)
	var lines []string
	for rows.Next() {
		values, to := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			to[i] = &values[i]
		}
		desktest.OK(h.t, rows.Scan(to...))
		lines = append(lines, strings.Join(strings.Fields(fmt.Sprintln(values...)), " "))
	}
	desktest.OK(h.t, rows.Err())
	return strings.Join(lines, "\n")
}

// holds returns the files below a folder in which a text stands.
func holds(t testing.TB, dir string, texts ...string) (out []string) {
	t.Helper()
	desktest.OK(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, text := range texts {
			if strings.Contains(string(b), text) {
				out = append(out, path+": "+text)
			}
		}
		return err
	}))
	return out
}

// edited returns the statement that comes with Loot, changed.
func edited(t testing.TB, pairs ...string) *statement.Statement {
	t.Helper()
	source := string(statement.Default())
	for i := 0; i+1 < len(pairs); i += 2 {
		if !strings.Contains(source, pairs[i]) {
			t.Fatalf("the statement does not say %q", pairs[i])
		}
		source = strings.Replace(source, pairs[i], pairs[i+1], 1)
	}
	return desktest.Parse(t, []byte(source))
}
