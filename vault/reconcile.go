package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"loot/keyring"
	"loot/store"
)

// Reconciliation compares what the keyring opened with the permits on the
// ledger. A difference is one of two things, and each is an incident:
//
//   - a value that was opened round the gate. The keyring writes it down before
//     it opens it, so no kill hides it;
//   - a permit that something was opened for and that the ledger does not have,
//     such as after its rows were deleted or the database was set back.
//
// The keyring counts a permit and what was opened for it once their transaction
// is committed, together or not at all. A process that is killed loses the counts
// of its last second: fewer permits than on the ledger are no difference, because
// not every permit is used, so that raises nothing. The keyring is read before
// the ledger, so what is counted meanwhile raises nothing either.
const (
	reconcileEvery = 5 * time.Minute
	reconcileFor   = 30 * time.Minute
	// lookBack is for how long counts of an hour may come late, from a process
	// that could not reach the key store.
	lookBack = 24 * time.Hour
)

// busyHour is with how many permits an hour waits until it is over, so that its
// entries are not read again and again.
var busyHour int64 = 10_000 // tests make it smaller

// A reconcileNow asks for a reconciliation.
type reconcileNow struct{}

// Kind names the job.
func (reconcileNow) Kind() string { return "vault.reconcile" }

func (v *Vault) reconcile(ctx context.Context, _ reconcileNow) error { return v.Reconcile(ctx) }

// An hourly is a row of vault_reconciled.
type hourly struct {
	hour                       int64
	opened, own, used, permits int64
	unanswered, unrecorded     int64
}

const notCompared = -1

// Reconcile compares every hour whose counts changed since it was compared
// last, and raises one incident for all that is new. Nodes may do it at the same
// time.
func (v *Vault) Reconcile(ctx context.Context) error {
	now := v.Now()
	known, from, err := v.hourlies(ctx, now)
	if err != nil {
		return err
	}
	counted, err := v.Keyring.Hours(ctx, from)
	if err != nil {
		return err
	}
	current := now.Truncate(time.Hour)
	if !slices.ContainsFunc(counted, func(h keyring.Hour) bool { return h.At.Equal(current) }) {
		counted = append(counted, keyring.Hour{At: current}) // says when it was looked at
	}
	slices.SortFunc(counted, func(a, b keyring.Hour) int { return a.At.Compare(b.At) })
	for part := range slices.Chunk(counted, 24) { // each kept by itself, so that a long time that was missed is made up in steps
		var changed []hourly
		for _, h := range part {
			was, ok := known[h.At.UnixMicro()]
			if !ok {
				was.permits = notCompared
			}
			is, err := v.compare(ctx, h, was, h.At.Before(current))
			if err != nil {
				return err
			}
			if is != was || h.At.Equal(current) {
				changed = append(changed, is)
			}
		}
		if err := v.keepReconciled(ctx, now, changed); err != nil {
			return err
		}
	}
	return nil
}

// compare returns how an hour stands now.
func (v *Vault) compare(ctx context.Context, h keyring.Hour, was hourly, over bool) (hourly, error) {
	is := hourly{
		hour: h.At.UnixMicro(), opened: h.Count[keyring.Record], own: h.Count[keyring.System] + h.Count[keyring.Ledger],
		used: h.Count[keyring.Permits], permits: was.permits, unanswered: h.Count[keyring.Unanswered], unrecorded: was.unrecorded,
	}
	switch {
	case !over && is.used > busyHour:
		is.permits = notCompared
	case was.permits == notCompared || was.used != is.used:
		var err error
		if is.permits, err = v.permits(ctx, h.At); err != nil {
			return is, err
		}
		is.unrecorded = max(was.unrecorded, is.used-is.permits)
	}
	return is, nil
}

// hourlies returns the hours that may still change, and since when those are.
func (v *Vault) hourlies(ctx context.Context, now time.Time) (known map[int64]hourly, from time.Time, err error) {
	err = v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		known = map[int64]hourly{}
		var last sql.NullInt64 // a clock that was ahead once is no reason to leave out what came after
		if err := tx.QueryRow(ctx, `SELECT MAX(hour) FROM vault_reconciled WHERE hour <= $1`, now.UnixMicro()).Scan(&last); err != nil {
			return err
		}
		from = time.UnixMicro(last.Int64).Add(-lookBack)
		rows, err := tx.Query(ctx, `SELECT hour, opened, own, used, permits, unanswered, unrecorded FROM vault_reconciled WHERE hour >= $1 OR unanswered > 0`, from.UnixMicro())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var h hourly
			if err := rows.Scan(&h.hour, &h.opened, &h.own, &h.used, &h.permits, &h.unanswered, &h.unrecorded); err != nil {
				return err
			}
			known[h.hour] = h
		}
		return rows.Err()
	})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("vault: reconcile: %w", err)
	}
	return known, from, nil
}

// permits returns how many permits to open something the ledger has of an hour.
func (v *Vault) permits(ctx context.Context, hour time.Time) (n int64, err error) {
	err = v.DB.Read(ctx, func(tx *store.Tx) error {
		n, err = v.Ledger.Permits(ctx, tx, hour, hour.Add(time.Hour))
		return err
	})
	return n, err
}

// keepReconciled keeps how hours stand and raises an incident for what no
// incident was raised for before. The rows are locked in order of time, so that
// of two nodes that find the same one raises it.
func (v *Vault) keepReconciled(ctx context.Context, now time.Time, hours []hourly) error {
	err := v.DB.InTx(ctx, func(tx *store.Tx) error {
		var found Difference
		for _, h := range hours {
			was, err := lockHour(ctx, tx, h.hour)
			if err != nil {
				return err
			}
			found.add(h, was)
			if _, err := tx.Exec(ctx, `UPDATE vault_reconciled SET at = $1, opened = $2, own = $3, used = $4, permits = $5, unanswered = $6, unrecorded = $7 WHERE hour = $8`,
				now.UnixMicro(), h.opened, h.own, h.used, h.permits, max(h.unanswered, was.unanswered), max(h.unrecorded, was.unrecorded), h.hour); err != nil {
				return err
			}
		}
		if found.Unanswered+found.Unrecorded == 0 {
			return nil
		}
		if found.Until.After(now) {
			found.Until = now
		}
		entry, err := v.Gate.Incident(ctx, tx, "reconciliation", "")
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO vault_difference (entry, since, until, unanswered, unrecorded, opened, permits) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			entry, found.Since.UnixMicro(), found.Until.UnixMicro(), found.Unanswered, found.Unrecorded, found.Opened, found.Permits)
		return err
	})
	if err != nil {
		return fmt.Errorf("vault: reconcile: %w", err)
	}
	return nil
}

// lockHour returns what an incident was raised for in an hour, and makes the
// row if there is none.
func lockHour(ctx context.Context, tx *store.Tx, hour int64) (was hourly, err error) {
	if _, err := tx.Exec(ctx, `INSERT INTO vault_reconciled (hour, at, opened, own, used, permits, unanswered, unrecorded) VALUES ($1, 0, 0, 0, 0, $2, 0, 0)
		ON CONFLICT (hour) DO NOTHING`, hour, notCompared); err != nil {
		return was, err
	}
	err = tx.QueryRow(ctx, `SELECT unanswered, unrecorded FROM vault_reconciled WHERE hour = $1`+tx.ForUpdate(), hour).Scan(&was.unanswered, &was.unrecorded)
	return was, err
}

// A Difference is what a reconciliation raised an incident for.
type Difference struct {
	Since, Until time.Time // the hours in which it was found
	Unanswered   int       // values that were opened round the gate
	Unrecorded   int       // permits that something was opened for and that the ledger does not have
	Opened       int       // values opened for permits in the same hours
	Permits      int       // permits to open, on the ledger
}

func (d *Difference) add(is, was hourly) {
	unanswered, unrecorded := max(0, is.unanswered-was.unanswered), max(0, is.unrecorded-was.unrecorded)
	if unanswered+unrecorded == 0 {
		return
	}
	at := time.UnixMicro(is.hour).UTC()
	if d.Since.IsZero() {
		d.Since = at
	}
	d.Until = at.Add(time.Hour)
	d.Unanswered += int(unanswered)
	d.Unrecorded += int(unrecorded)
	d.Opened += int(is.opened)
	d.Permits += int(max(0, is.permits))
}

// Difference returns what the incident that a ledger entry records was raised
// for; false if it is not one of a reconciliation.
func (v *Vault) Difference(ctx context.Context, tx *store.Tx, entry string) (Difference, bool, error) {
	var d Difference
	var since, until int64
	err := tx.QueryRow(ctx, `SELECT since, until, unanswered, unrecorded, opened, permits FROM vault_difference WHERE entry = $1`, entry).
		Scan(&since, &until, &d.Unanswered, &d.Unrecorded, &d.Opened, &d.Permits)
	if errors.Is(err, sql.ErrNoRows) {
		return d, false, nil
	}
	if err != nil {
		return d, false, fmt.Errorf("vault: difference: %w", err)
	}
	d.Since, d.Until = time.UnixMicro(since).UTC(), time.UnixMicro(until).UTC()
	return d, true, nil
}

// A Reconciliation is how openings and permits stand.
type Reconciliation struct {
	At         time.Time // when they were last compared; zero: never
	Until      time.Time // the end of the day that the sums are of; zero: no hour was compared yet
	Opened     int       // values opened for permits
	Permits    int       // permits to open, on the ledger
	Own        int       // values opened by the program for itself: new indexes, checks, timelines
	Difference int       // of that day
	Ever       int       // every difference that was found so far
}

// Reconciled returns the last reconciliation, with the sums of the last day
// that was compared.
func (v *Vault) Reconciled(ctx context.Context, tx *store.Tx) (Reconciliation, error) {
	var r Reconciliation
	var at, newest, lastAt int64
	if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(at), 0), COALESCE(MAX(CASE WHEN permits >= 0 THEN hour END), 0), CAST(COALESCE(SUM(unanswered + unrecorded), 0) AS BIGINT)
		FROM vault_reconciled`).Scan(&at, &newest, &r.Ever); err != nil {
		return r, fmt.Errorf("vault: reconciled: %w", err)
	}
	if at == 0 {
		return r, nil
	}
	r.At = time.UnixMicro(at).UTC()
	day := newest - (lookBack - time.Hour).Microseconds()
	if err := tx.QueryRow(ctx, `SELECT CAST(COALESCE(SUM(CASE WHEN permits >= 0 THEN opened END), 0) AS BIGINT), CAST(COALESCE(SUM(CASE WHEN permits >= 0 THEN permits END), 0) AS BIGINT),
		CAST(COALESCE(SUM(own), 0) AS BIGINT), CAST(COALESCE(SUM(unanswered + unrecorded), 0) AS BIGINT), COALESCE(MAX(CASE WHEN hour = $2 THEN at END), 0)
		FROM vault_reconciled WHERE hour >= $1`, day, newest).Scan(&r.Opened, &r.Permits, &r.Own, &r.Difference, &lastAt); err != nil {
		return r, fmt.Errorf("vault: reconciled: %w", err)
	}
	if newest > 0 {
		r.Until = time.UnixMicro(min(newest+time.Hour.Microseconds(), lastAt)).UTC()
	}
	return r, nil
}
