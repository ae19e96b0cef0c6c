package register_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"loot/desk/verification/register"
	"loot/number"
)

// gleifs is GLEIF's own LEI.
const gleifs = "506700GE1G29325QX363"

func lei(t testing.TB, typed string) number.Number {
	t.Helper()
	n, err := number.LEI(typed)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const record = `{"meta":{"goldenCopy":{"publishDate":"2026-03-05T08:00:00Z"}},"data":{"type":"lei-records","id":"506700GE1G29325QX363","attributes":{
	"lei":"506700GE1G29325QX363","entity":{"legalName":{"name":"Example Foundation","language":"en"},"otherNames":[],
	"legalAddress":{"language":"en","addressLines":["Sample Square 1","c/o  Example"],"addressNumber":null,"mailRouting":null,"city":"Basel","region":"CH-BS","country":"CH","postalCode":"4051"},
	"registeredAt":{"id":"RA000548","other":null},"registeredAs":"CHE-200.595.965","jurisdiction":"CH","category":"GENERAL","status":"ACTIVE"},
	"registration":{"initialRegistrationDate":"2014-06-05T00:00:00Z","status":"ISSUED","nextRenewalDate":"2025-06-05T00:00:00Z","corroborationLevel":"FULLY_CORROBORATED"}},
	"links":{"self":"https://api.gleif.org/api/v1/lei-records/506700GE1G29325QX363"}}}`

const unknown = `{"errors":[{"status":"404","title":"Not Found","detail":"Record not found"}]}`

// askGLEIF asks a server that has one path per record, as the interface has.
func askGLEIF(t *testing.T, typed string, status int, body string) (register.Answer, error) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.api+json")
		if r.Method != http.MethodGet || r.Header.Get("Accept") != "application/vnd.api+json" || r.URL.RequestURI() != "/api/v1/lei-records/"+typed {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	defer s.Close()
	g, err := register.NewGLEIF(register.Line{Endpoint: s.URL + "/", Client: s.Client(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return g.Ask(t.Context(), lei(t, typed))
}

func TestGLEIFTellsWhatItKnows(t *testing.T) {
	got, err := askGLEIF(t, gleifs, http.StatusOK, record)
	want := register.Answer{
		Register: "GLEIF", Known: true, Name: "Example Foundation", Address: "Sample Square 1\nc/o Example\n4051 Basel\nCH-BS\nCH", Street: "Sample Square 1\nc/o Example", Postcode: "4051", City: "Basel", Country: "CH",
		Asked: noon, Dated: time.Date(2026, 3, 5, 8, 0, 0, 0, time.UTC),
	}
	if err != nil || got != want {
		t.Errorf("%q %q %q %s %v", got.Name, got.Address, got.Fault, got.Dated, err)
	}
	got, err = askGLEIF(t, "HWUPKR0MPOU8FGXBT394", http.StatusNotFound, unknown)
	if err != nil || got != (register.Answer{Register: "GLEIF", Asked: noon}) {
		t.Errorf("unknown: %v %v", got, err)
	}
}

// TestGLEIFTellsWhatCountsNoMore: an LEI counts while its company operates and its
// registration is kept up, and each other state says in words why it does not.
func TestGLEIFTellsWhatCountsNoMore(t *testing.T) {
	said := map[string]string{}
	for status, want := range map[string]string{
		"ACTIVE ISSUED": "", "ACTIVE PENDING_TRANSFER": "", "ACTIVE PENDING_ARCHIVAL": "",
		"INACTIVE ISSUED": "no longer operates", "NULL ISSUED": "does not say whether", "ACTIVE LAPSED": "has lapsed", "ACTIVE RETIRED": "is retired", "ACTIVE MERGED": "merged into another",
		"ACTIVE DUPLICATE": "has another LEI", "ACTIVE ANNULLED": "is void", "ACTIVE CANCELLED": "never given out", "ACTIVE TRANSFERRED": "another office",
		"ACTIVE PENDING_VALIDATION": "not given out yet", "ASLEEP ISSUED": "does not know", "ACTIVE NEW": "does not know",
	} {
		entity, registration, _ := strings.Cut(status, " ")
		got, err := askGLEIF(t, gleifs, http.StatusOK, strings.NewReplacer(`"ACTIVE"`, `"`+entity+`"`, `"ISSUED"`, `"`+registration+`"`).Replace(record))
		if err != nil || !got.Known || !strings.Contains(got.Fault, want) || (got.Fault == "") != (want == "") {
			t.Errorf("%s: %q %v", status, got.Fault, err)
		}
		if other := said[got.Fault]; other != "" && want != "does not know" {
			t.Errorf("%s and %s are told alike", status, other)
		}
		if got.Fault != "" {
			said[got.Fault] = status
		}
	}
	got, err := askGLEIF(t, gleifs, http.StatusOK, strings.NewReplacer(`"ACTIVE"`, `"NULL"`, `"ISSUED"`, `"ANNULLED"`).Replace(record))
	if err != nil || !strings.Contains(got.Fault, "is void") {
		t.Errorf("both: %q %v", got.Fault, err)
	}
}

func TestWhatMakesNoSenseOfGLEIFIsNoAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
	}{
		"a page that is not there": {404, "<html>Not found</html>"},
		"some other service's 404": {404, `{"message":"no Route matched"}`},
		"errors of another status": {404, strings.Replace(unknown, "404", "500", 1)},
		"busy":                     {429, `{"errors":[{"status":"429","title":"Too Many Requests"}]}`},
		"unavailable":              {503, record},
		"a fault":                  {500, `{"errors":[{"status":"500","title":"Internal Server Error"}]}`},
		"not permitted":            {403, `{"errors":[{"status":"403","title":"Forbidden"}]}`},
		"a record, not found":      {404, record},
		"a record, and a fault":    {500, record},
		"nothing":                  {200, ""},
		"null":                     {200, "null"},
		"no record":                {200, `{"data":null}`},
		"a list":                   {200, `{"data":[]}`},
		"half of it":               {200, record[:300]},
		"two of them":              {200, record + record},
		"another record":           {200, strings.ReplaceAll(record, gleifs, "HWUPKR0MPOU8FGXBT394")},
		"another type":             {200, strings.Replace(record, "lei-records", "isins", 1)},
		"no name":                  {200, strings.Replace(record, "Example Foundation", " ", 1)},
		"a name of a book":         {200, strings.Replace(record, "Example Foundation", strings.Repeat("x", 5000), 1)},
		"a postcode of a book":     {200, strings.Replace(record, "4051", strings.Repeat("x", 5000), 1)},
		"a town of a book":         {200, strings.Replace(record, "Basel", strings.Repeat("x", 5000), 1)},
		"a country of a book":      {200, strings.Replace(record, `"country":"CH"`, `"country":"`+strings.Repeat("x", 5000)+`"`, 1)},
		"no status of the company": {200, strings.Replace(record, `"ACTIVE"`, `""`, 1)},
		"no status of the LEI":     {200, strings.Replace(record, `"ISSUED"`, "null", 1)},
		"without end":              {200, record + strings.Repeat(" ", 2<<20)},
		"errors, and yet 200":      {200, unknown},
	} {
		a, err := askGLEIF(t, gleifs, tt.status, tt.body)
		if !errors.Is(err, register.ErrNotYet) || a != (register.Answer{}) {
			t.Errorf("%s: %v %v", name, a, err)
		}
		if err != nil && strings.Contains(err.Error(), gleifs) {
			t.Errorf("%s: the error holds the number", name)
		}
	}
	if _, err := askGLEIF(t, gleifs, 400, `{"errors":[{"status":"400","title":"Bad Request"}]}`); !errors.Is(err, register.ErrRefused) {
		t.Errorf("a bad request: %v", err)
	}
}

// answers is a transport that has one answer.
type answers struct {
	status int
	body   []byte
}

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Status: http.StatusText(a.status), Body: io.NopCloser(iotest.HalfReader(strings.NewReader(string(a.body)))), Request: r, Header: http.Header{}}, nil
}

// FuzzAnswers: whatever a register sends, it is an answer with its evidence, or
// none at all, and nothing of it is in the error.
func FuzzAnswers(f *testing.F) {
	for _, body := range []string{record, unknown, "", plain("<countryCode>IE</countryCode><vatNumber>1234567T</vatNumber><requestDate>2026-03-05Z</requestDate><valid>true</valid><name>\u202eX</name>")} {
		f.Add(200, []byte(body))
		f.Add(404, []byte(body))
		f.Add(500, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		client := &http.Client{Transport: answers{status, body}}
		v, err := register.NewVIES(register.Line{Client: client, Now: now}, number.Number{})
		if err != nil {
			t.Fatal(err)
		}
		g, err := register.NewGLEIF(register.Line{Client: client, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		for r, n := range map[register.Register]number.Number{v: vat(t, own), g: lei(t, gleifs)} {
			a, err := r.Ask(t.Context(), n)
			if err != nil {
				if a != (register.Answer{}) || !errors.Is(err, register.ErrNotYet) && !errors.Is(err, register.ErrRefused) {
					t.Errorf("%v %v", a, err)
				}
				continue
			}
			if a.Register != r.Name() || !a.Asked.Equal(noon) || len(a.Name)+len(a.Address)+len(a.Postcode)+len(a.Country) > 8000 || strings.ContainsAny(a.Name+a.Address+a.Postcode+a.Country, "\u202e\x00\x1b\r") {
				t.Errorf("%s: %q %q", r.Name(), a.Name, a.Address)
			}
			if r == g && a.Known && !json.Valid(body) || r == g && !a.Known && status != http.StatusNotFound || r == v && status != http.StatusOK {
				t.Errorf("%s: status %d is taken as %v", r.Name(), status, a)
			}
		}
	})
}
