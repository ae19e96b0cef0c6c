package customers

import (
	"context"
	"net/url"
	"slices"
	"time"

	"loot"
	"loot/statement"
)

// partnerOffer returns the first permission that is offered to a partner.
func (p *play) partnerOffer() (statement.Offer, bool) {
	all := offers(p.s)
	i := slices.IndexFunc(all, func(o statement.Offer) bool { return o.Recipient != self })
	if i < 0 {
		return statement.Offer{}, false
	}
	return all[i], true
}

// shared has the customer permit a partner something from a day on. That it goes there is
// told where partners are.
func (p *play) shared(subject *loot.Subject, day int) {
	o, ok := p.partnerOffer()
	if !ok {
		return
	}
	p.on(p.day(day), func(ctx context.Context) error {
		return p.send(ctx, loot.Actor{Kind: loot.Person, ID: string(*subject)}, "/portal/permissions/"+o.ID, url.Values{"give": {"yes"}})
	})
}

// waiting has a member of staff ask for an opening that others still have to
// agree to when the demonstration begins to run.
func (p *play) waiting(subject *loot.Subject) {
	p.on(p.w.History.End.Add(-5*time.Hour), p.approval(subject))
}
