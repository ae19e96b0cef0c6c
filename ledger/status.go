package ledger

// Entries returns how many entries the log has by its latest checkpoint; 0 when
// it cannot be read now.
func (l *Ledger) Entries() int64 {
	b, err := l.Checkpoint()
	if err != nil {
		return 0
	}
	cp, err := parseCheckpoint(string(b))
	if err != nil {
		return 0
	}
	return int64(cp.size)
}
