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
	"loot/ledger"
	"loot/store"
	"loot/web"
	"loot/web/webtest"
)

func TestPages(t *testing.T) { webtest.CheckPages(t) }

var read, says, hides = desktest.Text, desktest.Shows, desktest.Hides

// A house is this desk with colleagues: who has which role, who signed.
type house struct {
	*desktest.House
	*webtest.Site
	t       *testing.T
	desk    desk.Desk
	all     []loot.Actor
	newbies []string // who has not signed
}

func onEach(t *testing.T, f func(*testing.T, *house)) {
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := &house{House: desktest.New(t, db, desktest.Base), t: t}
		name := func(_ context.Context, _ *store.Tx, id string) (string, error) { return "Name of " + id, nil }
		d, err := New(h.Kit, desk.Staff{
			Name: name,
			Signed: func(_ context.Context, _ *store.Tx, id string) (time.Time, error) {
				if slices.Contains(h.newbies, id) {
					return time.Time{}, nil
				}
				return desktest.Start, nil
			},
			Everybody: func(context.Context, *store.Tx) ([]loot.Actor, error) { return slices.Clone(h.all), nil },
			Member: func(_ context.Context, _ *store.Tx, id string) (loot.Actor, string, error) {
				return loot.Actor{Kind: loot.Staff, ID: id}, id + "@network.example", nil
			},
		})
		desktest.OK(t, err)
		h.desk = d
		h.Open(desktest.Standard(t), d)
		h.Site = webtest.New(t, web.Options{Now: h.Kit.Now, Log: h.Kit.Log, NoLimits: true}, d.Routes)
		f(t, h)
	})
}

// hire adds a colleague.
func (h *house) hire(id string, roles ...loot.Role) loot.Actor {
	a := loot.Actor{Kind: loot.Staff, ID: id, Name: "Name of " + id, Roles: roles}
	h.all = append(h.all, a)
	return a
}

func (h *house) as(a loot.Actor) *house { h.Actor = a; return h }

// report opens a case and returns its path.
func (h *house) report(by loot.Actor, colleague string) string {
	h.t.Helper()
	a := h.as(by).Post("/console/incidents", "text", "A list was sent to the wrong address.", "colleague", colleague)
	if a.Status != http.StatusSeeOther {
		h.t.Fatal(a.Status, read(a.Body))
	}
	return a.Header.Get("Location")
}

func (h *house) take(by loot.Actor, path string) {
	h.t.Helper()
	desktest.Leads(h.t, h.as(by).Post(path+"/take"), path)
}

var versionField = regexp.MustCompile(`name="version"[^>]*value="(\d+)"`)

// send posts a form of the page, with its version.
func (h *house) send(by loot.Actor, path, to string, pairs ...string) webtest.Answer {
	h.t.Helper()
	version := "1"
	if m := versionField.FindStringSubmatch(h.as(by).Get(path).Body); m != nil {
		version = m[1]
	}
	return h.Post(path+to, append(pairs, "version", version)...)
}

// step posts what the form of the page would.
func (h *house) step(by loot.Actor, path, kind string) webtest.Answer {
	h.t.Helper()
	return h.send(by, path, "", "kind", kind, "text", "All copies were deleted.")
}

// risks are what the form of an assessment says, by the risk that follows.
var risks = map[string][]string{
	"none": {"likelihood", "1", "severity", "1", "regulator", "not", "persons", "not"},
	"some": {"likelihood", "2", "severity", "2", "regulator", "tell", "persons", "not"},
	"high": {"likelihood", "3", "severity", "2", "regulator", "tell", "persons", "tell"},
}

func (h *house) assess(by loot.Actor, path, risk string, pairs ...string) webtest.Answer {
	h.t.Helper()
	return h.send(by, path, "/steps/assess", append(slices.Concat(risks[risk], []string{"number", "12", "categories", "contact", "text", "As far as we know."}), pairs...)...)
}

// ledger returns the notes of incidents and the reasons beside them.
func (h *house) ledger() (notes, reasons []string) {
	h.t.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		notes, reasons = nil, nil
		for row, err := range h.Kit.Ledger.Facts(ctx, tx, time.Time{}, h.Kit.Now().Add(time.Hour)) {
			if err != nil {
				return err
			}
			if !strings.HasPrefix(row.Facts.Note, "incident.") {
				continue
			}
			notes = append(notes, row.Facts.Note)
			who, err := h.Kit.Ledger.Actor(ctx, tx, row.ID)
			if err != nil {
				return err
			}
			reasons = append(reasons, who.Reason)
		}
		return nil
	})
	slices.Sort(notes) // they are of one time
	return notes, reasons
}

const (
	next    = "Next step"
	takeIt  = "/take"
	refused = "None of your roles may deal with an incident. These may: Legal counsel, Data protection officer."
)

// TestSomebodyElseClosesAnIncident than whoever took it on, of those whose role
// approves. Taking it over says from whom.
func TestSomebodyElseClosesAnIncident(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		support, dpo, counsel := h.hire("t-support", "support"), h.hire("t-dpo", "dpo"), h.hire("t-counsel", "counsel")
		path := h.report(support, "")
		says(t, h.as(dpo).Get(path), http.StatusOK, "Somebody takes it on first; somebody else closes it, where there is anybody.")
		hides(t, h.Get(path), `value="closing"`)
		says(t, h.step(dpo, path, "closing"), http.StatusConflict, "Nobody owns this incident. Somebody takes it on first.")

		h.take(dpo, path)
		says(t, h.Get(path), http.StatusOK, "You own this incident, so somebody else closes it.")
		hides(t, h.Get(path), `value="closing"`)
		says(t, h.Post(path+"/take"), http.StatusConflict, "You own this incident already.")
		says(t, h.step(dpo, path, "closing"), http.StatusConflict, "You own this incident, so somebody else looks at it and closes it.")

		page := h.as(counsel).Get(path)
		says(t, page, http.StatusOK, "Name of t-dpo owns it, so it is you or another who closes it.", "Take it over from Name of t-dpo", "Closing, with the reason")
		h.take(counsel, path)
		says(t, h.Get(path), http.StatusOK, "Took it over from Name of t-dpo and owns it from now on.")

		says(t, h.step(dpo, path, "closing"), http.StatusConflict, "Assess the risk before closing.")
		desktest.Leads(t, h.assess(counsel, path, "none"), path)
		desktest.Leads(t, h.step(dpo, path, "closing"), path)
		page = h.Get(path)
		says(t, page, http.StatusOK, "closed", "All copies were deleted.")
		hides(t, page, takeIt, next, "Take a measure", "Write a notice")

		notes, reasons := h.ledger()
		if want := []string{"incident.assessment", "incident.closing", "incident.reported", "incident.taken", "incident.taken"}; !slices.Equal(notes, want) {
			t.Errorf("on the ledger are %q, want %q", notes, want)
		}
		id := strings.TrimPrefix(path, "/console/incidents/")
		if want := id + ", taken over from t-dpo"; !slices.Contains(reasons, want) {
			t.Errorf("none of %q is %q", reasons, want)
		}
	})
}

// TestWhoDealsWithAnIncident: whoever lacks the role or has not signed reports,
// sees no button that they cannot use, and is refused what they try.
func TestWhoDealsWithAnIncident(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		newbie, support, dpo := h.hire("t-new", "counsel"), h.hire("t-support", "support"), h.hire("t-dpo", "dpo")
		h.newbies = []string{"t-new"}
		admin := h.hire("t-admin", "administrator")
		path := h.report(newbie, "")

		for _, who := range []loot.Actor{newbie, support, admin} {
			want := refused
			if who.ID == newbie.ID {
				want = "Whoever reads or deals with incidents signs the confidentiality undertaking first."
			}
			page := h.as(who).Get(path)
			says(t, page, http.StatusOK, want)
			hides(t, page, takeIt, next)
			says(t, h.Post(path+"/take"), http.StatusForbidden, want)
			for _, kind := range []string{"found", "told", "people", "closing"} {
				says(t, h.step(who, path, kind), http.StatusForbidden, want)
			}
			says(t, h.assess(who, path, "none"), http.StatusForbidden, want)
			says(t, h.Get(path+"/notices/regulator/eu"), http.StatusForbidden, want)
		}
		const secret = "A list was sent"
		hides(t, h.as(newbie).Get(path), secret)
		hides(t, h.Get("/console/incidents"), secret)
		for _, page := range []string{path, "/console/incidents"} {
			hides(t, h.as(support).Get(page), secret)
			says(t, h.as(dpo).Get(page), http.StatusOK, secret)
		}

		h.take(dpo, path)
		desktest.Leads(t, h.assess(dpo, path, "none"), path)
		if notes, _ := h.ledger(); !slices.Equal(notes, []string{"incident.assessment", "incident.reported", "incident.taken"}) {
			t.Errorf("on the ledger are %q", notes)
		}
	})
}

// TestAReportIsReadByFew: whoever made it and whoever may deal with it, and nobody whom
// it names. The others see that there is one, and of the measures their own.
func TestAReportIsReadByFew(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		reporter, other := h.hire("t-one", "support"), h.hire("t-two", "support")
		dpo, counsel := h.hire("t-dpo", "dpo"), h.hire("t-counsel", "counsel")
		path := h.report(reporter, "t-counsel")
		says(t, h.Get(path), http.StatusOK, "Your report is kept as I-", "Those who deal with incidents are written to", "You reported it, so you see here what becomes of it.")
		ref := desk.Reference("I", path)
		h.take(dpo, path)
		says(t, h.Get(path), http.StatusOK, "You own this incident from now on.")
		h.send(dpo, path, "/steps/measure", "owner", other.ID, "due", h.Clock.Now().Format(time.DateOnly), "text", "Lock the door.")
		h.send(dpo, path, "/steps/measure", "owner", dpo.ID, "due", h.Clock.Now().Format(time.DateOnly), "text", "Ring the regulator.")
		h.step(dpo, path, "found")
		const report, step = "A list was sent to the wrong address.", "All copies were deleted."
		for _, who := range []loot.Actor{reporter, dpo} {
			says(t, h.as(who).Get(path), http.StatusOK, report, step, "Lock the door.", ref)
			says(t, h.Get("/console/incidents"), http.StatusOK, report+" "+ref)
		}
		for _, who := range []loot.Actor{other, counsel} {
			for _, page := range []string{path, "/console/incidents"} {
				hides(t, h.as(who).Get(page), report, step, "Ring the regulator.")
				says(t, h.Get(page), http.StatusOK, "Reported by a member of staff", ref)
			}
		}
		says(t, h.as(other).Get(path), http.StatusOK, "Lock the door.", "What was written about it is read by those who deal with it")
		hides(t, h.as(counsel).Get(path), "Lock the door.")
	})
}

// TestNobodyDealsWithTheirOwnIncident: neither whom a report names nor whoever
// did what the program found, also when they owned it before.
func TestNobodyDealsWithTheirOwnIncident(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		support, dpo, counsel := h.hire("t-support", "support"), h.hire("t-dpo", "dpo"), h.hire("t-counsel", "counsel")
		found := h.found(dpo)
		for _, path := range []string{h.report(support, "t-dpo"), found} {
			page := h.as(dpo).Get(path)
			says(t, page, http.StatusOK, "This incident concerns what you did, so somebody else deals with it.")
			hides(t, page, takeIt, next)
			says(t, h.Post(path+"/take"), http.StatusForbidden, "This incident concerns what you did")
			says(t, h.step(dpo, path, "closing"), http.StatusForbidden, "This incident concerns what you did")
			hides(t, h.as(support).Get(path), "Name of t-dpo")
			says(t, h.as(counsel).Get(path), http.StatusOK, "Concerns Name of t-dpo")
			h.take(counsel, path)
		}
		says(t, h.as(support).Post("/console/incidents", "text", "x", "colleague", "t-nobody"), http.StatusUnprocessableEntity, "Report an incident")
	})
}

// found returns the path of a case that the program opened about what somebody did.
func (h *house) found(by loot.Actor) string {
	h.t.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		entry, err := h.Kit.Ledger.Append(ctx, tx, ledger.Entry{
			Facts: ledger.Facts{At: h.Kit.Now(), Verdict: ledger.Recorded, Note: "test", ActorKind: loot.Staff},
			Actor: ledger.ActorFacet{ID: by.ID, Name: by.Name},
		})
		if err != nil {
			return err
		}
		_, err = h.Kit.Gate.Incident(ctx, tx, "access.unusual", entry)
		return err
	})
	h.Drain()
	m := regexp.MustCompile(`href="(/console/incidents/i[^"]+)">Somebody opened`).FindStringSubmatch(h.as(by).Get("/console/incidents").Body)
	if m == nil {
		h.t.Fatal("no case was opened")
	}
	return m[1]
}

// TestWhoeverIsAloneDealsWithEverything: in an install of one person nothing
// stays undone, and both page and ledger say that nobody else could. It ends
// with the second person.
func TestWhoeverIsAloneDealsWithEverything(t *testing.T) {
	for name, role := range map[string]loot.Role{"who approves": "dpo", "who administers": "administrator"} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, h *house) {
				me := h.hire("t-me", role)
				h.hire("t-support", "support")
				path := h.report(me, "t-me")
				says(t, h.Get(path), http.StatusOK, "Nobody else could deal with it, so you do it alone; each step says so.")
				h.take(me, path)
				desktest.Leads(t, h.assess(me, path, "some"), path)
				says(t, h.Get(path), http.StatusOK, "Taken on, alone: nobody else could", "Assessment, alone: nobody else could")

				h.hire("t-counsel", "counsel")
				if a := h.step(me, path, "closing"); a.Status != http.StatusForbidden {
					t.Errorf("closed alone although somebody else could: %d", a.Status)
				}
				if notes, _ := h.ledger(); !slices.Equal(notes, []string{"incident.assessment alone", "incident.reported", "incident.taken alone"}) {
					t.Errorf("on the ledger are %q", notes)
				}
			})
		})
	}
}
