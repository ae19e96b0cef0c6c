package customers

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

func (c *customers) permissionProofs() []desk.Proof {
	const clause = "disclosure.permission"
	return []desk.Proof{
		desk.ProofUnder(clause, "a purpose that one permits is used while it is permitted, and never else", permittedOnly),
		desk.ProofUnder(clause, "an objection stops what would else be permitted", objectionStops),
		desk.ProofUnder(clause, "what an order permits ends with the service", func(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
			subject, err := NewPerson(ctx, w)
			if err != nil {
				return "", err
			}
			if err := w.Drain(ctx); err != nil {
				return "", err
			}
			req, err := firstPermitted(ctx, w, deskUses(s, subject, func(p statement.Purpose) bool {
				return p.Basis == "contract" && slices.Contains(s.Services()[0].Purposes, p.ID)
			}))
			if err != nil {
				return "", fmt.Errorf("while the service runs: %w", err)
			}
			if _, _, err := c.endAll(ctx, loot.Actor{Kind: loot.Person, ID: string(subject)}); err != nil {
				return "", err
			}
			no, err := decides(ctx, w, req)
			if err != nil {
				return "", err
			}
			if no == nil {
				return "", fmt.Errorf("after the service ended, its purpose %q was still permitted", req.Purpose)
			}
			return fmt.Sprintf("“%s” permitted while the service runs, refused under %s after it", req.Purpose, no.Clause), nil
		}),
		desk.ProofUnder(clause, "a partner receives what one permits to it, and nothing before or after", partnerOnlyPermitted),
		desk.ProofUnder(clause, "a purpose that nothing permits is refused on the page, with the clause and what would be needed", refusedOnThePage),
	}
}

// deskUses returns a request of each part of the program to use a field for
// each of its purposes that is of the kind wanted.
func deskUses(s *statement.Statement, subject loot.Subject, wanted func(statement.Purpose) bool) []gate.Request {
	decl, _ := s.Collection(collection)
	var out []gate.Request
	for _, d := range s.Desks() {
		for _, id := range d.Purposes {
			p, ok := s.Purpose(id)
			f, served := servedBy(s, id)
			if !ok || !served || !slices.Contains(decl.Purposes, id) || !wanted(p) {
				continue
			}
			out = append(out, gate.Request{
				Action: loot.Use, Actor: loot.Actor{Kind: loot.Desk, ID: d.Name}, Desk: d.Name, Purpose: id,
				Subject: subject, Collection: collection, Fields: []loot.Field{f.ID},
			})
		}
	}
	return out
}

// firstPermitted returns the first of the requests that is permitted.
func firstPermitted(ctx context.Context, w *desk.World, requests []gate.Request) (gate.Request, error) {
	for _, req := range requests {
		no, err := decides(ctx, w, req)
		if err != nil {
			return req, err
		}
		if no == nil {
			return req, nil
		}
	}
	return gate.Request{}, errors.New("no part of the program is permitted a purpose of the contract")
}

// chooseFor gives or takes back a permission for a person.
func chooseFor(ctx context.Context, w *desk.World, subject loot.Subject, offer string, give bool) error {
	return w.DB.InTx(ctx, func(tx *store.Tx) error {
		c := gate.Choice{Subject: subject, Collection: collection, By: loot.Actor{Kind: loot.Person, ID: string(subject)}, Offer: offer}
		if give {
			return w.Gate.Permit(ctx, tx, c)
		}
		return w.Gate.Withdraw(ctx, tx, c)
	})
}

// onlyWhile checks that req is refused, permitted once offer is given, and
// refused once it is taken back.
func onlyWhile(ctx context.Context, w *desk.World, req gate.Request, offer string) error {
	for _, step := range []struct {
		give    *bool
		allowed bool
		when    string
	}{{nil, false, "before it was permitted"}, {new(true), true, "while it was permitted"}, {new(false), false, "after the permission was taken back"}} {
		if step.give != nil {
			if err := chooseFor(ctx, w, req.Subject, offer, *step.give); err != nil {
				return err
			}
		}
		no, err := decides(ctx, w, req)
		if err != nil {
			return err
		}
		if (no == nil) != step.allowed {
			return fmt.Errorf("%s, %q was permitted: %v; it should be: %v", step.when, req.Purpose, no == nil, step.allowed)
		}
	}
	return nil
}

func permittedOnly(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	var tried []string
	for _, o := range offers(s) {
		if o.Recipient != self {
			continue
		}
		subject, err := NewPerson(ctx, w)
		if err != nil {
			return "", err
		}
		uses := deskUses(s, subject, func(p statement.Purpose) bool { return p.ID == o.Purpose })
		if len(uses) == 0 {
			continue
		}
		if err := onlyWhile(ctx, w, uses[0], o.ID); err != nil {
			return "", err
		}
		tried = append(tried, string(o.Purpose))
	}
	if len(tried) == 0 {
		return "the statement offers no permission to the company itself that a part of the program would use", nil
	}
	return "refused, permitted and refused again: " + list(tried), nil
}

func objectionStops(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	for _, o := range offers(s) {
		if o.Recipient != self {
			continue
		}
		subject, err := NewPerson(ctx, w)
		if err != nil {
			return "", err
		}
		if err := chooseFor(ctx, w, subject, o.ID, true); err != nil {
			return "", err
		}
		req, err := firstPermitted(ctx, w, deskUses(s, subject, func(p statement.Purpose) bool { return p.ID == o.Purpose }))
		if err != nil {
			continue // nothing uses it yet
		}
		for _, objects := range []bool{true, false} {
			if err := w.DB.InTx(ctx, func(tx *store.Tx) error {
				return w.Gate.Object(ctx, tx, subject, collection, loot.Actor{Kind: loot.Person, ID: string(subject)}, o.Purpose, objects)
			}); err != nil {
				return "", err
			}
			no, err := decides(ctx, w, req)
			if err != nil {
				return "", err
			}
			if (no != nil) != objects {
				return "", fmt.Errorf("the objection to %q stood: %v, and the use was refused: %v", o.Purpose, objects, no != nil)
			}
		}
		return fmt.Sprintf("“%s” refused while the objection stood, permitted again after it", o.Purpose), nil
	}
	return "no part of the program uses anything that could be objected to", nil
}

func partnerOnlyPermitted(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	var tried []string
	for _, o := range offers(s) {
		to, ok := s.Recipient(o.Recipient)
		f, served := servedBy(s, o.Purpose)
		if !ok || to.Kind != "partner" || !served {
			continue
		}
		subject, err := NewPerson(ctx, w)
		if err != nil {
			return "", err
		}
		us := loot.Actor{Kind: loot.Desk, ID: name}
		if err := w.DB.InTx(ctx, func(tx *store.Tx) error {
			return w.Gate.SetAgreement(ctx, tx, us, gate.Agreement{
				Partner: to.Key, Signed: w.Now().AddDate(0, 0, -1), Ends: w.Now().AddDate(1, 0, 0), Purposes: []loot.Purpose{o.Purpose}, Categories: s.CategoryIDs(),
			})
		}); err != nil {
			return "", err
		}
		req := gate.Request{
			Action: loot.Transfer, Actor: loot.Actor{Kind: loot.Partner, ID: to.Key}, By: us, Desk: "disclosure", Purpose: o.Purpose,
			Subject: subject, Collection: collection, Fields: []loot.Field{f.ID}, Entered: true,
		}
		if err := onlyWhile(ctx, w, req, o.ID); err != nil {
			return "", fmt.Errorf("%s: %w", to.Title, err)
		}
		tried = append(tried, to.Title)
	}
	if len(tried) == 0 {
		return "the statement offers no permission to a partner", nil
	}
	return "with an agreement: refused, permitted and refused again for " + list(tried), nil
}

func refusedOnThePage(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	role, own, ok := openerOf(s)
	if !ok {
		return "no role opens customers' records", nil
	}
	subject, err := NewPerson(ctx, w)
	if err != nil {
		return "", err
	}
	staff, err := w.NewStaff(ctx, true, role)
	if err != nil {
		return "", err
	}
	d, _ := s.Role(role)
	refused := 0
	decl, _ := s.Collection(collection)
	for _, p := range decl.Purposes {
		if slices.Contains(d.Purposes, p) || p == own {
			continue
		}
		a, err := desk.Browser{World: w, Who: staff}.Post(ctx, desk.CustomerPath(subject)+"/open", url.Values{"purpose": {string(p)}, "reason": {"to see whether it is refused"}})
		if err != nil {
			return "", err
		}
		page := html.UnescapeString(a.Body.String())
		if a.Status != http.StatusForbidden || !strings.Contains(page, "What would be needed") || !strings.Contains(page, "/statement#") {
			return "", fmt.Errorf("opening as %q for %q was answered with %d and not refused with the clause and what would be needed", role, p, a.Status)
		}
		refused++
	}
	return fmt.Sprintf("%q was refused %s", role, loot.Plural(refused, "purpose that it does not have, with its clause", "purposes that it does not have, each with its clause")), nil
}
