package visits

import (
	"slices"
	"sync"
	"time"

	"loot"
	"loot/column"
	"loot/gate"
	"loot/statement"
)

// What the statement calls what visits are about.
const (
	collection loot.Collection = "visit"
	improve    loot.Purpose    = "improve"
)

// A set is which details of a visit may be kept.
type set uint16

// The details, by the fields of the statement. Without the first there is
// nothing to keep.
const (
	mayCount set = 1 << iota
	mayProvider
	mayAddress
	mayCountry
	mayBrowser
	maySystem
	mayDevice
	mayLanguage
	mayPage
	mayReferrer
	mayTime
	mayEvent
)

// details are the fields of the statement by which they are declared.
var details = []struct {
	field loot.Field
	is    set
}{
	{"visit.domain", mayCount},
	{"visit.provider", mayProvider},
	{"visit.address", mayAddress},
	{"visit.country", mayCountry},
	{"visit.browser", mayBrowser},
	{"visit.system", maySystem},
	{"visit.device", mayDevice},
	{"visit.language", mayLanguage},
	{"visit.page", mayPage},
	{"visit.referrer", mayReferrer},
	{"visit.time", mayTime},
	{"visit.event", mayEvent},
}

// Signals of a browser, and what the statement calls them.
type signals uint8

const (
	gpc signals = 1 << iota // https://www.w3.org/TR/gpc/
	dnt
	allSignals = gpc | dnt
)

func (s signals) names() (out []string) {
	if s&gpc != 0 {
		out = append(out, "gpc")
	}
	if s&dnt != 0 {
		out = append(out, "dnt")
	}
	return out
}

// mostCrowd is beyond what a statement asks of a group.
const mostCrowd = 1000

// rules are what a version of the statement says of visits. It is asked once:
// what may be kept of a visit depends on nothing of the visitor but where they
// are and what their browser asks for.
type rules struct {
	version gate.Version
	may     map[string][allSignals + 1]set // by region
	alike   [allSignals + 1]bool           // it is the same in every region
	most    map[set]int                    // characters of a detail; none: no bound but the program's
	keep    statement.Span
	keeps   bool // visits may be kept at all
	crowd   int  // visitors below which a report tells nothing by itself; 0: reports are not permitted
}

// compile reads the rules off a statement. The time is that of the decisions, and
// whole whether nothing of an address is cut off.
func compile(v gate.Version, now time.Time, whole bool) *rules {
	s := v.Statement
	r := &rules{version: v, may: map[string][allSignals + 1]set{}, most: map[set]int{}}
	purpose, ok := s.Purpose(improve)
	if !ok {
		return r
	}
	r.keep = purpose.Keep
	declared := map[set]statement.FieldDecl{}
	for _, d := range details {
		if f, ok := s.Field(d.field); ok && slices.Contains(f.Collections, collection) {
			declared[d.is] = f
			r.most[d.is] = f.Max
		}
	}
	for _, region := range s.Front().Regions {
		var may [allSignals + 1]set
		for sent := range allSignals + 1 {
			for is, f := range declared {
				in := collect(s, f, region, sent, now)
				in.Context.FullAddr = whole && is == mayAddress
				if s.Decide(in).Allowed {
					may[sent] |= is
				}
			}
			if may[sent]&mayCount == 0 {
				may[sent] = 0
			}
			r.keeps = r.keeps || may[sent] != 0
		}
		r.may[region] = may
	}
	for sent := range allSignals + 1 {
		r.alike[sent] = !slices.ContainsFunc(regions, func(region string) bool { return r.of(region, sent) != r.of("other", sent) })
	}
	for n := 1; n <= mostCrowd; n++ {
		if s.Decide(analyse(s, statement.Actor{Kind: loot.Desk, Desk: Name}, n, now)).Allowed {
			r.crowd = n
			break
		}
	}
	return r
}

func collect(s *statement.Statement, f statement.FieldDecl, region string, sent signals, now time.Time) *statement.Input {
	return &statement.Input{
		Action:  loot.Collect,
		Actor:   statement.Actor{Kind: loot.Visitor, Region: region, Signals: sent.names()},
		Record:  record(s, f),
		Context: statement.Context{Purpose: improve, Now: now},
	}
}

func record(s *statement.Statement, f statement.FieldDecl) statement.Record {
	category, _ := s.Category(f.Category)
	out := statement.Record{Collection: collection, Category: f.Category, Level: category.Level, Identifying: f.Identifying, Since: f.Since}
	for p := range f.Needed {
		out.Purposes = append(out.Purposes, p)
	}
	return out
}

// analyse is the question whether somebody may see a report whose smallest group
// has so many visitors.
func analyse(s *statement.Statement, who statement.Actor, group int, now time.Time) *statement.Input {
	in := &statement.Input{Action: loot.Analyse, Actor: who, Context: statement.Context{Purpose: improve, Now: now, Group: group}}
	if f, ok := s.Field(details[0].field); ok {
		in.Record = record(s, f)
	}
	return in
}

// of returns what may be kept of a visit from a region whose browser sends
// signals. What the statement does not name is the rest of the world.
func (r *rules) of(region string, sent signals) set {
	may, ok := r.may[region]
	if !ok {
		may = r.may["other"]
	}
	return may[sent]
}

// since returns the first day that is still kept. Going back over months may end
// in a month without such a day, and so some days too late.
func (r *rules) since(now time.Time) column.Day {
	first, today := column.DayOf(now.AddDate(-r.keep.Years, -r.keep.Months, -r.keep.Days)), column.DayOf(now)
	for column.DayOf(r.keep.After((first - 1).Time())) >= today {
		first--
	}
	return first
}

// A ruling keeps the rules of the version in force.
type ruling struct {
	gate  *gate.Gate
	now   func() time.Time
	whole bool // addresses are kept whole, where the statement permits it

	mu   sync.Mutex
	last *rules
}

func (r *ruling) rules() *rules {
	v, ok := r.gate.InForce()
	if !ok {
		return &rules{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil || r.last.version.Statement != v.Statement {
		r.last = compile(v, r.now(), r.whole)
	}
	return r.last
}

// asIfWhole does something as if the settings had addresses kept whole, which they
// cannot: the statement is asked about that, and what is cut off still is.
func (r *ruling) asIfWhole(do func() error) error {
	set := func(whole bool) (before bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		before = r.whole
		r.whole, r.last = whole, nil
		return before
	}
	defer set(set(true))
	return do()
}

// regions are those that a statement may tell apart.
var regions = []string{"eu", "uk", "us", "ca", "other"}

// regionOf says which region of a statement a country belongs to.
func regionOf(country string) string {
	switch country {
	case "GB", "GG", "JE", "IM":
		return "uk"
	case "US", "PR", "VI", "GU", "AS", "MP":
		return "us"
	case "CA":
		return "ca"
	}
	if european[country] {
		return "eu"
	}
	return "other"
}

// european are the countries of the European Economic Area, and Switzerland,
// whose law is alike.
var european = func() map[string]bool {
	out := map[string]bool{}
	for _, c := range []string{
		"AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV", "LT", "LU", "MT", "NL",
		"PL", "PT", "RO", "SK", "SI", "ES", "SE", "IS", "LI", "NO", "CH", "GP", "MQ", "GF", "RE", "YT", "MF", "AX",
	} {
		out[c] = true
	}
	return out
}()
