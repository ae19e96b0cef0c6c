package vault_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/store"
	"loot/vault"
)

func TestWhatIsGivenComesBack(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		given := ada()
		s := b.create(t, given)
		values, err := b.values(t, s, fieldsOf(given)...)
		if err != nil {
			t.Fatal(err)
		}
		if got := reveal(values); !maps.Equal(got, given) {
			t.Errorf("got %v", got)
		}
		about := values["contact.email"].About
		if about.Source != "your order: shared hosting" || about.Statement != b.st.Hash() || about.State != "unverified" || !about.Until.IsZero() || b.now().Sub(about.At) > time.Second {
			t.Errorf("about: %+v", about)
		}
		var held map[loot.Field]vault.About
		b.do(t, func(tx *store.Tx) (err error) {
			held, err = b.vault.Held(t.Context(), tx, s, customer)
			return err
		})
		if len(held) != len(given) || held["contact.email"] != about {
			t.Errorf("held: %v", held)
		}
		if got := b.clear(t, s, "contact.name", "company.vat"); len(got) != 2 || got["contact.name"] != "Ada Lovelace" {
			t.Errorf("opened %v where two fields are permitted", got)
		}
		if r := b.sound(t); r.Records != 1 || r.Values != len(given) {
			t.Errorf("%+v", r)
		}
	})
}

func TestMaskedDisplayHidesTheValue(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		given := ada()
		s := b.create(t, given)
		show := func(reveal bool) vault.Values {
			r := request(loot.Use, s, fieldsOf(given)...)
			r.Actor, r.Unmask = staff, reveal
			var out vault.Values
			if err := b.with(t, r, func(tx *store.Tx, p gate.Permit) (err error) {
				out, err = b.vault.Open(t.Context(), tx, p)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return out
		}
		got := show(false)
		for f, want := range map[loot.Field]string{
			"company.name": "Lovelace Engines", "contact.email": "A•••@E•••.example", "contact.phone": "•••• 0199",
			"contact.name": "A••• L•••", "address.country": "•••", "payment.iban": "••••••",
		} {
			if got[f].Reveal() != want {
				t.Errorf("%s: %q; want %q", f, got[f].Reveal(), want)
			}
			if got[f].Masked != (f != "company.name") {
				t.Errorf("%s: masked %v", f, got[f].Masked)
			}
		}
		for f, v := range show(true) {
			if v.Masked || v.Reveal() != given[f] {
				t.Errorf("revealed %s: %q", f, v.Reveal())
			}
		}
	})
}

func TestCorrectionKeepsTheFormerValueSealed(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		first := b.row(t, s)
		b.pass(time.Hour)
		if err := b.correct(t, s, first.Version, map[loot.Field]string{"contact.email": "ada@lovelace.example", "contact.phone": ""}); err != nil {
			t.Fatal(err)
		}
		second := b.row(t, s)
		if second.Version != first.Version+1 || !second.Changed.After(first.Changed) || !second.Created.Equal(first.Created) {
			t.Errorf("row: %+v, before %+v", second, first)
		}
		// Removed and given again, twice: every value keeps a number of its own.
		for _, phone := range []string{"+353 1 555 0100", "", "+353 1 555 0101"} {
			if err := b.correct(t, s, b.row(t, s).Version, map[loot.Field]string{"contact.phone": phone}); err != nil {
				t.Fatal(err)
			}
		}
		r := request(loot.Export, s, fieldsOf(ada())...)
		r.Actor = loot.Actor{Kind: loot.Person, ID: string(s)}
		var whole vault.Whole
		if err := b.with(t, r, func(tx *store.Tx, p gate.Permit) (err error) {
			whole, err = b.vault.OpenWhole(t.Context(), tx, p)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if got := whole.Values["contact.email"]; got.Reveal() != "ada@lovelace.example" || got.Source != "you, in your portal" {
			t.Errorf("now %q, %+v", got.Reveal(), got.About)
		}
		former := whole.Former["contact.email"]
		if len(former) != 1 || former[0].Reveal() != "Ada@Engines.example" || former[0].Source != "your order: shared hosting" || !former[0].Replaced.Equal(second.Changed) {
			t.Errorf("former: %+v", former)
		}
		var phones []string
		for _, f := range whole.Former["contact.phone"] {
			phones = append(phones, f.Reveal())
		}
		if want := []string{"+353 1 555 0100", "+353 1 555 0199"}; !slices.Equal(phones, want) {
			t.Errorf("former numbers: %q; want %q", phones, want)
		}
		if got := b.find(t, "contact.email", "ada@engines.example"); len(got) != 0 {
			t.Error("found by a former value")
		}
		if got := b.find(t, "contact.email", "ada@lovelace.example"); !slices.Equal(got, []loot.Subject{s}) {
			t.Errorf("found %v", got)
		}
		b.sound(t)
	})
}

// TestAChangeIsSeenInItsTransaction: what a transaction read of a record does
// not outlive its own change of it.
func TestAChangeIsSeenInItsTransaction(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		version := b.row(t, s).Version
		r := request(loot.Collect, s, "contact.phone")
		held := func(tx *store.Tx) bool {
			all, err := b.vault.Held(t.Context(), tx, s, customer)
			if err != nil {
				t.Fatal(err)
			}
			_, ok := all["contact.phone"]
			return ok
		}
		if err := b.with(t, r, func(tx *store.Tx, p gate.Permit) error {
			if !held(tx) {
				t.Error("nothing is held at first")
			}
			if err := b.vault.Correct(t.Context(), tx, p, vault.Change{Version: version, Given: map[loot.Field]string{"contact.phone": ""}, Source: "you, in your portal"}); err != nil {
				return err
			}
			if held(tx) {
				t.Error("what the transaction removed is still held")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}

// TestNoChangeIsLostSilently: of many who change what they saw, one does, and
// the others are told.
func TestNoChangeIsLostSilently(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		version := b.row(t, s).Version
		var mu sync.Mutex
		var wg sync.WaitGroup
		done, told := 0, 0
		for i := range 8 {
			wg.Go(func() {
				err := b.correct(t, s, version, map[loot.Field]string{"contact.name": fmt.Sprint("Ada ", i)})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					done++
				case loot.KindOf(err) == loot.Conflict:
					told++
				default:
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
		if done != 1 || told != 7 {
			t.Errorf("%d changed, %d were told", done, told)
		}
		b.sound(t)
	})
}

func TestCreateTwiceConflicts(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		err := b.with(t, request(loot.Collect, s, "contact.name"), func(tx *store.Tx, p gate.Permit) error {
			return b.vault.Create(t.Context(), tx, p, map[loot.Field]string{"contact.name": "Eve"}, "x")
		})
		if loot.KindOf(err) != loot.Conflict {
			t.Errorf("got %v", err)
		}
		if got := b.clear(t, s, "contact.name")["contact.name"]; got != "Ada Lovelace" {
			t.Errorf("now %q", got)
		}
	})
}

func TestAddKeepsWhatIsHeld(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, map[loot.Field]string{"contact.name": "Ada"})
		more := map[loot.Field]string{"contact.email": "ada@example.net", "contact.name": "Ada Lovelace"}
		if err := b.with(t, request(loot.Collect, s, fieldsOf(more)...), func(tx *store.Tx, p gate.Permit) error {
			return b.vault.Add(t.Context(), tx, p, more, "another order")
		}); err != nil {
			t.Fatal(err)
		}
		if got := b.clear(t, s, "contact.name", "contact.email"); !maps.Equal(got, more) {
			t.Errorf("got %v", got)
		}
		b.sound(t)
	})
}

// TestOneFormForSeveralPurposes: each purpose is decided on, and the record is
// whole or not there.
func TestOneFormForSeveralPurposes(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		parts := []map[loot.Field]string{
			{"contact.name": "Ada Lovelace", "contact.email": "ada@example.net"},
			{"company.name": "Lovelace Engines", "company.vat": "IE 1234567FA"},
			{"payment.iban": "IE29AIBK93115212345678"},
		}
		enter := func(s loot.Subject, more ...vault.Part) error {
			return b.gate.InTx(ctx, func(tx *store.Tx) error {
				var of []vault.Part
				for _, given := range parts {
					p, err := b.gate.Decide(ctx, tx, request(loot.Collect, s, fieldsOf(given)...))
					if err != nil {
						return err
					}
					of = append(of, vault.Part{Permit: p, Given: given})
				}
				return b.vault.CreateOf(ctx, tx, "your order", append(of, more...)...)
			})
		}
		all := map[loot.Field]string{}
		for _, given := range parts {
			maps.Copy(all, given)
		}
		s, never := loot.NewSubject(), loot.NewSubject()
		for _, s := range []loot.Subject{s, never} {
			if err := b.keys.Create(ctx, s, customer); err != nil {
				t.Fatal(err)
			}
		}
		if err := enter(s); err != nil {
			t.Fatal(err)
		}
		if got := b.clear(t, s, fieldsOf(all)...); !maps.Equal(got, all) {
			t.Errorf("got %v", got)
		}
		if _, ok := errors.AsType[*gate.Misuse](enter(never, vault.Part{Given: parts[0]})); !ok {
			t.Error("a part without a permit is taken")
		}
		if got := b.find(t, "contact.email", "ada@example.net"); !slices.Equal(got, []loot.Subject{s}) {
			t.Errorf("found %v", got)
		}
		if err := b.gate.InTx(ctx, func(tx *store.Tx) error { return b.vault.CreateOf(ctx, tx, "nowhere") }); err == nil {
			t.Error("a record of nothing")
		}
		if r := b.sound(t); r.Records != 1 || r.Values != len(all) {
			t.Errorf("%+v", r)
		}
	})
}

func TestBadValuesAreRefused(t *testing.T) {
	b := newBench(t, desktest.Kernel.SQLite, desktest.Keys)
	s := b.create(t, ada())
	for name, value := range map[string]string{"encoding": "\xff\xfe", "length": strings.Repeat("é", 201)} {
		err := b.correct(t, s, 1, map[loot.Field]string{"contact.name": value})
		var wrong *loot.Error
		if !errors.As(err, &wrong) || wrong.Kind != loot.Invalid || wrong.Fields["contact.name"] == "" || strings.Contains(err.Error(), value) {
			t.Errorf("%s: %v", name, err)
		}
	}
	hostile := strings.Repeat("'; DROP TABLE vault_record; --\x00", 6)
	if err := b.correct(t, s, 1, map[loot.Field]string{"contact.name": hostile}); err != nil {
		t.Fatal(err)
	}
	if got := b.clear(t, s, "contact.name")["contact.name"]; got != hostile {
		t.Errorf("got %q", got)
	}
}

func TestFindBySpelling(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, map[loot.Field]string{"company.name": "Straße  &  Söhne ＧｍｂＨ", "company.vat": "DE 123.456-789", "contact.email": "Jörg@BÜCHER.example"})
		twin := b.create(t, map[loot.Field]string{"company.name": "strasse & söhne gmbh"})
		b.create(t, ada())
		both := []loot.Subject{s, twin}
		slices.Sort(both)
		for _, c := range []struct {
			f    loot.Field
			v    string
			want []loot.Subject
		}{
			{"company.name", "STRASSE & SÖHNE GMBH ", both},
			{"company.name", "Straße & So\u0308hne GmbH", both},
			{"company.name", "Strasse", nil},
			{"company.vat", "de123456789", []loot.Subject{s}},
			{"company.vat", "DE123456780", nil},
			{"contact.email", " jörg@bücher.EXAMPLE", []loot.Subject{s}},
			{"contact.email", "jörg@xn--bcher-kva.example", []loot.Subject{s}},
			{"contact.email", "", nil},
		} {
			if got := b.find(t, c.f, c.v); !slices.Equal(got, c.want) {
				t.Errorf("%s %q: %v; want %v", c.f, c.v, got, c.want)
			}
		}
		values := []string{"", " jörg@bücher.EXAMPLE", "jörg@xn--bcher-kva.example", "nobody@bücher.example"}
		var found map[string]loot.Subject
		err := b.with(t, request(loot.Find, "", "contact.email"), func(tx *store.Tx, p gate.Permit) (err error) {
			found, err = b.vault.FindAll(t.Context(), tx, p, "contact.email", values)
			return err
		})
		if err != nil || !maps.Equal(found, map[string]loot.Subject{values[1]: s, values[2]: s}) {
			t.Errorf("at once: %v, %v", found, err)
		}
		err = b.with(t, request(loot.Find, "", "address.town"), func(tx *store.Tx, p gate.Permit) error {
			_, err := b.vault.Find(t.Context(), tx, p, "address.town", "Dunlaoghaire")
			return err
		})
		if loot.KindOf(err) != loot.Invalid {
			t.Errorf("by a field that is not looked up: %v", err)
		}
		b.sound(t)
	})
}

func TestListGoesThroughAllLatestFirst(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var want []loot.Subject
		for range 25 {
			want = append(want, b.create(t, map[loot.Field]string{"contact.name": "x"}))
		}
		slices.Reverse(want)
		var got []loot.Subject
		var n int
		b.do(t, func(tx *store.Tx) (err error) {
			got = nil
			var after loot.Subject
			for {
				rows, err := b.vault.List(t.Context(), tx, customer, after, 10)
				if err != nil {
					return err
				}
				for _, r := range rows {
					got = append(got, r.Subject)
				}
				if len(rows) < 10 {
					break
				}
				after = rows[len(rows)-1].Subject
			}
			n, err = b.vault.Count(t.Context(), tx, customer)
			return err
		})
		if !slices.Equal(got, want) || n != 25 {
			t.Errorf("%d of %d listed, in order %v; counted %d", len(got), len(want), slices.Equal(got, want), n)
		}
	})
}

func TestMarkIsOfTheValueThatWasChecked(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		mark := func(version int64, from, to string) error {
			return b.gate.InTx(t.Context(), func(tx *store.Tx) error {
				return b.vault.Mark(t.Context(), tx, s, customer, version, map[loot.Field]vault.Marking{"company.vat": {From: from, To: to}})
			})
		}
		if err := mark(1, vault.Unverified, vault.Verified); err != nil {
			t.Fatal(err)
		}
		values, err := b.values(t, s, "company.vat", "company.name")
		if err != nil || values["company.vat"].State != "verified" || values["company.name"].State != "unverified" {
			t.Errorf("%v, %v", values, err)
		}
		if err := mark(1, vault.Unverified, vault.Disputed); loot.KindOf(err) != loot.Conflict {
			t.Errorf("of a value that somebody else marked: %v", err)
		}
		if err := mark(1, vault.Verified, "splendid"); err == nil {
			t.Error("a state that does not exist")
		}
		// Whoever has the record in a form since before the mark saves it.
		if err := b.correct(t, s, 1, map[loot.Field]string{"company.vat": "IE 7654321FA"}); err != nil {
			t.Fatal(err)
		}
		if err := mark(1, vault.Unverified, vault.Verified); loot.KindOf(err) != loot.Conflict {
			t.Errorf("of an older value: %v", err)
		}
		if values, err = b.values(t, s, "company.vat"); err != nil || values["company.vat"].State != "unverified" {
			t.Errorf("a corrected value is verified still: %v, %v", values, err)
		}
	})
}

func TestDueFieldsAreTold(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		b.create(t, ada())
		now := b.now()
		keep := func(until map[loot.Field]time.Time) {
			b.do(t, func(tx *store.Tx) error { return b.vault.KeepUntil(t.Context(), tx, s, customer, until) })
		}
		due := func(at time.Time) (out []vault.Due) {
			b.do(t, func(tx *store.Tx) (err error) {
				out, err = b.vault.Due(t.Context(), tx, customer, at, "", 10)
				return err
			})
			return out
		}
		keep(map[loot.Field]time.Time{"contact.phone": now.Add(time.Hour), "company.vat": now.Add(48 * time.Hour), "nothing.here": now})
		if got := due(now); len(got) != 0 {
			t.Errorf("too early: %v", got)
		}
		if got := due(now.Add(2 * time.Hour)); len(got) != 1 || got[0].Subject != s || !slices.Equal(got[0].Fields, []loot.Field{"contact.phone"}) {
			t.Errorf("after two hours: %v", got)
		}
		values, err := b.values(t, s, "contact.phone")
		if late := values["contact.phone"].Until.Sub(now.Add(time.Hour)); err != nil || late < 0 || late >= time.Second {
			t.Errorf("until %v, %v", values["contact.phone"].Until, err)
		}
		keep(map[loot.Field]time.Time{"contact.phone": {}, "company.vat": {}})
		if got := due(now.Add(1000 * time.Hour)); len(got) != 0 {
			t.Errorf("after it was lifted: %v", got)
		}
	})
}

// TestClearIsRedactedEverywhere: the text leaves by Reveal and no other way.
func TestClearIsRedactedEverywhere(t *testing.T) {
	b := newBench(t, desktest.Kernel.SQLite, desktest.Keys)
	s := b.create(t, ada())
	values, err := b.values(t, s, "contact.name")
	if err != nil {
		t.Fatal(err)
	}
	v := values["contact.name"]
	var out []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%100v", "%-3s"} {
		for _, x := range []any{v, &v, v.Clear, &v.Clear, values, []vault.Value{v}, struct{ V vault.Clear }{v.Clear}, struct{ v vault.Value }{v}, struct{ v *vault.Clear }{&v.Clear}} {
			out = append(out, fmt.Sprintf(verb, x))
		}
	}
	for _, x := range []any{v, v.Clear, values, map[string]any{"v": v.Clear}} {
		text, err := json.Marshal(x)
		if err != nil {
			t.Error(err)
		}
		out = append(out, string(text))
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("opened", "v", v, "c", v.Clear, "all", values)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("opened", "v", v, "c", v.Clear, "all", values)
	out = append(out, log.String(), fmt.Sprint(v), fmt.Sprintln(values), errors.New(v.String()).Error())
	for _, text := range out {
		if strings.Contains(text, "Ada") || strings.Contains(text, "416461") {
			t.Errorf("in clear: %s", text)
		}
	}
	if !strings.Contains(fmt.Sprint(v), "[redacted]") || v.Reveal() != "Ada Lovelace" {
		t.Errorf("%v, %q", v, v.Reveal())
	}
}

// TestTwoWritesOfOneTransactionAddUp: the second begins where the first ended.
func TestTwoWritesOfOneTransactionAddUp(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		given := ada()
		delete(given, "contact.phone")
		delete(given, "company.vat")
		s := b.create(t, given)
		b.do(t, func(tx *store.Tx) error {
			for _, f := range []loot.Field{"contact.phone", "company.vat"} {
				p, err := b.gate.Decide(t.Context(), tx, request(loot.Collect, s, f))
				if err != nil {
					return err
				}
				if err := b.vault.Add(t.Context(), tx, p, map[loot.Field]string{f: "IE7654321T"}, "test"); err != nil {
					return err
				}
			}
			return nil
		})
		if got := b.clear(t, s, "contact.phone", "company.vat"); len(got) != 2 {
			t.Errorf("of two that were added is held: %v", got)
		}
	})
}
