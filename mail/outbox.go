package mail

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"loot"
	"loot/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns those of the outbox, under the owner "mail".
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// A Sealer keeps what a message holds from whoever reads the database.
type Sealer interface {
	Seal(plain, ad []byte) ([]byte, error)
	Open(sealed, ad []byte) ([]byte, error)
}

// Own returns what seals with a customer's own key, or an error of the kind
// [loot.NotFound] once they are erased.
type Own func(ctx context.Context, s loot.Subject, c loot.Collection) (Sealer, error)

// An Outbox is a Sender that keeps messages to be looked at: for an
// installation that has no mail server yet, and for a demonstration. What it
// keeps of a letter to a customer ends with the customer's key.
type Outbox struct {
	db     *store.DB
	sealer Sealer
	own    Own
	now    func() time.Time
	sent   atomic.Int64
}

// Kept reports whether a sender keeps letters in an outbox and sends none.
func Kept(s Sender) bool {
	_, ok := s.(*Outbox)
	return ok
}

// NewOutbox returns an outbox in the database.
func NewOutbox(db *store.DB, sealer Sealer, own Own, now func() time.Time) *Outbox {
	return &Outbox{db: db, sealer: sealer, own: own, now: now}
}

// Sealed is what an outbox keeps sealed.
func Sealed() store.Sealed {
	return store.Sealed{Table: "mail_outbox", Key: []string{"id"}, Column: "sealed", Bound: func(row []any) []byte { return outboxAD(row[0].(string)) }}
}

// Send puts the message into the outbox, once for each id.
func (o *Outbox) Send(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	k := kept{Message: m}
	if m.About != "" {
		own, err := o.own(ctx, m.About, m.Collection)
		if loot.KindOf(err) == loot.NotFound {
			return nil // they were erased since it was written
		}
		if err != nil {
			return fmt.Errorf("mail: outbox: %w", err)
		}
		inner, err := seal(own, m, m.ID)
		if err != nil {
			return err
		}
		k = kept{Message: Message{ID: m.ID, About: m.About, Collection: m.Collection}, Own: inner}
	}
	sealed, err := seal(o.sealer, k, m.ID)
	if err != nil {
		return err
	}
	n, err := o.db.Exec(ctx, `INSERT INTO mail_outbox (id, at, sealed) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING`, m.ID, o.now().UnixMicro(), sealed)
	if err != nil {
		return fmt.Errorf("mail: outbox: %w", err)
	}
	o.sent.Add(n)
	return nil
}

// kept is a message as it is kept: one to a customer within Own, sealed with
// the customer's own key.
type kept struct {
	Message
	Own []byte `json:"own,omitempty"`
}

func seal(by Sealer, v any, id string) ([]byte, error) {
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false) // a letter is full of what would be escaped
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("mail: outbox: %w", err)
	}
	sealed, err := by.Seal(plain.Bytes(), outboxAD(id))
	if err != nil {
		return nil, fmt.Errorf("mail: outbox: %w", err)
	}
	return sealed, nil
}

func unseal(by Sealer, sealed []byte, id string, v any) error {
	plain, err := by.Open(sealed, outboxAD(id))
	if err != nil {
		return fmt.Errorf("mail: outbox: message %s: %w", id, err)
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return fmt.Errorf("mail: outbox: message %s is not readable", id)
	}
	return nil
}

// outboxAD binds a sealed message to its row.
func outboxAD(id string) []byte { return []byte("mail_outbox " + id) }

// An Item is a message in the outbox.
type Item struct {
	At     time.Time
	Erased bool // it was to somebody who is erased: nothing of it can be read
	Message
}

// List returns up to n messages, the newest first, that came before the one
// named; all of them if before is empty.
func (o *Outbox) List(ctx context.Context, before string, n int) ([]Item, error) {
	var items []Item
	err := o.db.ReadTx(ctx, func(tx *store.Tx) error {
		items = nil
		at, id := int64(1<<62), ""
		if before != "" {
			id = before
			switch err := tx.QueryRow(ctx, `SELECT at FROM mail_outbox WHERE id = $1`, before).Scan(&at); {
			case errors.Is(err, sql.ErrNoRows):
				return nil
			case err != nil:
				return fmt.Errorf("mail: outbox: %w", err)
			}
		}
		rows, err := tx.Query(ctx, `SELECT id, at, sealed FROM mail_outbox WHERE at < $1 OR (at = $1 AND id < $2) ORDER BY at DESC, id DESC LIMIT $3`, at, id, n)
		if err != nil {
			return fmt.Errorf("mail: outbox: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			item, err := o.scan(ctx, rows)
			if err != nil {
				return err
			}
			items = append(items, item)
		}
		return rows.Err()
	})
	return items, err
}

// Show returns one message.
func (o *Outbox) Show(ctx context.Context, id string) (Item, error) {
	var item Item
	err := o.db.ReadTx(ctx, func(tx *store.Tx) (err error) {
		item, err = o.scan(ctx, tx.QueryRow(ctx, `SELECT id, at, sealed FROM mail_outbox WHERE id = $1`, id))
		if errors.Is(err, sql.ErrNoRows) {
			return loot.Errorf(loot.NotFound, "There is no such message.")
		}
		if item.Erased {
			return loot.Errorf(loot.NotFound, "This letter was to somebody who was erased; nothing of it can be read.")
		}
		return err
	})
	return item, err
}

// Sent returns how many messages this Outbox took in.
func (o *Outbox) Sent() int { return int(o.sent.Load()) }

// SentTo counts the messages to somebody who is not erased, by looking at all.
func (o *Outbox) SentTo(ctx context.Context, s loot.Subject) (n int, err error) {
	const page = 500
	for before := ""; ; {
		items, err := o.List(ctx, before, page)
		if err != nil {
			return 0, err
		}
		for _, item := range items {
			if item.About == s && !item.Erased {
				n++
			}
			before = item.ID
		}
		if len(items) < page {
			return n, nil
		}
	}
}

// Sweep forgets what is older, and returns how many messages that were.
func (o *Outbox) Sweep(ctx context.Context, before time.Time) (int64, error) {
	return o.db.Exec(ctx, `DELETE FROM mail_outbox WHERE at < $1`, before.UnixMicro())
}

func (o *Outbox) scan(ctx context.Context, row interface{ Scan(...any) error }) (Item, error) {
	var id string
	var at int64
	var sealed []byte
	if err := row.Scan(&id, &at, &sealed); err != nil {
		return Item{}, fmt.Errorf("mail: outbox: %w", err)
	}
	var k kept
	if err := unseal(o.sealer, sealed, id, &k); err != nil {
		return Item{}, err
	}
	item := Item{At: time.UnixMicro(at).UTC(), Message: k.Message}
	if k.Own == nil {
		return item, nil
	}
	own, err := o.own(ctx, k.About, k.Collection)
	if loot.KindOf(err) == loot.NotFound {
		item.Erased = true
		return item, nil
	}
	if err != nil {
		return Item{}, fmt.Errorf("mail: outbox: message %s: %w", id, err)
	}
	return item, unseal(own, k.Own, id, &item.Message)
}
