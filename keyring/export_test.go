package keyring

import (
	"context"

	"loot"
)

// StopAt has f called between the steps of what must survive a kill.
func (k *Keyring) StopAt(f func(step string)) { k.stop = f }

// SmallBatches makes the rotation of a system key take many steps.
func SmallBatches(n int) (back func()) {
	was := resealBatch
	resealBatch = n
	return func() { resealBatch = was }
}

// CheapPassphrases has what is sealed under a passphrase cost as little as is taken.
func CheapPassphrases() { argonPasses, argonMemory = 1, 8<<10 }

// CreateWhole makes a person's key as before fields had keys of their own.
func (k *Keyring) CreateWhole(ctx context.Context, s loot.Subject, c loot.Collection) error {
	if err := k.Create(ctx, s, c); err != nil {
		return err
	}
	e, _, err := k.using(ctx, c)
	if err != nil {
		return err
	}
	k.held.drop(s, c)
	_, err = k.DB.Exec(ctx, `UPDATE keyring_person SET sealed = $1 WHERE subject = $2 AND collection = $3`,
		seal(e.wrap, newPersonSecret().secret, personAD(s, c, e.n)), s.Compact(), string(c))
	return err
}

// PersonSecrets returns some as they are sealed.
func PersonSecrets() [][]byte {
	p := newPersonSecret()
	return [][]byte{p.secret, p.bytes(), p.without(map[loot.Field]Erasure{"name": {3, 7}}, []loot.Field{"town"}).bytes()}
}

// ReadPersonSecret reads one and writes it again.
func ReadPersonSecret(b []byte) ([]byte, bool) {
	p, ok := parsePersonSecret(b)
	if !ok {
		return nil, false
	}
	return p.bytes(), true
}
