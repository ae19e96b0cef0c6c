package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"

	"loot"
	"loot/store"
)

// An Against is what the log is compared with, besides itself: a checkpoint
// that was saved earlier, witnesses, both or neither. A witness that is named
// here must answer; one of the ledger's own that does not is in the report.
type Against struct {
	Checkpoint   []byte
	Witnesses    []WitnessAt
	OwnWitnesses bool // those that the ledger was opened with, too
}

// A Trouble is a kind of thing that can be wrong with the log.
type Trouble string

// The kinds of trouble.
const (
	Deletion      Trouble = "deletion"       // an entry of the log has no record
	Change        Trouble = "change"         // a record or an entry is not what it was
	Reordering    Trouble = "reordering"     // records stand at each other's places
	CutTail       Trouble = "cut tail"       // the last records or entries are gone
	SetBack       Trouble = "rewind"         // log and records are older than what was seen of them
	SecondHistory Trouble = "second history" // the log is not the one that was seen
)

// A Problem is one thing that is wrong.
type Problem struct {
	Trouble Trouble `json:"trouble"`
	Where   string  `json:"where"` // such as "entry 17" or "tile/0/000"
	Text    string  `json:"text"`
}

// A Report is what [Ledger.Verify] found.
type Report struct {
	Size     uint64    `json:"size"`    // of the log
	Records  uint64    `json:"records"` // that have their place in it
	Waiting  int       `json:"waiting"` // for their place
	Signer   string    `json:"signer"`
	Against  []string  `json:"against"` // what it was compared with; empty: with nothing but itself
	Unasked  []Unasked `json:"unasked,omitempty"`
	Problems []Problem `json:"problems"`
	More     int       `json:"more,omitempty"` // problems beyond those listed
}

// An Unasked is one of the ledger's own witnesses that did not answer.
type Unasked struct {
	Witness string    `json:"witness"` // its name
	Why     string    `json:"why"`
	Size    uint64    `json:"size,omitempty"` // of the log when it last cosigned; 0: that is not known
	At      time.Time `json:"at,omitzero"`    // when that was
}

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return len(r.Problems) == 0 }

const maxProblems = 100

func (r *Report) add(t Trouble, where, format string, args ...any) {
	if len(r.Problems) >= maxProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, Problem{t, where, fmt.Sprintf(format, args...)})
}

// Verify checks the whole log against the records and against itself, and if
// told so against what was seen of it earlier: by itself a log cannot show
// that it and its records were both set back. It may run while the log grows.
func (l *Ledger) Verify(ctx context.Context, against Against) (Report, error) {
	v := &verification{Ledger: l, Report: Report{Signer: l.VerifierKey(), Against: []string{}, Problems: []Problem{}}}
	if err := v.run(ctx, against); err != nil {
		return Report{}, err
	}
	return v.Report, nil
}

// A verification is one run of [Ledger.Verify].
type verification struct {
	*Ledger
	Report

	known     uint64            // size of the log before the database was looked at
	confirmed uint64            // entries that the database says are in the log
	waiting   map[string]string // leaf to id, of records without a place
	orphans   map[uint64]bool

	mu      sync.Mutex
	tiles   []hash            // hash of each full tile of 256 leaves
	present uint64            // records that were found
	missing []uint64          // places without a record
	strays  map[uint64][]byte // places whose record has another leaf than the log
	inLog   map[string]uint64 // the log's leaves at those places
}

func (v *verification) run(ctx context.Context, against Against) error {
	// The order matters. Whatever is in the log now was recorded before, so the
	// database, looked at next, must know it; whatever the database and the
	// checkpoints then say is in the log must be there afterwards.
	var err error
	if v.known, _, err = v.treeSize(); err != nil {
		v.add(Change, treeState, "The log's state cannot be read: %v.", err)
		return nil
	}
	if err := v.snapshot(ctx); err != nil {
		return err
	}
	newest, unreadable := v.files.read(layout.CheckpointPath)
	cosigned := v.cosigned.Load()
	var root []byte
	if v.Size, root, err = v.treeSize(); err != nil {
		return fmt.Errorf("ledger: verify: %w", err)
	}
	if v.Size < v.confirmed {
		v.add(CutTail, span(v.Size, v.confirmed), "The log ends at %s, and %d are recorded as being in it.", loot.Plural(v.Size, "entry", "entries"), v.confirmed)
	}
	if err := v.sweep(ctx); err != nil {
		return err
	}
	v.Report.Records = v.present
	v.judge()
	v.upperTiles()
	if got, ok := v.rootAt(v.Size); ok && !bytes.Equal(got[:], root) {
		v.add(Change, treeState, "The entries of the log do not give its root hash.")
	}
	shown := true // to witnesses; what is not this log's checkpoint says nothing to them
	switch {
	case errors.Is(unreadable, fs.ErrNotExist) && v.confirmed == 0:
	case unreadable != nil:
		shown = false
		v.add(Change, layout.CheckpointPath, "The newest checkpoint cannot be read: %v.", unreadable)
	default:
		shown = v.compare(string(newest), layout.CheckpointPath, CutTail, Change)
	}
	if cosigned != nil {
		v.compare(cosigned.raw, "the cosigned checkpoint", CutTail, Change)
	}
	if against.Checkpoint != nil && v.compare(string(against.Checkpoint), "the saved checkpoint", SetBack, SecondHistory) {
		v.Against = append(v.Against, "a saved checkpoint")
	}
	if !shown {
		return nil
	}
	for _, at := range against.Witnesses {
		w, err := newCosigner(at)
		if err != nil {
			return err
		}
		knew, err := v.askWitness(ctx, w)
		if err := v.heard(w.key.name, knew, err); err != nil {
			return err
		}
	}
	if against.OwnWitnesses {
		return v.ownWitnesses(ctx, cosigned)
	}
	return nil
}

// treeSize returns what the log's library says of the log.
func (v *verification) treeSize() (size uint64, root []byte, err error) {
	size, root, err = v.files.treeSize()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, rfc6962.DefaultHasher.EmptyRoot(), nil // no sequencer ever ran, or all is gone
	}
	return size, root, err
}

func (v *verification) snapshot(ctx context.Context) error {
	size, waiting, err := v.outbox(ctx, 1<<31)
	if err != nil {
		return err
	}
	v.confirmed, v.waiting, v.Waiting = size, map[string]string{}, len(waiting)
	for _, c := range waiting {
		v.waiting[string(c.leaf)] = c.id
	}
	v.orphans = map[uint64]bool{}
	err = v.db.ReadTx(ctx, func(tx *store.Tx) error {
		var beyond int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM ledger_place WHERE idx >= (SELECT size FROM ledger_state WHERE id = 1)`).Scan(&beyond); err != nil {
			return err
		}
		if beyond > 0 {
			v.add(Change, "the records", "%s that the log never gave.", loot.Plural(beyond, "record claims a place", "records claim places"))
		}
		var lost, gone int
		if err := tx.QueryRow(ctx, `SELECT
			(SELECT count(*) FROM ledger_entry) - (SELECT count(*) FROM ledger_place) - (SELECT count(*) FROM ledger_waiting w WHERE EXISTS (SELECT 1 FROM ledger_entry e WHERE e.id = w.id)),
			(SELECT count(*) FROM ledger_waiting w WHERE NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.id = w.id))`).Scan(&lost, &gone); err != nil {
			return err
		}
		if lost > 0 {
			v.add(Change, "the records", "%s into the log.", loot.Plural(lost, "record has no place and waits for none: it would never come", "records have no place and wait for none: they would never come"))
		}
		if gone > 0 {
			v.add(Deletion, "the records", "%s.", loot.Plural(gone, "record was deleted while it waited for its place", "records were deleted while they waited for their place"))
		}
		rows, err := tx.Query(ctx, `SELECT idx FROM ledger_orphan`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var idx uint64
			if err := rows.Scan(&idx); err != nil {
				return err
			}
			v.orphans[idx] = true
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("ledger: verify: %w", err)
	}
	return nil
}

// sweepChunk is how many entries one goroutine takes at a time.
const sweepChunk = 32 * layout.EntryBundleWidth

// sweep reads every entry of the log and every record.
func (v *verification) sweep(ctx context.Context) error {
	v.tiles = make([]hash, v.Size/layout.TileWidth)
	v.strays, v.inLog = map[uint64][]byte{}, map[string]uint64{}
	end := max(v.Size, v.confirmed)
	next := make(chan uint64)
	errs := make(chan error, runtime.GOMAXPROCS(0))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for from := range next {
				if err := v.chunk(ctx, from, min(from+sweepChunk, end)); err != nil {
					errs <- err
					cancel()
					return
				}
			}
		})
	}
	for from := uint64(0); from < end && ctx.Err() == nil; from += sweepChunk {
		select {
		case next <- from:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return ctx.Err()
	}
}

// chunk checks the entries from up to to.
func (v *verification) chunk(ctx context.Context, from, to uint64) error {
	leaves := make([][]byte, to-from)
	for at := from; at < min(to, v.Size); at += layout.EntryBundleWidth {
		v.bundleAndTile(leaves[at-from:min(at+layout.EntryBundleWidth, to, v.Size)-from], at/layout.EntryBundleWidth)
	}
	seen := make([]bool, to-from)
	err := v.db.ReadTx(ctx, func(tx *store.Tx) error {
		clear(seen)
		rows, err := tx.Query(ctx, `SELECT p.idx, e.leaf, e.subject_hash, e.actor_hash, e.facts, e.facts_salt
			FROM ledger_place p JOIN ledger_entry e ON e.id = p.id WHERE p.idx >= $1 AND p.idx < $2 ORDER BY p.idx`, from, to)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var idx uint64
			var leaf, subject, actor, facts, salt []byte
			if err := rows.Scan(&idx, &leaf, &subject, &actor, &facts, &salt); err != nil {
				return err
			}
			seen[idx-from] = true
			v.record(idx, leaf, subject, actor, facts, salt, leaves[idx-from])
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("ledger: verify: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, ok := range seen {
		idx := from + uint64(i)
		switch {
		case ok:
			v.present++
		case idx < v.confirmed:
			v.missing = append(v.missing, idx)
		case idx < v.known && v.waiting[string(leaves[i])] == "":
			v.missing = append(v.missing, idx)
		}
	}
	return nil
}

// record checks one record against its own commitments and against the log.
func (v *verification) record(idx uint64, leaf, subject, actor, facts, salt, inLog []byte) {
	if len(subject) != len(hash{}) || len(actor) != len(hash{}) ||
		!bytes.Equal(leaf, leafOf(hash(subject), hash(actor), commit(salt, facts))) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.add(Change, entry(idx), "The record was changed: it does not give its own commitments.")
		return
	}
	if idx >= v.Size || bytes.Equal(leaf, inLog) || inLog == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.strays[idx] = bytes.Clone(leaf)
	v.inLog[string(inLog)] = idx
}

// bundleAndTile reads one bundle of entries and the tile of their hashes.
func (v *verification) bundleAndTile(leaves [][]byte, index uint64) {
	part := layout.PartialTileSize(0, index, v.Size)
	name := layout.EntriesPath(index, part)
	b, err := v.files.bundle(index, part)
	var bundle api.EntryBundle
	if err == nil {
		err = bundle.UnmarshalText(b)
	}
	if err == nil && len(bundle.Entries) < len(leaves) {
		err = errors.New("it is cut short")
	}
	if err != nil {
		v.say(Change, name, "The entries cannot be read: %v.", err)
		return
	}
	copy(leaves, bundle.Entries)
	hashes := make([]hash, len(leaves))
	for i, leaf := range leaves {
		hashes[i] = leafHash(leaf)
	}
	v.tile(0, index, part, hashes)
	if part == 0 {
		v.tiles[index] = subtree(hashes)
	}
}

func (v *verification) say(t Trouble, where, format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.add(t, where, format, args...)
}

// tile compares a tile with the hashes it should hold.
func (v *verification) tile(level, index uint64, part uint8, want []hash) {
	name := layout.TilePath(level, index, part)
	b, err := v.files.tile(context.Background(), level, index, part)
	if err != nil || len(b) < len(want)*len(hash{}) {
		v.say(Change, name, "The tile is missing or cut short.")
		return
	}
	for i, h := range want {
		if !bytes.Equal(b[i*len(h):(i+1)*len(h)], h[:]) {
			v.say(Change, name, "Hash %d of the tile is not that of the entries below it: one of the two was changed.", i)
			return
		}
	}
}

// upperTiles compares the tiles above the lowest level.
func (v *verification) upperTiles() {
	nodes := v.tiles
	for level := uint64(1); len(nodes) > 0; level++ {
		var above []hash
		for at := 0; at < len(nodes); at += layout.TileWidth {
			some := nodes[at:min(at+layout.TileWidth, len(nodes))]
			index := uint64(at / layout.TileWidth)
			v.tile(level, index, layout.PartialTileSize(level, index, v.Size), some)
			if len(some) == layout.TileWidth {
				above = append(above, subtree(some))
			}
		}
		nodes = above
	}
}

// subtree returns the root of a full subtree.
func subtree(nodes []hash) hash {
	nodes = append([]hash(nil), nodes...)
	for len(nodes) > 1 {
		for i := range len(nodes) / 2 {
			nodes[i] = nodeHash(nodes[2*i], nodes[2*i+1])
		}
		nodes = nodes[:len(nodes)/2]
	}
	return nodes[0]
}

// rootAt returns the root hash that the entries give for the log's first size
// entries.
func (v *verification) rootAt(size uint64) (hash, bool) {
	if size == 0 {
		return hash(rfc6962.DefaultHasher.EmptyRoot()), true
	}
	if size > v.Size {
		return hash{}, false
	}
	type peak struct {
		height int
		hash   hash
	}
	var peaks []peak
	push := func(p peak) {
		for len(peaks) > 0 && peaks[len(peaks)-1].height == p.height {
			p = peak{p.height + 1, nodeHash(peaks[len(peaks)-1].hash, p.hash)}
			peaks = peaks[:len(peaks)-1]
		}
		peaks = append(peaks, p)
	}
	full := size / layout.TileWidth
	for _, h := range v.tiles[:full] {
		push(peak{layout.TileHeight, h})
	}
	rest, err := v.files.leaves(full*layout.TileWidth, size, size)
	if err != nil {
		return hash{}, false
	}
	for _, leaf := range rest {
		push(peak{0, leafHash(leaf)})
	}
	root := peaks[len(peaks)-1].hash
	for i := len(peaks) - 2; i >= 0; i-- {
		root = nodeHash(peaks[i].hash, root)
	}
	return root, true
}

// judge says what the places without a record, and those with another one, come to.
func (v *verification) judge() {
	tail := max(v.confirmed, min(v.known, v.Size))
	gone := map[uint64]bool{}
	for _, idx := range v.missing {
		gone[idx] = true
	}
	cut := tail
	for cut > 0 && gone[cut-1] {
		cut--
	}
	if cut < tail {
		v.add(CutTail, span(cut, tail), "The last %s no record.", loot.Plural(tail-cut, "entry of the log has", "entries of the log have"))
	}
	for idx := range cut {
		if !gone[idx] {
			continue
		}
		if v.orphans[idx] {
			v.add(Deletion, entry(idx), "The entry had no record when the sequencer started: the database was set back.")
		} else {
			v.add(Deletion, entry(idx), "The entry's record was deleted.")
		}
	}
	for idx, leaf := range v.strays {
		if at, ok := v.inLog[string(leaf)]; ok {
			v.add(Reordering, entry(idx), "The record belongs to entry %d.", at)
		} else {
			v.add(Change, entry(idx), "The record and the log's entry are not the same.")
		}
	}
}

// compare checks a signed checkpoint against the entries, if it is one of this log.
func (v *verification) compare(raw, where string, shorter, other Trouble) bool {
	cp, err := parseCheckpoint(raw)
	if err != nil {
		v.add(Change, where, "It is not a checkpoint: %v.", err)
		return false
	}
	if _, ok := cp.signedBy(v.signer.signerKey); !ok || cp.origin != v.signer.name {
		v.add(Change, where, "It is not signed by this log's key.")
		return false
	}
	root, ok := v.rootAt(cp.size)
	switch {
	case cp.size > v.Size:
		v.add(shorter, span(v.Size, cp.size), "The log has %s; %s states %d.", loot.Plural(v.Size, "entry", "entries"), where, cp.size)
	case !ok || root != cp.root:
		v.add(other, where, "The log's first %s.", loot.Plural(cp.size, "entry is not that which it was signed for", "entries are not those that it was signed for"))
	}
	return true
}

// ownWitnesses asks all the witnesses that the ledger was opened with at once,
// since each may keep the check waiting until it is given up.
func (v *verification) ownWitnesses(ctx context.Context, cosigned *checkpoint) error {
	knew, errs := make([]bool, len(v.witnesses)), make([]error, len(v.witnesses))
	within, cancel := context.WithTimeout(ctx, cosignTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for i, w := range v.witnesses {
		wg.Go(func() {
			// What the ledger remembers of the witness may be what was set back.
			knew[i], errs[i] = v.askWitness(within, w.anew())
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for i, w := range v.witnesses {
		err := v.heard(w.key.name, knew[i], errs[i])
		if err == nil {
			continue
		}
		u := Unasked{Witness: w.key.name, Why: loot.Message(err)}
		if cosigned != nil {
			if at, ok := cosigned.signedBy(w.key); ok {
				u.Size, u.At = cosigned.size, at
			}
		}
		v.Unasked = append(v.Unasked, u)
	}
	return nil
}

// heard notes what a witness said; the error is that it said nothing.
func (v *verification) heard(witness string, knew bool, err error) error {
	seen := "the witness " + witness
	switch {
	case errors.Is(err, errRewound):
		v.add(SetBack, seen, "The witness saw a longer log than this one.")
	case errors.Is(err, errForked):
		v.add(SecondHistory, seen, "The witness saw another history of this log.")
	case errors.Is(err, errUnproven):
		v.add(Change, "the log's tiles", "To %s %v.", seen, err)
		return nil
	case err != nil:
		return err
	case !knew:
		seen += ", which sees this log for the first time, so an earlier rewind would not show"
	}
	v.Against = append(v.Against, seen)
	return nil
}

func entry(idx uint64) string { return fmt.Sprintf("entry %d", idx) }

func span(from, to uint64) string {
	if to == from+1 {
		return entry(from)
	}
	return fmt.Sprintf("entries %d–%d", from, to-1)
}

// String is the report for a terminal.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in the log, %s, %d waiting.\n", loot.Plural(r.Size, "entry", "entries"), loot.Plural(r.Records, "record", "records"), r.Waiting)
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "%s: %s: %s\n", p.Trouble, p.Where, p.Text)
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "and %d more.\n", r.More)
	}
	if r.OK() {
		b.WriteString("Nothing was deleted, changed, reordered or cut off.\n")
	}
	for _, u := range r.Unasked {
		b.WriteString(u.Why)
		if u.Size > 0 {
			fmt.Fprintf(&b, " It last cosigned the log of %s, on %s.", loot.Plural(u.Size, "entry", "entries"), u.At.UTC().Format("2 January 2006 at 15:04:05 MST"))
		}
		b.WriteByte('\n')
	}
	if len(r.Against) > 0 {
		fmt.Fprintf(&b, "Compared with %s.\n", strings.Join(r.Against, " and "))
	} else {
		b.WriteString("Compared with no checkpoint and no witness, so a rewind of log and records together would not show.\n")
	}
	return b.String()
}
