package rights

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"

	"loot"
	"loot/desk"
	"loot/ledger"
	"loot/store"
)

func (d *Rights) proofs() []desk.Proof {
	return []desk.Proof{
		{Clause: "adequacy.visible", Name: "one click gives a person all of it to take along, to read and for programs, and the ledger has it", Run: d.provesCopy},
		{Clause: "adequacy.mistakes", Name: "a record that its owner has frozen is kept and left alone, until they end it", Run: d.provesFreeze},
		{Clause: "network.purpose", Name: "an agent's request reaches the person whom it is about, who has to confirm it first", Run: d.provesAgents},
	}
}

// provesCopy takes a made-up customer's copy and compares it with what is held.
func (d *Rights) provesCopy(ctx context.Context, w *desk.World) (string, error) {
	subject, err := w.NewPerson(ctx)
	if err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	a, err := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(subject)}}.Post(ctx, "/portal/rights/copy", nil)
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusOK {
		return "", fmt.Errorf("the click was answered with %d", a.Status)
	}
	z, err := zip.NewReader(bytes.NewReader(a.Body.Bytes()), int64(a.Body.Len()))
	if err != nil {
		return "", fmt.Errorf("what came is no ZIP: %w", err)
	}
	page, err := unzipped(z, filePage)
	if err != nil {
		return "", err
	}
	text, err := unzipped(z, fileCopy)
	if err != nil {
		return "", err
	}
	var copied desk.Copy
	if err := json.Unmarshal(text, &copied); err != nil {
		return "", fmt.Errorf("the copy is no JSON: %w", err)
	}
	missing := ""
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		held, err := d.Vault.Held(ctx, tx, subject, collection)
		for f := range held {
			i := slices.IndexFunc(copied.Fields, func(c desk.CopiedField) bool { return c.Field == f && c.Value != "" })
			if i < 0 || !bytes.Contains(page, []byte(copied.Fields[i].Title)) {
				missing = string(f)
			}
		}
		return err
	}); err != nil {
		return "", err
	}
	if missing != "" {
		return "", fmt.Errorf("%q is held and not in the copy", missing)
	}
	res, err := ledger.VerifyCopy(bytes.NewReader(text), d.Ledger.VerifierKey(), nil, func(ledger.CopiedEntry, ledger.Result) error { return nil })
	if err != nil {
		return "", err
	}
	if res.Verdict != ledger.Holds {
		return "", errors.New("not every entry of its timeline is proved: " + res.Fault)
	}
	if copied.Timeline[0].Verdict != ledger.Recorded {
		return "", errors.New("that a copy was taken does not stand in the timeline")
	}
	return fmt.Sprintf("%s and %s, each with its proof", loot.Plural(len(copied.Fields), "detail", "details"), loot.Plural(res.Entries, "entry", "entries")), nil
}

func unzipped(z *zip.Reader, name string) ([]byte, error) {
	b, err := fs.ReadFile(z, name)
	if err != nil {
		return nil, fmt.Errorf("the archive has no %s: %w", name, err)
	}
	return b, nil
}
