package logfile_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"loot/desk/visits/logfile"
)

var update = flag.Bool("update", false, "write the goldens")

func open(t testing.TB, source io.Reader, o logfile.Options) *logfile.Reader {
	t.Helper()
	r, err := logfile.New(source, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func all(t testing.TB, r *logfile.Reader) (out []logfile.Line) {
	t.Helper()
	for {
		l, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
}

var kinds = map[logfile.Kind]string{logfile.Other: "other", logfile.Page: "page", logfile.Missing: "missing", logfile.Download: "download", logfile.Asset: "asset", logfile.Ahead: "ahead"}

func show(l logfile.Line) string {
	return fmt.Sprintf("%s %s %s host=%q port=%d tls=%t %s %q %d %dB %s ref=%q agent=%q lang=%q purpose=%q dest=%q gpc=%t dnt=%t",
		kinds[l.Kind()], l.Time.Format(time.RFC3339Nano), l.Address, l.Host, l.Port, l.TLS, l.Method, l.Path, l.Status, l.Bytes, l.Duration, l.Referrer, l.UserAgent,
		l.Language, l.Purpose, l.Destination, l.GPC, l.DNT)
}

// TestServersLogs reads what nginx 1.22, Apache 2.4 and Caddy 2.6 wrote of a
// handful of requests, and lines in the form of IIS and CloudFront.
func TestServersLogs(t *testing.T) {
	files, err := filepath.Glob("testdata/*.log")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r := open(t, bytes.NewReader(b), logfile.Options{})
			var out strings.Builder
			for _, l := range all(t, r) {
				fmt.Fprintln(&out, show(l))
			}
			counts := r.Counts()
			fmt.Fprintf(&out, "format: %s; read: %d; refused: %v; unfinished: %d\n", r.Format(), counts.Read, counts.Refused, counts.Unfinished)
			golden := strings.TrimSuffix(file, ".log") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if out.String() != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
			}
		})
	}
}

func TestOwnNamesOfFields(t *testing.T) {
	text := `{"when":"28/Nov/2026:10:00:00 +0100","peer":{"ip":"192.0.2.1"},"remote_addr":"10.0.0.1","what":"GET /a?b=c HTTP/2.0","code":"200","ua":"x","tags":["a"],"secs":0.25}` + "\n"
	r := open(t, strings.NewReader(text), logfile.Options{Fields: map[string]string{"when": "time", "peer>ip": "address", "what": "request", "code": "status", "ua": "agent", "secs": "duration"}})
	lines := all(t, r)
	if len(lines) != 1 {
		t.Fatalf("got %d lines, refused %v", len(lines), r.Counts().Refused)
	}
	l := lines[0]
	if l.Address != netip.MustParseAddr("192.0.2.1") || l.Path != "/a?b=c" || l.UserAgent != "x" || l.Duration != 250*time.Millisecond || l.Time.Hour() != 9 {
		t.Errorf("got %s", show(l))
	}
	if _, err := logfile.New(strings.NewReader(""), logfile.Options{Fields: map[string]string{"x": "size"}}); err == nil {
		t.Error("a field that no line has is taken")
	}
}

// TestCloudFrontBySpaces reads what its newer logs can be parted by.
func TestCloudFrontBySpaces(t *testing.T) {
	text := "#Fields: date time x-edge-location c-ip cs-method cs-uri-stem sc-status cs(User-Agent)\n2026-11-28 21:02:44 FRA56-P4 192.0.2.51 GET / 200 a%2501%20b\n"
	r := open(t, strings.NewReader(text), logfile.Options{})
	if lines := all(t, r); len(lines) != 1 || lines[0].UserAgent != "a b" || r.Format() != logfile.CloudFront {
		t.Errorf("got %+v as %s, refused %v", lines, r.Format(), r.Counts().Refused)
	}
}

func packed(t testing.TB, texts ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, text := range texts {
		w := gzip.NewWriter(&out)
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func sample(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "192.0.2.%d - - [28/Nov/2026:10:%02d:%02d +0000] \"GET /page/%d?x=%d HTTP/1.1\" 200 %d \"https://example.org/\" \"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\"\n", i%250, i/60%60, i%60, i, i, i)
	}
	return b.String()
}

func TestCompressedInPieces(t *testing.T) {
	text := sample(500)
	plain := all(t, open(t, strings.NewReader(text), logfile.Options{}))
	half := len(text)/2 + 7
	got := all(t, open(t, bytes.NewReader(packed(t, text[:half], "", text[half:])), logfile.Options{}))
	if !slices.Equal(got, plain) {
		t.Errorf("got %d lines, want %d, and alike to the marks", len(got), len(plain))
	}
	// What is compressed is whole, so its last line needs no end.
	if got := all(t, open(t, bytes.NewReader(packed(t, strings.TrimSuffix(text, "\n"))), logfile.Options{})); len(got) != 500 {
		t.Errorf("got %d lines", len(got))
	}
	torn := packed(t, text)
	r := open(t, bytes.NewReader(torn[:len(torn)-9]), logfile.Options{})
	for {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			t.Fatal("a torn log ends as if it were whole")
		} else if err != nil {
			break
		}
	}
	if r.Counts().Read == 0 {
		t.Error("nothing is read of a torn log")
	}
	if _, err := logfile.New(strings.NewReader("\x1f\x8bnot really"), logfile.Options{}); err == nil {
		t.Error("what is no gzip is taken")
	}
}

func TestLongLinesAreBounded(t *testing.T) {
	good := sample(1)
	text := good + strings.Repeat("x", 1<<20) + "\n" + good + strings.Repeat("y", logfile.Longest+1) + "\n" + good
	r := open(t, iotest.OneByteReader(strings.NewReader(text)), logfile.Options{})
	if got := all(t, r); len(got) != 3 {
		t.Errorf("got %d lines", len(got))
	}
	if got := r.Counts().Refused[logfile.TooLong]; got != 2 {
		t.Errorf("got %d that were too long", got)
	}
}

// TestLongLineIsNotResumedInside leaves a log within a line that is too long:
// what is written behind must not pass for a line.
func TestLongLineIsNotResumedInside(t *testing.T) {
	for _, before := range []string{"", sample(1), sample(100)} {
		long := strings.Repeat("x", 2*logfile.Longest)
		first := open(t, strings.NewReader(before+long), logfile.Options{})
		all(t, first)
		for name, source := range map[string]io.Reader{"plain": strings.NewReader(before + long + sample(2)), "packed": bytes.NewReader(packed(t, before+long+sample(2)))} {
			second := open(t, source, logfile.Options{})
			if _, err := second.Resume(first.Mark()); err != nil {
				t.Fatal(err)
			}
			if got := all(t, second); len(got) != 1 || second.Counts().Refused[logfile.TooLong] != 1 {
				t.Errorf("%s: got %d lines, refused %v", name, len(got), second.Counts().Refused)
			}
		}
	}
}

func TestUnfinishedLineIsLeft(t *testing.T) {
	text := sample(3)
	r := open(t, strings.NewReader(text[:len(text)-20]), logfile.Options{})
	if got := all(t, r); len(got) != 2 || r.Counts().Unfinished == 0 || len(r.Counts().Refused) != 0 {
		t.Errorf("got %d lines, %+v", len(got), r.Counts())
	}
}

// TestHalvesAreTheWhole reads a log up to anywhere, and the longer log from
// there, and wants what reading it at once gives.
func TestHalvesAreTheWhole(t *testing.T) {
	var texts []string
	for _, file := range []string{"nginx-combined", "caddy", "iis", "cloudfront", "odd", "nginx-json"} {
		b, err := os.ReadFile("testdata/" + file + ".log")
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(b))
	}
	texts = append(texts, sample(2000), "\ufeff"+sample(3))
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.SampledFrom(texts).Draw(rt, "text")
		cut := rapid.IntRange(0, len(text)).Draw(rt, "cut")
		read := rapid.IntRange(0, 30).Draw(rt, "read") // or fewer lines than there are
		key := []byte("key")
		whole := all(t, open(t, strings.NewReader(text), logfile.Options{Key: key}))

		source := func(text string) io.Reader {
			switch rapid.IntRange(0, 2).Draw(rt, "source") {
			case 0:
				return bytes.NewReader(packed(t, text))
			case 1:
				return struct{ io.Reader }{strings.NewReader(text)} // cannot seek
			default:
				return strings.NewReader(text)
			}
		}
		first := open(t, strings.NewReader(text[:cut]), logfile.Options{Key: key})
		var lines []logfile.Line
		if read == 30 {
			lines = all(t, first)
		}
		for range read {
			if l, err := first.Next(); err == nil {
				lines = append(lines, l)
			}
		}
		stored, err := first.Mark().MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var mark logfile.Mark
		if err := mark.UnmarshalText(stored); err != nil {
			t.Fatal(err)
		}
		second := open(t, source(text), logfile.Options{Key: key})
		if got, err := second.Resume(logfile.Mark{Offset: 7}, mark); err != nil || got != mark {
			rt.Fatalf("resumed at %+v, want %+v: %v", got, mark, err)
		}
		lines = append(lines, all(t, second)...)
		if !slices.Equal(lines, whole) {
			rt.Fatalf("got %d lines, want %d", len(lines), len(whole))
		}
		// And once more: nothing is added.
		again := open(t, source(text), logfile.Options{Key: key})
		if _, err := again.Resume(second.Mark()); err != nil {
			t.Fatal(err)
		}
		if more := all(t, again); len(more) > 0 {
			rt.Fatalf("importing again adds %d lines", len(more))
		}
	})
}

func TestMarkIsOfItsLog(t *testing.T) {
	r := open(t, strings.NewReader(sample(100)), logfile.Options{})
	all(t, r)
	mark := r.Mark()
	for name, c := range map[string]struct {
		text string
		o    logfile.Options
	}{
		"another log":  {text: strings.ReplaceAll(sample(100), "192", "193")},
		"another key":  {text: sample(100), o: logfile.Options{Key: []byte("x")}},
		"an empty log": {},
	} {
		r := open(t, strings.NewReader(c.text), c.o)
		if got, err := r.Resume(mark); err != nil || got != (logfile.Mark{}) || r.Mark() != (logfile.Mark{}) {
			t.Errorf("%s: resumed at %+v: %v", name, got, err)
		}
	}
	// A shorter copy has nothing that was not read.
	r = open(t, strings.NewReader(sample(50)), logfile.Options{})
	if got, err := r.Resume(mark); err != nil || got != mark || len(all(t, r)) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, text := range []string{"", "x", "0011:5", strings.Repeat("0", 32), strings.Repeat("0", 32) + ":-1", strings.Repeat("z", 32) + ":1"} {
		if err := new(logfile.Mark).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for a mark", text)
		}
	}
	if _, err := r.Resume(mark); err == nil {
		t.Error("resumed after reading")
	}
}

func TestKinds(t *testing.T) {
	line := func(change func(*logfile.Line)) *logfile.Line {
		l := &logfile.Line{Method: "GET", Path: "/a", Status: 200}
		change(l)
		return l
	}
	for _, c := range []struct {
		what string
		line *logfile.Line
		want logfile.Kind
	}{
		{"a page", line(func(*logfile.Line) {}), logfile.Page},
		{"one that was kept", line(func(l *logfile.Line) { l.Status = 304 }), logfile.Page},
		{"a page that is said to be one", line(func(l *logfile.Line) { l.Destination = "document" }), logfile.Page},
		{"a page with dots", line(func(l *logfile.Line) { l.Path = "/v1.2/x?f=a.css" }), logfile.Page},
		{"a page of PHP", line(func(l *logfile.Line) { l.Path = "/index.php" }), logfile.Page},
		{"styles", line(func(l *logfile.Line) { l.Path = "/a/B.CSS?v=1" }), logfile.Asset},
		{"styles that are not there", line(func(l *logfile.Line) { l.Path, l.Status = "/b.css", 404 }), logfile.Asset},
		{"a picture without an ending", line(func(l *logfile.Line) { l.Destination = "image" }), logfile.Asset},
		{"well known", line(func(l *logfile.Line) { l.Path = "/.well-known/acme-challenge/x" }), logfile.Asset},
		{"a script's call", line(func(l *logfile.Line) { l.Destination = "empty" }), logfile.Other},
		{"a form", line(func(l *logfile.Line) { l.Method = "POST" }), logfile.Other},
		{"a redirect", line(func(l *logfile.Line) { l.Status = 301 }), logfile.Other},
		{"a failure", line(func(l *logfile.Line) { l.Status = 500 }), logfile.Other},
		{"not there", line(func(l *logfile.Line) { l.Status = 404 }), logfile.Missing},
		{"gone", line(func(l *logfile.Line) { l.Status = 410 }), logfile.Missing},
		{"a file", line(func(l *logfile.Line) { l.Path = "/a.pdf" }), logfile.Download},
		{"a part of a file", line(func(l *logfile.Line) { l.Path, l.Status = "/a.pdf", 206 }), logfile.Other},
		{"ahead", line(func(l *logfile.Line) { l.Purpose = "prefetch;prerender" }), logfile.Ahead},
	} {
		if got := c.line.Kind(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, kinds[got], kinds[c.want])
		}
		if c.line.IsPage() != (c.want == logfile.Page) {
			t.Errorf("%s: IsPage says otherwise", c.what)
		}
	}
	own := logfile.NewRules([]string{".foo"}, []string{}, []string{"/admin/"})
	for path, want := range map[string]logfile.Kind{"/a.foo": logfile.Asset, "/a.css": logfile.Page, "/a.pdf": logfile.Page, "/admin/x": logfile.Asset} {
		if got := own.Kind(line(func(l *logfile.Line) { l.Path = path })); got != want {
			t.Errorf("%s: got %s, want %s", path, kinds[got], kinds[want])
		}
	}
}

// lawful is what every line is, whatever stands in the log.
func lawful(t *testing.T, l logfile.Line) {
	t.Helper()
	for _, text := range []string{l.Host, l.Method, l.Path, l.Referrer, l.UserAgent, l.Language, l.Purpose, l.Destination} {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(text) > 4*logfile.Longest {
			t.Fatalf("got %q", text)
		}
	}
	if !l.Address.IsValid() || l.Address.Zone() != "" || l.Address.Is4In6() || l.Time.IsZero() || l.Method == "" || l.Path == "" || l.Status < 0 || l.Bytes < 0 || l.Duration < 0 {
		t.Fatalf("got %+v", l)
	}
}

func FuzzReader(f *testing.F) {
	files, err := filepath.Glob("testdata/*.log")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, 300)
	}
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		r, err := logfile.New(struct{ io.Reader }{bytes.NewReader(text)}, logfile.Options{})
		if err != nil {
			return
		}
		var lines []logfile.Line
		for {
			l, err := r.Next()
			if err != nil {
				break
			}
			lawful(t, l)
			lines = append(lines, l)
		}
		if bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
			return
		}
		// Reading in two halves is reading at once.
		cut = min(max(cut, 0), len(text))
		first, err := logfile.New(bytes.NewReader(text[:cut]), logfile.Options{})
		if err != nil {
			return
		}
		halves := all(t, first)
		second := open(t, bytes.NewReader(text), logfile.Options{})
		if _, err := second.Resume(first.Mark()); err != nil {
			t.Fatal(err)
		}
		halves = append(halves, all(t, second)...)
		if !slices.Equal(halves, lines) {
			t.Fatalf("got %d lines in halves, %d at once", len(halves), len(lines))
		}
	})
}

// FuzzJSON compares the reader of JSON with that of the standard library.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{"GET", `a\"b`, `\u00e4\ud83d\ude00`, `\\x`, "ä"} {
		f.Add(s, "192.0.2.1", `{"a":[1,{"b":null}],"c":true}`)
	}
	f.Fuzz(func(t *testing.T, agent, referrer, more string) {
		text := `{"x":` + more + `,"time":1795890515.306,"remote_addr":"192.0.2.1","method":"GET","uri":"/","status":200,"agent":"` + agent + `","referrer":"` + referrer + `"}`
		if strings.Contains(text, "\n") || strings.Contains(more, ":") || !json.Valid([]byte(text)) || !utf8.ValidString(text) || len(text) > logfile.Longest || strings.Count(more, "[") > 10 {
			return
		}
		var want struct{ Agent, Referrer string }
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			return
		}
		lines := all(t, open(t, strings.NewReader(text+"\n"), logfile.Options{}))
		if len(lines) != 1 {
			t.Fatalf("%s is refused", text)
		}
		same := func(got, want string) bool {
			want = strings.Map(func(r rune) rune {
				switch {
				case r == '\b' || r == '\f' || r == '\n' || r == '\r' || r == '\t':
					return ' '
				case r < ' ' || 0x7f <= r && r < 0xa0:
					return -1
				}
				return r
			}, want)
			// What was written as \u0009 is taken out, and as \t is a space.
			return got == want || strings.ReplaceAll(got, " ", "") == strings.ReplaceAll(want, " ", "") || want == "-"
		}
		if l := lines[0]; !same(l.UserAgent, want.Agent) || !same(l.Referrer, want.Referrer) {
			t.Fatalf("%s: got %q and %q", text, l.UserAgent, l.Referrer)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for _, name := range []string{"nginx-combined", "apache-vhost", "nginx-json", "caddy", "iis", "cloudfront"} {
		file, err := os.ReadFile("testdata/" + name + ".log")
		if err != nil {
			b.Fatal(err)
		}
		var heading, lines []byte // what explains the fields comes once
		for line := range bytes.Lines(file) {
			switch {
			case line[0] == '#' && len(lines) > 0:
				file = nil
			case line[0] == '#':
				heading = append(heading, line...)
			case file != nil:
				lines = append(lines, line...)
			}
		}
		text := slices.Concat(heading, bytes.Repeat(lines, 1000))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			all := 1000 * bytes.Count(lines, []byte("\n"))
			for b.Loop() {
				r := open(b, bytes.NewReader(text), logfile.Options{})
				for {
					if _, err := r.Next(); err != nil {
						break
					}
				}
			}
			b.ReportMetric(float64(all)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
