package publication

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"loot/desk"
	"loot/ledger"
	"loot/store"
)

func (p *publication) reportProofs() []desk.Proof {
	return []desk.Proof{
		{Clause: "collection.rare", Name: "the figures that are published are those of the ledger, and are counted again from its proofs", Run: p.proveReport},
	}
}

// proveReport records steps of requests, one of them under a gag, counts the report
// and counts it again: from every entry of the ledger, and from the proofs alone.
func (p *publication) proveReport(ctx context.Context, w *desk.World) (string, error) {
	now := w.Now()
	h := halfOf(now)
	var before tallyOf
	if err := w.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		if before, err = p.report(ctx, tx, h); err != nil {
			return err
		}
		for i := range few + 2 {
			s := step{Request: fmt.Sprint("proof ", i), Kind: "answer", Authority: "police", Country: "IE", Outcome: "refused", Entered: now, Gag: i == 0}
			input, err := json.Marshal(s)
			if err != nil {
				return err
			}
			e := ledger.Entry{Facts: ledger.Facts{At: now, Verdict: ledger.Recorded, Note: ledger.Outside + "closed", Input: input}}
			if s.Gag {
				e.Gag = now.Add(time.Hour)
			}
			if _, err := w.Ledger.Append(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	counted := func() (t tallyOf, err error) {
		err = w.DB.ReadTx(ctx, func(tx *store.Tx) error {
			if t, err = p.report(ctx, tx, h); err != nil {
				return err
			}
			whole, err := latest(h, w.Ledger.Facts(ctx, tx, h.begin(), w.Now().Add(time.Microsecond)))
			if err != nil {
				return err
			}
			v, _ := w.Gate.InForce()
			for i, f := range count(v.Statement, h, whole).Figures {
				if i >= len(t.Figures) || t.Figures[i].Digest() != f.Digest() || t.Figures[i].Count != f.Count {
					return fmt.Errorf("%q is not what all entries of the ledger give", f.Title)
				}
			}
			told, err := p.proven(ctx, tx, t)
			if err != nil {
				return err
			}
			again, err := recount(told, told.Log, nil)
			if err == nil && again.Verdict != ledger.Holds {
				err = fmt.Errorf("counted again from the proofs: %s", strings.Join(again.Wrong, "; "))
			}
			return err
		})
		return t, err
	}
	during, err := counted()
	if err != nil {
		return "", err
	}
	w.Clock.Advance(2 * time.Hour)
	after, err := counted()
	if err != nil {
		return "", err
	}
	had := before.Figures[0].Count
	if got := during.Figures[0].Count; got != had+few+1 {
		return "", fmt.Errorf("%d requests were counted during the order of secrecy, want %d", got-had, few+1)
	}
	if after.Half == halfOf(w.Now()) && after.Figures[0].Count != had+few+2 {
		return "", errors.New("the request under the order of secrecy is not counted after it ended")
	}
	return fmt.Sprintf("%d requests, none of them before its order of secrecy ended; the same from every entry and from the proofs", after.Figures[0].Count), nil
}
