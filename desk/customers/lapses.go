package customers

import (
	"context"
	"errors"
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
	whole := desk.Lapse{What: wholeRecord, Why: whyAsked, Clause: erasedBy(s, loot.Actor{Kind: loot.Person}, c.Now())}
	asked, err := desk.Foretell(ctx, tx, whole, 0, until, `SELECT (due + $1) / $2, count(*) FROM customers_erasure WHERE due <= $3 GROUP BY 1`)
	return append(out, asked...), err
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

// ofKind returns those of some fields that are of a kind.
func ofKind(s *statement.Statement, kind statement.Category, fields []loot.Field) []loot.Field {
	return slices.DeleteFunc(fields, func(f loot.Field) bool { d, _ := s.Field(f); return d.Category != kind.ID })
}

// eraseFields erases the fields of a kind that a request names, if there are any, and counts
// them. What an order holds of them is set aside, as nobody is to see it held, and counts as
// kept.
func (c *customers) eraseFields(ctx context.Context, tx *store.Tx, s *statement.Statement, kind statement.Category, r gate.Request, why string) error {
	if r.Fields = ofKind(s, kind, r.Fields); len(r.Fields) == 0 {
		return nil
	}
	p, err := c.Gate.SetAside(ctx, tx, r)
	if err != nil {
		return err
	}
	if no := p.Held(); no != nil {
		if err := c.Held(ctx, tx, name, kind.Title, no.Clause, no.Needed, 1); err != nil {
			return err
		}
		return c.Vault.Remove(ctx, tx, p)
	}
	for _, title := range s.Titles(r.Fields...) {
		if err := c.Erased(ctx, tx, name, desk.Lapse{What: title, Why: why, Clause: first(p.Clauses()), Count: 1}); err != nil {
			return err
		}
	}
	return c.Vault.Remove(ctx, tx, p)
}

// stayed counts what something held that was to be erased, in a transaction of its own as
// the one that tried is rolled back. Whatever else failed is returned.
func (c *customers) stayed(ctx context.Context, what string, err error) error {
	no, refused := errors.AsType[*gate.Refusal](err)
	if !refused {
		return err
	}
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
