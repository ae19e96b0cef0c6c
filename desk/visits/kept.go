package visits

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"loot"
	"loot/store"
	"loot/web"
)

//go:embed assets/kept.css
var keptCSS []byte

var keptStyle = web.NewAsset("kept.css", keptCSS)

// keeps reports whether somebody is a keeper of the sites.
func keeps(who loot.Actor) bool { return slices.ContainsFunc(keepers, who.Has) }

// mayEnd reports whether somebody may end what a member of staff began: that
// member, and a keeper of the sites.
func mayEnd(who loot.Actor, writer string) bool { return who.ID == writer || keeps(who) }

var errNotYours = loot.Errorf(loot.Denied, "Only whoever made this, an administrator or the data protection officer can change it.")

// writeFilters is how filters are kept.
func writeFilters(of []Filter) string {
	b, err := json.Marshal(filterTexts(of))
	if err != nil {
		panic(err) // texts can be written
	}
	return string(b)
}

func filterTexts(of []Filter) []string {
	texts := make([]string, len(of))
	for i, f := range of {
		texts[i] = f.String()
	}
	return texts
}

func readFilters(kept string) ([]Filter, error) {
	var texts []string
	if err := json.Unmarshal([]byte(kept), &texts); err != nil {
		return nil, fmt.Errorf("visits: filters that were kept: %w", err)
	}
	return ParseFilters(texts)
}

// names returns what members of staff are called.
func (d *Visits) names(ctx context.Context, tx *store.Tx, ids ...string) (map[string]string, error) {
	out := map[string]string{}
	for _, id := range ids {
		if _, known := out[id]; known {
			continue
		}
		name, err := d.staff.Name(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if out[id] = name; name == "" {
			out[id] = "somebody who is gone"
		}
	}
	return out, nil
}

// A reader is a member of staff who may see reports.
type reader struct {
	loot.Actor
	address string // for letters
}

// reader returns a member of staff if they may see reports now; false if not.
func (d *Visits) reader(ctx context.Context, tx *store.Tx, id string) (reader, bool, error) {
	r := d.ruling.rules()
	who, address, err := d.staff.Member(ctx, tx, id)
	if err != nil || who.ID == "" || r.version.Statement == nil || r.crowd == 0 {
		return reader{}, false, err
	}
	switch err := d.permitted(ctx, tx, r, who); loot.KindOf(err) {
	case loot.Denied:
		return reader{}, false, nil
	default:
		return reader{who, address}, err == nil, err
	}
}

// readers returns all members of staff who may see reports, by their names.
func (d *Visits) readers(ctx context.Context, tx *store.Tx) ([]reader, error) {
	all, err := d.staff.Everybody(ctx, tx)
	if err != nil {
		return nil, err
	}
	var out []reader
	for _, a := range all {
		one, ok, err := d.reader(ctx, tx, a.ID)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b reader) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// A keptView is what the pages have in common on which somebody keeps something
// of a site's reports.
type keptView struct {
	web.View
	Sites  []web.Tab
	Action string // where the form goes
	Form   web.Fields
	Wrong  *web.Problems
}

// keptPage is a request for such a page: of a site, by somebody who may see its
// reports, with the filters of the report that they came from.
type keptPage struct {
	*asked
	who      loot.Actor
	all      []*Site
	segments []segment
	crowd    int
}

// keptPage reads a request.
func (d *Visits) keptPage(r *http.Request) (keptPage, error) {
	p := keptPage{who: web.ActorOf(r.Context())}
	var err error
	if _, p.crowd, err = d.reportsFor(r.Context(), p.who); err != nil {
		return p, err
	}
	if p.asked, p.all, err = d.askedBy(r); err != nil {
		return p, err
	}
	if p.asked == nil {
		return p, web.Onward(loot.Errorf(loot.NotFound, "No site is recorded yet. Add one first."), web.Action{Label: "Sites", Icon: "globe", Href: sitesHref})
	}
	err = d.DB.Read(r.Context(), func(tx *store.Tx) (err error) {
		p.segments, err = listSegments(r.Context(), tx, p.site.Number, p.who.ID)
		return err
	})
	return p, err
}

// hrefOf is the address of another page about the same site and filters.
func (a asked) hrefOf(path string) string {
	v := url.Values{"site": {strconv.Itoa(int(a.site.Number))}}
	for _, f := range a.filters {
		v.Add("filter", f.String())
	}
	return path + "?" + v.Encode()
}

// view begins such a page.
func (p keptPage) view(r *http.Request, path, title, lead string) keptView {
	v := keptView{View: web.ViewOf(r, title), Action: p.hrefOf(path)}
	v.Lead = lead
	v.Crumbs = []web.Crumb{{Label: "Visits", Href: p.href()}}
	v.Styles = []string{reportStyle, keptStyle}
	for _, s := range p.all {
		if s.Ended.IsZero() || s.Number == p.site.Number {
			v.Sites = append(v.Sites, web.Tab{Label: s.Name, Href: path + "?site=" + strconv.Itoa(int(s.Number)), Current: s.Number == p.site.Number})
		}
	}
	if len(v.Sites) == 1 {
		v.Sites = nil
	}
	return v
}

// What the choice of visits says beside the ids of segments.
const (
	allVisits  = ""
	theseFound = "these" // those of the report that one came from
)

// choice is the field that says which visits something is about.
func (p keptPage) choice() web.Field {
	f := web.Field{Name: "visits", Label: "Which visits", Type: "select", Plain: true, Options: []web.Option{{Value: allVisits, Label: "All visits"}}, Hint: "A segment's filters are taken as they are now."}
	if len(p.filters) > 0 && p.segmentOf(p.filters) == "" {
		f.Options = append(f.Options, web.Option{Value: theseFound, Label: filtersWords(p.filters)})
		f.Value = theseFound
	}
	for _, s := range p.segments {
		group := "Segments"
		f.Options = append(f.Options, web.Option{Value: s.ID, Label: s.Name, Group: group})
		if len(p.filters) > 0 && sameFilters(s.Filters, p.filters) {
			f.Value = s.ID
		}
	}
	return f
}

// chosenVisits returns the filters that the field chose.
func (p keptPage) chosenVisits(form url.Values) []Filter {
	switch of := form.Get("visits"); of {
	case allVisits:
	case theseFound:
		return p.filters
	default:
		if i := slices.IndexFunc(p.segments, func(s segment) bool { return s.ID == of }); i >= 0 {
			return p.segments[i].Filters
		}
	}
	return nil
}

// segmentOf returns the name of the segment that has the filters; empty: none.
func (p keptPage) segmentOf(of []Filter) string {
	for _, s := range p.segments {
		if len(of) > 0 && sameFilters(s.Filters, of) {
			return s.Name
		}
	}
	return ""
}

// visitsWords says which visits filters choose, by the name of their segment if
// there is one.
func (p keptPage) visitsWords(of []Filter) string {
	if name := p.segmentOf(of); name != "" {
		return name
	}
	return filtersWords(of)
}

// beside returns what is wrong with a form that was sent, as its page says it;
// nil: err is not about it. That there is no room for more is said there, too.
func beside(err error) error {
	switch loot.KindOf(err) {
	case loot.Invalid:
		return err
	case loot.Conflict:
		return &loot.Error{Kind: loot.Invalid, Msg: loot.Message(err)}
	}
	return nil
}

// An ender ends something that was kept of a site, if whoever asks may.
type ender func(ctx context.Context, tx *store.Tx, site uint16, id string, by loot.Actor) error

// endsAt answers the form that ends something, and leads back to what is listed.
// say is what is said there then; empty: that it is gone says it.
func (d *Visits) endsAt(end ender, say string, back func(keptPage) string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := d.keptPage(r)
		if err != nil {
			return err
		}
		if err := d.DB.InTx(r.Context(), func(tx *store.Tx) error {
			return end(r.Context(), tx, p.site.Number, r.PathValue("id"), p.who)
		}); err != nil {
			return err
		}
		if say != "" {
			web.SetFlash(w, r, web.Good, say)
		}
		return web.Redirect(w, r, back(p))
	}
}

// revoke is the ender of a link.
func (d *Visits) revoke(ctx context.Context, tx *store.Tx, site uint16, id string, by loot.Actor) error {
	return revokeLink(ctx, tx, d.Gate, site, id, by, d.Now())
}
