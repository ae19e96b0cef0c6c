package customers

import (
	"net/http"
	"net/url"
	"slices"

	"loot"
	"loot/gate"
	"loot/statement"
	"loot/web"
)

// An ask is what a member of staff states before a record opens.
type ask struct {
	Subject  loot.Subject
	Purpose  loot.Purpose
	Reason   string
	Case     string
	Approval string
}

func askFields(s *statement.Statement, me loot.Actor) web.Fields {
	return web.Fields{
		purposeField(s, me, s.InEmergency(me.Roles, collection)),
		{Name: "case", Label: "Case", MaxLen: 64, Hint: "The number of an open case, where the purpose needs one; in an emergency, of its incident."},
		{Name: "reason", Type: "textarea", Label: "Reason", Rows: 2, MaxLen: 500, Required: true, Plain: true, Wide: true, Hint: "One sentence, such as the number of the ticket. It is sealed beside your name, and no customer sees it."},
	}
}

// prefilled is the form as a link fills it in that leads here from a case; nil: the link
// says nothing.
func (c *customers) prefilled(me loot.Actor, q url.Values) (web.Fields, error) {
	if !q.Has("case") {
		return nil, nil
	}
	s, err := c.inForce()
	if err != nil {
		return nil, err
	}
	return askFields(s, me).With(url.Values{"case": {loot.Cut(q.Get("case"), 64)}, "purpose": {q.Get("purpose")}}, nil), nil
}

// An asking is an ask as it was sent: by whom, under which statement, and the
// form to show again.
type asking struct {
	ask
	me     loot.Actor
	s      *statement.Statement
	typed  url.Values
	fields web.Fields // with what was typed
}

// readAsk reads an ask. One that is wrongly filled in comes with the error.
func (c *customers) readAsk(r *http.Request) (in asking, err error) {
	in.me = web.ActorOf(r.Context())
	if in.s, err = c.inForce(); err != nil {
		return in, err
	}
	if in.typed, err = web.Form(r, 0); err != nil {
		return in, err
	}
	in.ask = ask{
		Subject: loot.Subject(r.PathValue("id")), Purpose: loot.Purpose(in.typed.Get("purpose")),
		Reason: in.typed.Get("reason"), Case: in.typed.Get("case"), Approval: in.typed.Get("approval"),
	}
	fields := askFields(in.s, in.me)
	err = fields.Check(in.typed)
	in.fields = fields.With(in.typed, err)
	return in, err
}

func (a ask) request(me loot.Actor, fields []loot.Field, reveal bool) gate.Request {
	return gate.Request{
		Action: loot.Use, Actor: me, Desk: name, Purpose: a.Purpose, Subject: a.Subject, Collection: collection,
		Fields: fields, Unmask: reveal, Reason: a.Reason, Case: a.Case, Approval: a.Approval,
	}
}

// hidden carries what was stated from one form to the next.
func (a ask) hidden(more ...string) []web.Hidden {
	h := []web.Hidden{{Name: "purpose", Value: string(a.Purpose)}, {Name: "reason", Value: a.Reason}}
	if a.Case != "" {
		h = append(h, web.Hidden{Name: "case", Value: a.Case})
	}
	for i := 0; i+1 < len(more); i += 2 {
		h = append(h, web.Hidden{Name: more[i], Value: more[i+1]})
	}
	return h
}

// purposeField offers the purposes of the roles, apart from them those that open
// in an emergency, and the others, as it is better to be refused with the reason
// than to wonder.
func purposeField(s *statement.Statement, me loot.Actor, urgent []statement.Purpose) web.Field {
	f := web.Field{Name: "purpose", Type: "select", Label: "Purpose", Required: true, Plain: true, Options: []web.Option{{Label: "What for?"}}}
	add := func(group string, list []statement.Purpose) {
		for _, p := range list {
			f.Options = append(f.Options, web.Option{Value: string(p.ID), Label: p.Title, Group: group})
		}
	}
	mine, others := purposesOf(s, me)
	add("Your roles", mine)
	add("In an emergency, once others agreed", urgent)
	add("Not yours: refused", slices.DeleteFunc(others, func(p statement.Purpose) bool {
		return slices.ContainsFunc(urgent, func(u statement.Purpose) bool { return u.ID == p.ID })
	}))
	return f
}

// purposesOf returns the purposes of the collection that the roles of a member
// of staff have, and the others.
func purposesOf(s *statement.Statement, me loot.Actor) (mine, others []statement.Purpose) {
	decl, _ := s.Collection(collection)
	for _, id := range decl.Purposes {
		p, ok := s.Purpose(id)
		if !ok {
			continue
		}
		has := slices.ContainsFunc(me.Roles, func(role loot.Role) bool {
			d, ok := s.Role(role)
			return ok && slices.Contains(d.Purposes, id)
		})
		if has {
			mine = append(mine, p)
		} else {
			others = append(others, p)
		}
	}
	return mine, others
}
