package customers

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"loot"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/web"
)

type accountView struct {
	web.View
	Services []Service     // that end when the account is erased
	Duties   []standingRow // that keep the record for a while
	Due      time.Time     // when it would be erased
	KeyDays  int
	Waiting  *web.Alert
	Confirm  web.Fields
	Wrong    *web.Problems
	Copy     web.Action
}

// account shows what a person can do with the whole of their record.
func (c *customers) account(w http.ResponseWriter, r *http.Request) error {
	return c.showAccount(w, r, http.StatusOK, nil)
}

func confirmErasure() web.Fields {
	return web.Fields{{
		Name: "sure", Type: "checkbox", Required: true, Plain: true, Wide: true,
		Label: "End my services and erase my account.",
		Hint:  "Erasing cannot be undone by anyone. Waiting for it can be, until the day.",
	}}
}

func (c *customers) showAccount(w http.ResponseWriter, r *http.Request, status int, wrong error) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	s, err := c.inForce()
	if err != nil {
		return err
	}
	v := accountView{View: web.ViewOf(r, "Your account"), KeyDays: s.Front().KeyDays}
	v.Lead = "Take everything with you, or have it erased."
	v.Again = web.SignInAgain(r, c.Now(), "Having it erased")
	v.Copy = web.Action{Label: "Take a copy", Icon: "download", Href: "/portal/export", Post: true, Primary: true}
	v.Confirm = confirmErasure().With(nil, wrong)
	v.Wrong = web.ProblemsOf(wrong, v.Confirm)
	if err := c.DB.ReadTx(ctx, func(tx *store.Tx) error {
		subject := loot.Subject(me.ID)
		services, err := c.services(ctx, tx, subject)
		if err != nil {
			return err
		}
		for _, one := range services {
			if one.Ended.IsZero() {
				v.Services = append(v.Services, one)
			}
		}
		p, err := c.Gate.Person(ctx, tx, subject)
		if err != nil {
			return err
		}
		for _, row := range standing(s, p) {
			if row.State.Text == "by law" {
				v.Duties = append(v.Duties, row)
			}
		}
		v.Due = lastDuty(s, p, services, c.Now())
		v.Waiting, err = c.waiting(ctx, tx, subject)
		return err
	}); err != nil {
		return err
	}
	return accountPage.Render(w, r, status, v)
}

// lastDuty returns when the last legal duty lets go of the record, if every
// service ended now.
func lastDuty(s *statement.Statement, p gate.PersonView, services []Service, now time.Time) time.Time {
	var ended time.Time // when the last service ended; those that run, now
	for _, one := range services {
		if one.Ended.IsZero() {
			ended = now
		} else if one.Ended.After(ended) {
			ended = one.Ended
		}
	}
	if ended.IsZero() {
		ended = now // an order that no desk has taken up yet
	}
	due := now
	for _, d := range s.Purposes() {
		if until := d.Keep.After(ended.UTC()); slices.Contains(p.Duties, d.ID) && until.After(due) {
			due = until
		}
	}
	return due
}

// waiting says that an erasure was asked for; nil: none.
func (c *customers) waiting(ctx context.Context, tx *store.Tx, s loot.Subject) (*web.Alert, error) {
	e, ok, err := findErasure(ctx, tx, s, "")
	if err != nil || !ok {
		return nil, err
	}
	return &web.Alert{
		Tone: web.Warn, Title: "Your account will be erased on " + e.Due.Format("2 January 2006") + ".",
		Text:    "You asked for it on " + e.Asked.Format("2 January 2006") + ". Until then only what the law asks for is done with your record.",
		Actions: []web.Action{{Label: "Keep my account", Icon: "undo-2", Href: "/portal/account/keep", Post: true, Small: true}},
	}, nil
}

// askErasure ends everything that runs, takes every permission back and erases
// the record, or notes the day on which the last legal duty lets go of it.
func (c *customers) askErasure(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	if err := confirmErasure().Check(typed); err != nil {
		return c.showAccount(w, r, http.StatusUnprocessableEntity, err)
	}
	due, err := c.endAll(ctx, me)
	if err != nil {
		return err
	}
	if !due.After(c.Now()) {
		if err := c.eraseNow(ctx, me); err == nil {
			return web.Redirect(w, r, "/goodbye")
		} else if _, refused := errors.AsType[*gate.Refusal](err); !refused {
			return err
		}
	}
	web.SetFlash(w, r, web.Info, "Your services have ended. Your account is erased as soon as nothing holds it any longer.")
	return web.Redirect(w, r, "/portal/account")
}

// endAll ends what runs and what is permitted, and notes the erasure.
func (c *customers) endAll(ctx context.Context, me loot.Actor) (due time.Time, err error) {
	subject := loot.Subject(me.ID)
	s, err := c.inForce()
	if err != nil {
		return due, err
	}
	err = c.Gate.InTx(ctx, func(tx *store.Tx) error {
		now := c.Now()
		if err := c.endServices(ctx, tx, me, subject); err != nil {
			return err
		}
		p, err := c.Gate.Person(ctx, tx, subject)
		if err != nil {
			return err
		}
		for _, o := range s.Offers() {
			if !p.Permits(o) {
				continue
			}
			if err := c.Gate.Withdraw(ctx, tx, gate.Choice{Subject: subject, Collection: collection, By: me, Offer: o.ID}); err != nil {
				return err
			}
		}
		services, err := c.services(ctx, tx, subject)
		if err != nil {
			return err
		}
		due = lastDuty(s, p, services, now)
		return putErasure(ctx, tx, subject, erasure{Asked: now, Due: due})
	})
	return due, err
}

// endServices ends every service of a person that runs.
func (c *customers) endServices(ctx context.Context, tx *store.Tx, me loot.Actor, subject loot.Subject) error {
	if c.needs.EndServices != nil {
		if err := c.needs.EndServices(ctx, tx, me, subject); err != nil {
			return err
		}
	}
	// An order that no desk has taken up yet ends here.
	orders, err := openOrders(ctx, tx, subject)
	if err != nil {
		return err
	}
	for _, o := range orders {
		err := c.Gate.EndOrder(ctx, tx, gate.Ordered{Subject: subject, Collection: collection, By: me, Reference: o.ID, Service: o.Service})
		if err != nil && loot.KindOf(err) != loot.Conflict { // it has ended already
			return err
		}
	}
	return endOrders(ctx, tx, subject, c.Now())
}

// keepAccount takes the wish to be erased back.
func (c *customers) keepAccount(w http.ResponseWriter, r *http.Request) error {
	if err := c.DB.InTx(r.Context(), func(tx *store.Tx) error {
		return endErasure(r.Context(), tx, loot.Subject(web.ActorOf(r.Context()).ID))
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Taken back. Each detail stays for as long as your record says; a service that you order again keeps it.")
	return web.Redirect(w, r, "/portal/account")
}

// eraseNow erases a person's record at their own wish.
func (c *customers) eraseNow(ctx context.Context, me loot.Actor) error {
	s, err := c.inForce()
	if err != nil {
		return err
	}
	return c.Gate.InTx(ctx, func(tx *store.Tx) error { return c.eraseRecord(ctx, tx, s, me, loot.Subject(me.ID)) })
}

// eraseRecord erases a person's record, at their wish or because nothing needs
// it any longer: the vault refuses it from the commit on, and the key to it is
// destroyed by a job.
func (c *customers) eraseRecord(ctx context.Context, tx *store.Tx, s *statement.Statement, by loot.Actor, subject loot.Subject) error {
	p, err := c.Gate.Decide(ctx, tx, erasureOf(s, by, subject, fieldIDs(s)))
	if err != nil {
		return err
	}
	if err := c.Vault.Erase(ctx, tx, p); err != nil {
		return err
	}
	if c.needs.Desks != nil {
		for _, d := range c.needs.Desks() {
			if d.Erase == nil || d.Name == name {
				continue
			}
			if err := d.Erase(ctx, tx, subject); err != nil {
				return err
			}
		}
	}
	if err := c.forget(ctx, tx, subject); err != nil {
		return err
	}
	return c.Gate.Forget(ctx, tx, subject)
}

// erasureOf returns the request to erase fields of a person.
func erasureOf(s *statement.Statement, by loot.Actor, subject loot.Subject, fields []loot.Field) gate.Request {
	r := own(by, loot.Erase, purposeOf(s), fields)
	r.Subject = subject
	return r
}

type goodbyeView struct {
	web.View
	KeyDays int
}

func (c *customers) goodbye(w http.ResponseWriter, r *http.Request) error {
	s, err := c.inForce()
	if err != nil {
		return err
	}
	v := goodbyeView{View: web.ViewOf(r, "Your account is erased"), KeyDays: s.Front().KeyDays}
	v.Lead = "The key to your record is destroyed. Nobody can read it any longer, and neither can we."
	return goodbyePage.Render(w, r, http.StatusOK, v)
}

// An exported is a person's copy of everything that is held about them.
type exported struct {
	Made        time.Time           `json:"made"`
	Controller  string              `json:"controller"`
	Statement   string              `json:"statement"`
	Subject     loot.Subject        `json:"id"`
	Fields      []exportedField     `json:"fields"`
	Permissions map[string]bool     `json:"permissions"`
	Objections  []loot.Purpose      `json:"objections"`
	Services    []exportedService   `json:"services"`
	Elsewhere   map[string]any      `json:"elsewhere,omitempty"`
	Purposes    []statement.Purpose `json:"purposes"`
	LedgerKey   string              `json:"ledger_key"`         // that signs the receipts; to be compared with the statement's
	Timeline    []exportedEntry     `json:"timeline,omitempty"` // last, so that it can be written as it is read
}

type exportedField struct {
	Field     loot.Field       `json:"field"`
	Title     string           `json:"title"`
	Value     string           `json:"value"`
	Source    string           `json:"source"`
	Since     time.Time        `json:"since,omitzero"`
	Statement string           `json:"statement"`
	State     string           `json:"state"`
	Waiting   string           `json:"waits_for_confirmation,omitempty"`
	Purposes  []loot.Purpose   `json:"purposes"`
	Openers   []string         `json:"may_be_opened_by"`
	Kept      []string         `json:"kept"`
	Earlier   []exportedFormer `json:"earlier_values,omitempty"` // latest first
}

type exportedFormer struct {
	Value     string    `json:"value"`
	Source    string    `json:"source"`
	Since     time.Time `json:"since"`
	Replaced  time.Time `json:"replaced"`
	Statement string    `json:"statement"`
	State     string    `json:"state"`
	Kept      string    `json:"kept"`
}

type exportedService struct {
	Reference string    `json:"reference"`
	Service   string    `json:"service"`
	Title     string    `json:"title"`
	Plan      string    `json:"plan,omitempty"`
	Since     time.Time `json:"since"`
	Ended     time.Time `json:"ended,omitzero"`
}

type exportedEntry struct {
	ledger.CopiedEntry
	What     string `json:"what"`
	Who      string `json:"who"`
	Unproved string `json:"unproved,omitempty"` // why there is no receipt
}

// copyOf opens what is held about a person for themself, and has rest add to
// it in the same transaction.
func (c *customers) copyOf(ctx context.Context, me loot.Actor, rest func(*store.Tx, *statement.Statement, *exported) error) (copied exported, err error) {
	s, err := c.inForce()
	if err != nil {
		return copied, err
	}
	err = c.Gate.InTx(ctx, func(tx *store.Tx) error {
		front := s.Front()
		copied = exported{
			Made: c.Now().UTC(), Controller: front.Controller.Name, Statement: front.Version, Subject: loot.Subject(me.ID),
			LedgerKey: c.Ledger.VerifierKey(), Permissions: map[string]bool{}, Purposes: s.Purposes(), Elsewhere: map[string]any{}, Fields: []exportedField{},
			Services: []exportedService{}, Objections: []loot.Purpose{},
		}
		rec, err := c.openWhole(ctx, tx, s, me)
		if err != nil {
			return err
		}
		copied.Fields = c.exportFields(s, rec)
		for _, o := range offers(s) {
			copied.Permissions[o.ID] = rec.person.Permits(o)
		}
		copied.Objections = append(copied.Objections, rec.person.Objected...)
		services, err := c.services(ctx, tx, rec.Subject)
		if err != nil {
			return err
		}
		for _, one := range services {
			copied.Services = append(copied.Services, exportedService(one))
		}
		if err := c.exportElsewhere(ctx, tx, rec.Subject, copied.Elsewhere); err != nil {
			return err
		}
		return rest(tx, s, &copied)
	})
	return copied, err
}

func (c *customers) exportFields(s *statement.Statement, rec record) []exportedField {
	out := []exportedField{}
	for _, d := range s.Fields(collection) {
		v, held := rec.Values[d.ID]
		next, waits := rec.Waiting[d.ID]
		former := rec.Former[d.ID]
		if !held && !waits && len(former) == 0 {
			continue
		}
		about := describe(s, d, rec, levelOf(s, d))
		f := exportedField{
			Field: d.ID, Title: d.Title, Source: v.Source, Since: v.At.UTC(), Statement: v.Statement, State: v.State, Kept: about.Kept,
			Value: v.Reveal(), Waiting: next.Reveal(), //nolint:forbidigo // the person's own copy
		}
		for _, p := range s.Purposes() {
			if _, ok := d.Needed[p.ID]; ok {
				f.Purposes = append(f.Purposes, p.ID)
			}
		}
		for _, o := range about.Openers {
			f.Openers = append(f.Openers, o.String())
		}
		for _, one := range former {
			f.Earlier = append(f.Earlier, exportedFormer{
				Value:  one.Reveal(), //nolint:forbidigo // the person's own copy
				Source: one.Source, Since: one.At.UTC(), Replaced: one.Replaced.UTC(), Statement: one.Statement, State: one.State, Kept: keptFormer(v),
			})
		}
		out = append(out, f)
	}
	return out
}

// exportTimeline returns every entry about a person, newest first.
func (c *customers) exportTimeline(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject) ([]exportedEntry, error) {
	out := []exportedEntry{}
	before := ""
	for {
		items, err := c.Ledger.Timeline(ctx, tx, subject, collection, before, 500)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			e, err := c.exportEntry(ctx, tx, s, it)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		if len(items) < 500 {
			return out, nil
		}
		before = items[len(items)-1].ID
	}
}

func (c *customers) exportEntry(ctx context.Context, tx *store.Tx, s *statement.Statement, it ledger.Item) (exportedEntry, error) {
	e, err := c.event(ctx, tx, s, it)
	if err != nil {
		return exportedEntry{}, err
	}
	return exportedEntry{CopiedEntry: it.Copied(), What: e.Title, Who: e.Who}, nil
}

func (c *customers) exportElsewhere(ctx context.Context, tx *store.Tx, subject loot.Subject, into map[string]any) error {
	if c.needs.Desks == nil {
		return nil
	}
	for _, d := range c.needs.Desks() {
		if d.Export == nil {
			continue
		}
		part, err := d.Export(ctx, tx, subject)
		if err != nil {
			return err
		}
		if part != nil {
			into[d.Name] = part
		}
	}
	return nil
}
