package partners

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/ledger"
	"loot/store"
	"loot/web/webtest"
)

// vote answers what waits for a second person, and lets happen what follows.
func (h *house) vote(yes bool) {
	h.Helper()
	h.answer(yes)
	h.Drain()
}

func (h *house) answer(yes bool) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		list, err := h.Kit.Gate.Approvals(ctx, tx, 10)
		if err != nil {
			return err
		}
		for _, a := range list {
			if a.State == gate.Pending {
				_, err := h.Kit.Gate.Vote(ctx, tx, a.ID, gate.Voter{Actor: loot.Actor{Kind: loot.Staff, ID: "t-dpo", Roles: []loot.Role{"dpo"}}, Since: desktest.Start.AddDate(-1, 0, 0)}, yes)
				return err
			}
		}
		h.Error("nothing waits")
		return nil
	})
}

// waiting counts what the gate says waits for a second person.
func (h *house) waiting() (n int) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		n = 0
		list, err := h.Kit.Gate.Approvals(ctx, tx, 10)
		for _, a := range list {
			if a.State == gate.Pending {
				n++
			}
		}
		return err
	})
	return n
}

// TestASuccessionIsAgreedToByASecondPerson: nobody is written to before the letter was
// looked at and somebody else agreed, and whoever was told hears that it is taken back.
func TestASuccessionIsAgreedToByASecondPerson(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.others = 1
		h.customer("a@example.com")
		h.services[h.customer("b@example.com")] = []string{"domain"}
		h.sign(seller, "service")
		h.reach(seller)
		to := "/console/partners/" + seller
		pairs := []string{"kind", succession, "services", "shared-hosting", "words", "On 1 March."}
		h.asStaff("t-counsel", "counsel")
		shows(t, h.Post(to+"/notice", pairs...), http.StatusOK, "Tallowmere Software takes over this part of our network: shared hosting", "1 customer", "On 1 March.", "With it move the details that it needs for: running your service.", "Ask a second person to agree")
		h.Drain()
		if page := h.Get(to); h.Mail.Count() != 0 || strings.Contains(page.Body, "On 1 March.") {
			t.Fatal("looking at the letter announced it")
		}
		leads(t, h.Post(to+"/notice", append(pairs, "confirm", "yes")...), to)
		h.Drain()
		page := h.Get(to)
		shows(t, page, http.StatusOK, "waits for a second person")
		if h.Mail.Count() != 0 {
			t.Fatal("a letter went before a second person agreed")
		}
		shows(t, h.Post(to+"/notice", append(pairs, "confirm", "yes")...), http.StatusConflict, "waits for a second person already")
		c := h.customer("c@example.com")
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.Kit.Jobs.Enqueue(ctx, tx, sweepArgs{}) })
		ok(t, h.desk.registered(t.Context(), string(c)))
		h.Drain()
		if h.Mail.Count() != 0 {
			t.Fatal("whoever came meanwhile was told before a second person agreed")
		}
		h.vote(false)
		shows(t, h.Get(to), http.StatusOK, "a second person said no")
		if h.Mail.Count() != 0 {
			t.Fatal("a letter went though a second person said no")
		}
		end := regexp.MustCompile(to + `/notice/p[a-z0-9]+/end`)
		leads(t, h.Post(end.FindString(page.Body)), to)

		leads(t, h.Post(to+"/notice", append(pairs, "confirm", "yes")...), to)
		h.vote(true)
		if _, found := h.Mail.Last("b@example.com"); h.Mail.Count() != 2 || found {
			t.Errorf("%d letters, want 2", h.Mail.Count())
		}
		page = h.Get(to)
		shows(t, page, http.StatusOK, "time to object until")
		letter := strings.TrimSuffix(end.FindString(page.Body), "/end")
		h.asStaff("t-support", "support")
		shows(t, h.Get(letter), http.StatusOK, "On 1 March.")
		h.asStaff("t-counsel", "counsel")
		h.Clock.Advance(30 * day)
		if got := h.file(seller, "service"); len(got) != 2 {
			t.Errorf("moved: %v", got)
		}
		h.Drain()
		h.asStaff("t-counsel", "counsel")
		before := h.Mail.Count()
		leads(t, h.Post(letter+"/end"), to)
		h.Drain()
		back, _ := h.Mail.Last("a@example.com")
		if n := h.Mail.Count() - before; n != 2 || !strings.HasPrefix(back.Subject, "Tallowmere Software does not take over this part of our network") || !strings.Contains(back.Text, "We take that back") {
			t.Errorf("%d letters take it back: %s: %s", n, back.Subject, back.Text)
		}
		if got := h.file(seller, "service"); len(got) != 0 {
			t.Errorf("moved after it was taken back: %v", got)
		}
	})
}

// TestAnAgreementThatEndedIsNotAnnounced: the agreement is revoked while others are asked.
func TestAnAgreementThatEndedIsNotAnnounced(t *testing.T) {
	h := one(t)
	h.others = 1
	h.customer("a@example.com")
	h.sign(seller, "service")
	h.announce(seller, succession)
	h.asStaff("t-counsel", "counsel")
	leads(t, h.Post("/console/partners/"+seller+"/revoke", "reason", "x"), "/console/partners/"+seller)
	h.vote(true)
	shows(t, h.Get("/console/partners/"+seller), http.StatusOK, "taken back")
	if h.Mail.Count() != 0 {
		t.Error("a letter went")
	}
}

// TestWhatNobodyAgreedToIsInNobodysWay: another one can be asked for once a second person
// said no or nobody answered in time, and what is taken back waits for nobody.
func TestWhatNobodyAgreedToIsInNobodysWay(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.others = 1
		h.customer("a@example.com")
		h.sign(seller, "service")
		h.asStaff("t-counsel", "counsel")
		to := "/console/partners/" + seller
		ask := func() webtest.Answer {
			t.Helper()
			return h.Post(to+"/notice", "kind", succession, "confirm", "yes")
		}
		back := func(want int) {
			t.Helper()
			if n := strings.Count(h.Get(to).Body, "taken back"); n != want {
				t.Errorf("%d were taken back, want %d", n, want)
			}
		}
		leads(t, ask(), to)
		h.vote(false)
		leads(t, ask(), to)
		back(1)
		shows(t, ask(), http.StatusConflict, "waits for a second person already")

		h.Clock.Advance(4 * day)
		shows(t, h.Get(to), http.StatusOK, "nobody agreed in time")
		leads(t, ask(), to)
		back(2)

		end := regexp.MustCompile(to + `/notice/p[a-z0-9]+/end`).FindString(h.Get(to).Body)
		leads(t, h.Post(end), to)
		back(3)
		if n := h.waiting(); n != 0 {
			t.Errorf("%d wait after it was taken back", n)
		}

		// What was agreed to goes, also if another one is asked for before its first letter.
		leads(t, ask(), to)
		h.answer(true)
		leads(t, ask(), to)
		h.Drain()
		back(3)
		if h.Mail.Count() != 1 || h.waiting() != 1 {
			t.Errorf("%d letters went and %d wait, want one and one", h.Mail.Count(), h.waiting())
		}
	})
}

// TestOnlyThePreviewCountsWhomItGoesTo: that looks at every customer. A notice that was
// announced says how many were told, not how many would be today.
func TestOnlyThePreviewCountsWhomItGoesTo(t *testing.T) {
	h := one(t)
	h.others = 1
	h.customer("a@example.com")
	h.customer("b@example.com")
	h.sign(seller, "service")
	looked := 0
	h.desk.needs.Services = func(_ context.Context, _ *store.Tx, s loot.Subject) ([]string, error) {
		looked++
		return h.services[s], nil
	}
	h.asStaff("t-counsel", "counsel")
	to := "/console/partners/" + seller
	pairs := []string{"kind", succession, "services", "shared-hosting"}
	shows(t, h.Post(to+"/notice", pairs...), http.StatusOK, "Goes to 2 customers")
	if looked != 2 {
		t.Errorf("the preview looked at %d customers, want 2", looked)
	}
	leads(t, h.Post(to+"/notice", append(pairs, "confirm", "yes")...), to)
	letter := regexp.MustCompile(to + `/notice/p[a-z0-9]+`).FindString(h.Get(to).Body)
	looked = 0
	shows(t, h.Get(letter), http.StatusOK, "Went to 0 customers")
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		list, err := h.Kit.Gate.Approvals(ctx, tx, 1)
		if err != nil {
			return err
		}
		_, _, raw, _, err := h.Kit.Gate.Approval(ctx, tx, list[0].ID)
		if err != nil {
			return err
		}
		text, href, err := h.desk.Describe(ctx, tx, raw)
		if text != "Tallowmere Software takes over this part of our network: shared hosting" || href != letter {
			t.Errorf("described as %q at %s", text, href)
		}
		return err
	})
	if looked != 0 {
		t.Errorf("saying what waits looked at %d customers", looked)
	}
	h.vote(true)
	h.customer("c@example.com")
	looked = 0
	shows(t, h.Get(letter), http.StatusOK, "Went to 2 customers")
	if looked != 0 {
		t.Errorf("the letter that went looked at %d customers", looked)
	}
}

// asked returns the id of the approval that waits, and what it is about in words.
func (h *house) asked() (id, text string) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		list, err := h.Kit.Gate.Approvals(ctx, tx, 1)
		if err != nil || len(list) == 0 {
			return err
		}
		id = list[0].ID
		var matter []byte
		_, _, matter, _, err = h.Kit.Gate.Approval(ctx, tx, id)
		if err != nil {
			return err
		}
		text, _, err = h.desk.Describe(ctx, tx, matter)
		return err
	})
	return id, text
}

// TestOnlyASuccessionWaits for a second person: it is its letter that nobody calls back.
func TestOnlyASuccessionWaits(t *testing.T) {
	h := one(t)
	h.others = 1
	h.customer("a@example.com")
	h.sign(helper, string(support))
	h.announce(helper, cooperation)
	if h.Mail.Count() != 1 {
		t.Errorf("%d letters, want 1", h.Mail.Count())
	}
}

// TestAnAgreementOfOthersComesTooLate for what was taken back, and once for what was not.
func TestAnAgreementOfOthersComesTooLate(t *testing.T) {
	h := one(t)
	h.others = 1
	h.customer("a@example.com")
	gone, order := h.Customer(collection, "service", map[loot.Field]string{"contact.email": "b@example.com"})
	h.services[gone] = []string{"shared-hosting"}
	ok(t, h.Kit.Gate.InTx(t.Context(), func(tx *store.Tx) error {
		if err := h.Kit.Gate.EndOrder(t.Context(), tx, order); err != nil {
			return err
		}
		p, err := h.Kit.Gate.Decide(t.Context(), tx, gate.Request{
			Action: loot.Erase, Actor: loot.Actor{Kind: loot.Person, ID: string(gone)}, Purpose: "access", Subject: gone, Collection: collection,
			Fields: []loot.Field{"contact.email"},
		})
		if err != nil {
			return err
		}
		return h.Kit.Vault.Erase(t.Context(), tx, p)
	}))
	h.sign(seller, "service")
	h.announce(seller, succession, "shared-hosting")
	id, text := h.asked()
	if text != "Tallowmere Software takes over this part of our network: shared hosting" {
		t.Errorf("asked is: %s", text)
	}
	h.asStaff("t-counsel", "counsel")
	at := "/console/partners/" + seller
	leads(t, h.Post(regexp.MustCompile(at+`/notice/p[a-z0-9]+/end`).FindString(h.Get(at).Body)), at)
	if _, text = h.asked(); text != "It was taken back." {
		t.Errorf("asked is: %s", text)
	}
	ok(t, h.desk.approved(t.Context(), id)) // they agreed at the same moment
	if h.Mail.Count() != 0 {
		t.Error("a letter went by what was taken back")
	}
	h.Clock.Advance(day)
	h.announce(seller, succession, "shared-hosting")
	id, _ = h.asked()
	h.vote(true)
	ok(t, h.desk.approved(t.Context(), id)) // a job may run twice
	h.Drain()
	if h.Mail.Count() != 1 {
		t.Errorf("%d letters, want 1", h.Mail.Count())
	}
}

// TestNobodyAgreesInTime, also once the gate has forgotten that they were asked.
func TestNobodyAgreesInTime(t *testing.T) {
	h := one(t)
	h.others = 1
	h.customer("a@example.com")
	h.sign(seller, "service")
	h.announce(seller, succession)
	h.Clock.Advance(4 * day)
	h.asStaff("t-counsel", "counsel")
	at := "/console/partners/" + seller
	shows(t, h.Get(at), http.StatusOK, "nobody agreed in time")
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM gate_approval`)
		return err
	})
	shows(t, h.Get(at), http.StatusOK, "nobody agreed in time")
}

// TestALetterIsOfItsPartner, and only whoever signed has one made.
func TestALetterIsOfItsPartner(t *testing.T) {
	h := one(t)
	h.sign(seller, "service")
	h.announce(seller, succession)
	h.asStaff("t-new", "counsel")
	at := "/console/partners/" + seller
	letter := regexp.MustCompile(at + `/notice/p[a-z0-9]+`).FindString(h.Get(at).Body)
	shows(t, h.Get(letter), http.StatusOK, "takes over our network")
	shows(t, h.Get(strings.Replace(letter, seller, helper, 1)), http.StatusNotFound, "There is no such announcement.")
	for _, confirm := range []string{"", "yes"} {
		shows(t, h.Post(at+"/notice", "kind", succession, "confirm", confirm), http.StatusForbidden, "Sign the confidentiality undertaking first")
	}
}

// TestWhoeverIsToldLateHearsThatItIsTakenBack: the letter was on its way, and of many each
// is written to.
func TestWhoeverIsToldLateHearsThatItIsTakenBack(t *testing.T) {
	h := one(t)
	a := h.customer("a@example.com")
	h.sign(seller, "service")
	h.announce(seller, succession)
	var n notice
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		all, err := notices(ctx, tx, `partner = $1`, seller)
		if len(all) == 1 {
			n = all[0]
		}
		return err
	})
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		for range pageSize {
			if _, err := tx.Exec(ctx, `INSERT INTO partners_told (notice, subject, at) VALUES ($1, $2, 1)`, n.ID, loot.NewSubject()); err != nil {
				return err
			}
		}
		return nil
	})
	late := h.customer("b@example.com")
	h.asStaff("t-counsel", "counsel")
	leads(t, h.Post("/console/partners/"+seller+"/notice/"+n.ID+"/end"), "/console/partners/"+seller)
	h.Drain()
	ok(t, h.desk.tell(t.Context(), n, late))
	h.Drain()
	for _, to := range []string{"a@example.com", "b@example.com"} {
		if m, _ := h.Mail.Last(to); !strings.HasPrefix(m.Subject, "Tallowmere Software does not take over") {
			t.Errorf("%s has: %s", to, m.Subject)
		}
	}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		items, err := h.Kit.Ledger.Timeline(ctx, tx, a, collection, "", 100)
		if err == nil && !slices.ContainsFunc(items, func(it ledger.Item) bool { return it.Facts.Note == "partner.successor" }) {
			t.Error("the timeline does not say that they were told of a successor")
		}
		return err
	})
	var asked int
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM river_job WHERE kind = 'partners.unsay'`).Scan(&asked)
	})
	if want := pageSize + 2; asked != want {
		t.Errorf("%d are written to, want %d", asked, want)
	}
}
