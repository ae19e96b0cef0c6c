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
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		p = parcel{}
		list, err := deliveries(ctx, tx, `id = $1 AND way = $2 AND ended = 0 AND pages = 0`, a.Delivery, byServer)
		if err != nil || len(list) == 0 { // it went, or broke off with the process that sent it
			return err
		}
		x := list[0]
		by, _, err := d.needs.Staff.Member(ctx, tx, x.Author)
		if err != nil {
			return err
		}
		if by.ID == "" {
			return loot.Errorf(loot.Denied, "Whoever asked for it works here no longer.")
		}
		notes, err := d.notes.Of(ctx, tx, x.ID)
		if err != nil {
			return err
		}
		if p, err = d.parcel(ctx, tx, x.Partner, x.Purpose, by); err != nil {
			return err
		}
		p.Delivery, p.Reason = x.ID, desk.LatestNote(notes, noteReason)
		if c, err = d.company(ctx, tx, x.Partner); err == nil {
			to, err = recipientOf(c.Recipient)
		}
		return err
	}); loot.KindOf(err) == loot.Denied || loot.KindOf(err) == loot.Invalid || loot.KindOf(err) == loot.NotFound {
		return d.failed(ctx, a.Delivery, loot.Message(err)) // an agreement ended meanwhile, say
	} else if err != nil || p.Delivery == "" {
		return err
	}
	file, err := sftp.Create(ctx, d.needs.Reach, c.Server, d.serverKey(), p.Partner+"-"+p.Delivery+".jsonl.age")
	if err != nil {
		if noteErr := d.failed(ctx, a.Delivery, err.Error()); noteErr != nil {
			return noteErr
		}
		return err // tried again
	}
	if _, err := d.DB.Exec(ctx, `UPDATE partners_delivery SET pages = 1 WHERE id = $1`, p.Delivery); err != nil {
		file.Abort()
		return fmt.Errorf("partners: put: %w", err)
	}
	err = d.sealed(ctx, p, to, file, func(leave func([]line) error) (int, error) { return d.feed(ctx, p, leave) }, file.Finish)
	if err == nil {
		return nil
	}
	file.Abort()
	d.Log.WarnContext(ctx, "a delivery to a partner broke off", "partner", p.Partner, "err", err)
	return d.failed(context.WithoutCancel(ctx), a.Delivery, inWords(err))
}

// inWords says why a delivery broke off.
func inWords(err error) string {
	if loot.KindOf(err) != loot.Internal {
		return loot.Message(err)
	}
	return err.Error()
}

// failed notes why a delivery did not go.
func (d *Partners) failed(ctx context.Context, id, why string) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		return d.notes.Add(ctx, tx, id, desk.Note{At: d.Now(), Author: name, Kind: noteFailed, Text: why})
	})
}
