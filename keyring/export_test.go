package keyring

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
