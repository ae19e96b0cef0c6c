package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"loot"
	"loot/gate"
	"loot/keyring"
	"loot/store"
)

// MaxAttached is how large a file is that [Vault.Attach] takes, in bytes.
const MaxAttached = 1 << 20

// Attach seals a small file and takes it in within tx: what [Vault.Stage] and
// [Vault.KeepFile] do for large ones, for many that come at once. The permit is to
// collect exactly one field, as which the file is kept. Its rows are written at the
// end of the transaction.
func (v *Vault) Attach(ctx context.Context, tx *store.Tx, p gate.Permit, name, mediaType string, content []byte, src Source) (id string, err error) {
	g, err := p.Spend(tx, loot.Collect)
	if err != nil {
		return "", err
	}
	if len(g.Fields) != 1 || g.Subject == "" || g.Collection == "" {
		return "", g.Widened()
	}
	if len(content) > MaxAttached {
		return "", fmt.Errorf("vault: attach: %d bytes", len(content))
	}
	key, err := v.sealing(ctx, tx, g.Subject, g.Collection)
	if err != nil {
		return "", err
	}
	at := g.At.UnixMicro()
	row := fileRow{
		id: loot.NewID("f"), subject: g.Subject, collection: g.Collection, field: g.Fields[0],
		made: at, kept: at, size: int64(len(content)), source: string(src), statement: short(g.Statement.Hash()),
	}
	var sealed bytes.Buffer
	w, err := key.Of(row.field).SealStream(&sealed, fileBound("content", row.id, row.field))
	if err != nil {
		return "", fmt.Errorf("vault: attach: %w", err)
	}
	if _, err := w.Write(content); err != nil {
		return "", fmt.Errorf("vault: attach: %w", err)
	}
	about, marshal := json.Marshal(fileAbout{name, mediaType, row.size})
	if err := errors.Join(marshal, w.Close()); err != nil {
		return "", fmt.Errorf("vault: attach: %w", err)
	}
	row.about = key.Of(row.field).Seal(about, fileBound("about", row.id, row.field))
	subject := row.subject.Compact()
	tx.Add(`INSERT INTO vault_file (id, subject, collection, field, made, kept, size, source, statement, about, mac) VALUES`,
		row.id, subject, string(row.collection), string(row.field), row.made, row.kept, row.size, row.source, row.statement, row.about, key.MAC(row.covered()))
	for n := 0; sealed.Len() > 0; n++ {
		tx.Add(`INSERT INTO vault_chunk (file, number, sealed) VALUES`, row.id, n, bytes.Clone(sealed.Next(keyring.Segment)))
	}
	return row.id, nil
}
