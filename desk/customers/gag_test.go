package customers

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// random is what differs between two people of whom the same is known: ids,
// tokens of forms, receipts, references of errors, and their addresses.
var random = regexp.MustCompile(`\b[a-z][0-9a-z]{26}\b|"receipt": "[^"]*"|name="(csrf|sent)" value="[^"]*"|name <code>[0-9a-f]{16}</code>|\b(jo|an)@example\.com`)

// portal returns all that a person sees of themself, without what is random.
func (h *house) portal(s loot.Subject) string {
	h.Helper()
	h.as(s)
	var b strings.Builder
	for _, path := range []string{"/portal", "/portal/permissions", "/portal/timeline", "/portal/account", "/portal/correct/contact.phone", "/portal/correct/company.name"} {
		h.Confirm() // every entry has its receipt, that of the page before as well
		a := h.Get(path)
		b.WriteString(path + " " + strconv.Itoa(a.Status) + "\n" + a.Body)
	}
	h.Confirm()
	_, copied := h.copied(s)
	b.WriteString(copied)
	h.Confirm()
	if strings.Contains(b.String(), `"unproved"`) {
		h.Error("the copy has entries without a receipt")
	}
	return random.ReplaceAllString(strings.ReplaceAll(b.String(), string(s), "s"), "x")
}

// alike fails if two texts differ, and shows where.
func alike(t *testing.T, when, gagged, other string) {
	t.Helper()
	a, b := strings.Split(gagged, "\n"), strings.Split(other, "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			t.Errorf("%s, the one under a gag sees something else from line %d on:\n%s\nand the other\n%s", when, i,
				strings.Join(a[min(i, len(a)):min(i+6, len(a))], "\n"), strings.Join(b[min(i, len(b)):min(i+6, len(b))], "\n"))
			return
		}
	}
}

// answer hands details of a person, their address if none is named, to the police in
// secret: refused first, then approved by two others and permitted.
func (h *house) answer(s loot.Subject, gag time.Time, fields ...loot.Field) (got vault.Values) {
	h.Helper()
	ctx := h.Context()
	h.undertaking = h.Clock.Now().Add(-time.Hour)
	if fields == nil {
		fields = []loot.Field{"contact.email"}
	}
	staff := func(id string, role loot.Role) loot.Actor {
		return loot.Actor{Kind: loot.Staff, ID: id, Roles: []loot.Role{role}}
	}
	r := gate.Request{
		Action: loot.Answer, Actor: loot.Actor{Kind: loot.Authority, ID: "police"}, By: staff("u-counsel", "counsel"), Desk: "disclosure",
		Purpose: "lawful-request", Subject: s, Collection: collection, Fields: fields, Unmask: true, Entered: true,
		Asked: &statement.Asked{Basis: "law", Valid: true, Until: h.Clock.Now().AddDate(0, 1, 0), Scope: []loot.Category{"contact"}, Gag: gag},
		Told:  "Our reference is D-1.",
	}
	decide := func() error {
		return h.Kit.Gate.InTx(ctx, func(tx *store.Tx) error {
			p, err := h.Kit.Gate.Decide(ctx, tx, r)
			if err != nil {
				return err
			}
			got, err = h.Kit.Vault.Open(ctx, tx, p)
			return err
		})
	}
	refusal, refused := errors.AsType[*gate.Refusal](decide())
	if !refused || refusal.Approvals != 2 {
		h.Fatalf("unapproved: %+v, want a refusal that asks for two", refusal)
	}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		a, err := h.Kit.Gate.RequestApproval(ctx, tx, r, refusal.Approvals)
		r.Approval = a.ID
		for _, v := range []loot.Actor{staff("u-dpo", "dpo"), staff("u-second", "counsel")} {
			if err == nil {
				_, err = h.Kit.Gate.Vote(ctx, tx, a.ID, gate.Voter{Actor: v, Since: h.Clock.Now().AddDate(-1, 0, 0)}, true)
			}
		}
		return err
	})
	ok(h, decide())
	return got
}

// held returns which details of somebody are held.
func (h *house) held(s loot.Subject) (out []loot.Field) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		held, err := h.Kit.Vault.Held(ctx, tx, s, collection)
		out = slices.Sorted(maps.Keys(held))
		return err
	})
	return out
}

// holds reports whether a person's record is not erased.
func (h *house) holds(s loot.Subject) (held bool) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		rows, err := h.Kit.Vault.List(ctx, tx, collection, "", 1000)
		held = slices.ContainsFunc(rows, func(r vault.Row) bool { return r.Subject == s && !r.Erased() })
		return err
	})
	return held
}

// TestAGagIsNotSeen: while secrecy is ordered, whoever it is about sees what
// anybody else sees of themself, and of an erasure that waits no more than that
// it waits. It is carried out once the secrecy has ended.
func TestAGagIsNotSeen(t *testing.T) {
	t.Parallel() // most of the time is spent waiting for jobs
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, desktest.Standard(t))
		secret := h.register(jo...)
		other := h.register(with(jo, "contact.email", "an@example.com")...)
		gag := h.Clock.Now().AddDate(12, 0, 0) // longer than any law keeps the record
		h.answer(secret, gag)
		alike(t, "with a service", h.portal(secret), h.portal(other))

		after := map[loot.Subject]string{}
		for _, s := range []loot.Subject{secret, other} {
			h.as(s)
			h.correct("contact.phone", "+353 1 555 0199") // so that a former one goes, too
			if a := h.Post("/portal/account/erase", "sure", "yes"); a.Status != http.StatusSeeOther {
				t.Fatal(a.Status, text(a.Body))
			}
			after[s] = h.portal(s)
		}
		alike(t, "while the law makes erasure wait", after[secret], after[other])
		ok(t, h.desk.erase(h.Context(), eraseArgs{secret})) // what is held fails nothing that would be tried again

		sweep := func() {
			h.Confirm()
			ok(t, h.desk.sweep(h.Context(), sweepArgs{}))
			h.Confirm()
		}
		h.Clock.Advance(gag.Sub(h.Clock.Now()) - 24*time.Hour)
		seen := len(h.items(secret))
		sweep()
		if !h.holds(secret) || h.holds(other) {
			t.Errorf("under the gag is held: %v; without: %v", h.holds(secret), h.holds(other))
		}
		if n := len(h.items(secret)); n != seen {
			t.Errorf("%d entries tell of an erasure that waits", n-seen)
		}
		h.as(secret)
		shows(t, h.Get("/portal/account"), http.StatusOK, regexp.MustCompile(`Your account will be erased by [0-9A-Za-z ]+`).FindString(after[secret])) // the day does not move
		page := h.Get("/portal")
		shows(t, page, http.StatusOK, "jo@example.com")
		hides(t, page, "+353 1 555", "Example Meadow Ltd")

		h.Clock.Advance(50 * time.Hour)
		sweep()
		if h.holds(secret) {
			t.Error("not erased after the gag")
		}
	})
}

// TestWhatSecrecyHoldsIsGoneForEverybody: what somebody under secrecy had erased, or what
// nothing needs of them any longer, is as gone as anybody else's, and stays so if they keep
// the account and give it anew. An answer alone still has it, and it goes when the secrecy ends.
func TestWhatSecrecyHoldsIsGoneForEverybody(t *testing.T) {
	t.Parallel()
	s := onlyFor(t)
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, s)
		counts := map[bool]int{}
		h.desk.Lapsed = func(_ context.Context, _ *store.Tx, _ string, l desk.Lapse, stayed bool) error {
			counts[stayed] += l.Count
			return nil
		}
		secret, other := h.register(jo...), h.register(with(jo, "contact.email", "an@example.com")...)
		gag := h.Clock.Now().Add(200 * day)
		h.answer(secret, gag)
		both := func(when string, do func(s loot.Subject)) {
			t.Helper()
			seen := map[loot.Subject]string{}
			for _, s := range []loot.Subject{secret, other} {
				h.as(s)
				do(s)
			}
			h.Confirm()
			for _, s := range []loot.Subject{secret, other} {
				h.as(s)
				h.Get("/portal") // with what was said to whoever did something before
				lines := strings.Split(h.portal(s), "\n")
				slices.Sort(lines) // two jobs of one moment come in any order
				seen[s] = strings.Join(lines, "\n")
			}
			alike(t, when, seen[secret], seen[other])
		}
		post := func(path string, pairs ...string) {
			t.Helper()
			if a := h.Post(path, pairs...); a.Status != http.StatusSeeOther {
				t.Fatalf("%s: %d: %s", path, a.Status, text(a.Body))
			}
		}
		nothing := func(loot.Subject) {}

		both("with a detail that only a permission needs", func(loot.Subject) {
			post("/portal/permissions/suggestions", "give", "yes")
			h.correct("contact.hint", "Backups, mostly")
			h.correct("contact.hint", "Backups, and mail")
		})
		both("once it is taken back", func(loot.Subject) { post("/portal/permissions/suggestions", "give", "no") })
		h.nightAfter(day)
		both("after the night", nothing)
		if counts[true] != 1 || counts[false] != 1 || slices.Contains(h.held(secret), "contact.hint") {
			t.Errorf("of two details that nothing needs %d are counted as erased and %d as kept", counts[false], counts[true])
		}

		both("erasing asked for", func(loot.Subject) {
			h.correct("contact.phone", "+353 1 555 0199")
			post("/portal/account/erase", "sure", "yes")
		})
		h.nightAfter(day)
		both("while the rest waits", nothing)
		both("the account kept", func(loot.Subject) {
			post("/portal/account/keep")
			hides(t, h.Get("/portal"), "+353 1 555")
		})
		both("given anew", func(loot.Subject) {
			post("/portal/order/backup", "plan", "backup-500")
			h.correct("contact.phone", "+353 1 555 0111")
			h.correct("contact.phone", "+353 1 555 0112")
		})
		h.nightAfter(60 * day)
		both("past the day of the record", func(loot.Subject) {
			page := h.Get("/portal")
			shows(t, page, http.StatusOK, "+353 1 555 0111", "+353 1 555 0112")
			hides(t, page, "+353 1 555 0100", "+353 1 555 0199", "Backups")
		})
		both("removed by themselves", func(loot.Subject) {
			post("/portal/correct/contact.phone", "remove", "yes", "version", stamped.FindStringSubmatch(h.Get("/portal/correct/contact.phone").Body)[1])
		})

		got := h.answer(secret, gag, "contact.hint", "contact.phone", "contact.email")
		if got["contact.hint"].Reveal() != "Backups, and mail" || got["contact.phone"].Reveal() != "+353 1 555 0199" || len(got) != 3 {
			t.Errorf("the answer has %d details", len(got))
		}
		both("after the answer", func(loot.Subject) { h.correct("contact.phone", "+353 1 555 0113") })
		if got := h.answer(secret, gag, "contact.phone"); got["contact.phone"].Reveal() != "+353 1 555 0113" {
			t.Error("the answer has not what counts now")
		}

		erasures := func() (n int) {
			for _, it := range h.items(secret) {
				if it.Facts.Action == loot.Erase && it.Facts.Verdict == ledger.Permitted {
					n++
				}
			}
			return n
		}
		before := erasures()
		h.nightAfter(gag.Sub(h.Clock.Now()) + 25*time.Hour)
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			aside, err := h.Kit.Vault.Aside(ctx, tx, secret, collection)
			if len(aside) > 0 {
				t.Errorf("after the secrecy %d details lie aside", len(aside))
			}
			return err
		})
		key, err := h.Kit.Vault.Keyring.Person(t.Context(), secret, collection)
		ok(t, err)
		if _, erased := key.Erased("contact.hint"); !erased {
			t.Error("the key of what lay aside is not destroyed")
		}
		if n := erasures() - before; n != 1 { // details of one kind
			t.Errorf("%d entries more tell after the secrecy what was erased", n)
		}
		h.as(secret)
		shows(t, h.Get("/portal"), http.StatusOK, "+353 1 555 0113")
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Refused: erasing")
		if r, err := h.Kit.Vault.Check(t.Context()); err != nil || len(r.Problems) > 0 {
			t.Errorf("%v %v", r.Problems, err)
		}
	})
}

// TestAnAnswerIsToldAsItWas: that one person alone could not hand it over, and then that it
// was handed over, with what the desk for it says of that.
func TestAnAnswerIsToldAsItWas(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	s := h.register(jo...)
	h.answer(s, time.Time{})
	h.use("mailing", "mailing", s, "contact.email") // to which nobody could agree
	h.as(s)
	page := h.Get("/portal/timeline")
	shows(t, page, http.StatusOK, "Received 1 detail", "Our reference is D-1.", "Not by one person alone: handing over 1 detail", "Nothing was opened: others have to agree first.", "Refused: opening 1 detail")
	hides(t, page, "Refused: handing over", "Not by one person alone: opening")
}
