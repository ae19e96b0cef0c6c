package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"loot"
	"loot/desk/safety/report"
)

// read reads a mail that is written with plain line ends.
func read(t *testing.T, mail string) report.Report {
	t.Helper()
	r, err := report.Read(strings.NewReader(strings.ReplaceAll(mail, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// source finds one by what it names.
func source(r report.Report, named string) report.Source {
	for _, s := range r.Sources {
		if s.URL == named || s.URL == "" && (s.Domain == named || s.Address.IsValid() && s.Address.String() == named) {
			return s
		}
	}
	return report.Source{}
}

func names(r report.Report) (out []string) {
	for _, s := range r.Sources {
		switch {
		case s.URL != "":
			out = append(out, s.URL)
		case s.Address.IsValid():
			out = append(out, s.Address.String())
		default:
			out = append(out, s.Domain)
		}
	}
	return out
}

func hashed(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }

const head = `From: Robin Watcher <robin@watch.example>
To: abuse@net.example
Date: Thu, 12 Mar 2026 12:00:00 +0100
Message-ID: <r1@watch.example>
`

const spam = `Received: from bulk.net.example (bulk.net.example [192.0.2.25])
 by mx.watch.example (192.0.2.200) with ESMTP id 1; Thu, 12 Mar 2026 10:15:00 +0100
From: Offers <offers@bulk.example>
To: jo@watch.example
Date: Thu, 12 Mar 2026 09:14:58 +0000
Subject: Buy now

Go to http://shop.bulk.example/buy today.
`

func arf(fields, attached string) string {
	return head + `Subject: Complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is a complaint about mail.
--b
Content-Type: message/feedback-report

` + fields + `
--b
Content-Type: message/rfc822

` + attached + `
--b--
`
}

const fields = `Feedback-Type: abuse
User-Agent: Watcher/1.0
Version: 1
Source-IP: 192.0.2.25
Source-Port: 40025
Arrival-Date: Thu, 12 Mar 2026 10:15:00 +0100
Reported-URI: http://shop.bulk.example/buy
Reported-Domain: bulk.example
Incidents: 7
`

// within is a report in whose attached mail there is another.
func within() string {
	inner := strings.NewReplacer("--b", "--c", `"b"`, `"c"`).Replace(arf(fields, spam))
	return arf("Feedback-Type: abuse\nUser-Agent: W/1\nVersion: 1\n", inner)
}

func TestAComplaintInARF(t *testing.T) {
	r := read(t, arf(fields, spam))
	if r.Format != report.ARF || r.Kind != report.Spam || r.Incidents != 7 || !r.Automatic || len(r.Warnings) > 0 {
		t.Errorf("%s: %d incidents, automatic %v, %v", r, r.Incidents, r.Automatic, r.Warnings)
	}
	if r.Reporter != (report.Reporter{Address: "robin@watch.example", Name: "Robin Watcher"}) || r.ID != "r1@watch.example" || r.Subject != "Complaint" ||
		!r.Date.Equal(at("2026-03-12T11:00:00Z")) || strings.TrimSpace(r.Text) != "This is a complaint about mail." {
		t.Errorf("%#v: %+v %q %q %v %q", r, r.Reporter, r.ID, r.Subject, r.Date, r.Text)
	}
	want := report.Source{Address: netip.MustParseAddr("192.0.2.25"), Port: 40025, First: at("2026-03-12T09:15:00Z"), Last: at("2026-03-12T09:15:00Z"), Zoned: true, Stated: true}
	if got := r.Sources[0]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := names(r); !slices.Equal(got, []string{"192.0.2.25", "http://shop.bulk.example/buy", "bulk.example"}) {
		t.Errorf("sources %v", got) // neither who took the mail nor who got it
	}
	if len(r.Evidence) != 2 || r.Evidence[1].Path != "3" || r.Evidence[1].MediaType != "message/rfc822" || r.Evidence[1].SHA256 != hashed(strings.ReplaceAll(spam, "\n", "\r\n")) {
		t.Errorf("evidence %+v", r.Evidence)
	}
}

// TestForgedARF: what is not as it should be is said, and whatever else it
// states is taken as what it is, a claim.
func TestForgedARF(t *testing.T) {
	swap := func(old, new string) string { return strings.Replace(fields, old, new, 1) }
	for name, c := range map[string]struct {
		mail string
		want report.Warning
		kind report.Kind
	}{
		"of somebody else's address": {arf(swap("192.0.2.25", "192.0.2.77"), spam), report.NotAsAttached, report.Spam},
		"an address that is none":    {arf(swap("192.0.2.25", "our server"), spam), report.BadField, report.Spam},
		"a private address":          {arf(swap("192.0.2.25", "10.0.0.7"), spam), report.BadField, report.Spam},
		"two types":                  {arf(fields+"Feedback-Type: virus\n", spam), report.MissingField, report.Spam},
		"no version":                 {arf(swap("Version: 1\n", ""), spam), report.MissingField, report.Spam},
		"a version to come":          {arf(swap("Version: 1\n", "Version: 2\n"), spam), report.BadField, report.Spam},
		"a time to come":             {arf(swap("12 Mar 2026 10:15", "12 Mar 2027 10:15"), spam), report.LateTime, report.Spam},
		"a million and more":         {arf(swap("Incidents: 7", "Incidents: -7"), spam), report.BadField, report.Spam},
		"no abuse":                   {arf(swap("abuse", "not-spam"), spam), report.NotAbuse, report.Other},
		"a report in a report":       {within(), report.Nested, report.Spam},
		"not said to be one":         {strings.Replace(arf(fields, spam), "multipart/report; report-type=feedback-report", "multipart/mixed", 1), report.BadField, report.Spam},
		"two reports":                {strings.Replace(arf(fields, spam), "--b--", "--b\nContent-Type: message/feedback-report\n\n"+swap("192.0.2.25", "192.0.2.78")+"\n--b--", 1), report.SeveralInOne, report.Spam},
	} {
		r := read(t, c.mail)
		if !slices.Contains(r.Warnings, c.want) || r.Format != report.ARF || r.Kind != c.kind {
			t.Errorf("%s: %s: %v", name, r, r.Warnings)
		}
		if source(r, "192.0.2.78").Stated {
			t.Errorf("%s: the second report was taken", name)
		}
	}
	if r := read(t, head+"Subject: spam\nContent-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: message/rfc822\n\nContent-Type: application/json\n\n"+document()+"\n--c--\n"); r.Format != report.Text {
		t.Errorf("the document of an attached mail was taken: %s", r)
	}
	// One that lies deeper states nothing, whether in an attached mail or beside one.
	deeper := strings.NewReplacer("--b\nContent-Type: message/feedback-report", "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: message/feedback-report", "--b\nContent-Type: message/rfc822", "--c--\n--b\nContent-Type: message/rfc822").Replace(arf(fields, spam))
	if r := read(t, deeper); !slices.Contains(r.Warnings, report.Nested) || r.Format != report.Text || source(r, "192.0.2.25").Stated {
		t.Errorf("deeper: %s: %v", r, r.Warnings)
	}
	if s := source(read(t, within()), "192.0.2.25"); s.Stated {
		t.Errorf("%+v", s)
	}
}

const xarf4 = `{
 "xarf_version": "4.2.0", "report_id": "0d8c7c1e-0000-4000-8000-000000000001", "timestamp": "2026-03-12T11:15:24+01:00",
 "reporter": {"org": "Watchers", "contact": "reports@watch.example", "domain": "watch.example"},
 "sender": {"org": "Watchers", "contact": "robin@watch.example", "domain": "watch.example"},
 "source_identifier": "2001:db8::45", "source_port": 443, "category": "content", "type": "phishing", "url": "hxxps://login[.]bank.example/auth",
 "description": "A made-up page.", "first_seen": "2026-03-11T08:00:00Z",
 "evidence": [
  {"content_type": "text/plain", "description": "log", "payload": "%s", "hash": "sha256:%s"},
  {"content_type": "image/png", "payload": "iVBORw0KGgo="}
 ]}`

const logged = "2026-03-12 10:15:24 +0100 192.0.2.9 GET /auth\n"

func document() string {
	return fmt.Sprintf(xarf4, base64.StdEncoding.EncodeToString([]byte(logged)), hashed(logged))
}

func TestXARFAloneAndInAMail(t *testing.T) {
	alone, err := report.ReadJSON(strings.NewReader(document()))
	if err != nil {
		t.Fatal(err)
	}
	mixed := head + "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSee below.\n--b\nContent-Type: application/json; name=xarf.json\nContent-Transfer-Encoding: base64\n\n" +
		base64.StdEncoding.EncodeToString([]byte(document())) + "\n--b--\n"
	bare := head + "Subject: x\n\n" + document()
	for name, r := range map[string]report.Report{"alone": alone, "attached": read(t, mixed), "as the text": read(t, bare)} {
		if r.Format != report.XARF4 || r.Kind != report.Phishing || r.ID != "0d8c7c1e-0000-4000-8000-000000000001" || len(r.Warnings) > 0 ||
			r.Reporter.Address != "reports@watch.example" || r.Reporter.Organisation != "Watchers" {
			t.Errorf("%s: %s %q %+v %v", name, r, r.ID, r.Reporter, r.Warnings)
		}
		s := source(r, "2001:db8::45")
		if s.Port != 443 || !s.Stated || !s.Zoned || !s.First.Equal(at("2026-03-11T08:00:00Z")) || !s.Last.Equal(at("2026-03-12T10:15:24Z")) {
			t.Errorf("%s: %+v", name, s)
		}
		if s := source(r, "https://login.bank.example/auth"); !s.Stated || s.Domain != "login.bank.example" {
			t.Errorf("%s: %+v in %v", name, s, names(r))
		}
		if s := source(r, "192.0.2.9"); s.Stated || !s.First.Equal(at("2026-03-12T09:15:24Z")) {
			t.Errorf("%s: of the log %+v", name, s)
		}
		samples := r.Evidence[len(r.Evidence)-2:]
		if samples[0].SHA256 != hashed(logged) || samples[0].Size != int64(len(logged)) || samples[1].MediaType != "image/png" || samples[1].Size != 8 {
			t.Errorf("%s: %+v", name, samples)
		}
	}
	if alone.Text != "A made-up page." || !alone.Date.Equal(at("2026-03-12T10:15:24Z")) {
		t.Errorf("%q at %v", alone.Text, alone.Date)
	}
}

func TestXARFBeforeVersion4(t *testing.T) {
	r, err := report.ReadJSON(strings.NewReader(`{"Version": "3", "ReporterInfo": {"ReporterOrg": "Watchers", "ReporterOrgEmail": "org@watch.example", "ReporterContactEmail": "robin@watch.example", "ReporterContactName": "Robin"},
		"Report": {"ReportClass": "Activity", "ReportType": "PortScan", "ReporterCaseID": "W-1", "Date": "2026-03-12T10:00:00Z", "SourceIp": "192.0.2.55", "SourcePort": 54321, "DestinationIp": "198.51.100.33",
		"Samples": [{"ContentType": "text/plain", "Base64Encoded": false, "Payload": "many ports", "FileName": "/etc/x.log"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if r.Format != report.XARF3 || r.Kind != report.Attack || r.ID != "W-1" || r.Reporter != (report.Reporter{Address: "robin@watch.example", Name: "Robin", Organisation: "Watchers"}) || len(r.Warnings) > 0 {
		t.Errorf("%s %q %+v %v", r, r.ID, r.Reporter, r.Warnings)
	}
	if got := names(r); !slices.Equal(got, []string{"192.0.2.55"}) || r.Sources[0].Port != 54321 {
		t.Errorf("sources %v", r.Sources) // and not who was attacked
	}
	if len(r.Evidence) != 1 || r.Evidence[0].Name != "x.log" || r.Evidence[0].SHA256 != hashed("many ports") {
		t.Errorf("%+v", r.Evidence)
	}
}

func TestXARFThatIsNotAsItShouldBe(t *testing.T) {
	for name, c := range map[string]struct {
		document string
		want     report.Warning
	}{
		"another hash":      {strings.Replace(document(), hashed(logged), hashed("x"), 1), report.HashDiffers},
		"a port as a word":  {strings.Replace(document(), "443", `"443"`, 1), report.BadField},
		"no reporter":       {strings.Replace(document(), `"reporter"`, `"who"`, 1), report.MissingField},
		"no source":         {strings.Replace(document(), "2001:db8::45", "somewhere", 1), report.BadField},
		"another domain":    {strings.Replace(document(), "reports@watch.example", "jo@other.example", 1), report.OtherSender},
		"broken evidence":   {strings.Replace(document(), "iVBORw0KGgo=", "iVB!!", 1), report.BadEncoding},
		"another sender":    {strings.Replace(document(), "robin@watch.example", "robin@relay.example", 1), report.OtherSender},
		"not their domain":  {strings.Replace(document(), `"domain": "watch.example"`, `"domain": "relay.example"`, 1), report.OtherSender},
		"no address":        {strings.Replace(document(), "reports@watch.example", "us", 1), report.NoReporter},
		"not when":          {strings.Replace(document(), `"timestamp"`, `"time"`, 1), report.MissingField},
		"no organisation":   {strings.Replace(document(), `"org"`, `"name"`, 1), report.MissingField},
		"words as a number": {strings.Replace(document(), `"A made-up page."`, "7", 1), report.BadField},
		"no time":           {strings.Replace(document(), "2026-03-11T08:00:00Z", "yesterday", 1), report.BadField},
		"no list":           {strings.Replace(document(), `"evidence": [`, `"evidence": "none", "more": [`, 1), report.BadField},
		"no sample":         {strings.Replace(document(), `{"content_type": "image/png", "payload": "iVBORw0KGgo="}`, `"a picture"`, 1), report.BadField},
		"too much of it":    {strings.Replace(document(), `{"content_type": "image/png"`, strings.Repeat(`{"payload": ""},`, report.MaxParts)+`{"content_type": "image/png"`, 1), report.TooManyParts},
	} {
		r, err := report.ReadJSON(strings.NewReader(c.document))
		if err != nil || !slices.Contains(r.Warnings, c.want) {
			t.Errorf("%s: %v %v", name, r.Warnings, err)
		}
	}
	for name, text := range map[string]string{"nothing": "", "no JSON": "{", "something else": `{"a": 1}`, "a list": "[]", "too large": `{"a": "` + strings.Repeat("x", report.MaxJSON) + `"}`} {
		if _, err := report.ReadJSON(strings.NewReader(text)); loot.KindOf(err) != loot.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	var ids []string
	var wrong []error
	take := func(document []byte, r report.Report, err error) error {
		if !bytes.HasPrefix(document, []byte("{")) {
			t.Errorf("the document is %q", document)
		}
		if ids = append(ids, r.ID); err != nil {
			wrong = append(wrong, err)
		}
		return nil
	}
	if err := report.ReadBulk(strings.NewReader("["+document()+`,{"a":1},`+document()+"]"), 3, take); err != nil || len(ids) != 3 || len(wrong) != 1 || loot.KindOf(wrong[0]) != loot.Invalid {
		t.Errorf("%v %v %v", ids, wrong, err)
	}
	ids = nil
	for name, text := range map[string]string{
		"too many": "[" + document() + "," + document() + "," + document() + "]", "not closed": "[" + document(),
		"broken": "[" + document() + `,{"a":]`, "something after": "[" + document() + "] [",
	} {
		if err := report.ReadBulk(strings.NewReader(text), 2, take); loot.KindOf(err) != loot.Invalid || len(ids) > 0 {
			t.Errorf("%s: %v, and %d were handed on", name, err, len(ids))
		}
	}
}

// TestTextByAPerson: what is useful is found in each of the ways in which people
// and their programs write it.
func TestTextByAPerson(t *testing.T) {
	const day = "2026-03-12T09:15:24Z"
	for name, c := range map[string]struct {
		text string
		want []string
		at   string // of the first; empty: none is said
		bare bool   // without a zone
	}{
		"ISO":               {"2026-03-12T09:15:24Z 192.0.2.7 failed", []string{"192.0.2.7"}, day, false},
		"ISO with offset":   {"2026-03-12 10:15:24,123 +01:00 from 192.0.2.7.", []string{"192.0.2.7"}, day, false},
		"west of Greenwich": {"2026-03-12 05:15:24 -0400 192.0.2.7", []string{"192.0.2.7"}, day, false},
		"zone by letters":   {"2026-03-12 10:15:24 CET: 192.0.2.7", []string{"192.0.2.7"}, day, false},
		"no zone":           {"2026-03-12 09:15:24 GET from 192.0.2.7", []string{"192.0.2.7"}, day, true},
		"web server":        {`192.0.2.7 - - [12/Mar/2026:10:15:24 +0100] "POST /xmlrpc.php HTTP/1.1" 200`, []string{"192.0.2.7"}, day, false},
		"system log":        {"Mar 12 09:15:24 mx sshd[4]: Failed password for root from 192.0.2.7 port 4022 ssh2", []string{"192.0.2.7"}, day, true},
		"last year's":       {"Dec 30 09:15:24 mx sshd[4]: Failed password from 192.0.2.7", []string{"192.0.2.7"}, "2025-12-30T09:15:24Z", true},
		"mail":              {"On Thu, 12 Mar 2026 10:15:24 +0100 we saw 192.0.2.7", []string{"192.0.2.7"}, day, false},
		"German":            {"Am 12.03.2026, 10:15:24 MEZ kam 192.0.2.7", []string{"192.0.2.7"}, day, false},
		"firewall":          {"2026-03-12T09:15:24Z SRC=192.0.2.7 DST=198.51.100.1 PROTO=TCP", []string{"192.0.2.7"}, day, false},
		"with port":         {"192.0.2.7:4711 and [2001:db8::7]:25 and 192.0.2.8/32", []string{"192.0.2.7", "2001:db8::7", "192.0.2.8"}, "", false},
		"made harmless":     {"192.0.2[.]7 at hxxps://shop[.]evil(dot)example/a?b=1, and mail.evil[.]example", []string{"192.0.2.7", "https://shop.evil.example/a?b=1", "mail.evil.example"}, "", false},
		"in brackets":       {"(see http://evil.example/a_(b)) <https://user:x@evil.example:8443/c#d>", []string{"http://evil.example/a_(b)", "https://evil.example:8443/c"}, "", false},
		"a label":           {"Domain: Bücher.example", []string{"xn--bcher-kva.example"}, "", false},
		"the time by line":  {"Time: 2026-03-12 10:15:24 +0100\nAddress: 192.0.2.7", []string{"192.0.2.7"}, day, false},
		"a link to address": {"http://192.0.2.7/x", []string{"http://192.0.2.7/x"}, "", false},
		"nothing useful":    {"Version 1.2.3, e.g. report.txt at 12:30:45, jo@watch.example, 10.0.0.1, 127.0.0.1, aa:bb:cc:dd:ee:ff, std::vector, 300.1.1.1", nil, "", false},
	} {
		r := read(t, head+"Subject: Abuse\n\n"+c.text+"\n")
		if got := names(r); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
			continue
		}
		if len(r.Sources) == 0 {
			if !slices.Contains(r.Warnings, report.NoSource) {
				t.Errorf("%s: %v", name, r.Warnings)
			}
			continue
		}
		s := r.Sources[0]
		if c.at == "" && !s.First.IsZero() || c.at != "" && (!s.First.Equal(at(c.at)) || s.Zoned == c.bare) || s.Stated {
			t.Errorf("%s: %+v", name, s)
		}
		if slices.Contains(r.Warnings, report.NoZone) != c.bare {
			t.Errorf("%s: %v", name, r.Warnings)
		}
	}
	var many strings.Builder
	for i := range 2 * report.MaxSources {
		fmt.Fprintf(&many, "192.0.%d.%d\n", 2+i/250, 1+i%250)
	}
	if r := read(t, head+"\n"+many.String()); len(r.Sources) != report.MaxSources || !slices.Contains(r.Warnings, report.TooMany) {
		t.Errorf("%s: %v", r, r.Warnings)
	}
	r := read(t, head+"Subject: Abuse\n\nHello,\n\n> Mar 12 09:15:24 mx sshd: 192.0.2.7\n> Mar 12 09:18:24 mx sshd: 192.0.2.7\n\nBye\n")
	if s := r.Sources[0]; s.Last.Sub(s.First) != 3*time.Minute || len(r.Lines) != 2 || len(r.Times) != 2 {
		t.Errorf("%+v %q %v", s, r.Lines, r.Times)
	}
}

func TestKindsOfText(t *testing.T) {
	for text, want := range map[string]report.Kind{
		"You send spam": report.Spam, "A phishing site of our bank": report.Phishing, "Ihr Server verbreitet Schadsoftware": report.Malware, "DMCA notice of infringement": report.Copyright,
		"ssh brute force from your network": report.Attack, "a fake shop, fraud": report.Fraud, "terrorist content": report.Illegal, "Good morning": report.Other, "the sauce": report.Other,
	} {
		if r := read(t, head+"Subject: "+text+"\n\nHello\n"); r.Kind != want {
			t.Errorf("%q is %s", text, r.Kind)
		}
	}
}

func TestForwardedMailIsEvidence(t *testing.T) {
	r := read(t, head+"Subject: spam\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n"+
		"<p>Gr=FC=DFe</p><script>x</script><a href=3D\"http://evil.example/l\"></a>\n--b\nContent-Type: message/rfc822\n\n"+spam+"\n--b\nContent-Type: application/x-msdownload; name=\"..\\\\a/b.exe\"\n"+
		"Content-Disposition: attachment\nContent-Transfer-Encoding: base64\n\nTVo=\n--b--\n")
	if strings.TrimSpace(r.Text) != "Grüße" || len(r.Warnings) > 0 {
		t.Errorf("%q %v", r.Text, r.Warnings)
	}
	if s := source(r, "192.0.2.25"); !s.First.Equal(at("2026-03-12T09:15:00Z")) || s.Stated {
		t.Errorf("%+v of %v", s, names(r))
	}
	if s := source(r, "http://shop.bulk.example/buy"); !s.First.Equal(at("2026-03-12T09:14:58Z")) {
		t.Errorf("%+v", s)
	}
	if got := source(r, "http://evil.example/l"); got.URL == "" {
		t.Errorf("%v", names(r))
	}
	if e := r.Evidence[len(r.Evidence)-1]; e.Name != "b.exe" || e.SHA256 != hashed("MZ") || e.Path != "3" {
		t.Errorf("%+v", e)
	}
}

// TestBrokenMailGivesWhatItHolds and says what is wrong with it.
func TestBrokenMailGivesWhatItHolds(t *testing.T) {
	mixed := head + "Subject: spam\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nFrom 192.0.2.7\n"
	for name, c := range map[string]struct {
		mail string
		want report.Warning
	}{
		"broken base64":       {mixed + "--b\nContent-Type: application/zip\nContent-Transfer-Encoding: base64\n\nAAAA!!!!\n--b--\n", report.BadEncoding},
		"a broken text":       {head + "Content-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte("From 192.0.2.7.\nHello")) + "\n!!!!\n", report.BadEncoding},
		"unknown encoding":    {mixed + "--b\nContent-Type: application/zip\nContent-Transfer-Encoding: x-uue\n\nbegin\n--b--\n", report.BadEncoding},
		"unknown characters":  {head + "Content-Type: text/plain; charset=klingon\n\nFrom 192.0.2.7\n", report.BadCharset},
		"wrong characters":    {head + "Content-Type: text/plain; charset=utf-8\n\nGr\xfc\xdfe, 192.0.2.7\n", report.BadCharset},
		"no end":              {mixed + "--b\nContent-Type: text/plain; name=a.log\n\nx", report.BadStructure},
		"no boundary":         {strings.Replace(mixed, "; boundary=b", "", 1), report.BadStructure},
		"a header that is no": {strings.Replace(mixed, "--b\n\n", "--b\nthis is no header\n\n", 1), report.BadStructure},
		"a mailbox's line":    {"From robin@watch.example Thu Mar 12 10:00:00 2026\n" + mixed + "--b--\n", report.BadHeader},
		"no header at all":    {"From 192.0.2.7 you send spam", report.BadHeader},
		"an attachment's":     {mixed + "--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n--c\nno header\n--c--\n--b--\n", report.BadStructure},
	} {
		r := read(t, c.mail)
		if !slices.Contains(r.Warnings, c.want) {
			t.Errorf("%s: %v", name, r.Warnings)
		}
		if name != "no header at all" && source(r, "192.0.2.7").Address.String() != "192.0.2.7" {
			t.Errorf("%s: %v", name, names(r))
		}
		if want := strings.ReplaceAll(c.mail, "\n", "\r\n"); r.SHA256 != hashed(want) || r.Size != int64(len(want)) {
			t.Errorf("%s: not all of it was read", name)
		}
	}
}

func TestOnlyFaultsOfReadingAreErrors(t *testing.T) {
	gone := errors.New("gone")
	for _, after := range []string{"", head, arf(fields, spam)[:900]} {
		if _, err := report.Read(io.MultiReader(strings.NewReader(after), iotest.ErrReader(gone))); !errors.Is(err, gone) {
			t.Errorf("after %d bytes: %v", len(after), err)
		}
	}
}

func TestNothingIsPrintedOfAReport(t *testing.T) {
	r := read(t, arf(fields, spam))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if out := fmt.Sprintf(verb, r); strings.Contains(out, "watch.example") || strings.Contains(out, "192.0.2") {
			t.Errorf("%s: %s", verb, out)
		}
	}
}
