// Package vault holds what people gave: each value sealed by itself under the
// key of the person and the collection, bound to the field it was given as. It
// opens nothing without a permit, and nothing that the permit does not name.
package vault

import (
	"cmp"
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

// A Vault seals and opens records. It is safe for concurrent use.
type Vault struct {
	Config
	claims []Claim
	words  words

	// stop is called between the steps of what must survive a kill; tests set it.
	stop func(step string)
}

func (v *Vault) step(name string) {
	if v.stop != nil {
		v.stop(name)
	}
}

// New returns a vault and registers its jobs. The keyring will ask it before
// an epoch is destroyed, and the gate tell it when a purpose of a person began or
// ended.
func New(c Config) *Vault {
	v := &Vault{Config: c}
	c.Keyring.Guard(v.indexed)
	c.Gate.Keeper(v.Keep)
	job.Register(c.Jobs, v.destroy)
	job.Register(c.Jobs, v.destroyFields)
	job.Register(c.Jobs, v.sweep, job.Timeout(sweepFor))
	c.Jobs.Periodic(sweepEvery, sweepUp{})
	job.Register(c.Jobs, v.reconcile, job.Timeout(reconcileFor))
	c.Jobs.Periodic(reconcileEvery, reconcileNow{})
	return v
}

// A Source says where a value came from, in words for the person, such as
// "your order: shared hosting".
type Source string

// About is what stands about a value: nothing that anybody gave.
type About struct {
	Source    string
	At        time.Time // when it was given
	Statement string    // hash of the version in force then
	State     string    // [Unverified], [Checked], [Verified], [Disputed] or [Expired]
	Until     time.Time // when it is to be erased; zero: with its purposes
}

// A Value is one opened value with what stands about it.
type Value struct {
	Clear
	About
	Masked bool // only a part is shown
}

// Values are opened values by field. A field that nothing was given for is
// not in them.
type Values map[loot.Field]Value

// A Row is what lists show of a record: nothing that anybody gave.
type Row struct {
	Subject loot.Subject
	Created time.Time
	Changed time.Time
	Version int64 // rises with every change of a value

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
	collection loot.Collection
	due        int64
	epoch      int
	packed     []byte
	mac        []byte
	cells      []cell
	lost       []cell           // came back with a backup from before their fields were erased
	by         *keyring.Indexer // makes the blind indexes; nil: none was made yet
	damaged    error            // why the cells cannot be unpacked
}

func (r *record) cell(f loot.Field) int {
	for i := range r.cells {
		if r.cells[i].field == f {
			return i
		}
	}
	return -1
}

func (r *record) sort() {
	slices.SortFunc(r.cells, func(a, b cell) int { return cmp.Compare(a.field, b.field) })
}

const recordColumns = `subject, collection, version, created, changed, erased, due, epoch, cells`

// scan reads the columns of a record; its cells stay packed.
func scan(row interface{ Scan(...any) error }) (record, error) {
	var rec record
	var created, changed int64
	var cells []byte
	err := row.Scan(compact{&rec.Subject}, &rec.collection, &rec.Version, &created, &changed, &rec.erased, &rec.due, &rec.epoch, &cells)
	rec.packed, rec.mac = splitMAC(cells)
	rec.Created, rec.Changed = time.UnixMicro(created).UTC(), time.UnixMicro(changed).UTC()
	return rec, err
}

// unpack unpacks the cells of a record that is held.
func (v *Vault) unpack(ctx context.Context, tx *store.Tx, rec *record) (err error) {
	if rec.Erased() {
		return nil
	}
	if rec.cells, err = v.cells(ctx, tx, rec.packed); err == nil && rec.due != dueOf(rec.cells) {
		err = fmt.Errorf("due at another time than its cells: %w", ErrDamaged)
	}
	if err != nil {
		return fmt.Errorf("vault: record %s: %w", rec.Subject, err)
	}
	return nil
}

// prove returns [ErrDamaged] unless the row is as whoever had its key wrote it.
func (r *record) prove(key *keyring.PersonKey) error {
	if err := key.Verify(r.mac, r.covered()); err != nil {
		return fmt.Errorf("vault: record %s: %w: %w", r.Subject, ErrDamaged, err)
	}
	return nil
}

// proven returns the key of a record that was read, and refuses one that is
// not as it was written.
func (v *Vault) proven(ctx context.Context, rec *record) (*keyring.PersonKey, error) {
	key, err := v.key(ctx, rec.Subject, rec.collection)
	if err != nil {
		return nil, err
	}
	if err := rec.prove(key); err != nil {
		return key, err
	}
	if lost := func(c cell) bool { return c.lost(key) }; slices.ContainsFunc(rec.cells, lost) {
		all := rec.cells
		rec.cells, rec.lost = nil, nil
		for _, c := range all {
			if lost(c) {
				rec.lost = append(rec.lost, c)
			} else {
				rec.cells = append(rec.cells, c)
			}
		}
	}
	return key, nil
}

// loadToSeal is [Vault.loadProven] of a record in which something is sealed anew.
func (v *Vault) loadToSeal(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection) (record, *keyring.PersonKey, error) {
	rec, _, err := v.loadProven(ctx, tx, s, c, true)
	if err != nil {
		return rec, nil, err
	}
	key, err := keyed(v.Keyring.Anew(ctx, s, c))
	return rec, key, err
}

// sealing returns the person's key to seal something anew that is of one of their fields,
// and keeps fields from being erased until tx ends.
func (v *Vault) sealing(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection) (*keyring.PersonKey, error) {
	var version int64
	err := tx.QueryRow(ctx, `SELECT version FROM vault_record WHERE subject = $1 AND collection = $2`+tx.ForUpdate(), s.Compact(), string(c)).Scan(&version)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("vault: key: %w", err)
	}
	return keyed(v.Keyring.Anew(ctx, s, c))
}

// loadProven reads a record that is held, with its key, and refuses one that is
// not as it was written.
func (v *Vault) loadProven(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, change bool) (record, *keyring.PersonKey, error) {
	rec, err := v.load(ctx, tx, s, c, change)
	if err != nil {
		return rec, nil, err
	}
	key, err := v.proven(ctx, &rec)
	return rec, key, err
}

// records reads the records that a query finds. One that is damaged is marked
// as such and does not hide the others.
func (v *Vault) records(ctx context.Context, tx *store.Tx, where string, args ...any) ([]record, error) {
	rows, err := tx.Query(ctx, `SELECT `+recordColumns+` FROM vault_record WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []record
	for rows.Next() {
		rec, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, rec)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for i := range out {
		if err := v.unpack(ctx, tx, &out[i]); errors.Is(err, ErrDamaged) {
			out[i].damaged = err
		} else if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// load reads a record that is held, and locks it to be changed. What it says is
// not proven yet.
func (v *Vault) load(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, change bool) (record, error) {
	looked := looked{s, c}
	if kept, ok := tx.Kept(looked).(record); ok && !change {
		return kept, nil
	}
	lock := ""
	if change {
		tx.Keep(looked, nil)
		if kept, ok := tx.Kept(changing(looked)).(record); ok {
			tx.Keep(changing(looked), nil)
			return kept, nil
		}
		lock = tx.ForUpdate()
	}
	rec, err := scan(tx.QueryRow(ctx, `SELECT `+recordColumns+` FROM vault_record WHERE subject = $1 AND collection = $2`+lock, s.Compact(), string(c)))
	if err == nil {
		err = v.unpack(ctx, tx, &rec)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && rec.Erased():
		return rec, errErased
	case errors.Is(err, ErrDamaged):
		return rec, err
	case err != nil:
		return rec, fmt.Errorf("vault: read: %w", err)
	}
	if !change {
		tx.Keep(looked, rec)
	}
	return rec, nil
}

// A looked is a record that this transaction read, and not to change it.
type looked struct {
	subject    loot.Subject
	collection loot.Collection
}

// readNoMore has a record read anew, as it is changed.
func readNoMore(tx *store.Tx, s loot.Subject, c loot.Collection) {
	tx.Keep(looked{s, c}, nil)
	tx.Keep(changing{s, c}, nil)
}

// key returns the person's key. Its absence is the absence of the person.
func (v *Vault) key(ctx context.Context, s loot.Subject, c loot.Collection) (*keyring.PersonKey, error) {
	return keyed(v.Keyring.Person(ctx, s, c))
}

func keyed(key *keyring.PersonKey, err error) (*keyring.PersonKey, error) {
	if errors.Is(err, keyring.ErrShredded) {
		return nil, errErased
	}
	if err != nil {
		return nil, fmt.Errorf("vault: key: %w", err)
	}
	return key, nil
}

// short is how much of a statement's hash is kept with a value.
func short(hash string) string { return hash[:min(16, len(hash))] }

func (v *Vault) about(c cell) About {
	return About{
		Source: c.origin.source, At: time.UnixMicro(c.origin.at).UTC(), Statement: v.Gate.Hash(c.origin.statement),
		State: states[c.state], Until: c.deadline(),
	}
}

// Row returns what a list shows of one record.
func (v *Vault) Row(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection) (Row, error) {
	if kept, ok := tx.Kept(looked{s, c}).(record); ok {
		return kept.Row, nil
	}
	r := Row{Subject: s}
	var created, changed int64
	err := tx.QueryRow(ctx, `SELECT version, created, changed, erased FROM vault_record WHERE subject = $1 AND collection = $2`, s.Compact(), string(c)).
		Scan(&r.Version, &created, &changed, &r.erased)
	if errors.Is(err, sql.ErrNoRows) {
		return r, errErased
	}
	if err != nil {
		return r, fmt.Errorf("vault: row: %w", err)
	}
	r.Created, r.Changed = time.UnixMicro(created).UTC(), time.UnixMicro(changed).UTC()
	return r, nil
}

// List returns the next n records of a collection after that of a subject,
// latest first; with no subject, the first n.
func (v *Vault) List(ctx context.Context, tx *store.Tx, c loot.Collection, after loot.Subject, n int) ([]Row, error) {
	where, args := "", []any{string(c), n}
	if after != "" {
		last, err := v.Row(ctx, tx, after, c)
		if err != nil {
			return nil, err
		}
		where = ` AND created <= $3 AND (created < $3 OR subject < $4)`
		args = append(args, last.Created.UnixMicro(), after.Compact())
	}
	rows, err := tx.Query(ctx, `SELECT subject, version, created, changed, erased FROM vault_record
		WHERE collection = $1`+where+` ORDER BY created DESC, subject DESC LIMIT $2`, args...)
	if err != nil {
		return nil, fmt.Errorf("vault: list: %w", err)
	}
	defer rows.Close()
	var out []Row
	for rows.Next() {
		var r Row
		var created, changed int64
		if err := rows.Scan(compact{&r.Subject}, &r.Version, &created, &changed, &r.erased); err != nil {
			return nil, fmt.Errorf("vault: list: %w", err)
		}
		r.Created, r.Changed = time.UnixMicro(created).UTC(), time.UnixMicro(changed).UTC()
		out = append(out, r)
	}
	return out, rows.Err()
}

// Count returns how many records of a collection are held. It is the
// difference of two counts that indexes answer, without reading a record.
func (v *Vault) Count(ctx context.Context, tx *store.Tx, c loot.Collection) (n int, err error) {
	if err := tx.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM vault_record WHERE collection = $1)
		- (SELECT COUNT(*) FROM vault_record WHERE collection = $1 AND erased > 0)`, string(c)).Scan(&n); err != nil {
		return 0, fmt.Errorf("vault: count: %w", err)
	}
	return n, nil
}

// Held returns which fields are held of a person, and what stands about each.
// It opens nothing and so takes no permit.
func (v *Vault) Held(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection) (map[loot.Field]About, error) {
	rec, _, err := v.loadProven(ctx, tx, s, c, false)
	if err != nil {
		return nil, err
	}
	out := make(map[loot.Field]About, len(rec.cells))
	for _, c := range rec.cells {
		if c.counts() {
			out[c.field] = v.about(c)
		}
	}
	return out, nil
}
