package customers

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"loot"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web"
)

type permissionsView struct {
	web.View
	Offers   []offerRow
	At       string // how they are at first
	Standing []standingRow
}

// An offerRow is a permission with its switch.
type offerRow struct {
	Title     string
	Text      string
	Purpose   string
	Why       string
	Recipient string
	Country   string
	Fields    string // the details that it lets be used
	Clause    loot.Clause
	Given     bool
	Because   string // why it is on without having been given
	Switch    web.Action
}

// A standingRow is a purpose that stands because of a service or a law.
type standingRow struct {
	Purpose loot.Purpose
	Title   string
	Why     string
	Rests   string
	Until   string
	State   web.Badge
	ByLaw   bool // a duty alone keeps the record for it
}

// permissions shows what may be done with a person's record, and why.
func (c *customers) permissions(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	s, err := c.inForce()
	if err != nil {
		return err
	}
	var p gate.PersonView
	if err := c.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		p, err = c.Gate.Person(ctx, tx, loot.Subject(me.ID))
		return err
	}); err != nil {
		return err
	}
	v := permissionsView{View: web.ViewOf(r, "Your permissions")}
	v.Lead = "Each switch is one purpose for one recipient. Turn it off, and the very next use is refused."
	v.At = "Off until you turn them on."
	country := ""
	if len(p.Assumed) > 0 {
		if country, err = c.livesIn(ctx, s, me); err != nil {
			return err
		}
	}
	for _, o := range offers(s) {
		row := offerRowOf(s, o, p.Permits(o))
		if len(o.Assumed) > 0 {
			v.At = "Off until you turn them on, unless it says otherwise."
		}
		if len(o.Assumed) > 0 && !row.Given {
			row.Because = "In " + o.AssumedWhere("and") + " this is on until somebody switches it off. You do not live there, or you refused it."
		}
		if p.Assumes(o) {
			row.Because = "On because you live in " + country + ", until you switch it off."
			row.Switch.Label = "Switch it off"
		}
		v.Offers = append(v.Offers, row)
	}
	v.Standing = standing(s, p)
	return permissionsPage.Render(w, r, http.StatusOK, v)
}

func offerRowOf(s *statement.Statement, o statement.Offer, given bool) offerRow {
	row := offerRow{Title: o.Title, Text: o.Text, Clause: o.Clause, Given: given, Recipient: "Us"}
	if p, ok := s.Purpose(o.Purpose); ok {
		row.Purpose, row.Why = p.Title, p.Why
	}
	if to, ok := s.Recipient(o.Recipient); ok && o.Recipient != self {
		row.Recipient, row.Country = to.Title, statement.CountryName(to.Country)
	}
	var names []string
	for _, d := range s.Fields(collection) {
		if _, ok := d.Needed[o.Purpose]; ok {
			names = append(names, d.Title)
		}
	}
	row.Fields = inSentence(names)
	row.Switch = web.Action{Label: "Permit", Icon: "toggle-left", Href: "/portal/permissions/" + o.ID, Post: true, Hidden: []web.Hidden{{Name: "give", Value: "yes"}}}
	if given {
		row.Switch.Label, row.Switch.Icon = "Take back", "toggle-right"
		row.Switch.Hidden[0].Value = "no"
	}
	return row
}

// standing lists the purposes that services and laws permit.
func standing(s *statement.Statement, p gate.PersonView) []standingRow {
	var rows []standingRow
	for _, d := range s.Purposes() {
		row := standingRow{Purpose: d.ID, Title: d.Title, Why: d.Why}
		switch {
		case d.ID == forAccess:
			row.Rests = "The law: " + d.Law
			row.Until = "As long as we hold anything about you"
			row.State = web.Badge{Tone: web.Good, Text: "stands"}
		case slices.Contains(p.Ordered, d.ID):
			row.Rests = "A service that you ordered"
			row.Until = "Until the service ends" + keptAfter(d)
			row.State = web.Badge{Tone: web.Good, Text: "stands"}
		case slices.Contains(p.Duties, d.ID):
			row.Rests = "The law: " + d.Law
			row.Until = "Until " + d.Keep.Words() + " after the service ended"
			row.State, row.ByLaw = web.Badge{Tone: web.Info, Text: "by law"}, true
		default:
			continue
		}
		rows = append(rows, row)
	}
	return rows
}

// keptAfter says for how long details stay for a purpose that has ended.
func keptAfter(d statement.Purpose) string {
	if d.Retain == 0 {
		return ""
	}
	return "; the details stay " + d.Keep.Words() + " after it"
}

// choose gives a permission or takes it back, with effect from the commit on.
func (c *customers) choose(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	choice := gate.Choice{Subject: loot.Subject(me.ID), Collection: collection, By: me, Offer: r.PathValue("offer")}
	give, err := yesOrNo(typed.Get("give"))
	if err != nil {
		return err
	}
	if err := c.decideChoice(ctx, choice, give); err != nil {
		return err
	}
	text := "Taken back. It counts from this moment on."
	if give {
		text = "Permitted. You can take it back at any time."
	}
	web.SetFlash(w, r, web.Good, text)
	return web.Redirect(w, r, "/portal/permissions")
}

func yesOrNo(s string) (bool, error) {
	switch s {
	case "yes":
		return true, nil
	case "no":
		return false, nil
	}
	return false, loot.Errorf(loot.Invalid, "Say yes or no.")
}

var errLeaving = loot.Errorf(loot.Conflict, "Your account waits to be erased, so nothing new is taken. Choose “Keep my account” first if you want to stay.")

// decideChoice carries a choice out. Giving what is given, and taking back what
// is not, changes nothing and is no entry.
func (c *customers) decideChoice(ctx context.Context, choice gate.Choice, give bool) error {
	s, err := c.inForce()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(offers(s), func(o statement.Offer) bool { return o.ID == choice.Offer })
	if i < 0 {
		return loot.Errorf(loot.NotFound, "The statement in force offers no such permission.")
	}
	offer := offers(s)[i]
	return c.DB.InTx(ctx, func(tx *store.Tx) error {
		p, err := c.Gate.Person(ctx, tx, choice.Subject)
		if err != nil || p.Permits(offer) == give && (!give || !p.Assumes(offer)) { // a yes to what is assumed is a choice
			return err
		}
		if !give {
			return c.Gate.Withdraw(ctx, tx, choice)
		}
		if _, waits, err := findErasure(ctx, tx, choice.Subject, ""); err != nil || waits {
			return cmp.Or(err, errLeaving)
		}
		return c.Gate.Permit(ctx, tx, choice)
	})
}
