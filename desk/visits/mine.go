package visits

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"loot/statement"
	"loot/web"
)

// stored is what lies in the column store of a view or an event, by column. What
// is empty there is not in it.
type stored map[string]string

// keep takes the value of a column.
func (s stored) keep(column string, value any) {
	if text := fmt.Sprint(value); text != "" && text != "0" && text != "false" {
		s[column] = text
	}
}

// storedOf is what is stored of a hit.
func storedOf(h *hit) stored {
	row := stored{}
	for _, c := range slices.Concat(hitsOnly, hitColumns) {
		row.keep(c.name, c.value(h))
	}
	return row
}

// A mineRecord is the record of a request for a page of our own.
type mineRecord struct {
	row      stored
	may      set  // what of it is kept
	always   set  // what would be, if the browser asked for nothing
	recorded bool // the page belongs to a site that is recorded
}

// recordOf makes the record of a request for a page of our own. If that page
// belongs to a site that is recorded it is kept; otherwise it is made for a site
// of nobody's and goes.
func (d *Visits) recordOf(r *http.Request) (m mineRecord, err error) {
	all, err := d.sites.list(r.Context())
	if err != nil {
		return m, err
	}
	scheme := "http"
	c := clientOf(r)
	if c.secure {
		scheme = "https"
	}
	at := &url.URL{Scheme: scheme, Host: r.Host, Path: r.URL.Path}
	nobodys := &Site{Hosts: []string{strings.ToLower(at.Hostname())}, Zone: "UTC"}
	nobodys.check(nil)
	s, l := nobodys, newLane("")
	for _, one := range all {
		if one.Ended.IsZero() && one.has(strings.ToLower(at.Hostname())) {
			s, l, m.recorded = one, d.live, true
			break
		}
	}
	x := &happening{kind: aView, at: d.Now(), url: at, referrer: r.Referer(), via: "page"}
	region := regionOf(d.lookup(c.addr).Country)
	m.may, m.always = d.ruling.rules().of(region, c.sent), d.ruling.rules().of(region, 0)
	made, err := d.record(r.Context(), l, s, c, x)
	if nothing(err) {
		m.may = 0
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if m.row = storedOf(made.hit); m.recorded {
		err = d.keep(r.Context(), made.day, []*recording{made})
	}
	return m, err
}

// signalWords says what the browser asks for, and what comes of that; empty: it
// asks for nothing.
func (m mineRecord) signalWords(sent signals) string {
	var asks []string
	if sent&gpc != 0 {
		asks = append(asks, "Global Privacy Control")
	}
	if sent&dnt != 0 {
		asks = append(asks, "Do Not Track")
	}
	if len(asks) == 0 {
		return ""
	}
	words := "Your browser asks for " + strings.Join(asks, " and ")
	switch m.may {
	case m.always:
		return words + ". By the statement in force that changes nothing here."
	case 0:
		return words + ", so nothing is kept."
	case mayCount:
		return words + ", so the visit is counted, and no more."
	}
	return words + ", so less is kept."
}

// takenFor says of one request what its class is.
var takenFor = map[string]string{human: "a person", "declared": "a program, as it says itself", "suspected": "a program, by how it asks", "spam": "referrer spam"}

// columnsOf are the columns of the statement's details.
var columnsOf = map[set][]string{
	mayCount:    {"host"},
	mayProvider: {"provider", "kind"},
	mayAddress:  {"network"},
	mayCountry:  {"country"},
	mayBrowser:  {"browser", "version"},
	maySystem:   {"system", "release"},
	mayDevice:   {"device", "width"},
	mayLanguage: {"language"},
	mayPage:     {"path", "entry", "before"},
	mayReferrer: {"channel", "source", "medium", "campaign", "term", "content", "clicked"},
	mayTime:     {"engaged", "scroll"},
	mayEvent:    {"event", "target", "amount"},
}

// lacking are details that a row need not have, and what is said then.
var lacking = map[set]string{mayTime: "not measured on this page", mayEvent: "none"}

// besides are the columns that are of no detail of the statement's, and what
// holds them together.
var besides = []struct {
	term, note string
	columns    []string
}{
	{"When", "By the clock of the site, until the day is closed; then the hour.", []string{"second"}},
	{"Your number, your visit's and this view's", "They tell one visitor from another on this day at this site. When the day is closed the first two become numbers drawn by lot, and the third goes.", []string{"visitor", "visit", "nth", "page"}},
	{"Taken for", "Programs are counted apart from people.", []string{"class", "bot"}},
	{"Recorded by", "", []string{"via", "site"}},
}

// shown is what is kept, of a detail or besides, as a person reads it.
func (s stored) shown(columns []string) string {
	var out []string
	for _, c := range columns {
		v, there := s[c]
		if !there || c == "browser" && strings.HasPrefix(s["version"], v) || c == "system" && strings.HasPrefix(s["release"], v) {
			continue // it stands before its version
		}
		out = append(out, said(c, v))
	}
	return strings.Join(out, ", ")
}

// said is a value as a person reads it.
func said(column, value string) string {
	switch column {
	case "second":
		n, _ := strconv.Atoi(value)
		return fmt.Sprintf("%02d:%02d:%02d", n/3600, n/60%60, n%60)
	case "country", "language":
		name, _ := nameOf(column, value)
		return name + " (" + value + ")"
	case "class":
		if taken, ok := takenFor[value]; ok {
			return taken
		}
		name, _ := nameOf(column, value)
		return name
	case "channel", "kind", "device", "width":
		name, _ := nameOf(column, value)
		return name
	case "medium", "campaign", "term", "content", "target":
		return column + " " + value
	case "entry":
		return "the visit began at " + value
	case "before":
		return "after " + value
	case "clicked":
		return "by a link that carried the id of a click on an advertisement, which was cut off"
	case "visitor":
		return "visitor " + value
	case "visit":
		return "visit " + value
	case "nth":
		return "page " + value + " of the visit"
	case "page":
		return "view " + value
	case "site":
		return "for site " + value
	case "via":
		return map[bool]string{true: "this page", false: value}[value == "page"]
	case "amount":
		return "worth " + value
	}
	return value
}

// facts are all that is kept, as a person reads it, and the names of what the
// statement names and was not kept.
func (s stored) facts(of *statement.Statement, may set) (facts []web.Fact, not []string) {
	for _, x := range details {
		f, ok := of.Field(x.field)
		switch {
		case !ok:
			continue
		case may&x.is == 0:
			not = append(not, f.Title)
			continue
		}
		value := s.shown(columnsOf[x.is])
		if value == "" {
			if value = lacking[x.is]; value == "" {
				value = "unknown"
			}
		}
		facts = append(facts, web.Fact{Term: f.Title, Value: value, Note: f.Needed[improve]})
	}
	for _, b := range besides {
		if value := s.shown(b.columns); value != "" {
			facts = append(facts, web.Fact{Term: b.term, Value: value, Note: b.note})
		}
	}
	return facts, not
}
