package verification

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

func (v *Verification) routes() []web.Route {
	return []web.Route{
		{Pattern: "GET /portal/checks", Audience: web.Portal, Serve: v.mine},
		{Pattern: "POST /portal/checks", Audience: web.Portal, Serve: v.askOwn, Body: mostEvidence + web.MaxBody, Limit: web.PerMinute(20)},
		{Pattern: "GET /portal/checks/wrong", Audience: web.Portal, Serve: v.wrongForm},
		{Pattern: "POST /portal/checks/wrong", Audience: web.Portal, Serve: v.reportOwn, Body: mostEvidence + web.MaxBody, Limit: web.PerMinute(20)},
		{Pattern: "GET /console/checks", Audience: web.Console, Serve: v.queue},
		{Pattern: "GET /console/checks/{id}", Audience: web.Console, Serve: v.show},
		{Pattern: "POST /console/checks/{id}", Audience: web.Console, Serve: v.rule},
		{Pattern: "POST /console/checks/{id}/open", Audience: web.Console, Serve: v.look},
		{Pattern: "POST /console/checks/{id}/ask", Audience: web.Console, Serve: v.askToLook},
		{Pattern: "POST /console/checks/{id}/evidence", Audience: web.Console, Serve: v.attach, Body: mostEvidence + web.MaxBody},
		{Pattern: "POST /console/checks/{id}/evidence/{file}", Audience: web.Console, Serve: v.openEvidence},
		{Pattern: "POST /console/checks/{id}/evidence/{file}/remove", Audience: web.Console, Serve: v.dropEvidence},
		{Pattern: "POST /console/checks/{id}/take", Audience: web.Console, Serve: v.take},
		{Pattern: "POST /console/checks/{id}/back", Audience: web.Console, Serve: v.giveBack},
		{Pattern: "POST /console/checks/{id}/second", Audience: web.Console, Serve: v.agree},
	}
}

// mine shows a customer what was checked, what they asked and what was answered.
func (v *Verification) mine(w http.ResponseWriter, r *http.Request) error {
	return v.showMine(w, r, http.StatusOK, nil, nil)
}

// askForm asks which of the details is to be checked, and for what shows that it is right.
func askForm(details []web.Option) web.Fields {
	return web.Fields{
		{Name: "field", Label: "Detail", Type: "select", Plain: true, Options: slices.Concat([]web.Option{{Label: "Everything"}}, details)},
		ownEvidence(),
	}
}

func (v *Verification) showMine(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	ctx, me := r.Context(), loot.Subject(web.ActorOf(r.Context()).ID)
	s, err := v.inForce()
	if err != nil {
		return err
	}
	data := mineView{View: web.ViewOf(r, "Checks of your record")}
	data.Lead = "How and when each detail was checked, what you asked us, and what we answered."
	data.Crumbs = []web.Crumb{{Label: "What we hold", Href: "/portal"}}
	data.Actions = []web.Action{
		{Label: "Have everything checked", Icon: "badge-check", Href: "/portal/checks", Post: true, Primary: true},
		{Label: "Something is wrong", Icon: "flag", Href: "/portal/checks/wrong"},
	}
	if err := v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		data.Details, data.Requests, data.Reports, data.Ask = nil, nil, nil, nil
		var details []web.Option
		held, err := v.shown(ctx, tx, me)
		if err != nil {
			return err
		}
		looks, err := v.looksAt(ctx, tx, s, me)
		if err != nil {
			return err
		}
		for _, d := range checked(s) {
			if about, is := held[d.ID]; is {
				l, was := looks[d.ID]
				data.Details = append(data.Details, detailView{d.Title, desk.StateBadge(about.State, "not checked"), l, was})
				details = append(details, web.Option{Value: string(d.ID), Label: d.Title})
			}
		}
		if len(details) > 0 {
			if data.Ask = askForm(details); typed != nil {
				data.Ask = data.Ask.With(typed, wrong)
			}
		}
		if err := v.mineAnswers(ctx, tx, s, me, &data); err != nil {
			return err
		}
		return nil
	}); err != nil {
		return err
	}
	data.Wrong = web.ProblemsOf(wrong, data.Ask)
	return minePage.Render(w, r, status, data)
}

// mineAnswers gathers requests and reports with their answers.
func (v *Verification) mineAnswers(ctx context.Context, tx *store.Tx, s *statement.Statement, me loot.Subject, data *mineView) error {
	cases, err := mattersOf(ctx, tx, me)
	if err != nil {
		return err
	}
	files, err := evidenceOf(ctx, tx, "", me)
	if err != nil {
		return err
	}
	reasons := map[string]string{}
	for _, m := range cases {
		notes, err := v.notes.Of(ctx, tx, m.ID)
		if err != nil {
			return err
		}
		if !m.Closed.IsZero() {
			reasons[m.ID] = desk.LatestNote(notes, "reason")
		}
		if m.Kind != kindMistake && m.Decision != "wrong" {
			continue
		}
		one := reportView{Title: titleOf(s, m.Field), Mistake: m.Kind == kindMistake, Invoice: m.Invoice, Line: m.Line, At: m.Opened, Due: m.Due, Closed: m.Closed, Said: desk.LatestNote(notes, "report"), Reason: reasons[m.ID], Answer: answerBadge(m)}
		if one.Written, err = v.written(ctx, tx, m); err != nil {
			return err
		}
		one.Left = leftInWords(left(m, notes))
		for _, e := range files {
			if e.Author == "" && e.Matter == m.ID && m.Kind == kindMistake {
				one.Attached = append(one.Attached, e.Weight())
			}
		}
		if m.Decision == "wrong" && !m.Closed.IsZero() {
			one.Correct = "/portal/correct/" + url.PathEscape(string(m.Field))
		}
		if m.Kind == kindMistake || !m.Closed.IsZero() {
			data.Reports = append(data.Reports, one)
		}
	}
	all, err := requestsOf(ctx, tx, me)
	if err != nil {
		return err
	}
	for _, q := range all {
		one := requestView{Title: titleOf(s, q.Field), Asked: q.Asked, Due: q.Due, Answered: q.Answered, Over: !q.Answered.IsZero(), Late: q.Answered.IsZero() && v.Now().After(q.Due)}
		for _, e := range files {
			if e.Author == "" && !e.At.Before(q.Asked) && (q.Answered.IsZero() || !e.At.After(q.Answered)) && slices.ContainsFunc(cases, func(m matter) bool { return m.ID == e.Matter && m.Field == q.Field && m.Kind != kindMistake }) {
				one.Attached = append(one.Attached, e.Weight())
			}
		}
		for _, a := range q.Answer {
			one.Answers = append(one.Answers, answeredView{Title: titleOf(s, a.Field), State: desk.StateBadge(a.State, "not checked"), Methods: last{Method: a.Method}.Methods(), Result: a.Result, Reason: reasons[a.Case]})
		}
		data.Requests = append(data.Requests, one)
	}
	return nil
}

func answerBadge(m matter) web.Badge {
	switch {
	case m.Closed.IsZero():
		return web.Badge{Tone: web.Warn, Text: "waits for an answer", Icon: "hourglass"}
	case m.Decision == "corrected":
		return web.Badge{Tone: web.Good, Text: "accepted, put right", Icon: "check"}
	case m.Decision == "moot":
		return web.Badge{Text: "changed meanwhile"}
	case m.Decision == "wrong":
		return web.Badge{Tone: web.Warn, Text: "does not seem right", Icon: "triangle-alert"}
	}
	return web.Badge{Tone: web.Info, Text: "found right as it stands", Icon: "badge-check"}
}

// askOwn keeps a customer's wish to have something checked.
func (v *Verification) askOwn(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	form, files, s, err := v.sent(r)
	if err != nil {
		return err
	}
	f := loot.Field(form.Get("field"))
	given, wrong := fileIn(files)
	if wrong == nil && given != nil && f == "" {
		wrong = web.Invalid("", map[string]string{"field": "Say which detail the file is about."})
	}
	if wrong != nil {
		return v.showMine(w, r, http.StatusUnprocessableEntity, form, wrong)
	}
	if err := v.DB.ReadTx(ctx, func(tx *store.Tx) error { return v.askable(ctx, tx, s, loot.Subject(me.ID), f) }); err != nil {
		return err
	}
	file, err := v.stage(ctx, loot.Subject(me.ID), f, given)
	if err != nil {
		return err
	}
	var asked request
	if err := v.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
		asked, err = v.ask(ctx, tx, s, me, f, file)
		return err
	}); web.Wrong(err) != nil {
		return v.showMine(w, r, http.StatusUnprocessableEntity, form, err)
	} else if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "We check it. You have the answer by "+asked.Due.UTC().Format("2 January 2006")+", here and by mail.")
	return web.Redirect(w, r, "/portal/checks")
}

// invoiceNumber is what a number of an invoice is made of.
var invoiceNumber = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9./_-]{0,39}$`)

// mistakeForm asks which of the details is wrong or, where lines of the invoice are known,
// which of them.
func mistakeForm(details []web.Option, lines []Line, one mistake) web.Fields {
	f := web.Fields{
		{Name: "field", Label: "Detail", Type: "select", Required: true, Options: slices.Concat([]web.Option{{Label: "Which one?"}}, details), Value: string(one.Field)},
		{Name: "invoice", Label: "Number of the invoice", MaxLen: 40, Value: one.Invoice, Hint: "If you saw it on one."},
	}
	if len(lines) > 0 {
		of := web.Field{Name: "line", Label: "Line of the invoice", Type: "select", Required: true, Wide: true, Options: []web.Option{{Label: "Which one?"}}}
		for _, l := range lines {
			of.Options = append(of.Options, web.Option{Value: strconv.Itoa(l.Number), Label: l.Words})
			if l.Number == one.Line {
				of.Value = strconv.Itoa(l.Number)
			}
		}
		f = append(f, of)
	}
	text := web.Field{Name: "text", Label: "What is wrong, and what would be right", Type: "textarea", Required: true, MaxLen: 2000, Rows: 4, Wide: true, Hint: "It is kept sealed. Only a colleague who checks records reads it."}
	if len(lines) > 0 { // it is about what an invoice says, and about no detail that a file could go with
		return append(f, text)
	}
	return append(f, text, ownEvidence())
}

// mistakeIn reads from an address or a form what somebody says is wrong. What cannot be the
// number of an invoice is none.
func mistakeIn(asked url.Values) mistake {
	one := mistake{Field: loot.Field(asked.Get("field")), Invoice: asked.Get("invoice"), Text: asked.Get("text")}
	if !invoiceNumber.MatchString(one.Invoice) {
		one.Invoice = ""
	}
	one.Line, _ = strconv.Atoi(asked.Get("line"))
	return one
}

func (v *Verification) wrongForm(w http.ResponseWriter, r *http.Request) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	return v.showWrong(w, r, http.StatusOK, mistakeIn(q), nil, nil)
}

func (v *Verification) showWrong(w http.ResponseWriter, r *http.Request, status int, one mistake, typed url.Values, wrong error) error {
	data := wrongView{View: web.ViewOf(r, "Something is wrong")}
	data.Lead = "A colleague looks at it and puts it right, or tells you why not. Until then the detail is marked as disputed."
	data.Crumbs = []web.Crumb{{Label: "What we hold", Href: "/portal"}, {Label: "Checks of your record", Href: "/portal/checks"}}
	fields, err := v.mistakes(r.Context(), web.ActorOf(r.Context()), one)
	if err != nil {
		return err
	}
	data.Form, data.Correct = fields, "/portal"
	if typed != nil {
		data.Form = fields.With(typed, wrong)
	}
	switch about := data.Form[0].Value; {
	case about != "" && about == string(v.invoices.Services):
		data.Correct = ""
	case about != "" && slices.ContainsFunc(data.Form[0].Options, func(o web.Option) bool { return o.Value == about }):
		data.Correct = "/portal/correct/" + url.PathEscape(about)
	}
	data.Wrong = web.ProblemsOf(wrong, data.Form)
	if loot.KindOf(wrong) == loot.Conflict {
		data.Told = &web.Alert{
			Tone: web.Warn, Title: loot.Message(wrong), Text: "What you wrote now stands below and was not sent.",
			Actions: []web.Action{{Label: "See what you reported", Icon: "arrow-right", Small: true, Href: "/portal/checks#reports"}},
		}
	}
	return wrongPage.Render(w, r, status, data)
}

// shown returns what is held of a customer, as they are shown it.
func (v *Verification) shown(ctx context.Context, tx *store.Tx, me loot.Subject) (map[loot.Field]vault.About, error) {
	held, err := v.Vault.Held(ctx, tx, me, collection)
	if err != nil || v.gone == nil {
		return held, err
	}
	gone, err := v.gone(ctx, tx, me)
	for _, f := range gone {
		delete(held, f)
	}
	return held, err
}

// mistakes asks what is wrong: a detail that is held, or a line of an invoice of theirs,
// which is opened for them to show its lines.
func (v *Verification) mistakes(ctx context.Context, me loot.Actor, one mistake) (web.Fields, error) {
	s, err := v.inForce()
	if err != nil {
		return nil, err
	}
	var details []web.Option
	if err := v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		held, err := v.shown(ctx, tx, loot.Subject(me.ID))
		details = nil
		for _, d := range s.Fields(collection) {
			if _, is := held[d.ID]; is {
				details = append(details, web.Option{Value: string(d.ID), Label: d.Title})
			}
		}
		return err
	}); err != nil {
		return nil, err
	}
	services, declared := s.Field(v.invoices.Services)
	if !declared || v.invoices.Lines == nil {
		return mistakeForm(details, nil, one), nil
	}
	details = append(details, web.Option{Value: string(services.ID), Label: services.Title + ", on an invoice"})
	if one.Field != services.ID || one.Invoice == "" {
		return mistakeForm(details, nil, one), nil
	}
	lines, err := v.invoices.Lines(ctx, me, one.Invoice)
	return mistakeForm(details, lines, one), err
}

// reportOwn keeps what a customer says is wrong.
func (v *Verification) reportOwn(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	form, files, s, err := v.sent(r)
	if err != nil {
		return err
	}
	one := mistakeIn(form)
	fields, err := v.mistakes(ctx, me, one)
	if err != nil {
		return err
	}
	given, notTaken := fileIn(files)
	wrong := fields.Check(form)
	if one.Field != v.invoices.Services {
		one.Line = 0
	}
	switch {
	case wrong != nil:
	case form.Get("invoice") != one.Invoice:
		wrong = web.Invalid("", map[string]string{"invoice": "A number of an invoice is made of letters, digits, dots and dashes."})
	case one.Field == v.invoices.Services && one.Invoice == "":
		wrong = web.Invalid("", map[string]string{"invoice": "Say on which invoice. Its lines are offered then."})
	case one.Field == v.invoices.Services && one.Line == 0:
		wrong = errNotNamed
	case one.Field == v.invoices.Services && given != nil:
		wrong = web.Invalid("", map[string]string{"text": "A file goes with a detail of your record. Say in words what is wrong with a line of an invoice."})
	default:
		wrong = notTaken
	}
	if wrong != nil {
		return v.showWrong(w, r, http.StatusUnprocessableEntity, one, form, wrong)
	}
	if one.File, err = v.stage(ctx, loot.Subject(me.ID), one.Field, given); err != nil {
		return err
	}
	if err := v.Gate.InTx(ctx, func(tx *store.Tx) error { return v.report(ctx, tx, s, me, one) }); web.Wrong(err) != nil || loot.KindOf(err) == loot.Conflict {
		return v.showWrong(w, r, web.Status(err), one, form, err)
	} else if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Thank you. A colleague looks at it, and the answer comes here and by mail.")
	return web.Redirect(w, r, "/portal/checks")
}
