package ledger_test

import (
	"testing"
	"time"

	"loot/ledger"
)

// Whoever follows a person hears of an entry, in whichever process it was
// recorded; of what is under a gag nobody hears.
func TestFollowersHearWhatIsNewOnEveryNode(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		here, there := b.open(), b.open()
		stop := b.run(here)
		b.run(there)
		gagged, other := b.person(), b.person()
		silent, _, err := there.Follow(t.Context(), gagged, "customer")
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range []*ledger.Ledger{here, there} {
			news, leave, err := l.Follow(t.Context(), other, "customer")
			if err != nil {
				t.Fatal(err)
			}
			secret := opening(gagged, b.now())
			secret.Gag = b.now().Add(time.Hour)
			b.append(here, secret, opening(other, b.now()))
			select {
			case <-news:
			case <-time.After(20 * time.Second):
				t.Fatal("an entry was recorded, and nobody heard of it")
			}
			leave()
		}
		select {
		case <-silent:
			t.Error("the gagged entry made itself heard")
		default:
		}
		last, _, err := here.Follow(t.Context(), other, "customer")
		if err != nil {
			t.Fatal(err)
		}
		stop()
		for range last { // until it is closed
		}
	})
}
