package customers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

type cardView struct {
	web.View
	Open     string // address of the form
	Facts    []web.Fact
	State    web.Badge
	Erased   bool
	Ask      web.Fields
	Wrong    *web.Problems
	Refusal  *web.Refusal
	Approval *web.Alert
	AskFor   *web.Action // asks other people for approval
	Opened   *openedView
	Fold     bool // the form is folded away, as the record is open
}

// An openedView is a record that was opened for a purpose.
type openedView struct {
	Purpose string
	Why     string
	Clauses []string
	Entry   string
	Rows    []openedRow
	Locked  []lockedRow
	Notes   []string
}

type openedRow struct {
	ID      string
	Title   string
	Secret  web.Secret
	State   web.Badge
	Source  string
	Checked []web.Fact // how, by whom, when and when again
	Waits   bool       // another value waits to be confirmed
	Hidden  []web.Hidden
	Reveal  string // address; empty: nothing is masked
	Correct string // address; empty: not for this purpose
	Missing bool   // nothing is held yet
}

// A lockedRow is a field that opens only after other people agreed.
type lockedRow struct {
	Title string
	Needs string
	Ask   web.Action
}

// card shows what may be seen of a customer without opening anything.
func (c *customers) card(w http.ResponseWriter, r *http.Request) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	v := cardView{}
	if v.Ask, err = c.prefilled(web.ActorOf(r.Context()), q); err != nil {
		return err
	}
	if id := q.Get("approval"); id != "" {
		if v.Approval, err = c.approvalAlert(r, id); err != nil {
			return err
		}
	}
	return c.showCard(w, r, http.StatusOK, v)
}

func (c *customers) showCard(w http.ResponseWriter, r *http.Request, status int, v cardView) error {
	s, err := c.inForce()
	if err != nil {
		return err
	}
	subject := loot.Subject(r.PathValue("id"))
	var row vault.Row
	if err := c.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		row, err = c.Vault.Row(r.Context(), tx, subject, collection)
		return err
	}); err != nil {
		return err
	}
	v.View = web.ViewOf(r, "Customer "+short(subject))
	v.Crumbs = []web.Crumb{{Label: "Customers", Href: "/console/customers"}}
	v.Open = desk.CustomerPath(subject) + "/open"
	v.State, v.Erased = rowState(row), row.Erased()
	v.Actions = []web.Action{{Label: "Services", Icon: "server", Href: "/console/billing?of=" + url.QueryEscape(string(subject))}}
	if c.needs.Checks != nil {
		v.Actions = append(v.Actions, web.Action{Label: "Checks", Icon: "badge-check", Href: "/console/checks?customer=" + url.QueryEscape(string(subject))})
	}
	v.Facts = []web.Fact{
		{Term: "Id", Value: string(subject), Code: true},
		{Term: "State", Badge: &v.State},
		{Term: "Customer since", Value: row.Created.UTC().Format("2 Jan 2006")},
		{Term: "Last changed", Value: row.Changed.UTC().Format("2 Jan 2006, 15:04 MST")},
	}
	if v.Ask == nil {
		v.Ask = askFields(s, web.ActorOf(r.Context()))
	}
	return cardPage.Render(w, r, status, v)
}

// open opens what the purpose allows, masked as the level says.
func (c *customers) open(w http.ResponseWriter, r *http.Request) error {
	in, err := c.readAsk(r)
	switch {
	case in.Approval != "":
		return c.openApproved(w, r, in)
	case web.Wrong(err) != nil:
		return c.showCard(w, r, http.StatusUnprocessableEntity, cardView{Ask: in.fields, Wrong: web.ProblemsOf(err, in.fields)})
	case err != nil:
		return err
	}
	free, locked := fieldsFor(in.s, in.Purpose)
	if len(free) == 0 && len(locked) > 0 {
		free, locked = locked, nil // nothing opens without approval: ask for all of it, and be told
	}
	o, err := c.openFor(r.Context(), in.s, in.ask, []gate.Request{in.request(in.me, free, false)})
	if err != nil {
		return c.refused(w, r, in.ask, in.fields, err)
	}
	if err := c.lock(r.Context(), in.s, in.me, in.ask, locked, o); err != nil {
		return err
	}
	return c.showCard(w, r, http.StatusOK, cardView{Ask: in.fields, Opened: o, Fold: true})
}

// fieldsFor returns the fields that a purpose has a use for: those that one
// person may open, and those whose level asks for the approval of others.
func fieldsFor(s *statement.Statement, p loot.Purpose) (free, locked []loot.Field) {
	for _, d := range s.Fields(collection) {
		if _, ok := d.Needed[p]; !ok {
			continue
		}
		if levelOf(s, d).Approvals > 0 {
			locked = append(locked, d.ID)
		} else {
			free = append(free, d.ID)
		}
	}
	return free, locked
}

func levelOf(s *statement.Statement, d statement.FieldDecl) statement.Level {
	category, _ := s.Category(d.Category)
	level, _ := s.Level(category.Level)
	return level
}

// decideHeld decides about what is held of a record, as the timeline should not
// count as opened what was never given; about all that is asked if nothing is,
// and about exactly what others approved. A record that is not there is the
// answer, instead of a refusal.
func (c *customers) decideHeld(ctx context.Context, tx *store.Tx, req gate.Request) (gate.Permit, error) {
	held, gone := c.Vault.Held(ctx, tx, req.Subject, collection)
	if gone != nil && loot.KindOf(gone) != loot.NotFound {
		return gate.Permit{}, gone
	}
	some := slices.DeleteFunc(slices.Clone(req.Fields), func(f loot.Field) bool { _, ok := held[f]; return !ok })
	if req.Approval == "" && len(some) > 0 {
		req.Fields = some
	}
	p, err := c.Gate.Decide(ctx, tx, req)
	if _, refused := errors.AsType[*gate.Refusal](err); refused && gone != nil {
		return gate.Permit{}, gone
	}
	return p, err
}

// openFor decides and opens each request in one transaction and gathers what
// came out as rows.
func (c *customers) openFor(ctx context.Context, s *statement.Statement, a ask, requests []gate.Request) (o *openedView, err error) {
	err = c.Gate.InTx(ctx, func(tx *store.Tx) error {
		o = &openedView{Purpose: string(a.Purpose)}
		checks, err := c.checks(ctx, tx, a.Subject)
		if err != nil {
			return err
		}
		for _, req := range requests {
			asked := req.Fields
			p, err := c.decideHeld(ctx, tx, req)
			if err != nil {
				return err
			}
			rec, err := c.Vault.OpenRecord(ctx, tx, p)
			if err != nil {
				return err
			}
			o.Entry = p.Entry()
			for _, id := range p.Clauses() {
				if !slices.Contains(o.Clauses, string(id)) {
					o.Clauses = append(o.Clauses, string(id))
				}
			}
			for _, d := range s.Fields(collection) {
				if slices.Contains(asked, d.ID) {
					one := c.openedRow(d, a, rec)
					if !one.Missing {
						one.Checked = checks[d.ID].Facts
					}
					_, one.Waits = rec.Waiting[d.ID]
					o.Rows = append(o.Rows, one)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if p, ok := s.Purpose(a.Purpose); ok {
		o.Purpose, o.Why = p.Title, p.Why
	}
	order := map[string]int{}
	for i, d := range s.Fields(collection) {
		order[string(d.ID)] = i
	}
	slices.SortStableFunc(o.Rows, func(x, y openedRow) int { return order[x.ID] - order[y.ID] })
	return o, nil
}

func (c *customers) openedRow(d statement.FieldDecl, a ask, rec vault.Opened) openedRow {
	base := desk.CustomerPath(a.Subject)
	out := openedRow{ID: string(d.ID), Title: d.Title, Hidden: a.hidden("field", string(d.ID), "version", rec.Stamp())}
	out.Correct = base + "/correct"
	v, held := rec.Values[d.ID]
	if !held {
		out.State, out.Missing = web.Badge{Text: "not given"}, true
		return out
	}
	out.State, out.Source = desk.StateBadge(v.State, "as given"), v.Source
	//nolint:forbidigo // shown to the member of staff for whom it was decided, masked as the level says
	text := v.Reveal()
	if !v.Masked {
		text = desk.Readable(d, text)
	}
	out.Secret = web.Secret{Shown: strings.ReplaceAll(text, "\n", ", "), Masked: v.Masked, Copyable: true}
	if v.Masked {
		out.Reveal = base + "/reveal" //nolint:forbidigo // an address, not a value
	}
	return out
}

// lock lists the fields that need other people's agreement, and how that
// stands where it was asked for.
func (c *customers) lock(ctx context.Context, s *statement.Statement, me loot.Actor, a ask, locked []loot.Field, o *openedView) error {
	for _, id := range locked {
		asked, err := c.awaited(ctx, a.request(me, []loot.Field{id}, true))
		if err != nil {
			return err
		}
		d, _ := s.Field(id)
		row := lockedRow{
			Title: d.Title, Needs: "Opens after " + people(levelOf(s, d).Approvals) + " agreed.",
			Ask: web.Action{
				Label: "Ask for it", Icon: "users", Small: true, Post: true,
				Href: desk.CustomerPath(a.Subject) + "/ask", Hidden: a.hidden("field", string(id)),
			},
		}
		if asked != nil {
			row.Needs = stands(*asked)
			row.Ask = web.Action{Label: "How it stands", Icon: "users", Small: true, Href: approvalPath(a.Subject, asked.ID)}
		}
		o.Locked = append(o.Locked, row)
	}
	return nil
}

// awaited returns the approval that was asked for a request; nil: none.
func (c *customers) awaited(ctx context.Context, r gate.Request) (asked *loot.Awaited, err error) {
	err = c.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		asked, err = c.Gate.Awaited(ctx, tx, r)
		return err
	})
	return asked, err
}

// refusalView says what did not happen, why, and where what is missing can be
// done.
func refusalView(refusal *gate.Refusal, nothing string) *web.Refusal {
	v, _ := web.RefusalOf(refusal)
	v.Message = nothing + "."
	if refusal.NoCase {
		v.Message = nothing + ": no open case has the number that was named."
	}
	return &v
}

// refused shows a refusal where it happened: the clause, what would be needed,
// and where that helps a way to ask for approval, or how it stands with the one
// that was asked for. Any other error is returned.
func (c *customers) refused(w http.ResponseWriter, r *http.Request, a ask, fields web.Fields, err error) error {
	refusal, ok := errors.AsType[*gate.Refusal](err)
	if !ok {
		return err
	}
	shown := refusalView(refusal, "Nothing was opened or changed")
	if refusal.Approvals > 0 {
		shown.Message = "Nothing was opened yet. First, " + people(refusal.Approvals) + " must agree."
	}
	v := cardView{Ask: fields, Refusal: shown}
	if refusal.Approvals > 0 && a.Approval == "" {
		req := refusal.Request()
		req.Unmask = true // as it would be asked for
		asked, err := c.awaited(r.Context(), req)
		if err != nil {
			return err
		}
		if shown.Awaited = nil; asked != nil { // said in the alert, with what can be done
			if v.Approval, err = c.approvalAlert(r, asked.ID); err != nil {
				return err
			}
			return c.showCard(w, r, http.StatusForbidden, v)
		}
		pairs := []string{}
		for _, f := range req.Fields {
			pairs = append(pairs, "field", string(f))
		}
		v.AskFor = &web.Action{
			Label: "Ask " + people(refusal.Approvals) + " to agree", Icon: "users", Primary: true, Post: true,
			Href: desk.CustomerPath(a.Subject) + "/ask", Hidden: a.hidden(pairs...),
		}
	}
	return c.showCard(w, r, http.StatusForbidden, v)
}
