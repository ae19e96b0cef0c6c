package billing

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/camt"
	"loot/desk/billing/invoice"
	"loot/statement"
	"loot/store"
)

// A payment is money that came, or went back: nothing of a person but a random id.
type payment struct {
	ID        string
	Mark      string // keyed hash by which the same is known again
	Thread    string // keyed hash of the payer's own reference; empty: none
	Statement string // bank statement; empty: written down by hand
	Author    string
	Subject   loot.Subject // empty: not known
	Day       invoice.Date
	Amount    int64 // in the smallest unit of the currency
	Currency  string
	Takes     string // the payment that it takes back
	Finding   string // why a person has to decide
	At        time.Time
	Decided   time.Time // zero: a person has to
	Given     int64     // what of it is for invoices
	Sealed    bool      // what the bank says is there
}

// Left is what of the payment is for no invoice.
func (p payment) Left() int64 { return p.Amount - p.Given }

// Sum writes the amount as people read it.
func (p payment) Sum() string { return money(p.Amount, p.Currency) }

const paymentColumns = `p.id, p.mark, p.thread, p.statement, p.author, p.subject, p.day, p.amount, p.currency, p.takes, p.finding, p.at, p.decided,
	CAST(COALESCE((SELECT SUM(s.amount) FROM billing_paid s WHERE s.payment = p.id), 0) AS BIGINT), p.sealed IS NOT NULL FROM billing_payment p `

func scanPayment(row store.Row) (p payment, err error) {
	var day string
	var at, decided int64
	if err := row.Scan(&p.ID, &p.Mark, &p.Thread, &p.Statement, &p.Author, &p.Subject, &day, &p.Amount, &p.Currency, &p.Takes, &p.Finding, &at, &decided, &p.Given, &p.Sealed); err != nil {
		return p, err
	}
	p.At, p.Decided = store.Instant(at), store.Instant(decided)
	p.Day, err = invoice.ParseDate(day)
	return p, err
}

func readPayments(ctx context.Context, tx *store.Tx, where string, args ...any) (out []payment, err error) {
	rows, err := tx.Query(ctx, `SELECT `+paymentColumns+where, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: payments: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		p, err := scanPayment(rows)
		if err != nil {
			return nil, fmt.Errorf("billing: payments: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

func findPayment(ctx context.Context, tx *store.Tx, id string) (payment, error) {
	p, err := scanPayment(tx.QueryRow(ctx, `SELECT `+paymentColumns+`WHERE p.id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return p, loot.Errorf(loot.NotFound, "There is no such payment.")
	}
	if err != nil {
		return p, fmt.Errorf("billing: payment: %w", err)
	}
	return p, nil
}

// takeable returns payments of an amount that were not taken back, with a
// reference of the payer's or for one of some invoices.
func takeable(ctx context.Context, tx *store.Tx, amount int64, currency, thread string, numbers []string) ([]payment, error) {
	where, args := `p.thread = $3 AND p.thread <> ''`, []any{amount, currency, thread}
	if len(numbers) > 0 {
		where = `(` + where + ` OR p.id IN (SELECT s.payment FROM billing_paid s WHERE s.invoice IN (` + store.Placeholders(4, len(numbers)) + `)))`
		for _, n := range numbers {
			args = append(args, n)
		}
	}
	return readPayments(ctx, tx, `WHERE p.amount = $1 AND p.currency = $2 AND p.subject <> '' AND NOT EXISTS (SELECT 1 FROM billing_payment b WHERE b.takes = p.id) AND `+where, args...)
}

// insertPayment writes a payment down, and reports false if it was there before.
func insertPayment(ctx context.Context, tx *store.Tx, p payment, sealed []byte) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO billing_payment (id, mark, thread, statement, author, subject, day, amount, currency, takes, finding, at, decided, sealed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (mark) DO NOTHING`,
		p.ID, p.Mark, p.Thread, p.Statement, p.Author, p.Subject, p.Day.String(), p.Amount, p.Currency, p.Takes, p.Finding, p.At.UnixMicro(), store.Micro(p.Decided), sealed)
	if err != nil {
		return false, fmt.Errorf("billing: payment: %w", err)
	}
	return n == 1, nil
}

// sharesOf returns what of a payment is for which invoice now.
func sharesOf(ctx context.Context, tx *store.Tx, payment string) (out []share, err error) {
	rows, err := tx.Query(ctx, `SELECT invoice, CAST(SUM(amount) AS BIGINT) FROM billing_paid WHERE payment = $1 GROUP BY invoice HAVING SUM(amount) <> 0 ORDER BY invoice`, payment)
	if err != nil {
		return nil, fmt.Errorf("billing: shares: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s share
		if err := rows.Scan(&s.Invoice, &s.Amount); err != nil {
			return nil, fmt.Errorf("billing: shares: %w", err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// give notes what of a payment is for which invoices.
func (b *Billing) give(ctx context.Context, tx *store.Tx, payment, author string, shares []share) error {
	for _, s := range shares {
		if _, err := tx.Exec(ctx, `INSERT INTO billing_paid (id, payment, invoice, amount, at, author) VALUES ($1, $2, $3, $4, $5, $6)`,
			loot.NewID("d"), payment, s.Invoice, s.Amount, b.Now().UnixMicro(), author); err != nil {
			return fmt.Errorf("billing: paid: %w", err)
		}
	}
	return nil
}

// settling keeps all others from dividing payments until the transaction ends, so
// that no invoice is paid with more than is open on it.
func settling(ctx context.Context, tx *store.Tx) error {
	rows, err := tx.Query(ctx, `SELECT id FROM billing_series ORDER BY id`+tx.ForUpdate())
	if err != nil {
		return fmt.Errorf("billing: settling: %w", err)
	}
	return rows.Close()
}

// carry takes what was paid of an invoice that is taken back to the one that stands
// for it. What that does not need, or all if there is none, is in credit.
func (b *Billing) carry(ctx context.Context, tx *store.Tx, c Credit) error {
	if err := settling(ctx, tx); err != nil {
		return err
	}
	left := int64(0)
	if c.Corrected != "" {
		i, err := findInvoice(ctx, tx, c.Corrected)
		if err != nil {
			return err
		}
		left = i.Open()
	}
	parts, err := partsFor(ctx, tx, c.Original)
	if err != nil {
		return err
	}
	for _, p := range parts {
		moved := []share{{c.Original, -p.amount}}
		if part := min(left, p.amount); part > 0 {
			moved, left = append(moved, share{c.Corrected, part}), left-part
		}
		if err := b.give(ctx, tx, p.payment, c.Author, moved); err != nil {
			return err
		}
	}
	return nil
}

// A part is what of a payment is for one invoice.
type part struct {
	payment string
	amount  int64
}

// partsFor returns what was paid of an invoice, but for what went back.
func partsFor(ctx context.Context, tx *store.Tx, number string) (out []part, err error) {
	rows, err := tx.Query(ctx, `SELECT p.id, CAST(SUM(s.amount) AS BIGINT) FROM billing_paid s JOIN billing_payment p ON p.id = s.payment
		WHERE s.invoice = $1 AND NOT EXISTS (SELECT 1 FROM billing_payment b WHERE b.takes = p.id)
		GROUP BY p.id, p.day HAVING SUM(s.amount) > 0 ORDER BY p.day, p.id`, number)
	if err != nil {
		return nil, fmt.Errorf("billing: parts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p part
		if err := rows.Scan(&p.payment, &p.amount); err != nil {
			return nil, fmt.Errorf("billing: parts: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// paidFor sums up what was paid of an invoice, as [Billing.carry] carries it over.
func paidFor(ctx context.Context, tx *store.Tx, number string) (sum int64, err error) {
	parts, err := partsFor(ctx, tx, number)
	for _, p := range parts {
		sum += p.amount
	}
	return sum, err
}

// What a bank says of a payment, as it is sealed.
type told struct {
	Party  string   `json:"party,omitempty"`
	IBAN   string   `json:"iban,omitempty"`
	Text   string   `json:"text,omitempty"`
	Refs   []string `json:"refs,omitempty"`
	Own    string   `json:"own,omitempty"` // the payer's own reference
	Reason string   `json:"reason,omitempty"`
}

func (b *Billing) seals(p *camt.Payment, id string) ([]byte, error) {
	text, err := json.Marshal(told{p.Party, p.PartyIBAN, p.Text, p.Refs, p.EndToEnd, p.Reason})
	if err != nil {
		return nil, fmt.Errorf("billing: payment: %w", err)
	}
	return b.key.Seal(text, []byte(id))
}

// tellOf opens what the bank said of a payment; false if that is kept no longer.
func (b *Billing) tellOf(ctx context.Context, tx *store.Tx, id string) (t told, ok bool, err error) {
	var sealed []byte
	if err := tx.QueryRow(ctx, `SELECT sealed FROM billing_payment WHERE id = $1`, id).Scan(&sealed); err != nil {
		return t, false, fmt.Errorf("billing: payment: %w", err)
	}
	if sealed == nil {
		return t, false, nil
	}
	t, err = b.openTold(id, sealed)
	return t, err == nil, err
}

func (b *Billing) openTold(id string, sealed []byte) (t told, err error) {
	text, err := b.key.Open(sealed, []byte(id))
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	if err != nil {
		return t, fmt.Errorf("billing: payment: %w", err)
	}
	return t, nil
}

// oldTold is what the bank said of payments: of those that are somebody's it goes
// when the law wants it kept no longer, of those that are nobody's as soon as the
// statement has no time left for finding out.
func (b *Billing) oldTold(s *statement.Statement) (out []lapsing) {
	for _, one := range []struct {
		purpose     loot.Purpose
		what, where string
	}{
		{forBookkeeping, "What banks said of payments", `subject <> ''`},
		{forInvoice, "What banks said of payments of nobody", `subject = ''`},
	} {
		p, ok := s.Purpose(one.purpose)
		if !ok {
			continue
		}
		why := p.Keep.Words() + " after it was read"
		if p.Law != "" {
			why += ": " + p.Law
		}
		out = append(out, lapsing{
			Lapse: desk.Lapse{What: one.what, Why: why, Clause: p.Clause}, in: invoices,
			take: func(ctx context.Context, tx *store.Tx) ([]lapsed, error) {
				now := b.Now()
				all, err := b.toldUntil(ctx, tx, p, one.where+` AND at < $1 ORDER BY at, id LIMIT $2`+tx.ForUpdate(), p.Keep.AboutBefore(now).UnixMicro(), sweepSize)
				if err != nil {
					return nil, err
				}
				all = over(all, now)
				return all, removeIn(ctx, tx, `UPDATE billing_payment SET sealed = NULL, thread = '' WHERE id IN `, all)
			},
			ahead: func(ctx context.Context, tx *store.Tx, l desk.Lapse, until time.Time) ([]desk.Lapse, error) {
				all, err := b.toldUntil(ctx, tx, p, one.where+` AND at < $1`, p.Keep.AboutBefore(until).UnixMicro())
				return perDay(l, over(all, until)), err
			},
		})
	}
	return out
}

// toldUntil reads what the bank said of payments, with the time until which a purpose
// keeps it.
func (b *Billing) toldUntil(ctx context.Context, tx *store.Tx, p statement.Purpose, where string, args ...any) ([]lapsed, error) {
	return takeRows(ctx, tx, func(row store.Row) (one lapsed, err error) {
		var at int64
		var sealed []byte
		err = row.Scan(&one.ID, &one.Subject, &at, &sealed)
		id := one.ID
		one.At, one.said = p.Keep.After(store.Instant(at)), func() (any, error) { return b.openTold(id, sealed) }
		return one, err
	}, `SELECT id, subject, at, sealed FROM billing_payment WHERE sealed IS NOT NULL AND `+where, args...)
}

// A balance is what a customer owes in a currency; below zero: is owed.
type balance struct {
	Currency string
	Amount   int64
}

// balancesOf returns what a customer owes, in each currency.
func balancesOf(ctx context.Context, tx *store.Tx, s loot.Subject) (out []balance, err error) {
	rows, err := tx.Query(ctx, `SELECT currency, CAST(SUM(amount) AS BIGINT) FROM (
			SELECT currency, CASE WHEN kind = '381' THEN -total ELSE total END AS amount FROM billing_invoice WHERE subject = $1
			UNION ALL SELECT currency, -amount FROM billing_payment WHERE subject = $1
		) AS moved GROUP BY currency HAVING SUM(amount) <> 0 ORDER BY currency`, s)
	if err != nil {
		return nil, fmt.Errorf("billing: balance: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var one balance
		if err := rows.Scan(&one.Currency, &one.Amount); err != nil {
			return nil, fmt.Errorf("billing: balance: %w", err)
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// Words says what stands in a balance.
func (b balance) Words() string {
	if b.Amount < 0 {
		return money(-b.Amount, b.Currency) + " in credit"
	}
	return money(b.Amount, b.Currency) + " to pay"
}
