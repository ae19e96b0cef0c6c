package customers

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"loot"
	"loot/api"
)

// A caller calls the API with a token.
type caller struct {
	t      testing.TB
	server *httptest.Server
	who    api.Caller
}

func (h *house) api(who loot.Actor, scopes ...api.Scope) *caller {
	h.Helper()
	c := &caller{t: h, who: api.Caller{Actor: who, Scopes: scopes}}
	mux := http.NewServeMux()
	h.desk.api(api.New(mux, api.Options{Title: "Loot", Log: h.Kit.Log, Scopes: Scopes, Authenticate: func(_ context.Context, token string) (api.Caller, error) {
		if token != "right" {
			return api.Caller{}, loot.Errorf(loot.SignIn, "The token is not known.")
		}
		return c.who, nil
	}}))
	c.server = httptest.NewServer(mux)
	h.Cleanup(c.server.Close)
	return c
}

// call returns the status and the answer as JSON.
func (c *caller) call(method, path, body string) (int, map[string]any, string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.server.URL+path, strings.NewReader(body))
	ok(c.t, err)
	req.Header.Set("Authorization", "Bearer right")
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.server.Client().Do(req)
	ok(c.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ok(c.t, err)
	var v map[string]any
	if len(b) > 0 {
		ok(c.t, json.Unmarshal(b, &v))
	}
	return resp.StatusCode, v, string(b)
}

const joJSON = `{"service":"shared-hosting","plan":"shared-small","permissions":["newsletter"],"fields":{
	"company.name":"Example Meadow Ltd","address.street":"1 Sample Quay","address.city":"Exampleton","address.country":"IE",
	"contact.email":"jo@example.com","contact.phone":"+353 1 555 0100","payment.iban":"IE29AIBK93115212345678"}}`

func TestTheAPIDoesWhatThePagesDo(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		staff := loot.Actor{Kind: loot.Staff, ID: "member-one", Name: "Made up", Roles: []loot.Role{"support"}}
		c := h.api(staff, "customers:create", "customers:list", "customers:find", "customers:open", "customers:correct")
		want := func(status int, method, path, body string) (map[string]any, string) {
			t.Helper()
			got, v, raw := c.call(method, path, body)
			if got != status {
				t.Fatalf("%s %s: %d, want %d: %s", method, path, got, status, raw)
			}
			return v, raw
		}
		for body, at := range map[string]string{
			strings.Replace(joJSON, "jo@example.com", "nobody", 1):  `"pointer":"#/fields/contact.email"`,
			strings.Replace(joJSON, "shared-hosting", "nothing", 1): `"pointer":"#/service"`,
		} {
			if _, _, raw := c.call(http.MethodPost, "/api/customers", body); !strings.Contains(raw, at) {
				t.Errorf("not at %s: %s", at, raw)
			}
		}
		for name, body := range map[string]string{
			"a field missing":        strings.Replace(joJSON, `"address.city":"Exampleton",`, "", 1),
			"a field not asked":      strings.Replace(joJSON, `"contact.phone"`, `"applicant.phone"`, 1),
			"a wrong address":        strings.Replace(joJSON, "jo@example.com", "nobody", 1),
			"no such service":        strings.Replace(joJSON, "shared-hosting", "nothing", 1),
			"no such permission":     strings.Replace(joJSON, `"newsletter"`, `"everything"`, 1),
			"a plan of another":      strings.Replace(joJSON, "shared-small", "backup-500", 1),
			"something unknown":      strings.Replace(joJSON, `"plan"`, `"Plan9"`, 1),
			"not JSON":               "{",
			"text that is not UTF-8": strings.Replace(joJSON, "Meadow", "M\xff", 1),
		} {
			got, _, raw := c.call(http.MethodPost, "/api/customers", body)
			if got < 400 || got > 422 {
				t.Errorf("%s: %d %s", name, got, raw)
			}
			if strings.Contains(raw, "nobody") || strings.Contains(raw, "Meadow") {
				t.Errorf("%s: the answer repeats what was sent: %s", name, raw)
			}
		}
		h.nothing()
		want(http.StatusCreated, http.MethodPost, "/api/customers", joJSON)
		h.Confirm()
		list, _ := want(http.StatusOK, http.MethodGet, "/api/customers", "")
		all := list["customers"].([]any)
		if len(all) != 1 {
			t.Fatalf("%d customers", len(all))
		}
		id := all[0].(map[string]any)["id"].(string)
		path := "/api/customers/" + id
		found, _ := want(http.StatusOK, http.MethodPost, "/api/customers/find", `{"purpose":"support","field":"contact.email","value":"JO@example.com"}`)
		if len(found["customers"].([]any)) != 1 {
			t.Error("not found")
		}
		want(http.StatusForbidden, http.MethodPost, "/api/customers/find", `{"purpose":"mailing","field":"contact.email","value":"jo@example.com"}`)
		want(http.StatusUnprocessableEntity, http.MethodPost, "/api/customers/find", `{"purpose":"support","field":"contact.phone","value":"+353 1 555 0100"}`)

		opened, raw := want(http.StatusOK, http.MethodPost, path+"/open", `{"purpose":"support","reason":"Ticket 7"}`)
		if strings.Contains(raw, "jo@example.com") {
			t.Error("a value is not covered")
		}
		if counted, given := h.items(loot.Subject(id))[0].Facts, len(opened["fields"].(map[string]any)); counted.Action != loot.Use || counted.Fields != given || given != 3 {
			t.Errorf("the timeline counts %d details of an opening (%s) that answered %d", counted.Fields, counted.Action, given)
		}
		_, raw = want(http.StatusOK, http.MethodPost, path+"/open", `{"purpose":"support","reason":"Ticket 7","fields":["contact.email"],"reveal":true}`)
		if !strings.Contains(raw, "jo@example.com") {
			t.Error("a value stays covered")
		}
		want(http.StatusUnprocessableEntity, http.MethodPost, path+"/open", `{"purpose":"support","reason":"Ticket 7","reveal":true}`)
		want(http.StatusUnprocessableEntity, http.MethodPost, path+"/open", `{"purpose":"support","reason":""}`)
		_, raw = want(http.StatusForbidden, http.MethodPost, path+"/open", `{"purpose":"recommendation","reason":"x"}`)
		if !strings.Contains(raw, "disclosure.permission") || !strings.Contains(raw, "needed") {
			t.Errorf("the refusal does not name the clause: %s", raw)
		}
		want(http.StatusNotFound, http.MethodPost, "/api/customers/snobody/open", `{"purpose":"support","reason":"x"}`)

		version := opened["version"].(string)
		change := `{"purpose":"support","reason":"x","version":"` + version + `","fields":{"contact.phone":"+353 1 555 0111"}}`
		want(http.StatusOK, http.MethodPatch, path, change)
		want(http.StatusConflict, http.MethodPatch, path, change)
		want(http.StatusUnprocessableEntity, http.MethodPatch, path, strings.Replace(change, "+353 1 555 0111", "ring me", 1))
		want(http.StatusForbidden, http.MethodPatch, path, strings.Replace(change, `"contact.phone":"+353 1 555 0111"`, `"address.city":"X"`, 1))

		c.who.Actor.Roles = []loot.Role{"billing"}
		asked, _ := want(http.StatusAccepted, http.MethodPost, path+"/approvals", `{"purpose":"payment","reason":"Refund","fields":["payment.iban"],"reveal":true}`)
		approval := asked["approval"].(map[string]any)["id"].(string)
		refused, raw := want(http.StatusForbidden, http.MethodPost, path+"/open", `{"purpose":"payment","reason":"Refund","fields":["payment.iban"],"reveal":true}`)
		if got, _ := refused["approval"].(map[string]any); got["id"] != approval || got["agreed"] != 0.0 || got["needed"] != 1.0 || got["until"] != "2026-11-26T09:00:00Z" {
			t.Errorf("the refusal does not say how the approval stands: %s", raw)
		}
		if asked, _ := want(http.StatusAccepted, http.MethodPost, path+"/approvals", `{"purpose":"payment","reason":"Refund","fields":["payment.iban"],"reveal":true}`); asked["approval"].(map[string]any)["id"] != approval {
			t.Error("the same was asked for twice")
		}
		open := `{"purpose":"payment","reason":"Refund","fields":["payment.iban"],"reveal":true,"approval":"` + approval + `"}`
		want(http.StatusConflict, http.MethodPost, path+"/open", open)
		h.approve(approval, "m9", true)
		if _, raw = want(http.StatusOK, http.MethodPost, path+"/open", open); !strings.Contains(raw, "IE29AIBK93115212345678") {
			t.Error("agreed, and not opened")
		}

		me := h.api(loot.Actor{Kind: loot.Person, ID: id}, "me:read", "me:permit")
		status, v, _ := me.call(http.MethodGet, "/api/me", "")
		if status != http.StatusOK || len(v["fields"].([]any)) != 7 {
			t.Errorf("one's own record: %d", status)
		}
		status, v, raw = me.call(http.MethodGet, "/api/me/timeline?limit=3", "")
		if status != http.StatusOK || len(v["entries"].([]any)) != 3 || v["next"] == "" {
			t.Errorf("one's own timeline: %d %s", status, raw)
		}
		h.as(loot.Subject(id))
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "A program with a token of yours", "Looked at your record")
		if status, _, raw = me.call(http.MethodPut, "/api/me/permissions/newsletter", `{"given":false}`); status != http.StatusOK {
			t.Errorf("a permission: %d %s", status, raw)
		}
		if h.use("mailing", "mailing", loot.Subject(id), "contact.email") {
			t.Error("used after the permission was taken back")
		}
		if status, _, _ = me.call(http.MethodGet, "/api/customers", ""); status != http.StatusForbidden {
			t.Errorf("a customer's token lists customers: %d", status)
		}
		c.who.Scopes = append(c.who.Scopes, "me:read")
		want(http.StatusForbidden, http.MethodGet, "/api/me", "")
		c.who.Scopes = nil
		for _, call := range [][2]string{{"GET", "/api/customers"}, {"POST", "/api/customers"}, {"POST", "/api/customers/find"}, {"POST", path + "/open"}, {"PATCH", path}, {"GET", "/api/me"}} {
			want(http.StatusForbidden, call[0], call[1], "{}")
		}
	})
}
