package partners

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"filippo.io/age"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web"
)

func personForm(s *statement.Statement, a agreement) web.Fields {
	return web.Fields{
		{Name: "subject", Label: "Customer", Required: true, MaxLen: desk.SubjectMax, Hint: "Their id, or the address of the customer's page."},
		{Name: "purpose", Label: "For", Type: "select", Required: true, Options: purposeOptions(s, a.Purposes)},
	}
}

func reasonForm() web.Fields {
	return web.Fields{{Name: "reason", Label: "Reason", Required: true, MaxLen: 300, Wide: true, Hint: "Kept sealed on the ledger. The customer sees that it went, to whom and for what."}}
}

// person asks whose details go.
func (d *Partners) person(w http.ResponseWriter, r *http.Request) error {
	return d.showPerson(w, r, http.StatusOK, nil, nil, nil)
}

func (d *Partners) showPerson(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error, fill func(*personView)) error {
	s, to, err := d.partner(r.PathValue("key"))
	if err != nil {
		return err
	}
	v := personView{View: web.ViewOf(r, "Hand over one person"), Key: to.Key}
	v.Lead = "To " + to.Title + ". You see it covered before it goes; it leaves as a file that only the partner opens."
	v.Crumbs = []web.Crumb{{Label: "Partners", Href: "/console/partners"}, {Label: to.Title, Href: path(to.Key)}}
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		a, err := standing(r.Context(), tx, to.Key)
		v.Form = personForm(s, a)
		return err
	}); err != nil {
		return err
	}
	v.Form = v.Form.With(typed, wrong)
	v.Wrong = web.ProblemsOf(wrong, v.Form)
	if fill != nil {
		fill(&v)
	}
	return personPage.Render(w, r, status, v)
}

// takePerson shows what would go, or has it go.
func (d *Partners) takePerson(w http.ResponseWriter, r *http.Request) error {
	s, to, typed, err := d.typed(r)
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	var p parcel
	var a agreement
	subject := desk.SubjectIn(typed.Get("subject"))
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if a, err = standing(ctx, tx, to.Key); err != nil {
			return err
		}
		if err := personForm(s, a).Check(typed); err != nil {
			return err
		}
		if err := d.mayFor(ctx, tx, s, by, loot.Purpose(typed.Get("purpose"))); err != nil {
			return err
		}
		switch row, err := d.Vault.Row(ctx, tx, subject, collection); {
		case loot.KindOf(err) == loot.NotFound, err == nil && row.Erased():
			return web.Invalid("", map[string]string{"subject": "There is no such customer."})
		case err != nil:
			return err
		}
		p, err = d.parcel(ctx, tx, to.Key, loot.Purpose(typed.Get("purpose")), by)
		return err
	}); web.Wrong(err) != nil {
		return d.showPerson(w, r, http.StatusUnprocessableEntity, typed, err, nil)
	} else if err != nil {
		return err
	}
	if typed.Get("send") == "" {
		return d.preview(w, r, s, p, subject, typed)
	}
	if p.Reason = typed.Get("reason"); p.Reason == "" {
		return d.preview(w, r, s, p, subject, typed)
	}
	return d.sendPerson(w, r, p, subject)
}

// opens reports whether a role of somebody opens records for one of some purposes.
func opens(s *statement.Statement, by loot.Actor, purposes ...loot.Purpose) bool {
	return slices.ContainsFunc(by.Roles, func(id loot.Role) bool {
		role, ok := s.Role(id)
		return ok && slices.ContainsFunc(purposes, func(p loot.Purpose) bool { return slices.Contains(role.Purposes, p) })
	})
}

// mayFor returns an error unless somebody may hand something over for a purpose: their role
// opens records for it.
func (d *Partners) mayFor(ctx context.Context, tx *store.Tx, s *statement.Statement, by loot.Actor, p loot.Purpose) error {
	if err := d.signed(ctx, tx, by); err != nil {
		return err
	}
	if opens(s, by, p) {
		return nil
	}
	return loot.Errorf(loot.Denied, "Your role opens no records for this purpose, so you hand none over for it.")
}

// preview opens what would go, covered as its level says, and says whether it would.
func (d *Partners) preview(w http.ResponseWriter, r *http.Request, s *statement.Statement, p parcel, subject loot.Subject, typed url.Values) error {
	ctx := r.Context()
	var rows []previewRow
	why := ""
	p, err := d.wouldGo(ctx, p, subject)
	if err == nil {
		err = d.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
			rows, err = d.covered(ctx, tx, s, p, subject)
			return err
		})
	}
	if refusal := refusalOf(err); refusal != nil {
		why = refusal.Error()
	} else if errors.Is(err, errNothingHeld) {
		why = loot.Message(err)
	} else if err != nil {
		return err
	}
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		stands, err := d.Gate.Person(ctx, tx, subject)
		if err == nil && slices.Contains(stands.Objected, p.Purpose) {
			why = "The customer objects to it. " + why
		}
		return err
	}); err != nil {
		return err
	}
	return d.showPerson(w, r, http.StatusOK, typed, nil, func(v *personView) {
		v.Subject, v.Preview, v.Refused, v.Purpose = subject, rows, why, titlesOf(s, []loot.Purpose{p.Purpose})
		v.Send = []web.Hidden{{Name: "subject", Value: string(subject)}, {Name: "purpose", Value: string(p.Purpose)}, {Name: "send", Value: "yes"}}
		v.Reason = reasonForm()
		if typed.Get("send") != "" {
			err := v.Reason.Check(typed)
			v.Reason = v.Reason.With(typed, err)
			v.Wrong = web.ProblemsOf(err, v.Reason)
		}
	})
}

// errWould ends a look at whether something would go, so that nothing of it is kept.
var errWould = errors.New("partners: it would go")

// wouldGo returns what would go of somebody, or the refusal, which is written down, of what
// would not.
func (d *Partners) wouldGo(ctx context.Context, p parcel, subject loot.Subject) (held parcel, err error) {
	err = d.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
		if held, err = d.heldOf(ctx, tx, p, subject); err != nil {
			return err
		}
		if _, err := d.Gate.Decide(ctx, tx, held.request(subject)); err != nil {
			return err
		}
		return errWould
	})
	if errors.Is(err, errWould) {
		return held, nil
	}
	return p, err
}

// covered opens what would go for whoever looks, as its level says.
func (d *Partners) covered(ctx context.Context, tx *store.Tx, s *statement.Statement, p parcel, subject loot.Subject) (rows []previewRow, err error) {
	permit, err := d.Gate.Decide(ctx, tx, gate.Request{
		Action: loot.Use, Actor: p.By, Desk: name, Purpose: p.Purpose, Subject: subject, Collection: collection, Fields: p.Fields, Reason: "Looking at what goes to a partner",
	})
	if err != nil {
		return nil, err
	}
	values, err := d.Vault.Open(ctx, tx, permit)
	for _, f := range p.Fields {
		if v, ok := values[f]; ok {
			rows = append(rows, previewRow{desk.Title(s, f), v.Reveal()}) //nolint:forbidigo // covered as its level says, to whom the gate permits it
		}
	}
	return rows, err
}

// sendPerson has one person's details go, as a sealed file.
func (d *Partners) sendPerson(w http.ResponseWriter, r *http.Request, p parcel, subject loot.Subject) error {
	var to age.Recipient
	var one line
	if err := d.Gate.InTx(r.Context(), func(tx *store.Tx) (err error) {
		if to, err = d.toward(r.Context(), tx, &p, byPerson); err != nil {
			return err
		}
		one, err = d.handOver(r.Context(), tx, p, subject)
		return err
	}); err != nil {
		return err
	}
	d.send(w, r, p, to, func(_ context.Context, leave func([]line) error) (int, error) { return 1, leave([]line{one}) })
	return nil
}
