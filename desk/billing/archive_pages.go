package billing

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/invoice"
	"loot/gate"
	"loot/store"
	"loot/web"
)

var (
	archivePage  = web.NewPage[archiveView](pageFiles, "pages/archive.html")
	archivedPage = web.NewPage[archivedView](pageFiles, "pages/archived.html")
)

type archiveView struct {
	web.View
	Staff bool
	Rows  []archivedRow
	Pager web.Pager
	Empty web.Empty
}

// archivedRow is an invoice of the system before in a list.
type archivedRow struct {
	Number, Href, On, Sum, System, State, Until string
	Subject                                     loot.Subject
	Whose                                       string // where the staff find the customer
}

func archivedRowOf(a archived, base string) archivedRow {
	return archivedRow{
		Number: a.Number, Href: base + url.PathEscape(a.ID), On: a.Issued.Words(inPages), Sum: money(a.Total, a.Currency), System: a.System, State: a.State,
		Until: a.Kept.Format("2 January 2006"), Subject: a.Subject, Whose: desk.CustomerPath(a.Subject),
	}
}

type archivedView struct {
	web.View
	Facts   []web.Fact
	Party   []string // in lines
	Lines   []archivedLine
	Open    string // where a colleague asks to see it; empty: it is shown
	Form    web.Fields
	Wrong   *web.Problems
	Refusal *web.Refusal
}

type archivedLine struct{ Text, Sum string }

// archiveRoutes are the pages of the invoices of the system before.
func (b *Billing) archiveRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET /portal/invoices/before", Audience: web.Portal, Serve: b.myArchive},
		{Pattern: "GET /portal/invoices/before/{id}", Audience: web.Portal, Serve: b.myArchived},
		{Pattern: "GET /console/billing/before", Audience: web.Console, Serve: b.archive, Roles: billers},
		{Pattern: "GET /console/billing/before/{id}", Audience: web.Console, Serve: b.archivedForm, Roles: billers},
		{Pattern: "POST /console/billing/before/{id}", Audience: web.Console, Serve: b.openFormer, Roles: billers},
	}
}

// before leads to the invoices of the system before, if there are any.
func (b *Billing) before(ctx context.Context, tx *store.Tx, s loot.Subject) ([]web.Action, error) {
	where, args, href := `LIMIT 1`, []any{}, "/console/billing/before"
	if s != "" {
		where, args, href = `WHERE subject = $1 LIMIT 1`, []any{s}, "/portal/invoices/before"
	}
	some, err := readArchive(ctx, tx, where, args...)
	if err != nil || len(some) == 0 {
		return nil, err
	}
	return []web.Action{{Label: "From the system before", Icon: "archive", Href: href}}, nil
}

// myArchive lists the customer's own invoices of the system before.
func (b *Billing) myArchive(w http.ResponseWriter, r *http.Request) error {
	v := archiveView{View: web.ViewOf(r, "Invoices from the system before")}
	v.Crumbs = []web.Crumb{{Label: "Invoices", Href: "/portal/invoices"}}
	v.Lead = "Each as it stood there. The law wants them kept until the day beside them; then they are removed."
	v.Empty = web.Empty{Icon: "archive", Title: "None", Text: "No invoice of yours was taken over from the system before."}
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		all, err := readArchive(r.Context(), tx, `WHERE subject = $1 ORDER BY issued DESC, id LIMIT 1000`, web.ActorOf(r.Context()).ID)
		v.Rows = nil
		for _, a := range all {
			v.Rows = append(v.Rows, archivedRowOf(a, "/portal/invoices/before/"))
		}
		return err
	}); err != nil {
		return err
	}
	return archivePage.Render(w, r, http.StatusOK, v)
}

// myArchived shows one. Somebody else's is none.
func (b *Billing) myArchived(w http.ResponseWriter, r *http.Request) error {
	a, err := b.archivedByID(r)
	if err == nil && string(a.Subject) != web.ActorOf(r.Context()).ID {
		err = errNotArchived
	}
	if err != nil {
		return err
	}
	f, err := b.openArchived(r.Context(), a, gate.Request{Action: loot.Export, Actor: web.ActorOf(r.Context())})
	if err != nil {
		return err
	}
	v := archivedView{View: web.ViewOf(r, a.Number)}
	v.Crumbs = []web.Crumb{{Label: "Invoices", Href: "/portal/invoices"}, {Label: "From the system before", Href: "/portal/invoices/before"}}
	v.fill(a, f)
	return archivedPage.Render(w, r, http.StatusOK, v)
}

func (b *Billing) archivedByID(r *http.Request) (a archived, err error) {
	err = b.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		a, err = findArchived(r.Context(), tx, r.PathValue("id"))
		return err
	})
	return a, err
}

// fill shows what an invoice says.
func (v *archivedView) fill(a archived, f Former) {
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format("2 January 2006")
	}
	v.Lead = "As it stood in " + a.System + ". It changes nothing here."
	v.Party = strings.Split(f.Party, "\n")
	v.Facts = append(aboutArchived(a), web.Fact{Term: "Due", Value: day(f.Due)},
		web.Fact{Term: "Without tax", Value: money(f.Net, f.Currency)}, web.Fact{Term: "Tax", Value: money(f.Tax, f.Currency)}, web.Fact{Term: "Total", Value: money(f.Total, f.Currency)})
	for _, l := range f.Lines {
		v.Lines = append(v.Lines, archivedLine{l.Text, money(l.Amount, f.Currency)})
	}
}

// aboutArchived is what stands about one, and is no copy of it.
func aboutArchived(a archived) []web.Fact {
	return []web.Fact{
		{Term: "Number", Value: a.Number},
		{Term: "From", Value: a.System},
		{Term: "State there", Value: a.State},
		{Term: "Issued", Value: a.Issued.Words(inPages)},
		{Term: "Kept until", Value: a.Kept.Format("2 January 2006")},
	}
}

// archive lists the invoices of the system before, latest first.
func (b *Billing) archive(w http.ResponseWriter, r *http.Request) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	v := archiveView{View: web.ViewOf(r, "Invoices from the system before"), Staff: true}
	v.Crumbs = []web.Crumb{{Label: "Invoices", Href: "/console/billing/invoices"}}
	v.Lead = "By number and the customer's id. Opening one needs a reason, and the customer sees that it was opened."
	v.Empty = web.Empty{Icon: "archive", Title: "None", Text: "Imports take them over."}
	day, after := "9999-12-31", q.Get("after")
	var all []archived
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		if after != "" {
			last, err := findArchived(r.Context(), tx, after)
			if err != nil {
				return err
			}
			day = last.Issued.String()
		}
		all, err = readArchive(r.Context(), tx, `WHERE (issued, id) < ($1, $2) ORDER BY issued DESC, id DESC LIMIT $3`, day, after, perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(all) > perPage {
		all = all[:perPage]
		v.Pager.Next = web.After(&url.URL{Path: "/console/billing/before"}, all[perPage-1].ID)
	}
	if after != "" {
		v.Pager.Prev = "/console/billing/before"
	}
	for _, a := range all {
		v.Rows = append(v.Rows, archivedRowOf(a, "/console/billing/before/"))
	}
	return archivePage.Render(w, r, http.StatusOK, v)
}

func reasonField() web.Fields {
	all := openFields()
	return all[slices.IndexFunc(all, func(f web.Field) bool { return f.Name == "reason" }):]
}

// archivedForm shows what stands about one, and asks why it is to be opened.
func (b *Billing) archivedForm(w http.ResponseWriter, r *http.Request) error {
	return b.askFormer(w, r, http.StatusOK, reasonField(), nil, nil)
}

func (b *Billing) askFormer(w http.ResponseWriter, r *http.Request, status int, form web.Fields, wrong error, refusal *web.Refusal) error {
	a, err := b.archivedByID(r)
	if err != nil {
		return err
	}
	v := b.consoleArchived(r, a)
	v.Facts, v.Form, v.Wrong, v.Refusal = aboutArchived(a), form, web.ProblemsOf(wrong, form), refusal
	v.Facts = append(v.Facts, web.Fact{Term: "Customer", Value: string(a.Subject), Code: true})
	v.Open = "/console/billing/before/" + url.PathEscape(a.ID)
	return archivedPage.Render(w, r, status, v)
}

func (b *Billing) consoleArchived(r *http.Request, a archived) archivedView {
	v := archivedView{View: web.ViewOf(r, a.Number)}
	v.Crumbs = []web.Crumb{{Label: "Invoices", Href: "/console/billing/invoices"}, {Label: "From the system before", Href: "/console/billing/before"}}
	return v
}

// openFormer shows one to a member of staff, who says why.
func (b *Billing) openFormer(w http.ResponseWriter, r *http.Request) error {
	a, err := b.archivedByID(r)
	if err != nil {
		return err
	}
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := reasonField()
	if err := form.Check(typed); web.Wrong(err) != nil {
		return b.askFormer(w, r, http.StatusUnprocessableEntity, form.With(typed, err), err, nil)
	} else if err != nil {
		return err
	}
	f, err := b.openArchived(r.Context(), a, gate.Request{Action: loot.Use, Actor: web.ActorOf(r.Context()), Unmask: true, Reason: typed.Get("reason")})
	if refusal, refused := web.RefusalOf(err); refused {
		return b.askFormer(w, r, http.StatusForbidden, form.With(typed, nil), nil, &refusal)
	}
	if err != nil {
		return err
	}
	v := b.consoleArchived(r, a)
	v.fill(a, f)
	return archivedPage.Render(w, r, http.StatusOK, v)
}

// beforeHere is what the export of somebody says of such an invoice.
type beforeHere struct {
	Number   string       `json:"number"`
	System   string       `json:"system"`
	Issued   invoice.Date `json:"issued"`
	Currency string       `json:"currency"`
	Total    string       `json:"total"`
	Kept     time.Time    `json:"kept_until"`
}

func exportArchive(ctx context.Context, tx *store.Tx, s loot.Subject) (out []beforeHere, err error) {
	all, err := readArchive(ctx, tx, `WHERE subject = $1 ORDER BY issued, id`, s)
	for _, a := range all {
		out = append(out, beforeHere{a.Number, a.System, a.Issued, a.Currency, plainAmount(a.Total, a.Currency), a.Kept})
	}
	return out, err
}
