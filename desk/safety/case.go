package safety

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/store"
	"loot/vault"
	"loot/web"
)

var casePage = web.NewPage[caseView](pageFiles, "pages/case.html", "pages/side.html")

type caseView struct {
	web.View
	Case     caseRow
	Facts    []web.Fact
	Barred   *web.Alert
	Refusal  *web.Refusal
	Playbook string
	Record   *web.Action // opens the customer's record for the case
	Reports  []reportRow
	More     int // reports that are not shown
	Opened   bool
	Open     string // where the reports are opened; empty: they are, or the case is closed
	Reasons  []reasonsView
	Days     []web.Day
	Forms    []deedForm
	Same     bool // whoever looks judged it, so somebody else decides the appeal
}

// A reportRow is a report on the page of its case.
type reportRow struct {
	filed
	Title    string
	How      string
	Sender   string
	Seen     string
	URLs     []string
	Warnings []string
	Text     string // empty: it was not opened
	Email    string
	Exhibit  []exhibitRow
}

// An exhibitRow is a file: handed out, and never shown.
type exhibitRow struct {
	Kind, Size, SHA256 string
	Href               string // where it is handed out; empty: the case is closed
}

// A deedForm is a step that can be taken now.
type deedForm struct {
	deed
	To    string
	Form  web.Fields
	Wrong *web.Problems
	Main  bool
}

var noteTitles = map[string]string{
	"taken": "took it on", "asked": "asked the customer", "answered": "answered", "escalated": "no answer in time", "judged": "judged", "reviewed": "decided the appeal",
	"appeal": "objected to the judgment", "note": "noted", "address": "found whose address it was", "elsewhere": "looked whose address it was", "opened": "opened the dispute",
	"unreached":          "could not reach the customer",
	"measure " + limited: "limited the service", "measure " + suspended: "suspended the service", "measure " + lifted: "lifted the measure",
}

var wayTitles = map[string]string{ByForm: "by the form", ByAPI: "by a program", ByMail: "by mail", ByFeed: "by a feed"}

func (d *Safety) show(w http.ResponseWriter, r *http.Request) error {
	return d.showCase(w, r, http.StatusOK, caseView{}, "", nil, nil)
}

// showCase shows a case; the form of a step was sent and was wrong, if sent names one.
func (d *Safety) showCase(w http.ResponseWriter, r *http.Request, status int, v caseView, sent string, typed url.Values, wrong error) error {
	ctx, by := r.Context(), web.ActorOf(r.Context())
	opened := map[string]reportRow{}
	for _, one := range v.Reports {
		opened[one.ID] = one
	}
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		v.Reports, v.Days, v.Forms, v.Reasons, v.Facts, v.Barred = nil, nil, nil, nil, nil, nil
		c, err := findCase(ctx, tx, r.PathValue("id"), "")
		if err != nil {
			return err
		}
		v.Case = d.row(c, "/console/abuse/", toStaff)
		if _, err := d.dealer(ctx, tx, c.ID, ""); loot.KindOf(err) == loot.Denied {
			v.Barred = barredAlert(err)
			return nil
		} else if err != nil {
			return err
		}
		if err := d.caseFacts(ctx, tx, &v, c); err != nil {
			return err
		}
		if err := d.caseReports(ctx, tx, &v, c, opened); err != nil {
			return err
		}
		js, err := d.judgments(ctx, tx, `matter = $1 ORDER BY at, id`, c.ID)
		if err != nil {
			return err
		}
		v.Reasons = reasonsOf(c, js, toStaff)
		v.Same = reviewing(c) && c.Judge == by.ID
		return d.caseHistory(ctx, tx, &v, c)
	}); err != nil {
		return err
	}
	c := v.Case.matter
	if p, ok := playbookOf(Kind(c.Kind)); ok && c.What == anAbuse {
		v.Playbook = p.Steps
	}
	if v.Barred == nil {
		for _, one := range deeds() {
			if !one.Open(c, by) {
				continue
			}
			f := deedForm{deed: one, To: v.Case.Href + "/" + one.Step, Form: stamped(c, one.Fields(c)), Main: one.Step == "judge" || one.Step == "review"}
			if one.Step == sent {
				now := f.Form[0].Value
				f.Form = f.Form.With(typed, wrong)
				f.Form[0].Value = now
				f.Wrong = web.ProblemsOf(wrong, f.Form)
			}
			for i := range f.Form { // the same name stands in several forms
				f.Form[i].Form = one.Step
			}
			v.Forms = append(v.Forms, f)
		}
		if c.Subject != "" && c.Closed.IsZero() {
			v.Record = &web.Action{
				Label: "Open the customer’s record", Icon: "lock-open", Post: true, Href: desk.CustomerPath(c.Subject) + "/open",
				Hidden: []web.Hidden{{Name: "purpose", Value: string(purposeOf(c.What))}, {Name: "case", Value: c.ID}, {Name: "reason", Value: "Case " + c.Reference()}},
			}
		}
	}
	v.View = web.ViewOf(r, v.Case.Title)
	v.Crumbs = []web.Crumb{{Label: "Abuse and disputes", Href: "/console/abuse"}}
	v.Wide = true
	if !v.Opened && c.Closed.IsZero() { // nothing opens for a case that is closed
		v.Open = v.Case.Href + "/reports"
	}
	return casePage.Render(w, r, status, v)
}

func (d *Safety) caseFacts(ctx context.Context, tx *store.Tx, v *caseView, c matter) error {
	fact := func(term, value string) { v.Facts = append(v.Facts, web.Fact{Term: term, Value: value}) }
	v.Facts = append(v.Facts, web.Fact{Term: "State", Badge: &v.Case.State}, web.Fact{Term: "Reference", Value: c.Reference(), Code: true})
	fact("Opened", c.Opened.UTC().Format(letterDay))
	if undecided(c) || reviewing(c) {
		fact("Due", c.Due.UTC().Format(letterDay))
	}
	if c.What == anAbuse {
		seen := c.Earliest.UTC().Format(letterDay)
		if !c.Latest.Equal(c.Earliest) {
			seen += " to " + c.Latest.UTC().Format(letterDay)
		}
		fact("Seen", seen)
	}
	switch {
	case c.Subject != "":
		v.Facts = append(v.Facts, web.Fact{Term: "Customer", Value: string(c.Subject), Code: true})
		n, err := repeats(ctx, tx, c, d.Now())
		if err != nil {
			return err
		}
		if n > 0 {
			v.Facts = append(v.Facts, web.Fact{Term: "Before", Badge: &web.Badge{Tone: web.Warn, Text: loot.Plural(n, "case", "cases") + " of misuse in a year", Icon: "history"}})
		}
	case c.Outcome == "" && c.What == anAbuse:
		v.Facts = append(v.Facts, web.Fact{Term: "Customer", Note: "Not known yet: the reports name a web address. Find out its internet address, and look whose it was."})
	}
	if c.Service != "" {
		v.Facts = append(v.Facts, web.Fact{Term: "Service", Value: c.Service, Code: true, Action: &web.Action{Label: "Service", Icon: "server", Small: true, Href: "/console/billing/services/" + url.PathEscape(c.Service)}})
	}
	if c.Measure != "" {
		v.Facts = append(v.Facts, web.Fact{Term: "In force", Badge: &web.Badge{Tone: web.Warn, Text: c.Measure, Icon: "ban"}})
	}
	for _, who := range []struct{ term, id string }{{"Dealt with by", c.Owner}, {"Judged by", c.Judge}} {
		if who.id == "" {
			continue
		}
		name, err := d.needs.Staff.Name(ctx, tx, who.id)
		if err != nil {
			return err
		}
		fact(who.term, name)
	}
	return nil
}

// caseReports lists the reports of a case: what they say only where they were opened.
func (d *Safety) caseReports(ctx context.Context, tx *store.Tx, v *caseView, c matter, opened map[string]reportRow) error {
	list, err := reportsOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	files, err := evidenceOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	var all int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM safety_about WHERE matter = $1`, c.ID).Scan(&all); err != nil {
		return fmt.Errorf("safety: reports: %w", err)
	}
	v.More = all - len(list)
	for _, f := range list {
		row := reportRow{filed: f, Title: kindTitle(anAbuse, f.Kind), How: wayTitles[f.Way], Sender: "Nobody named"}
		row.Text, row.Email = opened[f.ID].Text, opened[f.ID].Email
		if row.Sender, err = d.sender(ctx, tx, f); err != nil {
			return err
		}
		if v.Opened {
			s, err := d.openSaid(f)
			if err != nil {
				return err
			}
			row.Seen, row.URLs, row.Warnings = s.Address, s.URLs, s.Warnings
		}
		for _, e := range files {
			if e.Report == f.ID {
				one := exhibitRow{Kind: e.Kind, Size: web.Bytes(e.Size), SHA256: e.SHA256}
				if c.Closed.IsZero() {
					one.Href = v.Case.Href + "/evidence/" + e.ID
				}
				row.Exhibit = append(row.Exhibit, one)
			}
		}
		v.Reports = append(v.Reports, row)
	}
	return nil
}

// sender says who sent a report as far as it matters: not who, but how often they were right.
func (d *Safety) sender(ctx context.Context, tx *store.Tx, f filed) (string, error) {
	switch {
	case f.Subject == "":
		return "Erased", nil
	case len(f.Reporter) == 0:
		return "Left no address", nil
	}
	title, trusted, err := trustOf(ctx, tx, f.Reporter)
	if err != nil {
		return "", err
	}
	r, err := reputationOf(ctx, tx, f.Reporter)
	if err != nil {
		return "", err
	}
	text := r.String()
	if trusted && f.Trusted {
		text = "Trusted: " + title + ". " + text
	}
	if !f.Proven {
		text += " The address is not proved."
	}
	return text, nil
}

func (d *Safety) caseHistory(ctx context.Context, tx *store.Tx, v *caseView, c matter) error {
	notes, err := d.notes.Of(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	var events []web.Event
	for _, n := range notes {
		e := web.Event{At: n.At, Icon: "dot", Title: "The customer " + noteTitles[n.Kind], Text: n.Text}
		switch n.Author {
		case "":
			e.Icon, e.Tone = "message-square", web.Info
		case name:
			e.Icon, e.Tone, e.Title = "clock-alert", web.Warn, "The program: "+noteTitles[n.Kind]
		default:
			who, err := d.needs.Staff.Name(ctx, tx, n.Author)
			if err != nil {
				return err
			}
			e.Icon, e.Title = "user", who+" "+noteTitles[n.Kind]
		}
		events = append([]web.Event{e}, events...)
	}
	v.Days = web.Days(append(events, web.Event{At: c.Opened, Icon: "flag", Title: "Opened"}))
	return nil
}

// openReports opens what the reports of a case say, each by a decision of its own.
func (d *Safety) openReports(w http.ResponseWriter, r *http.Request) error {
	ctx, by := r.Context(), web.ActorOf(r.Context())
	v := caseView{Opened: true}
	err := d.Gate.InTx(ctx, func(tx *store.Tx) error {
		v.Reports = nil
		c, err := d.dealer(ctx, tx, r.PathValue("id"), "")
		if err != nil {
			return err
		}
		list, err := reportsOf(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		for _, f := range list {
			if f.Subject == "" {
				continue
			}
			fields := []loot.Field{reporterText}
			if len(f.Reporter) > 0 {
				fields = append(fields, reporterEmail)
			}
			p, err := d.Gate.Decide(ctx, tx, readingOf(c, by, f.Subject, fields))
			if err != nil {
				return err
			}
			values, err := d.Vault.Open(ctx, tx, p)
			if err != nil {
				return err
			}
			//nolint:forbidigo // on the page of the case for which it was decided
			row := reportRow{filed: f, Text: values[reporterText].Reveal(), Email: values[reporterEmail].Reveal()}
			v.Reports = append(v.Reports, row)
		}
		return nil
	})
	if refusal, no := web.RefusalOf(err); no {
		return d.showCase(w, r, http.StatusForbidden, caseView{Refusal: &refusal}, "", nil, nil)
	}
	if err != nil {
		return err
	}
	return d.showCase(w, r, http.StatusOK, v, "", nil, nil)
}

// readingOf is what the gate is asked about a report.
func readingOf(c matter, by loot.Actor, s loot.Subject, fields []loot.Field) gate.Request {
	return gate.Request{
		Action: loot.Use, Actor: by, Desk: name, Purpose: forSafety, Subject: s, Collection: reporters, Fields: fields, Case: c.ID, Reason: "Case " + c.Reference(),
		Unmask: true,
	}
}

// openEvidence hands a file out to be kept, never to be looked at in the browser.
func (d *Safety) openEvidence(w http.ResponseWriter, r *http.Request) error {
	ctx, by := r.Context(), web.ActorOf(r.Context())
	var e exhibit
	var content *vault.Content
	err := d.Gate.InTx(ctx, func(tx *store.Tx) error {
		c, err := d.dealer(ctx, tx, r.PathValue("id"), "")
		if err != nil {
			return err
		}
		files, err := evidenceOf(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		e = exhibit{}
		for _, one := range files {
			if one.ID == r.PathValue("file") {
				e = one
			}
		}
		list, err := reportsOf(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		for _, f := range list {
			if f.ID != e.Report || f.Subject == "" || e.ID == "" {
				continue
			}
			p, err := d.Gate.Decide(ctx, tx, readingOf(c, by, f.Subject, []loot.Field{reporterText}))
			if err != nil {
				return err
			}
			content, err = d.Vault.OpenFile(ctx, tx, p, e.ID)
			return err
		}
		return loot.Errorf(loot.NotFound, "There is no such file in this case.")
	})
	if refusal, no := web.RefusalOf(err); no {
		return d.showCase(w, r, http.StatusForbidden, caseView{Refusal: &refusal}, "", nil, nil)
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+e.ID+`.bin"`)
	h.Set("Content-Length", strconv.FormatInt(e.Size, 10))
	_, err = io.Copy(w, content)
	return err
}

// step takes a step in a case.
func (d *Safety) step(w http.ResponseWriter, r *http.Request) error {
	one, ok := deedOf(r.PathValue("step"))
	if !ok {
		return loot.Errorf(loot.NotFound, "There is no such step.")
	}
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	said, to := "Done.", "/console/abuse/"+url.PathEscape(r.PathValue("id"))
	err = d.Gate.InTx(ctx, func(tx *store.Tx) error {
		c, err := d.dealer(ctx, tx, r.PathValue("id"), tx.ForUpdate())
		if err != nil {
			return err
		}
		if v := typed.Get("version"); v != "" && v != strconv.FormatInt(c.Version, 10) {
			return errChanged
		}
		if !one.Open(c, by) {
			if one.Step == "review" && reviewing(c) {
				return errSame
			}
			return loot.Errorf(loot.Conflict, "As the case stands now, this step cannot be taken. Look at it again.")
		}
		if err := one.Fields(c).Check(typed); err != nil {
			return err
		}
		if one.Step == "review" { // whoever deals with disputes alone sees no more of it
			said, to = decidedWords(c, typed.Get("outcome")), "/console/abuse"
		}
		return one.Do(d, ctx, tx, c, by, typed)
	})
	if refusal, no := web.RefusalOf(err); no {
		return d.showCase(w, r, http.StatusForbidden, caseView{Refusal: &refusal}, "", nil, nil)
	}
	if web.Wrong(err) != nil || errors.Is(err, errChanged) {
		status := loot.KindOf(err).Status()
		if web.Wrong(err) == nil {
			err = &loot.Error{Kind: loot.Invalid, Msg: loot.Message(err)}
		}
		return d.showCase(w, r, status, caseView{}, one.Step, typed, err)
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, said)
	return web.Redirect(w, r, to)
}
