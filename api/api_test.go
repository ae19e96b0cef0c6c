package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/api"
)

type (
	openInput struct {
		ID    string `path:"id" maxLength:"40" doc:"Which record."`
		Quiet bool   `query:"quiet" doc:"Answers without the timeline."`
		Body  struct {
			Purpose string            `json:"purpose" enum:"invoice,support" doc:"What for."`
			Email   string            `json:"email,omitempty" format:"email" doc:"Where to."`
			Reason  string            `json:"reason,omitempty" maxLength:"10"`
			People  []person          `json:"people,omitempty"`
			Labels  map[string]string `json:"labels,omitempty"`
		}
	}
	person struct {
		Age int `json:"age,omitempty" minimum:"18"`
	}
	openOutput struct {
		Body struct {
			Fields []string `json:"fields" doc:"Which were opened."`
			Actor  string   `json:"actor"`
		}
	}
	nothing struct{}
)

type refused struct{}

func (refused) Error() string   { return "Support may not open this." }
func (refused) Kind() loot.Kind { return loot.Denied }
func (refused) Awaits() *loot.Awaited {
	return &loot.Awaited{ID: "a7", Asked: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Until: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC), Agreed: 1, Needed: 2}
}

func (refused) Refused() (loot.Clause, string, []string) {
	return "security.levels", "Levels", []string{"a second person"}
}

// often is over in less than seven seconds.
type often struct{ error }

func (e often) Unwrap() error       { return e.error }
func (e often) Wait() time.Duration { return 6100 * time.Millisecond }

// serve returns an API whose one operation answers with err, if not nil.
func serve(t *testing.T, err error) (*httptest.Server, *api.API, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	mux := http.NewServeMux()
	a := api.New(mux, api.Options{
		Title: "Loot", BaseURL: "https://loot.example", Log: slog.New(slog.NewTextHandler(&log, nil)),
		Scopes: map[api.Scope]string{"customers:read": "Read customers' records", "customers:write": "Change them"},
		Authenticate: func(_ context.Context, token string) (api.Caller, error) {
			switch token {
			case "reader":
				return api.Caller{Actor: loot.Actor{Kind: loot.Staff, ID: "st1"}, Scopes: []api.Scope{"customers:read"}}, nil
			case "writer":
				return api.Caller{Actor: loot.Actor{Kind: loot.Staff, ID: "st2"}, Scopes: []api.Scope{"customers:write"}}, nil
			case "broken":
				return api.Caller{}, errors.New("no connection for Erika")
			}
			return api.Caller{}, loot.Errorf(loot.SignIn, "The token is not known, or has ended.")
		},
		Request: func(context.Context) string { return "r1" },
		Allow: func(r *http.Request) error {
			if r.Header.Get("Often") != "" {
				return often{loot.Errorf(loot.Limited, "Too often.")}
			}
			return nil
		},
	})
	api.Add(a, api.Operation{ID: "open", Method: "POST", Path: "/api/customers/{id}/open", Summary: "Open a record", Text: "For a purpose.\n\nOnce.", Tag: "Customers", Scope: "customers:read", MaxBody: 4000, Kinds: []loot.Kind{loot.NotFound}},
		func(ctx context.Context, in *openInput) (*openOutput, error) {
			if in.ID == "panic" {
				panic("Erika")
			}
			if err != nil {
				return nil, err
			}
			out := &openOutput{}
			out.Body.Fields = []string{"company.name"}
			out.Body.Actor = api.ActorOf(ctx).ID
			return out, nil
		})
	api.Add(a, api.Operation{ID: "ping", Method: "GET", Path: "/api/ping", Summary: "Say hello", Public: true},
		func(ctx context.Context, _ *nothing) (*openOutput, error) {
			out := &openOutput{}
			out.Body.Actor = string(api.ActorOf(ctx).Kind)
			return out, nil
		})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv, a, &log
}

type answer struct {
	status int
	header http.Header
	body   string
}

func call(t *testing.T, srv *httptest.Server, method, path, token, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

const open = "/api/customers/s1/open"

func TestOperationIsClosedWithoutItsScope(t *testing.T) {
	srv, _, _ := serve(t, nil)
	for token, want := range map[string]int{"": 401, "stranger": 401, "writer": 403, "reader": 200, "broken": 500} {
		a := call(t, srv, "POST", open, token, `{"purpose":"invoice"}`)
		if a.status != want {
			t.Errorf("token %q: %d, want %d: %s", token, a.status, want, a.body)
		}
		if want != 200 && a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("token %q: %q", token, a.header.Get("Content-Type"))
		}
		if want == 401 && a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("token %q: no WWW-Authenticate", token)
		}
		if strings.Contains(a.body, "Erika") {
			t.Errorf("token %q: %s", token, a.body)
		}
	}
	if a := call(t, srv, "POST", open, "reader", `{"purpose":"invoice"}`); !strings.Contains(a.body, `"actor":"st1"`) {
		t.Errorf("who acts is lost: %s", a.body)
	}
	if a := call(t, srv, "GET", "/api/ping", "", ""); a.status != 200 || !strings.Contains(a.body, `"visitor"`) {
		t.Errorf("public: %d %s", a.status, a.body)
	}
	if a := call(t, srv, "POST", open, "", `{"purpose":"invoice"}`, "Authorization", "Basic reader"); a.status != 401 {
		t.Errorf("another scheme: %d", a.status)
	}
	if a := call(t, srv, "GET", "/api/ping", "", "", "Often", "1"); a.status != 429 || a.header.Get("Retry-After") != "7" {
		t.Errorf("too often: %d", a.status)
	}
}

func TestProblemsNeverRepeatWhatWasSent(t *testing.T) {
	srv, _, log := serve(t, nil)
	const secret = "erika.mustermann"
	for name, c := range map[string]struct {
		path, body string
		want       int
		says       string
	}{
		"not among":           {open, `{"purpose":"` + secret + `"}`, 422, `"#/purpose"`},
		"not an address":      {open, `{"purpose":"invoice","email":"` + secret + `"}`, 422, `"#/email"`},
		"two addresses":       {open, `{"purpose":"invoice","email":"a@b.example ` + secret + `"}`, 422, `"#/email"`},
		"too long":            {open, `{"purpose":"invoice","reason":"` + secret + `"}`, 422, `"expected length <= 10"`},
		"wrong type":          {open, `{"purpose":{"a":"` + secret + `"}}`, 422, `"#/purpose"`},
		"nested":              {open, `{"purpose":"invoice","people":[{"age":20},{"age":3}]}`, 422, `"#/people/1/age"`},
		"name of theirs":      {open, `{"purpose":"invoice","labels":{"` + secret + `":5}}`, 422, `"#/labels"`},
		"unknown property":    {open, `{"purpose":"invoice","` + secret + `":1}`, 422, "does not take"},
		"missing":             {open, `{}`, 422, "purpose"},
		"no body":             {open, ``, 400, "cannot be read"},
		"not JSON":            {open, `{"purpose":"` + secret, 400, "cannot be read"},
		"two values":          {open, `{"purpose":"invoice"} {"` + secret + `":1}`, 400, "cannot be read"},
		"name twice":          {open, `{"purpose":"invoice","purpose":"` + secret + `"}`, 400, "stands twice"},
		"name twice within":   {open, `{"purpose":"invoice","people":[{"age":20,"age":21}]}`, 400, "stands twice"},
		"not UTF-8":           {open, "{\"purpose\":\"" + secret + "\xff\"}", 400, "not UTF-8"},
		"NUL":                 {open, `{"purpose":"` + secret + `\u0000"}`, 400, "NUL"},
		"unknown parameter":   {open + "?" + secret + "=1", `{"purpose":"invoice"}`, 422, "does not take"},
		"wrong parameter":     {open + "?quiet=" + secret, `{"purpose":"invoice"}`, 422, `"query.quiet"`},
		"path too long":       {"/api/customers/" + strings.Repeat(secret, 4) + "/open", `{"purpose":"invoice"}`, 422, `"path.id"`},
		"more than it takes":  {open, `{"purpose":"` + strings.Repeat(secret, 400) + `"}`, 413, "more than"},
		"panic in the middle": {"/api/customers/panic/open", `{"purpose":"invoice"}`, 500, "our side"},
	} {
		a := call(t, srv, "POST", c.path, "reader", c.body)
		if a.status != c.want || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %q, want %d: %s", name, a.status, a.header.Get("Content-Type"), c.want, a.body)
		}
		if strings.Contains(a.body, "erika") {
			t.Errorf("%s: the problem repeats what was sent: %s", name, a.body)
		}
		if !strings.Contains(a.body, c.says) {
			t.Errorf("%s: %s", name, a.body)
		}
		var p api.Problem
		if err := json.Unmarshal([]byte(a.body), &p); err != nil || p.Status != c.want || p.Title == "" || p.Detail == "" || p.Type != loot.ProblemOf(c.want, "").Type() || p.Type == "about:blank" || p.Instance != "urn:loot:request:r1" {
			t.Errorf("%s: not a problem: %v %s", name, err, a.body)
		}
	}
	if a := call(t, srv, "POST", open, "reader", "purpose=invoice", "Content-Type", "application/x-www-form-urlencoded; "+secret+"=1"); a.status != 415 || strings.Contains(a.body, "erika") {
		t.Errorf("another type: %d %s", a.status, a.body)
	}
	if strings.Contains(log.String(), "erika") || strings.Contains(log.String(), "Erika") {
		t.Errorf("the log repeats it:\n%s", log)
	}
	if !strings.Contains(log.String(), "panicked: string") {
		t.Errorf("the panic is not in the log:\n%s", log)
	}
}

func TestErrorsOfHandlersBecomeProblems(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		says   string
	}{
		"refusal":  {refused{}, 403, `"type":"/problems/refused","title":"The statement does not permit this","status":403,"detail":"Support may not open this.","instance":"urn:loot:request:r1","clause":"security.levels","clause_title":"Levels","needed":["a second person"],"approval":{"id":"a7","asked":"2026-03-01T12:00:00Z","until":"2026-03-04T12:00:00Z","agreed":1,"needed":2}`},
		"conflict": {loot.Errorf(loot.Conflict, "It changed."), 409, `"It changed."`},
		"invalid":  {&loot.Error{Kind: loot.Invalid, Msg: "No.", Fields: map[string]string{"purpose": "Not now."}}, 422, `"pointer":"#/purpose"`},
		"internal": {errors.New("pq: value Erika"), 500, `our side`},
		"lost":     {loot.Wrap(loot.Unavailable, errors.New("pq: Erika"), "The database is gone."), 503, `"type":"/problems/unavailable"`},
	} {
		srv, _, log := serve(t, c.err)
		a := call(t, srv, "POST", open, "reader", `{"purpose":"invoice"}`)
		if a.status != c.status || !strings.Contains(a.body, c.says) || strings.Contains(a.body, "Erika") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if (name == "internal") != strings.Contains(log.String(), "operation failed") {
			t.Errorf("%s: the log says %s", name, log)
		}
		if c.status >= 500 && !strings.Contains(log.String(), "request=r1") {
			t.Errorf("%s: the log does not know the instance: %s", name, log)
		}
		if got := a.header.Get("Retry-After"); (c.status == 503) != (got != "") {
			t.Errorf("%s: Retry-After %q", name, got)
		}
	}
}

func TestDocumentDescribesWhatIsServed(t *testing.T) {
	srv, a, _ := serve(t, nil)
	j := call(t, srv, "GET", "/api/openapi.json", "", "")
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Security    []map[string][]string
			Responses   map[string]any
		}
		Components struct {
			Schemas         map[string]struct{ AdditionalProperties any }
			SecuritySchemes map[string]struct{ Type, Scheme string }
		}
	}
	if err := json.Unmarshal([]byte(j.body), &doc); err != nil {
		t.Fatal(err)
	}
	op := doc.Paths["/api/customers/{id}/open"]["post"]
	if doc.OpenAPI != "3.1.0" || op.OperationID != "open" || op.Security[0]["token"][0] != "customers:read" || doc.Components.SecuritySchemes["token"].Scheme != "bearer" {
		t.Errorf("%s", j.body)
	}
	for _, status := range []string{"200", "401", "403", "404", "422", "429", "500", "503"} {
		if op.Responses[status] == nil {
			t.Errorf("status %s is not described", status)
		}
	}
	if p, ok := doc.Components.Schemas["Problem"]; !ok || p.AdditionalProperties != false {
		t.Errorf("no schema of problems: %v", doc.Components.Schemas)
	}
	y := call(t, srv, "GET", "/api/openapi.yaml", "", "")
	if !strings.Contains(y.body, "openapi: 3.1.0") {
		t.Errorf("%.200s", y.body)
	}
	if got := a.Needs(); got["open"] != "customers:read" || got["ping"] != "" || len(got) != 2 {
		t.Errorf("needs %v", got)
	}
	if strings.Contains(j.body+y.body, "unpkg") {
		t.Error("names a foreign script")
	}
}

func TestReferenceShowsEveryOperation(t *testing.T) {
	_, a, _ := serve(t, nil)
	html, err := a.Reference()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Open a record", "/api/customers/{id}/open", "customers:read", "Which record.", "one of invoice, support", "people[].age", "list of object", "no token needed", "Bearer $TOKEN", "For a purpose.", "at most 10 letters"} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the reference does not say %q", want)
		}
	}
	for _, bad := range []string{"<script", "style=", "http://", "ZgotmplZ"} {
		if strings.Contains(string(html), bad) {
			t.Errorf("the reference holds %q", bad)
		}
	}
}

func TestOperationThatSaysNeitherScopeNorPublicDoesNotStart(t *testing.T) {
	for name, op := range map[string]api.Operation{
		"neither":    {ID: "a", Method: "GET", Path: "/api/a"},
		"both":       {ID: "a", Method: "GET", Path: "/api/a", Public: true, Scope: "s"},
		"undeclared": {ID: "a", Method: "GET", Path: "/api/a", Scope: "other"},
		"elsewhere":  {ID: "a", Method: "GET", Path: "/a", Public: true},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: it starts", name)
				}
			}()
			a := api.New(http.NewServeMux(), api.Options{Title: "t", Scopes: map[api.Scope]string{"s": "S"}})
			api.Add(a, op, func(context.Context, *nothing) (*nothing, error) { return nil, nil })
		}()
	}
}

func FuzzBody(f *testing.F) {
	f.Add(`{"purpose":"invoice"}`)
	f.Add(`{"purpose":"invoice","people":[{"age":20,"age":20}]}`)
	f.Add(`[[[{"a":1},"b"],2]]`)
	mux := http.NewServeMux()
	a := api.New(mux, api.Options{Title: "t"})
	api.Add(a, api.Operation{ID: "x", Method: "POST", Path: "/api/customers/{id}", Public: true}, func(context.Context, *openInput) (*openOutput, error) {
		return &openOutput{}, nil
	})
	f.Fuzz(func(t *testing.T, body string) {
		rec := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodPost, "/api/customers/s1", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		mux.ServeHTTP(rec, req)
		if rec.Code != 200 && rec.Code != 400 && rec.Code != 413 && rec.Code != 422 {
			t.Errorf("%d for %q", rec.Code, body)
		}
	})
}

// The document names every problem that an operation with a body is answered
// with before its handler is asked, and none of them where there is no body.
func TestTheDocumentNamesWhatBodiesAreAnsweredWith(t *testing.T) {
	srv, _, _ := serve(t, nil)
	a := call(t, srv, "GET", "/api/openapi.json", "", "")
	var doc struct {
		Paths map[string]map[string]struct {
			RequestBody any
			Responses   map[string]struct {
				Description string
				Headers     map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatal(err)
	}
	bodies := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if op.RequestBody != nil {
				bodies++
			}
			for _, status := range []string{"400", "408", "413", "415"} {
				if _, ok := op.Responses[status]; ok != (op.RequestBody != nil) {
					t.Errorf("%s %s: %s documented: %v, has a body: %v", method, path, status, ok, op.RequestBody != nil)
				}
			}
			for _, p := range loot.Problems() {
				r, ok := op.Responses[strconv.Itoa(p.Status)]
				if ok && !strings.Contains(r.Description, p.Title+" ("+p.Type()+")") {
					t.Errorf("%s %s: %d is described as %q", method, path, p.Status, r.Description)
				}
				if wait := p.Status == 429 || p.Status == 503; ok && (r.Headers["Retry-After"] != nil) != wait || wait && !ok {
					t.Errorf("%s %s: %d has the headers %v", method, path, p.Status, r.Headers)
				}
			}
		}
	}
	if bodies == 0 {
		t.Error("no operation has a body")
	}
}
