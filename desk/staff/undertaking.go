package staff

import (
	"context"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"strings"
	"time"

	"loot"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

//go:embed undertaking.txt
var defaultUndertaking string

// A text is what is signed: the company's words and the clause that they are
// about.
type text struct {
	Paragraphs []string
	Clause     []partView
	Title      string
	Version    string
	Hash       string
}

// A partView is prose of the clause and the tables that stand under it.
type partView struct {
	HTML   template.HTML
	Tables []statement.Table
}

// text returns what is to be signed under a statement. A statement that changes
// the clause has to be signed anew; any other change leaves the signature be.
func (d *Desk) text(s *statement.Statement) text {
	if t, ok := d.texts.Load(s.Hash()); ok {
		return t.(text)
	}
	t := d.compose(s)
	d.texts.Store(s.Hash(), t)
	return t
}

func (d *Desk) compose(s *statement.Statement) text {
	words := strings.TrimSpace(d.options.Undertaking)
	if words == "" {
		words = strings.TrimSpace(defaultUndertaking)
	}
	t := text{Version: s.Front().Version}
	prose := ""
	if c, ok := s.Clause(clause); ok {
		for _, p := range s.Parts(clause, "/statement") {
			t.Clause = append(t.Clause, partView{template.HTML(p.HTML), p.Tables}) // rendered by the statement, in which raw HTML is refused
		}
		t.Title, prose = c.Title, c.Prose
	}
	for p := range strings.SplitSeq(words, "\n\n") {
		t.Paragraphs = append(t.Paragraphs, strings.Join(strings.Fields(p), " "))
	}
	sum := sha256.Sum256([]byte(words + "\x00" + strings.TrimSpace(prose)))
	t.Hash = hex.EncodeToString(sum[:])
	return t
}

// undertakingFact says in which month whoever acts signed the undertaking that
// goes with the statement in force.
func (d *Desk) undertakingFact(ctx context.Context, tx *store.Tx, r gate.Request, in *statement.Input) error {
	if r.Actor.Kind != loot.Staff {
		return nil
	}
	at, err := d.Signed(ctx, tx, r.Actor.ID)
	if !at.IsZero() {
		// What the rules read is recorded where nobody is named, and shown in
		// receipts: by the very moment all that one person opened could be told
		// from what others did. The month says nothing of who it was.
		at = time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	in.Actor.Undertaking = at
	return err
}

// Signed returns when an account signed the undertaking that goes with the
// statement in force; zero if it did not.
func (d *Desk) Signed(ctx context.Context, tx *store.Tx, account string) (time.Time, error) {
	s, ok := d.inForce()
	if !ok {
		return time.Time{}, nil
	}
	return d.signedAt(ctx, tx, account, d.text(s).Hash)
}

// signedAt returns when an account signed a text; zero if it did not.
func (d *Desk) signedAt(ctx context.Context, tx *store.Tx, account, hash string) (time.Time, error) {
	var at int64
	err := tx.QueryRow(ctx, `SELECT signed FROM staff_undertaking WHERE account = $1 AND hash = $2`, account, hash).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("staff: undertaking: %w", err)
	}
	return store.Instant(at), nil
}

// sign keeps that somebody signed the undertaking, with an entry in the ledger.
func (d *Desk) sign(ctx context.Context, tx *store.Tx, by loot.Actor, typed string) error {
	s, ok := d.inForce()
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet, so there is nothing to sign.")
	}
	t := d.text(s)
	at, err := d.signedAt(ctx, tx, by.ID, t.Hash)
	if err != nil || !at.IsZero() {
		return err
	}
	entry, err := d.kit.Gate.Note(ctx, tx, by, "undertaking.signed "+t.Hash, "")
	if err != nil {
		return err
	}
	name, err := d.sealer.Seal([]byte(typed), undertakingAD(by.ID))
	if err != nil {
		return fmt.Errorf("staff: sign: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO staff_undertaking (account, hash, version, name, entry, signed) VALUES ($1, $2, $3, $4, $5, $6)`,
		by.ID, t.Hash, t.Version, name, entry, d.kit.Now().UnixMicro()); err != nil {
		return fmt.Errorf("staff: sign: %w", err)
	}
	return nil
}

// undertakingAD binds a name under the undertaking to whose account it is.
func undertakingAD(account string) []byte { return []byte("undertaking " + account) }

// A signature is one that somebody gave.
type signature struct {
	Hash    string
	Version string
	Entry   string
	Signed  time.Time
}

func (d *Desk) signatures(ctx context.Context, tx *store.Tx, account string) ([]signature, error) {
	rows, err := tx.Query(ctx, `SELECT hash, version, entry, signed FROM staff_undertaking WHERE account = $1 ORDER BY signed DESC`, account)
	if err != nil {
		return nil, fmt.Errorf("staff: signatures: %w", err)
	}
	defer rows.Close()
	var out []signature
	for rows.Next() {
		var s signature
		var at int64
		if err := rows.Scan(&s.Hash, &s.Version, &s.Entry, &at); err != nil {
			return nil, fmt.Errorf("staff: signatures: %w", err)
		}
		s.Signed = store.Instant(at)
		out = append(out, s)
	}
	return out, rows.Err()
}

// sameName reports whether somebody typed their own name, whatever the case
// and the spaces.
func sameName(typed, name string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(typed), " "), strings.Join(strings.Fields(name), " "))
}
