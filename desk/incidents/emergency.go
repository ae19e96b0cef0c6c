package incidents

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// An emergency is declared like any report; for a day, it is the case of that name.
const (
	emergency     = statement.Emergency
	emergencyLife = 24 * time.Hour
)

// stands reports whether an incident is an emergency that still counts.
func (d *incidents) stands(i incident) bool {
	return i.What == emergency && i.Closed.IsZero() && d.Now().Before(i.Opened.Add(emergencyLife))
}

// recording names the form that leads to a record.
const recording = "record"

// A recordView is the way from an emergency to a record.
type recordView struct {
	Until  time.Time
	Search string     // where somebody is looked for, with the case
	Form   web.Fields // empty: by the statement whoever looks opens nothing more
	Wrong  *web.Problems
}

// recordForm asks whose record is opened, and for what.
func recordForm(urgent []statement.Purpose) web.Fields {
	if len(urgent) == 0 {
		return nil
	}
	purposes := make([]web.Option, len(urgent))
	for i, p := range urgent {
		purposes[i] = web.Option{Value: string(p.ID), Label: p.Title}
	}
	return web.Fields{
		{Name: "subject", Form: recording, Label: "Customer", MaxLen: desk.SubjectMax, Required: true, Hint: "Their id, or the address of the customer's page."},
		{Name: "purpose", Form: recording, Label: "Purpose", Type: "select", Required: true, Options: purposes},
	}
}

// showRecord puts the way to a record on the page of an emergency that stands.
func (d *incidents) showRecord(i incident, by loot.Actor, data *showView) {
	data.Record = nil
	v, ok := d.Gate.InForce()
	if !ok || !d.stands(i) {
		return
	}
	data.Record = &recordView{
		Until: i.Opened.Add(emergencyLife), Search: "/console/customers?" + url.Values{"case": {i.reference()}}.Encode(),
		Form: recordForm(v.Statement.InEmergency(by.Roles, customer)),
	}
}

// toRecord leads to a customer's record with the case and the purpose filled in.
// Nothing is opened yet: who may is decided there.
func (d *incidents) toRecord(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	var to string
	err = d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		i, err := find(r.Context(), tx, r.PathValue("id"), "")
		if err != nil {
			return err
		}
		v, ok := d.Gate.InForce()
		if !ok || !d.stands(i) {
			return loot.Errorf(loot.Conflict, "This is no emergency that still counts. Whoever needs a record beyond their role declares one.")
		}
		fields := recordForm(v.Statement.InEmergency(web.ActorOf(r.Context()).Roles, customer))
		if len(fields) == 0 {
			return loot.Errorf(loot.Denied, "By the statement your roles open no more in an emergency. Give a colleague the number of the case.")
		}
		if err := fields.Check(form); err != nil {
			return err
		}
		s := desk.SubjectIn(form.Get("subject"))
		to = desk.CustomerPath(s) + "?" + url.Values{"case": {i.reference()}, "purpose": {form.Get("purpose")}}.Encode()
		return d.isCustomer(r.Context(), tx, s)
	})
	if web.Wrong(err) != nil {
		return d.showOne(w, r, http.StatusUnprocessableEntity, recording, form, err)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, to)
}

// answered notes in the history of an emergency who agreed to the opening of a
// record for it and who did not. The notice says "approval who yes".
func (d *incidents) answered(ctx context.Context, notice string) error {
	approval, rest, _ := strings.Cut(notice, " ")
	who, said, _ := strings.Cut(rest, " ")
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		a, request, _, _, err := d.Gate.Approval(ctx, tx, approval)
		if loot.KindOf(err) == loot.NotFound { // it went with the person whom it was about
			return nil
		}
		if err != nil || request == nil {
			return err
		}
		i, err := find(ctx, tx, request.Case, "")
		if loot.KindOf(err) == loot.NotFound || err == nil && i.What != emergency {
			return nil
		}
		if err != nil {
			return err
		}
		asker, err := d.staff.Name(ctx, tx, a.Requester)
		if err != nil {
			return err
		}
		kind := "declined"
		if said == "yes" {
			kind = "agreed"
		}
		return d.addNote(ctx, tx, i.ID, note{
			ID: "n" + approval + who, At: d.Now(), Author: who, Kind: kind,
			Text: "Asked by " + asker + ", for “" + d.purpose(request.Purpose) + "”.",
		})
	})
}

// purpose says a purpose in the statement's words.
func (d *incidents) purpose(id loot.Purpose) string {
	if v, ok := d.Gate.InForce(); ok {
		if p, ok := v.Statement.Purpose(id); ok {
			return p.Title
		}
	}
	return string(id)
}

// noteOpening notes in the history of an emergency that a record was opened for it.
// Whose it was is not said: the history outlives the record.
func (d *incidents) noteOpening(ctx context.Context, tx *store.Tx, row ledger.FactsRow) error {
	if hidden, err := d.Ledger.HiddenUntil(ctx, tx, row.ID); err != nil || hidden.After(d.Now()) {
		return err
	}
	who, err := d.Ledger.Actor(ctx, tx, row.ID)
	if err != nil {
		return err
	}
	i, err := find(ctx, tx, who.Case, "")
	if loot.KindOf(err) == loot.NotFound { // two have its reference by now, or it was opened before entries kept their case
		return nil
	}
	if err != nil {
		return err
	}
	return d.addNote(ctx, tx, i.ID, note{
		ID: "n" + row.ID, At: row.At, Author: who.ID, Kind: "opened",
		Text: fmt.Sprintf("%s, for “%s”. Entry %s of the ledger.", loot.Plural(row.Facts.Fields, "detail", "details"), d.purpose(row.Facts.Purpose), row.ID),
	})
}
