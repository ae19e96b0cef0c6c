package app_test

import (
	"encoding/json"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"loot"
	"loot/app"
	"loot/desk"
)

// The type of every problem leads to a page that explains it.
func TestEveryTypeOfProblemIsExplained(t *testing.T) {
	w := app.WorldFor(t, standard(t), desk.NewClock(provedAt), slog.New(slog.DiscardHandler))
	get := func(path string, want int) string {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://loot.example"+path, nil)
		rec := httptest.NewRecorder()
		w.HTTP.ServeHTTP(rec, r)
		if rec.Code != want {
			t.Errorf("%s: status %d, want %d", path, rec.Code, want)
		}
		return html.UnescapeString(rec.Body.String())
	}
	all := get("/problems", http.StatusOK)
	for _, p := range loot.Problems() {
		if !strings.Contains(all, `href="`+p.Type()+`"`) {
			t.Errorf("%s is not in the list", p.Name)
		}
		if page := get(p.Type(), http.StatusOK); !strings.Contains(page, p.Text) || !strings.Contains(page, p.Title) {
			t.Errorf("%s is not explained", p.Name)
		}
	}
	get("/problems/nothing", http.StatusNotFound)
	var doc struct {
		Paths map[string]map[string]struct {
			RequestBody any
			Responses   map[string]any
		}
	}
	if err := json.Unmarshal([]byte(get("/api/openapi.json", http.StatusOK)), &doc); err != nil || len(doc.Paths) == 0 {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			for status, may := range map[string]bool{"400": op.RequestBody != nil, "413": op.RequestBody != nil, "415": op.RequestBody != nil, "429": true, "500": true, "503": true} {
				if _, ok := op.Responses[status]; ok != may {
					t.Errorf("%s %s: status %s is documented: %v", method, path, status, ok)
				}
			}
			if op.RequestBody != nil && op.Responses["422"] == nil {
				t.Errorf("%s %s: status 422 is not documented", method, path)
			}
		}
	}
	// Instances are the same wherever the answer is made: by the shell or by an operation.
	for _, path := range []string{"/api/nothing", "/api/customers"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://loot.example"+path, nil)
		rec := httptest.NewRecorder()
		w.HTTP.ServeHTTP(rec, r)
		if !strings.Contains(rec.Body.String(), `"instance":"urn:loot:request:`+rec.Header().Get("Request-Id")+`"`) || rec.Header().Get("Request-Id") == "" {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body.String())
		}
	}
}
