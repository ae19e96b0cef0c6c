package incidents

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"loot"
	"loot/desk"
	"loot/mail"
	"loot/store"
	"loot/web"
)

//go:embed notices/*.txt
var noticeFiles embed.FS

var noticeTexts = template.Must(template.New("").Funcs(template.FuncMap{
	"moment": func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 MST") },
}).ParseFS(noticeFiles, "notices/*.txt"))

// Whom a notice is for.
const (
	toRegulator = "regulator"
	toPeople    = "people"
)

// A region is a law by which a breach is notified.
type region struct {
	ID, Title                 string
	Authority                 string // in a sentence
	RegulatorLaw, PeopleLaw   string
	RegulatorText, PeopleText string // names of templates
	Phased                    bool   // the law says that what is missing may follow
}

// regions are the laws that there are texts for: Regulation (EU) 2016/679, the
// same as retained in the law of the United Kingdom, and the Swiss Federal Act
// on Data Protection with Article 15 of its Ordinance.
var regions = []region{
	{
		ID: "eu", Title: "European Union and EEA", Authority: "the data protection authority of the country where you live or where we are established",
		RegulatorLaw: "Article 33 of Regulation (EU) 2016/679 (GDPR)", PeopleLaw: "Article 34 of Regulation (EU) 2016/679 (GDPR)",
		RegulatorText: "regulator.txt", PeopleText: "people.txt", Phased: true,
	},
	{
		ID: "uk", Title: "United Kingdom", Authority: "the Information Commissioner",
		RegulatorLaw: "Article 33 of the UK GDPR and the Data Protection Act 2018", PeopleLaw: "Article 34 of the UK GDPR",
		RegulatorText: "regulator.txt", PeopleText: "people.txt", Phased: true,
	},
	{
		ID: "ch", Title: "Switzerland", Authority: "the Federal Data Protection and Information Commissioner (FDPIC)",
		RegulatorLaw: "Article 24 of the Federal Act on Data Protection (FADP) and Article 15 of its Ordinance", PeopleLaw: "Article 24(4) of the Federal Act on Data Protection (FADP)",
		RegulatorText: "regulator-ch.txt", PeopleText: "people.txt",
	},
}

// noticeData is what a text is filled in with.
type noticeData struct {
	Law, Authority, Controller, Address, Contact, Number string
	Opened, Now, Due                                     time.Time
	Late, Phased                                         bool
	Happened, Kinds, Likelihood, Severity, Persons       string
	People                                               string
	Measures                                             []string
}

// draft fills in the text of a notice with what is known of an incident.
func (d *incidents) draft(ctx context.Context, tx *store.Tx, i incident, whom string, r region) (string, error) {
	v, ok := d.Gate.InForce()
	if !ok {
		return "", loot.Errorf(loot.Unavailable, "No statement is in force yet, so it is not known who is responsible.")
	}
	front := v.Statement.Front()
	data := noticeData{
		Law: r.RegulatorLaw, Authority: r.Authority, Controller: front.Controller.Name, Address: front.Controller.Address, Contact: front.Contact, Number: i.reference(),
		Opened: i.Opened, Now: d.Now(), Due: i.Due, Late: d.Now().After(i.Due) && r.Phased, Phased: r.Phased,
		Likelihood: "[not assessed]", Severity: "[not assessed]", People: "[say how many]", Persons: "[Say whether they are told, and when]",
	}
	text := r.RegulatorText
	if whom == toPeople {
		data.Law, text = r.PeopleLaw, r.PeopleText
	} else if r.ID == "eu" {
		data.Authority = "the lead supervisory authority"
	}
	a, err := assessed(ctx, tx, i.ID)
	if err != nil {
		return "", err
	}
	if a.Note != "" {
		data.People, data.Kinds = strconv.Itoa(a.People), a.kinds(v.Statement)
		data.Likelihood, data.Persons = loot.LowerFirst(labelOf(likelihoods, strconv.Itoa(a.Likelihood))), labelOf(telling, a.Persons)
		data.Severity = loot.LowerFirst(strings.Split(labelOf(severities, strconv.Itoa(a.Severity)), ":")[0])
	}
	notes, err := d.notes(ctx, tx, i.ID)
	if err != nil {
		return "", err
	}
	for _, n := range notes {
		switch {
		case n.Kind == "measure":
			data.Measures = append(data.Measures, n.Text)
		case n.Kind == "report" && whom == toRegulator:
			data.Happened = n.Text
		}
	}
	var b strings.Builder
	if err := noticeTexts.ExecuteTemplate(&b, text, data); err != nil {
		return "", fmt.Errorf("incidents: notice: %w", err)
	}
	return b.String(), nil
}

func noticeForm(version int64, whom, text string) web.Fields {
	fields := web.Fields{
		{Name: "version", Type: "hidden", Value: strconv.FormatInt(version, 10)},
		{Name: "text", Label: "Text", Type: "textarea", Required: true, MaxLen: 12000, Rows: 24, Wide: true, Value: text, Hint: "Change whatever should be said otherwise. What stands in square brackets is for you to fill in."},
	}
	if whom == toRegulator {
		fields = append(fields, web.Field{Name: "address", Label: "E-mail address of the regulator", Type: "email", MaxLen: 254, Hint: "Leave it empty to print it, or to copy it into the regulator's own form."})
	}
	return fields
}

type noticeView struct {
	web.View
	Form  web.Fields
	Wrong *web.Problems
	To    string // where the form goes
	Send  string // what the button says
	Text  string // about whom it goes to
}

func findNotice(r *http.Request) (whom string, law region, err error) {
	whom = r.PathValue("whom")
	at := slices.IndexFunc(regions, func(x region) bool { return x.ID == r.PathValue("region") })
	if at < 0 || whom != toRegulator && whom != toPeople {
		return "", region{}, loot.Errorf(loot.NotFound, "There is no text for such a notice.")
	}
	return whom, regions[at], nil
}

// writeNotice shows a notice to be changed before it goes.
func (d *incidents) writeNotice(w http.ResponseWriter, r *http.Request) error {
	return d.showNotice(w, r, http.StatusOK, nil, nil)
}

func (d *incidents) showNotice(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	whom, law, err := findNotice(r)
	if err != nil {
		return err
	}
	data := noticeView{View: web.ViewOf(r, "Notice to the regulator"), To: r.URL.Path, Send: "Keep it, and send or print it"}
	data.Text = "Keeping it does not say yet that the regulator was told: sending it by mail does, and so does the step on the incident's page."
	if whom == toPeople {
		data.Title, data.Send = "Notice to the people concerned", "Send it to all who are named"
		data.Text = "It goes to every customer who is named, has an address and was not told yet."
	}
	data.Lead = law.Title
	path := "/console/incidents/" + r.PathValue("id")
	data.Crumbs = []web.Crumb{{Label: "Incidents", Href: "/console/incidents"}, {Label: desk.Reference("I", r.PathValue("id")), Href: path}}
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		i, err := find(r.Context(), tx, r.PathValue("id"), "")
		if err != nil {
			return err
		}
		if _, err := d.may(r.Context(), tx, i, web.ActorOf(r.Context())); err != nil {
			return err
		}
		if !i.Closed.IsZero() {
			return errClosed
		}
		text, err := d.draft(r.Context(), tx, i, whom, law)
		data.Form = noticeForm(i.Version, whom, text)
		return err
	}); err != nil {
		return err
	}
	if wrong != nil {
		data.Form, data.Wrong = sent(data.Form, typed, wrong)
	}
	return noticePage.Render(w, r, status, data)
}

// keepNotice keeps a notice as it was changed, and has it sent where that is
// possible.
func (d *incidents) keepNotice(w http.ResponseWriter, r *http.Request) error {
	whom, law, err := findNotice(r)
	if err != nil {
		return err
	}
	form, err := web.Form(r, 1<<17)
	if err != nil {
		return err
	}
	version, err := strconv.ParseInt(form.Get("version"), 10, 64)
	if err != nil {
		return loot.Errorf(loot.Invalid, "The form did not arrive whole. Please load the page again.")
	}
	path := "/console/incidents/" + r.PathValue("id")
	err = d.dealWith(r, func(tx *store.Tx, i incident, by loot.Actor, alone bool) error {
		i.Version = version
		if !i.Closed.IsZero() {
			return errClosed
		}
		if err := noticeForm(version, whom, "").Check(form); err != nil {
			return err
		}
		if strings.Contains(form.Get("text"), "[") {
			return web.Invalid("", map[string]string{"text": "Please fill in what still stands in square brackets, or take it out."})
		}
		n := note{ID: loot.NewID("n"), Kind: "notice", Text: form.Get("text"), Alone: alone}
		if whom == toPeople {
			n.Kind = "letter"
			return d.tellAll(r.Context(), tx, i, by, n)
		}
		path += "/letters/" + n.ID
		return d.tellAuthority(r.Context(), tx, i, by, law, form.Get("address"), n)
	})
	switch kind := loot.KindOf(err); {
	case err == nil:
		said := "The notice is kept and goes to the regulator by mail. Once it has gone, it is noted that the regulator was told."
		switch {
		case whom == toPeople:
			said = "The letter is on its way to all who are named and can be told."
		case form.Get("address") == "":
			said = "The notice is kept. Print it here, and note on the incident's page when the regulator was told."
		}
		web.SetFlash(w, r, web.Good, said)
		return web.Redirect(w, r, path)
	case kind == loot.Conflict || kind == loot.Invalid:
		if web.Wrong(err) == nil {
			err = &loot.Error{Kind: loot.Invalid, Msg: loot.Message(err), Fields: map[string]string{"text": loot.Message(err)}}
		}
		return d.showNotice(w, r, kind.Status(), form, err)
	}
	return err
}

func (d *incidents) tellAuthority(ctx context.Context, tx *store.Tx, i incident, by loot.Actor, law region, address string, n note) error {
	if address != "" && !mail.ValidAddress(address) {
		return web.Invalid("", map[string]string{"address": web.NotEmail})
	}
	if _, err := tx.Exec(ctx, `INSERT INTO incidents_notice (note, incident, region, address, sent, failed) VALUES ($1, $2, $3, $4, 0, 0)`, n.ID, i.ID, law.ID, address); err != nil {
		return fmt.Errorf("incidents: notice: %w", err)
	}
	if address != "" {
		if err := d.Jobs.Enqueue(ctx, tx, noticeJob{n.ID}); err != nil {
			return err
		}
	}
	return d.keep(ctx, tx, i, by, n, "")
}

// tellAll has a letter written to everybody who is named and can be told.
func (d *incidents) tellAll(ctx context.Context, tx *store.Tx, i incident, by loot.Actor, n note) error {
	people, err := listPeople(ctx, tx, i.ID)
	if err != nil {
		return err
	}
	any := false
	for _, p := range people {
		if !p.Told.IsZero() || p.Note != "" {
			continue
		}
		why, err := d.unreachable(ctx, tx, p)
		if err != nil {
			return err
		}
		if why != "" {
			continue
		}
		any, p.Note = true, n.ID
		if _, err := changePerson(ctx, tx, i.ID, p); err != nil {
			return err
		}
		if err := d.Jobs.Enqueue(ctx, tx, tellJob{i.ID, p.Subject}); err != nil {
			return err
		}
	}
	if !any {
		return loot.Errorf(loot.Conflict, "Nobody who is named still has to be told and can be. Name those concerned on the incident's page first.")
	}
	return d.keep(ctx, tx, i, by, n, "")
}

// A noticeJob sends a notice to a regulator.
type noticeJob struct {
	Note string `json:"note"`
}

// Kind names the job.
func (noticeJob) Kind() string { return "incidents.notice" }

func (d *incidents) sendNotice(ctx context.Context, j noticeJob) error {
	var id, address, text string
	var sent, failed int64
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if err := tx.QueryRow(ctx, `SELECT incident, address, sent, failed FROM incidents_notice WHERE note = $1`, j.Note).Scan(&id, &address, &sent, &failed); err != nil {
			return fmt.Errorf("incidents: notice: %w", err)
		}
		text, err = d.noteText(ctx, tx, j.Note)
		return err
	}); err != nil || sent > 0 || failed > 0 {
		return err
	}
	title, rest, _ := strings.Cut(text, "\n")
	l := mail.Letter{Subject: title, Preview: "A notice by law.", Why: "You get this as the authority that the law has us tell."}
	for part := range strings.SplitSeq(rest, "\n\n") {
		if part = strings.TrimSpace(part); part != "" {
			l.Blocks = append(l.Blocks, mail.Para(part))
		}
	}
	m, err := l.Message(d.House(), "incident-"+j.Note, address)
	if err == nil {
		err = d.Mail.Send(ctx, m)
	}
	refused := errors.Is(err, mail.ErrRejected)
	if err != nil && !refused {
		return err
	}
	now := d.Now()
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		if refused {
			_, err := tx.Exec(ctx, `UPDATE incidents_notice SET failed = $1 WHERE note = $2`, now.UnixMicro(), j.Note)
			return err
		}
		if n, err := tx.Exec(ctx, `UPDATE incidents_notice SET sent = $1 WHERE note = $2 AND sent = 0`, now.UnixMicro(), j.Note); err != nil || n == 0 {
			return err
		}
		i, err := find(ctx, tx, id, tx.ForUpdate())
		if err != nil || !i.Closed.IsZero() {
			return err
		}
		if i.Told.IsZero() {
			i.Told = now
		}
		return d.keep(ctx, tx, i, actor, note{Kind: "told", Text: "The notice was sent to the regulator by mail."}, "")
	})
}

// A noticeRow is a notice to a regulator as the incident's page shows it.
type noticeRow struct {
	Title, Href string
	State       web.Badge
}

func (d *incidents) noticeViews(ctx context.Context, tx *store.Tx, i incident) ([]noticeRow, error) {
	rows, err := tx.Query(ctx, `SELECT note, region, address, sent, failed FROM incidents_notice WHERE incident = $1 ORDER BY note`, i.ID)
	if err != nil {
		return nil, fmt.Errorf("incidents: notices: %w", err)
	}
	defer rows.Close()
	var out []noticeRow
	for rows.Next() {
		var id, law, address string
		var sent, failed int64
		if err := rows.Scan(&id, &law, &address, &sent, &failed); err != nil {
			return nil, fmt.Errorf("incidents: notices: %w", err)
		}
		v := noticeRow{Href: "/console/incidents/" + i.ID + "/letters/" + id, State: web.Badge{Tone: web.Info, Text: "written, to be printed"}}
		for _, r := range regions {
			if r.ID == law {
				v.Title = r.Title
			}
		}
		switch {
		case failed > 0:
			v.State = web.Badge{Tone: web.Bad, Text: "refused by the mail server"}
		case sent > 0:
			v.State = web.Badge{Tone: web.Good, Text: "sent " + store.Instant(sent).Format("2 Jan 2006, 15:04 MST")}
		case address != "":
			v.State = web.Badge{Tone: web.Info, Text: "on its way"}
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

type printView struct {
	web.View
	Text string
}

// print shows a notice or a letter as a page to be printed.
func (d *incidents) print(w http.ResponseWriter, r *http.Request) error {
	data := printView{View: web.ViewOf(r, "Letter")}
	data.Lead = "As it was kept. Print it with your browser: only the letter comes on paper."
	path := "/console/incidents/" + r.PathValue("id")
	data.Crumbs = []web.Crumb{{Label: "Incidents", Href: "/console/incidents"}, {Label: desk.Reference("I", r.PathValue("id")), Href: path}}
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		i, err := find(r.Context(), tx, r.PathValue("id"), "")
		if err != nil {
			return err
		}
		if _, err := d.may(r.Context(), tx, i, web.ActorOf(r.Context())); err != nil {
			return err
		}
		notes, err := d.notes(r.Context(), tx, i.ID)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(notes, func(n note) bool { return n.ID == r.PathValue("note") && (n.Kind == "notice" || n.Kind == "letter") })
		if at < 0 {
			return loot.Errorf(loot.NotFound, "There is no such letter.")
		}
		data.Text = notes[at].Text
		return nil
	}); err != nil {
		return err
	}
	return printPage.Render(w, r, http.StatusOK, data)
}
