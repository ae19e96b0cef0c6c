package visits

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"net/url"
	"strings"
	"time"

	"loot"
	"loot/column"
	"loot/desk/visits/export"
	"loot/desk/visits/scrub"
	"loot/desk/visits/source"
)

// mostRecords are how many records of an export one batch has.
const mostRecords = 1000

// refusedPassed says of counts that there is no report for them.
const refusedPassed = "of something that no report is about"

var errPassed = loot.Errorf(loot.Invalid, "No report is about this.")

// An exportedView is a view or an event that another program recorded.
type exportedView struct{ export.View }

// An exportedCount is what another program counted on a day.
type exportedCount struct {
	export.Daily
	day column.Day
}

func (x *exportedView) lane(_ *Visits, _ *Site, im *theImport, _ column.Day, _ time.Time) string {
	return im.lane
}

func (x *exportedCount) lane(_ *Visits, _ *Site, im *theImport, _ column.Day, _ time.Time) string {
	return im.lane
}

// readRecords reads records of an export from number n on.
func (d *Visits) readRecords(s *Site, n int64, views []export.View, counts []export.Daily) ([]imported, error) {
	if len(views)+len(counts) > mostRecords {
		return nil, loot.Errorf(loot.TooLarge, "A batch has %d records at most. Nothing of it was recorded.", mostRecords)
	}
	out := make([]imported, 0, len(views)+len(counts))
	ids := d.imports.ids(s)
	for i := range views {
		v := &views[i]
		out = append(out, imported{v.Time, ids.of(n+int64(i), v.Time, v.Path), &exportedView{*v}})
	}
	for i := range counts {
		c := &counts[i]
		if wrong := outOfBounds(c); wrong != "" {
			return nil, loot.Errorf(loot.Invalid, "Count %d of what was sent has a number of %s that is not between 0 and %d. Nothing of it was recorded.", i+1, wrong, mostCounted)
		}
		if !c.First.Equal(c.Last) {
			return nil, loot.Errorf(loot.Invalid, "The export counts over several days together, which cannot be told apart. Export it by day.")
		}
		y, m, date := c.First.UTC().Date()
		at := time.Date(y, m, date, 12, 0, 0, 0, s.place)
		out = append(out, imported{at, ids.of(n+int64(len(views)+i), at, string(c.Dimension)+" "+c.Value), &exportedCount{*c, column.DayOf(at)}})
	}
	return out, nil
}

// mostCounted bounds each count of an export, so that what a report adds up is a
// number, too.
const mostCounted = 1_000_000_000

// outOfBounds returns which count cannot be true; empty: none.
func outOfBounds(c *export.Daily) string {
	for _, n := range []struct {
		name string
		n    int64
	}{
		{"visitors", c.Visitors}, {"visits", c.Visits}, {"views", c.Views}, {"events", c.Events}, {"bounces", c.Bounces}, {"seconds", int64(c.Duration / time.Second)},
	} {
		if n.n < 0 || n.n > mostCounted {
			return n.name
		}
	}
	return ""
}

// whoIs is a keyed hash of what an export calls somebody on a day.
func whoIs(secret []byte, day column.Day, names ...string) visitor {
	h := hmac.New(sha256.New, secret)
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(day))
	h.Write(b[:])
	for _, name := range names {
		h.Write([]byte(name))
		h.Write([]byte{0})
	}
	return visitor(binary.BigEndian.Uint64(h.Sum(nil))>>1 | 1)
}

// take makes a row of a view that another program recorded, of no more than the
// statement says. Its visits are those that the export names, but none is
// longer idle than any of ours.
func (x *exportedView) take(ctx context.Context, d *Visits, l *lane, s *Site, page int64) (*recording, error) {
	v := &x.View
	if v.Host == "" {
		v.Host = strings.TrimPrefix(s.Hosts[0], "*.")
	}
	if !s.has(strings.ToLower(v.Host)) {
		d.count(refusedHost, 1)
		return nil, errHost
	}
	r := d.ruling.rules()
	may := r.of(regionOf(v.Country), 0)
	if may == 0 || v.Event != "" && may&mayEvent == 0 {
		d.count(refusedSignal, 1)
		return nil, errSignal
	}
	day, second := s.local(v.Time)
	h := &hit{second: second, site: s.Number, page: page, class: human, via: viaExport}
	out := &recording{day: day, hit: h}
	what := &happening{kind: aView, at: v.Time, url: urlOf(v.Host, v.Path), referrer: v.Referrer, name: v.Event, target: v.Target}
	h.host = d.host(r, s, what, day)
	if may == mayCount {
		h.class = counted
		return out, nil
	}
	began, _ := laneBegan(l.name)
	secret, err := d.secrets.of(ctx, secretOf{s.Number, column.DayOf(began), l.name})
	if err != nil {
		return nil, err
	}
	h.who = visitor(randomID())
	sits := seat{s.Number, h.who}
	if v.Visitor != "" || v.Visit != "" {
		h.who, sits.who = whoIs(secret, day, v.Visitor), whoIs(secret, 0, v.Visitor, v.Visit)
	}
	if v.Bot {
		h.class = "declared"
	}
	if may&mayPage != 0 {
		h.path = d.cut(r, mayPage, 500, d.novel.value(columnAt{s.Number, "path", day}, mostPaths, pathOf(s, what.url)))
	}
	from := source.Source{Channel: source.Direct}
	if may&mayReferrer != 0 {
		from = x.from(s, what.url.Query())
	}
	if v.Event == "" {
		sit, before := l.sittings.view(sits, seat{}, look{viewed{page, day, second}, v.Time, h.path, from, h.class == human})
		h.visit, h.nth, h.before, h.entry, from = sit.visit, sit.views, before, sit.entry, sit.from
		if v.Duration > 0 && may&mayTime != 0 {
			out.gap, out.gapDay = &stay{site: s.Number, page: page, engaged: uint32(min(v.Duration, 24*time.Hour).Milliseconds())}, day
		}
	} else {
		h.event, h.target, _ = d.event(s, what, day)
		h.visit, h.entry = randomID(), h.path
		if sit, ok := l.sittings.stay(sits, seat{}, v.Time); ok {
			h.visit, h.nth, h.entry, from = sit.visit, sit.views, sit.entry, sit.from
		}
	}
	d.whence(r, s, h, from, day)
	x.describe(d, s, may, h, day)
	return out, nil
}

// from says where a visit came from by what the export made of it.
func (x *exportedView) from(s *Site, landing url.Values) source.Source {
	c := x.Campaign
	for name, value := range map[string]string{"utm_source": c.Source, "utm_medium": c.Medium, "utm_campaign": c.Name, "utm_term": c.Term, "utm_content": c.Content} {
		if value != "" {
			landing.Set(name, value)
		}
	}
	referrer := x.Referrer
	if referrer != "" && !strings.Contains(referrer, "://") {
		referrer = "https://" + referrer
	}
	from := s.sources.Of(referrer, landing)
	if from.Channel == source.Internal {
		from = source.Source{Channel: source.Direct}
	}
	if from.Name == "" && x.Source != "" {
		from.Name, from.Channel = scrub.Text(x.Source), source.Referral
	}
	from.Clicked = from.Clicked || x.Clicked
	return from
}

// describe writes what the export says of browser and place.
func (x *exportedView) describe(d *Visits, s *Site, may set, h *hit, day column.Day) {
	text := func(is set, column, v string) string {
		if may&is == 0 {
			return ""
		}
		return loot.Cut(d.novel.value(columnAt{s.Number, column, day}, mostWords, scrub.Text(v)), 100)
	}
	h.country = text(mayCountry, "country", x.Country)
	h.browser, h.version = versioned(text(mayBrowser, "version", x.Browser))
	h.system, h.release = versioned(text(maySystem, "release", x.System))
	h.device = strings.ToLower(text(mayDevice, "device", x.Device))
	if may&mayDevice != 0 && x.Width > 0 {
		h.width = uint8(min(x.Width/500+1, 5))
	}
	if may&mayLanguage != 0 {
		h.language = languageOf(x.Language)
	}
}

// versioned takes "Firefox 140" apart: its name, and the whole if it has a
// version.
func versioned(text string) (name, whole string) {
	name, version, ok := cutLast(text, " ")
	if !ok || version == "" || version[0] < '0' || version[0] > '9' {
		return text, ""
	}
	return name, text
}

func cutLast(text, by string) (before, after string, ok bool) {
	i := strings.LastIndex(text, by)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(by):], true
}

// counted are the dimensions of ours by those of exports, and which detail of a
// visit each is.
var countedBy = map[export.Dimension]struct {
	name, detail string // detail: that of a value's version
	is           set
}{
	export.Total: {"total", "", mayCount}, export.Page: {"path", "", mayPage}, export.Entry: {"entry", "", mayPage}, export.Exit: {"exit", "", mayPage},
	export.Source: {"source", "", mayReferrer}, export.Country: {"country", "", mayCountry}, export.Language: {"language", "", mayLanguage},
	export.Browser: {"browser", "version", mayBrowser}, export.System: {"system", "release", maySystem}, export.Device: {"device", "", mayDevice},
	export.Event: {"event", "", mayEvent},
}

// take makes sums of what another program counted. It has no visitors to tell
// apart, so reports that are filtered do not know it.
func (x *exportedCount) take(_ context.Context, d *Visits, _ *lane, s *Site, page int64) (*recording, error) {
	by, ok := countedBy[x.Dimension]
	if !ok {
		d.count(refusedPassed, 1)
		return nil, errPassed
	}
	r := d.ruling.rules()
	if r.of("other", 0)&by.is == 0 {
		d.count(refusedSignal, 1)
		return nil, errSignal
	}
	value := x.Value
	switch x.Dimension {
	case export.Total:
		value = ""
	case export.Page, export.Entry, export.Exit:
		value = scrub.Path(value)
	case export.Language:
		value = languageOf(value)
	case export.Device:
		value = strings.ToLower(scrub.Text(value))
	default:
		value = scrub.Text(value)
	}
	g := given{
		page: page, site: s.Number, dimension: by.name, visitors: x.Visitors, visits: x.Visits, views: x.Views, bounces: x.Bounces, lasted: x.Duration.Milliseconds(),
		value: d.cut(r, by.is, 500, d.novel.value(columnAt{s.Number, "given " + by.name, x.day}, mostPaths, value)),
	}
	if x.Dimension == export.Event {
		g.views = x.Events
	}
	out := &recording{day: x.day, given: []given{g}}
	if x.Dimension == export.Total {
		g.dimension, g.value = "via", viaExport
		out.given = append(out.given, g)
	}
	if by.detail != "" && x.Detail != "" {
		g.dimension, g.value = by.detail, loot.Cut(strings.TrimSpace(g.value+" "+scrub.Text(x.Detail)), 100)
		out.given = append(out.given, g)
	}
	return out, nil
}
