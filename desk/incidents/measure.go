package incidents

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"loot"
	"loot/store"
	"loot/web"
)

// A measure is something that somebody does about an incident by a day.
type measure struct {
	Note  string // id of the note that says what
	Owner string // staff id
	Due   time.Time
	Done  time.Time
}

// A measureView is a measure as the page shows it.
type measureView struct {
	Text  string
	Owner string
	State web.Badge
}

func measureForm(version int64, all []loot.Actor) web.Fields {
	who := []web.Option{web.Choose}
	for _, a := range all {
		who = append(who, web.Option{Value: a.ID, Label: a.Name})
	}
	fields := web.Fields{
		{Name: "version", Type: "hidden", Value: strconv.FormatInt(version, 10)},
		{Name: "owner", Label: "Who does it", Type: "select", Required: true, Options: who},
		{Name: "due", Label: "By when", Type: "date", Required: true, Hint: "It is reminded of on the day after."},
		{Name: "text", Label: "What is done", Type: "textarea", Required: true, MaxLen: 4000, Rows: 2, Wide: true},
	}
	for i := range fields {
		fields[i].Form = planning
	}
	return fields
}

func doneForm(version int64, open []web.Option) web.Fields {
	fields := web.Fields{
		{Name: "version", Type: "hidden", Value: strconv.FormatInt(version, 10)},
		{Name: "measure", Label: "Measure", Type: "select", Required: true, Options: open},
		{Name: "text", Label: "How it went", Type: "textarea", Required: true, MaxLen: 4000, Rows: 2, Wide: true},
	}
	for i := range fields {
		fields[i].Form = finishing
	}
	return fields
}

// plan keeps a measure.
func (d *incidents) plan(ctx context.Context, tx *store.Tx, i incident, by loot.Actor, form url.Values, alone bool) error {
	if !i.Closed.IsZero() {
		return errClosed
	}
	everybody, err := d.staff.Everybody(ctx, tx)
	if err != nil {
		return err
	}
	if err := measureForm(i.Version, everybody).Check(form); err != nil {
		return err
	}
	day, err := time.Parse(time.DateOnly, form.Get("due"))
	if err != nil || day.AddDate(0, 0, 1).Before(i.Opened) {
		return web.Invalid("", map[string]string{"due": "Please give a day on or after the one on which the incident was opened."})
	}
	m := measure{Note: loot.NewID("n"), Owner: form.Get("owner"), Due: day.AddDate(0, 0, 1)}
	if _, err := tx.Exec(ctx, `INSERT INTO incidents_measure (note, incident, owner, due, done) VALUES ($1, $2, $3, $4, 0)`, m.Note, i.ID, m.Owner, m.Due.UnixMicro()); err != nil {
		return fmt.Errorf("incidents: measure: %w", err)
	}
	return d.keep(ctx, tx, i, by, note{ID: m.Note, Kind: "measure", Text: form.Get("text"), Alone: alone}, "")
}

// finish notes that a measure was taken.
func (d *incidents) finish(ctx context.Context, tx *store.Tx, i incident, by loot.Actor, form url.Values, alone bool) error {
	if !i.Closed.IsZero() {
		return errClosed
	}
	id := form.Get("measure")
	if err := doneForm(i.Version, []web.Option{{Value: id, Label: id}}).Check(form); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE incidents_measure SET done = $1 WHERE note = $2 AND incident = $3 AND done = 0`, d.Now().UnixMicro(), id, i.ID)
	if err != nil {
		return fmt.Errorf("incidents: measure: %w", err)
	}
	if n == 0 {
		return loot.Errorf(loot.Conflict, "This measure is not among those that are open.")
	}
	return d.keep(ctx, tx, i, by, note{Kind: "done", Text: form.Get("text"), Alone: alone}, "")
}

func measures(ctx context.Context, tx *store.Tx, incidentID string) ([]measure, error) {
	rows, err := tx.Query(ctx, `SELECT note, owner, due, done FROM incidents_measure WHERE incident = $1 ORDER BY due, note`, incidentID)
	if err != nil {
		return nil, fmt.Errorf("incidents: measures: %w", err)
	}
	defer rows.Close()
	var out []measure
	for rows.Next() {
		var m measure
		var due, done int64
		if err := rows.Scan(&m.Note, &m.Owner, &due, &done); err != nil {
			return nil, fmt.Errorf("incidents: measures: %w", err)
		}
		m.Due, m.Done = store.Instant(due), store.Instant(done)
		out = append(out, m)
	}
	return out, rows.Err()
}

// showWork puts the assessment, the measures and the notices on the page, with
// the forms about them.
func (d *incidents) showWork(ctx context.Context, tx *store.Tx, i incident, notes []note, by loot.Actor, data *showView) error {
	data.Measures, data.Work, data.Notices = nil, nil, nil
	list, err := measures(ctx, tx, i.ID)
	if err != nil {
		return err
	}
	if !data.Reads { // whoever takes a measure still has to know what it is
		list = slices.DeleteFunc(list, func(m measure) bool { return m.Owner != by.ID })
		_, err := d.showMeasures(ctx, tx, list, notes, data)
		return err
	}
	a, err := assessed(ctx, tx, i.ID)
	if err != nil {
		return err
	}
	data.Assessed = a
	if v, ok := d.Gate.InForce(); ok {
		data.Kinds = a.kinds(v.Statement)
	}
	if a.Note != "" {
		data.Regulator, data.Persons = labelOf(regulating, a.Regulator), labelOf(telling, a.Persons)
	}
	open, err := d.showMeasures(ctx, tx, list, notes, data)
	if err != nil {
		return err
	}
	if data.Notices, err = d.noticeViews(ctx, tx, i); err != nil {
		return err
	}
	if !i.Closed.IsZero() || data.Refused != "" {
		return nil
	}
	everybody, err := d.staff.Everybody(ctx, tx)
	if err != nil {
		return err
	}
	data.Work = []personForm{
		{Which: assessing, Title: "Assess the risk", Button: "Keep the assessment", Form: d.assessForm(i.Version, a)},
		{Which: planning, Title: "Take a measure", Button: "Keep the measure", Form: measureForm(i.Version, everybody)},
	}
	if len(open) > 0 {
		data.Work = append(data.Work, personForm{Which: finishing, Title: "Note that a measure was taken", Button: "It is done", Form: doneForm(i.Version, open)})
	}
	return nil
}

// showMeasures puts measures on the page, and returns those that are open.
func (d *incidents) showMeasures(ctx context.Context, tx *store.Tx, list []measure, notes []note, data *showView) (open []web.Option, err error) {
	for _, m := range list {
		v := measureView{State: web.Badge{Tone: web.Info, Text: "by " + m.Due.AddDate(0, 0, -1).Format("2 Jan 2006")}}
		if at := slices.IndexFunc(notes, func(n note) bool { return n.ID == m.Note }); at >= 0 {
			v.Text = notes[at].Text
		}
		if v.Owner, err = d.staff.Name(ctx, tx, m.Owner); err != nil {
			return nil, err
		}
		switch {
		case !m.Done.IsZero():
			v.State = web.Badge{Tone: web.Good, Text: "done " + m.Done.Format("2 Jan 2006")}
		default:
			if d.Now().After(m.Due) {
				v.State = web.Badge{Tone: web.Bad, Text: "overdue since " + m.Due.Format("2 Jan 2006")}
			}
			open = append(open, web.Option{Value: m.Note, Label: beginning(v.Text)})
		}
		data.Measures = append(data.Measures, v)
	}
	return open, nil
}
