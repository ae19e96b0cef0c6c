package disclosure

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"filippo.io/age"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
	"loot/web"
)

var registerPage = web.NewPage[registerView](pageFiles, "pages/register.html")

// An authority is one of the register: who asks, and where they are called back.
type authority struct {
	ID        string
	Recipient string // of the statement
	Title     string
	Country   string
	Age       string // what answers are encrypted to; empty: by a password
	Contact   string
	Author    string    // staff id
	Verified  time.Time // zero: the contact is not verified
	Verifier  string
	Ended     time.Time // zero: in use
}

const authorityColumns = `id, recipient, title, country, age, contact, author, verified, verifier, ended`

func (d *disclosure) scanAuthority(row store.Row) (a authority, err error) {
	var sealed []byte
	var verified, ended int64
	if err = row.Scan(&a.ID, &a.Recipient, &a.Title, &a.Country, &a.Age, &sealed, &a.Author, &verified, &a.Verifier, &ended); err != nil {
		return a, err
	}
	contact, err := d.key.Open(sealed, []byte(a.ID))
	a.Contact, a.Verified, a.Ended = string(contact), store.Instant(verified), store.Instant(ended)
	return a, err
}

func (d *disclosure) authorities(ctx context.Context, tx *store.Tx) (out []authority, err error) {
	rows, err := tx.Query(ctx, `SELECT `+authorityColumns+` FROM disclosure_authority ORDER BY title, id`)
	if err != nil {
		return nil, fmt.Errorf("disclosure: authorities: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		a, err := d.scanAuthority(rows)
		if err != nil {
			return nil, fmt.Errorf("disclosure: authorities: %w", err)
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

func (d *disclosure) findAuthority(ctx context.Context, tx *store.Tx, id, lock string) (authority, error) {
	a, err := d.scanAuthority(tx.QueryRow(ctx, `SELECT `+authorityColumns+` FROM disclosure_authority WHERE id = $1`+lock, id))
	if errors.Is(err, sql.ErrNoRows) {
		return a, loot.Errorf(loot.NotFound, "The register has no such authority.")
	}
	if err != nil {
		return a, fmt.Errorf("disclosure: authority: %w", err)
	}
	return a, nil
}

// kindOf returns as what an authority receives: an authority or a court; empty: the
// statement has no such recipient.
func kindOf(s *statement.Statement, recipient string) loot.ActorKind {
	to, ok := s.Recipient(recipient)
	if !ok {
		return ""
	}
	switch kind := loot.ActorKind(to.Kind); kind {
	case loot.Authority, loot.Court:
		return kind
	default:
		return ""
	}
}

type registerView struct {
	web.View
	Tabs  []web.Tab
	Rows  []authorityRow
	Empty web.Empty
	Form  web.Fields
	Wrong *web.Problems
}

type authorityRow struct {
	authority
	Kind   string
	State  web.Badge
	Note   string // who does what is left to do; empty: whoever looks can
	Verify *web.Action
	End    *web.Action
}

func authorityForm(s *statement.Statement) web.Fields {
	// Neither is chosen beforehand, as a guess would pass as looked up.
	kinds, countries := []web.Option{web.Choose}, append([]web.Option{web.Choose}, desk.Countries()...)
	for _, to := range s.Recipients() {
		if kindOf(s, to.Key) != "" {
			kinds = append(kinds, web.Option{Value: to.Key, Label: to.Title})
		}
	}
	return web.Fields{
		{Name: "title", Label: "Name", Required: true, MaxLen: 120, Placeholder: "Example District Court, registry"},
		{Name: "recipient", Label: "Kind", Type: "select", Required: true, Options: kinds},
		{Name: "country", Label: "Country", Type: "select", Required: true, Options: countries},
		{Name: "contact", Label: "Contact", Type: "textarea", Required: true, MaxLen: 1000, Rows: 3, Wide: true, Hint: "Address and telephone from an official source, never from a request. It is sealed."},
		{Name: "age", Label: "Key for answers", MaxLen: 2000, Wide: true, Hint: "An age public key, which begins with age1. Without one, an answer has a password that you deliver apart."},
	}
}

func (d *disclosure) register(w http.ResponseWriter, r *http.Request) error {
	return d.showRegister(w, r, http.StatusOK, nil, nil)
}

func (d *disclosure) showRegister(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	v := registerView{View: web.ViewOf(r, "Disclosures"), Tabs: tabs("register")}
	v.Lead = "Who may ask, and where they are called back. A contact counts once a colleague other than its author has verified it from an official source."
	v.Wide = true
	v.Empty = web.Empty{Icon: "landmark", Title: "The register is empty", Text: "Enter an authority before its first request."}
	v.Form = authorityForm(s).With(typed, wrong)
	v.Wrong = web.ProblemsOf(wrong, v.Form)
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		v.Rows = nil
		if err := d.signed(ctx, tx, by); err != nil {
			return err
		}
		sees, err := d.seesContacts(ctx, tx, by)
		if err != nil {
			return err
		}
		list, err := d.authorities(ctx, tx)
		for _, a := range list {
			row := authorityRow{authority: a, Kind: a.Recipient}
			row.Country = statement.CountryName(a.Country)
			compares := sees || a.Author == by.ID
			if !compares {
				row.Contact = ""
			}
			if to, ok := s.Recipient(a.Recipient); ok {
				row.Kind = to.Title
			}
			path := home + "/register/" + a.ID
			switch {
			case !a.Ended.IsZero():
				row.State = web.Badge{Text: "no longer used"}
			case a.Verified.IsZero():
				row.State = web.Badge{Tone: web.Warn, Text: "not verified", Icon: "shield-question-mark"}
				if a.Author == by.ID {
					row.Note = "Somebody else verifies it."
				}
				if !compares || a.Author == by.ID {
					break
				}
				row.Verify = &web.Action{Label: "It is verified", Icon: "shield-check", Small: true, Post: true, Href: path + "/verified", Confirm: "You have compared this contact with an official source that did not come from the authority's request?"}
			default:
				row.State = web.Badge{Tone: web.Good, Text: "verified", Icon: "shield-check"}
			}
			if a.Ended.IsZero() {
				row.End = &web.Action{Label: "End", Icon: "x", Small: true, Danger: true, Post: true, Href: path + "/ended", Confirm: "No new request of this authority can be entered then. What was entered stays."}
			}
			v.Rows = append(v.Rows, row)
		}
		return err
	}); err != nil {
		return err
	}
	return registerPage.Render(w, r, status, v)
}

// seesContacts reports whether somebody sees the contacts, as they call authorities back or
// approve what those get: their role approves, or they entered a request or deal with one.
func (d *disclosure) seesContacts(ctx context.Context, tx *store.Tx, by loot.Actor) (bool, error) {
	if d.approves(by) {
		return true, nil
	}
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM disclosure_request WHERE author = $1 OR owner = $1`, by.ID).Scan(&n); err != nil {
		return false, fmt.Errorf("disclosure: contacts: %w", err)
	}
	return n > 0, nil
}

// enterAuthority adds one to the register.
func (d *disclosure) enterAuthority(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	err = authorityForm(s).Check(typed)
	if err == nil {
		wrong := map[string]string{}
		if key := typed.Get("age"); key != "" {
			if _, err := age.ParseRecipients(strings.NewReader(key)); err != nil {
				wrong["age"] = "This is no public key of age. One begins with age1; a secret key begins with AGE-SECRET-KEY and must not be given to anybody."
			}
		}
		err = web.Invalid("", wrong)
	}
	if err != nil {
		return d.showRegister(w, r, http.StatusUnprocessableEntity, typed, err)
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.signed(ctx, tx, by); err != nil {
			return err
		}
		id := loot.NewID("w")
		contact, err := d.key.Seal([]byte(typed.Get("contact")), []byte(id))
		if err != nil {
			return fmt.Errorf("disclosure: authority: %w", err)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO disclosure_authority (id, recipient, title, country, age, contact, verified, verifier, made, author, ended) VALUES ($1, $2, $3, $4, $5, $6, 0, '', $7, $8, 0)`,
			id, typed.Get("recipient"), typed.Get("title"), typed.Get("country"), typed.Get("age"), contact, d.Now().UnixMicro(), by.ID); err != nil {
			return fmt.Errorf("disclosure: authority: %w", err)
		}
		_, err = d.Gate.Note(ctx, tx, by, "authority.entered", typed.Get("title"))
		return err
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Entered. Another colleague verifies its contact now.")
	return web.Redirect(w, r, home+"/register")
}

// changeAuthority says that a contact is verified, which nobody says of their own entry,
// or ends an authority.
func (d *disclosure) changeAuthority(w http.ResponseWriter, r *http.Request) error {
	ctx, by := r.Context(), web.ActorOf(r.Context())
	what := r.PathValue("what")
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.signed(ctx, tx, by); err != nil {
			return err
		}
		a, err := d.findAuthority(ctx, tx, r.PathValue("authority"), tx.ForUpdate())
		if err != nil {
			return err
		}
		sees, err := d.seesContacts(ctx, tx, by)
		if err != nil {
			return err
		}
		switch {
		case !a.Ended.IsZero():
			return loot.Errorf(loot.Conflict, "This authority is no longer used.")
		case what == "verified" && a.Author == by.ID:
			return loot.Errorf(loot.Denied, "Nobody verifies a contact that they entered. Another colleague has to.")
		case what == "verified" && !sees:
			return loot.Errorf(loot.Denied, "Whoever verifies a contact has seen it. Those do whose roles approve, or who deal with a request.")
		case what == "verified":
			_, err = tx.Exec(ctx, `UPDATE disclosure_authority SET verified = $1, verifier = $2 WHERE id = $3`, d.Now().UnixMicro(), by.ID, a.ID)
		case what == "ended":
			_, err = tx.Exec(ctx, `UPDATE disclosure_authority SET ended = $1 WHERE id = $2`, d.Now().UnixMicro(), a.ID)
		default:
			return loot.Errorf(loot.NotFound, "There is no such step.")
		}
		if err != nil {
			return fmt.Errorf("disclosure: authority: %w", err)
		}
		_, err = d.Gate.Note(ctx, tx, by, "authority."+what, a.Title)
		return err
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Kept.")
	return web.Redirect(w, r, home+"/register")
}
