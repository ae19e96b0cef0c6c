package keyring

import (
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"loot"
)

// held is the persons' keys in memory: the least recently used leave first,
// each leaves when it expires, and at once when it is destroyed here.
type held struct {
	keys   *lru.Cache[holder, holding]
	expiry time.Duration
	now    func() time.Time
	gen    atomic.Uint64 // counts destructions
}

type holder struct {
	s loot.Subject
	c loot.Collection
}

type holding struct {
	key   *PersonKey
	until time.Time
}

func newHeld(n int, expiry time.Duration, now func() time.Time) (*held, error) {
	keys, err := lru.New[holder, holding](n)
	return &held{keys: keys, expiry: expiry, now: now}, err
}

func (h *held) get(s loot.Subject, c loot.Collection) *PersonKey {
	at := holder{s, c}
	v, ok := h.keys.Get(at)
	if !ok {
		return nil
	}
	if !h.now().Before(v.until) {
		h.keys.Remove(at)
		return nil
	}
	return v.key
}

// generation is taken before a key is read, and given to add.
func (h *held) generation() uint64 { return h.gen.Load() }

// add holds a key unless one was destroyed since it was read: it could be that.
func (h *held) add(p *PersonKey, generation uint64) {
	at := holder{p.s, p.c}
	if h.gen.Load() != generation {
		return
	}
	h.keys.Add(at, holding{p, h.now().Add(h.expiry)})
	if h.gen.Load() != generation {
		h.keys.Remove(at)
	}
}

func (h *held) drop(s loot.Subject, c loot.Collection) {
	h.gen.Add(1)
	h.keys.Remove(holder{s, c})
}
