package safety

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"loot"
	"loot/desk"
	"loot/store"
	"loot/web"
)

var (
	answerPage = web.NewPage[sideView](pageFiles, "pages/answer.html", "pages/side.html")
	minePage   = web.NewPage[mineView](pageFiles, "pages/mine.html")
	onePage    = web.NewPage[sideView](pageFiles, "pages/one.html", "pages/side.html")
)

// A sideView is a case as its customer sees it: by the link of a letter, or in the portal.
type sideView struct {
	web.View
	Facts   []web.Fact
	Events  []web.Day
	Reasons []reasonsView
	Ask     string // what the form is for; empty: there is nothing to say
	Hint    string
	To      string
	Button  string
	Form    web.Fields
	Wrong   *web.Problems
}

// A reasonsView is a statement of reasons.
type reasonsView struct {
	Title string
	At    time.Time
	Facts []web.Fact
	How   string
}

func reasonsOf(c matter, js []judgment, to reader) (out []reasonsView) {
	for _, j := range js {
		v := reasonsView{Title: "Judgment", At: j.At, How: howToObject(c, j, to)}
		if j.Appeal {
			v.Title = "Decision on the objection"
		} else if !c.Decided.IsZero() || !c.Appealed.IsZero() {
			v.How = ""
		}
		for _, row := range judgmentRows(c, j, to)[1:] {
			v.Facts = append(v.Facts, web.Fact{Term: row.Term, Value: row.Value})
		}
		out = append(out, v)
	}
	return out
}

func sayForm(label string) web.Fields {
	return web.Fields{{Name: "text", Label: label, Type: "textarea", Required: true, MaxLen: 8000, Rows: 8, Wide: true}}
}

// side fills a page with a case as its customer may see it.
func (d *Safety) side(ctx context.Context, tx *store.Tx, v *sideView, c matter) error {
	notes, err := d.notes.Of(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	js, err := d.judgments(ctx, tx, `matter = $1 ORDER BY at, id`, c.ID)
	if err != nil {
		return err
	}
	state := d.state(c, toCustomer)
	v.Facts = []web.Fact{
		{Term: "Reference", Value: c.Reference(), Code: true},
		{Term: "Kind", Value: kindTitle(c.What, c.Kind)},
		{Term: "State", Badge: &state},
		{Term: "Opened", Value: c.Opened.UTC().Format(letterDay)},
	}
	if c.Service != "" && c.Subject != "" {
		titles, err := d.needs.Services(ctx, tx, c.Subject)
		if err != nil {
			return err
		}
		if title := titles[c.Service]; title != "" {
			v.Facts = append(v.Facts, web.Fact{Term: "Service", Value: title})
		}
	}
	if undecided(c) && !c.Notified.IsZero() && c.Answered.IsZero() {
		v.Facts = append(v.Facts, web.Fact{Term: "Answer by", Value: c.Due.UTC().Format(letterDay)})
	}
	v.Reasons = reasonsOf(c, js, toCustomer)
	var events []web.Event
	for _, n := range notes {
		if e, shown := customersEvent(n); shown {
			events = append([]web.Event{e}, events...)
		}
	}
	v.Events = web.Days(events)
	switch {
	case undecided(c):
		v.Ask, v.Button, v.Form = "Your side", "Send the answer", sayForm("What you answer")
		v.Hint = "A colleague reads it before anything is decided."
	case c.Appealed.IsZero() && (c.Outcome == violation || c.Outcome == refused) && d.Now().Before(c.Due):
		v.Ask, v.Button, v.Form = "Object to the judgment", "Send it", sayForm("Why it is wrong")
		v.Hint = "A colleague who had no part in the judgment reads it and decides."
	}
	return nil
}

// customersEvent shows a customer what was done in their case, and no note of colleagues.
func customersEvent(n desk.Note) (web.Event, bool) {
	e := web.Event{At: n.At, Text: n.Text}
	switch n.Kind {
	case "asked":
		e.Icon, e.Title = "mail", "We asked you"
	case "answered":
		e.Icon, e.Title = "message-square", "You answered"
	case "opened":
		e.Icon, e.Title = "message-square", "You opened the dispute"
	case "appeal":
		e.Icon, e.Title = "scale", "You objected"
	case "measure " + limited:
		e.Icon, e.Title, e.Tone = "ban", "Your service was limited", web.Warn
	case "measure " + suspended:
		e.Icon, e.Title, e.Tone = "pause", "Your service was suspended", web.Warn
	case "measure " + lifted:
		e.Icon, e.Title = "play", "That was lifted"
	default:
		return e, false
	}
	return e, true
}

// say takes what a customer has to say: their side, or that they object.
func (d *Safety) say(ctx context.Context, tx *store.Tx, c matter, text string) error {
	if undecided(c) {
		return d.hear(ctx, tx, c, text)
	}
	return d.appeal(ctx, tx, c, text)
}

// linked returns the case that the link of a letter is about.
func (d *Safety) linked(ctx context.Context, tx *store.Tx, token, lock string) (link, matter, error) {
	l, err := d.linkBy(ctx, tx, token, toAnswerBy, toAppealBy)
	if err != nil {
		return l, matter{}, err
	}
	c, err := findCase(ctx, tx, l.Matter, lock)
	if err == nil && c.Subject == "" {
		err = errNoLink
	}
	return l, c, err
}

// askAnswer shows the page that a letter leads to. Opening it says nothing.
func (d *Safety) askAnswer(w http.ResponseWriter, r *http.Request) error {
	return d.showAnswer(w, r, http.StatusOK, nil, nil)
}

func (d *Safety) showAnswer(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	v := sideView{View: web.ViewOf(r, "A case about your service")}
	v.Lead = "The link in your letter leads here. It is for one answer and needs no password, so keep it to yourself."
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		l, c, err := d.linked(r.Context(), tx, r.PathValue("token"), "")
		if err != nil {
			return err
		}
		if err := d.side(r.Context(), tx, &v, c); err != nil {
			return err
		}
		if !l.Used.IsZero() || undecided(c) != (l.Purpose == toAnswerBy) {
			v.Ask, v.Form = "", nil // it is answered, or about something that is over
		}
		return nil
	}); err != nil {
		return err
	}
	v.To = r.URL.Path
	if typed != nil && v.Form != nil {
		v.Form = v.Form.With(typed, wrong)
		v.Wrong = web.ProblemsOf(wrong, v.Form)
	}
	return answerPage.Render(w, r, status, v)
}

func (d *Safety) takeAnswer(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	if err := sayForm("What you answer").Check(typed); web.Wrong(err) != nil {
		return d.showAnswer(w, r, http.StatusUnprocessableEntity, typed, err)
	} else if err != nil {
		return err
	}
	if err := d.DB.InTx(r.Context(), func(tx *store.Tx) error {
		l, c, err := d.linked(r.Context(), tx, r.PathValue("token"), tx.ForUpdate())
		if err != nil {
			return err
		}
		if undecided(c) != (l.Purpose == toAnswerBy) {
			return loot.Errorf(loot.Conflict, "The case has gone on meanwhile. Your portal shows how it stands and takes what you have to say.")
		}
		if err := d.spend(r.Context(), tx, l); err != nil {
			return err
		}
		return d.say(r.Context(), tx, c, typed.Get("text"))
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Thank you. A colleague reads it, and you hear what is decided.")
	return web.Redirect(w, r, r.URL.Path)
}

type mineView struct {
	web.View
	Rows  []caseRow
	Empty web.Empty
	Form  web.Fields
	Wrong *web.Problems
}

func disputeForm() web.Fields {
	return web.Fields{
		{Name: "kind", Label: "What it is about", Type: "select", Required: true, Options: append([]web.Option{web.Choose}, disputes...)},
		{Name: "reference", Label: "Number", MaxLen: 64, Hint: "Of the invoice, the service or the case, if you have it at hand."},
		{Name: "text", Label: "What is wrong, and what would put it right", Type: "textarea", Required: true, MaxLen: 8000, Rows: 6, Wide: true},
	}
}

// mine lists a customer's cases.
func (d *Safety) mine(w http.ResponseWriter, r *http.Request) error {
	return d.showMine(w, r, http.StatusOK, disputeForm(), nil)
}

func (d *Safety) showMine(w http.ResponseWriter, r *http.Request, status int, form web.Fields, wrong error) error {
	v := mineView{View: web.ViewOf(r, "Cases"), Form: form, Wrong: web.ProblemsOf(wrong, form)}
	v.Lead = "Where misuse of your services was reported, and where you and we disagree. You are heard, you get a judgment with its reasons, and somebody else looks again if you object."
	v.Empty = web.Empty{Icon: "shield-check", Title: "No case", Text: "Nobody has reported misuse of your services, and you have no dispute with us."}
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		v.Rows = nil
		list, err := cases(r.Context(), tx, `subject = $1 ORDER BY opened DESC, id LIMIT 200`, web.ActorOf(r.Context()).ID)
		for _, c := range list {
			v.Rows = append(v.Rows, d.row(c, "/portal/cases/", toCustomer))
		}
		return err
	}); err != nil {
		return err
	}
	return minePage.Render(w, r, status, v)
}

// dispute opens a case about a disagreement.
func (d *Safety) dispute(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := disputeForm()
	if err := form.Check(typed); web.Wrong(err) != nil {
		return d.showMine(w, r, http.StatusUnprocessableEntity, form.With(typed, err), err)
	} else if err != nil {
		return err
	}
	ctx, me := r.Context(), web.ActorOf(r.Context())
	var id string
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		now := d.Now()
		c := matter{ID: loot.NewID(casePrefix), What: aDispute, Kind: typed.Get("kind"), Subject: loot.Subject(me.ID), Earliest: now, Latest: now, Opened: now, Due: now.Add(toSettle)}
		id = c.ID
		if err := insertCase(ctx, tx, c); err != nil {
			return err
		}
		text := typed.Get("text")
		if n := typed.Get("reference"); n != "" {
			text = "About " + n + ". " + text
		}
		if err := d.notes.Add(ctx, tx, id, desk.Note{At: now, Kind: "opened", Text: text}); err != nil {
			return err
		}
		return d.Gate.NoteAbout(ctx, tx, c.Subject, customer, me, "case.opened", Keeps[0])
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Your dispute is with a colleague. You hear what is decided, with the reasons.")
	return web.Redirect(w, r, "/portal/cases/"+id)
}

// ownCase returns a case of whoever asks.
func (d *Safety) ownCase(ctx context.Context, tx *store.Tx, id, lock string) (matter, error) {
	c, err := findCase(ctx, tx, id, lock)
	if err == nil && (c.Subject == "" || string(c.Subject) != web.ActorOf(ctx).ID) {
		err = loot.Errorf(loot.NotFound, "There is no such case of yours.")
	}
	return c, err
}

func (d *Safety) mineOne(w http.ResponseWriter, r *http.Request) error {
	return d.showMineOne(w, r, http.StatusOK, nil, nil)
}

func (d *Safety) showMineOne(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	v := sideView{View: web.ViewOf(r, "A case"), To: "/portal/cases/" + r.PathValue("id")}
	v.Crumbs = []web.Crumb{{Label: "Cases", Href: "/portal/cases"}}
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		c, err := d.ownCase(r.Context(), tx, r.PathValue("id"), "")
		if err != nil {
			return err
		}
		v.Title = kindTitle(c.What, c.Kind)
		return d.side(r.Context(), tx, &v, c)
	}); err != nil {
		return err
	}
	if typed != nil && v.Form != nil {
		v.Form = v.Form.With(typed, wrong)
		v.Wrong = web.ProblemsOf(wrong, v.Form)
	}
	return onePage.Render(w, r, status, v)
}

func (d *Safety) answerMine(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	if err := sayForm("What you answer").Check(typed); web.Wrong(err) != nil {
		return d.showMineOne(w, r, http.StatusUnprocessableEntity, typed, err)
	} else if err != nil {
		return err
	}
	if err := d.DB.InTx(r.Context(), func(tx *store.Tx) error {
		c, err := d.ownCase(r.Context(), tx, r.PathValue("id"), tx.ForUpdate())
		if err != nil {
			return err
		}
		return d.say(r.Context(), tx, c, typed.Get("text"))
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Thank you. A colleague reads it, and you hear what is decided.")
	return web.Redirect(w, r, "/portal/cases/"+url.PathEscape(r.PathValue("id")))
}
