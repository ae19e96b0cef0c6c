package customers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

func (c *customers) retentionProofs() []desk.Proof {
	return []desk.Proof{
		desk.ProofUnder("network.purpose", "what no service, law or switch needs any longer is erased when its time is over, and not before", c.erasedByItself),
	}
}

// erasedByItself ends the services of somebody who permitted everything, and
// takes the permissions back once only they hold anything.
func (c *customers) erasedByItself(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	subject, err := NewPerson(ctx, w)
	if err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	me := loot.Actor{Kind: loot.Person, ID: string(subject)}
	switchAll := func(on bool) error {
		for _, o := range offers(s) {
			if err := c.decideChoice(ctx, gate.Choice{Subject: subject, Collection: collection, By: me, Offer: o.ID}, on); err != nil {
				return err
			}
		}
		return nil
	}
	if err := switchAll(true); err != nil {
		return "", err
	}
	if err := w.Gate.InTx(ctx, func(tx *store.Tx) error { return c.endServices(ctx, tx, me, subject) }); err != nil {
		return "", err
	}
	held, err := heldFields(ctx, w, subject)
	if err != nil {
		return "", err
	}
	dates := promisedDates(s, held, w.Now())
	permitted := len(held) - len(dates)
	for _, date := range slices.Compact(slices.SortedFunc(maps.Values(dates), time.Time.Compare)) {
		for _, at := range []time.Time{date.Add(-time.Hour), date.Add(time.Hour)} {
			if at.After(w.Now()) {
				w.Clock.Advance(at.Sub(w.Now()))
			}
			if err := c.night(ctx, w); err != nil {
				return "", err
			}
			left, err := heldFields(ctx, w, subject)
			if err != nil {
				return "", err
			}
			for _, f := range held {
				until, dated := dates[f]
				d, _ := s.Field(f)
				switch there := slices.Contains(left, f); {
				case dated && there && !until.After(at):
					return "", fmt.Errorf("“%s” should have been erased on %s and is held", d.Title, until.Format(time.DateOnly))
				case !there && (!dated || until.After(at)):
					return "", fmt.Errorf("“%s” is gone, and something still needs it", d.Title)
				}
			}
		}
	}
	if err := switchAll(false); err != nil {
		return "", err
	}
	var last time.Duration
	for _, o := range offers(s) {
		p, _ := s.Purpose(o.Purpose)
		last = max(last, p.Retain)
	}
	w.Clock.Advance(last + time.Hour)
	if err := c.night(ctx, w); err != nil {
		return "", err
	}
	if left, err := heldFields(ctx, w, subject); err != nil || len(left) > 0 {
		return "", errors.Join(err, fmt.Errorf("%d details are held that nothing needs", len(left)))
	}
	return fmt.Sprintf("%s erased, each on its day; %s by permission until it was taken back, then the record", loot.Plural(len(dates), "detail", "details"), loot.Plural(permitted, "stayed", "stayed")), nil
}

// night does what is done every day.
func (c *customers) night(ctx context.Context, w *desk.World) error {
	if err := c.sweep(ctx, sweepArgs{}); err != nil {
		return err
	}
	return w.Drain(ctx)
}

// promisedDates returns, by what the statement declares, until when fields are
// kept whose owner has permitted everything and has just ended the first service.
func promisedDates(s *statement.Statement, fields []loot.Field, ended time.Time) map[loot.Field]time.Time {
	var permitted []loot.Purpose
	for _, o := range offers(s) {
		permitted = append(permitted, o.Purpose)
	}
	out := map[loot.Field]time.Time{}
	for _, f := range fields {
		d, _ := s.Field(f)
		var until time.Time
		stays := false
		for p := range d.Needed {
			decl, _ := s.Purpose(p)
			stays = stays || slices.Contains(permitted, p)
			if at := decl.Keep.After(ended.UTC()); slices.Contains(s.Services()[0].Purposes, p) && at.After(until) {
				until = at
			}
		}
		if !stays && !until.IsZero() {
			out[f] = until
		}
	}
	return out
}

// heldFields returns which fields are held of a person; none: the record is erased.
func heldFields(ctx context.Context, w *desk.World, subject loot.Subject) (out []loot.Field, err error) {
	err = w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		held, err := w.Vault.Held(ctx, tx, subject, collection)
		out = slices.Sorted(maps.Keys(held))
		if loot.KindOf(err) == loot.NotFound {
			return nil
		}
		return err
	})
	return out, err
}
