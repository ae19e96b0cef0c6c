package billing

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/store"
)

// demoUse has what services used counted each Monday of the history, by a program
// of a colleague's, and one service suspended for a while.
func (b *Billing) demoUse(w *desk.World, clerk loot.Actor) {
	program := clerk
	program.Program = true
	day := w.History.Begin.UTC().Truncate(24 * time.Hour).Add(4 * time.Hour)
	for week := 0; ; week++ {
		for day.Weekday() != time.Monday {
			day = day.AddDate(0, 0, 1)
		}
		if !day.Before(w.History.End) {
			break
		}
		w.History.On(day, func(ctx context.Context) error { return b.demoWeek(ctx, program, week) })
		day = day.AddDate(0, 0, 1)
	}
	// One is suspended for some days: the third that was ordered then.
	var one Service
	change := func(to State, why Reason) func(context.Context) error {
		return func(ctx context.Context) error {
			if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
				if one.Reference != "" {
					one, err = b.findService(ctx, tx, one.Reference)
					return err
				}
				all, err := b.listServices(ctx, tx, pick{}, "", 500)
				all = slices.DeleteFunc(all, func(s Service) bool { return s.State != Active })
				if len(all) > 3 {
					one = all[len(all)-3]
				}
				return err
			}); err != nil || !slices.Contains(onward[one.State], to) {
				return err
			}
			a, err := desk.Browser{World: w, Who: clerk}.Post(ctx, servicePath(one.Reference), url.Values{"to": {string(to)}, "why": {string(why)}, "ticket": {"#4127"}})
			if err == nil && a.Status != http.StatusSeeOther {
				err = fmt.Errorf("billing: a change of a service was answered with %d", a.Status)
			}
			return err
		}
	}
	w.History.On(w.History.End.AddDate(0, 0, -35), change(Suspended, Unpaid))
	w.History.On(w.History.End.AddDate(0, 0, -31), change(Active, Settled))
}

// demoWeek records a week of every service that runs. How full a disk is follows
// from the service's number, so that the history is the same each time; who has a
// whole machine and copies of it fills the room for them within months.
func (b *Billing) demoWeek(ctx context.Context, by loot.Actor, week int) error {
	var batch []Record
	now := b.Now()
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) error {
		batch = nil
		all, err := b.listServices(ctx, tx, pick{}, "", 1000)
		if err != nil {
			return err
		}
		meters, err := readMeters(ctx, tx, "")
		copied := map[loot.Subject]bool{}
		for _, one := range all {
			copied[one.Subject] = copied[one.Subject] || one.Service == "dedicated-server"
		}
		for i, one := range all {
			if one.State != Active && one.State != Suspended || !one.Since.Before(now.Add(-time.Hour)) {
				continue
			}
			// Counted from the first that was ordered, whose number stays.
			n := int64(len(all) - i)
			for _, m := range meters[one.PlanID] {
				r := Record{Service: one.Reference, Meter: m.ID, Key: fmt.Sprintf("%s/%d", m.ID, week), At: now}
				switch {
				case m.Kind == Level && one.Service == "backup" && copied[one.Subject]:
					r.Amount = min(27+4*int64(week), 91) * oneUnit
				case m.Kind == Level:
					r.Amount = min(20+n*37%61+int64(week)*(1+n%3), 97) * oneUnit
				default:
					r.Amount = m.Included / 1000 * (60 + n*53%300)
				}
				batch = append(batch, r)
			}
		}
		return err
	}); err != nil || len(batch) == 0 {
		return err
	}
	taken, err := b.record(ctx, by, batch, true)
	if err == nil && len(taken.Refused) > 0 {
		err = fmt.Errorf("billing: use was refused: %s", taken.Refused[0].Why)
	}
	if err != nil {
		return err
	}
	if err := b.demoAddresses(ctx, by); err != nil {
		return err
	}
	return b.hints(ctx, hintArgs{}) // a day is as long as the scenes have it
}

// demoHook has an administrator tell a made-up provisioning system of services for
// the last month of the history.
func (b *Billing) demoHook(w *desk.World, by loot.Actor) {
	w.History.On(w.History.End.AddDate(0, 0, -30), func(ctx context.Context) error {
		a, err := desk.Browser{World: w, Who: by}.Post(ctx, "/console/billing/webhooks", url.Values{"url": {"https://panel.example.com/hooks"}, "events": eventTypes})
		if err == nil && a.Status != http.StatusOK {
			err = fmt.Errorf("billing: a webhook was answered with %d", a.Status)
		}
		return err
	})
}

// demoHints has every third customer and those with several services switch
// suggestions on, half way through the history, and some look at what they are told
// at its end.
func (b *Billing) demoHints(w *desk.World) {
	each := func(run func(ctx context.Context, me desk.Browser, n int, several bool) error) func(context.Context) error {
		return func(ctx context.Context) error {
			var all []Service
			if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
				all, err = b.listServices(ctx, tx, pick{}, "", 1000)
				return err
			}); err != nil {
				return err
			}
			slices.Reverse(all) // in the order in which they came, so that numbers stay
			has := map[loot.Subject]int{}
			for _, one := range all {
				has[one.Subject]++
			}
			for n, one := range all {
				if one.State == Ended {
					continue
				}
				if err := run(ctx, desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(one.Subject)}}, n, has[one.Subject] > 1); err != nil {
					return err
				}
			}
			return nil
		}
	}
	w.History.On(w.History.End.AddDate(0, 0, -w.History.Days()/2), each(func(ctx context.Context, me desk.Browser, n int, several bool) error {
		s, err := b.inForce()
		offer, ok := hintOffer(s)
		if err != nil || !ok || n%3 > 0 && !several {
			return err
		}
		_, err = me.Post(ctx, "/portal/permissions/"+url.PathEscape(offer.ID), url.Values{"give": {"yes"}})
		return err
	}))
	w.History.On(w.History.End.Add(-5*time.Hour), each(func(ctx context.Context, me desk.Browser, n int, several bool) error {
		if n%4 > 0 || several { // theirs are left to whoever looks round
			return nil
		}
		a, err := me.Get(ctx, "/portal/services")
		if err != nil || n%8 > 0 {
			return err
		}
		_, rest, found := strings.Cut(a.Body.String(), `action="/portal/suggestions/`)
		id, _, _ := strings.Cut(rest, `"`)
		if !found {
			return nil
		}
		_, err = me.Post(ctx, "/portal/suggestions/"+id, url.Values{"do": {"look"}})
		return err
	}))
}

// demoBlocks are those that are for examples (RFC 5737).
var demoBlocks = []string{"192.0.2", "198.51.100", "203.0.113"}

// demoAddresses gives each server that has none an address of IPv4 and a block of IPv6.
func (b *Billing) demoAddresses(ctx context.Context, by loot.Actor) error {
	var all []Service
	given := map[string]bool{}
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if all, err = b.listServices(ctx, tx, pick{}, "", 1000); err != nil {
			return err
		}
		had, err := readAssignments(ctx, tx, "")
		for _, a := range had {
			given[a.Service] = true
		}
		return err
	}); err != nil {
		return err
	}
	n := len(given)
	for _, one := range slices.Backward(all) {
		server := one.Service == "virtual-server" || one.Service == "dedicated-server"
		if !server || one.State == Ended || given[one.Reference] || n >= 254*len(demoBlocks) {
			continue
		}
		for _, text := range []string{fmt.Sprintf("%s.%d", demoBlocks[n/254], n%254+1), fmt.Sprintf("2001:db8:%x::/56", n+1)} {
			p, err := parsePrefix(text)
			if err != nil {
				return err
			}
			if _, err := b.assign(ctx, by, lease{Service: one.Reference, Prefix: p, From: b.Now()}); err != nil {
				return err
			}
		}
		n++
	}
	return nil
}
