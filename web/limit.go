package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"loot"
)

// A Limit is how often one address may use a route: a burst at once, and
// after that one each time Every has passed.
type Limit struct {
	Every time.Duration
	Burst int
}

// PerMinute is a limit of n a minute, all of which may come at once.
func PerMinute(n int) Limit { return Limit{Every: time.Minute / time.Duration(n), Burst: n} }

// NoLimit is for routes that bear any load.
var NoLimit = Limit{Every: -1}

// The limits of routes that name none.
var (
	limitRead  = Limit{Every: 20 * time.Millisecond, Burst: 600}
	limitWrite = Limit{Every: 500 * time.Millisecond, Burst: 60}
)

// maxLimiters bounds the memory: beyond it the keys seen longest ago start afresh.
const maxLimiters = 1 << 16

// A limiter keeps a bucket per route and keyed hash of an address. The key is
// random and never leaves the process, so the table says nothing about who
// was here. Two generations make forgetting cheap: what was not used since
// the last turn is dropped at the next.
type limiter struct {
	now func() time.Time
	key [32]byte

	mu       sync.Mutex
	young    map[uint64]*rate.Limiter
	old      map[uint64]*rate.Limiter
	turned   time.Time
	capacity int
}

func newLimiter(now func() time.Time) *limiter {
	l := &limiter{now: now, young: map[uint64]*rate.Limiter{}, capacity: maxLimiters}
	rand.Read(l.key[:]) // never fails
	return l
}

// A limited error knows when it is worth to try again.
type limited struct {
	error
	wait time.Duration
}

func (e *limited) Unwrap() error { return e.error }

// Wait returns how long it is until then.
func (e *limited) Wait() time.Duration { return e.wait }

// take uses one from the bucket of what and who.
func (l *limiter) take(what, who string, lim Limit) error {
	if lim.Every <= 0 {
		return nil
	}
	mac := hmac.New(sha256.New, l.key[:])
	mac.Write([]byte(what))
	mac.Write([]byte{0})
	mac.Write([]byte(who))
	k := binary.LittleEndian.Uint64(mac.Sum(nil))
	now := l.now()

	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.young) >= l.capacity/2 || now.Sub(l.turned) > 10*time.Minute {
		l.old, l.young, l.turned = l.young, map[uint64]*rate.Limiter{}, now
	}
	b := l.young[k]
	if b == nil {
		if b = l.old[k]; b == nil {
			b = rate.NewLimiter(rate.Every(lim.Every), max(1, lim.Burst))
		}
		l.young[k] = b
	}
	if b.AllowN(now, 1) {
		return nil
	}
	res := b.ReserveN(now, 1)
	wait := res.DelayFrom(now)
	res.CancelAt(now)
	return &limited{loot.Errorf(loot.Limited, "That was too often. Please wait a little and try again."), wait}
}

// allow applies the limit of a route. Whoever is signed in is known, and is
// limited only where the route says so.
func (s *Shell) allow(r *http.Request, rt Route) error {
	lim := rt.Limit
	if lim == (Limit{}) {
		switch {
		case rt.Audience != Public:
			return nil
		case unsafe(r.Method):
			lim = limitWrite
		default:
			lim = limitRead
		}
	}
	if s.opts.NoLimits {
		return nil
	}
	return s.limits.take(rt.Pattern, s.network(r), lim)
}

// Allow returns a check of a limit by address, for handlers on the mux that
// are no routes of the shell's, such as the API. what names the limit.
func (s *Shell) Allow(what string, lim Limit) func(*http.Request) error {
	return func(r *http.Request) error {
		if s.opts.NoLimits {
			return nil
		}
		return s.limits.take("on:"+what, s.network(r), lim)
	}
}

// Limited applies a limit to one key, such as the account that somebody tries
// to sign in to, beside the limit by address that the route has. The key is
// kept only as a keyed hash. what names the limit.
func Limited(r *http.Request, what, key string, lim Limit) error {
	x := exchangeOf(r.Context())
	if x.shell == nil || x.shell.opts.NoLimits {
		return nil
	}
	return x.shell.limits.take("by:"+what, strings.ToLower(key), lim)
}

// ClientOf returns the address of whoever asks, believing the proxies that the
// operator named and nobody else, and whether they came by TLS; claims says that
// somebody who is not believed named an address. It is personal data: it goes
// into a decision and nowhere else, and never into a log.
func ClientOf(r *http.Request) (addr netip.Addr, secure, claims bool) {
	s := exchangeOf(r.Context()).shell
	if s == nil {
		return remote(r), r.TLS != nil, false
	}
	addr, claims = s.address(r)
	return addr, s.https || r.TLS != nil, claims
}

// network returns what of the address is limited as one: all of IPv4, and of
// IPv6 the 64 bits that one household has.
func (s *Shell) network(r *http.Request) string {
	a, _ := s.address(r)
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// address returns the address of whoever asks. Behind a proxy that the
// options name, it is the one that the proxy saw; claims says that somebody who
// is not believed named another. It is personal data: it goes nowhere but into a
// decision, and never into a log.
func (s *Shell) address(r *http.Request) (at netip.Addr, claims bool) {
	at = remote(r)
	// From the right: each proxy appended whom it saw, and only those that
	// are ours are believed.
	for _, line := range slices.Backward(r.Header.Values("X-Forwarded-For")) {
		for more := true; more; {
			if !s.ours(at) {
				return at, true
			}
			before := strings.LastIndexByte(line, ',')
			hop, err := netip.ParseAddr(strings.TrimSpace(line[before+1:]))
			if err != nil {
				return at, false
			}
			at, more = hop.Unmap(), before >= 0
			line = line[:max(before, 0)]
		}
	}
	return at, false
}

func (s *Shell) ours(a netip.Addr) bool {
	for _, p := range s.opts.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func remote(r *http.Request) netip.Addr {
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return ap.Addr().Unmap()
	}
	a, _ := netip.ParseAddr(r.RemoteAddr)
	return a.Unmap()
}
