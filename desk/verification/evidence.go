package verification

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// mostEvidence is how large a file of evidence may be.
const mostEvidence = 10 << 20

// evidenceTypes are the media types that are taken, and how a file of each ends when
// it is handed out. Nothing that a browser would run is among them.
var evidenceTypes = map[string]string{"application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg"}

// mostOwn is how many files a customer attaches to one case.
const mostOwn = 5

// An evidence is a sealed file that a colleague, or the customer, attached to a case.
type evidence struct {
	ID     string // of the file in the vault
	Matter string
	At     time.Time
	Author string // staff id; empty: the customer
	Kind   string // media type
	Size   int64
}

// evidenceOf returns the files of a case, the first one first; of a customer if no
// case is named.
func evidenceOf(ctx context.Context, tx *store.Tx, matter string, s loot.Subject) (out []evidence, err error) {
	where, arg := `matter = $1`, matter
	if matter == "" {
		where, arg = `subject = $1`, string(s)
	}
	rows, err := tx.Query(ctx, `SELECT id, matter, at, author, kind, size FROM verification_evidence WHERE `+where+` ORDER BY at, id`, arg)
	if err != nil {
		return nil, fmt.Errorf("verification: evidence: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e evidence
		var at int64
		if err := rows.Scan(&e.ID, &e.Matter, &at, &e.Author, &e.Kind, &e.Size); err != nil {
			return nil, fmt.Errorf("verification: evidence: %w", err)
		}
		e.At = store.Instant(at)
		out = append(out, e)
	}
	return out, rows.Err()
}

// evidenceView is a file on the page of its case.
type evidenceView struct {
	Title, Who, Size string
	At               time.Time
	Href             string
	Shut             bool // until others agree
}

func evidenceFields() web.Fields {
	return web.Fields{{Name: "file", Type: "file", Label: "File", Accept: evidenceAccept, Required: true, Plain: true, Hint: "PDF, PNG or JPEG, 10 MiB at most. It is sealed under the customer's key, and goes with the detail."}}
}

const evidenceAccept = ".pdf,.png,.jpg,.jpeg"

// ownEvidence is the field by which a customer attaches what shows what they say.
func ownEvidence() web.Field {
	return web.Field{Name: "file", Type: "file", Label: "A file that shows it", Accept: evidenceAccept, Wide: true, Hint: "PDF, PNG or JPEG, 10 MiB at most. Black out what does not matter. It is sealed under your key, and goes with the detail."}
}

// fileIn returns the file of evidence that was sent with a form; none: there is none. What
// it is shows in its content.
func fileIn(files map[string][]web.File) (*web.File, error) {
	switch given := files["file"]; {
	case len(given) == 0:
		return nil, nil
	case len(given) > 1:
		return nil, web.Invalid("", map[string]string{"file": "Choose one file."})
	case evidenceTypes[given[0].Type] == "":
		return nil, web.Invalid("", map[string]string{"file": "This is no PDF, PNG or JPEG."})
	case len(given[0].Content) > mostEvidence:
		return nil, web.Invalid("", map[string]string{"file": "This is larger than 10 MiB."})
	default:
		return &given[0], nil
	}
}

// sent reads a form of a customer, which may have files with it, and the statement by which
// it is answered.
func (v *Verification) sent(r *http.Request) (form url.Values, files map[string][]web.File, s *statement.Statement, err error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "multipart/form-data" {
		form, s, err = v.asked(r)
		return form, nil, s, err
	}
	if form, files, err = web.Upload(r, mostEvidence+web.MaxBody); err != nil {
		return nil, nil, nil, err
	}
	s, err = v.inForce()
	return form, files, s, err
}

// A staged is a file that is sealed and not yet of any case.
type staged struct {
	ID   string // of the file in the vault
	Kind string // media type
	Size int
}

// stage seals a file of evidence about a detail; nil: there is none.
func (v *Verification) stage(ctx context.Context, subject loot.Subject, f loot.Field, file *web.File) (*staged, error) {
	if file == nil {
		return nil, nil
	}
	id, err := v.Vault.Stage(ctx, subject, collection, f, file.Name, file.Type, bytes.NewReader(file.Content))
	return &staged{id, file.Type, len(file.Content)}, err
}

// keepEvidence takes a staged file in as evidence of a case, from a colleague or from the
// customer whom it is about.
func (v *Verification) keepEvidence(ctx context.Context, tx *store.Tx, s *statement.Statement, m matter, by loot.Actor, file *staged) error {
	if err := undecided(ctx, tx, m.ID); err != nil {
		return err
	}
	author, source := by.ID, vault.Source("our staff, as evidence")
	if by.Kind == loot.Person {
		author, source = "", desk.FromPortal.Of()
		list, err := evidenceOf(ctx, tx, m.ID, "")
		if err != nil {
			return err
		}
		if own := slices.DeleteFunc(list, func(e evidence) bool { return e.Author != "" }); len(own) >= mostOwn {
			return web.Invalid("", map[string]string{"file": "You attached as many files as we take about this. Wait for our answer, or write to us."})
		}
	}
	p, err := v.Gate.Decide(ctx, tx, v.request(s, m, by, loot.Collect))
	if err != nil {
		return err
	}
	if err := v.Vault.KeepFile(ctx, tx, p, file.ID, source); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO verification_evidence (id, matter, subject, at, author, kind, size) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		file.ID, m.ID, m.Subject, v.Now().UnixMicro(), author, file.Kind, file.Size); err != nil {
		return fmt.Errorf("verification: evidence: %w", err)
	}
	return nil
}

// moveEvidence has the case about a fault, if there is one, go on with the evidence of those
// that it takes the place of.
func moveEvidence(ctx context.Context, tx *store.Tx, from []string, to string) error {
	if to == "" {
		return nil
	}
	for _, id := range from {
		if _, err := tx.Exec(ctx, `UPDATE verification_evidence SET matter = $1 WHERE matter = $2`, to, id); err != nil {
			return fmt.Errorf("verification: evidence: %w", err)
		}
	}
	return nil
}

// Weight says in a few words what a file is.
func (e evidence) Weight() string {
	return strings.ToUpper(strings.TrimPrefix(evidenceTypes[e.Kind], ".")) + ", " + web.Bytes(e.Size)
}

// showEvidence adds the files of a case to its page.
func (v *Verification) showEvidence(ctx context.Context, tx *store.Tx, data *caseView, m matter) error {
	list, err := evidenceOf(ctx, tx, m.ID, "")
	if err != nil {
		return err
	}
	data.Evidence = nil
	for n, e := range list {
		who := "The customer"
		if e.Author != "" {
			if who, err = v.staff.Name(ctx, tx, e.Author); err != nil {
				return err
			}
		}
		data.Evidence = append(data.Evidence, evidenceView{
			Shut:  data.Second && data.Approval == "",
			Title: "Document " + strconv.Itoa(n+1), Who: who, Size: web.Bytes(e.Size), At: e.At, Href: data.Case.Href + "/evidence/" + e.ID,
		})
	}
	if data.Attach == nil && m.Closed.IsZero() && m.Line == 0 {
		data.Attach = evidenceFields()
	}
	return nil
}

// request is what the gate is asked about a file of a case. To use one is [looking] but for
// its reason, by which the ledger tells a document from the detail: what others agreed to
// opens either of them, and would open no document if anything else were different. Its
// owner has no role to take a purpose from: what they give goes with what the detail was
// given for, and to take it along they need no such purpose.
func (v *Verification) request(s *statement.Statement, m matter, by loot.Actor, a loot.Action) gate.Request {
	r := v.looking(s, m, by, a == loot.Use)
	r.Action, r.Reason = a, "Evidence for check "+m.ID
	switch {
	case a == loot.Export:
		r.Purpose = purpose
	case by.Kind == loot.Person:
		d, _ := s.Field(m.Field)
		c, _ := s.Collection(collection)
		needs := func(p loot.Purpose) bool { _, is := d.Needed[p]; return is }
		if i := slices.IndexFunc(c.Purposes, needs); i >= 0 && !needs(purpose) {
			r.Purpose = c.Purposes[i]
		}
	}
	return r
}

// attach seals a file under the key of the customer whom a case is about, as one of
// the detail that it is about.
func (v *Verification) attach(w http.ResponseWriter, r *http.Request) error {
	ctx, by := r.Context(), web.ActorOf(r.Context())
	s, err := v.inForce()
	if err != nil {
		return err
	}
	var m matter
	if err := v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		if m, err = findMatter(ctx, tx, r.PathValue("id"), ""); err != nil {
			return err
		}
		if m.Line > 0 {
			return loot.Errorf(loot.Conflict, "Evidence goes with a detail, and this case is about a line of an invoice.")
		}
		return v.may(ctx, tx, s, m.Field, by)
	}); err != nil {
		return err
	}
	_, files, err := web.Upload(r, mostEvidence)
	if err != nil {
		return err
	}
	given, err := fileIn(files)
	if err == nil && given == nil {
		err = web.Invalid("", map[string]string{"file": "Choose the file."})
	}
	if err != nil {
		return v.showCase(w, r, http.StatusUnprocessableEntity, caseView{Attach: evidenceFields().With(nil, err)}, nil, nil)
	}
	file, err := v.stage(ctx, m.Subject, m.Field, given)
	if err != nil {
		return err
	}
	err = v.Gate.InTx(ctx, func(tx *store.Tx) error { return v.keepEvidence(ctx, tx, s, m, by, file) })
	if refusal, refused := web.RefusalOf(err); refused {
		return v.showCase(w, r, http.StatusForbidden, caseView{Refusal: &refusal}, nil, nil)
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "The file is sealed and attached.")
	return web.Redirect(w, r, "/console/checks/"+m.ID)
}

// undecided refuses to change the evidence of a case that is closed: what was decided
// rests on it.
func undecided(ctx context.Context, tx *store.Tx, id string) error {
	m, err := findMatter(ctx, tx, id, tx.ForUpdate())
	if err == nil && !m.Closed.IsZero() {
		err = loot.Errorf(loot.Conflict, "This case is closed, so that its evidence stays as it is.")
	}
	return err
}

// openEvidence hands a file of a case to a colleague, as the gate lets them.
func (v *Verification) openEvidence(w http.ResponseWriter, r *http.Request) error {
	ctx, by := r.Context(), web.ActorOf(r.Context())
	s, m, e, err := v.evidenceByPath(r)
	if err != nil {
		return err
	}
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	var content io.Reader
	err = v.Gate.InTx(ctx, func(tx *store.Tx) error {
		req := v.request(s, m, by, loot.Use)
		req.Approval = form.Get("approval")
		p, err := v.Gate.Decide(ctx, tx, req)
		if err != nil {
			return err
		}
		content, err = v.Vault.OpenFile(ctx, tx, p, e.ID)
		return err
	})
	if refusal, refused := web.RefusalOf(err); refused {
		return v.showCase(w, r, http.StatusForbidden, caseView{Refusal: &refusal}, nil, nil)
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", e.Kind)
	h.Set("Content-Disposition", `attachment; filename="`+e.ID+evidenceTypes[e.Kind]+`"`)
	h.Set("Content-Length", strconv.FormatInt(e.Size, 10))
	_, err = io.Copy(w, content)
	return err
}

// dropEvidence removes a file that should not have been attached.
func (v *Verification) dropEvidence(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	s, m, e, err := v.evidenceByPath(r)
	if err != nil {
		return err
	}
	if err := v.Gate.InTx(ctx, func(tx *store.Tx) error {
		if err := undecided(ctx, tx, m.ID); err != nil {
			return err
		}
		p, err := v.Gate.Decide(ctx, tx, v.request(s, m, web.ActorOf(ctx), loot.Collect))
		if err != nil {
			return err
		}
		if err := v.Vault.RemoveFile(ctx, tx, p, e.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM verification_evidence WHERE id = $1`, e.ID); err != nil {
			return fmt.Errorf("verification: evidence: %w", err)
		}
		return nil
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "The file is removed.")
	return web.Redirect(w, r, "/console/checks/"+m.ID)
}

// evidenceByPath returns the file that a path names, with its case and the statement in
// force, to whoever deals with cases.
func (v *Verification) evidenceByPath(r *http.Request) (s *statement.Statement, m matter, e evidence, err error) {
	if s, err = v.inForce(); err != nil {
		return s, m, e, err
	}
	err = v.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		ctx := r.Context()
		if m, err = findMatter(ctx, tx, r.PathValue("id"), ""); err != nil {
			return err
		}
		if err := v.may(ctx, tx, s, m.Field, web.ActorOf(ctx)); err != nil {
			return err
		}
		list, err := evidenceOf(ctx, tx, m.ID, "")
		for _, one := range list {
			if one.ID == r.PathValue("file") {
				e = one
			}
		}
		if err == nil && e.ID == "" {
			err = loot.Errorf(loot.NotFound, "There is no such file in this case.")
		}
		return err
	})
	return s, m, e, err
}
