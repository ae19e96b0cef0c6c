package visits

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"loot/column/columntest"
	"loot/desk/desktest"
	"loot/store"
)

// onBoth runs a test with what people keep in each database.
func onBoth(t *testing.T, zone string, f func(t *testing.T, h *house)) {
	t.Parallel()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouseOn(t, db, columntest.DuckDB(t), desktest.Standard(t))
		h.site(zone)
		f(t, h)
	})
}

// api serves the operations of the desk to whoever the house says asks, and
// returns what calls one: with a body, unless that is nil.
func (h *house) api() func(method, path string, body any) (int, map[string]any) {
	return func(method, path string, body any) (status int, out map[string]any) {
		h.t.Helper()
		var b []byte
		if body != nil {
			var err error
			b, err = json.Marshal(body)
			desktest.OK(h.t, err)
		}
		h.caller = h.Site.Actor
		status, _, answer := h.call(method, strings.TrimPrefix(path, "/api/visits"), "application/json", string(b))
		if status != http.StatusNoContent {
			desktest.OK(h.t, json.Unmarshal([]byte(answer), &out))
		}
		return status, out
	}
}

// action returns where a form of a page leads whose address has a part.
func action(t *testing.T, body, part string) string {
	t.Helper()
	for _, at := range strings.Split(body, `action="`)[1:] {
		if href, _, _ := strings.Cut(at, `"`); strings.Contains(href, part) {
			return strings.ReplaceAll(href, "&amp;", "&")
		}
	}
	t.Fatalf("no form leads to %s", part)
	return ""
}

// TestNotesAreMarkedAndListed writes a note on the report, reads it in the chart,
// its table, the list and the file, and has it removed by those who may.
func TestNotesAreMarkedAndListed(t *testing.T) {
	onBoth(t, "UTC", func(t *testing.T, h *house) {
		h.known()
		const week = "?compare=none&site=1"
		desktest.Leads(t, h.Post(notesHref+week, "day", "2026-11-22", "text", " The <release> "), reportHref+week+"#notes")
		page := h.Get(reportHref + week)
		desktest.Shows(t, page, http.StatusOK, "22 Nov 2026 The <release> Sam Support, 23 Nov 2026", "22 Nov: The <release>")
		for _, want := range []string{`<g class="mark"`, `; 22 Nov: The &lt;release&gt;</title>`, `<td>22 Nov: The &lt;release&gt;</td>`} {
			if !strings.Contains(page.Body, want) {
				t.Errorf("the chart lacks %s", want)
			}
		}
		desktest.Lacks(t, h.Get(reportHref+"?site=1&period=last-month"), "The <release>")
		if csv := h.Get(notesHref + week + "&format=csv").Body; !strings.Contains(csv, "2026-11-22,The <release>,Sam Support,2026-11-23T09:00:00Z\n") {
			t.Errorf("%s", csv)
		}

		wrong := h.Post(notesHref+week, "day", "tomorrow", "text", "Kept as it was")
		desktest.Shows(t, wrong, http.StatusUnprocessableEntity, "This is not a date.")
		if !strings.Contains(wrong.Body, `value="Kept as it was"`) {
			t.Error("what was typed is gone")
		}
		for text, says := range map[string]string{"": "Please fill this in.", strings.Repeat("ä", 201): "At most 200 characters", "a\nb": "on one line"} {
			desktest.Shows(t, h.Post(notesHref+week, "day", "2026-11-22", "text", text), http.StatusUnprocessableEntity, says)
		}
		desktest.Shows(t, h.Post(notesHref+week, "day", "2031-11-22", "text", "x"), http.StatusUnprocessableEntity, "of the coming year")
		desktest.Leads(t, h.Post(notesHref+week, "day", "2026-11-22", "text", strings.Repeat("ä", 200)), reportHref+week+"#notes")

		remove := action(t, page.Body, "/remove")
		h.as("t-billing")
		if got := h.Get(reportHref + week); strings.Contains(got.Body, "/remove") {
			t.Error("a colleague is offered to remove the note")
		}
		desktest.Shows(t, h.Post(remove), http.StatusForbidden, "Only whoever made this")
		h.as("t-admin")
		desktest.Leads(t, h.Post(remove), reportHref+week+"#notes")
		desktest.Lacks(t, h.Get(reportHref+week), "The <release>")
		if got := h.Post(remove).Status; got != http.StatusNotFound {
			t.Errorf("a note is removed twice: %d", got)
		}
	})
}

// TestSegmentsAreFiltersUnderAName keeps filters, chooses them from the list,
// renames and deletes them; one's own are nobody else's to see.
func TestSegmentsAreFiltersUnderAName(t *testing.T) {
	onBoth(t, "UTC", func(t *testing.T, h *house) {
		h.known()
		at := "?filter=" + url.QueryEscape("country:is:IE") + "&period=yesterday&site=1"
		desktest.Shows(t, h.Get(reportHref+at), http.StatusOK, "Keep as a segment")
		desktest.Leads(t, h.Post(segmentsHref+at, "name", "The Irish", "everybody", "on"), reportHref+at)
		desktest.Leads(t, h.Post(segmentsHref+"?filter="+url.QueryEscape("country:is:DE")+"&site=1", "name", "My Germans"), reportHref+"?filter="+url.QueryEscape("country:is:DE")+"&site=1")
		page := h.Get(reportHref + "?period=yesterday&site=1")
		desktest.Shows(t, page, http.StatusOK, "Segments My Germans , yours alone The Irish")
		if !strings.Contains(page.Body, `href="`+reportHref+strings.ReplaceAll(at, "&", "&amp;")+`"`) {
			t.Error("the list does not put the filters into the address")
		}
		chosen := h.Get(reportHref + at)
		desktest.Shows(t, chosen, http.StatusOK, "Segment: The Irish", "Country is Ireland", "Views 14 ")
		desktest.Lacks(t, chosen, "Keep as a segment")

		h.as("t-billing")
		desktest.Lacks(t, h.Get(reportHref+"?site=1"), "My Germans")
		list := h.Get(segmentsHref + "?site=1")
		desktest.Shows(t, list, http.StatusOK, "The Irish Country is Ireland Everybody Sam Support")
		desktest.Lacks(t, list, "Rename", "Delete")

		taken := h.Post(segmentsHref+"?filter="+url.QueryEscape("country:is:FR")+"&site=1", "name", "The Irish", "everybody", "on")
		desktest.Shows(t, taken, http.StatusUnprocessableEntity, "There is a segment of this name already.", "Country is France")
		h.as("t-support")
		list = h.Get(segmentsHref + "?site=1")
		var rename string
		for _, part := range strings.Split(list.Body, "<tr>") {
			if strings.Contains(part, ">The Irish</a>") {
				rename = strings.TrimSuffix(action(t, part, segmentsHref), "?site=1")
			}
		}
		desktest.Shows(t, h.Post(rename+"?site=1", "name", ""), http.StatusUnprocessableEntity, "Please fill this in.")
		desktest.Leads(t, h.Post(rename+"?site=1", "name", "From Ireland"), segmentsHref+"?site=1")
		desktest.Shows(t, h.Get(segmentsHref+"?site=1"), http.StatusOK, "From Ireland Country is Ireland")
		h.as("t-billing")
		if got := h.Post(rename + "/delete?site=1").Status; got != http.StatusForbidden {
			t.Errorf("a colleague deletes it: %d", got)
		}
		h.as("t-admin")
		desktest.Leads(t, h.Post(rename+"/delete?site=1"), segmentsHref+"?site=1")
		desktest.Shows(t, h.Get(segmentsHref+"?site=1"), http.StatusOK, "No segment yet")
	})
}

// TestProgramsKeepWhatPeopleKeep adds, lists and ends each by the API.
func TestProgramsKeepWhatPeopleKeep(t *testing.T) {
	onBoth(t, "UTC", func(t *testing.T, h *house) {
		h.known()
		h.as("t-admin")
		call := h.api()
		type m = map[string]any
		for path, c := range map[string]struct {
			body  any
			shows string // of the list
			wrong any
		}{
			"annotations": {m{"text": "A release", "day": "2026-11-22"}, `"name":"Ada Admin"`, m{"text": "a\nb"}},
			"segments":    {m{"name": "Irish", "filters": []string{"country:is:IE"}, "own": true}, `"filters":["country:is:IE"]`, m{"name": "x", "filters": []string{"none:is:x"}}},
			"alerts":      {m{"kind": "drop", "measure": "views", "percent": 30, "least": 50, "recipients": []string{"t-support"}}, `"recipients":["t-support"]`, m{"kind": "drop", "measure": "views", "percent": 101, "least": 50, "recipients": []string{"t-support"}}},
			"digests":     {m{"every": "month", "filters": []string{"country:is:IE"}}, `"who":"t-admin"`, m{"every": "month", "filters": []string{"country:is:IE"}}},
			"links":       {m{"name": "Council", "origins": []string{"https://a.example"}}, `"origins":["https://a.example"]`, m{"name": "Council", "origins": []string{"https://a.example/path"}}},
		} {
			root := "/api/visits/m/" + path
			status, made := call(http.MethodPost, root, c.body)
			if status != http.StatusCreated || made["id"] == nil {
				t.Fatalf("%s: %d %v", path, status, made)
			}
			list := func() string {
				status, out := call(http.MethodGet, root, nil)
				b, err := json.Marshal(out)
				if desktest.OK(t, err); status != http.StatusOK {
					t.Errorf("%s: %d %s", path, status, b)
				}
				return string(b)
			}
			if got := list(); !strings.Contains(got, c.shows) || !strings.Contains(got, made["id"].(string)) {
				t.Errorf("%s: %s", path, got)
			}
			if status, out := call(http.MethodPost, root, c.wrong); status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d %v", path, status, out)
			}
			at := root + "/" + made["id"].(string)
			if path == "segments" {
				if status, _ := call(http.MethodPatch, at, m{"name": "From Ireland"}); status != http.StatusNoContent || !strings.Contains(list(), `"name":"From Ireland"`) {
					t.Errorf("a segment is not renamed: %d", status)
				}
			}
			h.as("t-billing")
			if status, _ := call(http.MethodDelete, at, nil); status != http.StatusForbidden && status != http.StatusNotFound {
				t.Errorf("%s of somebody else is ended: %d", path, status)
			}
			if path == "links" {
				for _, method := range []string{http.MethodGet, http.MethodPost} {
					if status, _ := call(method, root, map[string]any{http.MethodPost: c.body}[method]); status != http.StatusForbidden {
						t.Errorf("%s a link, by who keeps no sites: %d", method, status)
					}
				}
			}
			h.as("t-admin")
			if status, out := call(http.MethodDelete, at, nil); status != http.StatusNoContent {
				t.Errorf("%s: %d %v", path, status, out)
			}
			if status, _ := call(http.MethodDelete, at, nil); status != http.StatusNotFound {
				t.Errorf("%s is ended twice: %d", path, status)
			}
		}
	})
}
