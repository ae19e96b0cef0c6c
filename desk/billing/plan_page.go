package billing

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"loot"
	"loot/desk/billing/invoice"
	"loot/store"
	"loot/web"
)

var planPage = web.NewPage[planView](pageFiles, "pages/plan.html")

type planView struct {
	web.View
	Plan    Plan
	Service string // its title
	Taken   bool   // somebody ordered it
	Rows    []planMeter
	Form    web.Fields
	Wrong   *web.Problems
	Action  string
	Empty   web.Empty
}

type planMeter struct {
	Meter
	Shown string
}

func meterFields() web.Fields {
	units := []web.Option{{Value: percent, Label: "%", Hint: "a level"}}
	for _, code := range invoice.Units() {
		if word := invoice.UnitWord(code); !slices.ContainsFunc(units, func(o web.Option) bool { return o.Label == word }) {
			units = append(units, web.Option{Value: code, Label: word})
		}
	}
	return web.Fields{
		{Name: "title", Label: "What is counted", MaxLen: 60, Required: true, Plain: true, Hint: "Such as Traffic."},
		{Name: "id", Label: "Name for programs", MaxLen: 40, Required: true, Plain: true, Hint: "Such as traffic: small letters, digits, dots and dashes."},
		{Name: "kind", Type: "select", Label: "How", Required: true, Plain: true, Value: string(Sum), Options: []web.Option{
			{Value: string(Sum), Label: "Added up and charged"}, {Value: string(Level), Label: "A level, never charged"},
		}},
		{Name: "unit", Type: "select", Label: "Unit", Options: units, Value: "E34", Required: true, Plain: true},
		{Name: "included", Label: "Included each month", InputMode: "decimal", MaxLen: 20, Plain: true, Hint: "In this unit. Empty: nothing."},
		{Name: "price", Label: "Price of each unit beyond", InputMode: "decimal", MaxLen: 20, Plain: true, Hint: "Exact, such as 0.004, without tax."},
	}
}

// plan shows a plan and what of it is counted.
func (b *Billing) plan(w http.ResponseWriter, r *http.Request) error {
	return b.showPlan(w, r, http.StatusOK, meterFields(), nil)
}

func (b *Billing) findPlan(r *http.Request) (Plan, error) {
	all, err := b.listPlans(r.Context(), "", true)
	if err != nil {
		return Plan{}, err
	}
	i := slices.IndexFunc(all, func(p Plan) bool { return p.ID == r.PathValue("id") })
	if i < 0 {
		return Plan{}, loot.Errorf(loot.NotFound, "There is no such plan.")
	}
	return all[i], nil
}

func (b *Billing) showPlan(w http.ResponseWriter, r *http.Request, status int, form web.Fields, wrong error) error {
	p, err := b.findPlan(r)
	if err != nil {
		return err
	}
	v := planView{View: web.ViewOf(r, p.Title), Plan: p, Service: b.titles()[p.Service], Form: form, Wrong: web.ProblemsOf(wrong, form), Action: "/console/billing/plans/" + url.PathEscape(p.ID)}
	v.Crumbs = []web.Crumb{{Label: "Prices", Href: "/console/billing/plans"}}
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		v.Taken, err = everOrdered(r.Context(), tx, p.ID)
		return err
	}); err != nil {
		return err
	}
	v.Lead = "What of the plan is counted. Once somebody ordered it, nothing is added any more."
	if v.Taken {
		v.Lead = "What of the plan is counted. Somebody ordered it, so nothing is added any more: retire it and make another."
	}
	v.Empty = web.Empty{Icon: "gauge", Title: "Nothing is counted", Text: "The price of the plan is all that it costs."}
	for _, m := range p.Meters {
		v.Rows = append(v.Rows, planMeter{m, m.Words(p.Currency)})
	}
	return planPage.Render(w, r, status, v)
}

// addMeter adds a counted part to a plan.
func (b *Billing) addMeter(w http.ResponseWriter, r *http.Request) error {
	p, err := b.findPlan(r)
	if err != nil {
		return err
	}
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := meterFields()
	m, err := readMeter(form, typed)
	if err == nil {
		m.Plan = p.ID
		err = b.DB.InTx(r.Context(), func(tx *store.Tx) error {
			if err := insertMeter(r.Context(), tx, m); err != nil {
				return err
			}
			_, err := b.Gate.Note(r.Context(), tx, web.ActorOf(r.Context()), "plan.counted", p.ID+"/"+m.ID)
			return err
		})
	}
	if loot.KindOf(err) == loot.Conflict {
		err = web.Invalid(loot.Message(err), map[string]string{"id": loot.Message(err)})
	}
	if web.Wrong(err) != nil {
		return b.showPlan(w, r, http.StatusUnprocessableEntity, form.With(typed, err), err)
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "It is counted from now on.")
	return web.Redirect(w, r, "/console/billing/plans/"+url.PathEscape(p.ID))
}

// The bounds of a price of a unit.
const (
	mostPrice       = 1_000_000
	mostPricePlaces = 6
)

// readMeter reads what was typed about a counted part.
func readMeter(form web.Fields, typed url.Values) (Meter, error) {
	if err := form.Check(typed); err != nil {
		return Meter{}, err
	}
	m := Meter{ID: typed.Get("id"), Title: typed.Get("title"), Kind: MeterKind(typed.Get("kind")), Unit: typed.Get("unit")}
	wrong := map[string]string{}
	if !loot.ValidName(m.ID) {
		wrong["id"] = "A name is made of small letters, digits, dots and dashes, and begins with a letter."
	}
	if (m.Unit == percent) != (m.Kind == Level) {
		wrong["unit"] = "A level is in percent, and what is added up is not."
	}
	var err error
	if text := typed.Get("included"); text != "" && m.Kind == Sum {
		if m.Included, err = parseAmount(text); err != nil {
			wrong["included"] = loot.Message(err)
		}
	}
	if text := typed.Get("price"); m.Kind == Sum {
		m.Price, err = invoice.ParseDecimal(text)
		if err != nil || m.Price.Sign() <= 0 || m.Price.Places() > mostPricePlaces || m.Price.Cmp(invoice.Int(mostPrice)) >= 0 {
			wrong["price"] = "This is not a price. One looks like 0.004, with " + strconv.Itoa(mostPricePlaces) + " digits behind the point at most."
		}
	}
	return m, web.Invalid("", wrong)
}
