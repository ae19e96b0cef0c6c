package export

import "strings"

// umami reads the table of events, website_event.csv of Umami Cloud's export
// and what a database of one's own gives, as CSV or as JSON:
// https://umami.is/docs/cloud/export-data
// It lacks how long anybody stayed, and in tables of the database itself browser,
// system, device and place, which are in another. Times are of UTC.
func (r *reading) umami(s *source) error {
	if err := r.be(Umami, s.name); err != nil {
		return err
	}
	for s.next() {
		if err := r.umamiEvent(s); err != nil {
			return err
		}
	}
	return s.err
}

func (r *reading) umamiEvent(s *source) error {
	kind := s.count("eventtype")
	if kind > 2 || kind == 0 && s.has("eventtype") { // how fast pages were, and other things
		r.summary.Passed++
		return nil
	}
	v := View{
		Time: s.moment("createdat"), Visitor: s.get("sessionid"), Visit: s.get("visitid"), Event: s.get("eventname"), Host: s.get("hostname"),
		Path: s.get("urlpath"), Title: s.get("pagetitle"), Browser: s.get("browser"), System: s.get("os"), Device: s.get("device"),
		Country: s.get("country"), Region: s.either("region", "subdivision1"), City: s.get("city"), Language: s.get("language"),
		Campaign: Campaign{s.get("utmsource"), s.get("utmmedium"), s.get("utmcampaign"), s.get("utmterm"), s.get("utmcontent")},
		Clicked:  s.either("gclid", "fbclid", "msclkid", "ttclid", "lifatid", "twclid") != "",
		Width:    screenWidth(s.get("screen")),
	}
	if v.Visit == "" {
		v.Visit = v.Visitor
	}
	if kind == 2 && v.Event == "" {
		s.fail("eventname", "it is empty, and the row is of an event")
	}
	if query := strings.TrimPrefix(s.get("urlquery"), "?"); query != "" {
		v.Path += "?" + query
	}
	if host := s.get("referrerdomain"); host != "" {
		v.Referrer = host + s.get("referrerpath")
	}
	if s.err != nil {
		return s.err
	}
	return r.view(v)
}

// screenWidth is the first number of 1920x1080.
func screenWidth(text string) int {
	width, _, _ := strings.Cut(text, "x")
	n := 0
	for _, c := range width {
		if c < '0' || c > '9' || n > 100_000 {
			return 0
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// umamiDashboard reads the tables that the button of the dashboard downloads,
// a name and a number in each. They say no days: they need the range that the
// dashboard showed, and their 500 first rows are all there is.
func (r *reading) umamiDashboard(s *source) error {
	if err := r.be(Umami, s.name); err != nil {
		return err
	}
	dimension, ok := map[string]Dimension{
		"events.csv": Event, "pages.csv": Page, "referrers.csv": Source, "browsers.csv": Browser, "os.csv": System, "devices.csv": Device, "countries.csv": Country,
	}[s.name]
	if !ok {
		return &Error{File: s.name, What: "it is like a table of Umami's dashboard, and named like none: pages.csv, referrers.csv and so on"}
	}
	if err := r.ranged(s.name); err != nil {
		return err
	}
	for s.next() {
		d := Daily{First: r.options.First, Last: r.options.Last, Dimension: dimension, Value: s.get("x")}
		if dimension == Event {
			s.measure(&d, Events, "y")
		} else {
			s.measure(&d, Visitors, "y")
		}
		if s.err != nil {
			break
		}
		if err := r.daily(d); err != nil {
			return err
		}
	}
	return s.err
}

// ranged asks for the days of an export that says none.
func (r *reading) ranged(file string) error {
	if r.options.First.IsZero() || r.options.Last.Before(r.options.First) {
		return &Error{File: file, What: "it says no days; give the first and the last day that it was exported for"}
	}
	return nil
}
