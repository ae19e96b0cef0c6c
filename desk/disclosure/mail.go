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
	"strconv"
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
	ID      string     `json:"id,omitempty"` // by which its sender tells it from others
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

// A letterIn is a mail that waits to be entered as a request, or was put aside.
type letterIn struct {
	ID     string
	At     time.Time
	SHA256 string
	Size   int64
	Aside  time.Time // zero: it waits
	Mail
}

// MostMail is how many bytes a mail of an authority may have: it is held in memory while it is
// sealed, and kept as one piece.
const MostMail = 15 << 20

// The bounds of what is shown of a mail, and of the mail that waits for a colleague. Anybody can
// send some; what comes beyond waits where mail comes in, which takes none when that is full.
const (
	mostShown   = 20000 // letters
	mostWaiting = 10000
	mostWeight  = 1 << 30 // bytes
)

// How long mail is kept that does not become a request.
const (
	keptAside   = 30 // days, in which it can be taken back
	keptWaiting = 12 // months
	remindAfter = 3 * 24 * time.Hour
)

// asideFor is how long mail that was put aside is kept, in words.
var asideFor = strconv.Itoa(keptAside) + " days"

// goes is when a mail goes that stays as it is.
func (m letterIn) goes() time.Time {
	if m.Aside.IsZero() {
		return m.At.AddDate(0, keptWaiting, 0)
	}
	return m.Aside.AddDate(0, 0, keptAside)
}

// headOf is what the sealed reading of a mail is bound to, and bodyOf the mail.
func headOf(id string) []byte { return []byte("head " + id) }
func bodyOf(id string) []byte { return []byte("mail " + id) }

// takeMail keeps a mail in the queue until a colleague looks at it. Nothing is entered, and
// nothing answered, by what a mail says of itself.
func (d *disclosure) takeMail(ctx context.Context, m *mail.Received) (func(context.Context, *store.Tx) error, error) {
	var n, bytes int64
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*), COALESCE(sum(size), 0) FROM disclosure_mail WHERE aside = 0`).Scan(&n, &bytes)
	}); err != nil {
		return nil, fmt.Errorf("disclosure: mail: %w", err)
	}
	if n >= mostWaiting || bytes+m.Size > mostWeight {
		return nil, loot.Errorf(loot.Unavailable, "Too much mail of authorities waits to be entered or put aside.")
	}
	content := make([]byte, m.Size)
	if _, err := io.ReadFull(m.Open(), content); err != nil {
		return nil, err
	}
	return d.keepMail(content)
}

// repeatOf is the same of a mail that comes again. On another way it has other lines at its
// top, and so it is told by its sender's id as long as it says the same; an id alone would
// let one mail hide another.
func repeatOf(m Mail, sum [sha256.Size]byte) (string, error) {
	if m.ID != "" {
		said, err := json.Marshal(m)
		if err != nil {
			return "", fmt.Errorf("disclosure: mail: %w", err)
		}
		sum = sha256.Sum256(said)
	}
	return hex.EncodeToString(sum[:]), nil
}

func (d *disclosure) keepMail(content []byte) (func(context.Context, *store.Tx) error, error) {
	sum := sha256.Sum256(content)
	m := letterIn{ID: loot.NewID("m"), At: d.Now(), SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content))}
	var err error
	if m.Mail, err = d.needs.ReadMail(content); err != nil {
		return nil, err
	}
	repeat, err := repeatOf(m.Mail, sum)
	if err != nil {
		return nil, err
	}
	m.Text = loot.Cut(m.Text, mostShown)
	head, err := json.Marshal(m.Mail)
	if err == nil {
		head, err = d.key.Seal(head, headOf(m.ID))
	}
	if err == nil {
		content, err = d.key.Seal(content, bodyOf(m.ID))
	}
	if err != nil {
		return nil, fmt.Errorf("disclosure: mail: %w", err)
	}
	return func(ctx context.Context, tx *store.Tx) error {
		// It is the same by its repeat, or by its content to one from before there were any.
		n, err := tx.Exec(ctx, `INSERT INTO disclosure_mail (id, at, sha256, repeat, size, reminded, aside, head, content) VALUES ($1, $2, $3, $4, $5, 0, 0, $6, $7) ON CONFLICT DO NOTHING`,
			m.ID, m.At.UnixMicro(), m.SHA256, repeat, m.Size, head, content)
		if err != nil {
			return fmt.Errorf("disclosure: mail: %w", err)
		}
		if n == 0 {
			return nil
		}
		return d.mailNoted(ctx, tx, m, request{}, d.actor(), "came", "")
	}, nil
}

// A mailRow is a mail in the queue: when it came, and nothing of what it says.
type mailRow struct {
	At     time.Time
	Weight string
	Href   string
}

// The mail that waits, and that which was put aside.
const (
	thatWaits = `aside = 0`
	thatIsOff = `aside > 0`
)

// mails returns one kind, the first that came first.
func mails(ctx context.Context, tx *store.Tx, which string, args ...any) (out []mailRow, err error) {
	rows, err := tx.Query(ctx, `SELECT id, at, size FROM disclosure_mail WHERE `+which+` ORDER BY at, id LIMIT $1`, append([]any{listed}, args...)...)
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
		out = append(out, mailRow{store.Instant(at), web.Bytes(size), mailHome + "/" + id})
	}
	return out, rows.Err()
}

var errMailGone = loot.Errorf(loot.NotFound, "This mail does not wait any more: a colleague has entered it, or put it aside.")

// findMail returns a mail, and keeps others from it until the end of tx: of two who enter it
// one comes too late.
func (d *disclosure) findMail(ctx context.Context, tx *store.Tx, id string) (letterIn, error) {
	m := letterIn{ID: id}
	var at, aside int64
	var sealed []byte
	err := tx.QueryRow(ctx, `SELECT at, sha256, size, aside, head FROM disclosure_mail WHERE id = $1`+tx.ForUpdate(), id).Scan(&at, &m.SHA256, &m.Size, &aside, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return m, errMailGone
	}
	if err == nil {
		m.At, m.Aside = store.Instant(at), store.Instant(aside)
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

// changeMail changes or removes one mail, and says so if it is not there.
func changeMail(ctx context.Context, tx *store.Tx, query string, args ...any) error {
	n, err := tx.Exec(ctx, query, args...)
	switch {
	case err != nil:
		return fmt.Errorf("disclosure: mail: %w", err)
	case n == 0:
		return errMailGone
	}
	return nil
}

// endMail takes a mail out of the queue.
func endMail(ctx context.Context, tx *store.Tx, id string) error {
	return changeMail(ctx, tx, `DELETE FROM disclosure_mail WHERE id = $1`, id)
}

// mayMail refuses whoever may not see what came by mail. Nobody deals with it yet, and it may
// name somebody under an order of secrecy, so it is open to those whose roles approve alone.
func (d *disclosure) mayMail(ctx context.Context, tx *store.Tx, by loot.Actor) error {
	return d.opens(ctx, tx, by, false, "Mail of authorities is open to those whose roles approve, such as legal counsel.")
}

// approves reports whether a role of somebody approves by the statement in force.
func (d *disclosure) approves(by loot.Actor) bool {
	v, ok := d.Gate.InForce()
	return ok && approving(v.Statement, by)
}

// enterMail keeps the mail that a request came by with it.
func (d *disclosure) enterMail(ctx context.Context, tx *store.Tx, r request, by loot.Actor, id string) error {
	if err := d.mayMail(ctx, tx, by); err != nil {
		return err
	}
	m, err := d.findMail(ctx, tx, id)
	if err != nil {
		return err
	}
	if !m.Aside.IsZero() {
		return errMailGone
	}
	content, err := d.mailContent(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := d.keepFile(ctx, tx, r, by, "request", mailType, content); err != nil {
		return err
	}
	if err := d.mailNoted(ctx, tx, m, r, by, "entered", ""); err != nil {
		return err
	}
	return endMail(ctx, tx, id)
}

// withMail does something with a mail by somebody who may, and has the ledger know.
func (d *disclosure) withMail(ctx context.Context, id, note, reason string, do func(tx *store.Tx, m letterIn) error) error {
	by := web.ActorOf(ctx)
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.mayMail(ctx, tx, by); err != nil {
			return err
		}
		m, err := d.findMail(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := d.mailNoted(ctx, tx, m, request{}, by, note, reason); err != nil {
			return err
		}
		return do(tx, m)
	})
}

type mailView struct {
	web.View
	Mail  letterIn
	Facts []web.Fact
	Off   *web.Alert // it was put aside; nil: it waits
	Enter string
	Whole string
	Form  web.Fields
	Wrong *web.Problems
	Aside string
}

func asideForm() web.Fields {
	return web.Fields{{Name: "reason", Label: "Why it is no request", Required: true, MaxLen: 300, Wide: true, Hint: "Kept sealed on the ledger. The mail is erased after " + asideFor + ", and can be taken back until then."}}
}

// readMail shows a mail as text, and has the ledger know who read it.
func (d *disclosure) readMail(w http.ResponseWriter, r *http.Request) error {
	return d.showMail(w, r, http.StatusOK, asideForm(), nil)
}

func (d *disclosure) showMail(w http.ResponseWriter, r *http.Request, status int, form web.Fields, wrong error) error {
	v := mailView{View: web.ViewOf(r, "A mail"), Form: form, Wrong: web.ProblemsOf(wrong, form)}
	v.Lead = "Whatever it says of itself, whoever sent it is not proven. It becomes a request once you enter it as one."
	v.Crumbs = []web.Crumb{{Label: "Disclosures", Href: home}}
	if err := d.withMail(r.Context(), r.PathValue("mail"), "read", "", func(_ *store.Tx, m letterIn) error {
		v.Mail = m
		return nil
	}); err != nil {
		return err
	}
	v.Aside = mailHome + "/" + v.Mail.ID
	v.Enter, v.Whole = home+"/new?mail="+v.Mail.ID, v.Aside+"/whole"
	if !v.Mail.Aside.IsZero() {
		v.Off = &web.Alert{
			Tone: web.Info, Title: "It was put aside.", Text: "By whom and why stands on the ledger. It is erased on " + v.Mail.goes().UTC().Format("2 January 2006") + ".",
			Actions: []web.Action{{Label: "Take it back", Icon: "undo-2", Post: true, Href: v.Aside + "/back"}},
		}
	}
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
	if err := d.withMail(r.Context(), r.PathValue("mail"), "taken", "", func(tx *store.Tx, m letterIn) (err error) {
		content, err = d.mailContent(r.Context(), tx, m.ID)
		return err
	}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", mailType)
	w.Header().Set("Content-Disposition", `attachment; filename="mail-`+r.PathValue("mail")+fileKinds[mailType]+`"`)
	_, err := w.Write(content)
	return err
}

// putAside takes a mail that is no request out of the queue.
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
	if err := d.withMail(r.Context(), r.PathValue("mail"), "aside", typed.Get("reason"), func(tx *store.Tx, m letterIn) error {
		return changeMail(r.Context(), tx, `UPDATE disclosure_mail SET aside = $1 WHERE id = $2 AND aside = 0`, d.Now().UnixMicro(), m.ID)
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Put aside. It can be taken back for "+asideFor+".")
	return web.Redirect(w, r, home)
}

// takeBack puts a mail into the queue again.
func (d *disclosure) takeBack(w http.ResponseWriter, r *http.Request) error {
	if err := d.withMail(r.Context(), r.PathValue("mail"), "back", "", func(tx *store.Tx, m letterIn) error {
		return changeMail(r.Context(), tx, `UPDATE disclosure_mail SET aside = 0 WHERE id = $1 AND aside > 0`, m.ID)
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "It waits again.")
	return web.Redirect(w, r, mailHome+"/"+r.PathValue("mail"))
}
