package billing

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk/billing/invoice"
	"loot/gate"
	"loot/store"
)

// A Credit is what became of an invoice that was taken back.
type Credit struct {
	Original  string // number of the invoice
	Credit    string // number of the credit note
	Corrected string // number of the invoice that stands for it; empty: none
	Reference string // of the case in which it was decided; empty: none
	Author    string // staff id
	At        time.Time
}

const creditColumns = `original, credit, corrected, reference, author, at FROM billing_credit `

func scanCredit(row store.Row) (c Credit, err error) {
	var at int64
	err = row.Scan(&c.Original, &c.Credit, &c.Corrected, &c.Reference, &c.Author, &at)
	c.At = store.Instant(at)
	return c, err
}

// creditOf returns what a document has to do with a taking back: as the invoice
// that was taken back, as the credit note, or as the one written for it. False:
// nothing, or nothing under that name.
func creditOf(ctx context.Context, tx *store.Tx, as, number string) (Credit, bool, error) {
	c, err := scanCredit(tx.QueryRow(ctx, `SELECT `+creditColumns+map[string]string{
		"original": `WHERE original = $1`, "credit": `WHERE credit = $1`, "corrected": `WHERE corrected = $1`,
	}[as], number))
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("billing: credit: %w", err)
	}
	return c, true, nil
}

// Credits returns what was taken back in a case, by number.
func (b *Billing) Credits(ctx context.Context, tx *store.Tx, reference string) (out []Credit, err error) {
	rows, err := tx.Query(ctx, `SELECT `+creditColumns+`WHERE reference = $1 ORDER BY original`, reference)
	if err != nil {
		return nil, fmt.Errorf("billing: credits: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		c, err := scanCredit(rows)
		if err != nil {
			return nil, fmt.Errorf("billing: credits: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

func insertCredit(ctx context.Context, tx *store.Tx, c Credit) error {
	_, err := tx.Exec(ctx, `INSERT INTO billing_credit (original, credit, corrected, reference, author, at) VALUES ($1, $2, $3, $4, $5, $6)`,
		c.Original, c.Credit, c.Corrected, c.Reference, c.Author, c.At.UnixMicro())
	if store.IsUnique(err) {
		return errCredited(c.Original)
	}
	if err != nil {
		return fmt.Errorf("billing: credit: %w", err)
	}
	return nil
}

func errCredited(number string) error {
	return loot.Errorf(loot.Conflict, "Invoice %s was taken back already, and that happens once.", number)
}

// standing is an invoice that counts: it was not taken back, and its documents
// are there to be copied.
const standing = `i.kind <> '381' AND r.number IS NULL AND c.original IS NULL`

// mostAgain is how many invoices at most are written again at once.
const mostAgain = 36

// Concerned returns the invoices of a customer that say what stood in a field of
// theirs since a time, latest first, and the one that is named whenever it was
// issued. What was taken back is not among them, and a field that stands on no
// invoice is on none; [Services] stand on each. There are so many more than can be
// written again at once.
func (b *Billing) Concerned(ctx context.Context, tx *store.Tx, s loot.Subject, f loot.Field, since time.Time, named string) (list []Issued, more int, err error) {
	v, err := b.inForce()
	if err != nil {
		return nil, 0, err
	}
	if all, _ := drawnFrom(v, nil); f != Services && !slices.Contains(all, f) {
		return nil, 0, nil
	}
	const which = `WHERE i.subject = $1 AND (i.at >= $2 OR i.number = $3) AND ` + standing
	if list, err = readInvoices(ctx, tx, which+` ORDER BY CASE WHEN i.number = $3 THEN 0 ELSE 1 END, i.at DESC, i.number DESC LIMIT $4`, s, since.UnixMicro(), named, mostAgain); err != nil {
		return nil, 0, err
	}
	slices.SortStableFunc(list, func(x, y Issued) int { return y.At.Compare(x.At) })
	if len(list) < mostAgain {
		return list, 0, nil
	}
	var all int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM billing_invoice i LEFT JOIN billing_removed r ON r.number = i.number LEFT JOIN billing_credit c ON c.original = i.number `+which, s, since.UnixMicro(), named).Scan(&all); err != nil {
		return nil, 0, fmt.Errorf("billing: concerned: %w", err)
	}
	return list, all - len(list), nil
}

// Services is the field of what invoices charge. It lies in the desk's own tables, and a
// mistake in it is in a line of an invoice.
const Services loot.Field = "usage.service"

// A Line is one of an invoice in words, by its number there.
type Line struct {
	Number int
	Words  string
}

// Lines opens an invoice of somebody's own that still stands, for them, and returns its
// lines; none: there is no such invoice.
func (b *Billing) Lines(ctx context.Context, me loot.Actor, number string) (out []Line, err error) {
	i, err := b.mineByNumber(ctx, me, number)
	if loot.KindOf(err) == loot.NotFound || err == nil && (i.Kind == invoice.CreditNote || i.Credited != "" || !i.Removed.IsZero()) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := b.recordOf(ctx, i, gate.Request{Action: loot.Export, Actor: me})
	if err != nil {
		return nil, err
	}
	for _, l := range r.Invoice.Lines {
		id, err := strconv.Atoi(l.ID)
		if err != nil {
			return nil, fmt.Errorf("billing: line: %w", err)
		}
		n, err := smallest(l.Net, i.Currency)
		if err != nil {
			return nil, err
		}
		out = append(out, Line{id, l.ID + ": " + strings.Join([]string{l.Name, l.Description, l.Period.Words(inPages), money(n, i.Currency)}, ", ")})
	}
	return out, nil
}

// recordOf opens what an invoice was drawn from, as it is sealed with it.
func (b *Billing) recordOf(ctx context.Context, i Issued, req gate.Request) (r invoice.Record, err error) {
	text, err := b.opened(ctx, i, docRecord, req)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("billing: record: %w", err)
	}
	return r, nil
}
