package customers

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"loot"
	"loot/api"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// carriers are whose programs may bring further orders of customers.
var carriers = []loot.Role{"billing", "support", "administrator"}

// moreAPI adds the operation by which a further service is ordered.
func (c *customers) moreAPI(a *api.API) {
	api.Add(a, api.Operation{
		ID: "order-service", Method: http.MethodPost, Path: "/api/customers/{id}/services", Tag: tag, Scope: "customers:order", Status: http.StatusCreated,
		Summary: "Order a further service for a customer who is known",
		Text: "What is sent is what the customer asked for and gave: the service, its plan, and those of its compulsory fields that are not held yet. A field that is held already is corrected, not given again. " +
			"Permissions are the customer's own to give, in the portal: an order that needs one which they did not give is refused. The customer sees the order in the portal. Its reference is that of the service, which begins a moment later. With the same form nothing is ordered twice, and the answer is the same.",
		Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound, loot.Conflict},
	}, c.apiOrder)
}

type orderIn struct {
	ID   loot.Subject `path:"id" maxLength:"64"`
	Body struct {
		Service string                `json:"service" maxLength:"64" doc:"Id of a service of the statement"`
		Plan    string                `json:"plan,omitempty" maxLength:"64"`
		Fields  map[loot.Field]string `json:"fields,omitempty" maxProperties:"50" doc:"Compulsory field that is not held yet to what was given"`
		Form    string                `json:"form,omitempty" maxLength:"128" doc:"Random name of the form: the same one orders nothing twice"`
	}
}

type orderOut struct {
	Body struct {
		Reference string `json:"reference" doc:"Of the service"`
	}
}

func (c *customers) apiOrder(ctx context.Context, in *orderIn) (*orderOut, error) {
	if err := api.Allow(ctx, carriers); err != nil {
		return nil, err
	}
	s, err := c.inForce()
	if err != nil {
		return nil, err
	}
	service, ok := s.Service(in.Body.Service)
	if !ok {
		return nil, web.Invalid("", map[string]string{"service": "There is no such service."})
	}
	plans, err := c.plans(ctx, service)
	if err != nil {
		return nil, err
	}
	o := Order{Subject: in.ID, Service: service.ID, Plan: in.Body.Plan}
	reference, err := c.addService(ctx, s, o, registration{sent: in.Body.Form, carrier: api.ActorOf(ctx)}, func(tx *store.Tx, held map[loot.Field]bool) (map[loot.Field]string, error) {
		if err := c.permitted(ctx, tx, s, service, in.ID); err != nil {
			return nil, err
		}
		form := draw(s, service, held, c.needs.Written)
		form.Plans = plans
		form.forMore()
		given, err := form.readMore(in.Body.Fields, in.Body.Plan, held)
		return given.given, err
	})
	if err != nil {
		return nil, err
	}
	out := &orderOut{}
	out.Body.Reference = reference
	return out, nil
}

// permitted refuses an order that needs a permission which the customer did not give.
func (c *customers) permitted(ctx context.Context, tx *store.Tx, s *statement.Statement, service statement.ServiceDecl, subject loot.Subject) error {
	person, err := c.Gate.Person(ctx, tx, subject)
	if err != nil {
		return err
	}
	var lacking []string
	for _, id := range service.Purposes {
		if p, ok := s.Purpose(id); ok && p.Basis == "permission" && !slices.Contains(person.Permissions[self], id) {
			lacking = append(lacking, "“"+loot.LowerFirst(p.Title)+"”")
		}
	}
	if len(lacking) > 0 {
		return loot.Errorf(loot.Denied, "The service needs the customer's permission for %s. They alone can give it, in the portal under Permissions.", strings.Join(lacking, ", "))
	}
	return nil
}

// readMore checks what a program sent for a further order.
func (f *orderForm) readMore(fields map[loot.Field]string, plan string, held map[loot.Field]bool) (answer, error) {
	wrong := map[string]string{}
	for id := range fields {
		if held[id] {
			wrong[inFields(id)] = "This is held already. To change it, correct the record."
		}
	}
	if err := web.Invalid("", wrong); err != nil {
		return answer{}, err
	}
	return f.readFields(fields, nil, nil, plan)
}
