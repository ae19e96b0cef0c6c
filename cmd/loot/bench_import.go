package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"loot/app"
)

// imports measures taking customers over from CSV: by the interface for programs,
// as the command does it.
func (r *bench) imports() error {
	if err := r.customers(0, func(ctx context.Context, a *app.App) error { return a.Ledger.Sync(ctx) }); err != nil {
		return err // of the colleague who measures, with a token
	}
	pid, stop, err := r.startServer()
	if err != nil {
		return err
	}
	defer stop()
	n := r.size(100_000, 10_000)
	file, err := benchCustomers(n)
	if err != nil {
		return err
	}
	token := filepath.Join(r.dir, "token")
	if err := os.WriteFile(token, []byte(r.token), 0o600); err != nil {
		return err
	}
	t, err := r.taker(taking{reached: reached{r.base}, TokenFile: token})
	if err != nil {
		return err
	}
	began := r.now()
	if err := t.bring(bytes.NewReader(file), "customers.csv"); err != nil {
		return err
	}
	if err := t.post("/mapping", map[string]string{"kind": "clients", "system": "bench"}); err != nil {
		return err
	}
	brought := r.now()
	if err := t.wait("trying"); err != nil {
		return err
	}
	tried := r.now()
	own, database := processTime(pid), r.databaseTime()
	if err := t.post("/run", nil); err != nil {
		return err
	}
	waits, err := r.taken(t, pid)
	if err != nil {
		return err
	}
	took := r.now().Sub(tried)
	if t.state.State != "done" || t.state.New != int64(n) {
		return fmt.Errorf("bench: of %d customers %d were taken over, %d known, %d refused: %s %s", n, t.state.New, t.state.Known, t.state.Refused, t.state.State, t.state.Fault)
	}
	r.metrics["customers"] = float64(n)
	r.metrics["customers_per_s"] = float64(n) / took.Seconds()
	r.metrics["tried_per_s"] = float64(n) / tried.Sub(brought).Seconds()
	r.metrics["import_s"] = r.now().Sub(began).Seconds()
	r.metrics["customer_cpu_us"] = (processTime(pid) - own + r.databaseTime() - database) * 1e6 / float64(n)
	r.metrics["rows_250_p50_ms"], r.metrics["rows_250_p99_ms"] = percentile(waits, 0.5), percentile(waits, 0.99)
	return nil
}

// Rows that are taken over in one transaction, and how often it is asked how many are.
const (
	rowsTogether = 250
	askEvery     = 20 * time.Millisecond
)

// taken follows an import until it is done: how long each transaction of its rows came
// after the one before, as seen by asking, and how much memory the server has at most. Of
// several that were seen at once each has its part of the time.
func (r *bench) taken(t *taker, pid int) (waits []time.Duration, err error) {
	seen, at := int64(0), r.now()
	for {
		if err := t.get(); err != nil {
			return nil, err
		}
		r.metrics["rss_mib"] = max(r.metrics["rss_mib"], rss(pid))
		if read := t.state.Read; read > seen {
			n := (read - seen + rowsTogether - 1) / rowsTogether
			now := r.now()
			for range n {
				waits = append(waits, now.Sub(at)/time.Duration(n))
			}
			seen, at = read, now
		}
		switch t.state.State {
		case "running":
		case "failed":
			return nil, fmt.Errorf("bench: the import cannot go on: %s", t.state.Fault)
		default:
			return waits, nil
		}
		select {
		case <-r.ctx.Done():
			return nil, r.ctx.Err()
		case <-time.After(askEvery):
		}
	}
}

// benchCustomers are n customers as another system exports them.
func benchCustomers(n int) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write([]string{"id", "company", "vat", "company number", "street", "postcode", "city", "country", "name", "email", "phone", "service", "since", "domain"})
	day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		f := app.ScratchFields(i)
		if err := w.Write([]string{
			fmt.Sprint(i), f["company.name"], f["company.vat"], f["company.register"], f["address.street"], f["address.postcode"], f["address.city"], f["address.country"],
			f["contact.name"], f["contact.email"], f["contact.phone"], "shared-hosting", day.AddDate(0, 0, i%2000).Format(time.DateOnly), fmt.Sprintf("customer-%d.example", i),
		}); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}
