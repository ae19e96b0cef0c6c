package partners

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"filippo.io/age"

	"loot"
	"loot/desk"
	"loot/desk/partners/sftp"
	"loot/store"
)

// putArgs puts a sealed file of everybody who qualifies on the server of a partner.
type putArgs struct {
	Delivery string `json:"delivery"`
}

// Kind names the job.
func (putArgs) Kind() string { return "partners.put" }

// A server that cannot be reached is tried again for some minutes. A file that broke off
// is not: who qualifies is another question then, and somebody asks it.
const (
	putTries   = 6
	putTimeout = 30 * time.Minute
	putWorkers = 4 // in a queue of their own: a slow server holds nothing else
)

// serverKey is the key by which we sign in on servers of partners.
func (d *Partners) serverKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(d.derived("server key"))
}

// What is written of a delivery.
const (
	noteReason = "reason" // why it was asked for
	noteFailed = "failed" // why it did not go
)

// order has a file put on a partner's server in the background.
func (d *Partners) order(ctx context.Context, tx *store.Tx, p parcel) error {
	if err := d.notes.Add(ctx, tx, p.Delivery, desk.Note{At: d.Now(), Author: p.By.ID, Kind: noteReason, Text: p.Reason}); err != nil {
		return err
	}
	return d.Jobs.Enqueue(ctx, tx, putArgs{p.Delivery})
}

// put puts the file of a delivery on the partner's server. Whether anything may go there is
// asked again, and of each person right before they leave.
func (d *Partners) put(ctx context.Context, a putArgs) error {
	var p parcel
	var c company
	var to age.Recipient
	if err := d.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		p, c, to, err = d.taken(ctx, tx, a.Delivery)
		return err
	}); err != nil {
		return d.unsent(ctx, a.Delivery, false, err, passes(err))
	}
	if p.Delivery == "" {
		return nil // it went, failed, or broke off with the process that sent it
	}
	file, err := sftp.Create(ctx, d.needs.Reach, c.Server, d.serverKey(), p.Partner+"-"+p.Delivery+".jsonl.age")
	if err != nil {
		return d.unsent(ctx, a.Delivery, true, err, passes(err))
	}
	err = d.sealed(ctx, p, to, file, func(leave func([]line) error) (int, error) { return d.feed(ctx, p, leave) }, file.Finish)
	if err == nil {
		return nil
	}
	file.Abort()
	d.Log.WarnContext(ctx, "a delivery to a partner broke off", "partner", p.Partner, "err", err)
	return d.unsent(ctx, a.Delivery, true, err, false)
}

// passes reports whether what went wrong may pass by itself. An agreement that ended
// meanwhile does not, say.
func passes(err error) bool {
	return loot.KindOf(err) == loot.Internal || loot.KindOf(err) == loot.Unavailable
}

// taken takes a delivery, so that nobody else puts the same file there, and returns what
// goes where. The zero parcel: it is not to be put there any more.
func (d *Partners) taken(ctx context.Context, tx *store.Tx, id string) (p parcel, c company, to age.Recipient, err error) {
	changed, err := tx.Exec(ctx, `UPDATE partners_delivery SET sending = 1 WHERE id = $1 AND way = $2 AND ended = 0 AND failed = 0 AND sending = 0`, id, byServer)
	if err != nil {
		return p, c, to, fmt.Errorf("partners: put: %w", err)
	}
	list, err := deliveries(ctx, tx, `id = $1`, id)
	if err != nil || changed == 0 || len(list) == 0 {
		return p, c, to, err
	}
	x := list[0]
	by, _, err := d.needs.Staff.Member(ctx, tx, x.Author)
	if err != nil {
		return p, c, to, err
	}
	if !keeps(by) {
		return p, c, to, loot.Errorf(loot.Denied, "Whoever asked for it may hand nothing over any more.")
	}
	if err := d.signed(ctx, tx, by); err != nil {
		return p, c, to, err
	}
	notes, err := d.notes.Of(ctx, tx, x.ID)
	if err != nil {
		return p, c, to, err
	}
	if c, to, err = d.destination(ctx, tx, x.Partner, byServer); err != nil {
		return p, c, to, err
	}
	if p, err = d.parcel(ctx, tx, x.Partner, x.Purpose, by); err != nil {
		return p, c, to, err
	}
	p.Delivery, p.Reason = x.ID, desk.LatestNote(notes, noteReason)
	return p, c, to, nil
}

// unsent keeps why a delivery did not go, whatever ended ctx; taken says that this job has
// it. With again the job fails, and is tried once more unless that was the last time.
func (d *Partners) unsent(ctx context.Context, id string, taken bool, why error, again bool) error {
	ctx = context.WithoutCancel(ctx)
	words := "Something went wrong on our side." // what nobody classified is for the log
	if loot.KindOf(why) != loot.Internal {
		words = loot.Message(why)
	}
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		notes, err := d.notes.Of(ctx, tx, id)
		if err != nil {
			return err
		}
		tries, failed := 1, time.Time{}
		for _, n := range notes {
			if n.Kind == noteFailed {
				tries++
			}
		}
		if !again || tries >= putTries {
			failed = d.Now()
		}
		changed, err := tx.Exec(ctx, `UPDATE partners_delivery SET sending = 0, failed = $1 WHERE id = $2 AND sending = $3`, store.Micro(failed), id, store.Flag(taken))
		if err != nil {
			return fmt.Errorf("partners: put: %w", err)
		}
		if changed == 0 {
			return nil // somebody else has it
		}
		return d.notes.Add(ctx, tx, id, desk.Note{At: d.Now(), Author: name, Kind: noteFailed, Text: words})
	}); err != nil || !again {
		return err
	}
	return why
}
