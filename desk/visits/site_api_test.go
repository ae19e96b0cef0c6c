package visits

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"loot"
	"loot/desk/desktest"
)

// A called is a program's call, what it is answered with, and a part of the
// answer.
type called struct {
	method, path string
	body         any
	status       int
	shows        string
}

// calls makes calls one after another.
func (h *house) calls(all ...called) {
	h.t.Helper()
	call := h.api()
	for _, c := range all {
		status, out := call(c.method, "/api/visits"+c.path, c.body)
		b, err := json.Marshal(out)
		if desktest.OK(h.t, err); status != c.status || !strings.Contains(string(b), c.shows) {
			h.t.Errorf("%s %s %v: %d %s, want %d and %s", c.method, c.path, c.body, status, b, c.status, c.shows)
		}
	}
}

const (
	get, post, put, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	wrongInput          = http.StatusUnprocessableEntity
)

// TestProgramsKeepSites adds, changes, ends and resumes a site by the API, as the
// console does; others are refused, and so is what a form would be.
func TestProgramsKeepSites(t *testing.T) {
	onBoth(t, "UTC", func(t *testing.T, h *house) {
		type m = map[string]any
		shop := func(more m) m {
			out := m{"name": "Shop", "hosts": []string{"Shop.example.org", "*.shop.example.org"}, "zone": "Europe/Dublin", "script": "shop", "currency": "eur", "full": true}
			for k, v := range more {
				out[k] = v
			}
			return out
		}
		h.as("t-support")
		h.calls(
			called{get, "", nil, http.StatusOK, `"sites":[{"embed":`},
			called{get, "/m", nil, http.StatusOK, `"hosts":["example.com","*.example.com"]`},
			called{post, "", shop(nil), http.StatusForbidden, "an administrator's"},
			called{put, "/m", shop(nil), http.StatusForbidden, ""},
			called{post, "/m/end", nil, http.StatusForbidden, ""},
			called{post, "/m/resume", nil, http.StatusForbidden, ""},
		)
		h.Site.Actor = loot.Actor{Kind: loot.Person, ID: "c"}
		h.calls(called{get, "", nil, http.StatusForbidden, "members of the staff"}, called{get, "/m", nil, http.StatusForbidden, ""})

		h.as("t-admin")
		for field, wrong := range map[string]any{
			"name": " ", "hosts": []string{"no host"}, "zone": "Atlantis", "script": "a/b", "currency": "12", "full": "yes",
		} {
			h.calls(called{post, "", shop(m{field: wrong}), wrongInput, field}, called{put, "/m", shop(m{field: wrong}), wrongInput, field})
		}
		h.calls(
			called{post, "", shop(m{"script": "m"}), wrongInput, "Another site"},
			called{post, "", shop(m{"name": strings.Repeat("ä", 81)}), wrongInput, "name"},
			called{post, "", shop(nil), http.StatusCreated, `"currency":"EUR"`},
			called{get, "/shop", nil, http.StatusOK, `"hosts":["shop.example.org","*.shop.example.org"]`},
			called{put, "/shop", shop(m{"script": "m"}), wrongInput, "Another site"},
			called{put, "/shop", shop(m{"name": "The shop", "script": "store"}), http.StatusOK, `"name":"The shop"`},
			called{get, "/shop", nil, http.StatusNotFound, ""},
			called{put, "/shop", shop(nil), http.StatusNotFound, ""},
			called{post, "/shop/end", nil, http.StatusNotFound, ""},
			called{get, "", nil, http.StatusOK, `"script":"store","zone":"Europe/Dublin"`},
		)
		beacon := func(want int) {
			t.Helper()
			h.page += 2
			got := h.Do("POST", "/v/store", `{"kind":"view","page":"`+strings.Repeat("7", h.page%9+1)+`","url":"https://shop.example.org/a"}`, http.Header{
				"X-Forwarded-For": {"203.0.113.9"}, "User-Agent": {firefox}, "Content-Type": {"text/plain"}, "Origin": {"https://shop.example.org"}, "Accept-Language": {"en"},
			})
			if got.Status != want {
				t.Errorf("a beacon is answered with %d, not %d", got.Status, want)
			}
		}
		beacon(http.StatusAccepted)
		h.calls(called{post, "/store/end", nil, http.StatusOK, `"ended":"2026-11-23T`}, called{post, "/store/end", nil, http.StatusOK, `"ended":"`})
		beacon(http.StatusNotFound)
		h.calls(called{post, "/store/resume", nil, http.StatusOK, `"script":"store"`})
		beacon(http.StatusAccepted)
		if got := h.noted("visits.site "); got != "added, added, changed, ended, resumed" {
			t.Errorf("the ledger has %s", got)
		}
	})
}

// TestProgramsKeepGoals adds, changes and removes goals and funnels by the API,
// which then tells what came to them.
func TestProgramsKeepGoals(t *testing.T) {
	onBoth(t, "UTC", func(t *testing.T, h *house) {
		h.known()
		type m = map[string]any
		goal, way := m{"name": "Ordered", "goal": "event:is:Order"}, m{"name": "Way", "goals": []string{"path:is:/a", "path:is:/b"}}
		h.calls(
			called{post, "/m/goals", goal, http.StatusForbidden, ""},
			called{post, "/m/funnels", way, http.StatusForbidden, ""},
		)
		h.as("t-admin")
		for _, wrong := range []m{
			{"name": " ", "goal": "event:is:Order"},
			{"name": "x", "goal": "event:contains:Order"},
			{"name": "x", "goal": "country:is:IE"},
			{"name": "x", "goal": "path:not:/a"},
			{"name": "x", "goal": "path"},
			{"name": "x", "goal": ""},
			{"name": "x"},
			{"goal": "event:is:Order"},
		} {
			h.calls(called{post, "/m/goals", wrong, wrongInput, ""})
		}
		for _, wrong := range []m{{"name": "x", "goals": []string{"path:is:/a"}}, {"name": "x", "goals": []string{"path:is:/a", "path:is:/a"}}, {"name": "x", "goals": "path:is:/a"}} {
			h.calls(called{post, "/m/funnels", wrong, wrongInput, ""})
		}
		call := h.api()
		added := func(path string, body m) string {
			t.Helper()
			status, made := call(post, "/api/visits/m"+path, body)
			if status != http.StatusCreated || made["name"] != body["name"] {
				t.Fatalf("%s: %d %v", path, status, made)
			}
			return path + "/" + made["id"].(string)
		}
		one, two := added("/goals", goal), added("/funnels", way)
		const yesterday = "?period=yesterday"
		h.calls(
			called{get, "/m/goals" + yesterday, nil, http.StatusOK, `"goal":"event:is:Order"`},
			called{get, "/m/goals" + yesterday, nil, http.StatusOK, `"visitors":7,"visits":7`},
			called{put, "/m" + one, m{"name": "Read b", "goal": "path:is:/b,/c"}, http.StatusOK, `"goal":"path:is:/b,/c"`},
			called{get, "/m/goals" + yesterday, nil, http.StatusOK, `"name":"Read b"`},
			called{put, "/m" + one, m{"name": "Read b", "goal": "path:not:/b"}, wrongInput, ""},
			called{put, "/m" + two, m{"name": "The way", "goals": []string{"path:is:/a", "event:is:Order"}}, http.StatusOK, `"name":"The way"`},
			called{get, "/m/funnels" + yesterday, nil, http.StatusOK, `"goals":["path:is:/a","event:is:Order"]`},
			called{get, "/m/funnels" + yesterday, nil, http.StatusOK, `"steps":[{"visitors":12,"visits":12},{"visitors":7,"visits":7}]`},
			// A goal is no funnel, and neither is another site's.
			called{put, "/m" + strings.Replace(one, "goals", "funnels", 1), way, http.StatusNotFound, ""},
			called{del, "/m" + strings.Replace(two, "funnels", "goals", 1), nil, http.StatusNotFound, ""},
			called{post, "", m{"name": "Shop", "hosts": []string{"shop.example.org"}, "zone": "UTC", "script": "shop"}, http.StatusCreated, ""},
			called{put, "/shop" + one, goal, http.StatusNotFound, ""},
			called{del, "/shop" + one, nil, http.StatusNotFound, ""},
		)
		h.as("t-support")
		h.calls(called{put, "/m" + one, goal, http.StatusForbidden, ""}, called{del, "/m" + one, nil, http.StatusForbidden, ""}, called{del, "/m" + two, nil, http.StatusForbidden, ""})
		h.as("t-admin")
		h.calls(
			called{del, "/m" + one, nil, http.StatusNoContent, ""}, called{del, "/m" + one, nil, http.StatusNotFound, ""},
			called{del, "/m" + two, nil, http.StatusNoContent, ""}, called{get, "/m/goals" + yesterday, nil, http.StatusOK, `"goals":[]`},
		)
		if got := h.noted("visits.goal "); got != "added, added, changed, changed, removed, removed" {
			t.Errorf("the ledger has %s", got)
		}
	})
}

// TestProgramsReadHoursAndWhoIsThere in crowds, and only those who may see
// reports.
func TestProgramsReadHoursAndWhoIsThere(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	h.calls(
		called{get, "/m/hours?period=yesterday", nil, http.StatusOK, `{"amount":87.5,"bounces":5,"days":1,"engaged_ms":190000,"hour":9,"scrolled":1140,"views":19,"visitors":12,"visits":12,"weekday":"Sunday"}`},
		called{get, "/m/hours?period=yesterday&filter=country:is:DE", nil, http.StatusOK, `"hour":9,"scrolled":300,"views":5,"visitors":5,"visits":5,"weekday":"Sunday"`},
		called{get, "/m/hours?period=ever", nil, wrongInput, ""},
		called{get, "/none/hours", nil, http.StatusNotFound, ""},
		called{get, "/none/live", nil, http.StatusNotFound, ""},
	)
	live := func() map[string]any {
		t.Helper()
		status, out := h.api()(get, "/api/visits/m/live", nil)
		if status != http.StatusOK || out["crowd"] != 5. {
			t.Fatalf("%d %v", status, out)
		}
		return out
	}
	for i := range 5 {
		if n, told := live()["visitors"]; told {
			t.Errorf("%v of %d visitors are told", n, i)
		}
		h.view("203.0.113."+string(rune('1'+i)), "/a")
	}
	if got := live()["visitors"]; got != 5. {
		t.Errorf("%v on the site, not 5", got)
	}
	h.Site.Actor = loot.Actor{Kind: loot.Person, ID: "c"}
	h.calls(called{get, "/m/hours", nil, http.StatusForbidden, ""}, called{get, "/m/live", nil, http.StatusForbidden, ""})
}
