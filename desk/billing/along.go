package billing

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/store"
)

// along lists the invoices of a person that they take along beside their copy.
func (b *Billing) along(ctx context.Context, tx *store.Tx, me loot.Actor) (out []desk.Document, err error) {
	issued, err := readInvoices(ctx, tx, `WHERE i.subject = $1 AND r.number IS NULL ORDER BY i.at, i.number`, loot.Subject(me.ID))
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
	return out, err
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
