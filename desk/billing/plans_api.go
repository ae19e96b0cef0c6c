package billing

import (
	"context"
	"net/http"
	"net/url"

	"loot"
	"loot/api"
	"loot/desk/billing/invoice"
	"loot/store"
)

// plansAPI adds the operations on plans and on which of them services have.
func (b *Billing) plansAPI(a *api.API) {
	api.Add(a, api.Operation{
		ID: "list-plans", Method: http.MethodGet, Path: "/api/plans", Tag: apiTag, Scope: "plans:read",
		Summary: "List the plans in which services can be ordered, with their prices",
		Kinds:   []loot.Kind{loot.Denied},
		Text:    "All at once, by service and price. Prices are exact and without tax. Those that can be chosen no more are for owners who may change prices.",
	}, b.apiPlans)
	api.Add(a, api.Operation{
		ID: "plan-service", Method: http.MethodPost, Path: "/api/services/{reference}/plan", Tag: apiTag, Scope: "services:plan",
		Summary: "Set the plan of a service from a month on", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound, loot.Conflict},
		Text: "From the first day of a month that the customer has no invoice for, and that is not just being drawn, so that no month is divided. What was said last counts. Asking for the plan that it has in that month anyway changes nothing. " +
			"The customer sees the change and its ticket.",
	}, b.apiReplan)
}

type plansIn struct {
	Service string `query:"service" maxLength:"64" doc:"Only those of a service of the statement"`
	Retired bool   `query:"retired" doc:"Those, too, that can be chosen no more"`
}

type apiMeter struct {
	ID       string    `json:"id"`
	Title    string    `json:"title"`
	Kind     MeterKind `json:"kind" enum:"sum,level"`
	Unit     string    `json:"unit" doc:"Of UN/ECE recommendation 20"`
	Included string    `json:"included,omitempty" doc:"Of what is added up: each month"`
	Price    string    `json:"price,omitempty" doc:"Of what is added up: of a unit beyond it"`
}

type apiPlan struct {
	ID       string     `json:"id"`
	Service  string     `json:"service" doc:"Id in the statement"`
	Title    string     `json:"title"`
	Text     string     `json:"text,omitempty"`
	Currency string     `json:"currency" doc:"Of ISO 4217"`
	Price    string     `json:"price" doc:"For a period"`
	Period   string     `json:"period" enum:"month,quarter,half-year,year,two-years,three-years"`
	Setup    string     `json:"setup,omitempty" doc:"Once"`
	Exempt   string     `json:"exempt,omitempty" doc:"Why it is exempt from VAT where the seller is, in words for invoices"`
	Code     string     `json:"exemptCode,omitempty" doc:"Of the exemption, of the list VATEX"`
	Retired  bool       `json:"retired,omitempty" doc:"It can be chosen no more"`
	Meters   []apiMeter `json:"meters" doc:"What of it is counted"`
}

type plansOut struct {
	Body struct {
		Plans []apiPlan `json:"plans"`
	}
}

func (b *Billing) apiPlans(ctx context.Context, in *plansIn) (*plansOut, error) {
	if in.Retired {
		if err := api.Allow(ctx, prices); err != nil {
			return nil, err
		}
	}
	all, err := b.listPlans(ctx, in.Service, in.Retired)
	if err != nil {
		return nil, err
	}
	out := &plansOut{}
	out.Body.Plans = []apiPlan{}
	for _, p := range all {
		row := apiPlan{
			ID: p.ID, Service: p.Service, Title: p.Title, Text: p.Text,
			Currency: p.Currency, Price: plainAmount(p.Cents, p.Currency), Period: p.Period, Exempt: p.Exempt, Code: p.Code, Retired: p.Retired, Meters: []apiMeter{},
		}
		if p.Setup != 0 {
			row.Setup = plainAmount(p.Setup, p.Currency)
		}
		for _, m := range p.Meters {
			counted := apiMeter{ID: m.ID, Title: m.Title, Kind: m.Kind, Unit: m.Unit}
			if m.Kind == Sum {
				counted.Included, counted.Price = invoice.Scaled(m.Included, millionths).String(), m.Price.String()
			}
			row.Meters = append(row.Meters, counted)
		}
		out.Body.Plans = append(out.Body.Plans, row)
	}
	return out, nil
}

type replanIn struct {
	Reference string `path:"reference" maxLength:"64"`
	Body      struct {
		Plan   string `json:"plan" minLength:"1" maxLength:"64" doc:"Of the service's plans"`
		From   string `json:"from" maxLength:"7" doc:"The month from which on it counts, as 2026-02"`
		Ticket string `json:"ticket,omitempty" maxLength:"40" doc:"Where more is said; nothing about a person"`
	}
}

type replanOut struct {
	Body struct {
		Reference string `json:"reference"`
		Plan      string `json:"plan"`
		From      Month  `json:"from"`
	}
}

func (b *Billing) apiReplan(ctx context.Context, in *replanIn) (*replanOut, error) {
	if err := api.Allow(ctx, prices); err != nil {
		return nil, err
	}
	if err := checkTicket(in.Body.Ticket); err != nil {
		return nil, err
	}
	from, err := parseMonth(in.Body.From)
	if err != nil {
		return nil, wrongIn("from", loot.Message(err))
	}
	out := &replanOut{}
	out.Body.Reference, out.Body.Plan, out.Body.From = in.Reference, in.Body.Plan, from
	return out, b.DB.InTx(ctx, func(tx *store.Tx) error {
		one, err := b.findService(ctx, tx, in.Reference)
		if err != nil {
			return err
		}
		if had, err := planFor(ctx, tx, one.Reference, from); err != nil || had == in.Body.Plan {
			return err
		}
		asked := url.Values{"plan": {in.Body.Plan}, "from": {string(from)}, "ticket": {in.Body.Ticket}}
		return b.replanAs(ctx, tx, one, asked, api.ActorOf(ctx))
	})
}
