package web_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"loot/web"
)

// BenchmarkPage is what the shell costs: a page of the console with its
// navigation and a table, from the mux to the last byte.
func BenchmarkPage(b *testing.B) {
	o := galleryOptions()
	o.Now = func() time.Time { return noon }
	shell := web.New(o)
	mux := http.NewServeMux()
	shell.Mount(mux, galleryRoutes())
	h := shell.Handler(mux)
	for _, path := range []string{"/console/customers", "/console/record", "/nothing"} {
		b.Run(path[1:], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
			}
		})
	}
}
