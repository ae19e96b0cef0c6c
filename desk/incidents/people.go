package incidents

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/mail"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// customer is where the people are known whom an incident can concern.
const customer loot.Collection = "customer"

// A person is a customer whom an incident concerns.
type person struct {
	Subject loot.Subject
	Note    string    // id of the note that holds the letter; empty: none was written
	Failed  time.Time // when the letter could not be sent
	Told    time.Time // when it went, or it was noted why there is none
}

// A tellJob asks to write to a person whom an incident concerns. What is
// written stands in a note, sealed.
type tellJob struct {
	Incident string       `json:"incident"`
	Subject  loot.Subject `json:"subject"`
}

// Kind names the job.
func (tellJob) Kind() string { return "incidents.tell" }

// The forms about the people concerned.
const (
	naming = "name"
	letter = "letter"
	excuse = "untold"
)

// peopleForm returns one of the forms about people; options are those whom it
// can be sent for.
func peopleForm(which string, version int64, options []web.Option) web.Fields {
	whom := web.Field{Name: "subject", Label: "Customer", Type: "select", Required: true, Options: options}
	fields := web.Fields{{Name: "version", Type: "hidden", Value: strconv.FormatInt(version, 10)}}
	switch which {
	case naming:
		whom.Type, whom.Options, whom.MaxLen, whom.Hint = "text", nil, desk.SubjectMax, "Their id, or the address of the customer's page."
		fields = append(fields, whom)
	case letter:
		fields = append(fields, whom,
			web.Field{Name: "happened", Label: "What happened", Type: "textarea", Required: true, MaxLen: 4000, Rows: 3, Wide: true},
			web.Field{Name: "means", Label: "What it means for them", Type: "textarea", Required: true, MaxLen: 4000, Rows: 3, Wide: true},
			web.Field{Name: "doing", Label: "What we are doing about it, and what they can do", Type: "textarea", Required: true, MaxLen: 4000, Rows: 3, Wide: true},
		)
	case excuse:
		fields = append(fields, whom, web.Field{Name: "why", Label: "Why they cannot be told", Type: "textarea", Required: true, MaxLen: 4000, Rows: 3, Wide: true})
	}
	for i := range fields {
		fields[i].Form = which // the three stand on one page
	}
	return fields
}

// A personView is a person concerned as the page shows them.
type personView struct {
	Subject loot.Subject
	Href    string
	State   web.Badge
}

// showPeople puts the people concerned on the page, with the forms about them.
func (d *incidents) showPeople(ctx context.Context, tx *store.Tx, i incident, data *showView) error {
	people, err := listPeople(ctx, tx, i.ID)
	if err != nil {
		return err
	}
	data.People, data.Forms = nil, nil
	var tell, excused []web.Option
	for _, p := range people {
		why, err := d.unreachable(ctx, tx, p)
		if err != nil {
			return err
		}
		v := personView{Subject: p.Subject}
		if why != erased {
			v.Href = desk.CustomerPath(p.Subject)
		}
		option := web.Option{Value: string(p.Subject), Label: string(p.Subject)}
		switch {
		case !p.Told.IsZero():
			v.State = web.Badge{Tone: web.Good, Text: "told " + p.Told.Format("2 Jan 2006, 15:04 MST")}
			if p.Note == "" {
				v.State = web.Badge{Tone: web.Neutral, Text: "not told, for a reason that is noted"}
			}
		case why != "":
			v.State = web.Badge{Tone: web.Bad, Text: why}
			excused = append(excused, option)
		case p.Note != "":
			v.State = web.Badge{Tone: web.Info, Text: "the letter is on its way"}
			excused = append(excused, option) // should it never go
		default:
			v.State = web.Badge{Tone: web.Warn, Text: "not told yet"}
			tell = append(tell, option)
		}
		data.People = append(data.People, v)
	}
	if !i.Closed.IsZero() || data.Refused != "" {
		return nil
	}
	data.Forms = append(data.Forms, personForm{Which: naming, Title: "Name a customer whom it concerns", Button: "Name", Form: peopleForm(naming, i.Version, nil)})
	if len(tell) > 0 {
		data.Forms = append(data.Forms, personForm{Which: letter, Title: "Tell them", Button: "Send the letter", Form: peopleForm(letter, i.Version, tell)})
	}
	if len(excused) > 0 {
		data.Forms = append(data.Forms, personForm{Which: excuse, Title: "Note why they cannot be told", Button: "Keep this step", Form: peopleForm(excuse, i.Version, excused)})
	}
	return nil
}

const erased = "erased: nothing is held of them"

// unreachable says why no letter reaches a person; empty: one may.
func (d *incidents) unreachable(ctx context.Context, tx *store.Tx, p person) (string, error) {
	held, err := d.Vault.Held(ctx, tx, p.Subject, customer)
	switch {
	case loot.KindOf(err) == loot.NotFound:
		return erased, nil
	case vault.Damaged(err):
		return "their record is damaged", nil
	case err != nil:
		return "", err
	}
	v, ok := d.Gate.InForce()
	if !ok {
		return "", nil
	}
	if _, ok := held[v.Statement.AddressField(customer)]; !ok {
		return "has no address", nil
	}
	if !p.Failed.IsZero() {
		return "the letter could not be sent", nil
	}
	return "", nil
}

// people takes one of the forms about people.
func (d *incidents) people(w http.ResponseWriter, r *http.Request) error {
	which := r.PathValue("what")
	if which != naming && which != letter && which != excuse {
		return loot.Errorf(loot.NotFound, "There is no such form.")
	}
	return d.takeForm(w, r, which, "subject", func(tx *store.Tx, i incident, by loot.Actor, form url.Values, alone bool) error {
		return d.aboutPerson(r.Context(), tx, i, by, which, form, alone)
	})
}

// aboutPerson names a customer, has one told, or notes why one cannot be.
func (d *incidents) aboutPerson(ctx context.Context, tx *store.Tx, i incident, by loot.Actor, which string, form url.Values, alone bool) error {
	if !i.Closed.IsZero() {
		return errClosed
	}
	s := desk.SubjectIn(form.Get("subject"))
	fields := peopleForm(which, i.Version, []web.Option{{Value: form.Get("subject")}}) // whether they are among those named is said below
	if err := fields.Check(form); err != nil {
		return err
	}
	p, known, err := findPerson(ctx, tx, i.ID, s)
	if err != nil {
		return err
	}
	n := note{ID: loot.NewID("n"), Alone: alone}
	if which == naming {
		if known {
			return loot.Errorf(loot.Conflict, "This customer is named already.")
		}
		if err := d.isCustomer(ctx, tx, s); err != nil {
			return err
		}
		n.Kind, n.Text = "named", "A customer whom it concerns was named; they stand below." // not by their id, which goes when they are erased
		if err := addPerson(ctx, tx, i.ID, s); err != nil {
			return err
		}
		return d.keep(ctx, tx, i, by, n, "")
	}
	if !known || !p.Told.IsZero() {
		return loot.Errorf(loot.Conflict, "This customer is not among those who are still to be told.")
	}
	why, err := d.unreachable(ctx, tx, p)
	if err != nil {
		return err
	}
	switch {
	case which == letter && why != "":
		return loot.Errorf(loot.Conflict, "No letter can be written to this customer: %s.", why)
	case which == letter && p.Note != "":
		return loot.Errorf(loot.Conflict, "A letter to this customer is on its way.")
	case which == letter:
		n.Kind, p.Note = "letter", n.ID
		n.Text = "What happened: " + form.Get("happened") + "\n\nWhat it means for you: " + form.Get("means") + "\n\nWhat we are doing, and what you can do: " + form.Get("doing")
		if err := d.Jobs.Enqueue(ctx, tx, tellJob{i.ID, s}); err != nil {
			return err
		}
	case why == "" && p.Note == "":
		return loot.Errorf(loot.Conflict, "This customer can be told, so they are.")
	default:
		n.Kind, n.Text = "untold", form.Get("why")
		p.Note, p.Told = "", d.Now()
	}
	if _, err := changePerson(ctx, tx, i.ID, p); err != nil {
		return err
	}
	return d.keep(ctx, tx, i, by, n, "")
}

// isCustomer refuses an id that is no customer's, or no longer.
func (d *incidents) isCustomer(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	switch row, err := d.Vault.Row(ctx, tx, s, customer); {
	case loot.KindOf(err) == loot.NotFound, err == nil && row.Erased():
		return web.Invalid("", map[string]string{"subject": "There is no customer with this id."})
	default:
		return err
	}
}

// tell writes to a person, once. Whom no letter reaches stands on the page as
// such.
func (d *incidents) tell(ctx context.Context, a tellJob) error {
	var text string
	var p person
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		var known bool
		if p, known, err = findPerson(ctx, tx, a.Incident, a.Subject); err != nil || !known || p.Note == "" || !p.Told.IsZero() {
			p = person{}
			return err
		}
		text, err = d.noteText(ctx, tx, p.Note)
		return err
	}); err != nil || p.Note == "" {
		return err
	}
	sent, err := d.Write(ctx, desk.Errand{By: actor, Purpose: "notice", To: a.Subject, Collection: customer, ID: "incident-" + a.Incident + "-" + string(a.Subject), Letter: d.letter(text)})
	if err != nil {
		return err
	}
	if sent {
		p.Told = d.Now()
	} else {
		p.Failed = d.Now()
	}
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		if there, err := changePerson(ctx, tx, a.Incident, p); err != nil || !there || !sent {
			return err // whoever was erased meanwhile is noted nowhere
		}
		return d.Gate.NoteAbout(ctx, tx, a.Subject, customer, actor, "person.told", Keeps[0])
	})
}

func (d *incidents) letter(text string) mail.Letter {
	l := mail.Letter{
		Subject: "Something went wrong that concerns your details",
		Preview: "What happened, what it means for you and what we are doing about it.",
		Greet:   "Good day",
		Why:     "You get this because something happened to what we hold about you, and we promised to tell you. It is no advertisement, and it cannot be switched off.",
	}
	for part := range strings.SplitSeq(text, "\n\n") {
		l.Blocks = append(l.Blocks, mail.Para(part))
	}
	l.Blocks = append(l.Blocks, mail.Button("Open my timeline", d.BaseURL+"/portal/timeline"))
	return l
}

// actor is this desk as who acts.
var actor = loot.Actor{Kind: loot.Desk, ID: "incidents"}

func listPeople(ctx context.Context, tx *store.Tx, incidentID string) ([]person, error) {
	rows, err := tx.Query(ctx, `SELECT subject, note, failed, told FROM incidents_person WHERE incident = $1 ORDER BY subject`, incidentID)
	if err != nil {
		return nil, fmt.Errorf("incidents: people: %w", err)
	}
	defer rows.Close()
	var out []person
	for rows.Next() {
		p, err := scanPerson(rows)
		if err != nil {
			return nil, fmt.Errorf("incidents: people: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

func scanPerson(row interface{ Scan(...any) error }) (p person, err error) {
	var failed, told int64
	err = row.Scan(&p.Subject, &p.Note, &failed, &told)
	p.Failed, p.Told = store.Instant(failed), store.Instant(told)
	return p, err
}

func findPerson(ctx context.Context, tx *store.Tx, incidentID string, s loot.Subject) (person, bool, error) {
	p, err := scanPerson(tx.QueryRow(ctx, `SELECT subject, note, failed, told FROM incidents_person WHERE incident = $1 AND subject = $2`, incidentID, s))
	if errors.Is(err, sql.ErrNoRows) {
		return person{}, false, nil
	}
	if err != nil {
		return person{}, false, fmt.Errorf("incidents: person: %w", err)
	}
	return p, true, nil
}

func addPerson(ctx context.Context, tx *store.Tx, incidentID string, s loot.Subject) error {
	if _, err := tx.Exec(ctx, `INSERT INTO incidents_person (incident, subject, note, failed, told) VALUES ($1, $2, '', 0, 0)`, incidentID, s); err != nil {
		return fmt.Errorf("incidents: person: %w", err)
	}
	return nil
}

// changePerson reports whether the person is still there under this id.
func changePerson(ctx context.Context, tx *store.Tx, incidentID string, p person) (there bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE incidents_person SET note = $1, failed = $2, told = $3 WHERE incident = $4 AND subject = $5`,
		p.Note, store.Micro(p.Failed), store.Micro(p.Told), incidentID, p.Subject)
	if err != nil {
		return false, fmt.Errorf("incidents: person: %w", err)
	}
	return n > 0, nil
}

// untold counts the people concerned who have not been told.
func untold(ctx context.Context, tx *store.Tx, incidentID string) (n int, err error) {
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM incidents_person WHERE incident = $1 AND told = 0`, incidentID).Scan(&n); err != nil {
		return 0, fmt.Errorf("incidents: people: %w", err)
	}
	return n, nil
}

// An exportedIncident is one in a person's copy.
type exportedIncident struct {
	Incident string    `json:"incident"`
	Told     time.Time `json:"told"`
	Letter   string    `json:"letter"`
	note     string
}

// export returns of which incidents a person was told, and what the letters said.
func (d *incidents) export(ctx context.Context, tx *store.Tx, s loot.Subject) (any, error) {
	rows, err := tx.Query(ctx, `SELECT incident, told, note FROM incidents_person WHERE subject = $1 AND told > 0 AND note <> '' ORDER BY told, incident`, s)
	if err != nil {
		return nil, fmt.Errorf("incidents: export: %w", err)
	}
	defer rows.Close()
	var out []exportedIncident
	for rows.Next() {
		var one exportedIncident
		var told int64
		if err := rows.Scan(&one.Incident, &told, &one.note); err != nil {
			return nil, fmt.Errorf("incidents: export: %w", err)
		}
		one.Told = store.Instant(told)
		out = append(out, one)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("incidents: export: %w", err)
	}
	if len(out) == 0 {
		return nil, nil
	}
	for i := range out {
		if out[i].Letter, err = d.noteText(ctx, tx, out[i].note); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// forget removes a person from the incidents that are closed. In one that is
// open another id stands for them from then on, so that it is still noted there
// that they could not be told.
func (d *incidents) forget(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	if _, err := tx.Exec(ctx, `DELETE FROM incidents_person WHERE subject = $1 AND incident IN (SELECT id FROM incidents_case WHERE closed > 0)`, s); err != nil {
		return fmt.Errorf("incidents: forget: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE incidents_person SET subject = $1 WHERE subject = $2`, loot.NewSubject(), s); err != nil {
		return fmt.Errorf("incidents: forget: %w", err)
	}
	return nil
}
