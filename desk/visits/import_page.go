package visits

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk/visits/export"
	"loot/store"
	"loot/web"
)

var importsPage = web.NewPage[importsView](pageFiles, "pages/imports.html")

type importsView struct {
	web.View
	List   []importRow
	Action string
	Form   web.Fields
	Wrong  *web.Problems
	Ended  bool // the site takes nothing
	Most   string
	Script string
}

type importRow struct {
	Begun    time.Time
	What     string
	Read     string
	Recorded string
	Refused  string
	Why      []string
	State    web.Badge
	Until    string // until when it can go on; empty: it cannot
	End      *web.Action
}

// The bounds of a file that is uploaded: as large as a batch by the API. It is
// read in memory, as addresses are written nowhere; larger ones are the command's.
const (
	mostUpload   = 16 << 20
	mostUnpacked = 256 << 20
	mostUploaded = 200_000 // records of an export
)

var (
	errLargeUpload = loot.Errorf(loot.TooLarge, "This is more than the page takes. Import it by the command loot visits import.")
	errUploading   = loot.Errorf(loot.Conflict, "Another file is being imported. Send this one when that is done.")
)

// products are the programs whose exports are read.
var products = []export.Product{export.GoatCounter, export.Plausible, export.Umami, export.Matomo, export.GoogleAnalytics}

func importHref(s *Site) string {
	return sitesHref + "/" + strconv.Itoa(int(s.Number)) + "/imports"
}

func importForm() web.Fields {
	of := []web.Option{{Value: kindLog, Label: "Access log of a web server"}}
	for _, p := range products {
		of = append(of, web.Option{Value: string(p), Label: "Export of " + string(p)})
	}
	by := []web.Option{{Value: "", Label: "As the file says"}}
	for _, d := range []export.Dimension{export.Page, export.Entry, export.Exit, export.Source, export.Country, export.Language, export.Browser, export.System, export.Device, export.Event} {
		by = append(by, web.Option{Value: string(d), Label: strings.ToUpper(string(d[:1])) + string(d[1:])})
	}
	return web.Fields{
		{Name: "kind", Label: "What it is", Type: "select", Required: true, Plain: true, Options: of},
		{Name: "file", Label: "File", Type: "file", Required: true, Plain: true, Hint: "As it was downloaded or written, also as .gz, and an export as .zip. Up to " + mostUploadWords + "."},
		{Name: "first", Label: "First day", Type: "date", Hint: "Of an export that says none."},
		{Name: "last", Label: "Last day", Type: "date", Hint: "Of an export that says none."},
		{Name: "dimension", Label: "What a report of Matomo is by", Type: "select", Options: by},
	}
}

var mostUploadWords = strconv.Itoa(mostUpload>>20) + " MiB"

func (d *Visits) listImportsPage(w http.ResponseWriter, r *http.Request) error {
	s, err := d.asked(r)
	if err != nil {
		return err
	}
	return d.showImports(w, r, http.StatusOK, s, nil, nil)
}

func (d *Visits) showImports(w http.ResponseWriter, r *http.Request, status int, s *Site, typed url.Values, wrong error) error {
	v := importsView{View: web.ViewOf(r, "Imports"), Action: importHref(s), Ended: !s.Ended.IsZero(), Most: mostUploadWords, Script: s.Script}
	v.Lead = "Logs of web servers and exports of other programs, as visits to " + s.Name + "."
	v.Crumbs = []web.Crumb{{Label: "Sites", Href: sitesHref}, {Label: s.Name, Href: sitesHref + "/" + strconv.Itoa(int(s.Number))}}
	v.Form = importForm().With(typed, wrong)
	v.Wrong = web.ProblemsOf(wrong, v.Form)
	now := d.Now()
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		v.List = nil
		all, err := listImports(r.Context(), tx, s)
		for _, im := range all {
			v.List = append(v.List, im.row(s, now))
		}
		return err
	}); err != nil {
		return err
	}
	return importsPage.Render(w, r, status, v)
}

// A listedImport is an import with what became of its parts.
type listedImport struct {
	id                    string
	recorded, refused     int64
	began, touched, ended time.Time
	parts                 []importPart
}

type importPart struct {
	of, kind, reason string // reason empty: recorded
	n                int64
}

// importsShown is how many imports are listed.
const importsShown = 100

// listImports returns the imports of a site, the latest first.
func listImports(ctx context.Context, tx *store.Tx, s *Site) ([]listedImport, error) {
	rows, err := tx.Query(ctx, `SELECT id, recorded, refused, began, touched, ended FROM visits_import WHERE site = $1 ORDER BY began DESC, id LIMIT $2`, s.Number, importsShown)
	all, err := readRows(rows, err, "imports", func(row store.Row) (im listedImport, err error) {
		var began, touched, ended int64
		err = row.Scan(&im.id, &im.recorded, &im.refused, &began, &touched, &ended)
		im.began, im.touched = store.Instant(began), store.Instant(touched)
		if ended != 0 {
			im.ended = store.Instant(ended)
		}
		return im, err
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	at, ids := map[string]*listedImport{}, make([]any, len(all))
	for i := range all {
		at[all[i].id], ids[i] = &all[i], all[i].id
	}
	rows, err = tx.Query(ctx, `SELECT import, kind, reason, n FROM visits_import_part WHERE import IN (`+store.Placeholders(1, len(ids))+`) ORDER BY n DESC, kind, reason`, ids...)
	parts, err := readRows(rows, err, "parts of imports", func(row store.Row) (p importPart, err error) {
		return p, row.Scan(&p.of, &p.kind, &p.reason, &p.n)
	})
	for _, p := range parts {
		at[p.of].parts = append(at[p.of].parts, p)
	}
	return all, err
}

// underWay reports whether an import that was touched then counts as one whose file is
// still read.
func underWay(now, touched time.Time) bool { return now.Sub(touched) < time.Minute }

func (im listedImport) row(s *Site, now time.Time) importRow {
	row := importRow{
		Begun: im.began, Read: number(int(im.recorded + im.refused)), Recorded: number(int(im.recorded)), Refused: number(int(im.refused)),
	}
	var what []string
	for _, p := range im.parts {
		name := p.kind
		if p.kind == kindLog {
			name = "Log"
		}
		if p.kind == kindExport {
			name = "Export"
		}
		if !slices.Contains(what, name) {
			what = append(what, name)
		}
		if p.reason != "" {
			row.Why = append(row.Why, number(int(p.n))+" "+p.reason)
		}
	}
	row.What = strings.Join(what, ", ")
	until := im.touched.Add(mostImport)
	switch {
	case !im.ended.IsZero():
		row.State = web.Badge{Tone: web.Good, Text: "Ended", Icon: "check"}
		return row
	case underWay(now, im.touched):
		row.State = web.Badge{Tone: web.Info, Text: "Under way", Icon: "clock"}
	case now.Before(until):
		row.State = web.Badge{Tone: web.Warn, Text: "Interrupted", Icon: "triangle-alert"}
		row.Until = until.In(s.place).Format("Mon 2 Jan, 15:04")
	default:
		row.State = web.Badge{Text: "Not ended", Icon: "clock"}
	}
	row.End = &web.Action{Label: "End", Small: true, Post: true, Href: importHref(s) + "/" + im.id + "/end", Confirm: "End this import? The days that it wrote to are closed, and whoever is in what it still reads counts anew."}
	return row
}

// uploadImport imports a file that a keeper of the sites sends.
func (d *Visits) uploadImport(w http.ResponseWriter, r *http.Request) error {
	s, err := d.asked(r)
	if err != nil {
		return err
	}
	form, files, err := web.Upload(r, mostUpload)
	defer func() {
		for _, f := range files["file"] {
			clear(f.Content) // of a log it has addresses and browsers
		}
	}()
	if loot.KindOf(err) == loot.TooLarge {
		err = web.Invalid("", map[string]string{"file": "This is larger than " + mostUploadWords + ". Import it by the command loot visits import."})
	}
	var up upload
	if err == nil {
		up, err = readUpload(s, form, files["file"])
	}
	var came *uploaded
	if err == nil {
		came, err = d.importUpload(r.Context(), web.ActorOf(r.Context()), s, up)
		switch loot.KindOf(err) {
		case loot.Invalid, loot.TooLarge, loot.Conflict:
			err = web.Invalid("", map[string]string{"file": loot.Message(err)})
		}
	}
	if loot.KindOf(err) == loot.Invalid {
		return d.showImports(w, r, http.StatusUnprocessableEntity, s, form, err)
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, came.tone(), came.words())
	return web.Redirect(w, r, importHref(s))
}

// endImportPage ends an import that was left.
func (d *Visits) endImportPage(w http.ResponseWriter, r *http.Request) error {
	s, err := d.asked(r)
	if err != nil {
		return err
	}
	if _, err := d.endImport(r.Context(), web.ActorOf(r.Context()), s, r.PathValue("id")); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "The import has ended.")
	return web.Redirect(w, r, importHref(s))
}
