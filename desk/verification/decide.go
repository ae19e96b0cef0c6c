package verification

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/job"
	"loot/number"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// A ruling is what a colleague decides about a case.
type ruling struct {
	Decision string   // "right", "wrong", "corrected", "refused"
	Value    string   // of a correction
	Again    []string // numbers of the invoices that are written again with it
	Left     int      // of those that say the wrong value, so many were not offered
	Reason   string   // the customer reads it
}

var errUnsigned = loot.Errorf(loot.Denied, "Whoever checks records signs the confidentiality undertaking first. You find it under Undertaking.")

// may refuses whoever has no role that checks records, has not signed, or has no purpose
// for which a detail was given: what a case says of it, and what is decided, is not theirs.
// It does not ask the gate, as a report is decided also once nothing needs the record.
func (v *Verification) may(ctx context.Context, tx *store.Tx, s *statement.Statement, f loot.Field, by loot.Actor) error {
	signed, err := v.staff.Signed(ctx, tx, by.ID)
	_, has := purposeOf(s, f, by)
	switch {
	case err != nil:
		return err
	case signed.IsZero():
		return errUnsigned
	case !checks(s, by):
		return loot.Errorf(loot.Denied, "None of your roles checks records.")
	case !has && whose(s, f) == "":
		return loot.Errorf(loot.Denied, "This detail was not given for any purpose of a role that checks records. Once the statement gives such a role one, whoever has it decides.")
	case !has:
		return loot.Errorf(loot.Denied, "This detail was not given for what you do. Whoever has one of these roles decides: %s.", whose(s, f))
	}
	return nil
}

// decide decides a case or, where the level of the detail asks for a second
// person, keeps what is to be agreed to.
func (v *Verification) decide(ctx context.Context, tx *store.Tx, s *statement.Statement, m matter, by loot.Actor, r ruling) error {
	if err := v.may(ctx, tx, s, m.Field, by); err != nil {
		return err
	}
	if !m.Closed.IsZero() || m.Decision != "" {
		return loot.Errorf(loot.Conflict, "This case is decided already.")
	}
	if r.Decision == "corrected" && m.Line == 0 {
		if err := v.differs(ctx, tx, s, m, by, r.Value); err != nil {
			return err
		}
	}
	m.Decision, m.Decider, m.Decided, m.Owner = r.Decision, by.ID, v.Now(), cmp.Or(m.Owner, by.ID)
	alone := !secondNeeded(s, m.Field)
	said := map[string]string{"reason": r.Reason}
	if r.Decision == "corrected" {
		said["left"] = strconv.Itoa(r.Left) // also none, in the place of what nobody agreed to
		if !alone {
			said["correction"], said["invoices"] = r.Value, strings.Join(r.Again, " ")
		}
	}
	for kind, text := range said {
		if err := v.notes.Add(ctx, tx, m.ID, desk.Note{At: v.Now(), Author: by.ID, Kind: kind, Text: text}); err != nil {
			return err
		}
	}
	if alone {
		return v.apply(ctx, tx, s, m, by, r.Value)
	}
	return updateMatter(ctx, tx, m)
}

// differs refuses to put a detail right to what stands already. The program looks, as
// whoever decides need not have; at what was not given to be checked it may not, so that
// is looked at in the name of whoever decides. Where neither may, the decision goes its way.
func (v *Verification) differs(ctx context.Context, tx *store.Tx, s *statement.Statement, m matter, by loot.Actor, value string) error {
	looking := v.looking(s, m, by, true)
	if looking.Purpose == purpose {
		looking.Actor, looking.Unmask = v.actor(), false
	}
	p, may, err := v.Gate.Qualifies(ctx, tx, looking)
	if err != nil || !may {
		return err
	}
	values, err := v.Vault.Open(ctx, tx, p)
	if err != nil {
		return err
	}
	d, _ := s.Field(m.Field)
	if stands, held := values[m.Field]; held && bare(d, stands.Reveal()) == bare(d, value) { //nolint:forbidigo // it is compared
		return web.Invalid("", map[string]string{"value": "This is what stands already."})
	}
	return nil
}

// bare returns a value without what says nothing: spaces around it and, of numbers
// that are written in groups, what stands between them.
func bare(d statement.FieldDecl, value string) string {
	if d.Type == "iban" || d.Type == "vat" {
		return number.Compact(value)
	}
	return strings.TrimSpace(value)
}

// second agrees to what a colleague decided, or puts the case back into the queue.
func (v *Verification) second(ctx context.Context, tx *store.Tx, s *statement.Statement, m matter, by loot.Actor, agrees bool, reason string) error {
	if err := v.may(ctx, tx, s, m.Field, by); err != nil {
		return err
	}
	switch {
	case !m.Closed.IsZero() || m.Decision == "":
		return loot.Errorf(loot.Conflict, "There is nothing to agree to in this case.")
	case m.Decider == by.ID:
		return loot.Errorf(loot.Denied, "You decided this case, so somebody else has to agree.")
	}
	if !agrees {
		m.Decision, m.Decider, m.Decided, m.Owner = "", "", time.Time{}, ""
		if err := v.notes.Add(ctx, tx, m.ID, desk.Note{At: v.Now(), Author: by.ID, Kind: "objection", Text: reason}); err != nil {
			return err
		}
		return updateMatter(ctx, tx, m)
	}
	m.Second = by.ID
	notes, err := v.notes.Of(ctx, tx, m.ID)
	if err != nil {
		return err
	}
	return v.apply(ctx, tx, s, m, by, desk.LatestNote(notes, "correction"))
}

// apply carries out a decision: the state or the value changes, the case is
// closed, and whoever waits for the answer gets it.
func (v *Verification) apply(ctx context.Context, tx *store.Tx, s *statement.Statement, m matter, by loot.Actor, value string) error {
	if m.Line == 0 { // else nothing of the record is decided, and the invoice is taken back beside this
		if err := v.mark(ctx, tx, s, m, by, value); err != nil {
			return err
		}
	}
	if err := v.close(ctx, tx, m); err != nil {
		return err
	}
	clause := loot.Clause("adequacy.verification")
	if m.Kind == kindMistake {
		clause = mistakes
	}
	if err := v.Gate.NoteAbout(ctx, tx, m.Subject, collection, by, "detail.checked", clause); err != nil {
		return err
	}
	waits, err := openRequests(ctx, tx, m.Subject)
	if err != nil {
		return err
	}
	if m.Kind == kindMistake || m.Decision == "wrong" && len(waits) == 0 {
		if err := v.Jobs.Enqueue(ctx, tx, tellArgs{Subject: m.Subject, Case: m.ID}); err != nil {
			return err
		}
	}
	return v.settle(ctx, tx, s, m.Subject)
}

// mark gives the detail of a case the state or the value that was decided.
func (v *Verification) mark(ctx context.Context, tx *store.Tx, s *statement.Statement, m matter, by loot.Actor, value string) error {
	held, err := v.Vault.Held(ctx, tx, m.Subject, collection)
	if err != nil {
		return err
	}
	if m.outdated(held) {
		return loot.Errorf(loot.Conflict, "What this case is about was changed since. There is nothing left to decide.")
	}
	row, err := v.Vault.Row(ctx, tx, m.Subject, collection)
	if err != nil {
		return err
	}
	now, about := v.Now(), held[m.Field]
	d, _ := s.Field(m.Field)
	l := last{Method: "person", Actor: m.Decider, At: now, Next: after(now, s.Again(d.Category))}
	state := vault.Unverified
	switch m.Decision {
	case "right":
		state, l.Outcome = vault.Verified, proved
	case "wrong":
		l.Outcome, l.Result = failed, "A colleague does not think that this is right."
	case "refused":
		state = m.Before
	case "corrected":
		if err := v.correct(ctx, tx, s, m, by, row.Version, about.State, value); err != nil {
			return err
		}
	}
	if m.Decision != "corrected" {
		if err := v.Vault.Mark(ctx, tx, m.Subject, collection, row.Version, map[loot.Field]vault.Marking{m.Field: {From: about.State, To: state}}); err != nil {
			return err
		}
	}
	if l.Outcome == none {
		return nil
	}
	lasts, err := lastOf(ctx, tx, m.Subject)
	if err != nil {
		return err
	}
	lasts[m.Field] = l
	putLasts(tx, m.Subject, lasts)
	return nil
}

// correct puts another value in the place of a wrong one, which stays sealed in
// the history, and tells whoever listens to "record.corrected" whose record it is.
// Another address counts once its owner has opened the link to it.
func (v *Verification) correct(ctx context.Context, tx *store.Tx, s *statement.Statement, m matter, by loot.Actor, version int64, state, value string) error {
	own, _ := purposeOf(s, m.Field, by)
	p, err := v.Gate.Decide(ctx, tx, gate.Request{
		Action: loot.Collect, Actor: by, Desk: name, Purpose: own, Subject: m.Subject, Collection: collection, Fields: []loot.Field{m.Field},
	})
	if err != nil {
		return err
	}
	change := vault.Change{Version: version, Source: vault.Source(source)}
	notices := []job.Notice{{Name: "record.corrected", ID: string(m.Subject)}}
	if m.Field == s.AddressField(collection) {
		change.Proposed = map[loot.Field]string{m.Field: value}
		notices = append(notices, job.Notice{Name: "address.proposed", ID: string(m.Subject)})
	} else {
		change.Given = map[loot.Field]string{m.Field: value}
	}
	if err := v.Vault.Correct(ctx, tx, p, change); err != nil {
		return err
	}
	if len(change.Proposed) > 0 {
		row, err := v.Vault.Row(ctx, tx, m.Subject, collection)
		if err != nil {
			return err
		}
		if err := v.Vault.Mark(ctx, tx, m.Subject, collection, row.Version, map[loot.Field]vault.Marking{m.Field: {From: state, To: vault.Unverified}}); err != nil {
			return err
		}
	}
	return v.Jobs.Publish(ctx, tx, notices...)
}

// askable refuses to check what is not there, or what nobody may open for it.
func (v *Verification) askable(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject, f loot.Field) error {
	held, err := v.shown(ctx, tx, subject)
	if err != nil {
		return err
	}
	some := false
	for _, d := range checked(s) {
		_, is := held[d.ID]
		some = some || is && (f == "" || f == d.ID)
	}
	if !some {
		return loot.Errorf(loot.Invalid, "There is nothing of this kind in your record that could be checked.")
	}
	person, err := v.Gate.Person(ctx, tx, subject)
	if err != nil {
		return err
	}
	if !slices.Contains(person.Ordered, purpose) {
		return loot.Errorf(loot.Conflict, "No service of yours that runs needs your details, so nobody may open them for a check. You can still correct them yourself.")
	}
	return nil
}

// ask keeps a customer's wish to have a detail, or everything, checked. Whoever
// asks again while an answer is open waits for that one. With evidence beside it a
// colleague looks, as no program reads that.
func (v *Verification) ask(ctx context.Context, tx *store.Tx, s *statement.Statement, by loot.Actor, f loot.Field, file *staged) (request, error) {
	subject := loot.Subject(by.ID)
	if err := v.askable(ctx, tx, s, subject, f); err != nil {
		return request{}, err
	}
	open, err := openRequests(ctx, tx, subject)
	if err != nil {
		return request{}, err
	}
	var r request
	if i := slices.IndexFunc(open, func(r request) bool { return r.Field == f }); i >= 0 {
		r = open[i]
	} else {
		now := v.Now()
		r = request{ID: loot.NewID("q"), Subject: subject, Field: f, Asked: now, Due: now.Add(v.options.Answer)}
		if err := insertRequest(ctx, tx, r); err != nil {
			return request{}, err
		}
		if err := v.Jobs.Enqueue(ctx, tx, checkArgs{subject}); err != nil {
			return request{}, err
		}
	}
	if file == nil {
		return r, nil
	}
	return r, v.showsWhat(ctx, tx, s, by, f, file) // after it is asked, as the portal shows it with what was asked
}

// showsWhat adds evidence of a customer to the case that is open about a detail, or opens one.
func (v *Verification) showsWhat(ctx context.Context, tx *store.Tx, s *statement.Statement, by loot.Actor, f loot.Field, file *staged) error {
	subject := loot.Subject(by.ID)
	all, err := mattersOf(ctx, tx, subject)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(m matter) bool { return m.Field == f && m.Closed.IsZero() && m.Kind != kindMistake })
	if i >= 0 {
		return v.keepEvidence(ctx, tx, s, all[i], by, file)
	}
	m := v.newMatter(subject, f, kindAsked, "The customer asks whether this is right, and attached what shows it.")
	fresh, err := insertMatter(ctx, tx, m)
	if err == nil && !fresh {
		err = errChanged
	}
	if err != nil {
		return err
	}
	return v.keepEvidence(ctx, tx, s, m, by, file)
}

// told refuses a second report about a detail, and says when the first is answered.
func (v *Verification) told(ctx context.Context, tx *store.Tx, subject loot.Subject, f loot.Field) error {
	all, err := mattersOf(ctx, tx, subject)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(m matter) bool { return m.Field == f && m.Kind == kindMistake && m.Closed.IsZero() })
	if i < 0 {
		return loot.Errorf(loot.Conflict, "You have told us that this is wrong already.")
	}
	return loot.Errorf(loot.Conflict, "You have told us that this is wrong already, and have our answer by %s.", all[i].Due.UTC().Format("2 January 2006"))
}

// A mistake is one that a customer reports.
type mistake struct {
	Field   loot.Field
	Invoice string // number of the one that it stands on; empty: none was named
	Line    int    // of it, from 1; 0: the mistake is in a detail
	Text    string
	File    *staged // that shows it; nil: none does
}

// report keeps what a customer says is wrong. Until it is answered the detail is
// in dispute, and says so to whoever opens it.
func (v *Verification) report(ctx context.Context, tx *store.Tx, s *statement.Statement, by loot.Actor, one mistake) error {
	subject := loot.Subject(by.ID)
	m := v.newMatter(subject, one.Field, kindMistake, "The customer says that this is wrong.")
	m.Invoice, m.Line = one.Invoice, one.Line
	if m.Line == 0 {
		held, err := v.shown(ctx, tx, subject)
		if err != nil {
			return err
		}
		about, is := held[m.Field]
		if _, can := s.Field(m.Field); !can || !is {
			return loot.Errorf(loot.Invalid, "There is no such detail in your record.")
		}
		m.Before = about.State
	}
	if err := v.named(ctx, tx, subject, m.Field, m.Invoice); err != nil {
		return err
	}
	fresh, err := insertMatter(ctx, tx, m)
	if err != nil {
		return err
	}
	if !fresh {
		return v.told(ctx, tx, subject, m.Field)
	}
	if err := v.notes.Add(ctx, tx, m.ID, desk.Note{At: m.Opened, Kind: "report", Text: one.Text}); err != nil {
		return err
	}
	if one.File != nil {
		if err := v.keepEvidence(ctx, tx, s, m, by, one.File); err != nil {
			return err
		}
	}
	// The gate refuses it first, so that nothing that is decided after this commits by it.
	if err := v.Gate.Freeze(ctx, tx, subject, m.ID, m.Field); err != nil {
		return err
	}
	row, err := v.Vault.Row(ctx, tx, subject, collection)
	if err != nil {
		return err
	}
	if err := v.Gate.NoteAbout(ctx, tx, subject, collection, by, "detail.disputed", mistakes); err != nil || m.Line > 0 {
		return err // what services were used has no state in the vault
	}
	return v.Vault.Mark(ctx, tx, subject, collection, row.Version, map[loot.Field]vault.Marking{m.Field: {From: m.Before, To: vault.Disputed}})
}
