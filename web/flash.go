package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
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

// flashCookie is declared in the statement's register of stored items. The
// message travels in it rather than waiting at the server, so that whichever
// node answers next can show it and nothing has to be swept; whoever is not
// signed in has no session that could hold it. It is signed, as nobody else may
// put words into our mouth, and says nothing that the page will not show.
const (
	flashCookie = "flash"
	flashLife   = time.Minute
	maxFlash    = 4096 // more than browsers keep
)

// SetFlash lets the next page say text once, which names nobody. Nothing is
// said before the handler has returned without an error, as the cookie is part
// of its answer.
func SetFlash(w http.ResponseWriter, r *http.Request, tone Tone, text string) {
	s := exchangeOf(r.Context()).shell
	if s == nil {
		return
	}
	said := strconv.FormatInt(s.opts.Now().Add(flashLife).Unix(), 10) + "." + string(tone) + "." + text
	s.setCookie(w, flashCookie, base64.RawURLEncoding.EncodeToString(append(s.mac("flash", said), said...)), int(flashLife.Seconds()))
}

// takeFlash returns the message that the browser brings; nil if there is none
// of ours, or it is too old.
func (s *Shell) takeFlash(r *http.Request) *Flash {
	c, err := r.Cookie(flashCookie)
	if err != nil || len(c.Value) > maxFlash {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || len(b) < sha256.Size {
		return nil
	}
	said := string(b[sha256.Size:])
	if !hmac.Equal(b[:sha256.Size], s.mac("flash", said)) {
		return nil
	}
	until, rest, _ := strings.Cut(said, ".")
	tone, text, _ := strings.Cut(rest, ".")
	if at, err := strconv.ParseInt(until, 10, 64); err != nil || s.opts.Now().Unix() > at {
		return nil
	}
	return &Flash{Tone(tone), text}
}

// mac signs what only we can have said, for one use.
func (s *Shell) mac(use, said string) []byte {
	mac := hmac.New(sha256.New, s.opts.Secret)
	mac.Write([]byte(use + "\x00" + said))
	return mac.Sum(nil)
}

// setCookie sets a cookie of the shell's own; seconds < 0 removes it.
func (s *Shell) setCookie(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: s.https, SameSite: http.SameSiteLaxMode,
	})
}
