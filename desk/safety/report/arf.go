package report

import (
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// A feedback is the machine-readable part of an ARF (RFC 5965, section 3).
type feedback struct {
	kind    string
	address netip.Addr
	port    uint16
	domains []string
	links   []string
	first   Time
	last    Time
	count   int
	faults  []Warning
}

// feedbackReport reads that part. Only one that lies directly in the report
// counts: one in a mail that was forwarded is of somebody else.
func (w *walker) feedbackReport(content io.Reader, path []int, within *attached) error {
	if within != nil || len(path) != 1 {
		w.r.warn(Nested)
		return nil
	}
	h, whole, err := fieldsOf(content)
	if err != nil {
		return err
	}
	if w.reports++; w.feedback != nil {
		return nil
	}
	f := &feedback{count: 1}
	if !whole || !w.typed {
		f.faults = append(f.faults, BadField)
	}
	get := func(key string) string { return strings.TrimSpace(cut(h.Get(key), maxURL)) }
	for _, key := range []string{"Feedback-Type", "User-Agent", "Version"} {
		if len(h.Values(key)) != 1 {
			f.faults = append(f.faults, MissingField)
		}
	}
	f.kind = strings.ToLower(get("Feedback-Type"))
	bad := func(key string) { // of a field that is there
		if get(key) != "" {
			f.faults = append(f.faults, BadField)
		}
	}
	if v, err := strconv.ParseFloat(get("Version"), 64); err != nil || v <= 0 || v >= 2 {
		bad("Version")
	}
	if s, ok := addressOf(strings.Trim(get("Source-Ip"), "[]")); ok {
		f.address = s.Address
	} else {
		bad("Source-Ip")
	}
	if n, err := strconv.ParseUint(get("Source-Port"), 10, 16); err == nil { // RFC 6692
		f.port = uint16(n)
	} else {
		bad("Source-Port")
	}
	if n, err := strconv.Atoi(get("Incidents")); err == nil && n > 0 && n <= 1_000_000_000 {
		f.count = n
	} else {
		bad("Incidents")
	}
	for _, key := range []string{"Arrival-Date", "Received-Date"} {
		if at, ok := dated(get(key), w.r.Date); ok {
			f.first, f.last = at, at
		} else {
			bad(key)
		}
	}
	for _, v := range h.Values("Reported-Domain") {
		if d := domainOf(strings.TrimSpace(cut(v, 300))); d != "" {
			f.domains = append(f.domains, d)
		} else {
			f.faults = append(f.faults, BadField)
		}
	}
	f.links = h.Values("Reported-Uri")
	w.feedback = f
	return nil
}

// takeARF makes the report of the part that was read.
func (w *walker) takeARF() {
	f, r := w.feedback, w.r
	r.Format, r.Incidents, r.Automatic = ARF, f.count, true
	for _, fault := range f.faults {
		r.warn(fault)
	}
	known := false
	if r.Kind, known = kindOfARF[f.kind]; !known {
		r.Kind = Other
	}
	guess := kindOfText(r.Subject, cut(r.Text, 64<<10))
	if notAbuse[f.kind] {
		r.warn(NotAbuse)
	} else if !known || r.Kind == Fraud && guess == Phishing { // RFC 5965 has one word for both
		r.Kind = guess
	}
	state := func(s Source) {
		s.Stated = true
		s.happened(f.first.At, f.first.Zoned)
		w.f.add(s)
	}
	if f.address.IsValid() {
		state(Source{Address: f.address, Port: f.port})
		if len(w.came) > 0 && !w.through(f.address) {
			r.warn(NotAsAttached)
		}
	}
	for i, v := range f.links {
		if i == MaxSources {
			r.warn(TooMany)
			break
		}
		if s, ok := linkOf(armed.Replace(strings.TrimSpace(cut(v, maxURL+1)))); ok {
			state(s)
		} else {
			r.warn(BadField)
		}
	}
	for _, d := range f.domains {
		state(Source{Domain: d})
	}
}

// through reports whether the attached mail came through an address.
func (w *walker) through(a netip.Addr) bool {
	for _, s := range w.came {
		if s.Address == a {
			return true
		}
	}
	return false
}
