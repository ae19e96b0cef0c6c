package keyring

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	macsubtle "github.com/tink-crypto/tink-go/v2/mac/subtle"
	prfsubtle "github.com/tink-crypto/tink-go/v2/prf/subtle"
	streamsubtle "github.com/tink-crypto/tink-go/v2/streamingaead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"loot"
	"loot/store"
)

// personAD binds a sealed person's key to where it belongs.
func personAD(s loot.Subject, c loot.Collection, epoch int) []byte {
	return bind("loot person key", string(s), string(c), strconv.Itoa(epoch))
}

// Create makes a person's key and commits it, before the transaction that
// seals the first value by it; [Keyring.Drop] removes those whose transaction
// failed. Doing it twice does nothing; after [Keyring.Destroy] it is
// [ErrShredded].
func (k *Keyring) Create(ctx context.Context, s loot.Subject, c loot.Collection) error {
	secret := newPersonSecret()
	// The epoch can pass while the key is being sealed, but hardly twice.
	for range 4 {
		e, _, err := k.using(ctx, c)
		if err != nil {
			return err
		}
		// The epoch stays the current one until the statement is through.
		made, err := k.DB.Exec(ctx, `INSERT INTO keyring_person (made, epoch, subject, collection, sealed)
			SELECT $1, epoch, $2, collection, $3 FROM keyring_epoch WHERE collection = $4 AND epoch = $5 AND state = '`+current+`'`+k.DB.Dialect().ForShare()+`
			ON CONFLICT DO NOTHING`, k.Now().UnixMicro(), s.Compact(), seal(e.wrap, secret.bytes(), personAD(s, c, e.n)), string(c), e.n)
		if err != nil {
			return fmt.Errorf("keyring: create: %w", err)
		}
		if made == 1 {
			k.held.add(k.person(s, c, secret), k.held.generation())
			return nil
		}
		var there sealedKey
		err = k.DB.Read(ctx, func(tx *store.Tx) error {
			there, err = readKey(ctx, tx, s, c)
			return err
		})
		switch {
		case errors.Is(err, sql.ErrNoRows): // the epoch had passed
		case err != nil:
			return fmt.Errorf("keyring: create: %w", err)
		case there.gone:
			return ErrShredded
		default:
			return nil
		}
		if _, err := k.load(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("keyring: create: the epoch of %s keeps changing", c)
}

// stillCurrent reports whether new keys may be sealed by epoch n, and keeps it
// so until the transaction ends.
func stillCurrent(ctx context.Context, tx *store.Tx, c loot.Collection, n int) (bool, error) {
	var state string
	err := tx.QueryRow(ctx, `SELECT state FROM keyring_epoch WHERE collection = $1 AND epoch = $2`+tx.ForShare(), string(c), n).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return state == current, err
}

type sealedKey struct {
	epoch  int
	sealed []byte
	gone   bool // destroyed
}

func readKey(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection) (sealedKey, error) {
	var r sealedKey
	err := tx.QueryRow(ctx, `SELECT epoch, sealed FROM keyring_person WHERE subject = $1 AND collection = $2`, s.Compact(), string(c)).Scan(&r.epoch, &r.sealed)
	r.gone = err == nil && r.epoch == 0
	return r, err
}

// Person returns a person's key, or [ErrShredded] if it was destroyed or never
// made. Use it at once: what is kept outlives its destruction.
func (k *Keyring) Person(ctx context.Context, s loot.Subject, c loot.Collection) (*PersonKey, error) {
	if p := k.held.get(s, c); p != nil {
		return p, nil
	}
	return k.Anew(ctx, s, c)
}

// Anew is [Keyring.Person] without those that are held in memory: with a field that another
// process has just destroyed the key of, nothing may be sealed by the former one.
func (k *Keyring) Anew(ctx context.Context, s loot.Subject, c loot.Collection) (*PersonKey, error) {
	for before := 0; ; {
		generation := k.held.generation()
		var row sealedKey
		err := k.DB.Read(ctx, func(tx *store.Tx) (err error) {
			row, err = readKey(ctx, tx, s, c)
			return err
		})
		if errors.Is(err, sql.ErrNoRows) || row.gone {
			return nil, ErrShredded
		}
		if err != nil {
			return nil, fmt.Errorf("keyring: read key: %w", err)
		}
		secret, err := k.unwrap(ctx, s, c, row)
		if errors.Is(err, ErrMissing) && row.epoch != before {
			// Perhaps the row was moved to a newer epoch, and this one destroyed,
			// since it was read.
			before = row.epoch
			continue
		}
		if err != nil {
			return nil, err
		}
		p := k.person(s, c, secret)
		k.held.add(p, generation)
		return p, nil
	}
}

// unwrap opens the key of a row.
func (k *Keyring) unwrap(ctx context.Context, s loot.Subject, c loot.Collection, row sealedKey) (out personSecret, err error) {
	e, err := k.known.Load().rings[c].get(row.epoch)
	if err != nil { // perhaps it is newer than what is known here
		now, lerr := k.load(ctx)
		if lerr != nil {
			return out, lerr
		}
		if e, err = now.rings[c].get(row.epoch); err != nil {
			return out, err
		}
	}
	secret, err := e.wrap.Decrypt(row.sealed, personAD(s, c, row.epoch))
	out, ok := parsePersonSecret(secret)
	if err != nil || !ok {
		return out, fmt.Errorf("keyring: person's key: %w", ErrTampered)
	}
	return out, nil
}

// Destroy destroys a person's key for ever: what it sealed can be opened no
// more, wherever it is. Doing it again, or for nobody, does nothing. What
// remains is that there was one, so that a restored backup of the data does
// not count as damaged.
func (k *Keyring) Destroy(ctx context.Context, s loot.Subject, c loot.Collection) error {
	_, err := k.DB.Exec(ctx, `UPDATE keyring_person SET epoch = 0, sealed = $1 WHERE subject = $2 AND collection = $3`, []byte{}, s.Compact(), string(c))
	if err != nil {
		return fmt.Errorf("keyring: destroy: %w", err)
	}
	k.held.drop(s, c)
	k.step("destroy: row")
	return k.scrub(ctx)
}

// Drop removes the key of a person of whom nothing was ever sealed.
func (k *Keyring) Drop(ctx context.Context, s loot.Subject, c loot.Collection) error {
	_, err := k.DB.Exec(ctx, `DELETE FROM keyring_person WHERE subject = $1 AND collection = $2`, s.Compact(), string(c))
	if err != nil {
		return fmt.Errorf("keyring: drop: %w", err)
	}
	k.held.drop(s, c)
	return nil
}

// scrub empties the write-ahead log of an embedded key store, which still
// holds the sealed key; the database file itself overwrites what is deleted.
// PostgreSQL keeps dead rows and its log on its own terms: there the key is
// gone for good when the epoch is destroyed.
func (k *Keyring) scrub(ctx context.Context) error {
	pool := k.DB.SQLitePool()
	if pool == nil {
		return nil
	}
	// A reader that holds an older view keeps the log from being emptied now;
	// the next destruction or the next start empties it.
	if _, err := pool.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return fmt.Errorf("keyring: empty the write-ahead log: %w", err)
	}
	return nil
}

// A PersonKey seals what one person gave on one occasion.
type PersonKey struct {
	k      *Keyring
	s      loot.Subject
	c      loot.Collection
	secret personSecret
	fields *prfsubtle.HMACPRF // makes the keys of fields; nil: they have none of their own
	field  loot.Field         // whose key this is; empty: that of what is no field
	aead   tink.AEAD
	mac    tink.MAC
	tag    []byte
	bound  []byte // subject and collection, before every associated data
	kind   Kind
	tally  *Tally // counts in place of the kind
}

func (k *Keyring) person(s loot.Subject, c loot.Collection, of personSecret) *PersonKey {
	p := &PersonKey{
		k: k, s: s, c: c, secret: of, kind: Unanswered,
		aead:  newAEAD(derive(of.secret, keySize, "loot person", "seal")),
		mac:   newMAC(derive(of.secret, keySize, "loot person", "mac")),
		tag:   derive(of.secret, TagSize, "loot person", "tag"),
		bound: bind(string(s), string(c)),
	}
	if of.root != nil {
		p.fields = newFieldPRF(of.root)
	}
	return p
}

// For returns the same key, whose openings are counted as a kind. Vault and
// ledger alone answer for what is opened that way.
func (p *PersonKey) For(kind Kind) *PersonKey {
	as := *p
	as.kind, as.tally = kind, nil
	return &as
}

// In returns the same key, whose openings are counted by a tally. It is then
// for one goroutine at a time.
func (p *PersonKey) In(t *Tally) *PersonKey {
	as := *p
	as.tally = t
	return &as
}

// count counts an opening before it happens.
func (p *PersonKey) count() error {
	switch {
	case p.tally != nil:
		p.tally.n++
	case p.kind == Unanswered:
		return p.k.ops.unanswered()
	default:
		p.k.ops.add(p.kind, 1)
	}
	return nil
}

// Overhead is how many bytes longer a sealed value is than the value.
const Overhead = 12 + 16

// Seal seals a value. It opens only with the same associated data, for the
// same person and collection.
func (p *PersonKey) Seal(plain, ad []byte) []byte { return seal(p.aead, plain, p.ad(ad)) }

// Open opens a sealed value and counts it. With a key that is neither in a
// tally nor for a kind the opening is Unanswered: it is written to the key store
// first, and becomes an incident.
func (p *PersonKey) Open(sealed, ad []byte) ([]byte, error) {
	if err := p.count(); err != nil {
		return nil, err
	}
	plain, err := p.aead.Decrypt(sealed, p.ad(ad))
	if err != nil {
		return nil, fmt.Errorf("keyring: sealed value: %w", ErrTampered)
	}
	return plain, nil
}

func (p *PersonKey) ad(ad []byte) []byte {
	b := make([]byte, 0, len(p.bound)+len(ad))
	return append(append(b, p.bound...), ad...)
}

// MACSize is the length of a MAC.
const MACSize = 16

func newMAC(key []byte) tink.MAC {
	m, err := macsubtle.NewHMAC("SHA256", key, MACSize)
	if err != nil {
		panic(err) // the key has 32 bytes, the MAC 16
	}
	return m
}

// MAC returns what shows that something which is not secret was written by who
// had the key, and about the same person and collection.
func (p *PersonKey) MAC(data []byte) []byte {
	mac, err := p.mac.ComputeMAC(p.ad(data))
	if err != nil {
		panic(err) // it writes into a hash
	}
	return mac
}

// Verify returns [ErrTampered] unless the MAC is that of the data. It opens
// nothing, so it is not counted.
func (p *PersonKey) Verify(mac, data []byte) error {
	if p.mac.VerifyMAC(mac, p.ad(data)) != nil {
		return fmt.Errorf("keyring: MAC: %w", ErrTampered)
	}
	return nil
}

// TagSize is the length of a tag.
const TagSize = 16

// Tag finds what the ledger keeps about the person. Without the key nobody can
// tell whose it is.
func (p *PersonKey) Tag() []byte { return slices.Clone(p.tag) }

// Segment is the length of the pieces in which a stream is sealed. Each is
// bound to its position, and the last to being the last.
const Segment = 64 << 10

func (p *PersonKey) streaming() (*streamsubtle.AESGCMHKDF, error) {
	return streamsubtle.NewAESGCMHKDF(p.streamKey(), "SHA256", keySize, Segment, 0)
}

// SealStream returns a writer that seals what is written to it into w, in
// writes of [Segment] bytes at most. The stream is whole once it is closed.
func (p *PersonKey) SealStream(w io.Writer, ad []byte) (io.WriteCloser, error) {
	s, err := p.streaming()
	if err != nil {
		return nil, fmt.Errorf("keyring: seal stream: %w", err)
	}
	return s.NewEncryptingWriter(w, p.ad(ad))
}

// OpenStream returns a reader of what was sealed, and counts it as one
// opening. A stream that was cut, reordered or changed ends in [ErrTampered],
// and nothing of the segment where it happened is returned.
func (p *PersonKey) OpenStream(r io.Reader, ad []byte) (io.Reader, error) {
	if err := p.count(); err != nil {
		return nil, err
	}
	s, err := p.streaming()
	if err != nil {
		return nil, fmt.Errorf("keyring: open stream: %w", err)
	}
	source := &honest{r: r}
	plain, err := s.NewDecryptingReader(source, p.ad(ad))
	if err != nil {
		return nil, source.blame(err)
	}
	return &streamReader{plain, source}, nil
}

// honest remembers an error of the source, so that a lost connection is not
// taken for tampering.
type honest struct {
	r   io.Reader
	err error
}

func (h *honest) Read(b []byte) (int, error) {
	n, err := h.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		h.err = err
	}
	return n, err
}

func (h *honest) blame(err error) error {
	if h.err != nil {
		return h.err
	}
	return fmt.Errorf("keyring: sealed stream: %w", errors.Join(ErrTampered, err))
}

type streamReader struct {
	plain  io.Reader
	source *honest
}

func (s *streamReader) Read(b []byte) (int, error) {
	n, err := s.plain.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = s.source.blame(err)
	}
	return n, err
}
