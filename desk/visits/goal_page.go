package visits

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"loot"
	"loot/store"
	"loot/web"
	"loot/web/chart"
)

var (
	goalsPage = web.NewPage[goalsView](pageFiles, "pages/goals.html", sectionParts...)
	goalPage  = web.NewPage[goalView](pageFiles, "pages/goal.html", sectionParts...)
)

type goalsView struct {
	reportView
	Heads []string
	Goals []goalRow
	May   bool // add one
	Form  goalForm
}

type goalRow struct {
	Name  string
	Words string
	Href  string // the report of the visits that reached it
	Share string
	Cells []goalCell
	Left  string
	Edit  string // empty: may not
}

type goalCell struct {
	Label, Value string
	Change       *changed
}

// A goalForm is the form of a goal, or of a funnel.
type goalForm struct {
	Action string
	Name   web.Field
	Steps  []stepForm
	Funnel bool
	Wrong  *web.Problems
	Button string
}

// A stepForm is a step of it.
type stepForm struct {
	Number int
	Fields web.Fields
}

type goalView struct {
	web.View
	Form   goalForm
	Remove web.Action
}

// A reachedGoal is a goal with what came to it.
type reachedGoal struct {
	*Goal
	now    Reach
	before *Reach
}

// reachedGoals asks how many reached each goal, and about all visits.
func (a *asked) reachedGoals(ctx context.Context, reports *Reports, goals []*Goal) (out []reachedGoal, now Sum, before *Sum, err error) {
	now, before, err = both(a, func(q Question) (Sum, error) {
		all, err := reports.Answer(ctx, q)
		if err != nil {
			return Sum{}, err
		}
		return all.Total, nil
	})
	for _, g := range goals {
		one := reachedGoal{Goal: g}
		if err == nil {
			one.now, one.before, err = both(a, func(q Question) (Reach, error) { return reports.Reach(ctx, q, g.Steps[0]) })
		}
		out = append(out, one)
	}
	return out, now, before, err
}

// rateOf returns how many of all visits reached a goal, in tenths of a per cent.
func rateOf(r Reach, all Sum) int { return ratio(r.Visits, all.Visits, 1000) }

// showGoals shows the goals of a site.
func (d *Visits) showGoals(w http.ResponseWriter, r *http.Request) error {
	return d.showGoalsWith(w, r, http.StatusOK, nil, nil)
}

func (d *Visits) showGoalsWith(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	o, err := d.open(r, goalsHref, "Goals", "What visits are meant to come to, and how many do.")
	if err != nil {
		return err
	}
	v := goalsView{reportView: o.reportView}
	status = max(status, o.status)
	if o.to != "" {
		return web.Redirect(w, r, o.to)
	}
	if o.a == nil {
		return goalsPage.Render(w, r, status, v)
	}
	goals, _, err := d.goals(r.Context(), o.a.site.Number)
	if err != nil {
		return err
	}
	all, now, before, err := o.a.reachedGoals(r.Context(), o.reports, goals)
	if err != nil {
		return err
	}
	if format := r.URL.Query().Get("format"); format != "" {
		return o.a.serve(w, format, goalSheet(all, now))
	}
	v.May = keeps(web.ActorOf(r.Context()))
	for _, g := range all {
		v.Goals = append(v.Goals, o.a.goalRow(g, now, before, v.May, o.Crowd))
	}
	v.Heads = []string{"Goal", "Visitors", "Visits", "Conversion rate"}
	if o.a.site.Currency != "" {
		v.Heads = append(v.Heads, "Revenue, "+o.a.site.Currency)
	}
	v.Form = goalFormOf(&Goal{Steps: make([]Filter, 1)}, o.a.href(), "Add the goal", typed, wrong)
	return goalsPage.Render(w, r, status, v)
}

func (a *asked) goalRow(g reachedGoal, now Sum, before *Sum, may bool, crowd int) goalRow {
	step := g.Steps[0]
	row := goalRow{Name: g.Name, Words: step.words(), Href: a.on("").filtered(step), Share: "0"}
	if row.Href == "" { // it is there already
		row.Href = a.on("").href()
	}
	if may {
		row.Edit = goalsHref + "/" + g.ID
	}
	rate := rateOf(g.now, now)
	if rate != chart.Untold {
		row.Share = tenths(min(rate, 1000))
	}
	if g.now.Left > 0 {
		row.Left = loot.Plural(g.now.Left, "day", "days") + " of nobody, or of fewer than " + strconv.Itoa(crowd) + ", not told"
	}
	open := a.to == a.today
	told := g.now.Sum != Sum{}
	compared := told && g.before != nil && g.before.Sum != Sum{}
	add := func(label, value string, change func() *changed) {
		c := goalCell{Label: label, Value: "–"}
		if told {
			c.Value = value
		}
		if compared {
			c.Change = change()
		}
		row.Cells = append(row.Cells, c)
	}
	of := func(m measure) {
		add(m.label, m.word(g.now.Sum), func() *changed { return m.change(g.now.Sum, g.before.Sum, open) })
	}
	of(measures[0])
	of(measures[1])
	add("Conversion rate", tenths(max(rate, 0))+" %", func() *changed { return sharesCompared(rate, rateOf(*g.before, *before), open) })
	if worth, ok := measureNamed(measuresOf(a.site), "amount"); ok {
		of(worth)
	}
	return row
}

// sharesCompared compares two shares, in tenths of a per cent.
func sharesCompared(now, before int, open bool) *changed {
	m := measure{better: 1, of: func(s Sum) int { return int(s.Views) }, words: func(n int) string { return tenths(n) + " %" }}
	if now == chart.Untold || before == chart.Untold {
		return nil
	}
	c := m.change(Sum{Views: int64(now)}, Sum{Views: int64(before)}, open)
	if c != nil && now != before {
		c.Text = tenths(max(now-before, before-now)) + " points"
	}
	return c
}

// goalFormOf is the form of a goal, or of a funnel if there are several steps.
func goalFormOf(g *Goal, action, button string, typed url.Values, wrong error) goalForm {
	out := goalForm{Action: action, Funnel: len(g.Steps) > 1, Button: button}
	example := "Such as “Ordered”."
	n := 1
	if out.Funnel {
		example, n = "Such as “From the prices to an order”.", mostSteps
	}
	all := goalFields(g, n, example).With(typed, wrong)
	out.Wrong = web.ProblemsOf(wrong, all)
	out.Name = all[0]
	for i := range n {
		out.Steps = append(out.Steps, stepForm{i + 1, all[1+3*i : 4+3*i]})
	}
	return out
}

// goalFields are the name, and the fields of so many steps.
func goalFields(g *Goal, n int, example string) web.Fields {
	all := web.Fields{{Name: "name", Label: "Name", Value: g.Name, Required: true, MaxLen: longestTitle, Hint: example, Form: "goal"}}
	for i := range n {
		f := Filter{Dimension: stepDimensions[0], Op: Is}
		if i < len(g.Steps) && g.Steps[i].Dimension != "" {
			f = g.Steps[i]
		}
		all = append(all, stepFields(f, strconv.Itoa(i+1), i < min(len(g.Steps), fewSteps))...)
	}
	return all
}

// mostStep bounds what stands in the field of a step, which takes several values.
const mostStep = 4_000

func stepFields(f Filter, n string, required bool) web.Fields {
	var by []web.Option
	for _, name := range stepDimensions {
		d, _ := findDimension(name)
		by = append(by, web.Option{Value: name, Label: filterWord(d)})
	}
	how, what := f.typed()
	return web.Fields{
		{Name: "by" + n, Label: "What", Type: "select", Value: f.Dimension, Options: by, Plain: true, Form: "goal"},
		{Name: "how" + n, Label: "Comparison", Type: "select", Value: how, Plain: true, Form: "goal", Options: []web.Option{
			{Value: string(Is), Label: "is"}, {Value: anyOf, Label: "is any of"}, {Value: string(Contains), Label: "contains (a page)"},
		}},
		{Name: "what" + n, Label: "Value", Value: what, Plain: true, Required: required, MaxLen: mostStep, Form: "goal", Placeholder: "/order/thanks"},
	}
}

// readGoalForm returns a goal as a form describes it.
func readGoalForm(form url.Values, g Goal, funnel bool) (*Goal, error) {
	n := 1
	if funnel {
		n = mostSteps
	}
	wrong := map[string]string{}
	maps.Copy(wrong, web.Wrong(goalFields(&Goal{}, n, "").Check(form)))
	g.Name, g.Steps = form.Get("name"), nil
	for i := 1; i <= n; i++ {
		at := strconv.Itoa(i)
		if funnel && form.Get("what"+at) == "" {
			continue
		}
		f, err := typedFilter(form.Get("by"+at), form.Get("how"+at), form.Get("what"+at))
		if err == nil {
			err = f.checkStep()
		}
		if err != nil && wrong["by"+at]+wrong["how"+at]+wrong["what"+at] == "" {
			wrong["what"+at] = loot.Message(err)
		}
		g.Steps = append(g.Steps, f)
	}
	if funnel && len(wrong) == 0 {
		if err := checkSteps(g.Steps, fewSteps); err != nil {
			wrong["what"+strconv.Itoa(min(max(len(g.Steps), 1)+1, mostSteps))] = loot.Message(err)
		}
	}
	return &g, web.Invalid("", wrong)
}

func (d *Visits) addGoal(w http.ResponseWriter, r *http.Request) error {
	return d.add(w, r, false, d.showGoalsWith)
}

func (d *Visits) add(w http.ResponseWriter, r *http.Request, funnel bool, again func(http.ResponseWriter, *http.Request, int, url.Values, error) error) error {
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	a, _, err := d.askedBy(r)
	if err != nil {
		return err
	}
	if a == nil {
		return errNoSite
	}
	g, err := readGoalForm(form, Goal{Site: a.site.Number, Made: d.Now()}, funnel)
	if err == nil {
		err = d.keepGoal(r.Context(), web.ActorOf(r.Context()), g, "visits.goal added")
	}
	if wrong := beside(err); wrong != nil {
		return again(w, r, loot.KindOf(err).Status(), form, wrong)
	} else if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "“"+g.Name+"” is added.")
	return web.Redirect(w, r, a.on(r.URL.Path).href())
}

func (d *Visits) keepGoal(ctx context.Context, by loot.Actor, g *Goal, note string) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := writeGoal(ctx, tx, g); err != nil {
			return err
		}
		return d.noteGoal(ctx, tx, by, g, note)
	})
}

// noteGoal has the ledger say what became of a goal.
func (d *Visits) noteGoal(ctx context.Context, tx *store.Tx, by loot.Actor, g *Goal, note string) error {
	_, err := d.Gate.Note(ctx, tx, by, note, "site "+strconv.Itoa(int(g.Site)))
	return err
}

// removeGoal removes a goal.
func (d *Visits) removeGoal(ctx context.Context, by loot.Actor, g *Goal) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := deleteGoal(ctx, tx, g.ID); err != nil {
			return err
		}
		return d.noteGoal(ctx, tx, by, g, "visits.goal removed")
	})
}

func (d *Visits) goalAsked(r *http.Request) (g *Goal, err error) {
	err = d.DB.Read(r.Context(), func(tx *store.Tx) error {
		g, err = readGoal(r.Context(), tx, r.PathValue("goal"))
		return err
	})
	return g, err
}

// back is the page on which a goal stands.
func (g *Goal) back() string {
	href := goalsHref
	if g.funnel() {
		href = funnelsHref
	}
	return href + "?site=" + strconv.Itoa(int(g.Site))
}

// editGoal shows the form of a goal or a funnel.
func (d *Visits) editGoal(w http.ResponseWriter, r *http.Request) error {
	g, err := d.goalAsked(r)
	if err != nil {
		return err
	}
	return d.showGoal(w, r, http.StatusOK, g, nil, nil)
}

func (d *Visits) showGoal(w http.ResponseWriter, r *http.Request, status int, g *Goal, typed url.Values, wrong error) error {
	v := goalView{View: web.ViewOf(r, g.Name)}
	v.Styles = []string{reportStyle, sectionStyle}
	href, what := goalsHref+"/"+g.ID, "Goals"
	if g.funnel() {
		what = "Funnels"
	}
	v.Crumbs = []web.Crumb{{Label: what, Href: g.back()}}
	v.Form = goalFormOf(g, href, "Keep the changes", typed, wrong)
	v.Remove = web.Action{Label: "Remove", Icon: "trash-2", Danger: true, Post: true, Href: href + "/remove", Confirm: "Remove “" + g.Name + "”? The visits stay as they are."}
	return goalPage.Render(w, r, status, v)
}

func (d *Visits) changeGoal(w http.ResponseWriter, r *http.Request) error {
	before, err := d.goalAsked(r)
	if err != nil {
		return err
	}
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	g, err := readGoalForm(form, *before, before.funnel())
	if err == nil {
		err = d.keepGoal(r.Context(), web.ActorOf(r.Context()), g, "visits.goal changed")
	}
	if wrong := beside(err); wrong != nil {
		return d.showGoal(w, r, loot.KindOf(err).Status(), before, form, wrong)
	} else if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "The changes are kept.")
	return web.Redirect(w, r, g.back())
}

func (d *Visits) removeGoalPage(w http.ResponseWriter, r *http.Request) error {
	g, err := d.goalAsked(r)
	if err != nil {
		return err
	}
	if err := d.removeGoal(r.Context(), web.ActorOf(r.Context()), g); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "“"+g.Name+"” is removed.")
	return web.Redirect(w, r, g.back())
}
