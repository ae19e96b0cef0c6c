package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

// Tone is the colour of a message or a badge, always with words beside it.
type Tone string

// Tones.
const (
	Neutral Tone = ""
	Info    Tone = "info"
	Good    Tone = "good"
	Warn    Tone = "warn"
	Bad     Tone = "bad"
)

// A Flash is a message that is shown once, on the page that follows. It
// belongs to nobody but the browser that gets it, and still names nobody.
type Flash struct {
	Tone Tone
	Text string
}

// Flashes is where one-time messages wait for the next page. The browser is
// given only a random name. With several servers behind one address they
// wait where all of them look.
type Flashes interface {
	Put(ctx context.Context, name string, f Flash) error
	// Take returns the message and forgets it; false if there is none.
	Take(ctx context.Context, name string) (Flash, bool)
}

// flashCookie is declared in the statement's register of stored items.
const (
	flashCookie = "flash"
	flashLife   = 2 * time.Minute
)

// SetFlash lets the next page say text once. Nothing is stored before the
// handler has returned without an error, as the cookie is part of its answer.
func SetFlash(w http.ResponseWriter, r *http.Request, tone Tone, text string) error {
	s := exchangeOf(r.Context()).shell
	if s == nil {
		return nil
	}
	name := rand.Text()
	if err := s.flashes.Put(r.Context(), name, Flash{tone, text}); err != nil {
		return err
	}
	s.setCookie(w, flashCookie, name, int(flashLife.Seconds()))
	return nil
}

func (s *Shell) takeFlash(r *http.Request) *Flash {
	c, err := r.Cookie(flashCookie)
	if err != nil || len(c.Value) > 64 {
		return nil
	}
	if f, ok := s.flashes.Take(r.Context(), c.Value); ok {
		return &f
	}
	return nil
}

// setCookie sets a cookie of the shell's own; seconds < 0 removes it.
func (s *Shell) setCookie(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: s.https, SameSite: http.SameSiteLaxMode,
	})
}

// maxFlashes bounds the memory of messages that nobody came back for.
const maxFlashes = 10_000

// flashMemory keeps messages in the process.
type flashMemory struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]waiting
}

type waiting struct {
	Flash
	until time.Time
}

func newFlashMemory(now func() time.Time) *flashMemory {
	return &flashMemory{now: now, all: map[string]waiting{}}
}

func (m *flashMemory) Put(_ context.Context, name string, f Flash) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if len(m.all) >= maxFlashes {
		for k, v := range m.all {
			if now.After(v.until) {
				delete(m.all, k)
			}
		}
		if len(m.all) >= maxFlashes {
			return nil // a message less, rather than memory without end
		}
	}
	m.all[name] = waiting{f, now.Add(flashLife)}
	return nil
}

func (m *flashMemory) Take(_ context.Context, name string) (Flash, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, ok := m.all[name]
	delete(m.all, name)
	if !ok || m.now().After(w.until) {
		return Flash{}, false
	}
	return w.Flash, true
}
