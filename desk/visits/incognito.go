package visits

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"loot"
	"loot/column"
	"loot/gate"
	"loot/keyring"
	"loot/store"
)

// A visitor tells one visitor of a site from the others on one day. It cannot
// be made, nor compared with anything, without the day's secret, and that is
// destroyed soon after the day.
type visitor int64

// crossing is how long a day's secret outlives its day, so that who visits at
// midnight goes on with one visit.
const crossing = 30 * time.Minute

// A secretOf names the secret of a site's day. What is imported has secrets of
// its own, so that it cannot be told whether who is in a log came here, too.
type secretOf struct {
	site uint16
	day  column.Day
	lane string // "live", or that of an import
}

const (
	secretPrefix = "visits."
	live         = "live"
)

func (o secretOf) name() string {
	return secretPrefix + strconv.Itoa(int(o.site)) + "." + o.day.String() + "." + o.lane
}

// parseSecret is the reverse of name.
func parseSecret(name string) (o secretOf, ok bool) {
	name, ok = strings.CutPrefix(name, secretPrefix)
	parts := strings.Split(name, ".")
	if !ok || len(parts) != 3 {
		return o, false
	}
	n, err := strconv.ParseUint(parts[0], 10, 16)
	o.site, o.lane = uint16(n), parts[2]
	return o, err == nil && o.day.UnmarshalText([]byte(parts[1])) == nil
}

// secrets are the days' secrets. Each is made when its day's first visit comes,
// kept over a restart under an epoch key of its own that no backup takes, and
// destroyed with that when its day and the crossing are over. The ledger says
// when it was made and destroyed.
type secrets struct {
	db      *store.DB
	gate    *gate.Gate
	keyring *keyring.Keyring

	mu    sync.Mutex
	known map[secretOf][]byte
}

// by is who notes it on the ledger.
var by = loot.Actor{Kind: loot.Desk, ID: Name}

// of returns the secret of a site's day, and makes it if it is the first to ask.
func (s *secrets) of(ctx context.Context, o secretOf) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(ctx, o)
}

// find is of for who holds the lock.
func (s *secrets) find(ctx context.Context, o secretOf) ([]byte, error) {
	if secret := s.known[o]; secret != nil {
		return secret, nil
	}
	made := false
	secret, err := s.keyring.Fleeting(ctx, o.name(), func() []byte {
		made = true
		b := make([]byte, sha256.Size)
		rand.Read(b) // never fails
		return b
	})
	if err != nil {
		return nil, fmt.Errorf("visits: secret of the day: %w", err)
	}
	if made {
		if err := s.note(ctx, "visits.secret made", o); err != nil {
			return nil, err
		}
	}
	s.known[o] = secret
	return secret, nil
}

// existing returns the secret of a site's day, nil if there is none. It may be
// that of the process before.
func (s *secrets) existing(ctx context.Context, o secretOf) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if secret, ok := s.known[o]; ok {
		return secret, nil
	}
	names, err := s.keyring.Fleetings()
	if err != nil {
		return nil, fmt.Errorf("visits: secrets: %w", err)
	}
	if slices.Contains(names, o.name()) {
		secret, err := s.find(ctx, o)
		if !errors.Is(err, keyring.ErrMissing) { // it was destroyed just now
			return secret, err
		}
	}
	s.known[o] = nil // the folder is not searched again
	return nil, nil
}

// wipe takes those out of this process's memory for which over says that their
// time has passed.
func (s *secrets) wipe(over func(secretOf) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for o, secret := range s.known {
		if over(o) {
			clear(secret)
			delete(s.known, o)
		}
	}
}

// destroy destroys every secret for which over says that its time has passed,
// and then says so on the ledger. One that fails does not keep the others.
func (s *secrets) destroy(ctx context.Context, over func(secretOf) bool) error {
	ended, failed := s.end(ctx, over)
	for _, o := range ended {
		err := s.note(ctx, "visits.secret destroyed", o)
		if err == nil {
			err = s.keyring.Discard(ctx, o.name())
		}
		if err != nil { // it is noted the next time
			failed = errors.Join(failed, fmt.Errorf("visits: secret of %s: %w", o.day, err))
		}
	}
	return failed
}

// end is destroy without the ledger. It returns those that are to be noted.
func (s *secrets) end(ctx context.Context, over func(secretOf) bool) (ended []secretOf, failed error) {
	s.wipe(over)
	names, err := s.keyring.Fleetings()
	if err != nil {
		return nil, fmt.Errorf("visits: secrets: %w", err)
	}
	for _, name := range names {
		o, ok := parseSecret(name)
		if !ok || !over(o) {
			continue
		}
		if err := s.keyring.Forget(ctx, name); err != nil {
			failed = errors.Join(failed, fmt.Errorf("visits: secret of %s: %w", o.day, err))
			continue
		}
		ended = append(ended, o)
	}
	return ended, failed
}

func (s *secrets) note(ctx context.Context, what string, o secretOf) error {
	return s.db.InTx(ctx, func(tx *store.Tx) error {
		_, err := s.gate.Note(ctx, tx, by, what, fmt.Sprintf("site %d, %s, %s", o.site, o.day, o.lane))
		return err
	})
}

// visitorOf is a keyed hash of what tells visitors apart: two browsers behind
// one address are two visitors, and one on two sites is two. It is never zero.
func visitorOf(secret []byte, site uint16, addr netip.Addr, browser string) visitor {
	h := hmac.New(sha256.New, secret)
	a := addr.As16()
	var b [2 + len(a)]byte
	binary.BigEndian.PutUint16(b[:], site)
	copy(b[2:], a[:])
	h.Write(b[:])
	h.Write([]byte(browser))
	var sum [sha256.Size]byte
	return visitor(binary.BigEndian.Uint64(h.Sum(sum[:0]))>>1 | 1)
}

// randomID is never zero and tells nothing.
func randomID() int64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return int64(binary.BigEndian.Uint64(b[:])>>1 | 1)
}
