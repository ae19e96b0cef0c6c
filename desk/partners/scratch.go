package partners

import (
	"context"
	"slices"

	"loot"
	"loot/statement"
	"loot/store"
)

// A Scratch is a partner that may have what everybody gave for a purpose.
type Scratch struct {
	Partner string
	Purpose loot.Purpose
	Key     string // for pulling
}

// Scratch has the first partner that cooperates ready for a load test: it signed a while
// ago, and people were told so long ago that their time to object is over.
func (d *Partners) Scratch(ctx context.Context, by loot.Actor, ids []loot.Subject) (out Scratch, err error) {
	s, err := d.inForce()
	if err != nil {
		return out, err
	}
	i := slices.IndexFunc(partners(s), func(r statement.Recipient) bool { return len(r.Cooperation) > 0 })
	if i < 0 {
		return out, loot.Errorf(loot.Invalid, "The statement names no partner that cooperates.")
	}
	to := partners(s)[i]
	out = Scratch{Partner: to.Key, Purpose: to.Cooperation[0]}
	long := d.Now().AddDate(0, 0, -2*s.Front().NoticeDays-2)
	a := agreement{Partner: to.Key, Signed: long, Ends: d.Now().AddDate(1, 0, 0), Purposes: to.Cooperation, Country: to.Country, Type: "text/plain"}
	_, a.Categories = scope(s, to)
	const batch = 500
	id := ""
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		if out.Key, err = d.giveKey(ctx, tx, by, to.Key); err != nil {
			return err
		}
		id, err = d.announce(ctx, tx, by, notice{Partner: to.Key, Kind: cooperation, Purposes: to.Cooperation})
		return err
	}); err != nil {
		return out, err
	}
	for part := range slices.Chunk(ids, batch) {
		if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
			for _, s := range part {
				tx.Add(`INSERT INTO partners_told (notice, subject, at) VALUES`, id, s, long.UnixMicro())
			}
			return nil
		}); err != nil {
			return out, err
		}
	}
	return out, d.DB.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE partners_notice SET announced = $1, due = $2 WHERE id = $3`, long.UnixMicro(), long.AddDate(0, 0, s.Front().NoticeDays).UnixMicro(), id); err != nil {
			return err
		}
		return d.register(ctx, tx, by, a, papers{[]byte("Made up for a load test."), "Nobody"})
	})
}
