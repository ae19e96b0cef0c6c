package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"loot"
	"loot/app"
	"loot/statement"
)

type benchCmd struct {
	Name     string   `arg:"" enum:"kernel,visits,billing,verify,import,disclosure,safety" help:"kernel: deciding, opening, registering, the ledger, memory and size. visits: recording views, reports, importing logs. billing: documents, a run of a month, a copy of what is held. verify: the automatic checks of records. import: taking customers over from a file. disclosure: a partner that pulls everybody, the revocation of its agreement meanwhile, and the transparency report. safety: taking reports of abuse in by mail."`
	Store    string   `help:"A PostgreSQL address whose database is empty, or for visits one of ClickHouse; default: SQLite and DuckDB." placeholder:"URL"`
	Keys     string   `help:"A second PostgreSQL address, for the persons' keys; default: SQLite." placeholder:"URL"`
	Other    string   `help:"visits: an address of another tool that counts a view when it is asked for, such as http://127.0.0.1:8081/count?p={path}&r={referrer}. The same views are sent to it." placeholder:"URL"`
	PID      int      `help:"The process of the other tool, whose processor time and memory are told." name:"other-pid"`
	Networks []string `help:"visits: files in the MaxMind format, by which the server names the networks of addresses." type:"path" placeholder:"FILE"`
	Quick    bool     `help:"Fewer data and shorter runs: under 40 seconds on 2 cores."`
	JSON     bool     `help:"Print JSON." name:"json"`
}

// A bench is one run: the server in a process of its own, and the load
// generator in this one, on the same machine.
type bench struct {
	*command
	cmd     *benchCmd
	dir     string
	config  app.Config
	metrics map[string]float64
	token   string
	ids     []loot.Subject
	base    string
	client  *http.Client
	live    app.ScratchSite // to which views are sent
	filled  []filledSite
	bill    app.ScratchBill

	postmasters []int // of the PostgreSQL servers on this machine
}

func (b *benchCmd) Run(c *command) error {
	dir, err := os.MkdirTemp("", "loot-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	address, err := freeAddress(c.ctx)
	if err != nil {
		return err
	}
	r := &bench{command: c, cmd: b, dir: dir, metrics: map[string]float64{}, base: "http://" + address}
	if strings.HasPrefix(b.Store, "clickhouse:") {
		r.config.Visits, b.Store = b.Store, ""
	}
	r.config = app.Config{
		Place: app.Place{Data: filepath.Join(dir, "data"), Store: b.Store, Keys: b.Keys}, Visiting: app.Visiting{Visits: r.config.Visits}, Listen: address, From: "Loot <no-reply@localhost>",
		LogLevel: "warn", LogFormat: "text", Shutdown: 20 * time.Second,
	}
	r.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64}}
	steps := []func() error{r.decide, r.fill, r.serve}
	switch b.Name {
	case "visits":
		steps = []func() error{r.visits}
	case "billing":
		r.config.Selling = benchSeller
		steps = []func() error{r.billing}
	case "verify":
		steps = []func() error{r.checks}
	case "disclosure":
		steps = []func() error{r.feed}
	case "import":
		steps = []func() error{r.imports}
	case "safety":
		steps = []func() error{r.safety}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return r.report()
}

// size returns n, or fewer with --quick.
func (r *bench) size(n, quick int) int {
	if r.cmd.Quick {
		return quick
	}
	return n
}

func (r *bench) span() time.Duration { return time.Duration(r.size(10, 4)) * time.Second }

func (r *bench) clients() int {
	if r.cmd.Store != "" {
		return 32
	}
	return 16
}

// decide measures decisions on one core, building each request anew.
func (r *bench) decide() error {
	s, err := readStatement("")
	if err != nil {
		return err
	}
	now := r.now()
	end := now.Add(r.span() / 2)
	n := 0
	for r.now().Before(end) {
		for range 200 {
			in := &statement.Input{
				Action: loot.Use, Actor: statement.Actor{Kind: loot.Staff, Roles: []loot.Role{"support"}, Undertaking: now.Add(-time.Hour)},
				Record:  statement.Record{Collection: "customer", Category: "contact", Level: 2, Purposes: []loot.Purpose{"service", "support"}, Identifying: true},
				Person:  statement.Person{Ordered: []loot.Purpose{"service", "support"}, Confirmed: true},
				Context: statement.Context{Purpose: "support", Now: now},
			}
			if v := s.Decide(in); !v.Allowed {
				return fmt.Errorf("bench: the decision came out wrong: %v %v", v.Clauses, v.Errors)
			}
			n++
		}
	}
	r.metrics["decisions_per_s"] = float64(n) / r.now().Sub(now).Seconds()
	return nil
}

// startServer starts the server in a process of its own and returns when it is
// ready.
func (r *bench) startServer() (pid int, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, nil, err
	}
	args := []string{"bench-server", "--data", r.config.Data, "--listen", r.config.Listen, "--metrics", r.config.Metrics, "--log-level", "warn", "--trusted-proxies", "127.0.0.0/8", "--verify-ask", "none"}
	if r.cmd.Store != "" {
		args = append(args, "--store", r.cmd.Store)
	}
	if r.cmd.Keys != "" {
		args = append(args, "--keys", r.cmd.Keys)
	}
	if r.config.Visits != "" {
		args = append(args, "--visits", r.config.Visits)
	}
	if s := r.config.Selling; s.SellerVAT != "" {
		args = append(args, "--seller-name", s.SellerName, "--seller-address", s.SellerAddress, "--seller-vat", s.SellerVAT)
	}
	if r.config.SMTPListen != "" {
		args = append(args, "--smtp-listen", r.config.SMTPListen, "--abuse-address", r.config.AbuseMailAt)
	}
	for _, file := range r.cmd.Networks {
		args = append(args, "--networks", file)
	}
	server := exec.CommandContext(r.ctx, self, args...)
	server.Stderr = r.stderr
	if err := server.Start(); err != nil {
		return 0, nil, err
	}
	stop = func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	}
	if err := r.ready(); err != nil {
		stop()
		return 0, nil, err
	}
	return server.Process.Pid, stop, nil
}

// serve starts the server and measures it from outside.
func (r *bench) serve() error {
	pid, stop, err := r.startServer()
	if err != nil {
		return err
	}
	defer stop()
	r.metrics["rss_idle_mib"] = rss(pid)
	var failed atomic.Int64

	reason := func() string { return "ticket " + strconv.Itoa(rand.IntN(1e6)) }
	opens := r.loadAs("open", pid, &failed, func(int) (string, string, any) {
		id := r.ids[rand.IntN(len(r.ids))]
		return http.MethodPost, "/api/customers/" + string(id) + "/open", map[string]any{"purpose": "support", "reason": reason()}
	})
	r.metrics["open_p50_ms"], r.metrics["open_p99_ms"] = percentile(opens.waits, 0.5), percentile(opens.waits, 0.99)
	r.metrics["rss_mib"] = rss(pid)

	var next atomic.Int64
	r.loadAs("create", pid, &failed, func(int) (string, string, any) {
		i := int(next.Add(1)) + 10_000_000
		return http.MethodPost, "/api/customers", map[string]any{"service": "shared-hosting", "plan": "shared-small", "fields": app.ScratchFields(i), "form": "bench" + strconv.Itoa(i)}
	})
	finds := r.load(waiters, &failed, func(int) (string, string, any) {
		return http.MethodPost, "/api/customers/find", map[string]any{"purpose": "support", "field": "contact.email", "value": fmt.Sprintf("jo%d@example.com", rand.IntN(len(r.ids)))}
	})
	r.metrics["search_p99_ms"] = percentile(finds.waits, 0.99)
	lists := r.load(waiters, &failed, func(int) (string, string, any) {
		return http.MethodGet, "/api/customers?limit=50&after=" + string(r.ids[rand.IntN(len(r.ids))]), nil
	})
	r.metrics["list_p99_ms"] = percentile(lists.waits, 0.99)
	r.metrics["rss_mib"] = max(r.metrics["rss_mib"], rss(pid))
	r.metrics["failed"] = float64(failed.Load())
	return nil
}

// ready waits until the server answers.
func (r *bench) ready() error {
	for range 300 {
		res, err := r.client.Get(r.base + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-r.ctx.Done():
			return r.ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return loot.Errorf(loot.Unavailable, "The server did not become ready within 30 seconds.")
}

// A loaded is what a load came to.
type loaded struct {
	perSecond float64
	waits     []time.Duration
}

// waiters is how many clients ask where the figure is the wait of one of them,
// and not what the machine bears at most.
const waiters = 2

// loadAs is load by all clients, reported with the processor time that each
// request took of the server and of the database.
func (r *bench) loadAs(name string, server int, failed *atomic.Int64, next func(client int) (method, path string, body any)) loaded {
	own, database := processTime(server), r.databaseTime()
	out := r.load(r.clients(), failed, next)
	own, database = processTime(server)-own, r.databaseTime()-database
	r.metrics[name+"s_per_s"] = out.perSecond
	r.metrics[name+"_cpu_us"] = (own + database) * 1e6 / float64(len(out.waits))
	r.metrics[name+"_database_cpu_us"] = database * 1e6 / float64(len(out.waits))
	return out
}

// load sends requests from several clients for a while.
func (r *bench) load(clients int, failed *atomic.Int64, next func(client int) (method, path string, body any)) loaded {
	var mu sync.Mutex
	var out loaded
	start := r.now()
	end := start.Add(r.span())
	_ = parallel(clients, func(client int) error { // a request that fails is counted
		var waits []time.Duration
		for r.now().Before(end) && r.ctx.Err() == nil {
			method, path, body := next(client)
			began := r.now()
			if err := r.send(method, path, body); err != nil {
				if failed.Add(1) == 1 {
					fmt.Fprintln(r.stderr, "bench: the first failed request:", err)
				}
				continue
			}
			waits = append(waits, r.now().Sub(began))
		}
		mu.Lock()
		out.waits = append(out.waits, waits...)
		mu.Unlock()
		return nil
	})
	out.perSecond = float64(len(out.waits)) / r.now().Sub(start).Seconds()
	return out
}

func (r *bench) send(method, path string, body any) error { return r.ask(method, path, body, nil) }

// get asks for something and reads the answer.
func (r *bench) get(path string, into any) error { return r.ask(http.MethodGet, path, nil, into) }

func (r *bench) ask(method, path string, body, into any) error {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(r.ctx, method, r.base+path, in)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %d %s", method, strings.SplitN(path, "?", 2)[0], res.StatusCode, answer)
	}
	if into != nil {
		return json.Unmarshal(answer, into)
	}
	return nil
}

func (r *bench) report() error {
	if r.cmd.JSON {
		return printJSON(r.command, map[string]any{"name": r.cmd.Name, "metrics": r.metrics})
	}
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range r.metrics {
			if !yield(name) {
				return
			}
		}
	})
	for _, name := range names {
		fmt.Fprintf(r.stdout, "%-24s %14.1f\n", name, r.metrics[name])
	}
	return nil
}

func parallel(n int, f func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// percentile returns the share-quantile in milliseconds.
func percentile(waits []time.Duration, share float64) float64 {
	if len(waits) == 0 {
		return 0
	}
	slices.SortFunc(waits, cmp.Compare)
	i := min(len(waits)-1, int(math.Ceil(share*float64(len(waits)))))
	return float64(waits[i].Microseconds()) / 1000
}

func freeAddress(ctx context.Context) (string, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// rss returns the resident memory of a process in MiB.
func rss(pid int) float64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				return 0
			}
			return kb / 1024
		}
	}
	return 0
}

// databaseTime returns the processor seconds that the servers of PostgreSQL on
// this machine have used, those of their processes that ended included.
func (r *bench) databaseTime() float64 {
	used := 0.0
	for _, postmaster := range r.postmasters {
		used += processTime(postmaster)
	}
	if used == 0 {
		return 0
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return used
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && slices.Contains(r.postmasters, parent(pid)) {
			used += processTime(pid)
		}
	}
	return used
}

// clockTick is the unit of /proc/PID/stat on Linux, in seconds.
const clockTick = 0.01

// processTime returns the processor seconds that a process and its children
// that ended have used.
func processTime(pid int) float64 {
	used := 0.0
	for _, field := range []int{11, 12, 13, 14} {
		n, err := strconv.ParseFloat(stat(pid, field), 64)
		if err != nil {
			return 0
		}
		used += n
	}
	return used * clockTick
}

// parent returns the process that started another.
func parent(pid int) int {
	n, _ := strconv.Atoi(stat(pid, 1)) // 0: it has ended
	return n
}

// stat returns a field of /proc/PID/stat, counted from the one after the name.
func stat(pid, field int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) <= field {
		return ""
	}
	return fields[field]
}
