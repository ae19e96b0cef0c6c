package visits

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"loot/desk/visits/source"
)

// idle is how long a visitor may do nothing before the next page is another
// visit. Neither the hour nor midnight ends one.
const idle = 30 * time.Minute

// mostSittings bounds the visits that are held in memory as going on: beyond
// it the one that did nothing longest is taken to have ended.
const mostSittings = 1 << 17

// A sitting is a visit that may go on.
type sitting struct {
	visit uint64
	last  time.Time
	views uint16
	path  string // of the page before
	entry string
	from  source.Source
}

// A seat is whose visit it is.
type seat struct {
	site uint16
	who  visitor
}

// sittings are the visits that go on, in memory alone.
type sittings struct {
	mu  sync.Mutex
	all *simplelru.LRU[seat, *sitting]
}

func newSittings() *sittings {
	all, err := simplelru.NewLRU[seat, *sitting](mostSittings, nil)
	if err != nil {
		panic(err) // the size is one
	}
	return &sittings{all: all}
}

// view takes a visitor's next page into their visit, which begins if none goes
// on, and returns the visit as it is with that page. Before midnight a visitor
// was somebody else: former names who, and is zero at any other time.
func (s *sittings) view(who, former seat, at time.Time, path string, from source.Source) (now sitting, before string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sit, ok := s.all.Get(who)
	if !ok && former != (seat{}) {
		if sit, ok = s.all.Peek(former); ok {
			s.all.Remove(former)
			s.all.Add(who, sit)
		}
	}
	if !ok || at.Sub(sit.last) > idle {
		sit = &sitting{visit: randomID(), entry: path, from: from}
		s.all.Add(who, sit)
	}
	before = sit.path
	sit.last, sit.path = at, path
	if sit.views < ^uint16(0) {
		sit.views++
	}
	return *sit, before
}

// stay keeps a visit from being idle while somebody reads, and returns it; it
// reports false if none goes on.
func (s *sittings) stay(who seat, at time.Time) (now sitting, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sit, ok := s.all.Get(who)
	if !ok || at.Sub(sit.last) > idle {
		return sitting{}, false
	}
	sit.last = at
	return *sit, true
}

// resume puts a visit back that went on when the program ended.
func (s *sittings) resume(who seat, sit sitting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all.Add(who, &sit)
}

// sweep forgets what has been idle too long.
func (s *sittings) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		who, sit, ok := s.all.GetOldest()
		if !ok || now.Sub(sit.last) <= idle {
			return
		}
		s.all.Remove(who)
	}
}

func randomID() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}
