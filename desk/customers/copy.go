package customers

import (
	"context"
	"errors"
	"time"

	"loot"
	"loot/desk"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// Records is what the desk of people's rights asks of this one.
type Records struct{ c *customers }

// Copy opens everything that is held about a person for themself, notes in their
// timeline that they took it along, and names the newest entry that belongs to it.
func (r Records) Copy(ctx context.Context, me loot.Actor) (copied desk.Copy, newest string, err error) {
	copied, err = r.c.copyOf(ctx, me, func(tx *store.Tx, _ *statement.Statement, copied *desk.Copy) error {
		if err := r.c.Gate.NoteAbout(ctx, tx, copied.Subject, collection, me, "copy.taken", "adequacy.visible"); err != nil {
			return err
		}
		it, err := r.c.newest(ctx, tx, copied.Subject)
		newest = it.ID
		return err
	})
	return copied, newest, err
}

// Leave ends everything that somebody has and erases their record: at once, or on the
// day that is returned at the earliest.
func (r Records) Leave(ctx context.Context, me loot.Actor) (due time.Time, gone bool, err error) {
	due, _, gone, err = r.c.leave(ctx, me)
	return due, gone, err
}

// Gone returns the details of somebody who waits to be erased that they are not shown any
// longer.
func (r Records) Gone(ctx context.Context, tx *store.Tx, s loot.Subject) ([]loot.Field, error) {
	return r.c.gone(ctx, tx, s)
}

// copyPage is how many entries of a timeline are read at a time.
const copyPage = 100

// Entries returns the next entries about a person in a collection, with or without
// their receipts, newest first, and the entry to go on after; empty: those were the last.
func (r Records) Entries(ctx context.Context, s loot.Subject, in loot.Collection, before string, receipts bool) (page []desk.CopiedEntry, last string, err error) {
	c := r.c
	now, err := c.inForce()
	if err != nil {
		return nil, "", err
	}
	err = c.DB.ReadTx(ctx, func(tx *store.Tx) error {
		page, last = nil, ""
		items, err := c.Ledger.Timeline(ctx, tx, s, in, before, copyPage)
		if loot.KindOf(err) == loot.NotFound && before == "" {
			return nil // they never gave anything there
		}
		if err != nil {
			return err
		}
		for _, it := range items {
			e, err := c.exportEntry(ctx, tx, now, it)
			if err != nil {
				return err
			}
			if !receipts {
				page = append(page, e)
				continue
			}
			receipt, err := c.Ledger.Receipt(ctx, tx, s, in, it.ID)
			switch {
			case err == nil:
				e.Receipt = string(receipt)
			case errors.Is(err, ledger.ErrNotYet):
				e.Unproved = "The proof of this entry is still being made. Take another copy in a moment."
			case ctx.Err() != nil:
				return err
			default:
				// One bad record must not keep the rest from the person it is about.
				c.Log.ErrorContext(ctx, "an entry of a copy has no receipt", "entry", it.ID, "err", err)
				e.Unproved = "The ledger's record of this entry is damaged. Please tell us."
			}
			page = append(page, e)
		}
		if len(items) == copyPage {
			last = items[len(items)-1].ID
		}
		return nil
	})
	return page, last, err
}

// copyOf opens what is held about a person for themself, and has rest add to
// it in the same transaction.
func (c *customers) copyOf(ctx context.Context, me loot.Actor, rest func(*store.Tx, *statement.Statement, *desk.Copy) error) (copied desk.Copy, err error) {
	s, err := c.inForce()
	if err != nil {
		return copied, err
	}
	err = c.Gate.InTx(ctx, func(tx *store.Tx) error {
		front := s.Front()
		copied = desk.Copy{
			Version: desk.CopyVersion, Made: c.Now().UTC(), Controller: front.Controller.Name, Statement: front.Version, Subject: loot.Subject(me.ID),
			LedgerKey: c.Ledger.VerifierKey(), Permissions: map[string]bool{}, Purposes: s.Purposes(), Elsewhere: map[string]any{}, Fields: []desk.CopiedField{},
			Services: []desk.CopiedService{}, Objections: []loot.Purpose{},
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
			copied.Services = append(copied.Services, desk.CopiedService(one))
		}
		if err := c.exportElsewhere(ctx, tx, rec.Subject, copied.Elsewhere); err != nil {
			return err
		}
		return rest(tx, s, &copied)
	})
	return copied, err
}

func (c *customers) exportFields(s *statement.Statement, rec record) []desk.CopiedField {
	out := []desk.CopiedField{}
	for _, d := range s.Fields(collection) {
		v, held := rec.Values[d.ID]
		next, waits := rec.Waiting[d.ID]
		former := rec.Former[d.ID]
		if !held && !waits && len(former) == 0 {
			continue
		}
		about := describe(s, d, rec, levelOf(s, d))
		f := desk.CopiedField{
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
			f.Earlier = append(f.Earlier, desk.CopiedFormer{
				Value:  one.Reveal(), //nolint:forbidigo // the person's own copy
				Source: one.Source, Since: one.At.UTC(), Replaced: one.Replaced.UTC(), Statement: one.Statement, State: one.State, Kept: keptFormer(v),
			})
		}
		out = append(out, f)
	}
	return out
}

// exportTimeline returns every entry about a person, newest first.
func (c *customers) exportTimeline(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject) ([]desk.CopiedEntry, error) {
	out := []desk.CopiedEntry{}
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

func (c *customers) exportEntry(ctx context.Context, tx *store.Tx, s *statement.Statement, it ledger.Item) (desk.CopiedEntry, error) {
	e, err := c.event(ctx, tx, s, it)
	if err != nil {
		return desk.CopiedEntry{}, err
	}
	return desk.CopiedEntry{CopiedEntry: it.Copied(), Collection: it.Facts.Collection, What: e.Title, Who: e.Who}, nil
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
