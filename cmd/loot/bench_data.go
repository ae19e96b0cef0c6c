package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"loot/app"
	"loot/ledger"
	"loot/store"
)

// inApp runs f with an app of this process, whose ledger runs.
func (r *bench) inApp(f func(context.Context, *app.App) error) error {
	ctx, cancel := context.WithCancel(r.ctx)
	a, err := app.New(ctx, r.config, app.Options{Now: r.now, Log: slog.New(slog.NewTextHandler(r.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		cancel()
		return err
	}
	defer a.Close()
	ended := make(chan error, 1)
	go func() { ended <- a.Ledger.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			fmt.Fprintln(r.stderr, "bench: the sequencer ended:", err)
		}
	}()
	backends, err := a.Backends(ctx)
	if err != nil {
		return err
	}
	for _, pid := range backends {
		if main := parent(pid); main != 0 && !slices.Contains(r.postmasters, main) {
			r.postmasters = append(r.postmasters, main)
		}
	}
	return f(ctx, a)
}

// fill puts customers in, and measures the ledger.
func (r *bench) fill() error { return r.inApp(r.filling) }

func (r *bench) filling(ctx context.Context, a *app.App) error {
	n := r.size(100_000, 3_000)
	empty, err := r.bytes(a)
	if err != nil {
		return err
	}
	if r.token, r.ids, err = a.Scratch(ctx, n); err != nil {
		return err
	}
	if err := a.Ledger.Sync(ctx); err != nil {
		return err
	}
	full, err := r.bytes(a)
	if err != nil {
		return err
	}
	r.metrics["bytes_per_customer"] = float64(full.held-empty.held) / float64(n)
	r.metrics["customers"] = float64(n)
	r.metrics["gate_bytes_per_customer"] = float64(full.gate-empty.gate) / float64(n)
	// Each customer is two decisions and the note of an order.
	r.metrics["bytes_per_decision"] = float64(full.ledger-empty.ledger) / float64(3*n)
	for _, step := range []func(context.Context, *app.App) error{r.ledger, r.receipts, r.verify} {
		if err := step(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// receipts measures how soon after an opening its receipt can be had.
func (r *bench) receipts(ctx context.Context, a *app.App) error {
	var waits []time.Duration
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for _, s := range r.ids[:r.size(50, 10)] {
		began := r.now()
		var entry string
		if err := a.DB.InTx(ctx, func(tx *store.Tx) (err error) {
			entry, err = a.Ledger.Append(ctx, tx, ledger.Entry{
				Facts: ledger.Facts{At: began, Verdict: ledger.Recorded, Note: "bench"}, Subject: &ledger.SubjectFacet{Subject: s, Collection: "customer"},
			})
			return err
		}); err != nil {
			return err
		}
		for ready := false; !ready; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-look.C:
			}
			err := a.DB.Read(ctx, func(tx *store.Tx) error {
				_, err := a.Ledger.Receipt(ctx, tx, s, "customer", entry)
				return err
			})
			if ready = err == nil; !ready && !errors.Is(err, ledger.ErrNotYet) {
				return err
			}
		}
		waits = append(waits, r.now().Sub(began))
	}
	r.metrics["receipt_p99_ms"] = percentile(waits, 0.99)
	return nil
}

// verify measures how fast the whole ledger is held against its log.
func (r *bench) verify(ctx context.Context, a *app.App) error {
	if err := a.Ledger.Sync(ctx); err != nil {
		return err
	}
	began := r.now()
	report, err := a.Ledger.Verify(ctx, ledger.Against{})
	if err != nil {
		return err
	}
	if len(report.Problems) > 0 {
		return fmt.Errorf("bench: the ledger does not hold: %v", report.Problems[0])
	}
	r.metrics["ledger_verify_per_s"] = float64(report.Size) / r.now().Sub(began).Seconds()
	return nil
}

// ledger measures entries from the start of their transaction until they are
// confirmed in the log.
func (r *bench) ledger(ctx context.Context, a *app.App) error {
	const batch, writers = 100, 8
	rounds := r.size(100, 20)
	var mu sync.Mutex
	var waits []time.Duration
	start := r.now()
	err := parallel(writers, func(int) error {
		for range rounds {
			began := r.now()
			var last string
			if err := a.DB.InTx(ctx, func(tx *store.Tx) error {
				for range batch {
					id, err := a.Ledger.Append(ctx, tx, ledger.Entry{Facts: ledger.Facts{At: r.now(), Verdict: ledger.Recorded, Note: "bench"}})
					if err != nil {
						return err
					}
					last = id
				}
				return nil
			}); err != nil {
				return err
			}
			if err := a.Ledger.Await(ctx, last); err != nil {
				return err
			}
			mu.Lock()
			waits = append(waits, r.now().Sub(began))
			mu.Unlock()
		}
		return nil
	})
	r.metrics["ledger_entries_per_s"] = float64(writers*rounds*batch) / r.now().Sub(start).Seconds()
	r.metrics["ledger_p99_ms"] = percentile(waits, 0.99)
	return err
}

// A bytesOf says how much disk is taken by what is held (vault, indexes and
// keys), by what the gate knows of people, and by the ledger.
type bytesOf struct{ held, gate, ledger int64 }

// bytes measures the tables.
func (r *bench) bytes(a *app.App) (bytesOf, error) {
	var out bytesOf
	for table, size := range map[string]*int64{"vault_%": &out.held, "gate_person%": &out.gate, "ledger_%": &out.ledger} {
		n, err := a.DB.TableBytes(r.ctx, table)
		if err != nil {
			return out, err
		}
		*size += n
	}
	keys, err := a.KeyBytes(r.ctx)
	out.held += keys
	return out, err
}
