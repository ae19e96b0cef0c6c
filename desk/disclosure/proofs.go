package disclosure

import (
	"context"
	"errors"
	"fmt"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/ledger"
	"loot/store"
)

func (d *disclosure) proofs() []desk.Proof {
	return []desk.Proof{
		{Clause: "collection.rare", Name: "nothing is answered that was not entered, and what was stands on the ledger to be counted", Run: d.provesEntry},
		{Clause: "disclosure.authorities", Name: "two agree before anything leaves, and whom it is about is told", Run: func(ctx context.Context, w *desk.World) (string, error) {
			return d.provesAnswer(ctx, w, "police", "subscriber", false)
		}},
		{Clause: "disclosure.authorities", Name: "while secrecy is ordered, nobody is told and nothing is seen", Run: func(ctx context.Context, w *desk.World) (string, error) {
			return d.provesAnswer(ctx, w, "police", "subscriber", true)
		}},
		{Clause: "disclosure.court", Name: "whom a court asks about is told by itself", Run: func(ctx context.Context, w *desk.World) (string, error) {
			return d.provesAnswer(ctx, w, "court", "order", false)
		}},
		{Clause: "disclosure.court", Name: "whoever's details play a part in proceedings is told each time", Run: d.provesProceedings},
	}
}

// trial makes colleagues and a customer.
func (d *disclosure) trial(ctx context.Context, w *desk.World) (p player, s loot.Subject, err error) {
	p = player{disclosure: d, w: w}
	if p.owner, err = w.NewStaff(ctx, true, counsel); err != nil {
		return p, "", err
	}
	for _, role := range []loot.Role{"dpo", counsel} {
		who, err := w.NewStaff(ctx, true, role)
		if err != nil {
			return p, "", err
		}
		p.voters = append(p.voters, who)
	}
	if s, err = w.NewPerson(ctx); err != nil {
		return p, "", err
	}
	return p, s, w.Drain(ctx)
}

// seen counts the answers in a person's timeline.
func (d *disclosure) seen(ctx context.Context, s loot.Subject) (n int, err error) {
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		n = 0
		items, err := d.Ledger.Timeline(ctx, tx, s, collection, "", 1000)
		for _, i := range items {
			if i.Facts.Action == loot.Answer {
				n++
			}
		}
		return err
	})
	return n, err
}

func (d *disclosure) provesEntry(ctx context.Context, w *desk.World) (string, error) {
	p, s, err := d.trial(ctx, w)
	if err != nil {
		return "", err
	}
	id, err := p.enter(ctx, "police", "Tried police", "subscriber", answering, "Tried for the proof.")
	if err != nil {
		return "", err
	}
	r, err := p.request(ctx, id)
	if err != nil {
		return "", err
	}
	r.Assessed = passed
	err = w.Gate.InTx(ctx, func(tx *store.Tx) error {
		_, err := w.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Answer, Actor: loot.Actor{Kind: loot.Authority, ID: "police"}, By: p.owner, Desk: "proof", Purpose: purpose, Subject: s, Collection: collection,
			Fields: []loot.Field{"contact.email"}, Asked: asked(r),
		})
		return err
	})
	refusal, ok := errors.AsType[*gate.Refusal](err)
	if !ok {
		return "", fmt.Errorf("what was not entered was not refused: %w", err)
	}
	if refusal.Clause != Keeps[0] {
		return "", fmt.Errorf("what was not entered was refused by %s", refusal.Clause)
	}
	entered := 0
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		for row, err := range d.Ledger.Facts(ctx, tx, r.Opened, w.Now().AddDate(0, 0, 1)) {
			if err != nil {
				return err
			}
			if row.Facts.Verdict == ledger.Recorded && row.Facts.Note == "disclosure.entered" {
				entered++
			}
		}
		return nil
	})
	if err == nil && entered == 0 {
		err = errors.New("a request that was entered is not on the ledger")
	}
	return "refused without an entry; with one, the ledger counts it", err
}

func (d *disclosure) provesAnswer(ctx context.Context, w *desk.World, recipient, ground string, secret bool) (string, error) {
	p, s, err := d.trial(ctx, w)
	if err != nil {
		return "", err
	}
	var more []string
	if secret {
		more = []string{"gag", p.day(30), "@order", "An order, made up for the proof."}
	}
	id, err := p.enter(ctx, recipient, "Tried "+recipient, ground, answering, "Tried for the proof.", more...)
	if err != nil {
		return "", err
	}
	if p.do(ctx, p.owner, id, "answer") == nil {
		return "", errors.New("it was answered before anybody agreed")
	}
	if err := p.agree(ctx, id, s); err != nil {
		return "", err
	}
	earlier, err := d.seen(ctx, s)
	if err != nil {
		return "", err
	}
	told, err := w.Letters(ctx, s, func() error { return p.do(ctx, p.owner, id, "answer") })
	if err != nil {
		return "", err
	}
	seen, err := d.seen(ctx, s)
	switch {
	case err != nil:
		return "", err
	case secret && (seen != 0 || told != 0):
		return "", fmt.Errorf("under secrecy the timeline shows %d entries, and %d letters went", seen, told)
	case secret:
		return "sealed for the authority; no letter went and the timeline shows nothing", nil
	case seen != earlier+1 || told != 1:
		return "", fmt.Errorf("the timeline shows %d entries of the answer and %d letters went, want 1 each", seen-earlier, told)
	}
	return "refused before the others agreed, then sealed; a letter went by itself and the timeline shows it", nil
}

func (d *disclosure) provesProceedings(ctx context.Context, w *desk.World) (string, error) {
	p, s, err := d.trial(ctx, w)
	if err != nil {
		return "", err
	}
	open := func(id string) error {
		return w.Gate.InTx(ctx, func(tx *store.Tx) error {
			permit, err := w.Gate.Decide(ctx, tx, gate.Request{
				Action: loot.Use, Actor: p.owner, Desk: "proof", Purpose: searching, Subject: s, Collection: collection, Fields: []loot.Field{"contact.email"}, Case: id, Reason: "Tried for the proof.",
			})
			if err == nil {
				_, err = w.Vault.Open(ctx, tx, permit)
			}
			return err
		})
	}
	id, err := p.enter(ctx, "court", "Tried court", "civil", proceedings, "Tried for the proof.")
	if err != nil {
		return "", err
	}
	told, err := w.Letters(ctx, s, func() error { return open(id) })
	if err != nil {
		return "", fmt.Errorf("with proceedings named it was refused: %w", err)
	}
	if told != 1 {
		return "", fmt.Errorf("%d letters went, want 1", told)
	}
	return "opened with the case named, and a letter went by itself", nil
}
