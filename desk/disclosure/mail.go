package disclosure

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"loot"
	"loot/mail"
	"loot/store"
	"loot/web"
)

var mailPage = web.NewPage[mailView](pageFiles, "pages/mail.html")

// mailType is the media type of a mail as it came.
const mailType = "message/rfc822"

// A Mail is what is read of one. All of it is a claim by whoever wrote it.
type Mail struct {
	From    string     `json:"from,omitempty"`
	Subject string     `json:"subject,omitempty"`
	Text    string     `json:"text,omitempty"`
	Files   []MailFile `json:"files,omitempty"`
}

// A MailFile is something that is attached to a mail.
type MailFile struct {
	Name   string `json:"name,omitempty"`
	Type   string `json:"type"` // media type, as the sender calls it
	Size   int64  `json:"size"` // in bytes
	SHA256 string `json:"sha256"`
}

// A letterIn is a mail that waits to be entered as a request, or to be put aside.
type letterIn struct {
	ID     string
	At     time.Time
	SHA256 string
	Size   int64
	Mail
}

// mostMail bounds what is shown of a mail, in letters.
const mostMail = 20000

// headOf is what the sealed reading of a mail is bound to, and bodyOf the mail.
func headOf(id string) []byte { return []byte("head " + id) }
func bodyOf(id string) []byte { return []byte("mail " + id) }

// takeMail keeps a mail in the queue until a colleague looks at it. Nothing is entered, and
// nothing answered, by what a mail says of itself.
func (d *disclosure) takeMail(_ context.Context, m *mail.Received) (func(context.Context, *store.Tx) error, error) {
	content, err := io.ReadAll(m.Open())
	if err != nil {
		return nil, err
	}
	return d.keepMail(content)
}

func (d *disclosure) keepMail(content []byte) (func(context.Context, *store.Tx) error, error) {
	id := loot.NewID("m")
	sum, size := sha256.Sum256(content), len(content)
	head, err := d.needs.ReadMail(content)
	if err != nil {
		return nil, err
	}
	head.Text = loot.Cut(head.Text, mostMail)
	text, err := json.Marshal(head)
	if err == nil {
		text, err = d.key.Seal(text, headOf(id))
	}
	if err == nil {
		content, err = d.key.Seal(content, bodyOf(id))
	}
	if err != nil {
		return nil, fmt.Errorf("disclosure: mail: %w", err)
	}
	return func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO disclosure_mail (id, at, sha256, size, head, content) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (sha256) DO NOTHING`,
			id, d.Now().UnixMicro(), hex.EncodeToString(sum[:]), size, text, content); err != nil {
			return fmt.Errorf("disclosure: mail: %w", err)
		}
		return nil
	}, nil
}

// A waitingMail is one in the queue: when it came, and nothing of what it says.
type waitingMail struct {
	At     time.Time
	Weight string
	Href   string
}

// mails returns those that wait, the first that came first.
func mails(ctx context.Context, tx *store.Tx) (out []waitingMail, err error) {
	rows, err := tx.Query(ctx, `SELECT id, at, size FROM disclosure_mail ORDER BY at, id LIMIT $1`, listed)
	if err != nil {
		return nil, fmt.Errorf("disclosure: mails: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var at, size int64
		if err := rows.Scan(&id, &at, &size); err != nil {
			return nil, fmt.Errorf("disclosure: mails: %w", err)
		}
		out = append(out, waitingMail{store.Instant(at), web.Bytes(size), mailHome + "/" + id})
	}
	return out, rows.Err()
}

func (d *disclosure) findMail(ctx context.Context, tx *store.Tx, id string) (letterIn, error) {
	m := letterIn{ID: id}
	var at int64
	var sealed []byte
	err := tx.QueryRow(ctx, `SELECT at, sha256, size, head FROM disclosure_mail WHERE id = $1`, id).Scan(&at, &m.SHA256, &m.Size, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return m, loot.Errorf(loot.NotFound, "This mail does not wait any more: a colleague has entered it, or put it aside.")
	}
	if err == nil {
		m.At = store.Instant(at)
		sealed, err = d.key.Open(sealed, headOf(id))
	}
	if err == nil {
		err = json.Unmarshal(sealed, &m.Mail)
	}
	if err != nil {
		return m, fmt.Errorf("disclosure: mail %s: %w", id, err)
	}
	return m, nil
}

// mailContent returns a mail as it came.
func (d *disclosure) mailContent(ctx context.Context, tx *store.Tx, id string) ([]byte, error) {
	var sealed []byte
	err := tx.QueryRow(ctx, `SELECT content FROM disclosure_mail WHERE id = $1`, id).Scan(&sealed)
	var content []byte
	if err == nil {
		content, err = d.key.Open(sealed, bodyOf(id))
	}
	if err != nil {
		return nil, fmt.Errorf("disclosure: mail: %w", err)
	}
	return content, nil
}

// endMail takes a mail out of the queue.
func endMail(ctx context.Context, tx *store.Tx, id string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM disclosure_mail WHERE id = $1`, id); err != nil {
		return fmt.Errorf("disclosure: mail: %w", err)
	}
	return nil
}

// enterMail keeps the mail that a request came by with it.
func (d *disclosure) enterMail(ctx context.Context, tx *store.Tx, r request, by loot.Actor, id string) error {
	if _, err := d.findMail(ctx, tx, id); err != nil {
		return err
	}
	content, err := d.mailContent(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := d.keepFile(ctx, tx, r, by, "request", mailType, content); err != nil {
		return err
	}
	return endMail(ctx, tx, id)
}

// withMail does something with a mail by somebody who has signed, and has the ledger know.
func (d *disclosure) withMail(r *http.Request, note, reason string, do func(ctx context.Context, tx *store.Tx, m letterIn) error) error {
	ctx, by := r.Context(), web.ActorOf(r.Context())
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.signed(ctx, tx, by); err != nil {
			return err
		}
		m, err := d.findMail(ctx, tx, r.PathValue("mail"))
		if err != nil {
			return err
		}
		if _, err := d.Gate.Note(ctx, tx, by, note, reason); err != nil {
			return err
		}
		return do(ctx, tx, m)
	})
}

type mailView struct {
	web.View
	Mail  letterIn
	Facts []web.Fact
	Enter string
	Whole string
	Form  web.Fields
	Wrong *web.Problems
	Aside string
}

func asideForm() web.Fields {
	return web.Fields{{Name: "reason", Label: "Why it is no request", Required: true, MaxLen: 300, Wide: true, Hint: "Kept sealed on the ledger. The mail is erased at once."}}
}

// readMail shows a mail as text, and has the ledger know who read it.
func (d *disclosure) readMail(w http.ResponseWriter, r *http.Request) error {
	return d.showMail(w, r, http.StatusOK, asideForm(), nil)
}

func (d *disclosure) showMail(w http.ResponseWriter, r *http.Request, status int, form web.Fields, wrong error) error {
	v := mailView{View: web.ViewOf(r, "A mail"), Form: form, Wrong: web.ProblemsOf(wrong, form)}
	v.Lead = "Whatever it says of itself, whoever sent it is not proven. It becomes a request once you enter it as one."
	v.Crumbs = []web.Crumb{{Label: "Disclosures", Href: home}}
	if err := d.withMail(r, "authority.mail_read", "", func(_ context.Context, _ *store.Tx, m letterIn) error {
		v.Mail = m
		return nil
	}); err != nil {
		return err
	}
	v.Aside = mailHome + "/" + v.Mail.ID
	v.Enter, v.Whole = home+"/new?mail="+v.Mail.ID, v.Aside+"/whole"
	if v.Mail.Subject != "" {
		v.Title = v.Mail.Subject
	}
	v.Facts = []web.Fact{
		{Term: "From", Value: v.Mail.From, Note: "as it says"},
		{Term: "Came", Value: v.Mail.At.UTC().Format("2 January 2006, 15:04 MST")},
		{Term: "Size", Value: web.Bytes(v.Mail.Size)},
		{Term: "SHA-256", Value: v.Mail.SHA256, Code: true},
	}
	if v.Mail.From == "" {
		v.Facts[0].Note = "it names nobody"
	}
	return mailPage.Render(w, r, status, v)
}

// wholeMail hands out a mail to be kept, never to be shown here.
func (d *disclosure) wholeMail(w http.ResponseWriter, r *http.Request) error {
	var content []byte
	if err := d.withMail(r, "authority.mail_taken", "", func(ctx context.Context, tx *store.Tx, m letterIn) (err error) {
		content, err = d.mailContent(ctx, tx, m.ID)
		return err
	}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", mailType)
	w.Header().Set("Content-Disposition", `attachment; filename="mail-`+r.PathValue("mail")+fileKinds[mailType]+`"`)
	_, err := w.Write(content)
	return err
}

// putAside erases a mail that is no request.
func (d *disclosure) putAside(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := asideForm()
	if err := form.Check(typed); web.Wrong(err) != nil {
		return d.showMail(w, r, http.StatusUnprocessableEntity, form.With(typed, err), err)
	} else if err != nil {
		return err
	}
	if err := d.withMail(r, "authority.mail_aside", typed.Get("reason"), func(ctx context.Context, tx *store.Tx, m letterIn) error { return endMail(ctx, tx, m.ID) }); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Put aside, and erased.")
	return web.Redirect(w, r, home)
}
