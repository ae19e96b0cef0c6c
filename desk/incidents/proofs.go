package incidents

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/keyring"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

func (d *incidents) proofs() []desk.Proof {
	const clause = "disclosure.responsibility"
	return []desk.Proof{
		{Clause: clause, Name: "what no clause permits is refused", Run: func(ctx context.Context, w *desk.World) (string, error) {
			subject, err := w.NewPerson(ctx)
			if err != nil {
				return "", err
			}
			err = w.Gate.InTx(ctx, func(tx *store.Tx) error {
				_, err := w.Gate.Decide(ctx, tx, gate.Request{
					Action: loot.Use, Actor: loot.Actor{Kind: loot.Desk, ID: "nobody"}, Desk: "proof", Purpose: "service",
					Subject: subject, Collection: "customer", Fields: []loot.Field{"contact.email"},
				})
				return err
			})
			refusal, ok := errors.AsType[*gate.Refusal](err)
			if !ok {
				return "", fmt.Errorf("a desk that the statement does not know was not refused: %w", err)
			}
			if refusal.Entry == "" {
				return "", errors.New("the refusal is not on the ledger")
			}
			return "refused, and on the ledger", nil
		}},
		{Clause: clause, Name: "using a permit twice gives nothing and opens an incident", Run: func(ctx context.Context, w *desk.World) (string, error) {
			subject, err := w.NewPerson(ctx)
			if err != nil {
				return "", err
			}
			before, err := openCases(ctx, w)
			if err != nil {
				return "", err
			}
			err = w.Gate.InTx(ctx, func(tx *store.Tx) error {
				permit, err := w.Gate.Decide(ctx, tx, gate.Request{
					Action: loot.Export, Actor: loot.Actor{Kind: loot.Person, ID: string(subject)}, Desk: "proof", Purpose: "service",
					Subject: subject, Collection: "customer", Fields: []loot.Field{"contact.email"},
				})
				if err != nil {
					return err
				}
				if _, err := permit.Spend(tx, loot.Export); err != nil {
					return err
				}
				_, err = permit.Spend(tx, loot.Export)
				return err
			})
			if _, ok := errors.AsType[*gate.Misuse](err); !ok {
				return "", fmt.Errorf("the second use was not refused as a misuse: %w", err)
			}
			if err := w.Drain(ctx); err != nil {
				return "", err
			}
			after, err := openCases(ctx, w)
			if err != nil {
				return "", err
			}
			if after != before+1 {
				return "", fmt.Errorf("%d incidents were opened, want 1", after-before)
			}
			return "refused; an incident was opened by itself", nil
		}},
		{Clause: clause, Name: "an opening round the rules opens an incident, and one by them does not", Run: func(ctx context.Context, w *desk.World) (string, error) {
			subject, err := w.NewPerson(ctx)
			if err != nil {
				return "", err
			}
			if err := openOwn(ctx, w, subject); err != nil {
				return "", err
			}
			before, err := compared(ctx, w)
			if err != nil {
				return "", err
			}
			if before.Opened == 0 || before.Permits == 0 {
				return "", errors.New("an opening that a rule permits was not counted")
			}
			cases, err := openCases(ctx, w)
			if err != nil {
				return "", err
			}
			key, err := w.Keyring.Person(ctx, subject, "customer")
			if err != nil {
				return "", err
			}
			if err := roundTheGate(key); err != nil {
				return "", err
			}
			after, err := compared(ctx, w)
			if err != nil {
				return "", err
			}
			more, err := openCases(ctx, w)
			if err != nil {
				return "", err
			}
			if after.Ever != before.Ever+1 || more != cases+1 {
				return "", fmt.Errorf("%d differences were found and %d incidents opened, want 1 each", after.Ever-before.Ever, more-cases)
			}
			return fmt.Sprintf("the one among %d was found when openings were compared with the ledger; an incident was opened by itself", after.Opened+1), nil
		}},
		{Clause: clause, Name: "a permit on the ledger that no clause decided opens an incident", Run: provenClauseless},
		{Clause: clause, Name: "the clock of 72 hours is reminded of until the regulator is told", Run: d.proveClock},
		{Clause: clause, Name: "an incident of high risk closes once those whom it concerns were told, and not before", Run: d.toldBeforeClosing},
	}
}

// openOwn opens what somebody is held with for themself, as the portal does.
func openOwn(ctx context.Context, w *desk.World, s loot.Subject) error {
	return w.Gate.InTx(ctx, func(tx *store.Tx) error {
		permit, err := w.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Export, Actor: loot.Actor{Kind: loot.Person, ID: string(s)}, Desk: "proof", Purpose: "service",
			Subject: s, Collection: "customer", Fields: []loot.Field{"contact.email"},
		})
		if err != nil {
			return err
		}
		_, err = w.Vault.Open(ctx, tx, permit)
		return err
	})
}

// roundTheGate opens something sealed with nothing but the key.
func roundTheGate(key *keyring.PersonKey) error {
	_, err := key.Open(key.Seal([]byte("made up"), nil), nil)
	return err
}

// compared compares openings with permits and returns how they stand.
func compared(ctx context.Context, w *desk.World) (r vault.Reconciliation, err error) {
	if err := w.Vault.Reconcile(ctx); err != nil {
		return r, err
	}
	if err := w.Drain(ctx); err != nil {
		return r, err
	}
	err = w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		r, err = w.Vault.Reconciled(ctx, tx)
		return err
	})
	return r, err
}

func openCases(ctx context.Context, w *desk.World) (n int, err error) {
	err = w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		n, err = countOpen(ctx, tx)
		return err
	})
	return n, err
}

// twoDealing makes two colleagues who deal with incidents.
func (d *incidents) twoDealing(ctx context.Context, w *desk.World) (owner, other loot.Actor, err error) {
	s, err := w.Statement()
	if err != nil {
		return owner, other, err
	}
	for _, is := range []func(statement.RoleDecl) bool{approves, administers} {
		for _, r := range s.Roles() {
			if !is(r) {
				continue
			}
			if owner, err = w.NewStaff(ctx, true, r.ID); err == nil {
				other, err = w.NewStaff(ctx, true, r.ID)
			}
			return owner, other, err
		}
	}
	return owner, other, errors.New("by this statement no role approves or administers, so nobody deals with incidents")
}

// toldBeforeClosing tries to close an incident of high risk before the customer
// whom it concerns was told, tells them, and closes it.
func (d *incidents) toldBeforeClosing(ctx context.Context, w *desk.World) (string, error) {
	subject, err := w.NewPerson(ctx)
	if err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	by, closer, err := d.twoDealing(ctx, w)
	if err != nil {
		return "", err
	}
	var i incident
	take := func(tx *store.Tx) error {
		entry, err := d.Gate.Note(ctx, tx, by, "incident.reported", "")
		if err != nil {
			return err
		}
		id, err := d.open(ctx, tx, incident{What: "reported", Entry: entry, Owner: by.ID})
		if err != nil {
			return err
		}
		if i, err = find(ctx, tx, id, ""); err != nil {
			return err
		}
		i.Told = w.Now() // the regulator
		if err := d.aboutPerson(ctx, tx, i, by, naming, url.Values{"version": {"0"}, "subject": {string(subject)}}, false); err != nil {
			return err
		}
		i.Version++
		return d.assess(ctx, tx, i, by, url.Values{
			"version": {"1"}, "likelihood": {"3"}, "severity": {"3"}, "number": {"1"}, "regulator": {"tell"}, "persons": {"tell"}, "text": {"Tried for the proof."},
		}, false)
	}
	closing := func() error {
		return w.DB.InTx(ctx, func(tx *store.Tx) error {
			if i, err = find(ctx, tx, i.ID, ""); err != nil {
				return err
			}
			return d.step(ctx, tx, i, closer, note{Kind: "closing", Text: "Tried for the proof."})
		})
	}
	if err := w.DB.InTx(ctx, take); err != nil {
		return "", err
	}
	if loot.KindOf(closing()) != loot.Conflict {
		return "", errors.New("it was closed, and the customer had not been told")
	}
	n, err := w.Letters(ctx, subject, func() error {
		return w.DB.InTx(ctx, func(tx *store.Tx) error {
			return d.aboutPerson(ctx, tx, i, by, letter, url.Values{
				"version": {strconv.FormatInt(i.Version, 10)}, "subject": {string(subject)}, "happened": {"Nothing."}, "means": {"Nothing."}, "doing": {"Nothing."},
			}, false)
		})
	})
	if err != nil || n != 1 {
		return "", cmp.Or(err, fmt.Errorf("%d letters were sent, want 1", n))
	}
	return "refused, then the customer had a letter, and it was closed", closing()
}
