package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// openedForItsPurposes tries every field for every purpose, as everybody who
// has the purpose.
func openedForItsPurposes(ctx context.Context, w *desk.World) (string, error) {
	const clause = "network.purpose"
	c, err := stage(ctx, w)
	if err != nil {
		return "", err
	}
	// Everything is switched on, so that it is the purpose that counts.
	if err := c.switchOn(ctx); err != nil {
		return "", err
	}
	users, err := c.users(ctx)
	if err != nil {
		return "", err
	}
	yes, no := 0, 0
	for _, f := range c.s.Fields(customer) {
		for _, u := range users {
			for _, p := range u.purposes {
				_, refusal, err := c.open(ctx, c.request(u.Actor, p, f.ID))
				if err != nil {
					return "", err
				}
				_, given := f.Needed[p]
				switch {
				case refusal == nil && !given:
					return "", fmt.Errorf("%s opened “%s” for “%s”, which it was not given for", u.title, f.Title, p)
				case refusal == nil:
					yes++
				case given && u.clause == clause && unpermitted(refusal):
					return "", fmt.Errorf("%s is there for “%s”, and nothing lets it open “%s” for that", u.title, p, f.Title)
				case !given && !cites(refusal, clause):
					return "", fmt.Errorf("%s was refused “%s” for “%s”, but not by this clause", u.title, f.Title, p)
				default:
					no++
				}
			}
		}
	}
	if yes == 0 {
		return "", errors.New("nothing opened for anything, so nothing was proved")
	}
	return fmt.Sprintf("%s permitted, each for what it was given for; %d refused", loot.Plural(yes, "opening", "openings"), no), nil
}

// switchOn gives every permission that is offered.
func (c scene) switchOn(ctx context.Context) error {
	return c.w.Gate.InTx(ctx, func(tx *store.Tx) error {
		for _, o := range c.s.Offers() {
			if err := c.w.Gate.Permit(ctx, tx, gate.Choice{Subject: c.subject, Collection: customer, By: c.person(), Offer: o.ID}); err != nil {
				return err
			}
		}
		return nil
	})
}

// applied makes a record of each way in that is for applying.
func applied(ctx context.Context, w *desk.World, s *statement.Statement) ([]scene, []loot.Collection, error) {
	var out []scene
	var ways []loot.Collection
	for _, decl := range s.Collections() {
		var fields []statement.FieldDecl
		for _, f := range s.Fields(decl.ID) {
			if _, ok := f.Needed[firstPurpose(decl)]; ok && f.Identifying {
				fields = append(fields, f)
			}
		}
		if decl.Way != "apply" || len(fields) == 0 {
			continue
		}
		c := scene{w, s, loot.NewSubject()}
		if err := w.Keyring.Create(ctx, c.subject, decl.ID); err != nil {
			return nil, nil, err
		}
		given := map[loot.Field]string{}
		for _, f := range fields {
			given[f.ID] = example(f, c.subject)
		}
		err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
			r := c.request(c.person(), firstPurpose(decl), fieldIDs(fields)...)
			r.Action, r.Collection = loot.Collect, decl.ID
			p, err := w.Gate.Decide(ctx, tx, r)
			if err != nil {
				return err
			}
			return w.Vault.Create(ctx, tx, p, given, "made up")
		})
		if err != nil {
			return nil, nil, fmt.Errorf("“%s” could not be given: %w", decl.Title, err)
		}
		out, ways = append(out, c), append(ways, decl.ID)
	}
	return out, ways, nil
}

func firstPurpose(d statement.CollectionDecl) loot.Purpose {
	if len(d.Purposes) == 0 {
		return ""
	}
	return d.Purposes[0]
}

func fieldIDs(fields []statement.FieldDecl) []loot.Field {
	out := make([]loot.Field, len(fields))
	for i, f := range fields {
		out[i] = f.ID
	}
	return out
}

// example is an answer to a field that nobody could take for somebody's.
func example(f statement.FieldDecl, s loot.Subject) string {
	switch f.Type {
	case "email":
		return string(s) + "@applicant.example"
	case "tel":
		return "+3535550100"
	case "country":
		return "IE"
	case "vat":
		return "IE1234567T"
	case "iban":
		return "IE29AIBK93115212345678"
	case "language":
		return "en"
	}
	value := []rune("Example " + string(s))
	if f.Max > 0 && len(value) > f.Max {
		value = value[:f.Max]
	}
	return strings.TrimSpace(string(value))
}

func applicationStaysShut(ctx context.Context, w *desk.World) (string, error) {
	const clause = "network.reuse"
	s, err := w.Statement()
	if err != nil {
		return "", err
	}
	made, ways, err := applied(ctx, w, s)
	if err != nil {
		return "", err
	}
	refused := 0
	for i, c := range made {
		decl, _ := c.s.Collection(ways[i])
		fields := fieldsOf(c.s, ways[i])
		own := c.own(fields...)
		own.Collection = ways[i]
		if err := c.expect(ctx, true, "for the applicant", own); err != nil {
			return "", err
		}
		users, err := c.users(ctx)
		if err != nil {
			return "", err
		}
		for _, u := range users {
			for _, p := range c.s.Purposes() {
				if slices.Contains(decl.Purposes, p.ID) {
					continue
				}
				r := c.request(u.Actor, p.ID, fields[0])
				r.Collection = ways[i]
				_, refusal, err := c.open(ctx, r)
				switch {
				case err != nil:
					return "", err
				case refusal == nil:
					return "", fmt.Errorf("%s opened it for “%s”", u.title, p.Title)
				case !cites(refusal, clause):
					return "", fmt.Errorf("%s was refused for “%s”, but not by this clause", u.title, p.Title)
				}
				refused++
			}
		}
	}
	if refused == 0 {
		return "", errors.New("the statement declares no way to apply, so nothing was proved")
	}
	return fmt.Sprintf("%s for another purpose refused; the applicant saw their own", loot.Plural(refused, "opening", "openings")), nil
}

// drawersApart opens and looks up an applicant as a customer.
func drawersApart(ctx context.Context, w *desk.World) (string, error) {
	s, err := w.Statement()
	if err != nil {
		return "", err
	}
	made, ways, err := applied(ctx, w, s)
	if err != nil {
		return "", err
	}
	if len(made) == 0 {
		return "", errors.New("the statement declares no way to apply, so nothing was proved")
	}
	looked := 0
	for i, c := range made {
		values, refusal, err := c.open(ctx, c.own(fieldsOf(c.s, customer)...))
		if refusal != nil {
			return "", refusal
		}
		if loot.KindOf(err) != loot.NotFound && err == nil || len(values) > 0 {
			return "", fmt.Errorf("the record of “%s” opened as a customer's", ways[i])
		}
		for _, f := range c.s.Fields(customer) {
			if !f.Index || f.Type != "email" {
				continue
			}
			for _, given := range c.s.Fields(ways[i]) {
				if given.Type != "email" {
					continue
				}
				found, err := c.find(ctx, f.ID, example(given, c.subject))
				if err != nil {
					return "", err
				}
				if found > 0 {
					return "", fmt.Errorf("an address given in “%s” was found among the customers", ways[i])
				}
				looked++
			}
		}
	}
	return fmt.Sprintf("%s opened with no key of another drawer; %s found nobody there", loot.Plural(len(made), "record", "records"), loot.Plural(looked, "search", "searches")), nil
}

// find looks somebody up among the customers as a part of the program that may.
func (c scene) find(ctx context.Context, f loot.Field, value string) (int, error) {
	for _, d := range c.s.Desks() {
		for _, p := range d.Purposes {
			var n int
			err := c.w.Gate.InTx(ctx, func(tx *store.Tx) error {
				permit, err := c.w.Gate.Decide(ctx, tx, gate.Request{
					Action: loot.Find, Actor: loot.Actor{Kind: loot.Desk, ID: d.Name}, Desk: "proof", Purpose: p, Collection: customer, Fields: []loot.Field{f},
				})
				if err != nil {
					return err
				}
				found, err := c.w.Vault.Find(ctx, tx, permit, f, value)
				n = len(found)
				return err
			})
			if _, refused := errors.AsType[*gate.Refusal](err); !refused {
				return n, err
			}
		}
	}
	return 0, errors.New("no part of the program may look anybody up")
}
