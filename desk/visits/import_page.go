package visits

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk/visits/export"
	"loot/desk/visits/logfile"
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
	kind, reason string // reason empty: recorded
	n            int64
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
	for i := range all {
		rows, err := tx.Query(ctx, `SELECT kind, reason, n FROM visits_import_part WHERE import = $1 ORDER BY n DESC, kind, reason`, all[i].id)
		if all[i].parts, err = readRows(rows, err, "parts of imports", func(row store.Row) (p importPart, err error) {
			return p, row.Scan(&p.kind, &p.reason, &p.n)
		}); err != nil {
			return nil, err
		}
	}
	return all, err
}

// lately is how long after its last batch an import counts as under way.
const lately = time.Minute

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
	case now.Sub(im.touched) < lately:
		row.State = web.Badge{Tone: web.Info, Text: "Under way", Icon: "clock"}
	case now.Before(until):
		row.State = web.Badge{Tone: web.Warn, Text: "Interrupted", Icon: "triangle-alert"}
		row.Until = until.In(s.place).Format("Mon 2 Jan, 15:04")
	default:
		row.State = web.Badge{Text: "Not ended", Icon: "clock"}
	}
	row.End = &web.Action{Label: "End", Small: true, Post: true, Href: importHref(s) + "/" + im.id + "/end", Confirm: "End this import? The days that it wrote to are closed."}
	return row
}

// uploadImport imports a file that a keeper of the sites sends.
func (d *Visits) uploadImport(w http.ResponseWriter, r *http.Request) error {
	s, err := d.asked(r)
	if err != nil {
		return err
	}
	form, files, err := web.Upload(r, mostUpload)
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

// An upload is a file that is to be imported.
type upload struct {
	web.File

	kind    string
	options export.Options
}

// readUpload checks the form.
func readUpload(s *Site, form url.Values, files []web.File) (up upload, err error) {
	wrong := map[string]string{}
	if !s.Ended.IsZero() {
		return up, loot.Errorf(loot.Invalid, "Nothing of this site is recorded at present. Record it again first.")
	}
	if len(files) == 1 {
		up.File = files[0]
	} else {
		wrong["file"] = "Choose the file."
	}
	up.kind, up.options = form.Get("kind"), export.Options{Dimension: export.Dimension(form.Get("dimension")), Limit: mostUnpacked}
	for name, to := range map[string]*time.Time{"first": &up.options.First, "last": &up.options.Last} {
		if day := form.Get(name); day != "" {
			if *to, err = time.Parse(time.DateOnly, day); err != nil {
				wrong[name] = "A day is written as 2026-11-28."
			}
		}
	}
	for name, what := range web.Wrong(importForm().Check(form)) {
		wrong[name] = what
	}
	return up, web.Invalid("", wrong)
}

// An uploaded file is what an upload came to.
type uploaded struct {
	recorded int
	refused  map[string]int
	before   bool // some of it, or all, was imported before
	remarks  []string
}

func (u *uploaded) add(t *ImportTaken) {
	u.recorded += t.Recorded
	for why, n := range t.Refused {
		u.refused[why] += n
	}
}

func (u *uploaded) tone() web.Tone {
	if u.recorded == 0 {
		return web.Info
	}
	return web.Good
}

// remarksSaid is how many remarks a message has room for.
const remarksSaid = 5

func (u *uploaded) words() string {
	text := number(u.recorded) + " recorded."
	n := 0
	for _, of := range u.refused {
		n += of
	}
	switch {
	case u.recorded+n == 0 && u.before:
		text = "Nothing is new in this file: it was imported before."
	case u.before:
		text = "A part of this file was imported before. Of the rest " + loot.LowerFirst(text)
	}
	if n > 0 {
		text += " " + number(n) + " not recorded; the list says why."
	}
	for _, remark := range u.remarks[:min(remarksSaid, len(u.remarks))] {
		text += " By the export itself: " + remark
	}
	return text
}

// importUpload imports a file. Nothing is begun, and nothing changes, unless the
// file can be read and has something that was not imported before.
func (d *Visits) importUpload(ctx context.Context, by loot.Actor, s *Site, up upload) (*uploaded, error) {
	if !d.uploading.TryLock() {
		return nil, errUploading
	}
	defer d.uploading.Unlock()
	key, err := base64.RawURLEncoding.DecodeString(d.imports.key(s))
	if err != nil {
		return nil, fmt.Errorf("visits: import: %w", err)
	}
	var marks []logfile.Mark
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		texts, err := listMarks(ctx, tx, s)
		marks = marks[:0]
		for _, text := range texts {
			var m logfile.Mark
			if m.UnmarshalText([]byte(text)) == nil { // a program's own may be of another form
				marks = append(marks, m)
			}
		}
		return err
	}); err != nil {
		return nil, err
	}
	if up.kind == kindLog {
		return d.uploadLog(ctx, by, s, up, key, marks)
	}
	return d.uploadExport(ctx, by, s, up, key, marks)
}

func (d *Visits) uploadExport(ctx context.Context, by loot.Actor, s *Site, up upload, key []byte, marks []logfile.Mark) (*uploaded, error) {
	f, err := ReadExport(up.Name, bytes.NewReader(up.Content), int64(len(up.Content)), export.Product(up.kind), key, mostUploaded, up.options)
	if err != nil {
		return nil, err
	}
	taken := f.Taken(marks...)
	out := &uploaded{refused: map[string]int{}, before: taken > 0, remarks: f.Remarks()}
	if taken >= f.Records() {
		out.remarks = nil
		return out, nil
	}
	begun, err := d.beginImport(ctx, by, s)
	if err != nil {
		return nil, err
	}
	if err := f.Each(taken, func(r *ImportRecords) error {
		t, err := d.importRecords(ctx, s, begun.ID, r)
		if err == nil {
			out.add(t)
		}
		return err
	}); err != nil {
		return nil, err
	}
	_, err = d.endImport(ctx, by, s, begun.ID)
	return out, err
}

func (d *Visits) uploadLog(ctx context.Context, by loot.Actor, s *Site, up upload, key []byte, marks []logfile.Mark) (*uploaded, error) {
	defer clear(up.Content) // addresses and browsers
	if err := unpacks(up.Content); err != nil {
		return nil, err
	}
	r, err := logfile.New(bytes.NewReader(up.Content), logfile.Options{Key: key})
	if err != nil {
		return nil, fmt.Errorf("visits: import: %w", err)
	}
	from, err := r.Resume(marks...)
	if err != nil {
		return nil, fmt.Errorf("visits: import: %w", err)
	}
	out := &uploaded{refused: map[string]int{}, before: from.Offset > 0}
	l, err := r.Next()
	if errors.Is(err, io.EOF) {
		if out.before {
			return out, nil
		}
		return nil, unreadable(r.Counts())
	}
	begun, failed := d.beginImport(ctx, by, s)
	if failed != nil {
		return nil, failed
	}
	b := NewLogBatch(from)
	hand := func() error {
		after, mark, lines := b.Take()
		t, err := d.importLines(ctx, s, begun.ID, after, mark, lines)
		if err == nil {
			out.add(t)
		}
		return err
	}
	for ; err == nil; l, err = r.Next() {
		if b.Add(&l) {
			if err := hand(); err != nil {
				return nil, err
			}
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("visits: import: %w", err)
	}
	if !b.Empty() {
		if err := hand(); err != nil {
			return nil, err
		}
	}
	unread := map[string]int{}
	for why, n := range r.Counts().Refused {
		unread["a line "+string(why)] = int(n)
		out.refused["a line "+string(why)] += int(n)
	}
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		return addToImport(ctx, tx, begun.ID, kindLog, 0, unread, d.Now())
	}); err != nil {
		return nil, err
	}
	_, err = d.endImport(ctx, by, s, begun.ID)
	return out, err
}

// unpacks reads what is compressed once, lest it is found to be broken, or
// larger than can be, when a part of it is recorded.
func unpacks(content []byte) error {
	if !bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
		return nil
	}
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return loot.Wrap(loot.Invalid, err, "The file is compressed, and not as gzip does it.")
	}
	n, err := io.Copy(io.Discard, io.LimitReader(z, mostUnpacked+1))
	if err != nil {
		return loot.Wrap(loot.Invalid, err, "The file is compressed, and broken. Fetch it again.")
	}
	if n > mostUnpacked {
		return errLargeUpload
	}
	return nil
}

// unreadable says of a log why no line of it is one.
func unreadable(c logfile.Counts) error {
	var most logfile.Reason
	for why, n := range c.Refused {
		if most == "" || cmp.Or(cmp.Compare(n, c.Refused[most]), cmp.Compare(most, why)) > 0 {
			most = why
		}
	}
	if most == "" {
		return loot.Errorf(loot.Invalid, "There is no whole line in this file.")
	}
	return loot.Errorf(loot.Invalid, "No line of this can be read as one of a log: most are %s. Nothing of it was recorded.", most)
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
