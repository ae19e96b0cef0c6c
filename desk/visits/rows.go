package visits

import (
	"slices"
	"strings"

	"loot/column"
)

// A hit is a page that was looked at or something that happened on it, with all
// that is known of the visit, as it is stored until its day is sealed. Whatever
// the statement does not declare is empty.
type hit struct {
	second uint32 // of the site's day
	site   uint16
	who    visitor
	visit  int64
	nth    uint16 // page of its visit, from 1; of an event the latest before it, 0 if there was none
	page   int64  // the view's own id, or that of the view that an event belongs to

	host, path string
	before     string // path of the visit's page before
	entry      string // path of the visit's first page
	event      string // its name; empty: a view
	target     string // of an event: where it led, or what the site says of it
	amount     float64

	channel, source, medium, campaign, term, content string

	clicked bool // an advertisement's link led here

	country  string
	provider string // with the number of its network
	kind     string // of the network
	network  string // what is left of the address
	language string
	browser  string
	version  string // of the browser, with its name
	system   string
	release  string // of the system, with its name
	device   string
	width    uint8

	class string // "human", "declared", "suspected", "spam"
	bot   string
	via   string // "tag", "pixel", "page", "API", or one of those below
}

// What was imported came from a log, or from another program's export.
const (
	viaLog    = "log"
	viaExport = "import"
)

// A given is what another program counted of one value of a dimension on a day.
type given struct {
	page      int64 // tells it from all others
	site      uint16
	dimension string
	value     string
	visitors  int64
	visits    int64
	views     int64
	bounces   int64
	lasted    int64 // milliseconds, of all visits together
}

// givenColumns are those of visits_given: what they say becomes sums of their
// day when it is sealed, and no rows, as there are none to filter.
var givenColumns = []columnOf[given]{
	{"page", column.Int64, func(g *given) any { return g.page }},
	{"site", column.Uint16, func(g *given) any { return g.site }},
	{"dimension", column.Text, func(g *given) any { return g.dimension }},
	{"value", column.Text, func(g *given) any { return g.value }},
	{"visitors", column.Int64, func(g *given) any { return g.visitors }},
	{"visits", column.Int64, func(g *given) any { return g.visits }},
	{"views", column.Int64, func(g *given) any { return g.views }},
	{"bounces", column.Int64, func(g *given) any { return g.bounces }},
	{"lasted", column.Int64, func(g *given) any { return g.lasted }},
}

// human is the class of the visitors that reports are about.
const human = "human"

// A columnOf is a column, and how a row has it.
type columnOf[T any] struct {
	name  string
	kind  column.Type
	value func(*T) any
}

// A row keeps for good what is its own, what it has in common with others of its
// visit, and what is stored with both; hitsOnly are gone when its day is sealed.
var (
	hitsOnly = []columnOf[hit]{
		{"second", column.Uint32, func(h *hit) any { return h.second }},
		{"visitor", column.Int64, func(h *hit) any { return int64(h.who) }},
		{"visit", column.Int64, func(h *hit) any { return h.visit }},
		{"page", column.Int64, func(h *hit) any { return h.page }},
	}
	bothColumns = []columnOf[hit]{
		{"site", column.Uint16, func(h *hit) any { return h.site }},
		{"class", column.Text, func(h *hit) any { return h.class }},
		{"bot", column.Text, func(h *hit) any { return h.bot }},
	}
	rowColumns = []columnOf[hit]{
		{"nth", column.Uint16, func(h *hit) any { return h.nth }},
		{"host", column.Text, func(h *hit) any { return h.host }},
		{"path", column.Text, func(h *hit) any { return h.path }},
		{"before", column.Text, func(h *hit) any { return h.before }},
		{"event", column.Text, func(h *hit) any { return h.event }},
		{"target", column.Text, func(h *hit) any { return h.target }},
		{"amount", column.Float64, func(h *hit) any { return h.amount }},
	}
	visitColumns = []columnOf[hit]{
		{"entry", column.Text, func(h *hit) any { return h.entry }},
		{"channel", column.Text, func(h *hit) any { return h.channel }},
		{"source", column.Text, func(h *hit) any { return h.source }},
		{"medium", column.Text, func(h *hit) any { return h.medium }},
		{"campaign", column.Text, func(h *hit) any { return h.campaign }},
		{"term", column.Text, func(h *hit) any { return h.term }},
		{"content", column.Text, func(h *hit) any { return h.content }},
		{"clicked", column.Bool, func(h *hit) any { return h.clicked }},
		{"country", column.Text, func(h *hit) any { return h.country }},
		{"provider", column.Text, func(h *hit) any { return h.provider }},
		{"kind", column.Text, func(h *hit) any { return h.kind }},
		{"network", column.Text, func(h *hit) any { return h.network }},
		{"language", column.Text, func(h *hit) any { return h.language }},
		{"browser", column.Text, func(h *hit) any { return h.browser }},
		{"version", column.Text, func(h *hit) any { return h.version }},
		{"system", column.Text, func(h *hit) any { return h.system }},
		{"release", column.Text, func(h *hit) any { return h.release }},
		{"device", column.Text, func(h *hit) any { return h.device }},
		{"width", column.Uint8, func(h *hit) any { return h.width }},
		{"via", column.Text, func(h *hit) any { return h.via }},
	}
	hitColumns = slices.Concat(bothColumns, rowColumns, visitColumns)
)

// A stay is how long a view lasted so far and how far down it was read. Of
// several the greatest is right.
type stay struct {
	site    uint16
	page    int64
	engaged uint32 // milliseconds
	scroll  uint8  // per cent
}

var stayColumns = []columnOf[stay]{
	{"site", column.Uint16, func(s *stay) any { return s.site }},
	{"page", column.Int64, func(s *stay) any { return s.page }},
	{"engaged", column.Uint32, func(s *stay) any { return s.engaged }},
	{"scroll", column.Uint8, func(s *stay) any { return s.scroll }},
}

// The open tables. When a day is sealed its rows become those of visits_row and
// visits_visit, by shuffled ordinals, and those of visits_sum, by dimension.
const (
	tableHit   = "visits_hit"
	tableStay  = "visits_stay"
	tableGiven = "visits_given"
)

func columns[T any](lists ...[]columnOf[T]) (out []column.Column) {
	for _, list := range lists {
		for _, c := range list {
			out = append(out, column.Column{Name: c.name, Type: c.kind})
		}
	}
	return out
}

func rowOf[T any](v *T, lists ...[]columnOf[T]) column.Row {
	n := 0
	for _, list := range lists {
		n += len(list)
	}
	out := make(column.Row, 0, n)
	for _, list := range lists {
		for _, c := range list {
			out = append(out, c.value(v))
		}
	}
	return out
}

func names[T any](prefix string, list []columnOf[T]) string {
	all := make([]string, len(list))
	for i, c := range list {
		all[i] = c.name
	}
	return named(prefix, all...)
}

// named writes columns by their names.
func named(prefix string, names ...string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + n + " AS " + n
	}
	return strings.Join(out, ", ")
}

// columnNames writes the names alone.
func columnNames[T any](prefix string, lists ...[]columnOf[T]) string {
	var out []string
	for _, c := range slices.Concat(lists...) {
		out = append(out, prefix+c.name)
	}
	return strings.Join(out, ", ")
}

// Schema is the tables of visits. An ordinal is of one day and one site, drawn
// at random, and says nothing but that two rows are of one visitor or visit.
//
// What its rows have in common a visit keeps once, and once more for each
// variant of it: two people behind one address may look like one whose system
// changes.
func Schema() column.Schema {
	after := func(what string) string {
		return "SELECT site, max(CAST(" + what + " AS BIGINT)) AS most FROM visits_row GROUP BY site"
	}
	return column.Schema{
		Name: "visits",
		Open: []column.Table{
			{Name: tableHit, Columns: columns(hitsOnly, hitColumns)},
			{Name: tableStay, Columns: columns(stayColumns)},
			{Name: tableGiven, Columns: columns(givenColumns)},
		},
		Interim: []column.Derived{
			{Name: "visits_who", Select: `SELECT d.site AS site, d.visitor AS visitor, d.shuffled + coalesce(m.most, 0) AS ordinal
				FROM (SELECT site, visitor, row_number() OVER (PARTITION BY site ORDER BY ` + column.Random + `) AS shuffled
					FROM (SELECT DISTINCT site, visitor FROM visits_hit) AS known) AS d
				LEFT JOIN (` + after("visitor") + `) AS m ON m.site = d.site`},
			// Those of one visitor stand together, which takes less room.
			{Name: "visits_which", Select: `SELECT d.site AS site, d.visit AS visit, d.shuffled + coalesce(m.most, 0) AS ordinal
				FROM (SELECT site, visit, row_number() OVER (PARTITION BY site ORDER BY first, ` + column.Random + `) AS shuffled
					FROM (SELECT h.site AS site, h.visit AS visit, min(w.ordinal) AS first FROM visits_hit AS h
						JOIN visits_who AS w ON w.site = h.site AND w.visitor = h.visitor GROUP BY h.site, h.visit) AS known) AS d
				LEFT JOIN (` + after("visit") + `) AS m ON m.site = d.site`},
			{Name: "visits_seen", Select: `SELECT h.day AS day, h.hour AS hour, w.ordinal AS visitor, v.ordinal AS visit, h.engaged AS engaged, h.scroll AS scroll, ` + names("h.", hitColumns) + `,
				dense_rank() OVER (PARTITION BY h.site, h.visit ORDER BY w.ordinal, ` + columnNames("h.", bothColumns[1:], visitColumns) + `) AS variant
				FROM (` + openRows + `) AS h
				JOIN visits_who AS w ON w.site = h.site AND w.visitor = h.visitor
				JOIN visits_which AS v ON v.site = h.site AND v.visit = h.visit`},
			{Name: "visits_made", Select: "SELECT day, visitor, visit, variant, CASE WHEN count(*) OVER (PARTITION BY site, visitor) = 1 THEN 1 ELSE 0 END AS alone, " + columnNames("", bothColumns, visitColumns) + ", " + addCounts +
				" FROM (" + eachVisit("SELECT * FROM visits_seen", "variant") + ") AS seen GROUP BY day, visitor, visit, variant, " + columnNames("", bothColumns, visitColumns)},
		},
		Sealed: []column.Sealed{
			{
				Table: column.Table{Name: "visits_row", Columns: append([]column.Column{
					{Name: "hour", Type: column.Uint8},
					{Name: "visitor", Type: column.Uint32},
					{Name: "visit", Type: column.Uint32},
					{Name: "variant", Type: column.Uint32},
					{Name: "engaged", Type: column.Uint32},
					{Name: "scroll", Type: column.Uint8},
				}, columns(bothColumns, rowColumns)...)},
				Select: "SELECT " + named("", "hour", "visitor", "visit", "variant", "engaged", "scroll") + ", " + names("", slices.Concat(bothColumns, rowColumns)) + " FROM visits_seen",
				Order:  []string{"site", "visit", "nth"},
			},
			{
				Table: column.Table{Name: "visits_visit", Columns: slices.Concat([]column.Column{
					{Name: "visitor", Type: column.Uint32},
					{Name: "visit", Type: column.Uint32},
					{Name: "variant", Type: column.Uint32},
					{Name: "alone", Type: column.Uint8}, // 1: the visitor has no other row on the day
				}, columns(countColumns), columns(bothColumns, visitColumns))},
				Select: "SELECT visitor, visit, variant, alone, " + names("", countColumns) + ", " + names("", slices.Concat(bothColumns, visitColumns)) + " FROM visits_made",
				Order:  []string{"site", "visit", "variant"},
			},
			{
				Table: column.Table{Name: "visits_sum", Columns: columns(sumColumns)},
				Select: "SELECT day, site, dimension, value, " + sumNames + " FROM (" +
					sums(facts{rows: "SELECT * FROM visits_seen", visits: "SELECT * FROM visits_made"}, dimensions, countVisitors) + ") AS recorded UNION ALL " + givenSums,
				Order: []string{"site", "dimension", "value"},
			},
		},
	}
}

// givenSums are the sums that other programs counted, of open days.
var givenSums = "SELECT day, site, dimension, value, " +
	counts("visitors", "visits", "views", "bounces", "lasted", "0", "0") + " FROM visits_given"

// openRows are the views and events of open days, with how long each lasted.
var openRows = openRowsOf("1 = 1")

// openRowsOf are those for which a condition holds that is over the site.
func openRowsOf(where string) string {
	return `SELECT h.day AS day, CAST(floor(h.second / 3600) AS BIGINT) AS hour, h.visitor AS visitor, h.visit AS visit,
	CASE WHEN h.event = '' THEN CAST(coalesce(s.engaged, 0) AS BIGINT) ELSE 0 END AS engaged,
	CASE WHEN h.event = '' THEN CAST(coalesce(s.scroll, 0) AS BIGINT) ELSE 0 END AS scroll, ` + names("h.", hitColumns) + `
	FROM (SELECT * FROM visits_hit WHERE ` + where + `) AS h
	LEFT JOIN (SELECT day, page, max(engaged) AS engaged, max(scroll) AS scroll FROM visits_stay WHERE ` + where + ` GROUP BY day, page) AS s
	ON s.day = h.day AND s.page = h.page`
}

// sealedRows are the same of days that are sealed, and sealedVisits what they
// come to by visit.
var (
	sealedRows = `SELECT day, CAST(hour AS BIGINT) AS hour, CAST(visitor AS BIGINT) AS visitor, CAST(visit AS BIGINT) AS visit, CAST(variant AS BIGINT) AS variant,
	CAST(engaged AS BIGINT) AS engaged, CAST(scroll AS BIGINT) AS scroll, ` + names("", slices.Concat(bothColumns, rowColumns)) + ` FROM visits_row`
	sealedVisits = `SELECT day, CAST(visitor AS BIGINT) AS visitor, CAST(visit AS BIGINT) AS visit, CAST(variant AS BIGINT) AS variant, CAST(alone AS BIGINT) AS alone, ` +
		names("", countColumns) + ", " + names("", slices.Concat(bothColumns, visitColumns)) + ` FROM visits_visit`
)

// countColumns are what is counted of a visit, or of a variant of it.
var countColumns = []columnOf[struct{}]{
	{"pages", column.Uint32, nil},
	{"begun", column.Uint32, nil},
	{"bounced", column.Int32, nil}, // 1 with its first page, and less by 1 with its second
	{"lasted", column.Int64, nil},  // milliseconds
	{"scrolled", column.Int64, nil},
	{"paid", column.Float64, nil},
}

// addCounts puts together what is counted of parts of a visit.
var addCounts = func() string {
	parts := make([]string, len(countColumns))
	for i, c := range countColumns {
		as := "BIGINT"
		if c.kind == column.Float64 {
			as = "DOUBLE"
		}
		parts[i] = "CAST(sum(" + c.name + ") AS " + as + ") AS " + c.name
	}
	return strings.Join(parts, ", ")
}()

// eachVisit writes what is counted of visits by single rows, which add up to
// what sealedVisits have; more names columns that are kept beside.
func eachVisit(rows string, more ...string) string {
	view := func(what, as string) string { return "CASE WHEN event = '' THEN " + what + " ELSE 0 END AS " + as }
	columns := []string{
		"day", "visitor", "visit", "CAST(0 AS BIGINT) AS alone", view("1", "pages"), view("CASE WHEN nth = 1 THEN 1 ELSE 0 END", "begun"),
		view("CASE WHEN nth = 1 THEN 1 WHEN nth = 2 THEN -1 ELSE 0 END", "bounced"), view("engaged", "lasted"), view("scroll", "scrolled"),
		"CAST(CASE WHEN event = '' THEN 0 ELSE amount END AS DOUBLE) AS paid", columnNames("", bothColumns, visitColumns),
	}
	return "SELECT " + strings.Join(append(columns, more...), ", ") + " FROM (" + rows + ") AS each_row"
}

// eachRow is rows that are counted one by one.
func eachRow(rows string) facts { return facts{rows: rows, visits: eachVisit(rows)} }
