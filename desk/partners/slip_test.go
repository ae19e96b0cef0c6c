package partners

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"loot"
	"loot/gate"
	"loot/store"
)

// rounds is how often an agreement is revoked in the test below, on each database.
func rounds() int {
	if os.Getenv("LOOT_SOAK") == "1" {
		return 10_000
	}
	return 100
}

// TestNothingSlipsThroughARevocation: while feeds run, the agreement is revoked and signed
// anew. A slip is a chunk that saw the revocation committed, or ended after whoever revoked
// had been told that it is done.
func TestNothingSlipsThroughARevocation(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.customer("a@example.com")
		h.ready(helper)
		by := loot.Actor{Kind: loot.Staff, ID: "t-counsel", Roles: []loot.Role{"counsel"}}
		sign := func() error {
			return h.Kit.Gate.InTx(ctx, func(tx *store.Tx) error {
				return h.desk.register(ctx, tx, by, agreement{Partner: helper, Signed: h.Clock.Now(), Ends: h.Clock.Now().AddDate(1, 0, 0), Purposes: []loot.Purpose{support}, Categories: []loot.Category{"company", "contact"}, Country: "IE"}, papers{[]byte("x"), "y"})
			})
		}
		revoke := func() error {
			return h.Kit.Gate.InTx(ctx, func(tx *store.Tx) error { return h.desk.revoke(ctx, tx, by, helper, "test") })
		}
		var slips, went, none atomic.Int64
		var ended atomic.Bool // the revocation was acknowledged, and none was signed since
		slipped := errors.New("slipped")
		transfer := func() error {
			var lines []line
			seen := false
			err := h.Kit.Gate.InTx(ctx, func(tx *store.Tx) error {
				seen = false
				p, err := h.desk.parcel(ctx, tx, helper, support, h.desk.actor())
				if err != nil {
					return err
				}
				if lines, _, err = h.desk.chunk(ctx, tx, p, "", chunkSize); err != nil || len(lines) == 0 {
					return err
				}
				a, err := standing(ctx, tx, helper)
				seen = a.ID == "" || ended.Load()
				if err == nil && seen {
					err = slipped
				}
				return err
			})
			switch refusal := (*gate.Refusal)(nil); {
			case errors.Is(err, slipped):
				slips.Add(1)
			case errors.As(err, &refusal), loot.KindOf(err) == loot.Denied, err == nil && len(lines) == 0:
				none.Add(1)
			case err != nil:
				return err
			default:
				went.Add(1)
			}
			return nil
		}
		over := make(chan struct{})
		fault := make(chan error, 3)
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
					}
					if err := transfer(); err != nil {
						fault <- err
						return
					}
				}
			})
		}
		pass(ctx, t, &went, fault)
		for range rounds() {
			ok(t, revoke())
			ended.Store(true)
			pass(ctx, t, &none, fault)
			ended.Store(false)
			ok(t, sign())
			pass(ctx, t, &went, fault)
		}
		close(over)
		wait.Wait()
		if n := slips.Load(); n > 0 {
			t.Errorf("%d of %d transfers slipped", n, n+went.Load())
		}
		t.Logf("%d revocations, %d transfers, %d with nothing to go, %d slips", rounds(), went.Load(), none.Load(), slips.Load())
	})
}

// pass returns once the count has risen.
func pass(ctx context.Context, t *testing.T, count *atomic.Int64, fault chan error) {
	t.Helper()
	for before := count.Load(); count.Load() == before; {
		select {
		case err := <-fault:
			t.Fatal(err)
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		default:
			runtime.Gosched()
		}
	}
}
