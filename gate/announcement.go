package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"loot"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// followEvery is how long a process may go on without what another announced:
// much less than any notice period.
var followEvery = 5 * time.Second // tests make it shorter

// followed is what a gate knows of the stored versions and of what the ledger
// says of them.
type followed struct {
	loading sync.Mutex              // so that of two loads the later one counts
	mark    string                  // of what was loaded; empty: load again
	wrong   changed                 // what was found then
	raised  atomic.Pointer[changed] // the last that an incident was raised for
	borne   sync.Map                // hash to the announcement that the ledger bore out
}

// changed says what the database says about the versions and the ledger does
// not; empty: nothing.
type changed string

func (c changed) Error() string { return "gate: " + string(c) }

// A storedVersion is a row of gate_statement without its text.
type storedVersion struct {
	hash, version                  string
	proposed, announced, effective int64
	entry                          string
}

// stored returns the rows in the order of their announcements, drafts first.
func stored(ctx context.Context, tx *store.Tx) ([]storedVersion, error) {
	rows, err := tx.Query(ctx, `SELECT hash, version, proposed, announced, effective, entry FROM gate_statement ORDER BY announced, hash`)
	if err != nil {
		return nil, fmt.Errorf("gate: versions: %w", err)
	}
	defer rows.Close()
	var out []storedVersion
	for rows.Next() {
		var v storedVersion
		if err := rows.Scan(&v.hash, &v.version, &v.proposed, &v.announced, &v.effective, &v.entry); err != nil {
			return nil, fmt.Errorf("gate: versions: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// load reads the versions. Whether and from when one counts is what the ledger
// says, and wrong where the database says something else.
func (g *Gate) load(ctx context.Context, tx *store.Tx) (all []Version, mark string, wrong changed, err error) {
	list, err := stored(ctx, tx)
	if err != nil {
		return nil, "", "", err
	}
	mark = fmt.Sprint(list)
	var faults []string
	kept := map[string]bool{}
	for _, row := range list {
		s, err := g.text(ctx, tx, row)
		if err != nil {
			return nil, "", "", err
		}
		kept[row.hash] = true
		v := Version{Statement: s, Proposed: store.Instant(row.proposed)}
		a, fault, err := g.announcement(ctx, tx, row, all)
		if err != nil {
			return nil, "", "", err
		}
		if fault != "" {
			faults = append(faults, fault)
		}
		if a.entry != "" {
			v.Announced, v.Effective = a.at, a.effective
			if !a.placed {
				mark = "" // look again until the log has it
			}
		}
		all = append(all, v)
	}
	for hash, a := range g.borne.Range {
		if v, ok := g.version(hash.(string)); ok && !kept[hash.(string)] {
			faults = append(faults, "the announced version "+hash.(string)+" was deleted")
			v.Announced, v.Effective = a.(announcement).at, a.(announcement).effective
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b Version) int {
		return cmp.Or(a.Effective.Compare(b.Effective), a.Proposed.Compare(b.Proposed), cmp.Compare(a.Statement.Hash(), b.Statement.Hash()))
	})
	return all, mark, changed(strings.Join(faults, "; ")), nil
}

// text returns the compiled text of a version.
func (g *Gate) text(ctx context.Context, tx *store.Tx, row storedVersion) (*statement.Statement, error) {
	if s, ok := g.compiled(row.hash); ok {
		return s, nil
	}
	var source []byte
	if err := tx.QueryRow(ctx, `SELECT source FROM gate_statement WHERE hash = $1`, row.hash).Scan(&source); err != nil {
		return nil, fmt.Errorf("gate: text of version %s: %w", row.version, err)
	}
	s, err := statement.Parse("statement "+row.version, source)
	if err != nil {
		return nil, fmt.Errorf("gate: version %s does not compile: %w", row.version, err)
	}
	if s.Hash() != row.hash {
		return nil, changed(fmt.Sprintf("the stored text of version %s was changed: its hash is not %s", row.version, row.hash))
	}
	return s, nil
}

// An announcement is what the ledger says of a version.
type announcement struct {
	entry         string // empty: the ledger has none
	at, effective time.Time
	placed        bool // the log has it
}

const announcedNote = "statement.announced "

// noteOf is the note of the entry that announces a version.
func noteOf(hash string, effective time.Time) string {
	return announcedNote + hash + " effective " + effective.UTC().Format(time.RFC3339Nano)
}

// announcement returns what the ledger says of a version, and what is wrong
// with what its row says. Before are the versions announced before it.
func (g *Gate) announcement(ctx context.Context, tx *store.Tx, row storedVersion, before []Version) (a announcement, fault string, err error) {
	if known, ok := g.borne.Load(row.hash); ok {
		a = known.(announcement)
	}
	if !a.placed && (row.announced != 0 || row.effective != 0 || row.entry != "") {
		found, err := g.attested(ctx, tx, row, before)
		if errors.Is(err, ledger.ErrDamaged) || loot.KindOf(err) == loot.NotFound {
			return a, "no entry of the ledger announces version " + row.hash, nil // what was known stays
		}
		if err != nil {
			return a, "", err
		}
		a = found
		g.borne.Store(row.hash, a)
	}
	if a.entry != "" && (row.announced == 0 || row.effective != store.Micro(a.effective) || row.entry != "" && row.entry != a.entry) {
		fault = "version " + row.hash + " is not stored as entry " + a.entry + " of the ledger announces it"
	}
	return a, fault, nil
}

// attested reads the announcement of a version from its entry.
func (g *Gate) attested(ctx context.Context, tx *store.Tx, row storedVersion, before []Version) (a announcement, err error) {
	a.entry = row.entry
	if a.entry == "" {
		if a.entry, err = g.formerEntry(ctx, tx, row); err != nil {
			return announcement{}, err
		}
	}
	f, placed, err := g.Ledger.Attested(ctx, tx, a.entry)
	if err != nil {
		return announcement{}, err
	}
	a.at, a.placed = f.At, placed
	said, ok := strings.CutPrefix(f.Note, announcedNote+row.hash)
	if !ok || f.Verdict != ledger.Recorded {
		return announcement{}, errNotAnnounced
	}
	if day, ok := strings.CutPrefix(said, " effective "); ok {
		a.effective, err = time.Parse(time.RFC3339Nano, day)
	} else if a.effective = store.Instant(row.effective); said != "" || formerlyTooEarly(a, before) {
		err = errNotAnnounced
	}
	return a, err
}

var errNotAnnounced = loot.Errorf(loot.NotFound, "There is no such announcement on the ledger.")

// formerEntry finds the entry of a version whose row does not name it: it was
// recorded right after the row was written.
func (g *Gate) formerEntry(ctx context.Context, tx *store.Tx, row storedVersion) (string, error) {
	from := store.Instant(row.announced)
	for r, err := range g.Ledger.Facts(ctx, tx, from.Add(-time.Microsecond), from.Add(time.Minute)) {
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(r.Facts.Note, announcedNote+row.hash) {
			return r.ID, nil
		}
	}
	return "", errNotAnnounced
}

// formerlyTooEarly bounds the date of an announcement whose entry does not say
// it, as those did not that name no entry in their row: no earlier than the
// version that was in force then promised, give or take a summer time.
func formerlyTooEarly(a announcement, before []Version) bool {
	current, ok := latest(before, a.at)
	if !ok {
		return a.effective.After(a.at) // the very first
	}
	return a.effective.Before(a.at.AddDate(0, 0, current.Statement.Front().NoticeDays).Add(-2 * time.Hour))
}

// latest returns the version that took effect last, of versions in any order.
func latest(all []Version, at time.Time) (found Version, ok bool) {
	for _, v := range all {
		if !v.Effective.IsZero() && !v.Effective.After(at) && (!ok || !v.Effective.Before(found.Effective)) {
			found, ok = v, true
		}
	}
	return found, ok
}

// Refresh loads the versions. Only those count that the ledger says were
// announced, from when it says; where that is not to be found any more, and
// where a text was changed, what is known stays.
func (g *Gate) Refresh(ctx context.Context) error {
	g.loading.Lock()
	defer g.loading.Unlock()
	return g.refresh(ctx)
}

func (g *Gate) refresh(ctx context.Context) error {
	var all []Version
	var mark string
	var wrong changed
	err := g.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		all, mark, wrong, err = g.load(ctx, tx)
		return err
	})
	text, isChanged := errors.AsType[changed](err)
	switch {
	case isChanged:
		wrong = text
	case err != nil:
		return err
	default:
		g.versions.Store(&all)
	}
	g.mark = mark
	if wrong != "" && wrong != g.wrong {
		g.Log.ErrorContext(ctx, "the versions of the statement were changed in the database; the server goes by what the ledger says of them: run loot ledger verify, and restore the table gate_statement from a backup", "what", string(wrong))
	}
	g.wrong = wrong
	return err
}

// Run keeps the gate in step with what other processes announce, until ctx
// ends. Every process that decides runs it.
func (g *Gate) Run(ctx context.Context) error {
	t := time.NewTicker(followEvery)
	defer t.Stop()
	said := ""
	for {
		says := ""
		if err := g.follow(ctx); err != nil && ctx.Err() == nil {
			says = err.Error()
		}
		if says != "" && says != said {
			g.Log.WarnContext(ctx, "the statement's versions could not be looked at; the last known ones stay", "err", says)
		}
		said = says
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// follow loads the versions if anything about them changed, and raises an
// incident about what is wrong with them.
func (g *Gate) follow(ctx context.Context) error {
	wrong, err := g.look(ctx)
	if wrong == "" {
		return err
	}
	return errors.Join(err, g.DB.InTx(ctx, func(tx *store.Tx) error {
		// Every process finds it, and again after a restart: that is one incident a day.
		_, err := g.incident(ctx, tx, "statement.changed", "", string(wrong))
		tx.AfterCommit(func() { g.raised.Store(&wrong) })
		return err
	}))
}

// look loads the versions if anything about them changed, and returns what is
// wrong with them if no incident was raised about it yet.
func (g *Gate) look(ctx context.Context) (wrong changed, err error) {
	g.loading.Lock()
	defer g.loading.Unlock()
	var mark string
	if err := g.DB.ReadTx(ctx, func(tx *store.Tx) error {
		list, err := stored(ctx, tx)
		mark = fmt.Sprint(list)
		return err
	}); err != nil {
		return "", err
	}
	if mark != g.mark {
		before, _ := g.Coming()
		err = g.refresh(ctx)
		if v, ok := g.Coming(); ok && v.Statement != before.Statement {
			g.Log.InfoContext(ctx, "another process announced a version of the statement", "version", v.Statement.Front().Version, "effective", v.Effective)
		}
	}
	if raised := g.raised.Load(); raised != nil && *raised == g.wrong {
		return "", err
	}
	return g.wrong, err
}
