package mail

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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

// An Outbox is a Sender that keeps messages to be looked at: for an
// installation that has no mail server yet, and for a demonstration.
type Outbox struct {
	db     *store.DB
	sealer Sealer
	now    func() time.Time
}

// Kept reports whether a sender keeps letters in an outbox and sends none.
func Kept(s Sender) bool {
	_, ok := s.(*Outbox)
	return ok
}

// NewOutbox returns an outbox in the database.
func NewOutbox(db *store.DB, sealer Sealer, now func() time.Time) *Outbox {
	return &Outbox{db: db, sealer: sealer, now: now}
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
	plain, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("mail: outbox: %w", err)
	}
	sealed, err := o.sealer.Seal(plain, outboxAD(m.ID))
	if err != nil {
		return fmt.Errorf("mail: outbox: %w", err)
	}
	err = o.db.InTx(ctx, func(tx *store.Tx) error {
		return tx.Queue(ctx, `INSERT INTO mail_outbox (id, at, sealed) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING`,
			m.ID, o.now().UnixMicro(), sealed)
	})
	if err != nil {
		return fmt.Errorf("mail: outbox: %w", err)
	}
	return nil
}

// outboxAD binds a sealed message to its row.
func outboxAD(id string) []byte { return []byte("mail_outbox " + id) }

// An Item is a message in the outbox.
type Item struct {
	At time.Time
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
			item, err := o.scan(rows)
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
		item, err = o.scan(tx.QueryRow(ctx, `SELECT id, at, sealed FROM mail_outbox WHERE id = $1`, id))
		if errors.Is(err, sql.ErrNoRows) {
			return loot.Errorf(loot.NotFound, "There is no such message.")
		}
		return err
	})
	return item, err
}

// Count returns how many messages there are.
func (o *Outbox) Count(ctx context.Context) (n int, err error) {
	err = o.db.ReadTx(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM mail_outbox`).Scan(&n)
	})
	return n, err
}

// Sweep forgets what is older, and returns how many messages that were.
func (o *Outbox) Sweep(ctx context.Context, before time.Time) (n int64, err error) {
	err = o.db.InTx(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.Exec(ctx, `DELETE FROM mail_outbox WHERE at < $1`, before.UnixMicro())
		return err
	})
	return n, err
}

func (o *Outbox) scan(row interface{ Scan(...any) error }) (Item, error) {
	var id string
	var at int64
	var sealed []byte
	if err := row.Scan(&id, &at, &sealed); err != nil {
		return Item{}, fmt.Errorf("mail: outbox: %w", err)
	}
	plain, err := o.sealer.Open(sealed, outboxAD(id))
	if err != nil {
		return Item{}, fmt.Errorf("mail: outbox: message %s: %w", id, err)
	}
	item := Item{At: time.UnixMicro(at).UTC()}
	if err := json.Unmarshal(plain, &item.Message); err != nil {
		return Item{}, fmt.Errorf("mail: outbox: message %s is not readable", id)
	}
	return item, nil
}
