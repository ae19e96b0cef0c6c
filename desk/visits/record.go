package visits

import (
	"context"
	"errors"
	"hash/maphash"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/column"
	"loot/desk/visits/agent"
	"loot/desk/visits/bot"
	"loot/desk/visits/network"
	"loot/desk/visits/scrub"
	"loot/desk/visits/source"
)

// A client is what is known of whoever asks for a page. It lives in memory
// until the visitor's id is made: of the address and the words of the browser
// nothing is kept.
type client struct {
	addr      netip.Addr
	agent     string
	hints     agent.Hints
	header    func(string) string // nil: only the above is known, as in a log
	secure    bool
	claims    bool // somebody who is not believed named another address
	automated bool // the browser says that a program drives it
	sent      signals
	language  string // Accept-Language
}

// A happening is what a client did.
type happening struct {
	kind     happens
	at       time.Time
	page     int64 // id of the view; 0: it has none
	url      *url.URL
	referrer string
	width    uint8
	via      string

	engaged time.Duration // of a stay
	scroll  int
	name    string // of an event
	target  string
	amount  float64
	count   uint32
}

type happens uint8

const (
	aView happens = iota
	aStay
	anEvent
)

// A lane is one way in which visits come: live, or by an import, each with
// visits that go on and secrets of its own.
type lane struct {
	name     string // of its secrets; empty: nothing that comes by it is kept
	gaps     bool   // it tells of no stay, so a page lasted until the next one
	sittings *sittings
	seen     seen
}

func newLane(name string) *lane { return &lane{name: name, sittings: newSittings()} }

// The words for what was not recorded, which are counted.
const (
	refusedForm     = "not a beacon, or an item with a mistake"
	refusedLarge    = "larger than a beacon"
	refusedValue    = "worth less than nothing or more than is believed"
	refusedOften    = "more often than one address may send"
	refusedSite     = "for a site that is not known or has ended"
	refusedOrigin   = "by a page of another site"
	refusedBatch    = "batches that were wrong as a whole"
	refusedHost     = "of a host that is not the site's"
	refusedLate     = "of a day that is closed"
	refusedAgain    = "came before"
	refusedSignal   = "by the statement nothing may be kept"
	refusedFull     = "more than could be stored"
	recordedView    = "views"
	recordedStay    = "engagements"
	recordedEvent   = "events"
	recordedCounted = "views that were only counted"
	recordedGiven   = "counts of other programs"
	foldedValue     = "values beyond those that are told apart"
	unheeded        = "addresses named by others than the trusted proxies"
)

var (
	errHost   = loot.Errorf(loot.Denied, "This is about a page of another site than the one whose visits are recorded here.")
	errAgain  = loot.Errorf(loot.Conflict, "This came before.")
	errOrigin = loot.Errorf(loot.Denied, "This was sent by a page of another site than the one whose visits are recorded here.")
	errSignal = loot.Errorf(loot.Denied, "By the statement nothing of this may be kept.")
)

// nothing reports whether an error says that all is well and nothing is kept.
func nothing(err error) bool { return errors.Is(err, errAgain) || errors.Is(err, errSignal) }

// A recording is what became of a happening.
type recording struct {
	hit  *hit // nil: a stay
	stay *stay
	day  column.Day
	key  uint64 // by which it is told if it comes again

	gap    *stay // how long this page or the one before lasted, as told by the next; nil: not told
	gapDay column.Day
	given  []given // what another program counted, instead of a hit
}

// record makes a row of what a client did. In this order: the signals of the
// browser; provider and country by the full address, and by the network, too,
// whether it is a program; the address cut short; and the visitor's id. Then the
// address and the words of the browser are gone. Where nothing of it may be kept,
// or its view is only counted, it ends with the signals: nothing is looked up
// unless the statement has another answer in another region, and no id is made.
// The error is [nothing] where by the statement nothing may be kept, or it was
// kept already.
func (d *Visits) record(ctx context.Context, l *lane, s *Site, c *client, x *happening) (*recording, error) {
	if x.url != nil && !s.has(strings.ToLower(x.url.Hostname())) {
		d.count(refusedHost, 1)
		return nil, errHost
	}
	r := d.ruling.rules()
	var whence network.Network
	alike := r.alike[c.sent]
	if !alike {
		whence = d.lookup(c.addr)
	}
	may := r.of(regionOf(whence.Country), c.sent)
	if may == 0 || x.kind == aStay && may&mayTime == 0 || x.kind == anEvent && may&mayEvent == 0 || x.kind != aView && may == mayCount {
		d.count(refusedSignal, 1)
		return nil, errSignal
	}
	day, second := s.local(x.at)
	out := &recording{day: day, key: d.key(s, x)}
	if x.page != 0 && x.kind != aStay && !l.seen.add(out.key) {
		d.count(refusedAgain, 1)
		return nil, errAgain
	}
	if may == mayCount {
		page := randomID()
		if l.gaps { // of a line
			page = x.page
		}
		out.hit = &hit{second: second, site: s.Number, page: page, host: d.host(r, s, x, day), class: counted, via: x.via}
		return out, nil
	}
	browser := d.agents.Parse(c.agent, c.hints)
	var h *hit
	if x.kind != aStay {
		if alike {
			whence = d.lookup(c.addr)
		}
		h = &hit{second: second, site: s.Number, page: x.page, via: x.via}
		d.describe(r, s, may, h, c, browser, whence, x.width, day)
	}
	who, former, err := d.seats(ctx, l, s, x.at, day, c.addr, browser.Browser)
	c.forget()
	if err != nil {
		l.seen.remove(out.key)
		return nil, err
	}
	if x.kind == aStay {
		if sit, ok := l.sittings.stay(who, former, x.at); ok {
			if on, known := sit.on(x.page); known {
				out.day = on
			}
		}
		engaged := min(max(x.engaged, 0), 24*time.Hour).Milliseconds()
		out.stay = &stay{site: s.Number, page: x.page, engaged: uint32(engaged), scroll: uint8(min(max(x.scroll, 0), 100))}
		return out, nil
	}
	if h.who = who.who; h.page == 0 {
		h.page = randomID()
	}
	if may&mayPage != 0 {
		h.path = d.cut(r, mayPage, 500, d.novel.value(columnAt{s.Number, "path", day}, mostPaths, pathOf(s, x.url)))
	}
	h.host = d.host(r, s, x, day)
	from := source.Source{Channel: source.Direct}
	if may&mayReferrer != 0 {
		from = s.sources.Of(x.referrer, x.url.Query())
		if from.Channel == source.Internal { // whoever comes back after a while
			from = source.Source{Channel: source.Direct, Clicked: from.Clicked, Campaign: from.Campaign}
		}
	}
	if x.kind == aView {
		sit, before := l.sittings.view(who, former, look{viewed{h.page, day, second}, x.at, h.path, from, h.class == human && from.Channel != source.Spam})
		h.visit, h.nth, h.before, h.entry, from = sit.visit, sit.views, before, sit.entry, sit.from
		if last, lasted := sit.gap(); l.gaps && lasted > 0 && may&mayTime != 0 {
			out.gap, out.gapDay = &stay{site: s.Number, page: last.page, engaged: uint32(lasted.Milliseconds())}, last.day
		}
	} else {
		h.event, h.target, h.amount = d.event(s, x, day)
		h.visit, h.entry = randomID(), h.path
		if sit, ok := l.sittings.stay(who, former, x.at); ok {
			h.visit, h.nth, h.entry, from = sit.visit, sit.views, sit.entry, sit.from
			if on, known := sit.on(x.page); known {
				out.day = on
			}
		}
	}
	d.whence(r, s, h, from, day)
	if from.Channel == source.Spam && h.class == human {
		h.class = "spam"
	}
	out.hit = h
	return out, nil
}

// forget leaves nothing of the address and the words of the browser.
func (c *client) forget() {
	c.addr, c.agent, c.hints, c.header = netip.Addr{}, "", agent.Hints{}, nil
}

// counted is the class of views of which nothing else is kept.
const counted = "counted"

// key tells a view or an event from all others of lately.
func (d *Visits) key(s *Site, x *happening) uint64 {
	var h maphash.Hash
	h.SetSeed(d.seed)
	h.WriteString(strconv.Itoa(int(s.Number)) + " " + strconv.FormatInt(x.page, 36) + " " + strconv.Itoa(int(x.kind)) + " " + strconv.Itoa(int(x.count)) + " " + x.name)
	return h.Sum64()
}

// seats returns whose visit it is, and whose it was before midnight if that was
// just now.
func (d *Visits) seats(ctx context.Context, l *lane, s *Site, at time.Time, day column.Day, addr netip.Addr, browser string) (who, former seat, err error) {
	if l.name == "" { // nothing is kept of it
		return seat{s.Number, visitor(randomID())}, seat{}, nil
	}
	secret, err := d.secrets.of(ctx, secretOf{s.Number, day, l.name})
	if err != nil {
		return seat{}, seat{}, err
	}
	who = seat{s.Number, visitorOf(secret, s.Number, addr, browser)}
	if at.Sub(s.end(day-1)) < crossing {
		secret, err := d.secrets.existing(ctx, secretOf{s.Number, day - 1, l.name})
		if err != nil {
			return seat{}, seat{}, err
		}
		if secret != nil {
			former = seat{s.Number, visitorOf(secret, s.Number, addr, browser)}
		}
	}
	return who, former, nil
}

// pathOf returns what is kept of a page's address.
func pathOf(s *Site, u *url.URL) string {
	path := u.Path
	if s.Hash && u.Fragment != "" {
		fragment, _, _ := strings.Cut(u.Fragment, "?")
		path += "#" + fragment
	}
	if path == "" {
		path = "/"
	}
	return scrub.Path(path)
}

func (d *Visits) host(r *rules, s *Site, x *happening, day column.Day) string {
	if x.url == nil {
		return ""
	}
	return d.cut(r, mayCount, 253, d.novel.value(columnAt{s.Number, "host", day}, mostWords, strings.ToLower(x.url.Hostname())))
}

// event returns what is kept of an event.
func (d *Visits) event(s *Site, x *happening, day column.Day) (name, target string, amount float64) {
	text := func(column, v string) string {
		return loot.Cut(d.novel.value(columnAt{s.Number, column, day}, mostWords, v), 200)
	}
	name = text("event", scrub.Text(x.name))
	if name == "" {
		name = "(unnamed)"
	}
	switch name {
	case eventDownload:
		target = scrub.Path(x.target)
	case eventOutbound: // a host and a path
		host, path, _ := strings.Cut(x.target, "/")
		target = strings.ToLower(scrub.Text(host))
		if path != "" {
			target += scrub.Path("/" + path)
		}
	default:
		target = scrub.Text(x.target)
	}
	return name, text("target", target), x.amount
}

// whence writes where a visit came from.
func (d *Visits) whence(r *rules, s *Site, h *hit, from source.Source, day column.Day) {
	text := func(column, v string) string {
		return d.cut(r, mayReferrer, 253, d.novel.value(columnAt{s.Number, column, day}, mostWords, v))
	}
	h.channel, h.source, h.clicked = string(from.Channel), text("source", from.Name), from.Clicked
	h.medium, h.campaign = text("medium", from.Campaign.Medium), text("campaign", from.Campaign.Name)
	h.term, h.content = text("term", from.Campaign.Term), text("content", from.Campaign.Content)
}

// describe writes whether it is a program, and what is kept of the browser and
// the network.
func (d *Visits) describe(r *rules, s *Site, may set, h *hit, c *client, browser agent.Agent, whence network.Network, width uint8, day column.Day) {
	verdict := bot.Score(bot.Signals{UserAgent: c.agent, Agent: browser, Network: whence.Kind, Automation: c.automated, Header: c.header, Secure: c.secure})
	h.class, h.bot = verdict.Class.String(), verdict.Name
	if may&mayProvider != 0 {
		h.provider, h.kind = d.cut(r, mayProvider, 120, providerOf(whence)), whence.Kind.String()
	}
	if may&mayAddress != 0 && c.addr.IsValid() {
		h.network = d.prefix(c.addr)
	}
	if may&mayCountry != 0 {
		h.country = whence.Country
	}
	if may&mayBrowser != 0 {
		h.browser = browser.Browser
		if browser.Major != 0 {
			h.version = d.novel.value(columnAt{s.Number, "version", day}, mostWords, browser.Browser+" "+strconv.Itoa(browser.Major))
		}
	}
	if may&maySystem != 0 {
		h.system = browser.System
		if browser.SystemVersion != "" {
			h.release = browser.System + " " + browser.SystemVersion
		}
	}
	if may&mayDevice != 0 {
		h.device, h.width = browser.Device.String(), min(width, 5)
	}
	if may&mayLanguage != 0 {
		h.language = languageOf(c.language)
	}
}

func providerOf(n network.Network) string {
	if n.Number == 0 {
		return n.Name
	}
	return strings.TrimSpace(n.Name + " (AS" + strconv.FormatUint(uint64(n.Number), 10) + ")")
}

// languageOf returns the language that a browser wants first, without its
// country: "de".
func languageOf(accept string) string {
	first, _, _ := strings.Cut(accept, ",")
	first, _, _ = strings.Cut(first, ";")
	first, _, _ = strings.Cut(strings.TrimSpace(first), "-")
	if len(first) != 2 || strings.Trim(strings.ToLower(first), "abcdefghijklmnopqrstuvwxyz") != "" {
		return ""
	}
	return strings.ToLower(first)
}

// cut keeps as much of a value as the statement says.
func (d *Visits) cut(r *rules, is set, most int, value string) string {
	if n := r.most[is]; n > 0 && n < most {
		most = n
	}
	return loot.Cut(value, most)
}

// prefix returns what is left of an address that was cut short.
func (d *Visits) prefix(addr netip.Addr) string {
	addr = addr.Unmap()
	bits := d.options.Bits6
	if addr.Is4() {
		bits = d.options.Bits4
	}
	return netip.PrefixFrom(network.Truncate(addr, d.options.Bits4, d.options.Bits6), bits).String()
}

// rowsByDay makes rows of recordings.
func rowsByDay(all []*recording) map[column.Day]column.Batch {
	out := map[column.Day]column.Batch{}
	add := func(day column.Day, table string, row column.Row) {
		if out[day] == nil {
			out[day] = column.Batch{}
		}
		out[day][table] = append(out[day][table], row)
	}
	for _, r := range all {
		if r.hit != nil {
			add(r.day, tableHit, rowOf(r.hit, hitsOnly, hitColumns))
		}
		if r.stay != nil {
			add(r.day, tableStay, rowOf(r.stay, stayColumns))
		}
		for i := range r.given {
			add(r.day, tableGiven, rowOf(&r.given[i], givenColumns))
		}
		if r.gap != nil {
			add(r.gapDay, tableStay, rowOf(r.gap, stayColumns))
		}
	}
	return out
}

// keep stores recordings of one day, and returns when they are durable.
func (d *Visits) keep(ctx context.Context, day column.Day, all []*recording) error {
	return d.column.Append(ctx, day, rowsByDay(all)[day])
}

// appendLate appends to a day, and opens it again if it was sealed.
func appendLate(ctx context.Context, rows column.Store, day column.Day, batch column.Batch) error {
	err := rows.Append(ctx, day, batch)
	if errors.Is(err, column.ErrSealed) {
		if err = rows.Reopen(ctx, day); err == nil {
			err = rows.Append(ctx, day, batch)
		}
	}
	return err
}
