package customers

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// assuming is the statement that comes with Loot, with suggestions on in countries,
// and with more texts in place of others.
func assuming(t testing.TB, number, list string, more ...string) *statement.Statement {
	t.Helper()
	src := statement.Default()
	changes := [][2]string{
		{`version: "2026-1"`, `version: "` + number + `"`},
		{"    purpose: recommendation\n    recipient: self\n", "    purpose: recommendation\n    recipient: self\n    assumed: " + list + "\n"},
		{"      recommendation: Without it we might suggest", "      notice: Without it we cannot tell which switches are on where you live.\n      recommendation: Without it we might suggest"},
	}
	for i := 0; i < len(more); i += 2 {
		changes = append(changes, [2]string{more[i], more[i+1]})
	}
	for _, change := range changes {
		if !bytes.Contains(src, []byte(change[0])) {
			t.Fatalf("the statement does not say %q", change[0])
		}
		src = bytes.Replace(src, []byte(change[0]), []byte(change[1]), 1)
	}
	return desktest.Parse(t, src)
}

// suggested reports whether suggestions are on, which the gate has to know too.
func (h *house) suggested(s loot.Subject) bool {
	h.Helper()
	var p gate.PersonView
	ok(h, h.Kit.DB.ReadTx(h.Context(), func(tx *store.Tx) (err error) {
		p, err = h.Kit.Gate.Person(h.Context(), tx, s)
		return err
	}))
	on := slices.Contains(p.Permissions[self], "recommendation")
	if h.use("recommender", "recommendation", s, "company.name") != on {
		h.Errorf("the permission stands: %v, and the gate decides otherwise", on)
	}
	return on
}

func (h *house) wants(on bool, when string, s loot.Subject) {
	h.Helper()
	if h.suggested(s) != on {
		h.Errorf("%s, suggestions are on: %v, want %v", when, !on, on)
	}
}

// moves has a customer correct their country.
func (h *house) moves(s loot.Subject, country string) {
	h.Helper()
	h.as(s)
	m := versionOf.FindStringSubmatch(h.Get("/portal/correct/address.country").Body)
	if m == nil {
		h.Fatal("the form to correct the country carries no version")
	}
	v := m[1]
	desktest.Leads(h.TB, h.Post("/portal/correct/address.country", "address.country", country, "version", v), "/portal")
}

func (h *house) switches(s loot.Subject, give string) {
	h.Helper()
	h.as(s)
	desktest.Leads(h.TB, h.Post("/portal/permissions/suggestions", "give", give), "/portal/permissions")
}

// canadian is a customer where suggestions are on until they are switched off.
func canadian(address string, more ...string) []string {
	return with(with(jo, "address.country", "CA", "contact.email", address), more...)
}

func TestAPermissionIsAssumedWhereTheStatementSaysSo(t *testing.T) {
	t.Parallel()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, assuming(t, "assumed", "[US, CA]"))
		shows(t, h.Get("/order/shared-hosting"), http.StatusOK, "by country", "On in Canada and the United States, until you switch it off with one click in your portal. Off everywhere else.")

		there := h.register(canadian("there@example.com")...)
		h.wants(true, "in a country of the list", there)
		h.as(there)
		shows(t, h.Get("/portal/permissions"), http.StatusOK, "Suggestions that fit my servers on", "On because you live in Canada, until you switch it off.", "Switch it off", "Your newsletters off")
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "On where you live", "The statement has it on in the country of your record", "For “suggestions that fit your servers”", "Our program: registering you", "disclosure.permission")
		shows(t, h.Get("/portal"), http.StatusOK, "1 by the statement", "It is on where you live, until you switch it off.")
		shows(t, h.Get("/portal/correct/address.country"), http.StatusOK, "is on in Canada and the United States and off elsewhere, unless you chose by yourself")
		h.switches(there, "no")
		h.wants(false, "after one click", there)
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Permission taken back")
		h.moves(there, "IE")
		h.moves(there, "US")
		h.wants(false, "after a click and a move", there)

		away := h.register(with(jo, "contact.email", "away@example.com")...)
		h.wants(false, "outside the list", away)
		h.moves(away, "US")
		h.wants(true, "after a move into the list", away)
		h.moves(away, "IE")
		h.wants(false, "after a move out of the list", away)
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Not on where you live any longer")
		h.switches(away, "yes")
		h.moves(away, "US")
		h.moves(away, "IE")
		h.wants(true, "after it was given and two moves", away)

		says := h.register(canadian("says@example.com")...)
		h.switches(says, "yes") // what a program of theirs can send: their own word, and no longer the statement's
		h.moves(says, "IE")
		h.wants(true, "after a yes to what was assumed and a move", says)

		refused := h.register(canadian("no@example.com", "permit.suggestions", "no")...)
		h.wants(false, "after a no on the form", refused)
		h.as(refused)
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Permission refused")
		h.moves(refused, "US")
		h.wants(false, "after a no on the form and a move", refused)

		given := h.register(canadian("yes@example.com", "permit.suggestions", "yes")...)
		h.moves(given, "IE")
		h.wants(true, "after a yes on the form and a move", given)
		h.Actor = loot.Actor{}
		shows(t, h.Post("/order/shared-hosting", append(canadian("x@example.com", "permit.suggestions", "perhaps"), "sent", "x")...), http.StatusUnprocessableEntity, "Please choose one of those offered.")
	})
}

// Where a version assumes something else, it does so from its day on and not before,
// for those who never chose.
func TestWhatIsAssumedFollowsTheVersionInForce(t *testing.T) {
	t.Parallel()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, desktest.Standard(t))
		there, gave, away := h.register(canadian("there@example.com")...), h.register(canadian("gave@example.com")...), h.register(with(jo, "contact.email", "away@example.com")...)
		left := h.register(canadian("left@example.com")...)
		_, _, err := h.desk.endAll(t.Context(), loot.Actor{Kind: loot.Person, ID: string(left)})
		ok(t, err)
		h.switches(gave, "yes")
		look := func(when string, on bool) {
			t.Helper()
			h.Confirm()
			h.wants(on, when, there)
			h.wants(true, when+", by choice", gave)
			h.wants(false, when+", elsewhere", away)
			h.wants(false, when+", for whoever leaves", left)
		}
		look("where nothing is assumed", false)
		both := assuming(t, "both", "[US, CA]")
		due := h.Clock.Now().AddDate(0, 0, both.Front().NoticeDays)
		h.Announce(both, due)
		look("when it is announced", false)
		h.Clock.Advance(due.Sub(h.Clock.Now()) - time.Minute)
		look("a minute before", false)
		h.Confirm() // what was just looked at is no news
		news, stop, err := h.Kit.Ledger.Follow(t.Context(), there, collection)
		ok(t, err)
		defer stop()
		h.Clock.Advance(time.Minute)
		h.S = both
		begun, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		select { // the job begins by itself at its time
		case <-news:
		case <-begun.Done():
			t.Fatal("nobody looked at who is concerned")
		}
		look("from the day on", true)
		next := func(number, list string) { // not to wait for the job each time
			t.Helper()
			h.InForce(assuming(t, number, list))
			ok(t, h.desk.assumedPage(t.Context(), assumedPage{Hash: h.S.Hash()}))
		}
		next("both again", "[CA, US]")
		look("where nothing changed", true)
		next("one", "[US]")
		look("once the country is dropped", false)
		h.as(there)
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Not on where you live any longer", "On where you live")
		next("back", "[CA]")
		look("once it is there again", true)
		next("none", "[]")
		look("once nothing is assumed", false)
	})
}

// Customers who are taken over are treated as those who come by themselves.
func TestWhatIsAssumedOfWhoIsTakenOver(t *testing.T) {
	t.Parallel()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, assuming(t, "assumed", "[US, CA]"))
		i := NewImporter(h.Kit)
		var people []Incoming
		for _, country := range []string{"CA", "IE"} {
			s := loot.NewSubject()
			people = append(people, Incoming{Subject: s, Source: "before", Orders: []Order{{ID: loot.NewID("o"), Subject: s, Service: "shared-hosting", Made: h.Clock.Now()}}, Given: map[loot.Field]string{
				"company.name": "Example Meadow Ltd", "address.country": country, "contact.email": country + "@example.com",
			}})
		}
		ok(t, i.Keys(t.Context(), people[0].Subject, people[1].Subject))
		ok(t, h.Kit.Gate.InTx(t.Context(), func(tx *store.Tx) error {
			return i.Take(t.Context(), tx, h.S, loot.Actor{Kind: loot.Staff, ID: "member-one"}, "taken over", people)
		}))
		h.wants(true, "taken over in a country of the list", people[0].Subject)
		h.wants(false, "taken over elsewhere", people[1].Subject)
	})
}

// What is assumed opens a detail for what it was given for. A use that a later
// version adds waits for the person's own yes.
func TestWhatIsAssumedOpensNothingNew(t *testing.T) {
	h := newHouse(t, desktest.One(t), assuming(t, "assumed", "[CA]"))
	given, assumed := h.register(canadian("yes@example.com", "permit.suggestions", "yes")...), h.register(canadian("there@example.com")...)
	h.InForce(assuming(t, "more", "[CA]", "      safety: Without it an urgent warning", "      recommendation: Without it nobody calls you.\n      safety: Without it an urgent warning"))
	for s, want := range map[loot.Subject]bool{given: true, assumed: false} {
		h.wants(true, "under a later version", s)
		if got := h.use("recommender", "recommendation", s, "contact.phone"); got != want {
			t.Errorf("opened for what was added later: %v, want %v", got, want)
		}
	}
}

// Nothing is assumed of whose country is not known any more.
func TestNothingIsAssumedOnceTheCountryIsErased(t *testing.T) {
	h := newHouse(t, desktest.One(t), assuming(t, "assumed", "[CA]",
		"      invoice: Without it we cannot tell which country's tax belongs on the invoice.\n", "",
		"      notice: Without it we cannot tell which", "      access: Without it we cannot tell which"))
	s := h.register(canadian("there@example.com")...)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		return h.desk.endServices(ctx, tx, loot.Actor{Kind: loot.Person, ID: string(s)}, s)
	})
	h.wants(true, "after the service", s)
	h.Clock.Advance(40 * 24 * time.Hour) // checks keep it for 30 days after the service, others keep other details for 90
	ok(t, h.desk.lapse(t.Context(), lapseArgs{s}))
	var held map[loot.Field]vault.About
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		held, err = h.Kit.Vault.Held(ctx, tx, s, collection)
		return err
	})
	if _, known := held["address.country"]; known || len(held) == 0 {
		t.Fatalf("%d details are held, and the country is one: %v", len(held), known)
	}
	h.wants(false, "once the country is gone", s)
}

// What nobody gave keeps nothing: details go when the service has ended.
func TestNothingIsKeptForWhatIsAssumed(t *testing.T) {
	h := newHouse(t, desktest.One(t), assuming(t, "assumed", "[CA]"))
	given, assumed := h.register(canadian("yes@example.com", "permit.suggestions", "yes")...), h.register(canadian("there@example.com")...)
	kept := func(s loot.Subject) bool {
		t.Helper()
		var about map[loot.Field]vault.About
		h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
			if err := h.desk.endServices(ctx, tx, loot.Actor{Kind: loot.Person, ID: string(s)}, s); err != nil {
				return err
			}
			about, err = h.Kit.Vault.Held(ctx, tx, s, collection)
			return err
		})
		return about["company.name"].Until.IsZero()
	}
	if !kept(given) || kept(assumed) {
		t.Error("a detail stays for what is assumed, or goes although it was permitted")
	}
}
