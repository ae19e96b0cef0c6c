package export_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"loot/desk/visits/export"
)

var update = flag.Bool("update", false, "write the goldens")

// download is the file of a directory of testdata: itself, or a zip of several.
func download(t testing.TB, dir string) (string, []byte) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if texts[f.Name()] = string(b); len(files) == 1 {
			return f.Name(), b
		}
	}
	return "export.zip", zipped(t, texts)
}

func zipped(t testing.TB, texts map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, text := range texts {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var march = export.Options{First: date("2026-03-01"), Last: date("2026-03-31")}

func date(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

// read shows all that an export gives.
func read(name string, b []byte, o export.Options) (string, *export.Summary, error) {
	var out strings.Builder
	summary, err := export.Read(name, bytes.NewReader(b), int64(len(b)), o, export.Sink{
		View: func(v export.View) error {
			fmt.Fprintf(&out, "%+v\n", v)
			return nil
		},
		Daily: func(d export.Daily) error {
			fmt.Fprintf(&out, "%s..%s %s %q %q %+v visitors=%d visits=%d views=%d events=%d bounces=%d duration=%s has=%06b\n", d.First.Format(time.DateOnly), d.Last.Format(time.DateOnly),
				d.Dimension, d.Value, d.Detail, d.Campaign, d.Visitors, d.Visits, d.Views, d.Events, d.Bounces, d.Duration, d.Has)
			return nil
		},
	})
	return out.String(), summary, err
}

func TestExports(t *testing.T) {
	dirs, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if !dir.IsDir() || dir.Name() == "fuzz" {
			continue
		}
		t.Run(dir.Name(), func(t *testing.T) {
			name, b := download(t, filepath.Join("testdata", dir.Name()))
			o := export.Options{}
			if dir.Name() == "umami-dashboard" {
				o = march
			}
			got, summary, err := read(name, b, o)
			if err != nil {
				t.Fatal(err)
			}
			got += fmt.Sprintf("%s from %s to %s: %d views, %d of bots, %d counts; passed %d rows and left %q\n", summary.Product, summary.First.Format(time.DateOnly), summary.Last.Format(time.DateOnly),
				summary.Views, summary.Bots, summary.Dailies, summary.Passed, summary.Left)
			for _, c := range summary.Checks {
				got += fmt.Sprintf("%s: %d of %d: %t\n", c.What, c.Parts, c.Says, c.OK())
			}
			golden := filepath.Join("testdata", dir.Name()+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			for _, secret := range []string{"192.0.2.0", "198.51.100.0", "ann@example.org", "ann ", "secret", "Mozilla"} {
				if strings.Contains(got, secret) {
					t.Errorf("%q is read", secret)
				}
			}
		})
	}
}

// TestEncodings reads what a download can be wrapped in.
func TestEncodings(t *testing.T) {
	name, plain := download(t, "testdata/matomo-visits")
	want, _, err := read(name, plain, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	little := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(string(plain))) {
		little = append(little, byte(unit), byte(unit>>8))
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string][]byte{
		"UTF-16, as Matomo writes for Excel": little,
		"UTF-8 with a mark":                  append([]byte("\xef\xbb\xbf"), plain...),
		"gzip":                               packed.Bytes(),
		"zip":                                zipped(t, map[string]string{"a/" + name: string(plain), "__MACOSX/a/" + name: "x", "readme.txt": "x"}),
		"lines of Windows":                   bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\n")),
	} {
		got, _, err := read(name, b, export.Options{})
		if err != nil || got != want {
			t.Errorf("%s: %v\ngot:\n%s\nwant:\n%s", what, err, got, want)
		}
	}
}

// TestErrorsSayWhere spoils one thing of each export.
func TestErrorsSayWhere(t *testing.T) {
	for _, c := range []struct {
		dir, file, from, to string
		o                   export.Options
		want                string
	}{
		{"goatcounter", "export.csv", "2026-03-02T23", "2026-13-02T23", export.Options{}, `export.csv, line 5, column "Date": it is no time`},
		{"goatcounter", "export.csv", ",1,2026-03-02T23", ",maybe,2026-03-02T23", export.Options{}, `line 5, column "FirstVisit": it is neither yes nor no`},
		{"goatcounter", "export.csv", "2Path", "9Path", export.Options{}, `line 1, column "9Path": Loot reads version 2`},
		{"goatcounter", "export.csv", ",US,1,", ",US,", export.Options{}, "line 5: it has 13 fields, and the heading has 14"},
		{"goatcounter", "export.csv", "/,Home,0,,Chrome", `/,"Home,0,,Chrome`, export.Options{}, "export.csv, line 5: at byte"},
		{"goatcounter-json", "hit_stats.jsonl", `"ref_id": 3`, `"ref_id": 77`, export.Options{}, "hit_stats.jsonl, record 2: it cannot be read: its ref_id is of nothing"},
		{"goatcounter-json", "info.json", `"1.0"`, `"2.0"`, export.Options{}, `info.json, column "export_version"`},
		{"plausible", "imported_pages_20260301_20260302.csv", "8,22,", "8,many,", export.Options{}, `imported_pages_20260301_20260302.csv, line 2, column "pageviews": it is no whole number`},
		{"plausible", "imported_pages_20260301_20260302.csv", "8,22,", "8,-22,", export.Options{}, "no number that can be counted"},
		{"plausible", "imported_visitors_20260301_20260302.csv", "2026-03-02", "2026-02-30", export.Options{}, `line 3, column "date": it is no day`},
		{"umami", "website_event.csv", "2026-03-01 10:00:30.250", "yesterday", export.Options{}, `website_event.csv, line 3, column "created_at"`},
		{"umami-dashboard", "pages.csv", "", "", export.Options{}, "it says no days; give the first and the last day"},
		{"matomo-visits", "visits.csv", "1772445600,", "x,", export.Options{}, `visits.csv, line 3, column "timestamp (actionDetails 0)"`},
		{"matomo-visits-json", "visits.json", `"timestamp":1772359220`, `"timestamp":1`, export.Options{}, `visits.json, record 1, column "timestamp (actionDetails 3)"`},
		{"matomo-visits-json", "visits.json", "}]}]", "}]}", export.Options{}, "visits.json, record 2: it ends there, and is not whole"},
		{"matomo-report-json", "report.json", "plugins/Morpheus/icons/dist/browsers/FF.png", "", export.Options{}, `report.json, record 1, column "label": the report does not say`},
		{"matomo-report", "Export_Pages.csv", "2026-03-01,prices", "1 March,prices", export.Options{}, `Export_Pages.csv, line 3, column "date"`},
		{"ga4", "Pages_and_screens.csv", "0002,10", "0005,10", export.Options{}, `line 13, column "Nth day": it is not within the days of the file`},
		{"ga4", "Pages_and_screens.csv", "/,60,40", "/,6x,40", export.Options{}, `column "Views": it is no whole number`},
		{"ua", "Analytics_Pages.csv", "# 20230101-20230103", "#", export.Options{}, "line 8: the file says no days"},
		{"ua", "Analytics_Pages.csv", "Page,Pageviews", "Seite,Seitenaufrufe", export.Options{}, ""},
	} {
		name, b := download(t, filepath.Join("testdata", c.dir))
		if name == "export.zip" {
			texts := map[string]string{}
			files, err := os.ReadDir(filepath.Join("testdata", c.dir))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				b, err := os.ReadFile(filepath.Join("testdata", c.dir, f.Name()))
				if err != nil {
					t.Fatal(err)
				}
				texts[f.Name()] = string(b)
			}
			texts[c.file] = strings.Replace(texts[c.file], c.from, c.to, 1)
			b = zipped(t, texts)
		} else {
			b = []byte(strings.Replace(string(b), c.from, c.to, 1))
		}
		_, summary, err := read(name, b, c.o)
		if c.want == "" {
			if err != nil || len(summary.Left) == 0 {
				t.Errorf("%s: %v, %+v", c.dir, err, summary)
			}
			continue
		}
		var where *export.Error
		if !errors.As(err, &where) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %q for %q: got %v, want %s", c.dir, c.to, c.from, err, c.want)
		}
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	for what, text := range map[string]string{
		"nothing":          "",
		"words":            "hello\n",
		"another heading":  "a,b,c\n1,2,3\n",
		"a heading alone":  "date,nb_visits\n",
		"other JSON":       `[{"a":1}]`,
		"half a JSON":      `{"2026-03-01":[{"label":`,
		"much behind":      `[] []`,
		"a scalar":         `{"a":1}`,
		"no zip":           "PK\x03\x04 and more",
		"no gzip":          "\x1f\x8b and more",
		"an unclosed mark": "2Path,FirstVisit\n\"",
	} {
		if _, summary, err := read("a.csv", []byte(text), march); err == nil {
			t.Errorf("%s: got %+v", what, summary)
		}
	}
	mixed := map[string]string{}
	for _, dir := range []string{"umami", "goatcounter"} {
		name, b := download(t, "testdata/"+dir)
		mixed[name] = string(b)
	}
	if _, _, err := read("a.zip", zipped(t, mixed), march); err == nil || !strings.Contains(err.Error(), "the others are of") {
		t.Errorf("two products in one: %v", err)
	}
}

// TestBombsAreBounded reads little that would become much.
func TestBombsAreBounded(t *testing.T) {
	row := "2026-03-01T10:00:00Z"
	heading := "2Path,FirstVisit,Date\n"
	many := heading + strings.Repeat("/,1,"+row+"\n", 50_000)
	const large = "larger than the limit"
	for what, c := range map[string]struct {
		zip  []byte
		want string
	}{
		"rows":              {zipped(t, map[string]string{"a.csv": many}), large},
		"a field":           {zipped(t, map[string]string{"a.csv": heading + `"` + strings.Repeat("x", 2<<20)}), large},
		"space":             {zipped(t, map[string]string{"a.csv": strings.Repeat(" ", 2<<20)}), large},
		"files":             {zipped(t, files(2000)), "more than 1000 files"},
		"depth of JSON":     {zipped(t, map[string]string{"a.json": strings.Repeat("[", 100_000)}), "cannot be read"},
		"what is not a row": {zipped(t, map[string]string{"a.json": `{"x":` + strings.Repeat("[", 100_000)}), "not whole"},
		"a word of JSON":    {zipped(t, map[string]string{"a.json": `[{"idvisit":"` + strings.Repeat("x", 2<<20)}), large},
	} {
		_, _, err := read("a.zip", c.zip, export.Options{Limit: 1 << 20})
		var where *export.Error
		if !errors.As(err, &where) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", what, err, c.want)
		}
	}
	long := heading + `"` + strings.Repeat("x", 5<<20) + `",1,` + row + "\n"
	if _, _, err := read("a.csv", []byte(long), export.Options{}); err == nil || !strings.Contains(err.Error(), "line 2: it is longer than 4 MiB") {
		t.Errorf("got %v", err)
	}
	if _, summary, err := read("a.csv", []byte(many), export.Options{}); err != nil || summary.Views != 50_000 {
		t.Errorf("got %+v, %v", summary, err)
	}
}

func files(n int) map[string]string {
	out := map[string]string{}
	for i := range n {
		out[fmt.Sprint(i, ".csv")] = "x"
	}
	return out
}

func TestErrorOfTheSinkEndsIt(t *testing.T) {
	full := errors.New("full")
	for _, dir := range []string{"goatcounter", "plausible", "goatcounter-json", "ga4", "matomo-report-json"} {
		name, b := download(t, "testdata/"+dir)
		_, err := export.Read(name, bytes.NewReader(b), int64(len(b)), march, export.Sink{View: func(export.View) error { return full }, Daily: func(export.Daily) error { return full }})
		if !errors.Is(err, full) {
			t.Errorf("%s: got %v", dir, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	dirs, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, dir := range dirs {
		if dir.IsDir() && dir.Name() != "fuzz" {
			name, b := download(f, filepath.Join("testdata", dir.Name()))
			f.Add(name, b)
		}
	}
	for _, name := range []string{"imported_pages_20260301_20260302.csv", "imported_locations_20260301_20260302.csv"} {
		b, err := os.ReadFile("testdata/plausible/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, b)
	}
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		o := march
		o.Limit = 1 << 20
		fine := func(texts ...string) {
			for _, text := range texts {
				if !utf8.ValidString(text) || len(text) > 4096+8 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
					t.Fatalf("got %q", text)
				}
			}
		}
		_, err := export.Read(name, bytes.NewReader(b), int64(len(b)), o, export.Sink{
			View: func(v export.View) error {
				fine(v.Event, v.Title, v.Browser, v.Country, v.Referrer)
				if v.Time.IsZero() || v.Duration < 0 || v.Width < 0 {
					t.Fatalf("got %+v", v)
				}
				return nil
			},
			Daily: func(d export.Daily) error {
				fine(d.Value, d.Detail)
				if d.First.IsZero() || d.Last.Before(d.First) || min(d.Visitors, d.Visits, d.Views, d.Events, d.Bounces) < 0 || d.Duration < 0 {
					t.Fatalf("got %+v", d)
				}
				return nil
			},
		})
		var where *export.Error
		if err != nil && !errors.As(err, &where) {
			t.Fatalf("got an error that does not say where: %v", err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for _, c := range []struct{ name, heading, row string }{
		{"goatcounter.csv", "2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,Screen size,Location,FirstVisit,Date\n", "/prices,Prices,0,,Firefox 140,Windows 11,287fb97cbed4e4f-8e4f5c975b8fee06,0,www.reddit.com/r/golang,h,\"1920,0,1\",DE-BY,1,2026-03-01T10:01:00Z\n"},
		{"imported_browsers_20260301_20260302.csv", "date,browser,browser_version,visitors,visits,visit_duration,bounces,pageviews\n", "2026-03-01,Firefox,140.0,10,12,640,4,30\n"},
	} {
		text := []byte(c.heading + strings.Repeat(c.row, 20_000))
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := export.Read(c.name, bytes.NewReader(text), int64(len(text)), export.Options{}, export.Sink{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(20_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
