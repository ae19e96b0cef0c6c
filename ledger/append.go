package ledger

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"loot"
	"loot/keyring"
	"loot/store"
)

// An Entry is what [Ledger.Append] records.
type Entry struct {
	Facts   Facts
	Subject *SubjectFacet // nil: it is about nobody
	Actor   ActorFacet
	// Repeat, when set, names what happens again and again, such as one
	// person's refused request. The first of a day is an entry; those that
	// follow only raise its count.
	Repeat string
	// Gag hides the entry from the person and from every count until then.
	Gag time.Time
}

// Append records e within tx, so that the use and its record stand or fall
// together, and returns the entry's id. When the log takes no entries it
// refuses with an error of kind [loot.Unavailable], so that nothing is used
// unrecorded.
//
// Facts.At is set to the present if it is zero. Facts.Input must not change any more, as the
// entry is sealed when its row goes in. A subject whose key is destroyed is left out for
// good: only a commitment to nothing readable stays.
func (l *Ledger) Append(ctx context.Context, tx *store.Tx, e Entry) (string, error) {
	if err := l.Ready(); err != nil {
		return "", err
	}
	if e.Facts.At.IsZero() {
		e.Facts.At = l.now()
	}
	e.Facts.At = e.Facts.At.UTC().Truncate(time.Microsecond)

	key, err := l.personKey(ctx, e.Subject)
	if err != nil {
		return "", err
	}
	id := l.ids.next(e.Facts.At)
	if e.Repeat != "" {
		first, known, err := l.repeat(ctx, tx, e, key, id)
		if err != nil {
			return "", err
		}
		if !first {
			return known, nil
		}
	}
	var person []byte // nil: about nobody who can be found
	if key != nil {
		person = key.Tag()
	}
	e = e.own()
	tx.AddLater(`INSERT INTO ledger_entry
		(id, at, leaf, person, subject, subject_hash, actor, actor_hash, facts, facts_salt, gag, watched) VALUES`, 12, func() ([]any, error) {
		s, err := l.seal(id, e, key)
		return []any{
			id, micros(e.Facts.At), s.leaf, person, s.subject, s.subjectHash[:], s.actor, s.actorHash[:], s.facts, s.factsSalt, micros(e.Gag), watched(e.Facts),
		}, err
	})
	tx.Add(`INSERT INTO ledger_waiting (id) VALUES`, id)
	tx.AfterCommit(func() {
		l.wake()
		if person != nil && e.Gag.IsZero() {
			l.followers.tell(person)
		}
	})
	return id, nil
}

// own returns the entry with lists of its own: it is sealed when its row goes in, and its
// caller may have changed theirs by then.
func (e Entry) own() Entry {
	e.Facts.Clauses = slices.Clone(e.Facts.Clauses)
	if e.Subject != nil {
		s := *e.Subject
		s.Fields, s.Covered = slices.Clone(s.Fields), slices.Clone(s.Covered)
		e.Subject = &s
	}
	return e
}

// ordered writes bytes so that texts sort as they do.
var ordered = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// idSource makes the ids of entries.
type idSource struct {
	mu   sync.Mutex
	last [16]byte
}

// next returns "e", the time in milliseconds, which the facts say anyway, and 80
// bits: random, and for an entry in the same millisecond as the one before a
// random step further. So the ids of one process are in the order in which it
// recorded, which is the order of the log, and entries of one time lie together
// in the database's index, which is most of what a growing one costs.
func (s *idSource) next(at time.Time) string {
	ms := binary.BigEndian.AppendUint64(nil, uint64(max(0, at.UnixMilli())))[2:]
	var b [16]byte
	rand.Read(b[6:]) // never fails
	copy(b[:6], ms)
	b[8] &= 0x7f // room for steps
	s.mu.Lock()
	if bytes.Equal(s.last[:6], ms) {
		step := 1 + uint64(binary.BigEndian.Uint32(b[12:]))
		b = s.last
		binary.BigEndian.PutUint64(b[8:], binary.BigEndian.Uint64(b[8:])+step)
	}
	s.last = b
	s.mu.Unlock()
	return "e" + ordered.EncodeToString(b[:])
}

// What is counted again and again is marked, so that of all the others nothing
// is read.
const (
	watchedOpening = 1 // permits to open something
	watchedStaff   = 2 // a member of staff did it
	watchedOutside = 4 // a step of a request from outside; the highest mark, see 0004_outside.sql
)

// Outside begins the note of every step of a request from outside, such as that of
// an authority or a court.
const Outside = "disclosure."

// Openings are the actions that open what is held.
var Openings = []loot.Action{loot.Use, loot.Export, loot.Transfer, loot.Answer, loot.Sponsor}

func watched(f Facts) (mark int) {
	if f.Verdict == Permitted && slices.Contains(Openings, f.Action) {
		mark |= watchedOpening
	}
	if f.ActorKind == loot.Staff || f.Role != "" {
		mark |= watchedStaff
	}
	if strings.HasPrefix(f.Note, Outside) {
		mark |= watchedOutside
	}
	return mark
}

// personKey returns the key that seals what is said about the person, and nil
// if the entry is about nobody or the key is destroyed.
func (l *Ledger) personKey(ctx context.Context, s *SubjectFacet) (*keyring.PersonKey, error) {
	if s == nil {
		return nil, nil
	}
	key, err := l.keyring.Person(ctx, s.Subject, s.Collection)
	if errors.Is(err, keyring.ErrShredded) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: key: %w", err)
	}
	return key, nil
}

// A sealed entry is what is stored of it.
type sealed struct {
	leaf        []byte
	subject     []byte // sealed, with its salt in front
	subjectHash hash
	actor       []byte // sealed, with its salt in front
	actorHash   hash
	facts       string
	factsSalt   []byte
}

func (l *Ledger) seal(id string, e Entry, key *keyring.PersonKey) (sealed, error) {
	facts, err := canonical(e.Facts)
	if err != nil {
		return sealed{}, err
	}
	r := sealed{facts: string(facts), factsSalt: salt()}
	var subject []byte
	if e.Subject != nil && key != nil {
		if subject, err = canonical(e.Subject); err != nil {
			return sealed{}, err
		}
	}
	// Salt and facet are sealed together: once the key is gone, so is the salt,
	// and the commitment alone says nothing that could be guessed at.
	salted := append(salt(), subject...)
	r.subjectHash = sha256.Sum256(salted)
	if subject != nil {
		r.subject = key.Seal(salted, associated("subject", id))
	}
	actor, err := canonical(e.Actor)
	if err != nil {
		return sealed{}, err
	}
	salted = append(salt(), actor...)
	r.actorHash = sha256.Sum256(salted)
	if e.Actor != (ActorFacet{}) {
		if r.actor, err = l.staff.Seal(salted, associated("actor", id)); err != nil {
			return sealed{}, fmt.Errorf("ledger: seal actor: %w", err)
		}
	}
	r.leaf = leafOf(r.subjectHash, r.actorHash, commit(r.factsSalt, facts))
	return r, nil
}

// associated names what is sealed where, so that a sealed facet moved to
// another entry does not open.
func associated(facet, id string) []byte { return []byte("ledger/" + facet + "/" + id) }

// repeat counts an entry that may have happened before, and reports whether
// this is the first of its day. The key under which it is found again is
// derived with the person's key and the day's date, so that it links nothing
// once that key is gone.
func (l *Ledger) repeat(ctx context.Context, tx *store.Tx, e Entry, key *keyring.PersonKey, id string) (first bool, known string, err error) {
	mac := hmac.New(sha256.New, l.repeatKey)
	mac.Write([]byte(e.Facts.At.Format(time.DateOnly)))
	if key != nil {
		mac.Write(key.Tag())
	}
	mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(e.Repeat))))
	mac.Write([]byte(e.Repeat))
	var count int64
	err = tx.QueryRow(ctx, `INSERT INTO ledger_repeat (key, id, count, last) VALUES ($1, $2, 1, $3)
		ON CONFLICT (key) DO UPDATE SET count = ledger_repeat.count + 1, last = excluded.last
		RETURNING id, count`, mac.Sum(nil)[:16], id, micros(e.Facts.At)).Scan(&known, &count)
	if err != nil {
		return false, "", fmt.Errorf("ledger: repeat: %w", err)
	}
	return count == 1, known, nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
