package customers

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// What the demonstration holds.
const (
	// DemoCustomers is how many customers it has.
	DemoCustomers = 200
	// demoWaits is the number of the customer whose account somebody asks to see.
	demoWaits = 17
	// demoGerman is the number of the customer who has invoices in German, and comes first.
	demoGerman = 1
	// DemoEmail is the address of the customer whom everybody looks at first.
	DemoEmail = "aoife@example.com"
	// DemoGermanEmail is the address of the one who has invoices in German.
	DemoGermanEmail = "svenja@example.com"
)

// demoLeave are the numbers of customers who end everything and are erased.
var demoLeave = []int{23, 58, 146}

// A play is this desk's part of the demonstration's history in the making.
type play struct {
	c     *customers
	w     *desk.World
	s     *statement.Statement
	rnd   *rand.Rand
	staff map[loot.Role][]loot.Actor
	days  int
}

// demo has made-up customers register over months, through the pages that
// everybody uses, and lets staff work with their records.
func (c *customers) demo(ctx context.Context, w *desk.World) error {
	s, err := c.inForce()
	if err != nil {
		return err
	}
	p := &play{c: c, w: w, s: s, rnd: rand.New(rand.NewPCG(7, 11)), staff: map[loot.Role][]loot.Actor{}, days: w.History.Days()}
	if err := p.hire(ctx); err != nil {
		return err
	}
	p.cast()
	p.on(w.History.End, func(ctx context.Context) error {
		if err := c.sweep(ctx, sweepArgs{}); err != nil {
			return err
		}
		return w.Drain(ctx)
	})
	return nil
}

// hire finds a member of staff for each role, and makes one where there is none.
func (p *play) hire(ctx context.Context) error {
	if p.w.Staff != nil {
		all, err := p.w.Staff(ctx)
		if err != nil {
			return err
		}
		for _, a := range all {
			for _, role := range a.Roles {
				p.staff[role] = append(p.staff[role], a)
			}
		}
	}
	for _, r := range p.s.Roles() {
		if len(p.staff[r.ID]) > 0 {
			continue
		}
		a, err := p.w.NewStaff(ctx, true, r.ID)
		if err != nil {
			return err
		}
		p.staff[r.ID] = append(p.staff[r.ID], a)
	}
	return nil
}

// DemoCustomer returns the customer of the demonstration who has an address, and nobody
// if there is none.
func DemoCustomer(ctx context.Context, tx *store.Tx, kit desk.Kit, email string) (loot.Subject, error) {
	v, ok := kit.Gate.InForce()
	if !ok {
		return "", nil
	}
	field := addressField(v.Statement)
	p, err := kit.Gate.Decide(ctx, tx, gate.Request{
		Action: loot.Find, Actor: loot.Actor{Kind: loot.Desk, ID: name}, Desk: name, Purpose: forService, Collection: collection, Fields: []loot.Field{field},
	})
	if err != nil {
		return "", err
	}
	found, err := kit.Vault.Find(ctx, tx, p, field, email)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

// day returns a moment in office hours of a day of the history.
func (p *play) day(n int) time.Time {
	return p.w.History.Begin.UTC().Truncate(24*time.Hour).AddDate(0, 0, n).Add(8*time.Hour + time.Duration(p.rnd.IntN(9*3600))*time.Second)
}

func (p *play) on(at time.Time, run func(context.Context) error) {
	p.w.History.On(at, func(ctx context.Context) error {
		if err := run(ctx); err != nil {
			return fmt.Errorf("customers: %w", err)
		}
		return nil
	})
}

// cast gives every customer a day on which they come, and a life after it.
func (p *play) cast() {
	services := p.s.Services()
	for n := range DemoCustomers {
		email, day := "", p.rnd.IntN(p.days-15)
		service := services[p.weighted(len(services))]
		switch n {
		case 0:
			email, day, service = DemoEmail, 2, services[len(services)/2]
		case demoGerman:
			email, day, service = DemoGermanEmail, 0, services[len(services)/2]
		}
		f := figureOf(p.rnd, p.s, service, n, email)
		if n == demoGerman {
			f.speaksGerman(p.rnd)
		}
		if n == demoWaits || slices.Contains(demoLeave, n) {
			day /= 3
		}
		if n == demoWaits {
			f.form.Set("payment.iban", fillInIBAN(p.rnd, "0000000017"))
		}
		// Who this becomes is known once they have registered; the scenes of
		// their life look it up then.
		var subject loot.Subject
		at := p.day(day)
		if n == demoGerman {
			at = at.Truncate(24 * time.Hour) // before office hours, and so before everybody else
		}
		p.on(at, func(ctx context.Context) (err error) {
			p.w.Clock.Advance(time.Minute) // so that no two come at the same moment
			subject, err = registerBy(ctx, p.w, p.s, f.service, f.form)
			if err != nil {
				return err
			}
			if err := p.w.DB.InTx(ctx, func(tx *store.Tx) error { return p.confirm(ctx, tx, subject) }); err != nil {
				return err
			}
			return p.invoicesIn(ctx, subject, f.form.Get("contact.language"))
		})
		p.life(n, day, &subject, f.email)
		// Some who have a machine of their own take a name for it, or room for copies of it.
		besides := "domain"
		if n == 0 {
			besides = "backup"
		}
		if more, ok := p.s.Service(besides); ok && service.ID == "dedicated-server" && n%5 < 2 {
			p.on(p.w.History.Begin.AddDate(0, 0, day+1), func(ctx context.Context) error { return p.orders(ctx, subject, more) })
		}
	}
}

// confirm has somebody's address confirmed, as the link in a letter to it does.
func (p *play) confirm(ctx context.Context, tx *store.Tx, subject loot.Subject) error {
	if err := p.w.Gate.Confirm(ctx, tx, subject); err != nil {
		return err
	}
	row, err := p.w.Vault.Row(ctx, tx, subject, collection)
	if err != nil {
		return err
	}
	held, err := p.w.Vault.Held(ctx, tx, subject, collection)
	if err != nil {
		return err
	}
	f := addressField(p.s)
	return p.w.Vault.Mark(ctx, tx, subject, collection, row.Version, map[loot.Field]vault.Marking{f: {From: held[f].State, To: vault.Verified}})
}

// invoicesIn has somebody who said which language they speak choose it for their
// invoices. There are none in some languages, which is refused.
func (p *play) invoicesIn(ctx context.Context, subject loot.Subject, language string) error {
	if language == "" {
		return nil
	}
	return p.send(ctx, loot.Actor{Kind: loot.Person, ID: string(subject)}, "/portal/invoices/language", url.Values{"language": {language}})
}

// weighted picks a service: the first ones are the ones that sell.
func (p *play) weighted(n int) int { return min(p.rnd.IntN(n), p.rnd.IntN(n)) }

func (p *play) life(n, from int, subject *loot.Subject, email string) {
	left := p.days - 2 - from
	if left < 2 {
		return
	}
	openings := p.rnd.IntN(5)
	if n == 0 {
		openings = 14
	}
	for range openings {
		p.on(p.day(from+1+p.rnd.IntN(left)), p.opening(subject, email))
	}
	later := func(run func(context.Context) error) { p.on(p.day(from+1+p.rnd.IntN(left)), run) }
	switch {
	case n == 0:
		later(p.refusal(subject))
		later(p.look(subject))
		p.shared(subject, p.days*2/3)
	case n == demoWaits:
		p.waiting(subject)
	case n%9 == 0:
		later(p.refusal(subject))
	case n%7 == 0:
		later(p.choice(subject))
	case n%11 == 0:
		later(p.ownChange(subject))
	case n%13 == 0:
		later(p.further(subject))
	case n%5 == 0:
		later(p.look(subject))
	case slices.Contains(demoLeave, n):
		p.on(p.day(from+1+p.rnd.IntN(left/3)), p.leave(subject))
	}
}

// opening has a member of staff open the record for a purpose of their role.
func (p *play) opening(subject *loot.Subject, email string) func(context.Context) error {
	var roles []loot.Role
	for _, r := range p.s.Roles() {
		for _, id := range r.Purposes {
			if free, _ := fieldsFor(p.s, id); len(free) > 0 && p.basis(id) != "interest" {
				roles = append(roles, r.ID)
				break
			}
		}
	}
	if len(roles) == 0 {
		return func(context.Context) error { return nil }
	}
	role := roles[min(p.rnd.IntN(len(roles)), p.rnd.IntN(len(roles)))]
	who, reason := pick(p.rnd, p.staff[role]), "Ticket "+fmt.Sprint(1000+p.rnd.IntN(9000))
	d, _ := p.s.Role(role)
	purpose := pick(p.rnd, d.Purposes)
	reveal := p.rnd.IntN(3) == 0
	field := string(addressField(p.s))
	return func(ctx context.Context) error {
		find := url.Values{"purpose": {string(purpose)}, "field": {field}, "value": {email}}
		if err := p.send(ctx, who, "/console/customers/find", find); err != nil {
			return err
		}
		p.w.Clock.Advance(20 * time.Second)
		base := desk.CustomerPath(*subject)
		form := url.Values{"purpose": {string(purpose)}, "reason": {reason}}
		if err := p.send(ctx, who, base+"/open", form); err != nil || !reveal {
			return err
		}
		free, _ := fieldsFor(p.s, purpose)
		if len(free) == 0 {
			return nil
		}
		p.w.Clock.Advance(40 * time.Second)
		form.Set("field", string(free[len(free)/2]))
		return p.send(ctx, who, base+"/reveal", form)
	}
}

func (p *play) basis(id loot.Purpose) string {
	d, _ := p.s.Purpose(id)
	return d.Basis
}

// refusal has a member of staff ask for a purpose that nothing permits.
func (p *play) refusal(subject *loot.Subject) func(context.Context) error {
	who := p.somebody()
	return func(ctx context.Context) error {
		_, others := purposesOf(p.s, who)
		if len(others) == 0 {
			return nil
		}
		return p.send(ctx, who, desk.CustomerPath(*subject)+"/open", url.Values{"purpose": {string(others[len(others)-1].ID)}, "reason": {"A campaign was asked for"}})
	}
}

func (p *play) somebody() loot.Actor {
	role, _, ok := openerOf(p.s)
	if !ok {
		return loot.Actor{Kind: loot.Staff, ID: "nobody"}
	}
	return pick(p.rnd, p.staff[role])
}

// look has the customer look at their own record.
func (p *play) look(subject *loot.Subject) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := desk.Browser{World: p.w, Who: loot.Actor{Kind: loot.Person, ID: string(*subject)}}.Get(ctx, "/portal")
		return err
	}
}

// choice has the customer turn a switch.
func (p *play) choice(subject *loot.Subject) func(context.Context) error {
	offered := offers(p.s)
	if len(offered) == 0 {
		return p.look(subject)
	}
	o, give := offered[p.rnd.IntN(len(offered))], []string{"yes", "no"}[p.rnd.IntN(2)]
	return func(ctx context.Context) error {
		return p.send(ctx, loot.Actor{Kind: loot.Person, ID: string(*subject)}, "/portal/permissions/"+o.ID, url.Values{"give": {give}})
	}
}

// ownChange has the customer correct a detail themself.
func (p *play) ownChange(subject *loot.Subject) func(context.Context) error {
	phone := fillIn(p.rnd, lands[0].phone)
	return func(ctx context.Context) error {
		i := slices.IndexFunc(p.s.Fields(collection), func(d statement.FieldDecl) bool { return d.Type == "tel" })
		if i < 0 {
			return nil
		}
		d, me := p.s.Fields(collection)[i], loot.Actor{Kind: loot.Person, ID: string(*subject)}
		a, err := desk.Browser{World: p.w, Who: me}.Get(ctx, "/portal/correct/"+string(d.ID))
		if err != nil {
			return err
		}
		_, rest, _ := strings.Cut(a.Body.String(), `name="version" value="`)
		version, _, _ := strings.Cut(rest, `"`)
		return p.send(ctx, me, "/portal/correct/"+string(d.ID), url.Values{"version": {version}, string(d.ID): {phone}})
	}
}

// further has the customer order another service that asks nothing new.
func (p *play) further(subject *loot.Subject) func(context.Context) error {
	services := p.s.Services()
	service := services[p.rnd.IntN(len(services))]
	return func(ctx context.Context) error { return p.orders(ctx, *subject, service) }
}

// orders has a customer order another service in its first plan.
func (p *play) orders(ctx context.Context, subject loot.Subject, service statement.ServiceDecl) error {
	form := url.Values{"sent": {loot.NewID("f")}}
	for _, q := range draw(p.s, service, nil, nil).Must {
		form.Set(q.Name, madeUp(q.Decl))
	}
	plan, err := firstPlan(ctx, p.w, service.ID)
	if err != nil {
		return err
	}
	form.Set("plan", plan)
	return p.send(ctx, loot.Actor{Kind: loot.Person, ID: string(subject)}, "/portal/order/"+service.ID, form)
}

// approval has a member of staff ask others to agree to an opening.
func (p *play) approval(subject *loot.Subject) func(context.Context) error {
	return func(ctx context.Context) error {
		// The purpose that asks for hardly anything else is what the detail is for.
		var by loot.Role
		var purpose loot.Purpose
		var field loot.Field
		fewest := math.MaxInt
		for _, r := range p.s.Roles() {
			for _, one := range r.Purposes {
				if free, locked := fieldsFor(p.s, one); len(locked) > 0 && len(free) < fewest {
					by, purpose, field, fewest = r.ID, one, locked[0], len(free)
				}
			}
		}
		if field == "" {
			return nil
		}
		return p.send(ctx, p.staff[by][0], desk.CustomerPath(*subject)+"/ask", url.Values{
			"purpose": {string(purpose)}, "reason": {"A refund to the account that they gave"}, "field": {string(field)},
		})
	}
}

// leave has the customer end everything and ask to be erased.
func (p *play) leave(subject *loot.Subject) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := p.w.Drain(ctx); err != nil {
			return err
		}
		return p.send(ctx, loot.Actor{Kind: loot.Person, ID: string(*subject)}, "/portal/account/erase", url.Values{"sure": {"on"}})
	}
}

// send posts a form. A refusal is part of the history, a fault is not.
func (p *play) send(ctx context.Context, who loot.Actor, path string, form url.Values) error {
	a, err := desk.Browser{World: p.w, Who: who}.Post(ctx, path, form)
	if err != nil {
		return err
	}
	if a.Status >= http.StatusInternalServerError {
		return fmt.Errorf("%s was answered with %d", path[:strings.LastIndex(path, "/")+1], a.Status)
	}
	return nil
}
