package store

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"

	"loot"
)

// maxGroup bounds how many transactions share a commit, and so how long the
// first of them waits for the last.
const maxGroup = 128

// A turn is a caller's place in the queue for the writer. The function runs on
// the caller's own goroutine, so that its panics and its end are the caller's;
// the writer says when.
type turn struct {
	taken atomic.Bool // by the writer, or by the caller who no longer waits
	start chan start
	ran   chan ending
	done  chan error
}

type start struct {
	tx    *sql.Tx
	first bool // nothing is in the transaction yet
	err   error
}

// An ending says how a function left the shared transaction.
type ending uint8

const (
	undone ending = iota // its savepoint is rolled back
	kept                 // it waits for the commit
	ended                // the whole transaction is rolled back, as nothing else was in it
	ruined               // the whole transaction is gone
)

func (s *sqliteDB) inTx(ctx context.Context, f func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &turn{start: make(chan start, 1), ran: make(chan ending, 1), done: make(chan error, 1)}
	select {
	case s.queue <- w:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return loot.Errorf(loot.Unavailable, msgClosed)
	}
	var begun start
	select {
	case begun = <-w.start:
	case <-ctx.Done():
		if w.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		begun = <-w.start
	}
	if begun.err != nil {
		return begun.err
	}
	return s.run(ctx, begun, w, f)
}

// run calls f behind a savepoint and waits for the commit. The first needs no
// savepoint, as the whole transaction can be rolled back for it: behind one,
// SQLite keeps a copy of each page that is written, and goes through all of them
// at the end of each statement.
func (s *sqliteDB) run(ctx context.Context, begun start, w *turn, f func(*Tx) error) error {
	tx := begun.tx
	t := &Tx{dialect: SQLite, on: sqliteTx{tx}, tx: tx, steady: true, failed: s.gone}
	end := ruined // also when f panics or ends its goroutine
	told := false
	tell := func() {
		if !told {
			told = true
			t.finish()
			w.ran <- end
		}
	}
	defer func() {
		if !told { // f panicked
			t.settle()
			end = s.undo(begun)
			tell()
			t.over(false)
		}
	}()

	if !begun.first {
		if _, err := tx.Exec("SAVEPOINT loot"); err != nil {
			tell()
			return err
		}
	}
	err := f(t)
	if err == nil {
		err = t.Flush(ctx)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = s.gone()
	}
	if err == nil && !begun.first {
		_, err = tx.Exec("RELEASE loot")
	}
	if err == nil {
		end = kept
	}
	if err != nil {
		t.settle()
		end = s.undo(begun)
		tell()
		t.over(false)
		return err
	}
	tell()
	err = <-w.done
	t.over(err == nil)
	return err
}

// undo rolls back to the savepoint, or the whole transaction if there is none.
func (s *sqliteDB) undo(begun start) ending {
	tx := begun.tx
	if s.rolledBack.Load() {
		return ruined
	}
	if begun.first {
		if err := tx.Rollback(); err != nil {
			return ruined
		}
		return ended
	}
	if _, err := tx.Exec("ROLLBACK TO loot"); err != nil {
		return ruined
	}
	if _, err := tx.Exec("RELEASE loot"); err != nil {
		return ruined
	}
	return undone
}

// gone says that SQLite gave up the whole transaction, as it does on a full
// disk. Whatever ran from now on would be committed statement by statement.
func (s *sqliteDB) gone() error {
	if s.rolledBack.Load() {
		return loot.Errorf(loot.Unavailable, msgLocked)
	}
	return nil
}

// writer is the one goroutine that begins and commits. It takes whoever waits,
// lets each run in turn, commits once, and tells them all.
func (s *sqliteDB) writer() {
	defer close(s.writerDone)
	for {
		select {
		case w := <-s.queue:
			s.group(w)
		case <-s.closing:
			return
		}
	}
}

func (s *sqliteDB) group(first *turn) {
	var tx *sql.Tx
	var waiting []*turn
	var end ending
	turns := 0 // those that roll back count, too, or they could keep the others waiting
	for w := first; w != nil; w = s.next(turns) {
		turns++
		if tx == nil {
			var err error
			if tx, err = s.begin(); err != nil {
				if w.taken.CompareAndSwap(false, true) {
					w.start <- start{err: err}
				}
				return
			}
		}
		if !w.taken.CompareAndSwap(false, true) {
			continue
		}
		w.start <- start{tx: tx, first: len(waiting) == 0}
		switch end = <-w.ran; end {
		case kept:
			waiting = append(waiting, w)
		case ended:
			tx = nil
		}
		if end == ruined {
			break
		}
	}
	var err error
	switch {
	case tx == nil:
	case end == ruined || s.rolledBack.Load():
		tx.Rollback()
		err = loot.Errorf(loot.Unavailable, msgLocked)
	case len(waiting) == 0:
		tx.Rollback()
	default:
		if err = tx.Commit(); err != nil && reason(err) == "" {
			err = loot.Wrap(loot.Unavailable, err, msgBroken)
		}
	}
	for _, w := range waiting {
		w.done <- err
	}
}

// next returns the next caller who waits, if any does and the group has room.
func (s *sqliteDB) next(turns int) *turn {
	if turns >= maxGroup {
		return nil
	}
	select {
	case w := <-s.queue:
		return w
	default:
		return nil
	}
}

// begin begins the shared transaction. Another process may hold SQLite's lock
// for as long as it likes: that costs waiting, and callers whose patience ends
// leave the queue meanwhile.
func (s *sqliteDB) begin() (*sql.Tx, error) {
	for {
		tx, err := s.write.BeginTx(context.Background(), nil)
		if err == nil {
			s.rolledBack.Store(false)
			return tx, nil
		}
		select {
		case <-s.closing:
			return nil, errors.Join(loot.Errorf(loot.Unavailable, msgClosed), err)
		default:
		}
		if !isBusy(err) {
			return nil, err
		}
	}
}
