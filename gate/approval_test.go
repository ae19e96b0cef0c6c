package gate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/gate"
	"loot/ledger"
	"loot/store"
)

var (
	counsel       = loot.Actor{Kind: loot.Staff, ID: "u-counsel", Roles: []loot.Role{"counsel"}}
	accounts      = loot.Actor{Kind: loot.Staff, ID: "u-accounts", Name: "Ada Accounts", Roles: []loot.Role{"accounts"}}
	administrator = loot.Actor{Kind: loot.Staff, ID: "u-admin", Roles: []loot.Role{"administrator", "counsel"}}
)

func old(a loot.Actor) gate.Voter { return gate.Voter{Actor: a, Since: noon.AddDate(-1, 0, 0)} }

func (b *bench) ask(r gate.Request, needed int) (id string) {
	b.Helper()
	b.tx(func(tx *store.Tx) error {
		asked, err := b.gate.RequestApproval(b.ctx, tx, r, needed)
		id = asked.ID
		return err
	})
	return id
}

func (b *bench) vote(id string, v gate.Voter, yes bool) (a gate.Approval, err error) {
	err = b.gate.InTx(b.ctx, func(tx *store.Tx) (err error) {
		a, err = b.gate.Vote(b.ctx, tx, id, v, yes)
		return err
	})
	return a, err
}

// approve has one other person approve r.
func (b *bench) approve(r gate.Request) string {
	b.Helper()
	id := b.ask(r, 1)
	a, err := b.vote(id, old(counsel), true)
	b.ok(err)
	if a.State != "approved" {
		b.Fatalf("approval %+v", a)
	}
	return id
}

func TestConfidentialDataNeedsASecondPerson(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		r := by(b.sign(accounts), s, "invoice", "payment.iban")
		r.Reason = "the bank asks"
		refusal := b.refused(r, "orders")
		if refusal.Approvals != 1 {
			b.Errorf("the refusal says that %d approvals help, want 1", refusal.Approvals)
		}
		if got := refusal.Request(); got.Reason != r.Reason || got.Subject != s {
			b.Errorf("what was asked: %+v", got)
		}
		if w := b.refused(by(accounts, s, "service", "contact.email"), "orders"); w.Approvals != 0 {
			b.Errorf("approval is said to help against a purpose that the role does not have")
		}

		id := b.ask(refusal.Request(), refusal.Approvals)
		r.Approval = id
		_, err := b.decide(r)
		b.kind(err, loot.Conflict) // pending
		b.ok(errOf(b.vote(id, old(counsel), true)))
		b.permitted(r)
		_, err = b.decide(r)
		b.kind(err, loot.Conflict) // used up

		// what others could have let through is told apart from what nobody could
		var notes []string
		for _, row := range b.facts(verdict(ledger.Refused)) {
			notes = append(notes, row.Facts.Note)
		}
		if slices.Sort(notes); !slices.Equal(notes, []string{"", gate.Unagreed}) {
			b.Errorf("the refusals are noted as %q", notes)
		}

		// it is recorded with how many agreed, and by whom it was asked
		last := b.facts(verdict(ledger.Permitted))[0]
		ins, err := gate.Inputs(last.Facts)
		b.ok(err)
		if len(ins) != 1 || ins[0].Context.Approvals != 1 {
			b.Errorf("recorded %+v", ins)
		}
		b.ok(b.db.ReadTx(b.ctx, func(tx *store.Tx) error {
			who, err := b.ledger.Actor(b.ctx, tx, last.ID)
			if who.ID != accounts.ID || who.Name != accounts.Name || who.Reason != r.Reason {
				b.Errorf("who acted: %+v", who)
			}
			return err
		}))
	})
}

func errOf(_ gate.Approval, err error) error { return err }

// TestRefusedUseLeavesTheApproval: an approval is used up by a use, not by a
// transaction that came to nothing.
func TestRefusedUseLeavesTheApproval(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		r := by(b.sign(accounts), s, "invoice", "payment.iban")
		r.Approval = b.approve(r)
		broken := errors.New("broken off")
		if err := b.gate.InTx(b.ctx, func(tx *store.Tx) error {
			_, err := b.gate.Decide(b.ctx, tx, r)
			return errors.Join(err, broken)
		}); !errors.Is(err, broken) {
			b.Fatal(err)
		}
		b.permitted(r)
	})
}

func TestApprovalIsForExactlyWhatWasApproved(t *testing.T) {
	each(t, func(b *bench) {
		s, other := b.person(), b.person()
		colleague := b.sign(loot.Actor{Kind: loot.Staff, ID: "u-accounts-2", Roles: []loot.Role{"accounts"}})
		r := by(b.sign(accounts), s, "invoice", "payment.iban")
		r.Approval = b.approve(r)
		for name, change := range map[string]func(*gate.Request){
			"another person":    func(r *gate.Request) { r.Subject = other },
			"more fields":       func(r *gate.Request) { r.Fields = []loot.Field{"payment.iban", "contact.email"} },
			"another purpose":   func(r *gate.Request) { r.Purpose = "service" },
			"a colleague":       func(r *gate.Request) { r.Actor = colleague },
			"shown unmasked":    func(r *gate.Request) { r.Unmask = true },
			"another case":      func(r *gate.Request) { r.Case = "i1" },
			"another recipient": func(r *gate.Request) { r.Recipient = "acme" },
		} {
			wider := r
			change(&wider)
			if _, err := b.decide(wider); loot.KindOf(err) != loot.Denied {
				b.Errorf("%s: %v, want denied", name, err)
			}
		}
		unknown := r
		unknown.Approval = "a-unknown"
		_, err := b.decide(unknown)
		b.kind(err, loot.NotFound)
		r.Reason = "the reason may be said anew"
		b.permitted(r)
	})
}

// TestRefusalNamesTheApprovalThatWasAskedFor: from the moment it is asked for
// until it is used, refused or too old, and to whoever asked for exactly that.
func TestRefusalNamesTheApprovalThatWasAskedFor(t *testing.T) {
	each(t, func(b *bench) {
		s, colleague := b.person(), b.sign(loot.Actor{Kind: loot.Staff, ID: "u-accounts-2", Roles: []loot.Role{"accounts"}})
		r := by(b.sign(accounts), s, "invoice", "payment.iban")
		if got := b.refused(r, "orders").Awaits(); got != nil {
			b.Errorf("nothing was asked for, and %+v is awaited", got)
		}
		id := b.ask(r, 2)
		asked := b.clock.Now()
		b.clock.Advance(time.Hour)
		expect := func(when string, agreed int) {
			b.Helper()
			want := loot.Awaited{ID: id, Asked: asked, Until: asked.Add(72 * time.Hour), Agreed: agreed, Needed: 2}
			refusal := b.refused(r, "orders")
			if got := refusal.Awaits(); got == nil || got.ID != want.ID || !got.Asked.Equal(want.Asked) || !got.Until.Equal(want.Until) || got.Agreed != agreed || got.Needed != 2 || got.Given() != (agreed == 2) {
				b.Errorf("%s: awaited %+v, want %+v", when, got, want)
			}
			if says := fmt.Sprintf("%d of 2 agreed", agreed); !strings.Contains(refusal.Error(), says) {
				b.Errorf("%s: %q does not say %q", when, refusal, says)
			}
		}
		expect("asked for", 0)
		_, err := b.vote(id, old(counsel), true)
		b.ok(err)
		expect("one agreed", 1)
		for name, change := range map[string]func(*gate.Request){
			"a colleague":    func(r *gate.Request) { r.Actor = colleague },
			"shown unmasked": func(r *gate.Request) { r.Unmask = true },
			"another case":   func(r *gate.Request) { r.Case = "i1" },
			"another person": func(r *gate.Request) { r.Subject = b.person() },
		} {
			other := r
			change(&other)
			if got := b.refused(other, "orders").Awaits(); got != nil {
				b.Errorf("%s: %+v is awaited, which was asked for something else", name, got)
			}
		}
		_, err = b.vote(id, old(loot.Actor{Kind: loot.Staff, ID: "u-counsel-2", Roles: []loot.Role{"counsel"}}), true)
		b.ok(err)
		expect("both agreed", 2)
		if again := b.ask(r, 2); again != id {
			b.Error("what was agreed to is asked for again")
		}

		used := r
		used.Approval = id
		b.permitted(used)
		if got := b.refused(r, "orders").Awaits(); got != nil {
			b.Errorf("it was used, and %+v is awaited", got)
		}
		id = b.ask(r, 1)
		b.clock.Advance(73 * time.Hour)
		if got := b.refused(r, "orders").Awaits(); got != nil {
			b.Errorf("it is too old, and %+v is awaited", got)
		}
		if again := b.ask(r, 1); again == id {
			b.Error("an approval that is too old is all that one gets")
		}
	})
}

// TestNobodyIsAskedTwiceForTheSame: of many who ask at once for the same, all
// get the one approval.
func TestNobodyIsAskedTwiceForTheSame(t *testing.T) {
	each(t, func(b *bench) {
		r := by(b.sign(accounts), b.person(), "invoice", "payment.iban")
		const n = 8
		ids := make(chan string, n)
		var wait sync.WaitGroup
		for range n {
			wait.Go(func() {
				if err := b.db.InTx(b.ctx, func(tx *store.Tx) error {
					asked, err := b.gate.RequestApproval(b.ctx, tx, r, 1)
					if err == nil {
						ids <- asked.ID
					}
					return err
				}); err != nil {
					b.Error(err)
				}
			})
		}
		wait.Wait()
		close(ids)
		first := <-ids
		for id := range ids {
			if id != first {
				b.Errorf("%s and %s were asked for", first, id)
			}
		}
		if n := len(b.facts(noted("approval.asked open"))); n != 1 {
			b.Errorf("%d askings are on the ledger, want 1", n)
		}
	})
}

func TestApprovalEnds(t *testing.T) {
	each(t, func(b *bench) {
		r, later := by(b.sign(accounts), b.person(), "invoice", "payment.iban"), by(accounts, b.person(), "invoice", "payment.iban")
		waits, given := b.ask(later, 1), b.approve(r)
		b.clock.Advance(73 * time.Hour)
		b.kind(errOf(b.vote(waits, old(counsel), true)), loot.Conflict)
		r.Approval = given
		_, err := b.decide(r)
		b.kind(err, loot.Conflict)
	})
}

func TestWhoMayApprove(t *testing.T) {
	each(t, func(b *bench) {
		both := loot.Actor{Kind: loot.Staff, ID: "u-both", Roles: []loot.Role{"accounts", "counsel"}}
		r := by(b.sign(both), b.person(), "invoice", "payment.iban")
		id := b.ask(r, 2)
		for name, v := range map[string]gate.Voter{
			"the requester":                 old(both),
			"a role that does not approve":  old(support),
			"an administrator":              old(administrator),
			"an account made yesterday":     {Actor: counsel, Since: noon.AddDate(0, 0, -1)},
			"an account with no known role": old(loot.Actor{Kind: loot.Staff, ID: "u-x", Roles: []loot.Role{"gone"}}),
			"a desk":                        old(shop),
		} {
			if _, err := b.vote(id, v, true); loot.KindOf(err) != loot.Denied {
				b.Errorf("%s: %v, want denied", name, err)
			}
		}
		a, err := b.vote(id, old(counsel), true)
		if err != nil || a.State != "pending" || a.Granted != 1 {
			b.Errorf("after one of two: %+v, %v", a, err)
		}
		b.kind(errOf(b.vote(id, old(counsel), true)), loot.Conflict) // nobody counts twice
		second := loot.Actor{Kind: loot.Staff, ID: "u-counsel-2", Roles: []loot.Role{"counsel"}}
		if a, err = b.vote(id, old(second), true); err != nil || a.State != "approved" {
			b.Errorf("after two of two: %+v, %v", a, err)
		}
		b.kind(errOf(b.vote(id, old(second), false)), loot.Conflict)
		b.kind(errOf(b.vote("a-unknown", old(counsel), true)), loot.NotFound)
	})
}

func TestOneNoEndsIt(t *testing.T) {
	each(t, func(b *bench) {
		r := by(b.sign(accounts), b.person(), "invoice", "payment.iban")
		r.Approval = b.ask(r, 1)
		if a, err := b.vote(r.Approval, old(counsel), false); err != nil || a.State != "refused" {
			b.Errorf("%+v, %v", a, err)
		}
		_, err := b.decide(r)
		b.kind(err, loot.Conflict)
	})
}

// TestDesksAskForTheirOwnMatters: a desk's matter is kept sealed, and a notice
// says when it was approved.
func TestDesksAskForTheirOwnMatters(t *testing.T) {
	each(t, func(b *bench) {
		given := make(chan string, 1)
		b.jobs.Listen("approval.given", "test", func(_ context.Context, id string) error { given <- id; return nil })
		b.run()
		var id string
		matter := map[string]string{"statement": "hash of the version"}
		b.tx(func(tx *store.Tx) (err error) {
			id, err = b.gate.Ask(b.ctx, tx, "statement.publish", accounts, matter, 2, "it is due")
			return err
		})
		b.ok(b.db.ReadTx(b.ctx, func(tx *store.Tx) error {
			var sealed []byte
			if err := tx.QueryRow(b.ctx, `SELECT request FROM gate_approval WHERE id = $1`, id).Scan(&sealed); err != nil {
				return err
			}
			if slices.Contains([]bool{bytes.Contains(sealed, []byte("hash of the version")), bytes.Contains(sealed, []byte("it is due"))}, true) {
				b.Error("what is asked lies open in the database")
			}
			a, request, what, reason, err := b.gate.Approval(b.ctx, tx, id)
			if err != nil {
				return err
			}
			var got map[string]string
			if err := json.Unmarshal(what, &got); err != nil || got["statement"] != matter["statement"] || reason != "it is due" || request != nil || a.Kind != "statement.publish" || a.Needed != 2 {
				b.Errorf("approval %+v %v %s %q, %v", a, request, what, reason, err)
			}
			return nil
		}))
		second := loot.Actor{Kind: loot.Staff, ID: "u-counsel-2", Roles: []loot.Role{"counsel"}}
		b.ok(errOf(b.vote(id, old(counsel), true)))
		b.ok(errOf(b.vote(id, old(second), true)))
		if got := b.next(given, "approval.given"); got != id {
			b.Errorf("the notice names %s, want %s", got, id)
		}
		b.ok(b.db.ReadTx(b.ctx, func(tx *store.Tx) error {
			list, err := b.gate.Approvals(b.ctx, tx, 10)
			if err == nil && (len(list) != 1 || list[0].State != "approved" || list[0].Granted != 2) {
				b.Errorf("list %+v", list)
			}
			return err
		}))
		// an approval of another kind opens nothing
		r := by(b.sign(accounts), b.person(), "invoice", "payment.iban")
		r.Approval = id
		_, err := b.decide(r)
		b.kind(err, loot.NotFound)
	})
}

// TestAMatterThatTakesLonger: an approval of a desk's own matter is found by
// exactly that matter, is begun once while it is fresh, stays begun and in sight
// until the matter is done, or for its life, and is used then.
func TestAMatterThatTakesLonger(t *testing.T) {
	each(t, func(b *bench) {
		desk := loot.Actor{Kind: loot.Desk, ID: "a-desk"}
		const kind = "thing.do"
		ask := func(matter string) (id string) {
			b.Helper()
			b.tx(func(tx *store.Tx) (err error) {
				id, err = b.gate.Ask(b.ctx, tx, kind, desk, matter, 1, "a reason")
				return err
			})
			return id
		}
		is := func(matter, id string, state gate.ApprovalState) {
			b.Helper()
			b.tx(func(tx *store.Tx) error {
				a, err := b.gate.Asked(b.ctx, tx, kind, desk, matter)
				if a.ID != id || a.State != state {
					b.Errorf("asked: %+v, want %s %s", a, state, id)
				}
				return err
			})
		}
		move := func(f func(ctx context.Context, tx *store.Tx, kind, id string) error, id string) error {
			return b.gate.InTx(b.ctx, func(tx *store.Tx) error {
				if err := f(b.ctx, tx, "another.kind", id); loot.KindOf(err) != loot.Conflict {
					b.Errorf("as another kind: %v", err)
				}
				return f(b.ctx, tx, kind, id)
			})
		}
		is("one", "", "")
		one := ask("one")
		is("one", one, "pending")
		is("another", "", "")
		b.tx(func(tx *store.Tx) error {
			a, err := b.gate.Asked(b.ctx, tx, "another.kind", desk, "one")
			other, err2 := b.gate.Asked(b.ctx, tx, kind, counsel, "one")
			if a.ID != "" || other.ID != "" {
				b.Errorf("of another kind or by another: %+v, %+v", a, other)
			}
			return errors.Join(err, err2)
		})
		b.kind(move(b.gate.Begin, one), loot.Conflict)
		b.kind(move(b.gate.End, one), loot.Conflict)
		b.ok(errOf(b.vote(one, old(counsel), true)))
		is("one", one, "approved")
		b.ok(move(b.gate.Begin, one))
		b.kind(move(b.gate.Begin, one), loot.Conflict)
		b.clock.Advance(72 * time.Hour)
		is("one", one, "begun")
		atOnce := ask("at once")
		b.ok(errOf(b.vote(atOnce, old(counsel), true)))
		b.ok(move(b.gate.End, atOnce))
		b.kind(move(b.gate.End, atOnce), loot.Conflict)
		is("at once", "", "")
		ask("another")
		first := func(id string, n int) {
			b.Helper()
			b.tx(func(tx *store.Tx) error {
				list, err := b.gate.Approvals(b.ctx, tx, n)
				if got := slices.ContainsFunc(list, func(a gate.Approval) bool { return a.ID == id }); !got {
					b.Errorf("%s is not among %+v", id, list)
				}
				return err
			})
		}
		answered := ask("a third")
		b.ok(errOf(b.vote(answered, old(counsel), false)))
		first(one, 2)
		_, err := b.vote(one, old(accounts), true)
		b.kind(err, loot.Conflict)
		b.ok(move(b.gate.End, one))
		is("one", "", "")
		b.kind(move(b.gate.Begin, one), loot.Conflict)
		b.kind(move(b.gate.End, one), loot.Conflict)

		b.clock.Advance(time.Second)
		again := ask("one")
		b.ok(errOf(b.vote(again, old(counsel), true)))
		b.clock.Advance(71 * time.Hour)
		b.ok(move(b.gate.Begin, again))
		b.clock.Advance(72 * time.Hour)
		is("one", again, "begun")
		b.clock.Advance(time.Second)
		is("one", "", "")
		b.ok(errOf(b.vote(ask("a fourth"), old(counsel), false)))
		newest := ask("a fifth")
		b.ok(errOf(b.vote(newest, old(counsel), false)))
		first(newest, 2) // and not what nobody goes on with
		b.ok(move(b.gate.End, again))

		stale := ask("one")
		b.ok(errOf(b.vote(stale, old(counsel), true)))
		b.clock.Advance(72*time.Hour + time.Second)
		is("one", "", "")
		b.kind(move(b.gate.Begin, stale), loot.Conflict)

		refused := ask("one")
		b.ok(errOf(b.vote(refused, old(counsel), false)))
		is("one", refused, "refused")
		b.kind(move(b.gate.Begin, refused), loot.Conflict)
		anew := ask("one")
		is("one", anew, "pending")
	})
}

// TestWhatIsTakenBackWaitsForNobody: it has expired at once, and stays as it is once
// somebody answered.
func TestWhatIsTakenBackWaitsForNobody(t *testing.T) {
	each(t, func(b *bench) {
		const kind = "thing.do"
		ask := func() (id string) {
			b.Helper()
			b.tx(func(tx *store.Tx) (err error) {
				id, err = b.gate.Ask(b.ctx, tx, kind, accounts, "one", 1, "a reason")
				return err
			})
			return id
		}
		takeBack := func(kind, id string, want gate.ApprovalState) {
			b.Helper()
			b.tx(func(tx *store.Tx) error {
				err := b.gate.TakeBack(b.ctx, tx, accounts, kind, id)
				if a, err2 := b.gate.Standing(b.ctx, tx, id); a.State != want || err2 != nil {
					b.Errorf("it stands %q, want %q; %v", a.State, want, err2)
				}
				return err
			})
		}
		id := ask()
		takeBack("another.kind", id, gate.Pending)
		takeBack(kind, id, gate.Expired)
		b.kind(errOf(b.vote(id, old(counsel), true)), loot.Conflict)
		takeBack(kind, id, gate.Expired)
		if n := len(b.facts(noted("approval.taken_back " + kind))); n != 1 {
			b.Errorf("it is on the ledger %d times, want once", n)
		}
		id = ask()
		b.ok(errOf(b.vote(id, old(counsel), true)))
		takeBack(kind, id, gate.Approved)
	})
}

// TestHowAnApprovalStandsUnsealsNothing: also of one that cannot be read, and what the
// gate forgot has expired.
func TestHowAnApprovalStandsUnsealsNothing(t *testing.T) {
	each(t, func(b *bench) {
		id := b.ask(by(b.sign(accounts), b.person(), "invoice", "payment.iban"), 2)
		b.ok(errOf(b.vote(id, old(counsel), true)))
		b.tx(func(tx *store.Tx) error {
			if _, err := tx.Exec(b.ctx, `UPDATE gate_approval SET request = $1 WHERE id = $2`, []byte("damaged"), id); err != nil {
				return err
			}
			a, err := b.gate.Standing(b.ctx, tx, id)
			if a.ID != id || a.State != gate.Pending || a.Granted != 1 || a.Needed != 2 {
				b.Errorf("it stands %+v", a)
			}
			forgotten, err2 := b.gate.Standing(b.ctx, tx, "a-forgotten")
			if forgotten != (gate.Approval{State: gate.Expired}) {
				b.Errorf("what was forgotten stands %+v", forgotten)
			}
			return errors.Join(err, err2)
		})
	})
}
