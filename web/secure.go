package web

import (
	"net/http"
	"strings"
)

// A Policy loosens the content security policy of one answer, as little as
// it needs. There is no way to allow what is written inline: a script is a
// file, or has its hash named.
type Policy struct {
	FormAction []string // origins that a form here may end at, as a sign-on elsewhere does
	Frames     bool     // shows pages of our own in frames
	Framed     bool     // may itself be shown in a frame of ours
	Framers    []string // origins of others in whose frames it may be shown
	Scripts    []string // hashes of scripts within the page, such as "sha256-…"
	Styles     []string // hashes of styles within the page
	Workers    bool     // starts workers from files of ours
}

// basePolicy has no 'unsafe-inline' and no 'unsafe-eval', and none may be added.
var basePolicy = Policy{}.String()

// String returns the header's value.
func (p Policy) String() string {
	self := func(directive string, more []string) string {
		var b strings.Builder
		b.WriteString(directive + " 'self'")
		for _, m := range more {
			if strings.HasPrefix(m, "sha") {
				m = "'" + m + "'"
			}
			b.WriteString(" " + m)
		}
		return b.String()
	}
	list := []string{
		"default-src 'none'",
		self("script-src", p.Scripts), self("style-src", p.Styles),
		"img-src 'self'", "font-src 'self'", "connect-src 'self'", "manifest-src 'self'",
		self("form-action", p.FormAction), "base-uri 'none'",
	}
	if p.Frames {
		list = append(list, "frame-src 'self'")
	}
	if p.Workers {
		list = append(list, "worker-src 'self'")
	}
	switch {
	case p.Framed:
		list = append(list, self("frame-ancestors", p.Framers))
	case len(p.Framers) > 0:
		list = append(list, "frame-ancestors "+strings.Join(p.Framers, " "))
	default:
		list = append(list, "frame-ancestors 'none'")
	}
	return strings.Join(list, "; ")
}

// Set gives the answer this policy.
func (p Policy) Set(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", p.String())
}

// untrustedFrame is what a document that somebody else wrote may do in a frame
// of ours: open what it links to in a page of its own, which then is not in
// the sandbox. It has no script and no origin.
const untrustedFrame = "allow-popups allow-popups-to-escape-sandbox"

// untrusted is the policy of such a document, a mail for instance: no script,
// no network, no origin, only its own styles, and only inside a frame of ours.
const untrusted = "sandbox " + untrustedFrame + "; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"

// WriteUntrusted answers with HTML that is not ours, such as the body of a
// mail, so that it can be looked at in a frame and can do nothing there but
// lead to another page. The page around it needs a [Policy] with Frames, and
// shows it by the template "untrusted".
func WriteUntrusted(w http.ResponseWriter, html string) error {
	h := w.Header()
	h.Set("Content-Security-Policy", untrusted)
	h.Set("Content-Type", "text/html; charset=utf-8")
	// The first base element counts, and a second doctype is passed over: a
	// link without this would load in the frame, where our pages may not show.
	_, err := w.Write([]byte(`<!DOCTYPE html><base target="_blank">` + html))
	return err
}

// A Frame shows a document that [WriteUntrusted] wrote. Nothing measures it, as
// neither it nor the page around it runs a script for that, so the caller says
// how tall it is likely to be, in pixels.
type Frame struct {
	Title, Src   string
	Wide, Narrow int // on a desk, and on a phone
}

const permissions = "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), " +
	"magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-create=(self), publickey-credentials-get=(self), usb=(), xr-spatial-tracking=()"

func (s *Shell) secureHeaders(h http.Header) {
	h.Set("Content-Security-Policy", basePolicy)
	h.Set("Referrer-Policy", "same-origin") // a link to elsewhere tells nothing of where it was
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", permissions)
	if s.https {
		h.Set("Strict-Transport-Security", "max-age=63072000")
	}
}
