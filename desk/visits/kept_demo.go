package visits

import (
	"context"
	"slices"
	"time"

	"loot"
	"loot/column"
	"loot/desk"
	"loot/store"
)

// demoKept has the staff of the demonstration keep notes, segments, alerts,
// digests and a link about the largest site.
func (d *Visits) demoKept(ctx context.Context, w *desk.World) error {
	staff, err := w.Staff(ctx)
	if err != nil || len(staff) == 0 {
		return err
	}
	keeper := staff[max(0, slices.IndexFunc(staff, func(a loot.Actor) bool { return a.Has(keepers[0]) }))]
	other := staff[max(0, slices.IndexFunc(staff, func(a loot.Actor) bool { return !keeps(a) }))]
	s, err := d.sites.called(ctx, demoSites[0].Script)
	if err != nil {
		return err
	}
	now := d.Now()
	today, _ := s.local(now)
	campaign := []Filter{{Dimension: "campaign", Op: Is, Values: []string{demoCampaign}}}
	rise := alert{ID: loot.NewID("a"), Site: s.Number, Kind: spike, Measure: "visitors", Percent: 60, Least: 200, Recipients: []string{keeper.ID, other.ID}, Writer: keeper.ID, Made: now.AddDate(0, 0, -demoDays)}
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		for _, n := range []struct {
			ago  int
			text string
			by   loot.Actor
		}{
			{demoEarlier + 4, "The page of prices has been written anew", other},
			{demoEarlier, "First letter of the autumn offer, to a tenth of the list", keeper},
			{demoLetter, "Letter of the autumn offer, to everybody", keeper},
			{1, "Release 4.2: the order has one page less", other},
		} {
			if err := addAnnotation(ctx, tx, annotation{ID: loot.NewID("n"), Site: s.Number, Day: today - column.Day(n.ago), Text: n.text, Writer: n.by.ID, Made: now.AddDate(0, 0, -n.ago)}); err != nil {
				return err
			}
		}
		for _, g := range []segment{
			{Name: "Autumn offer", Filters: campaign, Writer: keeper.ID},
			{Name: "On a phone, from Ireland", Filters: []Filter{{Dimension: "device", Op: Is, Values: []string{"phone"}}, {Dimension: "country", Op: Is, Values: []string{"IE"}}}, Writer: other.ID},
			{Name: "Asked an assistant", Filters: []Filter{{Dimension: "channel", Op: Is, Values: []string{"AI"}}}, Writer: keeper.ID, Holder: keeper.ID},
		} {
			g.ID, g.Site, g.Made = loot.NewID("g"), s.Number, now
			if err := addSegment(ctx, tx, g); err != nil {
				return err
			}
		}
		for _, a := range []alert{
			rise,
			{ID: loot.NewID("a"), Site: s.Number, Kind: silence, Measure: "views", Hours: 3, Least: 60, Recipients: []string{keeper.ID}, Writer: keeper.ID, Made: now},
		} {
			if err := addAlert(ctx, tx, a); err != nil {
				return err
			}
		}
		for _, one := range []subscription{{Every: daily, Who: keeper.ID, Made: now.AddDate(0, 0, -5)}, {Every: weekly, Who: other.ID, Filters: campaign, Made: now}} {
			one.ID, one.Site = loot.NewID("d"), s.Number
			if err := subscribe(ctx, tx, one); err != nil {
				return err
			}
		}
		for _, l := range []sharedLink{
			{Name: "The agency", Filters: campaign, Ends: now.AddDate(0, 0, usualLife)},
			{Name: "Screen in the hall", Origins: []string{"https://intranet.network.example"}, Ends: now.AddDate(1, 0, 0)},
		} {
			l.ID, l.Site, l.Writer, l.Made = loot.NewID("l"), s.Number, keeper.ID, now
			if _, err := addLink(ctx, tx, d.Gate, l, keeper); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if err := d.demoFire(ctx, s, rise, s.end(today-demoLetter).Add(-3*time.Hour)); err != nil {
		return err
	}
	return d.Look(ctx) // the digest of this morning goes
}

// demoFire has an alert look at a time that is past.
func (d *Visits) demoFire(ctx context.Context, s *Site, a alert, at time.Time) error {
	reports, crowd, err := d.ownReports()
	if err != nil {
		return err
	}
	if err := reports.Renew(ctx, s.Number); err != nil {
		return err
	}
	f, err := newWatch(reports, crowd, s, at).look(ctx, a)
	if err != nil || f == nil {
		return err
	}
	return d.fire(ctx, a, *f)
}
