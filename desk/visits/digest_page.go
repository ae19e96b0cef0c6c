package visits

import (
	"net/http"
	"net/url"
	"time"

	"loot"
	"loot/mail"
	"loot/store"
	"loot/web"
)

const digestsHref = "/console/visits/digests"

var digestsPage = web.NewPage[digestListView](pageFiles, "pages/digests.html")

type digestListView struct {
	keptView
	Own    []digestRow
	Others []digestRow
	Keeper bool // sees those of others
	Outbox bool // letters wait there, as no mail server is set
	Zone   string
}

type digestRow struct {
	Every  string
	Visits string
	Who    string
	Made   time.Time
	Sent   time.Time
	End    web.Action
}

// digestForm are the fields of a digest.
func (p keptPage) digestForm() web.Fields {
	return web.Fields{{Name: "every", Label: "How often", Type: "radio", Value: weekly, Options: rhythms, Plain: true, Required: true}, p.choice()}
}

func (d *Visits) listDigestsPage(w http.ResponseWriter, r *http.Request) error {
	return d.showDigests(w, r, http.StatusOK, nil, nil)
}

func (d *Visits) showDigests(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	p, err := d.keptPage(r)
	if err != nil {
		return err
	}
	v := digestListView{keptView: p.view(r, digestsHref, "Digest", "A letter in the morning with what the visits to "+p.site.Name+" came to."), Keeper: keeps(p.who), Outbox: mail.Kept(d.Mail), Zone: p.site.Zone}
	v.Form = p.digestForm().With(typed, wrong)
	v.Wrong = web.ProblemsOf(wrong, v.Form)
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		v.Own, v.Others = nil, nil
		all, err := listDigests(r.Context(), tx, p.site.Number, seesDigestsOf(p.who))
		if err != nil {
			return err
		}
		for _, s := range all {
			names, err := d.names(r.Context(), tx, s.Who)
			if err != nil {
				return err
			}
			row := digestRow{Every: rhythm(s.Every), Visits: p.visitsWords(s.Filters), Who: names[s.Who], Made: s.Made, Sent: s.Sent}
			row.End = web.Action{Label: "End", Icon: "mail-x", Small: true, Post: true, Href: p.hrefOf(digestsHref + "/" + s.ID + "/end")}
			if s.Who == p.who.ID {
				v.Own = append(v.Own, row)
				continue
			}
			v.Others = append(v.Others, row)
		}
		return nil
	}); err != nil {
		return err
	}
	return digestsPage.Render(w, r, status, v)
}

// seesDigestsOf returns whose digests somebody sees: their own, and a keeper all;
// empty.
func seesDigestsOf(who loot.Actor) string {
	if keeps(who) {
		return ""
	}
	return who.ID
}

func (d *Visits) subscribePage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.keptPage(r)
	if err != nil {
		return err
	}
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	s := subscription{ID: loot.NewID("d"), Site: p.site.Number, Filters: p.chosenVisits(form), Every: form.Get("every"), Who: p.who.ID, Made: d.Now()}
	if err = p.digestForm().Check(form); err == nil {
		err = d.DB.InTx(r.Context(), func(tx *store.Tx) error { return subscribe(r.Context(), tx, s) })
	}
	if wrong := beside(err); wrong != nil {
		return d.showDigests(w, r, loot.KindOf(err).Status(), form, wrong)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, p.hrefOf(digestsHref))
}
