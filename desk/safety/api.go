package safety

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"loot"
	"loot/api"
	"loot/web"
)

// Scopes are what a token may be used for on this desk.
var Scopes = map[api.Scope]string{"abuse:write": "report misuse, alone or many at once"}

const apiTag = "Abuse"

// mostBulk is how many reports one request brings.
const mostBulk = 500

func (d *Safety) api(a *api.API) {
	const text = "A report that comes again, told by its `key` or by what it says, counts once. It is sorted into a case for each address. The reporter’s address is sealed, kept with the case and used to tell how it ended."
	api.Add(a, api.Operation{
		ID: "report-abuse", Method: http.MethodPost, Path: "/api/abuse/reports", Tag: apiTag, Scope: "abuse:write", MaxBody: 16 << 20,
		Summary: "Report misuse of the network", Text: text, Kinds: []loot.Kind{loot.Invalid},
	}, d.apiReport)
	api.Add(a, api.Operation{
		ID: "report-abuse-in-bulk", Method: http.MethodPost, Path: "/api/abuse/reports/bulk", Tag: apiTag, Scope: "abuse:write", MaxBody: 16 << 20,
		Summary: "Report misuse of the network, up to 500 at once", Text: text + " Each is judged by itself, and the answer says in their order what became of each.", Kinds: []loot.Kind{loot.Invalid},
	}, d.apiBulk)
	d.apiXARF(a)
}

type apiSeen struct {
	Address string     `json:"address" maxLength:"50" doc:"Internet address"`
	At      *time.Time `json:"at,omitempty" doc:"When it was seen; now if it is left out"`
}

type apiEvidence struct {
	Name    string `json:"name,omitempty" maxLength:"200"`
	Type    string `json:"type,omitempty" maxLength:"100" doc:"Media type"`
	Content []byte `json:"content" doc:"In base64"`
	SHA256  string `json:"sha256,omitempty" maxLength:"64" doc:"Hexadecimal; the file is refused if it is another one"`
}

type apiReportIn struct {
	Kind      Kind          `json:"kind" enum:"spam,phishing,malware,attack,copyright,illegal,fraud,other"`
	Addresses []apiSeen     `json:"addresses,omitempty" maxItems:"50"`
	URLs      []string      `json:"urls,omitempty" maxItems:"50"`
	Text      string        `json:"text,omitempty" maxLength:"20000"`
	Reporter  string        `json:"reporter,omitempty" maxLength:"254" doc:"E-mail address that hears how it ended"`
	Key       string        `json:"key,omitempty" maxLength:"200" doc:"The sender's own, by which a report counts once"`
	Feed      bool          `json:"feed,omitempty" doc:"A program found it, and no person has looked"`
	Evidence  []apiEvidence `json:"evidence,omitempty" maxItems:"20"`
}

// report reads what a program sent. Whoever has a token is known, so that the address
// that they name counts as theirs.
func (in apiReportIn) report() (Report, error) {
	r := Report{Way: ByAPI, Kind: in.Kind, URLs: in.URLs, Text: in.Text, Reporter: in.Reporter, Proven: in.Reporter != "", Key: in.Key}
	if in.Feed {
		r.Way = ByFeed
	}
	for _, s := range in.Addresses {
		a, err := netip.ParseAddr(s.Address)
		if err != nil {
			return r, web.Invalid("", map[string]string{"addresses": "One of these is no internet address. They look like 192.0.2.7 and 2001:db8::7."})
		}
		seen := Seen{Address: a}
		if s.At != nil {
			seen.At = *s.At
		}
		r.Addresses = append(r.Addresses, seen)
	}
	for _, e := range in.Evidence {
		r.Evidence = append(r.Evidence, Evidence(e))
	}
	return r, nil
}

type apiTaken struct {
	ID     string   `json:"id,omitempty"`
	Cases  []string `json:"cases,omitempty"`
	Again  bool     `json:"again,omitempty" doc:"It had come before"`
	Follow string   `json:"follow,omitempty" doc:"Address of the page that says how it stands"`
	Error  string   `json:"error,omitempty" doc:"Why it was refused"`
}

type reportAbuseIn struct{ Body apiReportIn }

type reportAbuseOut struct{ Body apiTaken }

func (d *Safety) apiReport(ctx context.Context, in *reportAbuseIn) (*reportAbuseOut, error) {
	t, err := d.takeSent(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	return &reportAbuseOut{takenOf(d.BaseURL, t)}, nil
}

func (d *Safety) takeSent(ctx context.Context, in apiReportIn) (Taken, error) {
	r, err := in.report()
	if err != nil {
		return Taken{}, err
	}
	return d.take(ctx, r)
}

func takenOf(base string, t Taken) apiTaken {
	out := apiTaken{ID: t.ID, Cases: t.Cases, Again: t.Again}
	if t.Follow != "" {
		out.Follow = base + t.Follow
	}
	return out
}

type bulkIn struct {
	Body struct {
		Reports []apiReportIn `json:"reports" minItems:"1" maxItems:"500"`
	}
}

type bulkOut struct {
	Body struct {
		Taken   int        `json:"taken"`
		Again   int        `json:"again"`
		Refused int        `json:"refused"`
		Reports []apiTaken `json:"reports" doc:"In the order in which they were sent"`
	}
}

func (d *Safety) apiBulk(ctx context.Context, in *bulkIn) (*bulkOut, error) {
	out := &bulkOut{}
	for _, one := range in.Body.Reports[:min(len(in.Body.Reports), mostBulk)] {
		t, err := d.takeSent(ctx, one)
		if err := out.add(d.BaseURL, t, err); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// add adds what became of one report. That it was refused ends nothing; the error is of
// what went wrong here.
func (out *bulkOut) add(base string, t Taken, err error) error {
	one := takenOf(base, t)
	switch {
	case loot.KindOf(err) == loot.Invalid || loot.KindOf(err) == loot.TooLarge:
		one.Error = loot.Message(err)
		if wrong := web.Wrong(err); len(wrong) > 0 {
			var words []string
			for field, text := range wrong {
				words = append(words, field+": "+text)
			}
			slices.Sort(words)
			one.Error = words[0]
		}
		out.Body.Refused++
	case err != nil:
		return err
	case t.Again:
		out.Body.Again++
	default:
		out.Body.Taken++
	}
	out.Body.Reports = append(out.Body.Reports, one)
	return nil
}
