package visits

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"loot"
	"loot/column"
	"loot/web"
)

// A toldPoint is one of a trend, as programs read it.
type toldPoint struct {
	Day  column.Day `json:"day" parquet:"day,date" doc:"At the site"`
	Hour *int       `json:"hour,omitempty" parquet:"hour" doc:"Of a single day's trend"`
	Sum
	Few bool `json:"few,omitempty" parquet:"few" doc:"Too few came for more than this, if anything, to be told"`
}

// A toldRow is a row of a panel.
type toldRow struct {
	Value string `json:"value" parquet:"value,dict"`
	Name  string `json:"name,omitempty" parquet:"name,dict" doc:"What a value is called that is a code"`
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

// sumHeads head the columns of a sum.
var sumHeads = []string{"visitors", "visits", "views", "bounces", "engaged_ms", "scrolled", "amount"}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func (s Sum) cells() []string {
	return []string{
		decimal(s.Visitors), decimal(s.Visits), decimal(s.Views), decimal(s.Bounces), decimal(s.Engaged), decimal(s.Scrolled),
		strconv.FormatFloat(s.Amount, 'f', -1, 64),
	}
}

func (p toldPoint) cells() []string {
	hour := ""
	if p.Hour != nil {
		hour = strconv.Itoa(*p.Hour)
	}
	return append(append([]string{p.Day.String(), hour}, p.Sum.cells()...), strconv.FormatBool(p.Few))
}

func (r toldRow) cells() []string {
	return append([]string{plain(r.Value), plain(r.Name)}, r.Sum.cells()...)
}

// plain keeps a spreadsheet from taking a text for a formula.
func plain(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

func (a asked) trendSheet(now *Answer) sheet {
	rows := tellTrend(now.Trend, a.from == a.to)
	return newSheet("trend", slices.Concat([]string{"day", "hour"}, sumHeads, []string{"few"}), rows, rows)
}

func panelSheet(p Panel) sheet {
	out := tellPanel(p)
	rows := out.Rows
	for _, rest := range []toldRow{{Name: "(not listed)", Sum: p.Rest}, {Name: "(others, folded)", Sum: p.Others}} {
		if rest.Sum != (Sum{}) {
			rows = append(rows, rest)
		}
	}
	return newSheet(p.Name, slices.Concat([]string{"value", "name"}, sumHeads), rows, out)
}

// fileKinds are the media types of the files that a report is exported as.
var fileKinds = map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/json", "parquet": "application/vnd.apache.parquet"}

// A sheet is rows that are exported as a file.
type sheet struct {
	what  string
	write func(w io.Writer, format string) error
}

// newSheet returns the sheet of rows; as JSON it is the whole of which they are.
func newSheet[T interface{ cells() []string }](what string, heads []string, rows []T, whole any) sheet {
	return sheet{what, func(w io.Writer, format string) error {
		switch format {
		case "json":
			return json.NewEncoder(w).Encode(whole)
		case "parquet":
			return parquet.Write(w, rows)
		}
		out := csv.NewWriter(w)
		if err := out.Write(heads); err != nil {
			return err
		}
		for _, row := range rows {
			if err := out.Write(row.cells()); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	}}
}

// serve answers with a sheet of the report as a file.
func (a asked) serve(w http.ResponseWriter, format string, s sheet) error {
	kind := fileKinds[format]
	if kind == "" {
		return loot.Errorf(loot.Invalid, "A report is exported as csv, json or parquet.")
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="visits-`+a.site.Script+"-"+s.what+"-"+a.from.String()+"-"+a.to.String()+"."+format+`"`)
	return s.write(w, format)
}

// filesAt are the links to what a report's address has as files.
func filesAt(href string) []web.Action {
	return []web.Action{
		{Label: "CSV", Icon: "download", Href: href + "&format=csv"},
		{Label: "JSON", Icon: "download", Href: href + "&format=json"},
		{Label: "Parquet", Icon: "download", Href: href + "&format=parquet"},
	}
}
