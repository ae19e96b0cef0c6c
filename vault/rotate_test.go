package vault_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"loot"
	"loot/gate"
	"loot/keyring"
	"loot/store"
	"loot/vault"
)

func numbered(i int) map[loot.Field]string {
	return map[loot.Field]string{"contact.name": fmt.Sprint("Ada ", i), "contact.email": fmt.Sprintf("ada%d@example.net", i), "company.vat": fmt.Sprint("IE", 1000000+i)}
}

func (b *bench) epochs(t testing.TB) []int {
	t.Helper()
	e, err := b.keys.Epochs(t.Context(), customer)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(e))
}

// TestRotationWhileServing: whoever registers, corrects, opens or is looked for
// while the keys rotate notices nothing.
func TestRotationWhileServing(t *testing.T) {
	vault.SmallBatches(5)
	eachAlike(t, func(t *testing.T, b *bench) {
		var mu sync.Mutex
		var people []loot.Subject
		enter := func() {
			mu.Lock()
			i := len(people)
			people = append(people, "")
			mu.Unlock()
			s := b.create(t, numbered(i))
			mu.Lock()
			people[i] = s
			mu.Unlock()
		}
		for range 12 {
			enter()
		}
		var stop atomic.Bool
		var wg sync.WaitGroup
		for w := range 3 {
			wg.Go(func() {
				for n := 0; n < 5 || n < 60 && !stop.Load(); n++ {
					i := (n*7 + w) % 12
					mu.Lock()
					s := people[i]
					mu.Unlock()
					switch w {
					case 0:
						enter()
					case 1:
						if got := b.find(t, "contact.email", fmt.Sprintf("ADA%d@example.net", i)); !slices.Equal(got, []loot.Subject{s}) {
							t.Errorf("found %v", got)
						}
					case 2:
						if err := b.correct(t, s, b.row(t, s).Version, numbered(i)); err != nil {
							t.Errorf("correct: %v", err)
						}
						if got := b.clear(t, s, "contact.name"); got["contact.name"] != fmt.Sprint("Ada ", i) {
							t.Errorf("opened %v", got)
						}
					}
				}
			})
		}
		for range 2 {
			if err := b.vault.Rotate(t.Context(), customer); err != nil {
				t.Fatal(err)
			}
		}
		stop.Store(true)
		wg.Wait()
		if err := b.heal(t); err != nil {
			t.Fatal(err)
		}
		if got := b.epochs(t); !slices.Equal(got, []int{3}) {
			t.Errorf("epochs %v", got)
		}
		for i, s := range people {
			if got := b.find(t, "company.vat", fmt.Sprint("ie ", 1000000+i)); !slices.Equal(got, []loot.Subject{s}) {
				t.Errorf("person %d: found %v", i, got)
			}
		}
		b.sound(t)
		b.open(t)
		b.sound(t)
	})
}

// heal gives new indexes to what was written while an epoch ended.
func (b *bench) heal(t testing.TB) error {
	t.Helper()
	_, err := b.vault.Reindex(t.Context(), customer, 1000)
	return err
}

// TestInterruptedRotationGoesOn stops a rotation after each of its steps, by a
// panic that stands for the kill, and goes on in what stands for the next
// process. (The keyring's own steps are killed in its tests.)
func TestInterruptedRotationGoesOn(t *testing.T) {
	vault.SmallBatches(3)
	eachAlike(t, func(t *testing.T, b *bench) {
		var people []loot.Subject
		for i := range 8 {
			people = append(people, b.create(t, numbered(i)))
		}
		steps := 0
		for stopped := true; stopped; steps++ {
			stopped = false
			n := 0
			b.vault.StopAt(func(string) {
				if n++; n > steps {
					stopped = true
					panic(errNever)
				}
			})
			func() {
				defer func() {
					if r := recover(); r != nil && r != errNever {
						panic(r)
					}
				}()
				if err := b.vault.Rotate(t.Context(), customer); err != nil {
					t.Errorf("step %d: %v", steps, err)
				}
			}()
			b.open(t)
			for i, s := range people {
				if got := b.find(t, "contact.email", fmt.Sprintf("ada%d@example.net", i)); !slices.Equal(got, []loot.Subject{s}) {
					t.Errorf("step %d: found %v", steps, got)
				}
			}
			b.sound(t)
			during := b.epochs(t)
			if stopped && len(during) != 2 {
				t.Errorf("step %d: epochs %v", steps, during)
			}
			if stopped { // the next process finishes it
				if err := b.vault.Rotate(t.Context(), customer); err != nil {
					t.Errorf("step %d, going on: %v", steps, err)
				}
				if got := b.epochs(t); !slices.Equal(got, during[len(during)-1:]) {
					t.Errorf("step %d, done: epochs %v; it had begun %v", steps, got, during)
				}
			}
		}
		if steps < 6 {
			t.Errorf("%d steps: nothing was interrupted", steps)
		}
		b.sound(t)
	})
}

// TestEpochThatFindsSomebodyIsKept: its destruction would make them unfindable.
func TestEpochThatFindsSomebodyIsKept(t *testing.T) {
	eachAlike(t, func(t *testing.T, b *bench) {
		b.create(t, numbered(1))
		if _, err := b.keys.Rotate(t.Context(), customer); err != nil {
			t.Fatal(err)
		}
		if left, err := b.keys.RewrapBatch(t.Context(), customer, 100); err != nil || left != 0 {
			t.Fatalf("%d left, %v", left, err)
		}
		if left, err := b.keys.DestroyOld(t.Context(), customer); err != nil || left != 1 {
			t.Errorf("%d left, %v", left, err)
		}
		if left, err := b.vault.Reindex(t.Context(), customer, 100); err != nil || left != 0 {
			t.Errorf("%d left, %v", left, err)
		}
		if left, err := b.keys.DestroyOld(t.Context(), customer); err != nil || left != 0 {
			t.Errorf("%d left, %v", left, err)
		}
	})
}

// TestDamagedRecordDoesNotStopReindexing: the others are moved, and it is named.
func TestDamagedRecordDoesNotStopReindexing(t *testing.T) {
	eachAlike(t, func(t *testing.T, b *bench) {
		bad := b.create(t, numbered(0))
		good := b.create(t, numbered(1))
		b.edit(t, bad, func(cells []vault.Cell) []vault.Cell {
			for i := range cells {
				cells[i].Sealed[15] ^= 1
			}
			return cells
		})
		if _, err := b.keys.Rotate(t.Context(), customer); err != nil {
			t.Fatal(err)
		}
		left, err := b.vault.Reindex(t.Context(), customer, 100)
		if left != 1 || err == nil {
			t.Errorf("%d left, %v", left, err)
		}
		if got := b.find(t, "contact.email", "ada1@example.net"); !slices.Equal(got, []loot.Subject{good}) {
			t.Errorf("found %v", got)
		}
	})
}

// TestNothingComesBackOnceTheEpochEnded: after the rotation, not even a copy of the key
// store from before the erasure gives anything back.
func TestNothingComesBackOnceTheEpochEnded(t *testing.T) {
	eachAlike(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		data := b.backup(t, "vault_record", "vault_index")
		keys := &bench{clock: b.clock, db: b.keyDB, gate: b.gate}
		var sealed []byte
		read := func(query string, to any) {
			if err := b.keyDB.ReadTx(t.Context(), func(tx *store.Tx) error { return tx.QueryRow(t.Context(), query, s.Compact()).Scan(to) }); err != nil {
				t.Fatal(err)
			}
		}
		read(`SELECT sealed FROM keyring_person WHERE subject = $1`, &sealed)
		b.erase(t, s)
		b.work(t)

		// While the epoch lives, whoever has backups of both has the person:
		// that is what the retention of key backups is for.
		put := func() {
			keys.exec(t, `UPDATE keyring_person SET epoch = 1, sealed = $1 WHERE subject = $2`, sealed, s.Compact())
			b.restore(t, data)
			b.open(t)
		}
		put()
		if got := b.clear(t, s, "contact.name"); got["contact.name"] != "Ada Lovelace" {
			t.Fatalf("the backups do not hold the person to begin with: %v", got)
		}
		b.erase(t, s)
		b.work(t)
		if err := b.vault.Rotate(t.Context(), customer); err != nil {
			t.Fatal(err)
		}
		put()
		if err := b.with(t, request(loot.Use, s, "contact.name"), func(tx *store.Tx, p gate.Permit) error {
			_, err := b.vault.Open(t.Context(), tx, p)
			return err
		}); err == nil {
			t.Error("opened")
		}
		if _, err := b.keys.Person(t.Context(), s, customer); err == nil || loot.KindOf(err) == loot.NotFound {
			t.Errorf("the key: %v; want %v", err, keyring.ErrMissing)
		}
	})
}
