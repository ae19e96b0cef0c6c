package app

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot/desk"
)

var label = regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)

// TestMetricsTellNothingOfAnyone: whatever is asked, no label is made of it.
func TestMetricsTellNothingOfAnyone(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	clock := desk.NewClock(time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC))
	a, err := New(ctx, Config{Place: Place{Data: filepath.Join(t.TempDir(), "data")}, BaseURL: "http://localhost", Shutdown: 5 * time.Second},
		Options{Now: clock.Now, Simulated: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	h, err := a.Handler()
	if err != nil {
		t.Fatal(err)
	}
	wait, err := a.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const secret = "jo-example-7" // in every place that whoever asks can choose
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/", nil),
		httptest.NewRequest(http.MethodGet, "/"+secret, nil),
		httptest.NewRequest(http.MethodGet, "/order/"+secret+"?"+secret+"="+secret, nil),
		httptest.NewRequest(http.MethodGet, "/console/customers/"+secret, nil),
		httptest.NewRequest(http.MethodGet, "/console/welcome/"+secret, nil),
		httptest.NewRequest(http.MethodGet, "/ledger/tile/"+secret, nil),
		httptest.NewRequest(http.MethodGet, "/api/customers/"+secret, nil),
		httptest.NewRequest(http.MethodGet, "//"+secret+"/../x", nil),
		httptest.NewRequest(http.MethodPost, "/order/"+secret, strings.NewReader(secret+"="+secret)),
		httptest.NewRequest("BREW"+strings.ToUpper(secret), "/", nil),
		httptest.NewRequest(secret, "/statement", nil),
	} {
		r.Host = secret + ".example"
		for _, name := range []string{"User-Agent", "Referer", "Cookie", "Authorization", "X-Forwarded-For", "Request-Id"} {
			r.Header.Set(name, secret)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	w := httptest.NewRecorder()
	a.metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text := w.Body.String()
	if w.Code != http.StatusOK || strings.Contains(strings.ToLower(text), secret) {
		t.Errorf("status %d; what was asked is in\n%s", w.Code, text)
	}
	for _, want := range []string{
		`loot_http_request_duration_seconds_count{method="GET",route="/{$}",status="2xx"} 1`,
		`loot_http_request_duration_seconds_count{method="GET",route="none",status="4xx"}`,
		`loot_http_request_duration_seconds_count{method="GET",route="/order/{service}",status="4xx"} 1`,
		`loot_http_request_duration_seconds_count{method="other",route="none",status="4xx"}`,
		`loot_ledger_backlog_entries `, `loot_ledger_oldest_waiting_seconds `,
		`loot_job_runs_total{kind="notify.subject:customers",outcome="failed"} 0`, `loot_jobs{kind="notify.subject:customers",state="waiting"} 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
	// Every label of ours is one of a list that the program itself makes.
	routes := map[string]bool{"none": true}
	kinds := map[string]bool{"other": true}
	for _, d := range a.Desks {
		for _, rt := range d.Routes {
			_, path, _ := strings.Cut(rt.Pattern, " ")
			routes[path] = true
		}
	}
	counts, err := a.Jobs.Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for kind := range counts {
		kinds[kind] = true
	}
	known := map[string]func(string) bool{
		"route":   func(v string) bool { return routes[v] || strings.HasPrefix(v, "/api/") || v == "/{$}" },
		"kind":    func(v string) bool { return kinds[v] },
		"method":  regexp.MustCompile(`^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|other)$`).MatchString,
		"status":  regexp.MustCompile(`^([1-5]xx|none)$`).MatchString,
		"state":   regexp.MustCompile(`^(waiting|running|given up)$`).MatchString,
		"outcome": regexp.MustCompile(`^(finished|failed|accepted|taken|unknown recipient|too many|too large|not kept)$`).MatchString,
		"verdict": regexp.MustCompile(`^(permitted|refused)$`).MatchString,
		"le":      func(string) bool { return true },
	}
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, "loot_") {
			continue
		}
		for _, m := range label.FindAllStringSubmatch(line, -1) {
			if ok := known[m[1]]; ok == nil || !ok(m[2]) {
				t.Errorf("the label %s is %q", m[1], m[2])
			}
		}
	}
	stop()
	if err := wait(); err != nil {
		t.Error(err)
	}
}
