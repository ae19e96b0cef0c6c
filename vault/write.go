package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"loot"
	"loot/gate"
	"loot/keyring"
	"loot/store"
)

// Create keeps what a new person gave. The permit is to collect exactly these
// fields; the person's key was made before tx began (see [keyring.Keyring.Create]).
func (v *Vault) Create(ctx context.Context, tx *store.Tx, p gate.Permit, given map[loot.Field]string, src Source) error {
	return v.CreateOf(ctx, tx, src, Part{p, given})
}

// A Part is what is given for one purpose, and the permit to collect it.
type Part struct {
	Permit gate.Permit
	Given  map[loot.Field]string
}

// CreateOf is [Vault.Create] of what a person gave for several purposes, each
// with the permit of its own decision, in one row written once.
func (v *Vault) CreateOf(ctx context.Context, tx *store.Tx, src Source, parts ...Part) error {
	rec, packed, err := v.first(ctx, tx, src, parts)
	if err != nil {
		return err
	}
	if err := v.index(ctx, tx, rec.Subject, rec.cells); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO vault_record (version, created, changed, erased, due, epoch, subject, collection, cells) VALUES ($1, $2, $2, 0, $3, $4, $5, $6, $7)`,
		rec.Version, rec.Created.UnixMicro(), dueOf(rec.cells), rec.epoch, rec.Subject.Compact(), string(rec.collection), packed())
	if store.IsUnique(err) {
		return loot.Wrap(loot.Conflict, err, "This person has a record already.")
	}
	if err != nil {
		return fmt.Errorf("vault: create: %w", err)
	}
	return nil
}

// CreateMore is [Vault.CreateOf] for one of many people who become known in this
// transaction. Their rows are written together at its end, and that somebody has a
// record already is said only then.
func (v *Vault) CreateMore(ctx context.Context, tx *store.Tx, src Source, parts ...Part) error {
	rec, packed, err := v.first(ctx, tx, src, parts)
	if err != nil {
		return err
	}
	subject := rec.Subject.Compact()
	for _, c := range rec.cells {
		if c.spell != 0 {
			tx.Add(`INSERT INTO vault_index (lookup, subject) VALUES`, c.lookup(), subject)
		}
	}
	tx.AddLater(`INSERT INTO vault_record (version, created, changed, erased, due, epoch, subject, collection, cells) VALUES`, 9, func() ([]any, error) {
		return []any{rec.Version, rec.Created.UnixMicro(), rec.Changed.UnixMicro(), 0, dueOf(rec.cells), rec.epoch, subject, string(rec.collection), packed()}, nil
	})
	return nil
}

// first makes the record of somebody of whom there is none, and returns what packs it.
func (v *Vault) first(ctx context.Context, tx *store.Tx, src Source, parts []Part) (rec record, packed func() []byte, err error) {
	var g gate.Grant
	var key *keyring.PersonKey
	for i, part := range parts {
		next, err := part.Permit.Spend(tx, loot.Collect)
		if err != nil {
			return rec, nil, err
		}
		if i > 0 && (next.Subject != g.Subject || next.Collection != g.Collection) {
			return rec, nil, next.Widened()
		}
		if i > 0 {
			next.At = g.At // what one form gave was given at one time
		}
		g = next
		if i == 0 {
			if g.Subject == "" || g.Collection == "" {
				return rec, nil, g.Widened()
			}
			if key, err = v.key(ctx, g.Subject, g.Collection); err != nil {
				return rec, nil, err
			}
			rec.Subject, rec.collection, rec.Created, rec.Changed = g.Subject, g.Collection, g.At, g.At
		}
		if _, err := v.put(ctx, tx, g, key, &rec, part.Given, src); err != nil {
			return rec, nil, err
		}
	}
	if rec.Subject == "" {
		return rec, nil, errors.New("vault: create: of nothing")
	}
	packed, err = v.packing(ctx, tx, key, &rec)
	return rec, packed, err
}

// Add keeps more of what a known person gives. A field that is held already is
// corrected.
func (v *Vault) Add(ctx context.Context, tx *store.Tx, p gate.Permit, given map[loot.Field]string, src Source) error {
	g, err := p.Spend(tx, loot.Collect)
	if err != nil {
		return err
	}
	rec, key, err := v.loadToSeal(ctx, tx, g.Subject, g.Collection)
	if err != nil {
		return err
	}
	return v.write(ctx, tx, g, key, &rec, given, src)
}

// A Change is what a correction changes. An empty value removes what is there.
type Change struct {
	Version  int64                 // of the record that was seen
	Given    map[loot.Field]string // counts at once
	Proposed map[loot.Field]string // waits for [Vault.Confirm]
	Source   Source
}

// Correct replaces values. The former ones stay sealed in the history. When
// the record changed since the caller saw its version, nothing is changed and
// the error is of kind [loot.Conflict].
func (v *Vault) Correct(ctx context.Context, tx *store.Tx, p gate.Permit, c Change) error {
	g, err := p.Spend(tx, loot.Collect)
	if err != nil {
		return err
	}
	rec, key, err := v.loadToSeal(ctx, tx, g.Subject, g.Collection)
	if err != nil {
		return err
	}
	if rec.Version != c.Version {
		return errMoved
	}
	if err := v.propose(g, key, &rec, c.Proposed, c.Source); err != nil {
		return err
	}
	return v.write(ctx, tx, g, key, &rec, c.Given, c.Source)
}

var errMoved = loot.Errorf(loot.Conflict, "Somebody else changed this record meanwhile. Nothing of theirs was overwritten.")

func (v *Vault) write(ctx context.Context, tx *store.Tx, g gate.Grant, key *keyring.PersonKey, rec *record, given map[loot.Field]string, src Source) error {
	fresh, err := v.put(ctx, tx, g, key, rec, given, src)
	if err != nil {
		return err
	}
	if err := v.index(ctx, tx, rec.Subject, fresh); err != nil {
		return err
	}
	rec.Changed = g.At
	return v.update(ctx, tx, key, rec)
}

// packing returns what packs the cells of a record, with the MAC of its row. It may be called
// beside the transaction.
func (v *Vault) packing(ctx context.Context, tx *store.Tx, key *keyring.PersonKey, rec *record) (packed func() []byte, err error) {
	names, err := v.naming(ctx, tx, rec.cells)
	if err != nil {
		return nil, err
	}
	return func() []byte {
		rec.packed = pack(rec.cells, names)
		return withMAC(key, rec.packed, rec.covered())
	}, nil
}

// update writes a record that was read for update and proven.
func (v *Vault) update(ctx context.Context, tx *store.Tx, key *keyring.PersonKey, rec *record) error {
	readNoMore(tx, rec.Subject, rec.collection)
	for _, c := range rec.lost {
		if err := v.unindex(ctx, tx, rec.Subject, c); err != nil {
			return err
		}
	}
	packed, err := v.packing(ctx, tx, key, rec)
	if err != nil {
		return err
	}
	err = tx.Queue(ctx, `UPDATE vault_record SET version = $1, changed = $2, due = $3, epoch = $4, cells = $5 WHERE subject = $6 AND collection = $7`,
		rec.Version, rec.Changed.UnixMicro(), dueOf(rec.cells), rec.epoch, packed(), rec.Subject.Compact(), string(rec.collection))
	if err != nil {
		return fmt.Errorf("vault: write: %w", err)
	}
	return nil
}

// put puts what is given into the record's cells, and what it replaces into the
// history. It returns the fresh cells, which are not in the index yet. The permit
// must name every field that is given.
func (v *Vault) put(ctx context.Context, tx *store.Tx, g gate.Grant, key *keyring.PersonKey, rec *record, given map[loot.Field]string, src Source) (fresh []cell, err error) {
	for f := range given {
		if !slices.Contains(g.Fields, f) {
			return nil, g.Widened()
		}
	}
	if err := sound(g, given); err != nil {
		return nil, err
	}
	rec.Version++
	until, err := v.Gate.KeptUntil(ctx, tx, g.Subject, g.Fields)
	if err != nil {
		return nil, err
	}
	rec.cells, fresh = slices.Grow(rec.cells, len(given)), make([]cell, 0, len(given))
	from := origin{source: string(src), at: g.At.UnixMicro(), statement: short(g.Statement.Hash())}
	for _, f := range g.Fields {
		value, ok := given[f]
		if !ok {
			continue
		}
		d, ok := g.Statement.Field(f)
		if !ok {
			return nil, g.Widened()
		}
		if i := rec.cell(f); i >= 0 {
			if err := v.supersede(ctx, tx, key, rec, i, g.At); err != nil {
				return nil, err
			}
		}
		if value == "" {
			continue
		}
		// Its number is the record's, so that no two values of a field ever
		// have the same, also when it was removed in between.
		next := cell{field: f, version: rec.Version, origin: from, until: deadlineOf(until[f])}
		next.sealed = next.of(key).Seal([]byte(value), next.bound())
		if d.Index {
			if err := v.hash(ctx, rec, &next, spellingOf(d), value); err != nil {
				return nil, err
			}
		}
		rec.cells = append(rec.cells, next)
		fresh = append(fresh, next)
	}
	rec.sort()
	if country, ok := given[g.Statement.CountryField(g.Collection)]; ok {
		return fresh, v.Gate.Assume(ctx, tx, g.Residence(country))
	}
	return fresh, nil
}

// sound refuses what no form lets through: it would otherwise come out again
// somewhere that trusts the vault.
func sound(g gate.Grant, given map[loot.Field]string) error {
	wrong := map[string]string{}
	for f, value := range given {
		d, _ := g.Statement.Field(f)
		switch {
		case !utf8.ValidString(value):
			wrong[string(f)] = "This holds characters that cannot be read."
		case d.Max > 0 && utf8.RuneCountInString(value) > d.Max:
			wrong[string(f)] = fmt.Sprintf("This is longer than %d characters.", d.Max)
		}
	}
	if len(wrong) > 0 {
		return &loot.Error{Kind: loot.Invalid, Msg: "Some of what was given cannot be taken.", Fields: wrong}
	}
	return nil
}

// supersede moves a cell to the history and takes it out of the index.
func (v *Vault) supersede(ctx context.Context, tx *store.Tx, key *keyring.PersonKey, rec *record, i int, at time.Time) error {
	former := formerCell{cell: rec.cells[i], replaced: at}
	if err := v.unindex(ctx, tx, rec.Subject, former.cell); err != nil {
		return err
	}
	rec.cells = slices.Delete(rec.cells, i, i+1)
	former.spell, former.hash = 0, nil // nobody is found by a former value
	former.until = 0                   // it goes with the field or the record
	names, err := v.naming(ctx, tx, []cell{former.cell})
	if err != nil {
		return err
	}
	former.packed = pack([]cell{former.cell}, names)
	err = tx.Queue(ctx, `INSERT INTO vault_history (subject, collection, field, version, replaced, cell) VALUES ($1, $2, $3, $4, $5, $6)`,
		rec.Subject.Compact(), string(rec.collection), string(former.field), former.version, at.UnixMicro(), withMAC(key, former.packed, former.covered()))
	if err != nil {
		return fmt.Errorf("vault: history: %w", err)
	}
	return nil
}

// A Marking is the verification state that a value is to have, and the one in
// which the caller saw it.
type Marking struct{ From, To string }

// Mark sets the verification states of fields. When a value of the record changed
// since the caller saw its version, or a field was marked by somebody else, nothing
// is changed and the error is of kind [loot.Conflict]: another value may stand
// there now than the one that was checked. The record keeps its version, so that
// whoever has it in a form finds it as they saw it. It opens nothing and so takes
// no permit.
func (v *Vault) Mark(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, version int64, as map[loot.Field]Marking) error {
	rec, key, err := v.loadProven(ctx, tx, s, c, true)
	if err != nil {
		return err
	}
	if rec.Version != version {
		return errMoved
	}
	for f, m := range as {
		i, to := rec.cell(f), slices.Index(states, m.To)
		switch {
		case i < 0:
			return loot.Errorf(loot.Conflict, "Nothing is held in the field %s.", f)
		case to < 0:
			return fmt.Errorf("vault: mark: no state %q", m.To)
		case states[rec.cells[i].state] != m.From:
			return errMoved
		}
		rec.cells[i].state = uint8(to)
	}
	return v.update(ctx, tx, key, &rec)
}

// Keep sets until when each field of a person is kept, as the gate tells by
// the statement in force. The gate has it done whenever a purpose began or ended.
func (v *Vault) Keep(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection) error {
	now, ok := v.Gate.InForce()
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	var fields []loot.Field
	for _, d := range now.Statement.Fields(c) {
		fields = append(fields, d.ID)
	}
	// The person's state is locked before the record, as by every decision.
	until, err := v.Gate.KeptUntil(ctx, tx, s, fields)
	if err != nil {
		return err
	}
	rec, key, err := v.loadProven(ctx, tx, s, c, true)
	switch {
	case errors.Is(err, errErased):
		return nil
	case unusable(err):
		// A service can be ended all the same; the check of the vault names the record.
		v.Log.ErrorContext(ctx, "a damaged record has no dates", "subject", s)
		return nil
	case err != nil:
		return err
	}
	return v.keepUntil(ctx, tx, key, rec, until)
}

// keepUntil sets when fields of a record are to be erased; the zero time, with
// their purposes. It opens nothing and so takes no permit.
func (v *Vault) keepUntil(ctx context.Context, tx *store.Tx, key *keyring.PersonKey, rec record, until map[loot.Field]time.Time) error {
	changed := false
	for f, t := range until {
		i := rec.cell(f)
		if i < 0 {
			continue // it was removed meanwhile
		}
		changed = changed || rec.cells[i].until != deadlineOf(t)
		rec.cells[i].until = deadlineOf(t)
	}
	if !changed {
		return nil
	}
	return v.update(ctx, tx, key, &rec)
}

// A Due is a record of which fields are to be erased, those that were set aside among them.
type Due struct {
	Subject    loot.Subject
	Collection loot.Collection
	Fields     []loot.Field
	Until      []time.Time // of each field, when its time came or it was set aside
}

// Due returns the next n records of a collection, after that of a subject, of
// which the time of some fields has come; with no subject, the first n.
func (v *Vault) Due(ctx context.Context, tx *store.Tx, c loot.Collection, now time.Time, after loot.Subject, n int) ([]Due, error) {
	var out []Due
	for {
		last := []byte{}
		if after != "" {
			last = after.Compact()
		}
		recs, err := v.records(ctx, tx, `due > 0 AND due <= $1 AND erased = 0 AND collection = $2 AND subject > $3 ORDER BY subject LIMIT $4`, now.UnixMicro(), string(c), last, n)
		if err != nil {
			return nil, fmt.Errorf("vault: due: %w", err)
		}
		for _, rec := range recs {
			after = rec.Subject
			if rec.damaged != nil { // it does not hide the others; the check of the vault names it
				v.Log.ErrorContext(ctx, "a damaged record is due", "subject", rec.Subject)
				continue
			}
			due := Due{Subject: rec.Subject, Collection: rec.collection}
			for _, c := range rec.cells {
				if _, waits := c.proposes(); !waits && c.expired(now) {
					due.Fields = append(due.Fields, c.base())
					due.Until = append(due.Until, c.deadline())
				}
			}
			if len(due.Fields) > 0 {
				out = append(out, due)
			}
			if len(out) == n {
				return out, nil
			}
		}
		if len(recs) < n {
			return out, nil
		}
	}
}
