package rights

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"loot"
	"loot/desk"
	"loot/store"
)

// A scene is a right that a made-up customer uses, some days before the end.
type scene struct {
	days   int
	which  int    // customer, by when they came; below 0: nobody who is known
	path   string // in their portal; empty: it came otherwise, and a colleague enters it
	form   url.Values
	answer string // what a colleague decides some days later; empty: it waits
	reason string
}

var scenes = []scene{
	{days: 62, which: 4, path: "objection", form: url.Values{"purpose": {"support"}, "text": {"The data centre belongs to a competitor of ours."}}, answer: granted, reason: "We see that. Our own people help you from now on, and nobody else is given your details."},
	{days: 33, which: 2, path: "copy"},
	{days: 24, which: 6, path: "restriction", form: url.Values{"ground": {"claims"}, "text": {"Our lawyer needs the record as it stands now."}}, answer: "extend", reason: "Our counsel has to look at the proceedings first."},
	{days: 20, which: 7, path: "restriction", form: url.Values{"ground": {"accuracy"}}, answer: granted, reason: "It stays frozen until the address is settled."},
	{days: 13, which: 10, form: url.Values{"right": {"access"}, "way": {"letter"}, "text": {"They want to know all that we have about them, and from whom."}}},
	{days: 9, which: -1, form: url.Values{"right": {"deletion"}, "way": {"telephone"}, "text": {"Somebody who says that they were a customer until 2019."}}},
	{days: 4, which: 9, path: "objection", form: url.Values{"purpose": {"dispute"}, "text": {"The invoice was paid in March."}}},
	{days: 1, which: 12, path: "restriction", form: url.Values{"ground": {"accuracy"}, "text": {"The company was renamed."}}},
}

// demo has customers use their rights, and a colleague answer some of them.
func (d *Rights) demo(ctx context.Context, w *desk.World) error {
	staff, err := w.Staff(ctx)
	if err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	who := slices.IndexFunc(staff, func(a loot.Actor) bool { return answers(s, a) })
	for _, one := range scenes {
		at := w.History.End.UTC().Truncate(day).AddDate(0, 0, -one.days).Add(11*time.Hour + time.Duration(one.which)*time.Minute)
		var subject loot.Subject
		w.History.On(at, func(ctx context.Context) (err error) {
			if one.which >= 0 {
				if subject, err = d.demoCustomer(ctx, one.which); err != nil || subject == "" {
					return err
				}
			}
			if one.path == "" {
				return d.playEntry(ctx, w, staff[max(who, 0)], one, subject, at)
			}
			a, err := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(subject)}}.Post(ctx, "/portal/rights/"+one.path, one.form)
			// A statement may have no rule about frozen records, and no such purpose.
			if err == nil && !slices.Contains([]int{http.StatusOK, http.StatusSeeOther, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusNotFound}, a.Status) {
				err = fmt.Errorf("rights: a step of the demonstration was answered with %d", a.Status)
			}
			return err
		})
		if one.answer != "" && who >= 0 {
			w.History.On(at.Add(3*day), func(ctx context.Context) error { return d.playAnswer(ctx, w, staff[who], one, subject) })
		}
	}
	return nil
}

// playEntry has a colleague enter what came otherwise, of a customer or of nobody.
func (d *Rights) playEntry(ctx context.Context, w *desk.World, who loot.Actor, one scene, subject loot.Subject, at time.Time) error {
	form := maps.Clone(one.form)
	form.Set("day", at.Format(time.DateOnly))
	form.Set("customer", string(subject))
	a, err := desk.Browser{World: w, Who: who}.Post(ctx, "/console/requests", form)
	if err == nil && a.Status != http.StatusSeeOther {
		err = fmt.Errorf("rights: a request that the demonstration enters was answered with %d", a.Status)
	}
	return err
}

// demoCustomer returns one of the customers who are there, counted from the first.
func (d *Rights) demoCustomer(ctx context.Context, n int) (subject loot.Subject, err error) {
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		rows, err := d.Vault.List(ctx, tx, collection, "", 1000)
		slices.Reverse(rows)
		for _, r := range rows {
			if !r.Erased() && n == 0 {
				subject = r.Subject
			}
			if !r.Erased() {
				n--
			}
		}
		return err
	})
	return subject, err
}

func (d *Rights) playAnswer(ctx context.Context, w *desk.World, who loot.Actor, one scene, subject loot.Subject) error {
	var open []request
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		open, err = requests(ctx, tx, `subject = $1 AND closed = 0`, subject)
		return err
	}); err != nil || len(open) == 0 {
		return err
	}
	a, err := desk.Browser{World: w, Who: who}.Post(ctx, "/console/requests/"+open[0].ID, url.Values{
		"version": {strconv.FormatInt(open[0].Version, 10)}, "decision": {one.answer}, "reason": {one.reason},
	})
	if err == nil && a.Status != http.StatusSeeOther {
		err = fmt.Errorf("rights: an answer of the demonstration was answered with %d", a.Status)
	}
	return err
}
