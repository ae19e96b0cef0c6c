package export

import "strings"

// A plausibleFile is one of the tables of Plausible's export.
type plausibleFile struct {
	dimension     Dimension
	value, detail string
}

// plausibleTable knows a table by its file's name, which is all that tells
// some of them apart: imported_browsers_20260101_20260331.csv.
func plausibleTable(name string) *plausibleFile {
	table, ok := strings.CutPrefix(strings.TrimSuffix(name, ".csv"), "imported_")
	if !ok {
		return nil
	}
	table = strings.TrimRight(table, "0123456789_")
	f, ok := map[string]plausibleFile{
		"visitors":          {dimension: Total},
		"sources":           {Source, "source", "referrer"},
		"pages":             {Page, "page", "hostname"},
		"entry_pages":       {Entry, "entrypage", ""},
		"exit_pages":        {Exit, "exitpage", ""},
		"custom_events":     {Event, "name", ""},
		"locations":         {Country, "country", ""},
		"devices":           {Device, "device", ""},
		"browsers":          {Browser, "browser", "browserversion"},
		"operating_systems": {System, "operatingsystem", "operatingsystemversion"},
	}[table]
	if !ok {
		return nil
	}
	return &f
}

// plausible reads one of the ten tables of the zip that Settings, Export data
// gives, one row for each day and value: https://plausible.io/docs/export-stats
// It has no single views, no hours, no languages, and of cities the number by
// GeoNames alone. Its days are of the site's time zone. Visits whose place is
// not known are not in the table of places.
func (r *reading) plausible(s *source, f *plausibleFile) error {
	if err := r.be(Plausible, s.name); err != nil {
		return err
	}
	for s.next() {
		at := s.day("date")
		d := Daily{First: at, Last: at, Dimension: f.dimension, Value: s.get(f.value), Detail: s.get(f.detail)}
		switch f.dimension {
		case Country:
			d.Detail = strings.TrimSuffix(s.get("region")+" "+strings.TrimPrefix(s.get("city"), "0"), " ")
		case Event:
			d.Detail = s.either("linkurl", "path")
		case Source:
			d.Campaign = Campaign{s.get("utmsource"), s.get("utmmedium"), s.get("utmcampaign"), s.get("utmterm"), s.get("utmcontent")}
		}
		s.measure(&d, Visitors, "visitors")
		s.measure(&d, Visits, "visits", "entrances", "exits")
		if f.dimension == Total || f.dimension == Page { // elsewhere they are of whole visits
			s.measure(&d, Views, "pageviews")
		}
		s.measure(&d, Events, "events")
		s.measure(&d, Bounces, "bounces")
		s.measure(&d, Duration, "visitduration")
		if s.err != nil {
			break
		}
		if err := r.daily(d); err != nil {
			return err
		}
	}
	return s.err
}
