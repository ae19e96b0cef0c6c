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
func (g *Gate) deliver(ctx context.Context, n Notification) error {
	return g.DB.InTx(ctx, func(tx *store.Tx) error {
		return g.Jobs.Publish(ctx, tx, job.Notice{Name: "notify." + n.Whom, ID: string(n.Subject) + " " + n.Entry})
	})
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
