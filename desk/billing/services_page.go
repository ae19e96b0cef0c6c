package billing

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"loot"
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
	End       *web.Action
	Gauges    []Gauge
	Steps     []Step
	Addresses []addressRow
}

// mine shows a customer's own services.
func (b *Billing) mine(w http.ResponseWriter, r *http.Request) error {
	v := mineView{View: web.ViewOf(r, "Your services")}
	v.Lead = "What you ordered, how it stands and what it used. Ending a service ends what it permitted us."
	v.Actions = []web.Action{{Label: "Order another", Icon: "plus", Href: "/services", Primary: true}}
	v.Empty = web.Empty{Icon: "server", Title: "No service yet", Text: "What you order appears here within a second."}
	me := loot.Subject(web.ActorOf(r.Context()).ID)
	month := monthOf(b.Now(), b.seller.place())
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
		row := myService{Service: one, Gauges: gauges[one.Reference], Steps: steps[one.Reference], Addresses: addressRows(addresses[one.Reference])}
		if one.State != Ended {
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
	Stats []web.Stat
	Rows  []listRow
	Pager web.Pager
	Empty web.Empty
}

type listRow struct {
	Service
	Href     string
	Customer string
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
	var all []Service
	var count map[string]int
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if all, err = listServices(ctx, tx, b.titles(), q.Get("after"), perPage+1); err != nil {
			return err
		}
		count, err = running(ctx, tx)
		return err
	}); err != nil {
		return err
	}
	v := listView{View: web.ViewOf(r, "Services of customers")}
	v.Lead = "What runs and what ended, by the customer's id."
	if me := web.ActorOf(ctx); slices.ContainsFunc(prices, me.Has) {
		v.Actions = []web.Action{{Label: "Record use", Icon: "upload", Href: "/console/billing/usage"}}
	}
	v.Empty = web.Empty{Icon: "server", Title: "No service yet", Text: "What a customer orders appears here."}
	for _, d := range s.Services() {
		v.Stats = append(v.Stats, web.Stat{Label: d.Title, Value: strconv.Itoa(count[d.ID]), Note: "not ended"})
	}
	if len(all) > perPage {
		all = all[:perPage]
		v.Pager.Next = web.After(&url.URL{Path: "/console/billing"}, all[perPage-1].Reference)
	}
	if q.Get("after") != "" {
		v.Pager.Prev = "/console/billing"
	}
	for _, one := range all {
		row := listRow{one, "", "/console/customers/" + url.PathEscape(string(one.Subject))}
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

type serviceView struct {
	web.View
	One    Service
	Facts  []web.Fact
	Gauges []Gauge
	Month  string
	Steps  []Step
	Form   web.Fields
	Wrong  *web.Problems
	Href   string
}

var validTicket = regexp.MustCompile(`^[A-Za-z0-9#][A-Za-z0-9._:/#-]{0,39}$`)

func moveFields(from State) web.Fields {
	var to, why []web.Option
	for _, s := range onward[from] {
		to = append(to, web.Option{Value: string(s), Label: map[State]string{Active: "Runs", Suspended: "Suspended", Ended: "Ended"}[s]})
	}
	for _, r := range reasonWords {
		if r.is != AsOrdered && r.is != TakenOver {
			why = append(why, web.Option{Value: string(r.is), Label: r.words})
		}
	}
	return web.Fields{
		{Name: "to", Type: "select", Label: "State", Options: to, Required: true, Plain: true},
		{Name: "why", Type: "select", Label: "Why", Options: why, Value: string(AsAsked), Required: true, Plain: true},
		{Name: "ticket", Label: "Ticket", MaxLen: 40, Hint: "Where more is said; nothing about a person. The customer sees it."},
	}
}

// service shows one service.
func (b *Billing) service(w http.ResponseWriter, r *http.Request) error {
	return b.showService(w, r, http.StatusOK, nil, nil)
}

func (b *Billing) showService(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	ctx := r.Context()
	month := monthOf(b.Now(), b.seller.place())
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
		v.Steps = steps[v.One.Reference]
		return err
	}); err != nil {
		return err
	}
	v.View = web.ViewOf(r, v.One.Title)
	v.Crumbs = []web.Crumb{{Label: "Services", Href: "/console/billing"}}
	v.Href = servicePath(v.One.Reference)
	v.Actions = []web.Action{{Label: "Addresses", Icon: "network", Href: v.Href + "/addresses"}}
	if v.One.State != Ended {
		v.Form = moveFields(v.One.State).With(typed, wrong)
		v.Wrong = web.ProblemsOf(wrong, v.Form)
	}
	state := v.One.State.Badge()
	v.Facts = []web.Fact{
		{Term: "State", Badge: &state},
		{Term: "Reference", Value: v.One.Reference, Code: true},
		{Term: "Customer", Value: string(v.One.Subject), Code: true, Action: &web.Action{Label: "Customer", Icon: "user", Small: true, Href: "/console/customers/" + url.PathEscape(string(v.One.Subject))}},
		{Term: "Plan", Value: v.One.Plan},
	}
	return servicePage.Render(w, r, status, v)
}

// moveService changes how a service stands.
func (b *Billing) moveService(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	err = b.DB.InTx(ctx, func(tx *store.Tx) error {
		one, err := b.findService(ctx, tx, r.PathValue("reference"))
		if err != nil {
			return err
		}
		if err := moveFields(one.State).Check(typed); err != nil {
			return err
		}
		if t := typed.Get("ticket"); t != "" && !validTicket.MatchString(t) {
			return web.Invalid("", map[string]string{"ticket": "A ticket is a number or a name of letters, digits, and . _ : / # -."})
		}
		return b.move(ctx, tx, one, Move{To: State(typed.Get("to")), By: web.ActorOf(ctx), Why: Reason(typed.Get("why")), Ticket: typed.Get("ticket")})
	})
	if web.Wrong(err) != nil {
		return b.showService(w, r, http.StatusUnprocessableEntity, typed, err)
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Changed. The customer sees it.")
	return web.Redirect(w, r, servicePath(r.PathValue("reference")))
}
