package billing

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/ledger"
	"loot/store"
	"loot/web"
)

var (
	minePage    = web.NewPage[mineView](pageFiles, "pages/mine.html", "pages/service_parts.html")
	listPage    = web.NewPage[listView](pageFiles, "pages/list.html")
	servicePage = web.NewPage[serviceView](pageFiles, "pages/service.html", "pages/service_parts.html")
)

// keepers are who may change how services stand.
var keepers = []loot.Role{"billing", "support", "abuse", "administrator"}

type mineView struct {
	web.View
	Services    []myService
	Suggestions mySuggestions
	Month       string
	Looks       []web.Day // at the addresses, by others
	Empty       web.Empty
}

type myService struct {
	Service
	Name      string // by which they tell it from others; empty: none
	End       *web.Action
	Gauges    []Gauge
	Steps     []Step
	Then      *Step  // the plan that it gets in a month to come; nil: none
	Case      *Step  // for which it is suspended; nil: for none
	From      string // the day from which it is charged, of one that was taken over and is not charged yet
	Addresses []addressRow
}

// mine shows a customer's own services.
func (b *Billing) mine(w http.ResponseWriter, r *http.Request) error {
	v := mineView{View: web.ViewOf(r, "Your services")}
	v.Lead = "What you ordered, how it stands and what it used. Ending a service ends what it permitted us."
	v.Actions = []web.Action{{Label: "Order another", Icon: "plus", Href: "/services", Primary: true}}
	v.Empty = web.Empty{Icon: "server", Title: "No service yet", Text: "What you order appears here within a second."}
	me := loot.Subject(web.ActorOf(r.Context()).ID)
	month := b.thisMonth()
	v.Month = month.String()
	s, err := b.inForce()
	if err != nil {
		return err
	}
	var items []ledger.Item
	if err := b.Gate.InTx(r.Context(), func(tx *store.Tx) (err error) {
		if v.Services, err = b.mineOf(r.Context(), tx, me, month); err != nil {
			return err
		}
		if v.Suggestions, err = b.suggestionsOf(r.Context(), tx, s, me); err != nil {
			return err
		}
		items, err = b.Ledger.Timeline(r.Context(), tx, me, connections, "", 100)
		return err
	}); err != nil {
		return err
	}
	v.Looks = looksAtAddresses(s, items)
	return minePage.Render(w, r, http.StatusOK, v)
}

func (b *Billing) mineOf(ctx context.Context, tx *store.Tx, me loot.Subject, month Month) (out []myService, err error) {
	all, err := b.Services(ctx, tx, me)
	if err != nil {
		return nil, err
	}
	gauges, err := b.gaugesOf(ctx, tx, all, month)
	if err != nil {
		return nil, err
	}
	steps, err := stepsOf(ctx, tx, `JOIN billing_service s ON s.reference = h.service WHERE s.subject = $1`, me)
	if err != nil {
		return nil, err
	}
	addresses, err := b.ownAddresses(ctx, tx, me)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		for i := range steps[one.Reference] {
			steps[one.Reference][i].Own = true
		}
		if err := b.nameCases(ctx, tx, me, steps[one.Reference]); err != nil {
			return nil, err
		}
		row := myService{Service: one, Case: one.suspendedFor(steps[one.Reference]), Gauges: gauges[one.Reference], Steps: steps[one.Reference], Addresses: addressRows(addresses[one.Reference])}
		row.Name = called(row.Addresses)
		if one.State != Ended {
			row.Then = coming(row.Steps, month, one.PlanID)
			if one.Charged.After(b.Now()) {
				row.From = b.dayOf(one.Charged)
			}
			row.End = &web.Action{
				Label: "End", Icon: "power", Small: true, Danger: true, Post: true, Href: "/portal/services/" + url.PathEscape(one.Reference) + "/end",
				Confirm: "End “" + one.Title + "” now? It stops, and so does everything that we may do with your details because of it, except what a law keeps.",
			}
		} else {
			row.Gauges = nil
		}
		out = append(out, row)
	}
	return out, nil
}

// dayOf writes the day that it is where the seller is.
func (b *Billing) dayOf(at time.Time) string { return at.In(b.seller.place()).Format("2 January 2006") }

// end ends one of a customer's own services.
func (b *Billing) end(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	if err := b.DB.InTx(ctx, func(tx *store.Tx) error {
		one, err := b.findService(ctx, tx, r.PathValue("reference"))
		if loot.KindOf(err) == loot.NotFound || err == nil && string(one.Subject) != me.ID {
			return loot.Errorf(loot.NotFound, "You have no such service.")
		}
		if err != nil || one.State == Ended {
			return err
		}
		return b.move(ctx, tx, one, Move{To: Ended, By: me, Why: AsAsked})
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "The service has ended.")
	return web.Redirect(w, r, "/portal/services")
}

const perPage = 50

type listView struct {
	web.View
	Of     string // by what the list is narrowed
	States web.Fields
	Stats  []web.Stat
	Rows   []listRow
	Pager  web.Pager
	Empty  web.Empty
}

type listRow struct {
	Service
	Href     string
	Customer string
}

// stateFields are the form by which a list is narrowed to a state.
func stateFields(states []web.Option, chosen string) web.Fields {
	return web.Fields{{Name: "state", Label: "State", Type: "select", Plain: true, Options: states, Value: chosen}}
}

// list shows the services of all customers, by id.
func (b *Billing) list(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	s, err := b.inForce()
	if err != nil {
		return err
	}
	v := listView{View: web.ViewOf(r, "Services of customers"), Of: strings.TrimSpace(q.Get("of"))}
	var state State
	states := []web.Option{{Label: "In any state"}}
	for _, one := range []State{Ordered, Active, Suspended, Ended} {
		states = append(states, web.Option{Value: string(one), Label: map[State]string{Ordered: "Being set up", Active: "Runs", Suspended: "Suspended", Ended: "Ended"}[one]})
		if q.Get("state") == string(one) {
			state = one
		}
	}
	v.States = stateFields(states, string(state))
	var all []Service
	var count map[string]int
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if all, err = b.listServices(ctx, tx, pick{v.Of, state}, q.Get("after"), perPage+1); err != nil {
			return err
		}
		count, err = running(ctx, tx)
		return err
	}); err != nil {
		return err
	}
	v.Lead = "What runs and what ended, by the customer's id."
	if me := web.ActorOf(ctx); slices.ContainsFunc(prices, me.Has) {
		v.Actions = []web.Action{{Label: "Record use", Icon: "upload", Href: "/console/billing/usage"}}
	}
	v.Empty = web.Empty{Icon: "server", Title: "No service yet", Text: "What a customer orders appears here."}
	if v.Of != "" || state != "" {
		v.Empty = web.Empty{Icon: "search", Title: "No such service", Text: "Look by the beginning of a reference or by a customer’s whole id. Who had an address is asked under Addresses."}
	}
	listed := &url.URL{Path: "/console/billing", RawQuery: narrowed("of", v.Of, "state", string(state))}
	for _, d := range s.Services() {
		v.Stats = append(v.Stats, web.Stat{Label: d.Title, Value: strconv.Itoa(count[d.ID]), Note: "not ended"})
	}
	if len(all) > perPage {
		all = all[:perPage]
		v.Pager.Next = web.After(listed, all[perPage-1].Reference)
	}
	if q.Get("after") != "" {
		v.Pager.Prev = web.After(listed, "")
	}
	for _, one := range all {
		row := listRow{one, "", desk.CustomerPath(one.Subject)}
		if slices.ContainsFunc(keepers, web.ActorOf(ctx).Has) {
			row.Href = servicePath(one.Reference)
		}
		v.Rows = append(v.Rows, row)
	}
	return listPage.Render(w, r, http.StatusOK, v)
}

func servicePath(reference string) string {
	return "/console/billing/services/" + url.PathEscape(reference)
}

// moveForm is the form that takes a service to another state.
type moveForm struct {
	To    State
	Label string
	Form  web.Fields
	Wrong *web.Problems
}

type serviceView struct {
	web.View
	One    Service
	Facts  []web.Fact
	Gauges []Gauge
	Month  string
	Steps  []Step
	Moves  []moveForm
	Plan   web.Fields // of another plan
	Amiss  *web.Problems
	Href   string
}

var validTicket = regexp.MustCompile(`^[A-Za-z0-9#][A-Za-z0-9._:/#-]{0,39}$`)

// moveFields are the form that takes a service to another state, with the reasons that
// fit it. No state leads back from the end, so that one has to be sure.
func moveFields(from, to State) web.Fields {
	var why []web.Option
	for _, r := range fittingReasons(from, to) {
		why = append(why, web.Option{Value: string(r), Label: r.Words()})
	}
	out := web.Fields{
		{Name: "to", Type: "hidden", Value: string(to), Form: string(to)},
		{Name: "why", Type: "select", Label: "Why", Options: why, Value: why[0].Value, Required: true, Plain: true, Form: string(to)},
		{Name: "ticket", Label: "Ticket", MaxLen: 40, Form: string(to), Hint: "Where more is said; nothing about a person. The customer sees it."},
	}
	if to == Ended {
		out = append(out, web.Field{Name: "sure", Type: "checkbox", Label: "It ends now, and nothing leads back", Required: true, Plain: true, Form: string(to)})
	}
	return out
}

// service shows one service.
func (b *Billing) service(w http.ResponseWriter, r *http.Request) error {
	return b.showService(w, r, http.StatusOK, nil, nil, nil)
}

// plannedFields are those by which a service gets another plan.
func (b *Billing) plannedFields(ctx context.Context, tx *store.Tx, one Service) (web.Fields, error) {
	plans, err := readPlans(ctx, tx, one.Service, false)
	if err != nil {
		return nil, err
	}
	months, err := b.monthsAhead(ctx, tx, one)
	if err != nil || len(plans) == 0 || len(months) == 0 {
		return nil, err
	}
	choose, from := []web.Option{web.Choose}, []web.Option(nil)
	for _, p := range plans {
		choose = append(choose, web.Option{Value: p.ID, Label: p.Title + ", " + p.Price()})
	}
	for _, m := range months {
		from = append(from, web.Option{Value: string(m), Label: "1 " + m.String()})
	}
	begin := months[0]
	if one.PlanID != "" {
		begin = max(begin, b.thisMonth().after())
	}
	return web.Fields{
		{Name: "plan", Type: "select", Label: "Plan", Options: choose, Required: true, Plain: true, Form: "plan"},
		{Name: "from", Type: "select", Label: "From", Options: from, Value: string(begin), Required: true, Plain: true, Form: "plan", Hint: "The first day of a month that is not invoiced yet, so that no month is divided."},
		{Name: "ticket", Label: "Ticket", MaxLen: 40, Form: "plan", Hint: "Where more is said; nothing about a person. The customer sees it."},
	}, nil
}

// showService shows the page of a service with what was typed in its form about the
// state, or in that about the plan.
func (b *Billing) showService(w http.ResponseWriter, r *http.Request, status int, typed, plan url.Values, wrong error) error {
	ctx := r.Context()
	month := b.thisMonth()
	v := serviceView{Month: month.String()}
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if v.One, err = b.findService(ctx, tx, r.PathValue("reference")); err != nil {
			return err
		}
		gauges, err := b.gaugesOf(ctx, tx, []Service{v.One}, month)
		if err != nil {
			return err
		}
		v.Gauges = gauges[v.One.Reference]
		steps, err := stepsOf(ctx, tx, `WHERE h.service = $1`, v.One.Reference)
		if v.Steps = steps[v.One.Reference]; err == nil {
			err = b.nameCases(ctx, tx, v.One.Subject, v.Steps)
		}
		if err != nil || v.One.State == Ended || !slices.ContainsFunc(prices, web.ActorOf(ctx).Has) {
			return err
		}
		v.Plan, err = b.plannedFields(ctx, tx, v.One)
		return err
	}); err != nil {
		return err
	}
	v.View = web.ViewOf(r, v.One.Title)
	v.Crumbs = []web.Crumb{{Label: "Services", Href: "/console/billing"}}
	v.Href = servicePath(v.One.Reference)
	v.Actions = []web.Action{{Label: "Addresses", Icon: "network", Href: v.Href + "/addresses"}}
	if v.Plan != nil {
		if plan != nil {
			v.Plan = v.Plan.With(plan, wrong)
			v.Amiss = web.ProblemsOf(wrong, v.Plan)
		}
	}
	for _, to := range onward[v.One.State] {
		form := moveForm{To: to, Label: map[State]string{Active: "Have it run", Suspended: "Suspend it", Ended: "End it"}[to], Form: moveFields(v.One.State, to)}
		if State(typed.Get("to")) == to {
			form.Form = form.Form.With(typed, wrong)
			form.Wrong = web.ProblemsOf(wrong, form.Form)
		}
		v.Moves = append(v.Moves, form)
	}
	about := web.Fact{Term: "Plan", Value: v.One.Plan}
	if v.One.Plan == "" {
		about.Value = "None, so nothing says what it costs."
	}
	if then := coming(v.Steps, month, v.One.PlanID); then != nil {
		about.Note = then.Words()
	}
	state := v.One.State.Badge()
	v.Facts = []web.Fact{
		{Term: "State", Badge: &state},
		{Term: "Reference", Value: v.One.Reference, Code: true},
		{Term: "Customer", Value: string(v.One.Subject), Code: true, Action: &web.Action{Label: "Customer", Icon: "user", Small: true, Href: desk.CustomerPath(v.One.Subject)}},
		about,
	}
	if c := v.One.suspendedFor(v.Steps); c != nil {
		v.Facts = slices.Insert(v.Facts, 1, web.Fact{Term: "Suspended for", Value: "Case " + c.Case, Href: c.CaseHref, Note: "The abuse desk decided so; the case has the reasons."})
	}
	if v.One.Charged.After(v.One.Since) {
		v.Facts = append(v.Facts, web.Fact{Term: "Charged from", Value: b.dayOf(v.One.Charged), Note: "It was taken over; the time before is for the system before to charge."})
	}
	return servicePage.Render(w, r, status, v)
}

// moveService changes how a service stands.
func (b *Billing) moveService(w http.ResponseWriter, r *http.Request) error {
	typed, err := b.change(r, func(tx *store.Tx, one Service, typed url.Values) error {
		to := State(typed.Get("to"))
		if !slices.Contains(onward[one.State], to) {
			return loot.Errorf(loot.Conflict, "A service that is %s cannot become %s.", one.State, to)
		}
		if err := moveFields(one.State, to).Check(typed); err != nil {
			return err
		}
		return b.move(r.Context(), tx, one, Move{To: to, By: web.ActorOf(r.Context()), Why: Reason(typed.Get("why")), Ticket: typed.Get("ticket")})
	})
	if web.Wrong(err) != nil {
		return b.showService(w, r, http.StatusUnprocessableEntity, typed, nil, err)
	}
	return changed(w, r, "Changed. The customer sees it.", err)
}

// planService gives a service another plan.
func (b *Billing) planService(w http.ResponseWriter, r *http.Request) error {
	typed, err := b.change(r, func(tx *store.Tx, one Service, typed url.Values) error {
		return b.replanAs(r.Context(), tx, one, typed, web.ActorOf(r.Context()))
	})
	if web.Wrong(err) != nil {
		return b.showService(w, r, http.StatusUnprocessableEntity, nil, typed, err)
	}
	return changed(w, r, "The plan is set. The customer sees it.", err)
}

// change does to a service what a form of its page asks for.
func (b *Billing) change(r *http.Request, do func(*store.Tx, Service, url.Values) error) (url.Values, error) {
	typed, err := web.Form(r, 0)
	if err != nil {
		return nil, err
	}
	return typed, b.DB.InTx(r.Context(), func(tx *store.Tx) error {
		one, err := b.findService(r.Context(), tx, r.PathValue("reference"))
		if err != nil {
			return err
		}
		if err := checkTicket(typed.Get("ticket")); err != nil {
			return err
		}
		return do(tx, one, typed)
	})
}

// changed leads back to the page of a service that was changed.
func changed(w http.ResponseWriter, r *http.Request, said string, err error) error {
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, said)
	return web.Redirect(w, r, servicePath(r.PathValue("reference")))
}

func checkTicket(t string) error {
	if t == "" || validTicket.MatchString(t) {
		return nil
	}
	return web.Invalid("", map[string]string{"ticket": "A ticket is a number or a name of letters, digits, and . _ : / # -."})
}
