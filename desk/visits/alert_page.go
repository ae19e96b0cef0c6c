package visits

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"loot"
	"loot/store"
	"loot/web"
)

const alertsHref = "/console/visits/alerts"

var alertsPage = web.NewPage[alertListView](pageFiles, "pages/alerts.html")

type alertListView struct {
	keptView
	List  []alertRow
	Crowd int
}

type alertRow struct {
	Title  string
	Visits string
	Least  string
	To     string
	Last   *firing // nil: it never fired
	More   []firing
	Remove *web.Action
}

// firingsShown is how many of an alert's firings its page lists.
const firingsShown = 10

// alertForm are the fields of an alert.
func (p keptPage) alertForm(readers []reader) web.Fields {
	to := web.Field{Name: "to", Label: "Letters go to", Type: "checkboxes", Required: true, Plain: true, Wide: true, Values: []string{p.who.ID}}
	for _, one := range readers {
		to.Options = append(to.Options, web.Option{Value: one.ID, Label: one.Name})
	}
	about := web.Field{Name: "measure", Label: "Of what", Type: "select", Value: "visitors", Plain: true, Required: true}
	for _, name := range alertMeasures {
		m, _ := measureNamed(measures, name)
		about.Options = append(about.Options, web.Option{Value: name, Label: m.label})
	}
	return web.Fields{
		{Name: "kind", Label: "When", Type: "radio", Value: spike, Plain: true, Required: true, Wide: true, Options: []web.Option{
			{Value: spike, Label: "A spike", Hint: "Today so far is above what is usual of this weekday by this time."},
			{Value: drop, Label: "A drop", Hint: "Yesterday, or today so far, is below it."},
			{Value: silence, Label: "Silence", Hint: "Nothing came for some hours in which something is usual."},
		}},
		about, p.choice(),
		{Name: "percent", Label: "A spike or a drop by more than", Type: "number", Value: "50", Plain: true, Min: "1", Max: strconv.Itoa(mostPercent), Suffix: "%"},
		{Name: "hours", Label: "A silence of", Type: "number", Value: "3", Plain: true, Min: "1", Max: strconv.Itoa(mostSilence), Suffix: "hours"},
		{Name: "least", Label: "Only from this number on", Type: "number", Value: "50", Plain: true, Required: true, Min: "1", Max: strconv.Itoa(mostLeast), Hint: "That a spike has to reach, or that has to be usual: below it a site is too small to be alarmed about."},
		to,
	}
}

func (d *Visits) listAlertsPage(w http.ResponseWriter, r *http.Request) error {
	return d.showAlerts(w, r, http.StatusOK, nil, nil)
}

func (d *Visits) showAlerts(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	p, err := d.keptPage(r)
	if err != nil {
		return err
	}
	v := alertListView{keptView: p.view(r, alertsHref, "Alerts", "Letters about what is unusual at "+p.site.Name+", one a day for each alert."), Crowd: p.crowd}
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		v.List = nil
		readers, err := d.readers(r.Context(), tx)
		if err != nil {
			return err
		}
		v.Form = p.alertForm(readers).With(typed, wrong)
		alerts, err := listAlerts(r.Context(), tx, p.site.Number)
		if err != nil {
			return err
		}
		for _, a := range alerts {
			row, err := d.alertRow(r.Context(), tx, p, a)
			if err != nil {
				return err
			}
			v.List = append(v.List, row)
		}
		return nil
	}); err != nil {
		return err
	}
	v.Wrong = web.ProblemsOf(wrong, v.Form)
	return alertsPage.Render(w, r, status, v)
}

func (d *Visits) alertRow(ctx context.Context, tx *store.Tx, p keptPage, a alert) (alertRow, error) {
	row := alertRow{Title: a.words(), Visits: p.visitsWords(a.Filters), Least: number(a.Least)}
	names, err := d.names(ctx, tx, a.Recipients...)
	if err != nil {
		return row, err
	}
	var to []string
	for _, id := range a.Recipients {
		to = append(to, names[id])
	}
	row.To = strings.Join(to, ", ")
	fired, err := listFirings(ctx, tx, a.ID, firingsShown)
	if err != nil {
		return row, err
	}
	if len(fired) > 0 {
		row.Last, row.More = &fired[0], fired[1:]
	}
	if mayEnd(p.who, a.Writer) {
		row.Remove = &web.Action{Label: "Remove", Icon: "trash-2", Small: true, Danger: true, Post: true, Href: p.hrefOf(alertsHref + "/" + a.ID + "/remove"), Confirm: "Remove this alert, and what it saw?"}
	}
	return row, nil
}

func (d *Visits) addAlertPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.keptPage(r)
	if err != nil {
		return err
	}
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	a := alert{ID: loot.NewID("a"), Site: p.site.Number, Kind: form.Get("kind"), Measure: form.Get("measure"), Filters: p.chosenVisits(form), Writer: p.who.ID, Made: d.Now()}
	err = d.DB.InTx(r.Context(), func(tx *store.Tx) error {
		readers, err := d.readers(r.Context(), tx)
		if err != nil {
			return err
		}
		wrong := web.Wrong(p.alertForm(readers).Check(form))
		for name, to := range map[string]*int{"percent": &a.Percent, "hours": &a.Hours, "least": &a.Least} {
			if *to, err = strconv.Atoi(form.Get(name)); err != nil {
				*to = 0 // which is refused where it matters
			}
		}
		_, err = d.addAlert(r.Context(), tx, a, form["to"], wrong)
		return err
	})
	if wrong := beside(err); wrong != nil {
		return d.showAlerts(w, r, loot.KindOf(err).Status(), form, wrong)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, p.hrefOf(alertsHref))
}

// addAlert checks an alert and keeps it. Whatever is wrong is said at once, beside
// what its form found, which comes first.
func (d *Visits) addAlert(ctx context.Context, tx *store.Tx, a alert, to []string, found map[string]string) (alert, error) {
	recipients, err := d.readRecipients(ctx, tx, to)
	if err != nil && web.Wrong(err) == nil {
		return a, err
	}
	a.Recipients = recipients
	if a.Kind == silence {
		a.Percent = 0
	} else {
		a.Hours = 0
	}
	wrong := a.check()
	maps.Copy(wrong, web.Wrong(err))
	maps.Copy(wrong, found)
	if err := web.Invalid("", wrong); err != nil {
		return a, err
	}
	return a, addAlert(ctx, tx, a)
}
