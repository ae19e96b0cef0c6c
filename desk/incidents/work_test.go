package incidents

import (
	"context"
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
	"loot/job"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// TestDecisionsFollowTheRisk: what the law does not leave open is refused beside
// the field, and the reasons are kept.
func TestDecisionsFollowTheRisk(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		dpo := h.hire("t-dpo", "dpo")
		path := h.report(dpo, "")
		h.take(dpo, path)
		for _, c := range []struct{ likelihood, severity, regulator, persons, number, want string }{
			{"2", "1", "not", "not", "3", "There is a risk, so the regulator is told."},
			{"2", "3", "tell", "not", "3", "The risk is high, so they are told, or one of the three exceptions holds."},
			{"1", "1", "not", "published", "3", "This exception is for a high risk, and there is none."},
			{"1", "1", "not", "not", "many", "Please give a whole number"},
			{"4", "1", "tell", "tell", "3", "Please choose one of those offered"},
		} {
			a := h.send(dpo, path, "/steps/assess", "likelihood", c.likelihood, "severity", c.severity, "regulator", c.regulator, "persons", c.persons, "number", c.number, "text", "Because.")
			says(t, a, http.StatusUnprocessableEntity, c.want)
		}
		desktest.Leads(t, h.send(dpo, path, "/steps/assess", "likelihood", "2", "severity", "3", "regulator", "tell", "persons", "unreadable", "number", "40", "categories", "contact", "text", "The disk is sealed."), path)
		says(t, h.Get(path), http.StatusOK, "high", "about 40 people", "Not told: nobody who has it can read it", "The disk is sealed.", "How to reach you",
			"The regulator is told. The people concerned are not told, as nobody who has it can read it.", "The assessment is kept. Nobody is written to by it")
		says(t, h.step(dpo, path, "closing"), http.StatusConflict, "It was decided that the regulator is told.")
	})
}

// TestMeasuresAreTakenBeforeClosing by whoever has them, and reminded of.
func TestMeasuresAreTakenBeforeClosing(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		dpo, support := h.hire("t-dpo", "dpo"), h.hire("t-support", "support")
		path := h.report(dpo, "")
		h.take(dpo, path)
		h.assess(dpo, path, "none")
		day := h.Clock.Now().AddDate(0, 0, 2).Format(time.DateOnly)
		says(t, h.send(dpo, path, "/steps/measure", "owner", support.ID, "due", "2001-01-01", "text", "Lock it."), http.StatusUnprocessableEntity, "Please give a day on or after")
		desktest.Leads(t, h.send(dpo, path, "/steps/measure", "owner", support.ID, "due", day, "text", "Lock the door."), path)
		says(t, h.Get(path), http.StatusOK, "Lock the door.", "Name of t-support", "by 25 Nov 2026")
		says(t, h.step(dpo, path, "closing"), http.StatusConflict, "A measure is still open.")
		before := h.Mail.Count()
		h.Clock.Advance(4 * 24 * time.Hour)
		h.looked()
		says(t, h.Get(path), http.StatusOK, "overdue since 26 Nov 2026")
		if m, sent := h.Mail.Last("t-support@network.example"); !sent || m.Subject != "A measure of an incident is overdue" || h.Mail.Count() != before+2 {
			t.Errorf("%d letters, the last one %q", h.Mail.Count()-before, m.Subject)
		}
		h.looked()
		if h.Mail.Count() != before+2 {
			t.Error("reminded twice")
		}
		id := regexp.MustCompile(`<option value="(n[0-9a-z]{20,})"`).FindStringSubmatch(h.Get(path).Body)
		if id == nil {
			t.Fatal("no measure is offered")
		}
		desktest.Leads(t, h.send(dpo, path, "/steps/done", "measure", id[1], "text", "A new lock."), path)
		says(t, h.send(dpo, path, "/steps/done", "measure", id[1], "text", "Again."), http.StatusConflict, "This measure is not among those that are open.")
		desktest.Leads(t, h.step(dpo, path, "closing"), path)
	})
}

// looked has the desk look at its clocks and at the ledger.
func (h *house) looked() {
	h.t.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.Kit.Jobs.Enqueue(ctx, tx, lookJob{}) })
	h.Drain()
}

// TestTheClockIsRemindedOf until the regulator was told: at first all who may
// deal with it, then its owner.
func TestTheClockIsRemindedOf(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		dpo, counsel := h.hire("t-dpo", "dpo"), h.hire("t-counsel", "counsel")
		h.hire("t-support", "support")
		path := h.report(counsel, "t-counsel")
		h.Tx(func(ctx context.Context, tx *store.Tx) error { // about an entry that was rolled back with its work
			_, err := h.Kit.Gate.Incident(ctx, tx, "permit.twice", "e1")
			return err
		})
		h.Drain()
		for _, i := range cases(h) {
			if i.What == "permit.twice" {
				h.take(dpo, "/console/incidents/"+i.ID)
				h.assess(dpo, "/console/incidents/"+i.ID, "none")
			}
		}
		var subjects []string
		add := func() {
			subjects = nil
			for _, m := range h.Mail.Sent() {
				subjects = append(subjects, m.To+": "+m.Subject)
			}
		}
		h.looked()
		h.looked()
		add()
		if want := []string{"t-dpo@network.example: An incident was opened"}; !slices.Equal(subjects, want) {
			t.Errorf("written were %q, want %q", subjects, want)
		}
		h.take(dpo, path)
		for _, passes := range []time.Duration{49 * time.Hour, 18 * time.Hour, 6 * time.Hour} {
			h.Clock.Advance(passes)
			h.looked()
		}
		add()
		if want := []string{"An incident has less than 24 hours left", "An incident has less than 6 hours left", "The 72 hours of an incident are over"}; len(subjects) != 4 ||
			!slices.EqualFunc(subjects[1:], want, func(got, want string) bool { return got == "t-dpo@network.example: "+want }) {
			t.Errorf("written were %q, want %q", subjects, want)
		}
		second := h.report(dpo, "")
		h.take(dpo, second)
		h.assess(dpo, second, "none")
		h.Clock.Advance(80 * time.Hour)
		h.looked()
		if h.Mail.Count() != 4 {
			t.Error("reminded although the regulator is not to be told")
		}
	})
}

// TestNoticesAreWrittenByLaw: filled in with what is known, changed, then sent
// or printed.
func TestNoticesAreWrittenByLaw(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		dpo := h.hire("t-dpo", "dpo")
		s, _ := h.customer(map[loot.Field]string{"company.name": "Example Meadow Ltd", "contact.email": "jo@example.com"})
		path := h.report(dpo, "")
		h.take(dpo, path)
		h.assess(dpo, path, "high")
		for law, want := range map[string]string{"eu": "Article 33 of Regulation (EU) 2016/679 (GDPR)", "uk": "Information Commissioner", "ch": "Article 15 of its Ordinance"} {
			page := h.Get(path + "/notices/regulator/" + law)
			says(t, page, http.StatusOK, want, "A list was sent to the wrong address.", "How to reach you", "Loot Example Network Ltd")
			hides(t, h.Get(path+"/notices/people/"+law), "A list was sent") // what a colleague wrote is for no customer's eyes before it was read
		}
		if a := h.Get(path + "/notices/regulator/us"); a.Status != http.StatusNotFound {
			t.Error(a.Status)
		}
		says(t, h.send(dpo, path, "/notices/people/eu", "text", "Sorry."), http.StatusConflict, "Nobody who is named still has to be told")
		h.about(dpo, path, naming, s)
		desktest.Leads(t, h.send(dpo, path, "/notices/people/eu", "text", "Something happened.\n\nWe are sorry."), path)
		says(t, h.send(dpo, path, "/notices/regulator/eu", "text", "A notice.", "address", "nowhere"), http.StatusUnprocessableEntity, "address")
		says(t, h.send(dpo, path, "/notices/regulator/eu", "text", "It lasted [from when until when]."), http.StatusUnprocessableEntity, "Please fill in what still stands in square brackets")
		a := h.send(dpo, path, "/notices/regulator/eu", "text", "A breach\n\nIt happened.", "address", "")
		says(t, h.Get(a.Header.Get("Location")), http.StatusOK, "A breach It happened.")
		says(t, h.Get(path), http.StatusOK, "written, to be printed")
		h.send(dpo, path, "/notices/regulator/ch", "text", "A report\n\nIt happened.", "address", "edoeb@example.ch")
		h.Drain()
		if m, ok := h.Mail.Last("edoeb@example.ch"); !ok || m.Subject != "A report" || !strings.Contains(m.Text, "It happened.") {
			t.Errorf("%t %q %q", ok, m.Subject, m.Text)
		}
		if m, ok := h.Mail.Last("jo@example.com"); !ok || !strings.Contains(m.Text, "We are sorry.") {
			t.Errorf("%t %q", ok, m.Text)
		}
		says(t, h.Get(path), http.StatusOK, "regulator told", "Notice to the regulator, Switzerland", "told 23 Nov 2026")
		desktest.Leads(t, h.step(dpo, path, "closing"), path)
	})
}

// TestAPermitWithoutAClauseOpensAnIncident once, also under a gag.
func TestAPermitWithoutAClauseOpensAnIncident(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			for i, e := range []ledger.Facts{
				{Action: loot.Transfer, Verdict: ledger.Permitted},
				{Action: loot.Answer, Verdict: ledger.Permitted},
				{Action: loot.Use, Verdict: ledger.Permitted, Clauses: Keeps},
				{Action: loot.Use, Verdict: ledger.Refused},
				{Action: loot.Find, Verdict: ledger.Permitted},
			} {
				entry := ledger.Entry{Facts: e}
				if i == 1 {
					entry.Gag = h.Clock.Now().AddDate(1, 0, 0)
				}
				if _, err := h.Kit.Ledger.Append(ctx, tx, entry); err != nil {
					return err
				}
			}
			return nil
		})
		h.Clock.Advance(time.Hour)
		for range 2 {
			h.looked()
			if all := cases(h); len(all) != 2 || all[0].What != "clause.missing" {
				t.Errorf("%+v", all)
			}
		}
	})
}

// TestAnEmergencyIsACaseForADay, as long as it is open.
func TestAnEmergencyIsACaseForADay(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		support, dpo := h.hire("t-support", "support"), h.hire("t-dpo", "dpo")
		kind := func(path string) (in statement.Input) {
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				d := incidents{Kit: h.Kit}
				return d.openCase(ctx, tx, gate.Request{Case: strings.TrimPrefix(path, "/console/incidents/")}, &in)
			})
			return in
		}
		a := h.as(support).Post("/console/incidents", "what", "emergency", "text", "The hall is on fire.")
		path := a.Header.Get("Location")
		says(t, h.Get(path), http.StatusOK, "An emergency was declared", "Open the record from here")
		for _, named := range []string{path, desk.Reference("I", path)} {
			if got := kind(named).Context.Case; got != "emergency" {
				t.Errorf("%s: case %q", named, got)
			}
		}
		if got := kind(h.report(support, "")).Context.Case; got != "incident" {
			t.Errorf("case %q", got)
		}
		closed := h.as(support).Post("/console/incidents", "what", "emergency", "text", "A false alarm.").Header.Get("Location")
		h.take(dpo, closed)
		h.assess(dpo, closed, "none")
		h.step(dpo, closed, "closing")
		if got := kind(closed).Context.Case; got != "" {
			t.Errorf("closed: case %q", got)
		}
		hides(t, h.as(support).Get(closed), "Open a record for this emergency")
		says(t, h.Post(closed+"/record", "subject", "x", "purpose", "service"), http.StatusConflict, "no emergency that still counts")
		h.Clock.Advance(emergencyLife)
		if got := kind(path).Context.Case; got != "" {
			t.Errorf("a day later: case %q", got)
		}
	})
}

// TestAnEmergencyLeadsToTheRecord with its case and a purpose that opens, for a day; and
// its history says who agreed and what was opened.
func TestAnEmergencyLeadsToTheRecord(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		support, dpo, counsel, admin := h.hire("t-support", "support"), h.hire("t-dpo", "dpo"), h.hire("t-counsel", "counsel"), h.hire("t-admin", "administrator")
		h.Kit.Gate.Fact("staff.undertaking", func(_ context.Context, _ *store.Tx, _ gate.Request, in *statement.Input) error {
			in.Actor.Undertaking = desktest.Start
			return nil
		})
		s, _ := h.customer(map[loot.Field]string{"company.name": "Example Meadow Ltd"})
		const to = "Open a record for this emergency"
		for _, who := range []loot.Actor{admin, support} {
			says(t, h.Get(h.as(who).Post("/console/incidents", "what", "emergency", "text", "The hall is on fire.").Header.Get("Location")), http.StatusOK, to)
		}
		path := h.Post("/console/incidents", "what", "emergency", "text", "The hall is still on fire.").Header.Get("Location")
		hides(t, h.as(admin).Get(path), to)
		says(t, h.as(support).Post(path+"/record", "subject", string(loot.NewSubject()), "purpose", "service"), http.StatusUnprocessableEntity, ": There is no customer with this id.")
		says(t, h.Post(path+"/record", "subject", string(s), "purpose", "invoice"), http.StatusUnprocessableEntity, "one of those offered")
		says(t, h.as(admin).Post(path+"/record", "subject", string(s), "purpose", "service"), http.StatusForbidden, "your roles open no more")
		ref := desk.Reference("I", path)
		desktest.Leads(t, h.as(support).Post(path+"/record", "subject", "https://privacy.example.com/console/customers/"+string(s), "purpose", "service"), "/console/customers/"+string(s)+"?case="+ref+"&purpose=service")

		r := gate.Request{Action: loot.Use, Actor: support, Desk: "customers", Purpose: "service", Subject: s, Collection: customer, Fields: []loot.Field{"company.name"}, Case: ref}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			asked, err := h.Kit.Gate.RequestApproval(ctx, tx, r, 2)
			r.Approval = asked.ID
			return err
		})
		for _, who := range []loot.Actor{dpo, counsel} {
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				if _, err := h.Kit.Gate.Vote(ctx, tx, r.Approval, gate.Voter{Actor: who, Since: desktest.Start.AddDate(-1, 0, 0)}, true); err != nil {
					return err
				}
				said := job.Notice{Name: "approval.answered", ID: r.Approval + " " + who.ID + " yes"}
				return h.Kit.Jobs.Publish(ctx, tx, said, said) // a job may run twice
			})
		}
		desktest.OK(t, h.Kit.Gate.InTx(t.Context(), func(tx *store.Tx) error {
			p, err := h.Kit.Gate.Decide(t.Context(), tx, r)
			if err != nil {
				return err
			}
			_, err = h.Kit.Vault.Open(t.Context(), tx, p)
			return err
		}))
		h.Clock.Advance(2 * settled)
		h.looked()
		page := h.as(support).Get(path)
		says(t, page, http.StatusOK, "Record opened", "Name of t-support · 1 detail, for “Running your service”.")
		for _, who := range []loot.Actor{dpo, counsel} {
			if said := who.Name + " · Asked by Name of t-support, for “Running your service”."; strings.Count(read(page.Body), said) != 1 {
				t.Errorf("the history does not say once %q: %s", said, read(page.Body))
			}
		}
		for _, want := range []string{"/console/approvals", "/console/access-review"} {
			if !strings.Contains(page.Body, `href="`+want+`"`) {
				t.Errorf("nothing leads to %s", want)
			}
		}
		hides(t, page, string(s))
		h.Clock.Advance(emergencyLife)
		hides(t, h.Get(path), to)
		says(t, h.Post(path+"/record", "subject", string(s), "purpose", "service"), http.StatusConflict, "no emergency that still counts")
	})
}

// TestTheHistoryOfAnEmergency has who did not agree, and what was opened for it; that of
// another emergency has its own, and an ordinary incident has neither.
func TestTheHistoryOfAnEmergency(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		support, dpo := h.hire("t-support", "support"), h.hire("t-dpo", "dpo")
		s, _ := h.customer(map[loot.Field]string{"company.name": "Example Meadow Ltd"})
		path := h.as(support).Post("/console/incidents", "what", "emergency", "text", "The hall is on fire.").Header.Get("Location")
		again := h.Post("/console/incidents", "what", "emergency", "text", "And so is the other.").Header.Get("Location")
		plain := h.report(support, "")
		for _, named := range []string{desk.Reference("I", path), desk.Reference("I", plain), "Ticket 7"} {
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				a, err := h.Kit.Gate.RequestApproval(ctx, tx, gate.Request{Action: loot.Use, Actor: support, Desk: "customers", Purpose: "service", Subject: s, Collection: customer, Fields: []loot.Field{"company.name"}, Case: named}, 2)
				if err != nil {
					return err
				}
				return h.Kit.Jobs.Publish(ctx, tx, job.Notice{Name: "approval.answered", ID: a.ID + " " + dpo.ID + " no"})
			})
		}
		h.Drain()
		says(t, h.Get(path), http.StatusOK, "Did not agree to the opening of a record")
		hides(t, h.Get(plain), "agree to the opening")

		opened := func(action loot.Action, kind, of string, gag time.Time) {
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				_, err := h.Kit.Ledger.Append(ctx, tx, ledger.Entry{
					Facts: ledger.Facts{At: h.Clock.Now(), Action: action, Verdict: ledger.Permitted, Clauses: Keeps, Purpose: "service", Fields: 1, Input: []byte(`{"context":{"case":"` + kind + `"}}`)},
					Actor: ledger.ActorFacet{ID: support.ID, Case: of}, Gag: gag,
				})
				return err
			})
		}
		ref := desk.Reference("I", path)
		opened(loot.Use, emergency, ref, time.Time{})
		opened(loot.Use, "incident", desk.Reference("I", plain), time.Time{})
		opened(loot.Transfer, emergency, ref, time.Time{})
		opened(loot.Use, emergency, ref, h.Clock.Now().AddDate(1, 0, 0))
		opened(loot.Use, emergency, "", time.Time{}) // as entries were that kept no case
		opened(loot.Use, emergency, strings.TrimPrefix(again, "/console/incidents/"), time.Time{})
		h.Clock.Advance(time.Hour)
		h.looked()
		for at, want := range map[string]int{path: 1, again: 1, plain: 0} {
			if n := strings.Count(read(h.Get(at).Body), "Record opened"); n != want {
				t.Errorf("%d openings are in the history of %s, want %d", n, at, want)
			}
		}
	})
}

// TestAReferenceOfTwoIncidentsIsNeither of them.
func TestAReferenceOfTwoIncidentsIsNeither(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		dpo := h.hire("t-dpo", "dpo")
		path := h.report(dpo, "")
		ref := "/console/incidents/" + desk.Reference("I", path)
		says(t, h.Get(ref), http.StatusOK, "A list was sent")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			other := loot.NewID("i")
			err := insert(ctx, tx, incident{ID: other[:len(other)-8] + path[len(path)-8:], What: "permit.missing", Opened: h.Clock.Now(), Due: h.Clock.Now()})
			return err
		})
		says(t, h.Get(ref), http.StatusNotFound, "Two incidents have this reference.")
	})
}
