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
	"loot/desk/desktest"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// random is what differs between two people of whom the same is known: ids,
// tokens of forms, receipts, and their addresses.
var random = regexp.MustCompile(`\b[a-z][0-9a-z]{26}\b|"receipt": "[^"]*"|name="(csrf|sent|version)" value="[^"]*"|\b(jo|an)@example\.com`)

// portal returns all that a person sees of themself, without what is random.
func (h *house) portal(s loot.Subject) string {
	h.Helper()
	h.as(s)
	var b strings.Builder
	for _, path := range []string{"/portal", "/portal/permissions", "/portal/timeline", "/portal/account"} {
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

// answer hands a person's address to the police in secret: refused first, then
// approved by two others and permitted.
func (h *house) answer(s loot.Subject, gag time.Time) {
	h.Helper()
	ctx := h.Context()
	h.undertaking = h.Clock.Now().Add(-time.Hour)
	staff := func(id string, role loot.Role) loot.Actor {
		return loot.Actor{Kind: loot.Staff, ID: id, Roles: []loot.Role{role}}
	}
	r := gate.Request{
		Action: loot.Answer, Actor: loot.Actor{Kind: loot.Authority, ID: "police"}, By: staff("u-counsel", "counsel"), Desk: "disclosure",
		Purpose: "lawful-request", Subject: s, Collection: collection, Fields: []loot.Field{"contact.email"}, Entered: true,
		Asked: &statement.Asked{Basis: "law", Valid: true, Until: h.Clock.Now().AddDate(0, 1, 0), Scope: []loot.Category{"contact"}, Gag: gag},
		Told:  "Our reference is D-1.",
	}
	decide := func() error {
		return h.Kit.Gate.InTx(ctx, func(tx *store.Tx) error {
			p, err := h.Kit.Gate.Decide(ctx, tx, r)
			if err != nil {
				return err
			}
			_, err = h.Kit.Vault.Open(ctx, tx, p)
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
