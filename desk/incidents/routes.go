package incidents

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"loot"
	"loot/desk"
	"loot/ledger"
	"loot/store"
	"loot/web"
)

func (d *incidents) routes() []web.Route {
	return []web.Route{
		{Pattern: "GET /console/incidents", Audience: web.Console, Serve: d.list},
		{Pattern: "POST /console/incidents", Audience: web.Console, Serve: d.report},
		{Pattern: "GET /console/incidents/{id}", Audience: web.Console, Serve: d.show},
		{Pattern: "POST /console/incidents/{id}/take", Audience: web.Console, Serve: d.take},
		{Pattern: "POST /console/incidents/{id}", Audience: web.Console, Serve: d.write},
		{Pattern: "POST /console/incidents/{id}/record", Audience: web.Console, Serve: d.toRecord},
		{Pattern: "POST /console/incidents/{id}/people/{what}", Audience: web.Console, Serve: d.people},
		{Pattern: "POST /console/incidents/{id}/steps/{what}", Audience: web.Console, Serve: d.work},
		{Pattern: "GET /console/incidents/{id}/notices/{whom}/{region}", Audience: web.Console, Serve: d.writeNotice},
		{Pattern: "POST /console/incidents/{id}/notices/{whom}/{region}", Audience: web.Console, Serve: d.keepNotice, Body: 1 << 17},
		{Pattern: "GET /console/incidents/{id}/letters/{note}", Audience: web.Console, Serve: d.print},
	}
}

// reportForm asks what happened, and whom of all colleagues it concerns.
func reportForm(all []loot.Actor) web.Fields {
	whom := []web.Option{{Value: "", Label: "Nobody, or not known"}}
	for _, a := range all {
		whom = append(whom, web.Option{Value: a.ID, Label: a.Name})
	}
	return web.Fields{
		{Name: "what", Label: "What it is", Type: "select", Options: []web.Option{
			{Value: "reported", Label: "Something went wrong, or may have"},
			{Value: emergency, Label: "An emergency: a record has to be opened that nobody's role here opens"},
		}, Hint: "An emergency counts for a day. The next page leads to the record; others agree first."},
		{Name: "text", Label: "What happened", Type: "textarea", Required: true, MaxLen: 4000, Rows: 5, Wide: true, Hint: "When, where, what was seen or sent, and to whom. It is kept sealed; you and those who deal with incidents read it."},
		{Name: "colleague", Label: "Colleague whom it concerns", Type: "select", Options: whom, Hint: "Somebody else then deals with it."},
	}
}

// stepForm is what people write about a case: each step is kept and none
// overwritten. Closing is offered to whoever may close it.
func stepForm(version int64, closes bool) web.Fields {
	fields := web.Fields{
		{Name: "version", Type: "hidden", Value: strconv.FormatInt(version, 10)},
		{Name: "kind", Label: "Step", Type: "select", Required: true, Options: []web.Option{
			{Value: "found", Label: "Something that was found out"},
			{Value: "told", Label: "The regulator was told"},
			{Value: "people", Label: "People who are no customers were told"},
			{Value: "closing", Label: "Closing, with the reason"},
		}},
		{Name: "text", Label: "What was found or done, and why", Type: "textarea", Required: true, MaxLen: 4000, Rows: 5, Wide: true},
	}
	if !closes {
		fields[1].Options = fields[1].Options[:len(fields[1].Options)-1]
	}
	return fields
}

func (d *incidents) list(w http.ResponseWriter, r *http.Request) error {
	return d.showList(w, r, http.StatusOK, nil, nil)
}

func (d *incidents) showList(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	data := listView{View: web.ViewOf(r, "Incidents")}
	data.View.Lead = "What happened that no clause of the statement permits, and uses of which a clause says that the regulator is told. Where there is a risk, the law gives 72 hours to tell it."
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		data.Incidents = nil
		all, err := list(r.Context(), tx, listed)
		if err != nil {
			return err
		}
		everybody, err := d.staff.Everybody(r.Context(), tx)
		if err != nil {
			return err
		}
		data.Form = reportForm(everybody).With(typed, wrong)
		data.Wrong = web.ProblemsOf(wrong, data.Form)
		read, err := d.readable(r.Context(), tx, all, web.ActorOf(r.Context()))
		if err != nil {
			return err
		}
		owners := map[string]string{"": ""}
		for _, i := range all {
			v := d.view(i)
			v.showReport(read[i.ID])
			name, known := owners[i.Owner]
			if !known {
				if name, err = d.staff.Name(r.Context(), tx, i.Owner); err != nil {
					return err
				}
				owners[i.Owner] = name
			}
			v.OwnerName = name
			data.Incidents = append(data.Incidents, v)
		}
		data.Compared, err = d.Vault.Reconciled(r.Context(), tx)
		return err
	}); err != nil {
		return err
	}
	return listPage.Render(w, r, status, data)
}

// listed is how many incidents the list shows.
const listed = 200

// beginning returns enough of a text to tell it from others.
func beginning(text string) string {
	const enough = 90
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > enough {
		text = strings.TrimRight(string(r[:enough]), " ,.;:") + "…"
	}
	return text
}

func (d *incidents) view(i incident) incidentView {
	v := incidentView{incident: i, Ref: i.reference(), Title: words(i.What), Words: words(i.What), Href: "/console/incidents/" + i.ID}
	left := i.Due.Sub(d.Now())
	switch {
	case !i.Closed.IsZero():
		v.State = web.Badge{Tone: web.Neutral, Text: "closed"}
	case !i.Told.IsZero():
		v.State = web.Badge{Tone: web.Info, Text: "regulator told"}
	case i.Risk == "none" && i.What != regulatorDue:
		v.State = web.Badge{Tone: web.Info, Text: "no risk found"}
	case left < 0:
		v.State = web.Badge{Tone: web.Bad, Text: "72 hours are over"}
	default:
		v.State = web.Badge{Tone: web.Warn, Text: "open, " + strconv.Itoa(int(left.Hours())) + " h left"}
	}
	return v
}

func (d *incidents) report(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	by := web.ActorOf(r.Context())
	var id string
	var wrong error
	if err := d.DB.InTx(r.Context(), func(tx *store.Tx) error {
		everybody, err := d.staff.Everybody(r.Context(), tx)
		if err != nil {
			return err
		}
		if wrong = reportForm(everybody).Check(form); wrong != nil {
			return wrong
		}
		entry, err := d.Gate.Note(r.Context(), tx, by, "incident."+cmp.Or(form.Get("what"), "reported"), "")
		if err != nil {
			return err
		}
		if id, err = d.open(r.Context(), tx, incident{What: cmp.Or(form.Get("what"), "reported"), Entry: entry, Colleague: form.Get("colleague")}); err != nil {
			return err
		}
		return d.addNote(r.Context(), tx, id, note{At: d.Now(), Author: by.ID, Kind: "report", Text: form.Get("text")})
	}); wrong != nil {
		return d.showList(w, r, http.StatusUnprocessableEntity, form, wrong)
	} else if err != nil {
		return err
	}
	text := "Your report is kept as " + desk.Reference("I", id) + ". Those who deal with incidents are written to within ten minutes."
	if form.Get("what") == emergency {
		text = "The emergency is declared as " + desk.Reference("I", id) + ". Open the record from here: others agree first. Those who deal with incidents are written to within ten minutes."
	}
	web.SetFlash(w, r, web.Good, text)
	return web.Redirect(w, r, "/console/incidents/"+id)
}

// mayShow says on the page what whoever looks may do, and whom it concerns to
// those who may deal with it.
func (d *incidents) mayShow(ctx context.Context, tx *store.Tx, i incident, by loot.Actor, data *showView) error {
	data.Refused, data.Unsigned, data.Concerns = "", nil, ""
	alone, err := d.may(ctx, tx, i, by)
	switch {
	case errors.Is(err, errUnsigned):
		data.Refused = loot.Message(err)
		data.Unsigned = &web.Alert{
			Tone: web.Info, Title: "What was done does not open for you yet.", Text: data.Refused,
			Actions: []web.Action{web.SignUndertaking},
		}
		return nil
	case loot.KindOf(err) == loot.Denied:
		data.Refused = loot.Message(err)
		return nil
	case err != nil:
		return err
	}
	data.Alone = alone
	whom, err := d.concerned(ctx, tx, i)
	if err != nil || whom == "" {
		return err
	}
	data.Concerns, err = d.staff.Name(ctx, tx, whom)
	return err
}

func (d *incidents) show(w http.ResponseWriter, r *http.Request) error {
	return d.showOne(w, r, http.StatusOK, "", nil, nil)
}

// showOne shows an incident; one of its forms was sent and was wrong, if which
// names one.
func (d *incidents) showOne(w http.ResponseWriter, r *http.Request, status int, which string, typed url.Values, wrong error) error {
	data, by := showView{View: web.ViewOf(r, "Incident")}, web.ActorOf(r.Context())
	data.View.Crumbs = []web.Crumb{{Label: "Incidents", Href: "/console/incidents"}}
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		i, err := find(r.Context(), tx, r.PathValue("id"), "")
		if err != nil {
			return err
		}
		data.Incident = d.view(i)
		if i.Owner != "" {
			if data.Owner, err = d.staff.Name(r.Context(), tx, i.Owner); err != nil {
				return err
			}
		}
		if found, ok, err := d.Vault.Difference(r.Context(), tx, i.Entry); err != nil {
			return err
		} else if ok {
			data.Found = &found
		}
		if err := d.mayShow(r.Context(), tx, i, by, &data); err != nil || data.Unsigned != nil {
			return err
		}
		notes, err := d.notes(r.Context(), tx, i.ID)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(notes, func(n note) bool { return n.Kind == "report" })
		data.Reported = at >= 0 && notes[at].Author == by.ID
		data.Reads = data.Refused == "" || data.Reported
		if err := d.showWork(r.Context(), tx, i, notes, by, &data); err != nil || !data.Reads {
			return err
		}
		if at >= 0 {
			data.Incident.showReport(notes[at].Text)
		}
		if err := d.showPeople(r.Context(), tx, i, &data); err != nil {
			return err
		}
		d.showRecord(i, by, &data)
		if data.Second, err = d.second(r.Context(), tx, i); err != nil {
			return err
		}
		events := []web.Event{{At: i.Opened, Icon: "siren", Tone: web.Bad, Title: "Opened", Text: data.Incident.Words}}
		for _, n := range notes {
			who, err := d.staff.Name(r.Context(), tx, n.Author)
			if err != nil {
				return err
			}
			e := web.Event{At: n.At, Icon: icons[n.Kind], Title: steps[n.Kind], Who: who, Text: n.Text, Actions: leads[n.Kind]}
			if n.Alone {
				e.Title += ", alone: nobody else could"
			}
			events = append([]web.Event{e}, events...)
		}
		data.Days = web.Days(events)
		return nil
	}); err != nil {
		return err
	}
	data.View.Title, data.View.Lead = data.Incident.Title, data.Incident.Ref
	if data.Incident.Title != data.Incident.Words {
		data.View.Lead += ": " + data.Incident.Words
	}
	if which == recording && data.Record != nil {
		data.Record.Form = data.Record.Form.With(typed, wrong)
		data.Record.Wrong = web.ProblemsOf(wrong, data.Record.Form)
	}
	if data.Incident.Closed.IsZero() && data.Refused == "" {
		data.Mine, data.Regions = data.Incident.Owner == by.ID, regions
		data.Closes = data.Owner != "" && data.Mine != data.Second
		data.Form = stepForm(data.Incident.Version, data.Closes)
		done := slices.IndexFunc(data.Work, func(f personForm) bool { return f.Which == which })
		at := slices.IndexFunc(data.Forms, func(f personForm) bool { return f.Which == which })
		switch {
		case which == nextStep:
			data.Form, data.Wrong = sent(data.Form, typed, wrong)
		case done >= 0:
			data.Work[done].Form, data.Work[done].Wrong = sent(data.Work[done].Form, typed, wrong)
		case at >= 0:
			data.Forms[at].Form, data.Forms[at].Wrong = sent(data.Forms[at].Form, typed, wrong)
		case wrong != nil && which != recording: // there is nobody any more for whom it could be sent
			data.Wrong = web.ProblemsOf(&loot.Error{Kind: loot.Invalid, Msg: loot.Message(wrong)}, nil)
		}
	}
	return showPage.Render(w, r, status, data)
}

// nextStep names the form of the next step.
const nextStep = "step"

// sent is a form with what was sent and what is wrong with it. Whoever sends it
// again has seen the page as it is now, so its version stays.
func sent(form web.Fields, typed url.Values, wrong error) (web.Fields, *web.Problems) {
	now := form[0].Value
	form = form.With(typed, wrong)
	form[0].Value = now
	return form, web.ProblemsOf(wrong, form)
}

var (
	steps = map[string]string{"report": "Reported", "assessment": "Assessment", "measure": "Measure", "done": "Measure taken", "found": "Found out", "notice": "Notice to a regulator written", "told": "Regulator told", "people": "People told who are no customers", "named": "Customer concerned", "letter": "Letter to a customer", "untold": "Customer not told, with the reason", "closing": "Closed", "taken": "Taken on", "agreed": "Agreed to the opening of a record", "declined": "Did not agree to the opening of a record", "opened": "Record opened"}
	icons = map[string]string{"report": "flag", "assessment": "scale", "measure": "wrench", "done": "check", "found": "search", "notice": "file-text", "told": "landmark", "people": "mail", "named": "user", "letter": "mail", "untold": "mail", "closing": "circle-check", "taken": "user", "agreed": "check", "declined": "x", "opened": "lock-open"}
	// What was agreed to and opened stands in full elsewhere.
	leads = map[string][]web.Action{
		"agreed":   {{Label: "Approvals", Icon: "check-check", Small: true, Href: "/console/approvals"}},
		"declined": {{Label: "Approvals", Icon: "check-check", Small: true, Href: "/console/approvals"}},
		"opened":   {{Label: "Access review", Icon: "scale", Small: true, Href: "/console/access-review"}},
	}
	// kept says after a form what was kept, and who hears of it.
	kept = map[string]string{
		assessing: "The assessment is kept. Nobody is written to by it: what was decided is done from here.",
		planning:  "The measure is kept. Whoever takes it is written to if it is not noted as taken by the day after.",
		finishing: "It is noted that the measure was taken.",
		naming:    "The customer is named. They hear of it by the letter that is written from here.",
		letter:    "The letter is on its way to the customer. Once it has gone, it says so here.",
		excuse:    "It is noted why the customer is not told.",
		"found":   "It is kept what was found out. Nobody is written to.",
		"told":    "It is noted that the regulator was told. Nobody is reminded of the 72 hours any more.",
		"people":  "It is noted that people were told who are no customers.",
		"closing": "The incident is closed. Nobody is reminded of it any more.",
	}
)

// dealWith has f deal with the incident that is asked for, if whoever asks may.
func (d *incidents) dealWith(r *http.Request, f func(tx *store.Tx, i incident, by loot.Actor, alone bool) error) error {
	by := web.ActorOf(r.Context())
	return d.DB.InTx(r.Context(), func(tx *store.Tx) error {
		i, err := find(r.Context(), tx, r.PathValue("id"), tx.ForUpdate())
		if err != nil {
			return err
		}
		alone, err := d.may(r.Context(), tx, i, by)
		if err != nil {
			return err
		}
		return f(tx, i, by, alone)
	})
}

// takeForm reads one of the forms of an incident's page and has f do what it
// asks for. What is wrong stands beside the field named, and all that was typed
// in the form again.
func (d *incidents) takeForm(w http.ResponseWriter, r *http.Request, which, field string, f func(tx *store.Tx, i incident, by loot.Actor, form url.Values, alone bool) error) error {
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	version, err := strconv.ParseInt(form.Get("version"), 10, 64)
	if err != nil {
		return loot.Errorf(loot.Invalid, "The form did not arrive whole. Please load the page again.")
	}
	err = d.dealWith(r, func(tx *store.Tx, i incident, by loot.Actor, alone bool) error {
		i.Version = version
		return f(tx, i, by, form, alone)
	})
	if err == nil {
		said := which
		if which == nextStep {
			said = form.Get("kind")
		}
		web.SetFlash(w, r, web.Good, kept[said])
		return web.Redirect(w, r, "/console/incidents/"+r.PathValue("id"))
	}
	kind := loot.KindOf(err)
	if kind != loot.Conflict && kind != loot.Invalid {
		return err
	}
	if web.Wrong(err) == nil {
		err = &loot.Error{Kind: loot.Invalid, Msg: loot.Message(err), Fields: map[string]string{field: loot.Message(err)}}
	}
	return d.showOne(w, r, kind.Status(), which, form, err)
}

func (d *incidents) take(w http.ResponseWriter, r *http.Request) error {
	if err := d.dealWith(r, func(tx *store.Tx, i incident, by loot.Actor, alone bool) error {
		switch {
		case !i.Closed.IsZero():
			return loot.Errorf(loot.Conflict, "This incident is closed.")
		case i.Owner == by.ID:
			return loot.Errorf(loot.Conflict, "You own this incident already.")
		}
		text, from := "Owns this incident from now on.", ""
		if i.Owner != "" {
			name, err := d.staff.Name(r.Context(), tx, i.Owner)
			if err != nil {
				return err
			}
			text, from = "Took it over from "+name+" and owns it from now on.", i.Owner
		}
		i.Owner = by.ID
		return d.keep(r.Context(), tx, i, by, note{Kind: "taken", Text: text, Alone: alone}, from)
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "You own this incident from now on. Reminders go to you alone.")
	return web.Redirect(w, r, "/console/incidents/"+r.PathValue("id"))
}

// work takes one of the forms about the risk and the measures.
func (d *incidents) work(w http.ResponseWriter, r *http.Request) error {
	which := r.PathValue("what")
	do, ok := map[string]func(context.Context, *store.Tx, incident, loot.Actor, url.Values, bool) error{
		assessing: d.assess, planning: d.plan, finishing: d.finish,
	}[which]
	if !ok {
		return loot.Errorf(loot.NotFound, "There is no such form.")
	}
	return d.takeForm(w, r, which, "text", func(tx *store.Tx, i incident, by loot.Actor, form url.Values, alone bool) error {
		return do(r.Context(), tx, i, by, form, alone)
	})
}

func (d *incidents) write(w http.ResponseWriter, r *http.Request) error {
	return d.takeForm(w, r, nextStep, "kind", func(tx *store.Tx, i incident, by loot.Actor, form url.Values, alone bool) error {
		if err := stepForm(i.Version, true).Check(form); err != nil { // who may do what is said below
			return err
		}
		return d.step(r.Context(), tx, i, by, note{Kind: form.Get("kind"), Text: form.Get("text"), Alone: alone})
	})
}

var errClosed = loot.Errorf(loot.Conflict, "This incident was closed meanwhile.")

func (d *incidents) step(ctx context.Context, tx *store.Tx, i incident, by loot.Actor, n note) error {
	if !i.Closed.IsZero() {
		return errClosed
	}
	now := d.Now()
	switch n.Kind {
	case "told":
		i.Told = now
	case "closing":
		if err := d.mayClose(ctx, tx, i, by); err != nil {
			return err
		}
		i.Closed = now
	}
	return d.keep(ctx, tx, i, by, n, "")
}

// mayClose refuses to close an incident before all is done that its assessment
// asks for, and for its owner as long as somebody else could look at it.
func (d *incidents) mayClose(ctx context.Context, tx *store.Tx, i incident, by loot.Actor) error {
	left, err := untold(ctx, tx, i.ID)
	if err != nil {
		return err
	}
	a, err := assessed(ctx, tx, i.ID)
	if err != nil {
		return err
	}
	all, err := measures(ctx, tx, i.ID)
	if err != nil {
		return err
	}
	second, err := d.second(ctx, tx, i)
	if err != nil {
		return err
	}
	switch {
	case i.Owner == "":
		return loot.Errorf(loot.Conflict, "Nobody owns this incident. Somebody takes it on first.")
	case i.Owner == by.ID && second:
		return loot.Errorf(loot.Conflict, "You own this incident, so somebody else looks at it and closes it.")
	case i.Owner != by.ID && !second:
		return loot.Errorf(loot.Conflict, "Only its owner closes this incident, as nobody else could. Take it on first.")
	case a.Note == "":
		return loot.Errorf(loot.Conflict, "Assess the risk before closing.")
	case a.Regulator == "tell" && i.Told.IsZero():
		return loot.Errorf(loot.Conflict, "It was decided that the regulator is told. Note that this was done before closing.")
	case i.What == regulatorDue && i.Told.IsZero():
		return loot.Errorf(loot.Conflict, "A clause has the regulator told. Note that this was done before closing.")
	case a.Persons == "tell" && left > 0:
		return loot.Errorf(loot.Conflict, "It was decided that the people concerned are told before closing: %s.", loot.Plural(left, "customer has not been told", "customers have not been told"))
	}
	if open := slices.IndexFunc(all, func(m measure) bool { return m.Done.IsZero() }); open >= 0 {
		return loot.Errorf(loot.Conflict, "A measure is still open. Note that it was taken before closing.")
	}
	return nil
}

// keep writes an incident as a step left it, with a note of the step, which is
// on the ledger; from says whose the incident was, where it was taken over.
func (d *incidents) keep(ctx context.Context, tx *store.Tx, i incident, by loot.Actor, n note, from string) error {
	n.At, n.Author = d.Now(), by.ID
	said, reason := "incident."+n.Kind, i.ID
	if n.Alone {
		said += " alone"
	}
	if from != "" {
		reason += ", taken over from " + from
	}
	if err := update(ctx, tx, i); err != nil {
		return err
	}
	if err := d.addNote(ctx, tx, i.ID, n); err != nil {
		return err
	}
	_, err := d.Ledger.Append(ctx, tx, ledger.Entry{
		Facts: ledger.Facts{At: n.At, Verdict: ledger.Recorded, Note: said, ActorKind: by.Kind, Clauses: []loot.Clause{"disclosure.responsibility"}},
		Actor: ledger.ActorFacet{ID: by.ID, Name: by.Name, Reason: reason},
	})
	return err
}
