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
	// file says that the values are by the operator's files of networks.
	file bool
	// firm says that days are not put together so that its values become crowds: a
	// small firm has a network of its own, whose days look like many visitors, and
	// what is left of a browser beside its versions is known by day.
	firm bool
	// of is the dimension whose value each of its own begins with, before the last
	// word: what is not listed of that value is a crowd, too.
	of string
	// whole says that the value is over the visits of a day, see [wholeVisits],
	// rather than over their rows. Where the rows are those of some visits, every
	// is the query of all of them.
	whole bool
	every string
	// table is what stands in the place of the rows, with the value as a column.
	table string
}

const (
	peoplesViews  = "event = '' AND class = '" + human + "'"
	peoplesEvents = "event <> '' AND class = '" + human + "'"
	peoplesWorth  = peoplesEvents + " AND amount <> 0"
	peoplesVisits = "class = '" + human + "' AND (pages > 0 OR paid <> 0)"
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
	{Name: "hour", Title: "Hours", Word: "Hour", value: "CAST(hour AS VARCHAR)", varies: true},
	{Name: "host", Title: "Hosts", Word: "Host", value: "host", varies: true},
	{Name: "path", Title: "Pages", Word: "Page", value: "path", varies: true},
	{Name: "entry", Title: "Entry pages", Word: "Page", value: "entry"},
	{Name: "exit", Title: "Exit pages", Word: "Page", value: "path"},
	{Name: "scroll", Title: "Read down to", Word: "Share of the page", value: "CAST(CAST(floor(scroll / 25) * 25 AS BIGINT) AS VARCHAR)", varies: true},
	{Name: "channel", Title: "Channels", Word: "Channel", value: "channel"},
	{Name: "source", Title: "Sources", Word: "Source", value: "source"},
	{Name: "campaign", Title: "Campaigns", Word: "Campaign", value: "campaign"},
	{Name: "medium", Title: "Media", Word: "Medium", value: "medium"},
	{Name: "term", Title: "Terms", Word: "Term", value: "term"},
	{Name: "content", Title: "Contents", Word: "Content", value: "content"},
	{Name: "click", Title: "Links with a click id", Word: "Click id", value: "CASE WHEN clicked THEN 'yes' ELSE 'no' END"},
	{Name: "provider", Title: "Providers", Word: "Provider", value: "provider", file: true, firm: true},
	{Name: "network", Title: "Networks", Word: "Network", value: "network", firm: true},
	{Name: "kind", Title: "Kinds of network", Word: "Kind", value: "kind", file: true},
	{Name: "country", Title: "Countries", Word: "Country", value: "country", file: true},
	{Name: "language", Title: "Languages", Word: "Language", value: "language"},
	{Name: "browser", Title: "Browsers", Word: "Browser", value: "browser"},
	{Name: "version", Title: "Browser versions", Word: "Version", value: "version", firm: true, of: "browser"},
	{Name: "system", Title: "Systems", Word: "System", value: "system"},
	{Name: "release", Title: "System versions", Word: "Version", value: "release", firm: true, of: "system"},
	{Name: "device", Title: "Devices", Word: "Device", value: "device"},
	{Name: "width", Title: "Widths", Word: "Width of the window", value: "CAST(width AS VARCHAR)"},
	{Name: "via", Title: "Recorded by", Word: "Recorded by", value: "via"},
	{Name: "returns", Title: "Visits of a visitor on the day", Word: "Visits on the day", whole: true, value: "CASE WHEN times >= 4 THEN '4' WHEN times >= 2 THEN CAST(times AS VARCHAR) ELSE '1' END"},
	{Name: "pages", Title: "Pages of a visit", Word: "Pages of the visit", whole: true, value: "CASE WHEN pages >= 11 THEN '11' WHEN pages >= 6 THEN '6' WHEN pages >= 3 THEN '3' WHEN pages = 2 THEN '2' ELSE '1' END"},
	{Name: "length", Title: "Length of a visit", Word: "Engaged time of the visit", whole: true, value: "CASE WHEN lasted >= 600000 THEN '600' WHEN lasted >= 180000 THEN '180' WHEN lasted >= 60000 THEN '60' WHEN lasted >= 30000 THEN '30' WHEN lasted >= 10000 THEN '10' ELSE '0' END"},
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

// nested adds the dimensions that some are of.
func nested(some []dimension) []dimension {
	out := slices.Clone(some)
	for _, d := range some {
		if of, ok := findDimension(d.of); ok && !slices.ContainsFunc(out, func(o dimension) bool { return o.Name == of.Name }) {
			out = append(out, of)
		}
	}
	return out
}

// events reports whether it counts events rather than views.
func (d dimension) events() bool {
	return strings.HasPrefix(d.where, "event <> ''") || strings.HasPrefix(d.where, "event = '") && !strings.HasPrefix(d.where, "event = ''")
}

// numeric reports whether the values are numbers, which have an order of their
// own.
func (d dimension) numeric() bool {
	return d.whole || slices.Contains([]string{"scroll", "width", "hour"}, d.Name)
}

// worth reports whether its rows carry what the events of their visits were
// worth. How far down a page was read says nothing of an event.
func (d dimension) worth() bool { return !d.programs() && d.Name != "scroll" && d.table == "" }

// A Sum is what is counted of one value of a dimension. Sums of several days
// add up, visitors too, as nobody is known on two days.
type Sum struct {
	Visitors int64   `json:"visitors" parquet:"visitors"`
	Visits   int64   `json:"visits" parquet:"visits"`         // that began with such a view; of an event, in which it happened
	Views    int64   `json:"views" parquet:"views"`           // of pages; of a dimension of events, the events
	Bounces  int64   `json:"bounces" parquet:"bounces"`       // visits of one page
	Engaged  int64   `json:"engaged_ms" parquet:"engaged_ms"` // milliseconds
	Scrolled int64   `json:"scrolled" parquet:"scrolled"`     // per cent of the page's height, over all views
	Amount   float64 `json:"amount" parquet:"amount"`         // what the events were worth
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

// A counting is how visitors are counted.
type counting bool

const (
	countVisitors counting = false
	// seeVisitors counts as many of them as show that they are a crowd, if it is
	// at most mostSeenCrowd, and nothing else; views say that there is something.
	seeVisitors   counting = true
	mostSeenCrowd          = 16
)

var addSums = counts("sum(visitors)", "sum(visits)", "sum(views)", "sum(bounces)", "sum(engaged)", "sum(scrolled)", "sum(amount)")

// setsAtOnce is how many dimensions are counted in one pass over the rows: more
// take more memory.
const setsAtOnce = 7

// wholeVisits writes whole visits of what is counted of each: how many pages they
// had on the day, how long they lasted, how many their visitor made, and what
// their events were worth. every is the query of all visits; empty: these are all.
func wholeVisits(visits, every string) string {
	whole := "SELECT day, site, visitor, visit, " + addCounts + " FROM (" + visits + ") AS visiting WHERE " + peoplesVisits + " GROUP BY day, site, visitor, visit"
	times, join := "CAST(sum(CASE WHEN v.pages > 0 THEN 1 ELSE 0 END) OVER (PARTITION BY v.day, v.site, v.visitor) AS BIGINT)", ""
	if every != "" {
		times = "coalesce(t.times, 0)"
		join = " LEFT JOIN (SELECT day, visitor, CAST(count(DISTINCT visit) AS BIGINT) AS times FROM (" + every + ") AS every_visit GROUP BY day, visitor) AS t ON t.day = v.day AND t.visitor = v.visitor"
	}
	return "SELECT v.day AS day, v.site AS site, v.visitor AS visitor, v.visit AS visit, " + names("v.", countColumns) + ", CAST(0 AS BIGINT) AS alone, " + times + " AS times FROM (" + whole + ") AS v" + join
}

// everyVisit writes the views of the people of a site, with whose visit each is.
func everyVisit(site uint16) string {
	where := "site = " + strconv.Itoa(int(site)) + " AND "
	return "SELECT day, visitor, visit FROM visits_hit WHERE " + where + peoplesViews +
		" UNION ALL SELECT day, CAST(visitor AS BIGINT) AS visitor, CAST(visit AS BIGINT) AS visit FROM visits_visit WHERE " + where + onlyPeople + " AND pages > 0"
}

// Facts are the queries of what is counted: views and events, and what is counted
// of visits by parts that are alike in what does not vary.
type facts struct {
	rows, visits string
	codes        []string // columns that the visits have alone; nil: the rows have the same
}

// sums returns the query of what facts come to by day, site, dimension and value.
// A visit that goes on at midnight begins on the former day and ends on the
// latter, so that the days add up. What an event was worth is its visit's, and of
// what differs within a visit it is there where it happened.
func sums(f facts, of []dimension, how counting) string {
	// Whoever had an event alone is no visitor of the day: their rows have none.
	viewer := func(is string) string { return "CASE WHEN " + is + " THEN visitor END AS viewer" }
	visitors := "count(DISTINCT visitor)"
	views := counts(visitors, "sum(CASE WHEN nth = 1 THEN 1 ELSE 0 END)", "count(*)",
		"sum(CASE WHEN nth = 1 THEN 1 WHEN nth = 2 THEN -1 ELSE 0 END)", "sum(engaged)", "sum(scroll)", "0")
	events := counts(visitors, "count(DISTINCT visit)", "count(*)", "0", "0", "0", "sum(amount)")
	worth := counts("0", "0", "0", "0", "0", "0", "sum(amount)")
	both := counts("count(DISTINCT viewer)", "sum(CASE WHEN place = 1 THEN 1 ELSE 0 END)", "sum(viewed)",
		"sum(CASE WHEN place = 1 THEN 1 WHEN place = 2 THEN -1 ELSE 0 END)", "sum(engaged)", "sum(scroll)", "sum(paid)")
	// Most visitors have one row of a day's visits, and are counted without being
	// held against each other.
	visits := counts("sum(CASE WHEN alone = 1 AND viewer IS NOT NULL THEN 1 ELSE 0 END) + count(DISTINCT viewer) FILTER (WHERE alone = 0)", "sum(begun)", "sum(pages)", "sum(bounced)", "sum(lasted)", "sum(scrolled)", "sum(paid)")
	if how == seeVisitors {
		viewer = func(is string) string {
			return "CASE WHEN " + is + " THEN " + column.Mark("visitor") + " ELSE " + column.NoMark + " END AS mark"
		}
		few := func(mark string) string {
			return counts(column.Marked(mark), "0", column.Unmarked(mark), "0", "0", "0", "0")
		}
		visitors = column.Marked(column.Mark("visitor"))
		views, worth, both = few(column.Mark("visitor")), few(column.NoMark), few("mark")
		events, visits = views, both
	}
	const head, tail, from = "SELECT day, site, '", "' AS dimension, ", " FROM counted WHERE "
	var parts []string
	var plain, worthy, byVisit, whole []dimension
	for _, d := range of {
		switch {
		case d.Name == "exit":
			// The visits that ended here are the views but for those after which
			// another came; the visitors are those whose last page of the day it was.
			last := "SELECT day, site, visit, path, visitor, engaged, row_number() OVER (PARTITION BY day, site, visit ORDER BY nth DESC) AS back" + from + peoplesViews
			parts = append(parts, head+d.Name+tail+"value, "+addSums+" FROM ("+
				"SELECT day, site, path AS value, "+counts("0", "count(*)", "0", "0", "0", "0", "0")+from+peoplesViews+" GROUP BY day, site, path"+
				" UNION ALL SELECT day, site, before AS value, "+counts("0", "-count(*)", "0", "0", "0", "0", "0")+from+peoplesViews+" AND nth > 1 GROUP BY day, site, before"+
				" UNION ALL SELECT day, site, path AS value, "+counts(visitors, "0", "count(*)", "0", "sum(engaged)", "0", "0")+" FROM ("+last+") AS numbered WHERE back = 1 GROUP BY day, site, path"+
				" UNION ALL SELECT day, site, value, "+worth+" FROM (SELECT e.day AS day, e.site AS site, CASE WHEN coalesce(x.path, '') = '' THEN e.path ELSE x.path END AS value, e.amount AS amount"+
				" FROM (SELECT day, site, visit, path, amount"+from+peoplesWorth+") AS e LEFT JOIN (SELECT day, site, visit, path FROM ("+last+") AS numbered WHERE back = 1) AS x"+
				" ON x.day = e.day AND x.site = e.site AND x.visit = e.visit) AS left_on GROUP BY day, site, value"+
				") AS ends GROUP BY day, site, value")
		case d.table != "":
			parts = append(parts, head+d.Name+tail+"value, "+views+" FROM ("+d.table+") AS apart GROUP BY day, site, value")
		case d.events():
			parts = append(parts, head+d.Name+tail+d.value+" AS value, "+events+from+d.where+" GROUP BY day, site, "+d.value)
		case d.where != "":
			parts = append(parts, head+d.Name+tail+d.value+" AS value, "+views+from+d.where+" GROUP BY day, site, "+d.value)
		case d.whole:
			whole = append(whole, d)
		case d.worth() && !d.varies:
			byVisit = append(byVisit, d)
		case d.worth():
			worthy = append(worthy, d)
		default:
			plain = append(plain, d)
		}
	}
	for some := range slices.Chunk(worthy, setsAtOnce) {
		parts = append(parts, bySets(some, viewer("event = ''")+", CASE WHEN event = '' THEN nth ELSE 0 END AS place, CASE WHEN event = '' THEN 1 ELSE 0 END AS viewed, engaged, scroll, CASE WHEN event = '' THEN 0 ELSE amount END AS paid",
			" FROM counted WHERE class = '"+human+"' AND (event = '' OR amount <> 0)", both))
	}
	if len(plain) > 0 {
		parts = append(parts, bySets(plain, "visitor, nth, engaged, scroll", from+peoplesViews, views))
	}
	const visited = ", alone, pages, begun, bounced, lasted, scrolled, paid"
	for some := range slices.Chunk(byVisit, setsAtOnce) {
		parts = append(parts, bySets(some, viewer("pages > 0")+visited, " FROM visited WHERE "+peoplesVisits, visits))
	}
	if len(whole) > 0 {
		parts = append(parts, bySets(whole, viewer("pages > 0")+visited, " FROM ("+wholeVisits("SELECT * FROM visited", whole[0].every)+") AS whole_visits", visits))
	}
	return "WITH counted AS (" + f.rows + "), visited AS (" + f.visits + ") " + strings.Join(parts, " UNION ALL ")
}

// bySets counts by several dimensions in one pass the rows that are named from
// FROM on.
func bySets(of []dimension, columns, from, counted string) string {
	var values, sets, known, names []string
	for i, d := range of {
		v := "v" + strconv.Itoa(i)
		values = append(values, d.value+" AS "+v)
		sets = append(sets, "(day, site, "+v+")")
		known = append(known, v)
		names = append(names, "WHEN "+v+" IS NOT NULL THEN '"+d.Name+"'")
	}
	return "SELECT day, site, CASE " + strings.Join(names, " ") + " END AS dimension, coalesce(" + strings.Join(append(known, "''"), ", ") + ") AS value, " + counted +
		" FROM (SELECT day, site, " + columns + ", " + strings.Join(values, ", ") + from + ") AS valued" +
		" GROUP BY GROUPING SETS (" + strings.Join(sets, ", ") + ")"
}
