package billing

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"loot"
	"loot/desk/billing/camt"
	"loot/desk/billing/invoice"
	"loot/store"
	"loot/web"
)

// A bankStatement is one that was read, and what came of it.
type bankStatement struct {
	ID      string
	At      time.Time
	Author  string
	Fresh   int // payments that were new
	Known   int // that were there before
	Matched int // of the new ones, those whose invoice was certain
	Others  int // that are no customers'
}

// batch is how many payments are written down in one transaction.
const batch = 100

// upload reads a bank statement that a colleague has from the bank.
func (b *Billing) upload(w http.ResponseWriter, r *http.Request) error {
	_, files, err := web.Upload(r, camt.MaxBytes)
	if err != nil {
		return err
	}
	given := files["statement"]
	if len(given) != 1 {
		return b.showPayments(w, r, http.StatusUnprocessableEntity, web.Invalid("", map[string]string{"statement": "Choose the file that you have from the bank."}))
	}
	read, err := b.readStatement(r.Context(), web.ActorOf(r.Context()), given[0].Content)
	if loot.KindOf(err) == loot.Invalid {
		return b.showPayments(w, r, http.StatusUnprocessableEntity, web.Invalid("", map[string]string{"statement": loot.Message(err)}))
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, read.words())
	return web.Redirect(w, r, "/console/billing/payments")
}

// words says what came of a statement.
func (s bankStatement) words() string {
	text := loot.Plural(s.Fresh, "new payment", "new payments") + fmt.Sprintf(", %d of them matched.", s.Matched)
	if s.Known > 0 {
		text += " " + loot.Plural(s.Known, "was", "were") + " known already."
	}
	if s.Others > 0 {
		text += " " + loot.Plural(s.Others, "entry is", "entries are") + " about no customer: nothing of that is kept."
	}
	return text
}

// readStatement takes a bank statement in: what is there already, whole or in
// part, adds nothing. A file that is broken anywhere adds nothing at all.
func (b *Billing) readStatement(ctx context.Context, by loot.Actor, content []byte) (out bankStatement, err error) {
	if err := camt.Read(bytes.NewReader(content), func(*camt.Payment) error { return nil }); err != nil {
		return out, loot.Errorf(loot.Invalid, "Nothing was taken in: %s.", err)
	}
	out = bankStatement{ID: loot.NewID("b"), At: b.Now(), Author: by.ID}
	var some []*camt.Payment
	flush := func() error {
		sum := out
		if err := b.DB.InTx(ctx, func(tx *store.Tx) error {
			out = sum
			return b.take(ctx, tx, &out, some)
		}); err != nil {
			return err
		}
		some = some[:0]
		return nil
	}
	if err := camt.Read(bytes.NewReader(content), func(p *camt.Payment) error {
		if p.Amount.Sign() == 0 || p.Amount.Sign() < 0 && !p.Returned {
			out.Others++ // what the company pays to others is not for this desk
			return nil
		}
		kept := *p
		if some = append(some, &kept); len(some) == batch {
			return flush()
		}
		return nil
	}); err != nil {
		return out, err
	}
	if err := flush(); err != nil {
		return out, err
	}
	return out, b.DB.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO billing_statement (id, at, author, fresh, known, matched, others) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			out.ID, out.At.UnixMicro(), out.Author, out.Fresh, out.Known, out.Matched, out.Others); err != nil {
			return fmt.Errorf("billing: statement: %w", err)
		}
		_, err := b.Gate.Note(ctx, tx, by, "payments.read", out.ID)
		return err
	})
}

// take writes payments down and what they are for.
func (b *Billing) take(ctx context.Context, tx *store.Tx, out *bankStatement, some []*camt.Payment) error {
	if err := settling(ctx, tx); err != nil {
		return err
	}
	series, err := seriesOf(ctx, tx)
	if err != nil {
		return err
	}
	f := newFinder(series)
	for _, told := range some {
		amount, err := units(told)
		if err != nil {
			return err
		}
		p := payment{
			ID: loot.NewID("y"), Mark: keyed(b.marks, "payment", told.Identity()), Statement: out.ID, Author: out.Author,
			Day: invoice.DateOf(told.Booked), Amount: amount, Currency: told.Currency, At: b.Now(),
		}
		if told.EndToEnd != "" {
			p.Thread = keyed(b.marks, "thread", []byte(told.Account+"\x00"+told.EndToEnd))
		}
		m, err := match(ctx, tx, f, told, amount, p.Thread)
		if err != nil {
			return err
		}
		if p.Subject, p.Takes, p.Finding = m.Subject, m.Of, m.Finding; m.Finding == "" {
			p.Decided = p.At
		}
		sealed, err := b.seals(told, p.ID)
		if err != nil {
			return err
		}
		fresh, err := insertPayment(ctx, tx, p, sealed)
		if err != nil {
			return err
		}
		if !fresh {
			out.Known++
			continue
		}
		if out.Fresh++; m.Finding == "" {
			out.Matched++
		}
		if err := b.give(ctx, tx, p.ID, "", m.Shares); err != nil {
			return err
		}
	}
	return nil
}

// keyed returns a hash of what nobody may guess from it.
func keyed(secret []byte, use string, text []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(use + "\x00")) // never fails
	h.Write(text)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func seriesOf(ctx context.Context, tx *store.Tx) (out []string, err error) {
	rows, err := tx.Query(ctx, `SELECT id FROM billing_series ORDER BY id DESC`)
	if err != nil {
		return nil, fmt.Errorf("billing: series: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("billing: series: %w", err)
		}
		out = append(out, id)
	}
	return out, rows.Err()
}
