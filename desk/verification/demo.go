package verification

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
)

// A scene is what a made-up customer asks, reports or corrects, some days before the end.
type scene struct {
	days    int
	which   int        // customer, by when they came
	field   loot.Field // empty: everything
	mistake string     // what they say is wrong; empty: they ask for a check
	gives   string     // what they put in its place, in which a check finds a fault; empty: nothing
	billed  bool       // they saw it on their last invoice
	answer  string     // what a colleague decides the day after; empty: it waits
	taken   bool       // a colleague takes it on an hour later
	value   string     // that is right, by the answer
	reason  string
}

var scenes = []scene{
	{days: 40, which: 3, field: "company.name", answer: "right", reason: "The name stands so in the public register, looked at today."},
	{days: 21, which: 5, mistake: "The street is right, the town is not: it was merged with its neighbour.", field: "address.city", billed: true, answer: "refused", reason: "The post still lists the former name beside your postcode, and so do we. Write again should your letters get lost."},
	{
		days: 12, which: 8, mistake: "The invoice has our old office. The register has had the new one since spring.", field: "address.street", billed: true,
		answer: "corrected", value: "7 Sample Quay, second floor", reason: "The register has the new address, looked at today. Your last invoice is written again with it.",
	},
	{
		days: 11, which: 0, mistake: "Unsere Firma ist seit dem Frühjahr umbenannt; so nimmt unser Finanzamt die Rechnung nicht an.", field: "company.name", billed: true,
		answer: "corrected", value: "Buchbinderei Beispiel & Söhne GmbH", reason: "The register has the new name, looked at today. Your last invoice is written again with it.",
	},
	{days: 9, which: 1},
	{days: 3, which: 1, field: "company.name", mistake: "The invoice lacks our legal form, and our tax office minds.", billed: true, taken: true},
	{days: 2, which: 11, field: "company.name"},
	{days: 1, which: 14, field: "address.city", gives: "40210"}, // a postcode
}

var versionIn = regexp.MustCompile(`name="version"[^>]*value="([^"]*)"`)

// demo has customers ask for checks and report a mistake, and a colleague decide
// some of the cases.
func (v *Verification) demo(ctx context.Context, w *desk.World) error {
	staff, err := w.Staff(ctx)
	if err != nil {
		return err
	}
	s, err := v.inForce()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(staff, func(a loot.Actor) bool { return checks(s, a) })
	if i < 0 {
		return nil // by this statement nobody checks records
	}
	for at := w.History.End.UTC().Truncate(24*time.Hour).AddDate(0, 0, -7).Add(15 * time.Hour); at.After(w.History.Begin); at = at.AddDate(0, 0, -7) {
		w.History.On(at, func(ctx context.Context) error { return v.playWeek(ctx, w, staff[i]) })
	}
	for _, one := range scenes {
		at := w.History.End.UTC().Truncate(24*time.Hour).AddDate(0, 0, -one.days).Add(10*time.Hour + time.Duration(one.which)*time.Minute)
		var subject loot.Subject
		w.History.On(at, func(ctx context.Context) (err error) {
			if subject, err = v.demoCustomer(ctx, one.which); err != nil || subject == "" {
				return err
			}
			return v.play(ctx, w, s, one, subject)
		})
		if one.taken {
			w.History.On(at.Add(time.Hour), func(ctx context.Context) error { return v.playTake(ctx, w, staff[i], one, subject) })
		}
		if one.answer == "" {
			continue
		}
		w.History.On(at.Add(25*time.Hour), func(ctx context.Context) error {
			return v.playAnswer(ctx, w, staff[i], one, subject)
		})
	}
	return nil
}

// demoCustomer returns one of the customers who are there, counted from the first.
func (v *Verification) demoCustomer(ctx context.Context, n int) (subject loot.Subject, err error) {
	err = v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		rows, err := v.Vault.List(ctx, tx, collection, "", 1000)
		if err != nil {
			return err
		}
		slices.Reverse(rows)
		for _, r := range rows {
			if r.Erased() {
				continue
			}
			if n == 0 {
				subject = r.Subject
				return nil
			}
			n--
		}
		return nil
	})
	return subject, err
}

func (v *Verification) play(ctx context.Context, w *desk.World, s *statement.Statement, one scene, subject loot.Subject) error {
	if _, is := s.Field(one.field); one.field != "" && !is {
		return nil // the statement knows no such detail
	}
	me, path, form := loot.Actor{Kind: loot.Person, ID: string(subject)}, "/portal/checks", url.Values{"field": {string(one.field)}}
	if one.gives != "" {
		path = "/portal/correct/" + string(one.field)
		a, err := desk.Browser{World: w, Who: me}.Get(ctx, path)
		if err != nil {
			return err
		}
		if v := versionIn.FindStringSubmatch(a.Body.String()); v != nil {
			form = url.Values{"version": {v[1]}, string(one.field): {one.gives}}
		}
	}
	if one.mistake != "" {
		path += "/wrong"
		form.Set("text", one.mistake)
		number, err := v.lastInvoice(ctx, subject, one)
		if err != nil {
			return err
		}
		form.Set("invoice", number)
	}
	a, err := desk.Browser{World: w, Who: me}.Post(ctx, path, form)
	if err != nil {
		return err
	}
	// Whose services have ended, or who never gave the detail, cannot ask.
	if a.Status != http.StatusSeeOther && a.Status != http.StatusConflict && a.Status != http.StatusUnprocessableEntity {
		return fmt.Errorf("verification: a step of the demonstration was answered with %d", a.Status)
	}
	return nil
}

// lastInvoice returns the number of the invoice on which somebody saw a mistake;
// empty: of none.
func (v *Verification) lastInvoice(ctx context.Context, subject loot.Subject, one scene) (number string, err error) {
	if !one.billed || v.invoices.Concerned == nil {
		return "", nil
	}
	err = v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		list, _, err := v.invoices.Concerned(ctx, tx, subject, one.field, time.Unix(0, 0), "")
		if len(list) > 0 {
			number = list[0].Number
		}
		return err
	})
	return number, err
}

// playWeek has a colleague decide what the checks of a week found, in turn this
// way and that.
func (v *Verification) playWeek(ctx context.Context, w *desk.World, who loot.Actor) error {
	var found []matter
	if err := v.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		found, err = v.list(ctx, tx, narrow{kind: kindCheck}, "", 200)
		return err
	}); err != nil {
		return err
	}
	for i, m := range found {
		one := scene{field: m.Field, answer: "right", reason: "It is written so on the extract from the register that you sent us."}
		if i%2 == 1 {
			one.answer, one.reason = "wrong", "It does not look like the ones that your country gives out. Please look it up and correct it."
		}
		if err := v.playAnswer(ctx, w, who, one, m.Subject); err != nil {
			return err
		}
	}
	return nil
}

// playTake has a colleague take on the case of a scene.
func (v *Verification) playTake(ctx context.Context, w *desk.World, who loot.Actor, one scene, subject loot.Subject) error {
	m, found, err := v.caseOf(ctx, one, subject)
	if err != nil || !found {
		return err
	}
	a, err := desk.Browser{World: w, Who: who}.Post(ctx, "/console/checks/"+m.ID+"/take", url.Values{"version": {strconv.FormatInt(m.Version, 10)}})
	if err == nil && a.Status != http.StatusSeeOther {
		err = fmt.Errorf("verification: a step of the demonstration was answered with %d", a.Status)
	}
	return err
}

// caseOf returns the open case of a scene, if there is one.
func (v *Verification) caseOf(ctx context.Context, one scene, subject loot.Subject) (m matter, found bool, err error) {
	st, err := v.standing(ctx, subject)
	if err != nil {
		return m, false, err
	}
	i := slices.IndexFunc(st.cases, func(m matter) bool {
		return m.Field == one.field && m.Closed.IsZero() && (one.mistake == "" || m.Kind == kindMistake)
	})
	if i < 0 {
		return m, false, nil
	}
	return st.cases[i], true, nil
}

func (v *Verification) playAnswer(ctx context.Context, w *desk.World, who loot.Actor, one scene, subject loot.Subject) error {
	m, found, err := v.caseOf(ctx, one, subject)
	if err != nil || !found {
		return err
	}
	me := desk.Browser{World: w, Who: who}
	if _, err := me.Post(ctx, "/console/checks/"+m.ID+"/open", url.Values{}); err != nil {
		return err
	}
	var again []string
	if m.Invoice != "" && one.value != "" {
		again = []string{m.Invoice}
	}
	a, err := me.Post(ctx, "/console/checks/"+m.ID, url.Values{"version": {strconv.FormatInt(m.Version, 10)}, "decision": {one.answer}, "value": {one.value}, "again": again, "reason": {one.reason}})
	if err == nil && a.Status != http.StatusSeeOther {
		err = fmt.Errorf("verification: a decision of the demonstration was answered with %d", a.Status)
	}
	return err
}
