// Package web is what every page shares: routes, errors, headers, forms,
// layout and assets. It knows no desk, it promises that nothing of an answer
// leaves before its handler has returned without an error, and that no page
// needs a script.
package web

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"loot"
)

// A HandlerFunc serves one request or says why it could not. What it writes
// is held back until it has returned: an error leaves nothing of it behind.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// An Audience says who may reach a route at all. The zero Audience is
// nobody, so a route that forgot to say is closed.
type Audience uint8

// Audiences.
const (
	Nobody  Audience = iota
	Public           // everybody
	Portal           // a customer who is signed in
	Console          // a member of staff who is signed in
)

func (a Audience) String() string {
	switch a {
	case Public:
		return "public"
	case Portal:
		return "portal"
	case Console:
		return "console"
	}
	return "nobody"
}

// A Route is one line of a desk's route table.
type Route struct {
	Pattern  string // as for [http.ServeMux], such as "GET /console/customers/{id}"
	Audience Audience
	Serve    HandlerFunc

	Limit       Limit       // zero: the limit that all routes of its kind have
	Body        int64       // bytes that a request may carry; zero: MaxBody
	Roles       []loot.Role // of staff who may reach it; none: every member of staff
	Fresh       bool        // the person has to have proved who they are in the last quarter of an hour
	CrossOrigin bool        // other sites may write to it, as a visit or an answer to a banner does
	// Incognito says that nobody is asked who they are: no cookie of theirs is
	// looked at and none is set, and the log has a line only of what went wrong.
	Incognito bool
	// Refused is told why a request was not served, and the answer is a line of
	// text: for what programs send, many times, and no person looks at. Nil: the
	// answer is a page.
	Refused func(error)

	own bool // of the shell, the same for everybody: nobody needs to be known
}

// MaxBody is what a request may carry when its route does not say.
const MaxBody = 1 << 20

// Site is what the operator's pages say about themselves.
type Site struct {
	Name        string // of the network, shown as the brand
	Company     string // who is responsible, named in the footer
	Statement   string // path of the public statement
	Version     string // of the statement in force, shown in the footer
	SignIn      string // path where customers sign in
	StaffSignIn string // path where staff sign in
	SignOut     string // path that a POST signs out at
	Home        string // path behind the brand for a visitor
	Demo        bool   // everything in it is made up, and every page says so
	Notice      bool   // a link to another site leads over a page that says so
	Coming      Coming // the announced change of the statement, told on every page of visitors and customers
}

// Coming is a change of the statement that is announced and not in force yet.
// The zero Coming is none.
type Coming struct {
	Effective time.Time
	What      string // in a few words
	Href      string // of the comparison
}

// Options are what a [Shell] is made of.
type Options struct {
	Log      *slog.Logger
	Now      func() time.Time
	BaseURL  string                                // where people reach it, such as "https://loot.example"
	Site     func() Site                           // read for every page, as the statement may change while it runs
	Identify func(*http.Request) (Identity, error) // who asks; the zero Identity is a visitor
	Nav      []Nav                                 // of all desks
	Secret   []byte                                // signs what a browser keeps until its next page; the same on every node; nil: made up
	Proxies  []netip.Prefix                        // whose X-Forwarded-For is believed
	Around   []func(http.Handler) http.Handler     // put around the mux, inside of the headers: sessions
	NoLimits bool                                  // for load tests: no rate limits
	Served   func(Served)                          // told of every request, for metrics; nil: nobody is
}

// A Served is a request that was answered, in words of which there are few:
// nothing of it was chosen by whoever asked.
type Served struct {
	Route  string // pattern without its method, such as "/console/customers/{id}"; "none": there is no such
	Method string // "other" for one that no route has
	Status int
	Took   time.Duration
}

// A Shell is the public site, the portal and the console around the pages of
// the desks.
type Shell struct {
	opts    Options
	https   bool
	limits  *limiter
	nav     []*navEntry
	origin  *http.CrossOriginProtection
	changes atomic.Uint64 // requests that may have changed something, for the counts beside the navigation

	mu     sync.Mutex
	routes map[string]Route
}

// New returns a shell with the theme switch, the way to other sites and the
// assets to be mounted by [Shell.Mount].
func New(o Options) *Shell {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Site == nil {
		o.Site = func() Site { return Site{} }
	}
	if o.Identify == nil {
		o.Identify = func(*http.Request) (Identity, error) { return Identity{}, nil }
	}
	if len(o.Secret) == 0 {
		o.Secret = []byte(rand.Text())
	}
	s := &Shell{
		opts:   o,
		https:  len(o.BaseURL) > 8 && o.BaseURL[:8] == "https://",
		limits: newLimiter(o.Now),
		nav:    newNav(o.Nav),
		origin: http.NewCrossOriginProtection(),
		routes: map[string]Route{},
	}
	if o.BaseURL != "" {
		if err := s.origin.AddTrustedOrigin(originOf(o.BaseURL)); err != nil {
			o.Log.Warn("the base URL is not an origin", "err", err)
		}
	}
	return s
}

// Routes returns every mounted route, sorted by pattern, so that a test can
// walk them.
func (s *Shell) Routes() []Route {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Route, 0, len(s.routes))
	for _, rt := range s.routes {
		all = append(all, rt)
	}
	slices.SortFunc(all, func(a, b Route) int { return cmpString(a.Pattern, b.Pattern) })
	return all
}

// Mount adds the shell's own routes and those given to mux. It panics on a
// pattern that is malformed or there twice, as [http.ServeMux] does.
func (s *Shell) Mount(mux *http.ServeMux, routes ...[]Route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, done := s.routes[themePattern]; !done {
		s.mount(mux, Route{Pattern: themePattern, Audience: Public, Serve: s.theme, own: true})
		s.mount(mux, Route{Pattern: leavePattern, Audience: Public, Serve: s.leave})
		s.mount(mux, Route{Pattern: assetPattern, Audience: Public, Serve: serveAsset, own: true, Limit: NoLimit})
	}
	for _, list := range routes {
		for _, rt := range list {
			s.mount(mux, rt)
		}
	}
}

func (s *Shell) mount(mux *http.ServeMux, rt Route) {
	s.routes[rt.Pattern] = rt
	mux.HandleFunc(rt.Pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, rt) })
}

func (s *Shell) route(pattern string) (Route, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rt, ok := s.routes[pattern]
	return rt, ok
}
