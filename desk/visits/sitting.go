package visits

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"loot/column"
	"loot/desk/visits/source"
)

// idle is how long a visitor may do nothing before the next page is another
// visit. Neither the hour nor midnight ends one.
const idle = 30 * time.Minute

// What is held in memory of visits that go on is bounded: beyond it the one
// that did nothing longest is taken to have ended, and what came longest ago
// may be taken for new if it comes again.
const (
	mostSittings = 1 << 17
	mostSeen     = 1 << 17
	mostPages    = 4
)

// A sitting is a visit that may go on.
type sitting struct {
	visit int64
	last  time.Time
	views uint16
	path  string // of the page before
	entry string
	from  source.Source
	human bool
	pages [mostPages]viewed // the latest, in a ring
}

// A viewed is when a page was looked at.
type viewed struct {
	page   int64
	day    column.Day
	second uint32
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

// get returns a visitor's visit that goes on. Before midnight they were somebody
// else: former names who, and is zero at any other time.
func (s *sittings) get(who, former seat, at time.Time) (*sitting, bool) {
	sit, ok := s.all.Get(who)
	if !ok && former != (seat{}) {
		if sit, ok = s.all.Peek(former); ok {
			s.all.Remove(former)
			s.all.Add(who, sit)
		}
	}
	if !ok {
		return nil, false
	}
	since := at.Sub(sit.last) // logs are not read in the order of time
	return sit, since <= idle && since >= -idle
}

// A look is one more page of a visitor.
type look struct {
	viewed
	at    time.Time
	path  string
	from  source.Source
	human bool
}

// view takes a visitor's next page into their visit, which begins if none goes
// on, and returns the visit as it is with that page, and the path before it.
func (s *sittings) view(who, former seat, l look) (now sitting, before string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sit, ok := s.get(who, former, l.at)
	if !ok {
		sit = &sitting{visit: randomID(), entry: l.path, from: l.from}
		s.all.Add(who, sit)
	}
	before = sit.path
	sit.last, sit.path = later(sit.last, l.at), l.path
	sit.pages[int(sit.views)%mostPages], sit.human = l.viewed, l.human
	if sit.views < ^uint16(0) {
		sit.views++
	}
	return *sit, before
}

// stay keeps a visit from being idle while somebody reads, and returns it; it
// reports false if none goes on.
func (s *sittings) stay(who, former seat, at time.Time) (now sitting, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sit, ok := s.get(who, former, at)
	if !ok {
		return sitting{}, false
	}
	sit.last = later(sit.last, at)
	return *sit, true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// gap returns the page before the last one, and how long it was until that. A
// file or a page that is not there keeps a visit from ending, but whoever asked
// for nothing more than idle is not held to have read all the while.
func (s *sitting) gap() (last viewed, lasted time.Duration) {
	if s.views < 2 || s.views == ^uint16(0) {
		return viewed{}, 0
	}
	last, now := s.pages[int(s.views-2)%mostPages], s.pages[int(s.views-1)%mostPages]
	seconds := int(now.day-last.day)*86400 + int(now.second) - int(last.second)
	return last, min(time.Duration(seconds)*time.Second, idle)
}

// on returns the day on which a page of the visit was looked at, if it was one
// of the latest.
func (s *sitting) on(page int64) (column.Day, bool) {
	for _, v := range s.pages {
		if v.page == page && page != 0 {
			return v.day, true
		}
	}
	return 0, false
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

// active returns how many people on a site did something since a time.
func (s *sittings) active(site uint16, since time.Time) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, who := range s.all.Keys() {
		if sit, ok := s.all.Peek(who); ok && who.site == site && sit.human && !sit.last.Before(since) {
			n++
		}
	}
	return n
}

// seen tells what came already: a browser may send a thing twice, and so may
// anybody.
type seen struct {
	mu         sync.Mutex
	young, old map[uint64]struct{}
}

// add reports whether something comes for the first time.
func (s *seen) add(what uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.young[what]; ok {
		return false
	}
	if _, ok := s.old[what]; ok {
		return false
	}
	if s.young == nil || len(s.young) >= mostSeen {
		s.old, s.young = s.young, make(map[uint64]struct{}, 1024)
	}
	s.young[what] = struct{}{}
	return true
}

// remove takes back what was not kept in the end, so that it may come again.
func (s *seen) remove(what uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.young, what)
	delete(s.old, what)
}

// What a column of a site may hold on a day: a program that makes up addresses
// would otherwise fill memory and reports. What comes beyond has one value.
const (
	mostPaths = 20_000
	mostWords = 5_000
	beyond    = "(more than are told apart)"
)

// novel counts the values that columns have on a day.
type novel struct {
	mu     sync.Mutex
	seed   maphash.Seed
	of     map[columnAt]map[uint64]struct{}
	folded int64 // values that were not told apart
}

type columnAt struct {
	site   uint16
	column string
	day    column.Day
}

// value returns the value, or what stands for it if there are too many.
func (n *novel) value(at columnAt, most int, value string) string {
	if value == "" {
		return ""
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.of == nil {
		n.seed, n.of = maphash.MakeSeed(), map[columnAt]map[uint64]struct{}{}
	}
	known := n.of[at]
	if known == nil {
		for have := range n.of { // of days that are over
			if have.site == at.site && have.column == at.column && have.day < at.day-1 {
				delete(n.of, have)
			}
		}
		known = map[uint64]struct{}{}
		n.of[at] = known
	}
	h := maphash.String(n.seed, value)
	if _, ok := known[h]; ok {
		return value
	}
	if len(known) >= most {
		n.folded++
		return beyond
	}
	known[h] = struct{}{}
	return value
}

// beyond returns how many values were not told apart.
func (n *novel) beyond() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.folded
}
