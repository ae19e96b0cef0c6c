package verification

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"loot"
	"loot/gate"
	"loot/store"
)

// together is how many records are opened, and how many are written down, in one
// transaction at most. It holds the lock of each, so that whoever changes one of
// these records meanwhile waits until all are done.
const together = 64

// dueArgs asks to check those of some customers whose details are due yet: done
// again after a kill, or handed out twice, it goes on with who is left.
type dueArgs struct {
	Subjects []loot.Subject `json:"subjects"`
}

// Kind names the job.
func (dueArgs) Kind() string { return "verification.due" }

// checkDue checks customers together. What fails of one is tried again with the
// job, and by later sweeps.
func (v *Verification) checkDue(ctx context.Context, a dueArgs) error {
	var left []loot.Subject
	if err := v.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		left, err = stillDue(ctx, tx, v.Now(), a.Subjects)
		return err
	}); err != nil {
		return err
	}
	var all []error
	for s, err := range v.checkAll(ctx, true, left...) {
		all = append(all, fmt.Errorf("verification: check of %s: %w", s, err))
	}
	return errors.Join(all...)
}

// checkAll checks what is held of customers, for the first time or again, and
// returns what failed of whom. A record that is changed meanwhile is begun again
// with what stands there then.
func (v *Verification) checkAll(ctx context.Context, again bool, subjects ...loot.Subject) map[loot.Subject]error {
	failed := map[loot.Subject]error{}
	left := subjects
	for range 3 {
		for some := range slices.Chunk(left, together) {
			v.checkSome(ctx, again, some, failed)
		}
		left = slices.DeleteFunc(slices.Clone(left), func(s loot.Subject) bool { return loot.KindOf(failed[s]) != loot.Conflict })
	}
	return failed
}

// checkSome checks records once.
func (v *Verification) checkSome(ctx context.Context, again bool, subjects []loot.Subject, failed map[loot.Subject]error) {
	fail := func(rec *opened, err error) { failed[rec.subject] = err }
	recs := make([]*opened, len(subjects))
	for i, s := range subjects {
		delete(failed, s)
		recs[i] = &opened{subject: s}
	}
	s, err := v.inForce()
	if err == nil {
		err = v.Keyring.ReadAhead(ctx, collection, subjects...)
	}
	if err != nil {
		for _, rec := range recs {
			fail(rec, err)
		}
		return
	}
	all := planOf(s)
	v.inOne(ctx, recs, func(tx *store.Tx, recs []*opened) error {
		some := subjectsOf(recs)
		if err := v.Gate.ReadAhead(ctx, tx, some...); err != nil { // the person is locked before the record, as by every decision
			return err
		}
		if err := v.Vault.ReadAhead(ctx, tx, collection, false, some...); err != nil {
			return err
		}
		for _, rec := range recs {
			if err := v.open(ctx, tx, all, rec); err != nil {
				return err
			}
		}
		return nil
	}, func(rec *opened, err error) {
		if _, refused := errors.AsType[*gate.Refusal](err); refused {
			err = v.DB.InTx(ctx, func(tx *store.Tx) error { return v.drop(ctx, tx, s, rec.subject) })
		}
		if rec.opened = false; err != nil {
			fail(rec, err)
		}
	})
	recs = slices.DeleteFunc(recs, func(rec *opened) bool { return !rec.opened })
	for found := range v.found(ctx, again, recs, fail) {
		v.inOne(ctx, found, func(tx *store.Tx, recs []*opened) error { return v.keepAll(ctx, tx, recs) }, fail)
	}
}

// inOne runs f for all records in one transaction. What fails is undone, and tried
// again in halves, so that a record that fails does so alone and the others are
// done all the same. Where nothing can be done at all, they fail together.
func (v *Verification) inOne(ctx context.Context, recs []*opened, f func(*store.Tx, []*opened) error, fail func(*opened, error)) {
	if len(recs) == 0 {
		return
	}
	run := v.DB.InTx
	if len(recs) == 1 {
		run = v.Gate.InTx // which records a refusal
	}
	err := run(ctx, func(tx *store.Tx) error { return f(tx, recs) })
	switch half := len(recs) / 2; {
	case err == nil:
	case half == 0 || loot.KindOf(err) == loot.Unavailable || ctx.Err() != nil:
		for _, rec := range recs {
			fail(rec, err)
		}
	default:
		v.inOne(ctx, recs[:half], f, fail)
		v.inOne(ctx, recs[half:], f, fail)
	}
}

func subjectsOf(recs []*opened) []loot.Subject {
	out := make([]loot.Subject, len(recs))
	for i, rec := range recs {
		out[i] = rec.subject
	}
	return out
}

// A past is what is known of the checks of a person.
type past struct {
	lasts map[loot.Field]last
	asked []request // open
	cases []matter
}

// keepAll writes down what was found of several people.
func (v *Verification) keepAll(ctx context.Context, tx *store.Tx, recs []*opened) error {
	some := subjectsOf(recs)
	if err := v.Vault.ReadAhead(ctx, tx, collection, true, some...); err != nil {
		return err
	}
	all, err := pastOf(ctx, tx, some)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		if err := v.keep(ctx, tx, rec, all[rec.subject]); err != nil {
			return err
		}
	}
	return nil
}

// found checks what was opened, and gives what is to be written down together. Who
// asks nobody outside is through at once; answers are waited for beside each other,
// and whoever has theirs does not wait for the others. A record about which nobody
// could be asked is handed to fail.
func (v *Verification) found(ctx context.Context, again bool, recs []*opened, fail func(*opened, error)) func(yield func([]*opened) bool) {
	return func(yield func([]*opened) bool) {
		for _, rec := range recs {
			rec.found = inspect(rec.record)
		}
		if v.options.Mailboxes == nil && len(v.options.Registers) == 0 {
			yield(recs)
			return
		}
		answered := make(chan *opened, len(recs))
		var asking sync.WaitGroup
		for _, rec := range recs {
			asking.Go(func() {
				rec.unasked = v.inquireInTurn(ctx, again, rec)
				answered <- rec
			})
		}
		defer asking.Wait()
		for left := len(recs); left > 0; {
			some := []*opened{<-answered}
			for len(answered) > 0 {
				some = append(some, <-answered)
			}
			left -= len(some)
			some = slices.DeleteFunc(some, func(rec *opened) bool {
				if rec.unasked != nil {
					fail(rec, rec.unasked)
				}
				return rec.unasked != nil
			})
			if !yield(some) {
				return
			}
		}
	}
}

// inquireInTurn asks outside about a record, once it is its turn. That an answer
// makes the program panic is this record's failure: beside the job nothing else
// recovers, and it would end the server.
func (v *Verification) inquireInTurn(ctx context.Context, again bool, rec *opened) (err error) {
	defer func() {
		if p := recover(); p != nil { // its value may hold what was answered
			err = fmt.Errorf("verification: asking outside panicked: %T\n%s", p, debug.Stack())
		}
	}()
	lines := []chan struct{}{v.outside}
	if again {
		lines = []chan struct{}{v.outsideAgain, v.outside}
	}
	for _, line := range lines {
		select {
		case line <- struct{}{}:
			defer func() { <-line }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	v.inquire(ctx, rec.record, rec.found)
	return nil
}
