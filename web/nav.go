package web

import (
	"context"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"loot"
)

// Footer is the group of public entries that stand at the foot of the site.
const Footer = "Footer"

// A Nav is one entry of a navigation, contributed by a desk.
type Nav struct {
	Audience Audience // whose navigation: Public, Portal or Console
	Group    string   // heading that it stands under in the console, such as "Work"; Footer of the site
	Order    int      // within everything: lower is nearer to the start, and so are groups
	Label    string
	Icon     string // of the sprite
	Href     string
	Exact    bool        // it is the current page only under exactly this path
	Roles    []loot.Role // of staff who see it; none: all

	// Count returns how many wait in this queue. It is asked at most every few
	// seconds, and its number is the same for everybody who sees the entry.
	Count func(context.Context) (int, error)
	Each  bool // Count is asked for each who sees the entry, by their own request's context: for staff, who are few
}

// navLife is how long a count beside an entry may be old, unless something
// was changed through this process meanwhile.
const navLife = 5 * time.Second

type navEntry struct {
	Nav
	tallies sync.Map // of each who sees it, or of "" for all, to a *tally
}

type tally struct {
	counting sync.Mutex
	last     atomic.Pointer[counted]
}

type counted struct {
	n       int
	at      time.Time
	changes uint64
}

func newNav(list []Nav) []*navEntry {
	entries := make([]*navEntry, len(list))
	for i, n := range list {
		entries[i] = &navEntry{Nav: n}
	}
	slices.SortStableFunc(entries, func(a, b *navEntry) int { return a.Order - b.Order })
	return entries
}

// A NavGroup is a heading with its entries, as the layout shows it.
type NavGroup struct {
	Name  string
	Items []NavItem
}

// A NavItem is an entry as the layout shows it.
type NavItem struct {
	Label, Icon, Href string
	Current           bool
	Count             string // empty: nothing waits
}

// navFor returns the navigation that whoever asks sees.
func (s *Shell) navFor(r *http.Request, a Audience) []NavGroup {
	who := ActorOf(r.Context())
	var groups []NavGroup
	longest := -1
	var current *NavItem
	for _, e := range s.nav {
		if e.Audience != a || len(e.Roles) > 0 && !hasAny(who, e.Roles) {
			continue
		}
		at := slices.IndexFunc(groups, func(g NavGroup) bool { return g.Name == e.Group })
		if at < 0 {
			groups = append(groups, NavGroup{Name: e.Group, Items: make([]NavItem, 0, len(s.nav))})
			at = len(groups) - 1
		}
		groups[at].Items = append(groups[at].Items, NavItem{Label: e.Label, Icon: e.Icon, Href: e.Href, Count: s.countOf(r, e)})
		// The longest path that leads here wins, so that /console does not
		// claim what /console/customers is.
		if e.leadsTo(r.URL.Path) && len(e.Href) > longest {
			longest = len(e.Href)
			current = &groups[at].Items[len(groups[at].Items)-1]
		}
	}
	if current != nil {
		current.Current = true
	}
	return groups
}

// NavHere returns the navigation, in which a page that no entry leads to stands under
// the nearest entry on the way to it.
func (v View) NavHere() []NavGroup {
	for _, g := range v.Nav {
		if slices.ContainsFunc(g.Items, func(it NavItem) bool { return it.Current }) {
			return v.Nav
		}
	}
	for _, c := range slices.Backward(v.Crumbs) {
		for _, g := range v.Nav {
			if i := slices.IndexFunc(g.Items, func(it NavItem) bool { return it.Href == c.Href }); i >= 0 {
				g.Items[i].Current = true // those of this page alone
				return v.Nav
			}
		}
	}
	return v.Nav
}

// navItems writes the entries of a group. They are on every page, and this is
// several times as fast as a template.
func navItems(items []NavItem) template.HTML {
	var b strings.Builder
	for _, it := range items {
		b.WriteString(`<li><a href="` + template.HTMLEscapeString(it.Href) + `"`)
		if it.Current {
			b.WriteString(` aria-current="page"`)
		}
		b.WriteString(`>` + string(Icon(it.Icon)) + `<span>` + template.HTMLEscapeString(it.Label) + `</span>`)
		if it.Count != "" {
			b.WriteString(`<span class="count">` + it.Count + `<span class="hidden"> waiting</span></span>`)
		}
		b.WriteString("</a></li>\n")
	}
	return template.HTML(b.String())
}

func (e *navEntry) leadsTo(path string) bool {
	return path == e.Href || !e.Exact && strings.HasPrefix(path, strings.TrimSuffix(e.Href, "/")+"/")
}

func (s *Shell) countOf(r *http.Request, e *navEntry) string {
	if e.Count == nil {
		return ""
	}
	now, changes := s.opts.Now(), s.changes.Load()
	who := ""
	if e.Each {
		who = ActorOf(r.Context()).ID
	}
	found, ok := e.tallies.Load(who)
	if !ok {
		found, _ = e.tallies.LoadOrStore(who, new(tally))
	}
	t := found.(*tally)
	last := t.last.Load()
	stale := last == nil || last.changes != changes || now.Sub(last.at) > navLife
	if stale && t.counting.TryLock() { // whoever comes meanwhile sees the number before
		ctx, stop := context.WithTimeout(r.Context(), 500*time.Millisecond)
		n, err := e.Nav.Count(ctx)
		stop()
		if err != nil { // a page without a number is better than no page
			s.opts.Log.WarnContext(r.Context(), "cannot count a queue", "entry", e.Href, "err", err)
			n = 0
		}
		last = &counted{n, now, changes}
		t.last.Store(last)
		t.counting.Unlock()
	}
	switch {
	case last == nil || last.n <= 0:
		return ""
	case last.n > 999:
		return "999+"
	}
	return strconv.Itoa(last.n)
}
