package rights

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
)

// forAccess is the purpose under which people reach what is held about them, and are
// answered when they use a right.
const forAccess loot.Purpose = "access"

// A ground is one on which a restriction can be asked for (GDPR Article 18(1)), in the
// words of whoever asks and in those for staff.
type ground struct{ id, title, staff string }

var grounds = []ground{
	{"accuracy", "Something in it is wrong", "They say that something in it is wrong"},
	{"unlawful", "You should not have it, and I would rather have it frozen than erased", "They say that we should not have it, and want it frozen rather than erased"},
	{"claims", "You need it no longer, and I need it for a legal claim", "We need it no longer, and they need it for a legal claim"},
	{"objection", "I have objected, and your answer is open", "They objected, and our answer is open"},
}

func groundOf(id string) ground {
	for _, g := range grounds {
		if g.id == id {
			return g
		}
	}
	return ground{}
}

// The times that the law gives (GDPR Article 12(3)), in months.
const (
	toAnswer = 1
	toExtend = 2
	// remindBefore is how long before the day colleagues are reminded.
	remindBefore = 7 * day
)

// monthsAfter returns the same day so many months later, or the last of its month where
// there is no such day, as periods of the Union are counted (Regulation 1182/71, Article 3).
func monthsAfter(t time.Time, months int) time.Time {
	t = t.UTC()
	then := t.AddDate(0, months, 0)
	if then.Day() != t.Day() {
		then = then.AddDate(0, 0, -then.Day())
	}
	return then
}

// dueAfter returns by when something is answered: such a period ends with its last day.
func dueAfter(t time.Time, months int) time.Time {
	return desk.DayOf(monthsAfter(t, months)).Add(day - time.Microsecond)
}

var errHasNone = loot.Errorf(loot.Conflict, "The statement in force has no rule that would leave your record alone, so that it cannot be frozen. Please write to us.")

// restrict has a person's record kept and left alone from now on, and has a colleague
// answer.
func (d *Rights) restrict(ctx context.Context, tx *store.Tx, s *statement.Statement, me loot.Actor, ground, text string) (request, error) {
	r, err := d.open(ctx, tx, me, request{Kind: restriction, Ground: ground}, text)
	if err != nil {
		return r, err
	}
	return r, d.begin(ctx, tx, s, me, r)
}

// begin has what was asked for count from now on.
func (d *Rights) begin(ctx context.Context, tx *store.Tx, s *statement.Statement, me loot.Actor, r request) error {
	if r.Kind == objection {
		return d.Gate.Object(ctx, tx, r.Subject, collection, me, r.Purpose, true)
	}
	clause := restricting(s, d.Now())
	if clause == "" {
		return errHasNone
	}
	if err := d.Gate.Freeze(ctx, tx, r.Subject, r.ID); err != nil {
		return err
	}
	return d.Gate.NoteAbout(ctx, tx, r.Subject, collection, me, "restriction.made", clause)
}

// object ends the use for a purpose from now on, and has a colleague answer.
func (d *Rights) object(ctx context.Context, tx *store.Tx, s *statement.Statement, me loot.Actor, p loot.Purpose, text string) (request, error) {
	r, err := d.open(ctx, tx, me, request{Kind: objection, Purpose: p}, text)
	if err != nil {
		return r, err
	}
	return r, d.begin(ctx, tx, s, me, r)
}

// open keeps what a person asks for. What they asked for before by letter, and have not
// confirmed, they confirm by it.
func (d *Rights) open(ctx context.Context, tx *store.Tx, me loot.Actor, r request, text string) (request, error) {
	now := d.Now()
	r.ID, r.Subject, r.Opened, r.Due = loot.NewID("q"), loot.Subject(me.ID), now, dueAfter(now, toAnswer)
	fresh, err := insertRequest(ctx, tx, r)
	if err != nil {
		return r, err
	}
	if !fresh {
		before, found, err := counting(ctx, tx, r.Subject, r.Kind, r.Purpose)
		if err != nil {
			return r, err
		}
		if !found || before.Confirm.IsZero() {
			return r, loot.Errorf(loot.Conflict, "You have asked for this already, and it counts.")
		}
		before.Ground, before.Confirm = r.Ground, time.Time{}
		if r = before; text != "" {
			if err := d.notes.Add(ctx, tx, r.ID, desk.Note{At: now, Kind: "asked", Text: text}); err != nil {
				return r, err
			}
		}
		if err := updateRequest(ctx, tx, r); err != nil {
			return r, err
		}
		r.Version++
		return r, nil
	}
	if text == "" {
		return r, nil
	}
	return r, d.notes.Add(ctx, tx, r.ID, desk.Note{At: now, Kind: "asked", Text: text})
}

// takeBack ends what a person asked for, at their wish.
func (d *Rights) takeBack(ctx context.Context, tx *store.Tx, me loot.Actor, kind string, p loot.Purpose) error {
	r, counts, err := counting(ctx, tx, loot.Subject(me.ID), kind, p)
	if err != nil {
		return err
	}
	counts = counts && r.Confirm.IsZero()
	if !counts && kind == objection { // one made before this desk kept them
		return d.Gate.Object(ctx, tx, loot.Subject(me.ID), collection, me, p, false)
	}
	if !counts {
		return loot.Errorf(loot.NotFound, "There is nothing of this kind to take back.")
	}
	if r.Closed.IsZero() {
		r.Closed = d.Now()
	}
	r.Decision = withdrawn
	return d.end(ctx, tx, r, me)
}

// end stops that a request counts.
func (d *Rights) end(ctx context.Context, tx *store.Tx, r request, by loot.Actor) error {
	r.Ended = d.Now()
	if err := updateRequest(ctx, tx, r); err != nil {
		return err
	}
	if r.Kind == objection {
		return d.Gate.Object(ctx, tx, r.Subject, collection, by, r.Purpose, false)
	}
	if err := d.Gate.Thaw(ctx, tx, r.Subject, r.ID); err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	return d.Gate.NoteAbout(ctx, tx, r.Subject, collection, by, "restriction.ended", restricting(s, d.Now()))
}

// A ruling is what a colleague decides about a request.
type ruling struct {
	Decision string // granted, refused, lifted; "extend": more time is needed
	Reason   string // its owner reads it
}

// rule answers a request, or takes more time once. What is refused or lifted counts until
// its owner was told (GDPR Article 18(3)).
func (d *Rights) rule(ctx context.Context, tx *store.Tx, r request, by loot.Actor, how ruling) error {
	now, kind := d.Now(), "reason"
	switch open := r.Closed.IsZero(); {
	case !r.Ended.IsZero():
		return loot.Errorf(loot.Conflict, "This request has ended. There is nothing left to decide.")
	case how.Decision == "extend" && (!open || !r.Extended.IsZero()):
		return loot.Errorf(loot.Conflict, "The time of a request can be extended once, while it is open.")
	case how.Decision == "extend":
		r.Extended, r.Due, r.Reminded, kind = now, dueAfter(r.Opened, toAnswer+toExtend), time.Time{}, "extension"
	case how.Decision == lifted && (open || r.Decision != granted):
		return loot.Errorf(loot.Conflict, "Only what was granted can be lifted.")
	case how.Decision != lifted && !open:
		return loot.Errorf(loot.Conflict, "This request is decided already.")
	default:
		r.Decision, r.Decider = how.Decision, by.ID
		if open {
			r.Closed = now
		}
		if !r.proved() {
			r.Ended = now // nothing of it ever counted
		}
	}
	if err := d.notes.Add(ctx, tx, r.ID, desk.Note{At: now, Author: by.ID, Kind: kind, Text: how.Reason}); err != nil {
		return err
	}
	if err := updateRequest(ctx, tx, r); err != nil {
		return err
	}
	if err := d.record(ctx, tx, r, by, "request.answered"); err != nil || r.Subject == "" {
		return err
	}
	return d.Jobs.Enqueue(ctx, tx, tellArgs{Request: r.ID, Step: kind + r.Decision})
}

// record has the ledger keep what was done with a request.
func (d *Rights) record(ctx context.Context, tx *store.Tx, r request, by loot.Actor, note string) error {
	if r.Subject != "" {
		return d.Gate.NoteAbout(ctx, tx, r.Subject, collection, by, note, "")
	}
	_, err := d.Gate.Note(ctx, tx, by, note, r.ID)
	return err
}

// restricting returns the clause by which a record is left alone whose owner asked for
// it: one that then refuses what is permitted otherwise. Empty: the statement in force
// has none.
func restricting(s *statement.Statement, now time.Time) loot.Clause {
	for _, v := range frozenUses(s, now) {
		if clause := refusing(v); clause != "" {
			return clause
		}
	}
	return ""
}

func refusing(v statement.Verdict) loot.Clause {
	if v.Allowed || len(v.Clauses) == 0 {
		return ""
	}
	return v.Clauses[0]
}

// frozen returns what [restricting] does, and says in a sentence for what a record is used
// on that its owner had frozen. Every use is decided for it, so it does both at once.
func frozen(s *statement.Statement, now time.Time) (clause loot.Clause, goesOn string) {
	on := map[loot.Purpose]bool{}
	for p, v := range frozenUses(s, now) {
		on[p] = on[p] || v.Allowed
		clause = cmp.Or(clause, refusing(v))
	}
	var titles []string
	for _, p := range s.Purposes() {
		if on[p.ID] {
			titles = append(titles, loot.LowerFirst(p.Title))
		}
	}
	if len(titles) == 0 {
		return clause, "It is kept and left alone."
	}
	return clause, "It is kept and left alone. These go on: " + strings.Join(titles, ", ") + "."
}

// frozenUses gives what is decided about a frozen record, for each purpose of a part of
// the program that may use it otherwise.
func frozenUses(s *statement.Statement, now time.Time) iter.Seq2[loot.Purpose, statement.Verdict] {
	return func(yield func(loot.Purpose, statement.Verdict) bool) {
		fields := s.Fields(collection) // a copy
		for _, one := range s.Desks() {
			for _, p := range one.Purposes {
				for _, f := range fields {
					if _, needed := f.Needed[p]; !needed {
						continue
					}
					c, _ := s.Category(f.Category)
					in := statement.Input{
						Action: loot.Use, Actor: statement.Actor{Kind: loot.Desk, Desk: one.Name}, Context: statement.Context{Purpose: p, Now: now, Statement: s.Hash()},
						Person: statement.Person{Ordered: []loot.Purpose{p}, Permissions: map[string][]loot.Purpose{"self": {p}}, Confirmed: true},
						Record: statement.Record{Collection: collection, Category: f.Category, Level: c.Level, Purposes: []loot.Purpose{p}, Identifying: f.Identifying},
					}
					if !s.Decide(&in).Allowed {
						continue
					}
					if in.Person.Restricted = true; !yield(p, s.Decide(&in)) {
						return
					}
					break
				}
			}
		}
	}
}

// objectable lists the purposes that somebody can object to: those that rest on an
// interest of the company, unless another collection alone serves them, and those for
// which partners cooperate.
func objectable(s *statement.Statement) []statement.Purpose {
	return slices.DeleteFunc(s.Purposes(), func(p statement.Purpose) bool { return !canObject(s, p) })
}

func canObject(s *statement.Statement, p statement.Purpose) bool {
	if len(cooperators(s, p.ID)) > 0 {
		return true
	}
	if p.Basis != "interest" {
		return false
	}
	elsewhere := false
	for _, c := range s.Collections() {
		if slices.Contains(c.Purposes, p.ID) {
			if c.ID == collection {
				return true
			}
			elsewhere = true
		}
	}
	return !elsewhere
}

// marketing are the terms of the DPV by which a statement says that a purpose is direct
// marketing.
var marketing = []string{"dpv:Marketing", "dpv:DirectMarketing", "dpv:SocialMediaMarketing", "dpv:Advertising", "dpv:PersonalisedAdvertising", "dpv:TargetedAdvertising"}

// againstMarketing reports whether a request is an objection to direct marketing, which no
// reason outweighs (GDPR Article 21(3)).
func againstMarketing(s *statement.Statement, r request) bool {
	p, _ := s.Purpose(r.Purpose)
	return r.Kind == objection && slices.Contains(marketing, p.DPV)
}

func cooperators(s *statement.Statement, p loot.Purpose) (names []string) {
	for _, r := range s.Recipients() {
		if slices.Contains(r.Cooperation, p) {
			names = append(names, r.Title)
		}
	}
	return names
}
