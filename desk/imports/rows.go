package imports

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"loot/desk"
	"loot/store"
	"loot/web"
)

var rowsPage = web.NewPage[rowsView](pageFiles, "pages/rows.html")

type rowsView struct {
	web.View
	Tabs  []web.Tab
	Rows  []verdictRow
	Of    bool // services are among them
	Pager web.Pager
	Empty web.Empty
}

type verdictRow struct {
	Line  string
	What  string
	Href  string // of the customer whose it is; empty: nobody's here
	State web.Badge
	From  string // from when on its service is charged; empty: it has none
	Why   string
}

const perPage = 100

// kindOne names a row by its kind.
var kindOne = map[string]string{clients: "customer", services: "service", invoices: "invoice"}

// rowName names a row, to go on after; rowAfter reads that.
func rowName(step int, v verdict) string { return fmt.Sprintf("%d.%d", step, v.number) }

func rowAfter(name string) (step int, number int64) {
	a, b, _ := strings.Cut(name, ".")
	step, _ = strconv.Atoi(a) // from the beginning, if it is no name
	number, _ = strconv.ParseInt(b, 10, 64)
	return step, number
}

// rows lists what became, or would become, of each row.
func (i *Imports) rows(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	is, _ := strconv.Atoi(q.Get("is")) // all, if it is no number
	step, after := rowAfter(q.Get("after"))
	var one *run
	var all []verdict
	var steps []int
	var theirs map[nameOf]known
	var remarks int
	if err := i.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if one, err = findRun(ctx, tx, r.PathValue("id")); err == nil {
			all, steps, err = verdicts(ctx, tx, one.ID, is, step, after, perPage+1)
		}
		if err == nil {
			remarks, err = countRemarked(ctx, tx, one.ID)
		}
		if err != nil {
			return err
		}
		var names []nameOf
		for _, v := range all {
			if v.whose != (nameOf{}) {
				names = append(names, v.whose)
			}
		}
		theirs, err = knownOf(ctx, tx, names)
		return err
	}); err != nil {
		return err
	}
	base := "/console/imports/" + url.PathEscape(one.ID)
	v := rowsView{View: web.ViewOf(r, "Row by row")}
	v.Crumbs = []web.Crumb{{Label: "Imports", Href: "/console/imports"}, {Label: one.Title, Href: base}}
	v.Lead = "By the line of the file. What stands in a row is not shown, but for a price that is not that of its plan."
	v.Empty = web.Empty{Icon: "rows-3", Title: "No row", Text: "Of this kind there is none."}
	dry := one.State == trying || one.State == tried
	words := map[int]web.Badge{taken: {Tone: web.Good, Text: "taken over"}, already: {Text: "here already"}, refused: {Tone: web.Bad, Text: "refused"}}
	if dry {
		words[taken] = web.Badge{Tone: web.Good, Text: "would be taken over"}
	}
	for _, t := range []struct {
		is    int
		label string
		n     int64
	}{{0, "All", one.Fresh + one.Known + one.Refused}, {taken, "New", one.Fresh}, {remarked, "With a remark", int64(remarks)}, {already, "Here already", one.Known}, {refused, "Refused", one.Refused}} {
		v.Tabs = append(v.Tabs, web.Tab{Label: t.label, Href: base + "/rows?is=" + strconv.Itoa(t.is), Current: t.is == is, Count: web.Number(int(t.n))})
	}
	if len(all) > perPage {
		all = all[:perPage]
		v.Pager.Next = fmt.Sprintf("%s/rows?is=%d&after=%s", base, is, rowName(steps[perPage-1], all[perPage-1]))
	}
	if q.Get("after") != "" {
		v.Pager.Prev = fmt.Sprintf("%s/rows?is=%d", base, is)
	}
	parts := one.Mapping.steps(one.Found)
	for n, x := range all {
		row := verdictRow{Line: strconv.FormatInt(x.line, 10), State: words[x.is], From: x.chargedFrom(), Why: x.why}
		v.Of = v.Of || row.From != ""
		if steps[n] < len(parts) {
			p := parts[steps[n]]
			row.What = cmp.Or(apart[p.table].one, kindOne[p.kind])
		}
		if s := theirs[x.whose].subject; s != "" {
			row.Href = desk.CustomerPath(s)
		}
		v.Rows = append(v.Rows, row)
	}
	return rowsPage.Render(w, r, http.StatusOK, v)
}

// chargedFrom says from when on the service of a row is, or would be, charged.
func (v verdict) chargedFrom() string {
	if day, err := time.Parse(time.DateOnly, v.charged); err == nil {
		return day.Format("2 January 2006")
	}
	if v.charged == whenTaken {
		return "the day it is taken over"
	}
	return ""
}
