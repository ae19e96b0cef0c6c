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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"loot/app"
)

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
	if err := r.views(server); err != nil {
		return err
	}
	r.metrics["rss_mib"] = rss(server)
	return nil
}

// fillVisits makes the sites of the measurements.
func (r *bench) fillVisits() error {
	a, err := app.New(r.ctx, r.config, app.Options{Now: r.now, Log: slog.New(slog.NewTextHandler(r.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	defer a.Close()
	if r.live, err = a.ScratchVisits(r.ctx, "live", 0, 0); err != nil {
		return err
	}
	return nil
}

// views sends views as browsers do, each of a visitor of its own or one of the
// last, and waits for each to be on the disk.
func (r *bench) views(server int) error {
	const conns = 256
	var sent, failed atomic.Int64
	var mu sync.Mutex
	var waits []time.Duration
	own := processTime(server)
	start := r.now()
	end := start.Add(r.span())
	err := parallel(conns, func(i int) (err error) {
		b, err := newBrowsers(r.ctx, r.config.Listen, r.live, i)
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
			if status != http.StatusAccepted {
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
	r.metrics["views_per_s"] = float64(sent.Load()) / took
	r.metrics["view_p50_ms"], r.metrics["view_p99_ms"] = percentile(waits, 0.5), percentile(waits, 0.99)
	r.metrics["cpu_us_per_view"] = (processTime(server) - own) * 1e6 / float64(max(sent.Load(), 1))
	r.metrics["failed"] = float64(failed.Load())
	return nil
}

// browsers are visitors who share a connection, as behind a proxy.
type browsers struct {
	conn   net.Conn
	reader *bufio.Reader
	rand   *rand.Rand
	head   string // up to the address of the client
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
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	b := &browsers{conn: conn, reader: bufio.NewReaderSize(conn, 2048), rand: rand.New(rand.NewPCG(uint64(seed), 7)), site: site}
	b.head = "POST " + site.Path + " HTTP/1.1\r\nHost: " + site.Host + "\r\nContent-Type: text/plain;charset=UTF-8\r\nAccept: */*\r\nAccept-Language: en-IE,en;q=0.8\r\nOrigin: https://" + site.Host +
		"\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: cross-site\r\nX-Forwarded-For: "
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
	body := fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://%s/a/page/of/it/%d?utm_source=news","referrer":"https://www.google.com/","width":%d}`,
		page, b.site.Host, b.rand.IntN(1+b.rand.IntN(2000)), 1+b.rand.IntN(5))
	b.buf = append(b.buf[:0], b.head...)
	b.buf = append(b.buf, b.addr...)
	b.buf = append(b.buf, "\r\nUser-Agent: "...)
	b.buf = append(b.buf, b.agent...)
	b.buf = append(b.buf, "\r\nContent-Length: "...)
	b.buf = strconv.AppendInt(b.buf, int64(len(body)), 10)
	b.buf = append(b.buf, "\r\n\r\n"...)
	b.buf = append(b.buf, body...)
	if _, err := b.conn.Write(b.buf); err != nil {
		return page, 0, err
	}
	status, err = b.answer()
	return page, status, err
}

// answer reads an answer and returns its status.
func (b *browsers) answer() (status int, err error) {
	length := 0
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
			return status, err
		case strings.HasPrefix(text, "Content-Length: "):
			if length, err = strconv.Atoi(text[len("Content-Length: "):]); err != nil {
				return 0, err
			}
		}
	}
}
