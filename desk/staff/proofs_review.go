package staff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/store"
)

// countedReviews has the tallies brought up to date, and counts what the rule
// raised of somebody so far.
func countedReviews(ctx context.Context, w *desk.World, a loot.Actor, rule string) (n int, err error) {
	for i := 0; n == 0 && i < 50; i++ { // other proofs may have made years pass, of which a count takes some days
		if err := w.DB.InTx(ctx, func(tx *store.Tx) error { return w.Jobs.Enqueue(ctx, tx, countJob{}) }); err != nil {
			return 0, err
		}
		if err := w.Drain(ctx); err != nil {
			return 0, err
		}
		if err := w.DB.ReadTx(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FROM staff_review WHERE account = $1 AND rule = $2`, a.ID, rule).Scan(&n)
		}); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// proveReview opens a record with neither a case nor a reason.
func proveReview(ctx context.Context, w *desk.World) (string, error) {
	s, err := set(ctx, w)
	if err != nil {
		return "", err
	}
	for _, role := range s.s.Roles() {
		for _, p := range s.purposesOf(role) {
			a, err := w.NewStaff(ctx, true, role.ID)
			if err != nil {
				return "", err
			}
			r := s.open(a, p)
			r.Reason = ""
			t, err := attempt(ctx, w, r)
			if err != nil {
				return "", err
			}
			if t.refusal != nil {
				continue
			}
			if n, err := countedReviews(ctx, w, a, ruleBare); err != nil || n != 1 {
				return "", errors.Join(fmt.Errorf("%d reviews were raised, want 1", n), err)
			}
			return role.Title + " opened a record without a case and without a reason, and has to answer for it", nil
		}
	}
	return "", errors.New("no role opens a customer's record for any purpose, so nothing was proved")
}

// proveEmergency has somebody open what their role does not, as the statement
// lets them: after an emergency was declared and two others agreed.
func proveEmergency(ctx context.Context, w *desk.World) (string, error) {
	s, err := set(ctx, w)
	if err != nil {
		return "", err
	}
	var approving loot.Role
	for _, r := range s.s.Roles() {
		if r.Approves && !r.Administers {
			approving = r.ID
		}
	}
	for _, role := range s.s.Roles() {
		for _, p := range s.s.Purposes() {
			if slices.Contains(role.Purposes, p.ID) || role.Administers {
				continue
			}
			a, err := w.NewStaff(ctx, true, role.ID)
			if err != nil {
				return "", err
			}
			id, err := declare(ctx, w, a)
			if err != nil {
				return "", err
			}
			r := s.open(a, p.ID)
			t, err := attempt(ctx, w, r)
			if err != nil {
				return "", err
			}
			if t.refusal == nil {
				return "", fmt.Errorf("%s opened a record for %q, which no role of theirs does", role.Title, p.ID)
			}
			r.Case = id
			if t, err = attempt(ctx, w, r); err != nil {
				return "", err
			}
			switch {
			case t.refusal == nil:
				return "", fmt.Errorf("%s opened a record for %q in an emergency, and nobody had agreed", role.Title, p.ID)
			case t.refusal.Approvals == 0:
				continue // not a purpose of emergencies
			case t.refusal.Approvals < 2:
				return "", fmt.Errorf("in an emergency the agreement of %d is asked for, want 2", t.refusal.Approvals)
			}
			return agreed(ctx, w, a, r, approving, t.refusal.Approvals)
		}
	}
	return "", errors.New("by this statement nothing more opens in an emergency, and its clause says that it does")
}

// declare declares an emergency by the form that everybody has, and returns its
// number.
func declare(ctx context.Context, w *desk.World, a loot.Actor) (string, error) {
	answer, err := desk.Browser{World: w, Who: a}.Post(ctx, "/console/incidents", url.Values{"what": {"emergency"}, "text": {"Tried for the proof."}})
	if err != nil {
		return "", err
	}
	id, ok := strings.CutPrefix(answer.Header().Get("Location"), "/console/incidents/")
	if answer.Status != http.StatusSeeOther || !ok {
		return "", fmt.Errorf("declaring an emergency was answered with %d", answer.Status)
	}
	return id, nil
}

// agreed has others agree one by one, and opens what they agreed to.
func agreed(ctx context.Context, w *desk.World, a loot.Actor, r gate.Request, approving loot.Role, needed int) (string, error) {
	r.Unmask = true
	if err := w.DB.InTx(ctx, func(tx *store.Tx) error {
		asked, err := w.Gate.RequestApproval(ctx, tx, r, needed)
		r.Approval = asked.ID
		return err
	}); err != nil {
		return "", err
	}
	for i := range needed {
		_, err := attempt(ctx, w, r)
		if loot.KindOf(err) != loot.Conflict {
			return "", errors.Join(fmt.Errorf("it opened after %d of %d had agreed", i, needed), err)
		}
		other, err := w.NewStaff(ctx, true, approving)
		if err != nil {
			return "", err
		}
		if err := w.DB.InTx(ctx, func(tx *store.Tx) error {
			_, err := w.Gate.Vote(ctx, tx, r.Approval, gate.Voter{Actor: other, Since: w.Now().Add(-2 * gate.YoungAccount)}, true)
			return err
		}); err != nil {
			return "", err
		}
	}
	var t try
	letters, err := w.Letters(ctx, r.Subject, func() (err error) {
		if t, err = attempt(ctx, w, r); err != nil {
			return err
		}
		if t.refusal != nil {
			return fmt.Errorf("it did not open after %d had agreed: %w", needed, t.refusal)
		}
		return named(ctx, w, t.entry, a)
	})
	if err != nil || letters != 1 {
		return "", cmp.Or(err, fmt.Errorf("%d letters told the customer, want 1", letters))
	}
	if n, err := countedReviews(ctx, w, a, ruleEmergency); err != nil || n != 1 {
		return "", errors.Join(fmt.Errorf("%d reviews were raised, want 1", n), err)
	}
	w.Clock.Advance(25 * time.Hour)
	r.Approval = ""
	if t, err = attempt(ctx, w, r); err != nil || t.refusal == nil || t.refusal.Approvals > 0 {
		return "", errors.Join(errors.New("an emergency of the day before still counts"), err)
	}
	return fmt.Sprintf("refused until an emergency was declared and %d had agreed; then by name on the ledger, told to the customer, and raised for review; a day later refused again", needed), nil
}
