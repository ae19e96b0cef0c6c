package export

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// goatCounter reads the CSV of single views, which has one only where the site
// keeps "individual pageviews": https://www.goatcounter.com/help/export
// It lacks the host, how long anybody stayed, and campaigns beyond one word.
// Its paths are without query but for what the site chose to keep.
func (r *reading) goatCounter(s *source) error {
	if err := r.be(GoatCounter, s.name); err != nil {
		return err
	}
	if s.first != "2path" {
		return &Error{File: s.name, Line: 1, Unit: "line", Column: s.titles[0], What: "Loot reads version 2 of GoatCounter's export, and this is another; export it with a newer GoatCounter"}
	}
	for s.next() {
		v := View{
			Time: s.moment("date"), Visit: s.get("session"), Visitor: s.get("session"), First: s.flag("firstvisit"), Path: s.get("2path"), Title: s.get("title"),
			Browser: s.get("browser"), System: s.get("system"), Bot: s.count("bot") > 0,
		}
		if s.flag("event") {
			v.Event, v.Path = v.Path, ""
		}
		goatReferrer(s.get("referrer"), s.get("referrerscheme"), &v.Referrer, &v.Source, &v.Campaign)
		v.Country, v.Region, _ = strings.Cut(s.get("location"), "-")
		width, _, _ := strings.Cut(s.get("screensize"), ",")
		v.Width, _ = strconv.Atoi(width)
		if s.err != nil {
			break
		}
		if err := r.view(v); err != nil {
			return err
		}
	}
	return s.err
}

// goatReferrer tells by its scheme what a referrer is.
func goatReferrer(text, scheme string, referrer, source *string, campaign *Campaign) {
	switch scheme {
	case "h":
		*referrer = text
	case "c":
		campaign.Source = text
	default:
		*source = text
	}
}

// goatCounterJSON reads the zip of counts:
// https://www.goatcounter.com/help/export-json
// It counts visits to each path, by day; a visit to two paths is two of them,
// so there is no total, and no visitors, views or lengths. Days are of UTC.
func (r *reading) goatCounterJSON(files map[string]*zip.File) error {
	r.summary.Product = GoatCounter
	var info struct {
		Version string `json:"export_version"`
	}
	if err := r.jsonLines(files, "info.json", func(dec *json.Decoder) error { return dec.Decode(&info) }); err != nil {
		return err
	}
	if major, _, _ := strings.Cut(info.Version, "."); major != "1" {
		return &Error{File: "info.json", Column: "export_version", What: "Loot reads version 1 of GoatCounter's export of JSON, and this is another"}
	}
	type named struct {
		ID                       int64
		Path, Ref, Name, Version string
		Event                    bool
		Scheme                   string `json:"ref_scheme"`
	}
	names := func(file string) (map[int64]named, error) {
		out := map[int64]named{}
		return out, r.jsonLines(files, file, func(dec *json.Decoder) error {
			var n named
			if err := dec.Decode(&n); err != nil {
				return err
			}
			n.Path, n.Ref, n.Name, n.Version = clean(n.Path), clean(n.Ref), clean(n.Name), clean(n.Version)
			if out[n.ID] = n; len(out) > mostNames {
				return errTooLong
			}
			return nil
		})
	}
	list := map[string]map[int64]named{}
	for _, file := range []string{"paths.jsonl", "refs.jsonl", "browsers.jsonl", "systems.jsonl"} {
		var err error
		if list[file], err = names(file); err != nil {
			return err
		}
	}
	type stat struct {
		Hour, Day string
		Path      int64 `json:"path_id"`
		Ref       int64 `json:"ref_id"`
		Browser   int64 `json:"browser_id"`
		System    int64 `json:"system_id"`
		Width     int64
		Location  string
		Language  string
		Count     int64
	}
	var errColumn string
	lookup := func(file, column string, id int64) named {
		n, ok := list[file][id]
		if !ok {
			errColumn = column
		}
		return n
	}
	for _, file := range []struct {
		name  string
		daily func(stat) []Daily
	}{
		{"hit_stats.jsonl", func(s stat) []Daily {
			path, ref := lookup("paths.jsonl", "path_id", s.Path), lookup("refs.jsonl", "ref_id", s.Ref)
			if path.Event {
				return []Daily{{Dimension: Event, Value: path.Path}}
			}
			source := Daily{Dimension: Source}
			goatReferrer(ref.Ref, ref.Scheme, &source.Detail, &source.Value, &source.Campaign)
			return []Daily{{Dimension: Page, Value: path.Path}, source}
		}},
		{"browser_stats.jsonl", func(s stat) []Daily {
			n := lookup("browsers.jsonl", "browser_id", s.Browser)
			return []Daily{{Dimension: Browser, Value: n.Name, Detail: n.Version}}
		}},
		{"system_stats.jsonl", func(s stat) []Daily {
			n := lookup("systems.jsonl", "system_id", s.System)
			return []Daily{{Dimension: System, Value: n.Name, Detail: n.Version}}
		}},
		{"location_stats.jsonl", func(s stat) []Daily {
			country, region, _ := strings.Cut(clean(s.Location), "-")
			return []Daily{{Dimension: Country, Value: country, Detail: region}}
		}},
		{"language_stats.jsonl", func(s stat) []Daily { return []Daily{{Dimension: Language, Value: clean(s.Language)}} }},
		{"size_stats.jsonl", func(s stat) []Daily { return []Daily{{Dimension: Width, Value: strconv.FormatInt(s.Width, 10)}} }},
	} {
		err := r.jsonLines(files, file.name, func(dec *json.Decoder) error {
			var s stat
			if err := dec.Decode(&s); err != nil {
				return err
			}
			at, ok := day(s.Day)
			if s.Day == "" {
				t, err := time.Parse(time.RFC3339, s.Hour)
				at, ok = t.UTC().Truncate(24*time.Hour), err == nil
			}
			if !ok {
				return errors.New("it has no day")
			}
			if s.Count < 0 || s.Count > most {
				return errors.New("its count is no number that can be counted")
			}
			for _, d := range file.daily(s) {
				if errColumn != "" {
					return errors.New("its " + errColumn + " is of nothing in the export")
				}
				d.First, d.Last = at, at
				if d.Has = Visits; d.Dimension == Event {
					d.Has, d.Events = Events, s.Count
				} else {
					d.Visits = s.Count
				}
				if err := r.daily(d); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	// What is told of each path is of the same visits as the paths, but that
	// sources are of pages alone; what a browser did not say can be left out.
	pages, events := r.sums[sumKey{dimension: Page, measure: Visits}], r.sums[sumKey{dimension: Event, measure: Events}]
	for _, d := range []Dimension{Browser, System, Country, Language, Width} {
		r.summary.Checks = append(r.summary.Checks, Check{What: "visits by " + string(d), Parts: r.sums[sumKey{dimension: d, measure: Visits}], Says: pages + events, AtMost: true})
	}
	r.summary.Checks = append(r.summary.Checks, Check{What: "visits by source", Parts: r.sums[sumKey{dimension: Source, measure: Visits}], Says: pages})
	return nil
}

// jsonLines calls read for each value of a file.
func (r *reading) jsonLines(files map[string]*zip.File, name string, read func(*json.Decoder) error) error {
	f := files[name]
	if f == nil {
		return &Error{File: name, What: "it is missing in the zip"}
	}
	return r.member(name, f, func(in io.Reader) error {
		s := newSource(name, &bounded{in, &r.left, name})
		s.unit = "record"
		dec := json.NewDecoder(s.text)
		for {
			s.budget.left = longestRecord
			err := read(dec)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return s.wrong(err)
			}
			s.at++
		}
	})
}
