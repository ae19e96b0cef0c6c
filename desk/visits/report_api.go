package visits

import (
	"context"
	"net/http"
	"slices"

	"loot"
	"loot/api"
	"loot/column"
)

// reportAPI adds the operations that read reports.
func (d *Visits) reportAPI(a *api.API) {
	api.Add(a, api.Operation{
		ID: "read-report", Method: http.MethodGet, Path: "/api/visits/{site}/report", Tag: apiTag, Scope: "visits:read",
		Summary: "Read a report on a site's visits", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound},
		Text: "The address takes what that of the console's report takes. What fewer visitors have than the statement's crowd is folded, as on the page, and every panel adds up.",
	}, d.apiReport)
}

type reportIn struct {
	ReportOf
	Panels []string `query:"panel,explode" maxItems:"40" doc:"Dimensions of the panels; none: the trend and the sums alone"`
	Search string   `query:"search" maxLength:"500" doc:"Rows with this in their value alone are listed"`
	Skip   int      `query:"skip" minimum:"0" maximum:"10000" doc:"Rows of each panel to leave out"`
	Top    int      `query:"top" minimum:"1" maximum:"10000" default:"100" doc:"Rows of each panel to list"`
}

type reportOut struct {
	Body struct {
		toldReport
		Crowd    int         `json:"crowd" doc:"Fewer visitors than this do not stand alone"`
		Compared *toldReport `json:"compared,omitempty" doc:"The other period"`
	}
}

// A toldReport is an answer, as programs read it.
type toldReport struct {
	From   column.Day  `json:"from"`
	To     column.Day  `json:"to"`
	Total  Sum         `json:"total"`
	Few    bool        `json:"few,omitempty" doc:"There were visitors, too few to tell more"`
	Left   int         `json:"left,omitempty" doc:"Days of which nothing is told but the visitors, as too few came or matched"`
	Trend  []toldPoint `json:"trend"`
	Panels []toldPanel `json:"panels"`
}

func tellReport(q Question, a *Answer) toldReport {
	out := toldReport{From: q.From, To: q.To, Total: a.Total, Few: a.Few, Left: a.Left, Trend: tellTrend(a.Trend, q.From == q.To), Panels: make([]toldPanel, len(a.Panels))}
	for i, p := range a.Panels {
		out.Panels[i] = tellPanel(p)
	}
	return out
}

func (d *Visits) apiReport(ctx context.Context, in *reportIn) (*reportOut, error) {
	a, reports, crowd, err := d.askBy(ctx, in.ReportOf, "")
	if err != nil {
		return nil, err
	}
	q := a.question()
	q.Dimensions, q.Search, q.Skip, q.Top = slices.Compact(slices.Sorted(slices.Values(in.Panels))), in.Search, in.Skip, in.Top
	now, err := reports.Answer(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &reportOut{}
	out.Body.toldReport, out.Body.Crowd = tellReport(q, now), crowd
	var compared bool
	if q.From, q.To, compared = a.compared(); compared {
		before, err := reports.Answer(ctx, q)
		if err != nil {
			return nil, err
		}
		told := tellReport(q, before)
		out.Body.Compared = &told
	}
	return out, nil
}
