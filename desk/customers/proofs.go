package customers

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// forInvoice is the purpose whose duty, the last invoice, an erasure waits for.
const forInvoice loot.Purpose = "invoice"

// proofs are those of the clauses that this desk keeps, of the covering of
// details that its pages show, and of their end, which its jobs see to.
func (c *customers) proofs() []desk.Proof {
	return slices.Concat(c.compulsoryProofs(), c.visibleProofs(), c.permissionProofs(), c.assumedProofs(), c.waysProofs(), c.levelProofs(), c.retentionProofs())
}

// decides has a request decided and rolled back, and returns the refusal; nil
// if it is permitted.
func decides(ctx context.Context, w *desk.World, r gate.Request) (*gate.Refusal, error) {
	permitted := errors.New("permitted")
	err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
		if _, err := w.Gate.Decide(ctx, tx, r); err != nil {
			return err
		}
		return permitted
	})
	if errors.Is(err, permitted) {
		return nil, nil
	}
	if refusal, ok := errors.AsType[*gate.Refusal](err); ok {
		return refusal, nil
	}
	return nil, err
}

func (c *customers) compulsoryProofs() []desk.Proof {
	const clause = "collection.compulsory"
	return []desk.Proof{
		desk.ProofUnder(clause, "the form of each service says beside every field what it is for and what cannot be done without it", func(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
			asked := 0
			for _, service := range s.Services() {
				a, err := desk.Browser{World: w}.Get(ctx, "/order/"+url.PathEscape(service.ID))
				if err != nil {
					return "", err
				}
				page := html.UnescapeString(a.Body.String())
				form := draw(s, service, nil, c.needs.Written)
				for _, q := range form.questions() {
					for _, n := range append([]need{q.First}, q.More...) {
						if !strings.Contains(page, n.Title) || !strings.Contains(page, n.Without) {
							return "", fmt.Errorf("the form of %s does not say beside %q what it is for (%s)", service.ID, q.Decl.Title, n.Purpose)
						}
					}
					asked++
				}
			}
			if asked == 0 {
				return "", errors.New("no form asks anything")
			}
			return fmt.Sprintf("%s %s, each with its purposes", loot.Plural(len(s.Services()), "form asks", "forms ask"), loot.Plural(asked, "field", "fields")), nil
		}),
		desk.ProofUnder(clause, "no service can be ordered without one of its compulsory fields", func(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
			tried := 0
			for _, service := range s.Services() {
				form := draw(s, service, nil, c.needs.Written)
				for _, q := range form.Must {
					filled := form.filled(true)
					filled.Del(q.Name)
					if plan, err := firstPlan(ctx, w, service.ID); err != nil {
						return "", err
					} else if plan != "" {
						filled.Set("plan", plan)
					}
					a, err := desk.Browser{World: w}.Post(ctx, "/order/"+url.PathEscape(service.ID), filled)
					if err != nil {
						return "", err
					}
					if a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body.String(), `id="f-`+q.Name+`-error"`) {
						return "", fmt.Errorf("%s without %q was answered with %d and not refused beside the field", service.ID, q.Decl.Title, a.Status)
					}
					tried++
				}
			}
			if tried == 0 {
				return "", errors.New("no service has a compulsory field")
			}
			return fmt.Sprintf("%s with one field missing, each refused beside that field", loot.Plural(tried, "order", "orders")), nil
		}),
		desk.ProofUnder(clause, "every service can be ordered with its compulsory fields alone", func(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
			for _, service := range s.Services() {
				form := draw(s, service, nil, c.needs.Written)
				if _, err := registerBy(ctx, w, s, service.ID, form.filled(false)); err != nil {
					return "", err
				}
			}
			return fmt.Sprintf("%s ordered, every optional field left empty", loot.Plural(len(s.Services()), "service", "services")), nil
		}),
		desk.ProofUnder(clause, "a detail that only a permission needs is never demanded", demandedOnlyForServices),
		desk.ProofUnder(clause, "the program takes in each kind of detail for the purposes it is declared for, and for no other", collectedAsDeclared),
	}
}

// collectRequest is what this desk asks before it takes in a field.
func collectRequest(s loot.Subject, f loot.Field, p loot.Purpose, demanded bool) gate.Request {
	return gate.Request{
		Action: loot.Collect, Actor: loot.Actor{Kind: loot.Desk, ID: name}, Desk: name, Purpose: p,
		Subject: s, Collection: collection, Fields: []loot.Field{f}, Demanded: demanded,
	}
}

func demandedOnlyForServices(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	tried := 0
	for _, o := range offers(s) {
		d, ok := servedBy(s, o.Purpose)
		if !ok {
			continue
		}
		subject, err := NewPerson(ctx, w)
		if err != nil {
			return "", err
		}
		if no, err := decides(ctx, w, collectRequest(subject, d.ID, o.Purpose, true)); err != nil {
			return "", err
		} else if no == nil {
			return "", fmt.Errorf("%q was demanded for %q, which rests on permission, and nothing refused it", d.Title, o.Purpose)
		}
		if no, err := decides(ctx, w, collectRequest(subject, d.ID, o.Purpose, false)); err != nil {
			return "", err
		} else if no != nil {
			return "", fmt.Errorf("%q was offered for %q, and refused under %s", d.Title, o.Purpose, no.Clause)
		}
		tried++
	}
	if tried == 0 {
		return "the statement offers no permission that a detail serves", nil
	}
	return fmt.Sprintf("refused when demanded, taken when offered, for %s", loot.Plural(tried, "permission", "permissions")), nil
}

func collectedAsDeclared(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	subject, err := NewPerson(ctx, w)
	if err != nil {
		return "", err
	}
	decl, _ := s.Collection(collection)
	var yes, no int
	for _, d := range s.Fields(collection) {
		for _, p := range s.Purposes() {
			_, needed := d.Needed[p.ID]
			may := needed && slices.Contains(decl.Purposes, p.ID)
			refusal, err := decides(ctx, w, collectRequest(subject, d.ID, p.ID, false))
			switch {
			case err != nil:
				return "", err
			case may && refusal != nil:
				return "", fmt.Errorf("%q is needed for %q, and taking it in was refused under %s", d.Title, p.Title, refusal.Clause)
			case !may && refusal == nil:
				return "", fmt.Errorf("%q was taken in for %q, which it is not declared for", d.Title, p.Title)
			case may:
				yes++
			default:
				no++
			}
		}
	}
	return fmt.Sprintf("%s of field and purpose taken, %d refused", loot.Plural(yes, "pair", "pairs"), no), nil
}

func (c *customers) visibleProofs() []desk.Proof {
	const clause = "adequacy.visible"
	return []desk.Proof{
		desk.ProofUnder(clause, "the portal shows everything that was given, with purpose, source, date and version", func(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
			service := s.Services()[0]
			form := draw(s, service, nil, c.needs.Written)
			given := form.filled(true)
			subject, err := registerBy(ctx, w, s, service.ID, given)
			if err != nil {
				return "", err
			}
			me := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(subject)}}
			a, err := me.Get(ctx, "/portal")
			if err != nil {
				return "", err
			}
			page := html.UnescapeString(a.Body.String())
			for _, q := range form.questions() {
				value, _ := check(q.Decl, given.Get(q.Name))
				for _, what := range []string{q.Decl.Title, desk.Readable(q.Decl, value), q.First.Title} {
					if !strings.Contains(page, what) {
						return "", fmt.Errorf("the portal does not show %q: its title, value and purpose should all stand there", q.Decl.Title)
					}
				}
			}
			for _, what := range []string{string(registration{}.from(service)), s.Front().Version, w.Now().UTC().Format("2 Jan 2006")} {
				if !strings.Contains(page, what) {
					return "", fmt.Errorf("the portal does not show %q", what)
				}
			}
			copied, _, err := Records{c}.Copy(ctx, me.Who)
			if err != nil {
				return "", err
			}
			for _, q := range form.questions() {
				value, _ := check(q.Decl, given.Get(q.Name))
				if !slices.ContainsFunc(copied.Fields, func(f desk.CopiedField) bool { return f.Field == q.Decl.ID && f.Value == value }) {
					return "", fmt.Errorf("the copy lacks %q", q.Decl.Title)
				}
			}
			return fmt.Sprintf("%s given, %d shown and in the copy", loot.Plural(len(form.questions()), "field", "fields"), len(form.questions())), nil
		}),
		desk.ProofUnder(clause, "nobody sees or erases another person's record", func(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
			one, err := NewPerson(ctx, w)
			if err != nil {
				return "", err
			}
			other := loot.Actor{Kind: loot.Person, ID: string(loot.NewSubject())}
			for _, action := range []loot.Action{loot.Export, loot.Erase} {
				req := own(other, action, purposeOf(s), fieldIDs(s))
				req.Subject = one
				no, err := decides(ctx, w, req)
				if err != nil {
					return "", err
				}
				if no == nil {
					return "", fmt.Errorf("%s of somebody else's record was permitted", action)
				}
			}
			me := own(loot.Actor{Kind: loot.Person, ID: string(one)}, loot.Export, purposeOf(s), fieldIDs(s))
			if no, err := decides(ctx, w, me); err != nil {
				return "", err
			} else if no != nil {
				return "", fmt.Errorf("their own record was refused to them under %s", no.Clause)
			}
			return "a stranger was refused twice, the person themself was not", nil
		}),
		desk.ProofUnder(clause, "an opening stands in the customer's timeline at once, with a proof that holds", openingIsSeen),
		desk.ProofUnder(clause, "the address to which the way in is sent opens for nobody else in its name", wayInOnly),
		desk.ProofUnder(clause, "a record is erased when no service, law or order needs it any longer, and not before", c.erasedInTime),
	}
}

// wayInOnly has everybody whom the statement knows ask for the address for the
// purpose of reaching one's own record: every other part of the program, each
// role and each partner.
func wayInOnly(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	const clause = "adequacy.visible"
	if purposeOf(s) != forAccess {
		return "the statement has no purpose of reaching one's own record, so nobody can use it", nil
	}
	subject, err := NewPerson(ctx, w)
	if err != nil {
		return "", err
	}
	type asker struct {
		who    loot.Actor
		action loot.Action
	}
	var askers []asker
	for _, d := range s.Desks() {
		if !slices.Contains(d.Purposes, forAccess) {
			askers = append(askers, asker{loot.Actor{Kind: loot.Desk, ID: d.Name}, loot.Use})
		}
	}
	for _, r := range s.Roles() {
		who, err := w.NewStaff(ctx, true, r.ID)
		if err != nil {
			return "", err
		}
		askers = append(askers, asker{who, loot.Use}, asker{who, loot.Find})
	}
	for _, r := range s.Recipients() {
		if r.Kind == string(loot.Partner) {
			askers = append(askers, asker{loot.Actor{Kind: loot.Partner, ID: r.Key}, loot.Transfer})
		}
	}
	for _, a := range askers {
		req := gate.Request{
			Action: a.action, Actor: a.who, Desk: name, Purpose: forAccess, Collection: collection, Fields: []loot.Field{addressField(s)}, Reason: "Tried for the proof.",
		}
		if a.action != loot.Find {
			req.Subject = subject
		}
		no, err := decides(ctx, w, req)
		switch {
		case err != nil:
			return "", err
		case no == nil:
			return "", fmt.Errorf("%s %q was permitted the address for %q", a.who.Kind, a.who.ID, forAccess)
		case no.Clause != clause && !slices.Contains(no.Others, clause):
			return "", fmt.Errorf("%s %q was refused the address for %q, but not by this clause", a.who.Kind, a.who.ID, forAccess)
		}
	}
	return fmt.Sprintf("%s refused", loot.Plural(len(askers), "other asked for it and was", "others asked for it and were")), nil
}

// opener returns a role with a purpose for which a customer's record is opened
// while their services run, and that purpose.
func openerOf(s *statement.Statement) (loot.Role, loot.Purpose, bool) {
	ordered := s.Services()[0].Purposes
	for _, r := range s.Roles() {
		for _, p := range r.Purposes {
			free, _ := fieldsFor(s, p)
			if slices.Contains(ordered, p) && len(free) > 0 {
				return r.ID, p, true
			}
		}
	}
	return "", "", false
}

func openingIsSeen(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	role, purpose, ok := openerOf(s)
	if !ok {
		return "no role opens customers' records, so there is nothing to see", nil
	}
	subject, err := NewPerson(ctx, w)
	if err != nil {
		return "", err
	}
	staff, err := w.NewStaff(ctx, true, role)
	if err != nil {
		return "", err
	}
	a, err := desk.Browser{World: w, Who: staff}.Post(ctx, desk.CustomerPath(subject)+"/open", url.Values{"purpose": {string(purpose)}, "reason": {"to see whether it is seen"}})
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusOK {
		return "", fmt.Errorf("opening a record for %q as %q was answered with %d", purpose, role, a.Status)
	}
	if a, err = (desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(subject)}}).Get(ctx, "/portal/timeline"); err != nil {
		return "", err
	}
	d, _ := s.Role(role)
	if page := html.UnescapeString(a.Body.String()); !strings.Contains(page, d.Title) || !strings.Contains(page, "Opened") {
		return "", fmt.Errorf("the opening by %q does not stand in the customer's timeline", d.Title)
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	var receipt []byte
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		items, err := w.Ledger.Timeline(ctx, tx, subject, collection, "", 50)
		if err != nil {
			return err
		}
		for _, it := range items {
			if it.Facts.Action == loot.Use && it.Facts.ActorKind == loot.Staff {
				receipt, err = w.Ledger.Receipt(ctx, tx, subject, collection, it.ID)
				return err
			}
		}
		return errors.New("there is no entry of the opening")
	}); err != nil {
		return "", err
	}
	res, err := ledger.VerifyReceipt(receipt, w.Ledger.VerifierKey(), nil)
	if err != nil {
		return "", err
	}
	if res.Verdict != ledger.Holds {
		return "", fmt.Errorf("the proof of the opening %s", res.Verdict)
	}
	return "seen by the customer as “" + d.Title + "”, and the proof holds", nil
}

// erasedInTime goes through the life of a record: held while a service runs, then what the
// last invoice has no use for is gone, and the rest once its time is over and no order
// preserves it.
func (c *customers) erasedInTime(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	subject, err := NewPerson(ctx, w)
	if err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	me := loot.Actor{Kind: loot.Person, ID: string(subject)}
	expect := func(refused bool, when string, fields []loot.Field) error {
		no, err := decides(ctx, w, own(me, loot.Erase, purposeOf(s), fields))
		if err == nil && (no != nil) != refused {
			err = fmt.Errorf("%s, erasing was refused: %v; it should be: %v", when, no != nil, refused)
		}
		return err
	}
	all := fieldIDs(s)
	if err := expect(true, "while a service runs", all); err != nil {
		return "", err
	}
	before, _, err := c.holding(ctx, w, subject)
	if err != nil {
		return "", err
	}
	if _, _, err := c.endAll(ctx, me); err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	after, duties, err := c.holding(ctx, w, subject)
	if err != nil {
		return "", err
	}
	if slices.Contains(duties, forInvoice) {
		for f := range before {
			d, _ := s.Field(f)
			_, held := after[f]
			if _, kept := d.Needed[forInvoice]; kept != held && f != addressField(s) {
				return "", fmt.Errorf("after everything ended, %s is held: %v; it should be: %v", d.Title, held, kept)
			}
		}
		if err := expect(true, "while the last invoice asks for the record", all); err != nil {
			return "", err
		}
		d, _ := s.Purpose(forInvoice)
		w.Clock.Advance(d.Keep.After(w.Now().UTC()).Sub(w.Now()) + time.Hour)
	}
	hold := func(until time.Time) error {
		return w.DB.InTx(ctx, func(tx *store.Tx) error { return w.Gate.Hold(ctx, tx, subject, until) })
	}
	if err := hold(w.Now().Add(time.Hour)); err != nil {
		return "", err
	}
	if err := expect(true, "while an order preserves it", all); err != nil {
		return "", err
	}
	if err := hold(time.Time{}); err != nil {
		return "", err
	}
	if err := c.eraseNow(ctx, me); err != nil {
		return "", fmt.Errorf("nothing holds the record any longer, and erasing it failed: %w", err)
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	if _, err := valueOf(ctx, w, s, subject, fieldIDs(s)[0]); loot.KindOf(err) != loot.NotFound {
		return "", errors.New("the record opens after it was erased")
	}
	return "held by a service, the last invoice and an order in turn, then erased and never opened again", nil
}

// holding returns what is held of somebody, and the duties that stand.
func (c *customers) holding(ctx context.Context, w *desk.World, subject loot.Subject) (held map[loot.Field]vault.About, duties []loot.Purpose, err error) {
	err = w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		if held, err = w.Vault.Held(ctx, tx, subject, collection); err != nil {
			return err
		}
		p, err := w.Gate.Person(ctx, tx, subject)
		duties = p.Duties
		return err
	})
	return held, duties, err
}
