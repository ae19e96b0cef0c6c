package web

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/idna"

	"loot"
)

// leavePattern is the page that says where a link to another site leads, before
// it does.
const leavePattern = "GET /leave"

var (
	hrefOf = regexp.MustCompile(`\shref="([^"]*)"`)
	relOf  = regexp.MustCompile(`\srel="[^"]*"`)
)

// outbound marks every link of a page that leads to another site, for eyes and
// for ears, and keeps that site from learning where it was. With notice, the
// link leads over [leavePattern] first. It works on the finished page, so that
// no template and no text can forget it. Neither html/template nor the renderer
// of the statement leaves a ">" in an attribute, so a tag ends at the first one.
func (s *Shell) outbound(page []byte, notice bool) []byte {
	var out []byte
	done := 0 // how much of the page is in out
	for at := 0; ; {
		start := bytes.Index(page[at:], []byte("<a"))
		if start < 0 {
			break
		}
		start += at
		end := start + bytes.IndexByte(page[start:], '>')
		text := bytes.Index(page[max(start, end):], []byte("</a>"))
		if end < start || text < 0 {
			break
		}
		at = end
		tag, to := page[start:end], ""
		if bytes.Contains(tag, []byte("//")) { // few have it, and the rest is quickly passed over
			if m := hrefOf.FindSubmatch(tag); m != nil {
				to = html.UnescapeString(string(m[1]))
			}
		}
		if !s.elsewhere(to) {
			continue
		}
		if !notice {
			tag = append(relOf.ReplaceAllLiteral(tag, nil), ` rel="noopener noreferrer"`...)
		} else { // that page is ours, and leads back to where it was called from
			tag = hrefOf.ReplaceAllLiteral(tag, []byte(` href="`+html.EscapeString(s.leaving(to))+`" data-to="`+html.EscapeString(to)+`"`))
		}
		out = append(append(append(out, page[done:start]...), tag...), page[end:end+text]...)
		// The joiner keeps the mark on the line of the last word.
		out = append(out, `<span class="outbound">&NoBreak;`+string(Icon("arrow-up-right"))+`<span class="hidden"> (another site)</span></span>`...)
		done = end + text
		at = done
	}
	if done == 0 {
		return page
	}
	return append(out, page[done:]...)
}

// elsewhere reports whether an address is of another site. One that cannot be
// read is: nobody knows what a browser makes of it.
func (s *Shell) elsewhere(to string) bool {
	u, err := url.Parse(to)
	switch {
	case err != nil:
		return true
	case u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https":
		return false
	case u.Host == "":
		return false
	}
	return !strings.EqualFold(u.Scheme+"://"+u.Host, originOf(s.opts.BaseURL))
}

// leaving returns the address of the page that leads to another site. It is
// signed: that page is for links of ours, and lends itself to nobody else's.
func (s *Shell) leaving(to string) string {
	return "/leave?" + url.Values{"to": {to}, "by": {base64.RawURLEncoding.EncodeToString(s.mac("leave", to))}}.Encode()
}

type leaveView struct {
	View
	To    string
	Host  string // as people write it
	Plain string // of a name with other letters than a to z: as the net writes it
	More  bool   // the address says more than the host
	Back  string
}

var leavePage = NewPage[leaveView](layoutFiles, "layout/leave.html")

// leave shows where a link of ours leads, and leads there.
func (s *Shell) leave(w http.ResponseWriter, r *http.Request) error {
	to := r.URL.Query().Get("to")
	by, err := base64.RawURLEncoding.DecodeString(r.URL.Query().Get("by"))
	u, unread := url.Parse(to)
	if err != nil || unread != nil || !hmac.Equal(by, s.mac("leave", to)) {
		return loot.Errorf(loot.NotFound, "No page of ours leads on from here. Go back to the page with the link and follow it from there.")
	}
	v := leaveView{View: ViewOf(r, "You are about to leave us"), To: to, Back: cameFrom(r, "/")}
	v.Layout, v.Site.Notice = LayoutBare, false // from here the link leads on
	v.Host, v.Plain = named(u)
	v.More = strings.TrimSuffix(to, "/") != "https://"+v.Host
	return leavePage.Render(w, r, http.StatusOK, v)
}

// named returns the host of an address as people write it and, if that has
// letters that can be taken for others, as the net does.
func named(u *url.URL) (host, plain string) {
	name := u.Hostname()
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil {
		return u.Host, ""
	}
	host, _ = idna.ToUnicode(ascii)
	if host != ascii {
		plain = ascii
	}
	if port := u.Port(); port != "" {
		host += ":" + port
	}
	return host, plain
}
