package report_test

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"loot/desk/safety/report"
)

// repeated is a text n times, without the memory for it.
type repeated struct {
	text string
	n    int
	at   int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if r.n == 0 {
			return n, io.EOF
		}
		k := copy(p[n:], r.text[r.at:])
		n, r.at = n+k, r.at+k
		if r.at == len(r.text) {
			r.at, r.n = 0, r.n-1
		}
	}
	return n, nil
}

// times returns a text repeated to a size.
func times(text string, bytes int) io.Reader { return &repeated{text: text, n: bytes/len(text) + 1} }

const mixed = "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"

// bombs are mails that are made to be costly.
var bombs = map[string]struct {
	mail func() io.Reader
	want report.Warning
}{
	"10,000 attachments": {func() io.Reader {
		return io.MultiReader(strings.NewReader(mixed), &repeated{text: "--b\r\nContent-Type: image/png; name=a.png\r\n\r\nx\r\n", n: 10_000}, strings.NewReader("--b--\r\n"))
	}, report.TooManyParts},
	"parts in parts": {func() io.Reader {
		var b strings.Builder
		b.WriteString(mixed + "--b\r\n")
		for i := range 20_000 {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		return strings.NewReader(b.String())
	}, report.TooDeep},
	"parts that do not end": {func() io.Reader {
		return io.MultiReader(strings.NewReader(mixed), times("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", 4<<20))
	}, report.TooManyParts},
	"mails in mails": {func() io.Reader {
		return io.MultiReader(strings.NewReader("From: a@b.example\r\n"), times("Content-Type: message/rfc822\r\n\r\n", 4<<20))
	}, report.NoSource},
	"a header of small fields": {func() io.Reader { return times("a:\r\n", 20<<20) }, report.BadStructure},
	"a header of one field":    {func() io.Reader { return io.MultiReader(strings.NewReader("Subject: "), times("x", 20<<20)) }, report.BadStructure},
	"a part's header": {func() io.Reader {
		return io.MultiReader(strings.NewReader(mixed+"--b\r\n"), times("a:\r\n", 20<<20))
	}, report.BadStructure},
	"an attached mail's header": {func() io.Reader {
		return io.MultiReader(strings.NewReader(mixed+"--b\r\nContent-Type: message/rfc822\r\n\r\n"), times("a:\r\n", 20<<20))
	}, report.BadStructure},
	"lines that are no header": {func() io.Reader { return times("no field\r\n", 20<<20) }, report.BadStructure},
	"a text of 60 MB": {func() io.Reader {
		return io.MultiReader(strings.NewReader("From: a@b.example\r\n\r\n"), times("word 192.0.2.1 ", 60<<20))
	}, report.TooLarge},
	"a line of addresses": {func() io.Reader {
		return io.MultiReader(strings.NewReader("From: a@b.example\r\n\r\n"), times("http://a.example/?", 2<<20))
	}, report.TextCut},
	"brackets": {func() io.Reader {
		return io.MultiReader(strings.NewReader("From: a@b.example\r\n\r\nhttp://a.example/"), times(")", 2<<20))
	}, report.TextCut},
	"a long list of senders": {func() io.Reader {
		return io.MultiReader(strings.NewReader("From: "), times("(((", 100<<10), strings.NewReader("\r\n\r\n192.0.2.1\r\n"))
	}, report.NoReporter},
	"a base64 of 40 MB": {func() io.Reader {
		return io.MultiReader(strings.NewReader("From: a@b.example\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"), times("QUJD", 40<<20))
	}, report.NoSource},
	"links in HTML": {func() io.Reader {
		return io.MultiReader(strings.NewReader("From: a@b.example\r\nContent-Type: text/html\r\n\r\n"), times("<a href=http://a.example/>", 4<<20))
	}, report.TextCut},
	"JSON in JSON": {func() io.Reader {
		return io.MultiReader(strings.NewReader("From: a@b.example\r\nContent-Type: application/json\r\n\r\n"), times(`{"xarf_version":`, 4<<20))
	}, report.NoSource},
}

// TestMailBombsCostLittle: memory does not grow with what somebody sends.
func TestMailBombsCostLittle(t *testing.T) {
	for name, b := range bombs {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r, err := report.Read(b.mail())
		runtime.ReadMemStats(&after)
		if err != nil || !slices.Contains(r.Warnings, b.want) {
			t.Errorf("%s: %v %v", name, r.Warnings, err)
		}
		if len(r.Text) > report.MaxText || len(r.Evidence) > report.MaxParts || len(r.Sources) > report.MaxSources || r.Size > report.MaxBytes {
			t.Errorf("%s: %s", name, r)
		}
		// All that was ever allocated bounds what was held at any time.
		if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 64 {
			t.Errorf("%s: took %d MiB", name, mib)
		}
	}
}

// TestWhateverIsSentIsBounded: pieces of mail in any order.
func TestWhateverIsSentIsBounded(t *testing.T) {
	pieces := []string{
		"--b\r\n", "--b--\r\n", "\r\n", "\r\n\r\n", "Content-Type: ", "multipart/report; report-type=feedback-report; boundary=b", "multipart/mixed; boundary=c", "message/rfc822", "message/feedback-report",
		"Source-IP: 192.0.2.1\r\n", "Feedback-Type: abuse\r\n", "Content-Transfer-Encoding: base64\r\n", "Content-Transfer-Encoding: quoted-printable\r\n", "QUJD=", "=\r\n", "text/html; charset=utf-16",
		"hxxp://a[.]example/", "192.0.2.1", "2026-03-12 10:00:00 +0100", `{"xarf_version":"4.0.0"}`, "From: a@b.example\r\n", "Date: Thu, 12 Mar 2026 10:00:00 +0100\r\n", "\x00\xff", ": ", " ", "x",
	}
	rapid.Check(t, func(t *rapid.T) {
		mail := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 60).Draw(t, "pieces"), "")
		r, err := report.Read(strings.NewReader(mail))
		if err != nil {
			t.Fatal(err)
		}
		whole(t, r, len(mail))
	})
}

// whole says what holds of every report.
func whole(t interface {
	Helper()
	Errorf(string, ...any)
}, r report.Report, size int,
) {
	t.Helper()
	if r.Size != int64(size) || len(r.SHA256) != 64 || r.Incidents < 1 || r.Kind == "" || r.Format == "" || len(r.Text) > report.MaxText {
		t.Errorf("%s of %d bytes: %d, %q", r, size, r.Size, r.SHA256)
	}
	for _, s := range r.Sources {
		if !s.Address.IsValid() && s.URL == "" && s.Domain == "" || s.Last.Before(s.First) || s.Address.IsValid() && !s.Address.IsGlobalUnicast() {
			t.Errorf("%+v", s)
		}
	}
	for _, p := range r.Evidence {
		if p.Path == "" || len(p.SHA256) != 64 || strings.ContainsAny(p.Name, "/\\\r\n\x00") {
			t.Errorf("%+v", p)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(arf(fields, spam), "\n", "\r\n")))
	f.Add([]byte(head + "\n" + document()))
	f.Add([]byte(mixed + "--b\r\n\r\nx\r\n--b--"))
	f.Fuzz(func(t *testing.T, mail []byte) {
		r, err := report.Read(strings.NewReader(string(mail)))
		if err != nil {
			t.Fatal(err)
		}
		whole(t, r, len(mail))
	})
}

func FuzzReadJSON(f *testing.F) {
	f.Add([]byte(document()))
	f.Add([]byte(`{"ReporterInfo":{},"Report":{"Samples":[{"Payload":"x"}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := report.ReadJSON(strings.NewReader(string(text))); err == nil {
			whole(t, r, len(text))
		}
	})
}
