package gate_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/gate"
	"loot/job"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// node is another process on the same database, as it is once it has started.
func (b *bench) node(log slog.Handler) *gate.Gate {
	b.Helper()
	jobs, err := job.New(b.db, job.Options{Log: slog.New(slog.DiscardHandler), Now: b.clock.Now, Simulated: true})
	b.ok(err)
	jobs.Listen("incident.raised", "test", func(_ context.Context, id string) error { b.raised <- id; return nil })
	g := gate.New(gate.Config{DB: b.db, Ledger: b.ledger, Jobs: jobs, Sealer: b.gate.Sealer, Now: b.clock.Now, Log: slog.New(log)})
	b.ok(g.Refresh(b.ctx))
	return g
}

// A heard handler passes on what is logged.
type heard chan string

func (heard) Enabled(context.Context, slog.Level) bool { return true }
func (h heard) Handle(_ context.Context, r slog.Record) error {
	h <- r.Message
	return nil
}
func (h heard) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h heard) WithGroup(string) slog.Handler      { return h }

func TestEveryProcessDecidesByWhatAnotherAnnounced(t *testing.T) {
	each(t, func(b *bench) {
		log := make(heard, 100)
		other := b.node(log)
		ctx, stop := context.WithCancel(b.ctx)
		ended := make(chan error)
		go func() { ended <- other.Run(ctx) }()
		defer func() {
			stop()
			b.ok(<-ended)
		}()
		next, due := b.stricter(), noon.AddDate(0, 0, 30)
		b.propose(next)
		b.ok(b.announce(next.Hash(), due))
		b.next(log, "the announcement, by the other process")
		if v, ok := other.Coming(); !ok || v.Statement.Hash() != next.Hash() || !v.Effective.Equal(due) {
			b.Errorf("the other process expects %v on %v", ok, v.Effective)
		}
		b.clock.Advance(due.Sub(noon))
		if v, _ := other.InForce(); v.Statement.Hash() != next.Hash() {
			b.Error("the other process decides by the former version after the date")
		}
	})
}

// TestARestoredTextCountsAgain: a process that found a version's text changed or
// broken, before it ever read it, goes by it once it is put back.
func TestARestoredTextCountsAgain(t *testing.T) {
	each(t, func(b *bench) {
		next, due := b.stricter(), noon.AddDate(0, 0, 30)
		others := map[string]*gate.Gate{"changed": b.node(slog.DiscardHandler), "broken": b.node(slog.DiscardHandler)}
		b.propose(next)
		b.ok(b.announce(next.Hash(), due))
		set := func(text []byte) {
			b.tx(func(tx *store.Tx) error {
				_, err := tx.Exec(b.ctx, `UPDATE gate_statement SET source = $1 WHERE hash = $2`, text, next.Hash())
				return err
			})
		}
		for name, text := range map[string][]byte{"changed": append(slices.Clone(next.Source()), '\n'), "broken": []byte("nothing")} {
			set(text)
			for range 2 {
				if err := others[name].Follow(b.ctx); err == nil {
					b.Errorf("%s: nothing is said of it", name)
				}
			}
			if _, ok := others[name].Coming(); ok {
				b.Errorf("%s: it is announced all the same", name)
			}
			set(next.Source())
			b.ok(others[name].Follow(b.ctx))
			if v, ok := others[name].Coming(); !ok || v.Statement.Hash() != next.Hash() {
				b.Errorf("%s: put back, and not seen", name)
			}
		}
	})
}

// TestOnlyWhatTheLedgerAnnouncedCounts: whatever somebody writes into the
// database, each process goes on by what the ledger says, and an incident is
// raised about it once.
func TestOnlyWhatTheLedgerAnnouncedCounts(t *testing.T) {
	due := noon.AddDate(0, 0, 30)
	for name, c := range map[string]struct {
		change    func(b *bench, first, next, draft *statement.Statement) (query string, args []any)
		forgotten bool // by a process that starts afterwards, as the database does not lead to the entry
	}{
		"a draft is put in force": {change: func(b *bench, _, _, draft *statement.Statement) (string, []any) {
			return `UPDATE gate_statement SET announced = 1, effective = $1 WHERE hash = $2`, []any{noon.UnixMicro() + 1, draft.Hash()}
		}},
		"a draft borrows an entry": {change: func(b *bench, first, _, draft *statement.Statement) (string, []any) {
			return `UPDATE gate_statement SET announced = $1, effective = $2, entry = (SELECT g.entry FROM gate_statement g WHERE g.hash = $3) WHERE hash = $4`, []any{noon.UnixMicro(), noon.UnixMicro() + 1, first.Hash(), draft.Hash()}
		}},
		"a date is put back": {change: func(b *bench, _, next, _ *statement.Statement) (string, []any) {
			return `UPDATE gate_statement SET effective = $1 WHERE hash = $2`, []any{noon.UnixMicro() + 1, next.Hash()}
		}},
		"a date is put off": {change: func(b *bench, _, next, _ *statement.Statement) (string, []any) {
			return `UPDATE gate_statement SET effective = $1 WHERE hash = $2`, []any{due.AddDate(1, 0, 0).UnixMicro(), next.Hash()}
		}},
		"the entry's facts are changed": {change: func(b *bench, _, next, _ *statement.Statement) (string, []any) {
			return `UPDATE ledger_entry SET facts = REPLACE(facts, '2026-03-31T', '2026-03-01T') WHERE id = (SELECT entry FROM gate_statement WHERE hash = $1)`, []any{next.Hash()}
		}, forgotten: true},
		"an announced version is a draft again": {change: func(b *bench, _, next, _ *statement.Statement) (string, []any) {
			return `UPDATE gate_statement SET announced = 0, effective = 0, entry = '' WHERE hash = $1`, []any{next.Hash()}
		}, forgotten: true},
		"an announced version is deleted": {change: func(b *bench, _, next, _ *statement.Statement) (string, []any) {
			return `DELETE FROM gate_statement WHERE hash = $1`, []any{next.Hash()}
		}, forgotten: true},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(b *bench) {
				b.run()
				first, next := b.statement(), b.stricter()
				draft := b.with("30", "31")
				b.propose(next)
				b.propose(draft)
				b.ok(b.announce(next.Hash(), due))
				query, args := c.change(b, first, next, draft)
				b.tx(func(tx *store.Tx) error {
					_, err := tx.Exec(b.ctx, query, args...)
					return err
				})
				for name, g := range map[string]*gate.Gate{"the process that announced it": b.gate, "one that starts": b.node(slog.DiscardHandler)} {
					b.ok(g.Refresh(b.ctx))
					if v, ok := g.InForce(); !ok || v.Statement.Hash() != first.Hash() {
						b.Errorf("%s decides by another version", name)
					}
					if c.forgotten && g != b.gate {
						continue
					}
					if v, ok := g.Coming(); !ok || v.Statement.Hash() != next.Hash() || !v.Effective.Equal(due) {
						b.Errorf("%s expects the next version: %v, on %v", name, ok, v.Effective)
					}
					b.ok(g.Follow(b.ctx))
					b.ok(g.Follow(b.ctx))
				}
				id, _, _ := strings.Cut(b.next(b.raised, "the incident"), " ")
				if rows := b.facts(noted("incident.statement.changed")); len(rows) != 1 || rows[0].ID != id {
					b.Errorf("incidents: %v, want the one of entry %s", rows, id)
				}
			})
		})
	}
}

// TestAFirstStartIsNoWayRoundTheLedger: where the version in force is not to be
// found on the ledger, nothing is, and no other is put in its place.
func TestAFirstStartIsNoWayRoundTheLedger(t *testing.T) {
	each(t, func(b *bench) {
		b.tx(func(tx *store.Tx) error {
			_, err := tx.Exec(b.ctx, `UPDATE gate_statement SET entry = 'e0', announced = 1`)
			return err
		})
		g := b.node(slog.DiscardHandler)
		if _, ok := g.InForce(); ok || !g.Begun() {
			b.Error("a version is in force that no entry announces, or nothing was begun")
		}
		b.kind(b.db.InTx(b.ctx, func(tx *store.Tx) error {
			next := b.stricter()
			b.ok(g.Propose(b.ctx, tx, next))
			return g.Announce(b.ctx, tx, shop, next.Hash(), b.clock.Now(), "first start")
		}), loot.Unavailable)
	})
}

// TestFormerAnnouncementsCount: those whose rows name no entry, and whose
// entries no date, count from the date that the row says, if it keeps what the
// version before promised.
func TestFormerAnnouncementsCount(t *testing.T) {
	each(t, func(b *bench) {
		first, next := b.statement(), b.stricter()
		b.propose(next)
		for hash, effective := range map[string]time.Time{first.Hash(): noon, next.Hash(): noon.AddDate(0, 0, 30)} {
			b.tx(func(tx *store.Tx) error {
				// The first, which stands already, is announced once more a second before.
				at := noon
				if hash == next.Hash() {
					at = noon.Add(time.Second)
				}
				if _, err := tx.Exec(b.ctx, `UPDATE gate_statement SET announced = $1, effective = $2, entry = '' WHERE hash = $3`, at.UnixMicro(), effective.UnixMicro(), hash); err != nil {
					return err
				}
				_, err := b.ledger.Append(b.ctx, tx, ledger.Entry{
					Facts: ledger.Facts{At: at.Add(time.Millisecond), Verdict: ledger.Recorded, Note: "statement.announced " + hash}, Actor: ledger.ActorFacet{ID: "u1"},
				})
				return err
			})
		}
		sees := func(want ...string) {
			b.Helper()
			g := b.node(slog.DiscardHandler)
			var got []string
			for _, at := range []time.Time{noon.Add(time.Hour), noon.AddDate(0, 0, 31)} {
				b.clock.Advance(at.Sub(b.clock.Now()))
				v, ok := g.InForce()
				if !ok {
					b.Fatal("no version is in force")
				}
				got = append(got, v.Statement.Hash())
			}
			if !slices.Equal(got, want) {
				b.Errorf("in force are %v, want %v", got, want)
			}
		}
		sees(first.Hash(), next.Hash())
		b.clock.Advance(-31 * 24 * time.Hour)
		b.tx(func(tx *store.Tx) error {
			_, err := tx.Exec(b.ctx, `UPDATE gate_statement SET effective = $1 WHERE hash = $2`, noon.AddDate(0, 0, 10).UnixMicro(), next.Hash())
			return err
		})
		sees(first.Hash(), first.Hash())
	})
}
