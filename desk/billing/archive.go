package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"loot"
	"loot/desk/billing/invoice"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// A Former invoice is one of the system that was used before. It is kept as it was
// there, for as long as the law says from its day on, and changes nothing here: it
// has no number of ours, is due to nobody and is drawn from nothing.
type Former struct {
	Subject  loot.Subject `json:"-"`
	Source   string       `json:"-"`
	System   string       `json:"system"`
	Number   string       `json:"number"`
	Issued   time.Time    `json:"issued"`
	Due      time.Time    `json:"due,omitzero"`
	Currency string       `json:"currency"` // ISO 4217
	Net      int64        `json:"net"`      // in the smallest unit of the currency
	Tax      int64        `json:"tax"`
	Total    int64        `json:"total"`
	State    string       `json:"state,omitempty"` // in that system's words
	Party    string       `json:"party"`           // to whom it was written, in lines
	Lines    []FormerLine `json:"lines,omitempty"`
}

// A FormerLine is one of its lines.
type FormerLine struct {
	Text   string `json:"text"`
	Amount int64  `json:"amount"` // in the smallest unit of the currency
}

// Amount reads an amount as other systems write it, in the smallest unit of its
// currency; false if it is none, has parts of that unit, or is 10^15 of them or more.
func Amount(text, currency string) (int64, bool) {
	text = strings.TrimSpace(text)
	if !strings.Contains(text, ".") {
		text = strings.Replace(text, ",", ".", 1)
	}
	amount, err := invoice.ParseDecimal(strings.TrimSuffix(text, "."))
	places, known := invoice.Decimals(currency)
	if err != nil || !known || amount.Places() > places {
		return 0, false
	}
	n, err := smallest(amount, currency)
	if err != nil || max(n, -n) >= 1e15 {
		return 0, false
	}
	return n, true
}

// ArchivedUntil returns until when the law wants an invoice of a day kept; the zero
// time if the statement keeps none.
func ArchivedUntil(s *statement.Statement, day time.Time) time.Time {
	p, ok := s.Purpose(forBookkeeping)
	if !ok {
		return time.Time{}
	}
	return p.Keep.After(day.UTC())
}

// ArchiveKeys makes the keys of the copies of invoices of people who have none.
func (b *Billing) ArchiveKeys(ctx context.Context, people ...loot.Subject) error {
	for _, s := range people {
		if err := b.Keyring.Create(ctx, s, invoices); err != nil {
			return err
		}
	}
	return nil
}

// Archive seals invoices of the system before within tx. By has them taken over,
// with a reason for the ledger. The keys were made before; see [Billing.ArchiveKeys].
func (b *Billing) Archive(ctx context.Context, tx *store.Tx, by loot.Actor, reason string, all []Former) error {
	s, err := b.inForce()
	if err != nil {
		return err
	}
	begun := map[loot.Subject]bool{}
	for _, f := range all {
		collect := func() (gate.Permit, error) {
			return b.Gate.Decide(ctx, tx, gate.Request{
				Action: loot.Collect, Actor: b.actor(), By: by, Desk: name, Purpose: forBookkeeping, Reason: reason,
				Subject: f.Subject, Collection: invoices, Fields: []loot.Field{partyField},
			})
		}
		if !begun[f.Subject] {
			begun[f.Subject] = true
			row, err := b.Vault.Row(ctx, tx, f.Subject, invoices)
			if err != nil && loot.KindOf(err) != loot.NotFound {
				return err
			}
			if err != nil || row.Erased() {
				p, err := collect()
				if err != nil {
					return err
				}
				part := vault.Part{Permit: p, Given: map[loot.Field]string{partyField: clipped(f.Party, s)}}
				if err := b.Vault.CreateMore(ctx, tx, vault.Source(f.Source), part); err != nil {
					return err
				}
			}
		}
		text, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("billing: archive: %w", err)
		}
		p, err := collect()
		if err != nil {
			return err
		}
		id, err := b.Vault.Attach(ctx, tx, p, f.Number+".json", "application/json", text, vault.Source(f.Source))
		if err != nil {
			return err
		}
		tx.Add(`INSERT INTO billing_archive (id, subject, number, system, issued, kept, currency, total, state) VALUES`,
			id, f.Subject, f.Number, f.System, f.Issued.UTC().Format(time.DateOnly), ArchivedUntil(s, f.Issued).UnixMicro(), f.Currency, f.Total, f.State)
	}
	return nil
}

// clipped returns what of a party fits the field of the statement.
func clipped(party string, s *statement.Statement) string {
	d, _ := s.Field(partyField)
	switch {
	case party == "":
		return "Not told by the system before"
	case d.Max > 0:
		return loot.Cut(party, d.Max)
	}
	return party
}

// An archived invoice is what lists show of one.
type archived struct {
	ID       string
	Subject  loot.Subject
	Number   string
	System   string
	Issued   invoice.Date
	Kept     time.Time
	Currency string
	Total    int64
	State    string
}

func readArchive(ctx context.Context, tx *store.Tx, where string, args ...any) (out []archived, err error) {
	rows, err := tx.Query(ctx, `SELECT id, subject, number, system, issued, kept, currency, total, state FROM billing_archive `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: archive: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var a archived
		var day string
		var kept int64
		if err := rows.Scan(&a.ID, &a.Subject, &a.Number, &a.System, &day, &kept, &a.Currency, &a.Total, &a.State); err != nil {
			return nil, fmt.Errorf("billing: archive: %w", err)
		}
		a.Kept = store.Instant(kept)
		if a.Issued, err = invoice.ParseDate(day); err != nil {
			return nil, fmt.Errorf("billing: archive: %w", err)
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

var errNotArchived = loot.Errorf(loot.NotFound, "There is no such invoice of the system before. Perhaps the law wanted it kept no longer.")

func findArchived(ctx context.Context, tx *store.Tx, id string) (archived, error) {
	all, err := readArchive(ctx, tx, `WHERE id = $1`, id)
	if err == nil && len(all) == 0 {
		err = errNotArchived
	}
	if err != nil {
		return archived{}, err
	}
	return all[0], nil
}

// openArchived reads an archived invoice for whoever may see it. The request says
// who, and why.
func (b *Billing) openArchived(ctx context.Context, a archived, r gate.Request) (f Former, err error) {
	content, err := b.openCopy(ctx, a.Subject, a.ID, r)
	if err != nil {
		return f, err
	}
	text, err := io.ReadAll(content)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return f, fmt.Errorf("billing: archive: %w", err)
	}
	return f, nil
}
