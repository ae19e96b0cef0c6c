package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"loot"
)

const (
	cosignEvery   = time.Second     // the pace of asking witnesses
	cosignTimeout = 5 * time.Second // for one of them to answer
	maxPatience   = 64              // rounds that an unreachable witness is left alone
)

// What can come of asking a witness.
var (
	errRewound = errors.New("the witness saw a longer log than this one: it was set back")
	errForked  = errors.New("the witness saw another history than this one")
	// errUnwatched is no alarm, but nobody is watched until it is mended.
	errUnwatched = errors.New("the witness does not watch this log: start it with --log and the key of this ledger")
	// errUnproven is about the log's own tiles; the witness did what it should.
	errUnproven = errors.New("the log cannot prove that it only grew")
)

// A cosigner is one witness as the log knows it.
type cosigner struct {
	key  signerKey
	url  string
	http *http.Client

	size  uint64 // of the log as the witness last saw it
	knew  bool   // the witness said itself what it last saw
	skip  int    // rounds to leave it alone
	fails int    // in a row
}

func newCosigner(at WitnessAt) (*cosigner, error) {
	key, err := parseKey(at.Key)
	if err != nil {
		return nil, err
	}
	return &cosigner{key: key.cosigning(), url: strings.TrimSuffix(at.URL, "/"), http: &http.Client{Timeout: cosignTimeout}}, nil
}

// anew returns the witness as one of which nothing is remembered.
func (w *cosigner) anew() *cosigner { return &cosigner{key: w.key, url: w.url, http: w.http} }

// ask has the witness cosign the checkpoint and returns its signature line.
func (w *cosigner) ask(ctx context.Context, f files, cp checkpoint) (string, error) {
	for range 3 {
		if w.size > cp.size {
			return "", errRewound
		}
		path, err := f.consistency(ctx, w.size, cp.size)
		if err != nil {
			return "", fmt.Errorf("%w: %w", errUnproven, err)
		}
		status, body, err := w.post(ctx, w.size, path, cp)
		if err != nil {
			return "", err
		}
		switch status {
		case http.StatusOK:
			line, err := w.accept(cp, body)
			if err == nil {
				w.size = cp.size
			}
			return line, err
		case http.StatusConflict:
			size, err := parseSize(strings.TrimSuffix(body, "\n"))
			if err != nil {
				return "", errForked // same size, another root hash
			}
			if size == w.size {
				return "", errForked
			}
			w.size, w.knew = size, true
		case http.StatusUnprocessableEntity:
			return "", errForked
		case http.StatusNotFound:
			return "", errUnwatched
		default:
			return "", fmt.Errorf("ledger: witness answered %d", status)
		}
	}
	return "", errors.New("ledger: witness keeps changing its mind")
}

func (w *cosigner) post(ctx context.Context, old uint64, path []hash, cp checkpoint) (status int, body string, err error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	for _, h := range path {
		fmt.Fprintln(&b, b64.EncodeToString(h[:]))
	}
	b.WriteString("\n" + cp.raw)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/add-checkpoint", &b)
	if err != nil {
		return 0, "", fmt.Errorf("ledger: witness: %w", err)
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("ledger: witness: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return 0, "", fmt.Errorf("ledger: witness: %w", err)
	}
	return resp.StatusCode, string(answer), nil
}

// accept finds the witness's own signature among what it answered.
func (w *cosigner) accept(cp checkpoint, body string) (string, error) {
	signed, err := parseCheckpoint(cp.text + "\n" + body)
	if err != nil {
		return "", fmt.Errorf("ledger: witness: %w", err)
	}
	sig, ok := signed.by(w.key)
	if !ok {
		return "", errors.New("ledger: witness did not sign with the configured key")
	}
	if _, ok := w.key.holds(cp.text, sig.sig); !ok {
		return "", errors.New("ledger: witness's signature does not hold")
	}
	return signed.raw[sig.off : sig.off+sig.len], nil
}

// cosign has new checkpoints cosigned, round after round, until ctx ends. The
// log does not wait for it.
func (l *Ledger) cosign(ctx context.Context) {
	if len(l.witnesses) == 0 {
		return
	}
	t := time.NewTicker(cosignEvery)
	defer t.Stop()
	for {
		l.cosignRound(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (l *Ledger) cosignRound(ctx context.Context) {
	cp, err := l.files.checkpoint()
	if err != nil || cp.size == 0 {
		return
	}
	known := l.cosigned.Load()
	missing := known == nil || known.text != cp.text || len(known.sigs) < 1+len(l.witnesses)
	if !missing {
		return
	}
	asked := make([]string, len(l.witnesses))
	var wg sync.WaitGroup
	for i, w := range l.witnesses {
		if w.skip > 0 {
			w.skip--
			continue
		}
		wg.Go(func() {
			line, err := w.ask(ctx, l.files, cp)
			if err == nil {
				asked[i], w.fails = line, 0
				return
			}
			if ctx.Err() != nil {
				return
			}
			w.skip = min(1<<min(w.fails, 10), maxPatience)
			w.fails++
			// A witness that contradicts is the alarm that it is there for.
			if errors.Is(err, errRewound) || errors.Is(err, errForked) {
				l.log.ErrorContext(ctx, "a witness contradicts the log", "witness", w.key.name, "err", err)
			} else if w.fails == 1 {
				l.log.WarnContext(ctx, "a witness gave no cosignature", "witness", w.key.name, "err", err)
			}
		})
	}
	wg.Wait()
	lines := strings.Join(asked, "")
	if known != nil && known.text == cp.text {
		// Keep the cosignatures of an earlier round of the same checkpoint.
		for i, w := range l.witnesses {
			if sig, ok := known.by(w.key); ok && asked[i] == "" {
				lines += known.raw[sig.off : sig.off+sig.len]
			}
		}
	}
	signed, err := parseCheckpoint(cp.raw + lines)
	if n := len(signed.sigs) - 1; err != nil || n < max(1, l.quorum) {
		return
	}
	if known != nil && known.raw == signed.raw {
		return
	}
	if err := l.keepCosigned(ctx, signed); err != nil && ctx.Err() == nil {
		l.log.WarnContext(ctx, "a cosigned checkpoint could not be kept", "err", err)
	}
}

// askWitness submits the newest checkpoint to a witness: what it answers tells
// whether this log is the one it saw. One that saw nothing of it before takes
// whatever it is shown, so that says nothing of the past.
func (l *Ledger) askWitness(ctx context.Context, w *cosigner) (knew bool, err error) {
	for asked := uint64(0); ; {
		cp, err := l.files.checkpoint()
		if errors.Is(err, fs.ErrNotExist) && l.size.Load() == 0 {
			return false, errNoCheckpoint
		}
		if err != nil {
			return false, err
		}
		_, err = w.ask(ctx, l.files, cp)
		switch {
		case errors.Is(err, errUnwatched):
			return false, loot.Wrap(loot.Invalid, err, "The witness "+strconv.Quote(w.key.name)+" does not watch this ledger. Start it with --log and the ledger's key.")
		case errors.Is(err, errRewound) && cp.size > asked:
			asked = cp.size // the log grows, and the witness may have been shown more of it meanwhile
		case err == nil, errors.Is(err, errRewound), errors.Is(err, errForked), errors.Is(err, errUnproven):
			return w.knew, err
		default:
			return false, loot.Wrap(loot.Unavailable, err, "The witness cannot be asked at the moment: "+strconv.Quote(w.key.name)+".")
		}
	}
}
