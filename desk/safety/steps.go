package safety

import (
	"cmp"
	"context"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"loot"
	"loot/desk"
	"loot/store"
	"loot/web"
)

// A deed is a step that a colleague takes in a case.
type deed struct {
	Step   string // as in the address
	Title  string
	Button string
	Icon   string
	Open   func(c matter, by loot.Actor) bool // whether it can be taken as the case stands
	Fields func(c matter) web.Fields
	Do     func(d *Safety, ctx context.Context, tx *store.Tx, c matter, by loot.Actor, typed url.Values) error
}

// undecided reports whether a case waits for a judgment, and reviewing whether it waits
// for another one.
func undecided(c matter) bool { return c.Closed.IsZero() && c.Outcome == "" }

func reviewing(c matter) bool { return c.Closed.IsZero() && !c.Appealed.IsZero() && c.Decided.IsZero() }

// deeds in the order in which the page offers them.
func deeds() []deed {
	return []deed{
		{
			Step: "take", Title: "Take it on", Button: "Take it on", Icon: "user",
			Open:   func(c matter, by loot.Actor) bool { return (undecided(c) || reviewing(c)) && c.Owner != by.ID },
			Fields: func(matter) web.Fields { return nil },
			Do: func(d *Safety, ctx context.Context, tx *store.Tx, c matter, by loot.Actor, _ url.Values) error {
				c.Owner = by.ID
				return d.keepStep(ctx, tx, c, by, "taken", "Deals with the case from now on.")
			},
		},
		{
			Step: "address", Title: "Whose address was it?", Button: "Look", Icon: "search",
			Open:   func(c matter, _ loot.Actor) bool { return undecided(c) && c.What == anAbuse && c.Subject == "" },
			Fields: addressFields, Do: (*Safety).look,
		},
		{
			Step: "notify", Title: "Ask the customer", Button: "Write to the customer", Icon: "mail",
			Open:   func(c matter, _ loot.Actor) bool { return undecided(c) && c.Subject != "" },
			Fields: notifyFields, Do: (*Safety).notify,
		},
		{
			Step: "measure", Title: "Limit or suspend", Button: "Do it", Icon: "ban",
			Open:   func(c matter, _ loot.Actor) bool { return undecided(c) && c.What == anAbuse && c.Service != "" },
			Fields: measureFields, Do: (*Safety).takeMeasure,
		},
		{
			Step: "judge", Title: "Judge", Button: "Judge", Icon: "gavel",
			Open:   func(c matter, _ loot.Actor) bool { return undecided(c) },
			Fields: judgeFields, Do: (*Safety).judge,
		},
		{
			Step: "review", Title: "Decide the appeal", Button: "Decide", Icon: "scale",
			Open:   func(c matter, by loot.Actor) bool { return reviewing(c) && c.Judge != by.ID },
			Fields: reviewFields, Do: (*Safety).review,
		},
		{
			Step: "note", Title: "Write a note", Button: "Keep the note", Icon: "notebook-pen",
			Open: func(c matter, _ loot.Actor) bool { return c.Closed.IsZero() },
			Fields: func(matter) web.Fields {
				return web.Fields{{Name: "text", Label: "Note", Type: "textarea", Required: true, MaxLen: 4000, Rows: 3, Wide: true, Hint: "For colleagues. The customer gets it with a copy of their data."}}
			},
			Do: func(d *Safety, ctx context.Context, tx *store.Tx, c matter, by loot.Actor, typed url.Values) error {
				return d.keepStep(ctx, tx, c, by, "note", typed.Get("text"))
			},
		},
	}
}

func deedOf(step string) (deed, bool) {
	for _, one := range deeds() {
		if one.Step == step {
			return one, true
		}
	}
	return deed{}, false
}

// stamped puts the version of the case before the fields of a form.
func stamped(c matter, fields web.Fields) web.Fields {
	return append(web.Fields{{Name: "version", Type: "hidden", Value: strconv.FormatInt(c.Version, 10)}}, fields...)
}

// keepStep writes a case as a step left it, with what was said.
func (d *Safety) keepStep(ctx context.Context, tx *store.Tx, c matter, by loot.Actor, kind, text string) error {
	if err := updateCase(ctx, tx, c); err != nil {
		return err
	}
	return d.notes.Add(ctx, tx, c.ID, desk.Note{At: d.Now(), Author: by.ID, Kind: kind, Text: text})
}

func addressFields(matter) web.Fields {
	return web.Fields{
		{Name: "address", Label: "Internet address", Required: true, MaxLen: 50, Hint: "That the web address had, such as 192.0.2.7 or 2001:db8::7."},
		{Name: "at", Label: "When", Type: "datetime-local", MaxLen: 40, Hint: "In UTC. Empty: when it was last seen."},
	}
}

// look finds out who had the address of a web address. The search is on the ledger by the
// name of whoever looks.
func (d *Safety) look(ctx context.Context, tx *store.Tx, c matter, by loot.Actor, typed url.Values) error {
	wrong := map[string]string{}
	a, err := netip.ParseAddr(typed.Get("address"))
	if err != nil || a.Zone() != "" {
		wrong["address"] = "This is not one address. They look like 192.0.2.7 and 2001:db8::7."
	}
	at := c.Latest
	if text := typed.Get("at"); text != "" {
		if at, err = parseAt(text); err != nil {
			wrong["at"] = notTime
		}
	}
	if err := web.Invalid("", wrong); err != nil {
		return err
	}
	h, found, err := d.needs.WhoHad(ctx, tx, by, forSafety, "case "+c.Reference(), a.Unmap(), at)
	if err != nil {
		return err
	}
	if !found {
		c.Outcome, c.Judge, c.Owner = elsewhere, by.ID, cmp.Or(c.Owner, by.ID)
		if err := d.keepStep(ctx, tx, c, by, "elsewhere", "Nobody here had the address at that time."); err != nil {
			return err
		}
		return d.Jobs.Enqueue(ctx, tx, tellArgs{Case: c.ID, Step: "outcome"})
	}
	c.Subject, c.Service, c.Mark, c.Network = h.Subject, h.Service, d.markOf(a), networkOf(a)
	return d.keepStep(ctx, tx, c, by, "address", "Found whose address it was.")
}

func notifyFields(c matter) web.Fields {
	hours := 14 * 24
	if p, ok := playbookOf(Kind(c.Kind)); ok {
		hours = int(p.Answer / hour)
	}
	return web.Fields{
		{Name: "hours", Label: "Answer within", Type: "number", Suffix: "hours", Required: true, Value: strconv.Itoa(hours), Min: "1", Max: "720", MaxLen: 3},
		{Name: "text", Label: "What happened, and what you ask for", Type: "textarea", Required: true, MaxLen: 4000, Rows: 6, Wide: true, Hint: "They read it. Say nothing of who reported it."},
	}
}

// notify asks the customer for their side, until a time.
func (d *Safety) notify(ctx context.Context, tx *store.Tx, c matter, by loot.Actor, typed url.Values) error {
	hours, err := strconv.Atoi(typed.Get("hours"))
	if err != nil || hours < 1 || hours > 720 {
		return web.Invalid("", map[string]string{"hours": "Give between 1 and 720 hours."})
	}
	now := d.Now()
	c.Notified, c.Answered, c.Escalated, c.Reminded = now, time.Time{}, time.Time{}, time.Time{}
	c.Due = now.Add(time.Duration(hours) * hour)
	if c.Acted.IsZero() {
		c.Acted = now
	}
	l, err := d.makeLink(ctx, tx, link{Matter: c.ID, Purpose: toAnswerBy, Expires: c.Due.Add(window)})
	if err != nil {
		return err
	}
	if err := d.keepStep(ctx, tx, c, by, "asked", typed.Get("text")); err != nil {
		return err
	}
	return d.Jobs.Enqueue(ctx, tx, tellArgs{Case: c.ID, Step: "asked", Of: l.ID})
}

const lifted = "lifted"

func measureFields(c matter) web.Fields {
	options := []web.Option{{Label: "What?"}}
	if c.Measure != limited {
		options = append(options, web.Option{Value: limited, Label: "Limit the service", Hint: "Say below what is limited; whoever runs the network does it."})
	}
	if c.Measure != suspended {
		options = append(options, web.Option{Value: suspended, Label: "Suspend the service", Hint: "At once. The provisioning system is told."})
	}
	if c.Measure != "" {
		options = append(options, web.Option{Value: lifted, Label: "Lift it again"})
	}
	return web.Fields{
		{Name: "measure", Label: "Measure", Type: "select", Required: true, Options: options},
		{Name: "text", Label: "What is done, and why it cannot wait", Type: "textarea", Required: true, MaxLen: 4000, Rows: 4, Wide: true, Hint: "The customer reads it."},
	}
}

// takeMeasure limits or suspends a service before it is judged, or lifts that.
func (d *Safety) takeMeasure(ctx context.Context, tx *store.Tx, c matter, by loot.Actor, typed url.Values) error {
	to := typed.Get("measure")
	if to == lifted {
		to = ""
	}
	c, err := d.setMeasure(ctx, tx, c, by, to)
	if err != nil {
		return err
	}
	if c.Acted.IsZero() {
		c.Acted = d.Now()
	}
	if err := d.keepStep(ctx, tx, c, by, "measure "+cmp.Or(to, lifted), typed.Get("text")); err != nil {
		return err
	}
	return d.Jobs.Enqueue(ctx, tx, tellArgs{Case: c.ID, Step: "measure", Of: strconv.FormatInt(c.Version, 10)})
}

// setMeasure has what is in force about a service be another measure; empty: none. A
// service that is suspended for something else stays so.
func (d *Safety) setMeasure(ctx context.Context, tx *store.Tx, c matter, by loot.Actor, to string) (matter, error) {
	if to == removed {
		to = ""
	}
	if c.Measure == to {
		return c, nil
	}
	var err error
	switch {
	case to == suspended && c.Service == "":
		return c, loot.Errorf(loot.Conflict, "It is not known whose service it is, so nothing can be suspended.")
	case to == suspended:
		_, err = d.needs.Suspend(ctx, tx, by, c.Service, c.ID)
	case c.Measure == suspended && c.Service != "":
		_, err = d.needs.Resume(ctx, tx, by, c.Service, c.ID)
	}
	c.Measure = to
	return c, err
}
