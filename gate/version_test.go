package gate_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"loot"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

func (b *bench) propose(s *statement.Statement) {
	b.Helper()
	b.tx(func(tx *store.Tx) error { return b.gate.Propose(b.ctx, tx, s) })
}

func (b *bench) announce(hash string, at time.Time) error {
	return b.gate.InTx(b.ctx, func(tx *store.Tx) error { return b.gate.Announce(b.ctx, tx, counsel, hash, at, "why") })
}

// stricter is a version under which the shop has no purpose of its own.
func (b *bench) stricter() *statement.Statement {
	return b.with(`shop: {title: The shop, purposes: [service, invoice, advice]}`, `shop: {title: The shop, purposes: [invoice, advice]}`)
}

func TestVersionDecidesFromItsDateOn(t *testing.T) {
	each(t, func(b *bench) {
		heard := make(chan string, 1)
		b.jobs.Listen("statement.announced", "test", func(_ context.Context, hash string) error { heard <- hash; return nil })
		b.run()
		s := b.person()
		old, next := b.statement(), b.stricter()
		b.propose(next)
		b.propose(next) // twice is once
		b.permitted(use(s, "service"))
		b.states(gate.Draft, gate.InForce)

		due := noon.AddDate(0, 0, 30)
		b.kind(b.announce(next.Hash(), due.Add(-time.Second)), loot.Invalid)
		b.states(gate.Draft, gate.InForce)
		b.ok(b.announce(next.Hash(), due))
		if got := b.next(heard, "statement.announced"); got != next.Hash() {
			b.Errorf("the notice names %s", got)
		}
		b.kind(b.announce(next.Hash(), due), loot.Conflict)
		b.kind(b.announce("no such hash", due), loot.Conflict)
		b.states(gate.Announced, gate.InForce)

		b.clock.Advance(due.Sub(noon) - time.Second)
		if g := b.permitted(use(s, "service")); g.Statement.Hash() != old.Hash() {
			b.Error("decided by another version before the date")
		}
		b.clock.Advance(time.Second)
		b.refused(use(s, "service"), "orders")
		b.states(gate.InForce, gate.Superseded)
		if rows := b.facts(noted("statement.announced " + next.Hash() + " effective 2026-03-31T12:00:00Z")); len(rows) != 1 {
			b.Errorf("%d entries about the announcement, want 1", len(rows))
		}
	})
}

// states compares the states of all versions, the second version first.
func (b *bench) states(next, first gate.State) {
	b.Helper()
	b.ok(b.db.ReadTx(b.ctx, func(tx *store.Tx) error {
		all, err := b.gate.Versions(b.ctx, tx)
		if err != nil {
			return err
		}
		if len(all) != 2 {
			b.Fatalf("%d versions, want 2", len(all))
		}
		for _, v := range all {
			want := first
			if v.Statement.Hash() == b.stricter().Hash() {
				want = next
			}
			if got := gate.StateOf(v, all, b.clock.Now()); got != want {
				b.Errorf("the state of %s is %q, want %q", v.Statement.Hash()[:8], got, want)
			}
		}
		return nil
	}))
}

func TestVersionsAreFoundAgain(t *testing.T) {
	each(t, func(b *bench) {
		first := b.statement()
		next := b.stricter()
		b.propose(next)
		if v, ok := b.gate.Version(next.Hash()); !ok || v.Statement.Hash() != next.Hash() {
			b.Error("a draft is not found by its hash")
		}
		if _, ok := b.gate.Version(""); ok {
			b.Error("no hash finds a version")
		}
		if got := b.gate.Hash(first.Hash()[:16]); got != first.Hash() {
			b.Errorf("found %q by the beginning of a hash", got)
		}
		if b.gate.Hash("") != "" || b.gate.Hash("zz") != "" {
			b.Error("found a version by nothing")
		}
		// what a person gave stands under the version that asked for it
		if got := b.view(b.person()).Given; got != first.Hash() {
			b.Errorf("given under %q", got)
		}
	})
}

// TestChangedTextIsNeverDecidedBy: a stored version whose text somebody changed
// in the database is refused, and what was known before stays.
func TestChangedTextIsNeverDecidedBy(t *testing.T) {
	each(t, func(b *bench) {
		next := b.stricter()
		b.propose(next)
		b.gate.Know(b.statement())
		b.tx(func(tx *store.Tx) error {
			_, err := tx.Exec(b.ctx, `UPDATE gate_statement SET source = $1, hash = $2 WHERE hash = $3`, b.statement().Source(), "another", next.Hash())
			return err
		})
		if err := b.gate.Refresh(b.ctx); err == nil {
			b.Error("a text that does not match its hash was taken")
		}
		if v, ok := b.gate.InForce(); !ok || v.Statement.Hash() != b.statement().Hash() {
			b.Error("the version in force is gone")
		}
	})
}

// TestFieldGivenEarlierServesWhatItWasGivenFor: a purpose that a later version
// adds to a field counts for what is given from then on, or once the person
// permits it; one that a law asks for counts for all that is held.
func TestFieldGivenEarlierServesWhatItWasGivenFor(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		wider := b.with("needed: {service: We do not know whom to ask for.}", "needed: {service: We do not know whom to ask for., advice: We advise a stranger., invoice: No name on it.}")
		b.propose(wider)
		b.ok(b.announce(wider.Hash(), noon.AddDate(0, 0, 30)))
		b.clock.Advance(31 * 24 * time.Hour)
		named := func(s loot.Subject, p loot.Purpose) gate.Request {
			r := use(s, p)
			r.Fields = []loot.Field{"contact.name"}
			return r
		}
		ins := func(s loot.Subject, p loot.Purpose) []loot.Purpose {
			g, err := b.decide(named(s, p))
			b.ok(err)
			for _, row := range b.facts(func(ledger.Facts) bool { return true }) {
				if row.ID == g.Entry {
					in, err := gate.Inputs(row.Facts)
					b.ok(err)
					return in[0].Record.Purposes
				}
			}
			return nil
		}
		if got := ins(s, "service"); !slices.Equal(got, []loot.Purpose{"invoice", "service"}) {
			b.Errorf("given for %v, want service and what the law asks for", got)
		}
		if got := ins(b.person(), "service"); len(got) != 3 {
			b.Errorf("given under the new version for %v, want all three", got)
		}
		b.choose(s, "advice", true)
		if got := ins(s, "advice"); len(got) != 3 {
			b.Errorf("given for %v, want all three", got)
		}
	})
}

// What its text says of a version holds when it is kept and when it is
// announced: its number is its own, its change is past, and it takes effect no
// earlier than it says.
func TestAVersionIsWhatItsTextSays(t *testing.T) {
	each(t, func(b *bench) {
		propose := func(s *statement.Statement) error {
			return b.gate.InTx(b.ctx, func(tx *store.Tx) error { return b.gate.Propose(b.ctx, tx, s) })
		}
		numbered := func(version string) *statement.Statement {
			return b.parse(bytes.Replace(source(b), []byte(`version: "1"`), []byte("version: "+version), 1))
		}
		b.kind(propose(numbered(`"1 "`)), loot.Invalid)
		b.kind(propose(b.with("changed: 2026-02-01", "changed: 2026-03-02")), loot.Invalid)
		later := b.with("effective: 2026-03-01", "effective: 2026-04-02")
		b.ok(propose(later))
		b.kind(b.announce(later.Hash(), noon.AddDate(0, 0, 31)), loot.Invalid) // 1 April
		b.ok(b.announce(later.Hash(), noon.AddDate(0, 0, 32)))

		one, other := numbered(`"2"`), b.parse(append(numbered(`"2"`).Source(), '\n'))
		b.ok(propose(one))
		b.ok(propose(other)) // drafts may share a number
		b.ok(b.announce(one.Hash(), noon.AddDate(0, 0, 40)))
		b.kind(b.announce(other.Hash(), noon.AddDate(0, 0, 41)), loot.Invalid)
	})
}
