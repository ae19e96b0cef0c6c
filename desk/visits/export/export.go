// Package export reads what other programs for web analytics export of their
// own: GoatCounter, Plausible, Umami, Matomo and Google Analytics. It hands over
// single views where an export has them, and else what it counted, with the days
// that each count is of. What would name a person (addresses, names of users,
// user-agent strings) it does not read.
//
// What an export lacks stays lacking: the readers say in their comments what
// that is. An export that is wrong in one place is refused as a whole, with the
// file, the line and the column, so that nothing is imported by halves.
package export

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// A Product is whose export it is.
type Product string

// The products.
const (
	GoatCounter     Product = "GoatCounter"
	Plausible       Product = "Plausible"
	Umami           Product = "Umami"
	Matomo          Product = "Matomo"
	GoogleAnalytics Product = "Google Analytics"
)

// A View is one view of a page, or one event.
type View struct {
	Time           time.Time // in UTC
	Visitor, Visit string    // what the export calls them; of no meaning outside
	First          bool      // the first of its visit, where the export says so
	Event          string    // its name; empty for a view
	Host           string
	Path           string // with its query
	Title          string
	Referrer       string // an address, with or without its scheme
	Source         string // what the export made of the referrer: "Google"
	Campaign       Campaign
	Target         string // of an event: the file or the page that it led to
	Clicked        bool   // the link carried a click id
	Browser        string
	System         string
	Device         string
	Country        string // ISO 3166-1, two capitals
	Region         string // ISO 3166-2, with or without the country
	City           string
	Language       string
	Width          int // of the window or the screen, in pixels
	Duration       time.Duration
	Bot            bool
}

// A Campaign is what a link said of itself.
type Campaign struct{ Source, Medium, Name, Term, Content string }

// A Dimension is what counts are by.
type Dimension string

// The dimensions.
const (
	Total    Dimension = "total"
	Page     Dimension = "page"
	Entry    Dimension = "entry"
	Exit     Dimension = "exit"
	Source   Dimension = "source" // with its campaign
	Country  Dimension = "country"
	City     Dimension = "city"
	Language Dimension = "language"
	Browser  Dimension = "browser"
	System   Dimension = "system"
	Device   Dimension = "device"
	Width    Dimension = "width"
	Event    Dimension = "event"
)

// A Measure is something that is counted.
type Measure uint8

// The measures. Visitors are of their days: those of two days, or of two
// values, cannot be added.
const (
	Visitors Measure = 1 << iota
	Visits
	Views
	Events
	Bounces
	Duration
)

// A Daily is what an export counted for one value of a dimension, on one day or,
// where First and Last differ, over all the days from one to the other.
type Daily struct {
	First, Last time.Time // days, at midnight UTC; whose midnight it was the exports do not say
	Dimension   Dimension
	Value       string
	Detail      string // the version of a browser, the region and city of a country
	Campaign    Campaign

	Visitors, Visits, Views, Events, Bounces int64

	Duration time.Duration // of all visits together
	Has      Measure       // what of these the export says
}

// A Sink takes what is read. An error of it ends the reading.
type Sink struct {
	View  func(View) error
	Daily func(Daily) error
}

// Options are what an export does not say.
type Options struct {
	// First and Last are the days that the export was asked for. The exports
	// that have no dates need it.
	First, Last time.Time
	// Dimension is what a report of Matomo is by, where its file does not tell.
	Dimension Dimension
	// Limit is how many bytes the files may have when unpacked; 0 is 8 GiB.
	Limit int64
}

// A Summary says what was read.
type Summary struct {
	Product     Product
	First, Last time.Time // the first and the last day
	Views       int64
	Dailies     int64
	Bots        int64    // of the views
	Left        []string // files that say nothing that we count
	Passed      int64    // rows of other things than views and events
	Checks      []Check
}

// A Check compares the sum of the parts with the total that the export says
// elsewhere. Where it fails, the other program counted so or left parts out;
// what it says is imported all the same.
type Check struct {
	What        string
	Parts, Says int64
	AtMost      bool // the parts may be fewer, as places are that are not known
}

// OK tells whether they agree.
func (c Check) OK() bool { return c.Parts == c.Says || c.AtMost && c.Parts < c.Says }

// Words say how they differ.
func (c Check) Words() string {
	return fmt.Sprintf("%s: the parts come to %d, and the export says %d.", c.What, c.Parts, c.Says)
}

// An Error is what is wrong with an export, and where. It repeats nothing of
// what stands there.
type Error struct {
	File   string
	Line   int    // 0: not in a line
	Unit   string // "line", or "record" of JSON
	Column string
	What   string
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "export: %s", e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ", %s %d", e.Unit, e.Line)
	}
	if e.Column != "" {
		fmt.Fprintf(&b, ", column %q", e.Column)
	}
	return b.String() + ": " + e.What
}

const (
	usualLimit = 8 << 30
	mostFiles  = 1000
	// longestRecord is how much of a file one row may take.
	longestRecord = 4 << 20
	longestText   = 2048
	// mostNames bounds what one file is to another by number.
	mostNames = 2_000_000
)

// reading is the state of one import.
type reading struct {
	options Options
	sink    Sink
	summary Summary
	left    int64 // bytes
	sums    map[sumKey]int64
}

type sumKey struct {
	dimension Dimension
	measure   Measure
	says      bool // a total that the file gives itself
	file      string
}

// Read reads an export: a file as it was downloaded, alone, in a zip or
// compressed by gzip. The name is the file's, of which some exports need it.
func Read(name string, file io.ReaderAt, size int64, o Options, sink Sink) (*Summary, error) {
	if o.Limit == 0 {
		o.Limit = usualLimit
	}
	r := &reading{options: o, sink: sink, left: o.Limit, sums: map[sumKey]int64{}}
	head := make([]byte, 4)
	if _, err := file.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("export: %s: %w", path.Base(name), err)
	}
	var err error
	if bytes.Equal(head, []byte("PK\x03\x04")) {
		err = r.zip(path.Base(name), file, size)
	} else {
		err = r.file(path.Base(name), io.NewSectionReader(file, 0, size))
	}
	var stopped *stop
	if errors.As(err, &stopped) {
		return nil, stopped.error
	}
	if err != nil {
		return nil, err
	}
	if r.summary.Views+r.summary.Dailies == 0 {
		return nil, &Error{File: path.Base(name), What: "there is nothing in it that can be imported"}
	}
	r.check()
	return &r.summary, nil
}

func (r *reading) zip(name string, file io.ReaderAt, size int64) error {
	z, err := zip.NewReader(file, size)
	if err != nil {
		return &Error{File: name, What: "the zip cannot be read; download it again"}
	}
	if len(z.File) > mostFiles {
		return &Error{File: name, What: fmt.Sprintf("the zip has more than %d files", mostFiles)}
	}
	files := map[string]*zip.File{}
	for _, f := range z.File {
		if base := path.Base(f.Name); !f.FileInfo().IsDir() && !strings.HasPrefix(f.Name, "__MACOSX/") {
			if files[base] != nil {
				return &Error{File: name, What: "the zip has two files of one name"}
			}
			files[base] = f
		}
	}
	if files["hit_stats.jsonl"] != nil {
		return r.goatCounterJSON(files)
	}
	var names []string
	for base := range files {
		names = append(names, base)
	}
	slices.Sort(names)
	for _, base := range names {
		if ending := path.Ext(base); ending != ".csv" && ending != ".json" && ending != ".tsv" {
			r.summary.Left = append(r.summary.Left, base)
			continue
		}
		if err := r.member(base, files[base], func(in io.Reader) error { return r.file(base, in) }); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) member(name string, f *zip.File, read func(io.Reader) error) error {
	in, err := f.Open()
	if err != nil {
		return &Error{File: name, What: "it cannot be unpacked"}
	}
	defer in.Close()
	return read(in)
}

// bounded counts what is unpacked, whatever the archive said of its size.
type bounded struct {
	in   io.Reader
	left *int64
	file string
}

func (b *bounded) Read(p []byte) (int, error) {
	if *b.left <= 0 {
		return 0, &Error{File: b.file, What: "the export is larger than the limit when it is unpacked"}
	}
	n, err := b.in.Read(p[:min(int64(len(p)), *b.left)])
	*b.left -= int64(n)
	return n, err
}

// file reads one file, by what stands in it.
func (r *reading) file(name string, in io.Reader) error {
	text := bufio.NewReaderSize(&bounded{in, &r.left, name}, 64<<10)
	if head, _ := text.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(text)
		if err != nil {
			return &Error{File: name, What: "it is compressed, and not as gzip does it"}
		}
		text = bufio.NewReaderSize(&bounded{unpacked, &r.left, name}, 64<<10)
	}
	s := newSource(name, text)
	head, err := s.head()
	if err != nil {
		return err
	}
	switch {
	case len(head) == 0:
		r.summary.Left = append(r.summary.Left, name)
		return nil
	case head[0] == '{' || head[0] == '[':
		return r.json(s)
	case head[0] == '#' || bytes.HasPrefix(head, []byte("Day Index,")) || bytes.HasPrefix(head, []byte("Nth day,")):
		return r.google(s)
	}
	if err := s.heading(); err != nil {
		return err
	}
	switch plausible := plausibleTable(name); {
	case strings.HasSuffix(s.first, "path") && s.has("firstvisit"):
		return r.goatCounter(s)
	case plausible != nil && s.has("date"):
		return r.plausible(s, plausible)
	case s.has("sessionid") && s.has("urlpath"):
		return r.umami(s)
	case s.has("x") && s.has("y"):
		return r.umamiDashboard(s)
	case s.has("idvisit"):
		return r.matomoVisits(s)
	case s.has("nbvisits") || s.has("nbhits") || s.has("nbuniqvisitors") || s.has("visits") || s.has("uniquevisitors"):
		return r.matomoReport(s)
	case s.has("sessions") || s.has("activeusers") || s.has("views"):
		return r.googleTable(s)
	}
	return &Error{File: name, Line: 1, Unit: "line", What: "the heading is of no export that Loot reads"}
}

// be takes the product of a file: all are of one.
func (r *reading) be(p Product, file string) error {
	if r.summary.Product != "" && r.summary.Product != p {
		return &Error{File: file, What: fmt.Sprintf("it is of %s, and the others are of %s", p, r.summary.Product)}
	}
	r.summary.Product = p
	return nil
}

func (r *reading) days(first, last time.Time) {
	if r.summary.First.IsZero() || first.Before(r.summary.First) {
		r.summary.First = first
	}
	if last.After(r.summary.Last) {
		r.summary.Last = last
	}
}

func (r *reading) view(v View) error {
	day := v.Time.Truncate(24 * time.Hour)
	r.days(day, day)
	r.summary.Views++
	if v.Bot {
		r.summary.Bots++
	}
	if r.sink.View == nil {
		return nil
	}
	return sunk(r.sink.View(v))
}

func (r *reading) daily(d Daily) error {
	r.days(d.First, d.Last)
	r.summary.Dailies++
	for measure, n := range map[Measure]int64{Visits: d.Visits, Views: d.Views, Events: d.Events} {
		if d.Has&measure != 0 {
			r.sums[sumKey{dimension: d.Dimension, measure: measure}] += n
		}
	}
	if r.sink.Daily == nil {
		return nil
	}
	return sunk(r.sink.Daily(d))
}

// A stop is an error of the sink, which says nothing of the file.
type stop struct{ error }

func sunk(err error) error {
	if err == nil {
		return nil
	}
	return &stop{err}
}

// says takes a total that a file gives of its own rows.
func (r *reading) says(file string, d Dimension, m Measure, parts, total int64) {
	r.sums[sumKey{d, m, false, file}] += parts
	r.sums[sumKey{d, m, true, file}] += total
}

var measureNames = map[Measure]string{Visits: "visits", Views: "views", Events: "events"}

// check compares sums with totals.
func (r *reading) check() {
	for key, parts := range r.sums {
		total := sumKey{dimension: Total, measure: key.measure}
		what := fmt.Sprintf("%s by %s", measureNames[key.measure], key.dimension)
		if key.file != "" {
			total = key
			total.says = true
			what += " in " + key.file
		}
		says, ok := r.sums[total]
		if !ok || key.says || key == total {
			continue
		}
		// Places and referrers are not always known, events are no views, and
		// one visit has several pages.
		switch {
		case key.file != "":
		case key.dimension == Page && key.measure != Views, key.dimension == Event, key.dimension == City:
			continue
		}
		r.summary.Checks = append(r.summary.Checks, Check{What: what, Parts: parts, Says: says, AtMost: key.file == "" && key.dimension == Country})
	}
	slices.SortFunc(r.summary.Checks, func(a, b Check) int { return strings.Compare(a.What, b.What) })
}
