package customers

import (
	"bytes"
	"context"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web/webtest"
)

// open states a purpose and a reason for a customer's record.
func (h *house) open(s loot.Subject, purpose string, more ...string) webtest.Answer {
	h.Helper()
	return h.Post("/console/customers/"+string(s)+"/open", append([]string{"purpose", purpose, "reason", "Ticket 7"}, more...)...)
}

func TestTheListNamesNobody(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.asStaff("member-one", "support")
		a := h.Get("/console/customers")
		shows(t, a, http.StatusOK, string(s), "active", "23 Nov 2026")
		hides(t, a, "Meadow", "jo@", "Exampleton", "555 0100")
		a = h.Get("/console/customers/" + string(s))
		shows(t, a, http.StatusOK, "Known without opening", "Open the record")
		hides(t, a, "Meadow", "jo@", "Exampleton", "555 0100")
		shows(t, h.Get("/console/customers/snobody"), http.StatusNotFound)
	})
}

func TestTheListGoesOnPageByPage(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		for i := range perPage + 3 {
			h.Post("/order/shared-hosting", with(jo, "contact.email", "c"+string(rune('a'+i/10))+string(rune('a'+i%10))+"@example.com", "sent", "f"+string(rune('0'+i)))...)
		}
		h.Confirm()
		h.asStaff("member-one", "support")
		id := regexp.MustCompile(`/console/customers/(s[a-z2-7]{26})"`)
		seen := map[string]bool{}
		path := "/console/customers"
		for pages := 0; path != "" && pages < 5; pages++ {
			a := h.Get(path)
			for _, m := range id.FindAllStringSubmatch(a.Body, -1) {
				seen[m[1]] = true
			}
			path = ""
			if m := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(a.Body); m != nil {
				path = m[1]
			}
		}
		if len(seen) != perPage+3 {
			t.Errorf("%d customers are listed, want %d", len(seen), perPage+3)
		}
	})
}

func TestFindingTakesAnExactValueAndAPurpose(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.asStaff("member-one", "support")
		find := func(purpose, field, value string) webtest.Answer {
			return h.Post("/console/customers/find", "purpose", purpose, "field", field, "value", value)
		}
		for _, tt := range [][3]string{
			{"support", "contact.email", "jo@example.com"},
			{"support", "contact.email", " JO@Example.COM "},
			{"support", "company.name", "example meadow ltd"},
			{"support", "company.vat", "ie 1234567 t"},
		} {
			a := find(tt[0], tt[1], tt[2])
			shows(t, a, http.StatusOK, "Found.", string(s))
		}
		for _, tt := range [][3]string{{"support", "contact.email", "j@example.com"}, {"support", "company.name", "example"}} {
			a := find(tt[0], tt[1], tt[2])
			shows(t, a, http.StatusOK, "Nobody has exactly this value")
			if !strings.Contains(a.Body, tt[2]) {
				t.Error("what was typed is lost")
			}
		}
		shows(t, find("mailing", "contact.email", "jo@example.com"), http.StatusForbidden, "What would be needed")
		shows(t, find("support", "contact.phone", "+353 1 555 0100"), http.StatusUnprocessableEntity, "one of those offered")
		shows(t, find("support", "contact.email", "nonsense"), http.StatusUnprocessableEntity, "not an e-mail address")
		shows(t, find("", "contact.email", "jo@example.com"), http.StatusUnprocessableEntity, "Please choose one")

		// Hit or miss, each search is on the ledger.
		found := 0
		ok(t, h.Kit.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			for row, err := range h.Kit.Ledger.Facts(t.Context(), tx, desktest.Start.Add(-time.Hour), desktest.Start.Add(time.Hour)) {
				if err != nil {
					return err
				}
				if row.Facts.Action == loot.Find && row.Facts.ActorKind == loot.Staff && row.Facts.Verdict == "permitted" {
					found++
				}
			}
			return nil
		}))
		if found != 6 {
			t.Errorf("%d searches are on the ledger, want 6", found)
		}

		// Whoever was found sees by what, for what and by which role; nobody else
		// sees anything, and a refused search found nobody. That somebody typed the
		// address into an order is told to its owner by mail alone.
		h.Actor = loot.Actor{}
		h.Post("/order/shared-hosting", append(jo, "sent", "again")...)
		h.Confirm()
		hits := 0
		for _, it := range h.items(s) {
			if it.Facts.Note == "record.found" {
				hits++
			}
		}
		if hits != 4 {
			t.Errorf("%d hits are in the timeline, want 4", hits)
		}
		h.as(s)
		a := h.Get("/portal/timeline")
		shows(t, a, http.StatusOK, "Looked you up", "Customer support", "By the exact value of: VAT number", "For “helping you”", "security.staff")
		hides(t, a, "ie 1234567 t", "member-one")
		h.as(h.register(with(jo, "contact.email", "other@example.com", "company.name", "Other Ltd", "company.vat", "-")...))
		hides(t, h.Get("/portal/timeline"), "Looked you up")
	})
}

func TestNothingOpensBeforeTheUndertakingIsSigned(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.undertaking = time.Time{}
		h.asStaff("member-one", "support")
		a := h.open(s, "support")
		shows(t, a, http.StatusForbidden, "security.staff", "What would be needed")
		hides(t, a, "Meadow", "jo@example")
		desktest.Leads(t, h.Get("/console/customers/find"), "/console/customers")
		a = h.Post("/console/customers/find", "purpose", "support", "field", "contact.email", "value", "jo@example.com")
		shows(t, a, http.StatusForbidden, "security.staff", "Nobody was looked for")
		for _, link := range []string{`href="/console/undertaking"`, `href="/statement#security.staff"`} {
			if !strings.Contains(a.Body, link) {
				t.Errorf("the refusal has no %s", link)
			}
		}
		h.as(s)
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Refused: opening", "Customer support")
	})
}

func TestOpeningCoversUntilRevealed(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.asStaff("member-one", "support")
		a := h.open(s, "support")
		shows(t, a, http.StatusOK, "Open for: Helping you", "@e•••.com", "Reveal", "Correct")
		hides(t, a, "jo@example.com", "353 1 555 0100", "Example Meadow Ltd", "1 Sample Quay")

		// One field, as a script asks for it: its row comes back, nothing else.
		row := h.Do(http.MethodPost, "/console/customers/"+string(s)+"/reveal",
			"purpose=support&reason=Ticket+7&field=contact.email",
			http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Hx-Request": {"true"}})
		shows(t, row, http.StatusOK, "jo@example.com")
		hides(t, row, "<html", "353 1 555 0100", "Telephone")

		// Without a script: the page, with that field uncovered and no other.
		a = h.Post("/console/customers/"+string(s)+"/reveal", "purpose", "support", "reason", "Ticket 7", "field", "contact.phone")
		shows(t, a, http.StatusOK, "+353 1 555 0100", "@e•••.com")
		hides(t, a, "jo@example.com")

		// A field that the purpose has no use for stays shut.
		for _, f := range []string{"address.street", "payment.iban"} {
			a = h.Post("/console/customers/"+string(s)+"/reveal", "purpose", "support", "reason", "Ticket 7", "field", f)
			shows(t, a, http.StatusForbidden, "What would be needed")
		}
		shows(t, h.Post("/console/customers/"+string(s)+"/reveal", "purpose", "support", "reason", "x", "field", "applicant.name"), http.StatusUnprocessableEntity)
		shows(t, h.Post("/console/customers/"+string(s)+"/open", "purpose", "support"), http.StatusUnprocessableEntity, "Please fill this in.")

		opened := 0
		for _, it := range h.items(s) {
			if it.Facts.Action == loot.Use && it.Facts.Verdict == "permitted" && it.Facts.ActorKind == loot.Staff {
				opened++
			}
		}
		if opened != 4 { // opened, revealed, revealed with a second look at the rest
			t.Errorf("%d entries of openings, want 4", opened)
		}

		// The customer is told how much was shown, and of nothing that they never gave.
		h.as(s)
		page := h.Get("/portal/timeline")
		shows(t, page, http.StatusOK, "Opened 1 detail, shown in full", "Opened 3 details, covered")
		hides(t, page, "Preferred language")
	})
}

func TestARefusedPurposeSaysWhy(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.asStaff("member-one", "support")
		for purpose, words := range map[string][]string{
			"recommendation": {"disclosure.permission", "What would be needed"},
			"invoice":        {"security.staff", "What would be needed"},
			"safety":         {"What would be needed"},
		} {
			a := h.open(s, purpose)
			shows(t, a, http.StatusForbidden, words...)
			hides(t, a, "•••@", "Meadow", "Ask one other person")
			if !strings.Contains(a.Body, "Ticket 7") {
				t.Errorf("%s: the reason is lost", purpose)
			}
		}
		shows(t, h.open(s, "no-such"), http.StatusUnprocessableEntity, "one of those offered")

		// With an open case, the abuse desk opens what the case needs.
		h.asStaff("m3", "abuse")
		shows(t, h.open(s, "safety"), http.StatusForbidden, "case")
		hides(t, h.open(s, "safety"), "no open case has the number")
		shows(t, h.open(s, "safety", "case", "c1"), http.StatusForbidden, "no open case has the number that was named")
		h.cases["c1"] = "abuse"
		shows(t, h.open(s, "safety", "case", "c1"), http.StatusOK, "Open for: Keeping the network safe")
	})
}

// approve answers an approval as somebody who may.
func (h *house) approve(id, who string, yes bool) {
	h.Helper()
	ok(h, h.Kit.DB.InTx(h.Context(), func(tx *store.Tx) error {
		_, err := h.Kit.Gate.Vote(h.Context(), tx, id, gate.Voter{
			Actor: loot.Actor{Kind: loot.Staff, ID: who, Roles: []loot.Role{"dpo"}}, Since: desktest.Start.AddDate(-1, 0, 0),
		}, yes)
		return err
	}))
}

func TestTheClosestDetailsNeedASecondPerson(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(with(jo, "payment.iban", "IE29AIBK93115212345678")...)
		h.asStaff("member-one", "billing")
		a := h.open(s, "payment")
		shows(t, a, http.StatusForbidden, "Ask one other person to agree")
		hides(t, a, "IE29AIBK")
		a = h.Post("/console/customers/"+string(s)+"/ask", "purpose", "payment", "reason", "Check 12", "field", "payment.iban") // which is none of the other desk
		at := a.Header.Get("Location")
		if a.Status != http.StatusSeeOther || !strings.Contains(at, "?approval=") {
			t.Fatalf("status %d to %q: %s", a.Status, at, text(a.Body))
		}
		_, id, _ := strings.Cut(at, "=")
		const stands = "You asked for approval on 23 November, 09:00 UTC. 0 of 1 agreed so far. The question is open until 26 November, 09:00 UTC. See your approvals"
		shows(t, h.Get(at), http.StatusOK, stands)
		// Whoever opens it again is told how it stands, and cannot ask again.
		a = h.open(s, "payment")
		shows(t, a, http.StatusForbidden, stands, "one other person must agree")
		hides(t, a, "Ask one other person to agree")
		if again := h.Post("/console/customers/"+string(s)+"/ask", "purpose", "payment", "reason", "Check 12", "field", "payment.iban"); again.Header.Get("Location") != at {
			t.Errorf("asked again: %q, want %q", again.Header.Get("Location"), at)
		}
		h.asStaff("m2", "billing")
		shows(t, h.open(s, "payment"), http.StatusForbidden, "Ask one other person to agree")
		h.asStaff("member-one", "billing")
		early := h.Post("/console/customers/"+string(s)+"/open", "approval", id)
		shows(t, early, http.StatusConflict)
		hides(t, early, "IE29AIBK")

		h.approve(id, "m9", true)
		shows(t, h.Get(at), http.StatusOK, "Agreed.", "Open now")
		shows(t, h.open(s, "payment"), http.StatusForbidden, "Agreed.", "Open now")
		h.asStaff("m2", "billing")
		shows(t, h.Get(at), http.StatusNotFound)
		shows(t, h.Post("/console/customers/"+string(s)+"/open", "approval", id), http.StatusForbidden, "somebody else")
		other := h.register(with(jo, "contact.email", "o@example.com", "payment.iban", "IE64IRCE92050112345678")...)
		h.asStaff("member-one", "billing")
		shows(t, h.Post("/console/customers/"+string(other)+"/open", "approval", id), http.StatusNotFound)

		shows(t, h.Post("/console/customers/"+string(s)+"/open", "approval", id), http.StatusOK, "IE29AIBK93115212345678")
		shows(t, h.Post("/console/customers/"+string(s)+"/open", "approval", id), http.StatusConflict)
		shows(t, h.Get(at), http.StatusOK, "This approval was used.")

		h.as(s)
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Opened 1 detail, shown in full", "Billing", "bank account (IBAN)")
		h.asStaff("member-one", "billing")
		shows(t, h.Post("/console/customers/"+string(s)+"/ask", "purpose", "invoice", "reason", "x", "field", "company.name"), http.StatusConflict, "Nobody has to agree")
		shows(t, h.Post("/console/customers/"+string(s)+"/ask", "purpose", "support", "reason", "x", "field", "contact.email"), http.StatusForbidden)
	})
}

// TestWhatWasAskedForElsewhereOpensThere: the one look that others agreed to is not used up
// where nothing of what was reported is shown. Where that is, only whoever asked hears.
func TestWhatWasAskedForElsewhereOpensThere(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(with(jo, "payment.iban", "IE29AIBK93115212345678")...)
		h.asStaff("member-one", "billing")
		var asked loot.Awaited
		h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
			asked, err = h.Kit.Gate.RequestApproval(ctx, tx, gate.Request{
				Action: loot.Use, Actor: h.Actor, Desk: "verification", Purpose: "verification", Subject: s, Collection: collection,
				Fields: []loot.Field{"payment.iban"}, Unmask: true, Page: "/console/checks/c1",
			}, 1)
			return err
		})
		record := "/console/customers/" + string(s)
		page := h.Get(record + "?approval=" + asked.ID)
		shows(t, page, http.StatusOK, "You asked for this on another page.", "To that page")
		if !strings.Contains(page.Body, `href="/console/checks/c1"`) {
			t.Error("nothing leads there")
		}
		h.approve(asked.ID, "m9", true)
		a := h.Post(record+"/open", "approval", asked.ID)
		if a.Header.Get("Location") != "/console/checks/c1" || strings.Contains(a.Body, "IE29AIBK") {
			t.Errorf("status %d to %q", a.Status, a.Header.Get("Location"))
		}
		h.asStaff("m2", "billing")
		a = h.Post(record+"/open", "approval", asked.ID)
		shows(t, a, http.StatusForbidden)
		hides(t, a, "/console/checks/c1", "IE29AIBK")
	})
}

// TestALockedDetailSaysHowItsApprovalStands: where a purpose opens some details
// at once and one after others agreed, its row says that they were asked.
func TestALockedDetailSaysHowItsApprovalStands(t *testing.T) {
	const alone = "    needed:\n      payment: Without it we cannot collect by direct debit; you pay by transfer instead.\n"
	source := bytes.Replace(statement.Default(), []byte(alone), []byte(alone+"      support: Without it we cannot see why a payment failed.\n"), 1)
	s, err := statement.Parse("statement.md", source)
	ok(t, err)
	h := newHouse(t, desktest.One(t), s)
	who := h.register(with(jo, "payment.iban", "IE29AIBK93115212345678")...)
	h.asStaff("member-one", "support")
	shows(t, h.open(who, "support"), http.StatusOK, "Opens after one other person agreed.", "Ask for it")
	at := h.Post("/console/customers/"+string(who)+"/ask", "purpose", "support", "reason", "Ticket 7", "field", "payment.iban").Header.Get("Location")
	a := h.open(who, "support")
	shows(t, a, http.StatusOK, "Asked on 23 November, 09:00 UTC, 0 of 1 agreed.", "How it stands")
	hides(t, a, "Ask for it")
	if !strings.Contains(html.UnescapeString(a.Body), `href="`+at+`"`) {
		t.Errorf("no link to %s", at)
	}
}

func TestNobodyIsAskedAboutWhatIsNotThere(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.asStaff("member-one", "billing")
		a := h.Post("/console/customers/"+string(s)+"/ask", "purpose", "payment", "reason", "Refund 12", "field", "payment.iban")
		shows(t, a, http.StatusConflict, "The customer has not given this", "bank account (IBAN)")
		ok(t, h.Kit.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			list, err := h.Kit.Gate.Approvals(t.Context(), tx, 10)
			if len(list) != 0 {
				t.Errorf("%d questions wait for an answer", len(list))
			}
			return err
		}))
		// Whoever may not ask does not learn it either.
		h.asStaff("m2", "support")
		a = h.Post("/console/customers/"+string(s)+"/ask", "purpose", "payment", "reason", "x", "field", "payment.iban")
		shows(t, a, http.StatusForbidden)
		hides(t, a, "has not given this")
	})
}

// TestStaffAddWhatIsMissing: nobody is said to correct what was never given.
func TestStaffAddWhatIsMissing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	s := h.register(with(jo, "contact.phone", "-")...)
	h.asStaff("member-one", "support")
	base := "/console/customers/" + string(s)
	asked := []string{"purpose", "support", "reason", "Ticket 7", "field", "contact.phone", "version", version(t, h.open(s, "support"))}
	a := h.Post(base+"/correct", asked...)
	shows(t, a, http.StatusOK, "Add: Telephone number", "The customer sees that it was added")
	hides(t, a, "Correct: ", "sealed history")
	if a := h.Post(base+"/save", append(asked, "contact.phone", "+353 1 555 0111")...); a.Status != http.StatusSeeOther {
		t.Fatalf("status %d: %s", a.Status, text(a.Body))
	}
	h.as(s)
	shows(t, h.Get("/portal"), http.StatusOK, "+353 1 555 0111", "our staff, for “helping you”")
}

func TestStaffCorrectAndTheSecondIsShownTheFirst(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		base := "/console/customers/" + string(s)
		h.asStaff("member-one", "support")
		v := version(t, h.open(s, "support"))
		asked := []string{"purpose", "support", "reason", "Ticket 7", "field", "contact.phone", "version", v}
		a := h.Post(base+"/correct", asked...)
		shows(t, a, http.StatusOK, "Correct: Telephone number", "New value")
		wrong := h.Post(base+"/save", append(asked, "contact.phone", "ring me")...)
		shows(t, wrong, http.StatusUnprocessableEntity, "not a telephone number")

		h.asStaff("m2", "support")
		if a := h.Post(base+"/save", append(asked, "contact.phone", "+353 1 555 0111")...); a.Status != http.StatusSeeOther {
			t.Fatalf("status %d: %s", a.Status, text(a.Body))
		}
		h.asStaff("member-one", "support")
		late := h.Post(base+"/save", append(asked, "contact.phone", "+353 1 555 0122")...)
		shows(t, late, http.StatusConflict, "Somebody changed this in the meantime", "+353 1 555 0111", "+353 1 555 0122", "Save mine over it")
		asked[7] = version(t, late)
		if a := h.Post(base+"/save", append(asked, "contact.phone", "+353 1 555 0122")...); a.Status != http.StatusSeeOther {
			t.Fatalf("status %d: %s", a.Status, text(a.Body))
		}
		h.as(s)
		shows(t, h.Get("/portal"), http.StatusOK, "+353 1 555 0122", "our staff, for “helping you”")
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Corrected 1 detail", "Customer support")

		// A purpose that has no use for the field, and a role that has none, change nothing.
		h.asStaff("member-one", "support")
		asked[5], asked[7] = "address.street", version(t, h.open(s, "support"))
		shows(t, h.Post(base+"/save", append(asked, "address.street", "2 Quay")...), http.StatusForbidden)
		h.asStaff("m4", "administrator")
		asked[5] = "contact.phone"
		shows(t, h.Post(base+"/save", append(asked, "contact.phone", "+353 1 555 0133")...), http.StatusForbidden)
	})
}

// TestRemovingIsADeedOfItsOwn: staff do not see what is there when they correct
// it, so an input left empty changes nothing; and what a service hangs on is
// removed by nobody.
func TestRemovingIsADeedOfItsOwn(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		base := "/console/customers/" + string(s)
		h.asStaff("member-one", "support")
		asked := func(field string, more ...string) []string {
			return append([]string{"purpose", "support", "reason", "Ticket 7", "field", field, "version", version(t, h.open(s, "support"))}, more...)
		}
		for _, field := range []string{"company.name", "contact.phone"} {
			for _, empty := range []string{"", "  "} {
				if a := h.Post(base+"/save", asked(field, field, empty)...); a.Status != http.StatusSeeOther {
					t.Errorf("%s left empty: %d", field, a.Status)
				}
				shows(t, h.Get(base), http.StatusOK, "Nothing was entered, so nothing was changed.")
			}
		}
		shows(t, h.Post(base+"/save", asked("company.name", "remove", "yes")...), http.StatusUnprocessableEntity, "Shared hosting cannot run without it")
		hides(t, h.Post(base+"/correct", asked("company.name")...), "Remove")
		shows(t, h.Post(base+"/correct", asked("company.name")...), http.StatusOK, "Customer "+string(s[:7])+"…")
		shows(t, h.Post(base+"/correct", asked("contact.phone")...), http.StatusOK, "Remove")
		h.as(s)
		shows(t, h.Get("/portal"), http.StatusOK, "Example Meadow Ltd", "+353 1 555 0100")
		hides(t, h.Get("/portal/correct/company.name"), "Remove")
		shows(t, h.Get("/portal/correct/contact.phone"), http.StatusOK, "Remove")

		// A program says so too.
		c := h.api(loot.Actor{Kind: loot.Staff, ID: "member-one", Roles: []loot.Role{"support"}}, "customers:correct")
		h.asStaff("member-one", "support")
		for body, want := range map[string]int{
			`"fields":{"company.name":""}`:  http.StatusUnprocessableEntity,
			`"fields":{"contact.phone":""}`: http.StatusUnprocessableEntity,
			`"remove":["company.name"]`:     http.StatusUnprocessableEntity,
			`"remove":["no.such"]`:          http.StatusUnprocessableEntity,
			`"remove":["contact.phone"],"fields":{"contact.phone":"+353 1 555 0111"}`: http.StatusUnprocessableEntity,
			`"remove":[]`: http.StatusUnprocessableEntity,
		} {
			status, _, raw := c.call(http.MethodPatch, "/api/customers/"+string(s), `{"purpose":"support","reason":"x","version":"`+asked("")[7]+`",`+body+`}`)
			if status != want {
				t.Errorf("%s: %d %s", body, status, raw)
			}
		}
		if a := h.Post(base+"/save", asked("contact.phone", "remove", "yes")...); a.Status != http.StatusSeeOther {
			t.Fatalf("removing what is optional: %d %s", a.Status, text(a.Body))
		}
		h.as(s)
		hides(t, withoutFolds(h.Get("/portal")), "353 1 555 0100")
		h.Post("/portal/correct/contact.phone", "contact.phone", "+353 1 555 0122", "version", version(t, h.Get("/portal/correct/contact.phone")))
		if status, _, raw := c.call(http.MethodPatch, "/api/customers/"+string(s), `{"purpose":"support","reason":"x","version":"`+version(t, h.Get("/portal/correct/contact.phone"))+`","remove":["contact.phone"]}`); status != http.StatusOK {
			t.Errorf("removing by a program: %d %s", status, raw)
		}
		hides(t, withoutFolds(h.Get("/portal")), "353 1 555 0122")
		h.Post("/portal/correct/contact.phone", "contact.phone", "+353 1 555 0133", "version", version(t, h.Get("/portal/correct/contact.phone")))
		h.Post("/portal/correct/contact.phone", "contact.phone", "+353 1 555 0133", "remove", "yes", "version", version(t, h.Get("/portal/correct/contact.phone")))
		hides(t, withoutFolds(h.Get("/portal")), "353 1 555 0133")
	})
}

func TestTwoAtTheSameInstantLoseNothing(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		v := version(t, h.Get("/portal/correct/contact.phone"))
		const n = 8
		codes := make(chan int, n)
		for i := range n {
			go func() {
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, h.Server.URL+"/portal/correct/contact.phone",
					strings.NewReader("version="+v+"&contact.phone=%2B35315550"+string(rune('1'+i))+"00"))
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				resp, err := h.Server.Client().Transport.RoundTrip(req)
				if err != nil {
					codes <- 0
					return
				}
				resp.Body.Close()
				codes <- resp.StatusCode
			}()
		}
		count := map[int]int{}
		for range n {
			count[<-codes]++
		}
		if count[http.StatusSeeOther] != 1 || count[http.StatusConflict] != n-1 {
			t.Errorf("answers %v, want one saved and %d told of it", count, n-1)
		}
	})
}

func TestAnErasedRecordOpensForNobody(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		h.Post("/portal/account/erase", "sure", "on")
		h.Clock.Advance(200 * 24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.Confirm()
		h.asStaff("member-one", "support")
		shows(t, h.Get("/console/customers"), http.StatusOK, "erased")
		shows(t, h.Get("/console/customers/"+string(s)), http.StatusOK, "This record is erased")
		a := h.open(s, "support")
		if a.Status != http.StatusForbidden && a.Status != http.StatusNotFound {
			t.Errorf("status %d", a.Status)
		}
		hides(t, a, "Meadow")
		shows(t, h.Post("/console/customers/find", "purpose", "support", "field", "contact.email", "value", "jo@example.com"), http.StatusOK, "Nobody has exactly this value")
	})
}

// TestAnEmergencyOpensWhatItsClauseNames, and the form says beforehand what that is; an
// incident leads here with its case, and the search takes it along.
func TestAnEmergencyOpensWhatItsClauseNames(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.cases["I-ABCDEFGH"] = "emergency"
		h.asStaff("member-one", "support")
		record := "/console/customers/" + string(s)
		page := h.Get(record + "?case=I-ABCDEFGH&purpose=service")
		shows(t, page, http.StatusOK, "Open the record")
		for _, want := range []string{`value="I-ABCDEFGH"`, `<option value="service" selected`} {
			if !strings.Contains(page.Body, want) {
				t.Errorf("the form does not say %s", want)
			}
		}
		long := h.Get(record + "?case=" + strings.Repeat("I", 65))
		if !strings.Contains(long.Body, `value="`+strings.Repeat("I", 64)+`"`) {
			t.Error("a case that is too long is not cut")
		}
		if plain := h.Get(record + "?purpose=service"); strings.Contains(plain.Body, `<option value="service" selected`) {
			t.Error("a purpose is chosen beforehand by a link that names no case")
		}
		// What is in the group of emergencies is what the gate lets others agree to.
		offered := 0
		for _, m := range regexp.MustCompile(`(?s)<optgroup label="([^"]+)">(.*?)</optgroup>`).FindAllStringSubmatch(page.Body, -1) {
			for _, o := range regexp.MustCompile(`value="([^"]+)"`).FindAllStringSubmatch(m[2], -1) {
				a := h.open(s, o[1], "case", "I-ABCDEFGH")
				agrees := strings.Contains(a.Body, "Ask 2 other people to agree")
				urgent := strings.HasPrefix(m[1], "In an emergency")
				if agrees != urgent {
					t.Errorf("%s is under %q; asking others is offered: %t", o[1], m[1], agrees)
				}
				if urgent {
					offered++
				}
			}
		}
		if offered != 1 { // support helps anyway, and runs no service
			t.Errorf("%d purposes open in an emergency, want 1", offered)
		}
		list := h.Get("/console/customers?case=I-ABCDEFGH")
		hides(t, list, "In an emergency")
		for _, a := range []webtest.Answer{list, h.Post("/console/customers/find", "purpose", "support", "field", "contact.email", "value", "jo@example.com", "case", "I-ABCDEFGH")} {
			if !strings.Contains(a.Body, record+"?case=I-ABCDEFGH") {
				t.Errorf("the case is lost on the way to the record: %s", a.Body)
			}
		}
	})
}
