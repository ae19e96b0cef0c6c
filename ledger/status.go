package ledger

// Entries returns how many entries the log has, as this process last saw it.
func (l *Ledger) Entries() int64 { return l.size.Load() }
