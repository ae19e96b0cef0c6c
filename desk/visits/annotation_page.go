package visits

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"loot"
	"loot/column"
	"loot/store"
	"loot/web"
)

const notesHref = "/console/visits/notes"

// A notesView are the notes below the trend.
type notesView struct {
	List   []noteRow
	Open   bool // the form is
	Action string
	Form   web.Fields
	Wrong  *web.Problems
	CSV    string
}

type noteRow struct {
	Day    string
	Text   string
	Who    string
	Made   time.Time
	Remove *web.Action // nil: not by whoever looks
}

// noteForm are the fields of a note, which is of the last day that is shown
// unless somebody says otherwise.
func noteForm(day column.Day) web.Fields {
	return web.Fields{
		{Name: "day", Label: "Day", Type: "date", Value: day.String(), Required: true, Plain: true, Form: "note"},
		{Name: "text", Label: "What happened", Required: true, Plain: true, MaxLen: mostNote, Form: "note", Placeholder: "A release, a campaign, a fault …"},
	}
}

// withAddress is an address of a page that leads back to the report.
func (a asked) withAddress(path string) string { return path + "?" + a.values().Encode() }

// notesView returns what is shown of a period's notes.
func (d *Visits) notesView(ctx context.Context, tx *store.Tx, a *asked, who loot.Actor, typed url.Values, wrong error) (notesView, []annotation, error) {
	v := notesView{Action: a.withAddress(notesHref), Open: wrong != nil}
	v.Form = noteForm(min(a.to, a.today)).With(typed, wrong)
	v.Wrong = web.ProblemsOf(wrong, v.Form)
	notes, err := listAnnotations(ctx, tx, a.site.Number, a.from, a.to)
	if err != nil || len(notes) == 0 {
		return v, nil, err
	}
	v.CSV = v.Action + "&format=csv"
	for _, n := range notes {
		names, err := d.names(ctx, tx, n.Writer)
		if err != nil {
			return v, nil, err
		}
		row := noteRow{Day: n.Day.Time().Format("2 Jan 2006"), Text: n.Text, Who: names[n.Writer], Made: n.Made}
		if mayEnd(who, n.Writer) {
			row.Remove = &web.Action{Label: "Remove", Icon: "trash-2", Small: true, Danger: true, Post: true, Href: a.withAddress(notesHref + "/" + n.ID + "/remove"), Confirm: "Remove the note “" + n.Text + "”?"}
		}
		v.List = append(v.List, row)
	}
	return v, notes, nil
}

// addNote adds a note from the form on the report.
func (d *Visits) addNote(w http.ResponseWriter, r *http.Request) error {
	p, err := d.keptPage(r)
	if err != nil {
		return err
	}
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	n, err := p.readNote(form, d.Now())
	if err == nil {
		err = d.DB.InTx(r.Context(), func(tx *store.Tx) error { return addAnnotation(r.Context(), tx, n) })
	}
	if wrong := beside(err); wrong != nil {
		return d.showReport(w, r, loot.KindOf(err).Status(), form, wrong)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, p.href()+"#notes")
}

func (p keptPage) readNote(form url.Values, now time.Time) (annotation, error) {
	n := annotation{ID: loot.NewID("n"), Site: p.site.Number, Text: strings.TrimSpace(form.Get("text")), Writer: p.who.ID, Made: now}
	if err := noteForm(p.today).Check(form); err != nil {
		return n, err
	}
	if n.Day.UnmarshalText([]byte(form.Get("day"))) != nil {
		return n, web.Invalid("", map[string]string{"day": notDate})
	}
	return n, web.Invalid("", n.check(p.today))
}

// A toldNote is a note as programs read it.
type toldNote struct {
	ID     string     `json:"id" parquet:"id"`
	Day    column.Day `json:"day" parquet:"day,date" doc:"At the site"`
	Text   string     `json:"text" parquet:"text"`
	Writer string     `json:"writer" parquet:"writer" doc:"Id of the member of staff"`
	Name   string     `json:"name" parquet:"name" doc:"What they are called"`
	Made   time.Time  `json:"made" parquet:"made"`
}

func (n toldNote) cells() []string {
	return []string{n.Day.String(), plain(n.Text), plain(n.Name), n.Made.Format(time.RFC3339)}
}

// toldNotes returns the notes of some days.
func (d *Visits) toldNotes(ctx context.Context, site uint16, from, to column.Day) (out []toldNote, err error) {
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		out = []toldNote{}
		notes, err := listAnnotations(ctx, tx, site, from, to)
		if err != nil {
			return err
		}
		for _, n := range notes {
			names, err := d.names(ctx, tx, n.Writer)
			if err != nil {
				return err
			}
			out = append(out, toldNote{n.ID, n.Day, n.Text, n.Writer, names[n.Writer], n.Made})
		}
		return nil
	})
	return out, err
}

// listNotes answers with a file of a period's notes, and leads whoever wants none
// to the report that shows them.
func (d *Visits) listNotes(w http.ResponseWriter, r *http.Request) error {
	p, err := d.keptPage(r)
	if err != nil {
		return err
	}
	format := r.URL.Query().Get("format")
	if format == "" {
		return web.Redirect(w, r, p.href()+"#notes")
	}
	notes, err := d.toldNotes(r.Context(), p.site.Number, p.from, p.to)
	if err != nil {
		return err
	}
	return p.serve(w, format, newSheet("notes", []string{"day", "text", "name", "made"}, notes, notes))
}
