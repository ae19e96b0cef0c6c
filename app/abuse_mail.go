package app

import (
	"context"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot/desk/safety"
	"loot/desk/safety/report"
	"loot/mail"
	"loot/store"
)

// reportedByMail takes a report of misuse that came by mail. The desk tells one
// that comes again by its id or its hash, so nothing is left to be written.
func (a *App) reportedByMail(ctx context.Context, m *mail.Received) (func(context.Context, *store.Tx) error, error) {
	r, err := report.Read(m.Open())
	if err != nil {
		return nil, err
	}
	whole, err := pieces(m.Open())
	if err != nil {
		return nil, err
	}
	return nil, a.safety.Take(ctx, misuse(r, whole, a.Now()))
}

// pieceBytes is how much of a mail one file of evidence holds: as much as the desk
// takes of one.
const pieceBytes = 10 << 20

// pieces returns a mail as evidence, a large one as files that follow each other.
func pieces(r io.Reader) (out []safety.Evidence, err error) {
	for i := 1; ; i++ {
		b, err := io.ReadAll(io.LimitReader(r, pieceBytes))
		if err != nil || len(b) == 0 {
			return out, err
		}
		name := "report.eml"
		if i > 1 {
			name += "." + strconv.Itoa(i)
		}
		out = append(out, safety.Evidence{Name: name, Type: "message/rfc822", Content: b})
	}
}

// misuse puts what was read of a mail as the desk takes it. What the report states
// counts alone, where it states anything: else each address in it is looked into.
func misuse(r report.Report, evidence []safety.Evidence, now time.Time) safety.Report {
	out := safety.Report{Way: safety.ByMail, Kind: safety.Kind(r.Kind), Text: short(r.Text, 20_000), Key: r.SHA256, Evidence: evidence}
	if r.ID != "" {
		out.Key = r.ID
	}
	if mail.ValidAddress(r.Reporter.Address) {
		out.Reporter = r.Reporter.Address
	}
	stated := slices.ContainsFunc(r.Sources, func(s report.Source) bool { return s.Stated })
	seen := map[netip.Addr]bool{}
	var domains []string
	for _, s := range r.Sources {
		if stated && !s.Stated {
			continue
		}
		at := s.Last
		if at.IsZero() {
			at = r.Date
		}
		if at.After(now) {
			at = time.Time{}
		}
		if s.Address.IsValid() && !seen[s.Address] && len(out.Addresses) < 50 {
			seen[s.Address] = true
			out.Addresses = append(out.Addresses, safety.Seen{Address: s.Address, At: at})
		}
		switch {
		case strings.HasPrefix(s.URL, "http") && len(out.URLs) < 50:
			out.URLs = append(out.URLs, s.URL)
		case s.Domain != "" && s.URL == "":
			domains = append(domains, s.Domain)
		}
	}
	for _, d := range domains {
		if len(out.Addresses) == 0 && len(out.URLs) < 50 {
			out.URLs = append(out.URLs, "http://"+d+"/")
		}
	}
	return out
}

// short returns at most n letters of a text.
func short(s string, n int) string {
	if letters := []rune(s); len(letters) > n {
		return string(letters[:n])
	}
	return s
}
