package customers

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

func (c *customers) levelProofs() []desk.Proof {
	const clause = "security.levels"
	return []desk.Proof{
		desk.ProofUnder(clause, "staff see a detail covered until they reveal it", coveredUntilRevealed),
		desk.ProofUnder(clause, "a detail whose level asks for it opens only after others agreed", agreedBefore),
	}
}

func coveredUntilRevealed(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	role, purpose, ok := openerOf(s)
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
	base := desk.CustomerPath(subject)
	asked := url.Values{"purpose": {string(purpose)}, "reason": {"to see what is covered"}}
	covered := 0
	free, _ := fieldsFor(s, purpose)
	for _, f := range free {
		d, _ := s.Field(f)
		if levelOf(s, d).Mask == "none" || d.Type == "country" || d.Type == "language" { // too short to be told from any other word
			continue
		}
		value, err := valueOf(ctx, w, s, subject, f)
		if err != nil {
			return "", err
		}
		if value == "" {
			continue
		}
		a, err := desk.Browser{World: w, Who: staff}.Post(ctx, base+"/open", asked)
		if err != nil {
			return "", err
		}
		if strings.Contains(html.UnescapeString(a.Body.String()), value) {
			return "", fmt.Errorf("%q was shown as it is before anybody revealed it", d.Title)
		}
		one := url.Values{"purpose": asked["purpose"], "reason": asked["reason"], "field": {string(f)}}
		if a, err = (desk.Browser{World: w, Who: staff}).Post(ctx, base+"/reveal", one); err != nil {
			return "", err
		}
		if !strings.Contains(html.UnescapeString(a.Body.String()), value) {
			return "", fmt.Errorf("%q stays covered when it is revealed", d.Title)
		}
		covered++
	}
	if covered == 0 {
		return "no level covers anything that is opened for this purpose", nil
	}
	return fmt.Sprintf("%s covered at first, each shown once revealed", loot.Plural(covered, "detail", "details")), nil
}

func agreedBefore(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	for _, r := range s.Roles() {
		for _, p := range r.Purposes {
			_, locked := fieldsFor(s, p)
			if len(locked) == 0 || !slices.Contains(s.Services()[0].Purposes, p) {
				continue
			}
			d, _ := s.Field(locked[0])
			return agreed(ctx, w, s, r.ID, p, d)
		}
	}
	return "no level asks for the agreement of others, for anything that a role opens", nil
}

func agreed(ctx context.Context, w *desk.World, s *statement.Statement, role loot.Role, p loot.Purpose, d statement.FieldDecl) (string, error) {
	subject, err := NewPerson(ctx, w)
	if err != nil {
		return "", err
	}
	staff, err := w.NewStaff(ctx, true, role)
	if err != nil {
		return "", err
	}
	req := ask{Subject: subject, Purpose: p, Reason: "to see who has to agree"}.request(staff, []loot.Field{d.ID}, true)
	no, err := decides(ctx, w, req)
	if err != nil {
		return "", err
	}
	needed := levelOf(s, d).Approvals
	if no == nil || no.Approvals != needed {
		return "", fmt.Errorf("%q opened without the agreement of %s", d.Title, people(needed))
	}
	var asked loot.Awaited
	if err := w.DB.InTx(ctx, func(tx *store.Tx) error {
		asked, err = w.Gate.RequestApproval(ctx, tx, req, needed)
		return err
	}); err != nil {
		return "", err
	}
	req.Approval = asked.ID
	for n := range needed {
		if err := stillShut(ctx, w, req); err != nil {
			return "", fmt.Errorf("after %d of %d agreed: %w", n, needed, err)
		}
		if err := agree(ctx, w, s, asked.ID); err != nil {
			return "", err
		}
	}
	if no, err := decides(ctx, w, req); err != nil {
		return "", err
	} else if no != nil {
		return "", fmt.Errorf("%s agreed, and %q was refused under %s", people(needed), d.Title, no.Clause)
	}
	return fmt.Sprintf("%q refused alone, opened after %s agreed", d.Title, people(needed)), nil
}

// stillShut checks that an approval that is not given opens nothing.
func stillShut(ctx context.Context, w *desk.World, req gate.Request) error {
	no, err := decides(ctx, w, req)
	if err == nil && no == nil {
		return errors.New("it opened")
	}
	if loot.KindOf(err) == loot.Conflict { // the approval is still pending
		return nil
	}
	return err
}

// agree has somebody else say yes who may.
func agree(ctx context.Context, w *desk.World, s *statement.Statement, id string) error {
	for _, r := range s.Roles() {
		if !r.Approves {
			continue
		}
		other, err := w.NewStaff(ctx, true, r.ID)
		if err != nil {
			return err
		}
		return w.DB.InTx(ctx, func(tx *store.Tx) error {
			_, err := w.Gate.Vote(ctx, tx, id, gate.Voter{Actor: other, Since: w.Now().AddDate(-1, 0, 0)}, true)
			return err
		})
	}
	return errors.New("the statement has no role that approves")
}
