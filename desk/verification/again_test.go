package verification

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/job"
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
		shows(t, page, http.StatusOK, "Looked at by a colleague By: "+role.Title)
		hides(t, page, support.Name, support.ID)

		// What is not there any more is not looked at again.
		h.correct(s, "contact.phone", "")
		if l, is := h.standing(s).lasts["contact.phone"]; is {
			t.Errorf("of what was removed: %+v", l)
		}

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

// TestWhoLookedIsSaidInOneWay: beside the detail, in the list of checks and in the copy
// stands by which check, when, when again, and by whom: the part of the program by what
// it does, a colleague by the job that checks records and, if the statement says so, by
// name. Of who left no job is known.
func TestWhoLookedIsSaidInOneWay(t *testing.T) {
	t.Parallel()
	const job = "    title: Customer support\n"
	for more, who := range map[string]string{"": "Customer support", "    named: true\n": "Name of m-support, Customer support"} {
		text := strings.Replace(string(statement.Default()), job, job+more, 1)
		if !strings.Contains(text, job+more) {
			t.Fatal("the statement does not say " + job)
		}
		h := newHouse(t, desktest.One(t), desktest.Parse(t, []byte(text)), Options{})
		support := h.hire("m-support", "recruiter", "support")
		s := h.customer(meadow("contact.phone", "+353 1 5"))
		h.taken(h.post(support, h.open(s, "contact.phone"), "", "decision", "right", "reason", "They answered."))
		program, said, again := "Our program: checking details against registers", day(h.Clock.Now()), day(h.Clock.Now().AddDate(1, 0, 0))
		looks := func(who string) {
			t.Helper()
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				beside, err := h.desk.Beside(ctx, tx, s)
				for f, want := range map[loot.Field][]web.Fact{
					"contact.phone": {{Term: "Checked", Value: said}, {Term: "Method", Value: checkTitles["person"]}, {Term: "By", Value: who}, {Term: "Again", Value: again}},
					"company.vat":   {{Term: "Checked", Value: said}, {Term: "Method", Value: checkTitles["vat.digits"] + "; " + checkTitles["vat.country"]}, {Term: "By", Value: program}, {Term: "Again", Value: again}},
				} {
					if !slices.Equal(beside[f].Facts, want) {
						t.Errorf("beside %s: %+v, want %+v", f, beside[f].Facts, want)
					}
				}
				return err
			})
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				copied, err := h.desk.export(ctx, tx, s)
				for _, c := range copied.(exported).Checks {
					if want := map[loot.Field]string{"contact.phone": who}[c.Field]; c.Who != cmp.Or(want, program) {
						t.Errorf("in the copy, %s is checked by %q", c.Field, c.Who)
					}
				}
				return err
			})
			shows(t, h.as(person(s)).Get("/portal/checks"), http.StatusOK, checkTitles["person"]+" By: "+who, "By: "+program)
		}
		looks(who)
		h.all[0] = loot.Actor{ID: support.ID}
		looks("A member of staff")
	}
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

// TestAProofOfTheAddressIsAskedForAgain once, when it has grown old, and a link that is opened
// then counts anew.
func TestAProofOfTheAddressIsAskedForAgain(t *testing.T) {
	onEach(t, Options{}, func(t *testing.T, h *house) {
		s := h.customer(meadow())
		open := func() {
			t.Helper()
			from := h.state(s, "contact.email")
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				if err := h.Kit.Gate.Confirm(ctx, tx, s); err != nil {
					return err
				}
				row, err := h.Kit.Vault.Row(ctx, tx, s, collection)
				if err != nil {
					return err
				}
				if err := h.Kit.Vault.Mark(ctx, tx, s, collection, row.Version, map[loot.Field]vault.Marking{"contact.email": {From: from, To: vault.Verified}}); err != nil {
					return err
				}
				return h.Kit.Jobs.Publish(ctx, tx, job.Notice{Name: "address.confirmed", ID: string(s)})
			})
			h.Drain()
			if got := h.state(s, "contact.email"); got != vault.Verified {
				t.Fatalf("the link was opened, and the address is %s", got)
			}
		}
		open()
		sent := h.Mail.Count()
		h.Clock.Advance(366 * 24 * time.Hour)
		for range 2 {
			ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
			h.Drain()
		}
		if got := h.state(s, "contact.email"); got != vault.Expired || h.Mail.Count() != sent+1 {
			t.Fatalf("the address is %s, %d letters", got, h.Mail.Count()-sent)
		}
		if m := h.letter(); m.Subject != "Is this still your address?" || !strings.Contains(m.Text, "on 23 Nov 2026") || !strings.Contains(m.Text, "/signin?next=%2Fportal%2Fchecks") {
			t.Errorf("%s: %s", m.Subject, m.Text)
		}
		open()
	})
}
