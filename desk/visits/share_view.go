package visits

import (
	"net/http"
	"strconv"

	"loot/store"
	"loot/web"
)

// sharedHref is followed by the token of a link.
const sharedHref = "/visits/shared/"

// sharedLimit is of one address, behind which a whole office may be.
var sharedLimit = web.PerMinute(120)

var sharedPage = web.NewPage[sharedView](pageFiles, "pages/shared.html", "pages/report_rows.html", "pages/network_source.html", "pages/report_parts.html")

type sharedView struct {
	web.View
	Periods []web.Tab
	Only    []string // what its filters choose
	toldView
}

// shared shows a report to whoever has a link: what it tells on the console, but
// nothing that leads there. It is asked anew each time whether the statement
// permits it.
func (d *Visits) shared(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	var l sharedLink
	if err := d.DB.Read(ctx, func(tx *store.Tx) (err error) {
		l, err = openLink(ctx, tx, r.PathValue("token"), d.Now())
		return err
	}); err != nil {
		return err
	}
	reports, crowd, err := d.ownReports()
	if err != nil {
		return err
	}
	s, err := d.sites.numbered(ctx, l.Site)
	if err != nil {
		return err
	}
	at := addressOf(q)
	at.Filters = filterTexts(l.Filters)
	a, err := d.ask(s, at)
	if err != nil {
		return err
	}
	a.guest, a.at = true, sharedHref+r.PathValue("token")
	told, err := a.answers(ctx, reports)
	if err != nil {
		return err
	}
	v := sharedView{View: web.ViewOf(r, s.Name), Periods: a.periodTabs(), toldView: toldView{Crowd: crowd, Keep: d.ruling.rules().keep.Words()}}
	v.Lead = "Visits, told in crowds of " + strconv.Itoa(crowd) + " or more. Nobody is known here, and nobody can be."
	v.Layout, v.Wide, v.Styles = web.LayoutGuest, true, []string{reportStyle, keptStyle}
	for _, f := range l.Filters {
		v.Only = append(v.Only, f.words())
	}
	v.tell(&a, told, nil, crowd)
	v.Moves = nil
	web.Policy{Framers: l.Origins}.Set(w)
	w.Header().Set("X-Robots-Tag", "noindex, nofollow")
	return sharedPage.Render(w, r, http.StatusOK, v)
}
