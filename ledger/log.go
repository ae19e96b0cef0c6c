package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/storage/posix"
)

// treeState is where the log's library keeps how far the log is.
const treeState = ".state/treeState"

const (
	maxBatch           = 2048                   // entries sequenced at a time
	batchAge           = 2 * time.Millisecond   // how long the log waits for more of them
	checkpointInterval = 200 * time.Millisecond // between signed checkpoints
)

// A writer is the log while this process is its sequencer.
type writer struct {
	log    *tessera.Appender
	reader tessera.LogReader
	cancel context.CancelFunc
}

func openWriter(dir string, s *signer) (w *writer, err error) {
	defer func() {
		// The library panics where it cannot lock its files.
		if p := recover(); p != nil {
			w, err = nil, fmt.Errorf("ledger: open log: %v", p)
		}
	}()
	// The log's goroutines live until close, not until a request ends.
	ctx, cancel := context.WithCancel(context.Background())
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("ledger: open log: %w", err)
	}
	log, _, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(s).
		WithBatching(maxBatch, batchAge).
		WithCheckpointInterval(checkpointInterval).
		WithCheckpointRepublishInterval(0))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("ledger: open log: %w", err)
	}
	return &writer{log, reader, cancel}, nil
}

func (w *writer) close() { w.cancel() }

// A library passes on what the log's library says: its everyday news, such as
// that it makes a folder, as details, and what an operator acts on as it is.
type library struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (h library) Enabled(ctx context.Context, l slog.Level) bool {
	return h.Handler.Enabled(ctx, lowered(l))
}

// Handle implements [slog.Handler].
func (h library) Handle(ctx context.Context, r slog.Record) error {
	r.Level = lowered(r.Level)
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h library) WithAttrs(a []slog.Attr) slog.Handler { return library{h.Handler.WithAttrs(a)} }

// WithGroup implements [slog.Handler].
func (h library) WithGroup(name string) slog.Handler { return library{h.Handler.WithGroup(name)} }

func lowered(l slog.Level) slog.Level {
	if l < slog.LevelWarn {
		return l - (slog.LevelInfo - slog.LevelDebug)
	}
	return l
}

// A placed is the outcome of adding one leaf.
type placed struct {
	idx uint64
	err error
}

// add appends the leaves and hands over where each came to lie, or why it did
// not. It hands over nothing until the log has answered for all of them: an
// answer that is still out may yet become an entry.
func (w *writer) add(leaves [][]byte) <-chan []placed {
	done := make(chan []placed, 1)
	futures := make([]tessera.IndexFuture, len(leaves))
	for i, leaf := range leaves {
		futures[i] = w.log.Add(context.Background(), tessera.NewEntry(leaf))
	}
	go func() {
		out := make([]placed, len(futures))
		for i, f := range futures {
			index, err := f()
			out[i] = placed{index.Index, err}
		}
		done <- out
	}()
	return done
}

// Files is the log as it lies in its folder, for reading.
type files string

func (f files) read(path string) ([]byte, error) { return os.ReadFile(filepath.Join(string(f), path)) }

// checkpoint returns the newest signed checkpoint.
func (f files) checkpoint() (checkpoint, error) {
	b, err := f.read(layout.CheckpointPath)
	if err != nil {
		return checkpoint{}, fmt.Errorf("ledger: checkpoint: %w", err)
	}
	cp, err := parseCheckpoint(string(b))
	if err != nil {
		return checkpoint{}, fmt.Errorf("ledger: checkpoint: %w", err)
	}
	return cp, nil
}

// partialOrFull reads a tile that was partial once and may be full by now.
func (f files) partialOrFull(p uint8, path func(p uint8) string) ([]byte, error) {
	b, err := f.read(path(p))
	if p != 0 && errors.Is(err, fs.ErrNotExist) {
		return f.read(path(0))
	}
	return b, err
}

func (f files) tile(_ context.Context, level, index uint64, p uint8) ([]byte, error) {
	return f.partialOrFull(p, func(p uint8) string { return layout.TilePath(level, index, p) })
}

func (f files) bundle(index uint64, p uint8) ([]byte, error) {
	return f.partialOrFull(p, func(p uint8) string { return layout.EntriesPath(index, p) })
}

// treeSize returns what the log's library says of the log.
func (f files) treeSize() (size uint64, root []byte, err error) {
	b, err := f.read(treeState)
	if err != nil {
		return 0, nil, err
	}
	var st struct {
		Size uint64 `json:"size"`
		Root []byte `json:"root"`
	}
	if err := json.Unmarshal(b, &st); err != nil {
		return 0, nil, err
	}
	return st.Size, st.Root, nil
}

// leaves returns the leaves from index from up to to, of a log of size.
func (f files) leaves(from, to, size uint64) ([][]byte, error) {
	var out [][]byte
	for r := range layout.Range(from, to-from, size) {
		b, err := f.bundle(r.Index, r.Partial)
		if err != nil {
			return nil, fmt.Errorf("ledger: entries: %w", err)
		}
		var bundle api.EntryBundle
		if err := bundle.UnmarshalText(b); err != nil {
			return nil, fmt.Errorf("ledger: entries: %w", err)
		}
		if uint(len(bundle.Entries)) < r.First+r.N {
			return nil, fmt.Errorf("ledger: entries: bundle %d is cut short", r.Index)
		}
		out = append(out, bundle.Entries[r.First:r.First+r.N]...)
	}
	return out, nil
}

// inclusion returns the path that proves the entry at index in the log of size.
func (f files) inclusion(ctx context.Context, index, size uint64) ([]hash, error) {
	pb, err := client.NewProofBuilder(ctx, size, f.tile)
	if err != nil {
		return nil, fmt.Errorf("ledger: proof: %w", err)
	}
	path, err := pb.InclusionProof(ctx, index)
	if err != nil {
		return nil, fmt.Errorf("ledger: proof: %w", err)
	}
	return toHashes(path), nil
}

// consistency returns the path that proves that the log of the smaller size is
// the beginning of the log of the larger.
func (f files) consistency(ctx context.Context, smaller, larger uint64) ([]hash, error) {
	if smaller == 0 || smaller == larger {
		return nil, nil
	}
	pb, err := client.NewProofBuilder(ctx, larger, f.tile)
	if err != nil {
		return nil, fmt.Errorf("ledger: proof: %w", err)
	}
	path, err := pb.ConsistencyProof(ctx, smaller, larger)
	if err != nil {
		return nil, fmt.Errorf("ledger: proof: %w", err)
	}
	return toHashes(path), nil
}

func toHashes(path [][]byte) []hash {
	out := make([]hash, len(path))
	for i, h := range path {
		copy(out[i][:], h)
	}
	return out
}
