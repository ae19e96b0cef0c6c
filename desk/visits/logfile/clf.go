package logfile

import (
	"strings"
	"time"
)

// A clfReader reads the formats that began with NCSA's: common, combined, and
// both with the host before. What stands behind their fields is passed over.
// https://httpd.apache.org/docs/current/logs.html#accesslog
type clfReader struct {
	second     [26]byte // the last time as it was written: many lines have the same
	secondTime time.Time
}

func (c *clfReader) read(s string, d *draft) (Format, Reason) {
	first, rest, ok := strings.Cut(s, " ")
	if !ok {
		return "", Malformed
	}
	vhost := false
	if second, after, ok := strings.Cut(rest, " "); ok && !addressLike(first) && (addressLike(second) || second == "unix:") {
		vhost = true
		d.host, d.address, rest = first, second, after
	} else {
		d.address = first
	}
	// The user stands between, and can have spaces and brackets.
	closed := strings.Index(rest, `] "`)
	if closed < 0 {
		return "", Malformed
	}
	open := strings.LastIndexByte(rest[:closed], '[')
	if open < 0 {
		return "", Malformed
	}
	at := rest[open+1 : closed]
	if len(at) == len(c.second) && at == string(c.second[:]) {
		d.time = c.secondTime
	} else if t, ok := clfTime(at); ok {
		d.time, c.secondTime = t, t
		copy(c.second[:], at)
	} else if t, ok := isoTime(at); ok {
		d.time = t
	}
	request, rest, ok := quoted(rest[closed+2:])
	if !ok {
		return "", Malformed
	}
	d.method, d.path = splitRequest(request)
	rest = strings.TrimPrefix(rest, " ")
	d.status, rest, _ = strings.Cut(rest, " ")
	d.bytes, rest, _ = strings.Cut(rest, " ")
	format := Common
	if referrer, after, ok := quoted(rest); ok {
		if agent, _, ok := quoted(strings.TrimPrefix(after, " ")); ok {
			format, d.referrer, d.userAgent = Combined, referrer, agent
		}
	}
	if vhost && format == Combined {
		format = VhostCombined
	} else if vhost {
		format = Vhost
	}
	return format, ""
}

// addressLike tells a network address from a host or a lone dash, without
// reading it.
func addressLike(text string) bool {
	dots := false
	for i := range len(text) {
		switch b := text[i]; {
		case b == '.' || b == ':':
			dots = true
		case nibble(b) < 0 && b != '[' && b != ']':
			return false
		}
	}
	return dots
}

// quoted takes a text in quotation marks off the beginning.
func quoted(s string) (text, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		return "", s, false
	}
	s = s[1:]
	n := strings.IndexByte(s, '"')
	if n < 0 {
		return "", s, false
	}
	if strings.IndexByte(s[:n], '\\') < 0 {
		return s[:n], s[n+1:], true
	}
	for n = 0; n < len(s) && s[n] != '"'; n++ {
		if s[n] == '\\' {
			n++
		}
	}
	if n >= len(s) {
		return "", s, false
	}
	return unescape(s[:n]), s[n+1:], true
}

// splitRequest parts "GET /path HTTP/1.1". A path can have spaces where a
// program sent them.
func splitRequest(request string) (method, path string) {
	method, path, ok := strings.Cut(request, " ")
	if !ok {
		return "", ""
	}
	if n := strings.LastIndexByte(path, ' '); n >= 0 && strings.HasPrefix(path[n+1:], "HTTP/") {
		path = path[:n]
	}
	return method, path
}
