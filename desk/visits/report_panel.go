package visits

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"loot"
	"loot/web"
)

var errNoPanel = loot.Errorf(loot.NotFound, "There is no such panel.")

// findPanel returns the dimension that a panel is of.
func findPanel(name string) (dimension, bool) {
	d, ok := findDimension(name)
	return d, ok && d.Name != dimensions[0].Name
}

type panelView struct {
	web.View
	When    string
	Filters filtersView
	Search  string
	Hidden  []web.Hidden
	Action  string
	Rows    rowsView
	Pager   web.Pager
	Files   []web.Action
	Told    []string
}

// panel shows all rows of a panel.
func (d *Visits) panel(w http.ResponseWriter, r *http.Request) error {
	reports, crowd, err := d.reportsFor(r.Context(), web.ActorOf(r.Context()))
	if err != nil {
		return err
	}
	a, _, err := d.askedBy(r)
	if err != nil {
		return err
	}
	of, ok := findPanel(r.PathValue("dimension"))
	if a == nil || !ok {
		return errNoPanel
	}
	q := r.URL.Query()
	search := strings.TrimSpace(q.Get("search"))
	now, p, err := a.whole(r.Context(), reports, of, search)
	if err != nil {
		return err
	}
	if format := q.Get("format"); format != "" {
		return a.serve(w, format, panelSheet(p))
	}
	v := panelView{View: web.ViewOf(r, of.Title), When: daysWords(a.from, a.to), Search: search, Hidden: a.hidden(), Action: panelsHref + "/" + of.Name, Told: a.told(now, crowd)}
	v.Crumbs = []web.Crumb{{Label: "Visits", Href: a.href()}}
	v.Styles = []string{reportStyle}
	v.Lead = a.site.Name + ", " + v.When + "."
	v.Filters = a.filtersView()
	var more []string
	if search != "" {
		more = []string{"search", search}
	}
	v.Files = filesAt(a.panelHref(of.Name, more...))
	v.page(p, q, a.panelHref(of.Name))
	v.Rows = a.rows(v.cut(p, q))
	if search != "" && len(p.Rows) == 0 {
		v.Rows.None = "No row that is told has this in it."
	}
	return panelPage.Render(w, r, http.StatusOK, v)
}

// whole asks for one panel, of which the rows are wanted that have a text in
// what they are called.
func (a asked) whole(ctx context.Context, reports *Reports, d dimension, search string) (*Answer, Panel, error) {
	q := Question{Site: a.site.Number, From: a.from, To: a.to, Filters: a.filters, Dimensions: []string{d.Name}}
	named := namesOf(d.Name) != nil
	if !named {
		q.Search = search
	}
	now, err := reports.Answer(ctx, q)
	if err != nil {
		return nil, Panel{}, err
	}
	p := panelOf(now, d)
	if named && search != "" {
		var rows []Row
		for _, row := range p.Rows {
			if name, _ := nameOf(d.Name, row.Value); strings.Contains(strings.ToLower(name), strings.ToLower(search)) {
				rows = append(rows, row)
			} else {
				p.More, p.Rest = p.More+1, p.Rest.plus(row.Sum)
			}
		}
		p.Rows = rows
	}
	return now, p, nil
}

func pageNumber(q url.Values, rows int) int {
	n, err := strconv.Atoi(q.Get("page"))
	if err != nil {
		return 0
	}
	return min(max(n, 0), max(0, (rows-1)/manyRows))
}

func (v *panelView) cut(p Panel, q url.Values) Panel {
	from := pageNumber(q, len(p.Rows)) * manyRows
	p.Rows = p.Rows[from:min(len(p.Rows), from+manyRows)]
	return p
}

func (v *panelView) page(p Panel, q url.Values, href string) {
	n := pageNumber(q, len(p.Rows))
	if v.Search != "" {
		href += "&search=" + url.QueryEscape(v.Search)
	}
	if len(p.Rows) <= manyRows {
		return
	}
	last := min(len(p.Rows), (n+1)*manyRows)
	v.Pager.Shown = web.Number(n*manyRows+1) + " to " + web.Number(last) + " of " + web.Number(len(p.Rows))
	if n > 0 {
		v.Pager.Prev = href
	}
	if last < len(p.Rows) {
		v.Pager.Next = href + "&page=" + strconv.Itoa(n+1)
	}
}
