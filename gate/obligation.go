package gate

import (
	"context"
	"slices"
	"time"

	"loot"
	"loot/job"
	"loot/statement"
	"loot/store"
)

// A Notification is an obligation of a rule: somebody must be told of a use.
type Notification struct {
	Entry   string       `json:"entry"`   // of the ledger
	Whom    string       `json:"whom"`    // "subject", "everyone", "regulator"
	Subject loot.Subject `json:"subject"` // whose record was used
}

// Kind names the job.
func (Notification) Kind() string { return "gate.notify" }

// notify enqueues the notices that a rule obliges to, for the end of a gag if
// one stands.
func (g *Gate) notify(ctx context.Context, tx *store.Tx, entry string, s loot.Subject, whom []string, gag time.Time) error {
	var when []job.EnqueueOption // at once: what is scheduled waits for the scheduler's round
	if !gag.IsZero() {
		when = append(when, job.At(gag))
	}
	for _, who := range whom {
		if err := g.Jobs.Enqueue(ctx, tx, Notification{Entry: entry, Whom: who, Subject: s}, when...); err != nil {
			return err
		}
	}
	return nil
}

// deliver passes a notification on to whoever listens to the notice "notify."
// and whom it is for, as "subject entry".
//
// Secrecy that was extended since has it wait on.
func (g *Gate) deliver(ctx context.Context, n Notification) error {
	return g.DB.InTx(ctx, func(tx *store.Tx) error {
		if until, err := g.Ledger.HiddenUntil(ctx, tx, n.Entry); err != nil {
			return err
		} else if until.After(g.Now()) {
			return g.Jobs.Enqueue(ctx, tx, n, job.At(until))
		}
		return g.Jobs.Publish(ctx, tx, job.Notice{Name: "notify." + n.Whom, ID: string(n.Subject) + " " + n.Entry})
	})
}

// ExtendGag has what is hidden until exactly a moment stay so until a later one,
// and the person's records kept for as long. What waits to be told waits on. An
// order that has ended cannot be extended: the person has seen what it hid. The
// moment tells the order, so that two orders may not end at the same one.
func (g *Gate) ExtendGag(ctx context.Context, tx *store.Tx, s loot.Subject, from, to time.Time) error {
	if !from.After(g.Now()) {
		return loot.Errorf(loot.Conflict, "This secrecy has ended, and whom it concerned has been told. It cannot be extended any more.")
	}
	if !to.After(from) {
		return loot.Errorf(loot.Invalid, "An extension ends after what it extends.")
	}
	if err := g.Ledger.Delay(ctx, tx, from, to); err != nil {
		return err
	}
	// An erasure that waited meanwhile is hidden for as long as the records are kept.
	if err := g.Ledger.Delay(ctx, tx, from.Add(tellWithin), to.Add(tellWithin)); err != nil {
		return err
	}
	return g.keepUnderGag(ctx, tx, s, to)
}

// stricter returns the obligations of both.
func stricter(a, b statement.Obligations) statement.Obligations {
	notify := slices.Concat(a.Notify, b.Notify)
	slices.Sort(notify)
	return statement.Obligations{
		Notify: slices.Compact(notify), Approvals: max(a.Approvals, b.Approvals),
		Mask: stricterMask(a.Mask, b.Mask), DelayGag: a.DelayGag || b.DelayGag,
	}
}

var masksByStrictness = []string{"", "none", "partly", "fully"}

func stricterMask(a, b string) string {
	if slices.Index(masksByStrictness, a) >= slices.Index(masksByStrictness, b) {
		return a
	}
	return b
}
