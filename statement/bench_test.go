package statement

import (
	"syscall"
	"testing"
	"time"

	"loot"
)

// openings are uses of records by different people for different customers, as
// a busy day has them: no two requests are alike.
func openings(n int) []*Input {
	out := make([]*Input, n)
	type job struct {
		role    loot.Role
		purpose loot.Purpose
		kinds   []loot.Category
	}
	jobs := []job{
		{"support", "support", []loot.Category{"contact", "company"}},
		{"support", "verification", []loot.Category{"contact", "address", "company"}},
		{"billing", "invoice", []loot.Category{"company", "address"}},
		{"abuse", "dispute", []loot.Category{"contact", "address"}},
	}
	for i := range out {
		j := jobs[i%len(jobs)]
		in := opening()
		in.Actor.Roles = []loot.Role{j.role}
		in.Actor.Undertaking = noon.AddDate(0, 0, -i%400-1)
		in.Context.Now = noon.AddDate(0, 0, i%90)
		in.Context.Purpose = j.purpose
		in.Record.Category = j.kinds[i/4%len(j.kinds)]
		in.Record.Verified = i%2 == 0
		in.Record.Purposes = purposes(j.purpose, "service", "notice", "safety")[:1+i/3%4]
		in.Person = Person{Ordered: purposes(j.purpose, "service", "support", "payment", "notice")[:1+i%5], Confirmed: i%5 > 0}
		if i%3 == 0 {
			in.Person.Permissions = map[string][]loot.Purpose{"self": purposes("mailing"), "tallowmere": purposes("partner-advertising")}
		}
		if i%7 == 0 {
			in.Person.Objected = purposes("recommendation")
		}
		if j.role == "abuse" {
			in.Context.Case = "dispute"
		}
		if i%10 == 9 {
			in.Person.Ordered = nil // and nothing permits it
		}
		out[i] = in
	}
	return out
}

// cpu is the processor time that the process has used. The machine may be busy
// with other things, so decisions are counted per second of it.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkDecide decides with all rules of the default statement, the planned
// ones too; the request is built and checked each time.
func BenchmarkDecide(b *testing.B) {
	s := inForce(b, "statement.md", Default())
	ins := openings(1000)
	allowed := 0
	b.ReportAllocs()
	n, from := 0, cpu(b)
	for b.Loop() {
		if s.Decide(ins[n%len(ins)]).Allowed {
			allowed++
		}
		n++
	}
	b.ReportMetric(float64(n)/(cpu(b)-from).Seconds(), "decisions/core-s")
	b.ReportMetric(float64(allowed)/float64(n), "permitted")
}

// BenchmarkDecideMixed decides requests of every kind of action.
func BenchmarkDecideMixed(b *testing.B) {
	s := inForce(b, "statement.md", Default())
	next := randomInputs(s, 9)
	ins := make([]*Input, 1000)
	for i := range ins {
		ins[i] = next()
	}
	b.ReportAllocs()
	n, from := 0, cpu(b)
	for b.Loop() {
		s.Decide(ins[n%len(ins)])
		n++
	}
	b.ReportMetric(float64(n)/(cpu(b)-from).Seconds(), "decisions/core-s")
}

// BenchmarkExplain explains refusals only.
func BenchmarkExplain(b *testing.B) {
	s := inForce(b, "statement.md", Default())
	var ins []*Input
	for _, in := range openings(1000) {
		if !s.Decide(in).Allowed {
			ins = append(ins, in)
		}
	}
	b.ReportAllocs()
	n, from := 0, cpu(b)
	for b.Loop() {
		if e := s.Explain(ins[n%len(ins)]); e.Clause == "" {
			b.Fatalf("%+v", e)
		}
		n++
	}
	b.ReportMetric(float64((cpu(b)-from).Nanoseconds())/float64(n), "cpu-ns/op")
}

func BenchmarkParse(b *testing.B) {
	src := Default()
	for b.Loop() {
		if _, err := Parse("statement.md", src); err != nil {
			b.Fatal(err)
		}
	}
}
