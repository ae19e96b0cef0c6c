package web

import (
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"loot"
)

// A Refuser is an error that names the clause of the statement which refused,
// as the gate's refusal does. The error's own text is the sentence shown.
type Refuser interface {
	error
	// Refused returns the clause, its title, and what would be needed, in
	// plain words.
	Refused() (clause loot.Clause, title string, needed []string)
}

// An Awaiter is a refusal that may wait for other people.
type Awaiter interface {
	Refuser
	// Awaits returns the approval that was asked for; nil: none.
	Awaits() *loot.Awaited
}

// An Unsigned is a refusal that signing the undertaking may lift.
type Unsigned interface {
	Refuser
	NeedsUndertaking() bool
}

// SignUndertaking leads to where staff sign the undertaking.
var SignUndertaking = Action{Label: "Read and sign the undertaking", Icon: "signature", Href: "/console/undertaking", Small: true}

// A Refusal is what a page shows of a [Refuser].
type Refusal struct {
	Message string
	Clause  loot.Clause
	Title   string
	Needed  []string
	Awaited *loot.Awaited // approval that was asked for; nil: none
	Href    string        // of the clause in the statement
	Actions []Action
}

// Short returns the sentence that stands above what would be needed: not the
// message where that says the same.
func (r Refusal) Short() string {
	if len(r.Needed) > 0 && strings.Contains(r.Message, r.Needed[0]) {
		return "The statement does not permit this."
	}
	return r.Message
}

// RefusalOf returns what to show of a refusal, so that a page can say it
// where it happened. It reports false for any other error.
func RefusalOf(err error) (Refusal, bool) {
	e, ok := errors.AsType[Refuser](err)
	if !ok {
		return Refusal{}, false
	}
	v := Refusal{Message: loot.Message(e)}
	if v.Clause, v.Title, v.Needed = e.Refused(); v.Clause != "" {
		v.Href = "/statement#" + string(v.Clause)
	}
	if a, ok := errors.AsType[Awaiter](err); ok {
		v.Awaited = a.Awaits()
	}
	if u, ok := errors.AsType[Unsigned](err); ok && u.NeedsUndertaking() {
		v.Actions = []Action{SignUndertaking}
	}
	return v, true
}

// Status returns the HTTP status that answers err.
func Status(err error) int {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	return loot.KindOf(err).Status()
}

// fail is the one place where an error becomes an answer.
func (s *Shell) fail(w http.ResponseWriter, r *http.Request, err error) {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok && loot.KindOf(err) == loot.Internal {
		err = loot.Wrap(loot.TooLarge, err, "That is more than this page takes.")
	}
	s.failAs(w, r, loot.KindOf(err).Status(), err)
}

func (s *Shell) failAs(w http.ResponseWriter, r *http.Request, status int, err error) {
	ctx := r.Context()
	x := exchangeOf(ctx)
	kind := loot.KindOf(err)
	switch kind {
	case loot.Internal:
		s.opts.Log.ErrorContext(ctx, "request failed", "route", x.pattern, "request", x.id, "err", err)
	case loot.Unavailable:
		s.opts.Log.WarnContext(ctx, "not available", "route", x.pattern, "request", x.id, "err", err)
	default:
		s.opts.Log.LogAttrs(ctx, slog.LevelDebug, "request refused", slog.String("route", x.pattern), slog.String("request", x.id), slog.Int("status", status))
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if wait := loot.RetryAfter(err); wait > 0 {
		h.Set("Retry-After", strconv.Itoa(wait))
	}
	told := x.route.Refused
	if told != nil {
		told(err)
	}
	switch {
	case wantsProblem(r):
		s.problem(w, r, status, err)
		return
	case told != nil:
		http.Error(w, loot.Message(err), status)
		return
	}
	if kind == loot.SignIn && !unsafe(r.Method) && r.Header.Get("Hx-Request") == "" {
		if to := s.signIn(x.route.Audience); to != "" {
			h.Set("Location", to+"?next="+url.QueryEscape(r.URL.RequestURI()))
			w.WriteHeader(http.StatusSeeOther)
			return
		}
	}
	s.errorPage(w, r, status, err)
}

func (s *Shell) signIn(a Audience) string {
	if a == Console {
		return s.opts.Site().StaffSignIn
	}
	return s.opts.Site().SignIn
}

// wantsProblem reports whether a program asks, and not a browser.
func wantsProblem(r *http.Request) bool {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		return true
	}
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}

// A problem is the body of RFC 9457.
type problem struct {
	Type        string            `json:"type"`
	Title       string            `json:"title"`
	Status      int               `json:"status"`
	Detail      string            `json:"detail,omitempty"`
	Instance    string            `json:"instance,omitempty"`
	Fields      map[string]string `json:"fields,omitempty"`
	Clause      loot.Clause       `json:"clause,omitempty"`
	ClauseTitle string            `json:"clause_title,omitempty"`
	Needed      []string          `json:"needed,omitempty"`
	Approval    *loot.Awaited     `json:"approval,omitempty"`
}

func (s *Shell) problem(w http.ResponseWriter, r *http.Request, status int, err error) {
	p := problem{Status: status, Detail: loot.Message(err), Instance: loot.Instance(RequestID(r.Context()))}
	if v, ok := RefusalOf(err); ok {
		p.Clause, p.Needed, p.Approval = v.Clause, v.Needed, v.Awaited
		p.ClauseTitle = v.Title
	}
	kind := loot.ProblemOf(status, p.Clause)
	p.Type, p.Title = kind.Type(), kind.Title
	if e, ok := errors.AsType[*loot.Error](err); ok && e.Kind == loot.Invalid {
		p.Fields = e.Fields
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(p); err != nil && r.Context().Err() == nil {
		s.opts.Log.WarnContext(r.Context(), "cannot send a problem", "err", err)
	}
}

type onward struct {
	error
	to Action
}

func (e onward) Unwrap() error { return e.error }

// Onward returns err with where whoever reads its page goes from there.
func Onward(err error, to Action) error { return onward{err, to} }

// An errorView is the page of an error.
type errorView struct {
	View
	Status  int
	Icon    string
	Heading string
	Message string
	Advice  string
	Refusal *Refusal
	Request string
	Above   *Action // where one goes on: as the error says, or the nearest page that the address lies under
	Back    Action
	SignIn  string
	Resend  *Action // what was sent by whoever has to sign in first; nil: nothing
}

var errorPages = NewPage[errorView](layoutFiles, "layout/error.html")

// headings are what the pages of each kind say above the message.
var headings = map[loot.Kind]struct{ icon, heading, advice string }{
	loot.Internal:    {"circle-alert", "That went wrong", "The fault is ours. It has been written down, and trying again does no harm."},
	loot.Invalid:     {"circle-alert", "Something is not right yet", "Go back, correct it, and send it again."},
	loot.Denied:      {"shield-x", "The statement does not permit this", ""},
	loot.NotFound:    {"search-x", "There is nothing here", "It may have moved, or the address may have a slip in it."},
	loot.Conflict:    {"git-compare-arrows", "This cannot be done now", "Nothing was changed. Open the page again to see how it is now."},
	loot.Unavailable: {"plug-zap", "Not just now", "Nothing was changed. It usually passes in a moment."},
	loot.Limited:     {"timer", "That was often", "Wait a little, then try again."},
	loot.TooLarge:    {"file-warning", "That is too large", "Send less at once."},
	loot.Unsupported: {"file-warning", "That is not a form", "Fill in the form on the page, and send that."},
	loot.SignIn:      {"lock", "Please sign in", ""},
}

// maxDepth is how deep pages lie at most; each step up is a look-up, and anybody
// can ask for a deeper address.
const maxDepth = 16

// above leads to the nearest page that the address lies under and that whoever
// asks may see, which is where the form was that an address takes; nil: it is
// where every error leads back to.
func (s *Shell) above(r *http.Request, v errorView) *Action {
	x := exchangeOf(r.Context())
	if x.mux == nil || x.route.Audience == Nobody || strings.Count(r.URL.Path, "/") > maxDepth {
		return nil
	}
	for at := r.URL.Path; at != "/" && at != "." && at != v.Back.Href; at = path.Dir(at) {
		if at == r.URL.Path && !unsafe(r.Method) {
			continue
		}
		_, pattern := x.mux.Handler(&http.Request{Method: http.MethodGet, Host: r.Host, URL: &url.URL{Path: at}})
		rt, ok := s.route(pattern)
		if !ok || rt.own || rt.Audience != x.route.Audience || loot.KindOf(admit(rt, v.Who, s.opts.Now)) == loot.Denied {
			continue
		}
		up := &Action{Label: "One page up", Icon: "arrow-left", Href: (&url.URL{Path: at}).String()}
		for _, g := range v.Nav {
			for _, item := range g.Items {
				if item.Href == at {
					up.Label = "Back to " + item.Label
				}
			}
		}
		return up
	}
	return nil
}

// resend returns a way to send once more what was filled in, so that signing in
// loses nothing of it; nil if there is nothing, or a file or a password, which no
// page holds.
func resend(r *http.Request) *Action {
	if r.Method != http.MethodPost || r.Header.Get("Hx-Request") != "" {
		return nil
	}
	var values url.Values
	var files map[string][]File
	var err error
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		values, files, err = Upload(r, MaxBody)
	} else {
		values, err = Form(r, MaxBody)
	}
	if err != nil || len(values) == 0 || len(files) > 0 {
		return nil
	}
	a := &Action{Label: "Send what you filled in", Icon: "send", Post: true, Href: r.URL.RequestURI()}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if strings.Contains(name, "password") {
			return nil
		}
		for _, value := range values[name] {
			a.Hidden = append(a.Hidden, Hidden{Name: name, Value: value})
		}
	}
	return a
}

// errorPage renders the page of an error, or for htmx the alert that takes
// the place of the page's messages.
func (s *Shell) errorPage(w http.ResponseWriter, r *http.Request, status int, err error) {
	kind := loot.KindOf(err)
	head := headings[kind]
	v := errorView{
		View: ViewOf(r, head.heading), Status: status,
		Icon: head.icon, Heading: head.heading, Message: loot.Message(err), Advice: head.advice,
		Request: RequestID(r.Context()), Back: Action{Label: "To the start", Href: "/"},
	}
	switch v.Layout {
	case LayoutPortal:
		v.Back = Action{Label: "Back to your portal", Href: "/portal"}
	case LayoutConsole:
		v.Back = Action{Label: "Back to the console", Href: "/console"}
	}
	if ref, ok := RefusalOf(err); ok {
		if v.Refusal = &ref; ref.Short() != ref.Message {
			v.Message = "" // the heading and what is needed say it
		}
		if ref.Awaited != nil {
			v.Icon, v.Heading = "users", "Others have to agree"
		}
	} else if kind == loot.Denied {
		v.Heading = "This is not permitted"
	}
	if status == http.StatusMethodNotAllowed {
		v.Heading, v.Advice = "Not asked in this way", ""
	}
	if e, ok := errors.AsType[onward](err); ok {
		v.Above = &e.to
	} else if kind == loot.NotFound || kind == loot.Conflict {
		v.Above = s.above(r, v)
	}
	if kind == loot.SignIn {
		if to := s.signIn(exchangeOf(r.Context()).route.Audience); to != "" {
			v.SignIn = to + "?next=" + url.QueryEscape(v.Path)
			v.Resend = resend(r)
		}
	}
	a := newAnswer()
	defer a.free()
	var failed error
	if r.Header.Get("Hx-Request") != "" {
		h := a.Header()
		h.Set("Hx-Retarget", "#messages")
		h.Set("Hx-Reswap", "innerHTML show:top")
		h.Set("Hx-Reselect", ".alert") // whatever the element selected of the page it expected
		failed = errorPages.RenderPart(a, r, status, "error-alert", v)
	} else {
		failed = errorPages.Render(a, r, status, v)
	}
	if failed == nil {
		failed = a.flush(w, r.Method == http.MethodHead)
	}
	if failed != nil && r.Context().Err() == nil {
		s.opts.Log.ErrorContext(r.Context(), "cannot show the error page", "err", failed)
	}
}
