package visits

import (
	"context"
	"net/http"
	"strings"

	"loot/api"
	"loot/store"
	"loot/web"
)

// goalAPI adds the operations on goals and funnels, and those that read what
// stands beside the report.
func (d *Visits) goalAPI(a *api.API) {
	const keeps = "For administrators and the data protection officer."
	api.Add(a, op("read-goals", http.MethodGet, "goals", "Read how many visits reached the goals of a site", "A goal is told as a report is that is filtered by it, in the statement's crowd."), d.apiGoals)
	api.Add(a, op("add-goal", http.MethodPost, "goals", "Add a goal", keeps), d.apiAddGoal)
	api.Add(a, op("change-goal", http.MethodPut, "goals/{id}", "Change a goal", keeps), d.apiChangeGoal)
	api.Add(a, op("remove-goal", http.MethodDelete, "goals/{id}", "Remove a goal", keeps+" The visits stay as they are."), d.apiRemoveGoal)
	api.Add(a, op("read-funnels", http.MethodGet, "funnels", "Read how far visits came in the funnels of a site", "Each step has the visits that came to it or beyond. Fewer than the statement's crowd are told as if they had left a step before."), d.apiFunnels)
	api.Add(a, op("add-funnel", http.MethodPost, "funnels", "Add a funnel", keeps), d.apiAddFunnel)
	api.Add(a, op("change-funnel", http.MethodPut, "funnels/{id}", "Change a funnel", keeps), d.apiChangeFunnel)
	api.Add(a, op("remove-funnel", http.MethodDelete, "funnels/{id}", "Remove a funnel", keeps+" The visits stay as they are."), d.apiRemoveFunnel)
	api.Add(a, op("read-journey", http.MethodGet, "journey", "Read what came before and after a page", "Both sides add up to the views of the page. What fewer visitors have than the statement's crowd is folded."), d.apiJourney)
	api.Add(a, op("read-hours", http.MethodGet, "hours", "Read when a site is visited", "Every hour of every weekday, by the site's clock, in the statement's crowd."), d.apiHours)
	api.Add(a, op("read-live", http.MethodGet, "live", "Read how many are on a site now", "Who did something in the last five minutes. Fewer than the statement's crowd are not told."), d.apiLive)
}

// ReportOf is what every report takes.
type ReportOf struct {
	Site    string   `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	Period  string   `query:"period" enum:"today,yesterday,7d,30d,month,last-month,12m,custom" doc:"7d if nothing else is said"`
	From    string   `query:"from" maxLength:"10" doc:"First day, such as 2026-11-01, of a period of one's own"`
	To      string   `query:"to" maxLength:"10" doc:"Last day; today if nothing else is said"`
	Compare string   `query:"compare" enum:"before,year,none" default:"none" doc:"Period that is told besides"`
	Filters []string `query:"filter,explode" maxItems:"8" doc:"Each as dimension:comparison:values, such as country:is:IE,DE; the comparisons are is, not and contains"`
}

// askBy returns who asks what of the reports.
func (d *Visits) askBy(ctx context.Context, in ReportOf, about string) (*asked, *Reports, int, error) {
	reports, crowd, err := d.reportsFor(ctx, api.ActorOf(ctx))
	if err != nil {
		return nil, nil, 0, err
	}
	s, err := d.sites.called(ctx, in.Site)
	if err != nil {
		return nil, nil, 0, err
	}
	a, err := d.ask(s, address{Period: in.Period, From: in.From, To: in.To, Compare: in.Compare, Filters: in.Filters, About: about})
	return &a, reports, crowd, err
}

// A goalBody is what a goal is, as programs write it.
type goalBody struct {
	Name string `json:"name" minLength:"1" maxLength:"80"`
	Goal string `json:"goal" doc:"Its condition, as a filter is written, such as event:is:Order: a page, an event, a link away, a download or a form, by one value or any of several; a page may also be one that contains a text"`
}

// A keptGoal is a goal without what came to it.
type keptGoal struct {
	ID string `json:"id"`
	goalBody
}

func keptGoalOf(g *Goal) keptGoal { return keptGoal{g.ID, goalBody{g.Name, g.Steps[0].String()}} }

// A goalTold is a goal, as programs read it.
type goalTold struct {
	keptGoal
	Reached  Sum  `json:"reached"`
	Left     int  `json:"left,omitempty" doc:"Days of which nothing is told: nobody reached it, or too few did, or did not"`
	Compared *Sum `json:"compared,omitempty" doc:"Of the other period"`
}

func tellGoals(all []reachedGoal) []goalTold {
	out := make([]goalTold, len(all))
	for i, g := range all {
		out[i] = goalTold{keptGoal: keptGoalOf(g.Goal), Reached: g.now.Sum, Left: g.now.Left}
		if g.before != nil {
			out[i].Compared = &g.before.Sum
		}
	}
	return out
}

type goalsOut struct {
	Body struct {
		Crowd int        `json:"crowd" doc:"Fewer visitors than this do not stand alone"`
		All   Sum        `json:"all" doc:"All visits, of which the goals were reached"`
		Goals []goalTold `json:"goals"`
	}
}

func (d *Visits) apiGoals(ctx context.Context, in *ReportOf) (*goalsOut, error) {
	a, reports, crowd, err := d.askBy(ctx, *in, "")
	if err != nil {
		return nil, err
	}
	goals, _, err := d.goals(ctx, a.site.Number)
	if err != nil {
		return nil, err
	}
	all, now, _, err := a.reachedGoals(ctx, reports, goals)
	if err != nil {
		return nil, err
	}
	out := &goalsOut{}
	out.Body.Crowd, out.Body.All, out.Body.Goals = crowd, now, tellGoals(all)
	return out, nil
}

// A funnelBody is what a funnel is, as programs write it.
type funnelBody struct {
	Name  string   `json:"name" minLength:"1" maxLength:"80"`
	Goals []string `json:"goals" minItems:"2" maxItems:"8" doc:"The conditions of its steps, each as that of a goal is written"`
}

// A keptFunnel is a funnel without what came of it.
type keptFunnel struct {
	ID string `json:"id"`
	funnelBody
}

func keptFunnelOf(g *Goal) keptFunnel {
	return keptFunnel{g.ID, funnelBody{g.Name, filterTexts(g.Steps)}}
}

// A funnelTold is a funnel, as programs read it.
type funnelTold struct {
	keptFunnel
	Funnel
	Compared *Funnel `json:"compared,omitempty" doc:"Of the other period"`
}

func tellFunnels(all []toldFunnel) []funnelTold {
	out := make([]funnelTold, len(all))
	for i, f := range all {
		out[i] = funnelTold{keptFunnel: keptFunnelOf(f.Goal), Funnel: *f.now}
		if f.before != nil {
			out[i].Compared = *f.before
		}
	}
	return out
}

type funnelsOut struct {
	Body struct {
		Crowd   int          `json:"crowd" doc:"Fewer visitors than this do not stand alone"`
		Funnels []funnelTold `json:"funnels"`
	}
}

func (d *Visits) apiFunnels(ctx context.Context, in *ReportOf) (*funnelsOut, error) {
	a, reports, crowd, err := d.askBy(ctx, *in, "")
	if err != nil {
		return nil, err
	}
	_, funnels, err := d.goals(ctx, a.site.Number)
	if err != nil {
		return nil, err
	}
	all, err := a.toldFunnels(ctx, reports, funnels)
	if err != nil {
		return nil, err
	}
	out := &funnelsOut{}
	out.Body.Crowd, out.Body.Funnels = crowd, tellFunnels(all)
	return out, nil
}

type journeyIn struct {
	ReportOf
	Page string `query:"page" required:"true" maxLength:"500" doc:"Path of the page"`
}

type journeyOut struct {
	Body struct {
		Crowd int `json:"crowd" doc:"Fewer visitors than this do not stand alone"`
		Journey
	}
}

func (d *Visits) apiJourney(ctx context.Context, in *journeyIn) (*journeyOut, error) {
	a, reports, crowd, err := d.askBy(ctx, in.ReportOf, in.Page)
	if err != nil {
		return nil, err
	}
	j, err := reports.Journey(ctx, a.question(), a.about)
	if err != nil {
		return nil, err
	}
	out := &journeyOut{}
	out.Body.Crowd, out.Body.Journey = crowd, *j
	return out, nil
}

type hoursOut struct {
	Body struct {
		Crowd int         `json:"crowd" doc:"Fewer visitors than this do not stand alone"`
		Hours []sheetHour `json:"hours"`
	}
}

func (d *Visits) apiHours(ctx context.Context, in *ReportOf) (*hoursOut, error) {
	a, reports, crowd, err := d.askBy(ctx, *in, "")
	if err != nil {
		return nil, err
	}
	of, days, err := reports.Hours(ctx, a.question())
	if err != nil {
		return nil, err
	}
	out := &hoursOut{}
	out.Body.Crowd, out.Body.Hours = crowd, sheetHours(of, days)
	return out, nil
}

type liveOut struct {
	Body struct {
		Crowd    int  `json:"crowd" doc:"Fewer visitors than this are not told"`
		Visitors *int `json:"visitors,omitempty" doc:"Left out: fewer than the crowd"`
	}
}

func (d *Visits) apiLive(ctx context.Context, in *siteIn) (*liveOut, error) {
	_, crowd, err := d.reportsFor(ctx, api.ActorOf(ctx))
	if err != nil {
		return nil, err
	}
	s, err := d.sites.called(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	out := &liveOut{}
	out.Body.Crowd = crowd
	if n := d.onNow(s); n >= crowd {
		out.Body.Visitors = &n
	}
	return out, nil
}

// goalByProgram adds a goal or a funnel, or changes the one that has an id, as a
// program describes it.
func (d *Visits) goalByProgram(ctx context.Context, site, id, name string, steps []string, least int) (*Goal, error) {
	s, who, err := d.keeperOf(ctx, site)
	if err != nil {
		return nil, err
	}
	g, note := &Goal{Site: s.Number, Made: d.Now()}, "visits.goal added"
	if id != "" {
		if g, err = d.goalOf(ctx, s, id, least > 1); err != nil {
			return nil, err
		}
		note = "visits.goal changed"
	}
	g.Name = strings.TrimSpace(name)
	if wrong := checkName(g.Name, longestTitle); wrong != "" {
		return nil, web.Invalid("", map[string]string{"name": wrong})
	}
	if g.Steps, err = ParseFilters(steps); err != nil {
		return nil, err
	}
	if err := checkSteps(g.Steps, least); err != nil {
		return nil, err
	}
	return g, d.keepGoal(ctx, who, g, note)
}

// goalOf returns a goal of a site, or a funnel.
func (d *Visits) goalOf(ctx context.Context, s *Site, id string, funnel bool) (g *Goal, err error) {
	err = d.DB.Read(ctx, func(tx *store.Tx) error {
		if g, err = readGoal(ctx, tx, id); err == nil && (g.Site != s.Number || g.funnel() != funnel) {
			err = errNoGoal
		}
		return err
	})
	return g, err
}

func (d *Visits) removeByProgram(ctx context.Context, in *keptIn, funnel bool) (*noAnswer, error) {
	s, who, err := d.keeperOf(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	g, err := d.goalOf(ctx, s, in.ID, funnel)
	if err != nil {
		return nil, err
	}
	return nil, d.removeGoal(ctx, who, g)
}

type addGoalIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	Body goalBody
}

type changeGoalIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	ID   string `path:"id" maxLength:"64"`
	Body goalBody
}

type goalOut struct{ Body keptGoal }

func (d *Visits) keptGoal(ctx context.Context, site, id string, b goalBody) (*goalOut, error) {
	g, err := d.goalByProgram(ctx, site, id, b.Name, []string{b.Goal}, 1)
	if err != nil {
		return nil, err
	}
	return &goalOut{keptGoalOf(g)}, nil
}

func (d *Visits) apiAddGoal(ctx context.Context, in *addGoalIn) (*goalOut, error) {
	return d.keptGoal(ctx, in.Site, "", in.Body)
}

func (d *Visits) apiChangeGoal(ctx context.Context, in *changeGoalIn) (*goalOut, error) {
	return d.keptGoal(ctx, in.Site, in.ID, in.Body)
}

func (d *Visits) apiRemoveGoal(ctx context.Context, in *keptIn) (*noAnswer, error) {
	return d.removeByProgram(ctx, in, false)
}

type addFunnelIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	Body funnelBody
}

type changeFunnelIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	ID   string `path:"id" maxLength:"64"`
	Body funnelBody
}

type funnelOut struct{ Body keptFunnel }

func (d *Visits) keptFunnel(ctx context.Context, site, id string, b funnelBody) (*funnelOut, error) {
	g, err := d.goalByProgram(ctx, site, id, b.Name, b.Goals, fewSteps)
	if err != nil {
		return nil, err
	}
	return &funnelOut{keptFunnelOf(g)}, nil
}

func (d *Visits) apiAddFunnel(ctx context.Context, in *addFunnelIn) (*funnelOut, error) {
	return d.keptFunnel(ctx, in.Site, "", in.Body)
}

func (d *Visits) apiChangeFunnel(ctx context.Context, in *changeFunnelIn) (*funnelOut, error) {
	return d.keptFunnel(ctx, in.Site, in.ID, in.Body)
}

func (d *Visits) apiRemoveFunnel(ctx context.Context, in *keptIn) (*noAnswer, error) {
	return d.removeByProgram(ctx, in, true)
}
