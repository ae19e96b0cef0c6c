package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"loot"
)

// A WitnessConfig says what a witness stands on and whom it watches.
type WitnessConfig struct {
	Dir  string   // its folder, on another machine than the log's; made if it does not exist
	Name string   // of the witness, such as "witness.example.net"
	Logs []string // the keys of the logs it watches: name+id+key
	Now  func() time.Time
	Log  *slog.Logger
}

// A Witness cosigns checkpoints of logs that only ever grow (C2SP
// tlog-witness, tlog-cosignature). It remembers the last checkpoint of each, so
// a log that was set back or shows another history gets no signature.
type Witness struct {
	dir    *folder
	signer *signer
	logs   map[string][]signerKey // by origin
	log    *slog.Logger
	mu     sync.Mutex // from reading the last checkpoint to having kept the next
}

// OpenWitness opens a witness. Its key is made when it is first opened, and
// stays in its folder.
func OpenWitness(c WitnessConfig) (*Witness, error) {
	logs, err := c.watched() // before anything is made
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("ledger: witness: %w", err)
	}
	dir, err := holdFolder(c.Dir)
	if errors.Is(err, errHeld) {
		return nil, loot.Errorf(loot.Conflict, "Another witness runs on this folder.")
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: witness: %w", err)
	}
	w := &Witness{dir: dir, logs: logs, log: c.Log}
	seed, err := w.seed()
	if err == nil {
		w.signer, err = newSigner(c.Name, algCosignature, seed, c.Now)
	}
	if err != nil {
		return nil, errors.Join(err, dir.release())
	}
	return w, nil
}

// watched returns the keys of the logs by origin, or what is wrong with the
// settings.
func (c WitnessConfig) watched() (map[string][]signerKey, error) {
	if !validName(c.Name) {
		return nil, loot.Errorf(loot.Invalid, "The name of a witness has no spaces and no plus sign, such as witness.example.net.")
	}
	logs := map[string][]signerKey{}
	for _, text := range c.Logs {
		k, err := parseKey(text)
		if err != nil {
			return nil, err
		}
		if k.alg != algNote {
			return nil, loot.Errorf(loot.Invalid, "The key of a log is needed, not that of a witness.")
		}
		logs[k.name] = append(logs[k.name], k)
	}
	return logs, nil
}

// Close lets go of the witness's folder.
func (w *Witness) Close() error { return w.dir.release() }

// Key returns the key that the witness signs with: name+id+key.
func (w *Witness) Key() string { return w.signer.String() }

const witnessKeyFile = "witness.key"

func (w *Witness) seed() ([]byte, error) {
	path := filepath.Join(w.dir.dir, witnessKeyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		seed := random(ed25519.SeedSize)()
		return seed, replace(path, []byte(b64.EncodeToString(seed)+"\n"))
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: witness key: %w", err)
	}
	seed, err := b64.DecodeString(strings.TrimSuffix(string(text), "\n"))
	if err != nil {
		return nil, fmt.Errorf("ledger: witness key is damaged: %w", err)
	}
	return seed, nil
}

// replace writes a file so that after a crash it is the old or the new one.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new") // of mode 0600
	if err != nil {
		return fmt.Errorf("ledger: witness: %w", err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("ledger: witness: %w", errors.Join(err, os.Remove(f.Name())))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("ledger: witness: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

const maxSubmission = 64 << 10

// Handler is the service of the witness: POST /add-checkpoint as C2SP has it,
// and GET /<SHA-256 of the log's name in hex>/checkpoint, which returns the
// last checkpoint it cosigned, for whoever compares.
func (w *Witness) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxSubmission))
		if err != nil {
			http.Error(rw, "The request is too long.", http.StatusRequestEntityTooLarge)
			return
		}
		status, answer := w.add(string(body))
		if status == http.StatusConflict {
			rw.Header().Set("Content-Type", "text/x.tlog.size")
		} else {
			rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		rw.WriteHeader(status)
		send(rw, []byte(answer))
	})
	mux.HandleFunc("GET /{log}/checkpoint", func(rw http.ResponseWriter, r *http.Request) {
		for origin := range w.logs {
			if logHash(origin) != r.PathValue("log") {
				continue
			}
			if b, err := os.ReadFile(w.path(origin)); err == nil {
				rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
				send(rw, b)
				return
			}
		}
		http.Error(rw, "No checkpoint of this log was cosigned.", http.StatusNotFound)
	})
	return mux
}

func logHash(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:])
}

func (w *Witness) path(origin string) string {
	return filepath.Join(w.dir.dir, logHash(origin)+".checkpoint")
}

// add answers a submission.
func (w *Witness) add(body string) (status int, answer string) {
	old, path, cp, err := parseSubmission(body)
	if err != nil {
		return http.StatusBadRequest, "The request is not a submission: " + err.Error() + ".\n"
	}
	keys, ok := w.logs[cp.origin]
	if !ok {
		return http.StatusNotFound, "This log is not watched.\n"
	}
	signed := false
	for _, k := range keys {
		_, ok := cp.signedBy(k)
		signed = signed || ok
	}
	if !signed {
		return http.StatusForbidden, "No signature is of a key that is trusted for this log.\n"
	}
	if old > cp.size {
		return http.StatusBadRequest, "The old size is larger than the new one.\n"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last, err := w.last(cp.origin)
	if err != nil {
		w.log.Error("the last checkpoint of a log cannot be read", "log", cp.origin, "err", err)
		return http.StatusInternalServerError, "The witness cannot read what it saw last.\n"
	}
	if old != last.size || old == cp.size && cp.root != last.root {
		if old == last.size || cp.size <= last.size && cp.text != last.text {
			w.log.Error("a log contradicts what it said before", "log", cp.origin, "size", cp.size, "before", last.size)
		}
		return http.StatusConflict, fmt.Sprintf("%d\n", last.size)
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, old, cp.size, path, last.root[:], cp.root[:]); err != nil {
		w.log.Error("a log did not prove that it only grew", "log", cp.origin, "size", cp.size, "before", last.size)
		return http.StatusUnprocessableEntity, "The proof does not show that the log only grew.\n"
	}
	line, err := w.signer.line(cp.text)
	if err != nil {
		return http.StatusInternalServerError, "The witness cannot sign.\n"
	}
	if err := replace(w.path(cp.origin), []byte(cp.raw+line)); err != nil {
		w.log.Error("a checkpoint cannot be kept", "log", cp.origin, "err", err)
		return http.StatusServiceUnavailable, "The witness cannot keep the checkpoint at the moment.\n"
	}
	return http.StatusOK, line
}

// last returns the last checkpoint that was cosigned, and that of an empty log
// if there is none.
func (w *Witness) last(origin string) (checkpoint, error) {
	b, err := os.ReadFile(w.path(origin))
	if errors.Is(err, fs.ErrNotExist) {
		return checkpoint{root: hash(rfc6962.DefaultHasher.EmptyRoot())}, nil
	}
	if err != nil {
		return checkpoint{}, err
	}
	cp, err := parseCheckpoint(string(b))
	if err != nil {
		return checkpoint{}, err
	}
	if _, ok := cp.signedBy(w.signer.signerKey); !ok {
		return checkpoint{}, errors.New("ledger: the kept checkpoint is not signed by this witness")
	}
	return cp, nil
}

func parseSubmission(body string) (old uint64, path [][]byte, cp checkpoint, err error) {
	l := &lines{rest: body, part: "submission"}
	size, _, err := l.word("old", "the old size")
	if err != nil {
		return 0, nil, cp, err
	}
	if old, err = parseSize(size); err != nil {
		return 0, nil, cp, errors.New("the old size must be a plain number")
	}
	for {
		line, at, err := l.next("a hash of the proof or an empty line")
		if err != nil {
			return 0, nil, cp, err
		}
		if line == "" {
			break
		}
		h, err := decodeHash(line, at, "proof", "a hash of the proof")
		if err != nil {
			return 0, nil, cp, err
		}
		if path = append(path, h[:]); len(path) > maxPath {
			return 0, nil, cp, errors.New("the proof is too long")
		}
	}
	cp, err = parseCheckpoint(l.rest)
	return old, path, cp, err
}
