package customers

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/store"
)

// An Order is a service that somebody ordered.
type Order struct {
	ID      string
	Subject loot.Subject
	Service string // id in the statement
	Plan    string
	Made    time.Time
	Ended   time.Time // zero: it runs
	Carrier string    // staff id of whose program brought it; empty: the customer ordered themself
}

// FindOrder returns an order, for the desk that keeps services.
func FindOrder(ctx context.Context, tx *store.Tx, id string) (Order, error) {
	o := Order{ID: id}
	var made, ended int64
	err := tx.QueryRow(ctx, `SELECT subject, service, plan, made, ended, carrier FROM customers_order WHERE id = $1`, id).Scan(&o.Subject, &o.Service, &o.Plan, &made, &ended, &o.Carrier)
	if errors.Is(err, sql.ErrNoRows) {
		return Order{}, loot.Errorf(loot.NotFound, "There is no such order.")
	}
	if err != nil {
		return Order{}, fmt.Errorf("customers: order: %w", err)
	}
	o.Made = time.UnixMicro(made).UTC()
	if ended != 0 {
		o.Ended = time.UnixMicro(ended).UTC()
	}
	return o, nil
}

func insertOrder(ctx context.Context, tx *store.Tx, o Order) error {
	if err := tx.Queue(ctx, `INSERT INTO customers_order (id, subject, service, plan, made, ended, carrier) VALUES ($1, $2, $3, $4, $5, 0, $6)`,
		o.ID, o.Subject, o.Service, o.Plan, o.Made.UnixMicro(), o.Carrier); err != nil {
		return fmt.Errorf("customers: order: %w", err)
	}
	return nil
}

// openOrders returns the orders of a person that were not ended here.
func openOrders(ctx context.Context, tx *store.Tx, s loot.Subject) ([]Order, error) {
	rows, err := tx.Query(ctx, `SELECT id, service FROM customers_order WHERE subject = $1 AND ended = 0 ORDER BY made, id`, s)
	if err != nil {
		return nil, fmt.Errorf("customers: orders: %w", err)
	}
	defer rows.Close()
	var out []Order
	for rows.Next() {
		o := Order{Subject: s}
		if err := rows.Scan(&o.ID, &o.Service); err != nil {
			return nil, fmt.Errorf("customers: orders: %w", err)
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

func endOrders(ctx context.Context, tx *store.Tx, s loot.Subject, now time.Time) error {
	if _, err := tx.Exec(ctx, `UPDATE customers_order SET ended = $1 WHERE subject = $2 AND ended = 0`, now.UnixMicro(), s); err != nil {
		return fmt.Errorf("customers: orders: %w", err)
	}
	return nil
}

// sentOnce notes that a form was sent, and reports false if it was sent before.
func sentOnce(ctx context.Context, tx *store.Tx, form string, now time.Time) (bool, error) {
	sum := sha256.Sum256([]byte(form))
	n, err := tx.Exec(ctx, `INSERT INTO customers_sent (form, made) VALUES ($1, $2) ON CONFLICT (form) DO NOTHING`, sum[:16], now.UnixMicro())
	if err != nil {
		return false, fmt.Errorf("customers: sent: %w", err)
	}
	return n == 1, nil
}

// wasNotified reports whether a notice went out.
func wasNotified(ctx context.Context, tx *store.Tx, entry string, s loot.Subject) (bool, error) {
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM customers_notified WHERE entry = $1 AND subject = $2`, entry, s).Scan(&n); err != nil {
		return false, fmt.Errorf("customers: notified: %w", err)
	}
	return n > 0, nil
}

// markNotified notes that a notice went out.
func markNotified(ctx context.Context, tx *store.Tx, entry string, s loot.Subject, now time.Time) error {
	if err := tx.Queue(ctx, `INSERT INTO customers_notified (entry, subject, at) VALUES ($1, $2, $3) ON CONFLICT (entry, subject) DO NOTHING`, entry, s, now.UnixMicro()); err != nil {
		return fmt.Errorf("customers: notified: %w", err)
	}
	return nil
}

// An erasure is one that was asked for and waits for its day.
type erasure struct{ Asked, Due time.Time }

func findErasure(ctx context.Context, tx *store.Tx, s loot.Subject, lock string) (erasure, bool, error) {
	var asked, due int64
	err := tx.QueryRow(ctx, `SELECT asked, due FROM customers_erasure WHERE subject = $1`+lock, s).Scan(&asked, &due)
	if errors.Is(err, sql.ErrNoRows) {
		return erasure{}, false, nil
	}
	if err != nil {
		return erasure{}, false, fmt.Errorf("customers: erasure: %w", err)
	}
	return erasure{time.UnixMicro(asked).UTC(), time.UnixMicro(due).UTC()}, true, nil
}

func putErasure(ctx context.Context, tx *store.Tx, s loot.Subject, e erasure) error {
	if _, err := tx.Exec(ctx, `INSERT INTO customers_erasure (subject, asked, due) VALUES ($1, $2, $3)
		ON CONFLICT (subject) DO UPDATE SET due = excluded.due`, s, e.Asked.UnixMicro(), e.Due.UnixMicro()); err != nil {
		return fmt.Errorf("customers: erasure: %w", err)
	}
	return nil
}

// waitingErasures returns who waits to be erased.
func waitingErasures(ctx context.Context, tx *store.Tx) ([]loot.Subject, error) {
	rows, err := tx.Query(ctx, `SELECT subject FROM customers_erasure ORDER BY due, subject`)
	if err != nil {
		return nil, fmt.Errorf("customers: erasures: %w", err)
	}
	defer rows.Close()
	var out []loot.Subject
	for rows.Next() {
		var s loot.Subject
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("customers: erasures: %w", err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func endErasure(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	if _, err := tx.Exec(ctx, `DELETE FROM customers_erasure WHERE subject = $1`, s); err != nil {
		return fmt.Errorf("customers: erasure: %w", err)
	}
	return nil
}

// forget removes what this desk keeps about a person outside the vault.
func (c *customers) forget(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	for _, q := range []string{
		`DELETE FROM customers_order WHERE subject = $1`,
		`DELETE FROM customers_notified WHERE subject = $1`,
		`DELETE FROM customers_erasure WHERE subject = $1`,
	} {
		if _, err := tx.Exec(ctx, q, s); err != nil {
			return fmt.Errorf("customers: forget: %w", err)
		}
	}
	return nil
}

// An exported is what a person's copy says of this desk.
type exported struct {
	Orders  []exportedOrder  `json:"orders,omitempty"`
	Notices []exportedNotice `json:"notices,omitempty"`
	Erasure *exportedErasure `json:"erasure,omitempty"`
}

type exportedOrder struct {
	Reference string    `json:"reference"`
	Service   string    `json:"service"`
	Plan      string    `json:"plan,omitempty"`
	Ordered   time.Time `json:"ordered"`
	Brought   bool      `json:"brought_by_a_program,omitempty"` // else they ordered themself
}

type exportedNotice struct {
	Entry string    `json:"entry"` // of the timeline, of which they were told
	Told  time.Time `json:"told"`
}

type exportedErasure struct {
	Asked time.Time `json:"asked"`
	Due   time.Time `json:"due"`
}

// export returns what this desk keeps about a person outside the vault.
func (c *customers) export(ctx context.Context, tx *store.Tx, s loot.Subject) (any, error) {
	var out exported
	if err := exportOrders(ctx, tx, s, &out); err != nil {
		return nil, err
	}
	if err := exportNotices(ctx, tx, s, &out); err != nil {
		return nil, err
	}
	e, asked, err := findErasure(ctx, tx, s, "")
	if err != nil {
		return nil, err
	}
	if asked {
		out.Erasure = &exportedErasure{e.Asked, e.Due}
	}
	if len(out.Orders)+len(out.Notices) == 0 && !asked {
		return nil, nil
	}
	return out, nil
}

func exportOrders(ctx context.Context, tx *store.Tx, s loot.Subject, out *exported) error {
	rows, err := tx.Query(ctx, `SELECT id, service, plan, made, carrier <> '' FROM customers_order WHERE subject = $1 ORDER BY made, id`, s)
	if err != nil {
		return fmt.Errorf("customers: export: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var o exportedOrder
		var made int64
		if err := rows.Scan(&o.Reference, &o.Service, &o.Plan, &made, &o.Brought); err != nil {
			return fmt.Errorf("customers: export: %w", err)
		}
		o.Ordered = store.Instant(made)
		out.Orders = append(out.Orders, o)
	}
	return rows.Err()
}

func exportNotices(ctx context.Context, tx *store.Tx, s loot.Subject, out *exported) error {
	rows, err := tx.Query(ctx, `SELECT entry, at FROM customers_notified WHERE subject = $1 ORDER BY at, entry`, s)
	if err != nil {
		return fmt.Errorf("customers: export: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n exportedNotice
		var at int64
		if err := rows.Scan(&n.Entry, &at); err != nil {
			return fmt.Errorf("customers: export: %w", err)
		}
		n.Told = store.Instant(at)
		out.Notices = append(out.Notices, n)
	}
	return rows.Err()
}

// sweepSent forgets forms that were sent before a time.
func sweepSent(ctx context.Context, tx *store.Tx, before time.Time) error {
	if _, err := tx.Exec(ctx, `DELETE FROM customers_sent WHERE made < $1`, before.UnixMicro()); err != nil {
		return fmt.Errorf("customers: sweep: %w", err)
	}
	return nil
}
