package export

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// json reads a file of JSON: a list of rows, rows under "data", or rows under
// the days that they are of.
func (r *reading) json(s *source) error {
	s.unit = "record"
	dec := json.NewDecoder(s.text)
	dec.UseNumber()
	begin, err := dec.Token()
	if err != nil {
		return s.wrong(err)
	}
	if begin == json.Delim('[') {
		if err := r.jsonRows(s, dec, ""); err != nil {
			return err
		}
		return r.jsonEnd(s, dec)
	}
	flat := map[string]any{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return s.wrong(err)
		}
		value, err := dec.Token()
		if err != nil {
			return s.wrong(err)
		}
		name, _ := key.(string)
		_, _, dated := period(name)
		switch {
		case value == json.Delim('[') && (dated || name == "data"):
			err = r.jsonRows(s, dec, name)
		case value == json.Delim('[') || value == json.Delim('{') && !dated:
			err = skip(dec)
		case value == json.Delim('{'):
			row := map[string]any{}
			for dec.More() && err == nil {
				var key json.Token
				var value any
				if key, err = dec.Token(); err == nil {
					err = dec.Decode(&value)
				}
				text, _ := key.(string)
				row[text] = value
			}
			if err == nil {
				_, err = dec.Token()
			}
			if err == nil && len(row) > 0 {
				err = r.jsonRow(s, row, name)
			}
		case len(flat) < 1000:
			flat[name] = value
		}
		if err != nil {
			return s.wrong(err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return s.wrong(err)
	}
	if _, ok := flat["nb_visits"]; ok {
		if err := r.jsonRow(s, flat, ""); err != nil {
			return err
		}
	}
	return r.jsonEnd(s, dec)
}

func (r *reading) jsonEnd(s *source, dec *json.Decoder) error {
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &Error{File: s.name, What: "there is more behind its end"}
	}
	return nil
}

// skip passes over the rest of a list or an object.
func skip(dec *json.Decoder) error {
	for depth := 1; depth > 0; {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
	return nil
}

func (r *reading) jsonRows(s *source, dec *json.Decoder, when string) error {
	for dec.More() {
		s.budget.left = longestRecord
		var row map[string]any
		if err := dec.Decode(&row); err != nil {
			return s.wrong(err)
		}
		if err := r.jsonRow(s, row, when); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	if err != nil {
		return s.wrong(err)
	}
	return nil
}

// jsonRow reads a row by what it has.
func (r *reading) jsonRow(s *source, row map[string]any, when string) error {
	s.at++
	s.fields = make(map[string]any, len(row))
	for name, value := range row {
		s.fields[plain(name)] = value
	}
	switch {
	case s.has("sessionid") && s.has("urlpath"):
		if err := r.be(Umami, s.name); err != nil {
			return err
		}
		return r.umamiEvent(s)
	case s.has("idvisit"):
		actions, _ := s.fields["actiondetails"].([]any)
		return r.matomoVisit(s, len(actions), func(i int, field string) string {
			action, _ := actions[i].(map[string]any)
			inner := source{fields: map[string]any{field: action[field]}}
			return inner.get(field)
		})
	case s.has("nbvisits") || s.has("nbhits") || s.has("nbuniqvisitors"):
		return r.matomoRow(s, when)
	}
	return &Error{File: s.name, Line: s.at, Unit: s.unit, What: "the record is of no export that Loot reads"}
}

// matomoVisits reads the log of visits, that of the API's
// Live.getLastVisitsDetails, as CSV; its JSON comes by jsonRow.
// https://developer.matomo.org/api-reference/reporting-api#Live
// It lacks nothing that we keep. Addresses, names of users and what was searched
// for are not read.
func (r *reading) matomoVisits(s *source) error {
	actions := 0
	for s.has("typeactiondetails" + strconv.Itoa(actions)) {
		actions++
	}
	for s.next() {
		n := actions
		for n > 0 && s.get("typeactiondetails"+strconv.Itoa(n-1)) == "" {
			n--
		}
		if err := r.matomoVisit(s, n, func(i int, field string) string { return s.get(plain(field) + "actiondetails" + strconv.Itoa(i)) }); err != nil {
			return err
		}
	}
	return s.err
}

func (r *reading) matomoVisit(s *source, n int, action func(i int, field string) string) error {
	if err := r.be(Matomo, s.name); err != nil {
		return err
	}
	visit := View{
		Visit: s.get("idvisit"), Visitor: s.get("visitorid"), First: true, Browser: s.either("browser", "browsername"), System: s.either("operatingsystem", "operatingsystemname"), Device: s.get("devicetype"),
		Country: strings.ToUpper(s.get("countrycode")), Region: s.get("regioncode"), City: s.get("city"), Language: s.either("languagecode", "language"),
		Referrer: s.get("referrerurl"), Width: screenWidth(s.get("resolution")),
		Campaign: Campaign{Source: s.get("campaignsource"), Medium: s.get("campaignmedium"), Name: s.get("campaignname"), Term: s.get("campaignkeyword"), Content: s.get("campaigncontent")},
	}
	switch kind := s.get("referrertype"); {
	case kind == "campaign" && visit.Campaign.Name == "":
		visit.Campaign.Name, visit.Campaign.Term = s.get("referrername"), s.get("referrerkeyword")
	case kind != "direct" && kind != "campaign":
		visit.Source = s.get("referrername")
	}
	for i := range n {
		v := visit
		at, err := strconv.ParseInt(action(i, "timestamp"), 10, 64)
		if err != nil || at < 631152000 || at > 1<<33 {
			return &Error{File: s.name, Line: s.at, Unit: s.unit, Column: "timestamp (actionDetails " + strconv.Itoa(i) + ")", What: "it is no time in seconds since 1970"}
		}
		v.Time = time.Unix(at, 0).UTC()
		address := action(i, "url")
		switch action(i, "type") {
		case "action":
			v.Title = action(i, "pageTitle")
			if spent, err := strconv.ParseFloat(action(i, "timeSpent"), 64); err == nil && spent > 0 && spent < 86400 {
				v.Duration = time.Duration(spent * float64(time.Second))
			}
		case "event":
			v.Event = strings.TrimSpace(action(i, "eventCategory") + " " + action(i, "eventAction"))
		case "download":
			v.Event, v.Target, address = "download", address, ""
		case "outlink":
			v.Event, v.Target, address = "outbound", address, ""
		case "search":
			v.Event = "search"
		default:
			r.summary.Passed++
			continue
		}
		if !strings.Contains(address, "://") && address != "" {
			address = "http://" + address
		}
		if u, err := url.Parse(address); err == nil {
			v.Host, v.Path = u.Host, u.RequestURI()
		}
		if address == "" {
			v.Path = ""
		}
		if s.err != nil {
			return s.err
		}
		if err := r.view(v); err != nil {
			return err
		}
		visit.First = false
	}
	return s.err
}

// matomoReport reads a report, as the button under each downloads it, by day or
// over a range, as CSV; its JSON comes by jsonRow. Names of columns are those of
// the API or their English translations.
// A report does not say what it is of: that of pages, of countries and those
// with icons are known by their columns, for others Options.Dimension says it.
// Views are in the reports of pages alone.
func (r *reading) matomoReport(s *source) error {
	for s.next() {
		if err := r.matomoRow(s, s.get("date")); err != nil {
			return err
		}
	}
	return s.err
}

func (r *reading) matomoRow(s *source, when string) error {
	if err := r.be(Matomo, s.name); err != nil {
		return err
	}
	d := Daily{First: r.options.First, Last: r.options.Last, Dimension: Total}
	if when != "" {
		var ok bool
		if d.First, d.Last, ok = period(when); !ok {
			s.fail("date", "it is no day, month or range as in 2026-03-01, 2026-03 and 2026-03-01,2026-03-07")
			return s.err
		}
	} else if err := r.ranged(s.name); err != nil {
		return err
	}
	if s.has("label") {
		d.Value = s.get("label")
		if d.Dimension = r.matomoDimension(s); d.Dimension == "" {
			s.fail("label", "the report does not say what its names are; say whether they are pages, sources, countries or another dimension")
			return s.err
		}
	}
	switch d.Dimension {
	case Page, Entry, Exit:
		if u, err := url.Parse(s.either("metadataurl", "url")); err == nil && u.Path != "" {
			d.Value, d.Detail = u.RequestURI(), u.Host
		} else if !strings.HasPrefix(d.Value, "/") {
			d.Value = "/" + d.Value
		}
		s.measure(&d, Views, "nbhits", "pageviews")
	case Country:
		if code := s.either("metadatacode", "code"); code != "" {
			d.Value = strings.ToUpper(code)
		}
	case Event:
		s.measure(&d, Events, "nbevents", "totalevents")
	case Total:
		s.measure(&d, Views, "nbpageviews", "pageviews")
	}
	s.measure(&d, Visitors, "nbuniqvisitors", "sumdailynbuniqvisitors", "uniquevisitors")
	s.measure(&d, Visits, "nbvisits", "visits", "uniquepageviews")
	s.measure(&d, Bounces, "bouncecount", "bounces")
	s.measure(&d, Duration, "sumvisitlength", "totaltimespentbyvisitorsinseconds")
	if s.err != nil {
		return s.err
	}
	return r.daily(d)
}

func (r *reading) matomoDimension(s *source) Dimension {
	if r.options.Dimension != "" {
		return r.options.Dimension
	}
	icon := path.Base(path.Dir(s.either("metadatalogo", "logo")))
	if d, ok := map[string]Dimension{"flags": Country, "browsers": Browser, "os": System, "devices": Device, "searchEngines": Source, "socials": Source}[icon]; ok {
		return d
	}
	switch {
	case s.either("metadatacode", "code") != "" && s.has("nbvisits"):
		return Country
	case s.has("nbhits") || s.has("pageviews"):
		return Page
	case s.has("nbevents"):
		return Event
	}
	return ""
}

// period reads a day, a month, a year, or a range of days.
func period(text string) (first, last time.Time, ok bool) {
	text = strings.TrimPrefix(text, "From ")
	from, to, isRange := strings.Cut(strings.Replace(text, " to ", ",", 1), ",")
	if isRange {
		first, ok = day(from)
		last, ok2 := day(to)
		return first, last, ok && ok2 && !last.Before(first)
	}
	if first, ok = day(text); ok && len(text) == len("2026-03-01") {
		return first, first, true
	}
	if t, err := time.Parse("2006-01", text); err == nil {
		return t, t.AddDate(0, 1, -1), true
	}
	if t, err := time.Parse("2006", text); err == nil && t.Year() > 1990 {
		return t, t.AddDate(1, 0, -1), true
	}
	return first, last, false
}
