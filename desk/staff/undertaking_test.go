package staff

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// open has a member of staff decided on for opening a record.
func (h *house) open(a loot.Actor, s loot.Subject, p loot.Purpose) error {
	return h.Kit.Gate.InTx(h.Context(), func(tx *store.Tx) error {
		_, err := h.Kit.Gate.Decide(h.Context(), tx, gate.Request{
			Action: loot.Use, Actor: a, Desk: "customers", Purpose: p, Subject: s, Collection: proved, Fields: []loot.Field{"contact.email"}, Reason: "A question.",
		})
		return err
	})
}

func TestNoRecordOpensBeforeTheUndertakingIsSigned(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s, err := h.person(t.Context())
		ok(t, err)
		sam := h.colleague("Sam Example", false, "support")
		refusal, refused := refusalOf(h.open(sam, s, "support"))
		if !refused || refusal.Clause != clause || !slices.Contains(refusal.Needed, "the confidentiality undertaking is signed") {
			t.Fatalf("before signing: %+v", refusal)
		}
		h.as(sam)
		page := h.Get("/console/undertaking")
		shows(t, page, http.StatusOK, "This binds me personally", "Your name, typed")
		form := []string{"text", between(t, page.Body, `name="text" value="`, `"`), "word", "on", "name", "sam  EXAMPLE"}
		shows(t, h.Post("/console/undertaking", "name", "", "text", form[1]), http.StatusUnprocessableEntity, "Please fill this in", "Please tick this")
		shows(t, h.Post("/console/undertaking", "name", "Somebody Else", "word", "on", "text", form[1]), http.StatusUnprocessableEntity, "type your name as it stands")
		shows(t, h.Post("/console/undertaking", "name", "Sam Example", "word", "on", "text", "of another text"), http.StatusConflict, "changed while you read it")
		h.at = h.Clock.Now().Add(-time.Hour)
		if got := h.Post("/console/undertaking", form...); got.Status != http.StatusUnauthorized {
			t.Errorf("signed without a fresh sign-in: %d", got.Status)
		}
		if _, refused := refusalOf(h.open(sam, s, "support")); !refused {
			t.Fatal("opened before it was signed")
		}
		h.at = h.Clock.Now()
		leads(t, h.Post("/console/undertaking", form...), "/console/undertaking")
		shows(t, h.Get("/console/undertaking"), http.StatusOK, "Signed. From now on", "under version "+h.S.Front().Version)
		ok(t, h.open(sam, s, "support"))
		if n := h.notes(); !slices.Contains(n, "undertaking.signed "+form[1]) {
			t.Errorf("the ledger has no signature: %v", n)
		}
		// Signing twice changes nothing.
		leads(t, h.Post("/console/undertaking", form...), "/console/undertaking")
		// Its purposes stay those of the job.
		if _, refused := refusalOf(h.open(sam, s, "invoice")); !refused {
			t.Error("support opened a record for invoicing")
		}
	})
}

// What is recorded of an opening, and shown to customers by role, does not tell
// one member of staff from another by when they signed.
func TestRecordedDecisionsTellColleaguesNotApart(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s, err := h.person(t.Context())
		ok(t, err)
		for _, name := range []string{"Sam Example", "Kim Example"} {
			ok(t, h.open(h.colleague(name, true, "support"), s, "support"))
			h.Clock.Advance(time.Minute)
		}
		var seen []time.Time
		ok(t, h.Kit.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			ins, err := h.Kit.Gate.Recorded(t.Context(), tx, time.Time{}, 0)
			for _, in := range ins {
				if in.Actor.Kind == loot.Staff {
					seen = append(seen, in.Actor.Undertaking)
				}
			}
			return err
		}))
		if len(seen) != 2 || seen[0].IsZero() || !seen[0].Equal(seen[1]) {
			t.Errorf("the undertakings that were recorded: %v", seen)
		}
	})
}

// A statement that changes the clause has to be signed anew; any other change
// leaves the signature be.
func TestAChangedTextIsSignedAnew(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	s, err := h.person(t.Context())
	ok(t, err)
	sam := h.colleague("Sam Example", true, "support")
	ok(t, h.open(sam, s, "support"))

	old := statement.Default()
	next := replaced(t, old, "2027-1")
	h.InForce(desktest.Parse(t, next))
	ok(t, h.open(sam, s, "support"))

	changed := bytes.Replace(replaced(t, old, "2027-2"), []byte("keep what they see to themselves"), []byte("keep all that they see to themselves"), 1)
	if bytes.Equal(changed, next) {
		t.Fatal("the clause was not changed")
	}
	h.InForce(desktest.Parse(t, changed))
	if _, refused := refusalOf(h.open(sam, s, "support")); !refused {
		t.Error("a signature under another text opens records")
	}
	h.as(sam)
	page := h.Get("/console/undertaking")
	shows(t, page, http.StatusOK, "Your name, typed", "Earlier texts")
	leads(t, h.Post("/console/undertaking", "name", "Sam Example", "word", "on", "text", between(t, page.Body, `name="text" value="`, `"`)), "/console/undertaking")
	ok(t, h.open(sam, s, "support"))
}

// replaced returns a statement under another version.
func replaced(t *testing.T, source []byte, version string) []byte {
	t.Helper()
	s, err := statement.Parse("statement.md", source)
	ok(t, err)
	out := bytes.Replace(source, []byte(s.Front().Version), []byte(version), 1)
	if bytes.Equal(out, source) {
		t.Fatal("the version was not replaced")
	}
	return out
}

func between(t *testing.T, s, from, to string) string {
	t.Helper()
	_, rest, found := strings.Cut(s, from)
	if !found {
		t.Fatalf("no %q", from)
	}
	out, _, _ := strings.Cut(rest, to)
	return out
}

func TestOpeningsAreCountedAndUnusualOnesRaised(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		_, dpo, _, sam := h.team()
		s, err := h.person(t.Context())
		ok(t, err)
		for range 3 {
			ok(t, h.open(sam, s, "support"))
		}
		if _, refused := refusalOf(h.open(sam, s, "invoice")); !refused {
			t.Fatal("not refused")
		}
		ok(t, h.desk.countDays(t.Context(), countJob{}))
		h.as(sam)
		page := h.Get("/console/openings")
		shows(t, page, http.StatusOK, "What you opened", "3")
		lacks(t, page, "Show the names")
		if got := h.Post("/console/openings", "days", "30", "reason", "x"); got.Status != http.StatusForbidden {
			t.Errorf("an ordinary colleague sees what others opened: %d", got.Status)
		}
		h.as(dpo)
		page = h.Get("/console/openings")
		shows(t, page, http.StatusOK, "Opened 3", "Refused 1", "Show the names")
		lacks(t, page, "Sam Example")
		shows(t, h.Post("/console/openings", "days", "30", "reason", ""), http.StatusUnprocessableEntity, "Please fill this in")
		shows(t, h.Post("/console/openings", "days", "30", "reason", "The monthly review."), http.StatusOK, "Sam Example", "Customer support")
		if !slices.Contains(h.notes(), "openings.reviewed") {
			t.Error("the review is not on the ledger")
		}

		// Counting again, and later, changes nothing.
		ok(t, h.desk.countDays(t.Context(), countJob{}))
		h.Clock.Advance(26 * time.Hour)
		ok(t, h.desk.countDays(t.Context(), countJob{}))
		ok(t, h.desk.countDays(t.Context(), countJob{}))
		h.as(dpo)
		shows(t, h.Get("/console/openings"), http.StatusOK, "Opened 3", "Unusual days 0")

		// Much more than usual opens a case, once.
		for range alarmFloor + 1 {
			ok(t, h.open(sam, s, "support"))
		}
		for range 2 {
			ok(t, h.desk.countDays(t.Context(), countJob{}))
		}
		if n := len(slices.DeleteFunc(h.notes(), func(n string) bool { return n != "incident.access.unusual" })); n != 1 {
			t.Errorf("%d incidents, want 1", n)
		}
		shows(t, h.Get("/console/openings"), http.StatusOK, "Unusual days 1")
	})
}

func TestUnusual(t *testing.T) {
	for name, c := range map[string]struct {
		t     tally
		usual int
		want  bool
	}{
		"nothing":                 {tally{}, 0, false},
		"a full day's work":       {tally{Opened: alarmFloor}, 0, false},
		"more, for the first day": {tally{Opened: alarmFloor + 1}, 0, true},
		"much, as usual":          {tally{Opened: 390}, 100, false},
		"four times the usual":    {tally{Opened: 300, Looked: 101}, 100, true},
		"many refusals":           {tally{Refused: alarmRefused + 1}, 100, true},
	} {
		if got := unusual(c.t, c.usual); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestProofsHoldAndFail(t *testing.T) {
	for _, p := range proofs() {
		t.Run(p.Name, func(t *testing.T) {
			h := newHouse(t, desktest.One(t))
			said, err := p.Run(t.Context(), h.world())
			if err != nil {
				t.Fatal(err)
			}
			t.Log(said)
		})
	}
	// Each rule that is taken away makes the proof of it fail.
	for name, c := range map[string]struct {
		cut, put string
		proof    int
	}{
		"the undertaking is not asked for": {"unless { principal has undertaking && principal.undertaking <= context.now };", "when { context.purpose == Purpose::\"recruitment\" };", 0},
		"one agrees to an emergency":       {"@approvals(\"2\")\n@notify(\"subject\")\n@needs1(\"an emergency", "@approvals(\"1\")\n@notify(\"subject\")\n@needs1(\"an emergency", 6},
		"nobody is told of an emergency":   {"@notify(\"subject\")\n@needs1(\"an emergency", "@needs1(\"an emergency", 6},
		"administrators look people up":    {"when { principal.roles.contains(Role::\"dpo\") }\nwhen { context.purpose == Purpose::\"notice\" };", "when { principal.roles.contains(Role::\"administrator\") }\nwhen { context.purpose == Purpose::\"notice\" };", 2},
	} {
		t.Run(name, func(t *testing.T) {
			source := bytes.Replace(statement.Default(), []byte(c.cut), []byte(c.put), 1)
			if bytes.Equal(source, statement.Default()) {
				t.Fatal("the rule stands elsewhere")
			}
			h := newHouseUnder(t, desktest.One(t), desktest.Parse(t, source))
			if said, err := proofs()[c.proof].Run(t.Context(), h.world()); err == nil {
				t.Errorf("the proof still passes: %s", said)
			}
		})
	}
}

func TestDemo(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	ok(t, h.desk.demo(t.Context(), h.world()))
	var all []Colleague
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		all, err = h.desk.Colleagues(ctx, tx)
		return err
	})
	seen := map[string]bool{}
	unsigned := 0
	for _, c := range all {
		seen[c.Roles] = true
		if !c.Signed {
			unsigned++
		}
	}
	if len(seen) != len(h.S.Roles()) || unsigned != 1 {
		t.Errorf("%d roles of %d, %d unsigned: %v", len(seen), len(h.S.Roles()), unsigned, all)
	}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		solo, err := h.desk.Solo(ctx, tx)
		if solo {
			t.Error("the demonstration is run by one person")
		}
		return err
	})
}

// What is signed speaks of a table, so the table stands with it.
func TestTheUndertakingShowsTheTableOfItsClause(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	h.as(h.colleague("Ada Example", false, "support"))
	a := h.Get("/console/undertaking")
	shows(t, a, http.StatusOK, "Which job opens records for which purposes", "Customer support Helping you Checking that your details are right The job")
	if !strings.Contains(a.Body, `href="/statement#purposes/support"`) || !strings.Contains(a.Body, `id="security.staff:roles"`) {
		t.Error("the table is not linked with the statement")
	}
}
