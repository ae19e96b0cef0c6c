package vault_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/keyring"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

const phone = loot.Field("contact.phone")

// preserve has an order preserve what is held of somebody; the zero time ends it.
func (b *bench) preserve(t testing.TB, s loot.Subject, until time.Time) {
	t.Helper()
	b.do(t, func(tx *store.Tx) error { return b.gate.Hold(t.Context(), tx, s, until) })
}

// setAside has a field erased that an order may hold.
func (b *bench) setAside(t testing.TB, s loot.Subject, f loot.Field, use func(tx *store.Tx, p gate.Permit) error) error {
	t.Helper()
	return b.gate.InTx(t.Context(), func(tx *store.Tx) error {
		p, err := b.gate.SetAside(t.Context(), tx, request(loot.Erase, s, f))
		if err != nil {
			return err
		}
		return use(tx, p)
	})
}

// removes has a permit used for what it is for.
func (b *bench) removes(t testing.TB) func(tx *store.Tx, p gate.Permit) error {
	return func(tx *store.Tx, p gate.Permit) error { return b.vault.Remove(t.Context(), tx, p) }
}

// seen is everything of somebody that a copy has.
func (b *bench) seen(t testing.TB, s loot.Subject) (w vault.Whole) {
	t.Helper()
	if err := b.with(t, request(loot.Export, s, fieldsOf(ada())...), func(tx *store.Tx, p gate.Permit) (err error) {
		w, err = b.vault.OpenWhole(t.Context(), tx, p)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return w
}

// answers is a request of the police for a field.
func answers(s loot.Subject, f loot.Field) gate.Request {
	r := request(loot.Answer, s, f)
	r.Actor, r.By, r.Entered, r.Asked = loot.Actor{Kind: loot.Authority, ID: "police"}, desk, true, &statement.Asked{Basis: "law", Valid: true, Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Scope: []loot.Category{"contact"}}
	return r
}

// answered opens a field for an answer to the police.
func (b *bench) answered(t testing.TB, s loot.Subject, f loot.Field) string {
	t.Helper()
	var got vault.Values
	if err := b.with(t, answers(s, f), func(tx *store.Tx, p gate.Permit) (err error) {
		got, err = b.vault.Open(t.Context(), tx, p)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return got[f].Reveal()
}

// lying returns which fields lie aside.
func (b *bench) lying(t testing.TB, s loot.Subject) (out map[loot.Field]vault.About) {
	t.Helper()
	b.do(t, func(tx *store.Tx) (err error) {
		out, err = b.vault.Aside(t.Context(), tx, s, customer)
		return err
	})
	return out
}

// TestWhatIsSetAsideIsGoneButForAnswers: no page, search, copy or file has it, as if it had
// been erased, also once it is given anew; and it goes once nothing holds it, beside what was
// given.
func TestWhatIsSetAsideIsGoneButForAnswers(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const email = loot.Field("contact.email")
		s, other := b.create(t, ada()), b.create(t, ada())
		files := map[loot.Subject]string{}
		both := func(f func(s loot.Subject)) {
			t.Helper()
			for _, one := range []loot.Subject{s, other} {
				f(one)
			}
		}
		both(func(one loot.Subject) {
			if err := b.correct(t, one, 1, map[loot.Field]string{email: "ada@king.example"}); err != nil {
				t.Fatal(err)
			}
			b.propose(t, one, "countess@lovelace.example")
			files[one] = b.file(t, one, email, "letter.txt", []byte("made up"))
		})
		staged, err := b.vault.Stage(t.Context(), s, customer, email, "late.txt", "text/plain", strings.NewReader("late"))
		if err != nil {
			t.Fatal(err)
		}
		b.preserve(t, s, b.now().Add(time.Hour))
		same := func(when string) {
			t.Helper()
			if x, y := b.row(t, s), b.row(t, other); x.Version != y.Version {
				t.Errorf("%s: the record has the number %d, that of somebody of whom nothing is held %d", when, x.Version, y.Version)
			}
			x, y := b.seen(t, s), b.seen(t, other)
			if len(x.Values) != len(y.Values) || len(x.Former[email]) != len(y.Former[email]) || len(x.Files) != len(y.Files) || len(x.Waiting) != len(y.Waiting) {
				t.Errorf("%s: a copy has %v, that of somebody of whom nothing is held %v", when, x, y)
			}
			b.sound(t)
		}
		both(func(one loot.Subject) {
			if err := b.setAside(t, one, email, b.removes(t)); err != nil {
				t.Fatal(err)
			}
		})
		b.work(t)
		same("set aside")
		if got := b.find(t, email, "ada@king.example"); len(got) != 0 {
			t.Errorf("found: %v", got)
		}
		if values := b.clear(t, s, email); len(values) != 0 {
			t.Error("it opens")
		}
		both(func(one loot.Subject) {
			if _, err := b.openFile(t, one, email, files[one]); loot.KindOf(err) != loot.NotFound {
				t.Errorf("its file: %v", err)
			}
		})
		if err := b.keep(t, s, email, staged); loot.KindOf(err) != loot.NotFound {
			t.Errorf("a file that was under way is taken in: %v", err)
		}
		b.do(t, func(tx *store.Tx) error {
			held, err := b.vault.Held(t.Context(), tx, s, customer)
			if len(held) != len(ada())-1 {
				t.Errorf("%d fields are held", len(held))
			}
			return err
		})
		if _, aside := b.lying(t, s)[email]; !aside || len(b.lying(t, other)) != 0 {
			t.Errorf("aside: %v", b.lying(t, s))
		}
		if got := b.answered(t, s, email); got != "ada@king.example" {
			t.Errorf("the answer has %q", got)
		}
		if err := b.with(t, answers(s, email), func(tx *store.Tx, p gate.Permit) error {
			_, err := b.vault.OpenFile(t.Context(), tx, p, files[s])
			return err
		}); err != nil {
			t.Errorf("the answer has not its file: %v", err)
		}
		both(func(one loot.Subject) {
			for _, value := range []string{"anew@lovelace.example", "other@lovelace.example"} {
				if err := b.correct(t, one, b.row(t, one).Version, map[loot.Field]string{email: value}); err != nil {
					t.Fatal(err)
				}
			}
			b.file(t, one, email, "new.txt", []byte("anew"))
		})
		same("given anew")
		if w := b.seen(t, s); len(w.Former[email]) != 1 || len(w.Files) != 1 {
			t.Errorf("a copy has %d former values and %d files, want those given anew", len(w.Former[email]), len(w.Files))
		}
		if got := b.answered(t, s, email); got != "other@lovelace.example" {
			t.Errorf("the answer has %q, not what counts", got)
		}
		if err := b.vault.Rotate(t.Context(), customer); err != nil {
			t.Fatal(err)
		}
		same("under another epoch")

		// It is due every day, and goes once nothing holds it; what was given anew stays.
		due := func() (out []loot.Field) {
			b.do(t, func(tx *store.Tx) error {
				all, err := b.vault.Due(t.Context(), tx, customer, b.now().Add(time.Minute), "", 10)
				for _, one := range all {
					out = append(out, one.Fields...)
				}
				return err
			})
			return out
		}
		if got := due(); !slices.Equal(got, []loot.Field{email}) {
			t.Errorf("due is %v", got)
		}
		release := request(loot.Erase, s, email)
		release.Aside = true
		if err := b.with(t, release, b.removes(t)); loot.KindOf(err) != loot.Denied {
			t.Errorf("while the order stands: %v", err)
		}
		b.preserve(t, s, time.Time{})
		if err := b.with(t, release, b.removes(t)); err != nil {
			t.Fatal(err)
		}
		b.work(t)
		same("erased")
		if len(b.lying(t, s)) != 0 || len(due()) != 0 {
			t.Error("something lies aside still")
		}
		if got := b.clear(t, s, email); got[email] != "other@lovelace.example" {
			t.Errorf("what was given anew is %q", got[email])
		}
		if n, m := b.rows(t, "vault_history"), b.rows(t, "vault_file"); n != 2 || m != 2 {
			t.Errorf("%d former values and %d files are left, want those given anew", n, m)
		}
	})
}

// TestWhatIsSetAsideTwiceGoesWithItsKey: what was given anew is set aside to the former one,
// and with nothing else of the field its key is destroyed.
func TestWhatIsSetAsideTwiceGoesWithItsKey(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for name, release := range map[string]bool{"of what lies aside": true, "of the whole field": false} {
			s := b.create(t, ada())
			copied := b.cell(t, s, phone)
			b.preserve(t, s, b.now().Add(time.Hour))
			aside := func() {
				t.Helper()
				if err := b.setAside(t, s, phone, b.removes(t)); err != nil {
					t.Fatal(err)
				}
			}
			values := b.sound(t).Values
			aside()
			if n := b.sound(t).Values; n != values {
				t.Errorf("a check counts %d values once one of %d is set aside", n, values)
			}
			if err := b.correct(t, s, b.row(t, s).Version, map[loot.Field]string{phone: "+353 1 555 0111"}); err != nil {
				t.Fatal(err)
			}
			aside()
			b.work(t)
			if got := b.answered(t, s, phone); got != "+353 1 555 0111" {
				t.Errorf("the answer has %q", got)
			}
			if values := b.clear(t, s, phone); len(values) != 0 || len(b.seen(t, s).Former) != 0 {
				t.Error("something of it is seen")
			}
			opens := func() error {
				t.Helper()
				b.open(t)
				key, err := b.keys.Person(t.Context(), s, customer)
				if err == nil {
					_, err = key.Of(phone).Open(copied.Sealed, copied.Bound())
				}
				return err
			}
			if err := opens(); err != nil {
				t.Errorf("%s: its key is destroyed while it is held: %v", name, err)
			}
			b.preserve(t, s, time.Time{})
			r := request(loot.Erase, s, phone)
			r.Aside = release
			backup := b.backup(t, "vault_record", "vault_history")
			if err := b.with(t, r, b.removes(t)); err != nil {
				t.Fatal(err)
			}
			b.work(t)
			if err := opens(); !errors.Is(err, keyring.ErrTampered) {
				t.Errorf("%s: it opens after it was erased: %v", name, err)
			}
			if n := b.rows(t, "vault_history"); n != 0 {
				t.Errorf("%s: %d former values are left", name, n)
			}
			b.restore(t, backup)
			if got := b.answered(t, s, phone); got != "" {
				t.Errorf("%s: from a backup the answer has %q", name, got)
			}
			b.pass(25 * time.Hour)
			b.sweep(t)
			if len(b.lying(t, s)) != 0 || b.rows(t, "vault_history") != 0 {
				t.Errorf("%s: what a backup brought back is left", name)
			}
			b.sound(t)
		}
	})
}

// TestAPermitToSetAsideErasesNoRecord, and neither does one for what lies aside; an erased
// record has nothing aside.
func TestAPermitToSetAsideErasesNoRecord(t *testing.T) {
	b := newBench(t, desktest.Kernel.SQLite, desktest.Keys)
	s := b.create(t, ada())
	erases := func(tx *store.Tx, p gate.Permit) error { return b.vault.Erase(t.Context(), tx, p) }
	b.preserve(t, s, b.now().Add(time.Hour))
	if m, ok := errors.AsType[*gate.Misuse](b.setAside(t, s, phone, erases)); !ok || m.How != "widened" {
		t.Errorf("to set aside: %v", m)
	}
	if err := b.setAside(t, s, phone, b.removes(t)); err != nil {
		t.Fatal(err)
	}
	b.preserve(t, s, time.Time{})
	r := request(loot.Erase, s, phone)
	r.Aside = true
	if m, ok := errors.AsType[*gate.Misuse](b.with(t, r, erases)); !ok || m.How != "widened" {
		t.Errorf("of what lies aside: %v", m)
	}
	b.erase(t, s)
	b.work(t)
	if n := b.rows(t, "vault_history"); n != 0 {
		t.Errorf("%d former values of the erased record are left", n)
	}
	b.sound(t)
}
