package visits

import (
	"context"
	"errors"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/column"
	"loot/desk"
	"loot/desk/visits/network"
	"loot/keyring"
	"loot/store"
	"loot/tag"
)

// The site, the browser and the visitor that proofs make up.
const (
	triedHost    = "tried.example"
	triedScript  = "tried"
	triedBrowser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
	triedFrom    = "198.51.100.77"
)

var triedNetwork = network.Network{Number: 64500, Name: "Example Telecom", Country: "IE", Kind: network.Access}

func (d *Visits) proofs() []desk.Proof {
	return []desk.Proof{
		{Clause: "network.voluntary", Name: "a customer who is signed in leaves the same record as anybody", Run: d.proveNobody},
		{Clause: "network.technical", Name: "of each visit exactly those details are kept that the statement names", Run: d.proveDetails},
		{Clause: "network.technical", Name: "visitors are shown the very record of their request", Run: d.proveShown},
		{Clause: "network.technical", Name: "visits are erased when the time is over that the statement says", Run: d.proveErased},
		{Clause: "network.visit", Name: "pages, origin and length of stay are kept, and nothing else of an address", Run: d.proveWay},
		{Clause: "network.incognito", Name: "nothing is stored on the device or read from it", Run: d.proveDevice},
		{Clause: "network.incognito", Name: "the day's key is destroyed, its ids are replaced, and no backup had it", Run: d.proveKey},
		{Clause: "network.incognito", Name: "visitors who are fewer than the crowd never stand alone in a report", Run: d.proveCrowd},
		{Clause: "network.improve", Name: "staff who signed the undertaking read reports and get digests, in which nobody is known, and nobody else does", Run: d.proveReport},
		{Clause: "network.incognito", Name: "of an address that is not cut short nothing is kept, if the statement says so", Run: d.proveWhole},
		{Clause: "network.incognito", Name: "a browser that asks for Global Privacy Control is only counted, if the statement says so", Run: d.proveSignal},
	}
}

// tried makes sure that there is a site for proofs.
func (d *Visits) tried(ctx context.Context) (*Site, error) {
	s, err := d.sites.named(ctx, triedScript)
	if err == nil || loot.KindOf(err) != loot.NotFound {
		return s, err
	}
	s = &Site{Name: "Tried", Hosts: []string{triedHost, ownHost(d.BaseURL)}, Zone: "UTC", Script: triedScript, Full: true, Made: d.Now()}
	defer d.sites.forget()
	return s, d.DB.InTx(ctx, func(tx *store.Tx) error {
		if wrong := s.check(nil); len(wrong) > 0 {
			return fmt.Errorf("visits: the site of the proofs: %v", wrong)
		}
		return writeSite(ctx, tx, s)
	})
}

// ownHost is where pages of our own are, of which a proof has the visits recorded.
func ownHost(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return triedHost
	}
	return strings.ToLower(u.Hostname())
}

// trial is what a browser sends in a proof.
type trial struct {
	path   string
	body   string
	from   string // address; empty: triedFrom
	header http.Header
	who    loot.Actor // who is signed in; zero: nobody
}

// send sends a beacon through the front door.
func (d *Visits) send(ctx context.Context, w *desk.World, t trial) (*desk.Answer, error) {
	if _, err := d.tried(ctx); err != nil {
		return nil, err
	}
	header := http.Header{"User-Agent": {triedBrowser}, "Accept": {"*/*"}, "Accept-Language": {"en-IE,en"}, "Content-Type": {"text/plain"}, "Origin": {"https://" + triedHost}}
	for name, values := range t.header {
		header[name] = values
	}
	from := t.from
	if from == "" {
		from = triedFrom
	}
	return desk.Browser{World: w, Who: t.who}.Send(ctx, http.MethodPost, d.options.Path+"/"+triedScript, t.body, header, from)
}

// visit has a visitor look at a page for a while, follow a link, and returns the
// rows that came of it, the latest last.
func (d *Visits) visit(ctx context.Context, w *desk.World, t trial) ([]stored, error) {
	page := randomID()
	beacon := func(more string) error {
		t.body = fmt.Sprintf(`{"page":"%d","url":"https://%s%s","referrer":"https://www.example.org/some/page?q=words","width":3,%s}`, page, triedHost, t.path, more)
		a, err := d.send(ctx, w, t)
		if err == nil && a.Status >= 300 {
			err = fmt.Errorf("a beacon was answered with %d", a.Status)
		}
		return err
	}
	if err := errors.Join(
		beacon(`"kind":"view"`),
		beacon(`"kind":"engagement","time":4200,"scroll":80`),
		beacon(`"kind":"event","name":"outbound","target":"elsewhere.example/there","count":1`),
	); err != nil {
		return nil, err
	}
	return d.rowsOf(ctx, w, page)
}

// rowsOf returns what is stored about a page, and of what is only counted.
func (d *Visits) rowsOf(ctx context.Context, w *desk.World, page int64) ([]stored, error) {
	return d.rowsWhere(ctx, w, "h.page = $1 OR h.visitor = 0", page)
}

// rowsWhere returns the rows for which a condition holds.
func (d *Visits) rowsWhere(ctx context.Context, w *desk.World, where string, args ...any) (out []stored, err error) {
	today := column.DayOf(w.Now())
	rows, err := d.column.Query(ctx, today-1, today+1, `SELECT `+names("h.", hitsOnly)+`, `+names("h.", hitColumns)+`,
			CAST(coalesce(s.engaged, 0) AS BIGINT) AS engaged, CAST(coalesce(s.scroll, 0) AS BIGINT) AS scroll
		FROM visits_hit AS h LEFT JOIN (SELECT page, max(engaged) AS engaged, max(scroll) AS scroll FROM visits_stay GROUP BY page) AS s ON s.page = h.page
		WHERE `+where+` ORDER BY h.event, h.second`, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		values, to := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			to[i] = &values[i]
		}
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		row := stored{}
		for i, c := range columns {
			row.keep(c, values[i])
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// recorded is visit, of one that must leave a record.
func (d *Visits) recorded(ctx context.Context, w *desk.World, t trial) ([]stored, error) {
	rows, err := d.visit(ctx, w, t)
	if err == nil && len(rows) == 0 {
		err = errors.New("the visit left no record")
	}
	return rows, err
}

// asIfKnown has the address of the proofs belong to a network while f runs, as a
// file of the operator's would say.
func (d *Visits) asIfKnown(f func() error) error {
	d.made.Store(&madeNetwork{netip.MustParseAddr(triedFrom), triedNetwork})
	defer d.made.Store(nil)
	return f()
}

func (d *Visits) proveNobody(ctx context.Context, w *desk.World) (string, error) {
	who, err := w.NewPerson(ctx)
	if err != nil {
		return "", err
	}
	var rows []stored
	for _, actor := range []loot.Actor{{}, {Kind: loot.Person, ID: string(who)}} {
		got, err := d.recorded(ctx, w, trial{path: "/nobody", who: actor})
		if err != nil {
			return "", err
		}
		row := got[0]
		for _, c := range []string{"visitor", "visit", "page", "nth", "before", "second"} { // drawn anew, or of the time
			delete(row, c)
		}
		rows = append(rows, row)
	}
	if !maps.Equal(rows[0], rows[1]) {
		return "", fmt.Errorf("the records differ: %v and %v", rows[0], rows[1])
	}
	page, err := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(who)}}.Get(ctx, "/visits/mine")
	if err != nil {
		return "", err
	}
	if page.Status != http.StatusOK || strings.Contains(page.Body.String(), string(who)) || strings.Contains(page.Body.String(), "made up") {
		return "", fmt.Errorf("the page of one's own visit knows who is signed in, or fails with %d", page.Status)
	}
	return loot.Plural(len(rows[0]), "detail", "details") + " kept, all alike; no page of visits was told who asks", nil
}

// triedLeaves are the columns that every visit of a proof leaves, if the statement
// declares their details.
var triedLeaves = []string{
	"host", "provider", "kind", "network", "country", "browser", "version", "system", "release", "device", "width", "language",
	"path", "entry", "source", "channel", "engaged", "scroll",
}

func (d *Visits) proveDetails(ctx context.Context, w *desk.World) (string, error) {
	var rows []stored
	if err := d.asIfKnown(func() (err error) {
		rows, err = d.recorded(ctx, w, trial{path: "/details"})
		return err
	}); err != nil {
		return "", err
	}
	s := d.ruling.rules().version.Statement
	n := 0
	for _, x := range details {
		f, declared := s.Field(x.field)
		declared = declared && slices.Contains(f.Collections, collection)
		for _, c := range columnsOf[x.is] {
			if _, there := rows[0][c]; there && !declared || declared && !there && slices.Contains(triedLeaves, c) {
				return "", fmt.Errorf("%s: declared %v, kept %v", c, declared, there)
			}
		}
		if declared {
			n++
		}
	}
	if cut := rows[0]["network"]; cut != "" && (strings.Contains(cut, triedFrom) || !strings.HasSuffix(cut, fmt.Sprintf("/%d", d.options.Bits4))) {
		return "", fmt.Errorf("the address was kept as %s", cut)
	}
	return fmt.Sprintf("%s kept of a visit by %s; of the address %s", loot.Plural(n, "detail that is named", "details that are named"), triedNetwork.Name, rows[0]["network"]), nil
}

func (d *Visits) proveShown(ctx context.Context, w *desk.World) (string, error) {
	if _, err := d.tried(ctx); err != nil {
		return "", err
	}
	var page string
	if err := d.asIfKnown(func() error {
		header := http.Header{"User-Agent": {triedBrowser}, "Accept-Language": {"en-IE"}, "Referer": {"https://www.example.org/some/page?q=words"}}
		a, err := desk.Browser{World: w}.Send(ctx, http.MethodGet, "/visits/mine", "", header, triedFrom)
		if err == nil {
			page = html.UnescapeString(a.Body.String())
		}
		return err
	}); err != nil {
		return "", err
	}
	for _, secret := range []string{triedFrom, "Mozilla"} {
		if strings.Contains(page, secret) {
			return "", errors.New("the page shows what is not kept")
		}
	}
	rows, err := d.rowsWhere(ctx, w, "h.via = 'page'")
	if err != nil {
		return "", err
	}
	rules := d.ruling.rules()
	may := rules.of(regionOf(triedNetwork.Country), 0)
	if may == 0 {
		if len(rows) > 0 {
			return "", errors.New("nothing may be kept of it, and something was")
		}
		return "nothing is kept, and the page shows nothing", nil
	}
	i := slices.IndexFunc(rows, func(row stored) bool { return strings.Contains(page, "view "+row["page"]) })
	if i < 0 {
		return "", fmt.Errorf("the page shows a record that is none of the %d that were stored", len(rows))
	}
	for _, c := range []string{"host", "provider", "network", "country", "version", "release", "language", "path", "source", "visitor", "visit"} {
		if !strings.Contains(page, rows[i][c]) {
			return "", fmt.Errorf("%s is stored and not on the page", c)
		}
	}
	facts, _ := rows[i].facts(rules.version.Statement, may)
	for _, f := range facts {
		if !strings.Contains(page, f.Term) || !strings.Contains(page, f.Value) {
			return "", fmt.Errorf("“%s: %s” is stored and not on the page", f.Term, f.Value)
		}
	}
	return loot.Plural(len(rows[i]), "stored value", "stored values") + " shown to whoever asks, of their own request alone", nil
}

func (d *Visits) proveErased(ctx context.Context, w *desk.World) (string, error) {
	if _, err := d.visit(ctx, w, trial{path: "/erased"}); err != nil {
		return "", err
	}
	s := d.ruling.rules().version.Statement
	p, ok := s.Purpose(improve)
	if !ok {
		return "", errors.New("the statement has no purpose of this kind")
	}
	day := column.DayOf(w.Now())
	left := func() (n int64, err error) {
		rows, err := d.column.Query(ctx, day, day, `SELECT count(*) AS n FROM visits_row WHERE path = '/erased'`)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			err = rows.Scan(&n)
		}
		return n, errors.Join(err, rows.Err())
	}
	at := func(t time.Time) (int64, error) {
		w.Clock.Advance(t.Sub(w.Now()))
		if err := d.Turn(ctx); err != nil {
			return 0, err
		}
		return left()
	}
	end := p.Keep.After(day.Time())
	before, err := at(end.Add(-36 * time.Hour))
	if err != nil {
		return "", err
	}
	after, err := at(end.Add(4 * 24 * time.Hour))
	if err != nil {
		return "", err
	}
	if before == 0 || after != 0 {
		return "", fmt.Errorf("%d rows before %s had passed, %d afterwards", before, p.Keep.Words(), after)
	}
	return "kept for " + p.Keep.Words() + ", then gone from the disk", nil
}

func (d *Visits) proveWay(ctx context.Context, w *desk.World) (string, error) {
	rows, err := d.visit(ctx, w, trial{path: "/way?q=secret&utm_source=news&token=abcdef0123456789abcdef"})
	if err != nil {
		return "", err
	}
	if len(rows) != 2 {
		return "", fmt.Errorf("a view and an event left %d rows", len(rows))
	}
	view, event := rows[0], rows[1]
	if view["path"] != "/way" || view["source"] != "news" || view["engaged"] != "4200" || view["scroll"] != "80" || event["event"] != "outbound" || event["target"] != "elsewhere.example/there" {
		return "", fmt.Errorf("kept %v and %v", view, event)
	}
	for c, text := range view {
		if strings.Contains(text, "secret") || strings.Contains(text, "abcdef") || strings.Contains(text, "words") {
			return "", fmt.Errorf("%s keeps what stood in the address: %s", c, text)
		}
	}
	return "the page /way from “news”, 4.2 seconds in sight, read down to 80 %, left by a link; what else stood in the address was cut off", nil
}

func (d *Visits) proveDevice(ctx context.Context, w *desk.World) (string, error) {
	a, err := d.send(ctx, w, trial{body: fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://%s/device"}`, randomID(), triedHost), header: http.Header{"Cookie": {"known=1"}}})
	if err != nil {
		return "", err
	}
	answers := map[string]*desk.Answer{"a beacon": a}
	base := d.options.Path + "/" + triedScript
	for what, path := range map[string]string{"the script": base + "." + tag.Full().Hash + ".js", "the pixel": base + ".gif", "the page of one's own visit": "/visits/mine"} {
		if answers[what], err = (desk.Browser{World: w}).Get(ctx, path); err != nil {
			return "", err
		}
	}
	for what, a := range answers {
		if a.Status >= 300 || a.Header().Get("Set-Cookie") != "" || a.Header().Get("Etag") != "" || a.Header().Get("Last-Modified") != "" {
			return "", fmt.Errorf("%s was answered with %d, and with what a browser keeps: %v", what, a.Status, a.Header())
		}
	}
	for _, word := range []string{"cookie", "localStorage", "sessionStorage", "indexedDB", "caches"} {
		if strings.Contains(tag.Full().Text, word) || strings.Contains(tag.Core().Text, word) {
			return "", fmt.Errorf("the script speaks of %s", word)
		}
	}
	return loot.Plural(len(answers), "answer", "answers") + " without a cookie or a mark; the scripts name no storage", nil
}

func (d *Visits) proveKey(ctx context.Context, w *desk.World) (string, error) {
	rows, err := d.recorded(ctx, w, trial{path: "/key"})
	if err != nil {
		return "", err
	}
	s, err := d.tried(ctx)
	if err != nil {
		return "", err
	}
	day, _ := s.local(w.Now())
	name := secretOf{s.Number, day, live}.name()
	has := func() (bool, error) {
		names, err := d.Keyring.Fleetings()
		return slices.Contains(names, name), err
	}
	if there, err := has(); err != nil || !there {
		return "", fmt.Errorf("there is no key of the day: %w", err)
	}
	for _, kind := range []string{"fleeting", "fleetingepoch"} {
		if keyring.BackedUp(kind + "." + name + ".key") {
			return "", errors.New("a backup would hold the key, or the epoch key that it is sealed by")
		}
	}
	w.Clock.Advance(s.end(day).Add(crossing).Sub(w.Now()))
	if err := d.Turn(ctx); err != nil {
		return "", err
	}
	if there, err := has(); err != nil || there {
		return "", fmt.Errorf("half an hour after the day the key is still there: %w", err)
	}
	if secret, err := d.secrets.existing(ctx, secretOf{s.Number, day, live}); err != nil || secret != nil {
		return "", fmt.Errorf("half an hour after the day the key is still in memory: %w", err)
	}
	answer, err := d.column.Query(ctx, day, day, `SELECT count(*) AS n, max(CAST(visitor AS BIGINT)) AS most FROM visits_row WHERE path = '/key'`)
	if err != nil {
		return "", err
	}
	var n, most int64
	for answer.Next() && err == nil {
		err = answer.Scan(&n, &most)
	}
	if err := errors.Join(err, answer.Err(), answer.Close()); err != nil {
		return "", err
	}
	if left, err := d.rowsOf(ctx, w, randomID()); err != nil || n == 0 || most > 1_000_000 || fmt.Sprint(most) == rows[0]["visitor"] {
		return "", fmt.Errorf("after the day %d rows have the greatest id %d, %d rows are not sealed: %w", n, most, len(left), err)
	}
	return fmt.Sprintf("destroyed %s after the day; the visitor is number %d of the day, drawn by lot", crossing, most), nil
}

// proveWhole has the visit of somebody recorded whose address would be kept whole.
func (d *Visits) proveWhole(ctx context.Context, w *desk.World) (string, error) {
	var rows []stored
	if err := d.asIfKnown(func() error {
		return d.ruling.asIfWhole(func() (err error) {
			rows, err = d.recorded(ctx, w, trial{path: "/whole"})
			return err
		})
	}); err != nil {
		return "", err
	}
	s := d.ruling.rules().version.Statement
	f, ok := s.Field("visit.address")
	if !ok || !slices.Contains(f.Collections, collection) {
		return "no address is kept at all", nil
	}
	in := collect(s, f, regionOf(triedNetwork.Country), 0, d.Now())
	in.Context.FullAddr = true
	kept := rows[0]["network"]
	switch {
	case s.Decide(in).Allowed:
		return "the statement does not ask that addresses are cut short; the settings kept " + kept, nil
	case kept != "":
		return "", fmt.Errorf("the statement refuses an address that is not cut short, and %s was kept", kept)
	}
	return "the visit was recorded without it", nil
}

func (d *Visits) proveSignal(ctx context.Context, w *desk.World) (string, error) {
	r := d.ruling.rules()
	region := regionOf(d.lookup(netip.MustParseAddr(triedFrom)).Country)
	may := r.of(region, gpc)
	page := randomID()
	a, err := d.send(ctx, w, trial{
		body:   fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://%s/signal"}`, page, triedHost),
		header: http.Header{"Sec-Gpc": {"1"}},
	})
	if err != nil {
		return "", err
	}
	rows, err := d.rowsOf(ctx, w, page)
	if err != nil {
		return "", err
	}
	switch {
	case may == 0:
		if a.Status != http.StatusNoContent || len(rows) > 0 {
			return "", fmt.Errorf("nothing may be kept, and the answer is %d with %d rows", a.Status, len(rows))
		}
		return "nothing was kept, as the statement says", nil
	case may != mayCount:
		if len(rows) == 0 || rows[0]["path"] == "" {
			return "", errors.New("the statement does not heed the signal, and the program does")
		}
		return "recorded like any other, as the statement says", nil
	}
	if len(rows) == 0 || rows[0]["class"] != counted {
		return "", fmt.Errorf("it was not counted: %v", rows)
	}
	for _, c := range []string{"visitor", "visit", "path", "network", "provider", "browser", "system", "language", "source"} {
		if v, there := rows[0][c]; there {
			return "", fmt.Errorf("%s was kept: %s", c, v)
		}
	}
	return "the view was counted, and none of its details kept", nil
}
