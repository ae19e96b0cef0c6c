package billing

import (
	"testing"

	"loot"
	"loot/desk/desktest"
	"loot/store/storetest"
)

// BenchmarkRun issues invoices as a run does, each with everything committed.
func BenchmarkRun(b *testing.B) {
	for name, open := range map[string]func(testing.TB) string{"sqlite": desktest.Kernel.SQLite, "postgres": desktest.Kernel.Postgres} {
		b.Run(name, func(b *testing.B) {
			o := newOffice(b, storetest.Open(b, open(b), nil))
			var subjects []loot.Subject
			for range b.N {
				subjects = append(subjects, o.customer(meadow))
			}
			o.after(december)
			b.ResetTimer()
			for at := 0; at < len(subjects); at += pageOf {
				if err := o.b.drawAll(b.Context(), november, subjects[at:min(at+pageOf, len(subjects))]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "invoices/s")
		})
	}
}
