package billing

import (
	"context"
	"net/http"
	"slices"
	"time"

	"loot"
	"loot/api"
	"loot/desk/billing/invoice"
	"loot/store"
)

// Scopes are what a token may be used for on this desk.
var Scopes = map[api.Scope]string{
	"services:read":  "read how services stand and what they used, by references",
	"services:write": "change how services stand",
	"services:plan":  "set the plans of services",
	"plans:read":     "list the plans of the catalogue",
	"usage:write":    "record what services used",

	"invoices:read": "list invoices, by numbers and ids of customers",
	"invoices:open": "open documents of invoices, with a reason",
	"me:invoices":   "list one's own invoices and fetch their documents",

	"addresses:assign": "assign addresses to services and take them back",
	"addresses:open":   "open the addresses of services, for a purpose",
	"addresses:find":   "find which service had an address at a time",
}

// apiTag is the desk's in the reference.
const apiTag = "Services"

// api adds the operations of this desk. They know services and customers by their
// ids alone; a token adds no right that its owner does not have.
func (b *Billing) api(a *api.API) {
	api.Add(a, api.Operation{
		ID: "list-services", Method: http.MethodGet, Path: "/api/services", Tag: apiTag, Scope: "services:read",
		Summary: "List services, latest first", Kinds: []loot.Kind{loot.Denied, loot.NotFound},
	}, b.apiServices)
	api.Add(a, api.Operation{
		ID: "read-service", Method: http.MethodGet, Path: "/api/services/{reference}", Tag: apiTag, Scope: "services:read",
		Summary: "Read a service, with its history and what it used in the month", Kinds: []loot.Kind{loot.Denied, loot.NotFound},
	}, b.apiService)
	api.Add(a, api.Operation{
		ID: "change-service", Method: http.MethodPost, Path: "/api/services/{reference}/state", Tag: apiTag, Scope: "services:write",
		Summary: "Change how a service stands", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound, loot.Conflict},
		Text: "One that is `ordered` becomes `active` or `ended`, one that is `active` `suspended` or `ended`, one that is `suspended` `active` or `ended`. Asking for the state that it has changes nothing. The customer sees the change, its reason and its ticket.",
	}, b.apiMove)
	api.Add(a, api.Operation{
		ID: "record-usage", Method: http.MethodPost, Path: "/api/usage", Tag: apiTag, Scope: "usage:write",
		Summary: "Record what services used", Kinds: []loot.Kind{loot.Invalid, loot.Denied},
		Text: "By its `key`, which is the sender's, each record of a service counts once: sent again it adds nothing, and with another amount, part or time it is refused. Each record is judged by itself, and the answer says which were refused and why. " +
			"What is added up and comes once its month was drawn is charged with the next month that is not, as use of its own month, up to 300 days after it was used.",
	}, b.apiRecord)
	b.plansAPI(a)
	b.invoicesAPI(a)
	b.addressAPI(a)
}

// momentOf returns a moment for programs; nil: it is not there.
func momentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// A serviceRow is a service as programs see it.
type serviceRow struct {
	Reference string       `json:"reference"`
	Customer  loot.Subject `json:"customer"`
	Service   string       `json:"service" doc:"Id in the statement"`
	Plan      string       `json:"plan,omitempty"`
	State     State        `json:"state" enum:"ordered,active,suspended,ended"`
	Since     time.Time    `json:"since" doc:"It runs, and is charged; while it is ordered: it was ordered"`
	Ended     *time.Time   `json:"ended,omitempty"`
	Charged   *time.Time   `json:"chargedFrom,omitempty" doc:"Of one that was taken over: nothing before is charged"`
}

func apiRow(s Service) serviceRow {
	return serviceRow{
		Reference: s.Reference, Customer: s.Subject, Service: s.Service, Plan: s.PlanID, State: s.State, Since: s.Since.UTC(), Ended: momentOf(s.Ended), Charged: momentOf(s.Charged),
	}
}

type servicesIn struct {
	Customer loot.Subject `query:"customer" maxLength:"64" doc:"Only those of a customer, all at once"`
	After    string       `query:"after" maxLength:"64" doc:"Reference to go on after"`
	Limit    int          `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

type servicesOut struct {
	Body struct {
		Services []serviceRow `json:"services"`
		Next     string       `json:"next,omitempty" doc:"Reference to go on after; empty at the end"`
	}
}

func (b *Billing) apiServices(ctx context.Context, in *servicesIn) (*servicesOut, error) {
	if err := api.Allow(ctx, keepers); err != nil {
		return nil, err
	}
	var all []Service
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if in.Customer != "" {
			all, err = b.Services(ctx, tx, in.Customer)
		} else {
			all, err = b.listServices(ctx, tx, pick{}, in.After, in.Limit)
		}
		return err
	}); err != nil {
		return nil, err
	}
	out := &servicesOut{}
	out.Body.Services = []serviceRow{}
	for _, s := range all {
		out.Body.Services = append(out.Body.Services, apiRow(s))
	}
	if in.Customer == "" && len(all) == in.Limit {
		out.Body.Next = all[len(all)-1].Reference
	}
	return out, nil
}

type serviceIn struct {
	Reference string `path:"reference" maxLength:"64"`
}

type apiStep struct {
	At     time.Time `json:"at"`
	State  State     `json:"state"`
	Reason Reason    `json:"reason"`
	Ticket string    `json:"ticket,omitempty"`
	Plan   string    `json:"plan,omitempty" doc:"Of the reason plan: the one that counts"`
	From   Month     `json:"from,omitempty" doc:"Of the reason plan: the month from which on it counts, as 2026-02"`
	By     string    `json:"by" doc:"Kind of who did it: staff, person or desk"`
}

type apiGauge struct {
	Meter    string     `json:"meter"`
	Kind     MeterKind  `json:"kind" enum:"sum,level"`
	Unit     string     `json:"unit" doc:"Of UN/ECE recommendation 20"`
	Used     string     `json:"used" doc:"In this month; of a level the latest, in percent"`
	Included string     `json:"included,omitempty"`
	At       *time.Time `json:"at,omitempty" doc:"Of a level: when that was"`
}

type serviceOut struct {
	Body struct {
		serviceRow
		History []apiStep  `json:"history" doc:"Latest first"`
		Usage   []apiGauge `json:"usage"`
	}
}

func (b *Billing) apiService(ctx context.Context, in *serviceIn) (*serviceOut, error) {
	if err := api.Allow(ctx, keepers); err != nil {
		return nil, err
	}
	out := &serviceOut{}
	return out, b.DB.ReadTx(ctx, func(tx *store.Tx) error {
		one, err := b.findService(ctx, tx, in.Reference)
		if err != nil {
			return err
		}
		out.Body.serviceRow, out.Body.History, out.Body.Usage = apiRow(one), []apiStep{}, []apiGauge{}
		steps, err := stepsOf(ctx, tx, `WHERE h.service = $1`, one.Reference)
		if err != nil {
			return err
		}
		for _, s := range steps[one.Reference] {
			out.Body.History = append(out.Body.History, apiStep{s.At.UTC(), s.State, s.Why, s.Ticket, s.PlanID, s.From, string(s.Kind)})
		}
		gauges, err := b.gaugesOf(ctx, tx, []Service{one}, b.thisMonth())
		for _, g := range gauges[one.Reference] {
			row := apiGauge{Meter: g.ID, Kind: g.Kind, Unit: g.Unit, Used: invoice.Scaled(g.Used, millionths).String()}
			if g.Kind == Sum {
				row.Included = invoice.Scaled(g.Included, millionths).String()
			} else {
				row.At = momentOf(g.At)
			}
			out.Body.Usage = append(out.Body.Usage, row)
		}
		return err
	})
}

type moveIn struct {
	Reference string `path:"reference" maxLength:"64"`
	Body      struct {
		State  State  `json:"state" enum:"active,suspended,ended"`
		Reason Reason `json:"reason" enum:"set-up,asked,unpaid,misuse,maintenance,settled"`
		Ticket string `json:"ticket,omitempty" maxLength:"40" doc:"Where more is said; nothing about a person"`
	}
}

type moveOut struct{ Body serviceRow }

func (b *Billing) apiMove(ctx context.Context, in *moveIn) (*moveOut, error) {
	if err := api.Allow(ctx, keepers); err != nil {
		return nil, err
	}
	if err := checkTicket(in.Body.Ticket); err != nil {
		return nil, err
	}
	out := &moveOut{}
	return out, b.DB.InTx(ctx, func(tx *store.Tx) error {
		one, err := b.findService(ctx, tx, in.Reference)
		if err != nil {
			return err
		}
		if one.State != in.Body.State {
			if err := b.move(ctx, tx, one, Move{To: in.Body.State, By: api.ActorOf(ctx), Why: in.Body.Reason, Ticket: in.Body.Ticket}); err != nil {
				return err
			}
			if one, err = b.findService(ctx, tx, in.Reference); err != nil {
				return err
			}
		}
		out.Body = apiRow(one)
		return nil
	})
}

type usageRecord struct {
	Service string `json:"service" maxLength:"64" doc:"Reference"`
	Meter   string `json:"meter" maxLength:"64" doc:"A part that the plan of the service counts"`
	Key     string `json:"key" maxLength:"100" doc:"Your name for the record, unique within the service"`
	At      string `json:"at" maxLength:"40" doc:"As in RFC 3339, or a day"`
	Amount  string `json:"amount" maxLength:"40" doc:"In the unit of the part, with a point and six digits behind it at most; of a level percent"`
}

type usageIn struct {
	Body struct {
		Records []usageRecord `json:"records" minItems:"1" maxItems:"1000"`
	}
}

type usageRefused struct {
	Index  int    `json:"index" doc:"In the records that were sent, from 0"`
	Reason string `json:"reason"`
}

type usageOut struct {
	Body struct {
		Recorded int            `json:"recorded"`
		Repeated int            `json:"repeated" doc:"Were recorded before, just so"`
		Refused  []usageRefused `json:"refused"`
	}
}

func (b *Billing) apiRecord(ctx context.Context, in *usageIn) (*usageOut, error) {
	if err := api.Allow(ctx, prices); err != nil {
		return nil, err
	}
	out := &usageOut{}
	out.Body.Refused = []usageRefused{}
	var all []Record
	var index []int
	place := b.seller.place()
	for i, sent := range in.Body.Records {
		r := Record{Service: sent.Service, Meter: sent.Meter, Key: sent.Key}
		var err error
		if r.At, err = parseMoment(sent.At, place); err == nil {
			r.Amount, err = parseAmount(sent.Amount)
		}
		if err != nil {
			out.Body.Refused = append(out.Body.Refused, usageRefused{i, loot.Message(err)})
			continue
		}
		all, index = append(all, r), append(index, i)
	}
	taken, err := b.record(ctx, api.ActorOf(ctx), all, false)
	if err != nil {
		return nil, err
	}
	out.Body.Recorded, out.Body.Repeated = taken.Added, taken.Repeated
	for _, one := range taken.Refused {
		out.Body.Refused = append(out.Body.Refused, usageRefused{index[one.Index], one.Why})
	}
	slices.SortFunc(out.Body.Refused, func(a, b usageRefused) int { return a.Index - b.Index })
	return out, nil
}
