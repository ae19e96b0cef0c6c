package partners

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// maxDocument is how large the document of an agreement may be, in bytes.
const maxDocument = 8 << 20

// An agreement is the confidentiality agreement that a partner signed. Of each partner
// one stands at most.
type agreement struct {
	ID         string
	Partner    string
	Made       time.Time
	Author     string
	Signed     time.Time // from when it counts
	Ends       time.Time // the first instant at which it does not
	Purposes   []loot.Purpose
	Categories []loot.Category
	Country    string
	Processors []string // companies that the partner passes details on to
	Hash       string   // SHA-256 of the document, hexadecimal
	Type       string
	Ended      time.Time // zero: it is the partner's
	How        string    // "", "replaced" or "revoked"
}

// runs reports whether it counts at a time.
func (a agreement) runs(now time.Time) bool {
	return a.ID != "" && a.Ended.IsZero() && !a.Signed.After(now) && now.Before(a.Ends)
}

const agreementColumns = `id, partner, made, author, signed, ends, purposes, categories, country, processors, hash, type, ended, how`

func scanAgreement(row store.Row) (a agreement, err error) {
	var made, signed, ends, ended int64
	var purposes, categories, processors string
	if err := row.Scan(&a.ID, &a.Partner, &made, &a.Author, &signed, &ends, &purposes, &categories, &a.Country, &processors, &a.Hash, &a.Type, &ended, &a.How); err != nil {
		return a, err
	}
	a.Made, a.Signed, a.Ends, a.Ended = store.Instant(made), store.Instant(signed), store.Instant(ends), store.Instant(ended)
	return a, errors.Join(json.Unmarshal([]byte(purposes), &a.Purposes), json.Unmarshal([]byte(categories), &a.Categories), json.Unmarshal([]byte(processors), &a.Processors))
}

// standing returns the agreement of a partner; the zero agreement if none stands.
func standing(ctx context.Context, tx *store.Tx, partner string) (agreement, error) {
	a, err := scanAgreement(tx.QueryRow(ctx, `SELECT `+agreementColumns+` FROM partners_agreement WHERE partner = $1 AND ended = 0`, partner))
	if errors.Is(err, sql.ErrNoRows) {
		return agreement{}, nil
	}
	if err != nil {
		return a, fmt.Errorf("partners: agreement: %w", err)
	}
	return a, nil
}

// agreements returns all that a partner signed, the latest first.
func agreements(ctx context.Context, tx *store.Tx, partner string) (out []agreement, err error) {
	rows, err := tx.Query(ctx, `SELECT `+agreementColumns+` FROM partners_agreement WHERE partner = $1 ORDER BY made DESC, id`, partner)
	if err != nil {
		return nil, fmt.Errorf("partners: agreements: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		a, err := scanAgreement(rows)
		if err != nil {
			return nil, fmt.Errorf("partners: agreements: %w", err)
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

// A papers is what lies sealed with an agreement.
type papers struct {
	Document []byte
	Signers  string // who signed, on both sides
}

// register keeps a signed agreement, which takes the place of one that stood.
func (d *Partners) register(ctx context.Context, tx *store.Tx, by loot.Actor, a agreement, p papers) error {
	sum := sha256.Sum256(p.Document)
	a.ID, a.Made, a.Author, a.Hash = loot.NewID("a"), d.Now(), by.ID, hex.EncodeToString(sum[:])
	document, err := d.key.Seal(p.Document, bound("document", a.ID))
	if err != nil {
		return fmt.Errorf("partners: agreement: %w", err)
	}
	signers, err := d.key.Seal([]byte(p.Signers), bound("signers", a.ID))
	if err != nil {
		return fmt.Errorf("partners: agreement: %w", err)
	}
	purposes, perr := json.Marshal(a.Purposes)
	categories, cerr := json.Marshal(a.Categories)
	processors, serr := json.Marshal(a.Processors)
	if err := errors.Join(perr, cerr, serr); err != nil {
		return fmt.Errorf("partners: agreement: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE partners_agreement SET ended = $1, how = 'replaced' WHERE partner = $2 AND ended = 0`, d.Now().UnixMicro(), a.Partner); err != nil {
		return fmt.Errorf("partners: agreement: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO partners_agreement (`+agreementColumns+`, document, signers)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, '', $13, $14)`,
		a.ID, a.Partner, a.Made.UnixMicro(), a.Author, a.Signed.UnixMicro(), a.Ends.UnixMicro(), string(purposes), string(categories), a.Country, string(processors), a.Hash, a.Type,
		document, signers); err != nil {
		return fmt.Errorf("partners: agreement: %w", err)
	}
	return d.tellGate(ctx, tx, by, a)
}

// tellGate has the gate decide by an agreement and by whom was told of the partner.
func (d *Partners) tellGate(ctx context.Context, tx *store.Tx, by loot.Actor, a agreement) error {
	told, err := notices(ctx, tx, `partner = $1`, a.Partner)
	if err != nil {
		return err
	}
	out := gate.Agreement{Partner: a.Partner, Signed: a.Signed, Ends: a.Ends, Purposes: a.Purposes, Categories: a.Categories}
	for _, n := range told {
		if !n.Ended.IsZero() || n.Announced.IsZero() {
			continue
		}
		out.Successor = out.Successor || n.Kind == succession
		if out.Announced.IsZero() || n.Due.Before(out.Due) { // each person counts from their own letter, see announced
			out.Announced, out.Due = n.Announced, n.Due
		}
	}
	return d.Gate.SetAgreement(ctx, tx, by, out)
}

// revoke ends the agreement of a partner: no transfer commits after tx.
func (d *Partners) revoke(ctx context.Context, tx *store.Tx, by loot.Actor, partner, reason string) error {
	if err := d.Gate.RevokeAgreement(ctx, tx, by, partner); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE partners_agreement SET ended = $1, how = 'revoked' WHERE partner = $2 AND ended = 0`, d.Now().UnixMicro(), partner); err != nil {
		return fmt.Errorf("partners: revoke: %w", err)
	}
	return d.notes.Add(ctx, tx, partner, desk.Note{At: d.Now(), Author: by.ID, Kind: "revoked", Text: reason})
}

// scope returns the purposes for which something can go to a partner by the statement, and
// the kinds of details that those need.
func scope(s *statement.Statement, to statement.Recipient) (purposes []loot.Purpose, categories []loot.Category) {
	purposes = slices.Clone(to.Cooperation)
	for _, o := range s.Offers() {
		if o.Recipient == to.Key && !slices.Contains(purposes, o.Purpose) {
			purposes = append(purposes, o.Purpose)
		}
	}
	for _, sv := range s.Services() { // a successor takes over what services need
		for _, p := range sv.Purposes {
			if decl, ok := s.Purpose(p); ok && decl.Basis == "contract" && !slices.Contains(purposes, p) {
				purposes = append(purposes, p)
			}
		}
	}
	for _, f := range s.Fields(collection) {
		if !slices.Contains(categories, f.Category) && slices.ContainsFunc(purposes, func(p loot.Purpose) bool { _, ok := f.Needed[p]; return ok }) {
			categories = append(categories, f.Category)
		}
	}
	return purposes, categories
}

// fields returns what goes to a partner for a purpose: what the purpose needs of the kinds
// that the agreement covers.
func (a agreement) fields(s *statement.Statement, p loot.Purpose) (out []loot.Field) {
	if !slices.Contains(a.Purposes, p) {
		return nil
	}
	for _, f := range s.Fields(collection) {
		if _, ok := f.Needed[p]; ok && slices.Contains(a.Categories, f.Category) {
			out = append(out, f.ID)
		}
	}
	return out
}
