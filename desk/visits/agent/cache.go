package agent

import (
	"hash/maphash"
	"sync"
)

// A Cache remembers the agents of lately seen strings. It keeps a hash under a
// seed that only this process has and never a string, so that asking it leaves
// no user-agent string in memory; its size is fixed, so that strings made up at
// random cost a Parse each and nothing more.
type Cache struct {
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	sync.Mutex
	slots [64]slot
}

type slot struct {
	hash  uint64
	agent Agent
}

// NewCache returns an empty cache.
func NewCache() *Cache { return &Cache{seed: maphash.MakeSeed()} }

// Parse is what the function Parse says.
func (c *Cache) Parse(userAgent string, hints Hints) Agent {
	sum := c.sum(userAgent, hints)
	shard := &c.shards[sum%64]
	slot := &shard.slots[sum/64%64]
	shard.Lock()
	if slot.hash == sum {
		defer shard.Unlock()
		return slot.agent
	}
	shard.Unlock()
	a := Parse(userAgent, hints)
	shard.Lock()
	slot.hash, slot.agent = sum, a
	shard.Unlock()
	return a
}

func (c *Cache) sum(userAgent string, h Hints) uint64 {
	sum := maphash.String(c.seed, userAgent[:min(len(userAgent), longest)])
	if h != (Hints{}) {
		h.Brands = h.Brands[:min(len(h.Brands), longest)]
		sum ^= maphash.Comparable(c.seed, h)
	}
	return max(sum, 1) // 0 is an empty slot
}
