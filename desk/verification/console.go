package verification

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web"
)

var decisions = map[string]string{
	"right": "found right", "wrong": "found wrong", "corrected": "put right", "refused": "stays as it is", "moot": "nothing left to decide",
}

// rulingForm asks what is decided and why.
func rulingForm(s *statement.Statement, m matter, invoices []Invoice, more int) web.Fields {
	version := web.Field{Name: "version", Type: "hidden", Value: strconv.FormatInt(m.Version, 10)}
	reason := web.Field{Name: "reason", Label: "Reason", Type: "textarea", Required: true, MaxLen: 1000, Rows: 3, Wide: true, Hint: "The customer reads it. Say how you found out."}
	if m.Line > 0 {
		decision := web.Field{Name: "decision", Label: "Decision", Type: "select", Required: true, Wide: true, Options: []web.Option{{Label: "What did you find?"}, {Value: "refused", Label: "It is right as it stands"}}}
		if len(invoices) == 0 {
			decision.Options = append(decision.Options, web.Option{Value: "corrected", Label: "The customer is right: the invoice is taken back already"})
			return web.Fields{version, decision, reason}
		}
		decision.Options = append(decision.Options, web.Option{Value: "corrected", Label: "The customer is right: invoice " + m.Invoice + " is taken back and written again as follows"})
		return web.Fields{version, decision, {Name: "value", Label: "How much the line should charge", MaxLen: 20, Hint: "In the unit of the line, such as 0.5 of a month. 0 takes it off; where no line is left, no other invoice is written."}, reason}
	}
	d, _ := s.Field(m.Field)
	options := []web.Option{{Label: "What did you find?"}, {Value: "right", Label: "It is right"}, {Value: "wrong", Label: "It is not right: the customer has to correct it"}, {Value: "corrected", Label: "It is put right as follows"}}
	if m.Kind == kindMistake {
		options = []web.Option{{Label: "What did you find?"}, {Value: "refused", Label: "It is right as it stands"}, {Value: "corrected", Label: "The customer is right: it is put right as follows"}}
	}
	value := web.Field{Name: "value", Label: "New value", MaxLen: d.Max, Hint: "Only where it is put right."}
	if d.Type == "lines" {
		value.Type, value.Rows = "textarea", 2
	}
	if list := desk.Choices(d); list != nil {
		value.Type, value.MaxLen, value.Options = "select", 0, slices.Concat([]web.Option{web.Choose}, list)
	}
	form := web.Fields{version, {Name: "decision", Label: "Decision", Type: "select", Required: true, Wide: true, Options: options}, value}
	if len(invoices) > 0 {
		form = append(form, againField(m, invoices, more))
	}
	return append(form, reason)
}

func secondForm(m matter) web.Fields {
	return web.Fields{
		{Name: "version", Type: "hidden", Value: strconv.FormatInt(m.Version, 10)},
		{Name: "agree", Label: "You", Type: "select", Required: true, Options: []web.Option{{Label: "Do you agree?"}, {Value: "yes", Label: "agree"}, {Value: "no", Label: "do not agree: back into the queue"}}},
		{Name: "reason", Label: "Why not", Type: "textarea", MaxLen: 1000, Rows: 2, Wide: true, Hint: "Only where you do not agree."},
	}
}

func (v *Verification) show(w http.ResponseWriter, r *http.Request) error {
	return v.showCase(w, r, http.StatusOK, caseView{}, nil, nil)
}

// showCase shows a case. What somebody typed and what is wrong with it belong to
// the form that the case has at present.
func (v *Verification) showCase(w http.ResponseWriter, r *http.Request, status int, data caseView, typed url.Values, wrong error) error {
	s, err := v.inForce()
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	data.View = web.ViewOf(r, "")
	data.Crumbs = []web.Crumb{{Label: "Checks", Href: "/console/checks"}}
	if err := v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		m, err := findMatter(ctx, tx, r.PathValue("id"), "")
		if err != nil {
			return err
		}
		data.Case = v.view(s, m)
		data.View.Title = data.Case.Title + ": " + loot.LowerFirst(data.Case.KindTitle)
		data.Customer = desk.CustomerPath(m.Subject)
		looks, err := v.looksAt(ctx, tx, s, m.Subject)
		if err != nil {
			return err
		}
		data.Last, data.Was = looks[m.Field]
		data.Second = secondNeeded(s, m.Field)
		if m.Owner != "" {
			if data.Case.Owned, err = v.staff.Name(ctx, tx, m.Owner); err != nil {
				return err
			}
		}
		if m.Decider != "" {
			if data.Decider, err = v.staff.Name(ctx, tx, m.Decider); err != nil {
				return err
			}
		}
		if m.Second != "" {
			if data.Agreed, err = v.staff.Name(ctx, tx, m.Second); err != nil {
				return err
			}
		}
		switch err := v.may(ctx, tx, s, m.Field, by); {
		case errors.Is(err, errUnsigned):
			data.Barred = &web.Alert{Tone: web.Info, Title: "What was written does not open for you yet.", Text: loot.Message(err), Actions: []web.Action{web.SignUndertaking}}
			return nil
		case loot.KindOf(err) == loot.Denied && checks(s, by):
			data.Barred = &web.Alert{Tone: web.Info, Title: "This case is for other colleagues.", Text: loot.Message(err)}
			return nil
		case loot.KindOf(err) == loot.Denied:
			data.Barred = &web.Alert{Tone: web.Info, Title: "You can look at the queue, and not into its cases.", Text: loot.Message(err)}
			return nil
		case err != nil:
			return err
		}
		data.Actions = ownerActions(data.Case, data.Case.Owned, by)
		notes, err := v.notes.Of(ctx, tx, m.ID)
		if err != nil {
			return err
		}
		data.Notes = nil
		for _, n := range notes {
			what, shown := noteTitles[n.Kind]
			if !shown {
				continue
			}
			who := "The customer"
			if n.Author != "" {
				if who, err = v.staff.Name(ctx, tx, n.Author); err != nil {
					return err
				}
			}
			one := noteView{At: n.At, Who: who, What: what, Text: n.Text, Closed: n.Author == "" && !data.Read}
			if one.Closed {
				one.Text = ""
			}
			data.Notes = append(data.Notes, one)
		}
		if err := v.showAsked(ctx, tx, s, &data, m, by); err != nil {
			return err
		}
		if err := v.showEvidence(ctx, tx, &data, m); err != nil {
			return err
		}
		if data.Written, err = v.written(ctx, tx, m); err != nil {
			return err
		}
		data.Left = left(m, notes)
		switch {
		case !m.Closed.IsZero():
		case m.Decision == "":
			invoices, more, err := v.concerned(ctx, tx, m)
			if err != nil {
				return err
			}
			data.Form = rulingForm(s, m, invoices, more)
		case m.Decider != by.ID:
			data.Agree = secondForm(m)
			data.Proposed, data.Waiting = decisions[m.Decision], strings.Fields(desk.LatestNote(notes, "invoices"))
			if data.Unseen = m.Decision == "corrected" && !data.Read; data.Read {
				d, _ := s.Field(m.Field)
				data.Correction = desk.Readable(d, desk.LatestNote(notes, "correction"))
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if typed != nil {
		now := data.Case.Version
		for _, form := range []*web.Fields{&data.Form, &data.Agree} {
			if len(*form) > 0 {
				*form = form.With(typed, wrong)
				(*form)[0].Value = strconv.FormatInt(now, 10)
				data.Wrong = web.ProblemsOf(wrong, *form)
			}
		}
	}
	return casePage.Render(w, r, status, data)
}

// noteTitles say what somebody did by a note. A note of another kind is for the program.
var noteTitles = map[string]string{"report": "reported", "reason": "decided, with the reason", "objection": "did not agree", "taken": "took it on", "over": "took it over", "back": "gave it back"}

// purposeOf is what a colleague opens and corrects a detail for that a case is about: to
// check it. Of what was not given for that a customer can report a mistake too. A colleague
// then deals with it for another purpose of the job in which they check records, such as
// helping the customer; to whose job the statement gives none, it is not shown. A detail
// that is declared no longer was given for nothing else, and a report about it is decided.
func purposeOf(s *statement.Statement, f loot.Field, by loot.Actor) (p loot.Purpose, has bool) {
	d, declared := s.Field(f)
	if _, is := d.Needed[purpose]; is || !declared {
		return purpose, true
	}
	for _, id := range by.Roles {
		r, _ := s.Role(id)
		if !checksRecords(r) {
			continue
		}
		for _, p := range r.Purposes {
			if _, is := d.Needed[p]; is {
				return p, true
			}
		}
	}
	return "", false
}

// whose names the jobs in which cases about a detail are dealt with.
func whose(s *statement.Statement, f loot.Field) string {
	var jobs []string
	for _, r := range s.Roles() {
		if _, has := purposeOf(s, f, loot.Actor{Roles: []loot.Role{r.ID}}); has && checksRecords(r) {
			jobs = append(jobs, r.Title)
		}
	}
	return strings.Join(jobs, ", ")
}

// looking is what the gate is asked about the detail of a case.
func (v *Verification) looking(s *statement.Statement, m matter, by loot.Actor, uncover bool) gate.Request {
	p, _ := purposeOf(s, m.Field, by)
	return gate.Request{
		Action: loot.Use, Actor: by, Desk: name, Purpose: p, Subject: m.Subject, Collection: collection, Fields: []loot.Field{m.Field},
		Unmask: uncover, Reason: "Check " + m.ID, Page: "/console/checks/" + m.ID, // there it opens with what was written about it
	}
}

// look opens what a case is about, as the gate lets whoever looks, and with it what
// the customer wrote and what a colleague would put in its place, as both may say the
// value. Where the level asks nobody else, what the customer wrote opens all the same.
func (v *Verification) look(w http.ResponseWriter, r *http.Request) error {
	form, s, err := v.asked(r)
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	var data caseView
	var m matter
	err = v.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
		data = caseView{}
		if m, err = findMatter(ctx, tx, r.PathValue("id"), ""); err != nil {
			return err
		}
		if err := v.may(ctx, tx, s, m.Field, by); err != nil {
			return err
		}
		if m.Line > 0 { // it stands on the invoice, which billing opens
			return v.read(ctx, tx, m, by, &data)
		}
		req := v.looking(s, m, by, form.Get("uncover") != "" || form.Get("approval") != "") // others agreed to see it uncovered
		req.Approval = form.Get("approval")
		p, err := v.Gate.Decide(ctx, tx, req)
		if err != nil {
			return err
		}
		values, err := v.Vault.Open(ctx, tx, p)
		if err != nil {
			return err
		}
		value, held := values[m.Field]
		d, _ := s.Field(m.Field)
		text := value.Reveal() //nolint:forbidigo // shown to the member of staff for whom it was decided, masked as the level says
		if !value.Masked {
			text = desk.Readable(d, text)
		}
		data.Value, data.Opened, data.Covered = strings.ReplaceAll(text, "\n", ", "), true, value.Masked
		if !held {
			data.Value = "Nothing is held any more"
		}
		return v.read(ctx, tx, m, by, &data)
	})
	refusal, refused := errors.AsType[*gate.Refusal](err)
	if !refused && err != nil {
		return err
	}
	status := http.StatusOK
	if refused {
		shown, _ := web.RefusalOf(refusal)
		data, status = caseView{Refusal: &shown}, http.StatusForbidden
		if !secondNeeded(s, m.Field) {
			if err := v.DB.InTx(ctx, func(tx *store.Tx) error { return v.read(ctx, tx, m, by, &data) }); err != nil {
				return err
			}
		}
	}
	return v.showCase(w, r, status, data, nil, nil)
}

// read opens what the customer wrote, which is on the ledger too.
func (v *Verification) read(ctx context.Context, tx *store.Tx, m matter, by loot.Actor, data *caseView) error {
	data.Read = true
	return v.Gate.NoteAbout(ctx, tx, m.Subject, collection, by, "report.read", "")
}

// errOpens rolls a decision back that turned out to need no approval.
var errOpens = loot.Errorf(loot.Conflict, "Nobody has to agree to this: show the value, and it is there.")

// askToLook asks other people to agree that a colleague sees what a case is about,
// where its level does not leave that to one person.
func (v *Verification) askToLook(w http.ResponseWriter, r *http.Request) error {
	_, s, err := v.asked(r)
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	err = v.Gate.InTx(ctx, func(tx *store.Tx) error {
		m, err := findMatter(ctx, tx, r.PathValue("id"), "")
		if err != nil {
			return err
		}
		if err := v.may(ctx, tx, s, m.Field, by); err != nil {
			return err
		}
		if _, err := v.Gate.Decide(ctx, tx, v.looking(s, m, by, true)); err != nil {
			return err
		}
		return errOpens
	})
	refusal, refused := errors.AsType[*gate.Refusal](err)
	if !refused {
		return err
	}
	if refusal.Approvals == 0 {
		shown, _ := web.RefusalOf(refusal)
		return v.showCase(w, r, http.StatusForbidden, caseView{Refusal: &shown}, nil, nil)
	}
	if err := v.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := v.Gate.RequestApproval(ctx, tx, refusal.Request(), refusal.Approvals)
		return err
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Info, "Asked. Come back to this case when they have agreed.")
	return web.Redirect(w, r, "/console/checks/"+url.PathEscape(r.PathValue("id")))
}

// showAsked says how it stands with the agreement of others to a look, where the
// level of the detail asks for it, or lets one ask.
func (v *Verification) showAsked(ctx context.Context, tx *store.Tx, s *statement.Statement, data *caseView, m matter, by loot.Actor) error {
	if !data.Second || data.Opened {
		return nil
	}
	alert := &web.Alert{Tone: web.Info}
	data.Asked, data.Approval = alert, ""
	asked, err := v.Gate.Awaited(ctx, tx, v.looking(s, m, by, true))
	switch {
	case err != nil:
		return err
	case asked == nil:
		alert.Title = "The level of this detail lets nobody open it alone."
		alert.Text = "Once others agree, it opens here, with what was written about it, or a document of the evidence does."
		alert.Actions = []web.Action{{Label: "Ask others to agree", Icon: "users", Small: true, Post: true, Href: data.Case.Href + "/ask"}}
	case asked.Given():
		data.Approval = asked.ID
		alert.Tone, alert.Title = web.Good, "Others agreed."
		alert.Text = "You can open it, or one document, once, until " + asked.Until.UTC().Format("2 January, 15:04 UTC") + "."
		alert.Actions = []web.Action{{Label: "Open now", Icon: "lock-open", Primary: true, Small: true, Post: true, Href: data.Case.Href + "/open", Hidden: []web.Hidden{{Name: "approval", Value: asked.ID}}}}
	default:
		alert.Title = "You asked others to agree on " + asked.Asked.UTC().Format("2 January, 15:04 UTC") + "."
		alert.Text = strconv.Itoa(asked.Agreed) + " of " + strconv.Itoa(asked.Needed) + " agreed so far. The question is open until " + asked.Until.UTC().Format("2 January, 15:04 UTC") + "."
		alert.Actions = []web.Action{{Label: "See your approvals", Icon: "users", Small: true, Href: "/console/approvals"}}
	}
	return nil
}

// rule decides a case.
func (v *Verification) rule(w http.ResponseWriter, r *http.Request) error {
	ctx, by := r.Context(), web.ActorOf(r.Context())
	return v.act(w, r, func(tx *store.Tx, s *statement.Statement, m matter, form url.Values) (Again, error) {
		out, err := v.ruled(ctx, tx, s, m, form)
		return v.again(s, m, by, out), err
	}, func(tx *store.Tx, s *statement.Statement, m matter, form url.Values) error {
		out, err := v.ruled(ctx, tx, s, m, form)
		if err != nil {
			return err
		}
		return v.decide(ctx, tx, s, m, by, out)
	})
}

// ruled reads a ruling from its form and refuses one that cannot be.
func (v *Verification) ruled(ctx context.Context, tx *store.Tx, s *statement.Statement, m matter, form url.Values) (ruling, error) {
	invoices, more, err := v.concerned(ctx, tx, m)
	if err != nil {
		return ruling{}, err
	}
	if err := rulingForm(s, m, invoices, more).Check(form); err != nil {
		return ruling{}, err
	}
	out := ruling{Decision: form.Get("decision"), Reason: form.Get("reason")}
	switch {
	case out.Decision != "corrected":
	case m.Line > 0:
		for _, i := range invoices {
			out.Again = append(out.Again, i.Number)
		}
		if out.Value = strings.TrimSpace(form.Get("value")); out.Value == "" && len(out.Again) > 0 {
			err = web.Invalid("", map[string]string{"value": "Say how much it should charge."})
		}
	default:
		out.Value, out.Again = form.Get("value"), form["again"]
		out.Left = more
		err = sound(s, m, out.Value)
	}
	return out, err
}

// sound refuses a new value in which the checks that ask nobody find a fault.
func sound(s *statement.Statement, m matter, value string) error {
	if value == "" {
		return web.Invalid("", map[string]string{"value": "Say what it is put right to."})
	}
	for _, f := range inspect(record{s: s, values: map[loot.Field]string{m.Field: value}})[m.Field] {
		if f.Outcome == failed {
			return web.Invalid("", map[string]string{"value": f.Why})
		}
	}
	return nil
}

// agree is the answer of a second person.
func (v *Verification) agree(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	return v.act(w, r, func(tx *store.Tx, _ *statement.Statement, m matter, form url.Values) (Again, error) {
		if form.Get("agree") != "yes" {
			return Again{}, nil
		}
		notes, err := v.notes.Of(ctx, tx, m.ID)
		return v.againAgreed(m, web.ActorOf(ctx), notes), err
	}, func(tx *store.Tx, s *statement.Statement, m matter, form url.Values) error {
		if err := secondForm(m).Check(form); err != nil {
			return err
		}
		agrees := form.Get("agree") == "yes"
		if !agrees && form.Get("reason") == "" {
			return web.Invalid("", map[string]string{"reason": "Say why not, so that whoever looks next knows."})
		}
		return v.second(ctx, tx, s, m, web.ActorOf(ctx), agrees, form.Get("reason"))
	})
}

// act reads a form about a case and does what it says, unless the case changed
// since the form was drawn. Which invoices that has written again is asked first,
// as their documents are drawn before the transaction in which all of it happens.
func (v *Verification) act(w http.ResponseWriter, r *http.Request, again func(*store.Tx, *statement.Statement, matter, url.Values) (Again, error), do func(*store.Tx, *statement.Statement, matter, url.Values) error) error {
	form, s, err := v.asked(r)
	if err != nil {
		return err
	}
	var a Again
	if err = v.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		m, err := seen(r.Context(), tx, r.PathValue("id"), form, "")
		if err == nil {
			err = v.may(r.Context(), tx, s, m.Field, web.ActorOf(r.Context()))
		}
		if err == nil {
			a, err = again(tx, s, m, form)
		}
		return err
	}); err == nil {
		err = v.within(r.Context(), a, func(tx *store.Tx) error {
			m, err := seen(r.Context(), tx, r.PathValue("id"), form, tx.ForUpdate())
			if err != nil {
				return err
			}
			return do(tx, s, m, form)
		})
	}
	if web.Wrong(err) != nil {
		return v.showCase(w, r, http.StatusUnprocessableEntity, caseView{}, form, err)
	}
	if refusal, ok := errors.AsType[*gate.Refusal](err); ok {
		shown, _ := web.RefusalOf(refusal)
		return v.showCase(w, r, http.StatusForbidden, caseView{Refusal: &shown}, nil, nil)
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Kept. The customer sees the answer once it is final.")
	return web.Redirect(w, r, "/console/checks/"+url.PathEscape(r.PathValue("id")))
}
