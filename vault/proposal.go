package vault

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/gate"
	"loot/keyring"
	"loot/ledger"
	"loot/store"
)

// ProposalLife is how long a proposed value waits to be confirmed.
const ProposalLife = 72 * time.Hour

// A Proposal is a value that counts only once it is confirmed: nobody is found
// by it and nothing uses it but what asks for the confirmation.
type Proposal struct {
	Value
	Number int64 // no two proposals of a record have the same
}

// Proposals are proposed values by field.
type Proposals map[loot.Field]Proposal

// proposed marks the name of a cell whose value does not count yet. No field of
// a statement is called so, so that nothing opens it as a field by chance, and
// the value does not open in the place of the one that counts.
const proposed = "?"

func proposalOf(f loot.Field) loot.Field { return f + proposed }

// proposes returns for which field the cell holds a value that waits.
func (c cell) proposes() (loot.Field, bool) {
	f, is := strings.CutSuffix(string(c.field), proposed)
	return loot.Field(f), is
}

// expired reports whether the time to confirm a proposal is over.
func (c cell) expired(now time.Time) bool { return c.until != 0 && c.until <= now.Unix() }

// propose keeps values that wait to be confirmed. An empty value gives up the
// one that waits. What never counted leaves no history.
func (v *Vault) propose(g gate.Grant, key *keyring.PersonKey, rec *record, values map[loot.Field]string, src Source) error {
	if len(values) == 0 {
		return nil
	}
	for f := range values {
		if !slices.Contains(g.Fields, f) {
			return g.Widened()
		}
	}
	if err := sound(g, values); err != nil {
		return err
	}
	rec.Version++
	for f, value := range values {
		if i := rec.cell(proposalOf(f)); i >= 0 {
			rec.cells = slices.Delete(rec.cells, i, i+1)
		}
		if value == "" {
			continue
		}
		next := cell{
			field: proposalOf(f), version: rec.Version, until: g.At.Add(ProposalLife).Unix(),
			origin: origin{source: string(src), at: g.At.UnixMicro(), statement: short(g.Statement.Hash())},
		}
		next.sealed = next.of(key).Seal([]byte(value), next.bound())
		rec.cells = append(rec.cells, next)
	}
	rec.sort()
	return nil
}

// An Opened is a record as a permit opened it.
type Opened struct {
	Row
	Values  Values
	Waiting Proposals // in the fields of the permit
}

// OpenRecord is [Vault.Open] together with the values that wait to be confirmed
// and with what lists show of the record.
func (v *Vault) OpenRecord(ctx context.Context, tx *store.Tx, p gate.Permit) (Opened, error) {
	opened, _, err := v.openRecord(ctx, tx, p)
	return opened, err
}

// openRecord also returns what opens more for the same permit.
func (v *Vault) openRecord(ctx context.Context, tx *store.Tx, p gate.Permit) (Opened, *opener, error) {
	g, err := p.SpendAny(tx, ledger.Openings...)
	if err != nil {
		return Opened{}, nil, err
	}
	rec, key, err := v.loadProven(ctx, tx, g.Subject, g.Collection, false)
	if err != nil {
		return Opened{}, nil, err
	}
	o := v.opener(tx, g, key)
	if g.Action != loot.Answer {
		o.aside = rec.aside()
	}
	values, err := o.values(ctx, tx, rec)
	if err != nil {
		return Opened{}, nil, err
	}
	out := Opened{Row: rec.Row, Values: values, Waiting: Proposals{}}
	for _, c := range rec.cells {
		f, is := c.proposes()
		if !is || !slices.Contains(g.Fields, f) || c.expired(g.At) {
			continue
		}
		value, err := o.open(c)
		if err != nil {
			return Opened{}, nil, err
		}
		out.Waiting[f] = Proposal{value, c.version}
	}
	return out, o, nil
}

var errNoProposal = loot.Errorf(loot.NotFound, "This does not wait to be confirmed any longer: it was changed meanwhile, given up, or too old.")

// Confirm lets a proposed value count, as verified, in the place of the one
// that counted so far. The permit is to collect the field; the number says which
// proposal was confirmed, so that no later one slips in.
func (v *Vault) Confirm(ctx context.Context, tx *store.Tx, p gate.Permit, f loot.Field, number int64) error {
	g, err := p.Spend(tx, loot.Collect)
	if err != nil {
		return err
	}
	rec, key, err := v.loadToSeal(ctx, tx, g.Subject, g.Collection)
	if err != nil {
		return err
	}
	i := rec.cell(proposalOf(f))
	if i < 0 || rec.cells[i].version != number || rec.cells[i].expired(g.At) {
		return errNoProposal
	}
	c := rec.cells[i]
	plain, err := c.of(key.For(keyring.System)).Open(c.sealed, c.bound())
	if err != nil {
		return fmt.Errorf("vault: proposed %s of %s: %w", f, g.Subject, err)
	}
	rec.cells = slices.Delete(rec.cells, i, i+1)
	fresh, err := v.put(ctx, tx, g, key, &rec, map[loot.Field]string{f: string(plain)}, Source(c.origin.source))
	if err != nil {
		return err
	}
	if err := v.index(ctx, tx, rec.Subject, fresh); err != nil {
		return err
	}
	rec.cells[rec.cell(f)].state = uint8(slices.Index(states, Verified))
	rec.Changed = g.At
	return v.update(ctx, tx, key, &rec)
}

// sweepProposals removes the proposals that nobody confirmed in time.
func (v *Vault) sweepProposals(ctx context.Context) error {
	now, after, collection := v.Now(), []byte{}, ""
	for {
		var recs []record
		if err := v.DB.InTx(ctx, func(tx *store.Tx) (err error) {
			recs, err = v.records(ctx, tx, `due > 0 AND due <= $1 AND erased = 0 AND (subject, collection) > ($2, $3) ORDER BY subject, collection LIMIT $4`+tx.ForUpdate(),
				now.UnixMicro(), after, collection, sweepSize)
			if err != nil {
				return fmt.Errorf("vault: sweep: %w", err)
			}
			for _, rec := range recs {
				if rec.damaged != nil {
					continue
				}
				if err := v.dropProposals(ctx, tx, rec, now); err != nil {
					return err
				}
			}
			return nil
		}); err != nil || len(recs) < sweepSize {
			return err
		}
		last := recs[len(recs)-1]
		after, collection = last.Subject.Compact(), string(last.collection)
	}
}

// sweepSize is how many records are looked at in one transaction.
const sweepSize = 100

// dropProposals removes what nobody confirmed in time. A record that cannot be proven stays as it is.
func (v *Vault) dropProposals(ctx context.Context, tx *store.Tx, rec record, now time.Time) error {
	over := func(c cell) bool {
		_, is := c.proposes()
		return is && c.expired(now)
	}
	if !slices.ContainsFunc(rec.cells, over) {
		return nil
	}
	key, err := v.proven(ctx, &rec)
	if err == nil {
		rec.cells = slices.DeleteFunc(rec.cells, over)
		err = v.update(ctx, tx, key, &rec)
	}
	if unusable(err) {
		err = nil
	}
	return err
}
