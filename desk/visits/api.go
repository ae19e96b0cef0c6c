package visits

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/api"
	"loot/column"
	"loot/desk/visits/export"
	"loot/tag"
)

// Scopes are what a token may be used for on this desk.
var Scopes = map[api.Scope]string{
	"visits:read":  "read reports on visits, and the notes, segments, alerts and digests about them",
	"visits:write": "record visits, import logs and share reports, for who keeps the sites; keep notes, segments, alerts and digests",
}

// apiTag is the desk's in the reference.
const apiTag = "Visits"

// api adds the operations of this desk.
func (d *Visits) api(a *api.API) {
	api.Add(a, api.Operation{
		ID: "record-visits", Method: http.MethodPost, Path: "/api/visits/{site}", Tag: apiTag, Scope: "visits:write", Status: http.StatusAccepted, MaxBody: 4 << 20, Refused: d.refusedAll,
		Summary: "Record what visitors did, from a server or an app", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound},
		Text: "Records up to 1,000 views, engagements and events as the script of the site's pages would. Address and user agent live in memory until the visitor's key of the day is made of them. What was recorded is on the disk when the answer comes. " +
			"A view with a `page` is recorded once, however often it is sent while the visit may go on; `page` also says which view an engagement or an event belongs to.",
	}, d.apiRecord)
	api.Add(a, api.Operation{
		ID: "begin-import", Method: http.MethodPost, Path: "/api/visits/{site}/imports", Tag: apiTag, Scope: "visits:write",
		Summary: "Begin an import of logs, or go on with one", Kinds: []loot.Kind{loot.Denied, loot.NotFound},
		Text: "`loot visits import` and `loot visits tail` call this and what follows. One import may read several logs, whose visitors are then known to each other.",
	}, d.apiBegin)
	api.Add(a, api.Operation{
		ID: "import-lines", Method: http.MethodPost, Path: "/api/visits/{site}/imports/{id}/lines", Tag: apiTag, Scope: "visits:write", MaxBody: 16 << 20, Refused: d.refusedAll,
		Summary: "Import lines of a log", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound, loot.Conflict},
		Text: "The body is text, at most 16,384 lines of ten fields between tabs: kind (`v`iew, `m`issing page, `d`ownload), offset in the log, seconds since 1970, address, host, path with query, referrer, user agent, Accept-Language, and `g` and `d` for GPC and DNT. " +
			"`after` is the mark before them, empty at the beginning of a log, and `mark` the one behind them. The same batch may be sent again: it is recorded once.",
	}, d.apiLines)
	api.Add(a, api.Operation{
		ID: "import-records", Method: http.MethodPost, Path: "/api/visits/{site}/imports/{id}/records", Tag: apiTag, Scope: "visits:write", MaxBody: 16 << 20, Refused: d.refusedAll,
		Summary: "Import records of another program's export", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound, loot.Conflict},
		Text: "At most 1,000 views and counts, in the order of the export. A mark is the fingerprint of the file, a colon and the number of records so far.",
	}, d.apiRecords)
	api.Add(a, api.Operation{
		ID: "end-import", Method: http.MethodPost, Path: "/api/visits/{site}/imports/{id}/end", Tag: apiTag, Scope: "visits:write",
		Summary: "End an import", Kinds: []loot.Kind{loot.Denied, loot.NotFound},
		Text: "Its keys are destroyed, and the past days that it wrote to are closed.",
	}, d.apiEnd)
}

// refusedAll counts a batch that was refused as a whole. What is not available is
// sent again.
func (d *Visits) refusedAll(status int) {
	switch {
	case status == http.StatusTooManyRequests:
		d.count(refusedOften, 1)
	case status < http.StatusInternalServerError:
		d.count(refusedBatch, 1)
	}
}

var errNotKeeper = loot.Errorf(loot.Denied, "Only an administrator's or the data protection officer's token may do this.")

// keptSite returns a recorded site if whoever asks may keep it.
func (d *Visits) keptSite(ctx context.Context, script string) (*Site, error) {
	by := api.ActorOf(ctx)
	if !keeps(by) {
		return nil, errNotKeeper
	}
	return d.sites.named(ctx, script)
}

type sentItem struct {
	Kind           string  `json:"kind" doc:"view, engagement or event"`
	Time           string  `json:"time,omitempty" doc:"RFC 3339, of a day that is not over at the site; now if it is left out"`
	Address        string  `json:"address" doc:"Of the visitor"`
	UserAgent      string  `json:"user_agent"`
	AcceptLanguage string  `json:"accept_language,omitempty"`
	URL            string  `json:"url" doc:"Of the page, with its query"`
	Referrer       string  `json:"referrer,omitempty"`
	Page           string  `json:"page,omitempty" doc:"Your name for the view; an engagement needs it"`
	GPC            bool    `json:"gpc,omitempty" doc:"The browser asks for Global Privacy Control"`
	DNT            bool    `json:"dnt,omitempty" doc:"The browser asks not to be tracked"`
	Width          int     `json:"width,omitempty" doc:"Of the window, in pixels"`
	Engaged        int64   `json:"engaged_ms,omitempty" doc:"Of an engagement: milliseconds so far"`
	Scroll         int     `json:"scroll,omitempty" doc:"Of an engagement: per cent so far"`
	Name           string  `json:"name,omitempty" doc:"Of an event"`
	Target         string  `json:"target,omitempty" doc:"Of an event"`
	Value          float64 `json:"value,omitempty" doc:"Of an event: what it was worth, from 0 to 1,000,000,000"`
	Count          uint32  `json:"count,omitempty" doc:"Of an event: tells it from others of its name on the same page"`
}

type recordIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	Body struct {
		Visits []sentItem `json:"visits" minItems:"1" maxItems:"1000"`
	}
}

type refusal struct {
	Index  int    `json:"index"`
	Reason string `json:"reason"`
}

type recordOut struct {
	Body struct {
		Recorded int       `json:"recorded" doc:"Are on the disk"`
		Refused  []refusal `json:"refused" doc:"Were not recorded, and why"`
	}
}

// The longest texts of an item, in bytes.
const (
	longestAddress = 1000
	longestName    = 100
)

// A fault is what is wrong with an item, and as what it is counted.
type fault struct{ counted, why string }

// read makes a client and a happening of an item, or says what is wrong with it.
func (v *sentItem) read(d *Visits, s *Site, now time.Time) (*client, *happening, *fault) {
	wrong := func(why string) (*client, *happening, *fault) { return nil, nil, &fault{refusedForm, why} }
	at := now
	var err error
	if v.Time != "" {
		if at, err = time.Parse(time.RFC3339, v.Time); err != nil {
			return wrong("time: not a time as in RFC 3339")
		}
	}
	addr, err := netip.ParseAddr(v.Address)
	if err != nil || addr.Zone() != "" {
		return wrong("address: not an IP address")
	}
	for _, text := range []struct {
		name, value string
		most        int
	}{
		{"user_agent", v.UserAgent, longestAddress},
		{"accept_language", v.AcceptLanguage, longestAddress},
		{"url", v.URL, longestAddress},
		{"referrer", v.Referrer, longestAddress},
		{"target", v.Target, longestAddress},
		{"page", v.Page, longestName},
		{"name", v.Name, longestName},
	} {
		if len(text.value) > text.most {
			return wrong(text.name + ": longer than " + strconv.Itoa(text.most) + " bytes")
		}
	}
	u, err := url.Parse(v.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return wrong("url: not an address of the web")
	}
	kind, ok := map[string]happens{"view": aView, "engagement": aStay, "event": anEvent}[v.Kind]
	day, _ := s.local(at)
	switch {
	case !ok:
		return wrong("kind: none of view, engagement and event")
	case at.After(now.Add(mostSkew)):
		return nil, nil, &fault{refusedFuture, "time: of the future"}
	case s.over(day, now):
		return nil, nil, &fault{refusedLate, "time: not of a day that is open"}
	case kind == aStay && v.Page == "":
		return wrong("page: an engagement needs it")
	case kind == anEvent && v.Name == "":
		return wrong("name: an event needs it")
	case v.Engaged < 0 || v.Scroll < 0 || v.Width < 0:
		return wrong("engaged_ms, scroll, width: less than nothing")
	case v.Value < 0 || v.Value > tag.MaxValue:
		return nil, nil, &fault{refusedValue, "value: not between 0 and " + strconv.Itoa(tag.MaxValue)}
	}
	c := &client{addr: addr.Unmap(), agent: v.UserAgent, language: v.AcceptLanguage}
	if v.GPC {
		c.sent |= gpc
	}
	if v.DNT {
		c.sent |= dnt
	}
	x := &happening{
		kind: kind, at: at, url: u, referrer: v.Referrer, via: "API", engaged: time.Duration(min(v.Engaged, 24*3600*1000)) * time.Millisecond, scroll: v.Scroll,
		name: v.Name, target: v.Target, amount: v.Value, count: v.Count,
	}
	if v.Width > 0 {
		x.width = uint8(min(v.Width/500+1, 5))
	}
	if v.Page != "" {
		x.page = d.imports.ids(s).of(-1, time.Time{}, v.Page)
	}
	return c, x, nil
}

func (d *Visits) apiRecord(ctx context.Context, in *recordIn) (*recordOut, error) {
	s, err := d.keptSite(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	out := &recordOut{}
	out.Body.Refused = []refusal{}
	refuse := func(i int, why string) { out.Body.Refused = append(out.Body.Refused, refusal{i, why}) }
	now := d.Now()
	made, index := map[column.Day][]*recording{}, map[column.Day][]int{}
	for i := range in.Body.Visits {
		c, x, wrong := in.Body.Visits[i].read(d, s, now)
		if wrong != nil {
			d.count(wrong.counted, 1)
			refuse(i, wrong.why)
			continue
		}
		r, err := d.record(ctx, d.live, s, c, x)
		switch {
		case err == nil:
			made[r.day], index[r.day] = append(made[r.day], r), append(index[r.day], i)
		case loot.KindOf(err) != loot.Internal && loot.KindOf(err) != loot.Unavailable:
			refuse(i, loot.Message(err))
		default:
			refuse(i, "It could not be recorded. Send it again.")
			d.Log.WarnContext(ctx, "a visit was not recorded", "err", err)
		}
	}
	var failed error
	for day, all := range made {
		if err := d.keepLive(ctx, day, all); err != nil {
			failed = err
			for _, i := range index[day] {
				refuse(i, loot.Message(err))
			}
			continue
		}
		out.Body.Recorded += len(all)
	}
	if failed != nil && out.Body.Recorded == 0 {
		return nil, failed
	}
	slices.SortFunc(out.Body.Refused, func(a, b refusal) int { return a.Index - b.Index })
	return out, nil
}

type siteIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
}

type importIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	ID   string `path:"id" maxLength:"64"`
}

type beginOut struct{ Body *ImportBegun }

func (d *Visits) apiBegin(ctx context.Context, in *siteIn) (*beginOut, error) {
	s, err := d.keptSite(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	begun, _, err := d.beginImport(ctx, api.ActorOf(ctx), s)
	return &beginOut{begun}, err
}

type linesIn struct {
	Site    string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	ID      string `path:"id" maxLength:"64"`
	After   string `query:"after" maxLength:"64"`
	Mark    string `query:"mark" maxLength:"64"`
	RawBody []byte `contentType:"text/tab-separated-values"`
}

type takenOut struct{ Body *ImportTaken }

// importBatch records a batch, and counts what of it was of no day that is kept.
func (d *Visits) importBatch(ctx context.Context, s *Site, id string, at reached, all []imported) (*ImportTaken, error) {
	taken, err := d.takeBatch(ctx, s, id, at, all)
	if err != nil {
		return nil, err
	}
	for _, why := range []string{refusedFuture, refusedGone} {
		if n := taken.Refused[why]; n > 0 {
			d.count(why, n)
		}
	}
	return taken, nil
}

// importLines records lines of a log between two marks.
func (d *Visits) importLines(ctx context.Context, s *Site, id, after, mark string, lines []byte) (*ImportTaken, error) {
	at, err := checkMarks(after, mark, kindLog)
	if err != nil {
		return nil, err
	}
	all, err := d.readLines(s, lines)
	if err != nil {
		return nil, err
	}
	return d.importBatch(ctx, s, id, at, all)
}

// importRecords records records of an export.
func (d *Visits) importRecords(ctx context.Context, s *Site, id string, r *ImportRecords) (*ImportTaken, error) {
	at, err := checkMarks(r.After, r.Mark, cmp.Or(r.Product, kindExport))
	if err != nil {
		return nil, err
	}
	all, err := d.readRecords(s, r.First, r.Views, r.Counts)
	if err != nil {
		return nil, err
	}
	return d.importBatch(ctx, s, id, at, all)
}

// checkMarks checks where a batch stands.
func checkMarks(after, mark, kind string) (at reached, err error) {
	for _, m := range []string{after, mark} {
		if _, offset, ok := strings.Cut(m, ":"); m != "" && (!ok || offset == "" || strings.Trim(offset, "0123456789") != "") {
			return at, loot.Errorf(loot.Invalid, "A mark is a fingerprint, a colon and a number.")
		}
	}
	if mark == "" {
		return at, loot.Errorf(loot.Invalid, "The mark behind the batch is missing.")
	}
	return reached{after, mark, kind}, nil
}

func (d *Visits) apiLines(ctx context.Context, in *linesIn) (*takenOut, error) {
	s, err := d.keptSite(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	taken, err := d.importLines(ctx, s, in.ID, in.After, in.Mark, in.RawBody)
	return &takenOut{taken}, err
}

type recordsIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	ID   string `path:"id" maxLength:"64"`
	Body ImportRecords
}

// ImportRecords are records of an export. They come in its order, the first
// views' before the counts'.
type ImportRecords struct {
	After  string         `json:"after" maxLength:"64" doc:"Mark before them; empty: they are the first"`
	Mark   string         `json:"mark" maxLength:"64" doc:"Mark behind them"`
	First  int64          `json:"first" minimum:"0" doc:"Number of the first of them in the export"`
	Views  []export.View  `json:"views,omitempty"`
	Counts []export.Daily `json:"counts,omitempty"`

	Product string `json:"product,omitempty" enum:"GoatCounter,Plausible,Umami,Matomo,Google Analytics" doc:"Whose export it is"`
}

func (d *Visits) apiRecords(ctx context.Context, in *recordsIn) (*takenOut, error) {
	s, err := d.keptSite(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	taken, err := d.importRecords(ctx, s, in.ID, &in.Body)
	return &takenOut{taken}, err
}

type endOut struct{ Body *ImportEnded }

func (d *Visits) apiEnd(ctx context.Context, in *importIn) (*endOut, error) {
	s, err := d.keptSite(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	ended, err := d.endImport(ctx, api.ActorOf(ctx), s, in.ID)
	return &endOut{ended}, err
}
