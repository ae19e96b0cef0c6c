package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"loot"
	"loot/keyring"
	"loot/store"
)

// maxFollowers is how many may follow one person at once. Who comes later is
// sent away at once, and may ask again.
const maxFollowers = 20

// maxNews is up to how many new entries those are looked up whom they are about.
const maxNews = 5000

// followers wait for news about persons, who are named by the tags of their keys.
type followers struct {
	mu    sync.Mutex
	by    map[string][]chan struct{}
	ended bool
}

// Follow returns a channel that gets a word whenever an entry about the person
// was recorded or got its place in the log, in this process or another. What is
// under a gag is passed over in silence. The channel is closed when [Ledger.Run]
// ends. Who follows costs nothing until there is something new.
func (l *Ledger) Follow(ctx context.Context, s loot.Subject, c loot.Collection) (news <-chan struct{}, stop func(), err error) {
	key, err := l.keyring.Person(ctx, s, c)
	if errors.Is(err, keyring.ErrShredded) {
		return nil, func() {}, nil // nothing is found about them any more
	}
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: follow: %w", err)
	}
	f, tag := &l.followers, string(key.Tag())
	f.mu.Lock()
	defer f.mu.Unlock()
	ch := make(chan struct{}, 1)
	if f.ended || len(f.by[tag]) >= maxFollowers {
		close(ch)
		return ch, func() {}, nil
	}
	if f.by == nil {
		f.by = map[string][]chan struct{}{}
	}
	f.by[tag] = append(f.by[tag], ch)
	return ch, func() { f.leave(tag, ch) }, nil
}

func (f *followers) leave(tag string, ch chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.by[tag]
	for i, o := range list {
		if o == ch {
			list[i] = list[len(list)-1]
			f.by[tag] = list[:len(list)-1]
		}
	}
	if len(f.by[tag]) == 0 {
		delete(f.by, tag)
	}
}

// tell says that there is something about a person. It never waits: one word
// that was not heard yet is enough.
func (f *followers) tell(tag []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ch := range f.by[string(tag)] {
		say(ch)
	}
}

func (f *followers) tellAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, list := range f.by {
		for _, ch := range list {
			say(ch)
		}
	}
}

func say(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

func (f *followers) any() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.by) > 0
}

// open lets followers in, or sends them away.
func (f *followers) open(open bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended = !open; open {
		return
	}
	for _, list := range f.by {
		for _, ch := range list {
			close(ch)
		}
	}
	f.by = nil
}

// news tells those who follow somebody that entries got their place, whichever
// process recorded and placed them.
func (l *Ledger) news(ctx context.Context, from, to int64) error {
	if from >= to || !l.followers.any() {
		return nil
	}
	if to-from > maxNews {
		l.followers.tellAll()
		return nil
	}
	return l.db.ReadTx(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT DISTINCT e.person FROM ledger_place p JOIN ledger_entry e ON e.id = p.id
			WHERE p.idx >= $1 AND p.idx < $2 AND e.person IS NOT NULL AND e.gag <= $3`, from, to, micros(l.now()))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var tag []byte
			if err := rows.Scan(&tag); err != nil {
				return err
			}
			l.followers.tell(tag)
		}
		return rows.Err()
	})
}
