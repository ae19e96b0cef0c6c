package partners

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"filippo.io/age"

	"loot"
	"loot/store"
	"loot/web"
)

// The ways in which something leaves.
const (
	byPull   = "pull"
	byFile   = "file"
	byPerson = "person"
	byServer = "sftp"
)

// A delivery is something that left to a partner.
type delivery struct {
	ID      string
	Partner string
	Purpose loot.Purpose
	Way     string
	Author  string // staff id; empty: the partner asked
	Began   time.Time
	Ended   time.Time // zero: it runs, or broke off
	Sending bool      // a process took it to put it on a server
	Failed  time.Time // when it was clear that it does not arrive on a server; zero: it may
	People  int
	Pages   int
	After   loot.Subject
	Hash    string
	Receipt time.Time // when the partner confirmed the hash; zero: not
}

const deliveryColumns = `id, partner, purpose, way, author, began, ended, people, pages, after, hash, receipt, sending, failed`

func deliveries(ctx context.Context, tx *store.Tx, where string, args ...any) (out []delivery, err error) {
	rows, err := tx.Query(ctx, `SELECT `+deliveryColumns+` FROM partners_delivery WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("partners: deliveries: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var x delivery
		var began, ended, receipt, sending, failed int64
		if err := rows.Scan(&x.ID, &x.Partner, &x.Purpose, &x.Way, &x.Author, &began, &ended, &x.People, &x.Pages, &x.After, &x.Hash, &receipt, &sending, &failed); err != nil {
			return nil, fmt.Errorf("partners: deliveries: %w", err)
		}
		x.Began, x.Ended, x.Receipt, x.Sending, x.Failed = store.Instant(began), store.Instant(ended), store.Instant(receipt), sending != 0, store.Instant(failed)
		out = append(out, x)
	}
	return out, rows.Err()
}

// begin keeps that a delivery begins. One that never ends shows that it broke off.
func (d *Partners) begin(ctx context.Context, tx *store.Tx, p parcel, way string) (string, error) {
	id, author := loot.NewID("d"), ""
	if p.By.Kind == loot.Staff {
		author = p.By.ID
	}
	if _, err := tx.Exec(ctx, `INSERT INTO partners_delivery (`+deliveryColumns+`) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, '', '', 0, 0, 0)`,
		id, p.Partner, string(p.Purpose), way, author, d.Now().UnixMicro()); err != nil {
		return "", fmt.Errorf("partners: delivery: %w", err)
	}
	_, err := d.Gate.Note(ctx, tx, p.By, "partner.delivery", p.Partner+" "+id)
	return id, err
}

// ended keeps what left, however it ended: broke says that not all of it did.
func (d *Partners) ended(ctx context.Context, id string, people int, hash []byte, broke bool) error {
	at := d.Now()
	if broke {
		at = time.Time{}
	}
	_, err := d.DB.Exec(ctx, `UPDATE partners_delivery SET ended = $1, people = $2, hash = $3 WHERE id = $4`, store.Micro(at), people, hex.EncodeToString(hash), id)
	if err != nil {
		return fmt.Errorf("partners: delivery: %w", err)
	}
	return nil
}

// sealed writes a feed as a file that only a partner opens: lines of JSON, sealed by age.
// It is decided chunk by chunk while it is written; the hash is that of the sealed file.
// With finish, which may be nil, whoever has the file says that it is whole.
func (d *Partners) sealed(ctx context.Context, p parcel, to age.Recipient, w io.Writer, feed func(leave func([]line) error) (int, error), finish func() error) error {
	hash := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(w, hash), 64<<10)
	sealing, err := age.Encrypt(buffered, to)
	people := 0
	if err == nil {
		lines := json.NewEncoder(sealing)
		people, err = feed(func(chunk []line) error {
			for _, one := range chunk {
				if err := lines.Encode(one); err != nil {
					return err
				}
			}
			return nil
		})
		err = errors.Join(err, sealing.Close(), buffered.Flush())
	}
	if err == nil && finish != nil {
		err = finish()
	}
	return errors.Join(err, d.ended(context.WithoutCancel(ctx), p.Delivery, people, hash.Sum(nil), err != nil))
}

// send answers with a sealed file.
func (d *Partners) send(w http.ResponseWriter, r *http.Request, p parcel, to age.Recipient, feed func(context.Context, func([]line) error) (int, error)) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+p.Partner+"-"+p.Delivery+`.jsonl.age"`)
	web.Stream(w, func(w http.ResponseWriter) error {
		return d.sealed(r.Context(), p, to, w, func(leave func([]line) error) (int, error) { return feed(r.Context(), leave) }, nil)
	})
}

// destination returns where files of a partner go, and what they are sealed to.
func (d *Partners) destination(ctx context.Context, tx *store.Tx, partner, way string) (company, age.Recipient, error) {
	c, err := d.company(ctx, tx, partner)
	if err != nil {
		return c, nil, err
	}
	if c.Recipient == "" {
		return c, nil, loot.Errorf(loot.Conflict, "No age recipient of this partner is entered. Enter the one that it gave you, and a file can be sealed to it.")
	}
	if way == byServer && c.Server.Address == "" {
		return c, nil, loot.Errorf(loot.Conflict, "No server of this partner is entered. Enter it under “How it is reached”, and files can be put there.")
	}
	to, err := recipientOf(c.Recipient)
	return c, to, err
}

// toward begins a delivery as a file, and returns what the file is sealed to.
func (d *Partners) toward(ctx context.Context, tx *store.Tx, p *parcel, way string) (age.Recipient, error) {
	_, to, err := d.destination(ctx, tx, p.Partner, way)
	if err != nil {
		return nil, err
	}
	p.Delivery, err = d.begin(ctx, tx, *p, way)
	return to, err
}

// takeFeed answers with everybody who qualifies, as a sealed file.
func (d *Partners) takeFeed(w http.ResponseWriter, r *http.Request) error {
	_, to, typed, err := d.typed(r)
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	var p parcel
	var recipient age.Recipient
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.signed(ctx, tx, by); err != nil {
			return err
		}
		if p, err = d.parcel(ctx, tx, to.Key, loot.Purpose(typed.Get("purpose")), by); err != nil {
			return err
		}
		if err := (web.Fields{feedReason}).Check(typed); err != nil {
			return err
		}
		p.Reason = typed.Get("reason")
		way := byFile
		if typed.Get("way") == byServer {
			way = byServer
		}
		if recipient, err = d.toward(ctx, tx, &p, way); err == nil && way == byServer {
			err = d.order(ctx, tx, p)
		}
		return err
	}); web.Wrong(err) != nil {
		return d.showPartner(w, r, showing{http.StatusUnprocessableEntity, formFeed, typed, err, ""})
	} else if err != nil {
		return err
	}
	if typed.Get("way") == byServer {
		web.SetFlash(w, r, web.Good, "It is put on the partner’s server now. The list says when it is there.")
		return web.Redirect(w, r, path(to.Key))
	}
	d.send(w, r, p, recipient, func(ctx context.Context, leave func([]line) error) (int, error) { return d.feed(ctx, p, leave) })
	return nil
}
