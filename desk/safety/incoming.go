package safety

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"loot"
	"loot/api"
	"loot/desk/safety/report"
	"loot/mail"
	"loot/store"
)

// TakeMail is the [mail.Taker] of reports of misuse. One that comes again counts once, by
// its id or its hash, so that nothing is left to be written.
func (d *Safety) TakeMail(ctx context.Context, m *mail.Received) (func(context.Context, *store.Tx) error, error) {
	r, err := report.Read(m.Open())
	if err != nil {
		return nil, err
	}
	whole, err := pieces("report.eml", "message/rfc822", m.Open())
	if err != nil {
		return nil, err
	}
	_, err = d.take(ctx, d.parsed(ByMail, r, whole))
	return nil, err
}

// pieces returns what came as evidence, something large as files that follow each other.
func pieces(name, kind string, r io.Reader) (out []Evidence, err error) {
	for i := 1; ; i++ {
		b, err := io.ReadAll(io.LimitReader(r, mostFile))
		if err != nil || len(b) == 0 {
			return out, err
		}
		part := name
		if i > 1 {
			part += "." + strconv.Itoa(i)
		}
		out = append(out, Evidence{Name: part, Type: kind, Content: b})
	}
}

// parsed puts what was read of a report as the desk takes it. What the report states
// counts alone, where it states anything: else each address in it is looked into.
func (d *Safety) parsed(way string, r report.Report, evidence []Evidence) Report {
	out := Report{Way: way, Kind: Kind(r.Kind), Text: r.Text, Key: r.SHA256, Evidence: evidence}
	if r.Subject != "" {
		out.Text = r.Subject + "\n\n" + r.Text
	}
	out.Text = loot.Cut(out.Text, mostText)
	if r.ID != "" {
		out.Key = r.ID
	}
	for _, w := range r.Warnings {
		out.Warnings = append(out.Warnings, string(w))
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
		if at.After(d.Now()) {
			at = d.Now()
		}
		if s.Address.IsValid() && !seen[s.Address] && len(out.Addresses) < mostAddresses {
			seen[s.Address] = true
			out.Addresses = append(out.Addresses, Seen{Address: s.Address, At: at})
		}
		switch {
		case strings.HasPrefix(s.URL, "http") && len(out.URLs) < mostURLs:
			out.URLs = append(out.URLs, s.URL)
		case s.Domain != "" && s.URL == "":
			domains = append(domains, s.Domain)
		}
	}
	for _, domain := range domains {
		if len(out.Addresses) == 0 && len(out.URLs) < mostURLs {
			out.URLs = append(out.URLs, "http://"+domain+"/")
		}
	}
	return out
}

// apiXARF offers what programs send that write XARF already.
func (d *Safety) apiXARF(a *api.API) {
	api.Add(a, api.Operation{
		ID: "report-abuse-by-xarf", Method: http.MethodPost, Path: "/api/abuse/xarf", Tag: apiTag, Scope: "abuse:write", MaxBody: 16 << 20,
		Summary: "Report misuse of the network in XARF", Kinds: []loot.Kind{loot.Invalid},
		Text: "One document of XARF, version 4 or one before it, or an array of up to 500. Each is judged by itself, counts once by its `report_id`, and is kept whole as evidence. An array that is longer or no JSON is refused, and nothing of it is taken.",
	}, d.takeXARF)
}

type xarfIn struct {
	RawBody []byte `contentType:"application/json"`
}

func (d *Safety) takeXARF(ctx context.Context, in *xarfIn) (*bulkOut, error) {
	out := &bulkOut{}
	take := func(document []byte, r report.Report, err error) error {
		var t Taken
		if err == nil {
			var whole []Evidence
			if whole, err = pieces("report.json", "application/json", bytes.NewReader(document)); err == nil {
				p := d.parsed(ByAPI, r, whole)
				p.Proven = p.Reporter != ""
				t, err = d.take(ctx, p)
			}
		}
		return out.add(d.BaseURL, t, err)
	}
	if text := bytes.TrimLeft(in.RawBody, " \t\r\n"); len(text) > 0 && text[0] == '[' {
		if err := report.ReadBulk(bytes.NewReader(text), mostBulk, take); err != nil {
			return nil, err
		}
		return out, nil
	}
	r, err := report.ReadJSON(bytes.NewReader(in.RawBody))
	if err != nil {
		return nil, err
	}
	return out, take(in.RawBody, r, nil)
}
