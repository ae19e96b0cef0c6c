package visits

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"loot"
	"loot/column"
)

// A toldPoint is one of a trend, as programs read it.
type toldPoint struct {
	Day  column.Day `json:"day" doc:"At the site"`
	Hour *int       `json:"hour,omitempty" doc:"Of a single day's trend"`
	Sum
	Few bool `json:"few,omitempty" doc:"Too few came for more than this, if anything, to be told"`
}

// A toldRow is a row of a panel.
type toldRow struct {
	Value string `json:"value"`
	Name  string `json:"name,omitempty" doc:"What a value is called that is a code"`
	Sum
}

// A toldPanel is a panel.
type toldPanel struct {
	Name   string    `json:"name"`
	Title  string    `json:"title"`
	Events bool      `json:"events,omitempty" doc:"Its views are events"`
	Rows   []toldRow `json:"rows"`
	More   int       `json:"more" doc:"Rows that are not listed"`
	Rest   Sum       `json:"rest" doc:"What these come to"`
	Others Sum       `json:"others" doc:"What is folded, as too few would stand alone"`
	Total  Sum       `json:"total" doc:"What rows, rest and others come to"`
}

func tellTrend(of []Point, hours bool) []toldPoint {
	out := make([]toldPoint, len(of))
	for i, p := range of {
		out[i] = toldPoint{Day: p.Day, Sum: p.Sum, Few: p.Few}
		if hours {
			out[i].Hour = &p.Hour
		}
	}
	return out
}

func tellPanel(p Panel) toldPanel {
	out := toldPanel{Name: p.Name, Title: p.Title, Events: p.Events, Rows: make([]toldRow, len(p.Rows)), More: p.More, Rest: p.Rest, Others: p.Others, Total: p.Total}
	for i, row := range p.Rows {
		out.Rows[i] = toldRow{Value: row.Value, Sum: row.Sum}
		if namesOf(p.Name) != nil {
			out.Rows[i].Name, _ = nameOf(p.Name, row.Value)
		}
	}
	return out
}

// sumNamesCSV heads the columns of a sum.
var sumHeads = []string{"visitors", "visits", "views", "bounces", "engaged_ms", "scrolled", "amount"}

func (s Sum) fields() []string {
	return []string{
		decimal(s.Visitors), decimal(s.Visits), decimal(s.Views), decimal(s.Bounces), decimal(s.Engaged), decimal(s.Scrolled),
		strconv.FormatFloat(s.Amount, 'f', -1, 64),
	}
}

// plain keeps a spreadsheet from taking a text for a formula.
func plain(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

func (a asked) exportTrend(w http.ResponseWriter, format string, now *Answer) error {
	hours := a.from == a.to
	lines := [][]string{append([]string{"day", "hour"}, append(sumHeads[:len(sumHeads):len(sumHeads)], "few")...)}
	for _, p := range now.Trend {
		hour := ""
		if hours {
			hour = strconv.Itoa(p.Hour)
		}
		lines = append(lines, append([]string{p.Day.String(), hour}, append(p.fields(), strconv.FormatBool(p.Few))...))
	}
	return a.export(w, format, "trend", lines, tellTrend(now.Trend, hours))
}

func (a asked) exportPanel(w http.ResponseWriter, format string, p Panel) error {
	out := tellPanel(p)
	lines := [][]string{append([]string{"value", "name"}, sumHeads...)}
	for _, row := range out.Rows {
		lines = append(lines, append([]string{plain(row.Value), plain(row.Name)}, row.fields()...))
	}
	for _, rest := range []struct {
		name string
		Sum
	}{{"(not listed)", p.Rest}, {"(others, folded)", p.Others}} {
		if rest.Sum != (Sum{}) {
			lines = append(lines, append([]string{"", rest.name}, rest.fields()...))
		}
	}
	return a.export(w, format, p.Name, lines, out)
}

// export answers with a file.
func (a asked) export(w http.ResponseWriter, format, what string, lines [][]string, value any) error {
	kind := map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/json"}[format]
	if kind == "" {
		return loot.Errorf(loot.Invalid, "A report is exported as csv or as json.")
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="visits-`+a.site.Script+"-"+what+"-"+a.from.String()+"-"+a.to.String()+"."+format+`"`)
	if format == "json" {
		return json.NewEncoder(w).Encode(value)
	}
	out := csv.NewWriter(w)
	return out.WriteAll(lines)
}
