package publication

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// demoAnnounced is how many days before the demonstration begins to run its
// next version was announced.
const demoAnnounced = 9

// demo has a next version of the statement proposed, agreed to and announced,
// which is not in force yet when the demonstration begins to run.
func (p *publication) demo(ctx context.Context, w *desk.World) error {
	staff, err := w.Staff(ctx)
	if err != nil {
		return err
	}
	v, ok := p.Gate.InForce()
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet, so none can be changed.")
	}
	var approvers []loot.Actor
	for _, a := range staff {
		if p.approves(a) {
			approvers = append(approvers, a)
		}
	}
	if len(approvers) == 0 {
		return nil
	}
	announced := w.History.End.UTC().Truncate(24*time.Hour).AddDate(0, 0, -demoAnnounced).Add(10 * time.Hour)
	effective := announced.UTC().AddDate(0, 0, v.Statement.Front().NoticeDays+1).Truncate(24 * time.Hour)
	proposed := announced.AddDate(0, 0, -1)
	next, ok := demoNext(v.Statement, proposed, effective)
	if !ok {
		return nil
	}
	author, others := approvers[0], approvers[1:]
	w.History.On(proposed, func(ctx context.Context) error {
		return w.DB.InTx(ctx, func(tx *store.Tx) error {
			if err := p.keepDraft(ctx, tx, author, next); err != nil {
				return err
			}
			_, err := p.ask(ctx, tx, author, next, "Alarms at night reach nobody who is asleep; tickets are of no use after two months.")
			return err
		})
	})
	w.History.On(announced, func(ctx context.Context) error {
		if err := agree(ctx, w, others); err != nil {
			return err
		}
		return w.Drain(ctx) // everybody is written to on that day
	})
	return nil
}

func (p *publication) approves(a loot.Actor) bool {
	v, _ := p.Gate.InForce()
	for _, id := range a.Roles {
		if r, ok := v.Statement.Role(id); ok && r.Approves {
			return true
		}
	}
	return false
}

// demoNext changes a declaration, a promise and what is asked, where the
// statement says what the one that comes with Loot says, and its number. It
// reports false for a statement that it cannot change.
func demoNext(s *statement.Statement, changed, effective time.Time) (*statement.Statement, bool) {
	front := s.Front()
	since := effective.Format(time.DateOnly)
	year, number, _ := strings.Cut(front.Version, "-")
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil, false
	}
	pairs := []string{
		`version: "` + front.Version + `"`, fmt.Sprintf(`version: "%s-%d"`, year, n+1),
		"\neffective: " + front.Effective.Format(time.DateOnly), "\neffective: " + since,
		"\nchanged: " + front.Changed.Format(time.DateOnly), "\nchanged: " + changed.Format(time.DateOnly),
		// A detail that is asked from then on.
		"\n  payment.iban:\n    title: Bank account (IBAN)", `
  contact.alerts:
    title: Address for alarms
    hint: Where a message wakes somebody, day and night.
    category: contact
    collections: [customer]
    type: email
    max: 254
    identifying: true
    since: ` + since + `
    needed:
      service: Without it an alarm of your server waits until you read your mail.
  payment.iban:
    title: Bank account (IBAN)`,
		// Kept for a shorter time.
		"why: To answer your questions and mend what is broken.\n    basis: contract\n    dpv: dpv:CustomerCare\n    retain: 90d", "why: To answer your questions and mend what is broken.\n    basis: contract\n    dpv: dpv:CustomerCare\n    retain: 60d",
		// A promise more.
		"You need no reason for asking.", "You need no reason for asking, and no patience either: an answer takes ten working days at most.",
	}
	next, err := statement.Parse("next", []byte(strings.NewReplacer(pairs...).Replace(string(s.Source()))))
	return next, err == nil && next.Front().Version != front.Version
}

// agree has as many say yes as what waits for publication needs.
func agree(ctx context.Context, w *desk.World, others []loot.Actor) error {
	return w.Gate.InTx(ctx, func(tx *store.Tx) error {
		waiting, err := w.Gate.Approvals(ctx, tx, 50)
		if err != nil {
			return err
		}
		for _, a := range waiting {
			for i := range others {
				if a.Kind != Kind || a.State != gate.Pending {
					break
				}
				if a, err = w.Gate.Vote(ctx, tx, a.ID, gate.Voter{Actor: others[i], Since: w.History.Begin.AddDate(0, 0, -30)}, true); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
