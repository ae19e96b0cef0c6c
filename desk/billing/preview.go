package billing

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"loot"
	"loot/desk"
	"loot/desk/billing/invoice"
	"loot/statement"
	"loot/store"
	"loot/vault"
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
	due     bool // they get an invoice once the month is drawn
	Why     string
	Plan    string // where the service that has no plan gets one; empty: it is about something else
}

// monthsShown are those that can be chosen.
const monthsShown = 24

// preview shows what drawing a month would issue, and how far it is. Nothing is
// opened for it, so sums are without tax.
func (b *Billing) preview(w http.ResponseWriter, r *http.Request) error {
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
	v.Month, v.Heading, v.Missing = string(m), "Invoices for "+m.String(), b.unset(m)
	v.Months = web.Fields{{Name: "month", Type: "select", Label: "Month", Options: options, Value: string(m), Plain: true}}
	v.Crumbs = []web.Crumb{{Label: "Invoices", Href: "/console/billing/invoices"}}
	v.Lead = "Who gets which sum, who waits for what, and what is wrong. Nothing is opened to show it: sums are without tax."
	v.Empty = web.Empty{Icon: "calendar-check", Title: "Nobody had a service in " + m.String(), Text: "There is nothing to invoice."}
	after := loot.Subject(q.Get("after"))
	var known bool
	var progress run
	var sums []web.Fact
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		v.Rows, v.Waiting = nil, nil
		if progress, known, err = findRun(r.Context(), tx, m); err != nil {
			return err
		}
		from, to := m.span(at)
		members, err := membersOf(r.Context(), tx, from, to, after, perPage+1)
		if err != nil {
			return err
		}
		if len(members) > perPage {
			members = members[:perPage]
			v.Pager.Next = "/console/billing/run?month=" + string(m) + "&after=" + url.QueryEscape(string(members[perPage-1]))
		}
		for _, subject := range members {
			row, err := b.previewOf(r.Context(), tx, s, subject, m)
			if err != nil {
				return err
			}
			v.Rows = append(v.Rows, row)
		}
		if sums, err = monthSums(r.Context(), tx, m); err != nil {
			return err
		}
		waitsMonth, waitsSubject, _ := strings.Cut(q.Get("waits"), " ")
		waits, err := readPending(r.Context(), tx, `WHERE (month, subject) > ($1, $2) ORDER BY month, subject LIMIT $3`, waitsMonth, waitsSubject, b.listed+1)
		here := "/console/billing/run?month=" + string(m)
		v.More = web.Pager{}
		if len(waits) > b.listed {
			waits = waits[:b.listed]
			last := waits[b.listed-1]
			v.More.Next = here + "&waits=" + url.QueryEscape(string(last.Month)+" "+string(last.Subject)) + "#waiting"
		}
		if waitsMonth != "" {
			v.More.Prev = here + "#waiting"
		}
		for _, p := range waits {
			v.Waiting = append(v.Waiting, waitingOf(s, p))
		}
		return err
	}); err != nil {
		return err
	}
	if after != "" {
		v.Pager.Prev = "/console/billing/run?month=" + string(m)
	}
	state, note := web.Badge{Text: "not begun"}, ""
	if known {
		state = web.Badge{Tone: web.Info, Text: "runs", Icon: "hourglass"}
		if !progress.Done.IsZero() {
			state = web.Badge{Tone: web.Good, Text: "done", Icon: "check"}
			later(v.Rows)
		} else {
			v.Poll = r.URL.RequestURI()
		}
		// Whether anybody came later is not known of all pages; drawing again for nobody
		// does nothing.
		if v.Missing == nil && !progress.Done.IsZero() {
			v.Start = &web.Action{
				Label: "Draw it again", Icon: "play", Post: true, Href: "/console/billing/run", Hidden: []web.Hidden{{Name: "month", Value: string(m)}, {Name: "later", Value: "yes"}},
				Confirm: "Invoices that are issued never change, and who has one gets no other. Draw " + m.String() + " again, for those who have none?",
			}
		}
		v.Facts = append(v.Facts, web.Fact{Term: "Progress", Value: fmt.Sprintf("%s of %s customers", web.Number(progress.Seen), web.Number(max(progress.Seen, progress.Members)))},
			web.Fact{Term: "Begun", Value: progress.Started.In(at).Format("2 Jan 2006, 15:04 MST"), Note: map[bool]string{true: "by itself", false: "by a member of staff"}[progress.Author == ""]})
		v.Facts = append(v.Facts, sums...)
	} else if _, to := m.span(at); v.Missing == nil && !b.Now().Before(to) && len(v.Rows) > 0 {
		v.Start = &web.Action{
			Label: "Issue the invoices", Icon: "play", Primary: true, Post: true, Href: "/console/billing/run", Hidden: []web.Hidden{{Name: "month", Value: string(m)}},
			Confirm: "Invoices that are issued never change. Issue those for " + m.String() + "?",
		}
	}
	if _, to := m.span(at); !known && b.Now().Before(to) {
		note = "It can be issued from " + to.Format("2 January 2006") + " on."
	}
	v.Facts = append([]web.Fact{{Term: "State", Badge: &state, Note: note}}, v.Facts...)
	return runPage.Render(w, r, http.StatusOK, v)
}

// later says of those who get an invoice of a month that was drawn why they have none yet.
func later(rows []previewRow) {
	for i := range rows {
		if rows[i].due {
			rows[i].State, rows[i].Why = web.Badge{Tone: web.Warn, Text: "came later"}, "When the month was drawn, there was nothing to charge."
		}
	}
}

// previewOf says what a customer gets for a month, and opens nothing.
func (b *Billing) previewOf(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject, m Month) (row previewRow, err error) {
	at := b.seller.place()
	from, to := m.span(at)
	row = previewRow{Subject: subject, Href: desk.CustomerPath(subject)}
	uses, err := usesOf(ctx, tx, b.titles(), subject, from, to)
	if err != nil {
		return row, err
	}
	by, currencies, wrong := charged(uses, m, at, b.seller.Language)
	var sums []string
	for _, c := range currencies {
		inv := invoice.Invoice{Currency: c, Lines: by[c].lines}
		if err := inv.Compute(); err != nil {
			wrong = finding{Text: "The sums cannot be worked out: " + err.Error() + "."}
			continue
		}
		n, err := smallest(inv.Totals.WithoutTax, c)
		if err != nil {
			return row, err
		}
		sums = append(sums, money(n, c))
	}
	row.Sum = strings.Join(sums, ", ")
	done, err := invoicedIn(ctx, tx, subject, m)
	if err != nil {
		return row, err
	}
	waits, err := readPending(ctx, tx, `WHERE subject = $1 AND month = $2`, subject, string(m))
	if err != nil {
		return row, err
	}
	if len(waits) > 0 && wrong.Text == "" {
		wrong = waits[0].Finding
	}
	all, must := drawnFrom(s, uses)
	held, err := b.Vault.Held(ctx, tx, subject, collection)
	erased := loot.KindOf(err) == loot.NotFound
	if err != nil && !erased && !vault.Damaged(err) {
		return row, err
	}
	open, failed := b.reported(ctx, tx, subject, held, all)
	if failed != nil {
		return row, failed
	}
	missing := slices.DeleteFunc(must, func(f loot.Field) bool { _, ok := held[f]; return ok })
	switch {
	case len(currencies) > 0 && !slices.ContainsFunc(currencies, func(c string) bool { return !done[c] }):
		row.State = web.Badge{Tone: web.Good, Text: "issued"}
	case erased:
		row.State = web.Badge{Text: "erased"}
	case open != "":
		row.State, row.Why = waitsBadge, disputedWords(s, open)
	case wrong.Text != "":
		row.State, row.Why, row.Plan = wrong.badge(), wrong.Text, wrong.plan()
	case len(currencies) == 0:
		row.State = web.Badge{Text: "nothing to charge"}
	case err != nil:
		row.State, row.Why = wrongBadge, unreadable
	case len(missing) > 0:
		row.State, row.Why = waitsBadge, "Missing: "+strings.Join(s.Titles(missing...), ", ")+"."
	default:
		row.State, row.due = web.Badge{Tone: web.Info, Text: "to be issued"}, true
		row.Why, err = b.mayWait(ctx, tx, s, subject, held, currencies, m)
		row.Why = strings.TrimSpace(lateWords(uses) + " " + row.Why)
		return row, err
	}
	return row, nil
}

// mayWait says what an invoice may yet wait for, by what is known without opening anything.
func (b *Billing) mayWait(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject, held map[loot.Field]vault.About, currencies []string, m Month) (string, error) {
	if _, has := held[companyVAT]; has && b.faulty != nil {
		wrong, err := b.faulty(ctx, tx, subject, companyVAT)
		if err != nil {
			return "", err
		}
		if wrong {
			return "It waits if the customer would owe the tax by “" + s.Titles(companyVAT)[0] + "”, which was found not to be valid.", nil
		}
	}
	own := accountingOf(b.seller.of(s.Front()).party())
	for _, c := range currencies {
		if c == own {
			continue
		}
		if _, missing, err := ratesOf(ctx, tx, own, c, m.days().To); err != nil || missing != "" {
			return "It waits if there is tax on it: " + missing, err
		}
	}
	return "", nil
}

func waitingOf(s *statement.Statement, p pending) previewRow {
	row := previewRow{Subject: p.Subject, Href: desk.CustomerPath(p.Subject), Month: p.Month.String()}
	row.State, row.Why, row.Plan = p.Finding.badge(), p.Finding.Text, p.Finding.plan()
	if len(p.Missing) > 0 {
		row.State, row.Why = waitsBadge, "Missing: "+strings.Join(s.Titles(p.Missing...), ", ")+"."
	}
	if p.theirs() && !p.Told.IsZero() {
		row.Why += " The customer was told on " + p.Told.UTC().Format("2 January") + "."
	}
	return row
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
	return web.Redirect(w, r, "/console/billing/run?month="+string(m))
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
