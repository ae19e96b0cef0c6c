package visits

import (
	"context"
	"embed"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk/visits/network"
	"loot/store"
	"loot/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var (
	sitesPage = web.NewPage[sitesView](pageFiles, "pages/sites.html")
	sitePage  = web.NewPage[siteView](pageFiles, "pages/site.html")
	minePage  = web.NewPage[mineView](pageFiles, "pages/mine.html", "pages/network_source.html")
)

type sitesView struct {
	web.View
	Sites    []siteRow
	Networks []network.Source
	Counts   []countRow
	May      bool // add one
	Form     web.Fields
	Wrong    *web.Problems
}

type siteRow struct {
	*Site
	Href   string
	Report string
	State  web.Badge
}

// A countRow is what came of what was sent, and how often.
type countRow struct {
	What   string
	Became web.Badge
	Times  string
}

// became says what became of what is counted; everything else was refused.
var became = map[string]web.Badge{
	recordedView: isKept, recordedStay: isKept, recordedEvent: isKept, recordedCounted: isKept, recordedGiven: isKept,
	refusedAgain: passedOver, refusedSignal: passedOver, unheeded: {Tone: web.Warn, Text: "not believed"}, foldedValue: {Tone: web.Warn, Text: "folded"},
}

var (
	isKept     = web.Badge{Tone: web.Good, Text: "kept"}
	passedOver = web.Badge{Tone: web.Neutral, Text: "passed over"}
)

func (d *Visits) countRows() (out []countRow) {
	for _, c := range d.Counts() {
		row := countRow{What: c.What, Became: web.Badge{Tone: web.Warn, Text: "refused"}, Times: web.Number(int(c.N))}
		if badge, ok := became[c.What]; ok {
			row.Became = badge
		}
		out = append(out, row)
	}
	return out
}

type siteView struct {
	web.View
	Of    *Site
	Embed string
	May   bool       // change it
	Facts []web.Fact // for who may not
	Form  web.Fields
	Wrong *web.Problems

	Ending string
	End    web.Action
}

const sitesHref = "/console/visits/sites"

// siteForm are the settings of a site.
func siteForm(s *Site) web.Fields {
	on := func(yes bool) string {
		if yes {
			return "on"
		}
		return ""
	}
	return web.Fields{
		{Name: "name", Label: "Name", Value: s.Name, Required: true, MaxLen: longestTitle, Hint: "As reports call it."},
		{Name: "hosts", Label: "Hosts", Type: "textarea", Rows: 3, Value: strings.Join(s.Hosts, "\n"), Required: true, MaxLen: 4000, Hint: "One a line, such as www.example.com; *.example.com stands for all below it. Visits to others are refused."},
		{Name: "zone", Label: "Time zone", Value: s.Zone, Required: true, MaxLen: 40, Hint: "Such as Europe/Dublin. Its midnight ends a day, and half an hour later the day's key is destroyed."},
		{Name: "script", Label: "Name in addresses", Value: s.Script, Required: true, MaxLen: 32, Hint: "The script and the beacons are reached under this name."},
		{Name: "currency", Label: "Currency", Value: s.Currency, MaxLen: 3, Hint: "Of what events are worth, such as EUR."},
		{Name: "full", Label: "Record what happens on the pages", Type: "checkbox", Value: on(s.Full), Plain: true, Wide: true, Hint: "Links that lead away, downloads, forms, missing pages and events of the site's own. The script is a little longer with it."},
		{Name: "hash", Label: "What follows # in an address names a page, too", Type: "checkbox", Value: on(s.Hash), Plain: true, Wide: true, Hint: "For pages that are put together in the browser."},
	}
}

// readSite returns the site that a form describes.
func readSite(form url.Values, s Site) *Site {
	s.Name, s.Zone, s.Script, s.Currency = form.Get("name"), form.Get("zone"), strings.ToLower(form.Get("script")), strings.ToUpper(form.Get("currency"))
	s.Hosts = strings.Fields(strings.ToLower(form.Get("hosts")))
	s.Full, s.Hash = form.Get("full") != "", form.Get("hash") != ""
	return &s
}

func (d *Visits) listSites(w http.ResponseWriter, r *http.Request) error {
	return d.showSites(w, r, http.StatusOK, nil, nil)
}

func (d *Visits) showSites(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	v := sitesView{View: web.ViewOf(r, "Sites"), Networks: d.networks.Sources(), Counts: d.countRows()}
	v.Lead = "Whose visits are recorded, each with a key of its own every day."
	if rules := d.ruling.rules(); rules.keeps {
		v.Lead += " What is recorded is kept for " + rules.keep.Words() + " and then erased."
	}
	all, err := d.sites.list(r.Context())
	if err != nil {
		return err
	}
	for _, s := range all {
		row := siteRow{Site: s, Href: sitesHref + "/" + strconv.Itoa(int(s.Number)), Report: reportHref + "?site=" + strconv.Itoa(int(s.Number)), State: web.Badge{Tone: web.Good, Text: "recorded"}}
		if !s.Ended.IsZero() {
			row.State = web.Badge{Tone: web.Neutral, Text: "ended"}
		}
		v.Sites = append(v.Sites, row)
	}
	v.May = keeps(web.ActorOf(r.Context()))
	v.Form = siteForm(&Site{Zone: "UTC", Full: true}).With(typed, wrong)
	v.Wrong = web.ProblemsOf(wrong, v.Form)
	return sitesPage.Render(w, r, status, v)
}

func (d *Visits) addSite(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	s := readSite(form, Site{Made: d.Now()})
	err = d.writeSite(r, siteForm(&Site{}), form, s, "visits.site added")
	if wrong := beside(err); wrong != nil {
		return d.showSites(w, r, loot.KindOf(err).Status(), form, wrong)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, sitesHref+"/"+strconv.Itoa(int(s.Number)))
}

// writeSite keeps a site as a form describes it.
func (d *Visits) writeSite(r *http.Request, fields web.Fields, form url.Values, s *Site, note string) error {
	wrong := s.check(d.options.Spam)
	maps.Copy(wrong, web.Wrong(fields.Check(form))) // last, as what is missing is said as that
	if err := web.Invalid("", wrong); err != nil {
		return err
	}
	return d.keepSite(r.Context(), web.ActorOf(r.Context()), s, note)
}

// keepSite checks and keeps a site.
func (d *Visits) keepSite(ctx context.Context, by loot.Actor, s *Site, note string) error {
	if wrong := s.check(d.options.Spam); len(wrong) > 0 {
		return web.Invalid("", wrong)
	}
	defer d.sites.forget()
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		err := writeSite(ctx, tx, s)
		if err == errScript { //nolint:errorlint // the very value
			return web.Invalid("", map[string]string{"script": loot.Message(err)})
		}
		if err != nil {
			return err
		}
		if err := keepScripts(ctx, tx); err != nil {
			return err
		}
		_, err = d.Gate.Note(ctx, tx, by, note, "site "+strconv.Itoa(int(s.Number)))
		return err
	})
}

func (d *Visits) asked(r *http.Request) (*Site, error) {
	n, err := strconv.ParseUint(r.PathValue("number"), 10, 16)
	if err != nil {
		return nil, errNoSite
	}
	return d.sites.numbered(r.Context(), uint16(n))
}

func (d *Visits) site(w http.ResponseWriter, r *http.Request) error {
	s, err := d.asked(r)
	if err != nil {
		return err
	}
	return d.showSite(w, r, http.StatusOK, s, nil, nil)
}

func (d *Visits) showSite(w http.ResponseWriter, r *http.Request, status int, s *Site, typed url.Values, wrong error) error {
	v := siteView{View: web.ViewOf(r, s.Name), Of: s}
	v.View.Crumbs = []web.Crumb{{Label: "Sites", Href: sitesHref}}
	v.Actions = []web.Action{{Label: "Report", Icon: "chart-line", Href: reportHref + "?site=" + strconv.Itoa(int(s.Number))}}
	if v.May = keeps(web.ActorOf(r.Context())); v.May {
		v.Actions = append(v.Actions, web.Action{Label: "Imports", Icon: "upload", Href: importHref(s)})
	}
	v.Form = siteForm(s).With(typed, wrong)
	for _, f := range v.Form {
		fact := web.Fact{Term: f.Label, Value: strings.ReplaceAll(f.Value, "\n", ", ")}
		if f.Kind() == "checkbox" {
			fact.Value = map[bool]string{true: "yes", false: "no"}[f.On()]
		}
		if fact.Value != "" {
			v.Facts = append(v.Facts, fact)
		}
	}
	v.Wrong = web.ProblemsOf(wrong, v.Form)
	var err error
	if v.Embed, err = d.Embed(s); err != nil {
		return err
	}
	href := sitesHref + "/" + strconv.Itoa(int(s.Number))
	v.Ending = "From then on beacons for it are refused. What was recorded stays until its time is over."
	v.End = web.Action{Label: "End recording", Icon: "power", Danger: true, Post: true, Href: href + "/end", Confirm: "End recording visits to “" + s.Name + "”?"}
	if !s.Ended.IsZero() {
		v.Ending = "Nothing of this site is recorded at present."
		v.End = web.Action{Label: "Record again", Icon: "play", Post: true, Href: href + "/end"}
	}
	return sitePage.Render(w, r, status, v)
}

func (d *Visits) changeSite(w http.ResponseWriter, r *http.Request) error {
	before, err := d.asked(r)
	if err != nil {
		return err
	}
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	s := readSite(form, *before)
	err = d.writeSite(r, siteForm(before), form, s, "visits.site changed")
	if wrong := beside(err); wrong != nil {
		return d.showSite(w, r, loot.KindOf(err).Status(), before, form, wrong)
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "The settings are kept.")
	return web.Redirect(w, r, sitesHref+"/"+strconv.Itoa(int(s.Number)))
}

// endSite ends the recording of a site, or begins it again.
func (d *Visits) endSite(w http.ResponseWriter, r *http.Request) error {
	before, err := d.asked(r)
	if err != nil {
		return err
	}
	if err := d.keepEnded(r.Context(), web.ActorOf(r.Context()), *before, before.Ended.IsZero()); err != nil {
		return err
	}
	return web.Redirect(w, r, sitesHref+"/"+strconv.Itoa(int(before.Number)))
}

// keepEnded ends the recording of a site, or begins it again.
func (d *Visits) keepEnded(ctx context.Context, by loot.Actor, s Site, end bool) error {
	if end {
		s.Ended = d.Now()
		return d.keepSite(ctx, by, &s, "visits.site ended")
	}
	s.Ended = time.Time{}
	return d.keepSite(ctx, by, &s, "visits.site resumed")
}

type mineView struct {
	web.View
	Facts    []web.Fact
	Not      []string
	Signal   string // what the browser asked for; empty: nothing
	Crowd    int
	Keep     string
	Recorded bool             // the page belongs to a site that is
	Sources  []network.Source // of providers and countries
}

// mine shows whoever asks the very record that their request makes, and nobody
// else's.
func (d *Visits) mine(w http.ResponseWriter, r *http.Request) error {
	v := mineView{View: web.ViewOf(r, "What this visit leaves behind"), Sources: d.networks.Sources()}
	v.Lead = "The record that your own request made, detail by detail, by the statement in force."
	m, err := d.recordOf(r)
	if err != nil {
		return err
	}
	rules := d.ruling.rules()
	v.Recorded, v.Crowd, v.Keep = m.recorded, rules.crowd, rules.keep.Words()
	v.Signal = m.signalWords(clientOf(r).sent)
	if s := rules.version.Statement; s != nil {
		v.Facts, v.Not = m.row.facts(s, m.may)
	}
	return minePage.Render(w, r, http.StatusOK, v)
}
