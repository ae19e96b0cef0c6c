// Package vault holds what people gave: each value sealed by itself under the
// key of the person and the collection, bound to the field it was given as. It
// opens nothing without a permit, and nothing that the permit does not name.
package vault

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"loot"
	"loot/gate"
	"loot/job"
	"loot/keyring"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the tables of the vault.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// A Config is what a vault stands on. Every field is needed.
type Config struct {
	DB      *store.DB
	Gate    *gate.Gate
	Keyring *keyring.Keyring
	Ledger  *ledger.Ledger
	Jobs    *job.Client
	Now     func() time.Time
	Log     *slog.Logger
}

// A Vault seals and opens records.
type Vault struct{ Config }

// New returns a vault and registers its jobs.
func New(c Config) *Vault {
	v := &Vault{c}
	job.Register(c.Jobs, v.destroy)
	return v
}

// A Source says where a value came from, in words for the person, such as
// "your order: shared hosting".
type Source string

// A Value is one opened value with what stands about it.
type Value struct {
	Clear
	Source    string
	At        time.Time // when it was given
	Statement string    // hash of the version in force then
	State     string    // "unverified", "checked", "verified", "disputed", "expired"
	Until     time.Time // when it is to be erased; zero: with its purposes
	Masked    bool      // only a part is shown
}

// Values are opened values by field. A field that nothing was given for is
// not in them.
type Values map[loot.Field]Value

// A Row is what lists show of a record: nothing that anybody gave.
type Row struct {
	Subject loot.Subject
	Created time.Time
	Changed time.Time
	Version int64 // rises with every change

	erased int64
}

// Erased reports whether the record was erased.
func (r Row) Erased() bool { return r.erased != 0 }

// Stamp returns the version as a form carries it.
func (r Row) Stamp() string { return strconv.FormatInt(r.Version, 10) }

// errErased is said of records that are gone, and of those that never were.
var errErased = loot.Errorf(loot.NotFound, "Nothing is held about this person.")

// A record is a row with its cells.
type record struct {
	Row
	cells []cell
}

func (v *Vault) load(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, lock string) (record, error) {
	var packed []byte
	var created, changed int64
	rec := record{Row: Row{Subject: s}}
	err := tx.QueryRow(ctx, `SELECT cells, version, created, changed, erased FROM vault_record WHERE collection = $1 AND subject = $2`+lock, c, s).
		Scan(&packed, &rec.Version, &created, &changed, &rec.erased)
	if errors.Is(err, sql.ErrNoRows) {
		return rec, errErased
	}
	if err != nil {
		return rec, fmt.Errorf("vault: read: %w", err)
	}
	rec.Created, rec.Changed = time.UnixMicro(created).UTC(), time.UnixMicro(changed).UTC()
	if rec.Erased() {
		return rec, errErased
	}
	if rec.cells, err = unpack(packed); err != nil {
		return rec, fmt.Errorf("vault: record %s: %w", s, err)
	}
	return rec, nil
}

// Create keeps what a new person gave. The permit is to collect exactly these
// fields; the person's key was made before tx began (see [keyring.Keyring.Create]).
func (v *Vault) Create(ctx context.Context, tx *store.Tx, p gate.Permit, given map[loot.Field]string, src Source) error {
	g, err := p.Spend(tx, loot.Collect)
	if err != nil {
		return err
	}
	cells, err := v.seal(ctx, tx, g, nil, given, src)
	if err != nil {
		return err
	}
	now := g.At.UnixMicro()
	if _, err := tx.Exec(ctx, `INSERT INTO vault_record (subject, collection, cells, version, created, changed, erased) VALUES ($1, $2, $3, 1, $4, $4, 0)`,
		g.Subject, g.Collection, pack(cells), now); err != nil {
		return fmt.Errorf("vault: create: %w", err)
	}
	return nil
}

// Add keeps more of what a known person gives. A field that is held already is
// corrected.
func (v *Vault) Add(ctx context.Context, tx *store.Tx, p gate.Permit, given map[loot.Field]string, src Source) error {
	g, err := p.Spend(tx, loot.Collect)
	if err != nil {
		return err
	}
	rec, err := v.load(ctx, tx, g.Subject, g.Collection, tx.ForUpdate())
	if err != nil {
		return err
	}
	return v.write(ctx, tx, g, rec, given, src)
}

// Correct replaces values. The former ones stay sealed in the history. When
// the record changed since the caller saw its version, nothing is changed and
// the error is of kind [loot.Conflict]. An empty value removes the field.
func (v *Vault) Correct(ctx context.Context, tx *store.Tx, p gate.Permit, version int64, given map[loot.Field]string, src Source) error {
	g, err := p.Spend(tx, loot.Collect)
	if err != nil {
		return err
	}
	rec, err := v.load(ctx, tx, g.Subject, g.Collection, tx.ForUpdate())
	if err != nil {
		return err
	}
	if rec.Version != version {
		return loot.Errorf(loot.Conflict, "Somebody else changed this record meanwhile. Both values are shown; nothing was lost.")
	}
	return v.write(ctx, tx, g, rec, given, src)
}

func (v *Vault) write(ctx context.Context, tx *store.Tx, g gate.Grant, rec record, given map[loot.Field]string, src Source) error {
	cells, err := v.seal(ctx, tx, g, rec.cells, given, src)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE vault_record SET cells = $1, version = version + 1, changed = $2 WHERE collection = $3 AND subject = $4`,
		pack(cells), g.At.UnixMicro(), g.Collection, g.Subject); err != nil {
		return fmt.Errorf("vault: write: %w", err)
	}
	return nil
}

// seal returns the cells with what is given put in their place, and brings
// history and indexes up to date.
func (v *Vault) seal(ctx context.Context, tx *store.Tx, g gate.Grant, cells []cell, given map[loot.Field]string, src Source) ([]cell, error) {
	key, err := v.key(ctx, g.Subject, g.Collection)
	if err != nil {
		return nil, err
	}
	cells = slices.Clone(cells)
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
		i := slices.IndexFunc(cells, func(c cell) bool { return c.field == f })
		next := cell{field: f, version: 1, origin: from}
		if i >= 0 {
			next.version = cells[i].version + 1
			if err := v.supersede(ctx, tx, g, key, d, cells[i]); err != nil {
				return nil, err
			}
			cells = slices.Delete(cells, i, i+1)
		}
		if value == "" {
			continue
		}
		next.sealed = key.Seal([]byte(value), ad(g.Subject, g.Collection, f, next.version))
		if d.Index {
			if err := v.index(ctx, tx, g.Subject, g.Collection, d, value); err != nil {
				return nil, err
			}
		}
		cells = append(cells, next)
	}
	for f := range given {
		if !slices.Contains(g.Fields, f) {
			return nil, g.Widened()
		}
	}
	slices.SortFunc(cells, func(a, b cell) int { return compare(a.field, b.field) })
	return cells, nil
}

func compare(a, b loot.Field) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// supersede moves a cell to the history and takes its value out of the index.
func (v *Vault) supersede(ctx context.Context, tx *store.Tx, g gate.Grant, key *keyring.PersonKey, d statement.FieldDecl, old cell) error {
	if _, err := tx.Exec(ctx, `INSERT INTO vault_history (subject, collection, field, version, replaced, cell) VALUES ($1, $2, $3, $4, $5, $6)`,
		g.Subject, g.Collection, old.field, int64(old.version), g.At.UnixMicro(), pack([]cell{old})); err != nil {
		return fmt.Errorf("vault: history: %w", err)
	}
	if !d.Index {
		return nil
	}
	was, err := key.For(keyring.System).Open(old.sealed, ad(g.Subject, g.Collection, old.field, old.version))
	if err != nil {
		return fmt.Errorf("vault: %s of %s: %w", old.field, g.Subject, err)
	}
	return v.unindex(ctx, tx, g.Subject, g.Collection, d, string(was))
}

func (v *Vault) index(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, d statement.FieldDecl, value string) error {
	epoch, now, _, err := v.Keyring.Index(ctx, c, d.ID, normalise(d, value))
	if err != nil {
		return fmt.Errorf("vault: index: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO vault_index (hash, subject, epoch) VALUES ($1, $2, $3) ON CONFLICT (hash, subject) DO NOTHING`, now, s, epoch); err != nil {
		return fmt.Errorf("vault: index: %w", err)
	}
	return nil
}

func (v *Vault) unindex(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, d statement.FieldDecl, value string) error {
	_, now, other, err := v.Keyring.Index(ctx, c, d.ID, normalise(d, value))
	if err != nil {
		return fmt.Errorf("vault: index: %w", err)
	}
	for _, hash := range append(other, now) {
		if _, err := tx.Exec(ctx, `DELETE FROM vault_index WHERE hash = $1 AND subject = $2`, hash, s); err != nil {
			return fmt.Errorf("vault: index: %w", err)
		}
	}
	return nil
}

// key returns the person's key. Its absence is the absence of the person.
func (v *Vault) key(ctx context.Context, s loot.Subject, c loot.Collection) (*keyring.PersonKey, error) {
	key, err := v.Keyring.Person(ctx, s, c)
	if errors.Is(err, keyring.ErrShredded) {
		return nil, errErased
	}
	if err != nil {
		return nil, fmt.Errorf("vault: key: %w", err)
	}
	return key, nil
}

// Open opens what the permit names, masked as it says. The permit is to use or
// to export.
func (v *Vault) Open(ctx context.Context, tx *store.Tx, p gate.Permit) (Values, error) {
	g, err := p.SpendAny(tx, loot.Use, loot.Export, loot.Transfer, loot.Answer, loot.Sponsor)
	if err != nil {
		return nil, err
	}
	rec, err := v.load(ctx, tx, g.Subject, g.Collection, "")
	if err != nil {
		return nil, err
	}
	key, err := v.key(ctx, g.Subject, g.Collection)
	if err != nil {
		return nil, err
	}
	// What is opened counts as discarded until the transaction commits, so
	// that a roll-back leaves no difference between openings and permits.
	key = key.For(keyring.Discarded)
	out := make(Values, len(g.Fields))
	for _, c := range rec.cells {
		if !slices.Contains(g.Fields, c.field) {
			continue
		}
		plain, err := key.Open(c.sealed, ad(g.Subject, g.Collection, c.field, c.version))
		if err != nil {
			return nil, fmt.Errorf("vault: %s of %s: %w", c.field, g.Subject, err)
		}
		d, _ := g.Statement.Field(c.field)
		shown, masked := mask(g.Mask[c.field], d, string(plain))
		out[c.field] = Value{
			Clear: Clear{shown}, Source: c.origin.source, At: c.at(), Statement: v.whole(c.origin.statement),
			State: states[c.state], Until: c.deadline(), Masked: masked,
		}
	}
	opened := len(out)
	tx.AfterCommit(func() { v.Keyring.Recount(keyring.Discarded, keyring.Record, opened) })
	return out, nil
}

// short is how much of a statement's hash is kept with a value.
func short(hash string) string { return hash[:min(16, len(hash))] }

// whole returns the hash that begins with prefix, of the versions there are.
func (v *Vault) whole(prefix string) string { return v.Gate.Hash(prefix) }

// Find returns whose value of a field is exactly the one given, spelling
// aside. The permit is to find, and names the field.
func (v *Vault) Find(ctx context.Context, tx *store.Tx, p gate.Permit, f loot.Field, value string) ([]loot.Subject, error) {
	g, err := p.Spend(tx, loot.Find)
	if err != nil {
		return nil, err
	}
	d, ok := g.Statement.Field(f)
	if !ok || !slices.Contains(g.Fields, f) {
		return nil, g.Widened()
	}
	if !d.Index {
		return nil, loot.Errorf(loot.Invalid, "The statement lets nobody be found by this field.")
	}
	_, now, other, err := v.Keyring.Index(ctx, g.Collection, f, normalise(d, value))
	if err != nil {
		return nil, fmt.Errorf("vault: find: %w", err)
	}
	hashes := append([][]byte{now}, other...)
	args := []any{g.Collection}
	for _, h := range hashes {
		args = append(args, h)
	}
	rows, err := tx.Query(ctx, `SELECT DISTINCT i.subject FROM vault_index i JOIN vault_record r ON r.collection = $1 AND r.subject = i.subject AND r.erased = 0
		WHERE i.hash IN (`+store.Placeholders(2, len(hashes))+`) ORDER BY i.subject LIMIT 50`, args...)
	if err != nil {
		return nil, fmt.Errorf("vault: find: %w", err)
	}
	defer rows.Close()
	var out []loot.Subject
	for rows.Next() {
		var s loot.Subject
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("vault: find: %w", err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// Row returns what a list shows of one record.
func (v *Vault) Row(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection) (Row, error) {
	r := Row{Subject: s}
	var created, changed int64
	err := tx.QueryRow(ctx, `SELECT version, created, changed, erased FROM vault_record WHERE collection = $1 AND subject = $2`, c, s).Scan(&r.Version, &created, &changed, &r.erased)
	if errors.Is(err, sql.ErrNoRows) {
		return r, errErased
	}
	if err != nil {
		return r, fmt.Errorf("vault: row: %w", err)
	}
	r.Created, r.Changed = time.UnixMicro(created).UTC(), time.UnixMicro(changed).UTC()
	return r, nil
}

// List returns the next n records of a collection after a subject, in the
// order of their subjects, which is random.
func (v *Vault) List(ctx context.Context, tx *store.Tx, c loot.Collection, after loot.Subject, n int) ([]Row, error) {
	rows, err := tx.Query(ctx, `SELECT subject, version, created, changed, erased FROM vault_record WHERE collection = $1 AND subject > $2 ORDER BY subject LIMIT $3`, c, after, n)
	if err != nil {
		return nil, fmt.Errorf("vault: list: %w", err)
	}
	defer rows.Close()
	var out []Row
	for rows.Next() {
		var r Row
		var created, changed int64
		if err := rows.Scan(&r.Subject, &r.Version, &created, &changed, &r.erased); err != nil {
			return nil, fmt.Errorf("vault: list: %w", err)
		}
		r.Created, r.Changed = time.UnixMicro(created).UTC(), time.UnixMicro(changed).UTC()
		out = append(out, r)
	}
	return out, rows.Err()
}

// Count returns how many records of a collection are held.
func (v *Vault) Count(ctx context.Context, tx *store.Tx, c loot.Collection) (n int, err error) {
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM vault_record WHERE collection = $1 AND erased = 0`, c).Scan(&n); err != nil {
		return 0, fmt.Errorf("vault: count: %w", err)
	}
	return n, nil
}
