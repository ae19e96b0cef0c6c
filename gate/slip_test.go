package gate_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"loot/gate"
	"loot/store"
)

// rounds is how often a permission is withdrawn or an agreement revoked in
// each of the two tests below, on each database.
func rounds() int {
	if os.Getenv("LOOT_SOAK") == "1" {
		return 10_000
	}
	return 200
}

// A slip is a use whose commit follows the commit of the withdrawal that ended
// its permission. Two signs give it away while the use is still open: its own
// transaction sees the withdrawal committed, or whoever withdrew has been told
// that it is done.
func TestWithdrawalSlipsNever(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		b.race(race{
			start: func() error {
				return b.gate.InTx(b.ctx, func(tx *store.Tx) error { return b.choice(tx, s, "advice", true) })
			},
			end: func() error {
				return b.gate.InTx(b.ctx, func(tx *store.Tx) error { return b.choice(tx, s, "advice", false) })
			},
			use: use(s, "advice"),
			holds: func(ctx context.Context, tx *store.Tx) (bool, error) {
				var state string // of the table itself: the gate has its own in the transaction
				err := tx.QueryRow(ctx, `SELECT state FROM gate_person WHERE subject = $1`, s).Scan(&state)
				return strings.Contains(state, `"permits":{"self":["advice"]}`), err
			},
		})
	})
}

func TestRevocationSlipsNever(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		b.choose(s, "offers", true)
		agreement := year("offers")
		agreement.Partner = "acme"
		b.race(race{
			start: func() error {
				return b.gate.InTx(b.ctx, func(tx *store.Tx) error { return b.gate.SetAgreement(b.ctx, tx, counsel, agreement) })
			},
			end: b.revoke,
			use: transfer(s, "offers"),
			holds: func(ctx context.Context, tx *store.Tx) (bool, error) {
				var revoked int64
				err := tx.QueryRow(ctx, `SELECT revoked FROM gate_agreement WHERE partner = 'acme'`).Scan(&revoked)
				return revoked == 0, err
			},
		})
	})
}

// A race is between what starts and ends a permission, and its uses.
type race struct {
	start, end func() error
	use        gate.Request
	holds      func(context.Context, *store.Tx) (bool, error) // what a transaction sees committed
}

const users = 4

// race starts and ends a permission again and again while others use it.
func (b *bench) race(r race) {
	b.Helper()
	var slips, uses, refusals atomic.Int64
	var ended atomic.Bool // the end was acknowledged, and no new start has begun
	over := make(chan struct{})
	var wait sync.WaitGroup
	fault := make(chan error, users)
	slipped := errors.New("slipped")
	once := func(ahead bool) error {
		seen := false
		err := b.gate.InTx(b.ctx, func(tx *store.Tx) error {
			seen = false
			if ahead {
				if err := b.gate.ReadAhead(b.ctx, tx, r.use.Subject); err != nil {
					return err
				}
			}
			p, err := b.gate.Decide(b.ctx, tx, r.use)
			if err != nil {
				return err
			}
			if _, err := p.Spend(tx, r.use.Action); err != nil {
				return err
			}
			holds, err := r.holds(b.ctx, tx)
			seen = !holds || ended.Load()
			return err
		})
		switch _, refused := errors.AsType[*gate.Refusal](err); {
		case refused:
			refusals.Add(1)
		case err != nil:
			return err
		case seen:
			slips.Add(1)
			return slipped
		default:
			uses.Add(1)
		}
		return nil
	}
	for n := range users {
		wait.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if err := once(n%2 == 1); err != nil && !errors.Is(err, slipped) {
					fault <- err
					return
				}
			}
		})
	}
	n := rounds()
	for range n {
		// Let uses come through on both sides of each end, so that there is
		// something to race with.
		b.ok(r.start())
		b.pass(&uses, fault)
		b.ok(r.end())
		ended.Store(true)
		b.pass(&refusals, fault)
		ended.Store(false)
	}
	close(over)
	wait.Wait()
	if got := slips.Load(); got > 0 {
		b.Errorf("%d of %d uses slipped", got, got+uses.Load())
	}
	if uses.Load() < int64(n) || refusals.Load() < int64(n) {
		b.Errorf("%d uses and %d refusals in %d rounds: too few to tell", uses.Load(), refusals.Load(), n)
	}
	b.Logf("%d rounds, %d uses, %d refusals, %d slips", n, uses.Load(), refusals.Load(), slips.Load())
}

// pass returns once the count has risen.
func (b *bench) pass(count *atomic.Int64, fault chan error) {
	b.Helper()
	for before := count.Load(); count.Load() == before; {
		select {
		case err := <-fault:
			b.Fatal(err)
		case <-b.ctx.Done():
			b.Fatal(b.ctx.Err())
		default:
			runtime.Gosched()
		}
	}
}
