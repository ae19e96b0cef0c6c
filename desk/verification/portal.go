package verification

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"

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
		{Pattern: "POST /portal/checks", Audience: web.Portal, Serve: v.askOwn, Limit: web.PerMinute(20)},
		{Pattern: "GET /portal/checks/wrong", Audience: web.Portal, Serve: v.wrongForm},
		{Pattern: "POST /portal/checks/wrong", Audience: web.Portal, Serve: v.reportOwn, Limit: web.PerMinute(20)},
		{Pattern: "GET /console/checks", Audience: web.Console, Serve: v.queue},
		{Pattern: "GET /console/checks/{id}", Audience: web.Console, Serve: v.show},
		{Pattern: "POST /console/checks/{id}", Audience: web.Console, Serve: v.rule},
		{Pattern: "POST /console/checks/{id}/open", Audience: web.Console, Serve: v.look},
		{Pattern: "POST /console/checks/{id}/ask", Audience: web.Console, Serve: v.askToLook},
		{Pattern: "POST /console/checks/{id}/evidence", Audience: web.Console, Serve: v.attach, Body: mostEvidence + web.MaxBody},
		{Pattern: "POST /console/checks/{id}/evidence/{file}", Audience: web.Console, Serve: v.openEvidence},
		{Pattern: "POST /console/checks/{id}/evidence/{file}/remove", Audience: web.Console, Serve: v.dropEvidence},
		{Pattern: "POST /console/checks/{id}/second", Audience: web.Console, Serve: v.agree},
	}
}

// mine shows a customer what was checked, what they asked and what was answered.
func (v *Verification) mine(w http.ResponseWriter, r *http.Request) error {
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
		data.Details, data.Requests, data.Reports = nil, nil, nil
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
			}
		}
		if err := v.mineAnswers(ctx, tx, s, me, &data); err != nil {
			return err
		}
		return nil
	}); err != nil {
		return err
	}
	return minePage.Render(w, r, http.StatusOK, data)
}

// mineAnswers gathers requests and reports with their answers.
func (v *Verification) mineAnswers(ctx context.Context, tx *store.Tx, s *statement.Statement, me loot.Subject, data *mineView) error {
	cases, err := mattersOf(ctx, tx, me)
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
		one := reportView{Title: titleOf(s, m.Field), Mistake: m.Kind == kindMistake, Invoice: m.Invoice, At: m.Opened, Due: m.Due, Closed: m.Closed, Said: desk.LatestNote(notes, "report"), Reason: reasons[m.ID], Answer: answerBadge(m)}
		if one.Written, err = v.written(ctx, tx, m); err != nil {
			return err
		}
		one.Left = leftInWords(left(m, notes))
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
	form, s, err := v.asked(r)
	if err != nil {
		return err
	}
	var asked request
	if err := v.DB.InTx(r.Context(), func(tx *store.Tx) (err error) {
		asked, err = v.ask(r.Context(), tx, s, loot.Subject(web.ActorOf(r.Context()).ID), loot.Field(form.Get("field")))
		return err
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "We check it. You have the answer by "+asked.Due.UTC().Format("2 January 2006")+", here and by mail.")
	return web.Redirect(w, r, "/portal/checks")
}

// invoiceNumber is what a number of an invoice is made of.
var invoiceNumber = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9./_-]{0,39}$`)

// mistakeForm asks which of the details is wrong.
func mistakeForm(s *statement.Statement, held func(loot.Field) bool, field, invoice string) web.Fields {
	options := []web.Option{{Label: "Which one?"}}
	for _, d := range s.Fields(collection) {
		if held(d.ID) {
			options = append(options, web.Option{Value: string(d.ID), Label: d.Title})
		}
	}
	return web.Fields{
		{Name: "field", Label: "Detail", Type: "select", Required: true, Options: options, Value: field},
		{Name: "invoice", Label: "Number of the invoice", MaxLen: 40, Value: invoice, Hint: "If you saw it on one."},
		{Name: "text", Label: "What is wrong, and what would be right", Type: "textarea", Required: true, MaxLen: 2000, Rows: 4, Wide: true, Hint: "It is kept sealed. Only a colleague who checks records reads it."},
	}
}

func (v *Verification) wrongForm(w http.ResponseWriter, r *http.Request) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	invoice := q.Get("invoice")
	if !invoiceNumber.MatchString(invoice) {
		invoice = ""
	}
	return v.showWrong(w, r, http.StatusOK, q.Get("field"), invoice, nil, nil)
}

func (v *Verification) showWrong(w http.ResponseWriter, r *http.Request, status int, field, invoice string, typed url.Values, wrong error) error {
	s, err := v.inForce()
	if err != nil {
		return err
	}
	data := wrongView{View: web.ViewOf(r, "Something is wrong")}
	data.Lead = "A colleague looks at it and puts it right, or tells you why not. Until then the detail is marked as disputed."
	data.Crumbs = []web.Crumb{{Label: "What we hold", Href: "/portal"}, {Label: "Checks of your record", Href: "/portal/checks"}}
	fields, err := v.mistakes(r.Context(), s, loot.Subject(web.ActorOf(r.Context()).ID), field, invoice)
	if err != nil {
		return err
	}
	data.Form, data.Correct = fields, "/portal"
	if typed != nil {
		data.Form = fields.With(typed, wrong)
	}
	if about := data.Form[0].Value; slices.ContainsFunc(data.Form[0].Options, func(o web.Option) bool { return o.Value == about && about != "" }) {
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

func (v *Verification) mistakes(ctx context.Context, s *statement.Statement, me loot.Subject, field, invoice string) (fields web.Fields, err error) {
	err = v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		held, err := v.shown(ctx, tx, me)
		fields = mistakeForm(s, func(f loot.Field) bool { _, is := held[f]; return is }, field, invoice)
		return err
	})
	return fields, err
}

// reportOwn keeps what a customer says is wrong.
func (v *Verification) reportOwn(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	form, s, err := v.asked(r)
	if err != nil {
		return err
	}
	fields, err := v.mistakes(ctx, s, loot.Subject(me.ID), "", "")
	if err != nil {
		return err
	}
	wrong := fields.Check(form)
	if invoice := form.Get("invoice"); wrong == nil && invoice != "" && !invoiceNumber.MatchString(invoice) {
		wrong = web.Invalid("", map[string]string{"invoice": "A number of an invoice is made of letters, digits, dots and dashes."})
	}
	if wrong != nil {
		return v.showWrong(w, r, http.StatusUnprocessableEntity, "", "", form, wrong)
	}
	if err := v.DB.InTx(ctx, func(tx *store.Tx) error {
		return v.report(ctx, tx, s, me, loot.Field(form.Get("field")), form.Get("invoice"), form.Get("text"))
	}); web.Wrong(err) != nil || loot.KindOf(err) == loot.Conflict {
		return v.showWrong(w, r, web.Status(err), "", "", form, err)
	} else if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Thank you. A colleague looks at it, and the answer comes here and by mail.")
	return web.Redirect(w, r, "/portal/checks")
}
