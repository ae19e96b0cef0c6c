package verification

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/desk/verification/register"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// decided counts what the ledger has of this desk's decisions.
func (h *house) decided() (permitted, refused int) {
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		permitted, refused = 0, 0
		for row, err := range h.Kit.Ledger.Facts(ctx, tx, time.Time{}, h.Clock.Now().Add(time.Hour)) {
			switch {
			case err != nil:
				return err
			case row.Facts.Desk != name:
			case row.Facts.Verdict == ledger.Permitted:
				permitted += row.Count
			case row.Facts.Verdict == ledger.Refused:
				refused += row.Count
			}
		}
		return nil
	})
	return permitted, refused
}

// TestWhatFailsTogetherFailsAlone: of records that are checked in one transaction,
// one that is damaged and one that nobody may open hold up and undo nothing of the
// others'. Each has one decision, and what is done again goes on with who is left.
func TestWhatFailsTogetherFailsAlone(t *testing.T) {
	t.Parallel()
	const frozen = `Purpose::"notice", Purpose::"verification", Purpose::"dispute", Purpose::"bookkeeping"]`
	s := desktest.Parse(t, bytes.Replace(statement.Default(), []byte(frozen), []byte(strings.Replace(frozen, `Purpose::"verification", `, "", 1)), 1))
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, s, Options{})
		var all []loot.Subject
		for range 5 {
			all = append(all, h.customer(meadow()))
		}
		damaged, restricted := all[1], all[3]
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE vault_record SET cells = $1 WHERE subject = $2`, []byte{9, 9, 9}, damaged.Compact()); err != nil {
				return err
			}
			return h.Kit.Gate.Freeze(ctx, tx, restricted, "test")
		})
		before, none := h.decided()
		h.Clock.Advance(366 * 24 * time.Hour)
		for range 2 {
			if err := h.desk.checkDue(t.Context(), dueArgs{all}); err == nil || !strings.Contains(err.Error(), string(damaged)) {
				t.Errorf("the damaged record: %v", err)
			}
			for i, s := range all {
				l := func() (l last) {
					h.Tx(func(ctx context.Context, tx *store.Tx) error {
						lasts, err := lastOf(ctx, tx, s)
						l = lasts["company.vat"]
						return err
					})
					return l
				}()
				if again := l.At.Equal(h.Clock.Now()); again != (s != damaged && s != restricted) {
					t.Errorf("record %d was checked at %s", i, l.At)
				}
				if s == restricted && !l.Next.IsZero() {
					t.Errorf("the restricted record is checked again at %s", l.Next)
				}
			}
			if permitted, refused := h.decided(); permitted-before != 3 || refused-none != 1 {
				t.Errorf("%d decisions and %d refusals, want 3 and 1", permitted-before, refused-none)
			}
		}
	})
}

// TestARecordThatChangesIsCheckedAgain with what stands there then, and one whose
// answer takes its time holds up nobody.
func TestARecordThatChangesIsCheckedAgain(t *testing.T) {
	var inquire atomic.Pointer[func(domain string)]
	onEach(t, Options{Mailboxes: func(_ context.Context, domain string) (register.Mailboxes, error) {
		if f := inquire.Load(); f != nil {
			(*f)(domain)
		}
		return register.TakesMail, nil
	}}, func(t *testing.T, h *house) {
		inquire.Store(nil)
		var all []loot.Subject
		for _, domain := range []string{"one", "slow", "changes"} {
			s, _ := h.Customer(collection, purpose, meadow("contact.email", "jo@"+domain+".example"))
			all = append(all, s)
		}
		var changes sync.Once
		f := func(domain string) {
			switch domain {
			case "slow.example":
				for end := time.Now().Add(10 * time.Second); h.state(all[0], "contact.email") != vault.Checked; {
					if time.Now().After(end) {
						t.Error("who has an answer waits for who has none")
						return
					}
				}
			case "changes.example":
				changes.Do(func() { h.replace(all[2], "contact.phone", "+353 1 5") })
			}
		}
		inquire.Store(&f)
		for s, err := range h.desk.checkAll(t.Context(), all...) {
			t.Errorf("%s: %v", s, err)
		}
		for i, s := range all {
			if got := h.state(s, "contact.email"); got != vault.Checked {
				t.Errorf("record %d is %s", i, got)
			}
		}
		if got := h.state(all[2], "contact.phone"); got != vault.Unverified {
			t.Errorf("the number that came meanwhile is %s", got)
		}
		h.open(all[2], "contact.phone")
	})
}

// TestNoMoreThanSomeAreOpenedTogether: while answers about the first are waited for, the
// records of the next are closed yet.
func TestNoMoreThanSomeAreOpenedTogether(t *testing.T) {
	t.Parallel()
	var ask atomic.Pointer[func()]
	h := newHouse(t, desktest.One(t), desktest.Standard(t), Options{Mailboxes: func(context.Context, string) (register.Mailboxes, error) {
		if f := ask.Load(); f != nil {
			(*f)()
		}
		return register.TakesMail, nil
	}})
	var all []loot.Subject
	for range together + 1 {
		s, _ := h.Customer(collection, purpose, meadow())
		all = append(all, s)
	}
	before, _ := h.decided()
	var first sync.Once
	f := func() {
		first.Do(func() {
			if n, _ := h.decided(); n-before != together {
				t.Errorf("%d records were opened together", n-before)
			}
		})
	}
	ask.Store(&f)
	for s, err := range h.desk.checkAll(t.Context(), all...) {
		t.Errorf("%s: %v", s, err)
	}
	if n, _ := h.decided(); n-before != together+1 {
		t.Errorf("%d records were opened, want %d", n-before, together+1)
	}
}
