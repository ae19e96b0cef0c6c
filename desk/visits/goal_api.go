package visits

import (
	"context"
	"net/http"

	"loot"
	"loot/api"
)

// goalAPI adds the operations that read goals, funnels and journeys.
func (d *Visits) goalAPI(a *api.API) {
	kinds := []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound}
	api.Add(a, api.Operation{
		ID: "read-goals", Method: http.MethodGet, Path: "/api/visits/{site}/goals", Tag: apiTag, Scope: "visits:read",
		Summary: "Read how many visits reached the goals of a site", Kinds: kinds,
		Text: "A goal is told as a report is that is filtered by it, in the statement's crowd.",
	}, d.apiGoals)
	api.Add(a, api.Operation{
		ID: "read-funnels", Method: http.MethodGet, Path: "/api/visits/{site}/funnels", Tag: apiTag, Scope: "visits:read",
		Summary: "Read how far visits came in the funnels of a site", Kinds: kinds,
		Text: "Each step has the visits that came to it or beyond. Fewer than the statement's crowd are told as if they had left a step before.",
	}, d.apiFunnels)
	api.Add(a, api.Operation{
		ID: "read-journey", Method: http.MethodGet, Path: "/api/visits/{site}/journey", Tag: apiTag, Scope: "visits:read",
		Summary: "Read what came before and after a page", Kinds: kinds,
		Text: "Both sides add up to the views of the page. What fewer visitors have than the statement's crowd is folded.",
	}, d.apiJourney)
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

// A goalTold is a goal, as programs read it.
type goalTold struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Goal     string `json:"goal" doc:"Its condition, as a filter is written"`
	Reached  Sum    `json:"reached"`
	Left     int    `json:"left,omitempty" doc:"Days of which nothing is told: nobody reached it, or too few did, or did not"`
	Compared *Sum   `json:"compared,omitempty" doc:"Of the other period"`
}

func tellGoals(all []reachedGoal) []goalTold {
	out := make([]goalTold, len(all))
	for i, g := range all {
		out[i] = goalTold{ID: g.ID, Name: g.Name, Goal: g.Steps[0].String(), Reached: g.now.Sum, Left: g.now.Left}
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

// A funnelTold is a funnel, as programs read it.
type funnelTold struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Goals []string `json:"goals" doc:"The conditions of its steps, each as a filter is written"`
	Funnel
	Compared *Funnel `json:"compared,omitempty" doc:"Of the other period"`
}

func tellFunnels(all []toldFunnel) []funnelTold {
	out := make([]funnelTold, len(all))
	for i, f := range all {
		out[i] = funnelTold{ID: f.ID, Name: f.Name, Funnel: *f.now}
		for _, s := range f.Steps {
			out[i].Goals = append(out[i].Goals, s.String())
		}
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
