package visits

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"loot"
	"loot/column"
	"loot/statement"
	"loot/web"
	"loot/web/chart"
)

// A panelGroup is panels of which the page shows one.
type panelGroup struct {
	title, icon string
	tabs        []panelTab
}

type panelTab struct{ dimension, label string }

var panelGroups = [...]panelGroup{
	{"Pages", "file-text", []panelTab{{"path", "Pages"}, {"entry", "Entry"}, {"exit", "Exit"}, {"host", "Hosts"}, {"scroll", "Read"}}},
	{"Sources", "route", []panelTab{{"channel", "Channels"}, {"source", "Sources"}, {"campaign", "Campaigns"}, {"medium", "Media"}, {"term", "Terms"}, {"content", "Contents"}, {"click", "Click ids"}}},
	{"Where", "map-pin", []panelTab{{"country", "Countries"}, {"provider", "Providers"}, {"network", "Networks"}, {"kind", "Kinds"}, {"language", "Languages"}}},
	{"With", "laptop", []panelTab{{"browser", "Browsers"}, {"version", "Versions"}, {"system", "Systems"}, {"release", "Releases"}, {"device", "Devices"}, {"width", "Widths"}}},
	{"Visits", "log-in", []panelTab{{"length", "Length"}, {"pages", "Pages"}, {"returns", "On one day"}, {"via", "Recorded by"}}},
	{"What happened", "mouse-pointer-click", []panelTab{{"event", "Events"}, {"outbound", "Links away"}, {"download", "Downloads"}, {"form", "Forms"}, {"missing", "Not found"}}},
	{"Programs", "bot", []panelTab{{"class", "Classes"}, {"bot", "Programs"}}},
}

// groupOf returns the group of a panel; -1: the page shows it in none.
func groupOf(dimension string) int {
	return slices.IndexFunc(panelGroups[:], func(g panelGroup) bool {
		return slices.ContainsFunc(g.tabs, func(t panelTab) bool { return t.dimension == dimension })
	})
}

// valueNames are what values are called that are stored as codes.
var valueNames = map[string]map[string]string{
	"channel": {
		"direct": "Direct", "search": "Search", "social": "Social networks", "AI": "AI assistants", "mail": "Mail", "paid": "Advertisements",
		"campaign": "Campaigns", "referral": "Other sites", "spam": "Referrer spam", "internal": "The site itself",
	},
	"click":  {"yes": "In the link", "no": "None"},
	"kind":   {"access": "Access at home or work", "mobile": "Mobile", "hosting": "Hosting", "education": "Education", "business": "Business", "unknown": "Unknown"},
	"device": {"desktop": "Desktop", "phone": "Phone", "tablet": "Tablet", "tv": "Television", "TV": "Television", "watch": "Watch", "console": "Console", "car": "Car", "other": "Other"},
	"width":  {"0": "", "1": "below 500 px", "2": "500 to 999 px", "3": "1000 to 1499 px", "4": "1500 to 1999 px", "5": "2000 px and more"},
	"scroll": {"0": "less than a quarter", "25": "a quarter", "50": "half", "75": "three quarters", "100": "to the end"},
	"class":  {human: "People", "declared": "Programs that say so", "suspected": "Suspected programs", "spam": "Referrer spam", counted: "Counted only"},
	"bot":    {"declared": "Others that say so", "suspected": "Suspected programs", "spam": "Referrer spam", counted: "Counted only"},
	"hour":   hourNames(),
	"via": {
		"tag": "The script", "pixel": "The pixel, without script", "API": "Servers and apps", "page": "A page of this program", viaLog: "Imported logs", viaExport: "Exports of other programs",
	},

	"returns": {"1": "one visit", "2": "two", "3": "three", "4": "four and more"},
	"pages":   {"1": "one page", "2": "two", "3": "3 to 5", "6": "6 to 10", "11": "11 and more"},
	"length":  {"0": "under 10 seconds", "10": "10 to 29 seconds", "30": "30 to 59 seconds", "60": "1 to 3 minutes", "180": "3 to 10 minutes", "600": "10 minutes and more"},
}

// hourValues are the values of the hours.
var hourValues = func() (out [24]string) {
	for h := range out {
		out[h] = strconv.Itoa(h)
	}
	return out
}()

func hourNames() map[string]string {
	out := map[string]string{}
	for h := range 24 {
		out[strconv.Itoa(h)] = fmt.Sprintf("%02d:00", h)
	}
	return out
}

// languageNames are the languages of two letters.
var languageNames = sync.OnceValue(func() map[string]string {
	names, out := display.English.Languages(), map[string]string{}
	for a := 'a'; a <= 'z'; a++ {
		for b := 'a'; b <= 'z'; b++ {
			code := string(a) + string(b)
			if tag, err := language.Parse(code); err == nil {
				if name := names.Name(tag); name != "" {
					out[code] = name
				}
			}
		}
	}
	return out
})

var countryNames = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, c := range statement.Countries() {
		out[c.Code] = c.Name
	}
	return out
})

// namesOf returns what the values of a dimension are called; nil: what they are.
func namesOf(dimension string) map[string]string {
	switch dimension {
	case "country":
		return countryNames()
	case "language":
		return languageNames()
	}
	return valueNames[dimension]
}

// nameOf returns what a person calls a value, and whether it is the want of one.
func nameOf(dimension, value string) (name string, none bool) {
	name, ok := namesOf(dimension)[value]
	switch {
	case name != "":
		return name, false
	case value != "" && !ok:
		return value, false
	case dimension == "source":
		return "direct", true
	case slices.Contains([]string{"campaign", "medium", "term", "content"}, dimension):
		return "none", true
	}
	return "unknown", true
}

// valueOf returns the value that a person means, by what it is called.
func valueOf(dimension, typed string) string {
	names := namesOf(dimension)
	if _, ok := names[typed]; ok {
		return typed
	}
	for value := range names {
		if name, _ := nameOf(dimension, value); strings.EqualFold(name, typed) || strings.EqualFold(value, typed) {
			return value
		}
	}
	if name, _ := nameOf(dimension, ""); strings.EqualFold(name, typed) && !slices.Contains(stepDimensions, dimension) {
		return ""
	}
	return typed
}

// words says what a filter chooses.
func (f Filter) words() string {
	d, _ := findDimension(f.Dimension)
	how := map[Op]string{Is: " is ", Not: " is not ", Contains: " contains "}[f.Op]
	values := make([]string, len(f.Values))
	for i, v := range f.Values {
		values[i] = v
		if f.Op != Contains {
			values[i], _ = nameOf(f.Dimension, v)
		}
	}
	return filterWord(d) + how + strings.Join(values, " or ")
}

// filterWord is what a dimension is called in a filter, where no panel's title
// stands above it.
func filterWord(d dimension) string {
	switch d.Name {
	case "entry", "exit":
		return strings.ToUpper(d.Name[:1]) + d.Name[1:] + " page"
	case "outbound":
		return "Link away"
	case "missing":
		return "Page not found"
	case "version":
		return "Browser version"
	case "release":
		return "System version"
	case "kind":
		return "Kind of network"
	case "scroll":
		return "Read down to"
	case "width":
		return "Width"
	case "via":
		return "Way of recording"
	case "returns":
		return "Visits of the visitor"
	case "length":
		return "Length of the visit"
	}
	return d.Word
}

// filterNoun is what a dimension is called within a sentence.
func filterNoun(dimension string) string {
	d, _ := findDimension(dimension)
	return loot.LowerFirst(filterWord(d))
}

// daysWords writes a period.
func daysWords(from, to column.Day) string {
	a, b := from.Time(), to.Time()
	switch {
	case from == to:
		return a.Format("Mon 2 Jan 2006")
	case a.Year() != b.Year():
		return a.Format("2 Jan 2006") + " – " + b.Format("2 Jan 2006")
	case a.Month() != b.Month():
		return a.Format("2 Jan") + " – " + b.Format("2 Jan 2006")
	}
	return a.Format("2") + "–" + b.Format("2 Jan 2006")
}

// A measure is what is told of a sum.
type measure struct {
	name, label, icon string
	better            int // 1: more is better; -1: less is
	share             bool
	of                func(Sum) int // whole numbers that words writes
	words             func(int) string
}

func number(n int) string { return web.Number(n) }

// ratio returns how much of a goes on each of b.
func ratio(a, b int64, by float64) int {
	if b == 0 {
		return chart.Untold
	}
	return int(by*float64(a)/float64(b) + .5)
}

func perCent(n int) string { return strconv.Itoa(n) + " %" }

func tenths(n int) string { return fmt.Sprintf("%d.%d", n/10, n%10) }

// word writes what a measure says of a sum.
func (m measure) word(s Sum) string {
	n := m.of(s)
	if n == chart.Untold {
		return "–"
	}
	return m.words(n)
}

// minutes writes seconds.
func minutes(n int) string {
	d := time.Duration(n) * time.Second
	if d < time.Minute {
		return strconv.Itoa(n) + " s"
	}
	if d < time.Hour {
		return fmt.Sprintf("%d:%02d min", n/60, n%60)
	}
	return fmt.Sprintf("%d:%02d h", n/3600, n/60%60)
}

var measures = []measure{
	{name: "visitors", label: "Visitors", icon: "users", better: 1, of: func(s Sum) int { return int(s.Visitors) }, words: number},
	{name: "visits", label: "Visits", icon: "log-in", better: 1, of: func(s Sum) int { return int(s.Visits) }, words: number},
	{name: "views", label: "Views", icon: "eye", better: 1, of: func(s Sum) int { return int(s.Views) }, words: number},
	{name: "bounce", label: "Bounce rate", icon: "undo-2", better: -1, share: true, of: bounceRate, words: perCent},
	{name: "engaged", label: "Engaged time", icon: "timer", better: 1, of: func(s Sum) int { return ratio(s.Engaged, s.Visits*1000, 1) }, words: minutes},
	{name: "depth", label: "Views per visit", icon: "layers", better: 1, of: func(s Sum) int { return ratio(s.Views, s.Visits, 10) }, words: tenths},
}

// measuresOf returns the measures of a site: what its visits were worth only
// where it has a currency.
func measuresOf(s *Site) []measure {
	if s.Currency == "" {
		return measures
	}
	return append(measures[:len(measures):len(measures)], measure{name: "amount", label: "Revenue, " + s.Currency, icon: "banknote", better: 1, of: cents, words: func(n int) string {
		if n == 0 {
			return "0" // as every other measure, and on the axis
		}
		if n >= 100_000 || n <= -100_000 {
			return number(int(math.Round(float64(n) / 100)))
		}
		return money(float64(n) / 100)
	}})
}

func cents(s Sum) int {
	if n := int(math.Round(s.Amount * 100)); n != chart.Untold {
		return n
	}
	return 0
}

func bounceRate(s Sum) int { return ratio(s.Bounces, s.Visits, 100) }

func measureNamed(of []measure, name string) (measure, bool) {
	i := slices.IndexFunc(of, func(m measure) bool { return m.name == name })
	if i < 0 {
		return measure{}, false
	}
	return of[i], true
}

// A cell is a column of a panel.
type cell struct {
	title string
	of    func(Sum) string
}

func counts64(title string, of func(Sum) int64) cell {
	return cell{title, func(s Sum) string { return number(int(of(s))) }}
}

// cellsOf returns what a panel tells of its rows, the first of which its bars
// show.
func cellsOf(d dimension, currency string) []cell {
	out := []cell{counts64("Visitors", func(s Sum) int64 { return s.Visitors })}
	switch {
	case d.Name == "entry":
		out = append(out, counts64("Visits", func(s Sum) int64 { return s.Visits }), cell{"Bounce rate", func(s Sum) string {
			if s.Visits == 0 {
				return "–"
			}
			return perCent(bounceRate(s))
		}})
	case d.Name == "exit" || d.whole:
		out = append(out, counts64("Visits", func(s Sum) int64 { return s.Visits }))
	case d.events():
		out = append(out, counts64("Times", func(s Sum) int64 { return s.Views }))
	default:
		out = append(out, counts64("Views", func(s Sum) int64 { return s.Views }))
	}
	if currency != "" && d.worth() {
		out = append(out, cell{currency, func(s Sum) string { return money(s.Amount) }})
	}
	return out
}

func money(f float64) string {
	if f > -.005 && f < .005 {
		return "–"
	}
	n := int(math.Round(f * 100))
	rest := n % 100
	return number(n/100) + fmt.Sprintf(".%02d", max(rest, -rest))
}

// A move is a row that changed between two periods.
type move struct {
	dimension
	value       string
	before, now int64
	surprise    float64 // by how much more than the panel as a whole
}

// moved returns the rows that are told of both periods, those first that changed
// most beyond what the whole did: where all countries grew alike, none says why.
// What programs did says nothing of what people did.
func moved(now, before []Panel, most, each int) (out []move) {
	for _, p := range now {
		i := slices.IndexFunc(before, func(o Panel) bool { return o.Name == p.Name })
		if i < 0 || before[i].Total.Views == 0 {
			continue
		}
		d, _ := findDimension(p.Name)
		if d.programs() {
			continue
		}
		grown := float64(p.Total.Views) / float64(before[i].Total.Views)
		was := map[string]int64{}
		for _, row := range before[i].Rows {
			was[row.Value] = row.Views
		}
		var of []move
		for _, row := range p.Rows {
			b, told := was[row.Value]
			if _, none := nameOf(d.Name, row.Value); !told || none || 20*max(b-row.Views, row.Views-b) < b {
				continue // as it was, or nearly so
			}
			m := move{dimension: d, value: row.Value, before: b, now: row.Views, surprise: float64(row.Views) - float64(b)*grown}
			if m.now < m.before {
				m.surprise = -m.surprise
			}
			if m.surprise > 0 { // what grew with the whole, or less, is no reason for that
				of = append(of, m)
			}
		}
		sortMoves(of)
		out = append(out, of[:min(each, len(of))]...)
	}
	sortMoves(out)
	return out[:min(most, len(out))]
}

func sortMoves(of []move) {
	slices.SortFunc(of, func(a, b move) int {
		return cmp.Or(cmp.Compare(b.surprise, a.surprise), cmp.Compare(a.Name, b.Name), cmp.Compare(a.value, b.value))
	})
}
