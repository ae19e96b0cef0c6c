package register_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"loot/desk/verification/register"
	"loot/number"
)

var (
	_ register.Register = (*register.VIES)(nil)
	_ register.Register = (*register.GLEIF)(nil)
)

var noon = time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)

func now() time.Time { return noon }

const (
	types = "urn:ec.europa.eu:taxud:vies:services:checkVat:types"
	own   = "IE1234567T"
)

// A vies is the other side: it reads requests as strictly as the schema in the
// WSDL has them, and answers as the service does.
type vies struct {
	known map[string][2]string // name and address, by number
	fault string
}

// element reads the only element in r, or fails.
func element(d *xml.Decoder, space, name string) error {
	for {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Space != space || t.Name.Local != name {
				return fmt.Errorf("%s instead of %s", t.Name.Local, name)
			}
			return nil
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return fmt.Errorf("text before %s", name)
			}
		case xml.EndElement:
			return fmt.Errorf("the end of %s before %s", t.Name.Local, name)
		}
	}
}

func (v *vies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const soap = "http://schemas.xmlsoap.org/soap/envelope/"
	operation, fields := "checkVat", []string{"countryCode", "vatNumber"}
	body, _ := io.ReadAll(r.Body)
	if bytes.Contains(body, []byte("checkVatApprox")) {
		operation, fields = "checkVatApprox", append(fields, "requesterCountryCode", "requesterVatNumber")
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	given := map[string]string{}
	err := errors.Join(element(d, soap, "Envelope"), element(d, soap, "Body"), element(d, types, operation))
	for _, f := range fields {
		var text string
		if err == nil {
			err = element(d, types, f)
		}
		if t, _ := d.Token(); err == nil {
			if c, ok := t.(xml.CharData); ok {
				text = string(c)
			}
		}
		d.Skip()
		given[f] = text
	}
	if t, _ := d.Token(); err == nil {
		if _, end := t.(xml.EndElement); !end {
			err = fmt.Errorf("more than the schema has: %v", t)
		}
	}
	_, header := r.Header[http.CanonicalHeaderKey("SOAPAction")]
	if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/xml") || !header || r.URL.Path != "/vies/services/checkVatService" {
		err = errors.Join(err, errors.New("not as the binding has it"))
	}
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	out := func(status int, body string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `<env:Envelope xmlns:env="%s"><env:Header/><env:Body>%s</env:Body></env:Envelope>`, soap, body)
	}
	fault := v.fault
	switch {
	case err != nil:
		fault = err.Error()
	case given["countryCode"] == "" || given["vatNumber"] == "":
		fault = "INVALID_INPUT"
	case operation == "checkVatApprox" && given["requesterCountryCode"]+given["requesterVatNumber"] != own:
		fault = "INVALID_REQUESTER_INFO"
	}
	if fault != "" {
		out(http.StatusInternalServerError, "<env:Fault><faultcode>env:Server</faultcode><faultstring>"+fault+"</faultstring></env:Fault>")
		return
	}
	company, known := v.known[given["countryCode"]+given["vatNumber"]]
	if !known {
		company = [2]string{"---", "---"}
	}
	name, address := company[0], company[1]
	begin := fmt.Sprintf(`<ns2:%sResponse xmlns:ns2="%s"><ns2:countryCode>%s</ns2:countryCode><ns2:vatNumber>%s</ns2:vatNumber><ns2:requestDate>2026-03-05+01:00</ns2:requestDate><ns2:valid>%t</ns2:valid>`,
		operation, types, given["countryCode"], given["vatNumber"], known)
	if operation == "checkVat" {
		out(http.StatusOK, begin+"<ns2:name>"+name+"</ns2:name><ns2:address>"+address+"</ns2:address></ns2:checkVatResponse>")
		return
	}
	out(http.StatusOK, begin+"<ns2:traderName>"+name+"</ns2:traderName><ns2:traderCompanyType>---</ns2:traderCompanyType><ns2:traderAddress>"+address+
		"</ns2:traderAddress><ns2:requestIdentifier>WAPIAAAAXyZ12345</ns2:requestIdentifier></ns2:checkVatApproxResponse>")
}

func vat(t testing.TB, typed string) number.Number {
	t.Helper()
	n, err := number.VAT(typed)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// ask starts a server and asks it.
func ask(t *testing.T, other http.Handler, requester string, typed string) (register.Answer, error) {
	t.Helper()
	s := httptest.NewServer(other)
	defer s.Close()
	var who number.Number
	if requester != "" {
		who = vat(t, requester)
	}
	v, err := register.NewVIES(register.Line{Endpoint: s.URL + "/vies/services/checkVatService", Client: s.Client(), Now: now}, who)
	if err != nil {
		t.Fatal(err)
	}
	return v.Ask(t.Context(), vat(t, typed))
}

func TestVIESTellsWhatItKnows(t *testing.T) {
	server := &vies{known: map[string][2]string{
		"IE6433435F":  {"EXAMPLE MEADOW &amp; SONS LIMITED", "1 SAMPLE QUAY\n\n EXAMPLEFORD \nD01 X000"},
		"ESA28015865": {"---", "---"},
		"EL094259216": {"ΠΑΡΑΔΕΙΓΜΑ ΑΕ||ΠΑΡΑΔΕΙΓΜΑ", "ΟΔΟΣ 1   10551 - ΑΘΗΝΑ"},
	}}
	day := time.Date(2026, 3, 5, 0, 0, 0, 0, time.FixedZone("", 3600))
	for _, tt := range []struct {
		typed     string
		requester string
		want      register.Answer
	}{
		{"IE6433435F", "", register.Answer{Known: true, Name: "EXAMPLE MEADOW & SONS LIMITED", Address: "1 SAMPLE QUAY\nEXAMPLEFORD\nD01 X000"}},
		{"IE6433435F", own, register.Answer{Known: true, Name: "EXAMPLE MEADOW & SONS LIMITED", Address: "1 SAMPLE QUAY\nEXAMPLEFORD\nD01 X000", Request: "WAPIAAAAXyZ12345"}},
		{"ESA28015865", own, register.Answer{Known: true, Request: "WAPIAAAAXyZ12345"}}, // Spain tells no names
		{"GR 094259216", "", register.Answer{Known: true, Name: "ΠΑΡΑΔΕΙΓΜΑ ΑΕ||ΠΑΡΑΔΕΙΓΜΑ", Address: "ΟΔΟΣ 1 10551 - ΑΘΗΝΑ"}},
		{"DE136695976", "", register.Answer{}},
		{"DE136695976", own, register.Answer{Request: "WAPIAAAAXyZ12345"}},
		{"XI 434 0314 94", "", register.Answer{}},
	} {
		got, err := ask(t, server, tt.requester, tt.typed)
		if err != nil {
			t.Errorf("%s: %v", tt.typed, err)
			continue
		}
		if !got.Dated.Equal(day) {
			t.Errorf("%s: dated %s, want %s", tt.typed, got.Dated, day)
		}
		tt.want.Register, tt.want.Asked, tt.want.Dated = "VIES", noon, got.Dated
		if got != tt.want {
			t.Errorf("%s by %q: %#v %q %q, want %q %q", tt.typed, tt.requester, got, got.Name, got.Address, tt.want.Name, tt.want.Address)
		}
	}
}

func TestAnAddressInPartsIsPutTogether(t *testing.T) {
	got, err := ask(t, says(http.StatusOK, envelope(`<checkVatApproxResponse xmlns="`+types+`"><countryCode>IE</countryCode><vatNumber>6433435F</vatNumber>
		<requestDate>2026-03-05Z</requestDate><valid>1</valid><traderName>Example</traderName><traderStreet>1 Quay</traderStreet>
		<traderPostcode>D01</traderPostcode><traderCity>Dublin</traderCity><requestIdentifier>W</requestIdentifier></checkVatApproxResponse>`)), own, "IE6433435F")
	if err != nil || got.Address != "1 Quay\nD01 Dublin" || got.Street != "1 Quay" || got.Postcode != "D01" || got.City != "Dublin" || got.Request != "W" {
		t.Errorf("%q %v", got.Address, err)
	}
}

func TestAFaultOfVIESIsNoAnswer(t *testing.T) {
	for code, want := range map[string]error{
		"MS_UNAVAILABLE": register.ErrNotYet, "SERVICE_UNAVAILABLE": register.ErrNotYet, "TIMEOUT": register.ErrNotYet, "SERVER_BUSY": register.ErrNotYet,
		"MS_MAX_CONCURRENT_REQ": register.ErrNotYet, "MS_MAX_CONCURRENT_REQ_TIME": register.ErrNotYet, "GLOBAL_MAX_CONCURRENT_REQ": register.ErrNotYet,
		"GLOBAL_MAX_CONCURRENT_REQ_TIME": register.ErrNotYet, "VAT_BLOCKED": register.ErrNotYet, "IP_BLOCKED": register.ErrNotYet,
		"{ 'INVALID_INPUT IE6433435F' }": register.ErrNotYet, "": nil,
		"INVALID_INPUT": register.ErrRefused, "INVALID_REQUESTER_INFO": register.ErrRefused,
	} {
		a, err := ask(t, &vies{fault: code}, "", "IE6433435F")
		if !errors.Is(err, want) || want != nil && a != (register.Answer{}) {
			t.Errorf("%s: %v %v, want %v", code, a, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "6433435F") {
			t.Errorf("%s: the error holds the number", code)
		}
		if want != nil && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == "" && !strings.Contains(err.Error(), code) {
			t.Errorf("%v does not say %s", err, code)
		}
	}
	// A requester whom VIES does not know is the operator's mistake.
	if _, err := ask(t, &vies{}, "DE136695976", "IE6433435F"); !errors.Is(err, register.ErrRefused) || errors.Is(err, register.ErrNotYet) {
		t.Errorf("another requester: %v", err)
	}
}

func says(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

func envelope(body string) string {
	return `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body>` + body + `</Body></Envelope>`
}

func plain(body string) string {
	return envelope(`<checkVatResponse xmlns="` + types + `">` + body + `</checkVatResponse>`)
}

func TestWhatMakesNoSenseIsNoAnswer(t *testing.T) {
	const right = "<countryCode>IE</countryCode><vatNumber>6433435F</vatNumber><requestDate>2026-03-05</requestDate><valid>false</valid>"
	if a, err := ask(t, says(200, plain(right)), "", "IE6433435F"); err != nil || a.Known {
		t.Fatalf("the pattern of what follows: %v %v", a, err)
	}
	for name, other := range map[string]http.Handler{
		"nothing":             says(200, ""),
		"a page":              says(200, "<html><body>We are being maintained.</body></html>"),
		"half of it":          says(200, plain(right)[:200]),
		"another number":      says(200, plain(strings.Replace(right, "6433435F", "6433436F", 1))),
		"another country":     says(200, plain(strings.Replace(right, ">IE<", ">XI<", 1))),
		"no date":             says(200, plain(strings.Replace(right, "2026-03-05", "", 1))),
		"a date that is none": says(200, plain(strings.Replace(right, "2026-03-05", "2026-02-30", 1))),
		"neither yes nor no":  says(200, plain(strings.Replace(right, "false", "perhaps", 1))),
		"no validity":         says(200, plain(strings.Replace(right, "<valid>false</valid>", "", 1))),
		"another operation":   says(200, strings.ReplaceAll(plain(right), "checkVatResponse", "checkVatApproxResponse")),
		"another namespace":   says(200, strings.ReplaceAll(plain(right), types, "urn:example")),
		"another envelope":    says(200, strings.ReplaceAll(plain(right), "soap/envelope", "soap/other")),
		"an answer as fault":  says(500, plain(right)),
		"not found":           says(404, plain(right)),
		"a fault elsewhere":   says(404, envelope("<Fault><faultstring>INVALID_INPUT</faultstring></Fault>")),
		"not permitted":       says(403, "<html>Access denied</html>"),
		"a gateway":           says(502, "<html>Bad gateway</html>"),
		"busy":                says(429, ""),
		"unavailable":         says(503, plain(right)),
		"without end":         says(200, plain(right+"<name>"+strings.Repeat("x", 2<<20)+"</name>")),
		"a name of a book":    says(200, plain(strings.Replace(right, "false", "true", 1)+"<name>"+strings.Repeat("x", 5000)+"</name>")),
		"a long identifier":   says(200, plain(right+"<requestIdentifier>"+strings.Repeat("x", 5000)+"</requestIdentifier>")),
		"entities":            says(200, `<!DOCTYPE a [<!ENTITY b "false">]>`+plain(strings.Replace(right, "false", "&b;", 1))),
		"another charset":     says(200, `<?xml version="1.0" encoding="UTF-16"?>`+plain(right)),
		"a broken line": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			io.WriteString(w, plain(right))
		}),
		"round in circles": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusPermanentRedirect)
		}),
	} {
		a, err := ask(t, other, "", "IE6433435F")
		if !errors.Is(err, register.ErrNotYet) || errors.Is(err, register.ErrRefused) || a != (register.Answer{}) {
			t.Errorf("%s: %v %v", name, a, err)
		}
		if err != nil && strings.Contains(err.Error(), "6433435F") {
			t.Errorf("%s: the error holds the number", name)
		}
	}
}

func TestAPlainAnswerIsNoneToWhoNamedThemselves(t *testing.T) {
	a, err := ask(t, says(200, plain("<countryCode>IE</countryCode><vatNumber>6433435F</vatNumber><requestDate>2026-03-05</requestDate><valid>true</valid>")), own, "IE6433435F")
	if !errors.Is(err, register.ErrNotYet) {
		t.Errorf("an answer without the consultation is taken: %v %v", a, err)
	}
}

func TestASlowRegisterIsNotWaitedFor(t *testing.T) {
	done := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-done
	}))
	defer s.Close()
	defer close(done)
	line := register.Line{Endpoint: s.URL, Client: s.Client(), Now: now, Timeout: 20 * time.Millisecond}
	v, err := register.NewVIES(line, number.Number{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Ask(t.Context(), vat(t, own)); !errors.Is(err, register.ErrNotYet) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("slow: %v", err)
	}
	line.Timeout = time.Hour
	g, err := register.NewGLEIF(line)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Ask(ctx, lei(t, gleifs)); !errors.Is(err, register.ErrNotYet) || !errors.Is(err, context.Canceled) {
		t.Errorf("whoever asked has gone: %v", err)
	}
}

func TestARegisterThatIsDownIsNoAnswer(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	g, err := register.NewGLEIF(register.Line{Endpoint: s.URL, Client: s.Client(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Ask(t.Context(), lei(t, gleifs)); !errors.Is(err, register.ErrNotYet) || strings.Contains(err.Error(), gleifs) {
		t.Errorf("%v", err)
	}
}

func TestARegisterSaysForHowLongItWantsToBeLeftAlone(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "": 0, "-5": 0, "soon": 0, "99999999999": 24 * time.Hour, "9999999": 24 * time.Hour,
		noon.Add(time.Hour).Format(http.TimeFormat): time.Hour, noon.Add(-time.Hour).Format(http.TimeFormat): 0,
	} {
		_, err := ask(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusTooManyRequests)
		}), "", own)
		w, ok := errors.AsType[interface {
			error
			Wait() time.Duration
		}](err)
		if !ok || w.Wait() != want {
			t.Errorf("%q: %v, want %s", header, err, want)
		}
	}
}

func TestOnlyItsOwnNumbersAreAskedFor(t *testing.T) {
	asked := 0
	count := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ })
	for _, typed := range []string{"GB434031494", "CHE-116.281.710 MWST", "NO974760673MVA"} {
		if _, err := ask(t, count, "", typed); !errors.Is(err, register.ErrRefused) {
			t.Errorf("%s: %v", typed, err)
		}
	}
	s := httptest.NewServer(count)
	defer s.Close()
	v, err := register.NewVIES(register.Line{Endpoint: s.URL, Client: s.Client(), Now: now}, number.Number{})
	if err != nil {
		t.Fatal(err)
	}
	// Nor does what nobody checked become part of a request.
	made := vat(t, own)
	made.Value = "IE</vatNumber><x/>"
	for _, n := range []number.Number{{}, lei(t, gleifs), made} {
		if _, err := v.Ask(t.Context(), n); !errors.Is(err, register.ErrRefused) {
			t.Errorf("%v: %v", n.Value, err)
		}
	}
	if asked > 0 {
		t.Errorf("%d questions left", asked)
	}
}

func TestARegisterIsSetUpRight(t *testing.T) {
	right := register.Line{Client: http.DefaultClient, Now: now}
	if _, err := register.NewVIES(right, vat(t, own)); err != nil {
		t.Error(err)
	}
	if _, err := register.NewVIES(right, vat(t, "GB434031494")); err == nil {
		t.Error("a requester from outside of the Union is taken")
	}
	for name, l := range map[string]register.Line{
		"no client": {Now: now}, "no clock": {Client: http.DefaultClient}, "no scheme": {Endpoint: "ec.europa.eu", Client: http.DefaultClient, Now: now},
		"a file": {Endpoint: "file:///etc/hosts", Client: http.DefaultClient, Now: now},
	} {
		if _, err := register.NewGLEIF(l); err == nil {
			t.Errorf("%s is taken", name)
		}
		if _, err := register.NewVIES(l, number.Number{}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestAnAnswerIsPrintedWithoutWhoItIsAbout(t *testing.T) {
	a := register.Answer{Register: "VIES", Known: true, Name: "Jo Example", Address: "1 Sample Quay", Request: "W1"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("asked", "answer", a)
	for _, out := range []string{fmt.Sprint(a), fmt.Sprintf("%+v %#v %s %q", a, a, a, a), log.String()} {
		if strings.Contains(out, "Jo") || strings.Contains(out, "Quay") || !strings.Contains(out, "W1") {
			t.Errorf("%s", out)
		}
	}
}
