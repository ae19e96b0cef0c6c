package billing

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/invoice"
	"loot/gate"
	"loot/store"
)

// along lists what a person takes along beside their copy: their invoices, those of the
// system before, and each record of what their services used.
func (b *Billing) along(ctx context.Context, tx *store.Tx, me loot.Actor) (out []desk.Document, err error) {
	s := loot.Subject(me.ID)
	issued, err := readInvoices(ctx, tx, `WHERE i.subject = $1 AND r.number IS NULL ORDER BY i.at, i.number`, s)
	if err != nil {
		return nil, err
	}
	for _, i := range issued {
		out = append(out, desk.Document{
			Title: "Invoice " + i.Number + " for " + i.Period.Words(inPages), At: i.At,
			Files: []string{i.Number + ".pdf", i.Number + ".ubl.xml", i.Number + ".cii.xml"},
			Read: func(ctx context.Context) ([][]byte, error) {
				archive, err := b.openedWhole(ctx, i, gate.Request{Action: loot.Export, Actor: me})
				if err != nil {
					return nil, err
				}
				return documentsOf(archive, docPDF, docUBL, docCII)
			},
		})
	}
	former, err := readArchive(ctx, tx, `WHERE subject = $1 ORDER BY issued, id`, s)
	if err != nil {
		return nil, err
	}
	for n, a := range former {
		out = append(out, b.formerAlong(me, a, fmt.Sprintf("before-%03d-%s", n+1, unsafeInName.ReplaceAllString(loot.Cut(a.Number, 60), "-"))))
	}
	var records int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM billing_usage u JOIN billing_service s ON s.reference = u.service WHERE s.subject = $1`, s).Scan(&records); err != nil {
		return nil, fmt.Errorf("billing: usage: %w", err)
	}
	if records > 0 {
		out = append(out, desk.Document{Title: "What your services used, record by record", At: b.Now(), Files: []string{"usage.csv"}, Read: func(ctx context.Context) (contents [][]byte, err error) {
			err = b.DB.ReadTx(ctx, func(tx *store.Tx) error {
				text, err := usageAlong(ctx, tx, s)
				contents = [][]byte{text}
				return err
			})
			return contents, err
		}})
	}
	return out, nil
}

// unsafeInName is what of another system's number has no place in the name of a file.
var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// formerAlong is an invoice of the system before as it is kept, and to read.
func (b *Billing) formerAlong(me loot.Actor, a archived, file string) desk.Document {
	return desk.Document{
		Title: "Invoice " + a.Number + " of " + a.System, At: time.Date(a.Issued.Year, a.Issued.Month, a.Issued.Day, 0, 0, 0, 0, time.UTC), Files: []string{file + ".txt", file + ".json"},
		Read: func(ctx context.Context) ([][]byte, error) {
			f, err := b.openArchived(ctx, a, gate.Request{Action: loot.Export, Actor: me})
			if err != nil {
				return nil, err
			}
			text, err := json.MarshalIndent(f, "", "  ")
			if err != nil {
				return nil, fmt.Errorf("billing: archive: %w", err)
			}
			return [][]byte{f.text(a), text}, nil
		},
	}
}

// text is an archived invoice as its page shows it.
func (f Former) text(a archived) []byte {
	var v archivedView
	v.fill(a, f)
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\n\n%s\n", v.Lead, strings.Join(v.Party, "\n"))
	for i, one := range v.Facts {
		if i == 0 {
			fmt.Fprintln(&out)
		}
		if one.Value != "" {
			fmt.Fprintf(&out, "%s: %s\n", one.Term, one.Value)
		}
	}
	for i, l := range v.Lines {
		if i == 0 {
			fmt.Fprintln(&out)
		}
		fmt.Fprintf(&out, "%s: %s\n", l.Text, l.Sum)
	}
	return out.Bytes()
}

// usageAlong is what somebody's services used, in the form in which it is taken down.
func usageAlong(ctx context.Context, tx *store.Tx, s loot.Subject) ([]byte, error) {
	rows, err := tx.Query(ctx, `SELECT u.service, u.meter, u.mark, u.at, u.amount FROM billing_usage u JOIN billing_service s ON s.reference = u.service
		WHERE s.subject = $1 ORDER BY u.service, u.meter, u.at, u.mark`, s)
	if err != nil {
		return nil, fmt.Errorf("billing: usage: %w", err)
	}
	defer rows.Close()
	var list [][]string
	for rows.Next() {
		var service, meter, mark string
		var at, amount int64
		if err := rows.Scan(&service, &meter, &mark, &at, &amount); err != nil {
			return nil, fmt.Errorf("billing: usage: %w", err)
		}
		list = append(list, []string{service, meter, mark, store.Instant(at).Format(time.RFC3339Nano), invoice.Scaled(amount, millionths).String()})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("billing: usage: %w", err)
	}
	var out bytes.Buffer
	if err := csv.NewWriter(&out).WriteAll(append([][]string{columns}, list...)); err != nil {
		return nil, fmt.Errorf("billing: usage: %w", err)
	}
	return out.Bytes(), nil
}

// documentsOf returns documents of an archive, in the order of their names.
func documentsOf(archive io.Reader, names ...string) ([][]byte, error) {
	found := map[string][]byte{}
	r := tar.NewReader(archive)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("billing: archive: %w", err)
		}
		if found[h.Name], err = io.ReadAll(r); err != nil {
			return nil, fmt.Errorf("billing: archive: %w", err)
		}
	}
	out := make([][]byte, len(names))
	for i, name := range names {
		if found[name] == nil {
			return nil, fmt.Errorf("billing: archive: there is no %s in it", name)
		}
		out[i] = found[name]
	}
	return out, nil
}
