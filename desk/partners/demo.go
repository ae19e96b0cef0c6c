package partners

import (
	"context"
	"slices"
	"time"

	"filippo.io/age"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
)

// When, in days after the history began or before it ends, what happens with partners.
const (
	demoSigned    = 1
	demoFeed      = 25 // before the end; a customer permitted it before
	demoConfirmed = 3
)

// demo has the partners of the statement sign, everybody told of those that help, and each
// pull what it may have. What customers object to in the meantime is asked back.
func (d *Partners) demo(ctx context.Context, w *desk.World) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	staff, err := w.Staff(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(staff, keeps)
	if i < 0 {
		return nil // by this statement nobody looks after partners
	}
	by := staff[i]
	begin := w.History.Begin.UTC().Truncate(day).Add(10 * time.Hour)
	end := w.History.End.UTC().Truncate(day)
	for n, to := range partners(s) {
		at := begin.AddDate(0, 0, demoSigned).Add(time.Duration(n) * time.Hour)
		w.History.On(at, func(ctx context.Context) error { return d.demoSign(ctx, w, s, to, by) })
		for _, days := range []int{2 * demoFeed, demoFeed} {
			w.History.On(end.AddDate(0, 0, -days).Add(7*time.Hour+time.Duration(n)*time.Minute), func(ctx context.Context) error { return d.demoPull(ctx, to) })
		}
		w.History.On(end.AddDate(0, 0, -demoConfirmed).Add(8*time.Hour), func(ctx context.Context) error { return d.demoConfirm(ctx, to) })
	}
	return nil
}

// demoSign registers an agreement about what the statement lets the partner have, and
// announces the partner if it cooperates.
func (d *Partners) demoSign(ctx context.Context, w *desk.World, s *statement.Statement, to statement.Recipient, by loot.Actor) error {
	now := w.Now().UTC().Truncate(day)
	a := agreement{Partner: to.Key, Signed: now, Ends: w.History.End.UTC().Truncate(day).AddDate(1, 0, 0), Country: to.Country, Purposes: slices.Clone(to.Cooperation), Processors: []string{"Example Carriers"}, Type: "text/plain"}
	for _, o := range s.Offers() {
		if o.Recipient == to.Key {
			a.Purposes = append(a.Purposes, o.Purpose)
		}
	}
	_, a.Categories = scope(s, to)
	key, err := age.GenerateX25519Identity() // whose other half nobody keeps
	if err != nil {
		return err
	}
	return d.Gate.InTx(ctx, func(tx *store.Tx) error {
		p := papers{[]byte("Made up: " + to.Title + " keeps what it receives confidential, for what is named here and up to the day that is named here.\n"), "Ann Example for us, Bo Sample for " + to.Title}
		if err := d.register(ctx, tx, by, a, p); err != nil {
			return err
		}
		if err := d.reach(ctx, tx, by, company{Partner: to.Key, Contact: "privacy@" + to.Key + ".example", Recipient: key.Recipient().String()}); err != nil {
			return err
		}
		if _, err := d.giveKey(ctx, tx, by, to.Key); err != nil { // by which it pulls
			return err
		}
		if len(to.Cooperation) == 0 {
			return nil
		}
		_, err := d.announce(ctx, tx, by, notice{Partner: to.Key, Kind: cooperation, Purposes: to.Cooperation, Words: "Ask us whatever you would like to know about it; answer this letter."})
		return err
	})
}

// demoPull has a partner pull what it may have for each purpose of its agreement.
func (d *Partners) demoPull(ctx context.Context, to statement.Recipient) error {
	var a agreement
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		a, err = standing(ctx, tx, to.Key)
		return err
	}); err != nil {
		return err
	}
	for _, purpose := range a.Purposes {
		var id string
		if err := d.Gate.InTx(ctx, func(tx *store.Tx) error {
			p, err := d.parcel(ctx, tx, to.Key, purpose, d.actor())
			if err != nil {
				return err
			}
			id, err = d.begin(ctx, tx, p, byPull)
			return err
		}); loot.KindOf(err) == loot.Denied {
			continue // by the version of that day there was nothing to have for it
		} else if err != nil {
			return err
		}
		if _, err := d.page(ctx, to.Key, id, 1); err != nil {
			return err
		}
		if _, err := d.DB.Exec(ctx, `UPDATE partners_delivery SET receipt = $1 WHERE id = $2`, d.Now().Add(time.Minute).UnixMicro(), id); err != nil {
			return err
		}
	}
	return nil
}

// demoConfirm has a partner confirm the oldest of what it was asked to delete.
func (d *Partners) demoConfirm(ctx context.Context, to statement.Recipient) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		open, err := deletions(ctx, tx, `confirmed = 0 AND partner = $1 ORDER BY made, id LIMIT 1`, to.Key)
		if err != nil || len(open) == 0 {
			return err
		}
		return d.confirm(ctx, tx, loot.Actor{Kind: loot.Partner}, to.Key, open[0].ID, "")
	})
}
