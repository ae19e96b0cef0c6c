package vault_test

import (
	"errors"
	"testing"
	"time"

	"loot"
	"loot/gate"
	"loot/store"
	"loot/vault"
)

// propose has an address wait for a confirmation and returns its number.
func (b *bench) propose(t testing.TB, s loot.Subject, address string) int64 {
	t.Helper()
	row := b.row(t, s)
	if err := b.with(t, request(loot.Collect, s, "contact.email"), func(tx *store.Tx, p gate.Permit) error {
		return b.vault.Correct(t.Context(), tx, p, vault.Change{Version: row.Version, Proposed: map[loot.Field]string{"contact.email": address}, Source: "a test"})
	}); err != nil {
		t.Fatal(err)
	}
	return b.waiting(t, s)["contact.email"].Number
}

func (b *bench) waiting(t testing.TB, s loot.Subject) (out vault.Proposals) {
	t.Helper()
	if err := b.with(t, request(loot.Use, s, "contact.email", "contact.name"), func(tx *store.Tx, p gate.Permit) error {
		rec, err := b.vault.OpenRecord(t.Context(), tx, p)
		out = rec.Waiting
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func (b *bench) confirm(t testing.TB, s loot.Subject, number int64) error {
	t.Helper()
	return b.with(t, request(loot.Collect, s, "contact.email"), func(tx *store.Tx, p gate.Permit) error {
		return b.vault.Confirm(t.Context(), tx, p, "contact.email", number)
	})
}

func TestAProposedValueCountsOnceItIsConfirmed(t *testing.T) {
	const before, after = "ada@lovelace.example", "countess@lovelace.example"
	each(t, func(t *testing.T, b *bench) {
		given := ada()
		given["contact.email"] = before
		s := b.create(t, given)
		first := b.propose(t, s, "typo@lovelace.example")
		second := b.propose(t, s, after)
		if got := b.waiting(t, s)["contact.email"]; got.Reveal() != after || got.Number != second || !got.Until.Equal(got.At.Add(vault.ProposalLife).Truncate(time.Second)) {
			t.Errorf("waits: %q, %+v", got.Reveal(), got)
		}
		if got := b.clear(t, s, fieldsOf(given)...); len(got) != len(given) || got["contact.email"] != before {
			t.Errorf("before the confirmation: %v", got)
		}
		if len(b.find(t, "contact.email", after)) != 0 || len(b.find(t, "contact.email", before)) != 1 {
			t.Error("somebody is found by an address that nobody confirmed")
		}
		b.sound(t)
		for _, number := range []int64{first, second + 1, 0} {
			if err := b.confirm(t, s, number); loot.KindOf(err) != loot.NotFound {
				t.Errorf("number %d: %v", number, err)
			}
		}
		if err := b.confirm(t, s, second); err != nil {
			t.Fatal(err)
		}
		values, err := b.values(t, s, "contact.email", "contact.name")
		if err != nil {
			t.Fatal(err)
		}
		if v := values["contact.email"]; v.Reveal() != after || v.State != "verified" || v.Source != "a test" {
			t.Errorf("after the confirmation: %q, %+v", v.Reveal(), v.About)
		}
		if values["contact.name"].State != "unverified" {
			t.Error("another field was verified along with it")
		}
		if len(b.find(t, "contact.email", after)) != 1 || len(b.find(t, "contact.email", before)) != 0 {
			t.Error("the address that counts is not the one that people are found by")
		}
		if len(b.waiting(t, s)) != 0 || loot.KindOf(b.confirm(t, s, second)) != loot.NotFound {
			t.Error("a proposal was confirmed twice")
		}
		// What is corrected is no longer what was verified.
		if err := b.correct(t, s, b.row(t, s).Version, map[loot.Field]string{"contact.email": before}); err != nil {
			t.Fatal(err)
		}
		if values, err = b.values(t, s, "contact.email"); err != nil || values["contact.email"].State != "unverified" {
			t.Errorf("after a correction: %v, %+v", err, values["contact.email"].About)
		}
		b.sound(t)
	})
}

func TestAProposalIsGivenUpOrEndsByItself(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		number := b.propose(t, s, "countess@lovelace.example")
		if got := b.propose(t, s, ""); got != 0 || loot.KindOf(b.confirm(t, s, number)) != loot.NotFound {
			t.Error("what was given up can still be confirmed")
		}
		values := b.sound(t).Values
		number = b.propose(t, s, "countess@lovelace.example")
		if n := b.sound(t).Values; n != values+1 {
			t.Errorf("%d values are sealed, want %d", n, values+1)
		}
		b.pass(vault.ProposalLife + time.Second)
		if len(b.waiting(t, s)) != 0 || loot.KindOf(b.confirm(t, s, number)) != loot.NotFound {
			t.Error("what is too old can still be confirmed")
		}
		b.do(t, func(tx *store.Tx) error {
			due, err := b.vault.Due(t.Context(), tx, customer, b.now(), "", 10)
			if len(due) != 0 {
				t.Errorf("a proposal is taken for a field: %+v", due)
			}
			return err
		})
		if err := b.vault.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := b.sound(t).Values; n != values {
			t.Errorf("%d values are left, want %d", n, values)
		}
		// However many are too old at once.
		for range vault.SweepSize + 1 {
			b.propose(t, b.create(t, ada()), "countess@lovelace.example")
		}
		values = b.sound(t).Values
		b.pass(vault.ProposalLife + time.Second)
		if err := b.vault.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := b.sound(t).Values; n != values-(vault.SweepSize+1) {
			t.Errorf("%d values are left of %d", n, values)
		}
	})
}

func TestAProposalOfAnotherFieldIsAMisuse(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		version := b.row(t, s).Version
		err := b.with(t, request(loot.Collect, s, "contact.phone"), func(tx *store.Tx, p gate.Permit) error {
			return b.vault.Correct(t.Context(), tx, p, vault.Change{Version: version, Proposed: map[loot.Field]string{"contact.email": "eve@example.com"}})
		})
		if m, ok := errors.AsType[*gate.Misuse](err); !ok || m.How != "widened" {
			t.Errorf("proposed with a permit for another field: %v", err)
		}
		number := b.propose(t, s, "countess@lovelace.example")
		err = b.with(t, request(loot.Collect, s, "contact.phone"), func(tx *store.Tx, p gate.Permit) error {
			return b.vault.Confirm(t.Context(), tx, p, "contact.email", number)
		})
		if m, ok := errors.AsType[*gate.Misuse](err); !ok || m.How != "widened" {
			t.Errorf("confirmed with a permit for another field: %v", err)
		}
		if got := b.waiting(t, s); len(got) != 1 {
			t.Errorf("%d proposals wait, want 1", len(got))
		}
	})
}
