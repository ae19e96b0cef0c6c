package verification

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"loot"
	"loot/gate"
	"loot/job"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// checkArgs asks to check what is held of a customer.
type checkArgs struct {
	Subject loot.Subject `json:"subject"`
}

// Kind names the job.
func (checkArgs) Kind() string { return "verification.check" }

// sweepArgs asks to look for details that are to be checked again and for answers
// that are due.
type sweepArgs struct {
	After loot.Subject `json:"after,omitempty"`
}

// Kind names the job.
func (sweepArgs) Kind() string { return "verification.sweep" }

// changed has a customer's details checked, of which one was given or changed.
func (v *Verification) changed(ctx context.Context, subject string) error {
	return v.check(ctx, checkArgs{loot.Subject(subject)})
}

// check checks what is held of a customer.
func (v *Verification) check(ctx context.Context, a checkArgs) error {
	return v.checkAll(ctx, false, a.Subject)[a.Subject]
}

// An opened record with what else a check goes by.
type opened struct {
	record
	plan      plan
	subject   loot.Subject
	version   int64
	held      map[loot.Field]vault.About
	confirmed time.Time
	found     map[loot.Field][]finding
	opened    bool  // false: there is nothing to check
	unasked   error // why nobody outside could be asked
}

// A plan is what the statement has to say about a check.
type plan struct {
	s       *statement.Statement
	fields  []statement.FieldDecl // of the collection
	checked []statement.FieldDecl // those that can be checked
	address loot.Field            // that letters go to
}

func planOf(s *statement.Statement) plan {
	return plan{s, s.Fields(collection), checked(s), s.AddressField(collection)}
}

// open opens the details that can be checked. Where no service that needs it runs,
// nothing is checked.
func (v *Verification) open(ctx context.Context, tx *store.Tx, all plan, rec *opened) error {
	subject := rec.subject
	*rec = opened{subject: subject, plan: all, record: record{s: all.s, fields: all.fields, values: map[loot.Field]string{}}}
	held, err := v.Vault.Held(ctx, tx, subject, collection)
	if loot.KindOf(err) == loot.NotFound {
		return v.forget(ctx, tx, subject)
	}
	if err != nil {
		return err
	}
	person, err := v.Gate.Person(ctx, tx, subject)
	if err != nil {
		return err
	}
	var fields []loot.Field
	for _, d := range all.checked {
		if _, is := held[d.ID]; is {
			fields = append(fields, d.ID)
		}
	}
	if len(fields) == 0 || !slices.Contains(person.Ordered, purpose) {
		return v.drop(ctx, tx, all.s, subject)
	}
	rec.held = held
	p, err := v.Gate.Decide(ctx, tx, gate.Request{
		Action: loot.Use, Actor: v.actor(), Desk: name, Purpose: purpose, Subject: subject, Collection: collection, Fields: fields,
	})
	if err != nil {
		return err
	}
	o, err := v.Vault.OpenRecord(ctx, tx, p)
	if err != nil {
		return err
	}
	rec.version, rec.confirmed, rec.opened = o.Version, person.ConfirmedAt, true
	for f, value := range o.Values {
		rec.values[f], rec.held[f] = value.Reveal(), value.About //nolint:forbidigo // it is checked
	}
	return nil
}

// drop ends what was to be checked of somebody whose record nobody may open for it
// any longer. What they reported stays until it is answered, or they put it right
// themselves, and so does a fault in what a law still needs: an invoice may wait until a
// colleague finds it right.
func (v *Verification) drop(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject) error {
	asked, err := openRequests(ctx, tx, subject)
	if err != nil {
		return err
	}
	for _, r := range asked {
		if err := answerRequest(ctx, tx, r.ID, v.Now(), nil); err != nil {
			return err
		}
	}
	cases, err := mattersOf(ctx, tx, subject)
	if err != nil {
		return err
	}
	held, err := v.Vault.Held(ctx, tx, subject, collection)
	if err != nil {
		return err
	}
	open, err := v.lasting(ctx, tx, cases, held)
	if err != nil {
		return err
	}
	person, err := v.Gate.Person(ctx, tx, subject)
	if err != nil {
		return err
	}
	for _, m := range open {
		d, _ := s.Field(m.Field)
		kept := slices.ContainsFunc(person.Duties, func(p loot.Purpose) bool { _, needs := d.Needed[p]; return needs })
		if m.Kind == kindMistake || m.Kind == kindCheck && kept {
			continue
		}
		if err := v.moot(ctx, tx, m); err != nil {
			return err
		}
	}
	return rest(ctx, tx, subject)
}

// keep writes down what was found, unless the record was changed meanwhile.
func (v *Verification) keep(ctx context.Context, tx *store.Tx, rec *opened, p past) error {
	subject := rec.subject
	row, err := v.Vault.Row(ctx, tx, subject, collection)
	if err != nil {
		return err
	}
	if row.Version != rec.version {
		return loot.Errorf(loot.Conflict, "The record was changed while it was checked.")
	}
	marks, now := map[loot.Field]vault.Marking{}, v.Now()
	open, err := v.lasting(ctx, tx, p.cases, rec.held)
	if err != nil {
		return err
	}
	for _, d := range rec.plan.checked {
		about, held := rec.held[d.ID]
		if !held {
			continue
		}
		k := known{about: about, before: p.lasts[d.ID], found: rec.found[d.ID]}
		k.requested = slices.ContainsFunc(p.asked, func(r request) bool { return r.Field == "" || r.Field == d.ID })
		if d.ID == rec.plan.address {
			k.confirmed = rec.confirmed
		}
		j := judge(k, now, rec.s.Again(d.Category))
		if p.lasts[d.ID] = j.last; j.Outcome == none {
			delete(p.lasts, d.ID)
		}
		if j.State != about.State {
			marks[d.ID] = vault.Marking{From: about.State, To: j.State}
			if j.State == vault.Expired && !k.confirmed.IsZero() { // only its owner can prove it again
				if err := v.Jobs.Enqueue(ctx, tx, tellArgs{Subject: subject, Since: day(k.confirmed)}); err != nil {
					return err
				}
			}
		}
		if err := v.follow(ctx, tx, subject, d.ID, j, open); err != nil {
			return err
		}
	}
	maps.DeleteFunc(p.lasts, func(f loot.Field, _ last) bool { _, held := rec.held[f]; return !held })
	putLasts(tx, subject, p.lasts)
	if len(marks) > 0 {
		if err := v.Vault.Mark(ctx, tx, subject, collection, rec.version, marks); err != nil {
			return err
		}
	}
	if len(p.asked) == 0 {
		return nil
	}
	return v.settle(ctx, tx, rec.s, subject)
}

// outdated reports whether what a case is about was removed, or given another value,
// since.
func (m matter) outdated(held map[loot.Field]vault.About) bool {
	if m.Line > 0 {
		return false // an invoice never changes
	}
	about, is := held[m.Field]
	return !is || about.At.After(m.Opened)
}

// lasting closes the open cases that are outdated, and returns the others.
func (v *Verification) lasting(ctx context.Context, tx *store.Tx, cases []matter, held map[loot.Field]vault.About) (open []matter, err error) {
	for _, m := range cases {
		switch {
		case !m.Closed.IsZero():
		case m.outdated(held):
			if err := v.moot(ctx, tx, m); err != nil {
				return nil, err
			}
		default:
			open = append(open, m)
		}
	}
	return open, nil
}

// follow opens the case that a judgment asks for. It closes that about a fault which is
// none any longer, and that in which a colleague was to say what no program could tell, once
// a register says that it is right, or a fault is found in its place.
func (v *Verification) follow(ctx context.Context, tx *store.Tx, subject loot.Subject, f loot.Field, j judgment, open []matter) error {
	answered := j.State == vault.Verified || j.Fault
	fault, moot := "", []string(nil) // id of the case about the fault
	for _, m := range open {
		if m.Field == f && m.Kind == kindCheck && j.Fault {
			fault = m.ID
		}
		if m.Field == f && (m.Kind == kindCheck && !j.Fault || (m.Kind == kindAsked || m.Kind == kindOld) && answered) {
			if err := v.moot(ctx, tx, m); err != nil {
				return err
			}
			moot = append(moot, m.ID)
		}
	}
	if j.Case == "" {
		return moveEvidence(ctx, tx, moot, fault)
	}
	why := map[string]string{
		kindAsked: "The customer asks whether this is right, and no program can tell.",
		kindOld:   "A colleague found this right, and that has grown old.",
		kindCheck: j.Result,
	}[j.Case]
	m := v.newMatter(subject, f, j.Case, why)
	fresh, err := insertMatter(ctx, tx, m)
	if err != nil {
		return err
	}
	if fresh && j.Fault {
		fault = m.ID
	}
	return moveEvidence(ctx, tx, moot, fault)
}

// moot closes a case of which nothing is left to decide.
func (v *Verification) moot(ctx context.Context, tx *store.Tx, m matter) error {
	m.Decision, m.Decided = "moot", v.Now()
	return v.close(ctx, tx, m)
}

// close ends a case, and with it the dispute that a report of a mistake began.
func (v *Verification) close(ctx context.Context, tx *store.Tx, m matter) error {
	if m.Kind == kindMistake {
		if err := v.Gate.Thaw(ctx, tx, m.Subject, m.ID); err != nil {
			return err
		}
	}
	m.Closed = v.Now()
	return updateMatter(ctx, tx, m)
}

func (v *Verification) newMatter(s loot.Subject, f loot.Field, kind, why string) matter {
	now := v.Now()
	return matter{ID: loot.NewID("c"), Subject: s, Field: f, Kind: kind, Why: why, Opened: now, Due: now.Add(v.options.Answer)}
}

// settle answers the requests of a customer of which everything is known: no case
// about them is open and no register is still waited for, unless the day is near.
func (v *Verification) settle(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject) error {
	asked, err := openRequests(ctx, tx, subject)
	if err != nil || len(asked) == 0 {
		return err
	}
	held, err := v.Vault.Held(ctx, tx, subject, collection)
	if err != nil {
		return err
	}
	lasts, err := lastOf(ctx, tx, subject)
	if err != nil {
		return err
	}
	cases, err := mattersOf(ctx, tx, subject)
	if err != nil {
		return err
	}
	for _, r := range asked {
		list, ready := []answer{}, true
		for _, d := range checked(s) {
			about, is := held[d.ID]
			if !is || r.Field != "" && r.Field != d.ID {
				continue
			}
			l := lasts[d.ID]
			one := answer{Field: d.ID, State: about.State, Method: l.Method, Result: l.Result}
			if l.Tries > 0 && l.Outcome == proved {
				one.Result = "This was found on " + day(l.At) + ". Who was asked now has not answered yet."
			}
			if l.Tries > 0 && v.Now().Before(r.Due.Add(-v.margin())) {
				ready = false
			}
			for _, m := range cases {
				if m.Field != d.ID {
					continue
				}
				if m.Closed.IsZero() {
					ready = false
				} else if m.Decision != "moot" && !m.Closed.Before(r.Asked) && one.Case == "" {
					one.Case = m.ID
				}
			}
			list = append(list, one)
		}
		if !ready {
			continue
		}
		if err := answerRequest(ctx, tx, r.ID, v.Now(), list); err != nil {
			return err
		}
		if err := v.Jobs.Enqueue(ctx, tx, tellArgs{Subject: subject, Request: r.ID}); err != nil {
			return err
		}
	}
	return nil
}

// margin is how long before its day an answer goes out at the latest, and people
// are reminded.
func (v *Verification) margin() time.Duration { return v.options.Answer / 4 }

// sweepSize is how many customers a sweep has checked at once.
const sweepSize = 4 * together

// sweep has checked again what has grown old or waits for a register, answers
// what cannot wait any longer, and reminds colleagues of cases whose day is near.
func (v *Verification) sweep(ctx context.Context, a sweepArgs) error {
	if a.After == "" {
		if err := v.remind(ctx); err != nil {
			return err
		}
	}
	// Whom a sweep before this one found and nobody came to yet, this one would find
	// again. A sweep that goes on is after them.
	busy := false
	if a.After == "" {
		all, err := v.Jobs.Counts(ctx)
		if err != nil {
			return err
		}
		n := all[dueArgs{}.Kind()]
		busy = n.Waiting+n.Running > 0
	}
	return v.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		var due []loot.Subject
		if !busy {
			if due, err = dueAgain(ctx, tx, v.Now(), a.After, sweepSize); err != nil {
				return err
			}
		}
		for some := range slices.Chunk(due, together) {
			if err := v.Jobs.Enqueue(ctx, tx, dueArgs{some}); err != nil {
				return err
			}
		}
		if len(due) == sweepSize {
			return v.Jobs.Enqueue(ctx, tx, sweepArgs{After: due[len(due)-1]})
		}
		near, err := requests(ctx, tx, `answered = 0 AND due <= $1 ORDER BY due, id LIMIT 1000`, v.Now().Add(v.margin()).UnixMicro())
		if err != nil {
			return err
		}
		for _, r := range near {
			if err := v.Jobs.Enqueue(ctx, tx, checkArgs{r.Subject}, job.Unique()); err != nil {
				return fmt.Errorf("verification: sweep: %w", err)
			}
		}
		return nil
	})
}
