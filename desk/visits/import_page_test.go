package visits

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/desk/visits/export"
	"loot/web/webtest"
)

const importsHref = sitesHref + "/1/imports"

// sends fills in the form of an import.
func (h *house) sends(kind, name, content string, more ...string) webtest.Answer {
	h.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for i, pair := range append([]string{"kind", kind}, more...) {
		if i%2 == 1 {
			continue
		}
		desktest.OK(h.t, form.WriteField(pair, append([]string{"kind", kind}, more...)[i+1]))
	}
	if name != "" {
		part, err := form.CreateFormFile("file", name)
		desktest.OK(h.t, err)
		_, err = part.Write([]byte(content))
		desktest.OK(h.t, err)
	}
	desktest.OK(h.t, form.Close())
	return h.Do(http.MethodPost, importsHref, b.String(), http.Header{"Content-Type": {form.FormDataContentType()}})
}

// imported sends a file, and returns the page that follows.
func (h *house) imported(kind, name, content string) webtest.Answer {
	h.t.Helper()
	desktest.Leads(h.t, h.sends(kind, name, content), importsHref)
	return h.Get(importsHref)
}

// zipOf is a download of an export.
func zipOf(t *testing.T, folder string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	desktest.OK(t, z.AddFS(os.DirFS(filepath.Join("export", "testdata", folder))))
	desktest.OK(t, z.Close())
	return b.String()
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	desktest.OK(t, err)
	desktest.OK(t, z.Close())
	return b.String()
}

// keeper is in the console as one of those who keep the sites.
func (h *house) keeper() { h.Site.Actor = admin }

// TestAnExportIsImportedByTheConsole once, with what it counted in the report's
// sums, and what it could not be recorded for.
func TestAnExportIsImportedByTheConsole(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.keeper()
	desktest.Shows(t, h.Get(sitesHref+"/1"), http.StatusOK, "Imports")
	desktest.Shows(t, h.Get(importsHref), http.StatusOK, "Nothing was imported yet")
	file := zipOf(t, "plausible")
	first := h.imported("Plausible", "export.zip", file)
	desktest.Shows(t, first, http.StatusOK, "22 recorded. By the export itself: views by page: the parts come to 47, and the export says 48.", "Plausible 22 22 0 – Ended")
	desktest.OK(t, h.d.Turn(t.Context()))
	sums := h.counts()
	for key, want := range map[string]Sum{
		"total ":    {Visitors: 18, Visits: 21, Views: 48, Bounces: 7, Engaged: 1140_000},
		"path /":    {Visitors: 16, Visits: 19, Views: 39},
		"path /a,b": {Visitors: 4, Visits: 4, Views: 8},
	} {
		if got := sums[key]; got.Visitors != want.Visitors || got.Visits != want.Visits || got.Views != want.Views || got.Bounces != want.Bounces {
			t.Errorf("%s: %+v, want %+v", key, got, want)
		}
	}
	again := h.imported("Plausible", "renamed.zip", file)
	desktest.Shows(t, again, http.StatusOK, "Nothing is new in this file: it was imported before.")
	if n := strings.Count(again.Body, "<tr>"); n != strings.Count(first.Body, "<tr>") {
		t.Errorf("what was imported before is listed as %d imports", n)
	}
	desktest.OK(t, h.d.Turn(t.Context()))
	if got := h.counts(); fmt.Sprint(got) != fmt.Sprint(sums) {
		t.Errorf("importing again adds: %v, was %v", got, sums)
	}
}

// TestEachProgramsExportIsImportedByTheConsole, and each of them once.
func TestEachProgramsExportIsImportedByTheConsole(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.keeper()
	for folder, kind := range map[string]string{"goatcounter": "GoatCounter", "goatcounter-json": "GoatCounter", "umami": "Umami", "matomo-visits": "Matomo", "ga4-flat": "Google Analytics"} {
		file := zipOf(t, folder)
		desktest.Shows(t, h.imported(kind, folder+".zip", file), http.StatusOK, "recorded.", kind+" ")
		desktest.Shows(t, h.imported(kind, folder+".zip", file), http.StatusOK, "Nothing is new in this file")
	}
	desktest.Shows(t, h.sends("Google Analytics", "ga4.zip", zipOf(t, "ga4")), http.StatusUnprocessableEntity, "ga4.zip counts over several days together")
	// Of the days that a file does not say, the form does.
	file := zipOf(t, "umami-dashboard")
	desktest.Shows(t, h.sends("Umami", "umami.zip", file), http.StatusUnprocessableEntity, "days")
	desktest.Leads(t, h.sends("Umami", "umami.zip", file, "first", "2026-11-01", "last", "2026-11-01"), importsHref)
}

// TestAnExportHasABoundOfRecords: one more than it is refused as a whole.
func TestAnExportHasABoundOfRecords(t *testing.T) {
	file := zipOf(t, "plausible")
	read := func(most int) (*ExportFile, error) {
		return ReadExport("export.zip", strings.NewReader(file), int64(len(file)), export.Plausible, nil, most, export.Options{})
	}
	all, err := read(0)
	desktest.OK(t, err)
	if same, err := read(int(all.Records())); err != nil || same.Records() != all.Records() {
		t.Errorf("as many as may be: %v", err)
	}
	if _, err := read(int(all.Records()) - 1); loot.KindOf(err) != loot.TooLarge {
		t.Errorf("one more than may be: %v", err)
	}
}

// aLog is ten lines of a combined log of a day, each of somebody else.
func aLog(day time.Time) string {
	var b strings.Builder
	for who := range 10 {
		fmt.Fprintf(&b, "198.51.100.%d - - [%s] \"GET /a HTTP/1.1\" 200 512 \"-\" \"%s\"\n", who+1, day.Add(time.Duration(who)*time.Minute).Format("02/Jan/2006:15:04:05 -0700"), firefox)
	}
	return b.String()
}

// oldLine is of a day that is kept no longer.
func oldLine(day time.Time) string {
	line, _, _ := strings.Cut(aLog(day.AddDate(-3, 0, 0)), "\n")
	return line + "\n"
}

// TestALogIsImportedByTheConsole: from where it was read to, packed or not, by the
// console or the API.
func TestALogIsImportedByTheConsole(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.keeper()
	day := h.Clock.Now().AddDate(0, 0, -3).Truncate(24 * time.Hour)
	log := aLog(day.Add(8 * time.Hour))
	desktest.Shows(t, h.imported(kindLog, "access.log", log), http.StatusOK, "10 recorded.", "Log 10 10 0 – Ended")
	desktest.Shows(t, h.imported(kindLog, "access.log.1.gz", zipped(t, log)), http.StatusOK, "Nothing is new in this file")
	more := log + aLog(day.Add(12*time.Hour)) + oldLine(day) + "what is this\n"
	desktest.Shows(t, h.imported(kindLog, "access.log", more), http.StatusOK, "A part of this file was imported before. Of the rest 10 recorded. 2 not recorded",
		"Log 12 10 2 1 a line in none of the known formats 1 of a day that is kept no longer Ended")
	desktest.Shows(t, h.imported(kindLog, "access.log", more), http.StatusOK, "Nothing is new in this file")
	desktest.OK(t, h.d.Turn(t.Context()))
	if got := h.counts()["total "]; got.Views != 20 || got.Visitors != 20 {
		t.Errorf("%+v", got)
	}
}

// TestAFileThatIsWrongChangesNothing, and the form says why.
func TestAFileThatIsWrongChangesNothing(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	h.keeper()
	good := zipOf(t, "plausible")
	day := h.Clock.Now().AddDate(0, 0, -3)
	broken := zipped(t, strings.Repeat(aLog(day), 200))
	large := zipped(t, strings.Repeat(strings.Repeat("x", 1<<20)+"\n", mostUnpacked>>20+1))
	const counted = "date,visitors,pageviews,bounces,visits,visit_duration\n2026-03-01,1,2,0,1,4\n"
	for name, c := range map[string]struct{ kind, file, content, say string }{
		"none":             {"Plausible", "", "", "Choose the file."},
		"no kind":          {"", "export.zip", good, "What it is : Please choose one."},
		"another's":        {"Matomo", "export.zip", good, "export.zip is an export of Plausible, and not of Matomo."},
		"a log":            {"Plausible", "access.log", aLog(day), "access.log, line 1: "},
		"half of it":       {"Plausible", "export.zip", good[:len(good)/2], "the zip cannot be read; download it again."},
		"an impossible":    {"Plausible", "imported_visitors_20260301_20260302.csv", counted + "2026-03-02,1,2,0,2000000000,4\n", "has a number of visits that is not between 0 and 1000000000."},
		"a broken line":    {"Plausible", "imported_visitors_20260301_20260302.csv", counted + "2026-03-02,many,2,0,1,4\n", "imported_visitors_20260301_20260302.csv, line 3"},
		"no log":           {kindLog, "export.zip", good, "No line of this can be read as one of a log: most are in none of the known formats."},
		"no line":          {kindLog, "access.log", "", "There is no whole line in this file."},
		"half of a log":    {kindLog, "access.log.gz", broken[:len(broken)/2], "The file is compressed, and broken."},
		"too much":         {kindLog, "access.log.gz", large, "This is more than the page takes."},
		"more than a form": {kindLog, "access.log", strings.Repeat("x", mostUpload), "This is larger than 16 MiB."},
	} {
		t.Run(name, func(t *testing.T) {
			desktest.Shows(t, h.sends(c.kind, c.file, c.content), http.StatusUnprocessableEntity, c.say, "Nothing was imported yet")
		})
	}
	desktest.Shows(t, h.sends("Plausible", "export.zip", good, "first", "1 March", "dimension", "nothing"), http.StatusUnprocessableEntity,
		"First day : A day is written as 2026-11-28.", "What a report of Matomo is by : Please choose one of those offered.")
	if got := h.noted("visits.import"); got != "" {
		t.Errorf("an import was begun: %s", got)
	}
	if open := h.openDays(); len(open) != 0 {
		t.Errorf("something is recorded of %v", open)
	}
	h.d.uploading.Lock()
	desktest.Shows(t, h.sends("Plausible", "export.zip", good), http.StatusUnprocessableEntity, "Another file is being imported.")
	h.d.uploading.Unlock()
	h.as("t-support")
	if got := h.sends("Plausible", "export.zip", good); got.Status != http.StatusForbidden && got.Status != http.StatusNotFound {
		t.Errorf("whoever does not keep the sites may: %d", got.Status)
	}
	h.keeper()
	desktest.Leads(t, h.Post(sitesHref+"/1/end"), sitesHref+"/1")
	desktest.Shows(t, h.sends("Plausible", "export.zip", good), http.StatusUnprocessableEntity, "Nothing of this site is recorded at present")
}

// TestAnImportThatWasInterruptedIsListed with how far it came and until when it can
// go on, goes on by a file that is sent, which ends it unless another is read, and is ended by
// who keeps the site.
func TestAnImportThatWasInterruptedIsListed(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("UTC")
	begun := h.begin()
	at := h.Clock.Now().AddDate(0, 0, -3)
	if status, taken := h.lines(begun.ID, 0, 2, line(0, at, 1, "/a")+line(1, at.AddDate(-3, 0, 0), 1, "/a")); status != http.StatusOK || taken.Recorded != 1 {
		t.Fatal(status, taken)
	}
	h.keeper()
	desktest.Shows(t, h.Get(importsHref), http.StatusOK, "Log 2 1 1 1 of a day that is kept no longer Under way")
	h.Clock.Advance(time.Hour)
	desktest.Shows(t, h.Get(importsHref), http.StatusOK, "Interrupted Send the same file again before Tue 24 Nov, 09:00")
	desktest.Shows(t, h.imported(kindLog, "access.log", aLog(at)+oldLine(at)), http.StatusOK, "10 recorded. 1 not recorded", "Log 13 11 2 2 of a day that is kept no longer Ended")
	begun = h.begin()
	desktest.Shows(t, h.imported(kindLog, "access.log", aLog(at)+oldLine(at)+oldLine(at)), http.StatusOK, "1 not recorded", "Log 1 0 1 1 of a day that is kept no longer Under way")
	h.Clock.Advance(25 * time.Hour)
	h.keeper()
	desktest.Shows(t, h.Get(importsHref), http.StatusOK, "Not ended")
	h.as("t-support")
	if got := h.Post(importsHref + "/" + begun.ID + "/end"); got.Status != http.StatusForbidden && got.Status != http.StatusNotFound {
		t.Errorf("whoever does not keep the sites may end it: %d", got.Status)
	}
	h.keeper()
	desktest.Leads(t, h.Post(importsHref+"/"+begun.ID+"/end"), importsHref)
	desktest.Lacks(t, h.Get(importsHref), "Not ended")
	// One that is sent is ended also if it fails, so that sent again it is not taken for
	// one that somebody else reads for.
	rename := func(from, to string) {
		_, err := h.Kit.DB.Exec(t.Context(), `ALTER TABLE visits_import_part RENAME `+from+` TO `+to)
		desktest.OK(t, err)
	}
	rename("reason", "why")
	if got := h.sends(kindLog, "access.log", aLog(at.AddDate(0, 0, 1))); got.Status != http.StatusInternalServerError {
		t.Errorf("a table that is broken: %d", got.Status)
	}
	rename("why", "reason")
	page := h.Get(importsHref)
	desktest.Lacks(t, page, "Under way")
	page = h.imported(kindLog, "access.log", aLog(at.AddDate(0, 0, 1)))
	desktest.Lacks(t, page, "Under way")
	if n := strings.Count(page.Body, "Ended"); n != 4 {
		t.Errorf("%d imports have ended, want the two before, what failed and what was sent again", n)
	}
	if got := h.Post(importsHref + "/i9/end"); loot.NotFound.Status() != got.Status {
		t.Errorf("an import that is not there ends: %d", got.Status)
	}
}
