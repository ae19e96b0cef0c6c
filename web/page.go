package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
)

//go:embed layout/*.html
var layoutFiles embed.FS

// A Layout is one of the three frames around a page.
type Layout string

// Layouts. A page gets that of its route's audience, and may choose another.
const (
	LayoutSite    Layout = "site"
	LayoutPortal  Layout = "portal"
	LayoutConsole Layout = "console"
	LayoutBare    Layout = "bare"  // nothing but the page, in the middle: signing in, a page to print
	LayoutGuest   Layout = "guest" // the page for somebody without an account, maybe in a frame of another site: nothing of it sets a cookie
)

// A View is what the layout needs; every page's data embeds it. [ViewOf]
// fills it, and the handler sets what the page says of itself.
type View struct {
	Title   string
	Lead    string // one sentence under the title
	Crumbs  []Crumb
	Actions []Action // beside the title
	Wide    bool     // a table needs all the width there is
	Again   *Alert   // above all else: see [SignInAgain]
	Styles  []string // addresses from [NewAsset], for what only this page needs
	Scripts []string
	Layout  Layout

	Theme   string // "auto", "light" or "dark"
	Path    string // where the theme switch leads back to
	Who     Identity
	Site    Site
	Coming  Coming // zero for staff
	Nav     []NavGroup
	Footer  []NavItem
	Flash   *Flash
	Request string
}

func (v View) view() View { return v }

// Viewed is any struct that embeds [View].
type Viewed interface{ view() View }

// SignedIn reports whether somebody is.
func (v View) SignedIn() bool { return v.Who.Actor.ID != "" }

// Initials returns what stands in the round beside the way out.
func (v View) Initials() string {
	var out []rune
	for _, word := range strings.Fields(v.Who.Name) {
		out = append(out, []rune(strings.ToUpper(word))[0])
	}
	if len(out) > 2 {
		out = []rune{out[0], out[len(out)-1]}
	}
	return string(out)
}

// ViewOf returns the View for a request.
func ViewOf(r *http.Request, title string) View {
	x := exchangeOf(r.Context())
	v := View{
		Title: title, Theme: themeOf(r), Path: pathOf(r),
		Who: IdentityOf(r.Context()), Layout: LayoutSite, Request: x.id,
		Site: Site{Name: "Loot", Statement: "/statement"},
	}
	a := x.route.Audience
	switch a {
	case Portal:
		v.Layout = LayoutPortal
	case Console:
		v.Layout = LayoutConsole
	case Public, Nobody:
		a = Public
	}
	if x.shell == nil {
		return v
	}
	v.Site = x.shell.opts.Site()
	if v.Site.Name == "" {
		v.Site.Name = "Loot"
	}
	for _, g := range x.shell.navFor(r, a) {
		if a == Public && g.Name == Footer {
			v.Footer = g.Items
			continue
		}
		v.Nav = append(v.Nav, g)
	}
	if a != Console {
		v.Coming = v.Site.Coming
	}
	if a != Public {
		for _, g := range x.shell.navFor(r, Public) {
			if g.Name == Footer {
				v.Footer = g.Items
			}
		}
	}
	if r.Header.Get("Hx-Request") == "" {
		v.Flash = x.shell.takeFlash(r)
	}
	return v
}

// pathOf returns where one gets back to this page: a page that answers a
// POST is reached again from where the form was.
func pathOf(r *http.Request) string {
	if !unsafe(r.Method) {
		return r.URL.RequestURI()
	}
	return cameFrom(r, "/")
}

// cameFrom returns the page of ours from which somebody came, or otherwise the
// one given.
func cameFrom(r *http.Request, otherwise string) string {
	if u, err := url.Parse(r.Referer()); err == nil && u.Host == r.Host {
		return Local(u.RequestURI(), otherwise)
	}
	return otherwise
}

// A Page is a template bound to the type of its data.
type Page[T Viewed] struct {
	name  string
	parse func() *template.Template // once, when it is first shown: most of the pages of a process never are
}

var pages struct {
	sync.Mutex
	list []Unchecked
}

// Unchecked is a page as the template check needs it.
type Unchecked struct {
	Name  string
	Parse func() *template.Template // anew, as one that was shown cannot be checked; panics if it is broken
	Data  any
}

// Pages returns every page of the program. Only webtest calls it: it checks the
// pages of the desks' packages, and a test of this package imports none of them.
func Pages() []Unchecked { pages.Lock(); defer pages.Unlock(); return pages.list }

// layouts is what every page is parsed on top of.
var layouts = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("layout.html").Funcs(funcs).ParseFS(layoutFiles, "layout/layout.html", "layout/shells.html", "layout/form.html", "layout/parts.html"))
})

// NewPage returns the page called name, which defines "main", with any files
// of templates that it shares with others. A broken template panics when it is
// first shown; the template check of the tests parses them all.
func NewPage[T Viewed](files fs.FS, name string, shared ...string) Page[T] {
	parse := func() *template.Template {
		t := template.Must(layouts().Clone())
		t = template.Must(t.ParseFS(files, append(shared, name)...))
		if t.Lookup("main") == nil {
			panic("web: " + name + ` does not define "main"`)
		}
		return t
	}
	pages.Lock()
	defer pages.Unlock()
	pages.list = append(pages.list, Unchecked{path.Base(name), parse, *new(T)})
	return Page[T]{name, sync.OnceValue(parse)}
}

// Render writes the page. A template that fails leaves no half page behind.
func (p Page[T]) Render(w http.ResponseWriter, r *http.Request, status int, data T) error {
	return p.render(w, r, status, "layout.html", data)
}

// RenderPart writes one of the page's templates by itself, for htmx to put
// into the page that is there.
func (p Page[T]) RenderPart(w http.ResponseWriter, r *http.Request, status int, part string, data T) error {
	return p.render(w, r, status, part, data)
}

func (p Page[T]) render(w http.ResponseWriter, r *http.Request, status int, part string, data T) error {
	b := buffers.Get().(*bytes.Buffer)
	defer release(b)
	if err := p.parse().ExecuteTemplate(b, part, data); err != nil {
		return fmt.Errorf("web: render %s: %w", p.name, err)
	}
	page, v := b.Bytes(), data.view()
	if s := exchangeOf(r.Context()).shell; s != nil {
		page = s.outbound(page, v.Site.Notice)
		if v.Flash != nil {
			s.setCookie(w, flashCookie, "", -1)
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, err := w.Write(page)
	return err
}

// documentView is a page whose body was made elsewhere in the program.
type documentView struct {
	View
	Body template.HTML
}

var documents = NewPage[documentView](layoutFiles, "layout/document.html")

// Document answers with a body that a package without pages of its own has
// made, such as the reference of the API. The body must come from a template,
// never from what somebody entered.
func Document(w http.ResponseWriter, r *http.Request, v View, body template.HTML) error {
	return documents.Render(w, r, http.StatusOK, documentView{v, body})
}
