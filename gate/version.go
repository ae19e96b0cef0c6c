package gate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"loot"
	"loot/job"
	"loot/statement"
	"loot/store"
)

// A Version is one version of the statement as the server knows it.
type Version struct {
	Statement *statement.Statement
	Proposed  time.Time
	Announced time.Time // zero: a draft
	Effective time.Time // zero: a draft
}

// A State says where a version stands.
type State string

// The states of a version. Only one is in force.
const (
	Draft      State = "draft"
	Announced  State = "announced"
	InForce    State = "in force"
	Superseded State = "superseded"
)

// Versions returns every version that was ever proposed, drafts first and then
// by the date from which it counts, with what the ledger says of it.
func (g *Gate) Versions(ctx context.Context, tx *store.Tx) ([]Version, error) {
	all, _, _, err := g.load(ctx, tx)
	return all, err
}

func (g *Gate) compiled(hash string) (*statement.Statement, bool) {
	if s := g.known.Load(); s != nil && s.Hash() == hash {
		return s, true
	}
	v, ok := g.version(hash)
	return v.Statement, ok
}

// Know makes the gate use s for the version with its hash, rather than compile
// the stored text again: a proof decides by a statement that lacks a rule.
func (g *Gate) Know(s *statement.Statement) { g.known.Store(s) }

// StateOf returns the state of v among all versions at a time.
func StateOf(v Version, all []Version, at time.Time) State {
	switch {
	case v.Effective.IsZero():
		return Draft
	case v.Effective.After(at):
		return Announced
	}
	for _, other := range all {
		if !other.Effective.IsZero() && !other.Effective.After(at) && other.Effective.After(v.Effective) {
			return Superseded
		}
	}
	return InForce
}

// at returns the version in force at a time: the one that took effect last.
func (g *Gate) at(now time.Time) (Version, bool) { return latest(*g.versions.Load(), now) }

// InForce returns the version in force now; ok is false before the first.
func (g *Gate) InForce() (Version, bool) { return g.at(g.Now()) }

// Begun reports whether a version was ever proposed, as the first start does.
func (g *Gate) Begun() bool { return len(*g.versions.Load()) > 0 }

// Coming returns the announced version that takes effect next; ok is false if
// none is announced.
func (g *Gate) Coming() (Version, bool) {
	now := g.Now()
	for _, v := range *g.versions.Load() { // by effective date, drafts first
		if v.Effective.After(now) {
			return v, true
		}
	}
	return Version{}, false
}

// Version returns the version with a hash.
func (g *Gate) Version(hash string) (Version, bool) { return g.version(hash) }

func (g *Gate) version(hash string) (Version, bool) {
	for _, v := range *g.versions.Load() {
		if hash != "" && v.Statement.Hash() == hash {
			return v, true
		}
	}
	return Version{}, false
}

// Announced returns the version with a hash once it is announced, also if another
// process did so a moment ago.
func (g *Gate) Announced(ctx context.Context, hash string) (Version, error) {
	if v, ok := g.version(hash); ok && !v.Effective.IsZero() {
		return v, nil
	}
	if err := g.Refresh(ctx); err != nil {
		return Version{}, err
	}
	v, ok := g.version(hash)
	if !ok || v.Effective.IsZero() {
		return v, fmt.Errorf("gate: no version %s is announced", hash)
	}
	return v, nil
}

// Hash returns the hash of the version whose hash begins with prefix; empty
// if there is none.
func (g *Gate) Hash(prefix string) string {
	for _, v := range *g.versions.Load() {
		if prefix != "" && strings.HasPrefix(v.Statement.Hash(), prefix) {
			return v.Statement.Hash()
		}
	}
	return ""
}

// Propose keeps s as a draft. Drafts may share a number until one of them is
// announced.
func (g *Gate) Propose(ctx context.Context, tx *store.Tx, s *statement.Statement) error {
	if changed := s.Front().Changed; changed.After(g.Now()) {
		return s.WrongFront("changed", "The statement was last changed on %s, it says, which is still to come: write the day of the change.", changed.Format(time.DateOnly))
	}
	if err := ownNumber(ctx, tx, s); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO gate_statement (hash, version, source, proposed, announced, effective)
		VALUES ($1, $2, $3, $4, 0, 0) ON CONFLICT (hash) DO NOTHING`, s.Hash(), s.Front().Version, s.Source(), store.Micro(g.Now()))
	if err != nil {
		return fmt.Errorf("gate: propose: %w", err)
	}
	tx.AfterCommit(func() { g.refreshed(ctx) })
	return nil
}

// ownNumber refuses the number of a version that was announced to another text.
func ownNumber(ctx context.Context, tx *store.Tx, s *statement.Statement) error {
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM gate_statement WHERE lower(trim(version)) = lower(trim($1)) AND hash <> $2 AND announced <> 0`,
		s.Front().Version, s.Hash()).Scan(&n); err != nil {
		return fmt.Errorf("gate: number of a version: %w", err)
	}
	if n > 0 {
		return s.WrongFront("version", "There is a version %q already, with another text: give this one a number of its own.", s.Front().Version)
	}
	return nil
}

// Announce makes the draft with the hash come into force at the given time,
// at the earliest when the notice period of the version in force has passed, and
// not before the day that its text says. The very first version may come into force at once. What is announced, and
// for when, is in the ledger's entry, by which alone it counts; the reason is
// kept with it, and nobody announces in no name.
func (g *Gate) Announce(ctx context.Context, tx *store.Tx, by loot.Actor, hash string, effective time.Time, reason string) error {
	now, effective := g.Now(), effective.Truncate(time.Microsecond)
	current, changes := g.at(now)
	if changes {
		earliest := now.AddDate(0, 0, current.Statement.Front().NoticeDays)
		if effective.Before(earliest) {
			return loot.Errorf(loot.Invalid, "The version in force promises %s of notice, so this one can take effect on %s at the earliest.",
				loot.Plural(current.Statement.Front().NoticeDays, "day", "days"), earliest.Format("2 January 2006 15:04"))
		}
	} else if effective.After(now) {
		return loot.Errorf(loot.Invalid, "The first version takes effect at once.")
	} else if err := neverAnnounced(ctx, tx); err != nil {
		return err
	}
	s, err := g.text(ctx, tx, storedVersion{hash: hash})
	if errors.Is(err, sql.ErrNoRows) {
		return errNoDraft
	}
	if err != nil {
		return err
	}
	if err := ownNumber(ctx, tx, s); err != nil {
		return err
	}
	if says := s.Front().Effective; says.After(effective) {
		return s.WrongFront("effective", "The statement takes effect on %s, it says, so it cannot do so on %s already: change the one or the other.", says.Format(time.DateOnly), effective.UTC().Format(time.DateOnly))
	}
	n, err := tx.Exec(ctx, `UPDATE gate_statement SET announced = $1, effective = $2 WHERE hash = $3 AND announced = 0`, store.Micro(now), store.Micro(effective), hash)
	if err != nil {
		return fmt.Errorf("gate: announce: %w", err)
	}
	if n == 0 {
		return errNoDraft
	}
	entry, err := g.Note(ctx, tx, by, noteOf(hash, effective), reason)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE gate_statement SET entry = $1 WHERE hash = $2`, entry, hash); err != nil {
		return fmt.Errorf("gate: announce: %w", err)
	}
	tx.AfterCommit(func() { g.refreshed(ctx) })
	if !changes {
		return nil // nobody was promised anything before the first version
	}
	return g.Jobs.Publish(ctx, tx, job.Notice{Name: "statement.announced", ID: hash})
}

var errNoDraft = loot.Errorf(loot.Conflict, "There is no such draft, or it was announced already.")

// neverAnnounced refuses to begin anew where versions were announced of which
// the ledger knows nothing.
func neverAnnounced(ctx context.Context, tx *store.Tx) error {
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM gate_statement WHERE announced <> 0`).Scan(&n); err != nil {
		return fmt.Errorf("gate: announce: %w", err)
	}
	if n > 0 {
		return loot.Errorf(loot.Unavailable, "The database says that %s announced, and the ledger does not: something was changed, so no version is in force. Run loot ledger verify to see what, and restore the database from a backup.",
			loot.Plural(n, "version of the statement was", "versions of the statement were"))
	}
	return nil
}

func (g *Gate) refreshed(ctx context.Context) {
	if err := g.Refresh(context.WithoutCancel(ctx)); err != nil {
		g.Log.ErrorContext(ctx, "the statement's versions could not be loaded; the last known ones stay", "err", err)
	}
}
