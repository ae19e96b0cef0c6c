package billing

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
	"loot/web"
)

var runPage = web.NewPage[runView](pageFiles, "pages/run.html")

type runView struct {
	web.View
	Missing *web.Alert
	Month   string
	Heading string
	Months  web.Fields
	Facts   []web.Fact
	Poll    string // where this page is, while it changes by itself; empty: it does not
	Start   *web.Action
	Tabs    []web.Tab
	Totals  []web.Fact // what those who are listed come to, by currency
	Rows    []previewRow
	Waiting []previewRow
	More    web.Pager // of those that wait
	Pager   web.Pager
	Empty   web.Empty
}

// previewRow is what a customer gets for a month.
type previewRow struct {
	Subject loot.Subject
	Href    string
	Month   string
	Sum     string // without tax
	State   web.Badge
	Why     string
	Plan    string // where the service that has no plan gets one; empty: it is about something else
}

// monthsShown are those that can be chosen.
const monthsShown = 24

const runPath = "/console/billing/run"

// runHref is where a month is shown; with an outcome, those of whom it is that.
func runHref(m Month, of outcome) string {
	return runPath + "?" + narrowed("month", string(m), "state", string(of))
}

// parseOutcome reads an outcome from an address; with none, all are meant.
func parseOutcome(text string) (outcome, error) {
	var ids []string
	for _, one := range outcomes {
		if text == "" || text == string(one.id) {
			return outcome(text), nil
		}
		ids = append(ids, string(one.id))
	}
	return "", loot.Errorf(loot.Invalid, "The list cannot be narrowed by this state. There are %s.", strings.Join(ids, ", "))
}

// monthPage shows what drawing a month would issue, as it was worked out last, and how far
// it is. Nothing is opened for it, so sums are without tax.
func (b *Billing) monthPage(w http.ResponseWriter, r *http.Request) error {
	s, err := b.inForce()
	if err != nil {
		return err
	}
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	at := b.seller.place()
	m := b.thisMonth().before()
	v := runView{View: web.ViewOf(r, "Draw a month")}
	options, month := []web.Option(nil), m
	for range monthsShown {
		options = append(options, web.Option{Value: string(month), Label: month.String()})
		month = month.before()
	}
	if q.Get("month") != "" {
		if m, err = parseMonth(q.Get("month")); err != nil {
			return err
		}
	}
	of, err := parseOutcome(q.Get("state"))
	if err != nil {
		return err
	}
	if err := b.freshPreview(r.Context(), m); err != nil {
		return err
	}
	v.Month, v.Heading, v.Missing = string(m), "Invoices for "+m.String(), b.unset(m)
	v.Months = web.Fields{{Name: "month", Type: "select", Label: "Month", Options: options, Value: string(m), Plain: true}}
	v.Crumbs = []web.Crumb{{Label: "Invoices", Href: "/console/billing/invoices"}}
	v.Lead = "Who gets which sum, who waits for what, and what is wrong. Nothing is opened to show it: sums are without tax."
	after := loot.Subject(q.Get("after"))
	var now progress
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		v.Rows, v.Waiting, v.Pager, v.More = nil, nil, web.Pager{}, web.Pager{}
		if now, err = readProgress(r.Context(), tx, m); err != nil {
			return err
		}
		list, err := listPreviewed(r.Context(), tx, now.preview, of, after, perPage+1)
		if err != nil {
			return err
		}
		if len(list) > perPage {
			list = list[:perPage]
			v.Pager.Next = runHref(m, of) + "&after=" + url.QueryEscape(string(list[perPage-1].Subject))
		}
		for _, one := range list {
			v.Rows = append(v.Rows, rowOfPreviewed(one))
		}
		waitsMonth, waitsSubject, _ := strings.Cut(q.Get("waits"), " ")
		waits, err := readPending(r.Context(), tx, `WHERE (month, subject) > ($1, $2) ORDER BY month, subject LIMIT $3`, waitsMonth, waitsSubject, b.listed+1)
		if len(waits) > b.listed {
			waits = waits[:b.listed]
			last := waits[b.listed-1]
			v.More.Next = runHref(m, of) + "&waits=" + url.QueryEscape(string(last.Month)+" "+string(last.Subject)) + "#waiting"
		}
		if waitsMonth != "" {
			v.More.Prev = runHref(m, of) + "#waiting"
		}
		for _, p := range waits {
			v.Waiting = append(v.Waiting, waitingOf(s, p))
		}
		return err
	}); err != nil {
		return err
	}
	if after != "" {
		v.Pager.Prev = runHref(m, of)
	}
	v.list(now, of)
	if now.runs() || now.preview.underWay() {
		v.Poll = r.URL.RequestURI()
	}
	v.stand(now, at, b.Now())
	return runPage.Render(w, r, http.StatusOK, v)
}

// A progress is how far the drawing of a month is.
type progress struct {
	run     run
	begun   bool
	issued  []web.Fact // what it came to so far
	preview preview
	by      map[outcome]*tally
	all     *tally
}

// runs reports whether the month is just being drawn.
func (s progress) runs() bool { return s.begun && s.run.Done.IsZero() }

func readProgress(ctx context.Context, tx *store.Tx, m Month) (out progress, err error) {
	if out.run, out.begun, err = findRun(ctx, tx, m); err != nil {
		return out, err
	}
	if out.begun {
		if out.issued, err = monthSums(ctx, tx, m); err != nil {
			return out, err
		}
	}
	if out.preview, _, err = findPreview(ctx, tx, m); err != nil {
		return out, err
	}
	out.by, out.all, err = tallies(ctx, tx, out.preview)
	return out, err
}

// stand says how far a month is, and what can be done. While it is worked out nothing can
// be, as nobody could see what it comes to.
func (v *runView) stand(s progress, at *time.Location, now time.Time) {
	m := s.run.Month
	_, to := m.span(at)
	can := v.Missing == nil && !s.preview.underWay()
	state, note := web.Badge{Text: "not begun"}, ""
	switch {
	case s.runs():
		state = web.Badge{Tone: web.Info, Text: "runs", Icon: "hourglass"}
	case s.begun:
		state = web.Badge{Tone: web.Good, Text: "done", Icon: "check"}
		// Whether anybody came later is not known before the month is worked out anew;
		// drawing again for nobody does nothing.
		if can {
			v.Start = &web.Action{
				Label: "Draw it again", Icon: "play", Post: true, Href: runPath, Hidden: []web.Hidden{{Name: "month", Value: string(m)}, {Name: "later", Value: "yes"}},
				Confirm: "Invoices that are issued never change, and who has one gets no other. Draw " + m.String() + " again, for those who have none?",
			}
		}
	case now.Before(to):
		note = "It can be issued from " + to.Format("2 January 2006") + " on."
	case can && s.all.customers > 0:
		v.Start = &web.Action{
			Label: "Issue the invoices", Icon: "play", Primary: true, Post: true, Href: runPath, Hidden: []web.Hidden{{Name: "month", Value: string(m)}},
			Confirm: "Invoices that are issued never change. Issue those for " + m.String() + "? By what was worked out: " + s.by[toIssue].words() + ".",
		}
	}
	v.Facts = []web.Fact{{Term: "State", Badge: &state, Note: note}}
	if s.begun {
		v.Facts = append(v.Facts, web.Fact{Term: "Progress", Value: customersOf(s.run.Seen, s.run.Members)},
			web.Fact{Term: "Begun", Value: momentAt(s.run.Started, at), Note: map[bool]string{true: "by itself", false: "by a member of staff"}[s.run.Author == ""]})
		v.Facts = append(v.Facts, s.issued...)
	}
	v.Facts = append(v.Facts, workedOut(s.preview, at)...)
}

// list says what the whole month comes to and what those do who are listed.
func (v *runView) list(s progress, of outcome) {
	p, m := s.preview, s.preview.Month
	if p.Shown == 0 {
		v.Empty = web.Empty{Icon: "hourglass", Title: m.String() + " is being worked out", Text: customersOf(p.Seen, p.Members) + " so far.", Action: &web.Action{Label: "Look again", Icon: "refresh-cw", Href: runHref(m, of)}}
		return
	}
	v.Empty = web.Empty{Icon: "calendar-check", Title: "Nobody had a service in " + m.String(), Text: "There is nothing to invoice."}
	if s.all.customers == 0 && of == "" {
		return
	}
	tab := func(title string, one outcome, t *tally) {
		v.Tabs = append(v.Tabs, web.Tab{Label: title, Href: runHref(m, one), Current: one == of, Count: web.Number(t.customers)})
	}
	tab("All", "", s.all)
	for _, one := range outcomes {
		if s.by[one.id].customers > 0 || one.id == of {
			tab(one.title, one.id, s.by[one.id])
		}
	}
	listed := s.all
	if of != "" {
		listed = s.by[of]
		v.Empty = web.Empty{Icon: "search", Title: "No customer is in this state", Text: "There are others in the whole list."}
	}
	for _, t := range listed.totals {
		v.Totals = append(v.Totals, web.Fact{Term: t.Currency, Value: t.String(), Note: loot.Plural(t.customers, "customer", "customers")})
	}
}

// words say how many invoices that are, and what they come to.
func (t *tally) words() string {
	n := 0
	var sums []string
	for _, one := range t.totals {
		n += one.customers
		sums = append(sums, one.String())
	}
	if n == 0 {
		return "no invoice"
	}
	return loot.Plural(n, "invoice", "invoices") + ", " + strings.Join(sums, " and ") + " without tax"
}

// workedOut says when what is shown was worked out, and how far that is anew.
func workedOut(p preview, at *time.Location) (facts []web.Fact) {
	if p.Shown != 0 {
		f := web.Fact{Term: "Worked out", Value: momentAt(p.At, at), Note: "What changed after that is not in it."}
		if !p.underWay() {
			f.Action = &web.Action{Label: "Work it out anew", Icon: "refresh-cw", Small: true, Post: true, Href: runPath + "/preview", Hidden: []web.Hidden{{Name: "month", Value: string(p.Month)}}}
		}
		facts = append(facts, f)
	}
	if p.underWay() {
		facts = append(facts, web.Fact{Term: "Being worked out", Value: customersOf(p.Seen, p.Members), Badge: &web.Badge{Tone: web.Info, Text: "runs", Icon: "hourglass"}})
	}
	return facts
}

func customersOf(seen, members int) string {
	return fmt.Sprintf("%s of %s customers", web.Number(seen), web.Number(max(seen, members)))
}

func momentAt(t time.Time, at *time.Location) string {
	return t.In(at).Format("2 Jan 2006, 15:04 MST")
}

// rowOfPreviewed is what becomes of a customer's month, in a list.
func rowOfPreviewed(p previewed) previewRow {
	row := previewRow{Subject: p.Subject, Href: desk.CustomerPath(p.Subject), State: p.State.badge(), Why: p.Why, Plan: planHref(p.Service)}
	var sums []string
	for _, one := range p.Nets {
		sums = append(sums, one.String())
	}
	row.Sum = strings.Join(sums, ", ")
	return row
}

// planHref is where a service gets a plan; empty: it is about none.
func planHref(service string) string {
	if service == "" {
		return ""
	}
	return servicePath(service)
}

func waitingOf(s *statement.Statement, p pending) previewRow {
	row := previewRow{Subject: p.Subject, Href: desk.CustomerPath(p.Subject), Month: p.Month.String()}
	row.State, row.Why, row.Plan = p.Finding.outcome().badge(), p.Finding.Text, planHref(p.Finding.Service)
	if len(p.Missing) > 0 {
		row.State, row.Why = itWaits.badge(), missingWords(s, p.Missing)
	}
	if p.theirs() && !p.Told.IsZero() {
		row.Why += " The customer was told on " + p.Told.UTC().Format("2 January") + "."
	}
	return row
}

// workOut has a month worked out anew.
func (b *Billing) workOut(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	m, err := parseMonth(typed.Get("month"))
	if err != nil {
		return err
	}
	if err := b.DB.InTx(r.Context(), func(tx *store.Tx) error {
		return b.startPreview(r.Context(), tx, m, b.Now().Add(-previewFresh), true)
	}); err != nil {
		return err
	}
	return web.Redirect(w, r, runHref(m, ""))
}

// start begins to draw a month.
func (b *Billing) start(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	m, err := parseMonth(typed.Get("month"))
	if err != nil {
		return err
	}
	again := typed.Get("later") != ""
	began, err := b.startRun(r.Context(), m, web.ActorOf(r.Context()), again)
	if err != nil {
		return err
	}
	switch {
	case began && again:
		web.SetFlash(w, r, web.Good, "Begun. Who has an invoice gets no other.")
	case began:
		web.SetFlash(w, r, web.Good, "Begun. This page shows how far it is.")
	default:
		web.SetFlash(w, r, web.Info, "This month was begun before. Who has an invoice gets no other.")
	}
	return web.Redirect(w, r, runHref(m, ""))
}

// monthSums says what a month came to so far: what was issued, by currency, and how many
// customers wait for their invoice.
func monthSums(ctx context.Context, tx *store.Tx, m Month) (facts []web.Fact, err error) {
	rows, err := tx.Query(ctx, `SELECT currency, COUNT(*), CAST(SUM(net) AS BIGINT) FROM billing_invoice WHERE began = $1 AND kind = '380' GROUP BY currency ORDER BY currency`, m.days().From.String())
	if err != nil {
		return nil, fmt.Errorf("billing: month: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var currency string
		var n int
		var net int64
		if err := rows.Scan(&currency, &n, &net); err != nil {
			return nil, fmt.Errorf("billing: month: %w", err)
		}
		facts = append(facts, web.Fact{Term: "Issued", Value: loot.Plural(n, "invoice", "invoices") + ", " + money(net, currency), Note: "without tax, before what was taken back"})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("billing: month: %w", err)
	}
	var waiting int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM billing_pending WHERE month = $1`, string(m)).Scan(&waiting); err != nil {
		return nil, fmt.Errorf("billing: month: %w", err)
	}
	if waiting > 0 {
		facts = append(facts, web.Fact{Term: "Wait", Value: loot.Plural(waiting, "invoice", "invoices")})
	}
	return facts, nil
}
