package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"loot"
	"loot/keyring"
	"loot/store"
)

// An Item is an entry as the person it is about may see it.
type Item struct {
	ID      string
	At      time.Time
	Facts   Facts
	Subject SubjectFacet
	Count   int  // how often it happened that day, for entries with a repeat key; otherwise 1
	Proved  bool // it has its place in the log, so a receipt can be had very soon
	// Damaged says that the record is not what was recorded, or does not open.
	// What the item then says is not to be relied on, and parts may be empty.
	Damaged bool
}

// A FactsRow is an entry as reports see it.
type FactsRow struct {
	ID    string
	At    time.Time
	Facts Facts
	Count int // as of an [Item]
}

var errNoEntry = loot.Errorf(loot.NotFound, "There is no such entry in the ledger.")

// ErrNotYet says that an entry is recorded but has no proof yet.
var ErrNotYet = loot.Errorf(loot.Unavailable, "The proof of this entry is being made. It is ready within two seconds; please try again.")

// Timeline returns up to n entries about the person in the collection, newest
// first, from before the entry with the id before (empty: from the newest).
// What is under a gag is left out. Once the person's key is destroyed there is
// nothing left to find.
func (l *Ledger) Timeline(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, before string, n int) ([]Item, error) {
	if err := tx.Flush(ctx); err != nil {
		return nil, err
	}
	key, err := l.keyring.Person(ctx, s, c)
	if errors.Is(err, keyring.ErrShredded) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: timeline: %w", err)
	}
	at, beforeID := int64(1<<63-1), ""
	if before != "" {
		err := tx.QueryRow(ctx, `SELECT at FROM ledger_entry WHERE id = $1 AND person = $2 AND gag <= $3`, before, key.Tag(), micros(l.now())).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, errNoEntry
		}
		if err != nil {
			return nil, fmt.Errorf("ledger: timeline: %w", err)
		}
		beforeID = before
	}
	rows, err := tx.Query(ctx, `SELECT e.id, e.at, p.idx, e.leaf, e.subject, e.subject_hash, e.actor_hash, e.facts, e.facts_salt, COALESCE(r.count, 1)
		FROM ledger_entry e LEFT JOIN ledger_place p ON p.id = e.id LEFT JOIN ledger_repeat r ON r.id = e.id
		WHERE e.person = $1 AND e.gag <= $2 AND (e.at, e.id) < ($3, $4)
		ORDER BY e.at DESC, e.id DESC LIMIT $5`, key.Tag(), micros(l.now()), at, beforeID, n)
	if err != nil {
		return nil, fmt.Errorf("ledger: timeline: %w", err)
	}
	defer rows.Close()
	var items []Item
	for rows.Next() {
		var it Item
		var us int64
		var idx sql.NullInt64
		var leaf, sealed, subjectHash, actorHash, facts, factsSalt []byte
		if err := rows.Scan(&it.ID, &us, &idx, &leaf, &sealed, &subjectHash, &actorHash, &facts, &factsSalt, &it.Count); err != nil {
			return nil, fmt.Errorf("ledger: timeline: %w", err)
		}
		it.At, it.Proved = fromMicros(us), idx.Valid
		err := it.open(key.For(keyring.Ledger), leaf, sealed, subjectHash, actorHash, facts, factsSalt)
		if err != nil {
			// One bad record must not hide the others, and least of all itself.
			l.log.ErrorContext(ctx, "a record of the ledger is damaged", "entry", it.ID, "err", err)
			it.Damaged = true
		}
		items = append(items, it)
	}
	return items, rows.Err()
}

// open fills in the facets of a record and checks them against its leaf.
func (it *Item) open(key opener, leaf, sealed, subjectHash, actorHash, facts, factsSalt []byte) error {
	if err := json.Unmarshal(facts, &it.Facts); err != nil {
		return fmt.Errorf("ledger: facts: %w", err)
	}
	text, salt, err := openFacet(key, "subject", it.ID, sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &it.Subject); err != nil {
		return fmt.Errorf("ledger: subject: %w", err)
	}
	subject := commit(salt, text)
	if !bytes.Equal(subject[:], subjectHash) || len(actorHash) != len(hash{}) ||
		!bytes.Equal(leaf, leafOf(subject, hash(actorHash), commit(factsSalt, facts))) {
		return errors.New("ledger: the record does not give its own commitments")
	}
	return nil
}

type opener interface {
	Open(sealed, ad []byte) ([]byte, error)
}

// openFacet returns a sealed facet and its salt.
func openFacet(key opener, name, id string, sealed []byte) (text, salt []byte, err error) {
	b, err := key.Open(sealed, associated(name, id))
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: the sealed %s of entry %s does not open: %w", name, id, err)
	}
	if len(b) < saltSize {
		return nil, nil, fmt.Errorf("ledger: the sealed %s of entry %s is cut short", name, id)
	}
	return b[saltSize:], b[:saltSize], nil
}

// Actor returns who acted and the reason they gave. It opens what is sealed
// under the key of staff accountability, so the caller decides who may see it.
func (l *Ledger) Actor(ctx context.Context, tx *store.Tx, id string) (ActorFacet, error) {
	if err := tx.Flush(ctx); err != nil {
		return ActorFacet{}, err
	}
	var sealed []byte
	err := tx.QueryRow(ctx, `SELECT actor FROM ledger_entry WHERE id = $1`, id).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return ActorFacet{}, errNoEntry
	}
	if err != nil {
		return ActorFacet{}, fmt.Errorf("ledger: actor: %w", err)
	}
	return l.actor(id, sealed)
}

func (l *Ledger) actor(id string, sealed []byte) (a ActorFacet, err error) {
	if sealed == nil {
		return a, nil
	}
	text, _, err := openFacet(l.staff, "actor", id, sealed)
	if err != nil {
		return ActorFacet{}, err
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return ActorFacet{}, fmt.Errorf("ledger: actor of %s: %w", id, err)
	}
	return a, nil
}

// factsPage is how many rows are held at a time.
const factsPage = 500

// Facts goes over the facts of every entry from one instant up to another, in
// order of time, without what is under a gag. The transaction may be used
// within the loop.
func (l *Ledger) Facts(ctx context.Context, tx *store.Tx, from, to time.Time) iter.Seq2[FactsRow, error] {
	return func(yield func(FactsRow, error) bool) {
		for r, err := range l.pages(ctx, tx, from, to, l.now(), 0) {
			if !yield(r.FactsRow, err) {
				return
			}
		}
	}
}

// FromOutside is Facts of the steps of requests from outside.
func (l *Ledger) FromOutside(ctx context.Context, tx *store.Tx, from, to time.Time) iter.Seq2[FactsRow, error] {
	return func(yield func(FactsRow, error) bool) {
		for r, err := range l.pages(ctx, tx, from, to, l.now(), watchedOutside) {
			if !yield(r.FactsRow, err) {
				return
			}
		}
	}
}

// About returns the ids of the entries of a period about a person in a
// collection, without what is under a gag. It opens nothing; once the person's
// key is destroyed there is nothing left to find.
func (l *Ledger) About(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, from, to time.Time) (ids []string, err error) {
	if err := tx.Flush(ctx); err != nil {
		return nil, err
	}
	key, err := l.keyring.Person(ctx, s, c)
	if errors.Is(err, keyring.ErrShredded) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: about: %w", err)
	}
	rows, err := tx.Query(ctx, `SELECT id FROM ledger_entry WHERE person = $1 AND at >= $2 AND at < $3 AND gag <= $4 ORDER BY at, id`, key.Tag(), micros(from), micros(to), micros(l.now()))
	if err != nil {
		return nil, fmt.Errorf("ledger: about: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("ledger: about: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Openings is Facts of the permits to open or disclose something. What is under
// a gag is among them: it is for checking, and not for showing.
func (l *Ledger) Openings(ctx context.Context, tx *store.Tx, from, to time.Time) iter.Seq2[FactsRow, error] {
	return func(yield func(FactsRow, error) bool) {
		for r, err := range l.pages(ctx, tx, from, to, fromMicros(1<<62), watchedOpening) {
			if !yield(r.FactsRow, err) {
				return
			}
		}
	}
}

// A StaffRow is an entry about what a member of staff did, with who it was.
type StaffRow struct {
	FactsRow
	Actor ActorFacet
}

// ByStaff is Facts of what members of staff did. It opens what is sealed under
// the key of staff accountability, so the caller decides who may see it.
func (l *Ledger) ByStaff(ctx context.Context, tx *store.Tx, from, to time.Time) iter.Seq2[StaffRow, error] {
	return func(yield func(StaffRow, error) bool) {
		for r, err := range l.pages(ctx, tx, from, to, l.now(), watchedStaff) {
			if err == nil {
				r.Actor, err = l.actor(r.ID, r.sealed)
			}
			if !yield(r.StaffRow, err) || err != nil {
				return
			}
		}
	}
}

// A page row is an entry as it is read.
type pageRow struct {
	StaffRow
	sealed []byte // who acted
}

// pages goes over entries whose gag ends by then.
func (l *Ledger) pages(ctx context.Context, tx *store.Tx, from, to, gagged time.Time, mark int) iter.Seq2[pageRow, error] {
	return func(yield func(pageRow, error) bool) {
		at, id := micros(from), ""
		for {
			page, err := pageAfter(ctx, tx, at, id, micros(to), micros(gagged), mark)
			if err != nil {
				yield(pageRow{}, err)
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
			if len(page) < factsPage {
				return
			}
			at, id = micros(page[len(page)-1].At), page[len(page)-1].ID
		}
	}
}

func pageAfter(ctx context.Context, tx *store.Tx, at int64, id string, to, gagged int64, mark int) ([]pageRow, error) {
	if err := tx.Flush(ctx); err != nil {
		return nil, err
	}
	where := ""
	switch mark {
	case 0:
	case watchedOutside: // the index has these alone
		where = fmt.Sprintf(" AND e.watched >= %d", mark)
	default:
		where = fmt.Sprintf(" AND e.watched > 0 AND e.watched & %d > 0", mark)
	}
	rows, err := tx.Query(ctx, `SELECT e.id, e.at, e.facts, e.actor, COALESCE(r.count, 1)
		FROM ledger_entry e LEFT JOIN ledger_repeat r ON r.id = e.id
		WHERE (e.at, e.id) > ($1, $2) AND e.at < $3 AND e.gag <= $4`+where+`
		ORDER BY e.at, e.id LIMIT $5`, at, id, to, gagged, factsPage)
	if err != nil {
		return nil, fmt.Errorf("ledger: facts: %w", err)
	}
	defer rows.Close()
	var out []pageRow
	for rows.Next() {
		var r pageRow
		var us int64
		var facts string
		if err := rows.Scan(&r.ID, &us, &facts, &r.sealed, &r.Count); err != nil {
			return nil, fmt.Errorf("ledger: facts: %w", err)
		}
		r.At = fromMicros(us)
		if err := json.Unmarshal([]byte(facts), &r.Facts); err != nil {
			return nil, fmt.Errorf("ledger: facts of %s: %w", r.ID, err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// Permits returns how many entries of a period permitted to open something.
// What is under a gag counts too: the number is compared with what the keyring
// counted, and is not for showing.
func (l *Ledger) Permits(ctx context.Context, tx *store.Tx, from, to time.Time) (n int64, err error) {
	if err := tx.Flush(ctx); err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM ledger_entry WHERE at >= $1 AND at < $2 AND watched > 0 AND watched & %d > 0`, watchedOpening),
		micros(from), micros(to)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("ledger: permits: %w", err)
	}
	return n, nil
}
