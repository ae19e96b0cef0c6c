package visits

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"time"

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
	api.Add(a, api.Operation{
		ID: "export-report", Method: http.MethodGet, Path: "/api/visits/{site}/report/{panel}", Tag: apiTag, Scope: "visits:read",
		Summary: "Export a panel of a report", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound},
		Text: "All rows of a panel, or the points of the trend, as a file. It tells what the panel of the report tells.",
	}, d.apiExport)
}

type reportIn struct {
	ReportOf
	Panels []string `query:"panel,explode" maxItems:"40" doc:"Dimensions of the panels; none: the trend and the sums alone"`
	Search string   `query:"search" maxLength:"500" doc:"Rows with this in their value alone are listed"`
	Skip   int      `query:"skip" minimum:"0" maximum:"10000" doc:"Rows of each panel to leave out"`
	Top    int      `query:"top" minimum:"1" maximum:"10000" default:"100" doc:"Rows of each panel to list"`
}

type exportIn struct {
	Site    string   `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	Panel   string   `path:"panel" maxLength:"32" doc:"A dimension, or trend"`
	Format  string   `query:"format" enum:"csv,json,parquet" default:"csv"`
	Period  string   `query:"period" enum:"today,yesterday,7d,30d,month,last-month,12m,custom" doc:"7d if nothing else is said"`
	From    string   `query:"from" maxLength:"10" doc:"First day, such as 2026-11-01, of a period of one's own"`
	To      string   `query:"to" maxLength:"10" doc:"Last day; today if nothing else is said"`
	Filters []string `query:"filter,explode" maxItems:"8" doc:"Each as dimension:comparison:values"`
	Search  string   `query:"search" maxLength:"500" doc:"Rows with this in what they are called alone"`
}

type exportOut struct {
	Type string `header:"Content-Type"`
	Body []byte `contentType:"application/octet-stream"`
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
	Until  string      `json:"until,omitempty" doc:"Time of the last day until which it is told, such as 14:05:59, if that day goes on: it moves on when a crowd came"`
	Left   int         `json:"left,omitempty" doc:"Days of which nothing is told but the visitors, as too few came or matched"`
	Trend  []toldPoint `json:"trend"`
	Panels []toldPanel `json:"panels"`
}

func tellReport(q Question, a *Answer) toldReport {
	out := toldReport{From: q.From, To: q.To, Total: a.Total, Few: a.Few, Left: a.Left, Trend: tellTrend(a.Trend, q.From == q.To), Panels: make([]toldPanel, len(a.Panels))}
	if a.Until > 0 {
		out.Until = q.To.Time().Add(a.Until).Format(time.TimeOnly)
	}
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

func (d *Visits) apiExport(ctx context.Context, in *exportIn) (*exportOut, error) {
	reports, _, err := d.reportsFor(ctx, api.ActorOf(ctx))
	if err != nil {
		return nil, err
	}
	s, err := d.sites.called(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	a, err := d.ask(s, address{Period: in.Period, From: in.From, To: in.To, Filters: in.Filters})
	if err != nil {
		return nil, err
	}
	var of sheet
	if in.Panel == "trend" {
		now, err := reports.Answer(ctx, Question{Site: s.Number, From: a.from, To: a.to, Filters: a.filters})
		if err != nil {
			return nil, err
		}
		of = a.trendSheet(now)
	} else {
		d, ok := findPanel(in.Panel)
		if !ok {
			return nil, errNoPanel
		}
		_, p, err := a.whole(ctx, reports, d, in.Search)
		if err != nil {
			return nil, err
		}
		of = panelSheet(p)
	}
	var b bytes.Buffer
	if err := of.write(&b, in.Format); err != nil {
		return nil, err
	}
	return &exportOut{fileKinds[in.Format], b.Bytes()}, nil
}
