package staff

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/gate"
	"loot/mail"
	"loot/store"
	"loot/web/webtest"
)

func TestPagesFitTheirData(t *testing.T) { webtest.CheckPages(t) }

// team is an administrator, two who approve, and one who does neither.
func (h *house) team() (admin, dpo, counsel, support loot.Actor) {
	h.Helper()
	return h.colleague("Ada Example", false, "administrator"), h.colleague("Dora Example", false, "dpo"),
		h.colleague("Carl Example", false, "counsel"), h.colleague("Sam Example", true, "support")
}

func (h *house) answer(a loot.Actor, id, yesOrNo string) webtest.Answer {
	h.Helper()
	h.as(a)
	return h.Post("/console/approvals/"+id, "answer", yesOrNo)
}

var count = regexp.MustCompile(`Approvals</span><span class="count">(\d+)`)

// counts returns what the navigation says beside Approvals to each of them.
func (h *house) counts(who ...loot.Actor) []string {
	h.Helper()
	var out []string
	for _, a := range who {
		h.as(a)
		n := ""
		if m := count.FindStringSubmatch(h.Get("/console/staff").Body); m != nil {
			n = m[1]
		}
		out = append(out, n)
	}
	return out
}

func TestNewColleagueNeedsTwoOthers(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		admin, dpo, counsel, support := h.team()
		h.as(admin)
		shows(t, h.Get("/console/staff/new"), http.StatusOK, "Invite somebody", "2 other people have to approve it first", "Opens records for: Helping")
		if page := h.Get("/console/staff/new").Body; !strings.Contains(page, `action="/console/staff" class="form" novalidate>`) {
			t.Error("the browser judges addresses, and holds back one with quotes")
		}
		leads(t, h.Post("/console/staff", "name", "Nina Example", "email", "nina@network.example", "roles", "billing", "reason", "Our second bookkeeper."), "/console/staff")
		shows(t, h.Get("/console/staff"), http.StatusOK, "Nina Example", "Waits for approval", "Asked for. 2 other people have to approve it.")
		ids := h.pending()
		if len(ids) != 1 {
			t.Fatalf("%d approvals wait", len(ids))
		}
		id := ids[0]
		nina := h.find("nina@network.example")

		// Not by whoever asked, not by those who do not approve, not twice by one.
		shows(t, h.answer(admin, id, "yes"), http.StatusForbidden, "Nobody approves their own request")
		shows(t, h.answer(support, id, "yes"), http.StatusForbidden, "None of your roles may approve")
		if got := h.counts(dpo, counsel, admin, support); !slices.Equal(got, []string{"1", "1", "1", ""}) {
			t.Errorf("waiting before anybody answered: %q", got)
		}
		leads(t, h.answer(dpo, id, "yes"), "/console/approvals")
		if got := h.counts(admin, support, counsel, dpo); !slices.Equal(got, []string{"1", "", "1", ""}) {
			t.Errorf("waiting after one said yes: %q", got)
		}
		page := h.Get("/console/approvals")
		shows(t, page, http.StatusOK, "You said yes")
		if strings.Contains(page.Body, `name="answer"`) {
			t.Error("who said yes is asked again")
		}
		again := h.answer(dpo, id, "yes")
		shows(t, again, http.StatusConflict, "answered this already", "Back to Approvals")
		h.Drain()
		if h.member(nina.ID).State != Proposed {
			t.Fatal("one yes was enough")
		}
		h.as(counsel)
		shows(t, h.Get("/console/approvals"), http.StatusOK, "A new colleague", "Nina Example", "Billing", "Our second bookkeeper.", "Asked by Ada Example", "1 of 2 said yes")
		leads(t, h.answer(counsel, id, "yes"), "/console/approvals")
		h.Drain()
		if m := h.member(nina.ID); m.State != Invited || !slices.Equal(m.Roles, []loot.Role{"billing"}) {
			t.Fatalf("after two said yes: %+v", m)
		}
		if !h.did("invite " + nina.ID) {
			t.Error("no invitation")
		}
		// The job runs at least once, and a second run changes nothing.
		before := h.member(nina.ID)
		ok(t, h.desk.approved(t.Context(), id))
		if after := h.member(nina.ID); after.Version != before.Version {
			t.Error("carried out twice")
		}
		h.Clock.Advance(100 * time.Hour)
		if page := words(h.Get("/console/approvals").Body); !strings.Contains(page, "Done") || strings.Contains(page, "Expired") {
			t.Errorf("long after it was carried out: %s", page)
		}
		// Until she has signed in she acts as nobody.
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			a, err := h.desk.Actor(ctx, tx, nina.ID)
			if a.ID != "" {
				t.Error("acts before she joined")
			}
			if err == nil {
				err = h.desk.Joined(ctx, tx, nina.ID)
			}
			return err
		})
		h.as(nina.Actor())
	})
}

func TestOneNoEndsIt(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	admin, dpo, counsel, _ := h.team()
	h.as(admin)
	h.Post("/console/staff", "name", "Nina Example", "email", "nina@network.example", "roles", "billing", "reason", "Why not.")
	id := h.pending()[0]
	leads(t, h.answer(dpo, id, "no"), "/console/approvals")
	shows(t, h.answer(counsel, id, "yes"), http.StatusConflict, "refused already")
	h.Drain()
	if m := h.find("nina@network.example"); m.State != Proposed {
		t.Errorf("state %s", m.State)
	}
	h.Clock.Advance(8 * 24 * time.Hour)
	ok(t, h.desk.sweep(t.Context(), sweepJob{}))
	if m := h.find("nina@network.example"); m.ID != "" {
		t.Error("a proposal that nobody approved is kept")
	}
}

func TestRolesChangeUnderApproval(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		admin, dpo, counsel, support := h.team()
		path := "/console/staff/" + support.ID
		version := func() string { return fmt.Sprint(h.member(support.ID).Version) }
		h.as(admin)
		shows(t, h.Get(path), http.StatusOK, "Sam Example", "Customer support", "a passkey", "Change the roles", "Suspend the account")
		shows(t, h.Post(path+"/roles", "version", version(), "roles", "support", "reason", "x"), http.StatusConflict, "These are the roles")
		shows(t, h.Post(path+"/roles", "version", version(), "roles", "administrator", "roles", "dpo", "reason", "x"), http.StatusUnprocessableEntity, "cannot hold a role that approves")
		shows(t, h.Post(path+"/roles", "version", version(), "roles", "king", "reason", "x"), http.StatusUnprocessableEntity, "choose one of those offered")
		shows(t, h.Post(path+"/roles", "version", version(), "roles", "billing"), http.StatusUnprocessableEntity, "Please fill this in")
		shows(t, h.Post(path+"/roles", "version", "17", "roles", "billing", "reason", "x"), http.StatusConflict, "changed meanwhile")

		leads(t, h.Post(path+"/roles", "version", version(), "roles", "support", "roles", "abuse", "reason", "Covers the abuse desk."), path)
		id := h.pending()[0]
		leads(t, h.answer(dpo, id, "yes"), "/console/approvals")
		leads(t, h.answer(counsel, id, "yes"), "/console/approvals")
		h.Drain()
		m := h.member(support.ID)
		if !slices.Equal(slices.Sorted(slices.Values(m.Roles)), []loot.Role{"abuse", "support"}) || !m.Since.Equal(h.Clock.Now()) {
			t.Fatalf("after two said yes: %+v", m)
		}
		// Taking one away needs nobody.
		h.as(admin)
		leads(t, h.Post(path+"/roles", "version", version(), "roles", "abuse", "reason", "Moved on."), path)
		if m := h.member(support.ID); !slices.Equal(m.Roles, []loot.Role{"abuse"}) {
			t.Errorf("roles %v", m.Roles)
		}
		// What was approved is of the account as it was: a change in between makes it void.
		leads(t, h.Post(path+"/roles", "version", version(), "roles", "abuse", "roles", "billing", "reason", "x"), path)
		id = h.pending()[0]
		leads(t, h.Post(path+"/suspend", "reason", "Lost the laptop."), path)
		if !h.did("end sessions " + support.ID) {
			t.Error("sessions go on")
		}
		leads(t, h.answer(dpo, id, "yes"), "/console/approvals")
		leads(t, h.answer(counsel, id, "yes"), "/console/approvals")
		h.Drain()
		if m := h.member(support.ID); m.State != Suspended || !slices.Equal(m.Roles, []loot.Role{"abuse"}) {
			t.Errorf("%+v", m)
		}
		// Taking an approving role away does need others: or an administrator would be alone.
		h.as(admin)
		leads(t, h.Post("/console/staff/"+dpo.ID+"/roles", "version", fmt.Sprint(h.member(dpo.ID).Version), "reason", "x"), "/console/staff/"+dpo.ID)
		if m := h.member(dpo.ID); len(m.Roles) != 1 {
			t.Error("an approving role was taken away alone")
		}
	})
}

func TestOnlyAdministratorsChangeAccounts(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	admin, dpo, _, support := h.team()
	for _, a := range []loot.Actor{dpo, support} {
		h.as(a)
		for path, pairs := range map[string][]string{
			"/console/staff":                          {"name", "X", "email", "x@network.example", "roles", "billing", "reason", "x"},
			"/console/staff/" + admin.ID + "/roles":   {"version", "1", "roles", "billing", "reason", "x"},
			"/console/staff/" + admin.ID + "/reset":   {"reason", "x"},
			"/console/staff/" + admin.ID + "/suspend": {"reason", "x"},
			"/console/staff/" + admin.ID + "/remove":  {"reason", "x"},
		} {
			if got := h.Post(path, pairs...); got.Status != http.StatusForbidden {
				t.Errorf("%s at %s: %d", a.Name, path, got.Status)
			}
		}
		if got := h.Get("/console/staff/new"); got.Status != http.StatusForbidden {
			t.Errorf("%s sees the form: %d", a.Name, got.Status)
		}
	}
	// Ordinary colleagues see names and roles, and no more.
	h.as(support)
	page := h.Get("/console/staff")
	shows(t, page, http.StatusOK, "Ada Example", "Data protection officer")
	lacks(t, page, "ada@network.example", "Undertaking Signed", "Invite somebody")
	shows(t, h.Get("/console/staff/"+admin.ID), http.StatusForbidden, "Only those who administer")
	// And nothing at all without having signed in lately.
	h.as(admin)
	h.at = h.Clock.Now().Add(-16 * time.Minute)
	if got := h.Post("/console/staff/"+support.ID+"/suspend", "reason", "x"); got.Status != http.StatusUnauthorized {
		t.Errorf("a stale sign-in: %d", got.Status)
	}
}

func TestRemovingAndRenewing(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		admin, dpo, counsel, support := h.team()
		h.as(admin)
		shows(t, h.Post("/console/staff/"+admin.ID+"/remove", "reason", "x"), http.StatusConflict, "cannot remove yourself")
		shows(t, h.Post("/console/staff/"+admin.ID+"/suspend", "reason", "x"), http.StatusConflict, "cannot suspend yourself")
		// Whoever can renew how somebody signs in can become them, so it needs two others.
		leads(t, h.Post("/console/staff/"+support.ID+"/reset", "reason", "Lost the phone."), "/console/staff/"+support.ID)
		id := h.pending()[0]
		if h.did("reset " + support.ID) {
			t.Fatal("renewed alone")
		}
		leads(t, h.answer(dpo, id, "yes"), "/console/approvals")
		leads(t, h.answer(counsel, id, "yes"), "/console/approvals")
		h.Drain()
		if !h.did("reset " + support.ID) {
			t.Error("not renewed")
		}
		// Whoever leaves is out at once, and may come back under a new account.
		h.as(admin)
		leads(t, h.Post("/console/staff/"+support.ID+"/remove", "reason", "Left us."), "/console/staff/"+support.ID)
		if m := h.member(support.ID); m.State != Removed || len(m.Roles) != 0 || m.Name != "Sam Example" {
			t.Errorf("%+v", m)
		}
		if !h.did("forget " + support.ID) {
			t.Error("still has ways of signing in")
		}
		leads(t, h.Post("/console/staff", "name", "Sam Example", "email", "sam@network.example", "roles", "support", "reason", "Is back."), "/console/staff")
		// An approver does not go without others.
		leads(t, h.Post("/console/staff/"+dpo.ID+"/remove", "reason", "x"), "/console/staff/"+dpo.ID)
		if h.member(dpo.ID).State != Active {
			t.Error("an approver was removed alone")
		}
		shows(t, h.Post("/console/staff", "name", "Dora Two", "email", "DORA@network.example", "roles", "support", "reason", "x"), http.StatusUnprocessableEntity, "account with this address already")
	})
}

// An invitation that no mail server carries is not said to be on its way.
func TestAnInvitationSaysWhereItIs(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	h.as(h.colleague("Ada Example", false, "administrator"))
	invite := func(name, want string) {
		t.Helper()
		leads(t, h.Post("/console/staff", "name", name, "email", name+"@network.example", "roles", "support", "reason", "We begin."), "/console/staff")
		shows(t, h.Get("/console/staff"), http.StatusOK, want)
	}
	invite("sam", "The invitation is on its way.")
	h.desk.kit.Mail = &mail.Outbox{}
	invite("kim", "The invitation waits in the outbox, as no mail server is set.")
}

// Run by one person, accounts change at once; the ledger says so, and so does
// the public page. It ends by itself, and suspending the approvers does not
// bring it back.
func TestRunByOnePerson(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		solo := func() (yes bool) {
			h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
				yes, err = h.desk.Solo(ctx, tx)
				return err
			})
			return yes
		}
		admin := h.colleague("Ada Example", false, "administrator")
		h.as(admin)
		shows(t, h.Get("/console/staff"), http.StatusOK, "Fewer than two people here can approve")
		for _, name := range []string{"dora", "carl"} {
			role := map[string]string{"dora": "dpo", "carl": "counsel"}[name]
			leads(t, h.Post("/console/staff", "name", name, "email", name+"@network.example", "roles", role, "reason", "We begin."), "/console/staff")
			m := h.find(name + "@network.example")
			if m.State != Invited || !h.did("invite "+m.ID) {
				t.Fatalf("%+v", m)
			}
			h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.desk.Joined(ctx, tx, m.ID) })
		}
		if n := len(slices.DeleteFunc(h.notes(), func(n string) bool { return n != "staff.new alone" })); n != 2 {
			t.Errorf("the ledger says %d times that it was done alone, want 2", n)
		}
		if !solo() {
			t.Error("not run by one person, with approvers of today")
		}
		h.Clock.Advance(73 * time.Hour)
		if solo() {
			t.Error("run by one person, with two approvers")
		}
		h.as(admin)
		dora, carl := h.find("dora@network.example"), h.find("carl@network.example")
		for _, m := range []Member{dora, carl} {
			leads(t, h.Post("/console/staff/"+m.ID+"/suspend", "reason", "Trying something."), "/console/staff/"+m.ID)
		}
		if solo() {
			t.Error("suspending the approvers makes it run by one person")
		}
		leads(t, h.Post("/console/staff", "name", "Mallory", "email", "mallory@network.example", "roles", "dpo", "reason", "x"), "/console/staff")
		if m := h.find("mallory@network.example"); m.State != Proposed {
			t.Errorf("an approver was made alone: %s", m.State)
		}
		// Let in again they count, and approve nothing for a while.
		leads(t, h.Post("/console/staff/"+dora.ID+"/resume", "reason", "Back."), "/console/staff/"+dora.ID)
		shows(t, h.answer(dora.Actor(), h.pending()[0], "yes"), http.StatusForbidden, "72 hours")
	})
}

func TestFirstAdministrator(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			if empty, err := h.desk.Empty(ctx, tx); err != nil || !empty {
				t.Fatalf("not empty: %v", err)
			}
			return h.desk.First(ctx, tx, "u1", "Ada Example", "ada@network.example")
		})
		err := h.Kit.DB.InTx(t.Context(), func(tx *store.Tx) error { return h.desk.First(t.Context(), tx, "u2", "Eve", "eve@network.example") })
		if loot.KindOf(err) != loot.Conflict {
			t.Errorf("a second first administrator: %v", err)
		}
		if m := h.member("u1"); m.State != Invited || !slices.Equal(m.Roles, []loot.Role{"administrator"}) {
			t.Errorf("%+v", m)
		}
	})
}

// TestWhoeverAskedFindsTheWayBack: their list leads to the record, opens it once
// the others agreed, and they are told when that is so.
func TestWhoeverAskedFindsTheWayBack(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		_, dpo, _, support := h.team()
		subject, err := h.person(t.Context())
		ok(t, err)
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := h.Kit.Gate.RequestApproval(ctx, tx, gate.Request{
				Action: loot.Use, Actor: support, Desk: "customers", Purpose: "payment", Subject: subject, Collection: "customer",
				Fields: []loot.Field{"payment.iban"}, Unmask: true, Reason: "Refund 12",
			}, 1)
			return err
		})
		id := h.pending()[0]
		record := "/console/customers/" + string(subject)
		h.as(dpo)
		if page := h.Get("/console/approvals"); strings.Contains(page.Body, record) {
			t.Error("whoever approves is led to what somebody else asked for")
		}
		h.as(support)
		if page := h.Get("/console/approvals"); !strings.Contains(page.Body, record+"?approval="+id) || strings.Contains(page.Body, "Open now") {
			t.Errorf("no way back: %s", words(page.Body))
		}
		h.as(dpo)
		leads(t, h.Post("/console/approvals/"+id, "answer", "yes"), "/console/approvals")
		h.Drain()
		h.as(support)
		page := h.Get("/console/approvals")
		shows(t, page, http.StatusOK, "Approved", "Open now")
		if !strings.Contains(page.Body, `action="`+record+`/open"`) || !strings.Contains(page.Body, `name="approval" value="`+id+`"`) {
			t.Errorf("nothing opens it: %s", page.Body)
		}
		sent := h.Mail.Sent()
		if len(sent) != 1 || !strings.Contains(sent[0].Subject, "agreed") || sent[0].To != h.member(support.ID).Email {
			t.Fatalf("%d letters", len(sent))
		}
		for _, m := range []string{string(subject), "Refund", "payment"} {
			if strings.Contains(sent[0].Text, m) {
				t.Errorf("the letter says %q", m)
			}
		}
		h.Clock.Advance(73 * time.Hour)
		page = h.Get("/console/approvals")
		shows(t, page, http.StatusOK, "Expired")
		if strings.Contains(page.Body, "Open now") || strings.Contains(page.Body, "To the record") {
			t.Error("what has expired is offered")
		}
	})
}

// TestWhoeverAgreesToAnAnswerSeesWhatWasAsked: their list leads to the request, and that of
// those who neither approve nor asked says nothing of it.
func TestWhoeverAgreesToAnAnswerSeesWhatWasAsked(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	_, dpo, counsel, support := h.team()
	subject, err := h.person(t.Context())
	ok(t, err)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		_, err := h.Kit.Gate.RequestApproval(ctx, tx, gate.Request{
			Action: loot.Answer, Actor: loot.Actor{Kind: loot.Authority, ID: "police"}, By: counsel, Desk: "disclosure", Purpose: "lawful-request", Subject: subject, Collection: "customer",
			Fields: []loot.Field{"contact.email"}, Unmask: true, Case: "q7", Recipient: "police", Entered: true, Page: "/console/disclosures/q7",
		}, 2)
		return err
	})
	for _, who := range []loot.Actor{dpo, counsel} {
		h.as(who)
		page := h.Get("/console/approvals")
		shows(t, page, http.StatusOK, "Hand over details: see what was asked")
		if !strings.Contains(page.Body, `href="/console/disclosures/q7"`) {
			t.Errorf("nothing leads to the request: %s", words(page.Body))
		}
	}
	h.as(support)
	page := h.Get("/console/approvals")
	lacks(t, page, "Hand over details")
	if strings.Contains(page.Body, "q7") {
		t.Error("whoever neither approves nor asked is led to the request")
	}

	// Whoever asked is led back to the request, and not to the record, of which they see nothing.
	back := func() {
		t.Helper()
		h.as(counsel)
		page := h.Get("/console/approvals")
		shows(t, page, http.StatusOK, "To its page")
		lacks(t, page, "Open now", "To the record")
		if strings.Contains(page.Body, "/console/customers/") {
			t.Errorf("an answer opens the record: %s", words(page.Body))
		}
	}
	back()
	id := h.pending()[0]
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE gate_approval SET needed = 1 WHERE id = $1`, id)
		return err
	})
	h.as(dpo)
	leads(t, h.Post("/console/approvals/"+id, "answer", "yes"), "/console/approvals")
	h.Drain()
	back()
	sent := h.Mail.Sent()
	if len(sent) != 1 || sent[0].To != h.member(counsel.ID).Email || !strings.Contains(sent[0].Text, "the answer to a request from outside") || strings.Contains(sent[0].Text, "opening") || strings.Contains(sent[0].Text, "q7") {
		t.Fatalf("%d letters: %+v", len(sent), sent)
	}
}

// TestAnApprovalNamesWhatItIsAbout by a reference, with a link for whoever may follow
// it; and a case hears who answered.
func TestAnApprovalNamesWhatItIsAbout(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		_, dpo, _, support := h.team()
		subject, err := h.person(t.Context())
		ok(t, err)
		incident := loot.NewID("i")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := h.Kit.Gate.RequestApproval(ctx, tx, gate.Request{
				Action: loot.Use, Actor: support, Desk: "customers", Purpose: "payment", Subject: subject, Collection: "customer",
				Fields: []loot.Field{"payment.iban"}, Unmask: true, Reason: "Refund 12", Case: incident,
			}, 1)
			return err
		})
		id := h.pending()[0]
		reference := desk.Reference("I", incident)
		for _, who := range []loot.Actor{dpo, support} {
			h.as(who)
			page := h.Get("/console/approvals")
			shows(t, page, http.StatusOK, "Record: Customer "+string(subject[:7]), "Case: "+reference)
			lacks(t, page, id, string(subject), incident)
			if !strings.Contains(page.Body, `<a href="/console/incidents/`+incident+`">`) {
				t.Error("nothing leads to the incident")
			}
			if leads := strings.Contains(page.Body, `<a href="/console/customers/`+string(subject)+`">`); leads != (who.ID == support.ID) {
				t.Errorf("%s is led to the record: %t", who.Name, leads)
			}
		}
		h.as(dpo)
		leads(t, h.Post("/console/approvals/"+id, "answer", "no"), "/console/approvals")
		h.Drain()
		if want := []string{id + " " + dpo.ID + " no"}; !slices.Equal(h.answers, want) {
			t.Errorf("heard %q, want %q", h.answers, want)
		}
	})
}

func TestApprovalsOfOtherDesks(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	_, dpo, counsel, support := h.team()
	machine := loot.Actor{Kind: loot.Desk, ID: "machine"}
	var matter string
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		if matter, err = h.Kit.Gate.Ask(ctx, tx, "test.matter", machine, 7, 2, "Because."); err != nil {
			return err
		}
		_, err = h.Kit.Gate.Ask(ctx, tx, "unknown.matter", machine, 8, 2, "Because.")
		return err
	})
	h.as(dpo)
	shows(t, h.Get("/console/approvals"), http.StatusOK, "about 7", "unknown.matter", "Because.", "Asked by the machine", "Asked by a part of the program")
	leads(t, h.answer(dpo, matter, "yes"), "/console/approvals")
	lacks(t, h.Get("/console/approvals"), "Start it again.")
	leads(t, h.answer(counsel, matter, "yes"), "/console/approvals")
	shows(t, h.Get("/console/approvals"), http.StatusOK, "You said yes. Start it again.")
	h.as(dpo)
	shows(t, h.Get("/console/approvals"), http.StatusOK, "Start it again.")
	h.as(support)
	page := h.Get("/console/approvals")
	shows(t, page, http.StatusOK, "Nothing waits", "None of your roles approves")
	lacks(t, page, "about 7")
	shows(t, h.Post("/console/approvals/nothing", "answer", "yes"), http.StatusNotFound)
	shows(t, h.Post("/console/approvals/nothing", "answer", "perhaps"), http.StatusUnprocessableEntity, "yes or no")
	h.Drain()
}
