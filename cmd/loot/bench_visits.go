package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"loot"
	"loot/app"
)

// benchDays is how many days a report of the measurements is about.
const benchDays = 30

// visits fills a column store, and then measures a server on it.
func (r *bench) visits() error {
	if err := r.fillVisits(); err != nil {
		return err
	}
	server, stop, err := r.startServer()
	if err != nil {
		return err
	}
	defer stop()
	r.metrics["rss_idle_mib"] = rss(server)
	if err := r.views("", server, func(i int) (*browsers, error) { return newBrowsers(r.ctx, r.config.Listen, r.live, i) }); err != nil {
		return err
	}
	if err := r.lost(); err != nil {
		return err
	}
	if err := r.beside(); err != nil {
		return err
	}
	var failed atomic.Int64
	for _, site := range r.filled {
		asked := r.load(waiters, &failed, func(int) (string, string, any) {
			return http.MethodGet, reportOf(site.script, "panel="+strings.Join(visitPanels, "&panel=")), nil
		})
		r.metrics["dashboard_p95_ms_"+site.size] = percentile(asked.waits, 0.95)
	}
	last := r.filled[len(r.filled)-1]
	if err := r.whileViewsArrive(func() error { return r.filters(last) }); err != nil {
		return err
	}
	r.metrics["rss_reports_mib"] = rss(server)
	if err := r.logLines(server); err != nil {
		return err
	}
	r.metrics["failed"] += float64(failed.Load())
	r.metrics["rss_mib"] = rss(server)
	return nil
}

// A filledSite is one with views of the last days.
type filledSite struct{ script, size string }

// visitPanels are all tables of a report, and visitFilters what two of are
// asked for.
var (
	visitPanels = []string{
		"hour", "host", "path", "entry", "exit", "scroll", "channel", "source", "campaign", "medium", "term", "content", "provider", "network", "kind", "country",
		"language", "browser", "version", "system", "release", "device", "width", "event", "outbound", "download", "form", "missing", "class", "bot",
	}
	visitFilters = []string{
		"country:is:IE", "browser:is:Browser 0", "source:is:source0.example", "path:is:/a/page/of/it/0", "device:is:phone", "language:is:en,de",
		"system:not:System 0", "channel:is:channel 3", "entry:is:/a/page/of/it/1",
	}
)

func reportOf(script, query string) string {
	return "/api/visits/" + script + "/report?period=30d&top=10&" + query
}

// filters asks for six tables with each two of the filters, one after another, and
// for each again.
func (r *bench) filters(site filledSite) error {
	waits := map[string][]time.Duration{}
	for i, one := range visitFilters {
		for _, two := range visitFilters[:i] {
			for _, which := range []string{"first", "again"} {
				began := r.now()
				if err := r.get(reportOf(site.script, "panel=path&panel=channel&panel=country&panel=browser&panel=event&panel=entry&filter="+
					url.QueryEscape(one)+"&filter="+url.QueryEscape(two)), nil); err != nil {
					return err
				}
				waits[which] = append(waits[which], r.now().Sub(began))
			}
		}
	}
	for which, took := range waits {
		of := "_ms_" + which + "_" + site.size
		r.metrics["filter2_p50"+of], r.metrics["filter2_p95"+of] = percentile(took, 0.5), percentile(took, 0.95)
	}
	return nil
}

// fillVisits makes the sites of the measurements.
func (r *bench) fillVisits() error {
	a, err := app.New(r.ctx, r.config, app.Options{Now: r.now, Log: slog.New(slog.NewTextHandler(r.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	defer a.Close()
	if r.token, _, err = a.Scratch(r.ctx, 1); err != nil {
		return err
	}
	if r.live, err = a.ScratchVisits(r.ctx, "live", 0, 0); err != nil {
		return err
	}
	if _, err := a.ScratchVisits(r.ctx, "logged", 0, 0); err != nil {
		return err
	}
	for _, site := range []struct {
		filledSite
		views int
	}{{filledSite{"one", "1m"}, r.size(1_000_000, 30_000)}, {filledSite{"five", "5m"}, r.size(5_000_000, 0)}} {
		if site.views == 0 {
			continue
		}
		began, before := r.now(), r.metrics["bytes"]
		if _, err := a.ScratchVisits(r.ctx, site.script, site.views, benchDays); err != nil {
			return err
		}
		r.filled = append(r.filled, site.filledSite)
		if r.metrics["bytes"], err = a.VisitsBytes(r.ctx); err != nil {
			return err
		}
		r.metrics["bytes_per_view"] = (r.metrics["bytes"] - before) / float64(site.views)
		r.metrics["fill_views_per_s"] = float64(site.views) / r.now().Sub(began).Seconds()
		r.metrics["views_"+site.size] = float64(site.views)
	}
	delete(r.metrics, "bytes")
	return nil
}

// lost compares what a report knows of the views that were sent with what was
// acknowledged, once it is as new as a report becomes by itself.
func (r *bench) lost() error {
	sent := r.metrics["views"]
	for range 100 {
		var told struct {
			Panels []struct {
				Total struct{ Views float64 }
			}
		}
		if err := r.get("/api/visits/live/report?period=today&panel=class", &told); err != nil {
			return err
		}
		if len(told.Panels) == 1 {
			if r.metrics["lost"] = sent - told.Panels[0].Total.Views; r.metrics["lost"] == 0 {
				return nil
			}
		}
		select {
		case <-r.ctx.Done():
			return r.ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// whileViewsArrive runs f while 2,000 views a second arrive.
func (r *bench) whileViewsArrive(f func() error) error {
	ctx, stop := context.WithCancel(r.ctx)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			b, err := newBrowsers(ctx, r.config.Listen, r.live, 1000+i)
			if err != nil {
				return
			}
			defer b.conn.Close() //nolint:errcheck // nothing is left to do with it
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil {
				if _, _, err := b.view(); err != nil {
					return
				}
				<-tick.C
			}
		})
	}
	err := f()
	stop()
	wg.Wait()
	return err
}

// logLines imports a log by the command, a process of its own.
func (r *bench) logLines(server int) error {
	n := r.size(1_000_000, 60_000)
	file, token := filepath.Join(r.dir, "access.log"), filepath.Join(r.dir, "token")
	if err := os.WriteFile(token, []byte(r.token), 0o600); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	last := r.now().UTC()
	for i := range n {
		path := fmt.Sprintf("/assets/%d.css", i%50)
		if i%4 == 0 {
			path = fmt.Sprintf("/a/page/%d?utm_source=letter%d", rand.IntN(2000), i%7)
		}
		at := last.AddDate(0, 0, -1).Truncate(24 * time.Hour).Add(time.Duration(i) * 23 * time.Hour / time.Duration(n))
		fmt.Fprintf(out, "198.51.%d.%d - - [%s] \"GET %s HTTP/1.1\" 200 %d \"https://www.google.com/\" \"%s\"\n",
			rand.IntN(256), rand.IntN(256), at.Format("02/Jan/2006:15:04:05 -0700"), path, 1000+i%9000, benchAgents[i%len(benchAgents)])
	}
	if err := errors.Join(out.Flush(), f.Close()); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	began, own := r.now(), processTime(server)
	c := exec.CommandContext(r.ctx, self, "visits", "import", file, "--site", "logged", "--server", r.base, "--token-file", token)
	if said, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("bench: import: %w: %s", err, said)
	}
	r.metrics["log_line_cpu_us"] = (processTime(server) - own) * 1e6 / float64(n)
	r.metrics["log_lines_per_s"] = float64(n) / r.now().Sub(began).Seconds()
	return nil
}

// beside sends the same views to another tool, and waits until it has done with
// them.
func (r *bench) beside() error {
	if r.cmd.Other == "" {
		return nil
	}
	other, err := url.Parse(r.cmd.Other)
	if err != nil || other.Scheme != "http" || other.Port() == "" {
		return loot.Errorf(loot.Invalid, "--other: an address is written http://HOST:PORT/PATH.")
	}
	if err := r.views("other_", r.cmd.PID, func(i int) (*browsers, error) { return newBrowsersOf(r.ctx, other, i) }); err != nil {
		return err
	}
	r.metrics["other_rss_mib"] = rss(r.cmd.PID)
	return nil
}

// settled waits until a process has done nothing for a while, a minute at most.
func (r *bench) settled(pid int) {
	before, still := processTime(pid), 0
	for range 60 {
		select {
		case <-r.ctx.Done():
			return
		case <-time.After(time.Second):
		}
		if now := processTime(pid); now-before > 0.05 {
			before, still = now, 0
		} else if still++; still == 12 { // tools that write now and then do so every ten seconds
			return
		}
	}
}

// views sends views as browsers do, each of a visitor of its own or one of the
// last, and waits for each to be answered.
func (r *bench) views(of string, server int, dial func(i int) (*browsers, error)) error {
	const conns = 256
	var sent, failed atomic.Int64
	var mu sync.Mutex
	var waits []time.Duration
	own := processTime(server)
	start := r.now()
	end := start.Add(r.span())
	err := parallel(conns, func(i int) (err error) {
		b, err := dial(i)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.conn.Close()) }()
		var mine []time.Duration
		for r.now().Before(end) && r.ctx.Err() == nil {
			began := r.now()
			_, status, err := b.view()
			if err != nil {
				return err
			}
			if status/100 != 2 {
				failed.Add(1)
				continue
			}
			sent.Add(1)
			mine = append(mine, r.now().Sub(began))
		}
		mu.Lock()
		waits = append(waits, mine...)
		mu.Unlock()
		return nil
	})
	if err != nil {
		return err
	}
	took := r.now().Sub(start).Seconds()
	if of != "" {
		r.settled(server)
	}
	r.metrics[of+"views_per_s"] = float64(sent.Load()) / took
	r.metrics[of+"view_p50_ms"], r.metrics[of+"view_p99_ms"] = percentile(waits, 0.5), percentile(waits, 0.99)
	r.metrics[of+"cpu_us_per_view"] = (processTime(server) - own) * 1e6 / float64(max(sent.Load(), 1))
	r.metrics[of+"failed"], r.metrics[of+"views"] = float64(failed.Load()), float64(sent.Load())
	return nil
}

// browsers are visitors who share a connection, as behind a proxy.
type browsers struct {
	conn   net.Conn
	reader *bufio.Reader
	again  func() (net.Conn, error)
	rand   *rand.Rand
	head   string   // up to the address of the client
	other  *url.URL // of another tool, whose head begins behind the path; nil: Loot
	site   app.ScratchSite
	buf    []byte
	addr   string
	agent  string
	left   int // pages of the visit
}

// benchAgents are browsers that people use.
var benchAgents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
	"Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
}

func newBrowsers(ctx context.Context, address string, site app.ScratchSite, seed int) (*browsers, error) {
	head := "POST " + site.Path + " HTTP/1.1\r\nHost: " + site.Host + "\r\nContent-Type: text/plain;charset=UTF-8\r\nAccept: */*\r\nAccept-Language: en-IE,en;q=0.8\r\nOrigin: https://" + site.Host +
		"\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: cross-site\r\nX-Forwarded-For: "
	return (&browsers{head: head, site: site}).connected(ctx, address, seed)
}

// newBrowsersOf are those whose views another tool counts.
func newBrowsersOf(ctx context.Context, other *url.URL, seed int) (*browsers, error) {
	head := " HTTP/1.1\r\nHost: " + other.Hostname() + "\r\nAccept: */*\r\nAccept-Language: en-IE,en;q=0.8\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: cross-site\r\nX-Forwarded-For: "
	return (&browsers{head: head, other: other}).connected(ctx, other.Host, seed)
}

func (b *browsers) connected(ctx context.Context, address string, seed int) (_ *browsers, err error) {
	b.rand = rand.New(rand.NewPCG(uint64(seed), 7))
	b.again = func() (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "tcp", address) }
	if b.conn, err = b.again(); err != nil {
		return nil, err
	}
	b.reader = bufio.NewReaderSize(b.conn, 2048)
	return b, nil
}

// view sends one view and returns its page's id and the status of the answer.
func (b *browsers) view() (page uint64, status int, err error) {
	if b.left == 0 {
		b.left = 1 + b.rand.IntN(4)
		b.addr = fmt.Sprintf("%d.%d.%d.%d", 11+b.rand.IntN(100), b.rand.IntN(256), b.rand.IntN(256), 1+b.rand.IntN(254))
		b.agent = benchAgents[b.rand.IntN(len(benchAgents))]
	}
	b.left--
	page = b.rand.Uint64()>>1 | 1
	path, width := fmt.Sprintf("/a/page/of/it/%d", b.rand.IntN(1+b.rand.IntN(2000))), 1+b.rand.IntN(5)
	const referrer = "https://www.google.com/"
	if b.other != nil {
		target := strings.NewReplacer("{path}", path, "{referrer}", url.QueryEscape(referrer)).Replace(b.other.RequestURI())
		status, err = b.send("GET "+target, "")
		return page, status, err
	}
	status, err = b.post(fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://%s%s?utm_source=news","referrer":"%s","width":%d}`, page, b.site.Host, path, referrer, width))
	return page, status, err
}

// post sends a beacon of the visitor who looks, and returns the status of the
// answer.
func (b *browsers) post(body string) (status int, err error) { return b.send("", body) }

func (b *browsers) send(begin, body string) (status int, err error) {
	b.buf = append(b.buf[:0], begin...)
	b.buf = append(b.buf, b.head...)
	b.buf = append(b.buf, b.addr...)
	b.buf = append(b.buf, "\r\nUser-Agent: "...)
	b.buf = append(b.buf, b.agent...)
	if body != "" {
		b.buf = append(b.buf, "\r\nContent-Length: "...)
		b.buf = strconv.AppendInt(b.buf, int64(len(body)), 10)
	}
	b.buf = append(b.buf, "\r\n\r\n"...)
	b.buf = append(b.buf, body...)
	if _, err := b.conn.Write(b.buf); err != nil {
		return 0, err
	}
	return b.answer()
}

// answer reads an answer and returns its status.
func (b *browsers) answer() (status int, err error) {
	length, closed := 0, false
	for first := true; ; first = false {
		line, err := b.reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		switch {
		case first:
			if len(text) < 12 {
				return 0, errors.New("bench: this is no answer of HTTP")
			}
			if status, err = strconv.Atoi(text[9:12]); err != nil {
				return 0, err
			}
		case text == "":
			_, err := b.reader.Discard(length)
			if err == nil && closed {
				err = b.reconnect()
			}
			return status, err
		case text == "Connection: close":
			closed = true
		case strings.HasPrefix(text, "Content-Length: "):
			if length, err = strconv.Atoi(text[len("Content-Length: "):]); err != nil {
				return 0, err
			}
		}
	}
}

func (b *browsers) reconnect() (err error) {
	_ = b.conn.Close() // it is over
	if b.conn, err = b.again(); err == nil {
		b.reader.Reset(b.conn)
	}
	return err
}
