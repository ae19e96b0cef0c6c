package billing

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/store"
	"loot/web/webtest"
)

// preview has a month worked out anew, and returns the page of it.
func (o *office) preview(m Month) webtest.Answer {
	o.Helper()
	desktest.Leads(o, o.Post(runPath+"/preview", "month", string(m)), runHref(m, ""))
	o.Drain()
	a := o.Get(runHref(m, ""))
	shows(o, a, http.StatusOK, "Worked out")
	return a
}

var (
	previewTab = regexp.MustCompile(`<a href="[^"]*"( aria-current="page")?>([^<]+) <span class="count">([^<]+)</span>`)
	previewSum = regexp.MustCompile(`<dt>([A-Z]{3})</dt><dd>([^<]+)<span class="fact-note">([^<]+)</span>`)
	previewOne = regexp.MustCompile(`<tr><th scope="row"><a href="[^"]+"><code>([0-9a-z]+)</code></a></th><td class="num"`)
)

// tabs returns the lists of a month with what they count, the one that is shown in brackets.
func tabs(a webtest.Answer) string {
	var out []string
	for _, m := range previewTab.FindAllStringSubmatch(a.Body, -1) {
		text := m[2] + " " + m[3]
		if m[1] != "" {
			text = "[" + text + "]"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// sums returns what those who are listed come to.
func sums(a webtest.Answer) string {
	var out []string
	for _, m := range previewSum.FindAllStringSubmatch(a.Body, -1) {
		out = append(out, m[1]+": "+desktest.Text(m[2])+" of "+m[3])
	}
	return strings.Join(out, ", ")
}

// listed returns who is listed.
func listed(a webtest.Answer) (out []string) {
	for _, m := range previewOne.FindAllStringSubmatch(a.Body, -1) {
		out = append(out, m[1])
	}
	return out
}

// erase erases somebody's record, as it is once nothing keeps it.
func (o *office) erase(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	if err := o.Kit.Gate.Lock(ctx, tx, s); err != nil {
		return err
	}
	var fields []loot.Field
	for _, d := range o.S.Fields(collection) {
		fields = append(fields, d.ID)
	}
	p, err := o.Kit.Gate.Decide(ctx, tx, gate.Request{Action: loot.Erase, Actor: loot.Actor{Kind: loot.Person, ID: string(s)}, Desk: "customers", Purpose: "access", Subject: s, Collection: collection, Fields: fields})
	if err != nil {
		return err
	}
	return o.Kit.Vault.Erase(ctx, tx, p)
}

// leaves erases somebody with what they had.
func (o *office) leaves(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	if err := o.erase(ctx, tx, s); err != nil {
		return err
	}
	if err := o.b.forget(ctx, tx, s); err != nil {
		return err
	}
	return o.Kit.Gate.Forget(ctx, tx, s)
}

// Before a month is issued it says what it comes to, by currency, and what becomes of how
// many customers, each of which is a list; so it does once it is issued.
func TestAMonthIsSummedUpBeforeItIsIssued(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE billing_plan SET currency = 'USD' WHERE id = 'backup-500'`)
			return err
		})
		server, id := o.server()
		both := o.customer(meadow)
		o.order("dollars", both, "backup", "backup-500")
		waits := o.customer(with(meadow, map[loot.Field]string{town: ""}))
		wrong := o.customer(meadow)
		o.order("bare", wrong, "backup", "")
		nothing := o.customer(meadow)
		o.Tx(func(ctx context.Context, tx *store.Tx) error { // charged when its year is over
			_, err := tx.Exec(ctx, `UPDATE billing_service SET plan = 'domain-year' WHERE subject = $1`, nothing)
			return err
		})
		o.asStaff("billing")
		list := func(state outcome, wantTabs, wantSums string, want ...loot.Subject) {
			t.Helper()
			a := o.Get(runHref(november, state))
			shows(t, a, http.StatusOK)
			if got := tabs(a); got != wantTabs {
				t.Errorf("%s: the lists are %s, want %s", state, got, wantTabs)
			}
			if got := sums(a); got != wantSums {
				t.Errorf("%s: it comes to %s, want %s", state, got, wantSums)
			}
			slices.Sort(want)
			if got := fmt.Sprint(listed(a)); got != fmt.Sprint(want) {
				t.Errorf("%s: %s are listed, want %s", state, got, want)
			}
		}
		o.preview(november)
		// 8 of 30 days of 4.90, of 12.00 and of 5.00.
		list("", "[All 5], To be issued 2, Waits 1, Wrong 1, Nothing to charge 1", "EUR: € 7.13 of 3 customers, USD: $ 1.33 of 1 customer", server, both, waits, wrong, nothing)
		list(toIssue, "All 5, [To be issued 2], Waits 1, Wrong 1, Nothing to charge 1", "EUR: € 5.82 of 2 customers, USD: $ 1.33 of 1 customer", server, both)
		list(itWaits, "All 5, To be issued 2, [Waits 1], Wrong 1, Nothing to charge 1", "EUR: € 1.31 of 1 customer", waits)
		list(isWrong, "All 5, To be issued 2, Waits 1, [Wrong 1], Nothing to charge 1", "", wrong)
		list(noCharge, "All 5, To be issued 2, Waits 1, Wrong 1, [Nothing to charge 1]", "", nothing)
		list(whoIsGone, "All 5, To be issued 2, Waits 1, Wrong 1, Nothing to charge 1, [Erased 0]", "")
		shows(t, o.Get(runHref(november, whoIsGone)), http.StatusOK, "No customer is in this state")
		for _, bad := range []string{"?month=2026-11&state=overdue", "?month=2026-13", "?state=Due"} {
			shows(t, o.Get(runPath+bad), http.StatusUnprocessableEntity)
		}
		shows(t, o.Get(runPath+"?state=overdue"), http.StatusUnprocessableEntity, "There are due, issued, waits, wrong, later, nothing, erased.")
		shows(t, o.Post(runPath+"/preview", "month", "November"), http.StatusUnprocessableEntity)

		// What was used since is in it once it is worked out anew: 500 GB more than included, at 0.004.
		o.after(desktest.Start.Add(48 * time.Hour))
		if a := o.send("service,meter,key,at,amount\n" + id + ",traffic,a,2026-11-24T10:00:00Z,1500\n"); a.Status != http.StatusSeeOther {
			t.Fatalf("%d: %s", a.Status, a.Body)
		}
		desktest.Lacks(t, o.Get(runHref(november, toIssue)), "7.82")
		o.preview(november)
		list(toIssue, "All 5, [To be issued 2], Waits 1, Wrong 1, Nothing to charge 1", "EUR: € 7.82 of 2 customers, USD: $ 1.33 of 1 customer", server, both)

		o.after(december)
		shows(t, o.preview(november), http.StatusOK, "Issue those for November 2026? By what was worked out: 3 invoices, € 7.82 and $ 1.33 without tax.")
		desktest.Leads(t, o.Post(runPath, "month", string(november)), runHref(november, ""))
		o.Drain()
		// Once it was drawn, that is worked out by itself: there was no rate of USD.
		list("", "[All 5], Issued 1, Waits 1, Wrong 2, Nothing to charge 1", "EUR: € 9.13 of 3 customers, USD: $ 1.33 of 1 customer", server, both, waits, wrong, nothing)
		list(isIssued, "All 5, [Issued 1], Waits 1, Wrong 2, Nothing to charge 1", "EUR: € 6.51 of 1 customer", server)

		// Who is erased is in no list, and in no sum.
		ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error { return o.b.forget(t.Context(), tx, waits) }))
		list("", "[All 4], Issued 1, Wrong 2, Nothing to charge 1", "EUR: € 7.82 of 2 customers, USD: $ 1.33 of 1 customer", server, both, wrong, nothing)
	})
}

// A list of a month goes on past its page, and shows those of its state alone, each once.
func TestAListOfAMonthGoesOnPastItsPage(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		var due []string
		for n := range perPage + 3 {
			due = append(due, string(o.customer(meadow)))
			if n%20 == 0 {
				o.customer(with(meadow, map[loot.Field]string{town: ""}))
			}
		}
		o.b.previewed = 20
		o.asStaff("billing")
		o.preview(november)
		var got []string
		pages := 0
		for at := runHref(november, toIssue); at != "" && pages < 9; pages++ {
			a := o.Get(at)
			if want := "All 56, [To be issued 53], Waits 3"; tabs(a) != want {
				t.Errorf("on the %d. page the lists are %s, want %s", pages+1, tabs(a), want)
			}
			if want := "EUR: € 69.43 of 53 customers"; sums(a) != want {
				t.Errorf("on the %d. page it comes to %s, want %s", pages+1, sums(a), want)
			}
			got = append(got, listed(a)...)
			m := nextPage.FindStringSubmatch(a.Body)
			if at = ""; m != nil {
				at = html.UnescapeString(m[1])
			}
		}
		slices.Sort(due)
		if slices.Sort(got); !slices.Equal(got, due) || pages != 2 {
			t.Errorf("%d on %d pages, want the %d that are to be issued on 2", len(got), pages, len(due))
		}
	})
}

// Opening a month has it worked out, and again once that is an hour old; what was worked
// out goes after a week.
func TestAMonthIsWorkedOutByItself(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		o.customer(meadow)
		o.asStaff("billing")
		at := runHref(november, "")
		polls := func() bool {
			a := o.Get(at)
			shows(t, a, http.StatusOK)
			return strings.Contains(a.Body, `hx-get="/console/billing/run?month=2026-11" hx-trigger="every 2s"`)
		}
		var held chan struct{}
		hold := func() { held = make(chan struct{}); o.b.at = func(string) { <-held } }
		goOn := func() { close(held); o.Drain(); o.b.at = nil }
		hold()
		a := o.Get(at)
		shows(t, a, http.StatusOK, "November 2026 is being worked out", "0 of 1 customers so far", "Look again")
		desktest.Lacks(t, a, "Work it out anew", "Nobody had a service")
		if !polls() {
			t.Error("the page does not look by itself how far it is")
		}
		desktest.Leads(t, o.Post(runPath+"/preview", "month", string(november)), at) // which it is already
		goOn()
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			p, _, err := findPreview(ctx, tx, november)
			if p.Pass != 1 {
				t.Errorf("it was begun %d times", p.Pass)
			}
			return err
		})
		for _, passed := range []time.Duration{0, 59 * time.Minute} {
			o.Clock.Advance(passed)
			if polls() {
				t.Errorf("%v after that it is worked out again", passed)
			}
		}
		shows(t, o.Get(at), http.StatusOK, "Worked out 23 Nov 2026, 09:00 GMT", "Work it out anew")
		o.customer(meadow)
		o.Clock.Advance(time.Minute)
		hold()
		if !polls() {
			t.Error("what is an hour old is not worked out again")
		}
		shows(t, o.Get(at), http.StatusOK, "Worked out 23 Nov 2026, 09:00 GMT", "Being worked out 0 of 2 customers", "All 1") // what was before is shown meanwhile
		goOn()
		shows(t, o.Get(at), http.StatusOK, "Worked out 23 Nov 2026, 10:00 GMT", "All 2")
		rows := func() (n int) {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				return tx.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM billing_preview) + (SELECT COUNT(*) FROM billing_previewed) + (SELECT COUNT(*) FROM billing_previewed_sum)`).Scan(&n)
			})
			return n
		}
		ok(t, o.b.sweep(t.Context(), sweepArgs{}))
		if n := rows(); n != 5 { // nothing of the first time
			t.Errorf("%d rows, want one for the month and two for each customer", n)
		}
		o.Clock.Advance(previewKept)
		ok(t, o.b.sweep(t.Context(), sweepArgs{}))
		if n := rows(); n != 0 {
			t.Errorf("a week later %d rows are there", n)
		}
		shows(t, o.Get(runHref("2026-10", "")), http.StatusOK)
		o.Drain()
		shows(t, o.Get(runHref("2026-10", "")), http.StatusOK, "Nobody had a service in October 2026")
	})
}

// Working a month out goes on from where it was killed, nobody counts twice, and nothing is
// said of who is erased meanwhile; where it is begun anew the former one ends.
func TestWorkingAMonthOutGoesOnFromWhereItWasKilled(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		members := o.customers(7)
		leaves, erased := members[4], members[5]
		o.Clock.Advance(48 * time.Hour)
		for _, s := range []loot.Subject{leaves, erased} {
			ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
				return o.b.EndAll(t.Context(), tx, loot.Actor{Kind: loot.Person, ID: string(s)}, s)
			}))
		}
		o.Clock.Advance(60 * 24 * time.Hour) // then nothing keeps them
		o.Drain()
		o.asStaff("billing")
		o.b.previewed = 2
		passes := int64(0)
		start := func() previewArgs { // without the job that goes with it
			passes++
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO billing_preview (month, pass, began, members, seen, last, shown, at) VALUES ($1, $2, $3, 7, 0, '', 0, 0)
					ON CONFLICT (month) DO UPDATE SET pass = excluded.pass, seen = 0, last = ''`, string(november), passes, o.Clock.Now().UnixMicro())
				return err
			})
			return previewArgs{november, passes}
		}
		first := start()
		ctx, kill := context.WithCancel(o.Context())
		pages := 0
		o.b.at = func(string) {
			if pages++; pages == 3 {
				kill()
			}
		}
		if err := o.b.previewMonth(ctx, first); !errors.Is(err, context.Canceled) {
			t.Fatalf("killed: %v", err)
		}
		a := o.Get(runHref(november, ""))
		shows(t, a, http.StatusOK, "4 of 7 customers")
		desktest.Lacks(t, a, string(members[0]))
		o.b.at = func(string) { // as the third page has been read
			o.b.at = nil
			o.Tx(func(ctx context.Context, tx *store.Tx) error { return o.leaves(ctx, tx, leaves) })
		}
		ok(t, o.b.previewMonth(o.Context(), first))
		if want := "[All 6], To be issued 6"; tabs(o.Get(runHref(november, ""))) != want {
			t.Errorf("%s, want %s", tabs(o.Get(runHref(november, ""))), want)
		}
		if got := sums(o.Get(runHref(november, ""))); got != "EUR: € 6.88 of 6 customers" { // 8 of 30 days of 4.90, and 2 of whom left
			t.Errorf("it comes to %s", got)
		}
		ok(t, o.b.previewMonth(o.Context(), first)) // handed out twice
		again := start()
		o.b.at = func(string) { // a run that ends has it begun anew
			o.b.at = nil
			again = start()
		}
		former := again
		ok(t, o.b.previewMonth(o.Context(), former))
		shows(t, o.Get(runHref(november, "")), http.StatusOK, "0 of 7 customers", "All 6")
		ok(t, o.b.previewMonth(o.Context(), again))
		twice := start()
		o.b.at = func(string) { // somebody else does the same page
			o.b.at = nil
			_, err := o.b.previewPage(o.Context(), twice)
			ok(t, err)
		}
		ok(t, o.b.previewMonth(o.Context(), twice))
		ok(t, o.b.previewMonth(o.Context(), twice))
		if want := "[All 6], To be issued 6"; tabs(o.Get(runHref(november, ""))) != want {
			t.Errorf("%s, want %s", tabs(o.Get(runHref(november, ""))), want)
		}
		// Whose record is erased, until what they had is gone as well, is charged nothing.
		ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
			if err := o.erase(t.Context(), tx, erased); err != nil {
				return err
			}
			all, err := o.b.previewOf(t.Context(), tx, o.S, november, []loot.Subject{erased})
			if len(all) != 1 || all[0].State != whoIsGone || len(all[0].Nets) > 0 {
				t.Errorf("with an erased record: %+v", all)
			}
			return err
		}))
	})
}
