package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// decided is what the ledger's facts keep of the input: what all records of
// one decision share, once, and the records.
type decided struct {
	statement.Input
	Records []statement.Record `json:"records,omitempty"`
}

// Inputs returns the inputs that were decided, from the input of a ledger
// entry's facts, so that they can be decided again under another version.
func Inputs(facts ledger.Facts) ([]statement.Input, error) {
	var d decided
	if err := json.Unmarshal(facts.Input, &d); err != nil {
		return nil, fmt.Errorf("gate: recorded input: %w", err)
	}
	if len(d.Records) == 0 {
		return []statement.Input{d.Input}, nil
	}
	ins := make([]statement.Input, len(d.Records))
	for i, rec := range d.Records {
		ins[i] = d.Input
		ins[i].Record = rec
	}
	return ins, nil
}

// Decide answers r by the statement that is in force now. A yes is recorded in
// the ledger within tx and comes back as a permit for one use in tx. A no is a
// [*Refusal]; return it from the transaction, so that [Gate.InTx] rolls the
// work back and records the refusal on its own. When the ledger takes no
// entries, the answer is an error of kind [loot.Unavailable].
func (g *Gate) Decide(ctx context.Context, tx *store.Tx, r Request) (Permit, error) {
	return g.decide(ctx, tx, r, g.refuse)
}

// A refuser says why not.
type refuser func(context.Context, *store.Tx, *statement.Statement, Request, statement.Input, []statement.Record, statement.Verdict) error

func (g *Gate) decide(ctx context.Context, tx *store.Tx, r Request, refuse refuser) (Permit, error) {
	q, err := g.question(ctx, tx, r)
	if err != nil {
		return Permit{}, err
	}
	yes, no := q.rule()
	if no != nil {
		return Permit{}, refuse(ctx, tx, q.statement, r, q.in, q.records, *no)
	}
	return g.permit(ctx, tx, q, yes, nil)
}

// A question is a request with all that its decision depends on.
type question struct {
	Request
	statement *statement.Statement
	in        statement.Input
	records   []statement.Record
}

func (g *Gate) question(ctx context.Context, tx *store.Tx, r Request) (q question, err error) {
	now := g.Now()
	ver, ok := g.at(now)
	if !ok {
		return q, loot.Errorf(loot.Unavailable, "No statement is in force yet, so nothing may be used. An administrator must publish one.")
	}
	q.Request, q.statement = r, ver.Statement
	if q.in, q.records, err = g.input(ctx, tx, q.statement, r, now); err != nil {
		return q, err
	}
	if r.Approval != "" {
		q.in.Context.Approvals, err = g.useApproval(ctx, tx, r, now)
	}
	return q, err
}

// A ruling is a yes to all the records of a question.
type ruling struct {
	clauses []loot.Clause
	duties  statement.Obligations
	masks   map[loot.Category]string // that rules ask for
}

// rule decides the records of a question one by one; with a no, its input has the record that
// was refused.
func (q *question) rule() (yes ruling, no *statement.Verdict) {
	yes.masks = map[loot.Category]string{}
	for _, rec := range q.records {
		q.in.Record = rec
		v := q.statement.Decide(&q.in)
		if !v.Allowed {
			return yes, &v
		}
		yes.clauses = append(yes.clauses, v.Clauses...)
		yes.duties = stricter(yes.duties, v.Obligations)
		yes.masks[rec.Category] = v.Obligations.Mask
	}
	slices.Sort(yes.clauses)
	yes.clauses = slices.Compact(yes.clauses)
	return yes, nil
}

// permit records a yes and hands out its permit; held is what keeps it from being an erasure.
func (g *Gate) permit(ctx context.Context, tx *store.Tx, q question, yes ruling, held *Refusal) (Permit, error) {
	r, now := q.Request, q.in.Context.Now
	mask := masks(q.statement, r, yes.masks)
	e := g.entry(q.statement, r, q.in, q.records, yes.clauses, "permitted")
	if e.Subject != nil {
		e.Subject.Covered = covered(r.Fields, mask)
	}
	gag := time.Time{}
	if yes.duties.DelayGag {
		gag = r.gag(now)
	}
	e.Gag = later(gag, r.Hidden)
	entry, err := g.Ledger.Append(ctx, tx, e)
	if err != nil {
		return Permit{}, err
	}
	if err := g.keepUnderGag(ctx, tx, r.Subject, gag); err != nil {
		return Permit{}, err
	}
	if err := g.notify(ctx, tx, entry, r.Subject, yes.duties.Notify, gag); err != nil {
		return Permit{}, err
	}
	g.permitted.Add(1)
	return Permit{&permit{tx: tx, held: held, grant: Grant{
		Action: r.Action, Subject: r.Subject, Collection: r.Collection, Fields: slices.Clone(r.Fields), Purpose: r.Purpose,
		Mask: mask, Statement: q.statement, Entry: entry, Clauses: yes.clauses, At: now, Aside: r.Aside,
		kind: r.Actor.Kind, by: r.by(), desk: r.Desk, gag: gag, held: held != nil,
	}}}, nil
}

// masks says how each field is shown: as the rule asks and, until it is
// revealed, as its level asks. Only staff see masked values: a desk works with
// them and the person themself knows them.
func masks(s *statement.Statement, r Request, ruled map[loot.Category]string) map[loot.Field]string {
	if r.by().Kind != loot.Staff {
		return nil
	}
	m := make(map[loot.Field]string, len(r.Fields))
	for _, f := range r.Fields {
		d, _ := s.Field(f)
		c, _ := s.Category(d.Category)
		l, _ := s.Level(c.Level)
		m[f] = ruled[d.Category]
		if !r.Unmask {
			m[f] = stricterMask(m[f], l.Mask)
		}
	}
	return m
}

// covered returns which of the fields a mask covers.
func covered(fields []loot.Field, mask map[loot.Field]string) (out []loot.Field) {
	for _, f := range fields {
		if how := mask[f]; how == "partly" || how == "fully" {
			out = append(out, f)
		}
	}
	return out
}

// input gathers what the decision depends on: one record a category, what
// stands about the person, and the facts that the action's rules read.
func (g *Gate) input(ctx context.Context, tx *store.Tx, s *statement.Statement, r Request, now time.Time) (statement.Input, []statement.Record, error) {
	in := statement.Input{
		Action: r.Action,
		Actor:  statement.Actor{Kind: r.Actor.Kind},
		Item:   r.Item,
		Context: statement.Context{
			Purpose: r.Purpose, Now: now, Demanded: r.Demanded, Entered: r.Entered, Agreed: r.Agreed, Sent: r.Sent,
			Request: r.Asked, Topic: r.Topic, Sender: r.Sender, Region: r.Region, Contextual: r.Contextual,
			FullAddr: r.FullAddress, Group: r.Group, Statement: s.Hash(),
		},
	}
	switch r.Actor.Kind {
	case loot.Staff:
		in.Actor.Roles = r.Actor.Roles
	case loot.Desk:
		in.Actor.Desk = r.Actor.ID
	case loot.Person:
		in.Actor.Own = r.Actor.ID != "" && loot.Subject(r.Actor.ID) == r.Subject
	case loot.Partner:
		in.Actor.Key = r.Actor.ID
		if err := g.partner(ctx, tx, r, &in); err != nil {
			return in, nil, err
		}
	case loot.Sponsorer:
		in.Actor.Key = r.Actor.ID
	case loot.Visitor:
		in.Actor = r.Visitor
		in.Actor.Kind = loot.Visitor
	}
	var state personState
	if r.Subject != "" {
		var err error
		if state, err = g.held(ctx, tx, r.Subject, r.Action == loot.Collect); err != nil {
			return in, nil, err
		}
		in.Person = state.input(now)
		// Only erasure reads it, and what was decided by is in every receipt: there
		// the person would see that something is kept from them.
		in.Context.Hold = r.Action == loot.Erase && state.heldUntil().After(now)
		if r.Action == loot.Erase {
			in.Person.Permissions = state.given()
		}
	}
	records, err := g.records(s, r, state)
	if err != nil {
		return in, nil, err
	}
	for _, f := range g.needed(s, r.Action) {
		if err := f(ctx, tx, r, &in); err != nil {
			return in, nil, fmt.Errorf("gate: a fact for %s: %w", r.Action, err)
		}
	}
	return in, records, nil
}

// A readers key names the facts that the rules about an action read.
type readers struct {
	statement *statement.Statement
	action    loot.Action
}

// needed returns who is asked for what the rules about an action read.
func (g *Gate) needed(s *statement.Statement, a loot.Action) []FactFunc {
	if found, ok := g.asked.Load(readers{s, a}); ok {
		return found.([]FactFunc)
	}
	var out []FactFunc
	for _, name := range s.Facts(a) {
		out = append(out, g.facts[name]...)
	}
	g.asked.Store(readers{s, a}, out)
	return out
}

// records groups the fields by category.
func (g *Gate) records(s *statement.Statement, r Request, state personState) ([]statement.Record, error) {
	if len(r.Fields) == 0 {
		return []statement.Record{{Collection: r.Collection}}, nil
	}
	given := s
	if v, ok := g.version(state.Given); ok && r.Action != loot.Collect {
		given = v.Statement
	}
	var out []statement.Record
	for _, f := range r.Fields {
		d, ok := s.Field(f)
		if !ok || !slices.Contains(d.Collections, r.Collection) {
			return nil, loot.Errorf(loot.Invalid, "The statement declares no field %q in this collection.", string(f))
		}
		c, ok := s.Category(d.Category)
		if !ok {
			return nil, fmt.Errorf("gate: field %s: no category %q", f, d.Category)
		}
		purposes, disputed := givenFor(d, s, given, state), state.disputed(f)
		if r.Aside {
			purposes, disputed = nil, false
		}
		i := slices.IndexFunc(out, func(rec statement.Record) bool { return rec.Category == d.Category })
		if i < 0 {
			out = append(out, statement.Record{
				Collection: r.Collection, Category: d.Category, Level: c.Level, Purposes: purposes,
				Identifying: d.Identifying, Disputed: disputed, Since: d.Since, Sponsors: r.Sponsors,
			})
			continue
		}
		rec := &out[i]
		if r.Action == loot.Erase { // none of the fields may be needed; else each has to have been given for it
			rec.Purposes = append(rec.Purposes, purposes...)
			slices.Sort(rec.Purposes)
			rec.Purposes = slices.Compact(rec.Purposes)
		} else {
			rec.Purposes = slices.DeleteFunc(rec.Purposes, func(p loot.Purpose) bool { return !slices.Contains(purposes, p) })
		}
		rec.Identifying, rec.Disputed = rec.Identifying || d.Identifying, rec.Disputed || disputed
		if d.Since.After(rec.Since) {
			rec.Since = d.Since
		}
	}
	return out, nil
}

// givenFor returns what a field was given for: what the version declared under
// which it was given, and of later additions those that the person permitted
// and those that a law puts on the company, such as letting people reach their
// record. Neither of them permits a use by itself.
func givenFor(d statement.FieldDecl, now, given *statement.Statement, state personState) []loot.Purpose {
	old, asked := given.Field(d.ID)
	allowed := state.given()[self]
	out := make([]loot.Purpose, 0, len(d.Needed))
	for p := range d.Needed {
		_, before := old.Needed[p]
		if !asked || before || slices.Contains(allowed, p) || isDuty(now, p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

func isDuty(s *statement.Statement, p loot.Purpose) bool {
	d, ok := s.Purpose(p)
	return ok && d.Basis == "duty"
}

// entry describes a decision for the ledger.
func (g *Gate) entry(s *statement.Statement, r Request, in statement.Input, records []statement.Record, clauses []loot.Clause, verdict string) ledger.Entry {
	in.Record = statement.Record{}
	input, err := json.Marshal(decided{in, records})
	if err != nil {
		panic(err) // plain values encode
	}
	by := r.by()
	e := ledger.Entry{
		Facts: ledger.Facts{
			At: in.Context.Now, Action: r.Action, Purpose: r.Purpose, Verdict: verdict, Clauses: clauses, Statement: s.Hash(),
			ActorKind: r.Actor.Kind, Role: roleFor(s, by, r.Purpose), Desk: r.Desk, Collection: r.Collection,
			Fields: len(r.Fields), Input: input,
		},
		Actor: ledger.ActorFacet{ID: by.ID, Name: by.Name, Reason: r.Reason},
	}
	if in.Context.Case != "" { // what names no case is not kept: it could name the person, and outlives them
		e.Actor.Case = r.Case
	}
	if by.Program {
		e.Facts.Note = ByToken
	}
	switch r.Actor.Kind {
	case loot.Partner, loot.Authority, loot.Court, loot.Sponsorer:
		e.Facts.Recipient = string(r.Actor.Kind)
		if to, ok := s.Recipient(r.Actor.ID); ok {
			e.Facts.Country = to.Country
		}
	}
	if r.Subject != "" {
		e.Subject = &ledger.SubjectFacet{Subject: r.Subject, Collection: r.Collection, Fields: r.Fields, Recipient: r.Recipient, Told: r.Told}
		if e.Facts.Recipient != "" && r.Recipient == "" {
			e.Subject.Recipient = r.Actor.ID
		}
	}
	return e
}

// The notes of entries about decisions.
const (
	ByToken  = "token"            // a program did it, by somebody's token
	Unagreed = "approval.missing" // refused, and permitted once others agree
)

// roleFor returns the role in which a member of staff acts for the purpose.
func roleFor(s *statement.Statement, a loot.Actor, p loot.Purpose) loot.Role {
	if a.Kind != loot.Staff {
		return ""
	}
	for _, id := range a.Roles {
		if d, ok := s.Role(id); ok && slices.Contains(d.Purposes, p) {
			return id
		}
	}
	if len(a.Roles) > 0 {
		return a.Roles[0]
	}
	return ""
}
