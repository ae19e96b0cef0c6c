package visits

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/store"
	"loot/web"
)

const linksHref = "/console/visits/links"

var linksPage = web.NewPage[linkListView](pageFiles, "pages/links.html")

type linkListView struct {
	keptView
	List  []linkRow
	New   *newLink // that was just made
	Crowd int
}

// A newLink is shown this one time.
type newLink struct {
	Address string
	Embed   string // for the pages of others; empty: it may stand on none
}

type linkRow struct {
	Name    string
	Visits  string
	Origins []string
	Writer  string
	Made    time.Time
	Ends    time.Time
	State   web.Badge
	Revoke  *web.Action
}

// linkForm are the fields of a link.
func (p keptPage) linkForm() web.Fields {
	return web.Fields{
		{Name: "name", Label: "For whom", Required: true, Plain: true, MaxLen: mostName, Hint: "Shown here alone, such as “The agency”."},
		p.choice(),
		{Name: "days", Label: "Ends after", Type: "number", Value: strconv.Itoa(usualLife), Required: true, Plain: true, Min: "1", Max: strconv.Itoa(mostLife), Suffix: "days"},
		{Name: "origins", Label: "May be shown in a frame on", Type: "textarea", Rows: 2, MaxLen: 4000, Hint: "Origins, one a line, such as https://intranet.example.com. Without one it is shown in no frame."},
	}
}

func (d *Visits) listLinksPage(w http.ResponseWriter, r *http.Request) error {
	return d.showLinks(w, r, http.StatusOK, nil, nil, nil)
}

func (d *Visits) showLinks(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error, made *newLink) error {
	p, err := d.keptPage(r)
	if err != nil {
		return err
	}
	v := linkListView{keptView: p.view(r, linksHref, "Shared links", "The report of "+p.site.Name+" for people without an account: to look at, and in the same crowds."), New: made, Crowd: p.crowd}
	v.Again = web.SignInAgain(r, d.Now(), "Making a link")
	v.Form = p.linkForm().With(typed, wrong)
	v.Wrong = web.ProblemsOf(wrong, v.Form)
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		v.List = nil
		links, err := listLinks(r.Context(), tx, p.site.Number)
		if err != nil {
			return err
		}
		for _, l := range links {
			names, err := d.names(r.Context(), tx, l.Writer)
			if err != nil {
				return err
			}
			v.List = append(v.List, p.linkRow(l, names[l.Writer], d.Now()))
		}
		return nil
	}); err != nil {
		return err
	}
	return linksPage.Render(w, r, status, v)
}

func (p keptPage) linkRow(l sharedLink, writer string, now time.Time) linkRow {
	row := linkRow{Name: l.Name, Visits: p.visitsWords(l.Filters), Origins: l.Origins, Writer: writer, Made: l.Made, Ends: l.Ends, State: web.Badge{Tone: web.Good, Text: "open"}}
	switch {
	case !l.Revoked.IsZero():
		row.State = web.Badge{Text: "revoked"}
	case l.over(now):
		row.State = web.Badge{Text: "ended"}
	default:
		row.Revoke = &web.Action{Label: "Revoke", Icon: "unlink", Small: true, Danger: true, Post: true, Href: p.hrefOf(linksHref + "/" + l.ID + "/revoke"), Confirm: "Revoke the link for “" + l.Name + "”? Whoever opens it from now on finds nothing."}
	}
	return row
}

func (d *Visits) addLinkPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.keptPage(r)
	if err != nil {
		return err
	}
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	l, err := p.readLink(form, d.Now())
	var token string
	if err == nil {
		err = d.DB.InTx(r.Context(), func(tx *store.Tx) (err error) {
			token, err = addLink(r.Context(), tx, d.Gate, l, p.who)
			return err
		})
	}
	if wrong := beside(err); wrong != nil {
		return d.showLinks(w, r, loot.KindOf(err).Status(), form, wrong, nil)
	}
	if err != nil {
		return err
	}
	made := d.newLink(l, p.site, token)
	return d.showLinks(w, r, http.StatusCreated, nil, nil, &made)
}

func (p keptPage) readLink(form url.Values, now time.Time) (sharedLink, error) {
	l := sharedLink{ID: loot.NewID("l"), Site: p.site.Number, Name: strings.TrimSpace(form.Get("name")), Filters: p.chosenVisits(form), Writer: p.who.ID, Made: now}
	wrong := map[string]string{}
	days, err := strconv.Atoi(form.Get("days"))
	if text := checkLife(days); err != nil || text != "" {
		wrong["days"] = checkLife(0)
	}
	l.Ends = now.AddDate(0, 0, days)
	origins, text := readOrigins(strings.Fields(form.Get("origins")))
	if text != "" {
		wrong["origins"] = text
	}
	l.Origins = origins
	maps.Copy(wrong, web.Wrong(p.linkForm().Check(form))) // last, as what is missing is said as that
	return l, web.Invalid("", wrong)
}

// newLink returns what is shown once of a link that was made.
func (d *Visits) newLink(l sharedLink, s *Site, token string) newLink {
	n := newLink{Address: d.BaseURL + sharedHref + token}
	if len(l.Origins) > 0 {
		n.Embed = `<iframe src="` + n.Address + `" title="Visits to ` + strings.NewReplacer(`"`, "", "<", "", "&", "and").Replace(s.Name) + `" width="100%" height="900" loading="lazy" referrerpolicy="no-referrer"></iframe>`
	}
	return n
}
