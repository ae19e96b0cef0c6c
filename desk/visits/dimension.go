package visits

import (
	"slices"
	"strconv"
	"strings"

	"loot/column"
)

// A dimension is what views, visits and visitors are counted by.
type dimension struct {
	Name  string
	Title string // of its panel
	Word  string // over its values
	value string // in SQL, over the rows
	where string // which rows it counts; empty: the views of people
	// varies says that it differs within a visit: a filter by it chooses the
	// visits in which it was so at least once.
	varies bool
	// telling says that it may tell one person from another when it is combined
	// with another such, and firm that it may by itself: a small firm has a
	// network of its own, whose days together look like many visitors.
	telling, firm bool
}

const (
	peoplesViews  = "event = '' AND class = '" + human + "'"
	peoplesEvents = "event <> '' AND class = '" + human + "'"
)

func ofEvent(name string) string { return "event = '" + name + "' AND class = '" + human + "'" }

// The events that the script knows of itself; every other is the site's own.
const (
	eventOutbound = "outbound"
	eventDownload = "download"
	eventForm     = "form"
	eventMissing  = "404"
)

// dimensions are all that reports count by. The first is the whole.
var dimensions = []dimension{
	{Name: "total", Title: "All", value: "''"},
	{Name: "hour", Title: "Hours", Word: "Hour", value: "CAST(hour AS VARCHAR)", varies: true, telling: true},
	{Name: "host", Title: "Hosts", Word: "Host", value: "host", varies: true},
	{Name: "path", Title: "Pages", Word: "Page", value: "path", varies: true, telling: true},
	{Name: "entry", Title: "Entry pages", Word: "Page", value: "entry", telling: true},
	{Name: "exit", Title: "Exit pages", Word: "Page", value: "path", telling: true},
	{Name: "scroll", Title: "Read down to", Word: "Share of the page", value: "CAST(CAST(floor(scroll / 25) * 25 AS BIGINT) AS VARCHAR)", varies: true},
	{Name: "channel", Title: "Channels", Word: "Channel", value: "channel"},
	{Name: "source", Title: "Sources", Word: "Source", value: "source"},
	{Name: "campaign", Title: "Campaigns", Word: "Campaign", value: "campaign"},
	{Name: "medium", Title: "Media", Word: "Medium", value: "medium"},
	{Name: "term", Title: "Terms", Word: "Term", value: "term"},
	{Name: "content", Title: "Contents", Word: "Content", value: "content"},
	{Name: "provider", Title: "Providers", Word: "Provider", value: "provider", telling: true, firm: true},
	{Name: "network", Title: "Networks", Word: "Network", value: "network", telling: true, firm: true},
	{Name: "kind", Title: "Kinds of network", Word: "Kind", value: "kind"},
	{Name: "country", Title: "Countries", Word: "Country", value: "country"},
	{Name: "language", Title: "Languages", Word: "Language", value: "language"},
	{Name: "browser", Title: "Browsers", Word: "Browser", value: "browser"},
	{Name: "version", Title: "Browser versions", Word: "Version", value: "version"},
	{Name: "system", Title: "Systems", Word: "System", value: "system"},
	{Name: "release", Title: "System versions", Word: "Version", value: "release"},
	{Name: "device", Title: "Devices", Word: "Device", value: "device"},
	{Name: "width", Title: "Widths", Word: "Width of the window", value: "CAST(width AS VARCHAR)"},
	{Name: "event", Title: "Events", Word: "Event", value: "event", varies: true, where: peoplesEvents +
		" AND event NOT IN ('" + eventOutbound + "', '" + eventDownload + "', '" + eventForm + "', '" + eventMissing + "')"},
	{Name: "outbound", Title: "Links that led away", Word: "Address", value: "target", varies: true, where: ofEvent(eventOutbound)},
	{Name: "download", Title: "Downloads", Word: "File", value: "target", varies: true, where: ofEvent(eventDownload)},
	{Name: "form", Title: "Forms", Word: "Form", value: "target", varies: true, where: ofEvent(eventForm)},
	{Name: "missing", Title: "Pages not found", Word: "Page", value: "path", varies: true, where: ofEvent(eventMissing)},
	{Name: "class", Title: "People and programs", Word: "Class", value: "class", where: "event = ''"},
	{Name: "bot", Title: "Programs", Word: "Program", value: "CASE WHEN bot = '' THEN class ELSE bot END", where: "event = '' AND class <> '" + human + "'"},
}

// findDimension returns a dimension by its name.
func findDimension(name string) (dimension, bool) {
	i := slices.IndexFunc(dimensions, func(d dimension) bool { return d.Name == name })
	if i < 0 {
		return dimension{}, false
	}
	return dimensions[i], true
}

// events reports whether it counts events rather than views.
func (d dimension) events() bool {
	return strings.HasPrefix(d.where, "event <> ''") || strings.HasPrefix(d.where, "event = '") && !strings.HasPrefix(d.where, "event = ''")
}

// A Sum is what is counted of one value of a dimension. Sums of several days
// add up, visitors too, as nobody is known on two days.
type Sum struct {
	Visitors int64   `json:"visitors" parquet:"visitors"`
	Visits   int64   `json:"visits" parquet:"visits"`         // that began with such a view; of an event, in which it happened
	Views    int64   `json:"views" parquet:"views"`           // of pages; of a dimension of events, the events
	Bounces  int64   `json:"bounces" parquet:"bounces"`       // visits of one page
	Engaged  int64   `json:"engaged_ms" parquet:"engaged_ms"` // milliseconds
	Scrolled int64   `json:"scrolled" parquet:"scrolled"`     // per cent of the page's height, over all views
	Amount   float64 `json:"amount" parquet:"amount"`         // what the site's own events were worth
}

var sumColumns = []columnOf[struct{}]{
	{"site", column.Uint16, nil},
	{"dimension", column.Text, nil},
	{"value", column.Text, nil},
	{"visitors", column.Uint32, nil},
	{"visits", column.Int32, nil},
	{"views", column.Uint32, nil},
	{"bounces", column.Int32, nil},
	{"engaged", column.Int64, nil},
	{"scrolled", column.Int64, nil},
	{"amount", column.Float64, nil},
}

const sumNames = "visitors, visits, views, bounces, engaged, scrolled, amount"

// counts writes what is counted, each as one type, so that both engines put
// the parts together.
func counts(visitors, visits, views, bounces, engaged, scrolled, amount string) string {
	whole := func(what, as string) string { return "CAST(" + what + " AS BIGINT) AS " + as }
	return strings.Join([]string{
		whole(visitors, "visitors"), whole(visits, "visits"), whole(views, "views"), whole(bounces, "bounces"),
		whole(engaged, "engaged"), whole(scrolled, "scrolled"), "CAST(" + amount + " AS DOUBLE) AS amount",
	}, ", ")
}

// countVisitors counts the visitors of rows.
const countVisitors = "count(DISTINCT visitor)"

var addSums = counts("sum(visitors)", "sum(visits)", "sum(views)", "sum(bounces)", "sum(engaged)", "sum(scrolled)", "sum(amount)")

// setsAtOnce is how many dimensions are counted in one pass over the rows: more
// take more memory.
const setsAtOnce = 7

// sums returns the query of what rows come to by day, site, dimension and value.
// A visit that goes on at midnight begins on the former day and ends on the
// latter, so that the days add up. rows is a query, visitors what counts them: if
// that is not [countVisitors], they alone are counted.
func sums(rows string, of []dimension, visitors string) string {
	const head, tail = "SELECT day, site, '", "' AS dimension, "
	views := counts(visitors, "sum(CASE WHEN nth = 1 THEN 1 ELSE 0 END)", "count(*)",
		"sum(CASE WHEN nth = 1 THEN 1 WHEN nth = 2 THEN -1 ELSE 0 END)", "sum(engaged)", "sum(scroll)", "0")
	events := counts(visitors, "count(DISTINCT visit)", "count(*)", "0", "0", "0", "sum(amount)")
	if visitors != countVisitors {
		views = counts(visitors, "0", "0", "0", "0", "0", "0")
		events = views
	}
	var parts []string
	var plain []dimension
	for _, d := range of {
		switch {
		case d.Name == "exit":
			// The visits that ended here are the views but for those after which
			// another came; the visitors are those whose last page of the day it was.
			from := " FROM counted WHERE " + peoplesViews
			parts = append(parts, head+d.Name+tail+"value, "+addSums+" FROM ("+
				"SELECT day, site, path AS value, "+counts("0", "count(*)", "0", "0", "0", "0", "0")+from+" GROUP BY day, site, path"+
				" UNION ALL SELECT day, site, before AS value, "+counts("0", "-count(*)", "0", "0", "0", "0", "0")+from+" AND nth > 1 GROUP BY day, site, before"+
				" UNION ALL SELECT day, site, path AS value, "+counts(visitors, "0", "count(*)", "0", "sum(engaged)", "0", "0")+" FROM ("+
				"SELECT day, site, path, visitor, engaged, row_number() OVER (PARTITION BY day, site, visit ORDER BY nth DESC) AS back"+from+
				") AS numbered WHERE back = 1 GROUP BY day, site, path"+
				") AS ends GROUP BY day, site, value")
		case d.events():
			parts = append(parts, head+d.Name+tail+d.value+" AS value, "+events+
				" FROM counted WHERE "+d.where+" GROUP BY day, site, "+d.value)
		case d.where != "":
			parts = append(parts, head+d.Name+tail+d.value+" AS value, "+views+" FROM counted WHERE "+d.where+" GROUP BY day, site, "+d.value)
		default:
			plain = append(plain, d)
		}
	}
	for some := range slices.Chunk(plain, setsAtOnce) {
		var values, sets, known, named []string
		for i, d := range some {
			v := "v" + strconv.Itoa(i)
			values = append(values, d.value+" AS "+v)
			sets = append(sets, "(day, site, "+v+")")
			known = append(known, v)
			named = append(named, "WHEN "+v+" IS NOT NULL THEN '"+d.Name+"'")
		}
		parts = append(parts, "SELECT day, site, CASE "+strings.Join(named, " ")+" END AS dimension, coalesce("+strings.Join(append(known, "''"), ", ")+") AS value, "+views+
			" FROM (SELECT day, site, visitor, nth, engaged, scroll, "+strings.Join(values, ", ")+" FROM counted WHERE "+peoplesViews+") AS valued"+
			" GROUP BY GROUPING SETS ("+strings.Join(sets, ", ")+")")
	}
	return "WITH counted AS (" + rows + ") SELECT day, site, dimension, value, " + sumNames + " FROM (" + strings.Join(parts, " UNION ALL ") + ") AS summed"
}
