package ledger

import (
	"crypto/rand"
	"crypto/sha256"
)

// A leaf of the log is a version byte and one hash over the commitments to the
// three facets of a record. The log therefore holds nothing of a person, and a
// receipt can open one facet without the others.
const (
	leafVersion = 1
	leafSize    = 1 + sha256.Size
	saltSize    = 32
)

type hash = [sha256.Size]byte

// salt returns the fresh random bytes that hide a facet behind its commitment.
// Every facet has its own: facets are guessable, so one shared salt, once
// opened, would open them all.
func salt() []byte {
	b := make([]byte, saltSize)
	rand.Read(b) // never fails
	return b
}

// commit returns the commitment to a facet.
func commit(salt, facet []byte) hash {
	b := make([]byte, 0, 1024)
	b = append(b, salt...)
	return sha256.Sum256(append(b, facet...))
}

// leafOf returns the leaf over the commitments to the facets subject, actor
// and facts.
func leafOf(subject, actor, facts hash) []byte {
	var three [3 * sha256.Size]byte
	copy(three[:], subject[:])
	copy(three[sha256.Size:], actor[:])
	copy(three[2*sha256.Size:], facts[:])
	sum := sha256.Sum256(three[:])
	return append([]byte{leafVersion}, sum[:]...)
}

// leafHash returns the hash of a leaf in the Merkle tree (RFC 6962).
func leafHash(leaf []byte) hash {
	var b [1 + leafSize]byte
	return sha256.Sum256(append(b[:1:1], leaf...))
}

// nodeHash returns the hash of an inner node of the Merkle tree (RFC 6962).
func nodeHash(left, right hash) hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}
