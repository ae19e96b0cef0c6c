package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"loot/app"
	"loot/column"
	"loot/column/columntest"
	"loot/desk/visits"
	"loot/store"
	"loot/store/storetest"
)

// later DAYS works at noon of a later day until the keys of former ones are
// destroyed, they are sealed and a letter is written.
func later(ctx context.Context, args []string) error {
	days, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if address := os.Getenv("LOOT_STORE"); address != "" {
		// What a killed process was doing is taken up much later on PostgreSQL.
		db, err := store.Open(ctx, address)
		if err != nil {
			return err
		}
		_, err = db.Exec(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'running'`)
		if err := errors.Join(err, db.Close()); err != nil {
			return err
		}
	}
	began := time.Now()
	by := began.UTC().Truncate(24*time.Hour).AddDate(0, 0, days).Add(12 * time.Hour).Sub(began)
	now := func() time.Time { return time.Now().Add(by) }
	return started(ctx, now, func(ctx context.Context, a *app.App) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			keys, err := a.Keyring.Fleetings()
			if err != nil {
				return err
			}
			letters := 0
			if err := a.DB.ReadTx(ctx, func(tx *store.Tx) error {
				return tx.QueryRow(ctx, `SELECT count(*) FROM mail_outbox`).Scan(&letters)
			}); err != nil {
				return err
			}
			if len(keys) == 0 && letters > 0 {
				return nil // what still seals is waited for
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("%d keys and %d letters: %w", len(keys), letters, ctx.Err())
			}
		}
	})
}

// What nothing may hold: the addresses, and words of the browsers that come.
const (
	markedAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0 Marked-Browser/7"
	markedMail  = "someone@example.com"
)

var (
	markedLong      = netip.MustParseAddr("2001:db8:77:1:abcd:ef01:2345:6789")
	markedAddresses = []string{markedLong.String(), "203.0.113.77", "198.51.100.201"}
)

// A leak looks for what may be nowhere in an installation.
type leak struct {
	t       *testing.T
	o       *operator
	folders []string
	texts   []string
	said    []*process
	answers []string
	visits  string             // address of the column store
	dbs     []string           // of the databases
	click   *columntest.Server // nil: it is DuckDB
}

// has complains if a text holds what it may not.
func (l *leak) has(where, text string) {
	for _, what := range l.texts {
		if strings.Contains(text, what) {
			l.t.Errorf("%s holds %q", where, what)
		}
	}
}

// look reads every file, and all that was said.
func (l *leak) look(when string) {
	l.t.Helper()
	files := 0
	for _, dir := range l.folders {
		if err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if errors.Is(err, os.ErrNotExist) {
				return nil // a temporary one
			}
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			files++
			l.has(when+": "+path, string(b))
			return err
		}); err != nil {
			l.t.Fatal(err)
		}
	}
	if files < 10*len(l.folders) {
		l.t.Errorf("%s: %d files were looked at", when, files)
	}
	for _, p := range l.said {
		l.has(when+": what "+strings.Join(p.cmd.Args, " ")+" said", p.out.String())
	}
	for _, answer := range l.answers {
		l.has(when+": an answer", answer)
	}
}

// tables reads every value of every table, since files are compressed. No server
// runs. It returns how many rows the tables of visits have.
func (l *leak) tables(when string) map[string]int {
	l.t.Helper()
	found := map[string]int{}
	rows, err := column.Open(l.t.Context(), l.visits, visits.Schema(), column.Options{})
	if err != nil {
		l.t.Fatal(err)
	}
	defer rows.Close()
	today := column.DayOf(time.Now())
	var names []string
	for _, table := range visits.Schema().Open {
		names = append(names, table.Name)
	}
	for _, table := range visits.Schema().Sealed {
		names = append(names, table.Name)
	}
	for _, name := range names {
		answer, err := rows.Query(l.t.Context(), today-100, today+3, "SELECT * FROM "+name)
		if err != nil {
			l.t.Fatal(err)
		}
		found[name] = l.rows(when+": "+name, answer)
	}
	for _, address := range l.dbs {
		db, err := store.Open(l.t.Context(), address)
		if err != nil {
			l.t.Fatal(err)
		}
		defer db.Close()
		list := `SELECT name FROM sqlite_master WHERE type = 'table'`
		if db.Dialect() == store.Postgres {
			list = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`
		}
		if err := db.ReadTx(l.t.Context(), func(tx *store.Tx) error {
			all, err := tx.Query(l.t.Context(), list)
			if err != nil {
				return err
			}
			defer all.Close()
			var names []string
			for all.Next() {
				var name string
				if err := all.Scan(&name); err != nil {
					return err
				}
				names = append(names, name)
			}
			if err := all.Err(); err != nil || len(names) < 2 {
				return errors.Join(err, fmt.Errorf("%d tables", len(names)))
			}
			for _, name := range names {
				of, err := tx.Query(l.t.Context(), `SELECT * FROM "`+name+`"`)
				if err != nil {
					return err
				}
				l.rows(when+": "+name, of)
			}
			return nil
		}); err != nil {
			l.t.Fatal(err)
		}
	}
	if l.click != nil { // its own tables too
		for name := range strings.FieldsSeq(l.click.Exec(l.t, "SELECT concat(database, '.', name) FROM system.tables WHERE engine LIKE '%MergeTree%'")) {
			l.has(when+": "+name, l.click.Exec(l.t, "SELECT * FROM "+name+" FORMAT TSVRaw"))
		}
	}
	return found
}

// rows looks at the values of rows, and returns how many there are.
func (l *leak) rows(where string, rows interface {
	Columns() ([]string, error)
	Next() bool
	Scan(...any) error
	Err() error
	Close() error
},
) (n int) {
	l.t.Helper()
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		l.t.Fatal(err)
	}
	values, to := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		to[i] = &values[i]
	}
	for ; rows.Next(); n++ {
		if err := rows.Scan(to...); err != nil {
			l.t.Fatal(err)
		}
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			l.has(where+"."+names[i], fmt.Sprint(v))
		}
	}
	if err := rows.Err(); err != nil {
		l.t.Fatal(err)
	}
	return n
}

// TestNoAddressIsLeft: whichever way visits come and are told of, in the midst of
// it, after a kill, after the end and when the day is closed, no file, table, log
// and letter holds an address or the words of a browser.
func TestNoAddressIsLeft(t *testing.T) {
	for name, scaled := range map[string]bool{"DuckDB and SQLite": false, "ClickHouse and PostgreSQL": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			whole := markedLong.As16()
			l := &leak{
				t: t, folders: []string{dir}, texts: append([]string{"Marked-Browser", markedMail, string(whole[:])}, markedAddresses...),
				visits: "duckdb:" + filepath.Join(dir, "data", "visits"), dbs: []string{"sqlite:" + filepath.Join(dir, "data", "loot.db"), "sqlite:" + filepath.Join(dir, "data-keys", "persons.db")},
			}
			env := []string{"LOOT_TRUSTED_PROXIES=127.0.0.0/8", "LOOT_LOG_LEVEL=debug", "LOOT_LOG_FORMAT=json"}
			if scaled {
				pg := storetest.NewServer(t)
				l.click = columntest.NewServer(t)
				l.folders = append(l.folders, pg.Dir(), l.click.Dir())
				l.visits, l.dbs = l.click.Database(t), []string{pg.Database(t), pg.Database(t)}
				env = append(env, "LOOT_VISITS="+l.visits, "LOOT_STORE="+l.dbs[0], "LOOT_KEYS="+l.dbs[1])
			}
			l.o = newOperator(t, dir, nil, "1", env...)
			p := l.o.serve()
			l.said = append(l.said, p)
			l.come(t)
			l.tell()
			l.look("while it runs")
			p.end(syscall.SIGKILL)
			l.look("killed")
			p = l.o.serve()
			l.said = append(l.said, p)
			p.stop()
			l.look("stopped")
			if n := l.tables("stopped"); n["visits_hit"] < 500 {
				t.Errorf("rows: %v", n)
			}
			out, code := l.o.run("later", "2")
			if code != 0 {
				t.Fatal(out)
			}
			l.answers = append(l.answers, out)
			l.look("when the day is closed")
			if n := l.tables("when the day is closed"); n["visits_hit"] != 0 || n["visits_row"] < 500 {
				t.Errorf("rows of closed days: %v", n)
			}
		})
	}
}

// come has visits come by the script, the pixel, the API, a log, an export and a
// log that is followed.
func (l *leak) come(t *testing.T) {
	var mu sync.Mutex
	request := func(method, path, body string, i, want int) error {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+l.o.vars["ADDR"]+path, strings.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("X-Forwarded-For", markedAddresses[i%len(markedAddresses)])
		r.Header.Set("User-Agent", markedAgent)
		r.Header.Set("Referer", "https://live.example/pixel?mail="+markedMail)
		res, err := client.Do(r)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err == nil && res.StatusCode != want {
			err = fmt.Errorf("%s %s: %d", method, path, res.StatusCode)
		}
		mu.Lock()
		defer mu.Unlock()
		l.answers = append(l.answers, string(answer))
		return err
	}
	const clients = 16
	if err := parallel(clients, func(c int) (err error) {
		for i := c; i < 300 && err == nil; i += clients {
			body, want := fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://live.example/page/%d?mail=%s"}`, i+1, i%20, markedMail), http.StatusAccepted
			if i%50 == 49 {
				body, want = "nonsense from "+markedAddresses[0], http.StatusUnprocessableEntity
			}
			err = request(http.MethodPost, "/v/live", body, i, want)
			if err == nil && i < 20 {
				err = request(http.MethodGet, "/v/live.gif", "", i, http.StatusOK)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var items []map[string]any
	for i := range 100 {
		item := map[string]any{"kind": "view", "address": markedAddresses[i%3], "user_agent": markedAgent, "url": fmt.Sprintf("https://live.example/page/%d?mail=%s", i%20, markedMail), "referrer": "https://" + markedAddresses[1] + "/"}
		if i == 50 {
			item["url"] = markedMail
		}
		items = append(items, item)
	}
	status, answer := l.o.ask(http.MethodPost, "/api/visits/live", map[string]any{"visits": items})
	if status != http.StatusAccepted {
		t.Fatalf("%d %s", status, answer)
	}
	l.answers = append(l.answers, string(answer))

	given := t.TempDir() // what the operator has is theirs
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(given, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	lines := func(last time.Time, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%s - %s [%s] \"GET /page/%d?mail=%s HTTP/1.1\" 200 9 \"https://%s/\" \"%s\"\n", markedAddresses[i%3], markedMail,
				last.Add(time.Duration(i-n)*time.Second).UTC().Format("02/Jan/2006:15:04:05 -0700"), i%20, markedMail, markedAddresses[2], markedAgent)
		}
		return b.String()
	}
	flags := l.o.reaching("live")
	imported := func(args ...string) {
		t.Helper()
		out, code := l.o.run("loot", append(append([]string{"visits", "import"}, args...), flags...)...)
		if code != 0 || strings.HasPrefix(out, "0 recorded") {
			t.Fatal(out)
		}
		l.answers = append(l.answers, out)
	}
	past := time.Now().AddDate(0, 0, -3)
	imported(write("access.log", lines(past, 300)))
	imported(write("export.csv", "2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,Screen size,Location,FirstVisit,Date\n"+
		strings.Repeat(fmt.Sprintf("/page/1?mail=%s,%s,0,%q,Firefox 133,Linux,287fb97cbed4e4f-8e4f5c975b8fee06,0,%s/,h,\"1920,0,1\",DE-BY,1,%s\n", markedMail, markedMail, markedAgent, markedAddresses[1], past.UTC().Format(time.RFC3339)), 20)), "--from", "goatcounter")

	text := lines(time.Now(), 100)
	followed := write("followed.log", text)
	tail := l.o.start("loot", append([]string{"visits", "tail", followed}, flags...)...)
	l.said = append(l.said, tail)
	within(t, "the end of the log", func() bool {
		for _, at := range l.o.reached("live") {
			if at == int64(len(text)) {
				return true
			}
		}
		return false
	})
	tail.end(syscall.SIGINT)
}

// tell asks for reports and files, and for a digest.
func (l *leak) tell() {
	for _, ask := range []struct {
		method, path string
		body         any
		want         int
	}{
		{http.MethodGet, reportOf("live", "panel="+strings.Join(visitPanels, "&panel=")), nil, http.StatusOK},
		{http.MethodGet, reportOf("live", "panel=network&filter="+url.QueryEscape("path:is:/page/1")), nil, http.StatusOK},
		{http.MethodGet, "/api/visits/live/report/network?period=30d&format=csv", nil, http.StatusOK},
		{http.MethodGet, "/api/visits/live/report/path?period=30d&format=json", nil, http.StatusOK},
		{http.MethodGet, "/api/visits/live/report/browser?period=30d&format=parquet", nil, http.StatusOK},
		{http.MethodPost, "/api/visits/live/digests", map[string]string{"every": "day"}, http.StatusCreated},
	} {
		status, answer := l.o.ask(ask.method, ask.path, ask.body)
		if status != ask.want {
			l.t.Errorf("%s %s: %d %s", ask.method, ask.path, status, answer)
		}
		l.answers = append(l.answers, string(answer))
	}
}
