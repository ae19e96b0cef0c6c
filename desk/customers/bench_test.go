package customers

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"loot"
	"loot/desk"
)

// BenchmarkRegister sends the order form, as sixteen browsers at a time do.
func BenchmarkRegister(b *testing.B) {
	benchEach(b, func(b *testing.B, h *house) {
		var n atomic.Int64
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		b.SetParallelism(8)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				form := url.Values{"sent": {loot.NewID("f")}}
				for i := 0; i < len(jo); i += 2 {
					form.Set(jo[i], jo[i+1])
				}
				form.Set("contact.email", "c"+strconv.FormatInt(n.Add(1), 10)+"@example.com")
				resp, err := client.Post(h.Server.URL+"/order/shared-hosting", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusSeeOther {
					b.Errorf("status %d", resp.StatusCode)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "registrations/s")
	})
}

// BenchmarkOpen opens a customer's record for a purpose, page and all.
func BenchmarkOpen(b *testing.B) {
	benchEach(b, func(b *testing.B, h *house) {
		ctx := context.Background()
		subject, err := NewPerson(ctx, h.world())
		ok(b, err)
		path := "/console/customers/" + string(subject) + "/open"
		stated := url.Values{"purpose": {"support"}, "reason": {"Ticket 7"}}
		colleague := desk.Browser{World: h.world(), Who: loot.Actor{Kind: loot.Staff, ID: "member-one", Roles: []loot.Role{"support"}}}
		b.SetParallelism(8)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if a, err := colleague.Post(ctx, path, stated); err != nil || a.Status != http.StatusOK {
					b.Errorf("not opened: %v %v", a, err)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "openings/s")
	})
}
