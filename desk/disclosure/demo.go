package disclosure

import (
	"context"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/store"
)

// A tale is a made-up request, some days before the end of the history.
type tale struct {
	days                                       int
	which                                      int // customer, by when they came
	recipient, title, basis, kind, asks, ended string
	more                                       []string
}

// How a tale goes on.
const (
	waits     = ""
	checkedOn = "agreed"
)

var tales = []tale{
	{days: 140, which: 3, recipient: "police", title: "Example District Police, cybercrime unit", basis: "subscriber", kind: answering, asks: "Section 10: who had the service from which the letters of 3 May were sent? Name and contact only.", ended: whole},
	{days: 9, recipient: "revenue", title: "Example Revenue, audit division", basis: "tax", kind: answering, asks: "All customers in the county, with everything that is held.", ended: "broad"},
	{days: 61, recipient: "police", title: "Example District Police, cybercrime unit", basis: "subscriber", kind: answering, asks: "By telephone: who is behind a forum post? The law is not named.", ended: refused},
	{days: 30, which: 5, recipient: "police", title: "Example District Police, cybercrime unit", basis: "production", kind: preservation, asks: "Preserve the record until the order of the judge is there.", ended: preserved, more: []string{"hold"}},
	{days: 6, which: 8, recipient: "court", title: "Example Circuit Court, registry", basis: "order", kind: answering, asks: "Order of the court in case TEST-2041: contact details of the defendant.", ended: checkedOn, more: []string{"gag"}},
	{days: 2, recipient: "court", title: "Example Circuit Court, registry", basis: "civil", kind: proceedings, asks: "Proceedings about the fire in the hall, TEST-2077.", ended: waits},
	{days: 1, recipient: "regulator", title: "Example Data Protection Commission", basis: "supervision", kind: answering, asks: "A complaint: which details of the complainant were used in October?", ended: waits},
}

// demo has colleagues enter the requests and go on with them.
func (d *disclosure) demo(ctx context.Context, w *desk.World) error {
	colleagues, err := w.Staff(ctx)
	if err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	p := player{disclosure: d, w: w}
	// Legal counsel first: one of those who agree has to be it.
	slices.SortStableFunc(colleagues, func(a, b loot.Actor) int { return int(store.Flag(b.Has(counsel)) - store.Flag(a.Has(counsel))) })
	for _, who := range colleagues {
		switch {
		case who.Has(counsel) && p.owner.ID == "":
			p.owner = who
		case approving(s, who) && len(p.voters) < 2:
			p.voters = append(p.voters, who)
		}
	}
	for _, t := range tales {
		if p.owner.ID == "" || len(p.voters) < 2 || !p.voters[0].Has(counsel) || kindOf(s, t.recipient) == "" {
			continue // by this statement nobody can ask, or nobody could agree
		}
		at := w.History.End.UTC().Truncate(24*time.Hour).AddDate(0, 0, -t.days).Add(10*time.Hour + time.Duration(t.which)*time.Minute)
		var id string
		w.History.On(at, func(ctx context.Context) (err error) {
			more := slices.Clone(t.more)
			if slices.Contains(more, "gag") {
				more = []string{"gag", p.day(45), "@order", "Order of secrecy, made up."}
			} else if slices.Contains(more, "hold") {
				more = []string{"hold", p.day(60)}
			}
			id, err = p.enter(ctx, t.recipient, t.title, t.basis, t.kind, t.asks, append(more, "@document", "The request, made up.")...)
			return err
		})
		w.History.On(at.Add(26*time.Hour), func(ctx context.Context) error { return p.goOn(ctx, t, id) })
	}
	for _, content := range mailed {
		w.History.On(w.History.End.Add(-5*time.Hour), func(ctx context.Context) error {
			write, err := d.keepMail([]byte(content))
			if err != nil {
				return err
			}
			return d.DB.InTx(ctx, func(tx *store.Tx) error { return write(ctx, tx) })
		})
	}
	return nil
}

// mailed are requests that came by mail and that nobody has looked at.
var mailed = []string{
	"From: Example District Police <desk@police.example>\nSubject: Request for subscriber details, file TEST-1180\nContent-Type: text/plain\n\nUnder section 10 we ask who had the service from which the attached message was sent on 12 October, name and contact.\nThe signed request follows by post.\n",
}

// goOn takes a request of the demonstration to where it stands.
func (p player) goOn(ctx context.Context, t tale, id string) error {
	subject, err := p.customer(ctx, t.which)
	if err != nil || subject == "" {
		return err
	}
	switch t.ended {
	case whole:
		if err := p.agree(ctx, id, subject); err != nil {
			return err
		}
		if err := p.do(ctx, p.owner, id, "answer"); err != nil {
			return err
		}
		return p.do(ctx, p.owner, id, "close", "receipt", "The file by the court's mailbox, the password by telephone; receipt confirmed the same day.")
	case "broad":
		return p.check(ctx, id, map[string]string{"scope": "Nobody is named and no period; most of whom it would touch have nothing to do with an audit."})
	case refused:
		if err := p.check(ctx, id, map[string]string{"validity": "No law is named and nothing is in writing."}); err != nil {
			return err
		}
		return p.do(ctx, p.owner, id, "refuse", "outcome", refused, "reason", "No law was named, and the writing that we asked for has not come.")
	case preserved:
		return p.do(ctx, p.owner, id, "person", "by", "id", "value", string(subject))
	case checkedOn:
		return p.agree(ctx, id, subject)
	}
	return nil
}

// customer returns one of the customers who are there, counted from the first.
func (p player) customer(ctx context.Context, n int) (subject loot.Subject, err error) {
	err = p.DB.ReadTx(ctx, func(tx *store.Tx) error {
		rows, err := p.Vault.List(ctx, tx, collection, "", 1000)
		slices.Reverse(rows)
		for _, r := range rows {
			if r.Erased() {
				continue
			}
			if n == 0 {
				subject = r.Subject
			}
			n--
		}
		return err
	})
	return subject, err
}
