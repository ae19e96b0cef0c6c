package visits

import (
	"context"
	"net/http"
	"strings"
	"time"

	"loot"
	"loot/api"
	"loot/store"
	"loot/web"
)

// op is an operation below a site's address: one that reads needs the scope of
// that, and every other the one that writes.
func op(id, method, path, summary, text string) api.Operation {
	o := api.Operation{ID: id, Method: method, Path: strings.TrimSuffix("/api/visits/{site}/"+path, "/"), Tag: apiTag, Scope: "visits:write", Summary: summary, Text: text}
	o.Kinds = []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound}
	if method == http.MethodGet {
		o.Scope = "visits:read"
		return o
	}
	o.Kinds = append(o.Kinds, loot.Conflict)
	if method == http.MethodPost {
		o.Status = http.StatusCreated
	}
	return o
}

// keptAPI adds the operations on what people keep about reports.
func (d *Visits) keptAPI(a *api.API) {
	const ends = "Whoever made it may do this, and an administrator or the data protection officer."
	api.Add(a, op("list-annotations", http.MethodGet, "annotations", "List the notes of a site's days", ""), d.apiNotes)
	api.Add(a, op("add-annotation", http.MethodPost, "annotations", "Add a note of a day", "Such as a release or a campaign: reports mark it on their trend."), d.apiAddNote)
	api.Add(a, op("remove-annotation", http.MethodDelete, "annotations/{id}", "Remove a note", ends), d.apiRemoveNote)
	api.Add(a, op("list-segments", http.MethodGet, "segments", "List the segments of a site", "Those of everybody, and those of the token's owner alone."), d.apiSegments)
	api.Add(a, op("add-segment", http.MethodPost, "segments", "Keep filters under a name", ""), d.apiAddSegment)
	api.Add(a, op("rename-segment", http.MethodPatch, "segments/{id}", "Rename a segment", ends), d.apiRenameSegment)
	api.Add(a, op("delete-segment", http.MethodDelete, "segments/{id}", "Delete a segment", ends+" What was made by its filters keeps them."), d.apiDeleteSegment)
	api.Add(a, op("list-alerts", http.MethodGet, "alerts", "List the alerts of a site, and what they saw", ""), d.apiAlerts)
	api.Add(a, op("add-alert", http.MethodPost, "alerts", "Add an alert", "A spike is today so far, a drop today so far or yesterday, a silence some hours up to now; each beside the same hours of the same weekday of the last four weeks."), d.apiAddAlert)
	api.Add(a, op("remove-alert", http.MethodDelete, "alerts/{id}", "Remove an alert, and what it saw", ends), d.apiRemoveAlert)
	api.Add(a, op("list-digests", http.MethodGet, "digests", "List the digests of a site", "Those of the token's owner; an administrator and the data protection officer see all."), d.apiDigests)
	api.Add(a, op("subscribe-digest", http.MethodPost, "digests", "Subscribe the token's owner to a digest", ""), d.apiSubscribe)
	api.Add(a, op("end-digest", http.MethodDelete, "digests/{id}", "End a digest", ends), d.apiEndDigest)
	api.Add(a, op("list-links", http.MethodGet, "links", "List the links to a site's report", "For administrators and the data protection officer."), d.apiLinks)
	api.Add(a, op("add-link", http.MethodPost, "links", "Make a link to a site's report for people without an account", "For administrators and the data protection officer. The address is in this answer and nowhere else, as only its hash is kept."), d.apiAddLink)
	api.Add(a, op("revoke-link", http.MethodDelete, "links/{id}", "Revoke a link", "For administrators and the data protection officer."), d.apiRevokeLink)
}

// noAnswer is the answer to what leaves nothing to tell.
type noAnswer struct{}

type keptIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	ID   string `path:"id" maxLength:"64"`
}

// readerOf returns the site that somebody asks about who may see its reports.
func (d *Visits) readerOf(ctx context.Context, script string) (*Site, loot.Actor, error) {
	who := api.ActorOf(ctx)
	if _, _, err := d.reportsFor(ctx, who); err != nil {
		return nil, who, err
	}
	s, err := d.sites.called(ctx, script)
	return s, who, err
}

// keeperOf is readerOf for what keepers of the sites alone may do.
func (d *Visits) keeperOf(ctx context.Context, script string) (*Site, loot.Actor, error) {
	s, who, err := d.readerOf(ctx, script)
	if err == nil && !keeps(who) {
		err = errNotKeeper
	}
	return s, who, err
}

// ended does what ends something that was kept.
func (d *Visits) ended(ctx context.Context, in *keptIn, end ender) (*noAnswer, error) {
	s, who, err := d.readerOf(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	return nil, d.DB.InTx(ctx, func(tx *store.Tx) error { return end(ctx, tx, s.Number, in.ID, who) })
}

type notesIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	From string `query:"from" maxLength:"10" doc:"First day, such as 2026-11-01; the last 30 days if nothing is said"`
	To   string `query:"to" maxLength:"10" doc:"Last day; today if nothing is said"`
}

type notesOut struct {
	Body struct {
		Annotations []toldNote `json:"annotations"`
	}
}

func (d *Visits) apiNotes(ctx context.Context, in *notesIn) (*notesOut, error) {
	s, _, err := d.readerOf(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	at := address{From: in.From, To: in.To}
	if in.From == "" && in.To == "" {
		at.Period = "30d"
	}
	a, err := d.ask(s, at)
	if err != nil {
		return nil, err
	}
	out := &notesOut{}
	out.Body.Annotations, err = d.toldNotes(ctx, s.Number, a.from, a.to)
	return out, err
}

type addNoteIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	Body struct {
		Day  string `json:"day,omitempty" maxLength:"10" doc:"Such as 2026-11-28; today at the site if it is left out"`
		Text string `json:"text" minLength:"1" maxLength:"200" doc:"One line"`
	}
}

type noteOut struct{ Body toldNote }

func (d *Visits) apiAddNote(ctx context.Context, in *addNoteIn) (*noteOut, error) {
	s, who, err := d.readerOf(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	today, _ := s.local(d.Now())
	n := annotation{ID: loot.NewID("n"), Site: s.Number, Day: today, Text: in.Body.Text, Writer: who.ID, Made: d.Now()}
	if in.Body.Day != "" && n.Day.UnmarshalText([]byte(in.Body.Day)) != nil {
		return nil, web.Invalid("", map[string]string{"day": notDate})
	}
	if err := web.Invalid("", n.check(today)); err != nil {
		return nil, err
	}
	out := &noteOut{toldNote{n.ID, n.Day, n.Text, n.Writer, who.Name, n.Made}}
	return out, d.DB.InTx(ctx, func(tx *store.Tx) error { return addAnnotation(ctx, tx, n) })
}

func (d *Visits) apiRemoveNote(ctx context.Context, in *keptIn) (*noAnswer, error) {
	return d.ended(ctx, in, removeAnnotation)
}

// A toldSegment is a segment as programs read it.
type toldSegment struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Filters []string  `json:"filters" doc:"As reports take them"`
	Own     bool      `json:"own" doc:"Nobody but the token's owner sees it"`
	Writer  string    `json:"writer" doc:"Id of the member of staff"`
	Made    time.Time `json:"made"`
}

func tellSegment(s segment) toldSegment {
	return toldSegment{s.ID, s.Name, filterTexts(s.Filters), s.Holder != "", s.Writer, s.Made}
}

type segmentsOut struct {
	Body struct {
		Segments []toldSegment `json:"segments"`
	}
}

func (d *Visits) apiSegments(ctx context.Context, in *siteIn) (*segmentsOut, error) {
	s, who, err := d.readerOf(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	out := &segmentsOut{}
	return out, d.DB.Read(ctx, func(tx *store.Tx) error {
		out.Body.Segments = []toldSegment{}
		all, err := listSegments(ctx, tx, s.Number, who.ID)
		for _, one := range all {
			out.Body.Segments = append(out.Body.Segments, tellSegment(one))
		}
		return err
	})
}

type addSegmentIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	Body struct {
		Name    string   `json:"name" minLength:"1" maxLength:"60"`
		Filters []string `json:"filters" minItems:"1" maxItems:"8" doc:"Each as dimension:comparison:values, such as country:is:IE,DE"`
		Own     bool     `json:"own,omitempty" doc:"Nobody but the token's owner is to see it"`
	}
}

type segmentOut struct{ Body toldSegment }

func (d *Visits) apiAddSegment(ctx context.Context, in *addSegmentIn) (*segmentOut, error) {
	s, who, err := d.readerOf(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	g := segment{ID: loot.NewID("g"), Site: s.Number, Name: in.Body.Name, Writer: who.ID, Made: d.Now()}
	if g.Filters, err = ParseFilters(in.Body.Filters); err != nil {
		return nil, err
	}
	if in.Body.Own {
		g.Holder = who.ID
	}
	return &segmentOut{tellSegment(g)}, d.DB.InTx(ctx, func(tx *store.Tx) error { return addSegment(ctx, tx, g) })
}

type renameIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"60"`
	}
}

func (d *Visits) apiRenameSegment(ctx context.Context, in *renameIn) (*noAnswer, error) {
	return d.ended(ctx, &keptIn{in.Site, in.ID}, func(ctx context.Context, tx *store.Tx, site uint16, id string, by loot.Actor) error {
		return renameSegment(ctx, tx, site, id, in.Body.Name, by)
	})
}

func (d *Visits) apiDeleteSegment(ctx context.Context, in *keptIn) (*noAnswer, error) {
	return d.ended(ctx, in, deleteSegment)
}
