package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/store"
)

// How many times something may be tried before it is locked, and for how
// long: 30 seconds at first, then twice as long each time, up to an hour. A
// try in a new day begins afresh.
const (
	freeTries   = 5
	firstLock   = 30 * time.Second
	longestLock = time.Hour
	triesForget = 24 * time.Hour
)

func lockAfter(tries int64) time.Duration {
	if tries <= freeTries {
		return 0
	}
	lock := firstLock
	for range tries - freeTries - 1 {
		if lock *= 2; lock >= longestLock {
			return longestLock
		}
	}
	return lock
}

// try counts a try before it is made, so that a hundred at once are a hundred,
// and refuses while the thing is locked. It counts for names that do not exist
// too: the answer says nothing about whether they do.
func (d *Desk) try(ctx context.Context, what, at string) error {
	key := d.keyed("attempt", what, at)
	now := d.kit.Now()
	var wait time.Duration
	err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		wait = 0
		if _, err := tx.Exec(ctx, `INSERT INTO signin_attempt (id, count, until, last) VALUES ($1, 0, 0, $2) ON CONFLICT (id) DO NOTHING`, key, now.UnixMicro()); err != nil {
			return fmt.Errorf("signin: attempt: %w", err)
		}
		var count, until, last int64
		err := tx.QueryRow(ctx, `SELECT count, until, last FROM signin_attempt WHERE id = $1`+tx.ForUpdate(), key).Scan(&count, &until, &last)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // it succeeded elsewhere, this moment
		}
		if err != nil {
			return fmt.Errorf("signin: attempt: %w", err)
		}
		if now.UnixMicro() < until {
			wait = time.Duration(until-now.UnixMicro()) * time.Microsecond
			return nil
		}
		if now.UnixMicro()-last > triesForget.Microseconds() {
			count = 0
		}
		count++
		if _, err := tx.Exec(ctx, `UPDATE signin_attempt SET count = $1, until = $2, last = $3 WHERE id = $4`,
			count, expires(now, lockAfter(count)), now.UnixMicro(), key); err != nil {
			return fmt.Errorf("signin: attempt: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if wait > 0 {
		return loot.Errorf(loot.Limited, "That was tried too often. Please wait %s, or sign in with a passkey.", inWords(wait))
	}
	return nil
}

// succeeded forgets the tries at something.
func (d *Desk) succeeded(ctx context.Context, tx *store.Tx, what, at string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM signin_attempt WHERE id = $1`, d.keyed("attempt", what, at)); err != nil {
		return fmt.Errorf("signin: attempt: %w", err)
	}
	return nil
}

func inWords(d time.Duration) string {
	if d <= 90*time.Second {
		return loot.Plural(int(d.Seconds()+0.999), "second", "seconds")
	}
	return loot.Plural(int(d.Minutes()+0.999), "minute", "minutes")
}
