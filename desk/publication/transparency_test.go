package publication

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"loot"
	"loot/desk/desktest"
	"loot/ledger"
	"loot/store"
)

// asked records a step of a request as the desk of disclosures does.
func (h *house) asked(s step, gag time.Time) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		return record(ctx, tx, h.Kit.Ledger, h.Kit.Now(), s, gag)
	})
}

func halfYear(t *testing.T, h *house) (public, next half) {
	t.Helper()
	this := halfOf(h.Clock.Now())
	return this, half{this.end().Year(), halfOf(this.end()).n}
}

// TestTheReportIsCountedFromTheLedger: in every form, with small numbers covered,
// and with proofs from which it can be counted again.
func TestTheReportIsCountedFromTheLedger(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		this, _ := halfYear(t, h)
		path := "/transparency/" + this.String()
		if a := h.Get(path); a.Status != http.StatusNotFound {
			t.Errorf("the running half-year is public: %d", a.Status)
		}
		entered := h.Clock.Now()
		for i := range 12 {
			s := step{Request: fmt.Sprint("r", i), Kind: "answer", Authority: "police", Country: "IE", Entered: entered, Gag: i == 11}
			if i == 5 {
				s.Country, s.Authority = "FR", "revenue"
			}
			gag := time.Time{}
			if i == 11 {
				gag = this.end().AddDate(0, 1, 0)
			}
			h.asked(s, gag)
			h.Clock.Advance(24 * time.Hour)
			if i < 5 {
				s.Outcome, s.Accounts, s.Answered = "whole", 1, h.Clock.Now()
				h.asked(s, gag)
			}
		}
		h.asked(step{Request: "later", Kind: "answer", Authority: "police", Country: "IE", Entered: this.end()}, time.Time{})
		h.Actor = loot.Actor{Kind: loot.Staff, ID: "t1", Roles: []loot.Role{"support"}}
		shows(t, h.Get("/console/transparency/"+this.String()), http.StatusOK, "This half-year is not over.")
		h.Clock.Advance(this.end().Sub(h.Clock.Now()))
		h.Confirm()
		page := h.Get(path)
		shows(t, page, http.StatusOK, "Requests that were entered 11", "Accounts of which something was handed over 5", "Ireland 5 or more", "France 1 to 4",
			"Answered 5", "Not decided yet 6", "Tax authorities 1 to 4", "3.0 days on average", "Requests under an order of secrecy that has ended 0")
		rows, err := csv.NewReader(strings.NewReader(h.Get(path + ".csv").Body)).ReadAll()
		if err != nil || len(rows) < 8 || !slices.Equal(rows[1][:5], []string{this.String(), "Requests", "requests", "Requests that were entered", "11"}) {
			t.Errorf("%v %v", rows, err)
		}
		var told toldReport
		ok(t, json.Unmarshal([]byte(h.Get(path+".json").Body), &told))
		if len(told.Proofs) != 0 || told.Figures[0].Value != "11" || len(told.Figures[0].Entries) != 0 || !strings.Contains(told.Checkpoint, "\n") {
			t.Errorf("%+v", told)
		}
		if a := h.Get(path + ".xml"); a.Status != http.StatusNotFound {
			t.Error(a.Status)
		}
		entries := "/console/transparency/" + this.String() + "/entries"
		if a := h.Get(entries); a.Status != http.StatusForbidden {
			t.Errorf("whoever does not approve sees the entries: %d", a.Status)
		}
		h.Actor.Roles = []loot.Role{"dpo"}
		var opened toldReport
		ok(t, json.Unmarshal([]byte(h.Get(entries).Body), &opened))
		if len(opened.Proofs) != 11 {
			t.Errorf("%d proofs", len(opened.Proofs))
		}
		if r, err := recount(opened, opened.Log, nil); err != nil || r.Verdict != ledger.Holds || r.Entries != 11 || r.Figures != len(told.Figures) {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := recount(opened, "", nil); err != nil || r.Verdict != ledger.Consistent {
			t.Errorf("without a key: %+v, %v", r, err)
		}
		if r, err := recount(told, told.Log, nil); err != nil || r.Verdict != ledger.NotAProof || !r.Without {
			t.Errorf("as the public has it: %+v, %v", r, err)
		}
		for i, f := range opened.Figures {
			if f.Digest != told.Figures[i].Digest {
				t.Errorf("%s: another digest in public", f.Title)
			}
		}
		for want, change := range map[string]func(*toldReport){
			"Requests, Requests that were entered: it says 5, and the entries give 11": func(r *toldReport) { r.Figures[0].Value = "5" },
			"Requests, Requests that were entered: it is not of these entries":         func(r *toldReport) { r.Figures[0].Digest = r.Figures[1].Digest },
			"the entries give 5, and it says nothing of it":                            func(r *toldReport) { r.Figures = r.Figures[:len(r.Figures)-1] },
			"it says \"9.0\", and the entries give \"3.0\"":                            func(r *toldReport) { r.Days = "9.0" },
			"Outcome, Refused: the entries call it Answered": func(r *toldReport) {
				i := slices.IndexFunc(r.Figures, func(f toldFigure) bool { return f.Title == "Answered" })
				r.Figures[i].Title = "Refused"
			},
			"Who, Police: it says 5 or more, and the entries give none": func(r *toldReport) {
				i := slices.IndexFunc(r.Figures, func(f toldFigure) bool { return f.Key == "police" })
				r.Figures[i].Group, r.Figures[i].Key, r.Figures[i].Title = "Who", "asked police", "Police"
			},
			"that were entered: it is not of these entries": func(r *toldReport) { r.Figures[0].Entries = r.Figures[0].Entries[1:] },
			"that it is over: false":                        func(r *toldReport) { r.Over = false },
			"until 2020-01-01T00:00:00Z, and says":          func(r *toldReport) { r.Until, r.Over = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), false },
			"is later than the time until which":            func(r *toldReport) { r.Until, r.Over = this.begin(), false },
			"The checkpoint is not signed by ":              func(r *toldReport) { r.Checkpoint = strings.Replace(r.Checkpoint, "\n", "\n1", 1) },
			"The checkpoint cannot be read: ":               func(r *toldReport) { r.Checkpoint = "" },
			"What is named as the key of the log":           func(r *toldReport) { r.Log = "x" },
			"Made up: it says 7, and the entries give none": func(r *toldReport) {
				r.Figures[0].Key, r.Figures[0].Title, r.Figures[0].Value = "made-up", "Made up", "7"
			},
			"the proof of ": func(r *toldReport) {
				for id := range r.Proofs {
					r.Proofs[id] = strings.Replace(r.Proofs[id], "index ", "index 1", 1)
				}
			},
		} {
			changed := opened
			changed.Figures, changed.Proofs = slices.Clone(opened.Figures), maps.Clone(opened.Proofs)
			change(&changed)
			if r, err := recount(changed, opened.Log, nil); err != nil || r.Verdict != ledger.DoesNotHold || !strings.Contains(strings.Join(r.Wrong, "\n"), want) {
				t.Errorf("%s: %+v, %v", want, r, err)
			}
		}
		// Entries of two ledgers make no report, even to whoever names no key.
		other := newHouse(t, desktest.One(t))
		other.asked(step{Request: "r9", Kind: "answer", Authority: "police", Country: "IE", Entered: entered}, time.Time{})
		other.Confirm()
		other.Actor = h.Actor
		var theirs toldReport
		ok(t, json.Unmarshal([]byte(other.Get(entries).Body), &theirs))
		mixed := opened
		mixed.Proofs = maps.Clone(opened.Proofs)
		maps.Copy(mixed.Proofs, theirs.Proofs)
		if r, err := recount(mixed, "", nil); err != nil || len(mixed.Proofs) != 12 || !strings.Contains(strings.Join(r.Wrong, "\n"), "signed by another ledger") {
			t.Errorf("entries of two ledgers: %+v, %v", r, err)
		}
		// Nor do those of one for whoever has the key of the other, or of a witness who did not see them.
		for name, key := range map[string][]string{"of another ledger": {theirs.Log}, "of a witness": {opened.Log, theirs.Log}} {
			if r, err := recount(opened, key[0], key[1:]); err != nil || r.Verdict != ledger.DoesNotHold {
				t.Errorf("by the key %s: %+v, %v", name, r.Verdict, err)
			}
		}
		none := opened
		none.Half = "2026-3"
		if r, err := recount(none, opened.Log, nil); err != nil || r.Verdict != ledger.NotAProof {
			t.Errorf("of no half-year: %+v, %v", r, err)
		}
		// The request under a gag appears once that has ended.
		h.Clock.Advance(40 * 24 * time.Hour)
		shows(t, h.Get(path), http.StatusOK, "Requests that were entered 12", "Requests under an order of secrecy that has ended 1 to 4")
	})
}

// TestNoRequestsIsAReport too, beginning with the first half-year.
func TestNoRequestsIsAReport(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	shows(t, h.Get("/transparency"), http.StatusOK, "No half-year is over yet")
	this, _ := halfYear(t, h)
	h.Clock.Advance(this.end().Sub(h.Clock.Now()))
	shows(t, h.Get("/transparency"), http.StatusOK, this.Title())
	shows(t, h.Get("/transparency/"+this.String()), http.StatusOK, "Requests that were entered 0", "too few answers to say")
	// It has a checkpoint that somebody signed, and entries to count again from: none.
	h.asked(step{Request: "later", Kind: "answer", Entered: h.Clock.Now()}, time.Time{})
	h.Confirm()
	h.Actor = loot.Actor{Kind: loot.Staff, ID: "t1", Roles: []loot.Role{"dpo"}}
	file := h.Get("/console/transparency/" + this.String() + "/entries").Body
	for key, want := range map[string]ledger.Verdict{h.Kit.Ledger.VerifierKey(): ledger.Holds, "": ledger.Consistent} {
		if r, err := RecountReport(strings.NewReader(file), key, nil); err != nil || r.Verdict != want || r.Entries != 0 {
			t.Errorf("by the key %q: %+v, %v", key, r, err)
		}
	}
	other := newHouse(t, desktest.One(t)).Kit.Ledger.VerifierKey()
	if r, err := RecountReport(strings.NewReader(file), other, nil); err != nil || r.Verdict != ledger.DoesNotHold {
		t.Errorf("by the key of another ledger: %+v, %v", r, err)
	}
	for _, c := range []struct {
		file, key string
		witnesses []string
	}{{file, "rubbish", nil}, {file, "", []string{"rubbish"}}, {"{", "rubbish", nil}} {
		if _, err := RecountReport(strings.NewReader(c.file), c.key, c.witnesses); loot.KindOf(err) != loot.Invalid {
			t.Errorf("by %q and %q: %v", c.key, c.witnesses, err)
		}
	}
	if a := h.Get("/transparency/" + this.before().String()); a.Status != http.StatusNotFound {
		t.Errorf("a report of before the first statement: %d", a.Status)
	}
	if a := h.Get("/transparency/2026-3"); a.Status != http.StatusNotFound {
		t.Error(a.Status)
	}
}

// TestAReportIsKnownByItsFirstKey, whichever that is: programs put them in order.
func TestAReportIsKnownByItsFirstKey(t *testing.T) {
	b, err := json.Marshal(toldReport{Proofs: map[string]string{}})
	ok(t, err)
	var sorted map[string]json.RawMessage
	ok(t, json.Unmarshal(b, &sorted))
	for key := range sorted {
		if !IsReport([]byte(` { "` + key + `": [{`)) {
			t.Errorf("one that begins with %q is none", key)
		}
	}
	for _, begin := range []string{"", "{", "[", `["half_year"]`, `{"id": "x", "half_year": "2026-1"`, `{"half_year`, `{"purposes": "half_year"`, "\x00"} {
		if IsReport([]byte(begin)) {
			t.Errorf("%q is one", begin)
		}
	}
}

// TestSmallNumbersDoNotFollowFromOthers: of no group is a single row covered next to
// exact ones, whatever was counted.
func TestSmallNumbersDoNotFollowFromOthers(t *testing.T) {
	s := desktest.Standard(t)
	h := half{2026, 2}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "requests")
		var steps []step
		for i := range n {
			steps = append(steps, step{
				Request: fmt.Sprint(i), Kind: "answer", Authority: rapid.SampledFrom([]string{"police", "revenue", "court"}).Draw(t, "who"),
				Country: rapid.SampledFrom([]string{"IE", "FR", "DE", "AT", "IT", "ES", "PL", "CZ"}).Draw(t, "country"), Outcome: rapid.SampledFrom([]string{"", "whole", "refused"}).Draw(t, "outcome"),
				Accounts: rapid.IntRange(0, 1).Draw(t, "accounts"), Entered: h.begin(), entry: fmt.Sprint("e", i),
			})
		}
		const any = 1 << 20
		span := func(f figure) (least, most int) { // as whoever reads the report has it
			switch f.Value() {
			case "1 to 4":
				return 1, few - 1
			case "5 or more":
				return few, any
			}
			return f.Count, f.Count
		}
		figures := count(s, h, steps).Figures
		least, most := span(figures[0]) // of all requests
		sums, low, high := map[string]int{}, map[string]int{}, map[string]int{}
		for _, f := range figures {
			l, m := span(f)
			sums[f.Group], low[f.Group], high[f.Group] = sums[f.Group]+f.Count, low[f.Group]+l, high[f.Group]+m
			if f.Count > 0 && f.Count < few && l == m {
				t.Fatalf("%s is told as %s", f.Title, f.Value())
			}
			if len(f.Ids) > f.Count {
				t.Fatalf("%s: %d entries give %d", f.Title, len(f.Ids), f.Count)
			}
		}
		for g := range sums {
			if g != groupAll {
				least, most = max(least, low[g]), min(most, high[g])
				if sums[g] != n {
					t.Fatalf("%s adds up to %d of %d", g, sums[g], n)
				}
			}
		}
		for _, f := range figures {
			if f.Group == groupAll || f.Value() != "1 to 4" {
				continue
			}
			for is := 1; is < few; is++ {
				if rest := is + low[f.Group] - 1; max(least, rest) > min(most, is+high[f.Group]-few+1) {
					t.Fatalf("%s, %s: it cannot be %d by %+v", f.Group, f.Title, is, figures)
				}
			}
		}
	})
}

// TestACanaryThatIsNotRenewedFallsSilent after three months.
func TestACanaryThatIsNotRenewedFallsSilent(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	lacks(t, h.Get("/transparency"), "What we can say")
	h.canary = Canary{Text: "No order of secrecy was ever received.", Renewed: h.Clock.Now()}
	shows(t, h.Get("/transparency"), http.StatusOK, "No order of secrecy was ever received.")
	h.Clock.Advance(canaryLife + time.Second)
	lacks(t, h.Get("/transparency"), "No order of secrecy")
	shows(t, h.Get("/transparency"), http.StatusOK, "It is not repeated.")
}

// TestHalfYears: where one ends, the next begins.
func TestHalfYears(t *testing.T) {
	for _, c := range []struct{ at, want string }{
		{"2026-01-01T00:00:00Z", "2026-1"}, {"2026-06-30T23:59:59Z", "2026-1"}, {"2026-07-01T00:00:00Z", "2026-2"}, {"2027-01-01T00:30:00+01:00", "2026-2"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		ok(t, err)
		h := halfOf(at)
		if h.String() != c.want || at.Before(h.begin()) || !at.Before(h.end()) || h.before().end() != h.begin() {
			t.Errorf("%s: %s from %s to %s", c.at, h, h.begin(), h.end())
		}
	}
}

// record leaves a step of a request on the ledger.
func record(ctx context.Context, tx *store.Tx, l *ledger.Ledger, at time.Time, s step, gag time.Time) error {
	input, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = l.Append(ctx, tx, ledger.Entry{Gag: gag, Facts: ledger.Facts{At: at, Verdict: ledger.Recorded, Note: ledger.Outside + "entered", Input: input}})
	return err
}
