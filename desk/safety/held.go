package safety

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/mail"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// Who reports has no portal: by the address that they left they get a link, by which they
// take a copy of what is held of them, or have it erased.

var heldPage = web.NewPage[heldView](pageFiles, "pages/held.html")

const (
	heldFor  = 24 * time.Hour // how long such a link works
	mostHeld = 3              // such links of one address that work at a time
)

type heldView struct {
	web.View
	Said  *web.Alert
	Form  web.Fields
	Wrong *web.Problems
	Rows  []heldRow
	Copy  web.Action
	Erase web.Action
}

// A heldRow is a report in the list of whoever sent it.
type heldRow struct {
	Title string
	At    time.Time
}

func heldForm() web.Fields {
	return web.Fields{{Name: "email", Label: "Your e-mail address", Type: "email", Required: true, Autocomplete: "email", MaxLen: 254, Wide: true, Hint: "The one that you left with your report."}}
}

// askHeld asks for the address of whoever reported.
func (d *Safety) askHeld(w http.ResponseWriter, r *http.Request) error {
	return d.showHeld(w, r, http.StatusOK, heldView{Form: heldForm()})
}

func (d *Safety) showHeld(w http.ResponseWriter, r *http.Request, status int, v heldView) error {
	v.View = web.ViewOf(r, "What we hold of your reports")
	v.Lead = "If you left your address with a report of misuse, take a copy of what we hold of you, or have it erased. You need no account."
	return heldPage.Render(w, r, status, v)
}

// sendHeld has a link sent to an address if somebody left it with a report. Whether they did
// shows neither in the answer nor in how long it takes.
func (d *Safety) sendHeld(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := heldForm()
	if err = form.Check(typed); err == nil && !mail.ValidAddress(typed.Get("email")) {
		err = web.Invalid("", map[string]string{"email": web.NotEmail})
	}
	if err != nil {
		form = form.With(typed, err)
		return d.showHeld(w, r, http.StatusUnprocessableEntity, heldView{Form: form, Wrong: web.ProblemsOf(err, form)})
	}
	address, err := d.key.Seal([]byte(typed.Get("email")), heldBound)
	if err != nil {
		return fmt.Errorf("safety: held: %w", err)
	}
	if err := d.DB.InTx(r.Context(), func(tx *store.Tx) error { return d.Jobs.Enqueue(r.Context(), tx, heldArgs{address}) }); err != nil {
		return err
	}
	return d.showHeld(w, r, http.StatusOK, heldView{Said: &web.Alert{
		Tone: web.Info, Title: "Look into your mail.", Text: "If a report was sent with this address, a letter with a link is on its way there. The link works for a day.",
	}})
}

// heldArgs asks for the letter with the link to what is held of whoever reported.
type heldArgs struct {
	Address []byte `json:"address"` // sealed
}

// heldBound is what the address of such a letter is sealed with.
var heldBound = []byte("held")

// Kind names the job.
func (heldArgs) Kind() string { return "safety.held" }

// writeHeld writes to an address that was left with a report. It is the one that was typed:
// nothing of the record is opened for it, also once no case is open that would let it be.
func (d *Safety) writeHeld(ctx context.Context, a heldArgs) error {
	address, err := d.key.Open(a.Address, heldBound)
	if err != nil {
		return fmt.Errorf("safety: held: %w", err)
	}
	mark := d.markOfReporter(string(address))
	var l link
	var to loot.Subject
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		to = ""
		list, err := reportsBy(ctx, tx, mark)
		if err != nil || len(list) == 0 {
			return err
		}
		live, err := links(ctx, tx, `purpose = $1 AND expires > $2 AND report IN (SELECT id FROM safety_report WHERE reporter = $3)`, toHeld, d.Now().UnixMicro(), mark)
		if err != nil || len(live) >= mostHeld {
			return err
		}
		to = list[0].Subject
		l, err = d.makeLink(ctx, tx, link{Report: list[0].ID, Purpose: toHeld, Expires: d.Now().Add(heldFor)})
		return err
	}); err != nil || to == "" {
		return err
	}
	m, err := mail.Letter{
		Subject: "What we hold of your reports of misuse", Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para("Somebody asked for a link to what we hold of reports that were sent with this address. By it you take a copy, or have it erased."),
			mail.Button("Look at it", d.BaseURL+l.path(d)),
			mail.Note("No password is needed, so keep the link to yourself. It works until " + l.Expires.UTC().Format(letterDay) + ". If you did not ask for it, do nothing."),
		},
		Why: "You get this because this address was left with a report of misuse.",
	}.Message(d.House(), "held-"+l.ID, string(address))
	if err != nil {
		return err
	}
	m.About, m.Collection = to, reporters
	if err := d.Mail.Send(ctx, m); err != nil && !errors.Is(err, mail.ErrRejected) {
		return err
	}
	return nil
}

// reportsBy returns the reports that were sent with an address, the last one first, but for
// those of cases that are held aside.
func reportsBy(ctx context.Context, tx *store.Tx, mark []byte) (out []filed, err error) {
	rows, err := tx.Query(ctx, `SELECT id, subject, at, way, kind, reporter, repeats FROM safety_report r WHERE reporter = $1 AND subject <> ''
		AND EXISTS (SELECT 1 FROM safety_about a JOIN safety_case c ON c.id = a.matter WHERE a.report = r.id AND c.aside = 0) ORDER BY at DESC, id LIMIT $2`, mark, mostShown)
	if err != nil {
		return nil, fmt.Errorf("safety: held: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var f filed
		var at int64
		if err := rows.Scan(&f.ID, &f.Subject, &at, &f.Way, &f.Kind, &f.Reporter, &f.Repeats); err != nil {
			return nil, fmt.Errorf("safety: held: %w", err)
		}
		f.At = store.Instant(at)
		out = append(out, f)
	}
	return out, rows.Err()
}

// heldBy returns the reports that a link leads to.
func (d *Safety) heldBy(ctx context.Context, tx *store.Tx, token string) ([]filed, error) {
	l, err := d.linkBy(ctx, tx, token, toHeld)
	if err != nil {
		return nil, err
	}
	var mark []byte
	err = tx.QueryRow(ctx, `SELECT reporter FROM safety_report WHERE id = $1`, l.Report).Scan(&mark)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && len(mark) == 0:
		return nil, errNoLink // it is erased, and the link goes with it
	case err != nil:
		return nil, fmt.Errorf("safety: held: %w", err)
	}
	list, err := reportsBy(ctx, tx, mark)
	if err == nil && len(list) == 0 {
		err = errNoLink
	}
	return list, err
}

func (d *Safety) listHeld(ctx context.Context, token string) (list []filed, err error) {
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		list, err = d.heldBy(ctx, tx, token)
		return err
	})
	return list, err
}

// held lists the reports of whoever follows the link. A program that opens it does nothing.
func (d *Safety) held(w http.ResponseWriter, r *http.Request) error {
	list, err := d.listHeld(r.Context(), r.PathValue("token"))
	if err != nil {
		return err
	}
	v := heldView{
		Copy: web.Action{Label: "Take a copy", Icon: "download", Href: r.URL.Path + "/copy", Post: true, Primary: true},
		Erase: web.Action{
			Label: "Erase all of it", Icon: "eraser", Danger: true, Post: true, Href: r.URL.Path + "/erase",
			Confirm: "Your address, what you wrote and your files are erased at once. The cases go on without them, and you hear nothing of them.",
		},
	}
	for _, f := range list {
		v.Rows = append(v.Rows, heldRow{kindTitle(anAbuse, f.Kind), f.At})
	}
	return d.showHeld(w, r, http.StatusOK, v)
}

// copyHeld hands out what is held of reports: each is a record of its own, and has a folder.
func (d *Safety) copyHeld(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	list, err := d.listHeld(ctx, r.PathValue("token"))
	if err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	var all []desk.Bundled
	for i, f := range list {
		one := desk.Bundled{Folder: "report-" + strconv.Itoa(i+1) + "/", In: reporters}
		if err := d.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
			one.Copy, one.Documents, err = d.copyOf(ctx, tx, s, f)
			return err
		}); err != nil {
			return err
		}
		all = append(all, one)
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="what-we-hold-`+d.Now().UTC().Format(time.DateOnly)+`.zip"`)
	web.Stream(w, func(w http.ResponseWriter) error { return d.needs.Bundle(ctx, w, all) })
	return nil
}

func reporterOf(f filed) loot.Actor { return loot.Actor{Kind: loot.Person, ID: string(f.Subject)} }

// exporting is what the gate is asked for somebody's own report.
func exporting(f filed, fields ...loot.Field) gate.Request {
	return gate.Request{Action: loot.Export, Actor: reporterOf(f), Desk: name, Purpose: forSafety, Subject: f.Subject, Collection: reporters, Fields: fields}
}

// A copiedReport is what this desk keeps about a report, beside what was given with it.
type copiedReport struct {
	Came    time.Time    `json:"came"`
	Way     string       `json:"came_by"`
	Kind    string       `json:"kind"`
	Repeats int          `json:"came_again"`
	Cases   []copiedCase `json:"cases"`
}

type copiedCase struct {
	Reference string   `json:"reference"`
	Kind      string   `json:"kind"`
	Opened    string   `json:"opened"`
	State     string   `json:"state"`
	Address   string   `json:"you_named_address,omitempty"`
	URLs      []string `json:"you_named_urls,omitempty"`
	Warnings  []string `json:"remarks,omitempty"`
	Letter    string   `json:"letter_to_you,omitempty"`
}

// copyOf opens what is held of a report for whoever sent it.
func (d *Safety) copyOf(ctx context.Context, tx *store.Tx, s *statement.Statement, f filed) (c desk.Copy, docs []desk.Document, err error) {
	front := s.Front()
	p, _ := s.Purpose(forSafety)
	c = desk.Copy{
		Version: desk.CopyVersion, Made: d.Now().UTC(), Controller: front.Controller.Name, Statement: front.Version, Subject: f.Subject, LedgerKey: d.Ledger.VerifierKey(),
		Permissions: map[string]bool{}, Purposes: s.Purposes(), Fields: []desk.CopiedField{}, Services: []desk.CopiedService{}, Objections: []loot.Purpose{},
	}
	permit, err := d.Gate.Decide(ctx, tx, exporting(f, reporterEmail, reporterText))
	if err != nil {
		return c, nil, err
	}
	values, err := d.Vault.Open(ctx, tx, permit)
	if err != nil {
		return c, nil, err
	}
	openers := []string{}
	for _, role := range s.Roles() {
		if slices.Contains(role.Purposes, forSafety) {
			openers = append(openers, role.Title)
		}
	}
	for _, decl := range s.Fields(reporters) {
		v, held := values[decl.ID]
		if !held {
			continue
		}
		c.Fields = append(c.Fields, desk.CopiedField{
			Field: decl.ID, Title: decl.Title, Value: v.Reveal(), Source: v.Source, Since: v.At.UTC(), Statement: v.Statement, State: v.State, //nolint:forbidigo // the person's own copy
			Purposes: []loot.Purpose{forSafety}, Openers: openers, Kept: []string{p.Title + ": " + p.Keep.Words() + " after its last case is closed"},
		})
	}
	mine, err := d.copyReport(ctx, tx, f, values[reporterEmail].Reveal()) //nolint:forbidigo // the letters went to it
	if err != nil {
		return c, nil, err
	}
	c.Elsewhere = map[string]any{name: mine}
	files, err := exhibits(ctx, tx, `SELECT id, report, kind, size, sha256 FROM safety_evidence WHERE report = $1 ORDER BY id LIMIT $2`, f.ID)
	if err != nil {
		return c, nil, err
	}
	for _, e := range files {
		docs = append(docs, desk.Document{Title: "A file that you sent: " + e.Kind, At: f.At, Files: []string{e.ID + ".bin"}, Read: func(ctx context.Context) ([][]byte, error) { return d.readExhibit(ctx, f, e) }})
	}
	return c, docs, d.Gate.NoteAbout(ctx, tx, f.Subject, reporters, reporterOf(f), "copy.taken", Keeps[0])
}

// copyReport is what became of a report, as whoever sent it may know.
func (d *Safety) copyReport(ctx context.Context, tx *store.Tx, f filed, address string) (copiedReport, error) {
	out := copiedReport{Came: f.At.UTC(), Way: f.Way, Kind: kindTitle(anAbuse, f.Kind), Repeats: f.Repeats, Cases: []copiedCase{}}
	in, err := cases(ctx, tx, `id IN (SELECT matter FROM safety_about WHERE report = $1) ORDER BY id`, f.ID)
	if err != nil {
		return out, err
	}
	for _, m := range in {
		one := copiedCase{Reference: m.Reference(), Kind: kindTitle(m.What, m.Kind), Opened: m.Opened.UTC().Format(letterDay), State: publicState(m).Text}
		if err := tx.QueryRow(ctx, `SELECT id, said FROM safety_about WHERE report = $1 AND matter = $2 ORDER BY at LIMIT 1`, f.ID, m.ID).Scan(&f.about, &f.said); err != nil {
			return out, fmt.Errorf("safety: held: %w", err)
		}
		said, err := d.openSaid(f)
		if err != nil {
			return out, err
		}
		one.Address, one.URLs, one.Warnings = said.Address, said.URLs, said.Warnings
		if one.Letter, err = d.letterOf(ctx, tx, m, f, address); err != nil {
			return out, err
		}
		out.Cases = append(out.Cases, one)
	}
	return out, nil
}

// letterOf is the letter by which whoever reported was told how a case ended; empty: they
// were not told yet.
func (d *Safety) letterOf(ctx context.Context, tx *store.Tx, m matter, f filed, address string) (string, error) {
	if m.Closed.IsZero() || address == "" {
		return "", nil
	}
	js, err := d.judgments(ctx, tx, `matter = $1 ORDER BY at, id`, m.ID)
	if err != nil {
		return "", err
	}
	var last judgment
	for _, j := range js {
		if !j.Appeal || j.Outcome != upheld { // of which they are not told: what they were told stands
			last = j
		}
	}
	sent, err := d.reporterLetter(m, last, f).Message(d.House(), f.ID, address)
	return sent.Text, err
}

func (d *Safety) readExhibit(ctx context.Context, f filed, e exhibit) ([][]byte, error) {
	var content io.Reader
	if err := d.Gate.InTx(ctx, func(tx *store.Tx) error {
		permit, err := d.Gate.Decide(ctx, tx, exporting(f, reporterText))
		if err != nil {
			return err
		}
		content, err = d.Vault.OpenFile(ctx, tx, permit, e.ID)
		return err
	}); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(content)
	return [][]byte{b}, err
}

// eraseHeld erases what somebody gave with all of their reports.
func (d *Safety) eraseHeld(w http.ResponseWriter, r *http.Request) error {
	list, err := d.listHeld(r.Context(), r.PathValue("token"))
	if err != nil {
		return err
	}
	var failed []error
	for _, f := range list {
		failed = append(failed, d.forgetAtWish(r.Context(), f))
	}
	if err := errors.Join(failed...); err != nil {
		return failed[slices.IndexFunc(failed, func(err error) bool { return err != nil })]
	}
	return d.showHeld(w, r, http.StatusOK, heldView{Said: &web.Alert{Tone: web.Good, Title: "It is erased.", Text: "Your address, what you wrote and your files are gone from all of your reports, and this link works no longer."}})
}
