package partners

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/gate"
	"loot/mail"
	"loot/store"
	"loot/web/webtest"
)

func one(t *testing.T) *house {
	t.Helper()
	t.Parallel()
	return newHouse(t, desktest.One(t))
}

// TestCooperationGoesStepByStep: agreement, letters, time to object, and each of them can
// be taken back.
func TestCooperationGoesStepByStep(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a, b := h.customer("a@example.com"), h.customer("b@example.com")
		feed := func() webtest.Answer {
			h.asStaff("t-dpo", "dpo")
			return h.Post("/console/partners/"+helper+"/feed", "purpose", "support", "reason", "x")
		}
		h.reach(helper)
		shows(t, feed(), http.StatusForbidden, "No confidentiality agreement")
		h.sign(helper, "support")
		h.asStaff("t-dpo", "dpo")
		leads(t, h.Post("/console/partners/"+helper+"/company", "contact", "privacy@partner.example"), "/console/partners/"+helper)
		shows(t, feed(), http.StatusConflict, "No age recipient of this partner is entered.")
		h.reach(helper)
		if got := h.file(helper, support); len(got) != 0 {
			t.Errorf("before anybody was told: %v", got)
		}
		h.announce(helper, cooperation)
		if h.Mail.Count() != 2 {
			t.Errorf("%d letters, want 2", h.Mail.Count())
		}
		letter, _ := h.Mail.Last("a@example.com")
		if !strings.Contains(letter.Text, "Kelpwharf Data Centres, Ireland") || !strings.Contains(letter.Text, "30 days") || !strings.Contains(letter.Text, "Ask us.") {
			t.Errorf("the letter: %s", letter.Text)
		}
		h.Clock.Advance(30*day - 1)
		if got := h.file(helper, support); len(got) != 0 {
			t.Errorf("while the time to object runs: %v", got)
		}
		h.as(b)
		shows(t, h.Get("/portal/partners"), http.StatusOK, "Kelpwharf Data Centres", "may be used", "It has received nothing of yours.", "Works with us: helping you")
		leads(t, h.Post("/portal/partners/"+helper, "purpose", "support", "object", "yes"), "/portal/partners")
		h.Clock.Advance(1)
		c := h.customer("c@example.com") // who was not told in time
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.Kit.Jobs.Enqueue(ctx, tx, sweepArgs{}) })
		h.Drain()
		// The record of somebody who objects may even be damaged.
		var whole []byte
		cells := func(to []byte) {
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				if err := tx.QueryRow(ctx, `SELECT cells FROM vault_record WHERE subject = $1`, b.Compact()).Scan(&whole); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, `UPDATE vault_record SET cells = $1 WHERE subject = $2`, to, b.Compact())
				return err
			})
		}
		cells([]byte{9, 9, 9})
		was := whole
		got := h.file(helper, support)
		cells(was)
		if addresses(got) != "a@example.com" || got[0].Details["contact.phone"] == "" || strings.Contains(got[0].Reference, string(a)) {
			t.Errorf("went: %v", got)
		}
		if h.transfers(a) != 1 || h.transfers(b) != 0 || h.transfers(c) != 0 {
			t.Error("the ledger says something else than what went")
		}
		h.Clock.Advance(30 * day)
		h.as(b)
		leads(t, h.Post("/portal/partners/"+helper, "purpose", "support", "object", "no"), "/portal/partners")
		if got := addresses(h.file(helper, support)); len(strings.Fields(got)) != 3 {
			t.Errorf("went after everybody was told and nobody objects: %q", got)
		}
		h.as(a)
		shows(t, h.Get("/portal/partners"), http.StatusOK, "E-mail address", "has it")

		h.asStaff("t-counsel", "counsel")
		page := h.Get("/console/partners/" + helper)
		shows(t, page, http.StatusOK, "Jo Doe and Max Roe", "and Example Printers", "e05a17e4", "done")
		took := h.Get(regexp.MustCompile(`/console/partners/kelpwharf/agreement/a[a-z0-9]+`).FindString(page.Body))
		if took.Body != "We keep it confidential." {
			t.Errorf("the document is %q", took.Body)
		}
		end := regexp.MustCompile(`/console/partners/kelpwharf/notice/p[a-z0-9]+/end`).FindString(page.Body)
		leads(t, h.Post(end), "/console/partners/"+helper)
		if got := h.file(helper, support); len(got) != 0 {
			t.Errorf("after the notice was taken back: %v", got)
		}
		h.asStaff("t-counsel", "counsel")
		shows(t, h.Post("/console/partners/"+helper+"/revoke"), http.StatusUnprocessableEntity, "Please fill this in.")
		leads(t, h.Post("/console/partners/"+helper+"/revoke", "reason", "They passed it on."), "/console/partners/"+helper)
		shows(t, feed(), http.StatusForbidden, "No confidentiality agreement")
		h.asStaff("t-counsel", "counsel")
		shows(t, h.Get("/console/partners/"+helper), http.StatusOK, "revoked", "They passed it on.")
	})
}

// TestAnAgreementCoversWhatItSays: other purposes and other kinds of details stay.
func TestAnAgreementCoversWhatItSays(t *testing.T) {
	h := one(t)
	h.customer("a@example.com")
	h.ready(helper)
	if got := addresses(h.file(helper, support)); got != "a@example.com" {
		t.Fatalf("went: %q", got)
	}
	h.asStaff("t-counsel", "counsel")
	page := h.Get("/console/partners/" + helper)
	shows(t, page, http.StatusOK, "The person's name, E-mail address")
	desktest.Lacks(t, page, "How to reach you", "Your company", "how to reach you", "your company")
	shows(t, h.upload("/console/partners/"+helper+"/agreement", "signed", "2026-01-02", "ends", "2026-01-01", "country", "Irelandia"), http.StatusUnprocessableEntity,
		"It ends before it begins.", "Please choose one of those offered.", "Choose the signed document.", "an agreement about nothing", "Who signed it : Please fill this in.")
	shows(t, h.upload("/console/partners/"+helper+"/agreement", "signed", "2026-01-02", "ends", "2026-01-02"), http.StatusUnprocessableEntity, "It ends before it begins.")
	desktest.Lacks(t, h.upload("/console/partners/"+helper+"/agreement", "signed", "", "ends", "2026-01-02"), "This is no date.")
	shows(t, h.Post("/console/partners/"+helper+"/feed", "purpose", "support"), http.StatusUnprocessableEntity, "Reason : Please fill this in.", "Hand over the sealed file")
	leads(t, h.upload("/console/partners/"+helper+"/agreement", "purposes", "support", "categories", "company", "signed", "2026-01-02", "ends", "2028-01-01", "country", "IE", "signers", "x", "document", "y"), "/console/partners/"+helper)
	got := h.file(helper, support)
	if len(got) != 1 || got[0].Details["contact.email"] != "" || got[0].Details["company.name"] == "" {
		t.Errorf("a narrower agreement let this go: %v", got)
	}
	// Were the program to ask for more than the agreement covers, the gate refuses.
	err := h.Kit.Gate.InTx(t.Context(), func(tx *store.Tx) error {
		p, err := h.desk.parcel(t.Context(), tx, helper, support, h.desk.actor())
		if err != nil {
			return err
		}
		p.Fields = append(p.Fields, "contact.email")
		lines, _, err := h.desk.chunk(t.Context(), tx, p, "", 10)
		if len(lines) > 0 {
			t.Errorf("went: %v", lines)
		}
		return err
	})
	ok(t, err)
	h.asStaff("t-support", "support")
	shows(t, h.Post("/console/partners/"+helper+"/revoke", "reason", "x"), http.StatusForbidden)
	h.asStaff("t-new", "counsel")
	shows(t, h.Post("/console/partners/"+helper+"/revoke", "reason", "x"), http.StatusForbidden, "Sign the confidentiality undertaking first")
}

// TestOnePersonIsHandedOver: covered before it goes, opened by the partner alone.
func TestOnePersonIsHandedOver(t *testing.T) {
	h := one(t)
	a, b := h.customer("a@example.com"), h.customer("b@example.com")
	h.ready(helper)
	h.as(b)
	leads(t, h.Post("/portal/partners/"+helper, "purpose", "support", "object", "yes"), "/portal/partners")
	to := "/console/partners/" + helper + "/person"
	h.asStaff("t-billing", "billing")
	shows(t, h.Post(to, "subject", string(a), "purpose", "support"), http.StatusForbidden, "Your role opens no records for this purpose")
	h.asStaff("t-new", "support")
	shows(t, h.Post(to, "subject", string(a), "purpose", "support"), http.StatusForbidden, "Sign the confidentiality undertaking first")
	h.asStaff("t-support", "support")
	shows(t, h.Post(to, "subject", "s00", "purpose", "support"), http.StatusUnprocessableEntity, "There is no such customer.")
	page := h.Post(to, "subject", "https://loot.example/console/customers/"+string(a)+"?purpose=support", "purpose", "support")
	shows(t, page, http.StatusOK, "What would go", "E-mail address")
	desktest.Hides(t, page, "Language")
	desktest.Hides(t, page, "a@example.com")
	shows(t, h.Post(to, "subject", string(b), "purpose", "support"), http.StatusOK, "Nothing goes.", "The customer objects to it.")
	shows(t, h.Post(to, "subject", string(b), "purpose", "support", "send", "yes", "reason", "x"), http.StatusForbidden)
	shows(t, h.Post(to, "subject", string(a), "purpose", "support", "send", "yes"), http.StatusOK, "Please fill this in.")
	if h.transfers(a) != 0 {
		t.Error("looking handed it over")
	}
	got := h.opened(h.Post(to, "subject", string(a), "purpose", "support", "send", "yes", "reason", "The machine has to be opened."))
	if addresses(got) != "a@example.com" || h.transfers(a) != 1 {
		t.Errorf("went: %v", got)
	}
}

// TestWhoIsErasedIsNoCustomer: and a database that is broken is said to be nothing else.
func TestWhoIsErasedIsNoCustomer(t *testing.T) {
	h := one(t)
	a, order := h.Customer(collection, "service", map[loot.Field]string{"contact.email": "a@example.com"})
	h.ready(helper)
	h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.Kit.Gate.EndOrder(ctx, tx, order) })
	h.Clock.Advance(100 * day)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		p, err := h.Kit.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Erase, Actor: loot.Actor{Kind: loot.Person, ID: string(a)}, Purpose: "access", Subject: a, Collection: collection, Fields: []loot.Field{"contact.email"},
		})
		if err != nil {
			return err
		}
		return h.Kit.Vault.Erase(ctx, tx, p)
	})
	h.asStaff("t-support", "support")
	to := "/console/partners/" + helper + "/person"
	shows(t, h.Post(to, "subject", string(a), "purpose", "support"), http.StatusUnprocessableEntity, "There is no such customer.")
	_, err := h.desk.DB.Exec(t.Context(), `ALTER TABLE vault_record RENAME TO vault_away`)
	ok(t, err)
	broken := h.Post(to, "subject", string(a), "purpose", "support")
	shows(t, broken, http.StatusInternalServerError)
	desktest.Hides(t, broken, "There is no such customer.")
}

// TestOnlyWhatIsHeldIsSaidToHaveGone: neither the ledger nor the customer's own pages name
// what was never given, and of whom nothing is held nothing goes.
func TestOnlyWhatIsHeldIsSaidToHaveGone(t *testing.T) {
	h := one(t)
	a := h.customer("a@example.com")
	none, _ := h.Customer(collection, "service", map[loot.Field]string{"contact.email": "b@example.com"})
	h.ready(helper)
	got := h.file(helper, support)
	h.asStaff("t-counsel", "counsel")
	leads(t, h.upload("/console/partners/"+helper+"/agreement", "purposes", "support", "categories", "company", "signed", "2026-01-02", "ends", "2028-01-01", "country", "IE", "signers", "x", "document", "y"), "/console/partners/"+helper)
	if narrow := h.file(helper, support); len(got) != 2 || len(narrow) != 1 || narrow[0].Details["company.name"] == "" {
		t.Errorf("went: %v, then %v", got, narrow)
	}
	if h.transfers(a) != 2 || h.transfers(none) != 1 {
		t.Error("the ledger says something else than what went")
	}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		for _, s := range []loot.Subject{a, none} {
			held, err := h.Kit.Vault.Held(ctx, tx, s, collection)
			if err != nil {
				return err
			}
			items, err := h.Kit.Ledger.Timeline(ctx, tx, s, collection, "", 100)
			if err != nil {
				return err
			}
			for _, it := range items {
				for _, f := range it.Subject.Fields {
					if _, ok := held[f]; it.Facts.Action == loot.Transfer && !ok {
						t.Errorf("the ledger says that %s went", f)
					}
				}
			}
			list, err := sentTo(ctx, tx, s)
			if err != nil || len(list) != 1 || len(list[0].Fields) == 0 || slices.ContainsFunc(list[0].Fields, func(f loot.Field) bool { _, ok := held[f]; return !ok }) {
				t.Errorf("said to have been sent: %v, %v", list, err)
			}
		}
		return nil
	})
	h.asStaff("t-support", "support")
	to := "/console/partners/" + helper + "/person"
	shows(t, h.Post(to, "subject", string(none), "purpose", "support"), http.StatusOK, "Nothing goes.", "has given none of the details")
	shows(t, h.Post(to, "subject", string(none), "purpose", "support", "send", "yes", "reason", "x"), http.StatusConflict, "has given none of the details")
	shows(t, h.Get("/console/partners/"+helper), http.StatusOK, "Hand over one person")
	h.asStaff("t-counsel", "counsel")
	page := h.Get("/console/partners/" + helper)
	shows(t, page, http.StatusOK, "Hand over everybody")
	desktest.Hides(t, page, "Hand over one person")
	shows(t, h.Post(to, "subject", string(a), "purpose", "support"), http.StatusForbidden, "Your role opens no records for this purpose")
}

// TestWithdrawalsReachThePartner: an objection, a permission taken back and an erasure are
// each sent on, signed, and followed until they are confirmed.
func TestWithdrawalsReachThePartner(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a, b := h.customer("a@example.com"), h.customer("b@example.com")
		h.ready(helper)
		h.sign(seller, "partner-advertising")
		choose := func(s loot.Subject, give bool) {
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				c := gate.Choice{Subject: s, Collection: collection, By: loot.Actor{Kind: loot.Person, ID: string(s)}, Offer: "tallowmere-offers"}
				if give {
					return h.Kit.Gate.Permit(ctx, tx, c)
				}
				return h.Kit.Gate.Withdraw(ctx, tx, c)
			})
			h.Drain()
		}
		choose(a, true)
		h.reach(seller)
		if got := addresses(h.file(seller, "partner-advertising")); got != "a@example.com" {
			t.Errorf("went with a permission: %q", got)
		}
		received := h.file(helper, support)
		if len(received) != 2 {
			t.Fatalf("went: %v", received)
		}
		h.Mail.Fail(nil)
		before := h.Mail.Count()
		choose(a, false)
		h.as(b)
		leads(t, h.Post("/portal/partners/"+helper, "purpose", "support", "object", "yes"), "/portal/partners")
		h.Drain()
		if n := h.Mail.Count() - before; n != 2 {
			t.Fatalf("%d letters to partners, want 2", n)
		}
		letter, _ := h.Mail.Last("privacy@partner.example")
		reference := h.desk.reference(helper, b, support)
		text, id := noteIn(t, h, letter)
		if !strings.Contains(text, "reference: "+reference) || !strings.Contains(text, "because: objected") {
			t.Errorf("the request: %s", text)
		}
		if strings.Contains(letter.Text, string(b)) || strings.Contains(letter.Text, "b@example.com") {
			t.Error("the letter names somebody")
		}
		h.as(b)
		shows(t, h.Get("/portal/partners"), http.StatusOK, "asked to delete it", "you object")

		// Nothing is asked twice, and every week there is a reminder.
		remind := func() {
			h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.Kit.Jobs.Enqueue(ctx, tx, remindArgs{}) })
			h.Drain()
		}
		remind()
		if n := h.Mail.Count() - before; n != 2 {
			t.Errorf("%d letters, want 2", n)
		}
		h.Clock.Advance(remindEvery)
		remind()
		if n := h.Mail.Count() - before; n != 4 {
			t.Errorf("%d letters after a week, want 4", n)
		}
		letter, _ = h.Mail.Last("privacy@partner.example")
		if !strings.HasPrefix(letter.Subject, "Reminder:") {
			t.Errorf("the reminder is %q", letter.Subject)
		}

		h.asStaff("t-dpo", "dpo")
		shows(t, h.Get("/console/partners"), http.StatusOK, reference, "objection", "permission taken back")
		shows(t, h.Post("/console/partners/"+helper+"/deletions/"+id), http.StatusUnprocessableEntity, "Say in a sentence")
		leads(t, h.Post("/console/partners/"+helper+"/deletions/"+id, "how", "By a letter of today."), "/console/partners/"+helper)
		shows(t, h.Get("/console/partners/"+helper), http.StatusOK, "confirmed", "By a letter of today.")
		h.as(b)
		shows(t, h.Get("/portal/partners"), http.StatusOK, "deleted it")

		// Whoever is erased leaves a request that names nobody.
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.desk.forget(ctx, tx, a) })
		h.Drain()
		letter, _ = h.Mail.Last("privacy@partner.example")
		if text, _ := noteIn(t, h, letter); !strings.Contains(text, "because: erased") || !strings.Contains(text, h.desk.reference(helper, a, support)) {
			t.Errorf("after the erasure: %s", text)
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			left, err := h.desk.export(ctx, tx, a)
			if left != nil {
				t.Errorf("left of who is erased: %v", left)
			}
			return err
		})
	})
}

// noteIn opens the signed request in a letter.
func noteIn(t *testing.T, h *house, m mail.Message) (text, id string) {
	t.Helper()
	_, rest, found := strings.Cut(m.HTML, "Request to delete")
	if !found {
		t.Fatalf("the letter holds no request: %s", m.Text)
	}
	_ = rest
	h.asStaff("t-dpo", "dpo")
	id = regexp.MustCompile(`id: (w[a-z0-9]+)`).FindStringSubmatch(m.Text)[1]
	a := h.Get("/console/partners/" + helper + "/deletions/" + id)
	v, err := note.NewVerifier(h.desk.noteSigner().verifier())
	ok(t, err)
	n, err := note.Open([]byte(a.Body), note.VerifierList(v))
	ok(t, err)
	if !strings.Contains(desktest.Text(m.HTML), strings.Join(strings.Fields(n.Text), " ")) {
		t.Errorf("the letter holds another request: %s", m.Text)
	}
	return n.Text, id
}

// TestASuccessionMovesWhoWasToldAndAgrees: only services of the part, only after the time to
// object, and each record on the ledger.
func TestASuccessionMovesWhoWasToldAndAgrees(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a, b, c := h.customer("a@example.com"), h.customer("b@example.com"), h.customer("c@example.com")
		h.services[c] = []string{"domain"}
		h.sign(seller, "service")
		h.reach(seller)
		h.announce(seller, succession, "shared-hosting")
		if letter, found := h.Mail.Last("a@example.com"); !found || !strings.Contains(strings.Join(strings.Fields(letter.Text), " "), "this part of our network: shared hosting") {
			t.Errorf("the letter: %v", letter.Text)
		}
		if _, found := h.Mail.Last("c@example.com"); found {
			t.Error("somebody was told whom it does not concern")
		}
		if got := h.file(seller, "service"); len(got) != 0 {
			t.Errorf("moved before the time to object was over: %v", got)
		}
		h.as(b)
		shows(t, h.Get("/portal/partners"), http.StatusOK, "Takes over this part of our network", "Moving to a successor")
		leads(t, h.Post("/portal/partners/"+seller, "purpose", "succession", "object", "yes"), "/portal/partners")
		h.Clock.Advance(30 * day)
		if got := addresses(h.file(seller, "service")); got != "a@example.com" {
			t.Errorf("moved: %q", got)
		}
		if h.transfers(a) != 1 || h.transfers(b) != 0 || h.transfers(c) != 0 {
			t.Error("the ledger says something else than what moved")
		}
		h.as(a) // an objection that comes late is sent on
		leads(t, h.Post("/portal/partners/"+seller, "purpose", "succession", "object", "yes"), "/portal/partners")
		h.Drain()
		shows(t, h.Get("/portal/partners"), http.StatusOK, "asked to delete it")
	})
}

// TestCooperationGoesOnBesideASuccession: an announced succession neither stops what was
// announced before, nor does anything go by the one to whoever objects to the other.
func TestCooperationGoesOnBesideASuccession(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a, b, c := h.customer("a@example.com"), h.customer("b@example.com"), h.customer("c@example.com")
		objects := func(s loot.Subject, p string) {
			h.as(s)
			leads(t, h.Post("/portal/partners/"+helper, "purpose", p, "object", "yes"), "/portal/partners")
			h.Drain()
		}
		h.sign(helper, "support", "service")
		h.reach(helper)
		h.announce(helper, cooperation)
		h.Clock.Advance(30 * day)
		h.announce(helper, succession)
		h.as(b)
		shows(t, h.Get("/portal/partners"), http.StatusOK, "Moving to a successor")
		objects(b, "succession")
		objects(c, "support")
		late := h.customer("d@example.com") // told of both on this day
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.Kit.Jobs.Enqueue(ctx, tx, sweepArgs{}) })
		h.Drain()
		if got := sorted(addresses(h.file(helper, support))); got != "a@example.com b@example.com" {
			t.Errorf("by the cooperation went, while a succession is announced: %q", got)
		}
		if got := addresses(h.file(helper, "service")); got != "" {
			t.Errorf("moved before its time: %q", got)
		}
		h.Clock.Advance(30 * day)
		if got := sorted(addresses(h.file(helper, "service"))); got != "a@example.com c@example.com d@example.com" {
			t.Errorf("moved: %q", got)
		}
		if h.transfers(a) != 2 || h.transfers(b) != 1 || h.transfers(c) != 1 || h.transfers(late) != 1 {
			t.Error("the ledger says something else than what went")
		}
	})
}

func sorted(words string) string { return strings.Join(slices.Sorted(strings.FieldsSeq(words)), " ") }

// TestOthersReceiveNothing: a partner that only has a permission is no successor.
func TestOthersReceiveNothing(t *testing.T) {
	h := one(t)
	h.customer("a@example.com")
	h.sign(seller, "service", "partner-advertising")
	h.reach(seller)
	h.Clock.Advance(60 * day)
	for _, p := range []loot.Purpose{"service", "partner-advertising"} {
		if got := h.file(seller, p); len(got) != 0 {
			t.Errorf("for %s went: %v", p, got)
		}
	}
	h.asStaff("t-counsel", "counsel")
	for _, key := range []string{"nobody", "police"} {
		shows(t, h.Get("/console/partners/"+key), http.StatusNotFound)
	}
}

// TestTheDemonstrationPullsByAKey: the page of a partner that pulled says when its key was made.
func TestTheDemonstrationPullsByAKey(t *testing.T) {
	h := one(t)
	w := h.World()
	w.History = &desk.History{Begin: desktest.Start, End: desktest.Start.AddDate(0, 6, 0)}
	s, to, err := h.desk.partner(helper)
	ok(t, err)
	ok(t, h.desk.demoSign(t.Context(), w, s, to, loot.Actor{Kind: loot.Staff, ID: "t-dpo", Roles: []loot.Role{"dpo"}}))
	ok(t, h.desk.demoPull(t.Context(), to))
	h.asStaff("t-support", "support")
	page := h.Get("/console/partners/" + helper)
	shows(t, page, http.StatusOK, "pulled")
	desktest.Hides(t, page, "none was made")
}

// TestAnObjectionSaysForWhomItCounts: it is to a purpose, and more than one company may have it.
func TestAnObjectionSaysForWhomItCounts(t *testing.T) {
	h := one(t)
	a := h.customer("a@example.com")
	h.sign(seller, "service")
	h.announce(seller, succession)
	h.as(a)
	page := h.Get("/portal/partners")
	shows(t, page, http.StatusOK, "It takes over a service of yours.", "What we told you")
	desktest.Hides(t, page, "So does another company")
	h.sign(helper, "service")
	h.services[h.customer("b@example.com")] = []string{"domain"}
	h.announce(helper, succession, "domain") // which the first does not have
	desktest.Hides(t, h.Get("/portal/partners"), "So does another company")
	h.announce(helper, succession)
	shows(t, h.Get("/portal/partners"), http.StatusOK, "It takes over a service of yours. So does another company: an objection counts for every company on this page that does the same.")
	h.asStaff("t-counsel", "counsel")
	at := "/console/partners/" + helper
	for _, end := range regexp.MustCompile(at+`/notice/p[a-z0-9]+/end`).FindAllString(h.Get(at).Body, -1) {
		leads(t, h.Post(end), at)
	}
	h.as(a)
	desktest.Hides(t, h.Get("/portal/partners"), "So does another company")
}

// TestASuccessionMovesNobodyWhomItDoesNotConcern: whoever objects to the cooperation and was
// not told of the succession does not go by that.
func TestASuccessionMovesNobodyWhomItDoesNotConcern(t *testing.T) {
	h := one(t)
	h.customer("a@example.com")
	b := h.customer("b@example.com")
	h.services[b] = []string{"domain"}
	h.sign(helper, "support", "service")
	h.reach(helper)
	h.announce(helper, cooperation)
	h.announce(helper, succession, "shared-hosting")
	h.as(b)
	leads(t, h.Post("/portal/partners/"+helper, "purpose", "support", "object", "yes"), "/portal/partners")
	h.Clock.Advance(60 * day)
	if got := addresses(h.file(helper, support)); got != "a@example.com" || h.transfers(b) != 0 {
		t.Errorf("went: %q", got)
	}
}
