package visits

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"loot/column"
	"loot/desk/desktest"
	"loot/web"
)

// nowhere takes rows and keeps none, so that what comes before is measured by
// itself.
type nowhere struct{ column.Store }

func (nowhere) Append(context.Context, column.Day, column.Batch) error { return nil }

// BenchmarkBeacon is a view through the shell, with all that is made of it, but
// for the network and the disk.
func BenchmarkBeacon(b *testing.B) {
	h := newHouse(b, desktest.Standard(b))
	h.site("UTC")
	h.d.column = nowhere{h.rows}
	shell := web.New(web.Options{Now: h.Clock.Now, BaseURL: desktest.Base, NoLimits: true, Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	mux := http.NewServeMux()
	shell.Mount(mux, h.d.Desk().Routes)
	handler := shell.Handler(mux)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		body := fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://example.com/a/page/%d?utm_source=news","referrer":"https://www.google.com/","width":3}`, n, n%2000)
		r := httptest.NewRequest(http.MethodPost, "/v/m", strings.NewReader(body))
		r.Header = http.Header{
			"User-Agent": {firefox}, "Accept": {"*/*"}, "Accept-Language": {"en-IE,en"}, "Content-Type": {"text/plain"}, "Origin": {"https://example.com"},
			"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Site": {"cross-site"}, "X-Forwarded-For": {fmt.Sprintf("198.51.%d.%d", n/500%256, n/3%256)},
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusAccepted {
			b.Fatal(w.Code, w.Body)
		}
	}
}
