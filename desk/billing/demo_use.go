package billing

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
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
	for days, move := range map[int]url.Values{
		35: {"to": {string(Suspended)}, "why": {string(Unpaid)}, "ticket": {"#4127"}},
		31: {"to": {string(Active)}, "why": {string(Settled)}, "ticket": {"#4127"}},
	} {
		w.History.On(w.History.End.AddDate(0, 0, -days), func(ctx context.Context) error {
			var all []Service
			if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
				all, err = listServices(ctx, tx, b.titles(), "", 500)
				return err
			}); err != nil || len(all) < 4 {
				return err
			}
			// The third that was ordered, then as later.
			one := all[len(all)-3]
			a, err := desk.Browser{World: w, Who: clerk}.Post(ctx, servicePath(one.Reference), move)
			if err == nil && a.Status != http.StatusSeeOther && one.State != Ended {
				err = fmt.Errorf("billing: a change of a service was answered with %d", a.Status)
			}
			return err
		})
	}
}

// demoWeek records a week of every service that runs. How full a disk is follows
// from the service's reference, so that the history is the same each time.
func (b *Billing) demoWeek(ctx context.Context, by loot.Actor, week int) error {
	var batch []Record
	now := b.Now()
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) error {
		batch = nil
		all, err := listServices(ctx, tx, b.titles(), "", 1000)
		if err != nil {
			return err
		}
		meters, err := readMeters(ctx, tx, "")
		for i, one := range all {
			if one.State != Active && one.State != Suspended || !one.Since.Before(now.Add(-time.Hour)) {
				continue
			}
			// Counted from the first that was ordered, whose number stays.
			n := int64(len(all) - i)
			for _, m := range meters[one.PlanID] {
				r := Record{Service: one.Reference, Meter: m.ID, Key: fmt.Sprintf("%s/%d", m.ID, week), At: now}
				if m.Kind == Level {
					r.Amount = min(8+n*37%61+int64(week)*(1+n%3), 97) * oneUnit
				} else {
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
	return err
}
