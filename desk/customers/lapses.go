package customers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

const (
	wholeRecord = "Whole records"
	whyNeedless = "no service, no law and no switch needs it any longer"
	whyAsked    = "their owner wants it"
)

// lapses foretells what the jobs of this desk erase up to a time. What else may hold it
// by then is not known yet.
func (c *customers) lapses(ctx context.Context, tx *store.Tx, until time.Time) ([]desk.Lapse, error) {
	s, err := c.inForce()
	if err != nil {
		return nil, err
	}
	type kind struct {
		day  time.Time
		what string
	}
	counts := map[kind]int{}
	clause := erasedBy(s, loot.Actor{Kind: loot.Desk, ID: name}, c.Now())
	for after := loot.Subject(""); ; {
		due, err := c.Vault.Due(ctx, tx, collection, until, after, tellSize)
		if err != nil {
			return nil, err
		}
		for _, one := range due {
			for i, title := range s.Titles(one.Fields...) {
				counts[kind{desk.DayOf(one.Until[i]), title}]++
			}
			after = one.Subject
		}
		if len(due) < tellSize {
			break
		}
	}
	var out []desk.Lapse
	for k, n := range counts {
		out = append(out, desk.Lapse{Day: k.day, What: k.what, Why: whyNeedless, Clause: clause, Count: n})
	}
	asked, err := tx.Query(ctx, `SELECT due FROM customers_erasure WHERE due <= $1`, until.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("customers: lapses: %w", err)
	}
	defer asked.Close()
	days := map[time.Time]int{}
	for asked.Next() {
		var at int64
		if err := asked.Scan(&at); err != nil {
			return nil, fmt.Errorf("customers: lapses: %w", err)
		}
		days[desk.DayOf(store.Instant(at))]++
	}
	clause = erasedBy(s, loot.Actor{Kind: loot.Person}, c.Now())
	for day, n := range days {
		out = append(out, desk.Lapse{Day: day, What: wholeRecord, Why: whyAsked, Clause: clause, Count: n})
	}
	return out, asked.Err()
}

// erasedBy returns the clause by which a record is erased that nothing needs; empty: the
// statement lets nobody erase one.
func erasedBy(s *statement.Statement, by loot.Actor, now time.Time) loot.Clause {
	fields := s.Fields(collection)
	if len(fields) == 0 {
		return ""
	}
	v := s.Decide(&statement.Input{
		Action: loot.Erase, Actor: statement.Actor{Kind: by.Kind, Desk: by.ID, Own: by.Kind == loot.Person},
		Context: statement.Context{Purpose: purposeOf(s), Statement: s.Hash(), Now: now},
		Record:  statement.Record{Collection: collection, Category: fields[0].Category, Level: levelOf(s, fields[0]).Level},
	})
	if len(v.Clauses) == 0 {
		return ""
	}
	return v.Clauses[0]
}

// counted counts the fields that went because their time was over.
func (c *customers) counted(ctx context.Context, tx *store.Tx, s *statement.Statement, fields []loot.Field, why string, clauses []loot.Clause) error {
	for _, title := range s.Titles(fields...) {
		if err := c.Erased(ctx, tx, name, desk.Lapse{What: title, Why: why, Clause: first(clauses), Count: 1}); err != nil {
			return err
		}
	}
	return nil
}

// stayed counts what something held that was to be erased, in a transaction of its own
// as the one that tried is rolled back.
func (c *customers) stayed(ctx context.Context, what string, no *gate.Refusal) error {
	return c.DB.InTx(ctx, func(tx *store.Tx) error {
		return c.Held(ctx, tx, name, what, no.Clause, no.Needed, 1)
	})
}

func first(clauses []loot.Clause) loot.Clause {
	if len(clauses) == 0 {
		return ""
	}
	return slices.Min(clauses)
}
