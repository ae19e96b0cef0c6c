package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"loot"
)

// Handler serves mux with everything around it: request ids, security
// headers, refusal of cross-origin writes, pages for what mux does not know,
// recovery, and the access log.
func (s *Shell) Handler(mux *http.ServeMux) http.Handler {
	inner := http.Handler(mux)
	for _, wrap := range s.opts.Around {
		inner = wrap(inner)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.opts.Now()
		route, pattern := mux.Handler(r)
		x := &exchange{shell: s, mux: mux, id: newRequestID(), pattern: pattern}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
		rec := &recorder{ResponseWriter: w}
		own, _ := s.route(pattern)
		if own.Incognito && unsafe(r.Method) {
			rec.Header().Set("X-Content-Type-Options", "nosniff") // the rest is about pages, and these are many
		} else {
			s.secureHeaders(rec.Header())
		}
		rec.Header().Set("Request-Id", x.id)
		defer func() {
			took := s.opts.Now().Sub(start)
			s.log(r, rec, took.Microseconds())
			if s.opts.Served != nil {
				s.opts.Served(served(pattern, r.Method, rec.status, took))
			}
		}()
		defer s.recover(rec, r)

		switch {
		case pattern == "":
			s.unknown(rec, r, route)
		case !own.CrossOrigin && s.origin.Check(r) != nil:
			s.fail(rec, r, loot.Errorf(loot.Denied, "This was sent from another site, and so nothing was done. Open the page here and send it again."))
		case own.Incognito:
			r.Header.Del("Cookie")
			mux.ServeHTTP(rec, r)
		default:
			inner.ServeHTTP(rec, r)
		}
	})
}

// serve runs one of our routes.
func (s *Shell) serve(w http.ResponseWriter, r *http.Request, rt Route) {
	x := exchangeOf(r.Context())
	if x.shell == nil { // mounted without Handler, as in a test
		x = &exchange{shell: s, id: newRequestID(), pattern: rt.Pattern}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	}
	x.route = rt

	limit := rt.Body
	if limit == 0 {
		limit = MaxBody
	}
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
	}
	var err error
	if !rt.Incognito {
		var who Identity
		who, err = s.identify(r, rt)
		r = r.WithContext(WithIdentity(r.Context(), who))
	} else if IdentityOf(r.Context()).Actor.ID != "" { // as in a proof
		r = r.WithContext(WithIdentity(r.Context(), Identity{}))
	}
	if err == nil {
		err = s.allow(r, rt)
	}
	if err == nil {
		err = admit(rt, IdentityOf(r.Context()), s.opts.Now)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	a := newAnswer()
	defer a.free()
	if err := s.try(a, r, rt.Serve); err != nil {
		s.fail(w, r, err)
		return
	}
	if unsafe(r.Method) {
		s.changes.Add(1)
	}
	if err := a.flush(w, r.Method == http.MethodHead); err != nil {
		if r.Context().Err() == nil { // otherwise they went away, which is their right
			s.opts.Log.ErrorContext(r.Context(), "answer cut short", "route", rt.Pattern, "request", x.id, "err", err)
		}
		panic(http.ErrAbortHandler)
	}
}

// identify asks who it is. On a public page a failure to find out makes a
// visitor of them; elsewhere it is the answer.
func (s *Shell) identify(r *http.Request, rt Route) (Identity, error) {
	if who := IdentityOf(r.Context()); who.Actor.Kind != loot.Visitor || rt.own {
		return who, nil
	}
	who, err := s.opts.Identify(r)
	if err != nil && rt.Audience == Public {
		s.opts.Log.WarnContext(r.Context(), "cannot tell who asks", "route", rt.Pattern, "err", err)
		return Identity{}, nil
	}
	return who, err
}

// try calls a handler and turns a panic of it into an error.
func (s *Shell) try(w http.ResponseWriter, r *http.Request, h HandlerFunc) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler { //nolint:errorlint // the very value, as net/http compares it
				panic(v)
			}
			err = panicked(v)
		}
	}()
	return h(w, r)
}

// panicked describes a panic without its value, which may hold anything; the
// runtime's own are safe.
func panicked(v any) error {
	what := fmt.Sprintf("%T", v)
	if e, ok := v.(runtime.Error); ok {
		what = e.Error()
	}
	return fmt.Errorf("web: handler panicked: %s\n%s", what, debug.Stack())
}

// recover answers for handlers that are not ours.
func (s *Shell) recover(w *recorder, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // the very value
		panic(v)
	}
	if w.status != 0 { // half an answer has left: cut it, rather than let it pass for whole
		s.opts.Log.ErrorContext(r.Context(), "answer cut short", "route", exchangeOf(r.Context()).pattern, "err", panicked(v))
		panic(http.ErrAbortHandler)
	}
	s.fail(w, r, panicked(v))
}

// unknown answers for what the mux has no pattern for, keeping its status, in
// the frame of the pages around it where whoever asks may see those.
func (s *Shell) unknown(w http.ResponseWriter, r *http.Request, h http.Handler) {
	probe := newAnswer()
	defer probe.free()
	h.ServeHTTP(probe, r)
	if who, err := s.identify(r, Route{Audience: Public}); err == nil {
		r = r.WithContext(WithIdentity(r.Context(), who))
		for a, frame := range map[Audience]string{Portal: "/portal/", Console: "/console/"} {
			if strings.HasPrefix(r.URL.Path+"/", frame) && admit(Route{Audience: a}, who, s.opts.Now) == nil {
				exchangeOf(r.Context()).route.Audience = a
			}
		}
	}
	switch {
	case probe.status == http.StatusMethodNotAllowed:
		w.Header().Set("Allow", probe.header.Get("Allow"))
		err := loot.Errorf(loot.NotFound, "This page is not asked in this way.")
		if !unsafe(r.Method) {
			err = loot.Errorf(loot.NotFound, "This page is the answer to a form: it shows once that was sent, and not by its address alone.")
		}
		s.failAs(w, r, http.StatusMethodNotAllowed, err)
	case probe.status >= 300 && probe.status < 400: // a path that had to be cleaned
		w.Header().Set("Location", probe.header.Get("Location"))
		w.WriteHeader(probe.status)
	default:
		s.fail(w, r, notFound)
	}
}

// A recorder notes what the access log says.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// log writes the access log: which route, never which path, query or address.
func (s *Shell) log(r *http.Request, w *recorder, micros int64) {
	level := slog.LevelInfo
	if w.status >= 500 {
		level = slog.LevelWarn
	}
	x := exchangeOf(r.Context())
	if (x.route.own || x.route.Incognito) && level == slog.LevelInfo { // dozens for one page
		level = slog.LevelDebug
	}
	if !s.opts.Log.Enabled(r.Context(), level) {
		return
	}
	pattern := x.pattern
	if pattern == "" {
		pattern = "none"
	}
	s.opts.Log.Log(r.Context(), level, "request",
		"route", pattern, "status", w.status, "us", micros, "bytes", w.bytes, "request", x.id)
}

func served(pattern, method string, status int, took time.Duration) Served {
	v := Served{Route: pattern, Method: "other", Status: status, Took: took}
	if _, path, ok := strings.Cut(pattern, " "); ok {
		v.Route = path
	}
	if pattern == "" {
		v.Route = "none"
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		v.Method = method
	}
	return v
}

func newRequestID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func unsafe(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

func originOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return u.Scheme + "://" + u.Host
}

func cmpString(a, b string) int { return strings.Compare(a, b) }
