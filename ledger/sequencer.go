package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/transparency-dev/tessera/api/layout"

	"loot/store"
)

const (
	retryEvery = 250 * time.Millisecond // to become the sequencer, or to recover
	pollEvery  = 100 * time.Millisecond // for entries of other nodes
	linger     = 75 * time.Millisecond  // from one batch to the next, so that each is worth its writes
	worthwhile = 256                    // so many entries do not wait for that: a tile
	lookEvery  = 25 * time.Millisecond  // while somebody waits for all that was recorded
	stuckAfter = 2 * time.Second        // a batch that takes longer is reported
)

// Run watches the log and, whenever no other process does, sequences: it moves
// what was recorded into the log, in one batch after another. It returns nil
// when ctx ends; until then it recovers from whatever happens. From then on
// this ledger takes no entries.
func (l *Ledger) Run(ctx context.Context) error {
	l.ended.Store(false)
	defer l.ended.Store(true)
	l.followers.open(true)
	defer l.followers.open(false)
	var wg sync.WaitGroup
	wg.Go(func() { l.watch(ctx) })
	defer wg.Wait()
	for ctx.Err() == nil {
		err := l.lead(ctx)
		switch fault, ok := errors.AsType[*logFault](err); {
		case err == nil || ctx.Err() != nil:
		case errors.Is(err, store.ErrLed) || errors.Is(err, errHeld):
			// Another process is the sequencer, or was and still holds the folder.
			l.broken.Store(nil)
		case ok:
			l.fail(ctx, fault)
		default:
			// The database or its lock was lost. Nobody can use anything without
			// the database, and what waits is in it.
			l.log.WarnContext(ctx, "the sequencer starts again", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryEvery):
		}
	}
	return nil
}

// A logFault says that the log itself, not the database, is the trouble.
type logFault struct{ err error }

func (f *logFault) Error() string { return f.err.Error() }
func (f *logFault) Unwrap() error { return f.err }

func broken(format string, args ...any) error { return &logFault{fmt.Errorf(format, args...)} }

// fail makes known, here at once and to the other nodes through the database,
// that the log cannot be appended to.
func (l *Ledger) fail(ctx context.Context, err error) {
	why := err.Error()
	l.leading.Store(false)
	if before := l.broken.Swap(&why); before == nil || *before != why {
		l.log.ErrorContext(ctx, "the ledger's log cannot be appended to, and until it can nothing of a person is used: look at its folder's owner, mode and free space",
			"folder", string(l.files), "err", err)
	}
	ctx, cancel := context.WithTimeout(ctx, stuckAfter)
	defer cancel()
	_, err = l.db.Exec(ctx, `UPDATE ledger_state SET failed = $1 WHERE id = 1 AND failed = ''`, why)
	if err != nil && ctx.Err() == nil {
		l.log.WarnContext(ctx, "the other nodes could not be told", "err", err)
	}
}

// wake tells the sequencer, if it is here, that there is something to do.
func (l *Ledger) wake() {
	signal(l.wakeup)
	if l.recorded.Add(1) == worthwhile {
		signal(l.plenty)
	}
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// A sequencer is the ledger while it leads.
type sequencer struct {
	*Ledger
	lead      *store.Lead
	folder    *folder
	log       *writer
	confirmed uint64 // entries
}

// lead is the life of a leader: it holds the database's lock and the folder's
// from first to last, and ends with the first thing that goes wrong.
func (l *Ledger) lead(ctx context.Context) (err error) {
	lead, err := l.db.Lead(ctx, "ledger")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lead.Release()) }()
	confirmed, _, err := l.outbox(ctx, 0)
	if err != nil {
		return err
	}
	if confirmed > 0 {
		// Never begin a second log in the place of one that is gone.
		if _, err := l.files.read(treeState); err != nil {
			return broken("ledger: the log is gone, restore its folder: %w", err)
		}
	}
	dir, err := holdFolder(string(l.files))
	if errors.Is(err, errHeld) {
		return err
	}
	if err != nil {
		return broken("%w", err)
	}
	defer func() { err = errors.Join(err, dir.release()) }()
	w, err := openWriter(string(l.files), l.signer)
	if err != nil {
		return broken("%w", err)
	}
	defer w.close()
	defer l.leading.Store(false)
	s := &sequencer{Ledger: l, lead: lead, folder: dir, log: w}
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	cosign, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { l.cosign(cosign) })
	defer wg.Wait()
	defer cancel()
	return s.loop(ctx)
}

func (s *sequencer) loop(ctx context.Context) error {
	probe, poll, rested := time.NewTicker(watchEvery), time.NewTicker(pollEvery), time.NewTimer(0)
	defer probe.Stop()
	defer poll.Stop()
	defer rested.Stop()
	drained := false
	var published publishing
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-rested.C:
		case <-s.plenty:
		}
		rested.Reset(linger)
		s.recorded.Store(0)
		n, err := s.batch(ctx)
		if err != nil {
			return err
		}
		if n == maxBatch {
			continue
		}
		if stale := s.stale.Swap(false); stale || !drained || s.broken.Load() != nil {
			// Only now does everything recorded have its place again.
			if err := s.clear(ctx); err != nil {
				return err
			}
			drained = true
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wakeup:
		case <-poll.C:
		case <-probe.C:
			if err := s.probe(ctx, &published); err != nil {
				return err
			}
		}
	}
}

// probe finds out, while nothing is to be done, whether something could be.
func (s *sequencer) probe(ctx context.Context, p *publishing) error {
	if err := s.check(ctx, s.confirmed); err != nil {
		return err
	}
	if err := s.folder.probe(); err != nil {
		return broken("%w", err)
	}
	return p.look(s)
}

// Publishing watches that signed checkpoints follow the log.
type publishing struct {
	size uint64
	late int // looks since it last moved, while entries wait for it
}

// look reports that checkpoints no longer appear. The library makes one only
// when the last one's file is old enough; where the machine's clock was set
// back, that file is of the future, so it is first given an earlier time.
func (p *publishing) look(s *sequencer) error {
	cp, err := s.files.checkpoint()
	switch {
	case err == nil && (cp.size >= s.confirmed || cp.size != p.size):
		p.size, p.late = cp.size, 0
		return nil
	case p.late == int(time.Second/watchEvery):
		path, old := filepath.Join(s.folder.dir, layout.CheckpointPath), time.Unix(0, 0)
		if err := os.Chtimes(path, old, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return broken("ledger: checkpoint: %w", err)
		}
	case p.late > int(maxLag/watchEvery):
		return broken("ledger: no checkpoint was signed for %v", maxLag)
	}
	p.late++
	return nil
}

// clear makes known that the log takes entries again.
func (s *sequencer) clear(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `UPDATE ledger_state SET failed = '' WHERE id = 1 AND failed <> ''`)
	if err != nil {
		return fmt.Errorf("ledger: clear: %w", err)
	}
	s.leading.Store(true)
	if s.broken.Swap(nil) != nil {
		s.Ledger.log.InfoContext(ctx, "the ledger's log can be appended to again")
	}
	return nil
}

// A placing is an entry's place in the log.
type placing struct {
	id  string
	idx uint64
}

// A candidate is an entry that waits for its place.
type candidate struct {
	id   string
	leaf []byte
}

// outbox returns the confirmed size and up to n entries without a place,
// oldest first. It goes by what has no place, never by a cursor: entries do
// not become visible in the order of their times or ids.
func (l *Ledger) outbox(ctx context.Context, n int) (size uint64, out []candidate, err error) {
	err = l.db.ReadTx(ctx, func(tx *store.Tx) error {
		out = nil
		if err := tx.QueryRow(ctx, `SELECT size FROM ledger_state WHERE id = 1`).Scan(&size); err != nil {
			return err
		}
		// One look for each: a join may go over all that ever was.
		rows, err := tx.Query(ctx, `SELECT id, (SELECT leaf FROM ledger_entry WHERE id = ledger_waiting.id) FROM ledger_waiting ORDER BY id LIMIT $1`, n)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c candidate
			if err := rows.Scan(&c.id, &c.leaf); err != nil {
				return err
			}
			if c.leaf != nil { // else it was deleted, which Verify reports
				out = append(out, c)
			}
		}
		return rows.Err()
	})
	if err != nil {
		return 0, nil, fmt.Errorf("ledger: outbox: %w", err)
	}
	return size, out, nil
}

// batch moves up to maxBatch entries into the log and returns how many.
func (s *sequencer) batch(ctx context.Context) (int, error) {
	size, waiting, err := s.outbox(ctx, maxBatch)
	if err != nil || len(waiting) == 0 {
		return 0, err
	}
	if err := s.step(s, "read"); err != nil {
		return 0, err
	}
	if err := s.check(ctx, size); err != nil {
		return 0, err
	}
	if err := s.step(s, "checked"); err != nil {
		return 0, err
	}
	leaves := make([][]byte, len(waiting))
	for i, c := range waiting {
		leaves[i] = c.leaf
	}
	indices, err := s.write(ctx, leaves)
	if err != nil {
		return 0, err
	}
	if err := s.step(s, "appended"); err != nil {
		return 0, err
	}
	at := make([]placing, len(waiting))
	for i, c := range waiting {
		if indices[i].err != nil {
			return 0, broken("ledger: append to log: %w", indices[i].err)
		}
		if i := indices[i].idx; i < size || i >= size+uint64(len(waiting)) {
			return 0, broken("ledger: the log gave place %d where %d was next: somebody else writes to it", i, size)
		}
		at[i] = placing{c.id, indices[i].idx}
	}
	if err := s.confirm(ctx, size, size+uint64(len(waiting)), at, nil); err != nil {
		return 0, err
	}
	return len(waiting), nil
}

// check makes sure, before anything is written, that this process still leads
// and that nobody wrote to the log since.
func (s *sequencer) check(ctx context.Context, confirmed uint64) error {
	if err := s.lead.Check(ctx); err != nil {
		return err
	}
	if err := s.folder.check(); errors.Is(err, errHeld) {
		return err
	} else if err != nil {
		return broken("%w", err)
	}
	if err := s.folder.ready(); err != nil {
		return broken("%w", err)
	}
	size, err := s.log.reader.IntegratedSize(ctx)
	if err != nil {
		return broken("ledger: size of the log: %w", err)
	}
	if size != confirmed {
		return fmt.Errorf("ledger: the log has %d entries and %d are confirmed", size, confirmed)
	}
	return nil
}

// write adds the leaves and waits until the log has answered for each. It
// reports a log that does not answer, and goes on waiting: to give up and try
// again could add them twice.
func (s *sequencer) write(ctx context.Context, leaves [][]byte) ([]placed, error) {
	done := s.log.add(leaves)
	stuck := time.NewTimer(stuckAfter)
	defer stuck.Stop()
	for {
		select {
		case out := <-done:
			return out, nil
		case <-stuck.C:
			s.fail(ctx, errors.New("ledger: the log does not answer"))
		case <-ctx.Done():
			// The batch under way ends by itself, and the next leader finds it
			// in the log. The folder is let go of only afterwards.
			<-done
			return nil, ctx.Err()
		}
	}
}

// confirm writes the entries' places, and the new size if it is still the one
// this sequencer knows.
func (s *sequencer) confirm(ctx context.Context, from, to uint64, at []placing, orphans map[uint64][]byte) error {
	err := s.db.InTx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE ledger_state SET size = $1 WHERE id = 1 AND size = $2`, to, from)
		if err != nil {
			return err
		}
		if n != 1 {
			return errors.New("another sequencer confirmed entries meanwhile")
		}
		for idx, leaf := range orphans {
			if _, err := tx.Exec(ctx, `INSERT INTO ledger_orphan (idx, leaf, at) VALUES ($1, $2, $3)`, idx, leaf, micros(s.now())); err != nil {
				return err
			}
		}
		return place(ctx, tx, at)
	})
	if err != nil {
		return fmt.Errorf("ledger: confirm: %w", err)
	}
	s.confirmed = to
	s.waiting.tell(at)
	return nil
}

// place writes the places of entries, which then no longer wait for one. The
// statements are the same however many entries there are, so that the database
// prepares them once.
func place(ctx context.Context, tx *store.Tx, at []placing) error {
	list := make([][2]any, len(at))
	for i, p := range at {
		list[i] = [2]any{p.idx, p.id}
	}
	b, err := json.Marshal(list)
	if err != nil {
		return err
	}
	rows := ` FROM json_each($1)`
	if tx.Dialect() == store.Postgres {
		rows = ` FROM json_array_elements($1::json) AS list (value)`
	}
	for _, q := range []string{
		`INSERT INTO ledger_place (idx, id) SELECT CAST(value->>0 AS BIGINT), value->>1` + rows,
		`DELETE FROM ledger_waiting WHERE id IN (SELECT value->>1` + rows + `)`,
	} {
		n, err := tx.Exec(ctx, q, string(b))
		if err != nil {
			return err
		}
		if n != int64(len(at)) {
			return errors.New("an entry already has its place")
		}
	}
	return nil
}

// catchUp brings the database up to date with a log that has more entries than
// are confirmed, as after a crash between the two: it finds each by its leaf.
// What has no record is kept as an orphan, for [Ledger.Verify] to report: the
// database was set back. A log that has fewer entries than are confirmed was
// set back itself; adding to it would make a second history, so nothing is.
func (s *sequencer) catchUp(ctx context.Context) error {
	if err := s.folder.probe(); err != nil {
		return broken("%w", err)
	}
	size, err := s.log.reader.IntegratedSize(ctx)
	if err != nil {
		return broken("ledger: size of the log: %w", err)
	}
	for {
		confirmed, waiting, err := s.outbox(ctx, 1<<31)
		if err != nil {
			return err
		}
		ids := make(map[string]string, len(waiting))
		for _, c := range waiting {
			ids[string(c.leaf)] = c.id
		}
		if size < confirmed {
			return broken("ledger: the log was set back: it has %d entries and %d are confirmed; restore its folder", size, confirmed)
		}
		if size == confirmed {
			s.confirmed = confirmed
			return nil
		}
		to := min(size, confirmed+maxBatch)
		leaves, err := s.files.leaves(confirmed, to, to)
		if err != nil {
			return broken("%w", err)
		}
		var at []placing
		orphans := map[uint64][]byte{}
		for i, leaf := range leaves {
			idx := confirmed + uint64(i)
			if id, ok := ids[string(leaf)]; ok {
				at = append(at, placing{id, idx})
				delete(ids, string(leaf))
			} else {
				orphans[idx] = leaf
			}
		}
		if len(orphans) > 0 {
			s.Ledger.log.ErrorContext(ctx, "the log has entries without a record: the database was set back", "entries", len(orphans), "from", confirmed)
		}
		if err := s.confirm(ctx, confirmed, to, at, orphans); err != nil {
			return err
		}
	}
}

// Await waits until the entry has its place in the log.
func (l *Ledger) Await(ctx context.Context, id string) error {
	told, forget := l.waiting.add(id)
	defer forget()
	for {
		var idx sql.NullInt64
		err := l.db.ReadTx(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(ctx, `SELECT p.idx FROM ledger_entry e LEFT JOIN ledger_place p ON p.id = e.id WHERE e.id = $1`, id).Scan(&idx)
		})
		if errors.Is(err, sql.ErrNoRows) {
			return errNoEntry
		}
		if err != nil {
			return fmt.Errorf("ledger: await: %w", err)
		}
		if idx.Valid {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-told:
		case <-time.After(retryEvery): // another node may be the sequencer
		}
	}
}

// Sync waits until everything recorded so far is in the log and covered by a
// checkpoint that may be shown.
func (l *Ledger) Sync(ctx context.Context) error {
	var want uint64
	for first := true; ; first = false {
		st, err := l.state(ctx)
		if err != nil {
			return err
		}
		l.learn(st)
		if first {
			want = uint64(st.size + st.backlog)
		}
		if cp, err := l.newest(); err == nil && uint64(st.size) >= want && cp.size >= want {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookEvery):
		}
	}
}

// Waiters are those who wait for an entry to have its place.
type waiters struct {
	mu sync.Mutex
	by map[string][]chan struct{}
}

func (w *waiters) add(id string) (told <-chan struct{}, forget func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil {
		w.by = map[string][]chan struct{}{}
	}
	c := make(chan struct{})
	w.by[id] = append(w.by[id], c)
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.by[id] = slices.DeleteFunc(w.by[id], func(o chan struct{}) bool { return o == c })
		if len(w.by[id]) == 0 {
			delete(w.by, id)
		}
	}
}

func (w *waiters) tell(at []placing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.by) == 0 {
		return
	}
	for _, p := range at {
		for _, c := range w.by[p.id] {
			close(c)
		}
		delete(w.by, p.id)
	}
}
