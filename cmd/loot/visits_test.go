package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"loot"
	"loot/app"
	"loot/column"
	"loot/desk/visits"
	"loot/desk/visits/logfile"
	"loot/web"
)

// site NAME adds a site of that name whose host is www.example.com.
func site(ctx context.Context, args []string) error {
	return started(ctx, time.Now, func(ctx context.Context, a *app.App) error {
		h, err := a.Handler()
		if err != nil {
			return err
		}
		form := url.Values{"name": {"Example"}, "hosts": {"www.example.com"}, "zone": {"UTC"}, "script": {args[0]}, "full": {"yes"}}
		r := httptest.NewRequest(http.MethodPost, "/console/visits/sites", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		who := web.Identity{Actor: loot.Actor{Kind: loot.Staff, ID: "m1", Name: "Made Up", Roles: []loot.Role{"administrator"}}, At: time.Now()}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(web.WithIdentity(ctx, who)))
		if at := w.Header().Get("Location"); !strings.HasPrefix(at, "/console/visits/sites/") {
			return fmt.Errorf("the site is answered with %d and %s", w.Code, at)
		}
		return nil
	})
}

// agents are made up of browsers that there are.
var agents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/14%d.0.0.0 Safari/537.36",
	"Mozilla/5.0 (X11; Linux x86_64; rv:14%[1]d.0) Gecko/20100101 Firefox/14%[1]d.0",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_%d like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.%d Safari/605.1.15",
}

// logOf writes a combined log of n lines, of which one in every is a page and
// the others what belongs to it, the last one at a time.
func logOf(w io.Writer, n, every int, last time.Time, step time.Duration) error {
	out := bufio.NewWriterSize(w, 1<<20)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		at := last.Add(-step * time.Duration(n-1-i))
		path := fmt.Sprintf("/assets/%d.css", i%50)
		if i%every == 0 {
			path = fmt.Sprintf("/articles/%d?utm_source=letter%d", random.IntN(2000), i%7)
		}
		fmt.Fprintf(out, "198.51.%d.%d - - [%s] \"GET %s HTTP/1.1\" 200 %d \"https://www.google.com/\" \"%s\"\n",
			random.IntN(256), random.IntN(256), at.UTC().Format("02/Jan/2006:15:04:05 -0700"), path, 1000+i%9000, fmt.Sprintf(agents[i%len(agents)], i%7))
	}
	return out.Flush()
}

func (o *operator) logFile(name string, n, every int, last time.Time, step time.Duration) string {
	o.t.Helper()
	path := filepath.Join(o.dir, name)
	f, err := os.Create(path)
	if err == nil {
		err = logOf(f, n, every, last, step)
		if closed := f.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		o.t.Fatal(err)
	}
	return path
}

// withSite is an installation with a site, and the flags by which it is reached.
func withSite(t testing.TB) (*operator, []string) {
	t.Helper()
	o := newOperator(t, t.TempDir(), nil, "0")
	if out, code := o.run("site", "example"); code != 0 {
		t.Fatal(out)
	}
	return o, o.reaching("example")
}

// reaching returns the flags by which the commands reach a site.
func (o *operator) reaching(site string) []string {
	o.t.Helper()
	token := filepath.Join(o.dir, "token")
	if err := os.WriteFile(token, []byte(o.vars["TOKEN"]+"\n"), 0o600); err != nil {
		o.t.Fatal(err)
	}
	return []string{"--site", site, "--server", "http://" + o.vars["ADDR"], "--token-file", token}
}

// reached says how far a site's logs were read: the offsets of their marks.
func (o *operator) reached(site string) (offsets []int64) {
	o.t.Helper()
	status, answer := o.ask(http.MethodPost, "/api/visits/"+site+"/imports", nil)
	var begun visits.ImportBegun
	if err := json.Unmarshal(answer, &begun); err != nil || status != http.StatusOK {
		return nil
	}
	for _, text := range begun.Marks {
		var m logfile.Mark
		if err := m.UnmarshalText([]byte(text)); err != nil {
			o.t.Fatal(err)
		}
		offsets = append(offsets, m.Offset)
	}
	return offsets
}

// viewed returns how many views are stored. No server runs.
func (o *operator) viewed() (n int64) {
	o.t.Helper()
	s, err := column.Open(o.t.Context(), "duckdb:"+filepath.Join(o.dir, "data", "visits"), visits.Schema(), column.Options{})
	if err != nil {
		o.t.Fatal(err)
	}
	defer s.Close()
	today := column.DayOf(time.Now())
	rows, err := s.Query(o.t.Context(), today-10, today+1, "SELECT CAST((SELECT count(*) FROM visits_hit) + (SELECT coalesce(sum(views), 0) FROM visits_sum WHERE dimension = 'total') AS BIGINT)")
	if err != nil {
		o.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			o.t.Fatal(err)
		}
	}
	return n
}

// TestALogIsImportedOnce, though the server is killed meanwhile, and the same
// log comes again, also compressed.
func TestALogIsImportedOnce(t *testing.T) {
	o, flags := withSite(t)
	path := o.logFile("access.log", 60_000, 2, time.Now().UTC().Truncate(24*time.Hour).Add(-time.Hour), 100*time.Millisecond)
	served := o.serve()
	running := o.start("loot", append([]string{"visits", "import", path}, flags...)...)
	within(t, "a mark", func() bool { return len(o.reached("example")) > 0 })
	served.end(syscall.SIGKILL)
	<-running.ended
	if said := running.out.String(); !strings.Contains(said, "The same command goes on where it was") && !strings.Contains(said, "the same command goes on where it was") {
		t.Errorf("interrupted: %s", said)
	}
	served = o.serve()
	o.wants(0, append([]string{"visits", "import", path}, flags...), "access.log: ", "new lines", "recorded.")
	o.wants(0, append([]string{"visits", "import", path}, flags...), "access.log: 0 new lines", "0 recorded.")
	if out, code := o.run("gzip", "-k", path); code != 0 {
		t.Fatal(out)
	}
	o.wants(0, append([]string{"visits", "import", path + ".gz"}, flags...), "access.log.gz: 0 new lines", "0 recorded.")
	o.wants(1, append([]string{"visits", "import", path + ".none"}, flags...), "cannot be read")
	o.wants(1, append([]string{"visits", "import", path, "--site", "other"}, flags[2:]...), "There is no such site")
	served.stop()
	o.wants(1, append([]string{"visits", "import", path}, flags...), "The server cannot be reached")
	if n := o.viewed(); n != 30_000 {
		t.Errorf("%d views of 30000", n)
	}
}

// TestALogIsFollowed: what is written comes, also after the server was killed
// and the log begun anew.
func TestALogIsFollowed(t *testing.T) {
	o, flags := withSite(t)
	size := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	read := func(path string) {
		within(t, "the end of the log", func() bool { return slices.Contains(o.reached("example"), size(path)) })
	}
	path := o.logFile("access.log", 100, 1, time.Now(), time.Second)
	served := o.serve()
	tail := o.start("loot", append([]string{"visits", "tail", path}, flags...)...)
	read(path)
	more := func(n int) {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
		if err == nil {
			err = logOf(f, n, 1, time.Now(), time.Second)
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	more(50)
	read(path)
	served.end(syscall.SIGKILL)
	more(25)
	served = o.serve()
	read(path)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	more(10)
	read(path)
	tail.end(syscall.SIGINT)
	<-tail.ended
	// The answer about what came just before the kill may have been lost.
	if said := tail.out.String(); !strings.Contains(said, "185 recorded.") && !strings.Contains(said, "135 recorded.") {
		t.Errorf("it says %s", said)
	}
	served.stop()
	if n := o.viewed(); n != 185 {
		t.Errorf("%d views of 185", n)
	}
}

// TestAnExportIsImportedOnce, by its bytes, and refused if it is another
// program's.
func TestAnExportIsImportedOnce(t *testing.T) {
	o, flags := withSite(t)
	served := o.serve()
	path := filepath.Join(o.dir, "imported_visitors_20261101_20261102.csv")
	if err := os.WriteFile(path, []byte("date,visitors,pageviews,bounces,visits,visit_duration\n2026-11-01,10,30,4,12,600\n2026-11-02,5,9,1,6,60\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.wants(1, append([]string{"visits", "import", path, "--from", "umami"}, flags...), "is an export of Plausible")
	o.wants(0, append([]string{"visits", "import", path, "--from", "plausible"}, flags...), "2 recorded.")
	o.wants(0, append([]string{"visits", "import", path, "--from", "plausible"}, flags...), "0 recorded.")
	served.stop()
}

// TestOtherLogsAndExportsAreImported: a log of Caddy and an export of Umami go
// the whole way, and while they do the command says how far it is.
func TestOtherLogsAndExportsAreImported(t *testing.T) {
	o, flags := withSite(t)
	served := o.serve()
	day := time.Now().UTC().Truncate(24 * time.Hour).Add(-24 * time.Hour)
	write := func(name string, n int, head string, line func(i int, at time.Time) string) string {
		t.Helper()
		path := filepath.Join(o.dir, name)
		var text strings.Builder
		text.WriteString(head)
		for i := range n {
			text.WriteString(line(i, day.Add(time.Duration(i)*time.Second)) + "\n")
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	log := write("access.json", 9000, "", func(i int, at time.Time) string {
		uri := []string{"/app.css", "/prices"}[i%2]
		return fmt.Sprintf(`{"level":"info","ts":%d.5,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"198.51.100.%d","method":"GET","host":"www.example.com","uri":%q,"headers":{"User-Agent":[%q]}},"status":200,"size":3}`,
			at.Unix(), i%250, uri, fmt.Sprintf(agents[1], 3))
	})
	export := write("website_event.csv", 2500, "website_id,session_id,visit_id,event_id,hostname,browser,os,device,url_path,event_type,event_name,created_at\n", func(i int, at time.Time) string {
		return fmt.Sprintf("w1,s%d,v%d,e%d,www.example.com,firefox,Linux,desktop,/about,1,,%s", i%50, i%50, i, at.Format(time.DateTime))
	})
	for _, one := range []struct {
		file, from     string
		says, progress []string
		told           int
	}{
		{log, "", []string{"access.json: 9000 lines in ", "4500 recorded.\n"}, []string{"access.json: 4096 lines, ", "access.json: 8192 lines, "}, 2},
		{export, "umami", []string{"2500 recorded.\n"}, []string{"website_event.csv: 1000 lines, 40 %", "website_event.csv: 2000 lines, 80 %", "website_event.csv: 2500 lines, 100 %"}, 3},
	} {
		var out, errs strings.Builder
		now := time.Now()
		clock := func() time.Time { now = now.Add(10 * time.Second); return now } // progress is told that often
		v := visitsImportCmd{importing: importing{Site: flags[1], reached: reached{flags[3]}, TokenFile: flags[5]}, From: one.from, Files: []string{one.file}}
		if err := v.Run(&command{t.Context(), strings.NewReader(""), &out, &errs, clock}); err != nil {
			t.Fatalf("%s: %v\n%s%s", one.file, err, &out, &errs)
		}
		for _, text := range one.says {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s does not say %q:\n%s", one.file, text, &out)
			}
		}
		for _, text := range one.progress {
			if !strings.Contains(errs.String(), text) {
				t.Errorf("%s does not say meanwhile %q:\n%s", one.file, text, &errs)
			}
		}
		if n := strings.Count(errs.String(), "\n"); n != one.told {
			t.Errorf("%s: its progress has %d lines:\n%s", one.file, n, &errs)
		}
	}
	served.stop()
	if n := o.viewed(); n != 4500+2500 {
		t.Errorf("%d views", n)
	}
}
