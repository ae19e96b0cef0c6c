package visits

import (
	"context"
	"net/http"
	"net/url"

	"loot"
	"loot/store"
	"loot/web"
)

const segmentsHref = "/console/visits/segments"

var segmentsPage = web.NewPage[segmentListView](pageFiles, "pages/segments.html")

// A segmentsView is the list of segments beside the filters of a report.
type segmentsView struct {
	Current string // the name of the one that is shown; empty: none
	List    []segmentItem
	Manage  string
	Keep    web.Fields // nil: there is nothing that could be kept
	Action  string
}

type segmentItem struct {
	web.Tab
	Own bool // nobody else sees it
}

// segmentForm are the fields by which filters are kept as a segment.
func segmentForm() web.Fields {
	return web.Fields{
		{Name: "name", Label: "Name of the segment", Required: true, Plain: true, MaxLen: mostName, Form: "segment"},
		{Name: "everybody", Label: "For everybody who sees this report", Type: "checkbox", Value: "on", Plain: true, Form: "segment"},
	}
}

func (d *Visits) segmentsView(ctx context.Context, tx *store.Tx, a *asked, who loot.Actor) (segmentsView, error) {
	v := segmentsView{Manage: a.hrefOf(segmentsHref), Action: a.withAddress(segmentsHref)}
	all, err := listSegments(ctx, tx, a.site.Number, who.ID)
	if err != nil {
		return v, err
	}
	for _, s := range all {
		o := *a
		o.filters = s.Filters
		item := segmentItem{web.Tab{Label: s.Name, Href: o.href(), Current: sameFilters(s.Filters, a.filters)}, s.Holder != ""}
		if item.Current {
			v.Current = s.Name
			o.filters = nil
			item.Href = o.href() // takes them off again
		}
		v.List = append(v.List, item)
	}
	if len(a.filters) > 0 && v.Current == "" {
		v.Keep = segmentForm()
	}
	return v, nil
}

type segmentListView struct {
	keptView
	List    []segmentRow
	Filters string // what could be kept; empty: nothing
}

type segmentRow struct {
	Name    string
	Href    string // of the report
	Filters string
	Whom    web.Badge
	Writer  string
	Rename  web.Fields // nil: not by whoever looks
	Wrong   bool       // with what was typed there
	Action  string
	Delete  web.Action
}

func (d *Visits) listSegmentsPage(w http.ResponseWriter, r *http.Request) error {
	return d.showSegments(w, r, http.StatusOK, "", nil, nil)
}

// showSegments shows the segments of a site, with what was typed as a name for
// one of them, or for a new one if id is empty.
func (d *Visits) showSegments(w http.ResponseWriter, r *http.Request, status int, id string, typed url.Values, wrong error) error {
	p, err := d.keptPage(r)
	if err != nil {
		return err
	}
	v := segmentListView{keptView: p.view(r, segmentsHref, "Segments", "Filters under a name, to choose on the report of "+p.site.Name+".")}
	v.Action = p.withAddress(segmentsHref)
	if len(p.filters) > 0 && p.segmentOf(p.filters) == "" || id == "" && wrong != nil {
		v.Filters, v.Form = filtersWords(p.filters), segmentForm()
		if id == "" {
			v.Form = v.Form.With(typed, wrong)
			v.Wrong = web.ProblemsOf(wrong, v.Form)
		}
	}
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		v.List = nil
		for _, s := range p.segments {
			row, err := d.segmentRow(r.Context(), tx, p, s)
			if err != nil {
				return err
			}
			if row.Rename != nil && s.ID == id {
				row.Rename, row.Wrong = row.Rename.With(typed, wrong), true
			}
			v.List = append(v.List, row)
		}
		return nil
	}); err != nil {
		return err
	}
	return segmentsPage.Render(w, r, status, v)
}

func (d *Visits) segmentRow(ctx context.Context, tx *store.Tx, p keptPage, s segment) (segmentRow, error) {
	names, err := d.names(ctx, tx, s.Writer)
	if err != nil {
		return segmentRow{}, err
	}
	o := *p.asked
	o.filters = s.Filters
	row := segmentRow{Name: s.Name, Href: o.href(), Filters: filtersWords(s.Filters), Whom: web.Badge{Text: "Everybody", Icon: "users"}, Writer: names[s.Writer]}
	if s.Holder != "" {
		row.Whom = web.Badge{Text: "You alone", Icon: "lock"}
	}
	if mayEnd(p.who, s.Writer) {
		row.Action = p.hrefOf(segmentsHref + "/" + s.ID)
		row.Rename = web.Fields{{Name: "name", Label: "New name", Value: s.Name, Required: true, Plain: true, MaxLen: mostName, Form: s.ID}}
		row.Delete = web.Action{Label: "Delete", Icon: "trash-2", Small: true, Danger: true, Post: true, Href: p.hrefOf(segmentsHref + "/" + s.ID + "/delete"), Confirm: "Delete the segment “" + s.Name + "”? Alerts, digests and links that were made by it keep its filters."}
	}
	return row, nil
}

// keepSegment keeps the filters of a report under a name.
func (d *Visits) keepSegment(w http.ResponseWriter, r *http.Request) error {
	p, err := d.keptPage(r)
	if err != nil {
		return err
	}
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	s := segment{ID: loot.NewID("g"), Site: p.site.Number, Name: form.Get("name"), Filters: p.filters, Writer: p.who.ID, Made: d.Now()}
	if form.Get("everybody") == "" {
		s.Holder = p.who.ID
	}
	if err = segmentForm().Check(form); err == nil {
		err = d.DB.InTx(r.Context(), func(tx *store.Tx) error { return addSegment(r.Context(), tx, s) })
	}
	if wrong := beside(err); wrong != nil {
		return d.showSegments(w, r, loot.KindOf(err).Status(), "", form, wrong)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, p.href())
}

// nameSegment renames a segment.
func (d *Visits) nameSegment(w http.ResponseWriter, r *http.Request) error {
	p, err := d.keptPage(r)
	if err != nil {
		return err
	}
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	err = d.DB.InTx(r.Context(), func(tx *store.Tx) error {
		return renameSegment(r.Context(), tx, p.site.Number, id, form.Get("name"), p.who)
	})
	if wrong := beside(err); wrong != nil {
		return d.showSegments(w, r, loot.KindOf(err).Status(), id, form, wrong)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, p.hrefOf(segmentsHref))
}
