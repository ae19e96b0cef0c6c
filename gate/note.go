package gate

import (
	"context"
	"fmt"
	"slices"

	"loot"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// NoteAbout records in the ledger something that was done about a person and
// needed no decision, such as "token.made", so that it stands in their timeline;
// the clause that has it done is empty if none does.
func (g *Gate) NoteAbout(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, by loot.Actor, note string, clause loot.Clause) error {
	v, ok := g.at(g.Now())
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	return g.noteAbout(ctx, tx, v, s, c, by, note, clause, "", "")
}

// outboxClause says who reads letters while no mail server is set, and what
// they sign before.
const outboxClause loot.Clause = "security.staff"

// LetterRead records, once a day, that somebody read a letter in the outbox of
// a Loot that sends none, and to whom it is: the customer sees it. Before a
// letter to a customer the undertaking has to be signed where the statement
// asks it for records; without it the answer is a [*Refusal]. A letter to the
// staff is about nobody, and the first of them needs it to get in.
func (g *Gate) LetterRead(ctx context.Context, tx *store.Tx, by loot.Actor, letter string, to loot.Subject, c loot.Collection) error {
	v, ok := g.at(g.Now())
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	e := ledger.Entry{
		Facts:  ledger.Facts{At: g.Now(), Verdict: ledger.Recorded, Note: "letter.read", Clauses: []loot.Clause{outboxClause}, Statement: v.Statement.Hash(), ActorKind: by.Kind, Role: firstRole(by), Collection: c},
		Actor:  ledger.ActorFacet{ID: by.ID, Name: by.Name},
		Repeat: digestKey("letter.read", by.ID, letter),
	}
	if to != "" {
		e.Subject = &ledger.SubjectFacet{Subject: to, Collection: c}
		signed, err := g.signed(ctx, tx, v.Statement, by)
		if err != nil {
			return err
		}
		if !signed {
			g.refused.Add(1)
			e.Facts.Verdict, e.Repeat = ledger.Refused, digestKey("letter.refused", by.ID, letter)
			clause, _ := v.Statement.Clause(outboxClause)
			return &Refusal{
				Clause: outboxClause, Title: clause.Title, Needed: []string{"the confidentiality undertaking is signed"},
				unsigned: true, record: &e,
			}
		}
	}
	_, err := g.Ledger.Append(ctx, tx, e)
	return err
}

// signed reports whether somebody signed the undertaking, if the rules of the
// statement about opening records ask for it.
func (g *Gate) signed(ctx context.Context, tx *store.Tx, s *statement.Statement, by loot.Actor) (bool, error) {
	const fact = "staff.undertaking"
	if !slices.Contains(s.Facts(loot.Use), fact) {
		return true, nil
	}
	var in statement.Input
	for _, ask := range g.facts[fact] {
		if err := ask(ctx, tx, Request{Action: loot.Use, Actor: by}, &in); err != nil {
			return false, fmt.Errorf("gate: a fact for a letter: %w", err)
		}
	}
	at := in.Actor.Undertaking
	return !at.IsZero() && !at.After(g.Now()), nil
}

// Found records that a search which was granted found a person by a field, so
// that they see it; the search itself is recorded about nobody, found or not.
// A part of the program has no such entry: whom it finds it writes to, which is
// one already, and at a public form a search that finds somebody must cost what
// one costs that finds nobody.
func (g *Gate) Found(ctx context.Context, tx *store.Tx, gr Grant, f loot.Field, s loot.Subject) error {
	if gr.kind == loot.Desk {
		return nil
	}
	_, err := g.Ledger.Append(ctx, tx, ledger.Entry{
		Facts: ledger.Facts{
			At: gr.At, Verdict: ledger.Recorded, Note: "record.found", Clauses: gr.Clauses, Statement: gr.Statement.Hash(), Purpose: gr.Purpose,
			ActorKind: gr.kind, Role: roleFor(gr.Statement, gr.by, gr.Purpose), Desk: gr.desk, Collection: gr.Collection, Fields: 1,
		},
		Subject: &ledger.SubjectFacet{Subject: s, Collection: gr.Collection, Fields: []loot.Field{f}},
		Actor:   ledger.ActorFacet{ID: gr.by.ID, Name: gr.by.Name},
		Gag:     gr.gag,
	})
	if err != nil {
		return err
	}
	return g.keepUnderGag(ctx, tx, s, gr.gag)
}

func (g *Gate) noteAbout(ctx context.Context, tx *store.Tx, v Version, s loot.Subject, c loot.Collection, by loot.Actor, note string, clause loot.Clause, p loot.Purpose, recipient string) error {
	var clauses []loot.Clause
	if clause != "" {
		clauses = []loot.Clause{clause}
	}
	_, err := g.Ledger.Append(ctx, tx, ledger.Entry{
		Facts: ledger.Facts{
			At: g.Now(), Verdict: "recorded", Note: note, Clauses: clauses, Statement: v.Statement.Hash(),
			ActorKind: by.Kind, Role: roleFor(v.Statement, by, p), Purpose: p, Collection: c,
		},
		Subject: &ledger.SubjectFacet{Subject: s, Collection: c, Recipient: recipient},
		Actor:   ledger.ActorFacet{ID: by.ID, Name: by.Name},
	})
	return err
}
