package keyring

// StopAt has f called between the steps of what must survive a kill.
func (k *Keyring) StopAt(f func(step string)) { k.stop = f }
