package imports

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/unicode"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/keyring"
	"loot/ledger"
	"loot/store"
)

const people = `Client ID;Company Name;First Name;Last Name;Email;Address 1;Address 2;City;Postcode;Country;Phone Number;Service;Since
1;Example Meadow GmbH;Jo;Example;jo@meadow.example;Sample Street 1;Back house;Exampleton;10115;Deutschland;+49 30 5550142;Shared hosting;2023-04-01
2;;Kim;Sample;kim@sample.example;2 Sample Quay;;Dublin;D02 AF30;IE;;virtual-server;01.02.2024
3;=cmd|' /C calc'!A0;Al;Other;not an address;Sample Street 3;;Exampleton;10115;Atlantis;;Shared hosting;2023-04-01
4;Doubled Ltd;Ed;Twice;JO@meadow.example;1 Sample Quay;;Dublin;;IE;;Shared hosting;2023-04-01
5;No Order Ltd;Flo;None;flo@none.example;1 Sample Quay;;Dublin;;IE;;Parking;2023-04-01
6;Short Ltd
`

// A file is brought, its columns are named, it is tried, taken over, and again
// adds nothing.
func TestCustomersAreTakenOver(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		path := h.bring(people)
		shows(t, h.Get(path), http.StatusOK, "Customers of the old panel", "columns to be named", "CSV, UTF-8, semicolon")
		columns := h.Get(path + "/columns")
		shows(t, columns, http.StatusOK, "aa@aaaa.aaaa")
		hides(t, columns, "jo@meadow.example", "Example Meadow")
		leads(t, h.name(path), path+"/products")
		shows(t, h.Get(path+"/products"), http.StatusOK, "Parking", "Shared hosting")
		products := map[string]string{"Parking": leftOut, "Shared hosting": "shared-hosting|shared-small", "virtual-server": "virtual-server"}
		var form []string
		for n, p := range []string{"Parking", "Shared hosting", "virtual-server"} {
			form = append(form, productName(n), products[p])
		}
		leads(t, h.Post(path+"/products", form...), path)
		h.Drain()
		shows(t, h.Get(path), http.StatusOK, "Would be taken over 2", "Here already 0", "Refused 4")
		if n := len(h.everybody()); n != 0 {
			t.Fatalf("the dry run took %d over", n)
		}
		refusals := h.Get(path + "/rows?is=3")
		shows(t, refusals, http.StatusOK, "E-mail address (“Email”): This is not an e-mail address", "Country (“Country”): Please choose one of those offered.", "Another row has the same address", "Its product is left out.", "The row has 2 cells and the first line 13.")
		hides(t, refusals, "not an address", "calc")

		h.run(path)
		shows(t, h.Get(path), http.StatusOK, "done", "Taken over 2", "Refused 4")
		all := h.everybody()
		for _, s := range all {
			if rows := h.Get(path + "/rows?is=1"); !strings.Contains(rows.Body, `href="/console/customers/`+string(s)+`"`) {
				t.Error("nothing leads from a row to its customer")
			}
		}
		if len(all) != 2 || h.Mail.Count() != 0 {
			t.Fatalf("%d customers, %d letters", len(all), h.Mail.Count())
		}
		for _, s := range all {
			about := h.held(s)
			if a := about["contact.email"]; !strings.Contains(a.Source, "taken over from the system before on 23 November 2026") || !a.Until.IsZero() {
				t.Errorf("about the address: %+v", a)
			}
			if _, there := about["company.name"]; !there {
				t.Error("who has no company does not trade in their own name")
			}
			var notes []string
			for _, item := range h.items(s) {
				notes = append(notes, string(item.Facts.Action)+item.Facts.Note)
				if who := h.actor(item.ID); who != "Made-up Clerk" || item.Facts.Role != "billing" {
					t.Errorf("%s%s is of %q as %q", item.Facts.Action, item.Facts.Note, who, item.Facts.Role)
				}
			}
			slices.Sort(notes)
			if strings.Join(slices.Compact(notes), " ") != "collect service.imported" {
				t.Errorf("the ledger has %q", notes)
			}
		}
		shows(t, h.Get("/console/billing"), http.StatusOK, "Virtual server", "Small")

		// The same file again adds nothing; the refused rows come back, guarded and
		// with a reason, and can be brought when they are corrected.
		again := h.bring(people)
		leads(t, h.name(again), again+"/products")
		leads(t, h.Post(again+"/products", form...), again)
		h.Drain()
		h.run(again)
		shows(t, h.Get(again), http.StatusOK, "Taken over 0", "Here already 2", "Refused 4")
		if n := len(h.everybody()); n != 2 {
			t.Fatalf("again made %d customers", n)
		}
		report := h.Post(path + "/refused")
		rows, err := csv.NewReader(strings.NewReader(report.Body)).ReadAll()
		if err != nil || len(rows) != 5 || rows[1][1] != "'=cmd|' /C calc'!A0" || !strings.Contains(rows[1][13], "E-mail address") {
			t.Fatalf("the report: %v %v", rows, err)
		}
		rows[1][4], rows[1][9] = "al@other.example", "Germany"
		var corrected strings.Builder
		w := csv.NewWriter(&corrected)
		ok(t, w.WriteAll(rows[:2]))
		third := h.bring(corrected.String())
		h.name(third)
		leads(t, h.Post(third+"/products", productName(0), "shared-hosting"), third)
		h.Drain()
		h.run(third)
		shows(t, h.Get(third), http.StatusOK, "Taken over 1", "Refused 0")

		// Their details are checked later, and once.
		h.Clock.Advance(2 * time.Minute)
		ok(t, h.desk.minutely(h.Context(), minutelyArgs{}))
		ok(t, h.desk.minutely(h.Context(), minutelyArgs{}))
		h.Drain()
		if len(h.told) != 3 {
			t.Errorf("%d are checked, of 3", len(h.told))
		}
	})
}

// A row tells all of its faults at once, each with its column, and of a day how it is
// expected.
func TestARowTellsAllItsFaults(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring("id,company,Mail,VAT,street,city,country,service,since,ended\n1,Meadow Ltd,nobody,IE0,1 Sample Quay,Dublin,IE,backup,soon,2026-13-01\n")
	h.name(path)
	rows := h.Get(path + "/rows?is=3")
	const form = ": this is no day that can be read. It is expected as year, month, day: 2026-11-23."
	shows(t, rows, http.StatusOK, "Day of the order (“since”)"+form, "Day of the end (“ended”)"+form, "E-mail address (“Mail”): This is not", "VAT number (“VAT”): ")
	hides(t, rows, "nobody", "soon", "2026-13-01")
}

// What is no text is refused as it comes, and a file that cannot be read says what
// to do.
func TestWhatIsNoTextIsRefused(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	for name, file := range map[string]string{
		"picture": "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "packed": "\x1f\x8b\x08\x00\x00", "zero bytes": "id,company\n1,Mea\x00dow\n", "spreadsheet": "PK\x03\x04\x14",
	} {
		a := h.sends(file)
		shows(t, a, http.StatusUnprocessableEntity, "This is a picture, a document or something packed, and no text.")
		if page := h.Get("/console/imports"); !strings.Contains(page.Body, "Nothing was brought yet") {
			t.Errorf("%s: something of it is there", name)
		}
	}
	path := h.bring("id,company,email\n1,\"Meadow")
	page := h.Get(path)
	shows(t, page, http.StatusOK, "failed", "Bring another file", "or bring another one.")
	if strings.Contains(text(page.Body), "Rows of "+"1") {
		t.Error("rows of what?")
	}
}

// Text of every encoding is taken, though it has zero bytes or is no UTF-8, and a dump in
// which something has a zero byte.
func TestWhatIsTextIsTaken(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	wide := func(e unicode.Endianness, b unicode.BOMPolicy) string {
		out, err := unicode.UTF16(e, b).NewEncoder().String(people)
		ok(t, err)
		return out
	}
	for name, c := range map[string]struct{ file, says string }{
		"UTF-16 with a mark":     {wide(unicode.LittleEndian, unicode.UseBOM), "CSV, UTF-16LE, semicolon"},
		"UTF-16 without a mark":  {wide(unicode.LittleEndian, unicode.IgnoreBOM), "CSV, UTF-16LE, semicolon"},
		"UTF-16, the other way":  {wide(unicode.BigEndian, unicode.UseBOM), "CSV, UTF-16BE, semicolon"},
		"of Windows":             {"id;company\n1;M\xfcller\n", "CSV, Windows-1252, semicolon"},
		"a dump with zero bytes": {strings.Replace(whmcs, "Example Meadow", "Example\x00Meadow", 1), "From WHMCS"},
	} {
		a := h.sends(c.file)
		if a.Status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", name, a.Status, text(a.Body))
			continue
		}
		h.Drain()
		shows(t, h.Get(a.Header.Get("Location")), http.StatusOK, c.says)
	}
}

// A mapping that was remembered with a file of another encoding leaves a file its own.
func TestARememberedMappingHasNoEncodingOfItsOwn(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	const row = "id,company,email,street,city,country,service\n1,%s,m@meadow.example,1 Sample Quay,Dublin,IE,backup\n"
	h.name(h.bring(fmt.Sprintf(row, "M\xfcller")), "remember", "Old panel")
	path := h.bring(fmt.Sprintf(row, "Müller"))
	leads(t, h.Post(path+"/columns?as=Old+panel", h.answers(path+"/columns?as=Old+panel&")...), path)
	shows(t, h.Get(path), http.StatusOK, "CSV, UTF-8, comma")
}

// A refused row is nobody's, also of one who was taken over before.
func TestARefusedRowIsNobodys(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	const row = "id,company,email,street,city,country,service\n1,Meadow Ltd,%s,1 Sample Quay,Dublin,IE,backup\n"
	path := h.bring(fmt.Sprintf(row, "m@meadow.example"))
	h.name(path)
	h.run(path)
	whose := `href="/console/customers/` + string(h.everybody()[0]) + `"`
	if !strings.Contains(h.Get(path+"/rows").Body, whose) {
		t.Error("nothing leads from a row to its customer")
	}
	path = h.bring(fmt.Sprintf(row, "nobody"))
	h.name(path)
	h.run(path)
	rows := h.Get(path + "/rows")
	shows(t, rows, http.StatusOK, "refused", "E-mail address (“email”): This is not")
	if strings.Contains(rows.Body, whose) {
		t.Error("a refused row leads to somebody")
	}
}

// Whoever has not signed the undertaking, or has another job, brings nothing.
func TestWhoMayImport(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring(people)
	h.signed = time.Time{}
	for _, page := range []string{"/columns", "/products"} { // which show what stands in the file
		shows(t, h.Get(path+page), http.StatusForbidden, "Sign the confidentiality undertaking first")
		shows(t, h.Post(path+page), http.StatusForbidden, "Sign the confidentiality undertaking first")
	}
	shows(t, h.Post(path+"/run"), http.StatusForbidden, "Sign the confidentiality undertaking first")
	h.Actor.Roles = []loot.Role{"administrator"}
	shows(t, h.Get("/console/imports"), http.StatusForbidden, "")
}

// The rows that were refused come back however many they are.
func TestALongReport(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	const n = 20
	var file strings.Builder
	file.WriteString("id,company,email,street,city,country,service\n")
	for i := range n {
		fmt.Fprintf(&file, "%d,Meadow Ltd,nobody,1 Sample Quay,%s,IE,backup\n", i, strings.Repeat("x", 900<<10))
	}
	path := h.bring(file.String())
	h.name(path)
	report := h.Post(path + "/refused")
	if lines := strings.Count(report.Body, "\n"); report.Status != http.StatusOK || lines != n+1 {
		t.Errorf("status %d, %d lines", report.Status, lines)
	}
}

// A letter goes to those who were taken over if that was chosen, once.
func TestLetters(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	path := h.bring("id,company,email,street,city,country,service\n1,Meadow Ltd,m@meadow.example,1 Sample Quay,Dublin,IE,backup\n")
	h.name(path, "invite", "on")
	shows(t, h.Get(path), http.StatusOK, "Who is new here gets a letter")
	h.run(path)
	for range 2 {
		ok(t, h.desk.minutely(h.Context(), minutelyArgs{}))
		h.Drain()
	}
	letter, found := h.Mail.Last("m@meadow.example")
	if h.Mail.Count() != 1 || !found || !strings.Contains(letter.Subject, "moved to another system") {
		t.Errorf("%d letters: %+v", h.Mail.Count(), letter.Subject)
	}
}

// An import that was stopped, or whose process was killed between two batches,
// goes on where it was, and nobody is there twice or missing.
func TestStopAndKill(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		const n = 3*batchRows + 20
		var file strings.Builder
		file.WriteString("id,company,email,street,city,country,service\n")
		for i := range n {
			fmt.Fprintf(&file, "%d,Meadow %d Ltd,m%d@meadow.example,1 Sample Quay,Dublin,IE,backup\n", i, i, i)
		}
		path := h.bring(file.String())
		leads(t, h.name(path), path)
		shows(t, h.Get(path), http.StatusOK, "Would be taken over "+fmt.Sprint(n))
		id := path[strings.LastIndex(path, "/")+1:]

		batches := 0
		h.desk.at = func(step string) {
			if step != "batch" {
				return
			}
			if batches++; batches == 1 {
				ok(t, h.desk.stopRun(context.WithoutCancel(t.Context()), h.clerk, id))
			}
		}
		h.run(path)
		shows(t, h.Get(path), http.StatusOK, "stopped", "Taken over 250")

		killed := errors.New("killed")
		h.desk.at = func(step string) {
			if step == "batch" {
				panic(killed)
			}
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error { // without a job, as that of a process that was killed
			_, err := move(ctx, tx, id, running, h.Clock.Now(), stopped)
			return err
		})
		func() {
			defer func() {
				if v := recover(); v != killed {
					t.Errorf("not killed: %v", v)
				}
			}()
			_ = h.desk.work(t.Context(), workArgs{id})
		}()
		h.desk.at = nil
		if all := len(h.everybody()); all != 2*batchRows {
			t.Fatalf("%d customers after the kill", all)
		}
		h.Clock.Advance(2 * deadAfter)
		ok(t, h.desk.minutely(t.Context(), minutelyArgs{}))
		h.Drain()
		shows(t, h.Get(path), http.StatusOK, "done", "Taken over "+fmt.Sprint(n))
		if all := len(h.everybody()); all != n {
			t.Errorf("%d customers, of %d", all, n)
		}
	})
}

// Whose name of a service has a key and who is not taken over, as somebody has their address
// or the import was stopped or killed with their rows under way, leaves no key behind.
func TestKeysForNamesAreOfCustomersAlone(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.Customer("customer", "service", map[loot.Field]string{"contact.email": "here@meadow.example"})
		const n = batchRows + 20
		var file strings.Builder
		file.WriteString("id,company,email,street,city,country,service,domain\n")
		row := func(id int, who, name string) {
			fmt.Fprintf(&file, "%d,Meadow %d Ltd,%s@meadow.example,1 Sample Quay,Dublin,IE,backup,%s\n", id, id, who, name)
		}
		for i := range n {
			row(i, fmt.Sprint("m", i), fmt.Sprintf("m%d.example", i))
		}
		row(n, "here", "here.example")     // is here
		row(n+1, "m0", "again.example")    // has the address of one before
		row(n+2, "m2000", "twice.example") // and one of these two the id of the other
		row(n+2, "m2001", "twice.example")
		row(n+3, "m2003", "") // has a service without a name
		path := h.bring(file.String())
		h.name(path)
		id := path[strings.LastIndex(path, "/")+1:]
		rest := func(want int, when string) {
			t.Helper()
			before := h.keysForNames()
			ok(t, h.desk.minutely(t.Context(), minutelyArgs{}))
			if got := h.keysForNames(); got != before {
				t.Errorf("%s: %d keys of %d are there at once, though they may be about to be used", when, got, before)
			}
			h.Clock.Advance(2 * deadAfter)
			ok(t, h.desk.minutely(t.Context(), minutelyArgs{}))
			if got := h.keysForNames(); got != want {
				t.Errorf("%s: %d keys are there, want %d", when, got, want)
			}
		}

		batches := 0
		h.desk.at = func(step string) {
			if step != "keys" {
				return
			}
			switch batches++; batches {
			case 1: // they are of use for as long as it runs
				h.Clock.Advance(2 * deadAfter)
				ok(t, h.desk.dropKeys(t.Context()))
				if keys := h.keysForNames(); keys != batchRows {
					t.Errorf("%d keys are there of %d who are about to be taken over", keys, batchRows)
				}
			case 2: // it is read ahead, and never written
				ok(t, h.desk.stopRun(context.WithoutCancel(t.Context()), h.clerk, id))
			}
		}
		h.run(path)
		shows(t, h.Get(path), http.StatusOK, "stopped")
		came := len(h.everybody()) - 1
		if keys := h.keysForNames(); keys < came+20 {
			t.Fatalf("%d keys are there, of %d customers and those of the batch that was not written", keys, came)
		}
		rest(came, "stopped")

		h.desk.at = nil
		h.run(path)
		shows(t, h.Get(path), http.StatusOK, "done", "Taken over "+fmt.Sprint(n+2))
		if keys := h.keysForNames(); keys <= n+1 {
			t.Fatalf("%d keys are there, and nobody's are to be removed", keys)
		}
		rest(n+1, "done")
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			var left, names int
			err := errors.Join(tx.QueryRow(ctx, `SELECT COUNT(*) FROM imports_newcomer`).Scan(&left), tx.QueryRow(ctx, `SELECT COUNT(*) FROM billing_address`).Scan(&names))
			if left != 0 || names != n+1 {
				t.Errorf("%d newcomers are noted, and %d names", left, names)
			}
			return err
		})
	})
}

// keysForNames returns how many people have a key for names of services.
func (h *house) keysForNames() (n int) {
	h.Helper()
	ok(h, h.Kit.Keyring.Persons(h.Context(), false, func(page []keyring.Person) error {
		for _, p := range page {
			if p.Collection == "connection" && !p.Destroyed {
				n++
			}
		}
		return nil
	}))
	return n
}

// onlyOne is for what no database has a part in.
func onlyOne(t *testing.T) *store.DB { t.Parallel(); return desktest.One(t) }

// items returns what the ledger has about somebody.
func (h *house) items(s loot.Subject) (items []ledger.Item) {
	h.Helper()
	ok(h, h.Kit.DB.ReadTx(h.Context(), func(tx *store.Tx) (err error) {
		items, err = h.Kit.Ledger.Timeline(h.Context(), tx, s, "customer", "", 50)
		return err
	}))
	return items
}

// actor returns the name that stands on an entry.
func (h *house) actor(entry string) (who string) {
	h.Helper()
	ok(h, h.Kit.DB.ReadTx(h.Context(), func(tx *store.Tx) error {
		a, err := h.Kit.Ledger.Actor(h.Context(), tx, entry)
		who = a.Name
		return err
	}))
	return who
}

// TestFilesGoInTime: a file is foretold to go and counted when it does, of which the
// last thing that was done with it decides.
func TestFilesGoInTime(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		went := 0
		h.desk.Lapsed = func(_ context.Context, _ *store.Tx, _ string, l desk.Lapse, stayed bool) error {
			if stayed || l.Clause == "" || l.What != "Files of imports" {
				t.Errorf("%+v", l)
			}
			went += l.Count
			return nil
		}
		path := h.bring("id,email,service\n1,one@example.com,backup\n")
		goes := h.Clock.Now().Add(fileLife)
		foretold := func(want ...desk.Lapse) {
			t.Helper()
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				list, err := h.desk.Desk().Lapses(ctx, tx, goes)
				if !slices.EqualFunc(list, want, func(got, want desk.Lapse) bool {
					return got.Count == want.Count && got.Day.Equal(want.Day) && got.Clause != ""
				}) {
					t.Errorf("foretold: %+v, want %+v", list, want)
				}
				return err
			})
		}
		foretold(desk.Lapse{Day: desk.DayOf(goes), Count: 1})
		leads(t, h.Post(path+"/columns", h.answers(path)...), path)
		h.Drain()
		is := func(state string) {
			t.Helper()
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE imports_run SET state = $1`, state)
				return err
			})
		}
		is("running")
		foretold() // while a job reads it
		is("ready")
		for _, one := range []struct {
			after time.Duration
			want  int
		}{{fileLife - time.Second, 0}, {time.Second, 1}, {time.Minute, 1}} {
			h.Clock.Advance(one.after)
			ok(t, h.desk.minutely(t.Context(), minutelyArgs{}))
			if went != one.want {
				t.Errorf("%d went, want %d", went, one.want)
			}
		}
		foretold()
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			n := 0
			err := tx.QueryRow(ctx, `SELECT count(*) FROM imports_chunk`).Scan(&n)
			if n != 0 {
				t.Errorf("%d parts of the file are left", n)
			}
			return err
		})
	})
}
