// Package api is the programmable side of Loot: operations that desks add,
// described by one OpenAPI 3.1 document and served on the same mux as the
// pages. An operation is closed unless it names a scope or says that it is
// public, and an answer that refuses never repeats what was refused.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"loot"
)

// A Scope is what a token may be used for, such as "customers:read".
type Scope string

// A Caller is whom a token belongs to.
type Caller struct {
	Actor  loot.Actor
	Scopes []Scope
}

// Options are what an [API] is made of.
type Options struct {
	Title       string
	Version     string
	Description string
	BaseURL     string
	Log         *slog.Logger
	// Authenticate finds out whose token it is. The token is what stood
	// behind "Bearer " and has not been looked at. It returns an error of
	// kind SignIn for a token that is unknown, expired or withdrawn.
	Authenticate func(ctx context.Context, token string) (Caller, error)
	// Allow limits how often whoever asks may do so; nil: as often as they like.
	Allow func(r *http.Request) error
	// Request returns the number under which the log knows a request; nil: it
	// has none.
	Request func(ctx context.Context) string
	// Scopes says in words what each scope is for. An operation may name no other.
	Scopes map[Scope]string
}

// An API holds the operations of all desks.
type API struct {
	opts Options
	huma huma.API
	doc  func() (document, error)
}

// MaxBody is what a request may carry when its operation does not say.
const MaxBody = 1 << 20

const security = "token"

// New returns an API on mux, with its document under /api/openapi.json and
// /api/openapi.yaml. All operations have to be added before it serves.
func New(mux *http.ServeMux, o Options) *API {
	replaceErrors()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Version == "" {
		o.Version = "1"
	}
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: o.Title, Version: o.Version, Description: o.Description},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					security: {Type: "http", Scheme: "bearer", Description: scopeText(o.Scopes)},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": strictJSON, "json": strictJSON},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		DocsPath:                     "", // its page would load a script from elsewhere
	}
	if o.BaseURL != "" {
		config.Servers = []*huma.Server{{URL: o.BaseURL}}
	}
	a := &API{opts: o, huma: humago.New(mux, config)}
	a.doc = sync.OnceValues(a.build)
	mux.HandleFunc("GET /api/openapi.json", a.serveDocument(func(d document) ([]byte, string) { return d.json, "application/vnd.oai.openapi+json" }))
	mux.HandleFunc("GET /api/openapi.yaml", a.serveDocument(func(d document) ([]byte, string) { return d.yaml, "application/vnd.oai.openapi" }))
	return a
}

func scopeText(scopes map[Scope]string) string {
	var b strings.Builder
	b.WriteString("A token, sent as `Authorization: Bearer …`. Its scopes say what it may be used for.")
	names := make([]Scope, 0, len(scopes))
	for s := range scopes {
		names = append(names, s)
	}
	slices.Sort(names)
	for _, s := range names {
		fmt.Fprintf(&b, "\n* `%s`: %s", s, scopes[s])
	}
	return b.String()
}

// An Operation is one thing that a program can ask for.
type Operation struct {
	ID      string // such as "open-customer"
	Method  string
	Path    string // under /api/, such as "/api/customers/{id}"
	Summary string
	Text    string // in Markdown, for the reference
	Tag     string // the desk, in words
	Scope   Scope  // that a token needs; empty is refused unless Public
	Public  bool   // needs no token
	Status  int    // of success; 0: 200, or 204 when nothing comes back
	MaxBody int64  // 0: MaxBody
	Kinds   []loot.Kind
	// Refused is told the status of each answer that refuses, whoever refused; nil:
	// nobody is.
	Refused func(status int)
}

// Add adds an operation. I has the fields that huma reads by their tags
// (path, query, header, Body), O those of the answer. It panics when the
// operation says neither which scope it needs nor that it is public.
func Add[I, O any](a *API, op Operation, do func(context.Context, *I) (*O, error)) {
	if !strings.HasPrefix(op.Path, "/api/") {
		panic("api: " + op.ID + " is not under /api/")
	}
	if (op.Scope == "") != op.Public {
		panic("api: " + op.ID + " needs either a scope or to be public")
	}
	if _, known := a.opts.Scopes[op.Scope]; op.Scope != "" && !known {
		panic("api: " + op.ID + " needs a scope that is not declared: " + string(op.Scope))
	}
	h := huma.Operation{
		OperationID: op.ID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Text,
		DefaultStatus: op.Status, MaxBodyBytes: op.MaxBody, Errors: a.statuses(op, takesBody[I]()), Responses: map[string]*huma.Response{},
	}
	if h.MaxBodyBytes == 0 {
		h.MaxBodyBytes = MaxBody
	}
	if op.Tag != "" {
		h.Tags = []string{op.Tag}
	}
	if !op.Public {
		h.Security = []map[string][]string{{security: {string(op.Scope)}}}
	}
	h.Middlewares = huma.Middlewares{a.admit(op)}
	learnNames(reflect.TypeFor[I]())
	huma.Register(a.huma, h, func(ctx context.Context, in *I) (out *O, err error) {
		defer func() {
			if v := recover(); v != nil {
				err = a.problem(ctx, op, panicked(v))
			}
		}()
		if out, err = do(ctx, in); err != nil {
			return nil, a.problem(ctx, op, err)
		}
		return out, nil
	})
	explain(h.Responses)
}

// explain says of each answer that refuses which types of problem it is, and of
// one that passes when to try again.
func explain(responses map[string]*huma.Response) {
	for _, p := range loot.Problems() {
		r, ok := responses[strconv.Itoa(p.Status)]
		if !ok {
			continue
		}
		said := fmt.Sprintf("%s (%s)", p.Title, p.Type())
		if r.Description != http.StatusText(p.Status) {
			said = r.Description + "; or: " + said
		}
		r.Description = said
		if p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable {
			r.Headers = map[string]*huma.Header{"Retry-After": {Description: "After how many seconds to try again.", Schema: &huma.Schema{Type: huma.TypeInteger}}}
		}
	}
}

// statuses lists the problems that the document shows for an operation.
func (a *API) statuses(op Operation, body bool) []int {
	list := []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}
	if body {
		list = append(list, http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if !op.Public {
		list = append(list, http.StatusUnauthorized, http.StatusForbidden)
	}
	for _, k := range op.Kinds {
		list = append(list, k.Status())
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// takesBody reports whether requests of the type have one.
func takesBody[I any]() bool {
	t := reflect.TypeFor[I]()
	if t.Kind() != reflect.Struct {
		return false
	}
	_, body := t.FieldByName("Body")
	_, raw := t.FieldByName("RawBody")
	return body || raw
}

// admit lets through whoever has a token with the scope.
func (a *API) admit(op Operation) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if op.Refused != nil {
			defer func(of huma.Context) {
				if status := of.Status(); status >= http.StatusBadRequest {
					op.Refused(status)
				}
			}(ctx)
		}
		r, _ := humago.Unwrap(ctx)
		if a.opts.Request != nil {
			ctx = huma.WithValue(ctx, requestKey{}, a.opts.Request(r.Context()))
		}
		if a.opts.Allow != nil {
			if err := a.opts.Allow(r); err != nil {
				a.refuse(ctx, op, err)
				return
			}
		}
		if op.Public {
			next(ctx)
			return
		}
		caller, err := a.caller(r)
		if err != nil {
			a.refuse(ctx, op, err)
			return
		}
		if !slices.Contains(caller.Scopes, op.Scope) {
			a.refuse(ctx, op, loot.Errorf(loot.Denied, "The token does not have the scope %s, which this needs.", op.Scope))
			return
		}
		next(huma.WithValue(ctx, callerKey{}, caller))
	}
}

func (a *API) caller(r *http.Request) (Caller, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || token == "" || a.opts.Authenticate == nil {
		return Caller{}, loot.Errorf(loot.SignIn, "Send a token, as \"Authorization: Bearer …\".")
	}
	return a.opts.Authenticate(r.Context(), strings.TrimSpace(token))
}

type callerKey struct{}

// CallerOf returns whose token it is; the zero Caller on a public operation.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// ActorOf returns who acts; a visitor on a public operation.
func ActorOf(ctx context.Context) loot.Actor {
	who := CallerOf(ctx).Actor
	who.Program = who.ID != ""
	if who.Kind == "" {
		who.Kind = loot.Visitor
	}
	return who
}

// Person returns the customer whose token it is, and refuses everybody else's.
func Person(ctx context.Context) (loot.Actor, error) {
	if who := ActorOf(ctx); who.Kind == loot.Person && who.ID != "" {
		return who, nil
	}
	return loot.Actor{}, loot.Errorf(loot.Denied, "This token does not belong to a customer.")
}

// Allow refuses whoever's token belongs to nobody with one of some roles.
func Allow(ctx context.Context, roles []loot.Role) error {
	if slices.ContainsFunc(roles, ActorOf(ctx).Has) {
		return nil
	}
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return loot.Errorf(loot.Denied, "The token's owner needs one of the roles %s for this.", strings.Join(words, ", "))
}

// panicked describes a panic without its value, which may hold anything.
func panicked(v any) error {
	what := fmt.Sprintf("%T", v)
	if e, ok := v.(runtime.Error); ok {
		what = e.Error()
	}
	return fmt.Errorf("api: operation panicked: %s\n%s", what, debug.Stack())
}

// Needs reports which scope each operation needs, by its id, so that a test
// can walk them; the empty scope is a public one.
func (a *API) Needs() map[string]Scope {
	needs := map[string]Scope{}
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range methods(item) {
			needs[op.OperationID] = ""
			for _, s := range op.Security {
				for _, scope := range s[security] {
					needs[op.OperationID] = Scope(scope)
				}
			}
		}
	}
	return needs
}

func methods(item *huma.PathItem) []*huma.Operation {
	return slices.DeleteFunc([]*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete}, func(op *huma.Operation) bool { return op == nil })
}
