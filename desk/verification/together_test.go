package verification

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/desk/verification/register"
	"loot/job"
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
				changes.Do(func() { h.replace(all[2], purpose, "contact.phone", "+353 1 5") })
			}
		}
		inquire.Store(&f)
		for s, err := range h.desk.checkAll(t.Context(), true, all...) {
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
	for s, err := range h.desk.checkAll(t.Context(), true, all...) {
		t.Errorf("%s: %v", s, err)
	}
	if n, _ := h.decided(); n-before != together+1 {
		t.Errorf("%d records were opened, want %d", n-before, together+1)
	}
}

// Domains whose answers wait until they are let go.
type slow struct {
	asked  chan string // each, as its question begins
	answer chan struct{}
	letGo  func()
}

func (s *slow) begin(t *testing.T) {
	s.asked, s.answer = make(chan string, 1000), make(chan struct{})
	answer := s.answer
	s.letGo = sync.OnceFunc(func() { close(answer) })
	t.Cleanup(s.letGo) // or the jobs of a test that failed never end
}

func (s *slow) mailboxes(_ context.Context, domain string) (register.Mailboxes, error) {
	s.asked <- domain
	if strings.HasPrefix(domain, "slow") {
		<-s.answer
	}
	return register.TakesMail, nil
}

// next returns the domain that is asked about next.
func (s *slow) next(t *testing.T) string {
	t.Helper()
	select {
	case domain := <-s.asked:
		return domain
	case <-time.After(time.Minute):
		t.Error("nobody is asked about")
		return ""
	}
}

// slowly makes customers whose details are due and whose mail servers take their time.
func (h *house) slowly(n int) (all []loot.Subject) {
	for i := range n {
		s, _ := h.Customer(collection, purpose, meadow("contact.email", fmt.Sprintf("jo@slow%d.example", i)))
		h.Tx(func(_ context.Context, tx *store.Tx) error {
			putLasts(tx, s, map[loot.Field]last{"contact.email": {Outcome: passed, At: h.Clock.Now().Add(-time.Hour), Next: h.Clock.Now()}})
			return nil
		})
		all = append(all, s)
	}
	return all
}

// TestARegistrationIsCheckedWhileOthersAre: however many wait to be checked again,
// who gave something has a turn.
func TestARegistrationIsCheckedWhileOthersAre(t *testing.T) {
	var dns slow
	onEach(t, Options{Mailboxes: dns.mailboxes}, func(t *testing.T, h *house) {
		dns.begin(t)
		h.Drain()
		due := h.slowly(2 * questions)
		fresh, _ := h.Customer(collection, purpose, meadow("contact.email", "jo@fresh.example"))
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			for i := range questions {
				if err := h.Kit.Jobs.Enqueue(ctx, tx, dueArgs{due[2*i : 2*i+2]}); err != nil {
					return err
				}
			}
			return nil
		})
		for range questionsAgain {
			dns.next(t)
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			return h.Kit.Jobs.Publish(ctx, tx, job.Notice{Name: "person.registered", ID: string(fresh)})
		})
		if got := dns.next(t); got != "fresh.example" {
			t.Errorf("%q is asked about before who gave something", got)
		}
		dns.letGo()
		h.Drain()
		for _, s := range append(due, fresh) {
			if got := h.state(s, "contact.email"); got != vault.Checked {
				t.Errorf("%s is %s", s, got)
			}
		}
	})
}

// TestWhoseTimeIsUpLeavesTheLine of those who wait to be asked about.
func TestWhoseTimeIsUpLeavesTheLine(t *testing.T) {
	t.Parallel()
	v := &Verification{outside: make(chan struct{}), outsideAgain: make(chan struct{}, 1)} // full, and with one place
	v.options.Mailboxes = func(context.Context, string) (register.Mailboxes, error) {
		t.Error("it is asked without a place")
		return register.TakesMail, nil
	}
	rec := &opened{subject: loot.NewSubject(), record: record{s: desktest.Standard(t), values: meadow()}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, again := range []bool{true, false} {
		var failed error
		for some := range v.found(ctx, again, []*opened{rec}, func(_ *opened, err error) { failed = err }) {
			if len(some) > 0 {
				t.Error("an answer is written down that nobody gave")
			}
		}
		if !errors.Is(failed, context.Canceled) || len(v.outsideAgain) > 0 {
			t.Errorf("again %t: %v, and %d are left in the line", again, failed, len(v.outsideAgain))
		}
	}
}

// TestAnAnswerThatBreaksTheProgram is the failure of one record: the server and the
// others go on, and what was answered is not told.
func TestAnAnswerThatBreaksTheProgram(t *testing.T) {
	onEach(t, Options{Mailboxes: func(_ context.Context, domain string) (register.Mailboxes, error) {
		if domain == "bad.example" {
			panic("an answer about " + domain)
		}
		return register.TakesMail, nil
	}}, func(t *testing.T, h *house) {
		var all []loot.Subject
		for _, domain := range []string{"one", "bad", "two"} {
			s, _ := h.Customer(collection, purpose, meadow("contact.email", "jo@"+domain+".example"))
			all = append(all, s)
		}
		failed := h.desk.checkAll(t.Context(), true, all...)
		if err := failed[all[1]]; len(failed) != 1 || err == nil || !strings.Contains(err.Error(), "inquireDomain") || strings.Contains(err.Error(), "bad.example") {
			t.Errorf("failed: %v", failed)
		}
		if a, b, c := h.state(all[0], "contact.email"), h.state(all[1], "contact.email"), h.state(all[2], "contact.email"); a != vault.Checked || b != vault.Unverified || c != vault.Checked {
			t.Errorf("the records are %s, %s and %s", a, b, c)
		}
		if n := len(h.desk.outside) + len(h.desk.outsideAgain); n > 0 {
			t.Errorf("%d places are still taken", n)
		}
	})
}

// TestASweepLeavesWhoIsFoundAlready to the jobs that wait or run, while one that
// goes on after a customer finds those who follow.
func TestASweepLeavesWhoIsFoundAlready(t *testing.T) {
	var dns slow
	onEach(t, Options{Mailboxes: dns.mailboxes}, func(t *testing.T, h *house) {
		dns.begin(t)
		h.Drain()
		h.slowly(3)
		jobs := func() int64 {
			all, err := h.Kit.Jobs.Counts(t.Context())
			ok(t, err)
			n := all[dueArgs{}.Kind()]
			return n.Waiting + n.Running
		}
		for range 2 {
			ok(t, h.desk.sweep(t.Context(), sweepArgs{}))
			if n := jobs(); n != 1 {
				t.Errorf("%d jobs check the same records", n)
			}
		}
		ok(t, h.desk.sweep(t.Context(), sweepArgs{After: " "}))
		if n := jobs(); n != 2 {
			t.Errorf("%d jobs after the sweep went on, want 2", n)
		}
		dns.letGo()
		h.Drain()
	})
}
