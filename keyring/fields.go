package keyring

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	prfsubtle "github.com/tink-crypto/tink-go/v2/prf/subtle"

	"loot"
	"loot/store"
)

// A personSecret is what a person's keys are derived from. Those of fields come from a
// root of their own, so that one of them can be destroyed: then the root is replaced, and
// the keys of the other fields, which came from it, are kept as they are.
type personSecret struct {
	secret []byte
	root   []byte // nil: made when fields had no keys of their own
	kept   map[loot.Field]fieldKeys
	gone   map[loot.Field]Erasure
}

type fieldKeys struct{ seal, stream []byte }

// An Erasure is when a field was erased: what was sealed as it by then opens no more.
type Erasure struct {
	Version int64 // of the record
	At      int64 // microseconds since 1970
}

// withFields is the first byte of a secret with a root, which is longer than one without.
const withFields = 2

// wholeSecret is how long a sealed secret is of which no field's keys were destroyed.
const wholeSecret = 1 + 2*keySize + 2 + Overhead

func newPersonSecret() personSecret {
	p := personSecret{secret: make([]byte, keySize), root: make([]byte, keySize)}
	rand.Read(p.secret) // never fails
	rand.Read(p.root)
	return p
}

// bytes is the inverse of parsePersonSecret.
func (p personSecret) bytes() []byte {
	if p.root == nil {
		return p.secret
	}
	b := slices.Concat([]byte{withFields}, p.secret, p.root)
	b = binary.AppendUvarint(b, uint64(len(p.kept)))
	for _, f := range slices.Sorted(maps.Keys(p.kept)) {
		b = appendField(b, f)
		b = append(append(b, p.kept[f].seal...), p.kept[f].stream...)
	}
	b = binary.AppendUvarint(b, uint64(len(p.gone)))
	for _, f := range slices.Sorted(maps.Keys(p.gone)) {
		b = appendField(b, f)
		b = binary.AppendVarint(binary.AppendVarint(b, p.gone[f].Version), p.gone[f].At)
	}
	return b
}

func appendField(b []byte, f loot.Field) []byte {
	return append(binary.AppendUvarint(b, uint64(len(f))), f...)
}

// parsePersonSecret reads what was sealed; false: nothing of this package wrote it.
func parsePersonSecret(b []byte) (p personSecret, ok bool) {
	if len(b) == keySize {
		return personSecret{secret: b}, true
	}
	r := secretReader{b, len(b) > 0 && b[0] == withFields}
	r.take(1)
	p.secret, p.root = r.take(keySize), r.take(keySize)
	for n := r.uvarint(); r.ok && n > 0; n-- {
		f := loot.Field(r.take(r.uvarint()))
		if p.kept == nil {
			p.kept = map[loot.Field]fieldKeys{}
		}
		p.kept[f] = fieldKeys{r.take(keySize), r.take(keySize)}
	}
	for n := r.uvarint(); r.ok && n > 0; n-- {
		f := loot.Field(r.take(r.uvarint()))
		if p.gone == nil {
			p.gone = map[loot.Field]Erasure{}
		}
		p.gone[f] = Erasure{r.varint(), r.varint()}
	}
	return p, r.ok && len(r.b) == 0
}

// A secretReader takes a secret apart. After the first fault it gives nothing.
type secretReader struct {
	b  []byte
	ok bool
}

func (r *secretReader) take(n uint64) []byte {
	if r.ok = r.ok && n <= uint64(len(r.b)); !r.ok {
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *secretReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.take(uint64(max(n, 0)))
	r.ok = r.ok && n > 0
	return v
}

func (r *secretReader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func newFieldPRF(root []byte) *prfsubtle.HMACPRF {
	prf, err := prfsubtle.NewHMACPRF("SHA256", root)
	if err != nil {
		panic(err) // the root has 32 bytes
	}
	return prf
}

func fieldKey(prf *prfsubtle.HMACPRF, use string, f loot.Field) []byte {
	key, err := prf.ComputePRF(bind("loot person field", use, string(f)), keySize)
	if err != nil {
		panic(err) // it is as long as a hash
	}
	return key
}

// Of returns the person's key for what is sealed as a field, which
// [Keyring.DestroyFields] can destroy alone.
func (p *PersonKey) Of(f loot.Field) *PersonKey {
	if p.fields == nil {
		return p
	}
	as := *p
	as.field = f
	if kept, ok := p.secret.kept[f]; ok {
		as.aead = newAEAD(kept.seal)
	} else {
		as.aead = newAEAD(fieldKey(p.fields, "seal", f))
	}
	return &as
}

// streamKey returns what streams of the field, or of none, are sealed by.
func (p *PersonKey) streamKey() []byte {
	if p.field == "" {
		return derive(p.secret.secret, keySize, "loot person", "stream")
	}
	if kept, ok := p.secret.kept[p.field]; ok {
		return kept.stream
	}
	return fieldKey(p.fields, "stream", p.field)
}

// Erased returns when the key of a field was destroyed last; false: never.
func (p *PersonKey) Erased(f loot.Field) (Erasure, bool) {
	e, ok := p.secret.gone[f]
	return e, ok
}

// DestroyFields destroys the keys of some of a person's fields for ever: what was sealed as
// one of them can be opened no more, wherever it is, and what is sealed as it from now on
// has another key. Those to keep are kept as they are; of fields that are named in neither,
// nothing may be sealed. Doing it again, or for nobody, does nothing; fields of keys from
// before they had their own go with the person's key alone.
func (k *Keyring) DestroyFields(ctx context.Context, s loot.Subject, c loot.Collection, gone map[loot.Field]Erasure, keep []loot.Field) error {
	for range 4 { // as in Create
		e, _, err := k.using(ctx, c)
		if err != nil {
			return err
		}
		moved := false // to another epoch meanwhile
		if err := k.DB.InTx(ctx, func(tx *store.Tx) error {
			still, err := stillCurrent(ctx, tx, c, e.n)
			if moved = !still; err != nil || moved {
				return err
			}
			var row sealedKey
			err = tx.QueryRow(ctx, `SELECT epoch, sealed FROM keyring_person WHERE subject = $1 AND collection = $2`+tx.ForUpdate(), s.Compact(), string(c)).Scan(&row.epoch, &row.sealed)
			if errors.Is(err, sql.ErrNoRows) || err == nil && row.epoch == 0 {
				return nil
			}
			if err != nil {
				return err
			}
			secret, err := k.unwrap(ctx, s, c, row)
			if err != nil || secret.root == nil {
				return err
			}
			_, err = tx.Exec(ctx, `UPDATE keyring_person SET epoch = $1, sealed = $2 WHERE subject = $3 AND collection = $4`,
				e.n, seal(e.wrap, secret.without(gone, keep).bytes(), personAD(s, c, e.n)), s.Compact(), string(c))
			return err
		}); err != nil {
			return fmt.Errorf("keyring: destroy fields: %w", err)
		}
		if !moved {
			k.held.drop(s, c)
			k.step("destroy fields: row")
			return k.scrub(ctx)
		}
		if _, err := k.load(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("keyring: destroy fields: the epoch of %s keeps changing", c)
}

// without is the secret once some fields are destroyed.
func (p personSecret) without(gone map[loot.Field]Erasure, keep []loot.Field) personSecret {
	prf := newFieldPRF(p.root)
	out := personSecret{secret: p.secret, root: newPersonSecret().root, kept: map[loot.Field]fieldKeys{}, gone: maps.Clone(p.gone)}
	if out.gone == nil {
		out.gone = map[loot.Field]Erasure{}
	}
	maps.Copy(out.gone, gone)
	for _, f := range append(slices.Collect(maps.Keys(p.kept)), keep...) {
		if _, destroyed := gone[f]; destroyed {
			continue
		}
		if kept, ok := p.kept[f]; ok {
			out.kept[f] = kept
		} else {
			out.kept[f] = fieldKeys{fieldKey(prf, "seal", f), fieldKey(prf, "stream", f)}
		}
	}
	return out
}
