package customers

import (
	"bufio"
	"context"
	"errors"
	"maps"
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
	"loot/ledger"
	"loot/store"
	"loot/vault"
	"loot/web/webtest"
)

// use has a desk open a field for a purpose and reports whether it may.
func (h *house) use(desk string, p loot.Purpose, s loot.Subject, f loot.Field) bool {
	h.Helper()
	ctx := h.Context()
	err := h.Kit.Gate.InTx(ctx, func(tx *store.Tx) error {
		permit, err := h.Kit.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Use, Actor: loot.Actor{Kind: loot.Desk, ID: desk}, Desk: desk, Purpose: p, Subject: s, Collection: collection, Fields: []loot.Field{f},
		})
		if err != nil {
			return err
		}
		_, err = h.Kit.Vault.Open(ctx, tx, permit)
		return err
	})
	if _, refused := errors.AsType[*gate.Refusal](err); refused {
		return false
	}
	ok(h, err)
	return true
}

func TestAPermissionCountsFromTheClickOn(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		if h.use("mailing", "mailing", s, "contact.email") {
			t.Fatal("used before it was permitted")
		}
		post := func(give string) {
			t.Helper()
			if a := h.Post("/portal/permissions/newsletter", "give", give); a.Status != http.StatusSeeOther {
				t.Fatalf("status %d: %s", a.Status, text(a.Body))
			}
		}
		post("yes")
		if !h.use("mailing", "mailing", s, "contact.email") {
			t.Error("permitted, and refused all the same")
		}
		post("no")
		if h.use("mailing", "mailing", s, "contact.email") {
			t.Error("used after the permission was taken back")
		}
		post("no") // a second time is no entry
		count := 0
		for _, it := range h.items(s) {
			if it.Facts.Note == "permission.withdrawn" {
				count++
			}
		}
		if count != 1 {
			t.Errorf("%d entries of one withdrawal", count)
		}
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Permission given", "Permission taken back", "Refused: opening 1 detail")
		shows(t, h.Post("/portal/permissions/newsletter", "give", "perhaps"), http.StatusUnprocessableEntity)
		shows(t, h.Post("/portal/permissions/no-such", "give", "yes"), http.StatusNotFound)
	})
}

// A timeline that is open is told of an opening, and not before.
func TestTheTimelineHearsOfAnOpening(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		page := h.Get("/portal/timeline")
		path := regexp.MustCompile(`data-news="([^"]+)"`).FindStringSubmatch(page.Body)
		if path == nil {
			t.Fatal("the page follows nothing")
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.Server.URL+strings.ReplaceAll(path[1], "&amp;", "&"), nil)
		ok(t, err)
		resp, err := h.Server.Client().Do(req)
		ok(t, err)
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		if !lines.Scan() || lines.Text() != "retry: 500" || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("the stream begins with %q", lines.Text())
		}
		h.asStaff("member-one", "support")
		shows(t, h.Post("/console/customers/"+string(s)+"/open", "purpose", "support", "reason", "Ticket 7"), http.StatusOK)
		for lines.Scan() && lines.Text() == "" {
		}
		if lines.Text() != "data: new" {
			t.Errorf("the stream says %q", lines.Text())
		}
	})
}

func TestTheTimelineShowsAnOpeningAtOnceWithAProof(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		first := h.Get("/portal/timeline")
		seen := regexp.MustCompile(`hx-get="([^"]+)"`).FindStringSubmatch(first.Body)
		if seen == nil {
			t.Fatal("the page does not look for what is new")
		}
		look := strings.ReplaceAll(seen[1], "&amp;", "&")
		if a := h.Get(look); a.Status != http.StatusNoContent {
			t.Errorf("nothing is new, and the answer is %d", a.Status)
		}

		h.Clock.Advance(time.Second)
		h.asStaff("member-one", "support")
		shows(t, h.Post("/console/customers/"+string(s)+"/open", "purpose", "support", "reason", "Ticket 7"), http.StatusOK)
		h.asStaff("m2", "dpo")
		shows(t, h.Post("/console/customers/"+string(s)+"/open", "purpose", "notice", "reason", "Letter"), http.StatusOK)

		h.as(s)
		a := h.Get(look) // no job was awaited, nothing was drained
		shows(t, a, http.StatusOK, "Opened", "Customer support", "For “helping you”", "Made-up m2, Data protection officer")
		hides(t, a, "member-one", "Ticket 7", "<html")

		h.Confirm()
		a = h.Get("/portal/timeline")
		links := regexp.MustCompile(`href="(/portal/proof/[^"]+)"`).FindAllStringSubmatch(a.Body, -1)
		if len(links) < 5 {
			t.Fatalf("%d proofs are offered", len(links))
		}
		proof := h.Get(links[0][1])
		if proof.Status != http.StatusOK || !strings.Contains(proof.Header.Get("Content-Disposition"), ".tlog-proof") {
			t.Fatalf("the proof: %d %s", proof.Status, proof.Header.Get("Content-Disposition"))
		}
		res, err := ledger.VerifyReceipt([]byte(proof.Body), h.Kit.Ledger.VerifierKey(), nil)
		ok(t, err)
		if res.Verdict != ledger.Holds {
			t.Errorf("the proof: %v", res.Verdict)
		}
		if res.Subject == nil || res.Subject.Subject != s {
			t.Error("the proof does not say whom it is about")
		}
		other := h.register(with(jo, "contact.email", "other@example.com")...)
		h.as(other)
		shows(t, h.Get(links[0][1]), http.StatusNotFound)
	})
}

func TestEveryPageOfALongTimeline(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.asStaff("member-one", "support")
		for range pageLength + 5 {
			h.Clock.Advance(time.Minute)
			shows(t, h.Post("/console/customers/"+string(s)+"/open", "purpose", "support", "reason", "x"), http.StatusOK)
		}
		h.as(s)
		for range 5 { // shown as one, each with its id and its proof
			h.Get("/portal")
		}
		entry := regexp.MustCompile(`<code>(e[0-9a-v]{26})</code>`)
		seen := map[string]bool{}
		path := "/portal/timeline"
		for pages := 0; path != "" && pages < 10; pages++ {
			a := h.Get(path)
			for _, m := range entry.FindAllStringSubmatch(a.Body, -1) {
				if seen[m[1]] {
					t.Errorf("%s is shown twice", m[1])
				}
				seen[m[1]] = true
			}
			path = ""
			if m := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(a.Body); m != nil {
				path = strings.ReplaceAll(m[1], "&amp;", "&")
			}
		}
		if n := len(h.items(s)); len(seen) != n {
			t.Errorf("%d entries are shown of %d", len(seen), n)
		}
		shows(t, h.Get("/portal/timeline?after=nonsense"), http.StatusNotFound)
	})
}

var versionOf = regexp.MustCompile(`name="version" value="(\d+)"`)

func version(t *testing.T, a webtest.Answer) string {
	t.Helper()
	m := versionOf.FindStringSubmatch(a.Body)
	if m == nil {
		t.Fatalf("no version in %s", text(a.Body))
	}
	return m[1]
}

func TestPeopleCorrectTheirOwnRecord(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		form := h.Get("/portal/correct/contact.phone")
		shows(t, form, http.StatusOK, "Correct: Telephone number", "The old value goes into a sealed history")
		if !strings.Contains(form.Body, `value="&#43;353 1 555 0100"`) {
			t.Error("the form does not hold the present value")
		}
		v := version(t, form)
		wrong := h.Post("/portal/correct/contact.phone", "contact.phone", "ring me", "version", v)
		shows(t, wrong, http.StatusUnprocessableEntity, "not a telephone number")
		if !strings.Contains(wrong.Body, `value="ring me"`) {
			t.Error("what was typed is lost")
		}
		a := h.Post("/portal/correct/contact.phone", "contact.phone", "+44 20 7946 0000", "version", v)
		if a.Status != http.StatusSeeOther {
			t.Fatalf("status %d: %s", a.Status, text(a.Body))
		}
		shows(t, h.Get("/portal"), http.StatusOK, "+44 20 7946 0000", "you, in your portal", "Telephone number: saved", "not checked")
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "You changed 1 detail")

		// An optional detail can be emptied, a compulsory one cannot.
		v = version(t, h.Get("/portal/correct/contact.phone"))
		h.Post("/portal/correct/contact.phone", "contact.phone", "", "version", v)
		hides(t, withoutFolds(h.Get("/portal")), "44 20 7946 0000")
		shows(t, h.Get("/portal/correct/contact.phone"), http.StatusOK, "Add: Telephone number", "It counts from now on.")
		v = version(t, h.Get("/portal/correct/contact.email"))
		shows(t, h.Post("/portal/correct/contact.email", "contact.email", "", "version", v), http.StatusUnprocessableEntity, "Shared hosting cannot run without it")
		shows(t, h.Get("/portal/correct/no.such"), http.StatusNotFound)
		shows(t, h.Get("/portal/correct/applicant.name"), http.StatusNotFound)
	})
}

func TestASecondChangeIsShownTheFirst(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		v := version(t, h.Get("/portal/correct/contact.phone"))
		h.Post("/portal/correct/contact.phone", "contact.phone", "+44 20 7946 0001", "version", v)
		late := h.Post("/portal/correct/contact.phone", "contact.phone", "+44 20 7946 0002", "version", v)
		shows(t, late, http.StatusConflict, "Somebody changed this in the meantime", "+44 20 7946 0001", "+44 20 7946 0002")
		// Whoever was late may still save theirs, knowingly.
		a := h.Post("/portal/correct/contact.phone", "contact.phone", "+44 20 7946 0002", "version", version(t, late))
		if a.Status != http.StatusSeeOther {
			t.Fatalf("status %d", a.Status)
		}
		shows(t, h.Get("/portal"), http.StatusOK, "+44 20 7946 0002")
		for _, bad := range []string{"", "x", "-1", "99"} {
			if a := h.Post("/portal/correct/contact.phone", "contact.phone", "+44 20 7946 0003", "version", bad); a.Status != http.StatusConflict {
				t.Errorf("version %q: %d", bad, a.Status)
			}
		}
	})
}

func TestTheCopyHoldsEverything(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(with(jo, "permit.newsletter", "on")...)
		h.as(s)
		got, _ := h.copied(s)
		if len(got.Fields) != 7 || len(got.Services) != 1 || !got.Permissions["newsletter"] || got.Permissions["suggestions"] {
			t.Errorf("%d fields, %d services, permissions %v", len(got.Fields), len(got.Services), got.Permissions)
		}
		if len(got.Timeline) != len(h.items(s)) {
			t.Errorf("%d entries of %d", len(got.Timeline), len(h.items(s)))
		}
		for _, f := range got.Fields {
			if f.Value == "" || f.Source == "" || f.Since.IsZero() || len(f.Purposes) == 0 || len(f.Openers) == 0 || len(f.Kept) == 0 {
				t.Errorf("%s is not told in full: %+v", f.Field, f)
			}
		}
		if got.Elsewhere["billing"] == nil || got.Elsewhere["customers"] == nil {
			t.Errorf("what other desks keep is missing: %v", got.Elsewhere)
		}
	})
}

// TestWhatWasReplacedIsShownAsLongAsItIsHeld: the record and the copy have every
// former value with where it came from, and what opening them counts agrees with
// the permits on the ledger.
func TestWhatWasReplacedIsShownAsLongAsItIsHeld(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		hides(t, h.Get("/portal"), "earlier value")
		correct := func(field, value string) {
			t.Helper()
			h.Clock.Advance(time.Hour)
			path := "/portal/correct/" + field
			if a := h.Post(path, field, value, "version", version(t, h.Get(path))); a.Status != http.StatusSeeOther {
				t.Fatalf("status %d: %s", a.Status, text(a.Body))
			}
		}
		long := strings.Repeat("Extraordinarily ", 4) + "Long Meadow Ltd."
		correct("company.name", long)
		correct("company.name", "Meadow Ltd")
		correct("contact.phone", "")

		page := h.Get("/portal")
		row := text(heldRow(t, page, "Company name"))
		for _, want := range []string{
			"2 earlier values", "Replaced 23 Nov 2026, 11:00 UTC Sealed, as long as the value that counts now.",
			long + " From you, in your portal On 23 Nov 2026, 10:00 UTC", "Example Meadow Ltd From your order: shared hosting On 23 Nov 2026, 09:00 UTC Statement 2026-1 Replaced 23 Nov 2026, 10:00 UTC",
		} {
			if !strings.Contains(row, want) {
				t.Errorf("the row of the name does not show %q: %s", want, row)
			}
		}
		if row := text(heldRow(t, page, "Telephone number")); !strings.Contains(row, "1 earlier value +353 1 555 0100") || !strings.HasPrefix(row, "Not given") {
			t.Errorf("what was removed is not shown: %s", row)
		}
		hides(t, h.Get("/portal/correct/company.name"), long)

		got, file := h.copied(s)
		res, err := ledger.VerifyCopy(strings.NewReader(file), h.Kit.Ledger.VerifierKey(), nil, func(ledger.CopiedEntry, ledger.Result) error { return nil })
		ok(t, err)
		if res.Fault != "" || res.Broken != 0 || res.Missing != 0 || res.Proved != res.Entries || res.Entries == 0 {
			t.Errorf("the proofs of the copy: %+v", res)
		}
		former := map[loot.Field][]desk.CopiedFormer{}
		for _, f := range got.Fields {
			former[f.Field] = f.Earlier
		}
		names, phones := former["company.name"], former["contact.phone"]
		if len(names) != 2 || names[0].Value != long || names[1].Value != "Example Meadow Ltd" || len(phones) != 1 || phones[0].Value != "+353 1 555 0100" {
			t.Fatalf("the copy has %+v and %+v", names, phones)
		}
		first := desktest.Start
		if f := names[1]; f.Source != "your order: shared hosting" || !f.Since.Equal(first) || !f.Replaced.Equal(first.Add(time.Hour)) || f.Statement == "" || f.State == "" || f.Kept == "" {
			t.Errorf("the first name is not told in full: %+v", f)
		}

		ok(t, h.Kit.Vault.Reconcile(t.Context()))
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			r, err := h.Kit.Vault.Reconciled(ctx, tx)
			if r.Difference != 0 || r.Opened == 0 {
				t.Errorf("openings and permits: %+v", r)
			}
			return err
		})
	})
}

// TestTheCopyProvesItsTimeline: a copy of several pages holds a receipt of
// every entry up to its own, and says nothing that they do not prove.
func TestTheCopyProvesItsTimeline(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		for i := range copyPage {
			h.Clock.Advance(time.Minute)
			if !h.use("billing", "invoice", s, "company.name") {
				t.Fatalf("opening %d was refused", i)
			}
		}
		h.as(s)
		_, copied := h.copied(s) // nothing was drained: the copy waits for its proofs
		key, last := h.Kit.Ledger.VerifierKey(), ""
		verify := func(text string) (ledger.CopyResult, []string) {
			t.Helper()
			var faults []string
			res, err := ledger.VerifyCopy(strings.NewReader(text), key, nil, func(e ledger.CopiedEntry, one ledger.Result) error {
				if last = e.ID; one.Fault != nil {
					faults = append(faults, e.ID+": "+one.Fault.Text)
				}
				return nil
			})
			ok(t, err)
			return res, faults
		}
		res, faults := verify(copied)
		items := h.items(s)
		if res.Verdict != ledger.Holds || res.Entries != len(items) || res.Proved != len(items) || res.Signer != key {
			t.Fatalf("%+v of %d entries, %d faults", res, len(items), len(faults))
		}
		if last != items[len(items)-1].ID {
			t.Errorf("the copy ends with %s", last)
		}
		for what, changed := range map[string]string{
			"a purpose":  strings.Replace(copied, `"purpose": "invoice"`, `"purpose": "service"`, 1),
			"the person": strings.Replace(copied, string(s), string(loot.NewSubject()), 1),
			"the end":    copied[:len(copied)-20],
		} {
			if changed == copied {
				t.Fatalf("%s was not changed", what)
			}
			if res, faults := verify(changed); res.Verdict != ledger.DoesNotHold || res.Fault == "" && len(faults) != 1 {
				t.Errorf("%s was changed: %+v, %d faults", what, res, len(faults))
			}
		}
	})
}

// TestADamagedEntryIsNoReasonToWithholdTheRest: it is named in the copy.
func TestADamagedEntryIsNoReasonToWithholdTheRest(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.Confirm()
		damaged := h.items(s)[1].ID
		ok(t, h.Kit.DB.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE ledger_entry SET facts_salt = $1 WHERE id = $2`, make([]byte, 32), damaged)
			return err
		}))
		h.as(s)
		got, _ := h.copied(s)
		if len(got.Timeline) != len(h.items(s)) {
			t.Fatalf("%d entries of %d", len(got.Timeline), len(h.items(s)))
		}
		for _, e := range got.Timeline {
			if (e.ID == damaged) != (e.Receipt == "") || (e.ID == damaged) != strings.Contains(e.Unproved, "damaged") {
				t.Errorf("%s has a receipt of %d bytes: %q", e.ID, len(e.Receipt), e.Unproved)
			}
		}
	})
}

// TestTheLawCountsFromTheLastEnd: from now on, as long as a service runs, and then from the
// day on which the last of them ended, whichever was ordered last.
func TestTheLawCountsFromTheLastEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t, desktest.One(t), desktest.Standard(t))
	s := h.register(jo...)
	h.as(s)
	running := func() (out []string) {
		t.Helper()
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			all, err := h.desk.needs.Services(ctx, tx, s)
			for _, one := range all {
				if one.Ended.IsZero() {
					out = append(out, one.Reference)
				}
			}
			return err
		})
		return out
	}
	end := func(reference string) {
		t.Helper()
		desktest.Leads(t, h.Post("/portal/services/"+reference+"/end"), "/portal/services")
	}
	for range 2 {
		h.Clock.Advance(time.Minute)
		h.Post("/portal/order/backup", "plan", "backup-500")
		h.Confirm()
	}
	all := running()
	if len(all) != 3 {
		t.Fatalf("%d services run", len(all))
	}
	end(all[0])
	end(all[2])
	h.Clock.Advance(10 * 24 * time.Hour)
	shows(t, h.Get("/portal/account"), http.StatusOK, "Writing invoices, until 17 Jan 2027")
	end(all[1])
	h.Clock.Advance(10 * 24 * time.Hour)
	shows(t, h.Get("/portal/account"), http.StatusOK, "Writing invoices, until 17 Jan 2027")
}

func TestAnErasureWaitsForTheLawAndThenLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(with(jo, "permit.newsletter", "on")...)
		why := map[string]string{} // of what is erased
		h.desk.Lapsed = func(_ context.Context, _ *store.Tx, _ string, l desk.Lapse, stayed bool) error {
			if !stayed {
				why[l.What] = l.Why
			}
			return nil
		}
		h.as(s)
		shows(t, h.Get("/portal/account"), http.StatusOK, "Shared hosting", "Held by law", "35 days later not even from a backup", "network.purpose", "Erased by 7 Jan 2027", "Goes at once Telephone number No law keeps it. Its keys are destroyed as well, so that 35 days later", "Company name, VAT number, Street and number, Town or city, Country Writing invoices, until 7 Jan 2027 at the latest")
		hides(t, h.Get("/portal/account"), "Running your service, until", "Telling you what happens to your details, until", "until 1 Jan 0001") // neither keeps anything, nor does what is permitted
		before := h.held(s)
		shows(t, h.Post("/portal/account/erase"), http.StatusUnprocessableEntity, "Please tick this to go on.")
		a := h.Post("/portal/account/erase", "sure", "on")
		if a.Header.Get("Location") != "/portal/account" {
			t.Fatalf("status %d to %q", a.Status, a.Header.Get("Location"))
		}
		shows(t, h.Get("/portal/account"), http.StatusOK, "Your account will be erased by 7 January 2027", "Keep my account", "Company name")
		if page := h.Get("/portal").Body; strings.Contains(page, "/portal/correct/contact.phone") || !strings.Contains(page, "/portal/correct/company.name") {
			t.Error("what went can be given, or what stays cannot be corrected")
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			copied, err := h.desk.export(ctx, tx, s)
			if all, _ := copied.(exported); all.Erasure == nil || all.Erasure.Due.Format(time.DateOnly) != "2027-01-07" {
				t.Errorf("the copy does not say that they are erased: %+v", copied)
			}
			return err
		})
		shows(t, h.Get("/portal/correct/contact.phone"), http.StatusConflict, "Keep my account")
		shows(t, h.Post("/portal/correct/contact.phone", "contact.phone", "+353 1 555 0101"), http.StatusConflict, "Keep my account")
		shows(t, h.Post("/portal/permissions/newsletter", "give", "yes"), http.StatusConflict, "Keep my account")
		shows(t, h.Get("/portal/services"), http.StatusOK, "ended")
		if h.use("mailing", "mailing", s, "contact.email") || h.use("customers", "service", s, "contact.email") {
			t.Error("used after everything ended")
		}
		if !h.use("signin", "access", s, "contact.email") {
			t.Error("whose services ended does not reach what is still held")
		}
		shows(t, h.Post("/portal/order/backup", "plan", "backup-500"), http.StatusConflict)

		h.Confirm()
		after := h.held(s)
		if !slices.Contains(before, "contact.phone") || slices.Contains(after, "contact.phone") {
			t.Errorf("the telephone number did not go at once: before %v, after %v", before, after)
		}
		if want := map[string]string{"Telephone number": whyAsked}; !maps.Equal(why, want) {
			t.Errorf("counted are %v, want %v", why, want)
		}
		for _, f := range []loot.Field{"contact.email", "company.name", "address.country"} { // by which the person gets in, and for the last invoice
			if !slices.Contains(after, f) {
				t.Errorf("%s is gone: %v", f, after)
			}
		}
		h.Clock.Advance(24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.Confirm()
		shows(t, h.Get("/portal"), http.StatusOK, "Example Meadow Ltd")

		// Kept: even a job that is late does nothing.
		h.Post("/portal/account/keep")
		h.Post("/portal/permissions/suggestions", "give", "yes") // needs some of it on
		hides(t, h.Get("/portal/timeline"), "Erased")
		hides(t, h.Get("/portal/account"), "will be erased")
		h.Clock.Advance(120 * 24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		ok(t, h.desk.erase(t.Context(), eraseArgs{s}))
		ok(t, h.desk.eraseNow(t.Context(), h.Actor)) // which was about to begin
		h.Confirm()
		told := "" // the day is over until which nothing tells what went
		for _, it := range h.items(s) {
			if it.Facts.Action == loot.Erase && it.Facts.ActorKind == loot.Person {
				h.Tx(func(ctx context.Context, tx *store.Tx) error {
					e, err := h.desk.event(ctx, tx, desktest.Standard(t), it)
					told += e.Title + ": " + e.Text
					return err
				})
			}
		}
		if want := "Erased 1 detail: You asked for your account to be erased, and no law kept this: telephone number."; told != want {
			t.Errorf("the timeline says %q, want %q", told, want)
		}
		shows(t, h.Get("/portal"), http.StatusOK, "Example Meadow Ltd")

		// Asked for again, when nothing holds it any longer: at once.
		shows(t, h.Get("/portal/account"), http.StatusOK, "Erased at once")
		hides(t, h.Get("/portal/account"), "Held by law", "Goes at once")
		if a := h.Post("/portal/account/erase", "sure", "on"); a.Header.Get("Location") != "/goodbye" {
			t.Fatalf("status %d to %q", a.Status, a.Header.Get("Location"))
		}
		h.Confirm()
		shows(t, h.Get("/portal"), http.StatusNotFound)
		if items := h.items(s); len(items) != 0 {
			t.Errorf("%d entries can still be found", len(items))
		}
		ok(t, h.Kit.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			services, err := h.desk.needs.Services(t.Context(), tx, s)
			if len(services) != 0 {
				t.Errorf("%d services are left", len(services))
			}
			if kept, err := h.desk.export(t.Context(), tx, s); err != nil || kept != nil {
				t.Errorf("this desk still keeps %v (%v)", kept, err)
			}
			var row vault.Row
			if err == nil {
				row, err = h.Kit.Vault.Row(t.Context(), tx, s, collection)
			}
			if err == nil && !row.Erased() {
				t.Error("the record is not erased")
			}
			return err
		}))
		h.Actor = loot.Actor{}
		shows(t, h.Get("/goodbye"), http.StatusOK, "The key to your record is destroyed")
	})
}

func TestAnErasureThatWaitedIsCarriedOut(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		h.Post("/portal/account/erase", "sure", "on")
		h.Clock.Advance(44 * 24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.Confirm()
		shows(t, h.Get("/portal"), http.StatusOK, "Example Meadow Ltd")
		h.Clock.Advance(2 * 24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.Confirm()
		shows(t, h.Get("/portal"), http.StatusNotFound)
	})
}

// TestAnErasureWaitsNoLongerThanItsReason: once the last invoice is written, nothing waits
// for the day until which the law would let it.
func TestAnErasureWaitsNoLongerThanItsReason(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		written := false
		h.desk.needs.Fulfilled = func(context.Context, *store.Tx, loot.Subject) ([]loot.Purpose, error) {
			if !written {
				return nil, nil
			}
			return []loot.Purpose{"invoice"}, nil
		}
		h.as(s)
		h.Post("/portal/account/erase", "sure", "on")
		h.Clock.Advance(24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.Confirm()
		shows(t, h.Get("/portal"), http.StatusOK, "Example Meadow Ltd")
		written = true
		ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
		h.Confirm()
		shows(t, h.Get("/portal"), http.StatusNotFound)

		an := h.register(with(jo, "contact.email", "an@example.com")...)
		h.as(an)
		desktest.Leads(t, h.Post("/portal/account/erase", "sure", "on"), "/goodbye") // as nothing waits when they ask
	})
}

func TestANameOfAFileIsOne(t *testing.T) {
	if got := fileName("../e\"1\r\n.exe"); got != "e1exe" {
		t.Errorf("got %q", got)
	}
}

func TestAServiceEndsAndItsPermissionWithIt(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		h.as(s)
		if !h.use("customers", "service", s, "contact.email") {
			t.Fatal("a service that runs permits nothing")
		}
		a := h.Get("/portal/services")
		m := regexp.MustCompile(`/portal/services/[^"/]+/end`).FindString(a.Body)
		other := h.register(with(jo, "contact.email", "other@example.com")...)
		h.as(other)
		shows(t, h.Post(m), http.StatusNotFound)
		h.as(s)
		for range 2 {
			if a := h.Post(m); a.Status != http.StatusSeeOther {
				t.Fatalf("status %d: %s", a.Status, text(a.Body))
			}
		}
		if h.use("customers", "service", s, "contact.email") {
			t.Error("used after the service ended")
		}
		shows(t, h.Get("/portal"), http.StatusOK, "ended", "Kept until 21 February 2027", "as long as we hold anything about you")
		shows(t, h.Get("/portal/permissions"), http.StatusOK, "Reaching your own record", "As long as we hold anything about you")
	})
}
