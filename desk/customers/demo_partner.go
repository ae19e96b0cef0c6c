package customers

import (
	"context"
	"net/url"
	"slices"
	"time"

	"loot"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// partners has every partner of the statement sign an agreement on the second
// day: for what it cooperates in, and for what permissions are offered to it.
func (p *play) partners() {
	signer := p.approver()
	p.on(p.day(1), func(ctx context.Context) error {
		return p.w.DB.InTx(ctx, func(tx *store.Tx) error {
			for _, to := range p.s.Recipients() {
				if to.Kind != string(loot.Partner) {
					continue
				}
				now, purposes := p.w.Now(), slices.Clone(to.Cooperation)
				for _, o := range p.s.Offers() {
					if o.Recipient == to.Key {
						purposes = append(purposes, o.Purpose)
					}
				}
				if err := p.w.Gate.SetAgreement(ctx, tx, signer, gate.Agreement{
					Partner: to.Key, Signed: now, Ends: p.w.History.End.AddDate(1, 0, 0), Purposes: purposes, Categories: categories(p.s),
					Announced: now, Due: now.AddDate(0, 0, p.s.Front().NoticeDays),
				}); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// approver returns a member of staff whose role approves, or whoever there is.
func (p *play) approver() loot.Actor {
	for _, r := range p.s.Roles() {
		if r.Approves {
			return p.staff[r.ID][0]
		}
	}
	return p.somebody()
}

// partnerOffer returns the first permission that is offered to a partner.
func (p *play) partnerOffer() (statement.Offer, bool) {
	all := offers(p.s)
	i := slices.IndexFunc(all, func(o statement.Offer) bool { return o.Recipient != self })
	if i < 0 {
		return statement.Offer{}, false
	}
	return all[i], true
}

// shared has the customer permit a partner something from a day on, and the
// partner receive just that a few days later.
func (p *play) shared(subject *loot.Subject, day int) {
	o, ok := p.partnerOffer()
	if !ok {
		return
	}
	p.on(p.day(day), func(ctx context.Context) error {
		return p.send(ctx, loot.Actor{Kind: loot.Person, ID: string(*subject)}, "/portal/permissions/"+o.ID, url.Values{"give": {"yes"}})
	})
	p.on(p.day(day+4), func(ctx context.Context) error { return p.handOver(ctx, *subject, o) })
}

// handOver has a partner receive what an offer that was permitted lets it have.
func (p *play) handOver(ctx context.Context, subject loot.Subject, o statement.Offer) error {
	var fields []loot.Field
	for _, d := range p.s.Fields(collection) {
		if _, ok := d.Needed[o.Purpose]; ok {
			fields = append(fields, d.ID)
		}
	}
	return p.w.Gate.InTx(ctx, func(tx *store.Tx) error {
		permit, err := p.w.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Transfer, Actor: loot.Actor{Kind: loot.Partner, ID: o.Recipient}, By: p.c.actor(), Desk: name,
			Purpose: o.Purpose, Subject: subject, Collection: collection, Fields: fields,
		})
		if err != nil {
			return err
		}
		_, err = p.w.Vault.Open(ctx, tx, permit)
		return err
	})
}

// waiting has a member of staff ask for an opening that others still have to
// agree to when the demonstration begins to run.
func (p *play) waiting(subject *loot.Subject) {
	p.on(p.w.History.End.Add(-5*time.Hour), p.approval(subject))
}
