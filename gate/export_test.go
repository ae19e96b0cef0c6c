package gate

// Digest names what is asked.
func (r Request) Digest() []byte { return r.digest() }
