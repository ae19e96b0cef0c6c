package customers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// reveal uncovers one field. A script puts it into its row; without one the
// page comes back with that field uncovered and the others as they were, which
// is a second look at them and is written down as one.
func (c *customers) reveal(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	in, err := c.readAsk(r)
	if err != nil {
		return err
	}
	field := loot.Field(in.typed.Get("field"))
	if !collects(in.s, field) {
		return loot.Errorf(loot.Invalid, "The statement declares no such field for customers.")
	}
	requests := []gate.Request{in.request(in.me, []loot.Field{field}, true)}
	alone := r.Header.Get("Hx-Request") != ""
	free, locked := fieldsFor(in.s, in.Purpose)
	if rest := without(free, field); !alone && len(rest) > 0 {
		requests = append(requests, in.request(in.me, rest, false))
	}
	o, err := c.openFor(ctx, in.s, in.ask, requests)
	if err != nil {
		return c.refused(w, r, in.ask, in.fields, err)
	}
	if alone && len(o.Rows) == 1 {
		return cardPage.RenderPart(w, r, http.StatusOK, "opened-part", cardView{View: web.ViewOf(r, ""), Opened: o})
	}
	if err := c.lock(ctx, in.s, in.me, in.ask, without(locked, field), o); err != nil {
		return err
	}
	return c.showCard(w, r, http.StatusOK, cardView{Ask: in.fields, Opened: o, Fold: true})
}

// short returns enough of an id to tell one customer from the next on a page.
func short(s loot.Subject) string {
	if len(s) > 7 {
		return string(s[:7]) + "…"
	}
	return string(s)
}

func collects(s *statement.Statement, f loot.Field) bool {
	d, ok := s.Field(f)
	return ok && slices.Contains(d.Collections, collection)
}

func without(fields []loot.Field, f loot.Field) []loot.Field {
	return slices.DeleteFunc(slices.Clone(fields), func(x loot.Field) bool { return x == f })
}

// errNotNeeded rolls a decision back that turned out to need no approval.
var errNotNeeded = loot.Errorf(loot.Conflict, "Nobody has to agree to this: open the record for the purpose, and it is there.")

// askOthers asks other people to agree to an opening that the level of the data, or
// a rule, does not leave to one person. It asks to see the fields uncovered, as
// nobody wants to be asked twice.
func (c *customers) askOthers(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	in, err := c.readAsk(r)
	if err != nil {
		return err
	}
	in.Approval = ""
	var wanted []loot.Field
	for _, f := range in.typed["field"] {
		if !collects(in.s, loot.Field(f)) {
			return loot.Errorf(loot.Invalid, "The statement declares no such field for customers.")
		}
		wanted = append(wanted, loot.Field(f))
	}
	if len(wanted) == 0 {
		return loot.Errorf(loot.Invalid, "Say which details you ask for.")
	}
	asked, err := c.askApproval(ctx, in.request(in.me, wanted, true))
	if err != nil {
		return c.refused(w, r, in.ask, in.fields, err)
	}
	web.SetFlash(w, r, web.Info, "Asked. Come back to this page when they have agreed.")
	return web.Redirect(w, r, approvalPath(in.Subject, asked.ID))
}

// approvalPath is where whoever asked for an approval sees how it stands.
func approvalPath(s loot.Subject, approval string) string {
	return desk.CustomerPath(s) + "?approval=" + url.QueryEscape(approval)
}

// stands says in a sentence how an approval stands that was asked for.
func stands(a loot.Awaited) string {
	return fmt.Sprintf("Asked on %s, %d of %d agreed.", a.Asked.UTC().Format("2 January, 15:04 UTC"), a.Agreed, a.Needed)
}

// askApproval has a request decided, and if only other people's agreement is
// missing, asks for that.
func (c *customers) askApproval(ctx context.Context, req gate.Request) (asked loot.Awaited, err error) {
	err = c.Gate.InTx(ctx, func(tx *store.Tx) error {
		if _, err := c.Vault.Row(ctx, tx, req.Subject, collection); err != nil {
			return err
		}
		if _, err := c.Gate.Decide(ctx, tx, req); err != nil {
			return err
		}
		return errNotNeeded
	})
	refusal, ok := errors.AsType[*gate.Refusal](err)
	if !ok || refusal.Approvals == 0 {
		return loot.Awaited{}, err
	}
	err = c.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		if err := c.somethingHeld(ctx, tx, req); err != nil {
			return err
		}
		asked, err = c.Gate.RequestApproval(ctx, tx, refusal.Request(), refusal.Approvals)
		return err
	})
	return asked, err
}

// somethingHeld refuses to ask other people about fields that are all empty.
func (c *customers) somethingHeld(ctx context.Context, tx *store.Tx, req gate.Request) error {
	held, err := c.Vault.Held(ctx, tx, req.Subject, collection)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(req.Fields, func(f loot.Field) bool { _, ok := held[f]; return ok }) {
		return nil
	}
	s, err := c.inForce()
	if err != nil {
		return err
	}
	return loot.Errorf(loot.Conflict, "The customer has not given this, so nobody needs to agree to anything: %s.", inSentence(slices.Compact(s.Titles(req.Fields...))))
}

// approvalAlert says how an approval stands that whoever asks has asked for.
func (c *customers) approvalAlert(r *http.Request, id string) (*web.Alert, error) {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	var a gate.Approval
	var req *gate.Request
	var reason string
	if err := c.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		a, req, _, reason, err = c.Gate.Approval(ctx, tx, id)
		return err
	}); err != nil {
		return nil, err
	}
	if req == nil || a.Requester != me.ID || string(req.Subject) != r.PathValue("id") {
		return nil, loot.Errorf(loot.NotFound, "There is no such approval of yours for this customer.")
	}
	if req.Page != "" {
		return &web.Alert{
			Tone: web.Info, Title: "You asked for this on another page.", Text: "It opens there, with what belongs to it.",
			Actions: []web.Action{{Label: "To that page", Icon: "arrow-right", Small: true, Href: req.Page}},
		}, nil
	}
	alert := &web.Alert{Tone: web.Info, Title: "You asked for approval on " + a.Made.UTC().Format("2 January, 15:04 UTC") + "."}
	switch a.State {
	case gate.Approved:
		alert.Tone, alert.Title = web.Good, "Agreed."
		alert.Text = "You can open it once, until " + a.Expires.UTC().Format("2 January, 15:04 MST") + "."
		alert.Actions = []web.Action{{
			Label: "Open now", Icon: "lock-open", Primary: true, Post: true, Href: desk.CustomerPath(req.Subject) + "/open",
			Hidden: ask{Purpose: req.Purpose, Reason: reason, Case: req.Case}.hidden("approval", id),
		}}
	case gate.Pending:
		alert.Text = fmt.Sprintf("%d of %d agreed so far. The question is open until %s.", a.Granted, a.Needed, a.Expires.UTC().Format("2 January, 15:04 UTC"))
		alert.Actions = []web.Action{{Label: "See your approvals", Icon: "users", Href: "/console/approvals", Small: true}}
	case gate.Used:
		alert.Title, alert.Text = "This approval was used.", "For another look, ask again."
	case gate.Refused:
		alert.Tone, alert.Title, alert.Text = web.Warn, "Not agreed.", "Somebody said no."
	default:
		alert.Tone, alert.Title, alert.Text = web.Warn, "This approval has expired.", "Ask again if you still need it."
	}
	return alert, nil
}

// openApproved opens what other people agreed to, exactly as it was asked.
func (c *customers) openApproved(w http.ResponseWriter, r *http.Request, in asking) error {
	ctx := r.Context()
	var a gate.Approval
	var req *gate.Request
	if err := c.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		a, req, _, _, err = c.Gate.Approval(ctx, tx, in.Approval)
		return err
	}); err != nil {
		return err
	}
	if req == nil || req.Subject != in.Subject {
		return loot.Errorf(loot.NotFound, "There is no such approval for this customer.")
	}
	if req.Page != "" && a.Requester == in.me.ID { // the one look is for there; nobody else learns where that is
		return web.Redirect(w, r, req.Page)
	}
	again := *req
	again.Actor, again.Approval = in.me, in.Approval
	in.Purpose, in.Reason, in.Case = req.Purpose, req.Reason, req.Case
	o, err := c.openFor(ctx, in.s, in.ask, []gate.Request{again})
	if err != nil {
		return c.refused(w, r, in.ask, askFields(in.s, in.me), err)
	}
	return c.showCard(w, r, http.StatusOK, cardView{Opened: o, Fold: true})
}
