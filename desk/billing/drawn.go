package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"loot"
	"loot/desk/billing/invoice"
	"loot/store"
)

// An Issued invoice is what lists show of one: nothing of a person.
type Issued struct {
	Number    string
	Series    string
	Sequence  int64
	Subject   loot.Subject
	Kind      invoice.Kind
	Preceding string // empty: none
	Language  string // of the document; empty: it was issued before that was noted
	Statement string // hash of the version in force
	At        time.Time
	Day, Due  invoice.Date
	Period    invoice.Period
	Currency  string
	Net       int64 // in the smallest unit of the currency
	Tax       int64
	Total     int64
	Paid      int64
	File      string    // id of the sealed documents
	Removed   time.Time // of the documents; zero: they are there
	Credited  string    // number of the credit note that took it back; empty: it counts
}

// Sum writes the total as people read it; what is credited with a minus.
func (i Issued) Sum() string { return money(i.signed(i.Total), i.Currency) }

// signed is an amount of the document, of a credit note below zero.
func (i Issued) signed(units int64) int64 {
	if i.Kind == invoice.CreditNote {
		return -units
	}
	return units
}

// dueWords says until when it is to be paid; empty: it is a credit note, of which
// nothing is.
func (i Issued) dueWords() string {
	if i.Kind == invoice.CreditNote {
		return ""
	}
	return i.Due.Words(inPages)
}

// Words name the invoice: its number, what it is for and its sum.
func (i Issued) Words() string { return i.Number + ", " + i.Period.Words(inPages) + ", " + i.Sum() }

// paidSum is, in a query, what was paid of the invoice i.
const paidSum = `COALESCE((SELECT SUM(s.amount) FROM billing_paid s WHERE s.invoice = i.number), 0)`

const invoiceColumns = `i.number, i.series, i.sequence, i.subject, i.kind, i.preceding, i.language, i.statement, i.at, i.issued, i.due, i.began, i.ended, i.currency, i.net, i.tax, i.total, i.file, r.at, c.credit,
	CAST(` + paidSum + ` AS BIGINT)
	FROM billing_invoice i LEFT JOIN billing_removed r ON r.number = i.number LEFT JOIN billing_credit c ON c.original = i.number `

func scanInvoice(row store.Row) (i Issued, err error) {
	var at int64
	var removed sql.NullInt64
	var credited sql.NullString
	var day, due, from, to string
	if err := row.Scan(&i.Number, &i.Series, &i.Sequence, &i.Subject, &i.Kind, &i.Preceding, &i.Language, &i.Statement, &at, &day, &due, &from, &to, &i.Currency, &i.Net, &i.Tax, &i.Total, &i.File, &removed, &credited, &i.Paid); err != nil {
		return i, err
	}
	i.At, i.Removed, i.Credited = store.Instant(at), store.Instant(removed.Int64), credited.String
	for _, d := range []struct {
		to   *invoice.Date
		text string
	}{{&i.Day, day}, {&i.Due, due}, {&i.Period.From, from}, {&i.Period.To, to}} {
		if *d.to, err = invoice.ParseDate(d.text); err != nil {
			return i, err
		}
	}
	return i, nil
}

func readInvoices(ctx context.Context, tx *store.Tx, where string, args ...any) (out []Issued, err error) {
	rows, err := tx.Query(ctx, `SELECT `+invoiceColumns+where, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: invoices: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		i, err := scanInvoice(rows)
		if err != nil {
			return nil, fmt.Errorf("billing: invoices: %w", err)
		}
		out = append(out, i)
	}
	return out, rows.Err()
}

// findInvoice returns the invoice with a number.
func findInvoice(ctx context.Context, tx *store.Tx, number string) (Issued, error) {
	i, err := scanInvoice(tx.QueryRow(ctx, `SELECT `+invoiceColumns+`WHERE i.number = $1`, number))
	if errors.Is(err, sql.ErrNoRows) {
		return i, loot.Errorf(loot.NotFound, "There is no invoice with this number.")
	}
	if err != nil {
		return i, fmt.Errorf("billing: invoice: %w", err)
	}
	return i, nil
}

func insertInvoice(ctx context.Context, tx *store.Tx, i Issued) error {
	if err := tx.Queue(ctx, `INSERT INTO billing_invoice (number, series, sequence, subject, kind, preceding, language, statement, at, issued, due, began, ended, currency, net, tax, total, file)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		i.Number, i.Series, i.Sequence, i.Subject, string(i.Kind), i.Preceding, i.Language, i.Statement, i.At.UnixMicro(), i.Day.String(), i.Due.String(),
		i.Period.From.String(), i.Period.To.String(), i.Currency, i.Net, i.Tax, i.Total, i.File); err != nil {
		return fmt.Errorf("billing: invoice: %w", err)
	}
	return nil
}

// among is, in a query, that a column holds the id of one of some customers, who are its
// last parameters, from a number on.
func among(column string, from int, who []loot.Subject) string {
	return column + ` IN (` + store.Placeholders(from, len(who)) + `)`
}

// asked returns the parameters of a query of which the last are some customers.
func asked(who []loot.Subject, before ...any) []any {
	for _, s := range who {
		before = append(before, s)
	}
	return before
}

// invoicedIn returns the currencies in which customers have the invoice of a month.
func invoicedIn(ctx context.Context, tx *store.Tx, who []loot.Subject, m Month) (map[loot.Subject]map[string]bool, error) {
	rows, err := tx.Query(ctx, `SELECT subject, currency FROM billing_invoice WHERE began = $1 AND kind = '380' AND `+among("subject", 2, who), asked(who, m.days().From.String())...)
	if err != nil {
		return nil, fmt.Errorf("billing: invoiced: %w", err)
	}
	defer rows.Close()
	out := map[loot.Subject]map[string]bool{}
	for rows.Next() {
		var s loot.Subject
		var c string
		if err := rows.Scan(&s, &c); err != nil {
			return nil, fmt.Errorf("billing: invoiced: %w", err)
		}
		if out[s] == nil {
			out[s] = map[string]bool{}
		}
		out[s][c] = true
	}
	return out, rows.Err()
}

// nextNumber returns the number that a series gives next.
func nextNumber(ctx context.Context, tx *store.Tx, series string) (next int64, err error) {
	err = tx.QueryRow(ctx, `SELECT next FROM billing_series WHERE id = $1`, series).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		return 1, nil
	}
	return next, err
}

// errMoved says that others took the numbers meanwhile.
var errMoved = errors.New("billing: the numbers were taken")

// takeNumbers takes n numbers from the one that was seen as next; errMoved if it
// is another now. Who takes others waits until this transaction has ended.
func takeNumbers(ctx context.Context, tx *store.Tx, series string, next int64, n int) error {
	if _, err := tx.Exec(ctx, `INSERT INTO billing_series (id, next) VALUES ($1, 1) ON CONFLICT (id) DO NOTHING`, series); err != nil {
		return fmt.Errorf("billing: series: %w", err)
	}
	changed, err := tx.Exec(ctx, `UPDATE billing_series SET next = next + $1 WHERE id = $2 AND next = $3`, n, series, next)
	if err != nil {
		return fmt.Errorf("billing: series: %w", err)
	}
	if changed == 0 {
		return errMoved
	}
	return nil
}

// A pending invoice is one that waits.
type pending struct {
	Subject loot.Subject
	Month   Month
	Missing []loot.Field
	Finding finding
	Since   time.Time // what it waits for was looked at last
	Told    time.Time
}

func readPending(ctx context.Context, tx *store.Tx, where string, args ...any) (out []pending, err error) {
	rows, err := tx.Query(ctx, `SELECT subject, month, missing, finding, service, fault, unregistered, since, told FROM billing_pending `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: pending: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p pending
		var missing string
		var unregistered, since, told int64
		if err := rows.Scan(&p.Subject, &p.Month, &missing, &p.Finding.Text, &p.Finding.Service, &p.Finding.Fault, &unregistered, &since, &told); err != nil {
			return nil, fmt.Errorf("billing: pending: %w", err)
		}
		p.Finding.Unregistered = unregistered != 0
		for f := range strings.FieldsSeq(missing) {
			p.Missing = append(p.Missing, loot.Field(f))
		}
		p.Since, p.Told = store.Instant(since), store.Instant(told)
		out = append(out, p)
	}
	return out, rows.Err()
}

// theirs reports whether what it waits for is its customer's to give or to put right, of
// which they are told.
func (p pending) theirs() bool { return len(p.Missing) > 0 || p.Finding.Fault != "" }

// putPending notes why an invoice waits, and since when for that. That its customer was
// told is kept, but for what is missing they are told anew of a fault.
func putPending(ctx context.Context, tx *store.Tx, p pending) error {
	var missing []string
	for _, f := range p.Missing {
		missing = append(missing, string(f))
	}
	if _, err := tx.Exec(ctx, `INSERT INTO billing_pending (subject, month, missing, finding, service, fault, unregistered, since, told) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)
		ON CONFLICT (subject, month) DO UPDATE SET missing = excluded.missing, finding = excluded.finding, service = excluded.service, fault = excluded.fault, unregistered = excluded.unregistered, since = excluded.since,
			told = CASE WHEN billing_pending.fault = excluded.fault THEN billing_pending.told ELSE 0 END`,
		p.Subject, string(p.Month), strings.Join(missing, " "), p.Finding.Text, p.Finding.Service, string(p.Finding.Fault), store.Flag(p.Finding.Unregistered), p.Since.UnixMicro()); err != nil {
		return fmt.Errorf("billing: pending: %w", err)
	}
	return nil
}

func dropPending(ctx context.Context, tx *store.Tx, s loot.Subject, m Month) error {
	if _, err := tx.Exec(ctx, `DELETE FROM billing_pending WHERE subject = $1 AND month = $2`, s, string(m)); err != nil {
		return fmt.Errorf("billing: pending: %w", err)
	}
	return nil
}

// chargedIn is, in a query, that the service s was held at some time from one moment
// until another for which it is charged; the moments are the parameters of two numbers.
func chargedIn(from, to int) string {
	return fmt.Sprintf(`s.state <> 'ordered' AND s.since < $%[2]d AND s.charged < $%[2]d AND (s.ended = 0 OR s.ended > s.charged) AND (s.ended = 0 OR s.ended >= $%[1]d)`, from, to)
}

// usesOf returns what customers held at some time from one moment until
// another, oldest first, and what is charged late with that month. A service that ended
// right then is among it, as the rest of its year is charged when it ends.
func usesOf(ctx context.Context, tx *store.Tx, titles map[string]string, who []loot.Subject, from, to time.Time) (map[loot.Subject][]use, error) {
	used, err := countedOf(ctx, tx, who, from, to, "")
	if err != nil {
		return nil, err
	}
	out, err := heldIn(ctx, tx, titles, who, from, to, used)
	if err != nil {
		return nil, err
	}
	late, err := lateUses(ctx, tx, titles, who, monthOf(from, from.Location()), from.Location())
	for s, more := range late {
		out[s] = append(out[s], more...)
	}
	return out, err
}

// heldIn returns what customers held at some time from one moment until another, with what
// was counted of it.
func heldIn(ctx context.Context, tx *store.Tx, titles map[string]string, who []loot.Subject, from, to time.Time, used map[string][]counted) (map[loot.Subject][]use, error) {
	later, err := plannedFor(ctx, tx, who, from.Location())
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT s.subject, s.reference, s.service, s.since, s.ended, s.charged, s.plan, p.title, p.cents, p.currency, p.period, p.setup, h.at, h.reason, h.kind
		FROM billing_service s LEFT JOIN billing_plan p ON p.id = s.plan LEFT JOIN billing_state h ON h.service = s.reference AND h.sequence = 1
		WHERE `+chargedIn(1, 2)+` AND `+among("s.subject", 3, who)+` ORDER BY s.since, s.reference`, asked(who, from.UnixMicro(), to.UnixMicro())...)
	if err != nil {
		return nil, fmt.Errorf("billing: uses: %w", err)
	}
	defer rows.Close()
	out := map[loot.Subject][]use{}
	for rows.Next() {
		var u use
		var since, ended, charged int64
		var title, currency, each, why, kind sql.NullString
		var cents, setup, came sql.NullInt64
		if err := rows.Scan(&u.Subject, &u.Reference, &u.Service.Service, &since, &ended, &charged, &u.plan, &title, &cents, &currency, &each, &setup, &came, &why, &kind); err != nil {
			return nil, fmt.Errorf("billing: uses: %w", err)
		}
		u.Since, u.Ended, u.Title, u.text = store.Instant(since), store.Instant(ended), titles[u.Service.Service], title.String
		if u.Title == "" {
			u.Title = u.Service.Service // no longer in the statement
		}
		u.cents, u.currency, u.each, u.setup = cents.Int64, currency.String, each.String, setup.Int64
		u.Charged = store.Instant(charged)
		u.came = origin{invoice.Ordered, u.Since}
		if came.Valid { // else it is older than its history
			u.came.at = store.Instant(came.Int64)
		}
		switch {
		case Reason(why.String) == TakenOver:
			u.came.from = invoice.TakenOver
		case loot.ActorKind(kind.String) == loot.Staff:
			u.came.from = invoice.Brought
		}
		parts := u.parted(later[u.Reference])
		if u.Charged.After(u.Since) {
			parts = sinceTaken(parts, u.Charged)
		}
		out[u.Subject] = append(out[u.Subject], within(parts, from, to, used[u.Reference])...)
	}
	return out, rows.Err()
}

// membersOf returns the next n customers after one who held something at some
// time from one moment until another, or are charged late for something with that month.
func membersOf(ctx context.Context, tx *store.Tx, from, to time.Time, after loot.Subject, n int) (out []loot.Subject, err error) {
	rows, err := tx.Query(ctx, `SELECT DISTINCT s.subject FROM billing_service s WHERE (`+chargedIn(1, 2)+` OR `+lateIn(5)+`) AND s.subject > $3 ORDER BY s.subject LIMIT $4`,
		from.UnixMicro(), to.UnixMicro(), after, n, string(monthOf(from, from.Location())))
	if err != nil {
		return nil, fmt.Errorf("billing: members: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s loot.Subject
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("billing: members: %w", err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func countMembers(ctx context.Context, tx *store.Tx, from, to time.Time) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(DISTINCT s.subject) FROM billing_service s WHERE `+chargedIn(1, 2)+` OR `+lateIn(3), from.UnixMicro(), to.UnixMicro(), string(monthOf(from, from.Location()))).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("billing: members: %w", err)
	}
	return n, nil
}
