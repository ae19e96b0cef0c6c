package partners

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"loot"
	"loot/api"
)

// TestAProgramRevokes: by a token of somebody who may, and of nobody else.
func TestAProgramRevokes(t *testing.T) {
	h := one(t)
	h.customer("a@example.com")
	h.ready(helper)
	caller := loot.Actor{Kind: loot.Staff, ID: "t-support", Roles: []loot.Role{"support"}}
	mux := http.NewServeMux()
	h.desk.Desk().API(api.New(mux, api.Options{Title: "Loot", Log: h.Kit.Log, Scopes: Scopes, Authenticate: func(context.Context, string) (api.Caller, error) {
		return api.Caller{Actor: caller, Scopes: []api.Scope{"partners:read", "partners:revoke"}}, nil
	}}))
	programs := httptest.NewServer(mux)
	t.Cleanup(programs.Close)
	call := func(method, path, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, programs.URL+"/api/partners"+path, strings.NewReader(body))
		ok(t, err)
		r.Header.Set("Authorization", "Bearer right")
		r.Header.Set("Content-Type", "application/json")
		w, err := programs.Client().Do(r)
		ok(t, err)
		defer w.Body.Close()
		b, err := io.ReadAll(w.Body)
		ok(t, err)
		return w.StatusCode, string(b)
	}
	if status, body := call(http.MethodGet, "", ""); status != http.StatusOK || !strings.Contains(body, `"key":"kelpwharf"`) || !strings.Contains(body, `"in_force":true`) {
		t.Errorf("the list: %d %s", status, body)
	}
	if status, body := call(http.MethodPost, "/"+helper+"/revoke", `{"reason":"x"}`); status != http.StatusForbidden {
		t.Errorf("by support: %d %s", status, body)
	}
	caller = loot.Actor{Kind: loot.Staff, ID: "t-counsel", Roles: []loot.Role{"counsel"}}
	if status, body := call(http.MethodPost, "/"+helper+"/revoke", `{"reason":"x"}`); status != http.StatusNoContent {
		t.Errorf("by counsel: %d %s", status, body)
	}
	if status, body := call(http.MethodPost, "/"+helper+"/revoke", `{"reason":"x"}`); status != http.StatusConflict {
		t.Errorf("again: %d %s", status, body)
	}
	if status, body := call(http.MethodGet, "/deletions", ""); status != http.StatusOK || !strings.Contains(body, `"deletions":[]`) {
		t.Errorf("to delete: %d %s", status, body)
	}
}
