package mail

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"loot"
	"loot/store"
)

// SealedReceived are the columns of mail that comes in that are sealed.
func SealedReceived() []store.Sealed {
	return []store.Sealed{
		{Table: "mail_received", Key: []string{"id"}, Column: "sealed", Bound: func(row []any) []byte { return receivedAD(row[0].(string)) }},
		{Table: "mail_part", Key: []string{"mail", "n"}, Column: "sealed", Bound: func(row []any) []byte { return partAD(row[0].(string), row[1].(int64)) }},
	}
}

func receivedAD(id string) []byte { return []byte("mail_received " + id) }

func partAD(mail string, n int64) []byte {
	return []byte("mail_part " + mail + " " + strconv.FormatInt(n, 10))
}

// An Envelope is what SMTP says of a mail (RFC 5321), and whence it came.
type Envelope struct {
	From   string     `json:"from,omitempty"` // empty: it answers a mail, and is not answered (RFC 5321, 4.5.5)
	To     string     `json:"to"`
	Peer   netip.Addr `json:"peer"`
	Secure bool       `json:"secure,omitempty"` // it came over TLS
}

// A Received is a mail that came in.
type Received struct {
	ID   string
	At   time.Time
	Size int64 // in bytes
	Envelope

	r    *Receiver
	mail string
	ctx  context.Context
}

// Open returns the mail from its beginning, as it came. It is read from the
// database as it goes, so that a large one takes no memory.
func (m *Received) Open() io.Reader { return &opened{m: m} }

type opened struct {
	m    *Received
	n    int64
	read int64
	part []byte
}

func (o *opened) Read(p []byte) (int, error) {
	if len(o.part) == 0 {
		if o.read == o.m.Size {
			return 0, io.EOF
		}
		part, err := o.m.r.part(o.m.ctx, o.m.mail, o.n)
		if err != nil {
			return 0, err
		}
		o.part, o.n, o.read = part, o.n+1, o.read+int64(len(part))
	}
	n := copy(p, o.part)
	o.part = o.part[n:]
	return n, nil
}

func (r *Receiver) part(ctx context.Context, mail string, n int64) ([]byte, error) {
	var sealed []byte
	err := r.DB.ReadTx(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT sealed FROM mail_part WHERE mail = $1 AND n = $2`, mail, n).Scan(&sealed)
	})
	if err != nil {
		return nil, fmt.Errorf("mail: part %d of %s: %w", n, mail, err)
	}
	plain, err := r.Sealer.Open(sealed, partAD(mail, n))
	if err != nil {
		return nil, fmt.Errorf("mail: part %d of %s: %w", n, mail, err)
	}
	return plain, nil
}

// keep keeps a mail for each of its recipients. It is there for all of them, or
// for none; what was kept of one that did not come whole is forgotten.
func (r *Receiver) keep(ctx context.Context, e Envelope, to []string, content io.Reader) error {
	k := keeping{r: r, mail: loot.NewID("i")}
	var buf bytes.Buffer
	for {
		buf.Reset()
		n, err := io.CopyN(&buf, content, block)
		k.size += n
		whole := errors.Is(err, io.EOF)
		if err != nil && !whole {
			if k.n > 0 {
				k.forget(ctx)
			}
			return errors.Join(errAbort, err)
		}
		parts, failed := k.seal(buf.Bytes())
		if failed == nil && whole {
			failed = k.last(ctx, e, to, parts)
		} else if failed == nil {
			failed = r.DB.InTx(ctx, func(tx *store.Tx) error { return k.insert(ctx, tx, parts) })
		}
		if failed != nil {
			k.forget(ctx)
			return failed
		}
		if whole {
			return nil
		}
	}
}

// A keeping is a mail that is being kept.
type keeping struct {
	r    *Receiver
	mail string
	n    int64 // parts so far
	size int64
}

type sealedPart struct {
	n      int64
	sealed []byte
}

func (k *keeping) seal(b []byte) (out []sealedPart, err error) {
	for part := range slices.Chunk(b, partBytes) {
		sealed, err := k.r.Sealer.Seal(part, partAD(k.mail, k.n))
		if err != nil {
			return nil, fmt.Errorf("mail: keep: %w", err)
		}
		out = append(out, sealedPart{k.n, sealed})
		k.n++
	}
	return out, nil
}

func (k *keeping) insert(ctx context.Context, tx *store.Tx, parts []sealedPart) error {
	for _, p := range parts {
		if _, err := tx.Exec(ctx, `INSERT INTO mail_part (mail, n, at, sealed) VALUES ($1, $2, $3, $4)`, k.mail, p.n, k.r.Now().UnixMicro(), p.sealed); err != nil {
			return fmt.Errorf("mail: keep: %w", err)
		}
	}
	return nil
}

// last keeps the last parts, and with them that the mail is there.
func (k *keeping) last(ctx context.Context, e Envelope, to []string, parts []sealedPart) error {
	type row struct {
		id     string
		sealed []byte
	}
	var rows []row
	for _, e.To = range to {
		plain, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("mail: keep: %w", err)
		}
		id := loot.NewID("m")
		sealed, err := k.r.Sealer.Seal(plain, receivedAD(id))
		if err != nil {
			return fmt.Errorf("mail: keep: %w", err)
		}
		rows = append(rows, row{id, sealed})
	}
	return k.r.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := k.insert(ctx, tx, parts); err != nil {
			return err
		}
		for _, row := range rows {
			if _, err := tx.Exec(ctx, `INSERT INTO mail_received (id, mail, at, size, sealed) VALUES ($1, $2, $3, $4, $5)`, row.id, k.mail, k.r.Now().UnixMicro(), k.size, row.sealed); err != nil {
				return fmt.Errorf("mail: keep: %w", err)
			}
			if err := k.r.Enqueue(ctx, tx, row.id); err != nil {
				return err
			}
		}
		return nil
	})
}

// forget forgets what was kept of the mail. If that fails, [Receiver.Sweep] does.
func (k *keeping) forget(ctx context.Context) {
	if _, err := k.r.DB.Exec(ctx, `DELETE FROM mail_part WHERE mail = $1`, k.mail); err != nil {
		k.r.Log.WarnContext(ctx, "parts of a mail that did not come whole stay for an hour", "err", err)
	}
}

func (r *Receiver) find(ctx context.Context, id string) (*Received, bool, error) {
	m := &Received{ID: id, r: r, ctx: ctx}
	var at int64
	var sealed []byte
	err := r.DB.ReadTx(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT mail, at, size, sealed FROM mail_received WHERE id = $1`, id).Scan(&m.mail, &at, &m.Size, &sealed)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("mail: received: %w", err)
	}
	plain, err := r.Sealer.Open(sealed, receivedAD(id))
	if err != nil {
		return nil, false, fmt.Errorf("mail: received %s: %w", id, err)
	}
	if err := json.Unmarshal(plain, &m.Envelope); err != nil {
		return nil, false, fmt.Errorf("mail: received %s is not readable", id)
	}
	m.At = time.UnixMicro(at).UTC()
	return m, true, nil
}

// end ends a mail for one recipient, and its parts with the last of them. It
// reports whether it was still there.
func end(ctx context.Context, tx *store.Tx, id, mail string) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM mail_received WHERE id = $1`, id)
	if err != nil {
		return false, fmt.Errorf("mail: end: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	if _, err := tx.Exec(ctx, `DELETE FROM mail_part WHERE mail = $1 AND NOT EXISTS (SELECT 1 FROM mail_received WHERE mail = $1)`, mail); err != nil {
		return false, fmt.Errorf("mail: end: %w", err)
	}
	return true, nil
}

func forget(ctx context.Context, tx *store.Tx, before time.Time) error {
	_, err := tx.Exec(ctx, `DELETE FROM mail_part WHERE at < $1 AND NOT EXISTS (SELECT 1 FROM mail_received r WHERE r.mail = mail_part.mail)`, before.UnixMicro())
	if err != nil {
		return fmt.Errorf("mail: sweep: %w", err)
	}
	return nil
}

func waiting(ctx context.Context, tx *store.Tx, before time.Time, n int) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT id FROM mail_received WHERE at < $1 ORDER BY at LIMIT $2`, before.UnixMicro(), n)
	if err != nil {
		return nil, fmt.Errorf("mail: sweep: %w", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("mail: sweep: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
