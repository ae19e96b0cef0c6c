package staff

import (
	"bytes"
	"context"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"loot"
	"loot/gate"
	"loot/ledger"
	"loot/store"
)

// The rules that raise an access to be answered for.
const (
	ruleVolume    = "volume"
	ruleHours     = "hours"
	ruleKnown     = "acquaintance"
	ruleBare      = "no-case"
	ruleEmergency = "emergency"
)

// ruleWords say in plain language what was found.
var ruleWords = map[string]string{
	ruleVolume:    "Far more than on a usual day",
	ruleHours:     "At hours at which this person does not work",
	ruleKnown:     "The record of somebody whom this person knows",
	ruleBare:      "Without a case and without a reason",
	ruleEmergency: "In an emergency, beyond the role",
}

// A day's work of somebody, as the ledger's facts have it.
type seen struct {
	account string
	hours   [24]int // openings by hour, in UTC
	latest  [24]string
	bare    finding
	urgent  finding
	opened  map[string]bool // ids of the entries
}

// A finding is how often something was found, with the last entry.
type finding struct {
	number int
	entry  string
}

func (f *finding) add(entry string) { f.number++; f.entry = max(f.entry, entry) }

// add counts an opening. What a program does by somebody's token has no hours.
func (s *seen) add(row ledger.StaffRow) {
	f := row.Facts
	if f.Verdict != ledger.Permitted || f.Action != loot.Use {
		return
	}
	if f.Note != byToken {
		h := row.At.UTC().Hour()
		s.hours[h]++
		s.latest[h] = max(s.latest[h], row.ID)
	}
	s.opened[row.ID] = true
	switch {
	case gate.InEmergency(f):
		s.urgent.add(row.ID)
	case row.Actor.Reason == "" && !gate.ForCase(f):
		s.bare.add(row.ID)
	}
}

func (s *seen) mask() (m uint32) {
	for h, n := range s.hours {
		if n > 0 {
			m |= 1 << h
		}
	}
	return m
}

// knownDays is on how many days somebody has to have worked before their hours
// are known.
const knownDays = 10

// unusualHours returns the openings at hours that are more than an hour away from
// any at which somebody worked in the month before.
func (s *seen) unusualHours(usual uint32, days int) (f finding) {
	if days < knownDays {
		return f
	}
	const day = 24
	turn := func(by int) uint32 { return (usual<<by | usual>>(day-by)) & (1<<day - 1) }
	near := usual | turn(1) | turn(day-1)
	for h, n := range s.hours {
		if n > 0 && near&(1<<h) == 0 {
			f.number += n
			f.entry = max(f.entry, s.latest[h])
		}
	}
	return f
}

// keepHours keeps in which hours accounts worked on a day.
func keepHours(ctx context.Context, tx *store.Tx, n day, all []*seen) error {
	if _, err := tx.Exec(ctx, `DELETE FROM staff_hours WHERE day = $1`, int64(n)); err != nil {
		return fmt.Errorf("staff: hours: %w", err)
	}
	for _, s := range all {
		if m := s.mask(); m != 0 {
			if _, err := tx.Exec(ctx, `INSERT INTO staff_hours (day, account, hours) VALUES ($1, $2, $3)`, int64(n), s.account, int64(m)); err != nil {
				return fmt.Errorf("staff: hours: %w", err)
			}
		}
	}
	return nil
}

// usualHours returns the hours at which an account worked in the month before a
// day, and on how many days it did. An hour on one day alone is not usual.
func usualHours(ctx context.Context, tx *store.Tx, account string, n day) (usual uint32, days int, err error) {
	rows, err := tx.Query(ctx, `SELECT hours FROM staff_hours WHERE account = $1 AND day >= $2 AND day < $3`, account, int64(n.before(usualDays)), int64(n))
	if err != nil {
		return 0, 0, fmt.Errorf("staff: hours: %w", err)
	}
	defer rows.Close()
	var once uint32
	for rows.Next() {
		var hours int64
		if err := rows.Scan(&hours); err != nil {
			return 0, 0, fmt.Errorf("staff: hours: %w", err)
		}
		days++
		usual |= once & uint32(hours)
		once |= uint32(hours)
	}
	if bits.OnesCount32(usual) == 0 {
		days = 0
	}
	return usual, days, rows.Err()
}

// findings returns what the rules raise of somebody's day beside its volume.
func (d *Desk) findings(ctx context.Context, tx *store.Tx, n day, s *seen) (map[string]finding, error) {
	usual, days, err := usualHours(ctx, tx, s.account, n)
	if err != nil {
		return nil, err
	}
	known, err := acquaintances(ctx, tx, s.account)
	if err != nil {
		return nil, err
	}
	var met finding
	for _, a := range known {
		entries, err := d.kit.Ledger.About(ctx, tx, a.Subject, customers, n.start(), n.end())
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if s.opened[e] {
				met.add(e)
			}
		}
	}
	return map[string]finding{ruleHours: s.unusualHours(usual, days), ruleKnown: met, ruleBare: s.bare, ruleEmergency: s.urgent}, nil
}

// raise keeps what the rules found on a day, each once for a person and a rule;
// what comes later the same day is added to it.
func (d *Desk) raise(ctx context.Context, tx *store.Tx, n day, list []tally, all []*seen) error {
	for _, t := range together(list) {
		usual, err := d.usual(ctx, tx, t.Account, n)
		if err != nil {
			return err
		}
		if unusual(t, usual) {
			if err := d.raiseOne(ctx, tx, n, t.Account, ruleVolume, finding{t.Opened + t.Looked + t.Refused, t.Entry}); err != nil {
				return err
			}
		}
	}
	for _, s := range all {
		found, err := d.findings(ctx, tx, n, s)
		if err != nil {
			return err
		}
		for _, rule := range []string{ruleHours, ruleKnown, ruleBare, ruleEmergency} {
			if f := found[rule]; f.number > 0 {
				if err := d.raiseOne(ctx, tx, n, s.account, rule, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// answerWithin is how long somebody has to answer.
const answerWithin = 7 * dayLength

func (d *Desk) raiseOne(ctx context.Context, tx *store.Tx, n day, account, rule string, f finding) error {
	now := d.kit.Now()
	if _, err := tx.Exec(ctx, `INSERT INTO staff_review (id, account, rule, day, entry, number, raised, due, answered, closed, reviewer, outcome, told)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, '', '', 0)
		ON CONFLICT (account, rule, day) DO UPDATE SET entry = excluded.entry, number = excluded.number WHERE staff_review.closed = 0`,
		loot.NewID("w"), account, rule, int64(n), f.entry, f.number, now.UnixMicro(), now.Add(answerWithin).UnixMicro()); err != nil {
		return fmt.Errorf("staff: review: %w", err)
	}
	return nil
}

// An acquaintance is a customer whom a colleague says that they know.
type acquaintance struct {
	Subject  loot.Subject
	Declared time.Time
}

func acquaintances(ctx context.Context, tx *store.Tx, account string) ([]acquaintance, error) {
	rows, err := tx.Query(ctx, `SELECT subject, declared FROM staff_acquaintance WHERE account = $1 ORDER BY declared, subject`, account)
	if err != nil {
		return nil, fmt.Errorf("staff: acquaintances: %w", err)
	}
	defer rows.Close()
	var out []acquaintance
	for rows.Next() {
		var a acquaintance
		var at int64
		if err := rows.Scan(&a.Subject, &at); err != nil {
			return nil, fmt.Errorf("staff: acquaintances: %w", err)
		}
		a.Declared = store.Instant(at)
		out = append(out, a)
	}
	return out, rows.Err()
}

// export says that colleagues declared to know somebody: how many, and not who.
func (d *Desk) export(ctx context.Context, tx *store.Tx, s loot.Subject) (any, error) {
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM staff_acquaintance WHERE subject = $1`, s).Scan(&n); err != nil {
		return nil, fmt.Errorf("staff: acquaintances: %w", err)
	}
	if n == 0 {
		return nil, nil
	}
	return struct {
		Known int `json:"known_to_colleagues"`
	}{n}, nil
}

// forget removes somebody from those whom colleagues know.
func (d *Desk) forget(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	if _, err := tx.Exec(ctx, `DELETE FROM staff_acquaintance WHERE subject = $1`, s); err != nil {
		return fmt.Errorf("staff: acquaintances: %w", err)
	}
	return nil
}

// sorted returns the days' works by account.
func sorted(all map[string]*seen) []*seen {
	out := make([]*seen, 0, len(all))
	for _, s := range all {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *seen) int { return bytes.Compare([]byte(a.account), []byte(b.account)) })
	return out
}
