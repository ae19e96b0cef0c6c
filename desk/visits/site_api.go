package visits

import (
	"context"
	"net/http"
	"strings"
	"time"

	"loot"
	"loot/api"
	"loot/web"
)

// siteAPI adds the operations on the sites themselves.
func (d *Visits) siteAPI(a *api.API) {
	const keeps = "For administrators and the data protection officer."
	// Those on all sites stand above any site's address.
	all := func(o api.Operation) api.Operation {
		o.Path = "/api/visits"
		return o
	}
	api.Add(a, all(op("list-sites", http.MethodGet, "", "List the sites whose visits are recorded", "Those whose recording ended, too.")), d.apiSites)
	api.Add(a, all(op("add-site", http.MethodPost, "", "Add a site", keeps)), d.apiAddSite)
	api.Add(a, op("read-site", http.MethodGet, "", "Read the settings of a site", ""), d.apiSite)
	api.Add(a, op("change-site", http.MethodPut, "", "Change the settings of a site", keeps), d.apiChangeSite)
	ending := op("end-site", http.MethodPost, "end", "End the recording of a site", keeps+" What was recorded stays until its time is over.")
	ending.Status = http.StatusOK
	api.Add(a, ending, d.apiEndSite)
	ending = op("resume-site", http.MethodPost, "resume", "Record a site again", keeps)
	ending.Status = http.StatusOK
	api.Add(a, ending, d.apiResumeSite)
}

// A siteBody is the settings of a site, as programs write them.
type siteBody struct {
	Name     string   `json:"name" minLength:"1" maxLength:"80" doc:"As reports call it"`
	Hosts    []string `json:"hosts" minItems:"1" maxItems:"100" doc:"Such as www.example.com; *.example.com stands for all below it. Visits to others are refused"`
	Zone     string   `json:"zone" maxLength:"40" doc:"Time zone, such as Europe/Dublin, whose midnight ends a day"`
	Script   string   `json:"script" maxLength:"32" doc:"Its name in addresses: of its script, of its beacons and of these operations"`
	Full     bool     `json:"full,omitempty" doc:"Record what happens on the pages, too"`
	Hash     bool     `json:"hash,omitempty" doc:"What follows # in an address names a page, too"`
	Currency string   `json:"currency,omitempty" maxLength:"3" doc:"Of what events are worth, such as EUR"`
}

// site returns the site with these settings.
func (b *siteBody) site(s Site) (*Site, error) {
	s.Name, s.Zone, s.Script, s.Currency = strings.TrimSpace(b.Name), b.Zone, strings.ToLower(b.Script), strings.ToUpper(b.Currency)
	s.Full, s.Hash, s.Hosts = b.Full, b.Hash, nil
	for _, host := range b.Hosts {
		s.Hosts = append(s.Hosts, strings.ToLower(host))
	}
	if wrong := checkName(s.Name, longestTitle); wrong != "" {
		return nil, web.Invalid("", map[string]string{"name": wrong})
	}
	return &s, nil
}

// A toldSite is a site as programs read it.
type toldSite struct {
	siteBody
	Made  time.Time  `json:"made"`
	Ended *time.Time `json:"ended,omitempty" doc:"It is not recorded since"`
	Embed string     `json:"embed" doc:"What stands before the end of each page's body"`
}

func (d *Visits) tellSite(s *Site) (toldSite, error) {
	out := toldSite{siteBody: siteBody{s.Name, s.Hosts, s.Zone, s.Script, s.Full, s.Hash, s.Currency}, Made: s.Made}
	if !s.Ended.IsZero() {
		out.Ended = &s.Ended
	}
	var err error
	out.Embed, err = d.Embed(s)
	return out, err
}

var errNotStaff = loot.Errorf(loot.Denied, "The settings of sites are for members of the staff.")

type sitesOut struct {
	Body struct {
		Sites []toldSite `json:"sites"`
	}
}

func (d *Visits) apiSites(ctx context.Context, _ *struct{}) (*sitesOut, error) {
	if api.ActorOf(ctx).Kind != loot.Staff {
		return nil, errNotStaff
	}
	all, err := d.sites.list(ctx)
	if err != nil {
		return nil, err
	}
	out := &sitesOut{}
	out.Body.Sites = make([]toldSite, len(all))
	for i, s := range all {
		if out.Body.Sites[i], err = d.tellSite(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type siteOut struct{ Body toldSite }

func (d *Visits) apiSite(ctx context.Context, in *siteIn) (*siteOut, error) {
	if api.ActorOf(ctx).Kind != loot.Staff {
		return nil, errNotStaff
	}
	s, err := d.sites.called(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	told, err := d.tellSite(s)
	return &siteOut{told}, err
}

type addSiteIn struct{ Body siteBody }

func (d *Visits) apiAddSite(ctx context.Context, in *addSiteIn) (*siteOut, error) {
	by := api.ActorOf(ctx)
	if !keeps(by) {
		return nil, errNotKeeper
	}
	return d.siteByProgram(ctx, by, &in.Body, Site{Made: d.Now()}, "visits.site added")
}

type changeSiteIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	Body siteBody
}

func (d *Visits) apiChangeSite(ctx context.Context, in *changeSiteIn) (*siteOut, error) {
	by, s, err := d.siteKeptBy(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	return d.siteByProgram(ctx, by, &in.Body, *s, "visits.site changed")
}

// siteKeptBy returns a site, ended or not, if whoever asks may keep it.
func (d *Visits) siteKeptBy(ctx context.Context, script string) (loot.Actor, *Site, error) {
	by := api.ActorOf(ctx)
	if !keeps(by) {
		return by, nil, errNotKeeper
	}
	s, err := d.sites.called(ctx, script)
	return by, s, err
}

// siteByProgram keeps a site with settings, and tells it.
func (d *Visits) siteByProgram(ctx context.Context, by loot.Actor, b *siteBody, of Site, note string) (*siteOut, error) {
	s, err := b.site(of)
	if err != nil {
		return nil, err
	}
	if err := d.keepSite(ctx, by, s, note); err != nil {
		return nil, err
	}
	told, err := d.tellSite(s)
	return &siteOut{told}, err
}

func (d *Visits) apiEndSite(ctx context.Context, in *siteIn) (*siteOut, error) {
	return d.endedByProgram(ctx, in.Site, true)
}

func (d *Visits) apiResumeSite(ctx context.Context, in *siteIn) (*siteOut, error) {
	return d.endedByProgram(ctx, in.Site, false)
}

// endedByProgram ends the recording of a site, or begins it again; one that is as
// it is to be stays so.
func (d *Visits) endedByProgram(ctx context.Context, script string, end bool) (*siteOut, error) {
	by, s, err := d.siteKeptBy(ctx, script)
	if err != nil {
		return nil, err
	}
	if s.Ended.IsZero() == end {
		if err := d.keepEnded(ctx, by, *s, end); err != nil {
			return nil, err
		}
	}
	return d.apiSite(ctx, &siteIn{script})
}
