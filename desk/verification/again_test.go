package verification

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"loot/desk"
	"loot/desk/desktest"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// lookedAt is the statement in which details are looked at again as is said.
func lookedAt(t testing.TB, version, checks string) *statement.Statement {
	t.Helper()
	const said = "checks:\n  company: {again: 1y}\n  address: {again: 1y}\n  contact: {again: 1y}\n  payment: {again: 1y}\n"
	text := string(statement.Default())
	if !strings.Contains(text, said) {
		t.Fatal("the statement does not say " + said)
	}
	text = strings.Replace(text, said, checks, 1)
	return desktest.Parse(t, []byte(strings.Replace(text, `version: "2026-1"`, `version: "`+version+`"`, 1)))
}

// TestTheStatementSaysWhenToLookAgain: each kind of detail has its own length of
// time, or none, and the statement that is in force at a check counts.
func TestTheStatementSaysWhenToLookAgain(t *testing.T) {
	t.Parallel()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, lookedAt(t, "2026-1", "checks:\n  contact: {again: 6m}\n"), Options{})
		support := h.hire("m-support", "support")
		s := h.customer(meadow("contact.phone", "+353 1 5"))
		checked := h.Clock.Now()
		if l := h.standing(s).lasts["company.vat"]; l.At.IsZero() || !l.Next.IsZero() {
			t.Errorf("of a kind of which nothing is said: %+v", l)
		}
		if l := h.standing(s).lasts["contact.email"]; !l.Next.Equal(checked.AddDate(0, 6, 0)) {
			t.Errorf("of a kind with half a year: %+v", l)
		}
		h.taken(h.post(support, h.open(s, "contact.phone"), "", "decision", "right", "reason", "They answered."))
		if l := h.standing(s).lasts["contact.phone"]; l.Actor == "" || !l.Next.Equal(checked.AddDate(0, 6, 0)) {
			t.Errorf("by a colleague: %+v", l)
		}
		shows(t, h.as(person(s)).Get("/portal/checks"), http.StatusOK, day(checked.AddDate(0, 6, 0)))
		role, _ := h.S.Role("support")
		page := h.Get("/portal/checks")
		shows(t, page, http.StatusOK, "Looked at by a colleague: "+role.Title)
		hides(t, page, support.Name, support.ID)
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			beside, err := h.desk.Beside(ctx, tx, s)
			if !slices.Contains(beside["contact.phone"].Facts, web.Fact{Term: "By", Value: role.Title}) || slices.ContainsFunc(beside["company.vat"].Facts, func(f web.Fact) bool { return f.Term == "By" }) {
				t.Errorf("beside the details: %+v, %+v", beside["contact.phone"].Facts, beside["company.vat"].Facts)
			}
			return err
		})

		h.InForce(lookedAt(t, "2026-2", "checks:\n  company: {again: 3y}\n"))
		h.correct(s, "contact.phone", "+353 1 555 0111")
		h.correct(s, "company.vat", "IE1234567T")
		now := h.Clock.Now()
		if l := h.standing(s).lasts["company.vat"]; !l.Next.Equal(now.AddDate(3, 0, 0)) {
			t.Errorf("by another version: %+v", l)
		}
		if l := h.standing(s).lasts["contact.phone"]; l.At.IsZero() || !l.Next.IsZero() {
			t.Errorf("of a kind of which another version says nothing: %+v", l)
		}
	})
}

// TestNothingGrowsOldByItself where the statement does not say after how long.
func TestNothingGrowsOldByItself(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), lookedAt(t, "2026-1", ""), Options{})
	support := h.hire("m-support", "support")
	s := h.customer(meadow("contact.phone", "+353 1 5"))
	h.taken(h.post(support, h.open(s, "contact.phone"), "", "decision", "right", "reason", "They answered."))
	before := h.standing(s).lasts
	h.Clock.Advance(10 * 366 * 24 * time.Hour)
	ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
	ok(t, h.desk.check(t.Context(), checkArgs{s}))
	h.Drain()
	if st := h.standing(s); st.held["contact.phone"].State != vault.Verified || !st.lasts["contact.phone"].At.Equal(before["contact.phone"].At) {
		t.Errorf("ten years later: %s, %+v", st.held["contact.phone"].State, st.lasts["contact.phone"])
	}
}

// TestThePromiseToLookAgainIsMissed: without it, its proof fails.
func TestThePromiseToLookAgainIsMissed(t *testing.T) {
	t.Parallel()
	for name, checks := range map[string]string{"all of it": "", "of one kind": "checks:\n  company: {again: 1y}\n  address: {again: 1y}\n  payment: {again: 1y}\n"} {
		h := newHouse(t, desktest.One(t), lookedAt(t, "2026-1", checks), Options{})
		all := h.desk.proofs()
		i := slices.IndexFunc(all, func(p desk.Proof) bool { return strings.Contains(p.Name, "grown old") })
		if outcome, err := all[i].Run(t.Context(), h.world()); err == nil || !strings.Contains(err.Error(), "never looked at again") {
			t.Errorf("without %s: %q, %v", name, outcome, err)
		}
	}
}
