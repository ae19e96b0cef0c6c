package imports

import (
	"fmt"
	"strings"
	"testing"

	"loot/desk/desktest"
	"loot/store/storetest"
)

// BenchmarkTake takes customers over, whose file was tried.
func BenchmarkTake(b *testing.B) {
	for name, open := range map[string]func(testing.TB) string{"sqlite": desktest.Kernel.SQLite, "postgres": desktest.Kernel.Postgres} {
		b.Run(name, func(b *testing.B) {
			h := newHouse(b, storetest.Open(b, open(b), nil))
			var file strings.Builder
			file.WriteString("id,company,vat,company number,street,postcode,city,country,name,email,phone,service,since,domain\n")
			for i := range b.N {
				fmt.Fprintf(&file, "%d,Meadow %d Ltd,IE1234567T,Exampleton HRB %d,%d Sample Quay,D02 AF30,Dublin,IE,Jo Example %d,m%d@meadow.example,+353 1 555 0142,backup,2022-02-03,m%d.example\n", i, i, i, i, i, i, i)
			}
			path := h.bring(file.String())
			h.name(path)
			id := path[strings.LastIndex(path, "/")+1:]
			b.ResetTimer()
			ok(b, h.desk.start(b.Context(), h.clerk, id, running))
			for state := running; state == running; {
				r, err := h.desk.read(b.Context(), id)
				ok(b, err)
				if state = r.State; state == running {
					h.Drain()
				}
			}
			b.StopTimer()
			r, err := h.desk.read(b.Context(), id)
			ok(b, err)
			if r.Fresh != int64(b.N) {
				b.Fatalf("%d of %d: %s", r.Fresh, b.N, r.Fault)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "customers/s")
		})
	}
}
