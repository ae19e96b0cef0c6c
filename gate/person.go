package gate

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"loot"
	"loot/job"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// personState is what the gate keeps about a person: nothing they said about
// themself, only what they permit and what they ordered.
type personState struct {
	Given       string                    `json:"given,omitempty"`     // hash of the version under which they last gave data or ordered
	Orders      map[string]order          `json:"orders,omitempty"`    // by the reference of the service
	Permissions map[string][]loot.Purpose `json:"permits,omitempty"`   // recipient key to purposes
	Assumed     []loot.Purpose            `json:"assumed,omitempty"`   // of what the company itself is permitted: by the statement, not by them
	Declined    []loot.Purpose            `json:"declined,omitempty"`  // that they refused the company itself before they ever permitted them
	Withdrawn   map[loot.Purpose]int64    `json:"withdrawn,omitempty"` // when a permission for the purpose was last taken back, microseconds
	Objected    []loot.Purpose            `json:"objected,omitempty"`  // purposes
	Frozen      map[string][]loot.Field   `json:"frozen,omitempty"`    // by what it waits for: which fields are; none: all there is
	Confirmed   bool                      `json:"confirmed,omitempty"`
	ConfirmedAt int64                     `json:"confirmed_at,omitempty"` // microseconds
	Hold        int64                     `json:"hold,omitempty"`         // a preservation order stands until, microseconds
	Gag         int64                     `json:"gag,omitempty"`          // what a gag hides is kept until, microseconds
}

// An order is a service that somebody ordered.
type order struct {
	Purposes []loot.Purpose `json:"for"`              // that the contract needs
	Duties   []duty         `json:"duties,omitempty"` // that the law keeps after its end
	Ended    int64          `json:"ended,omitempty"`  // microseconds; 0: runs
}

type duty struct {
	Purpose loot.Purpose `json:"p"`
	Until   int64        `json:"u,omitempty"` // microseconds
}

// heldUntil returns until when the person's records are kept from erasure.
func (p personState) heldUntil() time.Time { return store.Instant(max(p.Hold, p.Gag)) }

// restricted reports whether all that is held of the person is frozen.
func (p personState) restricted() bool {
	for _, fields := range p.Frozen {
		if len(fields) == 0 {
			return true
		}
	}
	return false
}

// disputed reports whether a field is frozen by itself.
func (p personState) disputed(f loot.Field) bool {
	for _, fields := range p.Frozen {
		if slices.Contains(fields, f) {
			return true
		}
	}
	return false
}

// input returns the state as the rules read it.
func (p personState) input(now time.Time) statement.Person {
	out := statement.Person{Permissions: p.Permissions, Objected: p.Objected, Restricted: p.restricted(), Confirmed: p.Confirmed}
	for _, o := range p.Orders {
		if o.Ended == 0 {
			out.Ordered = append(out.Ordered, o.Purposes...)
		}
		for _, d := range o.Duties {
			if o.Ended == 0 || d.Until > now.UnixMicro() {
				out.Duties = append(out.Duties, d.Purpose)
			}
		}
	}
	slices.Sort(out.Ordered)
	out.Ordered = slices.Compact(out.Ordered)
	slices.Sort(out.Duties)
	out.Duties = slices.Compact(out.Duties)
	return out
}

// A locked person is one whose state this transaction read under a lock.
type locked loot.Subject

// A lockedState is what a transaction keeps of a locked person.
type lockedState struct {
	personState
	written bool // by this transaction, so that nobody else can read it meanwhile
	added   bool // and its row is to be inserted yet
}

// held returns the state of a person, which nobody changes before tx ends.
// Whoever gives something for the first time gets a row here: without one there
// would be nothing to lock.
func (g *Gate) held(ctx context.Context, tx *store.Tx, s loot.Subject, collects bool) (personState, error) {
	if kept, ok := tx.Kept(locked(s)).(lockedState); ok {
		return kept.personState, nil
	}
	made := false
	if collects { // most of those from whom something is collected are new
		n, err := tx.Exec(ctx, newPerson, s)
		if err != nil {
			return personState{}, fmt.Errorf("gate: person: %w", err)
		}
		made = n == 1
	}
	var p personState
	known := made
	if !made {
		var err error
		if p, known, err = g.person(ctx, tx, s, tx.ForShare()); err != nil {
			return personState{}, err
		}
	}
	if known {
		tx.Keep(locked(s), lockedState{personState: p, written: made})
	}
	return p, nil
}

// Lock has everybody else wait for a person's state until tx ends. What ends with
// [Gate.Forget] begins with it: two who had read the state before would wait for each other.
func (g *Gate) Lock(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	p, known, err := g.person(ctx, tx, s, tx.ForUpdate())
	if err == nil && known {
		tx.Keep(locked(s), lockedState{personState: p})
	}
	return err
}

const newPerson = `INSERT INTO gate_person (subject, state, version) VALUES ($1, '{}', 0) ON CONFLICT (subject) DO NOTHING`

func (g *Gate) person(ctx context.Context, tx *store.Tx, s loot.Subject, lock string) (p personState, known bool, err error) {
	var text string
	err = tx.QueryRow(ctx, `SELECT state FROM gate_person WHERE subject = $1`+lock, s).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return personState{}, false, nil
	}
	if err != nil {
		return personState{}, false, fmt.Errorf("gate: person: %w", err)
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return personState{}, false, fmt.Errorf("gate: state of a person: %w", err)
	}
	return p, true, nil
}

// change rewrites a person's row under an exclusive lock: a decision that
// already read it commits first, one that comes later sees the new row.
func (g *Gate) change(ctx context.Context, tx *store.Tx, s loot.Subject, f func(*personState)) error {
	kept, _ := tx.Kept(locked(s)).(lockedState)
	p := kept.personState
	if kept.added {
		if err := tx.Flush(ctx); err != nil {
			return fmt.Errorf("gate: person: %w", err)
		}
	}
	if !kept.written {
		if err := tx.Queue(ctx, newPerson, s); err != nil {
			return fmt.Errorf("gate: person: %w", err)
		}
		var err error
		if p, _, err = g.person(ctx, tx, s, tx.ForUpdate()); err != nil {
			return err
		}
	}
	f(&p)
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("gate: person: %w", err)
	}
	tx.Keep(locked(s), lockedState{personState: p, written: true})
	if err := tx.Queue(ctx, `UPDATE gate_person SET state = $1, version = version + 1 WHERE subject = $2`, string(b), s); err != nil {
		return fmt.Errorf("gate: person: %w", err)
	}
	return nil
}

// A Choice is a permission that a person gives or withdraws.
type Choice struct {
	Subject    loot.Subject
	Collection loot.Collection
	By         loot.Actor
	Offer      string // id of an offer of the statement in force
}

// Permit gives the permission of an offer, from the moment tx commits.
func (g *Gate) Permit(ctx context.Context, tx *store.Tx, c Choice) error {
	return g.choose(ctx, tx, c, "permission.given", func(p *personState, o statement.Offer) {
		p.settle(o)
		p.permit(o.Recipient, o.Purpose)
		p.Objected = slices.DeleteFunc(p.Objected, func(x loot.Purpose) bool { return x == o.Purpose })
	})
}

// permissionWithdrawn is the note of a permission that was taken back.
const permissionWithdrawn = "permission.withdrawn"

// Withdraw takes the permission of an offer back: no use commits after tx. Whoever
// listens to the notice "permission.withdrawn" is told as "subject purpose recipient".
func (g *Gate) Withdraw(ctx context.Context, tx *store.Tx, c Choice) error {
	return g.choose(ctx, tx, c, permissionWithdrawn, func(p *personState, o statement.Offer) {
		if !slices.Contains(p.Permissions[o.Recipient], o.Purpose) {
			return // what was not given does not end
		}
		p.settle(o)
		p.forbid(o.Recipient, o.Purpose)
		if p.Withdrawn == nil {
			p.Withdrawn = map[loot.Purpose]int64{}
		}
		p.Withdrawn[o.Purpose] = g.Now().UnixMicro()
	})
}

// Decline records that a person refused a permission that they never gave: no
// statement assumes it of them. One that stands, or was withdrawn, is not touched.
func (g *Gate) Decline(ctx context.Context, tx *store.Tx, c Choice) error {
	return g.choose(ctx, tx, c, notedDeclined, func(p *personState, o statement.Offer) {
		if o.Recipient == self && !p.chose(o.Purpose) && !slices.Contains(p.Assumed, o.Purpose) {
			p.Declined = append(slices.Clone(p.Declined), o.Purpose)
		}
	})
}

func (g *Gate) choose(ctx context.Context, tx *store.Tx, c Choice, note string, f func(*personState, statement.Offer)) error {
	v, ok := g.at(g.Now())
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	offer, ok := v.Statement.Offer(c.Offer)
	if !ok {
		return loot.Errorf(loot.Invalid, "The statement in force offers no such permission.")
	}
	if err := g.changePurposes(ctx, tx, c.Subject, c.Collection, func(p *personState) { f(p, offer) }); err != nil {
		return err
	}
	if err := g.noteAbout(ctx, tx, v, c.Subject, c.Collection, c.By, note, offer.Clause, offer.Purpose, offer.Recipient); err != nil || note != permissionWithdrawn {
		return err
	}
	return g.Jobs.Publish(ctx, tx, job.Notice{Name: note, ID: string(c.Subject) + " " + string(offer.Purpose) + " " + offer.Recipient})
}

// Object records that a person objects to a purpose that rests on an interest
// or on cooperation. Whoever listens to the notice "objection.made" is told as "subject
// purpose".
func (g *Gate) Object(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, by loot.Actor, p loot.Purpose, objects bool) error {
	v, ok := g.at(g.Now())
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	decl, ok := v.Statement.Purpose(p)
	if !ok {
		return loot.Errorf(loot.Invalid, "The statement declares no such purpose.")
	}
	note := "objection.withdrawn"
	if objects {
		note = "objection.made"
	}
	if err := g.change(ctx, tx, s, func(st *personState) {
		st.Objected = slices.DeleteFunc(st.Objected, func(x loot.Purpose) bool { return x == p })
		if objects {
			st.Objected = append(st.Objected, p)
		}
	}); err != nil {
		return err
	}
	if err := g.noteAbout(ctx, tx, v, s, c, by, note, decl.Clause, p, ""); err != nil || !objects {
		return err
	}
	return g.Jobs.Publish(ctx, tx, job.Notice{Name: note, ID: string(s) + " " + string(p)})
}

// An Ordered service is the permission for the purposes its contract needs.
type Ordered struct {
	Subject    loot.Subject
	Collection loot.Collection
	By         loot.Actor
	Reference  string // of the service, given by the desk that keeps it
	Service    string // id in the statement
}

// Order records that a service was ordered. The purposes that it needs are
// permitted until [Gate.EndOrder], those that rest on a legal duty for their
// retention beyond.
func (g *Gate) Order(ctx context.Context, tx *store.Tx, o Ordered) error {
	v, ok := g.at(g.Now())
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	made, err := permits(v.Statement, o.Service)
	if err != nil {
		return err
	}
	if err := g.changePurposes(ctx, tx, o.Subject, o.Collection, func(p *personState) {
		if p.Orders == nil {
			p.Orders = map[string]order{}
		}
		p.Orders[o.Reference] = made
		p.Given = v.Statement.Hash()
	}); err != nil {
		return err
	}
	return g.noteAbout(ctx, tx, v, o.Subject, o.Collection, o.By, "service.ordered", "disclosure.permission", "", "")
}

// permits returns what ordering a service of a statement permits.
func permits(s *statement.Statement, id string) (made order, err error) {
	service, ok := s.Service(id)
	if !ok {
		return made, loot.Errorf(loot.Invalid, "The statement in force declares no such service.")
	}
	for _, id := range service.Purposes {
		p, ok := s.Purpose(id)
		switch {
		case !ok:
			return made, fmt.Errorf("gate: service %s: no purpose %q", service.ID, id)
		case p.Basis == "duty":
			made.Duties = append(made.Duties, duty{Purpose: id})
		default:
			made.Purposes = append(made.Purposes, id)
		}
	}
	return made, nil
}

// end ends an order at a time: its contract's purposes then, its legal duties
// when their retention has passed.
func (o *order) end(s *statement.Statement, at time.Time) {
	o.Ended = at.UnixMicro()
	for i, d := range o.Duties {
		if decl, ok := s.Purpose(d.Purpose); ok {
			o.Duties[i].Until = decl.Keep.After(at.UTC()).UnixMicro()
		}
	}
}

// EndOrder ends a service: its contract's purposes end now, its legal duties
// when their retention has passed.
func (g *Gate) EndOrder(ctx context.Context, tx *store.Tx, o Ordered) error {
	v, ok := g.at(g.Now())
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	now := g.Now()
	found := false
	if err := g.changePurposes(ctx, tx, o.Subject, o.Collection, func(p *personState) {
		made, ok := p.Orders[o.Reference]
		if !ok || made.Ended != 0 {
			return
		}
		found = true
		made.end(v.Statement, now)
		p.Orders[o.Reference] = made
	}); err != nil {
		return err
	}
	if !found {
		return loot.Errorf(loot.Conflict, "This service has ended already.")
	}
	return g.noteAbout(ctx, tx, v, o.Subject, o.Collection, o.By, "service.ended", "disclosure.permission", "", "")
}

// Fulfil ends duties before their time, of services that have ended: what the law asked for
// is done, as when the last invoice is written.
func (g *Gate) Fulfil(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection, duties ...loot.Purpose) error {
	now := g.Now().UnixMicro()
	return g.changePurposes(ctx, tx, s, c, func(p *personState) {
		for reference, o := range p.Orders {
			o.Duties = slices.Clone(o.Duties)
			for i, d := range o.Duties {
				if slices.Contains(duties, d.Purpose) {
					o.Duties[i].Until = min(d.Until, now) // none yet of a service that runs
				}
			}
			p.Orders[reference] = o
		}
	})
}

// Freeze has something of a person kept and left alone from the moment tx commits
// until [Gate.Thaw]: the fields named or, without one, all that is held of them.
// Rules read the first as resource.disputed, the second as
// resource.subject.restricted, and say what may still be done. The reference is of
// what it waits for, such as a case; what is frozen for two ends with the second.
// The caller notes it in the ledger, in the words of its own subject.
func (g *Gate) Freeze(ctx context.Context, tx *store.Tx, s loot.Subject, reference string, fields ...loot.Field) error {
	return g.change(ctx, tx, s, func(p *personState) {
		p.Frozen = maps.Clone(p.Frozen)
		if p.Frozen == nil {
			p.Frozen = map[string][]loot.Field{}
		}
		p.Frozen[reference] = slices.Clone(fields)
	})
}

// Thaw ends what [Gate.Freeze] began under a reference. What was never frozen is
// no error.
func (g *Gate) Thaw(ctx context.Context, tx *store.Tx, s loot.Subject, reference string) error {
	return g.change(ctx, tx, s, func(p *personState) {
		p.Frozen = maps.Clone(p.Frozen)
		delete(p.Frozen, reference)
	})
}

// Confirm records that the address that a person has now is theirs.
func (g *Gate) Confirm(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	return g.change(ctx, tx, s, func(p *personState) { p.Confirmed, p.ConfirmedAt = true, g.Now().UnixMicro() })
}

// Unconfirm records that the address that was confirmed is not there any more.
func (g *Gate) Unconfirm(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	return g.change(ctx, tx, s, func(p *personState) { p.Confirmed, p.ConfirmedAt = false, 0 })
}

// Hold keeps a person's records from erasure until a time; the zero time ends it.
func (g *Gate) Hold(ctx context.Context, tx *store.Tx, s loot.Subject, until time.Time) error {
	return g.change(ctx, tx, s, func(p *personState) {
		p.Hold = 0
		if !until.IsZero() {
			p.Hold = until.UnixMicro()
		}
	})
}

// tellWithin is how long, after the end of a gag, the person's records are still
// kept, so that the notice which waited for it finds whom to tell.
const tellWithin = 24 * time.Hour

// keepUnderGag keeps a person's records from erasure while a gag stands, if one
// does: whoever is erased is told nothing when it ends. It ends by itself.
func (g *Gate) keepUnderGag(ctx context.Context, tx *store.Tx, s loot.Subject, gag time.Time) error {
	if gag.IsZero() || s == "" {
		return nil
	}
	// Nothing is kept of somebody who is not there, or not any longer.
	if _, known, err := g.person(ctx, tx, s, tx.ForUpdate()); err != nil || !known {
		return err
	}
	return g.change(ctx, tx, s, func(p *personState) { p.Gag = max(p.Gag, gag.Add(tellWithin).UnixMicro()) })
}

// Forget removes a person's row; their records were erased in the same
// transaction.
func (g *Gate) Forget(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	tx.Keep(locked(s), nil)
	if _, err := tx.Exec(ctx, `DELETE FROM gate_person WHERE subject = $1`, s); err != nil {
		return fmt.Errorf("gate: forget: %w", err)
	}
	return nil
}

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

// A PersonView is what stands about a person, for the portal and the desks.
type PersonView struct {
	Permissions map[string][]loot.Purpose // recipient key to purposes
	Assumed     []loot.Purpose            // of the company's own permissions: those that the statement has stand
	Objected    []loot.Purpose
	Ordered     []loot.Purpose // by running services
	Duties      []loot.Purpose // by legal duties
	Confirmed   bool
	ConfirmedAt time.Time               // zero: not confirmed, or before this was noted
	Given       string                  // hash of the version under which they last gave data or ordered
	Frozen      map[string][]loot.Field // see [Gate.Freeze]: by reference, which fields; none: all there is
}

// Disputed reports whether a field is frozen by itself.
func (v PersonView) Disputed(f loot.Field) bool { return personState{Frozen: v.Frozen}.disputed(f) }

// Permits reports whether the permission of an offer stands.
func (v PersonView) Permits(o statement.Offer) bool {
	return slices.Contains(v.Permissions[o.Recipient], o.Purpose)
}

// Receives returns for which purposes a recipient may be handed something of the person, as
// far as that is theirs to say: by cooperation, unless they object, and by their permission,
// which stands until it is withdrawn, offered or not. The agreement with it decides besides.
func (v PersonView) Receives(to statement.Recipient) (cooperates, permitted []loot.Purpose) {
	if to.Key == self {
		return nil, nil
	}
	cooperates = slices.DeleteFunc(slices.Clone(to.Cooperation), func(p loot.Purpose) bool { return slices.Contains(v.Objected, p) })
	return cooperates, v.Permissions[to.Key]
}

// Person returns what stands about a person; the zero view if nothing does.
func (g *Gate) Person(ctx context.Context, tx *store.Tx, s loot.Subject) (PersonView, error) {
	kept, ok := tx.Kept(locked(s)).(lockedState)
	p := kept.personState
	if !ok {
		var err error
		if p, _, err = g.person(ctx, tx, s, ""); err != nil {
			return PersonView{}, err
		}
	}
	in := p.input(g.Now())
	permissions := maps.Clone(p.Permissions)
	for recipient, given := range permissions { // a change that follows in tx is none of what was seen
		permissions[recipient] = slices.Clone(given)
	}
	return PersonView{
		Permissions: permissions, Assumed: slices.Clone(p.Assumed), Objected: slices.Clone(p.Objected), Ordered: in.Ordered, Duties: in.Duties,
		Confirmed: p.Confirmed, ConfirmedAt: store.Instant(p.ConfirmedAt), Given: p.Given, Frozen: maps.Clone(p.Frozen),
	}, nil
}
