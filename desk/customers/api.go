package customers

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"loot"
	"loot/api"
	"loot/desk"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// Scopes are what a token may be used for on this desk.
var Scopes = map[api.Scope]string{
	"customers:create":  "register customers",
	"customers:order":   "order further services for customers",
	"customers:list":    "list ids, states and dates of customers",
	"customers:find":    "find a customer by an exact value, for a purpose",
	"customers:open":    "open customers' records, for a purpose",
	"customers:correct": "correct customers' records, for a purpose",
	"me:read":           "read one's own record and timeline",
	"me:permit":         "give and take back one's own permissions",
}

const tag = "Customers"

// api adds the operations of this desk. A decision is made for each as for the
// pages; a token adds no right that its owner does not have.
func (c *customers) api(a *api.API) {
	api.Add(a, api.Operation{
		ID: "create-customer", Method: http.MethodPost, Path: "/api/customers", Tag: tag, Scope: "customers:create", Status: http.StatusCreated,
		Summary: "Register a customer",
		Text:    "What is sent is what somebody gave on a form of yours: the fields that the statement declares for the service, and the permissions that they ticked. An address that is known already registers nobody, and its owner is told; the answer is the same.",
		Kinds:   []loot.Kind{loot.Invalid, loot.TooLarge},
	}, c.apiCreate)
	c.moreAPI(a)
	api.Add(a, api.Operation{
		ID: "list-customers", Method: http.MethodGet, Path: "/api/customers", Tag: tag, Scope: "customers:list",
		Summary: "List ids, states and dates",
	}, c.apiList)
	api.Add(a, api.Operation{
		ID: "find-customer", Method: http.MethodPost, Path: "/api/customers/find", Tag: tag, Scope: "customers:find",
		Summary: "Find a customer by an exact value", Kinds: []loot.Kind{loot.Invalid, loot.Denied},
		Text: "The search is written down, whether it finds somebody or not.",
	}, c.apiFind)
	api.Add(a, api.Operation{
		ID: "open-customer", Method: http.MethodPost, Path: "/api/customers/{id}/open", Tag: tag, Scope: "customers:open",
		Summary: "Open a record for a purpose", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound, loot.Conflict},
		Text: "Opens the fields that the purpose needs, or of them those that are named. Values are covered as their level says; name single fields and set reveal to uncover them. A refusal names the clause and what would be needed.",
	}, c.apiOpen)
	api.Add(a, api.Operation{
		ID: "ask-approval", Method: http.MethodPost, Path: "/api/customers/{id}/approvals", Tag: tag, Scope: "customers:open", Status: http.StatusAccepted,
		Summary: "Ask other people to agree to an opening", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound, loot.Conflict},
	}, c.apiAsk)
	api.Add(a, api.Operation{
		ID: "correct-customer", Method: http.MethodPatch, Path: "/api/customers/{id}", Tag: tag, Scope: "customers:correct",
		Summary: "Correct fields of a record", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound, loot.Conflict},
		Text: "The version is the one that opening the record gave. If somebody changed the record since, nothing is changed and the answer is a conflict. Another e-mail address counts only once its owner has opened the link in the letter that is written to it.",
	}, c.apiCorrect)
	api.Add(a, api.Operation{
		ID: "read-own", Method: http.MethodGet, Path: "/api/me", Tag: tag, Scope: "me:read",
		Summary: "Everything that is held about the owner of the token",
	}, c.apiMe)
	api.Add(a, api.Operation{
		ID: "read-own-timeline", Method: http.MethodGet, Path: "/api/me/timeline", Tag: tag, Scope: "me:read",
		Summary: "Every use of the own record, newest first",
	}, c.apiTimeline)
	api.Add(a, api.Operation{
		ID: "choose-permission", Method: http.MethodPut, Path: "/api/me/permissions/{offer}", Tag: tag, Scope: "me:permit",
		Summary: "Give a permission or take it back", Kinds: []loot.Kind{loot.Invalid, loot.NotFound},
	}, c.apiChoose)
}

type createIn struct {
	Body struct {
		Service     string                `json:"service" maxLength:"64" doc:"Id of a service of the statement"`
		Plan        string                `json:"plan,omitempty" maxLength:"64"`
		Fields      map[loot.Field]string `json:"fields" doc:"Field of the statement to what was given"`
		Permissions []string              `json:"permissions,omitempty" maxItems:"50" doc:"Ids of the permissions that were ticked"`
		Declined    []string              `json:"declined,omitempty" maxItems:"50" doc:"Ids of the permissions that are on in some countries until they are switched off, and were refused"`
		Form        string                `json:"form,omitempty" maxLength:"128" doc:"Random name of the form: the same one registers nobody twice"`
	}
}

type createOut struct {
	Body struct {
		Accepted bool `json:"accepted" doc:"What happens next is told to the address that was given"`
	}
}

func (c *customers) apiCreate(ctx context.Context, in *createIn) (*createOut, error) {
	s, err := c.inForce()
	if err != nil {
		return nil, err
	}
	service, ok := s.Service(in.Body.Service)
	if !ok {
		return nil, web.Invalid("", map[string]string{"service": "There is no such service."})
	}
	form, err := c.drawAll(ctx, s, service, nil)
	if err != nil {
		return nil, err
	}
	given, err := form.readFields(in.Body.Fields, in.Body.Permissions, in.Body.Declined, in.Body.Plan)
	if err != nil {
		return nil, err
	}
	if err := c.create(ctx, s, given, registration{
		service: service.ID, sent: in.Body.Form, carrier: api.ActorOf(ctx),
	}); err != nil {
		return nil, err
	}
	out := &createOut{}
	out.Body.Accepted = true
	return out, nil
}

// inFields is where a field stands in a body, as a part of a JSON pointer.
func inFields(f loot.Field) string { return "fields/" + string(f) }

// readFields checks what a program sent as the page checks what was typed.
func (f *orderForm) readFields(fields map[loot.Field]string, permissions, declined []string, plan string) (answer, error) {
	a := answer{given: map[loot.Field]string{}, plan: plan}
	wrong := map[string]string{}
	if err := f.Plans.Check(url.Values{"plan": {plan}}); err != nil {
		wrong["plan"] = web.Wrong(err)["plan"]
	}
	if len(f.Plans) == 0 && plan != "" {
		wrong["plan"] = "The service has no plans to choose from."
	}
	for id := range fields {
		if !slices.ContainsFunc(f.questions(), func(q question) bool { return q.Decl.ID == id }) {
			wrong["fields"] = "A field is among them that the statement does not ask for with this service."
		}
	}
	for _, q := range f.questions() {
		value, complaint := check(q.Decl, fields[q.Decl.ID])
		switch {
		case complaint != "":
			wrong[inFields(q.Decl.ID)] = complaint
		case value != "":
			a.given[q.Decl.ID] = value
		case q.Required:
			wrong[inFields(q.Decl.ID)] = missing(q.Decl)
		}
	}
	for _, id := range permissions {
		if !slices.ContainsFunc(f.offered, func(o statement.Offer) bool { return o.ID == id }) {
			wrong["permissions"] = "One of them is not offered."
			continue
		}
		if !slices.Contains(a.offers, id) {
			a.offers = append(a.offers, id)
		}
	}
	for _, id := range declined {
		if !slices.ContainsFunc(f.offered, func(o statement.Offer) bool { return o.ID == id }) || slices.Contains(a.offers, id) {
			wrong["declined"] = "One of them is not offered, or is permitted at the same time."
			continue
		}
		if !slices.Contains(a.declined, id) {
			a.declined = append(a.declined, id)
		}
	}
	return a, web.Invalid("", wrong)
}

// A customerRow is what a list may say of a customer.
type customerRow struct {
	ID      loot.Subject `json:"id"`
	State   string       `json:"state" enum:"active,erased"`
	Created time.Time    `json:"created"`
	Changed time.Time    `json:"changed"`
}

func apiRow(row vault.Row) customerRow {
	out := customerRow{ID: row.Subject, State: "active", Created: row.Created.UTC(), Changed: row.Changed.UTC()}
	if row.Erased() {
		out.State = "erased"
	}
	return out
}

type listIn struct {
	After string `query:"after" maxLength:"64" doc:"Id to go on after"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

type listOut struct {
	Body struct {
		Customers []customerRow `json:"customers"`
		Next      loot.Subject  `json:"next,omitempty" doc:"Id to go on after; empty at the end"`
	}
}

func (c *customers) apiList(ctx context.Context, in *listIn) (*listOut, error) {
	out := &listOut{}
	out.Body.Customers = []customerRow{}
	err := c.DB.ReadTx(ctx, func(tx *store.Tx) error {
		rows, err := c.Vault.List(ctx, tx, collection, loot.Subject(in.After), in.Limit)
		for _, row := range rows {
			out.Body.Customers = append(out.Body.Customers, apiRow(row))
		}
		if len(rows) == in.Limit {
			out.Body.Next = rows[len(rows)-1].Subject
		}
		return err
	})
	return out, err
}

type findIn struct {
	Body struct {
		Purpose loot.Purpose `json:"purpose" maxLength:"64"`
		Field   loot.Field   `json:"field" maxLength:"64"`
		Value   string       `json:"value" maxLength:"500"`
	}
}

func (c *customers) apiFind(ctx context.Context, in *findIn) (*listOut, error) {
	s, err := c.inForce()
	if err != nil {
		return nil, err
	}
	d, ok := s.Field(in.Body.Field)
	if !ok || !d.Index || !collects(s, d.ID) {
		return nil, web.Invalid("", map[string]string{"field": "Nobody is found by this field."})
	}
	value, complaint := check(d, in.Body.Value)
	if complaint != "" || value == "" {
		return nil, web.Invalid("", map[string]string{"value": "This is not a value that the field takes."})
	}
	rows, err := c.search(ctx, api.ActorOf(ctx), in.Body.Purpose, d.ID, value)
	if err != nil {
		return nil, err
	}
	out := &listOut{}
	out.Body.Customers = []customerRow{}
	for _, row := range rows {
		out.Body.Customers = append(out.Body.Customers, apiRow(row))
	}
	return out, nil
}

type openBody struct {
	Purpose  loot.Purpose `json:"purpose" maxLength:"64"`
	Reason   string       `json:"reason" minLength:"1" maxLength:"500" doc:"Sealed beside the name of who asks"`
	Case     string       `json:"case,omitempty" maxLength:"64"`
	Fields   []loot.Field `json:"fields,omitempty" maxItems:"100" doc:"Only these; empty: all that the purpose needs"`
	Reveal   bool         `json:"reveal,omitempty" doc:"Uncover the fields that are named"`
	Approval string       `json:"approval,omitempty" maxLength:"64" doc:"Id of the approval that was given"`
}

type openIn struct {
	ID   loot.Subject `path:"id" maxLength:"64"`
	Body openBody
}

type openOut struct {
	Body struct {
		Entry   string                   `json:"entry" doc:"Of the ledger"`
		Clauses []loot.Clause            `json:"clauses" doc:"That permit it"`
		Version string                   `json:"version" doc:"For a correction"`
		Fields  map[loot.Field]openField `json:"fields"`
		Locked  []loot.Field             `json:"locked,omitempty" doc:"Open only after others agreed"`
	}
}

type openField struct {
	Value  string    `json:"value"`
	Masked bool      `json:"masked,omitempty"`
	Source string    `json:"source"`
	Since  time.Time `json:"since"`
	State  string    `json:"state"`
	Waits  bool      `json:"waits,omitempty" doc:"Another value waits to be confirmed"`
}

// openRequest turns the body of an opening into the request that is decided.
func openRequest(s *statement.Statement, id loot.Subject, me loot.Actor, b openBody) (gate.Request, []loot.Field, error) {
	free, locked := fieldsFor(s, b.Purpose)
	fields := b.Fields
	if len(fields) == 0 {
		if b.Reveal { //nolint:forbidigo // asked for, not opened
			return gate.Request{}, nil, web.Invalid("", map[string]string{"fields": "Name the fields that are to be uncovered."})
		}
		fields = free
		if len(free) == 0 {
			fields, locked = locked, nil
		}
	} else {
		locked = nil
	}
	for _, f := range fields {
		if !collects(s, f) {
			return gate.Request{}, nil, web.Invalid("", map[string]string{"fields": "The statement declares no such field for customers."})
		}
	}
	a := ask{Subject: id, Purpose: b.Purpose, Reason: b.Reason, Case: b.Case, Approval: b.Approval}
	return a.request(me, fields, b.Reveal), locked, nil //nolint:forbidigo // asked for, not opened
}

func (c *customers) apiOpen(ctx context.Context, in *openIn) (*openOut, error) {
	s, err := c.inForce()
	if err != nil {
		return nil, err
	}
	req, locked, err := openRequest(s, in.ID, api.ActorOf(ctx), in.Body)
	if err != nil {
		return nil, err
	}
	out := &openOut{}
	err = c.Gate.InTx(ctx, func(tx *store.Tx) error {
		p, err := c.decideHeld(ctx, tx, req)
		if err != nil {
			return err
		}
		rec, err := c.Vault.OpenRecord(ctx, tx, p)
		if err != nil {
			return err
		}
		out.Body.Entry, out.Body.Clauses, out.Body.Version, out.Body.Locked = p.Entry(), p.Clauses(), rec.Stamp(), locked
		out.Body.Fields = map[loot.Field]openField{}
		for f, v := range rec.Values {
			//nolint:forbidigo // the answer to whom it was decided for, masked as the level says
			one := openField{Value: v.Reveal(), Masked: v.Masked, Source: v.Source, Since: v.At.UTC(), State: v.State}
			_, one.Waits = rec.Waiting[f]
			out.Body.Fields[f] = one
		}
		return nil
	})
	return out, err
}

type askOut struct {
	Body struct {
		Approval loot.Awaited `json:"approval" doc:"Asked for now, or, if the same was asked for already, then"`
	}
}

func (c *customers) apiAsk(ctx context.Context, in *openIn) (*askOut, error) {
	s, err := c.inForce()
	if err != nil {
		return nil, err
	}
	in.Body.Approval = ""
	req, _, err := openRequest(s, in.ID, api.ActorOf(ctx), in.Body)
	if err != nil {
		return nil, err
	}
	out := &askOut{}
	out.Body.Approval, err = c.askApproval(ctx, req)
	return out, err
}

type correctIn struct {
	ID   loot.Subject `path:"id" maxLength:"64"`
	Body struct {
		Purpose loot.Purpose          `json:"purpose" maxLength:"64"`
		Reason  string                `json:"reason" minLength:"1" maxLength:"500"`
		Case    string                `json:"case,omitempty" maxLength:"64"`
		Version string                `json:"version" maxLength:"64"`
		Fields  map[loot.Field]string `json:"fields,omitempty" maxProperties:"50" doc:"Field to its new value"`
		Remove  []loot.Field          `json:"remove,omitempty" maxItems:"50" doc:"Optional fields that are to be removed"`
	}
}

type correctOut struct {
	Body struct {
		Version string `json:"version"`
	}
}

func (c *customers) apiCorrect(ctx context.Context, in *correctIn) (*correctOut, error) {
	s, err := c.inForce()
	if err != nil {
		return nil, err
	}
	given, wrong := map[loot.Field]string{}, map[string]string{}
	for id, typed := range in.Body.Fields {
		d, err := c.fieldOf(s, string(id))
		if err != nil {
			return nil, web.Invalid("", map[string]string{"fields": "The statement declares no such field for customers."})
		}
		value, complaint := check(d, typed)
		switch {
		case complaint != "":
			wrong[inFields(id)] = complaint
		case value == "":
			wrong[inFields(id)] = "This is empty. To have it removed, name it under remove."
		}
		given[id] = value
	}
	for _, id := range in.Body.Remove {
		if _, err := c.fieldOf(s, string(id)); err != nil {
			return nil, web.Invalid("", map[string]string{"remove": "The statement declares no such field for customers."})
		}
		if given[id] != "" {
			wrong[inFields(id)] = "This is both changed and removed."
		}
		given[id] = ""
	}
	if len(given) == 0 {
		wrong["fields"] = "Name what is to be changed."
	}
	if err := web.Invalid("", wrong); err != nil {
		return nil, err
	}
	a := ask{Subject: in.ID, Purpose: in.Body.Purpose, Reason: in.Body.Reason, Case: in.Body.Case}
	out := &correctOut{}
	err = c.Gate.InTx(ctx, func(tx *store.Tx) error {
		if err := c.changeFor(ctx, tx, s, api.ActorOf(ctx), a, in.Body.Version, given); err != nil {
			return err
		}
		row, err := c.Vault.Row(ctx, tx, in.ID, collection)
		out.Body.Version = row.Stamp()
		return err
	})
	return out, err
}

type meOut struct{ Body desk.Copy }

func (c *customers) apiMe(ctx context.Context, _ *struct{}) (*meOut, error) {
	me, err := api.Person(ctx)
	if err != nil {
		return nil, err
	}
	copied, err := c.copyOf(ctx, me, func(tx *store.Tx, s *statement.Statement, copied *desk.Copy) (err error) {
		copied.Timeline, err = c.exportTimeline(ctx, tx, s, copied.Subject)
		return err
	})
	return &meOut{copied}, err
}

type timelineIn struct {
	Before string `query:"before" maxLength:"64" doc:"Entry to go on from"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

type timelineOut struct {
	Body struct {
		Entries []desk.CopiedEntry `json:"entries"`
		Next    string             `json:"next,omitempty" doc:"Entry to go on from; empty at the end"`
	}
}

func (c *customers) apiTimeline(ctx context.Context, in *timelineIn) (*timelineOut, error) {
	me, err := api.Person(ctx)
	if err != nil {
		return nil, err
	}
	s, err := c.inForce()
	if err != nil {
		return nil, err
	}
	out := &timelineOut{}
	out.Body.Entries = []desk.CopiedEntry{}
	err = c.DB.ReadTx(ctx, func(tx *store.Tx) error {
		var items []ledger.Item
		items, err := c.Ledger.Timeline(ctx, tx, loot.Subject(me.ID), collection, in.Before, in.Limit)
		if err != nil {
			return err
		}
		for _, it := range items {
			e, err := c.exportEntry(ctx, tx, s, it)
			if err != nil {
				return err
			}
			out.Body.Entries = append(out.Body.Entries, e)
		}
		if len(items) == in.Limit {
			out.Body.Next = items[len(items)-1].ID
		}
		return nil
	})
	return out, err
}

type chooseIn struct {
	Offer string `path:"offer" maxLength:"64"`
	Body  struct {
		Given bool `json:"given"`
	}
}

type chooseOut struct {
	Body struct {
		Given bool `json:"given"`
	}
}

func (c *customers) apiChoose(ctx context.Context, in *chooseIn) (*chooseOut, error) {
	me, err := api.Person(ctx)
	if err != nil {
		return nil, err
	}
	choice := gate.Choice{Subject: loot.Subject(me.ID), Collection: collection, By: me, Offer: in.Offer}
	if err := c.decideChoice(ctx, choice, in.Body.Given); err != nil {
		return nil, err
	}
	out := &chooseOut{}
	out.Body.Given = in.Body.Given
	return out, nil
}
